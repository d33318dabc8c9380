"""The files of a release, written into a folder that nobody sees yet.

Here belong which files there are, the table of contents and what of an earlier release is shared. How each file is
spelled does not belong here; nor does when the folder becomes public.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import InputError, Problem
from schemas.indicators import Indicator
from sdmx_out.catalogue import TEST_AREAS, TEST_NOTE, TEST_TITLE, TWIN_SUFFIX, marked, twin_title
from sdmx_out.changes import Change, change_lines, compare, count_changes
from sdmx_out.csv_text import csv_line, csv_lines, line_sql, literal, read_csv, stream_lines
from sdmx_out.files import Written, share, sync_tree, write_blocks, write_lines, write_text
from sdmx_out.ilostat_tables import bulk_lines, dictionary_lines, indicator_lines, quality_lines
from sdmx_out.messages import data_lines, twin_lines
from sdmx_out.protection_report import Report, public_summary
from sdmx_out.published_rows import TABLE, load_rows, versions_used
from sdmx_out.quality import FILE as QUALITY_FILE
from sdmx_out.quality import LISTS as QUALITY_LISTS
from sdmx_out.quality import TITLE as QUALITY_TITLE
from sdmx_out.quality import QualityRows, load_quality
from sdmx_out.release import (
    CHANGES,
    FACTS,
    PROVENANCE,
    README,
    STRUCTURES,
    TITLE,
    TOC,
    Request,
    content_sha256,
    json_text,
    readme,
)
from sdmx_out.structures import structure_bytes, structure_message, undated
from sdmx_out.withdrawn import FILE as WITHDRAWALS
from sdmx_out.withdrawn import NOTE, NOTE_LABEL, Withdrawal, hit, key_sql, public_lines, take_out

TOC_COLUMNS = (
    *("file", "dataflow", "indicator", "title_en", "title_fr", "title_es", "rows", "areas"),
    *("time_from", "time_to", "last_update", "sha256", "bytes", "status", "status_date", "status_reason"),
)
AVAILABILITY_COLUMNS = ("indicator", "ref_area", "survey", "freq", "time", "availability", "reason")
AVAILABILITY = "availability.csv"
NOTES = "dictionary/NOTE.csv"
# Lists that explain codes of the tables, besides the classifications that the rows use.
_PLAIN_LISTS = (
    "AREA",
    "OBS_STATUS",
    "CONF_STATUS",
    "SOURCE",
    "NOTE",
    "UNIT_MEASURE",
    "UNIT_MEASURE_TYPE",
    "UNIT_MULT",
    *QUALITY_LISTS,
)


@dataclass(frozen=True)
class Subject:
    """What a data file is about, for the table of contents."""

    dataflow: str = ""
    indicator: str = ""
    title: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    areas: int | None = None
    time_from: str = ""
    time_to: str = ""


@dataclass(frozen=True)
class _Extent:
    """Rows, areas and periods of one indicator, of all frequencies or of one."""

    rows: int
    areas: int
    time_from: str
    time_to: str


class ReleaseWriter:
    """Writes a release's files and remembers what each is about.

    Its steps are taken in order: ``write_content`` writes all that decides whether a release is a new one, ``content``
    is its hash, ``complete`` writes what tells of the release.
    """

    def __init__(
        self,
        request: Request,
        cursor: duckdb.DuckDBPyConnection,
        building: Path,
        earlier: Path | None,
        withdrawals: Sequence[Withdrawal],
    ) -> None:
        self.request, self.cursor, self.building, self.earlier = request, cursor, building, earlier
        self.written: dict[str, tuple[Written, Subject]] = {}
        indicators, code_lists, is_test = request.indicators, request.code_lists, request.is_test
        load_rows(cursor, request.tables, indicators=indicators, code_lists=code_lists, is_test=is_test)
        self.told = load_quality(cursor, request.quality, code_lists)
        self.areas = [row[0] for row in _fetch(cursor, f"SELECT DISTINCT ref_area FROM {TABLE} ORDER BY 1")]
        self.has_test_areas = bool(set(self.areas) & set(TEST_AREAS))
        self.versions = versions_used(cursor, code_lists)
        # What is withdrawn keeps its place in the contents and its structure, so that anybody can see that it was here.
        self.all_by_freq, self.all_by_indicator = _extents(cursor, "indicator, freq"), _by_indicator(cursor)
        self.withdrawals = hit(cursor, withdrawals)
        take_out(cursor, self.withdrawals)
        self.by_freq, self.by_indicator = _extents(cursor, "indicator, freq"), _by_indicator(cursor)

    def put(self, name: str, written: Written, subject: Subject | None = None) -> None:
        """Remember a file by its name inside the release."""
        self.written[name] = (written, subject or Subject())

    def write_content(self) -> None:
        """Write everything that decides whether a release is a new one."""
        for indicator_id, extent in self.by_indicator.items():
            self._write_messages(self.request.indicators[indicator_id], extent)
        for (indicator_id, freq), extent in self.by_freq.items():
            self._write_tables(self.request.indicators[indicator_id], freq, extent)
        for list_id in [*_PLAIN_LISTS, *self.versions]:
            lines = dictionary_lines(self.request.code_lists[list_id], has_test_areas=self.has_test_areas)
            self._lines(f"dictionary/{list_id}.csv", self._with_own_notes(list_id, lines))
        self._lines("dictionary/INDICATOR.csv", indicator_lines(self.request.indicators, is_test=self.request.is_test))
        self._lines(AVAILABILITY, _availability_lines(self.cursor, self.request.availability, self.withdrawals))
        self._lines(WITHDRAWALS, public_lines(self.withdrawals))
        self._write_quality(self.told)
        self._write_structures()

    @property
    def content(self) -> str:
        """Hash of the content."""
        hashes = {name: file.sha256 for name, (file, _) in self.written.items()}
        return content_sha256(hashes, undated((self.building / STRUCTURES).read_bytes()), self._named())

    def complete(self, release_id: str, content: str, joined: Report) -> tuple[dict[str, Any], list[Change]]:
        """Write changes, provenance, README, contents and facts, and make all of it durable.

        Args:
            release_id: the folder's name once it is public.
            content: hash of the content.
            joined: protection reports, joined.

        Returns:
            What `release.json` says, and the changed cells.
        """
        request, building, earlier = self.request, self.building, self.earlier
        changes = compare(earlier, building) if earlier else []
        self.put(CHANGES, write_lines(building / CHANGES, change_lines(changes)))
        self.put(PROVENANCE, write_text(building / PROVENANCE, json_text(request.provenance)))
        is_correction = any(change.kind in ("revised", "withdrawn") for change in changes)
        facts = {
            "release_id": release_id,
            **self._named(),
            "release_date": request.release_date.isoformat(),
            "content_sha256": content,
            "previous": earlier.name if earlier else None,
            "corrects": earlier.name if earlier and is_correction else None,
            "rows": sum(extent.rows for extent in self.by_indicator.values()),
            "indicators": sorted(self.by_indicator),
            "areas": self.areas,
            "changes": count_changes(changes),
            "protection": public_summary(*self._counts(), joined),
            "withdrawals": [item.row() for item in self.withdrawals],
        }
        self.put(README, write_text(building / README, readme(facts)))
        toc = write_lines(building / TOC, self._toc_lines())
        facts |= {"files": len(self.written) + 2, "toc_sha256": toc.sha256}
        write_text(building / FACTS, json_text(facts))
        sync_tree(building)
        return facts, changes

    def _named(self) -> dict[str, object]:
        title = marked(self.request.title, is_test=self.request.is_test)
        return {"kind": self.request.kind, "draft": self.request.draft, "title": title}

    def _counts(self) -> tuple[dict[str, int], int]:
        """Rows without a value by reason, and the number of rows with one."""
        query = f"SELECT reason, count(*) FROM {TABLE} WHERE obs_value IS NULL GROUP BY reason"
        hidden = {str(reason): int(count) for reason, count in _fetch(self.cursor, query)}
        shown = _fetch(self.cursor, f"SELECT count(obs_value) FROM {TABLE}")[0][0]
        return hidden, int(shown)

    def _lines(self, name: str, lines: Iterator[str], subject: Subject | None = None) -> None:
        self.put(name, write_lines(self.building / name, lines), subject)

    def _write_messages(self, indicator: Indicator, extent: _Extent) -> None:
        (name, subject), (twin, twin_subject) = self._messages(indicator, extent)
        self._lines(name, data_lines(self.cursor, indicator), subject)
        self._lines(twin, twin_lines(self.cursor, indicator, self.request.status_map), twin_subject)

    def _messages(self, indicator: Indicator, extent: _Extent) -> tuple[tuple[str, Subject], tuple[str, Subject]]:
        """Names and subjects of an indicator's SDMX-CSV messages."""
        title = marked(indicator.title, is_test=self.request.is_test)
        flow = indicator.dataflow
        twin = flow + TWIN_SUFFIX
        return (
            (f"data/sdmx-csv/{flow}.csv", _subject(flow, indicator, title, extent)),
            (f"data/sdmx-csv/{twin}.csv", _subject(twin, indicator, twin_title(title), extent)),
        )

    def _write_tables(self, indicator: Indicator, freq: str, extent: _Extent) -> None:
        (name, subject), (beside, beside_subject) = self._tables(indicator, freq, extent)
        self._lines(name, bulk_lines(self.cursor, indicator.id, freq), subject)
        self._lines(beside, quality_lines(self.cursor, indicator.id, freq), beside_subject)

    def _tables(
        self, indicator: Indicator, freq: str, extent: _Extent
    ) -> tuple[tuple[str, Subject], tuple[str, Subject]]:
        """Names and subjects of an indicator's tables of one frequency."""
        title = marked(indicator.title, is_test=self.request.is_test)
        flow = indicator.dataflow
        return (
            (f"data/ilostat/{indicator.id}_{freq}.csv", _subject(flow, indicator, title, extent)),
            (
                f"data/quality/{indicator.id}_{freq}_quality.csv",
                _subject(flow + TWIN_SUFFIX, indicator, twin_title(title), extent),
            ),
        )

    def _with_own_notes(self, list_id: str, lines: Iterator[str]) -> Iterator[str]:
        yield from lines
        if list_id == "NOTE":
            yield note_line(NOTE, NOTE_LABEL)
            if self.request.is_test:
                yield note_line(TEST_NOTE, TEST_TITLE)

    def _write_quality(self, told: QualityRows) -> None:
        subject = Subject(
            title=marked(QUALITY_TITLE, is_test=self.request.is_test),
            rows=len(told.rows),
            areas=told.areas,
            time_from=told.time_from,
            time_to=told.time_to,
        )
        self._lines(QUALITY_FILE, told.lines(), subject)

    def _write_structures(self) -> None:
        message = structure_message(
            [self.request.indicators[indicator_id] for indicator_id in self.all_by_indicator],
            self.request.code_lists,
            prepared=self.request.release_date,
            is_test=self.request.is_test,
            has_test_areas=self.has_test_areas,
        )
        body = structure_bytes(message)
        # Structures that did not change keep the message, and so the date, of the release before.
        before = self.earlier / STRUCTURES if self.earlier else None
        if before is not None and before.is_file():
            body_before = before.read_bytes()
            body = body_before if undated(body_before) == undated(body) else body
        self.put(STRUCTURES, write_blocks(self.building / STRUCTURES, [body]))

    def _toc_lines(self) -> Iterator[str]:
        """One line per file; files that did not change become links and keep their last update."""
        earlier = self.earlier
        contents = earlier / TOC if earlier else None
        before = {row["file"]: row for row in read_csv(contents)} if contents and contents.is_file() else {}
        status = self._withdrawn_parts()
        rows = [*self._tombstones()]
        for name, (written, subject) in self.written.items():
            last_update = self.request.release_date.isoformat()
            if earlier and name in before and before[name]["sha256"] == written.sha256:
                last_update = before[name]["last_update"]
                share(written.path, earlier / name, written.sha256)
            rows.append(
                {
                    **_about(name, subject),
                    "rows": "" if subject.rows is None else str(subject.rows),
                    "areas": "" if subject.areas is None else str(subject.areas),
                    "last_update": last_update,
                    "sha256": written.sha256,
                    "bytes": str(written.size),
                    **toc_status("rewritten" if name in status else "", status.get(name)),
                }
            )
        return csv_lines(TOC_COLUMNS, sorted(rows, key=lambda row: row["file"]))

    def _tombstones(self) -> Iterator[dict[str, str]]:
        """One line per file that is not here because its indicator is withdrawn."""
        gone = {item.indicator: item for item in self.withdrawals if item.is_whole}
        for (indicator_id, freq), extent in self.all_by_freq.items():
            if indicator_id in gone:
                yield from self._gone(self._tables(self.request.indicators[indicator_id], freq, extent), gone)
        for indicator_id, extent in self.all_by_indicator.items():
            if indicator_id in gone:
                yield from self._gone(self._messages(self.request.indicators[indicator_id], extent), gone)

    def _gone(self, files: Sequence[tuple[str, Subject]], gone: Mapping[str, Withdrawal]) -> Iterator[dict[str, str]]:
        for name, subject in files:
            yield {**_about(name, subject), **tombstone(gone[subject.indicator])}

    def _withdrawn_parts(self) -> dict[str, Withdrawal]:
        """File that was written without some values -> the withdrawal that took them out."""
        found: dict[str, Withdrawal] = {}
        for item in (item for item in self.withdrawals if not item.is_whole):
            here = f"SELECT DISTINCT indicator, freq FROM {TABLE} WHERE {key_sql(item)}"
            for indicator_id, freq in _fetch(self.cursor, here):
                indicator = self.request.indicators[indicator_id]
                files = (
                    *self._tables(indicator, freq, self.all_by_freq[indicator_id, freq]),
                    *self._messages(indicator, self.all_by_indicator[indicator_id]),
                )
                found.update({name: item for name, _ in files})
        return found


