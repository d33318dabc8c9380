"""What may be published, and why not: the rules on numbers of observations and on precision.

Here belong the verdicts on single cells and whole tables from a rule profile. Secondary suppression
and the attacker belong to ``disclosure``.

Source: ILO's processing rules, 5 and 15 observations (STANDARDS 4.2), other offices' (7.2), decisions 0.4 to 0.6.
"""

from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from schemas.reliability import ReliabilityProfile, RuleSet

_Booleans: TypeAlias = NDArray[np.bool_]
_Numbers: TypeAlias = NDArray[np.float64]

#: Measures that are judged by their own size and precision.
LEVELS = frozenset({"count", "mean", "median"})
#: Measures that are judged by the persons behind their parts only: a CV of a difference near 0 says nothing.
DIFFERENCES = frozenset({"difference", "gap", "factor_gap", "change", "net"})

#: Decimals to which ratios are rounded before they are compared with a threshold: 0.45 - 0.15 is 0.30.
_DECIMALS = 9

#: Bands in which the number of observations of a published cell is told.
N_BANDS = ((5, 14, "5-14"), (15, 49, "15-49"), (50, 99, "50-99"), (100, 499, "100-499"))


def n_band(n: pd.Series) -> pd.Series:
    """Return the published band of the number of observations; empty below 5."""
    values = n.to_numpy(dtype=float)
    conditions = [(values >= low) & (values <= high) for low, high, _ in N_BANDS] + [values >= 500]
    labels = [label for _, _, label in N_BANDS] + ["500+"]
    return pd.Series(np.select(conditions, labels, default=""), index=n.index, dtype="str")


def judge_cells(
    estimates: pd.DataFrame, profile: ReliabilityProfile, *, is_few_confidential: bool, measure: str
) -> pd.DataFrame:
    """Return the estimates with ``status`` (S, U or empty) and ``reason``: one row per cell, as given.

    Every set of rules of the profile judges by itself and the worst verdict holds. A count is judged by its own n. A
    rate is judged by the n of its denominator, and is published only if numerator and complement are large enough
    too: a shown rate times a shown denominator is the numerator (STANDARDS 0.6). Rules on precision are applied where
    there is a precision: without a standard error the numbers of observations alone decide, and an estimate of 0 has
    no CV.

    Args:
        estimates: one measure's figures. ``n`` (persons the figure rests on: the cell of a count, the denominator of a
            rate, those who reported for a mean, the smallest part of a difference) and ``n_smallest`` (the smallest
            part that the figure discloses: of a rate its numerator and complement too); where a rule of the profile
            asks for them ``estimate`` (persons; of a rate the proportion), ``se``, ``cv`` (ratio), ``lower`` and
            ``upper`` (as the estimate) and ``df``, empty where undefined.
        profile: sets of thresholds.
        is_few_confidential: whether the country treats few observations as confidential as well
            (STANDARDS 0.4); the two reasons are then both told.
        measure: what the figures are, as the catalogue has it.

    Raises:
        ValueError: if the measure is none of the catalogue.
    """
    if measure != "rate" and measure not in LEVELS | DIFFERENCES:
        raise ValueError(f"no rules for measure {measure!r}")
    n, smallest = _numbers(estimates, "n"), _numbers(estimates, "n_smallest")
    nobody = np.zeros(len(estimates), dtype=bool)
    unreliable, flagged, is_part_small = nobody, nobody, nobody
    for rules in profile.rule_sets:
        suppressed, doubtful = _verdict(estimates, rules, measure)
        unreliable, flagged = unreliable | suppressed, flagged | doubtful
        is_part_small = is_part_small | _too_few(smallest, rules.n_suppress)
    confidential = _too_few(np.minimum(n, smallest), profile.n_confidential or None) & is_few_confidential
    unreliable = unreliable | (is_part_small & ~confidential)
    status = np.select([unreliable | confidential, flagged], ["S", "U"], default="")
    reason = np.select(
        [unreliable & confidential, unreliable, confidential],
        ["unreliable;confidential", "unreliable", "confidential"],
        default="",
    )
    return estimates.assign(status=status, reason=reason)


def _verdict(estimates: pd.DataFrame, rules: RuleSet, measure: str) -> tuple[_Booleans, _Booleans]:
    """Return by cell whether one set of rules does not publish it, and whether it calls it unreliable."""
    n = _numbers(estimates, "n")
    suppressed, flagged = _too_few(n, rules.n_suppress), _too_few(n, rules.n_unreliable)
    if measure in DIFFERENCES:
        return suppressed, flagged
    flagged = flagged | _below(estimates, "df", rules.df_unreliable)
    if measure == "rate":
        precision = _rate_precision(estimates, rules, n)
    else:
        precision = _level_precision(estimates, rules, is_count=measure == "count")
    return suppressed | precision[0], flagged | precision[1]


