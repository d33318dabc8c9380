import io
import stat
import struct
import zipfile

import pytest

from pipelines.readers import archives

CSV = b"A,B\n1,2\n"


def pack(members, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def pack_link():
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return pack([(info, b"/etc/hostname")])


def pack_bzip2():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", CSV)
    return out.getvalue()


def pack_encrypted():
    content = bytearray(pack([("a.csv", CSV)]))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def pack_damaged():
    content = bytearray(pack([("a.csv", CSV * 50)]))
    content[content.index(b"a.csv") + 12] ^= 0xFF
    return bytes(content)


def pack_wrong_checksum():
    content = bytearray(pack([("a.csv", CSV)]))
    for place in (14, content.index(b"PK\x01\x02") + 16):
        content[place] ^= 0xFF
    return bytes(content)


def pack_lying(size):
    content = bytearray(pack([("a.csv", CSV * 1000)]))
    for place in (22, content.index(b"PK\x01\x02") + 24):
        content[place : place + 4] = struct.pack("<I", size)
    return bytes(content)


def rules(error):
    return [(problem.rule, problem.row) for problem in error.problems]


@pytest.mark.parametrize(
    ("members", "pattern", "found"),
    [
        ([("a.csv", CSV)], None, "a.csv"),
        ([("docs/readme.pdf", b"x"), ("data/A.CSV", CSV), ("data/", b"")], None, "data/A.CSV"),
        ([("a.csv", CSV), ("b.csv", b"x")], "a.*", "a.csv"),
        ([("x/persons.csv", CSV), ("x/households.csv", b"x")], "x/p*.csv", "x/persons.csv"),
        ([("a.csv", CSV), ("__MACOSX/._a.csv", b"x")], None, "a.csv"),
    ],
    ids=["one", "suffix", "pattern", "folder", "mac"],
)
def test_the_one_data_member_is_read(desk, layout, members, pattern, found):
    info, columns = desk.read(desk.file(pack(members), "a.zip"), layout("csv", member=pattern))
    assert info.member == found
    assert columns == {"A": ["1"], "B": ["2"]}


def test_a_file_that_is_not_packed_needs_no_member(desk, layout):
    info, _ = desk.read(desk.file(CSV), layout("csv", member="*.csv"))
    assert info.member is None


BAD = {
    "no_member": (pack([("a.doc", CSV)]), "FILE_ARCHIVE"),
    "no_members": (pack([]), "FILE_ARCHIVE"),
    "two_members": (pack([("a.csv", CSV), ("b.csv", CSV)]), "FILE_ARCHIVE"),
    "nested": (pack([("a.csv", CSV), ("b.zip", pack([]))]), "FILE_ARCHIVE"),
    "nested_renamed": (pack([("a.csv", pack([("b.csv", CSV)]))]), "FILE_ARCHIVE"),
    "parent": (pack([("../a.csv", CSV)]), "FILE_ARCHIVE"),
    "absolute": (pack([("/a.csv", CSV)]), "FILE_ARCHIVE"),
    "drive": (pack([("C:\\a.csv", CSV)]), "FILE_ARCHIVE"),
    "backslashes": (pack([("x\\..\\..\\a.csv", CSV)]), "FILE_ARCHIVE"),
    "link": (pack_link(), "FILE_ARCHIVE"),
    "encrypted": (pack_encrypted(), "FILE_ARCHIVE"),
    "bzip2": (pack_bzip2(), "FILE_ARCHIVE"),
    "damaged": (pack_damaged(), "FILE_ARCHIVE"),
    "checksum": (pack_wrong_checksum(), "FILE_ARCHIVE"),
    "says_smaller": (pack_lying(10), "FILE_ARCHIVE"),
    "says_larger": (pack_lying(100_000), "FILE_ARCHIVE"),
    "cut": (pack([("a.csv", CSV * 100)])[:-30], "FILE_ARCHIVE"),
    "many": (pack([(f"{n}.txt", b"") for n in range(100)] + [("a.csv", CSV)]), "FILE_ARCHIVE"),
    "workbook": (pack([("[Content_Types].xml", b""), ("xl/a.csv", CSV)]), "FILE_FORMAT"),
    "empty_member": (pack([("a.csv", b"")]), "FILE_EMPTY"),
    "other_format": (pack([("a.csv", b"$FL2@(#)")]), "FILE_FORMAT"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_archives(desk, layout, name):
    content, rule = BAD[name]
    assert rules(desk.refuse(desk.file(content, "a.zip"), layout("csv"))) == [(rule, None)]


def test_the_limit_holds_for_the_declared_size(desk, layout):
    path = desk.file(pack([("a.csv", CSV)]), "a.zip")
    assert rules(desk.refuse(path, layout("csv"), unpacked_limit=7)) == [("FILE_ARCHIVE", None)]


def test_a_bomb_is_refused_before_it_is_unpacked(desk, layout, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 100_000)
    monkeypatch.setattr(archives, "RATIO_LIMIT", 100)
    path = desk.file(pack([("a.csv", b"0" * 1_000_000)]), "a.zip")
    error = desk.refuse(path, layout("csv"))
    assert rules(error) == [("FILE_ARCHIVE", None)]
    assert "100 times" in str(error)
