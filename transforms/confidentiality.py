"""What is confidential: figures from which a person could be learnt, beside those of few persons.

Here belong the rules on households, sampling units, dominance and groups that are all alike. Few persons themselves are
judged in ``reliability`` with the numbers of observations; what else must be hidden so that nobody can work a
confidential figure out belongs to ``suppression``.

Comparisons (differences, gaps, changes, net flows) have no rule here: they are hidden with the figures that they are
made of.

Source: STANDARDS 0.4, 0.6 and 7.3; thresholds and their sources are in ``schemas/reliability``.
"""

from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from schemas.codes import load_code_lists
from schemas.concepts import load_absentee_concepts, load_concepts
from schemas.indicators import Indicator
from schemas.reliability import Confidentiality, ReliabilityProfile
from transforms.figures import base_codes, known_items, root_of, universe_name

_Booleans: TypeAlias = NDArray[np.bool_]
_Numbers: TypeAlias = NDArray[np.float64]

#: Threshold -> column of estimates that must not be below it.
_FEWEST = {
    "households_confidential": "households_smallest",
    "psu_confidential": "n_psu",
    "p_percent": "p_share",
}
#: Threshold -> column of estimates that is judged; where it is empty, the rule does not apply.
RULE_COLUMNS: Mapping[str, str] = _FEWEST | {"dominance_share": "dominance", "group_disclosure_n": "n_round"}

#: Decimals to which ratios are rounded before they are compared with a threshold.
_DECIMALS = 9


class _Cell(NamedTuple):
    """One cell of a table: its indicator, period, sex and the items of both dimensions, '' where there is none."""

    indicator: str
    freq: str
    time: str
    sex: str
    one: str
    two: str


def judge_confidential(
    estimates: pd.DataFrame,
    profile: ReliabilityProfile,
    catalogue: Mapping[str, Indicator],
    *,
    is_few_confidential: bool,
) -> pd.DataFrame:
    """Return the estimates with ``status`` S and the reason ``confidential`` where a rule says so; rows as given.

    A figure may have both reasons: ``unreliable;confidential``.

    Args:
        estimates: all figures of one survey and period, judged by ``judge_cells``; see ``broken_rules``.
        profile: sets of thresholds; of each the strictest holds.
        catalogue: indicator -> what it is.
        is_few_confidential: whether anything is confidential in the country at all (STANDARDS 0.4).
    """
    if not is_few_confidential or not len(estimates):
        return estimates
    found = np.logical_or.reduce(list(broken_rules(estimates, profile, catalogue).values()))
    reason = estimates["reason"].to_numpy(dtype=object)
    told = np.char.find(reason.astype(str), "confidential") >= 0
    new = np.where(reason == "", "confidential", reason + ";confidential")
    return estimates.assign(
        status=np.where(found, "S", estimates["status"].to_numpy(dtype=object)),
        reason=np.where(found & ~told, new, reason),
    )


def broken_rules(
    estimates: pd.DataFrame, profile: ReliabilityProfile, catalogue: Mapping[str, Indicator]
) -> dict[str, _Booleans]:
    """Return threshold -> whether a figure is confidential by it; a rule without its thresholds is left out.

    Args:
        estimates: all figures of one survey and period. Columns: the cell (``indicator``, ``freq``, ``time``, ``sex``,
            ``classif1``, ``classif2``); ``n``, of a rate the denominator's; ``n_round``, the same in the round where
            they are most; ``households_smallest`` (of a rate the numerator's households, where these are fewer),
            ``n_psu``, ``dominance`` and ``p_share`` (see ``measures.Shares``), empty where not known.
        profile: sets of thresholds.
        catalogue: indicator -> what it is.
    """
    limits = profile.confidentiality
    comparisons = [name for name in estimates["indicator"].unique() if catalogue[name].is_comparison]
    is_judged = ~estimates["indicator"].isin(comparisons).to_numpy()
    found = {}
    for key, column in _FEWEST.items():
        limit = getattr(limits, key)
        if limit is not None:
            # A comparison with NaN is False: what is not known is not judged.
            found[key] = is_judged & (np.round(_numbers(estimates, column), _DECIMALS) < limit)
    if limits.dominance_share is not None and limits.dominance_persons is not None:
        share = np.round(_numbers(estimates, "dominance"), _DECIMALS)
        found["dominance_share"] = is_judged & (share > limits.dominance_share)
    if limits.group_disclosure_n is not None:
        found["group_disclosure_n"] = _are_groups(estimates, is_judged, limits, catalogue)
    return found


