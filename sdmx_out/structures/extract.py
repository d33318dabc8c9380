"""One dataflow out of the structures of a release, with all that it refers to and nothing else.

A release has some hundred dataflows, and reading all of their structures takes a reader of one of them seconds.
"""

import io
from pathlib import Path

import sdmx
from lxml import etree
from sdmx.model import v21

_STR = "{http://www.sdmx.org/resources/sdmxml/schemas/v2_1/structure}"
#: Parts of a structure message that a dataflow needs, and of which only some items.
_NEEDED = ("OrganisationSchemes", "Dataflows", "Codelists", "Concepts", "DataStructures")
_Key = tuple[str, str]


def read_one(structures: Path, flow: str) -> v21.DataflowDefinition | None:
    """Return a dataflow with its structure in full; None if the message has none of that id.

    Args:
        structures: structure message in SDMX-ML 2.1.
        flow: id of the dataflow.
    """
    tree = etree.parse(structures)
    whole = tree.find("{*}Structures")
    found = next((item for item in whole.iter(f"{_STR}Dataflow") if item.get("id") == flow), None)
    if found is None:
        return None
    structure = _key(found.find(f"{_STR}Structure/Ref"))
    definition = next(item for item in whole.iter(f"{_STR}DataStructure") if _key(item) == structure)
    kept = {_key(found), structure}
    for reference in definition.iter("Ref"):
        parent = reference.get("maintainableParentID")
        kept.add((reference.get("agencyID"), parent or reference.get("id")))
    for part in list(whole):
        if etree.QName(part).localname not in _NEEDED:
            whole.remove(part)
            continue
        for item in list(part) if part.tag != f"{_STR}OrganisationSchemes" else ():
            if _key(item) not in kept:
                part.remove(item)
    message = sdmx.read_sdmx(io.BytesIO(etree.tostring(tree)), format="XML")
    read: v21.DataflowDefinition = message.dataflow[flow]
    return read


def _key(item: etree._Element) -> _Key:
    return item.get("agencyID"), item.get("id")
