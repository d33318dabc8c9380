"""The table of absent household members of one round, and every rule that refuses or warns."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from fixtures.extracts import write_round
from fixtures.generate import generate_whole
from pipelines.absentees import harmonised_absentees
from pipelines.findings import Finding
from pipelines.home import Home
from pipelines.intake import latest_receipt
from pipelines.rounds import harmonised_persons, open_round, raw_extract
from pipelines.storage import Table
from schemas.edit_rules import load_edit_rules
from tests.acceptance import tiny

ROUND = "FJI_TINY_2024-Q1"
VARIABLES = ("HOUSE", "NUMBER", "ABSSEX", "ABSAGE", "NATION", "LIVES", "GONEYEAR", "GONEMONTH", "WHY")
ONE_FILE = 'encoding = "utf-8"\ndelimiter = ","\n'
PARTS = (
    ONE_FILE + '\n[[file]]\nname = "absent"\nunit = "absentee"\nformat = "csv"\nmember = "absent*"\ndelimiter = ","\n'
)
QUALITY = "[quality]\n"
ABSENTEES = """
[absentees]
file = "absent"

[absentees.concepts]
household_id = {variable = "HOUSE"}
person_id = {expression = "concat(HOUSE, '-', NUMBER)"}
sex = {variable = "ABSSEX"}
age = {variable = "ABSAGE", missing = ["999"]}
citizenship_1 = {variable = "NATION"}
country_of_residence = {variable = "LIVES", codes = "@ISO3"}
departure_year = {variable = "GONEYEAR", missing = ["9999"]}
departure_month = {variable = "GONEMONTH", missing = ["99"]}
departure_reason = {variable = "WHY"}

[quality]
"""
TABLES = {
    "layout.csv": "variable,label,start,width,file\n"
    + "".join(f"{name},{name},,,\n" for name in tiny.VARIABLES)
    + "".join(f"{name},{name},,,absent\n" for name in VARIABLES),
    "absentees/codes/sex.csv": "source_code,source_label,target_code,valid_from,valid_to,note\n"
    "1,Man,SEX_M,,,\n2,Woman,SEX_F,,,\n",
    "absentees/codes/citizenship_1.csv": "source_code,source_label,target_code,valid_from,valid_to,note\n"
    "1,Fiji,FJI,,,\n2,Other,_FOREIGN,,,\n",
    "absentees/codes/departure_reason.csv": "source_code,source_label,target_code,valid_from,valid_to,note\n"
    "1,Work,REASON_JOB,,,\n2,Family,REASON_FAMILY,,,\n",
}
Row = dict[str, str]


@dataclass(frozen=True)
class Case:
    """A change of a good list or of its persons, and how many rows the rule counts."""

    change: Mapping[str, str] = field(default_factory=dict)
    of_persons: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    count: int = 1


CASES = {
    "ABSENTEE_HOUSEHOLD": Case({"HOUSE": "H999"}),
    "ABSENTEE_WEIGHT": Case(of_persons={"WGT": "101"}),
    "DEPARTURE_IMPLAUSIBLE": Case({"GONEYEAR": "2031"}),
    "CODE_UNMAPPED": Case({"LIVES": "ZZ"}),
    "NUMBER_INVALID": Case({"GONEYEAR": "last year"}),
    "SCOPE_NULL": Case({"HOUSE": ""}),
    "AGE_RANGE": Case({"ABSAGE": "150", "GONEYEAR": "9999"}),
    "DUPLICATE_KEY": Case({"HOUSE": "H2", "NUMBER": "1"}),
    "MAPPING_UNUSED": Case(
        tables={"absentees/codes/sex.csv": TABLES["absentees/codes/sex.csv"] + "3,Other,SEX_O,,,\n"}, count=0
    ),
}
#: Rules that no other table trips.
OWN_RULES = ("ABSENTEE_HOUSEHOLD", "ABSENTEE_WEIGHT", "DEPARTURE_IMPLAUSIBLE")


def absent() -> list[Row]:
    """One absent member each in twelve households."""
    return [
        {
            "HOUSE": f"H{number + 1}",
            "NUMBER": "1",
            "ABSSEX": "12"[number % 2],
            "ABSAGE": str(10 + 3 * number),
            "NATION": "12"[number % 4 == 3],
            "LIVES": ("NZL", "AUS", "USA")[number % 3],
            "GONEYEAR": str(2020 + number % 5),
            "GONEMONTH": "99" if number % 3 == 0 else "2",
            "WHY": "12"[number % 2],
        }
        for number in range(12)
    ]


def write_list(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, VARIABLES, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def made(tmp_path: Path, case: Case | None = None) -> tuple[Home, Table]:
    """Receive persons and the list of a case; return its table."""
    case = case or Case()
    specs = tiny.write_spec(tmp_path / "specs", {ONE_FILE: PARTS, QUALITY: ABSENTEES}, TABLES | dict(case.tables))
    home = Home(tmp_path / "var", (specs,))
    people, rows = tiny.persons(), absent()
    people[0].update(case.of_persons)
    rows[0].update(case.change)
    persons = tiny.write_csv(tmp_path / "persons.csv", people)
    tiny.take(home, ROUND, persons, write_list(tmp_path / "absent.csv", rows))
    return home, again(home)


def again(home: Home, identifier: str = ROUND) -> Table:
    """Make the table of what is stored."""
    this = open_round(home, identifier)
    receipt = latest_receipt(home, identifier)
    assert receipt is not None
    raw = raw_extract(this, receipt)
    return harmonised_absentees(this, raw, harmonised_persons(this, raw))


def findings(tmp_path: Path, rule: str) -> tuple[Finding, ...]:
    return made(tmp_path, CASES[rule])[1].findings


def test_one_row_per_absent_member(tmp_path: Path) -> None:
    home, table = made(tmp_path)
    assert table.findings == ()
    assert table.is_valid
    assert table.is_new
    found = pl.read_parquet(table.data)
    assert found["household_id"].to_list() == [row["HOUSE"] for row in absent()]
    assert found["weight"].to_list() == [100.0] * 12
    assert found["psu"].to_list() == ["P1"] * 5 + ["P2"] * 5 + ["P3"] * 2
    assert found["stratum"].to_list() == ["S1"] * 10 + ["S2"] * 2
    months = [None if row["GONEMONTH"] == "99" else int(row["GONEMONTH"]) for row in absent()]
    since = [
        12 * 2024 + 3 - 12 * int(row["GONEYEAR"]) - (month or 6) for row, month in zip(absent(), months, strict=True)
    ]
    assert found["months_since_departure"].to_list() == [max(0, month) for month in since]
    assert found["is_outflow_calendar_year"].to_list() == [row["GONEYEAR"] == "2023" for row in absent()]
    assert (table.facts["rows"], table.facts["is_listed"]) == (12, True)
    assert table.facts["weight_total"] == 1200
    assert table.facts["taken_from_household"] == ["weight", "stratum", "psu"]
    assert not (table.folder / "absentees.parquet").exists()
    assert not again(home).is_new


@pytest.mark.parametrize("rule", CASES)
def test_one_bad_input_trips_exactly_one_rule(tmp_path: Path, rule: str) -> None:
    _, table = made(tmp_path, CASES[rule])
    assert [(item.rule, item.table, item.count) for item in table.findings] == [
        (rule, "harmonised_absentees", CASES[rule].count)
    ]
    assert table.is_valid == (load_edit_rules()[rule].severity == "warning")
    assert table.data.exists() == table.is_valid


def test_findings_quote_no_person(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "CODE_UNMAPPED")
    assert "ZZ" not in str(found)
    assert "absentees/codes/country_of_residence.csv" in found.message
    assert found.variable == "LIVES"


def test_a_survey_that_lists_nobody_has_an_empty_verdict(tmp_path: Path) -> None:
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    tiny.take(home, ROUND, tiny.write_csv(tmp_path / "persons.csv", tiny.persons()))
    empty = again(home)
    assert empty.is_valid
    assert empty.facts["is_listed"] is False
    assert not empty.data.exists()
    assert not again(home).is_new


def test_absentees_among_the_rows_of_persons(tmp_path: Path) -> None:
    """The second person of some households tells of a member who left."""
    section = """
