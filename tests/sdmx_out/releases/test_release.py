"""The release folder: content, identity, sharing, what a dead process leaves."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from schemas.errors import InputError
from tests.sdmx_out import example
from tests.sdmx_out.example import EMPLOYMENT, FOREIGN_BORN, NATIVE, TOTAL, YOUNG, hidden, row, rows

BULK = f"data/ilostat/{EMPLOYMENT}_Q.csv"
QUALITY = f"data/quality/{EMPLOYMENT}_Q_quality.csv"
PRECISION = ("se", "lower", "upper", "cv", "df", "p_value", "significance", "n_band")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _toc(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "toc.csv").open(encoding="utf-8", newline="") as stream:
        return {line["file"]: line for line in csv.DictReader(stream)}


def test_layout_and_figures(tmp_path: Path) -> None:
    result = example.release(tmp_path)
    files = _files(result.folder)
    assert result.folder.name.startswith("test-2026-11-23-")
    assert (result.rows, result.indicators, result.areas, result.is_new) == (10, 4, 2, True)
    assert result.files == len(files)
    assert {name for name in files if name.startswith("data/")} == {
        *(f"data/sdmx-csv/DF_{i}{twin}.csv" for i in _indicators() for twin in ("", "_SE")),
        *(f"data/ilostat/{name}.csv" for name in _tables()),
        *(f"data/quality/{name}_quality.csv" for name in _tables()),
    }
    assert {"AGE_AGGREGATE", "CBR_BIR", "CBR_BRT", "SEX", "STY_BANDS", "INDICATOR", "AREA"} <= {
        Path(name).stem for name in files if name.startswith("dictionary/")
    }
    assert "dictionary/AGE_10YRBANDS.csv" not in files
    assert {
        "release.json",
        "README.txt",
        "toc.csv",
        "availability.csv",
        "provenance.json",
        "changes.csv",
    } <= set(files)


def _indicators() -> tuple[str, ...]:
    return (EMPLOYMENT, example.RATE, example.FOREIGN, example.STAY)


def _tables() -> tuple[str, ...]:
    return (
        f"{EMPLOYMENT}_A",
        f"{EMPLOYMENT}_Q",
        f"{example.RATE}_Q",
        f"{example.FOREIGN}_Q",
        f"{example.STAY}_M",
    )


def test_contents_agree_with_files(tmp_path: Path) -> None:
    folder = example.release(tmp_path).folder
    toc = _toc(folder)
    assert set(toc) == set(_files(folder)) - {"toc.csv", "release.json"}
    for name, line in toc.items():
        data = (folder / name).read_bytes()
        assert line["sha256"] == hashlib.sha256(data).hexdigest()
        assert line["bytes"] == str(len(data))
        assert line["last_update"] == "2026-11-23"
    line = toc[f"data/sdmx-csv/DF_{EMPLOYMENT}.csv"]
    assert [line[c] for c in ("dataflow", "rows", "areas", "time_from", "time_to")] == [
        f"DF_{EMPLOYMENT}", "5", "1", "2013", "2013-Q4",
    ]  # fmt: skip
    facts = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert facts["toc_sha256"] == hashlib.sha256((folder / "toc.csv").read_bytes()).hexdigest()


def test_files_are_read_only(tmp_path: Path) -> None:
    folder = example.release(tmp_path).folder
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o444}


def test_exact_bulk_and_quality_tables(tmp_path: Path) -> None:
    folder = example.release(tmp_path, [r for r in rows() if r["indicator"] == EMPLOYMENT]).folder
    mark = "TEST EXTRACT - not a national statistic"
    source = f"BA:XAA_LFS ({mark})"
    notes = ",,T2:84,R1:3513_S5:40_ILMS:TEST"
    cell = f"XAA,{source},{EMPLOYMENT}"
    assert (folder / BULK).read_text(encoding="utf-8") == (
        "ref_area,source,indicator,sex,classif1,classif2,time,obs_value,obs_status,"
        "note_classif,note_indicator,note_source\n"
        f"{cell},SEX_F,{YOUNG},{FOREIGN_BORN},2013Q4,,C{notes}\n"
        f"{cell},SEX_M,{YOUNG},{FOREIGN_BORN},2013Q4,,S{notes}\n"
        f"{cell},SEX_T,{TOTAL},{NATIVE},2013Q4,1234.568,{notes}\n"
    )
    assert (folder / QUALITY).read_text(encoding="utf-8") == (
        "ref_area,source,indicator,sex,classif1,classif2,time,se,lower,upper,cv,df,p_value,significance,n_band,method,"
        "obs_status,conf_status,reason\n"
        f"{cell},SEX_F,{YOUNG},{FOREIGN_BORN},2013Q4,,,,,,,,,Taylor linearisation,C,C,confidential\n"
        f"{cell},SEX_M,{YOUNG},{FOREIGN_BORN},2013Q4,,,,,,,,,Taylor linearisation,S,F,unreliable\n"
        f"{cell},SEX_T,{TOTAL},{NATIVE},2013Q4,1.25000,9.50000,1237.02,0.101000,120,,,100-499,"
        "Taylor linearisation,,F,\n"
    )


def test_figures_that_compare_two_others(tmp_path: Path) -> None:
    folder = example.release(tmp_path, example.compared()).folder

    def column(folder_name: str, names: tuple[str, ...], indicator: str, end: str = "") -> list[tuple[str, ...]]:
        path = folder / f"data/{folder_name}/{indicator}_A{end}.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            return [tuple(line[name] for name in names) for line in csv.DictReader(stream)]

    values = ("sex", "obs_value", "obs_status")
    assert column("ilostat", values, example.DIFFERENCE) == [
        ("SEX_F", "", "S"), ("SEX_M", "0.000", ""), ("SEX_T", "-7.250", ""),
    ]  # fmt: skip
    assert column("ilostat", values, example.CHANGE) == [("SEX_T", "-12.346", "")]
    told = ("lower", "cv", "p_value", "significance")
    assert column("quality", told, example.DIFFERENCE, "_quality") == [
        ("", "", "", ""),
        ("9.50000", "", "0.050000", "not significant"),
        ("-9.50000", "", "0.000000", "significant"),
    ]
    assert column("quality", told[2:], example.GAP, "_quality") == [("0.049999", "significant")]
    assert column("quality", told[2:], example.CHANGE, "_quality") == [("0.500000", "not significant")]
    assert column("quality", told, example.NET, "_quality") == [("", "", "", "")]


def test_months_in_both_spellings(tmp_path: Path) -> None:
    data = [row(example.STAY, "2013-M03", "SEX_T", "STY_BANDS_TOTAL"), *rows()]
    folder = example.release(tmp_path, data).folder
    bulk = (folder / f"data/ilostat/{example.STAY}_M.csv").read_text(encoding="utf-8")
    sdmx = (folder / f"data/sdmx-csv/DF_{example.STAY}.csv").read_text(encoding="utf-8")
    assert bulk.count(",2013M03,") == 2
    assert sdmx.count(",2013-03,") == 2


def test_a_default_release_carries_no_test_mark(tmp_path: Path) -> None:
    data = [{**r, "ref_area": "ZAF", "survey": "ZAF_QLFS", "source": "BA:ZAF_QLFS"} for r in rows()[:7]]
    folder = example.release(tmp_path, data, kind="default").folder
    assert folder.name.startswith("2026-11-23-")
    files = _files(folder)
    assert not [name for name, data in files.items() if b"TEST EXTRACT" in data or b"ILMS:TEST" in data]
    assert b"XAA" not in files["structure/structures.xml"]
    assert (tmp_path / "releases" / "latest").readlink() == Path(folder.name)
    assert not (tmp_path / "releases" / "latest-test").exists()


def test_a_test_release_says_so_everywhere(tmp_path: Path) -> None:
    folder = example.release(tmp_path).folder
    for line in _toc(folder).values():
        if line["indicator"]:
            assert line["title_en"].startswith("TEST EXTRACT - not a national statistic: ")
            assert line["title_fr"].startswith("TEST EXTRACT")
            assert line["title_es"].startswith("TEST EXTRACT")
    for path in (folder / "data").rglob("*.csv"):
        for line in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
            assert "not a national statistic" in (line.get("SOURCE") or line["source"])
    assert "TEST EXTRACT" in (folder / "README.txt").read_text(encoding="utf-8")
    assert b"<mes:Test>true</mes:Test>" in (folder / "structure/structures.xml").read_bytes()


def test_a_draft_says_so(tmp_path: Path) -> None:
    final = example.release(tmp_path / "a").folder
    draft = example.release(tmp_path / "b", draft=True).folder
    assert "DRAFT" in (draft / "README.txt").read_text(encoding="utf-8")
    assert "DRAFT" not in (final / "README.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("day", ["2026-11-23", "2026-12-24"])
def test_nothing_new_is_no_release(tmp_path: Path, day: str) -> None:
    first = example.release(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    again = example.release(tmp_path, list(reversed(rows())), day=day)
    assert (again.is_new, again.folder, again.rows) == (False, first.folder, first.rows)
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == before
    assert sorted(p.name for p in (tmp_path / "releases").iterdir()) == [
        ".lock",
        "latest-test",
        first.folder.name,
    ]
    assert [p.name for p in (tmp_path / "candidates").iterdir()] == [first.folder.name]


def test_unchanged_files_are_shared_and_keep_their_last_update(tmp_path: Path) -> None:
    first = example.release(tmp_path).folder
    data = rows()
    data[0] = {**data[0], "obs_value": 1300.0}
    second = example.release(tmp_path, data, day="2026-12-24").folder
    toc = _toc(second)
    shared = {name for name in toc if (second / name).samefile(first / name)}
    assert f"data/ilostat/{example.RATE}_Q.csv" in shared
    assert "structure/structures.xml" in shared
    for name in (BULK, f"data/sdmx-csv/DF_{EMPLOYMENT}.csv", "changes.csv"):
        assert name not in shared
    assert {toc[name]["last_update"] for name in shared} == {"2026-11-23"}
    assert {toc[name]["last_update"] for name in set(toc) - shared} == {"2026-12-24"}
    assert (tmp_path / "releases" / "latest-test").resolve() == second


def test_changes_never_repeat_what_was_withdrawn(tmp_path: Path) -> None:
    example.release(tmp_path)
    data = rows()
    data[0] = {**data[0], "obs_value": 1300.0}
    data[3] = {**data[3], **hidden("C", "D", "confidential")}
    data[4] = {**data[4], "obs_status": ""}
    del data[9]
    data.append(row(example.FOREIGN, "2013-Q4", "SEX_M", "CBR_BRT_KEN"))
    result = example.release(tmp_path, data, day="2026-12-24")
    assert dict(result.changes) == {"flag": 1, "new": 1, "revised": 1, "withdrawn": 2}
    text = (result.folder / "changes.csv").read_text(encoding="utf-8")
    assert f"revised,{EMPLOYMENT},XAA,Q,2013Q4,SEX_T,{TOTAL},{NATIVE},1234.568,1300.000,,\n" in text
    assert f"withdrawn,{EMPLOYMENT},XAA,A,2013,SEX_T,{TOTAL},{NATIVE},,,,C\n" in text
    assert f"flag,{EMPLOYMENT},XAA,A,2013,SEX_F,{TOTAL},{NATIVE},1234.568,1234.568,U,\n" in text
    assert "1200.0" not in text
    facts = json.loads((result.folder / "release.json").read_text(encoding="utf-8"))
    assert facts["changes"][example.STAY] == {"flag": 0, "new": 0, "revised": 0, "withdrawn": 1}


def test_going_back_to_earlier_numbers_is_a_release_of_its_own(tmp_path: Path) -> None:
    first = example.release(tmp_path)
    example.release(tmp_path, rows()[:5], day="2026-11-24")
    third = example.release(tmp_path, day="2026-11-25")
    assert third.is_new
    assert third.folder.name[-10:] == first.folder.name[-10:]
    assert (tmp_path / "releases" / "latest-test").resolve() == third.folder


def test_an_engine_that_is_locked_down_suffices(tmp_path: Path) -> None:
    config = {"threads": "1", "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    with duckdb.connect(config=config) as connection:
        connection.execute(f"SET allowed_directories = ['{tmp_path}']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        locked = example.release(tmp_path / "a", connection=connection)
        assert connection.sql("SHOW TABLES").fetchall() == []
    assert locked.folder.name == example.release(tmp_path / "b").folder.name


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.sdmx_out import example; example.release(Path(sys.argv[1]))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", script, str(tmp_path / seed)]
        subprocess.run(command, check=True, cwd=example.ROOT, env=environment)
    one, two = (_files(tmp_path / seed / "releases") for seed in ("1", "2"))
    assert one == two
    assert len(one) > 20


def test_a_damaged_file_is_not_shared(tmp_path: Path) -> None:
    first = example.release(tmp_path).folder
    name = f"data/ilostat/{example.RATE}_Q.csv"
    whole = (first / name).read_bytes()
    (first / name).chmod(0o644)
    (first / name).write_bytes(b"damaged")
    second = example.release(tmp_path, rows()[2:], day="2026-12-24").folder
    assert (second / name).read_bytes() == whole


def test_a_release_tells_what_is_hidden_and_how_the_attack_ended(tmp_path: Path) -> None:
    report = example.write_protection(tmp_path / "protection.json")
    folder = example.release(tmp_path, protection={"XAA_2013": report}).folder
    facts = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert facts["protection"] == {
        "shown": 8,
        "hidden": {"confidential": 1, "unreliable": 1},
        "audit": {"passed": True, "figures": 3},
    }
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert "\n  8 figures are shown\n  1 are not: confidential: a person or household could be learnt\n" in text
    assert "3 confidential figures were attacked from what is published: could not be recovered" in text
    assert not [path for path in folder.rglob("*") if path.name.startswith("protection")]


def test_a_correction_leaves_a_trace(tmp_path: Path) -> None:
    first = example.release(tmp_path).folder
    data = rows()
    data[0] = {**data[0], "obs_value": 1300.0}
    data[3] = {**data[3], **hidden("C", "D", "secondary")}
    second = example.release(tmp_path, data, day="2026-12-24").folder
    third = example.release(
        tmp_path, [*data, row(example.FOREIGN, "2013-Q4", "SEX_M", "CBR_BRT_KEN")], day="2026-12-25"
    )
    facts = [json.loads((folder / "release.json").read_text()) for folder in (first, second, third.folder)]
    assert [told["corrects"] for told in facts] == [None, first.name, None]
    texts = [(folder / "README.txt").read_text(encoding="utf-8") for folder in (first, second, third.folder)]
    assert (
        f"\nCorrections since {first.name}\n  1 figures were revised\n    {EMPLOYMENT}: 1\n"
        f"  1 figures are published no more\n    {EMPLOYMENT}: 1\n  changes.csv lists them.\n"
    ) in texts[1]
    assert ["Corrections since" in text for text in texts] == [False, True, False]


def test_a_cell_without_a_value_comes_and_goes_as_a_flag(tmp_path: Path) -> None:
    example.release(tmp_path, [r for number, r in enumerate(rows()) if number != 1])
    result = example.release(tmp_path, [r for number, r in enumerate(rows()) if number != 2], day="2026-12-24")
    assert dict(result.changes) == {"flag": 2}


def test_a_second_release_of_a_day_with_the_same_content_is_numbered(tmp_path: Path) -> None:
    first = example.release(tmp_path)
    example.release(tmp_path, rows()[:5])
    third = example.release(tmp_path)
    assert third.folder.name == f"{first.folder.name}-2"
    assert (tmp_path / "releases" / "latest-test").resolve() == third.folder


def test_a_release_without_rows_still_says_why(tmp_path: Path) -> None:
    result = example.release(tmp_path, [])
    assert (result.rows, result.indicators) == (0, 0)
    assert "not_collected" in (result.folder / "availability.csv").read_text(encoding="utf-8")


BAD = {
    "INDICATOR_UNKNOWN": {"indicator": "MST_NONE_NB"},
    "SUPPRESSED_LEAKS": {"obs_value": None, "obs_status": "S"},
    "STATUS_MISSING": {**hidden("", "F", "")},
    "VALUE_NOT_FINITE": {"obs_value": float("inf")},
    "PERIOD_INVALID": {"time": "2013Q4"},
    "CODE_UNKNOWN": {"classif2": "CBR_BIR_NOWHERE"},
    "UNIT_DIFFERS": {"unit_mult": 0},
    "SOURCE_MIXED": {"source": "BB:XAA_HS"},
    "KEY_DUPLICATE": {"survey": "XAA_HS"},
}


@pytest.mark.parametrize("rule", BAD)
def test_what_must_not_be_released_is_refused(tmp_path: Path, rule: str) -> None:
    data = rows()
    if rule == "KEY_DUPLICATE":
        data.append({**data[0], **BAD[rule]})
    else:
        data[0] = {**data[0], **BAD[rule]}
    with pytest.raises(InputError) as error:
        example.release(tmp_path, data)
    assert [problem.rule for problem in error.value.problems] == [rule]
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [".lock"]
    assert list((tmp_path / "candidates").glob("[!.]*")) == []


@pytest.mark.parametrize(
    "left",
    [{"n_band": "5-14"}, {"se": 1.0}, {"upper": 3.0}, {"p_value": 0.3}],
    ids=["n", "se", "upper", "p"],
)
def test_a_suppressed_cell_that_leaks_is_refused(tmp_path: Path, left: dict[str, object]) -> None:
    data = rows()
    data[1] = {**data[1], **left}
    with pytest.raises(InputError, match="SUPPRESSED_LEAKS"):
        example.release(tmp_path, data)


@pytest.mark.parametrize("kept", [{"obs_status": "C"}, {"conf_status": "D"}], ids=["status", "conf"])
def test_a_confidential_cell_with_its_value_is_refused(tmp_path: Path, kept: dict[str, object]) -> None:
    data = rows()
    data[0] = {**data[0], **kept}
    with pytest.raises(InputError, match="SUPPRESSED_LEAKS"):
        example.release(tmp_path, data)


def test_invented_areas_are_told_in_a_default_release(tmp_path: Path) -> None:
    folder = example.release(tmp_path, kind="default").folder
    assert "XAA and XBB are invented countries" in (folder / "README.txt").read_text(encoding="utf-8")


def test_suppressed_cells_leak_nothing(tmp_path: Path) -> None:
    folder = example.release(tmp_path).folder
    with (folder / QUALITY).open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["obs_status"] in ("C", "S")]
    assert len(lines) == 2
    for line in lines:
        assert [line[c] for c in PRECISION] == [""] * 8
    for name in (f"DF_{EMPLOYMENT}.csv", f"DF_{EMPLOYMENT}_SE.csv"):
        with (folder / "data/sdmx-csv" / name).open(encoding="utf-8", newline="") as stream:
            lines = [line for line in csv.DictReader(stream) if line["OBS_STATUS"] in ("C", "S", "Q")]
        assert len(lines) == 2
        for line in lines:
            assert [line[c] for c in ("OBS_VALUE", "UPPER_BOUND", "LOWER_BOUND")] == [""] * 3
            assert {line.get(c, "") for c in ("CV", "DF", "P_VALUE", "N_BAND")} == {""}
