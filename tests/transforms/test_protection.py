"""The one door to the outside: refused tables, statuses, what is hidden or rounded, what the attacker makes of it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from schemas.indicators import load_indicators
from schemas.reliability import load_profile
from schemas.survey_protection import ProtectionSection
from schemas.survey_spec import find_surveys, load_survey
from tests.transforms.linked_frame import estimates, invented
from transforms.protection import PROTECTED_COLUMNS, protect, sorted_rows
from transforms.protection_audit import attack, report
from transforms.reliability import judge_cells

ILO = load_profile("ilo")
SURVEY = "XAA_LFS"
FIGURES = ["obs_value", "se", "lower", "upper", "cv", "df", "p_value"]


@pytest.fixture(scope="module")
def spec():
    return load_survey(find_surveys([])[SURVEY])


@pytest.fixture(scope="module")
def open_specs(spec):
    """The survey of a country in which few persons are not confidential: cells stand by themselves."""
    return {SURVEY: dataclasses.replace(spec, design=spec.design.model_copy(update={"confidential_below_5": False}))}


def cell(n, n_smallest=None, **changes):
    return {
        "indicator": "POP_XWAP_SEX_AGE_NB", "ref_area": "XAA", "survey": SURVEY, "freq": "Q", "time": "2024-Q1",
        "sex": "SEX_T", "classif1": "AGE_AGGREGATE_TOTAL", "classif2": None, "value": 12.5, "se": 1.25,
        "lower": 10.5, "upper": 14.5, "cv": 0.1, "df": 21.0, "p_value": 0.04, "n": n,
        "n_smallest": n if n_smallest is None else n_smallest,
        "method": "Taylor linearisation",
    } | changes  # fmt: skip


def judged(frame, *, confidential):
    catalogue = load_indicators()
    by_measure = frame.groupby(frame["indicator"].map(lambda name: catalogue[name].measure), sort=False)
    parts = [judge_cells(part, ILO, is_few_confidential=confidential, measure=str(name)) for name, part in by_measure]
    return pd.concat(parts).sort_index().astype({"classif1": object, "classif2": object}).drop(columns="n_smallest")


def protected(specs, cells):
    made = protect(judged(pd.DataFrame(cells), confidential=False), specs, {SURVEY: ILO})
    return sorted_rows(made.rows), list(made.refused)


def among_many(small):
    """One small cell among nine large ones: the table as a whole stays."""
    bands = ("Y15-24", "Y25-54", "Y55-64", "YGE65")
    cells = [(f"AGE_AGGREGATE_{band}", sex) for band in bands for sex in ("SEX_M", "SEX_F")]
    return [small, *(cell(8731, classif1=band, sex=sex) for band, sex in cells)]


def of_persons(names, size=400, seed=11):
    """Estimates of invented persons, judged as a round's are."""
    frame = estimates(invented(size, seed), names)
    rest = frame["n"] - frame["n_numerator"]
    smallest = frame["n"].where(frame["indicator"].str.endswith("_NB"), frame[["n_numerator"]].min(axis=1))
    smallest = smallest.where(frame["indicator"].str.endswith("_NB"), np.minimum(smallest, rest))
    precision = {"se": 0.1 * frame["value"], "lower": 0.8 * frame["value"], "upper": 1.3 * frame["value"]}
    columns = {"cv": 0.1, "df": 30.0, "p_value": np.nan, "method": "Taylor linearisation", "n_smallest": smallest}
    return judged(frame.assign(**precision, **columns), confidential=True)


TABLES = [
    "POP_XWAP_SEX_AGE_NB", "EMP_TEMP_SEX_AGE_NB", "MST_TEMP_SEX_AGE_CBR_NB", "MST_TEAP_SEX_AGE_CBR_NB",
    "MST_TUNE_SEX_AGE_CBR_NB", "MST_TUNE_SEX_AGE_CBR_RT", "MST_FORE_SEX_CBR_NB", "MST_TEMP_SEX_ECO_CBR_NB",
    "XSH_FORE_SEX_ECO_RT", "XPY_EARA_SEX_EDU_CBR_NB",
]  # fmt: skip


@pytest.fixture(scope="module")
def frame():
    return of_persons(TABLES)


@pytest.fixture(scope="module")
def made(frame, spec):
    return protect(frame, {SURVEY: spec}, {SURVEY: ILO})


# --- single cells and whole tables ---------------------------------------------------------------


def test_columns_are_those_of_the_contract(open_specs):
    found, _ = protected(open_specs, [cell(20)])
    assert list(found.columns) == list(PROTECTED_COLUMNS)


@pytest.mark.parametrize(
    ("n", "n_smallest", "status", "reason"),
    [
        pytest.param(15, 15, "", "", id="15"),
        pytest.param(14, 14, "U", "", id="14"),
        pytest.param(5, 5, "U", "", id="5"),
        pytest.param(4, 4, "S", "unreliable", id="4"),
        pytest.param(40, 4, "S", "unreliable", id="small part"),
    ],
)
def test_status_and_reason(open_specs, n, n_smallest, status, reason):
    found, _ = protected(open_specs, among_many(cell(n, n_smallest)))
    row = found[found["sex"] == "SEX_T"].iloc[0]
    assert (row["obs_status"], row["conf_status"], row["reason"]) == (status, "F", reason)
    assert row[FIGURES].isna().all() == (status == "S")
    assert row[FIGURES].notna().all() == (status != "S")
    assert (row["n_band"] == "") == (status == "S")


