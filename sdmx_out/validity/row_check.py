"""Rows of observations against their dataflow: codes, numbers, periods, levels of attributes and keys, of every row.

Here belongs what must be true of rows in whatever file they stand. How a file becomes rows does not belong here. All
rows are checked inside the engine, whatever their number, and none is held.
"""

from collections.abc import Iterator, Mapping, Sequence

import duckdb

from schemas.errors import Problem
from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Component, Dataflow
from sdmx_out.validity.problems import problem

_INTEGER = r"[+-]?[0-9]+"
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|NaN"
# Years, half years, quarters, months and days, as observational time periods write them; weeks and ranges are not made.
_PERIOD = r"[0-9]{4}(-(A1|S[12]|T[1-3]|Q[1-4]|M(0[1-9]|1[0-2])|(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?))?"
_PATTERNS = {"integer": _INTEGER, "double": _NUMBER, "time": _PERIOD}
#: Keys that are named.
SHOWN = 3


def row_problems(
    rows: str,
    dataflow: Dataflow,
    connection: duckdb.DuckDBPyConnection,
    *,
    file: str,
    fixed: Mapping[str, Sequence[str]] | None = None,
    are_observations: bool = True,
) -> list[Problem]:
    """What is wrong with rows.

    Args:
        rows: query with one text column per component, and those of ``fixed``.
        dataflow: that the rows are of.
        connection: engine that the query can be asked from.
        file: where the rows stand, for what is reported.
        fixed: column that is no component -> what may stand in it.
        are_observations: whether each row is one observation with its whole key; rows that take away name a part of it.

    Returns:
        One problem per kind of fault and column, with the number of rows and a value. Keys are looked at only in rows
        without other faults.

    Raises:
        duckdb.Error: the rows cannot be read.
    """
    found = list(_value_problems(rows, dataflow, connection, file, fixed or {}, are_observations))
    if not found and are_observations:
        found = [
            *_level_problems(rows, dataflow, connection, file),
            *_key_problems(rows, dataflow, connection, file),
        ]
    return found


def _value_problems(
    rows: str,
    dataflow: Dataflow,
    connection: duckdb.DuckDBPyConnection,
    file: str,
    fixed: Mapping[str, Sequence[str]],
    has_keys: bool,
) -> Iterator[Problem]:
    faults = {name: (fault, words) for name, fault, words in _faults(dataflow, fixed, has_keys)}
    counts = ", ".join(
        f"count(*) FILTER ({fault}), min(coalesce(\"{name}\", '')) FILTER ({fault})"
        for name, (fault, _) in faults.items()
    )
    (told,) = connection.execute(f"SELECT {counts} FROM ({rows})").fetchall()
    for (name, (_, words)), count, first in zip(faults.items(), told[::2], told[1::2], strict=True):
        if count:
            yield problem(file, "MESSAGE_INVALID", f"{name} of {count:,} rows {words}, e.g. '{first}'")


def _faults(dataflow: Dataflow, fixed: Mapping[str, Sequence[str]], has_keys: bool) -> Iterator[tuple[str, str, str]]:
    """Column, SQL condition of a fault, and what the fault is."""
    for name, values in fixed.items():
        listed = ", ".join(literal(value) for value in values)
        yield name, f'"{name}" IS NULL OR "{name}" NOT IN ({listed})', f"is not {' or '.join(values)}"
    key = {item.id for item in (*dataflow.dimensions, dataflow.time)} if has_keys else set()
    for item in dataflow.components:
        fault, words = _fault(item)
        if item.id in key:
            yield item.id, f'"{item.id}" IS NULL OR ({fault})', f"is empty or {words}"
        elif words:
            yield item.id, fault, words


def _fault(item: Component) -> tuple[str, str]:
    if item.code_list is not None:
        # A type with names finds a code by its hash; IN compares with one after the other, at a tenth of the speed.
        known = f'TRY_CAST("{item.id}" AS ENUM({", ".join(map(literal, item.codes))}))' if item.codes else "NULL"
        return f'"{item.id}" IS NOT NULL AND {known} IS NULL', f"is not in {item.code_list[1]}"
    if pattern := _PATTERNS.get(item.kind):
        words = "is no period" if item.kind == "time" else "is no number"
        return f'NOT regexp_full_match("{item.id}", {literal(pattern)})', words
    return "false", ""


def _level_problems(
    rows: str, dataflow: Dataflow, connection: duckdb.DuckDBPyConnection, file: str
) -> Iterator[Problem]:
    """Attributes that hang on dimensions and differ where these are the same."""
    for dimensions in sorted({item.dimensions for item in dataflow.attributes if item.dimensions}):
        names = [item.id for item in dataflow.attributes if item.dimensions == dimensions]
        group = ", ".join(f'"{name}"' for name in dimensions)
        counts = ", ".join(f"count(DISTINCT coalesce(\"{name}\", '')) AS n{i}" for i, name in enumerate(names))
        broken = ", ".join(f"count(*) FILTER (n{i} > 1)" for i in range(len(names)))
        query = f"SELECT {broken} FROM (SELECT {counts} FROM ({rows}) GROUP BY {group})"
        (told,) = connection.execute(query).fetchall()
        for name, count in zip(names, told, strict=True):
            if count:
                text = f"{name} hangs on {', '.join(dimensions)} and has more than one value in {count:,} groups"
                yield problem(file, "MESSAGE_INVALID", text)


def _key_problems(rows: str, dataflow: Dataflow, connection: duckdb.DuckDBPyConnection, file: str) -> Iterator[Problem]:
    """Keys that more than one row has; sorted rows, as a release writes them, are told apart without holding any."""
    names = [f'"{item.id}"' for item in (*dataflow.dimensions, dataflow.time)]
    key = f"({', '.join(names)})"
    before = f"({', '.join(f'lag({name}) OVER ()' for name in names)})"
    rising = f"SELECT {key} > {before} AS is_rising, row_number() OVER () AS number FROM ({rows})"
    unsorted = f"SELECT count(*) FILTER (NOT is_rising AND number > 1) FROM ({rising})"
    if connection.execute(unsorted).fetchall()[0][0]:
        fields = ", ".join(names)
        twice = f"SELECT {fields} FROM ({rows}) GROUP BY {fields} HAVING count(*) > 1 ORDER BY {fields}"
        found = connection.execute(f"SELECT count(*) OVER (), * FROM ({twice}) LIMIT {SHOWN}").fetchall()
        if found:
            told = "; ".join(".".join(row[1:]) for row in found)
            yield problem(file, "MESSAGE_INVALID", f"{found[0][0]:,} keys stand on more than one row: {told}")
