"""What linked cells are, in words: for the account of an attack and for whoever has to mend a leak."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

#: Column -> set of base codes, or the mark of what a version's items leave over.
Held = tuple[tuple[str, frozenset[str]], ...]
#: Root universe (or what a mean is about; for a complement what it is of and what it is less), and what restricts it.
Where = tuple[Any, Held]
LEFT_OVER = "left over"


class CellNames(Sequence[str]):
    """What every cell is, in words, made when it is asked for."""

    def __init__(
        self, keys: Sequence[tuple[int, int, int]], wheres: Sequence[Where], sexes: Sequence[str], rows: pd.DataFrame
    ) -> None:
        """Keep what cells are: place, number of what they are about and number of sex; what these numbers mean.

        Args:
            keys: of every cell.
            wheres: what cells are about.
            sexes: codes.
            rows: with place, survey and time.
        """
        self._keys, self._wheres, self._sexes = keys, wheres, sexes
        places = rows.drop_duplicates("place").set_index("place")
        self._places = {place: (str(row["survey"]), str(row["time"])) for place, row in places.iterrows()}

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, cell: Any) -> Any:
        place, where, sex = self._keys[cell]
        return f"{' '.join(self._places[place])}, {self._sexes[sex]}: {_in_words(self._wheres[where])}"

    def key_of(self, cell: int) -> tuple[Where, str, str]:
        """Return what a cell is about, its period and its sex."""
        place, where, sex = self._keys[cell]
        return self._wheres[where], self._places[place][1], self._sexes[sex]

    def where_of(self, number: int) -> Where:
        """Return root and restrictions by their number."""
        return self._wheres[number]

    def __iter__(self) -> Iterator[str]:
        return (self[cell] for cell in range(len(self)))


def _in_words(where: Where) -> str:
    root, held = where
    about = root
    if isinstance(root, tuple):
        about = f"({_in_words(root[1])}) less ({_in_words(root[2])})"
    told = [
        f"{column} {'not among' if LEFT_OVER in codes else 'in'} "
        f"{', '.join(sorted(code for code in codes if code != LEFT_OVER and not code.startswith('of ')))}"
        for column, codes in held
    ]
    return "; ".join([str(about), *told])
