"""The questionnaire of XAA against the resolution: every way of answering it, and ways that its skips forbid.

What a person's status is, is written here from the questions as they are asked and from the resolution's text
(STANDARDS 2.1); the specification and the decision tree of the project are not looked at.
"""

from functools import cache
from itertools import product

import duckdb
import pandas as pd
import pytest

from schemas.concepts import load_concepts
from schemas.periods import Period
from schemas.survey_spec import find_surveys, load_survey
from transforms.harmonise import plan

QUESTIONS = ("T01_TRAB", "T02_AGRI", "T03_DEST", "T04_FAM", "T05_AUS", "T06_RAZAUS", "T07_DURAUS", "T08_PAGADO",
             "B01_BUSCO", "B02_METODO", "B03_DISP", "B04_INICIO", "B05_MESINI", "B06_ESPERA")  # fmt: skip
BOTH = ("1", "2")
NOT_ASKED = None

#: T06: reasons for which an absence alone leaves the job: vacation, illness, holiday, maternity, working time.
BY_REASON = {"1", "2", "3", "4", "5"}
#: T06: those that need pay or a short absence: parental, studies, care, personal, strike, lack of work, weather, other.
BY_TEST = {"6", "7", "8", "9", "10", "11", "12", "15"}
OFF_SEASON, STARTS_LATER = "13", "14"
REASONS = [*map(str, range(1, 16))]
MONTHS_AWAY = ("0", "2", "3", "4", "98")
MONTHS_TO_START = ("0", "3", "4")


def status_by_the_text(person):
    """Return (status, branch) of a person of working age by paragraphs 27 to 48."""
    for_sale = person["T02_AGRI"] == "1" and person["T03_DEST"] in BOTH
    if person["T01_TRAB"] == "1" or person["T04_FAM"] == "1" or for_sale:
        return "EMP", "EMP_AT_WORK"
    if person["T05_AUS"] == "1":
        reason = person["T06_RAZAUS"]
        assert reason in BY_REASON | BY_TEST | {OFF_SEASON, STARTS_LATER}
        if reason in BY_REASON:
            return "EMP", "EMP_ABSENT_BY_REASON"
        is_short = person["T07_DURAUS"] in {"0", "1", "2", "3"}
        if reason in BY_TEST and (person["T08_PAGADO"] == "1" or is_short):
            return "EMP", "EMP_ABSENT_BY_TEST"
    seeks = person["B01_BUSCO"] == "1" and person["B02_METODO"] != "10"
    is_available = person["B03_DISP"] in {"1", "2"}
    starts = person["B04_INICIO"] == "1" and person["B05_MESINI"] in {"0", "1", "2", "3"}
    if seeks and is_available:
        return "UNE", "UNE_SEEKING_AVAILABLE"
    if starts and is_available:
        return "UNE", "UNE_FUTURE_START"
    if person["B06_ESPERA"] == "1":
        return "UNE", "UNE_WAITING_TO_MIGRATE"
    if seeks:
        return "EIP", "OLF_SEEKING_NOT_AVAILABLE"
    return "EIP", "OLF_AVAILABLE_NOT_SEEKING" if is_available else "OLF_OTHER"


def work_answers():
    """Yield T01 to T04, T03 only where there was farm work."""
    for works, (farms, destination), helps in product(
        BOTH, [("2", NOT_ASKED), *(("1", code) for code in "1234")], BOTH
    ):
        yield works, farms, destination, helps


def search_answers():
    """Yield B01 to B06 as the questionnaire leads through them."""
    search = [("2", NOT_ASKED), *(("1", method) for method in ("1", "8", "10"))]
    start = [("2", NOT_ASKED), *(("1", months) for months in MONTHS_TO_START)]
    for (seeks, method), available, (starts, months) in product(search, "1234", start):
        is_asked = seeks == "2" and starts == "2"
        for waits in BOTH if is_asked else (NOT_ASKED,):
            yield seeks, method, available, starts, months, waits


def allowed():
    """Every way through the questionnaire: who works is asked nothing more."""
    absence = [("2", NOT_ASKED, NOT_ASKED, NOT_ASKED), *product("1", REASONS, MONTHS_AWAY, BOTH)]
    for work in work_answers():
        works, _, destination, helps = work
        if "1" in (works, helps) or destination in BOTH:
            yield (*work, *(NOT_ASKED,) * 10)
            continue
        for away, search in product(absence, search_answers()):
            yield (*work, *away, *search)


