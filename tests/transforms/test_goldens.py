"""Estimates, standard errors, degrees of freedom, limits and p-values of invented samples against R survey.

tests/goldens/README.md says what the goldens are. Every comparison is at a relative 1e-9.
"""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tests.goldens.kernel import (
    CHECKED,
    GOLDENS,
    TOLERANCE,
    Sample,
    calibrated_sample,
    differences,
    found_figures,
    golden,
    grouped,
    members_of,
    params,
    persons_of,
    quantiles_of,
    replicate_figures,
    replicated,
    sample_of,
    stacked,
    standard_errors,
    statistic_of,
)
from transforms.estimators import ratio
from transforms.quantiles import weighted_quantile
from transforms.variance import degrees_of_freedom, replicate_variance

# --- designs, panel, two stages ------------------------------------------------------------------


@pytest.mark.parametrize("rows", grouped("panel"))
def test_rotating_panel(rows):
    first = rows.iloc[0]
    persons = stacked(persons_of("panel"), first["rounds"], first["before"])
    population = None if first["design"] == "none" else first["design"]
    assert differences(rows, found_figures(sample_of(persons, first["policy"], population), rows)) == []


@pytest.mark.parametrize("rows", grouped("two_stage"))
def test_two_stages(rows):
    first = rows.iloc[0]
    population = None if first["design"] == "none" else "psu_population"
    sample = sample_of(persons_of("two_stage"), first["policy"], population, ssu=first["design"] == "two_stage")
    assert differences(rows, found_figures(sample, rows)) == []


# --- replicate weights ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scales():
    """Method -> (scale, constants of the replicates)."""
    rows = pd.read_csv(GOLDENS / "replicates_scales.csv")
    return {method: (part["scale"].iloc[0], part["rscale"].to_numpy()) for method, part in rows.groupby("method")}


@pytest.mark.parametrize("rows", grouped("replicates"))
def test_replicate_weights(rows, scales):
    method, _, centre = rows["design"].iloc[0].partition(" ")
    sample = replicated(method)
    if rows["statistic"].iloc[0].startswith(("ratio", "mean")):
        # A replicate in which a domain has no weight has no ratio. R leaves it out and the scale as it is, which says 0
        # of a domain that lives in one PSU; ours is no standard error.
        members = np.array([members_of(sample.persons, row) for row in rows["members"]])
        without = (members @ (sample.replicates > 0) == 0).any(axis=1)
        assert set(rows.loc[without, "members"]) <= {"rare=1&x=1", "rare=1&reports=1"}
        rows = rows.copy()
        rows.loc[without, ["se", "lower", "upper"]] = np.nan
    assert differences(rows, replicate_figures(sample, rows, *scales[method], centre == "mse")) == []


# --- calibrated weights --------------------------------------------------------------------------


def test_calibrated_weights():
    persons = persons_of("calibration").assign(row=lambda table: np.arange(1, len(table) + 1))
    golden_weights = pd.read_csv(GOLDENS / "calibration_weights.csv").set_index("row")["w"]
    sample = calibrated_sample("2024", "remove", None)
    keys = ["round", "stratum", "psu", "w", "income", "sex_age"]
    # The sample divides weights by the four quarters and is sorted: its rows are found again by what they hold.
    found = sample.persons.assign(raked=sample.weights * 4, w=sample.persons["w"] * 4)
    both = persons.sort_values(keys)[[*keys, "row"]].reset_index(drop=True)
    both["raked"] = found.sort_values(keys)["raked"].to_numpy()
    assert len(both) == len(golden_weights) == 467
    assert both["raked"].to_numpy() == pytest.approx(golden_weights[both["row"]].to_numpy(), rel=TOLERANCE, abs=0)
    assert np.ptp(both["raked"] / both["w"]) > 0.3


@pytest.mark.parametrize("rows", grouped("calibration"))
def test_calibrated_estimates(rows):
    first = rows.iloc[0]
    population = None if first["design"] == "none" else first["design"]
    assert differences(rows, found_figures(calibrated_sample(first["rounds"], first["policy"], population), rows)) == []


# --- small designs, and the vector worked by hand ------------------------------------------------

HAND = pd.DataFrame({
    "stratum": list("AAAABBBB"), "psu": list("11221122"), "w": [10.0, 10, 12, 12, 20, 20, 18, 18],
    "y": [1, 0, 1, 1, 0, 1, 0, 0], "one": 1,
})  # fmt: skip


def designs(dataset):
    """(key, rows) of designs.csv in the form of the other goldens."""
    rows = golden("designs")
    rows = rows[(rows["dataset"] == dataset) & (rows["policy"] != "JKn")].assign(
        design=rows["fpc"], rounds="", before=""
    )
    return params(rows)


@pytest.mark.parametrize("rows", designs("designs_persons"))
def test_small_designs(rows):
    first = rows.iloc[0]
    persons = pd.read_csv(GOLDENS / "designs_persons.csv", dtype={"stratum": str, "psu": str})
    population = None if first["design"] == "none" else first["design"]
    sample = sample_of(persons, first["policy"], population)
    for _, part in rows.groupby("interval"):
        assert differences(part, found_figures(sample, part)) == []


