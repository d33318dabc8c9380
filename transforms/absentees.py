"""From a round's list of absent household members to harmonised absentees: the SQL of one survey specification.

Here belong the columns of who lives abroad, told by the household that stayed, and the weight and design that an absent
member takes from it. Households that left as a whole are not seen: every figure is a lower bound.

The work relation has one row per listed member. Beside the harmonised columns it carries ``x_<concept>`` as that of
persons, ``lacks_household`` (the household has no person) and ``has_unequal_household`` (its persons do not agree),
which are false where nothing is taken from the household.

Source: ILOSTAT's descriptions of MNA; STANDARDS 0.14 and 5.2.
"""

from collections.abc import Callable, Collection, Mapping

from schemas.concepts import Concept
from schemas.expressions import quote_name
from schemas.periods import Period
from schemas.survey_model import AbsenteeSpec
from schemas.survey_spec import SurveySpec
from transforms import flows, migration
from transforms.dates import in_last_months_sql, months_since_sql
from transforms.harmonise import HarmonisePlan, age_band_sql, corrected_sql, late_month_sql, read_sql, working_age_sql
from transforms.recode import Steps, add_step, recode, steps_sql

#: Definitions of a recent outflow, the best first: the first one collected makes ``is_recent_outflow``.
OUTFLOW_DEFINITIONS = ("is_outflow_twelve_months", "is_outflow_calendar_year")

#: What an absent member takes from the household where the list does not give it.
OF_THE_HOUSEHOLD = ("weight", "stratum", "psu")

#: Universe -> who has a value of its concepts, over the columns known.
_SCOPES: Mapping[str, Callable[[Collection[str]], str]] = {
    "all": lambda known: "TRUE",
    "of_working_age": lambda known: "is_working_age" if "is_working_age" in known else "TRUE",
    "employed_abroad": lambda known: (
        " AND ".join(name for name in ("is_working_age", "is_employed_abroad") if name in known) or "TRUE"
    ),
}


def outflow_definition(known: Collection[str]) -> str | None:
    """Return the column whose definition of a recent outflow a survey's figures rest on; None where there is none.

    Args:
        known: columns of harmonised_absentees.
    """
    return next((name for name in OUTFLOW_DEFINITIONS if name in known), None)


def taken_from_household(spec: SurveySpec, given: AbsenteeSpec) -> tuple[str, ...]:
    """Return the columns that absent members take from the persons of their household."""
    return tuple(name for name in OF_THE_HOUSEHOLD if name not in given.concepts and name in spec.concepts)


def absentee_plan(spec: SurveySpec, concepts: Mapping[str, Concept], period: Period) -> HarmonisePlan:
    """Return the SQL that harmonises the absent members of one round.

    It reads ``raw_absentees``, the rows of the part of the file that lists them, and ``harmonised_persons``.

    Args:
        spec: the survey's specification, with [absentees].
        concepts: the concept dictionary of absentees.
        period: the round's reference period; it selects the rows of the code tables that are valid.

    Raises:
        ValueError: the specification lists no absentees, or a concept's universe is not known here.
    """
    given = spec.absentees
    if given is None:
        raise ValueError(f"{spec.key} lists no absentees")
    steps: Steps = [("corrected", _listed_sql(spec, given))]
    recoded = recode(given, concepts.values(), period, steps)
    unknown = [concept.name for concept in recoded.concepts if concept.universe not in _SCOPES]
    if unknown:
        raise ValueError(f"concepts with an unknown universe: {', '.join(unknown)}")
    known = {"row_number"}
    for universe in _SCOPES:
        here = [concept for concept in recoded.concepts if concept.universe == universe]
        if here:
            scope = _SCOPES[universe](known)
            columns = []
            for concept in here:
                columns.append(
                    f"CASE WHEN {_kept_sql(concept, scope, given, period)} THEN v_{concept.name} END AS {concept.name}"
                )
                columns.append(f"COALESCE(({scope}) AND w_{concept.name}, FALSE) AS x_{concept.name}")
            add_step(steps, columns)
            known |= {concept.name for concept in here}
        if universe == "all":
            _add(steps, known, _derived(spec, known, period))
    _add(steps, known, _flows(spec, known, period))
    known |= _take_from_household(spec, given, steps)
    return HarmonisePlan(
        sql=steps_sql(steps, recoded),
        columns=tuple(name for name in concepts if name in known),
        checked=tuple(concept.name for concept in recoded.concepts),
        keys=recoded.keys,
        ruled=recoded.ruled,
    )


def variables_of(given: AbsenteeSpec) -> frozenset[str]:
    """Return every raw variable that the concepts, rules and the condition of absentees read."""
    names = {name for source in given.concepts.values() for name in source.columns}
    for rules in given.rules.values():
        for rule in rules:
            names |= rule.when.columns
            names |= rule.expression.columns if rule.expression is not None else set()
    return frozenset(names | (given.where.columns if given.where is not None else set()))


def implausible_departure_sql(given: AbsenteeSpec, period: Period) -> str:
    """Return SQL over the work relation: a departure before birth or after the reference period."""
    wrong = _wrong_year_sql(given, period)
    if "departure_month" in given.concepts:
        wrong = f"({wrong} OR COALESCE({late_month_sql(period, 'departure')}, FALSE))"
    return wrong


def _wrong_year_sql(given: AbsenteeSpec, period: Period) -> str:
    early = f" OR v_departure_year < {period.year} - v_age - 1" if "age" in given.concepts else ""
    return f"COALESCE(v_departure_year > {period.year}{early}, FALSE)"


