"""The main job: hours bands, formality, domestic work, hourly pay and the match of education and occupation.

Here belong derivations over one employed person's answers. Which answers a survey has differs: each SQL is made of
what is collected, and an answer that is not stated counts for nothing.

Sources: ILOSTAT HOW_BANDS (STANDARDS 2.8); the ILO's processing of informality after the 15th and 17th ICLS
(STANDARDS 2.9; the 21st ICLS of 2023 is not applied); groups of the pay gap (STANDARDS 0.18); the normative table of
``schemas.skills``.
"""

from collections.abc import Iterable

from schemas.codes import items_of, load_code_lists, load_shared_codes
from schemas.expressions import quote_text
from schemas.skills import load_required_education
from transforms.derivation import Context, Derived

_EMPLOYED = "labour_force_status = 'LMS_STATUS_EMP'"

#: Upper limit of each band of hours, which belongs to it; the first band holds 0 hours only.
_BANDS = ((14, "H01-14"), (29, "H15-29"), (34, "H30-34"), (39, "H35-39"), (48, "H40-48"))

#: Units that belong to nobody's household.
_FORMAL_SECTORS = ("INST_GOVERNMENT", "INST_CORPORATION", "INST_NON_PROFIT", "INST_INTERNATIONAL")

#: ISIC version -> table of its divisions, and the division of households as employers.
_DOMESTIC = {"ECO_ISIC4": ("ISIC4_DIVISION", "97"), "ECO_ISIC3": ("ISIC3_DIVISION", "95")}


#: A month of work is 52/12 weeks.
_WEEKS_A_YEAR, _MONTHS_A_YEAR = 52.0, 12


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(map(quote_text, codes))


def _hours_band_sql(context: Context) -> str:
    """Return SQL for HOW_BANDS; fractions of an hour belong to the band whose upper limit they do not pass."""
    bands = " ".join(f"WHEN hours_actual_all <= {limit} THEN 'HOW_BANDS_{item}'" for limit, item in _BANDS)
    return f"""CASE WHEN {_EMPLOYED} THEN CASE
        WHEN hours_actual_all = 0 THEN 'HOW_BANDS_H00'
        WHEN hours_actual_all IS NULL OR hours_actual_all < 1 THEN 'HOW_BANDS_X'
        {bands} ELSE 'HOW_BANDS_HGE49' END END"""


def _production_unit_sql(context: Context) -> str:
    """Return SQL for INFORMAL_UNIT of the unit that an employed person works in."""
    known = context.known
    household, formal = [], []
    if "institutional_sector" in known:
        household.append("institutional_sector = 'INST_PRIVATE_HOUSEHOLD'")
        formal.append(f"institutional_sector IN ({_listed(_FORMAL_SECTORS)})")
    if "produces_for_own_use" in known:
        household.append("produces_for_own_use")
    formal += [column for column in ("keeps_accounts", "is_registered") if column in known]
    if {"status_in_employment", "has_employer_social_security"} <= known:
        formal.append("(status_in_employment = 'STE_ICSE93_1' AND has_employer_social_security)")
    if {"has_fixed_premises", "establishment_size"} <= known:
        unknown = "is_registered IS NULL AND " if "is_registered" in known else ""
        size = context.spec.informality.establishment_size
        formal.append(f"({unknown}has_fixed_premises AND establishment_size > {size})")
    in_household = f"WHEN {' OR '.join(household)} THEN 'UNIT_HOUSEHOLD' " if household else ""
    return (
        f"CASE WHEN {_EMPLOYED} THEN CASE {in_household}"
        f"WHEN {' OR '.join(formal)} THEN 'UNIT_FORMAL' ELSE 'UNIT_INFORMAL' END END"
    )


def _job_formality_sql(context: Context) -> str:
    """Return SQL for JOB_FORMALITY of the main job."""
    protected = []
    insured = "has_employer_social_security" in context.known
    if insured:
        protected.append("has_employer_social_security")
    if {"has_paid_annual_leave", "has_paid_sick_leave"} <= context.known:
        unknown = "has_employer_social_security IS NULL AND " if insured else ""
        protected.append(f"({unknown}has_paid_annual_leave AND has_paid_sick_leave)")
    return f"""CASE WHEN {_EMPLOYED} THEN CASE
        WHEN status_in_employment = 'STE_ICSE93_5' THEN 'JOB_INFORMAL'
        WHEN status_in_employment IN ('STE_ICSE93_2', 'STE_ICSE93_3', 'STE_ICSE93_4')
        THEN CASE WHEN production_unit = 'UNIT_FORMAL' THEN 'JOB_FORMAL' ELSE 'JOB_INFORMAL' END
        WHEN {" OR ".join(protected)} THEN 'JOB_FORMAL' ELSE 'JOB_INFORMAL' END END"""


