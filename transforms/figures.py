"""Which cells of different tables are the same figure: by universe, columns and items, never by ids of tables.

Here belongs how a cell is named, so that figures can be held against each other. What must hold between them belongs
to ``coherence``.

A figure is named by what it is about (a universe, a rate, a mean), by the items that restrict it, each as the set of
base codes that it holds, and by sex. Totals restrict nothing. AGE_AGGREGATE_Y15-24 is then AGE_10YRBANDS_Y15-24, and
the foreign-born employed are the employed of CBR_BIR_FOREIGN. Figures are compared within one place: area, survey and
period, weight, time rule, and whether several years are pooled.

Source: STANDARDS 3.4 and 4.4.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from schemas.codes import COUNTRY_VERSIONS, Code, items_of, load_code_lists, load_country_groups
from schemas.concepts import Concept, load_absentee_concepts, load_concepts, load_universes
from schemas.indicators import Indicator, load_indicators

Ints = NDArray[np.int64]

#: (column, item) that restrict whom a figure is about.
Restrictions = tuple[tuple[str, str], ...]

#: Universes that are the sum of others: (whole, parts). They are families: what is restricted from them is not.
SUMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("labour_force", ("employed", "unemployed")),
    ("labour_force", ("employed", "self_declared_unemployed")),
    ("working_age", ("labour_force", "outside_labour_force")),
    ("extended_labour_force", ("labour_force", "potential_labour_force")),
    ("underused_lu2", ("unemployed", "time_related_underemployed")),
    ("underused_lu3", ("unemployed", "potential_labour_force")),
    ("underused_lu4", ("unemployed", "potential_labour_force", "time_related_underemployed")),
)
_FAMILIES = frozenset(name for whole, parts in SUMS for name in (whole, *parts))

#: Universes by a derived flag -> (universe, column, item) that the flag says.
_FLAGGED = {
    "migrant_workers_by_birth": ("labour_force", "place_of_birth", "CBR_BIR_FOREIGN"),
    "migrant_workers_by_citizenship": ("labour_force", "citizenship_status", "CCT_CIT_NONCIT"),
}

#: (universe, residence status) -> the universe that it is then.
_AT_RESIDENCE = {
    ("listed_working_age", "RES_USUAL"): "working_age",
    ("all_migrant_workers_by_birth", "RES_USUAL"): "migrant_workers_by_birth",
    ("all_migrant_workers_by_birth", "RES_PRESENT_NON_RESIDENT"): "non_resident_foreign_workers",
    ("all_migrant_workers_by_citizenship", "RES_USUAL"): "migrant_workers_by_citizenship",
    ("all_migrant_workers_by_citizenship", "RES_PRESENT_NON_RESIDENT"): "non_resident_foreign_workers",
}

#: Columns in which nobody is without an item: the unknown have one of their own.
WITH_UNKNOWN = frozenset({"place_of_birth", "citizenship_status"})

#: Time rules of flows; all other figures are of stocks.
_FLOWS = ("flow", "sum", "year_before")

_PLACE = ["ref_area", "survey", "freq", "time", "rule", "weight", "is_pooled"]

_RESTRICTED = re.compile(r"(\w+) (?:= '([^']+)'|IN \(('[^']+'(?:, '[^']+')*)\))\)")


def universe_name(relation: str, universe: str) -> str:
    """Return a universe's name, which persons and absentees may share."""
    return universe if relation == "persons" else f"{universe} of {relation}"


@cache
def _within(universe: str) -> tuple[str, str, frozenset[str]] | None:
    """Return the universe, the column and its codes that make a universe, where its condition is no more than that."""
    if universe in _FLAGGED:
        whole, column, code = _FLAGGED[universe]
        return whole, column, frozenset({code})
    universes = load_universes()
    text = universes[universe].condition.text if universe in universes else ""
    for other in universes.values():
        found = _RESTRICTED.fullmatch(text.removeprefix(f"({other.condition.text}) AND ("))
        if found and found[1] in shown_columns():
            codes = {found[2]} if found[2] else set(re.findall(r"'([^']+)'", found[3]))
            return other.name, found[1], frozenset(codes)
    return None


