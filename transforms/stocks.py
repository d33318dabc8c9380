"""Stocks and flows: weighted sums and counts of persons per cell and sampling unit.

Here belongs the SQL from harmonised persons (and absent members) to ``psu_totals``. What published cells are made of
them belongs to ``margins``; what a cell's total means (variance, rates, reliability) to ``estimators`` and
``variance``.

A cube is a pair of harmonised columns of one relation; its rows are by the base codes of sex and these columns and by
sampling unit. Every column of it is a variable: the members of a universe, or those of them who told a quantity.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.concepts import Universe
from schemas.expressions import quote_text
from schemas.indicators import Indicator, Relation

#: Persons counted at a time.
BLOCK_PERSONS = 100_000

#: First and last key, first and last row_number of the persons counted at a time.
Block = tuple[object, object, int, int]

MAIN_WEIGHT = "weight"

QUOTED_NOTHING = "''"

RELATIONS: tuple[Relation, ...] = ("persons", "absentees")

#: How standard errors are made: what a sampling unit is.
Method = Literal["taylor", "replicates", "deff", "none"]


@dataclass(frozen=True, order=True)
class Variable:
    """What is summed: the members of a universe, or a quantity of those who told it.

    Attributes:
        universe: whose members.
        quantity: harmonised column of a number; '' where members are counted.
        weight: column of the weight.
    """

    universe: str
    quantity: str = ""
    weight: str = MAIN_WEIGHT

    @property
    def name(self) -> str:
        """Suffix of the variable's columns in psu_totals."""
        parts = [self.universe, self.quantity, f"by_{self.weight}" if self.weight != MAIN_WEIGHT else ""]
        return "__".join(part for part in parts if part)


@dataclass(frozen=True, order=True)
class Cube:
    """Two harmonised columns of a relation (empty: not a dimension) and the variables summed in their cells."""

    relation: Relation
    concept1: str
    concept2: str
    variables: tuple[Variable, ...]

    @property
    def name(self) -> str:
        """Identifier of the cube in psu_totals: its columns, joined."""
        name = " x ".join(part for part in (self.concept1, self.concept2) if part) or "total"
        return name if self.relation == "persons" else f"{name} of {self.relation}"

    @property
    def concepts(self) -> tuple[str, ...]:
        """The columns beside sex."""
        return tuple(part for part in (self.concept1, self.concept2) if part)


@dataclass(frozen=True)
class Layout:
    """What the harmonised tables of a round hold for counting.

    Attributes:
        method: how standard errors are made.
        columns: relation -> its harmonised columns; a relation that the survey does not list is absent.
        replicates: number of replicate weights.
        margins: calibration margins, whose categories stand in ``calibration_<margin>``.
    """

    method: Method
    columns: Mapping[Relation, frozenset[str]]
    replicates: int = 0
    margins: tuple[str, ...] = ()

    @property
    def has_ssu(self) -> bool:
        """Whether a second stage of sampling counts."""
        return self.method == "taylor" and {"ssu", "ssu_population"} <= self.columns["persons"]

    def design_sql(self, relation: Relation) -> tuple[str, str, str]:
        """Return the expressions of stratum, PSU and SSU of a relation's rows; one unit where none is needed."""
        held = self.columns[relation]
        if self.method == "taylor":
            stratum = "coalesce(stratum, '')" if "stratum" in held else "''"
            psu = "coalesce(psu, '')" if "psu" in held else "''"
            return stratum, psu, "coalesce(ssu, '')" if self.has_ssu and "ssu" in held else "''"
        if self.method == "deff":
            # Every person is a unit of its own; the design effect stands for strata and clusters.
            return "''", f"concat('{relation} ', lpad(row_number::VARCHAR, 9, '0'))", "''"
        return "''", "''", "''"


def indicator_weight(indicator: Indicator, columns: Iterable[str]) -> str:
    """Return the weight of an indicator's figures: its own where the survey collects it, else that of the round."""
    return indicator.weight if indicator.weight and indicator.weight in set(columns) else MAIN_WEIGHT


