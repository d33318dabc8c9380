"""`ilms explain`: every kind of figure is taken apart, comes out again, and tells of nobody."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import click
import duckdb
import pytest
from click.testing import CliRunner, Result

from fixtures.__main__ import main as generate
from pipelines import areas, run, support
from pipelines.command_line import ilms as group
from pipelines.commands import COMMANDS
from pipelines.explain import NoSuchCellError, parse_cell
from pipelines.explain_parts import FORMULAS
from pipelines.explain_status import deciding_rules
from pipelines.explain_text import TIME_RULES
from pipelines.home import Home
from pipelines.storage import current
from schemas.indicators import Measure, TimeRule, load_indicators
from schemas.survey_spec import load_survey
from tests.acceptance import tiny
from tests.pipelines.test_calibration import MARGINS
from tests.pipelines.test_calibration import TABLES as MARGIN_TABLES

#: One table of each kind of measure, two where it is made in two ways.
OF_EACH_KIND = (
    *("MST_TEMP_SEX_AGE_CBR_NB", "MST_TUNE_SEX_AGE_CBR_RT", "MST_EARA_SEX_CBR_NB", "MST_EARB_SEX_CBR_NB"),
    *("XDB_TEMP_SEX_RT", "XGB_EARA_SEX_RT", "XGB_EARB_SEX_RT", "XGB_HERW_SEX_RT"),
    *("XCH_TEMP_SEX_AGE_CBR_NB", "XCH_TEMP_SEX_AGE_CBR_RT", "XMW_NETN_SEX_NB"),
)
PAY_BY_AGE = "XPY_EARA_SEX_AGE_CBR_NB"
RATE, COUNT = "UNE_DEAP_SEX_AGE_RT", "EMP_TEMP_SEX_AGE_NB"
QUARTERS = ("2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4")


@contextmanager
def catalogue_of(*names: str) -> Iterator[None]:
    """Make figures of a few tables only, which takes a fraction of the time of all."""
    chosen = {name: load_indicators()[name] for name in names}
    with pytest.MonkeyPatch.context() as patch:
        for module in (areas, support):
            patch.setattr(module, "load_indicators", lambda: chosen)
        yield


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two rounds of the invented survey, a year apart, with one table of each kind."""
    folder = tmp_path_factory.mktemp("explain")
    rounds = ("2024-Q4", "2025-Q4")
    generate(["--out", str(folder), "--survey", "XAA_LFS", "--rounds", *rounds, "--persons", "1500"])
    home = Home(folder / "var")
    with catalogue_of(*OF_EACH_KIND, PAY_BY_AGE):
        for period in rounds:
            tiny.take(home, f"XAA_LFS_{period}", folder / f"XAA_LFS_{period}.sav")
        outcomes = run.run_rounds(home, run.rounds_to_run(home, ()), 1, lambda _: None, lambda _: None)
        assert [error for outcome in outcomes for error in outcome.errors] == []
        assert run.run_areas(home, lambda _: None)[1] == []
    return home


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Four quarters of the tiny survey with the same persons, published as a test release."""
    folder = tmp_path_factory.mktemp("explain-year")
    home = Home(folder / "var", (tiny.write_spec(folder / "specs"),))
    with catalogue_of(RATE, COUNT):
        for period in QUARTERS:
            tiny.take(home, f"FJI_TINY_{period}", tiny.write_csv(folder / f"{period}.csv", tiny.persons()))
        assert tiny.finish(home)[0] == []
    return home


def told(home: Home, *arguments: object) -> Result:
    for command in COMMANDS:
        group.add_command(command)
    specs = [part for folder in home.spec_dirs for part in ("--specs", str(folder))]
    return CliRunner().invoke(
        group, ["--home", str(home.root), *specs, "explain", *map(str, arguments)], standalone_mode=False
    )


def lines_of(answer: Result, heading: str) -> list[str]:
    """Return the lines of a section, as they were before they were wrapped."""
    found = re.search(rf"^{heading}\n(.*?)(?:\n\n|\Z)", answer.stdout, re.MULTILINE | re.DOTALL)
    assert found is not None, answer.stdout
    lines: list[str] = []
    for line in found[1].splitlines():
        if line.startswith("    ") and lines:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line.strip())
    return lines


def section(answer: Result, heading: str) -> str:
    """Return a section on one line."""
    return " ".join(lines_of(answer, heading))


def stored_rows(home: Home, partition: str, indicator: str) -> list[dict[str, Any]]:
    table = current(home.store, "area_estimates", partition)
    assert table is not None
    with duckdb.connect() as connection:
        return connection.execute(f"FROM '{table.data}' WHERE indicator = '{indicator}'").df().to_dict("records")


# --- every kind


def test_every_kind_and_time_rule_has_words() -> None:
    assert set(FORMULAS) == set(get_args(Measure))
    assert set(TIME_RULES) == set(get_args(TimeRule))
    assert {load_indicators()[name].measure for name in OF_EACH_KIND} == set(get_args(Measure))


@pytest.mark.parametrize("indicator", OF_EACH_KIND)
def test_a_figure_of_each_kind_comes_out_again(invented: Home, indicator: str) -> None:
    answer = told(invented, indicator, "--area", "XAA", "--period", "2025-Q4")
    assert answer.return_value == 0, answer.output
    formula = section(answer, "FORMULA")
    assert "made anew by plain sums" in formula
    assert "made anew by the estimation: value, standard error, limits, n, status equal the stored ones" in formula
    assert FORMULAS[load_indicators()[indicator].measure] in section(answer, "DEFINITION")
    whole = [row for row in stored_rows(invented, "XAA_2025", indicator) if row["time"] == "2025-Q4"]
    cell = answer.stdout.splitlines()[0].split(" ", 3)[3].split(" x ")
    (row,) = [
        one for one in whole if [one[c] for c in ("sex", "classif1", "classif2") if isinstance(one[c], str)] == cell
    ]
    if row["status"] == "S":
        assert f"{row['value']:,.9g}" not in answer.stdout
    else:
        assert f"value {row['value']:,.9g} " in section(answer, "FIGURE")
        assert f"standard error {row['se']:,.9g} " in section(answer, "FIGURE")
        _assert_formula(lines_of(answer, "FORMULA"), row["value"])


def _assert_formula(lines: list[str], value: float) -> None:
    """The numbers put into the formula give the figure, by a reader who calculates what stands there."""
    (line,) = [line for line in lines if " = " in line]
    formula, _, result = line.rpartition(" = ")
    assert float(result.replace(",", "")) == pytest.approx(value, rel=1e-8)
    if "smallest y" not in formula:
        formula = re.sub(r", over [0-9]+ groups of \w+ that have both", "", formula)
        assert set(formula) <= set("0123456789.,()/*+- x"), formula
        assert eval(formula.replace(",", "").replace("x", "*")) == pytest.approx(value, rel=1e-4, abs=1e-4)  # noqa: S307


def test_the_parts_of_a_rate_are_those_of_a_hand_count(year: Home) -> None:
    people = [row for row in tiny.persons() if row["SEX"] == "1"]
    employed, unemployed = (sum(row["STATUS"] == status for row in people) for status in "12")
    answer = told(year, RATE, "--area", "FJI", "--period", "2024-Q2", "--cell", "SEX=SEX_M")
    force = employed + unemployed
    formula = section(answer, "FORMULA")
    assert f"numerator unemployed: sum of w {100 * unemployed:,}.000, n {unemployed} " in formula
    assert f"denominator labour_force: sum of w {100 * force:,}.000, n {force} " in formula
    assert f"100 x {100 * unemployed:,}.000 / {100 * force:,}.000 = {100 * unemployed / force:.9g}"[:30] in formula
    assert "FJI_TINY_2024-Q2" in section(answer, "SOURCE")
    assert "sex IN (SEX_M)" in section(answer, "FILTER")


# --- a year


def test_a_year_is_told_with_its_rounds(year: Home) -> None:
    employed = sum(row["STATUS"] == "1" for row in tiny.persons())
    answer = told(year, COUNT, "--area", "FJI", "--period", "2024")
    assert answer.return_value == 0
    by_round = ", ".join([str(employed)] * 4)
    assert f"sum of w {100 * employed:,}.000, n {4 * employed:,} ({by_round} by round)" in section(answer, "FORMULA")
    source = section(answer, "SOURCE")
    assert "4 rounds stacked, weights divided by 4" in source
    for period in QUARTERS:
        persons = current(year.store, "harmonised_persons", f"FJI_TINY_{period}")
        assert persons is not None
        assert f"round FJI_TINY_{period}: file sha256 {persons.facts['file_sha256']}" in source
    assert f"sha256 {load_survey(year.spec_dirs[0] / 'FJI' / 'TINY').sha256}" in source
    # 4 strata of 2 PSUs; the same PSUs in all rounds.
    assert "4 strata, 8 PSUs; lonely PSU: fail" in section(answer, "VARIANCE")
    assert "degrees of freedom of the cell: 4 = 8 PSUs - 4 strata" in section(answer, "VARIANCE")
    assert "average: mean over the periods" in section(answer, "DEFINITION")


def test_checks_release_and_notes_are_told(year: Home) -> None:
    answer = told(year, COUNT, "--area", "FJI", "--period", "2024")
    assert "FJI_TINY_2024-Q1: raw_extract passed, harmonised_persons passed" in section(answer, "CHECKS")
    assert "published total persons: ratio 1.0, within 0.1" in section(answer, "CHECKS")
    assert "FJI_2024-test: area_estimates passed, protected_estimates passed" in section(answer, "CHECKS")
    assert re.search(
        r"area_estimates: [1-9][0-9]* identities compared in [1-9][0-9,]* cells", section(answer, "CHECKS")
    )
    employed = sum(row["STATUS"] == "1" for row in tiny.persons())
    release = (year.releases / "latest-test").resolve().name
    expected = f"{release}, data/ilostat/{COUNT}_A.csv: obs_value {employed / 10:.3f}, status (none)"
    assert section(answer, "RELEASE") == expected
    assert "R1:3513: ILO-STATISTICS - Micro data processing" in section(answer, "NOTES")
    assert "the cell by itself: published" in section(answer, "STATUS")
    assert re.search(r"fingerprint [0-9a-f]{20}, duckdb ", section(answer, "CODE"))


# --- every way to make standard errors

DESIGN = '[design]\nvariance = "taylor"\nlonely_psu = "fail"\n'
CALIBRATED = "calibrated_on_foreigners = true"
WAYS: dict[str, tuple[dict[str, str], str, str]] = {
    "none": ({DESIGN: '[design]\nvariance = "none"\n'}, "VARIANCE", "method: none: no design variables"),
    "deff": ({DESIGN: '[design]\nvariance = "deff"\ndeff = 2.5\n'}, "VARIANCE", "every person a sampling unit"),
    "replicates": (
        {DESIGN: '[design]\nvariance = "replicates"\n[design.replicates]\nmethod = "BRR"\nvariables = "REP{1..2}"\n'},
        "VARIANCE",
        "2 replicates, scale 0.5, squares around the full sample",
    ),
    "two stages": (
        {
            'psu = {variable = "PSU"}\n': 'psu = {variable = "PSU"}\npsu_population = {variable = "NPSU"}\n'
            'ssu = {variable = "HOUSE"}\nssu_population = {variable = "NSSU"}\n'
        },
        "VARIANCE",
        "4 strata, 8 PSUs; lonely PSU: fail; finite population correction: at both stages",
    ),
    "calibration": ({CALIBRATED: f"{CALIBRATED}\n{MARGINS}"}, "CALIBRATION", "margin sex_area: sex x area_type"),
    "reliability": ({"[quality]": '[reliability]\nprofile = "nchs"\n\n[quality]'}, "STATUS", "profile ilo + nchs"),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_design_comes_out_again_and_is_told(tmp_path: Path, way: str) -> None:
    toml, heading, words = WAYS[way]
    extra = {"REP1": "", "REP2": "", "NPSU": "6", "NSSU": "20"}
    layout = tiny.TABLES["layout.csv"] + "".join(f"{name},{name},,\n" for name in extra)
    tables = {"layout.csv": layout} | (MARGIN_TABLES if way == "calibration" else {})
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", toml, tables),))
    file = tmp_path / "persons.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, [*tiny.VARIABLES, *extra], lineterminator="\n")
        writer.writeheader()
        for row in tiny.persons():
            half = {"REP1": "200" if row["PSU"] in ("P1", "P3", "P5") else "50", "REP2": "100"}
            writer.writerow(row | extra | half)
    tiny.take(home, "FJI_TINY_2024-Q1", file)
    with catalogue_of(RATE, COUNT):
        outcomes = run.run_rounds(home, ["FJI_TINY_2024-Q1"], 1, lambda _: None, lambda _: None)
        assert [error for outcome in outcomes for error in outcome.errors] == []
        assert run.run_areas(home, lambda _: None)[1] == []
    for indicator in (COUNT, RATE):
        answer = told(home, indicator, "--area", "FJI", "--period", "2024-Q1")
        assert answer.return_value == 0, answer.output
        assert words in section(answer, heading)


# --- what is not there


def test_what_is_not_collected_says_why(year: Home) -> None:
    with catalogue_of(RATE, COUNT, "MST_EARA_SEX_CBR_NB"):
        answer = told(year, "MST_EARA_SEX_CBR_NB", "--area", "FJI", "--period", "2024-Q1")
    assert (answer.return_value, answer.stdout) == (4, "")
    assert "FJI_TINY" in answer.stderr
    assert "not asked" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--area", "FRA", "--period", "2024"], "areas with estimates: FJI"),
        (["--area", "FJI", "--period", "2023"], "periods that are there: 2024, 2024-Q1, 2024-Q2, 2024-Q3, 2024-Q4"),
        (["--area", "FJI", "--period", "2024", "--cell", "SEX=SEX_O"], "nearest:\n  SEX="),
    ],
    ids=["area", "period", "cell"],
)
def test_what_is_not_there_says_what_is(year: Home, arguments: list[str], words: str) -> None:
    answer = told(year, COUNT, *arguments)
    assert (answer.return_value, answer.stdout) == (4, "")
    assert words in answer.stderr


def test_a_change_without_the_year_before_says_so(invented: Home) -> None:
    answer = told(invented, "XCH_TEMP_SEX_AGE_CBR_NB", "--area", "XAA", "--period", "2024-Q4")
    assert answer.return_value == 4
    assert "periods that are there: 2025-Q4" in answer.stderr
    assert "the year before is not there" in answer.stderr


@pytest.mark.parametrize(
    ("indicator", "cell", "words"),
    [
        ("EMP_TEMP_SEX_AGE", "", "near: EMP_TEMP_SEX_AGE_NB"),
        (COUNT, "CBR=CBR_BIR_FOREIGN", "has no dimension CBR; it has SEX, AGE"),
        (COUNT, "AGE=AGE_YTHADULT_Y15-2", "near: AGE_YTHADULT_Y15-24"),
        (COUNT, "SEX_F", "write DIMENSION=ITEM"),
    ],
    ids=["indicator", "dimension", "item", "form"],
)
def test_what_cannot_be_meant_is_refused(year: Home, indicator: str, cell: str, words: str) -> None:
    answer = told(year, indicator, "--area", "FJI", "--period", "2024", "--cell", cell)
    assert isinstance(answer.exception, click.UsageError)
    assert answer.exception.exit_code == 2
    assert words in answer.exception.message


def test_cells_are_read_as_written() -> None:
    assert parse_cell("") == {}
    assert parse_cell(" SEX=SEX_F, CBR=CBR_BIR_X ") == {"SEX": "SEX_F", "CBR": "CBR_BIR_X"}
    with pytest.raises(NoSuchCellError):
        parse_cell("SEX=SEX_F,SEX=SEX_M")


# --- a figure that is not what its totals say


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("value * 1.000001 AS value", "value, by plain sums, value, by the estimation"),
        ("se * 1.000001 AS se", "se, by the estimation"),
        ("n + 1 AS n", "n, by plain sums, n, by the estimation"),
        ("'U' AS status", "status, by the estimation"),
    ],
    ids=["value", "se", "n", "status"],
)
def test_a_figure_that_does_not_come_out_again_is_told(tmp_path: Path, change: str, words: str) -> None:
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    with catalogue_of(COUNT):
        tiny.harmonise(home, tiny.persons(), tmp_path / "persons.csv")
        assert run.run_areas(home, lambda _: None)[1] == []
    assert told(home, COUNT, "--area", "FJI", "--period", "2024-Q1").return_value == 0
    table = current(home.store, "area_estimates", "FJI_2024-test")
    assert table is not None
    changed = tmp_path / "changed.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * REPLACE ({change}) FROM '{table.data}') TO '{changed}' (FORMAT parquet)")
    table.data.write_bytes(changed.read_bytes())
    answer = told(home, COUNT, "--area", "FJI", "--period", "2024-Q1")
    assert answer.return_value == 1
    assert f"not reproduced: {words}" in answer.stderr
    assert "NOT REPRODUCED" in section(answer, "FORMULA")


# --- nobody is told of


def test_no_value_of_a_person_is_told(tmp_path: Path) -> None:
    people = tiny.persons()
    alone = next(row for row in people if row["SEX"] == "2" and row["BIRTH"] == "U")
    alone |= {"AGE": "30", "STATUS": "1", "WGT": "91.73645281", "HOUSE": "HQZ90210", "NAME": "Zq Xanthippe Qwy"}
    for row in people:
        row |= {"PSU": f"PQZ{row['PSU']}", "STRATUM": f"SQZ{row['STRATUM']}"}
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    indicator = "MST_TEMP_SEX_AGE_CBR_NB"
    with catalogue_of(indicator):
        tiny.harmonise(home, people, tmp_path / "persons.csv")
        assert run.run_areas(home, lambda _: None)[1] == []
    rows = [row for row in stored_rows(home, "FJI_2024-test", indicator) if row["classif2"] == "CBR_BIR_X"]
    few = [row for row in rows if row["sex"] == "SEX_F" and 0 < row["n"] < 5]
    assert few
    for row in [*few[:3], None]:
        cell = "" if row is None else f"SEX=SEX_F,AGE={row['classif1']},CBR=CBR_BIR_X"
        answer = told(home, indicator, "--area", "FJI", "--period", "2024-Q1", "--cell", cell)
        assert answer.return_value == 0
        for secret in ("91.7364", "0.0917364", "HQZ90210", "Xanthippe", "PQZ", "SQZ"):
            assert secret not in answer.output
        if row is not None:
            assert f"n {row['n']}" in section(answer, "FORMULA")
            assert "not shown here" in section(answer, "FIGURE")
            assert f"{row['value']:,.9g}" not in answer.stdout


def test_pay_of_few_is_not_told(invented: Home) -> None:
    rows = [row for row in stored_rows(invented, "XAA_2025", PAY_BY_AGE) if row["time"] == "2025-Q4"]
    few = [row for row in rows if 0 < row["n"] < 5]
    assert few
    for row in few[:3]:
        cell = f"SEX={row['sex']},AGE={row['classif1']},CBR={row['classif2']}"
        answer = told(invented, PAY_BY_AGE, "--area", "XAA", "--period", "2025-Q4", "--cell", cell)
        assert answer.return_value == 0
        assert f"employees who told monthly_earnings: n {row['n']}" in lines_of(answer, "FORMULA")
        assert f"{row['value']:,.9g}" not in answer.stdout


def test_help_says_that_it_is_internal(year: Home) -> None:
    words = " ".join(told(year, "--help").stdout.split())
    assert "INTERNAL, for statisticians, not for publication" in words
    assert "exit code is 1" in words


# --- why a status


def test_the_rules_that_decided_are_told_one_by_one(tmp_path: Path) -> None:
    profile = '[reliability]\nprofile = "statcan"\n\n[quality]'
    spec = load_survey(tiny.write_spec(tmp_path, {"[quality]": profile}) / "FJI" / "TINY")
    row = {"value": 12.0, "se": 2.4, "cv": 0.2, "lower": 8.0, "upper": 18.0, "df": 20.0, "n": 12, "status": "U"}
    told_rules = list(deciding_rules(spec, load_indicators()[COUNT], row, 12, 0.001))
    assert sorted(told_rules) == sorted(
        [
            *(("n_suppress 5", "passes"), ("n_unreliable 15", "U"), ("n_confidential 5", "passes")),
            *(("n_suppress 10", "passes"), ("cv_suppress 0.333", "passes"), ("cv_unreliable 0.165", "U")),
            *(("rate_se_suppress 0.1665", "passes"), ("rate_se_unreliable 0.0825", "passes")),
        ]
    )
    broken = {"households_confidential": True, "dominance_share": False}
    assert list(deciding_rules(spec, load_indicators()[COUNT], row, 12, 0.001, broken)) == [
        *told_rules,
        ("households_confidential 3", "S, confidential"),
        ("dominance_share 0.85 of 2 persons", "passes"),
    ]


def test_the_rule_by_which_a_figure_is_confidential_is_told(tmp_path: Path) -> None:
    """Six foreign-born of two households; and all of them of 25 to 54, which nobody else is."""
    people = tiny.persons()
    for number, row in enumerate(people):
        row |= {"BIRTH": "F", "CITIZEN": "F", "ARRIVED": "", "AGE": str(15 + number % 10), "STATUS": "1"}
        if number // 3 in (0, 5):
            row |= {"BIRTH": "N", "CITIZEN": "N", "ARRIVED": "2023", "AGE": "30"}
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    indicator = "MST_TEMP_SEX_AGE_CBR_NB"
    with catalogue_of(indicator):
        tiny.harmonise(home, people, tmp_path / "persons.csv")
        assert run.run_areas(home, lambda _: None)[1] == []
    homes, group = "households_confidential 3", "group_disclosure_n 10"
    expected = {
        "CBR=CBR_BIR_FOREIGN": f"S, confidential: {homes} ",
        "AGE=AGE_AGGREGATE_Y25-54": f"S, confidential: {homes} ",
        "AGE=AGE_AGGREGATE_Y25-54,CBR=CBR_BIR_FOREIGN": f"S, confidential: {homes}, {group} ",
        "CBR=CBR_BIR_NATIVE": "",
    }
    for cell, words in expected.items():
        answer = told(home, indicator, "--area", "FJI", "--period", "2024-Q1", "--cell", cell)
        assert answer.return_value == 0, answer.output
        status = section(answer, "STATUS")
        assert words in status
        assert ("confidential: " in status) is bool(words)
        assert (" S, not published: confidential" in f" {status}") is bool(words)
        assert all(rule in status for rule in ("n_confidential 5", homes, "psu_confidential 2", group))
        assert "dominance" not in status
        assert ("not shown here" in section(answer, "FIGURE")) is bool(words)


def test_rules_on_totals_are_told_of_means(invented: Home) -> None:
    answer = told(invented, "MST_EARA_SEX_CBR_NB", "--area", "XAA", "--period", "2025-Q4")
    status = section(answer, "STATUS")
    assert "dominance_share 0.85 of 2 persons" in status
    assert "p_percent 0.1" in status
    answer = told(invented, "MST_EARB_SEX_CBR_NB", "--area", "XAA", "--period", "2025-Q4")
    assert "households_confidential 3" in section(answer, "STATUS")
    assert "dominance" not in section(answer, "STATUS")
