"""Controlled rounding: every cell a multiple of a base, and every equation between cells still exact.

Here belongs the alternative to suppression in which nothing is hidden and nothing is exact. Cell by cell rounding
breaks sums, and what is left of a sum can be worked out; here the multiples are chosen together.

With b the base and v the values, a cell is v = b (f + r), f whole, 0 <= r < 1, and is shown as b (f + z) with z whole.
Rounding is zero-restricted where z is 0 or 1 (floor or ceiling; 0 where r is 0: multiples stay). A zero-restricted
solution always exists in a two-way table (a network), and not always in three dimensions; cells may then go steps
beyond the adjacent multiples. Sought are, in this order, per connected component of cells:

    the smallest limit S on the steps of a cell,  the fewest steps in total,  the least sum of |shown - v|.

Components up to a stated size are solved as one integer programme, to the optimum. A larger one is rounded from its
top totals down, one level after the other. Equations that hold between the cells of a level because of those below are
worked out first by elimination over the whole numbers, and handed to the level; a level falls apart into tables, and
each is a small integer programme in which whatever lies above is fixed. Where this leaves a table no solution at or
above 0, it is chosen again together with the tables it touches, and those they touch; in the end also where cells had
to go further. Steps and distance are then not the least, and the result says so (``method``).

What a rounded value tells: the true one lies less than (1 + steps) x base away, on either side (steps are not
published: whoever publishes states the largest). Together with the equations it can tell more, as with every interval;
this is asked of the attacker (``attacker.audit``), who is given [v - (1 + S) base, v + (1 + S) base] for every cell.

Source: Cox and Ernst (1982) Controlled rounding, INFOR 20; Cox (1987) A constructive procedure for unbiased controlled
rounding, JASA 82; Ernst (1989) Further applications of linear programming to sampling problems, Census Bureau
SRD/RR-89/05 (three dimensions); Salazar-González (2006) Controlled rounding and cell perturbation: statistical
disclosure limitation methods for tabular data, Mathematical Programming 105.
"""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import gcd
from typing import NamedTuple

import highspy
import numpy as np
from scipy.sparse import csr_array, hstack, vstack
from scipy.sparse.csgraph import connected_components

from transforms.linked_cells import Booleans, Floats, Integers
from transforms.progress import Progress, silent
from transforms.solver import new_solver

#: Cells of a component up to which its optimum is sought.
EXACT_CELLS = 150
#: Steps tried one after the other; beyond these any number is allowed.
_STEPS = 4
_ANY = 1_000
#: A value nearer to a multiple than this (relative, in bases) is that multiple.
_MULTIPLE = 1e-9
#: (relative difference from the bound, nodes) at which a search ends: of an optimum, a table, tables chosen again.
_Effort = tuple[float, int]
_OPTIMUM, _TABLE, _AGAIN = (0.0, 2_000), (0.01, 200), (0.01, 50)
#: How far from a table to go in search of others to be chosen with it, and cells up to which, where none is below 0.
_ROUNDS, _NEAR = 6, 1_500
#: Levels of a component; equations that go round in a circle end here.
_DEEPEST = 60
#: Price of a unit below 0 in steps, while a solution without is still sought.
_BELOW = 50.0


@dataclass(frozen=True)
class Rounded:
    """Rounded cells, in their order.

    Attributes:
        value: multiples of the base, at least 0.
        steps: how many bases beyond the adjacent multiples a cell had to go; 0 is floor or ceiling.
        is_additive: every equation holds exactly.
        broken: positions of the equations that do not.
        method: "exact" (the optimum of every component), "heuristic" (not shown to be the optimum of at least one
            component) or "nearest" (no equations).
        solves: integer programmes solved.
        components: connected components of more than one cell.
        largest_distance: the largest |value - true value|, in bases.
    """

    value: Floats
    steps: Integers
    is_additive: bool
    broken: Integers
    method: str
    solves: int
    components: int
    largest_distance: float


