"""How numbers and fields are spelled by the engine."""

import duckdb
import pytest

from sdmx_out.csv_text import csv_line, fixed_sql, line_sql, literal, significant_sql


def _text(expression: str) -> object:
    with duckdb.connect() as connection:
        row = connection.execute(f"SELECT {expression}").fetchone()
    return row[0] if row else None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1234.5678", "1234.57"),
        ("1234567.89", "1234570"),
        ("1e15", "1000000000000000"),
        ("999999.6", "1000000"),
        ("0.9999997", "1.00000"),
        ("0.00001234567", "0.0000123457"),
        ("12.3", "12.3000"),
        ("-12.3", "-12.3000"),
        ("0", "0"),
        ("NULL", None),
    ],
)
def test_six_significant_digits(number: str, text: str | None) -> None:
    assert _text(significant_sql(f"CAST({number} AS DOUBLE)")) == text


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        ("1234.5678", 3, "1234.568"),
        ("1e21", 1, "1000000000000000000000.0"),
        ("-0.0001", 3, "0.000"),
        ("-0.0001", 0, "0"),
        ("-0.06", 1, "-0.1"),
        ("0", 3, "0.000"),
        ("NULL", 3, None),
    ],
)
def test_fixed_decimals(number: str, decimals: int, text: str | None) -> None:
    assert _text(fixed_sql(f"CAST({number} AS DOUBLE)", str(decimals))) == text


def test_engine_and_python_spell_a_line_alike() -> None:
    values = ["a b", "a,b", 'a"b', "a\nb", "a\rb", "", "Côte d'Ivoire"]
    assert _text(line_sql([literal(value) for value in values])) == csv_line(values)


def test_a_missing_value_is_an_empty_field() -> None:
    assert _text(line_sql(["CAST(NULL AS VARCHAR)", "'a'", "NULL"])) == ",a,"
