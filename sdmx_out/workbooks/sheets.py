"""Workbooks: sheets of rows with a header, and their bytes, the same for the same rows.

Here belongs what all workbooks have in common: styles, widths, filters, text that is never a formula, fixed times.
What a workbook is about does not belong here.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from schemas.spreadsheet_cells import safe_cell

#: The only time that a workbook knows: the first that a zip file can hold.
FIXED_TIME = datetime(1980, 1, 1)  # noqa: DTZ001 - workbooks and zip files have no time zones
_CREATOR = "Labour migration statistics"
_CORE = "docProps/core.xml"
_MODIFIED = re.compile(rb"(<dcterms:modified\b[^>]*>)[^<]*(</dcterms:modified>)")

_HEADER_FONT = Font(bold=True, color="FFFFFF")
_HEADER_FILL = PatternFill("solid", fgColor="1F3A5F")
_HEADER_ALIGNMENT = Alignment(vertical="center", wrap_text=True)
_LINE = Border(bottom=Side(style="thin", color="D0D5DD"))
_TEXT = Alignment(vertical="top", wrap_text=True)
_NUMBER = Alignment(vertical="top", horizontal="right")

Value = str | int | float | None


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    Attributes:
        title: text of its header.
        width: in characters.
    """

    title: str
    width: int


def new_workbook(title: str) -> Workbook:
    """Return a workbook without sheets."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    workbook.properties.title = safe_cell(title)
    workbook.properties.creator = _CREATOR
    workbook.properties.created = FIXED_TIME
    return workbook


def add_sheet(
    workbook: Workbook,
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Value]],
    number_format: str | None = None,
) -> Worksheet:
    """Add a sheet with a header that stays in view and filters its columns; it prints on the width of a page.

    Args:
        workbook: where it is added.
        title: of the sheet.
        columns: in order.
        rows: cells in the order of the columns; text is never a formula, None is an empty cell.
        number_format: of all numbers; as the spreadsheet program likes by default.
    """
    sheet = workbook.create_sheet(title)
    sheet.append([column.title for column in columns])
    for index, column in enumerate(columns, start=1):
        cell = sheet.cell(1, index)
        cell.font, cell.fill, cell.alignment = _HEADER_FONT, _HEADER_FILL, _HEADER_ALIGNMENT
        sheet.column_dimensions[get_column_letter(index)].width = column.width
    for row in rows:
        sheet.append([safe_cell(value) if isinstance(value, str) else value for value in row])
        for cell in sheet[sheet.max_row]:
            is_number = cell.data_type == "n" and cell.value is not None
            cell.alignment, cell.border = _NUMBER if is_number else _TEXT, _LINE
            if is_number and number_format:
                cell.number_format = number_format
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    return sheet


def workbook_bytes(workbook: Workbook) -> bytes:
    """Return the file of a workbook: the same bytes for the same cells, whenever it is made."""
    saved = io.BytesIO()
    # As Workbook.save, but stored: what is written again with fixed times is compressed once.
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        ExcelWriter(workbook, archive).save()
    return with_fixed_times(saved.getvalue())


def with_fixed_times(content: bytes) -> bytes:
    """Return an xlsx file with every time in it fixed: those of the zip's members, and its own."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as made:
        for name in source.namelist():
            data = source.read(name)
            if name == _CORE:
                data, count = _MODIFIED.subn(rb"\g<1>%b\g<2>" % f"{FIXED_TIME.isoformat()}Z".encode(), data)
                if count != 1:
                    raise ValueError(f"{_CORE} does not say once when it was modified")
            member = zipfile.ZipInfo(name, FIXED_TIME.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            member.external_attr = 0o600 << 16
            made.writestr(member, data, compresslevel=6)
    return target.getvalue()
