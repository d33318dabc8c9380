"""One million persons from the received file to the release, next to a bare scan and to pandas counting the same.

Run by ``make bench``. Prints seconds and peak memory of every step, each in a process of its own, and ratios
measured side by side in one run. Nothing is asserted: a benchmark informs, it does not judge.

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

# Weighted and unweighted counts of every cell of every cube that the run counts, as a script in pandas would make
# them from the harmonised persons: without PSUs, households and standard errors.
_PANDAS = """
import itertools
import pandas as pd
from schemas.codes import items_of
frame = pd.read_parquet(sys.argv[1])
frame = frame[frame["exclusion"].isna() & (frame["residence_status"] == "RES_USUAL") & frame["is_working_age"]]
status, born = frame["labour_force_status"], frame["place_of_birth"].eq("CBR_BIR_FOREIGN")
employed, foreign = status.eq("LMS_STATUS_EMP"), frame["citizenship_status"].eq("CCT_CIT_NONCIT")
people = {
    "working_age": status.notna(), "labour_force": employed | status.eq("LMS_STATUS_UNE"), "employed": employed,
    "unemployed": status.eq("LMS_STATUS_UNE"), "outside": status.eq("LMS_STATUS_EIP"),
}
versions = {
    "age_band": ["AGE_10YRBANDS", "AGE_AGGREGATE", "AGE_YTHADULT"], "education": ["EDU_ISCED11", "EDU_AGGREGATE"],
    "economic_activity": ["ECO_ISIC4", "ECO_AGGREGATE", "ECO_SECTOR"], "occupation": ["OCU_ISCO08", "OCU_SKILL"],
    "status_in_employment": ["STE_ICSE93", "STE_AGGREGATE"], "country_of_birth": ["CBR_BRT"],
    "country_of_citizenship": ["CCT_CTZ"],
}
total = pd.Series("T", index=frame.index)
cells = 0
for concept, names in versions.items():
    codes = [code for code in frame[concept].unique() if isinstance(code, str)]
    items = [frame[concept].map({code: (items_of(name, code) or ("X",))[0] for code in codes}) for name in names]
    is_country = concept.startswith("country")
    universes = people if concept in ("age_band", "education") else {"employed": employed}
    if is_country:
        kind = born if concept == "country_of_birth" else foreign
        universes = {"all": kind, "employed": kind & employed}
    crossed = [total] if is_country else [total, frame["place_of_birth"], frame["citizenship_status"]]
    for mask in universes.values():
        for keys in itertools.product((total, frame["sex"]), (total, *items), crossed):
            cells += len(frame["weight"][mask].groupby([key[mask] for key in keys]).agg(["sum", "count"]))
"""


def measured(body: str, *arguments: str) -> dict[str, float]:
    """Run a piece of Python in a process of its own; return its seconds and peak memory."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED.format(body=body), *arguments],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


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
        harmonised = next(home.glob(f"store/harmonised_persons/{ROUND}/*/data.parquet"))
        for name, body, file in (
            ("bare scan of the raw extract (DuckDB)", _SCAN, raw),
            ("pandas: the same counts, no standard errors", _PANDAS, harmonised),
        ):
            result = measured(body, str(file))
            seconds[name] = result["seconds"]
            print(f"{name:44}{result['seconds']:8.1f} s{result['peak_mib']:8.0f} MiB")
        whole = sum(list(seconds.values())[:2])
        scan, pandas_time = list(seconds.values())[3:]
        print(
            f"receive to release: {whole:.0f} s for about {persons:,} persons; {whole / scan:.0f} x the bare scan, "
            f"{whole / pandas_time:.1f} x the counts in pandas"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
