"""What a questionnaire can give is what the pipeline gives, every table is told once, each step opens its tables."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.check_spec import first_period
from pipelines.needs import ABSENTEE, BLOCKS, given_by, recipes
from pipelines.sign_off.gap_report import DATABASES, gaps_of, given_after
from pipelines.sign_off.gap_words import GROUPS, GapWriter, Terms, group_of
from pipelines.sign_off.texts import Words
from pipelines.support import support
from schemas.concepts import load_absentee_concepts, load_concepts
from schemas.gaps import ways
from schemas.indicators import load_indicators
from schemas.model_questions import load_model_questions
from schemas.survey_spec import SurveySpec, dictionary_of, find_surveys, load_survey
from tests.acceptance import tiny
from tests.pipelines.asked import source_of, with_questions
from transforms.absentees import absentee_plan
from transforms.harmonise import plan

SURVEYS = sorted(find_surveys([]))
#: Without these a specification makes no plan: who is asked for a status is told by them.
KEPT = {"weight", "sex", "age", "age_5yr_band", "declared_labour_force_status", *BLOCKS}
SHARES = (1.0, 0.9, 0.7, 0.5, 0.3)


def built_in(survey: str) -> SurveySpec:
    return load_survey(find_surveys([])[survey])


def part_of(whole: SurveySpec, share: float, chance: random.Random) -> SurveySpec:
    """Return a survey with a random part of its concepts, of persons and of members abroad."""
    chosen = {name for name in whole.concepts if name in KEPT or chance.random() <= share}
    absentees = whole.absentees
    if absentees is not None:
        listed = {name for name in absentees.concepts if name == "household_id" or chance.random() <= share}
        absentees = replace(absentees, concepts={name: absentees.concepts[name] for name in listed})
    return replace(whole, concepts={name: whole.concepts[name] for name in chosen}, absentees=absentees)


def parts_of(survey: str) -> list[SurveySpec]:
    whole, chance = built_in(survey), random.Random(survey)
    return [part_of(whole, share, chance) for share in SHARES]


def computed(spec: SurveySpec) -> set[str]:
    """Return the tables that the pipeline gives, of those that the report judges."""
    found = support(spec, first_period(spec)).indicators
    return {name for name, indicator in found.items() if indicator.database in DATABASES}


@pytest.mark.parametrize("survey", SURVEYS)
def test_recipes_are_those_of_the_pipeline(survey: str) -> None:
    """What can be derived by name is what the plans derive, for the survey and for random parts of it."""
    apart = {"labour_force_status_icls13", "labour_force_status_icls19"}
    for spec in parts_of(survey):
        period, given, derived = first_period(spec), given_by(spec), recipes(spec)
        mine = {name for name in {*derived, *given} if frozenset() in ways(name, given, derived)}
        columns = set(plan(spec, dictionary_of(spec), period).columns)
        assert (mine & set(load_concepts())) - apart == columns - apart
        abroad = {name.removeprefix(ABSENTEE) for name in mine if name.startswith(ABSENTEE)}
        if spec.absentees is None:
            assert abroad == set()
        else:
            assert abroad == set(absentee_plan(spec, load_absentee_concepts(), period).columns)


@pytest.mark.parametrize("survey", SURVEYS)
def test_given_tables_are_those_that_are_computed(survey: str) -> None:
    for spec in parts_of(survey):
        assert set(gaps_of(spec).given) == computed(spec)


@pytest.mark.parametrize("survey", SURVEYS)
def test_every_table_is_told_once(survey: str) -> None:
    spec = built_in(survey)
    found = gaps_of(spec)
    told = [*found.given, *found.otherwise, *found.lacking]
    self_declared = spec.labour_force is not None and spec.labour_force.self_declared
    wanted = [
        name
        for name, indicator in load_indicators().items()
        if indicator.database in ("ILMS", "EXT") and (self_declared or not indicator.is_self_declared)
    ]
    assert sorted(told) == sorted(wanted)
    assert sorted(table for step in found.steps for table in step.tables) == sorted(found.lacking)


@pytest.mark.parametrize("survey", SURVEYS)
def test_every_missing_concept_has_a_question_or_a_reason(survey: str) -> None:
    asked = load_model_questions()
    for sets in gaps_of(built_in(survey)).lacking.values():
        for name in {name for names in sets for name in names}:
            kind = "absentees" if name.startswith(ABSENTEE) else "persons"
            assert name.removeprefix(ABSENTEE) in asked[kind]


@pytest.mark.parametrize("survey", SURVEYS)
def test_each_step_opens_its_tables_and_no_others(survey: str) -> None:
    """The pipeline itself gives, of a survey that asks the questions of the steps so far, just the tables so far."""
    spec = built_in(survey)
    found = gaps_of(spec)
    of_list = {name for sets in found.lacking.values() for names in sets for name in names if ABSENTEE in name}
    for step, given in zip(found.steps, given_after(spec, found), strict=True):
        before = spec
        for names in reversed(step.sets):
            added = {name for name in names if name != ABSENTEE} | (of_list if ABSENTEE in names else set())
            spec = with_questions(before, added)
            assert set(step.tables) <= computed(spec)
        assert computed(spec) == given


@pytest.mark.parametrize("survey", SURVEYS)
def test_questions_that_open_tables_alone(survey: str) -> None:
    spec = built_in(survey)
    found = gaps_of(spec)
    for name, tables in found.alone.items():
        if name != ABSENTEE:
            assert computed(with_questions(spec, {name})) - set(found.given) == set(tables)


def test_a_question_opens_its_tables(tmp_path: Path) -> None:
    """Without education the tables by education lack it alone; with it they are given."""
    spec = load_survey(tiny.write_spec(tmp_path) / "FJI" / "TINY")
    found = gaps_of(spec)
    assert "MST_TEAP_SEX_EDU_CBR_NB" in found.alone["education"]
    assert "MST_TEAP_SEX_AGE_CBR_NB" in found.given
    more = replace(spec, concepts={**spec.concepts, "education": spec.concepts["sex"]})
    assert set(gaps_of(more).given) == {*found.given, *found.alone["education"]}
    assert found.lacking["XPY_EARA_SEX_AGE_CBR_NB"] == {frozenset({"monthly_earnings", "status_in_employment"})}


def test_unemployment_of_who_declares_a_status_himself() -> None:
    """Neither is there ILO unemployment where its questions are asked, but the status is still the person's own."""
    spec = built_in("AUT_EUSILC")
    asked = replace(spec, concepts={**spec.concepts, **{name: source_of(load_concepts()[name]) for name in BLOCKS}})
    found = gaps_of(asked)
    assert {"MST_TUNE_SEX_AGE_CCT_NB", "XDC_TUNE_SEX_RT"} <= set(found.otherwise)
    assert "XSD_TUNE_SEX_AGE_CCT_NB" in found.given
    assert set(found.given) == computed(asked)
    with_status = gaps_of(with_questions(spec, set(BLOCKS)))
    assert {"MST_TUNE_SEX_AGE_CCT_NB", "XDC_TUNE_SEX_RT"} <= set(with_status.given)
    assert with_status.otherwise == ()


