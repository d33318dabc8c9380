"""Flows, past work abroad and work across the border, derived from harmonised columns.

Here belong the columns that rest on when a person came, where the person lived before and where he or she works. What
each means is said in ``schemas/dictionary/migration.toml``, who is counted by it in ``schemas/universes.toml``. Absent
members of households are in ``absentees``.

A column is true, false or NULL, which is 'not stated': a no is only said where the answers establish it.

Source: ICLS/20/2018/Guidelines (STANDARDS 1.2, 1.4, 1.5, 5.2 and 6.1); ILOSTAT's descriptions of MFL and MNA.
"""

from collections.abc import Collection
from itertools import product

from transforms.dates import in_last_months_sql
from transforms.derivation import Context, Derived

#: Definitions of a recent inflow, the best first: the first one collected makes ``is_recent_inflow``.
INFLOW_DEFINITIONS = ("is_inflow_twelve_months", "is_inflow_residence_one_year_ago", "is_inflow_calendar_year")

#: Length of the rolling window, in months.
WINDOW_MONTHS = 12

_RESIDENT = "residence_status = 'RES_USUAL'"
_EMPLOYED = "labour_force_status = 'LMS_STATUS_EMP'"

#: Lower limit in months of each band of stay but the first.
_STAY_BANDS = ((120, "MGE120"), (60, "M60-119"), (12, "M12-59"))

#: Lower limit in months of each band of work abroad.
_WORK_ABROAD_BANDS = (*_STAY_BANDS, (6, "M6-11"), (0, "MLT6"))


def inflow_definition(known: Collection[str]) -> str | None:
    """Return the column whose definition of a recent inflow a survey's figures rest on; None where there is none.

    Args:
        known: harmonised columns of the survey.
    """
    return next((name for name in INFLOW_DEFINITIONS if name in known), None)


def employment_reason_sql(reason: str) -> str:
    """Return SQL: a migration was to take up a job or to look for work; NULL where the reason is not stated."""
    return f"NULLIF(NULLIF({reason}, 'REASON_X'), '_U') IN ('REASON_JOB', 'REASON_JOB_SEARCH')"


# --- recent inflow, one column per definition ----------------------------------------------------


def _arrived(condition: str) -> str:
    return f"({_RESIDENT} AND CASE WHEN has_arrived_from_abroad THEN {condition} ELSE FALSE END)"


def _calendar_year_sql(context: Context) -> str:
    return _arrived(f"arrival_year = {context.period.year - 1}")


def _twelve_months_sql(context: Context) -> str:
    if "months_of_stay" in context.spec.concepts:
        return _arrived(f"months_of_stay < {WINDOW_MONTHS}")
    return _arrived(in_last_months_sql(["arrival"], WINDOW_MONTHS, context.period, context.known))


def _residence_one_year_ago_sql(context: Context) -> str:
    return f"({_RESIDENT} AND NULLIF(residence_one_year_ago, '_U') <> '{context.spec.survey.area}')"


def _reference_period_sql(context: Context) -> str:
    start, end = context.period.start, context.period.end
    return _arrived(in_last_months_sql(["arrival"], end.month - start.month + 1, context.period, context.known))


def _recent_inflow_sql(context: Context) -> str:
    column = inflow_definition(context.known)
    assert column is not None
    return column


# --- who came to work, and who returned ----------------------------------------------------------


def _for_work_sql(context: Context) -> str:
    criteria = []
    if "place_of_birth" in context.known:
        criteria.append("NULLIF(place_of_birth, 'CBR_BIR_X') = 'CBR_BIR_FOREIGN'")
    if "citizenship_status" in context.known:
        criteria.append("NULLIF(citizenship_status, 'CCT_CIT_X') = 'CCT_CIT_NONCIT'")
    reason = employment_reason_sql("migration_reason")
    return f"(is_recent_inflow AND is_working_age AND ({' OR '.join(criteria)}) AND {reason})"


def _return_worker_sql(context: Context) -> str:
    parameters, known = context.spec.migration, context.known
    conditions = [_RESIDENT, "is_working_age", "worked_abroad"]
    if parameters.return_minimum_months is not None:
        conditions.append(f"months_worked_abroad >= {parameters.return_minimum_months}")
    if parameters.return_within_months is not None:
        events = [event for event in ("return", "arrival") if f"{event}_year" in known]
        conditions.append(f"({in_last_months_sql(events, parameters.return_within_months, context.period, known)})")
    return f"({' AND '.join(conditions)})"


def _returned_citizen_sql(context: Context) -> str:
    """Return SQL for a citizen who came back; an unknown country of previous residence is another country."""
    area, known = context.spec.survey.area, context.known
    conditions = ["is_recent_inflow", "NULLIF(citizenship_status, 'CCT_CIT_X') = 'CCT_CIT_CITIZEN'"]
    if inflow_definition(known) != "is_inflow_residence_one_year_ago":
        conditions.append(f"COALESCE(country_of_previous_residence, '_U') <> '{area}'")
    belonged = []
    if "place_of_birth" in known:
        belonged.append("NULLIF(place_of_birth, 'CBR_BIR_X') = 'CBR_BIR_NATIVE'")
    if "citizenship_at_birth" in known:
        belonged.append(f"NULLIF(citizenship_at_birth, '_U') = '{area}'")
    if "residence_five_years_ago" in known:
        belonged.append(f"COALESCE(residence_five_years_ago = '{area}', FALSE)")
    return f"({' AND '.join(conditions)} AND ({' OR '.join(belonged)}))"


# --- stay ----------------------------------------------------------------------------------------