def cube_of(indicator: Indicator, relation: Relation | None = None) -> tuple[Relation, str, str]:
    """Return relation and columns of the cube that an indicator's cells come from.

    Raises:
        ValueError: the indicator crosses more than two columns beside sex.
    """
    crossed = (indicator.factor, indicator.classif1_concept, indicator.classif2_concept, indicator.contrast)
    concepts = [name for name in crossed if name]
    if len(concepts) > 2:
        raise ValueError(f"{indicator.id} crosses more than two columns: {', '.join(concepts)}")
    one, two = [*concepts, "", ""][:2]
    return relation or indicator.relation, one, two


def variables_of(indicator: Indicator, columns: Iterable[str]) -> tuple[tuple[Relation, Variable], ...]:
    """Return what an indicator is made of, the numerator first.

    Args:
        indicator: of the catalogue.
        columns: harmonised columns of its relation.
    """
    weight = indicator_weight(indicator, columns)
    found: list[tuple[Relation, Variable]] = [
        (indicator.relation, Variable(indicator.universe, indicator.quantity or "", weight))
    ]
    if indicator.denominator:
        found.append((indicator.relation, Variable(indicator.denominator, "", weight)))
    if indicator.subtrahend:
        found.append(("absentees", Variable(indicator.subtrahend)))
    return tuple(found)


def cubes(indicators: Iterable[Indicator], columns: Mapping[Relation, Iterable[str]]) -> tuple[Cube, ...]:
    """Return the cubes that serve a set of indicators, one per relation and pair of columns, in a fixed order."""
    wanted: dict[tuple[Relation, str, str], set[Variable]] = {}
    for indicator in indicators:
        for relation, variable in variables_of(indicator, columns[indicator.relation]):
            wanted.setdefault(cube_of(indicator, relation), set()).add(variable)
    return tuple(Cube(*key, tuple(sorted(variables))) for key, variables in sorted(wanted.items()))


def _relations(chosen: Sequence[Cube]) -> tuple[Relation, ...]:
    return tuple(relation for relation in RELATIONS if any(cube.relation == relation for cube in chosen))


def _concepts(chosen: Sequence[Cube], relation: Relation) -> tuple[str, ...]:
    found = {name for cube in chosen if cube.relation == relation for name in cube.concepts}
    return ("sex", *sorted(found))


def relation_variables(chosen: Sequence[Cube], relation: Relation) -> tuple[Variable, ...]:
    """Return the variables of all cubes of a relation, sorted."""
    return tuple(sorted({one for cube in chosen if cube.relation == relation for one in cube.variables}))


def preparation_sql(chosen: Sequence[Cube], layout: Layout) -> list[str]:
    """Return the statements that make what is common to all blocks of persons.

    They make ``units`` (unit, stratum, psu, ssu; one row per sampling unit of the full sample), ``base_codes``
    (relation, concept, base_code) and for each relation and concept an ENUM of its base codes, in their order.

    Args:
        chosen: the cubes that will be counted.
        layout: what the harmonised tables hold.

    Reads ``harmonised_persons`` and, where listed, ``harmonised_absentees``. The base code '' stands for NULL.
    """
    relations = _relations(chosen)
    sampled = " UNION ".join(
        f"SELECT {stratum} AS stratum, {psu} AS psu, {ssu} AS ssu FROM harmonised_{relation}"
        for relation in dict.fromkeys(("persons", *relations))
        for stratum, psu, ssu in (layout.design_sql(relation),)
    )
    dimensions = [(relation, concept) for relation in relations for concept in _concepts(chosen, relation)]
    observed = " UNION ALL ".join(
        f"SELECT DISTINCT '{relation}' AS relation, '{concept}' AS concept, coalesce({concept}, '') AS base_code "
        f"FROM harmonised_{relation}"
        for relation, concept in dimensions
    )
    return [
        "CREATE TABLE units AS SELECT row_number() OVER (ORDER BY stratum, psu, ssu)::INTEGER - 1 AS unit, "
        f"stratum, psu, ssu FROM (SELECT DISTINCT * FROM ({sampled}))",
        f"CREATE TABLE base_codes AS {observed}",
        *(
            f"CREATE TYPE {_code_type(relation, concept)} AS ENUM (SELECT base_code FROM base_codes "
            f"WHERE relation = '{relation}' AND concept = '{concept}' ORDER BY base_code)"
            for relation, concept in dimensions
        ),
    ]


