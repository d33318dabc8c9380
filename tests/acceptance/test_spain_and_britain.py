"""Two test extracts: one that knows birth and citizenship, one that knows neither."""

import csv
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.home import Home
from pipelines.storage import Table
from tests.acceptance import tiny
from tests.acceptance.desk import assert_whole, ilms, real_rounds, stored

pytestmark = pytest.mark.real_data

SPAIN = "ESP_CENSUS_2011"
TOTALS = {"place_of_birth": "CBR_BIR_TOTAL", "citizenship_status": "CCT_CIT_TOTAL"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A data folder after `ilms run` with no option but the date."""
    return real_rounds(
        tmp_path_factory.mktemp("tests") / "var",
        ("ESP_CENSUS", "2011", "spain_censo2011/sampleCenso2010.txt"),
        ("GBR_QLFS", "2015-Q1", "uk_qlfs2015/dataset.txt"),
    )


def table(home: Home, name: str) -> Table:
    return stored(home, name, SPAIN)


def sums(connection: duckdb.DuckDBPyConnection, cube: str) -> dict[str, dict[tuple[str, str], float]]:
    """Return variable -> (sex, first code) -> its sum over sampling units and over the codes of the second column."""
    found = connection.execute(
        "SELECT sex, code1, sum(COLUMNS('^[wns]__')) FROM totals WHERE cube = ? GROUP BY sex, code1", [cube]
    )
    rows, names = found.fetchall(), [column[0] for column in found.description or []]
    return {
        name: {(row[0], row[1]): row[place] for row in rows}
        for place, name in enumerate(names)
        if name[1:3] == "__" and rows[0][place] is not None
    }


@pytest.mark.parametrize("criterion", sorted(TOTALS))
def test_totals_by_criterion_equal_totals_without_in_every_cell(home: Home, criterion: str) -> None:
    """A cube crossed with birth or citizenship holds, whatever the criterion, the persons of its plain twin."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW totals AS FROM '{table(home, 'psu_totals').data}'")
        cubes = {cube for (cube,) in connection.execute("SELECT DISTINCT cube FROM totals").fetchall()}
        crossed = sorted(cube for cube in cubes if cube.endswith(f" x {criterion}"))
        assert len(crossed) >= 5
        for cube in crossed:
            parts, plain = sums(connection, cube), sums(connection, cube.removesuffix(f" x {criterion}"))
            shared = sorted(parts.keys() & plain.keys())
            assert {"w__employed", "n__employed"} <= set(shared), cube
            for variable in shared:
                cells = {cell for cell, total in (parts[variable] | plain[variable]).items() if total}
                assert cells
                for cell in cells:
                    whole = pytest.approx(plain[variable].get(cell), rel=1e-12)
                    assert parts[variable].get(cell) == whole, (cube, variable, cell)


@pytest.mark.parametrize("criterion", sorted(TOTALS))
def test_a_total_is_the_sum_of_its_parts_unknown_included(home: Home, criterion: str) -> None:
    """In every table of counts the total by birth or citizenship holds all items, those of unknown status too."""
    total = TOTALS[criterion]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""
            SELECT indicator, n_total, n_parts, total, parts FROM (
                SELECT indicator, sum(n) FILTER (classif2 = '{total}') AS n_total,
                    sum(n) FILTER (classif2 <> '{total}') AS n_parts,
                    sum(value) FILTER (classif2 = '{total}') AS total,
                    sum(value) FILTER (classif2 <> '{total}') AS parts
                FROM '{table(home, "round_estimates").data}'
                WHERE starts_with(classif2, '{total.removesuffix("TOTAL")}') AND ends_with(indicator, '_NB')
                GROUP BY indicator, sex, classif1
            )
            """
        ).fetchall()
    assert {row[0] for row in rows} >= {
        "MST_TEMP_SEX_AGE_" + total[:3] + "_NB",
        "XSD_TUNE_SEX_AGE_" + total[:3] + "_NB",
    }
    for indicator, n_total, n_parts, whole, parts in rows:
        assert n_total == n_parts, indicator
        assert parts == pytest.approx(whole, rel=1e-12), indicator


@pytest.mark.parametrize("dimension", ["CBR", "CCT"])
@pytest.mark.parametrize("of", ["TEMP_SEX_AGE", "TUNE_SEX_AGE", "TEIP_SEX_AGE", "TEMP_SEX_ECO", "TEMP_SEX_OCU"])
def test_totals_of_the_estimates_agree(home: Home, dimension: str, of: str) -> None:
    # Spain's status is declared by the person: its unemployment has an id of our own.
    family, migrants = {"TEMP": ("EMP", "MST"), "TUNE": ("XSD", "XSD"), "TEIP": ("EIP", "MST")}[of[:4]]
    total = {"CBR": "CBR_BIR_TOTAL", "CCT": "CCT_CIT_TOTAL"}[dimension]
    plain = estimates(home, f"{family}_{of}_NB")
    crossed = [row for row in estimates(home, f"{migrants}_{of}_{dimension}_NB") if row["classif2"] == total]
    wanted = {(row["sex"], row["classif1"]): float(row["value"]) for row in plain}
    found = {(row["sex"], row["classif1"]): float(row["value"]) for row in crossed}
    assert found
    assert set(found) <= set(wanted)
    for key, value in found.items():
        assert value == pytest.approx(wanted[key], rel=1e-9), key


def estimates(home: Home, indicator: str) -> list[dict[str, Any]]:
    """Return the estimates of Spain's round; the command that prints them is the matter of test_commands."""
    with duckdb.connect() as connection:
        found = connection.execute(f"FROM '{table(home, 'round_estimates').data}' WHERE indicator = ?", [indicator])
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("indicator", ["UNE_TUNE_SEX_AGE_NB", "UNE_DEAP_SEX_AGE_RT", "MST_TUNE_SEX_AGE_CBR_NB"])
def test_declared_unemployment_of_a_census_has_no_id_of_the_ilo(home: Home, indicator: str) -> None:
    assert estimates(home, indicator) == []
    answer = ilms(home.root, "get", indicator, "--area", "ESP", "--release", "latest-test")
    assert (answer.stdout, answer.returncode) == ("", 4)
    assert "status is declared by the person, not ILO unemployment" in answer.stderr


