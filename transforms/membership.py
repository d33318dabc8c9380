"""Which published items hold a harmonised code: the margins of every table as data.

Here belongs the table that ``stocks`` joins persons to; the lists and hierarchies are in ``schemas``.
"""

from collections.abc import Iterable, Mapping, Sequence

from schemas.codes import items_of, load_code_lists, total_of
from schemas.concepts import load_concepts
from schemas.indicators import Indicator

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


def _base_codes(concept: str) -> tuple[str, ...]:
    lists = load_code_lists()
    names = load_concepts()[concept].code_lists
    return tuple(sorted({item.code for name in names for item in lists[name].items} | {"", "_U"}))


def membership_rows(indicators: Iterable[Indicator], collected: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (concept, base code, item) for every dimension of the indicators, without repeats.

    The base code '' stands for NULL. A total holds every base code, the unknown and NULL included.
    """
    wanted: dict[str, set[str]] = {"sex": {"SEX"}}
    for indicator in indicators:
        for concept, names in (
            (indicator.classif1_concept, indicator.classif1_versions),
            (indicator.classif2_concept, indicator.classif2_versions),
        ):
            if concept:
                wanted.setdefault(concept, set()).update(versions_of(names, concept, collected))
    rows: set[tuple[str, str, str]] = set()
    for concept, chosen in wanted.items():
        for code in _base_codes(concept):
            for version in chosen:
                rows.add((concept, code, total_of(version)))
                if code not in ("", "_U") or concept.startswith("country"):
                    rows.update((concept, code, item) for item in items_of(version, code))
    return sorted(rows)
