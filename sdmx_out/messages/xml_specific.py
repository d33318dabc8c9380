"""Structure-specific data messages of SDMX-ML 2.1 and 3.0, streamed: values as attributes named like components.

Attributes that hang on dimensions without time stand on series, all others on observations; without series, all stand
on observations.
"""

from collections.abc import Iterator, Sequence

import duckdb

from sdmx_out.messages.dataflow import Component, Dataflow
from sdmx_out.messages.header import Header
from sdmx_out.messages.xml_text import (
    Layout,
    Spelling,
    Version,
    escaping_sql,
    message_start,
    sdmx_namespace,
    specific_namespace,
    stream,
)


def blocks(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    query: str,
    header: Header,
    *,
    version: Version = "2.1",
    layout: Layout = "series",
) -> Iterator[bytes]:
    """A message of the observations of a query, in blocks of about 1 MiB.

    Args:
        connection: engine that the query can be asked from.
        dataflow: that the observations are of.
        query: one text column per component, rows of one series together.
        header: what the message says of itself.
        version: of SDMX-ML.
        layout: whether observations stand alone or in time series.

    Raises:
        ValueError: a value holds a character that XML cannot hold.
    """
    is_flat = layout == "flat"
    on_series = () if is_flat else (*dataflow.dimensions, *dataflow.series_attributes())
    on_observation = [item for item in dataflow.components if item not in on_series]
    space = specific_namespace(dataflow, layout)
    scope = ' ss:dataScope="DataStructure"' if version == "2.1" else ""
    head = message_start(
        dataflow,
        header,
        root="StructureSpecificData",
        version=version,
        layout=layout,
        namespaces={"ss": sdmx_namespace("data/structurespecific", version), "ns1": space},
        specific=space,
    )
    data_set = (
        f'<mes:DataSet ss:structureRef="{dataflow.id}" xsi:type="ns1:DataSetType" ss:action="{header.action}"{scope}>\n'
    )
    return stream(
        connection,
        query,
        start=head + data_set,
        series_start="''" if is_flat else _element_sql("Series", on_series, ">\n"),
        observation=_element_sql("Obs", on_observation, "/>\n"),
        series_end="</Series>\n",
        end="</mes:DataSet>\n</mes:StructureSpecificData>\n",
    )


def _element_sql(name: str, components: Sequence[Component], end: str) -> str:
    def text(value: Spelling) -> str:
        # concat() leaves out what is NULL, and with it the whole attribute.
        attributes = (f"' {item.id}=\"' || {value(item.id)} || '\"'" for item in components)
        return f"concat('<{name}', {', '.join(attributes)}, '{end}')"

    return escaping_sql([item.id for item in components], text)
