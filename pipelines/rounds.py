"""A round and an area-year, table by table: one plain function per table.

The command line, the Dagster assets and the tests call these. Each function returns a stored table,
built only if its input changed; a refused table carries its findings.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from pipelines import checks
from pipelines.engine import open_engine, path_literal
from pipelines.findings import Finding, finding
from pipelines.home import Home
from pipelines.intake import Receipt, latest_receipt, split_round
from pipelines.readers.layout import ExtractInfo, Field, FileLayout
from pipelines.storage import Built, Table, current, hash_of, obtain
from schemas.codes import load_code_lists
from schemas.concepts import load_concepts, load_universes
from schemas.errors import InputError, Problem
from schemas.indicators import Indicator, load_indicators
from schemas.periods import Period
from schemas.reliability import ReliabilityProfile, load_profile
from schemas.survey_spec import SurveySpec, find_surveys, load_survey
from transforms import stocks, variance
from transforms.harmonise import correction_counts_sql, plan
from transforms.membership import membership_rows, published_items, versions_of
from transforms.reliability import judge_cells

Progress = Callable[[str], None]

METHOD_TAYLOR = "Taylor linearisation"
METHOD_NONE = "none: no design variables"

#: Order in which rows are written; the release is then the same whatever the engine's order was.
ESTIMATE_KEYS = ["indicator", "ref_area", "survey", "freq", "time", "sex", "classif1", "classif2"]


def silent(message: str) -> None:
    """Take progress messages and say nothing."""


@dataclass(frozen=True)
class Round:
    """One survey round in one data folder."""

    home: Home
    identifier: str
    spec: SurveySpec
    period: Period

    @contextmanager
    def engine(self, *tables: Table) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
        """Open DuckDB with the given tables as views, and a scratch folder."""
        with self.home.scratch() as scratch, open_engine(scratch, [self.home.store]) as connection:
            for table in tables:
                connection.execute(f"CREATE VIEW {table.name} AS FROM read_parquet({path_literal(table.data)})")
            yield connection, scratch


def open_round(home: Home, identifier: str) -> Round:
    """Return a round whose survey has a specification.

    Raises:
        InputError: the survey has no specification (``SURVEY_UNKNOWN``).
        SpecError: the specification does not pass.
    """
    survey, period = split_round(identifier)
    folders = find_surveys(home.spec_dirs)
    if survey not in folders:
        known = ", ".join(sorted(folders))
        raise InputError(
            [
                Problem(
                    survey,
                    None,
                    "SURVEY_UNKNOWN",
                    f"no specification of this survey; known: {known}",
                    "give --specs DIR if it lies outside the package",
                )
            ]
        )
    return Round(home, identifier, load_survey(folders[survey]), period)


@cache
def code_fingerprint() -> str:
    """Return a hash of the code and data that turn a raw extract into estimates, and of the engine."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for package in ("schemas", "transforms"):
        root = Path(str(resources.files(package)))
        for path in sorted(root.rglob("*")):
            if path.suffix in {".py", ".toml", ".csv"} and "surveys" not in path.parts:
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


# --- raw_extract ---------------------------------------------------------------------------------


def raw_extract(this: Round, receipt: Receipt, progress: Progress = silent) -> Table:
    """One row per row of the received file: national variables and codes as text, nothing renamed."""
    from pipelines.readers.read import write_raw_extract

    layout = file_layout(this.spec, this.period)
    digest = hash_of("raw_extract", receipt.sha256, repr(layout), _reader_fingerprint())

    def build(folder: Path) -> Built:
        progress(f"reading {receipt.name}")
        with this.home.scratch() as scratch:
            info: ExtractInfo = write_raw_extract(
                receipt.path,
                layout,
                folder / "data.parquet",
                display_name=receipt.name,
                work_dir=scratch,
                progress=lambda rows: progress(f"reading {receipt.name}: {rows:,} rows"),
            )
        from schemas.contracts import raw_extract_contract

        found = checks.contract_findings("raw_extract", folder / "data.parquet", raw_extract_contract(info.columns))
        facts = {
            "rows": info.rows,
            "columns": len(info.columns),
            "encoding": info.encoding,
            "delimiter": info.delimiter,
            "notes": list(info.notes),
            "sha256": receipt.sha256,
            "labels": info.labels,
        }
        return Built(tuple(found), facts)

    return obtain(this.home.store, "raw_extract", this.identifier, digest, build)


