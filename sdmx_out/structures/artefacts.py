"""What every artefact of the structure message needs: names in all languages, a maintainer, a URN.

Here belongs how artefacts are identified and referred to. What they hold is said where each kind is built, how a
format spells them in its writer.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from sdmx.message import StructureMessage
from sdmx.model import common

from sdmx_out.catalogue import LANGUAGES

VERSION = "1.0"
_URN = "urn:sdmx:org.sdmx.infomodel"
_FORM = re.compile(r"urn:sdmx:org\.sdmx\.infomodel\.(\w+)\.(\w+)=([^:]+):([^(]+)\(([^)]+)\)(?:\.(.+))?")


class Reference(NamedTuple):
    """A URN taken apart; ``item`` is empty if it names no item of a scheme."""

    package: str
    kind: str
    agency: str
    id: str
    version: str
    item: str


@cache
def reference(urn: str) -> Reference:
    """Take a URN apart.

    Raises:
        ValueError: if the text is no URN of an SDMX artefact.
    """
    match = _FORM.fullmatch(urn)
    if match is None:
        raise ValueError(f"{urn!r} is no URN of an SDMX artefact")
    return Reference(*(part or "" for part in match.groups()))


def maintained(agency: common.Agency, kind: str, identifier: str, version: str = VERSION) -> dict[str, object]:
    """Arguments that every maintainable artefact has; `kind` is package and class, e.g. ``codelist.Codelist``."""
    return {
        "maintainer": agency,
        "version": version,
        "is_final": True,
        "is_external_reference": False,
        "urn": f"{_URN}.{kind}={agency.id}:{identifier}({version})",
    }


def text(texts: Mapping[str, str]) -> common.InternationalString:
    """Return a text in all languages, in their order."""
    return common.InternationalString({language: texts[language] for language in LANGUAGES})


def children(item: common.Item) -> list[common.Item]:
    """Return the items right below one, in the order in which they were added."""
    return list(item.child)


def item_urns(message: StructureMessage) -> dict[int, str]:
    """URN of every concept, category and data provider by its identity as an object."""
    kinds = (
        (message.concept_scheme, "Concept"),
        (message.category_scheme, "Category"),
        (message.organisation_scheme, "DataProvider"),
    )
    found: dict[int, str] = {}
    for schemes, kind in kinds:
        for scheme in schemes.values():
            whole = reference(scheme.urn)
            start = f"{_URN}.{whole.package}.{kind}={whole.agency}:{whole.id}({whole.version})"
            for item in scheme:
                found.update((id(part), f"{start}.{path}") for path, part in _nested(item))
    return found


def _nested(item: common.Item, above: str = "") -> Iterator[tuple[str, common.Item]]:
    path = f"{above}{item.id}"
    yield path, item
    if isinstance(item, common.Category):
        for part in children(item):
            yield from _nested(part, f"{path}.")


def representation(component: common.Component) -> tuple[str, str]:
    """URN of a component's code list and '', or '' and its data type as SDMX-ML spells it (``Double``)."""
    local = component.local_representation
    if local.enumerated is not None:
        return str(local.enumerated.urn), ""
    name = str(local.non_enumerated[0].value_type.name)
    return "", name[0].upper() + name[1:]
