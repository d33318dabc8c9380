"""The whole message in three formats: valid, the same for other readers, in three languages, without a clock."""

import io
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sdmx
from lxml import etree
from pysdmx.io import read_sdmx
from pysdmx.model import Codelist, DataStructureDefinition
from sdmx.message import StructureMessage
from sdmx.model import v21

from sdmx_out.structures.artefacts import reference
from sdmx_out.structures.message import structure_bytes, undated
from tests.sdmx_out.structures import whole

FORMS = ("2.1", "3.0", "json")
ATTACHED = {
    "OBS_STATUS": [],
    "UNIT_MEASURE": ["MEASURE"],
    "SOURCE": ["REF_AREA", "MEASURE", "TIME_PERIOD"],
}
Texts = dict[tuple[str, ...], Mapping[str, str]]


@pytest.mark.parametrize("form", FORMS)
def test_valid_by_the_official_schema(form: str) -> None:
    whole.assert_valid(form, whole.written(form))


@pytest.mark.parametrize("form", FORMS)
def test_the_whole_catalogue_is_valid(form: str) -> None:
    whole.assert_valid(form, whole.WRITERS[form](whole.catalogue()))


@pytest.mark.parametrize("form", FORMS)
def test_a_broken_message_is_not_valid(form: str) -> None:
    broken = whole.written(form).replace(b"CCA_DF_", b"CCA DF ")
    with pytest.raises((AssertionError, etree.DocumentInvalid)):
        whole.assert_valid(form, broken)


def test_only_the_header_and_the_periods_of_the_data_have_a_date() -> None:
    later = whole.example(date(2027, 1, 2))
    again = whole.example()
    for form, write in whole.WRITERS.items():
        assert write(again) == whole.written(form)
        assert write(later) != whole.written(form)
        assert undated(write(later)) == undated(whole.written(form))


def test_what_is_not_written_is_refused() -> None:
    other = StructureMessage(header=whole.message().header)
    other.add(v21.MetadataflowDefinition(id="MDF"))
    with pytest.raises(ValueError, match="metadataflow"):
        structure_bytes(other)


def _texts_of_model(message: StructureMessage) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    for codelist in message.codelist.values():
        list_key = ("codelist", codelist.maintainer.id, codelist.id)
        yield list_key, dict(codelist.name.localizations)
        yield from (((*list_key, code.id), dict(code.name.localizations)) for code in codelist)
    for scheme in message.concept_scheme.values():
        yield from ((("concept", scheme.id, item.id), dict(item.name.localizations)) for item in scheme)
    for flow in message.dataflow.values():
        yield ("flow", flow.maintainer.id, flow.id), dict(flow.name.localizations)


def _texts_of_xml(body: bytes) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    def names(element: Any) -> dict[str, str]:
        found = element.findall("{*}Name")
        return {name.get("{http://www.w3.org/XML/1998/namespace}lang"): name.text for name in found}

    root = etree.fromstring(body)
    for codelist in root.iter("{*}Codelist"):
        list_key = ("codelist", codelist.get("agencyID"), codelist.get("id"))
        yield list_key, names(codelist)
        yield from (((*list_key, code.get("id")), names(code)) for code in codelist.findall("{*}Code"))
    for scheme in root.iter("{*}ConceptScheme"):
        yield from ((("concept", scheme.get("id"), item.get("id")), names(item)) for item in scheme.iter("{*}Concept"))
    for flow in root.iterfind("{*}Structures/{*}Dataflows/{*}Dataflow"):
        yield ("flow", flow.get("agencyID"), flow.get("id")), names(flow)


def _texts_of_json(body: bytes) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    data = json.loads(body)["data"]
    for codelist in data["codelists"]:
        list_key = ("codelist", codelist["agencyID"], codelist["id"])
        yield list_key, codelist["names"]
        yield from (((*list_key, code["id"]), code["names"]) for code in codelist["codes"])
    for scheme in data["conceptSchemes"]:
        yield from ((("concept", scheme["id"], item["id"]), item["names"]) for item in scheme["concepts"])
    for flow in data["dataflows"]:
        yield ("flow", flow["agencyID"], flow["id"]), flow["names"]


