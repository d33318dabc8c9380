"""What Dagster is told of a table: whole-table figures and findings by rule, never a row."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from pipelines.findings import Finding
from pipelines.storage import Table

#: Facts that are too long for a page; they stay in the stored table.
_LEFT_OUT = {"labels", "notes"}

CHECK = "rules"


def table_metadata(table: Table) -> dict[str, Any]:
    """Return a table's metadata for its materialisation."""
    facts: Mapping[str, Any] = table.facts
    shown = {name: value for name, value in facts.items() if name not in _LEFT_OUT and value is not None}
    metadata: dict[str, Any] = {
        name: value if isinstance(value, int | float | str | bool) else dg.MetadataValue.json(value)
        for name, value in shown.items()
    }
    if "rows" in facts:
        metadata["dagster/row_count"] = facts["rows"]
    metadata["input_hash"] = table.input_hash
    metadata["findings"] = dg.MetadataValue.md(findings_table(table.findings))
    return metadata


def findings_table(findings: tuple[Finding, ...]) -> str:
    """Return findings as a Markdown table: rule, severity, concept, variable, rows, what was found."""
    if not findings:
        return "None."
    lines = ["| rule | severity | concept | variable | rows | found |", "|---|---|---|---|---|---|"]
    for item in findings:
        cells = (item.rule, item.severity, item.concept, item.variable, f"{item.count:,}", item.message)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def check_metadata(table: Table) -> dict[str, Any]:
    """Return a check's metadata: number of findings by severity, and the findings."""
    return {
        "errors": sum(item.severity == "error" for item in table.findings),
        "warnings": sum(item.severity == "warning" for item in table.findings),
        "findings": dg.MetadataValue.md(findings_table(table.findings)),
    }


def refusal(table: Table) -> str:
    """Return in one line why a table was refused: its rules with errors, and how often each."""
    errors = [item for item in table.findings if item.severity == "error"]
    rules = sorted({item.rule for item in errors})
    return f"{table.name} of {table.partition} was refused: {len(errors)} error(s) of {', '.join(rules)}"
