"""A small dataflow, its observations as an engine holds them, and its file as an earlier release has it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sdmx_out.messages.dataflow import Component, Dataflow
from sdmx_out.releases.vintages import Earlier

SERIES = ("REF_AREA", "FREQ", "MEASURE", "SEX")
KEY = (*SERIES, "TIME_PERIOD")
ATTRIBUTES = ("OBS_STATUS", "NOTE", "SOURCE")
NAMES = (*KEY, "OBS_VALUE", *ATTRIBUTES)
FIRST, SECOND, THIRD = date(2026, 1, 10), date(2026, 4, 10), date(2026, 7, 10)

Observation = dict[str, str | None]


def component(name: str) -> Component:
    return Component(name, {"en": name}, "text", {}, None)


def dataflow(series: Sequence[str] = SERIES, attributes: Sequence[str] = ATTRIBUTES) -> Dataflow:
    return Dataflow(
        agency="ILO",
        id="DF_X",
        version="1.0",
        structure="X",
        names={"en": "Example"},
        dimensions=tuple(component(name) for name in series),
        time=component("TIME_PERIOD"),
        measure=component("OBS_VALUE"),
        attributes=tuple(component(name) for name in attributes),
    )


FLOW = dataflow()


def observation(area: str, sex: str, time: str, value: str | None = "1.000", **given: str | None) -> Observation:
    made: Observation = {"REF_AREA": area, "FREQ": "A", "MEASURE": "M", "SEX": sex, "TIME_PERIOD": time}
    made |= {"OBS_VALUE": value, "OBS_STATUS": None, "NOTE": None, "SOURCE": "S,1", **given}
    return made


def load(
    engine: duckdb.DuckDBPyConnection, rows: Iterable[Mapping[str, str | None]], names: Sequence[str] = NAMES
) -> str:
    """Hold observations in a table and return the query of them, ordered by key."""
    columns = [*names]
    engine.execute("CREATE OR REPLACE TABLE later (" + ", ".join(f'"{name}" VARCHAR' for name in columns) + ")")
    data = [[row[name] for name in columns] for row in rows]
    if data:
        engine.executemany(f"INSERT INTO later VALUES ({', '.join('?' for _ in columns)})", data)
    key = [name for name in columns if name in KEY or name == "AGE"]
    order = ", ".join(f'"{name}"' for name in key)
    return f"SELECT * FROM (SELECT * FROM later) ORDER BY {order}"


def write(path: Path, rows: Iterable[Mapping[str, object]], names: Sequence[str] = NAMES) -> Path:
    data = [dict(row) for row in rows]
    pq.write_table(pa.table({name: pa.array([row[name] for row in data], pa.string()) for name in names}), path)
    return path


def earlier(
    path: Path, rows: Iterable[Mapping[str, object]], names: Sequence[str] = NAMES, deleted: Path | None = None
) -> Earlier:
    return Earlier(write(path, rows, names), FIRST, deleted)


def fetch(engine: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, str | None]]:
    found = engine.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
