"""Reference periods of surveys: years, half-years, quarters and months.

Here belong their written forms and their place in time. What is averaged or summed over them belongs
to the transforms.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date
from functools import total_ordering
from typing import Literal

Frequency = Literal["A", "S", "Q", "M"]

PERIOD_FORMS = "2013 (year), 2013-S1 (half-year), 2013-Q4 (quarter) or 2013-M03 (month)"

_PARTS: dict[Frequency, int] = {"A": 1, "S": 2, "Q": 4, "M": 12}
_FORM = re.compile(
    r"(?P<year>[12][0-9]{3})(?:-?(?P<frequency>[SQM])(?P<part>[0-9]{1,2})|-(?P<month>[0-9]{2}))?", re.ASCII
)


class PeriodError(ValueError):
    """A text that is no period; the message names the accepted forms."""


@total_ordering
@dataclass(frozen=True, eq=True)
class Period:
    """One reference period. Ordered by its start, then by its length (a month before its year).

    Attributes:
        year: calendar year.
        frequency: A, S (half-year), Q or M.
        part: which half-year, quarter or month of the year; 1 for a year.
    """

    year: int
    frequency: Frequency
    part: int

    @classmethod
    def parse(cls, text: str) -> "Period":
        """One period from its canonical form, or from 2013-03, 2013Q4, 2013S1, 2013M03.

        Raises:
            PeriodError: when the text is none of these.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise _refused(text)
        year = int(match["year"])
        if match["month"] is not None:
            return cls._checked(text, year, "M", int(match["month"]))
        if match["frequency"] is None:
            return cls(year, "A", 1)
        frequency: Frequency = match["frequency"]  # type: ignore[assignment]  # the pattern admits S, Q, M only
        if len(match["part"]) != (2 if frequency == "M" else 1):
            raise _refused(text)
        return cls._checked(text, year, frequency, int(match["part"]))

    @classmethod
    def _checked(cls, text: str, year: int, frequency: Frequency, part: int) -> "Period":
        if not 1 <= part <= _PARTS[frequency]:
            raise _refused(text)
        return cls(year, frequency, part)

    def __str__(self) -> str:
        return self._written("-", "M")

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Period):
            return NotImplemented
        return (self.start, self.end) < (other.start, other.end)

    @property
    def sdmx(self) -> str:
        """SDMX time period: months as 2013-03, the rest as the canonical form."""
        return self._written("-", "")

    @property
    def ilostat(self) -> str:
        """ILOSTAT's time: 2013, 2013S1, 2013Q4, 2013M03."""
        return self._written("", "M")

    @property
    def start(self) -> date:
        """First day."""
        return date(self.year, (self.part - 1) * self._months + 1, 1)

    @property
    def end(self) -> date:
        """Last day."""
        month = self.part * self._months
        return date(self.year, month, calendar.monthrange(self.year, month)[1])

    def previous(self) -> "Period":
        """The period of the same length that ends the day before this one starts."""
        if self.part > 1:
            return Period(self.year, self.frequency, self.part - 1)
        return Period(self.year - 1, self.frequency, _PARTS[self.frequency])

    def year_before(self) -> "Period":
        """The same period of the year before."""
        return Period(self.year - 1, self.frequency, self.part)

    def parts(self, frequency: Frequency) -> tuple["Period", ...]:
        """The periods of a frequency that a year is made of, in order."""
        return tuple(Period(self.year, frequency, part) for part in range(1, _PARTS[frequency] + 1))

    @property
    def _months(self) -> int:
        return 12 // _PARTS[self.frequency]

    def _written(self, separator: str, month_mark: str) -> str:
        if self.frequency == "A":
            return str(self.year)
        if self.frequency == "M":
            return f"{self.year}{separator}{month_mark}{self.part:02d}"
        return f"{self.year}{separator}{self.frequency}{self.part}"


def _refused(text: str) -> PeriodError:
    return PeriodError(f"{text!r} is not a period: write {PERIOD_FORMS}")
