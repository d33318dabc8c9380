"""Messages read back: the same observations, as another program finds them in a message.

Here belongs how each reader is called and how what it returns becomes one table of text. Whether that is what the
release holds is said in ``differences``.

All readers hold a message whole: sdmx1 some 5 kB per observation, pysdmx some 3 kB. What is read at once is limited by
who calls.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Literal, cast

import pyarrow as pa
import pysdmx.io
import sdmx

# Has to be there before any data in SDMX-ML 2.1 are read: once it has met the namespace of a data structure, sdmx1
# cannot load its reader of 3.0 any more.
import sdmx.reader.xml.v30
from pysdmx.io.pd import PandasDataset
from sdmx.model import v21

from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.formats import DataFormat
from sdmx_out.validity.formats import Reader
from sdmx_out.validity.json_reader import json_rows
from sdmx_out.validity.message_files import open_message

#: Text of a missing number in SDMX.
_MISSING = "NaN"


class UnreadableError(Exception):
    """A reader cannot read a message; what it says is the text."""


def keeps_text(message_format: DataFormat, reader: Reader) -> bool:
    """Whether a reader returns numbers as they are printed; pysdmx makes numbers of what looks so in SDMX-CSV."""
    return not (reader == "pysdmx" and message_format.startswith("sdmx-csv"))


def read_observations(
    path: Path,
    message_format: DataFormat,
    reader: Reader,
    definition: v21.DataflowDefinition,
    dataflow: Dataflow,
) -> pa.Table:
    """The observations of a message as one reader finds them.

    Args:
        path: the message, plain or gzip'd.
        message_format: its format, one that the reader can read.
        reader: who reads it.
        definition: the dataflow with its structure, which some readers need.
        dataflow: the same, as the writers see it.

    Returns:
        One row per observation in the message's order; one text column per component, null where it has no value.

    Raises:
        UnreadableError: the reader stops, finds another dataflow, or a component that the structure does not have.
    """
    with open_message(path) as stream:
        body = stream.read()
    try:
        reference, columns = _READ[reader](body, message_format, definition, dataflow)
    except UnreadableError:
        raise
    except Exception as error:
        # Readers raise whatever their code runs into; all of it means that the message cannot be read.
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    if reference != dataflow.reference:
        raise UnreadableError(f"it is a message of {reference}, not of {dataflow.reference}")
    if unknown := [name for name in columns if name not in {item.id for item in dataflow.components}]:
        raise UnreadableError(f"the data structure has no {', '.join(unknown)}")
    count = max((len(values) for values in columns.values()), default=0)
    numbers = {item.id for item in dataflow.components if item.is_number}
    return pa.table(
        {
            item.id: pa.array(
                (_text(value, is_number=item.id in numbers) for value in columns.get(item.id, [None] * count)),
                type=pa.string(),
                size=count,
            )
            for item in dataflow.components
        }
    )


def _text(value: object, *, is_number: bool) -> str | None:
    if not isinstance(value, str) or not value or (is_number and value == _MISSING):
        return None
    return value


Columns = Mapping[str, list[object]]
Read = Callable[[bytes, DataFormat, v21.DataflowDefinition, Dataflow], tuple[str, Columns]]


def read_sdmx1(body: bytes, message_format: Literal["CSV", "XML"], structure: object = None) -> sdmx.message.Message:
    """Read a message with sdmx1, which prints what it holds when it stops: that is nothing for our users."""
    with redirect_stdout(io.StringIO()):
        return sdmx.read_sdmx(io.BytesIO(body), format=message_format, structure=structure)


def _read_sdmx1(
    body: bytes, message_format: DataFormat, definition: v21.DataflowDefinition, dataflow: Dataflow
) -> tuple[str, Columns]:
    is_csv = message_format.startswith("sdmx-csv")
    message = read_sdmx1(body, "CSV" if is_csv else "XML", definition if is_csv else definition.structure)
    found = message.dataflow
    names = [item.id for item in dataflow.components]
    columns: dict[str, list[object]] = {name: [] for name in names}
    for observation in (item for data_set in message.data for item in data_set.obs):
        values = {key: part.value for key, part in observation.key.values.items()}
        values |= {key: part.value for key, part in observation.attrib.items()}
        values[dataflow.measure.id] = observation.value
        if unknown := values.keys() - columns.keys():
            raise UnreadableError(f"the data structure has no {', '.join(sorted(unknown))}")
        for name in names:
            value = values.get(name)
            columns[name].append(value if value is None else str(value))
    return f"{found.maintainer.id}:{found.id}({found.version})", columns


def _read_pysdmx(
    body: bytes, _format: DataFormat, _definition: v21.DataflowDefinition, dataflow: Dataflow
) -> tuple[str, Columns]:
    # Its own validation passes over known faults of its writers; messages are validated in `schema_check`.
    message = pysdmx.io.read_sdmx(io.BytesIO(body), validate=False)
    data_sets = [cast(PandasDataset, data_set) for data_set in message.data or ()]
    if not data_sets:
        return dataflow.reference, {}
    references = {str(data_set.structure) for data_set in data_sets}
    names = list(dict.fromkeys(name for data_set in data_sets for name in data_set.data.columns))
    columns: dict[str, list[object]] = {name: [] for name in names}
    for data_set in data_sets:
        frame = data_set.data.reindex(columns=names)
        for name in names:
            columns[name].extend(frame[name].astype(object).tolist())
    return " and ".join(_dataflow_of(text) for text in sorted(references)), columns


def _dataflow_of(text: str) -> str:
    return text.removeprefix("Dataflow=")


def _read_own(
    body: bytes, message_format: DataFormat, _definition: v21.DataflowDefinition, dataflow: Dataflow
) -> tuple[str, Columns]:
    reference, rows = json_rows(body, message_format)
    return reference, _columns(rows, dataflow)


def _columns(rows: Iterable[Mapping[str, str]], dataflow: Dataflow) -> Columns:
    columns: dict[str, list[object]] = {item.id: [] for item in dataflow.components}
    for row in rows:
        if unknown := row.keys() - columns.keys():
            raise UnreadableError(f"the data structure has no {', '.join(sorted(unknown))}")
        for name, values in columns.items():
            values.append(row.get(name))
    return columns


_READ: Mapping[Reader, Read] = {"sdmx1": _read_sdmx1, "pysdmx": _read_pysdmx, "own": _read_own}
