"""The same input: nothing is written again, and from scratch the same bytes."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.__main__ import main as generate
from pipelines import run
from pipelines.home import Home
from tests.acceptance import tiny
from tests.acceptance.desk import assert_whole, ilms, tree

ROUNDS = (("XAA_LFS", "2024-Q4", "sav"), ("XBB_LFS", "2024-Q4", "zip"))


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extracts")
    for survey, period, _ in ROUNDS:
        generate(["--out", str(folder), "--survey", survey, "--rounds", period, "--persons", "1500"])
    return folder


def from_scratch(home: Path, extracts: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    for survey, period, suffix in ROUNDS:
        tiny.take(Home(home), f"{survey}_{period}", extracts / f"{survey}_{period}.{suffix}")
    ran = ilms(home, "run", "--release-date", "2026-11-23", *options, **environment)
    assert ran.returncode == 0, ran.stderr
    return ran


@pytest.fixture(scope="module")
def first(extracts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("first") / "var"
    from_scratch(home, extracts, "--jobs", "1", PYTHONHASHSEED="1")
    return home


def test_two_runs_from_scratch_give_the_same_bytes(first: Path, extracts: Path, tmp_path: Path) -> None:
    """Other seeds of hashing, another number of processes, another folder."""
    second = tmp_path / "another" / "folder"
    second.mkdir(parents=True)
    from_scratch(second, extracts, "--jobs", "2", PYTHONHASHSEED="2")
    assert assert_whole(first / "releases") is not None
    found, wanted = tree(second / "releases"), tree(first / "releases")
    assert sorted(found) == sorted(wanted)
    assert {name for name in found if found[name] != wanted[name]} == set()
    tables = {name: digest for name, digest in tree(second / "store").items() if "current" in name}
    assert tables == {name: tree(first / "store")[name] for name in tables}


def test_an_unchanged_rerun_writes_nothing(first: Path, record_property: Callable[[str, object], None]) -> None:
    def written() -> dict[str, int]:
        return {
            str(path.relative_to(first)): path.lstat().st_mtime_ns
            for folder in ("store", "releases", "reports", "received")
            for path in [first / folder, *sorted((first / folder).rglob("*"))]
            if path.name not in ("releases", ".lock")  # a lock is opened, a folder in work is put beside and removed
        }

    before = written()
    begun = time.monotonic()
    ran = ilms(first, "run", "--release-date", "2026-12-31")
    seconds = time.monotonic() - begun
    record_property("unchanged_rerun_seconds", round(seconds, 2))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("unchanged") == len(ROUNDS)
    assert "nothing new since release" in ran.stdout
    assert written() == before
    assert list((first / "tmp").iterdir()) == []


def test_two_surveys_out_of_order_give_the_same_tables(tmp_path: Path) -> None:
    """The order in which rounds are received or named changes nothing: a round is judged after the one before it."""
    specs = tiny.write_spec(tmp_path / "specs")
    stores = []
    for name, order in (("one", ("2024-Q1", "2024-Q2")), ("two", ("2024-Q2", "2024-Q1"))):
        home = Home(tmp_path / name, (specs,))
        for period in order:
            file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons(150 if period == "2024-Q2" else 120))
            tiny.take(home, f"FJI_TINY_{period}", file)
        identifiers = [f"FJI_TINY_{period}" for period in order]
        run.run_rounds(home, identifiers, 1, lambda _: None, lambda _: None)
        stores.append(tree(home.store))
    assert stores[0] == stores[1]
