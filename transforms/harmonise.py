"""From one round's raw extract to harmonised persons: the SQL of one survey specification.

Here belongs how source values become harmonised codes (lookups, rules, numbers, validity, corrections)
and in which order the derivations build on each other. The derivations themselves stand in
``labour_force`` and ``migration``; running the SQL and judging its counts belongs to ``pipelines``.

The work relation has one row per row of the raw extract. Beside the harmonised columns it carries
``x_<concept>``: true where the concept's universe holds the person but the source value has no target.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.codes import load_hierarchy
from schemas.concepts import Concept
from schemas.expressions import number_sql, quote_name, quote_text
from schemas.periods import Period
from schemas.survey_spec import SurveySpec
from transforms import labour_force, migration

#: Scope of a concept (its universe in the dictionary) as SQL over the columns of earlier stages; what stands in
#: braces depends on the questions that a survey asks.
SCOPES = {
    "all": "TRUE",
    "of_working_age": "is_working_age",
    "absent": "is_working_age AND {absent}",
    "not_employed": "is_working_age AND {not_employed}",
    "employed": "labour_force_status = 'LMS_STATUS_EMP'",
    "arrived_from_abroad": "has_arrived_from_abroad",
}

#: Stages in which scopes become known, each after what it needs.
_STAGES = ("all", "arrived_from_abroad", "of_working_age", "absent", "not_employed", "employed")

_ZERO_WEIGHT = "CASE WHEN v_weight = 0 THEN 'ZERO_WEIGHT' END"


@dataclass(frozen=True)
class HarmonisePlan:
    """SQL that harmonises one round.

    Attributes:
        sql: the work relation; ``raw_extract`` is the relation it reads.
        columns: the harmonised columns, in the order of the concept dictionary.
        checked: concepts that have an ``x_`` column.
        keys: concepts looked up in a code table, with a ``k_`` column holding the source value.
        ruled: concepts given by rules, with an ``r_`` column holding the order of the rule met.
    """

    sql: str
    columns: tuple[str, ...]
    checked: tuple[str, ...]
    keys: tuple[str, ...]
    ruled: tuple[str, ...]


def corrected_sql(spec: SurveySpec) -> str:
    """Return SQL for the raw extract with the specification's corrections applied."""
    if not spec.corrections:
        return "SELECT * FROM raw_extract"
    by_variable: dict[str, list[str]] = {}
    for correction in spec.corrections:
        branch = f"WHEN {correction.where.sql()} THEN {quote_text(correction.value)}"
        by_variable.setdefault(correction.variable, []).append(branch)
    replacements = ", ".join(
        f"CASE {' '.join(branches)} ELSE {quote_name(variable)} END AS {quote_name(variable)}"
        for variable, branches in by_variable.items()
    )
    return f"SELECT * REPLACE ({replacements}) FROM raw_extract"


def correction_counts_sql(spec: SurveySpec) -> str:
    """Return SQL for one row: the number of rows that each correction's condition meets."""
    counts = [
        f"count_if({correction.where.sql()})::BIGINT AS c{index}" for index, correction in enumerate(spec.corrections)
    ]
    return f"SELECT {', '.join(counts)} FROM raw_extract"


def _source_sql(spec: SurveySpec, name: str) -> str:
    source = spec.concepts[name]
    if source.expression is not None:
        return source.expression.sql("corrected")
    assert source.variable is not None
    return f"corrected.{quote_name(source.variable)}"


def _lookup_rows(spec: SurveySpec, name: str, period: Period) -> dict[str, str]:
    return {row.source_code: row.target_code for row in spec.codes_at(name, period)}


def _target_sql(concept: Concept, target: str) -> str:
    if target == "NULL" or concept.kind in ("boolean", "number"):
        return target
    return quote_text(target)


def _lookup_sql(concept: Concept, rows: Mapping[str, str]) -> str:
    """Return SQL for a relation (source_code, target_code); it may have no row that is valid."""
    kind = "BOOLEAN" if concept.kind == "boolean" else "VARCHAR"
    if not rows:
        return f"(SELECT NULL::VARCHAR AS source_code, NULL::{kind} AS target_code WHERE FALSE)"
    values = ", ".join(
        f"({quote_text(code)}, {_target_sql(concept, target)}::{kind})" for code, target in sorted(rows.items())
    )
    return f"(SELECT * FROM (VALUES {values}) AS listed(source_code, target_code))"


