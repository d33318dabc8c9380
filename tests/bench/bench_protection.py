"""Protecting and attacking a whole area and year: time, memory, programs solved, information lost.

Run by ``make bench``. The tables are those of XAA_LFS, four quarters and their year, all indicators. Prints what was
linked, what was hidden, what the attacker came to, and what it cost; beside it how many confidential figures the same
attacker works out when nothing is hidden beside them. Nothing is asserted.

    python tests/bench/bench_protection.py [--home DIR]
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[2]
PARTITION = "XAA_2024"


def made_home(folder: Path) -> Path:
    """Return a data folder in which the four quarters were received and run."""
    command = [sys.executable, "-m", "fixtures", "--out", str(folder / "in"), "--survey", "XAA_LFS"]
    subprocess.run(command, check=True, cwd=ROOT)
    ilms = [sys.executable, "-m", "pipelines", "--home", str(folder / "home")]
    for quarter in (1, 2, 3, 4):
        period = f"2024-Q{quarter}"
        file = folder / "in" / f"XAA_LFS_{period}.sav"
        subprocess.run([*ilms, "receive", "XAA_LFS", period, str(file)], check=True, cwd=ROOT, capture_output=True)
    subprocess.run([*ilms, "run", "--no-release"], check=True, cwd=ROOT, capture_output=True)
    return folder / "home"


def measure(home: Path) -> None:
    """Protect and attack the stored estimates of the area and year, in this process; print the figures."""
    from pipelines.home import Home
    from pipelines.storage import current
    from schemas.reliability import profile_of
    from schemas.survey_spec import find_surveys, load_survey
    from transforms.protection import protect
    from transforms.protection_audit import attack, report

    table = current(Home(home).store, "area_estimates", PARTITION)
    assert table is not None
    frame = duckdb.connect().execute(f"FROM read_parquet('{table.data}')").df()
    spec = load_survey(find_surveys([])["XAA_LFS"])
    specs, profiles = {spec.key: spec}, {spec.key: profile_of(spec.reliability)}
    seconds: dict[str, float] = {}
    start = time.process_time()
    made = protect(frame, specs, profiles)
    seconds["protect"] = round(time.process_time() - start, 1)
    start = time.process_time()
    found = attack(made, spec.key)
    seconds["attack"] = round(time.process_time() - start, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    account = report(made, {spec.key: found})
    shown = {name: account[name] for name in ("cells", "published", "by_reason", "information", "suppression")}
    account["attack"].pop("leaks")
    print(json.dumps({"cpu_seconds": seconds, "peak_mib": peak, **shown, "attack": account["attack"]}, indent=2))
    start = time.process_time()
    bare = attack(dataclasses.replace(made, figures=frame.assign(known=False)), spec.key)
    told = {"targets": len(bare.targets), "worked_out": len(bare.leaks), "cpu_seconds": time.process_time() - start}
    print(json.dumps({"without secondary suppression": told}, indent=2))


def main() -> None:
    """Measure in a data folder given, or in one made for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a data folder in which XAA_2024 is estimated")
    given = parser.parse_args().home
    if given is not None:
        measure(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(made_home(Path(folder)))


if __name__ == "__main__":
    main()
