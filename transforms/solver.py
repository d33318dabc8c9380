"""Linear and mixed-integer programmes for HiGHS, solved the same way every time.

Here belongs how a programme is handed to the solver and what comes back; what is asked of it is said by its callers.
One thread, a fixed seed and no limit of time: the same programme gives the same answer on every machine of a kind.
"""

import os
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_array

from transforms.linked_cells import Booleans, Floats, Integers

_STATUS = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
    highspy.HighsModelStatus.kUnboundedOrInfeasible: "unbounded",
    highspy.HighsModelStatus.kSolutionLimit: "limit",
    highspy.HighsModelStatus.kIterationLimit: "limit",
}


@dataclass(frozen=True)
class Solved:
    """What the solver found.

    Attributes:
        status: "optimal", "infeasible", "unbounded", or "limit" where it gave up at a limit of steps; "failed" else.
        x: values of the columns; zeros where there is no solution.
        dual: what a unit more of a row would add to the objective; zeros for integers.
        objective: value of the objective.
        nodes: nodes of a search among whole numbers; 0 without one.
    """

    status: str
    x: Floats
    dual: Floats
    objective: float
    nodes: int = 0


_SAME_EVERY_TIME: dict[str, Any] = {"output_flag": False, "threads": 1, "parallel": "off", "random_seed": 0}


def new_solver(**options: Any) -> Any:
    """Return a solver of HiGHS that prints nothing and answers the same every time.

    The first one of a process prints a banner before any option can forbid it; standard output is the caller's.

    Args:
        options: of HiGHS, by its own names.
    """
    _let_banner_pass()
    solver = highspy.Highs()
    for name, value in (_SAME_EVERY_TIME | options).items():
        solver.setOptionValue(name, value)
    return solver


@cache
def _let_banner_pass() -> None:
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        highspy.Highs()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


class Programme:
    """A programme: least (or most) cost @ x subject to row_lower <= matrix @ x <= row_upper, lower <= x <= upper."""

    def __init__(
        self,
        matrix: csr_array,
        cost: Floats,
        lower: Floats,
        upper: Floats,
        row_lower: Floats,
        row_upper: Floats,
        *,
        integer: Booleans | None = None,
        maximise: bool = False,
        **options: Any,
    ) -> None:
        """Hands the programme to the solver.

        Args:
            matrix: rows x columns.
            cost: of the columns.
            lower: least value of the columns, -inf for none.
            upper: largest value of the columns, inf for none.
            row_lower: least value of the rows.
            row_upper: largest value of the rows.
            integer: columns that must be whole numbers.
            maximise: looks for the most instead of the least.
            options: of HiGHS, by its own names.
        """
        self._solver = new_solver(**options)
        self.rows, self.columns = matrix.shape
        kinds = np.zeros(self.columns, np.int32) if integer is None else integer.astype(np.int32)
        self._solver.passModel(
            self.columns,
            self.rows,
            int(matrix.nnz),
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMaximize if maximise else highspy.ObjSense.kMinimize),
            0.0,
            np.asarray(cost, np.float64),
            np.asarray(lower, np.float64),
            np.asarray(upper, np.float64),
            np.asarray(row_lower, np.float64),
            np.asarray(row_upper, np.float64),
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            np.asarray(matrix.data, np.float64),
            kinds,
        )

    def bound(self, columns: Integers, lower: Floats, upper: Floats) -> None:
        """Gives columns other bounds; the next solve begins where the last one ended."""
        self._solver.changeColsBounds(len(columns), columns.astype(np.int32), lower, upper)

    def price(self, columns: Integers, cost: Floats) -> None:
        """Gives columns another cost; the next solve begins where the last one ended."""
        self._solver.changeColsCost(len(columns), columns.astype(np.int32), cost)

    def add(self, matrix: csr_array, row_lower: Floats, row_upper: Floats) -> None:
        """Adds rows."""
        self._solver.addRows(
            matrix.shape[0],
            np.asarray(row_lower, np.float64),
            np.asarray(row_upper, np.float64),
            int(matrix.nnz),
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            np.asarray(matrix.data, np.float64),
        )
        self.rows += matrix.shape[0]

    def start(self, x: Floats) -> None:
        """Begins a search among whole numbers from a solution that is known."""
        solution = highspy.HighsSolution()
        solution.col_value = x.tolist()
        self._solver.setSolution(solution)

    def solve(self) -> Solved:
        """Solves; from scratch if the solver fails where the last solve ended."""
        for _ in range(2):
            self._solver.run()
            status = _STATUS.get(self._solver.getModelStatus(), "failed")
            if status != "failed":
                break
            self._solver.clearSolver()
        solution = self._solver.getSolution()
        valid = solution.value_valid
        x = np.array(solution.col_value) if valid else np.zeros(self.columns)
        dual = np.array(solution.row_dual) if solution.dual_valid else np.zeros(self.rows)
        info = self._solver.getInfo()
        return Solved(status, x, dual, float(info.objective_function_value), max(0, int(info.mip_node_count)))
