"""A figure taken apart: the sums of its parts in one cell, and the formula with these numbers put in.

Here belongs an arithmetic of its own: plain sums over the base codes of the cell, read from psu_totals (of medians,
from persons), apart from the arrays that estimates are made with, so that the two can be held against each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

from pipelines.engine import path_literal
from pipelines.storage import Table
from pipelines.support import Support
from schemas.concepts import load_universes
from schemas.indicators import CONTRASTS, Indicator, Measure, Relation
from transforms.figures import known_items
from transforms.membership import item_rows
from transforms.quantiles import weighted_quantile
from transforms.stocks import Variable, cube_of, cubes, variables_of

#: Kind of measure -> its formula; w is the weight of a person, divided by the number of rounds that are stacked.
FORMULAS: Mapping[Measure, str] = {
    "count": "N = sum of w",
    "rate": "R = 100 x sum of w of the numerator / sum of w of the denominator",
    "mean": "M = sum of w y / sum of w, of those who told y",
    "median": "Q = the smallest y at which those who told no more than y have half of the sum of w",
    "difference": "D = R of migrants - R of natives, in percentage points",
    "gap": "G = 100 x (1 - M of migrants / M of natives), with means or medians M",
    "factor_gap": "G = 100 x sum over groups f of W_f (1 - M_f of migrants / M_f of natives) / sum of W_f, "
    "W_f = sum of w of both, over the groups that have both",
    "change": "C = figure of the period - figure of the same period a year before",
    "net": "F = sum of w of persons - sum of w of absentees",
}

#: Sums that rest on fewer persons are not shown: the sum of one person is the person's value.
FEWEST_PERSONS = 5

#: (sex, classif1, classif2): items, None where the indicator has no such dimension.
Cell = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Part:
    """The sums of one variable in one cell.

    Attributes:
        name: what it is, in words.
        weight: sum of weights, divided by the number of rounds.
        amount: sum of weight x quantity, divided likewise; NaN where nothing is summed but weights.
        persons: persons by round.
        median: of the quantity, where that is asked for.
    """

    name: str
    weight: float
    amount: float
    persons: tuple[int, ...]
    median: float = float("nan")

    @property
    def n(self) -> int:
        """Persons of all rounds."""
        return sum(self.persons)

    @property
    def largest(self) -> int:
        """Persons in the round where they are most."""
        return max(self.persons)


@dataclass(frozen=True)
class Side:
    """A figure before it is scaled to its unit, and whom it rests on; see ``transforms.measures.Side``."""

    value: float
    n: int
    n_numerator: int
    n_smallest: int


@dataclass(frozen=True)
class Taken:
    """A figure taken apart.

    Attributes:
        parts: what it is made of.
        value: the figure in its unit.
        formula: its formula with the numbers put in.
        size: largest figure that it is a difference of, in its unit: what rounding is relative to.
        side: whom it rests on.
    """

    parts: tuple[Part, ...]
    value: float
    formula: str
    size: float
    side: Side

    @property
    def is_shown(self) -> bool:
        """Whether the numbers rest on enough persons to be printed."""
        return min(self.side.n, self.side.n_smallest) >= FEWEST_PERSONS


def take_apart(
    connection: duckdb.DuckDBPyConnection,
    support: Support,
    indicator: Indicator,
    cell: Cell,
    now: Sequence[Table],
    before: Sequence[Table],
    persons: Sequence[Table],
    times: float,
) -> Taken:
    """Return the parts and the value of one figure, from stored tables.

    Args:
        connection: DuckDB that may read them.
        support: what the survey supports.
        indicator: of the catalogue.
        cell: which of its cells.
        now: psu_totals of the rounds that the figure is for.
        before: of a change, those of the year before.
        persons: harmonised_persons of the rounds, for medians.
        times: number of rounds where a year is their sum, else 1.
    """
    cube = _Reader(connection, support, indicator, cell)
    scale = 100.0 if indicator.unit_measure_type == "RT" else 10.0**-indicator.unit_mult
    names = _names(indicator)
    if indicator.contrast is not None:
        return _contrast(cube, indicator, names, now, persons, scale)
    if indicator.measure == "change":
        sides, parts = [], []
        for group, tables in (("", now), (" a year before", before)):
            own = cube.parts([name + group for name in names], tables)
            parts += own
            sides.append(_side(own))
        texts = [_side_text(own, scale) for own in (parts[: len(names)], parts[len(names) :])]
        size = scale * max(side.value for side in sides)
        value = scale * (sides[0].value - sides[1].value)
        return Taken(tuple(parts), value, f"{texts[0]} - {texts[1]}", size, _smaller(value, *sides))
    if indicator.measure == "median":
        part = cube.told(names[0], persons)
        value = scale * part.median
        text = f"smallest y at which the sum of w reaches {_shown(part.weight)} / 2"
        return Taken((part,), value, text, value, Side(value, part.n, part.n, part.largest))
    parts = cube.parts(names, now)
    if indicator.measure == "net":
        one, two = (Side(times * part.weight, part.n, part.n, part.largest) for part in parts)
        value = scale * (one.value - two.value)
        text = _scaled(f"({_shown(one.value)} - {_shown(two.value)})", scale)
        return Taken(tuple(parts), value, text, scale * max(one.value, two.value), _smaller(value, one, two))
    side = _side(parts)
    value = scale * times * side.value
    text = _side_text(parts, scale) + (f" x {times:g} (sum of the rounds)" if times != 1 else "")
    return Taken(tuple(parts), value, text, abs(value), side)


def _contrast(
    cube: "_Reader",
    indicator: Indicator,
    names: Sequence[str],
    now: Sequence[Table],
    persons: Sequence[Table],
    scale: float,
) -> Taken:
    """Return a comparison of migrants and natives."""
    column = str(indicator.contrast)
    items = CONTRASTS[column]
    if indicator.factor is not None:
        return _factor_gap(cube, indicator.factor, column, names[0], now, scale)
    sides, texts, parts = [], [], []
    for item in items:
        named, more = [f"{name}, {item}" for name in names], ((column, item),)
        if indicator.statistic == "median":
            own = [cube.told(named[0], persons, more)]
            side = Side(own[0].median, own[0].n, own[0].n, own[0].largest)
            text = _shown(own[0].median)
        else:
            own = cube.parts(named, now, more)
            side, text = _side(own), _side_text(own, scale if indicator.measure == "difference" else 1.0)
        sides.append(side)
        texts.append(text)
        parts += own
    migrants, natives = sides
    if indicator.measure == "difference":
        value = scale * (migrants.value - natives.value)
        text = f"{texts[0]} - {texts[1]}"
    else:
        value = scale * (1 - migrants.value / natives.value) if natives.value else float("nan")
        text = f"{scale:g} x (1 - ({texts[0]}) / ({texts[1]}))"
    return Taken(tuple(parts), value, text, 100.0, _smaller(value, migrants, natives))


def _factor_gap(cube: "_Reader", factor: str, column: str, name: str, now: Sequence[Table], scale: float) -> Taken:
    """Return the gap of means within groups, weighted by the sum of weights of both."""
    found = [cube.groups(f"{name}, {item}", now, factor, ((column, item),)) for item in CONTRASTS[column]]
    both = sorted(
        group for group in found[0].keys() & found[1].keys() if group and all(side[group].n for side in found)
    )
    weights, gaps, n, smallest = [], [], 0, 0
    for group in both:
        migrants, natives = found[0][group], found[1][group]
        # Without a mean of natives, or with weights of zero, a group has no gap.
        if natives.amount and natives.weight and migrants.weight:
            weights.append(migrants.weight + natives.weight)
            gaps.append(1 - (migrants.amount / migrants.weight) / (natives.amount / natives.weight))
        n += min(migrants.n, natives.n)
        smallest += min(migrants.largest, natives.largest)
    whole = float(np.sum(weights))
    weighted = float(np.dot(weights, gaps)) if weights else float("nan")
    value = scale * weighted / whole if whole else float("nan")
    text = f"{scale:g} x {_shown(weighted)} / {_shown(whole)}, over {len(both)} groups of {factor} that have both"
    parts = tuple(_added(side, both) for side in found)
    return Taken(parts, value, text, 100.0, Side(value, n, n, smallest))


def _added(groups: Mapping[str, Part], chosen: Iterable[str]) -> Part:
    """Return the sums over some of the groups."""
    own = [groups[group] for group in chosen]
    name = next(iter(groups.values())).name
    persons = tuple(int(sum(column)) for column in zip(*(part.persons for part in own), strict=True))
    return Part(name, sum(part.weight for part in own), sum(part.amount for part in own), persons or (0,))


def _names(indicator: Indicator) -> list[str]:
    """Return what the parts of one side of a figure are called."""
    if indicator.denominator:
        return [f"numerator {indicator.universe}", f"denominator {indicator.denominator}"]
    if indicator.subtrahend:
        return [indicator.universe, f"{indicator.subtrahend} (absentees)"]
    return [f"{indicator.universe}{f' who told {indicator.quantity}' if indicator.quantity else ''}"]


def _side(parts: Sequence[Part]) -> Side:
    """Return a count, a ratio or a mean."""
    if len(parts) == 1:
        (part,) = parts
        value = part.weight if np.isnan(part.amount) else part.amount / part.weight if part.weight else float("nan")
        return Side(value, part.n, part.n, part.largest)
    part, whole = parts
    complement = max(b - a for a, b in zip(part.persons, whole.persons, strict=True))
    value = part.weight / whole.weight if whole.weight else float("nan")
    return Side(value, whole.n, part.n, min(part.largest, whole.largest, complement))


def _side_text(parts: Sequence[Part], scale: float) -> str:
    """Return how a count, a ratio or a mean is made of its numbers."""
    if len(parts) == 2:
        return _scaled(_ratio(parts[0].weight, parts[1].weight), scale)
    (part,) = parts
    return _scaled(_shown(part.weight) if np.isnan(part.amount) else _ratio(part.amount, part.weight), scale)


def _scaled(text: str, scale: float) -> str:
    """Return a term of a formula in the unit of the figure."""
    if scale < 1:
        return f"{text} / {1 / scale:,.0f}"
    return f"{scale:g} x {text}" if scale > 1 else text


def _ratio(numerator: float, denominator: float) -> str:
    return f"{_shown(numerator)} / {_shown(denominator)}"


def _shown(number: float) -> str:
    return f"{number:,.3f}"


def _smaller(value: float, one: Side, two: Side) -> Side:
    return Side(
        value, min(one.n, two.n), min(one.n_numerator, two.n_numerator), min(one.n_smallest, two.n_smallest)
    )  # fmt: skip


class _Reader:
    """Reads the sums of an indicator's variables in one cell."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, support: Support, indicator: Indicator, cell: Cell
    ) -> None:
        self._connection, self._support, self._indicator = connection, support, indicator
        _, self.one, self.two = cube_of(indicator)
        self.variables = variables_of(indicator, support.columns[indicator.relation])
        columns = ("sex", indicator.classif1_concept, indicator.classif2_concept)
        self.items = tuple((column, item) for column, item in zip(columns, cell, strict=True) if column and item)

    def parts(self, names: Sequence[str], tables: Sequence[Table], more: Sequence[tuple[str, str]] = ()) -> list[Part]:
        """Return the sums of every variable, in the cell at further items."""
        return [
            self.groups(name, tables, "", more, variable)[""]
            for name, variable in zip(names, self.variables, strict=True)
        ]

    def groups(
        self,
        name: str,
        tables: Sequence[Table],
        factor: str,
        more: Sequence[tuple[str, str]],
        variable: tuple[Relation, Variable] | None = None,
    ) -> dict[str, Part]:
        """Return group of a factor ('' for all) -> the sums of a variable."""
        relation, own = variable or self.variables[0]
        cube = self._cube(relation)
        group = {self.one: "code1", self.two: "code2"}[factor] if factor else "''"
        amount = f"sum(s__{own.name})" if own.quantity else "NULL"
        sums: dict[str, list[tuple[float, float, int]]] = {}
        for number, table in enumerate(tables):
            conditions, values = self._where(table, cube, relation, (*self.items, *more))
            rows = self._connection.execute(
                f"SELECT {group}, coalesce(sum(w__{own.name}), 0)::DOUBLE, {amount}::DOUBLE, "
                f"coalesce(sum(n__{own.name}), 0)::BIGINT FROM read_parquet({path_literal(table.data)}) "
                f"WHERE {conditions} GROUP BY ALL",
                values,
            ).fetchall()
            for code, weight, total, persons in rows:
                held = sums.setdefault(code, [(0.0, 0.0, 0)] * len(tables))
                held[number] = (weight, total or 0.0, persons)
        rounds = len(tables)
        if not factor:
            sums.setdefault("", [(0.0, 0.0, 0)] * rounds)
        return {
            code: Part(
                name,
                sum(weight for weight, _, _ in held) / rounds,
                sum(total for _, total, _ in held) / rounds if own.quantity else float("nan"),
                tuple(persons for _, _, persons in held),
            )
            for code, held in sums.items()
        }

    def _cube(self, relation: Relation) -> str:
        chosen = cubes([self._indicator], self._support.columns)
        return next(cube.name for cube in chosen if cube.relation == relation)

    def _where(
        self, table: Table, cube: str, relation: Relation, items: Sequence[tuple[str, str]]
    ) -> tuple[str, list[object]]:
        """Return the condition of a cell over psu_totals: its cube, its base codes, the full sample."""
        conditions, values = ["cube = ?"], [cube]
        if relation == "persons" and self._support.spec.design.variance == "replicates":
            conditions.append("unit = 0")
        found: list[object] = list(values)
        places = {"sex": "sex", self.one: "code1", self.two: "code2"}
        for column, item in items:
            place = places[column]
            query = f"SELECT DISTINCT {place} FROM read_parquet({path_literal(table.data)}) WHERE cube = ?"
            held = [code for (code,) in self._connection.execute(query, [cube]).fetchall()]
            conditions.append(f"{place} IN (SELECT unnest(?::VARCHAR[]))")
            found.append(codes_of(column, item, held))
        return " AND ".join(conditions), found

    def told(self, name: str, tables: Sequence[Table], more: Sequence[tuple[str, str]] = ()) -> Part:
        """Return those who told the quantity, and its median: from persons, sorted as for estimates."""
        (_, variable), universe = self.variables[0], load_universes()[self._indicator.universe]
        conditions = [f"({universe.condition.sql()})", f"{variable.quantity} IS NOT NULL", f"{variable.weight} > 0"]
        frames = []
        for table in tables:
            source = f"read_parquet({path_literal(table.data)})"
            values, cell = [], []
            for column, item in (*self.items, *more):
                query = f"SELECT DISTINCT coalesce({column}, '') FROM {source}"
                held = [code for (code,) in self._connection.execute(query).fetchall()]
                cell.append(f"coalesce({column}, '') IN (SELECT unnest(?::VARCHAR[]))")
                values.append(codes_of(column, item, held))
            frames.append(
                self._connection.execute(
                    f"SELECT {variable.quantity}::DOUBLE AS amount, {variable.weight}::DOUBLE / {len(tables)} AS "
                    f"weight FROM {source} WHERE {' AND '.join([*conditions, *cell])} ORDER BY amount, row_number",
                    values,
                ).df()
            )
        frame = pd.concat(frames, ignore_index=True).sort_values("amount", kind="stable")
        amounts, weights = frame["amount"].to_numpy(dtype=float), frame["weight"].to_numpy(dtype=float)
        persons = tuple(len(part) for part in frames)
        median = weighted_quantile(amounts, weights, 0.5)
        return Part(name, float(weights.sum()), float("nan"), persons, median)


def codes_of(column: str, item: str, held: Iterable[str]) -> list[str]:
    """Return those of the base codes that occur which an item holds; '' stands for NULL.

    Args:
        column: the harmonised column.
        item: of a classification version.
        held: base codes that occur.
    """
    version = known_items()[item][0]
    return sorted(code for code, named in item_rows(column, (version,), held) if named == item)
