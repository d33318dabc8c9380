"""The formats of data messages: what each is called, and who writes it.

Here belong ids, media types, endings of file names and the choice of the writer. How a format is spelled is said in the
modules beside this one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import duckdb

from sdmx_out.messages import csv_data, json_data, xml_generic, xml_specific
from sdmx_out.messages.csv_data import Labels
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.header import Header
from sdmx_out.messages.labels import Language

DataFormat = Literal[
    "sdmx-csv-1.0",
    "sdmx-csv-2.0",
    "sdmx-ml-2.1",
    "sdmx-ml-2.1-flat",
    "sdmx-ml-2.1-generic",
    "sdmx-ml-2.1-generic-flat",
    "sdmx-ml-3.0",
    "sdmx-ml-3.0-flat",
    "sdmx-json-1.0",
    "sdmx-json-2.0",
]
_VENDOR = "application/vnd.sdmx."


@dataclass(frozen=True)
class Spoken:
    """In which words a message speaks.

    Attributes:
        labels: of SDMX-CSV: codes, names (2.0 only) or both.
        language: of labels, and of what a JSON message names once.
    """

    labels: Labels = "id"
    language: Language = "en"


Writer = Callable[[duckdb.DuckDBPyConnection, Dataflow, str, Header, Spoken], Iterator[bytes]]


@dataclass(frozen=True)
class Format:
    """One format of data messages.

    Attributes:
        media_type: as HTTP names it; messages of series have the roots of all data, and so their media types.
        suffix: of a file.
        write: its writer: engine, dataflow, query, header, words -> blocks.
    """

    media_type: str
    suffix: str
    write: Writer


def _csv(version: csv_data.Version) -> Writer:
    def write(
        connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, query: str, header: Header, spoken: Spoken
    ) -> Iterator[bytes]:
        return csv_data.blocks(
            connection, dataflow, query, header, version=version, labels=spoken.labels, language=spoken.language
        )

    return write


def _specific(version: Literal["2.1", "3.0"], layout: Literal["series", "flat"]) -> Writer:
    def write(
        connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, query: str, header: Header, _: Spoken
    ) -> Iterator[bytes]:
        return xml_specific.blocks(connection, dataflow, query, header, version=version, layout=layout)

    return write


def _generic(layout: Literal["series", "flat"]) -> Writer:
    def write(
        connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, query: str, header: Header, _: Spoken
    ) -> Iterator[bytes]:
        return xml_generic.blocks(connection, dataflow, query, header, layout=layout)

    return write


def _json(version: Literal["1.0", "2.0"]) -> Writer:
    def write(
        connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, query: str, header: Header, spoken: Spoken
    ) -> Iterator[bytes]:
        return json_data.blocks(connection, dataflow, query, header, version=version, language=spoken.language)

    return write


FORMATS: Mapping[DataFormat, Format] = {
    "sdmx-csv-1.0": Format(f"{_VENDOR}data+csv;version=1.0.0", ".csv", _csv("1.0")),
    "sdmx-csv-2.0": Format(f"{_VENDOR}data+csv;version=2.0.0", ".csv", _csv("2.0")),
    "sdmx-ml-2.1": Format(
        f"{_VENDOR}structurespecifictimeseriesdata+xml;version=2.1", ".xml", _specific("2.1", "series")
    ),
    "sdmx-ml-2.1-flat": Format(f"{_VENDOR}structurespecificdata+xml;version=2.1", ".xml", _specific("2.1", "flat")),
    "sdmx-ml-2.1-generic": Format(f"{_VENDOR}genericdata+xml;version=2.1", ".xml", _generic("series")),
    "sdmx-ml-2.1-generic-flat": Format(f"{_VENDOR}genericdata+xml;version=2.1", ".xml", _generic("flat")),
    "sdmx-ml-3.0": Format(f"{_VENDOR}data+xml;version=3.0.0", ".xml", _specific("3.0", "series")),
    "sdmx-ml-3.0-flat": Format(f"{_VENDOR}data+xml;version=3.0.0", ".xml", _specific("3.0", "flat")),
    "sdmx-json-1.0": Format(f"{_VENDOR}data+json;version=1.0.0", ".json", _json("1.0")),
    "sdmx-json-2.0": Format(f"{_VENDOR}data+json;version=2.0.0", ".json", _json("2.0")),
}
