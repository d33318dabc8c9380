"""The main job: hours, formality, domestic work, pay and skills, beside decision tables and rules written anew."""

from itertools import product

import pytest

from tests.transforms.derive import context, derive, specification

EMPLOYED, OUTSIDE = "LMS_STATUS_EMP", "LMS_STATUS_EIP"
ANSWERS = (True, False, None)

# --- hours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "band"),
    [
        (-1, "X"), (-0.5, "X"), (0, "H00"), (0.01, "X"), (0.5, "X"), (0.99, "X"), (1, "H01-14"), (13.5, "H01-14"),
        (14, "H01-14"), (14.01, "H15-29"), (14.5, "H15-29"), (15, "H15-29"), (29, "H15-29"), (29.5, "H30-34"),
        (30, "H30-34"), (34, "H30-34"), (34.25, "H35-39"), (35, "H35-39"), (39, "H35-39"), (39.5, "H40-48"),
        (40, "H40-48"), (48, "H40-48"), (48.5, "HGE49"), (49, "HGE49"), (168, "HGE49"), (None, "X"),
    ],
)  # fmt: skip
def test_bands_of_hours(hours, band):
    columns = ("labour_force_status", "hours_actual_all")
    found = derive(columns, [(EMPLOYED, hours), (OUTSIDE, hours), (None, hours)], ("hours_band",))
    assert found == [(f"HOW_BANDS_{band}",), (None,), (None,)]


def test_bands_are_of_all_jobs():
    assert "hours_band" not in context(("labour_force_status", "hours_usual", "hours_usual_all")).known


# --- informality ---------------------------------------------------------------------------------

QUESTIONS = ("institutional_sector", "status_in_employment", "produces_for_own_use", "keeps_accounts",
             "is_registered", "has_employer_social_security", "has_paid_annual_leave", "has_paid_sick_leave",
             "has_fixed_premises", "establishment_size")  # fmt: skip
COLUMNS = ("labour_force_status", *QUESTIONS)

Y, N, U = True, False, None
EES, EMR, OWN, COP, CFW, NEC = "123456"

