"""The parts of an SDMX-JSON data message that say what its data are, versions 1.0, 2.0 and 2.1.

Here belong header, dimensions, attributes and their values, in three languages. Observations do not belong here.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import date

import duckdb

from schemas.periods import Period
from sdmx_out.csv_text import stream_text
from sdmx_out.messages.dataflow import Component, Dataflow, Names
from sdmx_out.messages.header import Header
from sdmx_out.messages.json_content import ATTRIBUTE_LEVELS, Content, Version
from sdmx_out.messages.labels import LANGUAGES, Language, name_in

_SCHEMAS = "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/data-message/tools/schemas"
_SCHEMA: dict[Version, str] = {
    "1.0": f"{_SCHEMAS}/1.0/sdmx-json-data-schema.json",
    "2.0": f"{_SCHEMAS}/2.0.0/sdmx-json-data-schema.json",
    "2.1": "https://json.sdmx.org/2.1/sdmx-json-data-schema.json",
}
_URN = "urn:sdmx:org.sdmx.infomodel.datastructure"
_DATA_TYPES = {"double": "Double", "integer": "Integer", "text": "String", "time": "ObservationalTimePeriod"}

Object = dict[str, object]


def json_text(value: object) -> str:
    """JSON without spaces, in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def opening(header: Header, version: Version, language: Language) -> str:
    """What a message begins with: which schema it follows, and the header.

    An id may have full stops in SDMX-ML, never in SDMX-JSON.
    """
    meta = {
        "id": header.id.replace(".", "_"),
        "test": header.is_test,
        "prepared": header.prepared_at,
        "contentLanguages": [language, *(other for other in LANGUAGES if other != language)],
        "sender": {"id": header.sender},
    }
    if version == "2.1":
        return json_text({"$schema": _SCHEMA[version], "meta": meta})[:-1]
    return json_text({"meta": {"schema": _SCHEMA[version], **meta}})[:-1]


def links(dataflow: Dataflow, *, with_structure: bool) -> list[Object]:
    """Which dataflow, and which data structure."""
    urns = [("dataflow", f"{_URN}.Dataflow={dataflow.reference}")]
    if with_structure:
        urns.append(
            ("datastructure", f"{_URN}.DataStructure={dataflow.agency}:{dataflow.structure}({dataflow.version})")
        )
    return [{"rel": relation, "urn": urn} for relation, urn in urns]


def structure(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    content: Content,
    version: Version,
    language: Language,
    *,
    is_flat: bool,
) -> Iterator[bytes]:
    """The structure object: components and their values, by level."""
    head = {"links": links(dataflow, with_structure=True), **_named(dataflow.names, language)}
    yield (json_text(head)[:-1] + ',"dimensions":').encode()
    series = [] if is_flat else dataflow.dimensions
    observation = (*dataflow.dimensions, dataflow.time) if is_flat else (dataflow.time,)
    keys = [*dataflow.dimensions, dataflow.time]
    shown = [] if content.is_empty else [("series", series), ("observation", observation)]
    levels = [
        (level, [(item, _component(item, language) | {"keyPosition": keys.index(item)}) for item in items])
        for level, items in shown
    ]
    yield from _levels(connection, content, levels, version, language)
    if version != "1.0":
        measure = _component(dataflow.measure, language) | _format(dataflow.measure)
        yield (',"measures":' + json_text({"observation": [measure]})).encode()
    yield b',"attributes":'
    attributes = [
        (level, [(item, _attribute(item, content, version, language)) for item in content.at(dataflow, level)])
        for level in ATTRIBUTE_LEVELS
        if level != "dimensionGroup" or version != "1.0"
    ]
    yield from _levels(connection, content, attributes, version, language)
    yield b"}"


def _levels(
    connection: duckdb.DuckDBPyConnection,
    content: Content,
    levels: Iterable[tuple[str, list[tuple[Component, Object]]]],
    version: Version,
    language: Language,
) -> Iterator[bytes]:
    """Object of arrays of components, one per level."""
    comma = "{"
    for level, items in levels:
        yield f"{comma}{json_text(level)}:[".encode()
        for place, (component, said) in enumerate(items):
            yield ("," if place else "").encode() + json_text(said)[:-1].encode()
            yield from _values(connection, component, content, version, language)
            yield b"}"
        yield b"]"
        comma = ","
    yield b"{}" if comma == "{" else b"}"


def _values(
    connection: duckdb.DuckDBPyConnection, component: Component, content: Content, version: Version, language: Language
) -> Iterator[bytes]:
    if component.id in content.values:
        values = ",".join(_value(component, text, version, language) for text in content.values[component.id])
        yield f',"values":[{values}]'.encode()
    elif component.id in content.tables:
        yield b',"values":['
        yield from stream_text(
            connection,
            "SELECT concat(CASE WHEN place > 0 THEN ',' ELSE '' END, '{\"name\":', to_json(value), '}') "
            f"FROM {content.tables[component.id]} ORDER BY place",
        )
        yield b"]"


def _value(component: Component, text: str, version: Version, language: Language) -> str:
    if component.kind == "time":
        period = Period.parse(text)
        called = {"value": text} if version == "2.1" else {"id": text, "name": text}
        return json_text(called | {"start": _moment(period.start, "00:00:00"), "end": _moment(period.end, "23:59:59")})
    if component.codes:
        names = component.codes.get(text, {})
        return json_text({"id": text, "name": text, **_named(names, language)})
    if version == "1.0":
        return json_text({"name": text})
    return json_text({"value": text})


def _moment(day: date, clock: str) -> str:
    return f"{day.isoformat()}T{clock}Z"


def _named(names: Names, language: Language) -> Object:
    return {"name": name_in(names, language), "names": dict(names)} if names else {}


def _component(component: Component, language: Language) -> Object:
    return {"id": component.id, **_named(component.names, language)}


def _format(component: Component) -> Object:
    return {} if component.codes else {"format": {"dataType": _DATA_TYPES[component.kind]}}


def _attribute(component: Component, content: Content, version: Version, language: Language) -> Object:
    relationship: Object = {"dimensions": list(component.dimensions)}
    if not component.dimensions:
        relationship = {"primaryMeasure": "OBS_VALUE"} if version == "1.0" else {"observation": {}}
    said = _component(component, language) | {"relationship": relationship}
    return said if version == "1.0" else said | _format(component)
