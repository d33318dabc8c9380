"""Generic messages: their bytes, their validity, and what both libraries read from them."""

from collections.abc import Iterator

import duckdb
import pytest
from lxml import etree

from sdmx_out.messages.schema import message_validator
from sdmx_out.messages.xml_generic import blocks
from sdmx_out.messages.xml_text import Layout
from tests.sdmx_out.messages.flows import DIFFERENCE, EMPLOYMENT, HEADER, connection, dataflow, query
from tests.sdmx_out.messages.xml_cases import ROWS, SMALL, by_pysdmx, by_sdmx1, expected, values

LAYOUTS: tuple[Layout, ...] = ("series", "flat")
FLOWS = [(name, is_twin) for name in (EMPLOYMENT, DIFFERENCE) for is_twin in (False, True)]
HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<mes:GenericData\
 xmlns:mes="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message"\
 xmlns:com="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common"\
 xmlns:gen="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/generic"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<mes:Header>
<mes:ID>TEST</mes:ID>
<mes:Test>true</mes:Test>
<mes:Prepared>2026-11-23T00:00:00Z</mes:Prepared>
<mes:Sender id="ILMS"/>
<mes:Structure structureID="DF_SMALL" dimensionAtObservation="{dimension}">
<com:StructureUsage><Ref agencyID="ILMS" id="DF_SMALL" version="1.0" class="Dataflow"/></com:StructureUsage>
</mes:Structure>
<mes:DataSetAction>Replace</mes:DataSetAction>
</mes:Header>
<mes:DataSet structureRef="DF_SMALL" action="Replace">
"""
END = """\
</mes:DataSet>
</mes:GenericData>
"""
SERIES = """\
<gen:Series><gen:SeriesKey><gen:Value id="REF_AREA" value="XAA"/></gen:SeriesKey>\
<gen:Attributes><gen:Value id="UNIT" value="PS"/></gen:Attributes>
<gen:Obs><gen:ObsDimension value="2013"/><gen:ObsValue value="1.50"/></gen:Obs>
<gen:Obs><gen:ObsDimension value="2013-Q4"/>\
<gen:Attributes><gen:Value id="OBS_STATUS" value="C"/></gen:Attributes></gen:Obs>
</gen:Series>
"""
FLAT = """\
<gen:Obs><gen:ObsKey><gen:Value id="REF_AREA" value="XAA"/><gen:Value id="TIME_PERIOD" value="2013"/></gen:ObsKey>\
<gen:ObsValue value="1.50"/><gen:Attributes><gen:Value id="UNIT" value="PS"/></gen:Attributes></gen:Obs>
<gen:Obs><gen:ObsKey><gen:Value id="REF_AREA" value="XAA"/><gen:Value id="TIME_PERIOD" value="2013-Q4"/></gen:ObsKey>\
<gen:Attributes><gen:Value id="OBS_STATUS" value="C"/><gen:Value id="UNIT" value="PS"/></gen:Attributes></gen:Obs>
"""


def message(rows: str, layout: Layout = "series") -> bytes:
    with duckdb.connect() as engine:
        return b"".join(blocks(engine, SMALL, rows, HEADER, layout=layout))


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection() as made:
        yield made


def test_series_are_written_byte_for_byte() -> None:
    assert message(values(*ROWS[:2])).decode() == HEAD.format(dimension="TIME_PERIOD") + SERIES + END


def test_observations_without_series_are_written_byte_for_byte() -> None:
    assert message(values(*ROWS[:2]), "flat").decode() == HEAD.format(dimension="AllDimensions") + FLAT + END


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_reader_gets_back_every_sign(layout: Layout) -> None:
    text = message(values(ROWS[2]), layout)
    message_validator("2.1").assertValid(etree.fromstring(text))
    found = etree.fromstring(text).xpath("//*[@id='NOTE']/@value")
    assert found == [ROWS[2][5]]


def test_what_xml_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"XML cannot hold the character U\+0008 in: .*NOTE"):
        message(values(("XAA", "2013", None, None, None, "\b")))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("indicator", "is_twin"), FLOWS)
def test_messages_are_valid_and_read_back_equal(
    engine: duckdb.DuckDBPyConnection, indicator: str, is_twin: bool, layout: Layout
) -> None:
    flow, rows = dataflow(indicator, is_twin=is_twin), query(indicator, is_twin=is_twin)
    text = b"".join(blocks(engine, flow, rows, HEADER, layout=layout))
    assert b"".join(blocks(engine, flow, rows, HEADER, layout=layout)) == text
    told = expected(engine, rows)
    message_validator("2.1").assertValid(etree.fromstring(text))
    assert len(told) > 0
    assert by_pysdmx(text) == told
    assert by_sdmx1(text, indicator, is_twin=is_twin) == told


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_message_without_observations_is_valid_and_read_as_empty(layout: Layout) -> None:
    text = message(f"SELECT * FROM ({values(*ROWS)}) WHERE false", layout)
    message_validator("2.1").assertValid(etree.fromstring(text))
    assert text.decode().endswith('action="Replace">\n' + END)
    assert by_pysdmx(text) == []
