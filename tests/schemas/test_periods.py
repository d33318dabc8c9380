"""Periods: their forms, their days and their order."""

from datetime import date

import pytest

from schemas.periods import Period, PeriodError


@pytest.mark.parametrize(
    ("text", "canonical", "sdmx", "ilostat", "frequency", "start", "end"),
    [
        ("2013", "2013", "2013", "2013", "A", date(2013, 1, 1), date(2013, 12, 31)),
        ("2013-S2", "2013-S2", "2013-S2", "2013S2", "S", date(2013, 7, 1), date(2013, 12, 31)),
        ("2013-Q4", "2013-Q4", "2013-Q4", "2013Q4", "Q", date(2013, 10, 1), date(2013, 12, 31)),
        ("2013Q1", "2013-Q1", "2013-Q1", "2013Q1", "Q", date(2013, 1, 1), date(2013, 3, 31)),
        ("2012-M02", "2012-M02", "2012-02", "2012M02", "M", date(2012, 2, 1), date(2012, 2, 29)),
        ("2013-03", "2013-M03", "2013-03", "2013M03", "M", date(2013, 3, 1), date(2013, 3, 31)),
        ("2013M03", "2013-M03", "2013-03", "2013M03", "M", date(2013, 3, 1), date(2013, 3, 31)),
    ],
)
def test_forms(text: str, canonical: str, sdmx: str, ilostat: str, frequency: str, start: date, end: date) -> None:
    period = Period.parse(text)
    assert (str(period), period.sdmx, period.ilostat) == (canonical, sdmx, ilostat)
    assert (period.frequency, period.year, period.start, period.end) == (frequency, start.year, start, end)
    assert Period.parse(str(period)) == period == Period.parse(period.ilostat) == Period.parse(period.sdmx)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "13",
        "2013-Q5",
        "2013-Q0",
        "2013-S3",
        "2013-13",
        "2013-00",
        "2013-M3",
        "2013-M00",
        "2013-Q04",
        "2013-q4",
        " 2013",
        "2013 ",
        "2013\n",
        "2013-1",
        "0013",
        "3013",
        "2013-A1",
        "Q4-2013",
        "2013-01-01",
        "\u0662013",
        "2013-Q\u0661",
    ],
)
def test_refused_with_the_forms_named(text: str) -> None:
    with pytest.raises(PeriodError, match=r"2013 \(year\).*2013-Q4.*2013-M03"):
        Period.parse(text)


def test_order_is_by_start_then_length() -> None:
    texts = ["2012-Q4", "2013-M01", "2013-Q1", "2013-S1", "2013", "2013-M02", "2013-Q2", "2014"]
    assert [str(period) for period in sorted(map(Period.parse, reversed(texts)))] == texts
    assert Period.parse("2013-Q1") <= Period.parse("2013-Q1") < Period.parse("2013")


@pytest.mark.parametrize(
    ("text", "previous"),
    [
        ("2013", "2012"),
        ("2013-S1", "2012-S2"),
        ("2013-Q1", "2012-Q4"),
        ("2013-Q3", "2013-Q2"),
        ("2013-M01", "2012-M12"),
    ],
)
def test_previous(text: str, previous: str) -> None:
    assert str(Period.parse(text).previous()) == previous
