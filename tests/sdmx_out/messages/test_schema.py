"""The schema of a dataflow's messages: what it says, and what it refuses."""

from functools import cache

import duckdb
import pytest
from lxml import etree

from sdmx_out.messages.schema import message_validator, schema, validator
from sdmx_out.messages.xml_generic import blocks as generic_blocks
from sdmx_out.messages.xml_specific import blocks
from sdmx_out.messages.xml_text import Layout, Version
from tests.sdmx_out.messages.flows import EMPLOYMENT, HEADER, dataflow
from tests.sdmx_out.messages.xml_cases import ROWS, SMALL, values

FORMATS: list[tuple[Version, Layout]] = [("2.1", "series"), ("2.1", "flat"), ("3.0", "series"), ("3.0", "flat")]
SERIES_21 = """\
<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"\
 xmlns:mes="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message"\
 xmlns:com="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common"\
 xmlns:ss="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific"\
 xmlns="urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ILMS:DF_SMALL(1.0):ObsLevelDim:TIME_PERIOD"\
 targetNamespace="urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ILMS:DF_SMALL(1.0):ObsLevelDim:TIME_PERIOD"\
 elementFormDefault="qualified" attributeFormDefault="unqualified">
<xs:import namespace="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message" schemaLocation="SDMXMessage.xsd"/>
<xs:import namespace="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common" schemaLocation="SDMXCommon.xsd"/>
<xs:import namespace="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific"\
 schemaLocation="SDMXDataStructureSpecific.xsd"/>
<xs:complexType name="DataSetType">
<xs:complexContent>
<xs:restriction base="ss:DataSetType">
<xs:sequence>
<xs:element ref="com:Annotations" minOccurs="0"/>
<xs:element name="DataProvider" type="com:DataProviderReferenceType" form="unqualified" minOccurs="0"/>
<xs:choice minOccurs="0">
<xs:element name="Series" type="SeriesType" form="unqualified" maxOccurs="unbounded"/>
</xs:choice>
</xs:sequence>
<xs:attributeGroup ref="ss:SetAttributeGroup"/>
</xs:restriction>
</xs:complexContent>
</xs:complexType>
<xs:complexType name="SeriesType">
<xs:complexContent>
<xs:restriction base="ss:SeriesType">
<xs:sequence>
<xs:element ref="com:Annotations" minOccurs="0"/>
<xs:element name="Obs" type="ObsType" form="unqualified" minOccurs="0" maxOccurs="unbounded"/>
</xs:sequence>
<xs:attribute name="REF_AREA" type="ILMS.CL_AREA.1.0" use="required"/>
<xs:attribute name="UNIT" type="xs:string" use="optional"/>
<xs:attribute name="TIME_PERIOD" type="com:ObservationalTimePeriodType" use="prohibited"/>
</xs:restriction>
</xs:complexContent>
</xs:complexType>
<xs:complexType name="ObsType">
<xs:complexContent>
<xs:restriction base="ss:ObsType">
<xs:sequence>
<xs:element ref="com:Annotations" minOccurs="0"/>
</xs:sequence>
<xs:attribute name="TIME_PERIOD" type="com:ObservationalTimePeriodType" use="required"/>
<xs:attribute name="OBS_VALUE" type="xs:double" use="optional"/>
<xs:attribute name="OBS_STATUS" type="xs:string" use="optional"/>
<xs:attribute name="NOTE" type="xs:string" use="optional"/>
</xs:restriction>
</xs:complexContent>
</xs:complexType>
<xs:simpleType name="ILMS.CL_AREA.1.0">
<xs:restriction base="xs:string">
<xs:enumeration value="XAA"/>
<xs:enumeration value="XBB"/>
</xs:restriction>
</xs:simpleType>
</xs:schema>
"""

#: What is broken -> where it stands, what stands there instead, and what is said of it.
BROKEN = {
    "code": ('REF_AREA="XAA"', 'REF_AREA="XZZ"', "XZZ"),
    "number": ('OBS_VALUE="1.50"', 'OBS_VALUE="1,50"', "1,50"),
    "period": ('TIME_PERIOD="2013-Q4"', 'TIME_PERIOD="2013-Q5"', "2013-Q5"),
    "no period": (' TIME_PERIOD="2013-Q4"', "", "'TIME_PERIOD' is required"),
    "no area": (' REF_AREA="XAA"', "", "'REF_AREA' is required"),
    "unknown attribute": (' OBS_STATUS="C"', ' STATUS="C"', "'STATUS' is not allowed"),
    "unknown element": ("</mes:DataSet>", "<Other/></mes:DataSet>", "Other"),
    "action": ('ss:action="Replace"', 'ss:action="Renew"', "Renew"),
    "no reference": (' ss:structureRef="DF_SMALL"', "", "structureRef' is required"),
    "no type": (' xsi:type="ns1:DataSetType"', "", "abstract"),
    "header": ("<mes:Test>true</mes:Test>\n", "", "Prepared"),
}


@cache
def message(version: Version, layout: Layout) -> str:
    with duckdb.connect() as engine:
        return b"".join(blocks(engine, SMALL, values(*ROWS), HEADER, version=version, layout=layout)).decode()


@cache
def checked(version: Version, layout: Layout) -> etree.XMLSchema:
    return validator(SMALL, version, layout)


def errors(text: str, version: Version, layout: Layout) -> str:
    found = checked(version, layout)
    found.validate(etree.fromstring(text.encode()))
    return "\n".join(item.message for item in found.error_log)


def test_the_schema_is_written_byte_for_byte() -> None:
    assert schema(SMALL, "2.1", "series").decode() == SERIES_21


@pytest.mark.parametrize(("version", "layout"), FORMATS)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_message_is_refused(broken: str, version: Version, layout: Layout) -> None:
    text = message(version, layout)
    before, after, said = BROKEN[broken]
    assert before in text
    assert errors(text, version, layout) == ""
    assert said in errors(text.replace(before, after, 1), version, layout)


@pytest.mark.parametrize(("version", "layout"), FORMATS)
def test_attributes_stand_at_one_level_only(version: Version, layout: Layout) -> None:
    text = message(version, layout)
    if layout == "series":
        assert "'UNIT' is not allowed" in errors(text.replace("<Obs ", '<Obs UNIT="PS" ', 1), version, layout)
        assert "'NOTE' is not allowed" in errors(text.replace("<Series ", '<Series NOTE="n" ', 1), version, layout)
        assert "TIME_PERIOD" in errors(text.replace("<Series ", '<Series TIME_PERIOD="2013" ', 1), version, layout)
    else:
        assert "Series" in errors(text.replace("<Obs ", '<Series REF_AREA="XAA"/><Obs ', 1), version, layout)


def test_2_1_asks_for_the_scope_of_data() -> None:
    text = message("2.1", "series").replace(' ss:dataScope="DataStructure"', "")
    assert "dataScope' is required" in errors(text, "2.1", "series")


@pytest.mark.parametrize(("version", "layout"), FORMATS)
def test_a_message_of_another_layout_is_refused(version: Version, layout: Layout) -> None:
    other: Layout = "flat" if layout == "series" else "series"
    assert "DataSetType" in errors(message(version, other), version, layout)


def test_a_broken_generic_message_is_refused() -> None:
    with duckdb.connect() as engine:
        text = b"".join(generic_blocks(engine, SMALL, values(*ROWS), HEADER)).decode()
    found = message_validator("2.1")
    assert found.validate(etree.fromstring(text.encode()))
    for before, after in (("gen:SeriesKey>", "gen:ObsKey>"), ('id="UNIT" ', ""), (' structureRef="DF_SMALL"', "")):
        assert before in text
        assert not found.validate(etree.fromstring(text.replace(before, after).encode()))


def test_all_codes_of_a_list_are_named_once() -> None:
    flow = dataflow(EMPLOYMENT)
    root = etree.fromstring(schema(flow, "3.0", "flat"))
    types = {item.get("name"): item for item in root.iter("{*}simpleType")}
    lists = {".".join(item.code_list): item.codes for item in flow.components if item.code_list is not None}
    assert list(types) == sorted(lists)
    for name, codes in lists.items():
        assert [item.get("value") for item in types[name].iter("{*}enumeration")] == list(codes)
