"""What Dagster is told of a table: whole-table figures and findings by rule, never a row."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from pipelines.findings import Finding
from pipelines.storage import Table
from sdmx_out.releases.release import ReleaseResult

CHECK = "rules"

#: Facts that are too long for a page; they stay in the stored table.
_LEFT_OUT = {"labels", "notes", "quality"}

#: What is read first; hashes and findings come last.
_FIRST = ("rows", "weight_total", "excluded", "non_residents", "psus", "strata")
_HASHES = ("sha256", "file_sha256", "specification_sha256")


def table_metadata(table: Table) -> dict[str, Any]:
    """Return a table's metadata for its materialisation."""
    facts: Mapping[str, Any] = table.facts
    others = sorted(name for name in facts if name not in _LEFT_OUT and name not in (*_FIRST, *_HASHES))
    names = [name for name in (*_FIRST, *others, *_HASHES) if facts.get(name) is not None]
    metadata = {name: _value(facts[name]) for name in names}
    if "rows" in facts:
        metadata["dagster/row_count"] = facts["rows"]
    metadata["input_hash"] = table.input_hash
    metadata["findings"] = dg.MetadataValue.md(findings_list(table.findings))
    return metadata


def _value(fact: Any) -> Any:
    """Return a fact as Dagster shows it: a sum of weights to three decimals."""
    if isinstance(fact, float):
        return round(fact, 3)
    return fact if isinstance(fact, int | str) else dg.MetadataValue.json(fact)


def findings_list(findings: Sequence[Finding]) -> str:
    """Return findings as a Markdown list: severity, rule, concept and variable, what was found, how often."""
    return "\n".join(_line(item) for item in findings) or "None."


def _line(item: Finding) -> str:
    place = " ".join(part for part in (item.concept, f"({item.variable})" if item.variable else "") if part)
    counted = f" ({item.count:,} rows)" if item.count else ""
    numbers = f"; first rows {', '.join(map(str, item.rows))}" if item.rows else ""
    text = f"{place}: {item.message}" if place else item.message
    return f"- **{item.severity}** `{item.rule}` {_plain(text)}{counted}{numbers}"


def _plain(text: str) -> str:
    """Return text that Markdown leaves as it is."""
    return "".join(f"\\{char}" if char in "\\`*_<>[]|" else char for char in " ".join(text.split()))


def check_metadata(table: Table) -> dict[str, Any]:
    """Return a check's metadata: number of findings by severity, the rules concerned, and the findings."""
    return {
        "errors": sum(item.severity == "error" for item in table.findings),
        "warnings": sum(item.severity == "warning" for item in table.findings),
        "rules_broken": ", ".join(sorted({item.rule for item in table.findings})) or "none",
        "findings": dg.MetadataValue.md(findings_list(table.findings)),
    }


def refusal(table: Table) -> str:
    """Return in one line why a table was refused: its rules with errors, and how many errors."""
    errors = [item for item in table.findings if item.severity == "error"]
    rules = ", ".join(sorted({item.rule for item in errors}))
    return f"{table.name} of {table.partition} was refused: {len(errors)} error(s) of {rules}"


def release_metadata(made: ReleaseResult) -> dict[str, Any]:
    """Return the metadata of a release."""
    return {
        "folder": dg.MetadataValue.path(str(made.folder)),
        "is_new": made.is_new,
        "indicators": made.indicators,
        "areas": made.areas,
        "dagster/row_count": made.rows,
    }
