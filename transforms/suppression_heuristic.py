"""Which cells to hide in a component too large for the optimum.

Here belongs the heuristic. It begins with cells that leave nobody alone (``suppression_cover``). Then linear programmes
look for deviations that meet many needs at once: every need that is left pays a prize when it is met, every shown cell
its cost per unit, hidden cells are free; the prize grows from round to round, so that what can be met cheaply is met
first. What a deviation uses is hidden from then on. The last needs, and all of a component of a middling size, are met
one by one by the cheapest deviation (Kelly). At last all is done again with nothing but the cells hidden so far, and
cells turn out superfluous. A need is left only if nothing meets it though everything is hidden.

Source: Kelly, Golden and Assad (1992) Cell suppression: disclosure protection for sensitive tabular data, Networks 22.
"""

from typing import Any

import numpy as np
from scipy.sparse import csr_array, hstack

from transforms.linked_cells import Booleans, Floats, Integers
from transforms.progress import Progress
from transforms.solver import Programme
from transforms.suppression_cover import cover
from transforms.suppression_proofs import ASKED, DOWN, NOTHING, UP, Component, Proofs

#: Cells up to which every need is met by itself.
ALONE = 1500
#: Cells up to which all is done again with what is hidden.
AGAIN = 12_000
#: Prizes of the rounds, in middle costs.
PRIZES = (10.0, 80.0, 600.0, 5_000.0, 50_000.0, 500_000.0)
#: Prizes when only cells hidden before are open.
PRIZES_AGAIN = (15.0, 100.0, 600.0)
#: Share of the needs that a round without costs must meet for another one to follow.
_YIELD = 0.03
#: Cost of a hidden cell's deviation when needs are met one by one, in middle costs: short ones are better.
_FREE = 1e-3
#: Steps of one programme for one need.
_STEPS = 200_000
#: Needs that rest on a cell, above which it is not tried whether it can be shown again.
_RELIED = 40
#: Solves of the clean-up, per secondary cell.
_TRIES = 40
#: Times that the clean-up goes through the secondary cells.
_CLEANINGS = 4

Task = tuple[int, int]


