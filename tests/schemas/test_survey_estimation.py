"""Sections on estimation: valid ones, and one change for every rule that they can break."""

from pathlib import Path

import pytest

from schemas.errors import SpecError
from schemas.periods import Period
from schemas.survey_model import SurveySpec
from schemas.survey_spec import dictionary_of, load_survey
from tests.schemas import test_survey_spec as one_file
from tests.schemas.test_survey_spec import LAYOUT, Change, S, build, change, problems_of, remove, toml, write

AGES = "calibration/ages.csv"
SEXES = "calibration/sexes.csv"
POOLED = "MFL_FPOP_SEX_CBR_NB"
SECTIONS = """
[reliability]
n_suppress = 20
n_unreliable = 40

[pooling]
years = 2
indicators = ["MFL_FPOP_SEX_CBR_NB"]

[[break]]
from = "2021-Q2"
note = "I11:265"
reason = "new master sample"

[[break]]
from = "2022-Q1"
note = "I11:265"
reason = "new questionnaire"

[calibration]
tolerance = 0.001

[[calibration.margin]]
name = "sexes"
concepts = ["sex"]

[[calibration.margin]]
name = "by_age"
concepts = ["age_band", "is_working_age"]
table = "calibration/ages.csv"
"""
VALID = one_file.VALID | {
    S: one_file.TOML.replace(
        "sex = {",
        'psu_population = {variable = "M"}\nssu = {variable = "D"}\nssu_population = {variable = "DM"}\nsex = {',
    )
    + 'explanation = "the census counted hotels"\n'
    + SECTIONS,
    LAYOUT: one_file.VALID[LAYOUT] + "M,PSUs,,\nD,Dwelling,,\nDM,Dwellings,,\n",
    SEXES: "sex,period,total\nSEX_M,2020,1000\nSEX_F,2020,1001\nSEX_M,2021-Q1,1100\nSEX_F,2021-Q1,1100.5\n",
    AGES: "period,age_band,is_working_age,total\n"
    "2020,AGE_10YRBANDS_YLT15,FALSE,800\n2020,AGE_10YRBANDS_Y15-24,TRUE,1200\n2021-Q1,AGE_10YRBANDS_YLT15,FALSE,2200\n",
}
SECTION = '[design.replicates]\nmethod = "JKn"\nvariables = ["REP{1..2}", "LAST"]\n'
REPLICATES = one_file.VALID | {
    S: one_file.TOML.replace('variance = "taylor"\nlonely_psu = "adjust"', f'variance = "replicates"\n\n{SECTION}'),
    LAYOUT: one_file.VALID[LAYOUT] + "REP1,1,,\nREP2,2,,\nLAST,3,,\nX,4,,\n",
    "replicates.csv": "variable,rscale\nLAST,0.75\nREP1,0.5\nREP2,5e-1\n",
}
MARGIN = '[[calibration.margin]]\nname = "sexes"\nconcepts = ["sex"]\n'
NO_FACTORS = "variable,rscale\n"


def both(*edits: Change) -> Change:
    def edit(files: dict[str, str | bytes]) -> None:
        for one in edits:
            one(files)

    return edit


