"""Withdrawals in force, and what a withdrawn cell looks like.

Here belong the list of a data folder (``withdrawn.csv``), the public list in each release (``withdrawals.csv``), which
cells a withdrawal covers, and how such a cell is spelled: in the table that new releases are written from, and in a
row of a file that was published. Taking the bytes out of releases is said in ``withdrawal``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import duckdb

from schemas.periods import Period, PeriodError
from schemas.spreadsheet_cells import safe_cell
from sdmx_out.catalogue import WITHDRAWN_NOTE
from sdmx_out.csv_text import csv_lines, literal, read_csv
from sdmx_out.published_rows import TABLE
from sdmx_out.releases.places import write_private

FILE = "withdrawals.csv"
COLUMNS = ("indicator", "ref_area", "time", "withdrawn_on", "reason")
STATUS, REASON = "N", "withdrawn"
#: ``applying`` until every release was rewritten: a withdrawal that was interrupted is taken up again.
State = Literal["applying", "in force"]
_LIST_COLUMNS = (*COLUMNS, "state")
#: Columns that are emptied, in any of the formats.
_NUMBERS = (
    *("obs_value", "se", "lower", "upper", "cv", "df", "p_value", "significance", "n_band"),
    *("upper_bound", "lower_bound"),
)


@dataclass(frozen=True)
class Withdrawal:
    """Cells that are public no more.

    Attributes:
        indicator: id.
        ref_area: area, or '' for all.
        time: period as SDMX writes it (2013, 2013-Q4, 2013-03), or '' for all.
        withdrawn_on: ISO date.
        reason: public text.
    """

    indicator: str
    ref_area: str
    time: str
    withdrawn_on: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What is withdrawn."""
        return (self.indicator, self.ref_area, self.time)

    @property
    def identifier(self) -> str:
        """What is withdrawn, as one text."""
        return "/".join(part for part in self.key if part)

    @property
    def is_whole(self) -> bool:
        """Whether every file of the indicator goes."""
        return not self.ref_area and not self.time

    def covers(self, indicator: str, ref_area: str, time: str) -> bool:
        """Whether a cell is one of these; the period may be spelled as ILOSTAT or as SDMX writes it."""
        return (
            indicator == self.indicator
            and self.ref_area in ("", ref_area)
            and (not self.time or self.time == sdmx_period(time))
        )

    def row(self) -> dict[str, str]:
        """Return a line of the public list; the reason is never a formula."""
        return {**asdict(self), "reason": safe_cell(self.reason)}


def sdmx_period(text: str) -> str:
    """Return a period as SDMX writes it; a text that is no period stands for itself."""
    try:
        return Period.parse(text).sdmx
    except PeriodError:
        return text


def in_force(path: Path, state: State | None = None) -> tuple[Withdrawal, ...]:
    """Return the withdrawals of a data folder in the order in which they were made, of one state or of both."""
    rows = list(read_csv(path)) if path.is_file() else []
    return tuple(
        Withdrawal(**{name: row[name] for name in COLUMNS}) for row in rows if state is None or row["state"] == state
    )


def write_in_force(path: Path, withdrawals: Sequence[Withdrawal], applying: Sequence[Withdrawal] = ()) -> None:
    """Write the list of a data folder anew; it is of its owner alone."""
    rows = [
        {**asdict(item), "state": "applying" if item in applying else "in force"} for item in dict.fromkeys(withdrawals)
    ]
    write_private(path, ("\n".join(csv_lines(_LIST_COLUMNS, rows)) + "\n").encode())


def public_lines(withdrawals: Sequence[Withdrawal]) -> Iterator[str]:
    """Header line, then one line per withdrawal, in order of date and of what was withdrawn."""
    ordered = sorted(withdrawals, key=lambda item: (item.withdrawn_on, item.key))
    return csv_lines(COLUMNS, (item.row() for item in ordered))


def read_public(release: Path) -> tuple[Withdrawal, ...]:
    """Return what a release says was withdrawn from it; releases of earlier versions have no list."""
    path = release / FILE
    return tuple(Withdrawal(**row) for row in read_csv(path)) if path.is_file() else ()


# --- rows of the table that a new release is written from


def hit(cursor: duckdb.DuckDBPyConnection, withdrawals: Sequence[Withdrawal]) -> tuple[Withdrawal, ...]:
    """Return the withdrawals that cover a published cell of the release to be written."""
    return tuple(item for item in withdrawals if _count(cursor, item))


def _count(cursor: duckdb.DuckDBPyConnection, item: Withdrawal) -> int:
    (row,) = cursor.execute(f"SELECT count(*) FROM {TABLE} WHERE {_covered_sql(item)}").fetchall()
    return int(row[0])


def take_out(cursor: duckdb.DuckDBPyConnection, withdrawals: Sequence[Withdrawal]) -> None:
    """Leave out the rows of withdrawn indicators, and empty those that are withdrawn by area or period."""
    for item in withdrawals:
        if item.is_whole:
            cursor.execute(f"DELETE FROM {TABLE} WHERE indicator = {literal(item.indicator)}")
            continue
        note = f"concat_ws('_', nullif(note_indicator, ''), '{WITHDRAWN_NOTE}')"
        empty = ", ".join(f"{column} = NULL" for column in _NUMBERS[:9])
        cursor.execute(
            f"UPDATE {TABLE} SET {empty}, obs_status = '{STATUS}', conf_status = 'F', reason = '{REASON}', "
            f"note_indicator = {note} WHERE {_covered_sql(item)}"
        )


def _covered_sql(item: Withdrawal) -> str:
    """SQL condition of the published rows that a withdrawal covers."""
    return f"obs_value IS NOT NULL AND {key_sql(item)}"


def key_sql(item: Withdrawal) -> str:
    """SQL condition of what a withdrawal names; ``time`` is spelled as SDMX writes it."""
    wanted = {"indicator": item.indicator, "ref_area": item.ref_area, "time": item.time}
    return " AND ".join(f"{column} = {literal(value)}" for column, value in wanted.items() if value)


# --- rows of files that were published


def emptied(row: Mapping[str, str]) -> dict[str, str]:
    """Return a row of a bulk, quality or SDMX-CSV file as it looks once its cell is withdrawn."""
    # In the twin dataflow the status of a number that is not available is that of the cross-domain list.
    is_twin = "_SE(" in row.get("DATAFLOW", "")
    new = {"obs_status": "O" if is_twin else STATUS, "conf_status": "F", "reason": REASON}
    new |= dict.fromkeys(_NUMBERS, "")
    note = row.get("note_indicator", row.get("NOTE_INDICATOR", ""))
    if note.split("_")[-1] != WITHDRAWN_NOTE:
        note = "_".join(part for part in (note, WITHDRAWN_NOTE) if part)
    new["note_indicator"] = note
    return {column: new.get(column.lower(), value) for column, value in row.items()}