def _domestic_worker_sql(context: Context) -> str:
    """Return SQL: in the division of households as employers; NULL where the division is none of its version."""
    version = context.spec.concepts["economic_activity"].classification
    table, division = _DOMESTIC[version or "ECO_ISIC4"]
    return (
        f"CASE WHEN {_EMPLOYED} AND economic_activity_division IN ({_listed(sorted(load_shared_codes(table)))}) "
        f"THEN economic_activity_division = '{division}' END"
    )


def _skills_match_sql(context: Context) -> str:
    """Return SQL for SKILLS_MATCH: the level of education against those that the major group requires."""
    concepts = context.spec.concepts
    occupations, levels = concepts["occupation"].classification or "", concepts["education"].classification or ""
    order = [
        item.code
        for item in load_code_lists()[levels].items
        if not item.is_total and items_of("EDU_AGGREGATE", item.code) != ("EDU_AGGREGATE_X",)
    ]
    required: dict[tuple[str, str], list[str]] = {}
    for occupation, lowest, highest in load_required_education()[occupations, levels]:
        required.setdefault((lowest, highest), []).append(occupation)
    branches = []
    for (lowest, highest), groups in required.items():
        first, last = order.index(lowest), order.index(highest)
        parts = {"UNDER": order[:first], "MATCHED": order[first : last + 1], "OVER": order[last + 1 :]}
        branches += [
            f"WHEN occupation IN ({_listed(groups)}) AND education IN ({_listed(codes)}) THEN 'MATCH_{match}'"
            for match, codes in parts.items()
            if codes
        ]
    return f"CASE WHEN {_EMPLOYED} THEN CASE {' '.join(branches)} ELSE 'MATCH_X' END END"


def _hourly_earnings_sql(context: Context) -> str:
    """Return SQL for earnings per hour: pay and hours of the same job, a month being 52/12 weeks."""
    return f"CASE WHEN hours_usual > 0 THEN monthly_earnings / (hours_usual * {_WEEKS_A_YEAR} / {_MONTHS_A_YEAR}) END"


def _aggregate_sql(version: str, column: str, lists: Iterable[str]) -> str:
    """Return SQL for the item of an aggregate version that holds a code; NULL where it is not known."""
    held: dict[str, list[str]] = {}
    for item in (item for name in lists for item in load_code_lists()[name].items if not item.is_total):
        for aggregate in items_of(version, item.code):
            held.setdefault(aggregate, []).append(item.code)
    branches = " ".join(
        f"WHEN {column} IN ({_listed(codes)}) THEN {quote_text(aggregate)}"
        for aggregate, codes in held.items()
        if not aggregate.endswith("_X")
    )
    return f"CASE {branches} END"


def _pay_group_sql(context: Context) -> str:
    """Return SQL for the group within which pay is compared; NULL where a part of it is not known."""
    assert context.spec.labour_force is not None
    group = " || '|' || ".join(
        (
            "NULLIF(sex, '_U')",
            _aggregate_sql("EDU_AGGREGATE", "education", ("EDU_ISCED11", "EDU_ISCED97")),
            _aggregate_sql("AGE_AGGREGATE", "age_band", ("AGE_10YRBANDS",)),
            f"CASE WHEN hours_usual < {context.spec.labour_force.underemployment_hours} THEN 'PART_TIME' "
            "WHEN hours_usual IS NOT NULL THEN 'FULL_TIME' END",
            "CASE WHEN institutional_sector = 'INST_GOVERNMENT' THEN 'PUBLIC' "
            "WHEN institutional_sector NOT IN ('INST_X', '_U') THEN 'PRIVATE' END",
        )
    )
    return f"CASE WHEN {_EMPLOYED} THEN {group} END"


DERIVED = (
    Derived("hours_band", ("labour_force_status", "hours_actual_all"), _hours_band_sql),
    *(
        Derived("production_unit", ("labour_force_status", question), _production_unit_sql)
        for question in ("institutional_sector", "is_registered", "keeps_accounts")
    ),
    *(
        Derived("job_formality", ("status_in_employment", "production_unit", *questions), _job_formality_sql)
        for questions in (("has_employer_social_security",), ("has_paid_annual_leave", "has_paid_sick_leave"))
    ),
    Derived(
        "is_domestic_worker",
        ("labour_force_status", "economic_activity", "economic_activity_division"),
        _domestic_worker_sql,
    ),
    Derived("hourly_earnings", ("monthly_earnings", "hours_usual"), _hourly_earnings_sql),
    Derived(
        "pay_group",
        ("labour_force_status", "sex", "age_band", "education", "hours_usual", "institutional_sector"),
        _pay_group_sql,
    ),
    Derived("skills_match", ("labour_force_status", "occupation", "education"), _skills_match_sql),
)