def _numbers(estimates: pd.DataFrame, column: str) -> _Numbers:
    values: _Numbers = estimates[column].to_numpy(dtype=float, na_value=np.nan)
    return values


# --- groups --------------------------------------------------------------------------------------


def _are_groups(
    estimates: pd.DataFrame, is_judged: _Booleans, limits: Confidentiality, catalogue: Mapping[str, Indicator]
) -> _Booleans:
    """Return which figures are of an item that holds everybody of a small group.

    A group are the persons of a row of a table: of one sex and one item of the other dimension. It tells its members'
    item where it is small and the item holds as many persons as the total of its version. It does not where that is
    no news: where a large group that the small one is part of (both sexes, the total of the other dimension) is all in
    the item, or where the item holds everybody by definition.
    """
    threshold = limits.group_disclosure_n or 0
    n, n_round = _numbers(estimates, "n"), _numbers(estimates, "n_round")
    keys = ["indicator", "freq", "time", "sex"]
    columns = [estimates[name].to_list() for name in keys]
    columns += [
        estimates[name].astype(object).where(estimates[name].notna(), "").to_list() for name in ("classif1", "classif2")
    ]
    cells = [_Cell(*parts) for parts in zip(*columns, strict=True)]
    # The persons of an item are all of its group's in every round, or fewer in one and in the sum.
    persons = {cell: (n[row], n_round[row]) for row, cell in enumerate(cells) if is_judged[row]}
    found = np.zeros(len(estimates), dtype=bool)
    for row in np.flatnonzero(is_judged & (n_round >= (limits.n_confidential or 1)) & (n_round < threshold)):
        cell = cells[row]
        found[row] = any(
            _is_whole(persons, cell, side)
            and not any(
                _is_whole(persons, larger, side) and persons[larger][1] >= threshold for larger in _larger(cell, side)
            )
            and not _holds_everybody(catalogue[cell.indicator], side, getattr(cell, side))
            for side in ("one", "two")
        )
    return found


def _is_whole(persons: Mapping[_Cell, tuple[float, float]], cell: _Cell, side: str) -> bool:
    """Whether the item of one side holds everybody of the version's total in the same row."""
    item = getattr(cell, side)
    total = _total_of(item)
    if total in ("", item) or cell not in persons:
        return False
    whole = persons.get(cell._replace(**{side: total}))
    return whole is not None and whole[0] == persons[cell][0]


def _larger(cell: _Cell, side: str) -> list[_Cell]:
    """Return the cells of the same item for both sexes and for the total of the other dimension."""
    other = "two" if side == "one" else "one"
    item = getattr(cell, other)
    sexes, items = (cell.sex, load_code_lists()["SEX"].total), (item, _total_of(item) or item)
    return [cell._replace(**{"sex": sex, other: held}) for sex, held in product(sexes, items)]


@cache
def _total_of(item: str) -> str:
    """Return the total of an item's version; '' where it has none."""
    return str(load_code_lists()[known_items()[item][0]].total) if item in known_items() else ""


def _holds_everybody(indicator: Indicator, side: str, item: str) -> bool:
    """Whether an item holds everybody of an indicator's universe, by their definitions."""
    column = indicator.classif1_concept if side == "one" else indicator.classif2_concept
    return _is_universal(indicator.relation, indicator.denominator or indicator.universe, str(column), item)


@cache
def _is_universal(relation: str, universe: str, column: str, item: str) -> bool:
    concepts = load_concepts() if relation == "persons" else load_absentee_concepts()
    lists = concepts[column].code_lists
    codes = {code.code for name in lists for code in load_code_lists()[name].items if not code.is_total}
    for restricted, own in root_of(universe_name(relation, universe))[1]:
        if restricted == column:
            codes &= own
    return codes <= base_codes(item, lists)
