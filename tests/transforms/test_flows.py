"""Recent arrivals, returns, work across the border and recruitment costs, person by person through one survey."""

from itertools import product

import pytest

from tests.transforms.demo import BUILDING_BLOCKS, CODES, DECLARED, YES_NO
from transforms import flows

COUNTRY = '{{variable = "{}", codes = "@ISO3"}}'
STATED = CODES + ",,_U,,,\n"
NULLABLE = CODES + ",,NULL,,,\n?,,_U,,,\n"

#: concept -> its line, its variable and its own table of codes.
QUESTIONS = {
    "country_of_birth": (COUNTRY.format("birth"), "birth", STATED),
    "citizenship_1": (COUNTRY.format("citizen"), "citizen", STATED),
    "citizenship_2": (COUNTRY.format("second"), "second", NULLABLE),
    "citizenship_at_birth": (COUNTRY.format("at_birth"), "at_birth", STATED),
    "arrival_year": ('{variable = "year"}', "year", None),
    "arrival_month": ('{variable = "month"}', "month", None),
    "intended_stay_months": ('{variable = "intends"}', "intends", None),
    "months_of_stay": ('{expression = "to_number(years) * 12"}', "years", None),
    "country_of_previous_residence": (COUNTRY.format("came_from"), "came_from", STATED),
    "residence_one_year_ago": (COUNTRY.format("one_ago"), "one_ago", STATED + "?,,_FOREIGN,,,\n"),
    "residence_five_years_ago": (COUNTRY.format("five_ago"), "five_ago", NULLABLE),
    "migration_reason": ('{variable = "why"}', "why", CODES + "job,,REASON_JOB,,,\nseek,,REASON_JOB_SEARCH,,,\n"
                         "family,,REASON_FAMILY,,,\n,,REASON_X,,,\n"),
    "worked_abroad": ('{variable = "worked"}', "worked", YES_NO + ",,NULL,,,\n"),
    "months_worked_abroad": ('{variable = "worked_months"}', "worked_months", None),
    "return_year": ('{variable = "back"}', "back", None),
    "return_month": ('{variable = "back_month"}', "back_month", None),
    "declared_labour_force_status": ('{variable = "status"}', "status",
                                     CODES + "E,,LMS_STATUS_EMP,,,\nU,,LMS_STATUS_UNE,,,\nO,,LMS_STATUS_EIP,,,\n"),
    "job_search": ('{variable = "seeks"}', "seeks", YES_NO + ",,FALSE,,,\n"),
    "country_of_work": (COUNTRY.format("works_in"), "works_in", STATED),
    "recruitment_cost": ('{variable = "cost"}', "cost", None),
    "first_month_earnings": ('{variable = "earned"}', "earned", None),
    "residence_status": ('{variable = "lives"}', "lives",
                         CODES + "here,,RES_USUAL,,,\nvisits,,RES_PRESENT_NON_RESIDENT,,,\n"),
}  # fmt: skip
#: What is told where a test says nothing.
USUAL = {"w": "1", "s": "1", "a": "30", "birth": "XAA", "citizen": "XAA", "status": "E"}
INFLOWS = (*sorted(flows.INFLOW_DEFINITIONS), "is_inflow_reference_period")


def asked(survey, *names, period="2024-Q2", parameters="", **kept):
    """The survey that asks some questions, and a function that harmonises persons."""
    variables = {"w", "s", "a", *(QUESTIONS[name][1] for name in names)}
    columns = tuple(sorted(variables))
    demo = survey(
        {name: QUESTIONS[name][0] for name in names},
        {f"codes/{name}.csv": QUESTIONS[name][2] for name in names if QUESTIONS[name][2]},
        layout=columns,
        period=period,
        labour_force=(DECLARED if "declared_labour_force_status" in names else "") + parameters,
        **kept,
    )

    def people(wanted, *persons):
        values = [tuple((USUAL | person).get(column, "") for column in columns) for person in persons]
        found = demo.rows(columns, values, wanted)
        return [row[0] for row in found] if len(wanted) == 1 else found

    return demo, people


