"""The notes that go with a figure, and that each of them has a text in three languages."""

import dataclasses

import pytest

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from schemas.periods import Period
from schemas.survey_estimation import BreakSection, Calibration, PoolingSection
from schemas.survey_spec import find_surveys, load_survey
from transforms.notes import (
    FLOW_NOTES,
    LOWER_BOUND_NOTES,
    NOTES,
    PERIOD_NOTES,
    POOLING_NOTES,
    TIME_UNIT_NOTES,
    indicator_notes,
    notes_of,
    source_notes,
)

CATALOGUE = load_indicators()
STOCK = CATALOGUE["MST_TEMP_SEX_AGE_CBR_NB"]
YEAR = Period.parse("2024")
EVERY_COLUMN = {
    "persons": frozenset(name for item in CATALOGUE.values() for name in item.needs),
    "absentees": frozenset(name for item in CATALOGUE.values() for name in item.absentee_needs)
    | {"is_outflow_twelve_months"},
}


@pytest.fixture(scope="module")
def spec():
    return load_survey(find_surveys([])["XAA_LFS"])


def on_source(spec, indicator=STOCK, period=YEAR):
    return source_notes(spec, indicator, period)


def on_indicator(spec, name, period=YEAR, columns=EVERY_COLUMN):
    return indicator_notes(spec, CATALOGUE[name], period, columns)


def own(spec, name, **given):
    """Notes on the indicator beyond the definition of unemployment."""
    return [note for note in on_indicator(spec, name, **given) if not note.startswith("T5:")]


def changed(spec, section, **values):
    return dataclasses.replace(spec, **{section: getattr(spec, section).model_copy(update=values)})


def test_every_note_has_a_text_in_three_languages():
    lists = load_code_lists()
    texts = {item.code: (item.en, item.fr, item.es) for item in lists["NOTE"].items}
    assert set(texts) >= NOTES
    own = {code for code in texts if code.startswith("ILMS:")}
    assert own <= NOTES
    assert [code for code in own if len(set(texts[code])) != 3] == []
    assert {code.split(":")[0] for code in texts} <= lists["NOTE_TYPE"].codes
    assert not [code for code in texts if "_" in code]


def test_no_other_note_is_given_than_those_that_are_known(spec):
    given = set()
    stated = {*spec.population.notes, *spec.labour_force.notes}
    for item in CATALOGUE.values():
        for period in ("2024", "2024-S1", "2024-Q4", "2024-12"):
            given |= set(source_notes(spec, item, Period.parse(period)))
        given |= set(indicator_notes(spec, item, YEAR, EVERY_COLUMN))
    assert given - stated <= NOTES


@pytest.mark.parametrize(
    ("period", "note"),
    [
        ("2024", "S3:5"), ("2024-S1", "S3:6"), ("2024-S2", "S3:7"), ("2024-Q1", "S3:8"), ("2024-Q4", "S3:11"),
        ("2024-M01", "S3:12"), ("2024-12", "S3:23"),
    ],
)  # fmt: skip
def test_reference_period(spec, period, note):
    assert on_source(spec, period=Period.parse(period))[:2] == ["R1:3513", note]


def test_reference_periods_are_named_as_they_are():
    texts = {item.code: item.en for item in load_code_lists()["NOTE"].items}
    ordinals = ["First", "Second", "Third", "Fourth"]
    assert [texts[PERIOD_NOTES["Q", part]] for part in range(1, 5)] == [f"{name} quarter" for name in ordinals]
    assert [texts[PERIOD_NOTES["S", part]] for part in (1, 2)] == [f"{name} semester" for name in ordinals[:2]]
    assert [texts[PERIOD_NOTES["M", part]][:3] for part in range(1, 13)] == [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]  # fmt: skip


def test_age_coverage_is_a_note_on_the_indicator(spec):
    aged = changed(spec, "population", notes=("S4:29", "S5:40", "T2:84"))
    assert on_source(aged) == ["R1:3513", "S3:5", "S4:29", "S5:40", "S14:4077", "ILMS:RES12"]
    assert on_indicator(aged, STOCK.id) == ["T2:84", "T5:114", "T36:3214"]


def test_residence_rule(spec):
    assert "ILMS:RES12" in on_source(spec)
    assert "ILMS:RES6" in on_source(changed(spec, "population", usual_residence_months=6))


