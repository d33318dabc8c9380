"""What a questionnaire can give: the derivations by name are those of the pipeline, and every table is told once."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.sign_off.gap_report import gaps_of, recipes
from schemas.concepts import load_concepts
from schemas.gaps import ways
from schemas.indicators import load_indicators
from schemas.model_questions import load_model_questions
from schemas.survey_spec import SurveySpec, dictionary_of, find_surveys, load_survey
from tests.acceptance import tiny
from transforms.harmonise import plan


def survives(spec: SurveySpec) -> bool:
    """Whether the columns of a plan can be made: a survey with no status asks nothing of the employed."""
    given = set(spec.concepts)
    return {"worked_one_hour", "job_search", "available"} <= given or "declared_labour_force_status" in given


@pytest.mark.parametrize("survey", sorted(find_surveys([])))
def test_recipes_are_those_of_the_pipeline(survey: str) -> None:
    """What can be derived by name is what the plan derives, for the survey and for random parts of it."""
    whole = load_survey(find_surveys([])[survey])
    period = whole.survey.periods.start
    assert period is not None
    kept = {"weight", "sex", "age", "age_5yr_band", "declared_labour_force_status", "worked_one_hour", "job_search"}
    kept |= {"available"}
    chance = random.Random(survey)
    apart = {"labour_force_status_icls13", "labour_force_status_icls19"}
    for share in (1.0, 0.9, 0.7, 0.5, 0.3):
        chosen = {name for name in whole.concepts if name in kept or chance.random() <= share}
        spec = replace(whole, concepts={name: whole.concepts[name] for name in whole.concepts if name in chosen})
        assert survives(spec)
        given = chosen | {f"{name} as asked" for name in chosen}
        derived = recipes(spec)
        mine = {name for name in {*derived, *given} if frozenset() in ways(name, given, derived)}
        columns = set(plan(spec, dictionary_of(spec), period).columns)
        assert (mine & set(load_concepts())) - apart == columns - apart


@pytest.mark.parametrize("survey", sorted(find_surveys([])))
def test_every_missing_concept_has_a_question_or_a_reason(survey: str) -> None:
    found = gaps_of(load_survey(find_surveys([])[survey]))
    asked = load_model_questions()
    for sets in found.lacking.values():
        for name in {name for names in sets for name in names}:
            kind = "absentees" if name.startswith("absentees.") else "persons"
            assert name.removeprefix("absentees.") in asked[kind]


@pytest.mark.parametrize("survey", sorted(find_surveys([])))
def test_every_table_is_told_once(survey: str) -> None:
    spec = load_survey(find_surveys([])[survey])
    found = gaps_of(spec)
    told = [*found.given, *found.not_computed, *found.other_version, *found.lacking]
    self_declared = spec.labour_force is not None and spec.labour_force.self_declared
    wanted = [
        name
        for name, indicator in load_indicators().items()
        if indicator.database in ("ILMS", "EXT") and (self_declared or not indicator.is_self_declared)
    ]
    assert sorted(told) == sorted(wanted)
    for opening in found.openings:
        assert set(opening.only_together) <= set(opening.tables) <= set(found.lacking)


def test_a_question_opens_its_tables(tmp_path: Path) -> None:
    """Without education the tables by education lack it alone; with it they are given."""
    spec = load_survey(tiny.write_spec(tmp_path) / "FJI" / "TINY")
    found = gaps_of(spec)
    (education,) = [opening for opening in found.openings if opening.questions == {"education"}]
    assert "MST_TEAP_SEX_EDU_CBR_NB" in education.tables
    assert "MST_TEAP_SEX_AGE_CBR_NB" in found.given
    more = replace(spec, concepts={**spec.concepts, "education": spec.concepts["sex"]})
    assert set(education.tables) <= {*gaps_of(more).given, *gaps_of(more).not_computed, *gaps_of(more).other_version}
    both = [opening for opening in found.openings if len(opening.questions) == 2]
    assert {"monthly_earnings", "status_in_employment"} in [set(opening.questions) for opening in both]
