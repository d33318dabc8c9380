"""The public file of coverage and quality: one row per round and item (STANDARDS 0.19).

Here belong its columns, the checks at its door and its order. How the facts are found out does not belong here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.codes import CodeList
from schemas.errors import InputError, Problem
from schemas.periods import Period, PeriodError
from schemas.spreadsheet_cells import safe_cell
from sdmx_out.csv_text import csv_lines, literal, read_csv

FILE = "quality.csv"
TITLE = {
    "en": "Coverage and quality of the rounds",
    "fr": "Couverture et qualité des passages",
    "es": "Cobertura y calidad de las rondas",
}
LISTS = ("QUALITY_ITEM", "QUALITY_VALUE", "QUALITY_UNIT")
KEY = ("ref_area", "survey", "time", "item")
NOTES = ("note_en", "note_fr", "note_es")
COLUMNS = (*KEY, "value", "unit", *NOTES)

Row = dict[str, str]


@dataclass(frozen=True)
class QualityRows:
    """The rows of the file, and what the table of contents says of them.

    Attributes:
        rows: ordered by area, survey, period and item.
        areas: number of areas.
        time_from: first period, '' without rows.
        time_to: last period.
    """

    rows: tuple[Row, ...]
    areas: int
    time_from: str
    time_to: str

    def lines(self) -> Iterator[str]:
        """Header line, then one line per row; notes are free text, and never a formula."""
        return csv_lines(COLUMNS, ({**row, **{note: safe_cell(row[note]) for note in NOTES}} for row in self.rows))


def load_quality(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], code_lists: Mapping[str, CodeList]
) -> QualityRows:
    """Return the rows of some files, each once.

    Args:
        connection: DuckDB, allowed to read the files.
        files: Parquet files with the columns COLUMNS, all of them text.
        code_lists: all code lists by id.

    Raises:
        InputError: a column is missing, a code is in no list, or an item stands twice for a round.
    """
    found: set[tuple[str, ...]] = set()
    for path in sorted(files):
        columns = ", ".join(f"coalesce({column}, '')" for column in COLUMNS)
        try:
            found |= set(connection.execute(f"SELECT {columns} FROM read_parquet({literal(str(path))})").fetchall())
        except duckdb.Error:
            problem = _problem("QUALITY_UNREADABLE", "a file or a column is missing")
            raise InputError([problem]) from None
    order = {item.code: item.order for item in code_lists["QUALITY_ITEM"].items}
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in found]
    if problems := list(_problems(rows, code_lists)):
        raise InputError(problems)
    rows.sort(key=lambda row: (row["ref_area"], row["survey"], row["time"], order[row["item"]]))
    times = sorted({row["time"] for row in rows})
    first, last = (times[0], times[-1]) if times else ("", "")
    return QualityRows(tuple(rows), len({row["ref_area"] for row in rows}), first, last)


def _problems(rows: Sequence[Row], code_lists: Mapping[str, CodeList]) -> Iterator[Problem]:
    known = {"ref_area": "AREA", "item": "QUALITY_ITEM", "unit": "QUALITY_UNIT"}
    for column, name in known.items():
        yield from _unknown(column, (row[column] for row in rows), code_lists[name])
    coded = (row["value"] for row in rows if row["unit"] == "CODE")
    yield from _unknown("value", coded, code_lists["QUALITY_VALUE"])
    if count := len(rows) - len({tuple(row[column] for column in KEY) for row in rows}):
        yield _problem("QUALITY_INVALID", f"{count} items stand twice for one round")
    if count := sum(not row["value"] and not row["note_en"] for row in rows):
        yield _problem("QUALITY_INVALID", f"{count} items have no value and do not say why")
    numbers = (row for row in rows if row["value"] and row["unit"] not in ("CODE", "TEXT"))
    if count := sum(not row["value"].replace(".", "", 1).isdecimal() for row in numbers):
        yield _problem("QUALITY_INVALID", f"{count} values are no plain number")


def _unknown(column: str, found: Iterable[str], codes: CodeList) -> Iterator[Problem]:
    if unknown := sorted(set(found) - codes.codes):
        yield _problem("QUALITY_INVALID", f"{column} has codes that {codes.id} has not: {', '.join(unknown[:10])}")


def _problem(rule: str, message: str) -> Problem:
    return Problem("quality", None, rule, message, "write protected_estimates again")


def read_quality(release: Path, area: str | None, period: str | None) -> Iterator[Row]:
    """Yield the rows of a release for an area and a period; None stands for all."""
    time = _sdmx(period)
    path = release / FILE
    for row in read_csv(path) if path.is_file() else ():
        if area in (None, row["ref_area"]) and time in (None, row["time"]):
            yield row


def quality_labels(release: Path) -> dict[str, dict[str, str]]:
    """Column of the file -> code -> English label."""
    lists = {"ref_area": "AREA", "item": "QUALITY_ITEM", "value": "QUALITY_VALUE", "unit": "QUALITY_UNIT"}
    return {
        column: {row["code"]: row["label_en"] for row in read_csv(release / "dictionary" / f"{name}.csv")}
        for column, name in lists.items()
    }


def _sdmx(period: str | None) -> str | None:
    """Period as the file writes it; a text that is no period stands for itself."""
    if period is None:
        return None
    try:
        return Period.parse(period).sdmx
    except PeriodError:
        return period
