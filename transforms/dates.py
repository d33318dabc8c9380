"""When something happened to a person, told by year and month: an arrival, a return, a departure.

Here belongs the arithmetic of dates that may be told in part: months are numbered year x 12 + month. What is counted
by it is said in ``migration``, ``flows`` and ``absentees``.

An event ``arrival`` is told by the columns ``arrival_year`` and, where the survey asks it, ``arrival_month``.
"""

from collections.abc import Collection, Sequence

from schemas.periods import Period

#: Month counted from when only the year is known: the middle of the year.
MONTH_WHEN_UNKNOWN = 6


def last_month(period: Period) -> int:
    """Return the number of the month in which a period ends."""
    return period.end.year * 12 + period.end.month


def months_since_sql(event: str, period: Period, known: Collection[str]) -> str:
    """Return SQL for completed months between an event and the end of the period; NULL where its year is unknown.

    Where only the year is known the event is taken to be in the middle of it.
    """
    month = str(MONTH_WHEN_UNKNOWN)
    if f"{event}_month" in known:
        month = f"COALESCE({event}_month, {MONTH_WHEN_UNKNOWN})"
    # GREATEST passes over NULL: an unknown year would become an event of this month.
    return (
        f"CASE WHEN {event}_year IS NOT NULL THEN GREATEST({last_month(period)} - ({event}_year * 12 + {month}), 0) END"
    )


def in_last_months_sql(events: Sequence[str], months: int, period: Period, known: Collection[str]) -> str:
    """Return SQL: the event lies in the last months up to the end of the period; NULL where that cannot be told.

    A year alone tells it unless the stretch begins within that year.

    Args:
        events: in order of preference; the next one serves where the year of the one before is not stated.
        months: length of the stretch, the period's last month included.
        period: the reference period of the round; later events are no part of the columns.
        known: columns that are there.
    """
    begin = last_month(period) - months + 1
    earliest, latest = (
        f"COALESCE({', '.join(_month_sql(event, month, known) for event in events)})" for month in (1, 12)
    )
    return f"CASE WHEN {earliest} >= {begin} THEN TRUE WHEN {latest} < {begin} THEN FALSE END"


def _month_sql(event: str, month_when_unknown: int, known: Collection[str]) -> str:
    month = f"COALESCE({event}_month, {month_when_unknown})" if f"{event}_month" in known else str(month_when_unknown)
    return f"{event}_year * 12 + {month}"
