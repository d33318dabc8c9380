"""Potential labour force, time-related underemployment and LU1 to LU4 against the definitions written a second time."""

from itertools import product

import duckdb
import numpy as np
import pandas as pd
import pytest

from schemas.concepts import load_universes
from schemas.indicators import load_indicators
from tests.transforms.demo import BUILDING_BLOCKS, CODES, YES_NO
from tests.transforms.derive import context, derive, specification
from transforms import stocks
from transforms.labour_underutilisation import underemployment_notes
from transforms.margins import Cells
from transforms.membership import dimension

ANSWERS = (True, False, None)
OUTSIDE, EMPLOYED, UNEMPLOYED = "LMS_STATUS_EIP", "LMS_STATUS_EMP", "LMS_STATUS_UNE"


# --- potential labour force ----------------------------------------------------------------------


def attachment_by_the_text(seeks, available, wants, soon):
    """Paragraphs 51 and 52 for a person outside the labour force; ``soon`` is "not asked" where it is not."""
    if seeks is None:
        return "X"
    if seeks:
        return "UNAVAILABLE_SEEKER" if available is False and soon in (True, "not asked") else "X"
    if wants is None:
        return "X"
    if not wants:
        return "NOT_WILLING"
    return {True: "AVAILABLE_POTENTIAL", False: "WILLING", None: "X"}[available]


@pytest.mark.parametrize("asked", [True, False], ids=["soon asked", "soon not asked"])
def test_attachment_for_every_combination_of_answers(asked):
    answers = list(product(ANSWERS, ANSWERS, ANSWERS, ANSWERS if asked else ["not asked"]))
    columns = ("labour_force_status", "job_search", "available", "wants_work", "available_soon")[: 5 if asked else 4]
    rows = [(OUTSIDE, *row)[: len(columns)] for row in answers]
    found = derive(columns, rows, ("labour_market_attachment", "is_potential_labour_force"))
    expected = [attachment_by_the_text(*row) for row in answers]
    assert [code for code, _ in found] == [f"DLMA_{code}" for code in expected]
    assert [flag for _, flag in found] == [code in ("UNAVAILABLE_SEEKER", "AVAILABLE_POTENTIAL") for code in expected]
    assert set(expected) == {"UNAVAILABLE_SEEKER", "AVAILABLE_POTENTIAL", "WILLING", "NOT_WILLING", "X"}


@pytest.mark.parametrize(
    ("status", "expected"), [(EMPLOYED, (None, False)), (UNEMPLOYED, (None, False)), (None, (None, None))]
)
def test_attachment_is_of_persons_outside_the_labour_force_only(status, expected):
    columns = ("labour_force_status", "job_search", "available", "wants_work")
    found = derive(columns, [(status, False, True, True)], ("labour_market_attachment", "is_potential_labour_force"))
    assert found == [expected]


@pytest.mark.parametrize("missing", ["job_search", "available", "wants_work"])
def test_without_one_of_the_three_questions_there_is_no_category(missing):
    columns = {"labour_force_status", "job_search", "available", "wants_work", "available_soon"} - {missing}
    assert {"labour_market_attachment", "is_potential_labour_force"} & context(columns).known == set()


