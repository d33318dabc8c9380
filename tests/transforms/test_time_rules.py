"""How a year of a flow is made, by what the survey asks."""

import pytest

from schemas.indicators import load_indicators
from transforms.time_rules import RULE_OF_WINDOW, flow_definition, resolve

CATALOGUE = load_indicators()
INFLOW, OUTFLOW = CATALOGUE["MFL_FPOP_SEX_CBR_NB"], CATALOGUE["MNA_OPOP_SEX_CDS_NB"]


@pytest.mark.parametrize(
    ("indicator", "columns", "rule"),
    [
        (INFLOW, {"persons": {"is_inflow_twelve_months", "is_inflow_calendar_year"}}, "average"),
        (INFLOW, {"persons": {"is_inflow_residence_one_year_ago"}}, "average"),
        (INFLOW, {"persons": {"is_inflow_calendar_year"}}, "year_before"),
        (OUTFLOW, {"persons": set(), "absentees": {"is_outflow_twelve_months"}}, "average"),
        (OUTFLOW, {"persons": set(), "absentees": {"is_outflow_calendar_year"}}, "year_before"),
    ],
)
def test_a_flow_follows_the_definition_that_the_survey_collects(indicator, columns, rule):
    assert resolve(indicator, columns) == rule


def test_a_flow_of_no_definition_is_refused():
    with pytest.raises(ValueError, match="no definition"):
        resolve(INFLOW, {"persons": {"sex"}})


def test_what_is_no_flow_keeps_its_rule():
    stock = CATALOGUE["MST_TEMP_SEX_AGE_CBR_NB"]
    assert resolve(stock, {"persons": set()}) == "average"
    assert flow_definition(stock, {"persons": {"is_inflow_twelve_months"}}) is None
    assert flow_definition(INFLOW, {"persons": {"is_inflow_twelve_months"}}) == "twelve_months"


def test_every_rule_of_the_catalogue_is_known():
    known = {"average", "recompute", "weighted_mean", "sum", "year_before", "flow"}
    assert {one.time_rule for one in CATALOGUE.values()} == known
    assert set(RULE_OF_WINDOW.values()) <= known
