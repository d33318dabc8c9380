"""The header of a message: who says what, and when.

Here belongs what headers of all formats have in common; how a format spells them does not belong here.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

Action = Literal["Replace", "Append", "Delete", "Information"]


@dataclass(frozen=True)
class Header:
    """What a message says of itself.

    Attributes:
        id: of the message: letters, digits, `_`, `-`, `@` and `$`.
        prepared: date of the release; the only time that a message knows.
        is_test: whether the message is of test extracts.
        sender: agency that sends it.
        action: what its data are to a receiver who holds an earlier message.
    """

    id: str
    prepared: date
    is_test: bool
    sender: str = "ILMS"
    action: Action = "Replace"

    @property
    def prepared_at(self) -> str:
        """Start of that day, as XML and JSON write a moment."""
        return f"{datetime.combine(self.prepared, time()).isoformat()}Z"