def test_departures_and_arrivals_of_one_definition() -> None:
    """A net flow is given by one definition on both sides: where they differ it lacks the months."""
    net, spec = "XMW_NETN_SEX_NB", built_in("XAA_LFS")
    assert spec.absentees is not None
    persons = {name: source for name, source in spec.concepts.items() if name != "residence_one_year_ago"}
    without = {name: source for name, source in persons.items() if name not in ("arrival_month", "months_of_stay")}
    abroad = {name: source for name, source in spec.absentees.concepts.items() if name != "departure_month"}
    both, none = replace(spec, concepts=persons), replace(spec.absentees, concepts=abroad)
    assert net in gaps_of(both).given
    assert net in gaps_of(replace(spec, concepts=without, absentees=none)).given
    arrivals_by_year = gaps_of(replace(spec, concepts=without)).lacking[net]
    assert arrivals_by_year == {frozenset({"arrival_month"}), frozenset({"months_of_stay"})}
    assert gaps_of(replace(both, absentees=none)).lacking[net] == {frozenset({f"{ABSENTEE}departure_month"})}


# --- in words


def test_every_table_belongs_to_a_group() -> None:
    groups = {group_of(indicator) for indicator in load_indicators().values() if indicator.database in DATABASES}
    assert groups == set(GROUPS)
    named = {"MST_TEMP_SEX_AGE_CBR_NB": "stocks", "MST_EARA_SEX_CBR_NB": "earnings", "XMW_NETN_SEX_NB": "abroad"}
    assert {name: group_of(load_indicators()[name]) for name in named} == named


@pytest.mark.parametrize("survey", SURVEYS)
def test_counts_of_the_overview_and_of_the_steps_agree(survey: str) -> None:
    spec = built_in(survey)
    found, section = gaps_of(spec), GapWriter(Terms(Words.of("en", "page", "rules"))).section(spec)
    total = len(found.given) + len(found.otherwise) + len(found.lacking)
    cells = [
        [tuple(map(int, cell.split("/"))) if "/" in cell else (0, 0) for cell in row] for _, row in section["overview"]
    ]
    *groups, last = cells
    assert last[0] == (len(found.given), total)
    for place in range(4):
        assert tuple(map(sum, zip(*(row[place] for row in groups), strict=True))) == last[place]
    assert all(tuple(map(sum, zip(*row[1:], strict=True))) == row[0] for row in cells)
    assert [line["then"] for line in section["steps"]] == [len(given) for given in given_after(spec, found)]
    assert sum(len(tables) for _, tables in section["given"]) == section["given_count"] == len(found.given)
    opened = sum(line["opens"] for line in section["steps"])
    ended = sum(int(line["ended"].split()[0]) for line in section["steps"] if line["ended"])
    assert ended == (3 if survey in ("AUT_EUSILC", "ESP_CENSUS") else 0)
    assert section["steps"][-1]["then"] == len(found.given) + opened - ended
    wanted = {name.removeprefix(ABSENTEE) for sets in found.lacking.values() for names in sets for name in names}
    assert sum(len(questions) for _, questions in section["modules"]) >= len(wanted)


def test_the_list_of_members_abroad_is_one_line_and_says_what_each_table_needs() -> None:
    section = GapWriter(Terms(Words.of("en", "page", "rules"))).section(built_in("ESP_CENSUS"))
    (line,) = [line for line in section["steps"] if line["notes"]]
    ((name,),) = line["sets"]
    assert name.startswith("A list of household members abroad, with: Sex, Age, Education, First citizenship")
    assert line["notes"]["MNA_OPOP_SEX_CDS_NB"] == (
        "needs: Sex, Age, First citizenship, Country where the member lives, Year of departure"
    )
    assert line["notes"]["XNA_TPOP_SEX_AGE_NB"] == "needs: Sex, Age, First citizenship"
    asked = GapWriter(Terms(Words.of("en", "page", "rules"))).section(built_in("XAA_LFS"))
    assert ["Education of the member abroad"] in [names for line in asked["steps"] for names in line["sets"]]
