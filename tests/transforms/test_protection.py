"""The one door to the outside: what is withheld with a suppressed cell, refused tables, parts of figures."""

import pandas as pd
import pytest

from schemas.indicators import CONTRASTS, load_columns, load_indicators
from schemas.reliability import load_profile
from schemas.survey_spec import find_surveys, load_survey
from transforms.protection import _MIGRANTS_OF, PROTECTED_COLUMNS, protect, suppress_with_parts
from transforms.reliability import judge_cells

ILO = load_profile("ilo")
SURVEY = "XAA_LFS"
FIGURES = ["obs_value", "se", "lower", "upper", "cv", "df", "p_value"]


@pytest.fixture(scope="module")
def specs():
    return {SURVEY: load_survey(find_surveys([])[SURVEY])}


def cell(n, n_smallest=None, **changes):
    return {
        "indicator": "POP_XWAP_SEX_AGE_NB", "ref_area": "XAA", "survey": SURVEY, "freq": "Q", "time": "2024-Q1",
        "sex": "SEX_T", "classif1": "AGE_AGGREGATE_TOTAL", "classif2": None, "value": 12.5, "se": 1.25,
        "lower": 10.5, "upper": 14.5, "cv": 0.1, "df": 21.0, "p_value": 0.04, "n": n,
        "n_smallest": n if n_smallest is None else n_smallest,
        "method": "Taylor linearisation",
    } | changes  # fmt: skip


def protected(specs, cells, *, confidential=True):
    catalogue = load_indicators()
    frame = pd.DataFrame(cells)
    by_measure = frame.groupby(frame["indicator"].map(lambda name: catalogue[name].measure), sort=False)
    judged = [judge_cells(part, ILO, is_few_confidential=confidential, measure=str(name)) for name, part in by_measure]
    frame = pd.concat(judged).astype({"classif1": object, "classif2": object})
    return protect(frame.drop(columns="n_smallest"), specs, {SURVEY: ILO})


def among_many(small):
    """One small cell among nine large ones: the table as a whole stays."""
    bands = ("Y15-24", "Y25-54", "Y55-64", "YGE65")
    cells = [(f"AGE_AGGREGATE_{band}", sex) for band in bands for sex in ("SEX_M", "SEX_F")]
    return [small, *(cell(8731, classif1=band, sex=sex) for band, sex in cells)]


def test_columns_are_those_of_the_contract(specs):
    found, _ = protected(specs, [cell(20)])
    assert list(found.columns) == list(PROTECTED_COLUMNS)


@pytest.mark.parametrize(
    ("n", "n_smallest", "confidential", "status", "conf_status", "reason"),
    [
        pytest.param(15, 15, True, "", "F", "", id="15"),
        pytest.param(14, 14, True, "U", "F", "", id="14"),
        pytest.param(5, 5, True, "U", "F", "", id="5"),
        pytest.param(4, 4, True, "S", "C", "unreliable;confidential", id="4"),
        pytest.param(40, 4, True, "S", "C", "confidential", id="rate with a small part"),
        pytest.param(4, 4, False, "S", "F", "unreliable", id="4, few are not confidential"),
        pytest.param(40, 4, False, "S", "F", "unreliable", id="small part, few are not confidential"),
    ],
)
def test_status_and_reason(specs, n, n_smallest, confidential, status, conf_status, reason):
    found, _ = protected(specs, among_many(cell(n, n_smallest)), confidential=confidential)
    row = found[found["sex"] == "SEX_T"].iloc[0]
    assert (row["obs_status"], row["conf_status"], row["reason"]) == (status, conf_status, reason)
    assert row[FIGURES].isna().all() == (status == "S")
    assert row[FIGURES].notna().all() == (status != "S")
    assert (row["n_band"] == "") == (status == "S")


def test_no_column_holds_the_number_of_observations(specs):
    found, _ = protected(specs, [*among_many(cell(3)), cell(8731, sex="SEX_F")])
    values = {value for column in found.columns for value in found[column].dropna()}
    assert not {8731, "8731", 3, "3"} & (values - {found["decimals"].iloc[0], found["unit_mult"].iloc[0]})
    assert not {name for name in found.columns if name.startswith("n_")} - {"n_band"}


