"""Harmonisation of inline surveys: a handful of rows beside what they must become."""

from dataclasses import dataclass

import duckdb
import pytest

from schemas.concepts import load_concepts
from schemas.periods import Period
from schemas.survey_spec import load_survey
from transforms.harmonise import correction_counts_sql, literal, number_sql, plan

SECTIONS = """\
[survey]
area = "XAA"
id = "DEMO"
title = {{en = "Demonstration", fr = "Démonstration", es = "Demostración"}}
organisation = {{en = "Office", fr = "Office", es = "Oficina"}}
source = "BA"
frequency = "Q"
extract = "synthetic"
precedence = 10

[population]
coverage = {{en = "Households", fr = "Ménages", es = "Hogares"}}
working_age = 15
usual_residence_months = 12
residence_by_design = {by_design}
reference_week = "last 7 days"

[design]
variance = "none"

{labour_force}

[[file]]
name = "persons"
format = "csv"

[concepts]
{concepts}
"""
BUILDING_BLOCKS = '[labour_force]\nsource = "building_blocks"\nicls = "19"\nabsence_test = "{}"'
DECLARED = '[labour_force]\nsource = "declared"\nicls = "13"'
CODES = "source_code,source_label,target_code,valid_from,valid_to,note\n"
RULES = "order,when,value,note\n"
BASE = {"weight": '{variable = "w"}', "sex": '{variable = "s"}', "age": '{variable = "a"}'}
SEX_CODES = CODES + "1,,SEX_M,,,\n2,,SEX_F,,,\n"
YES_NO = CODES + "1,,TRUE,,,\n2,,FALSE,,,\n"


@dataclass(frozen=True)
class Demo:
    """One survey folder and its plan for a period."""

    spec: object
    plan: object

    def rows(self, columns, values, wanted):
        """Harmonise raw rows; return the wanted columns of the work relation, in the order of the rows."""
        connection = self.connect(columns, values)
        names = ", ".join(wanted)
        return connection.execute(f"SELECT {names} FROM ({self.plan.sql}) ORDER BY row_number").fetchall()

    def connect(self, columns, values):
        connection = duckdb.connect()
        names = ", ".join('"' + name.replace('"', '""') + '" VARCHAR' for name in columns)
        connection.execute(f"CREATE TABLE raw_extract (row_number BIGINT, {names})")
        marks = ", ".join("?" * (len(columns) + 1))
        for number, row in enumerate(values, start=1):
            connection.execute(f"INSERT INTO raw_extract VALUES ({marks})", [number, *row])
        return connection


def quoted(text):
    """Quote a name or a CSV field: double quotes inside are doubled."""
    return '"' + text.replace('"', '""') + '"'


@pytest.fixture
def survey(tmp_path):
    """Build a survey folder and plan one round of it."""

    def make(
        concepts=None, files=None, layout=("w", "s", "a"), period="2024-Q1", labour_force="", by_design="true", **kept
    ):
        lines = BASE | (concepts or {})
        for name, line in kept.items():
            lines[name] = line
        folder = tmp_path / "XAA" / "DEMO"
        contents = {
            "survey.toml": SECTIONS.format(
                concepts="\n".join(f"{name} = {line}" for name, line in lines.items() if line),
                labour_force=labour_force,
                by_design=by_design,
            ),
            "NOTES.md": "# Demonstration\n",
            "layout.csv": "variable,label,start,width\n" + "".join(f"{quoted(name)},,,\n" for name in layout),
            "codes/sex.csv": SEX_CODES,
        } | (files or {})
        for name, text in contents.items():
            if text is None:
                continue
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        spec = load_survey(folder)
        return Demo(spec, plan(spec, load_concepts(), Period.parse(period)))

    return make


# --- code tables ---------------------------------------------------------------------------------


def test_codes_match_on_trimmed_text_and_nothing_else(survey):
    demo = survey()
    values = [
        ("1", "1", "30"),
        ("1", " 2 ", "30"),
        ("1", "02", "30"),
        ("1", "1.0", "30"),
        ("1", "", "30"),
        ("1", None, "30"),
    ]
    assert demo.rows(("w", "s", "a"), values, ("sex", "x_sex")) == [
        ("SEX_M", False), ("SEX_F", False), (None, True), (None, True), (None, True), (None, True),
    ]  # fmt: skip


