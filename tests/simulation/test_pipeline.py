"""What the simulation judges is the pipeline: a round of the same persons gives the same figures."""

import numpy as np
import pandas as pd
import pytest

from pipelines.home import Home
from pipelines.rounds import process_round
from tests.acceptance import tiny
from tests.simulation import figures, population, sampling, survey

TOLERANCE = 1e-9
COMPARED = ("value", "se", "lower", "upper", "df", "n", "n_numerator", "n_psu")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Figures of one sample of a smaller country: of the pipeline's round, and of the simulation."""
    country = population.build(seed=5, persons=200_000)
    wanted = sampling.allocation(country, areas=100)
    sample = sampling.draw_sample(country, wanted, np.random.default_rng(6))
    folder = tmp_path_factory.mktemp("simulated")
    home = Home(folder / "home", (survey.write_specification(folder / "specs", country.persons),))
    tiny.take(home, f"{tiny.SURVEY}_2024-Q1", survey.write_file(folder / "file.csv", country, sample))
    result = process_round(home, f"{tiny.SURVEY}_2024-Q1")
    assert result.is_valid, result.findings
    assert result.tables[-1].name == "round_estimates"
    return pd.read_parquet(result.tables[-1].data), figures.estimates(figures.of_sample(country, sample))


def scaled(indicator, columns):
    """Figures of the simulation as the pipeline stores them, by cell."""
    factor = 100.0 if indicator.unit_measure_type == "RT" else 10.0**-indicator.unit_mult
    frame = pd.DataFrame(columns["names"], columns=["sex", "classif1", "classif2"])
    frame = frame.assign(se=np.sqrt(columns["variance"]) * factor, df=columns["df"], n_psu=columns["n_psu"])
    frame = frame.assign(**{name: columns[name] * factor for name in ("value", "lower", "upper")})
    frame = frame.assign(**{name: columns[name].astype(float) for name in ("n", "n_numerator")})
    return frame.fillna({"classif1": "", "classif2": ""}).set_index(["sex", "classif1", "classif2"])


@pytest.mark.parametrize("name", [name for names in figures.INDICATORS.values() for name in names])
def test_a_round_gives_the_figures_that_are_simulated(both, name):
    estimates, simulated = both
    indicator = next(one for one in figures.indicators() if one.id == name)
    rows = estimates[estimates.indicator == name].fillna({"classif1": "", "classif2": ""})
    rows = rows.set_index(["sex", "classif1", "classif2"])[list(COMPARED)].astype(float)
    assert len(rows) >= (3 if indicator.measure == "gap" else 10)
    expected = scaled(indicator, simulated[name]).loc[rows.index]
    # Nobody, or nobody's mate in the stratum, has no standard error in a release and one of 0 here.
    expected["se"] = expected["se"].where(expected["n"] > 0)
    expected["df"] = expected["df"].where(expected["n"] > 0)
    for column in COMPARED:
        np.testing.assert_allclose(
            rows[column].to_numpy(), expected[column].to_numpy(), rtol=TOLERANCE, atol=1e-12, err_msg=column
        )
