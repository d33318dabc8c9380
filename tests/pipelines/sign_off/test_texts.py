"""The words of the sign-off page: complete, used, and written as each language writes."""

import re
from pathlib import Path

import pytest

from pipelines.sign_off.gap_words import GROUPS
from pipelines.sign_off.texts import Words, load_concept_texts, load_finding_texts, load_texts, typeset
from schemas.concepts import load_absentee_concepts, load_concepts, load_topics
from schemas.edit_rules import load_edit_rules
from transforms.labour_force import STATUS_OF_RULE

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "pipelines/sign_off/page.html"
SOURCES = [*sorted((ROOT / "pipelines/sign_off").glob("*.py")), TEMPLATE]


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    keys = set(load_texts("page")) | set(load_texts("rules"))
    quoted = set(re.findall(r'"([a-zA-Z_0-9]+)"', code))
    made = re.compile("|".join(rf"{prefix}_\w+" for prefix in (
        "month", "kind", "verdict", "topic", "scope", "leaf", "gaps_are", "tables", "before_summary",
    )))  # fmt: skip
    assert {key for key in keys if key not in quoted and not made.fullmatch(key)} == set()
    in_template = set(re.findall(r'\bt\("([a-z_0-9]+)"', TEMPLATE.read_text(encoding="utf-8")))
    assert in_template <= keys


def test_keys_that_are_made_from_names() -> None:
    keys = set(load_texts("page"))
    universes = {concept.universe for concept in (*load_concepts().values(), *load_absentee_concepts().values())}
    assert {f"scope_{name}" for name in universes} <= keys
    assert {f"leaf_{name}" for name in (*STATUS_OF_RULE, "none")} <= keys
    assert {f"topic_{name}" for name in (*load_topics(), "absentees")} <= keys
    assert {key for key in keys if key.startswith("tables_")} == {f"tables_{name}" for name in (*GROUPS, "all")}


@pytest.mark.parametrize("kind", ["persons", "absentees"])
def test_every_concept_has_its_words(kind: str) -> None:
    dictionary = load_concepts() if kind == "persons" else load_absentee_concepts()
    texts = load_concept_texts()[kind]
    assert set(texts) == set(dictionary)
    given = {name for name, concept in dictionary.items() if concept.origin == "source" or concept.can_be_given}
    assert {name for name in given if texts[name].definition is None} == set()


def test_every_finding_has_its_words() -> None:
    """Rules of the harmonising step and of its checks; the others cannot be met by this command."""
    stages = {"harmonise", "contract"}
    apart = {"CODE_INVALID", "CONTRACT"}
    rules = {name for name, rule in load_edit_rules().items() if rule.stage in stages}
    assert rules - apart <= set(load_finding_texts())
    assert set(load_finding_texts()) <= set(load_edit_rules())


def test_french_signs_are_set_apart() -> None:
    assert typeset("Où: «ici»?", "fr") == "Où\u202f: «\u202fici\u202f»\u202f?"
    assert typeset("10:30", "fr") == "10:30"
    assert typeset("Where: “here”?", "en") == "Where: “here”?"


@pytest.mark.parametrize(
    ("language", "number", "percent", "points"),
    [
        ("en", "1,234.5", "12.3%", "\u22125.1"),
        ("fr", "1\u202f234,5", "12,3\u202f%", "\u22125,1"),
        ("es", "1\u202f234,5", "12,3\u202f%", "\u22125,1"),
    ],
)
def test_numbers_in_each_language(language: str, number: str, percent: str, points: str) -> None:
    words = Words.of(language, "page")
    assert (words.number(1234.5, 1), words.percent(0.1234), words.points(-0.051)) == (number, percent, points)
    assert words.percent(0.0001).startswith("<")
    assert words.points(-0.0001) == words.points(0.0) == words.number(0.0, 1)
