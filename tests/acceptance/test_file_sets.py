"""Rounds that come in several files: persons and households, record types, variants of one round, absentees."""

import gzip
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from pipelines.home import Home
from pipelines.intake import latest_receipt
from pipelines.rounds import harmonised_persons, open_round, raw_extract
from pipelines.storage import current
from schemas.errors import InputError
from tests.acceptance import tiny
from tests.acceptance.desk import ilms, tree

ROUND = "FJI_TINY_2024-Q1"
#: Rules of sets of files; each is tripped below.
OWN_RULES = ("FILE_SET", "FILE_RECORD_TYPE", "HOUSEHOLD_DUPLICATE", "HOUSEHOLD_MISSING")
OF_HOUSEHOLDS = ("WGT", "STRATUM", "PSU", "DISTRICT")
OF_PERSONS = tuple(name for name in tiny.VARIABLES if name not in OF_HOUSEHOLDS)

ONE = '[[file]]\nname = "persons"\nformat = "csv"\nencoding = "utf-8"\ndelimiter = ","\n'
PERSONS = '[[file]]\nname = "persons"\nformat = "csv"\ndelimiter = ","\nmember = "*person*"\n'
HOUSEHOLDS = """
[[file]]
name = "households"
unit = "household"
format = "csv"
delimiter = ","
member = "*house*"
key = ["HOUSEID"]
person_key = ["HOUSE"]
"""
SET_LAYOUT = (
    "variable,label,start,width,file\n"
    + "".join(f"{name},{name},,,\n" for name in OF_PERSONS)
    + "HOUSEID,House,,,households\n"
    + "".join(f"{name},{name},,,households\n" for name in OF_HOUSEHOLDS)
)


def lines(rows: list[tiny.Row], names: tuple[str, ...], **renamed: str) -> str:
    header = ",".join(renamed.get(name, name) for name in names)
    return "\n".join([header, *(",".join(row[name] for name in names) for row in rows)]) + "\n"


def household_rows(rows: list[tiny.Row]) -> list[tiny.Row]:
    return list({row["HOUSE"]: row for row in rows}.values())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    specs = tiny.write_spec(tmp_path / "specs", {ONE: PERSONS + HOUSEHOLDS}, {"layout.csv": SET_LAYOUT})
    return Home(tmp_path / "var", (specs,))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rows = tiny.persons()
    persons, households = tmp_path / "persons.csv", tmp_path / "households.csv"
    persons.write_text(lines(rows, OF_PERSONS))
    households.write_text(lines(household_rows(rows)[::-1], ("HOUSE", *OF_HOUSEHOLDS), HOUSE="HOUSEID"))
    return persons, households


def harmonised(home: Home) -> pl.DataFrame:
    this, receipt = open_round(home, ROUND), latest_receipt(home, ROUND)
    assert receipt is not None
    table = harmonised_persons(this, raw_extract(this, receipt))
    assert table.is_valid, table.findings
    return pl.read_parquet(table.data)


def expected(tmp_path: Path) -> pl.DataFrame:
    """The same persons from the one file."""
    alone = Home(tmp_path / "alone", (tiny.write_spec(tmp_path / "one"),))
    tiny.take(alone, ROUND, tiny.write_csv(tmp_path / "all.csv", tiny.persons()))
    return harmonised(alone)


@pytest.mark.parametrize("packed", ["apart", "other order", "one zip", "gzip"])
def test_persons_with_their_households(home: Home, files: tuple[Path, Path], tmp_path: Path, packed: str) -> None:
    sent = list(files)
    if packed == "other order":
        sent.reverse()
    elif packed == "one zip":
        with zipfile.ZipFile(tmp_path / "round.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, f"data/{file.name}")
        sent = [tmp_path / "round.zip"]
    elif packed == "gzip":
        sent = [file.with_suffix(".csv.gz") for file in files]
        for file, gz in zip(files, sent, strict=True):
            gz.write_bytes(gzip.compress(file.read_bytes()))
    tiny.take(home, ROUND, *sent)
    assert harmonised(home).equals(expected(tmp_path))
    receipt = latest_receipt(home, ROUND)
    assert receipt is not None
    assert [file.name for file in receipt.files] == [file.name for file in sent]


def test_the_same_set_again_in_another_order_is_no_new_receipt(home: Home, files: tuple[Path, Path]) -> None:
    assert tiny.take(home, ROUND, *files) == 1
    assert tiny.take(home, ROUND, *files[::-1]) == 1


def test_one_changed_file_needs_supersede(home: Home, files: tuple[Path, Path]) -> None:
    tiny.take(home, ROUND, *files)
    before = tree(home.root)
    files[1].write_text(files[1].read_text().replace("H1,100", "H1,101"))
    with pytest.raises(InputError, match="ROUND_EXISTS"):
        tiny.take(home, ROUND, *files)
    assert tree(home.root) == before
    assert tiny.take(home, ROUND, *files, supersede=True) == 2


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ("persons alone", "FILE_SET"),
        ("persons twice", "FILE_SET"),
        ("household twice", "HOUSEHOLD_DUPLICATE"),
        ("household gone", "HOUSEHOLD_MISSING"),
        ("variable gone", "VARIABLE_MISSING"),
        ("no such variant", "FILE_SET"),
    ],
)
def test_a_set_that_does_not_fit_is_refused_whole(
    home: Home, files: tuple[Path, Path], tmp_path: Path, case: str, rule: str
) -> None:
    sent, variant = list(files), None
    text = files[1].read_text()
    if case == "persons alone":
        sent = [files[0]]
    elif case == "persons twice":
        sent = [files[0], tmp_path / "person2.csv"]
        sent[1].write_bytes(files[0].read_bytes() + b"\n")
    elif case == "household twice":
        files[1].write_text(text + text.splitlines()[-1] + "\n")
    elif case == "household gone":
        files[1].write_text("\n".join(text.splitlines()[:-1]) + "\n")
    elif case == "variable gone":
        files[1].write_text(text.replace("DISTRICT", "PROVINCE"))
    else:
        variant = "other"
    with pytest.raises(InputError, match=rule):
        tiny.take(home, ROUND, *sent, variant=variant)
    assert not list(home.received.iterdir())
    assert not list(home.store.rglob("*.parquet"))


