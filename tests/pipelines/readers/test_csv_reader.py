import codecs

import pytest

from pipelines.readers import encodings

TEXT = "NAME;CITY\nJosé;Córdoba\n;x\n"


def rules(error):
    return [(problem.rule, problem.row) for problem in error.problems]


def test_values_are_kept_exactly_and_empty_is_not_null(desk, layout):
    path = desk.file(b'ID,V,W\n001, x ,NA\n1.0,"",NULL\n123456789012345678,"a""b,c",\n')
    info, columns = desk.read(path, layout("csv", "ID", "W"))
    assert columns == {
        "ID": ["001", "1.0", "123456789012345678"],
        "V": [" x ", "", 'a"b,c'],
        "W": ["NA", "NULL", ""],
    }
    assert (info.rows, info.encoding, info.delimiter) == (3, "utf-8", ",")
    assert info.notes == ("delimiter comma, 3 columns",)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
def test_delimiter_is_detected(desk, layout, delimiter):
    path = desk.file(delimiter.join("ABC").encode() + b"\n" + delimiter.join("123").encode())
    info, columns = desk.read(path, layout("csv"))
    assert info.delimiter == delimiter
    assert columns == {"A": ["1"], "B": ["2"], "C": ["3"]}


def test_decimal_commas_are_not_taken_for_delimiters(desk, layout):
    info, columns = desk.read(desk.file(b"A;B;C\n1,5;2,5;x\n2,5;3,5;y\n"), layout("csv"))
    assert info.delimiter == ";"
    assert columns["B"] == ["2,5", "3,5"]


@pytest.mark.parametrize(
    ("content", "encoding", "found"),
    [
        (TEXT.encode(), None, "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), None, "utf-8-sig"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8", "utf-8-sig"),
        (TEXT.encode("utf-16"), None, "utf-16"),
        (TEXT.encode("utf-16"), "utf-16-le", "utf-16"),
        (TEXT.encode("utf-16-be"), "utf-16-be", "utf-16-be"),
        (TEXT.encode("windows-1252"), None, "windows-1252"),
        (TEXT.encode("windows-1252"), "windows-1252", "windows-1252"),
        (TEXT.encode("latin-1"), "latin-1", "latin-1"),
        (TEXT.encode("cp850"), "cp850", "cp850"),
    ],
    ids=["8", "mark8", "mark8_said", "mark16", "mark16_said", "16be", "1252", "1252_said", "latin1", "850"],
)
def test_encodings(desk, layout, content, encoding, found):
    info, columns = desk.read(desk.file(content), layout("csv", "NAME", encoding=encoding))
    assert columns == {"NAME": ["José", ""], "CITY": ["Córdoba", "x"]}
    assert info.encoding == found