def round_controlled(
    value: Floats,
    equations: csr_array,
    base: float,
    *,
    exact_cells: int = EXACT_CELLS,
    progress: Progress = silent,
) -> Rounded:
    """Return all cells as multiples of a base, such that every equation holds exactly.

    Values that do not meet their equations to begin with are rounded all the same, and go the steps that this takes.

    Args:
        value: true values, at least 0, in units; cells that are not published but stand in equations (an unknown
            residual) as well.
        equations: equations x cells, coefficients 1 and -1 (whole - parts). An equation with other coefficients (a year
            is the mean of its quarters) cannot hold in multiples of a base in general: the caller leaves it out.
        base: in the unit of the values.
        exact_cells: cells of a component up to which its optimum is sought.
        progress: told about each level of a large component, in counts.

    Raises:
        ValueError: base not above 0, a value below 0 or not finite, or a coefficient other than 1 and -1.
    """
    if not (np.isfinite(base) and base > 0):
        raise ValueError("the base of a rounding must be above 0")
    if not (np.isfinite(value).all() and (value >= 0).all()):
        raise ValueError("values to be rounded must be finite and not below 0")
    if equations.shape[1] != len(value):
        raise ValueError(f"equations are about {equations.shape[1]} cells, not about {len(value)}")
    rows = csr_array(equations, dtype=np.float64, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    if not np.isin(rows.data, (-1.0, 1.0)).all():
        raise ValueError("only equations with coefficients 1 and -1 can be kept by rounding")
    search = _Search(_in_bases(value, base), rows, progress)
    count, label = _components(rows)
    of_row = _component_of_rows(rows, label)
    cells_of, rows_of = _groups(label, count), _groups(of_row, count)
    large = [k for k in range(count) if len(cells_of[k]) > 1]
    for k in large:
        if len(cells_of[k]) > exact_cells or not search.optimum(cells_of[k], rows_of[k]):
            search.descend(cells_of[k], rows_of[k])
    return search.result(value, base, len(large))


def least_base(value: Floats, n: Integers, need_up: Floats) -> float:
    """Return the smallest base at which rounding hides the confidential cells about as well as suppression, in units.

    It is the largest need of a cell, and at least three average weights of its respondents: the interval of a rounded
    value is 2 x base wide, so that neither one person more nor one fewer can be told, whoever knows of two. What is
    assured is the width: of a cell that was rounded to the farther multiple the true value lies near one end, which
    only the attacker's audit shows. Cells of no need do not count; without any the result is 0.

    Args:
        value: true values, in units.
        n: respondents of each cell.
        need_up: how far above its value the upper bound of a confidential cell must be, 0 of others.
    """
    is_confidential = (need_up > 0) & (n > 0)
    if not is_confidential.any():
        return float(need_up.max(initial=0.0))
    weight = value[is_confidential] / n[is_confidential]
    return float(max(need_up.max(), 3 * weight.max()))


class _InBases(NamedTuple):
    """Values in bases: whole part, rest, and 1 where there is a rest."""

    whole: Floats
    rest: Floats
    room: Floats


def _in_bases(value: Floats, base: float) -> _InBases:
    share = value / base
    is_multiple = np.abs(share - np.round(share)) <= _MULTIPLE * np.maximum(1, share)
    whole = np.where(is_multiple, np.round(share), np.floor(share))
    rest = np.where(is_multiple, 0.0, share - whole)
    return _InBases(whole, rest, (rest > 0).astype(np.float64))


def _components(rows: csr_array) -> tuple[int, Integers]:
    """Return the number of connected components of cells, and that of each cell."""
    links = csr_array((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)
    count, label = connected_components(csr_array(links.T @ links), directed=False)
    return int(count), label.astype(np.int64)


def _component_of_rows(rows: csr_array, label: Integers) -> Integers:
    """Return the component of each equation, -1 of an empty one."""
    of_row = np.full(rows.shape[0], -1, dtype=np.int64)
    of_row[np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))] = label[rows.indices]
    return of_row


def _groups(label: Integers, count: int) -> list[Integers]:
    """Return the positions of each label from 0, in order."""
    order = np.argsort(label, kind="stable")
    edges = np.searchsorted(label[order], np.arange(count + 1))
    return [order[edges[k] : edges[k + 1]].astype(np.int64) for k in range(count)]