def test_an_empty_source_code_stands_for_blank(survey):
    demo = survey(files={"codes/sex.csv": SEX_CODES + ",Blank,_U,,,\n"})
    values = [("1", "", "30"), ("1", None, "30"), ("1", "  ", "30"), ("1", "9", "30")]
    assert demo.rows(("w", "s", "a"), values, ("sex", "x_sex", "k_sex")) == [
        ("_U", False, ""), ("_U", False, ""), ("_U", False, ""), (None, True, "9"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("period", "first", "second"),
    [
        ("2023-Q4", "SEX_M", (None, True)),
        ("2024-Q1", "SEX_F", ("SEX_F", False)),
        ("2024-Q2", "SEX_F", ("SEX_F", False)),
        ("2024-Q3", "SEX_F", (None, True)),
    ],
)
def test_codes_hold_in_their_periods_both_ends_included(survey, period, first, second):
    codes = CODES + "1,,SEX_M,,2023-Q4,\n1,,SEX_F,2024-Q1,,\n2,,SEX_F,2024-Q1,2024-Q2,\n"
    demo = survey(files={"codes/sex.csv": codes}, period=period)
    found = demo.rows(("w", "s", "a"), [("1", "1", "30"), ("1", "2", "30")], ("sex", "x_sex"))
    assert found == [(first, False), second]


def test_a_table_without_a_valid_row_maps_nothing(survey):
    demo = survey(files={"codes/sex.csv": CODES + "1,,SEX_M,2030-Q1,,\n"})
    assert demo.rows(("w", "s", "a"), [("1", "1", "30")], ("sex", "x_sex")) == [(None, True)]


def test_quotes_in_codes_values_and_variables_are_text(survey):
    name = 'it"s'
    demo = survey(
        layout=("w", name, "a", "note"),
        sex='{variable = "it\\"s"}',
        concepts={"household_id": "{expression = \"concat(note, '''')\"}"},
        files={
            "codes/sex.csv": CODES + 'l\'homme,,SEX_M,,,\n"""x""; DROP TABLE raw_extract; --",,SEX_F,,,\n',
            "corrections.csv": "where,set,expected_rows,reason,source\n"
            'note = \'o\'\'clock\',"""it""""s"" = \'l\'\'homme\'",1,Misprint,Report\n',
        },
    )
    columns = ("w", name, "a", "note")
    values = [
        ("1", "l'homme", "30", "a'b"),
        ("1", '"x"; DROP TABLE raw_extract; --', "30", "b"),
        ("1", "?", "30", "o'clock"),
    ]
    assert demo.rows(columns, values, ("sex", "household_id", "x_sex")) == [
        ("SEX_M", "a'b'", False), ("SEX_F", "b'", False), ("SEX_M", "o'clock'", False),
    ]  # fmt: skip


def test_literal_doubles_quotes():
    assert duckdb.execute(f"SELECT {literal(chr(39) + ' OR 1=1 --')}").fetchone() == ("' OR 1=1 --",)


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12.0), (" 12 ", 12.0), ("-3", -3.0), ("1.50", 1.5), ("0", 0.0), ("007", 7.0), ("", None), (None, None),
        ("1e3", None), ("inf", None), ("nan", None), ("0x10", None), ("1_000", None), ("1,5", None), ("+1", None),
        ("12a", None), ("1 2", None),
    ],
)  # fmt: skip
def test_numbers(text, number):
    found = duckdb.execute(f"SELECT {number_sql('source')} FROM (SELECT ?::VARCHAR AS source)", [text]).fetchone()
    assert found == (number,)


def test_missing_codes_are_not_stated_and_other_text_is_an_error(survey):
    demo = survey(age='{variable = "a", missing = ["999", "DK"]}')
    values = [("1", "1", text) for text in ("30", "999", " DK ", "", None, "x", "1e1")]
    assert demo.rows(("w", "s", "a"), values, ("age", "x_age")) == [
        (30.0, False), (None, False), (None, False), (None, False), (None, False), (None, True), (None, True),
    ]  # fmt: skip


def test_a_weight_must_be_a_number(survey):
    values = [(text, "1", "30") for text in ("1.5", "0", "", None, "x")]
    assert survey().rows(("w", "s", "a"), values, ("weight", "x_weight", "exclusion")) == [
        (1.5, False, None), (0.0, False, "ZERO_WEIGHT"), (None, True, None), (None, True, None), (None, True, None),
    ]  # fmt: skip


