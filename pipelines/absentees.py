"""The absent members of one round's households, as a table: one plain function, as those of ``rounds``.

What their columns mean and how they are made is said in ``transforms.absentees``.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb

from pipelines import checks
from pipelines.engine import WORK_FORMAT, path_literal
from pipelines.findings import Finding
from pipelines.storage import Built, Table, file_hash, hash_of, obtain
from pipelines.survey_round import Round
from schemas.codes import load_code_lists
from schemas.concepts import load_absentee_concepts
from schemas.periods import Period
from schemas.survey_model import AbsenteeSpec
from transforms.absentees import absentee_plan, implausible_departure_sql, taken_from_household
from transforms.harmonise import HarmonisePlan

TABLE = "harmonised_absentees"


def harmonised_absentees(
    this: Round, raw: Table, persons: Table, progress: Callable[[str], None] = lambda text: None
) -> Table:
    """One row per member of a household who lives abroad; an empty verdict where the survey lists nobody.

    Args:
        this: the round.
        raw: its raw_extract.
        persons: its harmonised_persons, from which weight and design are taken where the list has none.
        progress: told the steps.
    """
    given = this.spec.absentees
    parts = {part.name: part for part in this.spec.variants(this.period).get(raw.facts["variant"], ())}
    origin = {"file_sha256": raw.facts["sha256"], "specification_sha256": this.spec.sha256}
    if given is None or given.file not in parts:
        digest = hash_of(TABLE, "lists nobody", origin)
        empty = Built((), {"rows": 0, "is_listed": False} | origin)
        return obtain(this.home.store, TABLE, this.identifier, digest, lambda _: empty)
    listed = raw.data if parts[given.file].unit == "person" else raw.folder / "absentees.parquet"
    concepts = load_absentee_concepts()
    steps = absentee_plan(this.spec, concepts, this.period)
    # The hash of the persons holds that of the code and data of schemas and transforms.
    own = file_hash(Path(__file__))
    digest = hash_of(TABLE, raw.input_hash, persons.input_hash, this.spec.sha256, steps.sql, own)
    classifications = {name: source.classification for name, source in given.concepts.items() if source.classification}

    def build(folder: Path) -> Built:
        progress("harmonising absent members")
        with this.engine(persons) as (connection, scratch):
            connection.execute(f"CREATE VIEW raw_absentees AS FROM read_parquet({path_literal(listed)})")
            work = scratch / "work.parquet"
            connection.execute(f"COPY ({steps.sql}) TO {path_literal(work)} {WORK_FORMAT}")
            connection.execute(f"CREATE VIEW work AS FROM read_parquet({path_literal(work)})")
            found = checks.unmapped_findings(connection, this.spec, concepts, steps, given, TABLE)
            found += checks.unused_findings(connection, given, this.period, steps, TABLE)
            found += _edit_findings(connection, given, this.period, steps)
            weight = "coalesce(sum(weight), 0)" if "weight" in steps.columns else "NULL"
            row = connection.execute(f"SELECT count(*), {weight} FROM work").fetchone()
            assert row is not None
            facts = {
                "rows": row[0],
                "is_listed": True,
                "weight_total": row[1],
                "taken_from_household": list(taken_from_household(this.spec, given)),
            } | origin
            connection.execute(
                f"COPY (SELECT {', '.join(steps.columns)} FROM work ORDER BY row_number) "
                f"TO {path_literal(folder / 'data.parquet')} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"
            )
        if not any(item.severity == "error" for item in found):
            progress(f"checking the contract of {TABLE}")
            from schemas.contracts import harmonised_absentees_contract

            contract = harmonised_absentees_contract(steps.columns, concepts, load_code_lists(), classifications)
            found += checks.contract_findings(TABLE, folder / "data.parquet", contract)
        return Built(tuple(found), facts)

    return obtain(this.home.store, TABLE, this.identifier, digest, build)


def _edit_findings(
    connection: duckdb.DuckDBPyConnection, given: AbsenteeSpec, period: Period, plan: HarmonisePlan
) -> list[Finding]:
    """Return the findings of the edit rules over the work relation."""
    oldest = checks.OLDEST_AGE
    rules = [
        ("ABSENTEE_HOUSEHOLD", "household_id", "lacks_household", "no person of the household stands in the file"),
        (
            "ABSENTEE_WEIGHT",
            "household_id",
            "has_unequal_household",
            "the persons of the household differ in weight, stratum or PSU",
        ),
        ("AGE_RANGE", "age", f"age < 0 OR age > {oldest}", f"age is not between 0 and {oldest}"),
        ("WEIGHT_NEGATIVE", "weight", "weight < 0", "a weight is below zero"),
        ("WEIGHT_ZERO", "weight", "weight = 0", "absent members of weight zero are kept out of every figure"),
    ]
    if "departure_year" in plan.columns:
        text = "departure before birth or after the reference period; taken as not stated"
        rules.append(("DEPARTURE_IMPLAUSIBLE", "departure_year", implausible_departure_sql(given, period), text))
    kept = [rule for rule in rules if rule[1] in plan.columns]
    found = checks.rule_findings(connection, kept, given, TABLE)
    if "person_id" in plan.columns:
        found += checks.duplicate_findings(connection, given, TABLE)
    return found
