"""Figures of one sample by the project's own code: indicators of the catalogue in the cells that they are published in.

Sums by base code and sampling unit are formed here from arrays, which takes a tenth of a second where a round takes
many; everything after them is ``transforms``. ``test_pipeline`` shows that a round of the same persons gives the same
figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.indicators import Indicator, load_indicators
from tests.simulation.population import CODES, Booleans, Floats, Integers, Population
from tests.simulation.sampling import Sample
from transforms import estimators, measures
from transforms.margins import Cells
from transforms.measures import Shares, Side
from transforms.membership import dimension, published_items, wanted_versions
from transforms.quantiles import quantile_estimate, weighted_quantile
from transforms.stocks import Variable, cube_of, variables_of
from transforms.variance import SampleDesign, limits, variance_parts

#: What is estimated, by kind of statistic.
INDICATORS: Mapping[str, tuple[str, ...]] = {
    "count": (
        "MST_XWAP_SEX_AGE_CBR_NB", "MST_TEAP_SEX_AGE_CBR_NB", "MST_TEMP_SEX_AGE_CBR_NB", "MST_TUNE_SEX_AGE_CBR_NB",
        "MST_TEIP_SEX_AGE_CBR_NB",
    ),
    "rate": ("MST_TEAP_SEX_AGE_CBR_RT", "MST_TEMP_SEX_AGE_CBR_RT", "MST_TUNE_SEX_AGE_CBR_RT"),
    "share": ("XSH_FORE_SEX_STE_RT", "XSH_FORE_SEX_ECO_RT"),
    "mean": ("XPY_EARA_SEX_AGE_CBR_NB",),
    "median": ("XPY_EARB_SEX_AGE_CBR_NB",),
    "difference": ("XDB_TEAP_SEX_AGE_RT", "XDB_TEMP_SEX_AGE_RT", "XDB_TUNE_SEX_AGE_RT"),
    "gap": ("XGB_EARA_SEX_RT", "XGB_EARB_SEX_RT"),
}  # fmt: skip

#: Columns that the invented survey has.
COLUMNS = frozenset({*CODES, "age", "household_id", "stratum", "psu", "weight", "monthly_earnings", "residence_status"})
COLLECTED = {"persons": {"economic_activity": "ECO_ISIC4", "status_in_employment": "STE_ICSE93"}}

#: Figures of a cell. PSUs and degrees of freedom are those of its domain, as the pipeline has them; ``least``: of the
#: smaller of two domains that are compared, and otherwise the same.
FIGURES = ("value", "variance", "df", "n_psu", "lower", "upper", "n", "n_numerator")


@dataclass(frozen=True)
class Counted:
    """Persons with a weight, of a sample or of the whole population, and what figures need of them.

    Attributes:
        codes: column -> position of every person's base code in ``CODES``.
        members: universe -> who is in it.
        earnings: monthly earnings; NaN of who has none.
        weight: of every person.
        unit: sampling unit of every person.
        units: number of sampling units.
        design: None of a population, which has no variance.
    """

    codes: Mapping[str, Integers]
    members: Mapping[str, Booleans]
    earnings: Floats
    weight: Floats
    unit: Integers
    units: int
    design: SampleDesign | None


def of_sample(population: Population, sample: Sample) -> Counted:
    """Return the persons of a sample."""
    rows = sample.rows
    codes = {name: values[rows].astype(np.int64) for name, values in population.codes.items()}
    return Counted(
        codes, population.universes(rows), population.earnings[rows], sample.weight, sample.unit, sample.design.units,
        sample.design,
    )  # fmt: skip


def of_population(population: Population) -> Counted:
    """Return everybody, each with a weight of 1: the figures are then the truth."""
    codes = {name: values.astype(np.int64) for name, values in population.codes.items()}
    everybody = np.zeros(population.persons, dtype=np.int64)
    return Counted(
        codes, population.universes(), population.earnings, np.ones(population.persons), everybody, 1, None
    )  # fmt: skip


def indicators() -> list[Indicator]:
    """Return what is estimated, in order."""
    catalogue = load_indicators()
    return [catalogue[name] for names in INDICATORS.values() for name in names]


class SampleSums:
    """Sums of one cube; its methods are those of ``transforms.measures.Sums``."""

    def __init__(self, counted: Counted, concepts: Sequence[str], versions: Mapping[tuple[str, str], Sequence[str]]):
        named = ("sex", *concepts, "", "")[:3]
        parts = [
            dimension(name, versions.get(("persons", name), ()), CODES[name]) if name else dimension("", (), ())
            for name in named
        ]
        self._counted, self._cells = counted, Cells(*parts)
        self._sums: dict[tuple[Variable, str], tuple[Floats, Floats]] = {}
        self.base = np.zeros(len(counted.unit), dtype=np.int64)
        for name, size in zip(named, self._cells.base_shape, strict=True):
            self.base *= size
            if name:
                self.base += counted.codes[name]

    def names(self) -> list[measures.Name]:
        """Return sex, classif1 and classif2 of every cell."""
        return self._cells.names()

    def inside(self, variable: Variable) -> Integers:
        """Return the persons who count in a variable."""
        held = self._counted.members[variable.universe]
        if variable.quantity:
            held = held & ~np.isnan(self._counted.earnings)
        return np.flatnonzero(held)

    def cells(self, relation: str) -> Cells:
        """Return the cells of the cube."""
        return self._cells

    def statistic(self, relation: str, variable: Variable, kind: str, group: str) -> estimators.Statistic:
        """Return the totals of a variable in all cells, with their sums by unit."""
        parts = self._by_unit(variable, kind)
        return estimators.total(parts.sum(axis=1), parts)

    def members(self, relation: str, variable: Variable, group: str) -> Booleans:
        """Return whether a unit holds members, in all cells."""
        return self._by_unit(variable, "w") != 0

    def persons(self, relation: str, variable: Variable, group: str) -> Integers:
        """Return the persons behind a variable, 1 x cells."""
        return np.rint(self._by_unit(variable, "n").sum(axis=1)).astype(np.int64)[None, :]

    def households(self, relation: str, variable: Variable, group: str) -> Floats:
        """Return that households are not counted here."""
        return np.full(int(np.prod(self._cells.shape)), np.nan)

    def shares(self, relation: str, variable: Variable, group: str) -> Shares:
        """Return that contributions are not counted here."""
        unknown = np.full(int(np.prod(self._cells.shape)), np.nan)
        return Shares(unknown, unknown)

    def _by_unit(self, variable: Variable, kind: str) -> Floats:
        if (variable, kind) not in self._sums:
            counted, rows = self._counted, self.inside(variable)
            weight = np.ones(len(rows)) if kind == "n" else counted.weight[rows]
            if kind == "s":
                weight = weight * counted.earnings[rows]
            size = int(np.prod(self._cells.base_shape))
            key = self.base[rows] * counted.units + counted.unit[rows]
            sums = np.bincount(key, weight, minlength=size * counted.units).reshape(size, counted.units)
            self._sums[variable, kind] = self._cells.sums(sums)
        return self._sums[variable, kind]


def estimates(counted: Counted) -> dict[str, dict[str, np.ndarray]]:
    """Return indicator -> ``FIGURES`` and ``names`` (sex, classif1, classif2), one entry per cell.

    Figures are not scaled to their units: a rate of a half is 0.5.
    """
    chosen = indicators()
    versions = wanted_versions(chosen, COLLECTED)
    cubes: dict[tuple[str, str], SampleSums] = {}
    medians: dict[tuple[str, str], tuple[Side, Floats]] = {}
    found = {}
    for indicator in chosen:
        _, one, two = cube_of(indicator)
        sums = cubes.setdefault((one, two), SampleSums(counted, (one, two), versions))
        if "median" in (indicator.measure, indicator.statistic):
            if (one, two) not in medians:
                medians[one, two] = _medians(counted, sums, indicator)
            side, bounds = medians[one, two]
            figures = measures.compared_figures(indicator, sums.cells("persons"), side)
        else:
            figures, bounds = measures.figures(indicator, COLUMNS, sums), None
        assert figures is not None
        columns = _with_limits(indicator, figures.names, figures.side, bounds, counted.design)
        found[indicator.id] = columns
    return found


def _with_limits(
    indicator: Indicator,
    names: Sequence[measures.Name],
    side: Side,
    bounds: Floats | None,
    design: SampleDesign | None,
) -> dict[str, np.ndarray]:
    """Return the figures of an indicator with variance, degrees of freedom and limits; bounds are those of medians."""
    value, nothing = side.statistic.value, np.full(len(names), np.nan)
    columns = {"value": value, "n": side.n, "n_numerator": side.n_numerator}
    columns |= {name: nothing for name in FIGURES if name not in columns}
    if design is not None:
        parts = variance_parts(np.nan_to_num(side.statistic.parts), side.members, design, side.other_members)
        squared, df = parts.total(design.lonely_psu), parts.degrees_of_freedom.astype(float)
        if indicator.measure == "median":
            assert bounds is not None
            squared, (lower, upper) = bounds[0] ** 2, bounds[1:]
        else:
            lower, upper = limits(value, np.sqrt(squared), df, measures.SCALES.get(indicator.measure, "identity"))
        psus = parts.n_psu.astype(float)
        columns |= {"variance": squared, "df": df, "n_psu": psus, "lower": lower, "upper": upper}
    columns["names"] = np.array(names, dtype=object).reshape(len(names), 3)
    return columns


def published(indicator: Indicator, names: np.ndarray) -> Booleans:
    """Return which cells stand in the indicator's own versions of its dimensions."""
    keep = np.ones(len(names), dtype=bool)
    for place, versions in ((1, indicator.classif1_versions), (2, indicator.classif2_versions)):
        if versions:
            keep &= np.isin(names[:, place].astype(str), sorted(published_items(versions)))
    return keep


