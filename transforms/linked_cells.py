"""Cells of linked tables as arrays: values, equations between them, and which must not be learnt.

Here belongs the form in which tables are handed to suppression, rounding and the attacker. How tables of the catalogue
get this form is said in ``linked_tables``.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats: TypeAlias = NDArray[np.float64]
Booleans: TypeAlias = NDArray[np.bool_]
Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Linked:
    """Cells, and what must hold between them; every array has one entry per cell.

    Attributes:
        value: true values, at least 0, before rounding, in units.
        equations: equations x cells; ``equations @ value`` is 0 but for rounding.
        cost: information that is lost when a cell that could be shown is hidden; 0 where it is hidden already.
        need_up: of a confidential cell, how far above its value the upper bound must be that anybody can work out; 0 of
            all others.
        need_down: of a confidential cell, how far below its value the lower bound must be; at most the value.
        is_hidden: not published by itself: confidential, unreliable, or in no table.
        is_fixed: cannot be hidden any more: published before.
    """

    value: Floats
    equations: csr_array
    cost: Floats
    need_up: Floats
    need_down: Floats
    is_hidden: Booleans
    is_fixed: Booleans
