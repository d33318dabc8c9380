"""Figures that compare others: hidden where one of the figures that they are made of is.

A difference is made of two rates, a gap of two means or medians, a change of the period's own figure and that of the
year before, a net flow of both flows. With the other part, and the comparison, the hidden part would be told.

Source: STANDARDS 1.9; which cells are the same figure is said in ``figures``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from schemas.codes import load_code_lists
from schemas.indicators import CONTRASTS, Indicator, Relation, load_indicators
from schemas.periods import Period

#: What a figure is of: relation, measure, universe, denominator, quantity.
_Figure = tuple[Relation, str, str, str | None, str | None]
#: What a cell is restricted to beside sex: concept and item; a total restricts to nothing.
_Cell = frozenset[tuple[str, str]]
_Part = tuple[_Figure, _Cell]
#: Area, survey, frequency, time, sex.
_Place = tuple[str, str, str, str, str]

#: Universe -> the one that it is a cell of, and the concept: a count is the same figure in all tables that have it.
MIGRANTS_OF: Mapping[str, tuple[str, str]] = {
    "foreign_born_population": ("working_age", "place_of_birth"),
    "foreign_born_employed": ("employed", "place_of_birth"),
    "migrant_workers_by_birth": ("labour_force", "place_of_birth"),
    "non_citizen_working_age": ("working_age", "citizenship_status"),
    "non_citizen_employed": ("employed", "citizenship_status"),
    "migrant_workers_by_citizenship": ("labour_force", "citizenship_status"),
}
_PLACE = ["ref_area", "survey", "freq", "time", "sex"]
_ROW = ["indicator", "classif1", "classif2"]

UNRELIABLE, CONFIDENTIAL, SECONDARY = "unreliable", "confidential", "secondary"
#: Why a figure is not published, in the order in which reasons are told.
REASONS = (UNRELIABLE, CONFIDENTIAL, SECONDARY)


def hide_comparisons(estimates: pd.DataFrame, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the estimates with ``status`` S and ``reason`` of comparisons that a hidden figure is a part of.

    Args:
        estimates: figures of one area; ``status`` S marks what is hidden, ``reason`` says why.
        before: figures of the area a year earlier, for changes: keys, ``status`` and ``reason``.
    """
    catalogue = load_indicators()
    numbers: dict[_Part, int] = {}
    parts: dict[object, list[tuple[int, bool]]] = {}
    own: dict[object, int] = {}

    def number(part: _Part) -> int:
        return numbers.setdefault(part, len(numbers))

    hidden: dict[_Place, dict[int, set[str]]] = {}
    for frame in (estimates, *(() if before is None else (before,))):
        suppressed = frame[frame["status"] == "S"]
        for row, place, reason in zip(
            _tuples(suppressed, _ROW), _tuples(suppressed, _PLACE), suppressed["reason"], strict=True
        ):
            if row not in own:
                own[row] = number(_known_as(_figure(catalogue[row[0]]), _cell(catalogue[row[0]], row[1:])))
            hidden.setdefault(place, {}).setdefault(own[row], set()).update(str(reason).split(";"))
    if not hidden:
        return estimates
    status, reasons = estimates["status"].to_list(), estimates["reason"].to_list()
    is_comparison = estimates["indicator"].isin([name for name, one in catalogue.items() if one.is_comparison])
    positions = (is_comparison & (estimates["status"] != "S")).to_numpy().nonzero()[0]
    told = estimates.iloc[positions]
    for position, row, place in zip(positions, _tuples(told, _ROW), _tuples(told, _PLACE), strict=True):
        if row not in parts:
            parts[row] = [(number(part), is_earlier) for part, is_earlier in _parts_of(catalogue[row[0]], row[1:])]
        why: set[str] = set()
        for part, is_earlier in parts[row]:
            why |= hidden.get(_year_before(place) if is_earlier else place, {}).get(part, set())
        if why:
            status[position], reasons[position] = "S", ";".join(name for name in REASONS if name in why)
    return estimates.assign(status=status, reason=reasons)


def _tuples(frame: pd.DataFrame, columns: Sequence[str]) -> Iterable[Any]:
    return (
        frame[list(columns)].astype(object).where(frame[list(columns)].notna(), None).itertuples(index=False, name=None)
    )


def _year_before(place: _Place) -> _Place:
    area, survey, freq, time, sex = place
    return area, survey, freq, Period.parse(time).year_before().sdmx, sex


def _cell(indicator: Indicator, items: Sequence[object]) -> _Cell:
    lists = load_code_lists()
    totals = {lists[name].total for name in (*indicator.classif1_versions, *indicator.classif2_versions)}
    named = zip((indicator.classif1_concept, indicator.classif2_concept), items, strict=True)
    return frozenset((concept, str(item)) for concept, item in named if concept and item and item not in totals)


def _figure(indicator: Indicator) -> _Figure:
    return indicator.relation, indicator.measure, indicator.universe, indicator.denominator, indicator.quantity


def _parts_of(indicator: Indicator, items: Sequence[object]) -> list[tuple[_Part, bool]]:
    """Return the figures that a comparison is made of in a cell, and which are those of the year before."""
    relation, universe, denominator = indicator.relation, indicator.universe, indicator.denominator
    cell = _cell(indicator, items)
    if indicator.measure == "net":
        assert indicator.subtrahend is not None
        made_of = [_count(relation, universe), _count("absentees", indicator.subtrahend)]
    elif indicator.measure == "gap":
        assert indicator.statistic is not None
        made_of = [(relation, indicator.statistic, universe, None, indicator.quantity)]
    elif indicator.measure in ("difference", "change"):
        made_of = [_count(relation, universe)]
        if denominator is not None:
            made_of += [_count(relation, denominator), (relation, "rate", universe, denominator, None)]
    else:
        return []
    contrasts = CONTRASTS[indicator.contrast] if indicator.contrast else ()
    further = [frozenset({(str(indicator.contrast), item)}) for item in contrasts] or [frozenset()]
    times = (False, True) if indicator.measure == "change" else (False,)
    return [
        (_known_as(figure, cell | restriction), is_earlier)
        for figure in made_of
        for restriction in further
        for is_earlier in times
    ]


def _count(relation: Relation, universe: str) -> _Figure:
    return relation, "count", universe, None, None


def _known_as(figure: _Figure, cell: _Cell) -> _Part:
    """Return a figure and its cell under the one name that all tables share: migrants are a cell of everybody."""
    relation, measure, universe, _, _ = figure
    if measure != "count" or universe not in MIGRANTS_OF:
        return figure, cell
    whole, concept = MIGRANTS_OF[universe]
    return _count(relation, whole), cell | {(concept, CONTRASTS[concept][0])}