@cache
def _reader_fingerprint() -> str:
    root = Path(str(resources.files("pipelines.readers")))
    return hash_of([path.read_text(encoding="utf-8") for path in sorted(root.glob("*.py"))])


def file_layout(spec: SurveySpec, period: Period) -> FileLayout:
    """Return the reader's layout of the file variant that a specification declares for a period.

    Raises:
        InputError: none is declared for it (``PERIOD_NOT_DECLARED``).
    """
    variant = spec.file_for(period)
    if variant is None or not spec.survey.periods.holds(period):
        text = f"the specification of {spec.key} declares no file for {period}"
        remedy = "check the period, or add a [[file]] with its periods to survey.toml"
        raise InputError([Problem(f"{spec.key}/survey.toml", None, "PERIOD_NOT_DECLARED", text, remedy)])
    return FileLayout(
        format=variant.format,
        member=variant.member,
        encoding=variant.encoding,
        delimiter=variant.delimiter,
        header=variant.header,
        fields=tuple(Field(row.variable, row.label, row.start, row.width) for row in spec.layout),
    )


# --- harmonised_persons --------------------------------------------------------------------------


def harmonised_persons(this: Round, raw: Table, progress: Progress = silent) -> Table:
    """One row per person: ICLS concepts in ILOSTAT codes, weight, stratum and PSU."""
    concepts = load_concepts()
    steps = plan(this.spec, concepts, this.period)
    before = previous_weight_total(this)
    digest = hash_of("harmonised_persons", raw.input_hash, this.spec.sha256, steps.sql, code_fingerprint(), before)

    def build(folder: Path) -> Built:
        progress("harmonising")
        with this.engine(raw) as (connection, scratch):
            found = checks.correction_findings(connection, this.spec, correction_counts_sql(this.spec))
            work = scratch / "work.parquet"
            connection.execute(f"COPY ({steps.sql}) TO {path_literal(work)} (FORMAT parquet)")
            connection.execute(f"CREATE VIEW work AS FROM read_parquet({path_literal(work)})")
            found += checks.unmapped_findings(connection, this.spec, dict(concepts), steps)
            found += checks.unused_findings(connection, this.spec, this.period, steps)
            found += checks.edit_findings(connection, this.spec, this.period, steps)
            found += checks.share_findings(connection, steps)
            facts = _whole_round_facts(connection, steps.columns)
            conditions = {name: universe.condition.sql() for name, universe in load_universes().items()}
            found += checks.benchmark_findings(
                connection, this.spec, this.period, conditions, facts["weight_total"], before
            )
            columns = ", ".join(steps.columns)
            connection.execute(
                f"COPY (SELECT {columns} FROM work ORDER BY row_number) TO {path_literal(folder / 'data.parquet')} "
                "(FORMAT parquet, COMPRESSION zstd)"
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


def classifications(spec: SurveySpec) -> dict[str, str]:
    """Return concept -> classification in which the survey collected it, where it says so."""
    return {name: source.classification for name, source in spec.concepts.items() if source.classification}


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
            f"SELECT count(*), count(DISTINCT s) FROM (SELECT DISTINCT {stratum} AS s, psu FROM work)"
        ).fetchone()
        assert psu is not None
        facts |= {"psus": psu[0], "strata": psu[1]}
    return facts


def previous_weight_total(this: Round) -> float | None:
    """Return the weight total of the round before, where that round is stored and valid."""
    before = current(this.home.store, "harmonised_persons", f"{this.spec.key}_{this.period.previous()}")
    return float(before.facts["weight_total"]) if before is not None and before.is_valid else None


# --- psu_totals ----------------------------------------------------------------------------------


def available_indicators(spec: SurveySpec, columns: Sequence[str]) -> dict[str, Indicator]:
    """Return the indicators of the catalogue that this survey can support and that are computed."""
    return {
        identifier: indicator
        for identifier, indicator in load_indicators().items()
        if indicator.is_computed and not missing_concepts(indicator, columns) and versions(indicator, spec)
    }


