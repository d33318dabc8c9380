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
from schemas.indicators import Indicator


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


def psu_totals_sql(cube: Cube, universes: Mapping[str, Universe], design: Sequence[str]) -> str:
    """Return SQL for the psu_totals of one cube.

    Grain: universe x sex x classif1 x classif2 x stratum x PSU, only where a person is counted.
    Columns: cube, universe, sex, classif1, classif2 (NULL where no dimension), stratum, psu, total
    (sum of weights), n (persons), n_households.

    Args:
        cube: the columns and universes.
        universes: conditions over harmonised persons.
        design: which of ``stratum``, ``psu``, ``household_id`` the survey collects.

    Reads the relations ``harmonised_persons`` and ``membership(concept, base_code, item)``; the base code ''
    stands for NULL.
    """
    stratum = "stratum" if "stratum" in design else "''"
    psu = "psu" if "psu" in design else "''"
    household = "household_id" if "household_id" in design else "NULL"
    flags = ", ".join(f"({universes[name].condition.sql()}) AS is_{index}" for index, name in enumerate(cube.universes))
    any_flag = " OR ".join(f"is_{index}" for index in range(len(cube.universes)))
    measures = ", ".join(
        f"coalesce(sum(weight) FILTER (is_{index}), 0) AS total_{index}, count(*) FILTER (is_{index}) AS n_{index}"
        for index in range(len(cube.universes))
    )
    base1, base2 = cube.concept1 or "NULL::VARCHAR", cube.concept2 or "NULL::VARCHAR"
    indices = range(len(cube.universes))
    household_sums = ", ".join(f"sum(total_{index}) AS total_{index}, sum(n_{index}) AS n_{index}" for index in indices)
    sums = f"{household_sums}, " + ", ".join(f"count_if(n_{index} > 0) AS households_{index}" for index in indices)
    households = "households_{}::BIGINT" if "household_id" in design else "NULL::BIGINT"
    parts = " UNION ALL ".join(
        f"SELECT {_text(name)} AS universe, sex, classif1, classif2, stratum, psu, total_{index} AS total, "
        f"n_{index}::BIGINT AS n, {households.format(index)} AS n_households FROM by_psu WHERE n_{index} > 0"
        for index, name in enumerate(cube.universes)
    )
    joins, items = "", {"classif1": "NULL::VARCHAR", "classif2": "NULL::VARCHAR"}
    for number, concept in (("1", cube.concept1), ("2", cube.concept2)):
        if concept:
            joins += (
                f" JOIN membership AS m{number} ON m{number}.concept = {_text(concept)}"
                f" AND m{number}.base_code = coalesce(base.base{number}, '')"
            )
            items[f"classif{number}"] = f"m{number}.item"
    return f"""
WITH flagged AS (
    SELECT {stratum} AS stratum, {psu} AS psu, {household} AS household, sex, weight,
           {base1} AS base1, {base2} AS base2, {flags}
    FROM harmonised_persons
), base AS (
    SELECT stratum, psu, household, sex, base1, base2, {measures}
    FROM flagged WHERE {any_flag}
    GROUP BY ALL
), by_household AS (
    SELECT s.item AS sex, {items["classif1"]} AS classif1, {items["classif2"]} AS classif2,
           stratum, psu, household, {household_sums}
    FROM base JOIN membership AS s ON s.concept = 'sex' AND s.base_code = coalesce(base.sex, ''){joins}
    GROUP BY ALL
), by_psu AS (
    SELECT sex, classif1, classif2, stratum, psu, {sums}
    FROM by_household GROUP BY ALL
)
SELECT {_text(cube.name)} AS cube, * FROM ({parts})
"""


def sample_design_sql(design: Sequence[str]) -> str:
    """Return SQL for the PSUs of the full sample: one row per stratum x PSU, before any filter."""
    if "psu" not in design:
        return "SELECT '' AS stratum, '' AS psu WHERE FALSE"
    stratum = "stratum" if "stratum" in design else "''"
    return f"SELECT DISTINCT {stratum} AS stratum, psu FROM harmonised_persons"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
