"""Two quarters of the Argentine survey: dirty countries of birth, non-respondents, pay with a weight of its own."""

import csv
from collections import Counter

import duckdb
import pytest

from pipelines.home import Home
from pipelines.storage import Table, current
from tests.acceptance.desk import assert_whole, ilms, real_rounds, stored
from tests.real_data import microdata

pytestmark = pytest.mark.real_data

QUARTERS = {"2016-Q3": "t3", "2016-Q4": "t4"}

#: What interviewers wrote, in capitals -> country. `CHI` stands beside 'bordering country' only.
WRITTEN = {
    "BOL": "BOL", "BRA": "BRA", "CHI": "CHL", "PAR": "PRY", "URU": "URY", "PER": "PER", "COL": "COL", "COR": "KOR",
    "ESP": "ESP", "EST": "USA", "FRA": "FRA", "HAI": "HTI", "ITA": "ITA",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("argentina") / "var"
    return real_rounds(
        folder,
        *(
            ("ARG_EPH", period, f"argentina_eph/eph_individual_2016_{part}_sample2000.csv")
            for period, part in QUARTERS.items()
        ),
    )


def raw(period: str) -> list[dict[str, str]]:
    source = microdata(f"argentina_eph/eph_individual_2016_{QUARTERS[period]}_sample2000.csv")
    with source.open(encoding="ascii", newline="") as handle:
        return list(csv.DictReader(handle, delimiter=";"))


def table(home: Home, name: str, period: str) -> Table:
    return stored(home, name, f"ARG_EPH_{period}")


def counts(home: Home, period: str, *selected: str) -> tuple[int, ...]:
    """Count the harmonised persons that meet each condition."""
    conditions = ", ".join(f"count_if({condition})" for condition in selected)
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT {conditions} FROM '{table(home, 'harmonised_persons', period).data}'"
        ).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize(("period", "wanted"), [("2016-Q3", (56, 54, 26)), ("2016-Q4", (72, 69, 26))])
def test_foreign_born_of_all_ages_of_15_and_over_and_employed(
    home: Home, period: str, wanted: tuple[int, int, int]
) -> None:
    foreign = "place_of_birth = 'CBR_BIR_FOREIGN'"
    employed = f"{foreign} AND labour_force_status = 'LMS_STATUS_EMP'"
    assert counts(home, period, foreign, f"{foreign} AND age >= 15", employed) == wanted


@pytest.mark.parametrize("period", QUARTERS)
def test_countries_written_in_any_case_are_resolved(home: Home, period: str) -> None:
    written = Counter(row["CH15_COD"].upper() for row in raw(period) if row["CH15"] in ("4", "5"))
    with duckdb.connect() as connection:
        found = dict(
            connection.execute(
                f"SELECT country_of_birth, count(*) FROM '{table(home, 'harmonised_persons', period).data}' "
                "WHERE country_of_birth NOT IN ('ARG', '_U') GROUP BY 1"
            ).fetchall()
        )
    assert found == {WRITTEN[name]: count for name, count in written.items()}
    not_stated = sum(row["CH15"] == "9" for row in raw(period))
    assert counts(home, period, "country_of_birth = '_U'") == (not_stated,)


@pytest.mark.parametrize("period", QUARTERS)
def test_non_respondents_are_in_no_universe_and_counted(home: Home, period: str) -> None:
    silent = [row for row in raw(period) if row["ESTADO"] == "0"]
    assert len(silent) == 2
    assert all(int(row["CH06"]) >= 15 for row in silent)
    facts = table(home, "harmonised_persons", period).facts
    assert facts["declared"] == {"NON_RESPONDENT": 2}
    assert facts["excluded"] == 2
    answered = sum(int(row["PONDERA"]) for row in raw(period) if row["ESTADO"] != "0" and int(row["CH06"]) >= 15)
    total = ("SEX_T", "AGE_YTHADULT_YGE15", None)
    assert estimates(home, period, "POP_XWAP_SEX_AGE_NB")[total] == pytest.approx(answered / 1000, rel=1e-12)


def estimates(home: Home, period: str, indicator: str) -> dict[tuple[str, str, str | None], float]:
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT sex, classif1, classif2, value FROM '{table(home, 'round_estimates', period).data}' "
            "WHERE indicator = ?",
            [indicator],
        ).fetchall()
    assert rows
    return {(sex, one, two): value for sex, one, two, value in rows}


@pytest.mark.parametrize("period", QUARTERS)
@pytest.mark.parametrize("dimensions", ["SEX_AGE_CBR", "SEX_EDU_CBR"])
def test_working_age_is_labour_force_and_the_rest_in_every_cell(home: Home, period: str, dimensions: str) -> None:
    whole, active, employed, unemployed, outside = (
        estimates(home, period, f"MST_{part}_{dimensions}_NB") for part in ("XWAP", "TEAP", "TEMP", "TUNE", "TEIP")
    )
    assert len(whole) > 50
    for cell, value in whole.items():
        assert active.get(cell, 0) + outside.get(cell, 0) == pytest.approx(value, rel=1e-12), cell
        assert employed.get(cell, 0) + unemployed.get(cell, 0) == pytest.approx(active.get(cell, 0), rel=1e-12), cell


