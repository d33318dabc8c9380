"""The structure of a one-page PDF: what is a heading, a table, a figure, in reading order.

ReportLab draws, and leaves the structure tree to whoever uses it; this writes one. Here belongs how elements are
marked and told to the document. What they hold does not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFObjectReference, PDFString
from reportlab.pdfgen.canvas import Canvas


@dataclass
class Element:
    """One element: its role, its children in reading order, and its marked content where it has any."""

    role: str
    children: list["Element"] = field(default_factory=list)
    mark: int | None = None
    alternative: str = ""

    def add(self, role: str) -> "Element":
        """Return a new child that holds others."""
        child = Element(role)
        self.children.append(child)
        return child


class Tags:
    """Marks what is drawn on the only page of a canvas, and writes the tree when the page is done."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.root = Element("Document")
        self.marked: list[Element] = []

    @contextmanager
    def mark(self, parent: Element, role: str, alternative: str = "") -> Iterator[None]:
        """What is drawn inside is one element, e.g. H1, P, TD or Figure (which says in words what it shows)."""
        element = Element(role, mark=len(self.marked), alternative=alternative)
        parent.children.append(element)
        self.marked.append(element)
        self.canvas._code.append(f"/{role} <</MCID {element.mark}>> BDC")
        yield
        self.canvas._code.append("EMC")

    @contextmanager
    def decoration(self) -> Iterator[None]:
        """What is drawn inside has no meaning of its own."""
        self.canvas._code.append("/Artifact BMC")
        yield
        self.canvas._code.append("EMC")

    def finish(self) -> None:
        """Close the page and tell the document its structure."""
        canvas = self.canvas
        canvas.showPage()
        document = canvas._doc
        page = document.Reference(document.Pages.pages[0])
        told = document.idToObject[page.name]
        told.__NoDefault__ = [*told.__NoDefault__, "StructParents", "Tabs"]
        told.StructParents, told.Tabs = 0, PDFName("S")
        tree = PDFDictionary({"Type": PDFName("StructTreeRoot")})
        tree_reference = document.Reference(tree)
        owners: dict[int, PDFObjectReference] = {}
        tree["K"] = self._write(self.root, tree_reference, page, owners)
        parents = PDFArray([owners[number] for number in range(len(self.marked))])
        tree["ParentTree"] = document.Reference(PDFDictionary({"Nums": PDFArray([0, document.Reference(parents)])}))
        tree["ParentTreeNextKey"] = 1
        catalog = document.Catalog
        catalog.StructTreeRoot, catalog.MarkInfo = tree_reference, PDFDictionary({"Marked": "true"})
        canvas.setViewerPreference("DisplayDocTitle", "true")

    def _write(
        self,
        element: Element,
        parent: PDFObjectReference,
        page: PDFObjectReference,
        owners: dict[int, PDFObjectReference],
    ) -> PDFObjectReference:
        """Return the reference of an element that is told to the document with all it holds."""
        told = PDFDictionary({"Type": PDFName("StructElem"), "S": PDFName(element.role), "P": parent, "Pg": page})
        reference: PDFObjectReference = self.canvas._doc.Reference(told)
        if element.alternative:
            told["Alt"] = PDFString(element.alternative)
        if element.mark is None:
            told["K"] = PDFArray([self._write(child, reference, page, owners) for child in element.children])
        else:
            told["K"] = element.mark
            owners[element.mark] = reference
        return reference