@dataclass
class _Search:
    """The state of a rounding: ``z`` of every cell, always whole."""

    cells: _InBases
    rows: csr_array
    progress: Progress
    solves: int = 0
    is_exact: bool = True
    z: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.z = np.where(self.cells.rest >= 0.5, 1.0, 0.0)

    def result(self, value: Floats, base: float, components: int) -> Rounded:
        # A cell below 0 (no solution was found) is shown as 0, and its equations are broken.
        multiple = np.maximum(self.cells.whole + self.z, 0)
        broken = np.flatnonzero(np.abs(self.rows @ multiple) > 0.5)
        method = ("exact" if self.is_exact else "heuristic") if components else "nearest"
        return Rounded(
            value=multiple * base,
            steps=self.steps(multiple - self.cells.whole).astype(np.int64),
            is_additive=len(broken) == 0,
            broken=broken.astype(np.int64),
            method=method,
            solves=self.solves,
            components=components,
            largest_distance=float(np.abs(multiple - value / base).max(initial=0.0)),
        )

    def steps(self, z: Floats) -> Floats:
        return np.maximum(np.maximum(z - self.cells.room, -z), 0)

    def price(self, cells: Integers, z: Floats, step: float) -> float:
        """Return what a choice costs: distance, steps and units below 0."""
        rest, steps = self.cells.rest[cells], np.maximum(np.maximum(z - self.cells.room[cells], -z), 0)
        below = np.maximum(-(self.cells.whole[cells] + z), 0)
        return float(np.abs(z - rest).sum() + step * (steps.sum() + _BELOW * below.sum()))

    def optimum(self, cells: Integers, rows: Integers) -> bool:
        """Round a component as one programme; say whether a solution was found within the nodes allowed."""
        equations = csr_array(self.rows[rows][:, cells])
        sides = -(equations @ self.cells.whole[cells])
        for limit in [*range(_STEPS + 1), _ANY]:
            found, is_final = self.solve(cells, equations, sides, limit, _OPTIMUM)
            if found is not None:
                self.z[cells] = found
                self.is_exact &= is_final
                return True
            if not is_final:
                return False
        return False

    def solve(
        self, cells: Integers, equations: csr_array, sides: Floats, limit: int, effort: _Effort, below: bool = False
    ) -> tuple[Floats | None, bool]:
        """Return the best z of some cells with ``equations @ z`` = ``sides``, and whether the answer is final.

        None that is final means that there is no solution, None that is not that none was found.
        """
        self.solves += 1
        count = len(cells)
        whole, rest, room = self.cells.whole[cells], self.cells.rest[cells], self.cells.room[cells]
        step = float(count + 1)
        blocks, cost, most = [equations], [1 - 2 * rest], [room]
        if limit:
            blocks += [equations, -equations]
            cost += [np.full(count, 1 + step)] * 2
            most += [np.full(count, float(limit)), np.minimum(whole, limit)]
        if below:
            blocks.append(-equations)
            cost.append(np.full(count, 1 + step * (1 + _BELOW)))
            most.append(np.full(count, float(_ANY)))
        matrix, upper = csr_array(hstack(blocks, format="csr")), np.concatenate(most)
        found, is_final = _integer_programme(matrix, sides, np.concatenate(cost), upper, effort)
        if found is None:
            return None, is_final
        parts = found.reshape(-1, count)
        beyond = parts[1] - parts[2] if limit else 0.0
        return parts[0] + beyond - (parts[-1] if below else 0.0), is_final

    def descend(self, cells: Integers, rows: Integers) -> None:
        """Round a component from its top totals down, level by level."""
        self.is_exact = False
        own = csr_array(self.rows[rows][:, cells])
        depth = _depths(own)
        equations = csr_array(vstack([own, _implied(own, depth)], format="csr"))
        last = np.repeat(np.arange(equations.shape[0]), np.diff(equations.indptr))
        level = np.full(equations.shape[0], -1)
        np.maximum.at(level, last, depth[equations.indices])
        known = np.zeros(len(cells), dtype=np.bool_)
        table = np.full(len(cells), -1)
        for d in range(int(depth.max(initial=0)) + 1):
            here, active = np.flatnonzero(depth == d), np.flatnonzero(level == d)
            sides = -(equations[active] @ (self.cells.whole[cells] + np.where(known, self.z[cells], 0.0)))
            part = csr_array(equations[active][:, here])
            count, label = _components(part)
            of_row = _component_of_rows(part, label)
            for mine, its in zip(_groups(label, count), _groups(of_row, count), strict=True):
                if len(its):
                    self.table(cells[here[mine]], csr_array(part[its][:, mine]), sides[its])
            table[here] = label + table.max(initial=-1) + 1
            known[here] = True
            so_far = csr_array(equations[level <= d][:, known])
            attempts = self.repair(cells[known], so_far, table[known], only_below=True)
            self.progress(f"level {d}: {len(here)} cells in {count} tables, {attempts} attempts to repair")
        attempts = self.repair(cells, equations, table, only_below=False)
        left = int((self.steps(self.z)[cells] > 0).sum())
        self.progress(f"{attempts} attempts to get nearer, {left} cells beyond the adjacent multiples")

    def table(self, cells: Integers, equations: csr_array, sides: Floats) -> None:
        """Round the cells of a table with all above fixed; where nothing else helps, cells go below 0 for now."""
        for limit in range(_STEPS):
            found, _ = self.solve(cells, equations, sides, limit, _TABLE)
            if found is not None:
                self.z[cells] = found
                return
        found, _ = self.solve(cells, equations, sides, _ANY, _TABLE, below=True)
        if found is not None:
            self.z[cells] = found

    def repair(self, cells: Integers, equations: csr_array, table: Integers, *, only_below: bool) -> int:
        """Choose tables anew in which cells went too far, with those around them; return the number of attempts.

        Args:
            cells: those chosen so far.
            equations: between them, all others left out.
            table: of each of these cells, from 0.
            only_below: repair nothing but cells below 0.
        """
        count = int(table.max(initial=-1)) + 1
        of_table = csr_array((np.ones(len(cells)), (np.arange(len(cells)), table)), shape=(len(cells), count))
        touches = csr_array(abs(equations) @ of_table)
        linked = csr_array(touches.T @ touches)
        attempts = 0
        for start in np.unique(table[self.too_far(cells, only_below=only_below)]).tolist():
            near, size = {start}, 0
            for _ in range(_ROUNDS):
                if not self.too_far(cells[table == start], only_below=only_below).any():
                    break
                near = {int(k) for one in near for k in linked.indices[linked.indptr[one] : linked.indptr[one + 1]]}
                mine = np.isin(table, list(near))
                if mine.sum() == size or (not only_below and mine.sum() > _NEAR):
                    break
                size = mine.sum()
                attempts += 1
                touched = touches[:, sorted(near)].sum(axis=1) > 0
                part = csr_array(equations[touched][:, mine])
                fixed = self.cells.whole[cells] + np.where(mine, 0.0, self.z[cells])
                self.try_near(cells[mine], part, -(equations[touched] @ fixed))
        return attempts

    def try_near(self, cells: Integers, part: csr_array, sides: Floats) -> None:
        """Choose some cells anew and keep what is better."""
        step = float(len(cells) + 1)
        before = self.price(cells, self.z[cells], step)
        limit = max(1, min(_STEPS, int(self.steps(self.z)[cells].max())))
        is_below = bool(((self.cells.whole + self.z)[cells] < 0).any())
        for steps in (0, limit):
            found, _ = self.solve(cells, part, sides, steps, _AGAIN, below=is_below and steps > 0)
            if found is not None:
                if self.price(cells, found, step) < before - 1e-9:
                    self.z[cells] = found
                return

    def too_far(self, cells: Integers, *, only_below: bool) -> Booleans:
        """Return which of some cells lie below 0, or beyond the adjacent multiples."""
        below: Booleans = (self.cells.whole + self.z)[cells] < 0
        return below if only_below else below | (self.steps(self.z)[cells] > 0)