def _recoded(spec: SurveySpec, concept: Concept) -> tuple[str, str, dict[str, str]]:
    """Return (value, has-no-target, extra columns) as SQL.

    A concept with an extra column k_ is looked up by it: its value and verdict read the lookup. All else
    reads the corrected raw extract, every variable by its qualified name: a national variable may have the
    name of any concept or working column.
    """
    name = concept.name
    source = spec.concepts[name]
    if source.rules:
        rules = [(rule, rule.when.sql("corrected")) for rule in spec.rules[name]]
        met = " ".join(f"WHEN {when} THEN {index}" for index, (_, when) in enumerate(rules))
        values = " ".join(
            f"WHEN {when} THEN "
            + (rule.expression.sql("corrected") if rule.expression else _target_sql(concept, rule.value))
            for rule, when in rules
        )
        met_sql = f"CASE {met} END"
        return f"CASE {values} END", f"{met_sql} IS NULL", {f"r_{name}": met_sql}
    raw = _source_sql(spec, name)
    if source.expression is not None and source.expression.kind != "text":
        return raw, "FALSE" if concept.nullable else f"({raw}) IS NULL", {}
    if spec.codes.get(name):
        key = f"COALESCE(trim({raw}), '')"
        return f"m_{name}.target_code", f"m_{name}.source_code IS NULL", {f"k_{name}": key}
    text = f"NULLIF(trim({raw}), '')"
    if concept.kind == "number":
        stated = text
        if source.missing:
            stated = f"CASE WHEN {text} NOT IN ({', '.join(map(quote_text, source.missing))}) THEN {text} END"
        number = number_sql(stated)
        wrong = f"{stated} IS NOT NULL AND {number} IS NULL"
        if not concept.nullable:
            wrong = f"{number} IS NULL"
        return number, wrong, {}
    return text, "FALSE" if concept.nullable else f"{text} IS NULL", {}


#: Type of a concept's column: an empty or constant column has it as well.
_TYPES = {"boolean": "BOOLEAN", "number": "DOUBLE", "code": "VARCHAR", "text": "VARCHAR"}


def plan(spec: SurveySpec, concepts: Mapping[str, Concept], period: Period) -> HarmonisePlan:
    """Return the SQL that harmonises one round of a survey.

    Args:
        spec: the survey's specification.
        concepts: the concept dictionary.
        period: the round's reference period; it selects the rows of the code tables that are valid.
    """
    sourced = [concept for concept in concepts.values() if concept.name in spec.concepts]
    # Raw variables end here: what follows holds columns of the project only.
    read, looked_up, lookups = ["corrected.row_number"], ["keyed.*"], []
    keys: list[str] = []
    ruled: list[str] = []
    for concept in sourced:
        name = concept.name
        value, wrong, extra = _recoded(spec, concept)
        columns = [f"({value})::{_TYPES[concept.kind]} AS v_{name}", f"({wrong}) AS w_{name}"]
        read += [f"{expression} AS {column}" for column, expression in extra.items()]
        if f"k_{name}" in extra:
            keys.append(name)
            looked_up += columns
            relation = _lookup_sql(concept, _lookup_rows(spec, name, period))
            lookups.append(f"LEFT JOIN {relation} AS m_{name} ON m_{name}.source_code = keyed.k_{name}")
        else:
            ruled += [name] if extra else []
            read += columns
    ctes = [
        ("corrected", corrected_sql(spec)),
        ("keyed", f"SELECT {', '.join(read)} FROM corrected"),
        ("recoded", f"SELECT {', '.join(looked_up)} FROM keyed {' '.join(lookups)}"),
    ]
    harmonised = _staged(spec, sourced, period, ctes)
    with_sql = ",\n".join(f"{name} AS ({body})" for name, body in ctes[:-1])
    return HarmonisePlan(
        sql=f"WITH {with_sql}\n{ctes[-1][1]}",
        columns=tuple(name for name in concepts if name in harmonised),
        checked=tuple(concept.name for concept in sourced),
        keys=tuple(keys),
        ruled=tuple(ruled),
    )


