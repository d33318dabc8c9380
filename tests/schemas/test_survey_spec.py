"""Survey specifications: one valid small survey, and one change for every rule that it can break."""

from collections.abc import Callable
from pathlib import Path

import pytest

import schemas.survey_spec
from schemas.errors import SpecError
from schemas.periods import Period
from schemas.survey_model import SurveySpec
from schemas.survey_spec import find_surveys, load_survey, survey_key

TOML = """\
[survey]
area = "XAA"
id = "DEMO"
title = {en = "Demonstration survey", fr = "Enquête de démonstration", es = "Encuesta de demostración"}
organisation = {en = "Office", fr = "Office", es = "Oficina"}
source = "BA"
frequency = "Q"
extract = "synthetic"
precedence = 10
closed_codes = ["SEXO"]
periods = {from = "2020-Q1", to = ""}

[population]
coverage = {en = "Private households", fr = "Ménages privés", es = "Hogares particulares"}
working_age = 15
usual_residence_months = 12
residence_by_design = true
reference_week = "last 7 days"

[design]
variance = "taylor"
lonely_psu = "adjust"

[labour_force]
source = "building_blocks"
icls = "19"
absence_test = "reason"

[[file]]
name = "persons"
format = "csv"
delimiter = ";"
periods = {from = "2020-Q1", to = "2020-Q4"}

[[file]]
name = "persons"
format = "dta"
periods = {from = "2021-Q1", to = ""}

[concepts]
weight = {variable = "W"}
psu = {expression = "substring(UPM, 1, 2)"}
sex = {variable = "SEXO"}
age = {variable = "EDAD", missing = ["999"]}
country_of_birth = {variable = "NAC", codes = "@ISO3"}
education = {variable = "EDU", classification = "EDU_ISCED11"}
worked_one_hour = {rules = true}
job_search = {expression = "P2 = '1'"}
available = {variable = "P3"}
hours_usual = {rules = true}
exclusion = {rules = true}

[not_collected]
arrival_year = "the questionnaire does not ask it"

[[benchmark]]
name = "population"
universe = "population"
period = "2020-Q4"
value = 1000
tolerance = 0.01
source = "Office"
"""

CODES = "source_code,source_label,target_code,valid_from,valid_to,note\n"
RULES = "order,when,value,note\n"

VALID = {
    "survey.toml": TOML,
    "NOTES.md": "# Demonstration\n",
    "layout.csv": "variable,label,start,width\nW,Weight,,\nUPM,PSU,,\nSEXO,Sex,,\nEDAD,Age,,\nNAC,Born in,,\n"
    "EDU,Education,,\nP1,Worked,,\nP2,Searched,,\nP3,Available,,\nHORAS,Hours,,\n",
    "codes/sex.csv": CODES + "1,Male,SEX_M,,,\n2,Female,SEX_F,,,\n,Blank,_U,,,\n",
    "codes/country_of_birth.csv": CODES + "ABW,Aruba,_FOREIGN,2020-Q1,2020-Q4,\nZZ,Not stated,_U,,,\n",
    "codes/education.csv": CODES
    + "1,None,EDU_ISCED11_X,,2020-Q4,\n1,Primary,EDU_ISCED11_1,2021-Q1,,\n9,Unknown,_U,,,\n",
    "codes/available.csv": CODES + "1,Yes,TRUE,,,\n2,No,FALSE,,,\n",
    "rules/worked_one_hour.csv": RULES + "1,P1 = '1',TRUE,\n5,TRUE,FALSE,\"no, or not asked\"\n",
    "rules/hours_usual.csv": RULES + "1,HORAS = '99',NULL,\n2,TRUE,to_integer(HORAS),\n",
    "rules/exclusion.csv": RULES + "1,W = '0','ZERO_WEIGHT',\n2,TRUE,NULL,\n",
    "corrections.csv": "where,set,expected_rows,reason,source\nP1 = '7',P1 = '1',3,Misprint,Report 4\n",
}


def build(root: Path, files: dict[str, str | bytes], name: str = "XAA/DEMO") -> Path:
    folder = root / name
    for file, content in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def problems_of(folder: Path) -> list[tuple[str, str, int | None]]:
    with pytest.raises(SpecError) as caught:
        load_survey(folder)
    assert all(problem.message and problem.remedy for problem in caught.value.problems)
    assert "pydantic" not in str(caught.value)
    return [(problem.rule, problem.file, problem.row) for problem in caught.value.problems]


