import duckdb
import pytest

from schemas.concepts import (
    column_kinds,
    load_concepts,
    load_universes,
    read_concepts,
    read_universes,
)
from schemas.errors import SpecError
from schemas.toml_files import parse_toml

OF_THE_DESIGN = [
    "row_number",
    "household_id",
    "person_id",
    "weight",
    "stratum",
    "psu",
    "sex",
    "age",
    "age_5yr_band",
    "age_band",
    "is_working_age",
    "education",
    "area_type",
    "region",
    "country_of_birth",
    "citizenship_1",
    "citizenship_2",
    "citizenship_3",
    "place_of_birth",
    "citizenship_status",
    "country_of_citizenship",
    "arrival_year",
    "arrival_month",
    "intended_stay_months",
    "country_of_previous_residence",
    "residence_one_year_ago",
    "migration_reason",
    "worked_abroad",
    "recruitment_cost",
    "first_month_earnings",
    "months_of_stay",
    "residence_status",
    "worked_one_hour",
    "own_use_production_only",
    "absent_from_job",
    "absence_reason",
    "absence_months",
    "absence_paid",
    "job_search",
    "available",
    "future_start",
    "future_start_months",
    "waiting_to_migrate",
    "declared_labour_force_status",
    "labour_force_status_icls19",
    "labour_force_status_icls13",
    "labour_force_status",
    "labour_force_rule",
    "status_in_employment",
    "economic_activity",
    "occupation",
    "hours_usual",
    "monthly_earnings",
    "hourly_earnings",
    "pay_group",
    "is_in_education",
    "work_abroad_band",
    "is_migrant_worker_by_birth",
    "is_migrant_worker_by_citizenship",
    "exclusion",
]

UNIVERSES = [
    "population",
    "working_age",
    "labour_force",
    "employed",
    "unemployed",
    "outside_labour_force",
    "employees",
    "foreign_born_population",
    "foreign_born_employed",
    "non_citizen_working_age",
    "non_citizen_employed",
    "absent",
    "not_employed",
    "arrived_from_abroad",
]


def test_the_dictionary_holds_every_concept_of_the_design():
    assert set(OF_THE_DESIGN) - set(load_concepts()) == set()


def test_every_concept_is_defined_in_one_sentence():
    for concept in load_concepts().values():
        assert concept.definition.endswith(".")
        assert concept.definition.count(". ") == 0


@pytest.mark.parametrize("name", ["arrival_year", "monthly_earnings", "future_start_months", "citizenship_2"])
def test_what_may_be_missing(name):
    assert load_concepts()[name].nullable


@pytest.mark.parametrize("name", ["weight", "psu", "worked_one_hour", "country_of_birth", "economic_activity"])
def test_what_may_not_be_missing(name):
    assert not load_concepts()[name].nullable


def test_universes_are_there():
    assert set(UNIVERSES) - set(load_universes()) == set()
    assert load_universes()["employees"].needs == (
        "exclusion",
        "is_working_age",
        "labour_force_status",
        "residence_status",
        "status_in_employment",
    )


@pytest.mark.parametrize(
    ("universe", "rows"),
    [
        ("population", [1, 2, 3, 4, 5]),
        ("working_age", [2, 3, 4, 5]),
        ("labour_force", [2, 3]),
        ("employed", [2]),
        ("unemployed", [3]),
        ("outside_labour_force", [4]),
        ("foreign_born_population", [3]),
        ("non_citizen_employed", [2]),
        ("non_resident_foreign_workers", [6]),
        ("not_employed", [3, 4]),
    ],
)
def test_who_is_in_a_universe(universe, rows):
    # Row 5 has no labour force status, row 6 is present but no usual resident, row 7 has weight zero.
    persons = """
        (VALUES
        (1, FALSE, NULL,             'CBR_BIR_NATIVE',  'CCT_CIT_CITIZEN', 'RES_USUAL', NULL, FALSE),
        (2, TRUE,  'LMS_STATUS_EMP', 'CBR_BIR_NATIVE',  'CCT_CIT_NONCIT',  'RES_USUAL', NULL, FALSE),
        (3, TRUE,  'LMS_STATUS_UNE', 'CBR_BIR_FOREIGN', 'CCT_CIT_CITIZEN', 'RES_USUAL', NULL, FALSE),
        (4, TRUE,  'LMS_STATUS_EIP', 'CBR_BIR_X',       'CCT_CIT_X',       'RES_USUAL', NULL, FALSE),
        (5, TRUE,  NULL,             'CBR_BIR_NATIVE',  'CCT_CIT_CITIZEN', 'RES_USUAL', NULL, FALSE),
        (6, TRUE,  'LMS_STATUS_EMP', 'CBR_BIR_FOREIGN', 'CCT_CIT_NONCIT',  'RES_PRESENT_NON_RESIDENT', NULL, TRUE),
        (7, TRUE,  'LMS_STATUS_EMP', 'CBR_BIR_FOREIGN', 'CCT_CIT_NONCIT',  'RES_USUAL', 'ZERO_WEIGHT', FALSE)
        ) AS persons(row_number, is_working_age, labour_force_status, place_of_birth, citizenship_status,
                     residence_status, exclusion, is_non_resident_foreign_worker)"""
    condition = load_universes()[universe].condition.sql()
    found = duckdb.connect().execute(f"SELECT row_number FROM {persons} WHERE {condition} ORDER BY 1").fetchall()
    assert [row for (row,) in found] == rows