def test_zero_weights_stay_out_where_the_survey_gives_its_own_exclusion(survey):
    rules = RULES + "1,s = '2','NON_RESPONDENT',\n2,TRUE,NULL,\n"
    demo = survey({"exclusion": "{rules = true}"}, {"rules/exclusion.csv": rules})
    values = [("1", "1", "30"), ("1", "2", "30"), ("0", "1", "30"), ("0", "2", "30")]
    assert demo.rows(("w", "s", "a"), values, ("exclusion",)) == [
        (None,), ("NON_RESPONDENT",), ("ZERO_WEIGHT",), ("NON_RESPONDENT",),
    ]  # fmt: skip


# --- rules and expressions -----------------------------------------------------------------------


def test_the_first_rule_that_is_met_gives_the_value(survey):
    demo = survey(
        {"area_type": "{rules = true}"},
        {"rules/area_type.csv": RULES + "1,z = '1',GEO_COV_URB,\n2,\"z IN ('1', '2')\",GEO_COV_RUR,\n"},
        layout=("w", "s", "a", "z"),
    )
    values = [("1", "1", "30", z) for z in ("1", "2", "3", None)]
    assert demo.rows(("w", "s", "a", "z"), values, ("area_type", "r_area_type", "x_area_type")) == [
        ("GEO_COV_URB", 0, False), ("GEO_COV_RUR", 1, False), (None, None, True), (None, None, True),
    ]  # fmt: skip
    assert demo.plan.ruled == ("area_type",)
    assert "area_type" not in demo.plan.keys


def test_rules_of_a_number_concept_may_compute(survey):
    rules = RULES + "1,a = '',NULL,\n2,z = 'years',to_integer(a),\n3,z = 'halves',to_integer(a) * 0.5,\n"
    demo = survey({"age": "{rules = true}"}, {"rules/age.csv": rules}, layout=("w", "s", "a", "z"))
    values = [("1", "1", "30", "years"), ("1", "1", "6", "halves"), ("1", "1", "", "years"), ("1", "1", "3", "")]
    assert demo.rows(("w", "s", "a", "z"), values, ("age", "x_age")) == [
        (30.0, False), (3.0, False), (None, False), (None, True),
    ]  # fmt: skip


def test_expressions_of_every_kind(survey):
    demo = survey(
        {
            "psu": '{expression = "substring(id, 1, 2)"}',
            "arrival_month": '{expression = "to_integer(m) + 1"}',
            "economic_activity": '{expression = "substring(e, 1, 2)", codes = "@ISIC4_DIVISION", '
            'classification = "ECO_ISIC4"}',
            "worked_one_hour": "{expression = \"p = '1' OR q = '1'\"}",
            "job_search": "{expression = \"p = '3'\"}",
            "available": "{expression = \"p = '3'\"}",
            "country_of_birth": '{variable = "c", codes = "@ISO3"}',
        },
        layout=("w", "s", "a", "id", "m", "e", "p", "q", "c"),
        labour_force=BUILDING_BLOCKS.format("reason"),
    )
    columns = ("w", "s", "a", "id", "m", "e", "p", "q", "c")
    values = [
        ("1", "1", "30", "AB12", "4", "8411", "1", "2", "FRA"),
        ("1", "1", "30", "", "x", "8411", "2", "2", "FRA"),
        ("1", "1", "30", "A", None, "0400", "1", None, "XAA"),
        ("1", "1", "30", "A", None, "8411", None, "2", "FRA"),
    ]
    wanted = ("psu", "x_psu", "arrival_month", "worked_one_hour", "x_worked_one_hour", "economic_activity",
              "x_economic_activity", "labour_force_status")  # fmt: skip
    assert demo.rows(columns, values, wanted) == [
        ("AB", False, 5.0, True, False, "ECO_ISIC4_O", False, "LMS_STATUS_EMP"),
        (None, True, None, False, False, None, False, "LMS_STATUS_EIP"),
        ("A", False, None, True, False, None, True, "LMS_STATUS_EMP"),
        ("A", False, None, None, True, None, False, "LMS_STATUS_EIP"),
    ]


