"""quality.csv of a release: order, door, and how a reader gets at it."""

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from schemas.codes import load_code_lists, load_status_map
from schemas.errors import InputError
from schemas.indicators import load_indicators
from sdmx_out.commands import get
from sdmx_out.quality import COLUMNS, LISTS
from sdmx_out.releases.gate import propose
from sdmx_out.releases.places import Places
from sdmx_out.releases.release import ReleaseResult, Request
from tests.sdmx_out.example import OFFICE, by, write_parquet
from tests.sdmx_out.example import rows as estimates

Row = dict[str, object]
HEADER = ",".join(COLUMNS)


def fact(item: str, value: str, unit: str = "SHARE", **given: object) -> Row:
    made = {"ref_area": "XAA", "survey": "XAA_LFS", "time": "2013-Q4", "item": item, "value": value, "unit": unit}
    notes = {"note_en": "", "note_fr": "", "note_es": ""}
    return {**made, **notes, **given}


def facts() -> list[Row]:
    told = {"note_en": "=1+1, people", "note_fr": "ménages", "note_es": "hogares"}
    return [
        fact("PROXY_SHARE", "0.2500"),
        fact("COVERAGE", "", "TEXT", **told),
        fact("FOREIGN_BORN", "12.500", "THOUSANDS", time="2013-Q3"),
        fact("EXTRACT", "TEST", "CODE", ref_area="XBB", survey="XBB_HS", note_en="Test extract"),
    ]


def release(work: Path, quality: Sequence[Row], kind: str = "test", parts: int = 2) -> ReleaseResult:
    work.mkdir(parents=True, exist_ok=True)
    files = [write_parquet(work / f"q{part}.parquet", quality[part::parts] or quality, None) for part in range(parts)]
    with duckdb.connect() as engine:
        request = Request(
            tables=[write_parquet(work / "estimates.parquet", estimates()[:1])],
            availability=[],
            indicators=load_indicators(),
            code_lists=load_code_lists(),
            status_map=load_status_map(),
            release_date=date(2026, 11, 23),
            provenance={},
            kind=kind,  # type: ignore[arg-type]
            quality=files,
            organisations={"XAA_LFS": OFFICE},
            is_full=False,
        )
        return propose(request, Places(work), engine, by())


def test_exact_file(tmp_path: Path) -> None:
    folder = release(tmp_path, facts()).folder
    assert (folder / "quality.csv").read_text(encoding="utf-8") == (
        f"{HEADER}\n"
        "XAA,XAA_LFS,2013-Q3,FOREIGN_BORN,12.500,THOUSANDS,,,\n"
        'XAA,XAA_LFS,2013-Q4,COVERAGE,,TEXT,"\'=1+1, people",ménages,hogares\n'
        "XAA,XAA_LFS,2013-Q4,PROXY_SHARE,0.2500,SHARE,,,\n"
        "XBB,XBB_HS,2013-Q4,EXTRACT,TEST,CODE,Test extract,,\n"
    )


@pytest.mark.parametrize("kind", ["default", "test"])
def test_it_is_in_the_table_of_contents_and_explained(tmp_path: Path, kind: str) -> None:
    folder = release(tmp_path, facts(), kind).folder
    with (folder / "toc.csv").open(encoding="utf-8", newline="") as stream:
        toc = {line["file"]: line for line in csv.DictReader(stream)}
    line = toc["quality.csv"]
    assert line["sha256"] == hashlib.sha256((folder / "quality.csv").read_bytes()).hexdigest()
    assert [line[name] for name in ("rows", "areas", "time_from", "time_to")] == ["4", "2", "2013-Q3", "2013-Q4"]
    assert line["title_en"].startswith("TEST EXTRACT") == (kind == "test")
    assert line["title_fr"].endswith("Couverture et qualité des passages")
    assert {f"dictionary/{name}.csv" for name in LISTS} <= set(toc)
    assert "quality.csv" in (folder / "README.txt").read_text(encoding="utf-8")


