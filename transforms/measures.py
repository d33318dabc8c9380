"""What each kind of measure is made of: statistics of the cells of a cube, and whom they rest on.

Here belongs the way from the sums of a cube to an indicator's figures. Sums come from whoever holds them (``Sums``);
how a statistic's parts become a variance belongs to ``variance``, how its numbers of observations become a status to
``reliability``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from schemas.indicators import CONTRASTS, Indicator, Relation
from transforms import estimators
from transforms.estimators import Statistic
from transforms.margins import Cells
from transforms.stocks import Cube, Variable, cube_of, variables_of
from transforms.variance import Booleans, Floats, Integers, Scale

Kind = Literal["w", "s"]
Group = Literal["now", "before"]

#: sex, classif1, classif2
Name = tuple[str | None, str | None, str | None]

#: Kind of measure -> scale on which its confidence limits are symmetric; that of the others is the figure's own.
SCALES: dict[str, Scale] = {"count": "log", "rate": "logit"}

#: Kinds of measures that compare two figures: they have a p-value, and no CV.
COMPARISONS = ("difference", "gap", "factor_gap", "change", "net")


class Sums(Protocol):
    """Sums of one cube over stacked rounds, for the units of one block."""

    def cells(self, relation: Relation) -> Cells | None:
        """Return the cells of the cube, or of its twin of another relation; None where it was not counted."""

    def statistic(self, relation: Relation, variable: Variable, kind: Kind, group: Group) -> Statistic:
        """Return the totals of a variable (weights or weighted quantity) in all cells."""

    def members(self, relation: Relation, variable: Variable, group: Group) -> Booleans:
        """Return whether a unit (or replicate) holds members, in all cells."""

    def persons(self, relation: Relation, variable: Variable, group: Group) -> Integers:
        """Return the persons behind a variable, rounds x cells."""

    def households(self, relation: Relation, variable: Variable, group: Group) -> Floats:
        """Return the distinct households behind a variable in the round where they are most; NaN if not known."""

    def shares(self, relation: Relation, variable: Variable, group: Group) -> "Shares":
        """Return how much of a quantity's total few persons have, each in the round where that is worst."""


@dataclass(frozen=True)
class Shares:
    """How much of the total of a quantity few persons have, by cell; NaN where there is no such total.

    Attributes:
        dominance: share of the largest contributions (weight x quantity of a person) in the total.
        remainder: the total less its two largest contributions, by the largest.
    """

    dominance: Floats
    remainder: Floats

    def take(self, positions: Integers) -> "Shares":
        """Return the shares in some of the cells."""
        return Shares(self.dominance[positions], self.remainder[positions])


@dataclass(frozen=True)
class Side:
    """One of the parts of an indicator over all cells of its cube: a count, a ratio, a mean, a median.

    Attributes:
        statistic: values and parts.
        weight: total of the members' weights.
        members: whether a unit (or replicate) holds members of the cell's domain, cells x units; of a comparison those
            of its first side.
        n: persons that a figure rests on, summed over rounds.
        n_numerator: of a rate, persons in the numerator.
        n_smallest: the smallest part that a figure discloses, each in the round where it is largest.
        n_households: households behind it; NaN if not known.
        n_round: persons that it rests on in the round where they are most.
        households_smallest: of a rate, the households of its numerator where these are fewer; NaN if not known.
        shares: of a mean, how much of its total few persons have; None: of no cell.
        other_members: of a comparison, the members of its second side.
    """

    statistic: Statistic
    weight: Statistic
    members: Booleans
    n: Integers
    n_numerator: Integers
    n_smallest: Integers
    n_households: Floats
    n_round: Integers
    households_smallest: Floats
    shares: Shares | None = None
    other_members: Booleans | None = None

    def take(self, positions: Integers) -> "Side":
        """Return the part in some of the cells."""
        return Side(
            _at(self.statistic, positions), _at(self.weight, positions), self.members[positions], self.n[positions],
            self.n_numerator[positions], self.n_smallest[positions], self.n_households[positions],
            self.n_round[positions], self.households_smallest[positions],
            None if self.shares is None else self.shares.take(positions),
        )  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """Figures of one indicator in several cells; of a comparison the numbers are those of its smaller side.

    Attributes:
        names: sex, classif1, classif2 of every cell.
        side: the figures and whom they rest on.
    """

    names: Sequence[Name]
    side: Side