@pytest.mark.parametrize("rows", designs("hand"))
def test_hand_vector_in_r(rows):
    assert differences(rows, found_figures(sample_of(HAND, "fail"), rows)) == []


def test_hand_vector():
    sample = sample_of(HAND, "fail")
    everybody = np.ones((1, len(HAND)), dtype=bool)
    y, one = statistic_of(sample, "total:y", everybody), statistic_of(sample, "total:one", everybody)
    share = ratio(y, one)
    assert (y.value[0], one.value[0], share.value[0]) == (54, 120, 0.45)
    assert standard_errors(sample, y, everybody)[0] ** 2 == pytest.approx(596, rel=TOLERANCE)
    assert standard_errors(sample, y, everybody)[0] == pytest.approx(24.41311123, abs=5e-9)
    assert standard_errors(sample, share, everybody)[0] == pytest.approx(0.18258940, abs=5e-9)
    assert degrees_of_freedom(sample.has_members(everybody), sample.design)[0] == 2


def test_hand_vector_by_the_jackknife():
    factors = np.ones((8, 4))
    for replicate, (deleted, kept) in enumerate([(0, 1), (1, 0), (2, 3), (3, 2)]):
        place = np.arange(8) // 2
        factors[place == deleted, replicate], factors[place == kept, replicate] = 0, 2
    sample = Sample(HAND, HAND["w"].to_numpy(), replicates=HAND["w"].to_numpy()[:, None] * factors)
    everybody = np.ones((1, 8), dtype=bool)
    y, share = (statistic_of(sample, name, everybody) for name in ("total:y", "ratio:y/one"))
    assert y.parts[0].tolist() == [68, 40, 34, 74]
    half = [0.5] * 4
    assert replicate_variance(y.parts, y.value, 1.0, half, mse=True)[0] == pytest.approx(596, rel=TOLERANCE)
    for mse, se in ((True, 0.18289403), (False, 0.18279631)):
        assert np.sqrt(replicate_variance(share.parts, share.value, 1.0, half, mse=mse))[0] == pytest.approx(
            se, abs=5e-9
        )


@pytest.mark.parametrize(("name", "lonely"), [("panel", "D"), ("two_stage", "D"), ("two_stage", "B")])
def test_a_lonely_unit_stops(name, lonely):
    # In two_stage B has three PSUs of which one has a single SSU of five.
    persons = persons_of(name)
    persons = persons[(persons["stratum"] == "A") | (persons["stratum"] == lonely)]
    is_two_stage = name == "two_stage"
    if not is_two_stage:
        persons = stacked(persons, "2024", "")
    sample = sample_of(persons, "fail", "psu_population" if is_two_stage else None, ssu=is_two_stage)
    everybody = np.ones((1, len(sample.persons)), dtype=bool)
    with pytest.raises(ValueError, match="single"):
        standard_errors(sample, statistic_of(sample, "total:x", everybody), everybody)


@pytest.mark.parametrize("strata", ["A", "C", "E"])
def test_a_unit_that_is_alone_in_the_population_does_not_stop(strata):
    persons = persons_of("two_stage")
    sample = sample_of(persons[persons["stratum"] == strata], "fail", "psu_population", ssu=True)
    everybody = np.ones((1, len(sample.persons)), dtype=bool)
    assert standard_errors(sample, statistic_of(sample, "total:x", everybody), everybody)[0] > 0


@pytest.mark.parametrize("p", ["0.25", "0.5", "0.75"])
def test_limits_of_a_quantile_without_sampling_error_are_the_quantile(p):
    # Stratum B is taken in full: R looks its limits up at F(q), and finds q or the next value as rounding falls.
    sample = sample_of(stacked(persons_of("panel"), "2023-Q1", ""), "remove", "psu_population")
    found = quantiles_of(sample, f"income:{p}", members_of(sample.persons, "stratum=B&reports=1")[None, :])
    assert found["se"][0] == 0
    assert found["lower"][0] == found["upper"][0] == found["value"][0]


@pytest.mark.parametrize(("weight", "n"), [(0.1, 14), (73.3, 6), (55.1, 50), (1 / 3, 10)])
def test_the_median_of_equal_weights_does_not_hang_on_rounding(weight, n):
    assert weighted_quantile(np.arange(1.0, n + 1), np.full(n, weight), 0.5) == n / 2


def test_the_goldens_hold_as_many_figures_as_the_readme_says():
    files = ("panel", "two_stage", "replicates", "calibration", "eusilc_2006", "eph_2016", "qlfs_2013_q4_cells")
    counts = Counter({name: int(golden(name)[list(CHECKED)].notna().sum().sum()) for name in (*files, "designs")})
    counts["qlfs_2013_q4"] = 3 * len(pd.read_csv(GOLDENS / "qlfs_2013_q4.csv"))
    counts["calibration_weights"] = len(pd.read_csv(GOLDENS / "calibration_weights.csv"))
    readme = (GOLDENS / "README.md").read_text()
    assert [name for name, count in counts.items() if f"{count:,} figures" not in readme] == []
    assert f"{counts.total():,} figures" in readme
