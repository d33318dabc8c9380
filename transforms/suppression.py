"""Secondary suppression: which more cells are hidden so that no confidential one can be worked out.

Here belongs who does what: components up to a stated size are solved to the proved optimum (``suppression_exact``),
larger ones by a heuristic (``suppression_heuristic``). Whichever it was, every proof is checked by sums alone before
the answer is given. What a cell needs and what hiding costs is said by the caller (``linked_cells``).

A confidential cell p is protected if, over all values y >= 0 of the hidden cells that fit the shown ones and the
equations, y_p reaches value + need_up and value - need_down. Cells that were published before stay as they are; a cell
that these give away is named and does not stop the others.
"""

from dataclasses import dataclass, replace

import numpy as np

from transforms.linked_cells import Booleans, Floats, Integers, Linked
from transforms.progress import Progress, silent
from transforms.suppression_exact import attainable, cheapest
from transforms.suppression_heuristic import Heuristic
from transforms.suppression_proofs import DOWN, UP, Component, Proofs, components, unknown_cells

#: Cells of a component up to which the optimum is looked for: seconds, see tests/transforms/test_suppression.py.
EXACT_CELLS = 100

#: Times that proofs which do not hold are looked for again.
_REPAIRS = 3

METHODS = ("none needed", "exact", "heuristic", "exact and heuristic")


class SuppressionError(Exception):
    """What was to be hidden does not protect what it must; the message speaks of counts, never of a value."""


@dataclass(frozen=True)
class Suppression:
    """What to hide beside what is hidden already.

    Attributes:
        secondary: cells to hide now.
        unprotected: confidential cells, in order, that stay below a need whatever is hidden beside them.
        cost: sum of the costs of the secondary cells.
        method: one of ``METHODS``; a component that the search gave up on counts as heuristic.
        solves: programmes solved, searches among whole numbers included.
        components: of unknown cells that hang together, with a need among them.
        largest_component: cells of the largest of them.
    """

    secondary: Booleans
    unprotected: Integers
    cost: float
    method: str
    solves: int
    components: int
    largest_component: int


def suppress(linked: Linked, *, exact_cells: int = EXACT_CELLS, progress: Progress = silent) -> Suppression:
    """Hides more cells until every confidential one is protected, or named as one that cannot be.

    Args:
        linked: the tables; what is confidential is hidden already.
        exact_cells: cells of a component up to which the optimum is looked for; 0 for the heuristic alone.
        progress: is told in words how far it is; the words hold counts and costs, no values.

    Returns:
        Which cells, what they cost and how they were found; the same for the same tables.

    Raises:
        SuppressionError: the proofs do not hold.
        ValueError: a cell with a need is not hidden.
    """
    sensitive = (linked.need_up > 0) | (linked.need_down > 0)
    if np.any(sensitive & ~linked.is_hidden):
        raise ValueError(f"{int(np.sum(sensitive & ~linked.is_hidden))} cells have a need and are not hidden")
    unknown = unknown_cells(linked)
    parts = components(linked, unknown)
    secondary = np.zeros(len(linked.value), dtype=bool)
    unprotected = set(np.flatnonzero(sensitive & ~unknown).tolist())
    ways: set[str] = set()
    solves = 0
    for number, part in enumerate(sorted(parts, key=lambda part: (len(part.cells), int(part.cells[0])))):
        hidden, missed, way, more = _protect(part, exact_cells, progress)
        secondary[part.cells[hidden & ~part.is_hidden]] = True
        unprotected |= {int(part.cells[cell]) for cell in missed}
        ways.add(way)
        solves += more
        progress(f"component {number + 1} of {len(parts)}: {len(part.cells)} cells, {way}, {more} solves")
    return Suppression(
        secondary=secondary,
        unprotected=np.array(sorted(unprotected), dtype=np.int64),
        cost=float(linked.cost[secondary].sum()),
        method=" and ".join(sorted(ways)) or METHODS[0],
        solves=solves,
        components=len(parts),
        largest_component=max((len(part.cells) for part in parts), default=0),
    )


def _protect(part: Component, exact_cells: int, progress: Progress) -> tuple[Booleans, set[int], str, int]:
    """Protects a component: what is hidden, cells that cannot be protected, how, solves."""
    solves = 0
    if len(part.cells) <= exact_cells:
        tasks, solves = attainable(part)
        open_ = _without(part, tasks)
        found = cheapest(open_)
        if found is not None:
            hidden, proofs, more = found
            _check(open_, proofs, hidden)
            return hidden, {cell for cell, _ in tasks}, "exact", solves + more
    heuristic = Heuristic(part, progress)
    heuristic.run()
    # A proof that the tolerance of the solver spoiled is looked for again; what is not found is named.
    for _ in range(_REPAIRS):
        spoiled = heuristic.proofs.unmet(_without(part, heuristic.missed), heuristic.is_hidden)
        if not spoiled:
            break
        heuristic.repair(spoiled)
    else:
        spoiled = heuristic.proofs.unmet(_without(part, heuristic.missed), heuristic.is_hidden)
        heuristic.missed += spoiled
    return heuristic.is_hidden, {cell for cell, _ in heuristic.missed}, "heuristic", solves + heuristic.solves


def _without(part: Component, tasks: list[tuple[int, int]]) -> Component:
    """The component without some needs."""
    up: Floats = part.up.copy()
    down: Floats = part.down.copy()
    up[[cell for cell, way in tasks if way == UP]] = 0.0
    down[[cell for cell, way in tasks if way == DOWN]] = 0.0
    return replace(part, up=up, down=down)


def _check(part: Component, proofs: Proofs, hidden: Booleans) -> None:
    """Checks every proof from scratch."""
    unmet = proofs.unmet(part, hidden)
    if unmet:
        raise SuppressionError(f"{len(unmet)} of {len(part.tasks)} needs are not met by what is hidden")
