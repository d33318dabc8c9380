"""Words and numbers of a country profile in one language.

Here belongs how a number, an interval, a period and a date are spelled. What is said of which figure does not.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from importlib import resources

from sdmx_out.profile.figures import Figure

#: Narrow no-break space: between thousands in French and Spanish.
NARROW = "\u202f"
#: No-break space.
HARD = "\u00a0"
MINUS = "\u2212"
#: A space before double punctuation, or inside quotation marks.
_FRENCH = re.compile(r" (?=[:;!?%»])|(?<=«) ")
_PRINTED = str.maketrans({NARROW: HARD, MINUS: "\u2013"})


@cache
def wording() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return what the profile says: part -> key -> language -> text."""
    text = resources.files("sdmx_out").joinpath("profile/wording.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def for_print(text: str) -> str:
    """Return text in the signs that the standard fonts of PDF have; anything else must not get there.

    Raises:
        UnicodeEncodeError: a sign that they do not have.
    """
    printed = text.translate(_PRINTED)
    printed.encode("cp1252")
    return printed


class Words:
    """The wording in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, part: str, key: str, /, **filled: str) -> str:
        """Return a text by its part and key, filled in.

        Raises:
            KeyError: there is no such text.
        """
        text = self.spaced(wording()[part][key][self.language])
        return text.format(**filled) if filled else text

    def spaced(self, text: str) -> str:
        """Return a text whose punctuation stays on the line of the word it belongs to, as French sets it."""
        if self.language != "fr":
            return text
        return _FRENCH.sub(HARD, text)

    def number(self, value: Decimal, decimals: int) -> str:
        """Return a number with a fixed count of decimals, as the language writes it; never a negative zero."""
        rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
        whole, _, rest = f"{abs(rounded):f}".partition(".")
        if self.language == "en":
            text, point = f"{int(whole):,}", "."
        else:
            # Spanish separates thousands from five digits on only.
            is_grouped = self.language == "fr" or len(whole) > 4
            text, point = f"{int(whole):,}".replace(",", NARROW) if is_grouped else whole, ","
        sign = MINUS if rounded < 0 else ""
        return f"{sign}{text}{point}{rest}" if rest else f"{sign}{text}"

    def interval(self, figure: Figure, decimals: int) -> str:
        """Return the limits without brackets, or '' where there are none."""
        if figure.lower is None or figure.upper is None:
            return ""
        lower, upper = (self.number(limit, decimals) for limit in (figure.lower, figure.upper))
        return self("unit", "interval", lower=lower, upper=upper)

    def missing(self, figure: Figure) -> str:
        """Return why there is no figure."""
        return self("missing", figure.missing)

    def value(self, figure: Figure, decimals: int) -> str:
        """Return the value and its flag, or why there is none."""
        if figure.value is None:
            return self.missing(figure)
        flag = f"{HARD}{figure.status}" if figure.status else ""
        return self.number(figure.value, decimals) + flag

    def period(self, freq: str, time: str) -> str:
        """Return a period as it is said, e.g. Q1 2024."""
        year, _, part = time.partition("-")
        return self("period", freq, year=year, part=part.lstrip("SQM"))

    def date(self, day: date) -> str:
        """Return a date in words."""
        month = self("months", "names").split()[day.month - 1]
        first = "1er" if self.language == "fr" and day.day == 1 else str(day.day)
        return self("months", "date", day=first, month=month, year=str(day.year))
