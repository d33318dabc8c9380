"""SDMX-JSON 2.0 structure messages.

Here belongs how the format spells what sdmx1's information model holds. pysdmx writes one language only, and lists
that the schema wants left out where they are empty. What the structures are does not belong here.
"""

import json
from collections.abc import Iterable, Mapping

from sdmx.message import StructureMessage
from sdmx.model import common, v21

from sdmx_out.structures.artefacts import children, item_urns, reference, representation
from sdmx_out.structures.cross_domain import StructureMap
from sdmx_out.structures.xml_message import map_urn, refuse_unknown, role_of

_SCHEMA = (
    "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/structure-message/tools/schemas/2.0.0/"
    "sdmx-json-structure-schema.json"
)
_ITEMS = {
    "AgencyScheme": "agencies",
    "DataProviderScheme": "dataProviders",
    "Codelist": "codes",
    "ConceptScheme": "concepts",
    "CategoryScheme": "categories",
}
Object = dict[str, object]


def json_message(message: StructureMessage) -> bytes:
    """Write a message, one structure a line.

    Args:
        message: artefacts with URNs, languages in the order in which they are written.

    Raises:
        ValueError: if the message holds a kind of structure that is not written.
    """
    refuse_unknown(message)
    header = message.header
    languages = list(next(iter(message.organisation_scheme.values())).name.localizations)
    meta = {
        "schema": _SCHEMA,
        "id": header.id,
        "test": bool(header.test),
        "prepared": header.prepared.isoformat(),
        "contentLanguages": languages,
        "sender": {"id": header.sender.id},
    }
    members = (
        f"{_text(member)}:[\n" + ",\n".join(_text(structure) for structure in structures) + "\n]"
        for member, structures in _data(message).items()
        if structures
    )
    return (f'{{"meta":{_text(meta)},\n"data":{{' + ",\n".join(members) + "}}\n").encode()


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _data(message: StructureMessage) -> dict[str, list[Mapping[str, object]]]:
    urns = item_urns(message)
    organisations = message.organisation_scheme.values()
    sets = list(message.structureset.values())
    return {
        "agencySchemes": [_scheme(item) for item in organisations if isinstance(item, common.AgencyScheme)],
        "dataProviderSchemes": [_scheme(item) for item in organisations if isinstance(item, common.DataProviderScheme)],
        "codelists": [_scheme(item) for item in message.codelist.values()],
        "conceptSchemes": [_scheme(item) for item in message.concept_scheme.values()],
        "categorySchemes": [_scheme(item) for item in message.category_scheme.values()],
        "dataStructures": [_structure(item, urns) for item in message.structure.values()],
        "dataflows": [_dataflow(item) for item in message.dataflow.values()],
        "categorisations": [_categorisation(item, urns) for item in message.categorisation.values()],
        "dataConstraints": [_constraint(item) for item in message.constraint.values()],
        "provisionAgreements": [_agreement(item, urns) for item in message.provisionagreement.values()],
        "representationMaps": [_representation_map(item, codes) for item in sets for codes in item.item_scheme_map],
        "structureMaps": [_structure_map(item, found) for item in sets for found in item.structure_map],
    }


def _named(item: common.NameableArtefact) -> Object:
    texts = dict(item.name.localizations)
    found: Object = {"name": texts["en"], "names": texts}
    described = dict(item.description.localizations)
    if described:
        found |= {"description": described["en"], "descriptions": described}
    if item.annotations:
        found["annotations"] = [_annotation(note) for note in item.annotations]
    return found


def _annotation(note: common.BaseAnnotation) -> Object:
    texts = dict(note.text.localizations)
    return {
        "title": str(note.title),
        "type": str(note.type),
        **({"text": texts["en"], "texts": texts} if texts else {}),
    }


def _maintained(item: common.MaintainableArtefact) -> Object:
    return {"id": item.id, "agencyID": item.maintainer.id, "version": str(item.version), **_named(item)}


def _scheme(scheme: common.ItemScheme) -> Object:
    kind = reference(scheme.urn).kind
    items = [_item(item) for item in scheme]
    partial = {"isPartial": bool(scheme.is_partial)}
    return {**_maintained(scheme), **partial, **({_ITEMS[kind]: items} if items else {})}


