"""Messages of the example in every format, and a release that is made of them."""

import gzip
from functools import cache
from pathlib import Path

import duckdb
from sdmx.model import v21

from sdmx_out.csv_text import csv_lines, read_csv
from sdmx_out.messages import parquet_data
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.formats import FORMATS, DataFormat, Spoken
from sdmx_out.structures.message import structure_bytes, structure_bytes_30, structure_json
from tests.sdmx_out.example import EMPLOYMENT, RATE, STAY
from tests.sdmx_out.messages import flows

#: Of the release; its structures are those of more.
INDICATORS = (EMPLOYMENT, RATE, STAY)
TOC_COLUMNS = ("file", "dataflow", "rows", "status")


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """Return one engine for all tests that change nothing in it."""
    return flows.connection()


@cache
def definition(indicator: str = EMPLOYMENT, *, is_twin: bool = False) -> v21.DataflowDefinition:
    """Return a dataflow with its structure in full."""
    return flows.structures().dataflow[flows.dataflow(indicator, is_twin=is_twin).id]


@cache
def dataflow(indicator: str = EMPLOYMENT, *, is_twin: bool = False) -> Dataflow:
    """Return the same as the writers see it."""
    return flows.dataflow(indicator, is_twin=is_twin)


@cache
def message(message_format: DataFormat, indicator: str = EMPLOYMENT, *, is_twin: bool = False) -> bytes:
    """Return a message as it is released."""
    query = flows.query(indicator, is_twin=is_twin)
    write = FORMATS[message_format].write
    return b"".join(write(connection(), dataflow(indicator, is_twin=is_twin), query, flows.HEADER, Spoken()))


@cache
def structures() -> dict[str, bytes]:
    """Return the structure messages by the names that a release gives them."""
    built = flows.structures()
    return {
        "structure/structures.xml": structure_bytes(built),
        "structure/structures-3.0.xml": structure_bytes_30(built),
        "structure/structures.json": structure_json(built),
    }


def write_release(folder: Path) -> list[dict[str, str]]:
    """Write the example's messages as a release has them, with a table of contents; return its rows."""
    rows = []
    for name, body in structures().items():
        _write(folder / name, body)
    for indicator in INDICATORS:
        for is_twin in (False, True):
            flow, query = dataflow(indicator, is_twin=is_twin), flows.query(indicator, is_twin=is_twin)
            count = len(connection().sql(query).fetchall())
            table = b"".join(parquet_data.blocks(connection(), flow, query, flows.HEADER))
            files = {
                f"data/parquet/{flow.id}.parquet": table,
                f"data/sdmx-csv/{flow.id}.csv": message("sdmx-csv-1.0", indicator, is_twin=is_twin),
                f"data/sdmx-csv-2.0/{flow.id}.csv.gz": _packed("sdmx-csv-2.0", indicator, is_twin=is_twin),
                f"data/sdmx-ml-2.1/{flow.id}.xml.gz": _packed("sdmx-ml-2.1", indicator, is_twin=is_twin),
                f"data/sdmx-ml-3.0/{flow.id}.xml.gz": _packed("sdmx-ml-3.0", indicator, is_twin=is_twin),
                f"data/sdmx-json-2.0/{flow.id}.json.gz": _packed("sdmx-json-2.0", indicator, is_twin=is_twin),
            }
            for name, body in files.items():
                _write(folder / name, body)
                rows.append({"file": name, "dataflow": flow.id, "rows": str(count), "status": ""})
    write_contents(folder, rows)
    return rows


def write_contents(folder: Path, rows: list[dict[str, str]]) -> None:
    """Write the table of contents."""
    (folder / "toc.csv").write_text("\n".join(csv_lines(TOC_COLUMNS, rows)) + "\n", encoding="utf-8")


def _packed(message_format: DataFormat, indicator: str, *, is_twin: bool) -> bytes:
    return gzip.compress(message(message_format, indicator, is_twin=is_twin), mtime=0)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def contents(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the table of contents."""
    return list(read_csv(folder / "toc.csv"))