def _staged(spec: SurveySpec, sourced: list[Concept], period: Period, ctes: list[tuple[str, str]]) -> set[str]:
    """Append one query per stage to ``ctes``; return the names of the harmonised columns."""
    known: set[str] = {"row_number"}
    unknown = [concept.name for concept in sourced if concept.universe not in SCOPES]
    if unknown:
        raise ValueError(f"concepts with an unknown universe: {', '.join(unknown)}")
    for stage in _STAGES:
        here = [concept for concept in sourced if concept.universe == stage]
        if here:
            scope = _scope_sql(stage, known)
            columns = []
            for concept in here:
                kept = scope
                if concept.name in ("arrival_year", "arrival_month") and "arrival_year" in spec.concepts:
                    kept = f"{scope} AND {plausible_arrival_sql(spec, period)}"
                if concept.name == "arrival_month":
                    kept += " AND v_arrival_month BETWEEN 1 AND 12"
                masked = f"v_{concept.name}" if stage == "all" else f"CASE WHEN {kept} THEN v_{concept.name} END"
                if concept.name == "exclusion":
                    masked = f"COALESCE(v_exclusion, {_ZERO_WEIGHT})"
                columns.append(f"{masked} AS {concept.name}")
                columns.append(f"COALESCE(({scope}) AND w_{concept.name}, FALSE) AS x_{concept.name}")
            _add(ctes, columns)
            known |= {concept.name for concept in here}
        for column, expression in _derived(spec, stage, known, period):
            if column in known:
                continue
            _add(ctes, [f"{expression} AS {column}"])
            known.add(column)
    return known


def _scope_sql(universe: str, known: set[str]) -> str:
    """Return SQL for the persons of a universe, from the questions that the survey asks."""
    if universe == "absent" and "worked_one_hour" not in known:
        absent = "absent_from_job" if "absent_from_job" in known else "FALSE"
    else:
        absent = labour_force.absent_sql(known)
    not_employed = "employment_rule IS NULL"
    if "employment_rule" not in known:
        not_employed = "declared_labour_force_status <> 'LMS_STATUS_EMP'"
    return SCOPES[universe].format(absent=absent, not_employed=not_employed)


def _add(ctes: list[tuple[str, str]], columns: list[str]) -> None:
    previous = ctes[-1][0]
    ctes.append((f"step_{len(ctes)}", f"SELECT *, {', '.join(columns)} FROM {previous}"))


def _derived(spec: SurveySpec, stage: str, known: set[str], period: Period) -> list[tuple[str, str]]:
    """Return (column, SQL) of what can be derived once a stage's columns are there, in order."""
    area = spec.survey.area
    found: list[tuple[str, str]] = []
    if stage == "all":
        found.append(("age_band", _age_band_sql(known)))
        found.append(("is_working_age", _working_age_sql(spec, known)))
        found.append(("exclusion", _ZERO_WEIGHT))
        if "country_of_birth" in known:
            found.append(("place_of_birth", migration.place_of_birth_sql(area)))
        if "citizenship_1" in known:
            found.append(("citizenship_status", migration.citizenship_status_sql(area, known)))
            found.append(("country_of_citizenship", migration.country_of_citizenship_sql(area, known)))
        if "country_of_birth" in known:
            found.append(("has_arrived_from_abroad", _arrived_sql(spec, known, period)))
        elif "citizenship_1" in known:
            found.append(("has_arrived_from_abroad", "citizenship_status = 'CCT_CIT_NONCIT'"))
        else:
            found.append(("has_arrived_from_abroad", "FALSE"))
    elif stage == "arrived_from_abroad":
        if "arrival_year" in known:
            found.append(("months_of_stay", migration.months_of_stay_sql(period, known)))
        # A survey that lists usual residents by its household rule has settled the question (STANDARDS 1.6).
        asked = () if spec.population.residence_by_design else known | {name for name, _ in found}
        residence = migration.residence_status_sql(asked, spec.population.usual_residence_months)
        found.append(("residence_status", residence))
    elif stage == "absent" and spec.labour_force is not None and spec.labour_force.source == "building_blocks":
        rule = labour_force.employment_rule_sql(known, spec.labour_force.absence_test)
        found.append(("employment_rule", f"CASE WHEN is_working_age THEN {rule} END"))
    elif stage == "not_employed" and spec.labour_force is not None:
        found += _status(spec, known)
    elif stage == "employed" and "labour_force_status" in known:
        if "place_of_birth" in known:
            found.append(("is_migrant_worker_by_birth", migration.migrant_worker_sql("birth")))
        if "citizenship_status" in known:
            found.append(("is_migrant_worker_by_citizenship", migration.migrant_worker_sql("citizenship")))
    return found


