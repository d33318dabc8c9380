"""Figures of stacked rounds against a second writing over persons: every kind of measure, every cell.

The second writing takes persons and weights divided by the number of rounds, linearises every statistic person by
person, and sums squares stratum by stratum: what ``svydesign`` of the stacked files gives. It shares with the project
the harmonised persons and the code lists' hierarchies, and nothing else.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from fixtures.__main__ import main as write_extracts
from pipelines.estimates import estimate
from pipelines.home import Home
from pipelines.intake import receive
from pipelines.rounds import open_round, process_round, raw_extract
from pipelines.storage import current
from pipelines.support import support
from schemas.codes import items_of, total_of
from schemas.indicators import load_indicators
from schemas.periods import Period

ROUNDS = ("XAA_LFS_2024-Q1", "XAA_LFS_2024-Q2")
TOLERANCE = 1e-9
CATALOGUE = load_indicators()


@dataclass(frozen=True)
class Stacked:
    """Two rounds in a data folder, and their persons stacked."""

    home: Home
    persons: pd.DataFrame
    absentees: pd.DataFrame

    def estimates(self, names, *, is_change=False):
        tables = {
            name: [current(self.home.store, name, identifier) for identifier in ROUNDS]
            for name in ("psu_totals", "harmonised_persons")
        }
        this = open_round(self.home, ROUNDS[0])
        period = Period.parse("2024-Q2" if is_change else "2024")
        before = tables["psu_totals"][:1] if is_change else []
        now = slice(1, 2) if is_change else slice(0, 2)
        with this.engine() as (connection, _):
            return estimate(
                connection, support(this.spec, period), period, tables["psu_totals"][now],
                tables["harmonised_persons"][now], before, [CATALOGUE[name] for name in names],
            )  # fmt: skip


@pytest.fixture(scope="module")
def stacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stacked")
    periods = [identifier.rpartition("_")[2] for identifier in ROUNDS]
    write_extracts(["--out", str(folder / "in"), "--survey", "XAA_LFS", "--persons", "4000", "--rounds", *periods])
    home = Home(folder / "home")
    home.prepare()
    frames = {"harmonised_persons": [], "harmonised_absentees": []}
    for number, identifier in enumerate(ROUNDS):
        this = open_round(home, identifier)
        file = folder / "in" / f"{identifier}.sav"
        receive(
            home, this.spec, this.period, [file], supersede=False, read=lambda kept, this=this: raw_extract(this, kept)
        )
        result = process_round(home, identifier)
        assert result.is_valid, [str(item) for item in result.findings if item.severity == "error"]
        for name, parts in frames.items():
            parts.append(pd.read_parquet(current(home.store, name, identifier).data).assign(round=number))
    return Stacked(home, *(pd.concat(parts, ignore_index=True) for parts in frames.values()))


# --- the second writing --------------------------------------------------------------------------

STATUS = {"employed": "LMS_STATUS_EMP", "unemployed": "LMS_STATUS_UNE", "outside": "LMS_STATUS_EIP"}


def universe(frame, name):
    """Who is in a universe, written out."""
    working_age = frame["exclusion"].isna() & (frame["residence_status"] == "RES_USUAL") & frame["is_working_age"]
    status = frame["labour_force_status"]
    return {
        "working_age": working_age,
        "labour_force": working_age & status.isin([STATUS["employed"], STATUS["unemployed"]]),
        "employed": working_age & (status == STATUS["employed"]),
        "unemployed": working_age & (status == STATUS["unemployed"]),
        "employees": working_age & (status == STATUS["employed"]) & (frame["status_in_employment"] == "STE_ICSE93_1"),
        "foreign_born_employed": working_age & (status == STATUS["employed"])
        & (frame["place_of_birth"] == "CBR_BIR_FOREIGN"),
        "returned_citizens": working_age & frame["is_returned_citizen"].fillna(False).astype(bool),
    }[name].to_numpy(dtype=bool)  # fmt: skip


def in_item(frame, concept, item):
    """Who is in an item of a column: everybody in a total."""
    if item is None or concept is None:
        return np.ones(len(frame), dtype=bool)
    version = (
        item.rsplit("_", 1)[0] if not item.startswith(("AGE", "ECO", "CBR", "CCT")) else "_".join(item.split("_")[:2])
    )
    if concept == "sex":
        return (frame["sex"] == item).to_numpy() if item != "SEX_T" else np.ones(len(frame), dtype=bool)
    if item == total_of(version):
        return np.ones(len(frame), dtype=bool)
    held = {code for code in frame[concept].dropna().unique() if item in items_of(version, code)}
    return frame[concept].isin(held).to_numpy()


def cell(frame, indicator, row):
    return (
        in_item(frame, "sex", row.sex)
        & in_item(frame, indicator.classif1_concept, row.classif1)
        & in_item(frame, indicator.classif2_concept, row.classif2)
    )


def ratio(frame, weight, part, whole):
    """(value, score per person) of a ratio of weighted sums."""
    total = (weight * whole).sum()
    value = (weight * part).sum() / total if total else math.nan
    return value, weight * (part - value * whole) / (total or math.nan)


class Case:
    """Values, scores and numbers of one indicator, person by person."""

    def __init__(self, stacked):
        self.frame = stacked.persons
        self.weight = self.frame["weight"].to_numpy() / len(ROUNDS)
        self.stratum, names = pd.factorize(self.frame["stratum"])
        self.strata = len(names)
        self.unit, units = pd.factorize(pd.MultiIndex.from_frame(self.frame[["stratum", "psu"]]))
        self.units = {key: number for number, key in enumerate(units)}
        self.stratum_of_unit = np.zeros(len(units), dtype=int)
        self.stratum_of_unit[self.unit] = self.stratum

    def by_unit(self, scores):
        return np.bincount(self.unit, weights=scores, minlength=len(self.units))

    def variance(self, sums):
        """Sum over strata of n/(n-1) times the squared deviations; PSUs without members have 0."""
        found = 0.0
        for stratum in range(self.strata):
            own = sums[self.stratum_of_unit == stratum]
            found += len(own) / (len(own) - 1) * ((own - own.mean()) ** 2).sum()
        return found

    def se(self, scores):
        return math.sqrt(self.variance(self.by_unit(scores)))

    def count(self, indicator, row):
        inside = universe(self.frame, indicator.universe) & cell(self.frame, indicator, row)
        return (self.weight * inside).sum(), self.weight * inside, inside

    def rate(self, indicator, row):
        here = universe(self.frame, indicator.denominator) & cell(self.frame, indicator, row)
        value, scores = ratio(self.frame, self.weight, here & universe(self.frame, indicator.universe), here)
        return value, scores, here

    def mean(self, indicator, row, inside=None):
        amount = self.frame[indicator.quantity].to_numpy(dtype=float)
        here = universe(self.frame, indicator.universe) & cell(self.frame, indicator, row) & np.isfinite(amount)
        here &= True if inside is None else inside
        value, scores = ratio(self.frame, self.weight, np.where(here, amount, 0.0), here)
        return value, scores, here

    def group(self, indicator, item):
        return (self.frame[indicator.contrast] == item).to_numpy()

    def difference(self, indicator, row):
        here = universe(self.frame, indicator.denominator) & cell(self.frame, indicator, row)
        part = universe(self.frame, indicator.universe)
        found = []
        for item in CONTRAST[indicator.contrast]:
            inside = here & self.group(indicator, item)
            found.append((*ratio(self.frame, self.weight, inside & part, inside), inside))
        (one, z_one, in_one), (two, z_two, in_two) = found
        return one - two, z_one - z_two, (in_one, in_two)

    def gap(self, indicator, row, inside=None):
        found = []
        for item in CONTRAST[indicator.contrast]:
            group = self.group(indicator, item)
            found.append(self.mean(indicator, row, group if inside is None else group & inside))
        (migrants, z_m, in_m), (natives, z_n, in_n) = found
        return 1 - migrants / natives, -(z_m / natives - migrants * z_n / natives**2), (in_m, in_n)

    def factor_gap(self, indicator, row):
        groups, whole = [], 0.0
        for name in sorted(self.frame[indicator.factor].dropna().unique()):
            inside = (self.frame[indicator.factor] == name).to_numpy()
            told = [
                self.mean(indicator, row, inside & self.group(indicator, i))[2] for i in CONTRAST[indicator.contrast]
            ]
            if not all(part.any() for part in told):
                continue
            value, scores, members = self.gap(indicator, row, inside)
            both = members[0] | members[1]
            total = (self.weight * both).sum()
            groups.append((value, scores, members, both, total))
            whole += total
        value = sum(gap * total for gap, _, _, _, total in groups) / whole
        scores = sum(total * z + (gap - value) * self.weight * both for gap, z, _, both, total in groups) / whole
        sides = zip(*(members for _, _, members, _, _ in groups), strict=True)
        return value, scores, tuple(np.logical_or.reduce(side) for side in sides)


CONTRAST = {
    "place_of_birth": ("CBR_BIR_FOREIGN", "CBR_BIR_NATIVE"),
    "citizenship_status": ("CCT_CIT_NONCIT", "CCT_CIT_CITIZEN"),
}
CASES = {
    "MST_TEMP_SEX_AGE_CBR_NB": 300,
    "MST_TUNE_SEX_AGE_CBR_RT": 200,
    "XSH_FORE_SEX_ECO_RT": 30,
    "MST_EARA_SEX_CBR_NB": 8,
    "XDB_TUNE_SEX_AGE_RT": 20,
    "XDC_TEMP_SEX_RT": 3,
    "XGB_EARA_SEX_RT": 3,
    "XGC_HERA_SEX_RT": 3,
    "XGB_HERW_SEX_RT": 2,
}


def compare(found, value, scores, members, case, scale):
    """One cell's value, standard error, degrees of freedom and persons."""
    assert math.isclose(found.value, value * scale, rel_tol=TOLERANCE, abs_tol=1e-9)
    assert math.isclose(found.se, case.se(scores) * scale, rel_tol=TOLERANCE, abs_tol=1e-9)
    # A comparison has the PSUs and the degrees of freedom of the side that has fewer.
    sides = members if isinstance(members, tuple) else (members,)
    psus = [len(set(case.unit[side])) for side in sides]
    free = [own - len(set(case.stratum[side])) for own, side in zip(psus, sides, strict=True)]
    assert (found.n_psu, found.df) == (min(psus), min(free))


