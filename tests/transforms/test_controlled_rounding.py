"""Controlled rounding: against all roundings of small tables, by hand, and additive in large linked ones."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.sparse import csr_array

from transforms.controlled_rounding import least_base, round_controlled


def system(equations, cells):
    """Equations as {cell: coefficient}."""
    found = np.zeros((len(equations), cells))
    for row, equation in enumerate(equations):
        for cell, sign in equation.items():
            found[row, cell] = sign
    return csr_array(found)


def table(inner):
    """Return values and equations of a table of any dimension with all its margins."""
    inner = np.asarray(inner, dtype=float)
    keys = list(product(*[[None, *range(size)] for size in inner.shape]))
    place = {key: k for k, key in enumerate(keys)}
    value = [inner[tuple(slice(None) if at is None else at for at in key)].sum() for key in keys]
    equations = []
    for key in keys:
        for axis, at in enumerate(key):
            if at is None:
                parts = [(*key[:axis], k, *key[axis + 1 :]) for k in range(inner.shape[axis])]
                equations.append({place[key]: 1} | {place[part]: -1 for part in parts})
    return np.array(value), system(equations, len(keys))


def survey(seed, persons, sizes, universes=("all", "in", "out")):
    """Return tables of sex and every two variables of some persons, fine and coarse, linked by their margins."""
    draw = np.random.default_rng(seed)
    weight = draw.gamma(4, 60, persons) + 20
    of = {name: draw.choice(size, persons, p=draw.dirichlet(np.full(size, 1.2))) for name, size in sizes.items()}
    coarse = {name: np.arange(size) // 3 for name, size in sizes.items() if size > 4}
    of |= {name + "+": into[of[name]] for name, into in coarse.items()}
    size = {name: int(codes.max()) + 1 for name, codes in of.items()} | sizes
    state = draw.random(persons) < 0.6
    inside = {"all": np.ones(persons, bool), "in": state, "out": ~state}
    place, equations = {}, set()

    def cell(universe, where):
        return place.setdefault((universe, tuple(sorted(where.items()))), len(place))

    for universe in universes:
        for a, b in combinations([name for name in sizes if name != "sex"], 2):
            for names in product(
                ["sex"], [a, *([a + "+"] if a in coarse else [])], [b, *([b + "+"] if b in coarse else [])]
            ):
                for at in product(*[[None, *range(size[name])] for name in names]):
                    where = {name: k for name, k in zip(names, at, strict=True) if k is not None}
                    whole = cell(universe, where)
                    for name in set(names) - set(where):
                        equations.add((whole, *sorted(cell(universe, where | {name: k}) for k in range(size[name]))))
                    for name in [name for name in where if name.endswith("+")]:
                        rest = {other: k for other, k in where.items() if other != name}
                        fine = np.flatnonzero(coarse[name[:-1]] == where[name]).tolist()
                        equations.add((whole, *sorted(cell(universe, rest | {name[:-1]: k}) for k in fine)))
    for universe, where in list(place):
        if universe == "all":
            equations.add(tuple(place[(one, where)] for one in universes))
    value = np.zeros(len(place))
    for (universe, where), k in place.items():
        value[k] = weight[np.logical_and.reduce([inside[universe], *[of[name] == at for name, at in where]])].sum()
    rows = sorted(equations)
    of_row = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    signs = np.concatenate([[1.0] + [-1.0] * (len(row) - 1) for row in rows])
    return value, csr_array((signs, (of_row, np.concatenate(rows))), shape=(len(rows), len(value)))


def check(value, equations, base, rounded):
    """Everything that a rounding says of itself, worked out anew."""
    multiple = rounded.value / base
    assert (multiple == np.round(multiple)).all()
    assert (multiple >= 0).all()
    assert rounded.is_additive
    assert len(rounded.broken) == 0
    assert (equations @ np.round(multiple) == 0).all()
    share = np.where(abs(value / base - np.round(value / base)) < 1e-9, np.round(value / base), value / base)
    steps = np.maximum(np.maximum(multiple - np.ceil(share), np.floor(share) - multiple), 0)
    assert rounded.steps.tolist() == steps.tolist()
    assert (abs(rounded.value - value) < (1 + rounded.steps) * base).all()
    assert rounded.largest_distance == pytest.approx(abs(multiple - value / base).max())


def best(value, equations, base, inner):
    """Return (largest step, steps, distance) of the best of all roundings whose inner cells go at most one step."""
    share = np.round(value / base, 9)
    rank = equations.toarray()
    ways = [range(max(int(np.floor(share[k])) - 1, 0), int(np.ceil(share[k])) + 2) for k in inner]
    chosen = np.array(list(product(*ways)))
    others = [k for k in range(len(value)) if k not in inner]
    solved = -np.linalg.lstsq(rank[:, others], rank[:, inner] @ chosen.T, rcond=None)[0].T
    every = np.zeros((len(chosen), len(value)))
    every[:, inner], every[:, others] = chosen, np.round(solved)
    every = every[(every @ rank.T == 0).all(axis=1) & (every >= 0).all(axis=1)]
    steps = np.maximum(np.maximum(every - np.ceil(share), np.floor(share) - every), 0)
    return min(zip(steps.max(axis=1), steps.sum(axis=1), np.round(abs(every - share).sum(axis=1), 6), strict=True))


def told(value, base, rounded):
    return rounded.steps.max(), rounded.steps.sum(), round(float(abs(rounded.value - value).sum() / base), 6)


#: Parts of 2 x 2 x 2 where the sum of places is even are half a base: each plane would hold exactly one of its two.
EVEN = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]


def test_cell_by_cell_rounding_breaks_a_table_and_controlled_rounding_does_not():
    value, equations = table([[4, 4, 4], [4, 4, 4]])
    nearest = np.round(value / 10) * 10
    assert (equations @ nearest != 0).any()
    rounded = round_controlled(value, equations, 10)
    check(value, equations, 10, rounded)
    assert (rounded.method, rounded.components, rounded.steps.max()) == ("exact", 1, 0)
    assert set(rounded.value) <= {0, 10, 20, 30}
    # Total 24 -> 20 and rows 12 -> 10: two of six parts are 10, in columns (8 -> 0 or 10) of their own.
    assert sorted(rounded.value.reshape(3, 4)[1:, 1:].ravel()) == [0, 0, 0, 0, 10, 10]


@pytest.mark.parametrize("exact_cells", [1_000, 0])
@pytest.mark.parametrize("seed", range(8))
def test_two_way_tables_are_always_rounded_to_adjacent_multiples(seed, exact_cells):
    draw = np.random.default_rng(seed)
    value, equations = table(draw.gamma(0.7, 40, (4 + seed, 6)) * (draw.random((4 + seed, 6)) < 0.8))
    rounded = round_controlled(value, equations, 25, exact_cells=exact_cells)
    check(value, equations, 25, rounded)
    if exact_cells:
        assert (rounded.steps == 0).all()
        assert rounded.method == "exact"
    else:
        assert rounded.steps.max() <= 1
        assert rounded.method == "heuristic"


def test_three_dimensions_without_a_solution_between_adjacent_multiples_go_one_step():
    value, equations = table(50 * np.array(EVEN))
    inner = [k for k, key in enumerate(product([None, 0, 1], repeat=3)) if None not in key]
    cells = [k for k in inner if value[k] > 0]
    for choice in product([0, 100], repeat=4):
        tried = np.zeros((2, 2, 2))
        tried[tuple(np.argwhere(np.array(EVEN)).T)] = choice
        assert (abs(table(tried)[0] - value) >= 100).any(), "a zero-restricted solution"
    assert len(cells) == 4
    rounded = round_controlled(value, equations, 100)
    check(value, equations, 100, rounded)
    assert rounded.method == "exact"
    assert told(value, 100, rounded) == best(value, equations, 100, inner)
    assert rounded.steps.max() == 1
    check(value, equations, 100, round_controlled(value, equations, 100, exact_cells=0))


@pytest.mark.parametrize("seed", range(12))
def test_small_tables_get_the_best_of_all_roundings(seed):
    draw = np.random.default_rng(seed)
    shape = [(2, 3), (2, 2, 2), (3, 2)][seed % 3]
    value, equations = table(draw.integers(0, 60, shape) * (draw.random(shape) < 0.9))
    inner = [k for k, key in enumerate(product(*[[None, *range(n)] for n in shape])) if None not in key]
    rounded = round_controlled(value, equations, 20)
    check(value, equations, 20, rounded)
    assert rounded.method == "exact"
    assert told(value, 20, rounded) == best(value, equations, 20, inner)
    by_level = round_controlled(value, equations, 20, exact_cells=0)
    check(value, equations, 20, by_level)
    assert told(value, 20, by_level) >= told(value, 20, rounded)


@pytest.mark.parametrize("seed", range(6))
def test_linked_tables_with_a_residual_get_the_best_of_all_roundings(seed):
    # 0 = 1 + 2 = 3 + 4 + 5 = 6 + 7 + residual 8; 1 = 9 + 10.
    equations = system(
        [{0: 1, 1: -1, 2: -1}, {0: 1, 3: -1, 4: -1, 5: -1}, {0: 1, 6: -1, 7: -1, 8: -1}, {1: 1, 9: -1, 10: -1}], 11
    )
    draw = np.random.default_rng(seed)
    nine, ten, two = draw.integers(1, 90, 3)
    whole = nine + ten + two
    a, b = np.sort(draw.integers(0, whole, 2))
    c, d = np.sort(draw.integers(0, whole, 2))
    value = np.array([whole, nine + ten, two, a, b - a, whole - b, c, d - c, whole - d, nine, ten], dtype=float)
    rounded = round_controlled(value, equations, 30)
    check(value, equations, 30, rounded)
    assert told(value, 30, rounded) == best(value, equations, 30, [2, 4, 5, 7, 8, 9, 10])


def test_sums_that_meet_only_below_are_exact_as_well():
    # Rows and columns of a table whose grand total is not published: both must have the same sum.
    for seed in range(5):
        value, equations = table(np.random.default_rng(seed).gamma(1, 30, (5, 7)))
        keep = np.arange(1, len(value))
        rows = equations.toarray()[:, keep]
        linked = csr_array(rows[equations.toarray()[:, 0] == 0])
        rounded = round_controlled(value[keep], linked, 25, exact_cells=0)
        check(value[keep], linked, 25, rounded)
        assert (rounded.steps == 0).all()


@pytest.mark.parametrize("base", [100, 1000])
def test_many_linked_tables_are_additive_and_come_out_the_same_twice(base):
    value, equations = survey(3, 3_000, {"sex": 2, "age": 9, "birth": 3, "country": 5, "study": 4})
    assert len(value) > 2_000
    heard = []
    rounded = round_controlled(value, equations, base, progress=heard.append)
    check(value, equations, base, rounded)
    assert (rounded.method, rounded.components) == ("heuristic", 1)
    assert rounded.steps.max() <= 2
    assert (rounded.steps > 0).mean() < 0.05
    assert any(text.startswith("level 0") for text in heard)
    again = round_controlled(value, equations, base)
    assert again.value.tolist() == rounded.value.tolist()
    assert again.solves == rounded.solves


def test_components_are_rounded_by_themselves():
    one, its = table([[4, 4, 4], [4, 4, 4]])
    two = np.concatenate([one, one + 0, [14.0, 15.0, 16.0]])
    both = csr_array(np.block([[its.toarray(), 0 * its.toarray()], [0 * its.toarray(), its.toarray()]]))
    both = csr_array(np.hstack([both.toarray(), np.zeros((both.shape[0], 3))]))
    rounded = round_controlled(two, both, 10)
    assert rounded.components == 2
    alone = round_controlled(one, its, 10).value.tolist()
    assert rounded.value.tolist() == [*alone, *alone, 10, 20, 20]


def test_exact_multiples_stay():
    value, equations = table([[10, 20], [0, 0.3 / 0.1 * 10]])
    rounded = round_controlled(value, equations, 10)
    assert rounded.value.tolist() == [60, 10, 50, 30, 10, 20, 30, 0, 30]
    assert (rounded.steps == 0).all()
    assert rounded.largest_distance < 1e-9


def test_without_equations_every_cell_goes_to_the_nearest_multiple():
    rounded = round_controlled(np.array([0.0, 49.0, 51.0, 250.0]), csr_array((0, 4)), 100)
    assert rounded.value[:3].tolist() == [0, 0, 100]
    assert (rounded.method, rounded.solves, rounded.components) == ("nearest", 0, 0)


def test_a_sum_that_never_held_is_made_to_hold():
    equations = system([{0: 1, 1: -1, 2: -1}], 3)
    rounded = round_controlled(np.array([90.0, 11.0, 11.0]), equations, 10)
    check(np.array([90.0, 11.0, 11.0]), equations, 10, rounded)
    assert rounded.steps.max() > 0


def test_a_year_that_is_the_mean_of_its_quarters_is_refused():
    with pytest.raises(ValueError, match="coefficients 1 and -1"):
        round_controlled(np.full(5, 10.0), csr_array([[4.0, -1, -1, -1, -1]]), 10)


@pytest.mark.parametrize("base", [0, -10, np.nan, np.inf])
def test_a_base_must_be_above_0(base):
    with pytest.raises(ValueError, match="base"):
        round_controlled(np.ones(2), csr_array([[1.0, -1]]), base)


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_values_must_be_finite_and_not_below_0(value):
    with pytest.raises(ValueError, match="finite"):
        round_controlled(np.array([value, 1.0]), csr_array([[1.0, -1]]), 10)


def test_equations_must_be_about_the_cells():
    with pytest.raises(ValueError, match="2 cells, not about 3"):
        round_controlled(np.ones(3), csr_array([[1.0, -1]]), 10)


def test_the_least_base_is_the_largest_need_and_at_least_three_average_weights():
    value, n = np.array([400.0, 9_000.0, 600.0]), np.array([4, 10, 3])
    assert least_base(value, n, np.array([500.0, 0, 0])) == 500
    assert least_base(value, n, np.array([200.0, 0, 100])) == 600
    assert least_base(value, n, np.zeros(3)) == 0
