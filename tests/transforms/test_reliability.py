"""What may be published, and why not: numbers of observations, precision, reasons, whole tables."""

import dataclasses
import itertools
import random

import numpy as np
import pandas as pd
import pytest

from schemas.errors import SpecError
from schemas.reliability import ReliabilitySection, load_profile, profile_of
from transforms.reliability import DIFFERENCES, is_table_published, judge_cells, n_band, share_suppressed

ILO = load_profile("ilo")
SEVERITY = {"": 0, "U": 1, "S": 2}
#: A figure that no profile objects to, as a count and as a rate.
COUNT = {
    "estimate": 80_000.0, "se": 4000.0, "cv": 0.05, "lower": 72_000.0, "upper": 88_000.0, "df": 40.0,
    "n": 500, "n_smallest": 500,
}  # fmt: skip
RATE = COUNT | {"estimate": 0.5, "se": 0.03, "cv": 0.06, "lower": 0.44, "upper": 0.56, "n_smallest": 240}


def judged(n, n_smallest=None, *, confidential=True):
    frame = pd.DataFrame({"n": [n], "n_smallest": [n if n_smallest is None else n_smallest]})
    row = judge_cells(frame, ILO, is_few_confidential=confidential, measure="count").loc[0]
    return row["status"], row["reason"]


def status_of(profile, measure="count", **changes):
    """The status of one figure; what is not said is as in COUNT or RATE."""
    figure = (RATE if measure == "rate" else COUNT) | changes
    return judge_cells(pd.DataFrame([figure]), profile, is_few_confidential=True, measure=measure)["status"].item()


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


@pytest.mark.parametrize(("n", "n_smallest"), [(None, 20), (20, None)])
def test_an_unknown_number_of_observations_is_too_few(n, n_smallest):
    frame = pd.DataFrame({"n": [n], "n_smallest": [n_smallest]}, dtype="Int64")
    assert list(judge_cells(frame, ILO, is_few_confidential=True, measure="count")["status"]) == ["S"]


def test_rows_are_kept_as_given():
    frame = pd.DataFrame({"n": [20, 4, 7], "n_smallest": [20, 4, 7], "other": ["a", "b", "c"]}, index=[7, 3, 5])
    found = judge_cells(frame, ILO, is_few_confidential=True, measure="count")
    assert list(found.index) == [7, 3, 5]
    assert list(found["other"] + found["status"]) == ["a", "bS", "cU"]


def test_a_measure_that_nobody_made_rules_for_is_refused():
    with pytest.raises(ValueError, match="no rules for measure 'ratio'"):
        status_of(ILO, "ratio")


STATCAN, EUROSTAT, NCHS = (profile_of(ReliabilitySection(profile=name)) for name in ("statcan", "eurostat", "nchs"))


@pytest.mark.parametrize("measure", ["count", "mean", "median"])
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"cv": 0.0}, ""),
        ({"cv": 0.165}, ""),
        ({"cv": 0.1651}, "U"),
        ({"cv": 0.333}, "U"),
        ({"cv": 0.3331}, "S"),
        ({"cv": -0.3331}, "S"),
        ({"cv": 0.165, "n": 9, "n_smallest": 9}, "S"),
        ({"cv": 0.165, "n": 10, "n_smallest": 10}, "U"),
        ({"cv": 0.333, "n": 10, "n_smallest": 10}, "U"),
        ({"cv": 0.165, "n": 15, "n_smallest": 15}, ""),
        ({"cv": np.nan, "se": np.nan}, ""),
        ({"cv": np.inf, "estimate": 0.0}, ""),
    ],
)
def test_boundaries_of_statistics_canada_by_cv(measure, changes, status):
    assert status_of(STATCAN, measure, **changes) == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"se": 0.0825}, ""),
        ({"se": 0.0826}, "U"),
        ({"se": 0.1665}, "U"),
        ({"se": 0.1666}, "S"),
        ({"se": np.nan}, ""),
        ({"n": 14, "n_smallest": 10}, "U"),
        ({"n": 40, "n_smallest": 10}, ""),
        ({"n": 40, "n_smallest": 9}, "S"),
    ],
)
def test_boundaries_of_statistics_canada_for_rates(changes, status):
    assert status_of(STATCAN, "rate", **changes) == status


