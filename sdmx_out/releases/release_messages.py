"""The data of a release: an indicator's messages, its Parquet files, and the tables in ILOSTAT's shape.

Here belong which files an indicator has and what they are called. How each is spelled does not belong here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from schemas.codes import CodeList, SdmxStatus
from schemas.indicators import Indicator
from sdmx_out.catalogue import LANGUAGES, TWIN_SUFFIX, dataflow_reference, marked, twin_title
from sdmx_out.ilostat_tables import bulk_lines, labelled_blocks, labels_of, quality_lines, select_table
from sdmx_out.messages import csv_data, parquet_data
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.formats import FORMATS, DataFormat, Spoken
from sdmx_out.messages.header import Header
from sdmx_out.observations import observations_sql, twin_observations_sql
from sdmx_out.published_rows import TABLE
from sdmx_out.releases import deltas
from sdmx_out.releases.release_folder import ReleaseFolder, Subject
from sdmx_out.releases.vintages import (
    DELETED_FOLDER,
    PARQUET_FOLDER,
    deleted_file,
    deleted_query,
    earlier_of,
    with_last_update,
)
from sdmx_out.releases.withdrawn import Withdrawal

#: The message that decides whether a dataflow changed: plain, undated, one line per observation.
MAIN = "data/sdmx-csv"
#: Folder -> format of the messages that every release has beside; the others are written by `ilms export`.
MESSAGES: Mapping[str, DataFormat] = {
    "data/sdmx-csv-2.0": "sdmx-csv-2.0",
    "data/sdmx-ml-2.1": "sdmx-ml-2.1",
    "data/sdmx-ml-3.0": "sdmx-ml-3.0",
    "data/sdmx-json-2.0": "sdmx-json-2.0",
}
BULK, QUALITY, LABELLED = "data/ilostat", "data/quality", "data/ilostat-both"
_OBSERVATIONS = "flow_observations"


@dataclass(frozen=True)
class Extent:
    """Rows, areas and periods of one indicator, of all frequencies or of one."""

    rows: int
    areas: int
    time_from: str
    time_to: str


def extents(connection: duckdb.DuckDBPyConnection, keys: str) -> dict[tuple[str, ...], Extent]:
    """Return the extent of each group of the release's rows, ordered by the group's keys."""
    count = len(keys.split(","))
    rows = connection.execute(
        f"SELECT {keys}, count(*), count(DISTINCT ref_area), min(time), max(time) FROM {TABLE} "
        f"GROUP BY {keys} ORDER BY {keys}"
    ).fetchall()
    return {tuple(str(part) for part in row[:count]): Extent(*row[count:]) for row in rows}


def message_files(flow: str) -> Iterator[str]:
    """Yield the files of a dataflow in every release that has it, the main message last."""
    for folder, form in MESSAGES.items():
        yield f"{folder}/{flow}{FORMATS[form].suffix}.gz"
    yield f"{PARQUET_FOLDER}/{flow}.parquet"
    yield f"{MAIN}/{flow}.csv"


def table_files(indicator: str, freq: str) -> Iterator[str]:
    """Yield the tables of an indicator and frequency in ILOSTAT's shape, with labels, and of their precision."""
    yield f"{BULK}/{indicator}_{freq}.csv"
    for language in LANGUAGES:
        yield f"{LABELLED}/{language}/{indicator}_{freq}.csv.gz"
    yield f"{QUALITY}/{indicator}_{freq}_quality.csv"


