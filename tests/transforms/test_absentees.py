"""Absent members of households: hand-made lists through the SQL of a specification."""

import duckdb
import pytest

from schemas.concepts import load_absentee_concepts, load_absentee_universes
from schemas.periods import Period
from tests.transforms.demo import CODES, YES_NO, quoted
from transforms.absentees import absentee_plan, outflow_definition, taken_from_household

ABSENT_PART = '[[file]]\nname = "absent"\nunit = "absentee"\nformat = "csv"\n\n'
#: Variables of the list of absent members, in the order of its rows.
LIST = (
    "house",
    "number",
    "sex",
    "age",
    "citizen",
    "lives",
    "gone",
    "gone_month",
    "intends",
    "why",
    "works",
    "job",
    "w",
)
CONCEPTS = {
    "household_id": '{variable = "house"}',
    "sex": '{variable = "sex"}',
    "age": '{variable = "age", missing = ["99"]}',
    "citizenship_1": '{variable = "citizen"}',
    "country_of_residence": '{variable = "lives", codes = "@ISO3"}',
    "departure_year": '{variable = "gone", missing = ["9999"]}',
    "departure_month": '{variable = "gone_month", missing = ["99"]}',
    "departure_reason": '{variable = "why"}',
    "is_employed_abroad": '{variable = "works"}',
    "occupation": '{variable = "job", codes = "@ISCO08_MAJOR", classification = "OCU_ISCO08"}',
}
TABLES = {
    "sex": CODES + "1,,SEX_M,,,\n2,,SEX_F,,,\n",
    "citizenship_1": CODES + "1,,XAA,,,\n2,,_FOREIGN,,,\n,,_U,,,\n",
    "departure_reason": CODES + "1,,REASON_JOB,,,\n2,,REASON_JOB_SEARCH,,,\n3,,REASON_FAMILY,,,\n,,REASON_X,,,\n",
    "is_employed_abroad": YES_NO + "9,,NULL,,,\n",
    "country_of_residence": CODES + ",,_U,,,\n",
}
MEMBER = {"house": "H1", "sex": "1", "age": "30", "citizen": "1", "lives": "FRA", "gone": "2023", "gone_month": "9",
          "why": "1", "works": "1", "job": "5"}  # fmt: skip
#: household, weight, stratum, psu, exclusion
HOUSEHOLDS = (("H1", 100.0, "S1", "P1", None), ("H1", 100.0, "S1", "P1", None))


@pytest.fixture
def listed(survey):
    """Build a survey with a list of absent members; return its specification, plan, and how members come out."""

    def make(changes=None, where="", period="2024-Q2", part="absent", persons=None, tables=None, **kept):
        lines = {name: line for name, line in (CONCEPTS | (changes or {})).items() if line}
        section = f'[absentees]\nfile = "{part}"\n' + (f"where = {quoted(where)}\n" if where else "")
        section += "\n[absentees.concepts]\n" + "\n".join(f"{name} = {line}" for name, line in lines.items()) + "\n\n"
        of_person = {"household_id": '{variable = "h"}', "stratum": '{variable = "st"}', "psu": '{variable = "p"}'}
        rows = "".join(f"{name},,,,\n" for name in ("w0", "s0", "a0", "h", "st", "p"))
        rows += "".join(f"{name},,,,{'absent' if part == 'absent' else ''}\n" for name in LIST)
        demo = survey(
            of_person | {"weight": '{variable = "w0"}', "sex": '{variable = "s0"}', "age": '{variable = "a0"}'}
            | (persons or {}),
            {"layout.csv": "variable,label,start,width,file\n" + rows}
            | {f"absentees/codes/{name}.csv": text for name, text in TABLES.items() if name in lines}
            | (tables or {}),
            labour_force=(ABSENT_PART if part == "absent" else "") + section,
            **kept,
        )  # fmt: skip
        plan = absentee_plan(demo.spec, load_absentee_concepts(), Period.parse(period))

        def members(wanted, *people, households=HOUSEHOLDS):
            connection = duckdb.connect()
            columns = ", ".join(f"{name} VARCHAR" for name in (*LIST, "w0", "s0", "a0", "h", "st", "p"))
            connection.execute(f"CREATE TABLE raw_absentees (row_number BIGINT, {columns})")
            connection.execute(
                "CREATE TABLE harmonised_persons (household_id VARCHAR, weight DOUBLE, stratum VARCHAR, psu VARCHAR, "
                "exclusion VARCHAR)"
            )
            for number, person in enumerate(people, start=1):
                told = MEMBER | person
                names, marks = ", ".join(["row_number", *told]), ", ".join("?" * (len(told) + 1))
                connection.execute(f"INSERT INTO raw_absentees ({names}) VALUES ({marks})", [number, *told.values()])
            connection.executemany("INSERT INTO harmonised_persons VALUES (?, ?, ?, ?, ?)", households)
            found = connection.execute(f"SELECT {', '.join(wanted)} FROM ({plan.sql}) ORDER BY row_number").fetchall()
            return [row[0] for row in found] if len(wanted) == 1 else found

        return demo.spec, plan, members

    return make


