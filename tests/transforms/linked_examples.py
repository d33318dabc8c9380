"""Linked tables for tests: small ones from textbooks, small random ones, and a survey's year of realistic size."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.sparse import coo_array

from transforms.linked_cells import Linked

#: An equation as (cell, factor) pairs; cells are any hashable names.
Equation = list[tuple[object, float]]


def linked(values, equations, *, confidential=(), needs=None, hidden=(), fixed=(), cost=None) -> Linked:
    """Makes linked tables from names.

    Args:
        values: cell -> true value.
        equations: sums of cells times factors that are 0.
        confidential: cells that must not be learnt.
        needs: cell -> (up, down); 15 % of the value, at least 1, where it is not said.
        hidden: cells that are hidden, but may be learnt.
        fixed: cells that cannot be hidden.
        cost: cell -> cost; the value, at least 1, where it is not said.
    """
    at = {name: position for position, name in enumerate(values)}
    value = np.array(list(values.values()), dtype=float)
    rows = [(row, at[name], factor) for row, equation in enumerate(equations) for name, factor in equation]
    row, column, factor = (np.array(part) for part in zip(*rows, strict=True))
    is_hidden, is_fixed = np.zeros(len(at), bool), np.zeros(len(at), bool)
    is_hidden[[at[name] for name in (*confidential, *hidden)]] = True
    is_fixed[[at[name] for name in fixed]] = True
    up, down = np.zeros(len(at)), np.zeros(len(at))
    for name in confidential:
        place = at[name]
        least = max(1.0, 0.15 * value[place])
        up[place], down[place] = (needs or {}).get(name, (least, min(least, value[place])))
    price = np.maximum(value, 1.0) if cost is None else np.array([float(cost[name]) for name in at])
    price[is_hidden] = 0
    shape = (len(equations), len(at))
    matrix = coo_array((factor.astype(float), (row, column)), shape=shape).tocsr()
    return Linked(value, matrix, price, up, down, is_hidden, is_fixed)


def cube(inner: np.ndarray, groups: Sequence[Sequence[Sequence[int]]] | None = None):
    """A table of any dimension with its totals, and with groups of items where they are given.

    Args:
        inner: values of the finest cells.
        groups: per dimension, sets of items that are shown as one item too; without one, the total alone.

    Returns:
        Values by (item, ...), a total being "T" and a group "G0", "G1", ..., and the equations between them.
    """
    items: list[dict[object, list[int]]] = []
    for dimension, size in enumerate(inner.shape):
        named: dict[object, list[int]] = {item: [item] for item in range(size)}
        for number, group in enumerate(groups[dimension] if groups else ()):
            named[f"G{number}"] = list(group)
        named["T"] = list(range(size))
        items.append(named)
    values = {
        cell: float(inner[np.ix_(*(items[place][item] for place, item in enumerate(cell)))].sum())
        for cell in product(*items)
    }
    equations: list[Equation] = []
    for dimension, named in enumerate(items):
        grouped = {item for name, held in named.items() if str(name)[0] == "G" for item in held}
        sums = {name: held for name, held in named.items() if str(name)[0] == "G"}
        sums["T"] = [name for name in named if str(name)[0] == "G"] + [i for i in named["T"] if i not in grouped]
        for others in product(*(part for place, part in enumerate(items) if place != dimension)):
            for whole, parts in sums.items():
                equations.append(
                    [((*others[:dimension], whole, *others[dimension:]), 1.0)]
                    + [((*others[:dimension], part, *others[dimension:]), -1.0) for part in parts]
                )
    return values, equations


def over_periods(inner: Sequence[np.ndarray]):
    """The same table in several periods, and as the mean of them."""
    values, equations = {}, []
    for period, cells in enumerate([*inner, sum(inner) / len(inner)]):
        here, sums = cube(cells)
        values |= {(period, *cell): value for cell, value in here.items()}
        equations += [[((period, *cell), factor) for cell, factor in equation] for equation in sums]
    for cell in here:
        parts = [((period, *cell), -1.0) for period in range(len(inner))]
        equations.append([((len(inner), *cell), float(len(inner))), *parts])
    return values, equations


def textbook_investment(**said) -> Linked:
    """Investment of enterprises by activity and region, with one confidential cell.

    Source: Willenborg and de Waal (1996); Fischetti and Salazar (2001), figure 1. From memory; the figures add up.
    """
    values, equations = cube(np.array([[20, 50, 10], [8, 19, 22], [17, 32, 12]]))
    return linked(values, equations, confidential=[(1, 2)], **said)


def random_table(rng: np.random.Generator, kind: str) -> Linked:
    """A small random table with a few confidential cells; kind is a key of ``KINDS``."""
    values, equations = KINDS[kind](rng)
    finest = [name for name in values if "T" not in name and not any(str(part)[0] == "G" for part in name)]
    small = [name for name in finest if 0 < values[name] <= 4] or [min(finest, key=lambda name: values[name])]
    chosen = [small[place] for place in rng.permutation(len(small))[: int(rng.integers(1, 5))]]
    needs = {name: (float(max(1, values[name] // 2)), min(values[name], 1.0)) for name in chosen}
    return linked(values, equations, confidential=chosen, needs=needs)


def _counts(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.negative_binomial(1, 0.06, size=shape).astype(float)


def _linked_pair(rng: np.random.Generator):
    """Two tables of the same persons, row by column and row by other column, that share the rows' totals."""
    persons = _counts(rng, 4, 3, 3)
    values, equations = {}, []
    for table, cells in (("first", persons.sum(axis=2)), ("second", persons.sum(axis=1))):
        here, sums = cube(cells)
        named = {cell: ("both", *cell) if cell[1] == "T" else (table, *cell) for cell in here}
        values |= {named[cell]: value for cell, value in here.items()}
        equations += [[(named[cell], factor) for cell, factor in equation] for equation in sums]
    return values, equations


