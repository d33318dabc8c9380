"""Surveys that come in several files: one valid survey with every kind of part, and one change for every rule."""

import re
from pathlib import Path

import pytest

import schemas.survey_spec
from schemas.periods import Period
from schemas.survey_model import SurveySpec
from schemas.survey_spec import dictionary_of, load_survey
from tests.schemas import test_survey_estimation as estimation
from tests.schemas import test_survey_spec as one_file
from tests.schemas.test_survey_spec import CODES, LAYOUT, RULES, Change, S, build, change, problems_of, toml, write

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

[population]
coverage = {en = "Private households", fr = "Ménages privés", es = "Hogares particulares"}
working_age = 15
usual_residence_months = 12
residence_by_design = true
reference_week = "last 7 days"

[design]
variance = "none"
psu_missing = "declared"

[migration]
return_minimum_months = 6
return_within_months = 12
historical_states = "group"

[[file]]
name = "persons"
format = "fwf"
records = {variable = "TYPE", codes = ["1", "2"]}

[[file]]
name = "absentees"
unit = "absentee"
format = "fwf"
same_file_as = "persons"
records = {variable = "ATYPE", codes = ["9"]}

[[file]]
name = "households"
unit = "household"
format = "csv"
key = ["HHID"]
person_key = ["HH"]

[[file]]
name = "book"
variant = "xlsx"
format = "xlsx"
sheet = "Data"

[concepts]
weight = {variable = "W"}
psu = {variable = "HPSU"}
sex = {variable = "SEX"}
age = {variable = "AGE"}
months_worked_abroad = {variable = "MONTHS"}
arrival_year = {variable = "YEAR"}
exclusion = {rules = true}

[not_collected]
education = "not asked"

[absentees]
file = "absentees"
where = "ASEX IS NOT NULL"

[absentees.concepts]
household_id = {variable = "AHH"}
sex = {variable = "ASEX"}
departure_year = {rules = true}

[[declared]]
rule = "PSU_BLANK"
period = "2020-Q1"
rows = 7
reason = "not recorded outside the capital"
source = "Office"

[[declared]]
rule = "NON_RESPONDENT"
max_share = 0.1
reason = "no interview"
source = "Office"

[quality]
camps = "excluded"
calibrated_on_foreigners = false

[[quality.rounds]]
period = "2020-Q1"
response_rate = 0.8
source = "Office"

