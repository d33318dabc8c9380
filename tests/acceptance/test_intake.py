"""Receiving files: kept as they came or refused with nothing stored, under names of our own."""

import contextlib
import csv
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fixtures.__main__ import main as generate
from pipelines.command_line import ilms as group
from pipelines.commands import COMMANDS
from pipelines.home import Home
from pipelines.intake import latest_receipt
from schemas.errors import InputError
from tests.acceptance import tiny
from tests.acceptance.desk import ilms, tree

ROUND = "FJI_TINY_2024-Q1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", without=tiny.MIGRATION),))


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return tiny.write_csv(tmp_path / "persons.csv", tiny.persons())


def rules(caught: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [problem.rule for problem in caught.value.problems]


def told(home: Home, *arguments: object) -> Result:
    """Run a command in this process."""
    for command in COMMANDS:
        group.add_command(command)
    specs = [part for folder in home.spec_dirs for part in ("--specs", str(folder))]
    return CliRunner().invoke(group, ["--home", str(home.root), *specs, *map(str, arguments)])


# --- versions of a round


def test_a_second_file_needs_supersede_and_leaves_the_first(home: Home, extract: Path, tmp_path: Path) -> None:
    assert tiny.take(home, ROUND, extract) == 1
    before = tree(home.root)
    other = tiny.write_csv(tmp_path / "other.csv", tiny.persons(90))
    with pytest.raises(InputError) as caught:
        tiny.take(home, ROUND, other)
    assert rules(caught) == ["ROUND_EXISTS"]
    assert "--supersede" in str(caught.value)
    assert tree(home.root) == before


def test_supersede_keeps_both_receipts(home: Home, extract: Path, tmp_path: Path) -> None:
    other = tiny.write_csv(tmp_path / "other.csv", tiny.persons(90))
    tiny.take(home, ROUND, extract)
    assert tiny.take(home, ROUND, other, supersede=True) == 2
    folder = home.received / ROUND
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]
    assert (folder / "1" / "extract.csv").read_bytes() == extract.read_bytes()
    assert (folder / "2" / "extract.csv").read_bytes() == other.read_bytes()
    receipt = latest_receipt(home, ROUND)
    assert receipt is not None
    assert receipt.number == 2


def test_a_receipt_of_one_file_as_earlier_versions_wrote_it_is_in_force(home: Home, extract: Path) -> None:
    tiny.take(home, ROUND, extract)
    path = home.received / ROUND / "1" / "receipt.json"
    (file,) = json.loads(path.read_bytes())["files"]
    path.write_text(json.dumps(file), encoding="utf-8")
    receipt = latest_receipt(home, ROUND)
    assert receipt is not None
    assert (receipt.name, receipt.variant, receipt.sha256) == (extract.name, "", file["sha256"])
    assert receipt.files[0].path.read_bytes() == extract.read_bytes()
    assert tiny.take(home, ROUND, extract) == 1


def test_the_tenth_receipt_comes_after_the_ninth(home: Home, tmp_path: Path) -> None:
    for number in range(10):
        file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons(60 + number))
        assert tiny.take(home, ROUND, file, supersede=True) == number + 1
    receipt = latest_receipt(home, ROUND)
    assert receipt is not None
    assert receipt.number == 10


@pytest.mark.parametrize("supersede", [False, True])
def test_the_same_bytes_again_are_no_new_receipt(home: Home, extract: Path, *, supersede: bool) -> None:
    tiny.take(home, ROUND, extract)
    before = tree(home.root)
    renamed = extract.rename(extract.with_name("another name.csv"))
    assert tiny.take(home, ROUND, renamed, supersede=supersede) == 1
    assert tree(home.root) == before


# --- refused files


