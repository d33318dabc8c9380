"""The Parquet file of a dataflow: its columns, its bytes, and every message written from it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sdmx_out.files import write_blocks
from sdmx_out.messages import csv_data, json_data, parquet_data
from sdmx_out.messages.dataflow import Dataflow
from tests.sdmx_out.messages import flows

ALL = [(name, is_twin) for name in flows.INDICATORS for is_twin in (False, True)]
NUMBERS = ["OBS_VALUE", "DECIMALS", "UPPER_BOUND", "LOWER_BOUND"]

Blocks = Callable[[duckdb.DuckDBPyConnection, Dataflow, str], Iterator[bytes]]
WRITERS: dict[str, Blocks] = {
    "csv-1.0": lambda engine, flow, query: csv_data.blocks(engine, flow, query, flows.HEADER, labels="both"),
    "csv-2.0": lambda engine, flow, query: csv_data.blocks(engine, flow, query, flows.HEADER, version="2.0"),
    "json-1.0": lambda engine, flow, query: json_data.blocks(engine, flow, query, flows.HEADER, version="1.0"),
    "json-2.0": lambda engine, flow, query: json_data.blocks(engine, flow, query, flows.HEADER, is_flat=True),
    "parquet": lambda engine, flow, query: parquet_data.blocks(engine, flow, query, flows.HEADER),
}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with flows.connection() as engine:
        yield engine


def _file(
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    indicator: str = flows.EMPLOYMENT,
    query: str | None = None,
    *,
    is_twin: bool = False,
) -> Path:
    flow = flows.dataflow(indicator, is_twin=is_twin)
    given = flows.query(indicator, is_twin=is_twin) if query is None else query
    return write_blocks(folder / "x.parquet", parquet_data.blocks(connection, flow, given, flows.HEADER)).path


def test_columns_and_what_the_file_says_of_itself(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    file = pq.ParquetFile(_file(tmp_path, connection))
    flow = flows.dataflow(flows.EMPLOYMENT)
    assert file.schema_arrow.names == [item.id for item in flow.components] + [f"{name}_TEXT" for name in NUMBERS]
    types = {field.name: field.type for field in file.schema_arrow}
    assert all(types[name] == (pa.float64() if name in NUMBERS else pa.string()) for name in types)
    metadata = file.schema_arrow.metadata
    assert {name: metadata[name] for name in metadata if not name.startswith(b"ARROW")} == {
        b"dataflow": b"ILO:DF_MST_TEMP_SEX_AGE_CBR_NB(1.0)",
        b"structure": b"ILO:MST_TEMP_SEX_AGE_CBR_NB(1.0)",
        b"message": b"TEST",
        b"prepared": b"2026-11-23T00:00:00Z",
        b"test": b"true",
    }
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_numbers_are_numbers_to_pandas(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    table = pd.read_parquet(_file(tmp_path, connection))
    assert table.OBS_VALUE.dropna().tolist() == [1234.568, 1200.001, 1234.568]
    assert table.OBS_VALUE.isna().tolist() == [False, False, True, True, False]
    assert table.LOWER_BOUND.dropna().tolist() == [9.5, 0.0, 9.5]
    assert table.LOWER_BOUND_TEXT.dropna().tolist() == ["9.50000", "0", "9.50000"]
    assert table.OBS_STATUS.dropna().tolist() == ["U", "C", "S"]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(("indicator", "is_twin"), ALL)
def test_every_message_is_the_same_from_the_file(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, indicator: str, writer: str, *, is_twin: bool
) -> None:
    flow, query = flows.dataflow(indicator, is_twin=is_twin), flows.query(indicator, is_twin=is_twin)
    again = parquet_data.observations_of(_file(tmp_path, connection, indicator, is_twin=is_twin))
    assert connection.sql(again).columns == [item.id for item in flow.components]
    assert b"".join(WRITERS[writer](connection, flow, again)) == b"".join(WRITERS[writer](connection, flow, query))


def test_row_groups_have_a_fixed_size_with_any_number_of_threads(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    rows = 2 * parquet_data.ROW_GROUP_ROWS + 5
    query = (
        f"SELECT * EXCLUDE (i) REPLACE (CAST(i AS VARCHAR) AS NOTE_CLASSIF) FROM ({flows.query(flows.EMPLOYMENT)} "
        f"LIMIT 1), range({rows * 2}) AS many(i) WHERE i % 2 = 1 ORDER BY i"
    )
    found = []
    for threads in (1, 4):
        connection.execute(f"SET threads = {threads}")
        found.append(_file(tmp_path / str(threads), connection, query=query))
    assert found[0].read_bytes() == found[1].read_bytes()
    metadata = pq.read_metadata(found[0])
    groups = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
    assert groups == [parquet_data.ROW_GROUP_ROWS, parquet_data.ROW_GROUP_ROWS, 5]
    notes = connection.sql(f"SELECT NOTE_CLASSIF FROM ({parquet_data.observations_of(found[0])})").fetchall()
    connection.execute("RESET threads")
    assert notes == [(str(2 * place + 1),) for place in range(rows)]


def test_text_of_any_kind_and_a_path_with_a_quote(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    query = f"SELECT * REPLACE ('a \"b\", c\né ≥' AS SOURCE) FROM ({flows.query(flows.EMPLOYMENT)})"
    path = _file(tmp_path / "it's", connection, query=query)
    assert connection.sql(parquet_data.observations_of(path)).fetchall() == connection.sql(query).fetchall()


def test_nothing_to_say_is_a_file_without_rows(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    path = _file(tmp_path, connection, query=f"SELECT * FROM ({flows.query(flows.EMPLOYMENT)}) WHERE false")
    assert pq.read_metadata(path).num_rows == 0
    assert connection.sql(parquet_data.observations_of(path)).fetchall() == []
