"""Estimation of the whole catalogue on rounds of 100,000 persons, next to points alone in DuckDB and pandas, and to R.

Run by ``make bench``. Every step runs in a process of its own and tells its CPU seconds (user and system), wall
seconds and peak memory; CPU seconds are compared, for the machine may be shared, and each is the least of ``--repeat``
runs that take turns. Clocks start after imports. Nothing is asserted: a benchmark informs, it does not judge.

    python tests/bench/bench_estimates.py [--persons 100000] [--repeat 3] [--rounds 40] [--single 3]

``--rounds N`` estimates N rounds one after another in one process and compares its peak memory after ten rounds (a
million persons) with that after all; ``--rounds 100`` makes it ten million. ``--single N`` estimates one round of one
million persons and one of N million, made of copies of the round in PSUs and households of their own.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ROUND = "XAA_LFS_2024-Q1"
POINTS = Path(__file__).with_name("points.py")

#: Kinds of measure that R is not measured for -> a kind that costs R no more.
ALIKE = {"factor_gap": "gap", "net": "difference"}


# --- steps, each in a process of its own ---------------------------------------------------------


def prepare(home_folder: str) -> dict[str, Any]:
    """Read and harmonise the received round."""
    from pipelines import rounds
    from pipelines.home import Home
    from pipelines.intake import latest_receipt

    home = Home(Path(home_folder))
    this, receipt = rounds.open_round(home, ROUND), latest_receipt(home, ROUND)
    assert receipt is not None
    persons = rounds.harmonised_persons(this, rounds.raw_extract(this, receipt))
    rounds.harmonised_absentees(this, rounds.raw_extract(this, receipt), persons)
    return {"persons": persons.facts["rows"], "psus": persons.facts["psus"]}


def stored(home_folder: str, copies: int) -> tuple[Any, Any, Any]:
    """Return the round, its persons (or their copies) and its absentees; what was estimated before is removed."""
    from dataclasses import replace

    import schemas.contracts  # noqa: F401  before the clock starts
    from pipelines.home import Home
    from pipelines.rounds import open_round
    from pipelines.storage import current

    home = Home(Path(home_folder))
    for name in ("psu_totals", "round_estimates"):
        shutil.rmtree(home.store / name, ignore_errors=True)
    persons, absentees = (current(home.store, f"harmonised_{name}", ROUND) for name in ("persons", "absentees"))
    assert persons is not None
    if copies > 1:
        persons = replace(persons, folder=home.store / f"copies_{copies}", input_hash=f"copies {copies}")
    return open_round(home, ROUND), persons, absentees


def ours(home_folder: str, copies: str = "1") -> dict[str, Any]:
    """Count and estimate the round: values, standard errors, limits, statuses, and the checks of the table."""
    import pyarrow.parquet as pq

    from pipelines import estimates, rounds

    spent = {"estimate": 0.0, "medians": 0.0}

    def clocked(module: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(module, name)

        def wrapper(*arguments: Any, **named: Any) -> Any:
            begun = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                spent[name] += time.process_time() - begun

        setattr(module, name, wrapper)

    this, persons, absentees = stored(home_folder, int(copies))
    clocked(rounds, "estimate")
    clocked(estimates, "medians")
    wall, cpu = time.perf_counter(), time.process_time()
    totals = rounds.psu_totals(this, persons, absentees)
    counted = time.process_time() - cpu
    table = rounds.round_estimates(this, persons, totals)
    whole = time.process_time() - cpu
    found = {"cpu": whole, "wall": time.perf_counter() - wall, "counting": counted, "medians": spent["medians"]}
    found |= {"estimating": spent["estimate"] - spent["medians"], "checks": whole - counted - spent["estimate"]}
    with_se = pq.read_table(table.data, columns=["se"])["se"]
    found |= {"cells": len(with_se), "with_se": len(with_se) - with_se.null_count, "rows": totals.facts["rows"]}
    return found | {"kinds": kinds_of(this, table.data)}


def kinds_of(this: Any, file: Path) -> dict[str, int]:
    """Return the number of figures by kind of measure."""
    import duckdb

    from pipelines.support import support

    rows = duckdb.sql(f"SELECT indicator, count(*) FROM '{file}' GROUP BY ALL").fetchall()
    indicators, found = support(this.spec, this.period).indicators, dict[str, int]()
    for identifier, count in rows:
        measure = indicators[identifier].measure
        found[measure] = found.get(measure, 0) + count
    return found


def one_by_one(home_folder: str, rounds_text: str) -> dict[str, Any]:
    """Count and estimate the persons again and again as rounds of their own; return peak memory after ten and all."""
    from dataclasses import replace

    from pipelines import rounds

    this, persons, absentees = stored(home_folder, 1)
    found: dict[str, Any] = {}
    for number in range(int(rounds_text)):
        here = replace(this, identifier=f"XAA_LFS_{number}")
        of_round = replace(persons, input_hash=f"{persons.input_hash} {number}")
        totals = rounds.psu_totals(here, of_round, absentees)
        shutil.rmtree(rounds.round_estimates(here, of_round, totals).folder)
        shutil.rmtree(totals.folder)
        if number in (0, 9):
            found[f"after_{number + 1}"] = peak()
    return found


def copy(home_folder: str, copies: str) -> dict[str, Any]:
    """Write a round of copies of the persons, in PSUs and households of their own."""
    import duckdb

    _, persons, _ = stored(home_folder, 1)
    target = Path(home_folder) / "store" / f"copies_{copies}"
    target.mkdir()
    renamed = "psu || '-' || k AS psu, household_id || '-' || k AS household_id"
    renamed += f", row_number + k * 10_000_000 AS row_number, weight / {copies} AS weight"
    with duckdb.connect(config={"threads": 1, "memory_limit": "1GB", "temp_directory": str(target)}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            f"COPY (SELECT * REPLACE ({renamed}) FROM '{persons.data}', range({copies}) AS r(k) ORDER BY row_number) "
            f"TO '{target / 'data.parquet'}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"
        )
    return {}


def export(home_folder: str, target: str) -> dict[str, Any]:
    """Write what R needs of the persons as csv."""
    import duckdb

    _, persons, _ = stored(home_folder, 1)
    status = "coalesce(labour_force_status IN ('LMS_STATUS_EMP', 'LMS_STATUS_UNE'), FALSE)::INTEGER AS labour_force"
    for name, code in (("employed", "EMP"), ("unemployed", "UNE")):
        status += f", coalesce(labour_force_status = 'LMS_STATUS_{code}', FALSE)::INTEGER AS {name}"
    duckdb.sql(
        f"COPY (SELECT stratum, psu, weight, sex, age_band, {status}, monthly_earnings AS earnings, "
        "CASE WHEN place_of_birth <> 'CBR_BIR_UNK' THEN replace(place_of_birth, 'CBR_BIR_', '') END AS born "
        f"FROM '{persons.data}' WHERE exclusion IS NULL AND residence_status = 'RES_USUAL' AND is_working_age) "
        f"TO '{target}' (FORMAT csv, HEADER)"
    )
    return {}


def peak() -> int:
    """Return the peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


