"""A country profile as one page of A4 in PDF.

Here belongs how the content is laid out on paper. What it says, and how charts are drawn, does not. All is set in
the standard fonts, which every reader has and whose signs hold English, French and Spanish.
"""

from collections.abc import Sequence
from html import escape
from io import BytesIO

from reportlab.graphics import renderPDF
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from sdmx_out.profile.charts import BOLD, INK, NATIVES, REGULAR, SOFT, WIDTH
from sdmx_out.profile.content import Cell, Content, Group, Row, Table
from sdmx_out.profile.tags import Element, Tags
from sdmx_out.profile.words import for_print

PAGE_WIDTH, PAGE_HEIGHT = A4
_LEFT, _RIGHT, _TOP, _BOTTOM = 30.0, 24.0, 26.0, 24.0
_BETWEEN, _GAP = 14.0, 14.0
_MAIN = 2 * WIDTH + _BETWEEN
_ASIDE = PAGE_WIDTH - _LEFT - _MAIN - _GAP - _RIGHT
_LINE = HexColor("#D5DAE1")
_NOTICE, _NOTICE_EDGE = HexColor("#FFF6E5"), HexColor("#B26B00")
_TITLE, _TEXT, _SMALL = 8.4, 6.8, 6.0
_ROW = 9.2
#: Widths of the columns of a table by their number.
_COLUMNS = {2: (_MAIN - 100, 100.0), 3: (_MAIN - 204, 102.0, 102.0), 4: (_MAIN - 314, 94.0, 94.0, 126.0)}
_MARGIN_SIZES = (7.6, 7.3, 7.0, 6.7, 6.5, 6.3, 6.1, 5.9, 5.7, 5.5, 5.2, 5.0)


def pdf(content: Content) -> bytes:
    """Return the document; the same bytes for the same content.

    Raises:
        ValueError: the definitions do not fit into the margin.
    """
    target = BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1, pageCompression=1, lang=content.language, pdfVersion=(1, 7))
    about = ", ".join(part for part in (content.area, content.period) if part)
    canvas.setTitle(f"{about} – {content.title}")
    canvas.setAuthor(content.author)
    canvas.setSubject(content.title)
    canvas.setCreator(content.author)
    canvas.setProducer("ReportLab")
    _Sheet(canvas, content).draw()
    canvas.save()
    return target.getvalue()


