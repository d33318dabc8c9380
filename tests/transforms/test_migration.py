"""Place of birth, citizenship, usual residence and the migrant worker, person by person."""

import duckdb
import pytest

from schemas.concepts import load_concepts
from schemas.periods import Period
from transforms import migration

AREA = "XAA"
CITIZENSHIPS = ("citizenship_1", "citizenship_2", "citizenship_3")


def evaluate(expression, **columns):
    """The value of one SQL expression for one person."""
    concepts = load_concepts()
    types = {"number": "DOUBLE", "boolean": "BOOLEAN"}
    names = ", ".join(f"?::{types.get(concepts[name].kind, 'VARCHAR')} AS {name}" for name in columns)
    row = duckdb.connect().execute(f"SELECT {expression} FROM (SELECT {names})", list(columns.values())).fetchone()
    return row[0]


@pytest.mark.parametrize(
    ("country", "place"),
    [
        ("XAA", "NATIVE"), ("FRA", "FOREIGN"), ("_FOREIGN", "FOREIGN"), ("AFR_OTHER", "FOREIGN"), ("_U", "X"),
        (None, "X"),
    ],
)  # fmt: skip
def test_place_of_birth(country, place):
    assert evaluate(migration.place_of_birth_sql(AREA), country_of_birth=country) == f"CBR_BIR_{place}"


@pytest.mark.parametrize(
    ("held", "status", "country"),
    [
        pytest.param(("XAA", None, None), "CITIZEN", "XAA", id="national"),
        pytest.param(("FRA", None, None), "NONCIT", "FRA", id="foreign"),
        pytest.param(("FRA", "XAA", None), "CITIZEN", "XAA", id="foreign and national"),
        pytest.param(("XAA", "FRA", None), "CITIZEN", "XAA", id="national and foreign"),
        pytest.param(("FRA", "DEU", "XAA"), "CITIZEN", "XAA", id="national third"),
        pytest.param(("FRA", "DEU", None), "NONCIT", "FRA", id="two foreign: the first"),
        pytest.param(("_STATELESS", None, None), "NONCIT", "_STATELESS", id="stateless"),
        pytest.param(("_U", None, None), "X", "_U", id="unknown"),
        pytest.param((None, None, None), "X", "_U", id="blank"),
        pytest.param(("_U", "_U", "_U"), "X", "_U", id="all unknown"),
        pytest.param(("_U", "FRA", None), "NONCIT", "FRA", id="first unknown, second foreign"),
        pytest.param(("_U", "XAA", None), "CITIZEN", "XAA", id="first unknown, second national"),
        pytest.param((None, None, "FRA"), "NONCIT", "FRA", id="third only"),
        pytest.param(("_FOREIGN", None, None), "NONCIT", "_FOREIGN", id="foreign, country not specified"),
    ],
)
def test_citizenship(held, status, country):
    columns = dict(zip(CITIZENSHIPS, held, strict=True))
    found = evaluate(migration.citizenship_status_sql(AREA, CITIZENSHIPS), **columns)
    assert found == f"CCT_CIT_{status}"
    expression = migration.country_of_citizenship_sql(AREA, CITIZENSHIPS)
    assert evaluate(expression, citizenship_status=found, **columns) == country


def test_one_citizenship_asked():
    for country, status in (("XAA", "CITIZEN"), ("FRA", "NONCIT"), ("_U", "X")):
        found = evaluate(migration.citizenship_status_sql(AREA, ["citizenship_1"]), citizenship_1=country)
        assert found == f"CCT_CIT_{status}"


def test_a_stateless_person_born_here_is_native_and_no_citizen():
    person = {"country_of_birth": "XAA", "citizenship_1": "_STATELESS"}
    assert evaluate(migration.place_of_birth_sql(AREA), **person) == "CBR_BIR_NATIVE"
    assert evaluate(migration.citizenship_status_sql(AREA, ["citizenship_1"]), **person) == "CCT_CIT_NONCIT"


