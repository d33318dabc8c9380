"""Raking and the residuals of its variance: against R survey, by hand, and against proportional fitting.

The variance is taken here by loops over strata and PSUs that share nothing with the project's.
"""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from schemas.periods import Period
from schemas.survey_estimation import CalibrationMargin, CalibrationRow
from transforms.calibration import (
    OUTSIDE,
    UNKNOWN,
    EmptyCategoryError,
    NotConvergedError,
    TotalsError,
    constraints,
    constraints_of,
    gram_matrix,
    projection,
    rake,
    residual_totals,
)
from transforms.variance import SampleDesign, taylor_variance

GOLDENS = Path(__file__).parents[1] / "goldens"
TOLERANCE = 1e-9

#: Population totals of raking.R, as it prints them.
TOTALS = {
    "sex_age": [5352, 4317, 1579, 3792, 3096, 2864],
    "sex": [11248, 9752],
    "region": [4822, 7808, 4394, 3976],
    "citizen": [17300, 3700],
    "known_citizen": [16400, 3400],
}
#: Calibration of raking.R -> (column of the persons, totals) of its margins.
CALIBRATIONS = {
    "complete": [("sex_age", "sex_age"), ("region", "region"), ("sex", "sex")],
    "outside": [("sex_age", "sex_age"), ("citizen", "known_citizen")],
    "unknown": [("sex_age", "sex_age"), ("citizen", "citizen")],
}


def golden(name):
    with (GOLDENS / name).open() as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def persons():
    rows = golden("raking_persons.csv")
    text = ("stratum", "psu", "d")
    return {name: np.array([row[name] if name in text else float(row[name]) for row in rows]) for name in rows[0]}


def margins_of(persons, name):
    """(categories of persons, totals) of a calibration of raking.R."""
    categories = [persons[column].astype(int) for column, _ in CALIBRATIONS[name]]
    if name == "outside":
        categories[1] = np.where(categories[1] == UNKNOWN, OUTSIDE, categories[1])
    return categories, [TOTALS[totals] for _, totals in CALIBRATIONS[name]]


def by_unit(values, units):
    """Sums [columns x units] of values [rows] or [columns x rows]."""
    values = np.atleast_2d(values)
    return np.stack([np.bincount(units, row, units.max() + 1) for row in values])


def indicators_of(categories, totals):
    """Positions of the indicators, the unknown after the categories; their number; and the constraints."""
    unknown = [bool(np.any(category == UNKNOWN)) for category in categories]
    sizes = [len(total) + more for total, more in zip(totals, unknown, strict=True)]
    positions = [np.where(c == UNKNOWN, len(t), c) for c, t in zip(categories, totals, strict=True)]
    return positions, sizes, constraints(totals, unknown)


def dense(positions, sizes):
    """Indicators [indicators x rows] of the categories."""
    return np.concatenate([np.arange(size)[:, None] == p for p, size in zip(positions, sizes, strict=True)]).astype(
        float
    )


# --- R survey ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_weights_are_those_of_r(persons, name):
    raked = rake(persons["w"], *margins_of(persons, name))
    assert np.max(np.abs(raked.weights / persons[f"w_{name}"] - 1)) < TOLERANCE
    assert np.allclose(raked.factors * persons["w"], raked.weights, rtol=1e-15)
    away = persons["sex_age"] == -1
    assert np.sum(away) == 8
    assert np.all(raked.factors[away] == 1)
    assert raked.iterations < 8


def one_stage(z, stratum, policy, correction=None):
    """Variance of the total of z [PSUs], as R: every PSU of a calibrated design is in every domain."""
    total, lonely = 0.0, 0
    strata = sorted(set(stratum))
    for h in strata:
        here = z[stratum == h]
        f = 1.0 if correction is None else correction[h](len(here))
        if len(here) > 1:
            total += f * len(here) / (len(here) - 1) * np.sum((here - here.mean()) ** 2)
        else:
            lonely += 1
            total += f * here[0] ** 2 if policy == "adjust" else 0.0
    return total * len(strata) / (len(strata) - lonely) if policy == "average" else total


