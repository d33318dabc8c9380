"""A round and an area-year, table by table: one plain function per table.

The command line, the Dagster assets and the tests call these. Each function returns a stored table,
built only if its input changed; a refused table carries its findings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from pipelines import checks
from pipelines.absentees import harmonised_absentees
from pipelines.calibration import calibrate
from pipelines.coherence_checks import benchmark_findings, coherence_findings, stock_findings, with_explanations
from pipelines.design_checks import design_findings
from pipelines.engine import WORK_FORMAT, path_literal
from pipelines.estimates import estimate, write_estimates
from pipelines.file_sets import assign, set_layouts, write_raw_tables
from pipelines.findings import Finding
from pipelines.fingerprint import code_fingerprint
from pipelines.home import Home
from pipelines.intake import Receipt, latest_receipt
from pipelines.quality import quality_facts, quality_findings
from pipelines.readers.layout import ROW_NUMBER
from pipelines.storage import Built, Table, as_json, current, hash_of, obtain
from pipelines.support import classifications, is_told_by_round, support
from pipelines.survey_round import Round as Round
from pipelines.survey_round import open_round as open_round
from pipelines.totals import psu_totals as psu_totals
from schemas.codes import load_code_lists
from schemas.concepts import load_universes
from schemas.errors import InputError, Problem
from schemas.survey_spec import dictionary_of
from transforms.harmonise import correction_counts_sql, plan, table_columns
from transforms.progress import Progress, silent

#: The tables of a round, each made from the one before.
ROUND_TABLES = ("raw_extract", "harmonised_persons", "harmonised_absentees", "psu_totals", "round_estimates")


# --- raw_extract ---------------------------------------------------------------------------------


def raw_extract(this: Round, receipt: Receipt, progress: Progress = silent) -> Table:
    """One row per person of the received files: national variables and codes as text, nothing renamed."""
    layouts = set_layouts(this.spec, this.period, receipt.variant)
    names = [part.name for part in this.spec.variants(this.period).get(receipt.variant, ())]
    joins = [(part.unit, part.key, part.person_key) for part in this.spec.files if part.variant == receipt.variant]
    hashes = [file.sha256 for file in receipt.files]
    digest = hash_of("raw_extract", hashes, names, repr(layouts), joins, _reader_fingerprint())

    def build(folder: Path) -> Built:
        files = assign(this.spec, this.period, receipt.sources, receipt.variant)
        with this.home.scratch() as scratch:
            raw = write_raw_tables(this.spec, files, folder, scratch, progress)
        from schemas.contracts import raw_extract_contract

        found = []
        for table in sorted(folder.glob("*.parquet")):
            columns = [name for name in pq.read_schema(table).names if name != ROW_NUMBER]
            found += checks.contract_findings("raw_extract", table, raw_extract_contract(columns))
        facts = {
            "rows": raw.persons.rows,
            "columns": len(pq.read_schema(folder / "data.parquet").names) - 1,
            "encoding": raw.persons.encoding,
            "delimiter": raw.persons.delimiter,
            "notes": list(raw.notes),
            "sha256": receipt.sha256,
            "variant": receipt.variant,
            "parts": {name: {"rows": info.rows, "columns": len(info.columns)} for name, info in raw.parts.items()},
            "labels": {name: label for info in raw.parts.values() for name, label in info.labels.items()},
        }
        # Value labels are of codes, and codes of open questions are answers: they stay in this folder.
        labels = {
            name: {"variables": info.labels, "values": info.value_labels, "types": info.types}
            for name, info in raw.parts.items()
        }
        (folder / "labels.json").write_bytes(as_json(labels))
        return Built(tuple(found), facts)

    return obtain(this.home.store, "raw_extract", this.identifier, digest, build)


@cache
def _reader_fingerprint() -> str:
    root = Path(str(resources.files("pipelines.readers")))
    sources = [*sorted(root.glob("*.py")), Path(__file__).with_name("file_sets.py")]
    return hash_of([path.read_text(encoding="utf-8") for path in sources])


# --- harmonised_persons --------------------------------------------------------------------------


def harmonised_persons(this: Round, raw: Table, progress: Progress = silent) -> Table:
    """One row per person: ICLS concepts in ILOSTAT codes, weight, stratum and PSU."""
    concepts = dictionary_of(this.spec)
    steps = plan(this.spec, concepts, this.period)
    before = previous_weight_total(this)
    origin = {"file_sha256": raw.facts["sha256"], "specification_sha256": this.spec.sha256}
    digest = hash_of("harmonised_persons", raw.input_hash, this.spec.sha256, steps.sql, code_fingerprint(), before)

    def build(folder: Path) -> Built:
        progress("harmonising")
        with this.engine(raw) as (connection, scratch):
            found = checks.correction_findings(connection, this.spec, correction_counts_sql(this.spec))
            work = scratch / "work.parquet"
            connection.execute(f"COPY ({steps.sql}) TO {path_literal(work)} {WORK_FORMAT}")
            connection.execute(f"CREATE VIEW work AS FROM read_parquet({path_literal(work)})")
            found += checks.unmapped_findings(connection, this.spec, dict(concepts), steps)
            found += checks.unused_findings(connection, this.spec, this.period, steps)
            found += checks.edit_findings(connection, this.spec, this.period, steps)
            found += checks.share_findings(connection, steps)
            found += design_findings(connection, this.spec, steps.columns)
            calibrated: dict[str, Any] = {}
            if this.spec.calibration is not None:
                progress("calibrating the weights")
                calibrated, refused = calibrate(connection, this.spec, this.period, steps.columns, scratch)
                found += refused
            facts = _whole_round_facts(connection, steps.columns) | calibrated | origin
            facts["declared"], undeclared = checks.declared_counts(connection, this.spec, this.period, steps)
            found += undeclared
            quality = quality_facts(connection, this.spec, this.period, steps.columns)
            facts["quality"] = with_explanations(this.spec, this.period, quality)
            found += quality_findings(facts["quality"])
            conditions = {name: universe.condition.sql() for name, universe in load_universes().items()}
            found += stock_findings(this.spec, this.period, facts["quality"])
            missed, facts["benchmarks"] = benchmark_findings(connection, this.spec, this.period, conditions)
            found += missed + checks.weight_findings(facts["weight_total"], before)
            columns = table_columns(this.spec, steps)
            connection.execute(
                f"COPY (SELECT {', '.join(columns)} FROM work ORDER BY row_number) "
                f"TO {path_literal(folder / 'data.parquet')} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"
            )
        if not any(item.severity == "error" for item in found):
            progress("checking the contract of harmonised_persons")
            from schemas.contracts import harmonised_persons_contract

            contract = harmonised_persons_contract(columns, concepts, load_code_lists(), classifications(this.spec))
            found += checks.contract_findings("harmonised_persons", folder / "data.parquet", contract)
        return Built(tuple(found), facts)

    return obtain(this.home.store, "harmonised_persons", this.identifier, digest, build)


def _whole_round_facts(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> dict[str, Any]:
    row = connection.execute(
        "SELECT count(*), coalesce(sum(weight), 0), count_if(exclusion IS NOT NULL), "
        "count_if(residence_status <> 'RES_USUAL') FROM work"
    ).fetchone()
    assert row is not None
    facts: dict[str, Any] = {"rows": row[0], "weight_total": row[1], "excluded": row[2], "non_residents": row[3]}
    if "psu" in columns:
        stratum = "stratum" if "stratum" in columns else "''"
        psu = connection.execute(
            f"SELECT count(psu), count(DISTINCT s) FROM (SELECT DISTINCT {stratum} AS s, psu FROM work)"
        ).fetchone()
        assert psu is not None
        facts |= {"psus": psu[0], "strata": psu[1]}
    return facts


def previous_weight_total(this: Round) -> float | None:
    """Return the weight total of the round before, where that round is stored and valid."""
    before = current(this.home.store, "harmonised_persons", f"{this.spec.key}_{this.period.previous()}")
    return float(before.facts["weight_total"]) if before is not None and before.is_valid else None


# --- round_estimates -----------------------------------------------------------------------------


def round_estimates(this: Round, persons: Table, totals: Table, progress: Progress = silent) -> Table:
    """Survey x indicator x period x cell: value, standard error, limits, n, status and reason."""
    digest = hash_of("round_estimates", totals.input_hash, this.spec.sha256, code_fingerprint())

    def build(folder: Path) -> Built:
        supported = support(this.spec, this.period)
        with this.engine() as (connection, _):
            chosen = [one for one in supported.indicators.values() if is_told_by_round(supported, one, this.period)]
            estimates = estimate(
                connection, supported, this.period, [totals], [persons], chosen=chosen, progress=progress
            )
            write_estimates(connection, estimates, folder / "data.parquet")
        from schemas.contracts import round_estimates_contract

        contract = round_estimates_contract(load_code_lists())
        found = checks.contract_findings("round_estimates", folder / "data.parquet", contract)
        incoherent, coherence = coherence_findings(estimates, "round_estimates")
        found += incoherent
        facts = {
            "coherence": coherence,
            "rows": len(estimates),
            "indicators": int(estimates["indicator"].nunique()),
            "not_published": int((estimates["status"] == "S").sum()),
            "unreliable": int((estimates["status"] == "U").sum()),
        } | {name: totals.facts[name] for name in ("file_sha256", "specification_sha256")}
        return Built(tuple(found), facts)

    return obtain(this.home.store, "round_estimates", this.identifier, digest, build)


# --- one round -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class RoundResult:
    """The tables of one round, as far as it came."""

    identifier: str
    tables: tuple[Table, ...]

    @property
    def is_valid(self) -> bool:
        """Every table passed its checks."""
        return all(table.is_valid for table in self.tables)

    @property
    def is_new(self) -> bool:
        """Something was made anew."""
        return any(table.is_new for table in self.tables)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the checks of all tables found."""
        return tuple(item for table in self.tables for item in table.findings)


def process_round(home: Home, identifier: str, progress: Progress = silent) -> RoundResult:
    """Make every table of one round, as far as its checks let it come.

    Raises:
        InputError: the round was never received, or its file cannot be read any more.
        SpecError: the survey's specification does not pass.
    """
    this = open_round(home, identifier)
    receipt = latest_receipt(home, identifier)
    if receipt is None:
        raise InputError(
            [
                Problem(
                    identifier,
                    None,
                    "ROUND_UNKNOWN",
                    "no file of this round was received",
                    "receive it first: ilms receive",
                )
            ]
        )
    with home.lock(identifier):
        tables = [raw := raw_extract(this, receipt, progress)]
        steps: tuple[Callable[[], Table], ...] = (
            lambda: harmonised_persons(this, raw, progress),
            lambda: harmonised_absentees(this, raw, tables[1], progress),
            lambda: psu_totals(this, tables[1], tables[2], progress),
            lambda: round_estimates(this, tables[1], tables[3], progress),
        )
        for step in steps:
            if not tables[-1].is_valid:
                break
            tables.append(step())
    return RoundResult(identifier, tuple(tables))