def test_columns_have_the_type_of_their_concept_whatever_the_values(survey):
    demo = survey(
        {"worked_abroad": '{variable = "s"}', "age": '{expression = "to_integer(a)"}'},
        {"codes/worked_abroad.csv": CODES + "1,,NULL,,,\n2,,NULL,,,\n"},
    )
    connection = demo.connect(("w", "s", "a"), [("1", "1", "30")])
    types = dict(connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {demo.plan.sql})").fetchall())
    assert (types["worked_abroad"], types["age"], types["sex"]) == ("BOOLEAN", "DOUBLE", "VARCHAR")


# --- corrections ---------------------------------------------------------------------------------


def test_corrections_repair_raw_values_before_anything_reads_them(survey):
    demo = survey(
        files={
            "corrections.csv": "where,set,expected_rows,reason,source\n"
            "s = '3',s = '2',2,Misprint,Report\n"
            "s = '4' AND a = '30',s = '1',1,Misprint,Report\n"
            "a = '300',a = '30',1,Misprint,Report\n"
        }
    )
    values = [("1", "3", "30"), ("1", "4", "30"), ("1", "4", "31"), ("1", "3", "300")]
    assert demo.rows(("w", "s", "a"), values, ("sex", "x_sex", "age")) == [
        ("SEX_F", False, 30.0), ("SEX_M", False, 30.0), (None, True, 31.0), ("SEX_F", False, 30.0),
    ]  # fmt: skip
    counts = demo.connect(("w", "s", "a"), values).execute(correction_counts_sql(demo.spec)).fetchone()
    assert counts == (2, 1, 1)


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden",
    [
        "sex", "SEX", "Weight", "weight", "age", "PSU", "psu", "k_sex", "K_Sex", "v_sex", "V_SEX", "w_sex", "x_sex",
        "r_area_type", "m_sex", "source_code", "target_code", "corrected", "keyed", "recoded", "step_3", "listed",
        "is_working_age", "exclusion", "household_id", "labour_force_status", "employment_rule", "raw_extract",
        "v_weight", "residence_status", "select",
    ],
)  # fmt: skip
def test_a_national_variable_may_have_any_name(survey, hidden):
    """The variable of that name is read for the region, and stands in the file beside all others."""
    is_b, is_c = (quoted(f"{quoted(hidden)} = '{value}'") for value in "bc")
    demo = survey(
        {
            "region": f'{{variable = "{hidden}"}}',
            "area_type": "{rules = true}",
            "worked_abroad": '{variable = "s"}',
            "household_id": f"{{expression = 'concat({quoted(hidden)}, w)'}}",
        },
        {
            "rules/area_type.csv": f"{RULES}1,{is_b},GEO_COV_URB,\n2,TRUE,GEO_COV_RUR,\n",
            "codes/worked_abroad.csv": YES_NO,
            "corrections.csv": f"where,set,expected_rows,reason,source\n{is_c},{is_b},1,Misprint,Report\n",
        },
        layout=("w", "s", "a", hidden),
    )
    wanted = ("sex", "age", "weight", "region", "area_type", "household_id", "worked_abroad", "exclusion", "x_sex")
    values = [("1", "1", "30", "a"), ("0", "2", "40", "b"), ("2", "9", "50", "c")]
    assert demo.rows(("w", "s", "a", hidden), values, wanted) == [
        ("SEX_M", 30.0, 1.0, "a", "GEO_COV_RUR", "a1", True, None, False),
        ("SEX_F", 40.0, 0.0, "b", "GEO_COV_URB", "b0", False, "ZERO_WEIGHT", False),
        (None, 50.0, 2.0, "b", "GEO_COV_URB", "b2", None, None, True),
    ]


def test_variables_may_have_the_names_of_the_concepts_that_they_do_not_mean(survey):
    demo = survey(
        weight='{variable = "age"}',
        sex='{variable = "weight"}',
        age='{variable = "Sex"}',
        layout=("age", "weight", "Sex"),
    )
    assert demo.rows(("age", "weight", "Sex"), [("7", "1", "44")], ("weight", "sex", "age")) == [(7.0, "SEX_M", 44.0)]


def test_variables_that_are_not_declared_may_have_the_names_of_working_columns(survey):
    columns = ("w", "s", "a", "K_SEX", "sex", "V_age", "target_code", "exclusion")
    found = survey().rows(columns, [("1", "1", "30", *"pqrst")], ("sex", "k_sex", "age", "exclusion"))
    assert found == [("SEX_M", "1", 30.0, None)]


# --- age -----------------------------------------------------------------------------------------