def of_each(people, wanted, base, cases):
    """What is found for each named person, and what is expected of it: one run for all."""
    found = people(wanted, *(base | person for person, *_ in cases.values()))
    expected = {name: tuple(case[1:]) if len(wanted) > 1 else case[1] for name, case in cases.items()}
    return dict(zip(cases, found, strict=True)), expected


def year_and_month(told):
    year, _, month = told.partition("-")
    return {"year": year, "month": month}


# --- recent inflow -------------------------------------------------------------------------------

ARRIVALS = ("country_of_birth", "arrival_year", "arrival_month", "residence_one_year_ago")


def test_each_definition_of_a_recent_inflow_counts_others(survey):
    """Standards 8.11: one file, four definitions, four figures."""
    _, people = asked(survey, *ARRIVALS)
    persons = [
        {"w": "1", "one_ago": "XAA"} | year_and_month("2023-03"),
        {"w": "2", "one_ago": "FRA"} | year_and_month("2023-10"),
        {"w": "4", "one_ago": "FRA"} | year_and_month("2024-05"),
        {"w": "8", "one_ago": "XAA"} | year_and_month("2024-02"),
        {"w": "16", "one_ago": "XAA"} | year_and_month("2010-05"),
    ]
    rows = people(("weight", *INFLOWS), *({"birth": "FRA"} | person for person in persons))
    totals = {name: sum(row[0] for row in rows if row[index]) for index, name in enumerate(INFLOWS, start=1)}
    assert totals == {
        "is_inflow_calendar_year": 3,
        "is_inflow_twelve_months": 14,
        "is_inflow_residence_one_year_ago": 6,
        "is_inflow_reference_period": 4,
    }


#: Period -> arrival told -> in the calendar year before, in the last twelve months, in the period.
DATES = {
    "2024-Q2": {
        "2023-06": (True, False, False), "2023-07": (True, True, False), "2024-03": (False, True, False),
        "2024-04": (False, True, True), "2024-06": (False, True, True), "2022-12": (False, False, False),
        # The year alone tells it unless the window begins within that year.
        "2023": (True, None, False), "2024": (False, True, None), "2022": (False, False, False),
        # A month that is none, a month after the period and a year after it are not stated.
        "2023-13": (True, None, False), "2024-09": (False, True, None), "2025-01": (None, None, None),
        "": (None, None, None),
    },
    "2024-Q1": {"2024": (False, True, True), "2023-03": (True, False, False), "2023-04": (True, True, False)},
    "2024-Q4": {"2023": (True, False, False), "2023-12": (True, False, False), "2024-01": (False, True, False)},
    "2024": {"2024": (False, True, True), "2023-12": (True, False, False)},
    "2024-M11": {"2023": (True, None, False), "2023-12": (True, True, False), "2023-11": (True, False, False)},
}  # fmt: skip


@pytest.mark.parametrize("period", DATES)
def test_dates_of_arrival(survey, period):
    _, people = asked(survey, "country_of_birth", "arrival_year", "arrival_month", period=period)
    names = ("is_inflow_calendar_year", "is_inflow_twelve_months", "is_inflow_reference_period", "is_recent_inflow")
    rows = people(names, *({"birth": "FRA"} | year_and_month(told) for told in DATES[period]))
    assert dict(zip(DATES[period], rows, strict=True)) == {
        told: (*expected, expected[1]) for told, expected in DATES[period].items()
    }


def test_residence_one_year_ago(survey):
    _, people = asked(survey, "residence_one_year_ago")
    cases = {"abroad": ({"one_ago": "FRA"}, True, True), "here": ({"one_ago": "XAA"}, False, False),
             "unknown": ({"one_ago": ""}, None, None), "abroad, somewhere": ({"one_ago": "?"}, True, True)}  # fmt: skip
    found, expected = of_each(people, ("is_inflow_residence_one_year_ago", "is_recent_inflow"), {}, cases)
    assert found == expected