@pytest.fixture
def spec(tmp_path: Path) -> SurveySpec:
    return load_survey(build(tmp_path, VALID))


def test_valid_survey(spec: SurveySpec) -> None:
    assert spec.key == "XAA_DEMO" == survey_key("XAA", "DEMO")
    assert spec.survey.title.fr == "Enquête de démonstration"
    assert spec.population.working_age == 15
    assert spec.labour_force is not None
    assert spec.labour_force.icls == "19"
    assert spec.concepts["age"].missing == ("999",)
    assert spec.concepts["psu"].expression is not None
    assert spec.concepts["psu"].expression.columns == {"UPM"}
    assert spec.variables == {"W", "UPM", "SEXO", "EDAD", "NAC", "EDU", "P1", "P2", "P3", "HORAS"}
    assert [row.variable for row in spec.layout][:2] == ["W", "UPM"]
    assert spec.not_collected == {"arrival_year": "the questionnaire does not ask it"}
    assert spec.benchmarks[0].period == Period.parse("2020-Q4")


def test_rules_hold_expressions_and_rows(spec: SurveySpec) -> None:
    first, last = spec.rules["worked_one_hour"]
    assert (first.order, first.value, first.expression, first.row) == (1, "TRUE", None, 2)
    assert (last.when.sql(), last.file, last.note) == (
        "TRUE",
        "XAA/DEMO/rules/worked_one_hour.csv",
        "no, or not asked",
    )
    unknown, hours = spec.rules["hours_usual"]
    assert (unknown.value, unknown.expression) == ("NULL", None)
    assert hours.expression is not None
    assert hours.expression.kind == "number"


def test_corrections_name_variable_and_value(spec: SurveySpec) -> None:
    (correction,) = spec.corrections
    assert (correction.variable, correction.value, correction.expected_rows) == ("P1", "1", 3)
    assert correction.where.columns == {"P1"}


def test_local_codes_replace_shared_ones(spec: SurveySpec) -> None:
    rows = {row.source_code: row for row in spec.codes["country_of_birth"]}
    assert rows["ABW"].target_code == "_FOREIGN"
    assert rows["ZZ"].file == "XAA/DEMO/codes/country_of_birth.csv"
    assert (rows["AFG"].target_code, rows["AFG"].file) == ("AFG", "code_lists/shared/ISO3.csv")
    assert len(rows) == len(spec.codes["country_of_birth"])


def test_codes_at_a_period(spec: SurveySpec) -> None:
    def target(period: str) -> list[str]:
        rows = spec.codes_at("education", Period.parse(period))
        return [row.target_code for row in rows if row.source_code == "1"]

    assert target("2020-Q4") == ["EDU_ISCED11_X"]
    assert target("2021-Q1") == ["EDU_ISCED11_1"]
    assert spec.codes_at("age", Period.parse("2020-Q1")) == ()


@pytest.mark.parametrize(
    ("period", "file_format"),
    [("2020-Q1", "csv"), ("2020-M12", "csv"), ("2021-Q1", "dta"), ("2030", "dta"), ("2019-Q4", None)],
)
def test_file_for_a_period(spec: SurveySpec, period: str, file_format: str | None) -> None:
    variants = spec.variants(Period.parse(period))
    assert [part.format for part in variants.get("", ())] == ([file_format] if file_format else [])


def test_hash_is_over_names_and_bytes(tmp_path: Path, spec: SurveySpec) -> None:
    same = load_survey(build(tmp_path / "same", VALID))
    noted = load_survey(build(tmp_path / "noted", VALID | {"NOTES.md": "# Other\n"}))
    assert spec.sha256 == same.sha256 != noted.sha256


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    windows = {name: "\ufeff" + text.replace("\n", "\r\n") for name, text in VALID.items()}
    assert load_survey(build(tmp_path, windows)).codes["sex"][0].row == 2


def test_no_value_is_taken_for_missing(tmp_path: Path) -> None:
    files = VALID | {"codes/sex.csv": CODES + "NA,Male,SEX_M,,,\n004,Female,SEX_F,,,\nNULL,Blank,_U,,,\n"}
    codes = [row.source_code for row in load_survey(build(tmp_path, files)).codes["sex"]]
    assert codes == ["NA", "004", "NULL"]


