"""Two test extracts: one that knows birth and citizenship, one that knows neither."""

import csv
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.home import Home
from pipelines.storage import Table
from tests.acceptance import tiny
from tests.acceptance.desk import assert_whole, ilms, real_rounds, stored
from tests.real_data import microdata

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


def cubes(home: Home) -> list[str]:
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT DISTINCT cube FROM '{table(home, 'psu_totals').data}' ORDER BY 1").fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("criterion", sorted(TOTALS))
def test_totals_by_criterion_equal_totals_without_in_every_cell(home: Home, criterion: str) -> None:
    """Every cube crossed with birth or citizenship has a plain twin; both are recomputed from persons' sums."""
    crossed = [cube for cube in cubes(home) if cube.endswith(f" x {criterion}")]
    assert len(crossed) >= 5
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW totals AS FROM '{table(home, 'psu_totals').data}'")
        for cube in crossed:
            plain = cube.removesuffix(f" x {criterion}")
            cells = connection.execute(
                f"""
                WITH w AS (SELECT universe, sex, classif1, sum(total) AS total, sum(n) AS n FROM totals
                           WHERE cube = '{plain}' GROUP BY ALL),
                     c AS (SELECT universe, sex, classif1, sum(total) AS total, sum(n) AS n FROM totals
                           WHERE cube = '{cube}' AND classif2 = '{TOTALS[criterion]}' GROUP BY ALL),
                     shared AS (SELECT universe FROM w INTERSECT SELECT universe FROM c)
                SELECT w.total, c.total, w.n, c.n FROM w FULL JOIN c USING (universe, sex, classif1)
                WHERE universe IN (FROM shared)
                """
            ).fetchall()
            assert len(cells) > 20, cube
            for whole, parts, n_whole, n_parts in cells:
                assert parts == pytest.approx(whole, rel=1e-12), cube
                assert n_parts == n_whole, cube


@pytest.mark.parametrize("criterion", sorted(TOTALS))
def test_a_total_is_the_sum_of_its_parts_unknown_included(home: Home, criterion: str) -> None:
    total = TOTALS[criterion]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""
            SELECT sum(n) FILTER (classif2 = '{total}'), sum(n) FILTER (classif2 <> '{total}')
            FROM '{table(home, "psu_totals").data}' WHERE cube = 'age_band x {criterion}'
            GROUP BY universe, sex, classif1
            """
        ).fetchall()
    assert rows
    assert all(whole == parts for whole, parts in rows)


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
    both = Home(tmp_path / "var", (specs,))
    tiny.take(both, SPAIN, microdata("spain_censo2011/sampleCenso2010.txt"))
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
