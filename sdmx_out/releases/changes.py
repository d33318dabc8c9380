"""The difference between two releases, cell by cell.

Here belong what counts as a change and how it is listed. A value that is withdrawn or newly suppressed is
never repeated: the list says that it went, not what it was.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path
from sys import intern

import duckdb

from sdmx_out.csv_text import BATCH_ROWS, csv_line, literal, read_csv
from sdmx_out.reader import open_reader

BULK_FOLDER = "data/ilostat"
CHANGES = ("new", "revised", "withdrawn", "flag")
COLUMNS = (
    *("change", "indicator", "ref_area", "freq", "time", "sex", "classif1", "classif2"),
    *("obs_value_before", "obs_value", "obs_status_before", "obs_status"),
)
_CELL = ("ref_area", "time", "sex", "classif1", "classif2")
_SHOWN = ("obs_value", "obs_status")

Cell = tuple[str, ...]
Shown = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One cell that differs from the release before."""

    kind: str
    indicator: str
    freq: str
    cell: Cell
    before: Shown
    after: Shown


def compare(earlier: Path, later: Path) -> list[Change]:
    """One item per changed cell between two release folders, ordered by file and cell.

    `new`: a value that was not there; `withdrawn`: a value that is there no more, or is not published now, whatever its
    status; `revised`: another value; `flag`: the same value or none under another status, or a cell that came or went
    without ever having had a value. Memory is that of the changes, whatever the size of the releases.
    """
    names = sorted({path.name for folder in (earlier, later) for path in (folder / BULK_FOLDER).glob("*.csv")})
    pairs = [(earlier / BULK_FOLDER / name, later / BULK_FOLDER / name) for name in names]
    differing = [pair for pair in pairs if not _are_same(*pair)]
    if not differing:
        return []
    with open_reader() as engine:
        return [change for before, after in differing for change in _cell_changes(engine, before, after)]


def _are_same(before: Path, after: Path) -> bool:
    return before.is_file() and after.is_file() and (before.samefile(after) or cmp(before, after, shallow=False))


def _cell_changes(engine: duckdb.DuckDBPyConnection, before: Path, after: Path) -> Iterator[Change]:
    indicator, freq = before.name.removesuffix(".csv").rsplit("_", 1)
    cell, shown = ", ".join(_CELL), ", ".join(_SHOWN)
    query = (
        f"SELECT {cell}, coalesce(b.obs_value, ''), coalesce(b.obs_status, ''), "
        f"coalesce(a.obs_value, ''), coalesce(a.obs_status, '') "
        f"FROM (SELECT {cell}, {shown} FROM {bulk_rows_sql(before)}) b "
        f"FULL JOIN (SELECT {cell}, {shown} FROM {bulk_rows_sql(after)}) a USING ({cell}) "
        "WHERE b.obs_value IS DISTINCT FROM a.obs_value OR b.obs_status IS DISTINCT FROM a.obs_status "
        f"ORDER BY {cell}"
    )
    for batch in engine.sql(query).to_arrow_reader(BATCH_ROWS):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            codes = tuple(intern(code) for code in row[: len(_CELL)])
            old, new = (row[-4], intern(row[-3])), (row[-2], intern(row[-1]))
            yield _change(indicator, freq, codes, old, new)


def bulk_rows_sql(path: Path) -> str:
    """Rows of a bulk file, no field of which is NULL; none where there is no file, or a damaged one without columns."""
    names: list[str] = []
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            names = next(csv.reader(stream), [])
    if not {*_CELL, *_SHOWN} <= set(names):
        return "(SELECT " + ", ".join(f"'' AS {name}" for name in (*_CELL, *_SHOWN)) + " WHERE false)"
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    read = (
        f"read_csv({literal(str(path))}, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{{types}}}, parallel = false)"
    )
    return "(SELECT " + ", ".join(f"coalesce({name}, '') AS {name}" for name in (*_CELL, *_SHOWN)) + f" FROM {read})"


def _change(indicator: str, freq: str, cell: Cell, old: Shown, new: Shown) -> Change:
    if old[0] and not new[0]:
        return Change("withdrawn", indicator, freq, cell, ("", old[1]), new)
    if new[0] and not old[0]:
        return Change("new", indicator, freq, cell, old, new)
    return Change("revised" if old[0] != new[0] else "flag", indicator, freq, cell, old, new)


def read_changes(path: Path) -> list[Change]:
    """Return the changes that a file lists; what was withdrawn from it since is in it no more."""
    return [
        Change(
            row["change"],
            row["indicator"],
            row["freq"],
            tuple(row[name] for name in _CELL),
            (row["obs_value_before"], row["obs_status_before"]),
            (row["obs_value"], row["obs_status"]),
        )
        for row in read_csv(path)
    ]


def change_lines(changes: Sequence[Change]) -> Iterator[str]:
    """Header line, then one line per changed cell."""
    yield csv_line(COLUMNS)
    for change in changes:
        area, time, *rest = change.cell
        values = (change.before[0], change.after[0], change.before[1], change.after[1])
        yield csv_line((change.kind, change.indicator, area, change.freq, time, *rest, *values))


def count_changes(changes: Sequence[Change]) -> dict[str, dict[str, int]]:
    """Indicator -> kind of change -> number of cells; indicators without a change are absent."""
    counts = Counter((change.indicator, change.kind) for change in changes)
    return {
        indicator: {kind: counts[indicator, kind] for kind in CHANGES}
        for indicator in sorted({indicator for indicator, _ in counts})
    }
