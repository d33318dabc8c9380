"""The sections of survey.toml that say how figures are estimated: design, replicates, pooling, breaks, calibration.

Here belong types and what a single value must look like, and the rows of the tables of population totals. What must
agree between files is checked in schemas.survey_estimation_checks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, StringConstraints

from schemas.concepts import UNKNOWN
from schemas.periods import Period
from schemas.survey_base import GivenPeriod, Section, Text, Texts, holds

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
ReplicateMethod = Literal["BRR", "Fay", "JK1", "JK2", "JKn", "bootstrap", "SDR", "other"]


def _as_list(value: Any) -> Any:
    """A single text as a list of one."""
    return (value,) if isinstance(value, str) else value


#: Between the codes of a cell of several concepts.
CELL_SEPARATOR = "|"
#: Codes of persons whose category was not stated, in concepts that everybody has.
UNSTATED = frozenset({UNKNOWN, "CBR_BIR_X", "CCT_CIT_X"})


class ReplicatesSection(Section):
    """[design.replicates]: weights of replicates that the file holds, and what their method is.

    ``variables`` is a pattern like ``REPW{1..80}``, or a list of names and patterns. The weights are whole weights of
    the persons, not factors to multiply the weight with.
    """

    method: ReplicateMethod
    variables: Annotated[Texts, BeforeValidator(_as_list), Field(min_length=1)]
    fay_rho: Annotated[float, Field(ge=0, lt=1)] | None = None
    scale: Positive | None = None
    rscales: Annotated[tuple[NotNegative, ...], Strict(strict=False), Field(min_length=1)] | None = None
    mse: bool = True
    df: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None


class DesignSection(Section):
    """[design]: how standard errors are made and what is confidential.

    ``deff`` is the design effect that the office states; with variance ``deff`` every standard error is that of a
    simple random sample times its root, and an approximation.
    """

    variance: Literal["taylor", "replicates", "deff", "none"]
    lonely_psu: Literal["fail", "remove", "certainty", "adjust", "average"] = "fail"
    psu_missing: Literal["error", "declared"] = "error"
    confidential_below_5: bool = True
    deff: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    replicates: ReplicatesSection | None = None


class PoolingSection(Section):
    """[pooling]: indicators of which the annual figure is the mean over several years, because one has too few."""

    years: Annotated[int, Field(ge=2, le=10)]
    indicators: Annotated[tuple[Text, ...], Strict(strict=False), Field(min_length=1)]


class BreakSection(Section):
    """[[break]]: from this period on the series is another one; ``note`` is the ILOSTAT note that says why."""

    start: GivenPeriod = Field(alias="from")
    note: Text
    reason: Text


class CalibrationMarginSection(Section):
    """[[calibration.margin]]: concepts whose population totals stand in calibration/<table>.csv."""

    name: Name
    concepts: Annotated[tuple[Text, ...], Strict(strict=False), Field(min_length=1)]
    table: Annotated[str, StringConstraints(pattern=r"^calibration/[a-z][a-z0-9_]*\.csv$")] | None = None


class CalibrationSection(Section):
    """[calibration]: raking of the weights to published population totals.

    ``tolerance`` is the largest relative difference from a total at which the raking stops, and by which the grand
    totals of the margins of a period may differ.
    """

    margin: Annotated[tuple[CalibrationMarginSection, ...], Strict(strict=False), Field(min_length=1)]
    tolerance: Annotated[float, Field(gt=0, le=0.01)] = 1e-9
    max_iterations: Annotated[int, Field(ge=1, le=10_000)] = 100


@dataclass(frozen=True)
class Replicates:
    """Replicate weights of a survey, ready to compute with: V = scale * sum of rscales * (theta_r - theta)^2.

    Attributes:
        method: how the replicates were made.
        variables: raw variables, in the order of the replicates.
        scale: common factor.
        rscales: factor of each replicate.
        mse: whether squares are taken around the figure of the full sample, else around the mean of the replicates.
        df: degrees of freedom that the office states; None where they follow from the weights.
    """

    method: ReplicateMethod
    variables: tuple[str, ...]
    scale: float
    rscales: tuple[float, ...]
    mse: bool
    df: float | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of harmonised_persons: replicate_weight_1 to the last one."""
        return tuple(f"replicate_weight_{number}" for number in range(1, len(self.variables) + 1))


@dataclass(frozen=True)
class CalibrationRow:
    """One population total, in persons; ``codes`` are in the order of the margin's concepts."""

    codes: tuple[str, ...]
    period: Period
    total: float
    row: int


@dataclass(frozen=True)
class CalibrationMargin:
    """One set of population totals.

    Attributes:
        name: as the specification has it.
        concepts: columns of harmonised_persons that make the cells.
        rows: the totals, of all periods.
        file: the table, for messages.
    """

    name: str
    concepts: tuple[str, ...]
    rows: tuple[CalibrationRow, ...]
    file: str

    @property
    def column(self) -> str:
        """Column of harmonised_persons that holds the cell of a person."""
        return f"calibration_{self.name}"

    def totals(self, period: Period) -> Mapping[str, float]:
        """Cell (codes joined by ``CELL_SEPARATOR``) -> total, of the rows whose period holds a round's period."""
        return {CELL_SEPARATOR.join(row.codes): row.total for row in self.rows if holds(row.period, row.period, period)}


@dataclass(frozen=True)
class Calibration:
    """What weights are raked to, and when that ends.

    Attributes:
        margins: in the order in which they are raked.
        tolerance: largest relative difference from a total.
        max_iterations: of the raking.
    """

    margins: tuple[CalibrationMargin, ...]
    tolerance: float
    max_iterations: int