def test_all_formats_hold_the_same_names_in_three_languages() -> None:
    made: Texts = dict(_texts_of_model(whole.message()))
    assert {tuple(texts) for texts in made.values()} == {("en", "fr", "es")}
    assert len(made) > 1_000
    for form in ("2.1", "3.0"):
        assert list(_texts_of_xml(whole.written(form))) == list(made.items()), form
    assert list(_texts_of_json(whole.written("json"))) == list(made.items())


@pytest.fixture(scope="module")
def read_back() -> StructureMessage:
    found = sdmx.read_sdmx(io.BytesIO(whole.written("2.1")))
    assert isinstance(found, StructureMessage)
    return found


@pytest.fixture(scope="module", params=FORMS)
def second_reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    path: Path = tmp_path_factory.mktemp("structures") / "structures"
    path.write_bytes(whole.written(request.param))
    found: dict[str, list[Any]] = {"form": [request.param]}
    for item in read_sdmx(path, validate=False).structures or []:
        found.setdefault(type(item).__name__, []).append(item)
    return found


def test_a_second_reader_sees_the_same_codes_in_all_formats(second_reader: dict[str, list[Any]]) -> None:
    theirs = {(item.agency, item.id): item for item in second_reader["Codelist"] if isinstance(item, Codelist)}
    ours = {(item.maintainer.id, item.id): list(item.items) for item in whole.message().codelist.values()}
    assert {key: [code.id for code in item.items] for key, item in theirs.items()} == ours


def test_a_second_reader_sees_the_same_structures_in_all_formats(second_reader: dict[str, list[Any]]) -> None:
    shapes = {item.id: item for item in second_reader["DataStructureDefinition"]}
    ours = whole.message().structure
    assert set(shapes) == set(ours)
    for name, shape in shapes.items():
        assert isinstance(shape, DataStructureDefinition)
        assert [item.id for item in shape.components.dimensions] == [item.id for item in ours[name].dimensions]
        attributes = {item.id: item.attachment_level for item in shape.components.attributes}
        assert set(attributes) == {item.id for item in ours[name].attributes}
        for attribute, dimensions in ATTACHED.items():
            if attribute in attributes:
                assert attributes[attribute] == (",".join(dimensions) or "O"), (name, attribute)
        for item in shape.components.dimensions:
            local = ours[name].dimensions.get(item.id).local_representation
            if local.enumerated is None:
                assert item.enumeration is None
            else:
                assert [code.id for code in item.enumeration or ()] == list(local.enumerated.items), (name, item.id)


def test_sdmx1_reads_back_what_stands_around_the_dataflows(read_back: StructureMessage) -> None:
    ours = whole.message()
    for name in ("codelist", "concept_scheme", "structure", "dataflow", "constraint", "category_scheme"):
        assert {item.urn for item in getattr(read_back, name).values()} == {
            item.urn for item in getattr(ours, name).values()
        }, name
    assert {item.id: (item.artefact.id, item.category.id) for item in read_back.categorisation.values()} == {
        item.id: (item.artefact.id, item.category.id) for item in ours.categorisation.values()
    }
    for name, constraint in ours.constraint.items():
        theirs = read_back.constraint[name]
        assert theirs.role.role is constraint.role.role
        assert [item.urn for item in theirs.content] == [item.urn for item in constraint.content]
        assert _selected(theirs) == _selected(constraint)


def _selected(constraint: v21.ContentConstraint) -> dict[str, list[object]]:
    (region,) = constraint.data_content_region
    found: dict[str, list[object]] = {}
    for component, selection in region.member.items():
        found[component.id] = [
            (value.start.period.date(), value.end.period.date())
            if isinstance(value, v21.RangePeriod)
            else str(value.value)
            for value in selection.values
        ]
    return found


