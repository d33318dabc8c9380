"""A sample as the kernel sees it: sums by sampling unit or replicate, formed from persons, and a golden beside it.

What tests/transforms/test_goldens.py and test_real_goldens.py share. The sums are made here with numpy, so that what is
compared with R is the kernel alone: ``variance``, ``estimators``, ``quantiles`` and ``calibration``.
"""

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from transforms.calibration import gram_matrix, projection, rake, residual_totals
from transforms.estimators import Statistic, difference, gap, ratio, total
from transforms.quantiles import quantile_estimate, weighted_quantile
from transforms.variance import (
    SampleDesign,
    degrees_of_freedom,
    limits,
    p_values,
    replicate_variance,
    taylor_variance,
)

GOLDENS = Path(__file__).parents[1] / "goldens"
TOLERANCE = 1e-9
#: R's standard error of a figure that is constant is 0, or what rounding leaves of it.
ROUNDING = 1e-12
CHECKED = ("value", "se", "df", "lower", "upper", "p")
GROUP = ["design", "policy", "rounds", "before", "statistic"]


@cache
def persons_of(name):
    return pd.read_csv(GOLDENS / f"{name}_persons.csv", dtype={"stratum": str, "psu": str, "pair": str})


def golden(name):
    """The rows of a golden, figures as floats, NaN where R gives none."""
    rows = pd.read_csv(GOLDENS / f"{name}.csv", keep_default_na=False, dtype=str)
    for column in CHECKED:
        rows[column] = pd.to_numeric(rows[column]) if column in rows else np.nan
    return rows


def grouped(name):
    """(key, rows) of the rows that share design, policy, rounds and statistic; they are computed at once."""
    return params(golden(name))


def params(rows):
    return [pytest.param(part, id=" ".join(filter(None, key))) for key, part in rows.groupby(GROUP, sort=False)]


def members_of(persons, text):
    """TRUE for the persons of "sex=F&born=foreign"; everybody for ""."""
    inside = np.ones(len(persons), dtype=bool)
    for condition in filter(None, text.split("&")):
        column, _, value = condition.partition("=")
        inside &= (persons[column].astype(str) == value).to_numpy()
    return inside


# --- the sample as the kernel sees it ------------------------------------------------------------


@dataclass
class Sample:
    """Persons, their weights, and the unit (or the replicate weights) of each."""

    persons: pd.DataFrame
    weights: np.ndarray
    unit: np.ndarray | None = None
    design: SampleDesign | None = None
    replicates: np.ndarray | None = None
    calibrated: "Calibrated | None" = None

    def total(self, members, quantity):
        """Totals of a quantity over members [cells x persons]."""
        if self.replicates is not None:
            held = members * quantity
            return total(held @ self.weights, held @ self.replicates, is_replicated=True)
        sums = np.zeros((len(members), self.design.units))
        cell, person = np.nonzero(members)
        np.add.at(sums, (cell, self.unit[person]), (self.weights * quantity)[person])
        values = sums.sum(axis=1)
        if self.calibrated is not None:
            sums = self.calibrated.residuals(sums, members, quantity)
        return total(values, sums)

    def has_members(self, members):
        counted = np.zeros((len(members), self.design.units), dtype=bool)
        cell, person = np.nonzero(members)
        counted[cell, self.unit[person]] = True
        return counted


def sample_of(persons, policy, population=None, ssu=False):
    """A sample under a Taylor design: PSUs (or SSUs) numbered in the order of their strata."""
    keys = ["stratum", "psu", "ssu"] if ssu else ["stratum", "psu"]
    ordered = persons.sort_values(keys, kind="stable").reset_index(drop=True)
    units = ordered.drop_duplicates(keys).reset_index(drop=True)
    by_stratum = units.drop_duplicates("stratum")
    by_psu = units.drop_duplicates(["stratum", "psu"])
    design = SampleDesign(
        stratum=units.groupby("stratum", sort=True).ngroup().to_numpy(np.int64),
        lonely_psu=policy,
        population=by_stratum[population].to_numpy(float) if population else None,
        psu=units.groupby(["stratum", "psu"], sort=True).ngroup().to_numpy(np.int64) if ssu else None,
        ssu_population=by_psu["ssu_population"].to_numpy(float) if ssu else None,
    )
    return Sample(ordered, ordered["w"].to_numpy(), ordered.groupby(keys, sort=True).ngroup().to_numpy(), design)


def rounds_of(persons, text):
    return np.logical_or.reduce([persons["round"].str.startswith(part) for part in text.split("+")])


def stacked(persons, rounds, before):
    """Persons of the rounds with weight over the number of rounds, and ``now``: 1 in the rounds, 0 in those before."""
    sides = []
    for now, text in (("1", rounds), ("0", before)):
        if text:
            side = persons[rounds_of(persons, text)]
            sides.append(side.assign(w=side["w"] / side["round"].nunique(), now=now))
    return pd.concat(sides, ignore_index=True)


