"""What the validity gate reports, and what to do about it.

Here belong the rules and the length of what is said. What breaks a rule is said where it is looked for.
"""

from collections.abc import Mapping
from typing import Literal

from schemas.errors import Problem

Rule = Literal["MESSAGE_INVALID", "MESSAGE_UNREADABLE", "READBACK_DIFFERS", "STRUCTURE_UNRESOLVED", "CONTENTS_DIFFER"]
REMEDY: Mapping[Rule, str] = {
    "MESSAGE_INVALID": "the writer of this format has to be mended; the release cannot appear",
    "MESSAGE_UNREADABLE": "the writer of this format has to be mended; the release cannot appear",
    "READBACK_DIFFERS": "the message does not say what the release holds: mend its writer, then make the release again",
    "STRUCTURE_UNRESOLVED": "add what is missing to the structures, or take out what refers to it",
    "CONTENTS_DIFFER": "make the release again; if it comes back, the list of its files has to be mended",
}
_LONGEST = 300


def problem(file: str, rule: Rule, message: str, row: int | None = None) -> Problem:
    """Return a problem with a message of bounded length on one line."""
    text = " ".join(message.split())
    return Problem(file, row, rule, text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...", REMEDY[rule])
