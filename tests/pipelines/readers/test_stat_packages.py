from datetime import date, datetime

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from pipelines.readers import apart
from tests.pipelines.readers.samples import sound

ROWS = pd.DataFrame(
    {
        "id": ["123456789012345678", "2", "", "é"],
        "sex": [1.0, 2.0, np.nan, 9.0],
        "weight": [1.5, 100000.0, 1e-7, 0.1],
        "born": [date(2020, 1, 1), None, date(1850, 12, 31), date(2013, 10, 1)],
        "asked": [
            text and datetime.fromisoformat(text)
            for text in ("2020-01-01T10:11:12.500", None, "1999-12-31", "1850-01-02T03:00:00")
        ],
    }
)
TEXT = {
    "id": ["123456789012345678", "2", "", "é"],
    "sex": ["1", "2", None, "9"],
    "weight": ["1.5", "100000", "0.0000001", "0.1"],
    "born": ["2020-01-01", None, "1850-12-31", "2013-10-01"],
    "asked": ["2020-01-01T10:11:12.500", None, "1999-12-31T00:00:00", "1850-01-02T03:00:00"],
}
LABELS = {"sex": "Sex of the person", "id": "Número"}


def rules(error):
    return [(problem.rule, problem.row) for problem in error.problems]


@pytest.fixture(params=[{}, {"row_compress": True}, {"compress": True}], ids=["plain", "compressed", "zsav"])
def sav(request, tmp_path):
    path = tmp_path / "persons.sav"
    pyreadstat.write_sav(
        ROWS,
        path,
        column_labels=LABELS,
        variable_value_labels={"sex": {1.0: "Man", 9.0: "Not stated"}},
        missing_ranges={"sex": [9], "weight": [{"lo": 99999, "hi": 200000}]},
        **request.param,
    )
    return path


@pytest.fixture(params=[10, 12, 14, 15], ids="stata{}".format)
def dta(request, tmp_path):
    path = tmp_path / "persons.dta"
    rows = ROWS.assign(sex=[1, 2, None, "d"]).replace({"id": {"é": "e"}} if request.param < 14 else {})
    pyreadstat.write_dta(
        rows,
        path,
        version=request.param,
        column_labels={"sex": LABELS["sex"]},
        missing_user_values={"sex": ["d"]},
        variable_value_labels={"sex": {1: "Man", "d": "Not stated"}},
    )
    return path


@pytest.fixture(params=[5, None], ids=["chunks_of_one_row", "one_chunk"], autouse=True)
def chunks(request, monkeypatch):
    monkeypatch.setattr(apart, "CHUNK_CELLS", request.param)


def test_sav(desk, layout, sav):
    info, columns = desk.read(sav, layout("sav", "sex", "weight"))
    assert columns == TEXT
    assert info.labels == LABELS
    assert info.value_labels == {"sex": {"1": "Man", "9": "Not stated"}}
    assert info.types["born"] == "double DATE11"
    assert info.types["id"].startswith("string A")
    assert (info.rows, info.encoding, info.notes) == (4, "utf-8", ())


def test_dta(desk, layout, dta):
    info, columns = desk.read(dta, layout("dta", "sex"))
    last_id = "é" if info.encoding == "utf-8" else "e"
    assert columns == TEXT | {"sex": ["1", "2", None, ".d"], "id": [*TEXT["id"][:3], last_id]}
    assert info.value_labels == {"sex": {"1": "Man", ".d": "Not stated"}}
    assert info.labels["sex"] == LABELS["sex"]
    assert info.types["born"] == "double %td"


def test_csv_dta_and_sav_give_equal_text(desk, layout, tmp_path):
    rows = ROWS.assign(sex=[1.0, 2.0, 3.0, 9.0]).drop(index=1)
    pyreadstat.write_sav(rows, tmp_path / "a.sav")
    pyreadstat.write_dta(rows, tmp_path / "a.dta")
    written = pd.DataFrame({name: [values[i] for i in (0, 2, 3)] for name, values in TEXT.items()})
    written.assign(sex=["1", "3", "9"]).to_csv(tmp_path / "a.csv", index=False)
    found = [desk.read(tmp_path / f"a.{kind}", layout(kind))[1] for kind in ("csv", "dta", "sav")]
    assert found[0] == found[1] == found[2]


def test_spss_missing_codes_of_dates_and_texts_stay_codes(desk, layout, tmp_path):
    rows = pd.DataFrame({"when": [0.0, 13797216000.0], "name": ["zz  ", "b"]})
    pyreadstat.write_sav(
        rows,
        tmp_path / "a.sav",
        variable_format={"when": "DATE11"},
        missing_ranges={"when": [0.0], "name": ["zz"]},
    )
    _, columns = desk.read(tmp_path / "a.sav", layout("sav"))
    assert columns == {"when": ["0", "2020-01-01"], "name": ["zz", "b"]}