def test_order_and_number_of_files_change_nothing(tmp_path: Path) -> None:
    one = release(tmp_path / "a", facts(), parts=1).folder
    two = release(tmp_path / "b", list(reversed(facts())), parts=3).folder
    assert one.name == two.name
    assert (one / "quality.csv").read_bytes() == (two / "quality.csv").read_bytes()


def test_another_fact_is_another_release(tmp_path: Path) -> None:
    first = release(tmp_path, facts())
    assert not release(tmp_path, facts()).is_new
    second = release(tmp_path, [fact("PROXY_SHARE", "0.3000"), *facts()[1:]])
    assert second.is_new
    assert second.folder.name[-10:] != first.folder.name[-10:]


def without(column: str) -> list[Row]:
    return [{name: value for name, value in row.items() if name != column} for row in facts()]


BAD = {
    "an unknown item": ([*facts(), fact("SHOE_SIZE", "1")], "QUALITY_INVALID.*SHOE_SIZE"),
    "an unknown unit": ([*facts(), fact("PSUS", "1", "PIECES")], "QUALITY_INVALID.*PIECES"),
    "an unknown area": ([*facts(), fact("PSUS", "1", "NUMBER", ref_area="QQQ")], "QUALITY_INVALID.*QQQ"),
    "an unknown code": ([*facts(), fact("CAMPS", "PERHAPS", "CODE")], "QUALITY_INVALID.*PERHAPS"),
    "an item twice": ([*facts(), fact("PROXY_SHARE", "0.9")], "QUALITY_INVALID.*1 items stand twice"),
    "no value and no reason": ([*facts(), fact("UNKNOWN_BIRTH", "")], "QUALITY_INVALID.*1 items have no value"),
    "no number": ([*facts(), fact("UNKNOWN_BIRTH", "-0.2")], "QUALITY_INVALID.*1 values are no plain number"),
    "a column missing": (without("note_es"), "QUALITY_UNREADABLE"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_published_stops_the_release(tmp_path: Path, name: str) -> None:
    quality, message = BAD[name]
    with pytest.raises(InputError, match=message):
        release(tmp_path, quality)
    assert not (tmp_path / "releases" / "latest-test").exists()


# --- ilms get --quality


class Home:
    def __init__(self, home: Path) -> None:
        self.home = home


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    work = tmp_path_factory.mktemp("released")
    release(work, facts())

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(get, [*arguments, "--release", "latest-test"], obj=Home(work))

    return run


def test_get_prints_it(run: Callable[..., Result]) -> None:
    printed = run("--quality", "--area", "XAA", "--period", "2013Q4")
    assert (printed.exit_code, printed.stderr) == (0, "")
    lines = printed.stdout.splitlines()
    assert lines[0] == HEADER
    assert [line.split(",")[3] for line in lines[1:]] == ["COVERAGE", "PROXY_SHARE"]


def test_get_gives_labels_tables_and_json(run: Callable[..., Result]) -> None:
    told = json.loads(run("--quality", "--area", "XBB", "--format", "json", "--labels", "both").stdout)
    assert [(row["item"], row["value"]) for row in told] == [
        ("EXTRACT: Kind of file", "TEST: Test extract - not a national statistic")
    ]
    table = run("--quality", "--format", "table").stdout
    assert "note_en" in table
    assert "note_fr" not in table


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "give INDICATOR or --quality"),
        (("EMP_TEMP_SEX_AGE_NB", "--quality"), 2, "give INDICATOR or --quality"),
        (("--quality", "--area", "KEN"), 4, "no round of what was asked"),
        (("--quality", "--period", "2013-Q9"), 2, "period"),
    ],
)
def test_get_says_what_is_wrong(run: Callable[..., Result], arguments: tuple[str, ...], code: int, told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert told in result.stderr