@pytest.mark.parametrize("cv", [0.0, 0.2, 5.0, np.inf])
@pytest.mark.parametrize("profile", [STATCAN, EUROSTAT, NCHS], ids=["statcan", "eurostat", "nchs"])
def test_no_profile_judges_rates_by_cv(profile, cv):
    assert status_of(profile, "rate", cv=cv) == ""


@pytest.mark.parametrize("measure", ["count", "rate", "mean", "gap"])
@pytest.mark.parametrize(("n", "status"), [(19, "S"), (20, "U"), (49, "U"), (50, "")])
def test_boundaries_of_eurostat(measure, n, status):
    assert status_of(EUROSTAT, measure, n=n, n_smallest=20) == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"n": 29}, "S", id="denominator 29"),
        pytest.param({"n": 30, "n_smallest": 15}, "", id="denominator 30"),
        pytest.param({"n": 60, "n_smallest": 9}, "S", id="part 9"),
        pytest.param({"n": 60, "n_smallest": 10}, "", id="part 10"),
        # p (1 - p) / se^2: 0.25 / 30 and a little more
        pytest.param({"se": (0.25 / 30) ** 0.5}, "", id="effective sample 30"),
        pytest.param({"se": (0.25 / 29.9) ** 0.5}, "S", id="effective sample 29.9"),
        pytest.param({"lower": 0.35, "upper": 0.65}, "S", id="width 0.30"),
        pytest.param({"lower": 0.3501, "upper": 0.65}, "", id="width 0.2999"),
        # p = 0.1: 130 % of it is a width of 0.13
        pytest.param({"estimate": 0.1, "lower": 0.05, "upper": 0.18}, "", id="relative width 130 %"),
        pytest.param({"estimate": 0.1, "lower": 0.05, "upper": 0.1801}, "S", id="relative width 130.1 %"),
        pytest.param({"estimate": 0.9, "lower": 0.82, "upper": 0.95}, "", id="of the complement 130 %"),
        pytest.param({"estimate": 0.9, "lower": 0.8199, "upper": 0.95}, "U", id="of the complement 130.1 %"),
        # p = 0.02: 0.05 is 250 % of it
        pytest.param({"estimate": 0.02, "se": 0.01, "lower": 0.01, "upper": 0.06}, "", id="width 0.05"),
        pytest.param({"estimate": 0.02, "se": 0.01, "lower": 0.01, "upper": 0.0601}, "S", id="width 0.0501"),
        pytest.param({"estimate": 0.98, "se": 0.01, "lower": 0.94, "upper": 0.99}, "", id="width 0.05 near 1"),
        pytest.param({"estimate": 0.98, "se": 0.01, "lower": 0.9399, "upper": 0.99}, "U", id="width 0.0501 near 1"),
        pytest.param({"df": 8.0}, "", id="df 8"),
        pytest.param({"df": 7.0}, "U", id="df 7"),
        pytest.param({"se": np.nan, "lower": np.nan, "upper": np.nan, "df": np.nan}, "", id="no design"),
        pytest.param({"se": 0.0, "lower": np.nan, "upper": np.nan}, "", id="standard error 0"),
    ],
)
def test_boundaries_of_nchs_for_rates(changes, status):
    assert status_of(NCHS, "rate", **changes) == status


