"""Maps from ILO's codes of SEX, AGE, REF_AREA and OBS_STATUS to those of SDMX's cross-domain lists.

Here belong the lists of the other side, as far as our codes have an equal there, the maps, and why a code has none.
Sexes and ages are data (``cross_domain.csv``), countries go by their ISO code, status letters by the map of
``schemas.codes``. The codes of ages and of other sexes are those of SDMX's guidelines (Y15T24, Y_GE15, _T, _O).

A map of SDMX 3.0 leads from one data structure to another: two small ones hold the components in question.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sdmx.message import StructureMessage
from sdmx.model import common, v21

from schemas.codes import CodeList, SdmxStatus
from sdmx_out.catalogue import ILMS, ILO, LANGUAGES, SDMX, is_test_code
from sdmx_out.structures.artefacts import maintained, text

FILE = Path(__file__).with_name("cross_domain.csv")
STRUCTURE_SET = "SS_CROSS_DOMAIN"
SOURCE, TARGET = "CODES_ILO", "CODES_CROSS_DOMAIN"
#: Type of the annotation of a map that names the codes without an equal, and why.
UNMAPPED = "UNMAPPED"
_CODE_LISTS = {"REF_AREA": "CL_AREA", "SEX": "CL_SEX", "AGE": "CL_AGE", "OBS_STATUS": "CL_OBS_STATUS"}
#: Agency, id and version of the list that a component is mapped to. sdmx1 tells lists apart by id and version alone,
#: and SDMX:CL_AGE(1.0) has those of ILO's: its codes stand in a list of our own that names it.
TARGET_LISTS = {
    "REF_AREA": (SDMX, "CL_AREA", "2.0"),
    "SEX": (SDMX, "CL_SEX", "2.1"),
    "AGE": (ILMS, "CL_AGE_CROSS_DOMAIN", "1.0"),
    "OBS_STATUS": (SDMX, "CL_OBS_STATUS", "2.2"),
}
_AGE_LIST = "urn:sdmx:org.sdmx.infomodel.codelist.Codelist=SDMX:CL_AGE(1.0)"
_HEADING = {
    "en": "heading of a version of the classification; no observation has it",
    "fr": "intitulé d'une version de la classification ; aucune observation ne le porte",
    "es": "encabezado de una versión de la clasificación; ninguna observación lo lleva",
}
_REGION = {
    "en": "region or group of countries of ILO's; the cross-domain list has no equal that is known",
    "fr": "région ou groupe de pays du BIT ; pas d'équivalent connu dans la liste interdomaines",
    "es": "región o grupo de países de la OIT; sin equivalente conocido en la lista multidominio",
}
_TEST = {
    "en": "invented area of tests",
    "fr": "zone inventée pour les essais",
    "es": "zona inventada para pruebas",
}


@dataclass
class StructureMap:
    """Which component of one data structure becomes which of another, by which map of codes."""

    id: str
    name: common.InternationalString
    maintainer: common.Agency
    urn: str
    source: v21.DataStructureDefinition
    target: v21.DataStructureDefinition
    components: Mapping[str, v21.CodelistMap]


@dataclass
class MappedStructures(v21.StructureSet):  # type: ignore[misc]  # sdmx1 has no types
    """Structure set of sdmx1's model, with the structure map that it lacks."""

    structure_map: list[StructureMap] = field(default_factory=list)


@cache
def _rows() -> tuple[dict[str, str], ...]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def mapped(
    component: str, codelist: common.Codelist, code_lists: Mapping[str, CodeList], status_map: Mapping[str, SdmxStatus]
) -> tuple[dict[str, str], dict[str, Mapping[str, str]]]:
    """Return code -> its cross-domain code, and code -> why it has none (in three languages).

    Args:
        component: REF_AREA, SEX, AGE or OBS_STATUS.
        codelist: ILO's list, whose codes are mapped.
        code_lists: the catalogue's lists by id.
        status_map: ILOSTAT's status letter -> its codes in the cross-domain lists.

    Raises:
        ValueError: if it is said of no code of the list what it becomes.
    """
    if component == "REF_AREA":
        known = {item.code: item.iso2 for item in code_lists["AREA"].items if item.iso2}
    elif component == "OBS_STATUS":
        known = {letter: status.obs_status for letter, status in status_map.items()}
    else:
        known = {row["code"]: row["target"] for row in _rows() if row["component"] == component}
    found: dict[str, str] = {}
    reasons: dict[str, Mapping[str, str]] = {}
    for code in codelist:
        if code.id in known:
            found[code.id] = known[code.id]
        elif component == "AGE" and code.id in code_lists:
            reasons[code.id] = _HEADING
        elif component == "REF_AREA" and code.id.startswith("X"):
            reasons[code.id] = _TEST if is_test_code(code.id) else _REGION
        else:
            raise ValueError(f"{component}: {code.id} has neither a cross-domain code nor a reason for none")
    return found, reasons


