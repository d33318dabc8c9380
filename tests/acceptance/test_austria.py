"""A file of synthetic persons: citizenship from 16 in three groups, declared status, a design for tests."""

import csv
import functools
from typing import Any

import duckdb
import pytest

from pipelines.home import Home
from pipelines.storage import Table
from tests.acceptance.desk import assert_whole, ilms, real_rounds, stored

pytestmark = pytest.mark.real_data

ROUND = "AUT_EUSILC_2006"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("austria") / "var"
    return real_rounds(folder, ("AUT_EUSILC", "2006", "austria_eusilc/eusilc2006_synthetic.csv.gz"))


def table(home: Home, name: str) -> Table:
    return stored(home, name, ROUND)


def persons(home: Home, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(query.format(persons=f"'{table(home, 'harmonised_persons').data}'")).fetchall()


@functools.cache
def estimates(home: Home, indicator: str) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    with duckdb.connect() as connection:
        found = connection.execute(f"FROM '{table(home, 'round_estimates').data}' WHERE indicator = ?", [indicator])
        names = [column[0] for column in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {(row["sex"], row["classif1"], row["classif2"]): row for row in rows}


def reasons(home: Home) -> dict[str, tuple[str, str]]:
    """Indicator -> availability and reason, as released."""
    with (home.releases / "latest-test" / "availability.csv").open(encoding="utf-8", newline="") as handle:
        return {row["indicator"]: (row["availability"], row["reason"]) for row in csv.DictReader(handle)}


def test_the_whole_file_was_read(home: Home) -> None:
    facts = table(home, "harmonised_persons").facts
    assert facts["rows"] == 14_827
    assert facts["weight_total"] == pytest.approx(8_182_222, rel=1e-12)
    assert persons(home, "SELECT count_if(age = 0), count_if(age < 0) FROM {persons}") == [(64 + 153, 0)]


def test_citizenship_is_asked_from_sixteen_and_kept_in_its_groups(home: Home) -> None:
    found = persons(
        home,
        "SELECT citizenship_1, count(*), min(age)::INTEGER, max(age)::INTEGER FROM {persons} GROUP BY 1 ORDER BY 1",
    )
    assert [(code, count) for code, count, _, _ in found] == [
        ("AUT", 11_073),
        ("EU_OTHER", 283),
        ("_FOREIGN", 751),
        ("_U", 2_720),
    ]
    assert found[-1][2:] == (0, 15)
    assert all(youngest == 16 for _, _, youngest, _ in found[:-1])
    assert persons(home, "SELECT count(*) FROM {persons} WHERE age = 15 AND citizenship_1 = '_U'") == [(221,)]
    assert persons(
        home,
        "SELECT count(*), count_if(labour_force_status = 'LMS_STATUS_EMP') FROM {persons} "
        "WHERE citizenship_status = 'CCT_CIT_NONCIT' AND is_working_age",
    ) == [(1_034, 569)]


def test_who_was_too_young_to_be_asked_is_no_unknown(home: Home) -> None:
    rules = {item.rule for item in table(home, "harmonised_persons").findings}
    assert not rules & {"UNKNOWN_SHARE_WARNING", "UNKNOWN_SHARE_STOP"}
    quality = table(home, "harmonised_persons").facts["quality"]
    assert quality["UNKNOWN_CITIZENSHIP"]["value"] == 0
    for cell, row in estimates(home, "MST_XWAP_SEX_AGE_CCT_NB").items():
        assert cell[2] != "CCT_CIT_X" or row["n"] == 0, cell


def test_table_by_country_has_other_countries_only(home: Home) -> None:
    found = estimates(home, "MST_NCTP_SEX_CCT_NB")
    with_members = {cell[1] for cell, row in found.items() if row["n"] > 0}
    # Members of the European Union are told as a group, which has no item of its own but is in its region.
    assert with_members == {"CCT_CTZ_TOTAL", "CCT_CTZ_X", "CCT_CTZ_X60"}
    assert found["SEX_T", "CCT_CTZ_TOTAL", None]["value"] == found["SEX_T", "CCT_CTZ_X", None]["value"]
    assert found["SEX_T", "CCT_CTZ_X", None]["n"] == 1_034


@pytest.mark.parametrize(
    "indicator",
    ["UNE_TUNE_SEX_AGE_NB", "UNE_DEAP_SEX_AGE_RT", "MST_TUNE_SEX_AGE_CCT_NB", "MST_TUNE_SEX_AGE_CCT_RT",
     "XLU_XLU1_SEX_AGE_RT"],
)  # fmt: skip
def test_declared_unemployment_has_no_id_of_the_ilo(home: Home, indicator: str) -> None:
    assert estimates(home, indicator) == {}
    state, reason = reasons(home)[indicator]
    assert state == "not_collected"
    assert "status is declared by the person, not ILO unemployment" in reason
    assert list((home.releases / "latest-test").rglob(f"*{indicator}*")) == []


def test_declared_unemployment_is_published_apart(home: Home) -> None:
    total = estimates(home, "XSD_TUNE_SEX_AGE_NB")["SEX_T", "AGE_YTHADULT_YGE15", None]
    assert total["n"] == 518
    assert total["value"] == pytest.approx(303.2517499, abs=5e-7)
    public = home.releases / "latest-test/data/ilostat/XSD_TUNE_SEX_AGE_CCT_NB_A.csv"
    with public.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows
    assert all("T5:4118" in row["note_indicator"].split("_") for row in rows)


def test_working_age_is_employed_declared_unemployed_and_the_rest(home: Home) -> None:
    whole, active, employed, unemployed, outside = (
        estimates(home, name)
        for name in (
            "MST_XWAP_SEX_AGE_CCT_NB", "MST_TEAP_SEX_AGE_CCT_NB", "MST_TEMP_SEX_AGE_CCT_NB",
            "XSD_TUNE_SEX_AGE_CCT_NB", "MST_TEIP_SEX_AGE_CCT_NB",
        )
    )  # fmt: skip
    assert len(whole) > 50

    nobody = {"value": 0.0}
    for cell, row in whole.items():
        parts = active.get(cell, nobody)["value"] + outside.get(cell, nobody)["value"]
        assert parts == pytest.approx(row["value"], rel=1e-12), cell
        parts = employed.get(cell, nobody)["value"] + unemployed.get(cell, nobody)["value"]
        assert parts == pytest.approx(active.get(cell, nobody)["value"], rel=1e-12), cell


def test_design_of_strata_and_households_gives_standard_errors(home: Home) -> None:
    facts = table(home, "harmonised_persons").facts
    assert (facts["strata"], facts["psus"]) == (9, 6_000)
    total = estimates(home, "EMP_TEMP_SEX_AGE_NB")["SEX_T", "AGE_YTHADULT_YGE15", None]
    assert total["value"] == pytest.approx(3_505.9890367, abs=5e-7)
    assert 0 < total["se"] < 0.02 * total["value"]
    ((households,),) = persons(
        home, "SELECT count(DISTINCT psu) FROM {persons} WHERE labour_force_status = 'LMS_STATUS_EMP'"
    )
    assert total["df"] == households - 9


def test_synthetic_persons_are_released_as_a_test_only(home: Home) -> None:
    assert not (home.releases / "latest").exists()
    release = assert_whole(home.releases)
    assert release == (home.releases / "latest-test").resolve()
    told = reasons(home)
    for indicator, reason in (
        ("MST_FORP_SEX_CBR_NB", "the country of birth is not part of the file (country_of_birth)"),
        ("EMP_TEMP_SEX_STE_NB", "the status in employment is not part of the file (status_in_employment)"),
        ("MNA_TPOP_SEX_CRS_NB", "the survey lists no members of households abroad"),
    ):
        assert told[indicator] == ("not_collected", reason)
    answer = ilms(home.root, "get", "UNE_TUNE_SEX_AGE_NB", "--area", "AUT", "--release", "latest-test")
    assert (answer.stdout, answer.returncode) == ("", 4)
    assert "not ILO unemployment" in answer.stderr