def test_ages_at_the_edges_of_the_bands(survey):
    ages = (0, 14, 15, 24, 25, 34, 35, 44, 45, 54, 55, 64, 65, 110)
    values = [("1", "1", str(age)) for age in ages] + [("1", "1", "")]
    found = survey().rows(("w", "s", "a"), values, ("age_band", "is_working_age"))
    bands = ("YLT15",) * 2 + ("Y15-24",) * 2 + ("Y25-34",) * 2 + ("Y35-44",) * 2 + ("Y45-54",) * 2 + ("Y55-64",) * 2
    bands += ("YGE65",) * 2
    assert found == [(f"AGE_10YRBANDS_{band}", age >= 15) for band, age in zip(bands, ages, strict=True)] + [
        (None, False)
    ]


def test_five_year_bands_become_ten_year_bands(survey):
    codes = CODES + "1,,AGE_5YRBANDS_Y10-14,,,\n2,,AGE_5YRBANDS_Y15-19,,,\n3,,AGE_5YRBANDS_Y60-64,,,\n"
    codes += "4,,AGE_5YRBANDS_YGE65,,,\n9,,_U,,,\n"
    demo = survey({"age_5yr_band": '{variable = "a"}'}, {"codes/age_5yr_band.csv": codes}, age=None)
    values = [("1", "1", code) for code in "12349"]
    assert demo.rows(("w", "s", "a"), values, ("age_band", "is_working_age")) == [
        ("AGE_10YRBANDS_YLT15", False), ("AGE_10YRBANDS_Y15-24", True), ("AGE_10YRBANDS_Y55-64", True),
        ("AGE_10YRBANDS_YGE65", True), (None, False),
    ]  # fmt: skip


# --- arrival and residence -----------------------------------------------------------------------

MIGRATION = {
    "country_of_birth": '{variable = "c", codes = "@ISO3"}',
    "arrival_year": '{variable = "y", missing = ["9999"]}',
    "arrival_month": '{variable = "m"}',
}


@pytest.mark.parametrize(
    ("age", "country", "year", "kept", "arrived"),
    [
        pytest.param("30", "FRA", "2010", 2010.0, True, id="foreign-born"),
        pytest.param("30", "FRA", "1994", 1994.0, True, id="foreign-born, came in the year of birth"),
        pytest.param("30", "FRA", "1992", None, True, id="foreign-born, arrival before birth"),
        pytest.param("30", "FRA", "2025", None, True, id="foreign-born, arrival after the period"),
        pytest.param("30", "FRA", "9999", None, True, id="foreign-born, not stated"),
        pytest.param("30", "XAA", "", None, False, id="native-born"),
        pytest.param("30", "XAA", "2015", 2015.0, True, id="native-born who returned"),
        pytest.param("30", "XAA", "1994", None, False, id="native-born, year of birth after the birthday"),
        pytest.param("30", "XAA", "1993", None, False, id="native-born, year of birth before the birthday"),
        pytest.param("30", "XAA", "1995", 1995.0, True, id="native-born, returned in the year after birth"),
        pytest.param("30", "XAA", "1980", None, False, id="native-born, arrival before birth"),
        pytest.param("", "XAA", "1980", None, False, id="native-born of unknown age: may be the birth"),
        pytest.param("", "FRA", "1980", 1980.0, True, id="foreign-born of unknown age"),
    ],
)
def test_years_of_arrival(survey, age, country, year, kept, arrived):
    demo = survey(MIGRATION, layout=("w", "s", "a", "c", "y", "m"))
    found = demo.rows(
        ("w", "s", "a", "c", "y", "m"),
        [("1", "1", age, country, year, "6")],
        ("arrival_year", "has_arrived_from_abroad", "arrival_month", "x_arrival_year"),
    )
    assert found == [(kept, arrived, None if kept is None else 6.0, False)]


def test_the_year_of_birth_decides_where_it_is_asked(survey):
    demo = survey(MIGRATION | {"birth_year": '{variable = "b"}'}, layout=("w", "s", "a", "c", "y", "m", "b"))
    values = [("1", "1", "30", "XAA", "1994", "6", "1994"), ("1", "1", "30", "XAA", "1994", "6", "1993")]
    found = demo.rows(("w", "s", "a", "c", "y", "m", "b"), values, ("arrival_year", "has_arrived_from_abroad"))
    assert found == [(None, False), (1994.0, True)]


