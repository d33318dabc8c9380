"""psu_totals of one round: weighted sums and counts by cell and sampling unit (restricted), as a stored table.

What the sums are is said in ``transforms.stocks``. Beside ``data.parquet`` lie ``design.parquet`` (the units of the
full sample), ``households.parquet`` (distinct households per published cell), ``contributions.parquet`` (the largest
contributions to totals of a quantity per published cell; restricted as nothing else here, for they are those of single
persons) and, where weights are calibrated, ``calibration_*.parquet`` (what the residuals of calibration need).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.engine import path_literal
from pipelines.findings import Finding, finding
from pipelines.fingerprint import code_fingerprint
from pipelines.storage import Built, Table, hash_of, obtain
from pipelines.support import Support, support
from pipelines.survey_round import Round
from schemas.concepts import load_absentee_universes, load_universes
from schemas.indicators import Relation
from schemas.reliability import profile_of
from schemas.survey_spec import SurveySpec
from transforms import stocks
from transforms.margins import Cells
from transforms.membership import dimension, wanted_versions
from transforms.progress import Progress, silent
from transforms.variance import Floats, lonely_strata

TABLE = "psu_totals"
KEYS = ("cube", "unit", "sex", "code1", "code2")


def psu_totals(this: Round, persons: Table, absentees: Table, progress: Progress = silent) -> Table:
    """Cube x cell of base codes x sampling unit: weighted sums and counts (restricted).

    Args:
        this: the round.
        persons: its harmonised_persons.
        absentees: its harmonised_absentees, which may be an empty verdict.
        progress: told the steps.
    """
    supported = support(this.spec, this.period)
    layout = supported.layout
    chosen = stocks.cubes(supported.indicators.values(), supported.columns)
    if not absentees.facts["is_listed"]:
        chosen = tuple(cube for cube in chosen if cube.relation == "persons")
    # The inputs' hashes hold that of the specification, and so the layout of what is counted.
    digest = hash_of(TABLE, persons.input_hash, absentees.input_hash, repr(chosen), code_fingerprint())

    def build(folder: Path) -> Built:
        listed = [persons, absentees] if absentees.facts["is_listed"] else [persons]
        with this.engine(*listed) as (connection, scratch):
            progress("coding persons")
            for statement in stocks.preparation_sql(chosen, layout):
                connection.execute(statement)
            design = path_literal(folder / "design.parquet")
            connection.execute(f"COPY ({stocks.sample_design_sql(layout)}) TO {design} (FORMAT parquet)")
            found = _lonely_findings(connection, this.spec)
            rows = _count(connection, scratch, folder, chosen, supported, progress)
            if layout.margins:
                _write_calibration(connection, scratch, layout, folder)
            units = connection.execute("SELECT count(*) FROM units").fetchone()
            assert units is not None
        facts = {name: persons.facts[name] for name in ("file_sha256", "specification_sha256")}
        return Built(
            tuple(found),
            facts
            | {"is_listed": absentees.facts["is_listed"], "rows": rows, "cubes": len(chosen), "units": units[0]}
            | {"replicate_df": _replicate_df(this, persons)},
        )

    return obtain(this.home.store, TABLE, this.identifier, digest, build)


def _lonely_findings(connection: duckdb.DuckDBPyConnection, spec: SurveySpec) -> list[Finding]:
    if spec.design.variance != "taylor" or spec.design.lonely_psu != "fail":
        return []
    strata = connection.execute("SELECT stratum FROM (SELECT DISTINCT stratum, psu FROM units)").fetchall()
    lonely = lonely_strata(stratum for (stratum,) in strata)
    if not lonely:
        return []
    text = f"{len(lonely)} strata have a single PSU and the specification's policy is 'fail'"
    return [finding("LONELY_PSU", TABLE, text, concept="psu", count=len(lonely))]


def _replicate_df(this: Round, persons: Table) -> float:
    """Return the degrees of freedom of replicate weights: as declared, or the rank of the weights less 1, as in R."""
    given = this.spec.replicates
    if given is None:
        return 0.0
    if given.df is not None:
        return given.df
    gram = np.zeros((len(given.columns), len(given.columns)))
    with pq.ParquetFile(persons.data) as parquet:
        for batch in parquet.iter_batches(columns=list(given.columns)):
            weights = np.column_stack([column.to_numpy() for column in batch.columns])
            gram += weights.T @ weights
    # The rank of W is that of W'W, whose eigenvalues are squares: R's tolerance of 1e-5 squared.
    eigenvalues = np.linalg.eigvalsh(gram)
    return float(np.count_nonzero(eigenvalues > eigenvalues.max() * 1e-10) - 1)


def _count(
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    folder: Path,
    chosen: Sequence[stocks.Cube],
    supported: Support,
    progress: Progress,
) -> int:
    """Count every cube block by block into ``data.parquet`` and what lies beside it; return the number of rows."""
    layout, number = supported.layout, 0
    universes = {"persons": load_universes(), "absentees": load_absentee_universes()}
    cells = _cells(connection, chosen, supported)
    households = _Households(connection, cells, supported)
    contributions = _Contributions(connection, cells, supported)
    data = folder / "data.parquet"
    counted = scratch / "blocks.parquet" if stocks.are_units_split(layout) else data
    with _Rows(counted, chosen) as rows:
        for relation in stocks.RELATIONS:
            own = [cube for cube in chosen if cube.relation == relation]
            blocks = connection.execute(stocks.blocks_sql(relation, layout)).fetchall() if own else []
            for place, block in enumerate(blocks):
                connection.execute(stocks.coded_sql(chosen, relation, universes[relation], layout, block))
                if households.are_known(relation):
                    households.add(relation, own)
                for cube in own:
                    number += 1
                    if number % 10 == 1:
                        progress(f"counting {cube.name}: {number} of {len(chosen)} cubes x {len(blocks)} blocks")
                    rows.add(connection.sql(stocks.psu_totals_sql(cube, layout)).to_arrow_table())
                    contributions.add(cube)
                if relation == "persons" and layout.margins:
                    _copy_cross(connection, own, layout, scratch / f"cross-{place:06}.parquet")
    households.write(folder / "households.parquet")
    contributions.write(folder / "contributions.parquet")
    return rows.number if counted == data else _join_blocks(connection, chosen, counted, data)


class _Rows:
    """The rows of psu_totals as they come, in row groups that hold the columns of one cube, and NULL in all others."""

    def __init__(self, target: Path, chosen: Sequence[stocks.Cube]) -> None:
        kinds = {"w": pa.float64(), "n": pa.int32(), "s": pa.float64()}
        sums = sorted({name for cube in chosen for name in stocks.cube_columns(cube)})
        keys = [pa.field(name, pa.int32() if name == "unit" else pa.string()) for name in KEYS]
        self.number = 0
        self._schema = pa.schema([*keys, *(pa.field(name, kinds[name[0]]) for name in sums)])
        # Sums hardly repeat, so that dictionaries of them cost much and spare little.
        texts = [name for name in KEYS if name != "unit"]
        self._writer = pq.ParquetWriter(
            target, self._schema, compression="zstd", use_dictionary=texts, write_statistics=["cube", "unit"]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add(self, table: pa.Table) -> None:
        """Write rows of one cube."""
        if not len(table):
            return
        own = {name: table[name].cast(self._schema.field(name).type) for name in table.column_names}
        columns = [own.get(field.name, pa.nulls(len(table), field.type)) for field in self._schema]
        self._writer.write_table(pa.table(columns, schema=self._schema))
        self.number += len(table)


def _join_blocks(
    connection: duckdb.DuckDBPyConnection, chosen: Sequence[stocks.Cube], counted: Path, target: Path
) -> int:
    """Add up the rows of units that blocks of persons split; return the number of rows."""
    keys = ", ".join(KEYS)
    with _Rows(target, chosen) as rows:
        for cube in chosen:
            added = ", ".join(f"sum({name}) AS {name}" for name in stocks.cube_columns(cube))
            source = f"read_parquet({path_literal(counted)}) WHERE cube = '{cube.name}'"
            query = f"SELECT {keys}, {added} FROM {source} GROUP BY {keys} ORDER BY {keys}"
            rows.add(connection.sql(query).to_arrow_table())
    return rows.number


def _cells(
    connection: duckdb.DuckDBPyConnection, chosen: Sequence[stocks.Cube], supported: Support
) -> dict[stocks.Cube, Cells]:
    """Return the published cells of every cube, over the base codes in the order of their ENUMs."""
    versions = wanted_versions(supported.indicators.values(), supported.collected)
    codes: dict[tuple[str, str], list[str]] = {}
    for relation, concept, code in connection.execute(
        "SELECT relation, concept, base_code FROM base_codes ORDER BY relation, concept, base_code"
    ).fetchall():
        codes.setdefault((relation, concept), []).append(code)
    return {
        cube: Cells(
            *(
                dimension(concept, versions.get((cube.relation, concept), ()), codes.get((cube.relation, concept), []))
                for concept in ("sex", cube.concept1, cube.concept2)
            )
        )
        for cube in chosen
    }


class _Households:
    """Distinct households per published cell and variable, added up over blocks that hold whole households."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, cells: Mapping[stocks.Cube, Cells], supported: Support
    ) -> None:
        self.connection, self.cells, self.columns = connection, cells, supported.columns
        self.counts: dict[tuple[stocks.Cube, stocks.Variable], Any] = {}

    def are_known(self, relation: Relation) -> bool:
        """Whether the survey tells households apart."""
        return "household_id" in self.columns[relation]

    def add(self, relation: Relation, cubes: Sequence[stocks.Cube]) -> None:
        """Add the households of the block that is coded."""
        concepts = dict.fromkeys(name for cube in cubes for name in ("sex", *cube.concepts))
        numbered = ", ".join(f"enum_code(c_{name}) AS c_{name}" for name in concepts)
        found = self.connection.execute(
            f"SELECT household, {numbered}, COLUMNS('^in_.*$') FROM coded_{relation}"
        ).fetchnumpy()
        held = {name: np.asarray(values) for name, values in found.items()}
        if not len(held["household"]):
            return
        household = held["household"].astype(np.int64)
        # Whole words of 64 households: presence is then joined, and counted, word by word.
        size = (int(household.max()) // 64 + 1) * 64
        for cube in cubes:
            cells = self.cells[cube]
            base = np.zeros(len(household), dtype=np.int64)
            for concept, codes in zip(("sex", cube.concept1, cube.concept2), cells.base_shape, strict=True):
                base *= codes
                if concept:
                    base += held[f"c_{concept}"]
            base *= size
            base += household
            for variable in cube.variables:
                seen = np.zeros((int(np.prod(cells.base_shape)), size), dtype=bool)
                seen.reshape(-1)[base[held[f"in_{variable.name}"].astype(bool, copy=False)]] = True
                present = cells.presence(np.packbits(seen, axis=1).view(np.uint64))
                counts = np.bitwise_count(present).sum(axis=1, dtype=np.int64)
                self.counts[cube, variable] = self.counts.get((cube, variable), 0) + counts

    def write(self, target: Path) -> None:
        """Write one row per cube, variable and published cell that holds a household."""
        counts = {key: {"n_households": numbers} for key, numbers in self.counts.items()}
        _write_by_cell(target, self.cells, counts, {"n_households": pa.int64()})


class _Contributions:
    """The largest contributions (weight x quantity of a person) to every published cell of a total, over all blocks.

    A row says of a cell ``largest`` and ``second`` (one person's each, 0 where there is none), ``dominant`` (the sum of
    as many of the largest as the survey's rule on dominance adds up) and ``total``, all in units of the quantity.
    Amounts below zero count by their size.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, cells: Mapping[stocks.Cube, Cells], supported: Support
    ) -> None:
        self.connection, self.cells = connection, cells
        self.persons = profile_of(supported.spec.reliability).confidentiality.dominance_persons or 1
        #: Base codes x largest contributions (smallest first), and base codes.
        self.found: dict[tuple[stocks.Cube, stocks.Variable], tuple[Floats, Floats]] = {}

    def add(self, cube: stocks.Cube) -> None:
        """Add the persons of the block that is coded."""
        kept = max(2, self.persons)
        shape = self.cells[cube].base_shape
        for variable in cube.variables:
            if not variable.quantity:
                continue
            rows = self.connection.execute(_largest_sql(cube, variable, kept)).fetchnumpy()
            base = np.zeros(len(rows["total"]), dtype=np.int64)
            for name, codes in zip(("sex", "code1", "code2"), shape, strict=True):
                base = base * codes + np.asarray(rows[name], dtype=np.int64)
            largest, total = np.zeros((int(np.prod(shape)), kept)), np.zeros(int(np.prod(shape)))
            for place in range(kept):
                largest[base, place] = np.asarray(rows[f"largest{place + 1}"], dtype=float)
            total[base] = np.asarray(rows["total"], dtype=float)
            before = self.found.get((cube, variable))
            if before is not None:
                largest, total = np.concatenate([before[0], largest], axis=1), before[1] + total
            self.found[cube, variable] = np.sort(largest, axis=1)[:, -kept:], total

    def write(self, target: Path) -> None:
        """Write one row per cube, variable and published cell with a total other than 0."""
        names = ("total", "largest", "second", "dominant")
        columns = {}
        for (cube, variable), (largest, total) in self.found.items():
            cells = self.cells[cube]
            if 0 in cells.shape:
                continue
            most = _largest_by_cell(cells, largest)
            found = (cells.sums(total), most[:, -1], most[:, -2], most[:, -self.persons :].sum(axis=1))
            columns[cube, variable] = dict(zip(names, found, strict=True))
        _write_by_cell(target, self.cells, columns, dict.fromkeys(names, pa.float64()))


def _largest_sql(cube: stocks.Cube, variable: stocks.Variable, kept: int) -> str:
    """Return SQL for the largest contributions by base codes (their positions) and the total of all, in one block."""
    codes = ["c_sex", *(f"c_{name}" if name else None for name in (cube.concept1, cube.concept2))]
    numbers = ", ".join(
        f"{f'enum_code({code})' if code else 0} AS {name}"
        for code, name in zip(codes, ("sex", "code1", "code2"), strict=True)
    )
    by = ", ".join(code for code in codes if code)
    largest = ", ".join(f"coalesce(largest[{place}], 0) AS largest{place}" for place in range(1, kept + 1))
    return (
        f"SELECT {numbers}, total, {largest} FROM (SELECT {by}, sum(amount) AS total, max(amount, {kept}) AS largest "
        f"FROM (SELECT {by}, abs({variable.weight} * {variable.quantity}) AS amount FROM coded_{cube.relation} "
        f"WHERE in_{variable.name}) GROUP BY {by})"
    )


def _largest_by_cell(cells: Cells, base: Floats) -> Floats:
    """Return the largest contributions [cells x kept] of [base x kept], smallest first."""
    kept = base.shape[1]
    array = base.reshape(*cells.base_shape, kept)
    for axis, one in enumerate(cells.dimensions):
        # Base codes of an item hold different persons, so that the largest of all are among the largest of each.
        parts = [np.moveaxis(array.take(held, axis=axis), axis, -1) for held in one.members]
        parts = [np.sort(part.reshape(*part.shape[:2], -1), axis=-1)[..., -kept:] for part in parts]
        array = np.stack(parts, axis=axis)
    return array.reshape(-1, kept)


def _write_by_cell(
    target: Path,
    cells: Mapping[stocks.Cube, Cells],
    found: Mapping[tuple[stocks.Cube, stocks.Variable], Mapping[str, NDArray[Any]]],
    types: Mapping[str, pa.DataType],
) -> None:
    """Write one row per cube, variable and published cell of which the first column is not 0.

    Args:
        target: the file.
        cells: cube -> its cells.
        found: cube and variable -> column -> number by cell.
        types: column -> type.
    """
    keys: dict[str, list[Any]] = {name: [] for name in ("cube", "variable", "sex", "classif1", "classif2")}
    numbers: dict[str, list[Any]] = {name: [] for name in types}
    first = next(iter(types))
    for (cube, variable), columns in sorted(found.items(), key=lambda item: item[0]):
        names, there = cells[cube].names(), np.flatnonzero(columns[first])
        for place in there:
            for column, value in zip(keys.values(), (cube.name, variable.name, *names[place]), strict=True):
                column.append(value)
        for name, held in numbers.items():
            held += columns[name][there].tolist()
    table = {name: pa.array(values, pa.string()) for name, values in keys.items()}
    table |= {name: pa.array(values, types[name]) for name, values in numbers.items()}
    pq.write_table(pa.table(table), target, compression="zstd")


def _copy_cross(
    connection: duckdb.DuckDBPyConnection, cubes: Sequence[stocks.Cube], layout: stocks.Layout, part: Path
) -> None:
    """Write one block's sums by category of calibration with the weights before it."""
    cross = " UNION ALL BY NAME ".join(
        f"({stocks.calibration_sql(cube, margin)})" for cube in cubes for margin in layout.margins
    )
    connection.execute(f"COPY ({cross}) TO {path_literal(part)} (FORMAT parquet)")


def _write_calibration(
    connection: duckdb.DuckDBPyConnection, scratch: Path, layout: stocks.Layout, folder: Path
) -> None:
    """Write what the residuals of calibration need.

    ``calibration_cross.parquet``: a cube's sums by category with the weights before calibration; ``calibration_gram``:
    those of persons by pairs of categories; ``calibration_units``: calibrated weights by category and unit.
    """
    keys = "cube, margin, category, sex, code1, code2"
    blocks = f"read_parquet({path_literal(scratch / 'cross-*.parquet')}, union_by_name = true)"
    cross = f"SELECT {keys}, sum(COLUMNS('^[wns]__')) FROM {blocks} GROUP BY {keys} ORDER BY {keys}"
    connection.execute(f"COPY ({cross}) TO {path_literal(folder / 'calibration_cross.parquet')} (FORMAT parquet)")
    categories = [(margin, f"calibration_{margin}") for margin in layout.margins]
    gram = " UNION ALL ".join(
        f"SELECT '{a}' AS margin1, {x} AS category1, '{b}' AS margin2, {y} AS category2, sum(original_weight) AS total "
        f"FROM harmonised_persons WHERE {x} IS NOT NULL AND {y} IS NOT NULL GROUP BY ALL"
        for a, x in categories
        for b, y in categories
    )
    connection.execute(
        f"COPY (FROM ({gram}) ORDER BY ALL) TO {path_literal(folder / 'calibration_gram.parquet')} (FORMAT parquet)"
    )
    stratum, psu, ssu = layout.design_sql("persons")
    units = " UNION ALL ".join(
        f"SELECT unit, '{margin}' AS margin, {column} AS category, sum(weight) AS total FROM (SELECT *, "
        f"{stratum} AS u_stratum, {psu} AS u_psu, {ssu} AS u_ssu FROM harmonised_persons WHERE {column} IS NOT NULL) "
        "JOIN units ON units.stratum = u_stratum AND units.psu = u_psu AND units.ssu = u_ssu GROUP BY ALL"
        for margin, column in categories
    )
    connection.execute(
        f"COPY (FROM ({units}) ORDER BY ALL) TO {path_literal(folder / 'calibration_units.parquet')} (FORMAT parquet)"
    )
