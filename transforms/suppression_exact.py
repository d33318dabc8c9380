"""The cheapest cells to hide, proved: a programme in whole numbers, and cuts from what an attacker could work out.

Here belongs the exact solution for a component of a limited size. With x_j = 1 for a hidden cell, a confidential cell p
is protected upwards by u if and only if

    max {d_p : equations @ d = 0, -value_j x_j <= d_j, d_j = 0 where x_j = 0} >= u

By duality every multiplier y of the equations says sum_j (r_j+ inf + r_j- value_j) x_j >= u, with
r = e_p - y @ equations; coefficients above u may be cut to u. The cells are chosen by the inequalities known so far,
the attacker's programmes either protect every cell or give inequalities that the choice breaks, until there are none.

Source: Fischetti and Salazar (2001) Solving the cell suppression problem on tabular data with linear constraints,
Management Science 47.
"""

import numpy as np
from scipy.sparse import csr_array, vstack

from transforms.linked_cells import Booleans, Floats
from transforms.solver import Programme
from transforms.suppression_proofs import ASKED, ENOUGH, NOTHING, UP, Component, Proofs

#: Nodes of all searches among whole numbers together after which the component is left to the heuristic.
NODES = 5_000
#: Rounds of cuts after which it is left to the heuristic.
ROUNDS = 25
#: Room that shown cells get when a cut is looked for, in needs: of many multipliers those that name few cells are best.
_ROOM = 1e-3
#: How far from the best the first searches may end; the last ones end at the best.
_FIRST_GAP = 0.03
#: Coefficients below are 0.
_TINY = 1e-9


class Attacker:
    """How far a confidential cell can move when some cells are hidden."""

    def __init__(self, component: Component) -> None:
        """Sets the programme up once; bounds change with what is hidden."""
        self._of = component
        rows, self._cells = component.equations.shape
        zero = np.zeros(self._cells)
        self._programme = Programme(
            component.equations, zero, zero, zero, np.zeros(rows), np.zeros(rows), maximise=True, presolve="off"
        )
        self._all = np.arange(self._cells)
        self.solves = 0

    def hide(self, share: Floats, room: float = 0.0) -> None:
        """Says which cells are hidden.

        Args:
            share: of every cell, 1 hidden, 0 shown.
            room: what shown cells may deviate all the same.
        """
        of = self._of
        self._lower = -np.where(share > 0.5, of.value, np.minimum(of.value, room))
        self._upper = np.where(share > 0.5, np.inf, room)
        self._programme.bound(self._all, self._lower, self._upper)

    def reach(self, cell: int, way: int) -> tuple[float, Floats, Floats]:
        """Moves a cell as far as it can be moved, no further than needed.

        Returns:
            How far; the deviation; r, the attacker's multipliers of the cells.
        """
        of = self._of
        one, at = np.array([float(way)]), np.array([cell])
        need = of.need(cell, way) * ASKED
        lower, upper = self._lower[at], self._upper[at]
        self._programme.price(at, one)
        self._programme.bound(at, np.maximum(lower, -need), np.minimum(upper, need))
        solved = self._programme.solve()
        self.solves += 1
        self._programme.price(at, np.zeros(1))
        self._programme.bound(at, lower, upper)
        multiplier = -(of.by_cell @ solved.dual)
        multiplier[cell] += way
        return solved.objective, solved.x, multiplier


def _first_cuts(component: Component) -> csr_array:
    """In an equation no cell that matters is hidden alone: rows over cells, each at least minus the hidden ones."""
    rows: list[tuple[list[int], list[float]]] = []
    equations = component.equations
    sensitive = (component.up > 0) | (component.down > 0)
    for row in range(equations.shape[0]):
        members = equations.indices[equations.indptr[row] : equations.indptr[row + 1]]
        hidden = members[component.is_hidden[members]]
        open_ = members[~component.is_hidden[members]].tolist()
        if len(hidden) == 1 and sensitive[hidden[0]]:
            rows.append(([int(hidden[0]), *open_], [-1.0] + [1.0] * len(open_)))
        elif not len(hidden):
            rows += [([cell, *(o for o in open_ if o != cell)], [-1.0] + [1.0] * (len(open_) - 1)) for cell in open_]
    start = np.concatenate([[0], np.cumsum([len(cells) for cells, _ in rows])]).astype(np.int64)
    where = np.array([cell for cells, _ in rows for cell in cells], dtype=np.int64)
    factor = np.array([value for _, values in rows for value in values])
    return csr_array((factor, where, start), shape=(len(rows), len(component.value)))


