"""Why a survey gives no figures of a table: by the questions that it does not ask, and with its own reasons."""

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.check_spec import first_period
from pipelines.needs import ABSENTEE
from pipelines.support import OWN_STATUS, SELF_DECLARED, support, why_not
from schemas.concepts import load_absentee_concepts, load_concepts
from schemas.indicators import load_indicators
from schemas.survey_spec import SurveySpec, find_surveys, load_survey
from tests.acceptance import tiny
from tests.pipelines.asked import with_questions

SURVEYS = sorted(find_surveys([]))
NO_LIST = "the survey lists no members of households abroad"
MAIN_ACTIVITY = (
    "main activity is declared by the person; the building blocks of the labour force are not part of the file "
    "(worked_one_hour, job_search, available)"
)
#: Where a reason names questions: in brackets behind the specification's own words, or by themselves.
_NAMES = r"[a-z0-9_]+(?:, [a-z0-9_]+)*"
_TOLD = re.compile(rf"\(({_NAMES})\)|does not collect ({_NAMES})( of members abroad)?(?=;|$)")


def built_in(survey: str) -> SurveySpec:
    return load_survey(find_surveys([])[survey])


def reason(spec: SurveySpec, indicator: str) -> str:
    found = support(spec, first_period(spec))
    return why_not(spec, load_indicators()[indicator], found.columns, found.collected)


def reasons(spec: SurveySpec) -> dict[str, set[str]]:
    """Return reason -> the tables that are not given for it; '' -> those that are given."""
    found, tables = support(spec, first_period(spec)), defaultdict(set)
    for name, indicator in load_indicators().items():
        tables[why_not(spec, indicator, found.columns, found.collected)].add(name)
    assert tables[""] == set(found.indicators)
    return tables


def questions_of(text: str) -> set[str]:
    """Return the questions that a reason names, those on members abroad with their mark."""
    asked, abroad = load_concepts(), load_absentee_concepts()
    told = set()
    for behind, by_itself, is_abroad in _TOLD.findall(text):
        for name in (behind or by_itself).split(", "):
            if is_abroad or (name in abroad and name not in asked):
                told.add(ABSENTEE + name)
            elif name in asked:
                told.add(name)
    return told


@pytest.mark.parametrize("survey", SURVEYS)
def test_reasons_name_questions_and_never_derived_columns(survey: str) -> None:
    dictionaries = [*load_concepts().values(), *load_absentee_concepts().values()]
    asked = {concept.name for concept in dictionaries if concept.origin == "source" or concept.can_be_given}
    derived = {concept.name for concept in dictionaries} - asked
    for text in reasons(built_in(survey)).keys() - {"", OWN_STATUS, SELF_DECLARED}:
        assert derived & set(re.findall(r"\w+", text)) == set(), text
        assert questions_of(text) or text == NO_LIST
        assert {name.removeprefix(ABSENTEE) for name in questions_of(text)} <= asked


@pytest.mark.parametrize("survey", SURVEYS)
def test_questions_named_are_not_asked_and_open_the_tables(survey: str) -> None:
    """With the questions named, and the list of members abroad where that is lacking, every table is given."""
    spec = built_in(survey)
    the_list = {ABSENTEE + name for name, concept in load_absentee_concepts().items() if concept.origin == "source"}
    given = {*spec.concepts, *(ABSENTEE + name for name in (spec.absentees.concepts if spec.absentees else ()))}
    for text, tables in reasons(spec).items():
        if text not in ("", OWN_STATUS, SELF_DECLARED):
            added = questions_of(text)
            assert added & given == set()
            added |= the_list if NO_LIST in text else set()
            # A list that tells the months of departure asks for those of arrival on the other side of a net flow.
            if NO_LIST in text and any(load_indicators()[name].subtrahend for name in tables):
                added |= {"arrival_year", "arrival_month"} - given
            more = with_questions(spec, added)
            assert tables <= set(support(more, first_period(more)).indicators), text


