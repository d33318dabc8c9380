"""Standard errors against a hand-worked vector, against R's survey package and against a second writing."""

import csv
import math
from collections import defaultdict
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.home import Home
from pipelines.intake import receive
from pipelines.rounds import open_round, process_round, raw_extract
from tests.real_data import microdata
from transforms.variance import estimates_sql, lonely_strata_sql, with_limits

GOLDENS = Path(__file__).parents[1] / "goldens"
TOLERANCE = 1e-9
WHOLE = ("SEX_T", None, None)


def estimates(totals, design, numerator, denominator=None, *, policy="remove", rounds=1, has_psu=True):
    """Estimates by cell.

    Args:
        totals: (round, universe, cell, stratum, psu, total, n) of the cube ``c``; a cell is (sex, classif1, classif2).
        design: (round, stratum, psu) of the full sample.
    """
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE psu_totals (round VARCHAR, cube VARCHAR, universe VARCHAR, sex VARCHAR, classif1 VARCHAR, "
        "classif2 VARCHAR, stratum VARCHAR, psu VARCHAR, total DOUBLE, n BIGINT, n_households BIGINT)"
    )
    connection.execute("CREATE TABLE sample_design (round VARCHAR, stratum VARCHAR, psu VARCHAR)")
    rows = [(row[0], "c", row[1], *row[2], *row[3:], row[-1]) for row in totals]
    for table, content in (("psu_totals", rows), ("sample_design", [list(row) for row in design])):
        if content:
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(content[0]))})", content)
    sql = estimates_sql("c", numerator, denominator, has_psu=has_psu, lonely_psu=policy, rounds=rounds)
    frame = with_limits(connection.execute(sql).df(), is_rate=denominator is not None)
    frame = frame.astype(object).where(frame.notna(), None)
    return {(row["sex"], row["classif1"], row["classif2"]): row for row in frame.to_dict("records")}


def close(found, expected, tolerance=TOLERANCE):
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=1e-12)


# --- a vector worked by hand (STANDARDS 7.1) -----------------------------------------------------

HAND = [("A", "1", 10, 1), ("A", "1", 10, 0), ("A", "2", 12, 1), ("A", "2", 12, 1),
        ("B", "1", 20, 0), ("B", "1", 20, 1), ("B", "2", 18, 0), ("B", "2", 18, 0)]  # fmt: skip
HAND_DESIGN = [("q", stratum, psu) for stratum in "AB" for psu in "12"]


def hand_totals():
    y, one = defaultdict(lambda: [0.0, 0]), defaultdict(lambda: [0.0, 0])
    for stratum, psu, weight, is_y in HAND:
        for sums, is_member in ((y, is_y), (one, True)):
            if is_member:
                sums[stratum, psu][0] += weight
                sums[stratum, psu][1] += 1
    return [
        ("q", universe, WHOLE, *place, total, n)
        for universe, sums in (("y", y), ("one", one))
        for place, (total, n) in sums.items()
    ]


def test_hand_vector_total():
    row = estimates(hand_totals(), HAND_DESIGN, "y", policy="fail")[WHOLE]
    assert (row["estimate"], row["n"]) == (54, 4)
    assert close(row["se"] ** 2, 596)
    assert row["se"] == pytest.approx(24.41311123, abs=5e-9)
    assert row["cv"] == pytest.approx(0.45209465, abs=5e-9)
    # One stratum keeps both PSUs with members, the other only one: the domain has 3 - 2 degrees of freedom.
    assert (row["n_psu"], row["df"]) == (3, 1)
    everybody = estimates(hand_totals(), HAND_DESIGN, "one", policy="fail")[WHOLE]
    assert (everybody["estimate"], everybody["df"], everybody["n"]) == (120, 2, 8)


def test_hand_vector_proportion():
    row = estimates(hand_totals(), HAND_DESIGN, "y", "one", policy="fail")[WHOLE]
    assert (row["estimate"], row["df"], row["n"], row["n_numerator"], row["n_smallest"]) == (0.45, 2, 8, 4, 4)
    assert row["se"] == pytest.approx(0.18258940, abs=5e-9)


def test_without_design_variables_no_standard_error_is_made_up():
    row = estimates(hand_totals(), [], "y", "one", has_psu=False)[WHOLE]
    assert row["estimate"] == 0.45
    assert [row[name] for name in ("se", "df", "lower", "upper", "cv", "n_psu")] == [None] * 6


def test_lonely_strata_are_those_of_the_full_sample():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE sample_design AS FROM (VALUES ('q', 'A', '1'), ('q', 'A', '2'), ('q', 'B', '1'), "
        "('r', 'A', '1')) AS t(round, stratum, psu)"
    )
    assert connection.execute(lonely_strata_sql()).fetchall() == [("q", "B"), ("r", "A")]


