"""What was read back against what the release holds, cell by cell.

Here belongs the comparison: keys, values and attributes. Who reads a message is said in ``readers``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
from sdmx.model import v21

from schemas.errors import Problem
from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Dataflow, read_dataflow
from sdmx_out.messages.formats import DataFormat
from sdmx_out.validity.csv_check import csv_columns, csv_rows_sql
from sdmx_out.validity.formats import READERS, Reader
from sdmx_out.validity.problems import problem
from sdmx_out.validity.readers import UnreadableError, keeps_text, read_observations

#: Keys of differing cells that are named.
SHOWN = 3
_READ = "validity_read"


def differences(  # noqa: PLR0913 - the message, what it is, what it should say
    path: Path,
    message_format: DataFormat,
    definition: v21.DataflowDefinition,
    connection: duckdb.DuckDBPyConnection,
    query: str,
    *,
    file: str,
    readers: Sequence[Reader] | None = None,
    dataflow: Dataflow | None = None,
) -> list[Problem]:
    """Read a message with each reader of its format and compare it with the observations that are expected.

    Args:
        path: the message, plain or gzip'd.
        message_format: its format.
        definition: its dataflow, with the structure in full.
        connection: engine that the query can be asked from.
        query: the expected observations, one text column per component.
        file: name of the message in what is reported.
        readers: who reads it; all that can if None.
        dataflow: the same as the definition, where it has been made already.

    Returns:
        One problem per reader and kind of difference, with counts and the first keys.
    """
    dataflow = dataflow or read_dataflow(definition)
    found: list[Problem] = []
    for reader in READERS[message_format] if readers is None else readers:
        try:
            table = read_observations(path, message_format, reader, definition, dataflow)
        except UnreadableError as error:
            found.append(problem(file, "MESSAGE_UNREADABLE", f"{reader} cannot read it: {error}"))
            continue
        connection.register(_READ, table)
        try:
            is_exact = keeps_text(message_format, reader)
            found += row_differences(connection, dataflow, f"SELECT * FROM {_READ}", query, file, reader, is_exact)
        finally:
            connection.unregister(_READ)
    return found


def csv_differences(  # noqa: PLR0913 - as above
    path: Path,
    message_format: DataFormat,
    dataflow: Dataflow,
    connection: duckdb.DuckDBPyConnection,
    query: str,
    *,
    file: str,
) -> list[Problem]:
    """Compare all rows of a message in SDMX-CSV inside the engine, whatever their number.

    The message has passed ``csv_check``; arguments and result are those of ``differences``.
    """
    columns = ", ".join(f'"{item.id}"' for item in dataflow.components)
    read = f"SELECT {columns} FROM ({csv_rows_sql(path, csv_columns(message_format, dataflow))})"
    return row_differences(connection, dataflow, read, query, file, "the file", is_exact=True)


def row_differences(  # noqa: PLR0913 - as above
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    read: str,
    query: str,
    file: str,
    reader: str,
    is_exact: bool,
) -> list[Problem]:
    """Compare two queries with one text column per component.

    Args:
        connection: engine that both can be asked from.
        dataflow: what both are of.
        read: what was read back.
        query: what was expected.
        file: name of the message in what is reported.
        reader: who read it, for the same.
        is_exact: whether texts must be equal; if not, `1.50` and `1.5` are the same wherever they stand.
    """
    columns = ", ".join(f'"{item.id}"' for item in dataflow.components)
    expected = f"SELECT {columns} FROM ({query})"
    if _sum(connection, dataflow, read, is_exact) == _sum(connection, dataflow, expected, is_exact):
        return []
    told = list(_told(connection, dataflow, read, expected, is_exact))
    return [problem(file, "READBACK_DIFFERS", f"as {reader} reads it, {text}") for text in told or (_UNNAMED,)]


_UNNAMED = "rows differ that cannot be told apart by their keys"


def _same_sql(name: str, is_exact: bool) -> str:
    """SQL text that is the same for texts that say the same."""
    if is_exact:
        return name
    # A number without exponent, sign of a zero, zeros before, and zeros after the point.
    number = f"CASE WHEN contains(lower({name}), 'e') THEN {_plain_sql(name)} ELSE {name} END"
    trimmed = rf"regexp_replace(regexp_replace({number}, '^([+-]?)0+([0-9])', '\1\2'), '(\.[0-9]*?)0+$', '\1')"
    plain = rf"regexp_replace(regexp_replace({trimmed}, '\.$', ''), '^\+|^-0$', '')"
    zero = f"CASE WHEN regexp_full_match({name}, '-0*(\\.0*)?') THEN '0' ELSE {plain} END"
    return f"CASE WHEN regexp_full_match({name}, {literal(_NUMBER)}) THEN {zero} ELSE {name} END"


_NUMBER = r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?"


def _plain_sql(name: str) -> str:
    return f"CAST(TRY_CAST({name} AS DECIMAL(38, 20)) AS VARCHAR)"


def _sum(
    connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, rows: str, is_exact: bool
) -> tuple[int, int | None]:
    """Count and sum of the hashes of all rows: equal for the same rows in any order, without holding them."""
    parts = ", ".join(_same_sql(f'"{item.id}"', is_exact) for item in dataflow.components)
    (told,) = connection.execute(f"SELECT count(*), sum(hash({parts})::HUGEINT) FROM ({rows})").fetchall()
    return int(told[0]), told[1]


def _told(
    connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, read: str, expected: str, is_exact: bool
) -> Iterator[str]:
    key = [item.id for item in (*dataflow.dimensions, dataflow.time)]
    names = ", ".join(f'"{name}"' for name in key)
    keys = f"concat_ws('.', {names})"
    found = {
        "keys are there more than once": f"SELECT {keys} AS key FROM ({read}) GROUP BY {names} HAVING count(*) > 1"
    }
    for left, right, words in ((expected, read, "observations are missing"), (read, expected, "were not expected")):
        on = " AND ".join(f'a."{name}" IS NOT DISTINCT FROM b."{name}"' for name in key)
        alone = f"SELECT {keys} AS key FROM ({left}) AS a WHERE NOT EXISTS (SELECT 1 FROM ({right}) AS b WHERE {on})"
        found[words] = alone
    for words, query in found.items():
        (told,) = connection.execute(f"SELECT count(*), min(key, {SHOWN}) FROM ({query})").fetchall()
        yield from _counted(words, *told)
    others = [item.id for item in dataflow.components if item.id not in key]
    parts = ", ".join(_changed(name, keys, is_exact) for name in others)
    joined = f"({expected}) AS a JOIN ({read}) AS b USING ({names})"
    (told,) = connection.execute(f"SELECT {parts} FROM {joined}").fetchall()
    for name, count, first in zip(others, told[::2], told[1::2], strict=True):
        yield from _counted(f"values of {name} differ", count, first)


def _changed(name: str, keys: str, is_exact: bool) -> str:
    """SQL text of the number of cells of a component that differ, and of what is said of the first."""
    left, right = f'a."{name}"', f'b."{name}"'
    said = f"concat({keys}, ' expected ', coalesce({left}, 'none'), ' found ', coalesce({right}, 'none'))"
    where = f"FILTER ({_same_sql(left, is_exact)} IS DISTINCT FROM {_same_sql(right, is_exact)})"
    return f"count(*) {where}, min({said}, {SHOWN}) {where}"


def _counted(words: str, count: int, first: Sequence[str] | None) -> Iterator[str]:
    if count:
        yield f"{count:,} {words}: {'; '.join(first or ())}"
