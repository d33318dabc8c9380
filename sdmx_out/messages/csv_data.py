"""SDMX-CSV data messages, versions 1.0 and 2.0, streamed.

Here belong the columns of both versions, with codes, labels or both. How a line of CSV is spelled does not belong here.
"""

from collections.abc import Iterator
from typing import Literal

import duckdb

from sdmx_out.csv_text import csv_field, csv_line, line_sql, literal, quoted_sql, stream_text
from sdmx_out.messages.dataflow import Component, Dataflow
from sdmx_out.messages.header import Action, Header
from sdmx_out.messages.labels import Language, name_in, translated_sql

Version = Literal["1.0", "2.0"]
Labels = Literal["id", "name", "both"]
_ACTIONS: dict[Action, str] = {"Replace": "R", "Append": "A", "Delete": "D", "Information": "I"}


def blocks(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    query: str,
    header: Header,
    *,
    version: Version = "1.0",
    labels: Labels = "id",
    language: Language = "en",
) -> Iterator[bytes]:
    """Header line, then one line per observation.

    Args:
        connection: where the query can be run.
        dataflow: whose observations they are.
        query: one text column per component, one row per observation.
        header: its action is what version 2.0 says of each row; version 1.0 has no place for it.
        version: of SDMX-CSV.
        labels: codes alone, codes with their names in columns of their own (version 2.0 only), or both in one column.
        language: of the labels.

    Raises:
        ValueError: names in columns of their own were asked of version 1.0.
    """
    if version == "1.0" and labels == "name":
        raise ValueError("SDMX-CSV 1.0 has labels=id and labels=both only")
    columns = _fixed(dataflow, header, version, labels, language)
    for component in dataflow.components:
        columns += _columns(component, version, labels, language)
    fields = [field for _, field, _ in columns]
    spelled = {field for _, field, is_spelled in columns if is_spelled}
    yield (csv_line(name for name, _, _ in columns) + "\n").encode()
    yield from stream_text(connection, f"SELECT {line_sql(fields, spelled)} || chr(10) FROM ({query})")


# Name of a column, SQL text of its field, and whether that needs no quotes any more.
_Column = tuple[str, str, bool]


def _fixed(dataflow: Dataflow, header: Header, version: Version, labels: Labels, language: Language) -> list[_Column]:
    """The columns before those of the components, the same in every row."""
    title = name_in(dataflow.names, language)
    reference = f"{dataflow.reference}: {title}" if labels == "both" else dataflow.reference
    if version == "1.0":
        constants = [("DATAFLOW", reference)]
    else:
        constants = [("STRUCTURE", "dataflow"), ("STRUCTURE_ID", reference)]
        if labels == "name":
            constants.append(("STRUCTURE_NAME", title))
        constants.append(("ACTION", _ACTIONS[header.action]))
    return [(name, literal(csv_field(text)), True) for name, text in constants]


def _columns(component: Component, version: Version, labels: Labels, language: Language) -> list[_Column]:
    """The one or two columns of a component."""
    column = f'"{component.id}"'
    plain = (component.id, column, component.is_number or component.kind == "time")
    if labels == "id":
        return [plain]
    title = name_in(component.names, language)
    codes = list(component.codes)
    texts = [name_in(component.codes[code], language) for code in codes]
    if labels == "name":
        label = translated_sql(column, codes, [csv_field(text) for text in texts]) if codes else "''"
        return [plain, (title, label, True)]
    # The measure is always called by its id in version 1.0.
    name = component.id if version == "1.0" and component.id == "OBS_VALUE" else f"{component.id}: {title}"
    if not codes:
        return [(name, column, plain[2])]
    label = translated_sql(
        column, codes, [csv_field(f"{code}: {text}") for code, text in zip(codes, texts, strict=True)]
    )
    return [(name, f"coalesce({label}, {quoted_sql(column)})", True)]
