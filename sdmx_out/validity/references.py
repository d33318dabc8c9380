"""Structure messages hold together: whatever is referred to is there.

Here belongs the resolution of references, by the standard's naming alone and without a library's model. Validity by
schema is said in ``schema_check``.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from schemas.errors import Problem
from sdmx_out.validity.formats import StructureFormat
from sdmx_out.validity.message_files import Source, content
from sdmx_out.validity.problems import problem

_URN = re.compile(r"urn:sdmx:org\.sdmx\.infomodel\.\w+\.(\w+)=([^:]+):([^()]+)\(([^)]+)\)(?:\.(.+))?")
#: References that are named.
SHOWN = 3


@dataclass(frozen=True, order=True)
class _Key:
    """A maintained artefact: class, agency, id and version."""

    kind: str
    agency: str
    id: str
    version: str

    def __str__(self) -> str:
        return f"{self.kind} {self.agency}:{self.id}({self.version})"


@dataclass
class _Found:
    """What a message defines and what it refers to.

    Attributes:
        items: artefact -> ids that it holds.
        references: who refers, to what artefact, to which of its items ('' for the artefact itself).
        local: who refers, to which of its own ids.
    """

    items: dict[_Key, set[str]] = field(default_factory=dict)
    references: list[tuple[str, _Key, str]] = field(default_factory=list)
    local: list[tuple[_Key, str]] = field(default_factory=list)


def reference_problems(source: Source, message_format: StructureFormat, *, file: str) -> list[Problem]:
    """References of a structure message that lead nowhere.

    Args:
        source: the message, which is valid by its schema.
        message_format: its format.
        file: its name in what is reported.

    Returns:
        One problem per artefact that is missing, or that misses items, with who refers to it.
    """
    body = content(source)
    found = _of_json(json.loads(body)) if message_format == "structure-json-2.0" else _of_xml(etree.fromstring(body))
    return list(_unresolved(found, file))


def defined_dataflows(source: Source) -> set[str]:
    """Ids of the dataflows that a structure message in SDMX-ML defines."""
    return {key.id for key in _of_xml(etree.fromstring(content(source))).items if key.kind == "Dataflow"}


def _unresolved(found: _Found, file: str) -> Iterator[Problem]:
    missing: dict[tuple[_Key, str], list[str]] = {}
    for owner, key, item in found.references:
        held = _held(found, key)
        if held is None:
            missing.setdefault((key, ""), []).append(owner)
        elif item and item not in held:
            missing.setdefault((key, item), []).append(owner)
    for (key, item), owners in sorted(missing.items()):
        told = "; ".join(dict.fromkeys(owners[:SHOWN]))
        what = f"{key} has no {item}" if item else f"{key} is not in the message"
        yield problem(file, "STRUCTURE_UNRESOLVED", f"{what}: {len(owners):,} references to it, e.g. of {told}")
    for owner_key, item in sorted({(key, item) for key, item in found.local if item not in found.items[key]}):
        yield problem(file, "STRUCTURE_UNRESOLVED", f"{owner_key} refers to its own {item}, which it does not have")


def _held(found: _Found, key: _Key) -> set[str] | None:
    """Ids of an artefact; a version that is left open (``2+``) means any that begins so."""
    if key in found.items:
        return found.items[key]
    if not key.version.endswith(("+", "*")):
        return None
    begin = key.version.rstrip("+*.").split(".", 1)[0]
    for other, held in found.items.items():
        if (other.kind, other.agency, other.id) == (key.kind, key.agency, key.id) and other.version.startswith(begin):
            return held
    return None


def _of_urn(urn: str) -> tuple[_Key, str] | None:
    match = _URN.fullmatch(urn.strip())
    if match is None:
        return None
    kind, agency, identifier, version, item = match.groups()
    # An item's class is that of the item; its scheme is found by what is held under the same name.
    return _Key(kind if item is None else _SCHEMES.get(kind, kind), agency, identifier, version), _last(item or "")


def _last(item: str) -> str:
    """Id of an item without those above it; '' for any item."""
    last = item.rsplit(".", 1)[-1]
    return "" if last == "*" else last


#: Class of an item -> class of what holds it.
_SCHEMES = {
    "Agency": "AgencyScheme",
    "Category": "CategoryScheme",
    "Code": "Codelist",
    "Concept": "ConceptScheme",
    "DataConsumer": "DataConsumerScheme",
    "DataProvider": "DataProviderScheme",
    "MetadataProvider": "MetadataProviderScheme",
    "OrganisationUnit": "OrganisationUnitScheme",
    "DataAttribute": "DataStructure",
    "Dimension": "DataStructure",
    "Measure": "DataStructure",
    "PrimaryMeasure": "DataStructure",
    "TimeDimension": "DataStructure",
    "MetadataAttribute": "MetadataStructure",
    "CodelistMap": "StructureSet",
}


def _of_xml(root: etree._Element) -> _Found:
    found = _Found()
    for element in root.iter("{*}*"):
        if "agencyID" in element.attrib and "id" in element.attrib and etree.QName(element).localname != "Ref":
            _read_artefact(element, found)
    return found


def _read_artefact(element: etree._Element, found: _Found) -> None:
    key = _Key(
        etree.QName(element).localname, element.get("agencyID"), element.get("id"), element.get("version", "1.0")
    )
    held = found.items.setdefault(key, set())
    for part in element.iterdescendants("{*}*"):
        if etree.QName(part).localname == "Ref":
            _read_ref(part, key, found)
            continue
        if "id" in part.attrib:
            held.add(part.get("id"))
        # What an annotation names is told to people; it need not be there.
        if part.text and (named := _of_urn(part.text)) and next(part.iterancestors("{*}Annotation"), None) is None:
            found.references.append((str(key), *named))


def _read_ref(ref: etree._Element, owner: _Key, found: _Found) -> None:
    identifier, kind = ref.get("id"), ref.get("class", "")
    if "agencyID" not in ref.attrib:
        mapped = _mapped(ref)
        if mapped is None:
            found.local.append((owner, identifier))
        else:
            found.references.append((str(owner), mapped, identifier))
    elif "maintainableParentID" in ref.attrib:
        version = ref.get("maintainableParentVersion", "1.0")
        parent = _Key(_SCHEMES.get(kind, kind), ref.get("agencyID"), ref.get("maintainableParentID"), version)
        found.references.append((str(owner), parent, _last(identifier)))
    else:
        named = _Key(kind, ref.get("agencyID"), identifier, ref.get("version", "1.0"))
        found.references.append((str(owner), named, ""))


def _mapped(ref: etree._Element) -> _Key | None:
    """What holds the items that a map of 2.1 maps: its source or target, named on the map; None outside of maps."""
    side = ref.getparent()
    for above in side.iterancestors() if etree.QName(side).localname in ("Source", "Target") else ():
        named = above.find(f"{{*}}{etree.QName(side).localname}/{{*}}Ref")
        if named is not None and "agencyID" in named.attrib:
            return _Key(named.get("class", ""), named.get("agencyID"), named.get("id"), named.get("version", "1.0"))
    return None


def _of_json(message: dict[str, Any]) -> _Found:
    found = _Found()
    for collection, artefacts in message.get("data", {}).items():
        for artefact in artefacts:
            version = artefact.get("version", "1.0")
            key = _Key(_class_of(collection), artefact.get("agencyID", ""), artefact["id"], version)
            found.items.setdefault(key, set())
            _walk(artefact, key, found)
    return found


def _class_of(collection: str) -> str:
    """Class of what a collection holds: ``codelists`` -> ``Codelist``, ``hierarchies`` -> ``Hierarchy``."""
    single = f"{collection[:-3]}y" if collection.endswith("ies") else collection.removesuffix("s")
    return single[:1].upper() + single[1:]


def _walk(value: object, owner: _Key, found: _Found) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            found.items[owner].add(value["id"])
        for name, part in value.items():
            if name != "annotations":
                _walk(part, owner, found)
    elif isinstance(value, list):
        for part in value:
            _walk(part, owner, found)
    elif isinstance(value, str) and (named := _of_urn(value)):
        found.references.append((str(owner), *named))