#: A native-born citizen and usual resident with a formal job, who did not move and is not in education.
PERSON = {
    "exclusion": None,
    "residence_status": "RES_USUAL",
    "is_working_age": True,
    "age_band": "AGE_10YRBANDS_Y25-34",
    "labour_force_status": "LMS_STATUS_EMP",
    "place_of_birth": "CBR_BIR_NATIVE",
    "citizenship_status": "CCT_CIT_CITIZEN",
    "is_in_education": False,
    "job_formality": "JOB_FORMAL",
    "production_unit": "UNIT_FORMAL",
    "is_domestic_worker": False,
    "is_for_work_migrant": False,
    "is_inflow_calendar_year": False,
    "is_inflow_twelve_months": False,
    "is_inflow_residence_one_year_ago": False,
    "is_inflow_reference_period": False,
    "is_migrant_worker_by_birth": False,
    "is_migrant_worker_by_citizenship": False,
    "is_non_resident_foreign_worker": False,
}
YOUNG = {"age_band": "AGE_10YRBANDS_Y15-24", "labour_force_status": "LMS_STATUS_UNE"}
FOREIGN, NONCIT = {"place_of_birth": "CBR_BIR_FOREIGN"}, {"citizenship_status": "CCT_CIT_NONCIT"}
VISITOR = {"residence_status": "RES_PRESENT_NON_RESIDENT"}
WEEKLY = {"is_non_resident_foreign_worker": True} | VISITOR

#: Universe -> what differs from the person, and whether that person is counted.
CASES = [
    ("listed_working_age", {}, True),
    ("listed_working_age", VISITOR, True),
    ("listed_working_age", {"residence_status": "RES_ABROAD"}, True),
    ("listed_working_age", {"is_working_age": False}, False),
    ("listed_working_age", {"exclusion": "NON_RESPONDENT"}, False),
    ("youth", {}, False),
    ("youth", YOUNG, True),
    ("youth", YOUNG | {"is_in_education": None, "labour_force_status": None}, True),
    ("youth", YOUNG | {"is_working_age": False}, False),
    ("youth_neet", YOUNG, True),
    ("youth_neet", YOUNG | {"labour_force_status": "LMS_STATUS_EIP"}, True),
    ("youth_neet", YOUNG | {"labour_force_status": "LMS_STATUS_EMP"}, False),
    ("youth_neet", YOUNG | {"labour_force_status": None}, False),
    ("youth_neet", YOUNG | {"is_in_education": True}, False),
    ("youth_neet", YOUNG | {"is_in_education": None}, False),
    ("youth_neet", {"labour_force_status": "LMS_STATUS_UNE"}, False),
    ("informal_employment", {}, False),
    ("informal_employment", {"job_formality": "JOB_INFORMAL"}, True),
    ("informal_employment", {"job_formality": "JOB_INFORMAL"} | VISITOR, False),
    ("informal_sector", {"production_unit": "UNIT_INFORMAL"}, True),
    ("informal_sector", {"production_unit": "UNIT_HOUSEHOLD", "job_formality": "JOB_INFORMAL"}, False),
    ("domestic_workers", {"is_domestic_worker": True}, True),
    ("domestic_workers", {"is_domestic_worker": None}, False),
    ("for_work_migrants_by_birth", {"is_for_work_migrant": True} | FOREIGN, True),
    ("for_work_migrants_by_birth", {"is_for_work_migrant": True} | NONCIT, False),
    ("for_work_migrants_by_citizenship", {"is_for_work_migrant": True} | NONCIT, True),
    ("for_work_migrants_by_citizenship", {"is_for_work_migrant": True} | FOREIGN, False),
    ("for_work_migrants_by_citizenship", NONCIT, False),
    ("all_migrant_workers_by_birth", {"is_migrant_worker_by_birth": True}, True),
    ("all_migrant_workers_by_birth", {"is_migrant_worker_by_citizenship": True}, False),
    ("all_migrant_workers_by_birth", WEEKLY, True),
    ("all_migrant_workers_by_birth", {"is_migrant_worker_by_birth": True} | VISITOR, False),
    ("all_migrant_workers_by_citizenship", {"is_migrant_worker_by_citizenship": True}, True),
    ("all_migrant_workers_by_citizenship", {"is_migrant_worker_by_birth": True}, False),
    ("all_migrant_workers_by_citizenship", WEEKLY, True),
    ("all_migrant_workers_by_citizenship", WEEKLY | {"exclusion": "ZERO_WEIGHT"}, False),
    *(
        case
        for definition in ("calendar_year", "twelve_months", "residence_one_year_ago", "reference_period")
        for arrived in ({f"is_inflow_{definition}": True},)
        for case in (
            (f"inflow_{definition}_of_foreign_born", arrived | FOREIGN, True),
            (f"inflow_{definition}_of_foreign_born", arrived | NONCIT, False),
            (f"inflow_{definition}_of_foreign_born", FOREIGN, False),
            (f"inflow_{definition}_of_foreign_born", arrived | FOREIGN | {"is_working_age": False}, False),
            (f"inflow_{definition}_of_foreign_born", {f"is_inflow_{definition}": None} | FOREIGN, False),
            (f"inflow_{definition}_of_non_citizens", arrived | NONCIT, True),
            (f"inflow_{definition}_of_non_citizens", arrived | FOREIGN, False),
            (f"inflow_{definition}_of_non_citizens", arrived | NONCIT | VISITOR, False),
        )
    ),
]


