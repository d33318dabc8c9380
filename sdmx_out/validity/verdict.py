"""What the validity gate says of a release.

Here belongs what was looked at, in figures, and what was found. Nothing depends on the clock or the machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import Problem


@dataclass(frozen=True)
class Verdict:
    """What was looked at and what was found.

    Attributes:
        problems: none if the release may appear.
        checked: what was looked at: numbers of files and observations by format and reader, and how they were chosen;
            JSON values.
    """

    problems: tuple[Problem, ...]
    checked: Mapping[str, object]

    @property
    def passed(self) -> bool:
        """Whether the release may appear."""
        return not self.problems

    def as_json(self) -> dict[str, object]:
        """Return the verdict as JSON values."""
        told = [
            {"file": item.file, "row": item.row, "rule": item.rule, "message": item.message} for item in self.problems
        ]
        return {"passed": self.passed, "checked": dict(self.checked), "problems": told}


def summary(verdict: Verdict) -> Iterator[str]:
    """Yield in some lines what was looked at and what came of it."""
    told: Mapping[str, Any] = verdict.checked
    structures, rows = told["structures"], told["rows_of_csv_and_parquet"]
    yield f"structures: {structures['files']} messages, {structures['dataflows']} dataflows"
    yield f"SDMX-CSV and Parquet: {rows['files']} files, all {rows['observations']:,} rows"
    for form, counts in told["valid_by_schema"].items():
        yield f"valid by its schema: {form}: {counts['files']} of {counts['of']} files"
    for form, counts in told["read_back"].items():
        readers = " and ".join(counts["readers"])
        yield f"read back by {readers}: {form}: {counts['observations']:,} observations in {counts['files']} files"
    yield "no problem was found" if verdict.passed else f"{len(verdict.problems)} problem(s) were found"