def _status(spec: SurveySpec, known: set[str]) -> list[tuple[str, str]]:
    assert spec.labour_force is not None
    feeds = f"labour_force_status_icls{spec.labour_force.icls}"
    if spec.labour_force.source == "declared":
        return [(feeds, "declared_labour_force_status"), ("labour_force_status", feeds)]
    rule = labour_force.status_rule_sql(known, "employment_rule")
    found = [
        ("labour_force_rule", f"CASE WHEN is_working_age THEN {rule} END"),
        ("labour_force_status_icls19", labour_force.status_sql("labour_force_rule")),
    ]
    if "declared_labour_force_status" in known:
        found.append(("labour_force_status_icls13", "declared_labour_force_status"))
    found.append(("labour_force_status", feeds))
    return found


def _age_band_sql(known: set[str]) -> str:
    """Return SQL for the ten-year band of an age, or of a five-year band."""
    if "age" not in known:
        branches = " ".join(
            f"WHEN age_5yr_band = {quote_text(row.base_code)} THEN {quote_text(row.item)}"
            for row in load_hierarchy()
            if row.version == "AGE_10YRBANDS" and row.base_list == "AGE_5YRBANDS"
        )
        return f"CASE {branches} END"
    bands = [(15, "YLT15"), (25, "Y15-24"), (35, "Y25-34"), (45, "Y35-44"), (55, "Y45-54"), (65, "Y55-64")]
    branches = " ".join(f"WHEN age < {limit} THEN 'AGE_10YRBANDS_{item}'" for limit, item in bands)
    return f"CASE {branches} WHEN age >= 65 THEN 'AGE_10YRBANDS_YGE65' END"


def _working_age_sql(spec: SurveySpec, known: set[str]) -> str:
    """Return SQL: at or above the survey's lower limit; a band counts when its upper limit does."""
    if "age" in known:
        return f"COALESCE(age >= {spec.population.working_age}, FALSE)"
    upper = "COALESCE(TRY_CAST(regexp_extract(age_5yr_band, '-([0-9]+)$', 1) AS INTEGER), 999)"
    return f"COALESCE(age_5yr_band <> '_U' AND {upper} >= {spec.population.working_age}, FALSE)"


def birth_year_range_sql(spec: SurveySpec, period: Period) -> tuple[str, str] | None:
    """Return SQL for the earliest and the latest year of birth; None where neither age nor year is asked."""
    if "birth_year" in spec.concepts:
        return "v_birth_year", "v_birth_year"
    if "age" in spec.concepts:
        return f"({period.year} - age - 1)", f"({period.year} - age)"
    return None


def native_arrival_is_birth_sql(born: tuple[str, str]) -> str:
    """Return SQL: a native-born person's 'arrival' is the year of birth, not a move."""
    return f"(place_of_birth = 'CBR_BIR_NATIVE' AND v_arrival_year BETWEEN {born[0]} AND {born[1]})"


def plausible_arrival_sql(spec: SurveySpec, period: Period) -> str:
    """Return SQL: the year of arrival is neither before birth nor after the reference period."""
    born = birth_year_range_sql(spec, period)
    after_birth = f" AND COALESCE(v_arrival_year >= {born[0]}, TRUE)" if born else ""
    return f"(v_arrival_year <= {period.year}{after_birth})"


def _arrived_sql(spec: SurveySpec, known: set[str], period: Period) -> str:
    """Return SQL: has moved here from abroad (foreign-born, unknown, or native-born with an arrival)."""
    born = birth_year_range_sql(spec, period)
    if "arrival_year" not in spec.concepts or born is None:
        return "place_of_birth <> 'CBR_BIR_NATIVE'"
    returned = f"COALESCE({plausible_arrival_sql(spec, period)} AND NOT {native_arrival_is_birth_sql(born)}, FALSE)"
    return f"(place_of_birth <> 'CBR_BIR_NATIVE' OR {returned})"
