"""Taking published cells back: out of every release, and with a trace.

A withdrawn indicator loses its files. A withdrawal of one area or period empties its cells in the tables and in
SDMX-CSV 1.0, and takes away the other formats, which follow from these. Workbooks and profiles of the areas, and the
notes on the release, go as well: the next release has them without the cells. Each release that held the cells says
so: in its table of contents, in ``withdrawals.csv``, ``availability.csv``, ``changes.csv``, README and
``release.json``. Every file is written anew under a temporary name and put in place, so that no hard link keeps the old
bytes; the order is such that an interrupted withdrawal is taken up where it stopped. Internal tables keep their
figures. Callers hold the lock of the releases.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdmx_out.catalogue import WITHDRAWN_LABEL, WITHDRAWN_NOTE
from sdmx_out.csv_text import csv_lines, read_csv
from sdmx_out.files import Written, remove_leftovers, sha256_of, share, sync_tree, write_lines, write_text
from sdmx_out.releases.candidates import all_candidates, folder_of, read_report
from sdmx_out.releases.changes import CHANGES as KINDS
from sdmx_out.releases.changes import COLUMNS as CHANGE_COLUMNS
from sdmx_out.releases.places import Places, write_private
from sdmx_out.releases.protection_report import FILE as REPORT
from sdmx_out.releases.protection_report import PAGE, as_bytes, page, without_values
from sdmx_out.releases.release import CHANGES, FACTS, README, STRUCTURES, TOC, content_sha256, json_text, read_facts
from sdmx_out.releases.release_content import AVAILABILITY, NOTES, TOC_COLUMNS, note_line, toc_status, tombstone
from sdmx_out.releases.release_notes import FOLDER as NOTES_FOLDER
from sdmx_out.releases.withdrawn import (
    FILE,
    REASON,
    STATUS,
    Withdrawal,
    emptied,
    in_force,
    public_lines,
    read_public,
    write_in_force,
)
from sdmx_out.structures.message import undated

_BULK, _QUALITY, _SDMX = "data/ilostat/", "data/quality/", "data/sdmx-csv/"
#: Formats of a release that lost files which follow from others; a release has `all` or `tables` when it is made.
INCOMPLETE = "incomplete"
_CELL = ("ref_area", "time", "sex", "classif1", "classif2")

Row = dict[str, str]
Contents = dict[str, Row]


@dataclass
class Taken:
    """What a withdrawal came to.

    Attributes:
        releases: releases that held such cells.
        removed: number of files removed, all releases together.
        rewritten: number of files written without the cells.
        held: files removed or replaced of which another name outside the releases still keeps the bytes.
    """

    releases: list[str] = field(default_factory=list)
    removed: int = 0
    rewritten: int = 0
    held: list[str] = field(default_factory=list)


def is_published(folder: Path, wanted: Withdrawal) -> bool:
    """Whether a release has a value in a cell that would be withdrawn."""
    return bool(_published_cells(folder, wanted))


def find(places: Places, key: tuple[str, str, str]) -> Withdrawal | None:
    """Return the withdrawal in force of an indicator, area and period, or None."""
    return next((item for item in in_force(places.withdrawn) if item.key == key), None)


def end(places: Places, ended: Withdrawal) -> None:
    """Let later releases publish the cells again."""
    write_in_force(places.withdrawn, [item for item in in_force(places.withdrawn) if item != ended])


def take_out_everywhere(places: Places, wanted: Withdrawal) -> Taken:
    """Put a withdrawal in force and take its cells out of every release and every report."""
    before = [item for item in in_force(places.withdrawn) if item.key != wanted.key]
    write_in_force(places.withdrawn, [*before, wanted], [wanted])
    taken = _apply(places, wanted)
    write_in_force(places.withdrawn, [*before, wanted])
    return taken


def finish(places: Places) -> None:
    """Take up withdrawals that were interrupted."""
    for wanted in in_force(places.withdrawn, "applying"):
        _apply(places, wanted)
        rest = [item for item in in_force(places.withdrawn, "applying") if item != wanted]
        write_in_force(places.withdrawn, in_force(places.withdrawn), rest)


def _apply(places: Places, wanted: Withdrawal) -> Taken:
    remove_leftovers(places.candidates)
    remove_leftovers(places.releases)
    taken = Taken()
    shared: dict[str, Path] = {}
    for folder in places.release_folders():
        is_begun = wanted in read_public(folder)
        is_done = is_begun and wanted.row() in _told(folder)
        if not is_done and (is_begun or _published_cells(folder, wanted)):
            _Rewriting(folder, wanted, taken, shared).run()
    for candidate in all_candidates(places):
        report = read_report(places, candidate.id)
        if report is None or not (folder_of(places, candidate) / PAGE).is_file():
            continue
        kept = without_values(report, lambda row: wanted.covers(row["indicator"], row["ref_area"], row["time"]))
        if kept != report:
            write_private(folder_of(places, candidate) / REPORT, as_bytes(kept))
            write_private(folder_of(places, candidate) / PAGE, page(kept).encode())
    return taken


def _told(folder: Path) -> list[Any]:
    told = read_facts(folder).get("withdrawals")
    return told if isinstance(told, list) else []


def _published_cells(folder: Path, wanted: Withdrawal) -> list[tuple[str, Row]]:
    """Frequency and bulk row of every published cell that a withdrawal covers in a release."""
    found = []
    for path in sorted((folder / _BULK).glob(f"{wanted.indicator}_?.csv")):
        freq = path.stem.rsplit("_", 1)[1]
        found += [(freq, row) for row in read_csv(path) if row["obs_value"] and _is_covered(wanted, row)]
    return found


def _is_covered(wanted: Withdrawal, row: Row) -> bool:
    area = row.get("ref_area", row.get("REF_AREA", ""))
    return wanted.covers(wanted.indicator, area, row.get("time", row.get("TIME_PERIOD", "")))


class _Rewriting:
    """One release without the cells of one withdrawal.

    The bulk files come last of the data, because they tell which cells were published; `release.json` comes last of
    all, because it tells that everything before was done.
    """

    def __init__(self, folder: Path, wanted: Withdrawal, taken: Taken, shared: dict[str, Path]) -> None:
        self.folder, self.wanted, self.taken, self.shared = folder, wanted, taken, shared
        self.cells = _published_cells(folder, wanted)
        self.toc: Contents = {
            row["file"]: {column: row.get(column) or "" for column in TOC_COLUMNS} for row in read_csv(folder / TOC)
        }

    def run(self) -> None:
        """Take the cells out, and say so."""
        self._withdrawals()
        self._lines(CHANGES, self._changes)
        self._lines(AVAILABILITY, self._availability)
        self._notes()
        names = [name for name, row in self.toc.items() if row["indicator"] == self.wanted.indicator]
        for name in sorted({*names, *self._documents()}, key=lambda name: (name.startswith(_BULK), name)):
            if self.wanted.is_whole or not name.startswith((_BULK, _QUALITY, _SDMX)):
                self._remove(name)
            else:
                self._lines(name, self._emptied)
        self._readme()
        self._facts()
        sync_tree(self.folder)
        self.taken.releases.append(self.folder.name)

    def _documents(self) -> list[str]:
        """What people read of the areas whose cells are taken out: the next release has it without them."""
        areas = {cell["ref_area"] for _, cell in self.cells}
        starts = tuple(f"{folder}/{area}_" for area in areas for folder in ("profiles", "workbooks"))
        return [
            name for name, row in self.toc.items() if name.startswith((*starts, f"{NOTES_FOLDER}/")) and row["sha256"]
        ]

    def _has_lost_files(self) -> bool:
        """Whether files went that a release without the cells would have."""
        return any(row["status"] == REASON and row["indicator"] not in self._withdrawn() for row in self.toc.values())

    def _withdrawn(self) -> set[str]:
        """Indicators that are withdrawn as a whole: they have no files any more."""
        return {item.indicator for item in (*read_public(self.folder), self.wanted) if item.is_whole}

    # --- one file

    def _remove(self, name: str) -> None:
        path = self.folder / name
        if path.is_file():
            with path.open("rb") as old:
                path.unlink()
                self._note_held(name, old.fileno())
            self.taken.removed += 1
        self.toc[name] |= tombstone(self.wanted)

    def _lines(self, name: str, change: Callable[[Sequence[Row], Path], list[Row]]) -> None:
        """Write a CSV file anew if a row of it changes."""
        path = self.folder / name
        if not path.is_file():
            return
        rows = list(read_csv(path))
        new = change(rows, path)
        columns = list(rows[0]) if rows else list(CHANGE_COLUMNS)
        if new == rows:
            self._take_over(name, path)
            return
        with path.open("rb") as old:
            written = write_lines(path, csv_lines(columns, new))
            self._share(written)
            self._note_held(name, old.fileno())
        self._say(name, written)
        self.taken.rewritten += 1

    def _take_over(self, name: str, path: Path) -> None:
        """Tell of a file that an interrupted withdrawal wrote before it came to the contents."""
        digest = sha256_of(path)
        if name in self.toc and self.toc[name]["sha256"] != digest:
            self._say(name, Written(path, digest, path.stat().st_size))

    def _share(self, written: Written) -> None:
        """Let releases that hold the same new bytes hold them once."""
        known = self.shared.setdefault(written.sha256, written.path)
        if known != written.path:
            share(written.path, known, written.sha256)

    def _say(self, name: str, written: Written) -> None:
        self.toc.setdefault(name, dict.fromkeys(TOC_COLUMNS, "") | {"file": name})
        self.toc[name] |= {
            "last_update": self.wanted.withdrawn_on,
            "sha256": written.sha256,
            "bytes": str(written.size),
            **toc_status("rewritten", self.wanted),
        }

    def _note_held(self, name: str, descriptor: int) -> None:
        """Remember a file whose bytes are kept by a name that is no release's, once all releases were seen."""
        status = os.fstat(descriptor)
        same = f" {status.st_dev}:{status.st_ino}"
        self.taken.held = [item for item in self.taken.held if not item.endswith(same)]
        if status.st_nlink:
            self.taken.held.append(f"{self.folder.name}/{name}{same}")

    # --- what the files say

    def _emptied(self, rows: Sequence[Row], path: Path) -> list[Row]:
        published: list[bool]
        if path.parent.name == "quality":
            bulk = self.folder / _BULK / f"{path.stem.removesuffix('_quality')}.csv"
            published = [bool(row["obs_value"]) for row in read_csv(bulk)]
        else:
            # In the twin dataflow a figure without standard error is published as well.
            published = [
                bool(row.get("obs_value") or row.get("OBS_VALUE"))
                or ("CONF_STATUS" in row and row["OBS_STATUS"] == "O")
                for row in rows
            ]
        return [
            emptied(row) if is_published and _is_covered(self.wanted, row) else row
            for row, is_published in zip(rows, published, strict=True)
        ]

    def _changes(self, rows: Sequence[Row], _: Path) -> list[Row]:
        """Without the numbers of withdrawn cells; each stands there as withdrawn."""
        found: dict[tuple[str, ...], Row] = {}
        for row in rows:
            found[_change_key(row)] = row
        blank = {"change": "withdrawn", "obs_value_before": "", "obs_value": ""}
        after = "" if self.wanted.is_whole else STATUS
        for key, row in found.items():
            if self.wanted.covers(row["indicator"], row["ref_area"], row["time"]) and (
                row["obs_value_before"] or row["obs_value"]
            ):
                found[key] = {**row, **blank, "obs_status_before": row["obs_status"], "obs_status": after}
        for freq, cell in self.cells:
            status = {"obs_status_before": cell["obs_status"], "obs_status": after}
            row = {"indicator": self.wanted.indicator, "freq": freq, **{name: cell[name] for name in _CELL}}
            found[_change_key(row)] = {name: {**row, **blank, **status}[name] for name in CHANGE_COLUMNS}
        return [found[key] for key in sorted(found)]

    def _availability(self, rows: Sequence[Row], _: Path) -> list[Row]:
        new = {"availability": REASON, "reason": self.wanted.row()["reason"]}
        return [
            {**row, **new}
            if row["availability"] == "published" and self.wanted.covers(row["indicator"], row["ref_area"], row["time"])
            else row
            for row in rows
        ]

    def _withdrawals(self) -> None:
        told = read_public(self.folder)
        items = told if self.wanted in told else (*told, self.wanted)
        self._say(FILE, write_lines(self.folder / FILE, public_lines(items)))

    def _notes(self) -> None:
        path = self.folder / NOTES
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        if lines and not any(line.startswith(f"{WITHDRAWN_NOTE},") for line in lines):
            self._say(NOTES, write_lines(path, [*lines, note_line(WITHDRAWN_NOTE, WITHDRAWN_LABEL)]))

    def _readme(self) -> None:
        path = self.folder / README
        line = f"Withdrawn on {self.wanted.withdrawn_on}: {self.wanted.identifier} ({FILE} says why)"
        text = path.read_text(encoding="utf-8")
        if line not in text.splitlines():
            text += "" if text.endswith("says why)\n") else "\n"
            text += f"{line}\n"
        self._say(README, write_text(path, text))

    def _facts(self) -> None:
        """Write the contents, and then what `release.json` says."""
        lines = csv_lines(TOC_COLUMNS, (self.toc[name] for name in sorted(self.toc)))
        toc = write_lines(self.folder / TOC, lines)
        facts: dict[str, Any] = json.loads((self.folder / FACTS).read_text(encoding="utf-8"))
        if facts.get("formats") == "all" and self._has_lost_files():
            # It is no longer what a release of the same figures would be: the next run makes that one.
            facts["formats"] = INCOMPLETE
        hashes = {name: row["sha256"] for name, row in self.toc.items() if row["sha256"]}
        structures = undated((self.folder / STRUCTURES).read_bytes())
        shown, hidden = _count(self.folder)
        facts |= {
            "content_sha256": content_sha256(hashes, structures, facts),
            "toc_sha256": toc.sha256,
            "files": len(hashes) + 2,
            "rows": shown + sum(hidden.values()),
            "indicators": sorted({row["indicator"] for row in self.toc.values() if row["sha256"]} - {""}),
            "changes": _changed(self.folder),
            "withdrawals": [item.row() for item in read_public(self.folder)],
            "protection": {**facts.get("protection", {"audit": None}), "shown": shown, "hidden": hidden},
        }
        write_text(self.folder / FACTS, json_text(facts))


def _change_key(row: Row) -> tuple[str, ...]:
    """Order of changes.csv: by file, then by cell."""
    return (f"{row['indicator']}_{row['freq']}.csv", *(row[name] for name in _CELL))


def _changed(folder: Path) -> dict[str, dict[str, int]]:
    counts = Counter((row["indicator"], row["change"]) for row in read_csv(folder / CHANGES))
    return {
        indicator: {kind: counts[indicator, kind] for kind in KINDS}
        for indicator in sorted({indicator for indicator, _ in counts})
    }


def _count(folder: Path) -> tuple[int, dict[str, int]]:
    """Rows with a value, and rows without by reason."""
    shown = 0
    hidden: Counter[str] = Counter()
    for bulk, quality in _pairs(folder):
        for row, told in zip(read_csv(bulk), read_csv(quality), strict=True):
            if row["obs_value"]:
                shown += 1
            else:
                hidden[told["reason"]] += 1
    return shown, dict(sorted(hidden.items()))


def _pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    for bulk in sorted((folder / _BULK).glob("*.csv")):
        yield bulk, folder / _QUALITY / f"{bulk.stem}_quality.csv"