def _code_type(relation: Relation, concept: str) -> str:
    return f"code_{relation}_{concept}"


def coded_sql(
    chosen: Sequence[Cube], relation: Relation, universes: Mapping[str, Universe], layout: Layout, block: Block
) -> str:
    """Return the statement that makes ``coded_<relation>``: the persons of one block, coded for counting.

    Grain: one row per person in any universe. Columns: unit, household (a number within the block), weights and
    quantities, ``c_<concept>`` for each dimension, and ``in_<variable>`` for each variable whether the person counts.
    ENUMs group and join to nothing: coding so takes a quarter of the time of a table of codes.

    Args:
        chosen: the cubes that will be counted.
        relation: whose rows.
        universes: conditions over its harmonised columns.
        layout: what the harmonised tables hold.
        block: a row of ``blocks_sql``.
    """
    concepts, variables = _concepts(chosen, relation), relation_variables(chosen, relation)
    wanted = {one.weight for one in variables} | {one.quantity for one in variables if one.quantity}
    if relation == "persons":
        wanted |= {f"replicate_weight_{number}" for number in range(1, layout.replicates + 1)}
        if layout.margins:
            wanted |= {"original_weight", *(f"calibration_{margin}" for margin in layout.margins)}
    kept = [f"p.{name}" for name in sorted(wanted)]
    codes = [f"coalesce(p.{name}, '')::{_code_type(relation, name)} AS c_{name}" for name in concepts]
    flags = [f"coalesce({_condition(one, universes)}, FALSE) AS in_{one.name}" for one in variables]
    key, first, last = block_key(layout), *(_literal(end) for end in block[:2])
    # Households are told apart within units only where units are PSUs: with 'deff' every person is a unit.
    home = "unit, household" if layout.method == "taylor" else "household"
    return f"""CREATE OR REPLACE TABLE coded_{relation} AS
WITH flagged AS MATERIALIZED (
    SELECT u.unit, p.u_household AS household, {", ".join((*kept, *codes, *flags))}
    FROM {_placed_sql(relation, layout, f"WHERE row_number BETWEEN {block[2]} AND {block[3]}")}
    WHERE {"u.unit" if key == "unit" else "p.u_household"} BETWEEN {first} AND {last}
), homes AS (
    SELECT {home}, row_number() OVER ()::INTEGER - 1 AS number FROM (SELECT DISTINCT {home} FROM flagged)
)
SELECT flagged.* REPLACE (number AS household) FROM flagged JOIN homes USING ({home})
WHERE {" OR ".join(f"in_{one.name}" for one in variables)}"""


def _literal(value: object) -> str:
    return quote_text(value) if isinstance(value, str) else str(value)


def _placed_sql(relation: Relation, layout: Layout, where: str = "") -> str:
    """Return the source of a relation's rows ``p`` joined with their unit ``u``."""
    stratum, psu, ssu = layout.design_sql(relation)
    household = "coalesce(household_id, '')" if "household_id" in layout.columns[relation] else "row_number"
    return (
        f"(SELECT *, {stratum} AS u_stratum, {psu} AS u_psu, {ssu} AS u_ssu, {household} AS u_household "
        f"FROM harmonised_{relation} {where}) AS p "
        "JOIN units AS u ON u.stratum = p.u_stratum AND u.psu = p.u_psu AND u.ssu = p.u_ssu"
    )


def _condition(variable: Variable, universes: Mapping[str, Universe]) -> str:
    """Return who counts in a variable: members who told the quantity and whom its weight stands for."""
    parts = [f"({universes[variable.universe].condition.sql()})"]
    if variable.quantity:
        parts.append(f"{variable.quantity} IS NOT NULL")
    if variable.weight != MAIN_WEIGHT:
        parts.append(f"{variable.weight} > 0")
    return " AND ".join(parts)