KINDS = {
    "2-D": lambda rng: cube(_counts(rng, 5, 4)),
    "3-D": lambda rng: cube(_counts(rng, 3, 2, 3)),
    "hierarchy": lambda rng: cube(_counts(rng, 5, 3), [[[0, 1], [2, 3, 4]], []]),
    "linked": _linked_pair,
    "periods": lambda rng: over_periods([_counts(rng, 2, 3) for _ in range(3)]),
}


# A year of a survey ------------------------------------------------------------------------------------------------

#: Items of every column, and their groups.
_COLUMNS: dict[str, tuple[int, tuple[tuple[int, ...], ...]]] = {
    "sex": (2, ()),
    "age": (6, ((0,), (1, 2), (3, 4, 5))),
    "birth": (3, ()),
    "citizenship": (3, ()),
    "country": (40, tuple(tuple(range(start, start + 8)) for start in range(0, 40, 8))),
    "education": (5, ()),
    "area": (2, ()),
    "economic": (21, ((0,), (1, 2, 3), (4, 5, 6, 7, 8), (9, 10, 11, 12, 13), (14, 15, 16, 17, 18, 19, 20))),
    "occupation": (10, ((0, 1, 2), (3, 4), (5, 6, 7), (8,), (9,))),
    "status": (4, ()),
    "informal": (2, ()),
}
_UNIVERSES = {"working age": ("labour force", "outside"), "labour force": ("employed", "unemployed")}
_TABLES = (
    *(("working age", ("sex", one, two)) for one in ("age", "education", "area") for two in ("birth", "citizenship")),
    *(
        ("employed", ("sex", one, two))
        for one in ("economic", "occupation", "status", "informal")
        for two in ("birth", "citizenship", "age")
    ),
    ("working age", ("sex", "country", "age")),
    ("labour force", ("sex", "country", "age")),
    ("employed", ("sex", "country", "economic")),
    ("employed", ("sex", "country", "occupation")),
    ("working age", ("sex", "age", "birth", "education")),
    ("employed", ("sex", "economic", "birth", "education")),
    ("employed", ("sex", "occupation", "status", "citizenship")),
)