[absentees]
file = "persons"
where = "LINE = '2' AND DISTRICT = '2'"

[absentees.concepts]
household_id = {variable = "HOUSE"}
weight = {variable = "WGT"}
sex = {variable = "SEX"}
citizenship_1 = {variable = "CITIZEN"}

[quality]
"""
    codes = {f"absentees/codes/{name}.csv": tiny.TABLES[f"codes/{name}.csv"] for name in ("sex", "citizenship_1")}
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", {QUALITY: section}, codes),))
    tiny.take(home, ROUND, tiny.write_csv(tmp_path / "persons.csv", tiny.persons()))
    table = again(home)
    assert {item.severity for item in table.findings} <= {"warning"}
    rows = [(number, row) for number, row in enumerate(tiny.persons(), start=1) if row["LINE"] == "2"]
    listed = [(number, row["HOUSE"]) for number, row in rows if row["DISTRICT"] == "2"]
    found = pl.read_parquet(table.data)
    assert list(zip(found["row_number"], found["household_id"], strict=True)) == listed
    assert found.columns == [
        "row_number", "household_id", "weight", "stratum", "psu", "sex", "citizenship_1", "citizenship_status",
        "residence_status",
    ]  # fmt: skip


@pytest.mark.parametrize(("survey", "file_format"), [("XAA_LFS", "sav"), ("XBB_LFS", "dta")])
def test_absentees_of_invented_surveys_are_the_truth(tmp_path: Path, survey: str, file_format: str) -> None:
    """The list among the rows of persons (XAA) and in a file of its own (XBB)."""
    whole = generate_whole(survey, "2024-Q2", persons=3000)
    files, _ = write_round([whole], tmp_path, "extract", file_format)
    home = Home(tmp_path / "var")
    identifier = f"{survey}_2024-Q2"
    tiny.take(home, identifier, *files)
    found = pl.read_parquet(again(home, identifier).data)
    key = ["household_id", "age", "sex", "country_of_residence"]
    found, truth = found.sort(key), whole.absent_truth.sort(key)
    shared = [name for name in truth.columns if name != "months_away"]
    assert found.height > 40
    assert found.select(pl.col(name).cast(truth[name].dtype) for name in shared).equals(truth.select(shared))
    told = found["months_since_departure"].is_not_null()
    assert 0 < told.not_().sum() < found.height / 10
    months = truth["months_away"].filter(told)
    assert found["months_since_departure"].filter(told).cast(pl.Int64).to_list() == months.to_list()
    recent = found["is_outflow_twelve_months"].filter(told)
    assert recent.to_list() == (months < 12).to_list()
    assert 0 < recent.sum() < len(recent)