def _medians(counted: Counted, sums: SampleSums, indicator: Indicator) -> tuple[Side, Floats]:
    """Return the medians of all cells of a cube, and their standard error and limits."""
    (_, variable), *_ = variables_of(indicator, COLUMNS)
    cells, rows = sums.cells("persons"), sums.inside(variable)
    rows = rows[np.argsort(counted.earnings[rows], kind="stable")]
    held = cells.presence(np.eye(int(np.prod(cells.base_shape)), dtype=bool))
    size = len(held)
    value, bounds, parts = np.full(size, np.nan), np.full((3, size), np.nan), np.zeros((size, counted.units))
    members = sums.members("persons", variable, "now")
    n = sums.persons("persons", variable, "now")[0]
    for place in np.flatnonzero(n):
        here = rows[held[place, sums.base[rows]]]
        amount, weight = counted.earnings[here], counted.weight[here]
        if counted.design is None:
            value[place] = weighted_quantile(amount, weight, 0.5)
            continue
        score = _Score(counted, here, members[place])
        quantile = quantile_estimate(amount, weight, 0.5, score.se_of_share, score.df)
        value[place], bounds[:, place] = quantile.value, (quantile.se, quantile.lower, quantile.upper)
        parts[place] = -quantile.slope * score.residual
    statistic = estimators.Statistic(value, parts)
    whole = sums.statistic("persons", variable, "w", "now")
    unknown = np.full(size, np.nan)
    return Side(statistic, whole, members, n, n, n, unknown, n, unknown), bounds


class _Score:
    """The score of the share of one cell's persons who earn at most a given amount."""

    def __init__(self, counted: Counted, rows: Integers, members: Booleans):
        assert counted.design is not None
        self._amount, self._weight, self._unit = counted.earnings[rows], counted.weight[rows], counted.unit[rows]
        self._design, self._members = counted.design, members[None, :]
        self.residual = np.zeros(counted.units)
        none = variance_parts(np.zeros((1, counted.units)), self._members, counted.design)
        self.df = float(none.degrees_of_freedom[0])

    def se_of_share(self, value: float, share: float) -> float:
        """Return its standard error."""
        below = self._weight * ((self._amount <= value) - share) / self._weight.sum()
        self.residual = np.bincount(self._unit, below, minlength=self._design.units)
        parts = variance_parts(self.residual[None, :], self._members, self._design)
        return float(np.sqrt(parts.total(self._design.lonely_psu)[0]))
