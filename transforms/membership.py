"""Which published items hold a harmonised code: the margins of every table as data.

Here belong the dimensions that ``margins`` sums over; the lists and hierarchies are in ``schemas``.
"""

from collections.abc import Iterable, Mapping, Sequence

from schemas.codes import items_of, load_code_lists, total_of
from schemas.indicators import CONTRASTS, Indicator, Relation
from transforms.margins import Dimension

#: Classifications that a survey collects in one of several versions: a version can be published only
#: if it is the collected one or an aggregate of it.
_COLLECTED_VERSIONS = (
    "EDU_ISCED11",
    "EDU_ISCED97",
    "ECO_ISIC4",
    "ECO_ISIC3",
    "OCU_ISCO08",
    "OCU_ISCO88",
)


def versions_of(wanted: Sequence[str], concept: str | None, collected: Mapping[str, str]) -> tuple[str, ...]:
    """Return the versions that can be published from what the survey collected.

    Args:
        wanted: versions that the catalogue lists.
        concept: the harmonised column.
        collected: concept -> version in which the survey collected it.
    """
    own = collected.get(concept or "")
    return tuple(version for version in wanted if version not in _COLLECTED_VERSIONS or version == own)


def published_items(versions: Iterable[str]) -> frozenset[str]:
    """Return every item that a table in these versions may show."""
    lists = load_code_lists()
    return frozenset(item.code for version in versions for item in lists[version].items)


def wanted_versions(
    indicators: Iterable[Indicator], collected: Mapping[Relation, Mapping[str, str]]
) -> dict[tuple[Relation, str], tuple[str, ...]]:
    """Return (relation, column) -> versions whose items a set of indicators publishes or compares.

    Args:
        indicators: of the catalogue.
        collected: relation -> column -> version in which the survey collected it.
    """
    wanted: dict[tuple[Relation, str], set[str]] = {}
    for indicator in indicators:
        relations: tuple[Relation, ...] = (
            (indicator.relation, "absentees") if indicator.subtrahend else (indicator.relation,)
        )
        for relation in relations:
            wanted.setdefault((relation, "sex"), set()).add("SEX")
            for concept, names in (
                (indicator.classif1_concept, indicator.classif1_versions),
                (indicator.classif2_concept, indicator.classif2_versions),
                (
                    indicator.contrast,
                    (CONTRASTS[indicator.contrast][0].rsplit("_", 1)[0],) if indicator.contrast else (),
                ),
                (indicator.factor, ()),
            ):
                if concept:
                    versions = versions_of(names, concept, collected.get(relation, {}))
                    wanted.setdefault((relation, concept), set()).update(versions)
    return {key: tuple(sorted(versions)) for key, versions in wanted.items()}


def item_rows(concept: str, versions: Iterable[str], codes: Iterable[str]) -> list[tuple[str, str]]:
    """Return (base code, item) of one dimension, without repeats.

    The base code '' stands for NULL. A total holds every base code, the unknown and NULL included. A column without
    versions is a factor: each of its codes is an item of its own.

    Args:
        concept: the harmonised column.
        versions: classification versions.
        codes: base codes that occur.
    """
    rows: set[tuple[str, str]] = set()
    named = tuple(versions)
    for code in codes:
        if not named and code:
            rows.add((code, code))
        for version in named:
            rows.add((code, total_of(version)))
            if code not in ("", "_U") or concept.startswith("country"):
                rows.update((code, item) for item in items_of(version, code))
    return sorted(rows)


def dimension(concept: str, versions: Iterable[str], codes: Sequence[str]) -> Dimension:
    """Return a cube's dimension over the base codes that occur; that of no column where ``concept`` is empty."""
    return Dimension.of(codes, item_rows(concept, versions, codes)) if concept else Dimension.absent()