class Sample:
    """Units and variance of one of the two designs of raking.R."""

    def __init__(self, persons, kind, policy):
        self.kind, self.policy = kind, policy
        names = ["stratum", "psu", "ssu"] if kind == "two_stage" else ["stratum", "psu"]
        keys = list(zip(*(persons[name] for name in names), strict=True))
        places = {key: number for number, key in enumerate(sorted(set(keys)))}
        self.units = np.array([places[key] for key in keys])
        self.keys = sorted(places)
        n_psu = {str(h): n for h, n in zip(persons["stratum"], persons["n_psu"], strict=True)}
        self.first = {h: (lambda n, big=big: 1 - n / big) for h, big in n_psu.items()}
        self.n_psu = n_psu
        self.n_ssu = {str(p): n for p, n in zip(persons["psu"], persons["n_ssu"], strict=True)}

    def variance(self, z):
        if self.kind == "psu":
            return one_stage(z, np.array([key[0] for key in self.keys]), self.policy)
        sums = defaultdict(list)
        for key, value in zip(self.keys, z, strict=True):
            sums[key[:2]].append(value)
        psus = np.array([sum(values) for values in sums.values()])
        strata = np.array([h for h, _ in sums])
        total = one_stage(psus, strata, self.policy, self.first)
        for (h, psu), values in sums.items():
            m, spread = len(values), np.sum((np.array(values) - np.mean(values)) ** 2)
            total += np.sum(strata == h) / self.n_psu[h] * (1 - m / self.n_ssu[psu]) * m / (m - 1) * spread
        return total


def golden_cases():
    cases = defaultdict(list)
    for row in golden("raking.csv"):
        cases[row["calibration"], row["design"], row["policy"]].append(row)
    return [pytest.param(*key, rows, id=" ".join(key)) for key, rows in cases.items()]


@pytest.mark.parametrize(("name", "kind", "policy", "rows"), golden_cases())
def test_standard_errors_from_sums_by_unit_are_those_of_r(persons, name, kind, policy, rows):
    assert len(rows) == 15
    categories, totals = margins_of(persons, name)
    w = rake(persons["w"], categories, totals).weights
    positions, sizes, calibrated = indicators_of(categories, totals)
    sample = Sample(persons, kind, policy)
    x = dense(positions, sizes)
    gram = gram_matrix(persons["w"], positions, sizes)

    def estimate(variable, domain):
        v = persons[variable] * (1 if domain == "all" else persons["d"] == domain)
        coefficients = projection(((x * persons["w"]) @ v)[None, :], gram, calibrated)
        z = residual_totals(by_unit(w * v, sample.units), coefficients, by_unit(x * w, sample.units))
        return np.sum(w * v), z[0]

    for row in rows:
        numerator, _, denominator = row["statistic"].partition("/")
        value, z = estimate(numerator, row["domain"])
        if denominator:
            below, z_below = estimate(denominator, row["domain"])
            value, z = value / below, (z - value / below * z_below) / below
        assert value == pytest.approx(float(row["value"]), rel=TOLERANCE)
        assert np.sqrt(sample.variance(z)) == pytest.approx(float(row["se"]), rel=TOLERANCE)


