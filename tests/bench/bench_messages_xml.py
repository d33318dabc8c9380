"""Observations per CPU-second of the writers of XML messages, beside sdmx1 and pysdmx, and the memory that they take.

One thread, one process; observations shaped like those of MST_TEMP_SEX_AGE_CBR_NB, 40 quarters to a series. Messages
are made and dropped. The libraries are given fewer observations, of which making their objects is part. Run from the
root of the project: python tests/bench/bench_messages_xml.py [--rows 200000] [--library-rows 20000] [--memory 10000000]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pandas as pd
import sdmx
from message_rows import HEADER, Writer, definition, in_sorted_order, peak_memory, speed, write_observations
from pysdmx.io import write_sdmx
from pysdmx.io.format import Format
from pysdmx.io.pd import PandasDataset
from pysdmx.model import Component, Components, Concept, Role, Schema
from sdmx.message import DataMessage
from sdmx.model import v21

from sdmx_out.messages import xml_generic, xml_specific
from sdmx_out.messages.dataflow import Dataflow, read_dataflow


def writers(dataflow: Dataflow, engine: duckdb.DuckDBPyConnection) -> dict[str, Writer]:
    """Name -> what makes a message from a query."""
    return {
        "2.1 series": lambda asked: xml_specific.blocks(engine, dataflow, asked, HEADER),
        "2.1 flat": lambda asked: xml_specific.blocks(engine, dataflow, asked, HEADER, layout="flat"),
        "3.0 series": lambda asked: xml_specific.blocks(engine, dataflow, asked, HEADER, version="3.0"),
        "3.0 flat": lambda asked: xml_specific.blocks(engine, dataflow, asked, HEADER, version="3.0", layout="flat"),
        "generic series": lambda asked: xml_generic.blocks(engine, dataflow, asked, HEADER),
        "generic flat": lambda asked: xml_generic.blocks(engine, dataflow, asked, HEADER, layout="flat"),
    }


def by_sdmx1(frame: pd.DataFrame, structure: v21.DataStructureDefinition) -> bytes:
    """A structure-specific message in series, objects included."""
    keys = [item.id for item in structure.dimensions.components if item.id != "TIME_PERIOD"]
    on_series = ["UNIT_MEASURE_TYPE", "UNIT_MEASURE", "UNIT_MULT", "DECIMALS"]
    others = ["OBS_STATUS", "SOURCE", "NOTE_SOURCE", "NOTE_INDICATOR", "UPPER_BOUND", "LOWER_BOUND"]
    attributes = {name: structure.attributes.get(name) for name in (*on_series, *others)}
    measure = structure.measures.components[0]
    data_set = v21.StructureSpecificDataSet(structured_by=structure)

    def told(row: dict[str, str], names: list[str]) -> dict[str, v21.AttributeValue]:
        return {
            name: v21.AttributeValue(value=row[name], value_for=attributes[name])
            for name in names
            if row[name] is not None
        }

    for _, group in frame.groupby(keys, sort=False):
        records = group.to_dict("records")
        series = structure.make_key(v21.SeriesKey, {name: records[0][name] for name in keys})
        series.attrib.update(told(records[0], on_series))
        data_set.add_obs(
            [
                v21.Observation(
                    dimension=structure.make_key(v21.Key, {"TIME_PERIOD": row["TIME_PERIOD"]}),
                    value=row["OBS_VALUE"],
                    value_for=measure,
                    attached_attribute=told(row, others),
                )
                for row in records
            ],
            series,
        )
    return sdmx.to_xml(DataMessage(data=[data_set]))


def by_pysdmx(frame: pd.DataFrame, dataflow: Dataflow, version: str) -> str:
    """A structure-specific message in series."""

    def told(names: list[str], role: Role, attached: dict[str, str]) -> list[Component]:
        return [
            Component(name, role == Role.DIMENSION, role, Concept(name), attachment_level=attached.get(name))
            for name in names
        ]

    on_series = {item.id: ",".join(part.id for part in dataflow.dimensions) for item in dataflow.series_attributes()}
    components = [
        *told([item.id for item in (*dataflow.dimensions, dataflow.time)], Role.DIMENSION, {}),
        *told([dataflow.measure.id], Role.MEASURE, {}),
        *told(
            [item.id for item in dataflow.attributes],
            Role.ATTRIBUTE,
            {item.id: on_series.get(item.id, "O") for item in dataflow.attributes},
        ),
    ]
    schema = Schema("datastructure", dataflow.agency, dataflow.structure, Components(components), dataflow.version)
    chosen = Format.DATA_SDMX_ML_2_1_STR if version == "2.1" else Format.DATA_SDMX_ML_3_0
    text = write_sdmx(PandasDataset(structure=schema, data=frame), chosen, dimension_at_observation="TIME_PERIOD")
    if text is None:
        raise RuntimeError("pysdmx wrote nothing")
    return text


def compare(folder: Path, rows: int, library_rows: int) -> None:
    """Print the speed of all writers and of both libraries."""
    path = folder / "observations.parquet"
    flow = definition()
    dataflow = read_dataflow(flow)
    write_observations(path, dataflow, max(rows, library_rows))
    with duckdb.connect(config={"threads": 1}) as engine:
        for name, write in writers(dataflow, engine).items():
            speed(f"own, {name}", rows, lambda write=write: sum(map(len, write(in_sorted_order(path, rows)))))
        frame = engine.sql(in_sorted_order(path, library_rows)).df().astype(object)
    frame = frame.where(frame.notna(), None)
    speed("sdmx1, 2.1 series", library_rows, lambda: len(by_sdmx1(frame, flow.structure)))
    for version in ("2.1", "3.0"):
        speed(
            f"pysdmx, {version} series",
            library_rows,
            lambda version=version: len(by_pysdmx(frame.fillna(""), dataflow, version)),
        )


def memory(path: Path, rows: int) -> None:
    """Print the peak memory of writing one message."""
    dataflow = read_dataflow(definition())
    name = "2.1 series"
    peak_memory(f"own, {name}", path, in_sorted_order(path, rows), rows, lambda engine: writers(dataflow, engine)[name])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--library-rows", type=int, default=20_000)
    parser.add_argument("--memory", type=int, help="observations of the measurement of memory")
    parser.add_argument("--measured", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measured:
        memory(given.measured, given.memory)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if not given.memory:
            compare(folder, given.rows, given.library_rows)
            return
        path = folder / "observations.parquet"
        write_observations(path, read_dataflow(definition()), given.memory)
        # A process of its own: what made the file shall not count.
        subprocess.run([sys.executable, __file__, "--measured", str(path), "--memory", str(given.memory)], check=True)


if __name__ == "__main__":
    main()