def test_a_second_reader_sees_the_same_constraints(second_reader: dict[str, list[Any]]) -> None:
    ours = {item.id: _selected(item) for item in whole.message().constraint.values()}
    for item in second_reader["DataConstraint"]:
        (region,) = item.cube_regions
        found = {key.id: [value.value for value in key.values] for key in region.key_values}
        assert found == ours[item.id]
    assert {item.id for item in second_reader["DataConstraint"]} == {name for name in ours if name.startswith("CCR")}
    # pysdmx holds what is there without an id: by the dataflow that it hangs on.
    actual = second_reader["AvailabilityConstraint"]
    assert len(actual) == len(whole.message().dataflow)
    for item in actual:
        (flow,) = item.constraint_attachment.dataflows
        expected = dict(ours[f"CCA_{reference(flow).id}"])
        (reach,) = expected.pop("TIME_PERIOD")
        keys = {key.id: key for key in item.cube_region.key_values}
        time = keys.pop("TIME_PERIOD").time_range
        assert (date.fromisoformat(time.start_period.period), date.fromisoformat(time.end_period.period)) == reach
        assert {name: [value.value for value in key.values] for name, key in keys.items()} == expected


def test_a_second_reader_sees_the_same_topics_and_agreements(second_reader: dict[str, list[Any]]) -> None:
    ours = whole.message()
    (scheme,) = second_reader["CategoryScheme"]
    assert [(item.id, [below.id for below in item.categories]) for item in scheme.items] == [
        ("ILMS", ["ILMS_MST"]),
        ("EXT", ["EXT_XMW"]),
    ]
    placed = {item.id: item for item in second_reader["Categorisation"]}
    assert set(placed) == {f"CAT_{name}" for name in ours.dataflow}
    for name, flow in ours.dataflow.items():
        assert placed[f"CAT_{name}"].source == flow.urn
    assert {item.id for item in second_reader["ProvisionAgreement"]} == set(ours.provisionagreement)
    (providers,) = second_reader["DataProviderScheme"]
    assert [(item.id, item.name) for item in providers.items] == [("XAA", "Office of XAA"), ("XBB", "Office of XBB")]


def test_a_second_reader_sees_the_same_maps(second_reader: dict[str, list[Any]]) -> None:
    if second_reader["form"] == ["2.1"]:
        # pysdmx has no structure sets: sdmx1 reads them (test_cross_domain).
        assert "RepresentationMap" not in second_reader
        return
    (structures,) = whole.message().structureset.values()
    ours = {
        f"RM_{item.id}": [(pair.source.id, pair.target.id) for pair in item.item_association]
        for item in structures.item_scheme_map
    }
    assert {
        item.id: [(pair.source, pair.target) for pair in item.maps] for item in second_reader["RepresentationMap"]
    } == ours
    (whole_map,) = second_reader["StructureMap"]
    assert [(item.source, item.target) for item in whole_map.maps] == [
        (name, name) for name in ("REF_AREA", "SEX", "AGE", "OBS_STATUS")
    ]


def test_codes_keep_their_parents_and_totals_in_all_formats() -> None:
    code = "CBR_BRT_X18"
    for form in ("2.1", "3.0"):
        root = etree.fromstring(whole.written(form))
        (found,) = (item for item in root.iter("{*}Code") if item.get("id") == code)
        (parent,) = found.findall("{*}Parent")
        assert (parent.text if form == "3.0" else parent[0].get("id")) == "CBR_BRT_X06"
        assert found.findtext("{*}Annotations/{*}Annotation/{*}AnnotationTitle") == "N"
    lists = {item["id"]: item for item in json.loads(whole.written("json"))["data"]["codelists"]}
    (item,) = (item for item in lists["CL_CBR"]["codes"] if item["id"] == code)
    assert (item["parent"], item["annotations"]) == ("CBR_BRT_X06", [{"title": "N", "type": "IS_TOTAL"}])