@pytest.mark.parametrize("period", QUARTERS)
def test_every_respondent_of_working_age_has_one_status(home: Home, period: str) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT labour_force_status, sum(weight) FROM '{table(home, 'harmonised_persons', period).data}' "
            "WHERE is_working_age AND exclusion IS NULL GROUP BY 1"
        ).fetchall()
    wanted: Counter[str] = Counter()
    for row in raw(period):
        if int(row["CH06"]) >= 15 and row["ESTADO"] != "0":
            status = {"1": "EMP", "2": "UNE", "3": "EIP"}[row["ESTADO"]]
            wanted[f"LMS_STATUS_{status}"] += int(row["PONDERA"])
    assert dict(rows) == dict(wanted)


@pytest.mark.parametrize(("period", "infants"), [("2016-Q3", 28), ("2016-Q4", 20)])
def test_under_one_year_is_age_nought(home: Home, period: str, infants: int) -> None:
    assert counts(home, period, "age = 0", "age < 0", "age IS NULL") == (infants, 0, 0)


@pytest.mark.parametrize(("period", "reported", "employees"), [("2016-Q3", 497, 614), ("2016-Q4", 498, 619)])
def test_pay_that_is_not_reported_is_no_pay(home: Home, period: str, reported: int, employees: int) -> None:
    of_employees = "status_in_employment = 'STE_ICSE93_1' AND labour_force_status = 'LMS_STATUS_EMP'"
    found = counts(
        home,
        period,
        of_employees,
        f"{of_employees} AND monthly_earnings IS NOT NULL",
        "monthly_earnings <= 0",
        f"{of_employees} AND monthly_earnings IS NOT NULL AND earnings_weight = 0",
    )
    assert found == (employees, reported, 0, 0)
    facts = table(home, "harmonised_persons", period).facts
    assert facts["quality"]["EARNINGS_RESPONSE"]["value"] == round(reported / employees, 4)


def test_underemployed_are_those_of_the_producer_but_for_five(home: Home) -> None:
    pairs: Counter[tuple[str, bool | None]] = Counter()
    for period in QUARTERS:
        with duckdb.connect() as connection:
            pairs.update(
                connection.execute(
                    f"""SELECT r.INTENSI, h.is_time_related_underemployed
                    FROM '{table(home, "raw_extract", period).data}' AS r
                    JOIN '{table(home, "harmonised_persons", period).data}' AS h USING (row_number)
                    WHERE h.labour_force_status = 'LMS_STATUS_EMP'"""
                ).fetchall()
            )
    underemployed = {producer: count for (producer, mine), count in pairs.items() if mine}
    assert underemployed == {"1": 136, "4": 4}
    assert sum(count for (producer, mine), count in pairs.items() if producer == "1" and not mine) == 1


def test_two_quarters_are_no_year(home: Home) -> None:
    found = current(home.store, "area_estimates", "ARG_2016-test")
    assert found is not None
    with duckdb.connect() as connection:
        times = connection.execute(f"SELECT DISTINCT freq, time FROM '{found.data}' ORDER BY 2").fetchall()
    assert times == [("Q", "2016-Q3"), ("Q", "2016-Q4")]
    answer = ilms(
        home.root, "get", "EMP_TEMP_SEX_AGE_NB", "--area", "ARG", "--period", "2016", "--release", "latest-test"
    )
    assert (answer.stdout, answer.returncode) == ("", 4)
    assert "it has 2016Q3, 2016Q4" in answer.stderr
    assert "a year is made of all periods of a survey" in answer.stderr


def test_what_is_not_asked_is_said_and_never_nought(home: Home) -> None:
    with (home.releases / "latest-test" / "availability.csv").open(encoding="utf-8", newline="") as handle:
        told = {row["indicator"]: (row["availability"], row["reason"]) for row in csv.DictReader(handle)}
    for indicator, reason in (
        ("MST_NCTP_SEX_CCT_NB", "the questionnaire has no question on citizenship"),
        ("MST_TEMP_SEX_OCU_CBR_NB", "coded in the national classification CNO-2001"),
        ("MFL_FPOP_SEX_CBR_NB", "asks where the person lived five years before"),
    ):
        assert told[indicator][0] == "not_collected"
        assert reason in told[indicator][1]
        assert list((home.releases / "latest-test").rglob(f"*{indicator}*")) == []


def test_a_sample_is_released_as_a_test_only(home: Home) -> None:
    assert not (home.releases / "latest").exists()
    release = assert_whole(home.releases)
    assert release == (home.releases / "latest-test").resolve()
    with (release / "data/ilostat/MST_FORP_SEX_CBR_NB_Q.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["ref_area"] for row in rows} == {"ARG"}
    assert {row["time"] for row in rows} == {"2016Q3", "2016Q4"}
    assert all("TEST EXTRACT" in row["source"] for row in rows)
    assert all("S4:33" in row["note_source"].split("_") for row in rows)
