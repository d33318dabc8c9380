"""What an attacker works out of published tables: intervals counted by hand, and by another program."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from tests.disclosure.table_sets import random_tables
from transforms import attack_programs, attacker
from transforms.attack_programs import ContradictionError
from transforms.attacker import Audit, Published, audit, bounds

HIDDEN = (0.0, np.inf)


def published(cells, equations, rates=()) -> Published:
    """Return intervals, equations as {cell: factor} and rates as (numerator, denominator, low, high), as published."""
    matrix = np.zeros((len(equations), len(cells)))
    for row, equation in enumerate(equations):
        for cell, factor in equation.items():
            matrix[row, cell] = factor
    ends = np.array([cell if isinstance(cell, tuple) else (cell, cell) for cell in cells], dtype=float)
    numbers = np.array([rate[:2] for rate in rates], dtype=np.int64).reshape(-1, 2)
    limits = np.array([rate[2:] for rate in rates], dtype=float).reshape(-1, 2)
    return Published(ends[:, 0], ends[:, 1], csr_array(matrix), *numbers.T, *limits.T)


def total(whole: int, *parts: int) -> dict[int, float]:
    return {whole: 1.0} | dict.fromkeys(parts, -1.0)


def attacked(what: Published, targets, value, up, down=None) -> Audit:
    numbers = [np.array(each, dtype=float) for each in (value, up, up if down is None else down)]
    return audit(what, np.array(targets, dtype=np.int64), *numbers)


def interval(what: Published, cell: int, **options) -> tuple[float, float]:
    lower, upper = bounds(what, np.array([cell]), **options)
    return pytest.approx(lower[0], abs=1e-5), pytest.approx(upper[0], abs=1e-5)


def square(cells) -> Published:
    """Two rows and two columns with their totals: cells a b row, c d row, column column all."""
    return published(
        cells, [total(2, 0, 1), total(5, 3, 4), total(8, 6, 7), total(6, 0, 3), total(7, 1, 4), total(8, 2, 5)]
    )


def test_one_hidden_cell_of_a_square_is_the_difference():
    what = square([HIDDEN, 20, 30, 5, 7, 12, 15, 27, 42])
    assert interval(what, 0) == (10, 10)
    found = attacked(what, [0], [10], [1.5])
    assert found.is_protected.tolist() == [False]
    (leak,) = found.leaks
    assert (leak.target, leak.rates, found.solves) == (0, (), 0)
    assert leak.equations in {(0,), (3,)}
    assert (leak.lower, leak.upper) == (pytest.approx(10), pytest.approx(10))


def test_four_hidden_cells_of_a_square_move_together():
    """a + b = 30, c + d = 12, a + c = 15, b + d = 27: a is 15 - c with c from 0 to 12."""
    what = square([HIDDEN, HIDDEN, 30, HIDDEN, HIDDEN, 12, 15, 27, 42])
    assert [interval(what, cell) for cell in (0, 1, 3, 4)] == [(3, 15), (15, 27), (0, 12), (0, 12)]
    found = attacked(what, [0, 3], [10, 5], [5, 5], [7, 5])
    assert found.is_protected.all()
    assert not found.leaks
    assert np.isnan([found.lower, found.upper]).all()
    assert (found.components, found.largest_component) == (1, 4)
    assert found.solves >= 1


@pytest.mark.parametrize(("up", "down", "protected"), [(5, 7, True), (5.1, 7, False), (5, 7.1, False)])
def test_a_bound_that_is_too_near_on_one_side_leaks(up, down, protected):
    what = square([HIDDEN, HIDDEN, 30, HIDDEN, HIDDEN, 12, 15, 27, 42])
    found = attacked(what, [0], [10], [up], [down])
    assert found.is_protected.tolist() == [protected]
    if not protected:
        assert (found.lower[0], found.upper[0]) == (pytest.approx(3), pytest.approx(15))
        # Above it is its column alone; below, that the whole second row is 12.
        assert found.leaks[0].equations in ({(3,)} if up > 5 else {(1, 3), (0, 4)})


def test_a_chain_of_two_tables_leaks_what_neither_does():
    """The first table gives a + b, the second b: a follows from both, and no other equation is named."""
    what = published([HIDDEN, HIDDEN, 30, 8, 20, 50, 100], [total(2, 0, 1), total(4, 1, 3), total(6, 5, 2, 4)])
    found = attacked(what, [0], [18], [2.7])
    assert found.leaks[0].equations == (0, 1)
    assert (found.leaks[0].lower, found.leaks[0].upper) == (pytest.approx(18), pytest.approx(18))


def test_what_needs_a_program_names_the_rows_that_leak_it():
    """Two equations of three hidden cells: a + b + c = 30 and b + c = 12 leave a = 18, though neither is alone."""
    what = published([HIDDEN, HIDDEN, HIDDEN, 30, 12, HIDDEN, 90], [total(3, 0, 1, 2), total(4, 1, 2), total(6, 1, 5)])
    found = attacked(what, [0, 1], [18, 6], [2.7, 6])
    assert found.is_protected.tolist() == [False, True]
    assert found.leaks[0].equations == (0, 1)
    assert found.lower[0] == pytest.approx(18, abs=1e-5)


def test_a_published_rate_narrows_its_numerator():
    """Unemployed = rate x labour force, of which 200 is published: 12.4 to 12.6 per cent of 199.5 to 200.5."""
    cells = [HIDDEN, HIDDEN, (199.5, 200.5)]
    plain, rated = (published(cells, [total(2, 0, 1)], rates) for rates in ((), [(0, 2, 0.124, 0.126)]))
    assert interval(plain, 0) == (0, 200.5)
    assert interval(rated, 0) == (pytest.approx(199.5 * 0.124, abs=1e-3), pytest.approx(200.5 * 0.126, abs=1e-3))
    assert attacked(plain, [0], [25], [10]).is_protected.all()
    (leak,) = attacked(rated, [0], [25], [10]).leaks
    assert (leak.equations, leak.rates) == ((), (0,))


def test_a_rate_of_two_hidden_cells_links_them():
    """b = a + 20, and 0.45 b <= a <= 0.5 b: a is from 9 / 0.55 to 20."""
    cells = [HIDDEN, HIDDEN, 20]
    what = published(cells, [total(1, 0, 2)], [(0, 1, 0.45, 0.5)])
    assert interval(what, 0) == (pytest.approx(9 / 0.55, abs=1e-3), pytest.approx(20, abs=1e-3))
    found = attacked(what, [0], [18], [5])
    assert found.leaks[0].rates == (0,)
    assert found.leaks[0].equations == (0,)


def test_roundings_widen_a_difference():
    """30 and 20, each give or take a half, leave 9 to 11."""
    what = published([HIDDEN, (19.5, 20.5), (29.5, 30.5)], [total(2, 0, 1)])
    assert interval(what, 0) == (9, 11)
    assert attacked(what, [0], [10.2], [0.8]).is_protected.all()
    assert not attacked(what, [0], [10.2], [0.81]).is_protected.any()


def test_roundings_work_together_only_where_published_cells_are_not_cut():
    """The hidden cell is c - b; that c is 30 exactly in another equation is used without the cut alone."""
    cells = [HIDDEN, 20, (29, 31), 15, 15]
    what = published(cells, [total(2, 0, 1), total(2, 3, 4)])
    assert interval(what, 0) == (10, 10)
    assert interval(what, 0, is_cut=True) == (9, 11)


def test_an_unknown_rest_protects():
    """Of a total whose parts are not all in a table, the rest is unknown: the hidden part can be 0 to 10."""
    what = published([HIDDEN, 20, HIDDEN, 30], [total(3, 0, 1, 2)])
    assert interval(what, 0) == (0, 10)


def test_the_year_is_the_mean_of_its_quarters():
    year = published([HIDDEN, 20, 30, 40, 25], [{4: 1.0, 0: -0.25, 1: -0.25, 2: -0.25, 3: -0.25}])
    assert interval(year, 0) == (10, 10)
    assert attacked(year, [0], [10], [1.5]).leaks[0].equations == (0,)


def test_a_published_target_leaks_without_any_equation():
    what = published([(9.5, 10.5), HIDDEN, 30], [total(2, 0, 1)])
    found = attacked(what, [0], [10], [1.5])
    assert found.leaks[0].equations == found.leaks[0].rates == ()
    assert (found.lower[0], found.upper[0]) == (9.5, 10.5)


def test_a_cell_in_no_equation_is_protected():
    found = attacked(published([HIDDEN, 5, 5], [total(1, 2)]), [0], [10], [1.5])
    assert found.is_protected.all()


def test_published_figures_that_contradict_each_other_are_refused():
    hidden = published([HIDDEN, 20, 10, HIDDEN, 50], [total(2, 0, 1), total(4, 0, 3)])
    with pytest.raises(ContradictionError, match=r"equations \(0,\)") as caught:
        attacked(hidden, [0], [10], [1.5])
    assert caught.value.equations == (0,)
    with pytest.raises(ContradictionError, match=r"equations \(1,\)"):
        attacked(published([HIDDEN, 20, 30, 40], [total(2, 0, 1), total(3, 1, 2)]), [0], [10], [1.5])


def test_roundings_that_just_meet_are_no_contradiction():
    what = published([HIDDEN, (20.5, 21.5), (19.5, 20.5)], [total(2, 0, 1)])
    assert interval(what, 0) == (0, 0)


def small_system(seed: int) -> Published:
    """Return a random system that some true values keep, with some cells rounded and some rates."""
    rng = np.random.default_rng(seed)
    cells, equations = int(rng.integers(6, 14)), int(rng.integers(2, 6))
    value, rows = rng.integers(0, 200, cells).astype(float), []
    for row in range(equations):
        parts = rng.choice(np.delete(np.arange(cells), row), size=int(rng.integers(2, 4)), replace=False)
        parts = parts[parts >= equations]
        factor = float(rng.choice([1, 1, 0.5]))
        value[row] = factor * value[parts].sum()
        rows.append({row: 1.0} | {int(part): -factor for part in parts})
    is_shown = rng.random(cells) < 0.4
    half = rng.choice([0.0, 0.5, 5.0], cells)
    ends = [(max(v - h, 0.0), v + h) if shown else HIDDEN for v, h, shown in zip(value, half, is_shown, strict=True)]
    pairs = [rng.choice(cells, size=2, replace=False) for _ in range(int(rng.integers(0, 3)))]
    rates = [(a, b, max(value[a] / value[b] - 0.05, 0), value[a] / value[b] + 0.05) for a, b in pairs if value[b] > 0]
    return published(ends, rows, rates)


def other_program(what: Published, cell: int, sign: int) -> float:
    """Return a bound by scipy, of everything at once."""
    rates = np.zeros((2 * len(what.low), len(what.lower)))
    for number, (above, below) in enumerate(zip(what.numerator, what.denominator, strict=True)):
        rates[2 * number, [above, below]] = -1, what.low[number]
        rates[2 * number + 1, [above, below]] = 1, -what.high[number]
    cost = np.zeros(len(what.lower))
    cost[cell] = -sign
    limits = {"A_ub": rates, "b_ub": np.zeros(len(rates))} if len(rates) else {}
    found = linprog(
        cost, A_eq=what.equations.toarray(), b_eq=np.zeros(what.equations.shape[0]),
        bounds=np.column_stack([what.lower, what.upper]), **limits,
    )  # fmt: skip
    assert found.status in {0, 3}
    return sign * np.inf if found.status == 3 else sign * -found.fun


@pytest.mark.parametrize("seed", range(60))
def test_exact_bounds_are_those_of_another_program(seed):
    what = small_system(seed)
    cells = np.arange(len(what.lower))
    lower, upper = bounds(what, cells)
    np.testing.assert_allclose(lower, [other_program(what, cell, -1) for cell in cells], atol=1e-3, rtol=1e-4)
    np.testing.assert_allclose(upper, [other_program(what, cell, 1) for cell in cells], atol=1e-3, rtol=1e-4)
    least, most = bounds(what, cells, is_cut=True)
    assert (least <= lower + 1e-3).all()
    assert (most >= upper - 1e-3).all()


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_verdicts_are_those_of_exact_bounds(seed, is_large, monkeypatch):
    """Of linked tables with some cells hidden by chance: by many pulled at once, as by two programs each.

    Components are attacked as small ones are, and with the interior points that large ones need.
    """
    tables = random_tables(seed)
    rng = np.random.default_rng(seed)
    secondary = (rng.random(len(tables.value)) < 0.6) & ~tables.is_confidential
    targets = tables.targets[:40]
    value, up, down = (each[targets] for each in (tables.value, tables.need_up, tables.need_down))
    what = tables.published(secondary)
    lower, upper = bounds(what, targets, is_cut=True)
    if is_large:
        monkeypatch.setattr(attack_programs, "_LARGE", 0)
        monkeypatch.setattr(attacker, "_SMALL", 0)
        monkeypatch.setattr(attacker, "_SINGLE", 1_000)
    found = audit(what, targets, value, up, down)
    expected = (upper >= value + up * (1 - 2e-6)) & (lower <= value - down * (1 - 2e-6))
    assert found.is_protected.tolist() == expected.tolist()
    assert [leak.target for leak in found.leaks] == targets[~expected].tolist()
    assert all(leak.equations or leak.rates for leak in found.leaks)


def test_what_is_not_proved_in_a_large_component_counts_as_not_protected(monkeypatch):
    monkeypatch.setattr(attacker, "_SMALL", 0)
    monkeypatch.setattr(attacker, "_SINGLE", 0)
    monkeypatch.setattr(attacker, "_ROUNDS", 0)
    monkeypatch.setattr(attacker, "_STEPS", 0)
    what = square([HIDDEN, HIDDEN, 30, HIDDEN, HIDDEN, 12, 15, 27, 42])
    found = attacked(what, [0], [10], [5], [7])
    assert not found.is_protected.any()
    assert found.leaks[0].equations == ()
    assert np.isnan(found.leaks[0].upper)


@pytest.mark.parametrize("seed", [3, 7])
def test_the_rows_named_are_enough_and_none_can_be_missed(seed):
    tables = random_tables(seed)
    secondary = (np.random.default_rng(seed).random(len(tables.value)) < 0.5) & ~tables.is_confidential
    targets = tables.targets[:40]
    value, up, down = (each[targets] for each in (tables.value, tables.need_up, tables.need_down))
    what = tables.published(secondary)
    leaks = audit(what, targets, value, up, down).leaks
    assert leaks

    def leaks_with(leak, equations) -> bool:
        less = Published(
            what.lower, what.upper, what.equations[list(equations)], *np.zeros((2, 0), int), *np.zeros((2, 0))
        )
        return not audit(less, targets[[place]], value[[place]], up[[place]], down[[place]]).is_protected[0]

    for leak in leaks:
        place = int(np.flatnonzero(targets == leak.target)[0])
        assert not leak.rates
        assert leaks_with(leak, leak.equations)
        if len(leak.equations) > 1:
            assert not any(leaks_with(leak, [one for one in leak.equations if one != out]) for out in leak.equations)


def test_the_same_attack_finds_the_same():
    tables = random_tables(4)
    targets = tables.targets
    secondary = np.random.default_rng(0).random(len(tables.value)) < 0.5
    value, up, down = (each[targets] for each in (tables.value, tables.need_up, tables.need_down))
    one, other = (audit(tables.published(secondary), targets, value, up, down) for _ in range(2))
    assert one.leaks == other.leaks
    assert one.solves == other.solves
    np.testing.assert_array_equal([one.lower, one.upper], [other.lower, other.upper])


def test_nothing_but_what_is_published_makes_a_bound():
    """Other true values, the same published: other verdicts, the same bounds."""
    what = square([HIDDEN, HIDDEN, 30, HIDDEN, HIDDEN, 12, 15, 27, 42])
    one, other = (attacked(what, [0], [value], [13]) for value in (10, 4))
    assert (one.lower[0], one.upper[0]) == (other.lower[0], other.upper[0])
