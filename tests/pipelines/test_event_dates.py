"""Dates of arrival and return that cannot be are told of, and taken as not stated."""

from pathlib import Path

import polars as pl

from pipelines.home import Home
from tests.acceptance import tiny

ARRIVAL = 'arrival_year = {variable = "ARRIVED", missing = ["9999"]}'


def test_months_after_the_period_and_years_that_cannot_be(tmp_path: Path) -> None:
    """One month of arrival after March, one year of return to come, two before birth."""
    asked = {
        "arrival_month": "CASE WHEN HOUSE = 'H2' THEN 4 ELSE 3 END",
        "return_year": "CASE WHEN HOUSE = 'H3' THEN 2031 WHEN HOUSE = 'H4' THEN 1850 WHEN HOUSE = 'H5' THEN 2024 END",
        "return_month": "CASE WHEN HOUSE = 'H5' THEN 4 ELSE 3 END",
    }
    lines = "\n".join([ARRIVAL, *(f'{name} = {{expression = "{text}"}}' for name, text in asked.items())])
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", {ARRIVAL: lines}),))
    rows = tiny.persons()
    mover = next(number for number, row in enumerate(rows) if row["HOUSE"] == "H2" and row["ARRIVED"])
    for row in rows:
        row["ARRIVED"] = row["ARRIVED"] and "2024"
    adults = {
        house: sum(row["HOUSE"] == house and int(row["AGE"]) >= 15 for row in rows) for house in ("H3", "H4", "H5")
    }
    result = tiny.harmonise(home, rows, tmp_path / "persons.csv")
    told = {(item.rule, item.concept): item.count for item in result.findings}
    everybody = 3
    assert told == {
        ("ARRIVAL_AFTER_PERIOD", "arrival_month"): sum(bool(row["ARRIVED"]) for row in rows if row["HOUSE"] == "H2"),
        ("ARRIVAL_AFTER_PERIOD", "return_year"): everybody,
        ("ARRIVAL_BEFORE_BIRTH", "return_year"): everybody,
        ("ARRIVAL_AFTER_PERIOD", "return_month"): everybody,
    }
    found = pl.read_parquet(next(table for table in result.tables if table.name == "harmonised_persons").data)
    assert found["arrival_year"][mover] == 2024
    assert found["arrival_month"][mover] is None
    by_house = found.group_by("household_id").agg(pl.col("return_year", "return_month").drop_nulls().len())
    kept = {house: counts for house, *counts in by_house.iter_rows()}
    assert (kept["H3"], kept["H4"], kept["H5"]) == ([0, 0], [0, 0], [adults["H5"], 0])
    assert adults["H5"] > 0