@pytest.mark.parametrize(
    ("measure", "changes", "status"),
    [
        ("count", {"n": 9, "n_smallest": 9}, "S"),
        ("count", {"n": 15, "n_smallest": 15}, ""),
        # 160 % of 80,000 is 128,000
        ("count", {"lower": 30_000.0, "upper": 158_000.0}, ""),
        ("count", {"lower": 30_000.0, "upper": 158_001.0}, "S"),
        ("mean", {"lower": 30_000.0, "upper": 158_001.0}, ""),
        ("count", {"lower": np.nan, "upper": np.nan}, ""),
        ("count", {"df": 7.0}, "U"),
        ("mean", {"df": 7.0}, "U"),
    ],
)
def test_boundaries_of_nchs_for_counts_and_means(measure, changes, status):
    assert status_of(NCHS, measure, **changes) == status


@pytest.mark.parametrize(
    ("measure", "estimate", "status"),
    [("count", 1499.9, "S"), ("count", 1500.0, "U"), ("count", 3999.9, "U"), ("count", 4000.0, ""), ("mean", 10.0, "")],
)
def test_limits_on_the_population_are_for_counts(measure, estimate, status):
    profile = profile_of(ReliabilitySection(profile="eurostat", size_suppress=1500, size_unreliable=4000))
    assert status_of(profile, measure, estimate=estimate) == status


@pytest.mark.parametrize("measure", sorted(DIFFERENCES))
@pytest.mark.parametrize("profile", [STATCAN, NCHS], ids=["statcan", "nchs"])
def test_differences_are_judged_by_the_persons_of_their_parts_only(profile, measure):
    hopeless = {"estimate": 0.001, "se": 0.4, "cv": 400.0, "lower": -0.8, "upper": 0.8, "df": 1.0}
    assert status_of(profile, measure, **hopeless) == ""
    assert status_of(profile, measure, **hopeless, n=14, n_smallest=14) == "U"
    assert status_of(profile, measure, **hopeless, n=9, n_smallest=9) == "S"
    assert status_of(profile, measure, **hopeless, n=500, n_smallest=9) == "S"


@pytest.mark.parametrize("name", ["statcan", "eurostat", "nchs"])
@pytest.mark.parametrize("measure", ["count", "rate", "mean"])
def test_without_a_standard_error_numbers_of_observations_decide(name, measure):
    frame = pd.DataFrame([COUNT | {"n": n, "n_smallest": n} for n in (9, 29, 30, 49, 50)])
    frame[["se", "cv", "lower", "upper", "df"]] = np.nan
    profile = profile_of(ReliabilitySection(profile=name))
    found = judge_cells(frame, profile, is_few_confidential=True, measure=measure)
    expected = {
        "statcan": ["S", "", "", "", ""],
        "eurostat": ["S", "U", "U", "U", ""],
        "nchs": ["S", "S" if measure == "rate" else "", "", "", ""],
    }
    assert list(found["status"]) == expected[name]


@pytest.mark.parametrize(
    ("measure", "changes", "reason"),
    [
        pytest.param("count", {"n": 4, "n_smallest": 4}, "unreliable;confidential", id="few"),
        pytest.param("count", {"n": 5, "n_smallest": 5}, "unreliable", id="below the office's 10, not below 5"),
        pytest.param("count", {"n": 16, "n_smallest": 4}, "confidential", id="a panel's four"),
        pytest.param("count", {"cv": 0.4}, "unreliable", id="CV"),
        pytest.param("count", {"cv": 0.4, "n": 16, "n_smallest": 4}, "unreliable;confidential", id="CV and few"),
        pytest.param("rate", {"n_smallest": 4}, "confidential", id="part below 5"),
        pytest.param("rate", {"n_smallest": 9}, "unreliable", id="part below 10"),
        pytest.param("rate", {"se": 0.2}, "unreliable", id="standard error"),
        pytest.param("count", {"cv": 0.2}, "", id="flagged"),
    ],
)
def test_unreliable_and_confidential_are_two_reasons(measure, changes, reason):
    frame = pd.DataFrame([(RATE if measure == "rate" else COUNT) | changes])
    found = judge_cells(frame, STATCAN, is_few_confidential=True, measure=measure)
    assert found["reason"].item() == reason
    assert (found["status"].item() == "S") is (reason != "")
    found = judge_cells(frame, STATCAN, is_few_confidential=False, measure=measure)
    assert found["reason"].item() == ("unreliable" if reason else "")


