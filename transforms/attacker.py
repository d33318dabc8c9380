"""The attacker: what anybody can work out about hidden figures from what is published.

Here belongs the audit of protection: the lower and upper bound of confidential cells, whether they are far enough from
the true value, and which published equations are to blame if not. It knows nothing of how cells were chosen to be
hidden, and what it works out rests on what is published alone: true values only say whether a bound is too near.

Everything published is an interval: a figure its rounding interval, a rate two rows low * denominator <= numerator <=
high * denominator, a hidden cell 0 to infinity. Hidden cells that share an equation or a rate are attacked together, as
one component. Published cells are cut: two components that meet in a published cell see each their own copy of its
interval, and equations of published cells alone are not used. This only widens bounds, by no more than roundings.

A cell is proved to be wide enough by any point that keeps every row and in which the cell is far enough from its value.
One program pulls all cells up, which their sums can follow, another all down; what these leave is pulled again, up or
down by chance (the same chance every time), and then one by one. A bound that is too near is proved by rows, of which a
set is sought that still leaks and can miss none. Large components are solved by interior points, whose answers are held
against every row before they count. What a large component leaves open after so many questions is not protected: a
mistake is made on the safe side.

Sources: Fischetti and Salazar (2001) Solving the cell suppression problem on tabular data with linear constraints,
Management Science 47 (the attacker's problem); Hundepool et al. (2012) Statistical Disclosure Control, chapter 4.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components

from transforms.attack_programs import NO_CELLS, Program, rows_of, worked_out
from transforms.linked_cells import Booleans, Floats, Integers
from transforms.progress import Progress, silent

#: Part of what is needed that a bound may lack.
TOLERANCE = 1e-6
#: Rounds of pulling many cells at once: up, down, the rest up, the rest down, then by chance; and the share of the open
#: questions below which another round is not worth it.
_ROUNDS, _ORDERED, _WORTH = 40, 4, 0.03
#: Open questions after two rounds that are rather asked one by one.
_FEW = 8
#: Rows around a cell in which a leak is sought before the whole component is, and steps from the cell.
_AROUND, _STEPS = 400, 4
#: Unknown cells up to which a component is small: every question is answered, with the bounds of the whole component.
_SMALL = 2_000
#: Of larger ones: questions that are put to the whole component one by one, after which what is still open counts as
#: not protected; and leaks for which the smallest set of rows is sought, after which any set that leaks is named.
_SINGLE, _EXPLAINED = 150, 200
_SEED = 5
#: Directions of the questions about a target: down, up.
_SIDES = np.array([-1, 1])


@dataclass(frozen=True)
class Published:
    """What anybody knows; cells are numbered, arrays have one entry per cell or per rate.

    Attributes:
        lower: of every cell, the least it can be, in units: of a published one, the figure less half a unit of
            rounding; of others 0.
        upper: the most it can be; infinite where it is not published.
        equations: equations x cells, equal to 0.
        numerator: cells that published rates are made of.
        denominator: cells that they are shares of.
        low: the least that each rate can be, as a proportion: half a unit of rounding below what is published.
        high: the most it can be.
    """

    lower: Floats
    upper: Floats
    equations: csr_array
    numerator: Integers
    denominator: Integers
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Leak:
    """A confidential cell that can be worked out too well.

    Attributes:
        target: its cell.
        lower: the least that it can be, in units.
        upper: the most that it can be.
        equations: numbers of the equations that are enough to leak it; none if it is published itself.
        rates: numbers of the rates.
    """

    target: int
    lower: float
    upper: float
    equations: tuple[int, ...]
    rates: tuple[int, ...]


@dataclass(frozen=True)
class Audit:
    """Result of an attack; arrays in the order of the targets.

    Attributes:
        is_protected: whether both bounds are far enough from the value.
        lower: lower bound that was found, in units; NaN where it is only known to be far enough.
        upper: upper bound.
        leaks: of the targets that are not protected.
        solves: programs solved.
        components: sets of unknown cells that hang together.
        largest_component: cells of the largest of them.
    """

    is_protected: Booleans
    lower: Floats
    upper: Floats
    leaks: tuple[Leak, ...]
    solves: int
    components: int
    largest_component: int


def audit(
    published: Published,
    targets: Integers,
    value: Floats,
    need_up: Floats,
    need_down: Floats,
    *,
    progress: Progress = silent,
) -> Audit:
    """Attack confidential cells.

    Args:
        published: what anybody knows.
        targets: confidential cells.
        value: of each target, the true value, in units.
        need_up: of each target, how far above the value its upper bound must be.
        need_down: of each target, how far below the value its lower bound must be.
        progress: told of components and of what is left.

    Raises:
        ContradictionError: what is published contradicts itself; it names equations, never a value.
    """
    attack = _Attack(published, targets, value, need_up, need_down)
    attack.look_at_single_rows()
    attack.pull_components(progress)
    return attack.result()


def bounds(published: Published, cells: Integers, *, is_cut: bool = False) -> tuple[Floats, Floats]:
    """Return the exact lower and upper bounds of cells, in units; two programs each.

    Args:
        published: what anybody knows.
        cells: those asked for.
        is_cut: whether published cells are cut, as in the audit. Otherwise roundings work together through all
            equations.

    Raises:
        ContradictionError: what is published contradicts itself.
    """
    parts = _Parts(published, is_cut=is_cut)
    lower, upper = published.lower[cells], published.upper[cells]
    label = parts.label[cells]
    known = np.abs(parts.rows.middle)
    scale = float(np.median(known[known > 0])) if (known > 0).any() else 1.0
    for number in np.unique(label[label >= 0]):
        program = parts.program(int(number), scale)
        for place in np.flatnonzero(label == number):
            position = int(np.searchsorted(program.cells, cells[place]))
            lower[place], upper[place] = (_extreme(program, position, sign) for sign in (-1, 1))
    return lower, upper


def _extreme(program: Program, position: int, sign: int) -> float:
    """Return the largest (1) or least (-1) that a cell of a program can be, in units."""
    answer = program.furthest(position, sign)
    if not answer.is_possible:
        raise program.contradiction()
    return sign * answer.reached


class _Parts:
    """What is published, in components.

    Attributes:
        rows: as rows over cells.
        label: of every cell its component, from 0; -1 if it is published.
        row_label: of every row its component.
        count: components.
    """

    def __init__(self, published: Published, *, is_cut: bool) -> None:
        self.rows = rows_of(
            published.lower,
            published.upper,
            published.equations,
            published.numerator,
            published.denominator,
            published.low,
            published.high,
            is_cut=is_cut,
        )
        rows, cells = self.rows.matrix.shape
        unknown = self.rows.matrix @ diags_array(self.rows.is_unknown.astype(np.float64))
        unknown.eliminate_zeros()
        links = coo_array(unknown)
        ones = np.ones(links.nnz)
        graph = coo_array((ones, (links.row + cells, links.col)), shape=(cells + rows, cells + rows))
        both = connected_components(graph, directed=False)[1]
        used, label = np.unique(both[:cells][self.rows.is_unknown], return_inverse=True)
        self.count = len(used)
        self.label = np.full(cells, -1, dtype=np.int64)
        self.label[self.rows.is_unknown] = label
        #: Cells x rows, as the rows that an unknown cell is in.
        self.rows_with = csr_array(unknown.T)
        self.row_label = np.searchsorted(used, both[cells:])

    def program(self, number: int, scale: float, pulled: Integers = NO_CELLS) -> Program:
        """Return the program of a component, in which these cells can be pulled together."""
        chosen = np.flatnonzero(self.row_label == number).astype(np.int64)
        cells = np.flatnonzero(self.label == number).astype(np.int64)
        return Program(self.rows, chosen, cells, scale, np.searchsorted(cells, pulled).astype(np.int64))


class _Attack:
    """An audit under way; arrays in the order of the targets, questions as targets x (down, up).

    Attributes:
        solves: programs solved.
    """

    def __init__(
        self, published: Published, targets: Integers, value: Floats, need_up: Floats, need_down: Floats
    ) -> None:
        self._published, self._targets, self._value = published, targets, value
        self._parts = _Parts(published, is_cut=True)
        self._need = np.column_stack([need_down, need_up])
        self._wanted = value[:, None] + _SIDES * self._need
        self._enough = value[:, None] + _SIDES * self._need * (1 - TOLERANCE)
        self._is_open = self._need > 0
        self._bound = np.full(self._need.shape, np.nan)
        self._leaks: dict[int, Leak] = {}
        self.solves = 0

    def result(self) -> Audit:
        """Return what was found."""
        is_protected = np.ones(len(self._targets), dtype=np.bool_)
        is_protected[list(self._leaks)] = False
        sizes = np.bincount(self._parts.label[self._parts.label >= 0], minlength=1)
        return Audit(
            is_protected=is_protected,
            lower=self._bound[:, 0],
            upper=self._bound[:, 1],
            leaks=tuple(self._leaks[one] for one in sorted(self._leaks)),
            solves=self.solves,
            components=self._parts.count,
            largest_component=int(sizes.max()),
        )

    def _is_near(self, which: Integers | int, found: Floats) -> Booleans:
        """Return whether values of targets, for both sides, are nearer to the true value than they may be."""
        near: Booleans = _SIDES * (found - self._enough[which]) < 0
        return near & (self._need[which] > 0)

    def _leak(self, which: int, found: Floats, rows: Integers) -> None:
        """Note a target that leaks."""
        every = self._parts.rows
        numbers, is_rate = every.number[rows], every.is_rate[rows]
        equations, rates = (tuple(int(one) for one in np.unique(numbers[kind])) for kind in (~is_rate, is_rate))
        lower, upper = max(float(found[0]), 0.0) + 0.0, float(found[1])
        self._leaks[which] = Leak(int(self._targets[which]), lower, upper, equations, rates)
        self._bound[which] = lower, upper
        self._is_open[which] = False

    def look_at_single_rows(self) -> None:
        """Find targets that are published, and those that follow from one equation after the other."""
        found, explained = worked_out(self._parts.rows), 0
        for which, cell in enumerate(self._targets):
            if self._parts.label[cell] < 0:
                interval, rows = np.array([self._published.lower[cell], self._published.upper[cell]]), NO_CELLS
            elif cell in found.by_row:
                interval, rows = np.array([found.lower[cell], found.upper[cell]]), found.chain(int(cell))
            else:
                continue
            if self._is_near(which, interval).any():
                if 1 < len(rows) <= _AROUND and explained < _EXPLAINED:
                    explained += 1
                    rows = self._smallest(rows, float(self._need[which].max()), which)
                self._leak(which, interval, rows)
            elif self._parts.label[cell] < 0:
                self._is_open[which] = False

    def pull_components(self, progress: Progress) -> None:
        """Attack what is open, component by component."""
        label = self._parts.label[self._targets]
        numbers = np.unique(label[self._is_open.any(axis=1)])
        for number in numbers:
            mine = np.flatnonzero((label == number) & self._is_open.any(axis=1)).astype(np.int64)
            needed = self._need[mine]
            program = self._parts.program(int(number), float(np.median(needed[needed > 0])), self._targets[mine])
            self._pull_together(program, mine, progress)
            self._pull_singly(program, mine, progress)
            self.solves += program.solves

    def _prove(self, program: Program, mine: Integers, found: Floats | None) -> int:
        """Close the questions that a point answers; return how many."""
        if found is None:
            return 0
        reached = found[np.searchsorted(program.cells, self._targets[mine])]
        proved = self._is_open[mine] & ~self._is_near(mine, reached[:, None])
        self._is_open[mine] &= ~proved
        return int(proved.sum())

    def _pull_together(self, program: Program, mine: Integers, progress: Progress) -> None:
        """Pull all open targets at once: all up, which their sums can follow, all down, and the rest again."""
        chance = np.random.default_rng(_SEED)
        for turn in range(_ROUNDS):
            questions = self._is_open[mine]
            if questions.sum() <= (0 if turn < 2 else _FEW):
                return
            if turn < _ORDERED:
                side = np.full(len(mine), 1 - turn % 2)
                is_pulled = questions[:, 1 - turn % 2]
            else:
                side = np.where(questions.all(axis=1), chance.integers(2, size=len(mine)), questions[:, 1])
                is_pulled = np.asarray(questions.any(axis=1))
            if not is_pulled.any():
                continue
            answer = program.together(np.where(is_pulled, _SIDES[side], 0), self._value[mine], self._wanted[mine, side])
            proved = self._prove(program, mine, answer.cells)
            progress(
                f"component of {len(program.cells)} cells: {proved} of {questions.sum()} questions answered at once"
            )
            if turn >= 2 and proved < _WORTH * questions.sum():
                return

    def _pull_singly(self, program: Program, mine: Integers, progress: Progress) -> None:
        """Look around each target that is still open for rows that leak it, else pull it alone."""
        left = int(self._is_open[mine].sum())
        if left:
            progress(f"component of {len(program.cells)} cells: {left} questions are asked one by one")
        is_small, asked, explained = len(program.cells) <= _SMALL, 0, 0
        for which in mine.tolist():
            for side in (1, 0):
                if not self._is_open[which, side]:
                    continue
                rows, found = self._around(which, program.scale), np.full(2, np.nan)
                if rows is None and (is_small or asked < _SINGLE):
                    asked += 1
                    found[side] = self._pulled_alone(program, mine, which, side)
                    if not self._is_open[which, side]:
                        continue
                    rows = self._holding(program, which)
                if rows is not None and (is_small or explained < _EXPLAINED):
                    explained += 1
                    rows = self._smallest(rows, program.scale, which)
                if is_small or rows is not None:
                    found = self._interval(program if is_small else None, rows, program.scale, which)
                self._leak(which, found, NO_CELLS if rows is None else rows)

    def _pulled_alone(self, program: Program, mine: Integers, which: int, side: int) -> float:
        """Pull a target when nothing else is asked for, as far as it is wanted; return how far it got."""
        position = int(np.searchsorted(program.cells, self._targets[which]))
        answer = program.furthest(position, int(_SIDES[side]), float(self._wanted[which, side]))
        if not answer.is_possible:
            # The true value may be outside what is published: bounds then stand on one side of it.
            answer = program.furthest(position, int(_SIDES[side]))
        if not answer.is_possible:
            raise program.contradiction()
        self._prove(program, mine, answer.cells)
        if answer.reached == np.inf:
            self._is_open[which, side] = False
        return float(_SIDES[side] * answer.reached)

    def _holding(self, program: Program, which: int) -> Integers | None:
        """Return rows that held the last answer; None if those with a dual are not enough, or too many."""
        rows = program.chosen[program.support()]
        if len(rows) <= _AROUND and self._still_leaks(rows, program.scale, which):
            return rows
        return program.chosen if len(program.cells) <= _SMALL else None

    def _interval(self, program: Program | None, rows: Integers | None, scale: float, which: int) -> Floats:
        """Return the bounds of a target in a program, or by these rows alone."""
        small = self._program_of(NO_CELLS if rows is None else rows, scale, which) if program is None else program
        position, before = int(np.searchsorted(small.cells, self._targets[which])), small.solves
        found = np.array([_extreme(small, position, sign) for sign in (-1, 1)])
        self.solves += small.solves - before if program is None else 0
        return found

    def _around(self, which: int, scale: float) -> Integers | None:
        """Return rows near a target that are enough to leak it, or None."""
        cells, rows, tried = np.array([self._targets[which]]), NO_CELLS, 0
        for _ in range(_STEPS):
            rows = np.unique(self._parts.rows_with[cells].indices).astype(np.int64)
            if len(rows) > _AROUND or len(rows) == tried:
                return None
            if self._still_leaks(rows, scale, which):
                return rows
            tried, met = len(rows), np.unique(self._parts.rows.matrix[rows].indices)
            cells = met[self._parts.rows.is_unknown[met]]
        return None

    def _smallest(self, rows: Integers, scale: float, which: int) -> Integers:
        """Return rows that still leak a target and none of which can be missed.

        Dropped are halves, quarters and so on of what is left, then single rows, longest first.
        """
        rows = rows[np.argsort(-np.diff(self._parts.rows.matrix.indptr)[rows], kind="stable")]
        size = max(len(rows) // 2, 1)
        while True:
            start = 0
            while start < len(rows):
                fewer = np.delete(rows, np.arange(start, min(start + size, len(rows))))
                if self._still_leaks(fewer, scale, which):
                    rows = fewer
                else:
                    start += size
            if size == 1:
                return np.sort(rows)
            size //= 2

    def _program_of(self, chosen: Integers, scale: float, which: int) -> Program:
        met = np.unique(self._parts.rows.matrix[chosen].indices)
        cells = np.union1d(met[self._parts.rows.is_unknown[met]], self._targets[[which]]).astype(np.int64)
        return Program(self._parts.rows, chosen, cells, scale)

    def _still_leaks(self, chosen: Integers, scale: float, which: int) -> bool:
        """Return whether these rows alone bring a bound of a target too near, of those that are open."""
        if not len(chosen):
            return False
        program = self._program_of(chosen, scale, which)
        position = int(np.searchsorted(program.cells, self._targets[which]))
        is_near = False
        for side in (1, 0):
            if self._is_open[which, side] and not is_near:
                found = _extreme(program, position, int(_SIDES[side]))
                is_near = bool(self._is_near(which, np.full(2, found))[side])
        self.solves += program.solves
        return is_near
