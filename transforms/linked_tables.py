"""The tables of one survey as one system of linked cells: which figures there are, and what must hold between them.

A cell is a figure (``figures``): what it is about, the items that restrict it, sex, place. Every table that shows it,
and every rate that it is a part of, is an appearance of the same cell. A mean is a cell by its total, mean x weight of
those who told it: totals add up, means do not. Beside the figures of tables there are cells that no table shows: parts
of rates, complements (denominator less numerator), and persons whose item is unknown.

Equations hold between sexes; between items of a classification and what holds them (total, coarser version, group of
countries), across tables; between universes (labour force = employed + unemployed); between a year and its periods;
between the parts of a rate. Where as many persons are in the parts as in the whole, nobody is unknown, and whoever
looks at the tables is taken to know it; otherwise the unknown are a cell of their own.

Source: STANDARDS 0.3, 0.4, 0.6, 3.4 and 8.8.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from schemas.codes import COUNTRY_VERSIONS
from schemas.indicators import Indicator, load_indicators
from transforms.figures import (
    SUMS,
    WITH_UNKNOWN,
    Figures,
    base_codes,
    country_groups,
    family_of,
    known_items,
    mapped,
    parts_of,
    root_of,
    universe_name,
)
from transforms.linked_cells import Booleans, Floats, Integers, Linked
from transforms.linked_names import LEFT_OVER, CellNames, Held, Where

#: Largest difference of an equation's sides, relative to the larger, before rounding.
TOLERANCE = 1e-9

#: Unit in which hidden information is told.
INFORMATION = "rows x persons"

_MEASURES = ("count", "mean", "rate")


@dataclass(frozen=True)
class Needs:
    """How far the attacker's interval of a confidential cell must reach, and from how few persons a cell is one.

    Attributes:
        persons: fewer than this are confidential; 0 where the country does not treat few persons so.
        share: of the value.
        weights: persons, by the average weight of the cell.
    """

    persons: int
    share: float
    weights: float


@dataclass(frozen=True)
class LinkedTables:
    """Cells of the tables of one survey.

    Attributes:
        linked: as arrays.
        names: what every cell is, in words.
        equation_names: what every equation is, in words.
        n: persons that every cell rests on; of a year those of its largest period.
        own: frame row -> the cell that it shows (of a rate its numerator), -1 where it is of no kind that is linked.
        denominator: frame row -> denominator of a rate, -1 of all others.
        complement: frame row -> complement of a rate, -1 of all others.
        place: cell -> number of its place: cells of different periods or of flows and stocks differ.
        is_confidential: cell -> whether it is hidden for its few persons, or by another rule on confidential cells;
            not all of these need protection.
        is_count: cell -> whether it is a number of persons, and no total of what they have.
        is_periodic: equation -> whether it holds between a year and its periods.
    """

    linked: Linked
    names: "CellNames"
    equation_names: Sequence[str]
    n: Floats
    own: Integers
    denominator: Integers
    complement: Integers
    place: Integers
    is_confidential: Booleans
    is_count: Booleans
    is_periodic: Booleans

    def key_of(self, cell: int) -> tuple[Where, str, str]:
        """Return what a cell is about (root, and base codes by column), its period and its sex."""
        return self.names.key_of(cell)

    def where_of(self, number: int) -> Where:
        """Return root and restrictions by their number, which cells of what is left over name their whole by."""
        return self.names.where_of(number)

    def equation_text(self, equation: int) -> str:
        """Return an equation in words, with the cells that it is about."""
        matrix = self.linked.equations
        cells = matrix.indices[matrix.indptr[equation] : matrix.indptr[equation + 1]]
        entries = matrix.data[matrix.indptr[equation] : matrix.indptr[equation + 1]]
        whole = next((cell for cell, entry in zip(cells, entries, strict=True) if entry > 0), int(cells[0]))
        return f"{self.equation_names[equation]} of {self.names[int(whole)]}"


def link(
    frame: pd.DataFrame,
    is_shown: Booleans,
    is_confidential: Booleans,
    needs: Needs,
    pooled: Iterable[str] = (),
    fixed: Booleans | None = None,
) -> LinkedTables:
    """Return the linked cells of one survey's tables.

    Args:
        frame: area_estimates of one survey: keys, value, n, n_numerator, weight (persons that the figure stands for).
        is_shown: rows that would be published if nothing were hidden beside what is hidden by itself.
        is_confidential: rows that must not be learnt, by the rules on single cells.
        needs: of protection.
        pooled: indicators whose annual figures are means over several years.
        fixed: rows that were published before and cannot be hidden any more.

    Raises:
        ValueError: an equation does not hold before rounding.
    """
    return _Builder(frame.reset_index(drop=True), frozenset(pooled)).build(
        is_shown, is_confidential, needs, np.zeros(len(frame), dtype=bool) if fixed is None else fixed
    )


class _Builder:
    """Collects cells and equations; cells are numbered in the order in which they are met."""

    def __init__(self, frame: pd.DataFrame, pooled: frozenset[str]) -> None:
        catalogue = {name: one for name, one in load_indicators().items() if one.measure in _MEASURES}
        self.size = len(frame)
        kept = frame["indicator"].isin(list(catalogue)).to_numpy()
        self.positions = np.flatnonzero(kept)
        own = frame[kept].reset_index(drop=True)
        self.figures = Figures(own, catalogue, pooled)
        self.rows = self.figures.rows
        self.weight = own["weight"].to_numpy(dtype=float, na_value=np.nan)
        rounds = own["n_round"] if "n_round" in own else own["n"]
        self.n_round = rounds.to_numpy(dtype=float, na_value=np.nan)
        self.kinds = mapped(
            self.rows["indicator"], {name: one.measure for name, one in self.figures.indicators.items()}
        )
        #: Number of what a cell is -> root and restrictions; the other way round; places.
        self.wheres: list[Where] = []
        self.where_numbers: dict[Where, int] = {}
        self.cells: dict[tuple[int, int, int], int] = {}
        self.keys: list[tuple[int, int, int]] = []
        self.values: list[float] = []
        self.persons: list[float] = []
        self.by_where: dict[int, list[int]] = defaultdict(list)
        self.equations: dict[tuple[int, tuple[int, ...], float], str] = {}
        #: Whole and column -> what is left over of it, and how many persons with which weight by place and sex.
        self.left_over: dict[tuple[int, str], list[tuple[int, dict[Any, tuple[float, float]]]]] = defaultdict(list)
        self.sexes = list(self.rows["sex"].cat.categories)

    def build(self, is_shown: Booleans, is_confidential: Booleans, needs: Needs, fixed: Booleans) -> LinkedTables:
        own, denominator, complement = self._appearances()
        for part in (self._partitions, self._sums):
            part()
        self._between_sexes()
        periods = self._between_periods()
        is_level = (own >= 0) & (self.kinds != "rate")
        n = self._largest_period(periods, own, is_level)
        value = np.array(self.values)
        shown, confidential, known = (mask[self.positions] for mask in (is_shown, is_confidential, fixed))
        rows = np.zeros(len(value))
        is_fixed = np.zeros(len(value), dtype=bool)
        for cells in (own, denominator):
            there = cells >= 0
            np.add.at(rows, cells[there & shown], 1.0)
            is_fixed[cells[there & known]] = True
        is_part = np.zeros(len(value), dtype=bool)
        for cells in (own, denominator, complement):
            is_part[cells[cells >= 0]] = True
        hidden = is_part & (n < needs.persons)
        hidden[own[is_level & confidential]] = True
        # A rate is confidential for few persons in one of its parts; if for another reason, its numerator is.
        is_rate = own >= 0
        is_rate &= (self.kinds == "rate") & confidential
        is_told = hidden[own] | hidden[denominator] | hidden[complement]
        hidden[own[is_rate & ~is_told]] = True
        is_target = hidden & (n > 0) & (value > 0) & ~self._are_unknown()
        is_hidden = hidden | (rows == 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(is_target, value / np.array(self.persons), 0.0)
        need = np.where(is_target, np.maximum(needs.share * value, needs.weights * weight), 0.0)
        cost = np.where(is_hidden, 0.0, rows * np.maximum(n, 1.0))
        linked = Linked(
            value, self._matrix(value), cost, need, np.minimum(need, value), is_hidden, is_fixed & ~is_target
        )
        seen = np.full((3, self.size), -1, dtype=np.int64)
        seen[:, self.positions] = own, denominator, complement
        return LinkedTables(
            linked,
            CellNames(self.keys, self.wheres, self.sexes, self.rows),
            list(self.equations.values()),
            n,
            seen[0],
            seen[1],
            seen[2],
            np.array([place for place, _, _ in self.keys], dtype=np.int64),
            hidden,
            np.array([not str(self.wheres[where][0]).startswith("mean ") for _, where, _ in self.keys]),
            np.array([factor != 1.0 or name.startswith(_YEAR) for (_, _, factor), name in self.equations.items()]),
        )

    # --- cells ---

    def where(self, root: Any, held: Mapping[str, frozenset[str]]) -> int:
        """Return the number of what a cell is about."""
        key = (root, tuple(sorted(held.items())))
        number = self.where_numbers.setdefault(key, len(self.wheres))
        if number == len(self.wheres):
            self.wheres.append(key)
        return number

    def cell(self, place: int, where: int, sex: int, value: float, n: float) -> int:
        """Return the number of a cell, new with this value where it was not met before."""
        key = (place, where, sex)
        number = self.cells.setdefault(key, len(self.keys))
        if number == len(self.keys):
            self.keys.append(key)
            self.values.append(value)
            self.persons.append(n)
            self.by_where[where].append(number)
        return number

    def _appearances(self) -> tuple[Integers, Integers, Integers]:
        """Enter the cells that rows show; return for every row its own cell, denominator and complement."""
        rows, size = self.rows, len(self.rows)
        own, denominator, complement = (np.full(size, -1, dtype=np.int64) for _ in range(3))
        rates = {name: one for name, one in self.figures.indicators.items() if one.measure == "rate"}
        numerators = self.figures.numbers_of({name: family_of(_universe(one)) for name, one in rates.items()})["where"]
        wholes = self.figures.numbers_of({name: family_of(str(one.denominator)) for name, one in rates.items()})[
            "where"
        ]
        translated: dict[int, int] = {}

        def number(where: int) -> int:
            if where not in translated:
                root, held = self.figures.named(where)
                translated[where] = self.where(root, dict(held))
            return translated[where]

        value, n, n_numerator = (rows[name].to_numpy(dtype=float) for name in ("value", "n", "n_numerator"))
        place, sex, where = (rows[name].to_numpy() for name in ("place", "sex_number", "where"))
        for row in np.flatnonzero(self.kinds == "count"):
            own[row] = self.cell(place[row], number(where[row]), sex[row], value[row], n[row])
        for row in np.flatnonzero((self.kinds == "mean") & np.isfinite(self.weight)):
            total = value[row] * self.weight[row]
            own[row] = self.cell(place[row], number(where[row]), sex[row], total, n[row])
        for row in np.flatnonzero((self.kinds == "rate") & np.isfinite(self.weight)):
            part = value[row] / 100 * self.weight[row]
            top, below = number(numerators[row]), number(wholes[row])
            own[row] = self.cell(place[row], top, sex[row], part, n_numerator[row])
            denominator[row] = self.cell(place[row], below, sex[row], self.weight[row], n[row])
            other = self.where(("less", self.wheres[below], self.wheres[top]), {})
            rest = max(self.values[denominator[row]] - self.values[own[row]], 0.0)
            nobody = n[row] - n_numerator[row]
            complement[row] = self.cell(place[row], other, sex[row], rest if nobody > 0 else 0.0, nobody)
            self._equate(denominator[row], (own[row], complement[row]), _RATE)
        return own, denominator, complement

    # --- equations ---

    def _equate(self, whole: int, parts: tuple[int, ...], name: str, factor: float = 1.0) -> None:
        """Enter factor x whole = sum of parts, once."""
        if parts != (whole,):
            self.equations.setdefault((int(whole), tuple(sorted(map(int, parts))), factor), name)

    def _partitions(self) -> None:
        """Enter what holds between items of one column: with the whole of it, and with coarser items."""
        versions = self._versions()
        done: set[tuple[int, str]] = set()
        # What is left over along one column adds up along the others: again until nothing new comes.
        for _ in range(3):
            size = len(self.wheres)
            groups: dict[tuple[Any, Held, str], dict[frozenset[str] | None, int]] = defaultdict(dict)
            for number, (root, held) in enumerate(self.wheres):
                for column, own in held:
                    rest = tuple(pair for pair in held if pair[0] != column)
                    groups[root, rest, column][own] = number
            for (root, rest, column), items in groups.items():
                whole = self.where_numbers.get((root, rest))
                if whole is not None:
                    items[None] = whole
                for codes, number in list(items.items()):
                    if codes is not None and LEFT_OVER in codes:
                        continue
                    for version, sets in versions.get(column, {}).items():
                        parts = [one for one in sets if one in items and (codes is None or one < codes)]
                        key = (number, f"{column} {version}")
                        if parts and key not in done:
                            done.add(key)
                            self._partition(number, [items[one] for one in parts], (root, rest, column, parts), version)
            if len(self.wheres) == size:
                break

    def _partition(
        self, whole: int, parts: Sequence[int], left: tuple[Any, Held, str, Sequence[frozenset[str]]], version: str
    ) -> None:
        """Enter one partition in every place and sex where its whole is a cell.

        Persons who are in no part are a cell of their own. Versions that leave over as many persons with the same
        weight everywhere leave over the same persons.
        """
        told: list[tuple[int, tuple[int, ...], float, float]] = []
        for cell in self.by_where[whole]:
            place, _, sex = self.keys[cell]
            found = tuple(self.cells[key] for part in parts if (key := (place, part, sex)) in self.cells)
            n = self.persons[cell] - sum(self.persons[part] for part in found)
            told.append((cell, found, n, self.values[cell] - sum(self.values[part] for part in found)))
        name = f"items of {version}"
        for cell, found, n, _ in told:
            if n == 0:
                self._equate(cell, found, name)
        over = [(cell, found, n, max(value, 0.0)) for cell, found, n, value in told if n > 0]
        if not over:
            return
        root, rest, column, sets = left
        signature = {self.keys[cell][::2]: (n, value) for cell, _, n, value in over}
        known = self.left_over[whole, column]
        number = next((one for one, other in known if _are_equal(signature, other)), None)
        if number is None:
            covered = frozenset({LEFT_OVER, f"of {whole}"}).union(*sets)
            number = self.where(root, {**dict(rest), column: covered})
            known.append((number, signature))
        for cell, found, n, value in over:
            place, _, sex = self.keys[cell]
            self._equate(cell, (*found, self.cell(place, number, sex, value, n)), name)

    def _versions(self) -> dict[str, dict[str, list[frozenset[str]]]]:
        """Return column -> version -> the base codes of each of its items that together make up its total."""
        found: dict[str, dict[str, list[frozenset[str]]]] = defaultdict(dict)
        columns: dict[str, set[str]] = defaultdict(set)
        for name, one in self.figures.indicators.items():
            of_one = self.rows[self.rows["indicator"] == name]
            for side, column in (("one", one.classif1_concept), ("two", one.classif2_concept)):
                if column:
                    columns[column] |= {known_items()[item][0] for item in of_one[side].unique() if item}
        for column, names in sorted(columns.items()):
            for version in sorted(names):
                collected = self.figures.collected[column]
                for name, items in _partitions_of(version).items():
                    found[column][name] = list(dict.fromkeys(base_codes(item, collected) for item in items))
        return found

    def _sums(self) -> None:
        """Enter the universes that are the sum of others, where all of them are cells."""
        for whole, parts in SUMS:
            (root, own), members = root_of(whole), [root_of(part) for part in parts]
            for number, (about, held) in list(enumerate(self.wheres)):
                if about != members[0][0] or not set(members[0][1]) <= set(held):
                    continue
                more = dict(pair for pair in held if pair not in members[0][1])
                names = [
                    (one, tuple(sorted({**more, **dict(codes)}.items()))) for one, codes in (*members, (root, own))
                ]
                numbers = [self.where_numbers.get(name) for name in names]
                number_of_whole = numbers[-1]
                if numbers[0] != number or None in numbers or number_of_whole is None:
                    continue
                for cell in list(self.by_where[number_of_whole]):
                    place, _, sex = self.keys[cell]
                    keys = [(place, part, sex) for part in numbers[:-1]]
                    found = [self.cells[key] for key in keys if key in self.cells]
                    if len(found) == len(parts) or self.persons[cell] == sum(self.persons[one] for one in found):
                        self._equate(cell, tuple(found), f"{whole} = {' + '.join(parts)}")

    def _between_sexes(self) -> None:
        total = self.sexes.index("SEX_T") if "SEX_T" in self.sexes else -1
        for cell, (place, where, sex) in list(enumerate(self.keys)):
            if sex != total:
                continue
            keys = [(place, where, other) for other in range(len(self.sexes)) if other != total]
            found = [self.cells[key] for key in keys if key in self.cells]
            if found and self.persons[cell] == sum(self.persons[one] for one in found):
                self._equate(cell, tuple(found), "sexes")

    def _between_periods(self) -> dict[int, tuple[int, ...]]:
        """Enter years as the mean or sum of their periods; return cell of a year -> cells of its periods."""
        columns = ["survey", "rule", "weight", "is_pooled", "freq", "time"]
        places = self.rows.drop_duplicates("place").set_index("place")[columns]
        years = places[(places["freq"] == "A") & ~places["is_pooled"].astype(bool)]
        found: dict[int, tuple[int, ...]] = {}
        cells_of: dict[int, list[int]] = defaultdict(list)
        for cell, (place, _, _) in enumerate(self.keys):
            cells_of[place].append(cell)
        for year, own in years.iterrows():
            same = (places[["survey", "rule", "weight"]] == own[["survey", "rule", "weight"]]).all(axis=1)
            inside = places["time"].astype(str).str.startswith(f"{own['time']}-")
            periods = sorted(places[same & inside & (places["freq"] != "A")].index)
            for cell in cells_of[int(str(year))] if len(periods) > 1 else ():
                _, where, sex = self.keys[cell]
                parts = tuple(self.cells[key] for one in periods if (key := (one, where, sex)) in self.cells)
                total = sum(self.values[part] for part in parts)
                for factor in (float(len(periods)), 1.0):
                    if parts and _is_equal(factor * self.values[cell], total):
                        self._equate(cell, parts, f"{_YEAR} {own['time']} and its periods", factor)
                        found[cell] = parts
                        # Persons behind the mean of several periods: each counts in one of them.
                        self.persons[cell] /= factor
                        break
        return found

    def _largest_period(self, periods: Mapping[int, tuple[int, ...]], own: Integers, is_level: Booleans) -> Floats:
        """Return the persons behind every cell; of several periods those of the largest: panels repeat persons."""
        n = np.array(self.persons)
        for cell, parts in periods.items():
            n[cell] = max(self.persons[part] for part in parts)
        for row in np.flatnonzero(is_level & np.isfinite(self.n_round)):
            if own[row] not in periods and self.n_round[row] < n[own[row]]:
                # Periods that are not here, of years that are pooled.
                n[own[row]] = self.persons[own[row]] = self.n_round[row]
        return n

    def _are_unknown(self) -> Booleans:
        """Return which cells hold only persons of whom a restricting item is not known.

        What is not known of a person cannot be learnt of one: such cells are hidden where they rest on few, but need no
        protection.
        """
        unknown = {number for number, where in enumerate(self.wheres) if _is_unknown(where)}
        return np.array([where in unknown for _, where, _ in self.keys], dtype=bool)

    def _matrix(self, value: Floats) -> csr_array:
        """Return the equations, whole less parts.

        Raises:
            ValueError: one does not hold.
        """
        rows, columns, entries = [], [], []
        for number, (whole, parts, factor) in enumerate(self.equations):
            sides = factor * value[whole], value[list(parts)].sum()
            if not _is_equal(*sides):
                names = CellNames(self.keys, self.wheres, self.sexes, self.rows)
                raise ValueError(f"{names[whole]}: {self.equations[whole, parts, factor]}: the parts are not the whole")
            rows += [number] * (len(parts) + 1)
            columns += [whole, *parts]
            entries += [factor] + [-1.0] * len(parts)
        shape = (len(self.equations), len(value))
        return csr_array((entries, (rows, columns)), shape=shape) if rows else csr_array(shape)


_YEAR = "the year"
_RATE = "denominator = numerator + complement"


def _is_unknown(where: Where) -> bool:
    root, held = where
    if isinstance(root, tuple):
        return _is_unknown(root[1])
    return any(column in WITH_UNKNOWN and all(code.endswith("_X") for code in codes) for column, codes in held)


def _partitions_of(version: str) -> dict[str, tuple[str, ...]]:
    """Return the sets of items of a version of which nobody is in two: its parts; of countries also their groups.

    Regions go with the countries that are in none: what they leave over of a total is then part of X.
    """
    found = {version: parts_of(version)}
    if version in COUNTRY_VERSIONS:
        groups = {group: members for group, members, _ in country_groups(version)}
        below = {member for members in groups.values() for member in members}
        alone = (item for item in parts_of(version) if item not in below and item != f"{version}_X")
        found[f"{version}, regions"] = (*(group for group in groups if group not in below), *alone)
        found[f"{version}, subregions"] = tuple(group for group in groups if group in below)
    return found


def _universe(indicator: Indicator) -> str:
    return universe_name(indicator.relation, indicator.universe)


def _is_equal(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), 1.0)


def _are_equal(one: Mapping[Any, tuple[float, float]], other: Mapping[Any, tuple[float, float]]) -> bool:
    """Whether two versions leave over as many persons, with the same weight, in the same places."""
    return one.keys() == other.keys() and all(
        n == other[key][0] and _is_equal(value, other[key][1]) for key, (n, value) in one.items()
    )