Change = Callable[[dict[str, str | bytes]], None]


def change(file: str, old: str, new: str) -> Change:
    def edit(files: dict[str, str | bytes]) -> None:
        text = files[file]
        assert isinstance(text, str)
        assert old in text
        files[file] = text.replace(old, new, 1)

    return edit


def toml(old: str, new: str) -> Change:
    return change("survey.toml", old, new)


def write(file: str, content: str | bytes) -> Change:
    return lambda files: files.update({file: content})


def remove(file: str) -> Change:
    return lambda files: files.pop(file) and None


LAYOUT = "layout.csv"
SEX = "codes/sex.csv"
WORKED = "rules/worked_one_hour.csv"
S = "survey.toml"

# rule, change, file and row of the problem (for survey.toml also the beginning of its line)
BROKEN: list[tuple[str, Change, str, int | str | None]] = [
    ("SPEC_FILE_MISSING", remove("NOTES.md"), "NOTES.md", None),
    ("SPEC_FILE_MISSING", remove("survey.toml"), S, None),
    ("SPEC_FILE_MISSING", remove("layout.csv"), LAYOUT, None),
    ("SPEC_FILE_UNEXPECTED", write("codes/sex.xlsx", "x"), "codes/sex.xlsx", None),
    ("SPEC_FILE_UNEXPECTED", write("mapping.py", "x"), "mapping.py", None),
    ("SPEC_FILE_UNEXPECTED", write("codes/..\\sex.csv", "x"), "codes/..\\\\sex.csv", None),
    ("SPEC_FILE_UNEXPECTED", write("extra/sex.csv", "x"), "extra", None),
    ("SPEC_NOT_UTF8", write(SEX, (CODES + "1,M\xe4nner,SEX_M,,,\n").encode("latin-1")), SEX, 2),
    ("SPEC_NOT_UTF8", write("survey.toml", b"# ok\n# \xff\n"), S, 2),
    ("SPEC_TOML", toml('source = "BA"', "source = BA"), S, 6),
    ("SPEC_CSV_SYNTAX", write(SEX, CODES + '1,"Male"x,SEX_M,,,\n'), SEX, 2),
    ("SPEC_CSV_SYNTAX", write(SEX, CODES + '1,Male,SEX_M,,,\n2,"Female,SEX_F,,,\n'), SEX, 3),
    ("SPEC_CSV_ROW", write(SEX, CODES + "1,Male,SEX_M,,,\n\n2,Fe,male,SEX_F,,,\n"), SEX, 4),
    ("SPEC_COLUMNS", write(SEX, "source_code,target_code\n1,SEX_M\n"), SEX, 1),
    ("SPEC_COLUMNS", write(SEX, ""), SEX, 1),
    ("SPEC_COLUMNS", change(WORKED, "note", "remark"), WORKED, 1),
    ("SPEC_TABLE_EMPTY", write(SEX, CODES), SEX, None),
    ("SPEC_TABLE_EMPTY", write(WORKED, RULES), WORKED, None),
    ("SPEC_TABLE_EMPTY", write(LAYOUT, "variable,label,start,width\n"), LAYOUT, None),
    ("SPEC_KEY_MISSING", toml("precedence = 10\n", ""), S, 1),
    ("SPEC_KEY_MISSING", toml(', es = "Oficina"', ""), S, 5),
    ("SPEC_KEY_UNKNOWN", toml("precedence = 10", "precedence = 10\nprecedense = 2"), S, "precedense ="),
    ("SPEC_KEY_UNKNOWN", toml("[design]", "[desing]\n[design]"), S, "[desing]"),
    ("SPEC_KEY_UNKNOWN", toml('"SEXO"}', '"SEXO", code = "@X"}'), S, "sex ="),
    ("SPEC_VALUE", toml('frequency = "Q"', 'frequency = "W"'), S, 7),
    ("SPEC_VALUE", toml("precedence = 10", 'precedence = "10"'), S, 9),
    ("SPEC_VALUE", toml("residence_by_design = true", "residence_by_design = 1"), S, 17),
    ("SPEC_VALUE", toml('from = "2020-Q1", to = ""', 'from = "2020-Q9", to = ""'), S, 11),
    ("SPEC_VALUE", toml('format = "dta"', 'format = "xls"'), S, 'format = "xls"'),
    ("SPEC_VALUE", toml('format = "dta"', 'format = "dta"\nmember = "../x.dta"'), S, "member ="),
    ("SPEC_VALUE", toml("tolerance = 0.01", "tolerance = 10"), S, "tolerance ="),
    ("SPEC_VALUE", toml('period = "2020-Q4"', 'period = ""'), S, "period ="),
    ("SPEC_VALUE", toml('area = "XAA"', 'area = "../X"'), S, 2),
    ("SPEC_FOLDER_NAME", toml('id = "DEMO"', 'id = "OTHER"'), S, 3),
    ("SPEC_AREA_UNKNOWN", toml('area = "XAA"', 'area = "QQQ"'), S, 2),
    ("SPEC_SOURCE_UNKNOWN", toml('source = "BA"', 'source = "ZZ9"'), S, 6),
    ("SPEC_NOTE_UNKNOWN", toml('absence_test = "reason"', 'notes = ["S14:0"]'), S, "notes ="),
    ("SPEC_EXTRACT_AREA", toml('area = "XAA"', 'area = "ZAF"'), S, 8),
    ("SPEC_EXTRACT_AREA", toml('"synthetic"', '"national"'), S, 8),
    ("SPEC_UNIVERSE_UNKNOWN", toml('universe = "population"', 'universe = "everyone"'), S, "universe ="),
    ("SPEC_PERIOD_ORDER", toml('to = "2020-Q4"', 'to = "2019-Q4"'), S, 33),
    ("SPEC_FILE_OVERLAP", toml('from = "2021-Q1"', 'from = "2020"'), S, 35),
    ("SPEC_FILE_KEY", toml('format = "dta"', 'format = "dta"\nheader = false'), S, 35),
    ("SPEC_LAYOUT_NO_POSITION", toml('format = "dta"', 'format = "fwf"'), LAYOUT, None),
    ("SPEC_LAYOUT_POSITION", change(LAYOUT, "Weight,,", "Weight,0,2"), LAYOUT, 2),
    ("SPEC_LAYOUT_NAME", change(LAYOUT, "HORAS,Hours,,\n", "HORAS,Hours,,\n,None,,\n"), LAYOUT, 12),
    ("SPEC_LAYOUT_DUPLICATE", change(LAYOUT, "HORAS,Hours,,\n", "HORAS,Hours,,\nHoras,x,,\n"), LAYOUT, 12),
    ("SPEC_VARIABLE_UNKNOWN", toml('variable = "SEXO"', 'variable = "sexo"'), S, "sex ="),
    ("SPEC_VARIABLE_UNKNOWN", toml('["SEXO"]', '["SEX"]'), S, 10),
    ("SPEC_VARIABLE_UNKNOWN", change("corrections.csv", ",P1 = '1'", ",P9 = '1'"), "corrections.csv", 2),
    ("SPEC_CONCEPT_UNKNOWN", toml("hours_usual", "hours_usually"), S, "hours_usually ="),
    ("SPEC_CONCEPT_UNKNOWN", toml("arrival_year =", "arrived_year ="), S, "arrived_year ="),
    ("SPEC_CONCEPT_FORM", toml('{variable = "W"}', '{variable = "W", expression = "W"}'), S, "weight ="),
    ("SPEC_CONCEPT_FORM", toml('{variable = "W"}', "{}"), S, "weight ="),
    (
        "SPEC_CONCEPT_DERIVED",
        toml("[not_collected]", 'age_band = {variable = "EDU"}\n[not_collected]'),
        S,
        "age_band =",
    ),
    ("SPEC_MISSING_KEY", toml('variable = "SEXO"', 'variable = "SEXO", missing = ["9"]'), S, "sex ="),
    ("SPEC_CODES_KEY", toml('variable = "P3"', 'variable = "P3", codes = "@ISO3"'), S, "available ="),
    (
        "SPEC_CODES_KEY",
        toml("hours_usual = {rules = true", 'hours_usual = {rules = true, codes = "@ISO3"'),
        S,
        "hours_usual =",
    ),
    ("SPEC_CLASSIFICATION", toml(', classification = "EDU_ISCED11"', ""), S, "education ="),
    ("SPEC_CLASSIFICATION", toml('"EDU_ISCED11"', '"ECO_ISIC4"'), S, "education ="),
    ("SPEC_CLASSIFICATION", toml('"EDAD",', '"EDAD", classification = "X",'), S, "age ="),
    ("SPEC_CONCEPT_TWICE", toml("arrival_year =", "sex ="), S, 54),
    ("SPEC_CONCEPT_REQUIRED", toml('weight = {variable = "W"}\n', ""), S, "[concepts]"),
    ("SPEC_CONCEPT_REQUIRED", toml("\nage = {", "\narrival_month = {"), S, "[concepts]"),
    ("SPEC_PSU_REQUIRED", toml("\npsu = ", "\nstratum = "), S, "variance ="),
    (
        "SPEC_LABOUR_FORCE_MISSING",
        toml(TOML[TOML.index("[labour") : TOML.index("[[file")], ""),
        S,
        "available =",
    ),
    ("SPEC_BUILDING_BLOCKS", toml("job_search", "future_start"), S, 25),
    ("SPEC_DECLARED_STATUS", toml('"building_blocks"', '"declared"'), S, 25),
    ("SPEC_DECLARED_STATUS", toml('icls = "19"', 'icls = "13"'), S, "icls ="),
    ("SPEC_CODES_MISSING", remove(SEX), S, "sex ="),
    ("SPEC_CODES_MISSING", remove("codes/available.csv"), S, "available ="),
    ("SPEC_CODES_STRAY", write("codes/region.csv", CODES + "1,A,B,,,\n"), "codes/region.csv", None),
    ("SPEC_CODES_STRAY", write("codes/age.csv", CODES + "1,A,B,,,\n"), "codes/age.csv", None),
    ("SPEC_RULES_MISSING", remove(WORKED), S, "worked_one_hour ="),
    ("SPEC_RULES_STRAY", write("rules/sex.csv", RULES + "1,TRUE,SEX_M,\n"), "rules/sex.csv", None),
    ("SPEC_RULES_ORDER", change(WORKED, "5,TRUE", "1,TRUE"), WORKED, 3),
    ("SPEC_RULES_ORDER", change(WORKED, "5,TRUE", "b,TRUE"), WORKED, 3),
    ("SPEC_RULE_NULL", toml("hours_usual = ", "household_id = "), "rules/household_id.csv", 3),
    ("SPEC_CORRECTION_SET", change("corrections.csv", ",P1 = '1'", ",P1 = 1"), "corrections.csv", 2),
    ("SPEC_CORRECTION_ROWS", change("corrections.csv", ",3,", ",some,"), "corrections.csv", 2),
    ("SPEC_CORRECTION_REASON", change("corrections.csv", "Misprint", ""), "corrections.csv", 2),
    ("CODE_TARGET_UNKNOWN", change(SEX, "SEX_M", "SEX_X"), SEX, 2),
    ("CODE_TARGET_UNKNOWN", change(SEX, "SEX_M", ""), SEX, 2),
    ("CODE_TARGET_UNKNOWN", change(SEX, "SEX_M", "NULL"), SEX, 2),
    (
        "CODE_TARGET_UNKNOWN",
        change("codes/education.csv", "ISCED11_X", "ISCED97_X"),
        "codes/education.csv",
        2,
    ),
    ("CODE_TARGET_UNKNOWN", change("codes/available.csv", "TRUE", "true"), "codes/available.csv", 2),
    ("CODE_TARGET_UNKNOWN", change(WORKED, ",FALSE", ",NO"), WORKED, 3),
    ("CODE_TARGET_TOTAL", change(SEX, "SEX_M", "SEX_T"), SEX, 2),
    ("CODE_DUPLICATE", change(SEX, "2,Female", "1,Female"), SEX, 3),
    ("CODE_DUPLICATE", change("codes/education.csv", "2021-Q1", "2020"), "codes/education.csv", 3),
    ("CODE_PERIOD", change("codes/education.csv", "2021-Q1", "2021-5"), "codes/education.csv", 3),
    ("CODE_VALIDITY", change(SEX, "SEX_M,,", "SEX_M,2021,2020"), SEX, 2),
    ("CODE_SHARED_UNKNOWN", toml("@ISO3", "@ISO9"), S, "country_of_birth ="),
    ("CODE_SHARED_TARGET", toml("@ISO3", "@ISCO08_MAJOR"), S, "country_of_birth ="),
    ("EXPRESSION_COLUMN", change(WORKED, "P1 = '1'", "P9 = '1'"), WORKED, 2),
    ("EXPRESSION_KIND", change(WORKED, "P1 = '1'", "P1 = 1"), WORKED, 2),
    ("EXPRESSION_KIND", toml("P2 = '1'", "P2"), S, "job_search ="),
    (
        "EXPRESSION_KIND",
        change("rules/hours_usual.csv", "to_integer(HORAS)", "HORAS"),
        "rules/hours_usual.csv",
        3,
    ),
    ("EXPRESSION_REFUSED", toml("substring(UPM, 1, 2)", "left(UPM, 2)"), S, "psu ="),
    ("EXPRESSION_SYNTAX", change("corrections.csv", "P1 = '7'", "P1 ="), "corrections.csv", 2),
    ("EXPRESSION_TOO_LONG", change(WORKED, "P1 = '1'", "(" * 40), WORKED, 2),
]


