"""Identities that must hold between figures in every cell before rounding.

Here belong the identities: which figures are held against each other, and how far apart they are. Which cells are the
same figure is said in ``figures``; what a broken identity means for a table in ``pipelines.coherence_checks``.

Sources: STANDARDS 3.4, 8.5 and 8.8.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from schemas.codes import COUNTRY_VERSIONS, load_code_lists
from schemas.concepts import load_universes
from schemas.indicators import CONTRASTS, Indicator, load_indicators
from transforms.figures import (
    SUMS,
    WITH_UNKNOWN,
    Figures,
    Restrictions,
    base_codes,
    counted_families,
    country_groups,
    family_of,
    is_complete,
    known_items,
    mapped,
    parts_of,
    pay_name,
    rate_name,
    universe_name,
)

Floats = NDArray[np.float64]

#: Largest difference, relative to the larger side, at which an identity holds before rounding.
TOLERANCE = 1e-9

#: Measures in percent or percentage points that may be near 0 as the difference of two figures.
_OF_100 = frozenset({"difference", "gap", "factor_gap"})

VERSIONS_AGREE = "versions of a table agree"


@dataclass(frozen=True)
class Identity:
    """What came of one identity.

    Attributes:
        name: the identity in words.
        compared: cells in which both sides were there; 0 says that nothing was shown.
        broken: cells in which it does not hold, by weight or by number of persons.
        largest: largest difference, relative to the larger side.
        tables: ids of the indicators with broken cells, on either side, sorted.
    """

    name: str
    compared: int
    broken: int
    largest: float
    tables: tuple[str, ...]


def identities(
    frame: pd.DataFrame,
    indicators: Mapping[str, Indicator] | None = None,
    pooled: Mapping[str, Collection[str]] | None = None,
) -> tuple[Identity, ...]:
    """Return every identity between the figures of a frame, with what came of it.

    A cell that one side alone has counts as 0, where both sides are counts with tables in the same versions.

    Args:
        frame: estimates before rounding: indicator, ref_area, survey, freq, time, sex, classif1, classif2, value, n,
            and n_numerator where it is there.
        indicators: the catalogue; the project's own by default. Rows of other indicators are left out.
        pooled: survey -> indicators whose annual figures are means over several years: they are compared with each
            other alone.
    """
    catalogue = load_indicators() if indicators is None else indicators
    found = _Found()
    for survey, own in frame.groupby("survey", sort=True):
        figures = Figures(own, catalogue, frozenset((pooled or {}).get(str(survey), ())))
        _check_items(figures, found)
        _check_groups(figures, found)
        _check_versions(figures, found)
        added = _check_sums(figures, found)
        _check_tables(figures, found)
        _check_derived(figures, added, found)
    return found.identities()


# --- what is found -------------------------------------------------------------------------------


@dataclass
class _Found:
    """Sums up comparisons by the name of their identity, in the order in which identities were expected."""

    _identities: dict[str, Identity] = field(default_factory=dict)

    def expect(self, *names: str) -> None:
        """Declare identities, so that one without a cell to compare is told of."""
        for name in names:
            self._identities.setdefault(name, Identity(name, 0, 0, 0.0, ()))

    def add(self, names: str | NDArray[Any], rows: pd.DataFrame, relative: Floats) -> None:
        """Take the differences of rows, relative to the larger side, with the identity of each (or of all).

        Args:
            names: of the identity.
            rows: indicator, and indicator_parts where the other side is of another table.
            relative: differences.
        """
        tables = {name: rows[name].to_numpy() for name in ("indicator", "indicator_parts") if name in rows}
        compared = pd.DataFrame({"name": names, "relative": relative, **tables})
        self.expect(*pd.unique(compared["name"]))
        for name, own in compared.groupby("name", sort=False):
            before = self._identities[str(name)]
            broken = own[own["relative"] > TOLERANCE]
            of_broken = {table for column in tables for table in broken[column].dropna()}
            self._identities[str(name)] = Identity(
                str(name),
                before.compared + len(own),
                before.broken + len(broken),
                max(before.largest, float(own["relative"].max())),
                tuple(sorted({*before.tables, *of_broken})),
            )

    def compare(self, name: str, both: pd.DataFrame) -> None:
        """Compare value and n with value_parts and n_parts of every row."""
        self.add(
            name,
            both,
            np.maximum(
                relative_difference(both["value"], both["value_parts"]), relative_difference(both["n"], both["n_parts"])
            ),
        )

    def identities(self) -> tuple[Identity, ...]:
        """Return what came of every identity."""
        return tuple(self._identities.values())


def relative_difference(whole: Any, parts: Any, scale: Any = 0.0) -> Floats:
    """Return differences relative to the larger side; 0 where neither is defined (NaN), 1 where only one is.

    Args:
        whole: one side.
        parts: the other side.
        scale: what a difference is relative to where both sides are smaller.
    """
    one, other = np.asarray(whole, dtype=float), np.asarray(parts, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        larger = np.maximum(np.maximum(np.abs(one), np.abs(other)), scale)
        relative = np.where(larger > 0, np.abs(one - other) / larger, 0.0)
    is_one_sided = np.isnan(one) != np.isnan(other)
    return np.where(is_one_sided, 1.0, np.where(np.isnan(one), 0.0, relative))


# --- counts --------------------------------------------------------------------------------------


def _with_items(figures: Figures, side: str) -> pd.DataFrame:
    """Return the rows of counts with column, version and role (whole, parts or '') of the items of one side."""
    rows = figures.rows[figures.rows["is_count"]]
    versions, roles = {"": ""}, {"": ""}
    for item in rows[side].cat.categories:
        if item:
            versions[item], code = known_items()[item]
            roles[item] = "whole" if code.is_total else "parts" if code.level == 1 else ""
    named = {"one": "classif1_concept", "two": "classif2_concept"}
    columns = {
        name: "sex" if side == "sex" else getattr(one, named[side]) or "" for name, one in figures.indicators.items()
    }
    named_rows = rows.assign(
        column=mapped(rows["indicator"], columns),
        version=mapped(rows[side], versions),
        role=mapped(rows[side], roles),
    )
    return named_rows.astype(dict.fromkeys(["column", "version", "role"], "category"))


def _check_items(figures: Figures, found: _Found) -> None:
    """The items of a version add up to its total; where persons are unknown to all items they are no more than it."""
    for side, others in (("sex", ("one", "two")), ("one", ("sex", "two")), ("two", ("sex", "one"))):
        rows = _with_items(figures, side)
        rows = rows[rows["role"] != ""]
        if rows.empty:
            continue
        cell = ["indicator", "column", "version", "place", *others]
        grouped = rows.groupby([*cell, "role"], sort=False)[["value", "n"]].sum()
        roles = [(name, role) for name in ("value", "n") for role in ("whole", "parts")]
        sums = pd.DataFrame(grouped.unstack("role", fill_value=0.0)).reindex(columns=roles, fill_value=0.0)
        whole, parts = sums[("value", "whole")].to_numpy(), sums[("value", "parts")].to_numpy()
        n_whole, n_parts = sums[("n", "whole")].to_numpy(), sums[("n", "parts")].to_numpy()
        index = sums.index.to_frame(index=False)
        kinds = index[["indicator", "column", "version"]].drop_duplicates()
        kinds["is_covered"] = [_is_covered(figures, *kind) for kind in kinds.itertuples(index=False, name=None)]
        is_covered = index.merge(kinds, how="left")["is_covered"].to_numpy(dtype=bool)
        # As many persons in the items as in the total: nobody is unknown, and the weights must agree too.
        lacks = ~is_covered & (n_parts < n_whole)
        relative = _relative(whole, parts, n_whole, n_parts, lacks)
        names = index["column"].to_numpy(dtype=object)
        found.expect(*(f"{column}: items add up to the total" for column in sorted(set(names))))
        told = np.where(
            lacks, ": items are at most the total, of which some are unknown", ": items add up to the total"
        )
        found.add(names + told.astype(object), index, relative)


def _relative(whole: Any, parts: Any, n_whole: Any, n_parts: Any, lacks: Any) -> Floats:
    """Return the larger difference of value and n; where parts lack persons, only by how much they are above it."""
    relative = np.maximum(relative_difference(whole, parts), relative_difference(n_whole, n_parts))
    return np.where(lacks, np.where(parts <= whole, 0.0, relative_difference(whole, parts)), relative)


def _is_covered(figures: Figures, name: str, column: str, version: str) -> bool:
    """Whether nobody of a table can be in a version's total without being in one of its items."""
    indicator = figures.indicators[name]
    if column.startswith("country") or column in WITH_UNKNOWN:
        return True
    if column != "age_band" or indicator.relation != "persons":
        return False
    is_age_known = "is_working_age" in load_universes()[indicator.universe].needs
    return is_age_known and is_complete(version, figures.collected[column])


