"""Reports of a round's checks, by rule id: as data and as HTML, in restricted storage."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources

from jinja2 import Environment, select_autoescape

from pipelines.findings import Finding
from pipelines.home import Home
from pipelines.rounds import RoundResult
from pipelines.storage import as_json, write_atomically
from schemas.edit_rules import load_edit_rules


def write_round_report(home: Home, identifier: str, result: RoundResult) -> None:
    """Write ``reports/<round>/report.json`` and ``report.html`` (mode 0600)."""
    folder = home.reports / identifier
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = {
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
    }
    write_atomically(folder / "report.json", as_json(data))
    write_atomically(folder / "report.html", _html(identifier, result, result.findings).encode())


def _shown(facts: object) -> dict[str, object]:
    """Return whole-table facts without the long label list of the file."""
    assert isinstance(facts, dict)
    return {name: value for name, value in facts.items() if name != "labels"}


def _html(identifier: str, result: RoundResult, findings: Sequence[Finding]) -> str:
    environment = Environment(autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True)
    source = resources.files("pipelines").joinpath("templates/round_report.html").read_text(encoding="utf-8")
    tables = [{"table": table, "facts": _shown(table.facts)} for table in result.tables]
    return environment.from_string(source).render(
        identifier=identifier, result=result, tables=tables, findings=findings, rules=load_edit_rules()
    )
