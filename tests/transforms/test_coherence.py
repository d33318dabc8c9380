"""Identities between universes and tables: kept ones pass, one broken cell is found."""

import duckdb
import pytest

from transforms.coherence import SUMS, TOTALS, broken_sums_sql, broken_totals_sql

STATUSES = {
    "employed": 90.0,
    "unemployed": 10.0,
    "outside_labour_force": 50.0,
    "labour_force": 100.0,
    "working_age": 150.0,
}


def rows():
    """(cube, universe, sex, classif1, classif2, total): two PSUs a cell, coherent."""
    found = []
    for universe, total in STATUSES.items():
        for sex, share in (("SEX_T", 1.0), ("SEX_M", 0.4), ("SEX_F", 0.6)):
            for part in (0.3, 0.7):
                found.append(["age_band", universe, sex, "AGE_AGGREGATE_TOTAL", None, total * share * part])
                for column, item in TOTALS.items():
                    found.append(
                        [f"age_band x {column}", universe, sex, "AGE_AGGREGATE_TOTAL", item, total * share * part]
                    )
    return found


def broken(sql, content):
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE psu_totals (cube VARCHAR, universe VARCHAR, sex VARCHAR, classif1 VARCHAR, classif2 VARCHAR, "
        "total DOUBLE)"
    )
    connection.executemany("INSERT INTO psu_totals VALUES (?, ?, ?, ?, ?, ?)", content)
    return connection.execute(sql).fetchone()[0]


QUERIES = {name: broken_sums_sql(whole, parts) for name, (whole, parts) in SUMS.items()} | {
    column: broken_totals_sql(column) for column in TOTALS
}


@pytest.mark.parametrize("name", QUERIES)
def test_coherent_totals_pass(name):
    assert broken(QUERIES[name], rows()) == 0


@pytest.mark.parametrize("universe", ["labour_force", "employed", "unemployed"])
@pytest.mark.parametrize("factor", [1 + 1e-6, 0.0, 2.0])
def test_one_cell_that_is_not_the_sum_of_its_parts_is_found(universe, factor):
    content = rows()
    hit = next(row for row in content if row[:3] == ["age_band", universe, "SEX_F"])
    hit[-1] *= factor
    assert broken(broken_sums_sql(*SUMS["labour force = employed + unemployed"]), content) == 1


def test_differences_of_rounding_pass():
    content = rows()
    next(row for row in content if row[1] == "employed")[-1] *= 1 + 1e-12
    assert broken(broken_sums_sql(*SUMS["labour force = employed + unemployed"]), content) == 0


@pytest.mark.parametrize("universe", ["labour_force", "unemployed"])
def test_a_cell_that_is_missing_counts_as_zero(universe):
    content = [row for row in rows() if row[:3] != ["age_band", universe, "SEX_M"]]
    assert broken(broken_sums_sql(*SUMS["labour force = employed + unemployed"]), content) == 1


def test_cubes_without_all_universes_are_not_judged():
    content = [row for row in rows() if row[1] != "unemployed"]
    assert broken(broken_sums_sql(*SUMS["labour force = employed + unemployed"]), content) == 0


@pytest.mark.parametrize("column", TOTALS)
def test_a_total_over_a_criterion_that_differs_is_found(column):
    content = rows()
    next(row for row in content if row[0] == f"age_band x {column}" and row[2] == "SEX_M")[-1] += 0.01
    assert broken(broken_totals_sql(column), content) == 1
    without = [row for row in rows() if not (row[0] == f"age_band x {column}" and row[1:3] == ["employed", "SEX_M"])]
    assert broken(broken_totals_sql(column), without) == 1
    other = next(name for name in TOTALS if name != column)
    assert broken(broken_totals_sql(other), content) == 0
