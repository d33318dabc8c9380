"""Reports of a round's checks, by rule: as data, as HTML and as a workbook, in restricted storage.

Here belongs what is told of a round and where it is kept. What a rule means and what to do about it is data
(``schemas/edit_rules.toml``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

from pipelines.findings import Finding
from pipelines.home import Home
from pipelines.quality import LANGUAGES, ordered, spelled
from pipelines.rounds import RoundResult
from pipelines.storage import as_json, write_atomically
from schemas.codes import load_code_lists
from schemas.edit_rules import EditRule, load_edit_rules

HTML, WORKBOOK, DATA = "report.html", "report.xlsx", "report.json"
#: The files of a report, in the order in which they are written: where the last is, all are.
FILES = (HTML, WORKBOOK, DATA)

#: Facts of tables that are too long for a report, or have a section of their own.
_LEFT_OUT = ("labels", "value_labels", "quality")


@dataclass(frozen=True)
class Group:
    """The findings of one rule."""

    rule: EditRule
    findings: tuple[Finding, ...]

    @property
    def count(self) -> int:
        """Rows concerned, over all findings."""
        return sum(item.count for item in self.findings)


def is_reported(home: Home, identifier: str) -> bool:
    """Whether every file of a round's report is there."""
    return all((home.reports / identifier / name).is_file() for name in FILES)


def write_round_report(home: Home, identifier: str, result: RoundResult) -> None:
    """Write ``report.html``, ``report.xlsx`` and ``report.json`` into ``reports/<round>`` (mode 0600)."""
    folder = home.reports / identifier
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(folder / HTML, _html(identifier, result).encode())
    write_atomically(folder / WORKBOOK, _workbook(identifier, result))
    write_atomically(folder / DATA, as_json(_data(identifier, result)))


def groups(findings: Sequence[Finding]) -> list[Group]:
    """Return the findings by rule: what stops the round first, then in the order of the tables."""
    by_rule: dict[str, list[Finding]] = {}
    for item in findings:
        by_rule.setdefault(item.rule, []).append(item)
    found = [Group(load_edit_rules()[rule], tuple(items)) for rule, items in by_rule.items()]
    return sorted(found, key=lambda group: group.rule.severity != "error")


def _data(identifier: str, result: RoundResult) -> dict[str, Any]:
    return {
        "round": identifier,
        "is_valid": result.is_valid,
        "tables": [
            {
                "table": table.name,
                "is_valid": table.is_valid,
                "input_hash": table.input_hash,
                "facts": _shown(table.facts),
            }
            for table in result.tables
        ],
        "findings": [asdict(item) for item in result.findings],
        "quality": _quality(result),
    }


def _shown(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return whole-table facts that a report lists: those that say anything."""
    return {name: value for name, value in facts.items() if name not in _LEFT_OUT and value not in (None, "", [], {})}


def _quality(result: RoundResult) -> Mapping[str, Any]:
    return next((table.facts["quality"] for table in result.tables if "quality" in table.facts), {})


def _told(value: Any) -> str:
    """Return a fact as text: whole numbers in groups of three digits, sums of weights to three decimals."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _html(identifier: str, result: RoundResult) -> str:
    from jinja2 import Environment, select_autoescape

    environment = Environment(autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True)
    source = resources.files("pipelines").joinpath("templates/round_report.html").read_text(encoding="utf-8")
    units = {item.code: item.en for item in load_code_lists()["QUALITY_UNIT"].items}
    return environment.from_string(source).render(
        identifier=identifier,
        result=result,
        groups=groups(result.findings),
        errors=sum(item.severity == "error" for item in result.findings),
        warnings=sum(item.severity == "warning" for item in result.findings),
        quality=[
            {
                "title": title,
                "value": "" if fact["unit"] == "CODE" else spelled(fact),
                "unit": "" if fact["unit"] in ("CODE", "TEXT") or fact["value"] is None else units[fact["unit"]],
                "note": fact["note"]["en"],
            }
            for _, title, fact in ordered(_quality(result))
        ],
        tables=[
            {"table": table, "facts": {name: _told(value) for name, value in _shown(table.facts).items()}}
            for table in result.tables
        ],
    )


def _workbook(identifier: str, result: RoundResult) -> bytes:
    from sdmx_out.workbooks.sheets import Column, add_sheet, new_workbook, workbook_bytes

    workbook = new_workbook(f"{identifier}: {'passed' if result.is_valid else 'stopped'}")
    columns = [Column("Rule", 24), Column("Severity", 10), Column("Title", 36), Column("Concept", 22)]
    columns += [Column("Variable", 22), Column("Rows", 10), Column("First rows", 18)]
    columns += [Column("What was found", 60), Column("What to do", 60)]
    add_sheet(workbook, "Findings", columns, _finding_rows(result.findings), number_format="#,##0")
    columns = [Column("Table", 22), Column("Verdict", 10), Column("Fact", 24), Column("Value", 70)]
    rows = [
        (table.name, "passed" if table.is_valid else "stopped", name, value if _is_number(value) else _told(value))
        for table in result.tables
        for name, value in _shown(table.facts).items()
    ]
    add_sheet(workbook, "Tables", columns, rows, number_format="#,##0.###")
    titles = {item.code: (item.en, item.fr, item.es) for item in load_code_lists()["QUALITY_ITEM"].items}
    columns = [Column("Item", 30), Column("Value", 14), Column("Unit", 12)]
    columns += [Column(f"{what} ({language})", 48) for what in ("Title", "Note") for language in LANGUAGES]
    facts = ordered(_quality(result))
    quality = [
        (item, fact["value"], fact["unit"], *titles[item], *(fact["note"][language] for language in LANGUAGES))
        for item, _, fact in facts
    ]
    add_sheet(workbook, "Quality", columns, quality)
    return workbook_bytes(workbook)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finding_rows(findings: Sequence[Finding]) -> list[tuple[str | int, ...]]:
    return [
        (
            group.rule.id,
            group.rule.severity,
            group.rule.title,
            item.concept,
            item.variable,
            item.count,
            ", ".join(map(str, item.rows)),
            item.message,
            group.rule.remedy,
        )
        for group in groups(findings)
        for item in group.findings
    ]
