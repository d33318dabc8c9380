"""What a simulation shows, against the targets, and the page that says so (docs/coverage.md)."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from schemas.indicators import load_indicators
from tests.simulation.figures import INDICATORS
from tests.simulation.population import EMPLOYED, FOREIGN, STRATA, UNEMPLOYED, WORKING_AGE, Integers, Population
from tests.simulation.run import ENOUGH_PSUS, Results, by_cell
from tests.simulation.sampling import HOUSEHOLDS, allocation, draw_sample

#: Per cent of samples in which the interval holds the truth: mean over cells, and band in which cells have to lie.
MEAN_COVERAGE = (94.0, 96.0)
CELL_COVERAGE = (93.0, 97.0)
#: Columns of a line of prose.
WIDTH = 130

#: Per cent of cells that have to lie within the band.
LEAST_WITHIN = 95.0

#: Degrees of freedom, mean over the samples, rounded: first and last of a band.
DF_BANDS = ((0, 0), (1, 2), (3, 5), (6, 9), (10, 19), (20, 29))

#: Kind of statistic -> why its cells fall short, where that is known. Read only where they do.
REASONS: Mapping[str, str] = {
    "difference": """The interval is symmetric around the difference, D -+ t se. Where one of the two rates is
        near 0 or 1 and rests on few persons it is skewed, and its standard error goes down with it: a sample
        without an unemployed migrant has the smallest standard error of all. This is the fault of the Wald
        interval (Newcombe 1998; Brown, Cai and DasGupta 2001). Limits made of the two rates' own logit limits (Zou and
        Donner 2008) would not have it, but give none where a rate is 0 or 1, and are not those of svycontrast.""",
    "gap": """The interval is symmetric, although pay is skewed: the fault is that of means of the pay of
        migrants, from which nearly all of a gap's variance comes.""",
    "mean": """Pay is skewed, so that the estimate and its standard error go up and down together: where the mean
        is too low by chance its interval is too short. The fewer employees there are in a cell, the more this
        counts.""",
}


@dataclass(frozen=True)
class Verdict:
    """Coverage over the cells that the targets are for, in per cent.

    Attributes:
        cells: number of them.
        mean: mean coverage.
        within: share of cells whose coverage lies in the band.
    """

    cells: int
    mean: float
    within: float

    @property
    def is_met(self) -> bool:
        """Whether both targets are met."""
        return MEAN_COVERAGE[0] <= self.mean <= MEAN_COVERAGE[1] and self.within >= LEAST_WITHIN


def verdict(cells: pd.DataFrame) -> Verdict:
    """Return the verdict over some cells of ``by_cell``."""
    coverage = 100 * cells["coverage"]
    return Verdict(len(cells), coverage.mean(), 100 * coverage.between(*CELL_COVERAGE).mean())


