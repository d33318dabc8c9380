"""What may be published, and why not: the rules on numbers of observations.

Here belong the verdicts on single cells and whole tables from a rule profile. Secondary suppression
and the attacker belong to ``disclosure``.

Source: ILO's processing rules, 5 and 15 observations (STANDARDS 4.2), decisions 0.4 to 0.6.
"""

import numpy as np
import pandas as pd

from schemas.reliability import ReliabilityProfile

#: Bands in which the number of observations of a published cell is told.
N_BANDS = ((5, 14, "5-14"), (15, 49, "15-49"), (50, 99, "50-99"), (100, 499, "100-499"))


def n_band(n: pd.Series) -> pd.Series:
    """Return the published band of the number of observations; empty below 5."""
    values = n.to_numpy(dtype=float)
    conditions = [(values >= low) & (values <= high) for low, high, _ in N_BANDS] + [values >= 500]
    labels = [label for _, _, label in N_BANDS] + ["500+"]
    return pd.Series(np.select(conditions, labels, default=""), index=n.index, dtype="str")


def judge_cells(estimates: pd.DataFrame, profile: ReliabilityProfile, *, is_few_confidential: bool) -> pd.DataFrame:
    """Return the estimates with ``status`` (S, U or empty) and ``reason``: one row per cell, as given.

    A count is judged by its own n. A rate is judged by the n of its denominator, and is published
    only if numerator and complement are large enough too: a shown rate times a shown denominator is
    the numerator (STANDARDS 0.6).

    Args:
        estimates: columns ``n`` (what the figure rests on: the cell of a count, the denominator of a rate) and
            ``n_smallest`` (the smallest part that the figure discloses: of a rate its numerator and complement too).
        profile: thresholds.
        is_few_confidential: whether the country treats few observations as confidential as well
            (STANDARDS 0.4); the two reasons are then both told.
    """
    n = estimates["n"].to_numpy()
    few = estimates["n_smallest"].to_numpy() < profile.n_suppress
    unreliable = n < profile.n_suppress
    few = few | unreliable
    status = np.select([few, n < profile.n_unreliable], ["S", "U"], default="")
    confidential = few & is_few_confidential
    reason = np.select(
        [unreliable & confidential, unreliable | (few & ~confidential), confidential],
        ["unreliable;confidential", "unreliable", "confidential"],
        default="",
    )
    return estimates.assign(status=status, reason=reason)


def share_suppressed(status: pd.Series, decimals: int = 2) -> float:
    """Return the share of S cells in one table, rounded (to two decimals in ILO's processing)."""
    return float(round(float((status == "S").mean()), decimals)) if len(status) else 0.0


def is_table_published(status: pd.Series, version: str | None, profile: ReliabilityProfile) -> bool:
    """Return whether a whole table passes the share rule (indicator x classification version x time).

    Classification versions that list countries are exempt where the profile says so: most of their
    cells are small by nature.
    """
    if not profile.table_share_applies or version in profile.exempt_versions:
        return True
    return share_suppressed(status, profile.table_share_decimals) < profile.table_share