def test_country_of_work_is_that_of_the_employed_only(home: Home) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT labour_force_status = 'LMS_STATUS_EMP', country_of_work, count(*) "
            f"FROM '{table(home, 'harmonised_persons').data}' WHERE country_of_work IS NOT NULL GROUP BY ALL"
        ).fetchall()
    assert rows == [(True, "ESP", 224)]


def test_year_of_arrival_of_the_native_born_is_caught(home: Home) -> None:
    found = {item.rule: item for item in table(home, "harmonised_persons").findings}
    assert found["ARRIVAL_OF_NATIVE_BORN"].count == 880
    assert found["ARRIVAL_OF_NATIVE_BORN"].severity == "warning"
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT count(arrival_year) FROM '{table(home, 'harmonised_persons').data}' "
            "WHERE place_of_birth = 'CBR_BIR_NATIVE' AND NOT has_arrived_from_abroad"
        ).fetchone()
    assert row == (0,)


def test_test_extracts_are_released_apart_and_marked(home: Home) -> None:
    assert not (home.releases / "latest").exists()
    release = assert_whole(home.releases)
    assert release is not None
    assert release == (home.releases / "latest-test").resolve()
    assert "TEST EXTRACT" in (release / "README.txt").read_text(encoding="utf-8")
    table_file = release / "data/ilostat/EMP_TEMP_SEX_AGE_NB_A.csv"
    with table_file.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["ref_area"] for row in rows} == {"ESP"}
    note = (release / "dictionary/NOTE.csv").read_text(encoding="utf-8")
    marks = [line.split(",")[0] for line in note.splitlines() if "test extract" in line.lower()]
    assert marks
    assert all(any(mark in row["note_source"] for mark in marks) for row in rows)


def test_default_release_has_no_test_extract(home: Home, tmp_path: Path) -> None:
    """With a national survey beside them, there is a default release, and the extracts are not in it."""
    specs = tiny.write_spec(tmp_path / "specs", {'extract = "test"': 'extract = "national"'})
    both = Home(shutil.copytree(home.root, tmp_path / "var", symlinks=True), (specs,))
    tiny.take(both, "FJI_TINY_2024-Q1", tiny.write_csv(tmp_path / "persons.csv", tiny.persons()))
    errors, made = tiny.finish(both)
    assert errors == []
    assert len(made) == 2
    areas = set()
    for path in (both.releases / "latest" / "data" / "ilostat").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as handle:
            areas |= {row["ref_area"] for row in csv.DictReader(handle)}
    assert areas == {"FJI"}
    refused = ilms(both.root, "get", "EMP_TEMP_SEX_AGE_NB", "--area", "ESP")
    assert (refused.stdout, refused.returncode) == ("", 4)
    assert "latest-test" in refused.stderr


def test_britain_has_employment(home: Home) -> None:
    internal = ilms(home.root, "estimates", "EMP_TEMP_SEX_AGE_NB", "--area", "GBR")
    assert internal.returncode == 0
    assert len(internal.stdout.splitlines()) > 20
    public = ilms(home.root, "get", "EMP_TEMP_SEX_AGE_NB", "--area", "GBR", "--release", "latest-test")
    assert public.returncode == 0, public.stderr
    assert len(public.stdout.splitlines()) > 20


@pytest.mark.parametrize("indicator", ["MST_TEMP_SEX_AGE_CBR_NB", "MST_TEMP_SEX_AGE_CCT_NB"])
def test_britain_has_no_migration_table(home: Home, indicator: str) -> None:
    answer = ilms(home.root, "get", indicator, "--area", "GBR")
    assert answer.stdout == ""
    assert answer.returncode == 4
    assert "not collected: " in answer.stderr
    assert "ethnicity is not migration" in answer.stderr