def test_completed_years_of_stay_tell_the_last_twelve_months(survey):
    demo, people = asked(survey, "country_of_birth", "months_of_stay")
    wanted = ("is_inflow_twelve_months", "stay_band", "has_arrived_from_abroad", "age_at_arrival")
    foreign = {"birth": "FRA"}
    persons = [person | {"years": years} for person in (foreign, {}) for years in ("0", "1", "30", "")]
    assert people(wanted, *persons) == [
        (True, "STY_BANDS_MLT12", True, 30), (False, "STY_BANDS_M12-59", True, 29),
        (False, "STY_BANDS_MGE120", True, 0), (None, "STY_BANDS_X", True, None),
        (True, "STY_BANDS_MLT12", True, 30), (False, "STY_BANDS_M12-59", True, 29),
        (False, None, False, None), (False, None, False, None),
    ]  # fmt: skip
    assert "is_inflow_calendar_year" not in demo.plan.columns


def test_only_usual_residents_who_arrived_are_inflow(survey):
    _, people = asked(survey, *ARRIVALS, "residence_status")
    arrival = year_and_month("2024-05") | {"one_ago": "FRA"}
    persons = [{"birth": "FRA", "lives": "here"} | arrival, {"birth": "FRA", "lives": "visits"} | arrival]
    assert people(("is_recent_inflow", *INFLOWS), *persons) == [
        (True, False, True, True, True),
        (False, False, False, False, False),
    ]
    assert people(("is_recent_inflow", *INFLOWS), {"lives": "here", "one_ago": "XAA"}) == [(False,) * 5]


@pytest.mark.parametrize(
    ("questions", "definition"),
    [
        (ARRIVALS, "is_inflow_twelve_months"),
        (("country_of_birth", "arrival_year", "residence_one_year_ago"), "is_inflow_residence_one_year_ago"),
        (("country_of_birth", "arrival_year"), "is_inflow_calendar_year"),
        (("country_of_birth", "residence_one_year_ago"), "is_inflow_residence_one_year_ago"),
        (("country_of_birth", "months_of_stay"), "is_inflow_twelve_months"),
        (("country_of_birth",), None),
    ],
)
def test_the_best_definition_collected_makes_the_recent_inflow(survey, questions, definition):
    demo, _ = asked(survey, *questions)
    assert flows.inflow_definition(demo.plan.columns) == definition
    assert ("is_recent_inflow" in demo.plan.columns) == (definition is not None)
    is_dated = {"arrival_year", "arrival_month"} <= set(questions)
    assert ("is_inflow_reference_period" in demo.plan.columns) == is_dated


# --- for-work migrants ---------------------------------------------------------------------------

WORK = ("country_of_birth", "citizenship_1", "arrival_year", "migration_reason", "declared_labour_force_status")
#: Arrivals of the calendar year before 2024-Q2, and earlier ones.
NEW, OLD = "2023", "2015"


def test_for_work_migrants_and_migrant_workers_overlap_in_both_directions(survey):
    """Every combination against the two definitions in words: neither concept lies within the other."""
    _, people = asked(survey, *WORK)
    places, ages, years = ("XAA", "FRA"), ("14", "15", "64", "80"), (NEW, OLD)
    reasons, statuses = ("job", "seek", "family", ""), ("E", "U", "O")
    combinations = list(product(places, places, ages, years, reasons, statuses))
    rows = people(
        ("is_for_work_migrant", "is_migrant_worker_by_birth", "is_migrant_worker_by_citizenship"),
        *(
            dict(zip(("birth", "citizen", "a", "year", "why", "status"), answers, strict=True))
            for answers in combinations
        ),
    )
    seen = set()
    for (birth, citizen, age, year, why, status), found in zip(combinations, rows, strict=True):
        adult, active = int(age) >= 15, status in ("E", "U")
        came = year == NEW and adult and "FRA" in (birth, citizen)
        for_work = (None if why == "" else why in ("job", "seek")) if came else False
        by_birth, by_citizenship = adult and active and birth == "FRA", adult and active and citizen == "FRA"
        assert found == (for_work, by_birth, by_citizenship)
        seen.add((bool(for_work), by_birth or by_citizenship, why, status))
    assert (True, False, "job", "O") in seen  # came to work, is outside the labour force now
    assert (False, True, "family", "E") in seen  # came for family, works now
    assert (True, True, "seek", "U") in seen


