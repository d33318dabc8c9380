"""The workbook of one indicator: all its figures on one sheet, ready for a pivot table, with labels in three languages.

Here belong its columns. One row per published or withheld cell; a sheet holds a million of them.
"""

from collections.abc import Iterator, Mapping
from functools import cache

import duckdb
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from schemas.codes import CodeList
from schemas.indicators import Indicator
from schemas.spreadsheet_cells import safe_cell
from sdmx_out.catalogue import LANGUAGES, dimension_columns, lists_of_type, marked
from sdmx_out.csv_text import literal
from sdmx_out.published_rows import TABLE
from sdmx_out.workbooks.layout import lines, number_format
from sdmx_out.workbooks.phrases import Phrases
from sdmx_out.workbooks.sheets import FIXED_TIME, workbook_bytes

#: Most rows of figures on a sheet; a sheet has 1,048,576 rows.
MOST_ROWS = 1_000_000
#: Pages beside each other on which all columns of figures can be read.
_PAGES_WIDE = 3
_AT_ONCE = 10_000
_HEAD = Font(name="Calibri", bold=True, color="FFFFFF")
_FILL = PatternFill("solid", fgColor="1F3A5F")
_WRAP = Alignment(vertical="top", wrap_text=True)
_INFO_WIDTHS = (30, 48, 48, 48)
_NUMBERS = ("obs_value", "se", "lower", "upper")

Value = str | float | int | None


def indicator_workbook_name(indicator: str) -> str:
    """Return the file of an indicator's workbook, inside a release."""
    return f"workbooks/indicators/{indicator}.xlsx"


def indicator_workbook(
    connection: duckdb.DuckDBPyConnection,
    indicator: Indicator,
    *,
    code_lists: Mapping[str, CodeList],
    is_test: bool = False,
    most_rows: int = MOST_ROWS,
) -> bytes:
    """Return the workbook of an indicator's rows; the same bytes for the same rows.

    Args:
        connection: holds the rows of the release.
        indicator: whose rows are written.
        code_lists: all code lists by id.
        is_test: whether titles say that this is no national statistic.
        most_rows: of one sheet; more go to further ones.
    """
    columns = _columns(indicator)
    workbook = Workbook(write_only=True)
    workbook.properties.title = safe_cell(marked(indicator.title, is_test=is_test)["en"])
    workbook.properties.creator = "Labour migration statistics"
    workbook.properties.created = FIXED_TIME
    rows = _rows(connection, indicator, code_lists)
    number, row = 0, next(rows, None)
    while row is not None or number == 0:
        number += 1
        row = _write(workbook, number, columns, row, rows, indicator, most_rows)
    _describe(workbook, connection, indicator, code_lists, is_test=is_test)
    return workbook_bytes(workbook)


def _columns(indicator: Indicator) -> list[tuple[str, int]]:
    """Names and widths of the columns."""

    def labelled(name: str, code: int, label: int) -> list[tuple[str, int]]:
        return [(name, code), *((f"{name}_{language}", label) for language in LANGUAGES)]

    parts: list[tuple[str, int]] = []
    for name in indicator.dimensions:
        parts += labelled(name.lower(), *((8, 10) if name == "SEX" else (28, 28)))
    figures = [(name, 12) for name in ("value", "flag", *_NUMBERS[1:])]
    return [*labelled("area", 8, 20), ("freq", 7), ("period", 10), ("year", 8), *parts, *figures, ("source", 40)]


def _rows(
    connection: duckdb.DuckDBPyConnection, indicator: Indicator, code_lists: Mapping[str, CodeList]
) -> Iterator[list[Value]]:
    """Rows in the order of the key, then of time."""
    areas = {item.code: _labels(item.code, item) for item in code_lists["AREA"].items}
    parts = {
        column: {
            item.code: _labels(item.code, item) for codes in lists_of_type(code_lists, kind) for item in codes.items
        }
        for kind, column in dimension_columns(indicator).items()
    }
    names = list(parts)
    numbers = ", ".join(f"CAST(nullif({name}, '') AS DOUBLE)" for name in _NUMBERS)
    order = ", ".join(["ref_area", "freq", *names, "time"])
    found = connection.execute(
        f"SELECT ref_area, freq, time, {', '.join(names)}, {numbers}, obs_status, source "
        f"FROM {TABLE} WHERE indicator = {literal(indicator.id)} ORDER BY {order}"
    )
    safe = cache(safe_cell)
    last = 3 + len(names)
    while several := found.fetchmany(_AT_ONCE):
        for row in several:
            made: list[Value] = [*areas[row[0]], row[1], row[2], int(row[2][:4])]
            for name, code in zip(names, row[3:last], strict=True):
                made += parts[name][code]
            value, *precision, status, source = row[last:]
            made += (value, status or None, *precision, safe(source))
            yield made