def test_what_a_list_gives(listed):
    spec, plan, members = listed()
    order = list(load_absentee_concepts())
    assert list(plan.columns) == sorted(plan.columns, key=order.index)
    assert set(order) - set(plan.columns) == {
        "person_id", "education", "country_of_birth", "place_of_birth", "intended_absence_months", "economic_activity",
    }  # fmt: skip
    assert plan.checked == tuple(name for name in order if name in spec.absentees.concepts)
    assert plan.keys == tuple(name for name in order if name in {*TABLES, "occupation"})
    wanted = ("household_id", "weight", "stratum", "psu", "sex", "age", "age_band", "is_working_age",
              "citizenship_status", "country_of_residence", "departure_reason", "is_employed_abroad", "occupation",
              "months_since_departure", "residence_status")  # fmt: skip
    assert members(wanted, {}, {"sex": "2", "age": "14", "citizen": "2", "works": "", "job": ""}) == [
        ("H1", 100.0, "S1", "P1", "SEX_M", 30.0, "AGE_10YRBANDS_Y25-34", True, "CCT_CIT_CITIZEN", "FRA", "REASON_JOB",
         True, "OCU_ISCO08_5", 9, "RES_ABROAD"),
        ("H1", 100.0, "S1", "P1", "SEX_F", 14.0, "AGE_10YRBANDS_YLT15", False, "CCT_CIT_NONCIT", "FRA", "REASON_JOB",
         None, None, 9, "RES_ABROAD"),
    ]  # fmt: skip


def test_only_rows_that_meet_the_condition_are_listed(listed):
    _, _, members = listed(where="number = '1' AND house <> 'H9'")
    people = [{"number": "1"}, {"number": "2"}, {"number": ""}, {"number": "1", "house": "H9"}, {"number": "1"}]
    assert members(("row_number",), *people) == [1, 5]


def test_persons_rows_may_list_absentees_and_are_corrected(listed):
    table = "where,set,expected_rows,reason,source\nh = 'K',lives = 'DEU',1,keyed,office\n"
    _, _, members = listed(part="persons", where="lives IS NOT NULL", tables={"corrections.csv": table})
    people = [{"h": "K"}, {"h": "L"}, {"lives": ""}, {"lives": "  "}]
    assert members(("row_number", "country_of_residence"), *people) == [(1, "DEU"), (2, "FRA")]


#: Period -> departure told -> in the calendar year before, in the last twelve months, months since.
DEPARTURES = {
    "2024-Q2": {
        "2023-06": (True, False, 12), "2023-07": (True, True, 11), "2024-06": (False, True, 0),
        "2022-12": (False, False, 18), "2023": (True, None, 12), "2024": (False, True, 0), "2022": (False, False, 24),
        "2024-08": (False, True, 0), "2025-01": (None, None, None), "9999": (None, None, None),
        "1990-01": (None, None, None), "2023-99": (True, None, 12),
    },
    "2024-Q4": {"2023-12": (True, False, 12), "2024-01": (False, True, 11), "2023": (True, False, 18)},
}  # fmt: skip


@pytest.mark.parametrize("period", DEPARTURES)
def test_dates_of_departure(listed, period):
    _, _, members = listed(period=period)
    told = DEPARTURES[period]
    people = [dict(zip(("gone", "gone_month"), (*date.split("-"), ""), strict=False)) for date in told]
    wanted = ("is_outflow_calendar_year", "is_outflow_twelve_months", "is_recent_outflow", "months_since_departure")
    expected = {date: (year, window, window, months) for date, (year, window, months) in told.items()}
    assert dict(zip(told, members(wanted, *people), strict=True)) == expected