def test_who_came_for_work(survey):
    _, people = asked(survey, *WORK)
    cases = {
        "foreign-born non-citizen": ({}, True),
        "foreign-born citizen": ({"citizen": "XAA"}, True),
        "native-born non-citizen": ({"birth": "XAA"}, True),
        "neither": ({"birth": "XAA", "citizen": "XAA"}, False),
        "birth unknown": ({"birth": "", "citizen": "XAA"}, None),
        "both unknown": ({"birth": "", "citizen": ""}, None),
        "birth unknown, non-citizen": ({"birth": "", "citizen": "FRA"}, True),
        "for family": ({"why": "family"}, False),
        "reason unknown": ({"why": ""}, None),
        "child": ({"why": "", "a": "14"}, False),
        "long ago": ({"year": OLD}, False),
        "arrival unknown": ({"year": ""}, None),
    }
    found, expected = of_each(
        people, ("is_for_work_migrant",), {"birth": "FRA", "citizen": "FRA", "year": NEW, "why": "job"}, cases
    )
    assert found == expected


@pytest.mark.parametrize("criterion", ["country_of_birth", "citizenship_1"])
def test_one_criterion_is_enough_to_be_asked(survey, criterion):
    _, people = asked(survey, criterion, "arrival_year", "migration_reason")
    foreign = {"birth": "FRA", "citizen": "FRA", "year": NEW, "why": "seek"}
    assert people(("is_for_work_migrant",), foreign) == [True]


# --- returns -------------------------------------------------------------------------------------

RETURNS = ("country_of_birth", "citizenship_1", "worked_abroad", "declared_labour_force_status")


def test_return_workers_whatever_citizenship_birth_and_status(survey):
    _, people = asked(survey, *RETURNS)
    combinations = list(product(("XAA", "FRA"), ("XAA", "FRA"), ("E", "U", "O"), ("1", "2", "")))
    persons = [dict(zip(("birth", "citizen", "status", "worked"), one, strict=True)) for one in combinations]
    expected = [{"1": True, "2": False, "": None}[worked] for *_, worked in combinations]
    assert people(("is_return_migrant_worker",), *persons) == expected
    assert people(("is_return_migrant_worker",), {"worked": "1", "a": "14"}) == [False]


MINIMUM, WITHIN = "return_minimum_months = 6", "return_within_months = 12"
#: Parameters -> what a person who worked abroad tells, and whether that makes a return worker.
RETURN_CASES = {
    "": {"a month": ({"worked_months": "1"}, True), "nothing": ({}, True)},
    MINIMUM: {
        "six months": ({"worked_months": "6"}, True),
        "five months": ({"worked_months": "5"}, False),
        "not stated": ({}, None),
    },
    WITHIN: {
        "July": ({"back": "2023", "back_month": "7"}, True),
        "June": ({"back": "2023", "back_month": "6"}, False),
        "month not stated": ({"back": "2023"}, None),
        "this year": ({"back": "2024"}, True),
        "two years ago": ({"back": "2022"}, False),
        "year of return not stated, arrival": ({"year": "2023", "month": "7"}, True),
        "after the period": ({"back": "2025", "back_month": "1"}, None),
        "not stated": ({}, None),
    },
    "return_within_months = 24": {"two years ago, July": ({"back": "2022", "back_month": "7"}, True)},
    f"{MINIMUM}\n{WITHIN}": {
        "both": ({"worked_months": "6", "back": "2024"}, True),
        "too short, return not stated": ({"worked_months": "3"}, False),
    },
}


