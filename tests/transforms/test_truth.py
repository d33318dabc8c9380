"""What the pipeline makes of invented surveys against the truth beside them, person by person."""

import polars as pl
import pytest

from fixtures.generate import generate, write_extract
from pipelines.home import Home
from pipelines.intake import receive
from pipelines.rounds import open_round, process_round, raw_extract

SHARED = (
    "household_id", "person_id", "sex", "age", "country_of_birth", "place_of_birth", "citizenship_status",
    "country_of_citizenship", "residence_status", "is_working_age", "labour_force_status",
    "is_migrant_worker_by_birth", "is_migrant_worker_by_citizenship",
)  # fmt: skip


@pytest.mark.parametrize("period", ["2024-Q1", "2024-Q4"])
@pytest.mark.parametrize(("survey", "file_format"), [("XAA_LFS", "sav"), ("XBB_LFS", "dta")])
def test_harmonised_persons_are_the_truth(tmp_path, survey, period, file_format):
    answers, truth = generate(survey, period, persons=3000)
    file = tmp_path / f"extract.{file_format}"
    write_extract(answers, file, file_format)
    home = Home(tmp_path / "home")
    home.prepare()
    this = open_round(home, f"{survey}_{period}")
    receive(home, this.spec, this.period, file, supersede=False, read=lambda kept: raw_extract(this, kept))
    tables = {table.name: table for table in process_round(home, this.identifier).tables}
    assert not [item for item in tables["harmonised_persons"].findings if item.severity == "error"]
    found = pl.read_parquet(tables["harmonised_persons"].data)

    assert found["row_number"].to_list() == list(range(1, truth.height + 1))
    assert set(SHARED) == set(truth.columns) & set(found.columns)
    differing = {
        name: int((found[name].cast(truth[name].dtype).ne_missing(truth[name])).sum()) for name in sorted(SHARED)
    }
    assert differing == dict.fromkeys(sorted(SHARED), 0)
    assert (found["exclusion"].eq_missing("ZERO_WEIGHT") == truth["has_zero_weight"]).all()
    assert ((found["residence_status"] == "RES_USUAL") == truth["is_usual_resident"]).all()
