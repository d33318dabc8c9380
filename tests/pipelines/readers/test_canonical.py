from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers import canonical


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (123456.789, "123456.789"),
        (1e16, "10000000000000000"),
        (1e20, "100000000000000000000"),
        (-2.5e-10, "-0.00000000025"),
        (2.0**63, "9223372036854775808"),
    ],
)
def test_numbers(value, text):
    assert canonical.floats_text(pa.array([value, float("nan"), None])).to_pylist() == [text, None, None]
    assert canonical.number_text(value) == text


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_numbers_read_back_and_have_no_exponent(values):
    texts = canonical.floats_text(pa.array(values, pa.float64())).to_pylist()
    assert [float(text) for text in texts] == values
    for text, value in zip(texts, values, strict=True):
        assert "e" not in text
        if not value.is_integer():
            assert text == format(Decimal(repr(value)), "f")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=20))
def test_float32_is_the_shortest_that_reads_back(values):
    array = pa.array(np.array(values, dtype=np.float32))
    texts = canonical.floats_text(array).to_pylist()
    assert [float(np.float32(text)) for text in texts] == values
    for text, value in zip(texts, np.array(values, dtype=np.float32), strict=True):
        if not float(value).is_integer():
            assert text == format(Decimal(str(value)), "f")


def test_moments_outside_the_calendar_are_not_dates():
    assert canonical.dates_text(pa.array([0.0, -719162.0, -719163.0, 1e300, 2932896.9])).to_pylist() == [
        "1970-01-01", "0001-01-01", None, None, "9999-12-31",
    ]  # fmt: skip
    assert canonical.datetimes_text(pa.array([-1.0, 1e300])).to_pylist() == ["1969-12-31T23:59:59.999", None]
    assert canonical.durations_text(pa.array([-61_000.0, None])).to_pylist() == ["-00:01:01", None]