@pytest.mark.parametrize("parameters", RETURN_CASES)
def test_parameters_of_return(survey, parameters):
    questions = (*RETURNS, "months_worked_abroad", "return_year", "return_month", "arrival_year", "arrival_month")
    _, people = asked(survey, *questions, parameters=f"\n\n[migration]\n{parameters}\n")
    found, expected = of_each(people, ("is_return_migrant_worker",), {"worked": "1"}, RETURN_CASES[parameters])
    assert found == expected


CITIZENS = (*RETURNS, "citizenship_2", "arrival_year", "country_of_previous_residence")
BACK = {"year": NEW, "came_from": "FRA"}


def test_returned_citizens(survey):
    _, people = asked(survey, *CITIZENS)
    cases = {
        "native-born citizen": ({}, True),
        "dual citizen": ({"citizen": "FRA", "second": "XAA"}, True),
        "native-born non-citizen": ({"citizen": "FRA"}, False),
        "foreign-born citizen: may be a first arrival": ({"birth": "FRA"}, False),
        "came back long ago": ({"year": OLD}, False),
        "unknown country": ({"came_from": ""}, True),
        "moved within the country": ({"came_from": "XAA"}, False),
        "citizenship unknown": ({"citizen": ""}, None),
        "place of birth unknown": ({"birth": ""}, None),
    }
    found, expected = of_each(people, ("is_returned_citizen",), BACK, cases)
    assert found == expected


def test_a_naturalised_first_arrival_is_no_returnee(survey):
    _, people = asked(survey, *CITIZENS, "citizenship_at_birth", "residence_five_years_ago")
    cases = {
        "citizen by birth, born abroad": ({"at_birth": "XAA"}, True),
        "naturalised first arrival": ({"at_birth": "FRA"}, False),
        "naturalised, lived here five years ago": ({"at_birth": "FRA", "five_ago": "XAA"}, True),
        "naturalised, lived there five years ago": ({"at_birth": "FRA", "five_ago": "FRA"}, False),
        "citizenship at birth unknown": ({"at_birth": ""}, None),
    }
    found, expected = of_each(people, ("is_returned_citizen",), {"birth": "FRA"} | BACK, cases)
    assert found == expected


def test_returned_citizens_by_residence_one_year_ago(survey):
    _, people = asked(survey, "country_of_birth", "citizenship_1", "residence_one_year_ago")
    persons = [{"one_ago": "FRA"}, {"one_ago": "XAA"}, {"one_ago": ""}, {"one_ago": "FRA", "birth": "FRA"}]
    assert people(("is_returned_citizen",), *persons) == [True, False, None, False]


def test_returned_workers_need_not_be_citizens_and_returned_citizens_need_not_have_worked(survey):
    """Standards 8.10."""
    _, people = asked(survey, *CITIZENS)
    persons = [{"citizen": "FRA", "worked": "1"} | BACK, {"worked": "2"} | BACK, {"worked": "1"} | BACK]
    wanted = ("is_return_migrant_worker", "is_returned_citizen")
    assert people(wanted, *persons) == [(True, False), (False, True), (True, True)]


# --- stay and citizenship ------------------------------------------------------------------------


def test_length_of_stay_and_age_at_arrival(survey):
    _, people = asked(survey, "country_of_birth", "arrival_year", "arrival_month")
    told = {
        "2023-07": ("MLT12", 29), "2023-06": ("M12-59", 29), "2019-07": ("M12-59", 25), "2019-06": ("M60-119", 25),
        "2014-07": ("M60-119", 20), "2014-06": ("MGE120", 20), "2024-06": ("MLT12", 30), "1993-07": ("MGE120", 0),
        "1993-06": ("MGE120", None), "": ("X", None),
    }  # fmt: skip
    rows = people(("stay_band", "age_at_arrival"), *({"birth": "FRA"} | year_and_month(arrival) for arrival in told))
    assert rows == [(f"STY_BANDS_{band}", age) for band, age in told.values()]
    assert people(("stay_band", "age_at_arrival"), {"birth": "XAA"}) == [(None, None)]