def test_a_survey_that_gives_the_attachment_gets_the_potential_labour_force_from_it(survey):
    demo = survey(
        {
            "worked_one_hour": '{variable = "p"}',
            "job_search": '{variable = "j"}',
            "available": '{variable = "v"}',
            "labour_market_attachment": '{variable = "d"}',
        },
        {f"codes/{name}.csv": YES_NO for name in ("worked_one_hour", "job_search", "available")}
        | {"codes/labour_market_attachment.csv": CODES + "1,,DLMA_AVAILABLE_POTENTIAL,,,\n2,,DLMA_WILLING,,,\n"},
        layout=("w", "s", "a", "p", "j", "v", "d"),
        labour_force=BUILDING_BLOCKS.format("reason"),
    )
    columns = ("w", "s", "a", "p", "j", "v", "d")
    values = [("1", "1", "30", "2", "2", "1", "1"), ("1", "1", "30", "2", "2", "2", "2"),
              ("1", "1", "30", "1", "", "", "1"), ("1", "1", "30", "2", "2", "2", "7"),
              ("1", "1", "12", "", "", "", "")]  # fmt: skip
    wanted = ("labour_market_attachment", "is_potential_labour_force", "x_labour_market_attachment")
    assert demo.rows(columns, values, wanted) == [
        ("DLMA_AVAILABLE_POTENTIAL", True, False), ("DLMA_WILLING", False, False), (None, False, False),
        (None, False, True), (None, None, False),
    ]  # fmt: skip


def test_the_attachment_of_a_survey_with_building_blocks(survey):
    names = ("worked_one_hour", "job_search", "available", "wants_work", "available_soon")
    demo = survey(
        {name: f'{{variable = "q{number}"}}' for number, name in enumerate(names)},
        {f"codes/{name}.csv": YES_NO + (",,NULL,,,\n" if number > 2 else "") for number, name in enumerate(names)},
        layout=("w", "s", "a", "q0", "q1", "q2", "q3", "q4"),
        labour_force=BUILDING_BLOCKS.format("reason"),
    )
    people = {
        "works": ("1", "", "", "", "", EMPLOYED, None, False),
        "seeks and is available": ("2", "1", "1", "", "", UNEMPLOYED, None, False),
        "seeks, available soon": ("2", "1", "2", "", "1", OUTSIDE, "DLMA_UNAVAILABLE_SEEKER", True),
        "seeks, not available soon": ("2", "1", "2", "", "2", OUTSIDE, "DLMA_X", False),
        "available, wants work": ("2", "2", "1", "1", "", OUTSIDE, "DLMA_AVAILABLE_POTENTIAL", True),
        "available, does not want work": ("2", "2", "1", "2", "", OUTSIDE, "DLMA_NOT_WILLING", False),
        "wants work, neither seeks nor is available": ("2", "2", "2", "1", "", OUTSIDE, "DLMA_WILLING", False),
    }
    found = demo.rows(
        ("w", "s", "a", "q0", "q1", "q2", "q3", "q4"),
        [("1", "1", "30", *person[:5]) for person in people.values()],
        ("labour_force_status", "labour_market_attachment", "is_potential_labour_force"),
    )
    assert dict(zip(people, found, strict=True)) == {name: person[5:] for name, person in people.items()}


# --- time-related underemployment ----------------------------------------------------------------

UNDEREMPLOYMENT = ("labour_force_status", "wants_more_hours", "available_more_hours", "hours_usual_all")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param((EMPLOYED, True, True, 34.9), True, id="below the threshold"),
        pytest.param((EMPLOYED, True, True, 35), False, id="at the threshold"),
        pytest.param((EMPLOYED, True, True, 0), True, id="no hours"),
        pytest.param((EMPLOYED, False, True, 10), False, id="does not want more hours"),
        pytest.param((EMPLOYED, True, False, 10), False, id="not available for more hours"),
        pytest.param((EMPLOYED, True, True, None), None, id="hours not stated"),
        pytest.param((EMPLOYED, False, True, None), False, id="does not want more hours, hours not stated"),
        pytest.param((EMPLOYED, None, True, 10), None, id="wish not stated"),
        pytest.param((EMPLOYED, None, True, 40), False, id="wish not stated, works full time"),
        pytest.param((EMPLOYED, True, None, 10), None, id="availability not stated"),
        pytest.param((UNEMPLOYED, True, True, 10), None, id="not employed"),
        pytest.param((None, True, True, 10), None, id="without status"),
    ],
)
def test_time_related_underemployment(answers, expected):
    assert derive(UNDEREMPLOYMENT, [answers], ("is_time_related_underemployed",)) == [(expected,)]


