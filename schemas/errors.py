"""Problems that people can mend.

Here belong the two exceptions that carry them: one for what stands in the project's or a user's
specification data, one for files that an office hands in. Neither ever quotes a person's value.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and how to mend it.

    Attributes:
        file: the file's name as its owner knows it (never an absolute path).
        row: 1-based line of the file, header included, or None where the whole file is meant.
        rule: identifier of the rule that was broken, e.g. ``CODE_TARGET_UNKNOWN``.
        message: what was found and what was expected.
        remedy: what to do about it.
    """

    file: str
    row: int | None
    rule: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        return f"{place}: {self.rule}: {self.message}. Remedy: {self.remedy}"


class ProblemsError(Exception):
    """Base of the errors that carry a list of problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SpecError(ProblemsError):
    """A specification, code list or catalogue does not say what it must say."""


class InputError(ProblemsError):
    """A file handed in cannot be accepted."""
