"""A dataflow of a release in any format, as anybody can have it who has nothing but the folder of releases.

Here belongs which observations are asked for. How a format spells them is said in ``messages``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from schemas.errors import InputError, Problem
from sdmx_out.catalogue import TWIN_SUFFIX
from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Dataflow, read_dataflow
from sdmx_out.messages.formats import FORMATS, DataFormat, Spoken
from sdmx_out.messages.header import Header
from sdmx_out.messages.parquet_data import observations_of
from sdmx_out.releases.release import STRUCTURES, read_facts
from sdmx_out.releases.vintages import PARQUET_FOLDER
from sdmx_out.structures.extract import read_one


@dataclass(frozen=True)
class Asked:
    """Which observations; nothing stands for all.

    Attributes:
        indicator: id.
        is_twin: whether the standard errors are meant.
        areas: codes of REF_AREA.
        start: first period, e.g. 2013 or 2013-Q2; a year is before its quarters and months.
        end: last period; a year holds its quarters and months.
    """

    indicator: str
    is_twin: bool = False
    areas: Sequence[str] = ()
    start: str = ""
    end: str = ""


@dataclass(frozen=True)
class Export:
    """A dataflow of a release, and the query of what was asked for."""

    dataflow: Dataflow
    query: str
    header: Header


def find_export(release: Path, asked: Asked) -> Export:
    """Return what a release has of what is asked for.

    Raises:
        InputError: DATAFLOW_MISSING: the release has no such dataflow, or was made before releases had all formats.
    """
    flow = f"DF_{asked.indicator}{TWIN_SUFFIX if asked.is_twin else ''}"
    path = release / PARQUET_FOLDER / f"{flow}.parquet"
    definition = read_one(release / STRUCTURES, flow) if path.is_file() else None
    if definition is None:
        remedy = "ilms get tells what is published and why the rest is not"
        raise InputError([Problem(release.name, None, "DATAFLOW_MISSING", f"it has no {flow}", remedy)])
    facts = read_facts(release)
    released = date.fromisoformat(str(facts["release_date"]))
    dataflow = read_dataflow(definition)
    chosen = " AND ".join([*_conditions(dataflow, asked)]) or "true"
    names = ", ".join(f'"{item.id}"' for item in dataflow.components)
    return Export(
        dataflow=dataflow,
        query=f"SELECT {names} FROM ({observations_of(path)}) WHERE {chosen}",
        header=Header(id=flow, prepared=released, is_test=facts["kind"] == "test"),
    )


def _conditions(dataflow: Dataflow, asked: Asked) -> Iterator[str]:
    time = f'"{dataflow.time.id}"'
    if asked.areas:
        yield f'"REF_AREA" IN ({", ".join(map(literal, asked.areas))})'
    if asked.start:
        yield f"{time} >= {literal(asked.start)}"
    if asked.end:
        yield f"({time} <= {literal(asked.end)} OR starts_with({time}, {literal(asked.end)}))"


def export_blocks(
    connection: duckdb.DuckDBPyConnection, export: Export, form: DataFormat, spoken: Spoken
) -> Iterator[bytes]:
    """The message in blocks.

    Args:
        connection: may read the release.
        export: what was found.
        form: of the message.
        spoken: labels and language, where the format has them.
    """
    return FORMATS[form].write(connection, export.dataflow, export.query, export.header, spoken)


def has_observations(connection: duckdb.DuckDBPyConnection, export: Export) -> bool:
    """Whether anything of what was asked for is there."""
    return bool(connection.execute(f"SELECT 1 FROM ({export.query}) LIMIT 1").fetchall())