def _integer_programme(
    matrix: csr_array, sides: Floats, cost: Floats, upper: Floats, effort: _Effort
) -> tuple[Floats | None, bool]:
    """Return the whole numbers from 0 to ``upper`` of least cost with ``matrix @ x`` = ``sides``; see ``solve``."""
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = len(cost), len(sides)
    programme.col_cost_, programme.col_lower_, programme.col_upper_ = cost, np.zeros(len(cost)), upper
    programme.row_lower_ = programme.row_upper_ = sides
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    programme.a_matrix_.start_, programme.a_matrix_.index_ = matrix.indptr, matrix.indices
    programme.a_matrix_.value_ = matrix.data
    programme.integrality_ = [highspy.HighsVarType.kInteger] * len(cost)
    solver = new_solver(mip_rel_gap=effort[0], mip_max_nodes=effort[1])
    solver.passModel(programme)
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None, True
    is_final = status == highspy.HighsModelStatus.kOptimal
    found: Floats = np.rint(np.array(solver.getSolution().col_value, dtype=np.float64))
    if len(found) != len(cost) or (matrix @ found != sides).any() or (found < 0).any() or (found > upper).any():
        return None, False
    return found, is_final


def _depths(equations: csr_array) -> Integers:
    """Return for each cell how many wholes stand above it, on the longest way.

    The whole of an equation is the cell whose sign stands alone; an equation without (a + b = c + d) orders nothing.
    """
    of_row = np.repeat(np.arange(equations.shape[0]), np.diff(equations.indptr))
    sign = equations.data
    plus = np.bincount(of_row[sign > 0], minlength=equations.shape[0])
    minus = np.diff(equations.indptr) - plus
    whole_sign = np.where(plus == 1, 1.0, np.where(minus == 1, -1.0, 0.0))
    is_whole = sign == whole_sign[of_row]
    whole = np.full(equations.shape[0], -1)
    whole[of_row[is_whole]] = equations.indices[is_whole]
    is_part = ~is_whole & (whole[of_row] >= 0)
    above, below = whole[of_row[is_part]], equations.indices[is_part]
    depth = np.zeros(equations.shape[1], dtype=np.int64)
    for _ in range(_DEEPEST):
        deeper = depth.copy()
        np.maximum.at(deeper, below, depth[above] + 1)
        if (deeper == depth).all():
            break
        depth = deeper
    return depth


