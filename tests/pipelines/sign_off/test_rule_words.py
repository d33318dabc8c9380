"""Rules in plain words: every kind of node, in three languages."""

import string

import pytest
import sqlglot

from pipelines.sign_off.rule_words import Cases, Group, RuleWriter, Sentence, text_of
from pipelines.sign_off.texts import LANGUAGES, Words, load_texts
from schemas import expressions
from schemas.expressions import parse_expression
from schemas.survey_spec import SurveySpec, find_surveys, load_survey

KINDS = {"A": "text", "B": "text", "N": "number", "T": "boolean"}
LABELS = {"A": "Worked for pay", "B": "Reason"}
VALUES = {"A": {"1": "Yes", "2": "No"}, "B": {"12": "Season"}}

#: Expression -> its words in English.
SENTENCES = {
    "A = '1'": "A (Worked for pay) is 1 (Yes)",
    "'1' = A": "A (Worked for pay) is 1 (Yes)",
    "A <> '9'": "A (Worked for pay) is not 9",
    "trim(A) = '2'": "A (Worked for pay) without blanks around it is 2 (No)",
    "A = '1' OR B = '12'": "A (Worked for pay) is 1 (Yes) or B (Reason) is 12 (Season)",
    "A = '1' AND B = '12' AND B <> ''": "all of these hold: A (Worked for pay) is 1 (Yes); B (Reason) is 12 (Season); "
    "B (Reason) is not an empty text",
    "NOT (A = '1' OR B = '12' OR B = '13')": "none of these holds: A (Worked for pay) is 1 (Yes); "
    "B (Reason) is 12 (Season); B (Reason) is 13",
    "NOT (A = '1' AND B = '12' AND B <> '13')": "not all of these hold: A (Worked for pay) is 1 (Yes); "
    "B (Reason) is 12 (Season); B (Reason) is not 13",
    "NOT A = '1'": "it is not true that A (Worked for pay) is 1 (Yes)",
    "A IN ('1', '2', '3')": "A (Worked for pay) is 1 (Yes), 2 (No) or 3",
    "A NOT IN ('1', '2')": "A (Worked for pay) is answered, but is none of 1 (Yes) and 2 (No)",
    "A = '1' OR (B = '12' AND A NOT IN ('1', '2'))": "at least one of these holds: A (Worked for pay) is 1 (Yes); "
    "(all of these hold: B (Reason) is 12 (Season); A (Worked for pay) is answered, but is none of 1 (Yes) and 2 (No))",
    "to_integer(A) BETWEEN 15 AND 64": "A (Worked for pay) as a whole number is from 15 to 64",
    "NOT to_number(A) BETWEEN -1 AND 64": "A (Worked for pay) as a number is answered, but is not from minus 1 to 64",
    "A IS NULL": "A (Worked for pay) is blank",
    "A IS NOT NULL": "A (Worked for pay) is not blank",
    "starts_with(A, '1')": "A (Worked for pay) begins with 1",
    "length(A) < 3": "the number of characters of A (Worked for pay) is less than 3",
    "N <= 3": "N is at most 3",
    "3 <= N": "N is at least 3",
    "N > 3": "N is greater than 3",
    "N >= 3": "N is at least 3",
    "T": "T is true",
    "TRUE": "yes",
    "T = FALSE": "T is no",
    "(A = '1') = (B = '12')": "(A (Worked for pay) is 1 (Yes)) is (B (Reason) is 12 (Season))",
    "N + 1 > N * 2 - 3 / NULLIF(N, 0)": "N + 1 is greater than (N × 2) − (3 ÷ N)",
    "substring(A, 1, 2)": "characters 1 to 2 of A (Worked for pay)",
    "substring(A, 3, 1)": "character 3 of A (Worked for pay)",
    "concat(A, '-', B)": "A (Worked for pay), “-” and B (Reason), written one after the other",
    "lower(upper(A))": "(A (Worked for pay) in capital letters) in small letters",
    "coalesce(A, B)": "the first of A (Worked for pay) and B (Reason) that is not blank",
    "nullif(A, '2')": "A (Worked for pay), but blank where it is 2 (No)",
    "CASE WHEN A = '1' THEN B END": "if A (Worked for pay) is 1 (Yes), then: B (Reason); otherwise: blank",
    "CASE A WHEN '1' THEN 'x' ELSE B END": "if A (Worked for pay) is 1 (Yes), then: x; otherwise: B (Reason)",
    "CASE WHEN A = '1' THEN NULL ELSE 'y' END": "if A (Worked for pay) is 1 (Yes), then: blank; otherwise: y",
    "length(CASE WHEN A = '1' OR B = '12' THEN A END) = 1": "the number of characters of (if A (Worked for pay) is "
    "1 (Yes) or B (Reason) is 12 (Season), then: A (Worked for pay); otherwise: blank) is 1",
    "-to_number(A)": "minus (A (Worked for pay) as a number)",
}


