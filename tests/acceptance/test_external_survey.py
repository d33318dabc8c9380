"""A survey that the package has never heard of: a folder of text files and a csv, and no Python."""

import csv
import io
import json
from pathlib import Path

from tests.acceptance import tiny
from tests.acceptance.desk import assert_whole, ilms


def test_a_folder_outside_the_package_runs_to_release(tmp_path: Path) -> None:
    specs = tiny.write_spec(tmp_path / "specs", {"value = 12000": "value = 6000"})
    home = tmp_path / "var"
    file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons(60))

    received = ilms(home, "--specs", specs, "receive", "FJI_TINY", "2024-Q1", file, "--json")
    assert received.returncode == 0, received.stderr
    assert json.loads(received.stdout)["rows"] == 60
    ran = ilms(home, "--specs", specs, "run", "--release-date", "2026-11-23", "--json")
    assert ran.returncode == 0, ran.stderr
    (release,) = json.loads(ran.stdout)["releases"]
    assert assert_whole(home / "releases") == Path(release["folder"])

    printed = ilms(home, "--specs", specs, "estimates", "EMP_TEMP_SEX_AGE_NB")
    rows = list(csv.DictReader(io.StringIO(printed.stdout)))
    (total,) = [row for row in rows if row["sex"] == "SEX_T" and row["classif1"] == "AGE_YTHADULT_YGE15"]
    employed = [row for row in tiny.persons(60) if row["STATUS"] == "1"]
    assert float(total["value"]) == len(employed) * 100 / 1000
    assert int(total["n"]) == len(employed)
    public = ilms(home, "get", "EMP_TEMP_SEX_AGE_NB", "--area", "FJI", "--release", "latest-test")
    assert public.returncode == 0
    # Of so few persons some cells are hidden beside others; what is shown is what was estimated.
    estimated = {(row["sex"], row["classif1"]): row["value"] for row in rows}
    told = list(csv.DictReader(io.StringIO(public.stdout)))
    assert {(row["sex"], row["classif1"]) for row in told} <= set(estimated)
    assert any(row["obs_value"] for row in told)
    for row in told:
        if row["obs_value"]:
            assert float(row["obs_value"]) == round(float(estimated[row["sex"], row["classif1"]]), 3)
        else:
            assert row["obs_status"] in ("S", "C")
