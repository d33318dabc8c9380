"""Secondary suppression: always protected, the optimum where it is small, no more than may be hidden."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.transforms.linked_examples import KINDS, cube, linked, random_table
from transforms.suppression import suppress


def reaches(tables, hidden):
    """Whether every need is met when these cells are hidden, by scipy's programmes, one per need."""
    least = np.where(hidden, 0.0, tables.value)
    most = np.where(hidden, np.inf, tables.value)
    sides = np.zeros(tables.equations.shape[0])
    for cell in np.flatnonzero((tables.need_up > 0) | (tables.need_down > 0)):
        for way, need in ((1.0, tables.need_up[cell]), (-1.0, tables.need_down[cell])):
            cost = np.zeros(len(tables.value))
            cost[cell] = -way
            bounds = np.column_stack([least, most])
            bounds[cell] = [max(0.0, tables.value[cell] - 2 * need), tables.value[cell] + 2 * need]
            found = linprog(cost, A_eq=tables.equations, b_eq=sides, bounds=bounds, method="highs")
            assert found.status == 0
            if way * (found.x[cell] - tables.value[cell]) < need * (1 - 1e-6):
                return False
    return True


def cheapest_of_all(tables):
    """The least cost by trying every set of up to four cells, cheapest sets first."""
    open_ = np.flatnonzero(~tables.is_hidden & ~tables.is_fixed)
    sets = [np.array(one, dtype=int) for size in range(5) for one in combinations(open_, size)]
    for one in sorted(sets, key=lambda cells: tables.cost[cells].sum()):
        hidden = tables.is_hidden.copy()
        hidden[one] = True
        if reaches(tables, hidden):
            return tables.cost[one].sum()
    return None


def square(*, needs=None, **said):
    """A 3 x 3 table in which one inner cell is confidential."""
    values, equations = cube(np.array([[20.0, 50.0, 10.0], [8.0, 19.0, 22.0], [17.0, 32.0, 12.0]]))
    return linked(values, equations, confidential=[(1, 2)], needs=needs, **said)


def test_a_cell_of_two_dimensions_needs_three_others():
    """Fischetti and Salazar (2001), from memory: 22 of the table of investments, hidden with three others."""
    tables = square(needs={(1, 2): (10.0, 10.0)})
    found = suppress(tables)
    assert found.method == "exact"
    assert found.secondary.sum() == 3
    assert reaches(tables, tables.is_hidden | found.secondary)
    assert found.cost == pytest.approx(cheapest_of_all(tables))


@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_is_that_of_trying_every_set(seed):
    draw = np.random.default_rng(seed)
    inner = draw.integers(1, 30, (3, 3)).astype(float)
    values, equations = cube(inner)
    confidential = [(0, 0)]
    cost = {cell: float(draw.integers(1, 40)) for cell in values}
    tables = linked(values, equations, confidential=confidential, cost=cost)
    found = suppress(tables)
    assert found.method == "exact"
    assert reaches(tables, tables.is_hidden | found.secondary)
    if found.secondary.sum() <= 4:
        assert found.cost == pytest.approx(cheapest_of_all(tables))
    else:
        assert cheapest_of_all(tables) is None or found.cost <= cheapest_of_all(tables) * (1 + 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_exact_and_heuristic_protect_and_the_heuristic_is_near(kind):
    """On tables of up to 60 cells and more: the heuristic alone, against the proved optimum."""
    draw = np.random.default_rng(4)
    ratios = []
    for _ in range(4):
        tables = random_table(draw, kind)
        exact, other = suppress(tables, exact_cells=10_000), suppress(tables, exact_cells=0)
        lost = {*exact.unprotected.tolist(), *other.unprotected.tolist()}
        assert set(exact.unprotected) == set(other.unprotected)
        kept = [0.0 if cell in lost else 1.0 for cell in range(len(tables.value))]
        bare = replace(tables, need_up=tables.need_up * kept, need_down=tables.need_down * kept)
        for found in (exact, other):
            assert reaches(bare, tables.is_hidden | found.secondary)
        assert other.cost >= exact.cost * (1 - 1e-9)
        ratios.append(other.cost / exact.cost if exact.cost else 1.0)
        if len(tables.value) <= 60:
            found = suppress(tables)
            assert found.method in ("exact", "none needed")
            assert found.cost == pytest.approx(exact.cost)
    assert np.median(ratios) < 1.35


def test_the_check_notices_a_cell_that_is_not_protected():
    tables = square()
    found = suppress(tables)
    for cell in np.flatnonzero(found.secondary):
        fewer = found.secondary.copy()
        fewer[cell] = False
        assert not reaches(tables, tables.is_hidden | fewer)


def test_what_is_fixed_stays_shown():
    tables = square()
    first = suppress(tables)
    taken = int(np.flatnonzero(first.secondary)[0])
    is_fixed = np.arange(len(tables.value)) == taken
    again = suppress(replace(tables, is_fixed=is_fixed))
    assert not again.secondary[taken]
    assert reaches(tables, tables.is_hidden | again.secondary)
    assert again.cost >= first.cost


def test_what_cannot_be_protected_is_told():
    tables = square()
    all_fixed = replace(tables, is_fixed=~tables.is_hidden)
    found = suppress(all_fixed)
    assert found.unprotected.tolist() == np.flatnonzero(tables.need_up > 0).tolist()
    assert not found.secondary.any()


def test_without_needs_nothing_is_hidden():
    tables = square()
    zeros = np.zeros(len(tables.value))
    found = suppress(replace(tables, need_up=zeros, need_down=zeros))
    assert (found.secondary.sum(), found.method, found.solves) == (0, "none needed", 0)


def test_a_zero_may_rise_but_not_fall():
    """A hidden sampling zero is a cover for a need upwards of its total's other part, not downwards below 0."""
    values, equations = cube(np.array([[3.0, 0.0], [5.0, 6.0]]))
    tables = linked(values, equations, confidential=[(0, 0)], hidden=[(0, 1)])
    found = suppress(tables)
    assert reaches(tables, tables.is_hidden | found.secondary)


def test_the_same_twice():
    draw = np.random.default_rng(9)
    tables = random_table(draw, next(iter(KINDS)))
    for cells in (0, 10_000):
        one, other = (suppress(tables, exact_cells=cells) for _ in range(2))
        assert np.array_equal(one.secondary, other.secondary)
        assert one.solves == other.solves