@pytest.mark.parametrize(("threshold", "expected"), [(30.0, False), (35.0, True), (31.0, True), (30.5, True)])
def test_the_threshold_is_the_survey_s(threshold, expected):
    found = derive(
        UNDEREMPLOYMENT,
        [(EMPLOYED, True, True, 30)],
        ("is_time_related_underemployed",),
        specification(hours=threshold),
    )
    assert found == [(expected,)]


def test_usual_hours_go_before_actual_ones_and_main_job_hours_do_not_serve():
    columns = ("labour_force_status", "wants_more_hours", "hours_actual_all", "hours_usual_all")
    rows = [(EMPLOYED, True, 10, 40), (EMPLOYED, True, 40, 10)]
    assert derive(columns, rows, ("is_time_related_underemployed",)) == [(False,), (True,)]
    assert derive(columns[:3], [row[:3] for row in rows], ("is_time_related_underemployed",)) == [(True,), (False,)]
    main_job = ("labour_force_status", "wants_more_hours", "hours_usual")
    assert "is_time_related_underemployed" not in context(main_job).known
    assert "is_time_related_underemployed" not in context(("labour_force_status", "hours_usual_all")).known


@pytest.mark.parametrize(
    ("hours", "threshold"), [(30.0, "T4:109"), (35.0, "T4:110"), (40.0, "T4:111"), (36.0, "T4:112"), (34.5, "T4:112")]
)
def test_notes_of_the_threshold_and_of_the_criteria(hours, threshold):
    spec = specification(hours=hours)
    assert underemployment_notes(context(UNDEREMPLOYMENT, spec)) == (threshold, "T35:2414")
    without = tuple(name for name in UNDEREMPLOYMENT if name != "available_more_hours")
    assert underemployment_notes(context(without, spec)) == (threshold, "T35:2416")


def test_no_note_where_it_is_not_measured():
    assert underemployment_notes(context(("labour_force_status", "wants_more_hours"))) == ()


# --- LU1 to LU4 ----------------------------------------------------------------------------------

#: (persons, labour force status, time-related underemployed, potential labour force, place of birth).
VECTOR = ((810, EMPLOYED, False, False, "NATIVE"), (90, EMPLOYED, True, False, "NATIVE"),
          (60, UNEMPLOYED, None, False, "NATIVE"), (40, OUTSIDE, None, True, "NATIVE"),
          (500, OUTSIDE, None, False, "NATIVE"), (7, OUTSIDE, None, False, "FOREIGN"),
          (3, None, None, None, "NATIVE"))  # fmt: skip
RATES = {"XLU_XLU1": 6.25, "XLU_XLU2": 15.625, "XLU_XLU3": 10.0, "XLU_XLU4": 19.0}


INDICATORS = [item for name, item in load_indicators().items() if name.startswith("XLU_")]


def counted(weight):
    """psu_totals of the vector's persons, every third of them in another PSU, by the project's own SQL."""
    connection = duckdb.connect()
    groups = pd.DataFrame(VECTOR, columns=["persons", "status", "hours", "potential", "born"], dtype=object)
    connection.register("groups", groups)
    connection.execute(
        f"""CREATE TABLE harmonised_persons AS
SELECT row_number() OVER () AS row_number, {weight}::DOUBLE AS weight, '1' AS stratum,
       (row_number() OVER () % 3)::VARCHAR AS psu, 'SEX_F' AS sex, 'AGE_10YRBANDS_Y25-34' AS age_band,
       NULL::VARCHAR AS exclusion, 'RES_USUAL' AS residence_status, TRUE AS is_working_age,
       status::VARCHAR AS labour_force_status,
       hours::BOOLEAN AS is_time_related_underemployed, potential::BOOLEAN AS is_potential_labour_force,
       'CBR_BIR_' || born AS place_of_birth, 'CCT_CIT_CITIZEN' AS citizenship_status
FROM groups, range(0, 1000) AS numbers(number) WHERE number < persons::BIGINT"""
    )
    columns = frozenset(row[0] for row in connection.execute("DESCRIBE harmonised_persons").fetchall())
    layout = stocks.Layout("taylor", {"persons": columns})
    cubes = stocks.cubes(INDICATORS, layout.columns)
    for statement in stocks.preparation_sql(cubes, layout):
        connection.execute(statement)
    (block,) = connection.execute(stocks.blocks_sql("persons", layout)).fetchall()
    connection.execute(stocks.coded_sql(cubes, "persons", load_universes(), layout, block))
    return {cube: connection.execute(stocks.psu_totals_sql(cube, layout)).df() for cube in cubes}


