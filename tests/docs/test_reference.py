"""What the docs say of commands, options and rules is what there is."""

import os
from pathlib import Path

import click
import pytest

from pipelines.command_line import EPILOG, ilms, register_commands
from schemas.edit_rules import load_edit_rules

ROOT = Path(__file__).parents[2]
RULES_PAGE = ROOT / "docs" / "rules.md"

_HEAD = """# Rules

Every rule that a file, its data or a specification can break. An error stops the round (or refuses the file or
specification); a warning is recorded in the round's report. Reports name the rule, the concept, the variable, the
number of rows and the first row numbers, never a value. Written from `schemas/edit_rules.toml` by
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
