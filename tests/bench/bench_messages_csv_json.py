"""Observations per CPU-second of the writers of CSV, JSON and Parquet, beside pandas, sdmx1 and pysdmx; their memory.

One thread, one process; observations shaped like those of MST_TEMP_SEX_AGE_CBR_NB, 40 quarters to a series, read from a
Parquet file: as they stand there, in order, and sorted as the query of a release sorts them. Messages are made and
dropped. The libraries are given fewer observations, of which making sdmx1's objects is part; neither writes JSON. Run
from the root of the project:
python tests/bench/bench_messages_csv_json.py [--rows 200000] [--library-rows 20000]
python tests/bench/bench_messages_csv_json.py --memory 10000000 [--writers csv-1.0 json-2.0 parquet]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pandas as pd
import sdmx
from message_rows import (
    HEADER,
    Writer,
    definition,
    in_order,
    in_sorted_order,
    peak_memory,
    speed,
    write_observations,
)
from pysdmx.io import write_sdmx
from pysdmx.io.format import Format
from pysdmx.io.pd import PandasDataset
from pysdmx.model import Component, Components, Concept, Role, Schema
from sdmx.model import v21

from sdmx_out.messages import csv_data, json_data, parquet_data
from sdmx_out.messages.dataflow import Dataflow, read_dataflow


def writers(dataflow: Dataflow, engine: duckdb.DuckDBPyConnection) -> dict[str, Writer]:
    """Name -> what makes a message from a query."""

    def csv(**options: str) -> Writer:
        return lambda query: csv_data.blocks(engine, dataflow, query, HEADER, **options)  # type: ignore[arg-type]

    def json(**options: object) -> Writer:
        return lambda query: json_data.blocks(engine, dataflow, query, HEADER, **options)  # type: ignore[arg-type]

    return {
        "csv-1.0": csv(),
        "csv-1.0-labels": csv(labels="both", language="fr"),
        "csv-2.0": csv(version="2.0"),
        "csv-2.0-names": csv(version="2.0", labels="name"),
        "json-1.0": json(version="1.0"),
        "json-2.0": json(),
        "json-2.0-flat": json(is_flat=True),
        "parquet": lambda query: parquet_data.blocks(engine, dataflow, query, HEADER),
    }


def by_sdmx1(frame: pd.DataFrame, flow: v21.DataflowDefinition, path: Path) -> int:
    """An SDMX-CSV 1.0 message, objects included."""
    structure = flow.structure
    keys = [item.id for item in structure.dimensions.components]
    attributes = {item.id: item for item in structure.attributes.components}
    data_set = v21.DataSet(described_by=flow, structured_by=structure)
    data_set.add_obs(
        [
            v21.Observation(
                dimension=structure.make_key(v21.Key, {name: row[name] for name in keys}),
                value=float(row["OBS_VALUE"] or "nan"),
                attached_attribute={
                    name: v21.AttributeValue(value=row[name], value_for=attribute)
                    for name, attribute in attributes.items()
                    if row[name]
                },
            )
            for row in frame.to_dict("records")
        ]
    )
    sdmx.to_csv(data_set, path=path, rtype=str, attributes="dso")
    return path.stat().st_size


def by_pysdmx(frame: pd.DataFrame, dataflow: Dataflow, chosen: Format) -> int:
    """An SDMX-CSV message."""
    roles = [*((item, Role.DIMENSION, None) for item in (*dataflow.dimensions, dataflow.time))]
    roles += [(dataflow.measure, Role.MEASURE, None), *((item, Role.ATTRIBUTE, "O") for item in dataflow.attributes)]
    components = [
        Component(item.id, role == Role.DIMENSION, role, Concept(item.id), attachment_level=level)
        for item, role, level in roles
    ]
    schema = Schema("dataflow", dataflow.agency, dataflow.id, Components(components), dataflow.version)
    return len(write_sdmx(PandasDataset(structure=schema, data=frame), chosen) or "")


def compare(folder: Path, rows: int, library_rows: int) -> None:
    """Print the speed of all writers and of the libraries."""
    path = folder / "observations.parquet"
    flow = definition()
    dataflow = read_dataflow(flow)
    write_observations(path, dataflow, max(rows, library_rows))
    own = {}
    with duckdb.connect(config={"threads": 1}) as engine:
        for name, write in writers(dataflow, engine).items():
            for order, query in (("in order", in_order(path, rows)), ("sorted", in_sorted_order(path, rows))):
                made = speed(
                    f"own, {name}, {order}", rows, lambda write=write, query=query: sum(map(len, write(query)))
                )
                own[name, order] = made
        frame = engine.sql(in_order(path, library_rows)).df().fillna("")
    others = {
        "pandas to_csv": lambda: len(frame.to_csv(index=False)),
        "sdmx1 csv-1.0": lambda: by_sdmx1(frame, flow, folder / "sdmx1.csv"),
        "pysdmx csv-1.0": lambda: by_pysdmx(frame, dataflow, Format.DATA_SDMX_CSV_1_0_0),
        "pysdmx csv-2.0": lambda: by_pysdmx(frame, dataflow, Format.DATA_SDMX_CSV_2_0_0),
    }
    for name, write_all in others.items():
        found = speed(name, library_rows, write_all)
        version = "csv-2.0" if name.endswith("2.0") else "csv-1.0"
        print(f"    own {version} is {own[version, 'sorted'] / found:.1f} x as fast")


def memory(path: Path, rows: int, name: str) -> None:
    """Print the peak memory of writing one message."""
    dataflow = read_dataflow(definition())
    peak_memory(
        f"own, {name}, in order", path, in_order(path, rows), rows, lambda engine: writers(dataflow, engine)[name]
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--library-rows", type=int, default=20_000)
    parser.add_argument("--memory", type=int, help="observations of the measurement of memory")
    parser.add_argument("--writers", nargs="+", default=["csv-1.0", "json-2.0", "parquet"], help="whose memory")
    parser.add_argument("--measured", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measured:
        memory(given.measured, given.memory, given.writers[0])
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if not given.memory:
            compare(folder, given.rows, given.library_rows)
            return
        path = folder / "observations.parquet"
        write_observations(path, read_dataflow(definition()), given.memory)
        for name in given.writers:
            # A process of its own: what made the file shall not count.
            asked = ["--measured", str(path), "--memory", str(given.memory), "--writers", name]
            subprocess.run([sys.executable, __file__, *asked], check=True)


if __name__ == "__main__":
    main()
