"""What all sections of survey.toml are made of: texts, periods, and a strict frozen model."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints

from schemas.periods import Period

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
# TOML knows lists only; frozen sections hold tuples.
Texts = Annotated[tuple[Text, ...], Strict(strict=False)]


def _period(value: Any) -> Any:
    """A period from its text; an empty text leaves the side open."""
    if not isinstance(value, str):
        raise ValueError("a period is written as text, e.g. '2013-Q4'")
    return Period.parse(value) if value else None


OpenPeriod = Annotated[Period | None, BeforeValidator(_period)]
GivenPeriod = Annotated[Period, BeforeValidator(_period)]


class Section(BaseModel):
    """Base of all sections: frozen, no other keys, no conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PeriodRange(Section):
    """A stretch of periods, both ends included, None where open."""

    start: OpenPeriod = Field(default=None, alias="from")
    end: OpenPeriod = Field(default=None, alias="to")

    def holds(self, period: Period) -> bool:
        """Whether the period lies wholly within the stretch."""
        return holds(self.start, self.end, period)


def holds(start: Period | None, end: Period | None, period: Period) -> bool:
    """Whether the period lies wholly between two periods, both included, None where open."""
    return (start is None or start.start <= period.start) and (end is None or period.end <= end.end)


def overlap(first: tuple[Period | None, Period | None], second: tuple[Period | None, Period | None]) -> bool:
    """Whether two stretches (start, end) have a day in common."""

    def begins_by_the_end_of(one: Period | None, other: Period | None) -> bool:
        return one is None or other is None or one.start <= other.end

    return begins_by_the_end_of(first[0], second[1]) and begins_by_the_end_of(second[0], first[1])