[[reference_stock]]
criterion = "birth"
year = 2020
minimum_age = 15
value = 1000
source = "UN DESA 2020"
"""

VALID: dict[str, str | bytes] = {
    S: TOML,
    "NOTES.md": "# Demonstration\n",
    LAYOUT: "variable,label,start,width,file\n"
    "TYPE,Record type,1,1,\nHH,Household,2,3,persons\nW,Weight,5,3,\nSEX,Sex,8,1,\nAGE,Age,9,2,\nMONTHS,Months,11,2,\n"
    "YEAR,Year,13,4,\nATYPE,Record type,1,1,absentees\nAHH,Household,2,3,absentees\nASEX,Sex,5,1,absentees\n"
    "ALEFT,Left in,6,4,absentees\nHHID,Household,,,households\nHPSU,PSU,,,households\n"
    "PAGE,Page,,,book\n",
    "codes/sex.csv": CODES + "1,Male,SEX_M,,,\n2,Female,SEX_F,,,\n",
    "rules/exclusion.csv": RULES + "1,TYPE = '2','NON_RESPONDENT',\n2,TRUE,NULL,\n",
    "absentees/codes/sex.csv": CODES + "M,Male,SEX_M,,,\nF,Female,SEX_F,,,\n",
    "absentees/rules/departure_year.csv": RULES + "1,ALEFT = '9999',NULL,\n2,TRUE,to_integer(ALEFT),\n",
}

# rule, change, file and row of the problem (for survey.toml the beginning of its line)
BROKEN: list[tuple[str, Change, str, int | str | None]] = [
    ("SPEC_FILE_UNKNOWN", change(LAYOUT, "1,1,absentees", "1,1,absent"), LAYOUT, 9),
    ("SPEC_FILE_UNKNOWN", toml('file = "absentees"\nwhere', 'file = "gone"\nwhere'), S, "file ="),
    ("SPEC_FILE_UNKNOWN", toml('file = "absentees"\nwhere', 'file = "households"\nwhere'), S, "file ="),
    ("SPEC_FILE_EMPTY", toml('name = "households"', 'name = "dwellings"'), S, "[[file]]#3"),
    ("SPEC_FILE_PERSONS", toml('name = "households"\n', 'name = "households"\nvariant = "other"\n'), S, "[[file]]#3"),
    ("SPEC_FILE_SAME", toml('same_file_as = "persons"', 'same_file_as = "households"'), S, "[[file]]#2"),
    ("SPEC_FILE_SAME", toml('same_file_as = "persons"', 'same_file_as = "gone"'), S, "[[file]]#2"),
    ("SPEC_FILE_SAME", toml('records = {variable = "TYPE", codes = ["1", "2"]}\n', ""), S, "[[file]]#2"),
    ("SPEC_FILE_JOIN", toml('key = ["HHID"]', 'key = ["HH_ID"]'), S, "[[file]]#3"),
    ("SPEC_FILE_JOIN", toml('key = ["HHID"]', 'key = ["HHID", "HPSU"]'), S, "[[file]]#3"),
    ("SPEC_FILE_JOIN", toml('key = ["HHID"]\n', ""), S, "[[file]]#3"),
    ("SPEC_FILE_JOIN", toml('person_key = ["HH"]', 'person_key = ["HOUSE"]'), S, "[[file]]#3"),
    ("SPEC_FILE_KEY", toml('format = "xlsx"', 'format = "dta"'), S, "[[file]]#4"),
    ("SPEC_FILE_KEY", toml('format = "xlsx"', 'format = "xlsx"\nencoding = "cp850"'), S, "[[file]]#4"),
    ("SPEC_FILE_KEY", toml('format = "xlsx"', 'format = "xlsx"\nkey = ["SEX"]'), S, "[[file]]#4"),
    ("SPEC_FILE_OVERLAP", toml('name = "book"\nvariant = "xlsx"', 'name = "book"'), S, "[[file]]#4"),
    ("SPEC_FILE_OVERLAP", toml('name = "households"', 'name = "absentees"'), S, "[[file]]#3"),
    ("SPEC_VARIABLE_UNKNOWN", toml('variable = "ATYPE"', 'variable = "KIND"'), S, "[[file]]#2"),
    ("SPEC_VARIABLE_TWICE", change(LAYOUT, "HPSU,PSU", "AGE,PSU"), LAYOUT, 14),
    ("SPEC_VARIABLE_UNKNOWN", toml('variable = "AHH"', 'variable = "HH"'), S, "household_id ="),
    ("SPEC_CONCEPT_REQUIRED", toml('household_id = {variable = "AHH"}\n', ""), S, "[absentees.concepts]"),
    ("SPEC_CONCEPT_UNKNOWN", toml('sex = {variable = "ASEX"}', 'gender = {variable = "ASEX"}'), S, None),
    ("SPEC_CODES_STRAY", write("absentees/codes/age.csv", CODES + "1,One,SEX_M,,,\n"), "absentees/codes/age.csv", None),
    ("CODE_TARGET_UNKNOWN", change("absentees/codes/sex.csv", "SEX_F", "SEX_X"), "absentees/codes/sex.csv", 3),
    ("EXPRESSION_COLUMN", toml("ASEX IS NOT NULL", "SEX IS NOT NULL"), S, "where ="),
    ("EXPRESSION_COLUMN", change("absentees/rules/departure_year.csv", "ALEFT =", "YEAR ="),
     "absentees/rules/departure_year.csv", 2),
    ("EXPRESSION_BLANK", toml("ASEX IS NOT NULL", "ASEX <> ''"), S, "where ="),
    ("EXPRESSION_BLANK", change("rules/exclusion.csv", "TYPE = '2'", "TYPE = ''"), "rules/exclusion.csv", 2),
    ("SPEC_GUESS", toml('sex = {variable = "SEX"}', 'sex = {variable = "SEX", guess = true}'), S, "sex ="),
    ("SPEC_GUESS", toml('education = "not asked"', 'education = "? no variable found"'), S, "education ="),
    ("SPEC_GUESS", toml('en = "Private households"', 'en = "? whom"'), S, "coverage ="),
    ("CODE_GUESS", change("codes/sex.csv", "SEX_M", "?SEX_M"), "codes/sex.csv", 2),
    ("CODE_GUESS", change("codes/sex.csv", "SEX_M", "?"), "codes/sex.csv", 2),
    ("CODE_GUESS", change("rules/exclusion.csv", "'NON_RESPONDENT'", "?"), "rules/exclusion.csv", 2),
    ("SPEC_PARAMETER", toml('months_worked_abroad = {variable = "MONTHS"}\n', ""), S, "return_minimum_months ="),
    ("SPEC_PARAMETER", toml('arrival_year = {variable = "YEAR"}\n', ""), S, "return_within_months ="),
    ("SPEC_PARAMETER", toml('variance = "none"', 'variance = "taylor"'), S, "psu_missing ="),
    ("SPEC_DECLARED", toml("rows = 7\n", "rows = 7\nmax_share = 0.1\n"), S, "[[declared]]#1"),
    ("SPEC_DECLARED", toml('period = "2020-Q1"\nrows = 7', "rows = 7"), S, "[[declared]]#1"),
    ("SPEC_DECLARED", toml("max_share = 0.1\n", ""), S, "[[declared]]#2"),
    ("SPEC_DECLARED",
     toml('rule = "NON_RESPONDENT"\nmax_share = 0.1', 'rule = "PSU_BLANK"\nperiod = "2020-Q1"\nrows = 9'),
     S, "[[declared]]#2"),
    ("SPEC_VALUE", toml("response_rate = 0.8", "response_rate = 80"), S, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "edit", "file", "row"), BROKEN, ids=[f"{rule}-{number}" for number, (rule, *_) in enumerate(BROKEN)]
)
def test_broken(tmp_path: Path, rule: str, edit: Change, file: str, row: int | str | None) -> None:
    files = dict(VALID)
    edit(files)
    found = problems_of(build(tmp_path, files))
    if isinstance(row, str):
        start, _, number = row.partition("#")
        lines = str(files[S]).splitlines()
        row = [at for at, line in enumerate(lines, start=1) if line.startswith(start)][int(number or 1) - 1]
    if row is None:
        assert (rule, f"XAA/DEMO/{file}") in {(found_rule, name) for found_rule, name, _ in found}
    else:
        assert (rule, f"XAA/DEMO/{file}", row) in found


@pytest.fixture
def spec(tmp_path: Path) -> SurveySpec:
    return load_survey(build(tmp_path, VALID))


def test_variants_and_their_parts(spec: SurveySpec) -> None:
    variants = spec.variants(Period.parse("2020-Q1"))
    assert {name: [part.name for part in parts] for name, parts in variants.items()} == {
        "": ["persons", "absentees", "households"],
        "xlsx": ["book"],
    }
    persons, absentees, households = variants[""]
    assert "ATYPE" not in {row.variable for row in spec.fields(persons)}
    assert [row.variable for row in spec.fields(absentees)] == ["ATYPE", "AHH", "ASEX", "ALEFT"]
    assert [row.variable for row in spec.fields(households)] == ["HHID", "HPSU"]


def test_absentees_have_tables_of_their_own(spec: SurveySpec) -> None:
    assert spec.absentees is not None
    assert spec.absentees.where is not None
    assert [row.source_code for row in spec.absentees.codes_at("sex", Period.parse("2020-Q1"))] == ["M", "F"]
    assert [row.source_code for row in spec.codes["sex"]] == ["1", "2"]
    assert [rule.value for rule in spec.absentees.rules["departure_year"]] == ["NULL", "to_integer(ALEFT)"]


def test_declared_blank_psus_may_be_null(tmp_path: Path, spec: SurveySpec) -> None:
    assert dictionary_of(spec)["psu"].nullable
    assert not dictionary_of(load_survey(build(tmp_path / "other", one_file.VALID)))["psu"].nullable


def test_parameters_are_read(spec: SurveySpec) -> None:
    assert spec.migration.return_minimum_months == 6
    assert spec.informality.establishment_size == 5
    assert spec.quality is not None
    assert spec.quality.rounds[0].response_rate == 0.8
    assert spec.reference_stocks[0].minimum_age == 15


def test_every_rule_is_exercised() -> None:
    folder = Path(schemas.survey_spec.__file__).parent
    sources = [*folder.glob("survey_*.py"), *folder.glob("expression*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    raised = set(re.findall(r'"((?:SPEC|CODE|EXPRESSION)_[A-Z0-9_]+)"', text))
    elsewhere = {"SPEC_SYMLINK", "SPEC_DIR_MISSING", "SPEC_SURVEY_DUPLICATE"}
    cases = (*one_file.BROKEN, *BROKEN, *estimation.BROKEN, *estimation.BROKEN_REPLICATES)
    of_reliability = {"SPEC_RELIABILITY_MILDER"}  # raised in schemas.reliability
    assert raised | of_reliability == {rule for rule, *_ in cases} | elsewhere
