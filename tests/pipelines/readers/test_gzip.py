"""Files packed by gzip."""

import gzip
import io
import tarfile

import pytest

from pipelines.readers import archives
from tests.pipelines.readers.samples import layout_of, pack_zip, sound

CSV = b"A,B\n1,2\n3,4\n"


def rules(error):
    return [(problem.rule, problem.row) for problem in error.problems]


def tar(format=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(CSV)
        archive.addfile(member, io.BytesIO(CSV))
    return out.getvalue()


def old_tar():
    """A tar without the mark of newer ones."""
    content = bytearray(tar())
    content[257:265] = bytes(8)
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    return bytes(content)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv", "data"])
@pytest.mark.parametrize("block", [3, 1 << 20])
def test_the_bytes_decide_and_not_the_name(desk, layout, monkeypatch, name, block):
    monkeypatch.setattr("pipelines.readers.gzip_files._BLOCK", block)
    info, columns = desk.read(desk.file(gzip.compress(CSV), name), layout("csv", "A"))
    assert columns == {"A": ["1", "3"], "B": ["2", "4"]}
    assert info.member is None


@pytest.mark.parametrize("block", [3, 1 << 20])
@pytest.mark.parametrize("padding", [b"", bytes(10)], ids=["", "padded"])
def test_several_streams_are_one_file(desk, layout, monkeypatch, block, padding):
    monkeypatch.setattr("pipelines.readers.gzip_files._BLOCK", block)
    content = gzip.compress(CSV[:6]) + padding + gzip.compress(CSV[6:]) + padding
    assert desk.read(desk.file(content), layout("csv"))[1]["B"] == ["2", "4"]


@pytest.mark.parametrize("kind", ["fwf", "dta118", "sav", "sas7bdat", "parquet"])
def test_other_formats(desk, kind):
    assert desk.read(desk.file(gzip.compress(sound(kind))), layout_of(kind))[0].rows == 60


BAD = {
    "cut": (gzip.compress(CSV * 100)[:-9], "FILE_ARCHIVE"),
    "wrong checksum": (gzip.compress(CSV)[:-8] + b"\xff" * 8, "FILE_ARCHIVE"),
    "rubbish after it": (gzip.compress(CSV) + b"rubbish", "FILE_ARCHIVE"),
    "tar": (gzip.compress(tar()), "FILE_ARCHIVE"),
    "GNU tar": (gzip.compress(tar(tarfile.GNU_FORMAT)), "FILE_ARCHIVE"),
    "old tar": (gzip.compress(old_tar()), "FILE_ARCHIVE"),
    "zip": (gzip.compress(pack_zip(("a.csv", CSV))), "FILE_ARCHIVE"),
    "gzip": (gzip.compress(gzip.compress(CSV)), "FILE_ARCHIVE"),
    "nothing": (gzip.compress(b""), "FILE_EMPTY"),
    "other format": (gzip.compress(b"%PDF-1.7 ..."), "FILE_FORMAT"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(desk, layout, name):
    content, rule = BAD[name]
    assert rules(desk.refuse(desk.file(content), layout("csv"))) == [(rule, None)]


def test_limits(desk, layout, monkeypatch):
    path = desk.file(gzip.compress(b"0" * 1_000_000))
    assert rules(desk.refuse(path, layout("csv"), unpacked_limit=999_999)) == [("FILE_ARCHIVE", None)]
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 100_000)
    monkeypatch.setattr(archives, "RATIO_LIMIT", 100)
    error = desk.refuse(path, layout("csv"))
    assert rules(error) == [("FILE_ARCHIVE", None)]
    assert "100 times" in str(error)
