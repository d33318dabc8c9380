"""What may be published, and why not: numbers of observations, reasons, whole tables."""

import pandas as pd
import pytest

from schemas.reliability import load_profile
from transforms.reliability import is_table_published, judge_cells, n_band, share_suppressed

ILO = load_profile("ilo")


def judged(n, n_smallest=None, *, confidential=True):
    frame = pd.DataFrame({"n": [n], "n_smallest": [n if n_smallest is None else n_smallest]})
    row = judge_cells(frame, ILO, is_few_confidential=confidential).loc[0]
    return row["status"], row["reason"]


@pytest.mark.parametrize(
    ("n", "status", "reason"),
    [
        (0, "S", "unreliable;confidential"),
        (4, "S", "unreliable;confidential"),
        (5, "U", ""),
        (14, "U", ""),
        (15, "", ""),
        (10_000, "", ""),
    ],
)
def test_counts_by_their_own_n(n, status, reason):
    assert judged(n) == (status, reason)


@pytest.mark.parametrize(
    ("denominator", "numerator", "status", "reason"),
    [
        pytest.param(4, 4, "S", "unreliable;confidential", id="denominator 4"),
        pytest.param(5, 5, "S", "confidential", id="complement 0"),
        pytest.param(9, 5, "S", "confidential", id="complement 4"),
        pytest.param(9, 4, "S", "confidential", id="numerator 4"),
        pytest.param(10, 5, "U", "", id="both 5"),
        pytest.param(14, 7, "U", "", id="denominator 14"),
        pytest.param(15, 10, "", "", id="denominator 15"),
        pytest.param(15, 11, "S", "confidential", id="denominator 15, complement 4"),
        pytest.param(1000, 0, "S", "confidential", id="numerator 0"),
        pytest.param(1000, 996, "S", "confidential", id="complement 4 of 1000"),
    ],
)
def test_rates_by_their_denominator_and_both_its_parts(denominator, numerator, status, reason):
    smallest = min(denominator, numerator, denominator - numerator)
    assert judged(denominator, smallest) == (status, reason)


@pytest.mark.parametrize(("n", "n_smallest"), [(0, 0), (4, 4), (20, 4), (1000, 0)])
def test_where_few_are_not_confidential_the_only_reason_is_unreliable(n, n_smallest):
    assert judged(n, n_smallest, confidential=False) == ("S", "unreliable")


def test_a_panel_that_meets_the_same_persons_again_stays_confidential():
    """Four rounds of four persons: 16 observations, but never more than four persons."""
    assert judged(16, 4) == ("S", "confidential")


def test_rows_are_kept_as_given():
    frame = pd.DataFrame({"n": [20, 4, 7], "n_smallest": [20, 4, 7], "other": ["a", "b", "c"]}, index=[7, 3, 5])
    found = judge_cells(frame, ILO, is_few_confidential=True)
    assert list(found.index) == [7, 3, 5]
    assert list(found["other"] + found["status"]) == ["a", "bS", "cU"]


def statuses(suppressed, cells):
    return pd.Series(["S"] * suppressed + [""] * (cells - suppressed))


@pytest.mark.parametrize(
    ("suppressed", "cells", "share", "is_published"),
    [
        (33, 100, 0.33, True),
        (34, 100, 0.34, False),
        (1, 3, 0.33, True),
        (335, 1000, 0.34, False),
        (334, 1000, 0.33, True),
        (0, 10, 0.0, True),
        (10, 10, 1.0, False),
        (0, 0, 0.0, True),
    ],
)
def test_whole_tables_by_the_rounded_share(suppressed, cells, share, is_published):
    table = statuses(suppressed, cells)
    assert share_suppressed(table) == share
    assert is_table_published(table, "AGE_AGGREGATE", ILO) is is_published
    assert is_table_published(table, None, ILO) is is_published


def test_versions_that_list_countries_are_exempt():
    for version in ("CBR_BRT", "CCT_CTZ"):
        assert is_table_published(statuses(99, 100), version, ILO)


def test_the_share_rule_may_be_off():
    profile = ILO.model_copy(update={"table_share_applies": False})
    assert is_table_published(statuses(99, 100), "SEX", profile)


def test_the_profile_says_to_how_many_decimals():
    profile = ILO.model_copy(update={"table_share_decimals": 3})
    assert not is_table_published(statuses(334, 1000), "SEX", profile)
    assert is_table_published(statuses(333, 1000), "SEX", profile)


def test_bands_of_n():
    n = pd.Series([0, 4, 5, 14, 15, 49, 50, 99, 100, 499, 500, 90_000])
    expected = ["", "", "5-14", "5-14", "15-49", "15-49", "50-99", "50-99", "100-499", "100-499", "500+", "500+"]
    assert list(n_band(n)) == expected