#: sector, status, own use, accounts, registered, social security, annual leave, sick leave, premises, size
#: -> unit of production, job. Worked by hand from STANDARDS 2.9.
TABLE = [
    # Employees of units outside the household sector: formal units whatever else; the job by its conditions.
    ("GOVERNMENT", EES, N, U, U, Y, U, U, U, U, "FORMAL", "FORMAL"),
    ("GOVERNMENT", EES, N, U, U, N, Y, Y, U, U, "FORMAL", "INFORMAL"),
    ("GOVERNMENT", EES, N, U, U, U, Y, Y, U, U, "FORMAL", "FORMAL"),
    ("GOVERNMENT", EES, N, U, U, U, Y, N, U, U, "FORMAL", "INFORMAL"),
    ("CORPORATION", EES, N, N, N, N, N, N, N, 2, "FORMAL", "INFORMAL"),
    ("CORPORATION", EES, N, N, N, Y, N, N, N, 2, "FORMAL", "FORMAL"),
    ("NON_PROFIT", EES, N, U, U, U, N, Y, U, U, "FORMAL", "INFORMAL"),
    ("INTERNATIONAL", EES, N, U, U, U, U, U, U, U, "FORMAL", "INFORMAL"),
    # Private households: neither formal nor informal sector; the job may be formal.
    ("PRIVATE_HOUSEHOLD", EES, N, U, U, Y, U, U, U, U, "HOUSEHOLD", "FORMAL"),
    ("PRIVATE_HOUSEHOLD", EES, N, U, U, N, Y, Y, U, U, "HOUSEHOLD", "INFORMAL"),
    ("PRIVATE_HOUSEHOLD", EES, N, Y, Y, U, Y, Y, Y, 20, "HOUSEHOLD", "FORMAL"),
    ("PRIVATE_HOUSEHOLD", OWN, N, U, U, U, U, U, U, U, "HOUSEHOLD", "INFORMAL"),
    # Production for own use: a household, also where it is registered.
    ("UNINCORPORATED", OWN, Y, U, U, U, U, U, U, U, "HOUSEHOLD", "INFORMAL"),
    ("UNINCORPORATED", EMR, Y, Y, Y, U, U, U, Y, 9, "HOUSEHOLD", "INFORMAL"),
    ("GOVERNMENT", EES, Y, U, U, Y, U, U, U, U, "HOUSEHOLD", "FORMAL"),
    # Accounts or registration make the unit formal.
    ("UNINCORPORATED", OWN, N, Y, U, U, U, U, U, U, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", OWN, N, Y, N, U, U, U, U, U, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", OWN, N, N, Y, U, U, U, U, U, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", EMR, N, U, Y, U, U, U, N, 2, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", COP, N, U, Y, U, U, U, U, U, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", COP, N, U, N, U, U, U, U, U, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", EMR, N, N, N, U, U, U, U, U, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", OWN, N, N, N, U, U, U, Y, 50, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", OWN, N, U, U, U, U, U, U, U, "INFORMAL", "INFORMAL"),
    # An employee's social security makes the unit and the job formal; of others it says nothing.
    ("UNINCORPORATED", EES, N, N, N, Y, N, N, N, 1, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", EES, N, U, U, Y, U, U, U, U, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", EES, N, N, N, N, Y, Y, N, 1, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", EES, N, N, N, U, Y, Y, N, 1, "INFORMAL", "FORMAL"),
    ("UNINCORPORATED", EMR, N, N, N, Y, U, U, U, U, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", OWN, N, N, N, Y, Y, Y, U, U, "INFORMAL", "INFORMAL"),
    # Premises and size, only where registration is not known.
    ("UNINCORPORATED", OWN, N, U, U, U, U, U, Y, 6, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", OWN, N, U, U, U, U, U, Y, 5, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", OWN, N, U, U, U, U, U, N, 6, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", OWN, N, U, U, U, U, U, U, 6, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", OWN, N, U, U, U, U, U, Y, U, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", OWN, N, U, N, U, U, U, Y, 6, "INFORMAL", "INFORMAL"),
    ("UNINCORPORATED", EMR, N, N, U, U, U, U, Y, 10, "FORMAL", "FORMAL"),
    ("UNINCORPORATED", EES, N, U, U, N, N, N, Y, 10, "FORMAL", "INFORMAL"),
    ("UNINCORPORATED", EES, N, U, U, U, U, U, Y, 10, "FORMAL", "INFORMAL"),
    ("X", OWN, U, U, U, U, U, U, Y, 6, "FORMAL", "FORMAL"),
    # Contributing family workers are informal in every unit.
    ("UNINCORPORATED", CFW, N, Y, Y, Y, Y, Y, Y, 50, "FORMAL", "INFORMAL"),
    ("CORPORATION", CFW, N, U, U, U, U, U, U, U, "FORMAL", "INFORMAL"),
    ("UNINCORPORATED", CFW, Y, U, U, U, U, U, U, U, "HOUSEHOLD", "INFORMAL"),
    ("UNINCORPORATED", CFW, N, N, N, Y, U, U, U, U, "INFORMAL", "INFORMAL"),
    # Status not known: the job is judged as an employee's, the unit is not.
    ("UNINCORPORATED", NEC, N, N, N, Y, U, U, U, U, "INFORMAL", "FORMAL"),
    ("UNINCORPORATED", NEC, N, U, Y, U, U, U, U, U, "FORMAL", "INFORMAL"),
    ("X", NEC, U, U, U, U, U, U, U, U, "INFORMAL", "INFORMAL"),
    ("X", NEC, U, U, U, U, Y, Y, U, U, "INFORMAL", "FORMAL"),
]  # fmt: skip


def coded(row):
    """A row of answers with its codes in full, of somebody employed."""
    return (EMPLOYED, f"INST_{row[0]}", f"STE_ICSE93_{row[1]}", *row[2:10])


def test_the_decision_table():
    assert len(TABLE) >= 40
    assert len({row[:10] for row in TABLE}) == len(TABLE)
    found = derive(COLUMNS, [coded(row) for row in TABLE], ("production_unit", "job_formality"))
    expected = [(f"UNIT_{row[10]}", f"JOB_{row[11]}") for row in TABLE]
    assert [number for number, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]] == []


def formality_by_the_text(answers, size):
    """Unit and job as STANDARDS 2.9 puts them; a question that is not asked is None."""
    sector, status = answers["institutional_sector"], answers["status_in_employment"]
    is_employee = status == "STE_ICSE93_1"
    insured = answers["has_employer_social_security"]
    if sector == "INST_PRIVATE_HOUSEHOLD" or answers["produces_for_own_use"]:
        unit = "UNIT_HOUSEHOLD"
    else:
        big_shop = bool(answers["has_fixed_premises"]) and (answers["establishment_size"] or 0) > size
        proofs = (
            sector in {"INST_GOVERNMENT", "INST_CORPORATION", "INST_NON_PROFIT", "INST_INTERNATIONAL"},
            answers["keeps_accounts"] is True,
            answers["is_registered"] is True,
            is_employee and insured is True,
            answers["is_registered"] is None and big_shop,
        )
        unit = "UNIT_FORMAL" if any(proofs) else "UNIT_INFORMAL"
    if status == "STE_ICSE93_5":
        is_formal = False
    elif status in {"STE_ICSE93_2", "STE_ICSE93_3", "STE_ICSE93_4"}:
        is_formal = unit == "UNIT_FORMAL"
    elif insured is None:
        is_formal = answers["has_paid_annual_leave"] is True and answers["has_paid_sick_leave"] is True
    else:
        is_formal = insured
    return unit, "JOB_FORMAL" if is_formal else "JOB_INFORMAL"


VALUES = {
    "institutional_sector": ("INST_GOVERNMENT", "INST_CORPORATION", "INST_NON_PROFIT", "INST_INTERNATIONAL",
                             "INST_PRIVATE_HOUSEHOLD", "INST_UNINCORPORATED", "INST_X"),
    "status_in_employment": tuple(f"STE_ICSE93_{number}" for number in range(1, 7)),
    "produces_for_own_use": ANSWERS,
    "keeps_accounts": ANSWERS,
    "is_registered": ANSWERS,
    "has_employer_social_security": ANSWERS,
    "has_paid_annual_leave": (True, None),
    "has_paid_sick_leave": (True, False),
    "has_fixed_premises": ANSWERS,
    "establishment_size": (None, 5, 6),
}  # fmt: skip


@pytest.mark.parametrize(
    "missing",
    [
        (),
        ("institutional_sector",),
        ("is_registered", "keeps_accounts"),
        ("produces_for_own_use", "establishment_size"),
        ("has_employer_social_security",),
        ("has_paid_annual_leave", "keeps_accounts"),
    ],
    ids=lambda missing: "without " + "+".join(missing) if missing else "all",
)
def test_every_combination_of_answers(missing):
    asked = tuple(name for name in QUESTIONS if name not in missing)
    people = [dict(zip(asked, values, strict=True)) for values in product(*(VALUES[name] for name in asked))]
    found = derive(
        ("labour_force_status", *asked),
        [(EMPLOYED, *person.values()) for person in people],
        ("production_unit", "job_formality"),
    )
    nobody = dict.fromkeys(QUESTIONS)
    expected = [formality_by_the_text(nobody | person, 5) for person in people]
    assert sum(pair[0] != pair[1] for pair in zip(found, expected, strict=True)) == 0
    assert {job for _, job in expected} == {"JOB_FORMAL", "JOB_INFORMAL"}


@pytest.mark.parametrize(("size", "unit"), [(5, "UNIT_FORMAL"), (9, "UNIT_FORMAL"), (10, "UNIT_INFORMAL")])
def test_the_size_of_the_establishment_is_the_survey_s(size, unit):
    row = coded(("UNINCORPORATED", OWN, N, U, U, U, U, U, Y, 10))
    assert derive(COLUMNS, [row], ("production_unit",), specification(size=size)) == [(unit,)]


def test_formality_is_of_the_employed_only():
    row = coded(TABLE[0])
    found = derive(COLUMNS, [(status, *row[1:]) for status in (OUTSIDE, None)], ("production_unit", "job_formality"))
    assert found == [(None, None)] * 2


@pytest.mark.parametrize(
    ("columns", "made"),
    [
        (("institutional_sector",), {"production_unit"}),
        (("is_registered",), {"production_unit"}),
        (("keeps_accounts",), {"production_unit"}),
        (("has_fixed_premises", "establishment_size"), set()),
        (("has_employer_social_security", "status_in_employment"), set()),
        (("institutional_sector", "status_in_employment"), {"production_unit"}),
        (("institutional_sector", "status_in_employment", "has_paid_annual_leave"), {"production_unit"}),
        (
            ("institutional_sector", "status_in_employment", "has_paid_annual_leave", "has_paid_sick_leave"),
            {"production_unit", "job_formality"},
        ),
        (
            ("is_registered", "status_in_employment", "has_employer_social_security"),
            {"production_unit", "job_formality"},
        ),
    ],
)
def test_what_formality_needs(columns, made):
    known = context(("labour_force_status", *columns)).known
    assert known & {"production_unit", "job_formality"} == made


# --- domestic workers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "division", "expected"),
    [
        ("ECO_ISIC4", "97", True), ("ECO_ISIC4", "98", False), ("ECO_ISIC4", "95", False), ("ECO_ISIC4", "01", False),
        ("ECO_ISIC4", "00", None), ("ECO_ISIC4", "9700", None), ("ECO_ISIC4", None, None),
        ("ECO_ISIC3", "95", True), ("ECO_ISIC3", "96", False), ("ECO_ISIC3", "97", False), ("ECO_ISIC3", "98", None),
    ],
)  # fmt: skip
def test_domestic_workers(version, division, expected):
    columns = ("labour_force_status", "economic_activity", "economic_activity_division")
    section = f"{version}_X"
    rows = [(EMPLOYED, section, division), (OUTSIDE, None, None)]
    found = derive(columns, rows, ("is_domestic_worker",), specification(economic_activity=version))
    assert found == [(expected,), (None,)]


def test_a_section_does_not_tell_domestic_workers():
    known = context(("labour_force_status", "economic_activity"), specification(economic_activity="ECO_ISIC4")).known
    assert "is_domestic_worker" not in known


# --- pay -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("monthly", "hours", "hourly"),
    [
        # 40 hours a week are 40 x 52 / 12 = 173 1/3 hours a month.
        (1733.333333, 40, 10.0), (5200, 30, 40.0), (2600, 12, 50.0), (650, 1.5, 100.0), (0, 40, 0.0),
        (1000, 0, None), (1000, -2, None), (1000, None, None), (None, 40, None), (None, None, None),
    ],
)  # fmt: skip
def test_hourly_earnings(monthly, hours, hourly):
    ((found,),) = derive(("monthly_earnings", "hours_usual"), [(monthly, hours)], ("hourly_earnings",))
    assert found == (pytest.approx(hourly, rel=1e-9) if hourly is not None else None)


