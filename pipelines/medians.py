"""Medians of a quantity in the cells of a cube: read from persons again, for quantiles are no sums.

Rounds are stacked as in ``cube_sums``. What is published of medians is said in ``transforms.measures``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

from pipelines.calibration_residuals import CalibratedRound
from pipelines.cube_sums import Stack
from pipelines.engine import path_literal
from pipelines.storage import Table
from pipelines.support import Support
from schemas.concepts import load_universes
from schemas.indicators import Indicator
from transforms.estimators import Statistic
from transforms.margins import Cells
from transforms.measures import Side
from transforms.membership import dimension
from transforms.quantiles import quantile_estimate, weighted_quantile
from transforms.stocks import MAIN_WEIGHT, cube_of, indicator_weight
from transforms.variance import Booleans, Floats, Integers, degrees_of_freedom, replicate_variance, variance_parts


@dataclass(frozen=True)
class Medians:
    """Medians of one quantity in all cells of a cube.

    Attributes:
        cells: the cells.
        side: medians and whom they rest on; for a gap with their scores by unit (values by replicate), which are 0 for
            medians themselves.
        se: standard errors.
        lower: Woodruff limits.
        upper: Woodruff limits.
    """

    cells: Cells
    side: Side
    se: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class _Persons:
    """Persons who told the quantity, sorted by it; weights are divided by the number of rounds.

    ``categories`` are those of the calibration margins, persons x margins, -1 outside; no columns without calibration.
    """

    amount: Floats
    weight: Floats
    unit: Integers
    round: Integers
    household: Integers
    replicates: Floats
    original_weight: Floats
    categories: Integers

    def take(self, rows: Integers) -> "_Persons":
        """Return some of the persons."""
        return _Persons(
            self.amount[rows], self.weight[rows], self.unit[rows], self.round[rows], self.household[rows],
            self.replicates[rows], self.original_weight[rows], self.categories[rows],
        )  # fmt: skip


def medians(
    connection: duckdb.DuckDBPyConnection,
    support: Support,
    stack: Stack,
    persons: Sequence[Table],
    indicator: Indicator,
    versions: Sequence[Sequence[str]],
    replicate_df: float,
) -> Medians | None:
    """Return the medians of a quantity in every cell of an indicator's cube; None where nobody told it.

    Args:
        connection: DuckDB.
        support: what the survey supports.
        stack: the rounds, all in the group ``now``.
        persons: harmonised_persons of the rounds.
        indicator: a median, or a gap of medians.
        versions: classification versions of sex and of both columns of the cube.
        replicate_df: degrees of freedom of replicate weights.
    """
    _, one, two = cube_of(indicator)
    frame = _read(connection, support, stack, persons, indicator, (one, two))
    if not len(frame):
        return None
    coded = [pd.factorize(frame[column], sort=True) for column in ("sex", "code1", "code2")]
    concepts = zip(("sex", one, two), versions, coded, strict=True)
    cells = Cells(*(dimension(concept, named, list(codes)) for concept, named, (_, codes) in concepts))
    inside = [
        [np.isin(position, np.array(held)) for held in part.members]
        for (position, _), part in zip(coded, cells.dimensions, strict=True)
    ]
    names = [name for name in frame.columns if str(name).startswith("replicate_weight_")]
    calibrated, categories = _calibrated(connection, support, stack, frame)
    everybody = _Persons(
        frame["amount"].to_numpy(dtype=float),
        frame["weight"].to_numpy(dtype=float) / len(stack.rounds),
        frame["unit"].to_numpy(dtype=np.int64),
        frame["round"].to_numpy(dtype=np.int64),
        frame["household"].to_numpy(dtype=np.int64),
        frame[names].to_numpy(dtype=float),
        frame["original_weight"].to_numpy(dtype=float) if calibrated else np.zeros(len(frame)),
        categories,
    )
    del frame
    groups = (everybody.take(np.flatnonzero(s & a & b)) for s in inside[0] for a in inside[1] for b in inside[2])
    return _medians(support, stack, cells, groups, replicate_df, calibrated, with_parts=indicator.measure != "median")


def _calibrated(
    connection: duckdb.DuckDBPyConnection, support: Support, stack: Stack, frame: pd.DataFrame
) -> tuple[list[tuple[CalibratedRound, Floats]], Integers]:
    """Return the calibration of every round with its weights by category and unit, and the persons' categories."""
    margins, given = support.layout.margins, support.spec.calibration
    if given is None or "original_weight" not in frame:
        return [], np.zeros((len(frame), 0), dtype=np.int64)
    rounds = [CalibratedRound(connection, given, table) for table, _ in stack.rounds]
    categories = np.full((len(frame), len(margins)), -1, dtype=np.int64)
    for number, margin in enumerate(margins):
        held = frame[f"calibration_{margin}"]
        for place, one in enumerate(rounds):
            here = (held.notna() & (frame["round"] == place)).to_numpy()
            names = held[here].tolist()
            categories[here, number] = one.places([margin] * len(names), names)
    by_unit = [one.by_unit(stack.positions[place], 0, stack.units) for place, one in enumerate(rounds)]
    return list(zip(rounds, by_unit, strict=True)), categories


