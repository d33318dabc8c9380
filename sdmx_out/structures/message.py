"""Lists and data structures of a release, built in sdmx1's information model, and the message in three formats.

Here belong agencies, concepts, code lists, and per indicator one data structure and dataflow in ILO's
shape plus a twin of our own agency whose measure is the standard error. What else stands around dataflows belongs to
`release_structures`, the formats to `xml_message` and `json_message`. Data do not belong here.

sdmx1's model names dataflows and data structures wrongly in their URNs, and leaves `is_final`,
`is_external_reference` and the descriptors' ids open: all of these are set here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from sdmx.message import Header, StructureMessage
from sdmx.model import common, v21

from schemas.codes import Code, CodeList
from schemas.indicators import Indicator
from sdmx_out.catalogue import (
    CLASSIFICATION_TYPES,
    ILMS,
    ILO,
    LANGUAGES,
    SDMX,
    TWIN_SUFFIX,
    is_test_code,
    lists_of_type,
    marked,
    twin_title,
)
from sdmx_out.structures.artefacts import VERSION, maintained, text
from sdmx_out.structures.concept_names import AGENCY_NAMES, CONCEPTS, LIST_NAMES, SCHEME_NAMES
from sdmx_out.structures.json_message import json_message
from sdmx_out.structures.xml_message import SDMX_21, SDMX_30, xml_message

# sdmx1 tells lists apart by id and version alone: a list of our own never has the id of one of ILO's.
OWN_MEASURES = "CL_MEASURE_ILMS"
_PREPARED = re.compile(rb'<mes:Prepared>[^<]*</mes:Prepared>|"prepared":"[^"]*"')

# Where each attribute hangs: on the observation (no dimensions) or on the named dimensions.
_ON_OBSERVATION: tuple[str, ...] = ()
_ON_MEASURE = ("MEASURE",)
_ON_SOURCE = ("REF_AREA", "MEASURE", "TIME_PERIOD")
ATTACHMENT = {
    "OBS_STATUS": _ON_OBSERVATION,
    "CONF_STATUS": _ON_OBSERVATION,
    "UNIT_MEASURE_TYPE": _ON_MEASURE,
    "UNIT_MEASURE": _ON_MEASURE,
    "UNIT_MULT": _ON_MEASURE,
    "SOURCE": _ON_SOURCE,
    "NOTE_SOURCE": _ON_SOURCE,
    "NOTE_INDICATOR": _ON_OBSERVATION,
    "NOTE_CLASSIF": _ON_OBSERVATION,
    "DECIMALS": _ON_MEASURE,
    "CV": _ON_OBSERVATION,
    "DF": _ON_OBSERVATION,
    "P_VALUE": _ON_OBSERVATION,
    "N_BAND": _ON_OBSERVATION,
    "METHOD": _ON_OBSERVATION,
    "UPPER_BOUND": _ON_OBSERVATION,
    "LOWER_BOUND": _ON_OBSERVATION,
}
ATTRIBUTES = (
    *("OBS_STATUS", "UNIT_MEASURE_TYPE", "UNIT_MEASURE", "UNIT_MULT", "SOURCE"),
    *("NOTE_SOURCE", "NOTE_INDICATOR", "NOTE_CLASSIF", "DECIMALS", "UPPER_BOUND", "LOWER_BOUND"),
)
TWIN_ATTRIBUTES = (
    *("OBS_STATUS", "CONF_STATUS", "UNIT_MEASURE_TYPE", "UNIT_MEASURE", "UNIT_MULT", "SOURCE"),
    *("NOTE_SOURCE", "CV", "DF", "P_VALUE", "N_BAND", "METHOD", "UPPER_BOUND", "LOWER_BOUND"),
)
# SDMX code list id -> catalogue list; those of SDMX are the cross-domain lists of the twin dataflows.
_ILO_LISTS = {
    "CL_AREA": "AREA",
    "CL_FREQ": "FREQ",
    "CL_OBS_STATUS": "OBS_STATUS",
    "CL_UNIT_MEASURE_TYPE": "UNIT_MEASURE_TYPE",
    "CL_UNIT_MEASURE": "UNIT_MEASURE",
    "CL_UNIT_MULT": "UNIT_MULT",
}
_SDMX_LISTS = {"CL_OBS_STATUS": "OBS_STATUS_SDMX", "CL_CONF_STATUS": "CONF_STATUS"}
_NUMBERS = frozenset({"OBS_VALUE", "UPPER_BOUND", "LOWER_BOUND", "CV", "DF", "P_VALUE"})
_BREAKDOWN = re.compile(r" (by sex|par sexe|selon le sexe|por sexo|según sexo)\b")

Lists = Mapping[tuple[str, str], v21.Codelist]
Schemes = Mapping[str, v21.ConceptScheme]


def structure_message(
    indicators: Iterable[Indicator],
    code_lists: Mapping[str, CodeList],
    *,
    prepared: date,
    is_test: bool,
    has_test_areas: bool,
) -> StructureMessage:
    """One data structure and dataflow per indicator, their twins, and all they refer to.

    Args:
        indicators: those that the release holds.
        code_lists: all code lists of the catalogue by id.
        prepared: date of the release; the message's only date.
        is_test: whether titles and header say that this is no national statistic.
        has_test_areas: whether the test areas' codes are part of the lists.
    """
    chosen = sorted(indicators, key=lambda item: item.id)
    agencies = {agency: common.Agency(id=agency, name=names) for agency, names in AGENCY_NAMES.items()}
    lists = _all_lists(chosen, code_lists, agencies, has_test_areas=has_test_areas)
    schemes = _all_schemes(agencies, lists)
    message = StructureMessage(
        header=Header(
            id="ILMS_STRUCTURES",
            test=is_test,
            prepared=datetime(prepared.year, prepared.month, prepared.day, tzinfo=UTC),
            sender=common.Agency(id=ILMS),
        )
    )
    # The standard lets nobody call a scheme of agencies final.
    kept = {**maintained(agencies[SDMX], "base.AgencyScheme", "AGENCIES"), "is_final": False}
    scheme = common.AgencyScheme(id="AGENCIES", **kept)
    scheme.name = text({"en": "Agencies", "fr": "Agences", "es": "Organismos"})
    scheme.extend(agencies.values())
    message.add(scheme)
    # StructureMessage.add() keeps one list per id; two agencies have a CL_OBS_STATUS.
    for (agency_id, list_id), codelist in lists.items():
        message.codelist[f"{agency_id}:{list_id}"] = codelist
    for concepts in schemes.values():
        message.add(concepts)
    for indicator in chosen:
        title = marked(indicator.title, is_test=is_test)
        owner = agencies[indicator.agency]
        for is_twin, agency, name in ((False, owner, title), (True, agencies[ILMS], twin_title(title))):
            structure = _data_structure(indicator, agency, name, lists, schemes, is_twin=is_twin)
            flow_id = indicator.dataflow + (TWIN_SUFFIX if is_twin else "")
            flow = v21.DataflowDefinition(
                id=flow_id,
                structure=structure,
                **maintained(agency, "datastructure.Dataflow", flow_id),
            )
            flow.name = text(name)
            message.add(structure)
            message.add(flow)
    return message


def structure_bytes(message: StructureMessage) -> bytes:
    """The message as SDMX-ML 2.1, indented, UTF-8."""
    return xml_message(message, SDMX_21)


def structure_bytes_30(message: StructureMessage) -> bytes:
    """The message as SDMX-ML 3.0, indented, UTF-8."""
    return xml_message(message, SDMX_30)


def structure_json(message: StructureMessage) -> bytes:
    """The message as SDMX-JSON 2.0, UTF-8, one structure a line."""
    return json_message(message)


def undated(structures: bytes) -> bytes:
    """The message, in any format, without the date it was prepared on: what says whether structures changed."""
    return _PREPARED.sub(b"", structures, count=1)


def _classification_types(indicators: Sequence[Indicator]) -> list[str]:
    """The standard classification types, then those that only our own indicators use."""
    used = {dimension for indicator in indicators for dimension in indicator.dimensions}
    return [*CLASSIFICATION_TYPES, *sorted(used - {"SEX", *CLASSIFICATION_TYPES})]


def _all_lists(
    indicators: Sequence[Indicator],
    code_lists: Mapping[str, CodeList],
    agencies: Mapping[str, common.Agency],
    *,
    has_test_areas: bool,
) -> dict[tuple[str, str], v21.Codelist]:
    """Code lists by agency and id."""
    made: dict[tuple[str, str], v21.Codelist] = {}

    def new(agency: str, list_id: str, name: Mapping[str, str], version: str = VERSION) -> v21.Codelist:
        # What we know of ILO's lists is a part of them.
        codelist = v21.Codelist(
            id=list_id,
            is_partial=agency == ILO,
            **maintained(agencies[agency], "codelist.Codelist", list_id, version),
        )
        codelist.name = text(name)
        made[agency, list_id] = codelist
        return codelist

    for list_id, source in _ILO_LISTS.items():
        _fill(new(ILO, list_id, code_lists[source].title), code_lists[source], has_test_areas=has_test_areas)
    for list_id, source in _SDMX_LISTS.items():
        codes = code_lists[source]
        _fill(new(SDMX, list_id, codes.title, codes.version), codes, has_test_areas=has_test_areas)
    measures = new(ILO, "CL_MEASURE", LIST_NAMES["MEASURE"])
    own_measures = new(ILMS, OWN_MEASURES, LIST_NAMES["MEASURE"])
    for indicator in indicators:
        target = measures if indicator.agency == ILO else own_measures
        if indicator.measure_code not in target.items:
            target.append(v21.Code(id=indicator.measure_code, name=text(_measure_name(indicator))))
    for kind in ("SEX", *_classification_types(indicators)):
        versions = lists_of_type(code_lists, kind)
        codelist = new(versions[0].agency, f"CL_{kind}", LIST_NAMES.get(kind, versions[0].title))
        for version in versions:
            parent = None
            if version.id != kind:
                parent = _code(version.id, version.title, is_total=False)
                codelist.append(parent)
            _fill(codelist, version, parent=parent, has_total=True, has_test_areas=has_test_areas)
    return {key: codelist for key, codelist in made.items() if len(codelist.items)}


def _fill(
    codelist: v21.Codelist,
    codes: CodeList,
    *,
    has_test_areas: bool,
    parent: v21.Code | None = None,
    has_total: bool = False,
) -> None:
    """Append a list's codes in their order, each under its parent."""
    items = [item for item in codes.items if has_test_areas or not is_test_code(item.code)]
    for item in sorted(items, key=lambda item: (item.order, item.code)):
        code = _code(item.code, _labels(item), is_total=item.is_total if has_total else None)
        above = codelist.items.get(item.parent) if item.parent else parent
        if above is not None:
            above.append_child(code)
        codelist.append(code)


