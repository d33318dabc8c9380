"""Counting and estimating block by block: figures are those of everybody at once, whatever a sampling unit is."""

from dataclasses import replace

import pandas as pd
import pytest

from pipelines import cube_sums, rounds
from pipelines.home import Home
from pipelines.rounds import open_round
from pipelines.totals import psu_totals
from tests.acceptance import tiny
from transforms import stocks, variance

ROUND = f"{tiny.SURVEY}_2024-Q1"
DESIGN = '[design]\nvariance = "taylor"\nlonely_psu = "fail"\n'
DESIGNS = {
    "taylor": DESIGN,
    "replicates": '[design]\nvariance = "replicates"\n[design.replicates]\nmethod = "BRR"\nvariables = ["R1", "R2"]\n',
    "deff": '[design]\nvariance = "deff"\ndeff = 1.5\n',
    "none": '[design]\nvariance = "none"\n',
}
CELL = ["indicator", "sex", "classif1", "classif2"]


def processed(folder, method, people):
    tables = {"layout.csv": tiny.TABLES["layout.csv"] + "R1,R1,,\nR2,R2,,\n"}
    home = Home(folder / "home", (tiny.write_spec(folder / "specs", {DESIGN: DESIGNS[method]}, tables),))
    halves = [{"R1": "0210"[number % 4], "R2": "2002"[number % 4]} for number in range(len(people))]
    frame = pd.DataFrame([{**row, **more} for row, more in zip(people, halves, strict=True)])
    frame[["R1", "R2"]] = frame[["R1", "R2"]].astype(int).mul(frame["WGT"].astype(int), axis=0)
    frame.to_csv(folder / "persons.csv", index=False)
    tiny.take(home, ROUND, folder / "persons.csv")
    result = tiny.process_round(home, ROUND)
    assert result.is_valid, [str(item) for item in result.findings if item.severity == "error"]
    return home, {table.name: table for table in result.tables}


def households(table):
    return pd.read_parquet(table.folder / "households.parquet")


@pytest.mark.parametrize("method", DESIGNS)
def test_blocks_change_no_figure(tmp_path, monkeypatch, method):
    people = tiny.persons()
    for number, row in enumerate(people):
        row["WGT"] = str(100 + number % 7)
    # Not in the order of the units, as an office may send them.
    home, tables = processed(tmp_path, method, [people[number * 7 % 120] for number in range(120)])
    monkeypatch.setattr(stocks, "BLOCK_PERSONS", 20)
    monkeypatch.setattr(cube_sums, "BLOCK_SIZE", 500)
    monkeypatch.setattr(cube_sums, "CHUNK_ROWS", 10)
    monkeypatch.setattr(variance, "_IN_WORK", 50)
    this = open_round(home, ROUND)
    persons = replace(tables["harmonised_persons"], input_hash="in blocks")
    totals = psu_totals(this, persons, tables["harmonised_absentees"])
    estimates = rounds.round_estimates(this, persons, totals)
    assert totals.folder != tables["psu_totals"].folder
    assert totals.facts["rows"] == tables["psu_totals"].facts["rows"]
    pd.testing.assert_frame_equal(households(totals), households(tables["psu_totals"]))
    whole, blocks = (pd.read_parquet(one.data) for one in (tables["round_estimates"], estimates))
    assert len(whole) > 100
    pd.testing.assert_frame_equal(blocks, whole, rtol=1e-12, atol=1e-12)


def test_households_are_those_of_the_persons(tmp_path):
    """With a design effect every person is a unit, and a household is one all the same."""
    for method in ("taylor", "deff"):
        _, tables = processed(tmp_path / method, method, tiny.persons())
        found = households(tables["psu_totals"])
        cell = found[(found["variable"] == "working_age") & (found["cube"] == "age_band") & (found["sex"] == "SEX_T")]
        expected = {row["HOUSE"] for row in tiny.persons() if int(row["AGE"]) >= 15}
        assert cell.set_index("classif1")["n_households"]["AGE_AGGREGATE_TOTAL"] == len(expected)