def table(suppressed, cells, indicator="POP_XWAP_SEX_AGE_NB", version="AGE_AGGREGATE"):
    item = f"{version}_TOTAL"
    return [cell(4 if number < suppressed else 20, indicator=indicator, classif1=item) for number in range(cells)]


def test_a_table_is_dropped_from_34_of_100(specs):
    kept, refused = protected(specs, table(33, 100))
    assert (len(kept), refused) == (100, [])
    kept, refused = protected(specs, table(34, 100))
    assert (len(kept), refused) == (0, [("POP_XWAP_SEX_AGE_NB", SURVEY, "2024-Q1", "AGE_AGGREGATE")])
    assert list(kept.columns) == list(PROTECTED_COLUMNS)


def test_one_version_is_dropped_without_the_other(specs):
    kept, refused = protected(specs, table(34, 100) + table(0, 3, version="AGE_YTHADULT"))
    assert set(kept["classif1"]) == {"AGE_YTHADULT_TOTAL"}
    assert [name for *_, name in refused] == ["AGE_AGGREGATE"]


def test_sampling_zeros_do_not_weigh_in_the_share(specs):
    zeros = [cell(0, value=0.0) for _ in range(100)]
    kept, refused = protected(specs, zeros + table(33, 100))
    assert (len(kept), refused) == (200, [])
    assert kept.loc[kept["obs_status"] == "S", "obs_value"].isna().all()


def test_tables_over_countries_are_never_dropped(specs):
    name = "MST_FORP_SEX_CBR_NB"
    kept, refused = protected(specs, table(99, 100, indicator=name, version="CBR_BRT"))
    assert (len(kept), refused) == (100, [])


def test_every_figure_carries_its_notes(specs):
    found, _ = protected(
        specs,
        [
            cell(20),
            cell(20, indicator="MST_TEMP_SEX_AGE_CBR_NB", classif2="CBR_BIR_TOTAL"),
            cell(20, indicator="MST_TEMP_SEX_AGE_CCT_NB", classif2="CCT_CIT_TOTAL", time="2024", freq="A"),
        ],
    )
    notes = found.set_index("indicator")
    assert notes.loc["POP_XWAP_SEX_AGE_NB", "note_source"] == "R1:3513_S3:8_S5:40_S14:4077_ILMS:RES12"
    assert notes.loc["MST_TEMP_SEX_AGE_CCT_NB", "note_source"] == "R1:3513_S3:5_S5:40_S14:4077_ILMS:RES12"
    assert notes.loc["POP_XWAP_SEX_AGE_NB", "note_indicator"] == "T5:114"
    assert notes.loc["MST_TEMP_SEX_AGE_CBR_NB", "note_indicator"] == "T5:114_T36:3214"
    assert notes.loc["MST_TEMP_SEX_AGE_CCT_NB", "note_indicator"] == "T5:114_T36:3215"
    assert set(notes["source"]) == {"BA:XAA_LFS (SYNTHETIC - invented country)"}


def test_the_order_of_estimates_is_irrelevant(specs):
    cells = [*among_many(cell(3)), cell(20, indicator="MST_TEMP_SEX_AGE_CBR_NB", classif2="CBR_BIR_TOTAL")]
    one, _ = protected(specs, cells)
    other, _ = protected(specs, cells[::-1])
    pd.testing.assert_frame_equal(one, other)


# --- a figure is made of others ------------------------------------------------------------------

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
    found = suppress_with_parts(pd.DataFrame(rows))
    return list(zip(found["status"], found["reason"], strict=True))


