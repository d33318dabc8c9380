"""Files of several record types."""

import pandas as pd
import pyarrow.parquet as pq
import pyreadstat
import pytest

from pipelines.readers.layout import Records
from pipelines.readers.read import write_raw_extract

FWF = b"H001 Lima      \nP001A34\nP001B5 \nX\nH002 Cusco     \nP002A61\n"
PERSONS = (("TYPE", 1, 1), ("HH", 2, 3), ("PERSON", 5, 1), ("AGE", 6, 2))
HOUSES = (("TYPE", 1, 1), ("HH", 2, 3), ("CITY", 6, 10))


def read(desk, path, layout):
    target = desk.store / "raw.parquet"
    info = write_raw_extract(path, layout, target, display_name=path.name, work_dir=desk.work_dir)
    assert list(desk.work_dir.iterdir()) == []
    return info, pq.read_table(target).to_pydict()


@pytest.mark.parametrize("block", [20, 4 << 20])
def test_fixed_width(desk, layout, monkeypatch, block):
    monkeypatch.setattr("pipelines.readers.fixed_width.BLOCK", block)
    path = desk.file(FWF)
    info, columns = read(desk, path, layout("fwf", *PERSONS, records=Records("TYPE", ("P",))))
    assert columns == {
        "row_number": [2, 3, 6], "TYPE": ["P"] * 3, "HH": ["001", "001", "002"], "PERSON": ["A", "B", "A"],
        "AGE": ["34", "5", "61"],
    }  # fmt: skip
    assert (info.rows, info.record_counts) == (3, {"H": 2, "X": 1})
    info, columns = read(desk, path, layout("fwf", *HOUSES, records=Records("TYPE", (" H ",))))
    assert columns["CITY"] == ["Lima", "Cusco"]
    assert columns["row_number"] == [1, 5]
    assert info.record_counts == {"P": 3, "X": 1}


def test_a_short_row_of_the_type_is_refused_with_its_place_in_the_file(desk, layout):
    error = desk.refuse(desk.file(FWF + b"P002B"), layout("fwf", *PERSONS, records=Records("TYPE", ("P",))))
    assert [(problem.rule, problem.row) for problem in error.problems] == [("FILE_ROW_WIDTH", 7)]


def test_csv(desk, layout):
    path = desk.file(b"TYPE,V\n 1 ,a\n2,b\n,c\n1,d\n3,e\n2,f\n")
    info, columns = read(desk, path, layout("csv", records=Records("TYPE", ("1", "3"))))
    assert columns == {"row_number": [1, 4, 5], "TYPE": [" 1 ", "1", "3"], "V": ["a", "d", "e"]}
    assert (info.rows, info.record_counts) == (3, {"": 1, "2": 2})


def test_sav(desk, layout):
    path = desk.folder / "a.sav"
    pyreadstat.write_sav(pd.DataFrame({"t": [1.0, 2.0, None, 2.0], "v": [5.0, 6.0, 7.0, 8.0]}), path)
    info, columns = read(desk, path, layout("sav", records=Records("t", ("2",))))
    assert columns == {"row_number": [2, 4], "t": ["2", "2"], "v": ["6", "8"]}
    assert info.record_counts == {"": 1, "1": 1}


BAD = {
    "no rows of the type": ("csv", [], Records("TYPE", ("9",)), "FILE_EMPTY"),
    "no such variable": ("csv", [], Records("KIND", ("1",)), "VARIABLE_MISSING"),
    "not in the layout": ("fwf", [("HH", 2, 1)], Records("TYPE", ("1",)), "FILE_COLUMNS"),
    "no rows in fixed width": ("fwf", [("TYPE", 1, 1)], Records("TYPE", ("9",)), "FILE_EMPTY"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_records(desk, layout, name):
    format, fields, records, rule = BAD[name]
    error = desk.refuse(desk.file(b"TYPE,V\n1,2\n"), layout(format, *fields, records=records))
    assert [problem.rule for problem in error.problems] == [rule]


def test_a_variable_of_many_values_is_no_record_type(desk, layout):
    content = b"ID,V\n" + b"".join(b"%d,x\n" % number for number in range(1002))
    error = desk.refuse(desk.file(content), layout("csv", records=Records("ID", ("1",))))
    assert [problem.rule for problem in error.problems] == ["FILE_RECORD_TYPE"]