def note_line(code: str, label: Mapping[str, str]) -> str:
    """Return the line of a note of our own in the dictionary of notes."""
    return csv_line((code, label["en"], label["fr"], label["es"], "0", "N"))


def toc_status(status: str, item: Withdrawal | None) -> dict[str, str]:
    """Return the last columns of the table of contents."""
    reason = item.row()["reason"] if item else ""
    return {"status": status, "status_date": item.withdrawn_on if item else "", "status_reason": reason}


def tombstone(item: Withdrawal) -> dict[str, str]:
    """Return what the table of contents says of a file that is there no more, besides what it was about."""
    empty = dict.fromkeys(("rows", "areas", "sha256", "bytes"), "")
    return {**empty, "last_update": item.withdrawn_on, **toc_status("withdrawn", item)}


def _about(name: str, subject: Subject) -> dict[str, str]:
    return {
        "file": name,
        "dataflow": subject.dataflow,
        "indicator": subject.indicator,
        **{f"title_{language}": subject.title.get(language, "") for language in TITLE},
        "time_from": subject.time_from,
        "time_to": subject.time_to,
    }


def _subject(flow: str, indicator: Indicator, title: Mapping[str, str], extent: _Extent) -> Subject:
    return Subject(flow, indicator.id, title, extent.rows, extent.areas, extent.time_from, extent.time_to)