def _check_groups(figures: Figures, found: _Found) -> None:
    """Regions are the sums of their subregions, and these of their countries; or more, where some have no item."""
    for side, other in (("one", "two"), ("two", "one")):
        rows = _with_items(figures, side)
        rows = rows[rows["version"].isin(COUNTRY_VERSIONS)]
        for (column, version), own in rows.groupby(["column", "version"], sort=True, observed=True):
            groups = country_groups(str(version))
            pairs = [(item, member) for item, members, _ in groups for member in members]
            here, key = own.assign(part=own[side].astype(object)), ["place", "indicator", "sex", other, "item"]
            added = here.merge(pd.DataFrame(pairs, columns=["item", "part"]), on="part")
            parts = added.groupby(key, sort=False, observed=True)[["value", "n"]].sum().reset_index()
            whole = here[here["part"].isin([item for item, _, _ in groups])].rename(columns={"part": "item"})
            both = _both(whole, parts, key)
            may_lack = both["item"].isin([item for item, _, is_whole in groups if not is_whole])
            lacks = (may_lack & (both["n_parts"] < both["n"])).to_numpy()
            relative = _relative(both["value"], both["value_parts"], both["n"], both["n_parts"], lacks)
            name = f"{column}: groups of countries are the sums of their members"
            found.expect(name)
            told = np.where(lacks, f"{column}: groups of countries are at least the sums of their members", name)
            found.add(told.astype(object), both, relative)