def test_age_at_arrival_from_the_year_of_birth_where_only_bands_of_age_are_asked(survey):
    demo = survey(
        {
            "age_5yr_band": '{variable = "band"}',
            "birth_year": '{variable = "born"}',
            "country_of_birth": COUNTRY.format("birth"),
            "arrival_year": '{variable = "year"}',
        },
        {"codes/age_5yr_band.csv": CODES + "6,,AGE_5YRBANDS_Y30-34,,,\n"},
        layout=("w", "s", "a", "band", "born", "birth", "year"),
        age=None,
    )
    values = [("1", "1", "", "6", "1992", "FRA", year) for year in ("1992", "2010", "1990", "")]
    found = demo.rows(("w", "s", "a", "band", "born", "birth", "year"), values, ("age_at_arrival",))
    assert found == [(0,), (18,), (None,), (None,)]


def test_naturalised(survey):
    _, people = asked(survey, "citizenship_1", "citizenship_2", "citizenship_at_birth")
    told = {
        ("XAA", "", "FRA"): True, ("XAA", "", "XAA"): False, ("FRA", "XAA", "FRA"): True, ("FRA", "", "FRA"): False,
        ("XAA", "", ""): False, ("", "", "FRA"): False,
    }  # fmt: skip
    persons = [dict(zip(("citizen", "second", "at_birth"), answers, strict=True)) for answers in told]
    assert people(("is_naturalised",), *persons) == list(told.values())


# --- work across the border ----------------------------------------------------------------------

BORDER = ("declared_labour_force_status", "country_of_work", "residence_status")


def test_work_across_the_border(survey):
    _, people = asked(survey, *BORDER)
    cases = {
        "resident, works abroad": ({"works_in": "FRA"}, True, False),
        "resident, works here": ({"works_in": "XAA"}, False, False),
        "resident, country unknown": ({"works_in": ""}, None, False),
        "resident, unemployed": ({"status": "U"}, None, False),
        "visitor, works here": ({"lives": "visits", "works_in": "XAA"}, None, True),
        "visitor, works abroad": ({"lives": "visits", "works_in": "FRA"}, None, False),
        "visitor, country unknown": ({"lives": "visits", "works_in": ""}, None, None),
        "visitor, seeks work": ({"lives": "visits", "status": "U"}, None, True),
        "visitor, outside the labour force": ({"lives": "visits", "status": "O"}, None, False),
        "visiting child": ({"lives": "visits", "status": "E", "a": "14"}, None, False),
    }
    found, expected = of_each(people, ("works_abroad", "is_non_resident_foreign_worker"), {"lives": "here"}, cases)
    assert found == expected


def test_who_seeks_work_here_need_not_be_available(survey):
    _, people = asked(survey, "declared_labour_force_status", "residence_status", "job_search")
    visitor = {"lives": "visits", "status": "O"}
    persons = [visitor | {"seeks": "1"}, visitor | {"seeks": "2"}, visitor | {"status": "U", "seeks": "2"}]
    assert people(("is_non_resident_foreign_worker",), *persons) == [True, False, False]


@pytest.mark.parametrize(
    ("questions", "by_design", "is_there"),
    [
        (("residence_status",), "true", True),
        (("country_of_birth", "arrival_year", "intended_stay_months"), "false", True),
        (("country_of_birth", "arrival_year", "intended_stay_months"), "true", False),
        (("country_of_birth", "arrival_year"), "false", False),
    ],
)
def test_category_b_is_there_where_residents_are_told_from_visitors(survey, questions, by_design, is_there):
    demo, _ = asked(survey, *questions, "declared_labour_force_status", by_design=by_design)
    assert ("is_non_resident_foreign_worker" in demo.plan.columns) == is_there


