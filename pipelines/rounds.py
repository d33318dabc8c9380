"""A round and an area-year, table by table: one plain function per table.

The command line, the Dagster assets and the tests call these. Each function returns a stored table,
built only if its input changed; a refused table carries its findings.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from pipelines import checks
from pipelines.absentees import harmonised_absentees
from pipelines.engine import WORK_FORMAT, path_literal
from pipelines.estimates import Progress as Progress
from pipelines.estimates import available_indicators, classifications, estimate, silent, write_estimates
from pipelines.file_sets import assign, set_layouts, write_raw_tables
from pipelines.findings import Finding, finding
from pipelines.home import Home
from pipelines.intake import Receipt, latest_receipt
from pipelines.quality import quality_facts, quality_findings
from pipelines.readers.layout import ROW_NUMBER
from pipelines.storage import Built, Table, as_json, current, hash_of, obtain
from pipelines.survey_round import Round as Round
from pipelines.survey_round import open_round as open_round
from schemas.codes import load_code_lists
from schemas.concepts import load_concepts, load_universes
from schemas.errors import InputError, Problem
from schemas.survey_spec import SurveySpec, dictionary_of
from transforms import stocks, variance
from transforms.harmonise import correction_counts_sql, plan
from transforms.membership import membership_rows

#: The tables of a round, each made from the one before.
ROUND_TABLES = ("raw_extract", "harmonised_persons", "harmonised_absentees", "psu_totals", "round_estimates")


@cache
def code_fingerprint() -> str:
    """Return a hash of the code and data that turn a raw extract into estimates, and of the engine."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for name in ("checks.py", "estimates.py", "quality.py", "rounds.py"):
        digest.update((Path(__file__).parent / name).read_bytes())
    for package in ("schemas", "transforms"):
        root = Path(str(resources.files(package)))
        for path in sorted(root.rglob("*")):
            if path.suffix in {".py", ".toml", ".csv"} and "surveys" not in path.parts:
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


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
            facts = _whole_round_facts(connection, steps.columns) | origin
            facts["declared"], undeclared = checks.declared_counts(connection, this.spec, this.period, steps)
            found += undeclared
            facts["quality"] = quality_facts(connection, this.spec, this.period, steps.columns)
            found += quality_findings(facts["quality"])
            conditions = {name: universe.condition.sql() for name, universe in load_universes().items()}
            found += checks.benchmark_findings(
                connection, this.spec, this.period, conditions, facts["weight_total"], before
            )
            columns = ", ".join(steps.columns)
            connection.execute(
                f"COPY (SELECT {columns} FROM work ORDER BY row_number) TO {path_literal(folder / 'data.parquet')} "
                "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"
            )
        if not any(item.severity == "error" for item in found):
            progress("checking the contract of harmonised_persons")
            from schemas.contracts import harmonised_persons_contract

            contract = harmonised_persons_contract(
                steps.columns, concepts, load_code_lists(), classifications(this.spec)
            )
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


def _origin(table: Table) -> dict[str, str]:
    """Return what a table was made from: hashes of the file and of the specification."""
    return {name: table.facts[name] for name in ("file_sha256", "specification_sha256")}


def previous_weight_total(this: Round) -> float | None:
    """Return the weight total of the round before, where that round is stored and valid."""
    before = current(this.home.store, "harmonised_persons", f"{this.spec.key}_{this.period.previous()}")
    return float(before.facts["weight_total"]) if before is not None and before.is_valid else None


# --- psu_totals ----------------------------------------------------------------------------------


