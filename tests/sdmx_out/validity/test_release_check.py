"""The gate on a whole folder: a release that is right passes, and whatever is wrong in it is found and named."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from sdmx_out.validity.formats import READERS
from sdmx_out.validity.release_check import Layout, check_release
from sdmx_out.validity.sample import Limits, choose
from sdmx_out.validity.verdict import Verdict
from tests.sdmx_out.messages import flows
from tests.sdmx_out.validity import written

FLOW = "DF_MST_TEMP_SEX_AGE_CBR_NB"
RATE, STAY = "DF_MST_TUNE_SEX_AGE_CBR_RT", "DF_XMW_LFFB_SEX_STY_NB"
NOTHING = Limits(read_back=0, xml=0, json=0)
#: Layout with one structure message, where the others do not matter.
ONE = Layout(structures={"structure/structures.xml": "structure-ml-2.1"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    folder = tmp_path_factory.mktemp("made")
    return folder, written.write_release(folder)


@pytest.fixture
def release(made: tuple[Path, list[dict[str, str]]], tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    shutil.copytree(made[0], folder)
    return folder


def _check(folder: Path, **options: object) -> Verdict:
    with duckdb.connect() as engine:
        return check_release(folder, engine, **options)  # type: ignore[arg-type]


def _told(verdict: Verdict) -> set[tuple[str, str]]:
    assert all(str(Path.cwd().anchor + "tmp") not in str(problem) for problem in verdict.problems)
    return {(problem.rule, problem.file) for problem in verdict.problems}


def test_a_whole_release_passes_and_says_what_was_looked_at(made: tuple[Path, list[dict[str, str]]]) -> None:
    lines: list[str] = []
    verdict = _check(made[0], told=lines.append)
    assert verdict.problems == ()
    assert verdict.passed
    checked = verdict.checked
    count = sum(int(row["rows"]) for row in made[1] if row["file"].startswith("data/parquet/"))
    assert checked["structures"] == {
        "files": 3,
        "dataflows": 14,
        "readers": {
            "structure-ml-2.1": ["sdmx1", "pysdmx"],
            "structure-ml-3.0": ["sdmx1", "pysdmx"],
            "structure-json-2.0": ["pysdmx"],
        },
    }
    assert checked["rows_of_csv_and_parquet"] == {"files": 18, "observations": 3 * count}
    of_one = {"files": 6, "of": 6, "observations": count}
    assert checked["valid_by_schema"] == dict.fromkeys(("sdmx-json-2.0", "sdmx-ml-2.1", "sdmx-ml-3.0"), of_one)
    formats = ("sdmx-csv-1.0", "sdmx-csv-2.0", "sdmx-ml-2.1", "sdmx-ml-3.0", "sdmx-json-2.0")
    assert checked["read_back"] == {name: {"readers": list(READERS[name]), **of_one} for name in formats}
    whole = {"chosen": 6, "of": 6, "is_whole": True}
    assert checked["dataflows"] == dict.fromkeys(("read_back", "xml", "json"), whole)
    assert checked["is_whole"]
    assert json.loads(json.dumps(verdict.as_json())) == verdict.as_json()
    assert lines[0] == "checked 3 structure messages of 14 dataflows"
    assert lines[1:] == ["checked 36 of 36 messages"]


def test_a_large_release_is_sampled_and_says_so(made: tuple[Path, list[dict[str, str]]]) -> None:
    limits = Limits(read_back=5, xml=8, json=0)
    verdict = _check(made[0], limits=limits, seed="one", layout=ONE)
    assert verdict.passed
    rows = {row["dataflow"]: int(row["rows"]) for row in made[1]}
    told = verdict.checked["dataflows"]
    assert isinstance(told, dict)
    for name, limit in (("read_back", 5), ("xml", 8), ("json", 0)):
        names = choose(rows, limit, "one")
        assert told[name] == {"chosen": len(names), "of": 6, "is_whole": False, "limit": limit, "names": names}
    valid, read = verdict.checked["valid_by_schema"], verdict.checked["read_back"]
    assert isinstance(valid, dict)
    assert isinstance(read, dict)
    assert set(valid) == {"sdmx-ml-2.1", "sdmx-ml-3.0"}
    assert valid["sdmx-ml-2.1"] == {"files": len(choose(rows, 8, "one")), "of": 6, "observations": 8}
    assert read["sdmx-csv-2.0"]["observations"] == 5
    assert verdict.checked["rows_of_csv_and_parquet"] == {"files": 18, "observations": 3 * sum(rows.values())}


def test_dataflows_are_chosen_by_a_hash_that_the_seed_changes() -> None:
    sizes = {f"DF_{i}": 10 for i in range(40)}
    assert choose(sizes, 400) == sorted(sizes)
    chosen = choose(sizes, 55)
    assert len(chosen) == 5
    assert chosen == choose(dict(reversed(sizes.items())), 55)
    assert chosen != choose(sizes, 55, "another release")
    assert choose({"DF_LARGE": 100, "DF_SMALL": 3}, 50) == ["DF_SMALL"]


def _replace(path: Path, old: bytes, new: bytes) -> None:
    body = path.read_bytes()
    assert old in body
    path.write_bytes(body.replace(old, new, 1))


def test_what_is_wrong_is_found_wherever_it_is(release: Path) -> None:
    data, metadata = release / "data", "metadata/metadata.json"
    _replace(data / f"sdmx-csv/{FLOW}.csv", b"1200.001", b"1200.002")
    xml = data / f"sdmx-ml-2.1/{FLOW}.xml.gz"
    xml.write_bytes(xml.read_bytes()[:-20])
    shutil.copy(data / f"sdmx-json-2.0/{FLOW}_SE.json.gz", data / f"sdmx-json-2.0/{FLOW}.json.gz")
    (data / f"sdmx-ml-3.0/{FLOW}.xml.gz").unlink()
    shutil.copy(data / f"sdmx-csv/{FLOW}.csv", data / "sdmx-csv/DF_OTHER.csv")
    (data / f"sdmx-csv/{RATE}.csv").unlink()
    shutil.copy(data / f"parquet/{RATE}.parquet", data / f"parquet/{STAY}.parquet")
    (data / f"parquet/{STAY}_SE.parquet").unlink()
    (release / "structure/structures.json").unlink()
    (release / "metadata").mkdir()
    (release / metadata).write_text("{}")
    changed = {
        f"data/sdmx-csv/{RATE}.csv": {"rows": "", "status": "withdrawn"},
        f"data/parquet/{RATE}_SE.parquet": {"rows": "6"},
        f"data/sdmx-csv/{RATE}_SE.csv": {"dataflow": "DF_OTHER"},
        f"data/parquet/{STAY}_SE.parquet": {"status": "withdrawn"},
    }
    kept = [FLOW, RATE, f"{RATE}_SE", STAY, f"{STAY}_SE"]
    rows = [row for row in written.contents(release) if row["dataflow"] in kept]
    for path in data.rglob("*"):
        if path.name.split(".")[0] not in {*kept, "DF_OTHER"} and path.is_file():
            path.unlink()
    written.write_contents(release, [{**row, **changed.get(row["file"], {})} for row in rows])
    verdict = _check(release, layout=Layout(metadata={metadata: "metadata-json-2.0"}))
    assert not verdict.passed
    assert _told(verdict) == {
        ("READBACK_DIFFERS", f"data/sdmx-csv/{FLOW}.csv"),
        ("MESSAGE_INVALID", f"data/sdmx-ml-2.1/{FLOW}.xml.gz"),
        ("MESSAGE_UNREADABLE", f"data/sdmx-json-2.0/{FLOW}.json.gz"),
        ("CONTENTS_DIFFER", f"data/sdmx-ml-3.0/{FLOW}.xml.gz"),
        ("CONTENTS_DIFFER", "data/sdmx-csv/DF_OTHER.csv"),
        ("MESSAGE_INVALID", f"data/parquet/{STAY}.parquet"),
        ("CONTENTS_DIFFER", f"data/sdmx-csv/{STAY}_SE.csv"),
        ("CONTENTS_DIFFER", f"data/sdmx-csv-2.0/{STAY}_SE.csv.gz"),
        ("CONTENTS_DIFFER", f"data/parquet/{RATE}_SE.parquet"),
        ("STRUCTURE_UNRESOLVED", f"data/sdmx-csv/{RATE}_SE.csv"),
        ("CONTENTS_DIFFER", "structure/structures.json"),
        ("MESSAGE_INVALID", metadata),
    }
    messages = {problem.file: problem.message for problem in verdict.problems}
    assert "expected 1200.001 found 1200.002" in messages[f"data/sdmx-csv/{FLOW}.csv"]
    told = "the table of contents tells of 6 rows, and there are 2"
    assert messages[f"data/parquet/{RATE}_SE.parquet"] == told


def test_deltas_are_looked_at_row_by_row(release: Path) -> None:
    _keep_only(release, set())
    header, first, *_ = written.message("sdmx-csv-2.0").decode().splitlines()
    reference, width = first.split(",")[1], header.count(",")
    gone = ["dataflow", reference, "D", "XAA", "A"]
    series = ",".join([*gone, *[""] * (width + 1 - len(gone))])
    delta = release / f"data/delta/{FLOW}.csv"
    delta.parent.mkdir()
    delta.write_text("\n".join([header, first, series, ""]))
    verdict = _check(release, layout=ONE)
    assert verdict.problems == ()
    assert verdict.checked["deltas"] == {"files": 1}
    delta.write_text("\n".join([header, first.replace("XAA", "", 1), series.replace("XAA", "QQQ"), ""]))
    found = [problem.message for problem in _check(release, layout=ONE).problems]
    assert found == [
        "REF_AREA of 1 rows is empty or is not in CL_AREA, e.g. ''",
        "REF_AREA of 1 rows is not in CL_AREA, e.g. 'QQQ'",
    ]


def test_without_structures_nothing_else_is_looked_at(release: Path) -> None:
    (release / "structure/structures.xml").write_text("<none/>")
    verdict = _check(release)
    assert verdict.problems[0].rule == "MESSAGE_INVALID"
    assert verdict.problems[0].file == "structure/structures.xml"
    assert verdict.checked["valid_by_schema"] == {}


def _keep_only(folder: Path, kept: set[str]) -> None:
    rows = [row for row in written.contents(folder) if row["dataflow"] in kept]
    listed = {row["file"] for row in rows}
    for path in (folder / "data").rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in listed:
            path.unlink()
    written.write_contents(folder, rows)


def test_all_rows_of_csv_are_compared_beyond_every_limit(release: Path) -> None:
    _keep_only(release, {FLOW})
    _replace(release / f"data/sdmx-csv/{FLOW}.csv", b"1200.001", b"1200.002")
    (found,) = _check(release, limits=NOTHING, layout=ONE).problems
    assert found.rule == "READBACK_DIFFERS"
    assert "expected 1200.001 found 1200.002" in found.message


def test_the_parquet_file_itself_is_compared_where_something_else_is_expected(release: Path) -> None:
    _keep_only(release, {FLOW})
    engine = written.connection()
    query = flows.query(FLOW.removeprefix("DF_"))
    assert check_release(release, engine, limits=NOTHING, layout=ONE, expected=lambda _: query).passed
    changed = f"SELECT * REPLACE ('1' AS DECIMALS) FROM ({query}) WHERE FREQ = 'A'"
    verdict = check_release(release, engine, limits=NOTHING, layout=ONE, expected=lambda _: changed)
    assert {problem.file.split("/")[1] for problem in verdict.problems} == {"parquet", "sdmx-csv", "sdmx-csv-2.0"}


def test_a_release_that_is_wrong_throughout_is_told_of_in_few_lines(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdmx_out.validity.release_check.MOST", 10)
    for path in (release / "data").rglob("*"):
        if path.is_file():
            path.write_bytes(b"nothing")
    verdict = _check(release, limits=Limits(read_back=0), layout=ONE)
    assert len(verdict.problems) == 10
    assert not verdict.checked["is_whole"]