class _Sheet:
    """Draws the page from top to bottom."""

    def __init__(self, canvas: Canvas, content: Content) -> None:
        self.canvas, self.content = canvas, content
        self.tags = Tags(canvas)
        self.y = PAGE_HEIGHT - _TOP

    def draw(self) -> None:
        self._head()
        top = self.y
        with_room = self._needed()
        available = top - _BOTTOM
        self.canvas.saveState()
        if with_room > available:
            # A page with every notice and every part is set a little smaller as a whole.
            factor = available / with_room
            self.canvas.translate(_LEFT * (1 - factor), top * (1 - factor))
            self.canvas.scale(factor, factor)
        else:
            self.spare = min((available - with_room) / 8, 9.0)
        self._main()
        self.canvas.restoreState()
        self._aside(top)
        self.tags.finish()

    spare = 0.0

    def _main(self) -> None:
        for table in self.content.tables:
            self._table(table)
        for group in self.content.groups:
            self._group(group)
        self._table(self.content.abroad)

    def _needed(self) -> float:
        """Height of everything under the head."""
        tables = (*self.content.tables, self.content.abroad)
        needed = sum(_table_height(table) for table in tables)
        return needed + sum(_group_height(group) for group in self.content.groups)

    def _head(self) -> None:
        content, root = self.content, self.tags.root
        self.y -= 8
        with self.tags.mark(root, "P"):
            self._say(_LEFT, self.y, content.title, BOLD, 9, NATIVES)
        self.y -= 20
        with self.tags.mark(root, "H1"):
            size = 19.0
            room = PAGE_WIDTH - _LEFT - _RIGHT - 8 - stringWidth(for_print(content.period), REGULAR, 19)
            size = min(size, size * room / stringWidth(for_print(content.area), BOLD, size))
            self._say(_LEFT, self.y, content.area, BOLD, size)
            across = _LEFT + stringWidth(for_print(content.area), BOLD, size) + 8
            self._say(across, self.y, content.period, REGULAR, size, SOFT)
        self.y -= 7
        for notice in content.notices:
            self.y -= 11
            with self.tags.decoration():
                self.canvas.setFillColor(_NOTICE)
                self.canvas.rect(_LEFT, self.y - 3, PAGE_WIDTH - _LEFT - _RIGHT, 10.5, stroke=0, fill=1)
                self.canvas.setFillColor(_NOTICE_EDGE)
                self.canvas.rect(_LEFT, self.y - 3, 3, 10.5, stroke=0, fill=1)
            with self.tags.mark(root, "P"):
                self._say(_LEFT + 8, self.y, notice, BOLD, 7)
        self.y -= 6

    def _table(self, table: Table) -> None:
        self.y -= _TITLE + 1
        with self.tags.mark(self.tags.root, "H2"):
            self._say(_LEFT, self.y, table.title, BOLD, _TITLE, NATIVES)
        element = self.tags.root.add("Table")
        widths = _COLUMNS[len(table.heads)]
        self.y -= 9
        line = element.add("TR")
        for across, width, head in zip(_starts(widths), widths, table.heads, strict=True):
            if head:
                with self.tags.mark(line, "TH"):
                    self._say(across, self.y, head, REGULAR, _SMALL, SOFT, width=width - 4)
        self._rule(self.y - 2.4)
        for row in table.rows:
            self._row(element.add("TR"), row, widths)
        self.y -= 5 + self.spare

    def _row(self, line: Element, row: Row, widths: Sequence[float]) -> None:
        labels = _label_lines(row, widths[0])
        self.y -= _ROW
        with self.tags.mark(line, "TH"):
            for number, label in enumerate(labels):
                self.y -= _ROW - 1.6 if number else 0
                indent = 8 if row.is_part else 0
                room = _label_room(row, widths[0])
                self._say(_LEFT + indent, self.y, label, REGULAR if row.cells else BOLD, _TEXT, width=room)
        first = self.y + (len(labels) - 1) * (_ROW - 1.6)
        for across, width, cell in zip(_starts(widths)[1:], widths[1:], row.cells, strict=False):
            with self.tags.mark(line, "TD"):
                self._cell(across, first, cell, width - 4)
        self._rule(self.y - 2.4)

    def _cell(self, across: float, y: float, cell: Cell, width: float) -> None:
        if cell.is_missing:
            self._say(across, y, cell.value, "Helvetica-Oblique", _TEXT, SOFT, width=width)
            return
        rest = Cell("", cell.interval, cell.verdict).text
        value, around = (for_print(text) for text in (cell.value, f" {rest}" if rest else ""))
        needed = stringWidth(value, BOLD, _TEXT) + stringWidth(around, REGULAR, _TEXT - 0.5)
        factor = min(1.0, width / needed)
        self._say(across, y, value, BOLD, _TEXT * factor)
        if around:
            start = across + stringWidth(value, BOLD, _TEXT * factor)
            self._say(start, y, around, REGULAR, (_TEXT - 0.5) * factor, SOFT)

    def _group(self, group: Group) -> None:
        self.y -= _TITLE + 1
        with self.tags.mark(self.tags.root, "H2"):
            self._say(_LEFT, self.y, group.title, BOLD, _TITLE, NATIVES)
        self.y -= 1
        top = self.y
        lines = max(len(_caption(chart.title)) for chart in group.charts) + 1
        for number, chart in enumerate(group.charts):
            across = _LEFT + number * (WIDTH + _BETWEEN)
            with self.tags.mark(self.tags.root, "H3"):
                self._say(across, top - 7.5, chart.criterion, BOLD, _TEXT)
            with self.tags.mark(self.tags.root, "P"):
                for index, text in enumerate(_caption(chart.title), 1):
                    self._say(across, top - 7.5 - index * 6.8, text, REGULAR, _SMALL, SOFT)
            under = top - lines * 6.8 - 3
            if chart.drawing is None:
                with self.tags.mark(self.tags.root, "P"):
                    self._say(across, under - 9, chart.reason, "Helvetica-Oblique", _TEXT, SOFT, width=WIDTH)
                continue
            told = "; ".join(" ".join((f"{row[0]}:", *row[1:])) for row in chart.rows)
            with self.tags.mark(
                self.tags.root, "Figure", for_print(f"{chart.criterion}. {chart.title}. {chart.about} {told}")
            ):
                renderPDF.draw(chart.drawing, self.canvas, across, under - chart.drawing.height)
        self.y = top - _group_height(group) + _TITLE + 2 - self.spare

    def _aside(self, top: float) -> None:
        content, left = self.content, PAGE_WIDTH - _RIGHT - _ASIDE
        with self.tags.decoration():
            self.canvas.setStrokeColor(_LINE)
            self.canvas.setLineWidth(1)
            self.canvas.line(left - _GAP / 2, top, left - _GAP / 2, _BOTTOM)
        with self.tags.mark(self.tags.root, "H2"):
            self._say(left, top - _TITLE - 1, content.margin, BOLD, _TITLE, NATIVES)
        texts = [*content.definitions, ("", content.source)]
        room = top - _TITLE - 6 - _BOTTOM
        for size in _MARGIN_SIZES:
            style = ParagraphStyle("margin", fontName=REGULAR, fontSize=size, leading=size * 1.22, textColor=INK)
            paragraphs = [Paragraph(_definition(*text), style) for text in texts if text[1]]
            heights = [paragraph.wrap(_ASIDE, PAGE_HEIGHT)[1] for paragraph in paragraphs]
            between = size * 0.55
            if sum(heights) + between * len(heights) <= room:
                break
        else:
            raise ValueError("the definitions do not fit into the margin of the profile")
        y = top - _TITLE - 6
        for paragraph, height in zip(paragraphs, heights, strict=True):
            y -= height + between
            with self.tags.mark(self.tags.root, "P"):
                paragraph.drawOn(self.canvas, left, y)

    def _rule(self, y: float) -> None:
        with self.tags.decoration():
            self.canvas.setStrokeColor(_LINE)
            self.canvas.setLineWidth(0.4)
            self.canvas.line(_LEFT, y, _LEFT + _MAIN, y)

    def _say(
        self, x: float, y: float, text: str, font: str, size: float, colour: Color = INK, *, width: float | None = None
    ) -> None:
        """Draw one line of text, set smaller where it would be wider than its place."""
        printed = for_print(text)
        if width is not None:
            size = min(size, size * width / max(stringWidth(printed, font, size), 0.1))
        self.canvas.setFillColor(colour)
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, y, printed)


