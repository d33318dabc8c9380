"""What the pipeline makes of invented surveys against the truth beside them, person by person."""

import polars as pl
import pytest

from fixtures.extracts import write_round
from fixtures.generate import generate_whole
from pipelines.home import Home
from pipelines.intake import receive
from pipelines.rounds import open_round, process_round, raw_extract

#: Asked of the employed in XAA only.
OF_XAA = ("is_time_related_underemployed", "job_formality", "is_naturalised", "works_abroad")
SHARED = (
    "household_id", "person_id", "sex", "age", "country_of_birth", "place_of_birth", "citizenship_status",
    "country_of_citizenship", "residence_status", "is_working_age", "labour_force_status",
    "is_migrant_worker_by_birth", "is_migrant_worker_by_citizenship",
)  # fmt: skip


@pytest.mark.parametrize("period", ["2024-Q1", "2024-Q4"])
@pytest.mark.parametrize(("survey", "file_format"), [("XAA_LFS", "sav"), ("XBB_LFS", "dta"), ("XBB_LFS", "csv")])
def test_harmonised_persons_are_the_truth(tmp_path, survey, period, file_format):
    whole = generate_whole(survey, period, persons=3000)
    truth = whole.truth
    files, _ = write_round([whole], tmp_path, "extract", file_format)
    home = Home(tmp_path / "home")
    home.prepare()
    this = open_round(home, f"{survey}_{period}")
    receive(home, this.spec, this.period, files, supersede=False, read=lambda kept: raw_extract(this, kept))
    tables = {table.name: table for table in process_round(home, this.identifier).tables}
    assert not [item for item in tables["harmonised_persons"].findings if item.severity == "error"]
    found = pl.read_parquet(tables["harmonised_persons"].data)

    assert found["row_number"].to_list() == list(range(1, truth.height + 1))
    shared = sorted(SHARED if survey == "XBB_LFS" else (*SHARED, *OF_XAA))
    assert set(shared) == set(truth.columns) & set(found.columns)
    differing = {name: int((found[name].cast(truth[name].dtype).ne_missing(truth[name])).sum()) for name in shared}
    assert differing == dict.fromkeys(shared, 0)
    assert (found["exclusion"].eq_missing("ZERO_WEIGHT") == truth["has_zero_weight"]).all()
    assert ((found["residence_status"] == "RES_USUAL") == truth["is_usual_resident"]).all()


ABSENTEES = (
    "household_id", "sex", "age", "is_working_age", "citizenship_status", "country_of_residence", "departure_reason",
)  # fmt: skip


@pytest.mark.parametrize(("survey", "file_format"), [("XAA_LFS", "sav"), ("XBB_LFS", "dta")])
def test_harmonised_absentees_are_the_truth(tmp_path, survey, file_format):
    """In XAA they are told on every row of the household, in XBB they are a file of their own."""
    whole = generate_whole(survey, "2024-Q4", persons=4000)
    files, _ = write_round([whole], tmp_path, "extract", file_format)
    home = Home(tmp_path / "home")
    home.prepare()
    this = open_round(home, f"{survey}_2024-Q4")
    receive(home, this.spec, this.period, files, supersede=False, read=lambda kept: raw_extract(this, kept))
    tables = {table.name: table for table in process_round(home, this.identifier).tables}
    table = tables["harmonised_absentees"]
    assert not [item for item in table.findings if item.severity == "error"]
    found, truth = pl.read_parquet(table.data), whole.absent_truth
    assert found.height == truth.height > 20
    differing = {name: int((found[name].cast(truth[name].dtype).ne_missing(truth[name])).sum()) for name in ABSENTEES}
    assert differing == dict.fromkeys(ABSENTEES, 0)
    told = found["departure_month"].is_not_null()
    assert 0.8 < told.mean() < 1
    assert (found["months_since_departure"] == truth["months_away"]).filter(told).all()
    recent = found["is_outflow_twelve_months"].filter(told)
    assert (recent == (truth["months_away"].filter(told) < 12)).all()
    if survey == "XBB_LFS":
        assert found["is_employed_abroad"].filter(found["is_working_age"]).null_count() > 0
        assert found["is_employed_abroad"].filter(~found["is_working_age"]).is_null().all()