@pytest.mark.parametrize(
    ("survey", "indicator", "words"),
    [
        ("ZAF_QLFS", "MNA_OPOP_SEX_CDS_NB", NO_LIST),
        (
            "ZAF_QLFS",
            "MST_TEMP_SEX_AGE_CBR_NB",
            "the questionnaire has no question on place of birth (country_of_birth)",
        ),
        (
            "ZAF_QLFS",
            "XIC_FORB_SEX_REA_NB",
            "the questionnaire has no question on place of birth (country_of_birth); "
            "the questionnaire has no question on migration (arrival_year, migration_reason)",
        ),
        (
            "ZAF_QLFS",
            "XMW_NETN_SEX_NB",
            "the questionnaire has no question on place of birth (country_of_birth); "
            "the questionnaire has no question on citizenship (citizenship_1); "
            f"the questionnaire has no question on migration (residence_one_year_ago); {NO_LIST}",
        ),
        (
            "ZAF_QLFS",
            "XLU_XLU4_SEX_AGE_RT",
            "the survey does not collect wants_work, hours_usual_all, wants_more_hours",
        ),
        ("ZAF_QLFS", "XMW_NRFW_SEX_AGE_NB", "the survey does not collect residence_status"),
        ("ZAF_QLFS", "XSD_TUNE_SEX_AGE_CBR_NB", "the status is not declared by the person; unemployment has ILO ids"),
        ("ZAF_QLFS", "EMP_TEMP_SEX_AGE_NB", ""),
        (
            "AUT_EUSILC",
            "MST_TUNE_SEX_AGE_CCT_NB",
            "status is declared by the person, not ILO unemployment; XSD_TUNE counts the self-declared unemployed",
        ),
        ("AUT_EUSILC", "XDC_XLU3_SEX_RT", f"{MAIN_ACTIVITY}; the survey does not collect wants_work"),
        (
            "AUT_EUSILC",
            "XPY_HERA_SEX_CCT_NB",
            "the status in employment is not part of the file (status_in_employment); "
            "hours are not part of the file, only full or part time (hours_usual); "
            "the income from employment (py010n) is of the whole year before and the months worked are not known: "
            "a twelfth of it is no monthly wage (monthly_earnings)",
        ),
        ("AUT_EUSILC", "XNA_TPOP_SEX_EDU_NB", NO_LIST),
        ("XAA_LFS", "MNA_OEMP_SEX_EDU_NB", "the survey does not collect education of members abroad"),
        ("XAA_LFS", "XMW_RIMW_SEX_CPR_NB", "the survey does not collect country_of_work_abroad"),
        ("XAA_LFS", "MNA_OPOP_SEX_CDS_NB", ""),
    ],
)
def test_reasons_of_built_in_surveys(survey: str, indicator: str, words: str) -> None:
    assert reason(built_in(survey), indicator) == words


@pytest.fixture
def small(tmp_path: Path) -> SurveySpec:
    """A survey that says of one question alone why it is not asked."""
    return load_survey(tiny.write_spec(tmp_path) / "FJI" / "TINY")


def test_what_is_not_said_follows_what_the_specification_says(small: SurveySpec) -> None:
    wanted = "not asked (monthly_earnings); the survey does not collect status_in_employment"
    assert reason(small, "XPY_EARA_SEX_AGE_CBR_NB") == wanted
    assert reason(small, "XNA_TPOP_SEX_AGE_NB") == NO_LIST


def test_of_as_many_questions_the_one_with_a_reason_is_told(small: SurveySpec) -> None:
    """A recent inflow is told by arrival, by the stay or by where one lived; without a reason the first one is told."""
    concepts = {name: source for name, source in small.concepts.items() if name != "arrival_year"}
    without, inflow = replace(small, concepts=concepts), "MFL_NCIT_SEX_CCT_NB"
    assert reason(without, inflow) == "the survey does not collect arrival_year"
    said = replace(without, not_collected={"residence_one_year_ago": "asked every five years"})
    assert reason(said, inflow) == "asked every five years (residence_one_year_ago)"


def test_a_list_of_members_abroad_has_the_reasons_of_its_own_questions(small: SurveySpec) -> None:
    """What is said of education is said of the persons of the household."""
    said = {"departure_year": "who left is not asked for", "education": "asked of every fifth household"}
    spec = replace(small, not_collected=said)
    assert reason(spec, "MNA_OEMP_SEX_EDU_NB") == f"who left is not asked for (departure_year); {NO_LIST}"
    assert reason(spec, "MST_TEAP_SEX_EDU_CBR_NB") == "asked of every fifth household (education)"


def test_a_net_flow_of_two_definitions_says_which_question_would_make_one() -> None:
    spec = built_in("XAA_LFS")
    assert spec.absentees is not None
    persons = {name: source for name, source in spec.concepts.items() if name != "residence_one_year_ago"}
    abroad = {name: source for name, source in spec.absentees.concepts.items() if name != "departure_month"}
    without = replace(spec, concepts=persons, absentees=replace(spec.absentees, concepts=abroad))
    assert reason(without, "XMW_NETN_SEX_NB") == (
        "arrivals and departures are told by different windows, so that their difference means nothing; "
        "the survey does not collect departure_month of members abroad"
    )


def test_a_column_that_is_lacking_without_a_question_is_named(small: SurveySpec) -> None:
    found = support(small, first_period(small))
    columns = {"persons": found.columns["persons"] - {"sex"}}
    indicator = load_indicators()["EMP_TEMP_SEX_AGE_NB"]
    assert why_not(small, indicator, columns, found.collected) == "the survey does not collect sex"
