"""What there is to tell of a release against the one before, without words.

Here belong which figures, areas and periods are new, how far figures were revised, and which structures differ. How it
is said in three languages belongs to ``release_notes``. No value that was withdrawn or is hidden is in it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from heapq import nsmallest
from pathlib import Path
from statistics import median

import duckdb
from lxml import etree

from sdmx_out.catalogue import TEST_AREAS
from sdmx_out.reader import open_reader
from sdmx_out.releases.changes import BULK_FOLDER, CHANGES, Change, bulk_rows_sql
from sdmx_out.releases.release import STRUCTURES
from sdmx_out.releases.withdrawn import STATUS, Withdrawal
from sdmx_out.structures.message import undated

#: Rows of a table at most.
LISTED = 50
#: What there is data of differs in every release, and is told by its areas and periods.
_UNTOLD = frozenset({"ContentConstraint", "DataConstraint"})
_PARSER_OPTIONS = {"resolve_entities": False, "no_network": True, "huge_tree": True}

Period = tuple[str, str, str]
Artefact = tuple[str, str, str, str]


@dataclass(frozen=True)
class Listed:
    """The first rows of a table, and how many there are."""

    rows: tuple[tuple[str | int, ...], ...]
    count: int


@dataclass(frozen=True)
class Revised:
    """Revisions of one indicator in one area.

    Attributes:
        indicator: id.
        area: code.
        count: figures that have another value.
        median: of the absolute differences, in the unit of the indicator.
        largest: of the absolute differences.
        median_share: of the absolute differences as shares of the values before; None if those were all 0.
        largest_share: of the same.
    """

    indicator: str
    area: str
    count: int
    median: float
    largest: float
    median_share: float | None
    largest_share: float | None


@dataclass(frozen=True)
class Summary:
    """What the notes of a release tell.

    Attributes:
        release_id: of the release.
        released: its date.
        previous: id of the release before; None for a first one.
        title: language -> title.
        is_test: whether it is made of test extracts.
        is_draft: whether it is not final.
        invented: test areas in it.
        published: number of indicators, areas and periods with a figure.
        counts: kind of change -> cells.
        new_indicators: ids.
        new_areas: codes.
        new_periods: area, frequency, number of periods, and the first periods; of areas that were there before.
        revised: by indicator and area, most revisions first.
        revised_count: number of such pairs.
        largest: the largest revisions relative to the value before; those from 0 first.
        hidden: indicator, status now, number of cells: figures that are published no more.
        flags: status before and now (None: not in the tables), number of cells.
        structures: what happened ("added", "removed", "changed"), kind, agency, id, version.
        withdrawals: after publication, in force.
    """

    release_id: str
    released: date
    previous: str | None
    title: Mapping[str, str]
    is_test: bool
    is_draft: bool
    invented: tuple[str, ...]
    published: tuple[int, int, int]
    counts: Mapping[str, int]
    new_indicators: tuple[str, ...]
    new_areas: tuple[str, ...]
    new_periods: Listed
    revised: tuple[Revised, ...]
    revised_count: int
    largest: tuple[Change, ...]
    hidden: Listed
    flags: tuple[tuple[str | None, str | None, int], ...]
    structures: Listed
    withdrawals: tuple[Withdrawal, ...]


def summarise(
    facts: Mapping[str, object],
    changes: Sequence[Change],
    withdrawals: Sequence[Withdrawal],
    earlier: Path | None,
    later: Path,
) -> Summary:
    """Return what there is to tell.

    Args:
        facts: release_id, release_date, kind, draft and title as `release.json` has them.
        changes: cells that differ from the release before.
        withdrawals: those that the release tells of.
        earlier: folder of the release before, or None.
        later: folder of the release; its tables and structures are written.
    """
    before, now = _published(earlier, later)
    areas = {area for _, area, _, _ in now}
    new_areas = areas - {area for _, area, _, _ in before}
    title = facts["title"]
    assert isinstance(title, Mapping)
    revisions = list(_revisions(changes))
    gone = (change for change in changes if change.kind == "withdrawn")
    hidden = Counter((change.indicator, _status(change, withdrawals)) for change in gone)
    told = sorted(hidden.items(), key=lambda item: (-item[1], item[0]))
    structures = [] if earlier is None else list(_structures(earlier / STRUCTURES, later / STRUCTURES))
    return Summary(
        release_id=str(facts["release_id"]),
        released=date.fromisoformat(str(facts["release_date"])),
        previous=earlier.name if earlier else None,
        title=title,
        is_test=facts["kind"] == "test",
        is_draft=bool(facts["draft"]),
        invented=tuple(area for area in TEST_AREAS if area in areas),
        published=(len({key[0] for key in now}), len(areas), len({key[1:] for key in now})),
        counts={kind: sum(change.kind == kind for change in changes) for kind in CHANGES},
        new_indicators=tuple(sorted({key[0] for key in now} - {key[0] for key in before})) if earlier else (),
        new_areas=tuple(sorted(new_areas)) if earlier else (),
        new_periods=_new_periods({key[1:] for key in now} - {key[1:] for key in before}, new_areas, earlier),
        revised=tuple(revisions[:LISTED]),
        revised_count=len(revisions),
        largest=tuple(nsmallest(LISTED, (c for c in changes if c.kind == "revised"), key=_by_size)),
        hidden=Listed(tuple((*key, count) for key, count in told[:LISTED]), len(told)),
        flags=_flags(changes),
        structures=Listed(tuple(structures[:LISTED]), len(structures)),
        withdrawals=tuple(sorted(withdrawals, key=lambda item: (item.withdrawn_on, item.key))),
    )


# --- figures


def _published(earlier: Path | None, later: Path) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
    """Indicator, area, frequency and period of what has a figure, before and now."""
    before: set[tuple[str, ...]] = set()
    now: set[tuple[str, ...]] = set()
    names = {path.name for folder in (earlier, later) if folder for path in (folder / BULK_FOLDER).glob("*.csv")}
    with open_reader() as engine:
        for name in sorted(names):
            path = later / BULK_FOLDER / name
            found = set(_figures(engine, path))
            now |= found
            old = earlier / BULK_FOLDER / name if earlier else None
            if old is not None and old.is_file():
                is_shared = path.is_file() and path.samefile(old)
                before |= found if is_shared else set(_figures(engine, old))
    return before, now


def _figures(engine: duckdb.DuckDBPyConnection, path: Path) -> Iterator[tuple[str, ...]]:
    indicator, freq = path.name.removesuffix(".csv").rsplit("_", 1)
    query = f"SELECT DISTINCT ref_area, time FROM {bulk_rows_sql(path)} WHERE obs_value <> ''"
    for area, time in engine.execute(query).fetchall():
        yield indicator, area, freq, time


def _new_periods(found: set[tuple[str, ...]], new_areas: set[str], earlier: Path | None) -> Listed:
    times: dict[tuple[str, str], list[str]] = {}
    for area, freq, time in sorted(found):
        if earlier is not None and area not in new_areas:
            times.setdefault((area, freq), []).append(time)
    rows = tuple((*key, len(here), here[0], here[-1]) for key, here in times.items())
    return Listed(rows[:LISTED], len(rows))


def _status(change: Change, withdrawals: Sequence[Withdrawal]) -> str:
    """Status of a figure that is published no more; the files of a whole indicator that is withdrawn have none."""
    area, time = change.cell[:2]
    return STATUS if any(item.covers(change.indicator, area, time) for item in withdrawals) else change.after[1]


# --- revisions


def _revisions(changes: Sequence[Change]) -> list[Revised]:
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for change in changes:
        if change.kind == "revised":
            before, after = float(change.before[0]), float(change.after[0])
            found.setdefault((change.indicator, change.cell[0]), []).append((abs(after - before), abs(before)))
    rows = []
    for (indicator, area), pairs in found.items():
        sizes = [size for size, _ in pairs]
        shares = [size / before for size, before in pairs if before]
        rows.append(
            Revised(
                indicator,
                area,
                len(pairs),
                median(sizes),
                max(sizes),
                median(shares) if shares else None,
                max(shares) if shares else None,
            )
        )
    return sorted(rows, key=lambda row: (-row.count, row.indicator, row.area))


def _by_size(change: Change) -> tuple[float, float, str, str, tuple[str, ...]]:
    before, after = float(change.before[0]), float(change.after[0])
    share = abs(after - before) / abs(before) if before else float("inf")
    return (-share, -abs(after - before), change.indicator, change.freq, change.cell)


def _flags(changes: Sequence[Change]) -> tuple[tuple[str | None, str | None, int], ...]:
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for change in changes:
        if change.kind == "flag":
            # An empty cell always has a status: a side with neither is not in its tables.
            before, after = (shown[1] if any(shown) else None for shown in (change.before, change.after))
            has_value = bool(change.after[0])
            counts[(change.before[1], change.after[1]) if has_value else (before, after)] += 1
    rows = ((*key, count) for key, count in counts.items())
    return tuple(sorted(rows, key=lambda row: (-row[2], row[0] or "", row[1] or "", row[0] is None)))


# --- structures


def _structures(before: Path, after: Path) -> Iterator[tuple[str, ...]]:
    """What happened to each structure that differs: added, removed or changed; by kind and id."""
    old, new = (path.read_bytes() if path.is_file() else b"" for path in (before, after))
    if undated(old) == undated(new):
        return
    earlier, later = _artefacts(old), _artefacts(new)
    for key in sorted(earlier.keys() | later.keys()):
        if earlier.get(key) != later.get(key):
            yield ("added" if key not in earlier else "changed" if key in later else "removed", *key)


def _artefacts(message: bytes) -> dict[Artefact, bytes]:
    """Kind, agency, id and version of every structure of an SDMX-ML message -> its canonical text."""
    if not message:
        return {}
    found: dict[Artefact, bytes] = {}
    for item in etree.fromstring(message, etree.XMLParser(**_PARSER_OPTIONS)).iterfind(".//{*}Structures/*/*"):
        kind = etree.QName(item).localname
        if kind not in _UNTOLD and item.get("agencyID") and item.get("id"):
            key = (kind, item.get("agencyID"), item.get("id"), item.get("version", ""))
            found[key] = etree.tostring(item, method="c14n", exclusive=True)
    return found