def test_how_the_survey_is_weighted_and_how_precise_it_is(spec):
    assert not {"ILMS:CALIBRATED", "ILMS:DEFF"} & set(on_source(spec))
    calibrated = dataclasses.replace(spec, calibration=Calibration((), 1e-9, 10))
    assert on_source(calibrated)[-1] == "ILMS:CALIBRATED"
    approximate = changed(spec, "design", variance="deff", deff=1.8)
    assert on_source(approximate)[-1] == "ILMS:DEFF"


@pytest.mark.parametrize("years", range(2, 11))
def test_pooled_years(spec, years):
    pooled = dataclasses.replace(spec, pooling=PoolingSection(years=years, indicators=(STOCK.id,)))
    assert on_source(pooled)[1:3] == ["S3:27", f"ILMS:MEAN{years}Y"]
    assert POOLING_NOTES[years] == f"ILMS:MEAN{years}Y"
    assert on_source(pooled, period=Period.parse("2024-Q1"))[1] == "S3:8"
    assert on_source(pooled, CATALOGUE["MST_TEMP_SEX_AGE_CCT_NB"])[1] == "S3:5"


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("POP_XWAP_SEX_AGE_NB", []),
        ("MST_TEMP_SEX_AGE_CBR_NB", ["T36:3214"]),
        ("MST_TEMP_SEX_AGE_CCT_RT", ["T36:3215"]),
        ("XMW_LFFB_SEX_AGE_NB", ["T36:3214"]),
        ("XDC_TEMP_SEX_RT", ["T36:3215"]),
        ("XCH_TEMP_SEX_AGE_CBR_NB", ["T36:3214"]),
        ("XSH_FORE_SEX_ECO_RT", ["T36:3214"]),
        # Category (b) is counted whatever the citizenship, return migrants and residents abroad by no criterion.
        ("XMW_NRFW_SEX_CCT_NB", []),
        ("XMW_RIMW_SEX_AGE_NB", []),
        ("XMW_RWAB_SEX_AGE_NB", []),
    ],
)
def test_criterion_of_migration(spec, name, notes):
    assert own(spec, name) == notes


@pytest.mark.parametrize("name", ["XMW_NRFW_SEX_AGE_NB", "XMW_ALFB_SEX_RES_NB", "XRS_LIST_SEX_RES_NB"])
def test_tables_with_non_residents_say_so(spec, name):
    assert "S9:4134" in on_source(spec, CATALOGUE[name])
    assert "S9:4134" not in on_source(spec)


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("XPY_EARA_SEX_AGE_CBR_NB", ["T7:121", "T8:127"]),
        ("MST_EARB_SEX_CBR_NB", ["T7:121", "T8:128"]),
        ("XPY_HERA_SEX_CBR_NB", ["T7:124", "T8:127"]),
        ("XGB_HERB_SEX_RT", ["T7:124", "T8:128"]),
        ("XGB_EARA_SEX_RT", ["T7:121", "T8:127"]),
        ("XGB_HERW_SEX_RT", ["T7:124", "T8:127"]),
    ],
)
def test_pay(spec, name, notes):
    paid = changed(spec, "labour_force", notes=("S14:4077", "T5:114", "T7:121", "T9:133", "T10:139"))
    unweighted = {"persons": EVERY_COLUMN["persons"] - {"earnings_weight"}}
    expected = [*notes, "T9:133", "T10:139", "ILMS:REPORTED", "T36:3214"]
    assert own(paid, name, columns=unweighted) == expected
    weighted = {"persons": EVERY_COLUMN["persons"] | {"earnings_weight"}}
    assert own(paid, name, columns=weighted) == [*expected[:-1], "ILMS:PAYWEIGHT", "T36:3214"]
    assert own(paid, "POP_XWAP_SEX_AGE_NB", columns=weighted) == []


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({"is_inflow_calendar_year", "is_inflow_twelve_months", "is_inflow_residence_one_year_ago"}, "ILMS:FLOW12M"),
        ({"is_inflow_calendar_year", "is_inflow_residence_one_year_ago"}, "T36:3223"),
        ({"is_inflow_calendar_year"}, "ILMS:FLOWYEAR"),
    ],
)
@pytest.mark.parametrize("name", ["MFL_FPOP_SEX_CBR_NB", "MFL_NEMP_SEX_ECO_NB", "XMW_FWNC_SEX_AGE_NB"])
def test_definition_of_the_inflow_that_the_survey_collects(spec, name, columns, note):
    assert own(spec, name, columns={"persons": frozenset(columns)})[1:] == [note]


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("XIC_FORB_SEX_AGE_NB", "ILMS:FLOWYEAR"),
        ("XIT_NCIT_SEX_REA_NB", "ILMS:FLOW12M"),
        ("XIY_FORB_SEX_AGE_NB", "T36:3223"),
        ("XIP_NCIT_SEX_AGE_NB", "ILMS:FLOWPERIOD"),
    ],
)
def test_tables_of_one_definition_say_which(spec, name, note):
    assert own(spec, name)[1:] == [note]


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("MNA_TPOP_SEX_CRS_NB", ["ILMS:ABSENTEES"]),
        ("XNA_TPOP_SEX_AGE_NB", ["ILMS:ABSENTEES"]),
        ("MNA_OEMP_SEX_ECO_NB", ["ILMS:FLOW12M", "ILMS:ABSENTEES"]),
        ("XNA_OPOP_SEX_AGE_NB", ["ILMS:FLOW12M", "ILMS:ABSENTEES"]),
        ("MNA_XRET_SEX_CPR_NB", ["ILMS:FLOW12M", "ILMS:RETURNS"]),
        ("XMW_NETN_SEX_AGE_NB", ["ILMS:FLOW12M", "ILMS:NETFLOW"]),
        ("XDW_DOMW_SEX_CBR_NB", ["T36:3214", "ILMS:DOMESTIC"]),
    ],
)
def test_lower_bounds(spec, name, notes):
    assert own(spec, name) == notes


