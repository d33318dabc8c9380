"""Metadata structures: which reference metadata there are of a survey, and which of one of its rounds.

Here belong their attributes (those of SIMS, the Single Integrated Metadata Structure), and concepts, code list of
surveys, metadata structures and metadataflows in sdmx1's information model. How SDMX 3.0 and JSON spell them is said in
``metadata_structure_text``; what is reported by them does not belong here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from itertools import chain
from pathlib import Path

import sdmx
from lxml import etree
from pydantic import BaseModel, ConfigDict, Field
from sdmx.message import Header as SdmxHeader
from sdmx.message import StructureMessage
from sdmx.model import common, v21

from schemas.codes import CodeList
from schemas.model_questions import InThree
from schemas.toml_files import parse_toml, read_entries
from sdmx_out.catalogue import ILMS, LANGUAGES
from sdmx_out.messages.header import Header
from sdmx_out.structures.concept_names import AGENCY_NAMES

VERSION = "1.0"
MESSAGE_ID = "ILMS_METADATA_STRUCTURES"
SCHEME, SURVEYS = "CS_REFERENCE_METADATA", "CL_SURVEY"
SCHEME_NAME = {
    "en": "Concepts of reference metadata",
    "fr": "Concepts des métadonnées de référence",
    "es": "Conceptos de los metadatos de referencia",
}
SURVEYS_NAME = {"en": "Surveys", "fr": "Enquêtes", "es": "Encuestas"}
AGENCIES_NAME = {"en": "Agencies", "fr": "Agences", "es": "Organismos"}
#: What a report is about: a survey, and for a round its period (the standard's own id).
SURVEY_TARGET, PERIOD_TARGET = "SURVEY", "REPORT_PERIOD_TARGET"
_NAMES = {
    "SURVEY": {
        "en": "Reference metadata of surveys",
        "fr": "Métadonnées de référence des enquêtes",
        "es": "Metadatos de referencia de las encuestas",
    },
    "ROUND": {
        "en": "Coverage and quality of survey rounds",
        "fr": "Couverture et qualité des passages d'enquête",
        "es": "Cobertura y calidad de las rondas de encuesta",
    },
}
_MODEL = "urn:sdmx:org.sdmx.infomodel"
_STR = "{http://www.sdmx.org/resources/sdmxml/schemas/v2_1/structure}"

Names = Mapping[str, str]


@dataclass(frozen=True)
class Attribute:
    """One attribute of a metadata structure, with those below it.

    Attributes:
        id: its own and its concept's.
        name: in the three languages.
        is_optional: whether a report may lack it.
        children: attributes below it; one that has any has no text of its own.
    """

    id: str
    name: Names
    is_optional: bool
    children: tuple["Attribute", ...] = ()

    def leaves(self) -> Iterator["Attribute"]:
        """Yield the attributes with a text, in order."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclass(frozen=True)
class Structure:
    """One metadata structure with its metadataflow.

    Attributes:
        kind: SURVEY or ROUND; the id of its report structure and target.
        name: in the three languages.
        has_period: whether its reports are about a period of a survey.
        attributes: of the first level.
    """

    kind: str
    name: Names
    has_period: bool
    attributes: tuple[Attribute, ...]

    @property
    def id(self) -> str:
        """Id of the metadata structure."""
        return f"MSD_{self.kind}"

    @property
    def flow(self) -> str:
        """Id of the metadataflow."""
        return f"MDF_{self.kind}"

    @property
    def urn(self) -> str:
        """URN of the metadata structure."""
        return f"{_MODEL}.metadatastructure.MetadataStructure={ILMS}:{self.id}({VERSION})"

    @property
    def flow_urn(self) -> str:
        """URN of the metadataflow."""
        return f"{_MODEL}.metadatastructure.Metadataflow={ILMS}:{self.flow}({VERSION})"

    def leaves(self) -> tuple[Attribute, ...]:
        """Return the attributes with a text, in order."""
        return tuple(chain.from_iterable(attribute.leaves() for attribute in self.attributes))

    def mandatory(self) -> tuple[str, ...]:
        """Return the ids of the attributes that every report has."""
        return tuple(attribute.id for attribute in self.leaves() if not attribute.is_optional)