@pytest.mark.parametrize(("by_design", "status"), [("false", "RES_PRESENT_NON_RESIDENT"), ("true", "RES_USUAL")])
def test_a_household_rule_settles_residence(survey, by_design, status):
    demo = survey(
        MIGRATION | {"intended_stay_months": '{variable = "i"}'},
        layout=("w", "s", "a", "c", "y", "m", "i"),
        by_design=by_design,
    )
    columns = ("w", "s", "a", "c", "y", "m", "i")
    values = [("1", "1", "30", "FRA", "2024", "1", "3"), ("1", "1", "30", "FRA", "2024", "1", "12"),
              ("1", "1", "30", "FRA", "9999", "1", "3"), ("1", "1", "30", "XAA", "", "", "")]  # fmt: skip
    found = demo.rows(columns, values, ("residence_status", "months_of_stay"))
    assert found == [(status, 2.0), ("RES_USUAL", 2.0), ("RES_USUAL", None), ("RES_USUAL", None)]


def test_residence_that_the_survey_gives_is_taken(survey):
    demo = survey(
        {"residence_status": '{variable = "z"}'},
        {"codes/residence_status.csv": CODES + "1,,RES_USUAL,,,\n2,,RES_ABROAD,,,\n"},
        layout=("w", "s", "a", "z"),
    )
    values = [("1", "1", "30", "1"), ("1", "1", "30", "2"), ("1", "1", "30", "3")]
    assert demo.rows(("w", "s", "a", "z"), values, ("residence_status", "x_residence_status")) == [
        ("RES_USUAL", False), ("RES_ABROAD", False), (None, True),
    ]  # fmt: skip


# --- scope and labour force ----------------------------------------------------------------------

BLOCKS = {
    "worked_one_hour": "{rules = true}",
    "own_use_production_only": '{variable = "o"}',
    "absent_from_job": '{variable = "b"}',
    "absence_reason": '{variable = "r"}',
    "job_search": '{variable = "j"}',
    "available": '{variable = "v"}',
    "occupation": '{expression = "substring(k, 1, 1)", codes = "@ISCO08_MAJOR", classification = "OCU_ISCO08"}',
}
BLOCK_FILES = {
    "rules/worked_one_hour.csv": RULES + "1,p = '1',TRUE,\n2,TRUE,FALSE,\n",
    "codes/own_use_production_only.csv": YES_NO + ",,FALSE,,,\n",
    "codes/absent_from_job.csv": YES_NO + ",,FALSE,,,\n",
    "codes/absence_reason.csv": CODES + "1,,ABS_VACATION,,,\n2,,ABS_SEASONAL,,,\n",
    "codes/job_search.csv": YES_NO,
    "codes/available.csv": YES_NO,
}
BLOCK_LAYOUT = ("w", "s", "a", "p", "o", "b", "r", "j", "v", "k")


def test_scopes_mask_what_was_answered_outside_and_flag_what_is_missing_inside(survey):
    demo = survey(BLOCKS, BLOCK_FILES, layout=BLOCK_LAYOUT, labour_force=BUILDING_BLOCKS.format("reason"))
    people = {
        "at work": (("30", "1", "", "2", "1", "1", "1", "5223"), "EMP_AT_WORK", None, None, "OCU_ISCO08_5", ()),
        "at work, occupation unmapped": (("30", "1", "", "", "", "", "", "Q"), "EMP_AT_WORK", None, None, None,
                                         ("occupation",)),
        "on vacation": (("30", "2", "", "1", "1", "", "", "5223"), "EMP_ABSENT_BY_REASON", "ABS_VACATION", None,
                        "OCU_ISCO08_5", ()),
        "on vacation, farms for own use": (("30", "1", "1", "1", "1", "1", "1", "5223"), "EMP_ABSENT_BY_REASON",
                                           "ABS_VACATION", None, "OCU_ISCO08_5", ()),
        "absent, reason unmapped": (("30", "2", "", "1", "7", "1", "1", "5223"), "EMP_ABSENT_BY_TEST", None, None,
                                    "OCU_ISCO08_5", ("absence_reason",)),
        "farms for own use": (("30", "1", "1", "2", "1", "2", "1", "5223"), "OLF_AVAILABLE_NOT_SEEKING", None, False,
                              None, ()),
        "off-season, seeks": (("30", "2", "", "1", "2", "1", "1", ""), "UNE_SEEKING_AVAILABLE", "ABS_SEASONAL", True,
                              None, ()),
        "search not answered": (("30", "2", "", "2", "", "", "1", ""), "OLF_AVAILABLE_NOT_SEEKING", None, None, None,
                                ("job_search",)),
        "child": (("14", "1", "", "9", "9", "1", "9", "Q"), None, None, None, None, ()),
    }  # fmt: skip
    values = [("1", "1", *answers) for answers, *_ in people.values()]
    wanted = ("labour_force_rule", "absence_reason", "job_search", "occupation")
    flags = ("own_use_production_only", "absent_from_job", "absence_reason", "job_search", "available", "occupation")
    found = demo.rows(BLOCK_LAYOUT, values, (*wanted, *(f"x_{name}" for name in flags)))
    for (person, expected), row in zip(people.items(), found, strict=True):
        assert row[: len(wanted)] == expected[1:-1], person
        assert tuple(name for name, flag in zip(flags, row[len(wanted) :], strict=True) if flag) == expected[-1], person


