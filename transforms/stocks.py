"""Stocks: weighted sums and counts of persons per cell and PSU.

Here belongs the one query from harmonised persons to ``psu_totals``. What a cell's total means
(variance, rates, reliability) belongs to ``variance`` and ``reliability``.

A cube is a pair of harmonised columns; its cells are pairs of classification items over them. All
versions of a classification (AGE_AGGREGATE, AGE_10YRBANDS, ...) and all totals are items of one
membership table, so that margins are counted from persons and a total holds the unknown as well
(STANDARDS 4.4), never the sum of published cells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.concepts import Universe
from schemas.expressions import quote_text
from schemas.indicators import Indicator

#: Persons counted at a time.
BLOCK_PERSONS = 50_000

#: Columns of psu_totals that identify a row.
PSU_TOTALS_KEY = "cube, universe, sex, classif1, classif2, stratum, psu"


@dataclass(frozen=True, order=True)
class Cube:
    """Two harmonised columns (empty: not a dimension) and the universes counted in their cells."""

    concept1: str
    concept2: str
    universes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Identifier of the cube in psu_totals: its columns, joined."""
        return " x ".join(part for part in (self.concept1, self.concept2) if part) or "total"


def cube_name(indicator: Indicator) -> str:
    """Return the name of the cube that an indicator's cells come from."""
    return Cube(indicator.classif1_concept or "", indicator.classif2_concept or "", ()).name


def cubes(indicators: Iterable[Indicator]) -> tuple[Cube, ...]:
    """Return the cubes that serve a set of indicators, one per pair of columns, in a fixed order."""
    universes: dict[tuple[str, str], set[str]] = {}
    for indicator in indicators:
        wanted = universes.setdefault((indicator.classif1_concept or "", indicator.classif2_concept or ""), set())
        wanted.add(indicator.universe)
        if indicator.denominator:
            wanted.add(indicator.denominator)
    return tuple(Cube(one, two, tuple(sorted(names))) for (one, two), names in sorted(universes.items()))


def preparation_sql(chosen: Sequence[Cube], universes: Mapping[str, Universe], design: Sequence[str]) -> list[str]:
    """Return the statements that code persons for counting: small integers group much faster than text.

    They make ``items`` (item, item_id), ``members`` (concept, code, item_id), ``units`` (unit, stratum, psu;
    one row per PSU) and ``coded_persons`` (one row per person in any universe: unit, household, weight, a code
    for each dimension, a flag for each universe).

    Args:
        chosen: the cubes that will be counted.
        universes: conditions over harmonised persons.
        design: which of ``stratum``, ``psu``, ``household_id`` the survey collects.

    Reads the relations ``harmonised_persons`` and ``membership(concept, base_code, item)``; the base code '' stands for
    NULL.
    """
    concepts = sorted({concept for cube in chosen for concept in (cube.concept1, cube.concept2) if concept})
    names = sorted({name for cube in chosen for name in cube.universes})
    stratum = "stratum" if "stratum" in design else "''"
    psu = "psu" if "psu" in design else "''"
    household = "household_id" if "household_id" in design else "row_number"
    columns = "".join(f", b_{name}.code AS c_{name}" for name in ("sex", *concepts))
    joins = "".join(
        f" JOIN base_codes AS b_{name} ON b_{name}.concept = {quote_text(name)}"
        f" AND b_{name}.base_code = coalesce(p.{name}, '')"
        for name in ("sex", *concepts)
    )
    flags = ", ".join(f"coalesce({universes[name].condition.sql()}, FALSE) AS in_{name}" for name in names)
    any_flag = " OR ".join(f"in_{name}" for name in names)
    return [
        "CREATE TABLE items AS SELECT item, row_number() OVER (ORDER BY item)::SMALLINT AS item_id "
        "FROM (SELECT DISTINCT item FROM membership)",
        "CREATE TABLE base_codes AS SELECT concept, base_code, "
        "row_number() OVER (PARTITION BY concept ORDER BY base_code)::SMALLINT AS code "
        "FROM (SELECT DISTINCT concept, base_code FROM membership)",
        "CREATE TABLE members AS SELECT concept, code, item_id "
        "FROM membership JOIN base_codes USING (concept, base_code) JOIN items USING (item)",
        f"CREATE TABLE units AS SELECT row_number() OVER (ORDER BY stratum, psu)::INTEGER AS unit, stratum, psu "
        f"FROM (SELECT DISTINCT {stratum} AS stratum, {psu} AS psu FROM harmonised_persons)",
        f"""CREATE TABLE coded_persons AS
WITH flagged AS (
    SELECT *, {flags} FROM harmonised_persons
)
SELECT u.unit, dense_rank() OVER (ORDER BY u.unit, p.{household})::INTEGER AS household, weight{columns},
       {", ".join(f"in_{name}" for name in names)}
FROM flagged AS p JOIN units AS u ON u.stratum = {_of("p", stratum)} AND u.psu = {_of("p", psu)}{joins}
WHERE {any_flag}""",
    ]