def _level_precision(estimates: pd.DataFrame, rules: RuleSet, *, is_count: bool) -> tuple[_Booleans, _Booleans]:
    """Judge counts, means and medians by their CV, counts by their size and the width of their interval too."""
    suppressed = flagged = np.zeros(len(estimates), dtype=bool)
    if rules.cv_suppress is not None or rules.cv_unreliable is not None:
        # An estimate of 0 has no CV, whatever division made of it.
        cv = np.where(_numbers(estimates, "estimate") == 0, np.nan, np.abs(_numbers(estimates, "cv")))
        suppressed, flagged = _above(cv, rules.cv_suppress), _above(cv, rules.cv_unreliable)
    if is_count:
        suppressed = suppressed | _below(estimates, "estimate", rules.size_suppress)
        flagged = flagged | _below(estimates, "estimate", rules.size_unreliable)
        if rules.count_relative_width_suppress is not None:
            relative = _ratio(_width(estimates), _numbers(estimates, "estimate"))
            suppressed = suppressed | _above(relative, rules.count_relative_width_suppress)
    return suppressed, flagged


def _rate_precision(estimates: pd.DataFrame, rules: RuleSet, n: _Numbers) -> tuple[_Booleans, _Booleans]:
    """Judge rates by standard error, effective sample and width of the interval: not by a CV, which has two sides."""
    suppressed = flagged = np.zeros(len(estimates), dtype=bool)
    if rules.rate_n_suppress is not None:
        p, se = _numbers(estimates, "estimate"), _numbers(estimates, "se")
        effective = np.round(_ratio(p * (1 - p), se**2), _DECIMALS)
        suppressed = _too_few(n, rules.rate_n_suppress) | (effective < rules.rate_n_suppress)
    if rules.rate_se_suppress is not None or rules.rate_se_unreliable is not None:
        se = _numbers(estimates, "se")
        suppressed = suppressed | _above(se, rules.rate_se_suppress)
        flagged = _above(se, rules.rate_se_unreliable)
    if rules.rate_width_suppress is not None:
        suppressed = suppressed | (np.round(_width(estimates), _DECIMALS) >= rules.rate_width_suppress)
    if rules.rate_relative_width_suppress is not None:
        p, width = _numbers(estimates, "estimate"), _width(estimates)
        is_judged = _above(width, rules.rate_width_published or 0.0)
        suppressed = suppressed | (is_judged & _above(_ratio(width, p), rules.rate_relative_width_suppress))
        flagged = flagged | (is_judged & _above(_ratio(width, 1 - p), rules.rate_relative_width_suppress))
    return suppressed, flagged


def _numbers(estimates: pd.DataFrame, column: str) -> _Numbers:
    values: _Numbers = estimates[column].to_numpy(dtype=float, na_value=np.nan)
    return values


def _width(estimates: pd.DataFrame) -> _Numbers:
    return _numbers(estimates, "upper") - _numbers(estimates, "lower")


def _ratio(dividend: _Numbers, divisor: _Numbers) -> _Numbers:
    """Divide; NaN where the divisor is 0."""
    ratio: _Numbers = np.full(len(dividend), np.nan)
    np.divide(dividend, divisor, out=ratio, where=divisor != 0)
    return ratio


def _too_few(n: _Numbers, threshold: int | None) -> _Booleans:
    """Whether observations are fewer than a threshold; an unknown number is too few."""
    return np.zeros(len(n), dtype=bool) if threshold is None else ~(n >= threshold)


def _below(estimates: pd.DataFrame, column: str, threshold: float | None) -> _Booleans:
    """Whether values are below a threshold; False where undefined, or where there is no threshold."""
    if threshold is None:
        return np.zeros(len(estimates), dtype=bool)
    return np.asarray(_numbers(estimates, column) < threshold)


def _above(values: _Numbers, threshold: float | None) -> _Booleans:
    """Whether ratios are above a threshold; False where undefined, or where there is no threshold."""
    if threshold is None:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(np.round(values, _DECIMALS) > threshold)


def share_suppressed(status: pd.Series, decimals: int = 2) -> float:
    """Return the share of S cells in one table, rounded (to two decimals in ILO's processing)."""
    return float(round(float((status == "S").mean()), decimals)) if len(status) else 0.0


def is_table_published(status: pd.Series, version: str | None, profile: ReliabilityProfile) -> bool:
    """Return whether a whole table passes the share rules (indicator x classification version x time).

    Classification versions that list countries are exempt where a set of rules says so: most of their
    cells are small by nature.
    """
    return all(
        share_suppressed(status, rules.table_share_decimals) < rules.table_share
        for rules in profile.rule_sets
        if rules.table_share is not None and rules.table_share_applies and version not in rules.exempt_versions
    )
