"""The rows of one record type of a file that holds several, and the number of each row in its file."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.readers.layout import ROW_NUMBER, Records, refusal

# Record types are a handful: more codes than this are another variable.
CODES_LIMIT = 1_000


def number_rows(batches: Iterator[Any]) -> Iterator[Any]:
    """The same batches with ``row_number`` from 1 as their first column."""
    rows = 0
    for batch in batches:
        numbers = pa.array(np.arange(rows + 1, rows + batch.num_rows + 1))
        rows += batch.num_rows
        yield pa.RecordBatch.from_arrays([numbers, *batch.columns], [ROW_NUMBER, *batch.schema.names])


def take_records(batches: Iterator[Any], records: Records, counts: dict[str, int], file: str) -> Iterator[Any]:
    """The rows of one record type, of batches that have ``row_number``.

    Args:
        batches: numbered batches of text.
        records: the variable and its codes; blanks around a value make no difference.
        counts: gets code -> rows of all other codes; a missing one is ``""``.
        file: name for messages.

    Raises:
        InputError: FILE_RECORD_TYPE when the variable has too many values to be one of record types.
    """
    for batch in batches:
        codes = trimmed(batch.column(records.variable))
        is_taken = is_one_of(codes, records.codes)
        count_codes(codes.filter(pc.invert(is_taken)), counts, file)
        if kept := batch.filter(is_taken):
            yield kept


def trimmed(values: Any) -> Any:
    """Codes without blanks around them; a missing one is blank."""
    return pc.fill_null(pc.utf8_trim_whitespace(values), "")


def is_one_of(values: Any, codes: Sequence[str]) -> Any:
    """Mask of the values that are one of the codes."""
    return pc.is_in(values, value_set=pa.array([code.strip() for code in codes], pa.string()))


def count_codes(values: Any, counts: dict[str, int], file: str) -> None:
    """Add a batch's codes to ``counts``.

    Raises:
        InputError: FILE_RECORD_TYPE.
    """
    for entry in pc.value_counts(values).to_pylist():
        counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    if len(counts) > CODES_LIMIT:
        raise refusal(
            file,
            "FILE_RECORD_TYPE",
            f"the record variable has more than {CODES_LIMIT} different values",
            "correct the variable that records names, or its place in the layout",
        )