def _by_indicator(cursor: duckdb.DuckDBPyConnection) -> dict[str, _Extent]:
    return {key[0]: extent for key, extent in _extents(cursor, "indicator").items()}


def _extents(cursor: duckdb.DuckDBPyConnection, keys: str) -> dict[tuple[str, ...], _Extent]:
    """Extent of each group of rows, ordered by the group's keys."""
    count = len(keys.split(","))
    rows = _fetch(
        cursor,
        f"SELECT {keys}, count(*), count(DISTINCT ref_area), min(time), max(time) FROM {TABLE} "
        f"GROUP BY {keys} ORDER BY {keys}",
    )
    return {tuple(str(part) for part in row[:count]): _Extent(*row[count:]) for row in rows}


def _fetch(cursor: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return cursor.execute(query).fetchall()


def _availability_lines(
    cursor: duckdb.DuckDBPyConnection, files: Sequence[Path], withdrawals: Sequence[Withdrawal]
) -> Iterator[str]:
    """One line per indicator x area x survey x period, ordered by all columns."""
    if not files:
        return iter([csv_line(AVAILABILITY_COLUMNS)])
    columns = ", ".join(AVAILABILITY_COLUMNS)
    paths = ", ".join(literal(str(path)) for path in sorted(files))
    reason = "".join(f"WHEN {_gone_sql(item)} THEN {literal(item.row()['reason'])} " for item in withdrawals)
    state = "".join(f"WHEN {_gone_sql(item)} THEN 'withdrawn' " for item in withdrawals)
    told = ", ".join(AVAILABILITY_COLUMNS[:5])
    if withdrawals:
        told += f", CASE {state} ELSE availability END AS availability, CASE {reason} ELSE reason END AS reason"
    else:
        told = columns
    query = (
        f"SELECT {line_sql(AVAILABILITY_COLUMNS)} FROM "
        f"(SELECT DISTINCT {told} FROM read_parquet([{paths}])) ORDER BY {columns}"
    )
    try:
        cursor.sql(f"SELECT {columns} FROM read_parquet([{paths}]) LIMIT 0")
    except duckdb.Error:
        problem = Problem(
            "availability", None, "AVAILABILITY_UNREADABLE", "a file or a column is missing", "write it again"
        )
        raise InputError([problem]) from None
    return stream_lines(cursor, AVAILABILITY_COLUMNS, query)


def _gone_sql(item: Withdrawal) -> str:
    """SQL condition of the periods that a withdrawal names and that had figures."""
    return f"availability = 'published' AND {key_sql(item)}"
