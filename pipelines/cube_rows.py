"""Rows of one cube in a stored psu_totals: codes as positions in short lists, sums as arrays.

The file is read row group by row group, and only the groups and columns of the cube: a query over all of them spends
most of its time on columns that are NULL. Its metadata is read once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.variance import Floats, Integers

CODES = ("sex", "code1", "code2")


@dataclass(frozen=True)
class Rows:
    """Some rows of one cube.

    Attributes:
        codes: base codes of sex and of both columns that occur.
        places: for each of them the position of every row's code.
        unit: of every row.
        sums: column -> sums of every row.
    """

    codes: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    places: tuple[Integers, Integers, Integers]
    unit: Integers
    sums: Mapping[str, Floats]


class CubeRows:
    """The rows of one psu_totals, cube by cube."""

    def __init__(self, path: Path) -> None:
        """Read what each row group holds."""
        self._path, self._metadata = path, pq.read_metadata(path)
        groups = range(self._metadata.num_row_groups)
        self._cubes: list[tuple[str, str]] = [self._range(group, "cube") for group in groups]
        self._units: list[tuple[int, int]] = [self._range(group, "unit") for group in groups]

    def _range(self, group: int, name: str) -> Any:
        """Return the least and greatest value of a column in a row group."""
        statistics = self._metadata.row_group(group).column(self._metadata.schema.names.index(name)).statistics
        return statistics.min, statistics.max

    def read(self, cube: str, columns: Sequence[str], first: int, last: int) -> Iterator[Rows]:
        """Return the rows of a cube in some units, in parts.

        Args:
            cube: name.
            columns: sums that are wanted.
            first: first unit.
            last: last unit, exclusive.
        """
        with pq.ParquetFile(self._path, metadata=self._metadata, read_dictionary=list(CODES)) as file:
            for group, (cubes, units) in enumerate(zip(self._cubes, self._units, strict=True)):
                if not (cubes[0] <= cube <= cubes[1] and first <= units[1] and units[0] < last):
                    continue
                table = file.read_row_group(group, ["cube", "unit", *CODES, *columns], use_threads=False)
                if cubes != (cube, cube):
                    table = table.filter(pc.equal(table["cube"], cube))
                if units[0] < first or units[1] >= last:
                    table = table.filter(pc.and_(pc.greater_equal(table["unit"], first), pc.less(table["unit"], last)))
                table = table.unify_dictionaries().combine_chunks()
                if len(table):
                    coded = [table[name].chunk(0) for name in CODES]
                    yield Rows(
                        tuple(tuple(column.dictionary.to_pylist()) for column in coded),  # type: ignore[arg-type]
                        tuple(column.indices.to_numpy().astype(np.int64) for column in coded),
                        table["unit"].to_numpy(),
                        {name: table[name].to_numpy() for name in columns},
                    )
