"""Share of unknown birth and citizenship: of the working age, weighted, without who is excluded."""

from collections.abc import Sequence

import duckdb
import pytest

from pipelines.checks import share_findings
from pipelines.findings import Finding
from transforms.harmonise import HarmonisePlan

PLAN = HarmonisePlan(sql="", columns=("citizenship_status",), checked=(), keys=(), ruled=())
Person = tuple[float, str, str | None, bool | None]


def found(persons: Sequence[Person]) -> list[Finding]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE work (weight DOUBLE, citizenship_status VARCHAR, exclusion VARCHAR, is_working_age BOOLEAN)"
        )
        connection.executemany("INSERT INTO work VALUES (?, ?, ?, ?)", persons)
        return share_findings(connection, PLAN)


ADULTS: list[Person] = [(1.0, "CCT_CIT_CITIZEN", None, True)] * 95
UNKNOWN: Person = (1.0, "CCT_CIT_X", None, True)


@pytest.mark.parametrize(
    ("unknown", "rules"),
    [(4, []), (5, []), (6, ["UNKNOWN_SHARE_WARNING"]), (40, ["UNKNOWN_SHARE_WARNING"]), (41, ["UNKNOWN_SHARE_STOP"])],
)
def test_limits(unknown: int, rules: list[str]) -> None:
    assert [item.rule for item in found([*ADULTS, *[UNKNOWN] * unknown])] == rules


def test_who_is_younger_or_excluded_does_not_count() -> None:
    children: list[Person] = [(1.0, "CCT_CIT_X", None, False)] * 60
    silent: list[Person] = [(1.0, "CCT_CIT_X", "NON_RESPONDENT", True)] * 60
    assert found([*ADULTS, *children, *silent]) == []


def test_nobody_of_working_age_is_no_share() -> None:
    assert found([(1.0, "CCT_CIT_X", None, False)]) == []