def _labels(code: str, item: object) -> tuple[str, ...]:
    return (code, *(safe_cell(str(getattr(item, language))) for language in LANGUAGES))


def _write(
    workbook: Workbook,
    number: int,
    columns: list[tuple[str, int]],
    row: list[Value] | None,
    rows: Iterator[list[Value]],
    indicator: Indicator,
    most: int,
) -> list[Value] | None:
    """Fill one sheet and return the first row of the next one."""
    sheet = workbook.create_sheet("Data" if number == 1 else f"Data {number}")
    for index, (_, width) in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    sheet.freeze_panes = "A2"
    _page(sheet, _PAGES_WIDE)
    sheet.append([_styled(sheet, name) for name, _ in columns])
    # One cell with the format of the figures serves all rows: each is written before the next one takes its place.
    shown = WriteOnlyCell(sheet)
    shown.number_format = number_format(indicator.display_decimals)
    place, count = len(columns) - 6, 0
    while row is not None and count < most:
        if row[place] is not None:
            shown.value = row[place]
            row[place] = shown
        sheet.append(row)
        count += 1
        row = next(rows, None)
    if count:
        # Not add_table: it warns of columns that are there.
        sheet.tables.add(_table(f"Data{number}", [name for name, _ in columns], count))
    return row


def _table(name: str, columns: list[str], count: int) -> Table:
    """An Excel table with its filters."""
    area = f"A1:{get_column_letter(len(columns))}{count + 1}"
    table = Table(displayName=name, ref=area, autoFilter=AutoFilter(ref=area))
    table.tableColumns = [TableColumn(id=number, name=title) for number, title in enumerate(columns, 1)]
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight9", showRowStripes=False)
    return table


def _page(sheet: WriteOnlyWorksheet, wide: int) -> None:
    """Set what a printer needs; before the first row, which closes the head of the file."""
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", Worksheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = wide, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"


def _styled(sheet: WriteOnlyWorksheet, text: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, safe_cell(text))
    cell.font, cell.fill = _HEAD, _FILL
    return cell


def _describe(
    workbook: Workbook,
    connection: duckdb.DuckDBPyConnection,
    indicator: Indicator,
    code_lists: Mapping[str, CodeList],
    *,
    is_test: bool,
) -> None:
    """Write what the figures are, in three columns of language: title, unit, flags and notes that occur."""
    phrases = [Phrases(language, code_lists, is_test) for language in LANGUAGES]
    told = connection.execute(
        f"SELECT DISTINCT obs_status, note_source, note_indicator, note_classif "
        f"FROM {TABLE} WHERE indicator = {literal(indicator.id)}"
    ).fetchall()
    flags = sorted({row[0] for row in told if row[0]})
    place = {item.code: item.order for item in code_lists["NOTE"].items}
    found = {note for row in told for text in row[1:] for note in text.split("_") if note}
    notes = sorted(found, key=lambda note: (place.get(note, len(place)), note))
    sheet = workbook.create_sheet("Info")
    for letter, width in zip("ABCD", _INFO_WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    _page(sheet, 1)
    sheet.append([_styled(sheet, text) for text in ("", *LANGUAGES)])
    title = marked(indicator.title, is_test=is_test)
    rows = [
        (indicator.id, [title[language] for language in LANGUAGES]),
        (indicator.unit_measure, [one.unit(indicator) for one in phrases]),
        *((flag, [one.name("OBS_STATUS", flag) for one in phrases]) for flag in flags),
        *((note, [one.note(note) for one in phrases]) for note in notes),
        ("", [one.words["withheld_cell"] for one in phrases]),
        ("", [one.words["limits"] for one in phrases]),
    ]
    for number, (code, texts) in enumerate(rows, 2):
        longest = max(lines(text, width) for text, width in zip((code, *texts), _INFO_WIDTHS, strict=True))
        sheet.row_dimensions[number].height = 15.5 * longest + 1
        cells = [WriteOnlyCell(sheet, safe_cell(text)) for text in (code, *texts)]
        for cell in cells:
            cell.alignment = _WRAP
        sheet.append(cells)
