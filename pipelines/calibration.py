"""Calibration of one round: its weights raked to the population totals of the specification.

Here belongs which persons are raked and what is told of it. How weights are found is said in
``transforms.calibration``; which cell of the totals a person is in, in ``transforms.harmonise``.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from pipelines.checks import count_where
from pipelines.design_checks import calibration_findings
from pipelines.engine import WORK_FORMAT, path_literal
from pipelines.findings import Finding, finding
from schemas.concepts import load_universes
from schemas.periods import Period
from schemas.survey_estimation import Calibration, CalibrationMargin
from schemas.survey_spec import SurveySpec, dictionary_of
from transforms.calibration import (
    UNKNOWN,
    CalibrationError,
    NotConvergedError,
    Raked,
    TotalsError,
    rake,
)
from transforms.harmonise import margin_cell_sql

#: Ratios of calibrated to original weights outside of which a warning is given.
EXTREME_FACTORS = (0.3, 3.0)

#: Whom population totals hold: usual residents whom the survey covers. Others keep their weights.
UNIVERSE = "population"

FEWEST_PERSONS = 5

_TABLE = "harmonised_persons"


def calibrate(
    connection: duckdb.DuckDBPyConnection, spec: SurveySpec, period: Period, columns: Collection[str], scratch: Path
) -> tuple[dict[str, Any], list[Finding]]:
    """Rake the weights of a round; replace ``work`` by a relation with the columns that this adds.

    Added are ``original_weight`` and, per margin, ``calibration_<margin>``: the cell of its totals, '_U' for a person
    of the population whose cell was not stated, NULL for who is not raked. ``weight`` is then the raked weight. Where
    an error is found, weights stay as they are. Persons are raked by combination of cells, so that memory does not
    grow with the sample.

    Args:
        connection: DuckDB with ``work``, one row per person of the whole round.
        spec: a specification with population totals.
        period: the round's reference period.
        columns: the harmonised columns of ``work``.
        scratch: folder for the new relation.

    Returns:
        Facts (``calibration``: iterations, extreme factors, and for every cell of five persons or more the weighted
        persons before over the total) and findings.
    """
    assert spec.calibration is not None
    margins = spec.calibration.margins
    condition = f"(coalesce(({load_universes()[UNIVERSE].condition.sql()}) AND weight > 0, FALSE))"
    concepts = dictionary_of(spec)
    found = calibration_findings(connection, spec, period, columns, concepts, f"(FROM work WHERE {condition})")
    facts: dict[str, Any] = {}
    factors = None
    cells = ["NULL::VARCHAR" for _ in margins]
    if not any(item.severity == "error" for item in found):
        cells = [f"CASE WHEN {condition} THEN {margin_cell_sql(one, period, concepts)} END" for one in margins]
        named = ", ".join(f"{cell} AS {margin.column}" for cell, margin in zip(cells, margins, strict=True))
        sums = connection.execute(
            f"SELECT {named}, sum(weight) AS weight, count(*) AS persons FROM work WHERE {condition} "
            "GROUP BY ALL ORDER BY ALL"
        ).df()
        try:
            raked = _raked(sums, spec.calibration, period)
        except CalibrationError as error:
            found.append(_refusal(error, margins))
        else:
            factors = sums[[margin.column for margin in margins]].assign(factor=raked.factors)
            facts["calibration"] = _facts(sums, raked, margins, period)
    _write(connection, scratch / "calibrated.parquet", margins, cells, factors)
    if factors is not None:
        found += _extreme_findings(connection)
    return facts, found


def _raked(sums: pd.DataFrame, calibration: Calibration, period: Period) -> Raked:
    """Return the factors of every combination of cells.

    Raises:
        CalibrationError: there are none.
    """
    categories, totals = [], []
    for margin in calibration.margins:
        listed = margin.totals(period)
        place = {cell: number for number, cell in enumerate(listed)}
        categories.append([place.get(cell, UNKNOWN) for cell in sums[margin.column]])
        totals.append(list(listed.values()))
    return rake(
        sums["weight"].to_numpy(),
        categories,
        totals,
        tolerance=calibration.tolerance,
        max_iterations=calibration.max_iterations,
    )


def _refusal(error: CalibrationError, margins: Sequence[CalibrationMargin]) -> Finding:
    """Return the finding of what raking refused."""
    if isinstance(error, TotalsError):
        pairs = zip(error.margins, error.sums, strict=True)
        told = " and ".join(f"{margins[number].name} ({total:,.0f})" for number, total in pairs)
        return finding("CALIBRATION_TOTALS", _TABLE, f"totals of {told}: {error.reason}", concept="weight")
    assert isinstance(error, NotConvergedError), "cells without persons were refused before"
    return finding("CALIBRATION_NOT_CONVERGED", _TABLE, str(error), concept="weight")


def _facts(sums: pd.DataFrame, raked: Raked, margins: Sequence[CalibrationMargin], period: Period) -> dict[str, Any]:
    """Return what is told of a calibration: nothing that rests on fewer than five persons."""
    told = {}
    for margin in margins:
        by_cell = sums.groupby(margin.column)
        weights, persons = by_cell["weight"].sum(), by_cell["persons"].sum()
        told[margin.name] = {
            cell: round(float(weights[cell]) / total, 4)
            for cell, total in margin.totals(period).items()
            if persons[cell] >= FEWEST_PERSONS
        }
    return {
        "iterations": raked.iterations,
        "smallest_factor": round(float(np.min(raked.factors)), 4),
        "largest_factor": round(float(np.max(raked.factors)), 4),
        "weighted_before_over_total": told,
    }


def _write(
    connection: duckdb.DuckDBPyConnection,
    target: Path,
    margins: Sequence[CalibrationMargin],
    cells: Sequence[str],
    factors: pd.DataFrame | None,
) -> None:
    """Write ``work`` with calibrated weights to a file, and make ``work`` a view of it."""
    names = [margin.column for margin in margins]
    placed = ", ".join(f"{cell} AS {name}" for cell, name in zip(cells, names, strict=True))
    factor, join = "1", ""
    if factors is not None:
        connection.register("calibration_factors", factors)
        factor = "coalesce(f.factor, 1)"
        same = " AND ".join(f"f.{name} = w.{name}" for name in names)
        join = f"LEFT JOIN calibration_factors AS f ON {same}"
    connection.execute(
        f"COPY (SELECT w.* REPLACE (w.weight * {factor} AS weight), w.weight AS original_weight "
        f"FROM (SELECT *, {placed} FROM work) AS w {join}) TO {path_literal(target)} {WORK_FORMAT}"
    )
    if factors is not None:
        connection.unregister("calibration_factors")
    connection.execute(f"CREATE OR REPLACE VIEW work AS FROM read_parquet({path_literal(target)})")


def _extreme_findings(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    low, high = EXTREME_FACTORS
    outside = f"weight < {low} * original_weight OR weight > {high} * original_weight"
    count, rows = count_where(connection, "work", outside)
    if not count:
        return []
    text = f"calibration brings weights below {low} or above {high} times the original ones"
    return [finding("CALIBRATION_EXTREME", _TABLE, text, concept="weight", count=count, rows=rows)]
