"""Findings on the sample design and on calibration: one bad input for every rule."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import duckdb
import pytest

from pipelines.design_checks import calibration_findings, design_findings
from pipelines.findings import Finding
from schemas.concepts import load_concepts
from schemas.periods import Period
from schemas.survey_estimation import Calibration, CalibrationMargin, CalibrationRow, Replicates

#: Rules that no other test trips.
OWN_RULES = (
    *("FPC_NOT_CONSTANT", "FPC_TOO_SMALL", "REPLICATE_WEIGHT_INVALID", "REPLICATE_WEIGHT_SCALE"),
    *("CALIBRATION_COLUMN", "CALIBRATION_PERIOD", "CALIBRATION_OUTSIDE", "CALIBRATION_CELL_EMPTY"),
)
YEAR = Period.parse("2024")
REPLICATES = Replicates("BRR", ("R1", "R2"), 0.5, (1.0, 1.0), mse=True, df=None)


@dataclass(frozen=True)
class Spec:
    """The parts of a specification that these checks read."""

    replicates: Replicates | None = None
    calibration: Calibration | None = None
    concepts: Any = field(default_factory=lambda: MappingProxyType({}))
    rules: Any = field(default_factory=lambda: MappingProxyType({}))


def work(columns: str, rows: Sequence[tuple[object, ...]]) -> duckdb.DuckDBPyConnection:
    """A work relation with numbered rows."""
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE work (row_number BIGINT, {columns})")
    marks = ", ".join("?" * (len(rows[0]) + 1))
    connection.executemany(f"INSERT INTO work VALUES ({marks})", [(at, *row) for at, row in enumerate(rows, start=1)])
    return connection


def brief(found: Sequence[Finding]) -> list[tuple[str, str, int, tuple[int, ...]]]:
    return [(item.rule, item.concept, item.count, item.rows) for item in found]


# --- population counts of sampling units ---------------------------------------------------------

UNITS = "stratum VARCHAR, psu VARCHAR, psu_population DOUBLE, ssu VARCHAR, ssu_population DOUBLE"
OF_UNITS = ("stratum", "psu", "psu_population", "ssu", "ssu_population")
#: Two strata of two PSUs; codes of PSUs and SSUs repeat.
SAMPLE: list[tuple[object, ...]] = [
    ("A", "1", 10.0, "d", 5.0), ("A", "1", 10.0, "e", 5.0), ("A", "2", 10.0, "d", 1.0),
    ("B", "1", 2.0, "d", 3.0), ("B", "2", 2.0, "d", 4.0), ("B", "2", 2.0, "d", 4.0),
]  # fmt: skip


def with_units(*changes: tuple[int, int, object]) -> list[tuple[object, ...]]:
    """The sample with values put into (row, column)."""
    rows = [list(row) for row in SAMPLE]
    for row, column, value in changes:
        rows[row - 1][column] = value
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((), []),
        (((3, 2, 11.0),), [("FPC_NOT_CONSTANT", "psu_population", 3, (1, 2, 3))]),
        (
            ((3, 2, 11.0), (6, 2, 3.0)),
            [("FPC_NOT_CONSTANT", "psu_population", 6, (1, 2, 3, 4, 5))],
        ),
        (((4, 2, 1.0), (5, 2, 1.0), (6, 2, 1.0)), [("FPC_TOO_SMALL", "psu_population", 3, (4, 5, 6))]),
        (((2, 4, 6.0),), [("FPC_NOT_CONSTANT", "ssu_population", 2, (1, 2))]),
        (((1, 4, 1.0), (2, 4, 1.0)), [("FPC_TOO_SMALL", "ssu_population", 2, (1, 2))]),
    ],
)
def test_population_counts(changes: tuple[tuple[int, int, object], ...], expected: list[object]) -> None:
    found = design_findings(work(UNITS, with_units(*changes)), Spec(), OF_UNITS)
    assert brief(found) == expected
    assert all(item.severity == "error" for item in found)


def test_without_strata_all_psus_are_of_one() -> None:
    rows = [(row[1], 3.0) for row in SAMPLE]
    columns = ("psu", "psu_population")
    connection = work("psu VARCHAR, psu_population DOUBLE", rows)
    assert design_findings(connection, Spec(), columns) == []
    connection.execute("UPDATE work SET psu_population = 1")
    assert brief(design_findings(connection, Spec(), columns)) == [
        ("FPC_TOO_SMALL", "psu_population", 6, (1, 2, 3, 4, 5))
    ]


def test_a_count_is_told_in_groups() -> None:
    (found,) = design_findings(work(UNITS, with_units((3, 2, 11.0), (6, 2, 3.0))), Spec(), OF_UNITS)
    assert found.message == "2 strata with several values of psu_population"


# --- replicate weights ---------------------------------------------------------------------------

WEIGHTS = "weight DOUBLE, replicate_weight_1 DOUBLE, replicate_weight_2 DOUBLE"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(10.0, 20.0, 0.0), (10.0, 0.0, 20.0)], []),
        ([(10.0, None, 0.0), (10.0, 0.0, 20.0)], [("REPLICATE_WEIGHT_INVALID", "", 1, (1,))]),
        ([(10.0, 20.0, 0.0), (10.0, 0.0, -0.5), (1.0, None, None)], [("REPLICATE_WEIGHT_INVALID", "", 2, (2, 3))]),
        ([(10.0, 2.0, 0.0), (10.0, 0.0, 2.0)], [("REPLICATE_WEIGHT_SCALE", "", 0, ())]),
        ([(1.0, 20.0, 0.0), (1.0, 0.0, 20.0)], [("REPLICATE_WEIGHT_SCALE", "", 0, ())]),
        ([(0.0, 0.0, 0.0)], []),
    ],
)
def test_replicate_weights(rows: list[tuple[object, ...]], expected: list[object]) -> None:
    found = design_findings(work(WEIGHTS, rows), Spec(REPLICATES), ("weight",))
    assert brief(found) == expected
    assert all(item.severity == "error" for item in found)


def test_the_variables_of_invalid_replicate_weights_are_named() -> None:
    rows = [(10.0, 20.0, None), (10.0, 0.0, -1.0)]
    (found,) = design_findings(work(WEIGHTS, rows), Spec(REPLICATES), ("weight",))
    assert found.variable == "R2"
    assert found.message == "1 of 2 replicate weights are blank, negative or no number somewhere"


# --- calibration ---------------------------------------------------------------------------------


def margin(*codes: str, concept: str = "sex", period: Period = YEAR) -> CalibrationMargin:
    rows = tuple(CalibrationRow((code,), period, 100.0, row) for row, code in enumerate(codes, start=2))
    return CalibrationMargin("sexes", (concept,), rows, "XAA/DEMO/calibration/sexes.csv")


PERSONS: list[tuple[object, ...]] = [
    ("SEX_M", None), ("SEX_F", None), ("_U", None), ("SEX_O", "NON_RESPONDENT"), ("SEX_M", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("this", "expected"),
    [
        (margin("SEX_M", "SEX_F"), []),
        (margin("SEX_M", "SEX_F", "_U"), []),
        (margin("SEX_F"), [("CALIBRATION_OUTSIDE", "sex", 2, (1, 5))]),
        (margin("SEX_M", "SEX_F", "SEX_O"), [("CALIBRATION_CELL_EMPTY", "sex", 0, ())]),
        (margin("SEX_M", "SEX_F", period=Period.parse("2023")), [("CALIBRATION_PERIOD", "", 0, ())]),
        (margin("CCT_CIT_NONCIT", concept="citizenship_status"), [("CALIBRATION_COLUMN", "citizenship_status", 0, ())]),
    ],
)
def test_calibration(this: CalibrationMargin, expected: list[object]) -> None:
    connection = work("sex VARCHAR, exclusion VARCHAR", PERSONS)
    spec = Spec(calibration=Calibration((this,), 1e-9, 100))
    found = calibration_findings(connection, spec, Period.parse("2024-Q1"), ("sex",), load_concepts())
    assert brief(found) == expected
    assert all(item.severity == "error" for item in found)


def test_nothing_is_found_where_nothing_is_declared() -> None:
    connection = work("weight DOUBLE, sex VARCHAR, exclusion VARCHAR", [(0.0, "SEX_M", None)])
    assert design_findings(connection, Spec(), ("weight", "sex")) == []
    assert calibration_findings(connection, Spec(), YEAR, ("sex",), load_concepts()) == []


def test_every_rule_has_a_bad_input() -> None:
    lists = [test.pytestmark[0].args[1] for test in (test_population_counts, test_replicate_weights, test_calibration)]
    assert {rule for cases in lists for _, expected in cases for rule, *_ in expected} == set(OWN_RULES)