def test_variants_of_a_round_are_told_apart_by_their_format(tmp_path: Path) -> None:
    other = '[[file]]\nname = "table"\nvariant = "parquet"\nformat = "parquet"\n'
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", {ONE: ONE + "\n" + other}),))
    rows = pl.DataFrame(tiny.persons())
    rows.write_parquet(tmp_path / "persons.parquet")
    tiny.take(home, ROUND, tmp_path / "persons.parquet")
    from_parquet = harmonised(home)
    receipt = latest_receipt(home, ROUND)
    assert receipt is not None
    assert receipt.variant == "parquet"
    assert from_parquet.equals(expected(tmp_path))


def test_variants_that_cannot_be_told_apart_are_asked_for(tmp_path: Path) -> None:
    other = ONE.replace('"persons"', '"persons"\nvariant = "new"')
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", {ONE: ONE + "\n" + other}),))
    extract = tiny.write_csv(tmp_path / "persons.csv", tiny.persons())
    with pytest.raises(InputError, match="--variant"):
        tiny.take(home, ROUND, extract)
    specs = str(home.spec_dirs[0])
    told = ilms(home.root, "--specs", specs, "receive", "FJI_TINY", "2024-Q1", extract, "--variant", "new", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["variant"] == "new"


def test_record_types_of_one_file(tmp_path: Path) -> None:
    toml = {
        ONE: '[[file]]\nname = "persons"\nformat = "csv"\ndelimiter = ","\n'
        'records = {variable = "NAME", codes = ["P"]}\n'
    }
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", toml),))
    rows = [{**row, "NAME": "P"} for row in tiny.persons()]
    mixed = [row for person in rows for row in ({**person, "NAME": "H", "SEX": ""}, person)]
    with pytest.raises(InputError, match="FILE_RECORD_TYPE"):
        tiny.take(home, ROUND, tiny.write_csv(tmp_path / "mixed.csv", mixed))
    ignored = {ONE: toml[ONE].replace('["P"]', '["P"], ignored = ["H"]')}
    home = Home(tmp_path / "ignored", (tiny.write_spec(tmp_path / "knowing", ignored),))
    tiny.take(home, ROUND, tmp_path / "mixed.csv")
    assert harmonised(home).height == len(rows)
    toml[ONE] = toml[ONE].replace('["P"]', '["P", "Q"]')
    toml[ONE] += (
        '\n[[file]]\nname = "others"\nunit = "absentee"\nformat = "csv"\ndelimiter = ","\nsame_file_as = "persons"\n'
        'records = {variable = "NAME", codes = ["H"]}\n'
    )
    layout = tiny.TABLES["layout.csv"].replace("width\n", "width,file\n").replace(",,\n", ",,,\n")
    layout += "NAME,Record type,,,others\nHOUSE,House,,,others\n"
    home = Home(tmp_path / "second", (tiny.write_spec(tmp_path / "both", toml, {"layout.csv": layout}),))
    tiny.take(home, ROUND, tmp_path / "mixed.csv")
    persons = harmonised(home)
    assert persons.height == len(rows)
    assert persons["row_number"].to_list() == list(range(2, 2 * len(rows) + 1, 2))
    raw = current(home.store, "raw_extract", ROUND)
    assert raw is not None
    assert pl.read_parquet(raw.folder / "absentees.parquet")["row_number"].to_list() == list(range(1, 2 * len(rows), 2))
