"""What a round says of names of countries that it cannot map: how many of which sort, and no name."""

import pytest

from pipelines.check_spec import _code_counts
from pipelines.checks import unmapped_findings
from schemas.concepts import load_concepts
from schemas.periods import Period
from tests.transforms.conftest import survey
from tests.transforms.demo import CODES

__all__ = ["survey"]

BORN = '{variable = "b", codes = "@COUNTRY"}'


def message(demo, texts):
    connection = demo.connect(("w", "s", "a", "b"), [("1", "1", "30", text) for text in texts])
    connection.execute(f"CREATE TABLE work AS {demo.plan.sql}")
    (found,) = unmapped_findings(connection, demo.spec, load_concepts(), demo.plan)
    assert (found.rule, found.concept, found.count) == ("CODE_UNMAPPED", "country_of_birth", len(texts))
    return found.message


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["Korea", "COREE", "Congo", "USSR", "Atlantis"], "; 3 ambiguous: name the country in a row; 1 of states"),
        (["810", "YUG"], "2 source code(s) without a row in codes/country_of_birth.csv; 2 of states that are no more"),
        (["Atlantis"], "1 source code(s) without a row in codes/country_of_birth.csv (not named here"),
    ],
)
def test_unmapped_names_are_counted_by_sort_and_not_named(survey, texts, words):  # noqa: F811
    text = message(survey(layout=("w", "s", "a", "b"), country_of_birth=BORN), texts)
    assert words in text
    assert not [name for name in texts if name in text]


def test_a_concept_with_codes_of_its_own_is_not_told_of_countries(survey):  # noqa: F811
    codes = {"codes/country_of_birth.csv": CODES + "1,,PER,,,\n"}
    text = message(survey(layout=("w", "s", "a", "b"), country_of_birth='{variable = "b"}', files=codes), ["Korea"])
    assert "ambiguous" not in text


def test_the_check_of_a_specification_shows_the_country_of_each_text(survey):  # noqa: F811
    codes = {"codes/country_of_birth.csv": CODES + "Kiwí,New Zealand,NZL,,,\n"}
    demo = survey(layout=("w", "s", "a", "b"), country_of_birth=BORN, files=codes)
    texts = ["Perú", "perú", "KIWI", "Corea", ""]
    connection = demo.connect(("w", "s", "a", "b"), [("1", "1", "30", text) for text in texts])
    connection.execute(f"CREATE TABLE work AS {demo.plan.sql}")
    counts = _code_counts(connection, demo.spec, "country_of_birth", Period.parse("2024-Q1"))
    assert {count.source_code: (count.target, count.count) for count in counts} == {
        "Perú": ("PER", 1),
        "perú": ("PER", 1),
        "KIWI": ("NZL", 1),
        "Corea": ("UNMAPPED", 1),
        "": ("UNMAPPED", 1),
        "Kiwí": ("NZL", 0),
    }
