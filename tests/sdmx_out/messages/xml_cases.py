"""What tests of XML messages have in common: a dataflow small enough to be written down, and both libraries' readings.

A reading is one dict of text per observation, in the order of their keys; what has no value is left out.
"""

from io import BytesIO
from types import MappingProxyType

import duckdb
import pysdmx.io
import sdmx

from sdmx_out.catalogue import TWIN_SUFFIX
from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Component, Dataflow
from tests.sdmx_out.messages import flows

Observation = dict[str, str]
AREAS = MappingProxyType({"XAA": MappingProxyType({"en": "Area A"}), "XBB": MappingProxyType({"en": "Area B"})})
_NONE = MappingProxyType[str, str]({})


def _text(name: str, *dimensions: str) -> Component:
    return Component(name, _NONE, "text", MappingProxyType({}), None, dimensions)


SMALL = Dataflow(
    agency="ILMS",
    id="DF_SMALL",
    version="1.0",
    structure="SMALL",
    names=_NONE,
    dimensions=(Component("REF_AREA", _NONE, "code", AREAS, ("ILMS", "CL_AREA", "1.0")),),
    time=Component("TIME_PERIOD", _NONE, "time", MappingProxyType({}), None),
    measure=Component("OBS_VALUE", _NONE, "double", MappingProxyType({}), None),
    attributes=(_text("OBS_STATUS"), _text("UNIT", "REF_AREA"), _text("NOTE", "REF_AREA", "TIME_PERIOD")),
)
#: A value, a hidden value, and text that has to be escaped; in two series.
ROWS = (
    ("XAA", "2013", "1.50", None, "PS", None),
    ("XAA", "2013-Q4", None, "C", "PS", None),
    ("XBB", "2013", "-2", None, None, 'Côte d\'Ivoire\t<&>\r\n"№ 1" 日本'),
)


def values(*rows: tuple[str | None, ...]) -> str:
    """Return the query of rows of the small dataflow."""
    lines = (", ".join("NULL::VARCHAR" if value is None else literal(value) for value in row) for row in rows)
    names = ", ".join(item.id for item in SMALL.components)
    return f"SELECT * FROM (VALUES {', '.join(f'({line})' for line in lines)}) AS rows({names})"


def expected(connection: duckdb.DuckDBPyConnection, query: str) -> list[Observation]:
    """Return the observations of a query."""
    rows = connection.sql(query)
    return _in_order([dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()])


def by_sdmx1(message: bytes, indicator: str, *, is_twin: bool) -> list[Observation]:
    """Return what sdmx1 reads: SDMX-ML 2.1 alone, structure-specific messages only with the data structure."""
    name = f"DF_{indicator}{TWIN_SUFFIX if is_twin else ''}"
    read = sdmx.read_sdmx(BytesIO(message), structure=flows.structures().dataflow[name].structure)
    return _in_order(
        [
            {
                **{key: getattr(part.value, "id", part.value) for key, part in item.key.values.items()},
                "OBS_VALUE": item.value,
                **{key: part.value for key, part in item.attrib.items()},
            }
            for item in read.data[0].obs
        ]
    )


def by_pysdmx(message: bytes) -> list[Observation]:
    """Return what pysdmx reads; what is missing it fills with '', None or NaN, by layout."""
    read = pysdmx.io.read_sdmx(message.decode(), validate=False)
    return _in_order(read.data[0].data.to_dict("records"))


def _in_order(observations: list[dict[str, object]]) -> list[Observation]:
    told = [
        {name: value for name, value in item.items() if isinstance(value, str) and value != ""} for item in observations
    ]
    return sorted(told, key=lambda item: sorted(item.items()))
