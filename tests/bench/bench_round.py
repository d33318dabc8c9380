"""One million persons from the received file to the release, next to a bare scan and to the points alone in pandas.

Run by ``make bench``. Prints seconds and peak memory of every step, each in a process of its own, and ratios
measured side by side in one run. Nothing is asserted: a benchmark informs, it does not judge. What estimation costs by
itself is in ``bench_estimates.py``; points in pandas are those of ``points.py``.

    python tests/bench/bench_round.py [--persons N]
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROUND = "XAA_LFS_2024-Q1"
POINTS = Path(__file__).with_name("points.py")

_MEASURED = """
import json, resource, sys, time
start = time.perf_counter()
{body}
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({{"seconds": round(time.perf_counter() - start, 2), "peak_mib": peak // 1024}}))
"""

_SCAN = """
import duckdb
connection = duckdb.connect(config={"threads": 1, "memory_limit": "512MB"})
columns = [row[0] for row in connection.execute("DESCRIBE FROM read_parquet(?)", [sys.argv[1]]).fetchall()]
sums = ", ".join(f'count("{name}"), min("{name}")' for name in columns)
connection.execute(f"SELECT {sums} FROM read_parquet(?)", [sys.argv[1]]).fetchall()
"""


def measured(body: str, *arguments: str) -> dict[str, float]:
    """Run a piece of Python in a process of its own; return its seconds and peak memory."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED.format(body=body), *arguments],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def points(way: str, given: Path) -> dict[str, float]:
    """Count the points alone in one way; return its seconds and peak memory."""
    done = subprocess.run(
        [sys.executable, str(POINTS), way, str(given)], check=True, capture_output=True, text=True, cwd=ROOT
    )
    found = json.loads(done.stdout)
    return {"seconds": found["wall"], "peak_mib": found["peak_mib"]}


def command(*arguments: str) -> dict[str, float]:
    """Run ``ilms`` and return its seconds and peak memory."""
    body = "import subprocess\nsubprocess.run([sys.executable, '-m', 'pipelines', *sys.argv[1:]], check=True, stdout=2)"
    return measured(body, *arguments)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=1_000_000)
    persons = parser.parse_args().persons
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "fixtures", "--out", str(folder), "--survey", "XAA_LFS", "--rounds", "2024-Q1",
             "--persons", str(persons)],
            check=True, cwd=ROOT,
        )  # fmt: skip
        print(f"{'generate the extract':44}{time.perf_counter() - start:8.1f} s")
        home = folder / "home"
        steps = {
            "receive (read .sav, check, keep as text)": ["receive", "XAA_LFS", "2024-Q1", str(folder / f"{ROUND}.sav")],
            "run (harmonise, count, estimate, release)": ["run", "--jobs", "1", "--release-date", "2026-01-01"],
            "run again, nothing changed": ["run", "--jobs", "1", "--release-date", "2026-01-01"],
        }
        seconds = {}
        for name, arguments in steps.items():
            result = command("--home", str(home), *arguments)
            seconds[name] = result["seconds"]
            print(f"{name:44}{result['seconds']:8.1f} s{result['peak_mib']:8.0f} MiB")
        raw = next(home.glob(f"store/raw_extract/{ROUND}/*/data.parquet"))
        given = folder / "plan.json"
        subprocess.run([sys.executable, str(POINTS), "plan", str(home), ROUND, str(given)], check=True, cwd=ROOT)
        for name, result in (
            ("bare scan of the raw extract (DuckDB)", measured(_SCAN, str(raw))),
            ("pandas: the same points, no standard errors", points("pandas", given)),
        ):
            seconds[name] = result["seconds"]
            print(f"{name:44}{result['seconds']:8.1f} s{result['peak_mib']:8.0f} MiB")
        whole = sum(list(seconds.values())[:2])
        scan, pandas_time = list(seconds.values())[3:]
        print(
            f"receive to release: {whole:.0f} s for about {persons:,} persons; {whole / scan:.0f} x the bare scan, "
            f"{whole / pandas_time:.1f} x the points in pandas"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
