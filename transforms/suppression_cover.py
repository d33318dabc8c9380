"""Cells that are not alone: in every equation of a hidden cell that matters another one is hidden, as cheaply as found.

Here belongs the first, combinatorial step of the heuristic. That no cell is alone is necessary for protection and not
sufficient: linear programmes say what is missing. It is cheap, and where it is not enough it is a good beginning.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np

from transforms.linked_cells import Booleans, Integers
from transforms.suppression_proofs import Component

#: Cells that may be shown again together with one, because they would be alone.
_TOGETHER = 40
_ROUNDS = 3


class _Cover:
    """Hidden cells, and of every equation how many are hidden and how many of those matter."""

    def __init__(self, component: Component) -> None:
        self.of = component
        equations, by_cell = component.equations, component.by_cell
        count, rows = len(component.value), equations.shape[0]
        self.rows = [by_cell.indices[by_cell.indptr[i] : by_cell.indptr[i + 1]] for i in range(count)]
        self.members = [equations.indices[equations.indptr[i] : equations.indptr[i + 1]] for i in range(rows)]
        degree = np.diff(by_cell.indptr)
        #: Equations of a cell side by side; the last is none.
        self.table = np.full((count, int(degree.max(initial=1))), rows)
        owner = np.repeat(np.arange(count), degree)
        self.table[owner, np.arange(len(owner)) - np.repeat(by_cell.indptr[:-1], degree)] = by_cell.indices
        self.is_hidden: Booleans = component.is_hidden.copy()
        sensitive = (component.up > 0) | (component.down > 0)
        pattern = (equations != 0).astype(np.int64)
        self.hidden = np.append(pattern @ self.is_hidden.astype(np.int64), 2)
        self.matter = np.append(pattern @ (self.is_hidden & sensitive).astype(np.int64), 0)
        cheapest = [component.cost[m][~component.is_hidden[m]].min(initial=np.inf) for m in self.members]
        #: What it costs at least to give an equation a second cell.
        self.price = np.append(np.where(np.isfinite(cheapest), cheapest, 0.0), 0.0)

    def hide(self, cell: int) -> None:
        """Hides a cell."""
        self.is_hidden[cell] = True
        self.hidden[self.rows[cell]] += 1
        self.matter[self.rows[cell]] += 1

    def show(self, cell: int) -> None:
        """Shows a cell that had been hidden here."""
        self.is_hidden[cell] = False
        self.hidden[self.rows[cell]] -= 1
        self.matter[self.rows[cell]] -= 1

    def lonely(self, rows: Iterable[int]) -> list[int]:
        """Those equations in which a cell that matters is alone."""
        return [row for row in rows if self.hidden[row] == 1 and self.matter[row] == 1]

    def close(self, rows: Iterable[int], forbidden: int = -1, limit: float = np.inf) -> tuple[float, list[int]]:
        """Gives lonely cells company, and that company its own: each time the cheapest cell and what it entails.

        Args:
            rows: equations to look at.
            forbidden: a cell not to use.
            limit: cost from which to give up.

        Returns:
            What it cost, inf where it gave up; the cells that are hidden now. An equation without a cell to choose is
            left as it is where there is no limit.
        """
        chosen: list[int] = []
        queue, spent = deque(rows), 0.0
        while queue:
            row = queue.popleft()
            if not self.lonely([row]):
                continue
            members: Integers = self.members[row]
            members = members[~self.is_hidden[members] & (members != forbidden)]
            if not len(members):
                if np.isfinite(limit):
                    return np.inf, chosen
                continue
            around = self.table[members]
            hidden, price = self.hidden[around], self.price[around]
            change = np.where(hidden == 0, price, 0.0).sum(axis=1) - np.where(hidden == 1, price, 0.0).sum(axis=1)
            cell = int(members[np.argmin(self.of.cost[members] + change)])
            self.hide(cell)
            chosen.append(cell)
            spent += float(self.of.cost[cell])
            if spent >= limit:
                return np.inf, chosen
            queue.extend(self.lonely(self.rows[cell].tolist()))
        return spent, chosen

    def secondary(self) -> list[int]:
        """Cells hidden here, the dearest first."""
        cells = np.flatnonzero(self.is_hidden & ~self.of.is_hidden)
        return [int(cell) for cell in cells[np.lexsort((cells, -self.of.cost[cells]))]]

    def drop(self) -> None:
        """Shows cells that leave nobody alone."""
        for cell in self.secondary():
            rows = self.rows[cell]
            if not ((self.hidden[rows] == 2) & (self.matter[rows] == 2)).any():
                self.show(cell)

    def improve(self) -> int:
        """Tries for every cell whether others in its place are cheaper; returns how often they were."""
        better = 0
        for cell in self.secondary():
            if not self.is_hidden[cell]:
                continue
            gone, left, gain = [cell], self.rows[cell].tolist(), float(self.of.cost[cell])
            self.show(cell)
            while left:
                row = left.pop()
                if not self.lonely([row]):
                    continue
                other = int(self.members[row][self.is_hidden[self.members[row]]][0])
                if not self.of.is_hidden[other] and len(gone) < _TOGETHER:
                    self.show(other)
                    gone.append(other)
                    gain += float(self.of.cost[other])
                    left.extend(self.rows[other].tolist())
            rows = [int(row) for other in gone for row in self.rows[other]]
            spent, chosen = self.close(rows, cell, gain * (1 - 1e-9))
            if np.isfinite(spent):
                better += 1
                continue
            for other in chosen:
                self.show(other)
            for other in gone:
                self.hide(other)
        return better


def cover(component: Component) -> Booleans:
    """Hides cells so that none that matters is alone in an equation.

    Args:
        component: the cells.

    Returns:
        Cells that are hidden then.
    """
    state = _Cover(component)
    state.close(range(component.equations.shape[0]))
    state.drop()
    for _ in range(_ROUNDS):
        if not state.improve():
            break
    return state.is_hidden