# rule, change, file and row of the problem (for survey.toml the beginning of its line)
BROKEN: list[tuple[str, Change, str, int | str | None]] = [
    ("SPEC_DEFF", toml('"taylor"', '"deff"'), S, "variance ="),
    ("SPEC_DEFF", toml('"taylor"', '"taylor"\ndeff = 1.8'), S, "deff ="),
    ("SPEC_VALUE", toml('"taylor"', '"deff"\ndeff = 0'), S, "deff ="),
    ("SPEC_PARAMETER", toml('"taylor"', '"taylor"\npsu_missing = "declared"'), S, "psu_missing ="),
    ("SPEC_FPC", toml('"taylor"', '"none"'), S, "psu_population ="),
    ("SPEC_FPC", toml('psu_population = {variable = "M"}\n', ""), S, "ssu ="),
    ("SPEC_FPC", toml('ssu = {variable = "D"}\n', ""), S, "psu_population ="),
    ("SPEC_REPLICATES", toml('"taylor"', '"replicates"'), S, "variance ="),
    ("SPEC_REPLICATES", write("replicates.csv", NO_FACTORS), "replicates.csv", None),
    ("SPEC_VALUE", toml("n_suppress = 20", "n_suppress = 0"), S, "n_suppress ="),
    ("SPEC_VALUE", toml("n_suppress = 20", 'profile = "moon"'), S, "profile ="),
    ("SPEC_KEY_UNKNOWN", toml("n_suppress = 20", "n_supress = 20"), S, "n_supress ="),
    ("SPEC_RELIABILITY_MILDER", toml("n_suppress = 20", "n_suppress = 4"), S, "n_suppress ="),
    ("SPEC_VALUE", toml("years = 2", "years = 1"), S, "years ="),
    ("SPEC_POOLING", toml(POOLED, "MST_TFOR_SEX_AGE_XX"), S, "indicators ="),
    ("SPEC_POOLING", toml(f'["{POOLED}"]', f'["{POOLED}", "{POOLED}"]'), S, "indicators ="),
    ("SPEC_VALUE", toml('from = "2021-Q2"', 'from = ""'), S, 'from = ""'),
    ("SPEC_KEY_MISSING", toml('reason = "new master sample"\n', ""), S, "[[break]]"),
    ("SPEC_NOTE_UNKNOWN", toml('note = "I11:265"', 'note = "I11:0"'), S, 'note = "I11:0"'),
    ("SPEC_BREAK", toml('from = "2022-Q1"', 'from = "2021-Q2"'), S, 'from = "2021-Q2"#2'),
    ("SPEC_BREAK", toml('from = "2021-Q2"', 'from = "2019-Q4"'), S, 'from = "2019-Q4"'),
    ("SPEC_VALUE", toml('note = "I11:265"\nreason = "new master', 'note = ""\nreason = "new master'), S, 'note = ""'),
    ("SPEC_VALUE", toml("tolerance = 0.001", "tolerance = 0.1"), S, "tolerance = 0.1"),
    ("SPEC_VALUE", toml('name = "sexes"', 'name = "Sex es"'), S, 'name = "Sex es"'),
    ("SPEC_VALUE", toml('"calibration/ages.csv"', '"ages.csv"'), S, "table ="),
    ("SPEC_CALIBRATION", toml('name = "by_age"', 'name = "sexes"'), S, 'name = "sexes"#2'),
    ("SPEC_CALIBRATION", toml('"calibration/ages.csv"', '"calibration/sexes.csv"'), S, 'name = "by_age"'),
    ("SPEC_CALIBRATION_CONCEPT", toml('["sex"]', '["gender"]'), S, 'concepts = ["gender"]'),
    ("SPEC_CALIBRATION_CONCEPT", toml('["sex"]', '["age"]'), S, 'concepts = ["age"]'),
    ("SPEC_CALIBRATION_CONCEPT", toml('["sex"]', '["education"]'), S, 'concepts = ["education"]'),
    ("SPEC_CALIBRATION_CONCEPT", toml('["sex"]', '["region"]'), S, 'concepts = ["region"]'),
    ("SPEC_CALIBRATION_CONCEPT", toml('["sex"]', '["sex", "sex"]'), S, 'concepts = ["sex", "sex"]'),
    ("SPEC_CALIBRATION_TABLE", remove(SEXES), S, 'name = "sexes"'),
    ("SPEC_CALIBRATION_TABLE", write("calibration/other.csv", "sex,period,total\n"), "calibration/other.csv", None),
    ("SPEC_FILE_UNEXPECTED", write("calibration/ages.xlsx", "x"), "calibration/ages.xlsx", None),
    ("SPEC_TABLE_EMPTY", write(SEXES, "sex,period,total\n"), SEXES, None),
    ("SPEC_COLUMNS", change(SEXES, "period", "year"), SEXES, 1),
    ("SPEC_CALIBRATION_CODE", change(SEXES, "SEX_F,2020", "SEX_X,2020"), SEXES, 3),
    ("SPEC_CALIBRATION_CODE", change(SEXES, "SEX_F,2020", "SEX_T,2020"), SEXES, 3),
    ("SPEC_CALIBRATION_CODE", change(SEXES, "SEX_F,2020", ",2020"), SEXES, 3),
    ("SPEC_CALIBRATION_CODE", change(AGES, "TRUE", "true"), AGES, 3),
    ("SPEC_CALIBRATION_TOTAL", change(SEXES, "1001", "0"), SEXES, 3),
    ("SPEC_CALIBRATION_TOTAL", change(SEXES, "1001", "-1001"), SEXES, 3),
    ("SPEC_CALIBRATION_TOTAL", change(SEXES, "1001", "1e999"), SEXES, 3),
    ("SPEC_CALIBRATION_TOTAL", change(SEXES, "1001", ""), SEXES, 3),
    ("SPEC_CALIBRATION_PERIOD", change(SEXES, "2021-Q1", "2021-5"), SEXES, 4),
    ("SPEC_CALIBRATION_TWICE", change(SEXES, "SEX_F,2020", "SEX_M,2020-Q3"), SEXES, 3),
    ("SPEC_CALIBRATION_SUM", change(AGES, "1200", "1204"), AGES, 2),
]  # fmt: skip
BROKEN_REPLICATES: list[tuple[str, Change, str, int | str | None]] = [
    ("SPEC_VALUE", toml('"JKn"', '"JK3"'), S, "method ="),
    ("SPEC_VALUE", toml('["REP{1..2}", "LAST"]', "[]"), S, "variables ="),
    ("SPEC_KEY_MISSING", toml('method = "JKn"\n', ""), S, "[design.replicates]"),
    ("SPEC_REPLICATES", toml('"replicates"', '"taylor"'), S, "variance ="),
    ("SPEC_REPLICATES", toml("{1..2}", "{2..1}"), S, "variables ="),
    ("SPEC_REPLICATES", toml("{1..2}", "{1-2}"), S, "variables ="),
    ("SPEC_REPLICATES", toml('"LAST"', '"REP2"'), S, "variables ="),
    ("SPEC_REPLICATES", toml('["REP{1..2}", "LAST"]', '"LAST"'), S, "variables ="),
    ("SPEC_VARIABLE_UNKNOWN", toml("{1..2}", "{1..9}"), S, "variables ="),
    ("SPEC_REPLICATES", remove("replicates.csv"), S, "method ="),
    ("SPEC_REPLICATES", toml('"JKn"', '"Fay"'), S, "method ="),
    ("SPEC_REPLICATES", toml('"JKn"', '"JKn"\nfay_rho = 0.3'), S, "method ="),
    ("SPEC_REPLICATES", toml('"JKn"', '"other"'), S, "method ="),
    ("SPEC_REPLICATES", toml('"JKn"', '"BRR"\nscale = 0.5'), S, "scale ="),
    ("SPEC_REPLICATES", toml('"JKn"', '"SDR"\nrscales = [1, 1, 1]'), S, "rscales ="),
    ("SPEC_REPLICATES", toml('"JKn"', '"JKn"\nrscales = [1, 1, 1]'), S, "rscales ="),
    ("SPEC_REPLICATES", both(remove("replicates.csv"), toml('"JKn"', '"JKn"\nrscales = [1, 1]')), S, "rscales ="),
    ("SPEC_REPLICATES", change("replicates.csv", "LAST,0.75", "LAST,many"), "replicates.csv", 2),
    ("SPEC_REPLICATES", change("replicates.csv", "LAST", "X"), "replicates.csv", 2),
    ("SPEC_REPLICATES", change("replicates.csv", "REP2", "REP1"), "replicates.csv", 4),
    ("SPEC_REPLICATES", change("replicates.csv", "REP2,5e-1\n", ""), "replicates.csv", None),
    ("SPEC_CALIBRATION",
     both(toml("[not_collected]", f"[calibration]\n{MARGIN}[not_collected]"),
          write(SEXES, "sex,period,total\nSEX_M,2020,1\n")), S, "[calibration]"),
]  # fmt: skip
CASES = [*((VALID, *case) for case in BROKEN), *((REPLICATES, *case) for case in BROKEN_REPLICATES)]