@pytest.mark.parametrize(
    ("not_asked", "definition"),
    [((), "is_outflow_twelve_months"), (("departure_month",), "is_outflow_calendar_year"),
     (("departure_month", "departure_year"), None)],
)  # fmt: skip
def test_the_best_definition_collected_makes_the_recent_outflow(listed, not_asked, definition):
    _, plan, members = listed(dict.fromkeys(not_asked))
    assert outflow_definition(plan.columns) == definition
    assert ("is_outflow_for_employment" in plan.columns) == (definition is not None)
    if definition is not None:
        (found,) = members((definition, "is_recent_outflow", "is_outflow_for_employment"), {})
        assert found == (True, True, True)


def test_outflow_for_employment(listed):
    _, _, members = listed()
    told = {("2023", "1"): True, ("2023", "2"): True, ("2023", "3"): False, ("2023", ""): None, ("2015", "1"): False,
            ("2015", ""): False, ("9999", "1"): None, ("9999", "3"): False}  # fmt: skip
    people = [{"gone": left, "why": why} for left, why in told]
    assert members(("is_outflow_for_employment",), *people) == list(told.values())


def test_who_is_gone_for_a_short_time_lives_here(listed):
    changes = {"intended_absence_months": '{variable = "intends"}'}
    _, _, members = listed(changes)
    told = {("2024", "4", "12"): "RES_ABROAD", ("2024", "4", "11.5"): "RES_USUAL", ("2024", "4", ""): "RES_ABROAD",
            ("9999", "", "3"): "RES_ABROAD", ("2023", "6", "3"): "RES_ABROAD",
            ("2023", "7", "3"): "RES_USUAL"}  # fmt: skip
    people = [dict(zip(("gone", "gone_month", "intends"), answers, strict=True)) for answers in told]
    assert members(("residence_status",), *people) == list(told.values())
    assert members(("is_recent_outflow",), {"gone": "2024", "gone_month": "4", "intends": "3"}) == [False]


def test_residence_that_the_list_gives_is_taken(listed):
    changes = {"residence_status": '{variable = "intends"}'}
    tables = {"absentees/codes/residence_status.csv": CODES + "A,,RES_ABROAD,,,\nT,,RES_USUAL,,,\n"}
    _, _, members = listed(changes, tables=tables)
    wanted = ("residence_status", "is_recent_outflow")
    assert members(wanted, {"intends": "A"}, {"intends": "T"}) == [("RES_ABROAD", True), ("RES_USUAL", False)]


# --- weight and design of the household ----------------------------------------------------------


@pytest.mark.parametrize(
    ("households", "expected"),
    [
        pytest.param(HOUSEHOLDS, (100.0, "S1", "P1", False, False), id="all agree"),
        pytest.param((*HOUSEHOLDS, ("H1", 90.0, "S1", "P1", None)), (None, None, None, False, True), id="weights"),
        pytest.param((*HOUSEHOLDS, ("H1", 100.0, "S1", "P2", None)), (None, None, None, False, True), id="psu"),
        pytest.param((*HOUSEHOLDS, ("H1", 100.0, "S1", None, None)), (None, None, None, False, True), id="psu blank"),
        pytest.param(
            (*HOUSEHOLDS, ("H1", 0.0, "S1", "P1", "ZERO_WEIGHT")), (100.0, "S1", "P1", False, False), id="one excluded"
        ),
        pytest.param((("H1", 0.0, "S1", "P1", "ZERO_WEIGHT"),), (0.0, "S1", "P1", False, False), id="all excluded"),
        pytest.param((("H2", 100.0, "S1", "P1", None),), (None, None, None, True, False), id="other household"),
        pytest.param((("H1", 100.0, "S1", None, None),), (100.0, "S1", None, False, False), id="psu not known"),
    ],
)
def test_what_is_taken_from_the_household(listed, households, expected):
    spec, _, members = listed()
    assert taken_from_household(spec, spec.absentees) == ("weight", "stratum", "psu")
    wanted = ("weight", "stratum", "psu", "lacks_household", "has_unequal_household")
    assert members(wanted, {}, households=households) == [expected]


def test_a_weight_that_the_list_gives_is_taken_and_the_design_still_comes_from_the_household(listed):
    spec, plan, members = listed({"weight": '{variable = "w"}'})
    assert taken_from_household(spec, spec.absentees) == ("stratum", "psu")
    unequal = (("H1", 100.0, "S1", "P1", None), ("H1", 80.0, "S1", "P1", None))
    wanted = ("weight", "psu", "has_unequal_household", "x_weight")
    assert members(wanted, {"w": "7.5"}, {"w": ""}, households=unequal) == [
        (7.5, "P1", False, False), (None, "P1", False, True),
    ]  # fmt: skip