def writer(language: str) -> RuleWriter:
    return RuleWriter(Words.of(language, "rules"), LABELS, VALUES)


@pytest.mark.parametrize("text", SENTENCES)
def test_words_in_english(text: str) -> None:
    mine = writer("en")
    assert text_of(mine.wording(parse_expression(text, KINDS)), mine.words) == SENTENCES[text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_node_has_words(language: str) -> None:
    seen = set()
    for text in SENTENCES:
        parse_expression(text, KINDS)
        seen |= {type(node) for node in sqlglot.parse_one(text, read="duckdb").walk()}
        assert text_of(writer(language).wording(parse_expression(text, KINDS)), Words.of(language, "rules"))
    assert set(expressions._HANDLERS) <= seen


def test_other_languages() -> None:
    condition = parse_expression("A = '1' OR B IN ('12', '13')", KINDS)
    assert text_of(writer("fr").wording(condition), Words.of("fr", "rules")) == (
        "au moins une de ces conditions est remplie\u202f: A (Worked for pay) vaut 1 (Yes); "
        "B (Reason) vaut 12 (Season) ou 13"
    )
    assert text_of(writer("es").wording(condition), Words.of("es", "rules")) == (
        "se cumple al menos una de estas condiciones: A (Worked for pay) es 1 (Yes); B (Reason) es 12 (Season) o 13"
    )


def test_shapes() -> None:
    mine = writer("en")
    assert isinstance(mine.wording(parse_expression("A = '1' OR B = '2'", KINDS)), Sentence)
    assert isinstance(mine.wording(parse_expression("A = '1' OR B IN ('2', '3')", KINDS)), Group)
    assert isinstance(mine.wording(parse_expression("(CASE WHEN A = '1' THEN B END)", KINDS)), Cases)


def specs() -> list[SurveySpec]:
    return [load_survey(folder) for folder in find_surveys([]).values()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_expression_of_the_built_in_surveys(language: str) -> None:
    """No node falls back: a kind without words raises."""
    words = Words.of(language, "rules")
    count = 0
    for spec in specs():
        mine = RuleWriter(words, {row.variable: row.label for row in spec.layout}, {})
        found = [source.expression for source in spec.concepts.values() if source.expression is not None]
        for rules in spec.rules.values():
            found += [rule.when for rule in rules]
            found += [rule.expression for rule in rules if rule.expression is not None]
        found += [correction.where for correction in spec.corrections]
        if spec.absentees is not None:
            found += [source.expression for source in spec.absentees.concepts.values() if source.expression is not None]
            found += [rule.when for rules in spec.absentees.rules.values() for rule in rules]
        for expression in found:
            text = text_of(mine.wording(expression), words)
            assert text
            assert "{" not in text
            assert all(name in text for name in expression.columns)
        count += len(found)
    assert count > 80


def test_places_are_the_same_in_each_language() -> None:
    for name in ("rules", "page"):
        for key, text in load_texts(name).items():
            places = [
                {field for _, field, _, _ in string.Formatter().parse(getattr(text, language)) if field}
                for language in LANGUAGES
            ]
            assert places[0] == places[1] == places[2], key
