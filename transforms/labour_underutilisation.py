"""Labour underutilisation beside unemployment: the potential labour force and time-related underemployment.

Here belong the two columns that the measures LU2 to LU4 need; the measures themselves are rates over universes
(``schemas/universes.toml``, ``schemas/indicators.toml``).

Source: 19th ICLS (2013) Resolution I, paragraphs 43 and 51 (STANDARDS 2.1).
"""

from transforms.derivation import Context, Derived

#: Threshold of hours -> ILOSTAT note; any other threshold is T4:112, nonstandard.
_THRESHOLD_NOTES = {30.0: "T4:109", 35.0: "T4:110", 40.0: "T4:111"}


def _attachment_sql(context: Context) -> str:
    """Return SQL for OLF_DLMA of a person outside the labour force; NULL for everybody else.

    Where it is not asked whether an unavailable jobseeker would be available soon, every one counts.
    """
    soon = " AND available_soon" if "available_soon" in context.known else ""
    return f"""CASE WHEN labour_force_status = 'LMS_STATUS_EIP' THEN CASE
        WHEN job_search AND NOT available{soon} THEN 'DLMA_UNAVAILABLE_SEEKER'
        WHEN NOT job_search AND NOT wants_work THEN 'DLMA_NOT_WILLING'
        WHEN NOT job_search AND available AND wants_work THEN 'DLMA_AVAILABLE_POTENTIAL'
        WHEN NOT job_search AND NOT available AND wants_work THEN 'DLMA_WILLING'
        ELSE 'DLMA_X' END END"""


def _potential_sql(context: Context) -> str:
    """Return SQL: in the potential labour force; NULL below working age and without labour force status."""
    return (
        "CASE WHEN labour_force_status IS NOT NULL THEN coalesce(labour_market_attachment "
        "IN ('DLMA_UNAVAILABLE_SEEKER', 'DLMA_AVAILABLE_POTENTIAL'), FALSE) END"
    )


def _underemployed_sql(context: Context) -> str:
    """Return SQL: wants more hours, is available for them and works below the threshold; NULL where that is open."""
    assert context.spec.labour_force is not None
    hours = "hours_usual_all" if "hours_usual_all" in context.known else "hours_actual_all"
    available = "available_more_hours AND " if "available_more_hours" in context.known else ""
    return (
        f"CASE WHEN labour_force_status = 'LMS_STATUS_EMP' THEN wants_more_hours AND {available}"
        f"{hours} < {context.spec.labour_force.underemployment_hours} END"
    )


def underemployment_notes(context: Context) -> tuple[str, ...]:
    """Return the ILOSTAT notes on how time-related underemployment was measured; none where it was not.

    Type T4 names the threshold of hours, type T35 the criteria: all three, or two where the survey does not ask
    who is available for more hours.
    """
    if "is_time_related_underemployed" not in context.known or context.spec.labour_force is None:
        return ()
    threshold = _THRESHOLD_NOTES.get(context.spec.labour_force.underemployment_hours, "T4:112")
    return threshold, "T35:2414" if "available_more_hours" in context.known else "T35:2416"


DERIVED = (
    Derived(
        "labour_market_attachment", ("labour_force_status", "job_search", "available", "wants_work"), _attachment_sql
    ),
    Derived("is_potential_labour_force", ("labour_force_status", "labour_market_attachment"), _potential_sql),
    *(
        Derived("is_time_related_underemployed", ("labour_force_status", "wants_more_hours", hours), _underemployed_sql)
        for hours in ("hours_usual_all", "hours_actual_all")
    ),
)