def _check_versions(figures: Figures, found: _Found) -> None:
    """Items of a version are the sums of a finer version's items, as the hierarchies say."""
    for side, other in (("one", "two"), ("two", "one")):
        rows = _with_items(figures, side)
        for column, own in rows[rows["version"] != ""].groupby("column", sort=True):
            tables = own[["place", "indicator", "version"]].drop_duplicates()
            versions = tuple(sorted(own["version"].unique()))
            for coarse, fine, members in _nested(versions, figures.collected[str(column)]):
                name = f"{coarse}: items are sums of {fine}"
                found.expect(name)
                held = tables[tables["version"].isin([coarse, fine])].groupby(["place", "indicator"]).size()
                here = own.merge(held[held == 2].index.to_frame(index=False))
                # One set of categories, so that items are joined by number.
                items = pd.CategoricalDtype(sorted({*here[side].cat.categories, *members["item"], *members["part"]}))
                here, members = here.assign(part=here[side].astype(items)), members.astype(items)
                key = ["place", "indicator", "sex", other, "item"]
                parts = here.merge(members, on="part").groupby(key, sort=False)[["value", "n"]].sum().reset_index()
                whole = here[here["part"].isin(members["item"])].rename(columns={"part": "item"})
                found.compare(name, _both(whole, parts, key))


@cache
def _nested(versions: tuple[str, ...], collected: tuple[str, ...]) -> tuple[tuple[str, str, pd.DataFrame], ...]:
    """Return (version, finer version, item and part) where items of the one are sums of several of the other's."""
    finest_first = sorted(versions, key=lambda name: (-len(parts_of(name)), name))
    found = []
    for coarse in reversed(finest_first):
        for fine in finest_first:
            members = []
            for item in (code.code for code in load_code_lists()[coarse].items if not code.is_total):
                bases = base_codes(item, collected)
                parts = [part for part in parts_of(fine) if base_codes(part, collected) <= bases]
                if len(parts) > 1 and frozenset().union(*(base_codes(part, collected) for part in parts)) == bases:
                    members += [(item, part) for part in parts]
            if fine != coarse and members:
                found.append((coarse, fine, pd.DataFrame(members, columns=["item", "part"])))
                break
    return tuple(found)


