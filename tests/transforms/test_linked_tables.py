"""Tables as linked cells: every equation between them is found, and nothing that is none."""

import numpy as np
import pandas as pd
import pytest

from tests.transforms.linked_frame import estimates, invented, members
from transforms.linked_tables import Needs, link

NEEDS = Needs(5, 0.15, 3.0)
COUNTS = ["POP_XWAP_SEX_AGE_NB", "EMP_TEMP_SEX_AGE_NB", "MST_TEMP_SEX_AGE_CBR_NB", "MST_TEAP_SEX_AGE_CBR_NB"]
EDUCATION = ["MST_TEMP_SEX_EDU_CBR_NB", "MST_TEAP_SEX_EDU_CBR_NB", "MST_TUNE_SEX_EDU_CBR_NB"]
COUNTRIES = ["MST_FORE_SEX_CBR_NB", "MST_FORP_SEX_CBR_NB", "MST_TEMP_SEX_ECO_CBR_NB"]
RATES = ["MST_TUNE_SEX_AGE_CBR_RT", "XSH_FORE_SEX_ECO_RT"]
MEANS = ["XPY_EARA_SEX_EDU_CBR_NB"]


def linked(frame, needs=NEEDS, **changes):
    shown, confidential = np.ones(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
    return link(frame, shown, confidential, needs, **changes)


def rank(matrix):
    """Return the rank by the smaller of the two products, whose eigenvalues are squares."""
    matrix = matrix / max(1.0, np.abs(matrix).max())
    gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    eigenvalues = np.linalg.eigvalsh(gram)
    return int((eigenvalues > 1e-9 * eigenvalues.max()).sum())


@pytest.mark.parametrize(
    "names",
    [COUNTS, [*COUNTS, "MST_TUNE_SEX_AGE_CBR_NB"], EDUCATION, COUNTRIES, [*COUNTS[1:], *RATES], MEANS],
    ids=["ages", "unemployed", "education", "countries", "rates", "means"],
)
def test_the_equations_are_all_that_hold_whatever_the_weights(names):
    """The cells of so many persons span a space; what they lack in rank are identities, and no more are stated."""
    persons = {"2024-Q1": invented(4000, seed=7)}
    tables = linked(estimates(persons["2024-Q1"], names))
    matrix = tables.linked.equations.toarray()
    held = members(tables, persons)
    assert np.abs(matrix @ held).max() <= 1e-9 * np.abs(held).max()
    assert rank(matrix) == len(held) - rank(held)


def test_values_are_those_of_the_persons():
    persons = {"2024-Q1": invented(800, seed=3)}
    names = [*COUNTS, *EDUCATION, *RATES, *MEANS]
    tables = linked(estimates(persons["2024-Q1"], names))
    expected = members(tables, persons) @ persons["2024-Q1"]["weight"].to_numpy()
    assert tables.linked.value == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_a_year_is_the_mean_of_its_quarters():
    persons = {f"2024-Q{quarter}": invented(2500, seed=quarter) for quarter in (1, 2)}
    frames = [estimates(own, COUNTS, period) for period, own in persons.items()]
    frames.append(estimates(pd.concat(persons.values()), COUNTS, "2024", rounds=2))
    tables = linked(pd.concat(frames, ignore_index=True))
    matrix, held = tables.linked.equations.toarray(), members(tables, persons)
    assert tables.is_periodic.sum() > 50
    assert np.abs(matrix @ held).max() <= 1e-9
    assert rank(matrix) == len(held) - rank(held)
    # Persons behind a year are those of its largest quarter, for a panel repeats them.
    year = next(cell for cell in range(len(tables.n)) if tables.key_of(cell)[1:] == ("2024", "SEX_T"))
    where = tables.key_of(year)[0]
    quarters = [cell for cell in range(len(tables.n)) if tables.key_of(cell)[0] == where]
    assert tables.n[year] == max(
        tables.n[cell] for cell in quarters if tables.key_of(cell)[2] == "SEX_T" and cell != year
    )


def test_the_same_figure_of_several_tables_is_one_cell():
    frame = estimates(invented(500, seed=1), COUNTS)
    tables = linked(frame)
    young = frame[(frame["sex"] == "SEX_T") & frame["classif1"].astype(str).str.endswith("_Y15-24")]
    everywhere = young[young["classif2"].isna() | (young["classif2"] == "CBR_BIR_TOTAL")]
    employed = everywhere[everywhere["indicator"].isin(["EMP_TEMP_SEX_AGE_NB", "MST_TEMP_SEX_AGE_CBR_NB"])]
    assert len(employed) == 6
    assert len({tables.own[row] for row in employed.index}) == 1


def test_needs_of_confidential_cells():
    persons = invented(60, seed=5)
    frame = estimates(persons, ["MST_TEMP_SEX_AGE_CBR_NB"])
    confidential = (frame["n"] < 5).to_numpy()
    tables = link(frame, ~confidential, confidential, NEEDS)
    # Of the unknown nothing can be learnt.
    needy = confidential & (frame["classif2"] != "CBR_BIR_X").to_numpy()
    assert needy.sum() > 20
    assert not tables.linked.need_up[tables.own[confidential & ~needy]].any()
    for row in np.flatnonzero(needy):
        cell, value, n = tables.own[row], frame["weight"][row], frame["n"][row]
        need = max(0.15 * value, 3 * value / n)
        assert tables.linked.need_up[cell] == pytest.approx(need)
        assert tables.linked.need_down[cell] == pytest.approx(min(need, value))
        assert tables.linked.is_hidden[cell]
        assert tables.linked.cost[cell] == 0
    shown = np.flatnonzero(~tables.linked.is_hidden)
    assert (tables.linked.cost[shown] > 0).all()


def test_parts_of_rates_are_cells_and_few_persons_in_them_are_confidential():
    persons = invented(200, seed=2)
    frame = estimates(persons, ["MST_TUNE_SEX_AGE_CBR_RT"])
    shown = ((frame["n_numerator"] >= 5) & (frame["n"] - frame["n_numerator"] >= 5)).to_numpy()
    tables = link(frame, shown, ~shown, NEEDS)
    for row in range(len(frame)):
        top, below, rest = tables.own[row], tables.denominator[row], tables.complement[row]
        n, part = frame["n"][row], frame["n_numerator"][row]
        assert (tables.n[top], tables.n[below], tables.n[rest]) == (part, n, n - part)
        if frame["classif2"][row] == "CBR_BIR_X":
            continue
        assert (tables.linked.need_up[top] > 0) == (0 < part < 5)
        assert (tables.linked.need_up[rest] > 0) == (0 < n - part < 5)


def test_where_few_are_not_confidential_no_part_is():
    frame = estimates(invented(60, seed=5), ["MST_TUNE_SEX_AGE_CBR_RT"])
    tables = linked(frame, Needs(0, 0.15, 3.0))
    assert not tables.linked.need_up.any()


def test_what_was_told_cannot_be_hidden():
    frame = estimates(invented(300, seed=5), ["EMP_TEMP_SEX_AGE_NB"])
    told = (frame["sex"] == "SEX_M").to_numpy()
    tables = linked(frame, fixed=told)
    fixed = {tables.own[row] for row in np.flatnonzero(told)}
    assert set(np.flatnonzero(tables.linked.is_fixed)) == fixed


def test_a_broken_identity_is_refused_by_name():
    frame = estimates(invented(300, seed=5), ["EMP_TEMP_SEX_AGE_NB"])
    row = frame.index[(frame["sex"] == "SEX_M") & (frame["classif1"] == "AGE_AGGREGATE_Y25-54")][0]
    frame.loc[row, "value"] += 1
    with pytest.raises(ValueError, match="the parts are not the whole"):
        linked(frame)


def test_cells_and_equations_have_names_without_values():
    frame = estimates(invented(300, seed=5), ["EMP_TEMP_SEX_AGE_NB"])
    tables = linked(frame)
    names = list(tables.names)
    assert names[int(tables.own[0])].startswith("XAA_LFS 2024-Q1, SEX_")
    assert tables.equation_text(0).endswith(names[int(tables.linked.equations.indices[0])]) or " of " in (
        tables.equation_text(0)
    )


def test_the_order_of_rows_changes_nothing():
    frame = estimates(invented(300, seed=5), COUNTS)
    one, other = linked(frame), linked(frame.iloc[::-1].reset_index(drop=True))
    assert sorted(one.names) == sorted(other.names)
    assert one.linked.equations.shape == other.linked.equations.shape
    assert sorted(one.linked.value) == pytest.approx(sorted(other.linked.value))
