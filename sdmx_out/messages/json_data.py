"""SDMX-JSON data messages, versions 1.0, 2.0 and 2.1, streamed in two passes.

Here belong data sets: series, observations and the attributes of groups. What the message says of its components stands
in `json_structure`, and how levels are found in `json_content`.
"""

from collections.abc import Iterator
from itertools import groupby

import duckdb

from sdmx_out.csv_text import stream_text
from sdmx_out.messages.dataflow import Component, Dataflow
from sdmx_out.messages.header import Header
from sdmx_out.messages.json_content import Content, Version, content
from sdmx_out.messages.json_structure import json_text, links, opening, structure
from sdmx_out.messages.labels import Language


def blocks(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    query: str,
    header: Header,
    *,
    version: Version = "2.0",
    is_flat: bool = False,
    language: Language = "en",
) -> Iterator[bytes]:
    """The message: header, structure, and one data set.

    Args:
        connection: where the query can be run, as often as needed.
        dataflow: whose observations they are.
        query: one text column per component, one row per observation, the rows of a series together.
        header: of the message.
        version: of SDMX-JSON.
        is_flat: whether observations stand alone, or in series over time.
        language: of what has one name only; `names` are in all languages.
    """
    with content(connection, dataflow, query, version) as held:
        described = structure(connection, dataflow, held, version, language, is_flat=is_flat)
        yield f'{opening(header, version, language)},"data":{{'.encode()
        yield b'"structure":' if version == "1.0" else b'"structures":['
        yield from described
        yield b',"dataSets":[' if version == "1.0" else b'],"dataSets":['
        yield from _data_set(connection, dataflow, held, header, version, is_flat=is_flat)
        yield b"]}}"


def _data_set(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    held: Content,
    header: Header,
    version: Version,
    *,
    is_flat: bool,
) -> Iterator[bytes]:
    said: dict[str, object] = {} if version == "1.0" else {"structure": 0}
    said |= {"action": header.action, "links": links(dataflow, with_structure=False)}
    yield json_text(said)[:-1].encode()
    if held.constants:
        yield f',"attributes":[{",".join(held.constants.values())}]'.encode()
    grouped = held.at(dataflow, "dimensionGroup")
    if grouped:
        yield b',"dimensionGroupAttributes":{'
        yield from _groups(connection, dataflow, held, grouped)
        yield b"}"
    yield b',"observations":{' if is_flat else b',"series":{'
    if not held.is_empty:
        # Each row begins with what ends the one before it; before the first there is nothing to end.
        rows = _flat_sql(dataflow, held) if is_flat else _series_sql(dataflow, held)
        text = stream_text(connection, rows)
        yield next(text).removeprefix(b"," if is_flat else b"}},")
        yield from text
        yield b"" if is_flat else b"}}"
    yield b"}}"


def _groups(
    connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, held: Content, grouped: list[Component]
) -> Iterator[bytes]:
    """Attributes of groups of dimensions: `"0::0":[0,null]`, the key with a place for every dimension."""
    comma = b""
    for dimensions, items in groupby(
        sorted(grouped, key=lambda item: item.dimensions), key=lambda item: item.dimensions
    ):
        members = {item.id for item in items}
        columns = ", ".join(f'"{name}"' for name in (*dimensions, *sorted(members)))
        places = [
            held.index_sql(item) if item.id in dimensions else "''" for item in (*dataflow.dimensions, dataflow.time)
        ]
        elements = [held.element_sql(item) if item.id in members else "'null'" for item in grouped]
        has_any = " OR ".join(f'"{name}" IS NOT NULL' for name in sorted(members))
        text = stream_text(
            connection,
            f"""SELECT concat(',"', {", ':', ".join(places)}, '":[', {", ',', ".join(elements)}, ']')
            FROM (SELECT DISTINCT {columns} FROM ({held.query}) WHERE {has_any}) ORDER BY {columns}""",
        )
        yield comma + next(text)[1:]
        yield from text
        comma = b","


def _flat_sql(dataflow: Dataflow, held: Content) -> str:
    key = ", ':', ".join(held.index_sql(item) for item in (*dataflow.dimensions, dataflow.time))
    return f"""SELECT concat(',"', {key}, '":', {_values_sql(dataflow, held)}) FROM ({held.query})"""


def _series_sql(dataflow: Dataflow, held: Content) -> str:
    """Observations, with the key of a series before its first one."""
    key = ", ':', ".join(held.index_sql(item) for item in dataflow.dimensions)
    attributes = [held.element_sql(item) for item in held.at(dataflow, "series")]
    said = f"""'"attributes":[', {", ',', ".join(attributes)}, '],', """ if attributes else ""
    opening = """concat('}},"', key, '":{', said, '"observations":{')"""
    return f"""
        SELECT concat(CASE WHEN key IS DISTINCT FROM lag(key) OVER () THEN {opening} ELSE ',' END, observation)
        FROM (SELECT concat({key}) AS key, concat({said}'') AS said,
            concat('"', {held.index_sql(dataflow.time)}, '":', {_values_sql(dataflow, held)}) AS observation
            FROM ({held.query}))"""


def _values_sql(dataflow: Dataflow, held: Content) -> str:
    """Arguments of concat: the array of a value and its attributes; a hidden value is null."""
    elements = [f"coalesce(\"{dataflow.measure.id}\", 'null')"]
    elements += [held.element_sql(item) for item in held.at(dataflow, "observation")]
    return "'[', " + ", ',', ".join(elements) + ", ']'"