# --- designs.csv of R survey ---------------------------------------------------------------------


def golden_rows():
    # Estimation has no finite population correction yet: the rows with fpc wait for it.
    with (GOLDENS / "designs.csv").open() as handle:
        rows = [row for row in csv.DictReader(handle) if row["dataset"] == "designs_persons" and row["fpc"] == "none"]
    return [pytest.param(row, id=f"{row['policy']} {row['statistic']} {row['members'] or 'all'}") for row in rows]


@pytest.fixture(scope="module")
def sample():
    """(totals, design) of designs_persons.csv: cells are domains, universes are quantities within x or y."""
    with (GOLDENS / "designs_persons.csv").open() as handle:
        persons = list(csv.DictReader(handle))
    sums = defaultdict(lambda: [0.0, 0])
    for person in persons:
        x, y, z, weight = int(person["x"]), int(person["y"]), float(person["z"]), float(person["w"])
        quantities = [("x of all", x, True), ("y of all", y, True), ("z of all", z, True)]
        quantities += [("x", x, x == 1), ("y", y, y == 1), ("z", z, x == 1)]
        for domain in ("", person["d"]):
            for universe, quantity, is_member in quantities:
                if is_member:
                    sums[universe, domain, person["stratum"], person["psu"]][0] += weight * quantity
                    sums[universe, domain, person["stratum"], person["psu"]][1] += 1
    totals = [
        ("q", universe, ("SEX_T", domain or None, None), stratum, psu, total, n)
        for (universe, domain, stratum, psu), (total, n) in sums.items()
    ]
    return totals, sorted({("q", person["stratum"], person["psu"]) for person in persons})


@pytest.mark.parametrize("golden", golden_rows())
def test_designs_of_r_survey(sample, golden):
    domain = next((part[2:] for part in golden["members"].split("&") if part.startswith("d=")), None)
    kind, _, names = golden["statistic"].partition(":")
    numerator, _, denominator = names.partition("/")
    if kind == "total" and f"{numerator}=1" not in golden["members"]:
        numerator = f"{numerator} of all"
    row = estimates(*sample, numerator, denominator or None, policy=golden["policy"])["SEX_T", domain, None]
    assert close(row["estimate"], float(golden["value"]))
    # Nothing is left to average over: R gives no standard error.
    if golden["se"]:
        assert close(row["se"], float(golden["se"]))
    else:
        assert row["se"] is None
    assert row["df"] == int(golden["df"])
    if golden["interval"] == "none":
        return
    for side in ("lower", "upper"):
        if golden[side]:
            assert close(row[side], float(golden[side]))
        else:
            assert row[side] is None


# --- the South African survey --------------------------------------------------------------------


@pytest.fixture(scope="module")
def south_africa(tmp_path_factory):
    """round_estimates of ZAF_QLFS 2013-Q4, made from the file as it was published."""
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


# --- several rounds ------------------------------------------------------------------------------


def second_writing(totals, design, numerator, denominator, policy, rounds):
    """(estimate, standard error) by cell: u_i summed over rounds, over the union of the rounds' PSUs."""
    sums = defaultdict(float)
    for quarter, universe, cell, stratum, psu, total, _ in totals:
        sums[universe, cell, quarter, stratum, psu] += total
    quarters = sorted({row[0] for row in design})
    units = {quarter: defaultdict(list) for quarter in quarters}
    for quarter, stratum, psu in design:
        units[quarter][stratum].append(psu)
    result = {}
    for cell in {row[2] for row in totals if row[1] == (denominator or numerator)}:
        places = [tuple(row) for row in design]
        y = {place: sums[(numerator, cell, *place)] for place in places}
        if denominator is None:
            estimate = sum(y.values()) / rounds
            z = {place: value / rounds for place, value in y.items()}
        else:
            x = {place: sums[(denominator, cell, *place)] for place in places}
            estimate = sum(y.values()) / sum(x.values())
            z = {place: (y[place] - estimate * x[place]) / sum(x.values()) for place in places}
        variance = 0.0
        for stratum in {row[1] for row in design}:
            u = defaultdict(float)
            for quarter in quarters:
                members = units[quarter][stratum]
                n = len(members)
                if n == 1 and policy == "adjust":
                    variance += z[quarter, stratum, members[0]] ** 2
                if n < 2:
                    continue
                mean = np.mean([z[quarter, stratum, psu] for psu in members])
                for psu in members:
                    u[psu] += math.sqrt(n / (n - 1)) * (z[quarter, stratum, psu] - mean)
            variance += sum(value**2 for value in u.values())
        result[cell] = (estimate, math.sqrt(variance))
    return result


