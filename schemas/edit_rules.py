"""The registry of edit rules: every rule that data or specifications can break, and what to do then.

Here belongs the reader of ``edit_rules.toml``. The rules are checked where the tables are made.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import Problem, SpecError
from schemas.toml_files import parse_toml, read_entries

_FILE = Path(__file__).parent / "edit_rules.toml"
_ID = re.compile(r"[A-Z]+(_[A-Z]+)*")


class _EditRuleEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    severity: Literal["error", "warning"]
    stage: Literal["receive", "harmonise", "contract", "estimate", "protect", "specification"]
    title: str = Field(min_length=1)
    remedy: str = Field(min_length=1)


class EditRule(_EditRuleEntry):
    """One rule.

    Attributes:
        id: identifier, as findings and problems carry it.
        severity: error stops the round, warning is recorded.
        stage: where it is checked.
        title: what is wrong when it is broken.
        remedy: what to do about it.
    """

    id: str


def read_edit_rules(path: Path) -> Mapping[str, EditRule]:
    """Return the rules of a file by id, in file order.

    Raises:
        SpecError: with every wrong entry and every id not in capitals.
    """
    source = parse_toml(path)
    entries = read_entries(_EditRuleEntry, source)
    if bad := [name for name in entries if not _ID.fullmatch(name)]:
        raise SpecError(
            [
                Problem(
                    path.name,
                    source.row_of_table(name),
                    "TOML_VALUE",
                    f"the id {name}",
                    "write e.g. PSU_BLANK",
                )
                for name in bad
            ]
        )
    return MappingProxyType({name: EditRule(id=name, **entry.model_dump()) for name, entry in entries.items()})


@cache
def load_edit_rules() -> Mapping[str, EditRule]:
    """Return the project's edit rules by id."""
    return read_edit_rules(_FILE)
