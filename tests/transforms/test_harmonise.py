"""Harmonisation of inline surveys: codes, rules, numbers and corrections beside what they must become."""

import duckdb
import pytest

from schemas.expressions import number_sql, quote_text
from tests.transforms.demo import BUILDING_BLOCKS, CODES, RULES, SEX_CODES, YES_NO, quoted
from transforms.harmonise import correction_counts_sql

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


def test_quotes_are_doubled():
    assert duckdb.connect().execute(f"SELECT {quote_text(chr(39) + ' OR 1=1 --')}").fetchone() == ("' OR 1=1 --",)


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
    found = (
        duckdb.connect().execute(f"SELECT {number_sql('source')} FROM (SELECT ?::VARCHAR AS source)", [text]).fetchone()
    )
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
    rules = RULES + "1,a IS NULL,NULL,\n2,z = 'years',to_integer(a),\n3,z = 'halves',to_integer(a) * 0.5,\n"
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
