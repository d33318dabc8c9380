"""Harmonisation of inline surveys: ages, arrivals, residence and scopes beside what they must become."""

import pytest

from schemas.concepts import load_concepts
from tests.transforms.demo import BUILDING_BLOCKS, CODES, DECLARED, RULES, YES_NO

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


@pytest.mark.parametrize(("declared_icls", "is_there"), [("13", True), ("19", False)])
def test_a_declared_status_of_the_19th_icls_is_none_of_the_13th(survey, declared_icls, is_there):
    demo = survey(
        BLOCKS | {"declared_labour_force_status": '{variable = "d"}'},
        BLOCK_FILES | {"codes/declared_labour_force_status.csv": CODES + "1,,LMS_STATUS_EMP,,,\n"},
        layout=(*BLOCK_LAYOUT, "d"),
        labour_force=BUILDING_BLOCKS.format("reason") + f'\ndeclared_icls = "{declared_icls}"',
    )
    assert ("labour_force_status_icls13" in demo.plan.columns) == is_there
    assert {"labour_force_status_icls19", "declared_labour_force_status"} <= set(demo.plan.columns)


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
