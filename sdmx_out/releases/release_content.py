"""The files of a release, written into a folder that nobody sees yet.

Here belong in which order they are written, the table of contents and the facts of a release. Which files an indicator
has is said in ``release_messages``, what people read in ``release_documents``; how each file is spelled does not belong
here, nor does when the folder becomes public.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from sdmx.message import StructureMessage

from schemas.errors import InputError, Problem
from sdmx_out.catalogue import (
    TEST_AREAS,
    TEST_NOTE,
    TEST_TITLE,
    TWIN_SUFFIX,
    WITHDRAWN_LABEL,
    WITHDRAWN_NOTE,
    marked,
)
from sdmx_out.csv_text import csv_line, csv_lines, line_sql, literal, stream_lines
from sdmx_out.files import sync_tree, write_lines, write_text
from sdmx_out.ilostat_tables import dictionary_lines, indicator_lines
from sdmx_out.messages.dataflow import read_dataflow
from sdmx_out.published_rows import TABLE, load_rows, versions_used
from sdmx_out.quality import FILE as QUALITY_FILE
from sdmx_out.quality import LISTS as QUALITY_LISTS
from sdmx_out.quality import TITLE as QUALITY_TITLE
from sdmx_out.quality import QualityRows, load_quality
from sdmx_out.releases.changes import Change, change_lines, compare, count_changes
from sdmx_out.releases.protection_report import Report, public_summary
from sdmx_out.releases.release import (
    CHANGES,
    FACTS,
    PROVENANCE,
    README,
    STRUCTURES,
    STRUCTURES_30,
    STRUCTURES_JSON,
    TITLE,
    TOC,
    Request,
    content_sha256,
    json_text,
    read_facts,
    readme,
)
from sdmx_out.releases.release_documents import Documents
from sdmx_out.releases.release_folder import ReleaseFolder, Subject
from sdmx_out.releases.release_messages import (
    BULK,
    MAIN,
    QUALITY,
    DataFiles,
    Extent,
    extents,
    message_files,
    table_files,
)
from sdmx_out.releases.release_notes import FILES as NOTE_FILES
from sdmx_out.releases.release_notes import markdown as notes_text
from sdmx_out.releases.release_notes import page as notes_page
from sdmx_out.releases.release_notes import release_notes
from sdmx_out.releases.release_summary import summarise
from sdmx_out.releases.withdrawn import FILE as WITHDRAWALS
from sdmx_out.releases.withdrawn import Withdrawal, hit, key_sql, public_lines, take_out
from sdmx_out.structures.constraints import held_by_flow
from sdmx_out.structures.message import structure_bytes, structure_bytes_30, structure_json, undated
from sdmx_out.structures.providers import provided, providers_of
from sdmx_out.structures.release_structures import release_message

TOC_COLUMNS = (
    *("file", "dataflow", "indicator", "title_en", "title_fr", "title_es", "rows", "areas"),
    *("time_from", "time_to", "last_update", "sha256", "bytes", "status", "status_date", "status_reason"),
)
AVAILABILITY_COLUMNS = ("indicator", "ref_area", "survey", "freq", "time", "availability", "reason")
AVAILABILITY = "availability.csv"
#: Folders that every release has; what lies in others follows from them.
MAIN_FOLDERS = (f"{BULK}/", f"{QUALITY}/", f"{MAIN}/")
#: Indicators between two words on how far the writing is.
_TOLD_EVERY = 50
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


class ReleaseWriter:
    """Writes a release's files and remembers what each is about.

    Its steps are taken in order: ``write_content`` writes all that decides whether a release is a new one, ``content``
    is its hash, ``complete`` writes what follows from that and what tells of the release.
    """

    def __init__(
        self,
        request: Request,
        cursor: duckdb.DuckDBPyConnection,
        building: Path,
        earlier: Path | None,
        withdrawals: Sequence[Withdrawal],
    ) -> None:
        self.request, self.cursor = request, cursor
        self.folder = ReleaseFolder(building, earlier)
        indicators, code_lists, is_test = request.indicators, request.code_lists, request.is_test
        load_rows(cursor, request.tables, indicators=indicators, code_lists=code_lists, is_test=is_test)
        self.told = load_quality(cursor, request.quality, code_lists)
        self.areas = [row[0] for row in _fetch(cursor, f"SELECT DISTINCT ref_area FROM {TABLE} ORDER BY 1")]
        self.has_test_areas = bool(set(self.areas) & set(TEST_AREAS))
        self.versions = versions_used(cursor, code_lists)
        # What is withdrawn keeps its place in the contents and its structure, so that anybody can see that it was here.
        self.all_by_freq, self.all_by_indicator = _by_freq(cursor), _by_indicator(cursor)
        present = [indicators[indicator_id] for indicator_id in self.all_by_indicator]
        self.held = held_by_flow(cursor, present)
        self.provided = provided(cursor, present, providers_of(request.organisations))
        self.withdrawals = hit(cursor, withdrawals)
        take_out(cursor, self.withdrawals)
        self.by_freq, self.by_indicator = _by_freq(cursor), _by_indicator(cursor)
        facts = read_facts(earlier) if earlier else {}
        self.notes = {WITHDRAWN_NOTE: WITHDRAWN_LABEL} | ({TEST_NOTE: TEST_TITLE} if is_test else {})
        self.data = DataFiles(
            folder=self.folder,
            connection=cursor,
            flows={},
            status_map=request.status_map,
            code_lists=code_lists,
            notes=self.notes,
            release_date=request.release_date,
            earlier_date=date.fromisoformat(str(facts["release_date"])) if facts else None,
            is_test=is_test,
            is_same_writer=bool(facts) and facts.get("writer") == request.writer,
            is_full=request.is_full,
        )

    def write_content(self) -> None:
        """Write everything that decides whether a release is a new one."""
        request, folder = self.request, self.folder
        self._write_structures()
        for number, (indicator_id, extent) in enumerate(self.by_indicator.items(), start=1):
            self.data.write_messages(request.indicators[indicator_id], extent, self.withdrawals)
            if number % _TOLD_EVERY == 0 or number == len(self.by_indicator):
                request.told(f"release: messages of {number} of {len(self.by_indicator)} indicators")
        self.data.write_gone(request.indicators.values())
        for (indicator_id, freq), extent in self.by_freq.items():
            self.data.write_tables(request.indicators[indicator_id], freq, extent)
        for list_id in [*_PLAIN_LISTS, *self.versions]:
            lines = dictionary_lines(request.code_lists[list_id], has_test_areas=self.has_test_areas)
            folder.lines(f"dictionary/{list_id}.csv", self._with_own_notes(list_id, lines))
        folder.lines("dictionary/INDICATOR.csv", indicator_lines(request.indicators, is_test=request.is_test))
        folder.lines(AVAILABILITY, _availability_lines(self.cursor, request.availability, self.withdrawals))
        folder.lines(WITHDRAWALS, public_lines(self.withdrawals))
        self._write_quality(self.told)
        if request.is_full:
            self._documents().write_metadata(request.reports)

    @property
    def content(self) -> str:
        """Hash of the content."""
        hashes = {name: file.sha256 for name, (file, _) in self.folder.written.items()}
        return content_sha256(hashes, undated((self.folder.path / STRUCTURES).read_bytes()), self._named())

    def complete(self, release_id: str, content: str, joined: Report) -> tuple[dict[str, Any], list[Change]]:
        """Write documents, changes, provenance, README, contents and facts, and make all of it durable.

        Args:
            release_id: the folder's name once it is public.
            content: hash of the content.
            joined: protection reports, joined.

        Returns:
            What `release.json` says, and the changed cells.
        """
        request, building, earlier = self.request, self.folder.path, self.folder.earlier
        if request.is_full:
            request.told("release: workbooks and country profiles")
            documents = self._documents()
            documents.write_area_documents(request.availability, building / AVAILABILITY)
            documents.write_indicator_workbooks()
        changes = compare(earlier, building) if earlier else []
        self.folder.lines(CHANGES, change_lines(changes))
        self.folder.text(PROVENANCE, json_text(request.provenance))
        is_correction = any(change.kind in ("revised", "withdrawn") for change in changes)
        facts = {
            "release_id": release_id,
            **self._named(),
            "release_date": request.release_date.isoformat(),
            "content_sha256": content,
            "writer": request.writer,
            "previous": earlier.name if earlier else None,
            "corrects": earlier.name if earlier and is_correction else None,
            "rows": sum(extent.rows for extent in self.by_indicator.values()),
            "indicators": sorted(self.by_indicator),
            "areas": self.areas,
            "changes": count_changes(changes),
            "protection": public_summary(*self._counts(), joined),
            "withdrawals": [item.row() for item in self.withdrawals],
        }
        if request.is_full:
            self._write_notes(facts, changes)
        self.folder.text(README, readme(facts))
        toc = write_lines(building / TOC, self._toc_lines())
        facts |= {"files": len(self.folder.written) + 2, "toc_sha256": toc.sha256}
        write_text(building / FACTS, json_text(facts))
        sync_tree(building)
        return facts, changes

    def _write_notes(self, facts: Mapping[str, Any], changes: Sequence[Change]) -> None:
        """Write what is new, revised and withdrawn since the release before, in all languages."""
        summary = summarise(facts, changes, self.withdrawals, self.folder.earlier, self.folder.path)
        for language, (page, text) in NOTE_FILES.items():
            told = release_notes(summary, self.request.indicators, self.request.code_lists, language)
            self.folder.text(page, notes_page(told))
            self.folder.lines(text, notes_text(told))

    def _documents(self) -> Documents:
        request = self.request
        return Documents(
            self.folder, self.cursor, request.indicators, request.code_lists, self.areas, list(self.by_indicator),
            request.release_date, is_test=request.is_test, is_draft=request.draft,
            is_same_writer=self.data.is_same_writer,
        )  # fmt: skip

    def _named(self) -> dict[str, object]:
        title = marked(self.request.title, is_test=self.request.is_test)
        formats = "all" if self.request.is_full else "tables"
        return {"kind": self.request.kind, "draft": self.request.draft, "title": title, "formats": formats}

    def _counts(self) -> tuple[dict[str, int], int]:
        """Rows without a value by reason, and the number of rows with one."""
        query = f"SELECT reason, count(*) FROM {TABLE} WHERE obs_value IS NULL GROUP BY reason"
        hidden = {str(reason): int(count) for reason, count in _fetch(self.cursor, query)}
        shown = _fetch(self.cursor, f"SELECT count(obs_value) FROM {TABLE}")[0][0]
        return hidden, int(shown)

    def _with_own_notes(self, list_id: str, lines: Iterator[str]) -> Iterator[str]:
        yield from lines
        if list_id == "NOTE":
            for note, label in self.notes.items():
                yield note_line(note, label)

    def _write_quality(self, told: QualityRows) -> None:
        subject = Subject(
            title=marked(QUALITY_TITLE, is_test=self.request.is_test),
            rows=len(told.rows),
            areas=told.areas,
            time_from=told.time_from,
            time_to=told.time_to,
        )
        self.folder.lines(QUALITY_FILE, told.lines(), subject)

    def _write_structures(self) -> None:
        """Write the structures; where nothing in them changed, those of the release before with their date."""
        request = self.request
        chosen = [request.indicators[indicator_id] for indicator_id in self.all_by_indicator]
        message = release_message(
            chosen,
            request.code_lists,
            request.status_map,
            prepared=request.release_date,
            is_test=request.is_test,
            has_test_areas=self.has_test_areas,
            held=self.held,
            provided=self.provided,
        )
        self.data.flows = {name: read_dataflow(flow) for name, flow in message.dataflow.items()}
        body = structure_bytes(message)
        before = self.folder.earlier / STRUCTURES if self.folder.earlier else None
        is_unchanged = before is not None and before.is_file() and undated(before.read_bytes()) == undated(body)
        if not (is_unchanged and self.folder.taken_over(STRUCTURES)):
            self.folder.blocks(STRUCTURES, [body])
        if not request.is_full:
            return
        is_kept = is_unchanged and self.data.is_same_writer
        for name, writer in ((STRUCTURES_30, structure_bytes_30), (STRUCTURES_JSON, structure_json)):

            def made(writer: Callable[[StructureMessage], bytes] = writer) -> Iterator[bytes]:
                yield writer(message)

            self.folder.derived(name, made, is_unchanged=is_kept)

    def _toc_lines(self) -> Iterator[str]:
        """One line per file; files that did not change become links and keep their last update."""
        status = self._withdrawn_parts()
        rows = [*self._tombstones()]
        for name, (written, subject) in self.folder.written.items():
            rows.append(
                {
                    **_about(name, subject),
                    "rows": "" if subject.rows is None else str(subject.rows),
                    "areas": "" if subject.areas is None else str(subject.areas),
                    "last_update": self.folder.last_update(name, self.request.release_date.isoformat()),
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
                indicator = self.request.indicators[indicator_id]
                subject, beside = self.data.subjects(indicator, extent)
                for name in self._kept(table_files(indicator_id, freq)):
                    about = beside if name.startswith(f"{QUALITY}/") else subject
                    yield {**_about(name, about), **tombstone(gone[indicator_id])}
        for indicator_id, extent in self.all_by_indicator.items():
            if indicator_id in gone:
                for subject in self.data.subjects(self.request.indicators[indicator_id], extent):
                    for name in self._kept(message_files(subject.dataflow)):
                        yield {**_about(name, subject), **tombstone(gone[indicator_id])}

    def _withdrawn_parts(self) -> dict[str, Withdrawal]:
        """File that was written without some values -> the withdrawal that took them out."""
        found: dict[str, Withdrawal] = {}
        for item in (item for item in self.withdrawals if not item.is_whole):
            here = f"SELECT DISTINCT indicator, freq FROM {TABLE} WHERE {key_sql(item)}"
            for indicator_id, freq in _fetch(self.cursor, here):
                flow = self.request.indicators[indicator_id].dataflow
                names = (
                    *table_files(indicator_id, freq), *message_files(flow), *message_files(flow + TWIN_SUFFIX),
                )  # fmt: skip
                found.update(dict.fromkeys(names, item))
        return found

    def _kept(self, names: Iterator[str]) -> Iterator[str]:
        """Those files that this release would have."""
        return names if self.request.is_full else (name for name in names if name.startswith(MAIN_FOLDERS))


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


def _by_indicator(cursor: duckdb.DuckDBPyConnection) -> dict[str, Extent]:
    return {key[0]: extent for key, extent in extents(cursor, "indicator").items()}


def _by_freq(cursor: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], Extent]:
    return {(key[0], key[1]): extent for key, extent in extents(cursor, "indicator, freq").items()}


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