@pytest.mark.parametrize(
    ("valid", "rule", "edit", "file", "row"),
    CASES,
    ids=[f"{rule}-{number}" for number, (_, rule, *_) in enumerate(CASES)],
)
def test_broken(
    tmp_path: Path, valid: dict[str, str | bytes], rule: str, edit: Change, file: str, row: int | str | None
) -> None:
    files = dict(valid)
    edit(files)
    found = problems_of(build(tmp_path, files))
    if isinstance(row, str):
        start, _, number = row.partition("#")
        lines = str(files[S]).splitlines()
        row = [at for at, line in enumerate(lines, start=1) if line.startswith(start)][int(number or 1) - 1]
    assert (rule, f"XAA/DEMO/{file}", row) in found


def test_what_is_broken_is_named_with_its_place_and_how_to_mend_it(tmp_path: Path) -> None:
    files = dict(VALID)
    change(AGES, "1200", "1204")(files)
    with pytest.raises(SpecError) as caught:
        load_survey(build(tmp_path, files))
    assert str(caught.value) == (
        "XAA/DEMO/calibration/ages.csv, row 2: SPEC_CALIBRATION_SUM: the totals of 2020 sum to 2,004, "
        "those of sexes to 2,001. Remedy: Scale one of them to the other: persons are raked to one population"
    )