STEPS = {one.__name__: one for one in (prepare, ours, one_by_one, copy, export)}


# --- measuring -----------------------------------------------------------------------------------


def run(*arguments: object) -> dict[str, Any]:
    """Run a step, or a way of ``points.py``, in a process of its own and return its figures."""
    # This process stays small: a child's peak memory starts from that of the process that made it.
    done = subprocess.run([sys.executable, *map(str, arguments)], check=True, capture_output=True, text=True, cwd=ROOT)
    return dict(json.loads(done.stdout.strip().splitlines()[-1])) if done.stdout.strip() else {}


def step(name: str, *arguments: object) -> dict[str, Any]:
    """Run a step of this file."""
    return run(__file__, "step", name, *arguments)


def show(name: str, found: dict[str, Any], remark: str = "") -> None:
    """Print one row of the table."""
    print(f"{name:38}{found['cpu']:9.2f}{found['wall']:9.2f}{found['peak_mib']:7.0f}   {remark}", flush=True)


def compare(home: Path, repeat: int) -> dict[str, Any]:
    """Measure points and estimates in turns, print them and their ratios; return our figures."""
    given = home.parent / "plan.json"
    run(POINTS, "plan", home, ROUND, given)
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "scan": lambda: run(POINTS, "scan", given),
        "duckdb": lambda: run(POINTS, "duckdb", given),
        "pandas": lambda: run(POINTS, "pandas", given),
        "ours": lambda: step("ours", home),
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for _ in range(repeat):
        for name, way in ways.items():
            runs[name].append(way())
    best = {name: min(own, key=lambda one: one["cpu"]) for name, own in runs.items()}
    here, duckdb, pandas = best["ours"], best["duckdb"], best["pandas"]
    points = f"{duckdb['cells']:,} cells, {duckdb['values']:,} sums or medians and as many counts"
    print(f"{'step':38}{'CPU s':>9}{'wall s':>9}{'MiB':>7}")
    show("bare scan of the columns (DuckDB)", best["scan"])
    show("points in DuckDB", duckdb, f"{points}; medians {duckdb['medians']:.2f} s")
    show("points in pandas", pandas, f"{pandas['cells']:,} cells; medians {pandas['medians']:.2f} s")
    shown = {name: f"{here[name]:.2f}" for name in ("counting", "estimating", "medians", "checks")}
    show("ours, with standard errors", here, f"{here['cells']:,} figures, {here['with_se']:,} with a standard error")
    print("    of which " + ", ".join(f"{name} {text} s" for name, text in shown.items()) + f"; {here['rows']:,} rows")
    if abs(duckdb["total"] / pandas["total"] - 1) > 1e-9:
        print("    points of DuckDB and pandas differ")
    without = {
        name: one["cpu"] - one["medians"] for name, one in (("us", here), ("duckdb", duckdb), ("pandas", pandas))
    }
    print(
        f"\nours / DuckDB points {here['cpu'] / duckdb['cpu']:.1f} (at most 10), without medians on either side "
        f"{without['us'] / without['duckdb']:.1f}\n"
        f"ours / pandas points {here['cpu'] / pandas['cpu']:.1f} (at most 4), without medians on either side "
        f"{without['us'] / without['pandas']:.1f}\n"
        f"ours / bare scan {here['cpu'] / best['scan']['cpu']:.0f}"
    )
    return here