def _labels(item: Code) -> dict[str, str]:
    return {"en": item.en, "fr": item.fr, "es": item.es}


def _code(code_id: str, names: Mapping[str, str], *, is_total: bool | None) -> v21.Code:
    code = v21.Code(id=code_id, name=text(names))
    if is_total is not None:
        code.annotations.append(v21.Annotation(title="Y" if is_total else "N", type="IS_TOTAL"))
    return code


def _measure_name(indicator: Indicator) -> dict[str, str]:
    """Title without its breakdowns: 'Employment by sex, age ...' -> 'Employment'."""
    return {language: _BREAKDOWN.split(indicator.title[language], maxsplit=1)[0] for language in LANGUAGES}


def _all_schemes(agencies: Mapping[str, common.Agency], lists: Lists) -> dict[str, v21.ConceptScheme]:
    """Concept schemes by id; a classification of our own is named as its code list is."""
    schemes: dict[str, v21.ConceptScheme] = {}
    for scheme_id, (agency, names) in SCHEME_NAMES.items():
        scheme = v21.ConceptScheme(
            id=scheme_id,
            is_partial=agency == ILO,
            **maintained(agencies[agency], "conceptscheme.ConceptScheme", scheme_id),
        )
        scheme.name = text(names)
        for concept_id, concept_names in CONCEPTS[scheme_id].items():
            scheme.append(v21.Concept(id=concept_id, name=text(concept_names)))
        schemes[scheme_id] = scheme
    own = schemes["CS_ILMS"]
    for (agency, list_id), codelist in lists.items():
        concept_id = list_id.removeprefix("CL_")
        if (
            agency == ILMS
            and list_id != OWN_MEASURES
            and not any(concept_id in scheme.items for scheme in schemes.values())
        ):
            own.append(v21.Concept(id=concept_id, name=codelist.name))
    return schemes


