"""Messages of reference metadata: SDMX-ML 2.1 (generic), SDMX-ML 3.0 and SDMX-JSON 2.0.

Here belongs their spelling, report by report. sdmx1 writes no text in several languages and nothing of SDMX 3.0, and
pysdmx writes no text in several languages as XML, so that all three are written here. Nor does either read such text as
XML: pysdmx reads it as JSON.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from schemas.periods import Period
from sdmx_out.catalogue import ILMS, LANGUAGES, marked
from sdmx_out.messages.header import Header
from sdmx_out.metadata.report import Report, texts_of
from sdmx_out.structures.metadata_structure import (
    PERIOD_TARGET,
    SURVEY_TARGET,
    VERSION,
    Attribute,
    Structure,
    survey_urn,
)
from sdmx_out.structures.metadata_structure_text import json_header, json_names

_SCHEMAS = "http://www.sdmx.org/resources/sdmxml/schemas"
_JSON_SCHEMA = (
    "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/metadata-message/tools/schemas/2.0.0/"
    "sdmx-json-metadata-schema.json"
)


def _with_reports(reports: Sequence[Report], found: Sequence[Structure]) -> Iterator[tuple[Structure, list[Report]]]:
    for structure in found:
        mine = [report for report in reports if bool(report.time) == structure.has_period]
        if mine:
            yield structure, mine


def _names(report: Report, *, is_test: bool) -> dict[str, str]:
    """Return the survey's title, and the period of a round after it."""
    title = marked(report.title, is_test=is_test)
    return {language: f"{title[language]}, {report.time}" if report.time else title[language] for language in LANGUAGES}


# --- XML -----------------------------------------------------------------------------------------


def _open(version: str) -> str:
    spaces = {"mes": "message", "md": "metadata/generic", "com": "common"}
    declared = "".join(f' xmlns:{prefix}="{_SCHEMAS}/{version}/{name}"' for prefix, name in spaces.items())
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<mes:GenericMetadata{declared}>\n"


def _header(header: Header, references: Sequence[str]) -> str:
    told = [
        f"<mes:ID>{escape(header.id)}</mes:ID>",
        f"<mes:Test>{'true' if header.is_test else 'false'}</mes:Test>",
        f"<mes:Prepared>{header.prepared_at}</mes:Prepared>",
        f"<mes:Sender id={quoteattr(header.sender)}/>",
        *references,
        f"<mes:DataSetAction>{header.action}</mes:DataSetAction>",
    ]
    return " <mes:Header>\n" + "".join(f"  {line}\n" for line in told) + " </mes:Header>\n"


def _xml_texts(tag: str, texts: dict[str, str], depth: int) -> str:
    indent = " " * depth
    return "".join(f'{indent}<{tag} xml:lang="{language}">{escape(text)}</{tag}>\n' for language, text in texts.items())


def xml21(reports: Sequence[Report], structure: Structure, header: Header) -> Iterator[bytes]:
    """Yield the reports of one metadata structure as a generic metadata message of SDMX-ML 2.1, UTF-8.

    One structure a message, since sdmx1 reads no message of two.

    Args:
        reports: as ``checked`` returns them; those of the other structure are left out.
        structure: the metadata structure of surveys or that of rounds.
        header: who sends the message, and when.
    """
    reference = (
        f'<mes:Structure structureID="{structure.id}"><com:Structure><Ref agencyID="{ILMS}" id="{structure.id}" '
        f'version="{VERSION}" package="metadatastructure" class="MetadataStructure"/></com:Structure></mes:Structure>'
    )
    yield (_open("v2_1") + _header(header, [reference])).encode()
    for _, mine in _with_reports(reports, [structure]):
        names = _xml_texts("com:Name", marked(structure.name, is_test=header.is_test), 2)
        yield f' <mes:MetadataSet structureRef="{structure.id}">\n{names}'.encode()
        for report in mine:
            body = "".join(_reported(report, attribute, 4) for attribute in structure.attributes)
            yield (
                f'  <md:Report id="{structure.kind}">\n{_target(report, structure)}'
                f"   <md:AttributeSet>\n{body}   </md:AttributeSet>\n  </md:Report>\n"
            ).encode()
        yield b" </mes:MetadataSet>\n"
    yield b"</mes:GenericMetadata>\n"


def _target(report: Report, structure: Structure) -> str:
    urn = escape(survey_urn(report.survey))
    value = f"<md:ObjectReference><URN>{urn}</URN></md:ObjectReference>"
    told = f'    <md:ReferenceValue id="{SURVEY_TARGET}">{value}</md:ReferenceValue>\n'
    if report.time:
        value = f"<md:ReportPeriod>{report.time}</md:ReportPeriod>"
        told += f'    <md:ReferenceValue id="{PERIOD_TARGET}">{value}</md:ReferenceValue>\n'
    return f'   <md:Target id="{structure.kind}">\n{told}   </md:Target>\n'