def test_every_lower_bound_flow_and_quantity_of_the_catalogue_has_its_note():
    assert {item.universe for item in CATALOGUE.values() if item.is_lower_bound} == set(LOWER_BOUND_NOTES)
    assert {item.quantity for item in CATALOGUE.values()} - {None} == set(TIME_UNIT_NOTES)
    windows = {name for item in CATALOGUE.values() for name in item.needs if name.startswith("is_inflow_")}
    assert windows == {f"is_inflow_{window}" for window in FLOW_NOTES}


def test_breaks_are_told_in_their_period(spec):
    item = BreakSection.model_validate({"from": "2024-Q2", "note": "I11:265", "reason": "new sample"})
    broken = dataclasses.replace(spec, breaks=(item,))
    assert on_indicator(broken, STOCK.id, Period.parse("2024-Q2"))[-1] == "I11:265"
    assert on_indicator(broken, STOCK.id, YEAR)[-1] == "I11:265"
    for period in ("2024-Q1", "2024-Q3", "2023", "2025"):
        assert "I11:265" not in on_indicator(broken, STOCK.id, Period.parse(period))


def test_a_break_of_the_interviews_is_told_with_the_flow_of_the_year_before(spec):
    item = BreakSection.model_validate({"from": "2024-Q2", "note": "I11:265", "reason": "new sample"})
    broken = dataclasses.replace(spec, breaks=(item,))
    columns = {"persons": frozenset({"is_inflow_calendar_year"})}
    for name in ("MFL_FPOP_SEX_CBR_NB", "XIC_FORB_SEX_AGE_NB"):
        assert on_indicator(broken, name, Period.parse("2023"), columns)[-1] == "I11:265"
        assert "I11:265" not in on_indicator(broken, name, YEAR, columns)


def test_notes_are_joined_and_told_once(spec):
    """The columns of the specification decide: XAA asks for year and month of arrival."""
    twice = changed(spec, "population", notes=("S5:40", "S9:4134"))
    key = ("XAA_LFS", "XMW_NRFW_SEX_AGE_NB", "2024-Q1")
    flow = ("XAA_LFS", "MFL_FPOP_SEX_CBR_NB", "2024")
    found = notes_of([key, flow], {"XAA_LFS": twice}, CATALOGUE)
    assert set(found) == {key, flow}
    assert found[key].source == "R1:3513_S3:8_S5:40_S9:4134_S14:4077_ILMS:RES12"
    assert found[key].indicator == "T5:114"
    assert found[flow].indicator == "T5:114_T36:3214_ILMS:FLOW12M"
