"""The model questions: complete in three languages, and one for every concept that a survey may lack."""

from pathlib import Path

import pytest

from schemas.concepts import load_absentee_concepts, load_concepts
from schemas.errors import SpecError
from schemas.model_questions import load_model_questions, read_model_questions

DICTIONARIES = {"persons": load_concepts, "absentees": load_absentee_concepts}
LANGUAGES = ("en", "fr", "es")

GOOD = """
[modules]
DEM = {en = "Persons", fr = "Personnes", es = "Personas"}
[universes]
members = {en = "All", fr = "Tous", es = "Todos"}
[persons.sex]
module = "DEM"
asked = "members"
question = {en = "Sex?", fr = "Sexe?", es = "¿Sexo?"}
answers = {en = ["Man", "Woman"], fr = ["Homme", "Femme"], es = ["Hombre", "Mujer"]}
[absentees.weight]
module = "DEM"
reason = {en = "No question", fr = "Pas de question", es = "No es pregunta"}
"""


@pytest.mark.parametrize("kind", DICTIONARIES)
def test_every_concept_that_a_survey_gives_has_a_question_or_a_reason(kind: str) -> None:
    wanted = {
        name for name, concept in DICTIONARIES[kind]().items() if (concept.origin == "source" or concept.can_be_given)
    }
    assert wanted <= set(load_model_questions()[kind])


@pytest.mark.parametrize("kind", DICTIONARIES)
def test_every_question_is_of_a_concept_that_can_be_given(kind: str) -> None:
    dictionary = DICTIONARIES[kind]()
    for name in load_model_questions()[kind]:
        assert dictionary[name].origin == "source" or dictionary[name].can_be_given


def test_questions_name_the_person_in_each_language() -> None:
    """The place for the name is not left in another language's form."""
    forms = {"en": "NAME", "fr": "NOM", "es": "NOMBRE"}
    for questions in load_model_questions().values():
        for question in questions.values():
            for language in LANGUAGES:
                text = getattr(question.question, language) if question.question else ""
                others = {form for other, form in forms.items() if other != language}
                assert not {word for word in others if f"({word})" in text}, (question.concept, language)


def test_languages_are_not_copies() -> None:
    for questions in load_model_questions().values():
        for question in questions.values():
            text = question.question or question.reason
            assert text is not None
            assert len({text.en, text.fr, text.es}) == 3, question.concept


def test_a_question_or_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "questions.toml"
    path.write_text(GOOD, encoding="utf-8")
    found = read_model_questions(path)
    assert found["persons"]["sex"].question is not None
    assert found["persons"]["sex"].reason is None
    assert found["absentees"]["weight"].question is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('module = "DEM"\nasked', 'module = "XXX"\nasked', "module is XXX"),
        ('asked = "members"', 'asked = "nobody"', "asked is nobody"),
        ('asked = "members"\n', "", "question, answers and asked"),
        ('"Homme", "Femme"', '"Homme"', "same number of answers"),
        (', es = "¿Sexo?"', "", "es"),
        ('reason = {en = "No question"', 'asked = "members"\nreason = {en = "No question"', "has no question"),
        ("[modules]\nDEM", "[extra]\nDEM", "tables are"),
    ],
)
def test_wrong_entries_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert GOOD.count(old) == 1
    path = tmp_path / "questions.toml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=message):
        read_model_questions(path)