@pytest.mark.parametrize(
    ("rule", "edit", "file", "row"),
    BROKEN,
    ids=[f"{rule}-{number}" for number, (rule, *_) in enumerate(BROKEN)],
)
def test_broken(tmp_path: Path, rule: str, edit: Change, file: str, row: int | str | None) -> None:
    files: dict[str, str | bytes] = dict(VALID)
    edit(files)
    if rule == "SPEC_RULE_NULL":
        files["rules/household_id.csv"] = RULES + "1,P1 = '1',UPM,\n2,TRUE,NULL,\n"
    if isinstance(row, str):
        lines = str(files["survey.toml"]).splitlines()
        (row,) = (number for number, line in enumerate(lines, start=1) if line.startswith(row))
    found = problems_of(build(tmp_path, files))
    assert (rule, f"XAA/DEMO/{file}", row) in found


def test_symbolic_links_are_refused(tmp_path: Path) -> None:
    folder = build(tmp_path, VALID)
    target = tmp_path / "elsewhere.csv"
    (folder / SEX).rename(target)
    (folder / SEX).symlink_to(target)
    (folder / "rules").rename(tmp_path / "rules")
    (folder / "rules").symlink_to(tmp_path / "rules")
    found = problems_of(folder)
    assert ("SPEC_SYMLINK", f"XAA/DEMO/{SEX}", None) in found
    assert ("SPEC_SYMLINK", "XAA/DEMO/rules", None) in found


