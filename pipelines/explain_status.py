"""Which rules decided whether a figure is published: every threshold of a survey's profile, each by itself.

Here belongs the account of a verdict; the verdict itself is made in ``transforms.reliability``.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from schemas.codes import load_code_lists
from schemas.indicators import Indicator
from schemas.reliability import ReliabilityProfile, RuleSet, Thresholds, profile_of
from schemas.survey_spec import SurveySpec
from transforms.figures import known_items
from transforms.reliability import judge_cells, share_suppressed

#: A threshold that is part of another rule, not a rule of its own.
_PARTS_OF_RULES = {"rate_relative_width_suppress": "rate_width_published"}


def deciding_rules(
    spec: SurveySpec,
    indicator: Indicator,
    row: Mapping[str, Any],
    n_smallest: int,
    scale: float,
    broken: Mapping[str, bool] = MappingProxyType({}),
) -> Iterator[tuple[str, str]]:
    """Yield every threshold that holds for a survey, in words, and its verdict: passes, U or S.

    Args:
        spec: the survey.
        indicator: of the catalogue.
        row: the figure as stored, in its unit.
        n_smallest: the smallest part that it discloses.
        scale: factor from the statistic to the unit.
        broken: threshold of confidentiality that applies to the figure -> whether it is confidential by it.
    """
    profile = profile_of(spec.reliability)
    numbers = {name: _number(row[name]) for name in ("n", "cv", "df")}
    unscaled = {name: _number(row[name]) / scale for name in ("se", "lower", "upper")}
    frame = pd.DataFrame([{**numbers, **unscaled, "estimate": _number(row["value"]) / scale, "n_smallest": n_smallest}])
    for rules in profile.rule_sets:
        for key in Thresholds.model_fields:
            value = getattr(rules, key)
            if value is None or key in _PARTS_OF_RULES.values():
                continue
            single = {key: value}
            if part := _PARTS_OF_RULES.get(key):
                single[part] = getattr(rules, part)
            alone = ReliabilityProfile(key, (RuleSet(**single),))
            judged = judge_cells(frame, alone, is_few_confidential=False, measure=indicator.measure)
            yield f"{key} {value:g}", str(judged["status"].iloc[0]) or "passes"
    if not spec.design.confidential_below_5:
        return
    limits = profile.confidentiality
    if limits.n_confidential:
        is_few = min(int(row["n"]), n_smallest) < limits.n_confidential
        yield f"n_confidential {limits.n_confidential}", "S, confidential" if is_few else "passes"
    for key, is_broken in broken.items():
        persons = f" of {limits.dominance_persons} persons" if key == "dominance_share" else ""
        yield f"{key} {getattr(limits, key):g}{persons}", "S, confidential" if is_broken else "passes"


def table_share(table: pd.DataFrame, row: Mapping[str, Any], profile: ReliabilityProfile) -> tuple[float, bool]:
    """Return the share of suppressed cells among those observed in a figure's table, and whether the table is exempt.

    A table is the cells of an indicator and period in the same classification versions.

    Args:
        table: all cells of the indicator and period.
        row: the figure.
        profile: of the survey.
    """
    kept = table[table["n"] > 0]
    exempt = False
    for column in ("classif1", "classif2"):
        if row[column] is not None:
            version = known_items()[row[column]][0]
            kept = kept[kept[column].isin(load_code_lists()[version].codes)]
            exempt = exempt or version in profile.exempt_versions
    return share_suppressed(kept["status"]), exempt


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
