"""No value of a person is in anything that leaves the raw tables, whatever goes wrong."""

import json
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from pipelines import checks, run
from pipelines.home import Home
from tests.acceptance import tiny
from tests.acceptance.desk import ilms

#: Unlike any name, hash or number that the pipeline writes by itself.
CANARIES = {"NAME": "Zq Xanthippe Qwy", "HOUSE": "HQZ90210", "WGT": "91.73645281", "AGE": "4z4q", "STATUS": "QZ7"}


def plant(rows: list[tiny.Row], *columns: str) -> list[tiny.Row]:
    for row in rows:  # or the one odd weight would show in the fraction of the round's total
        row["WGT"] = "100.013771"
    for column in columns:
        rows[10][column] = CANARIES[column]
    return rows


def planted(*columns: str) -> Callable[[], list[tiny.Row]]:
    return lambda: plant(tiny.persons(), "NAME", *columns)


def duplicate() -> list[tiny.Row]:
    rows = plant(tiny.persons(), "NAME", "HOUSE", "WGT")
    return [*rows, dict(rows[10])]


def lonely() -> list[tiny.Row]:
    rows = plant(tiny.persons(), "NAME")
    for row in rows[-15:]:
        row["STRATUM"] = "HQZ90210"
    return rows


@dataclass(frozen=True)
class Case:
    """One way to fail.

    Attributes:
        rows: persons with canaries.
        rule: what the message names.
        toml: replacements in survey.toml.
    """

    rows: Callable[[], list[tiny.Row]]
    rule: str
    toml: dict[str, str] = field(default_factory=dict)


CASES = {
    "a bad number": Case(planted("AGE", "HOUSE"), "NUMBER_INVALID"),
    "an unmapped code": Case(planted("STATUS", "HOUSE"), "CODE_UNMAPPED"),
    "a duplicate key": Case(duplicate, "DUPLICATE_KEY"),
    "a lonely PSU": Case(lonely, "LONELY_PSU"),
    "a division by a text": Case(
        planted("HOUSE", "WGT"),
        "WEIGHT_MISSING",
        {'weight = {variable = "WGT"}': 'weight = {expression = "to_number(WGT) / NULLIF(to_number(HOUSE), 0)"}'},
    ),
}


def exposed(home: Home, *texts: str) -> list[str]:
    """Return where a canary stands: in a text given, or in a file that is no raw or harmonised table."""
    found = [f"text {number}" for number, text in enumerate(texts) if any(value in text for value in CANARIES.values())]
    for path in sorted(path for path in home.root.rglob("*") if path.is_file()):
        name = path.relative_to(home.root)
        if name.parts[0] == "received" or (path.suffix == ".parquet" and name.parts[1] in _WITH_PERSONS):
            continue
        content = _text_of(path)
        found += [f"{name}: {column}" for column, value in CANARIES.items() if value in content]
    return found


#: Tables whose rows are persons, or whose columns hold identifiers of the sample: restricted.
_WITH_PERSONS = ("raw_extract", "harmonised_persons", "psu_totals")


def _text_of(path: Path) -> str:
    if path.suffix == ".parquet":
        with duckdb.connect() as connection:
            return str(connection.execute(f"FROM read_parquet('{path}')").fetchall())
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as archive:
            return "\n".join(archive.read(name).decode("latin-1") for name in archive.namelist())
    return path.read_bytes().decode("latin-1")


