"""The notes that go with a figure: ILOSTAT's where it has one, else our own (``ILMS:...``).

Here belongs which notes a figure of a survey and period carries, on its source and on the indicator. Their texts in
three languages are the code list NOTE; what a specification states itself (coverage, unemployment definition, currency
of pay) is taken from there.

Notes on the source say how the survey counts, and are the same for all cells of a table and period; notes on the
indicator say what its figures mean.

Source: STANDARDS 0.1, 0.3, 0.13, 0.15, 0.20, 1.6, 1.7, 1.9, 4.4 and 4.5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.concepts import load_absentee_concepts
from schemas.indicators import Indicator, Relation
from schemas.periods import Period
from schemas.survey_spec import SurveySpec, dictionary_of
from transforms.absentees import absentee_plan
from transforms.harmonise import plan
from transforms.time_rules import flow_definition

REPOSITORY_NOTE = "R1:3513"  # ILO-STATISTICS - Micro data processing
ANNUAL_NOTE = "S3:5"
NONSTANDARD_PERIOD_NOTE = "S3:27"
NON_RESIDENTS_NOTE = "S9:4134"

#: Frequency and part of the year -> note on the reference period; every year has ``ANNUAL_NOTE``.
PERIOD_NOTES: Mapping[tuple[str, int], str] = {
    **{("S", part): f"S3:{part + 5}" for part in (1, 2)},
    **{("Q", part): f"S3:{part + 7}" for part in range(1, 5)},
    **{("M", part): f"S3:{part + 11}" for part in range(1, 13)},
}

#: Months of stay that make a usual resident -> note.
RESIDENCE_NOTES = {12: "ILMS:RES12", 6: "ILMS:RES6"}
CALIBRATED_NOTE = "ILMS:CALIBRATED"
DESIGN_EFFECT_NOTE = "ILMS:DEFF"
#: Years of which an annual figure is the mean -> note.
POOLING_NOTES = {years: f"ILMS:MEAN{years}Y" for years in range(2, 11)}

CRITERION_NOTES = {"birth": "T36:3214", "citizenship": "T36:3215"}
#: Window of a flow -> note.
FLOW_NOTES = {
    "twelve_months": "ILMS:FLOW12M",
    "residence_one_year_ago": "T36:3223",
    "calendar_year": "ILMS:FLOWYEAR",
    "reference_period": "ILMS:FLOWPERIOD",
}

#: Universe of which a household survey sees a part only -> note.
LOWER_BOUND_NOTES = {
    "nationals_abroad": "ILMS:ABSENTEES",
    "outflow_of_nationals": "ILMS:ABSENTEES",
    "outflow_for_employment": "ILMS:ABSENTEES",
    "returned_citizens": "ILMS:RETURNS",
    "domestic_workers": "ILMS:DOMESTIC",
}
NET_NOTE = "ILMS:NETFLOW"

#: Types of notes that are about pay (value, gross or net, jobs, currency): they go with no other figure.
PAY_TYPES = ("T9:", "T10:", "T11:", "T30:")
#: Type of the note on the time unit of pay, which the quantity says.
TIME_UNIT_TYPE = "T7:"
TIME_UNIT_NOTES = {"monthly_earnings": "T7:121", "hourly_earnings": "T7:124"}
STATISTIC_NOTES = {"mean": "T8:127", "median": "T8:128"}
REPORTED_NOTE = "ILMS:REPORTED"
PAY_WEIGHT_NOTE = "ILMS:PAYWEIGHT"

#: Every note that is given here, besides those that a specification states.
NOTES = frozenset(
    {
        *(REPOSITORY_NOTE, ANNUAL_NOTE, NONSTANDARD_PERIOD_NOTE, NON_RESIDENTS_NOTE, CALIBRATED_NOTE),
        *(DESIGN_EFFECT_NOTE, NET_NOTE, REPORTED_NOTE, PAY_WEIGHT_NOTE),
        *PERIOD_NOTES.values(),
        *RESIDENCE_NOTES.values(),
        *POOLING_NOTES.values(),
        *CRITERION_NOTES.values(),
        *FLOW_NOTES.values(),
        *LOWER_BOUND_NOTES.values(),
        *TIME_UNIT_NOTES.values(),
        *STATISTIC_NOTES.values(),
    }
)

#: Universes that hold persons who live in another country.
_WITH_NON_RESIDENTS = frozenset(
    {
        "listed_working_age",
        "non_resident_foreign_workers",
        "all_migrant_workers_by_birth",
        "all_migrant_workers_by_citizenship",
    }
)

Columns = Mapping[Relation, frozenset[str]]
#: Survey, indicator, time.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Notes:
    """Notes of a figure, each ``type:id`` joined by ``_``."""

    source: str
    indicator: str


def notes_of(
    figures: Iterable[Key], specs: Mapping[str, SurveySpec], catalogue: Mapping[str, Indicator]
) -> dict[Key, Notes]:
    """Return the notes of figures.

    Args:
        figures: survey, indicator and time (as SDMX writes it) of each.
        specs: survey key -> specification.
        catalogue: indicators by id.
    """
    columns: dict[tuple[str, Period], Columns] = {}
    found: dict[Key, Notes] = {}
    for survey, name, time in figures:
        period = Period.parse(time)
        if (survey, period) not in columns:
            columns[survey, period] = _columns(specs[survey], period)
        spec, indicator, held = specs[survey], catalogue[name], columns[survey, period]
        source = _joined(source_notes(spec, indicator, period))
        found[survey, name, time] = Notes(source, _joined(indicator_notes(spec, indicator, period, held)))
    return found


def _joined(notes: Iterable[str]) -> str:
    return "_".join(dict.fromkeys(notes))


def _columns(spec: SurveySpec, period: Period) -> Columns:
    """Return the harmonised columns of a survey: which definition of a flow it collects follows from them."""
    columns: dict[Relation, frozenset[str]] = {"persons": frozenset(plan(spec, dictionary_of(spec), period).columns)}
    if spec.absentees is not None:
        columns["absentees"] = frozenset(absentee_plan(spec, load_absentee_concepts(), period).columns)
    return columns


def source_notes(spec: SurveySpec, indicator: Indicator, period: Period) -> list[str]:
    """Return the notes on the source: repository, reference period, coverage, residence, employment, weights."""
    notes = [REPOSITORY_NOTE]
    if spec.pooling is not None and period.frequency == "A" and indicator.id in spec.pooling.indicators:
        notes += [NONSTANDARD_PERIOD_NOTE, POOLING_NOTES[spec.pooling.years]]
    else:
        notes.append(PERIOD_NOTES.get((period.frequency, period.part), ANNUAL_NOTE))
    notes += [note for note in _stated(spec) if note.startswith("S")]
    if indicator.universe in _WITH_NON_RESIDENTS:
        notes.append(NON_RESIDENTS_NOTE)
    notes.append(RESIDENCE_NOTES[spec.population.usual_residence_months])
    if spec.calibration is not None:
        notes.append(CALIBRATED_NOTE)
    if spec.design.variance == "deff":
        notes.append(DESIGN_EFFECT_NOTE)
    return notes


def indicator_notes(spec: SurveySpec, indicator: Indicator, period: Period, columns: Columns) -> list[str]:
    """Return the notes on the indicator: definitions, pay, criterion of migration, flow, lower bound, break.

    Args:
        spec: the survey.
        indicator: of the catalogue.
        period: that the figures are for.
        columns: relation -> harmonised columns of the survey.
    """
    about_pay = (*PAY_TYPES, TIME_UNIT_TYPE)
    notes = [note for note in _stated(spec) if not note.startswith(("S", *about_pay))]
    if indicator.quantity is not None:
        notes.append(TIME_UNIT_NOTES[indicator.quantity])
        notes.append(STATISTIC_NOTES["median" if "median" in (indicator.measure, indicator.statistic) else "mean"])
        notes += [note for note in _stated(spec) if note.startswith(PAY_TYPES)]
        notes.append(REPORTED_NOTE)
        if indicator.weight in columns["persons"]:
            notes.append(PAY_WEIGHT_NOTE)
    notes += [CRITERION_NOTES[criterion] for criterion in indicator.criteria if _is_of_migrants(indicator)]
    if window := _window(indicator, columns):
        notes.append(FLOW_NOTES[window])
    if indicator.measure == "net":
        notes.append(NET_NOTE)
    elif indicator.is_lower_bound:
        notes.append(LOWER_BOUND_NOTES[indicator.universe])
    return [*notes, *(item.note for item in spec.breaks_in(_interviews(indicator, period, columns)))]


def _stated(spec: SurveySpec) -> tuple[str, ...]:
    """Return the notes that the specification states, of ILOSTAT's types."""
    labour = spec.labour_force.notes if spec.labour_force is not None else ()
    return (*spec.population.notes, *labour)


def _is_of_migrants(indicator: Indicator) -> bool:
    """Whether migrants by a criterion are told apart: nationals abroad, who are citizens, and category (b) are not."""
    is_of_nationals = indicator.relation == "absentees" or indicator.universe == "returned_citizens"
    return not is_of_nationals and indicator.universe != "non_resident_foreign_workers"


def _window(indicator: Indicator, columns: Columns) -> str | None:
    """Return the window of a flow: that of its own table, or the one that the survey collects."""
    own = (name.removeprefix("is_inflow_") for name in indicator.needs if name.startswith("is_inflow_"))
    return next(own, None) or flow_definition(indicator, columns)


def _interviews(indicator: Indicator, period: Period, columns: Columns) -> Period:
    """Return the period of the interviews behind a figure: flows by calendar year are told in the year after."""
    if period.frequency == "A" and _window(indicator, columns) == "calendar_year":
        return Period.parse(str(period.year + 1))
    return period
