"""Place of birth, citizenship, usual residence and the international migrant worker.

Here belong the derivations of the 2018 guidelines that need one person's row and the country of
measurement. Flows belong to ``flows``, absent members of households to ``absentees``.

Source: ICLS/20/2018/Guidelines, paragraphs 12-18 (STANDARDS 1.2, 1.6 and 1.7).
"""

from collections.abc import Collection

from schemas.periods import Period
from transforms.dates import months_since_sql

_CITIZENSHIPS = ("citizenship_1", "citizenship_2", "citizenship_3")


def place_of_birth_sql(area: str) -> str:
    """Return SQL for CBR_BIR: native-born, foreign-born or unknown (criterion country of birth)."""
    return (
        f"CASE WHEN country_of_birth = '{area}' THEN 'CBR_BIR_NATIVE' "
        "WHEN country_of_birth IS NULL OR country_of_birth = '_U' THEN 'CBR_BIR_X' "
        "ELSE 'CBR_BIR_FOREIGN' END"
    )


def citizenship_status_sql(area: str, collected: Collection[str]) -> str:
    """Return SQL for CCT_CIT: citizen, non-citizen or unknown (criterion citizenship).

    Who holds the citizenship of the country of measurement among others is a citizen; who is stateless
    holds none and is a non-citizen; unknown only if no citizenship at all is known (STANDARDS 1.7).
    """
    held = [name for name in _CITIZENSHIPS if name in collected]
    national = " OR ".join(f"{name} = '{area}'" for name in held)
    foreign = " OR ".join(f"COALESCE({name}, '_U') <> '_U'" for name in held)
    return f"CASE WHEN {national} THEN 'CCT_CIT_CITIZEN' WHEN {foreign} THEN 'CCT_CIT_NONCIT' ELSE 'CCT_CIT_X' END"


def country_of_citizenship_sql(area: str, collected: Collection[str]) -> str:
    """Return SQL for one country of citizenship: the national one if held, else the first known."""
    held = [name for name in _CITIZENSHIPS if name in collected]
    known = ", ".join(f"NULLIF({name}, '_U')" for name in held)
    return f"CASE WHEN citizenship_status = 'CCT_CIT_CITIZEN' THEN '{area}' ELSE COALESCE({known}, '_U') END"


def months_of_stay_sql(period: Period, collected: Collection[str]) -> str:
    """Return SQL for completed months between arrival and the end of the reference period."""
    return months_since_sql("arrival", period, collected)


def residence_status_sql(collected: Collection[str], usual_residence_months: int) -> str:
    """Return SQL for the residence status of a person the survey lists.

    A listed person is a usual resident by the survey's own household rule unless both the actual and
    the intended length of stay are known and shorter than the threshold (para 14; STANDARDS 1.6).
    """
    if not {"months_of_stay", "intended_stay_months"} <= set(collected):
        return "'RES_USUAL'"
    return (
        f"CASE WHEN months_of_stay < {usual_residence_months} "
        f"AND intended_stay_months < {usual_residence_months} "
        "THEN 'RES_PRESENT_NON_RESIDENT' ELSE 'RES_USUAL' END"
    )


def migrant_worker_sql(criterion: str) -> str:
    """Return SQL for category (a): a usual resident of working age, migrant, in the labour force.

    Args:
        criterion: ``birth`` or ``citizenship``; the two are never mixed.
    """
    migrant = {
        "birth": "place_of_birth = 'CBR_BIR_FOREIGN'",
        "citizenship": "citizenship_status = 'CCT_CIT_NONCIT'",
    }[criterion]
    return (
        f"COALESCE(is_working_age AND residence_status = 'RES_USUAL' AND {migrant} "
        "AND labour_force_status IN ('LMS_STATUS_EMP', 'LMS_STATUS_UNE'), FALSE)"
    )