def test_no_column_holds_the_number_of_observations(open_specs):
    found, _ = protected(open_specs, [*among_many(cell(3)), cell(8731, sex="SEX_F")])
    values = {value for column in found.columns for value in found[column].dropna()}
    assert not {8731, "8731", 3, "3"} & (values - {found["decimals"].iloc[0], found["unit_mult"].iloc[0]})
    assert not {name for name in found.columns if name.startswith("n_")} - {"n_band"}


def table(suppressed, cells, indicator="POP_XWAP_SEX_AGE_NB", version="AGE_AGGREGATE"):
    item = f"{version}_TOTAL"
    return [cell(4 if number < suppressed else 20, indicator=indicator, classif1=item) for number in range(cells)]


def test_a_table_is_dropped_from_34_of_100(open_specs):
    kept, refused = protected(open_specs, table(33, 100))
    assert (len(kept), refused) == (100, [])
    kept, refused = protected(open_specs, table(34, 100))
    assert (len(kept), refused) == (0, [("POP_XWAP_SEX_AGE_NB", SURVEY, "2024-Q1", "AGE_AGGREGATE")])
    assert list(kept.columns) == list(PROTECTED_COLUMNS)


def test_one_version_is_dropped_without_the_other(open_specs):
    kept, refused = protected(open_specs, table(34, 100) + table(0, 3, version="AGE_YTHADULT"))
    assert set(kept["classif1"]) == {"AGE_YTHADULT_TOTAL"}
    assert [name for *_, name in refused] == ["AGE_AGGREGATE"]


def test_sampling_zeros_do_not_weigh_in_the_share(open_specs):
    zeros = [cell(0, value=0.0) for _ in range(100)]
    kept, refused = protected(open_specs, zeros + table(33, 100))
    assert (len(kept), refused) == (200, [])
    assert kept.loc[kept["obs_status"] == "S", "obs_value"].isna().all()


def test_tables_over_countries_are_never_dropped(open_specs):
    name = "MST_FORP_SEX_CBR_NB"
    kept, refused = protected(open_specs, table(99, 100, indicator=name, version="CBR_BRT"))
    assert (len(kept), refused) == (100, [])


