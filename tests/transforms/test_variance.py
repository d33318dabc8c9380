"""The kernel against vectors worked by hand; R's survey package stands in test_goldens.py."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.variance import (
    SampleDesign,
    degrees_of_freedom,
    limits,
    lonely_strata,
    p_values,
    replicate_variance,
    taylor_variance,
    variance_parts,
)

#: STANDARDS 7.1: strata A and B of two PSUs; sums of weights with y, and of all.
Y, ALL = np.array([[10.0, 24.0, 20.0, 0.0]]), np.array([[20.0, 24.0, 40.0, 36.0]])
HAND = SampleDesign(np.array([0, 0, 1, 1]))


def test_hand_vector_total():
    variance = taylor_variance(Y, Y > 0, HAND)
    assert variance == pytest.approx([596], rel=1e-12)
    assert np.sqrt(variance) == pytest.approx([24.41311123], abs=5e-9)
    assert np.sqrt(variance) / 54 == pytest.approx([0.45209465], abs=5e-9)
    # One stratum keeps both PSUs with members, the other only one: 3 - 2 degrees of freedom.
    assert degrees_of_freedom(Y > 0, HAND).tolist() == [1]
    assert degrees_of_freedom(ALL > 0, HAND).tolist() == [2]


def test_hand_vector_proportion():
    scores = (Y - 0.45 * ALL) / 120
    assert np.sqrt(taylor_variance(scores, ALL > 0, HAND)) == pytest.approx([0.18258940], abs=5e-9)


def test_hand_vector_jackknife():
    # One PSU left out at a time, its partner's weights doubled.
    y = np.array([[68.0, 40.0, 34.0, 74.0]])
    whole = np.array([[48.0 + 76, 40 + 76, 44 + 72, 44 + 80.0]])
    assert y[0].tolist() == [48 + 20, 20 + 20, 34 + 0, 34 + 40]
    half = [0.5] * 4
    assert replicate_variance(y, np.array([54.0]), 1, half, mse=True) == pytest.approx([596], rel=1e-12)
    shares = replicate_variance(y / whole, np.array([0.45]), 1, half, mse=True)
    assert np.sqrt(shares) == pytest.approx([0.18289403], abs=5e-9)
    centred = replicate_variance(y / whole, np.array([0.45]), 1, half, mse=False)
    assert np.sqrt(centred) == pytest.approx([0.18279631], abs=5e-9)


def test_a_finite_population_takes_its_share_of_the_variance():
    # Half of stratum A's four PSUs are in the sample, and all of stratum B's: 0.5 x 196 + 0.
    design = SampleDesign(HAND.stratum, population=np.array([4.0, 2.0]))
    assert taylor_variance(Y, Y > 0, design) == pytest.approx([0.5 * 196])


def test_a_second_stage_adds_what_varies_within_primary_units():
    # Two PSUs of two SSUs each, of 4 PSUs and of 10 SSUs in each: z by PSU 3 and 7.
    design = SampleDesign(
        np.zeros(4, dtype=np.int64), "fail", np.array([4.0]), np.array([0, 0, 1, 1]), np.array([10.0, 10.0])
    )
    first = (1 - 2 / 4) * 2 * ((3 - 5) ** 2 + (7 - 5) ** 2)
    second = 2 / 4 * ((1 - 2 / 10) * 2 * (0.5**2 * 2) + (1 - 2 / 10) * 2 * (1.5**2 * 2))
    scores = np.array([[1.0, 2.0, 2.0, 5.0]])
    assert taylor_variance(scores, scores > 0, design) == pytest.approx([first + second], rel=1e-12)
    assert degrees_of_freedom(scores > 0, design).tolist() == [1]


@pytest.mark.parametrize(
    ("policy", "expected"), [("remove", 16.0), ("certainty", 16.0), ("adjust", 16.0 + 25.0), ("average", 32.0)]
)
def test_a_lonely_unit_contributes_what_its_policy_says(policy, expected):
    design = SampleDesign(np.array([0, 0, 1]), policy)
    scores = np.array([[1.0, 5.0, 5.0]])
    assert taylor_variance(scores, scores > 0, design) == pytest.approx([expected])


def test_the_average_counts_strata_with_members_only():
    design = SampleDesign(np.array([0, 0, 1, 2, 2]), "average")
    scores = np.array([[1.0, 5.0, 5.0, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0, 0.0]])
    found = taylor_variance(scores, scores > 0, design)
    assert found[0] == pytest.approx(16.0 * 2 / 1)
    assert np.isnan(found[1])


def test_a_lonely_unit_is_refused_where_no_policy_was_chosen():
    with pytest.raises(ValueError, match="1 strata have a single sampling unit"):
        taylor_variance(np.array([[1.0, 5.0, 5.0]]), np.ones((1, 3), dtype=bool), SampleDesign(np.array([0, 0, 1])))


def test_a_lonely_unit_taken_in_full_is_no_question():
    design = SampleDesign(np.array([0, 0, 1]), "fail", np.array([10.0, 1.0]))
    scores = np.array([[1.0, 5.0, 5.0]])
    assert taylor_variance(scores, scores > 0, design) == pytest.approx([0.8 * 16.0])


def test_a_constant_has_no_variance_at_all():
    ones = np.full((1, 6), 0.1)
    assert taylor_variance(ones, ones > 0, SampleDesign(np.array([0, 0, 0, 1, 1, 1])))[0] < 1e-30


def test_lonely_strata_are_those_of_the_full_sample():
    assert lonely_strata(["A", "A", "B", "C", "C"]) == ("B",)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_blocks_of_strata_add_up(data):
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    stratum = np.repeat(np.arange(len(sizes)), sizes)
    policy = data.draw(st.sampled_from(["remove", "adjust", "average"]))
    numbers = st.lists(st.integers(0, 9), min_size=len(stratum), max_size=len(stratum))
    scores = np.array([data.draw(numbers), data.draw(numbers)], dtype=float)
    design = SampleDesign(stratum, policy, np.array(sizes, dtype=float) * 3)
    whole = variance_parts(scores, scores > 0, design)
    cut = int(np.cumsum(sizes)[data.draw(st.integers(0, len(sizes) - 2))])
    one = variance_parts(scores[:, :cut], scores[:, :cut] > 0, design.block(0, cut))
    two = variance_parts(scores[:, cut:], scores[:, cut:] > 0, design.block(cut, len(stratum)))
    added = one + two
    assert added.total(policy) == pytest.approx(whole.total(policy), nan_ok=True)
    assert added.degrees_of_freedom.tolist() == whole.degrees_of_freedom.tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(-9, 9)), min_size=1, max_size=30),
)
def test_a_second_writing_agrees(rows):
    """Strata and units by dictionaries, one square at a time."""
    units = sorted({(stratum, unit) for stratum, unit, _ in rows})
    sums = {key: sum(z for stratum, unit, z in rows if (stratum, unit) == key) for key in units}
    expected = 0.0
    for stratum in {key[0] for key in units}:
        own = [value for (other, _), value in sums.items() if other == stratum]
        if len(own) > 1:
            mean = sum(own) / len(own)
            expected += len(own) / (len(own) - 1) * sum((value - mean) ** 2 for value in own)
    codes = np.unique([key[0] for key in units], return_inverse=True)[1]
    scores = np.array([[float(sums[key]) for key in units]])
    found = taylor_variance(scores, scores != 0, SampleDesign(codes, "remove"))
    assert found == pytest.approx([expected], abs=1e-9)


# --- limits and tests ----------------------------------------------------------------------------

T2 = 4.302652729749462  # Student's t, 97.5 %, 2 degrees of freedom


def test_limits_on_each_scale():
    low, high = limits(np.array([100.0]), np.array([10.0]), np.array([2.0]), "log")
    assert (low[0], high[0]) == pytest.approx((100 * np.exp(-T2 / 10), 100 * np.exp(T2 / 10)))
    low, high = limits(np.array([0.2]), np.array([0.04]), np.array([2.0]), "logit")
    half, centre = T2 * 0.04 / 0.16, np.log(0.25)
    assert (low[0], high[0]) == pytest.approx((1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))))
    low, high = limits(np.array([-3.0]), np.array([1.0]), np.array([2.0]), "identity")
    assert (low[0], high[0]) == pytest.approx((-3 - T2, -3 + T2))


@pytest.mark.parametrize(
    ("value", "se", "df", "scale"),
    [
        (0.0, 1.0, 5.0, "log"),
        (0.0, 0.1, 5.0, "logit"),
        (1.0, 0.1, 5.0, "logit"),
        (0.5, np.nan, 5.0, "logit"),
        (5.0, 1.0, 0.0, "log"),
        (5.0, 1.0, np.nan, "identity"),
    ],
)
def test_there_are_no_limits_where_nothing_gives_them(value, se, df, scale):
    low, high = limits(np.array([value]), np.array([se]), np.array([df]), scale)
    assert np.isnan(low[0])
    assert np.isnan(high[0])


def test_a_difference_at_its_limit_has_a_p_value_of_five_per_cent():
    found = p_values(np.array([T2, -T2, 0.0, 1.0, 0.0, 1.0]), np.array([1.0, 1, 1, 0, 0, np.nan]), np.full(6, 2.0))
    assert found[:5] == pytest.approx([0.05, 0.05, 1.0, 0.0, 1.0])
    assert np.isnan(found[5])
