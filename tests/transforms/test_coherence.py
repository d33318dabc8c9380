"""Identities between figures: kept ones pass, and a broken one is named, and no other."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.indicators import load_indicators
from tests.transforms.coherence_cases import ADDED, CELL_CASES, GROUPS, TABLE_CASES, TEMP_CBR, TEMP_CCT, Case
from tests.transforms.counted import EMP, UNE, estimates, persons
from transforms.coherence import SUMS, TOLERANCE, VERSIONS_AGREE, identities, relative_difference
from transforms.figures import base_codes, country_groups, family_of, parts_of


def results(frame: pd.DataFrame, **options) -> dict:
    return {one.name: one for one in identities(frame, **options)}


def broken(frame: pd.DataFrame, **options) -> list[str]:
    return [one.name for one in identities(frame, **options) if one.broken]


def changed(case: Case) -> pd.DataFrame:
    frame = estimates(case.ids)
    rows = case.rows(frame)
    assert rows.any()
    return frame.assign(value=frame["value"].where(~rows, frame["value"] * case.factor))


@pytest.mark.parametrize("name", [*TABLE_CASES])
def test_a_table_that_disagrees_breaks_one_identity(name):
    case = TABLE_CASES[name]
    assert broken(changed(case)) == [case.name]


@pytest.mark.parametrize("name", [name for name, case in CELL_CASES.items() if case.name])
def test_a_cell_that_disagrees_breaks_one_identity(name):
    case = CELL_CASES[name]
    assert broken(changed(case)) == [case.name]


def test_what_is_counted_from_the_same_persons_agrees():
    """All tables of the cases together, unchanged: every identity holds, to the precision of the machine."""
    tables = {table for case in (*TABLE_CASES.values(), *CELL_CASES.values()) for table in case.ids}
    found = results(estimates(sorted(tables)))
    assert [one for one in found.values() if one.broken] == []
    assert max(one.largest for one in found.values()) < 1e-12
    assert sum(one.compared for one in found.values()) > 5_000


def test_every_sum_of_universes_has_a_case():
    counted = {name for name in results(estimates([TEMP_CBR])) if " = " in name and " + " in name}
    assert counted == {case.name for case in TABLE_CASES.values() if " + " in case.name}
    assert {f"{whole} = {' + '.join(parts)}" for whole, parts in SUMS} >= counted


def moved(frame: pd.DataFrame, one: str, other: str, amount: float = 0.001) -> pd.DataFrame:
    """Move some weight from one item to another, so that their sum is what it was."""
    value = frame["value"] + amount * (frame["classif1"] == other) - amount * (frame["classif1"] == one)
    return frame.assign(value=value)


@pytest.mark.parametrize(
    ("indicator", "one", "other", "name"),
    [
        ("EMP_TEMP_SEX_ECO_NB", "ECO_SECTOR_IND", "ECO_SECTOR_SER", "ECO_SECTOR: items are sums of ECO_ISIC4"),
        ("EMP_TEMP_SEX_ECO_NB", "ECO_AGGREGATE_MKT", "ECO_AGGREGATE_PUB", "ECO_AGGREGATE: items are sums of ECO_ISIC4"),
        ("EMP_TEMP_SEX_ECO_NB", "ECO_SECTOR_AGR", "ECO_SECTOR_X", VERSIONS_AGREE),
        ("EMP_TEMP_SEX_OCU_NB", "OCU_SKILL_L2", "OCU_SKILL_L3-4", "OCU_SKILL: items are sums of OCU_ISCO08"),
        ("EMP_TEMP_SEX_STE_NB", "STE_AGGREGATE_EES", "STE_AGGREGATE_X", VERSIONS_AGREE),
        ("EMP_TEMP_SEX_AGE_NB", "AGE_AGGREGATE_Y15-24", "AGE_AGGREGATE_Y55-64", VERSIONS_AGREE),
    ],
)
def test_versions_of_one_table_must_agree(indicator, one, other, name):
    frame = moved(estimates([indicator]), one, other)
    assert (frame["classif1"] == one).any()
    assert (frame["classif1"] == other).any()
    assert broken(frame) == [name]


def test_an_item_across_others_is_their_sum():
    case = CELL_CASES["versions"]
    (found,) = [one for one in identities(changed(case)) if one.broken]
    assert (found.name, found.tables) == ("AGE_YTHADULT: items are sums of AGE_10YRBANDS", case.ids)


# --- persons


@pytest.mark.parametrize("name", ["unemployed", "birth and citizenship", "foreign-born", "unemployment rate"])
def test_numbers_of_persons_are_compared_too(name):
    case = TABLE_CASES[name]
    frame = estimates(case.ids)
    rows = case.rows(frame)
    assert case.name in broken(frame.assign(n=frame["n"] + rows.astype(int)))


def test_persons_of_a_numerator_are_compared_too():
    case = TABLE_CASES["unemployment rate"]
    frame = estimates(case.ids)
    more = frame["n_numerator"] + case.rows(frame).astype(int)
    assert broken(frame.assign(n_numerator=more)) == [case.name]
    assert broken(frame.drop(columns="n_numerator")) == []


def test_the_unknown_are_in_the_total_alone():
    """Persons of unknown sex: items are then less than the total, by persons and by weight, and never more."""
    people = persons()
    assert any(one["sex"] == "_U" for one in people)
    told = "sex: items are at most the total, of which some are unknown"
    frame = estimates(["EMP_TEMP_SEX_AGE_NB"], people)
    assert results(frame)[told].compared > 0
    assert broken(frame) == []
    known = [one for one in people if one["sex"] != "_U"]
    assert told not in results(estimates(["EMP_TEMP_SEX_AGE_NB"], known))
    women = frame["sex"] == "SEX_F"
    assert told in broken(frame.assign(value=frame["value"].where(~women, frame["value"] * 2)))


@pytest.mark.parametrize(
    ("indicator", "column", "item"),
    [
        (TEMP_CBR, "place_of_birth", "CBR_BIR_X"),
        ("MST_FORE_SEX_CBR_NB", "country_of_birth", "CBR_BRT_WSM"),
        ("EMP_TEMP_SEX_AGE_NB", "age_band", "AGE_10YRBANDS_Y35-44"),
    ],
)
def test_nobody_is_unknown_where_the_unknown_have_an_item(indicator, column, item):
    """Weights and persons that vanish together are no unknown persons there."""
    frame = estimates([indicator])
    gone = frame[(frame["classif1"] != item) & (frame["classif2"] != item)]
    assert len(gone) < len(frame)
    assert f"{column}: {ADDED}" in broken(gone)


def test_unknown_education_is_in_the_total_alone():
    frame = estimates(["MST_XWAP_SEX_EDU_CBR_NB"])
    assert results(frame)["education: items are at most the total, of which some are unknown"].compared > 0
    assert broken(frame) == []


# --- groups of countries


AREAS = ("AREA", "AREA_SPECIAL")


def born_in(*countries: str) -> list:
    """The invented persons, the foreign-born among them of these countries in turn."""
    return [one | {"country_of_birth": countries[number % len(countries)]} for number, one in enumerate(persons())]


def test_a_group_holds_the_countries_of_its_members_and_what_has_no_item():
    for version in ("CBR_BRT", "CRS_RES", "CDS_DES"):
        groups = {item: (members, is_whole) for item, members, is_whole in country_groups(version)}
        assert len(groups) == 24
        for item, (members, is_whole) in groups.items():
            bases = [base_codes(member, AREAS) for member in members]
            union = frozenset().union(*bases)
            assert sum(map(len, bases)) == len(union)
            assert (base_codes(item, AREAS) == union) == is_whole
            assert base_codes(item, AREAS) - union <= base_codes(f"{version}_X", AREAS)
    assert base_codes("CBR_BRT_X19", AREAS) == {f"CBR_BRT_{code}" for code in ("BWA", "LSO", "NAM", "SWZ", "ZAF")}
    assert base_codes("CRS_RES_X31", AREAS) - set(parts_of("CRS_RES")) == {"CUW"}
    assert base_codes("CBR_BRT_X06", AREAS) & base_codes("CBR_BRT_X", AREAS) == {"AFR_OTHER"}
    whole = {item for item, _, is_whole in country_groups("CBR_BRT") if is_whole}
    assert {f"CBR_BRT_{code}" for code in ("X06", "X21", "X40", "X55", "X60")} == (
        {item for item, _, _ in country_groups("CBR_BRT")} - whole
    )


def test_level_one_items_of_a_country_version_do_not_overlap():
    parts = [base_codes(item, AREAS) for item in parts_of("CBR_BRT")]
    assert sum(map(len, parts)) == len(frozenset().union(*parts))


def test_regions_are_sums_of_subregions_and_these_of_countries():
    people = born_in("KEN", "ZMB", "MAR", "FRA", "IRQ", "XAA")
    frame = estimates(["MST_FORP_SEX_CBR_NB"], people)
    assert broken(frame) == []
    assert results(frame)[f"country_of_birth: {GROUPS}"].compared > 0
    for one, other in (("CBR_BRT_X10", "CBR_BRT_X18"), ("CBR_BRT_X06", "CBR_BRT_X36")):
        assert broken(moved(frame, one, other)) == [f"country_of_birth: {GROUPS}"]
    for gone in ("CBR_BRT_KEN", "CBR_BRT_X18", "CBR_BRT_X06"):
        assert f"country_of_birth: {GROUPS}" in broken(frame[frame["classif1"] != gone])


def test_a_region_may_hold_more_than_its_subregions():
    """Its residual group, or a country without an item: they are part of X; no group may hold less."""
    frame = estimates(["MST_FORP_SEX_CBR_NB"], born_in("KEN", "AFR_OTHER", "FSM", "FJI", "EU_OTHER", "_U"))
    told = "country_of_birth: groups of countries are at least the sums of their members"
    found = results(frame)
    assert found[told].compared > 0
    assert broken(frame) == []
    assert found[f"country_of_birth: {ADDED}"].compared > 0
    africa = frame["classif1"] == "CBR_BRT_X06"
    assert broken(frame.assign(value=frame["value"].where(~africa, frame["value"] / 9))) == [told]
    assert told not in results(estimates(["MST_FORP_SEX_CBR_NB"], born_in("KEN", "FJI", "_U")))


# --- cells that are not there


def test_a_cell_of_one_side_alone_counts_as_zero_on_the_other():
    ids = TABLE_CASES["unemployed"].ids
    people = [one for one in persons() if (one["labour_force_status"], one["age_band"][-5:]) != (UNE, "55-64")]
    frame = estimates(ids, people)
    zeros = (frame["indicator"] == "UNE_TUNE_SEX_AGE_NB") & (frame["value"] == 0)
    assert zeros.any()
    assert broken(frame[~zeros]) == []
    for table in ids:
        left_out = (frame["indicator"] == table) & (frame["classif1"] == "AGE_YTHADULT_Y15-24")
        assert "labour_force = employed + unemployed" in broken(frame[~left_out])
    coarse = (frame["indicator"] == "EAP_TEAP_SEX_AGE_NB") & (frame["classif1"] == "AGE_AGGREGATE_Y25-54")
    assert "AGE_AGGREGATE: items are sums of AGE_10YRBANDS" in broken(frame[~coarse])


def test_an_item_outside_of_a_universe_holds_nobody_of_it():
    """The young at other ages are nobody, and not the persons of these ages."""
    catalogue = dict(load_indicators())
    catalogue["EMP_TEMP_SEX_AGE_NB"] = replace(catalogue["EMP_TEMP_SEX_AGE_NB"], universe="youth")
    everybody = estimates(["POP_XWAP_SEX_AGE_NB"])
    cell = ["sex", "classif1"]
    ages = everybody[everybody["classif1"] == "AGE_10YRBANDS_Y15-24"].set_index("sex")
    is_young = everybody["classif1"].str.contains("TOTAL|YGE15|Y15-24|Y15-64")
    young = everybody.assign(
        indicator="EMP_TEMP_SEX_AGE_NB",
        value=np.where(is_young, everybody["sex"].map(ages["value"]), 0.0),
        n=np.where(is_young, everybody["sex"].map(ages["n"]), 0),
    )
    assert not young.duplicated(cell).any()
    frame = pd.concat([everybody, young.drop(columns="n_numerator")], ignore_index=True)
    found = results(frame, indicators=catalogue)
    assert found["youth = working_age, AGE_10YRBANDS_Y15-24"].compared > 0
    assert [one for one in found.values() if one.broken] == []


def test_a_rate_of_a_count_that_is_not_there_is_zero():
    """Nobody of 55 to 64 is unemployed: without the zeros of the counts the same rates are compared."""
    case = TABLE_CASES["unemployment rate"]
    people = [one for one in persons() if (one["labour_force_status"], one["age_band"][-5:]) != (UNE, "55-64")]
    frame = estimates(case.ids, people)
    zeros = (frame["indicator"] == "UNE_TUNE_SEX_AGE_NB") & (frame["value"] == 0)
    assert results(frame[~zeros])[case.name] == results(frame)[case.name]
    rates = case.rows(frame) & (frame["value"] == 0)
    assert results(frame[~zeros].assign(value=frame["value"].where(~rates, 1.0)))[case.name].broken == rates.sum() > 0


def test_a_rate_that_is_not_given_where_it_is_defined_is_broken():
    case = TABLE_CASES["unemployment rate"]
    frame = estimates(case.ids)
    assert broken(frame.assign(value=frame["value"].where(~case.rows(frame)))) == [case.name]


def test_a_rate_over_nobody_is_not_defined():
    nobody = [one for one in persons() if one["labour_force_status"] not in (EMP, UNE)]
    frame = estimates(TABLE_CASES["unemployment rate"].ids, nobody)
    assert frame[frame["indicator"] == "UNE_DEAP_SEX_AGE_RT"]["value"].isna().all()
    assert broken(frame) == []


def test_an_identity_without_cells_says_so():
    found = results(estimates(["EMP_TEMP_SEX_AGE_NB", "UNE_DEAP_SEX_AGE_RT"]))
    nothing = {name for name, one in found.items() if not one.compared}
    assert "labour_force = employed + unemployed" in nothing
    assert "unemployed / labour_force: rate = 100 x numerator / denominator" in nothing
    assert f"age_band: {ADDED}" not in nothing


def test_no_frame_shows_nothing():
    empty = estimates(["EMP_TEMP_SEX_AGE_NB"]).iloc[:0]
    assert [one for one in identities(empty) if one.compared or one.broken] == []


# --- what is held against what


def two_periods(**place: str) -> pd.DataFrame:
    """Employed by birth in one place, and by citizenship with other weights in another."""
    other = [one | {"weight": 2 * one["weight"]} for one in persons()]
    return pd.concat([estimates([TEMP_CBR]), estimates([TEMP_CCT], other, **place)], ignore_index=True)


@pytest.mark.parametrize(
    "place", [{"time": "2024-Q2"}, {"freq": "A", "time": "2024"}, {"survey": "B"}, {"ref_area": "TON"}]
)
def test_figures_of_different_places_are_not_compared(place):
    assert broken(two_periods()) == ["employed: every table agrees"]
    assert broken(two_periods(**place)) == []


def test_pooled_years_are_compared_with_pooled_years():
    frame = pd.concat(
        [
            estimates([TEMP_CBR], freq="A", time="2024"),
            estimates([TEMP_CCT], [one | {"weight": 9.0} for one in persons()], freq="A", time="2024"),
        ]
    )
    assert broken(frame) == ["employed: every table agrees"]
    assert broken(frame, pooled={"FJI_LFS": [TEMP_CCT]}) == []
    assert broken(frame, pooled={"FJI_LFS": [TEMP_CCT, TEMP_CBR]}) == ["employed: every table agrees"]
    assert broken(frame.assign(freq="Q"), pooled={"FJI_LFS": [TEMP_CCT]}) == ["employed: every table agrees"]


def test_figures_of_different_weights_are_not_compared():
    catalogue = dict(load_indicators())
    frame = two_periods()
    catalogue[TEMP_CCT] = replace(catalogue[TEMP_CCT], weight="module_weight")
    assert broken(frame, indicators=catalogue) == []


def test_figures_of_different_time_rules_are_not_compared():
    catalogue = dict(load_indicators())
    frame = two_periods()
    catalogue[TEMP_CCT] = replace(catalogue[TEMP_CCT], time_rule="sum")
    assert broken(frame, indicators=catalogue) == []


def test_years_of_net_flows_are_left_out():
    """The flows may be told by different windows, whose years are made in different ways."""
    case = TABLE_CASES["net flow"]
    frame = changed(case).assign(freq="A", time="2024")
    assert broken(frame) == []
    assert results(frame)[case.name].compared == 0


def test_two_surveys_of_one_area_are_checked_apart():
    case = TABLE_CASES["foreign-born"]
    frame = pd.concat([estimates(case.ids), changed(case).assign(survey="FJI_OTHER")])
    found = results(frame)[case.name]
    alone = results(changed(case))[case.name]
    assert (found.compared, found.broken) == (2 * alone.compared, alone.broken)


def test_classifications_of_an_earlier_revision():
    """ISIC Rev.3 has other letters: what agriculture holds is taken from the version that was collected."""
    people = [
        one | {"economic_activity": f"ECO_ISIC3_{'ABDFKLX'[number % 7]}"}
        for number, one in enumerate(persons())
        if one["labour_force_status"] == EMP
    ]
    frame = estimates(["EMP_TEMP_SEX_ECO_NB"], people, {"economic_activity": "ECO_ISIC3"})
    assert results(frame)["ECO_SECTOR: items are sums of ECO_ISIC3"].compared > 0
    assert broken(frame) == []
    assert broken(moved(frame, "ECO_SECTOR_IND", "ECO_SECTOR_SER")) == ["ECO_SECTOR: items are sums of ECO_ISIC3"]


# --- how far apart


@pytest.mark.parametrize(
    ("factor", "is_broken"), [(1 + 0.5 * TOLERANCE, False), (1 + 2 * TOLERANCE, True), (0.0, True)]
)
def test_the_tolerance_is_relative_to_the_whole(factor, is_broken):
    case = replace(TABLE_CASES["foreign-born"], factor=factor)
    assert bool(broken(changed(case))) == is_broken


def test_the_largest_difference_and_the_tables_are_told():
    case = replace(TABLE_CASES["foreign-born"], factor=0.75)
    found = results(changed(case))[case.name]
    assert found.largest == pytest.approx(0.25)
    assert found.tables == ("MST_FORP_SEX_CBR_NB", "MST_XWAP_SEX_AGE_CBR_NB")
    assert found.broken == found.compared > 1


@pytest.mark.parametrize(
    ("whole", "parts", "expected"),
    [
        (100, 99, 0.01),
        (99, 100, 0.01),
        (0, 0, 0),
        (0, 5, 1),
        (np.nan, np.nan, 0),
        (np.nan, 5, 1),
        (5, np.nan, 1),
        (-4, 4, 2),
    ],
)
def test_relative_difference(whole, parts, expected):
    assert relative_difference([whole], [parts])[0] == pytest.approx(expected)


def test_a_difference_near_zero_is_relative_to_100():
    assert relative_difference([1e-13], [-1e-13], 100.0)[0] == pytest.approx(2e-15)


def test_rates_that_are_all_but_equal_differ_by_nothing():
    case = TABLE_CASES["difference"]
    frame = estimates(case.ids)
    rates = frame["indicator"] == "MST_TUNE_SEX_AGE_CBR_RT"
    equal = frame.assign(value=np.where(rates, 50.0, 1e-13))
    assert results(equal)[case.name].compared > 0
    assert broken(equal) == []


def test_universes_at_items_of_tables():
    assert family_of("foreign_born_employed") == ("employed", (("place_of_birth", "CBR_BIR_FOREIGN"),))
    assert family_of("employees") == ("employed", (("status_in_employment", "STE_ICSE93_1"),))
    for whole, parts in SUMS:
        assert all(family_of(name) == (name, ()) for name in (whole, *parts))