def test_hourly_earnings_are_of_the_main_job():
    assert "hourly_earnings" not in context(("monthly_earnings", "hours_usual_all", "hours_actual_all")).known
    assert "hourly_earnings" not in context(("hours_usual",)).known


PAY_COLUMNS = ("labour_force_status", "sex", "education", "age_band", "hours_usual", "institutional_sector")

#: sex, education, age, hours, sector -> group.
PAY_GROUPS = [
    ("SEX_M", "EDU_ISCED11_X", "Y15-24", 20, "GOVERNMENT", "SEX_M|LTB|Y15-24|PART_TIME|PUBLIC"),
    ("SEX_F", "EDU_ISCED11_2", "Y25-34", 34.9, "CORPORATION", "SEX_F|BAS|Y25-54|PART_TIME|PRIVATE"),
    ("SEX_F", "EDU_ISCED11_2", "Y35-44", 35, "NON_PROFIT", "SEX_F|BAS|Y25-54|FULL_TIME|PRIVATE"),
    ("SEX_F", "EDU_ISCED97_3", "Y45-54", 60, "PRIVATE_HOUSEHOLD", "SEX_F|INT|Y25-54|FULL_TIME|PRIVATE"),
    ("SEX_M", "EDU_ISCED97_5A", "Y55-64", 0, "INTERNATIONAL", "SEX_M|ADV|Y55-64|PART_TIME|PRIVATE"),
    ("SEX_O", "EDU_ISCED11_8", "YGE65", 48, "UNINCORPORATED", "SEX_O|ADV|YGE65|FULL_TIME|PRIVATE"),
    ("SEX_M", "EDU_ISCED11_4", "YLT15", 40, "GOVERNMENT", "SEX_M|INT|YLT15|FULL_TIME|PUBLIC"),
    # One part that is not known leaves the group open.
    ("_U", "EDU_ISCED11_2", "Y25-34", 40, "GOVERNMENT", None),
    ("SEX_M", "EDU_ISCED11_9", "Y25-34", 40, "GOVERNMENT", None),
    ("SEX_M", "_U", "Y25-34", 40, "GOVERNMENT", None),
    ("SEX_M", "EDU_ISCED11_2", None, 40, "GOVERNMENT", None),
    ("SEX_M", "EDU_ISCED11_2", "Y25-34", None, "GOVERNMENT", None),
    ("SEX_M", "EDU_ISCED11_2", "Y25-34", 40, "X", None),
]


