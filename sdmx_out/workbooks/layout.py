"""How a table of figures looks on a sheet: styles, headers, rows, print layout.

Here belongs what is drawn where. Which figures stand in a table is said in ``figures``, in which words in ``phrases``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from schemas.spreadsheet_cells import safe_cell
from sdmx_out.workbooks.figures import Cell, Grid, Line
from sdmx_out.workbooks.phrases import Phrases

_FONT = "Calibri"


def _font(**given: Any) -> Font:
    return Font(name=_FONT, **given)


_LINE = Side(style="thin", color="D0D5DD")
_BLUE, _PALE = "1F3A5F", "E8EEF6"
_LEFT = Alignment(vertical="center", wrap_text=True)
_STYLES = {
    "ilms_title": {"font": _font(size=14, bold=True, color=_BLUE), "alignment": _LEFT},
    "ilms_test": {"font": _font(size=10, bold=True, color="B42318"), "alignment": _LEFT},
    "ilms_text": {"font": _font(size=10), "alignment": Alignment(vertical="top", wrap_text=True)},
    "ilms_strong": {"font": _font(size=10, bold=True, color=_BLUE), "alignment": _LEFT},
    "ilms_link": {"font": _font(size=10, underline="single", color="0B5CAD"), "alignment": _LEFT},
    "ilms_head": {
        "font": _font(size=10, bold=True, color="FFFFFF"),
        "fill": PatternFill("solid", fgColor=_BLUE),
        "alignment": Alignment(vertical="center", horizontal="center", wrap_text=True),
        "border": Border(left=Side(style="thin", color="FFFFFF"), right=Side(style="thin", color="FFFFFF")),
    },
    "ilms_period": {
        "font": _font(size=11, bold=True, color=_BLUE),
        "fill": PatternFill("solid", fgColor=_PALE),
        "alignment": _LEFT,
    },
    "ilms_flag": {
        "font": _font(size=9, color="475467"),
        "alignment": Alignment(vertical="center", horizontal="left"),
        "border": Border(bottom=_LINE),
    },
}
_ROW = 13.5
#: Most characters of the left part of the footer, so that the parts do not run into each other.
_FOOTER = {"landscape": 105, "portrait": 60}
_LABEL, _VALUE, _FLAG, _LIMIT = 46, 12, 6, 12


@dataclass(frozen=True)
class Page:
    """What is repeated on every page of a sheet.

    Attributes:
        left: text at the left of the footer.
        page: text with the page's number.
        right: text at the right, before it.
    """

    left: str
    page: str
    right: str


def add_styles(workbook: Workbook) -> None:
    """Register the named styles of all sheets."""
    for name, parts in _STYLES.items():
        workbook.add_named_style(NamedStyle(name=name, **parts))
    for kind, font in (("plain", _font(size=10)), ("total", _font(size=10, bold=True))):
        border = Border(bottom=_LINE)
        for depth in (0, 1):
            alignment = Alignment(vertical="center", horizontal="left", wrap_text=True, indent=depth)
            style = NamedStyle(name=f"ilms_label_{kind}_{depth}", font=font, alignment=alignment, border=border)
            workbook.add_named_style(style)
        right = Alignment(vertical="center", horizontal="right")
        for decimals in (0, 1, 2, 3):
            style = NamedStyle(name=f"ilms_number_{kind}_{decimals}", font=font, alignment=right, border=border)
            style.number_format = number_format(decimals)
            workbook.add_named_style(style)


def number_format(decimals: int) -> str:
    """Return the format of numbers with so many decimals."""
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def write(sheet: Worksheet, row: int, column: int, value: str | float | None, style: str) -> None:
    """Write one cell; text is never a formula."""
    cell = sheet.cell(row, column, safe_cell(value) if isinstance(value, str) else value)
    cell.style = style


def write_wide(sheet: Worksheet, row: int, text: str, style: str, columns: int) -> None:
    """Write text over several columns, on as many lines as it needs."""
    write(sheet, row, 1, text, style)
    if columns > 1:
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=columns)
    width = sum(sheet.column_dimensions[get_column_letter(number)].width for number in range(1, columns + 1))
    size = _STYLES[style]["font"].size
    sheet.row_dimensions[row].height = lines(text, width * 10 / size) * _ROW * size / 10 + (2 if size > 10 else 0)


def lines(text: str, width: float) -> int:
    """Return how many lines a text takes in a column of a width in characters."""
    return max(1, len(wrap(text, max(1, int(width * 1.1)))))


def link(sheet: Worksheet, row: int, column: int, target: str, text: str) -> None:
    """Write a link to the first cell of another sheet."""
    write(sheet, row, column, text, "ilms_link")
    cell = sheet.cell(row, column)
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{target}'!A1", display=str(cell.value))
    cell.style = "ilms_link"


def set_page(sheet: Worksheet, page: Page, *, orientation: str = "landscape", title_rows: str | None = None) -> None:
    """Set what a printer needs: A4, as wide as the page, repeated headers, footer."""
    sheet.page_setup.orientation = orientation
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_options.horizontalCentered = True
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.page_margins.top, sheet.page_margins.bottom = 0.6, 0.8
    if title_rows:
        sheet.print_title_rows = title_rows
    sheet.sheet_view.showGridLines = False
    left, right = sheet.oddFooter.left, sheet.oddFooter.right
    left.text = _escaped(page.left, _FOOTER[orientation])
    right.text = f"{_escaped(page.right, _FOOTER[orientation])}  |  {page.page}"
    left.size = right.size = 8


def _escaped(text: str, most: int) -> str:
    """Text of a footer, in which & begins a command."""
    kept = text if len(text) <= most else text[: most - 1] + "…"
    return kept.replace("&", "&&")


@dataclass(frozen=True)
class TableText:
    """The words around a table.

    Attributes:
        title: its number and title.
        marks: lines under the title that say what kind of figures these are.
        facts: lines of area, unit and classification.
        below: lines under the table; a line and whether it heads others.
    """

    title: str
    marks: Sequence[str]
    facts: Sequence[str]
    below: Iterable[tuple[str, bool]]


def draw_table(sheet: Worksheet, grid: Grid, text: TableText, phrases: Phrases, index: str, page: Page) -> None:
    """Draw a table: title, facts, headers, one block of rows per period, source, notes and flags."""
    words = phrases.words
    parts = [("value", _VALUE), ("flag", _FLAG)]
    if grid.has_limits:
        parts += [("lower", _LIMIT), ("upper", _LIMIT)]
    # A narrow table gets a wider column of labels, so that titles and notes have room.
    label_width = _LABEL if len(grid.sexes) > 1 else 90 - sum(width for _, width in parts) + 30
    sheet.column_dimensions["A"].width = label_width
    columns = 1 + len(grid.sexes) * len(parts)
    for number in range(2, columns + 1):
        sheet.column_dimensions[get_column_letter(number)].width = parts[(number - 2) % len(parts)][1]
    write_wide(sheet, 1, text.title, "ilms_title", columns)
    row = 2
    for mark in text.marks:
        write_wide(sheet, row, mark, "ilms_test", columns)
        row += 1
    write_wide(sheet, row, "  |  ".join(text.facts), "ilms_text", columns)
    link(sheet, row + 1, 1, index, words["back"])
    head = row + 2
    _draw_head(sheet, head, grid, phrases, [key for key, _ in parts])
    row = head + 2
    for block in grid.blocks:
        for column in range(1, columns + 1):
            write(sheet, row, column, phrases.period(block.time) if column == 1 else None, "ilms_period")
        row += 1
        for line in block.lines:
            _draw_line(sheet, row, line, grid, phrases, label_width)
            row += 1
    row += 1
    for line_text, is_heading in text.below:
        write_wide(sheet, row, line_text, "ilms_strong" if is_heading else "ilms_text", columns)
        row += 1
    sheet.freeze_panes = f"B{head + 2}"
    set_page(sheet, page, title_rows=f"1:{head + 1}")


def _draw_head(sheet: Worksheet, row: int, grid: Grid, phrases: Phrases, parts: Sequence[str]) -> None:
    title = phrases.list_title(grid.head)
    write(sheet, row, 1, title, "ilms_head")
    write(sheet, row + 1, 1, None, "ilms_head")
    sheet.merge_cells(start_row=row, end_row=row + 1, start_column=1, end_column=1)
    for number, sex in enumerate(grid.sexes):
        first = 2 + number * len(parts)
        for offset, part in enumerate(parts):
            write(sheet, row, first + offset, phrases.name("SEX", sex) if offset == 0 else None, "ilms_head")
            write(sheet, row + 1, first + offset, phrases.words[part], "ilms_head")
        sheet.merge_cells(start_row=row, end_row=row, start_column=first, end_column=first + len(parts) - 1)
    height = max(18.0, lines(title, sheet.column_dimensions["A"].width) * _ROW / 2 + 2)
    sheet.row_dimensions[row].height = sheet.row_dimensions[row + 1].height = height


def _draw_line(sheet: Worksheet, row: int, line: Line, grid: Grid, phrases: Phrases, label_width: float) -> None:
    kind = "total" if line.is_total or line.is_heading else "plain"
    label = phrases.label(line.label) if line.label else phrases.words["other_countries"]
    write(sheet, row, 1, label, f"ilms_label_{kind}_{line.depth}")
    sheet.row_dimensions[row].height = _ROW * lines(label, label_width - 2 * line.depth) + 1.5
    number = f"ilms_number_{kind}_{grid.indicator.display_decimals}"
    column = 2
    for sex in grid.sexes:
        cell = line.cells.get(sex, Cell(None, None, ""))
        write(sheet, row, column, cell.value, number)
        write(sheet, row, column + 1, cell.status or None, "ilms_flag")
        column += 2
        if grid.has_limits:
            write(sheet, row, column, cell.lower, number)
            write(sheet, row, column + 1, cell.upper, number)
            column += 2
