"""Proofs that confidential cells are protected: other values of the hidden cells that fit all that is published.

Here belongs the problem that is left of linked tables once what is known for good is put aside, and the proofs. A proof
is a deviation d with equations @ d = 0, 0 in shown cells and value + d >= 0: who knows only what is published cannot
tell value + d from value. It protects every confidential cell that it moves as far as needed; it needs no solver to be
checked. Which cells to hide is said in ``suppression_exact`` and ``suppression_heuristic``.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from transforms.linked_cells import Booleans, Floats, Integers, Linked

#: A need counts as met from this share of it.
ENOUGH = 1 - 1e-7
#: What the solver is asked for, in needs: a little more, so that its tolerance does no harm.
ASKED = 1 + 1e-6
#: Deviations below this share of the need are none.
NOTHING = 1e-7
#: Sums of an equation's deviations below this share of the need are 0.
BALANCED = 1e-6

UP, DOWN = 1, -1


@dataclass(frozen=True)
class Component:
    """Cells that hang together by equations, none of them known; in units of the middle need.

    Attributes:
        cells: their places among all cells.
        equations: equations x cells, only those that say something.
        value: true values.
        cost: of hiding; 0 where hidden already.
        up: needs upwards, 0 for none.
        down: needs downwards, 0 for none.
        is_hidden: hidden already.
    """

    cells: Integers
    equations: csr_array
    value: Floats
    cost: Floats
    up: Floats
    down: Floats
    is_hidden: Booleans

    @cached_property
    def by_cell(self) -> csr_array:
        """Cells x equations."""
        return self.equations.T.tocsr()

    @cached_property
    def tasks(self) -> list[tuple[int, int]]:
        """(cell, UP or DOWN) of every need, the largest first, then by place."""
        found = [(-self.up[p], int(p), UP) for p in np.flatnonzero(self.up > 0)]
        found += [(-self.down[p], int(p), DOWN) for p in np.flatnonzero(self.down > 0)]
        return [(cell, way) for _, cell, way in sorted(found, key=lambda task: (task[0], task[1], -task[2]))]

    def need(self, cell: int, way: int) -> float:
        """What a cell needs upwards or downwards."""
        return float(self.up[cell] if way == UP else self.down[cell])


class Proofs:
    """Which needs are met, and the deviations that show it."""

    def __init__(self, component: Component) -> None:
        """Begins with none."""
        self._of = component
        self.found: list[tuple[Integers, Floats]] = []
        #: (cell, way) -> its deviation's place in ``found``.
        self.by_task: dict[tuple[int, int], int] = {}
        self.left: set[tuple[int, int]] = set(component.tasks)

    def offer(self, cells: Integers, deviation: Floats, least: float) -> list[tuple[int, int]]:
        """Takes a deviation and its opposite, each as long as it can be, for all needs left that they meet.

        Args:
            cells: that deviate.
            deviation: of them, balanced.
            least: deviations up to this are none.

        Returns:
            The needs that are met by it.
        """
        moved = np.abs(deviation) > least
        cells, deviation = cells[moved], deviation[moved]
        of, met = self._of, []
        sensitive = np.flatnonzero((of.up[cells] > 0) | (of.down[cells] > 0))
        for sign in (1.0, -1.0):
            move = sign * deviation
            falls = move < 0
            room = float(np.min(of.value[cells[falls]] / -move[falls], initial=1e6))
            here = []
            most = 0.0
            for place in sensitive:
                cell, way = int(cells[place]), UP if move[place] > 0 else DOWN
                need = of.need(cell, way)
                if need and (cell, way) in self.left and room * abs(move[place]) >= need * ENOUGH:
                    here.append((cell, way))
                    most = max(most, need / abs(move[place]))
            if here:
                self.found.append((cells, move * min(room, most)))
                for task in here:
                    self.by_task[task] = len(self.found) - 1
                    self.left.discard(task)
                met += here
        return met

    def withdraw(self, cell: int) -> list[tuple[int, int]]:
        """Takes back all proofs in which a cell deviates; returns the needs that they met."""
        lost = [task for task, place in self.by_task.items() if cell in self.found[place][0]]
        for task in lost:
            del self.by_task[task]
            self.left.add(task)
        return lost

    def unmet(self, of: Component, is_hidden: Booleans) -> list[tuple[int, int]]:
        """Checks every proof from scratch, by sums alone; returns the needs that none of them meets.

        Args:
            of: the component, with the needs that must be met.
            is_hidden: cells that are hidden in the end.
        """
        bad = []
        sound: dict[int, tuple[float, bool]] = {}
        for task in of.tasks:
            cell, way = task
            place = self.by_task.get(task)
            if place is None:
                bad.append(task)
                continue
            cells, deviation = self.found[place]
            if place not in sound:
                whole = np.zeros(len(of.value))
                whole[cells] = deviation
                unbalanced = float(np.max(np.abs(of.equations @ whole), initial=0.0))
                below = float(np.max(-deviation - of.value[cells], initial=0.0))
                sound[place] = (max(unbalanced, below), bool(is_hidden[cells].all()))
            error, hidden = sound[place]
            need = of.need(cell, way)
            reached = way * float(deviation[cells == cell].sum())
            if not hidden or reached < need * (1 - BALANCED) or error > BALANCED * need:
                bad.append(task)
        return bad


def unknown_cells(linked: Linked) -> Booleans:
    """Cells that what is shown for good does not determine: one that is alone in an equation is known."""
    equations = linked.equations
    unknown: Booleans = ~linked.is_fixed | linked.is_hidden
    while True:
        alone = (equations != 0).astype(np.int64) @ unknown.astype(np.int64) == 1
        known = (abs(equations[np.flatnonzero(alone)]).sum(axis=0) > 0) & unknown
        if not known.any():
            return unknown
        unknown = unknown & ~known


def components(linked: Linked, unknown: Booleans) -> list[Component]:
    """Splits what is not known into components with needs, by their first cells.

    Args:
        linked: the tables.
        unknown: cells that are not known.
    """
    cells = np.flatnonzero(unknown)
    equations = linked.equations[:, cells].tocsr()
    equations.eliminate_zeros()
    equations = equations[np.flatnonzero(np.diff(equations.indptr))]
    pattern = (equations != 0).astype(np.int8)
    _, label = connected_components((pattern.T @ pattern).tocsr(), directed=False)
    sensitive = (linked.need_up[cells] > 0) | (linked.need_down[cells] > 0)
    by_cell = equations.T.tocsr()
    found = []
    for number in np.unique(label[sensitive]):
        inside = np.flatnonzero(label == number)
        rows = np.unique(by_cell[inside].indices)
        here = cells[inside]
        needs = np.concatenate([linked.need_up[here], linked.need_down[here]])
        unit = float(np.median(needs[needs > 0]))
        found.append(
            Component(
                cells=here,
                equations=equations[rows][:, inside].tocsr(),
                value=np.maximum(linked.value[here], 0.0) / unit,
                cost=np.where(linked.is_hidden[here], 0.0, linked.cost[here]),
                up=linked.need_up[here] / unit,
                down=np.minimum(linked.need_down[here], linked.value[here]) / unit,
                is_hidden=linked.is_hidden[here],
            )
        )
    return found
