"""A release: an immutable folder with everything that the public gets, and what it came from.

Here belong the folder's layout, its identity and how it appears in one step. How each file is spelled
does not belong here. A release is built under a temporary name beside the others and renamed when it is
whole; a process that dies leaves nothing but that temporary folder, which the next call removes.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb

from schemas.codes import CodeList, SdmxStatus
from schemas.errors import InputError, Problem
from schemas.indicators import Indicator
from sdmx_out.catalogue import (
    TEST_AREAS,
    TEST_NOTE,
    TEST_TITLE,
    TWIN_SUFFIX,
    marked,
    twin_title,
)
from sdmx_out.changes import Change, change_lines, compare, count_changes
from sdmx_out.csv_text import csv_line, csv_lines, line_sql, literal, read_csv, stream_lines
from sdmx_out.files import (
    TEMPORARY_PREFIX,
    Written,
    locked,
    point,
    remove_leftovers,
    share,
    sync_folder,
    sync_tree,
    write_blocks,
    write_lines,
    write_text,
)
from sdmx_out.ilostat_tables import bulk_lines, dictionary_lines, indicator_lines, quality_lines
from sdmx_out.messages import data_lines, twin_lines
from sdmx_out.published_rows import TABLE, load_rows, versions_used
from sdmx_out.quality import FILE as QUALITY_FILE
from sdmx_out.quality import LISTS as QUALITY_LISTS
from sdmx_out.quality import TITLE as QUALITY_TITLE
from sdmx_out.quality import QualityRows, load_quality
from sdmx_out.structures import structure_bytes, structure_message, undated

Kind = Literal["default", "test"]
LATEST: dict[Kind, str] = {"default": "latest", "test": "latest-test"}
TEST_PREFIX = "test-"
TITLE = {
    "en": "Labour migration statistics",
    "fr": "Statistiques de migration de main-d'œuvre",
    "es": "Estadísticas de migración laboral",
}
TOC_COLUMNS = (
    *("file", "dataflow", "indicator", "title_en", "title_fr", "title_es", "rows", "areas"),
    *("time_from", "time_to", "last_update", "sha256", "bytes"),
)
AVAILABILITY_COLUMNS = ("indicator", "ref_area", "survey", "freq", "time", "availability", "reason")
STRUCTURES = "structure/structures.xml"
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
class ReleaseResult:
    """What a call to `write_release` came to.

    Attributes:
        folder: the release that holds these numbers, new or not.
        is_new: whether a folder was made.
        files: number of files in it.
        rows: number of cells, suppressed ones included.
        indicators: number of indicators with at least one row.
        areas: number of areas with at least one row.
        changes: cells by kind of change since the release before; empty for a first release.
    """

    folder: Path
    is_new: bool
    files: int
    rows: int
    indicators: int
    areas: int
    changes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Subject:
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


def write_release(
    candidates: Sequence[Path],
    availability: Sequence[Path],
    target_root: Path,
    *,
    connection: duckdb.DuckDBPyConnection,
    indicators: Mapping[str, Indicator],
    code_lists: Mapping[str, CodeList],
    status_map: Mapping[str, SdmxStatus],
    release_date: date,
    provenance: Mapping[str, object],
    draft: bool,
    kind: Kind = "default",
    title: Mapping[str, str] = TITLE,
    quality: Sequence[Path] = (),
) -> ReleaseResult:
    """Write one release folder, or find that there is nothing new.

    Args:
        candidates: Parquet files of protected estimates, one row per cell.
        availability: Parquet files that say what is published and why the rest is not.
        target_root: the folder of all releases; made if it is missing.
        connection: DuckDB, allowed to read the files; temporary tables live on a cursor of it.
        indicators: the whole catalogue of indicators by id.
        code_lists: all code lists by id.
        status_map: ILOSTAT's status letter, '' included -> its codes in the cross-domain lists.
        release_date: the only date that a release knows.
        provenance: files, specifications and code that the numbers came from; JSON values.
        draft: whether the release says that it is not final.
        kind: `test` marks titles, sources and notes, and has its own `latest-test`.
        title: of the release, by language.
        quality: Parquet files of the coverage and quality of rounds.

    Returns:
        The folder and its figures; `is_new` is False when the latest release of this kind already holds
        the same content, whatever its date.

    Raises:
        InputError: the candidates or the facts of quality cannot be released.
    """
    with locked(target_root), connection.cursor() as cursor:
        remove_leftovers(target_root)
        load_rows(cursor, candidates, indicators=indicators, code_lists=code_lists, is_test=kind == "test")
        told = load_quality(cursor, quality, code_lists)
        earlier = latest_release(target_root, kind)
        building = target_root / f"{TEMPORARY_PREFIX}release"
        building.mkdir()
        writer = _Writer(cursor, building, indicators, code_lists, status_map, kind == "test")
        writer.write_content(availability, told, release_date, earlier)
        content = _content_hash(writer.written, building, kind=kind, draft=draft, title=title)
        known = _same_content(target_root, kind, content, earlier)
        if known is not None:
            remove_leftovers(target_root)
            if known != earlier:
                point(target_root / LATEST[kind], known.name)
            return _result(known, is_new=False)
        changes = compare(earlier, building) if earlier else []
        writer.put("changes.csv", write_lines(building / "changes.csv", change_lines(changes)))
        writer.put("provenance.json", write_text(building / "provenance.json", _json(provenance)))
        release_id = f"{TEST_PREFIX if kind == 'test' else ''}{release_date.isoformat()}-{content[:10]}"
        facts = {
            "release_id": release_id,
            "kind": kind,
            "draft": draft,
            "title": marked(title, is_test=kind == "test"),
            "release_date": release_date.isoformat(),
            "content_sha256": content,
            "previous": earlier.name if earlier else None,
            **writer.figures(),
            "changes": count_changes(changes),
        }
        writer.put("README.txt", write_text(building / "README.txt", _readme(facts)))
        toc = write_lines(building / "toc.csv", writer.toc_lines(release_date, earlier))
        facts |= {"files": len(writer.written) + 2, "toc_sha256": toc.sha256}
        write_text(building / "release.json", _json(facts))
        sync_tree(building)
        folder = target_root / release_id
        building.rename(folder)
        sync_folder(target_root)
        point(target_root / LATEST[kind], release_id)
        return _result(folder, is_new=True, changes=changes)


def latest_release(target_root: Path, kind: Kind) -> Path | None:
    """Folder of the latest release of a kind, or None."""
    link = target_root / LATEST[kind]
    return target_root / link.readlink().name if link.is_symlink() and link.is_dir() else None


def read_facts(folder: Path) -> dict[str, object]:
    """What `release.json` says."""
    facts: dict[str, object] = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    return facts


class _Writer:
    """Writes a release's files and remembers what each is about."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        building: Path,
        indicators: Mapping[str, Indicator],
        code_lists: Mapping[str, CodeList],
        status_map: Mapping[str, SdmxStatus],
        is_test: bool,
    ) -> None:
        self.cursor, self.building, self.is_test = cursor, building, is_test
        self.indicators, self.code_lists, self.status_map = indicators, code_lists, status_map
        self.written: dict[str, tuple[Written, _Subject]] = {}
        self.areas = [row[0] for row in _fetch(cursor, f"SELECT DISTINCT ref_area FROM {TABLE} ORDER BY 1")]
        self.has_test_areas = bool(set(self.areas) & set(TEST_AREAS))
        self.by_freq = _extents(cursor, "indicator, freq")
        self.by_indicator = {key[0]: extent for key, extent in _extents(cursor, "indicator").items()}

    def put(self, name: str, written: Written, subject: _Subject | None = None) -> None:
        """Remember a file by its name inside the release."""
        self.written[name] = (written, subject or _Subject())

    def write_content(
        self, availability: Sequence[Path], quality: QualityRows, release_date: date, earlier: Path | None
    ) -> None:
        """Write everything that decides whether a release is a new one."""
        for indicator_id, extent in self.by_indicator.items():
            self._write_messages(self.indicators[indicator_id], extent)
        for (indicator_id, freq), extent in self.by_freq.items():
            self._write_tables(self.indicators[indicator_id], freq, extent)
        for list_id in [*_PLAIN_LISTS, *versions_used(self.cursor, self.code_lists)]:
            lines = dictionary_lines(self.code_lists[list_id], has_test_areas=self.has_test_areas)
            self._lines(f"dictionary/{list_id}.csv", self._with_test_note(list_id, lines))
        self._lines("dictionary/INDICATOR.csv", indicator_lines(self.indicators, is_test=self.is_test))
        self._lines("availability.csv", _availability_lines(self.cursor, availability))
        subject = _Subject(
            title=marked(QUALITY_TITLE, is_test=self.is_test),
            rows=len(quality.rows),
            areas=quality.areas,
            time_from=quality.time_from,
            time_to=quality.time_to,
        )
        self._lines(QUALITY_FILE, quality.lines(), subject)
        self._write_structures(release_date, earlier)

    def _lines(self, name: str, lines: Iterator[str], subject: _Subject | None = None) -> None:
        self.put(name, write_lines(self.building / name, lines), subject)

    def _write_messages(self, indicator: Indicator, extent: _Extent) -> None:
        title = marked(indicator.title, is_test=self.is_test)
        lines = data_lines(self.cursor, indicator)
        flow = indicator.dataflow
        self._lines(f"data/sdmx-csv/{flow}.csv", lines, _subject(flow, indicator, title, extent))
        flow += TWIN_SUFFIX
        lines = twin_lines(self.cursor, indicator, self.status_map)
        self._lines(f"data/sdmx-csv/{flow}.csv", lines, _subject(flow, indicator, twin_title(title), extent))

    def _write_tables(self, indicator: Indicator, freq: str, extent: _Extent) -> None:
        title = marked(indicator.title, is_test=self.is_test)
        subject = _subject(indicator.dataflow, indicator, title, extent)
        lines = bulk_lines(self.cursor, indicator.id, freq)
        self._lines(f"data/ilostat/{indicator.id}_{freq}.csv", lines, subject)
        subject = _subject(indicator.dataflow + TWIN_SUFFIX, indicator, twin_title(title), extent)
        lines = quality_lines(self.cursor, indicator.id, freq)
        self._lines(f"data/quality/{indicator.id}_{freq}_quality.csv", lines, subject)

    def _with_test_note(self, list_id: str, lines: Iterator[str]) -> Iterator[str]:
        yield from lines
        if list_id == "NOTE" and self.is_test:
            yield csv_line((TEST_NOTE, TEST_TITLE["en"], TEST_TITLE["fr"], TEST_TITLE["es"], "0", "N"))

    def _write_structures(self, release_date: date, earlier: Path | None) -> None:
        message = structure_message(
            [self.indicators[indicator_id] for indicator_id in self.by_indicator],
            self.code_lists,
            prepared=release_date,
            is_test=self.is_test,
            has_test_areas=self.has_test_areas,
        )
        body = structure_bytes(message)
        # Structures that did not change keep the message, and so the date, of the release before.
        before = earlier / STRUCTURES if earlier else None
        if before is not None and before.is_file():
            body_before = before.read_bytes()
            body = body_before if undated(body_before) == undated(body) else body
        self.put(STRUCTURES, write_blocks(self.building / STRUCTURES, [body]))

    def figures(self) -> dict[str, object]:
        """Counts and names for release.json."""
        return {
            "rows": sum(extent.rows for extent in self.by_indicator.values()),
            "indicators": sorted(self.by_indicator),
            "areas": self.areas,
        }

    def toc_lines(self, release_date: date, earlier: Path | None) -> Iterator[str]:
        """One line per file; files that did not change become links and keep their last update."""
        contents = earlier / "toc.csv" if earlier else None
        before = {row["file"]: row for row in read_csv(contents)} if contents and contents.is_file() else {}
        rows = []
        for name, (written, subject) in sorted(self.written.items()):
            last_update = release_date.isoformat()
            if earlier and name in before and before[name]["sha256"] == written.sha256:
                last_update = before[name]["last_update"]
                share(written.path, earlier / name, written.sha256)
            rows.append(
                {
                    "file": name,
                    "dataflow": subject.dataflow,
                    "indicator": subject.indicator,
                    **{f"title_{language}": subject.title.get(language, "") for language in TITLE},
                    "rows": "" if subject.rows is None else str(subject.rows),
                    "areas": "" if subject.areas is None else str(subject.areas),
                    "time_from": subject.time_from,
                    "time_to": subject.time_to,
                    "last_update": last_update,
                    "sha256": written.sha256,
                    "bytes": str(written.size),
                }
            )
        return csv_lines(TOC_COLUMNS, rows)