@cache
def family_of(universe: str) -> tuple[str, Restrictions]:
    """Return the universe that a universe is at some items of tables, and these: foreign_born_employed is employed.

    Universes that are a sum or a part of one are families of their own.
    """
    within = None if universe in _FAMILIES else _within(universe)
    if within is None or len(within[2]) > 1 or not within[2] <= known_items().keys():
        return universe, ()
    family, more = family_of(within[0])
    return family, (*more, *((within[1], code) for code in within[2]))


@cache
def root_of(universe: str) -> tuple[str, tuple[tuple[str, frozenset[str]], ...]]:
    """Return the widest universe that holds a universe but for the codes of columns of tables, and these codes."""
    within = _within(universe)
    if within is None:
        return universe, ()
    root, more = root_of(within[0])
    return root, (*more, within[1:])


@cache
def shown_columns() -> frozenset[str]:
    """Return the columns that are a dimension of any table of the catalogue."""
    return frozenset(column for one in load_indicators().values() for column in columns_of(one))


@cache
def counted_families() -> frozenset[str]:
    """Return the families of universes that any table of the catalogue counts."""
    return frozenset(subject_of(one)[0] for one in load_indicators().values() if one.measure == "count")


def columns_of(indicator: Indicator) -> tuple[str, ...]:
    """Return the columns of an indicator's dimensions beside sex."""
    return tuple(name for name in (indicator.classif1_concept, indicator.classif2_concept) if name)


@cache
def known_items() -> Mapping[str, tuple[str, Code]]:
    """Return code of an item -> its classification version and the item."""
    lists = load_code_lists()
    return {item.code: (name, item) for name in lists if lists[name].total for item in lists[name].items}


@cache
def parts_of(version: str) -> tuple[str, ...]:
    """Return the items of a version that together make up its total."""
    return tuple(item.code for item in load_code_lists()[version].items if item.level == 1 and not item.is_total)


@cache
def _concept(column: str) -> Concept:
    concepts = load_concepts()
    return concepts[column] if column in concepts else load_absentee_concepts()[column]


@cache
def base_codes(item: str, collected: tuple[str, ...]) -> frozenset[str]:
    """Return the base codes that an item holds, of the lists collected; the item itself where there are none.

    A country is told by its item, so that those of two versions are not compared. X and the groups of countries share
    what has no item: a residual group is part of its region and of X.
    """
    version = known_items()[item][0]
    held = (code for code in _all_codes(collected) if item in items_of(version, code))
    if version in COUNTRY_VERSIONS:
        own = parts_of(version)
        held = (country if (country := f"{version}_{code}") in own else code for code in held)
    return frozenset(held) or frozenset({item})


@cache
def country_groups(version: str) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
    """Return the groups of countries of a version with their members, and whether these hold everybody of the group.

    The members of a region are its subregions, and those of a subregion its countries. What has no item of its own, a
    residual group for one, is in its group alone.
    """
    above, codes = load_country_groups(), load_code_lists()[version].codes
    found = []
    for group in dict.fromkeys(above.values()):
        members = [f"{version}_{member}" for member, holder in above.items() if holder == group]
        items = tuple(member for member in members if member in codes)
        found.append((f"{version}_{group}", items, len(items) == len(members)))
    return tuple(found)


@cache
def _all_codes(lists: tuple[str, ...]) -> frozenset[str]:
    return frozenset(item.code for name in lists for item in load_code_lists()[name].items if not item.is_total)


@cache
def is_complete(version: str, collected: tuple[str, ...]) -> bool:
    """Whether the parts of a version hold every code of the lists collected."""
    held = {base for item in parts_of(version) for base in base_codes(item, collected)}
    return held >= _all_codes(collected)


