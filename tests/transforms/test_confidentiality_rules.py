"""What is confidential beside few persons: households, sampling units, dominance, p%, groups that are all alike."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from schemas.indicators import load_indicators
from schemas.reliability import ReliabilitySection, load_profile, profile_of
from transforms.confidentiality import RULE_COLUMNS, broken_rules, judge_confidential
from transforms.reliability import judge_cells

CATALOGUE = load_indicators()
ILO = load_profile("ilo")
UNKNOWN = math.nan
COUNT, RATE, MEAN, MEDIAN = (
    *("MST_TEMP_SEX_AGE_CBR_NB", "MST_TUNE_SEX_AGE_CBR_RT"),
    *("MST_EARA_SEX_CBR_NB", "MST_EARB_SEX_CBR_NB"),
)
#: One table of every kind of comparison.
COMPARISONS = tuple({one.measure: name for name, one in CATALOGUE.items() if one.is_comparison}.values())
#: A figure that no rule objects to.
FIGURE = {
    "freq": "Q", "time": "2024-Q1", "sex": "SEX_T", "classif1": None, "classif2": None, "n": 500, "n_round": 500,
    "households_smallest": 200.0, "n_psu": 40.0, "dominance": UNKNOWN, "p_share": UNKNOWN, "status": "", "reason": "",
}  # fmt: skip
PAY = {"dominance": 0.02, "p_share": 90.0}
EXAMPLES = {COUNT: {}, RATE: {}, MEAN: PAY, MEDIAN: {}}


def judged(*rows, profile=ILO, confidential=True):
    """Status and reason of figures; what is not said of them is as in FIGURE."""
    frame = pd.DataFrame([FIGURE | row for row in rows])
    found = judge_confidential(frame, profile, CATALOGUE, is_few_confidential=confidential)
    return list(zip(found["status"], found["reason"], strict=True))


def broken(*rows, profile=ILO, catalogue=CATALOGUE):
    """The thresholds by which each figure is confidential."""
    frame = pd.DataFrame([FIGURE | row for row in rows])
    found = broken_rules(frame, profile, catalogue)
    return [{key for key, verdict in found.items() if verdict[number]} for number in range(len(rows))]


# --- households and sampling units ---------------------------------------------------------------


@pytest.mark.parametrize("indicator", EXAMPLES)
@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({}, set()),
        ({"households_smallest": 3.0}, set()),
        ({"households_smallest": 2.0}, {"households_confidential"}),
        ({"households_smallest": 0.0}, {"households_confidential"}),
        ({"households_smallest": UNKNOWN}, set()),
        ({"n_psu": 2.0}, set()),
        ({"n_psu": 1.0}, {"psu_confidential"}),
        ({"n_psu": UNKNOWN}, set()),
        ({"n_psu": 1.0, "households_smallest": 2.0}, {"psu_confidential", "households_confidential"}),
    ],
)
def test_boundaries_of_households_and_psus(indicator, changes, rules):
    figure = {"indicator": indicator} | EXAMPLES[indicator] | changes
    assert broken(figure) == [rules]
    assert judged(figure) == [("S", "confidential") if rules else ("", "")]


@pytest.mark.parametrize("indicator", COMPARISONS)
def test_comparisons_have_no_rule_of_their_own(indicator):
    worst = {"households_smallest": 1.0, "n_psu": 1.0, "dominance": 1.0, "p_share": 0.0, "n": 6, "n_round": 6}
    assert broken({"indicator": indicator} | worst) == [set()]
    assert len(COMPARISONS) == 5


# --- dominance and p% ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"dominance": 0.85}, set()),
        # 0.60 + 0.25, as a machine adds it
        ({"dominance": 0.1 + 0.75}, set()),
        ({"dominance": 0.8501}, {"dominance_share"}),
        ({"dominance": 1.0}, {"dominance_share"}),
        ({"dominance": UNKNOWN}, set()),
        ({"p_share": 0.1}, set()),
        ({"p_share": 0.0999}, {"p_percent"}),
        ({"p_share": 0.0}, {"p_percent"}),
        ({"p_share": UNKNOWN}, set()),
        ({"dominance": 0.95, "p_share": 0.06}, {"dominance_share", "p_percent"}),
    ],
)
def test_boundaries_of_dominance_and_p_percent(changes, rules):
    assert broken({"indicator": MEAN} | PAY | changes) == [rules]


def test_a_country_may_take_a_smaller_share_and_a_larger_p():
    profile = profile_of(ReliabilitySection(dominance_share=0.6, p_percent=0.5))
    figure = {"indicator": MEAN, "dominance": 0.61, "p_share": 0.49}
    assert broken(figure) == [set()]
    assert broken(figure, profile=profile) == [{"dominance_share", "p_percent"}]
    assert broken(figure | {"dominance": 0.6, "p_share": 0.5}, profile=profile) == [set()]


def test_a_set_of_rules_without_thresholds_judges_nothing():
    worst = {"households_smallest": 0.0, "n_psu": 0.0, "dominance": 1.0, "p_share": 0.0}
    assert broken_rules(pd.DataFrame([FIGURE | {"indicator": MEAN} | worst]), load_profile("nchs"), CATALOGUE) == {}
    assert set(broken_rules(pd.DataFrame([FIGURE | {"indicator": MEAN}]), ILO, CATALOGUE)) == set(RULE_COLUMNS)


# --- the two reasons -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("", ""), ("S", "confidential")),
        (("U", ""), ("S", "confidential")),
        (("S", "unreliable"), ("S", "unreliable;confidential")),
        (("S", "confidential"), ("S", "confidential")),
        (("S", "unreliable;confidential"), ("S", "unreliable;confidential")),
    ],
)
def test_confidential_stands_beside_unreliable(before, after):
    was = dict(zip(("status", "reason"), before, strict=True))
    assert judged({"indicator": COUNT} | was) == [before]
    assert judged({"indicator": COUNT, "n_psu": 1.0} | was) == [after]
    assert judged({"indicator": COUNT, "n_psu": 1.0} | was, confidential=False) == [before]


def test_few_persons_are_judged_before():
    """4 and 5 persons of enough households and PSUs: what is told of the one, and not of the other."""
    frame = pd.DataFrame([FIGURE | {"indicator": COUNT, "n": n, "n_round": n, "n_smallest": n} for n in (4, 5)])
    frame = judge_cells(frame, ILO, is_few_confidential=True, measure="count")
    found = judge_confidential(frame, ILO, CATALOGUE, is_few_confidential=True)
    assert list(zip(found["status"], found["reason"], strict=True)) == [("S", "unreliable;confidential"), ("U", "")]


def test_rows_are_kept_as_given():
    rows = [FIGURE | {"indicator": COUNT, "n_psu": number, "other": number} for number in (3.0, 1.0, 2.0)]
    frame = pd.DataFrame(rows, index=[7, 3, 5])
    found = judge_confidential(frame, ILO, CATALOGUE, is_few_confidential=True)
    assert list(found.index) == [7, 3, 5]
    assert list(found["status"]) == ["", "S", ""]
    pd.testing.assert_frame_equal(found.drop(columns=["status", "reason"]), frame.drop(columns=["status", "reason"]))
    empty = frame.head(0)
    assert judge_confidential(empty, ILO, CATALOGUE, is_few_confidential=True).equals(empty)


# --- groups that are all alike -------------------------------------------------------------------

AGE, YOUNG, OLD = "AGE_AGGREGATE_TOTAL", "AGE_AGGREGATE_Y15-24", "AGE_AGGREGATE_YGE65"
BIRTH, FOREIGN, NATIVE = "CBR_BIR_TOTAL", "CBR_BIR_FOREIGN", "CBR_BIR_NATIVE"


def table(persons, indicator=COUNT, n_round=None, **changes):
    """A table of (sex, first item, second item) -> persons, every one of the others not there."""
    return [
        {"indicator": indicator, "sex": f"SEX_{sex}", "classif1": one, "classif2": two, "n": n, "n_round": n} | changes
        | ({} if n_round is None else {"n_round": n_round[sex, one, two]})
        for (sex, one, two), n in persons.items()
    ]  # fmt: skip


def groups(rows, profile=ILO, catalogue=CATALOGUE):
    """The cells that are confidential because they hold a whole group."""
    return {
        (row["sex"].removeprefix("SEX_"), row["classif1"], row["classif2"])
        for row, rules in zip(rows, broken(*rows, profile=profile, catalogue=catalogue), strict=True)
        if rules == {"group_disclosure_n"}
    }


#: 100 persons, 40 of them foreign-born; of those of 65 and over some, all of them native.
LARGE = {("T", AGE, BIRTH): 100, ("T", AGE, FOREIGN): 40, ("T", AGE, NATIVE): 60}


@pytest.mark.parametrize(("size", "found"), [(4, False), (5, True), (9, True), (10, False)])
def test_a_small_group_of_which_all_are_in_one_item(size, found):
    rows = table(LARGE | {("T", OLD, BIRTH): size, ("T", OLD, NATIVE): size})
    assert groups(rows) == ({("T", OLD, NATIVE)} if found else set())


def test_a_group_of_two_items_tells_nothing_of_its_members():
    rows = table(LARGE | {("T", OLD, BIRTH): 8, ("T", OLD, NATIVE): 7, ("T", OLD, FOREIGN): 1})
    assert groups(rows) == set()
    # One of the eight is in no item, so that the seven may be anybody of them.
    assert groups(table(LARGE | {("T", OLD, BIRTH): 8, ("T", OLD, NATIVE): 7})) == set()


def test_a_group_is_looked_at_in_both_directions():
    """Seven foreign-born, all of them of 65 and over: who knows a foreign-born person learns the age."""
    rows = table(
        {("T", AGE, BIRTH): 100, ("T", AGE, FOREIGN): 7, ("T", AGE, NATIVE): 93, ("T", OLD, BIRTH): 30}
        | {("T", OLD, FOREIGN): 7, ("T", OLD, NATIVE): 23}
    )
    assert groups(rows) == {("T", OLD, FOREIGN)}


def test_what_a_large_group_tells_is_no_news_of_a_part_of_it():
    """All twelve of 65 and over are native, as anybody can see: so are the six women among them."""
    rows = table(
        LARGE
        | {("F", AGE, BIRTH): 50, ("F", AGE, FOREIGN): 20, ("F", AGE, NATIVE): 30}
        | {("T", OLD, BIRTH): 12, ("T", OLD, NATIVE): 12, ("F", OLD, BIRTH): 6, ("F", OLD, NATIVE): 6}
    )
    assert groups(rows) == set()
    smaller = [row | {"n": 8, "n_round": 8} if row["n"] == 12 else row for row in rows]
    assert groups(smaller) == {("T", OLD, NATIVE), ("F", OLD, NATIVE)}


def test_the_only_item_that_a_survey_has_tells_nothing():
    rows = table(
        {("T", AGE, BIRTH): 60, ("T", AGE, NATIVE): 60, ("T", OLD, BIRTH): 6, ("T", OLD, NATIVE): 6}
        | {("F", OLD, BIRTH): 5, ("F", OLD, NATIVE): 5}
    )
    assert groups(rows) == set()


@pytest.mark.parametrize(
    ("indicator", "total", "item"),
    [("EIP_NEET_SEX_CBR_NB", BIRTH, FOREIGN), ("XMW_LFFB_SEX_CBR_NB", "CBR_BRT_TOTAL", "CBR_BRT_NPL")],
)
def test_a_whole_universe_may_be_such_a_group(indicator, total, item):
    rows = table({("T", total, None): 8, ("T", item, None): 8}, indicator)
    assert groups(rows) == {("T", item, None)}


@pytest.mark.parametrize("universe", ["foreign_born_employed", "migrant_workers_by_birth"])
def test_an_item_that_the_universe_is_restricted_to_tells_nothing(universe):
    """Of eight migrant workers all are foreign-born: they would not be counted here otherwise."""
    name = "EIP_NEET_SEX_CBR_NB"
    catalogue = {name: replace(CATALOGUE[name], universe=universe)}
    rows = table({("T", BIRTH, None): 8, ("T", FOREIGN, None): 8}, name)
    assert groups(rows, catalogue=catalogue) == set()


def test_rates_are_about_the_groups_of_their_denominators():
    rows = table(LARGE | {("T", OLD, BIRTH): 6, ("T", OLD, NATIVE): 6}, RATE)
    assert groups(rows) == {("T", OLD, NATIVE)}


@pytest.mark.parametrize("indicator", [MEAN, MEDIAN])
def test_means_and_medians_of_a_whole_group(indicator):
    rows = table({("T", BIRTH, None): 8, ("T", NATIVE, None): 8, ("F", BIRTH, None): 5}, indicator)
    assert groups(rows) == {("T", NATIVE, None)}


def test_a_group_is_as_large_as_in_the_round_where_it_is_largest():
    """Seven persons met in four rounds are 28 observations, and seven persons."""
    persons = {cell: 4 * n for cell, n in (LARGE | {("T", OLD, BIRTH): 7, ("T", OLD, NATIVE): 7}).items()}
    by_round = {cell: n // 4 for cell, n in persons.items()}
    assert groups(table(persons, n_round=by_round)) == {("T", OLD, NATIVE)}
    # In one round of the four an eighth was no native: then not all are.
    persons[("T", OLD, BIRTH)] += 1
    assert groups(table(persons, n_round=by_round)) == set()


def test_periods_are_not_mixed():
    rows = table(LARGE | {("T", OLD, BIRTH): 7}) + table({("T", OLD, NATIVE): 7}, time="2023")
    assert groups(rows) == set()


def test_a_country_may_ask_for_larger_groups():
    profile = profile_of(ReliabilitySection(group_disclosure_n=15))
    rows = table(LARGE | {("T", OLD, BIRTH): 14, ("T", OLD, NATIVE): 14})
    assert groups(rows) == set()
    assert groups(rows, profile) == {("T", OLD, NATIVE)}