def pay_rows(status=EMPLOYED):
    return [
        (status, sex, education, age and f"AGE_10YRBANDS_{age}", hours, f"INST_{sector}")
        for sex, education, age, hours, sector, _ in PAY_GROUPS
    ]


def in_full(group):
    if group is None:
        return (None,)
    sex, education, age, time, sector = group.split("|")
    return (f"{sex}|EDU_AGGREGATE_{education}|AGE_AGGREGATE_{age}|{time}|{sector}",)


def test_groups_of_the_pay_comparison():
    found = derive(PAY_COLUMNS, pay_rows(), ("pay_group",))
    assert found == [in_full(group) for *_, group in PAY_GROUPS]


def test_the_limit_of_full_time_is_the_survey_s():
    row = (EMPLOYED, "SEX_M", "EDU_ISCED11_2", "AGE_10YRBANDS_Y25-34", 38, "INST_GOVERNMENT")
    for limit, expected in ((38, "FULL_TIME"), (38.5, "PART_TIME")):
        ((group,),) = derive(PAY_COLUMNS, [row], ("pay_group",), specification(hours=limit))
        assert group.split("|")[3] == expected


def test_pay_groups_are_of_the_employed_and_need_every_question():
    assert derive(PAY_COLUMNS, pay_rows(OUTSIDE), ("pay_group",)) == [(None,)] * len(PAY_GROUPS)
    for missing in PAY_COLUMNS:
        assert "pay_group" not in context([name for name in PAY_COLUMNS if name != missing]).known