def subject_of(indicator: Indicator) -> tuple[str, Restrictions]:
    """Return what an indicator's figures are about, in words, and what its universe alone restricts them to."""
    own = universe_name(indicator.relation, indicator.universe)
    match indicator.measure:
        case "count":
            return family_of(own)
        case "rate":
            return rate_name(indicator), ()
        case "mean" | "median":
            return pay_name(indicator, indicator.measure), ()
        case "difference":
            return f"difference of {rate_name(indicator)} by {indicator.contrast}", ()
        case "gap":
            return f"gap of {pay_name(indicator, str(indicator.statistic))} by {indicator.contrast}", ()
        case "factor_gap":
            return f"gap of {pay_name(indicator, 'mean')} by {indicator.contrast} within {indicator.factor}", ()
        case "net":
            return f"{own} - {universe_name('absentees', str(indicator.subtrahend))}", ()
        case _:
            return f"change of {rate_name(indicator) if indicator.denominator else own}", ()


def rate_name(indicator: Indicator) -> str:
    """Return what a rate, or the rate that is compared, is about."""
    return f"{universe_name(indicator.relation, indicator.universe)} / {indicator.denominator}"


def pay_name(indicator: Indicator, statistic: str) -> str:
    """Return what a mean or median, or the one that is compared, is about."""
    return f"{statistic} {indicator.quantity} of {universe_name(indicator.relation, indicator.universe)}"


def mapped(column: pd.Series, values: Mapping[str, Any], default: Any = None) -> NDArray[Any]:
    """Return for every row the value of its category: once per category, not once per row."""
    return np.array([values.get(category, default) for category in column.cat.categories])[column.cat.codes]