@pytest.mark.parametrize("icls", ["19", "13"])
def test_waiting_to_migrate_is_kept_whatever_the_icls(survey, icls):
    names = ("worked_one_hour", "job_search", "available", "waiting_to_migrate")
    concepts = {name: f'{{variable = "{name}"}}' for name in names}
    files = {f"codes/{name}.csv": YES_NO + ",,FALSE,,,\n" for name in names}
    status = "declared_labour_force_status"
    demo = survey(
        concepts | {status: QUESTIONS[status][0]},
        files | {f"codes/{status}.csv": QUESTIONS[status][2]},
        layout=("w", "s", "a", *names, "status"),
        labour_force=BUILDING_BLOCKS.format("full").replace('"19"', f'"{icls}"'),
    )
    columns = ("w", "s", "a", "status", *names)
    values = [("1", "1", "30", "O", "2", "2", "2", "1"), ("1", "1", "30", "O", "2", "2", "2", "2"),
              ("1", "1", "30", "E", "1", "2", "2", "1"), ("1", "1", "9", "O", "2", "2", "2", "1")]  # fmt: skip
    found = demo.rows(columns, values, ("labour_force_status", "is_waiting_to_migrate_for_work"))
    waits = "LMS_STATUS_UNE" if icls == "19" else "LMS_STATUS_EIP"
    assert found[:3] == [(waits, True), ("LMS_STATUS_EIP", False), ("LMS_STATUS_EMP", False)]
    assert found[3][1] is None


# --- recruitment cost ----------------------------------------------------------------------------

COSTS = ("recruitment_cost", "first_month_earnings")


def test_recruitment_cost_in_months_of_earnings(survey):
    _, people = asked(survey, *COSTS)
    told = {
        ("300", "150"): 2.0, ("0", "150"): 0.0, ("300", "0"): None, ("300", "-1"): None, ("300", ""): None,
        ("", "150"): None, ("-1", "150"): None,
    }  # fmt: skip
    persons = [{"cost": cost, "earned": earned} for cost, earned in told]
    assert people(("recruitment_cost_ratio",), *persons) == list(told.values())


def ratio_of_totals(rows):
    """Costs over earnings, both weighted, of those who have a ratio."""
    told = [(weight, cost, earned) for weight, cost, earned, ratio in rows if ratio is not None]
    return sum(weight * cost for weight, cost, _ in told) / sum(weight * earned for weight, _, earned in told)


def test_ratio_of_totals_of_a_published_survey(survey):
    """Standards 6.1: returned workers of the Lao labour force survey of 2017, totals of men and women."""
    _, people = asked(survey, *COSTS)
    totals = {"1": (3_946_239, 12_158_304), "2": (2_897_401, 8_708_444)}
    persons = [
        person
        for sex, (cost, earned) in totals.items()
        for person in (
            {"s": sex, "w": "2", "cost": f"{(cost - 1000) / 2:.1f}", "earned": f"{(earned - 4000) / 2:.1f}"},
            {"s": sex, "w": "1", "cost": "1000", "earned": "3000"},
            {"s": sex, "w": "1", "cost": "0", "earned": "1000"},
            {"s": sex, "w": "5", "cost": "700", "earned": "0"},
            {"s": sex, "w": "5", "cost": "", "earned": "900"},
        )
    ]
    rows = people(("sex", "weight", *COSTS, "recruitment_cost_ratio"), *persons)
    published = {"SEX_T": 0.32797, "SEX_M": 0.32457, "SEX_F": 0.33271}
    for sex, figure in published.items():
        assert round(ratio_of_totals([row[1:] for row in rows if sex in ("SEX_T", row[0])]), 5) == figure


def test_what_is_not_asked_is_absent(survey):
    demo, _ = asked(survey, "country_of_birth", "citizenship_1")
    assert {derived.column for derived in flows.DERIVED} & set(demo.plan.columns) == set()