def psu_totals(this: Round, persons: Table, progress: Progress = silent) -> Table:
    """Universe x cell x stratum x PSU: weighted sums and counts (restricted)."""
    columns = _columns(this, persons)
    indicators = available_indicators(this.spec, columns)
    chosen = stocks.cubes(indicators.values())
    universes = load_universes()
    design = [name for name in ("stratum", "psu", "household_id") if name in columns]
    has_psu = this.spec.design.variance == "taylor"
    if not has_psu:
        design = [name for name in design if name == "household_id"]
    digest = hash_of(
        "psu_totals", persons.input_hash, repr(chosen), design, this.spec.design.lonely_psu, code_fingerprint()
    )

    def build(folder: Path) -> Built:
        with this.engine(persons) as (connection, scratch):
            rows = membership_rows(indicators.values(), classifications(this.spec))
            connection.execute("CREATE TABLE membership (concept VARCHAR, base_code VARCHAR, item VARCHAR)")
            connection.register("membership_rows", pd.DataFrame(rows, columns=["concept", "base_code", "item"]))
            connection.execute("INSERT INTO membership FROM membership_rows")
            progress("coding persons")
            for statement in stocks.preparation_sql(chosen, universes, design):
                connection.execute(statement)
            sql = stocks.sample_design_sql(design)
            connection.execute(f"CREATE TABLE sample_design AS SELECT '{this.identifier}' AS round, * FROM ({sql})")
            connection.execute(
                "COPY (SELECT stratum, psu FROM sample_design ORDER BY ALL) "
                f"TO {path_literal(folder / 'design.parquet')} (FORMAT parquet)"
            )
            found = _lonely_findings(connection, this.spec) if has_psu else []
            parts = _count_blocks(connection, scratch, chosen, design, progress)
            rows_sql = f"FROM read_parquet([{', '.join(path_literal(part) for part in parts)}])"
            if not has_psu:
                key = stocks.PSU_TOTALS_KEY
                measures = "sum(total) AS total, sum(n)::BIGINT AS n, sum(n_households)::BIGINT AS n_households"
                rows_sql = f"SELECT {key}, {measures} {rows_sql} GROUP BY {key} ORDER BY {key}"
            data = path_literal(folder / "data.parquet")
            connection.execute(f"COPY ({rows_sql}) TO {data} (FORMAT parquet, COMPRESSION zstd)")
            connection.execute("DROP TABLE coded_persons")
            connection.execute(
                "CREATE TABLE cell_totals AS SELECT cube, universe, sex, classif1, classif2, sum(total) AS total, "
                f"count(*) AS psus FROM read_parquet({data}) GROUP BY cube, universe, sex, classif1, classif2"
            )
            found += checks.identity_findings(connection, columns, "cell_totals")
            row = connection.execute("SELECT sum(psus)::BIGINT FROM cell_totals").fetchone()
            assert row is not None
        return Built(tuple(found), {"rows": row[0], "cubes": len(chosen)} | _origin(persons))

    return obtain(this.home.store, "psu_totals", this.identifier, digest, build)


def _count_blocks(
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    chosen: Sequence[stocks.Cube],
    design: Sequence[str],
    progress: Progress,
) -> list[Path]:
    """Count every cube block by block into scratch files, and return these in the order of their rows."""
    blocks = connection.execute(stocks.blocks_sql(design)).fetchall()
    parts: list[Path] = []
    for number, cube in enumerate(chosen, start=1):
        progress(f"counting {cube.name} ({number} of {len(chosen)})")
        for first, last in blocks:
            part = scratch / f"part-{len(parts):06}.parquet"
            query = stocks.psu_totals_sql(cube, design, first, last)
            connection.execute(f"COPY ({query}) TO {path_literal(part)} (FORMAT parquet)")
            parts.append(part)
    return parts


def _columns(this: Round, persons: Table) -> tuple[str, ...]:
    return plan(this.spec, load_concepts(), this.period).columns


def _lonely_findings(connection: duckdb.DuckDBPyConnection, spec: SurveySpec) -> list[Finding]:
    if spec.design.lonely_psu != "fail":
        return []
    lonely = connection.execute(variance.lonely_strata_sql()).fetchall()
    if not lonely:
        return []
    text = f"{len(lonely)} strata have a single PSU and the specification's policy is 'fail'"
    return [finding("LONELY_PSU", "psu_totals", text, concept="psu", count=len(lonely))]


# --- round_estimates -----------------------------------------------------------------------------


def round_estimates(this: Round, totals: Table, progress: Progress = silent) -> Table:
    """Survey x indicator x period x cell: value, standard error, limits, n, status and reason."""
    digest = hash_of("round_estimates", totals.input_hash, this.spec.sha256, code_fingerprint())

    def build(folder: Path) -> Built:
        with this.engine() as (connection, _):
            estimates = estimate(connection, this.spec, this.period, [totals], progress)
            write_estimates(connection, estimates, folder / "data.parquet")
        from schemas.contracts import round_estimates_contract

        contract = round_estimates_contract(load_code_lists())
        found = checks.contract_findings("round_estimates", folder / "data.parquet", contract)
        facts = {
            "rows": len(estimates),
            "indicators": int(estimates["indicator"].nunique()),
            "not_published": int((estimates["status"] == "S").sum()),
            "unreliable": int((estimates["status"] == "U").sum()),
        } | _origin(totals)
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
            lambda: psu_totals(this, tables[1], progress),
            lambda: round_estimates(this, tables[3], progress),
        )
        for step in steps:
            if not tables[-1].is_valid:
                break
            tables.append(step())
    return RoundResult(identifier, tuple(tables))
