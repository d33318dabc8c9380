"""Variances of linearised or replicated statistics, and what follows from them: limits, tests.

Here belong the design of a sample, the variance of scores per sampling unit under it, lonely PSU policies, replicate
weights, confidence limits and degrees of freedom. How a statistic becomes a score per unit belongs to ``estimators``.

    V = sum_h (1 - f_h) n_h / (n_h - 1) sum_i (z_hi - zbar_h)^2   [ + sum_h f_h sum_i V_hi: a second stage with an fpc ]

with z_hi the score of PSU i of stratum h (total: the weighted sum of y; ratio R = Y / X: that of (y - R x) / X) and
n_h the PSUs of stratum h in the FULL sample; a PSU without members has z = 0 and counts in n_h. Deviations are taken
from the stratum mean before squaring: the one-pass form cancels.

Source: Wolter (2007) Introduction to Variance Estimation, chapters 2, 3 and 6; Lumley (2010) Complex Surveys; R survey
4.1.1 (svyrecvar, svrVar) for lonely PSUs, second stages and the centring of replicates (STANDARDS 7.1).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

LONELY_PSU_POLICIES = ("fail", "remove", "certainty", "adjust", "average")

CONFIDENCE_LEVEL = 0.95

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Scale = Literal["log", "logit", "identity"]

#: Scores whose variance is in work at a time: a megabyte, which stays in the processor's cache.
_IN_WORK = 131_072

#: A sampling fraction as near to 1 as this leaves no variance, as in R.
_TAKEN_IN_FULL = 1e-7


@dataclass(frozen=True)
class SampleDesign:
    """The sampling units of one sample, in the order of the columns of scores.

    Attributes:
        stratum: stratum of each unit, 0 to H - 1, never decreasing. A unit is a PSU, or an SSU where ``psu`` is given.
        lonely_psu: what a stratum with a single PSU contributes, as R survey defines it; ``fail`` must have been
            refused before, and raises.
        population: PSUs of each stratum in the population, which makes the finite population correction; None for a
            sample with replacement.
        psu: PSU of each unit, 0 to n - 1, never decreasing; only where the units are SSUs.
        ssu_population: SSUs of each PSU in the population.
    """

    stratum: Integers
    lonely_psu: str = "fail"
    population: Floats | None = None
    psu: Integers | None = None
    ssu_population: Floats | None = None

    @property
    def units(self) -> int:
        """Number of sampling units."""
        return len(self.stratum)

    def block(self, first: int, last: int) -> "SampleDesign":
        """Return the design of the units ``first`` to ``last`` (exclusive), which must hold whole strata."""
        stratum = self.stratum[first:last]
        here = slice(stratum[0], stratum[-1] + 1)
        psu = None if self.psu is None else self.psu[first:last]
        units = None if psu is None else slice(psu[0], psu[-1] + 1)
        return SampleDesign(
            stratum - stratum[0],
            self.lonely_psu,
            None if self.population is None else self.population[here],
            None if psu is None else psu - psu[0],
            None if self.ssu_population is None else self.ssu_population[units],
        )


@dataclass(frozen=True)
class VarianceParts:
    """What blocks of strata contribute to the variances of cells; parts of blocks add up.

    Attributes:
        variance: sum over strata (and second stages), before lonely strata are averaged.
        strata: strata with members.
        usable_strata: those of them whose variance is known.
        psus: PSUs with members, sides x cells: a comparison has two sides, anything else one.
        strata_of_sides: strata with members, sides x cells.
    """

    variance: Floats
    strata: Integers
    usable_strata: Integers
    psus: Integers
    strata_of_sides: Integers

    def __add__(self, other: "VarianceParts") -> "VarianceParts":
        return VarianceParts(
            self.variance + other.variance,
            self.strata + other.strata,
            self.usable_strata + other.usable_strata,
            self.psus + other.psus,
            self.strata_of_sides + other.strata_of_sides,
        )

    def total(self, lonely_psu: str) -> Floats:
        """Return the variance per cell; NaN where ``average`` has no stratum to take an average of."""
        if lonely_psu != "average":
            return self.variance
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = self.strata / self.usable_strata
            averaged = np.where(self.usable_strata > 0, self.variance * factor, np.nan)
        # A total of nobody is 0 whatever the sample: it has no stratum to average.
        return np.where(self.strata == 0, self.variance, averaged)

    @property
    def n_psu(self) -> Integers:
        """PSUs that have members of the cell; of a comparison those of the side that has fewer."""
        return np.asarray(self.psus.min(axis=0))

    @property
    def degrees_of_freedom(self) -> Integers:
        """PSUs less strata that have members of the cell; of a comparison those of the side that has fewer.

        Nearly all of a difference's variance may come from one side: the degrees of both together would promise more.
        """
        return np.asarray((self.psus - self.strata_of_sides).min(axis=0))


def variance_parts(
    z: Floats, has_members: Booleans, design: SampleDesign, other_members: Booleans | None = None
) -> VarianceParts:
    """Return what the strata of a design contribute to the variance of every cell.

    Args:
        z: scores, cells x units.
        has_members: whether a unit holds a member of the cell's domain, cells x units.
        design: the units.
        other_members: of a comparison, the same for its other side.

    Raises:
        ValueError: a stratum has a single PSU and the policy is ``fail``.

    Cells are taken a few at a time, so that what is in work is small beside the scores.
    """
    step = max(1, _IN_WORK // max(1, design.units))
    given = [has_members] if other_members is None else [has_members, other_members]
    parts = [
        _variance_parts(z[first : first + step], [side[first : first + step] for side in given], design)
        for first in range(0, max(1, len(z)), step)
    ]
    if len(parts) == 1:
        return parts[0]
    return VarianceParts(
        np.concatenate([part.variance for part in parts]),
        np.concatenate([part.strata for part in parts]),
        np.concatenate([part.usable_strata for part in parts]),
        np.concatenate([part.psus for part in parts], axis=1),
        np.concatenate([part.strata_of_sides for part in parts], axis=1),
    )


def _variance_parts(z: Floats, given: Sequence[Booleans], design: SampleDesign) -> VarianceParts:
    if design.psu is None:
        of_psu, sides, stratum = z, list(given), design.stratum
    else:
        starts = _starts(design.psu)
        of_psu = np.add.reduceat(z, starts, axis=1)
        sides = [np.logical_or.reduceat(side, starts, axis=1) for side in given]
        stratum = design.stratum[starts]
    members = sides[0] if len(sides) == 1 else sides[0] | sides[1]
    starts = _starts(stratum)
    sizes = np.diff(np.append(starts, len(stratum)))
    by_stratum, usable = _one_stage(of_psu, starts, sizes, design.population, design.lonely_psu)
    in_strata = [np.logical_or.reduceat(side, starts, axis=1) for side in sides]
    in_stratum = in_strata[0] if len(sides) == 1 else in_strata[0] | in_strata[1]
    variance = by_stratum.sum(axis=1)
    if design.psu is not None:
        if design.population is None or design.ssu_population is None:
            raise ValueError("a second stage counts only where both stages have a finite population correction")
        inner = _starts(design.psu)
        inner_sizes = np.diff(np.append(inner, len(design.psu)))
        by_psu, known = _one_stage(z, inner, inner_sizes, design.ssu_population, design.lonely_psu)
        by_psu = np.where(known | ~members, by_psu, np.nan)
        variance = variance + (by_psu * (sizes / design.population)[stratum]).sum(axis=1)
    return VarianceParts(
        variance,
        in_stratum.sum(axis=1),
        (in_stratum & usable).sum(axis=1),
        np.stack([side.sum(axis=1, dtype=np.int64) for side in sides]),
        np.stack([side.sum(axis=1, dtype=np.int64) for side in in_strata]),
    )


def _starts(groups: Integers) -> Integers:
    """Return the position of the first unit of every group of a non-decreasing column."""
    return np.flatnonzero(np.concatenate(([True], np.diff(groups) != 0)))


def _one_stage(
    z: Floats, starts: Integers, sizes: Integers, population: Floats | None, lonely_psu: str
) -> tuple[Floats, Booleans]:
    """Return the variance of one stage of sampling, cells x groups, and which groups have one."""
    left = np.ones(len(sizes)) if population is None else 1 - sizes / population
    is_lonely = (sizes == 1) & (left >= _TAKEN_IN_FULL)
    if lonely_psu == "fail" and is_lonely.any():
        raise ValueError(f"{int(is_lonely.sum())} strata have a single sampling unit and the policy is 'fail'")
    means = np.add.reduceat(z, starts, axis=1)
    means /= sizes
    deviations = z - np.repeat(means, sizes, axis=1)
    np.square(deviations, out=deviations)
    variance = np.add.reduceat(deviations, starts, axis=1)
    variance *= np.where(sizes > 1, left * sizes / np.maximum(sizes - 1, 1), 0.0)
    if lonely_psu == "adjust" and is_lonely.any():
        variance[:, is_lonely] = np.square(z[:, starts[is_lonely]]) * left[is_lonely]
    variance[:, np.abs(left) < _TAKEN_IN_FULL] = 0.0
    # More units than there are (rounds that name the same units differently): R refuses; here it has no variance.
    beyond = left <= -_TAKEN_IN_FULL
    variance[:, beyond] = np.where(variance[:, beyond] == 0, 0.0, np.nan)
    usable = ~is_lonely if lonely_psu == "average" else np.ones(len(sizes), dtype=bool)
    return variance, usable


def taylor_variance(z: Floats, has_members: Booleans, design: SampleDesign) -> Floats:
    """Return the variance of every cell, as ``variance_parts`` over all strata at once."""
    return variance_parts(z, has_members, design).total(design.lonely_psu)


def degrees_of_freedom(has_members: Booleans, design: SampleDesign) -> Integers:
    """Return per cell the PSUs less the strata that hold members of it."""
    psus, stratum = has_members, design.stratum
    if design.psu is not None:
        starts = _starts(design.psu)
        psus, stratum = np.logical_or.reduceat(has_members, starts, axis=1), stratum[starts]
    strata = np.logical_or.reduceat(psus, _starts(stratum), axis=1)
    return np.asarray(psus.sum(axis=1, dtype=np.int64) - strata.sum(axis=1, dtype=np.int64))


def replicate_variance(
    theta_r: Floats, theta: Floats, scale: float, rscales: Sequence[float] | Floats, *, mse: bool
) -> Floats:
    """Return the variance per cell from a statistic computed with every replicate weight.

    V = scale * sum_r rscales_r (theta_r - centre)^2

    Args:
        theta_r: the statistic by replicate, cells x replicates.
        theta: the statistic with the full-sample weight, per cell.
        scale: constant of the method.
        rscales: constant of every replicate.
        mse: whether deviations are from the full-sample statistic or, as R's default is, from the mean of the
            replicates with a positive constant.
    """
    factors = np.asarray(rscales, dtype=float)
    centre = theta if mse else theta_r[:, factors > 0].mean(axis=1)
    deviations = theta_r - centre[:, None]
    return np.asarray(scale * (np.square(deviations) @ factors), dtype=float)


def lonely_strata(strata: Iterable[str]) -> tuple[str, ...]:
    """Return the strata that stand once in a list of one stratum per PSU, sorted."""
    seen: dict[str, int] = {}
    for stratum in strata:
        seen[stratum] = seen.get(stratum, 0) + 1
    return tuple(sorted(stratum for stratum, count in seen.items() if count == 1))


def limits(
    value: Floats, se: Floats, df: Floats, scale: Scale, level: float = CONFIDENCE_LEVEL
) -> tuple[Floats, Floats]:
    """Return confidence limits with Student's t.

    On the log scale (totals): exp(log v -+ t se / v). On the logit scale (proportions): the same for
    log(v / (1 - v)) with se / (v (1 - v)). Otherwise v -+ t se. They are missing (NaN) where the standard error, the
    degrees of freedom (below 1) or the scale does not allow them (a total of 0, a proportion of 0 or 1).
    """
    value, se, df = (np.asarray(part, dtype=float) for part in (value, se, df))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        margin = stdtrit(np.where(df >= 1, df, np.nan), (1 + level) / 2) * se
        if scale == "log":
            half = np.where(value > 0, margin / value, np.nan)
            lower, upper = value * np.exp(-half), value * np.exp(half)
        elif scale == "logit":
            inside = (value > 0) & (value < 1)
            half = np.where(inside, margin / (value * (1 - value)), np.nan)
            centre = np.log(value / (1 - value))
            lower, upper = 1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))
        else:
            half = margin
            lower, upper = value - half, value + half
    usable = np.isfinite(half)
    return np.where(usable, lower, np.nan), np.where(usable, upper, np.nan)


def p_values(value: Floats, se: Floats, df: Floats) -> Floats:
    """Return the two-sided p-value of the test that a difference is 0, with Student's t; NaN without a standard error.

    A difference whose standard error is 0 has a p-value of 0, or of 1 where it is 0 itself.
    """
    value, se, df = (np.asarray(part, dtype=float) for part in (value, se, df))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(se > 0, np.abs(value) / se, np.where(value == 0, 0.0, np.inf))
        p = 2 * stdtr(np.where(df >= 1, df, np.nan), -statistic)
    return np.where(np.isfinite(se), p, np.nan)