def _listed_sql(spec: SurveySpec, given: AbsenteeSpec) -> str:
    """Return SQL for the listed rows, blank answers as NULL; corrections are of the persons' part."""
    own = variables_of(given)
    part = next(part for part in spec.files if part.name == given.file)
    if part.unit == "person":
        listed = corrected_sql(spec, own | spec.variables, "raw_absentees")
    else:
        listed = read_sql(own, "raw_absentees")
    return f"SELECT * FROM ({listed})" + (f" WHERE {given.where.sql()}" if given.where is not None else "")


def _kept_sql(concept: Concept, scope: str, given: AbsenteeSpec, period: Period) -> str:
    """Return SQL: the value of a concept is kept, which asks for a plausible date."""
    if concept.name == "departure_year":
        return f"NOT {_wrong_year_sql(given, period)}"
    if concept.name == "departure_month":
        plausible = f" AND NOT {implausible_departure_sql(given, period)}" if "departure_year" in given.concepts else ""
        return f"v_departure_month BETWEEN 1 AND 12{plausible}"
    return scope


def _add(steps: Steps, known: set[str], columns: list[tuple[str, str]]) -> None:
    """Append derived columns that the survey does not give itself."""
    for column, expression in columns:
        if column not in known:
            add_step(steps, [f"{expression} AS {column}"])
            known.add(column)


def _derived(spec: SurveySpec, known: set[str], period: Period) -> list[tuple[str, str]]:
    """Return (column, SQL) of what is derived from the columns of everybody, in order."""
    found: list[tuple[str, str]] = []
    if "age" in known:
        found.append(("age_band", age_band_sql(known)))
        found.append(("is_working_age", working_age_sql(spec, known)))
    if "citizenship_1" in known:
        found.append(("citizenship_status", migration.citizenship_status_sql(spec.survey.area, known)))
    if "country_of_birth" in known:
        found.append(("place_of_birth", migration.place_of_birth_sql(spec.survey.area)))
    if "departure_year" in known:
        found.append(("months_since_departure", months_since_sql("departure", period, known)))
    found.append(("residence_status", _residence_sql(spec, known | {name for name, _ in found})))
    return found


def _residence_sql(spec: SurveySpec, known: Collection[str]) -> str:
    if not {"months_since_departure", "intended_absence_months"} <= set(known):
        return "'RES_ABROAD'"
    limit = spec.population.usual_residence_months
    return (
        f"CASE WHEN months_since_departure < {limit} AND intended_absence_months < {limit} "
        "THEN 'RES_USUAL' ELSE 'RES_ABROAD' END"
    )


def _flows(spec: SurveySpec, known: set[str], period: Period) -> list[tuple[str, str]]:
    """Return (column, SQL) of the outflows that can be told, each definition apart."""
    abroad = "residence_status = 'RES_ABROAD'"
    found: list[tuple[str, str]] = []
    if "departure_year" in known:
        found.append(("is_outflow_calendar_year", f"({abroad} AND departure_year = {period.year - 1})"))
        if "departure_month" in known:
            recent = in_last_months_sql(["departure"], flows.WINDOW_MONTHS, period, known)
            found.append(("is_outflow_twelve_months", f"({abroad} AND {recent})"))
    column = outflow_definition({name for name, _ in found})
    if column is not None:
        found.append(("is_recent_outflow", column))
        if "departure_reason" in known:
            reason = flows.employment_reason_sql("departure_reason")
            found.append(("is_outflow_for_employment", f"(is_recent_outflow AND {reason})"))
    return found


def _take_from_household(spec: SurveySpec, given: AbsenteeSpec, steps: Steps) -> set[str]:
    """Append what the persons of the household share, and whether they do; return the columns taken.

    Persons left out of every universe count only where the household has no other.
    """
    taken = taken_from_household(spec, given)
    if not taken:
        add_step(steps, ["FALSE AS lacks_household", "FALSE AS has_unequal_household"])
        return set()
    last = steps[-1][0]
    # Raked weights differ within a household; population totals hold nobody who lives abroad.
    is_raked = spec.calibration is not None and "household_id" in spec.concepts
    everything = "* REPLACE (original_weight AS weight)" if is_raked else "*"
    shared = ", ".join(f"min({name}) AS shared_{name}" for name in taken)
    names = ", ".join(taken)
    steps.append(
        (
            "members",
            f"SELECT {everything}, count_if(exclusion IS NULL) OVER (PARTITION BY household_id) AS counted FROM "
            + ("harmonised_persons" if "household_id" in spec.concepts else _without_household(taken)),
        )
    )
    steps.append(
        (
            "households",
            f"SELECT household_id, {shared}, count(DISTINCT row({names})) > 1 AS is_unequal FROM members "
            "WHERE exclusion IS NULL OR counted = 0 GROUP BY household_id",
        )
    )
    columns = ", ".join(f"CASE WHEN NOT is_unequal THEN shared_{name} END AS {quote_name(name)}" for name in taken)
    steps.append(
        (
            f"step_{len(steps)}",
            f"SELECT listed.*, {columns}, "
            "listed.household_id IS NOT NULL AND households.household_id IS NULL AS lacks_household, "
            f"COALESCE(is_unequal, FALSE) AS has_unequal_household FROM {last} AS listed "
            "LEFT JOIN households ON households.household_id = listed.household_id",
        )
    )
    return set(taken)


def _without_household(taken: Collection[str]) -> str:
    """Return SQL for persons whose households are not identified: nobody can be found among them."""
    return f"(SELECT NULL::VARCHAR AS household_id, exclusion, {', '.join(taken)} FROM harmonised_persons WHERE FALSE)"