def rotating_panel(seed, rounds=4):
    """Four rounds: overlapping PSUs, PSUs of one round only, cells absent in rounds, a stratum with one PSU."""
    random = np.random.default_rng(seed)
    cells = [WHOLE, ("SEX_M", "a", None), ("SEX_F", "a", "b"), ("SEX_F", None, "b")]
    totals, design = [], []
    for quarter in map(str, range(rounds)):
        for stratum, size in (("A", 6), ("B", 3), ("C", 9), ("D", 2)):
            first = int(quarter) * max(1, size // 4)
            psus = [f"{first + k}" for k in range(1 if stratum == "D" and quarter in "12" else size)]
            psus += [f"only {quarter}"] if stratum == "C" else []
            for psu in psus:
                design.append((quarter, stratum, psu))
                for number, cell in enumerate(cells):
                    if (number == 1 and quarter == "2") or (number == 2 and stratum != "A") or random.random() < 0.2:
                        continue
                    x = float(random.uniform(5, 100))
                    totals.append((quarter, "x", cell, stratum, psu, x, int(random.integers(1, 9))))
                    if random.random() < 0.7:
                        totals.append((quarter, "y", cell, stratum, psu, x * float(random.uniform(0, 1)), 1))
    return totals, design


@pytest.mark.parametrize("policy", ["remove", "adjust"])
@pytest.mark.parametrize("denominator", [None, "x"])
@pytest.mark.parametrize("seed", range(6))
def test_several_rounds_against_a_second_writing(seed, denominator, policy):
    totals, design = rotating_panel(seed)
    expected = second_writing(totals, design, "y", denominator, policy, 4)
    found = estimates(totals, design, "y", denominator, policy=policy, rounds=4)
    assert set(found) == set(expected)
    for cell, (estimate, se) in expected.items():
        assert close(found[cell]["estimate"], estimate)
        assert close(found[cell]["se"], se)


def test_one_round_agrees_with_the_second_writing_too():
    totals, design = rotating_panel(9, rounds=1)
    for cell, (estimate, se) in second_writing(totals, design, "y", "x", "remove", 1).items():
        row = estimates(totals, design, "y", "x")[cell]
        assert close(row["estimate"], estimate)
        assert close(row["se"], se)


def test_a_round_that_allows_no_standard_error_leaves_the_year_without_one():
    design = [("1", "A", "1"), ("1", "A", "2"), ("2", "B", "1")]
    totals = [("1", "x", WHOLE, "A", "1", 5.0, 1), ("1", "x", WHOLE, "A", "2", 6.0, 1)]
    totals.append(("2", "x", WHOLE, "B", "1", 5.0, 1))
    assert estimates(totals, design, "x", policy="average", rounds=2)[WHOLE]["se"] is None
    assert estimates(totals, design, "x", policy="remove", rounds=2)[WHOLE]["se"] == pytest.approx(0.5)


def four_quarters(**universes):
    design = [(quarter, "A", psu) for quarter in "1234" for psu in "12"]
    totals = [
        (quarter, universe, WHOLE, "A", psu, value / 2, 10)
        for universe, values in universes.items()
        for quarter, value in zip("1234", values, strict=True)
        for psu in "12"
    ]
    return totals, design


def test_an_annual_count_is_the_mean_of_the_quarters():
    row = estimates(*four_quarters(u=(10, 20, 30, 40)), "u", rounds=4)[WHOLE]
    assert (row["estimate"], row["se"], row["n"]) == (25, 0, 80)


def test_an_annual_count_divides_by_all_quarters_even_where_a_cell_was_empty():
    totals, design = four_quarters(u=(10, 20, 30, 40))
    row = estimates([row for row in totals if row[0] != "4"], design, "u", rounds=4)[WHOLE]
    assert row["estimate"] == 15


def test_an_annual_rate_is_recomputed_and_not_averaged():
    row = estimates(*four_quarters(u=(1, 1, 1, 9), lf=(10, 10, 10, 30)), "u", "lf", rounds=4)[WHOLE]
    assert row["estimate"] == pytest.approx(0.20, rel=1e-15)


def test_the_same_sample_four_times_is_no_more_precise_than_once():
    totals, design = rotating_panel(3, rounds=1)
    repeated = [(quarter, *row[1:]) for quarter in "0123" for row in totals]
    wide = [(quarter, *row[1:]) for quarter in "0123" for row in design]
    for denominator in (None, "x"):
        once = estimates(totals, design, "y", denominator)
        four = estimates(repeated, wide, "y", denominator, rounds=4)
        for cell, row in once.items():
            assert close(four[cell]["se"], row["se"])
            assert four[cell]["n"] == 4 * row["n"]
            assert four[cell]["n_smallest"] == row["n_smallest"]


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "se", "df", "is_rate"),
    [
        (0.0, 0.0, 9, True), (1.0, 0.0, 9, True), (0.0, 0.0, 9, False), (0.5, 0.1, 0, True), (0.5, None, None, True),
        (9.0, None, 3, False),
    ],
)  # fmt: skip
def test_limits_are_missing_where_scale_or_design_does_not_allow_them(value, se, df, is_rate):
    columns = {"estimate": [value], "se": pd.Series([se], dtype=float), "df": pd.Series([df], dtype="Int64")}
    found = with_limits(pd.DataFrame(columns), is_rate=is_rate)
    assert found["lower"].isna().all()
    assert found["upper"].isna().all()