def _read(
    connection: duckdb.DuckDBPyConnection,
    support: Support,
    stack: Stack,
    persons: Sequence[Table],
    indicator: Indicator,
    concepts: tuple[str, str],
) -> pd.DataFrame:
    """Return the persons who told the quantity, sorted by it: codes, unit, round, household and weights."""
    layout, columns = support.layout, support.columns["persons"]
    weight = indicator_weight(indicator, columns)
    condition = f"({load_universes()[indicator.universe].condition.sql()}) AND {indicator.quantity} IS NOT NULL"
    codes = [f"coalesce({name}, '')" if name else "''" for name in ("sex", *concepts)]
    stratum, psu, ssu = layout.design_sql("persons")
    household = "coalesce(household_id, '')" if "household_id" in columns else "row_number"
    # A weight of its own has no replicates: there is then no standard error.
    replicated = [f"replicate_weight_{number}" for number in range(1, layout.replicates + 1)]
    weights = "".join(f", {name if weight == MAIN_WEIGHT else 'NULL::DOUBLE'} AS {name}" for name in replicated)
    calibrated = ["original_weight", *(f"calibration_{margin}" for margin in layout.margins)]
    kept = calibrated if layout.margins and weight == MAIN_WEIGHT else []
    weights += "".join(f", {name}" for name in kept)
    frames = []
    for number, (table, (totals, _)) in enumerate(zip(persons, stack.rounds, strict=True)):
        design = f"read_parquet({path_literal(totals.folder / 'design.parquet')})"
        found = connection.execute(
            f"""
SELECT sex, code1, code2, u.unit AS unit, household, row_number, {number} AS round, amount,
       p.weight{"".join(f", {name}" for name in (*replicated, *kept))}
FROM (
    SELECT {codes[0]} AS sex, {codes[1]} AS code1, {codes[2]} AS code2, {stratum} AS u_stratum, {psu} AS u_psu,
           {ssu} AS u_ssu, {household} AS household, row_number, {indicator.quantity}::DOUBLE AS amount,
           {weight}::DOUBLE AS weight{weights}
    FROM read_parquet({path_literal(table.data)}) WHERE {condition} AND {weight} > 0
) AS p JOIN {design} AS u ON u.stratum = u_stratum AND u.psu = u_psu AND u.ssu = u_ssu"""
        ).df()
        # Numbered and sorted here and not in the query, which is then read as a stream.
        found["household"] = pd.factorize(found["household"])[0]
        found = found.take(np.lexsort((found["row_number"], found["amount"])))
        if stack.design is not None:
            found["unit"] = stack.positions[number][found["unit"].to_numpy(dtype=np.int64)]
        frames.append(found)
    if len(frames) == 1:
        return frames[0].reset_index(drop=True)
    return pd.concat(frames, ignore_index=True).sort_values("amount", kind="stable", ignore_index=True)


