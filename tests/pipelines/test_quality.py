"""Coverage and quality of a round: shares and totals counted by hand, what is withheld, and how it gets out."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pytest

from pipelines.home import Home
from pipelines.quality import (
    COLUMNS,
    Facts,
    ordered,
    quality_facts,
    quality_findings,
    quality_rows,
    reference_stocks,
    spelled,
)
from pipelines.storage import current
from schemas.codes import load_code_lists
from schemas.periods import Period
from schemas.survey_spec import SurveySpec, load_survey
from sdmx_out.csv_text import read_csv
from tests.acceptance import tiny

QUARTER = Period.parse("2024-Q1")
CALIBRATED = "calibrated_on_foreigners = true"
STATUS = 'declared_labour_force_status = {variable = "STATUS"}'
SEEN = "residence_status = {rules = true}\nexclusion = {rules = true}"
RULES = {
    "rules/residence_status.csv": "order,when,value,note\n"
    "1,LINE = '9',RES_PRESENT_NON_RESIDENT,\n2,LINE <> '9',RES_USUAL,\n",
    "rules/exclusion.csv": "order,when,value,note\n1,LINE = '8','NON_RESPONDENT',\n2,LINE <> '8',NULL,\n",
}
COLUMN_TYPES = {
    "row_number": "BIGINT",
    "household_id": "VARCHAR",
    "weight": "DOUBLE",
    "stratum": "VARCHAR",
    "psu": "VARCHAR",
    "exclusion": "VARCHAR",
    "residence_status": "VARCHAR",
    "age": "BIGINT",
    "is_working_age": "BOOLEAN",
    "place_of_birth": "VARCHAR",
    "citizenship_status": "VARCHAR",
    "is_proxy": "BOOLEAN",
    "labour_force_status": "VARCHAR",
    "status_in_employment": "VARCHAR",
    "monthly_earnings": "DOUBLE",
}
NATIVE, FOREIGN, UNKNOWN = "CBR_BIR_NATIVE", "CBR_BIR_FOREIGN", "CBR_BIR_X"
Person = dict[str, object]


def people(count: int, **given: object) -> list[Person]:
    """Return adults born in the country who answered for themselves; whatever is given replaces what is made."""
    made: Person = {
        "household_id": "h",
        "weight": 100.0,
        "stratum": "S1",
        "psu": "P1",
        "exclusion": None,
        "residence_status": "RES_USUAL",
        "age": 40,
        "is_working_age": True,
        "place_of_birth": NATIVE,
        "citizenship_status": "CCT_CIT_CITIZEN",
        "is_proxy": False,
        "labour_force_status": "LMS_STATUS_EIP",
        "status_in_employment": None,
        "monthly_earnings": None,
    }
    return [{**made, **given} for _ in range(count)]


def survey(root: Path, quality: str = CALIBRATED, more: str = "", toml: Mapping[str, str] | None = None) -> SurveySpec:
    """Return the survey of the test, which sees non-residents and non-respondents, with [quality] and more sections."""
    changes = {STATUS: f"{STATUS}\n{SEEN}", CALIBRATED: f"{quality}\n{more}", **(toml or {})}
    tiny.write_spec(root, changes, RULES)
    return load_survey(root / "FJI" / "TINY")


def facts_of(spec: SurveySpec, persons: Sequence[Person], *, without: Sequence[str] = ()) -> Facts:
    columns = [name for name in COLUMN_TYPES if name not in without]
    with duckdb.connect() as connection:
        types = ", ".join(f"{name} {kind}" for name, kind in COLUMN_TYPES.items())
        connection.execute(f"CREATE TABLE work ({types})")
        rows = [[number, *(person[name] for name in list(COLUMN_TYPES)[1:])] for number, person in enumerate(persons)]
        connection.executemany(f"INSERT INTO work VALUES ({', '.join('?' * len(COLUMN_TYPES))})", rows)
        for name in without:
            connection.execute(f"ALTER TABLE work DROP COLUMN {name}")
        return quality_facts(connection, spec, QUARTER, columns)


def values(facts: Facts, *items: str) -> list[object]:
    return [facts[item]["value"] for item in items]


# --- figures


def test_shares_are_those_counted_by_hand(tmp_path: Path) -> None:
    persons = [
        *people(20, household_id="h1"),
        *people(10, household_id="h2", psu="P2", place_of_birth=UNKNOWN, weight=50.0),
        *people(6, household_id="h3", stratum="S2", is_proxy=True, citizenship_status="CCT_CIT_X", weight=25.0),
        *people(5, is_proxy=None),
        *people(7, age=10, is_working_age=False, place_of_birth=UNKNOWN, is_proxy=True),
        *people(8, exclusion="NON_RESPONDENT"),
        *people(9, residence_status="RES_PRESENT_NON_RESIDENT", weight=12.0, place_of_birth=UNKNOWN),
    ]
    facts = facts_of(survey(tmp_path), persons)
    # Residents of working age: 20 + 10 + 6 + 5 = 41 persons, 2000 + 500 + 150 + 500 = 3150 weighted.
    assert values(facts, "UNKNOWN_BIRTH", "UNKNOWN_BIRTH_PERSONS") == [round(500 / 3150, 4), round(10 / 41, 4)]
    assert values(facts, "UNKNOWN_CITIZENSHIP", "UNKNOWN_CITIZENSHIP_PERSONS") == [
        round(150 / 3150, 4),
        round(6 / 41, 4),
    ]
    assert values(facts, "PROXY_SHARE") == [round(6 / 36, 4)]  # five did not state who answered
    assert values(facts, "PERSONS", "HOUSEHOLDS", "PSUS", "STRATA") == [65, 4, 3, 2]
    assert values(facts, "NON_RESPONDENTS", "NON_RESPONDENT_SHARE") == [8, round(8 / 65, 4)]
    assert values(facts, "NON_RESIDENTS", "NON_RESIDENTS_WEIGHTED") == [9, 0.108]
    assert values(facts, "SE_METHOD", "EXTRACT", "CALIBRATED", "CAMPS") == ["TAYLOR", "TEST", "YES", "UNKNOWN"]


def test_earnings_response_is_of_employees(tmp_path: Path) -> None:
    employee = {"labour_force_status": "LMS_STATUS_EMP", "status_in_employment": "STE_ICSE93_1"}
    persons = [
        *people(12, **employee, monthly_earnings=900.0),
        *people(8, **employee),
        *people(30, labour_force_status="LMS_STATUS_EMP", status_in_employment="STE_ICSE93_3"),
    ]
    facts = facts_of(survey(tmp_path), persons)
    assert values(facts, "EARNINGS_RESPONSE") == [0.6]
    assert [item.rule for item in quality_findings(facts)] == ["EARNINGS_RESPONSE"]


def test_stocks_are_compared_with_the_nearest_year(tmp_path: Path) -> None:
    stocks = "".join(
        f'[[reference_stock]]\ncriterion = "birth"\nyear = {year}\nminimum_age = {age}\nvalue = {value}\n'
        'source = "UN"\n'
        for year, age, value in ((2015, 15, 500), (2020, 15, 1600), (2020, 18, 100), (2020, 0, 4000))
    )
    persons = [
        *people(50),
        *people(10, place_of_birth=FOREIGN),
        *people(6, place_of_birth=FOREIGN, age=16),
        *people(9, place_of_birth=FOREIGN, age=10, is_working_age=False),
        *people(7, place_of_birth=FOREIGN, residence_status="RES_PRESENT_NON_RESIDENT"),
    ]
    spec = survey(tmp_path, more=stocks)
    assert [(name, stock.year) for name, stock in reference_stocks(spec, QUARTER, "birth").items()] == [
        ("ADULT", 2020),
        ("ALL", 2020),
    ]
    facts = facts_of(spec, persons)
    assert values(facts, "FOREIGN_BORN", "FOREIGN_BORN_ADULT", "FOREIGN_BORN_ALL") == [1.6, 1.6, 2.5]
    assert values(facts, "FOREIGN_BORN_ADULT_REFERENCE", "FOREIGN_BORN_ALL_REFERENCE") == [1.6, 4.0]
    assert values(facts, "FOREIGN_BORN_ADULT_RATIO", "FOREIGN_BORN_ALL_RATIO") == [1.0, 0.625]
    assert facts["FOREIGN_BORN_ADULT_RATIO"]["note"]["fr"] == "15 ans et plus, 2020. Source : UN"
    assert facts["FOREIGN_BORN_ALL_RATIO"]["note"]["en"] == "All ages, 2020. Source: UN"
    assert "NON_CITIZENS_ADULT" not in facts
    assert quality_findings(facts) == [], "the ratio is for information only"


def test_other_ages_need_single_ages(tmp_path: Path) -> None:
    stock = '[[reference_stock]]\ncriterion = "birth"\nyear = 2020\nminimum_age = 18\nvalue = 900\nsource = "UN"\n'
    facts = facts_of(survey(tmp_path, more=stock), [*people(50), *people(10, place_of_birth=FOREIGN)], without=["age"])
    assert values(facts, "FOREIGN_BORN", "FOREIGN_BORN_ADULT", "FOREIGN_BORN_ADULT_RATIO") == [1.0, None, None]
    assert facts["FOREIGN_BORN_ADULT_RATIO"]["note"]["en"].startswith("Not given: the survey has no ages")
    assert values(facts, "FOREIGN_BORN_ADULT_REFERENCE") == [0.9]


# --- what is withheld


@pytest.mark.parametrize("count", [1, 4])
def test_nothing_rests_on_few_persons(tmp_path: Path, count: int) -> None:
    persons = [
        *people(40, labour_force_status="LMS_STATUS_EMP", status_in_employment="STE_ICSE93_1", monthly_earnings=1.0),
        *people(count, place_of_birth=UNKNOWN, citizenship_status="CCT_CIT_NONCIT", is_proxy=True),
        *people(count, exclusion="NON_RESPONDENT"),
        *people(count, residence_status="RES_PRESENT_NON_RESIDENT"),
    ]
    facts = facts_of(survey(tmp_path), persons)
    withheld = [
        *("UNKNOWN_BIRTH", "UNKNOWN_BIRTH_PERSONS", "PROXY_SHARE", "NON_RESPONDENTS", "NON_RESPONDENT_SHARE"),
        *("NON_RESIDENTS", "NON_RESIDENTS_WEIGHTED", "NON_CITIZENS", "FOREIGN_BORN"),
    ]
    assert values(facts, *withheld) == [None] * len(withheld)
    assert {facts[item]["note"]["es"].split(":")[0] for item in withheld} == {"No se indica"}
    assert values(facts, "EARNINGS_RESPONSE", "UNKNOWN_CITIZENSHIP") == [1.0, 0.0]


@pytest.mark.parametrize("count", [1, 4])
def test_a_complement_of_few_persons_is_withheld(tmp_path: Path, count: int) -> None:
    facts = facts_of(survey(tmp_path), [*people(40, is_proxy=True), *people(count)])
    assert values(facts, "PROXY_SHARE") == [None]


def test_five_persons_are_enough(tmp_path: Path) -> None:
    persons = [*people(40), *people(5, place_of_birth=UNKNOWN), *people(5, place_of_birth=FOREIGN)]
    assert values(facts_of(survey(tmp_path), persons), "UNKNOWN_BIRTH", "FOREIGN_BORN") == [0.1, 0.5]


def test_a_total_that_gives_another_away_by_a_difference_is_withheld(tmp_path: Path) -> None:
    """The tables have the foreign-born of working age (16 and over): with those of 15 and over, two persons show."""
    foreign = people(30, place_of_birth=FOREIGN)
    of_15 = people(2, place_of_birth=FOREIGN, age=15, is_working_age=False)
    spec = survey(tmp_path, toml={"working_age = 15": "working_age = 16"})
    assert values(facts_of(spec, [*people(40), *foreign, *of_15]), "FOREIGN_BORN") == [None]
    assert values(facts_of(spec, [*people(40), *foreign]), "FOREIGN_BORN") == [3.0]
    few_unknown = people(3, place_of_birth=UNKNOWN)  # suppressed in the tables: the total less the parts has them
    assert values(facts_of(spec, [*people(40), *foreign, *few_unknown]), "FOREIGN_BORN") == [None]


# --- what is not asked, what the office reports, warnings


def test_what_is_not_asked_says_so(tmp_path: Path) -> None:
    without = ["place_of_birth", "citizenship_status", "is_proxy", "monthly_earnings", "psu", "household_id"]
    facts = facts_of(survey(tmp_path, quality=""), people(40), without=without)
    absent = ["UNKNOWN_BIRTH", "FOREIGN_BORN", "NON_CITIZENS", "PROXY_SHARE", "EARNINGS_RESPONSE", "PSUS", "HOUSEHOLDS"]
    assert values(facts, *absent) == [None] * len(absent)
    assert {facts[item]["note"]["en"] for item in absent} == {"Not collected"}
    assert quality_findings(facts) == [], "weights cannot be wrong for questions that are not asked"


def test_who_is_not_seen_is_not_said_to_be_nobody(tmp_path: Path) -> None:
    """Non-residents of a survey that lists residents only, non-respondents of a file without them: not 0."""
    tiny.write_spec(tmp_path)
    items = ("NON_RESIDENTS", "NON_RESIDENTS_WEIGHTED", "NON_RESPONDENTS", "NON_RESPONDENT_SHARE")
    facts = facts_of(load_survey(tmp_path / "FJI" / "TINY"), people(40))
    assert values(facts, *items) == [None] * 4
    assert [facts[item]["note"]["en"] for item in items] == ["Not collected"] * 2 + ["Not reported"] * 2
    assert values(facts_of(survey(tmp_path), people(40)), *items) == [0, 0.0, 0, 0.0]


def test_the_response_rate_is_that_of_the_round(tmp_path: Path) -> None:
    rounds = (
        'rounds = [{period = "2024-Q1", response_rate = 0.5512345, source = "report"}, '
        '{period = "2024-Q2", response_rate = 0.9, source = "report"}]'
    )
    facts = facts_of(survey(tmp_path, quality=f"{CALIBRATED}\n{rounds}"), people(40))
    assert values(facts, "RESPONSE_RATE") == [0.5512]
    assert facts["RESPONSE_RATE"]["note"]["es"] == "Fuente: report"
    (found,) = quality_findings(facts)
    assert (found.rule, found.severity, found.count) == ("RESPONSE_RATE_LOW", "warning", 0)
    assert "55.1%" in found.message


@pytest.mark.parametrize(
    ("quality", "told"), [("calibrated_on_foreigners = false", "are not calibrated"), ("", "are not known to be")]
)
def test_weights_that_know_no_foreigners_are_warned_of(tmp_path: Path, quality: str, told: str) -> None:
    (found,) = quality_findings(facts_of(survey(tmp_path, quality=quality), people(40)))
    assert (found.rule, found.concept) == ("WEIGHTS_NOT_CALIBRATED", "weight")
    assert told in found.message
    assert found.message.endswith("; no published stock is given to compare with")


def test_the_warning_tells_the_ratio_to_the_known_stock(tmp_path: Path) -> None:
    stock = '[[reference_stock]]\ncriterion = "{}"\nyear = 2020\nminimum_age = {}\nvalue = 1600\nsource = "UN"\n'
    quality = "calibrated_on_foreigners = false"
    spec = survey(tmp_path, quality, stock.format("birth", 15) + stock.format("citizenship", 0))
    foreign = {"place_of_birth": FOREIGN, "citizenship_status": "CCT_CIT_NONCIT"}
    facts = facts_of(spec, [*people(50), *people(10, **foreign), *people(2, **foreign, age=10, is_working_age=False)])
    (found,) = quality_findings(facts)
    # Two children are a difference between the totals of both ages: it may not be told.
    assert found.message == (
        "the weights are not calibrated on foreign-born persons or non-citizens; foreign-born residents are 0.62 of "
        "the published stock (Ages 15 and over, 2020. Source: UN)"
    )
    spec = survey(tmp_path, quality, stock.format("citizenship", 0))
    (found,) = quality_findings(facts_of(spec, [*people(50), *people(20, **foreign), *people(3)]))
    assert "non-citizens are 1.25 of the published stock (All ages, 2020. Source: UN)" in found.message
    (found,) = quality_findings(facts_of(spec, [*people(50), *people(3, **foreign)]))
    assert found.message.endswith(
        "the ratio to the published stock is not given, for too few persons or ages not asked"
    )


@pytest.mark.parametrize(
    ("concept", "codes", "rules"),
    [
        ("citizenship_status", ("CCT_CIT_CITIZEN", "CCT_CIT_NONCIT"), []),
        ("sex", ("SEX_M", "SEX_F"), ["WEIGHTS_NOT_CALIBRATED"]),
    ],
)
def test_weights_raked_to_totals_of_foreigners_are_calibrated_on_them(
    tmp_path: Path, concept: str, codes: tuple[str, str], rules: list[str]
) -> None:
    table = f"{concept},period,total\n{codes[0]},2024,3000\n{codes[1]},2024,1000\n"
    (tmp_path / "FJI" / "TINY" / "calibration").mkdir(parents=True)
    (tmp_path / "FJI" / "TINY" / "calibration" / "one.csv").write_text(table, encoding="utf-8")
    margin = f'[[calibration.margin]]\nname = "one"\nconcepts = ["{concept}"]\n'
    facts = facts_of(survey(tmp_path, "calibrated_on_foreigners = false", margin), people(40))
    assert [item.rule for item in quality_findings(facts)] == rules
    assert values(facts, "CALIBRATED") == (["NO"] if rules else ["YES"])


@pytest.mark.parametrize(
    ("design", "method"),
    [
        ('variance = "none"', "NONE"),
        ('variance = "deff"\ndeff = 1.8', "DEFF"),
        (
            'variance = "replicates"\n[design.replicates]\nmethod = "BRR"\nvariables = ["WGT", "AGE"]',
            "REPLICATES",
        ),
    ],
)
def test_the_method_of_the_standard_errors_is_told(tmp_path: Path, design: str, method: str) -> None:
    toml = {'variance = "taylor"\nlonely_psu = "fail"': design}
    assert values(facts_of(survey(tmp_path, toml=toml), people(40)), "SE_METHOD") == [method]


@pytest.mark.parametrize(("proxies", "rules"), [(20, []), (21, ["PROXY_SHARE"])])
def test_more_than_half_by_proxy_is_warned_of(tmp_path: Path, proxies: int, rules: list[str]) -> None:
    facts = facts_of(survey(tmp_path), [*people(40 - proxies), *people(proxies, is_proxy=True)])
    assert [item.rule for item in quality_findings(facts)] == rules


# --- rows that are published


def test_rows_are_in_order_spelled_and_in_three_languages(tmp_path: Path) -> None:
    spec = survey(tmp_path)
    facts = facts_of(spec, [*people(40), *people(8, place_of_birth=FOREIGN)])
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in quality_rows(spec, QUARTER, facts)]
    order = [item.code for item in load_code_lists()["QUALITY_ITEM"].items]
    assert [row["item"] for row in rows] == sorted(facts, key=order.index)
    assert {(row["ref_area"], row["survey"], row["time"]) for row in rows} == {("FJI", "FJI_TINY", "2024-Q1")}
    by_item = {row["item"]: row for row in rows}
    assert [by_item[item]["value"] for item in ("FOREIGN_BORN", "PERSONS", "UNKNOWN_BIRTH", "COVERAGE")] == [
        "0.800", "48", "0.0000", "",
    ]  # fmt: skip
    assert by_item["COVERAGE"]["note_fr"] == "Personnes inventées"
    units = load_code_lists()["QUALITY_UNIT"].codes
    assert {row["unit"] for row in rows} <= units
    for row in rows:
        assert row["value"] or all(row[f"note_{language}"] for language in ("en", "fr", "es")), row["item"]
    assert [spelled(fact) for _, _, fact in ordered(facts)] == [row["value"] for row in rows]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A data folder with one round, released."""
    folder = tmp_path_factory.mktemp("quality")
    home = Home(folder / "var", (tiny.write_spec(folder / "specs"),))
    tiny.take(home, "FJI_TINY_2024-Q1", tiny.write_csv(folder / "persons.csv", tiny.persons()))
    assert tiny.finish(home)[0] == []
    return home


