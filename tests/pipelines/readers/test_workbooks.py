"""Excel workbooks."""

import io
import re
import zipfile
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest

from tests.pipelines.readers.samples import pack_zip, workbook

TABLE = [
    ["ID", "N", "WHEN", "YES"],
    ["001", 1, date(2020, 1, 1), True],
    [" x ", 1.5, datetime(2020, 1, 1, 10, 30, 15), False],  # noqa: DTZ001
    [None, 1e-7, time(1, 2, 3), None],
    ["é", 123456789012345678, timedelta(hours=30), ""],
]
TEXT = {
    "ID": ["001", " x ", None, "é"],
    "N": ["1", "1.5", "0.0000001", "123456789012345680"],
    "WHEN": ["2020-01-01", "2020-01-01T10:30:15", "01:02:03", "30:00:00"],
    "YES": ["1", "0", None, None],
}


def rules(error):
    return [(problem.rule, problem.row) for problem in error.problems]


def changed(content, **parts):
    """A workbook with parts replaced by what a function makes of them; - in a name stands for /, _ for a dot."""
    out = io.BytesIO()
    by_name = {name.replace("-", "/").replace("_", "."): change for name, change in parts.items()}
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            made.writestr(name, by_name.get(name, bytes)(given.read(name)))
    return out.getvalue()


def sheet(content, change):
    return changed(content, **{"xl-worksheets-sheet1_xml": change})


def test_workbook(desk, layout):
    rows = [row[:] for row in TABLE]
    rows[4][1] = "123456789012345680"
    info, columns = desk.read(desk.file(workbook(rows), "a.xlsx"), layout("xlsx", "ID"))
    assert columns == TEXT
    assert (info.rows, info.encoding, info.notes) == (4, "utf-8", ())


def test_the_only_sheet_with_cells_is_read(desk, layout):
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.create_sheet("Data").append(["A"])
    book["Data"].append([1])
    out = io.BytesIO()
    book.save(out)
    info, columns = desk.read(desk.file(out.getvalue()), layout("xlsx"))
    assert columns == {"A": ["1"]}
    assert info.notes == ("the workbook has 2 sheets, of which one was read",)


def test_several_sheets_need_a_name(desk, layout):
    path = desk.file(workbook([["A"], [1]], ("Data", "Other")))
    error = desk.refuse(path, layout("xlsx"))
    assert rules(error) == [("FILE_SHEET", None)]
    assert "2 sheets" in str(error)
    assert "sheet" in error.problems[0].remedy
    assert desk.read(path, layout("xlsx", sheet="data"))[1] == {"A": ["1"]}


def test_a_workbook_in_a_zip(desk, layout):
    info, columns = desk.read(desk.file(pack_zip(("a.xlsx", workbook([["A"], [1]])))), layout("xlsx"))
    assert (info.member, columns) == ("a.xlsx", {"A": ["1"]})


def test_cells_that_are_blank_at_the_end_do_not_count(desk, layout):
    rows = [["A", "B", None], [1, 2, None], [3, None, None], [None, None, None]]
    assert desk.read(desk.file(workbook(rows)), layout("xlsx"))[1] == {"A": ["1", "3"], "B": ["2", None]}


def test_formulas_have_the_result_that_was_stored(desk, layout):
    content = workbook([["A", "B"], [1, "=A2+1"]])
    stored = sheet(content, lambda xml: re.sub(rb"<v></v>|<v ?/>", b"<v>2</v>", xml))
    assert desk.read(desk.file(stored), layout("xlsx"))[1] == {"A": ["1"], "B": ["2"]}


def without_results(xml):
    return re.sub(rb"<v></v>|<v ?/>", b"", xml)


BAD = {
    "formula": (sheet(workbook([["A", "B"], [1, "=A2+1"]]), without_results), {}, [("FILE_CELL", 2)]),
    "error cell": (workbook([["A"], [1], ["#N/A"]]), {}, [("FILE_CELL", 3)]),
    "blank row": (workbook([["A", "B"], [1, 2], [], [3, 4]]), {}, [("FILE_ROW_WIDTH", 3)]),
    "beside the table": (workbook([["A", "B"], [1, 2, "note"]]), {}, [("FILE_ROW_WIDTH", 2)]),
    "blank first row": (workbook([[], ["A"], [1]]), {}, [("FILE_COLUMNS", None)]),
    "no cells": (workbook([]), {}, [("FILE_EMPTY", None)]),
    "header only": (workbook([["A"]]), {}, [("FILE_EMPTY", None)]),
    "no such sheet": (workbook([["A"], [1]]), {"sheet": "B"}, [("FILE_SHEET", None)]),
    "101 columns": (workbook([[f"V{n}" for n in range(101)]]), {}, [("FILE_TOO_LARGE", None)]),
    "duplicate": (workbook([["A", "a"], [1, 2]]), {}, [("FILE_DUPLICATE_COLUMN", None)]),
    "doctype": (
        sheet(workbook([["A"], [1]]), lambda xml: b'<!DOCTYPE x [<!ENTITY y "z">]>' + xml),
        {},
        [("FILE_ARCHIVE", None)],
    ),
    "doctype in UTF-16": (
        sheet(workbook([["A"], [1]]), lambda xml: ("<!DOCTYPE x []>" + xml.decode()).encode("utf-16")),
        {},
        [("FILE_TRUNCATED", None)],
    ),
    "UTF-7": (
        sheet(workbook([["A"], [1]]), lambda xml: b'<?xml version="1.0" encoding="UTF-7"?>' + xml),
        {},
        [("FILE_TRUNCATED", None)],
    ),
    "no xml": (sheet(workbook([["A"], [1]]), lambda xml: xml[:-20]), {}, [("FILE_TRUNCATED", None)]),
    "document": (pack_zip(("[Content_Types].xml", b"<x/>"), ("word/a.xml", b"<x/>")), {}, [("FILE_FORMAT", None)]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_workbooks(desk, layout, name):
    content, options, expected = BAD[name]
    assert rules(desk.refuse(desk.file(content), layout("xlsx", **options))) == expected


def test_a_workbook_for_another_format_is_named(desk, layout):
    path = desk.file(workbook([["A"], [1]]))
    for format in ("csv", "dta"):
        error = desk.refuse(path, layout(format))
        assert rules(error) == [("FILE_FORMAT", None)]
        assert "workbook" in str(error)
