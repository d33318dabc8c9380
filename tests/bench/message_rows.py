"""What the benchmarks of messages have in common: made-up observations, a dataflow, and how speed and memory are told.

Observations are shaped like those of MST_TEMP_SEX_AGE_CBR_NB, 40 quarters to a series.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
from sdmx.model import v21

sys.path.insert(0, str(Path(__file__).parents[2]))

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.header import Header
from sdmx_out.structures.message import structure_message

INDICATOR = "MST_TEMP_SEX_AGE_CBR_NB"
HEADER = Header(id="BENCH", prepared=date(2026, 11, 23), is_test=True)
#: Of the engine, when memory is measured: what a sort does not hold it writes to disk.
ENGINE_MEMORY = "200MB"
PERIODS = 40

Writer = Callable[[str], Iterator[bytes]]


def write_observations(path: Path, dataflow: Dataflow, rows: int) -> None:
    """Made-up observations in the order of their keys, every seventeenth hidden, as a Parquet file."""
    codes = {item.id: sorted(item.codes) for item in dataflow.components}
    size = PERIODS
    keys = {}
    for name, count in (("CBR", 250), ("AGE", 30), ("SEX", 3), ("REF_AREA", 300)):
        listed = ", ".join(literal(code) for code in codes[name][:count])
        keys[name] = f"[{listed}][1 + i // {size} % {count}] AS {name}"
        size *= count
    with duckdb.connect(config={"memory_limit": ENGINE_MEMORY, "temp_directory": str(path.parent)}) as engine:
        engine.execute(
            f"""COPY (
                SELECT {keys["REF_AREA"]}, 'Q' AS FREQ, 'MST_TEMP_NB' AS MEASURE, {keys["SEX"]}, {keys["AGE"]},
                {keys["CBR"]}, (2000 + i % {PERIODS} // 4) || '-Q' || (1 + i % 4) AS TIME_PERIOD,
                CASE WHEN i % 17 > 0 THEN printf('%.3f', i * 1.37) END AS OBS_VALUE,
                CASE WHEN i % 17 = 0 THEN 'C' END AS OBS_STATUS,
                'NB' AS UNIT_MEASURE_TYPE, 'PS' AS UNIT_MEASURE, '3' AS UNIT_MULT,
                'BA:' || REF_AREA || '_LFS' AS SOURCE, 'R1:3513_S5:40' AS NOTE_SOURCE, 'T2:84' AS NOTE_INDICATOR,
                NULL::VARCHAR AS NOTE_CLASSIF, '1' AS DECIMALS,
                CASE WHEN i % 17 > 0 THEN printf('%.2f', i * 1.5) END AS UPPER_BOUND,
                CASE WHEN i % 17 > 0 THEN printf('%.2f', i * 1.1) END AS LOWER_BOUND
                FROM range({rows}) AS rows(i)
            ) TO {literal(str(path))} (FORMAT parquet)"""
        )


def in_order(path: Path, rows: int) -> str:
    """The first rows of a file, as they stand."""
    return f"SELECT * FROM {literal(str(path))} LIMIT {rows}"


def in_sorted_order(path: Path, rows: int) -> str:
    """The first rows of a file, sorted as the query of a release sorts them."""
    return f"SELECT * FROM ({in_order(path, rows)}) ORDER BY REF_AREA, FREQ, SEX, AGE, CBR, TIME_PERIOD"


def speed(name: str, rows: int, write: Callable[[], int]) -> float:
    """Print what a writer does in a second of CPU time, and return it."""
    begun = time.process_time()
    size = write()
    seconds = time.process_time() - begun
    print(f"{name}: {rows / seconds:,.0f} observations per CPU-second ({rows:,}, {size / 1e6:.0f} MB, {seconds:.1f} s)")
    return rows / seconds


def definition() -> v21.DataflowDefinition:
    """The dataflow of the indicator."""
    indicator = load_indicators()[INDICATOR]
    message = structure_message(
        [indicator], load_code_lists(), prepared=HEADER.prepared, is_test=True, has_test_areas=True
    )
    return message.dataflow[f"DF_{INDICATOR}"]


def peak_memory(
    name: str, path: Path, query: str, rows: int, writer: Callable[[duckdb.DuckDBPyConnection], Writer]
) -> None:
    """Print the speed and the peak memory of writing one message; of a process of its own, or others count as well.

    Args:
        name: of the writer.
        path: of the observations; the engine spills beside it.
        query: of the observations.
        rows: their number.
        writer: makes the writer from an engine.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    given = {"threads": 1, "memory_limit": ENGINE_MEMORY, "temp_directory": str(path.parent)}
    with duckdb.connect(config=given) as engine:
        write = writer(engine)
        speed(name, rows, lambda: sum(map(len, write(query))))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"    peak {peak:.0f} MB, of which {before:.0f} MB before writing, at {rows:,} observations")
