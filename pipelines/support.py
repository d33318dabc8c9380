"""What one survey supports in one period: its harmonised columns, its classifications and its indicators.

Here belongs which indicators of the catalogue a survey gives figures for, and why it does not give the others.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pipelines.needs import has_status_for, needed, needed_in_one_window, why_lacking
from schemas.concepts import load_absentee_concepts
from schemas.indicators import Indicator, Relation, load_indicators
from schemas.periods import Period
from schemas.survey_spec import SurveySpec, dictionary_of
from transforms import flows
from transforms.absentees import absentee_plan, outflow_definition
from transforms.harmonise import plan
from transforms.membership import versions_of
from transforms.stocks import Layout
from transforms.time_rules import resolve

#: Why a survey gives no figure that is about another kind of labour force status than its own.
SELF_DECLARED = "status is declared by the person, not ILO unemployment; XSD_TUNE counts the self-declared unemployed"
OWN_STATUS = "the status is not declared by the person; unemployment has ILO ids"
NO_VERSION = "the survey's classification has no published version"
TWO_DEFINITIONS = "arrivals and departures are told by different windows, so that their difference means nothing"


@dataclass(frozen=True)
class Support:
    """What one survey supports in one period.

    Attributes:
        spec: the survey.
        columns: relation -> harmonised columns; a relation that it does not list is absent.
        collected: relation -> column -> classification in which it was collected.
        indicators: those that it gives figures for, by id.
    """

    spec: SurveySpec
    columns: Mapping[Relation, frozenset[str]]
    collected: Mapping[Relation, Mapping[str, str]]
    indicators: Mapping[str, Indicator]

    @property
    def layout(self) -> Layout:
        """What its harmonised tables hold for counting."""
        calibration = self.spec.calibration
        return Layout(
            self.spec.design.variance,
            self.columns,
            len(self.spec.replicates.columns) if self.spec.replicates else 0,
            tuple(margin.name for margin in calibration.margins) if calibration else (),
        )

    def versions(self, indicator: Indicator) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Return the classification versions of both dimensions that the survey's own versions allow."""
        return published_versions(indicator, self.collected)

    def time_rule(self, indicator: Indicator) -> str:
        """Return how a year of an indicator is made from the survey's periods."""
        return resolve(indicator, self.columns)

    def missing(self, indicator: Indicator) -> tuple[str, ...]:
        """Return the columns that an indicator needs and the survey does not collect."""
        return _missing(indicator, self.columns)


def classifications(spec: SurveySpec) -> dict[str, str]:
    """Return concept -> classification in which the survey collected it, where it says so."""
    return {name: source.classification for name, source in spec.concepts.items() if source.classification}


def support(spec: SurveySpec, period: Period) -> Support:
    """Return what a survey supports in a period."""
    columns: dict[Relation, frozenset[str]] = {
        "persons": frozenset(plan(spec, dictionary_of(spec), period).columns) | _calibration_columns(spec)
    }
    collected = collected_versions(spec)
    if spec.absentees is not None:
        columns["absentees"] = frozenset(absentee_plan(spec, load_absentee_concepts(), period).columns)
    indicators = {
        identifier: indicator
        for identifier, indicator in load_indicators().items()
        if is_given(spec, indicator, columns, collected)
    }
    return Support(spec, columns, collected, indicators)


def collected_versions(spec: SurveySpec) -> dict[Relation, Mapping[str, str]]:
    """Return relation -> concept -> classification in which the survey collected it."""
    collected: dict[Relation, Mapping[str, str]] = {"persons": classifications(spec)}
    if spec.absentees is not None:
        given = spec.absentees.concepts
        collected["absentees"] = {name: one.classification for name, one in given.items() if one.classification}
    return collected


def _calibration_columns(spec: SurveySpec) -> frozenset[str]:
    if spec.calibration is None:
        return frozenset()
    return frozenset({"original_weight", *(margin.column for margin in spec.calibration.margins)})


def _missing(indicator: Indicator, columns: Mapping[Relation, Iterable[str]]) -> tuple[str, ...]:
    held, listed = set(columns["persons"]), set(columns.get("absentees", ()))
    return (
        *(name for name in indicator.needs if name not in held),
        *(name for name in indicator.absentee_needs if name not in listed),
    )


def published_versions(
    indicator: Indicator, collected: Mapping[Relation, Mapping[str, str]]
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the versions of both dimensions that can be published from those collected; None where one has none."""
    own = collected.get(indicator.relation, {})
    one = versions_of(indicator.classif1_versions, indicator.classif1_concept, own)
    two = versions_of(indicator.classif2_versions, indicator.classif2_concept, own)
    if (indicator.classif1_versions and not one) or (indicator.classif2_versions and not two):
        return None
    return one, two


def is_given(
    spec: SurveySpec,
    indicator: Indicator,
    columns: Mapping[Relation, Collection[str]],
    collected: Mapping[Relation, Mapping[str, str]],
) -> bool:
    """Return whether a survey gives figures of an indicator.

    Args:
        spec: the survey.
        indicator: of the catalogue.
        columns: relation -> harmonised columns.
        collected: relation -> column -> classification in which it was collected.
    """
    return (
        not _missing(indicator, columns)
        and has_status_for(indicator, spec)
        and published_versions(indicator, collected) is not None
        and not _has_two_definitions(indicator, columns)
    )


def _has_two_definitions(indicator: Indicator, columns: Mapping[Relation, Collection[str]]) -> bool:
    """Return whether the two sides of a net flow are told by different windows."""
    if indicator.subtrahend is None:
        return False
    inflow = flows.inflow_definition(columns["persons"])
    outflow = outflow_definition(columns.get("absentees", ()))
    return inflow is None or outflow is None or inflow.split("_", 2)[2] != outflow.split("_", 2)[2]


def why_not(
    spec: SurveySpec,
    indicator: Indicator,
    columns: Mapping[Relation, Collection[str]],
    collected: Mapping[Relation, Mapping[str, str]],
) -> str:
    """Return why a survey gives no figures of an indicator, in words; empty where it gives them.

    What it does not ask is told by the questions that would open the table, with the reasons of the specification.
    The arguments are those of ``is_given``, which costs less.
    """
    if is_given(spec, indicator, columns, collected):
        return ""
    if indicator.is_self_declared and spec.labour_force is not None and not has_status_for(indicator, spec):
        return OWN_STATUS
    if missing := _missing(indicator, columns):
        return why_lacking(needed(indicator, spec), spec) or f"the survey does not collect {', '.join(missing)}"
    if not has_status_for(indicator, spec):
        return SELF_DECLARED
    if published_versions(indicator, collected) is None:
        return NO_VERSION
    return f"{TWO_DEFINITIONS}; {why_lacking(needed_in_one_window(indicator, spec), spec)}"


def is_told_by_round(supported: Support, indicator: Indicator, period: Period) -> bool:
    """Whether a round's own figures hold an indicator.

    Changes are from another round. Flows told by calendar year are annual figures, which only an annual survey's round
    is by itself; pooled indicators have no annual figure of one year alone.
    """
    if indicator.measure == "change":
        return False
    is_annual = period.frequency == "A"
    if is_annual and supported.spec.pooling is not None and indicator.id in supported.spec.pooling.indicators:
        return False
    return is_annual or supported.time_rule(indicator) != "year_before"
