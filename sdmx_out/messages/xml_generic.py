"""Generic data messages of SDMX-ML 2.1, streamed: values as pairs of a component's id and its value.

SDMX-ML 3.0 has no generic data message. Attributes stand where they stand in structure-specific messages.
"""

from collections.abc import Iterator, Sequence

import duckdb

from sdmx_out.messages.dataflow import Component, Dataflow
from sdmx_out.messages.header import Header
from sdmx_out.messages.xml_text import Layout, Spelling, escaping_sql, message_start, sdmx_namespace, stream


def blocks(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    query: str,
    header: Header,
    *,
    layout: Layout = "series",
) -> Iterator[bytes]:
    """A message of the observations of a query, in blocks of about 1 MiB.

    Args:
        connection: engine that the query can be asked from.
        dataflow: that the observations are of.
        query: one text column per component, rows of one series together.
        header: what the message says of itself.
        layout: whether observations stand alone or in time series.

    Raises:
        ValueError: a value holds a character that XML cannot hold.
    """
    head = message_start(
        dataflow,
        header,
        root="GenericData",
        version="2.1",
        layout=layout,
        namespaces={"gen": sdmx_namespace("data/generic", "2.1")},
    )
    is_flat = layout == "flat"
    on_series = dataflow.series_attributes()
    on_observation = dataflow.attributes if is_flat else dataflow.observation_attributes()

    def series(value: Spelling) -> str:
        key = _values_sql("SeriesKey", dataflow.dimensions, value)
        return f"concat('<gen:Series>', {key}, {_values_sql('Attributes', on_series, value)}, '\n')"

    def observation(value: Spelling) -> str:
        key = f"'<gen:ObsDimension value=\"' || {value(dataflow.time.id)} || '\"/>'"
        if is_flat:
            key = _values_sql("ObsKey", (*dataflow.dimensions, dataflow.time), value)
        number = f"'<gen:ObsValue value=\"' || {value(dataflow.measure.id)} || '\"/>'"
        return (
            f"concat('<gen:Obs>', {key}, {number}, {_values_sql('Attributes', on_observation, value)}, '</gen:Obs>\n')"
        )

    columns = [item.id for item in dataflow.components]
    return stream(
        connection,
        query,
        start=head + f'<mes:DataSet structureRef="{dataflow.id}" action="{header.action}">\n',
        series_start="''" if is_flat else escaping_sql(columns, series),
        observation=escaping_sql(columns, observation),
        series_end="</gen:Series>\n",
        end="</mes:DataSet>\n</mes:GenericData>\n",
    )


def _values_sql(name: str, components: Sequence[Component], value: Spelling) -> str:
    """SQL text of an element of pairs; NULL if there is no value, because the element may not be empty."""
    pairs = (f"'<gen:Value id=\"{item.id}\" value=\"' || {value(item.id)} || '\"/>'" for item in components)
    texts = ", ".join(("''", *pairs))
    return f"('<gen:{name}>' || nullif(concat({texts}), '') || '</gen:{name}>')"