class _SurveyAttribute(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: InThree
    parent: str = ""
    is_optional: bool = False


class _RoundGroup(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: InThree
    items: tuple[str, ...] = Field(strict=False, min_length=1)


def survey_urn(survey: str) -> str:
    """URN of a survey, which is a code of the list of surveys."""
    return f"{_MODEL}.codelist.Code={ILMS}:{SURVEYS}({VERSION}).{survey}"


def structures(code_lists: Mapping[str, CodeList]) -> tuple[Structure, Structure]:
    """Return the metadata structures of surveys and of rounds.

    Args:
        code_lists: all code lists by id; the items of QUALITY_ITEM are what is told of a round.

    Raises:
        KeyError: the groups of a round name an item that QUALITY_ITEM has not.
        ValueError: an item of QUALITY_ITEM stands in no group, or an attribute stands before its parent.
    """
    surveys, rounds = _entries()
    items = {item.code: Attribute(item.code, _code_names(item), True) for item in code_lists["QUALITY_ITEM"].items}
    grouped = [item for group in rounds.values() for item in group.items]
    if sorted(grouped) != sorted(items):
        raise ValueError("the groups of metadata_attributes.toml do not hold every item of QUALITY_ITEM once")
    of_rounds = tuple(
        Attribute(name, group.name.model_dump(), True, tuple(items[item] for item in group.items))
        for name, group in rounds.items()
    )
    of_surveys = tuple(_tree(name, surveys) for name, entry in surveys.items() if not entry.parent)
    return (
        Structure("SURVEY", _NAMES["SURVEY"], False, of_surveys),
        Structure("ROUND", _NAMES["ROUND"], True, of_rounds),
    )


@cache
def _entries() -> tuple[dict[str, _SurveyAttribute], dict[str, _RoundGroup]]:
    path = Path(str(resources.files("sdmx_out").joinpath("structures/metadata_attributes.toml")))
    source = parse_toml(path)
    surveys = read_entries(_SurveyAttribute, source, "survey")
    known = [""]
    for name, entry in surveys.items():
        if entry.parent not in known:
            raise ValueError(f"{name} stands before its parent {entry.parent}")
        known.append(name)
    return surveys, read_entries(_RoundGroup, source, "round")


def _tree(name: str, entries: Mapping[str, _SurveyAttribute]) -> Attribute:
    entry = entries[name]
    children = tuple(_tree(child, entries) for child, other in entries.items() if other.parent == name)
    is_optional = all(child.is_optional for child in children) if children else entry.is_optional
    return Attribute(name, entry.name.model_dump(), is_optional, children)


def _code_names(item: object) -> dict[str, str]:
    return {language: str(getattr(item, language)) for language in LANGUAGES}


# --- sdmx1's model, and SDMX-ML 2.1 --------------------------------------------------------------


def metadata_message(found: Sequence[Structure], surveys: Mapping[str, Names], header: Header) -> StructureMessage:
    """Return a structure message of its own: agencies, concepts, surveys, metadata structures and metadataflows.

    Args:
        found: what ``structures`` returns.
        surveys: key of a survey -> its title in the three languages.
        header: who sends it, and when.
    """
    message = StructureMessage(
        header=SdmxHeader(
            id=header.id,
            test=header.is_test,
            prepared=datetime(header.prepared.year, header.prepared.month, header.prepared.day, tzinfo=UTC),
            sender=common.Agency(id=header.sender),
        )
    )
    agency = common.Agency(id=ILMS, name=_text(AGENCY_NAMES[ILMS]))
    scheme = common.AgencyScheme(
        id="AGENCIES", **{**_kept(common.Agency(id="SDMX"), "base.AgencyScheme", "AGENCIES"), "is_final": False}
    )
    scheme.name = _text(AGENCIES_NAME)
    scheme.append(agency)
    message.add(scheme)
    codes = v21.Codelist(id=SURVEYS, is_partial=False, **_kept(agency, "codelist.Codelist", SURVEYS))
    codes.name = _text(SURVEYS_NAME)
    codes.extend([v21.Code(id=key, name=_text(surveys[key])) for key in sorted(surveys)])
    message.add(codes)
    concepts = v21.ConceptScheme(id=SCHEME, is_partial=False, **_kept(agency, "conceptscheme.ConceptScheme", SCHEME))
    concepts.name = _text(SCHEME_NAME)
    for structure in found:
        for attribute in structure.attributes:
            _add_concept(concepts, attribute, None)
    message.add(concepts)
    for structure in found:
        definition = _definition(structure, agency, concepts, codes)
        flow = v21.MetadataflowDefinition(
            id=structure.flow, structure=definition, **_kept(agency, "metadatastructure.Metadataflow", structure.flow)
        )
        flow.name = _text(structure.name)
        message.add(definition)
        message.add(flow)
    return message


def metadata_structure_xml21(message: StructureMessage) -> bytes:
    """Return the message as SDMX-ML 2.1, indented, UTF-8.

    sdmx1 writes no metadataflows: they are added to what it writes.
    """
    root = etree.fromstring(sdmx.to_xml(message))
    place = root.find(f".//{_STR}Structures")
    if place is None:
        place = root[1]
    flows = etree.Element(f"{_STR}Metadataflows")
    common_name = root.nsmap["com"]
    for flow in message.metadataflow.values():
        written = etree.SubElement(
            flows,
            f"{_STR}Metadataflow",
            id=flow.id,
            urn=str(flow.urn),
            agencyID=str(flow.maintainer and flow.maintainer.id),
            version=str(flow.version),
            isFinal="true",
            isExternalReference="false",
        )
        for language in LANGUAGES:
            name = etree.SubElement(written, f"{{{common_name}}}Name")
            name.set("{http://www.w3.org/XML/1998/namespace}lang", language)
            name.text = flow.name.localizations[language]
        reference = etree.SubElement(written, f"{_STR}Structure")
        assert flow.structure is not None
        etree.SubElement(
            reference,
            "Ref",
            {
                "id": flow.structure.id,
                "version": str(flow.structure.version),
                "agencyID": ILMS,
                "package": "metadatastructure",
                "class": "MetadataStructure",
            },
        )
    schemes = place.find(f"{_STR}OrganisationSchemes")
    place.insert(0 if schemes is None else place.index(schemes) + 1, flows)
    etree.indent(root)
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return made + b"\n"


def _kept(agency: common.Agency, kind: str, identifier: str) -> dict[str, object]:
    return {
        "maintainer": agency,
        "version": VERSION,
        "is_final": True,
        "is_external_reference": False,
        "urn": f"{_MODEL}.{kind}={agency.id}:{identifier}({VERSION})",
    }


def _text(texts: Names) -> common.InternationalString:
    return common.InternationalString({language: texts[language] for language in LANGUAGES})


def _add_concept(scheme: v21.ConceptScheme, attribute: Attribute, above: v21.Concept | None) -> None:
    concept = v21.Concept(id=attribute.id, name=_text(attribute.name))
    if above is not None:
        above.append_child(concept)
    scheme.append(concept)
    for child in attribute.children:
        _add_concept(scheme, child, concept)


def _definition(
    structure: Structure, agency: common.Agency, concepts: v21.ConceptScheme, codes: v21.Codelist
) -> v21.MetadataStructureDefinition:
    definition = v21.MetadataStructureDefinition(
        id=structure.id, **_kept(agency, "metadatastructure.MetadataStructure", structure.id)
    )
    definition.name = _text(structure.name)
    target = v21.MetadataTarget(id=structure.kind)
    target.components.append(
        v21.IdentifiableObjectTarget(
            id=SURVEY_TARGET, object_type=common.Code, local_representation=common.Representation(enumerated=codes)
        )
    )
    if structure.has_period:
        period = common.Representation(
            non_enumerated=[v21.Facet(value_type=common.FacetValueType.observationalTimePeriod)]
        )
        target.components.append(v21.ReportPeriodTarget(id=PERIOD_TARGET, local_representation=period))
    definition.target[target.id] = target
    report = v21.ReportStructure(id=structure.kind, report_for=[target])
    report.components.extend(_attribute(attribute, concepts) for attribute in structure.attributes)
    definition.report_structure[report.id] = report
    return definition


def _attribute(attribute: Attribute, concepts: v21.ConceptScheme) -> common.MetadataAttribute:
    made = common.MetadataAttribute(
        id=attribute.id,
        concept_identity=concepts.items[attribute.id],
        is_presentational=bool(attribute.children),
        min_occurs=0 if attribute.is_optional else 1,
        max_occurs=1,
    )
    if not attribute.children:
        text = v21.Facet(value_type=common.FacetValueType.string)
        made.local_representation = common.Representation(non_enumerated=[text])
    for child in attribute.children:
        below = _attribute(child, concepts)
        below.parent = made
        made.child.append(below)
    return made