def _stay_band_sql(context: Context) -> str:
    bands = " ".join(f"WHEN months_of_stay >= {limit} THEN 'STY_BANDS_{item}'" for limit, item in _STAY_BANDS)
    return (
        "CASE WHEN has_arrived_from_abroad THEN CASE WHEN months_of_stay IS NULL THEN 'STY_BANDS_X' "
        f"{bands} ELSE 'STY_BANDS_MLT12' END END"
    )


def _work_abroad_band_sql(context: Context) -> str:
    bands = " ".join(
        f"WHEN months_worked_abroad >= {limit} THEN 'DAB_BANDS_{item}'" for limit, item in _WORK_ABROAD_BANDS
    )
    return f"CASE WHEN worked_abroad THEN CASE {bands} ELSE 'DAB_BANDS_X' END END"


def _age_at_arrival_sql(context: Context) -> str:
    """Return SQL for the age at arrival; a year of arrival without month leaves six months of play at birth."""
    if {"age", "months_of_stay"} <= context.known:
        play = "0"
        if "arrival_year" in context.known:
            play = "CASE WHEN arrival_month IS NULL THEN 6 ELSE 0 END" if "arrival_month" in context.known else "6"
        return (
            f"CASE WHEN months_of_stay <= age * 12 + 11 + {play} "
            "THEN GREATEST(floor((age * 12 + 6 - months_of_stay) / 12), 0) END"
        )
    return "CASE WHEN arrival_year >= birth_year THEN arrival_year - birth_year END"


def _naturalised_sql(context: Context) -> str:
    return (
        "COALESCE(citizenship_status = 'CCT_CIT_CITIZEN' "
        f"AND NULLIF(citizenship_at_birth, '_U') <> '{context.spec.survey.area}', FALSE)"
    )


# --- work across the border ----------------------------------------------------------------------


def _works_abroad_sql(context: Context) -> str:
    return (
        f"CASE WHEN {_EMPLOYED} AND {_RESIDENT} THEN NULLIF(country_of_work, '_U') <> '{context.spec.survey.area}' END"
    )


def _tells_residents(context: Context) -> bool:
    """Whether the survey tells usual residents from others who are present."""
    if "residence_status" in context.spec.concepts:
        return True
    asked = {"months_of_stay", "intended_stay_months"} <= context.known
    return asked and not context.spec.population.residence_by_design


def _non_resident_worker_sql(context: Context) -> str:
    """Return SQL for category (b); the guidelines ask who seeks work here for no availability."""
    here = ""
    if "country_of_work" in context.known:
        here = f" AND NULLIF(country_of_work, '_U') = '{context.spec.survey.area}'"
    seeks = "labour_force_status = 'LMS_STATUS_UNE'"
    if "job_search" in context.known:
        seeks = "labour_force_status <> 'LMS_STATUS_EMP' AND job_search"
    return f"(residence_status = 'RES_PRESENT_NON_RESIDENT' AND is_working_age AND (({_EMPLOYED}{here}) OR ({seeks})))"


def _waiting_sql(context: Context) -> str:
    return "CASE WHEN is_working_age THEN labour_force_status <> 'LMS_STATUS_EMP' AND waiting_to_migrate END"


def _cost_ratio_sql(context: Context) -> str:
    return (
        "CASE WHEN recruitment_cost >= 0 AND first_month_earnings > 0 THEN recruitment_cost / first_month_earnings END"
    )


_CRITERIA = ("place_of_birth", "citizenship_status")

DERIVED = (
    Derived("stay_band", ("months_of_stay",), _stay_band_sql),
    Derived("age_at_arrival", ("age", "months_of_stay"), _age_at_arrival_sql),
    Derived("age_at_arrival", ("birth_year", "arrival_year"), _age_at_arrival_sql),
    Derived("is_naturalised", ("citizenship_status", "citizenship_at_birth"), _naturalised_sql),
    Derived("is_inflow_calendar_year", ("arrival_year",), _calendar_year_sql),
    Derived(
        "is_inflow_twelve_months",
        ("months_of_stay",),
        _twelve_months_sql,
        when=lambda context: (
            "months_of_stay" in context.spec.concepts or {"arrival_year", "arrival_month"} <= context.known
        ),
    ),
    Derived("is_inflow_residence_one_year_ago", ("residence_one_year_ago",), _residence_one_year_ago_sql),
    Derived("is_inflow_reference_period", ("arrival_year", "arrival_month"), _reference_period_sql),
    *(Derived("is_recent_inflow", (definition,), _recent_inflow_sql) for definition in INFLOW_DEFINITIONS),
    *(
        Derived("is_for_work_migrant", ("is_recent_inflow", "migration_reason", criterion), _for_work_sql)
        for criterion in _CRITERIA
    ),
    Derived("is_return_migrant_worker", ("worked_abroad",), _return_worker_sql),
    Derived("work_abroad_band", ("worked_abroad", "months_worked_abroad"), _work_abroad_band_sql),
    *(
        Derived("is_returned_citizen", ("is_recent_inflow", "citizenship_status", *questions), _returned_citizen_sql)
        for questions in product(
            ("country_of_previous_residence", "is_inflow_residence_one_year_ago"),
            ("place_of_birth", "citizenship_at_birth"),
        )
    ),
    Derived("works_abroad", ("labour_force_status", "country_of_work"), _works_abroad_sql),
    Derived(
        "is_non_resident_foreign_worker", ("labour_force_status",), _non_resident_worker_sql, when=_tells_residents
    ),
    Derived("is_waiting_to_migrate_for_work", ("labour_force_status", "waiting_to_migrate"), _waiting_sql),
    Derived("recruitment_cost_ratio", ("recruitment_cost", "first_month_earnings"), _cost_ratio_sql),
)
