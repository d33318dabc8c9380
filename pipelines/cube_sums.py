"""Sums of cubes over stacked rounds, read from their stored psu_totals.

Rounds are stacked: the same stratum and PSU in two rounds is one PSU, strata count the PSUs of all rounds, and weights
are divided by the number of rounds of a group (the period itself, or the one it is compared with). This is what R's
``svydesign`` gives on the stacked files. Units are taken block by block, whole strata at a time, and rows are read for
many blocks at a time, so that memory does not grow with the sample.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import duckdb
import numpy as np
import pandas as pd

from pipelines.calibration_residuals import CalibratedRound
from pipelines.cube_rows import CubeRows
from pipelines.engine import path_literal
from pipelines.storage import Table
from pipelines.support import Support
from schemas.indicators import Relation
from transforms.estimators import Statistic
from transforms.margins import Cells
from transforms.measures import Group, Kind, Shares
from transforms.membership import dimension
from transforms.stocks import MAIN_WEIGHT, Cube, Variable, cube_columns
from transforms.variance import Booleans, Floats, Integers, SampleDesign

#: Largest number of cells x units x sums that are held at a time.
BLOCK_SIZE = 1_000_000

#: About so many rows of psu_totals are held at a time.
CHUNK_ROWS = 100_000

#: Base codes of sex and of both columns.
Codes = tuple[str, str, str]

GROUPS: tuple[Group, ...] = ("now", "before")


@dataclass(frozen=True)
class Stack:
    """The units of stacked rounds, and which rounds are in which group.

    Attributes:
        rounds: psu_totals of every round, and its group.
        design: the units of all rounds; None where there is no design (no standard error, or replicate weights).
        units: number of units, or of replicates and the full sample.
        files: psu_totals of every round, to be read cube by cube.
        positions: round -> position in the stack of each of its own units.
        households: group -> (cube, variable, sex, classif1, classif2) -> distinct households, in the round of the group
            where they are most.
        shares: the same key -> dominance and remainder of its total of a quantity, each in the round of the group where
            it is worst; of the period itself only, for means are of one period.
    """

    rounds: tuple[tuple[Table, Group], ...]
    design: SampleDesign | None
    units: int
    files: tuple[CubeRows, ...]
    positions: tuple[Integers, ...]
    households: Mapping[Group, Mapping[tuple[str | None, ...], float]]
    shares: Mapping[tuple[str | None, ...], tuple[float, float]]

    def rounds_of(self, group: Group) -> int:
        """Return the number of rounds of a group."""
        return sum(1 for _, own in self.rounds if own == group)


def stack_rounds(
    connection: duckdb.DuckDBPyConnection, support: Support, now: Sequence[Table], before: Sequence[Table] = ()
) -> Stack:
    """Return the stack of rounds: those of a period, and those of the period that it is compared with."""
    rounds = (*((table, "now") for table in now), *((table, "before") for table in before))
    method = support.spec.design.variance
    households, shares = _households(connection, rounds), _shares(connection, now)
    files = tuple(CubeRows(table.data) for table, _ in rounds)
    if method in ("none", "replicates"):
        size = support.layout.replicates + 1 if method == "replicates" else 1
        positions = tuple(np.arange(size) for _ in rounds)
        return Stack(rounds, None, size, files, positions, households, shares)  # type: ignore[arg-type]
    parts = [
        connection.execute(f"FROM read_parquet({path_literal(table.folder / 'design.parquet')}) ORDER BY unit").df()
        for table, _ in rounds
    ]
    keys, populations = ["stratum", "psu", "ssu"], ["psu_population", "ssu_population"]
    if method == "deff":
        # Every person is a unit by its row: the same row of another round is another person.
        parts = [part.assign(round=number) for number, part in enumerate(parts)]
        keys = [*keys, "round"]
    units = pd.concat(parts, ignore_index=True).groupby(keys, sort=True)[populations].max().reset_index()
    place = units[keys].assign(position=np.arange(len(units)))
    positions = tuple(part.merge(place, on=keys, how="left")["position"].to_numpy() for part in parts)
    stratum = pd.factorize(units["stratum"])[0].astype(np.int64)
    psu = units.groupby(["stratum", "psu"], sort=False).ngroup().to_numpy().astype(np.int64)
    has_population = bool(units["psu_population"].notna().any())
    # Units of absent members alone tell no population: it is that of their stratum and PSU. A stratum that nobody else
    # is in is taken as sampled with replacement, a PSU as taken in full.
    units["psu_population"] = units.groupby("stratum")["psu_population"].transform("max").fillna(np.inf)
    within = units.groupby(["stratum", "psu"])["ssu_population"]
    units["ssu_population"] = within.transform("max").fillna(within.transform("size"))
    has_ssu = has_population and support.layout.has_ssu
    lonely_psu = support.spec.design.lonely_psu if method == "taylor" else "remove"
    design = SampleDesign(
        stratum,
        lonely_psu,
        units["psu_population"].groupby(stratum).max().to_numpy(dtype=float) if has_population else None,
        psu if has_ssu else None,
        units["ssu_population"].groupby(psu).max().to_numpy(dtype=float) if has_ssu else None,
    )
    return Stack(rounds, design, len(units), files, positions, households, shares)  # type: ignore[arg-type]


def _households(
    connection: duckdb.DuckDBPyConnection, rounds: Sequence[tuple[Table, str]]
) -> dict[Group, dict[tuple[str | None, ...], float]]:
    """Return the distinct households per cube, variable and cell, by group, each in the round where they are most."""
    found: dict[Group, dict[tuple[str | None, ...], float]] = {group: {} for group in GROUPS}
    for group, counts in found.items():
        files = ", ".join(path_literal(table.folder / "households.parquet") for table, own in rounds if own == group)
        if files:
            rows = connection.execute(
                "SELECT cube, variable, sex, classif1, classif2, max(n_households)::DOUBLE "
                f"FROM read_parquet([{files}]) GROUP BY ALL"
            ).fetchall()
            counts.update({row[:-1]: row[-1] for row in rows})
    return found


def _shares(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Table]
) -> dict[tuple[str | None, ...], tuple[float, float]]:
    """Return dominance and remainder per cube, variable and cell, each in the round where it is worst."""
    files = ", ".join(path_literal(table.folder / "contributions.parquet") for table in tables)
    rows = connection.execute(
        "SELECT cube, variable, sex, classif1, classif2, max(dominant / total), "
        f"min(greatest(total - largest - second, 0) / largest) FROM read_parquet([{files}]) GROUP BY ALL"
    ).fetchall()
    return {row[:-2]: row[-2:] for row in rows}


class CubeSums:
    """Sums of one cube (and of its twin of absentees) over a stack; ``blocks`` moves it over the units.

    Its methods are those of ``transforms.measures.Sums``.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        support: Support,
        stack: Stack,
        cubes: Mapping[Relation, Cube],
        versions: Mapping[tuple[Relation, str], Sequence[str]],
    ) -> None:
        """Read the sums by cell of every round.

        Args:
            connection: DuckDB.
            support: what the survey supports.
            stack: the rounds.
            cubes: relation -> the cube.
            versions: (relation, column) -> classification versions.
        """
        self._connection, self._support, self._stack, self._cubes = connection, support, stack, cubes
        self._has_units = stack.design is not None or stack.units > 1
        self._is_replicated = support.spec.design.variance == "replicates"
        self._cells: dict[Relation, Cells] = {}
        self._base: dict[Relation, dict[Codes, int]] = {}
        self._totals: dict[tuple[Relation, int], dict[str, Floats]] = {}
        self._first, self._last = 0, stack.units if self._has_units else 1
        self._arrays: dict[tuple[Relation, Variable, Kind, Group], tuple[Floats, Floats]] = {}
        self._whole: dict[tuple[Relation, str, Group], Floats] = {}
        self._rows: dict[tuple[Relation, int], dict[str, np.ndarray]] = {}
        self._keys: dict[tuple[Relation, int], tuple[slice, Integers]] = {}
        self._row_count = 0
        self._calibrated: dict[int, CalibratedRound] = {}
        self._coefficients: dict[tuple[int, str], Floats] = {}
        for relation, cube in cubes.items():
            self._read_totals(relation, cube, versions)

    def _read_totals(
        self, relation: Relation, cube: Cube, versions: Mapping[tuple[Relation, str], Sequence[str]]
    ) -> None:
        """Read the sums of every round by base code, and form the cells from the codes that occur."""
        names = cube_columns(cube)
        last = 1 if self._is_replicated and relation == "persons" else self._stack.units
        found = [self._totals_of(file, cube.name, names, last) for file in self._stack.files]
        keys = {key for totals in found for key in totals}
        codes = [sorted({key[place] for key in keys}) for place in range(3)]
        cells = Cells(
            *(
                dimension(concept, versions.get((relation, concept), ()), held)
                for concept, held in zip(("sex", cube.concept1, cube.concept2), codes, strict=True)
            )
        )
        if not keys or 0 in cells.shape:
            return
        place = [{code: number for number, code in enumerate(held)} for held in codes]
        _, second, third = cells.base_shape
        base = {key: (place[0][key[0]] * second + place[1][key[1]]) * third + place[2][key[2]] for key in keys}
        self._cells[relation] = cells
        self._base[relation] = base
        for number, totals in enumerate(found):
            sums_of = np.zeros((len(names), int(np.prod(cells.base_shape))))
            for key, values in totals.items():
                sums_of[:, base[key]] = values
            self._totals[relation, number] = dict(zip(names, sums_of, strict=True))

    def _totals_of(self, file: CubeRows, cube: str, names: Sequence[str], last: int) -> dict[Codes, Floats]:
        """Return the sums by base codes of a cube in one round."""
        totals: dict[Codes, Floats] = {}
        for rows in file.read(cube, names, 0, last):
            self._row_count += len(rows.unit)
            sizes = [len(codes) for codes in rows.codes]
            place, size = np.ravel_multi_index(rows.places, sizes), int(np.prod(sizes))
            occurs = np.flatnonzero(np.bincount(place, minlength=size))
            summed = np.stack([np.bincount(place, rows.sums[name], size)[occurs] for name in names], axis=1)
            for where, values in zip(zip(*np.unravel_index(occurs, sizes), strict=True), summed, strict=True):
                key = (rows.codes[0][where[0]], rows.codes[1][where[1]], rows.codes[2][where[2]])
                totals[key] = totals[key] + values if key in totals else values
        return totals

    def blocks(self) -> Iterator[SampleDesign | None]:
        """Move over blocks of units; yield the design of each (None where there is none)."""
        design = self._stack.design
        if not self._has_units or design is None:
            self._read(0, self._last)
            self._move(0, self._last)
            yield design
            return
        arrays = [
            (cells, [name for name in cube_columns(self._cubes[key]) if name[0] != "n"])
            for key, cells in self._cells.items()
        ]
        width = BLOCK_SIZE // max(1, sum(int(np.prod(cells.shape)) * len(names) for cells, names in arrays))
        held = design.units * CHUNK_ROWS // max(1, self._row_count)
        for start, end in _block_edges(design, max(held, width)):
            self._read(start, end)
            for first, last in _block_edges(design.block(start, end), width):
                self._move(start + first, start + last)
                yield design.block(start + first, start + last)

    def _read(self, first: int, last: int) -> None:
        """Hold the rows of some units."""
        self._rows.clear()
        if self._has_units:
            for relation in self._cells:
                for number in range(len(self._stack.rounds)):
                    self._rows[relation, number] = self._read_rows(relation, number, first, last)

    def _move(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self._arrays.clear()
        self._keys.clear()

    # --- what figures are made of -------------------------------------------------------------------

    def cells(self, relation: Relation) -> Cells | None:
        """Return the cells of the cube of a relation; None where nobody was counted."""
        return self._cells.get(relation)

    def observed(self, relation: Relation) -> Booleans:
        """Return whether anybody of any variable was observed in a cell, in any round."""
        cells = self._cells[relation]
        names = [name for name in cube_columns(self._cubes[relation]) if name[0] == "n"]
        base = sum(self._totals[relation, number][name] for number in range(len(self._stack.rounds)) for name in names)
        return np.asarray(cells.sums(np.asarray(base)) > 0)

    def statistic(self, relation: Relation, variable: Variable, kind: Kind, group: Group) -> Statistic:
        """Return the totals of a variable in all cells: means over the rounds of the group."""
        value = self._by_round(relation, f"{kind}__{variable.name}", group).sum(axis=0) / self._stack.rounds_of(group)
        parts, _ = self._units(relation, variable, kind, group)
        return Statistic(value, parts, is_replicated=self._is_replicated)

    def members(self, relation: Relation, variable: Variable, group: Group) -> Booleans:
        """Return whether a unit holds members of a variable, in all cells."""
        _, raw = self._units(relation, variable, "w", group)
        return np.asarray(raw != 0)

    def persons(self, relation: Relation, variable: Variable, group: Group) -> Integers:
        """Return the persons behind a variable, rounds x cells."""
        return np.rint(self._by_round(relation, f"n__{variable.name}", group)).astype(np.int64)

    def households(self, relation: Relation, variable: Variable, group: Group) -> Floats:
        """Return the distinct households behind a variable in the round where they are most; NaN if not known."""
        key = (relation, f"households {variable.name}", group)
        if key not in self._whole:
            counts, names = self._stack.households[group], self._cells[relation].names()
            cube, is_known = self._cubes[relation].name, "household_id" in self._support.columns[relation]
            nothing = 0.0 if is_known else np.nan
            self._whole[key] = np.array([counts.get((cube, variable.name, *name), nothing) for name in names])
        return self._whole[key]

    def shares(self, relation: Relation, variable: Variable, group: Group) -> Shares:
        """Return how much of a quantity's total few persons have, each in the round where that is worst."""
        if group != "now":
            raise ValueError("contributions to totals are read of the period itself only")
        names, cube, unknown = self._cells[relation].names(), self._cubes[relation].name, (np.nan, np.nan)
        found = [self._stack.shares.get((cube, variable.name, *name), unknown) for name in names]
        dominance, remainder = np.array(found, dtype=float).T
        return Shares(dominance, remainder)

    # --- sums by cell and unit ----------------------------------------------------------------------

    def _rounds(self, group: Group) -> list[int]:
        return [number for number, (_, own) in enumerate(self._stack.rounds) if own == group]

    def _by_round(self, relation: Relation, column: str, group: Group) -> Floats:
        """Return one column's sums by round and cell."""
        key = (relation, column, group)
        if key not in self._whole:
            cells, totals = self._cells[relation], self._totals
            self._whole[key] = np.stack(
                [cells.sums(totals[relation, number][column]) for number in self._rounds(group)]
            )
        return self._whole[key]

    def _units(self, relation: Relation, variable: Variable, kind: Kind, group: Group) -> tuple[Floats, Floats]:
        """Return the sums of a variable by cell and unit of the block: as scores need them, and as they are."""
        key = (relation, variable, kind, group)
        if key not in self._arrays:
            self._arrays[key] = self._sum_units(relation, variable, kind, group)
        return self._arrays[key]

    def _sum_units(self, relation: Relation, variable: Variable, kind: Kind, group: Group) -> tuple[Floats, Floats]:
        cells, width = self._cells[relation], self._last - self._first
        if not self._has_units:
            empty = np.zeros((int(np.prod(cells.shape)), 0))
            return empty, empty
        if self._is_replicated and relation != "persons":
            # Absent members have no replicate weights: there is no standard error, rather than one of a constant.
            unknown = np.full((int(np.prod(cells.shape)), width), np.nan)
            return unknown, unknown
        base_size, rounds = int(np.prod(cells.base_shape)), self._rounds(group)
        column = f"{kind}__{variable.name}"
        base = np.zeros(base_size * width)
        for number in rounds:
            inside, key = self._places(relation, number)
            base += np.bincount(key, weights=self._rows[relation, number][column][inside], minlength=len(base))
        base /= len(rounds)
        raw = cells.sums(base.reshape(base_size, width))
        is_calibrated = bool(self._support.layout.margins) and variable.weight == MAIN_WEIGHT
        if not is_calibrated or relation != "persons":
            return raw, raw
        adjusted = raw.copy()
        for number in rounds:
            adjusted -= self._fitted(number, column) / len(rounds)
        return adjusted, raw

    def _places(self, relation: Relation, number: int) -> tuple[slice, Integers]:
        """Return which of one round's rows lie in the block, and their position in the array [base x units]."""
        if (relation, number) not in self._keys:
            rows = self._rows[relation, number]
            inside = slice(*np.searchsorted(rows["unit"], (self._first, self._last)))
            key = rows["base"][inside].astype(np.int64) * (self._last - self._first)
            self._keys[relation, number] = inside, key + (rows["unit"][inside] - self._first)
        return self._keys[relation, number]

    def _read_rows(self, relation: Relation, number: int, first: int, last: int) -> dict[str, np.ndarray]:
        """Read the rows of one round that lie in some units of the stack, in the order of these."""
        cube, positions, base = self._cubes[relation], self._stack.positions[number], self._base[relation]
        names = [name for name in cube_columns(cube) if name[0] != "n"]
        own = np.flatnonzero((positions >= first) & (positions < last))
        parts: dict[str, list[np.ndarray]] = {name: [np.zeros(0)] for name in names}
        bases, units = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int64)]
        if len(own):
            for rows in self._stack.files[number].read(cube.name, names, int(own.min()), int(own.max()) + 1):
                sizes = [len(codes) for codes in rows.codes]
                # Codes that do not occur together have no position, and no rows.
                position = np.array([base.get(key, 0) for key in product(*rows.codes)], dtype=np.int32)
                bases.append(position[np.ravel_multi_index(rows.places, sizes)])
                units.append(positions[rows.unit])
                for name in names:
                    parts[name].append(rows.sums[name])
        found = {name: np.concatenate(held) for name, held in parts.items()}
        found |= {"base": np.concatenate(bases), "unit": np.concatenate(units)}
        if np.any(np.diff(found["unit"]) < 0):
            order = np.argsort(found["unit"], kind="stable")
            found = {name: values[order] for name, values in found.items()}
        return found

    # --- calibrated weights -------------------------------------------------------------------------

    def _fitted(self, number: int, column: str) -> Floats:
        """Return what calibration explains of a variable's sums, cells x units of the block, in one round."""
        key = (number, column)
        table, _ = self._stack.rounds[number]
        if number not in self._calibrated:
            assert self._support.spec.calibration is not None
            self._calibrated[number] = CalibratedRound(self._connection, self._support.spec.calibration, table)
        calibrated = self._calibrated[number]
        if key not in self._coefficients:
            cells, base = self._cells["persons"], self._base["persons"]
            found = self._connection.execute(
                f"SELECT margin, category, sex, code1, code2, {column} AS total FROM "
                f"read_parquet({path_literal(table.folder / 'calibration_cross.parquet')}) WHERE cube = ?",
                [self._cubes["persons"].name],
            ).fetchall()
            rows = [row for row in found if row[2:5] in base]
            cross = np.zeros((int(np.prod(cells.base_shape)), len(calibrated.categories)))
            places = calibrated.places([row[0] for row in rows], [row[1] for row in rows])
            held = np.array([base[row[2:5]] for row in rows], dtype=np.int64)
            np.add.at(cross, (held, places), [row[5] or 0.0 for row in rows])
            self._coefficients[key] = calibrated.coefficients(cells.sums(cross))
        units = calibrated.by_unit(self._stack.positions[number], self._first, self._last)
        return np.asarray(self._coefficients[key] @ units)


def _block_edges(design: SampleDesign, width: int) -> Iterator[tuple[int, int]]:
    """Return the first and last (exclusive) unit of blocks of whole strata of about ``width`` units."""
    ends = np.append(np.flatnonzero(np.diff(design.stratum)) + 1, design.units)
    first = 0
    while first < design.units:
        place = int(np.searchsorted(ends, first + width, side="right")) - 1
        last = int(ends[place]) if place >= 0 and ends[place] > first else int(ends[ends > first][0])
        yield first, last
        first = last