def survey_year(persons: int, *, tables: int = len(_TABLES), seed: int = 5, periods: int = 4) -> Linked:
    """Tables of a made-up labour force survey, linked through totals, universes and the mean of the quarters.

    Cells below 5 persons are confidential and need three persons' weight or 15 %, cells below 15 are hidden, and empty
    cells are no part of it.

    Args:
        persons: in the sample of a quarter.
        tables: how many of the tables.
        seed: of the random numbers.
        periods: quarters in the year.
    """
    rng = np.random.default_rng(seed)
    values: dict[object, float] = {}
    counts: dict[object, int] = {}
    kept: dict[object, Equation] = {}
    for period in range(periods):
        _quarter(rng, persons, period, tables, values, counts, kept)
    for name in {name[1:]: None for name in values}:
        parts = [(period, *name) for period in range(periods) if (period, *name) in values]
        values[("year", *name)] = sum(values[part] for part in parts) / periods
        counts[("year", *name)] = sum(counts[part] for part in parts)
        kept[("mean", *name)] = [(("year", *name), float(periods)), *((part, -1.0) for part in parts)]
    for key, equation in list(kept.items()):
        if key[0] == 0 or (key[0] in range(periods)):
            kept.setdefault(("year", *key[1:]), [])
            known = {name for name, _ in kept[("year", *key[1:])]}
            moved = [(("year", *name[1:]), factor) for name, factor in equation]
            kept[("year", *key[1:])] += [pair for pair in moved if pair[0] not in known]
    small = [name for name in values if counts[name] < 5]
    weight = {name: values[name] / counts[name] for name in small}
    needs = {
        name: (
            max(3 * weight[name], 0.15 * values[name]),
            min(max(3 * weight[name], 0.15 * values[name]), values[name]),
        )
        for name in small
    }
    return linked(
        values,
        list(kept.values()),
        confidential=small,
        needs=needs,
        hidden=[name for name in values if 5 <= counts[name] < 15],
        cost={name: 1 + np.log(counts[name]) for name in values},
    )


def _quarter(rng, persons, period, tables, values, counts, kept) -> None:
    """Adds the cells and equations of a quarter."""
    weights = rng.uniform(100, 400, persons)
    codes = {}
    for column, (size, _) in _COLUMNS.items():
        share = (1 / (1 + np.arange(size))) ** (2.2 if column == "country" else 0.7)
        codes[column] = rng.choice(size, persons, p=share / share.sum())
    state = rng.choice(3, persons, p=[0.55, 0.06, 0.39])
    inside = {
        "working age": state >= 0, "labour force": state < 2, "outside": state == 2,
        "employed": state == 0, "unemployed": state == 1,
    }  # fmt: skip
    shown: dict[str, set] = {}
    wanted = [(universe, columns) for universe, columns in _TABLES[:tables]]
    wanted += [
        (part, columns) for universe, columns in wanted for part in _UNIVERSES.get(universe, ()) if len(columns) == 3
    ]
    for universe, columns in wanted:
        there = np.flatnonzero(inside[universe])
        choices = []
        for column in columns:
            size, groups = _COLUMNS[column]
            named = [((item,), item) for item in range(size)] + [(group, f"G{n}") for n, group in enumerate(groups)]
            choices.append([(None, None), *named])
        for combination in product(*choices):
            mask = there
            for column, (items, _) in zip(columns, combination, strict=True):
                if items is not None:
                    mask = mask[np.isin(codes[column][mask], items)]
                if not len(mask):
                    break
            if not len(mask):
                continue
            restricted = tuple(
                sorted((c, str(name)) for c, (_, name) in zip(columns, combination, strict=True) if name is not None)
            )
            values[(period, universe, restricted)] = float(weights[mask].sum())
            counts[(period, universe, restricted)] = len(mask)
        for place, column in enumerate(columns):
            size, groups = _COLUMNS[column]
            sums = [(f"G{n}", [str(item) for item in group]) for n, group in enumerate(groups)]
            sums.append((None, [name for name, _ in sums] if groups else [str(item) for item in range(size)]))
            others = [choice for at, choice in enumerate(choices) if at != place]
            named = [c for at, c in enumerate(columns) if at != place]
            for combination in product(*others):
                rest = [(c, str(name)) for c, (_, name) in zip(named, combination, strict=True) if name is not None]
                for whole, parts in sums:
                    top = (period, universe, tuple(sorted(rest + ([(column, whole)] if whole else []))))
                    below = [(period, universe, tuple(sorted([*rest, (column, part)]))) for part in parts]
                    below = [name for name in below if name in values]
                    if top in values and below:
                        kept[(period, "sum", *top[1:], column)] = [(top, 1.0), *((name, -1.0) for name in below)]
        shown.setdefault(universe, set()).update(name for name in values if name[0] == period and name[1] == universe)
    for whole, parts in _UNIVERSES.items():
        for _, _, restricted in shown.get(whole, ()):
            named = [(period, part, restricted) for part in parts]
            if all(name in values or part_is_empty(name, shown) for name in named):
                there = [name for name in named if name in values]
                total = sum(values[name] for name in there)
                if there and abs(total - values[(period, whole, restricted)]) < 1e-6 * total:
                    kept[(period, "universe", whole, restricted)] = [
                        ((period, whole, restricted), 1.0),
                        *((name, -1.0) for name in there),
                    ]


def part_is_empty(name, shown) -> bool:
    """Whether a universe that is tabulated has no such cell."""
    return name[1] in shown
