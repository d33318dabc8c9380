"""A dataflow's observations as one Parquet file, and as a query again.

Here belong the columns of the file and how it is read back. Where files are put does not belong here.
A number stands twice: as DOUBLE, which R, pandas and DuckDB calculate with, and as the text that messages print, which
a number does not hold (9.50000 is 9.5) and no one rule restores (standard errors have six significant digits, rates a
fixed count of decimals). So every message can be written from the file with the same bytes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.header import Header

ROW_GROUP_ROWS = 131_072
#: What is added to a number's name where its printed text stands.
PRINTED = "_TEXT"
#: Column that says when an observation was last changed, in the files of a release.
LAST_UPDATE = "LAST_UPDATE"


class _Sink:
    """Collects what is written until it is taken; to the writer it is a file that only grows."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._size += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def close(self) -> None:
        """What was written stays to be taken."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def blocks(
    connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, query: str, header: Header, *, extra: Sequence[str] = ()
) -> Iterator[bytes]:
    """The bytes of the file, a row group at a time.

    Components stand in the order of the data structure, as text, numbers as DOUBLE; the printed text of numbers follows
    in columns of its own. Missing is NULL. The file names its dataflow, data structure and message.

    Args:
        connection: where the query can be run.
        dataflow: whose observations they are.
        query: one text column per component, one row per observation.
        header: of the message.
        extra: further text columns of the query that are kept, after all others.
    """
    numbers = [item.id for item in dataflow.components if item.is_number]
    fields = [(item.id, pa.float64() if item.is_number else pa.string()) for item in dataflow.components]
    fields += [(f"{name}{PRINTED}", pa.string()) for name in numbers]
    fields += [(name, pa.string()) for name in extra]
    said = {
        "dataflow": dataflow.reference,
        "structure": f"{dataflow.agency}:{dataflow.structure}({dataflow.version})",
        "message": header.id,
        "prepared": header.prepared_at,
        "test": str(header.is_test).lower(),
    }
    schema = pa.schema(fields, metadata=said)
    columns = ", ".join(
        f'CAST("{item.id}" AS DOUBLE) AS "{item.id}"' if item.is_number else f'"{item.id}"'
        for item in dataflow.components
    )
    printed = "".join(f', "{name}" AS "{name}{PRINTED}"' for name in numbers)
    printed += "".join(f', "{name}"' for name in extra)
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd", version="2.6") as writer:
        for group in _row_groups(connection, f"SELECT {columns}{printed} FROM ({query})", schema):
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            yield sink.take()
    yield sink.take()


def _row_groups(connection: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of a query, cut at a fixed count: the engine's own batches may be of any size."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in connection.sql(query).to_arrow_reader(ROW_GROUP_ROWS):
        waiting.append(batch)
        count += batch.num_rows
        if count >= ROW_GROUP_ROWS:
            table = pa.Table.from_batches(waiting).cast(schema)
            yield table.slice(0, ROW_GROUP_ROWS)
            rest = table.slice(ROW_GROUP_ROWS)
            waiting, count = rest.to_batches(), rest.num_rows
    if count:
        yield pa.Table.from_batches(waiting).cast(schema)


def observations_of(path: Path) -> str:
    """Query of a file's observations in the shape that writers take: text columns, in the file's order."""
    names = pq.read_schema(path).names
    fields = (
        f'"{name}{PRINTED}" AS "{name}"' if f"{name}{PRINTED}" in names else f'"{name}"'
        for name in names
        if not name.endswith(PRINTED)
    )
    return f"SELECT {', '.join(fields)} FROM read_parquet({literal(str(path))})"