def _reported(report: Report, attribute: Attribute, depth: int) -> str:
    indent = " " * depth
    if attribute.children:
        below = "".join(_reported(report, child, depth + 2) for child in attribute.children)
        if not below:
            return ""
        body = f"{indent} <md:AttributeSet>\n{below}{indent} </md:AttributeSet>\n"
        return f'{indent}<md:ReportedAttribute id="{attribute.id}">\n{body}{indent}</md:ReportedAttribute>\n'
    if attribute.id not in report.texts:
        return ""
    body = _xml_texts("com:Text", texts_of(report, attribute.id), depth + 1)
    return f'{indent}<md:ReportedAttribute id="{attribute.id}">\n{body}{indent}</md:ReportedAttribute>\n'


def xml30(reports: Sequence[Report], found: Sequence[Structure], header: Header) -> Iterator[bytes]:
    """Yield reports as a metadata message of SDMX-ML 3.0, UTF-8: one metadata set each.

    The version of a set is the date of the release.

    Args:
        reports: as ``checked`` returns them.
        found: the metadata structures.
        header: who sends the message, and when.
    """
    parts = list(_with_reports(reports, found))
    references = [
        f'<mes:Structure structureID="{structure.flow}"><com:StructureUsage>{structure.flow_urn}</com:StructureUsage>'
        "</mes:Structure>"
        for structure, _ in parts
    ]
    yield (_open("v3_0") + _header(header, references)).encode()
    for structure, mine in parts:
        for report in mine:
            told = {"id": report.id, "agencyID": ILMS, "version": _version(header), "action": header.action}
            if report.time:
                period = Period.parse(report.time)
                told |= {"reportingBeginDate": period.start.isoformat(), "reportingEndDate": period.end.isoformat()}
            attributes = "".join(f" {name}={quoteattr(value)}" for name, value in told.items())
            body = "".join(_attribute(report, attribute, 2) for attribute in structure.attributes)
            yield (
                f" <mes:MetadataSet{attributes}>\n"
                f"{_xml_texts('com:Name', _names(report, is_test=header.is_test), 2)}"
                f"  <md:Metadataflow>{structure.flow_urn}</md:Metadataflow>\n"
                f"  <md:Target>{escape(survey_urn(report.survey))}</md:Target>\n{body} </mes:MetadataSet>\n"
            ).encode()
    yield b"</mes:GenericMetadata>\n"


def _attribute(report: Report, attribute: Attribute, depth: int) -> str:
    if attribute.children:
        body = "".join(_attribute(report, child, depth + 1) for child in attribute.children)
    else:
        told = texts_of(report, attribute.id) if attribute.id in report.texts else {}
        body = _xml_texts("com:Text", told, depth + 1)
    indent = " " * depth
    return f'{indent}<md:Attribute id="{attribute.id}">\n{body}{indent}</md:Attribute>\n' if body else ""


def _version(header: Header) -> str:
    return f"{header.prepared.year}.{header.prepared.month}.{header.prepared.day}"


# --- JSON ----------------------------------------------------------------------------------------


def json20(reports: Sequence[Report], found: Sequence[Structure], header: Header) -> Iterator[bytes]:
    """Yield reports as a metadata message of SDMX-JSON 2.0, UTF-8: one metadata set each.

    Args:
        reports: as ``checked`` returns them.
        found: the metadata structures.
        header: who sends the message, and when.
    """
    yield f'{{"meta": {_json(json_header(header, _JSON_SCHEMA))},\n"data": {{"metadataSets": ['.encode()
    mark = "\n"
    for structure, mine in _with_reports(reports, found):
        for report in mine:
            yield (mark + _json(_set(report, structure, header))).encode()
            mark = ",\n"
    yield b"\n]}}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _set(report: Report, structure: Structure, header: Header) -> dict[str, Any]:
    made: dict[str, Any] = {"id": report.id, "agencyID": ILMS, "version": _version(header), "action": header.action}
    made |= json_names(_names(report, is_test=header.is_test))
    if report.time:
        period = Period.parse(report.time)
        made |= {"reportingBegin": period.start.isoformat(), "reportingEnd": period.end.isoformat()}
    attributes = [_json_attribute(report, attribute) for attribute in structure.attributes]
    return {
        **made,
        "metadataflow": structure.flow_urn,
        "targets": [survey_urn(report.survey)],
        "attributes": [attribute for attribute in attributes if attribute is not None],
    }


def _json_attribute(report: Report, attribute: Attribute) -> dict[str, Any] | None:
    if attribute.children:
        below = [_json_attribute(report, child) for child in attribute.children]
        told = [child for child in below if child is not None]
        return {"id": attribute.id, "attributes": told} if told else None
    if attribute.id not in report.texts:
        return None
    return {"id": attribute.id, "value": texts_of(report, attribute.id)}
