"""From one round's raw extract to harmonised persons: the SQL of one survey specification.

Here belongs for whom a concept holds (scopes, plausible dates, corrections) and in which order the derivations build
on each other. How one source value becomes a code stands in ``recode``, the derivations in ``labour_force``,
``migration`` and the modules of ``derived``; running the SQL and judging its counts belongs to ``pipelines``.

The work relation has one row per row of the raw extract. Beside the harmonised columns it carries
``x_<concept>``: true where the concept's universe holds the person but the source value has no target.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from schemas.codes import load_hierarchy
from schemas.concepts import UNKNOWN, Concept
from schemas.expressions import quote_name, quote_text
from schemas.periods import Period
from schemas.survey_estimation import CELL_SEPARATOR, UNSTATED, CalibrationMargin
from schemas.survey_spec import SurveySpec
from transforms import labour_force, migration
from transforms.derivation import Context
from transforms.derived import derived_columns
from transforms.recode import Steps, add_step, recode, steps_sql

#: Scope of a concept (its universe in the dictionary) as SQL over the columns of earlier stages; what stands in
#: braces depends on the questions that a survey asks.
SCOPES = {
    "all": "TRUE",
    "of_working_age": "is_working_age",
    "absent": "is_working_age AND {absent}",
    "not_employed": "is_working_age AND {not_employed}",
    "employed": "labour_force_status = 'LMS_STATUS_EMP'",
    "outside_labour_force": "labour_force_status = 'LMS_STATUS_EIP'",
    "arrived_from_abroad": "has_arrived_from_abroad",
}

#: Stages in which scopes become known, each after what it needs.
_STAGES = ("all", "arrived_from_abroad", "of_working_age", "absent", "not_employed", "employed", "outside_labour_force")

#: What happened to a person and is told by a year and a month that must be plausible.
EVENTS = ("arrival", "return")

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
        replicates: columns of replicate weights, NULL where the value is no number.
    """

    sql: str
    columns: tuple[str, ...]
    checked: tuple[str, ...]
    keys: tuple[str, ...]
    ruled: tuple[str, ...]
    replicates: tuple[str, ...] = ()


def read_sql(variables: Collection[str], relation: str = "raw_extract") -> str:
    """Return SQL for the rows of a raw extract with every blank answer as NULL.

    A blank is an empty text in one file format and a missing value in another; a specification sees one of them.
    """
    blanks = ", ".join(
        f"CASE WHEN trim({quote_name(name)}) <> '' THEN {quote_name(name)} END AS {quote_name(name)}"
        for name in sorted(variables)
    )
    return f"SELECT * REPLACE ({blanks}) FROM {relation}" if blanks else f"SELECT * FROM {relation}"


def corrected_sql(spec: SurveySpec, variables: Collection[str], relation: str = "raw_extract") -> str:
    """Return SQL for persons' raw rows with the specification's corrections applied, blank answers as NULL."""
    read = read_sql(variables, relation)
    if not spec.corrections:
        return read
    by_variable: dict[str, list[str]] = {}
    for correction in spec.corrections:
        branch = f"WHEN {correction.where.sql()} THEN {quote_text(correction.value)}"
        by_variable.setdefault(correction.variable, []).append(branch)
    replacements = ", ".join(
        f"CASE {' '.join(branches)} ELSE {quote_name(variable)} END AS {quote_name(variable)}"
        for variable, branches in by_variable.items()
    )
    return f"SELECT * REPLACE ({replacements}) FROM ({read})"


def correction_counts_sql(spec: SurveySpec) -> str:
    """Return SQL for one row: the number of rows that each correction's condition meets."""
    counts = [
        f"count_if({correction.where.sql()})::BIGINT AS c{index}" for index, correction in enumerate(spec.corrections)
    ]
    return f"SELECT {', '.join(counts)} FROM ({read_sql(spec.variables)})"


def plan(spec: SurveySpec, concepts: Mapping[str, Concept], period: Period) -> HarmonisePlan:
    """Return the SQL that harmonises one round of a survey.

    Args:
        spec: the survey's specification.
        concepts: the concept dictionary.
        period: the round's reference period; it selects the rows of the code tables that are valid.
    """
    steps: Steps = [("corrected", corrected_sql(spec, spec.variables))]
    replicates = spec.replicates
    names = dict(zip(replicates.columns, replicates.variables, strict=True)) if replicates is not None else {}
    recoded = recode(spec, concepts.values(), period, steps, numbers=names)
    harmonised = _staged(spec, recoded.concepts, period, steps)
    return HarmonisePlan(
        sql=steps_sql(steps, recoded),
        columns=tuple(name for name in concepts if name in harmonised),
        checked=tuple(concept.name for concept in recoded.concepts),
        keys=recoded.keys,
        ruled=recoded.ruled,
        replicates=tuple(names),
    )


