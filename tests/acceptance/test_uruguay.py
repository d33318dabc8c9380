"""One survey in two formats, CSV and SPSS: the same rows, the same figures, and no PSU outside the capital."""

import csv
from collections import Counter

import duckdb
import pytest

from pipelines.home import Home
from pipelines.intake import Receipt, latest_receipt
from pipelines.rounds import harmonised_persons, open_round, raw_extract
from pipelines.storage import Table
from tests.acceptance import tiny
from tests.acceptance.desk import assert_whole, ilms, real_rounds, stored
from tests.real_data import microdata

pytestmark = pytest.mark.real_data

ROUND = "URY_ECH_2018"
FILES = {"csv": "uruguay_ech/ech_2018_metasurvey.csv", "sav": "uruguay_ech/toy_ech_2018_subset.sav"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A data folder with the round from the CSV file, released."""
    return real_rounds(tmp_path_factory.mktemp("uruguay") / "var", ("URY_ECH", "2018", FILES["csv"]))


@pytest.fixture(scope="module")
def from_spss(tmp_path_factory: pytest.TempPathFactory) -> tuple[Receipt, Table]:
    """The receipt of the SPSS file, and the persons made of it."""
    home = Home(tmp_path_factory.mktemp("uruguay_spss") / "var")
    tiny.take(home, ROUND, microdata(FILES["sav"]))
    this, receipt = open_round(home, ROUND), latest_receipt(home, ROUND)
    assert receipt is not None
    persons = harmonised_persons(this, raw_extract(this, receipt))
    assert persons.is_valid
    return receipt, persons


@pytest.fixture(scope="module")
def raw() -> list[dict[str, str]]:
    with microdata(FILES["csv"]).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter=";"))


def table(home: Home, name: str) -> Table:
    return stored(home, name, ROUND)


def test_the_format_chooses_the_variant(home: Home, from_spss: tuple[Receipt, Table]) -> None:
    receipt = latest_receipt(home, ROUND)
    assert receipt is not None
    assert (receipt.variant, from_spss[0].variant) == ("csv", "sav")


def test_both_formats_give_the_same_rows(home: Home, from_spss: tuple[Receipt, Table]) -> None:
    one, two = table(home, "harmonised_persons").data, from_spss[1].data
    with duckdb.connect() as connection:
        columns = [connection.execute(f"DESCRIBE FROM '{data}'").fetchall() for data in (one, two)]
        assert columns[0] == columns[1]
        assert len(columns[0]) > 35
        row = connection.execute(
            f"SELECT (SELECT count(*) FROM '{one}'), (SELECT count(*) FROM '{two}'), "
            f"(SELECT count(*) FROM (FROM '{one}' EXCEPT ALL FROM '{two}')), "
            f"(SELECT count(*) FROM (FROM '{two}' EXCEPT ALL FROM '{one}'))"
        ).fetchone()
    assert row == (1_294, 1_294, 0, 0)


@pytest.mark.parametrize("variant", FILES)
def test_foreign_born_of_all_ages_of_15_and_over_and_employed(
    home: Home, from_spss: tuple[Receipt, Table], variant: str
) -> None:
    persons = from_spss[1] if variant == "sav" else table(home, "harmonised_persons")
    with duckdb.connect() as connection:
        row = connection.execute(
            "SELECT count(*), count_if(age >= 15), count_if(labour_force_status = 'LMS_STATUS_EMP') "
            f"FROM '{persons.data}' WHERE place_of_birth = 'CBR_BIR_FOREIGN'"
        ).fetchone()
    assert row == (28, 25, 14)
    assert persons.facts["declared"] == {"PSU_BLANK": 801}


def test_countries_of_birth(home: Home) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT country_of_birth, count(*) FROM '{table(home, 'harmonised_persons').data}' GROUP BY 1"
        ).fetchall()
    assert dict(rows) == {
        "URY": 1_266, "ARG": 8, "VEN": 5, "USA": 3, "ESP": 3, "BRA": 2, "ITA": 2, "CHE": 1, "CHL": 1, "COL": 1,
        "DEU": 1, "PRY": 1,
    }  # fmt: skip


def test_a_blank_psu_is_declared_counted_and_no_psu(home: Home) -> None:
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT count_if(psu IS NULL), count_if(psu IS NULL AND region = '1'), count_if(psu = '-') "
            f"FROM '{table(home, 'harmonised_persons').data}'"
        ).fetchone()
        assert row == (801, 0, 0)
        precision = connection.execute(
            f"SELECT count(se), list(DISTINCT method) FROM '{table(home, 'round_estimates').data}'"
        ).fetchone()
    assert precision == (0, ["none: no design variables"])


def test_arrival_is_known_where_the_place_before_is_abroad(home: Home, raw: list[dict[str, str]]) -> None:
    wanted = Counter(2018 - int(row["e38_1"]) for row in raw if row["e39"] == "3")
    data = table(home, "harmonised_persons").data
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT arrival_year::INTEGER, count(*) FROM '{data}' WHERE arrival_year IS NOT NULL GROUP BY 1"
        ).fetchall()
        row = connection.execute(
            "SELECT count_if(place_of_birth = 'CBR_BIR_NATIVE'), "
            "count_if(country_of_previous_residence = '_U'), "
            "count_if(country_of_previous_residence = '_U' AND arrival_year IS NOT NULL) "
            f"FROM '{data}' WHERE has_arrived_from_abroad"
        ).fetchone()
    assert dict(found) == dict(wanted)
    assert sum(wanted.values()) == 49
    assert row == (29, 8, 0)


def test_underemployed_hold_those_of_the_producer(home: Home, raw: list[dict[str, str]]) -> None:
    with duckdb.connect() as connection:
        mine = {
            row[0]
            for row in connection.execute(
                f"SELECT person_id FROM '{table(home, 'harmonised_persons').data}' WHERE is_time_related_underemployed"
            ).fetchall()
        }
    producers = {f"{row['numero']}-{row['nper']}" for row in raw if row["subempleo"] == "1"}
    by_choice = {f"{row['numero']}-{row['nper']}" for row in raw if row["f104"] in ("1", "6")}
    assert len(producers) == 40
    assert producers < mine
    assert len(mine - producers) == 5
    assert mine - producers <= by_choice


def test_working_age_is_labour_force_and_the_rest_in_every_cell(home: Home) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""SELECT sum(value) FILTER (indicator LIKE 'MST_XWAP%'), sum(value) FILTER (indicator LIKE 'MST_TEAP%'),
                       sum(value) FILTER (indicator LIKE 'MST_TEIP%')
            FROM '{table(home, "round_estimates").data}'
            WHERE regexp_matches(indicator, '^MST_(XWAP|TEAP|TEIP)_SEX_(AGE|EDU)_CBR_NB$')
            GROUP BY sex, classif1, classif2"""
        ).fetchall()
    assert len(rows) > 100
    for whole, active, outside in rows:
        assert (active or 0) + (outside or 0) == pytest.approx(whole, rel=1e-12)


def test_a_sample_is_released_as_a_test_only(home: Home) -> None:
    assert not (home.releases / "latest").exists()
    release = assert_whole(home.releases)
    assert release == (home.releases / "latest-test").resolve()
    answer = ilms(home.root, "get", "MST_NCTP_SEX_CCT_NB", "--area", "URY", "--release", "latest-test")
    assert (answer.stdout, answer.returncode) == ("", 4)
    assert "not collected: the questionnaire has no question on citizenship" in answer.stderr