def missing_concepts(indicator: Indicator, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the concepts that an indicator needs and the survey does not collect."""
    return tuple(name for name in indicator.needs if name not in columns)


def versions(indicator: Indicator, spec: SurveySpec) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the classification versions of both dimensions that the survey's own versions allow."""
    collected = classifications(spec)
    one = versions_of(indicator.classif1_versions, indicator.classif1_concept, collected)
    two = versions_of(indicator.classif2_versions, indicator.classif2_concept, collected)
    if (indicator.classif1_versions and not one) or (indicator.classif2_versions and not two):
        return None
    return one, two


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
        with this.engine(persons) as (connection, _):
            rows = membership_rows(indicators.values(), classifications(this.spec))
            connection.execute("CREATE TABLE membership (concept VARCHAR, base_code VARCHAR, item VARCHAR)")
            connection.register("membership_rows", pd.DataFrame(rows, columns=["concept", "base_code", "item"]))
            connection.execute("INSERT INTO membership FROM membership_rows")
            sql = stocks.sample_design_sql(design)
            connection.execute(f"CREATE TABLE sample_design AS SELECT '{this.identifier}' AS round, * FROM ({sql})")
            connection.execute(
                "COPY (SELECT stratum, psu FROM sample_design ORDER BY ALL) "
                f"TO {path_literal(folder / 'design.parquet')} (FORMAT parquet)"
            )
            found = _lonely_findings(connection, this.spec) if has_psu else []
            connection.execute(
                "CREATE TABLE psu_totals (cube VARCHAR, universe VARCHAR, sex VARCHAR, classif1 VARCHAR, "
                "classif2 VARCHAR, stratum VARCHAR, psu VARCHAR, total DOUBLE, n BIGINT, n_households BIGINT)"
            )
            for number, cube in enumerate(chosen, start=1):
                progress(f"counting {cube.name} ({number} of {len(chosen)})")
                connection.execute(f"INSERT INTO psu_totals {stocks.psu_totals_sql(cube, universes, design)}")
            found += checks.identity_findings(connection, columns)
            connection.execute(
                f"COPY (FROM psu_totals ORDER BY ALL) TO {path_literal(folder / 'data.parquet')} "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
            row = connection.execute("SELECT count(*) FROM psu_totals").fetchone()
            assert row is not None
        return Built(tuple(found), {"rows": row[0], "cubes": len(chosen)})

    return obtain(this.home.store, "psu_totals", this.identifier, digest, build)


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
    digest = hash_of("round_estimates", totals.input_hash, this.spec.sha256, code_fingerprint(), _own_fingerprint())

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
        }
        return Built(tuple(found), facts)

    return obtain(this.home.store, "round_estimates", this.identifier, digest, build)


@cache
def _own_fingerprint() -> str:
    return hash_of(Path(__file__).read_text(encoding="utf-8"))


#: Column -> DuckDB type of round_estimates, in order.
ESTIMATE_TYPES: Mapping[str, str] = {
    "indicator": "VARCHAR",
    "ref_area": "VARCHAR",
    "survey": "VARCHAR",
    "freq": "VARCHAR",
    "time": "VARCHAR",
    "sex": "VARCHAR",
    "classif1": "VARCHAR",
    "classif2": "VARCHAR",
    "value": "DOUBLE",
    "se": "DOUBLE",
    "lower": "DOUBLE",
    "upper": "DOUBLE",
    "cv": "DOUBLE",
    "df": "BIGINT",
    "n": "BIGINT",
    "n_numerator": "BIGINT",
    "n_households": "BIGINT",
    "n_psu": "BIGINT",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "method": "VARCHAR",
}


def write_estimates(connection: duckdb.DuckDBPyConnection, estimates: pd.DataFrame, target: Path) -> None:
    """Write estimates as Parquet, columns and types as ``ESTIMATE_TYPES``, in the order given."""
    connection.register("estimates_frame", estimates)
    floats = {name for name, kind in ESTIMATE_TYPES.items() if kind == "DOUBLE"}
    columns = ", ".join(
        f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END::DOUBLE AS {name}"
        if name in floats
        else f"{name}::{kind} AS {name}"
        for name, kind in ESTIMATE_TYPES.items()
    )
    connection.execute(
        f"COPY (SELECT {columns} FROM estimates_frame) TO {path_literal(target)} (FORMAT parquet, COMPRESSION zstd)"
    )
    connection.unregister("estimates_frame")


def estimate(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    period: Period,
    totals: Sequence[Table],
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the estimates of every indicator that a survey supports: one row per indicator x cell.

    Args:
        connection: DuckDB.
        spec: the survey.
        period: the period that the figures are for: a round's own, or the year of several rounds.
        totals: psu_totals of the rounds that are averaged; one for a round's own figures.
        progress: told every few indicators.
    """
    columns = plan(spec, load_concepts(), period).columns
    indicators = available_indicators(spec, columns)
    profile = load_profile("ilo")
    create_rounds_views(connection, totals)
    frames = []
    for number, indicator in enumerate(indicators.values(), start=1):
        if number % 10 == 1:
            progress(f"estimating {number} of {len(indicators)} indicators for {period}")
        frames.append(_indicator_estimates(connection, spec, period, indicator, len(totals), profile))
    return pd.concat(frames, ignore_index=True).sort_values(ESTIMATE_KEYS, na_position="first", ignore_index=True)


def create_rounds_views(connection: duckdb.DuckDBPyConnection, totals: Sequence[Table]) -> None:
    """Create ``psu_totals`` and ``sample_design`` over one or several rounds, with a column ``round``."""
    for view, file in (("psu_totals", "data.parquet"), ("sample_design", "design.parquet")):
        parts = " UNION ALL ".join(
            f"SELECT '{table.partition}' AS round, * FROM read_parquet({path_literal(table.folder / file)})"
            for table in totals
        )
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS {parts}")


def _indicator_estimates(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    period: Period,
    indicator: Indicator,
    rounds: int,
    profile: ReliabilityProfile,
) -> pd.DataFrame:
    """Return the estimates of one indicator in every version of its classifications."""
    is_rate, has_psu = indicator.measure == "rate", spec.design.variance == "taylor"
    cube = stocks.cube_name(indicator)
    sql = variance.estimates_sql(
        cube,
        indicator.universe,
        indicator.denominator if is_rate else None,
        has_psu=has_psu,
        lonely_psu=spec.design.lonely_psu,
        rounds=rounds,
    )
    frame = connection.execute(sql).df()
    if not is_rate:
        frame = _with_sampling_zeros(connection, frame, cube)
    allowed = versions(indicator, spec)
    assert allowed is not None
    for column, names in zip(("classif1", "classif2"), allowed, strict=True):
        if names:
            frame = frame[frame[column].isin(published_items(names))]
    frame = variance.with_limits(frame, is_rate=is_rate)
    frame = judge_cells(frame, profile, is_few_confidential=spec.design.confidential_below_5)
    scale = 100.0 if is_rate else 10.0**-indicator.unit_mult
    return frame.assign(
        indicator=indicator.id,
        ref_area=spec.survey.area,
        survey=spec.key,
        freq=period.frequency,
        time=period.sdmx,
        value=frame["estimate"] * scale,
        se=frame["se"] * scale,
        lower=frame["lower"] * scale,
        upper=frame["upper"] * scale,
        method=METHOD_TAYLOR if has_psu else METHOD_NONE,
    )[list(ESTIMATE_TYPES)]


def _with_sampling_zeros(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, cube: str) -> pd.DataFrame:
    """Add the cells in which others of the same cube were observed but nobody of this universe.

    n = 0 there: a sampling zero, which is never published as 0 (STANDARDS 0.5).
    """
    cells = connection.execute(f"SELECT DISTINCT {variance.CELL} FROM psu_totals WHERE cube = ?", [cube]).df()
    keys = ["sex", "classif1", "classif2"]
    merged = cells.merge(frame, on=keys, how="left")
    empty = merged["n"].isna()
    for column in ("n", "n_numerator", "n_smallest"):
        merged[column] = merged[column].fillna(0).astype("int64")
    merged.loc[empty, "estimate"] = 0.0
    return merged


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
        tables = [raw_extract(this, receipt, progress)]
        for step in (harmonised_persons, psu_totals, round_estimates):
            if not tables[-1].is_valid:
                break
            tables.append(step(this, tables[-1], progress))
    return RoundResult(identifier, tuple(tables))