def test_nothing_is_taken_where_the_list_gives_all_of_it(listed):
    variables = {"weight": '{variable = "w"}', "stratum": '{variable = "number"}', "psu": '{variable = "intends"}'}
    _, _, members = listed(variables)
    wanted = ("weight", "stratum", "psu", "lacks_household", "has_unequal_household")
    people = {"w": "3", "number": "S7", "intends": "P7"}
    assert members(wanted, people, households=(("H5", 1.0, "S", "P", None),)) == [(3.0, "S7", "P7", False, False)]


def test_no_household_is_found_where_persons_have_none(listed):
    _, plan, members = listed(persons={"household_id": None, "stratum": None, "psu": None})
    assert {"stratum", "psu"} & set(plan.columns) == set()
    assert members(("weight", "lacks_household", "has_unequal_household"), {}) == [(None, True, False)]


# --- what is missing, and universes --------------------------------------------------------------


def test_what_has_no_target_is_flagged_inside_its_scope(listed):
    _, _, members = listed()
    flags = ("sex", "age", "occupation", "departure_year", "household_id", "country_of_residence")
    people = {
        "good": ({}, ()),
        "unmapped sex": ({"sex": "7"}, ("sex",)),
        "age in words": ({"age": "thirty"}, ("age",)),
        "no household": ({"house": " "}, ("household_id",)),
        "unknown country code": ({"lives": "ZZZ"}, ("country_of_residence",)),
        "year in words": ({"gone": "long ago"}, ("departure_year",)),
        "occupation missing": ({"job": ""}, ("occupation",)),
        "occupation of who does not work": ({"job": "", "works": "2"}, ()),
        "work not known": ({"job": "", "works": "9"}, ()),
        "occupation of a child": ({"job": "", "age": "9"}, ()),
    }
    rows = members(tuple(f"x_{name}" for name in flags), *(person for person, _ in people.values()))
    for (name, (_, expected)), row in zip(people.items(), rows, strict=True):
        assert tuple(flag for flag, is_set in zip(flags, row, strict=True) if is_set) == expected, name


@pytest.mark.parametrize(
    ("not_asked", "works", "age", "occupation"),
    [((), "2", "30", None), (("is_employed_abroad",), "2", "30", "OCU_ISCO08_5"),
     (("is_employed_abroad",), "2", "9", None), (("is_employed_abroad", "age"), "2", "9", "OCU_ISCO08_5")],
)  # fmt: skip
def test_the_scope_of_an_occupation_is_as_narrow_as_the_questions(listed, not_asked, works, age, occupation):
    _, _, members = listed(dict.fromkeys(not_asked))
    assert members(("occupation",), {"works": works, "age": age}) == [occupation]


def test_universes_of_absentees(listed):
    _, plan, members = listed()
    people = {
        "left for work": {},
        "left for family": {"why": "3"},
        "left long ago": {"gone": "2015"},
        "foreigner": {"citizen": "2"},
        "child": {"age": "14"},
        "citizenship unknown": {"citizen": ""},
        "weight zero": {"house": "H0"},
        "date unknown": {"gone": "9999"},
    }
    households = (*HOUSEHOLDS, ("H0", 0.0, "S1", "P1", "ZERO_WEIGHT"))
    universes = load_absentee_universes()
    found = {}
    for name in ("nationals_abroad", "outflow_of_nationals", "outflow_for_employment"):
        assert set(universes[name].needs) <= set(plan.columns)
        flags = members(
            (f"coalesce({universes[name].condition.sql()}, FALSE)",), *people.values(), households=households
        )
        found[name] = [person for person, is_in in zip(people, flags, strict=True) if is_in]
    assert found == {
        "nationals_abroad": ["left for work", "left for family", "left long ago", "date unknown"],
        "outflow_of_nationals": ["left for work", "left for family"],
        "outflow_for_employment": ["left for work"],
    }


def test_every_concept_of_absentees_is_defined_in_one_sentence():
    for concept in load_absentee_concepts().values():
        assert concept.definition.endswith(".")
        assert concept.definition.count(". ") == 0
    for universe in load_absentee_universes().values():
        if "ILMS" in universe.paragraph:
            assert "lower bound" in universe.definition


def test_a_survey_without_a_list_has_no_plan(survey):
    with pytest.raises(ValueError, match="XAA_DEMO lists no absentees"):
        absentee_plan(survey().spec, load_absentee_concepts(), Period.parse("2024-Q1"))
