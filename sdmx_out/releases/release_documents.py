"""What people read in a release: workbooks, country profiles, reference metadata.

Here belongs which documents a release has. What each says, and how it looks, does not belong here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from schemas.codes import CodeList
from schemas.indicators import Indicator
from sdmx_out.catalogue import LANGUAGES, marked
from sdmx_out.csv_text import read_csv
from sdmx_out.messages.header import Header
from sdmx_out.metadata.files import TABLE
from sdmx_out.metadata.files import files as metadata_files
from sdmx_out.metadata.report import TITLE as METADATA
from sdmx_out.metadata.report import Report
from sdmx_out.profile.content import Edition
from sdmx_out.profile.profiles import profile_files, title
from sdmx_out.releases.release_folder import ReleaseFolder, Subject
from sdmx_out.releases.release_messages import BULK, QUALITY
from sdmx_out.workbooks.area_workbook import area_workbook, workbook_name
from sdmx_out.workbooks.indicator_workbook import indicator_workbook, indicator_workbook_name
from sdmx_out.workbooks.tables import Collection

COLLECTIONS: tuple[Collection, ...] = ("ilms", "asean")


@dataclass(frozen=True)
class Documents:
    """Writes the documents of a release.

    Attributes:
        folder: where.
        connection: holds the rows of the release.
        indicators: the whole catalogue of indicators by id.
        code_lists: all code lists by id.
        areas: of the release.
        present: ids of the indicators that the release has.
        release_date: of the release.
        is_test: whether titles say that this is no national statistic.
        is_draft: whether the release is not final.
        is_same_writer: whether the release before was written by the same code.
    """

    folder: ReleaseFolder
    connection: duckdb.DuckDBPyConnection
    indicators: Mapping[str, Indicator]
    code_lists: Mapping[str, CodeList]
    areas: Sequence[str]
    present: Sequence[str]
    release_date: date
    is_test: bool
    is_draft: bool
    is_same_writer: bool

    def write_metadata(self, reports: Sequence[Report]) -> None:
        """Write the reference metadata of surveys and rounds."""
        header = Header(id="ILMS_METADATA", prepared=self.release_date, is_test=self.is_test)
        subject = Subject(title=marked(METADATA, is_test=self.is_test))
        is_unchanged = False
        for file in metadata_files(reports, self.code_lists, self.areas, header):
            # The undated table comes first: dated files that follow from it keep their date with it.
            if file.is_dated:
                self.folder.derived(file.name, partial(iter, file.blocks), subject, is_unchanged=is_unchanged)
                continue
            self.folder.blocks(file.name, file.blocks, subject)
            if file.name == TABLE:
                is_unchanged = self.is_same_writer and self.folder.is_as_before(TABLE)

    def write_area_documents(self, availability: Sequence[Path], public_availability: Path) -> None:
        """Write the workbooks and the profiles of all areas.

        Args:
            availability: Parquet files that say what is published and why the rest is not.
            public_availability: the release's own table of that.
        """
        told = list(read_csv(public_availability))
        for area in self.areas:
            for collection in COLLECTIONS:
                for language in LANGUAGES:
                    made = area_workbook(
                        self.connection, area, language, collection, indicators=self.indicators,
                        code_lists=self.code_lists, availability=told, is_test=self.is_test,
                    )  # fmt: skip
                    self.folder.blocks(workbook_name(area, collection, language), [made])
        edition = Edition(self.code_lists, self.release_date, self.is_test, self.is_draft)
        profile = Subject(title=marked(title(), is_test=self.is_test), areas=1)
        for name, made in profile_files(self.connection, self.areas, edition, availability):
            self.folder.blocks(name, [made], profile)

    def write_indicator_workbooks(self) -> None:
        """Write a workbook of every indicator, ready for a pivot table."""
        for name in self.present:
            indicator = self.indicators[name]
            is_unchanged = self.is_same_writer and all(
                self.folder.is_as_before(file)
                for file in self.folder.written
                if file.startswith((f"{BULK}/{name}_", f"{QUALITY}/{name}_"))
            )

            def made(indicator: Indicator = indicator) -> Iterator[bytes]:
                yield indicator_workbook(self.connection, indicator, code_lists=self.code_lists, is_test=self.is_test)

            subject = Subject(indicator=name, title=marked(indicator.title, is_test=self.is_test))
            self.folder.derived(indicator_workbook_name(name), made, subject, is_unchanged=is_unchanged)