# --- skills --------------------------------------------------------------------------------------

#: The levels that a major group requires, by hand, for ISCED 2011 and ISCED-97; the rest is below or above.
REQUIRED = {"EDU_ISCED11": {"high": tuple("5678"), "middle": tuple("234"), "low": tuple("X01")},
            "EDU_ISCED97": {"high": ("5", "5A", "5B", "6"), "middle": tuple("234"), "low": tuple("X01")}}  # fmt: skip
LEVELS = {"EDU_ISCED11": tuple("X012345678"), "EDU_ISCED97": ("X", "0", "1", "2", "3", "4", "5", "5A", "5B", "6")}
UNKNOWN = {"EDU_ISCED11": "9", "EDU_ISCED97": "UNK"}


@pytest.mark.parametrize("isced", ["EDU_ISCED11", "EDU_ISCED97"])
@pytest.mark.parametrize("isco", ["OCU_ISCO08", "OCU_ISCO88"])
def test_education_against_what_the_occupation_requires(isco, isced):
    levels = (*LEVELS[isced], UNKNOWN[isced], None)
    pairs = list(product("1234567890X", levels))
    rows = [(EMPLOYED, f"{isco}_{group}", f"{isced}_{level}" if level else "_U") for group, level in pairs]
    spec = specification(occupation=isco, education=isced)
    found = derive(("labour_force_status", "occupation", "education"), rows, ("skills_match",), spec)
    expected = []
    for group, level in pairs:
        if group in "0X" or level in (UNKNOWN[isced], None):
            expected.append("MATCH_X")
            continue
        needed = REQUIRED[isced]["high" if group in "123" else "low" if group == "9" else "middle"]
        place = LEVELS[isced].index(level)
        first, last = LEVELS[isced].index(needed[0]), LEVELS[isced].index(needed[-1])
        expected.append("MATCH_UNDER" if place < first else "MATCH_OVER" if place > last else "MATCH_MATCHED")
    assert [code for (code,) in found] == expected
    assert len(set(expected)) == 4


def test_skills_are_of_the_employed_with_both_questions():
    spec = specification(occupation="OCU_ISCO08", education="EDU_ISCED11")
    columns = ("labour_force_status", "occupation", "education")
    assert derive(columns, [(OUTSIDE, None, "EDU_ISCED11_6")], ("skills_match",), spec) == [(None,)]
    assert "skills_match" not in context(columns[:2], spec).known
