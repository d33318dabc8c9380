"""The canonical text of a value: one text for one value, whatever the format of the file.

Whole numbers have no decimal point, other numbers are the shortest decimal that reads back to the same
number and never have an exponent, yes is 1 and no is 0, dates and times are ISO 8601, a missing value
without a code is NULL. Text itself is decoded by the readers.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_INT64_LIMIT = float(2**63)
_FIRST_DAY = -719_162  # 0001-01-01, in days since 1970-01-01
_LAST_DAY = 2_932_896  # 9999-12-31
_DAY_MS = 86_400_000


def number_text(value: float | int) -> str:
    """One number as canonical text."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def decimal_text(value: Decimal) -> str:
    """One decimal number as canonical text: no zeros at the end of its fraction."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def moment_text(value: date | time | timedelta) -> str:
    """One date, date-time, time of day or length of time as canonical text."""
    if isinstance(value, timedelta):
        return _duration(round(value / timedelta(milliseconds=1)))
    if isinstance(value, time):
        since = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
        return _duration(round(since / timedelta(milliseconds=1)))
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").removesuffix(".000")
    return value.isoformat()


def integers_text(values: Any) -> Any:
    """Text array of an integer array."""
    return pc.cast(values, pa.string())


def floats_text(values: Any) -> Any:
    """Text array of a float32 or float64 array; NaN becomes NULL."""
    values = pc.if_else(pc.is_nan(values), None, values)
    whole = pc.and_(
        pc.equal(pc.floor(values), values),
        pc.less(pc.abs(values), pa.scalar(_INT64_LIMIT, values.type)),
    )
    whole_text = pc.cast(pc.cast(pc.if_else(whole, values, None), pa.int64()), pa.string())
    if whole_text.null_count == values.null_count:
        return whole_text
    # Arrow writes the shortest decimal that reads back, with an exponent for the very large and small.
    other_text = pc.cast(pc.if_else(whole, None, values), pa.string())
    exponents = pc.match_substring(other_text, "e")
    if pc.any(exponents).as_py():
        plain = [
            number_text(float(text)) if text is not None and "e" in text else None for text in other_text.to_pylist()
        ]
        other_text = pc.if_else(exponents, pa.array(plain, pa.string()), other_text)
    return pc.coalesce(whole_text, other_text)


def dates_text(days: Any) -> Any:
    """Text array YYYY-MM-DD of a float64 array of days since 1970-01-01.

    A number outside the years 1 to 9999 is no date and stays NULL.
    """
    return pc.cast(_within(pc.floor(days), 1, pa.int32()).cast(pa.date32()), pa.string())


def datetimes_text(milliseconds: Any) -> Any:
    """Text array YYYY-MM-DDTHH:MM:SS[.mmm] of a float64 array of milliseconds since 1970-01-01.

    The fraction is written only where there is one. A number outside the years 1 to 9999 stays NULL.
    """
    whole = _within(pc.round(milliseconds), _DAY_MS, pa.int64()).cast(pa.timestamp("ms"))
    text = pc.replace_substring(pc.cast(whole, pa.string()), " ", "T")
    return pc.replace_substring_regex(text, r"\.000$", "")


def durations_text(milliseconds: Any) -> Any:
    """Text array HH:MM:SS[.mmm] of a float64 array of milliseconds; hours may pass 24."""
    texts = [None if value is None else _duration(round(value)) for value in milliseconds.to_pylist()]
    return pa.array(texts, pa.string())


def _duration(milliseconds: int) -> str:
    """One length of time as text."""
    seconds, fraction = divmod(abs(milliseconds), 1000)
    sign = "-" if milliseconds < 0 else ""
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction:03d}" if fraction else text


def _within(values: Any, per_day: int, to: Any) -> Any:
    """The values that fall in the years 1 to 9999, as integers; others NULL."""
    inside = pc.and_(
        pc.greater_equal(values, float(_FIRST_DAY * per_day)),
        pc.less(values, float((_LAST_DAY + 1) * per_day)),
    )
    return pc.cast(pc.if_else(inside, values, None), to)
