import pytest


def rules(error):
    return [(problem.rule, problem.row) for problem in error.problems]


FIELDS = (("ID", 1, 3), ("NAME", 4, 6), ("AGE", 10, 2))


def test_values_lie_between_byte_offsets(desk, layout):
    path = desk.file(b"001Ana   34\n002 Bo    5\n003        \n")
    info, columns = desk.read(path, layout("fwf", *FIELDS))
    assert columns == {"ID": ["001", "002", "003"], "NAME": ["Ana", "Bo", ""], "AGE": ["34", "5", ""]}
    assert info.rows == 3


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "cp850", "shift_jis"])
def test_offsets_are_bytes_of_the_file_as_it_came(desk, layout, encoding):
    name = "日本" if encoding == "shift_jis" else "Zoé"
    rows = [b"001" + name.encode(encoding).ljust(6) + b"34", b"002Bo    05"]
    _, columns = desk.read(desk.file(b"\r\n".join(rows)), layout("fwf", *FIELDS, encoding=encoding))
    assert columns == {"ID": ["001", "002"], "NAME": [name, "Bo"], "AGE": ["34", "05"]}


def test_encoding_is_detected(desk, layout):
    info, columns = desk.read(desk.file(b"001Zo\xe9   34\n002\x81     05\n"), layout("fwf", *FIELDS))
    assert columns["NAME"] == ["Zoé", "\N{REPLACEMENT CHARACTER}"]
    assert info.notes == (
        "encoding not declared and not UTF-8: read as windows-1252",
        "1 bytes that windows-1252 does not have were replaced",
    )


def test_a_mark_is_no_part_of_the_first_row(desk, layout):
    _, columns = desk.read(desk.file(b"\xef\xbb\xbf001Ana   34\n"), layout("fwf", *FIELDS))
    assert columns["ID"] == ["001"]


def test_rows_may_be_longer_than_the_layout_and_blocks_shorter_than_the_file(desk, layout, monkeypatch):
    monkeypatch.setattr("pipelines.readers.fixed_width.BLOCK", 16)
    path = desk.file(b"".join(b"%03dname  42%s\r\n" % (n, b"x" * (n % 3)) for n in range(1, 50)) + b"\r\n\r\n")
    info, columns = desk.read(path, layout("fwf", *FIELDS))
    assert columns["ID"] == [f"{n:03d}" for n in range(1, 50)]
    assert info.notes == ("rows have 11 to 13 bytes",)


BAD = {
    "cut_last_row": (b"001Ana   34\n002Bo", {}, [("FILE_ROW_WIDTH", 2)]),
    "blank_row": (b"001Ana   34\n\n002Bo    05\n", {}, [("FILE_ROW_WIDTH", 2)]),
    "made_utf8_later": ("001Zoé   34\n002Bo    05\n".encode(), {}, [("FILE_ROW_WIDTH", None)]),
    "nul": (b"001Ana\0\0\x0034\n", {}, [("FILE_ENCODING", None)]),
    "declared_utf8": (b"001Ana   34\n002Zo\xe9   34\n", {"encoding": "utf-8"}, [("FILE_ENCODING", 2)]),
    "utf16": ("001Ana   34\n".encode("utf-16"), {}, [("FILE_ENCODING", None)]),
    "only_row_ends": (b"\n\n", {}, [("FILE_EMPTY", None)]),
    "empty": (b"", {}, [("FILE_EMPTY", None)]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(desk, layout, name):
    content, options, expected = BAD[name]
    assert rules(desk.refuse(desk.file(content), layout("fwf", *FIELDS, **options))) == expected


def test_a_field_that_cuts_a_character_is_refused(desk, layout):
    error = desk.refuse(desk.file("aé\nbé\n".encode()), layout("fwf", ("A", 1, 2)))
    assert rules(error) == [("FILE_ENCODING", 1)]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        (("A",), "FILE_COLUMNS"),
        ((("A", 0, 1),), "FILE_COLUMNS"),
        ((), "FILE_COLUMNS"),
        ((("A", 1, 1), ("a", 2, 1)), "FILE_DUPLICATE_COLUMN"),
        ((("row_number", 1, 1),), "FILE_COLUMNS"),
    ],
    ids=["no_offsets", "offset_zero", "no_fields", "duplicate", "row_number"],
)
def test_bad_layouts(desk, layout, fields, rule):
    assert rules(desk.refuse(desk.file(b"123\n"), layout("fwf", *fields))) == [(rule, None)]


def test_a_file_without_row_ends(desk, layout, monkeypatch):
    monkeypatch.setattr("pipelines.readers.fixed_width.BLOCK", 16)
    monkeypatch.setattr("pipelines.readers.fixed_width.LONGEST_ROW", 32)
    assert rules(desk.refuse(desk.file(b"1" * 100), layout("fwf", ("A", 1, 1)))) == [("FILE_ROW_WIDTH", None)]