@pytest.mark.parametrize("name", CASES)
def test_every_cell_is_what_the_persons_give(stacked, name):
    indicator, case = CATALOGUE[name], Case(stacked)
    frame = stacked.estimates([name])
    shown = frame[frame["n"] > 0]
    assert len(shown) >= CASES[name] / 2
    scale = 100.0 if name.endswith("_RT") else 10.0**-indicator.unit_mult
    for row in shown.itertuples():
        value, scores, members = getattr(case, indicator.measure)(indicator, row)
        compare(row, value, scores, members, case, scale)
        if indicator.measure in ("count", "rate", "mean"):
            assert row.n == members.sum()
            assert row.n_round == case.frame[members].groupby("round").size().max()
            assert math.isclose(row.weight, case.weight[members].sum(), rel_tol=TOLERANCE)
            homes = case.frame[members].groupby("round")["household_id"].nunique()
            assert row.n_households == homes.max()
        else:
            assert math.isnan(row.weight)
        if indicator.measure != "mean":
            assert math.isnan(row.dominance)
            assert math.isnan(row.p_share)


@pytest.mark.parametrize("name", ["MST_EARA_SEX_CBR_NB", "XPY_EARA_SEX_AGE_CBR_NB", "XPY_HERA_SEX_CBR_NB"])
def test_the_largest_contributions_are_those_of_the_persons(stacked, name):
    """Person by person: of the weighted pay of a round, in the round where few persons have most of it."""
    indicator, case = CATALOGUE[name], Case(stacked)
    amount = (stacked.persons["weight"] * stacked.persons[indicator.quantity]).to_numpy()
    frame = stacked.estimates([name])
    few, differ = 0, 0
    for row in frame.itertuples():
        _, _, told = case.mean(indicator, row)
        shares, remainders = [], []
        for number in range(len(ROUNDS)):
            own = sorted(amount[told & (case.frame["round"] == number).to_numpy()])[::-1]
            if own:
                first, second = [*own, 0.0][:2]
                shares.append((first + second) / sum(own))
                remainders.append(sum(own[2:]) / first)
        assert math.isclose(row.dominance, max(shares), rel_tol=TOLERANCE)
        assert math.isclose(row.p_share, min(remainders), rel_tol=TOLERANCE, abs_tol=1e-9)
        is_dominated = round(max(shares), 9) > 0.85 or round(min(remainders), 9) < 0.1
        few += is_dominated
        differ += max(shares) != min(shares)
        assert "confidential" in row.reason or not is_dominated
    assert differ > len(frame) / 2
    assert few or name != "XPY_EARA_SEX_AGE_CBR_NB"