def block_key(design: Sequence[str]) -> str:
    """Return the column of ``coded_persons`` by which persons are counted block by block."""
    return "unit" if "psu" in design else "household"


def blocks_sql(design: Sequence[str]) -> str:
    """Return SQL for the first and last key of blocks of about ``BLOCK_PERSONS`` persons, in order.

    A PSU (a household, where there are no PSUs) lies in one block, so that counting needs no more memory for a
    million persons than for one block.
    """
    return f"""
WITH keys AS (
    SELECT {block_key(design)} AS key, count(*) AS persons FROM coded_persons GROUP BY key
), numbered AS (
    SELECT key, floor(sum(persons) OVER (ORDER BY key) / {BLOCK_PERSONS}) AS block FROM keys
)
SELECT min(key), max(key) FROM numbered GROUP BY block ORDER BY 1"""


def psu_totals_sql(cube: Cube, design: Sequence[str], first: int, last: int) -> str:
    """Return SQL for the psu_totals of one cube and one block.

    Grain: universe x sex x classif1 x classif2 x stratum x PSU, only where a person is counted.
    Columns: cube, universe, sex, classif1, classif2 (NULL where no dimension), stratum, psu, total
    (sum of weights), n (persons), n_households (NULL where households are not identified).

    Args:
        cube: the columns and universes.
        design: which of ``stratum``, ``psu``, ``household_id`` the survey collects.
        first: first key of the block.
        last: last key of the block.

    Rows are in the order of universe, items and PSU. Reads the relations of ``preparation_sql``. A person is first
    counted within the household, so that the households of a cell are counted once each; households lie
    within PSUs.
    """
    flags = [f"in_{name}" for name in cube.universes]
    dimensions = [(number, concept) for number, concept in ((1, cube.concept1), (2, cube.concept2)) if concept]
    codes = "".join(f", c_{concept}" for _, concept in dimensions)
    counted = ", ".join(
        f"coalesce(sum(weight) FILTER ({flag}), 0) AS total_{index}, count(*) FILTER ({flag}) AS n_{index}"
        for index, flag in enumerate(flags)
    )
    summed = ", ".join(f"sum(total_{i}) AS total_{i}, sum(n_{i})::INTEGER AS n_{i}" for i in range(len(flags)))
    households = ", ".join(f"count_if(n_{i} > 0) AS households_{i}" for i in range(len(flags)))
    items = "".join(f", m{number}.item_id AS item{number}" for number, _ in dimensions)
    joins = "".join(
        f" JOIN members AS m{number} ON m{number}.concept = {quote_text(concept)} AND m{number}.code = base.c_{concept}"
        for number, concept in dimensions
    )
    grouped = "".join(f", item{number}" for number, _ in dimensions)
    names = "".join(f" JOIN items AS i{number} ON i{number}.item_id = item{number}" for number, _ in dimensions)
    shown = [
        f"i{number}.item" if concept else "NULL::VARCHAR"
        for number, concept in ((1, cube.concept1), (2, cube.concept2))
    ]
    number_of = "households_{}::BIGINT" if "household_id" in design else "NULL::BIGINT"
    parts = " UNION ALL ".join(
        f"SELECT {quote_text(name)} AS universe, sex_item{grouped}, unit, total_{i} AS total, n_{i}::BIGINT AS n, "
        f"{number_of.format(i)} AS n_households FROM by_psu WHERE n_{i} > 0"
        for i, name in enumerate(cube.universes)
    )
    return f"""
WITH base AS (
    SELECT unit, household, c_sex{codes}, {counted}
    FROM coded_persons WHERE {block_key(design)} BETWEEN {first} AND {last} AND ({" OR ".join(flags)})
    GROUP BY unit, household, c_sex{codes}
), by_household AS (
    SELECT s.item_id AS sex_item{items}, unit, household, {summed}
    FROM base JOIN members AS s ON s.concept = 'sex' AND s.code = base.c_sex{joins}
    GROUP BY sex_item{grouped}, unit, household
), by_psu AS (
    SELECT sex_item{grouped}, unit, {summed}, {households} FROM by_household GROUP BY sex_item{grouped}, unit
)
SELECT {quote_text(cube.name)} AS cube, universe, sx.item AS sex, {shown[0]} AS classif1, {shown[1]} AS classif2,
       stratum, psu, total, n, n_households
FROM ({parts}) JOIN items AS sx ON sx.item_id = sex_item{names} JOIN units USING (unit)
ORDER BY universe, sex_item{grouped}, unit
"""


def _of(table: str, column: str) -> str:
    return column if column.startswith("'") else f"{table}.{column}"


def sample_design_sql(design: Sequence[str]) -> str:
    """Return SQL for the PSUs of the full sample: one row per stratum x PSU, before any filter."""
    if "psu" not in design:
        return "SELECT '' AS stratum, '' AS psu WHERE FALSE"
    stratum = "stratum" if "stratum" in design else "''"
    return f"SELECT DISTINCT {stratum} AS stratum, psu FROM harmonised_persons"
