"""The South African survey from the zip as published to estimates that are R's (tests/goldens/README.md)."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.home import Home
from pipelines.intake import receive
from pipelines.rounds import open_round, process_round, raw_extract
from tests.real_data import microdata

GOLDENS = Path(__file__).parents[1] / "goldens"
TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def south_africa(tmp_path_factory):
    """round_estimates of ZAF_QLFS 2013-Q4."""
    file = microdata("south_africa_qlfs/qlfs_2013_q4.zip")
    home = Home(tmp_path_factory.mktemp("home"))
    home.prepare()
    this = open_round(home, "ZAF_QLFS_2013-Q4")
    receive(home, this.spec, this.period, [file], supersede=False, read=lambda kept: raw_extract(this, kept))
    result = process_round(home, this.identifier)
    assert result.is_valid
    return pd.read_parquet(result.tables[-1].data)


@pytest.mark.real_data
def test_the_432_cells_of_south_africa(south_africa):
    goldens = pd.read_csv(GOLDENS / "qlfs_2013_q4.csv").rename(columns={"measure": "indicator"})
    both = goldens.merge(south_africa, on=["indicator", "sex", "classif1"], how="left", suffixes=("_r", ""))
    assert len(both) == len(goldens) == 432
    assert both["classif2"].isna().all()
    # R's figures are persons and fractions; published are thousands and per cent.
    scale = both["indicator"].str.endswith("_NB").map({True: 1e-3, False: 100.0})
    for name in ("value", "se"):
        difference = (both[name] / (both[f"{name}_r"] * scale) - 1).abs()
        assert difference.max() < TOLERANCE
        assert difference.notna().all()
    assert (both["df"] == both["df_r"]).all()