def test_rows_of_the_largest_contributions(stacked):
    """Every round's file by birth, from the round's persons."""
    checked = 0
    for number, identifier in enumerate(ROUNDS):
        table = current(stacked.home.store, "psu_totals", identifier)
        rows = pd.read_parquet(table.folder / "contributions.parquet")
        rows = rows[(rows["cube"] == "place_of_birth") & (rows["variable"] == "employees__monthly_earnings")]
        persons = stacked.persons[stacked.persons["round"] == number]
        told = universe(persons, "employees") & persons["monthly_earnings"].notna().to_numpy()
        amount = (persons["weight"] * persons["monthly_earnings"]).to_numpy()
        for row in rows.itertuples():
            here = told & in_item(persons, "sex", row.sex) & in_item(persons, "place_of_birth", row.classif1)
            own = sorted(amount[here])[::-1]
            assert [row.largest, row.second] == pytest.approx([*own, 0.0][:2], rel=1e-12)
            assert row.dominant == pytest.approx(row.largest + row.second, rel=1e-12)
            assert row.total == pytest.approx(sum(own), rel=1e-12)
            checked += 1
    assert checked >= 20


def test_a_change_is_the_difference_of_two_rounds_with_their_covariance(stacked):
    """As svycontrast of two domains of the stacked design."""
    frame = stacked.estimates(["XCH_TEMP_SEX_AGE_CBR_NB", "XCH_TUNE_SEX_AGE_CBR_RT"], is_change=True)
    case = Case(stacked)
    weight, numbers = case.frame["weight"].to_numpy(), case.frame["round"].to_numpy()
    checked = 0
    for row in frame[frame["n"] > 0].itertuples():
        indicator = CATALOGUE[row.indicator]
        sides = []
        for number in (1, 0):
            here = cell(case.frame, indicator, row) & (numbers == number)
            part = here & universe(case.frame, indicator.universe)
            if indicator.denominator:
                whole = here & universe(case.frame, indicator.denominator)
                sides.append((*ratio(case.frame, weight, part & whole, whole), whole))
            else:
                sides.append(((weight * part).sum(), weight * part, part))
        (now, z_now, in_now), (before, z_before, in_before) = sides
        scale = 100.0 if indicator.denominator else 1e-3
        compare(row, now - before, z_now - z_before, (in_now, in_before), case, scale)
        assert row.n == min(in_now.sum(), in_before.sum())
        checked += 1
    assert checked > 300
    assert set(frame["time"]) == {"2024-Q2"}