NUMBERS = (0, 4, 5, 9, 10, 14, 15, 19, 20, 29, 30, 49, 50, 1000)
PARTS = (0, 4, 5, 9, 10, 19, 20, 1000)
CVS = (np.nan, 0.0, 0.165, 0.166, 0.25, 0.333, 0.334, 2.0)
WIDTHS = (np.nan, 0.0, 0.05, 0.06, 0.2, 0.29, 0.3, 0.9)
ESTIMATES = {"rate": (0.03, 0.5, 0.97), "count": (1400.0, 90_000.0), "mean": (0.0, 12.5), "gap": (-40.0, 0.0)}


def grid(measure):
    """n x smallest part x CV x width of the interval x estimate x degrees of freedom, one row each."""
    cells = itertools.product(NUMBERS, PARTS, CVS, WIDTHS, ESTIMATES[measure], (7.0, 8.0))
    frame = pd.DataFrame(cells, columns=["n", "n_smallest", "cv", "width", "estimate", "df"])
    frame = frame[frame["n_smallest"] <= frame["n"]].reset_index(drop=True)
    scale = 1.0 if measure == "rate" else frame["estimate"].abs() * 2
    se = frame["cv"] * frame["estimate"].abs()
    lower = frame["estimate"] - frame["width"] * scale / 2
    return frame.assign(se=se, lower=lower, upper=lower + frame["width"] * scale)


@pytest.fixture(scope="module")
def grids():
    return {measure: grid(measure) for measure in ESTIMATES}


def severities(frame, profile, measure):
    judged = judge_cells(frame, profile, is_few_confidential=True, measure=measure)
    return judged["status"].map(SEVERITY).to_numpy()


#: Candidates of a country's own threshold; some are milder than what holds, and are refused.
CANDIDATES = {
    "n_suppress": (3, 5, 10, 20, 30),
    "n_unreliable": (10, 15, 30, 50, 60),
    "size_suppress": (1000, 1500),
    "size_unreliable": (1500, 100_000),
    "cv_suppress": (0.2, 0.333, 0.5),
    "cv_unreliable": (0.1, 0.165, 0.2),
    "count_relative_width_suppress": (0.5, 1.6, 1.9),
    "df_unreliable": (5, 8, 12),
    "rate_n_suppress": (10, 30, 50),
    "rate_se_suppress": (0.1, 0.1665, 0.2),
    "rate_se_unreliable": (0.05, 0.0825, 0.1),
    "rate_width_suppress": (0.2, 0.3, 0.5),
    "rate_relative_width_suppress": (0.8, 1.3, 2.0),
    "rate_width_published": (0.02, 0.05, 0.1),
}


def custom_sections(count=40, seed=20240404):
    """Sections of random keys and values that are in order in themselves, milder ones among them."""
    draw = random.Random(seed)
    sections = []
    while len(sections) < count:
        keys = draw.sample(sorted(CANDIDATES), draw.randint(1, 5))
        values = {key: draw.choice(CANDIDATES[key]) for key in keys}
        try:
            sections.append(ReliabilitySection(profile=draw.choice(("ilo", "statcan", "eurostat", "nchs")), **values))
        except ValueError:
            continue
    return sections


def accepted_sections():
    """The sections that are not refused, the profiles as they are first."""
    sections = [ReliabilitySection(profile=name) for name in ("ilo", "statcan", "eurostat", "nchs")]
    for section in custom_sections():
        try:
            profile_of(section)
        except SpecError:
            continue
        sections.append(section)
    return sections


def title(section):
    return ",".join(f"{key}={value}" for key, value in section.model_dump(exclude_none=True).items())