def test_a_late_byte_that_is_not_utf8_makes_the_whole_file_windows_1252(desk, layout, monkeypatch):
    monkeypatch.setattr(encodings, "BLOCK", 64)
    content = b"A,B\n" + b"1,2\n" * 100 + b"\xe9,\x81\n"
    info, columns = desk.read(desk.file(content), layout("csv"))
    assert columns["A"][-1] == "é"
    assert info.notes == (
        "encoding not declared and not UTF-8: read as windows-1252",
        "1 bytes that windows-1252 does not have were replaced",
        "delimiter comma, 2 columns",
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("block", [7, 64, 4 << 20])
def test_quoted_values_may_hold_row_ends(desk, layout, monkeypatch, newline, block):
    monkeypatch.setattr("pipelines.readers.csv_scan.BLOCK", block)
    rows = ["A,B", '1,"two', 'lines"', '"x, ""y""",3', '"","end"', ""]
    info, columns = desk.read(desk.file(newline.join(rows).encode()), layout("csv"))
    assert columns == {"A": ["1", 'x, "y"', ""], "B": [f"two{newline}lines", "3", "end"]}
    assert info.rows == 3


def test_quotation_marks_inside_unquoted_values_are_characters(desk, layout):
    _, columns = desk.read(desk.file(b'A;B\n5" pipe;x\nthe "B";"y;z"\n'), layout("csv"))
    assert columns == {"A": ['5" pipe', 'the "B"'], "B": ["x", "y;z"]}


def test_blank_rows_at_the_end_are_no_rows(desk, layout):
    info, _ = desk.read(desk.file(b"A,B\r\n1,2\r\n\r\n\r\n"), layout("csv"))
    assert info.rows == 1


def test_a_single_column_keeps_its_blanks(desk, layout):
    _, columns = desk.read(desk.file(b"A\n1\n\n3\n"), layout("csv", "A"))
    assert columns == {"A": ["1", "", "3"]}


def test_without_header_the_layout_names_the_columns(desk, layout):
    _, columns = desk.read(desk.file(b"1,2\n3,4\n"), layout("csv", "A", "B", header=False))
    assert columns == {"A": ["1", "3"], "B": ["2", "4"]}


def test_nameless_columns_get_their_position(desk, layout):
    info, columns = desk.read(desk.file(b'"","A",\n1,2,\n'), layout("csv", "A"))
    assert columns == {"unnamed_1": ["1"], "A": ["2"], "unnamed_3": [""]}
    assert "2 columns without a name are called unnamed_<position>" in info.notes


@pytest.mark.parametrize("name", ["PAR1", "RDX", "BZh", "ARROW1", "PK", "hid", "rooms"])
def test_no_header_is_taken_for_a_binary_format(desk, layout, name):
    info, _ = desk.read(desk.file(f"{name},B\n1,2\n".encode()), layout("csv", name))
    assert info.columns == (name, "B")


def test_labels_come_from_the_layout(desk, layout):
    from pipelines.readers.read import Field, FileLayout

    declared = FileLayout("csv", None, None, None, True, (Field("A", "Age"), Field("B", "")))
    info, _ = desk.read(desk.file(b"A,B\n1,2\n"), declared)
    assert info.labels == {"A": "Age"}
    assert info.types == {"A": "text", "B": "text"}


WIDE = b"A,B\n" + b"1,2\n" * 30
BAD = {
    "empty": (b"", {}, [("FILE_EMPTY", None)]),
    "blanks": (b"\n \n", {}, [("FILE_EMPTY", None)]),
    "header_only": (b"A,B\n", {}, [("FILE_EMPTY", None)]),
    "short_row": (b'A,B\n1,"x\ny"\n3\n5,6\n', {}, [("FILE_ROW_WIDTH", 3)]),
    "long_row": (b"A,B\n1,2\n3,4,5\n5,6\n", {}, [("FILE_ROW_WIDTH", 3)]),
    "cut_last_row": (b"A,B,C\n1,2,3\n4,5", {}, [("FILE_ROW_WIDTH", 3)]),
    "blank_row": (b"A,B\n1,2\n\n3,4\n", {}, [("FILE_ROW_WIDTH", 3)]),
    "many_rows": (
        WIDE + b"7\n" * 12,
        {},
        [("FILE_ROW_WIDTH", n) for n in range(32, 42)] + [("FILE_ROW_WIDTH", None)],
    ),
    "open_quote": (b'A,B\n1,"2\n3,4\n', {}, [("FILE_TRUNCATED", 2)]),
    "open_quote_beside_stray": (b'A,B\nx"y,"2\n3,4\n', {}, [("FILE_TRUNCATED", 2)]),
    "quote_swallows_rows": (b'A,B\n1,"2\n3,4\n5,"6"\n', {}, [("FILE_ROW_WIDTH", 2)]),
    "text_after_quote": (b'A,B\n1,2\n3,"4"x\n', {}, [("FILE_ROW_WIDTH", 3)]),
    "nul": (b"A,B\n1,2\n3,\x004\n", {}, [("FILE_ENCODING", 3)]),
    "utf16_without_mark": (TEXT.encode("utf-16-le"), {}, [("FILE_ENCODING", 1)]),
    "bad_utf8": (b"A,B\n1,2\n3,\xe9\n\xe9,4\n", {"encoding": "utf-8"}, [("FILE_ENCODING", 3)]),
    "bad_ascii": (b"A,B\n\xe9,2\n", {"encoding": "ascii"}, [("FILE_ENCODING", 2)]),
    "unknown_codec": (b"A,B\n1,2\n", {"encoding": "no-such"}, [("FILE_ENCODING", None)]),
    "not_a_text_codec": (b"A,B\n1,2\n", {"encoding": "hex"}, [("FILE_ENCODING", None)]),
    "mark_against_declaration": (
        codecs.BOM_UTF8 + b"A,B\n1,2\n",
        {"encoding": "windows-1252"},
        [("FILE_ENCODING", None)],
    ),
    "no_delimiter": (b"A B\n1 2\n", {}, [("FILE_DELIMITER", None)]),
    "wrong_delimiter": (b"A;B\n1;2\n", {"delimiter": ","}, [("FILE_DELIMITER", None)]),
    "long_delimiter": (b"A;;B\n1;;2\n", {"delimiter": ";;"}, [("FILE_DELIMITER", None)]),
    "duplicate": (b"A,B,a\n1,2,3\n", {}, [("FILE_DUPLICATE_COLUMN", None)]),
    "row_number": (b"A,Row_Number\n1,2\n", {}, [("FILE_COLUMNS", None)]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(desk, layout, name):
    content, options, expected = BAD[name]
    assert rules(desk.refuse(desk.file(content), layout("csv", **options))) == expected


def test_counts_of_undecodable_places(desk, layout):
    error = desk.refuse(desk.file(b"A,B\n3,\xe9\n\xe9,4\n"), layout("csv", encoding="utf-8"))
    assert error.problems[0].message.startswith("2 places cannot be read as utf-8")


def test_missing_variables_are_all_named_with_the_nearest(desk, layout):
    error = desk.refuse(desk.file(b"SEX,AGE,WEIGTH\n1,2,3\n"), layout("csv", "SEX", "WEIGHT", "PSU_XY"))
    (problem,) = error.problems
    assert problem.rule == "VARIABLE_MISSING"
    assert "2 declared variables" in problem.message
    assert "WEIGHT, PSU_XY" in problem.message
    assert problem.remedy.endswith("WEIGHT may be WEIGTH")


def test_a_first_row_of_data_is_never_quoted(desk, layout):
    error = desk.refuse(desk.file(b"SMITH,WEIGHTY,SMITH\n1,2,3\n"), layout("csv", "SEX", "WEIGHT"))
    assert {problem.rule for problem in error.problems} == {"FILE_DUPLICATE_COLUMN", "VARIABLE_MISSING"}
    assert "SMITH" not in str(error)
    assert "WEIGHTY" not in str(error)


def test_without_header_every_column_is_declared(desk, layout):
    error = desk.refuse(desk.file(b"1,2,3\n4,5,6\n"), layout("csv", "A", "B", header=False))
    assert rules(error) == [("FILE_COLUMNS", None)]


def test_no_value_in_any_message(desk, layout):
    secret = "Zyxwvut"
    for content in (
        f"A,B\n1,{secret}\n{secret}\n",
        f'A,B\n1,"{secret}\n2,3\n',
        f'A,B\n1,"{secret}"{secret}\n',
        f"A,B\n\n1,{secret}\n",
    ):
        assert secret not in str(desk.refuse(desk.file(content.encode()), layout("csv")))


def test_missing_file(desk, layout):
    assert rules(desk.refuse(desk.folder / "none.csv", layout("csv"))) == [("FILE_NOT_FOUND", None)]


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"$FL2@(#)", "SPSS"),
        (b"<stata_dta><header>", "Stata"),
        (b"r\x02\x01\x00", "Stata"),
        (b"PAR1\x15", "parquet"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
        (b"%PDF-1.7", "pdf"),
    ],
    ids=["sav", "dta", "old_dta", "parquet", "bzip2", "xls", "pdf"],
)
@pytest.mark.parametrize("format", ["csv", "fwf"])
def test_binary_files_are_named(desk, layout, format, head, found):
    error = desk.refuse(desk.file(head + b"A,B\n1,2\n"), layout(format, ("A", 1, 1)))
    assert rules(error) == [("FILE_FORMAT", None)]
    assert found in str(error)


def test_same_file_same_bytes_and_even_row_groups(desk, layout, monkeypatch):
    import pyarrow.parquet as pq

    from pipelines.readers import csv_reader, parquet

    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 1000)
    path = desk.file(b"A,B\n" + b"".join(b"%d,x\n" % n for n in range(2500)))
    counts = []
    desk.read(path, layout("csv"), progress=counts.append)
    first = (desk.store / "raw.parquet").read_bytes()
    monkeypatch.setattr(csv_reader, "BLOCK", 700)
    desk.read(path, layout("csv"))
    assert (desk.store / "raw.parquet").read_bytes() == first
    assert counts == [1000, 2000, 2500]
    assert pq.ParquetFile(desk.store / "raw.parquet").num_row_groups == 3