def _subject(flow: str, indicator: Indicator, title: Mapping[str, str], extent: _Extent) -> _Subject:
    return _Subject(flow, indicator.id, title, extent.rows, extent.areas, extent.time_from, extent.time_to)


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


def _availability_lines(cursor: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Iterator[str]:
    """One line per indicator x area x survey x period, ordered by all columns."""
    if not files:
        return iter([csv_line(AVAILABILITY_COLUMNS)])
    columns = ", ".join(AVAILABILITY_COLUMNS)
    paths = ", ".join(literal(str(path)) for path in sorted(files))
    query = (
        f"SELECT {line_sql(AVAILABILITY_COLUMNS)} FROM "
        f"(SELECT DISTINCT {columns} FROM read_parquet([{paths}])) ORDER BY {columns}"
    )
    try:
        cursor.sql(f"SELECT {columns} FROM read_parquet([{paths}]) LIMIT 0")
    except duckdb.Error:
        problem = Problem(
            "availability", None, "AVAILABILITY_UNREADABLE", "a file or a column is missing", "write it again"
        )
        raise InputError([problem]) from None
    return stream_lines(cursor, AVAILABILITY_COLUMNS, query)


def _content_hash(
    written: Mapping[str, tuple[Written, _Subject]],
    building: Path,
    *,
    kind: Kind,
    draft: bool,
    title: Mapping[str, str],
) -> str:
    """SHA-256 of the names and hashes of all content; structures count without their date."""
    hashes = {name: file.sha256 for name, (file, _) in written.items()}
    hashes[STRUCTURES] = hashlib.sha256(undated((building / STRUCTURES).read_bytes())).hexdigest()
    told = {"kind": kind, "draft": draft, "title": dict(title), "files": hashes}
    return hashlib.sha256(_json(told).encode()).hexdigest()


def _same_content(target_root: Path, kind: Kind, content: str, earlier: Path | None) -> Path | None:
    """A release with this content that is the latest, or that was made but never became the latest."""
    latest = earlier.name if earlier else None
    for path in sorted(target_root.glob("*/release.json")):
        if path.parent.is_symlink():
            continue
        facts = read_facts(path.parent)
        is_current = facts["release_id"] == latest or facts["previous"] == latest
        if facts["kind"] == kind and facts["content_sha256"] == content and is_current:
            return path.parent
    return None


def _result(folder: Path, *, is_new: bool, changes: Sequence[Change] = ()) -> ReleaseResult:
    facts = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    totals: dict[str, int] = {}
    for change in changes:
        totals[change.kind] = totals.get(change.kind, 0) + 1
    return ReleaseResult(
        folder=folder,
        is_new=is_new,
        files=facts["files"],
        rows=facts["rows"],
        indicators=len(facts["indicators"]),
        areas=len(facts["areas"]),
        changes=dict(sorted(totals.items())),
    )


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _readme(facts: Mapping[str, object]) -> str:
    title = facts["title"]
    notes = []
    if facts["kind"] == "test":
        notes.append("TEST EXTRACT: computed from files that are no national data. Not a national statistic.")
    areas = facts["areas"]
    if isinstance(areas, list) and (invented := sorted(set(areas) & set(TEST_AREAS))):
        notes.append(f"SYNTHETIC: {' and '.join(invented)} are invented countries; their figures describe nobody.")
    if facts["draft"]:
        notes.append("DRAFT: these numbers are not final and must not be cited.")
    return _README.format(
        title=title["en"] if isinstance(title, dict) else "",
        release_id=facts["release_id"],
        release_date=facts["release_date"],
        notes="".join(f"{note}\n" for note in notes) and "\n" + "".join(f"{note}\n" for note in notes),
    )


_README = """{title}
Release {release_id} of {release_date}
{notes}
What is here
  toc.csv            one line per file: rows, areas, periods, last update, sha256
  availability.csv   what is published and, for the rest, why it is not
  quality.csv        coverage and quality of every round behind the figures: response, proxies, unknown birth and
                     citizenship, calibration (items: dictionary/QUALITY_ITEM.csv; totals in thousands)
  data/ilostat/      one file per indicator and frequency, in the columns of ILOSTAT's bulk download
  data/quality/      beside each: standard error, 95 % limits, CV, degrees of freedom, p-value, method, status
  data/sdmx-csv/     SDMX-CSV 1.0: DF_<indicator> has the values, DF_<indicator>_SE the standard errors
  structure/         SDMX-ML 2.1 structures of both
  dictionary/        codes with English, French and Spanish labels
  changes.csv        cells that are new, revised, withdrawn or flagged since the release before
  provenance.json    files, specifications and code that the numbers came from
  release.json       this release in figures, and the release before

How to read
  Counts are in thousands with 3 decimals (unit multiplier 3); rates are in per cent, differences of rates in points.
  Differences, gaps, changes and net flows may be below 0. Their p_value is of a two-sided t test of 0 (6 decimals);
  significance says `significant` below 0.05. They have no CV.
  Notes (note_source, note_indicator) are codes of dictionary/NOTE.csv, joined by `_`; those of ILMS are our own.
  Standard errors and limits have 6 significant digits, in the unit of the value.
  An empty obs_value is suppressed (obs_status S or C); whether it is unreliable or confidential stands in
  data/quality/ (reason, conf_status). U marks a published value of low reliability.
  A line of data/quality/ and the line at the same place in data/ilostat/ describe the same cell.
  A file never changes; `latest` points to the newest release.
"""