@pytest.mark.parametrize(("universe", "differs", "is_counted"), CASES)
def test_who_is_counted(universe, differs, is_counted):
    person = PERSON | differs
    assert set(person) == set(PERSON)
    types = {str: "VARCHAR", bool: "BOOLEAN", type(None): "VARCHAR"}
    columns = ", ".join(f"?::{types[type(PERSON[name])]} AS {name}" for name in person)
    condition = load_universes()[universe].condition.sql()
    query = f"SELECT coalesce({condition}, FALSE) FROM (SELECT {columns})"
    assert duckdb.connect().execute(query, list(person.values())).fetchone() == (is_counted,)


CONCEPT = """[age]
kind = "number"
universe = "all"
origin = "source"
definition = "Age."
"""


@pytest.mark.parametrize(
    ("old", "new", "rule", "row"),
    [
        ('kind = "number"', 'kind = "integer"', "TOML_VALUE", 1),
        ('kind = "number"', 'kind = "code"', "TOML_VALUE", 1),
        ('universe = "all"\n', "", "TOML_VALUE", 1),
        ("[age]", "[age]\nlabel = 'Age'", "TOML_VALUE", 1),
        ('origin = "source"', 'origin = "source"\ncan_be_given = true', "TOML_VALUE", 1),
        ('origin = "source"', 'origin = "source"\nnullable = "yes"', "TOML_VALUE", 1),
        ('universe = "all"', 'universe = "everybody"', "UNIVERSE_UNKNOWN", 1),
        ('kind = "number"', 'kind = "code"\ncode_lists = ["AGES"]', "CODE_LIST_UNKNOWN", 1),
        ('"source"', '"source', "TOML_SYNTAX", 4),
        (CONCEPT, "", "TOML_VALUE", None),
    ],
)
def test_a_malformed_concept_is_refused(tmp_path, old, new, rule, row):
    path = tmp_path / "concepts.toml"
    path.write_text(CONCEPT.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_concepts([path], load_universes())
    (problem,) = caught.value.problems
    assert (problem.file, problem.row, problem.rule) == ("concepts.toml", row, rule)
    assert problem.remedy


UNIVERSE = """[grown_up]
condition = "age >= 15"
definition = "15 and over."

[old]
within = "grown_up"
condition = "age >= 65"
definition = "65 and over."
"""


def test_a_universe_within_another_meets_both_conditions(tmp_path):
    path = tmp_path / "universes.toml"
    path.write_text(UNIVERSE, encoding="utf-8")
    assert read_universes(path, {"age": "number"})["old"].condition.text == "(age >= 15) AND (age >= 65)"


@pytest.mark.parametrize(
    ("old", "new", "rule", "row"),
    [
        ("age >= 65", "years >= 65", "EXPRESSION_COLUMN", 5),
        ("age >= 65", "age", "EXPRESSION_KIND", 5),
        ("age >= 65", "age >= sqrt(16)", "EXPRESSION_REFUSED", 5),
        ('within = "grown_up"', 'within = "older"', "UNIVERSE_UNKNOWN", 5),
        ('"65 and over."', '""', "TOML_VALUE", 5),
        ('definition = "15 and over."', "", "TOML_VALUE", 1),
    ],
)
def test_a_malformed_universe_is_refused(tmp_path, old, new, rule, row):
    path = tmp_path / "universes.toml"
    path.write_text(UNIVERSE.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_universes(path, {"age": "number"})
    problem = caught.value.problems[0]
    assert (problem.file, problem.row, problem.rule) == ("universes.toml", row, rule)


def test_codes_are_text_in_conditions(tmp_path):
    path = tmp_path / "concepts.toml"
    path.write_text(CONCEPT + CONCEPT.replace("age", "sex").replace('"number"', '"code"\ncode_lists = ["SEX"]'))
    assert column_kinds([path]) == {"age": "number", "sex": "text"}


def test_a_file_that_is_missing_or_not_utf_8_is_refused(tmp_path):
    with pytest.raises(SpecError, match="gone.toml: TOML_NOT_FOUND"):
        parse_toml(tmp_path / "gone.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b'title = "A\xf1o"')
    with pytest.raises(SpecError, match="latin.toml: TOML_SYNTAX: not UTF-8"):
        parse_toml(path)