@pytest.mark.parametrize("policy", ["remove", "certainty", "adjust", "average"])
def test_the_variance_of_residual_totals_counts_every_unit_as_one_with_members(persons, policy):
    """As R, which keeps persons outside a domain in a calibrated design: their residuals are not 0."""
    categories, totals = margins_of(persons, "complete")
    w = rake(persons["w"], categories, totals).weights
    positions, sizes, _ = indicators_of(categories, totals)
    sample = Sample(persons, "psu", policy)
    x = dense(positions, sizes)
    y = persons["y"] * (persons["d"] == "b")
    coefficients = projection(((x * persons["w"]) @ y)[None, :], gram_matrix(persons["w"], positions, sizes))
    z = residual_totals(by_unit(w * y, sample.units), coefficients, by_unit(x * w, sample.units))
    strata = np.unique([key[0] for key in sample.keys], return_inverse=True)[1].astype(np.int64)
    found = taylor_variance(z, np.ones(z.shape, dtype=bool), SampleDesign(strata, policy, None, None, None))
    key = {"calibration": "complete", "design": "psu", "policy": policy, "domain": "b", "statistic": "y"}
    (row,) = [row for row in golden("raking.csv") if key.items() <= row.items()]
    assert np.sqrt(found[0]) == pytest.approx(float(row["se"]), rel=TOLERANCE)


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_what_is_calibrated_has_no_variance(persons, name):
    categories, totals = margins_of(persons, name)
    w = rake(persons["w"], categories, totals).weights
    positions, sizes, calibrated = indicators_of(categories, totals)
    x = dense(positions, sizes)
    units = Sample(persons, "psu", "remove").units
    z = residual_totals(
        by_unit(x * w, units),
        projection(gram := gram_matrix(persons["w"], positions, sizes), gram, calibrated),
        by_unit(x * w, units),
    )
    known = slice(0, 6 if name == "unknown" else None)  # with unknown citizens, how many are known is left to chance
    assert np.max(np.abs(z[known])) < 1e-9
    if name == "unknown":
        assert np.max(np.abs(z[6:8].sum(axis=0) + z[8])) < 1e-9  # citizens, foreigners and unknown are everybody
        assert np.min(np.max(np.abs(z[6:]), axis=1)) > 1
        assert np.max(np.abs(3700 * z[6] - 17300 * z[7])) < 1e-4  # and the ratio of the known is as given


# --- persons, by matrices ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_sums_by_unit_give_what_persons_give(seed):
    """z = sum of g d e, e the residuals of a least squares fit with weights d on indicators of every person."""
    random = np.random.default_rng(seed)
    n, units = 400, 30
    d, unit = random.uniform(1, 90, n), random.integers(0, units, n)
    one, two = random.integers(0, 4, n), random.integers(0, 5, n)
    nested = one // 2
    if seed % 2:
        one[:20] = two[:20] = nested[:20] = OUTSIDE
    sums = [np.bincount(c[c >= 0], d[c >= 0]) * random.uniform(0.7, 1.3, c.max() + 1) for c in (one, two)]
    totals = [sums[0], sums[1] * sums[0].sum() / sums[1].sum(), sums[0].reshape(2, 2).sum(axis=1)]
    if seed > 2:
        two[30:50] = UNKNOWN
    margins = [one, two, nested]
    w = rake(d, margins, totals).weights
    positions, sizes, calibrated = indicators_of(margins, totals)
    x = dense(positions, sizes)
    v = random.normal(5, 2, (3, n)) * (random.uniform(size=(3, n)) < 0.5)
    design = (calibrated @ x).T
    fit = np.linalg.lstsq(design * np.sqrt(d)[:, None], (v * np.sqrt(d)).T, rcond=1e-10)[0]
    by_person = by_unit((v.T - design @ fit).T * w, unit)
    found = residual_totals(
        by_unit(v * w, unit),
        projection((x * d @ v.T).T, gram_matrix(d, positions, sizes), calibrated),
        by_unit(x * w, unit),
    )
    assert np.allclose(found, by_person, rtol=1e-9, atol=1e-8)


def test_constraints_in_the_order_of_stored_indicators():
    period = Period.parse("2024-Q1")
    rows = [CalibrationRow((code,), Period.parse("2024"), total, 1) for code, total in (("b", 30.0), ("a", 10.0))]
    other = CalibrationRow(("x",), Period.parse("2024"), 40.0, 1)
    margins = [CalibrationMargin("one", ("c",), tuple(rows), ""), CalibrationMargin("two", ("d",), (other,), "")]
    indicators = [("one", "_U"), ("one", "a"), ("one", "b"), ("two", "x")]
    assert constraints_of(margins, period, indicators).tolist() == [
        [1, 1, 1, 0],  # everybody
        [0, 0.75, -0.25, 0],  # a less its share of 10 in 40
        [0, -0.75, 0.25, 0],
        [0, 0, 0, 1],
    ]
    assert constraints_of(margins, period, indicators[1:]) is None
    natural = constraints([[30, 10], [40]], [True, False])
    place = [2, 1, 0, 3]
    assert np.array_equal(natural[np.ix_(place, place)], constraints_of(margins, period, indicators))


