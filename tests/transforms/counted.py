"""Estimates of invented persons, counted cell by cell: a frame in which every identity holds.

Universes are written here as conditions of Python over a person, and items come from the code lists, so that nothing
of ``figures`` and ``coherence`` is used.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Any

import pandas as pd

from schemas.codes import items_of, total_of
from schemas.indicators import CONTRASTS, Indicator, load_indicators
from transforms.membership import versions_of

Person = dict[str, Any]
EMP, UNE, EIP = "LMS_STATUS_EMP", "LMS_STATUS_UNE", "LMS_STATUS_EIP"
COLLECTED = {"education": "EDU_ISCED11", "economic_activity": "ECO_ISIC4", "occupation": "OCU_ISCO08"}


def _resident(one: Person) -> bool:
    return bool(one["residence_status"] == "RES_USUAL")


def _works(one: Person) -> bool:
    return _resident(one) and one["labour_force_status"] in (EMP, UNE)


def _status(*codes: str) -> Callable[[Person], bool]:
    return lambda one: _resident(one) and one["labour_force_status"] in codes


def _foreign(one: Person) -> bool:
    return bool(one["place_of_birth"] == "CBR_BIR_FOREIGN")


def _alien(one: Person) -> bool:
    return bool(one["citizenship_status"] == "CCT_CIT_NONCIT")


def _is_category_b(one: Person) -> bool:
    return bool(one["residence_status"] == "RES_PRESENT_NON_RESIDENT" and one["labour_force_status"] == EMP)


UNIVERSES: dict[str, Callable[[Person], bool]] = {
    "working_age": _resident,
    "listed_working_age": lambda one: True,
    "labour_force": _works,
    "employed": _status(EMP),
    "unemployed": _status(UNE),
    "self_declared_unemployed": _status(UNE),
    "outside_labour_force": _status(EIP),
    "potential_labour_force": lambda one: _resident(one) and one["is_plf"],
    "time_related_underemployed": lambda one: _resident(one) and one["is_tru"],
    "extended_labour_force": lambda one: _works(one) or (_resident(one) and one["is_plf"]),
    "underused_lu2": lambda one: _status(UNE)(one) or (_resident(one) and one["is_tru"]),
    "underused_lu3": lambda one: _status(UNE)(one) or (_resident(one) and one["is_plf"]),
    "underused_lu4": lambda one: _status(UNE)(one) or (_resident(one) and (one["is_plf"] or one["is_tru"])),
    "foreign_born_population": lambda one: _resident(one) and _foreign(one),
    "foreign_born_employed": lambda one: _status(EMP)(one) and _foreign(one),
    "non_citizen_working_age": lambda one: _resident(one) and _alien(one),
    "non_citizen_employed": lambda one: _status(EMP)(one) and _alien(one),
    "migrant_workers_by_birth": lambda one: _works(one) and _foreign(one),
    "migrant_workers_by_citizenship": lambda one: _works(one) and _alien(one),
    "non_resident_foreign_workers": _is_category_b,
    "all_migrant_workers_by_birth": lambda one: (_works(one) and _foreign(one)) or _is_category_b(one),
    "all_migrant_workers_by_citizenship": lambda one: (_works(one) and _alien(one)) or _is_category_b(one),
    "employees": lambda one: _status(EMP)(one) and one["status_in_employment"] == "STE_ICSE93_1",
    "returned_citizens": lambda one: _resident(one) and one["is_returned"],
    "outflow_of_nationals": lambda one: bool(one["is_absent"]),
}


def persons(count: int = 240, seed: int = 4) -> list[Person]:
    """Return invented persons with uneven weights; some are of unknown sex, birth, citizenship or education."""
    draw = random.Random(seed)
    people = []
    for _ in range(count):
        status = draw.choice([EMP, EMP, UNE, EIP])
        works = status == EMP
        birth = draw.choice(["NATIVE", "NATIVE", "FOREIGN", "X"])
        citizenship = draw.choice(["CITIZEN", "CITIZEN", "NONCIT", "X"])
        isic = draw.choice([*"ABCDEFGHIOPQU", "X"])
        people.append(
            {
                "weight": draw.uniform(20, 900),
                "sex": draw.choice(["SEX_M", "SEX_M", "SEX_F", "SEX_F", "SEX_O", "_U"]),
                "residence_status": draw.choice(["RES_USUAL"] * 5 + ["RES_PRESENT_NON_RESIDENT"]),
                "age_band": f"AGE_10YRBANDS_Y{draw.choice(['15-24', '25-34', '35-44', '45-54', '55-64'])}",
                "education": draw.choice(["EDU_ISCED11_1", "EDU_ISCED11_3", "EDU_ISCED11_6", "EDU_ISCED11_9", "_U"]),
                "labour_force_status": status,
                "economic_activity": f"ECO_ISIC4_{isic}" if works else "",
                "occupation": f"OCU_ISCO08_{draw.choice('12459')}" if works else "",
                "status_in_employment": f"STE_ICSE93_{draw.choice('11236')}" if works else "",
                "place_of_birth": f"CBR_BIR_{birth}",
                "country_of_birth": draw.choice(["FJI", "TON", "WSM"]) if birth == "FOREIGN" else "_U",
                "citizenship_status": f"CCT_CIT_{citizenship}",
                "country_of_citizenship": draw.choice(["FJI", "_U"]) if citizenship == "NONCIT" else "NZL",
                "country_of_previous_residence": draw.choice(["FJI", "AUS"]),
                "country_of_residence": draw.choice(["FJI", "AUS"]),
                "is_plf": status == EIP and draw.random() < 0.4,
                "is_tru": works and draw.random() < 0.3,
                "is_returned": draw.random() < 0.3,
                "is_absent": draw.random() < 0.3,
                "monthly_earnings": draw.uniform(100, 900),
            }
        )
    return people


def _items(column: str, versions: Sequence[str], code: str) -> set[str]:
    found = {total_of(version) for version in versions}
    if code not in ("", "_U") or column.startswith("country"):
        found |= {item for version in versions for item in items_of(version, code)}
    return found


def cells(
    indicator: Indicator, people: Iterable[Person], collected: Mapping[str, str]
) -> dict[tuple[str, str | None, str | None], list[Person]]:
    """Return cell (sex, items) -> the persons in it, for every cell that anybody is in."""
    named = (
        (indicator.classif1_concept, indicator.classif1_versions),
        (indicator.classif2_concept, indicator.classif2_versions),
    )
    found: dict[tuple[str, str | None, str | None], list[Person]] = {}
    for one in people:
        sexes = {"SEX_T"} | ({one["sex"]} - {"_U"})
        held: list[Iterable[str | None]] = [
            _items(column, versions_of(versions, column, collected), one[column]) if column else [None]
            for column, versions in named
        ]
        for cell in product(sexes, *held):
            found.setdefault(cell, []).append(one)
    return found


def _weight(people: Iterable[Person]) -> float:
    return sum(one["weight"] for one in people)


def _mean(people: Sequence[Person], indicator: Indicator) -> float | None:
    inside = [one for one in people if UNIVERSES[indicator.universe](one)]
    weight = _weight(inside)
    return sum(one["weight"] * one[indicator.quantity] for one in inside) / weight if weight else None


def _rate(people: Sequence[Person], indicator: Indicator) -> float | None:
    below = _weight(one for one in people if UNIVERSES[indicator.denominator](one))
    return 100 * _weight(one for one in people if UNIVERSES[indicator.universe](one)) / below if below else None


def _value(people: Sequence[Person], indicator: Indicator) -> float | None:
    if indicator.measure == "count":
        return _weight(one for one in people if UNIVERSES[indicator.universe](one)) / 1000
    if indicator.measure == "net":
        gone = _weight(one for one in people if UNIVERSES[indicator.subtrahend](one))
        return (_weight(one for one in people if UNIVERSES[indicator.universe](one)) - gone) / 1000
    if indicator.measure in ("rate", "mean"):
        return (_rate if indicator.measure == "rate" else _mean)(people, indicator)
    migrants, natives = (
        [one for one in people if one[indicator.contrast] == item] for item in CONTRASTS[indicator.contrast]
    )
    if indicator.measure == "difference":
        sides = _rate(migrants, indicator), _rate(natives, indicator)
        return None if None in sides else sides[0] - sides[1]
    sides = _mean(migrants, indicator), _mean(natives, indicator)
    return None if None in sides else 100 * (sides[1] - sides[0]) / sides[1]


def estimates(
    ids: Iterable[str],
    people: Sequence[Person] | None = None,
    collected: Mapping[str, str] = MappingProxyType(COLLECTED),
    **place: str,
) -> pd.DataFrame:
    """Return the estimates of some indicators of the catalogue for one survey and period, in full precision."""
    given = {"ref_area": "FJI", "survey": "FJI_LFS", "freq": "Q", "time": "2024-Q1"} | place
    tables = [_of_everybody(name) if people is None else _table(name, people, collected) for name in ids]
    return pd.concat(tables, ignore_index=True).assign(**given)


@cache
def _of_everybody(name: str) -> pd.DataFrame:
    return _table(name, persons(), COLLECTED)


def _table(name: str, people: Sequence[Person], collected: Mapping[str, str]) -> pd.DataFrame:
    indicator = load_indicators()[name]
    rows = []
    for (sex, one, two), inside in cells(indicator, people, collected).items():
        n = sum(UNIVERSES[indicator.denominator or indicator.universe](person) for person in inside)
        above = sum(UNIVERSES[indicator.universe](person) for person in inside)
        row = {"indicator": name, "sex": sex, "classif1": one, "classif2": two}
        rows.append(row | {"value": _value(inside, indicator), "n": n, "n_numerator": above})
    return pd.DataFrame(rows).astype({"value": float})