def block_key(layout: Layout) -> str:
    """Return what lies whole in one block of persons: a unit with its households, or a household."""
    return "unit" if layout.method == "taylor" else "household"


def are_units_split(layout: Layout) -> bool:
    """Whether a unit's persons (of a replicate, of a survey without units) lie in several blocks."""
    return layout.method in ("replicates", "none")


def blocks_sql(relation: Relation, layout: Layout) -> str:
    """Return SQL for blocks of about ``BLOCK_PERSONS`` persons: first and last key, first and last row_number.

    Counting then needs no more memory for a million persons than for one block. Row numbers spare reading the whole
    file for every block where it comes in the order of its units; in any other order it is only slower.
    """
    key = "u.unit" if block_key(layout) == "unit" else "p.u_household"
    return f"""
WITH keys AS (
    SELECT {key} AS key, count(*) AS persons, min(p.row_number) AS first_row, max(p.row_number) AS last_row
    FROM {_placed_sql(relation, layout)} GROUP BY {key}
), counted AS (
    SELECT *, sum(persons) OVER (ORDER BY key) - persons AS before, sum(persons) OVER () AS everybody FROM keys
)
SELECT min(key), max(key), min(first_row), max(last_row) FROM counted
GROUP BY floor(before * ceil(everybody / {BLOCK_PERSONS}) / everybody) ORDER BY 1"""


def sums_sql(cube: Cube, weight: str | None = None) -> str:
    """Return the aggregates of a cube: columns ``w__<variable>``, ``n__``, and ``s__`` where there is a quantity.

    Args:
        cube: the variables.
        weight: weight that stands for the main one; None for the variables' own.
    """
    found = []
    for one in cube.variables:
        name, used = one.name, weight if weight and one.weight == MAIN_WEIGHT else one.weight
        found.append(f"coalesce(sum({used}) FILTER (in_{name}), 0) AS w__{name}")
        found.append(f"count(*) FILTER (in_{name}) AS n__{name}")
        if one.quantity:
            found.append(f"coalesce(sum({used} * {one.quantity}) FILTER (in_{name}), 0) AS s__{name}")
    return ", ".join(found)


def psu_totals_sql(cube: Cube, layout: Layout) -> str:
    """Return SQL for the psu_totals of one cube and the block of persons that is coded.

    Grain: unit (stratum x PSU x SSU; replicate with replicate weights) x base code of sex x of both columns, only where
    a person counts. Columns: cube, unit, sex, code1, code2 ('' for NULL or no dimension), and of each variable
    ``w__`` (sum of weights), ``n__`` (persons), ``s__`` (sum of weight x quantity).

    Args:
        cube: columns and variables.
        layout: what the harmonised tables hold.
    """
    codes = "".join(f", c_{concept}" for concept in cube.concepts)
    anybody = " OR ".join(f"in_{one.name}" for one in cube.variables)
    if layout.method == "replicates" and cube.relation == "persons":
        columns = _replicated_columns(cube, layout.replicates)
        inner = f"SELECT c_sex{codes}, {columns} FROM coded_persons WHERE {anybody} GROUP BY c_sex{codes}"
    else:
        inner = f"SELECT unit, c_sex{codes}, {sums_sql(cube)} FROM coded_{cube.relation} WHERE {anybody} GROUP BY ALL"
    return f"SELECT {quote_text(cube.name)} AS cube, unit, {_named_sql(cube, inner)} ORDER BY unit, c_sex{codes}"


def _named_sql(cube: Cube, inner: str) -> str:
    """Return the select list and source of a cube's sums, with the codes of its dimensions as text."""
    dimensions = zip(("sex", cube.concept1, cube.concept2), ("sex", "code1", "code2"), strict=True)
    codes = ", ".join(
        f"c_{concept}::VARCHAR AS {column}" if concept else f"{QUOTED_NOTHING} AS {column}"
        for concept, column in dimensions
    )
    sums = [f"{name}::INTEGER AS {name}" if name.startswith("n__") else name for name in cube_columns(cube)]
    return f"{codes}, {', '.join(sums)} FROM ({inner})"


