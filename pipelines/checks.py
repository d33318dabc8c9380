"""Checks of the tables of a round: edit rules, contracts and identities, counted by rule.

Here belongs how rules are counted over a whole table without a person's value leaving it. What the rules
are is data (``schemas/edit_rules.toml``) and contracts (``schemas/contracts.py``).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq

from pipelines.findings import ROWS_SHOWN, Finding, finding
from schemas.concepts import Concept
from schemas.countries import COUNTRY, Kind, resolve_country
from schemas.periods import Period
from schemas.survey_files import ABSENTEES
from schemas.survey_spec import SurveySpec
from transforms.harmonise import (
    EVENTS,
    HarmonisePlan,
    birth_year_range_sql,
    late_month_sql,
    native_arrival_is_birth_sql,
)
from transforms.recode import Source

#: Values of a contract batch: bounds the memory of wide tables and of pandera's failure cases.
BATCH_VALUES = 2_000_000

UNKNOWN_SHARE_WARNING = 0.05
UNKNOWN_SHARE_STOP = 0.30
WEIGHT_JUMP = 0.20
OLDEST_AGE = 120

#: Rule for a source value without target, where it is not an unmapped code.
_RULE_OF_CONCEPT = {"weight": "WEIGHT_MISSING", "psu": "PSU_BLANK", "stratum": "STRATUM_BLANK"}


def variable_of(source: Source, name: str) -> str:
    """Return the national variables that a concept is made from, for a finding; empty where it is derived."""
    if name not in source.concepts:
        return ""
    columns = set(source.concepts[name].columns)
    for rule in source.rules.get(name, ()):
        columns |= rule.when.columns
    return ", ".join(sorted(columns))


def count_where(connection: duckdb.DuckDBPyConnection, relation: str, condition: str) -> tuple[int, list[int]]:
    """Return how many rows meet a condition, and the numbers of the first ones."""
    query = f"SELECT count(*) FILTER ({condition}), min(row_number, {ROWS_SHOWN}) FILTER ({condition}) FROM {relation}"
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0], row[1] or []


def correction_findings(connection: duckdb.DuckDBPyConnection, spec: SurveySpec, counts_sql: str) -> list[Finding]:
    """Return one finding per correction that does not meet the number of rows it expects.

    Args:
        connection: DuckDB with ``raw_extract``.
        spec: the specification.
        counts_sql: one row with the count of every correction, in order.
    """
    if not spec.corrections:
        return []
    counts = connection.execute(counts_sql).fetchone()
    assert counts is not None
    return [
        finding(
            "CORRECTION_COUNT",
            "raw_extract",
            f"{correction.file}, row {correction.row}: meets {count} rows, expected {correction.expected_rows}",
            variable=correction.variable,
            count=count,
        )
        for correction, count in zip(spec.corrections, counts, strict=True)
        if count != correction.expected_rows
    ]


def unmapped_findings(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    concepts: Mapping[str, Concept],
    plan: HarmonisePlan,
    source: Source | None = None,
    table: str = "harmonised_persons",
) -> list[Finding]:
    """Return one finding per concept whose source has no target inside the concept's universe.

    Args:
        connection: DuckDB with ``work``.
        spec: the specification.
        concepts: the concept dictionary.
        plan: what made ``work``.
        source: where the concepts come from; those of persons by default.
        table: the table's name, for the findings.
    """
    given: Source = spec if source is None else source
    counts = ", ".join(
        f"count_if(x_{name}) AS c_{name}, min(row_number, {ROWS_SHOWN}) FILTER (x_{name}) AS r_{name}"
        for name in plan.checked
    )
    row = connection.execute(f"SELECT {counts} FROM work").fetchone()
    assert row is not None
    found = []
    for index, name in enumerate(plan.checked):
        count, rows = row[2 * index], row[2 * index + 1] or []
        if not count:
            continue
        if name in plan.ruled:
            rule, text = "RULE_NONE_MET", "no rule is met inside the concept's universe"
        elif name in plan.keys:
            rule, text = "CODE_UNMAPPED", _unmapped_text(connection, spec, given, name)
        elif name in _RULE_OF_CONCEPT:
            rule, text = _RULE_OF_CONCEPT[name], "blank or not a number"
        elif concepts[name].kind == "number":
            rule, text = "NUMBER_INVALID", "not a number and not declared as missing"
        else:
            rule, text = "SCOPE_NULL", "blank inside the concept's universe"
        found.append(
            finding(rule, table, text, concept=name, variable=variable_of(given, name), count=count, rows=rows)
        )
    return found


def _unmapped_text(connection: duckdb.DuckDBPyConnection, spec: SurveySpec, source: Source, name: str) -> str:
    """Say how many codes are unmapped; name them only where the variable is declared closed."""
    codes = [
        row[0]
        for row in connection.execute(
            f"SELECT k_{name} FROM work WHERE x_{name} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 20"
        ).fetchall()
    ]
    place = "" if source is spec else ABSENTEES
    text = f"{len(codes)} source code(s) without a row in {place}codes/{name}.csv"
    if source.concepts[name].codes == COUNTRY:
        text += _refused_names(connection, name)
    variables = source.concepts[name].columns
    if variables <= set(spec.survey.closed_codes):
        return f"{text}: {', '.join(code if code else '(blank)' for code in codes)}"
    return f"{text} (not named here: {', '.join(sorted(variables))} is not declared closed)"


def _refused_names(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Say how many of the unmapped names of countries are ambiguous or of states that are no more, if any."""
    texts = connection.execute(f"SELECT DISTINCT k_{name} FROM work WHERE x_{name}").fetchall()
    kinds = Counter(resolve_country(text).kind for (text,) in texts)
    words: dict[Kind, str] = {
        "ambiguous": "ambiguous: name the country in a row",
        "historical": "of states that are no more: see [migration].historical_states",
    }
    return "".join(f"; {kinds[kind]} {meaning}" for kind, meaning in words.items() if kinds[kind])