def table_columns(spec: SurveySpec, steps: HarmonisePlan) -> tuple[str, ...]:
    """Return the columns of the stored table: harmonised ones, replicate weights, and what calibration adds."""
    added: tuple[str, ...] = ()
    if spec.calibration is not None:
        added = ("original_weight", *(margin.column for margin in spec.calibration.margins))
    return (*steps.columns, *steps.replicates, *added)


def margin_cell_sql(margin: CalibrationMargin, period: Period, concepts: Mapping[str, Concept]) -> str:
    """Return SQL for the cell of a margin's totals that a person is in.

    '_U' stands for a person of unknown category, who belongs to the population of the totals all the same, and NULL
    for one whose category has no total.

    Args:
        margin: concepts whose columns make the cell, and the totals.
        period: the round's period; it selects the totals.
        concepts: the concept dictionary.
    """
    codes = {
        name: f"COALESCE({f'upper({name}::VARCHAR)' if concepts[name].kind == 'boolean' else name}, '{UNKNOWN}')"
        for name in margin.concepts
    }
    cell = f"concat_ws('{CELL_SEPARATOR}', {', '.join(codes.values())})"
    listed = ", ".join(quote_text(name) for name in margin.totals(period)) or "NULL"
    unstated = ", ".join(quote_text(code) for code in sorted(UNSTATED))
    unknown = " OR ".join(f"{code} IN ({unstated})" for code in codes.values())
    return f"CASE WHEN {cell} IN ({listed}) THEN {cell} WHEN {unknown} THEN '{UNKNOWN}' END"


def _staged(spec: SurveySpec, sourced: Sequence[Concept], period: Period, steps: Steps) -> set[str]:
    """Append one query per stage to ``steps``; return the names of the harmonised columns."""
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
                event, _, part = concept.name.partition("_")
                if event in EVENTS and f"{event}_year" in spec.concepts:
                    kept = f"{scope} AND {plausible_year_sql(spec, period, event)}"
                if event in EVENTS and part == "month":
                    kept += f" AND v_{event}_month BETWEEN 1 AND 12"
                    if f"{event}_year" in spec.concepts:
                        kept += f" AND NOT COALESCE({late_month_sql(period, event)}, FALSE)"
                masked = f"v_{concept.name}" if stage == "all" else f"CASE WHEN {kept} THEN v_{concept.name} END"
                if concept.name == "exclusion":
                    masked = f"COALESCE(v_exclusion, {_ZERO_WEIGHT})"
                columns.append(f"{masked} AS {concept.name}")
                columns.append(f"COALESCE(({scope}) AND w_{concept.name}, FALSE) AS x_{concept.name}")
            add_step(steps, columns)
            known |= {concept.name for concept in here}
        for column, expression in _derived(spec, stage, known, period):
            if column in known:
                continue
            add_step(steps, [f"{expression} AS {column}"])
            known.add(column)
    for column, expression in derived_columns(Context(spec, period, frozenset(known)), known):
        add_step(steps, [f"{expression} AS {column}"])
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


def _derived(spec: SurveySpec, stage: str, known: set[str], period: Period) -> list[tuple[str, str]]:
    """Return (column, SQL) of what can be derived once a stage's columns are there, in order."""
    area = spec.survey.area
    found: list[tuple[str, str]] = []
    if stage == "all":
        found.append(("age_band", age_band_sql(known)))
        found.append(("is_working_age", working_age_sql(spec, known)))
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
    if "declared_labour_force_status" in known and spec.labour_force.declared_icls == "13":
        found.append(("labour_force_status_icls13", "declared_labour_force_status"))
    found.append(("labour_force_status", feeds))
    return found


def age_band_sql(known: set[str]) -> str:
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


def working_age_sql(spec: SurveySpec, known: set[str]) -> str:
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


def plausible_year_sql(spec: SurveySpec, period: Period, event: str) -> str:
    """Return SQL: the year of an event is neither before birth nor after the reference period."""
    born = birth_year_range_sql(spec, period)
    after_birth = f" AND COALESCE(v_{event}_year >= {born[0]}, TRUE)" if born else ""
    return f"(v_{event}_year <= {period.year}{after_birth})"


def late_month_sql(period: Period, event: str) -> str:
    """Return SQL: an event of the period's year is told with a month after the period."""
    return f"(v_{event}_year = {period.year} AND v_{event}_month BETWEEN {period.end.month + 1} AND 12)"


def _arrived_sql(spec: SurveySpec, known: set[str], period: Period) -> str:
    """Return SQL: has moved here (not native-born, or native-born with an arrival or a stay shorter than life)."""
    born = birth_year_range_sql(spec, period)
    if "arrival_year" in spec.concepts and born is not None:
        moved = f"{plausible_year_sql(spec, period, 'arrival')} AND NOT {native_arrival_is_birth_sql(born)}"
    elif "months_of_stay" in spec.concepts and "age" in known:
        moved = "v_months_of_stay < age * 12"
    else:
        return "place_of_birth <> 'CBR_BIR_NATIVE'"
    returned = f"COALESCE({moved}, FALSE)"
    return f"(place_of_birth <> 'CBR_BIR_NATIVE' OR {returned})"
