"""Checks of a round's sample design: population counts, replicate weights, and cells of population totals.

Here belongs what the columns of the design must agree with over a whole round. Each function reads the work relation
(``work``) of a harmonised round, or a relation with the same columns, and returns counts, never a person's value.
"""

from collections.abc import Collection, Mapping

import duckdb

from pipelines.checks import count_where, variable_of
from pipelines.findings import ROWS_SHOWN, Finding, finding
from schemas.concepts import Concept
from schemas.periods import Period
from schemas.survey_estimation import CalibrationMargin, Replicates
from schemas.survey_spec import SurveySpec
from transforms.harmonise import margin_cell_sql

_TABLE = "harmonised_persons"

#: Mean replicate weight over mean weight outside of which one is not the other's kind (as R's svrepdesign warns).
REPLICATE_RATIO = 5.0


def design_findings(connection: duckdb.DuckDBPyConnection, spec: SurveySpec, columns: Collection[str]) -> list[Finding]:
    """Return what is wrong with population counts of sampling units and with replicate weights.

    Args:
        connection: DuckDB with ``work``, which holds the harmonised columns and the replicate weights.
        spec: the specification.
        columns: the harmonised columns (of the plan).
    """
    found = []
    stratum = "stratum" if "stratum" in columns else "''"
    if "psu_population" in columns:
        found += _population_findings(connection, spec, "psu_population", "psu", (stratum,))
    if "ssu_population" in columns:
        found += _population_findings(connection, spec, "ssu_population", "ssu", (stratum, "psu"))
    if spec.replicates is not None:
        found += _replicate_findings(connection, spec.replicates)
    return found


def _population_findings(
    connection: duckdb.DuckDBPyConnection, spec: SurveySpec, column: str, unit: str, within: tuple[str, ...]
) -> list[Finding]:
    """Return findings on the number of units in the population: one for each group, and not below the sample's."""
    groups = "strata" if unit == "psu" else "primary sampling units"
    conditions = {
        "FPC_NOT_CONSTANT": (
            f"min({column}) < max({column})",
            f"{{}} {groups} with several values of {column}",
        ),
        "FPC_TOO_SMALL": (
            f"min({column}) = max({column}) AND max({column}) < count(DISTINCT {unit})",
            f"{{}} {groups} with more {unit.upper()}s in the sample than {column} says there are",
        ),
    }
    found = []
    for rule, (condition, text) in conditions.items():
        row = connection.execute(
            f"SELECT count(*), sum(n)::BIGINT, list_sort(flatten(list(r)))[:{ROWS_SHOWN}] FROM ("
            f"SELECT count(*) AS n, min(row_number, {ROWS_SHOWN}) AS r FROM work "
            f"GROUP BY {', '.join(within)} HAVING {condition})"
        ).fetchone()
        assert row is not None
        if row[0]:
            found.append(
                finding(
                    rule,
                    _TABLE,
                    text.format(row[0]),
                    concept=column,
                    variable=variable_of(spec, column),
                    count=row[1],
                    rows=row[2],
                )
            )
    return found


def _replicate_findings(connection: duckdb.DuckDBPyConnection, replicates: Replicates) -> list[Finding]:
    wrong = {column: f"({column} IS NULL OR {column} < 0)" for column in replicates.columns}
    count, rows = count_where(connection, "work", " OR ".join(wrong.values()))
    measures = [f"count_if({condition})" for condition in wrong.values()]
    measures += [f"sum({column})" for column in replicates.columns]
    row = connection.execute(f"SELECT sum(weight), {', '.join(measures)} FROM work").fetchone()
    assert row is not None
    counts, sums = row[1 : len(wrong) + 1], row[len(wrong) + 1 :]
    if count:
        names = [name for name, number in zip(replicates.variables, counts, strict=True) if number]
        text = f"{len(names)} of {len(counts)} replicate weights are blank, negative or no number somewhere"
        variable = names[0] if len(names) == 1 else f"{names[0]} and others"
        return [finding("REPLICATE_WEIGHT_INVALID", _TABLE, text, variable=variable, count=count, rows=rows)]
    ratio = sum(sums) / len(sums) / row[0] if row[0] else 1.0
    if not 1 / REPLICATE_RATIO <= ratio <= REPLICATE_RATIO:
        text = f"the replicate weights sum to {ratio:.3g} of the weights on average: they are no whole weights"
        return [finding("REPLICATE_WEIGHT_SCALE", _TABLE, text, variable=", ".join(replicates.variables[:1]))]
    return []


def calibration_findings(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    period: Period,
    columns: Collection[str],
    concepts: Mapping[str, Concept],
    relation: str = "work",
) -> list[Finding]:
    """Return why the weights of a round cannot be raked: missing totals, persons in no cell, cells without persons.

    Args:
        connection: DuckDB with the relation.
        spec: the specification.
        period: the round's period.
        columns: the harmonised columns (of the plan).
        concepts: the concept dictionary.
        relation: the round's persons, with ``weight``, ``exclusion`` and ``row_number``.
    """
    found = []
    for margin in spec.calibration.margins if spec.calibration is not None else ():
        lacking = [name for name in margin.concepts if name not in columns]
        if lacking:
            text = f"{margin.name}: the survey's questions do not give {', '.join(lacking)}"
            found.append(finding("CALIBRATION_COLUMN", _TABLE, text, concept=lacking[0]))
        elif not margin.totals(period):
            text = f"{margin.name}: {margin.file} has no totals of {period}"
            found.append(finding("CALIBRATION_PERIOD", _TABLE, text))
        else:
            cell = margin_cell_sql(margin, period, concepts)
            found += _cell_findings(connection, spec, margin, margin.totals(period), cell, relation)
    return found


def _cell_findings(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    margin: CalibrationMargin,
    totals: Mapping[str, float],
    cell: str,
    relation: str,
) -> list[Finding]:
    first = margin.concepts[0]
    in_figures = "exclusion IS NULL"
    count, rows = count_where(connection, relation, f"{in_figures} AND ({cell}) IS NULL")
    found = []
    if count:
        text = f"{margin.name}: persons whose {' x '.join(margin.concepts)} has no total in {margin.file}"
        variable = variable_of(spec, first)
        found.append(
            finding("CALIBRATION_OUTSIDE", _TABLE, text, concept=first, variable=variable, count=count, rows=rows)
        )
    seen = connection.execute(f"SELECT DISTINCT {cell} FROM {relation} WHERE {in_figures}").fetchall()
    empty = sorted(set(totals) - {name for (name,) in seen})
    if empty:
        text = f"{margin.name}: nobody in the sample is in {len(empty)} of {len(totals)} cells, the first is {empty[0]}"
        found.append(finding("CALIBRATION_CELL_EMPTY", _TABLE, text, concept=first))
    return found
