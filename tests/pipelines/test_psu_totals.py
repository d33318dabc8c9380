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
#: The survey of the test, asked for employees and their pay.
STATUS = 'declared_labour_force_status = {variable = "STATUS"}\n'
PAID = {
    'monthly_earnings = "not asked"\n': 'hourly_earnings = "not asked"\n',
    STATUS: STATUS + 'status_in_employment = {variable = "STE"}\nmonthly_earnings = {variable = "PAY"}\n',
}
PAID_TABLES = {
    "layout.csv": tiny.TABLES["layout.csv"] + "R1,R1,,\nR2,R2,,\nSTE,STE,,\nPAY,PAY,,\n",
    "codes/status_in_employment.csv": "source_code,source_label,target_code,valid_from,valid_to,note\n"
    "1,Employee,STE_ICSE93_1,,,\n",
}
PAY = "employees__monthly_earnings"


def processed(folder, method, people, toml=None):
    changes = PAID | {DESIGN: DESIGNS[method]} | (toml or {})
    home = Home(folder / "home", (tiny.write_spec(folder / "specs", changes, PAID_TABLES),))
    halves = [{"R1": "0210"[number % 4], "R2": "2002"[number % 4]} for number in range(len(people))]
    for number, half in enumerate(halves):
        is_working = people[number]["STATUS"] == "1"
        half |= {"STE": "1" if is_working else "", "PAY": str(500 + 37 * number % 1000) if is_working else ""}
    frame = pd.DataFrame([{**row, **more} for row, more in zip(people, halves, strict=True)])
    frame[["R1", "R2"]] = frame[["R1", "R2"]].astype(int).mul(frame["WGT"].astype(int), axis=0)
    frame.to_csv(folder / "persons.csv", index=False)
    tiny.take(home, ROUND, folder / "persons.csv")
    result = tiny.process_round(home, ROUND)
    assert result.is_valid, [str(item) for item in result.findings if item.severity == "error"]
    return home, {table.name: table for table in result.tables}


def households(table):
    return pd.read_parquet(table.folder / "households.parquet")


def contributions(table):
    return pd.read_parquet(table.folder / "contributions.parquet")


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
    assert len(contributions(totals)) > 20
    pd.testing.assert_frame_equal(contributions(totals), contributions(tables["psu_totals"]), rtol=1e-12)
    whole, blocks = (pd.read_parquet(one.data) for one in (tables["round_estimates"], estimates))
    assert len(whole) > 100
    assert whole["dominance"].notna().sum() > 10
    pd.testing.assert_frame_equal(blocks, whole, rtol=1e-12, atol=1e-12)


def test_households_are_those_of_the_persons(tmp_path):
    """With a design effect every person is a unit, and a household is one all the same."""
    for method in ("taylor", "deff"):
        _, tables = processed(tmp_path / method, method, tiny.persons())
        found = households(tables["psu_totals"])
        cell = found[(found["variable"] == "working_age") & (found["cube"] == "age_band") & (found["sex"] == "SEX_T")]
        expected = {row["HOUSE"] for row in tiny.persons() if int(row["AGE"]) >= 15}
        assert cell.set_index("classif1")["n_households"]["AGE_AGGREGATE_TOTAL"] == len(expected)


@pytest.mark.parametrize("persons", [2, 3])
def test_contributions_are_the_largest_of_single_persons(tmp_path, persons):
    """One row per cell that somebody's pay is in; a third person only where the country asks for three."""
    people = tiny.persons()
    for number, row in enumerate(people):
        row["WGT"] = str(70 + 13 * number % 61)
    rule = {"[quality]": f"[reliability]\ndominance_persons = {persons}\n\n[quality]"}
    _, tables = processed(tmp_path, "taylor", people, rule)
    told = pd.read_csv(tmp_path / "persons.csv", dtype={"BIRTH": str}, keep_default_na=False)
    told = told[(told["STATUS"].astype(str) == "1") & (told["AGE"] >= 15)]
    told = told.assign(amount=told["PAY"].astype(float) * told["WGT"])
    found = contributions(tables["psu_totals"])
    found = found[(found["variable"] == PAY) & (found["cube"] == "place_of_birth")]
    births = {"TOTAL": "FNTU", "NATIVE": "F", "FOREIGN": "NT", "X": "U"}
    expected = {}
    for sex, codes in {"SEX_T": (1, 2), "SEX_M": (1,), "SEX_F": (2,)}.items():
        for item, letters in births.items():
            here = told[told["SEX"].isin(codes) & told["BIRTH"].isin(list(letters))]["amount"].sort_values()
            if len(here):
                largest = [*([0.0] * persons), *here][-persons:]
                expected[sex, f"CBR_BIR_{item}"] = here.sum(), largest[-1], largest[-2], sum(largest)
    numbers = found.set_index(["sex", "classif1"])[["total", "largest", "second", "dominant"]]
    assert {key: tuple(row) for key, row in zip(numbers.index, numbers.to_numpy(), strict=True)} == {
        key: pytest.approx(row, rel=1e-12) for key, row in expected.items()
    }
    assert len(expected) >= 8
