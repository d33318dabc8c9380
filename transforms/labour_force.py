"""Labour force status of the 19th ICLS, from building blocks.

Here belongs the decision tree, written once for every survey. How a national question becomes a
building block belongs to the survey's specification, not here.

Source: 19th ICLS (2013) Resolution I, paragraphs 25-48 (STANDARDS 2.1).
"""

from collections.abc import Collection

#: Absences that leave a person employed whatever their length (para 29: reason alone).
ABSENT_BY_REASON = (
    "ABS_ILLNESS",
    "ABS_HOLIDAY",
    "ABS_VACATION",
    "ABS_MATERNITY",
    "ABS_WORKING_TIME",
)
#: Absences that leave a person employed if pay continues or they last at most three months.
ABSENT_BY_TEST = (
    "ABS_PARENTAL",
    "ABS_EDUCATION",
    "ABS_CARE",
    "ABS_PERSONAL",
    "ABS_STRIKE",
    "ABS_SLACK_WORK",
    "ABS_SUSPENSION",
    "ABS_OTHER",
    "ABS_X",
)
#: Reasons that say that there is no job now: the off-season, and a job that has yet to start.
NOT_EMPLOYED_REASONS = ("ABS_SEASONAL", "ABS_FUTURE_START")

MAXIMUM_ABSENCE_MONTHS = 3
MAXIMUM_FUTURE_START_MONTHS = 3

#: Leaf of the tree -> labour force status.
STATUS_OF_RULE = {
    "EMP_AT_WORK": "LMS_STATUS_EMP",
    "EMP_ABSENT_BY_REASON": "LMS_STATUS_EMP",
    "EMP_ABSENT_BY_TEST": "LMS_STATUS_EMP",
    "UNE_SEEKING_AVAILABLE": "LMS_STATUS_UNE",
    "UNE_FUTURE_START": "LMS_STATUS_UNE",
    "UNE_WAITING_TO_MIGRATE": "LMS_STATUS_UNE",
    "OLF_SEEKING_NOT_AVAILABLE": "LMS_STATUS_EIP",
    "OLF_AVAILABLE_NOT_SEEKING": "LMS_STATUS_EIP",
    "OLF_OTHER": "LMS_STATUS_EIP",
}


def _quoted(codes: Collection[str]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


def absent_sql(collected: Collection[str]) -> str:
    """Return SQL: absent from a job in the whole reference week, so that reason, length and pay of it matter.

    Who produced for own use only was absent from the job all the same.
    """
    if "own_use_production_only" in collected:
        return "absent_from_job AND NOT (worked_one_hour AND own_use_production_only IS NOT TRUE)"
    return "absent_from_job AND NOT worked_one_hour"


def _absence_test_sql(collected: Collection[str]) -> str:
    """Return the further condition of absences by test; empty where neither pay nor length is asked."""
    proofs = []
    if "absence_paid" in collected:
        proofs.append("absence_paid")
    if "absence_months" in collected:
        proofs.append(f"absence_months <= {MAXIMUM_ABSENCE_MONTHS}")
    return f" AND ({' OR '.join(proofs)})" if proofs else ""


def employment_rule_sql(collected: Collection[str], absence_test: str) -> str:
    """Return SQL for the leaf of the employment part of the tree; NULL where not employed.

    Args:
        collected: names of the building blocks that the survey collects (columns of the relation).
        absence_test: ``full`` applies reason, duration and pay; ``reason`` is for questionnaires that
            do not ask duration and pay, where only the off-season and a future start are not employment.

    Work for own use only is not employment (para 22), but who did it while absent from a job for pay or profit
    is judged by that absence. A block that is not collected cannot exclude anybody, and a reason that is not
    stated is judged like one that needs the test.
    """
    market = " AND own_use_production_only IS NOT TRUE" if "own_use_production_only" in collected else ""
    branches = [f"WHEN worked_one_hour{market} THEN 'EMP_AT_WORK'"]
    if "absent_from_job" in collected:
        passed = _absence_test_sql(collected) if absence_test == "full" else ""
        if "absence_reason" in collected:
            reason = "COALESCE(NULLIF(absence_reason, '_U'), 'ABS_X')"
            branches.append(
                f"WHEN absent_from_job AND {reason} IN ({_quoted(ABSENT_BY_REASON)}) THEN 'EMP_ABSENT_BY_REASON'"
            )
            passed = f" AND {reason} IN ({_quoted(ABSENT_BY_TEST)}){passed}"
        branches.append(f"WHEN absent_from_job{passed} THEN 'EMP_ABSENT_BY_TEST'")
    return f"CASE {' '.join(branches)} END"


def status_rule_sql(collected: Collection[str], employment_rule: str) -> str:
    """Return SQL for the leaf of the whole tree, for persons of working age.

    Args:
        collected: names of the building blocks that the survey collects.
        employment_rule: SQL of the employment leaf (a column name or an expression).

    Future starters need no search, but availability and a start within three months (para 48a); who
    waits to leave for work abroad is unemployed without an availability test (para 48c).
    """
    available = "available" if "available" in collected else "FALSE"
    search = "job_search" if "job_search" in collected else "FALSE"
    branches = [
        f"WHEN {employment_rule} IS NOT NULL THEN {employment_rule}",
        f"WHEN {search} AND {available} THEN 'UNE_SEEKING_AVAILABLE'",
    ]
    if "future_start" in collected:
        soon = ""
        if "future_start_months" in collected:
            soon = f" AND COALESCE(future_start_months <= {MAXIMUM_FUTURE_START_MONTHS}, TRUE)"
        branches.append(f"WHEN future_start AND {available}{soon} THEN 'UNE_FUTURE_START'")
    if "waiting_to_migrate" in collected:
        branches.append("WHEN waiting_to_migrate THEN 'UNE_WAITING_TO_MIGRATE'")
    branches += [
        f"WHEN {search} THEN 'OLF_SEEKING_NOT_AVAILABLE'",
        f"WHEN {available} THEN 'OLF_AVAILABLE_NOT_SEEKING'",
    ]
    return f"CASE {' '.join(branches)} ELSE 'OLF_OTHER' END"


def status_sql(rule: str) -> str:
    """Return SQL for the labour force status (LMS_STATUS code) of a leaf of the tree."""
    branches = " ".join(f"WHEN '{leaf}' THEN '{status}'" for leaf, status in STATUS_OF_RULE.items())
    return f"CASE {rule} {branches} END"
