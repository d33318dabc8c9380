"""One data message, looked at whole: valid, and saying what it should.

Here belongs the order of the checks of a single message. Which messages of a release are looked at is said in
``release_check``.
"""

from pathlib import Path

import duckdb
from sdmx.model import v21

from schemas.errors import Problem
from sdmx_out.messages.dataflow import read_dataflow
from sdmx_out.messages.formats import DataFormat
from sdmx_out.validity.csv_check import csv_problems
from sdmx_out.validity.differences import csv_differences, differences
from sdmx_out.validity.schema_check import schema_problems


def message_problems(  # noqa: PLR0913 - the message, what it is, what it should say
    path: Path,
    message_format: DataFormat,
    definition: v21.DataflowDefinition,
    connection: duckdb.DuckDBPyConnection,
    query: str,
    *,
    file: str,
) -> list[Problem]:
    """What is wrong with a data message.

    Args:
        path: the message, plain or gzip'd.
        message_format: its format.
        definition: its dataflow, with the structure in full.
        connection: engine that the query can be asked from.
        query: the expected observations, one text column per component.
        file: name of the message in what is reported.

    Returns:
        Faults of validity; only of a valid message what is read back otherwise than expected.
    """
    dataflow = read_dataflow(definition)
    if message_format.startswith("sdmx-csv"):
        found = csv_problems(path, message_format, dataflow, connection, file=file)
        found = found or csv_differences(path, message_format, dataflow, connection, query, file=file)
    else:
        found = schema_problems(path, message_format, dataflow, file=file)
    return found or differences(path, message_format, definition, connection, query, file=file, dataflow=dataflow)
