"""Estimates of a few invented persons, person by person, and which persons every linked cell holds."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from schemas.indicators import Indicator, load_indicators
from transforms.linked_tables import LinkedTables
from transforms.membership import item_rows

#: Universe -> who is in it.
UNIVERSES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "working_age": lambda p: p["age_band"] != "AGE_10YRBANDS_YLT15",
    "labour_force": lambda p: p["labour_force_status"].isin(["LMS_STATUS_EMP", "LMS_STATUS_UNE"]),
    "employed": lambda p: p["labour_force_status"] == "LMS_STATUS_EMP",
    "unemployed": lambda p: p["labour_force_status"] == "LMS_STATUS_UNE",
    "outside_labour_force": lambda p: p["labour_force_status"] == "LMS_STATUS_EIP",
    "foreign_born_population": lambda p: p["place_of_birth"] == "CBR_BIR_FOREIGN",
    "foreign_born_employed": lambda p: UNIVERSES["employed"](p) & (p["place_of_birth"] == "CBR_BIR_FOREIGN"),
    "employees": lambda p: UNIVERSES["employed"](p) & (p["status_in_employment"] == "STE_ICSE93_1"),
}
#: Countries with and without an item of their own, residual groups with a region and without, a test area.
_COUNTRIES = ("PRT", "FRA", "MAR", "SEN", "NGA", "FSM", "FJI", "XBB", "AFR_OTHER", "EU_OTHER", "ASI_OTHER", "_U")


def invented(size: int, seed: int, *, unknown: float = 0.03) -> pd.DataFrame:
    """Return persons of working age with codes, weights and pay; some do not tell their education."""
    draw = np.random.default_rng(seed)
    bands = [f"AGE_10YRBANDS_{band}" for band in ("Y15-24", "Y25-34", "Y35-44", "Y45-54", "Y55-64", "YGE65")]
    status = draw.choice(["EMP", "UNE", "EIP"], size, p=[0.5, 0.2, 0.3])
    birth = draw.choice(["NATIVE", "FOREIGN", "X"], size, p=[0.55, 0.35, 0.1])
    country = np.where(birth == "NATIVE", "XAA", np.where(birth == "X", "_U", draw.choice(_COUNTRIES, size)))
    education = draw.choice([f"EDU_ISCED11_{level}" for level in (1, 2, 3, 5, 6)], size)
    return pd.DataFrame(
        {
            "sex": draw.choice(["SEX_M", "SEX_F"], size),
            "age_band": draw.choice(bands, size),
            "labour_force_status": [f"LMS_STATUS_{one}" for one in status],
            "place_of_birth": [f"CBR_BIR_{one}" for one in birth],
            "country_of_birth": country,
            "education": np.where(draw.random(size) < unknown, "", education),
            "economic_activity": np.where(
                status == "EMP", [f"ECO_ISIC4_{one}" for one in draw.choice(list("ACFGHQ"), size)], ""
            ),
            "status_in_employment": np.where(
                status == "EMP", [f"STE_ICSE93_{one}" for one in draw.choice([1, 2, 3], size, p=[0.8, 0.1, 0.1])], ""
            ),
            "monthly_earnings": draw.lognormal(7, 0.5, size),
            "weight": draw.uniform(100, 300, size),
        }
    )


def estimates(persons: pd.DataFrame, names: list[str], time: str = "2024-Q1", rounds: int = 1) -> pd.DataFrame:
    """Return area_estimates of some indicators: cells that hold anybody, value, n, n_numerator, weight.

    Args:
        persons: of one period, or of several that are averaged.
        names: indicators.
        time: the period.
        rounds: periods that are averaged.
    """
    rows = []
    for name in names:
        indicator = load_indicators()[name]
        for cell, own in _cells(persons, indicator):
            rows.append(cell | _figure(own, indicator, rounds))
    frame = pd.DataFrame(rows).astype({"classif1": object, "classif2": object})
    freq = "A" if len(time) == 4 else "Q"
    frame = frame[frame["n"] > 0].assign(ref_area="XAA", survey="XAA_LFS", freq=freq, time=time)
    return frame.assign(status="", reason="").reset_index(drop=True)


def _cells(persons: pd.DataFrame, indicator: Indicator):
    dimensions = [("sex", ("SEX",))]
    dimensions += [
        (concept, tuple(v for v in versions if v not in ("EDU_ISCED97", "ECO_ISIC3")))
        for concept, versions in (
            (indicator.classif1_concept, indicator.classif1_versions),
            (indicator.classif2_concept, indicator.classif2_versions),
        )
        if concept
    ]
    items = []
    for concept, versions in dimensions:
        held: dict[str, set[str]] = {}
        for code, item in item_rows(concept, versions, sorted(persons[concept].unique())):
            held.setdefault(item, set()).add(code)
        items.append([(item, persons[concept].isin(codes).to_numpy()) for item, codes in sorted(held.items())])
    for sex, one in items[0]:
        for first, two in items[1] if len(items) > 1 else [(None, True)]:
            for second, three in items[2] if len(items) > 2 else [(None, True)]:
                mask = one & two & three
                yield {"indicator": indicator.id, "sex": sex, "classif1": first, "classif2": second}, persons[mask]


def _figure(own: pd.DataFrame, indicator: Indicator, rounds: int) -> dict[str, float]:
    base = own[UNIVERSES[indicator.denominator or indicator.universe](own)]
    top = base[UNIVERSES[indicator.universe](base)]
    weight = base["weight"].sum()
    if indicator.measure == "rate":
        value = 100 * top["weight"].sum() / weight if weight else np.nan
    elif indicator.measure == "mean":
        value = (base["weight"] * base[str(indicator.quantity)]).sum() / weight if weight else np.nan
    else:
        value = weight / rounds / 10.0**indicator.unit_mult
    return {"value": value, "n": len(base), "n_numerator": len(top), "weight": weight / rounds}


def members(tables: LinkedTables, persons: dict[str, pd.DataFrame]) -> np.ndarray:
    """Return cells x persons of all periods: by how much of a person's weight (or pay) each cell grows.

    Args:
        tables: linked cells.
        persons: period -> its persons; a year holds those of all periods.
    """
    periods = list(persons)
    everybody = pd.concat([persons[period].assign(period=period) for period in periods], ignore_index=True)
    rows = []
    for number in range(len(tables.n)):
        where, period, sex = tables.key_of(number)
        inside = everybody["period"].str.startswith(period).to_numpy()
        share = 1.0 / everybody.loc[inside, "period"].nunique()
        inside = inside & ((everybody["sex"] == sex).to_numpy() | (sex == "SEX_T"))
        rows.append(np.where(inside, share * _held(where, everybody, tables), 0.0))
    return np.array(rows)


def _held(where, persons: pd.DataFrame, tables: LinkedTables) -> np.ndarray:
    root, held = where
    if isinstance(root, tuple):
        return _held(root[1], persons, tables) - _held(root[2], persons, tables)
    factor = np.ones(len(persons))
    if root.startswith("mean "):
        quantity, root = root.removeprefix("mean ").split(" of ")
        factor = persons[quantity].to_numpy()
    inside = UNIVERSES[root](persons).to_numpy()
    for column, codes in held:
        left = {code.split("of ", 1)[1] for code in codes if code.startswith("of ")}
        own = {_base(code) for code in codes if not code.startswith(("of ", "left over"))}
        is_in = persons[column].isin(own).to_numpy()
        if left:
            whole = tables.where_of(int(left.pop()))
            inside = inside & (_held(whole, persons, tables) != 0) & ~is_in
        else:
            inside = inside & is_in
    return np.where(inside, factor, 0.0)


def _base(code: str) -> str:
    """Return the base code of an item of countries."""
    return code.removeprefix("CBR_BRT_")