def add_maps(
    message: StructureMessage,
    code_lists: Mapping[str, CodeList],
    status_map: Mapping[str, SdmxStatus],
    agencies: Mapping[str, common.Agency],
) -> None:
    """Add the cross-domain lists, the two data structures, the maps of codes and the map of the structures.

    The message must hold ILO's lists of areas, sexes, ages and observation statuses.
    """
    owner = agencies[ILMS]
    maps: dict[str, v21.CodelistMap] = {}
    for component, list_id in _CODE_LISTS.items():
        source = message.codelist[f"{ILO}:{list_id}"]
        codes, reasons = mapped(component, source, code_lists, status_map)
        target = _target(message, component, set(codes.values()), code_lists, agencies)
        made = v21.CodelistMap(
            id=component,
            source=source,
            target=target,
            item_association=[v21.CodeMap(source=source[code], target=target[to]) for code, to in codes.items()],
        )
        made.name = source.name
        for reason in (_HEADING, _REGION, _TEST):
            without = " ".join(code for code, why in reasons.items() if why is reason)
            if without:
                made.annotations.append(v21.Annotation(type=UNMAPPED, title=without, text=text(reason)))
        maps[component] = made
    names = {
        "en": "From ILO's codes to SDMX's cross-domain codes",
        "fr": "Des codes du BIT aux codes interdomaines de SDMX",
        "es": "De los códigos de la OIT a los códigos multidominio de SDMX",
    }
    ours, theirs = (_structure(message, name, maps, owner, is_target=name == TARGET) for name in (SOURCE, TARGET))
    map_id = "SM_CROSS_DOMAIN"
    whole = MappedStructures(
        id=STRUCTURE_SET,
        item_scheme_map=list(maps.values()),
        structure_map=[
            StructureMap(
                id=map_id,
                name=text(names),
                maintainer=owner,
                urn=str(maintained(owner, "structuremapping.StructureMap", map_id)["urn"]),
                source=ours,
                target=theirs,
                components=maps,
            )
        ],
        **maintained(owner, "mapping.StructureSet", STRUCTURE_SET),
    )
    whole.name = text(names)
    message.structureset[STRUCTURE_SET] = whole


def _target(
    message: StructureMessage,
    component: str,
    codes: set[str],
    code_lists: Mapping[str, CodeList],
    agencies: Mapping[str, common.Agency],
) -> common.Codelist:
    agency, list_id, version = TARGET_LISTS[component]
    key = f"{agency}:{list_id}"
    if key in message.codelist:
        return message.codelist[key]
    codelist = v21.Codelist(
        id=list_id, is_partial=True, **maintained(agencies[agency], "codelist.Codelist", list_id, version)
    )
    title = message.codelist[f"{ILO}:{_CODE_LISTS[component]}"].name.localizations
    ends = {"en": "SDMX cross-domain", "fr": "SDMX interdomaines", "es": "SDMX multidominio"}
    codelist.name = text({language: f"{title[language]} ({ends[language]})" for language in LANGUAGES})
    if component == "AGE":
        codelist.annotations.append(v21.Annotation(type="CROSS_DOMAIN_LIST", title=_AGE_LIST))
    if component == "REF_AREA":
        labels = {item.iso2: {"en": item.en, "fr": item.fr, "es": item.es} for item in code_lists["AREA"].items}
    else:
        rows = [row for row in _rows() if row["component"] == component]
        labels = {row["target"]: {language: row[f"label_{language}"] for language in LANGUAGES} for row in rows}
    for code in sorted(codes):
        codelist.append(v21.Code(id=code, name=text(labels[code])))
    message.codelist[key] = codelist
    return codelist


def _structure(
    message: StructureMessage,
    structure_id: str,
    maps: Mapping[str, v21.CodelistMap],
    owner: common.Agency,
    *,
    is_target: bool,
) -> v21.DataStructureDefinition:
    """The mapped components, either as ILO codes them or as the cross-domain lists do."""
    structure = v21.DataStructureDefinition(
        id=structure_id, **maintained(owner, "datastructure.DataStructure", structure_id)
    )
    names = (
        {
            "en": "Components in cross-domain codes",
            "fr": "Composantes en codes interdomaines",
            "es": "Componentes en códigos multidominio",
        }
        if is_target
        else {
            "en": "Components in ILO's codes",
            "fr": "Composantes en codes du BIT",
            "es": "Componentes en códigos de la OIT",
        }
    )
    structure.name = text(names)
    concepts = {concept.id: concept for scheme in message.concept_scheme.values() for concept in scheme}

    def coded(component: str) -> common.Representation:
        codes = maps[component].target if is_target else maps[component].source
        return common.Representation(enumerated=codes)

    def typed(value_type: common.FacetValueType) -> common.Representation:
        return common.Representation(non_enumerated=[v21.Facet(value_type=value_type)])

    dimensions = [
        v21.Dimension(id=name, order=order, concept_identity=concepts[name], local_representation=coded(name))
        for order, name in enumerate(("REF_AREA", "SEX", "AGE"), start=1)
    ]
    time = v21.TimeDimension(
        id="TIME_PERIOD",
        order=4,
        concept_identity=concepts["TIME_PERIOD"],
        local_representation=typed(common.FacetValueType.observationalTimePeriod),
    )
    structure.dimensions = v21.DimensionDescriptor(id="DimensionDescriptor", components=[*dimensions, time])
    value = v21.PrimaryMeasure(
        id="OBS_VALUE",
        concept_identity=concepts["OBS_VALUE"],
        local_representation=typed(common.FacetValueType.double),
    )
    structure.measures = v21.MeasureDescriptor(id="MeasureDescriptor", components=[value])
    status = v21.DataAttribute(
        id="OBS_STATUS",
        concept_identity=concepts["OBS_STATUS"],
        local_representation=coded("OBS_STATUS"),
        usage_status=common.UsageStatus.conditional,
        related_to=v21.PrimaryMeasureRelationship(),
    )
    structure.attributes = v21.AttributeDescriptor(id="AttributeDescriptor", components=[status])
    message.add(structure)
    return structure
