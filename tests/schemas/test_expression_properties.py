"""The rule language under random expressions: its SQL is stable and says what its text said."""

import duckdb
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.expressions import Expression, ExpressionError, Kind, parse_expression

COLUMNS: dict[str, Kind] = {
    "X": "text",
    "Y": "text",
    "Z z": "text",
    "DATE": "text",
    "n": "number",
    "m": "number",
    "b": "boolean",
    "c": "boolean",
}


def call(name: str, *arguments: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*arguments).map(lambda parts: f"{name}({', '.join(parts)})")


def joined(*parts: str | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


RAW: dict[str, Kind] = {"X": "text", "Y": "text"}
TEXTS = st.sampled_from(["X", "Y", '"Z z"', "''", "'1'", "'a'", "'it''s'", "' 12 '", "'é'"])
NUMBERS_WRITTEN = st.sampled_from(["n", "m", "0", "1", "12", "to_integer(X)", "to_number(Y)", "length(X)"])
BOOLEANS = st.sampled_from(["b", "c", "TRUE", "FALSE", "X IS NULL", "n IS NOT NULL", "starts_with(X, Y)"])


def larger(inner: st.SearchStrategy[tuple[str, str, str]]) -> st.SearchStrategy[tuple[str, str, str]]:
    text, number, boolean = (inner.map(lambda triple, i=i: triple[i]) for i in range(3))
    bracketed = joined("(", boolean, ")")
    return st.tuples(
        st.one_of(
            text,
            call("trim", text),
            call("lower", text),
            call("concat", text, text),
            call("coalesce", text, text),
            call("nullif", text, text),
            call("substring", text, st.just("1"), st.just("2")),
            joined("CASE WHEN ", boolean, " THEN ", text, " ELSE ", text, " END"),
        ),
        st.one_of(
            number,
            call("to_integer", text),
            joined("(", number, st.sampled_from([" + ", " - ", " * "]), number, ")"),
            joined("(", number, " - ", number, " + ", number, ")"),
            joined("(", number, " + ", number, " * ", number, ")"),
            joined("(", number, " / nullif(", number, ", 0))"),
            joined("(- ", number, ")"),
            joined("CASE WHEN ", boolean, " THEN ", number, " END"),
        ),
        st.one_of(
            boolean,
            joined(text, st.sampled_from([" = ", " <> ", " < ", " >= "]), text),
            joined(number, st.sampled_from([" = ", " <= ", " > "]), number),
            joined(text, st.sampled_from([" IN ", " NOT IN "]), "('1', Y)"),
            joined(number, st.sampled_from([" BETWEEN ", " NOT BETWEEN "]), number, " AND ", number),
            joined("NOT ", boolean),
            joined("(", boolean, " AND ", boolean, ")"),
            joined("(", boolean, " OR ", boolean, " AND ", boolean, ")"),
            joined("(", boolean, " OR ", boolean, " OR ", boolean, ")"),
            joined(bracketed, " = ", bracketed),
            joined(bracketed, " IS NULL"),
        ),
    )


TRIPLES = st.recursive(st.tuples(TEXTS, NUMBERS_WRITTEN, BOOLEANS), larger, max_leaves=6)
ANY = TRIPLES.flatmap(st.sampled_from)
VALUES = st.fixed_dictionaries(
    {
        "X": st.sampled_from([None, "", "1", " 12 ", "a"]),
        "Y": st.sampled_from([None, "", "1", "2.5", "a"]),
        "n": st.sampled_from([None, 0.0, 1.0, -2.0]),
        "m": st.sampled_from([None, 0.0, 12.0]),
        "b": st.sampled_from([None, True, False]),
        "c": st.sampled_from([None, True, False]),
    }
)


def parsed(text: str) -> Expression | None:
    try:
        return parse_expression(text, COLUMNS)
    except ExpressionError as error:
        if error.rule != "EXPRESSION_TOO_LONG":
            raise
        return None


@settings(max_examples=150, deadline=None)
@given(ANY)
def test_sql_parsed_again_gives_the_same_sql(text: str) -> None:
    expression = parsed(text)
    if expression is None:
        return
    tree = sqlglot.parse_one(expression.sql(), read="duckdb")
    again = tree.sql(dialect="duckdb", identify=True)
    assert sqlglot.parse_one(again, read="duckdb").sql(dialect="duckdb", identify=True) == again
    language_only = "concat" not in text and "to_" not in text and "CAST" not in expression.sql()
    if language_only and (second := parsed(expression.sql())) is not None:
        assert second.sql() == expression.sql()
        assert (second.kind, second.columns) == (expression.kind, expression.columns)


@settings(max_examples=100, deadline=None)
@given(TRIPLES.map(lambda triple: triple[2]), VALUES)
def test_sql_means_what_the_text_says(text: str, values: dict[str, object]) -> None:
    """DuckDB's own reading of the text agrees, the three functions that are ours given as macros."""
    expression = parsed(text)
    if expression is None:
        return
    types = {"text": "VARCHAR", "number": "DOUBLE", "boolean": "BOOLEAN"}
    columns = ", ".join(f'CAST(? AS {types[kind]}) AS "{name}"' for name, kind in COLUMNS.items())
    given_values = [values.get(name) for name in COLUMNS]
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE MACRO to_integer(x) AS CASE WHEN regexp_full_match(trim(x), '-?[0-9]+')
               THEN TRY_CAST(trim(x) AS BIGINT) END"""
        )
        connection.execute(
            """CREATE MACRO to_number(x) AS CASE WHEN regexp_full_match(trim(x), '-?[0-9]+([.][0-9]+)?')
               THEN TRY_CAST(trim(x) AS DOUBLE) END"""
        )
        connection.execute("CREATE MACRO concatenated(x, y) AS x || y")
        literal = text.replace("concat(", "concatenated(")
        row = connection.execute(
            f"SELECT {literal}, {expression.sql('t')} FROM (SELECT {columns}) AS t", given_values
        ).fetchone()
    assert row[0] == row[1]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("XYnb'\"()=<>-+*/,;.$?:[]{}@#|~ \\\n1aINOT")), max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        expression = parse_expression(text, RAW)
    except ExpressionError:
        return
    columns = ", ".join(f'CAST(NULL AS VARCHAR) AS "{name}"' for name in expression.columns) or "1 AS one"
    with duckdb.connect() as connection:
        connection.execute(f"SELECT {expression.sql()} FROM (SELECT {columns})")