def _concept(schemes: Schemes, concept_id: str) -> v21.Concept:
    for scheme in schemes.values():
        if concept_id in scheme.items:
            return scheme.items[concept_id]
    raise KeyError(concept_id)


def _coded(lists: Lists, list_id: str, agency: str = ILO) -> common.Representation:
    codelist = lists.get((agency, list_id)) or lists[ILMS, list_id]
    return common.Representation(enumerated=codelist)


def _typed(value_type: common.FacetValueType) -> common.Representation:
    return common.Representation(non_enumerated=[v21.Facet(value_type=value_type)])


def _data_structure(
    indicator: Indicator,
    agency: common.Agency,
    name: Mapping[str, str],
    lists: Lists,
    schemes: Schemes,
    *,
    is_twin: bool,
) -> v21.DataStructureDefinition:
    """The indicator's dimensions with either its value or its standard error as the measure."""
    structure_id = indicator.id + (TWIN_SUFFIX if is_twin else "")
    structure = v21.DataStructureDefinition(
        id=structure_id, **maintained(agency, "datastructure.DataStructure", structure_id)
    )
    structure.name = text(name)
    structure.dimensions = v21.DimensionDescriptor(id="DimensionDescriptor")
    for order, dimension in enumerate(("REF_AREA", "FREQ", "MEASURE", *indicator.dimensions), start=1):
        list_id = "CL_AREA" if dimension == "REF_AREA" else f"CL_{dimension}"
        if dimension == "MEASURE" and indicator.agency == ILMS:
            list_id = OWN_MEASURES
        structure.dimensions.append(
            v21.Dimension(
                id=dimension,
                order=order,
                concept_identity=_concept(schemes, dimension),
                local_representation=_coded(lists, list_id),
            )
        )
    structure.dimensions.append(
        v21.TimeDimension(
            id="TIME_PERIOD",
            order=len(structure.dimensions) + 1,
            concept_identity=_concept(schemes, "TIME_PERIOD"),
            local_representation=_typed(common.FacetValueType.observationalTimePeriod),
        )
    )
    measure = v21.PrimaryMeasure(
        id="OBS_VALUE",
        concept_identity=_concept(schemes, "STANDARD_ERROR" if is_twin else "OBS_VALUE"),
        local_representation=_typed(common.FacetValueType.double),
    )
    structure.measures = v21.MeasureDescriptor(id="MeasureDescriptor", components=[measure])
    structure.attributes = v21.AttributeDescriptor(
        id="AttributeDescriptor",
        components=[
            _attribute(structure, name, lists, schemes, is_twin=is_twin)
            for name in (TWIN_ATTRIBUTES if is_twin else ATTRIBUTES)
        ],
    )
    return structure


def _attribute(
    structure: v21.DataStructureDefinition, name: str, lists: Lists, schemes: Schemes, *, is_twin: bool
) -> v21.DataAttribute:
    # Only the twin speaks the cross-domain status codes; ILOSTAT's letters mean other things.
    owner = SDMX if name == "CONF_STATUS" or (is_twin and name == "OBS_STATUS") else ILO
    if (owner, f"CL_{name}") in lists:
        representation = _coded(lists, f"CL_{name}", owner)
    elif name == "DECIMALS":
        representation = _typed(common.FacetValueType.integer)
    elif name in _NUMBERS:
        representation = _typed(common.FacetValueType.double)
    else:
        representation = _typed(common.FacetValueType.string)
    dimensions = [structure.dimensions.get(dimension) for dimension in ATTACHMENT[name]]
    relation = v21.DimensionRelationship(dimensions=dimensions) if dimensions else v21.PrimaryMeasureRelationship()
    return v21.DataAttribute(
        id=name,
        concept_identity=_concept(schemes, name),
        local_representation=representation,
        usage_status=common.UsageStatus.conditional,
        related_to=relation,
    )
