"""How what a registry serves differs from the lists and structures of the project.

Here belong which served list is which of ours, and what counts as a difference. A served list of a classification
type (CL_AGE) holds all its versions; ours are one list per version, and a code belongs to the version whose id it
begins with.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.codes import COUNTRY_VERSIONS, Code, CodeList
from schemas.indicators import Indicator
from sdmx_out.catalogue import ILO, is_test_code
from sdmx_out.structure_pull.registry import LANGUAGES, ServedCode, ServedStructure
from sdmx_out.structures.message import ATTRIBUTES

#: Served lists that are one list of ours each, not the versions of a classification type.
PLAIN_LISTS = {
    "CL_AREA": "AREA",
    "CL_OBS_STATUS": "OBS_STATUS",
    "CL_UNIT_MEASURE_TYPE": "UNIT_MEASURE_TYPE",
    "CL_UNIT_MEASURE": "UNIT_MEASURE",
    "CL_UNIT_MULT": "UNIT_MULT",
}

Kind = Literal["new", "gone", "label", "total", "version", "list", "structure"]


@dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Attributes:
        kind: new: a code that we do not have; gone: one that is served no more; label: another label; total: a code is
            a total on one side alone; version: codes of a version that we do not carry; list: a list that is not
            served; structure: a data structure that is not served, or has other components.
        place: the list of ours, or the indicator.
        code: the code, version or component that is meant.
        language: of a label.
        ours: what we have; '' for nothing.
        served: what the registry has.
    """

    kind: Kind
    place: str
    code: str
    language: str = ""
    ours: str = ""
    served: str = ""


def served_lists(code_lists: Mapping[str, CodeList]) -> dict[str, tuple[CodeList, ...]]:
    """Served list -> lists of ours that it holds: those of ILO, in the catalogue's order."""
    found: dict[str, tuple[CodeList, ...]] = {name: (code_lists[ours],) for name, ours in PLAIN_LISTS.items()}
    plain = {*PLAIN_LISTS.values(), "FREQ"}
    for codes in code_lists.values():
        is_classification = any(item.is_total for item in codes.items)
        if codes.agency == ILO and codes.id not in plain and is_classification:
            name = f"CL_{codes.type}"
            found[name] = (*found.get(name, ()), codes)
    return found


def list_differences(ours: Sequence[CodeList], served: Sequence[ServedCode]) -> Iterator[Difference]:
    """Yield how the codes of a served list differ from the lists of ours that it holds.

    Test areas and groups of countries in the lists by country are ours alone and no difference. A label is compared in
    the languages that are served.
    """
    placed: dict[str, list[ServedCode]] = {codes.id: [] for codes in ours}
    others: Counter[str] = Counter()
    for code in served:
        home = place_of(code.code, ours)
        if home is not None:
            placed[home.id].append(code)
        elif code.code not in placed:
            others[version_of(code.code)] += 1
    for codes in ours:
        yield from _code_differences(codes, placed[codes.id])
    for version, count in others.items():
        yield Difference("version", ours[0].type, version, served=f"{count} codes")


def place_of(code: str, ours: Sequence[CodeList]) -> CodeList | None:
    """Return the list of ours that a served code belongs to, or None."""
    if len(ours) == 1 and not any(item.code.startswith(f"{ours[0].id}_") for item in ours[0].items):
        return ours[0]
    fitting = [codes for codes in ours if code.startswith(f"{codes.id}_")]
    return max(fitting, key=lambda codes: len(codes.id), default=None)


def version_of(code: str) -> str:
    """Return the version in a code: its first two words."""
    return "_".join(code.split("_")[:2])


def _code_differences(ours: CodeList, served: Sequence[ServedCode]) -> Iterator[Difference]:
    known: dict[str, Code] = {item.code: item for item in ours.items}
    for code in served:
        item = known.get(code.code)
        if item is None:
            yield Difference("new", ours.id, code.code, served=next(iter(code.labels.values()), ""))
            continue
        held = {"en": item.en, "fr": item.fr, "es": item.es}
        for language in LANGUAGES:
            label = code.labels.get(language, held[language])
            if label != held[language]:
                yield Difference("label", ours.id, code.code, language, held[language], label)
        if code.is_total is not None and code.is_total != item.is_total:
            yield Difference("total", ours.id, code.code, "", _yes(item.is_total), _yes(code.is_total))
    there = {code.code for code in served}
    for item in ours.items:
        is_own = is_test_code(item.code) or (ours.id in COUNTRY_VERSIONS and item.level > 1)
        if item.code not in there and not is_own:
            yield Difference("gone", ours.id, item.code, ours=item.en)


def _yes(value: bool) -> str:
    return "Y" if value else "N"


def structure_differences(indicator: Indicator, served: ServedStructure | None) -> Iterator[Difference]:
    """Yield how the served data structure of an indicator differs from ours."""
    if served is None:
        yield Difference("structure", indicator.id, indicator.id, ours="published", served="")
        return
    dimensions = ("REF_AREA", "FREQ", "MEASURE", *indicator.dimensions, "TIME_PERIOD")
    if served.dimensions != dimensions:
        ours, theirs = ".".join(dimensions), ".".join(served.dimensions)
        yield Difference("structure", indicator.id, "dimensions", ours=ours, served=theirs)
    for name in sorted(set(ATTRIBUTES) ^ set(served.attributes)):
        is_ours = name in ATTRIBUTES
        yield Difference(
            "structure", indicator.id, name, ours="attribute" if is_ours else "", served="" if is_ours else "attribute"
        )
