"""The reckoning of missing questions, on a catalogue that can be checked by hand."""

from collections.abc import Collection

import pytest

from schemas.gaps import Step, missing, opened, smallest, steps, ways

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


GAPS = {
    "one": [N({"birth"})],
    "two": [N({"birth"})],
    "both": [N({"birth", "year"})],
    "other": [N({"pay"})],
    "either": [N({"pay"}), N({"year"})],
}


@pytest.mark.parametrize(
    ("questions", "expected"),
    [
        (N(), ()),
        (N({"birth"}), ("one", "two")),
        (N({"year"}), ("either",)),
        (N({"year", "birth"}), ("one", "two", "both", "either")),
        (N({"pay"}), ("other", "either")),
    ],
)
def test_what_questions_open(questions: frozenset[str], expected: tuple[str, ...]) -> None:
    assert opened(GAPS, questions) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["birth", "year", "pay"], [("birth", "one two"), ("year", "both either"), ("pay", "other")]),
        (["pay", "year", "birth"], [("pay", "other either"), ("birth", "one two"), ("year", "both")]),
    ],
)
def test_each_step_counts_on_those_before_it(order: list[str], expected: list[tuple[str, str]]) -> None:
    """Birth and pay open two tables each, and then year as many as birth or pay left it."""
    assert [(set(step.sets[0]), step.tables) for step in steps(GAPS, order)] == [
        ({question}, tuple(tables.split())) for question, tables in expected
    ]


def test_questions_that_open_only_together_are_one_step() -> None:
    gaps = {"status": [N("abc")], "more": [N("abcd")], "small": [N("e")]}
    assert [(set(step.sets[0]), step.tables) for step in steps(gaps, "abcde")] == [
        ({"e"}, ("small",)),
        ({"a", "b", "c"}, ("status",)),
        ({"d"}, ("more",)),
    ]


def test_a_part_of_the_best_set_that_opens_tables_by_itself_comes_before_it() -> None:
    """Both questions together open four tables, two each: more than any one alone."""
    gaps = {"one": [N("a")], "two": [N("ab")], "three": [N("ab")], "four": [N("ab")]}
    assert [(set(step.sets[0]), step.tables) for step in steps(gaps, "ab")] == [
        ({"a"}, ("one",)),
        ({"b"}, ("two", "three", "four")),
    ]


def test_alternatives_are_one_step() -> None:
    """Leave and sick pay open what insurance opens; registration opens less, and is no alternative."""
    gaps = {"formal": [N({"insured"}), N({"leave", "sick"})], "sector": [N({"insured"}), N({"registered"})]}
    gaps = {**gaps, "sector": [*gaps["sector"], N({"leave", "sick"})]}
    assert steps(gaps, ["insured", "leave", "sick", "registered"]) == (
        Step((N({"insured"}), N({"leave", "sick"})), ("formal", "sector")),
    )


def test_nothing_lacks_nothing_opens() -> None:
    assert steps({}, []) == ()
