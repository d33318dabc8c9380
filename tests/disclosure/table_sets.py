"""Invented sets of linked tables with hidden true values, for attacks on their protection.

Persons of a quarter have a sex, a status in the labour force, classifying variables with hierarchies and a weight. A
table crosses the status with the sex and up to three variables; tables share their margins, as two figures are one
where they count the same persons. Place of birth and citizenship are two variables that no table crosses.

Equations come from the hierarchies and the statuses here, from 'the year is the mean of its quarters', and from nothing
of the project.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from transforms.attacker import Published
from transforms.linked_cells import Booleans, Floats, Integers, Linked

#: Persons below which a figure is confidential, share of the value and persons' weight that an interval must leave.
FEWEST, SHARE, PERSONS = 5, 0.15, 3.0
#: Unit to which figures are rounded, in persons (thousands with 3 decimals), and rates (percentages with 1 decimal).
UNIT, RATE_UNIT = 1.0, 0.001


@dataclass(frozen=True)
class Variable:
    """A classifying variable: item 0 is its total.

    Attributes:
        leaves: items x leaves, which leaves are in an item.
        splits: (item, its parts); an item can be split in several ways.
        share: part of an item that counts in a total; less than 1 for quarters, whose mean is the year.
    """

    leaves: Floats
    splits: tuple[tuple[int, tuple[int, ...]], ...]
    share: float = 1.0


@dataclass(frozen=True)
class TableSet:
    """Linked tables; every array has one entry per cell.

    Attributes:
        value: true values, in persons.
        persons: persons that each rests on.
        equations: equations x cells, 0 of the true values.
        rates: rates x (numerator, denominator, complement), cells.
        is_shown_if_zero: whether a figure of nobody is published (a structural zero) or hidden (a sampling zero).
    """

    value: Floats
    persons: Integers
    equations: csr_array
    rates: Integers
    is_shown_if_zero: bool

    @property
    def is_confidential(self) -> Booleans:
        return (self.persons > 0) & (self.persons < FEWEST)

    @property
    def need_up(self) -> Floats:
        per_person = self.value / np.maximum(self.persons, 1)
        return np.where(self.is_confidential, np.maximum(SHARE * self.value, PERSONS * per_person), 0.0)

    @property
    def need_down(self) -> Floats:
        return np.minimum(self.need_up, self.value)

    @property
    def targets(self) -> Integers:
        return np.flatnonzero(self.is_confidential).astype(np.int64)

    def linked(self) -> Linked:
        """Return the cells as they are handed to suppression."""
        is_hidden = self.is_confidential | ((self.persons == 0) & (not self.is_shown_if_zero))
        return Linked(
            value=self.value,
            equations=self.equations,
            cost=np.where(is_hidden, 0.0, 1.0 + np.log1p(self.value)),
            need_up=self.need_up,
            need_down=self.need_down,
            is_hidden=is_hidden,
            is_fixed=np.zeros(len(self.value), dtype=np.bool_),
        )

    def published(self, secondary: Booleans) -> Published:
        """Return what anybody knows once the primary and these cells are hidden."""
        is_hidden = self.linked().is_hidden | secondary
        rounded = np.round(self.value / UNIT) * UNIT
        shown = self.rates[~is_hidden[self.rates].any(axis=1) & (self.value[self.rates[:, 1]] > 0)]
        rate = np.round(self.value[shown[:, 0]] / self.value[shown[:, 1]] / RATE_UNIT) * RATE_UNIT
        return Published(
            lower=np.where(is_hidden, 0.0, np.maximum(rounded - UNIT / 2, 0.0)),
            upper=np.where(is_hidden, np.inf, rounded + UNIT / 2),
            equations=self.equations,
            numerator=shown[:, 0],
            denominator=shown[:, 1],
            low=np.maximum(rate - RATE_UNIT / 2, 0.0),
            high=rate + RATE_UNIT / 2,
        )


def flat(leaves: int) -> Variable:
    """Return a variable of a total and its items."""
    return tree((1,) * leaves)


def tree(sizes: Sequence[int]) -> Variable:
    """Return a variable whose total is split into groups, and groups of more than one leaf into their leaves."""
    total = sum(sizes)
    firsts = np.cumsum([0, *sizes])
    rows, splits, leaf = [np.ones(total)], [(0, tuple(range(1, len(sizes) + 1)))], len(sizes) + 1
    rows += [
        np.isin(np.arange(total), np.arange(*firsts[group : group + 2])).astype(float) for group in range(len(sizes))
    ]
    for group, size in enumerate(sizes):
        if size > 1:
            splits.append((group + 1, tuple(range(leaf, leaf + size))))
            rows += list(np.eye(total)[firsts[group] : firsts[group + 1]])
            leaf += size
    return Variable(np.array(rows), tuple(splits))


def crossing_groups(leaves: int) -> Variable:
    """Return a variable with two versions of groups that cross each other, as ten-year bands and wide age groups do."""
    thirds = [np.arange(leaves) * 3 // leaves == group for group in range(3)]
    halves = [np.arange(leaves) * 2 // leaves == group for group in range(2)]
    rows = [np.ones(leaves), *np.eye(leaves), *thirds, *halves]
    splits = [(0, tuple(range(1, leaves + 1)))]
    splits += [(1 + leaves + g, tuple(int(i) + 1 for i in np.flatnonzero(m))) for g, m in enumerate([*thirds, *halves])]
    splits += [(0, tuple(range(1 + leaves, 4 + leaves))), (0, tuple(range(4 + leaves, 6 + leaves)))]
    return Variable(np.array(rows, dtype=float), tuple(splits))


#: Everybody = labour force (employed + unemployed) + outside it; leaves are employed, unemployed, outside.
STATUS = Variable(
    np.array([[1, 1, 1], [1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=float), ((0, (1, 2)), (1, (3, 4)))
)
EVERYBODY, LABOUR_FORCE, OUTSIDE, EMPLOYED, UNEMPLOYED = range(5)
#: Numerator, denominator, complement.
_RATES = ((LABOUR_FORCE, EVERYBODY, OUTSIDE), (UNEMPLOYED, LABOUR_FORCE, EMPLOYED))


def quarters(number: int) -> Variable:
    """Return the periods of a year, or of a round that stands alone."""
    if number == 1:
        return Variable(np.ones((1, 1)), ())
    leaves = np.vstack([np.full(number, 1 / number), np.eye(number)])
    return Variable(leaves, ((0, tuple(range(1, number + 1))),), 1 / number)


def linked_tables(
    rng: np.random.Generator,
    people: int,
    variables: Sequence[Variable],
    tables: Sequence[tuple[int, ...]],
    *,
    periods: int = 1,
    sexes: int = 2,
    is_shown_if_zero: bool = False,
) -> TableSet:
    """Return tables of invented persons.

    Args:
        rng: source of chance.
        people: persons in all periods together.
        variables: besides period, sex and status, which stand in every table.
        tables: positions of the variables that each table crosses.
        periods: of the year; more than one adds the year.
        sexes: that are shown apart; more than one adds both together.
        is_shown_if_zero: whether a figure of nobody is published.
    """
    every = [quarters(periods), flat(sexes) if sexes > 1 else Variable(np.ones((1, 1)), ()), STATUS, *variables]
    people_of = [_leaves(rng, people, variable.leaves.shape[1]) for variable in every]
    weights = rng.lognormal(5.5, 0.6, people)
    sizes = [len(variable.leaves) for variable in every]
    steps = np.cumprod([1, *sizes])[:-1]
    keys, values, counts, rows = [], [], [], []
    for crossed in tables:
        used = [0, 1, 2, *(3 + position for position in crossed)]
        place = np.ravel_multi_index([people_of[one] for one in used], [every[one].leaves.shape[1] for one in used])
        key = sum(np.ix_(*(np.arange(sizes[one]) * steps[one] for one in used))).ravel()
        keys.append(key)
        values.append(_totals(place, weights, [every[one].leaves for one in used]))
        counts.append(_totals(place, np.ones(people), [np.ceil(every[one].leaves) for one in used]))
        rows += _sums(key.reshape([sizes[one] for one in used]), [every[one] for one in used])
    cells, first = np.unique(np.concatenate(keys), return_index=True)
    equations = {tuple(zip(np.searchsorted(cells, key), factors, strict=True)) for key, factors in rows}
    return TableSet(
        value=np.concatenate(values)[first],
        persons=np.round(np.concatenate(counts)[first]).astype(np.int64),
        equations=_matrix(sorted(equations), len(cells)),
        rates=_rates(cells, int(steps[2]), sizes[2]),
        is_shown_if_zero=is_shown_if_zero,
    )


def _leaves(rng: np.random.Generator, people: int, number: int) -> Integers:
    """Return the leaf of every person; some leaves are rare, as countries and branches are."""
    shares = rng.dirichlet(np.full(number, 0.8)) + 0.02
    return rng.choice(number, size=people, p=shares / shares.sum())


def _totals(place: Integers, amounts: Floats, leaves: Sequence[Floats]) -> Floats:
    cube = np.bincount(place, amounts, minlength=int(np.prod([one.shape[1] for one in leaves])))
    cube = cube.reshape([one.shape[1] for one in leaves])
    for axis, one in enumerate(leaves):
        cube = np.moveaxis(np.tensordot(one, cube, axes=(1, axis)), 0, axis)
    return cube.ravel()


def _sums(key: Integers, variables: Sequence[Variable]) -> list[tuple[Integers, tuple[float, ...]]]:
    """Return every equation of a table: keys of its cells, the sum first, and their factors."""
    found = []
    for axis, variable in enumerate(variables):
        for whole, parts in variable.splits:
            taken = np.moveaxis(np.take(key, [whole, *parts], axis=axis), axis, 0).reshape(len(parts) + 1, -1)
            factors = (1.0, *(-variable.share for _ in parts))
            found += [(column, factors) for column in taken.T]
    return found


def _matrix(equations: Sequence[tuple[tuple[int, float], ...]], cells: int) -> csr_array:
    rows = np.repeat(np.arange(len(equations)), [len(one) for one in equations])
    columns = np.array([cell for one in equations for cell, _ in one])
    factors = np.array([factor for one in equations for _, factor in one])
    return csr_array((factors, (rows, columns)), shape=(len(equations), cells))


def _rates(cells: Integers, step: int, statuses: int) -> Integers:
    status = cells // step % statuses
    found = []
    for triple in _RATES:
        numerator = cells[status == triple[0]]
        others = [numerator + (status_of - triple[0]) * step for status_of in triple]
        found.append(np.column_stack([np.searchsorted(cells, other) for other in others]))
    return np.concatenate(found).astype(np.int64)


def random_tables(seed: int) -> TableSet:
    """Return a small set of linked tables, another one for every seed.

    It has 2 to 4 variables in 1 to 4 tables, or two sexes, or quarters and their year.
    """
    rng = np.random.default_rng(seed)
    periods, sexes = [(1, 1), (1, 1), (1, 1), (1, 2), (2, 1), (4, 1)][int(rng.integers(6))]
    is_plain = periods == sexes == 1
    criteria = [flat(2), tree((1, int(rng.integers(2, 4))))][: int(rng.integers(1, 3)) if is_plain else 1]
    others = [flat(int(rng.integers(2, 4))), tree((2, 1)), crossing_groups(4)]
    if is_plain:
        extra = [others[one] for one in rng.permutation(3 if len(criteria) == 1 else 2)[: int(rng.integers(1, 3))]]
    else:
        extra = [flat(2)]
    first = len(criteria)
    return linked_tables(
        rng,
        people=int(np.exp(rng.uniform(np.log(400), np.log(4_000)))),
        variables=[*criteria, *extra],
        tables=[(one, other) for one in range(first) for other in range(first, first + len(extra))],
        periods=periods,
        sexes=sexes,
        is_shown_if_zero=bool(rng.integers(2)),
    )