def test_missing_folder(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "XAA" / "DEMO") == [("SPEC_DIR_MISSING", "XAA/DEMO", None)]


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = dict(VALID)
    for edit in (
        toml('variable = "SEXO"', 'variable = "sexo"'),
        change(SEX, "SEX_M", "SEX_X"),
        change(WORKED, "P1 = '1'", "P1 = 1"),
        change("corrections.csv", ",3,", ",some,"),
    ):
        edit(files)
    assert {rule for rule, _, _ in problems_of(build(tmp_path, files))} == {
        "SPEC_VARIABLE_UNKNOWN",
        "CODE_TARGET_UNKNOWN",
        "EXPRESSION_KIND",
        "SPEC_CORRECTION_ROWS",
    }


def test_problem_reads_well(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = dict(VALID)
    change(SEX, "SEX_M", "SEX_MM")(files)
    with pytest.raises(SpecError) as caught:
        load_survey(build(tmp_path, files))
    assert str(caught.value) == (
        "XAA/DEMO/codes/sex.csv, row 2: CODE_TARGET_UNKNOWN: 'SEX_MM' is no code that sex may have. "
        "Remedy: Did you mean SEX_M?"
    )


def test_find_surveys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_in, own, other = tmp_path / "built_in", tmp_path / "own", tmp_path / "other"
    monkeypatch.setattr(schemas.survey_spec, "BUILT_IN", built_in)
    first = build(built_in, VALID)
    second = build(own, VALID, "XBB/DEMO")
    build(other, VALID)
    assert find_surveys([]) == {"XAA_DEMO": first.resolve()}
    assert find_surveys([own, own, built_in]) == {"XAA_DEMO": first.resolve(), "XBB_DEMO": second.resolve()}
    (own / "XBB" / "LINK").symlink_to(second)
    with pytest.raises(SpecError) as caught:
        find_surveys([own, other, tmp_path / "none"])
    assert [(problem.rule, problem.file) for problem in caught.value.problems] == [
        ("SPEC_SYMLINK", "XBB/LINK"),
        ("SPEC_SURVEY_DUPLICATE", "XAA/DEMO"),
        ("SPEC_DIR_MISSING", "none"),
    ]
