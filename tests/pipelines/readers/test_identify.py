"""What a file is told to be, and its columns without any declaration."""

import gzip

import pytest

from pipelines.readers.read import Identified, identify, read_columns
from schemas.errors import InputError
from tests.pipelines.readers.samples import FORMATS, KINDS, csv_text, pack_zip, sound, workbook


def format_of(kind):
    format = FORMATS.get(kind, kind)
    return "csv_or_fwf" if format in ("csv", "fwf") else format


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("csv.gz", "zip")])
@pytest.mark.parametrize("packing", [None, "gzip", "zip"])
def test_identify(desk, kind, packing):
    content = sound(kind)
    suffix = ".xlsx" if kind == "xlsx" else ".bin"
    if packing == "gzip":
        content = gzip.compress(content)
    elif packing == "zip":
        content = pack_zip((f"a{suffix}", content), ("__MACOSX/._a", b"x"))
    path = desk.file(content, "anything")
    if kind == "xlsx" and packing == "gzip":
        with pytest.raises(InputError, match="FILE_ARCHIVE"):
            identify(path, "x")
        return
    expected = Identified(format_of(kind), packing, (f"a{suffix}",) if packing == "zip" else ())
    assert identify(path, "x") == expected


def test_a_member_of_another_format_does_not_count(desk):
    assert identify(desk.file(sound("zip")), "x") == Identified("csv_or_fwf", "zip", ("persons.csv", "readme.pdf"))


def test_a_zip_of_different_formats_has_none(desk):
    path = desk.file(pack_zip(("a.csv", csv_text()), ("b.sav", sound("sav")), ("folder/", b"")))
    assert identify(path, "x") == Identified("", "zip", ("a.csv", "b.sav"))


BAD = {
    "nothing": (b"", "FILE_EMPTY"),
    "pdf": (b"%PDF-1.7", "FILE_FORMAT"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "FILE_FORMAT"),
    "pdf in gzip": (gzip.compress(b"%PDF-1.7"), "FILE_FORMAT"),
    "cut gzip": (gzip.compress(b"A,B\n1,2\n")[:15], "FILE_ARCHIVE"),
    "cut zip": (pack_zip(("a.csv", csv_text()))[:-30], "FILE_ARCHIVE"),
    "document": (pack_zip(("[Content_Types].xml", b"<x/>"), ("word/a.xml", b"<x/>")), "FILE_FORMAT"),
    "gzip in zip": (pack_zip(("a.csv.gz", gzip.compress(b"A"))), "FILE_ARCHIVE"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_read(desk, name):
    content, rule = BAD[name]
    with pytest.raises(InputError, match=rule):
        identify(desk.file(content), "x")


def test_no_such_file(desk):
    with pytest.raises(InputError, match="FILE_NOT_FOUND"):
        identify(desk.folder / "none", "x")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "fwf"])
def test_columns_without_declaration(desk, kind):
    found = read_columns(desk.file(sound(kind)), "x", desk.work_dir)
    assert found.columns[:4] == ("id", "sex", "weight", "name")
    assert list(found.batches) == []
    assert list(desk.work_dir.iterdir()) == []
    if format_of(kind) in ("dta", "sav"):
        assert found.labels == {"sex": "Sex"}
        assert found.value_labels == {"sex": {"1": "Man", "2": "Woman"}}


def test_columns_of_one_sheet(desk):
    path = desk.file(workbook([["A"], [1]], ("One", "Two")))
    assert read_columns(path, "x", desk.work_dir, sheet="Two").columns == ("A",)
    with pytest.raises(InputError, match="FILE_SHEET"):
        read_columns(path, "x", desk.work_dir)


def test_columns_of_a_zip_of_different_formats(desk):
    path = desk.file(pack_zip(("a.csv", csv_text()), ("b.sav", sound("sav"))))
    with pytest.raises(InputError, match="FILE_ARCHIVE"):
        read_columns(path, "x", desk.work_dir)
    assert read_columns(path, "x", desk.work_dir, format="sav").columns[0] == "id"


def test_a_layout_without_fields_takes_all_columns(desk, layout):
    info, columns = desk.read(desk.file(b"A;B\n1;2\n"), layout("csv"))
    assert columns == {"A": ["1"], "B": ["2"]}
    assert info.labels == {}