_Row = dict[int, int]


def _implied(equations: csr_array, depth: Integers) -> csr_array:
    """Return equations between cells of one level and those above that hold because of the levels below.

    Each level is eliminated, the deepest first, over the whole numbers: what remains of its equations is about the
    levels above, and is kept where those do not say the same by themselves.
    """
    starts = equations.indptr
    level = np.array([depth[equations.indices[a:b]].max(initial=-1) for a, b in zip(starts, starts[1:], strict=False)])
    kept: list[_Row] = []
    passed: list[list[_Row]] = [[] for _ in range(int(depth.max(initial=0)) + 1)]
    for d in range(len(passed) - 1, -1, -1):
        rows: list[_Row] = []
        for row in np.flatnonzero(level == d):
            entry = slice(starts[row], starts[row + 1])
            pairs = zip(equations.indices[entry].tolist(), equations.data[entry].tolist(), strict=True)
            rows.append({cell: int(sign) for cell, sign in pairs})
        own = len(rows)
        rows += passed[d]
        kept += _eliminate(rows, own, set(np.flatnonzero(depth == d).tolist()))
        for left in rows:
            if left:
                divisor = gcd(*left.values())
                passed[max(int(depth[cell]) for cell in left)].append({c: a // divisor for c, a in left.items()})
    of_row = [k for k, row in enumerate(kept) for _ in row]
    cells = [cell for row in kept for cell in row]
    signs = [float(sign) for row in kept for sign in row.values()]
    return csr_array((signs, (of_row, cells)), shape=(len(kept), equations.shape[1]), dtype=np.float64)


def _eliminate(rows: list[_Row], own: int, cells: set[int]) -> list[_Row]:
    """Remove cells from all rows, in place; return the pivot rows from position ``own`` on, pivot rows become empty."""
    of_cell: dict[int, set[int]] = {cell: set() for cell in cells}
    for k, row in enumerate(rows):
        for cell in row.keys() & cells:
            of_cell[cell].add(k)
    queue = [(len(having), cell) for cell, having in of_cell.items() if having]
    heapify(queue)
    added: list[_Row] = []
    while queue:
        size, cell = heappop(queue)
        having = of_cell[cell]
        if len(having) != size:
            if having:
                heappush(queue, (len(having), cell))
            continue
        first = min(having, key=lambda k: (k >= own, abs(rows[k][cell]) != 1, len(rows[k]), k))
        pivot = rows[first]
        if first >= own:
            added.append(dict(pivot))
        for k in sorted(having - {first}):
            _subtract(rows[k], pivot, cell)
            for other in pivot.keys() & cells:
                (of_cell[other].add if other in rows[k] else of_cell[other].discard)(k)
        for other in pivot.keys() & cells:
            of_cell[other].discard(first)
        rows[first] = {}
    return added


def _subtract(row: _Row, pivot: _Row, cell: int) -> None:
    """Remove a cell from a row by whole multiples of the row and of the pivot."""
    divisor = gcd(pivot[cell], row[cell])
    times, minus = pivot[cell] // divisor, row[cell] // divisor
    if times != 1:
        for other in row:
            row[other] *= times
    for other, sign in pivot.items():
        left = row.get(other, 0) - minus * sign
        if left:
            row[other] = left
        else:
            row.pop(other, None)