def sums_of(totals, cube, versions):
    """Cells of a cube, and the sums of its columns per cell."""
    codes = [sorted(totals[column].unique()) for column in ("sex", "code1", "code2")]
    named = (("sex", ("SEX",)), (cube.concept1, versions), (cube.concept2, ()))
    cells = Cells(*(dimension(concept, own, held) for (concept, own), held in zip(named, codes, strict=True)))
    place = [totals[column].map(held.index) for column, held in zip(("sex", "code1", "code2"), codes, strict=True)]
    _, second, third = cells.base_shape
    base = ((place[0] * second + place[1]) * third + place[2]).to_numpy(dtype=int)
    size = len(codes[0]) * second * third
    return cells, {
        name: cells.sums(np.bincount(base, weights=totals[name], minlength=size)) for name in stocks.cube_columns(cube)
    }


@pytest.fixture(scope="module", params=[1.0, 12.5], ids=["weight 1", "weight 12.5"])
def rates(request):
    """(measure, breakdown, item of the breakdown) -> rate in per cent and n, of both sexes."""
    counts, found = counted(request.param), {}
    for indicator in INDICATORS:
        cube = next(
            cube for cube in counts if (cube.relation, cube.concept1, cube.concept2) == stocks.cube_of(indicator)
        )
        cells, sums = sums_of(counts[cube], cube, indicator.classif1_versions)
        over, under = sums[f"w__{indicator.universe}"], sums[f"w__{indicator.denominator}"]
        for (sex, item, _), part, whole, n in zip(
            cells.names(), over, under, sums[f"n__{indicator.denominator}"], strict=True
        ):
            if sex == "SEX_T" and whole:
                found[indicator.id[:8], indicator.dimensions[1], item] = (100 * part / whole, n)
    return found


@pytest.mark.parametrize("breakdown", [("AGE", "AGE_10YRBANDS_TOTAL"), ("AGE", "AGE_AGGREGATE_Y25-54"),
                                       ("CBR", "CBR_BIR_NATIVE"), ("CBR", "CBR_BIR_TOTAL"),
                                       ("CCT", "CCT_CIT_CITIZEN")])  # fmt: skip
@pytest.mark.parametrize("measure", RATES)
def test_the_vector_of_the_standards(rates, measure, breakdown):
    rate, n = rates[measure, *breakdown]
    assert rate == RATES[measure]
    assert n == (960 if measure in ("XLU_XLU1", "XLU_XLU2") else 1000)


@pytest.mark.parametrize("measure", RATES)
def test_an_empty_denominator_has_no_rate(rates, measure):
    assert (measure, "CBR", "CBR_BIR_FOREIGN") not in rates
    assert (measure, "CBR", "CBR_BIR_NATIVE") in rates


def test_what_each_measure_needs():
    needs = {name[:8]: set(item.needs) for name, item in load_indicators().items() if name.startswith("XLU_")}
    own = {"is_time_related_underemployed", "is_potential_labour_force"}
    assert {name: columns & own for name, columns in needs.items()} == {
        "XLU_XLU1": set(),
        "XLU_XLU2": {"is_time_related_underemployed"},
        "XLU_XLU3": {"is_potential_labour_force"},
        "XLU_XLU4": own,
    }
