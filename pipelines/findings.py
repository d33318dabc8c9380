"""What a check found: rule, place, count and row numbers, never a person's value."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.edit_rules import load_edit_rules

#: Row numbers kept with a finding.
ROWS_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One broken rule in one table.

    Attributes:
        rule: identifier in the registry of edit rules.
        severity: ``error`` blocks the round, ``warning`` is recorded.
        table: table that was checked.
        concept: harmonised concept, or ''.
        variable: national variable(s), or ''.
        count: rows concerned.
        rows: numbers of the first rows concerned.
        message: what was found, in words.
    """

    rule: str
    severity: str
    table: str
    concept: str
    variable: str
    count: int
    rows: tuple[int, ...]
    message: str

    def __str__(self) -> str:
        place = " ".join(part for part in (self.concept, f"({self.variable})" if self.variable else "") if part)
        rows = f"; first rows {', '.join(map(str, self.rows))}" if self.rows else ""
        return f"{self.rule} [{self.table}] {place}: {self.message} ({self.count} rows{rows})"


def finding(
    rule: str,
    table: str,
    message: str,
    *,
    concept: str = "",
    variable: str = "",
    count: int = 0,
    rows: Iterable[int] = (),
) -> Finding:
    """Return a finding with the severity that the registry gives its rule."""
    return Finding(
        rule=rule,
        severity=load_edit_rules()[rule].severity,
        table=table,
        concept=concept,
        variable=variable,
        count=int(count),
        rows=tuple(int(row) for row in rows)[:ROWS_SHOWN],
        message=message,
    )