def _definition(term: str, meaning: str) -> str:
    text = f"<b>{escape(for_print(term))}</b> " if term else ""
    return text + escape(for_print(meaning))


def _starts(widths: Sequence[float]) -> list[float]:
    return [_LEFT + sum(widths[:number]) for number in range(len(widths))]


def _label_lines(row: Row, width: float) -> list[str]:
    """The label on one line, slightly smaller where that is enough, else on more."""
    label, room = for_print(row.label), _label_room(row, width)
    if stringWidth(label, REGULAR, _TEXT) <= 1.12 * room:
        return [label]
    lines: list[str] = simpleSplit(label, REGULAR, _TEXT, room)
    return lines


def _label_room(row: Row, width: float) -> float:
    return (width if row.cells else _MAIN) - (12 if row.is_part else 4)


def _caption(text: str) -> list[str]:
    lines: list[str] = simpleSplit(for_print(text), REGULAR, _SMALL, WIDTH)
    return lines


def _table_height(table: Table) -> float:
    width = _COLUMNS[len(table.heads)][0]
    rows = sum(_ROW + (len(_label_lines(row, width)) - 1) * (_ROW - 1.6) for row in table.rows)
    return _TITLE + 1 + 9 + rows + 5


def _group_height(group: Group) -> float:
    lines = max(len(_caption(chart.title)) for chart in group.charts) + 1
    drawn = max((chart.drawing.height for chart in group.charts if chart.drawing is not None), default=14.0)
    return float(_TITLE + 2 + lines * 6.8 + 3 + drawn + 5)
