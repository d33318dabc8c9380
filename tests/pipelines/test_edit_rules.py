"""Every edit rule of data has one bad input that trips exactly it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from pipelines import checks
from pipelines.areas import choose_sources
from pipelines.coherence_checks import coherence_findings
from pipelines.findings import Finding
from pipelines.home import Home
from pipelines.report import write_round_report
from schemas.codes import load_code_lists
from schemas.concepts import load_concepts
from schemas.contracts import harmonised_persons_contract
from schemas.edit_rules import load_edit_rules
from schemas.errors import InputError
from tests.acceptance import tiny
from tests.acceptance.test_file_sets import OWN_RULES as OF_FILE_SETS
from tests.pipelines.readers.bad_files import CASES as BAD_FILES
from tests.pipelines.test_absentees import OWN_RULES as OF_ABSENTEES
from tests.pipelines.test_calibration import OWN_RULES as OF_CALIBRATION
from tests.pipelines.test_design_checks import OWN_RULES as OF_DESIGN

DATA_STAGES = ("receive", "harmonise", "contract", "estimate")
Change = Callable[[list[tiny.Row]], None]


@dataclass(frozen=True)
class Case:
    """One change of a good round, and how many rows the rule counts.

    Attributes:
        change: of the persons.
        toml: replacements in survey.toml.
        tables: tables of the specification in place of the usual ones.
        count: rows that the finding counts; None where it counts none.
    """

    change: Change = lambda rows: None
    toml: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    count: int | None = None


def put(column: str, value: str, *rows: int) -> Change:
    """Return a change that puts a value into rows (from 1)."""

    def change(persons: list[tiny.Row]) -> None:
        for row in rows:
            persons[row - 1][column] = value

    return change


def many(column: str, value: str, count: int) -> Change:
    return put(column, value, *range(1, count + 1))


def repeat(rows: list[tiny.Row]) -> None:
    rows.append(dict(rows[20]))


def lonely(rows: list[tiny.Row]) -> None:
    for row in rows:
        if row["PSU"] == "P8":
            row["STRATUM"] = "S5"


STATUS = 'declared_labour_force_status = {variable = "STATUS"}'
CALIBRATED = "calibrated_on_foreigners = true"
_RULES = "order,when,value,note\n"

NATIVE = 3  # row of a native-born adult, see test_rows_are_what_the_cases_take_them_for
FOREIGN = 6

#: Rules of a round's tables: what trips them.
ROUND_CASES = {
    "CODE_UNMAPPED": Case(put("BIRTH", "Z", 3, 12), count=2),
    "MAPPING_UNUSED": Case(
        tables={"codes/sex.csv": tiny.TABLES["codes/sex.csv"] + "3,Other,SEX_O,,,\n"},
    ),
    "RULE_NONE_MET": Case(put("DISTRICT", "3", 50), count=1),
    "NUMBER_INVALID": Case(put("AGE", "about 30", 8, NATIVE), count=2),
    "CORRECTION_COUNT": Case(
        tables={"corrections.csv": tiny.TABLES["corrections.csv"].replace(",1,keyed", ",2,keyed")}, count=1
    ),
    "SCOPE_NULL": Case(
        put("NAME", "", 30), toml={'household_id = {variable = "HOUSE"}': 'household_id = {variable = "NAME"}'}, count=1
    ),
    "DECLARED_COUNT": Case(
        put("NAME", "nobody answered", 30, 31),
        toml={STATUS: f"{STATUS}\nexclusion = {{rules = true}}"},
        tables={
            "rules/exclusion.csv": f"{_RULES}1,NAME = 'nobody answered','NON_RESPONDENT',\n2,NAME IS NOT NULL,NULL,\n"
        },
        count=2,
    ),
    "DUPLICATE_KEY": Case(repeat, count=1),
    "WEIGHT_MISSING": Case(put("WGT", "", 2, 3), count=2),
    "WEIGHT_NEGATIVE": Case(put("WGT", "-100", 7), count=1),
    "WEIGHT_ZERO": Case(put("WGT", "0", 7, 8), count=2),
    "PSU_BLANK": Case(put("PSU", " ", 100), count=1),
    "STRATUM_BLANK": Case(put("STRATUM", "", 100), count=1),
    "ARRIVAL_BEFORE_BIRTH": Case(put("ARRIVED", "1850", FOREIGN), count=1),
    "ARRIVAL_AFTER_PERIOD": Case(put("ARRIVED", "2031", FOREIGN), count=1),
    "ARRIVAL_OF_NATIVE_BORN": Case(
        lambda rows: rows[NATIVE - 1].update(ARRIVED=str(2024 - int(rows[NATIVE - 1]["AGE"]))), count=1
    ),
    "AGE_RANGE": Case(put("AGE", "130", NATIVE), count=1),
    "UNKNOWN_SHARE_WARNING": Case(many("CITIZEN", "U", 12)),
    "UNKNOWN_SHARE_STOP": Case(many("CITIZEN", "U", 60)),
    "BENCHMARK": Case(toml={"value = 12000": "value = 14000"}),
    "LONELY_PSU": Case(lonely, count=2),
    "WEIGHTS_NOT_CALIBRATED": Case(toml={CALIBRATED: ""}),
    "RESPONSE_RATE_LOW": Case(
        toml={
            CALIBRATED: f'{CALIBRATED}\nrounds = [{{period = "2024-Q1", response_rate = 0.59, source = "the office"}}]'
        }
    ),
    "PROXY_SHARE": Case(
        toml={STATUS: f"{STATUS}\nis_proxy = {{rules = true}}"},
        tables={"rules/is_proxy.csv": f"{_RULES}1,LINE <> '1',TRUE,\n2,LINE = '1',FALSE,\n"},
    ),
    "EARNINGS_RESPONSE": Case(
        toml={
            STATUS: f"{STATUS}\nstatus_in_employment = {{rules = true}}\n"
            "monthly_earnings = {expression = \"CASE WHEN LINE = '1' THEN 250 END\"}",
            'monthly_earnings = "not asked"': "",
        },
        tables={"rules/status_in_employment.csv": f"{_RULES}1,LINE IS NOT NULL,STE_ICSE93_1,\n"},
    ),
}


def good(tmp_path: Path, case: Case | None = None) -> tuple[Home, list[tiny.Row]]:
    """Return a data folder with the specification of a case, and its persons."""
    case = case or Case()
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", case.toml, case.tables),))
    rows = tiny.persons()
    case.change(rows)
    return home, rows


def test_a_good_round_breaks_no_rule(tmp_path: Path) -> None:
    home, rows = good(tmp_path)
    result = tiny.harmonise(home, rows, tmp_path / "persons.csv")
    assert result.findings == ()
    assert [table.name for table in result.tables] == [
        "raw_extract",
        "harmonised_persons",
        "harmonised_absentees",
        "psu_totals",
        "round_estimates",
    ]


def test_rows_are_what_the_cases_take_them_for() -> None:
    rows = tiny.persons()
    assert (rows[NATIVE - 1]["BIRTH"], rows[FOREIGN - 1]["BIRTH"]) == ("F", "T")


@pytest.mark.parametrize("rule", ROUND_CASES)
def test_one_bad_input_trips_exactly_one_rule(tmp_path: Path, rule: str) -> None:
    case = ROUND_CASES[rule]
    home, rows = good(tmp_path, case)
    result = tiny.harmonise(home, rows, tmp_path / "persons.csv")
    assert [item.rule for item in result.findings] == [rule]
    (found,) = result.findings
    assert found.severity == load_edit_rules()[rule].severity
    assert result.is_valid == (found.severity == "warning")
    if case.count is not None:
        assert found.count == case.count
    write_round_report(home, result.identifier, result)
    html = (home.reports / result.identifier / "report.html").read_text(encoding="utf-8")
    assert load_edit_rules()[rule].remedy in html.replace("&#39;", "'")
    assert rule in html


# --- rules that need two rounds, two surveys or a damaged table


def weight_jump(tmp_path: Path) -> Sequence[Finding]:
    home, rows = good(tmp_path)
    first = tiny.harmonise(home, rows, tmp_path / "persons.csv", "2024-Q1")
    assert first.is_valid
    for row in rows:
        row["WGT"] = "125"
    return tiny.harmonise(home, rows, tmp_path / "persons.csv", "2024-Q2").findings


def source_tie(tmp_path: Path) -> Sequence[Finding]:
    key = {"indicator": "EMP", "ref_area": "FJI", "freq": "Q", "time": "2024-Q1"}
    frame = pd.DataFrame([{**key, "survey": "FJI_A"}, {**key, "survey": "FJI_B"}])
    assert choose_sources(frame, {"FJI_A": 10, "FJI_B": 20})[1] == []
    return choose_sources(frame, {"FJI_A": 10, "FJI_B": 10})[1]


def identity(tmp_path: Path) -> Sequence[Finding]:
    home, rows = good(tmp_path)
    result = tiny.harmonise(home, rows, tmp_path / "persons.csv")
    frame = pd.read_parquet(result.tables[-1].data)
    assert coherence_findings(frame, "round_estimates")[0] == []
    cell = (frame["indicator"] == "EMP_TEMP_SEX_AGE_NB") & (frame["sex"] == "SEX_T")
    broken = frame.assign(value=frame["value"].mask(cell, frame["value"] + 1))
    found = coherence_findings(broken, "round_estimates")[0]
    assert any("labour_force = employed + unemployed" in item.message for item in found)
    return found[:1]


def stock_ratio(tmp_path: Path) -> Sequence[Finding]:
    stock = '[[reference_stock]]\ncriterion = "birth"\nyear = 2020\nvalue = 100\nsource = "UN"\ntolerance = 0.1\n\n'
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", {"[[benchmark]]": f"{stock}[[benchmark]]"}),))
    # Three of unknown birth would be told by the ratio: everybody's is known.
    rows = [{**row, "BIRTH": row["BIRTH"].replace("U", "F"), "ARRIVED": ""} for row in tiny.persons()]
    result = tiny.harmonise(home, rows, tmp_path / "persons.csv")
    return [item for item in result.findings if item.rule == "STOCK_RATIO"]


def damaged(column: str, value: pl.Expr) -> Callable[[Path], Sequence[Finding]]:
    """Return a case: harmonised persons with one column replaced, held against their contract."""

    def case(tmp_path: Path) -> Sequence[Finding]:
        home, rows = good(tmp_path)
        result = tiny.harmonise(home, rows, tmp_path / "persons.csv")
        persons = pl.read_parquet(result.tables[1].data)
        contract = harmonised_persons_contract(persons.columns, load_concepts(), load_code_lists(), {})
        file = tmp_path / "damaged.parquet"
        persons.with_columns(value.alias(column)).write_parquet(file)
        return checks.contract_findings("harmonised_persons", file, contract)

    return case


first_row = pl.col("row_number") == 1
OTHER_CASES: dict[str, Callable[[Path], Sequence[Finding]]] = {
    "WEIGHT_JUMP": weight_jump,
    "SOURCE_TIE": source_tie,
    "IDENTITY": identity,
    "STOCK_RATIO": stock_ratio,
    "CODE_INVALID": damaged("sex", pl.when(first_row).then(pl.lit("SEX_Q")).otherwise("sex")),
    "SCOPE_EXTRA": damaged(
        "declared_labour_force_status",
        pl.when(pl.col("is_working_age")).then("declared_labour_force_status").otherwise(pl.lit("LMS_STATUS_EIP")),
    ),
    "CONTRACT": damaged("household_id", pl.lit(1)),
}


@pytest.mark.parametrize("rule", OTHER_CASES)
def test_rules_of_other_tables(tmp_path: Path, rule: str) -> None:
    assert [item.rule for item in OTHER_CASES[rule](tmp_path)] == [rule]


# --- rules of the file


def header_and(*lines: str, header: str = ",".join(tiny.VARIABLES)) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


ROW = ",".join(tiny.persons(1)[0].values())
UNDECLARED = {'delimiter = ","\n': ""}
#: Rule -> (bytes of the file, replacements in survey.toml).
FILE_CASES: dict[str, tuple[bytes, Mapping[str, str]]] = {
    "FILE_EMPTY": (b"", {}),
    "FILE_FORMAT": (b"$FL2" + bytes(200), {}),
    "FILE_TRUNCATED": (header_and(ROW, ROW[:9] + '"'), {}),
    "FILE_ENCODING": (header_and(ROW).replace(b"Person", b"P\xe9rson"), {}),
    "FILE_DELIMITER": (b"a\nb\nc\n", UNDECLARED),
    "FILE_COLUMNS": (b"1,2,3\n", {'delimiter = ","\n': 'delimiter = ","\nheader = false\n'}),
    "FILE_ROW_WIDTH": (header_and(ROW, ROW + ",1"), {}),
    "FILE_ARCHIVE": (b"PK\x03\x04" + bytes(100), {}),
    "FILE_DUPLICATE_COLUMN": (header_and(ROW + ",1", header=",".join([*tiny.VARIABLES, "SEX"])), {}),
    "VARIABLE_MISSING": (header_and(ROW, header=",".join(tiny.VARIABLES).replace("SEX", "SEXE")), {}),
}
#: Rule -> round asked for.
ROUND_ID_CASES = {
    "ROUND_UNKNOWN": "FJI_TINY_2024-Q9",
    "SURVEY_UNKNOWN": "FJI_OTHER_2024-Q1",
    "PERIOD_NOT_DECLARED": "FJI_TINY_2001-Q1",
}


@pytest.mark.parametrize("rule", [*FILE_CASES, *ROUND_ID_CASES, "FILE_NOT_FOUND", "ROUND_EXISTS"])
def test_rules_of_the_file(tmp_path: Path, rule: str) -> None:
    content, toml = FILE_CASES.get(rule, (header_and(ROW), {}))
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", toml),))
    file = tmp_path / "sent.csv"
    if rule == "ROUND_EXISTS":
        tiny.take(home, "FJI_TINY_2024-Q1", tiny.write_csv(file, tiny.persons(30)))
    file.write_bytes(content)
    if rule == "FILE_NOT_FOUND":
        file.unlink()
    with pytest.raises(InputError) as caught:
        tiny.take(home, ROUND_ID_CASES.get(rule, "FJI_TINY_2024-Q1"), file)
    assert [problem.rule for problem in caught.value.problems] == [rule]


# --- the registry


def test_every_rule_of_data_has_a_case() -> None:
    registered = {name for name, rule in load_edit_rules().items() if rule.stage in DATA_STAGES}
    shown = {*ROUND_CASES, *OTHER_CASES, *FILE_CASES, *ROUND_ID_CASES, "FILE_NOT_FOUND", "ROUND_EXISTS"}
    shown |= {*OF_ABSENTEES, *OF_FILE_SETS, *OF_DESIGN, *OF_CALIBRATION, *(rule for *_, rule in BAD_FILES.values())}
    assert registered == shown


RAISED = re.compile(r'"((?:FILE|VARIABLE|ROUND|SURVEY|PERIOD|SPEC|CODE|TABLE|TOML|EXPRESSION)_[A-Z_]+[A-Z])"')
#: Texts of that shape that are no rules.
NOT_RULES = {"SURVEY_ROUNDS"}


def test_every_rule_that_the_code_raises_is_registered() -> None:
    root = Path(__file__).parents[2]
    raised = {
        name
        for package in ("schemas", "pipelines")
        for path in (root / package).rglob("*.py")
        for name in RAISED.findall(path.read_text(encoding="utf-8"))
    }
    assert raised - set(load_edit_rules()) - NOT_RULES == set()


def test_every_registered_rule_is_raised_somewhere() -> None:
    root = Path(__file__).parents[2]
    source = "\n".join(
        path.read_text(encoding="utf-8") for name in ("schemas", "pipelines") for path in (root / name).rglob("*.py")
    )
    assert [name for name in load_edit_rules() if f'"{name}"' not in source] == []
