"""SDMX-CSV and Parquet files against their dataflow: columns and all rows.

Here belongs what makes a message valid in formats for which the standard has no schema. What must be true of rows is
said in ``row_check``; whether they say what the release holds, in ``differences``.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv

from schemas.errors import Problem
from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.formats import DataFormat
from sdmx_out.messages.parquet_data import LAST_UPDATE, PRINTED, observations_of
from sdmx_out.validity.message_files import DAMAGED, check_packed, is_packed, lines, open_message
from sdmx_out.validity.problems import problem
from sdmx_out.validity.row_check import row_problems

#: Format -> columns before those of the components.
_LEADING: Mapping[DataFormat, Sequence[str]] = {
    "sdmx-csv-1.0": ("DATAFLOW",),
    "sdmx-csv-2.0": ("STRUCTURE", "STRUCTURE_ID", "ACTION"),
}


def csv_columns(message_format: DataFormat, dataflow: Dataflow) -> list[str]:
    """Columns of a message in SDMX-CSV with codes, in their order."""
    return [*_LEADING[message_format], *(item.id for item in dataflow.components)]


def csv_rows_sql(path: Path, columns: Sequence[str]) -> str:
    """Query of a message's rows as text, in the file's order; NULL where a field is empty."""
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    packing = "gzip" if is_packed(path) else "none"
    return (
        f"SELECT * FROM read_csv({literal(str(path))}, header = true, auto_detect = false, delim = ',', quote = '\"', "
        f"escape = '\"', nullstr = '', strict_mode = true, compression = '{packing}', columns = {{{types}}})"
    )


def csv_problems(
    path: Path,
    message_format: DataFormat,
    dataflow: Dataflow,
    connection: duckdb.DuckDBPyConnection,
    *,
    file: str,
    is_delta: bool = False,
) -> list[Problem]:
    """What is wrong with a message in SDMX-CSV.

    Args:
        path: the message, plain or gzip'd.
        message_format: which SDMX-CSV.
        dataflow: that its rows are of.
        connection: any engine.
        file: name of the message in what is reported.
        is_delta: whether rows may take away what a part of a key names (version 2.0).

    Returns:
        One problem per kind of fault and column, with the number of rows and a value.
    """
    columns = csv_columns(message_format, dataflow)
    try:
        # The engine does not compare the checksum of what it unpacks.
        check_packed(path)
        header = next(csv.reader(io.StringIO(next(lines(path), b"").decode("utf-8"), newline="")), [])
    except (*DAMAGED, UnicodeDecodeError) as error:
        return [problem(file, "MESSAGE_INVALID", f"the file cannot be read: {error}")]
    if header != columns:
        return [problem(file, "MESSAGE_INVALID", _header_fault(header, columns), 1)]
    fixed = _fixed(message_format, dataflow)
    rows = csv_rows_sql(path, columns)
    try:
        if not is_delta:
            return row_problems(rows, dataflow, connection, file=file, fixed=fixed)
        put, taken = (
            f"SELECT * FROM ({rows}) WHERE ACTION IS DISTINCT FROM 'D'",
            f"SELECT * FROM ({rows}) WHERE ACTION = 'D'",
        )
        return [
            *row_problems(put, dataflow, connection, file=file, fixed=fixed),
            *row_problems(taken, dataflow, connection, file=file, fixed=fixed, are_observations=False),
        ]
    except duckdb.Error as error:
        return [problem(file, "MESSAGE_INVALID", f"it is no CSV throughout: {_first_words(error, path)}")]


def is_same_text(path: Path, message_format: DataFormat, dataflow: Dataflow, rows: pa.Table) -> bool:
    """Whether a message in SDMX-CSV says what some rows say, in the same order and text for text.

    It is a quick yes: why not is found out by ``csv_problems`` and the comparison of all rows.

    Args:
        path: the message, plain or gzip'd.
        message_format: which SDMX-CSV.
        dataflow: that its rows are of.
        rows: one text column per component, in their order.
    """
    columns = csv_columns(message_format, dataflow)
    as_text = pacsv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    try:
        with open_message(path) as stream:
            told = pacsv.read_csv(
                stream, parse_options=pacsv.ParseOptions(newlines_in_values=True), convert_options=as_text
            )
    except (*DAMAGED, pa.ArrowInvalid):
        return False
    if told.column_names != columns:
        return False
    for name, values in _fixed(message_format, dataflow).items():
        if not set(told[name].unique().to_pylist()) <= set(values):
            return False
    return all(told[item.id].equals(rows[item.id]) for item in dataflow.components)


def _fixed(message_format: DataFormat, dataflow: Dataflow) -> Mapping[str, Sequence[str]]:
    """Column before those of the components -> what may stand in it."""
    if message_format == "sdmx-csv-2.0":
        return {"STRUCTURE": ("dataflow",), "STRUCTURE_ID": (dataflow.reference,), "ACTION": ("A", "D", "I", "R")}
    return {"DATAFLOW": (dataflow.reference,)}


def parquet_problems(
    path: Path, dataflow: Dataflow, connection: duckdb.DuckDBPyConnection, *, file: str
) -> list[Problem]:
    """What is wrong with a Parquet file; arguments and result are those of ``csv_problems``."""
    names = [item.id for item in dataflow.components]
    numbers = [item.id for item in dataflow.components if item.is_number]
    try:
        told = connection.execute(f"SELECT name FROM parquet_schema({literal(str(path))}) WHERE num_children IS NULL")
        header = [row[0] for row in told.fetchall()]
        columns = [*names, *(f"{name}{PRINTED}" for name in numbers)]
        if header not in (columns, [*columns, LAST_UPDATE]):
            return [problem(file, "MESSAGE_INVALID", _header_fault(header, columns))]
        found = row_problems(observations_of(path), dataflow, connection, file=file)
        counts = ", ".join(
            f'count(*) FILTER ("{name}" IS DISTINCT FROM CAST("{name}{PRINTED}" AS DOUBLE))' for name in numbers
        )
        if not found:
            query = f"SELECT {counts} FROM read_parquet({literal(str(path))})"
            (differing,) = connection.execute(query).fetchall()
            for name, count in zip(numbers, differing, strict=True):
                if count:
                    text = f"{name} of {count:,} rows is not the number that is printed beside it"
                    found.append(problem(file, "MESSAGE_INVALID", text))
    except duckdb.Error as error:
        return [problem(file, "MESSAGE_INVALID", f"it is no Parquet throughout: {_first_words(error, path)}")]
    return found


def _first_words(error: duckdb.Error, path: Path) -> str:
    """What the engine found, without its advice and without the folder."""
    return str(error).split("Possible fixes", 1)[0].split("LINE 1", 1)[0].replace(str(path), path.name)


def _header_fault(header: Sequence[str], columns: Sequence[str]) -> str:
    missing = [name for name in columns if name not in header]
    other = [name for name in header if name not in columns]
    if missing or other:
        told = [f"misses {', '.join(missing)}"] * bool(missing) + [f"has unknown {', '.join(other)}"] * bool(other)
        return f"the header {' and '.join(told)}"
    return f"the columns are not in the order of the data structure: {','.join(header)}"
