"""The report of a round: what it says, in every form, and who may read it."""

import html
import json
import re
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from pipelines.command_line import ilms, register_commands
from pipelines.home import Home
from pipelines.report import FILES, groups, is_reported, write_round_report
from pipelines.rounds import RoundResult
from pipelines.run import run_round
from schemas.edit_rules import load_edit_rules
from tests.acceptance import tiny
from tests.acceptance.desk import tree

ROUND = "FJI_TINY_2024-Q1"


def stopped(folder: Path) -> tuple[Home, RoundResult]:
    """Make a round with two errors of one rule, one of another, and a warning."""
    home = Home(folder / "var", (tiny.write_spec(folder / "specs", {"calibrated_on_foreigners = true": ""}),))
    people = tiny.persons()
    people[0]["SEX"] = "7"
    people[1]["BIRTH"] = "Z"
    people[2]["WGT"] = "-100"
    return home, tiny.harmonise(home, people, folder / "persons.csv")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, RoundResult]:
    home, result = stopped(tmp_path_factory.mktemp("report"))
    write_round_report(home, ROUND, result)
    return home, result


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A round without findings, run as the command does, of a survey whose coverage looks like a formula."""
    folder = tmp_path_factory.mktemp("passed")
    toml = {'coverage = {en = "Invented persons"': 'coverage = {en = "=HYPERLINK(A1) <b>"'}
    home = Home(folder / "var", (tiny.write_spec(folder / "specs", toml),))
    tiny.take(home, ROUND, tiny.write_csv(folder / "persons.csv", tiny.persons()))
    assert not is_reported(home, ROUND)
    assert run_round(home, ROUND).is_valid
    return home


def page_of(home: Home) -> str:
    return html.unescape((home.reports / ROUND / "report.html").read_text(encoding="utf-8"))


def test_findings_are_grouped_by_rule_and_errors_come_first(reported: tuple[Home, RoundResult]) -> None:
    home, result = reported
    found = groups(result.findings)
    assert [(group.rule.id, len(group.findings), group.count) for group in found] == [
        ("CODE_UNMAPPED", 2, 2),
        ("WEIGHT_NEGATIVE", 1, 1),
        ("WEIGHTS_NOT_CALIBRATED", 1, 0),
    ]
    page = page_of(home)
    assert '<html lang="en">' in page
    places = [page.index(f'id="{group.rule.id}"') for group in found]
    assert places == sorted(places)
    for group in found:
        section = page[page.index(f'id="{group.rule.id}"') :]
        assert section.index(group.rule.remedy) < section.index("<table>"), "what to do stands before what was found"
    assert page.count(load_edit_rules()["CODE_UNMAPPED"].remedy) == 1


def test_the_page_says_how_the_round_ended(reported: tuple[Home, RoundResult], passed: Home) -> None:
    page = page_of(reported[0])
    assert "The round was stopped by 3 errors (and has 1 warning)." in page
    page = page_of(passed)
    assert "The round passed its checks." in page
    assert "<p>Nothing.</p>" in page
    assert re.search(r"Persons in the file</th><td[^>]*>120</td><td>Number</td>", page)
    assert re.search(r"<dt>weight_total</dt><dd>12,000.000</dd>", page)


def test_the_workbook_has_findings_tables_and_quality(reported: tuple[Home, RoundResult]) -> None:
    home, result = reported
    book = openpyxl.load_workbook(home.reports / ROUND / "report.xlsx")
    assert book.sheetnames == ["Findings", "Tables", "Quality"]
    header, *rows = book["Findings"].values
    assert header == (
        "Rule", "Severity", "Title", "Concept", "Variable", "Rows", "First rows", "What was found", "What to do",
    )  # fmt: skip
    assert [row[0] for row in rows] == [group.rule.id for group in groups(result.findings) for _ in group.findings]
    (weight,) = [row for row in rows if row[0] == "WEIGHT_NEGATIVE"]
    rule = load_edit_rules()["WEIGHT_NEGATIVE"]
    assert weight == (
        *("WEIGHT_NEGATIVE", "error", rule.title, "weight", "WGT", 1, "3", "a weight is below zero"),
        rule.remedy,
    )
    tables = {(row[0], row[2]): row[3] for row in book["Tables"].values}
    assert tables["harmonised_persons", "rows"] == 120
    assert ("raw_extract", "labels") not in tables
    quality = {row[0]: row for row in book["Quality"].values}
    assert quality["PERSONS"][1:6] == (
        120, "NUMBER", "Persons in the file", "Personnes dans le fichier", "Personas en el archivo",
    )  # fmt: skip
    assert quality["COVERAGE"][6:] == ("Invented persons", "Personnes inventées", "Personas inventadas")
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions


def test_text_of_the_survey_is_neither_formula_nor_markup(passed: Home) -> None:
    sheet = openpyxl.load_workbook(passed.reports / ROUND / "report.xlsx")["Quality"]
    (cell,) = [row[6] for row in sheet.iter_rows() if row[0].value == "COVERAGE"]
    assert (cell.value, cell.data_type) == ("'=HYPERLINK(A1) <b>", "s")
    page = (passed.reports / ROUND / "report.html").read_text(encoding="utf-8")
    assert "=HYPERLINK(A1) &lt;b&gt;" in page


def test_reports_are_closed_and_the_same_when_made_again(reported: tuple[Home, RoundResult], tmp_path: Path) -> None:
    home, result = reported
    folder = home.reports / ROUND
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    before = tree(folder)
    write_round_report(home, ROUND, result)
    assert tree(folder) == before
    other, again = stopped(tmp_path)
    write_round_report(other, ROUND, again)
    assert tree(other.reports / ROUND) == before


def test_a_report_that_lacks_a_file_is_made_again(passed: Home) -> None:
    before = tree(passed.reports)
    (passed.reports / ROUND / "report.xlsx").unlink()
    assert not is_reported(passed, ROUND)
    assert not run_round(passed, ROUND).is_new
    assert tree(passed.reports) == before


# --- ilms report


def ask(home: Home, *arguments: str) -> Result:
    register_commands()
    return CliRunner().invoke(ilms, ["--home", str(home.root), "report", *arguments], standalone_mode=False)


def test_the_command_tells_where_it_lies_and_what_it_says(reported: tuple[Home, RoundResult]) -> None:
    home, _ = reported
    told = ask(home, ROUND)
    assert told.return_value == 0
    lines = told.stdout.splitlines()
    assert lines[0] == f"{ROUND}: STOPPED, 3 error(s), 1 warning(s)"
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["error", "CODE_UNMAPPED"],
        ["error", "WEIGHT_NEGATIVE:"],
        ["warning", "WEIGHTS_NOT_CALIBRATED:"],
    ]
    assert "(2 times)" in lines[1]
    assert [Path(line) for line in lines[4:]] == [home.reports / ROUND / name for name in FILES]
    answer = json.loads(ask(home, ROUND, "--json").stdout)
    assert (answer["is_valid"], answer["errors"], answer["warnings"]) == (False, 3, 1)
    assert answer["rules"]["CODE_UNMAPPED"] == 2


@pytest.mark.parametrize("asked", ["FJI_TINY_2024-Q2", "../received", "nothing"])
def test_the_command_says_when_there_is_none(reported: tuple[Home, RoundResult], asked: str) -> None:
    answer = ask(reported[0], asked)
    assert (answer.return_value, answer.stdout) == (4, "")
    assert f"there is no report of {asked}" in answer.stderr
    assert (ROUND in answer.stderr) == asked.startswith("FJI")
