"""The samples of the simulation: two stages, with probabilities that are known and unequal.

First stage: areas of a stratum, systematically from a random order with probability proportional to the households that
the last census counted. Second stage: as many households of every area, drawn at random. Weights are inverse inclusion
probabilities; they are unequal within strata, for areas have grown or shrunk, and between them, for small strata are
sampled more densely.
"""

from dataclasses import dataclass

import numpy as np

from tests.simulation.population import STRATA, Floats, Integers, Population
from transforms.variance import SampleDesign

AREAS = 240
LEAST_AREAS = 4
HOUSEHOLDS = 10


@dataclass(frozen=True)
class Sample:
    """One sample; persons are in the order of strata, areas and households.

    Attributes:
        rows: positions in the population.
        unit: sampling unit (area) of every person, from 0.
        area: of every unit, its position in the population.
        weight: inverse inclusion probability of every person.
        design: stratum of every unit.
    """

    rows: Integers
    unit: Integers
    area: Integers
    weight: Floats
    design: SampleDesign


def allocation(population: Population, areas: int = AREAS) -> Integers:
    """Return the areas sampled of each stratum: in proportion to the root of its size."""
    root = np.sqrt(np.bincount(population.stratum, population.size_measure, minlength=STRATA))
    return np.maximum(np.rint(areas * root / root.sum()), LEAST_AREAS).astype(np.int64)


def draw_sample(population: Population, wanted: Integers, draw: np.random.Generator) -> Sample:
    """Return one two-stage sample.

    Args:
        population: the country.
        wanted: areas of each stratum.
        draw: source of chance.
    """
    area, chance = _areas(population, wanted, draw)
    size = np.diff(population.area_start)[area]
    taken = np.minimum(size, HOUSEHOLDS)
    household = np.concatenate(
        [
            population.area_start[one] + np.sort(draw.choice(number, few, replace=False, shuffle=False))
            for one, number, few in zip(area, size, taken, strict=True)
        ]
    )
    unit_of_household = np.repeat(np.arange(len(area)), taken)
    persons = np.diff(population.household_start)[household]
    first = np.cumsum(persons) - persons
    rows = np.repeat(population.household_start[household] - first, persons) + np.arange(persons.sum())
    unit = np.repeat(unit_of_household, persons)
    design = SampleDesign(population.stratum[area])
    return Sample(rows, unit, area, (size / taken / chance)[unit], design)


def _areas(population: Population, wanted: Integers, draw: np.random.Generator) -> tuple[Integers, Floats]:
    """Return the areas drawn, in order, and their inclusion probabilities."""
    edges = np.searchsorted(population.stratum, np.arange(STRATA + 1))
    found, chances = [], []
    for number, (first, last) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        order = draw.permutation(np.arange(first, last))
        measure = population.size_measure[order]
        step = measure.sum() / wanted[number]
        if measure.max() > step:
            raise ValueError(f"stratum {number} has an area that would be drawn for certain")
        points = step * (draw.random() + np.arange(wanted[number]))
        chosen = np.minimum(np.searchsorted(np.cumsum(measure), points, side="right"), len(order) - 1)
        found.append(order[chosen])
        chances.append(measure[chosen] / step)
    area, chance = np.concatenate(found), np.concatenate(chances)
    order = np.argsort(area)
    return area[order], chance[order]
