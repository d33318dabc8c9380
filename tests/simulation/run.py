"""A thousand samples: how often the interval of every cell holds the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from schemas.indicators import Indicator, load_indicators
from tests.simulation import figures
from tests.simulation.figures import INDICATORS
from tests.simulation.population import CODES, Floats, Population
from tests.simulation.sampling import allocation, draw_sample
from transforms.membership import item_rows

#: Fewest sampling units (mean over the samples) of the cells that the target is for.
ENOUGH_PSUS = 30

#: What is kept of every sample and cell.
KEPT = ("value", "variance", "lower", "upper", "n", "n_psu", "df")


@dataclass(frozen=True)
class Results:
    """Figures of every sample in every cell whose truth is not trivial.

    Attributes:
        cells: one row per cell: kind, indicator, sex, classif1, classif2, truth.
        kept: ``KEPT`` -> samples x cells.
    """

    cells: pd.DataFrame
    kept: dict[str, Floats]


def truth(population: Population) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return the cells with their true figures, and indicator -> which of its cells these are.

    A cell stands once, whatever the number of versions that hold it: everybody from 15 is a total, an aggregate and
    more. Cells without a member, and rates of 0 and 1, have no interval and are left out.
    """
    found = figures.estimates(figures.of_population(population))
    frames, kept = [], {}
    for kind, names in INDICATORS.items():
        for name in names:
            columns, indicator = found[name], load_indicators()[name]
            value = columns["value"]
            keep = np.isfinite(value) & (columns["n"] > 0) & figures.published(indicator, columns["names"])
            if kind in ("rate", "share"):
                keep &= (value > 0) & (value < 1)
            first: dict[object, int] = {}
            for place in np.flatnonzero(keep):
                first.setdefault(_persons(indicator, columns["names"][place]), place)
            place = np.array(list(first.values()))
            sex, one, two = columns["names"][place].T
            cells = {"kind": kind, "indicator": name, "sex": sex, "classif1": one, "classif2": two}
            frames.append(pd.DataFrame({**cells, "truth": value[place]}))
            kept[name] = place
    return pd.concat(frames, ignore_index=True), kept


def _persons(indicator: Indicator, name: Sequence[str | None]) -> tuple[object, ...]:
    """Return sex and the base codes, among those of working age, of a cell's items."""
    concepts = (indicator.classif1_concept, indicator.classif2_concept)
    versions = (indicator.classif1_versions, indicator.classif2_versions)
    parts = [
        frozenset(code for code, held in item_rows(concept, version, CODES[concept]) if held == item)
        for concept, version, item in zip(concepts, versions, name[1:], strict=True)
        if concept
    ]
    return name[0], *(part - {"", "AGE_10YRBANDS_YLT15"} for part in parts)


def simulate(
    population: Population, samples: int, seed: int, progress: Callable[[int], None] = lambda done: None
) -> Results:
    """Draw samples and estimate; sample number k is the same whatever the number of samples.

    Args:
        population: the country.
        samples: how many.
        seed: of the samples.
        progress: told the number of samples that are done.
    """
    cells, places = truth(population)
    kept = {name: np.full((samples, len(cells)), np.nan) for name in KEPT}
    wanted = allocation(population)
    for number in range(samples):
        sample = draw_sample(population, wanted, np.random.default_rng([seed, number + 1]))
        found = figures.estimates(figures.of_sample(population, sample))
        for name, values in kept.items():
            values[number] = np.concatenate([found[one][name][place] for one, place in places.items()])
        progress(number + 1)
    return Results(cells, kept)


def by_cell(results: Results) -> pd.DataFrame:
    """Return the cells with psus, df, persons, intervals, coverage, below, above, bias_z, ratio.

    psus, df, persons: means over the samples; those of a comparison are of its smaller side. intervals: share of
    samples that give one. coverage: share of the intervals that hold the truth; below and above: share that lie wholly
    below, or above it. bias_z: mean error of the estimates over its standard error, standard normal where there is no
    bias. ratio: mean estimated variance over the variance of the estimates.
    """
    kept, true = results.kept, results.cells["truth"].to_numpy()
    has_interval = np.isfinite(kept["lower"]) & np.isfinite(kept["upper"])
    has_value = np.isfinite(kept["value"]) & np.isfinite(kept["variance"])
    count = np.maximum(has_interval.sum(axis=0), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        number = has_value.sum(axis=0)
        error = np.where(has_value, kept["value"] - true, 0.0)
        bias = error.sum(axis=0) / number
        spread = np.sqrt((np.where(has_value, error - bias, 0.0) ** 2).sum(axis=0) / (number - 1))
        variance = np.where(has_value, kept["variance"], 0.0).sum(axis=0) / number
        return results.cells.assign(
            psus=kept["n_psu"].mean(axis=0),
            df=kept["df"].mean(axis=0),
            persons=kept["n"].mean(axis=0),
            intervals=has_interval.mean(axis=0),
            coverage=(has_interval & (kept["lower"] <= true) & (true <= kept["upper"])).sum(axis=0) / count,
            below=(has_interval & (kept["upper"] < true)).sum(axis=0) / count,
            above=(has_interval & (kept["lower"] > true)).sum(axis=0) / count,
            bias_z=bias / spread * np.sqrt(number),
            ratio=variance / spread**2,
        )
