"""Quantiles of a weighted sample with Woodruff limits.

Here belong the quantile of one cell, its limits and standard error, and its score per unit, which lets quantiles be
compared. The variance of the distribution function at the quantile is asked of the caller, who knows the design.

    q     = the smallest x with F(x) >= p                 (R: qrule = "math")
    F(q) -+ t se(F(q))  ->  limits by the same rule       (R: interval.type = "mean")
    se(q) = (upper - lower) / (2 t)
    z_q   = -(se(q) / se(F)) z_F

Source: Woodruff (1952) Confidence intervals for medians and other position measures; R survey 4.1.1, svyquantile.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from transforms.variance import CONFIDENCE_LEVEL, Floats

_ROUNDING = 1e-12


def weighted_quantile(values: Floats, weights: Floats, p: float) -> float:
    """Return the smallest value at which the distribution function reaches p; NaN of no values.

    Args:
        values: sorted.
        weights: of the values, above zero.
        p: between 0 and 1.
    """
    if not len(values) or not 0 <= p <= 1:
        return float("nan")
    cumulated = np.cumsum(weights)
    # A share that is reached exactly counts as reached, whatever rounding made of the sum.
    place = int(np.searchsorted(cumulated, p * cumulated[-1] * (1 - _ROUNDING), side="left"))
    return float(values[min(place, len(values) - 1)])


@dataclass(frozen=True)
class Quantile:
    """A quantile of one cell.

    Attributes:
        value: the quantile.
        se: standard error; NaN where a limit or the variance is missing.
        lower: Woodruff limit.
        upper: Woodruff limit.
        slope: factor that turns scores of the distribution function into scores of the quantile.
    """

    value: float
    se: float
    lower: float
    upper: float
    slope: float


def quantile_estimate(
    values: Floats,
    weights: Floats,
    p: float,
    se_of_share: Callable[[float, float], float],
    df: float,
    level: float = CONFIDENCE_LEVEL,
) -> Quantile:
    """Return a quantile with its Woodruff limits.

    Args:
        values: of the members of the cell, sorted.
        weights: theirs.
        p: which quantile: 0.5 for the median.
        se_of_share: standard error of the share of members at or below a value, from the value and the share.
        df: degrees of freedom; no limits below 1.
        level: confidence level.
    """
    value = weighted_quantile(values, weights, p)
    if np.isnan(value):
        return Quantile(value, *(float("nan"),) * 4)
    share = float(weights[values <= value].sum() / weights.sum())
    se_share = se_of_share(value, share)
    t = float(stdtrit(df, (1 + level) / 2)) if df >= 1 else float("nan")
    low, high = share - t * se_share, share + t * se_share
    lower = weighted_quantile(values, weights, low) if low >= 0 else float("nan")
    upper = weighted_quantile(values, weights, high) if high <= 1 else float("nan")
    se = (upper - lower) / (2 * t)
    return Quantile(value, se, lower, upper, se / se_share if se_share > 0 else 0.0 * se)
