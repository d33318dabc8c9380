"""Quantiles by hand; R's svyquantile stands in test_goldens.py."""

import math

import numpy as np
import pytest

from transforms.quantiles import quantile_estimate, weighted_quantile

X, W = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(("p", "expected"), [(0, 1), (0.2, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.51, 4), (1, 8)])
def test_the_smallest_value_that_reaches_a_share(p, expected):
    assert weighted_quantile(X, W, p) == expected


def test_weights_move_the_median():
    assert weighted_quantile(X, np.array([1.0, 1.0, 1.0, 9.0]), 0.5) == 8
    assert weighted_quantile(X, np.array([9.0, 1.0, 1.0, 1.0]), 0.5) == 1


def test_nothing_has_no_quantile():
    assert math.isnan(weighted_quantile(np.array([]), np.array([]), 0.5))
    assert math.isnan(quantile_estimate(np.array([]), np.array([]), 0.5, lambda q, f: 0.1, 5).value)


def test_limits_are_quantiles_of_the_limits_of_the_share():
    values, weights = np.arange(1.0, 101.0), np.ones(100)
    # t with 2 degrees of freedom is 4.3027: the share is 0.5 -+ 0.21513.
    found = quantile_estimate(values, weights, 0.5, lambda q, share: 0.05, 2)
    assert (found.value, found.lower, found.upper) == (50, 29, 72)
    assert found.se == pytest.approx((72 - 29) / (2 * 4.302652729749462))
    assert found.slope == pytest.approx(found.se / 0.05)


def test_a_limit_outside_the_distribution_is_missing_and_so_is_the_standard_error():
    found = quantile_estimate(X, W, 0.5, lambda q, share: 0.2, 2)
    assert found.value == 2
    assert [math.isnan(part) for part in (found.lower, found.upper, found.se)] == [True, True, True]


def test_without_degrees_of_freedom_there_are_no_limits():
    found = quantile_estimate(np.arange(1.0, 101.0), np.ones(100), 0.5, lambda q, share: 0.05, 0)
    assert found.value == 50
    assert math.isnan(found.se)
