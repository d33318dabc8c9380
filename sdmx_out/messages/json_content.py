"""What an SDMX-JSON data message will hold: the first of its two passes.

Here belongs which values each component has, at which level each attribute is presented, and how the engine finds a
value's index. How the message is spelled does not belong here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import duckdb

from sdmx_out.messages.dataflow import Component, Dataflow
from sdmx_out.messages.labels import position_sql

Version = Literal["1.0", "2.0", "2.1"]
Level = Literal["dataSet", "dimensionGroup", "series", "observation"]
ATTRIBUTE_LEVELS: tuple[Level, ...] = ("dataSet", "dimensionGroup", "series", "observation")


@dataclass(frozen=True)
class Content:
    """Values and levels of one message.

    Attributes:
        query: of the observations, to be read in the second pass.
        values: component -> its values, in the order of its code list, then of the text; of those that are indexed.
        tables: component -> table of its values and their places; of those that have too many for `values`.
        levels: attribute -> where it is presented; an attribute without any value is left out of the message.
        constants: attribute presented at the data set -> its index, or the number itself.
    """

    query: str
    values: Mapping[str, Sequence[str]]
    tables: Mapping[str, str]
    levels: Mapping[str, Level]
    constants: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether there is no observation."""
        return not any(self.values.values())

    def at(self, dataflow: Dataflow, level: Level) -> list[Component]:
        """Attributes presented at a level, in the order of the structure."""
        return [item for item in dataflow.attributes if self.levels.get(item.id) == level]

    def index_sql(self, component: Component) -> str:
        """SQL integer: index of a component's value; NULL where it has none."""
        return position_sql(f'"{component.id}"', self.values[component.id])

    def element_sql(self, component: Component) -> str:
        """SQL text: what stands for a component's value in an array: its index, the value itself, or null."""
        column = f'"{component.id}"'
        if component.id in self.values:
            text = f"CAST({self.index_sql(component)} AS VARCHAR)"
        elif component.id in self.tables or component.is_number:
            text = column
        else:
            text = f"CAST(to_json({column}) AS VARCHAR)"
        return f"coalesce({text}, 'null')"


@contextmanager
def content(
    connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, query: str, version: Version
) -> Iterator[Content]:
    """Read the observations once and say what the message will hold.

    Attributes that are coded, or hang on dimensions, have indexed values. The others may have many (confidence limits):
    versions 2 write them where they belong, as they are; version 1.0 knows indexes only, so that their values are
    numbered in a table of the engine, which is gone afterwards. Numbers are never indexed in versions 2, whose schemas
    allow no whole number among the values of a component.
    """
    indexed = [*dataflow.dimensions, dataflow.time]
    indexed += [item for item in dataflow.attributes if item.codes or item.dimensions]
    total, present, values = _counted(connection, dataflow, indexed, query)
    levels = _levels(connection, dataflow, query, version, total, present, values)
    numbers = {item.id for item in dataflow.attributes if item.is_number and version != "1.0"}
    constants = {name: values[name][0] if name in numbers else "0" for name in levels if levels[name] == "dataSet"}
    values = {name: texts for name, texts in values.items() if name not in numbers}
    many = [item.id for item in dataflow.attributes if item.id in levels and item.id not in values]
    tables = {name: f"message_values_{name.lower()}" for name in many} if version == "1.0" else {}
    for name, table in tables.items():
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT value, row_number() OVER (ORDER BY value) - 1 AS place "
            f'FROM (SELECT DISTINCT "{name}" AS value FROM ({query}) WHERE "{name}" IS NOT NULL)'
        )
    try:
        yield Content(_numbered(query, tables), values, tables, levels, constants)
    finally:
        for table in tables.values():
            connection.execute(f"DROP TABLE {table}")


def _counted(
    connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, indexed: Sequence[Component], query: str
) -> tuple[int, dict[str, int], dict[str, list[str]]]:
    """Number of observations, of each attribute's values, and the distinct values of what is indexed."""
    counts = "".join(f', count("{item.id}")' for item in dataflow.attributes)
    lists = "".join(f', list(DISTINCT "{item.id}") FILTER ("{item.id}" IS NOT NULL)' for item in indexed)
    (row,) = connection.execute(f"SELECT count(*){counts}{lists} FROM ({query})").fetchall()
    found = row[1 + len(dataflow.attributes) :]
    present = {item.id: row[1 + place] for place, item in enumerate(dataflow.attributes)}
    return row[0], present, {item.id: _ordered(item, texts or ()) for item, texts in zip(indexed, found, strict=True)}


def _ordered(component: Component, values: Sequence[str]) -> list[str]:
    places = {code: place for place, code in enumerate(component.codes)}
    return sorted(values, key=lambda value: (places.get(value, len(places)), value))


def _levels(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    query: str,
    version: Version,
    total: int,
    present: Mapping[str, int],
    values: Mapping[str, Sequence[str]],
) -> dict[str, Level]:
    """Level of each attribute that has a value.

    One value throughout: the data set. Else a group of dimensions (versions 2) or the series (1.0) if the attribute
    hangs on dimensions and its value is indeed the same there in these observations; else the observation.
    """
    levels: dict[str, Level] = {}
    grouped = []
    for item in dataflow.attributes:
        if not present[item.id]:
            continue
        levels[item.id] = "observation"
        if item.dimensions and len(values[item.id]) == 1 and present[item.id] == total:
            levels[item.id] = "dataSet"
        elif item.dimensions and (version != "1.0" or dataflow.time.id not in item.dimensions):
            grouped.append(item)
    group: Level = "series" if version == "1.0" else "dimensionGroup"
    for dimensions, items in groupby(
        sorted(grouped, key=lambda item: item.dimensions), key=lambda item: item.dimensions
    ):
        members = list(items)
        same = ", ".join(_same_sql(item) for item in members)
        keys = ", ".join(f'"{name}"' for name in dimensions)
        told = ", ".join(f"bool_and(column{place})" for place in range(len(members)))
        names = ", ".join(f"column{place}" for place in range(len(members)))
        (found,) = connection.execute(
            f"SELECT {told} FROM (SELECT {same} FROM ({query}) GROUP BY {keys}) AS same({names})"
        ).fetchall()
        levels |= {item.id: group for item, is_same in zip(members, found, strict=True) if is_same}
    return levels


def _same_sql(component: Component) -> str:
    column = f'"{component.id}"'
    return f"coalesce(min({column}) = max({column}), true) AND count({column}) IN (0, count(*))"


def _numbered(query: str, tables: Mapping[str, str]) -> str:
    """The query with places instead of values where a table numbers them, in its order: a join need not keep it."""
    if not tables:
        return query
    places = ", ".join(f'CAST({table}.place AS VARCHAR) AS "{name}"' for name, table in tables.items())
    joins = " ".join(f'LEFT JOIN {table} ON {table}.value = rows."{name}"' for name, table in tables.items())
    return (
        f"SELECT rows.* REPLACE ({places}) FROM (SELECT *, row_number() OVER () AS row_number FROM ({query})) AS rows "
        f"{joins} ORDER BY rows.row_number"
    )