def _item(item: common.Item) -> Object:
    found: Object = {"id": item.id, **_named(item)}
    if isinstance(item, common.Category):
        below = children(item)
        return {**found, **({"categories": [_item(part) for part in below]} if below else {})}
    if item.parent is not None and isinstance(item.parent, type(item)):
        found["parent"] = item.parent.id
    return found


def _structure(structure: v21.DataStructureDefinition, urns: Mapping[int, str]) -> Object:
    dimensions = structure.dimensions.components
    time = next(item for item in dimensions if isinstance(item, v21.TimeDimension))
    # A hidden cell is an observation without a value.
    measures = [{**_component(item, urns), "usage": "optional"} for item in structure.measures.components]
    components = {
        "dimensionList": {
            "id": structure.dimensions.id,
            "dimensions": [
                {**_component(item, urns), "position": item.order - 1} for item in dimensions if item is not time
            ],
            "timeDimension": _component(time, urns),
        },
        "measureList": {"id": structure.measures.id, "measures": measures},
        "attributeList": {
            "id": structure.attributes.id,
            "attributes": [_attribute(item, urns) for item in structure.attributes.components],
        },
    }
    return {**_maintained(structure), "dataStructureComponents": components}


def _component(item: common.Component, urns: Mapping[int, str]) -> Object:
    code_list, data_type = representation(item)
    local: Object = {"enumeration": code_list} if code_list else {"format": {"dataType": data_type}}
    return {"id": item.id, "conceptIdentity": urns[id(item.concept_identity)], "localRepresentation": local}


def _attribute(item: v21.DataAttribute, urns: Mapping[int, str]) -> Object:
    dimensions = [dimension.id for dimension in getattr(item.related_to, "dimensions", ())]
    relation: Object = {"dimensions": dimensions} if dimensions else {"observation": {}}
    return {**_component(item, urns), "usage": "optional", "attributeRelationship": relation}


def _dataflow(flow: v21.DataflowDefinition) -> Object:
    return {**_maintained(flow), "structure": str(flow.structure.urn)}


def _categorisation(item: common.Categorisation, urns: Mapping[int, str]) -> Object:
    return {**_maintained(item), "source": str(item.artefact.urn), "target": urns[id(item.category)]}


def _agreement(item: common.ProvisionAgreement, urns: Mapping[int, str]) -> Object:
    return {
        **_maintained(item),
        "dataflow": str(item.structure_usage.urn),
        "dataProvider": urns[id(item.data_provider)],
    }


def _constraint(item: v21.ContentConstraint) -> Object:
    return {
        **_maintained(item),
        "role": role_of(item),
        "constraintAttachment": {"dataflows": sorted(str(flow.urn) for flow in item.content)},
        "cubeRegions": [
            {"include": region.included, "keyValues": list(_key_values(region))} for region in item.data_content_region
        ],
    }


def _key_values(region: common.CubeRegion) -> Iterable[Object]:
    for component, selection in region.member.items():
        first = selection.values[0]
        if isinstance(first, v21.RangePeriod):
            ends = {
                name: {"period": end.period.date().isoformat(), "isInclusive": end.is_inclusive}
                for name, end in (("startPeriod", first.start), ("endPeriod", first.end))
            }
            yield {"id": component.id, "timeRange": ends}
        else:
            yield {"id": component.id, "values": [{"value": value.value} for value in selection.values]}


def _representation_map(whole: v21.StructureSet, codes: v21.CodelistMap) -> Object:
    return {
        **_maintained(whole),
        "id": f"RM_{codes.id}",
        **_named(codes),
        "source": [{"codelist": str(codes.source.urn)}],
        "target": [{"codelist": str(codes.target.urn)}],
        "representationMappings": [
            {"sourceValues": [{"value": pair.source.id}], "targetValues": [pair.target.id]}
            for pair in codes.item_association
        ],
    }


def _structure_map(whole: v21.StructureSet, item: StructureMap) -> Object:
    texts = dict(item.name.localizations)
    return {
        **_maintained(whole),
        "id": item.id,
        "name": texts["en"],
        "names": texts,
        "source": str(item.source.urn),
        "target": str(item.target.urn),
        "componentMaps": [
            {"source": [component], "target": [component], "representationMap": map_urn(whole, codes)}
            for component, codes in item.components.items()
        ],
    }
