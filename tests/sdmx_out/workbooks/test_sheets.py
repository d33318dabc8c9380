"""Workbooks: the same bytes whenever they are made, and text that is never a formula."""

import io
import os
import subprocess
import sys
import time
import zipfile

import openpyxl

from sdmx_out.workbooks.sheets import Column, add_sheet, new_workbook, workbook_bytes
from tests.sdmx_out.example import ROOT

COLUMNS = [Column("Name", 20), Column("Number", 10)]
ROWS = [("people", 1234.5), ("=1+1", 2), ("@home\x07", None)]


def made() -> bytes:
    workbook = new_workbook("A title")
    add_sheet(workbook, "Sheet", COLUMNS, ROWS, number_format="#,##0")
    add_sheet(workbook, "Empty", COLUMNS, [])
    return workbook_bytes(workbook)


def test_it_opens_with_its_cells_and_styles() -> None:
    book = openpyxl.load_workbook(io.BytesIO(made()))
    assert book.sheetnames == ["Sheet", "Empty"]
    sheet = book["Sheet"]
    assert list(sheet.values) == [
        ("Name", "Number"), ("people", 1234.5), ("'=1+1", 2), ("'@home\N{REPLACEMENT CHARACTER}", None),
    ]  # fmt: skip
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s", "n"}, "no formula"
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows) == ("A2", "A1:B4", "$1:$1")
    assert [sheet.column_dimensions[letter].width for letter in "AB"] == [20, 10]
    assert sheet["A1"].font.bold
    assert sheet["A2"].alignment.wrap_text
    assert sheet["B2"].number_format == "#,##0"
    assert book["Empty"].auto_filter.ref == "A1:B1"


def test_no_time_is_in_it() -> None:
    content = made()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None
        core = archive.read("docProps/core.xml").decode()
    assert core.count("1980-01-01T00:00:00Z") == 2
    assert str(time.gmtime().tm_year) not in core


def test_two_processes_write_the_same_bytes() -> None:
    script = "import sys; from tests.sdmx_out.workbooks.test_sheets import made; sys.stdout.buffer.write(made())"
    first, second = (
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            cwd=ROOT,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    )
    assert first == second != b""
