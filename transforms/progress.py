"""How long work says how far it is: in words that hold counts, and never a value."""

from collections.abc import Callable

#: Takes progress messages.
Progress = Callable[[str], None]


def silent(message: str) -> None:
    """Take progress messages and say nothing."""