def text(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def table() -> list[list[str]]:
    return [list(tiny.VARIABLES), *[list(row.values()) for row in tiny.persons(30)]]


def without_a_variable() -> bytes:
    rows = table()
    return text([row[:-1][:9] + row[10:] for row in rows])


def with_a_ragged_row() -> bytes:
    rows = table()
    return text([*rows[:5], [*rows[5], "one more"], *rows[6:]])


def with_a_variable_twice() -> bytes:
    rows = table()
    return text([[*rows[0], "SEX"], *[[*row, "1"] for row in rows[1:]]])


def with_an_open_quote() -> bytes:
    return text(table()) + b'H9,"1,100'


def a_zip(*names: str) -> Callable[[], bytes]:
    def make() -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name in names:
                archive.writestr(name, text(table()))
        return packed.getvalue()

    return make


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no bytes": (lambda: b"", "FILE_EMPTY"),
    "header alone": (lambda: text(table()[:1]), "FILE_EMPTY"),
    "ragged": (with_a_ragged_row, "FILE_ROW_WIDTH"),
    "cut": (with_an_open_quote, "FILE_TRUNCATED"),
    "missing variable": (without_a_variable, "VARIABLE_MISSING"),
    "variable twice": (with_a_variable_twice, "FILE_DUPLICATE_COLUMN"),
    "not utf-8": (lambda: text(table()).replace(b"Person 7", b"Jos\xe9"), "FILE_ENCODING"),
    "another format": (lambda: b"<stata_dta><header>" + bytes(100), "FILE_FORMAT"),
    "two members": (a_zip("a.csv", "b.csv"), "FILE_ARCHIVE"),
    "a broken zip": (lambda: a_zip("a.csv")()[:200], "FILE_ARCHIVE"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "after a good one"])
def test_a_bad_file_leaves_nothing_behind(
    home: Home, extract: Path, tmp_path: Path, name: str, *, is_first: bool
) -> None:
    make, rule = REFUSED[name]
    home.prepare()
    if not is_first:
        tiny.take(home, ROUND, extract)
    before, folders = tree(home.root), set(home.root.rglob("*"))
    bad = tmp_path / "bad.csv"
    bad.write_bytes(make())
    with pytest.raises(InputError) as caught:
        tiny.take(home, ROUND, bad, supersede=True)
    assert rules(caught) == [rule]
    after = {path: digest for path, digest in tree(home.root).items() if not path.startswith("locks/")}
    assert after == {path: digest for path, digest in before.items() if not path.startswith("locks/")}
    left = {path.relative_to(home.root).parts[0] for path in set(home.root.rglob("*")) - folders}
    assert left <= {"locks", "store"}
    assert [path for path in home.store.rglob("*") if path.name.startswith("FJI") and is_first] == []


@pytest.mark.parametrize(
    ("survey", "suffix", "rule"), [("XBB_LFS", "zip", "FILE_ARCHIVE"), ("XAA_LFS", "sav", "FILE_TRUNCATED")]
)
def test_a_truncated_file_of_a_statistical_package(tmp_path: Path, survey: str, suffix: str, rule: str) -> None:
    generate(["--out", str(tmp_path), "--survey", survey, "--rounds", "2024-Q4", "--persons", "300"])
    whole = tmp_path / f"{survey}_2024-Q4.{suffix}"
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    home = Home(tmp_path / "var")
    with pytest.raises(InputError) as caught:
        tiny.take(home, f"{survey}_2024-Q4", cut)
    assert rules(caught) == [rule]
    assert [path for path in tree(home.root) if not path.startswith("locks/")] == []