class Figures:
    """The figures of one survey, numbered so that equal figures have equal numbers.

    ``rows`` has one row per cell of the frame: indicator, order (its place in the catalogue), place, subject, sex,
    sex_number, where (what it is about, as sets of base codes), shape and cell (the versions of the restricting items,
    and the items), one, two (items; '' where there is none), value (in units, not thousands), n, n_numerator,
    is_count, and is_restricted (its universe is another one at an item).
    """

    def __init__(self, frame: pd.DataFrame, catalogue: Mapping[str, Indicator], pooled: frozenset[str]) -> None:
        self._numbers: dict[Any, int] = {}
        self._named: dict[int, Any] = {}
        self._cells: dict[int, Restrictions] = {}
        known = frame[frame["indicator"].isin(list(catalogue))].reset_index(drop=True)
        held = set(known["indicator"])
        self.indicators = {name: one for name, one in catalogue.items() if name in held}
        self.subjects = {name: subject_of(one) for name, one in self.indicators.items()}
        self.rows = self._rows(known, pooled)
        items = {item for side in ("one", "two") for item in self.rows[side].cat.categories if item}
        versions = {known_items()[item][0] for item in items}
        columns = shown_columns().union(*(columns_of(one) for one in self.indicators.values()))
        self.collected = {column: _collected(column, versions) for column in columns}
        self._combinations = self.rows.drop_duplicates("combination")[["indicator", "one", "two"]]
        for name, numbers in self.numbers_of(self.subjects).items():
            self.rows[name] = numbers

    def number(self, thing: Any) -> int:
        """Return the number of a name or of restrictions: equal things have equal numbers."""
        return self._numbers.setdefault(thing, len(self._numbers))

    def named(self, where: int) -> tuple[str, tuple[tuple[str, frozenset[str]], ...]]:
        """Return the universe, rate or mean that a number of ``where`` is about, and the base codes of its columns."""
        if len(self._named) < len(self._numbers):
            self._named = {number: thing for thing, number in self._numbers.items()}
        _, root, held = self._named[where]
        return root, held

    def _rows(self, known: pd.DataFrame, pooled: frozenset[str]) -> pd.DataFrame:
        named = ["indicator", "ref_area", "survey", "freq", "time", "sex"]
        rows = known[named].astype("category")
        for name, column in (("one", "classif1"), ("two", "classif2")):
            rows[name] = known[column].astype(object).where(known[column].notna(), "").astype("category")
        all_of, own = self.indicators.items(), rows["indicator"]
        scale = mapped(own, {name: 10.0**one.unit_mult for name, one in all_of})
        rows["value"] = known["value"].to_numpy(dtype=float, na_value=np.nan) * scale
        for name in ("n", "n_numerator"):
            rows[name] = known[name].to_numpy(dtype=float, na_value=np.nan) if name in known else np.nan
        rows["rule"] = mapped(own, {name: one.time_rule if one.time_rule in _FLOWS else "" for name, one in all_of})
        rows["weight"] = mapped(own, {name: one.weight or "" for name, one in all_of})
        rows["is_pooled"] = mapped(own, {name: name in pooled for name in self.indicators}) & (rows["freq"] == "A")
        rows["place"] = rows.groupby(_PLACE, sort=False).ngroup()
        rows["sex_number"] = rows["sex"].cat.codes.astype("int64")
        rows["order"] = mapped(own, {name: number for number, name in enumerate(self.indicators)})
        rows["subject"] = mapped(own, {name: self.number(about) for name, (about, _) in self.subjects.items()})
        rows["is_count"] = mapped(own, {name: one.measure == "count" for name, one in all_of})
        rows["is_restricted"] = mapped(own, {name: bool(more) for name, (_, more) in self.subjects.items()})
        # Every period and sex repeats the cells of a table, so that these are named once each.
        rows["combination"] = rows.groupby(["indicator", "one", "two"], sort=False).ngroup()
        return rows

    def numbers_of(self, wanted: Mapping[str, tuple[str, Restrictions]]) -> dict[str, Ints]:
        """Return where, shape and cell of a figure at the items of every row; -1 for rows of other indicators.

        Args:
            wanted: indicator -> what the figure is about, and restrictions beside the row's own items.
        """
        found = []
        for name, one, two in self._combinations.itertuples(index=False):
            if name not in wanted:
                found.append((-1, -1, -1))
                continue
            indicator, (about, more) = self.indicators[name], wanted[name]
            pairs = ((indicator.classif1_concept, one), (indicator.classif2_concept, two))
            shown = tuple((c, item) for c, item in pairs if c and item and not known_items()[item][1].is_total)
            items = tuple(sorted({*shown, *more}))
            cell = self.number(("cell", items))
            self._cells[cell] = items
            shape = self.number(("shape", tuple((column, known_items()[item][0]) for column, item in items)))
            found.append((self._where(about, items), shape, cell))
        numbers = np.array(found, dtype=np.int64).reshape(-1, 3)[self.rows["combination"].to_numpy()]
        return dict(zip(("where", "shape", "cell"), numbers.T, strict=True))

    def where_in(self, about: str, cells: pd.Series) -> Ints:
        """Return the numbers of the figures that are about a universe, in the cells given."""
        numbers, distinct = pd.factorize(cells)
        return np.array([self._where(about, self._cells[cell]) for cell in distinct], dtype=np.int64)[numbers]

    def _where(self, about: str, items: Restrictions) -> int:
        root, own = root_of(about)
        held: dict[str, frozenset[str]] = {}
        for column, codes in (*own, *((column, base_codes(item, self.collected[column])) for column, item in items)):
            held[column] = held[column] & codes if column in held else codes
        residence = "".join(held.get("residence_status", ()))
        if (root, residence) in _AT_RESIDENCE:
            del held["residence_status"]
            root, own = root_of(_AT_RESIDENCE[(root, residence)])
            for column, codes in own:
                held[column] = held[column] & codes if column in held else codes
        return self.number(("where", root, tuple(sorted(held.items(), key=lambda pair: pair[0]))))


def _collected(column: str, versions: Iterable[str]) -> tuple[str, ...]:
    """Return the lists whose codes a survey collected in a column, as far as the versions of its tables tell."""
    lists = _concept(column).code_lists
    return tuple(name for name in lists if name in versions) or lists
