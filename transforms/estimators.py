"""Statistics as functions of totals: value per cell, and a score per sampling unit or a value per replicate.

Here belong total, ratio, difference, relative gap and weighted average. Each takes and gives ``Statistic``: under
Taylor linearisation ``parts`` holds scores z [cells x units], gradients times unit totals; with replicate weights it
holds the statistic by replicate [cells x replicates]. How parts become a variance belongs to ``variance``.

    total       z = y
    ratio       R = Y / X            z = (y - R x) / X
    difference  D = A - B            z = z_A - z_B
    gap         G = 1 - B / A        z = -(z_B - (B / A) z_A) / A
    average     M = sum W_f G_f / sum W_f      z = sum_f [ W_f z_G,f + (G_f - M) z_W,f ] / sum W_f

Source: Wolter (2007) chapter 6 (linearisation as the gradient of a function of totals).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transforms.variance import Booleans, Floats


@dataclass(frozen=True)
class Statistic:
    """Values of one statistic in several cells.

    Attributes:
        value: per cell; NaN where it is not defined.
        parts: cells x units (scores) or cells x replicates (values).
        is_replicated: which of the two.
    """

    value: Floats
    parts: Floats
    is_replicated: bool = False


def total(value: Floats, parts: Floats, *, is_replicated: bool = False) -> Statistic:
    """Return totals from the sums per cell and their sums per unit or replicate."""
    return Statistic(value, parts, is_replicated)


def ratio(numerator: Statistic, denominator: Statistic) -> Statistic:
    """Return Y / X per cell: a rate, a share or a mean; NaN where X is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(denominator.value != 0, numerator.value / denominator.value, np.nan)
        if numerator.is_replicated:
            return Statistic(value, numerator.parts / denominator.parts, is_replicated=True)
        # The residual first and the division after: where y = R x in every unit the score is exactly 0.
        parts = denominator.parts * -value[:, None]
        parts += numerator.parts
        parts /= denominator.value[:, None]
    return Statistic(value, parts)


def difference(one: Statistic, other: Statistic) -> Statistic:
    """Return A - B per cell."""
    return Statistic(one.value - other.value, one.parts - other.parts, one.is_replicated)


def gap(reference: Statistic, compared: Statistic) -> Statistic:
    """Return (A - B) / A per cell: how far B falls short of A; NaN where A is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = ratio(compared, reference)
    return Statistic(1 - quotient.value, _minus(quotient), quotient.is_replicated)


def _minus(statistic: Statistic) -> Floats:
    return 1 - statistic.parts if statistic.is_replicated else -statistic.parts


def weighted_average(values: Sequence[Statistic], weights: Sequence[Statistic]) -> Statistic:
    """Return sum W_f G_f / sum W_f over groups f, per cell; groups without a value are left out of both sums."""
    is_replicated = weights[0].is_replicated
    known = [np.isfinite(value.value) & (weight.value > 0) for value, weight in zip(values, weights, strict=True)]
    whole = np.sum([np.where(here, weight.value, 0.0) for here, weight in zip(known, weights, strict=True)], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = _sum(known, [w.value * v.value for v, w in zip(values, weights, strict=True)]) / whole
        if is_replicated:
            parts = _sum(known, [w.parts * v.parts for v, w in zip(values, weights, strict=True)])
            parts = parts / _sum(known, [w.parts for w in weights])
        else:
            scores = [
                w.value[:, None] * v.parts + (v.value - value)[:, None] * w.parts
                for v, w in zip(values, weights, strict=True)
            ]
            parts = _sum(known, scores) / whole[:, None]
    value = np.where(whole > 0, value, np.nan)
    return Statistic(value, parts, is_replicated)


def _sum(known: Sequence[Booleans], parts: Sequence[Floats]) -> Floats:
    """Return the sum of the parts where they are known."""
    summed: Floats = np.zeros_like(parts[0])
    for here, part in zip(known, parts, strict=True):
        summed += np.where(here if part.ndim == 1 else here[:, None], part, 0.0)
    return summed