def test_spss_times_and_periods(desk, layout, tmp_path):
    rows = pd.DataFrame({"t": [3661.5, 90000.0], "m": [13797216000.0, np.nan], "far": [1e17, 86400.0]})
    pyreadstat.write_sav(rows, tmp_path / "a.sav", variable_format={"t": "TIME11.2", "m": "MOYR8", "far": "DATETIME20"})
    _, columns = desk.read(tmp_path / "a.sav", layout("sav"))
    assert columns == {
        "t": ["01:01:01.500", "25:00:00"],
        "m": ["2020-01-01", None],
        "far": ["100000000000000000", "1582-10-15T00:00:00"],
    }


def test_stata_types(desk, layout, tmp_path):
    rows = pd.DataFrame(
        {
            "f": np.array([0.1, 1e10, np.nan], dtype=np.float32),
            "b": np.array([1, -5, 100], dtype=np.int8),
            "l": np.array([1, 2_000_000_000, -7], dtype=np.int32),
            "text": ["a  ", "", " b"],
            "strl": ["x" * 3000, "é", ""],
        }
    )
    rows.to_stata(tmp_path / "a.dta", write_index=False, version=118, convert_strl=["strl"])
    info, columns = desk.read(tmp_path / "a.dta", layout("dta"))
    assert columns == {
        "f": ["0.1", "10000000000", None],
        "b": ["1", "-5", "100"],
        "l": ["1", "2000000000", "-7"],
        "text": ["a", "", " b"],
        "strl": ["x" * 3000, "é", ""],
    }
    assert info.types["f"].startswith("float ")


def test_stata_periods_stay_numbers(desk, layout, tmp_path):
    rows = pd.DataFrame({"month": [639.0], "day": [1.0], "clock": [3_600_000.0]})
    formats = {"month": "%tm", "day": "%tdD_m_Y", "clock": "%tcHH:MM:SS"}
    pyreadstat.write_dta(rows, tmp_path / "a.dta", variable_format=formats)
    info, columns = desk.read(tmp_path / "a.dta", layout("dta"))
    assert columns == {"month": ["639"], "day": ["1960-01-02"], "clock": ["01:00:00"]}
    assert info.notes == ("1 variables hold Stata periods or leap-second times: kept as numbers",)


# ReadStat alone would give "Jos" for the second: the last bytes look like the start of a character.
BROKEN = {b"Josefa": ("Jos\xe9fa".encode("latin-1"), "Joséfa"), b"Jose  ": (b"Jos\xe9  ", "José")}


@pytest.mark.parametrize("good", BROKEN, ids=["inside", "at_the_end"])
@pytest.mark.parametrize("kind", ["dta", "sav"])
def test_texts_that_are_not_in_the_files_encoding(desk, layout, tmp_path, kind, good):
    path = tmp_path / f"a.{kind}"
    rows = pd.DataFrame({"name": ["María", good.decode().strip(), "Josefax"]})
    write = pyreadstat.write_dta if kind == "dta" else pyreadstat.write_sav
    write(rows, path, column_labels={"name": "Nombre"})
    bad, expected = BROKEN[good]
    content = path.read_bytes()
    place = content.rindex(good.strip() + (b"\0" if kind == "dta" else b" "))
    path.write_bytes(content[:place] + bad.rstrip() + content[place + len(bad.rstrip()) :])
    info, columns = desk.read(path, layout(kind))
    assert columns["name"] == ["María", expected, "Josefax"]
    assert info.encoding == "utf-8"
    assert info.notes == ("1 texts that are not utf-8 were read as windows-1252",)


def test_bytes_that_windows_1252_does_not_have_are_counted(desk, layout, tmp_path):
    path = tmp_path / "a.dta"
    pyreadstat.write_dta(pd.DataFrame({"name": ["ab", "cdxyz"]}), path, version=10)
    path.write_bytes(path.read_bytes().replace(b"cdxyz", b"\xe9\x81xyz"))
    info, columns = desk.read(path, layout("dta"))
    assert columns["name"] == ["ab", "é\N{REPLACEMENT CHARACTER}xyz"]
    assert info.encoding == "windows-1252"
    assert info.notes == ("1 bytes that windows-1252 does not have were replaced",)


