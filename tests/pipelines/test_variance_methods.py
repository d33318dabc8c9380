"""Every way to make standard errors, from the file to the estimates, against persons counted in the test."""

import math

import numpy as np
import pandas as pd
import pytest

from pipelines.home import Home
from tests.acceptance import tiny

DESIGN = '[design]\nvariance = "taylor"\nlonely_psu = "fail"\n'
LAYOUT = tiny.TABLES["layout.csv"]
RATE, COUNT = "EMP_DWAP_SEX_AGE_RT", "EMP_TEMP_SEX_AGE_NB"
REPLICATES = 8


def told(folder, toml, extra):
    """Estimates and persons of a tiny round with another design and further variables."""
    names = list(extra[0])
    tables = {"layout.csv": LAYOUT + "".join(f"{name},{name},,\n" for name in names)}
    home = Home(folder / "home", (tiny.write_spec(folder / "specs", toml, tables),))
    rows = [{**row, **more} for row, more in zip(tiny.persons(), extra, strict=True)]
    frame = pd.DataFrame(rows)
    file = folder / "persons.csv"
    frame.to_csv(file, index=False)
    tiny.take(home, f"{tiny.SURVEY}_2024-Q1", file)
    result = tiny.process_round(home, f"{tiny.SURVEY}_2024-Q1")
    assert result.is_valid, [str(item) for item in result.findings if item.severity == "error"]
    age = frame["AGE"].astype(int)
    persons = frame.assign(
        adult=age >= 15, employed=(age >= 15) & (frame["STATUS"] == "1"), woman=frame["SEX"] == "2", weight=100.0
    )
    return pd.read_parquet(result.tables[-1].data), persons


def total(estimates, indicator, sex="SEX_T"):
    chosen = estimates[
        (estimates["indicator"] == indicator)
        & (estimates["sex"] == sex)
        & (estimates["classif1"] == "AGE_AGGREGATE_TOTAL")
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


# --- replicate weights ---------------------------------------------------------------------------


def halves(number):
    """Balanced half-samples of four strata: in each one of a stratum's two PSUs has its weight doubled."""
    signs = np.array(
        [[1 if bin(row & (column + 1)).count("1") % 2 == 0 else -1 for column in range(4)] for row in range(REPLICATES)]
    )
    rows = []
    for person in range(number):
        psu = person // 15
        sign = signs[:, psu // 2] * (1 if psu % 2 == 0 else -1)
        rows.append({f"REP{r + 1}": "200" if sign[r] > 0 else "0" for r in range(REPLICATES)})
    return rows


@pytest.mark.parametrize(("method", "scale"), [("BRR", 1 / REPLICATES), ("SDR", 4 / REPLICATES)])
def test_replicate_weights_are_taken_from_the_file(tmp_path, method, scale):
    toml = {
        DESIGN: f'[design]\nvariance = "replicates"\n[design.replicates]\nmethod = "{method}"\n'
        f'variables = ["REP{{1..{REPLICATES}}}"]\nmse = true\n'
    }
    estimates, persons = told(tmp_path, toml, halves(120))
    weights = persons[[f"REP{number + 1}" for number in range(REPLICATES)]].astype(float).to_numpy()
    for sex, inside in (("SEX_T", np.ones(120, dtype=bool)), ("SEX_F", persons["woman"].to_numpy())):
        employed, adult = persons["employed"].to_numpy() & inside, persons["adult"].to_numpy() & inside
        counts, wholes = weights[employed].sum(axis=0), weights[adult].sum(axis=0)
        count, rate = total(estimates, COUNT, sex), total(estimates, RATE, sex)
        assert count["value"] == pytest.approx(employed.sum() * 0.1, rel=1e-12)
        spread = math.sqrt(scale * ((counts - employed.sum() * 100.0) ** 2).sum())
        assert count["se"] == pytest.approx(spread / 1000, rel=1e-9)
        share = employed.sum() / adult.sum()
        assert rate["se"] == pytest.approx(100 * math.sqrt(scale * ((counts / wholes - share) ** 2).sum()), rel=1e-9)
        # Half-samples of four strata span four dimensions and the constant: rank 5, less 1.
        assert rate["df"] == np.linalg.matrix_rank(weights) - 1
        assert rate["method"] == f"replicate weights ({method})"
        assert pd.isna(rate["n_psu"])


# --- a stated design effect ----------------------------------------------------------------------


def test_a_design_effect_is_an_approximation_and_says_so(tmp_path):
    toml = {DESIGN: '[design]\nvariance = "deff"\ndeff = 2.5\n'}
    estimates, persons = told(tmp_path, toml, [{"MORE": "1"}] * 120)
    rate, count = total(estimates, RATE), total(estimates, COUNT)
    adult, employed = persons["adult"].to_numpy(), persons["employed"].to_numpy()
    scores = 100.0 * (employed - employed.sum() / adult.sum() * adult) / (100.0 * adult.sum())
    expected = math.sqrt(2.5 * 120 / 119 * ((scores - scores.mean()) ** 2).sum())
    assert rate["se"] == pytest.approx(100 * expected, rel=1e-9)
    amounts = 100.0 * employed
    assert count["se"] == pytest.approx(math.sqrt(2.5 * 120 / 119 * ((amounts - amounts.mean()) ** 2).sum()) / 1000)
    assert rate["df"] == adult.sum() - 1
    assert rate["method"] == "approximation: simple random sample, design effect 2.5"


# --- finite populations --------------------------------------------------------------------------


def test_two_stages_with_finite_populations(tmp_path):
    toml = {
        'psu = {variable = "PSU"}\n': 'psu = {variable = "PSU"}\npsu_population = {variable = "NPSU"}\n'
        'ssu = {variable = "HOUSE"}\nssu_population = {variable = "NSSU"}\n'
    }
    extra = [{"NPSU": str(6 + person // 30), "NSSU": str(20 + person // 15)} for person in range(120)]
    estimates, persons = told(tmp_path, toml, extra)
    y = persons["employed"].to_numpy() * 100.0
    variance = 0.0
    for _, stratum in persons.groupby("STRATUM"):
        population = float(stratum["NPSU"].iloc[0])
        sums = [y[psu.index].sum() for _, psu in stratum.groupby("PSU")]
        variance += (1 - 2 / population) * 2 * np.square(sums - np.mean(sums)).sum()
        for _, psu in stratum.groupby("PSU"):
            houses = [y[house.index].sum() for _, house in psu.groupby("HOUSE")]
            size, of = len(houses), float(psu["NSSU"].iloc[0])
            within = (1 - size / of) * size / (size - 1) * np.square(houses - np.mean(houses)).sum()
            variance += 2 / population * within
    assert total(estimates, COUNT)["se"] == pytest.approx(math.sqrt(variance) / 1000, rel=1e-9)
    assert total(estimates, COUNT)["n_psu"] == 8


def test_without_design_variables_there_is_no_standard_error_and_the_method_says_so(tmp_path):
    estimates, persons = told(tmp_path, {DESIGN: '[design]\nvariance = "none"\n'}, [{"MORE": "1"}] * 120)
    row = total(estimates, RATE)
    assert row["value"] == pytest.approx(100 * persons["employed"].sum() / persons["adult"].sum(), rel=1e-12)
    assert row[["se", "lower", "upper", "cv", "df", "n_psu"]].isna().all()
    assert row["method"] == "none: no design variables"
    assert row["n_households"] == persons[persons["adult"]]["HOUSE"].nunique()
