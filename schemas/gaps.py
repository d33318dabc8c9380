"""What a questionnaire lacks: which tables it cannot give, and which questions would open them.

Here belongs the reckoning over names of columns. From which columns another one is derived is handed in, for
derivations stand in ``transforms``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

Names = frozenset[str]

#: Column -> sets of columns from any one of which it is derived; the empty set: it is always there.
Recipes = Mapping[str, Collection[Names]]


@dataclass(frozen=True)
class Step:
    """One step of a plan: questions to add to those of the steps before, and the tables that this opens.

    Attributes:
        sets: sets of names of source concepts, any one of which opens the tables; the later steps count on the first.
        tables: the tables that can be given after this step and could not before.
    """

    sets: tuple[Names, ...]
    tables: tuple[str, ...]


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


def opened(gaps: Mapping[str, Collection[Names]], questions: Names) -> tuple[str, ...]:
    """Return the tables that can be given once some questions are asked.

    Args:
        gaps: table -> the smallest sets of questions that it lacks, for the tables that lack any.
        questions: names of source concepts.
    """
    return tuple(table for table, sets in gaps.items() if any(names <= questions for names in sets))


def steps(gaps: Mapping[str, Collection[Names]], order: Sequence[str]) -> tuple[Step, ...]:
    """Return in which order to add questions, until no table lacks any.

    Next comes the set that opens most tables per question; a part of it that opens tables by itself comes before it.

    Args:
        gaps: table -> the smallest sets of questions that it lacks, for the tables that lack any.
        order: names of source concepts; of two sets that open as much the one that stands first is taken.
    """
    place = {name: number for number, name in enumerate(order)}
    left = {table: frozenset(sets) for table, sets in gaps.items()}
    found = []
    while left:
        candidates = {names: opened(left, names) for sets in left.values() for names in sets}
        ranked = sorted(
            candidates,
            key=lambda names: (-len(candidates[names]) / len(names), len(names), sorted(place[name] for name in names)),
        )
        taken = ranked[0]
        while parts := [names for names in ranked if names < taken]:
            taken = parts[0]
        tables = candidates[taken]
        alike = smallest(names for names in candidates if candidates[names] == tables)
        others = (names for names in ranked if names in alike and names != taken)
        found.append(Step((taken, *others), tables))
        left = {table: smallest(names - taken for names in sets) for table, sets in left.items() if table not in tables}
    return tuple(found)
