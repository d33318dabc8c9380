"""Surveys that ask more than they do: what tests add to a specification."""

from dataclasses import replace

from pipelines.needs import ABSENTEE, BLOCKS
from schemas.concepts import Concept, load_absentee_concepts, load_concepts
from schemas.survey_model import AbsenteeSpec, ConceptSource
from schemas.survey_spec import SurveySpec


def source_of(concept: Concept) -> ConceptSource:
    """Return a line of [concepts] that takes a concept from a variable."""
    classification = concept.code_lists[0] if len(concept.code_lists) > 1 else None
    return ConceptSource("ANSWER", None, None, rules=False, missing=(), classification=classification)


def with_questions(spec: SurveySpec, names: set[str]) -> SurveySpec:
    """Return a survey that asks more; the questions behind the status take the place of a status declared.

    Args:
        spec: the survey.
        names: questions; those on members abroad with their mark.
    """
    of_persons, abroad = load_concepts(), load_absentee_concepts()
    concepts = {name: source_of(of_persons[name]) for name in names if not name.startswith(ABSENTEE)}
    listed = {name.removeprefix(ABSENTEE) for name in names if name.startswith(ABSENTEE)}
    absentees = spec.absentees
    if listed:
        before = absentees or AbsenteeSpec(spec.files[0].name, None, {}, {}, {})
        absentees = replace(before, concepts={**before.concepts, **{name: source_of(abroad[name]) for name in listed}})
    more = replace(spec, concepts={**spec.concepts, **concepts}, absentees=absentees)
    section = spec.labour_force
    if section is not None and section.self_declared and set(more.concepts) >= set(BLOCKS):
        more = replace(
            more, labour_force=section.model_copy(update={"source": "building_blocks", "self_declared": False})
        )
    return more
