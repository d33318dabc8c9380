"""The attack on what is about to be published, and the account of how it was protected.

The attacker knows the published rows, rounded as they are printed, every row that an earlier release told, the lists of
codes and what adds up to what. He does not know numbers of observations, nor what is hidden. For means he is taken to
know how many persons told theirs: worse than the truth.

Source: STANDARDS 0.4, 0.6, 0.8 and 7.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from schemas.indicators import load_indicators
from transforms.attacker import Audit, Published, audit
from transforms.linked_cells import Booleans, Floats, Integers
from transforms.linked_tables import INFORMATION
from transforms.progress import Progress, silent
from transforms.protection import LinkedSurvey, Protected

#: Equations that are named with a leak, at most.
EQUATIONS_TOLD = 8


@dataclass(frozen=True)
class Leak:
    """A confidential figure that what is published tells too closely.

    Attributes:
        figure: what it is of, in words.
        equations: what tells it, in words.
        earlier: whether an earlier release told the figure itself.
    """

    figure: str
    equations: tuple[str, ...]
    earlier: bool


@dataclass(frozen=True)
class Attack:
    """What the attacker came to in one survey.

    Attributes:
        audit: verdicts on the confidential cells.
        targets: these cells.
        leaks: those that are told too closely.
    """

    audit: Audit
    targets: Integers
    leaks: tuple[Leak, ...]


def attack(protected: Protected, key: str, progress: Progress = silent) -> Attack:
    """Attack the tables of one survey.

    Args:
        protected: what is about to be published.
        key: the survey.
        progress: told the steps.
    """
    own = protected.surveys[key]
    linked = own.tables.linked
    published, told, rate_names = what_is_known(protected, own)
    targets = np.flatnonzero(linked.need_up > 0)
    # A rounded figure is told as such: the interval must reach as far around it as around a hidden one.
    is_rounded = np.isfinite(own.rounded)
    value = np.where(is_rounded, own.rounded, linked.value)
    need_down = np.where(is_rounded, np.minimum(linked.need_up, value), linked.need_down)
    found = audit(published, targets, value[targets], linked.need_up[targets], need_down[targets], progress=progress)
    leaks = []
    for leak in found.leaks:
        names = [own.tables.equation_text(row) for row in leak.equations] + [rate_names[rate] for rate in leak.rates]
        leaks.append(Leak(own.tables.names[leak.target], tuple(names[:EQUATIONS_TOLD]), bool(told[leak.target])))
    return Attack(found, targets, tuple(leaks))


def what_is_known(protected: Protected, own: LinkedSurvey) -> tuple[Published, Booleans, list[str]]:
    """Return what anybody knows of a survey's cells, which cells rows tell by themselves, and the names of the rates.

    Args:
        protected: what is about to be published.
        own: the survey's linked cells.
    """
    catalogue = load_indicators()
    tables, size = own.tables, len(own.tables.n)
    lower, upper = np.zeros(size), np.full(size, np.inf)
    told = np.zeros(size, dtype=bool)
    position = {label: number for number, label in enumerate(own.rows)}
    rates: list[tuple[int, int, float, float, str]] = []
    figures = protected.figures.loc[protected.figures.index.isin(own.rows)]
    figures = figures[(figures["status"] != "S") | figures["known"]]
    columns = ["indicator", "value", "weight", "time", "sex", "classif1", "classif2"]
    for label, name, value, weight, *cell in figures[columns].itertuples(name=None):
        row, indicator = position[label], catalogue[name]
        number = tables.own[row]
        if number < 0:
            continue
        half = 0.5 * 10.0**-indicator.decimals
        low, high = round(value, indicator.decimals) - half, round(value, indicator.decimals) + half
        if np.isfinite(own.rounded[number]):
            # A rate of two rounded counts tells no more than they do.
            if indicator.measure != "rate":
                lower[number] = max(0.0, own.rounded[number] - own.reach[number])
                upper[number] = own.rounded[number] + own.reach[number]
            continue
        if indicator.measure == "rate":
            text = f"rate {name} {' '.join(str(part) for part in cell if isinstance(part, str))}"
            rates.append((number, tables.denominator[row], max(low, 0.0) / 100, high / 100, text))
            continue
        scale = 10.0**indicator.unit_mult if indicator.measure == "count" else weight
        lower[number], upper[number] = max(lower[number], low * scale), min(upper[number], high * scale)
        told[number] = True
    numerator, denominator, least, most, names = zip(*rates, strict=True) if rates else ((), (), (), (), ())
    published = Published(
        lower=lower,
        upper=upper,
        equations=tables.linked.equations,
        numerator=np.array(numerator, dtype=np.int64),
        denominator=np.array(denominator, dtype=np.int64),
        low=np.array(least, dtype=float),
        high=np.array(most, dtype=float),
    )
    return published, told, list(names)


def report(protected: Protected, attacks: Mapping[str, Attack]) -> dict[str, Any]:
    """Return the account of an area and year: what was hidden and why, and what the attacker came to; no hidden value.

    Args:
        protected: what is about to be published.
        attacks: survey -> the attack on it.
    """
    figures = protected.figures
    hidden = figures[figures["status"] == "S"]
    by_indicator: dict[str, dict[str, int]] = {}
    reason = hidden["reason"].astype("str")
    strongest = pd.Series("unreliable", index=hidden.index)
    for name in ("secondary", "confidential"):
        strongest = strongest.mask(reason.str.contains(name, regex=False), name)
    for indicator, rows in figures.groupby("indicator", sort=True):
        counted = strongest[strongest.index.isin(rows.index)].value_counts()
        by_indicator[str(indicator)] = {"cells": len(rows)} | {
            name: int(counted.get(name, 0)) for name in ("confidential", "secondary", "unreliable")
        }
    surveys = protected.surveys.values()
    total = sum(float(_information(one, one.tables.n > 0).sum()) for one in surveys)
    primary = sum(float(_information(one, one.tables.linked.need_up > 0).sum()) for one in surveys)
    found = attacks.values()
    return {
        "cells": len(figures),
        "published": int((figures["status"] != "S").sum()),
        "by_reason": {str(name): int(count) for name, count in reason.value_counts().sort_index().items()},
        "by_indicator": by_indicator,
        "tables_refused": len(protected.refused),
        "information": {
            "unit": INFORMATION,
            "total": round(total, 1),
            "lost_primary": round(primary, 1),
            "lost_secondary": round(sum(float(one.suppression.cost) for one in surveys), 1),
        },
        "suppression": {
            "method": " and ".join(sorted({one.suppression.method for one in surveys})) or "none needed",
            "cells": sum(len(one.tables.n) for one in surveys),
            "equations": sum(one.tables.linked.equations.shape[0] for one in surveys),
            "components": sum(one.suppression.components for one in surveys),
            "largest_component": max((one.suppression.largest_component for one in surveys), default=0),
            "solves": sum(one.suppression.solves for one in surveys),
        },
        "attack": {
            "targets": sum(len(one.targets) for one in found),
            "protected": sum(int(one.audit.is_protected.sum()) for one in found),
            "components": sum(one.audit.components for one in found),
            "largest_component": max((one.audit.largest_component for one in found), default=0),
            "solves": sum(one.audit.solves for one in found),
            "leaks": [
                {"figure": leak.figure, "equations": list(leak.equations), "told_before": leak.earlier}
                for one in found
                for leak in one.leaks
            ],
        },
    }


def _information(own: LinkedSurvey, which: Booleans) -> Floats:
    """Return the information of some cells, whether they are shown or not: appearances x persons."""
    tables = own.tables
    appearances = np.zeros(len(tables.n))
    for cells in (tables.own, tables.denominator):
        np.add.at(appearances, cells[cells >= 0], 1.0)
    return np.where(which, appearances * np.maximum(tables.n, 1.0), 0.0)
