"""A comparison is hidden where one of the figures that it is made of is, in whatever table that stands."""

import pandas as pd
import pytest

from schemas.indicators import CONTRASTS, load_columns
from transforms.comparisons import MIGRANTS_OF, hide_comparisons

SURVEY = "XAA_LFS"

FEMALE, YOUNG, TOTAL = "SEX_F", "AGE_AGGREGATE_Y15-24", "AGE_AGGREGATE_TOTAL"
FOREIGN, NATIVE, EVERYWHERE = "CBR_BIR_FOREIGN", "CBR_BIR_NATIVE", "CBR_BIR_TOTAL"


def figure(indicator, classif1=None, classif2=None, status="", reason="", **changes):
    return {
        "indicator": indicator, "ref_area": "XAA", "survey": SURVEY, "freq": "A", "time": "2024", "sex": FEMALE,
        "classif1": classif1, "classif2": classif2, "status": status, "reason": reason,
    } | changes  # fmt: skip


def unreliable(indicator, classif1=None, classif2=None, **changes):
    return figure(indicator, classif1, classif2, "S", "unreliable", **changes)


def linked(*rows):
    found = hide_comparisons(pd.DataFrame(rows))
    return list(zip(found["status"], found["reason"], strict=True))


#: What is suppressed, and a figure that would let it be computed.
DISCLOSING = {
    "difference by a rate of the migrants": (
        ("MST_TEMP_SEX_AGE_CBR_RT", YOUNG, FOREIGN),
        ("XDB_TEMP_SEX_AGE_RT", YOUNG),
    ),
    "difference by a rate of the natives": (("MST_TEMP_SEX_AGE_CBR_RT", YOUNG, NATIVE), ("XDB_TEMP_SEX_AGE_RT", YOUNG)),
    "difference of everybody by the total of a table": (
        ("MST_TEMP_SEX_AGE_CBR_RT", TOTAL, FOREIGN),
        ("XDB_TEMP_SEX_RT",),
    ),
    "difference by a count, where no table has the rate": (
        ("MST_TEMP_SEX_AGE_CBR_NB", YOUNG, FOREIGN),
        ("XDB_XIEM_SEX_AGE_RT", YOUNG),
    ),
    "gap by a mean": (("XPY_HERA_SEX_CBR_NB", FOREIGN), ("XGB_HERA_SEX_RT",)),
    "gap by a median": (("MST_EARB_SEX_CCT_NB", "CCT_CIT_CITIZEN"), ("XGC_EARB_SEX_RT",)),
    "change of a count": (
        ("MST_TEMP_SEX_AGE_CBR_NB", YOUNG, FOREIGN),
        ("XCH_TEMP_SEX_AGE_CBR_NB", YOUNG, FOREIGN),
    ),
    "change of a rate": (("MST_TEMP_SEX_AGE_CBR_RT", YOUNG, FOREIGN), ("XCH_TEMP_SEX_AGE_CBR_RT", YOUNG, FOREIGN)),
    "net flow by the returns": (("MNA_XRET_SEX_CPR_NB", "CPR_PRV_TOTAL"), ("XMW_NETN_SEX_NB",)),
    "net flow by the outflow": (("XNA_OPOP_SEX_AGE_NB", YOUNG), ("XMW_NETN_SEX_AGE_NB", YOUNG)),
}


@pytest.mark.parametrize("case", DISCLOSING)
def test_a_comparison_with_a_hidden_part_is_hidden(case):
    part, whole = DISCLOSING[case]
    confidential = figure(*part, status="S", reason="confidential")
    assert linked(confidential, figure(*whole, status="U"))[1] == ("S", "confidential")
    assert linked(figure(*whole), confidential)[0] == ("S", "confidential")
    assert linked(unreliable(*part), figure(*whole))[1] == ("S", "unreliable")
    secondary = figure(*part, status="S", reason="secondary")
    assert linked(figure(*whole), secondary)[0] == ("S", "secondary")
    assert linked(figure(*part, status="U"), figure(*whole)) == [("U", ""), ("", "")]