def test_the_facts_of_a_round_are_published(home: Home) -> None:
    persons = current(home.store, "harmonised_persons", "FJI_TINY_2024-Q1")
    assert persons is not None
    with (home.releases / "latest-test" / "quality.csv").open(encoding="utf-8", newline="") as handle:
        rows = {row["item"]: row for row in csv.DictReader(handle)}
    assert sum(row["BIRTH"] == "U" and int(row["AGE"]) >= 15 for row in tiny.persons()) in (1, 2, 3, 4)
    assert rows["FOREIGN_BORN"]["value"] == rows["UNKNOWN_BIRTH"]["value"] == ""
    assert (rows["PERSONS"]["value"], rows["HOUSEHOLDS"]["value"]) == ("120", "40")
    assert rows["EXTRACT"]["value"] == "TEST"
    assert "not a national statistic" in rows["EXTRACT"]["note_en"]
    assert len(rows) == len(persons.facts["quality"])


def cell_of(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in ("time", "sex", "classif1", "classif2"))


def test_what_changes_the_facts_makes_a_new_release(home: Home, tmp_path: Path) -> None:
    before = (home.releases / "latest-test").resolve()
    tiny.write_spec(home.spec_dirs[0], {CALIBRATED: "calibrated_on_foreigners = false"})
    errors, (made,) = tiny.finish(home)
    assert errors == []
    assert made.is_new
    assert made.folder != before
    changed = {
        str(path.relative_to(made.folder))
        for path in made.folder.rglob("*")
        if path.is_file() and path.read_bytes() != (before / path.relative_to(made.folder)).read_bytes()
    }
    # What was told is told again with the same number; beside it other cells may be shown.
    for path in (before / "data" / "ilostat").glob("*.csv"):
        again = {cell_of(row): row["obs_value"] for row in read_csv(made.folder / "data" / "ilostat" / path.name)}
        for row in read_csv(path):
            if row["obs_value"]:
                assert again[cell_of(row)] == row["obs_value"]
    assert changed >= {"quality.csv", "toc.csv", "README.txt", "release.json", "provenance.json"}
