"""What the public commands have in common.

Here belong the data folder as they see it, exit codes, and arguments that several of them take.
"""

from pathlib import Path
from typing import Protocol

import click

from schemas.periods import Period, PeriodError

#: Exit code where there is nothing to print; standard error says why.
NOTHING_FOUND = 4
#: A command that is run alone takes the same options for help as below the whole program.
HELP = {"help_option_names": ["-h", "--help"]}


class Home(Protocol):
    """What the command line hands on: the data folder."""

    @property
    def home(self) -> Path:
        """Folder with `releases` in it."""


def check_period(period: str, option: str) -> None:
    """Refuse a text that is no period.

    Raises:
        BadParameter: naming the option.
    """
    try:
        Period.parse(period)
    except PeriodError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
