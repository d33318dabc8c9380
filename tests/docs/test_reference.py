"""What the docs say of commands, options and rules is what there is."""

import os
from pathlib import Path

import click
import pytest

from pipelines.command_line import EPILOG, ilms, register_commands
from schemas.concepts import Concept, load_absentee_concepts, load_absentee_universes, load_concepts, load_universes
from schemas.edit_rules import load_edit_rules

ROOT = Path(__file__).parents[2]
RULES_PAGE = ROOT / "docs" / "rules.md"
CONCEPTS_PAGE = ROOT / "docs" / "concepts.md"

_HEAD = """# Rules

Every rule that a file, its data or a specification can break. An error stops the round (or refuses the file or
specification); a warning is recorded in the round's report. Reports name the rule, the concept, the variable, the
number of rows and the first row numbers, never a value. Written from `schemas/edit_rules.toml` by
`ILMS_WRITE_DOCS=1 python -m pytest tests/docs/test_reference.py`.
"""


_CONCEPTS_HEAD = """# Concepts

Every column of the harmonised tables: what it means, who has a value, and what it rests on. *Asked* columns come from
a survey's variables by its specification; *derived* ones are made the same way for every survey, and only where the
questions they need are asked. A paragraph that is 'from memory' was not read in the guidelines themselves. Written
from `schemas/dictionary/` and `schemas/*universes.toml` by
`ILMS_WRITE_DOCS=1 python -m pytest tests/docs/test_reference.py`.
"""


def commands() -> dict[str, click.Command]:
    register_commands()
    return dict(ilms.commands)


def rules_page() -> str:
    lines = [_HEAD]
    stages = list(dict.fromkeys(rule.stage for rule in load_edit_rules().values()))
    for stage in stages:
        lines += [f"## {stage}", "", "| rule | severity | what | what to do |", "|---|---|---|---|"]
        lines += [
            f"| `{rule.id}` | {rule.severity} | {rule.title} | {rule.remedy} |"
            for rule in load_edit_rules().values()
            if rule.stage == stage
        ]
        lines.append("")
    return "\n".join(lines)


def _origin(concept: Concept) -> str:
    return "asked" if concept.origin == "source" else "derived, or asked" if concept.can_be_given else "derived"


def _codes(concept: Concept) -> str:
    return f"Codes: {', '.join(concept.code_lists)}." if concept.code_lists else ""


def concepts_page() -> str:
    lines = [_CONCEPTS_HEAD]
    tables = {"harmonised_persons": load_concepts(), "harmonised_absentees": load_absentee_concepts()}
    for table, concepts in tables.items():
        lines += [f"## {table}", "", "| column | origin | who | what | source |", "|---|---|---|---|---|"]
        lines += [
            f"| `{name}` | {_origin(concept)} | {concept.universe} | {concept.definition} "
            f"{_codes(concept)} | {concept.paragraph} |"
            for name, concept in concepts.items()
        ]
        lines.append("")
    named = {"Universes": load_universes(), "Universes of absentees": load_absentee_universes()}
    for title, universes in named.items():
        lines += [f"## {title}", "", "| universe | who | condition | source |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {universe.definition} | `{universe.condition.text}` | {universe.paragraph} |"
            for name, universe in universes.items()
        ]
        lines.append("")
    return "\n".join(lines)


def test_every_concept_is_on_the_page_of_concepts() -> None:
    if os.environ.get("ILMS_WRITE_DOCS"):
        CONCEPTS_PAGE.write_text(concepts_page(), encoding="utf-8")
    assert CONCEPTS_PAGE.read_text(encoding="utf-8") == concepts_page()


def test_every_rule_is_on_the_page_of_rules() -> None:
    if os.environ.get("ILMS_WRITE_DOCS"):
        RULES_PAGE.write_text(rules_page(), encoding="utf-8")
    assert RULES_PAGE.read_text(encoding="utf-8") == rules_page()


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_documented(name: str) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"`{name}" in page
    options = {option for parameter in commands()[name].params for option in parameter.opts if option.startswith("--")}
    missing = {option for option in options if option not in page}
    assert not missing


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_on_every_option(name: str) -> None:
    command = commands()[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.show_default or isinstance(parameter.type, click.Choice), parameter.name


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    codes = [line.split()[0] for line in EPILOG.splitlines() if line.strip()[:1].isdigit()]
    assert codes[0] == "0"
    for code in codes:
        assert f"| {code} |" in page