def _medians(
    support: Support,
    stack: Stack,
    cells: Cells,
    groups: Iterable[_Persons],
    replicate_df: float,
    calibrated: Sequence[tuple[CalibratedRound, Floats]],
    *,
    with_parts: bool,
) -> Medians:
    """Return the medians cell by cell; every cell looks at its own persons alone.

    Scores by unit are only made where medians will be compared: Woodruff's limits tell the precision of one.
    """
    size, rounds = int(np.prod(cells.shape)), len(stack.rounds)
    width = stack.units if stack.design is not None or support.spec.replicates is not None else 0
    found = np.full((4, size), np.nan)
    nothing = np.broadcast_to(0.0, (size, width))
    parts, members = np.zeros((size, width)) if with_parts else nothing, np.zeros((size, width), dtype=bool)
    weights, n, households = np.zeros(size), np.zeros((rounds, size), dtype=np.int64), np.full(size, np.nan)
    for place, here in enumerate(groups):
        n[:, place] = np.bincount(here.round, minlength=rounds)
        if not len(here.amount):
            continue
        if "household_id" in support.columns["persons"]:
            homes = int(here.household.max()) + 1
            seen = np.bincount(here.round * homes + here.household, minlength=rounds * homes).reshape(rounds, homes)
            households[place] = np.count_nonzero(seen, axis=1).max()
        weights[place] = here.weight.sum()
        precision = _Precision(support, stack, here, replicate_df, calibrated)
        quantile = quantile_estimate(here.amount, here.weight, 0.5, precision.se_of_share, precision.df)
        found[:, place] = quantile.value, quantile.se, quantile.lower, quantile.upper
        members[place] = precision.members
        if with_parts:
            parts[place] = precision.parts(quantile.value, quantile.slope)
    is_replicated = support.spec.replicates is not None
    side = Side(
        Statistic(found[0], parts, is_replicated), Statistic(weights, nothing, is_replicated), members,
        n.sum(axis=0), n.sum(axis=0), n.max(axis=0), households, n.max(axis=0), households,
    )  # fmt: skip
    return Medians(cells, side, found[1], found[2], found[3])


class _Precision:
    """The precision of shares of one cell's persons, by the survey's method."""

    def __init__(
        self,
        support: Support,
        stack: Stack,
        here: _Persons,
        replicate_df: float,
        calibrated: Sequence[tuple[CalibratedRound, Floats]],
    ) -> None:
        self._here, self._stack, self._spec, self._calibrated = here, stack, support.spec, calibrated
        self._scores: Floats = np.zeros(stack.units)
        self.members: Booleans = np.ones(stack.units, dtype=bool)
        self.df = replicate_df
        if stack.design is not None:
            self.members = np.bincount(here.unit, minlength=stack.units) > 0
            self.df = float(degrees_of_freedom(self.members[None, :], stack.design)[0])
        elif self._spec.replicates is None:
            self.members, self.df = np.zeros(0, dtype=bool), 0.0

    def se_of_share(self, value: float, share: float) -> float:
        """Return the standard error of the share of persons at or below a value."""
        here, given = self._here, self._spec.replicates
        below = (here.amount <= value).astype(float)
        if self._stack.design is not None:
            residual = here.weight * (below - share) / here.weight.sum()
            scores = np.bincount(here.unit, weights=residual, minlength=self._stack.units).astype(np.float64)
            self._scores = scores - self._fitted((below - share) / here.weight.sum())
            parts = variance_parts(self._scores[None, :], self.members[None, :], self._stack.design)
            return float(np.sqrt(parts.total(self._stack.design.lonely_psu)[0] * (self._spec.design.deff or 1.0)))
        if given is None:
            return float("nan")
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (here.replicates * below[:, None]).sum(axis=0) / here.replicates.sum(axis=0)
        variance = replicate_variance(shares[None, :], np.array([share]), given.scale, given.rscales, mse=given.mse)
        return float(np.sqrt(variance[0]))

    def _fitted(self, linearised: Floats) -> Floats:
        """Return what calibration explains of a linearised variable, by unit; 0 where weights are not calibrated."""
        here, fitted = self._here, np.zeros(self._stack.units)
        for place, (one, by_unit) in enumerate(self._calibrated):
            cross = np.zeros((1, len(one.categories)))
            for categories in here.categories.T:
                inside = (here.round == place) & (categories >= 0)
                np.add.at(cross[0], categories[inside], here.original_weight[inside] * linearised[inside])
            fitted += (one.coefficients(cross) @ by_unit)[0] / len(self._calibrated)
        return fitted

    def parts(self, value: float, slope: float) -> Floats:
        """Return the scores of the median by unit, or the median by replicate (the full sample first)."""
        if self._stack.design is not None:
            return -slope * self._scores
        if self._spec.replicates is None:
            return np.zeros(0)
        own = []
        for weights in self._here.replicates.T:
            kept = weights > 0
            own.append(weighted_quantile(self._here.amount[kept], weights[kept], 0.5))
        return np.array([value, *own])
