"""A specification against one file: each source code with its count and target, and each rule met.

What is shown stays with the office that holds the file; nothing is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import duckdb

from pipelines import checks
from pipelines.calibration import calibrate
from pipelines.coherence_checks import benchmark_findings
from pipelines.design_checks import design_findings
from pipelines.engine import WORK_FORMAT, open_engine, path_literal
from pipelines.file_sets import RawTables, Source, assign, write_raw_tables
from pipelines.findings import Finding
from pipelines.home import Home
from pipelines.quality import quality_facts, quality_findings
from schemas.concepts import load_universes
from schemas.countries import COUNTRY, country_key
from schemas.periods import Period
from schemas.survey_spec import SurveySpec, dictionary_of
from transforms.harmonise import HarmonisePlan, correction_counts_sql, plan


@dataclass(frozen=True)
class Harmonised:
    """One set of files, harmonised in scratch space.

    Attributes:
        connection: DuckDB with ``raw_extract`` and ``work`` (the relation of the plan).
        steps: the plan.
        period: the reference period.
        raw: what was read: rows, labels, labels of codes.
        scratch: folder that may be written.
    """

    connection: duckdb.DuckDBPyConnection
    steps: HarmonisePlan
    period: Period
    raw: RawTables
    scratch: Path


@dataclass(frozen=True)
class CodeCount:
    """One source code of a concept in the file."""

    source_code: str
    label: str
    target: str
    count: int


@dataclass(frozen=True)
class RuleCount:
    """One rule (or leaf of a decision tree) and the rows that met it first."""

    rule: str
    value: str
    count: int


@dataclass(frozen=True)
class CheckedSpec:
    """What a file says about its specification."""

    survey: str
    period: str
    rows: int
    codes: dict[str, list[CodeCount]]
    rules: dict[str, list[RuleCount]]
    findings: tuple[Finding, ...]

    @property
    def is_valid(self) -> bool:
        """No finding is an error."""
        return not any(item.severity == "error" for item in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the whole as JSON-able data."""
        return {**asdict(self), "is_valid": self.is_valid}

    def as_text(self) -> str:
        """Return the whole for a terminal."""
        lines = [f"{self.survey} {self.period}: {self.rows:,} rows"]
        for concept, counts in self.codes.items():
            lines.append(f"\n{concept}")
            lines += [
                f"  {item.count:>9,}  {item.source_code or '(blank)':<12} {item.label:<40.40} -> {item.target}"
                for item in counts
            ]
        for concept, rules in self.rules.items():
            lines.append(f"\n{concept} (first rule met)")
            lines += [f"  {item.count:>9,}  {item.rule:<60.60} -> {item.value}" for item in rules]
        lines.append("")
        lines += [f"{item.severity}: {item}" for item in self.findings]
        verdict = "passes" if self.is_valid else "does not pass"
        lines.append(f"The specification {verdict} with this file.")
        return "\n".join(lines)


def check_against_file(
    home: Home,
    spec: SurveySpec,
    file: Path | Sequence[Path],
    period: Period | None,
    progress: Callable[[str], None],
    variant: str | None = None,
) -> CheckedSpec:
    """Harmonise a file in scratch space and count what its codes and rules came to.

    Args:
        home: data folder, for scratch space only.
        spec: the specification.
        file: the extract, or all files that make it.
        period: its reference period; by default the first that the specification allows.
        progress: told the steps.
        variant: variant of the files, where several fit.

    Raises:
        InputError: the file cannot be read.
    """
    files = [file] if isinstance(file, Path) else file
    with harmonised(home, spec, files, period, progress, variant) as this:
        return checked(this, spec)


@contextmanager
def harmonised(
    home: Home,
    spec: SurveySpec,
    files: Sequence[Path],
    period: Period | None,
    progress: Callable[[str], None],
    variant: str | None = None,
) -> Iterator[Harmonised]:
    """Read and harmonise the files of a round in scratch space, which goes when the block ends.

    Raises:
        InputError: a file cannot be read.
    """
    period = period or first_period(spec)
    steps = plan(spec, dictionary_of(spec), period)
    sources = [Source(file, file.name) for file in files]
    with home.scratch() as scratch, open_engine(scratch, []) as connection:
        raw = write_raw_tables(spec, assign(spec, period, sources, variant), scratch, scratch, progress)
        progress("harmonising")
        connection.execute(f"CREATE VIEW raw_extract AS FROM read_parquet({path_literal(scratch / 'data.parquet')})")
        work = scratch / "work.parquet"
        connection.execute(f"COPY ({steps.sql}) TO {path_literal(work)} {WORK_FORMAT}")
        connection.execute(f"CREATE VIEW work AS FROM read_parquet({path_literal(work)})")
        yield Harmonised(connection, steps, period, raw, scratch)