def unused_findings(
    connection: duckdb.DuckDBPyConnection,
    spec: Source,
    period: Period,
    plan: HarmonisePlan,
    table: str = "harmonised_persons",
) -> list[Finding]:
    """Return a warning per code table of the survey that has rows no data uses."""
    found = []
    for name in plan.keys:
        source = spec.concepts[name]
        if source.codes is not None:
            continue
        seen = {row[0] for row in connection.execute(f"SELECT DISTINCT k_{name} FROM work").fetchall()}
        unused = [row.source_code for row in spec.codes_at(name, period) if row.source_code not in seen]
        if unused:
            text = f"{len(unused)} of {len(spec.codes_at(name, period))} mapped codes do not occur in the file"
            found.append(finding("MAPPING_UNUSED", table, text, concept=name, variable=variable_of(spec, name)))
    return found


def edit_findings(
    connection: duckdb.DuckDBPyConnection, spec: SurveySpec, period: Period, plan: HarmonisePlan
) -> list[Finding]:
    """Return the findings of the edit rules over the work relation."""
    rules: list[tuple[str, str, str, str]] = [
        ("WEIGHT_NEGATIVE", "weight", "weight < 0", "a weight is below zero"),
        ("WEIGHT_ZERO", "weight", "weight = 0", "rows of weight zero are kept out of every figure"),
    ]
    if "age" in plan.columns:
        rules.append(("AGE_RANGE", "age", f"age < 0 OR age > {OLDEST_AGE}", f"age is not between 0 and {OLDEST_AGE}"))
    born = birth_year_range_sql(spec, period)
    for event in EVENTS:
        year, month = f"{event}_year", f"{event}_month"
        if year not in plan.columns:
            continue
        late = f"v_{year} > {period.year}"
        rules.append(("ARRIVAL_AFTER_PERIOD", year, late, f"{event} after the reference period; taken as not stated"))
        if month in plan.columns:
            text = f"month of {event} after the reference period; taken as not stated"
            rules.append(("ARRIVAL_AFTER_PERIOD", month, late_month_sql(period, event), text))
        if born is not None:
            early = f"v_{year} < {born[0]}"
            rules.append(("ARRIVAL_BEFORE_BIRTH", year, early, f"{event} before birth; taken as not stated"))
    if "arrival_year" in plan.columns and born is not None and "place_of_birth" in plan.columns:
        text = "the native-born carry their year of birth as year of arrival; it is not a move"
        rules.append(("ARRIVAL_OF_NATIVE_BORN", "arrival_year", native_arrival_is_birth_sql(born), text))
    found = rule_findings(connection, rules, spec)
    if "person_id" in plan.columns:
        found += duplicate_findings(connection, spec)
    return found


def rule_findings(
    connection: duckdb.DuckDBPyConnection,
    rules: Iterable[tuple[str, str, str, str]],
    source: Source,
    table: str = "harmonised_persons",
) -> list[Finding]:
    """Return one finding per rule (id, concept, condition over ``work``, text) that any row meets."""
    found = []
    for rule, concept, condition, text in rules:
        count, rows = count_where(connection, "work", condition)
        if count:
            variable = variable_of(source, concept)
            found.append(finding(rule, table, text, concept=concept, variable=variable, count=count, rows=rows))
    return found


def duplicate_findings(
    connection: duckdb.DuckDBPyConnection, source: Source, table: str = "harmonised_persons"
) -> list[Finding]:
    """Return a finding if an identifier of a person stands in ``work`` more than once."""
    row = connection.execute(
        "SELECT coalesce(sum(c - 1), 0), min(r, 5) FROM "
        "(SELECT count(*) AS c, max(row_number) AS r FROM work WHERE person_id IS NOT NULL "
        "GROUP BY person_id HAVING count(*) > 1)"
    ).fetchone()
    assert row is not None
    if not row[0]:
        return []
    text, variable = "a person stands in the file more than once", variable_of(source, "person_id")
    return [
        finding("DUPLICATE_KEY", table, text, concept="person_id", variable=variable, count=row[0], rows=row[1] or [])
    ]