def test_limits_stay_within_the_scale():
    frame = pd.DataFrame({"estimate": [0.01, 0.99], "se": [0.02, 0.02], "df": [3, 3]})
    rates = with_limits(frame, is_rate=True)
    assert ((rates["lower"] > 0) & (rates["lower"] < frame["estimate"])).all()
    assert ((rates["upper"] < 1) & (rates["upper"] > frame["estimate"])).all()
    assert (with_limits(frame, is_rate=False)["lower"] > 0).all()


# --- properties ----------------------------------------------------------------------------------


@st.composite
def samples(draw):
    """(totals, design) of one round: two to four strata of two to four PSUs, x and y in two disjoint cells."""
    totals, design = [], []
    for stratum in range(draw(st.integers(2, 4))):
        for psu in range(draw(st.integers(2, 4))):
            design.append(("q", str(stratum), str(psu)))
            for sex in ("SEX_M", "SEX_F"):
                x = draw(st.integers(0, 40))
                y = draw(st.integers(0, x))
                weight = draw(st.integers(1, 1000)) / 8
                for universe, n in (("x", x), ("y", y)):
                    if n:
                        totals.append(("q", universe, (sex, None, None), str(stratum), str(psu), n * weight, n))
    return totals, design


def scaled(totals, factor):
    return [(*row[:5], row[5] * factor, row[6]) for row in totals]


@settings(max_examples=25, deadline=None)
@given(samples(), st.sampled_from([0.001, 3.0, 1e6]), st.sampled_from([None, "x"]))
def test_weights_times_k_scale_counts_and_leave_rates(sample, factor, denominator):
    totals, design = sample
    before = estimates(totals, design, "y", denominator)
    after = estimates(scaled(totals, factor), design, "y", denominator)
    size = factor if denominator is None else 1.0
    assert set(before) == set(after)
    for cell, row in before.items():
        assert math.isclose(after[cell]["estimate"], row["estimate"] * size, rel_tol=1e-9)
        assert math.isclose(after[cell]["se"], row["se"] * size, rel_tol=1e-6, abs_tol=1e-9 * row["estimate"] * size)
        assert (after[cell]["df"], after[cell]["n"]) == (row["df"], row["n"])


@settings(max_examples=25, deadline=None)
@given(samples(), st.randoms(use_true_random=False), st.sampled_from([None, "x"]))
def test_the_order_of_rows_is_irrelevant(sample, random, denominator):
    totals, design = sample
    before = estimates(totals, design, "y", denominator)
    after = estimates(random.sample(totals, len(totals)), random.sample(design, len(design)), "y", denominator)
    assert set(before) == set(after)
    for cell, row in before.items():
        assert math.isclose(after[cell]["estimate"], row["estimate"], rel_tol=1e-12)
        assert math.isclose(after[cell]["se"], row["se"], rel_tol=1e-6, abs_tol=1e-9 * row["estimate"])


@settings(max_examples=25, deadline=None)
@given(samples())
def test_totals_are_the_sums_of_their_parts(sample):
    totals, design = sample
    both = totals + [(*row[:2], WHOLE, *row[3:]) for row in totals]
    found = estimates(both, design, "x")
    if found:
        parts = [row for cell, row in found.items() if cell != WHOLE]
        assert math.isclose(found[WHOLE]["estimate"], sum(row["estimate"] for row in parts), rel_tol=1e-12)
        assert found[WHOLE]["n"] == sum(row["n"] for row in parts)
        assert found[WHOLE]["se"] <= sum(row["se"] for row in parts) * (1 + 1e-9) + 1e-9