def test_no_such_file(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        tiny.take(home, ROUND, tmp_path / "nowhere.csv")
    assert rules(caught) == ["FILE_NOT_FOUND"]


@pytest.mark.parametrize(
    ("round_id", "rule"),
    [
        ("FJI_NONE_2024-Q1", "SURVEY_UNKNOWN"),
        ("FJI_TINY_2030-Q1", "PERIOD_NOT_DECLARED"),
        ("FJI_TINY_2023-Q4", "PERIOD_NOT_DECLARED"),
        ("FJI_TINY_2024-Q5", "ROUND_UNKNOWN"),
        ("nonsense", "ROUND_UNKNOWN"),
        ("../../FJI_TINY_x", "ROUND_UNKNOWN"),
        ("../FJI_TINY_2024-Q1", "SURVEY_UNKNOWN"),
    ],
)
def test_a_round_that_cannot_be(home: Home, extract: Path, round_id: str, rule: str) -> None:
    with pytest.raises(InputError) as caught:
        tiny.take(home, round_id, extract)
    assert rules(caught) == [rule]
    assert [path for path in tree(home.root) if not path.startswith("locks/")] == []


# --- names and links

NAMES = [
    "a name with spaces.csv",
    "'quoted' \"twice\".csv",
    "two\nlines.csv",
    "\x1b[31mred.csv",
    "$(touch here).csv",
    "-rf.csv",
    "..csv",
    ".csv",
    "données.CSV",
    "no suffix",
    "long" + "." + "x" * 200,
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_the_senders_name_never_becomes_a_path(home: Home, extract: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    sent = folder / name
    sent.write_bytes(extract.read_bytes())
    assert tiny.take(home, ROUND, sent) == 1
    kept = sorted(path.name for path in (home.received / ROUND / "1").iterdir())
    assert kept in (["extract.csv", "receipt.json"], ["extract", "receipt.json"])
    receipt = latest_receipt(home, ROUND)
    assert receipt is not None
    assert len(receipt.name.splitlines()) == 1
    assert receipt.name.isprintable()
    assert not any(name in str(path) for path in home.root.rglob("*"))


def test_a_name_that_is_no_text(home: Home, extract: Path, tmp_path: Path) -> None:
    sent = os.fsencode(tmp_path) + b"/\xff\xfe.csv"
    Path(os.fsdecode(sent)).write_bytes(extract.read_bytes())
    assert tiny.take(home, ROUND, Path(os.fsdecode(sent))) == 1
    receipt = latest_receipt(home, ROUND)
    assert receipt is not None
    receipt.name.encode()


def test_an_error_about_an_odd_name_is_one_line(home: Home, tmp_path: Path) -> None:
    sent = tmp_path / "two\nlines\x1b[31m.csv"
    sent.write_bytes(b"")
    with pytest.raises(InputError) as caught:
        tiny.take(home, ROUND, sent)
    assert len(str(caught.value).splitlines()) == 1
    assert "\x1b" not in str(caught.value)


def test_members_of_an_archive_named_upwards(home: Home, tmp_path: Path) -> None:
    sent = tmp_path / "sent.zip"
    sent.write_bytes(a_zip("../../outside.csv")())
    with contextlib.suppress(InputError):
        tiny.take(home, ROUND, sent)
    assert list(tmp_path.rglob("outside*")) == []


def test_a_link_is_read_and_kept_as_a_file(home: Home, extract: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(extract)
    tiny.take(home, ROUND, link)
    kept = home.received / ROUND / "1" / "extract.csv"
    assert not kept.is_symlink()
    assert kept.read_bytes() == extract.read_bytes()
    extract.write_bytes(b"changed later")
    assert kept.stat().st_nlink == 1
    assert kept.read_bytes() != b"changed later"


@pytest.mark.parametrize("kind", ["broken link", "folder", "pipe"])
def test_what_is_no_file_is_refused(home: Home, tmp_path: Path, kind: str) -> None:
    sent = tmp_path / "sent.csv"
    if kind == "broken link":
        sent.symlink_to(tmp_path / "nowhere")
    elif kind == "folder":
        sent.mkdir()
    else:
        os.mkfifo(sent)
    with pytest.raises(InputError) as caught:
        tiny.take(home, ROUND, sent)
    assert rules(caught) == ["FILE_NOT_FOUND"]


# --- who may read


def test_what_is_restricted_is_closed_to_others(home: Home, extract: Path) -> None:
    old = os.umask(0o022)
    try:
        tiny.take(home, ROUND, extract)
        assert tiny.finish(home)[0] == []
    finally:
        os.umask(old)
    for name in ("received", "store", "reports", "tmp", "locks", "dagster"):
        assert stat.S_IMODE((home.root / name).stat().st_mode) == 0o700
    for name in ("received", "store", "reports"):
        for path in (home.root / name).rglob("*"):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path.relative_to(home.root)
    for path in home.releases.resolve().rglob("*.csv"):
        assert path.stat().st_mode & 0o044, path.relative_to(home.root)


# --- the command


def test_the_command_says_what_was_detected_and_refuses_with_exit_code_3(home: Home, extract: Path) -> None:
    good = told(home, "receive", "FJI_TINY", "2024-Q1", extract)
    assert good.exit_code == 0
    assert "120 rows x 13 variables" in good.stdout
    assert "receipt 1" in good.stdout
    extract.write_bytes(b"")
    bad = ilms(home.root, "--specs", home.spec_dirs[0], "receive", "FJI_TINY", "2024-Q2", extract)
    assert (bad.returncode, bad.stdout) == (3, "")
    assert "FILE_EMPTY" in bad.stderr


def test_the_kept_csv_is_what_is_counted(home: Home, extract: Path) -> None:
    tiny.take(home, ROUND, extract)
    with (home.received / ROUND / "1" / "extract.csv").open(newline="") as handle:
        assert len(list(csv.DictReader(handle))) == 120
