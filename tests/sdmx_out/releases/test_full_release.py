"""A release with everything in it: the same bytes again, what one revised cell changes, and what a withdrawal takes."""

import csv
import gzip
import io
import zipfile
from copy import deepcopy
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from schemas.indicators import load_indicators
from sdmx_out.csv_text import read_csv
from sdmx_out.export_command import export
from sdmx_out.messages.formats import FORMATS
from sdmx_out.releases.gate import withdraw
from sdmx_out.releases.places import Places
from sdmx_out.releases.release import ReleaseResult
from sdmx_out.releases.release_messages import MESSAGES
from sdmx_out.releases.withdrawn import Withdrawal
from tests.sdmx_out import example
from tests.sdmx_out.example import EMPLOYMENT, FOREIGN, NATIVE, RATE, TOTAL

REVISED = 1300.75
LATER = "2026-12-24"


def _rows() -> list[example.Row]:
    # Of XAA the table by country has no total, of XBB nothing but the total.
    return example.rows()


def _release(work: Path, data: list[example.Row] | None = None, day: str = "2026-11-23") -> ReleaseResult:
    return example.release(work, _rows() if data is None else data, day=day, is_full=True, writer="one")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("releases")


@pytest.fixture(scope="module")
def first(work: Path) -> Path:
    return _release(work).folder


@pytest.fixture(scope="module")
def second(work: Path, first: Path) -> Path:
    """The same with one value revised, a month later."""
    data = deepcopy(_rows())
    data[0]["obs_value"] = REVISED
    return _release(work, data, LATER).folder


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _contents(folder: Path) -> dict[str, dict[str, str]]:
    return {row["file"]: row for row in read_csv(folder / "toc.csv")}


def test_everything_is_there_and_in_the_contents(first: Path) -> None:
    names, told = _files(first), _contents(first)
    assert set(told) == set(names) - {"toc.csv", "release.json"}
    flows = [f"DF_{name}{twin}" for name in (EMPLOYMENT, RATE, FOREIGN) for twin in ("", "_SE")]
    for flow in flows:
        assert f"data/sdmx-csv/{flow}.csv" in names
        assert f"data/parquet/{flow}.parquet" in names
        assert {f"{folder}/{flow}{FORMATS[form].suffix}.gz" for folder, form in MESSAGES.items()} <= set(names)
    for language in ("en", "fr", "es"):
        assert {
            f"data/ilostat-both/{language}/{EMPLOYMENT}_Q.csv.gz",
            f"workbooks/XAA_ilms_{language}.xlsx",
            f"workbooks/XAA_asean_{language}.xlsx",
            f"profiles/XAA_{language}.html",
            f"profiles/XAA_{language}.pdf",
            f"notes/notes_{language}.md",
        } <= set(names)
    assert {"structure/structures-3.0.xml", "structure/structures.json", f"workbooks/indicators/{RATE}.xlsx"} <= set(
        names
    )
    # A first release changes nothing.
    assert not [name for name in names if name.startswith(("data/delta/", "data/deleted/"))]


def test_the_same_input_gives_the_same_bytes(first: Path, tmp_path: Path) -> None:
    again = _release(tmp_path).folder
    assert again.name == first.name
    assert {name: path.read_bytes() for name, path in _files(again).items()} == {
        name: path.read_bytes() for name, path in _files(first).items()
    }


def test_another_day_alone_is_no_release(work: Path, second: Path) -> None:
    data = deepcopy(_rows())
    data[0]["obs_value"] = REVISED
    again = _release(work, data, "2027-01-24")
    assert (again.is_new, again.folder) == (False, second)


def test_one_revised_cell_is_named_and_no_other(second: Path) -> None:
    told = list(read_csv(second / "changes.csv"))
    assert [(row["change"], row["indicator"], row["time"], row["obs_value"]) for row in told] == [
        ("revised", EMPLOYMENT, "2013Q4", "1300.750")
    ]
    deltas = {name: path for name, path in _files(second).items() if name.startswith("data/delta/")}
    assert set(deltas) == {f"data/delta/DF_{EMPLOYMENT}.csv"}
    rows = list(read_csv(deltas[f"data/delta/DF_{EMPLOYMENT}.csv"]))
    assert [(row["ACTION"], row["AGE"], row["CBR"], row["OBS_VALUE"]) for row in rows] == [
        ("R", TOTAL, NATIVE, "1300.750")
    ]
    files = ", ".join(f"'{path}'" for name, path in _files(second).items() if name.endswith(".parquet"))
    updated = duckdb.sql(
        f"SELECT MEASURE, TIME_PERIOD, OBS_VALUE FROM read_parquet([{files}], union_by_name = true) "
        f"WHERE LAST_UPDATE = '{LATER}'"
    ).fetchall()
    assert updated == [("MST_TEMP_NB", "2013-Q4", REVISED)]
    notes = (second / "notes" / "notes_fr.md").read_text(encoding="utf-8")
    assert EMPLOYMENT in notes
    assert RATE not in notes