def test_some_custom_sections_are_taken_and_some_refused():
    """The grid below shows something only if there are both."""
    taken = len(accepted_sections()) - 4
    assert 10 <= taken <= 30


@pytest.mark.parametrize("measure", sorted(ESTIMATES))
@pytest.mark.parametrize("section", accepted_sections(), ids=title)
def test_a_country_is_never_milder_than_the_ilo(section, measure, grids):
    frame = grids[measure]
    # By hand, not by the profile: fewer than 5 observations or persons of a part, fewer than 15.
    ilo = np.where((frame["n"] < 5) | (frame["n_smallest"] < 5), 2, np.where(frame["n"] < 15, 1, 0))
    profile = profile_of(section)
    country = dataclasses.replace(profile, rule_sets=profile.rule_sets[-1:])
    both = severities(frame, profile, measure)
    assert (both >= ilo).all()
    assert (both == np.maximum(ilo, severities(frame, country, measure))).all()
    assert (both >= severities(frame, load_profile(section.profile), measure)).all()


@pytest.mark.parametrize("measure", sorted(ESTIMATES))
@pytest.mark.parametrize("profile", [STATCAN, EUROSTAT, NCHS], ids=["statcan", "eurostat", "nchs"])
def test_the_order_of_the_sets_is_irrelevant(profile, measure, grids):
    turned = dataclasses.replace(profile, rule_sets=profile.rule_sets[::-1])
    pd.testing.assert_frame_equal(
        judge_cells(grids[measure], profile, is_few_confidential=True, measure=measure),
        judge_cells(grids[measure], turned, is_few_confidential=True, measure=measure),
    )


def test_the_grid_holds_verdicts_that_neither_set_gives_alone(grids):
    """Each set is the stricter one somewhere, so that taking one of them only would be seen."""
    for name, measure in (("statcan", "count"), ("statcan", "rate"), ("nchs", "count")):
        office = severities(grids[measure], load_profile(name), measure)
        ilo = severities(grids[measure], ILO, measure)
        assert (office > ilo).any()
        assert (office < ilo).any()


@pytest.mark.parametrize("measure", sorted(ESTIMATES))
def test_cells_are_judged_one_by_one(measure, grids):
    sample = grids[measure].sample(60, random_state=1)
    together = judge_cells(sample, NCHS, is_few_confidential=True, measure=measure)
    alone = [
        judge_cells(sample.iloc[[row]], NCHS, is_few_confidential=True, measure=measure) for row in range(len(sample))
    ]
    pd.testing.assert_frame_equal(together, pd.concat(alone))


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


def with_table_rule(**changes):
    return dataclasses.replace(ILO, rule_sets=(ILO.rule_sets[0].model_copy(update=changes),))


@pytest.mark.parametrize("profile", [STATCAN, EUROSTAT, NCHS], ids=["statcan", "eurostat", "nchs"])
def test_the_share_rule_of_the_ilo_holds_beside_other_offices(profile):
    assert is_table_published(statuses(33, 100), "AGE_AGGREGATE", profile)
    assert not is_table_published(statuses(34, 100), "AGE_AGGREGATE", profile)
    assert is_table_published(statuses(99, 100), "CBR_BRT", profile)


def test_the_share_rule_may_be_off():
    profile = with_table_rule(table_share_applies=False)
    assert is_table_published(statuses(99, 100), "SEX", profile)


def test_the_profile_says_to_how_many_decimals():
    profile = with_table_rule(table_share_decimals=3)
    assert not is_table_published(statuses(334, 1000), "SEX", profile)
    assert is_table_published(statuses(333, 1000), "SEX", profile)


def test_bands_of_n():
    n = pd.Series([0, 4, 5, 14, 15, 49, 50, 99, 100, 499, 500, 90_000])
    expected = ["", "", "5-14", "5-14", "15-49", "15-49", "50-99", "50-99", "100-499", "100-499", "500+", "500+"]
    assert list(n_band(n)) == expected