def forbidden():
    """Every question answered, whatever the answers before it: two or three answers each, all reasons."""
    yield from product(
        BOTH, BOTH, ("1", "4"), BOTH, BOTH, REASONS, ("3", "4"), BOTH, BOTH, ("1", "10"), ("2", "3"), BOTH,
        ("3", "4"), BOTH,
    )  # fmt: skip


@cache
def specification():
    return load_survey(find_surveys(())["XAA_LFS"])


def harmonised(rows, age="30"):
    """Return (labour_force_status, labour_force_rule) of raw rows by the survey's specification, in their order."""
    spec = specification()
    frame = pd.DataFrame(rows, columns=list(QUESTIONS), dtype=object)
    frame["row_number"] = range(len(frame))
    connection = duckdb.connect()
    connection.register("answers", frame)
    fixed = {"PESO": "100", "P02_SEXO": "1", "P03_EDAD": age}
    others = [name for name in sorted(spec.variables) if name not in QUESTIONS]
    columns = [f"{name}::VARCHAR AS {name}" for name in QUESTIONS]
    columns += [f"'{fixed[name]}' AS {name}" if name in fixed else f"NULL::VARCHAR AS {name}" for name in others]
    connection.execute(f"CREATE VIEW raw_extract AS SELECT row_number, {', '.join(columns)} FROM answers")
    sql = plan(spec, load_concepts(), Period.parse("2024-Q1")).sql
    query = f"SELECT labour_force_status, labour_force_rule FROM ({sql}) ORDER BY row_number"
    return connection.execute(query).fetchall()


def compare(rows):
    """Return how often harmonised status or branch differ from the text's, and the branches that were met."""
    expected = [status_by_the_text(dict(zip(QUESTIONS, row, strict=True))) for row in rows]
    wanted = [(f"LMS_STATUS_{status}", branch) for status, branch in expected]
    differing = sum(pair[0] != pair[1] for pair in zip(harmonised(rows), wanted, strict=True))
    return differing, {branch for _, branch in expected}


BRANCHES = {"EMP_AT_WORK", "EMP_ABSENT_BY_REASON", "EMP_ABSENT_BY_TEST", "UNE_SEEKING_AVAILABLE",
            "UNE_FUTURE_START", "UNE_WAITING_TO_MIGRATE", "OLF_SEEKING_NOT_AVAILABLE",
            "OLF_AVAILABLE_NOT_SEEKING", "OLF_OTHER"}  # fmt: skip


def test_every_way_through_the_questionnaire():
    rows = list(allowed())
    assert len(rows) == len(set(rows)) == 17 + 3 * (1 + 15 * 5 * 2) * (3 * 4 * 4 + 4 * (3 + 2))
    assert compare(rows) == (0, BRANCHES)


def test_answers_that_the_skips_forbid():
    rows = list(forbidden())
    assert len(rows) == 15 * 2**13
    assert compare(rows) == (0, BRANCHES)


def test_who_is_below_working_age_has_no_status():
    rows = list(forbidden())[::997]
    assert set(harmonised(rows, age="14")) == {(None, None)}
    assert None not in {status for status, _ in harmonised(rows, age="15")}


OTHER = {
    "T03_DEST": {"1": "4", "4": "1"},
    "T06_RAZAUS": dict(zip(REASONS, [*REASONS[7:], *REASONS[:7]], strict=True)),
    "T07_DURAUS": {"3": "4", "4": "3"},
    "B02_METODO": {"1": "10", "10": "1"},
    "B03_DISP": {"2": "3", "3": "2"},
    "B05_MESINI": {"3": "4", "4": "3"},
}


@pytest.fixture(scope="module")
def some():
    """Some of the answers, and the status of each."""
    rows = list(forbidden())[::17]
    return rows, [status for status, _ in harmonised(rows)]


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_decides_somebody_s_status(some, question):
    rows, before = some
    swap, place = OTHER.get(question, {"1": "2", "2": "1"}), QUESTIONS.index(question)
    changed = [(*row[:place], swap[row[place]], *row[place + 1 :]) for row in rows]
    assert [status for status, _ in harmonised(changed)] != before