def test_keys_of_nested_sections_are_named_with_their_section(tmp_path: Path) -> None:
    files = dict(REPLICATES)
    toml('"JKn"', '"JK3"')(files)
    with pytest.raises(SpecError) as caught:
        load_survey(build(tmp_path, files))
    assert "design.replicates.method: input should be 'BRR'" in str(caught.value)
    files = dict(VALID)
    toml('name = "by_age"\n', "")(files)
    with pytest.raises(SpecError) as caught:
        load_survey(build(tmp_path / "other", files))
    assert "SPEC_KEY_MISSING: calibration.margin[2].name is missing" in str(caught.value)


@pytest.fixture
def spec(tmp_path: Path) -> SurveySpec:
    return load_survey(build(tmp_path, VALID))


def test_sections_are_read(spec: SurveySpec) -> None:
    assert spec.reliability is not None
    assert spec.reliability.n_unreliable == 40
    assert spec.pooling is not None
    assert (spec.pooling.years, spec.pooling.indicators) == (2, (POOLED,))
    assert [(str(item.start), item.reason) for item in spec.breaks] == [
        ("2021-Q2", "new master sample"),
        ("2022-Q1", "new questionnaire"),
    ]
    assert spec.benchmarks[0].explanation == "the census counted hotels"
    assert spec.replicates is None


@pytest.mark.parametrize(
    ("period", "reasons"),
    [
        ("2021-Q1", []),
        ("2021-Q2", ["new master sample"]),
        ("2021-Q3", []),
        ("2021", ["new master sample"]),
        ("2022", ["new questionnaire"]),
    ],
)
def test_a_break_is_in_the_period_in_which_it_begins(spec: SurveySpec, period: str, reasons: list[str]) -> None:
    assert [item.reason for item in spec.breaks_in(Period.parse(period))] == reasons