def test_a_net_flow_is_persons_less_absentees(stacked):
    frame = stacked.estimates(["XMW_NETN_SEX_NB"])
    case, away = Case(stacked), stacked.absentees
    assert {"SEX_T", "SEX_M"} <= set(frame["sex"])
    for row in frame.itertuples():
        back = universe(case.frame, "returned_citizens") & in_item(case.frame, "sex", row.sex)
        left = (
            (away["weight"] > 0) & (away["residence_status"] == "RES_ABROAD") & away["is_working_age"]
            & (away["citizenship_status"] == "CCT_CIT_CITIZEN") & away["is_recent_outflow"].fillna(False).astype(bool)
        ).to_numpy(dtype=bool) & in_item(away, "sex", row.sex)  # fmt: skip
        arrived, gone = case.weight * back, away["weight"].to_numpy() / len(ROUNDS) * left
        assert math.isclose(row.value, (arrived.sum() - gone.sum()) * 1e-3, rel_tol=TOLERANCE)
        sums = case.by_unit(arrived)
        for key, weight in zip(zip(away["stratum"], away["psu"], strict=True), gone, strict=True):
            sums[case.units[key]] -= weight
        if row.n:
            assert math.isclose(row.se, math.sqrt(case.variance(sums)) * 1e-3, rel_tol=TOLERANCE)
        assert row.n == min(back.sum(), left.sum())


def test_a_median_is_that_of_the_stacked_persons(stacked):
    frame = stacked.estimates(["MST_EARB_SEX_CBR_NB"])
    case = Case(stacked)
    indicator, checked = CATALOGUE["MST_EARB_SEX_CBR_NB"], 0
    for row in frame.itertuples():
        _, _, here = case.mean(indicator, row)
        told = case.frame[here].sort_values("monthly_earnings")
        shares = told["weight"].cumsum() / told["weight"].sum()
        assert row.value == told["monthly_earnings"][shares >= 0.5].iloc[0]
        below = (case.frame["monthly_earnings"] <= row.value).to_numpy() & here
        share, scores = ratio(case.frame, case.weight, below, here)
        if not row.df:
            assert np.isnan(row.se)
            continue
        half = t.ppf(0.975, row.df) * case.se(scores)
        if share - half < 0 or share + half > 1:
            assert np.isnan(row.se)
            continue
        checked += 1
        lower, upper = (told["monthly_earnings"][shares >= p].iloc[0] for p in (share - half, share + half))
        assert (row.lower, row.upper) == (lower, upper)
        assert math.isclose(row.se, (upper - lower) / (2 * t.ppf(0.975, row.df)), rel_tol=TOLERANCE)
    assert checked >= 5