def test_a_declared_status_serves_without_building_blocks(survey):
    demo = survey(
        {
            "declared_labour_force_status": '{variable = "d"}',
            "job_search": '{variable = "j"}',
            "status_in_employment": '{variable = "e"}',
        },
        {
            "codes/declared_labour_force_status.csv": CODES + "1,,LMS_STATUS_EMP,,,\n2,,LMS_STATUS_UNE,,,\n",
            "codes/job_search.csv": YES_NO,
            "codes/status_in_employment.csv": CODES + "1,,STE_ICSE93_1,,,\n",
        },
        layout=("w", "s", "a", "d", "j", "e"),
        labour_force=DECLARED,
    )
    values = [("1", "1", "30", "1", "1", "1"), ("1", "1", "30", "2", "1", "1"), ("1", "1", "14", "2", "1", "1")]
    wanted = ("labour_force_status", "labour_force_status_icls13", "job_search", "status_in_employment")
    assert demo.rows(("w", "s", "a", "d", "j", "e"), values, wanted) == [
        ("LMS_STATUS_EMP", "LMS_STATUS_EMP", None, "STE_ICSE93_1"),
        ("LMS_STATUS_UNE", "LMS_STATUS_UNE", True, None),
        (None, None, None, None),
    ]
    assert "labour_force_status_icls19" not in demo.plan.columns


def test_the_declared_status_feeds_where_the_13th_icls_is_chosen(survey):
    demo = survey(
        BLOCKS | {"declared_labour_force_status": '{variable = "d"}'},
        BLOCK_FILES | {"codes/declared_labour_force_status.csv": CODES + "1,,LMS_STATUS_EMP,,,\n"},
        layout=(*BLOCK_LAYOUT, "d"),
        labour_force=BUILDING_BLOCKS.format("reason").replace('"19"', '"13"'),
    )
    row = ("1", "1", "30", "1", "1", "2", "", "2", "2", "6111", "1")
    wanted = ("labour_force_status", "labour_force_status_icls13", "labour_force_status_icls19", "occupation")
    assert demo.rows((*BLOCK_LAYOUT, "d"), [row], wanted) == [
        ("LMS_STATUS_EMP", "LMS_STATUS_EMP", "LMS_STATUS_EIP", "OCU_ISCO08_6")
    ]


def test_columns_stand_in_the_order_of_the_dictionary(survey):
    demo = survey(MIGRATION, layout=("w", "s", "a", "c", "y", "m"))
    order = list(load_concepts())
    assert list(demo.plan.columns) == sorted(demo.plan.columns, key=order.index)
    assert demo.plan.checked == tuple(name for name in order if name in demo.spec.concepts)


def test_the_same_specification_gives_the_same_sql(survey):
    assert survey().plan.sql == survey().plan.sql


@pytest.mark.parametrize(("month", "kept"), [("1", 1.0), ("12", 12.0), ("0", None), ("13", None), ("99", None)])
def test_a_month_of_arrival_is_one_of_twelve(survey, month, kept):
    demo = survey(MIGRATION, layout=("w", "s", "a", "c", "y", "m"))
    found = demo.rows(
        ("w", "s", "a", "c", "y", "m"), [("1", "1", "30", "FRA", "2010", month)], ("arrival_year", "arrival_month")
    )
    assert found == [(2010.0, kept)]