def cube_columns(cube: Cube) -> tuple[str, ...]:
    """Return the columns of a cube's sums and counts, in order."""
    names = [one.name for one in cube.variables]
    quantities = [f"s__{one.name}" for one in cube.variables if one.quantity]
    return (*(f"w__{name}" for name in names), *(f"n__{name}" for name in names), *quantities)


def _replicated_columns(cube: Cube, replicates: int) -> str:
    """Return the aggregates unnested by replicate; 0 is the full sample, and persons are counted in it alone."""
    columns = [f"unnest(range({replicates + 1}))::INTEGER AS unit"]
    weights = ["weight", *(f"replicate_weight_{number}" for number in range(1, replicates + 1))]
    for one in cube.variables:
        name = one.name
        # A weight of its own has no replicates: there is then no standard error, rather than one of 0.
        own = weights if one.weight == MAIN_WEIGHT else [one.weight, *["NULL::DOUBLE"] * replicates]
        sums = [_sum(weight, name) for weight in own]
        columns.append(f"unnest([{', '.join(sums)}]) AS w__{name}")
        zeros = ", 0" * replicates
        columns.append(f"unnest([count(*) FILTER (in_{name}){zeros}]) AS n__{name}")
        if one.quantity:
            sums = [_sum(weight, name, one.quantity) for weight in own]
            columns.append(f"unnest([{', '.join(sums)}]) AS s__{name}")
    return ", ".join(columns)


def _sum(weight: str, name: str, quantity: str = "") -> str:
    if weight.startswith("NULL"):
        return weight
    return f"coalesce(sum({weight}{f' * {quantity}' if quantity else ''}) FILTER (in_{name}), 0)"


def sample_design_sql(layout: Layout) -> str:
    """Return SQL for the units of the full sample, before any filter: unit, stratum, psu, ssu and their populations.

    ``psu_population`` and ``ssu_population`` are NULL where the survey gives none: sampling is then taken as with
    replacement.
    """
    held = layout.columns["persons"]
    stratum, psu, ssu = layout.design_sql("persons")
    given = [name for name in ("psu_population", "ssu_population") if name in held and layout.method == "taylor"]
    if not given:
        return (
            "SELECT unit, stratum, psu, ssu, NULL::DOUBLE AS psu_population, NULL::DOUBLE AS ssu_population "
            "FROM units ORDER BY unit"
        )
    taken = ", ".join(
        f"max({name})::DOUBLE AS {name}" if name in given else f"NULL::DOUBLE AS {name}"
        for name in ("psu_population", "ssu_population")
    )
    return (
        "SELECT unit, stratum, psu, ssu, psu_population, ssu_population FROM units LEFT JOIN ("
        f"SELECT {stratum} AS stratum, {psu} AS psu, {ssu} AS ssu, {taken} FROM harmonised_persons GROUP BY 1, 2, 3"
        ") USING (stratum, psu, ssu) ORDER BY unit"
    )


def calibration_sql(cube: Cube, margin: str) -> str:
    """Return SQL for a cube's sums with the weights before calibration, by category of one margin, in one block.

    Grain: category x base codes of sex and both columns. Persons outside the margin have the category NULL and are
    left out. Columns as psu_totals, with ``category`` in place of ``unit``.
    """
    codes = "".join(f", c_{concept}" for concept in cube.concepts)
    anybody = " OR ".join(f"in_{one.name}" for one in cube.variables)
    inner = (
        f"SELECT calibration_{margin} AS category, c_sex{codes}, {sums_sql(cube, 'original_weight')} "
        f"FROM coded_persons WHERE calibration_{margin} IS NOT NULL AND ({anybody}) GROUP BY ALL"
    )
    return (
        f"SELECT {quote_text(cube.name)} AS cube, {quote_text(margin)} AS margin, category, {_named_sql(cube, inner)} "
        f"ORDER BY category, c_sex{codes}"
    )
