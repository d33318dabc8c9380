"""SDMX-ML 2.1 and 3.0 structure messages.

Here belongs how both spell what sdmx1's information model holds. sdmx1 writes no 3.0, no maps, and 2.1 at a tenth of
this speed; pysdmx writes one language only. What the structures are does not belong here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from sdmx.message import StructureMessage
from sdmx.model import common, v21

from sdmx_out.structures.artefacts import children, item_urns, reference, representation
from sdmx_out.structures.cross_domain import StructureMap

_BASE = "http://www.sdmx.org/resources/sdmxml/schemas"
_PREFIXES = {"mes": "message", "str": "structure", "com": "common"}
#: Collections of sdmx1's message that are written; a message with anything else is refused.
_KNOWN = frozenset(
    {
        *("organisation_scheme", "codelist", "concept_scheme", "category_scheme", "categorisation", "structure"),
        *("dataflow", "constraint", "provisionagreement", "structureset"),
    }
)
_ITEMS = {
    "AgencyScheme": "Agency",
    "DataProviderScheme": "DataProvider",
    "Codelist": "Code",
    "ConceptScheme": "Concept",
    "CategoryScheme": "Category",
}


@dataclass(frozen=True)
class Dialect:
    """One version of SDMX-ML.

    Attributes:
        version: as its namespaces have it.
        containers: the parts of a message in their order.
    """

    version: str
    containers: tuple[str, ...]


SDMX_21 = Dialect(
    "v2_1",
    (
        *("OrganisationSchemes", "Dataflows", "CategorySchemes", "Categorisations", "Codelists"),
        *("Concepts", "DataStructures", "StructureSets", "Constraints", "ProvisionAgreements"),
    ),
)
SDMX_30 = Dialect(
    "v3_0",
    (
        *("AgencySchemes", "DataProviderSchemes", "Codelists", "ConceptSchemes", "CategorySchemes"),
        *("DataStructures", "Dataflows", "Categorisations", "DataConstraints", "ProvisionAgreements"),
        *("RepresentationMaps", "StructureMaps"),
    ),
)


def xml_message(message: StructureMessage, dialect: Dialect) -> bytes:
    """Write a message.

    Args:
        message: artefacts with URNs, languages in the order in which they are written.
        dialect: version of SDMX-ML.

    Raises:
        ValueError: if the message holds a kind of structure that is not written.
    """
    refuse_unknown(message)
    return _Writer(message, dialect).written()


def refuse_unknown(message: StructureMessage) -> None:
    """Refuse a message of which something would be lost.

    Raises:
        ValueError: if it holds a kind of structure that is not written.
    """
    for attribute, held in vars(message).items():
        name = attribute.lstrip("_")
        if isinstance(held, dict) and held and name not in _KNOWN:
            raise ValueError(f"structures of {name} are not written")


class _Lines:
    """Indented XML. ``with lines("tag"):`` opens an element and closes it at the end."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._open: list[str] = []

    def __call__(self, tag: str, **attributes: str) -> "_Lines":
        self.lines.append(f"{'  ' * len(self._open)}<{tag}{_attributes(attributes)}>")
        self._open.append(tag)
        return self

    def __enter__(self) -> None:
        """Nothing to do: the call opened the element."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tag = self._open.pop()
        self.lines.append(f"{'  ' * len(self._open)}</{tag}>")

    def leaf(self, tag: str, content: str = "", **attributes: str) -> None:
        start = f"{'  ' * len(self._open)}<{tag}{_attributes(attributes)}"
        self.lines.append(f"{start}>{escape(content)}</{tag}>" if content else f"{start}/>")

    def text(self, tag: str, texts: common.InternationalString) -> None:
        indent = "  " * len(self._open)
        for language, content in texts.localizations.items():
            self.lines.append(f'{indent}<{tag} xml:lang="{language}">{escape(content)}</{tag}>')


def _attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name.rstrip('_')}={quoteattr(value)}" for name, value in attributes.items())


def _flag(value: object) -> str:
    return "true" if value else "false"


class _Writer:
    """Writes one message in one dialect."""

    def __init__(self, message: StructureMessage, dialect: Dialect) -> None:
        self.message = message
        self.dialect = dialect
        self.is_21 = dialect is SDMX_21
        self.out = _Lines()
        self.urns = item_urns(message)

    def written(self) -> bytes:
        base = f"{_BASE}/{self.dialect.version}"
        spaces = {f"xmlns:{prefix}": f"{base}/{name}" for prefix, name in _PREFIXES.items()}
        with self.out("mes:Structure", **spaces):
            self._header()
            with self.out("mes:Structures"):
                for container in self.dialect.containers:
                    self._container(container)
        return ('<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(self.out.lines) + "\n").encode()

    def _header(self) -> None:
        header = self.message.header
        with self.out("mes:Header"):
            self.out.leaf("mes:ID", str(header.id))
            self.out.leaf("mes:Test", _flag(header.test))
            self.out.leaf("mes:Prepared", header.prepared.isoformat())
            self.out.leaf("mes:Sender", id=header.sender.id)

    def _container(self, name: str) -> None:
        held = self._held(name)
        if not held:
            return
        write: dict[str, Callable[[Any], None]] = {
            "OrganisationSchemes": self._scheme,
            "AgencySchemes": self._scheme,
            "DataProviderSchemes": self._scheme,
            "Codelists": self._scheme,
            "Concepts": self._scheme,
            "ConceptSchemes": self._scheme,
            "CategorySchemes": self._scheme,
            "Categorisations": self._categorisation,
            "DataStructures": self._structure,
            "Dataflows": self._dataflow,
            "Constraints": self._constraint,
            "DataConstraints": self._constraint,
            "ProvisionAgreements": self._agreement,
            "StructureSets": self._structure_set,
            "RepresentationMaps": self._representation_map,
            "StructureMaps": self._structure_map,
        }
        with self.out(f"str:{name}"):
            for item in held:
                write[name](item)

    def _held(self, container: str) -> list[object]:
        message = self.message
        schemes = message.organisation_scheme.values()
        agencies = [item for item in schemes if isinstance(item, common.AgencyScheme)]
        providers = [item for item in schemes if isinstance(item, common.DataProviderScheme)]
        sets = list(message.structureset.values())
        return {
            "OrganisationSchemes": [*agencies, *providers],
            "AgencySchemes": agencies,
            "DataProviderSchemes": providers,
            "Codelists": [*message.codelist.values()],
            "Concepts": [*message.concept_scheme.values()],
            "ConceptSchemes": [*message.concept_scheme.values()],
            "CategorySchemes": [*message.category_scheme.values()],
            "Categorisations": [*message.categorisation.values()],
            "DataStructures": [*message.structure.values()],
            "Dataflows": [*message.dataflow.values()],
            "Constraints": [*message.constraint.values()],
            "DataConstraints": [*message.constraint.values()],
            "ProvisionAgreements": [*message.provisionagreement.values()],
            "StructureSets": sets,
            "RepresentationMaps": [(item, codes) for item in sets for codes in item.item_scheme_map],
            "StructureMaps": [item for found in sets for item in found.structure_map],
        }.get(container, [])

    # What all artefacts have.

    def _identity(self, item: common.MaintainableArtefact, *, has_version: bool = True) -> dict[str, str]:
        urn = str(item.urn)
        found = {"id": item.id, "urn": urn if self.is_21 else urn_30(urn), "agencyID": item.maintainer.id}
        if self.is_21 or has_version:
            found["version"] = str(item.version)
        if self.is_21:
            found["isFinal"] = _flag(item.is_final)
        found["isExternalReference"] = "false"
        return found

    def _named(self, item: common.NameableArtefact) -> None:
        if item.annotations:
            with self.out("com:Annotations"):
                for note in item.annotations:
                    with self.out("com:Annotation"):
                        self.out.leaf("com:AnnotationTitle", str(note.title))
                        self.out.leaf("com:AnnotationType", str(note.type))
                        self.out.text("com:AnnotationText", note.text)
        self.out.text("com:Name", item.name)
        self.out.text("com:Description", item.description)

    def _refer(self, tag: str, urn: str) -> None:
        """A reference to an artefact that has a URN."""
        if not self.is_21:
            self.out.leaf(tag, urn_30(urn))
            return
        package, kind, agency, identifier, version, item = reference(urn)
        if item:
            parts = {"id": item, "maintainableParentID": identifier, "maintainableParentVersion": version}
        else:
            parts = {"id": identifier, "version": version}
        with self.out(tag):
            self.out.leaf("Ref", **parts, agencyID=agency, package=package, class_=kind)

    def _local(self, tag: str, identifier: str) -> None:
        """A reference to something within the same artefact."""
        if self.is_21:
            with self.out(tag):
                self.out.leaf("Ref", id=identifier)
        else:
            self.out.leaf(tag, identifier)

    # Schemes of items.

    def _scheme(self, scheme: common.ItemScheme) -> None:
        kind = reference(scheme.urn).kind
        has_version = kind not in ("AgencyScheme", "DataProviderScheme")
        identity = self._identity(scheme, has_version=has_version)
        with self.out(f"str:{kind}", **identity, isPartial=_flag(scheme.is_partial)):
            self._named(scheme)
            for item in scheme:
                self._item(_ITEMS[kind], item)

    def _item(self, kind: str, item: common.Item) -> None:
        with self.out(f"str:{kind}", id=item.id):
            self._named(item)
            if kind == "Category":
                for below in children(item):
                    self._item(kind, below)
            elif item.parent is not None and isinstance(item.parent, type(item)):
                self._local("str:Parent", item.parent.id)

    # Data structures and dataflows.

    def _structure(self, structure: v21.DataStructureDefinition) -> None:
        with self.out("str:DataStructure", **self._identity(structure)):
            self._named(structure)
            with self.out("str:DataStructureComponents"):
                self._dimensions(structure)
                self._attributes(structure)
                self._measures(structure)

    def _dimensions(self, structure: v21.DataStructureDefinition) -> None:
        with self.out("str:DimensionList", id=structure.dimensions.id):
            for item in structure.dimensions.components:
                is_time = isinstance(item, v21.TimeDimension)
                position = {} if is_time and not self.is_21 else {"position": str(item.order)}
                with self.out("str:TimeDimension" if is_time else "str:Dimension", id=item.id, **position):
                    self._component(item)

    def _attributes(self, structure: v21.DataStructureDefinition) -> None:
        usage = {"assignmentStatus": "Conditional"} if self.is_21 else {"usage": "optional"}
        measure = structure.measures.components[0].id
        with self.out("str:AttributeList", id=structure.attributes.id):
            for item in structure.attributes.components:
                with self.out("str:Attribute", id=item.id, **usage):
                    self._component(item)
                    self._relation(item, measure)

    def _relation(self, attribute: v21.DataAttribute, measure: str) -> None:
        dimensions = getattr(attribute.related_to, "dimensions", ())
        with self.out("str:AttributeRelationship"):
            for dimension in dimensions:
                self._local("str:Dimension", dimension.id)
            if not dimensions and self.is_21:
                self._local("str:PrimaryMeasure", measure)
            elif not dimensions:
                self.out.leaf("str:Observation")

    def _measures(self, structure: v21.DataStructureDefinition) -> None:
        with self.out("str:MeasureList", id=structure.measures.id):
            for item in structure.measures.components:
                # A hidden cell is an observation without a value.
                usage = {} if self.is_21 else {"usage": "optional"}
                with self.out("str:PrimaryMeasure" if self.is_21 else "str:Measure", id=item.id, **usage):
                    self._component(item)

    def _component(self, item: common.Component) -> None:
        self._refer("str:ConceptIdentity", self.urns[id(item.concept_identity)])
        code_list, data_type = representation(item)
        with self.out("str:LocalRepresentation"):
            if code_list:
                self._refer("str:Enumeration", code_list)
            else:
                self.out.leaf("str:TextFormat", textType=data_type)

    def _dataflow(self, flow: v21.DataflowDefinition) -> None:
        with self.out("str:Dataflow", **self._identity(flow)):
            self._named(flow)
            self._refer("str:Structure", str(flow.structure.urn))

    # What stands around dataflows.

    def _categorisation(self, item: common.Categorisation) -> None:
        with self.out("str:Categorisation", **self._identity(item)):
            self._named(item)
            self._refer("str:Source", str(item.artefact.urn))
            self._refer("str:Target", self.urns[id(item.category)])

    def _agreement(self, item: common.ProvisionAgreement) -> None:
        with self.out("str:ProvisionAgreement", **self._identity(item)):
            self._named(item)
            self._refer("str:StructureUsage" if self.is_21 else "str:Dataflow", str(item.structure_usage.urn))
            self._refer("str:DataProvider", self.urns[id(item.data_provider)])

    def _constraint(self, item: v21.ContentConstraint) -> None:
        kind, role = ("ContentConstraint", "type") if self.is_21 else ("DataConstraint", "role")
        with self.out(f"str:{kind}", **self._identity(item), **{role: role_of(item)}):
            self._named(item)
            with self.out("str:ConstraintAttachment"):
                for flow in sorted(item.content, key=lambda flow: str(flow.id)):
                    self._refer("str:Dataflow", str(flow.urn))
            for region in item.data_content_region:
                self._region(region)

    def _region(self, region: common.CubeRegion) -> None:
        prefix = "com" if self.is_21 else "str"
        with self.out("str:CubeRegion", include=_flag(region.included)):
            for component, selection in region.member.items():
                with self.out(f"{prefix}:KeyValue", id=component.id):
                    for value in selection.values:
                        if isinstance(value, v21.RangePeriod):
                            with self.out(f"{prefix}:TimeRange"):
                                for tag, end in (("StartPeriod", value.start), ("EndPeriod", value.end)):
                                    day = end.period.date().isoformat()
                                    self.out.leaf(f"{prefix}:{tag}", day, isInclusive=_flag(end.is_inclusive))
                        else:
                            self.out.leaf(f"{prefix}:Value", value.value)

    # Maps: one set of 2.1 is one map of structures and one of codes per component of 3.0. 2.1 could hold the map of
    # structures too, but sdmx1 refuses a message that does; its maps of codes have the components' ids.

    def _structure_set(self, item: v21.StructureSet) -> None:
        with self.out("str:StructureSet", **self._identity(item)):
            self._named(item)
            for codes in item.item_scheme_map:
                with self.out("str:CodelistMap", id=codes.id):
                    self._named(codes)
                    self._refer("str:Source", str(codes.source.urn))
                    self._refer("str:Target", str(codes.target.urn))
                    for pair in codes.item_association:
                        with self.out("str:CodeMap"):
                            self._local("str:Source", pair.source.id)
                            self._local("str:Target", pair.target.id)

    def _representation_map(self, given: tuple[v21.StructureSet, v21.CodelistMap]) -> None:
        whole, codes = given
        identity = {**self._identity(whole), "id": f"RM_{codes.id}", "urn": map_urn(whole, codes)}
        with self.out("str:RepresentationMap", **identity):
            self._named(codes)
            self._refer("str:SourceCodelist", str(codes.source.urn))
            self._refer("str:TargetCodelist", str(codes.target.urn))
            for pair in codes.item_association:
                with self.out("str:RepresentationMapping"):
                    self.out.leaf("str:SourceValue", pair.source.id)
                    self.out.leaf("str:TargetValue", pair.target.id)

    def _structure_map(self, item: StructureMap) -> None:
        (whole,) = (found for found in self.message.structureset.values() if item in found.structure_map)
        identity = {**self._identity(whole), "id": item.id, "urn": item.urn}
        with self.out("str:StructureMap", **identity):
            self.out.text("com:Name", item.name)
            self._refer("str:Source", str(item.source.urn))
            self._refer("str:Target", str(item.target.urn))
            for component, codes in item.components.items():
                with self.out("str:ComponentMap"):
                    self.out.leaf("str:Source", component)
                    self.out.leaf("str:Target", component)
                    self.out.leaf("str:RepresentationMap", map_urn(whole, codes))


def urn_30(urn: str) -> str:
    """Return a URN of 2.1 as 3.0 has it: what constrains data is a data constraint there."""
    return urn.replace(".registry.ContentConstraint=", ".registry.DataConstraint=")


def role_of(constraint: v21.ContentConstraint) -> str:
    """Whether a constraint says what is there (``Actual``) or what may be (``Allowed``)."""
    return "Actual" if constraint.role.role is common.ConstraintRoleType.actual else "Allowed"


def map_urn(whole: v21.StructureSet, codes: v21.CodelistMap) -> str:
    """URN of the representation map that a code list map of a structure set is in 3.0."""
    package = "urn:sdmx:org.sdmx.infomodel.structuremapping"
    return f"{package}.RepresentationMap={whole.maintainer.id}:RM_{codes.id}({whole.version})"
