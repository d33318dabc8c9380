"""SAS files: what the test-only writer writes is what two independent readers find, and what the extract holds."""

import pandas as pd
import pyreadstat
import pytest

from pipelines.readers import apart
from tests.pipelines.readers import sas_file
from tests.pipelines.readers.sas_file import missing, write_sas

COLUMNS = {
    "id": ["a1", "b", "", "é"],
    "x": [1, 2.5, missing("A"), missing("_")],
    "born": [21915, None, -3288, missing("Z")],
    "asked": [1893580992.5, 0, None, -86400],
    "at": [3661.5, 90000, None, 0],
    "year": [21915, 0, None, 1e9],
}
FORMATS = {"born": "DATE", "asked": "DATETIME", "at": "TIME", "year": "YEAR", "id": "$CHAR", "x": "BEST"}
TEXT = {
    "id": ["a1", "b", "", "é"],
    "x": ["1", "2.5", ".A", "._"],
    "born": ["2020-01-01", None, "1950-12-31", ".Z"],
    "asked": ["2020-01-02T10:43:12.500", "1960-01-01T00:00:00", None, "1959-12-31T00:00:00"],
    "at": ["01:01:01.500", "25:00:00", None, "00:00:00"],
    "year": ["2020-01-01", "1960-01-01", None, "1000000000"],
}


@pytest.fixture(params=[5, None], ids=["chunks_of_one_row", "one_chunk"], autouse=True)
def chunks(request, monkeypatch):
    monkeypatch.setattr(apart, "CHUNK_CELLS", request.param)


@pytest.fixture
def sas(tmp_path):
    path = tmp_path / "persons.sas7bdat"
    write_sas(path, COLUMNS, labels={"x": "A númber"}, formats=FORMATS)
    return path


def test_sas(desk, layout, sas):
    info, columns = desk.read(sas, layout("sas7bdat", "id", "x"))
    assert columns == TEXT
    assert info.labels == {"x": "A númber"}
    assert info.types["born"] == "double DATE"
    assert info.types["id"] == "string $CHAR"
    assert (info.rows, info.encoding, info.notes, info.value_labels) == (4, "utf-8", (), {})


def test_two_readers_find_what_was_written(tmp_path):
    path = tmp_path / "a.sas7bdat"
    columns = {"id": [f"P{n:05d}" for n in range(5000)], "x": [n / 8 for n in range(5000)], "y": [None] * 5000}
    write_sas(path, columns, labels={"x": "Label"}, formats={"x": "BEST"}, page_bytes=4096)
    by_readstat, metadata = pyreadstat.read_sas7bdat(path)
    by_pandas = pd.read_sas(path, encoding="utf-8")
    assert by_readstat["id"].tolist() == by_pandas["id"].tolist() == columns["id"]
    assert by_readstat["x"].tolist() == by_pandas["x"].tolist() == columns["x"]
    assert by_readstat["y"].isna().all()
    assert by_pandas["y"].isna().all()
    assert metadata.column_labels == [None, "Label", None]
    assert metadata.original_variable_types["x"] == "BEST"


@pytest.mark.parametrize(
    ("code", "raw", "found"),
    [
        (sas_file.UTF8, "é".encode(), "utf-8"),
        (sas_file.WINDOWS_1252, b"\xe9", "windows-1252"),
        (42, b"\x82", "cp850"),
        (0, b"\xe9", "windows-1252"),
        (33, "é".encode("windows-1252"), "iso8859-5"),
    ],
    ids=["utf8", "1252", "850", "none", "cyrillic"],
)
def test_encodings(desk, layout, tmp_path, code, raw, found):
    path = tmp_path / "a.sas7bdat"
    write_sas(path, {"name": [b"Jos" + raw, b"a"], "x": [1, 2]}, encoding=code)
    info, columns = desk.read(path, layout("sas7bdat"))
    assert columns["name"] == ["Jos" + raw.decode(found), "a"]
    assert info.encoding == found


def test_texts_that_are_not_in_the_files_encoding(desk, layout, tmp_path):
    path = tmp_path / "a.sas7bdat"
    write_sas(path, {"name": [b"Jos\xe9  ", "María"], "x": [1, 2]})
    info, columns = desk.read(path, layout("sas7bdat"))
    assert columns["name"] == ["José", "María"]
    assert info.notes == ("1 texts that are not utf-8 were read as windows-1252",)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8, 0.95, 0.999])
def test_cut_sas(desk, layout, tmp_path, share):
    path = tmp_path / "a.sas7bdat"
    write_sas(path, {"id": [f"P{n:05d}" for n in range(800)], "x": [1.0] * 800}, page_bytes=2048)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert [problem.rule for problem in desk.refuse(path, layout("sas7bdat")).problems] == ["FILE_TRUNCATED"]


@pytest.mark.parametrize("rows", [3, 5, 10**9])
def test_rows_that_the_header_does_not_count(desk, layout, tmp_path, rows):
    path = tmp_path / "a.sas7bdat"
    write_sas(path, COLUMNS, row_count=rows)
    if rows < 4:
        assert desk.read(path, layout("sas7bdat"))[0].rows == rows
    else:
        assert [problem.rule for problem in desk.refuse(path, layout("sas7bdat")).problems] == ["FILE_TRUNCATED"]


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"x": [1.0], "X": [2.0]}, "FILE_DUPLICATE_COLUMN"),
        ({"row_number": [1.0]}, "FILE_COLUMNS"),
        ({"x": []}, "FILE_EMPTY"),
        ({"y": [1.0]}, "VARIABLE_MISSING"),
    ],
    ids=["duplicate", "row_number", "no_rows", "missing"],
)
def test_bad_columns(desk, layout, tmp_path, columns, rule):
    path = tmp_path / "a.sas7bdat"
    write_sas(path, columns)
    fields = ["x"] if rule == "VARIABLE_MISSING" else []
    assert [problem.rule for problem in desk.refuse(path, layout("sas7bdat", *fields)).problems] == [rule]