def against_r(home: Path, here: dict[str, Any]) -> None:
    """Measure R survey on some cells of each kind, and print what all cells would take."""
    if shutil.which("Rscript") is None:
        print("R: Rscript is not installed; left out")
        return
    persons = home.parent / "persons.csv"
    step("export", home, persons)
    script = Path(__file__).with_name("survey_cells.R")
    done = subprocess.run(["Rscript", str(script), str(persons)], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"R: left out: {done.stderr.strip()}")
        return
    rows = [line.split(",") for line in done.stdout.strip().splitlines()]
    fastest: dict[str, tuple[float, str]] = {}
    for kind, way, cells, seconds in rows:
        fastest[kind] = min(fastest.get(kind, (float("inf"), "")), (float(seconds) / int(cells), way))
    whole, texts = 0.0, []
    for kind, count in sorted(here["kinds"].items()):
        each, way = fastest[ALIKE.get(kind, kind)]
        whole += count * each
        texts.append(f"    {kind:11}{count:7,} x {1000 * each:6.1f} ms = {count * each:7.0f} s   {way}")
    measured = sum(int(row[2]) for row in rows)
    print(
        f"\nR survey, {measured} cells measured; our cells of each kind by the fastest of the ways tried:\n"
        + "\n".join(texts)
        + f"\nR / ours {whole / here['cpu']:.0f} (at least 50): {whole:,.0f} s"
    )


def memory(home: Path, persons: int, rounds: int, single: int) -> None:
    """Measure and print peak memory over many rounds, and over single large rounds."""
    found = step("one_by_one", home, rounds)
    print(
        f"\npeak memory of one process: {found['after_1']} MiB after one round, {found.get('after_10', '-')} after 10, "
        f"{found['peak_mib']} after {rounds}, {rounds * persons:,} persons in all (flat, under 600)"
    )
    for millions in sorted({1, single}):
        copies = max(2, round(millions * 1_000_000 / persons))
        step("copy", home, copies)
        found = step("ours", home, copies)
        shutil.rmtree(home / "store" / f"copies_{copies}")
        show(f"one round of {copies * persons:,} persons", found, f"{found['rows']:,} rows of psu_totals")


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["step"]:
        found = {"wall": 0.0, "cpu": 0.0} | STEPS[sys.argv[2]](*sys.argv[3:])
        print(json.dumps(found | {"peak_mib": peak()}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=40, help="rounds one after another in one process; 0: none")
    parser.add_argument("--single", type=int, default=3, help="million persons of the larger of two single rounds")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        home = folder / "home"
        made = ["-m", "fixtures", "--survey", "XAA_LFS", "--rounds", "2024-Q1", "--persons", asked.persons]
        for command in (
            [*made, "--out", folder],
            ["-m", "pipelines", "--home", home, "receive", "XAA_LFS", "2024-Q1", folder / f"{ROUND}.sav"],
        ):
            subprocess.run([sys.executable, *map(str, command)], check=True, cwd=ROOT, capture_output=True)
        found = step("prepare", home)
        print(f"estimation of one round of {found['persons']:,} persons in {found['psus']:,} PSUs\n")
        here = compare(home, asked.repeat)
        against_r(home, here)
        if asked.rounds:
            memory(home, found["persons"], asked.rounds, asked.single)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