def _at(statistic: Statistic, positions: Integers) -> Statistic:
    return replace(statistic, value=statistic.value[positions], parts=statistic.parts[positions])


def figures(indicator: Indicator, columns: Iterable[str], sums: Sums) -> Figures | None:
    """Return the figures of an indicator for the units that ``sums`` holds; None where its cube has no such cells.

    Args:
        indicator: of the catalogue; a median is made from persons (``compared_figures``) and not here.
        columns: harmonised columns of its relation.
        sums: the sums of its cube.
    """
    variables = [variable for _, variable in variables_of(indicator, columns)]
    cells = sums.cells(indicator.relation)
    if cells is None:
        return None
    if indicator.measure == "net":
        return _net(sums, cells, variables)
    now = _side(indicator, variables, sums, "now")
    if indicator.measure == "change":
        before = _side(indicator, variables, sums, "before")
        return _compared(cells.names(), estimators.difference(now.statistic, before.statistic), now, before)
    return compared_figures(indicator, cells, now)


def compared_figures(indicator: Indicator, cells: Cells, side: Side) -> Figures | None:
    """Return the figures of an indicator of one period from its part in all cells of the cube.

    None where the indicator compares two groups and one of them was not observed at all.
    """
    if indicator.contrast is None:
        return Figures(cells.names(), side)
    pair = _pair(indicator, cells)
    if pair is None:
        return None
    migrants, natives, names, groups = pair
    if indicator.measure == "factor_gap":
        return _factor_gap(side, migrants, natives, names, groups)
    one, two = side.take(migrants), side.take(natives)
    if indicator.measure == "difference":
        return _compared(names, estimators.difference(one.statistic, two.statistic), one, two)
    return _compared(names, estimators.gap(two.statistic, one.statistic), one, two)


def _side(indicator: Indicator, variables: Sequence[Variable], sums: Sums, group: Group) -> Side:
    """Return the count, ratio or mean of an indicator in every cell of its cube."""
    relation, numerator = indicator.relation, variables[0]
    base = variables[1] if len(variables) > 1 else numerator
    if base == numerator and not numerator.quantity:
        return _count(sums, relation, numerator, group)
    weight = sums.statistic(relation, base, "w", group)
    statistic = estimators.ratio(sums.statistic(relation, numerator, "s" if numerator.quantity else "w", group), weight)
    whole, part = sums.persons(relation, base, group), sums.persons(relation, numerator, group)
    most = smallest = whole.max(axis=0)
    households = fewest = sums.households(relation, base, group)
    if base != numerator:
        smallest = np.minimum(smallest, np.minimum(part.max(axis=0), (whole - part).max(axis=0)))
        fewest = np.minimum(households, sums.households(relation, numerator, group))
    return Side(
        statistic, weight, sums.members(relation, base, group), whole.sum(axis=0), part.sum(axis=0), smallest,
        households, most, fewest, sums.shares(relation, numerator, group) if numerator.quantity else None,
    )  # fmt: skip


def _count(sums: Sums, relation: Relation, variable: Variable, group: Group = "now") -> Side:
    weight = sums.statistic(relation, variable, "w", group)
    persons = sums.persons(relation, variable, group)
    total, most = persons.sum(axis=0), persons.max(axis=0)
    households = sums.households(relation, variable, group)
    return Side(
        weight, weight, sums.members(relation, variable, group), total, total, most, households, most, households
    )  # fmt: skip


