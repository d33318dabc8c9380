"""Parquet files that an office hands in, of flat columns, in batches; to be run in the process of ``reading_service``.

The extract that this project writes is another matter: it belongs to ``parquet``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.readers import canonical
from pipelines.readers.layout import FileLayout, OpenExtract, check_columns, damaged, refusal

CHUNK_CELLS = 1_000_000
_BUFFER = 1 << 20
# Where writers keep the label of a column, in order of preference.
_LABEL_KEYS = (b"label", b"description", b"comment")


def open_parquet(path: Path, layout: FileLayout, file: str, chunk_cells: int = CHUNK_CELLS) -> OpenExtract:
    """One Parquet file opened: its columns, labels and batches of text.

    Yes is ``1`` and no is ``0``; a moment with a time zone is told in UTC and ends in Z.

    Args:
        path: the file.
        layout: its declaration.
        file: name for messages.
        chunk_cells: most cells of a batch.

    Raises:
        InputError: FILE_TRUNCATED, FILE_COLUMNS, FILE_DUPLICATE_COLUMN, VARIABLE_MISSING here; FILE_TRUNCATED,
            FILE_ENCODING and FILE_CELL while the batches are read.
    """
    try:
        stored = pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER, page_checksum_verification=True)
        schema = stored.schema_arrow
        columns = tuple(schema.names)
        labels = {field.name: label for field in schema if (label := _label(field))}
        rows = stored.metadata.num_rows
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError):
        raise damaged(file) from None
    if not columns or not rows:
        raise refusal(file, "FILE_EMPTY", "the file has no rows", "hand in the file with its rows")
    check_columns(columns, layout.fields, file)
    nested = [field.name for field in schema if pa.types.is_nested(_plain(field.type))]
    if nested:
        raise refusal(
            file,
            "FILE_COLUMNS",
            f"{len(nested)} columns hold lists or groups: {', '.join(nested[:10])}",
            "write one column for each variable",
        )
    size = max(1, chunk_cells // len(columns))
    return OpenExtract(
        columns=columns,
        batches=_batches(stored, columns, size, rows, file),
        encoding="utf-8",
        types={field.name: str(field.type) for field in schema},
        labels=labels,
    )


def _batches(stored: Any, columns: tuple[str, ...], size: int, expected: int, file: str) -> Iterator[Any]:
    """Batches of text columns."""
    rows = 0
    batches = stored.iter_batches(batch_size=size, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                break
            batch.validate(full=True)
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, ValueError):
            raise damaged(file) from None
        arrays = [_text(column, name, rows, file) for name, column in zip(columns, batch.columns, strict=True)]
        rows += batch.num_rows
        yield pa.RecordBatch.from_arrays(arrays, list(columns))
    if rows != expected:
        raise damaged(file)


def _text(values: Any, name: str, rows: int, file: str) -> Any:
    """One column's canonical text."""
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_boolean(kind):
        return pc.cast(pc.cast(values, pa.int8()), pa.string())
    if pa.types.is_floating(kind):
        return _floats_text(values, name, rows, file)
    if pa.types.is_decimal(kind):
        texts = [None if value is None else canonical.decimal_text(value) for value in values.to_pylist()]
        return pa.array(texts, pa.string())
    if pa.types.is_temporal(kind):
        return _temporal_text(values)
    try:
        return pc.cast(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Of the types that are left only bytes can fail.
        pass
    raise refusal(
        file,
        "FILE_ENCODING",
        f"the bytes of column {name} are not UTF-8 text",
        "write the column as text",
    )


def _floats_text(values: Any, name: str, rows: int, file: str) -> Any:
    """Text of float numbers, all of which are finite."""
    if pa.types.is_float16(values.type):
        values = pc.cast(values, pa.float32())
    infinite = pc.index(pc.is_inf(values), True).as_py()
    if infinite >= 0:
        raise refusal(
            file,
            "FILE_CELL",
            f"an infinite number stands in column {name}",
            "write a missing value as null",
            rows + infinite + 1,
        )
    return canonical.floats_text(values)


def _temporal_text(values: Any) -> Any:
    """Text of dates, date-times, times of day and lengths of time."""
    kind = values.type
    if pa.types.is_date(kind):
        days = pc.cast(values, pa.date32())
        return canonical.dates_text(pc.cast(pc.cast(days, pa.int32()), pa.float64()))
    if pa.types.is_duration(kind):
        per_ms = {"s": 1e-3, "ms": 1.0, "us": 1e3, "ns": 1e6}[kind.unit]
        return canonical.durations_text(pc.divide(pc.cast(pc.cast(values, pa.int64()), pa.float64()), per_ms))
    zone = ""
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        values = pc.cast(values, pa.timestamp(kind.unit))
        zone = "Z"
    text = pc.replace_substring(pc.cast(values, pa.string()), " ", "T")
    text = pc.replace_substring_regex(text, r"(\.\d{3})0+$", r"\1")
    text = pc.replace_substring_regex(text, r"\.000$", "")
    return pc.binary_join_element_wise(text, zone, "") if zone else text


def _plain(kind: Any) -> Any:
    """A column's type behind extensions and dictionaries."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _label(field: Any) -> str:
    """The label that a column's metadata gives, or nothing."""
    metadata = field.metadata or {}
    return next((metadata[key].decode("utf-8", "replace") for key in _LABEL_KEYS if key in metadata), "")