def checked(this: Harmonised, spec: SurveySpec, weight_total_before: float | None = None) -> CheckedSpec:
    """Return the counts of codes and rules, and what the checks of a round find."""
    connection, steps = this.connection, this.steps
    codes = {name: _code_counts(connection, spec, name, this.period) for name in steps.keys}
    rules = {name: _rule_counts(connection, spec, name) for name in steps.ruled}
    rules |= _tree_counts(connection, steps)
    found = _findings(this, spec, weight_total_before)
    return CheckedSpec(spec.key, str(this.period), this.raw.persons.rows, codes, rules, tuple(found))


def _findings(this: Harmonised, spec: SurveySpec, before: float | None) -> list[Finding]:
    """Return what the harmonising step of a run finds, its contract apart."""
    connection, steps, period = this.connection, this.steps, this.period
    found = checks.correction_findings(connection, spec, correction_counts_sql(spec))
    found += checks.unmapped_findings(connection, spec, dict(dictionary_of(spec)), steps)
    found += checks.unused_findings(connection, spec, period, steps)
    found += checks.edit_findings(connection, spec, period, steps)
    found += checks.share_findings(connection, steps)
    found += design_findings(connection, spec, steps.columns)
    if spec.calibration is not None:
        found += calibrate(connection, spec, period, steps.columns, this.scratch)[1]
    found += checks.declared_counts(connection, spec, period, steps)[1]
    found += quality_findings(quality_facts(connection, spec, period, steps.columns))
    conditions = {name: universe.condition.sql() for name, universe in load_universes().items()}
    total = weight_total(connection)
    found += benchmark_findings(connection, spec, period, conditions)[0]
    return found + checks.weight_findings(total, before)


def weight_total(connection: duckdb.DuckDBPyConnection) -> float:
    """Return the sum of the weights of the work relation."""
    row = connection.execute("SELECT coalesce(sum(weight), 0) FROM work").fetchone()
    assert row is not None
    return float(row[0])


def first_period(spec: SurveySpec) -> Period:
    """Return the first period that a specification allows.

    Raises:
        UsageError: it names none.
    """
    candidates = [spec.survey.periods.start, *(variant.periods.start for variant in spec.files)]
    for candidate in candidates:
        if candidate is not None:
            return candidate
    raise click.UsageError("the specification names no first period: give --period")


def _code_counts(connection: duckdb.DuckDBPyConnection, spec: SurveySpec, name: str, period: Period) -> list[CodeCount]:
    """Return the codes of one concept that occur, most frequent first, then mapped codes that do not."""
    rows = {row.source_code: row for row in spec.codes_at(name, period)}
    is_country = spec.concepts[name].codes == COUNTRY
    counted = connection.execute(
        f"SELECT k_{name}, count(*), bool_or(x_{name}) FROM work GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    found = []
    for code, count, is_unmapped in counted:
        row = rows.get(code) or (rows.get(country_key(code)) if code and is_country else None)
        outside = "UNMAPPED" if is_unmapped else "(outside the universe)"
        found.append(CodeCount(code, row.source_label if row else "", row.target_code if row else outside, count))
    local = [row for row in rows.values() if row.file.startswith(f"{spec.survey.area}/")]
    seen = {code for code, _, _ in counted}
    found += [
        CodeCount(row.source_code, row.source_label, row.target_code, 0) for row in local if row.source_code not in seen
    ]
    return found


def _rule_counts(connection: duckdb.DuckDBPyConnection, spec: SurveySpec, name: str) -> list[RuleCount]:
    counted = dict(connection.execute(f"SELECT r_{name}, count(*) FROM work GROUP BY 1").fetchall())
    found = [
        RuleCount(f"{rule.order}: {rule.when.text}", rule.value, counted.get(index, 0))
        for index, rule in enumerate(spec.rules[name])
    ]
    if None in counted:
        found.append(RuleCount("(no rule)", "", counted[None]))
    return found


def _tree_counts(connection: duckdb.DuckDBPyConnection, steps: HarmonisePlan) -> dict[str, list[RuleCount]]:
    if "labour_force_rule" not in steps.columns:
        return {}
    counted = connection.execute(
        "SELECT coalesce(labour_force_rule, '(not of working age)'), coalesce(labour_force_status, ''), count(*) "
        "FROM work GROUP BY ALL ORDER BY 3 DESC"
    ).fetchall()
    return {"labour_force_status": [RuleCount(leaf, status, count) for leaf, status, count in counted]}
