"""The one Parquet file of a raw extract: written whole or not at all, the same bytes for the same rows."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.readers.layout import ROW_NUMBER, refusal

# Whole row groups are held in memory: wide files get shorter ones.
ROW_GROUP_ROWS = 65_536
ROW_GROUP_CELLS = 8_000_000


def write_parquet(
    columns: Sequence[str],
    batches: Iterator[Any],
    target: Path,
    file: str,
    progress: Callable[[int], None] | None = None,
) -> int:
    """One Parquet file with ``row_number`` and the text columns, both from the batches; returns the number of rows.

    Row groups depend on the rows alone and not on how they arrived in batches. The file appears under
    its name only when it is complete and on disk.

    Raises:
        InputError: FILE_EMPTY when there are no rows, and what the reader of the batches raises.
    """
    schema = pa.schema([(ROW_NUMBER, pa.int64())] + [(name, pa.string()) for name in columns])
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    part = Path(name)
    try:
        rows = 0
        with (
            os.fdopen(handle, "wb") as stream,
            pq.ParquetWriter(stream, schema, compression="zstd", store_schema=False) as writer,
        ):
            for group in _row_groups(batches, len(columns)):
                writer.write_table(group.cast(schema))
                rows += group.num_rows
                if progress:
                    progress(rows)
            writer.close()
            stream.flush()
            os.fsync(stream.fileno())
        if rows == 0:
            raise refusal(file, "FILE_EMPTY", "the file has no rows", "hand in the file with its rows")
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return rows


def _row_groups(batches: Iterator[Any], width: int) -> Iterator[Any]:
    """Tables of equal length, the last one shorter, cut from batches of any length."""
    size = max(1_000, min(ROW_GROUP_ROWS, ROW_GROUP_CELLS // max(width, 1)))
    held: list[Any] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= size:
            table = pa.Table.from_batches(held)
            yield table.slice(0, size)
            held = table.slice(size).to_batches()
            count -= size
    if count:
        yield pa.Table.from_batches(held)