def test_a_gram_matrix_is_the_sums_of_pairs():
    gram = gram_matrix([1.0, 2.0, 4.0], [np.array([0, 1, -1]), np.array([1, 1, 0])], [2, 2])
    assert gram.tolist() == [[1, 0, 0, 1], [0, 2, 0, 2], [0, 0, 4, 0], [1, 2, 0, 3]]


# --- raking --------------------------------------------------------------------------------------


def test_one_margin_is_poststratification_by_hand():
    raked = rake([10, 30, 20, 5], [[0, 0, 1, OUTSIDE]], [[80, 10]])
    assert np.allclose(raked.weights, [20, 60, 10, 5], rtol=1e-12)
    assert np.allclose(raked.factors, [2, 2, 0.5, 1], rtol=1e-12)
    # A variable that is 1 for the first person: the mean of their category is 10 / 40, so e = (3/4, -1/4, 0, 0).
    positions, x = [np.array([0, 0, 1, OUTSIDE])], np.array([[1.0, 1, 0, 0], [0, 0, 1, 0]])
    coefficients = projection(np.array([[10.0, 0.0]]), gram_matrix([10, 30, 20, 5], positions, [2]))
    found = residual_totals(np.array([[20.0, 0, 0, 0]]), coefficients, x * raked.weights)
    assert np.allclose(found, [[15, -15, 0, 0]], rtol=1e-12)


def test_two_margins_by_hand():
    # From equal weights the table of a product: 40 x (0.25, 0.75) x (0.4, 0.6).
    raked = rake([1, 1, 1, 1], [[0, 0, 1, 1], [0, 1, 0, 1]], [[10, 30], [16, 24]])
    assert np.allclose(raked.weights, [4, 6, 12, 18], rtol=1e-12)


def test_persons_of_unknown_category_stay_in_the_total_by_hand():
    # Among the known the shares are 0.8 and 0.2; g is e^a, e^b and 1 times a common factor, 0.8 a + 0.2 b = 0.
    w = rake([10, 10, 5], [[0, 1, UNKNOWN]], [[80, 20]]).weights
    assert w.sum() == pytest.approx(100, rel=1e-12)
    assert w[0] / w[1] == pytest.approx(4, rel=1e-12)
    b = -0.8 * np.log(4)
    assert (w[1] / 10) / (w[2] / 5) == pytest.approx(np.exp(b), rel=1e-12)


def fitted(d, margins, totals, rounds=4000):
    """Iterative proportional fitting."""
    w = np.array(d, dtype=float)
    for _ in range(rounds):
        for category, total in zip(margins, totals, strict=True):
            inside = category >= 0
            sums = np.bincount(category[inside], w[inside], len(total))
            w[inside] *= (np.array(total) / sums)[category[inside]]
    return w


@pytest.mark.parametrize("scale", [1, 1e-6, 1e6])
@pytest.mark.parametrize("seed", range(3))
def test_proportional_fitting_comes_to_the_same(seed, scale):
    random = np.random.default_rng(seed)
    n = 200
    d = random.uniform(1, 50, n)
    margins = [random.integers(0, k, n) for k in (3, 4, 2)]
    margins[2][:40] = OUTSIDE
    totals = [random.uniform(500, 900, k) for k in (3, 4)]
    totals[1] *= totals[0].sum() / totals[1].sum()
    totals.append(np.array([0.3, 0.45]) * totals[0].sum())
    raked = rake(d * scale, margins, totals)
    assert np.allclose(raked.weights, fitted(d * scale, margins, totals), rtol=1e-9)


def test_sums_by_combination_have_the_factors_of_their_persons(persons):
    categories, totals = margins_of(persons, "unknown")
    by_person = rake(persons["w"], categories, totals)
    cells, place = np.unique(np.array(categories), axis=1, return_inverse=True)
    sums = np.bincount(place.ravel(), persons["w"])
    by_cell = rake(sums, list(cells), totals)
    assert np.allclose(by_cell.factors[place.ravel()], by_person.factors, rtol=1e-11)


