"""The reckoning of missing questions, on a catalogue that can be checked by hand."""

from collections.abc import Collection

import pytest

from schemas.gaps import Opening, missing, openings, smallest, ways

N = frozenset

#: status comes from one declared answer or from two questions; migrant from birth; worker from status and migrant;
#: always is there whatever is asked.
RECIPES = {
    "status": [N({"declared"}), N({"work", "search"})],
    "migrant": [N({"birth"})],
    "worker": [N({"status", "migrant"})],
    "always": [N()],
}


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [
        ("birth", ["birth"], {N()}),
        ("birth", [], {N({"birth"})}),
        ("always", [], {N()}),
        ("migrant", ["birth"], {N()}),
        ("status", [], {N({"declared"}), N({"work", "search"})}),
        ("status", ["work"], {N({"declared"}), N({"search"})}),
        ("status", ["work", "search"], {N()}),
        ("worker", ["work"], {N({"birth", "declared"}), N({"birth", "search"})}),
        ("worker", ["worker"], {N()}),
    ],
)
def test_ways_to_a_column(column: str, given: Collection[str], expected: set[frozenset[str]]) -> None:
    assert ways(column, given, RECIPES) == expected


def test_a_recipe_that_needs_its_own_column_is_no_way() -> None:
    circular = {"a": [N({"b"}), N({"c"})], "b": [N({"a"})]}
    assert ways("a", [], circular) == {N({"c"})}
    assert ways("b", [], circular) == {N({"c"})}


def test_a_table_lacks_the_smallest_sets() -> None:
    assert missing(["status", "declared"], [], RECIPES) == {N({"declared"})}
    assert missing(["worker", "always"], ["birth", "declared"], RECIPES) == {N()}


def test_smallest_sets() -> None:
    assert smallest([N("ab"), N("a"), N("bc"), N("abc")]) == {N("a"), N("bc")}


def test_a_table_that_needs_two_questions_is_opened_by_both_only() -> None:
    gaps = {
        "one": [N({"birth"})],
        "two": [N({"birth"})],
        "both": [N({"birth", "year"})],
        "other": [N({"pay"})],
        "either": [N({"pay"}), N({"year"})],
    }
    assert openings(gaps) == (
        Opening(N({"birth"}), ("one", "two"), ("one", "two")),
        Opening(N({"pay"}), ("other", "either"), ("other", "either")),
        Opening(N({"year"}), ("either",), ("either",)),
        Opening(N({"birth", "year"}), ("one", "two", "both", "either"), ("both",)),
    )


def test_nothing_lacks_nothing_opens() -> None:
    assert openings({}) == ()
