"""Calibration: weights raked to population totals of several margins, and the residuals that their variance needs.

Here belong the weights that meet the totals and lie nearest to the original ones, and the change that calibration makes
to unit totals before a variance is taken of them. Which persons and totals these are is said in
``pipelines.calibration``; the variance itself belongs to ``variance``.

With d the original weights, x the indicators of the categories of all margins and t their population totals, the
weights are w = g d, g = exp(x'l), with l such that sum w x = t. Of a calibrated estimator sum w v the variance is that
of the residuals g d e, where e = v - x'b is left by the regression of v on x with weights d (not w):

    b = (sum d x x')^- sum d x v,          z_unit = sum over its persons of w v - b' sum of w x

so that sums by unit are enough. Where margins share a total the inverse is a generalised one, and e is the same.

Three ways to stand to a margin: in a category; OUTSIDE it (its population does not hold the person: no constraint, and
from this margin the factor 1); or UNKNOWN (its population holds the person, but the category was not stated). Persons
of unknown category stay in the total, as everywhere: the margin then asks that the known have the shares t_k / N and
that known and unknown together are N, N being the sum of its totals.

Source: Deville, Särndal and Sautory (1993) Generalized raking procedures in survey sampling, JASA 88; R survey 4.1.1,
calibrate(calfun = "raking") and svyrecvar (STANDARDS 7.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.periods import Period
from schemas.survey_estimation import CalibrationMargin

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Positions in place of a category, see above.
OUTSIDE, UNKNOWN = -1, -2

#: Relative difference from the totals at which the search ends; Newton's last step gets far below.
PRECISION = 1e-11
#: Singular values below this share of the largest are those of margins that share a total.
_RANK = 1e-11
_HALVINGS = 60


class CalibrationError(Exception):
    """The weights cannot be calibrated; the message speaks of margins (from 0) and totals, never of a person."""


class EmptyCategoryError(CalibrationError):
    """A category has a population total and nobody in the sample.

    Attributes:
        categories: (margin, category) pairs.
    """

    def __init__(self, categories: Sequence[tuple[int, int]]) -> None:
        self.categories = tuple(categories)
        super().__init__(f"{len(self.categories)} categories have a total and nobody in the sample")


class TotalsError(CalibrationError):
    """Totals cannot hold at the same time.

    Attributes:
        margins: those that contradict each other.
        sums: their grand totals.
        reason: why, in words.
    """

    def __init__(self, margins: Sequence[int], sums: Sequence[float], reason: str) -> None:
        self.margins, self.sums, self.reason = tuple(margins), tuple(sums), reason
        told = " and ".join(f"{margin} ({total:,.0f})" for margin, total in zip(margins, sums, strict=True))
        super().__init__(f"totals of margin {told}: {reason}")


class NotConvergedError(CalibrationError):
    """No weights were found.

    Attributes:
        iterations: steps made.
        misfit: largest relative difference from a total that is left.
    """

    def __init__(self, iterations: int, misfit: float) -> None:
        self.iterations, self.misfit = iterations, misfit
        super().__init__(f"not converged after {iterations} iterations: totals are missed by up to {misfit:.2g}")


@dataclass(frozen=True)
class Raked:
    """Calibrated weights.

    Attributes:
        weights: in the order of the rows.
        factors: g, their ratio to the original weights; also of rows of weight 0.
        iterations: Newton steps.
    """

    weights: Floats
    factors: Floats
    iterations: int


def rake(
    weights: ArrayLike,
    margins: Sequence[ArrayLike],
    totals: Sequence[ArrayLike],
    *,
    tolerance: float = 1e-9,
    max_iterations: int = 100,
) -> Raked:
    """Return weights that meet the totals of every margin, with the least relative entropy to the given ones.

    The solution is unique; it is sought by damped Newton steps on the dual, from a pass of proportional fitting. Rows
    may be persons, or sums of weights by combination of categories: these have the same factors.

    Args:
        weights: per row, not negative.
        margins: per margin the category of each row, from 0, or OUTSIDE, or UNKNOWN.
        totals: per margin the population total of each category, in persons.
        tolerance: relative difference by which totals of margins may contradict each other (rounding); they are then
            brought together. Weights meet the totals to 1e-11, or where rounding of large sums forbids it, to this.
        max_iterations: Newton steps.

    Raises:
        EmptyCategoryError: a category with a total has no row of positive weight.
        TotalsError: totals of margins contradict each other, or leave nothing for rows that are outside a margin, or a
            category with rows has the total 0.
        NotConvergedError: no positive weights meet all totals together.
        ValueError: a weight or total is negative or no number, or a category has no total.
    """
    d = np.asarray(weights, dtype=np.float64)
    categories = [np.asarray(margin, dtype=np.int64) for margin in margins]
    targets = [np.asarray(total, dtype=np.float64) for total in totals]
    _refuse_unusable(d, categories, targets)
    _refuse_empty(d, categories, targets)
    _refuse_no_room(d, categories, targets)
    held = [bool(np.any(category[d > 0] == UNKNOWN)) for category in categories]
    return _Raking(d, categories, targets, held).solve(tolerance, max_iterations)


def constraints(totals: Sequence[ArrayLike], has_unknown: Sequence[bool]) -> Floats:
    """Return what is calibrated, as combinations of indicators: [constraints x indicators].

    Indicators are the categories of the first margin, then one of its unknown where it has any, then those of the next.
    Without unknown it is the identity. The rows of a margin with unknown are its shares and its total.

    Args:
        totals: per margin the population totals of its categories.
        has_unknown: per margin, whether persons of unknown category are in the sample.
    """
    blocks = [
        _block(np.asarray(total, dtype=np.float64), has_unknown=unknown)
        for total, unknown in zip(totals, has_unknown, strict=True)
    ]
    size = sum(len(block) for block in blocks)
    matrix = np.zeros((size, size))
    start = 0
    for block in blocks:
        end = start + len(block)
        matrix[start:end, start:end] = block
        start = end
    return matrix


def constraints_of(
    margins: Sequence[CalibrationMargin], period: Period, indicators: Sequence[tuple[str, str]]
) -> Floats | None:
    """Return the constraints of a round over indicators in any order; None where it is the identity.

    Args:
        margins: of the specification.
        period: of the round; it selects the totals.
        indicators: (margin, cell) of all persons of the round, as ``calibration_<margin>`` holds it.
    """
    matrix = np.eye(len(indicators))
    has_unknown = False
    for margin in margins:
        totals = margin.totals(period)
        places = [number for number, (name, _) in enumerate(indicators) if name == margin.name]
        known = [number for number in places if indicators[number][1] in totals]
        if len(known) < len(places):
            has_unknown = True
            ordered = [*known, *(number for number in places if number not in known)]
            shares = np.array([totals[indicators[number][1]] for number in known])
            matrix[np.ix_(ordered, ordered)] = _block(shares, has_unknown=True)
    return matrix if has_unknown else None


def projection(cross_totals: Floats, gram: Floats, calibrated: Floats | None = None) -> Floats:
    """Return the coefficients of the regression of variables on the indicators: [cells x indicators].

    Args:
        cross_totals: sum of d v over the members of a cell who are in a category [cells x indicators].
        gram: sum of d over the persons who are in two categories [indicators x indicators].
        calibrated: ``constraints``, where a margin has persons of unknown category; else every indicator is one.
    """
    if calibrated is None:
        return cross_totals @ _generalised_inverse(gram)
    inverse = _generalised_inverse(calibrated @ gram @ calibrated.T)
    return cross_totals @ calibrated.T @ inverse @ calibrated


def residual_totals(unit_totals: Floats, coefficients: Floats, category_unit_totals: Floats) -> Floats:
    """Return the totals by sampling unit of what calibration leaves of variables: [cells x units].

    They take the place of the totals of y (and of x, in a ratio) in linearised scores. A unit without members of a cell
    has one as well: with calibrated weights every unit counts as one with members.

    Args:
        unit_totals: sums of calibrated weight x variable [cells x units].
        coefficients: ``projection``.
        category_unit_totals: sums of calibrated weights by category [indicators x units]; divided by the number of
            rounds where ``unit_totals`` are. Coefficients belong to one round.
    """
    return unit_totals - coefficients @ category_unit_totals


def gram_matrix(weights: ArrayLike, indicators: Sequence[Integers], sizes: Sequence[int]) -> Floats:
    """Return the sums of weights by pair of indicators [indicators x indicators].

    Args:
        weights: per row.
        indicators: per margin the position of each row's indicator within the margin; below 0 where it has none.
        sizes: per margin the number of its indicators.
    """
    d = np.asarray(weights, dtype=np.float64)
    rows = []
    for one, height in zip(indicators, sizes, strict=True):
        blocks = []
        for other, width in zip(indicators, sizes, strict=True):
            both = (one >= 0) & (other >= 0)
            pairs = np.bincount(one[both] * width + other[both], d[both], height * width)
            blocks.append(pairs.reshape(height, width))
        rows.append(np.hstack(blocks))
    return np.vstack(rows)


def _block(totals: Floats, *, has_unknown: bool) -> Floats:
    """Return the constraints of one margin: its totals, or shares among the known and the total of everybody."""
    if not has_unknown:
        return np.eye(len(totals))
    size = len(totals) + 1
    block = np.ones((size, size))
    block[:-1, :-1] = np.eye(size - 1) - (totals / totals.sum())[:, None]
    block[:-1, -1] = 0
    return block


def _generalised_inverse(gram: Floats) -> Floats:
    """Return a symmetric generalised inverse; scaled first, so that small categories are no less real than large."""
    diagonal = np.diag(gram)
    scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1)), 0)
    both: Floats = np.outer(scale, scale)
    inverse = np.asarray(np.linalg.pinv(gram * both, rcond=_RANK, hermitian=True), dtype=np.float64)
    return inverse * both


# --- what cannot be calibrated -------------------------------------------------------------------


def _refuse_unusable(d: Floats, categories: Sequence[Integers], targets: Sequence[Floats]) -> None:
    if not np.all(np.isfinite(d)) or np.any(d < 0):
        raise ValueError("a weight is negative or no number")
    for number, (category, target) in enumerate(zip(categories, targets, strict=True)):
        if not np.all(np.isfinite(target)) or np.any(target < 0) or target.sum() <= 0:
            raise ValueError(f"margin {number}: a total is negative or no number, or all are 0")
        if len(category) != len(d) or np.any(category < UNKNOWN) or np.any(category >= len(target)):
            raise ValueError(f"margin {number}: rows and categories do not fit weights and totals")


def _refuse_empty(d: Floats, categories: Sequence[Integers], targets: Sequence[Floats]) -> None:
    empty = []
    for number, (category, target) in enumerate(zip(categories, targets, strict=True)):
        sums = np.bincount(category[category >= 0], d[category >= 0], len(target))
        empty += [(number, int(k)) for k in np.flatnonzero((target > 0) & (sums == 0))]
        if np.any((target == 0) & (sums > 0)):
            raise TotalsError([number], [float(target.sum())], "a category with persons in the sample has the total 0")
    if empty:
        raise EmptyCategoryError(empty)


def _refuse_no_room(d: Floats, categories: Sequence[Integers], targets: Sequence[Floats]) -> None:
    """Refuse a margin that holds more rows than another and no larger a total."""
    within = [(category != OUTSIDE) & (d > 0) for category in categories]
    for one, inner in enumerate(within):
        for other, outer in enumerate(within):
            is_part = not np.any(inner & ~outer) and bool(np.any(outer & ~inner))
            sums = [float(targets[number].sum()) for number in (one, other)]
            if is_part and sums[0] >= sums[1]:
                raise TotalsError([one, other], sums, "they leave nothing for those who are outside the first")


# --- the search ----------------------------------------------------------------------------------


class _Raking:
    """Newton's method on the dual, sum d exp(x'A'l) - b'l, which is convex: its gradient is what totals are missed by.

    A are the constraints and b their values; x, the indicators, are held as positions only.
    """

    def __init__(
        self, d: Floats, categories: Sequence[Integers], targets: Sequence[Floats], held: Sequence[bool]
    ) -> None:
        self.d = d
        self.targets, self.held = targets, held
        self.sizes = [len(target) + unknown for target, unknown in zip(targets, held, strict=True)]
        self.starts = np.cumsum([0, *self.sizes])
        # The position of the unknown follows the categories; rows of weight 0 may have one where nobody else has.
        self.positions = [
            np.where(category == UNKNOWN, len(target) if unknown else OUTSIDE, category)
            for category, target, unknown in zip(categories, targets, held, strict=True)
        ]
        self.matrix = constraints(targets, held)
        pairs = list(zip(targets, held, strict=True))
        self.values = np.concatenate([np.append(0 * t, t.sum()) if unknown else t for t, unknown in pairs])
        self.scale = 1 + np.concatenate([np.append(t, t.sum()) if unknown else t for t, unknown in pairs])

    def solve(self, tolerance: float, max_iterations: int) -> Raked:
        """Return the weights.

        Raises:
            TotalsError: totals contradict each other by more than the tolerance.
            NotConvergedError: no weights were found.
        """
        dual = self._fitted_once()
        self.values = self._reconciled(self.d * self._factors(dual), tolerance)
        factors = self._factors(dual)
        gradient = self._gradient(factors)
        for iteration in range(1, max_iterations + 1):
            if self._misfit(gradient) < PRECISION:
                return Raked(self.d * factors, factors, iteration - 1)
            gram = self.matrix @ gram_matrix(self.d * factors, self.positions, self.sizes) @ self.matrix.T
            step = -_generalised_inverse(gram) @ gradient
            found = self._damped(dual, step, gradient)
            if found is None:
                if self._misfit(gradient) < tolerance:
                    return Raked(self.d * factors, factors, iteration - 1)
                raise NotConvergedError(iteration, self._misfit(gradient))
            dual, factors, gradient = found
        if self._misfit(gradient) < PRECISION:
            return Raked(self.d * factors, factors, max_iterations)
        raise NotConvergedError(max_iterations, self._misfit(gradient))

    def _factors(self, dual: Floats) -> Floats:
        """Return g of every row."""
        effects = self.matrix.T @ dual
        exponent = np.zeros(len(self.d))
        for start, end, position in zip(self.starts, self.starts[1:], self.positions, strict=False):
            exponent += np.append(effects[start:end], 0.0)[position]  # -1, outside, is the last: 0
        with np.errstate(over="ignore"):
            factors: Floats = np.exp(exponent)
        return factors

    def _sums(self, w: Floats) -> Floats:
        """Return the sums of weights by indicator."""
        return np.concatenate(
            [
                np.bincount(position[position >= 0], w[position >= 0], size)
                for position, size in zip(self.positions, self.sizes, strict=True)
            ]
        )

    def _gradient(self, factors: Floats) -> Floats:
        missed: Floats = self.matrix @ self._sums(self.d * factors) - self.values
        return missed

    def _misfit(self, gradient: Floats) -> float:
        return float(np.max(np.abs(gradient) / self.scale))

    def _fitted_once(self) -> Floats:
        """Return the dual after one pass of proportional fitting: the scale of the weights is then right."""
        dual = np.zeros(len(self.values))
        for margin, (target, has_unknown) in enumerate(zip(self.targets, self.held, strict=True)):
            start, end = self.starts[margin], self.starts[margin + 1]
            sums = self._sums(self.d * self._factors(dual))[start:end]
            known = target > 0
            effect = np.zeros(len(target))
            effect[known] = np.log(target[known] / sums[: len(target)][known])
            if has_unknown:
                # The shares move the known among themselves, the total all of them.
                effect -= effect @ target / target.sum()
                moved = np.append(effect, 0.0)
                dual[start:end] = np.append(effect, np.log(target.sum() / (sums @ np.exp(moved))))
            else:
                dual[start:end] = effect
        return dual

    def _reconciled(self, w: Floats, tolerance: float) -> Floats:
        """Return the nearest values that do not contradict each other.

        Raises:
            TotalsError: they are farther away than the tolerance.
        """
        gram = self.matrix @ gram_matrix(w, self.positions, self.sizes) @ self.matrix.T
        nearest = _nearest(gram, self.values, self.scale)
        if np.max(np.abs(nearest - self.values) / self.scale) <= tolerance:
            return nearest
        owner = np.repeat(np.arange(len(self.sizes)), self.sizes)
        numbers = range(len(self.sizes))
        pairs = [(one, other) for one in numbers for other in numbers if one < other]
        for pair in [*pairs, tuple(numbers)]:
            part = np.isin(owner, pair)
            agreeing = _nearest(gram[np.ix_(part, part)], self.values[part], self.scale[part])
            if np.max(np.abs(agreeing - self.values[part]) / self.scale[part]) > tolerance:
                break
        raise TotalsError(pair, [float(self.targets[number].sum()) for number in pair], "they contradict each other")

    def _damped(self, dual: Floats, step: Floats, gradient: Floats) -> tuple[Floats, Floats, Floats] | None:
        """Return the dual, factors and gradient after the longest half, quarter, ... of a step that helps, or None."""
        slope = float(gradient @ step)
        here = self._objective(dual)
        size = 1.0
        for _ in range(_HALVINGS):
            moved = dual + size * step
            factors = self._factors(moved)
            if np.all(np.isfinite(factors)):
                changed = self._gradient(factors)
                descends = self._objective(moved) <= here + 1e-4 * size * slope
                if descends or self._misfit(changed) < self._misfit(gradient):
                    return moved, factors, changed
            size /= 2
        return None

    def _objective(self, dual: Floats) -> float:
        return float(self.d @ self._factors(dual) - self.values @ dual)


def _nearest(gram: Floats, values: Floats, sizes: Floats) -> Floats:
    """Return the values in the range of a matrix with the least sum of squared differences / size."""
    scale = 1 / np.sqrt(sizes)
    lengths, vectors = np.linalg.eigh(gram * np.outer(scale, scale))
    kept = vectors[:, lengths > _RANK * lengths.max()]
    nearest: Floats = kept @ (kept.T @ (scale * values)) / scale
    return nearest