def _both(whole: pd.DataFrame, parts: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """Return the cells of both sides; a cell that one side alone has counts as 0 on the other."""
    columns = list(dict.fromkeys([*key, "indicator", "value", "n"]))
    shared = parts[[*key, "value", "n"]]
    both = whole[columns].merge(shared, on=list(key), how="outer", suffixes=("", "_parts"))
    return both.fillna({"value": 0.0, "n": 0.0, "value_parts": 0.0, "n_parts": 0.0})


def _check_sums(figures: Figures, found: _Found) -> pd.DataFrame:
    """Universes are the sums of others; return the sums of which the whole has no table, for rates of it."""
    counts = figures.rows[figures.rows["is_count"]].sort_values(["is_restricted", "order"], kind="stable")
    counts = counts.drop_duplicates(["place", "subject", "cell", "sex"])
    counts = counts[["indicator", "subject", "place", "shape", "cell", "sex_number", "value", "n"]]
    key = ["place", "shape", "cell", "sex_number"]
    added = [counts.iloc[:0].assign(where=0)]
    for whole, parts in SUMS:
        name = f"{whole} = {' + '.join(parts)}"
        if whole in counted_families():
            found.expect(name)
        own = counts[counts["subject"] == figures.number(whole)]
        members = counts[counts["subject"].isin([figures.number(part) for part in parts])]
        held = members.drop_duplicates(["place", "shape", "subject"]).groupby(["place", "shape"]).size()
        tables = held[held == len(parts)].index.to_frame(index=False)
        if tables.empty:
            continue
        sums = members.merge(tables).groupby(key, sort=False)[["value", "n"]].sum().reset_index()
        has_whole = (
            sums.merge(own[["place", "shape"]].drop_duplicates(), how="left", indicator=True)["_merge"] == "both"
        )
        found.compare(name, _both(own.merge(tables), sums[has_whole.to_numpy()], key))
        lacking = sums[~has_whole.to_numpy()]
        added.append(lacking.assign(subject=figures.number(whole), where=figures.where_in(whole, lacking["cell"])))
    return pd.concat(added, ignore_index=True)


# --- tables that share figures -------------------------------------------------------------------


def _check_tables(figures: Figures, found: _Found) -> None:
    """A figure is the same in every table and version that has it."""
    compared = {name: one for name, one in figures.indicators.items() if one.measure not in ("change", "net")}
    own = {
        name: universe_name(one.relation, one.universe) if one.measure == "count" else figures.subjects[name][0]
        for name, one in compared.items()
    }
    agree = {name: f"{about}: every table agrees" for name, about in own.items()}
    several = {about for about, tables in Counter(own.values()).items() if tables > 1}
    restricted = [name for name in compared if figures.subjects[name][1]]
    found.expect(VERSIONS_AGREE, *(agree[one] for one in compared if own[one] in several and one not in restricted))
    found.expect(*(f"{own[name]} = {_at(figures, name, figures.subjects[name][0])}" for name in restricted))
    rows = figures.rows[figures.rows["indicator"].isin(list(compared))]
    rows = rows.sort_values(["is_restricted", "order"], kind="stable")
    key = ["place", "where", "sex_number"]
    is_first = ~rows.duplicated(key)
    first = rows.loc[is_first, [*key, "indicator", "value", "n"]]
    both = rows[~is_first].merge(first, on=key, suffixes=("", "_parts"))
    is_of_100 = {name: one.measure in _OF_100 for name, one in compared.items()}
    scale = np.where(mapped(both["indicator"], is_of_100, default=False), 100.0, 0.0)
    relative = relative_difference(both["value"], both["value_parts"], scale)
    relative = np.maximum(relative, relative_difference(both["n"], both["n_parts"]))
    pairs = both[["indicator", "indicator_parts"]].drop_duplicates()
    pairs["told"] = [
        VERSIONS_AGREE
        if one == other
        else agree[one]
        if own[one] == own[other]
        else f"{own[one]} = {_at(figures, one, own[other])}"
        for one, other in pairs.itertuples(index=False, name=None)
    ]
    told = both.merge(pairs, how="left")["told"]
    found.add(told.to_numpy(), both, relative)


def _at(figures: Figures, name: str, other: str) -> str:
    """Return another universe and at which items of it the universe of an indicator is."""
    family, restrictions = figures.subjects[name]
    items = [item for _, item in restrictions]
    return ", ".join([other, *items]) if family == other else f"{other}, at their items"


# --- figures made of others ----------------------------------------------------------------------


class _Lookup:
    """Finds a figure by place, what it is about and sex."""

    _KEY = ("place", "where", "sex_number")

    def __init__(self, figures: Figures, added: pd.DataFrame) -> None:
        rows = figures.rows.sort_values(["is_restricted", "order"], kind="stable")
        columns = [*self._KEY, "subject", "shape", "value", "n"]
        known = pd.concat([rows[columns], added[columns]], ignore_index=True)
        self._tables = pd.MultiIndex.from_frame(known[["place", "subject", "shape"]].drop_duplicates())
        known = known.drop_duplicates(list(self._KEY))
        self._index = pd.MultiIndex.from_frame(known[list(self._KEY)])
        self._values = known[["value", "n"]].to_numpy(dtype=float)
        self._figures = figures

    def find(self, wanted: Mapping[str, tuple[str, Restrictions]], *, is_count: bool) -> tuple[Floats, Floats]:
        """Return value and n for every row of the indicators wanted; NaN where there is no such figure.

        Args:
            wanted: indicator -> subject, and restrictions beside the row's own items.
            is_count: whether a cell that is not there counts as 0, where there is a table in its versions.
        """
        rows = self._figures.rows
        numbers = self._figures.numbers_of(wanted)
        about = {name: self._figures.number(subject) for name, (subject, _) in wanted.items()}
        subject = mapped(rows["indicator"], about, default=-1)
        key = pd.MultiIndex.from_arrays([rows["place"], numbers["where"], rows["sex_number"]])
        place = self._index.get_indexer(key)
        found = np.where((place >= 0)[:, None], self._values[place], np.nan)
        if is_count:
            tables = pd.MultiIndex.from_arrays([rows["place"], subject, numbers["shape"]])
            is_zero = (place < 0) & (self._tables.get_indexer(tables) >= 0)
            found[is_zero] = 0.0
        return found[:, 0], found[:, 1]


def _check_derived(figures: Figures, added: pd.DataFrame, found: _Found) -> None:
    """Rates, differences, gaps and net flows are what the figures that they are made of say."""
    lookup = _Lookup(figures, added)
    _check_rates(figures, lookup, found)
    for measure in ("difference", "gap"):
        _check_contrasts(figures, lookup, found, measure)
    _check_net(figures, lookup, found)


def _check_rates(figures: Figures, lookup: _Lookup, found: _Found) -> None:
    rates = {name: one for name, one in figures.indicators.items() if one.measure == "rate"}
    if not rates:
        return
    numerator = lookup.find({name: family_of(one.universe) for name, one in rates.items()}, is_count=True)
    denominator = lookup.find({name: family_of(str(one.denominator)) for name, one in rates.items()}, is_count=True)
    names = {name: f"{rate_name(one)}: rate = 100 x numerator / denominator" for name, one in rates.items()}
    found.expect(*names.values())
    rows = figures.rows
    is_there = np.isfinite(numerator[0]) & np.isfinite(denominator[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(denominator[0] > 0, 100 * numerator[0] / denominator[0], np.nan)
    relative = relative_difference(rows["value"], expected)
    relative = np.maximum(relative, relative_difference(rows["n"], denominator[1]))
    n_numerator = rows["n_numerator"].to_numpy()
    told = np.where(np.isnan(n_numerator), 0.0, relative_difference(n_numerator, numerator[1]))
    relative = np.maximum(relative, told)
    own = rows[is_there]
    found.add(mapped(own["indicator"], names), own, relative[is_there])


def _check_contrasts(figures: Figures, lookup: _Lookup, found: _Found, measure: str) -> None:
    """A difference is the migrants' rate less the natives'; a gap is how far migrants fall short, in percent."""
    compared = {name: one for name, one in figures.indicators.items() if one.measure == measure}
    if not compared:
        return
    sides = []
    for position in (0, 1):
        wanted = {}
        for name, one in compared.items():
            about = rate_name(one) if measure == "difference" else pay_name(one, str(one.statistic))
            wanted[name] = (about, ((str(one.contrast), CONTRASTS[str(one.contrast)][position]),))
        sides.append(lookup.find(wanted, is_count=False)[0])
    migrants, natives = sides
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = migrants - natives if measure == "difference" else 100 * (natives - migrants) / natives
    told = "migrants - natives" if measure == "difference" else "100 x (natives - migrants) / natives"
    names = {name: f"{figures.subjects[name][0]} = {told}" for name in compared}
    found.expect(*names.values())
    rows = figures.rows
    is_there = np.isfinite(expected) & rows["indicator"].isin(list(compared)).to_numpy()
    own = rows[is_there]
    relative = relative_difference(own["value"], expected[is_there], 100.0)
    found.add(mapped(own["indicator"], names), own, relative)


def _check_net(figures: Figures, lookup: _Lookup, found: _Found) -> None:
    """A net flow is what came less what left, in a survey's own periods: years of the two may be told differently."""
    nets = {name: one for name, one in figures.indicators.items() if one.measure == "net"}
    if not nets:
        return
    came, _ = lookup.find({name: family_of(one.universe) for name, one in nets.items()}, is_count=True)
    left: dict[str, tuple[str, Restrictions]] = {
        name: (universe_name("absentees", str(one.subtrahend)), ()) for name, one in nets.items()
    }
    gone, _ = lookup.find(left, is_count=True)
    names = {name: f"net flow = {figures.subjects[name][0]}" for name in nets}
    found.expect(*names.values())
    rows = figures.rows
    is_there = np.isfinite(came) & np.isfinite(gone) & (rows["freq"] != "A").to_numpy()
    own = rows[is_there]
    relative = relative_difference(own["value"], (came - gone)[is_there], np.maximum(came, gone)[is_there])
    found.add(mapped(own["indicator"], names), own, relative)