# --- statistics ----------------------------------------------------------------------------------


def statistic_of(sample, text, members):
    """The statistic "total:x", "ratio:y/x" or "mean:income" of every cell."""
    kind, _, names = text.partition(":")
    above, _, below = names.partition("/")
    numerator = sample.total(members, sample.persons[above].to_numpy(float))
    if kind == "total":
        return numerator
    unit = np.ones(len(sample.persons))
    return ratio(numerator, sample.total(members, sample.persons[below].to_numpy(float) if below else unit))


def standard_errors(sample, statistic, members):
    # Subsets of a calibrated sample keep all its units, so that all strata have members.
    has = sample.has_members(members)
    has = np.ones_like(has) if sample.calibrated is not None else has
    return np.sqrt(taylor_variance(statistic.parts, has, sample.design))


def found_figures(sample, rows):
    """The kernel's figures for the rows of one group, in the form of the golden."""
    text = rows["statistic"].iloc[0]
    kind, _, rest = text.partition(":")
    members = np.array([members_of(sample.persons, row) for row in rows["members"]])
    if kind == "quantile":
        return quantiles_of(sample, rest, members)
    domain = members
    if kind in ("difference", "gap"):
        other = np.array([members_of(sample.persons, row) for row in rows["reference"]])
        if (rows["before"] != "").all():
            now = (sample.persons["now"] == "1").to_numpy()
            members, other = members & now, members & ~now
        domain = members | other
        one, reference = (statistic_of(sample, rest, side) for side in (members, other))
        statistic = difference(one, reference) if kind == "difference" else gap(reference, one)
    else:
        statistic = statistic_of(sample, text, members)
    se = standard_errors(sample, statistic, domain)
    df = degrees_of_freedom(sample.has_members(domain), sample.design)
    return finished(statistic, se, df, rows["interval"].iloc[0])


def finished(statistic, se, df, interval):
    value = statistic.value
    lower, upper = limits(value, se, df, interval) if interval != "none" else (np.full_like(value, np.nan),) * 2
    return {"value": value, "se": se, "df": df, "lower": lower, "upper": upper, "p": p_values(value, se, df)}


def quantiles_of(sample, rest, members):
    """Quantiles, by Woodruff."""
    name, _, p = rest.partition(":")
    values = sample.persons[name].to_numpy(float)
    df = degrees_of_freedom(sample.has_members(members), sample.design)
    estimates = []
    for cell, inside in enumerate(members):

        def se_of_share(value, share, inside=inside[None, :]):
            below = sample.total(inside, (values <= value).astype(float))
            everybody = sample.total(inside, np.ones(len(values)))
            assert math.isclose(share, below.value[0] / everybody.value[0], rel_tol=TOLERANCE)
            return float(standard_errors(sample, ratio(below, everybody), inside)[0])

        held = inside & (sample.weights > 0)
        order = np.argsort(values[held], kind="stable")
        estimates.append(
            quantile_estimate(values[held][order], sample.weights[held][order], float(p), se_of_share, float(df[cell]))
        )
    figures = {
        field: np.array([getattr(one, field) for one in estimates]) for field in ("value", "se", "lower", "upper")
    }
    return {**figures, "df": df}


# --- comparison ----------------------------------------------------------------------------------


def is_same(found, expected, scale):
    if math.isnan(expected):
        return math.isnan(found)
    return math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=ROUNDING * scale)


def differences(rows, found):
    """Every figure that is not R's, or that R does not give."""
    wrong = []
    for number, row in enumerate(rows.to_dict("records")):
        scale = abs(row["value"]) if row["value"] == row["value"] else 0.0
        for name in CHECKED:
            is_constant = row["se"] <= ROUNDING * scale
            if name not in found or (name == "p" and (is_constant or not row["statistic"].startswith(("diff", "gap")))):
                continue
            # Only a standard error and its limits can be a zero that rounding has reached.
            if not is_same(float(found[name][number]), row[name], 0.0 if name in ("value", "df", "p") else scale):
                wrong.append(f"{row['members']} {name}: {found[name][number]!r}, R {row[name]!r}")
    return wrong


# --- replicate weights ---------------------------------------------------------------------------


def replicated(method):
    persons = persons_of("replicates")
    columns = [f"{method}{number}" for number in range(1, 100) if f"{method}{number}" in persons]
    return Sample(persons, persons["w"].to_numpy(), replicates=persons[columns].to_numpy())


