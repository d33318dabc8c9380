"""CSV as text: one quoting rule, said once for Python and once for SQL.

Here belongs how a field, a number and a line are spelled. What columns a file has does not belong here.
Lines are made inside the engine because its own CSV writer marks empty text with quotes, and Arrow's
quotes by batch: both would let bytes depend on something else than the values.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

BATCH_ROWS = 50_000
_BLOCK_ROWS = 8_192


def csv_field(value: str) -> str:
    """One field, quoted only where RFC 4180 needs it."""
    if any(sign in value for sign in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def csv_line(values: Iterable[str]) -> str:
    """One line without its line end."""
    return ",".join(csv_field(value) for value in values)


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Header line, then one line per row."""
    yield csv_line(columns)
    for row in rows:
        yield csv_line(row[column] for column in columns)


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """One dict of text per row, in the file's order; nothing is inferred."""
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def literal(value: str) -> str:
    """A SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def fixed_sql(value: str, decimals: str) -> str:
    """SQL text of a number with a fixed count of decimals; never a negative zero."""
    text = f"format('{{:.' || {decimals} || 'f}}', {value})"
    return rf"regexp_replace({text}, '^-(0(\.0*)?)$', '\1')"


def significant_sql(value: str) -> str:
    """SQL text of a number with 6 significant digits and never an exponent.

    The number is rounded once, in scientific form, so that 0.9999997 becomes 1.00000.
    """
    scientific = f"printf('%.5e', {value})"
    exponent = f"CAST(split_part({scientific}, 'e', 2) AS INTEGER)"
    text = f"format('{{:.' || greatest(0, 5 - {exponent}) || 'f}}', CAST({scientific} AS DOUBLE))"
    return f"CASE WHEN {value} = 0 THEN '0' ELSE {text} END"


def line_sql(fields: Sequence[str], spelled: Collection[str] = ()) -> str:
    """SQL text of one CSV line from SQL text expressions; NULL is an empty field.

    The line is searched once for what needs quotes, and only a line that has some is put together field by field.

    Args:
        fields: in the order of the columns.
        spelled: those of the fields that need no quotes, or have them already.
    """
    plain = [field for field in fields if field not in spelled]
    line = _joined_sql(fields)
    if not plain:
        return line
    careful = _joined_sql([field if field in spelled else quoted_sql(field) for field in fields])
    searched = f"concat({', '.join(plain)})"
    return f"CASE WHEN {_needs_quotes(searched)} THEN {careful} ELSE {line} END"


def quoted_sql(field: str) -> str:
    """SQL text of a field from a SQL text expression, quoted only where RFC 4180 needs it."""
    return f"CASE WHEN {_needs_quotes(field)} THEN '\"' || replace({field}, '\"', '\"\"') || '\"' ELSE {field} END"


def _needs_quotes(text: str) -> str:
    return f"regexp_matches({text}, '[,\"\\r\\n]')"


def _joined_sql(fields: Sequence[str]) -> str:
    return "concat(" + ", ',', ".join(fields) + ", '')"


def stream_lines(connection: duckdb.DuckDBPyConnection, header: Sequence[str], query: str) -> Iterator[str]:
    """Header line, then one line per row of a query with one text column, batch by batch."""
    yield csv_line(header)
    for batch in connection.sql(query).to_arrow_reader(BATCH_ROWS):
        yield from batch.column(0).to_pylist()


def stream_text(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[bytes]:
    """The text of a query with one text column and no NULL, its rows joined as they are, in blocks of about 1 MiB.

    The engine's own buffer is handed on: no row becomes an object.
    """
    for batch in connection.sql(query).to_arrow_reader(_BLOCK_ROWS):
        column = batch.column(0)
        _, offsets, text = column.buffers()
        ends = memoryview(offsets).cast("i")
        if len(column):
            yield bytes(memoryview(text)[ends[column.offset] : ends[column.offset + len(column)]])