def declared_counts(
    connection: duckdb.DuckDBPyConnection, spec: SurveySpec, period: Period, plan: HarmonisePlan
) -> tuple[dict[str, int], list[Finding]]:
    """Return rule -> rows of the defects that a specification declares, and what differs from the declaration.

    A declared defect must be there with just the declared number of rows, or within the declared share; a
    non-respondent that nobody declared is an error (STANDARDS 0.11).
    """
    conditions = {"NON_RESPONDENT": "exclusion = 'NON_RESPONDENT'"}
    if "psu" in plan.columns and spec.design.psu_missing == "declared":
        conditions["PSU_BLANK"] = "psu IS NULL"
    row = connection.execute("SELECT count(*) FROM work").fetchone()
    assert row is not None
    counts, found = {}, []
    for rule, condition in conditions.items():
        count, rows = count_where(connection, "work", condition)
        declared = [item for item in spec.declared if item.rule == rule and item.period in (None, period)]
        exact = next((item.rows for item in declared if item.rows is not None), None)
        share = next((item.max_share for item in declared if item.max_share is not None), None)
        if count or exact:
            counts[rule] = count
        if exact is not None:
            is_right, expected = count == exact, f"{exact} declared"
        elif share is not None:
            is_right, expected = count <= share * row[0], f"at most {share:.1%} declared"
        else:
            is_right, expected = not count, "none declared"
        if not is_right:
            text = f"{count} rows are {rule}, {expected}"
            concept = "psu" if rule == "PSU_BLANK" else "exclusion"
            found.append(finding("DECLARED_COUNT", "harmonised_persons", text, concept=concept, count=count, rows=rows))
    return counts, found


def share_findings(connection: duckdb.DuckDBPyConnection, plan: HarmonisePlan) -> list[Finding]:
    """Return findings on the share of persons of working age of unknown birth or citizenship (weighted).

    Every published table is of the working age; a question that younger persons are not asked leaves none unknown.
    """
    found = []
    for column in ("place_of_birth", "citizenship_status"):
        if column not in plan.columns:
            continue
        row = connection.execute(
            f"SELECT sum(weight) FILTER ({column} LIKE '%_X') / nullif(sum(weight), 0), count_if({column} LIKE '%_X') "
            "FROM work WHERE exclusion IS NULL AND is_working_age"
        ).fetchone()
        assert row is not None
        share, count = row[0] or 0.0, row[1]
        if share > UNKNOWN_SHARE_WARNING:
            rule = "UNKNOWN_SHARE_STOP" if share > UNKNOWN_SHARE_STOP else "UNKNOWN_SHARE_WARNING"
            found.append(
                finding(
                    rule,
                    "harmonised_persons",
                    f"{share:.1%} of the weighted persons are unknown",
                    concept=column,
                    count=count,
                )
            )
    return found


def weight_findings(weight_total: float, previous_weight_total: float | None) -> list[Finding]:
    """Return a finding where the weights sum to much more or less than those of the round before."""
    if not previous_weight_total:
        return []
    ratio = weight_total / previous_weight_total
    if abs(ratio - 1) <= WEIGHT_JUMP:
        return []
    text = f"the weights sum to {ratio:.3f} of the round before"
    return [finding("WEIGHT_JUMP", "harmonised_persons", text, concept="weight")]


def contract_findings(table: str, data: Path, contract: Any) -> list[Finding]:
    """Return failures of a pandera contract over a Parquet file, counted by rule and column.

    Args:
        table: the table's name, for the findings.
        data: Parquet file.
        contract: ``pandera.polars.DataFrameSchema``.
    """
    from pandera.errors import SchemaErrors

    counts: Counter[tuple[str, str]] = Counter()
    for batch in _batches(data):
        try:
            contract.validate(batch, lazy=True)
        except SchemaErrors as errors:
            for error in errors.schema_errors:
                check = error.check
                rule = getattr(check, "name", None) or str(error.reason_code)
                concept = getattr(check, "error", None) or str(getattr(error.schema, "name", "") or "")
                cases = getattr(error, "check_output", None)
                failed = 1
                if cases is not None:
                    failed = int(_as_frame(cases).select(pl.last().not_().sum()).item())
                counts[(rule, concept)] += max(failed, 1)
    known = {"CODE_INVALID", "SCOPE_NULL", "SCOPE_EXTRA"}
    return [
        finding(rule if rule in known else "CONTRACT", table, f"contract {rule}", concept=concept, count=count)
        for (rule, concept), count in sorted(counts.items())
    ]


def _as_frame(cases: Any) -> pl.DataFrame:
    return cases.collect() if isinstance(cases, pl.LazyFrame) else pl.DataFrame(cases)


def _batches(data: Path) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(data) as parquet:
        rows = max(1, BATCH_VALUES // max(1, parquet.metadata.num_columns))
        for batch in parquet.iter_batches(batch_size=rows):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame
