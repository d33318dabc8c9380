"""Structure-specific messages: their bytes, their validity, and what both libraries read from them."""

from collections.abc import Iterator

import duckdb
import pytest
from lxml import etree

from sdmx_out.messages.header import Header
from sdmx_out.messages.schema import validator
from sdmx_out.messages.xml_specific import blocks
from sdmx_out.messages.xml_text import BATCH_ROWS, Layout, Version
from tests.sdmx_out.example import NATIVE, TOTAL, row
from tests.sdmx_out.messages.flows import DIFFERENCE, EMPLOYMENT, HEADER, connection, dataflow, query
from tests.sdmx_out.messages.xml_cases import ROWS, SMALL, by_pysdmx, by_sdmx1, expected, values

FORMATS: list[tuple[Version, Layout]] = [("2.1", "series"), ("2.1", "flat"), ("3.0", "series"), ("3.0", "flat")]
FLOWS = [(name, is_twin) for name in (EMPLOYMENT, DIFFERENCE) for is_twin in (False, True)]
NOTE = "Côte d'Ivoire&#9;&lt;&amp;>&#13;&#10;&quot;№ 1&quot; 日本"
SERIES_21 = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<mes:StructureSpecificData\
 xmlns:mes="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message"\
 xmlns:com="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common"\
 xmlns:ss="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific"\
 xmlns:ns1="urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ILMS:DF_SMALL(1.0):ObsLevelDim:TIME_PERIOD"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<mes:Header>
<mes:ID>TEST</mes:ID>
<mes:Test>true</mes:Test>
<mes:Prepared>2026-11-23T00:00:00Z</mes:Prepared>
<mes:Sender id="ILMS"/>
<mes:Structure structureID="DF_SMALL"\
 namespace="urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ILMS:DF_SMALL(1.0):ObsLevelDim:TIME_PERIOD"\
 dimensionAtObservation="TIME_PERIOD">
<com:StructureUsage><Ref agencyID="ILMS" id="DF_SMALL" version="1.0" class="Dataflow"/></com:StructureUsage>
</mes:Structure>
<mes:DataSetAction>Replace</mes:DataSetAction>
</mes:Header>
<mes:DataSet ss:structureRef="DF_SMALL" xsi:type="ns1:DataSetType" ss:action="Replace" ss:dataScope="DataStructure">
<Series REF_AREA="XAA" UNIT="PS">
<Obs TIME_PERIOD="2013" OBS_VALUE="1.50"/>
<Obs TIME_PERIOD="2013-Q4" OBS_STATUS="C"/>
</Series>
<Series REF_AREA="XBB">
<Obs TIME_PERIOD="2013" OBS_VALUE="-2" NOTE="{NOTE}"/>
</Series>
</mes:DataSet>
</mes:StructureSpecificData>
"""
FLAT_30 = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<mes:StructureSpecificData\
 xmlns:mes="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/message"\
 xmlns:com="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/common"\
 xmlns:ss="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/data/structurespecific"\
 xmlns:ns1="urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ILMS:DF_SMALL(1.0):ObsLevelDim:AllDimensions"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<mes:Header>
<mes:ID>TEST</mes:ID>
<mes:Test>true</mes:Test>
<mes:Prepared>2026-11-23T00:00:00Z</mes:Prepared>
<mes:Sender id="ILMS"/>
<mes:Structure structureID="DF_SMALL"\
 namespace="urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ILMS:DF_SMALL(1.0):ObsLevelDim:AllDimensions"\
 dimensionAtObservation="AllDimensions">
<com:StructureUsage>urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ILMS:DF_SMALL(1.0)</com:StructureUsage>
</mes:Structure>
<mes:DataSetAction>Replace</mes:DataSetAction>
</mes:Header>
<mes:DataSet ss:structureRef="DF_SMALL" xsi:type="ns1:DataSetType" ss:action="Replace">
<Obs REF_AREA="XAA" TIME_PERIOD="2013" OBS_VALUE="1.50" UNIT="PS"/>
<Obs REF_AREA="XAA" TIME_PERIOD="2013-Q4" OBS_STATUS="C" UNIT="PS"/>
<Obs REF_AREA="XBB" TIME_PERIOD="2013" OBS_VALUE="-2" NOTE="{NOTE}"/>
</mes:DataSet>
</mes:StructureSpecificData>
"""


def message(
    rows: str, version: Version = "2.1", layout: Layout = "series", header: Header = HEADER, threads: int = 1
) -> bytes:
    with duckdb.connect(config={"threads": threads}) as engine:
        return b"".join(blocks(engine, SMALL, rows, header, version=version, layout=layout))


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection() as made:
        yield made


def test_series_are_written_byte_for_byte() -> None:
    assert message(values(*ROWS)).decode() == SERIES_21


def test_observations_without_series_are_written_byte_for_byte() -> None:
    assert message(values(*ROWS), "3.0", "flat").decode() == FLAT_30


@pytest.mark.parametrize(("version", "layout"), FORMATS)
def test_a_reader_gets_back_every_sign(version: Version, layout: Layout) -> None:
    note = "\t\r\n \"'<&>]]> é № 日本 \U0001f600 &amp; end "
    root = etree.fromstring(message(values(("XAA", "2013", "1", note, note, note)), version, layout))
    holders = {name: item for item in root.iter("Series", "Obs") for name in item.attrib}
    assert [holders[name].get(name) for name in ("OBS_STATUS", "UNIT", "NOTE")] == [note] * 3


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_what_xml_cannot_hold_is_refused(sign: str) -> None:
    rows = (
        f"SELECT 'XAA' REF_AREA, '2013' TIME_PERIOD, NULL OBS_VALUE, '' OBS_STATUS, '' UNIT, 'a'||chr({ord(sign)}) NOTE"
    )
    with pytest.raises(ValueError, match=rf"XML cannot hold the character U\+{ord(sign):04X} in: .*NOTE=\"a"):
        message(rows)


@pytest.mark.parametrize(("version", "layout"), FORMATS)
@pytest.mark.parametrize(("indicator", "is_twin"), FLOWS)
def test_messages_are_valid_and_read_back_equal(
    engine: duckdb.DuckDBPyConnection, indicator: str, is_twin: bool, version: Version, layout: Layout
) -> None:
    flow, rows = dataflow(indicator, is_twin=is_twin), query(indicator, is_twin=is_twin)
    text = b"".join(blocks(engine, flow, rows, HEADER, version=version, layout=layout))
    told = expected(engine, rows)
    validator(flow, version, layout).assertValid(etree.fromstring(text))
    assert len(told) > 0
    assert by_pysdmx(text) == told
    if version == "2.1":
        assert by_sdmx1(text, indicator, is_twin=is_twin) == told


@pytest.mark.parametrize(("version", "layout"), FORMATS)
def test_libraries_read_back_what_was_escaped(version: Version, layout: Layout) -> None:
    method = "a \"b\" 'c' <d> & é\t№\r\n日本"
    flow, rows = dataflow(EMPLOYMENT, is_twin=True), query(EMPLOYMENT, is_twin=True)
    with connection([row(EMPLOYMENT, "2013", "SEX_T", TOTAL, NATIVE, method=method)]) as engine:
        text = b"".join(blocks(engine, flow, rows, HEADER, version=version, layout=layout))
        told = expected(engine, rows)
    assert [item["METHOD"] for item in told] == [method]
    assert by_pysdmx(text) == told
    if version == "2.1":
        assert by_sdmx1(text, EMPLOYMENT, is_twin=True) == told


@pytest.mark.parametrize(("version", "layout"), FORMATS)
def test_a_message_without_observations_is_valid_and_read_as_empty(version: Version, layout: Layout) -> None:
    text = message(f"SELECT * FROM ({values(*ROWS)}) WHERE false", version, layout)
    validator(SMALL, version, layout).assertValid(etree.fromstring(text))
    assert b"<Series" not in text
    assert b"<Obs" not in text
    assert by_pysdmx(text) == []


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_a_deletion_names_keys_alone(version: Version) -> None:
    header = Header(id="TEST", prepared=HEADER.prepared, is_test=False, action="Delete")
    text = message(values(("XAA", "2013", None, None, None, None)), version, header=header)
    validator(SMALL, version, "series").assertValid(etree.fromstring(text))
    assert b'ss:action="Delete"' in text
    assert b"<mes:Test>false</mes:Test>" in text
    assert b'<Series REF_AREA="XAA">\n<Obs TIME_PERIOD="2013"/>\n</Series>\n' in text


def test_series_go_on_from_block_to_block_and_do_not_depend_on_threads() -> None:
    rows = f"""
        SELECT if(i < 5000, 'XAA', 'XBB') REF_AREA, CAST(1000 + i % 5000 AS VARCHAR) TIME_PERIOD,
        CAST(i AS VARCHAR) OBS_VALUE, NULL::VARCHAR OBS_STATUS, 'PS' UNIT, NULL::VARCHAR NOTE
        FROM range({2 * BATCH_ROWS + 1808}) AS rows(i) ORDER BY ALL
    """
    text = message(rows)
    series = etree.fromstring(text).findall(".//Series")
    assert [len(item) for item in series] == [5000, 5000]
    assert [item.get("OBS_VALUE") for item in series[1]] == [str(value) for value in range(5000, 10_000)]
    assert message(rows, threads=4) == text


def test_a_message_comes_in_blocks() -> None:
    with duckdb.connect() as engine:
        rows = f"SELECT rows.* FROM ({values(ROWS[0])}) AS rows, range({3 * BATCH_ROWS})"
        assert len(list(blocks(engine, SMALL, rows, HEADER))) == 4