def test_what_did_not_change_is_the_same_file_with_its_date(first: Path, second: Path) -> None:
    before, told = _contents(first), _contents(second)
    shared = {name for name, path in _files(second).items() if name in before and path.samefile(first / name)}
    of_rate = {name for name in told if told[name]["indicator"] == RATE or name.endswith(f"/{RATE}.xlsx")}
    assert of_rate <= shared
    assert {told[name]["last_update"] for name in of_rate} == {"2026-11-23"}
    assert {told[name]["last_update"] for name in told if f"DF_{EMPLOYMENT}." in name} == {LATER}
    # What the dictionary and the structures say did not change either.
    assert {"structure/structures.xml", "structure/structures.json", "dictionary/AREA.csv"} <= shared


def test_labels_stand_beside_codes(first: Path) -> None:
    text = gzip.decompress((first / f"data/ilostat-both/es/{EMPLOYMENT}_Q.csv.gz").read_bytes()).decode()
    header, row, *_ = text.splitlines()
    assert header == (
        "ref_area,ref_area.label,source,source.label,indicator,indicator.label,sex,sex.label,classif1,classif1.label,"
        "classif2,classif2.label,time,obs_value,obs_status,obs_status.label,note_classif,note_classif.label,"
        "note_indicator,note_indicator.label,note_source,note_source.label"
    )
    for part in (
        "SEX_F,Mujeres",
        "AGE_AGGREGATE_Y15-24,15-24",
        "CBR_BIR_FOREIGN,Nacidos en el extranjero",
        ",C,Confid",
    ):
        assert part in row
    title = load_indicators()[EMPLOYMENT].title["es"]
    assert title in row
    codes = list(read_csv(first / f"data/ilostat/{EMPLOYMENT}_Q.csv"))
    labelled = list(csv.DictReader(io.StringIO(text)))
    assert [{name: row[name] for name in codes[0]} for row in labelled] == codes


@pytest.mark.parametrize("form", MESSAGES.values())
def test_an_export_is_the_message_of_the_release(work: Path, second: Path, form: str) -> None:
    folder = next(name for name, held in MESSAGES.items() if held == form)
    held = second / folder / f"DF_{EMPLOYMENT}{FORMATS[form].suffix}.gz"
    result = _export(work, EMPLOYMENT, "--format", form)
    assert (result[0], result[1]) == (0, gzip.decompress(held.read_bytes()))


def _export(work: Path, *arguments: str) -> tuple[int, bytes, str]:
    class Home:
        home = work

    done = CliRunner().invoke(export, [*arguments, "--release", "latest-test"], obj=Home())
    return done.exit_code, done.stdout_bytes, done.stderr


def test_a_part_of_a_dataflow_is_exported(work: Path, second: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.csv"
    code, told, _ = _export(
        work, EMPLOYMENT, "--format", "sdmx-csv-1.0", "--start", "2013-Q1", "--area", "XAA", "--out", str(out)
    )
    assert (code, told) == (0, b"")
    assert {row["TIME_PERIOD"] for row in read_csv(out)} == {"2013-Q4"}
    assert _export(work, EMPLOYMENT, "--area", "FJI")[0] == 4
    assert "it has no DF_NOTHING" in _export(work, "NOTHING")[2]
    assert _export(work, EMPLOYMENT, "--format", "sdmx-csv-1.0", "--labels", "name")[0] == 2


def _holds(path: Path, texts: tuple[bytes, ...]) -> bool:
    """Whether a file holds one of the texts, packed or not."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            content = b"".join(book.read(name) for name in book.namelist())
    if path.suffix == ".parquet":
        content = str(duckdb.sql(f"SELECT * FROM read_parquet('{path}')").fetchall()).encode()
    return any(text in content for text in texts)


def test_a_withdrawn_figure_is_in_no_file_of_any_release(tmp_path: Path) -> None:
    canary = 4321.987
    data = deepcopy(_rows())
    data[0]["obs_value"] = canary
    first = _release(tmp_path, data).folder
    data[3]["obs_value"] = 1100.25
    second = _release(tmp_path, data, LATER).folder
    texts = (b"4321.987", b"4,321.987", b"4321,987", b"4 321,987", b"4.321,987", b"4322.0", b"4,322.0")
    holding = [name for folder in (first, second) for name, path in _files(folder).items() if _holds(path, texts)]
    assert len({name.split("/")[1] if "/" in name else name for name in holding}) >= 7
    wanted = Withdrawal(EMPLOYMENT, "XAA", "2013-Q4", "2026-12-28", "wrong")
    withdraw(Places(tmp_path), "latest-test", wanted, example.by(day="2026-12-28"))
    for folder in (first, second):
        assert [name for name, path in _files(folder).items() if _holds(path, texts)] == []
        told = _contents(folder)
        assert set(_files(folder)) - {"toc.csv", "release.json"} == {name for name in told if told[name]["sha256"]}
        assert told[f"data/parquet/DF_{EMPLOYMENT}.parquet"]["status"] == "withdrawn"
        assert told["profiles/XAA_en.pdf"]["status"] == "withdrawn"
        assert told[f"data/parquet/DF_{RATE}.parquet"]["status"] == ""
    third = _release(tmp_path, data, "2026-12-29").folder
    assert [name for name, path in _files(third).items() if _holds(path, texts)] == []
    assert (third / "profiles" / "XAA_en.pdf").is_file()
