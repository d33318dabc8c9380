"""What a questionnaire lacks: which tables it cannot give, and which questions would open them.

Here belongs the reckoning over names of columns. From which columns another one is derived is handed in, for
derivations stand in ``transforms``.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

Names = frozenset[str]

#: Column -> sets of columns from any one of which it is derived; the empty set: it is always there.
Recipes = Mapping[str, Collection[Names]]


@dataclass(frozen=True)
class Opening:
    """A set of questions, and the tables that it opens when all of them are added.

    Attributes:
        questions: what is missing: names of source concepts.
        tables: the tables that can be given once these questions are asked, and cannot be given now.
        only_together: those of them that need every one of the questions.
    """

    questions: Names
    tables: tuple[str, ...]
    only_together: tuple[str, ...]


def ways(column: str, given: Collection[str], recipes: Recipes) -> frozenset[Names]:
    """Return the smallest sets of further source concepts with which a column is there.

    The empty set alone means that it is there already. A column that nothing is derived to is a source concept.
    """
    return _ways(column, frozenset(given), recipes, frozenset())


def _ways(column: str, given: Names, recipes: Recipes, above: Names) -> frozenset[Names]:
    if column in given:
        return frozenset({frozenset()})
    if column not in recipes:
        return frozenset({frozenset({column})})
    found: set[Names] = set()
    for needs in recipes[column]:
        if needs & above:
            continue
        found |= _together(_ways(need, given, recipes, above | {column}) for need in sorted(needs))
    return smallest(found)


def missing(needs: Iterable[str], given: Collection[str], recipes: Recipes) -> frozenset[Names]:
    """Return the smallest sets of source concepts that a table lacks; the empty set alone when it lacks nothing."""
    return smallest(_together(ways(column, given, recipes) for column in needs))


def _together(alternatives: Iterable[Collection[Names]]) -> set[Names]:
    """Return the smallest unions of one way per column."""
    found: Collection[Names] = {frozenset()}
    for ways_of_one in alternatives:
        found = smallest(one | other for one, other in product(found, ways_of_one))
    return set(found)


def smallest(sets: Iterable[Names]) -> frozenset[Names]:
    """Return the sets that hold no other of them."""
    kept: list[Names] = []
    for candidate in sorted(set(sets), key=lambda names: (len(names), sorted(names))):
        if not any(other <= candidate for other in kept):
            kept.append(candidate)
    return frozenset(kept)


def openings(gaps: Mapping[str, Collection[Names]]) -> tuple[Opening, ...]:
    """Return what each set of missing questions would open: fewest questions first, then most tables.

    Args:
        gaps: table -> the smallest sets of questions that it lacks, for the tables that lack any.

    A single question that opens no table without another one is not listed by itself.
    """
    found = []
    for questions in {questions for sets in gaps.values() for questions in sets if questions}:
        opened = [table for table, sets in gaps.items() if any(names <= questions for names in sets)]
        together = [table for table in opened if not any(names < questions for names in gaps[table])]
        found.append(Opening(questions, tuple(opened), tuple(together)))
    return tuple(sorted(found, key=lambda item: (len(item.questions), -len(item.tables), sorted(item.questions))))