def test_rows_of_weight_0_keep_it_and_change_nothing():
    raked = rake([10, 30, 0, 0], [[0, 1, 1, UNKNOWN]], [[5, 60]])
    assert np.allclose(raked.weights, [5, 60, 0, 0], rtol=1e-12)


def test_a_category_of_total_0_without_persons_is_no_matter():
    assert np.allclose(rake([1, 1], [[0, 2]], [[5, 0, 7]]).weights, [5, 7], rtol=1e-12)


def test_totals_that_differ_by_rounding_are_brought_together():
    margins, totals = [[0, 0, 1, 1], [0, 1, 0, 1]], [[1000, 3000], [1600, 2404]]
    w = rake([1, 2, 3, 4], margins, totals, tolerance=0.002).weights
    assert 4000 < w.sum() < 4004
    assert w[:2].sum() / w.sum() == pytest.approx(0.25, rel=1e-6)  # each margin keeps its shares
    with pytest.raises(TotalsError) as caught:
        rake([1, 2, 3, 4], margins, totals)
    assert (caught.value.margins, caught.value.sums) == ((0, 1), (4000, 4004))


# --- refusals ------------------------------------------------------------------------------------


def test_a_category_without_persons_is_named():
    with pytest.raises(EmptyCategoryError) as caught:
        rake([1, 1, 0], [[0, 0, 1], [0, 1, 2]], [[5, 5], [3, 4, 3]])
    assert caught.value.categories == ((0, 1), (1, 2))


def test_margins_nested_in_each_other_must_agree():
    """The grand totals are equal, but those of the sexes are not those of sex by age."""
    with pytest.raises(TotalsError) as caught:
        rake(np.ones(4), [[0, 1, 2, 3], [0, 0, 1, 1], [0, 1, 0, 1]], [[5, 5, 5, 5], [12, 8], [10, 10]])
    assert caught.value.margins == (0, 1)


def test_a_margin_must_leave_something_for_who_is_outside():
    with pytest.raises(TotalsError, match="leave nothing") as caught:
        rake(np.ones(4), [[0, 1, 0, 1], [0, 0, 1, OUTSIDE]], [[10, 10], [15, 5]])
    assert caught.value.margins == (1, 0)
    assert rake(np.ones(4), [[0, 1, 0, 1], [0, 0, 1, OUTSIDE]], [[10, 10], [14, 4]]).weights[3] == pytest.approx(2)


def test_a_total_of_0_with_persons_is_refused():
    with pytest.raises(TotalsError, match="total 0"):
        rake(np.ones(3), [[0, 1, 1]], [[5, 0]])


def test_totals_that_ask_for_negative_weights_do_not_converge():
    # Only the cells (0, 0), (0, 1) and (1, 1): the second would have to hold 10 - 15.
    with pytest.raises(NotConvergedError) as caught:
        rake([1, 1, 1], [[0, 0, 1], [0, 1, 1]], [[10, 20], [15, 15]])
    assert caught.value.misfit > 0.01


def test_few_iterations_are_not_enough(persons):
    with pytest.raises(NotConvergedError) as caught:
        rake(persons["w"], *margins_of(persons, "unknown"), max_iterations=1)
    assert caught.value.iterations == 1


@pytest.mark.parametrize(
    ("weights", "margin", "totals"),
    [
        ([1, -1], [0, 1], [1, 1]),
        ([1, np.nan], [0, 1], [1, 1]),
        ([1, 1], [0, 1], [1, -1]),
        ([1, 1], [0, 1], [0, 0]),
        ([1, 1], [0, 2], [1, 1]),
        ([1, 1], [0, -3], [1, 1]),
        ([1, 1, 1], [0, 1], [1, 1]),
    ],
)
def test_what_is_no_weight_total_or_category_is_refused(weights, margin, totals):
    with pytest.raises(ValueError):
        rake(weights, [margin], [totals])


def test_refusals_do_not_tell_a_weight():
    for margins, totals in (([[0, 0, 1]], [[5, 5, 1]]), ([[0, 0, 1], [0, 1, 1]], [[10, 20], [15, 15]])):
        with pytest.raises((EmptyCategoryError, NotConvergedError)) as caught:
            rake([123.25, 123.25, 123.25], margins, totals)
        assert "123" not in str(caught.value)