@pytest.mark.parametrize(
    ("earlier", "later", "count"),
    [
        ("2020-Q1", "2021-Q1", 0),
        ("2020-Q2", "2021-Q2", 1),
        ("2021-Q2", "2022-Q2", 1),
        ("2021-Q1", "2022-Q1", 2),
        ("2022-Q1", "2023-Q1", 0),
        ("2020", "2021", 1),
        ("2022", "2023", 0),
    ],
)
def test_a_break_parts_the_periods_around_it(spec: SurveySpec, earlier: str, later: str, count: int) -> None:
    assert len(spec.breaks_between(Period.parse(earlier), Period.parse(later))) == count


def test_population_totals_by_cell_and_period(spec: SurveySpec) -> None:
    assert spec.calibration is not None
    assert (spec.calibration.tolerance, spec.calibration.max_iterations) == (0.001, 100)
    sexes, ages = spec.calibration.margins
    assert (ages.name, ages.column, ages.concepts) == ("by_age", "calibration_by_age", ("age_band", "is_working_age"))
    assert sexes.totals(Period.parse("2020-Q3")) == {"SEX_M": 1000, "SEX_F": 1001}
    assert sexes.totals(Period.parse("2021-Q1")) == {"SEX_M": 1100, "SEX_F": 1100.5}
    assert sexes.totals(Period.parse("2021-Q2")) == {}
    assert sexes.totals(Period.parse("2021")) == {}
    assert ages.totals(Period.parse("2020-M02")) == {
        "AGE_10YRBANDS_YLT15|FALSE": 800,
        "AGE_10YRBANDS_Y15-24|TRUE": 1200,
    }


def test_the_code_list_is_that_of_the_classification_collected(tmp_path: Path) -> None:
    files = dict(VALID)
    files[S] = str(files[S]).replace('["sex"]', '["sex", "country_of_birth"]')
    files[SEXES] = "sex,country_of_birth,period,total\nSEX_M,FRA,2020,1000\nSEX_M,_U,2020,1000\n"
    assert load_survey(build(tmp_path, files)).calibration is not None


def test_replicates_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    replicates = load_survey(build(tmp_path, REPLICATES)).replicates
    assert replicates is not None
    assert replicates.variables == ("REP1", "REP2", "LAST")
    assert replicates.columns == ("replicate_weight_1", "replicate_weight_2", "replicate_weight_3")
    assert (replicates.scale, replicates.rscales) == (1, (0.5, 0.5, 0.75))
    assert (replicates.mse, replicates.df) == (True, None)


def test_factors_may_stand_in_the_section(tmp_path: Path) -> None:
    section = 'method = "bootstrap"\nscale = 0.5\nrscales = [1.0, 0.0, 2.0]\nmse = false\ndf = 12\n'
    files = dict(REPLICATES)
    both(remove("replicates.csv"), toml('method = "JKn"\n', section))(files)
    spec = load_survey(build(tmp_path, files))
    assert spec.replicates is not None
    assert (spec.replicates.scale, spec.replicates.rscales) == (0.5, (1, 0, 2))
    assert (spec.replicates.mse, spec.replicates.df) == (False, 12)


def test_a_stated_design_effect_needs_no_psu(tmp_path: Path) -> None:
    files = dict(one_file.VALID)
    toml('"taylor"', '"deff"\ndeff = 1.8')(files)
    toml('psu = {expression = "substring(UPM, 1, 2)"}\n', "")(files)
    assert load_survey(build(tmp_path, files)).design.deff == 1.8


def test_the_dictionary_of_a_survey_has_its_own_columns_at_the_end(tmp_path: Path, spec: SurveySpec) -> None:
    assert list(dictionary_of(spec))[-2:] == ["calibration_sexes", "calibration_by_age"]
    concepts = dictionary_of(load_survey(build(tmp_path / "replicates", REPLICATES)))
    assert list(concepts)[-3:] == ["replicate_weight_1", "replicate_weight_2", "replicate_weight_3"]
    assert not concepts["replicate_weight_1"].nullable
    assert "calibration_sexes" not in concepts