def _compared(names: Sequence[Name], statistic: Statistic, one: Side, two: Side) -> Figures:
    """Return a comparison: it rests on, and discloses, the smaller of its sides."""
    side = Side(
        statistic, one.weight, one.members, np.minimum(one.n, two.n),
        np.minimum(one.n_numerator, two.n_numerator), np.minimum(one.n_smallest, two.n_smallest),
        np.fmin(one.n_households, two.n_households), np.minimum(one.n_round, two.n_round),
        np.fmin(one.households_smallest, two.households_smallest), other_members=two.members,
    )  # fmt: skip
    return Figures(names, side)


def _net(sums: Sums, cells: Cells, variables: Sequence[Variable]) -> Figures | None:
    """Return persons less absentees, where both were counted."""
    other = sums.cells("absentees")
    if other is None:
        return None
    own, theirs = cells.names(), other.names()
    names = [name for name in own if name in set(theirs)]
    one = _count(sums, "persons", variables[0]).take(np.array([own.index(name) for name in names], dtype=np.int64))
    two = _count(sums, "absentees", variables[1]).take(np.array([theirs.index(name) for name in names], dtype=np.int64))
    return _compared(names, estimators.difference(one.statistic, two.statistic), one, two)


def _pair(indicator: Indicator, cells: Cells) -> tuple[Integers, Integers, list[Name], int] | None:
    """Return the positions of migrants' and natives' cells, the names of the cells compared, and groups per sex."""
    assert indicator.contrast is not None
    migrant, native = CONTRASTS[indicator.contrast]
    axis = 1 if cube_of(indicator)[1] == indicator.contrast else 2
    items = cells.dimensions[axis].items
    if migrant not in items or native not in items:
        return None
    numbers = np.arange(int(np.prod(cells.shape))).reshape(cells.shape)
    found = [numbers.take(items.index(item), axis=axis).ravel() for item in (migrant, native)]
    kept = cells.first.items if axis == 2 else (None,)
    if indicator.factor:
        return found[0], found[1], [(sex, None, None) for sex in cells.sex.items], len(kept)
    return found[0], found[1], [(sex, item, None) for sex in cells.sex.items for item in kept], 1


def _factor_gap(side: Side, migrants: Integers, natives: Integers, names: Sequence[Name], groups: int) -> Figures:
    """Return the gap of means within groups, weighted by the employees of both in each group that has both."""
    gaps, weights, members, others, n, smallest, households, most = [], [], [], [], [], [], [], []
    for group in range(groups):
        one, two = side.take(migrants.reshape(-1, groups)[:, group]), side.take(natives.reshape(-1, groups)[:, group])
        gap, both = estimators.gap(two.statistic, one.statistic), (one.n > 0) & (two.n > 0)
        gaps.append(replace(gap, value=np.where(both, gap.value, np.nan)))
        value, parts = one.weight.value + two.weight.value, one.weight.parts + two.weight.parts
        weights.append(replace(one.weight, value=value, parts=parts))
        members.append(one.members & both[:, None])
        others.append(two.members & both[:, None])
        n.append(np.where(both, np.minimum(one.n, two.n), 0))
        smallest.append(np.where(both, np.minimum(one.n_smallest, two.n_smallest), 0))
        households.append(np.where(both, np.fmin(one.n_households, two.n_households), 0))
        most.append(np.where(both, np.minimum(one.n_round, two.n_round), 0))
    count, homes = np.sum(n, axis=0), np.sum(households, axis=0)
    average = estimators.weighted_average(gaps, weights)
    joined = Side(
        average, average, np.logical_or.reduce(members), count, count, np.sum(smallest, axis=0), homes,
        np.sum(most, axis=0), homes, other_members=np.logical_or.reduce(others),
    )  # fmt: skip
    return Figures(names, joined)


def cube_for(indicator: Indicator, cubes: Sequence[Cube], relation: Relation | None = None) -> Cube | None:
    """Return the cube that an indicator's figures (or what is subtracted from them) come from, if it was counted."""
    key = cube_of(indicator, relation)
    return next((cube for cube in cubes if (cube.relation, cube.concept1, cube.concept2) == key), None)
