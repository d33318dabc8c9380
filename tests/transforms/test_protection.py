"""The one door to the outside: what is withheld with a suppressed cell, refused tables, notes."""

import dataclasses

import pandas as pd
import pytest

from schemas.reliability import load_profile
from schemas.survey_spec import find_surveys, load_survey
from transforms.protection import PROTECTED_COLUMNS, protect
from transforms.reliability import judge_cells

ILO = load_profile("ilo")
SURVEY = "XAA_LFS"
FIGURES = ["obs_value", "se", "lower", "upper", "cv", "df"]


@pytest.fixture(scope="module")
def specs():
    return {SURVEY: load_survey(find_surveys([])[SURVEY])}


def cell(n, n_smallest=None, **changes):
    return {
        "indicator": "POP_XWAP_SEX_AGE_NB", "ref_area": "XAA", "survey": SURVEY, "freq": "Q", "time": "2024-Q1",
        "sex": "SEX_T", "classif1": "AGE_AGGREGATE_TOTAL", "classif2": None, "value": 12.5, "se": 1.25,
        "lower": 10.5, "upper": 14.5, "cv": 0.1, "df": 21, "n": n,
        "n_smallest": n if n_smallest is None else n_smallest,
        "method": "Taylor linearisation",
    } | changes  # fmt: skip


def protected(specs, cells, *, confidential=True):
    frame = judge_cells(pd.DataFrame(cells), ILO, is_few_confidential=confidential)
    frame = frame.astype({"classif2": object})
    return protect(frame.drop(columns="n_smallest"), specs, ILO)


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


def test_notes(specs):
    found, _ = protected(
        specs,
        [
            cell(20),
            cell(20, indicator="MST_TEMP_SEX_AGE_CBR_NB", classif2="CBR_BIR_TOTAL"),
            cell(20, indicator="MST_TEMP_SEX_AGE_CCT_NB", classif2="CCT_CIT_TOTAL", time="2024", freq="A"),
        ],
    )
    notes = found.set_index("indicator")
    assert notes.loc["POP_XWAP_SEX_AGE_NB", "note_source"] == "R1:3513_S3:8_S5:40_S14:4077"
    assert notes.loc["MST_TEMP_SEX_AGE_CCT_NB", "note_source"] == "R1:3513_S3:5_S5:40_S14:4077"
    assert notes.loc["POP_XWAP_SEX_AGE_NB", "note_indicator"] == "T5:114"
    assert notes.loc["MST_TEMP_SEX_AGE_CBR_NB", "note_indicator"] == "T5:114_T36:3214"
    assert notes.loc["MST_TEMP_SEX_AGE_CCT_NB", "note_indicator"] == "T5:114_T36:3215"
    assert set(notes["source"]) == {"BA:XAA_LFS (SYNTHETIC - invented country)"}


def test_notes_on_pay_go_with_pay_only(specs):
    spec = specs[SURVEY]
    force = spec.labour_force.model_copy(update={"notes": ("S14:4077", "T5:114", "T7:121", "T9:133", "T10:139")})
    paid = {SURVEY: dataclasses.replace(spec, labour_force=force)}
    found, _ = protected(
        paid,
        [
            *among_many(cell(20)),
            cell(20, indicator="MST_EARA_SEX_CBR_NB", classif1="CBR_BIR_TOTAL"),
        ],
    )
    notes = dict(zip(found["indicator"], found["note_indicator"], strict=True))
    assert notes == {
        "POP_XWAP_SEX_AGE_NB": "T5:114",
        "MST_EARA_SEX_CBR_NB": "T5:114_T7:121_T9:133_T10:139_T36:3214",
    }


def test_the_order_of_estimates_is_irrelevant(specs):
    cells = [*among_many(cell(3)), cell(20, indicator="MST_TEMP_SEX_AGE_CBR_NB", classif2="CBR_BIR_TOTAL")]
    one, _ = protected(specs, cells)
    other, _ = protected(specs, cells[::-1])
    pd.testing.assert_frame_equal(one, other)