def quantile_by_replicate(sample, rest, members):
    """The quantile with the full weight and with each replicate weight, of every cell."""
    name, _, p = rest.partition(":")
    values = sample.persons[name].to_numpy(float)
    order = np.argsort(values, kind="stable")

    def quantile(weights, inside):
        held = order[(inside & (weights > 0))[order]]
        return weighted_quantile(values[held], weights[held], float(p))

    return Statistic(
        np.array([quantile(sample.weights, inside) for inside in members]),
        np.array([[quantile(weights, inside) for weights in sample.replicates.T] for inside in members]),
        is_replicated=True,
    )


def replicate_figures(sample, rows, scale, rscales, mse):
    """The kernel's figures of one method. Degrees of freedom are stated, not found: they are taken from the golden."""
    text = rows["statistic"].iloc[0]
    kind, _, rest = text.partition(":")
    df = rows["df"].to_numpy()
    members = np.array([members_of(sample.persons, row) for row in rows["members"]])

    def statistic_by_replicate(name, inside):
        if name.startswith("repquantile:"):
            return quantile_by_replicate(sample, name.removeprefix("repquantile:"), inside)
        return statistic_of(sample, name, inside)

    if kind == "quantile":
        return woodruff_of_replicates(sample, rest, members, df, (scale, rscales, mse))
    if kind in ("difference", "gap"):
        other = np.array([members_of(sample.persons, row) for row in rows["reference"]])
        one, reference = (statistic_by_replicate(rest, side) for side in (members, other))
        statistic = difference(one, reference) if kind == "difference" else gap(reference, one)
    else:
        statistic = statistic_by_replicate(text, members)
    se = np.sqrt(replicate_variance(statistic.parts, statistic.value, scale, rscales, mse=mse))
    return finished(statistic, se, df, rows["interval"].iloc[0])


def woodruff_of_replicates(sample, rest, members, df, constants):
    name, _, p = rest.partition(":")
    values = sample.persons[name].to_numpy(float)
    scale, rscales, mse = constants
    estimates = []
    for cell, inside in enumerate(members):

        def se_of_share(value, share, inside=inside[None, :]):
            everybody = sample.total(inside, np.ones(len(values)))
            below = ratio(sample.total(inside, (values <= value).astype(float)), everybody)
            return float(np.sqrt(replicate_variance(below.parts, below.value, scale, rscales, mse=mse))[0])

        order = np.flatnonzero(inside)[np.argsort(values[inside], kind="stable")]
        estimates.append(
            quantile_estimate(values[order], sample.weights[order], float(p), se_of_share, float(df[cell]))
        )
    return {field: np.array([getattr(one, field) for one in estimates]) for field in ("value", "se", "lower", "upper")}


# --- calibrated weights --------------------------------------------------------------------------


@dataclass
class Calibrated:
    """What calibration does to sums by unit: every quarter was raked on its own, and they are stacked."""

    design_weights: np.ndarray
    weights: np.ndarray
    quarter: np.ndarray
    margins: list
    sizes: list
    unit: np.ndarray
    units: int

    def residuals(self, sums, members, quantity):
        for quarter in np.unique(self.quarter):
            here = self.quarter == quarter
            margins = [margin[here] for margin in self.margins]
            cross = [
                np.array(
                    [np.bincount(margin, row, size) for row in (members * quantity * self.design_weights)[:, here]]
                )
                for margin, size in zip(margins, self.sizes, strict=True)
            ]
            gram = gram_matrix(self.design_weights[here], margins, self.sizes)
            by_unit = [np.zeros((size, self.units)) for size in self.sizes]
            for table, margin in zip(by_unit, margins, strict=True):
                np.add.at(table, (margin, self.unit[here]), self.weights[here])
            sums = residual_totals(sums, projection(np.hstack(cross), gram), np.vstack(by_unit))
        return sums


@cache
def calibrated_sample(rounds, policy, population):
    """The sample of the rounds with raked weights, over the number of rounds."""
    persons = persons_of("calibration")
    totals = pd.read_csv(GOLDENS / "calibration_margins.csv")
    sample = sample_of(stacked(persons, rounds, ""), policy, population)
    categories = {name: sorted(totals.loc[totals["margin"] == name, "code"].unique()) for name in ("sex_age", "region")}
    margins = [
        sample.persons[name].map({code: number for number, code in enumerate(codes)}).to_numpy(np.int64)
        for name, codes in categories.items()
    ]
    quarter = sample.persons["round"].to_numpy()
    weights = np.empty(len(quarter))
    for this in np.unique(quarter):
        here = quarter == this
        targets = [
            totals[(totals["round"] == this) & (totals["margin"] == name)].set_index("code")["total"][codes].to_numpy()
            / len(np.unique(quarter))
            for name, codes in categories.items()
        ]
        weights[here] = rake(sample.weights[here], [margin[here] for margin in margins], targets).weights
    sizes = [len(codes) for codes in categories.values()]
    calibrated = Calibrated(sample.weights, weights, quarter, margins, sizes, sample.unit, sample.design.units)
    return replace(sample, weights=weights, calibrated=calibrated)