def test_a_character_cut_by_the_width_of_its_field_is_dropped(desk, layout, tmp_path):
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(pd.DataFrame({"name": ["Zoé", "bbbbé", "abcdef"]}), path)
    content = path.read_bytes()
    path.write_bytes(content.replace("bbbbé".encode(), b"bbbbb\xc3"))
    info, columns = desk.read(path, layout("sav"))
    assert columns["name"] == ["Zoé", "bbbbb", "abcdef"]
    assert info.notes == ("1 texts end in half a character, which was dropped",)


@pytest.mark.parametrize("kind", ["dta", "sav"])
def test_a_declared_encoding_goes_before_the_files_own(desk, layout, tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    write = pyreadstat.write_dta if kind == "dta" else pyreadstat.write_sav
    write(pd.DataFrame({"name": ["José", "a"]}), path, column_labels={"name": "Año"})
    info, columns = desk.read(path, layout(kind, encoding="cp850"))
    assert columns["name"] == ["José".encode().decode("cp850"), "a"]
    assert info.labels["name"] == "Año".encode().decode("cp850")
    assert info.encoding == "cp850"
    assert rules(desk_refusal(desk, path, layout(kind, encoding="no-such"))) == [("FILE_ENCODING", None)]


def desk_refusal(desk, path, layout):
    for stored in desk.store.iterdir():
        stored.unlink()
    return desk.refuse(path, layout)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8, 0.95, 0.999])
def test_cut_sav(desk, layout, sav, share):
    content = sav.read_bytes()
    sav.write_bytes(content[: int(len(content) * share)])
    assert rules(desk.refuse(sav, layout("sav"))) == [("FILE_TRUNCATED", None)]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8, 0.95, 0.999])
def test_cut_dta(desk, layout, dta, share):
    content = dta.read_bytes()
    # Releases before 117 have no mark at their end: there only the rows are known to be whole.
    end = len(content) if content.startswith(b"<") else content.rindex(b"Man") - 100
    dta.write_bytes(content[: int(end * share)])
    assert rules(desk.refuse(dta, layout("dta"))) == [("FILE_TRUNCATED", None)]


def test_damaged_files_show_no_values(desk, layout, sav):
    content = bytearray(sav.read_bytes())
    content[200:260] = b"\xff" * 60
    sav.write_bytes(content)
    assert "123456" not in str(desk.refuse(sav, layout("sav")))


@pytest.mark.parametrize(
    ("columns", "fields", "rule"),
    [
        (["A", "b"], ["A", "B"], "VARIABLE_MISSING"),
        (["a", "A"], [], "FILE_DUPLICATE_COLUMN"),
        (["row_number", "A"], [], "FILE_COLUMNS"),
    ],
    ids=["missing", "duplicate", "row_number"],
)
@pytest.mark.parametrize("kind", ["dta", "sav"])
def test_bad_columns(desk, layout, tmp_path, kind, columns, fields, rule):
    path = tmp_path / f"a.{kind}"
    frame = pd.DataFrame([[1.0, 2.0]], columns=columns)
    (pyreadstat.write_dta if kind == "dta" else pyreadstat.write_sav)(frame, path)
    assert rules(desk.refuse(path, layout(kind, *fields))) == [(rule, None)]


@pytest.mark.parametrize("kind", ["dta", "sav"])
def test_no_rows(desk, layout, tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    frame = pd.DataFrame({"a": pd.Series([], dtype=float)})
    (pyreadstat.write_dta if kind == "dta" else pyreadstat.write_sav)(frame, path)
    assert rules(desk.refuse(path, layout(kind))) == [("FILE_EMPTY", None)]


def test_rows_that_the_header_does_not_count(desk, layout, tmp_path):
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(ROWS, path)
    content = bytearray(path.read_bytes())
    content[80:84] = b"\xff" * 4
    path.write_bytes(content)
    _, columns = desk.read(path, layout("sav"))
    assert columns == TEXT


@pytest.mark.parametrize("cut", [1, 31, 33])
def test_a_cut_inside_a_row_that_the_header_does_not_count(desk, layout, tmp_path, cut):
    path = tmp_path / "a.sav"
    path.write_bytes(sound("uncounted")[:-cut])
    assert rules(desk.refuse(path, layout("sav"))) == [("FILE_TRUNCATED", None)]
    path.write_bytes(sound("uncounted"))
    assert desk.read(path, layout("sav"))[0].rows == 60


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"A,B\n1,2\n", "dta"), (b"A,B\n1,2\n", "sav"), (b"$FL2@(#)", "dta"), (b"r\x02\x01\0", "sav")],
    ids=["csv_as_dta", "csv_as_sav", "sav_as_dta", "dta_as_sav"],
)
def test_another_format(desk, layout, content, kind):
    assert rules(desk.refuse(desk.file(content), layout(kind))) == [("FILE_FORMAT", None)]
