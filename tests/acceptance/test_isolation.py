"""One bad round of five: it stops and says why, the others go on, and what is public stays as it is."""

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow.parquet as pq
import pytest

from pipelines.home import Home
from pipelines.storage import current
from tests.acceptance import tiny
from tests.acceptance.desk import assert_whole, ilms, tree

#: In no name, hash or other value: a hash has no Q or Z.
PLANTED = "QZ7"
PERIODS = ("2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4", "2025-Q1")
BAD = "FJI_TINY_2024-Q3"
BAD_ROWS = (11, 60, 61)


@dataclass(frozen=True)
class Desk:
    """A data folder after a good run and a bad one."""

    home: Home
    before: dict[str, str]
    latest: str
    ran: CompletedProcess[str]


def file(folder: Path, period: str, shift: int) -> Path:
    rows = tiny.persons()
    for row in rows[: 3 * shift]:
        row["STATUS"] = "2" if row["STATUS"] else ""
    return tiny.write_csv(folder / f"{period}.csv", rows)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("isolation")
    of_birth_alone = ("citizenship_1", "arrival_year")
    specs = tiny.write_spec(folder / "specs", {'extract = "test"': 'extract = "national"'}, without=of_birth_alone)
    home = Home(folder / "var", (specs,))
    for shift, period in enumerate(PERIODS):
        tiny.take(home, f"FJI_TINY_{period}", file(folder, period, shift))
    errors, made = tiny.finish(home)
    assert errors == []
    assert len(made) == 1
    before, latest = tree(home.releases), str((home.releases / "latest").readlink())

    rows = tiny.persons()
    for number in BAD_ROWS:
        rows[number - 1]["BIRTH"] = PLANTED
    tiny.take(home, BAD, tiny.write_csv(folder / "bad.csv", rows), supersede=True)
    for shift, period in enumerate(PERIODS):
        if period not in BAD:
            tiny.take(home, f"FJI_TINY_{period}", file(folder, period, shift + 5), supersede=True)
    return Desk(home, before, latest, ilms(home.root, "--specs", specs, "run", "--release-date", "2026-12-24"))


def test_the_message_names_everything_but_the_code(desk: Desk) -> None:
    (line,) = [line for line in desk.ran.stderr.splitlines() if "CODE_UNMAPPED" in line]
    for part in ("FJI_TINY_2024-Q3", "country_of_birth", "BIRTH", "CODE_UNMAPPED", "3 rows", "11, 60, 61"):
        assert part in line
    assert "not declared closed" in line


def test_exit_code(desk: Desk) -> None:
    assert desk.ran.returncode == 1
    assert "no release" in desk.ran.stdout


def test_the_others_went_on(desk: Desk) -> None:
    for period in PERIODS:
        identifier = f"FJI_TINY_{period}"
        assert re.search(f"{identifier}: {'STOPPED' if identifier == BAD else 'passed'}", desk.ran.stdout)
        estimates = current(desk.home.store, "round_estimates", identifier)
        persons = current(desk.home.store, "harmonised_persons", identifier)
        assert estimates is not None
        assert persons is not None
        assert persons.is_valid == (identifier != BAD)
        if identifier != BAD:
            assert estimates.facts["file_sha256"] == persons.facts["file_sha256"]


def test_the_last_release_is_untouched(desk: Desk) -> None:
    assert tree(desk.home.releases) == desk.before
    assert str((desk.home.releases / "latest").readlink()) == desk.latest
    assert assert_whole(desk.home.releases) is not None


def test_the_code_is_in_no_log_file_or_table_outside_restricted_raw_data(desk: Desk) -> None:
    code = PLANTED.encode()
    assert PLANTED not in desk.ran.stdout + desk.ran.stderr
    places = []
    for path in sorted(path for path in desk.home.root.rglob("*") if path.is_file()):
        name = path.relative_to(desk.home.root)
        if name.parts[0] == "received" or name.parts[:2] == ("store", "raw_extract"):
            continue
        # Compressed bytes may hold three letters by chance: a table is looked at as it reads.
        is_table = path.suffix == ".parquet"
        if PLANTED in str(pq.read_table(path).to_pydict()) if is_table else code in path.read_bytes():
            places.append(str(name))
    assert places == []


def test_the_code_is_in_no_event_of_dagster(desk: Desk) -> None:
    databases = [path for path in (desk.home.root / "dagster").rglob("*") if path.is_file() and path.suffix != ".yaml"]
    assert any(b"CODE_UNMAPPED" in path.read_bytes() for path in databases)
    for path in databases:
        with sqlite3.connect(path) as connection:
            assert PLANTED not in "\n".join(connection.iterdump())


def test_another_round_alone_makes_no_release_of_the_old_figures(desk: Desk) -> None:
    """The figures of the file that was replaced do not stand in for the one that was stopped."""
    ran = ilms(desk.home.root, "--specs", desk.home.spec_dirs[0], "run", "FJI_TINY_2024-Q1")
    assert ran.returncode == 1
    assert f"{BAD}: was stopped at harmonised_persons" in ran.stderr
    assert tree(desk.home.releases) == desk.before


def test_a_code_of_a_closed_variable_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    rows = tiny.persons()
    rows[4]["SEX"] = PLANTED
    result = tiny.harmonise(home, rows, tmp_path / "persons.csv")
    (found,) = [item for item in result.findings if item.severity == "error"]
    assert (found.rule, found.concept, found.variable, found.count, found.rows) == (
        "CODE_UNMAPPED", "sex", "SEX", 1, (5,),
    )  # fmt: skip
    assert PLANTED in found.message


def test_a_round_without_specification_leaves_the_others_going_on(tmp_path: Path) -> None:
    """Its folder of specifications was not given this time; its figures are not silently withdrawn."""
    specs = tiny.write_spec(tmp_path / "specs", without=tiny.MIGRATION)
    other = tiny.write_spec(tmp_path / "other", {'id = "TINY"': 'id = "SMALL"'}, without=tiny.MIGRATION) / "FJI"
    (other / "TINY").rename(other / "SMALL")
    home = Home(tmp_path / "var", (specs, other.parent))
    file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons())
    tiny.take(home, "FJI_TINY_2024-Q1", file)
    tiny.take(home, "FJI_SMALL_2024-Q2", file)
    assert tiny.finish(home)[0] == []
    before = tree(home.releases)
    ran = ilms(home.root, "--specs", specs, "run")
    assert ran.returncode == 1
    assert "FJI_TINY_2024-Q1: passed" in ran.stdout
    assert "SURVEY_UNKNOWN" in ran.stderr
    assert tree(home.releases) == before


def test_what_no_check_foresaw_stops_one_round_and_quotes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import checks, run

    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons())
    for period in PERIODS[:2]:
        tiny.take(home, f"FJI_TINY_{period}", file)
    judged = checks.share_findings
    calls = []

    def fail(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise ValueError(f"a library quotes {PLANTED}")
        return judged(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(checks, "share_findings", fail)
    outcomes = run.run_rounds(home, run.rounds_to_run(home, ()), 1, lambda _: None, lambda _: None)
    assert [outcome.is_valid for outcome in outcomes] == [False, True]
    (line,) = outcomes[0].errors
    assert "UNEXPECTED: ValueError in rounds.py" in line
    assert PLANTED not in line
