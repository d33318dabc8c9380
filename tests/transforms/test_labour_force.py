"""The decision tree of the 19th ICLS against a second writing of its text, for every combination of answers."""

from itertools import product

import duckdb
import pandas as pd
import pytest

from schemas.codes import load_code_lists
from transforms.labour_force import STATUS_OF_RULE, absent_sql, employment_rule_sql, status_rule_sql, status_sql

BOTH = (True, False)
VALUES = {
    "worked_one_hour": BOTH,
    "own_use_production_only": BOTH,
    "absent_from_job": BOTH,
    "absence_reason": (None, *(item.code for item in load_code_lists()["ABSENCE_REASON"].items)),
    "absence_months": (None, 1.0, 3.0, 4.0),
    "absence_paid": (None, True, False),
    "job_search": BOTH,
    "available": BOTH,
    "future_start": BOTH,
    "future_start_months": (None, 2.0, 4.0),
    "waiting_to_migrate": BOTH,
}
BLOCKS = tuple(VALUES)
TYPES = {"absence_reason": "VARCHAR", "absence_months": "DOUBLE", "future_start_months": "DOUBLE"}

# STANDARDS 2.1(3), in the order of its sentences.
REASON_ALONE = {"sick leave": "ABS_ILLNESS", "public holidays": "ABS_HOLIDAY", "vacation": "ABS_VACATION",
                "maternity or paternity": "ABS_MATERNITY", "working time arrangement": "ABS_WORKING_TIME"}  # fmt: skip
NO_JOB_NOW = {"off-season": "ABS_SEASONAL", "job that has yet to start": "ABS_FUTURE_START"}


def status_by_the_text(person, absence_test):
    """Labour force status as paragraphs 27 to 48 put it; a question that was not asked is None."""
    at_work = bool(person["worked_one_hour"]) and not person["own_use_production_only"]
    has_job = False
    if person["absent_from_job"]:
        reason = person["absence_reason"]
        if reason in NO_JOB_NOW.values():
            has_job = False
        elif reason in REASON_ALONE.values() or absence_test == "reason":
            has_job = True
        else:
            months = person["absence_months"]
            has_job = bool(person["absence_paid"]) or (months is not None and months <= 3)
    if at_work or has_job:
        return "LMS_STATUS_EMP"
    if person["job_search"] and person["available"]:
        return "LMS_STATUS_UNE"
    starts_soon = person["future_start"] and person["future_start_months"] in (None, 2.0)
    if starts_soon and person["available"]:
        return "LMS_STATUS_UNE"
    if person["waiting_to_migrate"]:
        return "LMS_STATUS_UNE"
    return "LMS_STATUS_EIP"


def run(frame, collected, absence_test):
    """Labour force rule and status of every row, by the SQL."""
    connection = duckdb.connect()
    connection.register("frame", frame)
    casts = ", ".join(f"{name}::{TYPES.get(name, 'BOOLEAN')} AS {name}" for name in collected)
    employment = employment_rule_sql(collected, absence_test)
    rule = status_rule_sql(collected, "employment_rule")
    return connection.execute(
        f"SELECT rule, {status_sql('rule')} AS status FROM (SELECT *, {rule} AS rule FROM "
        f"(SELECT *, {employment} AS employment_rule FROM (SELECT number, {casts} FROM frame))) ORDER BY number"
    ).df()


def frame_of(rows, collected):
    return pd.DataFrame([[row[name] for name in collected] for row in rows], columns=list(collected), dtype=object)


def status_of(absence_test="full", collected=BLOCKS, **answers):
    """Status of one person; what is not given is answered with no."""
    person = dict.fromkeys(BLOCKS, False) | {
        "absence_reason": None, "absence_months": None, "absence_paid": None, "future_start_months": None,
    } | answers  # fmt: skip
    frame = frame_of([person], collected).assign(number=1)
    return run(frame, collected, absence_test).loc[0, "status"].removeprefix("LMS_STATUS_")


@pytest.fixture(scope="module")
def everybody():
    """Every combination of answers: 78,336 persons."""
    return [dict(zip(BLOCKS, values, strict=True)) for values in product(*VALUES.values())]


@pytest.mark.parametrize("absence_test", ["full", "reason"])
def test_every_combination_of_answers(everybody, absence_test):
    frame = frame_of(everybody, BLOCKS).assign(number=range(len(everybody)))
    found = run(frame, BLOCKS, absence_test)
    expected = pd.Series([status_by_the_text(person, absence_test) for person in everybody])
    assert len(found) == 2**7 * 17 * 4 * 3 * 3
    assert int((found["status"] != expected).sum()) == 0
    assert set(found["rule"]) == set(STATUS_OF_RULE)


@pytest.mark.parametrize("absence_test", ["full", "reason"])
@pytest.mark.parametrize(
    "missing",
    [
        ("own_use_production_only",),
        ("absent_from_job", "absence_reason", "absence_months", "absence_paid"),
        ("absence_months",),
        ("absence_paid",),
        ("future_start", "future_start_months"),
        ("future_start_months",),
        ("waiting_to_migrate",),
    ],
    ids="+".join,
)
def test_a_question_that_is_not_asked_is_a_question_without_an_answer(everybody, missing, absence_test):
    collected = tuple(name for name in BLOCKS if name not in missing)
    persons = [person for person in everybody if all(person[name] == VALUES[name][0] for name in missing)]
    frame = frame_of(persons, collected).assign(number=range(len(persons)))
    found = run(frame, collected, absence_test)
    expected = pd.Series([status_by_the_text(person | dict.fromkeys(missing), absence_test) for person in persons])
    assert int((found["status"] != expected).sum()) == 0


