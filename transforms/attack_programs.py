"""Linear programs of what is published: how large or small a hidden cell can be.

Here belong the rows that published figures, equations and rates put on hidden cells, and the program of one component
of them. Which cells are asked for, and what a bound means, is said in ``attacker``.

Columns are the hidden cells, and the published cells that meet them in two rows or more, as deviations from the middle
of their rounding interval. A published cell of one row alone widens that row by its rounding, which is the same.
Everything is divided by the scale of the component, so that tolerances mean the same everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_array, diags_array, vstack

from transforms.linked_cells import Booleans, Floats, Integers
from transforms.solver import new_solver

#: Roundings are widened by this share of themselves, and by that share of the value (precision of the equations).
_WIDER, _PRECISION = 1e-6, 1e-9
#: Tolerance of the solver, in units of the component's scale, and by how much a point that it gives may miss a row.
_TOLERANCE, _MISSED = 1e-9, 1e-8
#: Duals below this share of the largest are none.
_NO_DUAL = 1e-6
#: No cells.
NO_CELLS: Integers = np.zeros(0, dtype=np.int64)
#: Unknown cells above which programs are solved by interior points without a corner: simplex steps are too many there.
_LARGE = 2_000
_OPTIONS: dict[str, Any] = {
    "primal_feasibility_tolerance": _TOLERANCE,
    "dual_feasibility_tolerance": _TOLERANCE,
}


class ContradictionError(ValueError):
    """What is published contradicts itself.

    Attributes:
        equations: numbers of equations that cannot hold together.
        rates: numbers of rates that cannot.
    """

    def __init__(self, equations: Sequence[int], rates: Sequence[int]) -> None:
        self.equations, self.rates = tuple(equations), tuple(rates)
        super().__init__(f"published figures contradict each other: equations {self.equations}, rates {self.rates}")


@dataclass(frozen=True)
class Rows:
    """What is published, as rows over all cells; only rows that an unknown cell is in.

    Attributes:
        matrix: rows x cells.
        low: least of each row, in units.
        high: most of each row.
        number: of the equation or rate that a row comes from.
        is_rate: whether it is a rate; one makes up to two rows.
        middle: of published cells, the middle of their interval; 0 of unknown ones.
        half: half of their interval, widened; 0 of unknown ones.
        is_unknown: not published.
        least: of unknown cells, what they are at least.
        most: what they are at most.
    """

    matrix: csr_array
    low: Floats
    high: Floats
    number: Integers
    is_rate: Booleans
    middle: Floats
    half: Floats
    is_unknown: Booleans
    least: Floats
    most: Floats


def rows_of(
    lower: Floats,
    upper: Floats,
    equations: csr_array,
    numerator: Integers,
    denominator: Integers,
    low: Floats,
    high: Floats,
    *,
    is_cut: bool = True,
) -> Rows:
    """Return what is published as rows.

    Args:
        lower: of every cell, in units.
        upper: of every cell; infinite where it is not published.
        equations: equations x cells, equal to 0.
        numerator: of published rates, cells.
        denominator: of published rates, cells.
        low: of published rates, proportions.
        high: of published rates.
        is_cut: whether published cells with a rounding are taken as known. Otherwise they are unknown cells that have
            bounds, and join what they meet in one component.

    Raises:
        ContradictionError: an equation or rate of published cells alone does not hold.
    """
    is_unknown = ~np.isfinite(upper) if is_cut else lower < upper
    middle = np.where(is_unknown, 0.0, (lower + np.where(is_unknown, 0.0, upper)) / 2)
    half = np.where(is_unknown, 0.0, np.where(is_unknown, 0.0, upper - lower) / 2 * (1 + _WIDER) + _PRECISION * middle)
    additive, count = equations.shape[0], len(numerator)
    each = np.arange(count)
    shape = (count, equations.shape[1])
    above, below = (csr_array((np.ones(count), (each, cells)), shape=shape) for cells in (numerator, denominator))
    has_high = np.isfinite(high)
    slack = np.where(has_high, _WIDER * (np.where(has_high, high, low) - low), 0.0) + _PRECISION
    floor, ceiling = diags_array(low - slack), diags_array(np.where(has_high, high + slack, 0.0))
    matrix = csr_array(vstack([csr_array(equations), above - floor @ below, above - ceiling @ below]))
    nothing, endless = np.zeros(additive + count), np.full(count, np.inf)
    least, most = np.concatenate([nothing, -endless]), np.concatenate([nothing[:additive], endless, nothing[:count]])
    number, is_rate = (
        np.concatenate([np.arange(additive), each, each]).astype(np.int64),
        np.arange(len(least)) >= additive,
    )
    has_unknown = np.abs(matrix) @ is_unknown.astype(np.float64) > 0
    sums, wide = matrix @ middle, np.abs(matrix) @ half
    is_broken = ~has_unknown & ((sums + wide < least) | (sums - wide > most))
    if is_broken.any():
        raise ContradictionError(*(np.unique(number[is_broken & kind]).tolist() for kind in (~is_rate, is_rate)))
    says_something = np.concatenate([np.ones(additive, dtype=np.bool_), low > slack, has_high])
    kept = np.flatnonzero(says_something & has_unknown)
    return Rows(
        matrix=csr_array(matrix[kept]),
        low=least[kept],
        high=most[kept],
        number=number[kept],
        is_rate=is_rate[kept],
        middle=middle,
        half=half,
        is_unknown=is_unknown,
        least=np.where(is_unknown, lower, 0.0),
        most=np.where(is_unknown, upper, 0.0),
    )


class Program:
    """The linear program of one component; keeps its basis from one question to the next.

    Attributes:
        cells: unknown cells of the component; they are the first columns.
        chosen: rows of what is published that bind them.
        scale: units that everything is divided by.
        solves: questions put to the solver so far.
    """

    def __init__(
        self, rows: Rows, chosen: Integers, cells: Integers, scale: float, pulled: Integers = NO_CELLS
    ) -> None:
        """Build the program.

        Args:
            rows: what is published.
            chosen: rows of it that bind these cells.
            cells: unknown cells.
            scale: units that everything is divided by.
            pulled: positions of the cells that are pulled together. Each has a second column, in which it can go
                further than is worth anything; it is 0 in all other questions.
        """
        self.cells, self.chosen, self.solves, self.scale = cells, chosen, 0, scale
        self._rows, self._pulled = rows, pulled
        part = csr_array(rows.matrix[chosen])
        folded, kept = _published(rows, part, 2 * rows.number[chosen] + rows.is_rate[chosen])
        shift, wide = part @ rows.middle, np.abs(part) @ folded
        self._low, self._high = (rows.low[chosen] - shift - wide) / scale, (rows.high[chosen] - shift + wide) / scale
        self._least = np.concatenate([rows.least[cells], np.zeros(len(pulled)), -rows.half[kept]]) / scale
        self._most = np.concatenate([rows.most[cells], np.zeros(len(pulled)), rows.half[kept]]) / scale
        self._matrix = csr_array(part[:, np.concatenate([cells, cells[pulled], kept])])
        self._own = np.arange(len(cells) + len(pulled), dtype=np.int32)
        self._solver = self._passed()

    def _passed(self) -> Any:
        solver = new_solver(**_OPTIONS)
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = self._matrix.shape
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = np.zeros(model.num_col_)
        model.col_lower_, model.col_upper_ = self._least, self._most
        model.row_lower_, model.row_upper_ = self._low, self._high
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = self._matrix.indptr
        model.a_matrix_.index_ = self._matrix.indices
        model.a_matrix_.value_ = self._matrix.data
        solver.passModel(model)
        solver.setOptionValue("run_crossover", "off")
        return solver

    def furthest(self, position: int, sign: int, wanted: float = np.inf) -> "Extreme":
        """Return how large (1) or small (-1) a cell can be.

        Args:
            position: of the cell in the program.
            sign: direction.
            wanted: where to stop, in units; the bound is exact if it is not reached.
        """
        low, high, cost = self._least[self._own].copy(), self._most[self._own].copy(), np.zeros(len(self._own))
        if sign > 0:
            high[position] = min(high[position], wanted / self.scale)
        else:
            low[position] = max(low[position], -np.inf if wanted == np.inf else wanted / self.scale)
        cost[position] = sign
        return self._answer(low, high, cost, is_exact=len(self.cells) <= _LARGE or wanted == np.inf)

    def together(self, sign: Floats, value: Floats, wanted: Floats) -> "Extreme":
        """Return a point in which the pulled cells are as near to where they are wanted as they can be, together.

        What counts is the sum over them of the part of the way that they went, from their value to where they are
        wanted; further is allowed and counts no more.

        Args:
            sign: of each pulled cell, 1 up, -1 down, 0 not pulled this time.
            value: of each, in units.
            wanted: of each, in units.
        """
        at, count = self._pulled, len(self.cells)
        low, high, cost = self._least[self._own].copy(), self._most[self._own].copy(), np.zeros(len(self._own))
        is_up, is_down = sign > 0, sign < 0
        goal = np.maximum(wanted / self.scale, low[at])
        high[at[is_up]], high[count + np.flatnonzero(is_up)] = goal[is_up], np.inf
        low[count + np.flatnonzero(is_down)] = low[at[is_down]] - goal[is_down]
        low[at[is_down]] = goal[is_down]
        cost[at] = np.where(sign == 0, 0.0, sign * self.scale / np.maximum(np.abs(wanted - value), 1e-12 * self.scale))
        return self._answer(low, high, cost, is_exact=len(self.cells) <= _LARGE)

    def _answer(self, low: Floats, high: Floats, cost: Floats, *, is_exact: bool) -> "Extreme":
        """Put a question to the solver; bounds and costs of its own columns are in units of the scale.

        The answer is the corner that simplex steps find, or the point where interior ones stop.

        Raises:
            RuntimeError: the solver gives up.
        """
        self._solver.changeColsBounds(len(self._own), self._own, low, high)
        self._solver.changeColsCost(len(self._own), self._own, cost)
        self._solver.setOptionValue("solver", "simplex" if is_exact else "ipm")
        self._solver.run()
        self.solves += 1
        status = self._solver.getModelStatus()
        if is_exact and status == highspy.HighsModelStatus.kUnknown:
            # The corner of the last question was a bad one to begin with.
            self._solver.clearSolver()
            self._solver.run()
            self.solves += 1
            status = self._solver.getModelStatus()
        if status == highspy.HighsModelStatus.kUnbounded:
            return Extreme(np.inf, None, True)
        if status == highspy.HighsModelStatus.kInfeasible:
            return Extreme(-np.inf, None, False)
        if status != highspy.HighsModelStatus.kOptimal and (is_exact or status != highspy.HighsModelStatus.kUnknown):
            raise RuntimeError(f"the solver gave up on a component of {len(self.cells)} cells: {status}")
        found = np.asarray(self._solver.getSolution().col_value)
        cells = found[: len(self.cells)].copy()
        cells[self._pulled] += found[len(self.cells) : len(self._own)]
        reached = self._solver.getInfo().objective_function_value * self.scale
        return Extreme(reached, cells * self.scale if self._is_met(found, low, high) else None, True)

    def _is_met(self, found: Floats, low: Floats, high: Floats) -> bool:
        """Return whether a point keeps the rows, what was asked of its own columns, and the published cells."""
        row, own = self._matrix @ found, len(self._own)
        least, most = np.concatenate([low, self._least[own:]]), np.concatenate([high, self._most[own:]])
        missed = [self._low - row, row - self._high, least - found, found - most]
        return bool(max(part.max(initial=0.0) for part in missed) <= _MISSED)

    def support(self) -> Integers:
        """Return the rows, by position, that hold the last answer where it is: those with a dual."""
        dual = np.abs(np.asarray(self._solver.getSolution().row_dual))
        return np.flatnonzero(dual > _NO_DUAL * dual.max(initial=0.0)).astype(np.int64)

    def contradiction(self) -> ContradictionError:
        """Return the error that names the rows that cannot hold together with what the cells can be."""
        self._solver.changeColsBounds(len(self._own), self._own, self._least[self._own], self._most[self._own])
        self._solver.changeColsCost(len(self._own), self._own, np.zeros(len(self._own)))
        for option, value in {"presolve": "off", "solver": "simplex"}.items():
            self._solver.setOptionValue(option, value)
        self._solver.run()
        self.solves += 1
        _, is_found, ray = self._solver.getDualRay()
        rows = self.chosen[np.abs(ray) > _NO_DUAL * np.abs(ray).max()] if is_found else self.chosen
        numbers, is_rate = self._rows.number[rows], self._rows.is_rate[rows]
        return ContradictionError(*(np.unique(numbers[kind]).tolist() for kind in (~is_rate, is_rate)))


@dataclass(frozen=True)
class Extreme:
    """Answer of a program.

    Attributes:
        reached: largest value of the weighted sum, in its units; infinite if nothing limits it.
        cells: a point that reaches it, in units, in the order of the program's cells; None if there is none that
            keeps every row well enough to be a proof.
        is_possible: whether any point keeps the bounds asked for.
    """

    reached: float
    cells: Floats | None
    is_possible: bool


def _published(rows: Rows, part: csr_array, origin: Integers) -> tuple[Floats, Integers]:
    """Return by how much a published cell widens its only row, per cell, and the cells that stay columns.

    Args:
        rows: what is published.
        part: rows of a component.
        origin: of each of them, the same for two rows of one rate.
    """
    met, column = np.unique(part.indices, return_inverse=True)
    pairs = np.unique(np.column_stack([column, np.repeat(origin, np.diff(part.indptr))]), axis=0)
    often = np.bincount(pairs[:, 0], minlength=len(met)) > 1
    is_exact = rows.half[met] <= 2 * _PRECISION * np.abs(rows.middle[met])
    stays = met[~rows.is_unknown[met] & often & ~is_exact].astype(np.int64)
    folded = rows.half.copy()
    folded[stays] = 0.0
    return folded, stays


@dataclass(frozen=True)
class WorkedOut:
    """Cells that follow from one equation after the other, without a program.

    Attributes:
        lower: of every cell, from these equations alone, in units.
        upper: the most it can be.
        by_row: cell -> the row that it follows from.
        rows: what is published.
    """

    lower: Floats
    upper: Floats
    by_row: Mapping[int, int]
    rows: Rows

    def chain(self, cell: int) -> Integers:
        """Return the rows that a cell follows from."""
        matrix, found, asked = self.rows.matrix, set(), [cell]
        while asked:
            row = self.by_row[asked.pop()]
            if row not in found:
                found.add(row)
                met = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
                asked += [int(one) for one in met if int(one) in self.by_row and self.by_row[int(one)] not in found]
        return np.array(sorted(found), dtype=np.int64)


def worked_out(rows: Rows) -> WorkedOut:
    """Return unknown cells that are alone in an equation, and those that are alone once these are known.

    Raises:
        ContradictionError: equations leave nothing that such a cell can be.
    """
    matrix = rows.matrix
    lower, upper = np.where(rows.is_unknown, rows.least, rows.middle - rows.half), rows.middle + rows.half
    upper = np.where(rows.is_unknown, rows.most, upper)
    is_left, by_row = rows.is_unknown.copy(), {}
    is_equation = ~rows.is_rate
    incidence = csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    while True:
        alone = np.flatnonzero(is_equation & (incidence @ is_left.astype(np.float64) == 1))
        fresh = set()
        for row in alone:
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            met, factor = matrix.indices[part], matrix.data[part]
            (at,) = np.flatnonzero(is_left[met])
            cell, others = int(met[at]), np.arange(len(met)) != at
            ends = np.where(
                factor[others] > 0, [lower[met[others]], upper[met[others]]], [upper[met[others]], lower[met[others]]]
            )
            low, high = np.sort(-(factor[others] * ends).sum(axis=1) / factor[at])
            if low > rows.most[cell] or high < rows.least[cell]:
                by_row[cell] = int(row)
                chain = WorkedOut(lower, upper, by_row, rows).chain(cell)
                raise ContradictionError(rows.number[chain].tolist(), [])
            if cell not in by_row or high - low < upper[cell] - lower[cell]:
                lower[cell], upper[cell] = max(low, rows.least[cell]), min(high, rows.most[cell])
                by_row[cell] = int(row)
            fresh.add(cell)
        if not fresh:
            return WorkedOut(lower, upper, by_row, rows)
        is_left[list(fresh)] = False
