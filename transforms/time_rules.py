"""How a year is made from the periods of a survey, and whose year a flow told in an interview is.

Here belongs the rule of every indicator, resolved by what the survey asks. The sums over stacked rounds belong to
the engine.

    average        stocks: the mean over the periods of the survey's own frequency, all of which must be there
    recompute      rates: the ratio of the averaged numerator and denominator
    weighted_mean  means and medians: over the stacked periods, so that every cell weighs by its persons
    sum            flows of a window as long as the period: the sum over the periods
    year_before    flows told by calendar year: interviews of year t + 1 tell those of year t; annual figures only
    flow           one of average, year_before and sum, by the survey's definition of a recent arrival or departure

Source: STANDARDS 0.3 and 2.10.
"""

from collections.abc import Iterable, Mapping

from schemas.indicators import Indicator, Relation
from transforms.absentees import outflow_definition
from transforms.flows import inflow_definition

#: Definition of a recent arrival or departure -> how a year of it is made.
RULE_OF_WINDOW: Mapping[str, str] = {
    "twelve_months": "average",
    "residence_one_year_ago": "average",
    "calendar_year": "year_before",
    "reference_period": "sum",
}


def resolve(indicator: Indicator, columns: Mapping[Relation, Iterable[str]]) -> str:
    """Return an indicator's time rule: never ``flow``, which the survey's columns decide.

    Args:
        indicator: of the catalogue.
        columns: relation -> harmonised columns of the survey.

    Raises:
        ValueError: the survey collects no definition of the flow.
    """
    if indicator.time_rule != "flow":
        return indicator.time_rule
    held = frozenset(columns.get(indicator.relation, ()))
    definition = inflow_definition(held) if indicator.relation == "persons" else outflow_definition(held)
    if definition is None:
        raise ValueError(f"{indicator.id} is a flow, and the survey collects no definition of one")
    return RULE_OF_WINDOW[definition.removeprefix("is_inflow_").removeprefix("is_outflow_")]


def flow_definition(indicator: Indicator, columns: Mapping[Relation, Iterable[str]]) -> str | None:
    """Return the window of a flow that the survey's definition decides, e.g. ``twelve_months``; None for the rest."""
    if indicator.time_rule != "flow":
        return None
    held = frozenset(columns.get(indicator.relation, ()))
    definition = inflow_definition(held) if indicator.relation == "persons" else outflow_definition(held)
    return definition and definition.removeprefix("is_inflow_").removeprefix("is_outflow_")
