"""An invented country of a million persons, known in full: what the samples of the simulation are drawn from.

Persons live in households, households in enumeration areas (the PSUs) of unequal size, and these in strata: ten
regions, town and country. What makes estimates hard is in it: migrants live with migrants, in some areas much more than
in others; work, unemployment and pay are alike within an area; pay is skewed; few are of unknown birth.

Codes are those of the harmonised columns. Nothing of the pipeline is used here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

REGIONS = 10
STRATA = 2 * REGIONS
PERSONS = 1_000_000
WORKING_AGE = 15

#: Columns of persons -> base codes; a person's code is a position in it. '' is no value: outside the column's universe.
CODES: Mapping[str, tuple[str, ...]] = {
    "sex": ("SEX_F", "SEX_M"),
    "age_band": (
        "AGE_10YRBANDS_Y15-24", "AGE_10YRBANDS_Y25-34", "AGE_10YRBANDS_Y35-44", "AGE_10YRBANDS_Y45-54",
        "AGE_10YRBANDS_Y55-64", "AGE_10YRBANDS_YGE65", "AGE_10YRBANDS_YLT15",
    ),
    "place_of_birth": ("CBR_BIR_FOREIGN", "CBR_BIR_NATIVE", "CBR_BIR_X"),
    "labour_force_status": ("", "LMS_STATUS_EIP", "LMS_STATUS_EMP", "LMS_STATUS_UNE"),
    "status_in_employment": ("", "STE_ICSE93_1", "STE_ICSE93_2", "STE_ICSE93_3", "STE_ICSE93_5"),
    "economic_activity": (
        "", "ECO_ISIC4_A", "ECO_ISIC4_C", "ECO_ISIC4_F", "ECO_ISIC4_G", "ECO_ISIC4_I", "ECO_ISIC4_P", "ECO_ISIC4_T",
    ),
}  # fmt: skip
NOT_ASKED, OUTSIDE, EMPLOYED, UNEMPLOYED = range(4)
EMPLOYEE = 1
FEMALE, FOREIGN, NATIVE, UNKNOWN = 0, 0, 1, 2

#: Frequency of households of 1, 2, ... persons.
_HOUSEHOLD_SIZES = np.array([0.20, 0.26, 0.19, 0.17, 0.10, 0.05, 0.03])
_AREA_HOUSEHOLDS = (40, 200)
#: Intra-class correlation of living in a household of migrants, among the areas of a stratum.
_MIGRANT_CLUSTERING = 0.20

#: Logits of being in the labour force at ages 15-24 to 65+, men; women, and the foreign-born, differ by a constant.
_ACTIVE = np.array([-0.5, 2.3, 2.6, 2.4, 0.9, -2.0])
_UNEMPLOYED = np.array([-1.3, -2.2, -2.5, -2.6, -2.6, -2.4])
#: Sectors (A C F G I P T) for native men, native women, foreign-born men, foreign-born women.
_SECTORS = np.array(
    [
        [0.20, 0.19, 0.16, 0.26, 0.06, 0.12, 0.01],
        [0.14, 0.12, 0.01, 0.31, 0.11, 0.25, 0.06],
        [0.14, 0.18, 0.30, 0.20, 0.12, 0.05, 0.01],
        [0.07, 0.14, 0.02, 0.22, 0.22, 0.09, 0.24],
    ]
)
#: Employees, employers, own-account workers, contributing family workers: in farming and elsewhere.
_STATUSES = np.array([[0.35, 0.04, 0.40, 0.21], [0.78, 0.04, 0.15, 0.03]])
_PAY_OF_SECTOR = np.array([-0.25, 0.05, 0.05, -0.10, -0.20, 0.25, -0.45])


@dataclass(frozen=True)
class Population:
    """A country; persons are in the order of strata, areas and households.

    Attributes:
        stratum: of every area, never decreasing.
        size_measure: households of every area at the census that the frame was made from.
        area_start: first household of every area, and the number of households behind the last.
        household_start: first person of every household, and the number of persons behind the last.
        codes: column -> position in ``CODES`` of every person.
        age: completed years of every person.
        earnings: of the month, of employees; NaN for others.
    """

    stratum: Integers
    size_measure: Floats
    area_start: Integers
    household_start: Integers
    codes: Mapping[str, NDArray[np.int8]]
    age: NDArray[np.int8]
    earnings: Floats

    @property
    def persons(self) -> int:
        """Number of persons."""
        return int(self.household_start[-1])

    def universes(self, rows: Integers | slice = slice(None)) -> dict[str, Booleans]:
        """Return the members of the universes that are counted, among some persons."""
        status = self.codes["labour_force_status"][rows]
        employed = status == EMPLOYED
        return {
            "working_age": self.age[rows] >= WORKING_AGE,
            "labour_force": employed | (status == UNEMPLOYED),
            "employed": employed,
            "unemployed": status == UNEMPLOYED,
            "outside_labour_force": status == OUTSIDE,
            "employees": self.codes["status_in_employment"][rows] == EMPLOYEE,
            "foreign_born_employed": employed & (self.codes["place_of_birth"][rows] == FOREIGN),
        }


def build(seed: int, persons: int = PERSONS) -> Population:
    """Return the country of a seed."""
    draw = np.random.default_rng([seed, 0])
    household_size = _household_sizes(draw, persons)
    household_start = np.concatenate(([0], np.cumsum(household_size)))
    stratum, area_start = _areas(draw, len(household_size))
    size_measure = np.diff(area_start) * np.exp(draw.normal(0, 0.15, len(stratum)))
    area = np.repeat(np.arange(len(stratum)), np.diff(area_start))
    is_migrant = draw.random(len(area)) < _migrant_share(draw, stratum)[area]

    household = np.repeat(np.arange(len(household_size)), household_size)
    line = np.arange(persons) - household_start[household]
    sex, age = _sex_and_age(draw, household_start, household, line, is_migrant)
    birth = _births(draw, age, line, is_migrant[household])
    of_person = area[household]
    is_rural = (stratum % 2 == 1)[of_person]
    status = _statuses(draw, sex, age, birth, of_person, household)
    sector, employment = _jobs(draw, status, sex, birth, is_rural)
    codes = {
        "sex": sex,
        "age_band": np.where(age < WORKING_AGE, 6, _band(age)),
        "place_of_birth": np.where(draw.random(persons) < 0.006, UNKNOWN, birth),
        "labour_force_status": status,
        "status_in_employment": employment,
        "economic_activity": sector,
    }
    return Population(
        stratum,
        size_measure,
        area_start,
        household_start,
        {name: values.astype(np.int8) for name, values in codes.items()},
        age.astype(np.int8),
        _earnings(draw, employment, sector, sex, age, birth, of_person),
    )


def _household_sizes(draw: np.random.Generator, persons: int) -> Integers:
    sizes = 1 + draw.choice(len(_HOUSEHOLD_SIZES), size=persons, p=_HOUSEHOLD_SIZES)
    last = int(np.searchsorted(np.cumsum(sizes), persons))
    sizes = sizes[: last + 1]
    sizes[-1] -= sizes.sum() - persons
    return sizes.astype(np.int64)


def _areas(draw: np.random.Generator, households: int) -> tuple[Integers, Integers]:
    """Return the stratum of every area and the first household of each; strata are of unequal size."""
    weight = np.repeat(np.linspace(1, 4, REGIONS), 2) * np.tile([1.3, 0.7], REGIONS)
    ends = np.rint(households * np.cumsum(weight) / weight.sum()).astype(np.int64)
    stratum, starts, first = [], [], 0
    for number, end in enumerate(ends):
        while first < end:
            stratum.append(number)
            starts.append(first)
            first += int(np.clip(np.exp(draw.normal(np.log(66), 0.4)), *_AREA_HOUSEHOLDS))
            if end - first < _AREA_HOUSEHOLDS[0]:
                first = int(end)
    return np.array(stratum), np.array([*starts, households])


def _migrant_share(draw: np.random.Generator, stratum: Integers) -> Floats:
    """Return the share of households of migrants in every area: beta, J-shaped, higher in towns."""
    region, is_town = stratum // 2, stratum % 2 == 0
    mean = np.where(is_town, 0.10 + 0.03 * (region % 4), 0.04 + 0.01 * (region % 3))
    both = 1 / _MIGRANT_CLUSTERING - 1
    return draw.beta(mean * both, (1 - mean) * both)


def _sex_and_age(
    draw: np.random.Generator, start: Integers, household: Integers, line: Integers, is_migrant: Booleans
) -> tuple[Integers, Integers]:
    """Return sex and age: a head, often a spouse, children and others."""
    migrant = is_migrant[household]
    persons, own = len(household), draw.normal(size=len(household))
    head_age = np.clip(np.where(migrant, 39 + 11 * own, 49 + 15 * own), 18, 95)[start[:-1]][household]
    head_sex = (draw.random(len(start) - 1) < 0.66).astype(np.int64)[household]
    is_spouse = (line == 1) & (draw.random(persons) < 0.75)
    is_child = (line > 0) & ~is_spouse & (draw.random(persons) < 0.8)
    kinds = [line == 0, is_spouse, is_child]
    ages = [head_age, head_age + 4 * draw.normal(size=persons), (head_age - 19) * draw.random(persons)]
    age = np.select(kinds, ages, 80 * draw.random(persons))
    sex = np.select([line == 0, is_spouse], [head_sex, 1 - head_sex], draw.integers(0, 2, persons))
    lowest = np.where(is_spouse, 18, 0)
    return sex, np.clip(age, lowest, 97).astype(np.int64)


def _births(draw: np.random.Generator, age: Integers, line: Integers, migrant: Booleans) -> Integers:
    in_migrant_household = np.select([line == 0, age >= 25], [0.97, 0.85], 0.40)
    chance = np.where(migrant, in_migrant_household, np.where(age >= WORKING_AGE, 0.02, 0.005))
    return np.where(draw.random(len(age)) < chance, FOREIGN, NATIVE)


def _band(age: Integers) -> Integers:
    """Return the ten-year band from 15, 0 to 5."""
    return np.clip((age - 15) // 10, 0, 5)


def _statuses(
    draw: np.random.Generator, sex: Integers, age: Integers, birth: Integers, area: Integers, household: Integers
) -> Integers:
    """Return the labour force status: alike in an area and in a household."""
    areas, households = area[-1] + 1, household[-1] + 1
    band, foreign = _band(age), birth == FOREIGN
    common = draw.normal(0, 0.45, areas)[area] + draw.normal(0, 0.40, households)[household]
    active = _ACTIVE[band] - 0.9 * ((sex == FEMALE) & (age < 65)) + np.where(foreign, 0.25, 0.0) + common
    common = draw.normal(0, 0.60, areas)[area] + draw.normal(0, 0.40, households)[household]
    jobless = _UNEMPLOYED[band] + 0.15 * (sex == FEMALE) + np.where(foreign, 0.45, 0.0) + common
    is_active = draw.random(len(age)) < _share(active)
    status = np.where(is_active, np.where(draw.random(len(age)) < _share(jobless), UNEMPLOYED, EMPLOYED), OUTSIDE)
    return np.where(age < WORKING_AGE, NOT_ASKED, status)


def _share(logit: Floats) -> Floats:
    return 1 / (1 + np.exp(-logit))


def _jobs(
    draw: np.random.Generator, status: Integers, sex: Integers, birth: Integers, is_rural: Booleans
) -> tuple[Integers, Integers]:
    """Return sector and status in employment, 0 of who is not employed."""
    weight = np.repeat(_SECTORS, 2, axis=0)
    weight[0::2, 0] *= 0.2
    weight[1::2, 0] *= 2.5
    group = 4 * (birth == FOREIGN) + 2 * (sex == FEMALE) + is_rural
    sector = 1 + _chosen(draw, weight, group)
    employment = 1 + _chosen(draw, _STATUSES, (sector > 1).astype(np.int64))
    works = status == EMPLOYED
    return np.where(works, sector, 0), np.where(works, employment, 0)


def _chosen(draw: np.random.Generator, weights: Floats, group: Integers) -> Integers:
    """Return one column per person, in proportion to the weights of the person's row."""
    cumulated = np.cumsum(weights, axis=1)
    cumulated /= cumulated[:, -1:]
    drawn = draw.random(len(group))
    found = np.zeros(len(group), dtype=np.int64)
    for column in range(weights.shape[1] - 1):
        found += drawn >= cumulated[group, column]
    return found


def _earnings(
    draw: np.random.Generator,
    employment: Integers,
    sector: Integers,
    sex: Integers,
    age: Integers,
    birth: Integers,
    area: Integers,
) -> Floats:
    """Return monthly earnings of employees, about lognormal, alike in an area."""
    level = 7.2 + _PAY_OF_SECTOR[np.maximum(sector - 1, 0)] - 0.15 * (sex == FEMALE) - 0.15 * (birth == FOREIGN)
    level = level + 0.012 * np.minimum(age - 18, 30) + draw.normal(0, 0.15, area[-1] + 1)[area]
    pay = np.rint(np.exp(level + draw.normal(0, 0.45, len(age))))
    return np.where(employment == EMPLOYEE, pay, np.nan)