class Heuristic:
    """The heuristic at work on a component.

    Attributes:
        is_hidden: cells that are hidden so far.
        proofs: of the needs met so far.
        missed: needs that nothing meets.
        solves: programmes solved.
    """

    def __init__(self, component: Component, progress: Progress) -> None:
        """Begins with what is hidden already.

        Args:
            component: the cells.
            progress: is told how far it is.
        """
        self._of = component
        self._progress = progress
        self._random = np.random.default_rng(0)
        self._open = np.ones(len(component.value), dtype=bool)
        costs = component.cost[~component.is_hidden]
        self._middle = float(np.median(costs)) if len(costs) else 1.0
        self.is_hidden: Booleans = component.is_hidden.copy()
        self.proofs = Proofs(component)
        self.solves = 0
        self.missed: list[Task] = []

    def run(self) -> None:
        """Meets every need that can be met, then shows superfluous cells again."""
        self.is_hidden = cover(self._of)
        if len(self._of.value) <= ALONE:
            self._one_by_one()
            self._clean_up()
            return
        self._rounds(PRIZES)
        self._one_by_one()
        if len(self._of.value) <= AGAIN:
            self._again()

    def _rounds(self, prizes: tuple[float, ...]) -> None:
        """Meets many needs at once, for growing prizes."""
        self._for_free()
        for prize in prizes:
            if not self.proofs.left:
                return
            self._together(prize * self._middle)
            self._for_free()
            self._tell()

    def _for_free(self) -> None:
        """Meets needs by what is hidden already, until it meets few."""
        met = len(self.proofs.left)
        while self.proofs.left and met > _YIELD * len(self.proofs.left):
            met = self._together(0.0)

    def _tell(self) -> None:
        cost = float(self._of.cost[self.is_hidden].sum())
        self._progress(
            f"{len(self.proofs.left)} of {len(self._of.tasks)} needs left, cost {cost:,.0f}, {self.solves} solves"
        )

    def _together(self, prize: float) -> int:
        """Looks for a deviation that meets many needs, hides what it uses, and returns how many it meets.

        Args:
            prize: of a need, in costs; without one only hidden cells deviate.
        """
        of = self._of
        cells = _movable(of, self.is_hidden | self._open if prize else self.is_hidden)
        free, priced = cells[self.is_hidden[cells]], cells[~self.is_hidden[cells]]
        lower, upper, gain = -of.value[free], np.full(len(free), np.inf), np.zeros(len(free))
        beyond, least, most = [], [], []
        for at in np.flatnonzero((of.up[free] > 0) | (of.down[free] > 0)):
            cell = int(free[at])
            way = self._way(cell)
            share = float(self._random.uniform(0.5, 1.5))
            if not way:
                continue
            need = of.need(cell, way) * ASKED
            gain[at] = way * share * (prize or 1.0) / need
            beyond.append(at)
            if way == UP:
                upper[at] = need
                least.append(0.0)
                most.append(np.inf)
            else:
                lower[at] = -min(need, of.value[cell])
                least.append(-of.value[cell] - lower[at])
                most.append(0.0)
        equations = of.equations
        columns = [equations[:, free], equations[:, priced], -equations[:, priced], equations[:, free[beyond]]]
        matrix = hstack(columns).tocsr()
        matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
        balance = np.zeros(matrix.shape[0])
        # A shown cell that can fall by little is worth as much less.
        falling = of.cost[priced] / np.clip(of.value[priced], 1e-3, 1.0)
        solved = Programme(
            matrix,
            np.concatenate([gain, -of.cost[priced], -falling, np.zeros(len(beyond))]),
            np.concatenate([lower, np.zeros(2 * len(priced)), least]),
            np.concatenate([upper, np.full(len(priced), np.inf), of.value[priced], most]),
            balance,
            balance,
            maximise=True,
        ).solve()
        self.solves += 1
        if solved.status != "optimal":
            return 0
        deviation = np.zeros(len(of.value))
        first, second, third = np.split(solved.x, np.cumsum([len(free), len(priced), len(priced)]))[:3]
        deviation[free] = first
        deviation[free[beyond]] += solved.x[len(free) + 2 * len(priced) :]
        deviation[priced] = second - third
        return self._use(np.arange(len(of.value)), deviation, NOTHING)

    def _way(self, cell: int) -> int:
        """Which of a cell's needs that are left to go for; 0 for none."""
        up, down = (cell, UP) in self.proofs.left, (cell, DOWN) in self.proofs.left
        coin = bool(self._random.integers(2))
        if up and (coin or not down):
            return UP
        return DOWN if down else 0

    def _use(self, cells: Integers, deviation: Floats, least: float) -> int:
        """Hides what a deviation uses if it meets a need; returns how many it meets."""
        met = len(self.proofs.offer(cells, deviation, least))
        if met:
            self.is_hidden[cells[np.abs(deviation) > least]] = True
        return met

    def _one_by_one(self) -> None:
        """Meets every need that is left by itself, the largest first."""
        for task in self._of.tasks:
            if task not in self.proofs.left or task in self.missed:
                continue
            if not self._meet(task, self._open) and not self._meet(task, None):
                self.missed.append(task)

    def repair(self, tasks: list[Task]) -> None:
        """Meets needs anew whose proofs do not hold; those that are not met any more are missed."""
        for task in tasks:
            self.proofs.by_task.pop(task, None)
            self.proofs.left.add(task)
        self._open = np.ones(len(self._of.value), dtype=bool)
        for task in tasks:
            if task in self.proofs.left and not self._meet(task, self._open) and not self._meet(task, None):
                self.missed.append(task)

    def _meet(self, task: Task, shown: Booleans | None) -> bool:
        """Meets a need as cheaply as it can; says whether it did.

        Args:
            task: the need.
            shown: cells that may be hidden beside those that are; None for all, whatever they cost.
        """
        of, (cell, way) = self._of, task
        everything = np.ones(len(of.value), dtype=bool)
        cells = _movable(of, everything if shown is None else self.is_hidden | shown)
        if cell not in cells:
            return False
        hidden = self.is_hidden[cells]
        need = of.need(cell, way) * ASKED
        value = of.value[cells]
        unit = np.where(hidden, _FREE * self._middle, of.cost[cells]) * (0.0 if shown is None else 1.0)
        falling = np.where(hidden, unit, unit / np.clip(value / need, 1e-3, 1.0))
        rise_least, fall_least = np.zeros(len(cells)), np.zeros(len(cells))
        rise_most, fall_most = np.full(len(cells), np.inf), value.copy()
        at = int(np.flatnonzero(cells == cell)[0])
        if way == UP:
            rise_least[at], rise_most[at], fall_most[at] = need, need, 0.0
        else:
            fall_least[at] = fall_most[at] = min(need, float(value[at]))
            rise_most[at] = 0.0
        matrix = of.equations[:, cells]
        matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
        balance = np.zeros(matrix.shape[0])
        small: dict[str, Any] = {"presolve": "off", "solver": "simplex"} if len(cells) < ALONE else {}
        solved = Programme(
            csr_array(hstack([matrix, -matrix])),
            np.concatenate([unit, falling]),
            np.concatenate([rise_least, fall_least]),
            np.concatenate([rise_most, fall_most]),
            balance,
            balance,
            simplex_iteration_limit=_STEPS,
            **small,
        ).solve()
        self.solves += 1
        if solved.status != "optimal":
            return False
        rise, fall = np.split(solved.x, 2)
        self._use(cells, rise - fall, NOTHING * of.need(cell, way))
        return task not in self.proofs.left

    def _again(self) -> None:
        """Does it again with nothing but the cells hidden so far, and keeps the cheaper."""
        before, proofs = self.is_hidden, self.proofs
        self._open, self.is_hidden, self.proofs = before, self._of.is_hidden.copy(), Proofs(self._of)
        self.proofs.left -= set(self.missed)
        self._rounds(PRIZES_AGAIN)
        missed = list(self.missed)
        self._one_by_one()
        cost = self._of.cost
        if self.missed != missed or cost[self.is_hidden].sum() >= cost[before].sum():
            self.is_hidden, self.proofs, self.missed = before, proofs, missed

    def _clean_up(self) -> None:
        """Shows secondary cells again, the dearest first, where what rests on them is met more cheaply without them."""
        of, all_open = self._of, self._open
        budget = self.solves + _TRIES * int((self.is_hidden & ~of.is_hidden).sum())
        for _ in range(_CLEANINGS):
            better = False
            secondary = np.flatnonzero(self.is_hidden & ~of.is_hidden)
            for cell in secondary[np.lexsort((secondary, -of.cost[secondary]))].tolist():
                if self.is_hidden[cell]:
                    better |= self._without(cell, budget)
            self._open = all_open
            if not better:
                return

    def _without(self, cell: int, budget: int) -> bool:
        """Shows a cell if what rests on it is met more cheaply by others; says whether it did."""
        of, proofs = self._of, self.proofs
        before, held, hidden = dict(proofs.by_task), len(proofs.found), self.is_hidden.copy()
        cost = float(of.cost[hidden].sum())
        lost = proofs.withdraw(cell)
        self.is_hidden[cell] = False
        self._open = np.ones(len(of.value), dtype=bool)
        self._open[cell] = False
        good = len(lost) <= _RELIED or not lost
        for task in lost:
            if not good:
                break
            good = task not in proofs.left or (self.solves < budget and self._meet(task, self._open))
            good = good and float(of.cost[self.is_hidden].sum()) < cost * (1 - 1e-9)
        if good:
            self._drop()
            return True
        proofs.by_task = before
        proofs.left -= set(lost)
        del proofs.found[held:]
        self.is_hidden = hidden
        return False

    def _drop(self) -> None:
        """Shows secondary cells that no proof uses."""
        used = self._of.is_hidden.copy()
        for place in set(self.proofs.by_task.values()):
            used[self.proofs.found[place][0]] = True
        self.is_hidden &= used


def _movable(component: Component, chosen: Booleans) -> Integers:
    """Of some cells those that are not alone in an equation, after those that are have been put aside."""
    pattern = (component.equations != 0).astype(np.int64)
    left: Booleans = chosen.copy()
    while True:
        alone = pattern @ left.astype(np.int64) == 1
        stuck = (pattern.T @ alone.astype(np.int64) > 0) & left
        if not stuck.any():
            return np.flatnonzero(left)
        left &= ~stuck
