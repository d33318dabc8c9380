"""The example's dataflows: their structures, and an engine that holds their observations."""

from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from sdmx.message import StructureMessage

from schemas.codes import load_code_lists, load_status_map
from schemas.indicators import load_indicators
from sdmx_out.catalogue import TWIN_SUFFIX
from sdmx_out.messages.dataflow import Dataflow, read_dataflow
from sdmx_out.messages.header import Header
from sdmx_out.observations import observations_sql, twin_observations_sql
from sdmx_out.published_rows import load_rows
from sdmx_out.structures.message import structure_message
from tests.sdmx_out.example import (
    CHANGE,
    DIFFERENCE,
    EMPLOYMENT,
    FOREIGN,
    GAP,
    RATE,
    STAY,
    Row,
    compared,
    rows,
    write_parquet,
)

HEADER = Header(id="TEST", prepared=date(2026, 11, 23), is_test=True)
INDICATORS = (EMPLOYMENT, RATE, FOREIGN, STAY, DIFFERENCE, GAP, CHANGE)


@cache
def structures() -> StructureMessage:
    """Return the structures of the example's indicators, test areas included."""
    chosen = [load_indicators()[name] for name in INDICATORS]
    return structure_message(chosen, load_code_lists(), prepared=HEADER.prepared, is_test=True, has_test_areas=True)


def dataflow(indicator: str, *, is_twin: bool = False) -> Dataflow:
    """Return the dataflow of an indicator's values, or of their standard errors."""
    return read_dataflow(structures().dataflow[f"DF_{indicator}{TWIN_SUFFIX if is_twin else ''}"])


def query(indicator: str, *, is_twin: bool = False) -> str:
    """Return the query of its observations."""
    chosen = load_indicators()[indicator]
    return twin_observations_sql(chosen, load_status_map()) if is_twin else observations_sql(chosen)


def connection(data: list[Row] | None = None) -> duckdb.DuckDBPyConnection:
    """Return an engine that holds the rows of a release: the example's, or those given."""
    engine = duckdb.connect()
    chosen = {name: load_indicators()[name] for name in INDICATORS}
    given = [row for row in (*rows(), *compared()) if row["indicator"] in INDICATORS] if data is None else data
    with TemporaryDirectory() as folder:
        table = write_parquet(Path(folder) / "rows.parquet", given)
        load_rows(engine, [table], indicators=chosen, code_lists=load_code_lists(), is_test=True)
    return engine
