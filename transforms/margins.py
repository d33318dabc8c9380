"""Margins of a cube: from sums by base code to sums by published item, totals and all versions included.

Here belongs the table of which items hold which base codes, and the sums over it. Margins are formed from persons by
their base codes, so that a total holds the unknown as well (STANDARDS 4.4), and never by adding published cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.variance import Floats


@dataclass(frozen=True)
class Dimension:
    """One dimension of a cube.

    Attributes:
        codes: base codes that were observed, '' standing for NULL, in the order of the base sums.
        items: published items, in order; one item None where the cube has no such dimension.
        members: for every item the positions of the base codes that it holds.
    """

    codes: tuple[str, ...]
    items: tuple[str | None, ...]
    members: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, codes: Sequence[str], rows: Sequence[tuple[str, str]]) -> "Dimension":
        """Return the dimension of base codes and (base code, item) rows; items without a base code are left out."""
        position = {code: number for number, code in enumerate(codes)}
        held: dict[str, list[int]] = {}
        for code, item in rows:
            if code in position:
                held.setdefault(item, []).append(position[code])
        items = tuple(sorted(held))
        return cls(tuple(codes), items, tuple(tuple(sorted(set(held[item]))) for item in items))

    @classmethod
    def absent(cls) -> "Dimension":
        """Return the dimension of a cube that has none: everybody is in one item without a name."""
        return cls(("",), (None,), ((0,),))


@dataclass(frozen=True)
class Cells:
    """The published cells of a cube: sex x first x second classification, in that order.

    Base sums have the shape [sex codes x first codes x second codes x units], flattened over the first three axes
    where they are given as [base x units]; sums by cell are [cells x units].
    """

    sex: Dimension
    first: Dimension
    second: Dimension

    @property
    def dimensions(self) -> tuple[Dimension, Dimension, Dimension]:
        """The three dimensions in order."""
        return self.sex, self.first, self.second

    @property
    def base_shape(self) -> tuple[int, int, int]:
        """Numbers of base codes."""
        return len(self.sex.codes), len(self.first.codes), len(self.second.codes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of items."""
        return len(self.sex.items), len(self.first.items), len(self.second.items)

    def names(self) -> list[tuple[str | None, str | None, str | None]]:
        """Return sex, classif1 and classif2 of every cell, in order."""
        return [(s, a, b) for s in self.sex.items for a in self.first.items for b in self.second.items]

    def sums(self, base: NDArray[Any]) -> Floats:
        """Return the sums per cell: [cells x units] from [base x units], [cells] from [base]."""
        return _rolled(base, self, np.add)

    def presence(self, base: NDArray[Any]) -> NDArray[Any]:
        """Return whether any base code of a cell is true: [cells x units] from [base x units].

        The units may be packed: integers whose bits are units.
        """
        return _rolled(base, self, np.bitwise_or)


def _rolled(base: NDArray[Any], cells: Cells, combine: np.ufunc) -> NDArray[Any]:
    units = base.shape[1:]
    array = base.reshape(*cells.base_shape, *units)
    # The last dimension first: it has the fewest items, so that what follows stays small.
    for axis in (2, 1, 0):
        dimension = cells.dimensions[axis]
        if len(dimension.codes) == 1 and dimension.members == ((0,),):
            continue
        shape = [*array.shape]
        shape[axis] = len(dimension.members)
        rolled = np.empty(shape, array.dtype)
        for place, held in enumerate(dimension.members):
            target = rolled[(slice(None),) * axis + (place,)]
            if len(held) == 1:
                target[...] = array[(slice(None),) * axis + (held[0],)]
            else:
                whole = len(held) == len(dimension.codes)
                combine.reduce(array if whole else array.take(held, axis=axis), axis=axis, out=target)
        array = rolled
    return array.reshape(int(np.prod(cells.shape)), *units)
