"""Metadata structures as SDMX-ML 3.0 and SDMX-JSON 2.0, which sdmx1 does not write and pysdmx writes in one language.

Here belongs their spelling. What there is of them is said in ``metadata_structure``.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lxml import etree

from sdmx_out.catalogue import ILMS, LANGUAGES
from sdmx_out.messages.header import Header
from sdmx_out.structures.concept_names import AGENCY_NAMES
from sdmx_out.structures.metadata_structure import (
    AGENCIES_NAME,
    SCHEME,
    SCHEME_NAME,
    SURVEYS,
    SURVEYS_NAME,
    VERSION,
    Attribute,
    Names,
    Structure,
    survey_urn,
)

_MODEL = "urn:sdmx:org.sdmx.infomodel"
_BASE = "http://www.sdmx.org/resources/sdmxml/schemas/v3_0"
MES, STR, COM = f"{{{_BASE}/message}}", f"{{{_BASE}/structure}}", f"{{{_BASE}/common}}"
_NAMESPACES = {"mes": f"{_BASE}/message", "str": f"{_BASE}/structure", "com": f"{_BASE}/common"}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_SCHEMA = (
    "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/structure-message/tools/schemas/2.0.0/"
    "sdmx-json-structure-schema.json"
)


def _concept_urn(concept: str) -> str:
    return f"{_MODEL}.conceptscheme.Concept={ILMS}:{SCHEME}({VERSION}).{concept}"


# --- SDMX-ML 3.0 ---------------------------------------------------------------------------------


def metadata_structure_xml30(found: Sequence[Structure], surveys: Mapping[str, Names], header: Header) -> bytes:
    """Return agencies, concepts, surveys, metadata structures and metadataflows as SDMX-ML 3.0, indented, UTF-8.

    Args:
        found: what ``structures`` returns.
        surveys: key of a survey -> its title in the three languages.
        header: who sends it, and when.
    """
    root = etree.Element(f"{MES}Structure", nsmap=_NAMESPACES)
    xml_header(root, header)
    place = etree.SubElement(root, f"{MES}Structures")
    schemes = etree.SubElement(place, f"{STR}AgencySchemes")
    agencies = _maintained(schemes, "AgencyScheme", "base.AgencyScheme", "AGENCIES", AGENCIES_NAME, agency="SDMX")
    del agencies.attrib["version"]  # an agency scheme of SDMX 3.0 has none to give
    xml_names(etree.SubElement(agencies, f"{STR}Agency", id=ILMS), AGENCY_NAMES[ILMS])
    codes = _maintained(
        etree.SubElement(place, f"{STR}Codelists"), "Codelist", "codelist.Codelist", SURVEYS, SURVEYS_NAME
    )
    for survey in sorted(surveys):
        xml_names(etree.SubElement(codes, f"{STR}Code", id=survey, urn=survey_urn(survey)), surveys[survey])
    concepts = _maintained(
        etree.SubElement(place, f"{STR}ConceptSchemes"),
        "ConceptScheme",
        "conceptscheme.ConceptScheme",
        SCHEME,
        SCHEME_NAME,
    )
    for structure in found:
        _walk(structure.attributes, "", lambda attribute, above: _concept(concepts, attribute, above))
    flows = etree.SubElement(place, f"{STR}Metadataflows")
    for structure in found:
        kind = "metadatastructure.Metadataflow"
        flow = _maintained(flows, "Metadataflow", kind, structure.flow, structure.name)
        etree.SubElement(flow, f"{STR}Structure").text = structure.urn
        etree.SubElement(flow, f"{STR}Target").text = survey_urn("*")
    definitions = etree.SubElement(place, f"{STR}MetadataStructures")
    for structure in found:
        kind = "metadatastructure.MetadataStructure"
        definition = _maintained(definitions, "MetadataStructure", kind, structure.id, structure.name)
        components = etree.SubElement(definition, f"{STR}MetadataStructureComponents")
        listed = etree.SubElement(components, f"{STR}MetadataAttributeList", id="MetadataAttributeDescriptor")
        for attribute in structure.attributes:
            _attribute(listed, attribute)
    return xml_bytes(root)


def xml_header(root: etree._Element, header: Header) -> etree._Element:
    """Add the header of a message of SDMX-ML 3.0, as far as all of them have it, and return it."""
    made = etree.SubElement(root, f"{MES}Header")
    etree.SubElement(made, f"{MES}ID").text = header.id
    etree.SubElement(made, f"{MES}Test").text = "true" if header.is_test else "false"
    etree.SubElement(made, f"{MES}Prepared").text = header.prepared_at
    etree.SubElement(made, f"{MES}Sender", id=header.sender)
    return made


def xml_names(element: etree._Element, names: Names) -> None:
    """Add a name in each language."""
    for language in LANGUAGES:
        etree.SubElement(element, f"{COM}Name", {_LANGUAGE: language}).text = names[language]


def xml_bytes(root: etree._Element) -> bytes:
    """Return a message as a file has it: indented, UTF-8, with a line break at its end."""
    etree.indent(root)
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return made + b"\n"


def _maintained(
    parent: etree._Element, tag: str, kind: str, identifier: str, names: Names, agency: str = ILMS
) -> etree._Element:
    urn = f"{_MODEL}.{kind}={agency}:{identifier}({VERSION})"
    made = etree.SubElement(parent, f"{STR}{tag}", id=identifier, urn=urn, agencyID=agency, version=VERSION)
    xml_names(made, names)
    return made


def _concept(scheme: etree._Element, attribute: Attribute, above: str) -> None:
    made = etree.SubElement(scheme, f"{STR}Concept", id=attribute.id, urn=_concept_urn(attribute.id))
    xml_names(made, attribute.name)
    if above:
        etree.SubElement(made, f"{STR}Parent").text = above


def _attribute(parent: etree._Element, attribute: Attribute) -> None:
    told = {
        "id": attribute.id,
        "isPresentational": "true" if attribute.children else "false",
        "minOccurs": "0" if attribute.is_optional else "1",
        "maxOccurs": "1",
    }
    made = etree.SubElement(parent, f"{STR}MetadataAttribute", told)
    etree.SubElement(made, f"{STR}ConceptIdentity").text = _concept_urn(attribute.id)
    if not attribute.children:
        text = etree.SubElement(made, f"{STR}LocalRepresentation")
        etree.SubElement(text, f"{STR}TextFormat", textType="String", isMultiLingual="true")
    for child in attribute.children:
        _attribute(made, child)


def _walk(attributes: Sequence[Attribute], above: str, visit: Callable[[Attribute, str], object]) -> None:
    for attribute in attributes:
        visit(attribute, above)
        _walk(attribute.children, attribute.id, visit)


# --- SDMX-JSON 2.0 -------------------------------------------------------------------------------


def metadata_structure_json(found: Sequence[Structure], surveys: Mapping[str, Names], header: Header) -> bytes:
    """Return agencies, concepts, surveys, metadata structures and metadataflows as SDMX-JSON 2.0, indented, UTF-8.

    Args:
        found: what ``structures`` returns.
        surveys: key of a survey -> its title in the three languages.
        header: who sends it, and when.
    """
    concepts: list[dict[str, Any]] = []
    for structure in found:
        _walk(
            structure.attributes,
            "",
            lambda attribute, above: concepts.append(
                {"id": attribute.id, **json_names(attribute.name), **({"parent": above} if above else {})}
            ),
        )
    data = {
        "agencySchemes": [
            {
                **_json_maintained("AGENCIES", AGENCIES_NAME, agency="SDMX"),
                "agencies": [{"id": ILMS, **json_names(AGENCY_NAMES[ILMS])}],
            }
        ],
        "codelists": [
            {
                **_json_maintained(SURVEYS, SURVEYS_NAME),
                "codes": [{"id": survey, **json_names(surveys[survey])} for survey in sorted(surveys)],
            }
        ],
        "conceptSchemes": [{**_json_maintained(SCHEME, SCHEME_NAME), "concepts": concepts}],
        "metadataStructures": [_json_structure(structure) for structure in found],
        "metadataflows": [
            {
                **_json_maintained(structure.flow, structure.name),
                "structure": structure.urn,
                "targets": [survey_urn("*")],
            }
            for structure in found
        ],
    }
    return json_bytes({"meta": json_header(header, _SCHEMA), "data": data})


def json_header(header: Header, schema: str) -> dict[str, Any]:
    """Return ``meta`` of a message of SDMX-JSON 2.0."""
    return {
        "schema": schema,
        "id": header.id,
        "test": header.is_test,
        "prepared": header.prepared_at,
        "contentLanguages": list(LANGUAGES),
        "sender": {"id": header.sender},
    }


def json_names(names: Names) -> dict[str, Any]:
    """Return a name in the first language and in all of them, as SDMX-JSON has both."""
    return {"name": names[LANGUAGES[0]], "names": {language: names[language] for language in LANGUAGES}}


def json_bytes(message: Mapping[str, Any]) -> bytes:
    """Return a message as a file has it: indented, UTF-8, with a line break at its end."""
    return (json.dumps(message, ensure_ascii=False, indent=1) + "\n").encode()


def _json_maintained(identifier: str, names: Names, agency: str = ILMS) -> dict[str, Any]:
    return {"id": identifier, "agencyID": agency, "version": VERSION, **json_names(names)}


def _json_structure(structure: Structure) -> dict[str, Any]:
    attributes = [_json_attribute(attribute) for attribute in structure.attributes]
    listed = {"id": "MetadataAttributeDescriptor", "metadataAttributes": attributes}
    return {
        **_json_maintained(structure.id, structure.name),
        "metadataStructureComponents": {"metadataAttributeList": listed},
    }


def _json_attribute(attribute: Attribute) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": attribute.id,
        "conceptIdentity": _concept_urn(attribute.id),
        "minOccurs": 0 if attribute.is_optional else 1,
        "maxOccurs": 1,
        "isPresentational": bool(attribute.children),
    }
    if attribute.children:
        made["metadataAttributes"] = [_json_attribute(child) for child in attribute.children]
    else:
        made["localRepresentation"] = {"format": {"dataType": "String", "isMultiLingual": True}}
    return made