@pytest.mark.parametrize("name", CASES)
def test_a_failure_quotes_nobody(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", case.toml),))
    file = tiny.write_csv(tmp_path / "persons.csv", case.rows())
    tiny.take(home, "FJI_TINY_2024-Q1", file)
    ran = ilms(home.root, "--specs", home.spec_dirs[0], "run")
    assert ran.returncode == 1
    assert case.rule in ran.stderr
    assert exposed(home, ran.stdout, ran.stderr) == []


def test_a_good_round_tells_nobody(tmp_path: Path) -> None:
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    file = tiny.write_csv(tmp_path / "persons.csv", plant(tiny.persons(), "NAME", "HOUSE", "WGT"))
    tiny.take(home, "FJI_TINY_2024-Q1", file)
    assert tiny.finish(home)[0] == []
    assert exposed(home) == []


def _duckdb_fails(*_: object) -> object:
    """Fail as the engine does, whose text quotes the value."""
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT CAST('{CANARIES['NAME']}' AS INTEGER)").fetchall()


def _polars_fails(*_: object) -> object:
    import polars as pl

    return pl.Series([CANARIES["NAME"]]).cast(pl.Int64)


def _pandas_fails(*_: object) -> object:
    import pandas as pd

    return pd.to_numeric(pd.Series([CANARIES["NAME"]]))


@pytest.mark.parametrize("fail", [_duckdb_fails, _polars_fails, _pandas_fails])
@pytest.mark.parametrize("step", ["edit_findings", "weight_findings", "contract_findings"])
def test_an_error_inside_the_pipeline_quotes_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], fail: object, step: str
) -> None:
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    tiny.take(home, "FJI_TINY_2024-Q1", tiny.write_csv(tmp_path / "persons.csv", tiny.persons()))
    monkeypatch.setattr(checks, step, fail)
    (outcome,) = run.run_rounds(home, ["FJI_TINY_2024-Q1"], 1, lambda _: None, lambda _: None)
    assert not outcome.is_valid
    assert len(outcome.errors) == 1
    assert exposed(home, *outcome.errors, *capfd.readouterr()) == []


def test_the_traceback_of_an_engine_error_quotes_nobody(tmp_path: Path) -> None:
    from pipelines.engine import EngineError, open_engine

    with pytest.raises(EngineError) as caught, open_engine(tmp_path, []) as connection:  # noqa: PT012
        connection.execute(f"CREATE TABLE t AS SELECT '{CANARIES['NAME']}' AS v")
        connection.execute("SELECT v::INTEGER FROM t").fetchall()
    shown = "".join(traceback.format_exception(caught.value))
    assert CANARIES["NAME"] not in shown


@pytest.mark.parametrize(
    "content",
    [
        b"HOUSE,LINE\nZq Xanthippe Qwy,1,2\n",
        b'HOUSE,LINE\n"Zq Xanthippe Qwy,1\n',
        b"HOUSE,LINE\nZq Xanthippe Qwy \xff,1\n",
        b"Zq Xanthippe Qwy",
        b"Zq Xanthippe Qwy,91.73645281\nHQZ90210,1\n",
    ],
    ids=["ragged", "open quote", "not utf-8", "one word", "data where the header should be"],
)
def test_a_refused_file_quotes_nobody(tmp_path: Path, content: bytes) -> None:
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    file = tmp_path / "persons.csv"
    file.write_bytes(content)
    answer = ilms(home.root, "--specs", home.spec_dirs[0], "receive", "FJI_TINY", "2024-Q1", file)
    assert answer.returncode == 3
    assert "Remedy" in answer.stderr
    assert exposed(home, answer.stdout, answer.stderr) == []


def test_labels_in_stored_facts_are_those_of_variables(tmp_path: Path) -> None:
    """A sav file carries labels of variables and of values; those of values are kept apart from the facts."""
    from fixtures.__main__ import main as generate
    from pipelines.storage import current

    generate(["--out", str(tmp_path), "--survey", "XAA_LFS", "--rounds", "2024-Q4", "--persons", "300"])
    home = Home(tmp_path / "var")
    tiny.take(home, "XAA_LFS_2024-Q4", tmp_path / "XAA_LFS_2024-Q4.sav")
    table = current(home.store, "raw_extract", "XAA_LFS_2024-Q4")
    assert table is not None
    with duckdb.connect() as connection:
        names = [row[0] for row in connection.execute(f"DESCRIBE FROM '{table.data}'").fetchall()]
    assert set(table.facts["labels"]) <= set(names)
    assert all(isinstance(label, str) for label in table.facts["labels"].values())
    assert "value_labels" not in table.facts
    kept = table.folder / "labels.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert json.loads(kept.read_bytes())["persons"]["values"]["P02_SEXO"] == {"1": "Hombre", "2": "Mujer"}