def test_every_figure_carries_its_notes(open_specs):
    found, _ = protected(
        open_specs,
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


def test_the_order_of_estimates_is_irrelevant(open_specs):
    cells = [*among_many(cell(3)), cell(20, indicator="MST_TEMP_SEX_AGE_CBR_NB", classif2="CBR_BIR_TOTAL")]
    one, _ = protected(open_specs, cells)
    other, _ = protected(open_specs, cells[::-1])
    pd.testing.assert_frame_equal(one, other)


# --- what is hidden beside, and the attack -------------------------------------------------------


def test_reasons_become_statuses_of_both_lists(made):
    rows = made.rows
    told = rows.loc[rows["obs_value"].isna()].groupby("reason")[["obs_status", "conf_status"]].agg(set)
    assert told["obs_status"].to_dict() == {"confidential": {"C"}, "secondary": {"C"}, "unreliable;confidential": {"C"}}
    assert told["conf_status"].to_dict() == {
        "confidential": {"C"},
        "secondary": {"D"},
        "unreliable;confidential": {"C"},
    }
    shown = rows[rows["obs_value"].notna()]
    assert set(shown["conf_status"]) == {"F"}
    assert not set(shown["obs_status"]) & {"S", "C"}
    hidden = rows[rows["obs_value"].isna()]
    assert hidden[FIGURES].isna().all(axis=None)
    assert set(hidden["n_band"]) == {""}


def test_nothing_below_the_threshold_is_shown(made):
    shown = made.figures[made.figures["status"] != "S"]
    assert shown["n"].min() >= 5
    rates = shown[shown["indicator"].str.endswith("_RT")]
    assert rates["n_numerator"].min() >= 5
    assert (rates["n"] - rates["n_numerator"]).min() >= 5


def test_one_figure_has_one_status_in_every_table(made):
    own = made.surveys[SURVEY]
    figures = made.figures
    cells = pd.DataFrame(
        {
            "cell": own.tables.own[figures.index],
            "hidden": figures["status"].eq("S"),
            "measure": figures["indicator"].str[-2:],
        }
    )
    assert (cells[cells["measure"] == "NB"].groupby("cell")["hidden"].nunique() == 1).all()


def test_a_rate_is_hidden_with_its_parts(made):
    own = made.surveys[SURVEY]
    hidden = own.suppression.secondary | (own.tables.linked.need_up > 0)
    shown = made.figures.index[made.figures["status"] != "S"]
    rates = shown[own.tables.denominator[shown] >= 0]
    parts = np.stack([own.tables.own, own.tables.denominator, own.tables.complement])[:, rates]
    assert len(rates) > 20
    assert not hidden[parts].any()


def test_the_attacker_learns_nothing(made):
    found = attack(made, SURVEY)
    assert len(found.targets) > 20
    assert found.leaks == ()
    assert found.audit.is_protected.all()


def test_without_secondary_suppression_the_same_attacker_learns_much(made, frame):
    """The attack is real: what primary suppression alone leaves is told by subtraction, with the equations named."""
    own = made.surveys[SURVEY]
    bare = frame.assign(known=False)
    found = attack(dataclasses.replace(made, figures=bare, surveys={SURVEY: own}), SURVEY)
    assert len(found.leaks) > len(found.targets) / 4
    leak = found.leaks[0]
    assert leak.figure.startswith("XAA_LFS 2024-Q1, SEX_")
    assert leak.equations


def test_what_a_release_told_leaks_and_is_said_to_be_told(frame, spec):
    before = protect(frame, {SURVEY: spec}, {SURVEY: ILO})
    tables = before.surveys[SURVEY].tables
    of_counts = frame["indicator"].str.endswith("_NB").to_numpy() & frame.index.isin(before.figures.index)
    told = np.zeros(len(frame), dtype=bool)
    told[np.flatnonzero(of_counts & (tables.linked.need_up[tables.own] > 0))[0]] = True
    made = protect(frame, {SURVEY: spec}, {SURVEY: ILO}, known=told)
    found = attack(made, SURVEY)
    assert [leak.earlier for leak in found.leaks].count(True) == 1


def test_what_a_release_told_is_not_hidden_beside(frame, spec, made):
    """Cells that were shown before are shown again, and others are hidden in their place."""
    secondary = made.figures.index[made.figures["reason"] == "secondary"]
    told = frame.index == secondary[0]
    again = protect(frame, {SURVEY: spec}, {SURVEY: ILO}, known=told)
    assert again.figures.loc[secondary[0], "status"] != "S"
    assert attack(again, SURVEY).leaks == ()


def test_the_account_adds_up(made):
    account = report(made, {SURVEY: attack(made, SURVEY)})
    hidden = account["cells"] - account["published"]
    assert sum(account["by_reason"].values()) == hidden
    by_indicator = account["by_indicator"].values()
    assert sum(own["confidential"] + own["secondary"] + own["unreliable"] for own in by_indicator) == hidden
    assert account["attack"]["targets"] == account["attack"]["protected"] > 0
    assert 0 < account["information"]["lost_secondary"] < account["information"]["total"]


def test_the_same_whatever_the_order(frame, spec, made):
    other = protect(frame.iloc[::-1], {SURVEY: spec}, {SURVEY: ILO})
    hidden = [int(one.figures["reason"].eq("secondary").sum()) for one in (made, other)]
    assert hidden[0] == pytest.approx(hidden[1], rel=0.2)
    assert attack(other, SURVEY).leaks == ()


# --- rounding ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rounded(frame, spec):
    section = ProtectionSection(method="controlled_rounding", base=1000)
    return protect(frame, {SURVEY: dataclasses.replace(spec, protection=section)}, {SURVEY: ILO})


def test_rounded_counts_add_up_and_hide_nothing_beside(rounded):
    rows = rounded.rows
    counts = rows[rows["indicator"].str.endswith("_NB") & (rows["unit_mult"] == 3) & rows["obs_value"].notna()]
    assert np.allclose(counts["obs_value"], counts["obs_value"].round())
    table = rounded.figures[rounded.figures["indicator"] == "POP_XWAP_SEX_AGE_NB"]
    wide = table.pivot_table(index="classif1", columns="sex", values="value")
    assert (wide["SEX_T"] == wide["SEX_M"] + wide["SEX_F"]).all()
    of_counts = rows[~rows["indicator"].str.startswith("XPY")]
    assert "secondary" not in set(of_counts["reason"])


def test_rates_and_limits_are_made_of_rounded_counts(rounded, frame):
    figures = rounded.figures
    own = rounded.surveys[SURVEY]
    shown = figures.index[figures["status"] != "S"]
    rates = shown[own.tables.denominator[shown] >= 0]
    parts = own.rounded[own.tables.own[rates]], own.rounded[own.tables.denominator[rates]]
    assert len(rates) > 20
    assert figures.loc[rates, "value"].to_numpy() == pytest.approx(100 * parts[0] / parts[1])
    counts = figures[(figures["indicator"] == "EMP_TEMP_SEX_AGE_NB") & (figures["status"] != "S")]
    middle = np.sqrt(counts["lower"] * counts["upper"])
    assert middle.to_numpy() == pytest.approx(counts["value"].to_numpy())
    before = frame.loc[counts.index, "value"]
    assert (before - counts["value"]).abs().max() > 0.1


def test_the_attacker_of_rounded_tables_learns_nothing(rounded):
    assert attack(rounded, SURVEY).leaks == ()


def test_a_base_belongs_to_rounding():
    with pytest.raises(ValueError, match="base is given with"):
        ProtectionSection(base=1000)
    with pytest.raises(ValueError, match="base is given with"):
        ProtectionSection(method="controlled_rounding")