def test_an_absence_without_any_further_question_is_employment():
    collected = ("worked_one_hour", "absent_from_job", "job_search", "available")
    for absence_test in ("full", "reason"):
        assert status_of(absence_test, collected, absent_from_job=True) == "EMP"
    with_reason = (*collected, "absence_reason")
    assert status_of("full", with_reason, absent_from_job=True, absence_reason="ABS_SLACK_WORK") == "EMP"
    assert status_of("full", with_reason, absent_from_job=True, absence_reason="ABS_SEASONAL") == "EIP"


def test_without_a_reason_length_and_pay_decide():
    collected = tuple(name for name in BLOCKS if name != "absence_reason")
    assert status_of("full", collected, absent_from_job=True, absence_months=3) == "EMP"
    assert status_of("full", collected, absent_from_job=True, absence_months=4) == "EIP"
    assert status_of("full", collected, absent_from_job=True, absence_months=4, absence_paid=True) == "EMP"


@pytest.mark.parametrize(
    ("absence", "status"),
    [
        pytest.param({"absence_reason": "ABS_VACATION", "absence_months": 5}, "EMP", id="vacation 5 months"),
        pytest.param(
            {"absence_reason": "ABS_SLACK_WORK", "absence_months": 2, "absence_paid": False},
            "EMP",
            id="lay-off unpaid 2 months",
        ),
        pytest.param(
            {"absence_reason": "ABS_SLACK_WORK", "absence_months": 4, "absence_paid": False},
            "EIP",
            id="lay-off unpaid 4 months",
        ),
        pytest.param(
            {"absence_reason": "ABS_SLACK_WORK", "absence_months": 4, "absence_paid": True},
            "EMP",
            id="lay-off paid 4 months",
        ),
        pytest.param({"absence_reason": "ABS_SLACK_WORK", "absence_months": 3}, "EMP", id="exactly 3 months"),
        pytest.param({"absence_reason": "ABS_SEASONAL", "absence_months": 1}, "EIP", id="off-season"),
        pytest.param({"absence_reason": "_U", "absence_months": 1}, "EMP", id="reason not stated, 1 month"),
        pytest.param({"absence_reason": "_U", "absence_months": 4}, "EIP", id="reason not stated, 4 months"),
    ],
)
def test_vectors_of_temporary_absence(absence, status):
    assert status_of("full", absent_from_job=True, **absence) == status


def test_lay_off_of_unknown_length_keeps_the_job_where_length_is_not_asked():
    assert status_of("reason", absent_from_job=True, absence_reason="ABS_SLACK_WORK") == "EMP"
    assert status_of("full", absent_from_job=True, absence_reason="ABS_SLACK_WORK") == "EIP"


def test_own_use_production_does_not_take_away_a_job_that_is_waited_for():
    farms = {"worked_one_hour": True, "own_use_production_only": True}
    assert status_of(**farms) == "EIP"
    assert status_of(**farms, absent_from_job=True, absence_reason="ABS_VACATION", absence_paid=True) == "EMP"
    assert status_of(**farms, absent_from_job=True, absence_reason="ABS_SEASONAL") == "EIP"
    assert status_of(**farms, job_search=True, available=True) == "UNE"


def test_own_use_production_not_stated_excludes_nobody():
    assert status_of(worked_one_hour=True, own_use_production_only=None) == "EMP"


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        pytest.param({"job_search": True, "available": True}, "UNE", id="seeks and available"),
        pytest.param({"job_search": True}, "EIP", id="unavailable jobseeker"),
        pytest.param({"available": True}, "EIP", id="available, does not seek"),
        pytest.param({"future_start": True, "available": True}, "UNE", id="future start, months not stated"),
        pytest.param(
            {"future_start": True, "available": True, "future_start_months": 3}, "UNE", id="future start in 3 months"
        ),
        pytest.param(
            {"future_start": True, "available": True, "future_start_months": 4}, "EIP", id="future start in 4 months"
        ),
        pytest.param({"future_start": True, "future_start_months": 1}, "EIP", id="future start, not available"),
        pytest.param({"waiting_to_migrate": True}, "UNE", id="waits to leave, availability not needed"),
        pytest.param({}, "EIP", id="neither"),
    ],
)
def test_vectors_of_unemployment(answers, status):
    assert status_of(**answers) == status


def test_absent_holds_the_own_use_producer_who_was_absent():
    collected = ("worked_one_hour", "own_use_production_only", "absent_from_job")
    connection = duckdb.connect()
    table = "(VALUES (true, false, true), (true, true, true), (false, false, true), (false, true, false)) AS t"
    query = f"SELECT {absent_sql(collected)} FROM {table}({', '.join(collected)})"
    assert [row[0] for row in connection.execute(query).fetchall()] == [False, True, True, False]