@pytest.mark.parametrize(
    "elsewhere",
    [{"sex": "SEX_M"}, {"time": "2023"}, {"survey": "XAA_HS"}, {"classif1": TOTAL}, {"classif2": "CBR_BIR_X"}],
    ids=["sex", "period", "survey", "cell", "third group"],
)
def test_another_cell_hides_nothing(elsewhere):
    part = unreliable("MST_TEMP_SEX_AGE_CBR_RT", YOUNG, FOREIGN) | elsewhere
    assert linked(part, figure("XDB_TEMP_SEX_AGE_RT", YOUNG))[1] == ("", "")


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        pytest.param(("XPY_HERB_SEX_CBR_NB", FOREIGN), ("XGB_HERA_SEX_RT",), id="median and mean"),
        pytest.param(("MST_EARA_SEX_CBR_NB", FOREIGN), ("XGB_HERA_SEX_RT",), id="monthly and hourly"),
        pytest.param(("MST_EARA_SEX_CCT_NB", "CCT_CIT_NONCIT"), ("XGB_EARA_SEX_RT",), id="other criterion"),
        pytest.param(("MST_TUNE_SEX_AGE_CBR_NB", YOUNG, FOREIGN), ("XDB_TEMP_SEX_AGE_RT", YOUNG), id="other rate"),
        pytest.param(("XDB_TEMP_SEX_AGE_RT", YOUNG), ("MST_TEMP_SEX_AGE_CBR_RT", YOUNG, FOREIGN), id="not backwards"),
    ],
)
def test_what_is_no_part_hides_nothing(part, whole):
    assert linked(unreliable(*part), figure(*whole))[1] == ("", "")


def test_a_rate_is_no_comparison_and_is_left_to_the_linked_tables():
    numerator = figure("MST_TUNE_SEX_AGE_CBR_NB", YOUNG, FOREIGN, "S", "confidential")
    assert linked(numerator, figure("MST_TUNE_SEX_AGE_CBR_RT", YOUNG, FOREIGN))[1] == ("", "")


def test_every_reason_is_told_once():
    one = figure("MST_TEMP_SEX_AGE_CBR_RT", YOUNG, FOREIGN, "S", "unreliable;confidential")
    other = figure("MST_TEMP_SEX_AGE_CBR_RT", YOUNG, NATIVE, "S", "secondary")
    found = linked(one, other, figure("XDB_TEMP_SEX_AGE_RT", YOUNG))
    assert found[2] == ("S", "unreliable;confidential;secondary")


def test_a_change_is_hidden_with_the_figure_of_the_year_before():
    now = pd.DataFrame([figure("XCH_TEMP_SEX_AGE_CBR_NB", YOUNG, FOREIGN)])
    before = pd.DataFrame([figure("MST_TEMP_SEX_AGE_CBR_NB", YOUNG, FOREIGN, "S", "secondary", time="2023")])
    other = pd.DataFrame([figure("MST_TEMP_SEX_AGE_CBR_NB", YOUNG, FOREIGN, "S", "secondary", time="2022")])
    assert list(hide_comparisons(now, before)["status"]) == ["S"]
    assert list(hide_comparisons(now, before)["reason"]) == ["secondary"]
    assert list(hide_comparisons(now, other)["status"]) == [""]
    quarter = {"freq": "Q", "time": "2024-Q2"}
    now, before = now.assign(**quarter), before.assign(freq="Q", time="2023-Q2")
    assert list(hide_comparisons(now, before)["status"]) == ["S"]
    assert list(hide_comparisons(now, before.assign(time="2023-Q1"))["status"]) == [""]


def test_migrants_are_the_cell_of_everybody_that_they_are_said_to_be():
    universes = load_columns()["persons"].universes
    for universe, (whole, concept) in MIGRANTS_OF.items():
        condition = universes[universe].condition.text
        assert condition.startswith(f"({universes[whole].condition.text}) AND ")
        own = condition.removeprefix(f"({universes[whole].condition.text}) AND ")
        by = {"place_of_birth": "birth", "citizenship_status": "citizenship"}[concept]
        assert own in (f"({concept} = '{CONTRASTS[concept][0]}')", f"(is_migrant_worker_by_{by})")
