"""The type of options that name a reference period."""

from typing import Any

import click

from schemas.periods import Period, PeriodError


class PeriodType(click.ParamType[Period]):
    """A reference period: 2013, 2013-S1, 2013-Q4 or 2013-M03."""

    name = "period"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Period:
        """Return the period that the text names."""
        if isinstance(value, Period):
            return value
        try:
            return Period.parse(value)
        except PeriodError as error:
            self.fail(str(error), param, ctx)
