"""One sheet of an Excel workbook (xlsx), row by row; to be run in the process of ``reading_service``.

The names stand in the first row. Whole numbers of a date format are dates, others are date-times. Blank cells
are NULL. What a cell shows cannot be seen where its formula was never calculated: that is refused.
"""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from openpyxl import load_workbook
from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.functions import iterparse

from pipelines.readers import canonical
from pipelines.readers.layout import FileLayout, OpenExtract, check_columns, damaged, refusal
from pipelines.readers.workbook_parts import check_parts
from schemas.errors import InputError

ROWS_LIMIT = 200_000
COLUMNS_LIMIT = 100
CHUNK_ROWS = 5_000
_NOT_CALCULATED = "not calculated"
# (row, column -> (value, type)) with the cells that hold something
_Row = tuple[int, dict[int, tuple[Any, str]]]


class _Parser(WorkSheetParser):  # type: ignore[misc]
    """openpyxl's parser of cells, which would take a formula without result for a blank cell."""

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if element.find(FORMULA_TAG) is not None and element.find(VALUE_TAG) is None:
            cell["data_type"] = _NOT_CALCULATED
        return cell


def open_workbook(path: Path, layout: FileLayout, file: str) -> OpenExtract:
    """One workbook opened: the columns of one sheet and batches of text.

    Raises:
        InputError: FILE_ARCHIVE, FILE_FORMAT, FILE_TOO_LARGE, FILE_SHEET, FILE_COLUMNS, FILE_DUPLICATE_COLUMN,
            VARIABLE_MISSING, FILE_EMPTY, FILE_TRUNCATED here; FILE_CELL, FILE_ROW_WIDTH, FILE_TOO_LARGE and
            FILE_TRUNCATED while the batches are read.
    """
    check_parts(path, file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A stream: of a path openpyxl would judge the suffix.
            book = load_workbook(path.open("rb"), read_only=True, data_only=True, keep_links=False)
        parts = set(zipfile.ZipFile(path).namelist())
        found = len(book.worksheets)
    except MemoryError:
        raise
    except Exception:
        raise damaged(file) from None
    if not found or any(sheet._worksheet_path not in parts for sheet in book.worksheets):
        raise damaged(file)
    sheet, count = _choose(book, layout.sheet, file)
    rows = _rows(book, sheet, file)
    names, notes = _header(next(rows, None), file)
    check_columns(names, layout.fields, file)
    if count > 1:
        notes.append(f"the workbook has {count} sheets, of which one was read")
    return OpenExtract(
        columns=names,
        batches=_batches(rows, names, file),
        encoding="utf-8",
        types=dict.fromkeys(names, "cell"),
        notes=notes,
    )


def _choose(book: Any, wanted: str | None, file: str) -> tuple[Any, int]:
    """The sheet to read, and how many sheets the workbook has."""
    sheets = list(book.worksheets)
    if wanted is not None:
        named = [sheet for sheet in sheets if sheet.title.strip().casefold() == wanted.strip().casefold()]
        message = f"the workbook has no sheet {wanted}, and {len(sheets)} others"
    else:
        named = [sheet for sheet in sheets if next(_rows(book, sheet, file), None) is not None]
        message = f"{len(named)} sheets of the workbook have cells, where one is expected"
    if not named and wanted is None:
        raise refusal(file, "FILE_EMPTY", "no sheet of the workbook has cells", "hand in the file with its rows")
    if len(named) != 1:
        raise refusal(file, "FILE_SHEET", message, "declare the sheet's name as sheet in the survey's file section")
    return named[0], len(sheets)


def _rows(book: Any, sheet: Any, file: str) -> Iterator[_Row]:
    """The rows that hold something, in order."""
    last = 0
    rows = _parsed(book, sheet)
    while True:
        try:
            number, cells = next(rows, (0, []))
            held = {
                cell["column"]: (cell["value"], cell["data_type"])
                for cell in cells
                if cell["value"] is not None or cell["data_type"] == _NOT_CALCULATED
            }
        except MemoryError:
            raise
        except Exception:
            raise damaged(file) from None
        if number == 0:
            return
        if number <= last or any(column < 1 for column in held):
            raise damaged(file)
        last = number
        if held:
            yield number, held


def _parsed(book: Any, sheet: Any) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Rows as openpyxl understands them, each dropped from the tree once it is read."""
    with sheet._get_source() as source:
        parser = _Parser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        table = None
        for event, element in iterparse(source, ("start", "end")):
            if event == "start":
                table = element if element.tag == DATA_TAG else table
            elif element.tag == ROW_TAG:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    row = parser.parse_row(element)
                yield row
                if table is not None:
                    table.clear()


def _header(first: _Row | None, file: str) -> tuple[tuple[str, ...], list[str]]:
    """One name per column up to the last one that has a name."""
    if first is None:
        raise refusal(file, "FILE_EMPTY", "the sheet has no cells", "hand in the file with its rows")
    number, cells = first
    if number != 1:
        raise refusal(
            file,
            "FILE_COLUMNS",
            f"the first row is blank; the first cells stand in row {number}",
            "put the names of the variables in the first row",
        )
    width = max(cells)
    if width > COLUMNS_LIMIT:
        raise _too_large(f"the sheet has {width} columns, more than {COLUMNS_LIMIT}", file)
    texts = _texts(cells, width, 1, file)
    names = tuple((text or "").strip() or f"unnamed_{position}" for position, text in enumerate(texts, start=1))
    nameless = sum(not (text or "").strip() for text in texts)
    return names, [f"{nameless} columns without a name are called unnamed_<position>"] if nameless else []


def _batches(rows: Iterator[_Row], names: Sequence[str], file: str) -> Iterator[Any]:
    """Batches of text columns."""
    held: list[list[str | None]] = []
    last = 1
    for number, cells in rows:
        if number > ROWS_LIMIT + 1:
            raise _too_large(f"the sheet has more than {ROWS_LIMIT} rows", file)
        if number != last + 1:
            raise refusal(
                file,
                "FILE_ROW_WIDTH",
                "the row is blank and rows follow it",
                "remove blank rows, after making sure that nothing was lost there",
                last + 1,
            )
        if max(cells) > len(names):
            raise refusal(
                file,
                "FILE_ROW_WIDTH",
                f"a cell stands in column {max(cells)} where {len(names)} columns have a name",
                "name every column in the first row, and remove notes beside the table",
                number,
            )
        last = number
        held.append(_texts(cells, len(names), number, file))
        if len(held) == CHUNK_ROWS:
            yield _batch(held, names)
            held = []
    if held:
        yield _batch(held, names)


def _batch(rows: list[list[str | None]], names: Sequence[str]) -> Any:
    """Rows of text as one batch."""
    return pa.RecordBatch.from_arrays(
        [pa.array(values, pa.string()) for values in zip(*rows, strict=True)], list(names)
    )


def _texts(cells: dict[int, tuple[Any, str]], width: int, number: int, file: str) -> list[str | None]:
    """One row's canonical text."""
    return [_text(*cells[column], number, column, file) if column in cells else None for column in range(1, width + 1)]


def _text(value: Any, kind: str, row: int, column: int, file: str) -> str | None:
    """One cell's canonical text."""
    if kind == _NOT_CALCULATED:
        raise _cell(f"the formula in column {column} has no result stored", "open and save it in Excel", row, file)
    if kind == "e":
        raise _cell(f"column {column} shows an error such as #N/A", "correct it, or leave the cell blank", row, file)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        if value != value or value in (float("inf"), -float("inf")):
            raise _cell(f"column {column} holds no finite number", "correct it, or leave the cell blank", row, file)
        return canonical.number_text(value)
    if isinstance(value, datetime) and value.time() == time():
        return canonical.moment_text(value.date())
    if isinstance(value, date | time | timedelta):
        return canonical.moment_text(value)
    raise damaged(file)


def _cell(message: str, remedy: str, row: int, file: str) -> InputError:
    """One refusal of a cell."""
    return refusal(file, "FILE_CELL", message, f"{remedy}; or save the sheet as csv", row)


def _too_large(message: str, file: str) -> InputError:
    """One refusal of a sheet that is too large for its format."""
    return refusal(file, "FILE_TOO_LARGE", message, "save the sheet as csv and declare format csv")