def enough(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that the targets are for."""
    return cells[cells["psus"] >= ENOUGH_PSUS]


def page(population: Population, results: Results, seed: int, command: str) -> str:
    """Return the page.

    Args:
        population: the country.
        results: the figures of all samples.
        seed: of country and samples.
        command: that makes the page.
    """
    cells, samples = by_cell(results), len(results.kept["value"])
    parts = [
        _head(samples, command),
        _targets(verdict(enough(cells)), samples),
        _by_kind(enough(cells)),
        _shortfalls(enough(cells)),
        _by_df(cells[cells["psus"] < ENOUGH_PSUS]),
        design_text(population, seed),
        estimates_text(cells),
        _outside(enough(cells)),
    ]
    return "\n".join(parts)


def _prose(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def _head(samples: int, command: str) -> str:
    text = f"""Does a 95 % interval hold the truth in 95 of 100 samples? {samples:,} two-stage samples are drawn
        from an invented country that is known in full, and every figure is estimated from each by the code that
        estimates releases (`tests/simulation`). This page is written by that run (`make simulate`):"""
    return f"# Coverage by simulation\n\n{_prose(text)}\n\n```\n{command}\n```\n"


def _targets(found: Verdict, samples: int) -> str:
    band = f"{CELL_COVERAGE[0]:g} to {CELL_COVERAGE[1]:g}"
    lines = [
        "## Result",
        f"Over cells with {ENOUGH_PSUS} PSUs or more:",
        "",
        _row("", "target", "found"),
        "|---|---|---|",
        _row("cells", "", f"{found.cells:,}"),
        _row("mean coverage, %", f"{MEAN_COVERAGE[0]:g} to {MEAN_COVERAGE[1]:g}", f"{found.mean:.2f}"),
        _row(f"cells with a coverage of {band} %, %", f"at least {LEAST_WITHIN:g}", f"{found.within:.1f}"),
        "",
        _prose(
            f"""{"Both targets are met." if found.is_met else "The targets are not met."} The coverage of a cell is
            itself counted from {samples:,} samples, and has a standard error of
            {100 * np.sqrt(0.95 * 0.05 / samples):.2f} points where it is 95 %. PSUs and degrees of freedom of a
            difference or gap are those of its smaller side, as `n_psu` and `df` of the estimates are."""
        ),
        "",
    ]
    return "\n".join(lines)


def _row(*entries: object) -> str:
    return "| " + " | ".join(str(entry) for entry in entries) + " |"


def _by_kind(cells: pd.DataFrame) -> str:
    lines = [
        f"## Cells with {ENOUGH_PSUS} PSUs or more",
        _prose(
            """PSUs of a cell are those with a member of its domain (of a rate: of the denominator), on average
            over the samples; of a difference or gap those of its smaller side. *Too high*: per cent of samples
            whose interval lies wholly above the truth; *too low*: wholly below. *Bias*: the mean error of a
            cell's estimates over its standard error, root mean square of the cells: 1 where there is none.
            *Variance*: the mean estimated variance over the variance of the estimates, median of the cells."""
        ),
        "",
        "| kind | cells | mean coverage | within 93-97 % | lowest | highest | too high | too low | bias | variance |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups = [(kind, cells[cells["kind"] == kind]) for kind in INDICATORS]
    for kind, own in [*groups, ("all", cells)]:
        if len(own):
            found = verdict(own)
            lines.append(
                _row(
                    kind, found.cells, f"{found.mean:.1f}", f"{found.within:.1f}", f"{100 * own['coverage'].min():.1f}",
                    f"{100 * own['coverage'].max():.1f}", f"{100 * own['above'].mean():.1f}",
                    f"{100 * own['below'].mean():.1f}", f"{np.sqrt((own['bias_z'] ** 2).mean()):.2f}",
                    f"{own['ratio'].median():.2f}",
                )
            )  # fmt: skip
    return "\n".join([*lines, ""])


def _shortfalls(cells: pd.DataFrame) -> str:
    """Return which kinds fall short by themselves, and why."""
    lines = ["## What falls short"]
    for kind in INDICATORS:
        own = cells[cells["kind"] == kind]
        found = verdict(own)
        if len(own) and not found.is_met:
            text = f"**{kind}**: {found.within:.1f} % of {found.cells} cells within the band, mean {found.mean:.1f} %."
            lines += [_prose(f"{text} {REASONS.get(kind, 'No reason is known.')}"), ""]
    if len(lines) == 1:
        lines += ["Every kind of statistic meets the targets by itself.", ""]
    return "\n".join(lines)


def _by_df(cells: pd.DataFrame) -> str:
    lines = [
        f"## Cells with fewer than {ENOUGH_PSUS} PSUs",
        _prose(
            """By degrees of freedom: PSUs less strata with members, on average over the samples. *Persons*: those
            that a figure rests on. *Intervals*: per cent of samples that give one; there is none without degrees
            of freedom, for a count of 0, for a rate of 0 or 100, and where a Woodruff limit lies outside the
            sample. Coverage is that of the intervals that there are: where these are few it is of the samples
            that happen to have one. A figure on fewer than five persons is not published, one on fewer than 15 is
            marked as unreliable."""
        ),
        "",
        "| kind | degrees of freedom | cells | PSUs | persons | intervals | mean coverage | too high | too low |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    df = np.floor(cells["df"] + 0.5)
    for kind in INDICATORS:
        for first, last in DF_BANDS:
            own = cells[(cells["kind"] == kind) & df.between(first, last) & (cells["intervals"] > 0)]
            if len(own):
                shares = [np.average(own[name], weights=own["intervals"]) for name in ("coverage", "above", "below")]
                band = f"{first} to {last}" if last else "below 0.5"
                numbers = [f"{own[name].mean():.0f}" for name in ("psus", "persons")]
                shown = [f"{100 * share:.1f}" for share in shares]
                lines.append(_row(kind, band, len(own), *numbers, f"{100 * own['intervals'].mean():.0f}", *shown))
    return "\n".join([*lines, ""])


def design_text(population: Population, seed: int) -> str:
    """Return the sections on country and samples."""
    households = np.diff(population.area_start)
    wanted = allocation(population)
    sample = draw_sample(population, wanted, np.random.default_rng([seed, 1]))
    adult = population.age >= WORKING_AGE
    area = np.repeat(np.arange(len(households)), np.diff(population.household_start[population.area_start]))
    status, foreign = population.codes["labour_force_status"], population.codes["place_of_birth"] == FOREIGN
    works = (status == EMPLOYED) | (status == UNEMPLOYED)
    paid = ~np.isnan(population.earnings)
    alike = {
        "being born abroad": (foreign[adult], area[adult]),
        "being in the labour force": (works[adult], area[adult]),
        "being unemployed": ((status == UNEMPLOYED)[works], area[works]),
        "pay (log)": (np.log(population.earnings[paid]), area[paid]),
    }
    told = ", ".join(f"{name} {_correlation(population.stratum, *data):.3f}" for name, data in alike.items())
    spread = sample.weight.std() / sample.weight.mean()
    pay = population.earnings[paid]
    skew = ((pay - pay.mean()) ** 3).mean() / pay.std() ** 3
    country = f"""{population.persons:,} persons in {len(population.household_start) - 1:,} households in
        {len(households):,} enumeration areas of {households.min()} to {households.max()} households (median
        {np.median(households):.0f}) in {STRATA} strata (ten regions, town and country).
        {100 * foreign[adult].mean():.1f} % of persons aged 15 and over were born abroad; most of them live with
        others in households of migrants, and such households are many in some areas and rare in most (a beta
        distribution within each stratum). Labour force status depends on age, sex and birth, and is alike within
        areas and households; pay is about lognormal (skewness {skew:.1f}) and alike within areas; of 0.6 % the
        birth is not known. Intra-class correlation among the persons of an area, within strata: {told}. Seed of
        the country: {seed} (`default_rng([{seed}, 0])`)."""
    samples = f"""Two stages, no replacement. {wanted.sum()} areas ({100 * wanted.sum() / len(households):.1f} %),
        {wanted.min()} to {wanted.max()} of each stratum in proportion to the root of its size, systematically
        from a random order with probability proportional to the households that the last census counted, which
        have grown or shrunk since (standard deviation 15 %). Then {HOUSEHOLDS} households of each area at random,
        and everybody in them: about {len(sample.rows):,} persons. Weights are inverse inclusion probabilities,
        with a coefficient of variation of {spread:.2f}; they are not calibrated, and everybody responds.
        Variances are those of sampling with replacement. Sample number k of seed {seed} is `default_rng([{seed},
        k])`, k from 1, whatever the number of samples."""
    return f"## The country\n{_prose(country)}\n\n## The samples\n{_prose(samples)}\n"


def _correlation(stratum_of_area: Integers, values: np.ndarray, area: Integers) -> float:
    """Return the intra-class correlation of the persons of an area within strata (analysis of variance)."""
    areas, values = len(stratum_of_area), values.astype(float)
    n = np.bincount(area, minlength=areas)
    stratum = stratum_of_area[area]
    of_stratum = np.bincount(stratum, values) / np.bincount(stratum)
    mean = np.bincount(area, values, minlength=areas) / np.maximum(n, 1)
    between = (n * (mean - of_stratum[stratum_of_area]) ** 2).sum() / (areas - STRATA)
    within = ((values - mean[area]) ** 2).sum() / (len(values) - areas)
    size = (n.sum() - (n**2).sum() / n.sum()) / (areas - 1)
    return float((between - within) / (between + (size - 1) * within))


def estimates_text(cells: pd.DataFrame) -> str:
    """Return the section on what is estimated, from the cells."""
    lines = [
        "## What is estimated",
        _prose(
            """Cells are those of the catalogue: sex, age in all versions, place of birth, unknown birth included.
            A cell that stands in several versions counts once. Limits: of counts on the log scale, of rates and
            shares on the logit scale, of medians by Woodruff's method, of means, differences and gaps symmetric.
            A round of one sample, received and run, gives the same figures (`test_pipeline.py`)."""
        ),
        "",
        "| kind | indicator | title | cells |",
        "|---|---|---|---|",
    ]
    catalogue = load_indicators()
    for kind, names in INDICATORS.items():
        for name in names:
            number = int((cells["indicator"] == name).sum())
            lines.append(_row(kind, f"`{name}`", catalogue[name].title["en"], number))
    return "\n".join([*lines, ""])


def _outside(cells: pd.DataFrame) -> str:
    """Return every cell outside the band, the lowest first."""
    low, high = CELL_COVERAGE
    own = cells[~(100 * cells["coverage"]).between(low, high)].sort_values(["coverage", "indicator", "sex"])
    lines = [
        f"## Cells outside {low:g} to {high:g} %",
        "",
        "| indicator | cell | PSUs | degrees of freedom | coverage | too high | too low |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in own.itertuples():
        items = [item for item in (row.sex, row.classif1, row.classif2) if isinstance(item, str)]
        numbers = [f"{100 * share:.1f}" for share in (row.coverage, row.above, row.below)]
        lines.append(_row(f"`{row.indicator}`", " ".join(items), f"{row.psus:.0f}", f"{row.df:.0f}", *numbers))
    return "\n".join([*lines, ""])
