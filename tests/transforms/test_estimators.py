"""Scores are gradients times unit totals: held against differences of the statistic itself, unit by unit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.estimators import Statistic, difference, gap, ratio, total, weighted_average

SHIFT = 1e-6


def made(function, tables, is_replicated=False):
    """Apply a statistic to unit totals [variables x units]."""
    return function(
        *(total(np.array([row.sum()]), row[None, :], is_replicated=is_replicated) for row in np.asarray(tables))
    )


def slopes(function, tables):
    """Change of the statistic when one unit's totals weigh a little more, per unit of weight."""
    found = []
    for unit in range(tables.shape[1]):
        up, down = tables.copy(), tables.copy()
        up[:, unit] *= 1 + SHIFT
        down[:, unit] *= 1 - SHIFT
        found.append((made(function, up).value[0] - made(function, down).value[0]) / (2 * SHIFT))
    return found


def added(one, other):
    return Statistic(one.value + other.value, one.parts + other.parts, one.is_replicated)


STATISTICS = {
    "ratio": (2, ratio),
    "difference of ratios": (4, lambda a, b, c, d: difference(ratio(a, b), ratio(c, d))),
    "gap of means": (4, lambda a, b, c, d: gap(ratio(a, b), ratio(c, d))),
    "weighted gaps": (
        8,
        lambda a, b, c, d, e, f, g, h: weighted_average(
            [gap(ratio(a, b), ratio(c, d)), gap(ratio(e, f), ratio(g, h))],
            [added(b, d), added(f, h)],
        ),
    ),
}


@pytest.mark.parametrize("name", STATISTICS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_scores_are_the_gradient(name, data):
    variables, function = STATISTICS[name]
    units = data.draw(st.integers(2, 5))
    numbers = st.lists(st.integers(1, 50), min_size=units, max_size=units)
    tables = np.array([data.draw(numbers) for _ in range(variables)], dtype=float)
    assert made(function, tables).parts[0] == pytest.approx(slopes(function, tables), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", STATISTICS)
def test_a_replicate_is_the_statistic_of_its_totals(name):
    variables, function = STATISTICS[name]
    tables = np.random.default_rng(4).uniform(1, 9, (variables, 3))
    found = made(
        lambda *totals: function(*(Statistic(one.parts[:, 0], one.parts, is_replicated=True) for one in totals)), tables
    )
    assert found.parts[0, 0] == pytest.approx(found.value[0], rel=1e-12)
    one = function(*(Statistic(row[1:2], row[None, 1:2], is_replicated=True) for row in tables))
    assert found.parts[0, 1] == pytest.approx(one.value[0], rel=1e-12)


def test_what_is_everywhere_the_same_has_scores_of_nothing():
    assert made(ratio, [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]]).parts.tolist() == [[0, 0, 0]]


def test_there_is_no_ratio_over_nobody():
    assert np.isnan(made(ratio, [[0.0, 0.0], [0.0, 0.0]]).value[0])


def test_a_group_without_a_gap_is_left_out_of_the_average():
    nothing, known = Statistic(np.array([np.nan]), np.array([[0.0]])), Statistic(np.array([0.25]), np.array([[0.0]]))
    five, seven = (Statistic(np.array([number]), np.array([[0.0]])) for number in (5.0, 7.0))
    assert weighted_average([nothing, known], [five, seven]).value.tolist() == [0.25]
    assert np.isnan(weighted_average([nothing], [five]).value[0])


def test_the_gap_of_half_the_pay_is_a_half():
    assert made(gap, [[3.0, 5.0], [1.0, 3.0]]).value.tolist() == [0.5]


@pytest.mark.parametrize(
    ("cost", "earnings", "published"),
    [(6_843_640, 20_866_748, 0.32797), (3_946_239, 12_158_304, 0.32457), (2_897_401, 8_708_444, 0.33271)],
    ids=["all", "men", "women"],
)
def test_recruitment_cost_is_a_ratio_of_totals(cost, earnings, published):
    """STANDARDS 6.1: return migrants of the Lao labour force survey of 2017."""
    found = made(ratio, [[cost * 0.25, cost * 0.75], [earnings * 0.5, earnings * 0.5]])
    assert round(float(found.value[0]), 5) == published