@dataclass
class DataFiles:
    """Writes the data of a release.

    Attributes:
        folder: where.
        connection: holds the rows of the release.
        flows: dataflow id -> dataflow.
        status_map: ILOSTAT's status letter, '' included -> its codes in the cross-domain lists.
        code_lists: all code lists by id.
        notes: notes of our own that no list has: id -> language -> text.
        release_date: of the release.
        earlier_date: of the release before; None where there is none.
        is_test: whether titles say that this is no national statistic.
        is_same_writer: whether the release before was written by the same code, so that what follows from files that
            did not change can be taken from it.
        is_full: whether what follows from the main messages and tables is written at all.
        queries: dataflow id -> query of its observations, of the dataflows that were written.
    """

    folder: ReleaseFolder
    connection: duckdb.DuckDBPyConnection
    flows: Mapping[str, Dataflow]
    status_map: Mapping[str, SdmxStatus]
    code_lists: Mapping[str, CodeList]
    notes: Mapping[str, Mapping[str, str]]
    release_date: date
    earlier_date: date | None
    is_test: bool
    is_same_writer: bool
    is_full: bool
    queries: dict[str, str] = field(default_factory=dict)

    def subjects(self, indicator: Indicator, extent: Extent) -> tuple[Subject, Subject]:
        """Return what the files of an indicator's two dataflows are about."""
        title, flow = marked(indicator.title, is_test=self.is_test), indicator.dataflow
        return (
            _subject(flow, indicator, title, extent),
            _subject(flow + TWIN_SUFFIX, indicator, twin_title(title), extent),
        )

    def write_messages(self, indicator: Indicator, extent: Extent, withdrawals: Sequence[Withdrawal]) -> None:
        """Write the messages of both dataflows of an indicator, and what changed in them."""
        queries = (observations_sql(indicator), twin_observations_sql(indicator, self.status_map))
        for subject, query in zip(self.subjects(indicator, extent), queries, strict=True):
            self._write_flow(subject, query, [item for item in withdrawals if item.indicator == indicator.id])

    def write_gone(self, indicators: Iterable[Indicator]) -> None:
        """Write the deltas of dataflows that the release before had and this one has no more."""
        had = {row["dataflow"] for name, row in self.folder.before.items() if name.startswith(f"{MAIN}/")}
        here = {subject.dataflow for _, subject in self.folder.written.values()}
        if not self.is_full:
            return
        for indicator in indicators:
            for is_twin in (False, True):
                flow = indicator.dataflow + (TWIN_SUFFIX if is_twin else "")
                if flow in had - here:
                    lines = deltas.gone_lines(dataflow_reference(indicator, is_twin=is_twin))
                    self.folder.lines(f"{deltas.FOLDER}/{flow}.csv", lines, Subject(flow, indicator.id))

    def write_tables(self, indicator: Indicator, freq: str, extent: Extent) -> None:
        """Write an indicator's tables of one frequency."""
        subject, beside = self.subjects(indicator, extent)
        bulk, *labelled, quality = table_files(indicator.id, freq)
        select_table(self.connection, indicator.id, freq)
        self.folder.lines(bulk, bulk_lines(self.connection), subject)
        self.folder.lines(quality, quality_lines(self.connection), beside)
        if not self.is_full:
            return
        is_unchanged = self.is_same_writer and self.folder.is_as_before(bulk)
        for language, name in zip(LANGUAGES, labelled, strict=True):

            def made(language: str = language) -> Iterator[bytes]:
                labels = labels_of(indicator, self.code_lists, self.notes, language, is_test=self.is_test)
                return labelled_blocks(self.connection, labels)

            self.folder.derived(name, made, subject, is_unchanged=is_unchanged)

    def _write_flow(self, subject: Subject, query: str, withdrawals: Sequence[Withdrawal]) -> None:
        flow = self.flows[subject.dataflow]
        self.queries[flow.id] = query
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {_OBSERVATIONS} AS {query}")
        rows = f"SELECT * FROM {_OBSERVATIONS}"
        *messages, parquet, main = message_files(flow.id)
        header = Header(id=flow.id, prepared=self.release_date, is_test=self.is_test)
        self.folder.blocks(main, csv_data.blocks(self.connection, flow, rows, header), subject)
        if not self.is_full:
            return
        is_unchanged = self.is_same_writer and self.folder.is_as_before(main)
        for form, name in zip(MESSAGES.values(), messages, strict=True):

            def made(form: DataFormat = form) -> Iterator[bytes]:
                return FORMATS[form].write(self.connection, flow, rows, header, Spoken())

            self.folder.derived(name, made, subject, is_unchanged=is_unchanged)
        self._write_vintage(flow, rows, header, parquet, subject, withdrawals, is_unchanged=is_unchanged)

    def _write_vintage(
        self,
        flow: Dataflow,
        rows: str,
        header: Header,
        parquet: str,
        subject: Subject,
        withdrawals: Sequence[Withdrawal],
        *,
        is_unchanged: bool,
    ) -> None:
        """Write the observations with the day each last changed, the keys that are gone, and the delta."""
        before = None
        if self.folder.earlier is not None and self.earlier_date is not None:
            before = earlier_of(self.folder.earlier, flow, self.earlier_date)

        def dated() -> Iterator[bytes]:
            told = with_last_update(self.connection, flow, rows, before, self.release_date)
            return parquet_data.blocks(self.connection, flow, told, header, extra=(parquet_data.LAST_UPDATE,))

        self.folder.derived(parquet, dated, subject, is_unchanged=is_unchanged)
        gone = deleted_query(self.connection, flow, rows, before, self.release_date)
        if (keys := deleted_file(self.connection, gone)) is not None:
            self.folder.blocks(f"{DELETED_FOLDER}/{flow.id}.parquet", [keys], subject)
        if self.folder.earlier is None or (is_unchanged and not withdrawals):
            return
        if (changed := deltas.lines(self.connection, flow, rows, before, withdrawals)) is not None:
            self.folder.lines(f"{deltas.FOLDER}/{flow.id}.csv", changed, subject)


def _subject(flow: str, indicator: Indicator, title: Mapping[str, str], extent: Extent) -> Subject:
    return Subject(flow, indicator.id, title, extent.rows, extent.areas, extent.time_from, extent.time_to)