def _cut(component: Component, cell: int, way: int, multiplier: Floats) -> Floats | None:
    """The inequality coefficients @ x >= 1 over cells that are not hidden yet, or None where there is none."""
    rise, fall = np.maximum(multiplier, 0.0), np.maximum(-multiplier, 0.0)
    hidden = component.is_hidden
    left = component.need(cell, way) - float(fall[hidden] @ component.value[hidden])
    if left <= (1 - ENOUGH) * component.need(cell, way) or np.any(rise[hidden] > 1e-6):
        return None
    found = np.where(rise > _TINY, 1.0, np.minimum(1.0, fall * component.value / left))
    return np.where(hidden | (found < _TINY), 0.0, found)


def attainable(component: Component) -> tuple[list[tuple[int, int]], int]:
    """Needs that are not met even if everything is hidden, and the solves that it took."""
    attacker, proofs = Attacker(component), Proofs(component)
    attacker.hide(np.ones(len(component.value)))
    everything = np.arange(len(component.value))
    missed = []
    for cell, way in component.tasks:
        if (cell, way) in proofs.left:
            _, deviation, _ = attacker.reach(cell, way)
            if (cell, way) not in proofs.offer(everything, deviation, NOTHING * component.need(cell, way)):
                missed.append((cell, way))
    return missed, attacker.solves


def cheapest(component: Component, *, nodes: int = NODES) -> tuple[Booleans, Proofs, int] | None:
    """Hides the cheapest cells that protect everything; all needs must be attainable.

    Args:
        component: the cells.
        nodes: of all searches together after which to give up.

    Returns:
        Cells that are hidden, the proofs and the solves; None where it gave up.
    """
    count = len(component.value)
    attacker = Attacker(component)
    scale = max(float(component.cost.max(initial=0.0)), 1e-300)
    matrix = _first_cuts(component)
    least = np.zeros(matrix.shape[0])
    everything = np.arange(count)
    seen: list[tuple[int, int, Floats]] = []
    fixed = component.is_hidden.astype(float)
    searches, gap = 0, _FIRST_GAP
    for _ in range(ROUNDS):
        master = Programme(
            matrix, component.cost / scale, fixed, np.ones(count), least, np.full(len(least), np.inf),
            integer=~component.is_hidden, mip_rel_gap=gap, mip_abs_gap=1e-7 if gap == 0 else 1e-6, mip_max_nodes=nodes,
        )  # fmt: skip
        solved = master.solve()
        nodes -= solved.nodes
        searches += 1
        if solved.status != "optimal" or nodes <= 0:
            return None
        chosen = (solved.x > 0.5) | component.is_hidden
        proofs = Proofs(component)
        broken: list[tuple[int, int]] = []
        attacker.hide(chosen.astype(float))
        for cell, way in component.tasks:
            if (cell, way) not in proofs.left:
                continue
            _, deviation, multiplier = attacker.reach(cell, way)
            if (cell, way) not in proofs.offer(everything, deviation, NOTHING * component.need(cell, way)):
                broken.append((cell, way))
                seen.append((cell, way, multiplier))
        if not broken and gap > 0:
            gap = 0.0
            continue
        if not broken:
            return chosen, proofs, attacker.solves + searches
        cuts = [_cut(component, *found) for found in seen]
        seen = []
        for cell, way in broken:
            attacker.hide(chosen.astype(float), _ROOM * component.need(cell, way))
            cuts.append(_cut(component, cell, way, attacker.reach(cell, way)[2]))
        new = [cut for cut in cuts if cut is not None and cut @ chosen < ENOUGH]
        if not new:
            return None
        added = csr_array(np.unique(np.array(new), axis=0))
        matrix = vstack([matrix, added]).tocsr()
        least = np.concatenate([least, np.ones(added.shape[0])])
    return None


__all__ = ["NODES", "UP", "Attacker", "attainable", "cheapest"]