#: What is suppressed, and a figure that would let it be computed.
DISCLOSING = {
    "rate by its numerator": (("MST_TUNE_SEX_AGE_CBR_NB", YOUNG, FOREIGN), ("MST_TUNE_SEX_AGE_CBR_RT", YOUNG, FOREIGN)),
    "rate by its denominator": (
        ("MST_TEAP_SEX_AGE_CBR_NB", YOUNG, FOREIGN),
        ("MST_TUNE_SEX_AGE_CBR_RT", YOUNG, FOREIGN),
    ),
    "rate by the same cell of a table without the total": (
        ("UNE_TUNE_SEX_AGE_NB", YOUNG),
        ("MST_TUNE_SEX_AGE_CBR_RT", YOUNG, EVERYWHERE),
    ),
    "share by migrants as a cell of everybody": (
        ("MST_TEMP_SEX_ECO_CBR_NB", "ECO_SECTOR_AGR", FOREIGN),
        ("XSH_FORE_SEX_ECO_RT", "ECO_SECTOR_AGR"),
    ),
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
def test_a_figure_made_of_a_suppressed_one_is_suppressed(case):
    part, whole = DISCLOSING[case]
    confidential = figure(*part, status="S", reason="confidential")
    assert linked(confidential, figure(*whole, status="U"))[1] == ("S", "confidential")
    assert linked(figure(*whole), confidential)[0] == ("S", "confidential")
    # A rate has a precision of its own: an unreliable part does not hide it.
    kept = ("", "") if not load_indicators()[whole[0]].is_comparison else ("S", "unreliable")
    assert linked(unreliable(*part), figure(*whole)) == [("S", "unreliable"), kept]
    assert linked(figure(*whole), unreliable(*part))[0] == kept
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
        pytest.param(
            ("MST_TUNE_SEX_AGE_CBR_RT", YOUNG, FOREIGN), ("MST_TUNE_SEX_AGE_CBR_NB", YOUNG, FOREIGN), id="count"
        ),
    ],
)
def test_what_is_no_part_hides_nothing(part, whole):
    assert linked(unreliable(*part), figure(*whole))[1] == ("", "")


def test_a_difference_follows_a_rate_that_is_suppressed_by_its_count():
    count = figure("UNE_TUNE_SEX_AGE_NB", TOTAL, status="S", reason="confidential")
    rate = figure("MST_TUNE_SEX_AGE_CBR_RT", TOTAL, EVERYWHERE)
    change = figure("XCH_TUNE_SEX_AGE_CBR_RT", TOTAL, EVERYWHERE)
    assert [status for status, _ in linked(change, rate, count)] == ["S", "S", "S"]


def test_both_reasons_are_told_once():
    numerator = figure("MST_TUNE_SEX_AGE_CBR_NB", YOUNG, FOREIGN, "S", "unreliable;confidential")
    denominator = unreliable("MST_TEAP_SEX_AGE_CBR_NB", YOUNG, FOREIGN)
    rate = figure("MST_TUNE_SEX_AGE_CBR_RT", YOUNG, FOREIGN)
    assert linked(numerator, denominator, rate)[2] == ("S", "unreliable;confidential")


def test_a_comparison_loses_its_value_and_p_value_with_its_part(specs):
    """The foreign-born's mean is suppressed by its CV: with the natives' mean the gap would give it back."""
    means = [("MST_EARA_SEX_CBR_NB", item, sex) for item in (NATIVE, FOREIGN) for sex in ("SEX_T", "SEX_M", "SEX_F")]
    gaps = [("XGB_EARA_SEX_RT", None, sex) for sex in ("SEX_T", "SEX_M", "SEX_F")]
    cells = [cell(200, indicator=name, classif1=item, sex=sex) for name, item, sex in (*means, *gaps)]
    frame = pd.DataFrame(cells).astype({"classif1": object}).assign(status="", reason="")
    hidden = (frame["classif1"] == FOREIGN) & (frame["sex"] == "SEX_T")
    frame = frame.assign(status=frame["status"].mask(hidden, "S"), reason=frame["reason"].mask(hidden, "unreliable"))
    found, refused = protect(frame.drop(columns="n_smallest"), specs, {SURVEY: ILO})
    assert refused == []
    found = found[found["indicator"] == "XGB_EARA_SEX_RT"].set_index("sex")
    assert found.loc["SEX_T", FIGURES].isna().all()
    assert (found.loc["SEX_T", "obs_status"], found.loc["SEX_T", "n_band"]) == ("S", "")
    assert found.loc[["SEX_M", "SEX_F"], FIGURES].notna().all(axis=None)


def test_migrants_are_the_cell_of_everybody_that_they_are_said_to_be():
    universes = load_columns()["persons"].universes
    for universe, (whole, concept) in _MIGRANTS_OF.items():
        condition = universes[universe].condition.text
        assert condition.startswith(f"({universes[whole].condition.text}) AND ")
        own = condition.removeprefix(f"({universes[whole].condition.text}) AND ")
        by = {"place_of_birth": "birth", "citizenship_status": "citizenship"}[concept]
        assert own in (f"({concept} = '{CONTRASTS[concept][0]}')", f"(is_migrant_worker_by_{by})")