@pytest.mark.parametrize(
    ("stay", "intended", "threshold", "status"),
    [
        pytest.param(11, 12, 12, "RES_USUAL", id="11 months, intends 12"),
        pytest.param(11, 24, 12, "RES_USUAL", id="11 months, intends 24"),
        pytest.param(11, 11.5, 12, "RES_PRESENT_NON_RESIDENT", id="11 months, intends 11.5"),
        pytest.param(12, 12, 12, "RES_USUAL", id="exactly 12"),
        pytest.param(12, 3, 12, "RES_USUAL", id="12 months, intention shorter than the stay"),
        pytest.param(None, 3, 12, "RES_USUAL", id="stay unknown"),
        pytest.param(3, None, 12, "RES_USUAL", id="intention unknown"),
        pytest.param(None, None, 12, "RES_USUAL", id="both unknown"),
        pytest.param(5, 5, 6, "RES_PRESENT_NON_RESIDENT", id="5 months under the 6-month rule"),
        pytest.param(6, 6, 6, "RES_USUAL", id="6 months under the 6-month rule"),
    ],
)
def test_usual_residence(stay, intended, threshold, status):
    expression = migration.residence_status_sql(("months_of_stay", "intended_stay_months"), threshold)
    assert evaluate(expression, months_of_stay=stay, intended_stay_months=intended) == status


def test_who_is_listed_is_a_usual_resident_where_stay_is_not_asked():
    for asked in ((), ("months_of_stay",), ("intended_stay_months",)):
        expression = migration.residence_status_sql(asked, 12)
        assert evaluate(expression, months_of_stay=1, intended_stay_months=1) == "RES_USUAL"


@pytest.mark.parametrize(
    ("period", "year", "month", "months"),
    [
        ("2024-Q1", 2024, 3, 0), ("2024-Q1", 2023, 3, 12), ("2024-Q1", 2023, 4, 11), ("2024-Q4", 2024, 1, 11),
        ("2024-Q4", 2014, 12, 120), ("2024-Q1", 2024, 9, 0), ("2024", 2023, None, 18), ("2024-S1", 2024, None, 0),
    ],
)  # fmt: skip
def test_months_of_stay(period, year, month, months):
    expression = migration.months_of_stay_sql(Period.parse(period), ("arrival_year", "arrival_month"))
    assert evaluate(expression, arrival_year=year, arrival_month=month) == months


def test_months_of_stay_by_year_alone_counts_from_the_middle_of_the_year():
    expression = migration.months_of_stay_sql(Period.parse("2024-Q4"), ("arrival_year",))
    assert evaluate(expression, arrival_year=2023) == 18
    assert evaluate(expression, arrival_year=None) is None


WORKER = {
    "is_working_age": True, "residence_status": "RES_USUAL", "labour_force_status": "LMS_STATUS_EMP",
    "place_of_birth": "CBR_BIR_FOREIGN", "citizenship_status": "CCT_CIT_NONCIT",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "by_birth", "by_citizenship"),
    [
        pytest.param({}, True, True, id="employed migrant"),
        pytest.param({"labour_force_status": "LMS_STATUS_UNE"}, True, True, id="unemployed migrant"),
        pytest.param({"labour_force_status": "LMS_STATUS_EIP"}, False, False, id="outside the labour force"),
        pytest.param({"labour_force_status": None}, False, False, id="no status"),
        pytest.param({"is_working_age": False}, False, False, id="child"),
        pytest.param({"residence_status": "RES_PRESENT_NON_RESIDENT"}, False, False, id="category (b)"),
        pytest.param({"place_of_birth": "CBR_BIR_NATIVE"}, False, True, id="native-born foreigner"),
        pytest.param({"citizenship_status": "CCT_CIT_CITIZEN"}, True, False, id="naturalised"),
        pytest.param({"place_of_birth": "CBR_BIR_X", "citizenship_status": "CCT_CIT_X"}, False, False, id="unknown"),
    ],
)
def test_migrant_worker(change, by_birth, by_citizenship):
    person = WORKER | change
    assert evaluate(migration.migrant_worker_sql("birth"), **person) is by_birth
    assert evaluate(migration.migrant_worker_sql("citizenship"), **person) is by_citizenship
