"""The difference between two releases, cell by cell.

Here belong what counts as a change and how it is listed. A value that is withdrawn or newly suppressed is
never repeated: the list says that it went, not what it was.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sdmx_out.csv_text import csv_line, read_csv

BULK_FOLDER = "data/ilostat"
CHANGES = ("new", "revised", "withdrawn", "flag")
COLUMNS = (
    *("change", "indicator", "ref_area", "freq", "time", "sex", "classif1", "classif2"),
    *("obs_value_before", "obs_value", "obs_status_before", "obs_status"),
)
_CELL = ("ref_area", "time", "sex", "classif1", "classif2")

Cell = tuple[str, ...]
Shown = tuple[str, str]


@dataclass(frozen=True)
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
    without ever having had a value.
    """
    names = sorted({path.name for folder in (earlier, later) for path in (folder / BULK_FOLDER).glob("*.csv")})
    changes: list[Change] = []
    for name in names:
        before, after = earlier / BULK_FOLDER / name, later / BULK_FOLDER / name
        if before.is_file() and after.is_file() and before.read_bytes() == after.read_bytes():
            continue
        indicator, freq = name.removesuffix(".csv").rsplit("_", 1)
        changes.extend(_cell_changes(indicator, freq, _cells(before), _cells(after)))
    return changes


def _cells(path: Path) -> dict[Cell, Shown]:
    if not path.is_file():
        return {}
    return {tuple(row[column] for column in _CELL): (row["obs_value"], row["obs_status"]) for row in read_csv(path)}


def _cell_changes(indicator: str, freq: str, before: dict[Cell, Shown], after: dict[Cell, Shown]) -> Iterator[Change]:
    for cell in sorted(before.keys() | after.keys()):
        old, new = before.get(cell, ("", "")), after.get(cell, ("", ""))
        if old == new and (cell in before) == (cell in after):
            continue
        if old[0] and not new[0]:
            yield Change("withdrawn", indicator, freq, cell, ("", old[1]), new)
        elif new[0] and not old[0]:
            yield Change("new", indicator, freq, cell, old, new)
        else:
            yield Change("revised" if old[0] != new[0] else "flag", indicator, freq, cell, old, new)


def change_lines(changes: list[Change]) -> Iterator[str]:
    """Header line, then one line per changed cell."""
    yield csv_line(COLUMNS)
    for change in changes:
        area, time, *rest = change.cell
        values = (change.before[0], change.after[0], change.before[1], change.after[1])
        yield csv_line((change.kind, change.indicator, area, change.freq, time, *rest, *values))


def count_changes(changes: list[Change]) -> dict[str, dict[str, int]]:
    """Indicator -> kind of change -> number of cells; indicators without a change are absent."""
    counts = Counter((change.indicator, change.kind) for change in changes)
    return {
        indicator: {kind: counts[indicator, kind] for kind in CHANGES}
        for indicator in sorted({indicator for indicator, _ in counts})
    }
