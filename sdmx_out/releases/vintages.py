"""When each observation of a dataflow was last changed, and which observations are gone.

An observation that is the same as in the release before, in every component, keeps its date; any other has the date of
the release. Observations that are gone are kept as a small table of their keys (``data/deleted/``), so that whoever
asks for what changed since a moment learns of them as well. Files that carry changes from one release to the next are
written in ``deltas``; what a withdrawal empties is said in ``withdrawn``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.parquet_data import LAST_UPDATE, observations_of

DELETED = "DELETED"
#: Where a release has its observations and the keys of those that are gone, one file per dataflow.
PARQUET_FOLDER, DELETED_FOLDER = "data/parquet", "data/deleted"


@dataclass(frozen=True)
class Earlier:
    """A dataflow in the release before.

    Attributes:
        observations: Parquet file, one row per observation; columns named as its components were then.
        released: date of that release; of observations whose own date is not known.
        deleted: Parquet file of the keys that were gone by then, or None.
    """

    observations: Path
    released: date
    deleted: Path | None = None


def earlier_of(release: Path, dataflow: Dataflow, released: date) -> Earlier | None:
    """Return a dataflow as a release folder has it; None where it has no observations of it."""
    observations = release / PARQUET_FOLDER / f"{dataflow.id}.parquet"
    deleted = release / DELETED_FOLDER / f"{dataflow.id}.parquet"
    if not observations.is_file():
        return None
    return Earlier(observations, released, deleted if deleted.is_file() else None)


def key_of(dataflow: Dataflow) -> tuple[str, ...]:
    """Components that identify an observation, in the order of the key."""
    return tuple(item.id for item in (*dataflow.dimensions, dataflow.time))


def with_last_update(
    connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, query: str, earlier: Earlier | None, release_date: date
) -> str:
    """Return the query of the observations with one more column, LAST_UPDATE (ISO date as text), in the same order.

    A component that only one of the two releases has counts as empty in the other, so that an attribute that came or
    went changes the observations that have it, and no other.

    Args:
        connection: of the query; it may read the earlier release's folder.
        dataflow: whose observations they are.
        query: one text column per component.
        earlier: the dataflow in the release before, or None.
        release_date: of the release that is written.
    """
    today = literal(release_date.isoformat())
    if earlier is None or not has_same_key(connection, dataflow, earlier):
        ids = text_names([item.id for item in dataflow.components])
        return f"SELECT {ids}, {today} AS {LAST_UPDATE} FROM ({query}) ORDER BY {order_sql(dataflow)}"
    types = types_of(connection, earlier.observations)
    known = literal(earlier.released.isoformat())
    told = f"coalesce(CAST({LAST_UPDATE} AS VARCHAR), {known})" if LAST_UPDATE in types else known
    now, before = fingerprints(dataflow, types)
    names = ", ".join(f'l."{item.id}"' for item in dataflow.components)
    return (
        f"SELECT {names}, coalesce(e.told, {today}) AS {LAST_UPDATE} "
        f"FROM (SELECT *, {now} AS fingerprint FROM ({query})) l "
        f"LEFT JOIN (SELECT {before} AS fingerprint, {told} AS told FROM {read_sql(earlier.observations)}) e "
        f"USING (fingerprint) ORDER BY {order_sql(dataflow, 'l.')}"
    )


def deleted_query(
    connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, query: str, earlier: Earlier | None, release_date: date
) -> str:
    """Return a query of the keys that were published once and are gone, with DELETED (ISO date as text), by key.

    A key that comes back is forgotten. Where the dataflow now has other dimensions, the keys of before are none of
    its own, and nothing is told.
    """
    key = key_of(dataflow)
    if earlier is None or not has_same_key(connection, dataflow, earlier):
        empty = ", ".join(f'CAST(NULL AS VARCHAR) AS "{name}"' for name in (*key, DELETED))
        return f"SELECT {empty} WHERE false"
    today = literal(release_date.isoformat())
    gone = [f"SELECT {text_sql(key)}, {today} AS {DELETED} FROM {read_sql(earlier.observations)}"]
    if earlier.deleted is not None and set(key) <= set(types_of(connection, earlier.deleted)):
        gone.append(f"SELECT {text_sql(key)}, CAST({DELETED} AS VARCHAR) FROM {read_sql(earlier.deleted)}")
    return (
        f"SELECT * FROM ({' UNION ALL '.join(gone)}) g WHERE NOT EXISTS "
        f"(SELECT 1 FROM ({query}) l WHERE {same_sql(key, 'g', 'l')}) ORDER BY {order_sql(dataflow)}"
    )


def deleted_file(connection: duckdb.DuckDBPyConnection, query: str) -> bytes | None:
    """Return the Parquet file of the keys that are gone, all text; None where there are none."""
    keys = connection.sql(query).to_arrow_table()
    if not keys.num_rows:
        return None
    sink = BytesIO()
    pq.write_table(keys.cast(pa.schema([(name, pa.string()) for name in keys.column_names])), sink, compression="zstd")
    return sink.getvalue()


def updated_after(query: str, moment: date | datetime, column: str = LAST_UPDATE) -> str:
    """Return the rows of a query that changed after a moment, in their order.

    Dates are days: what changed on the day of the moment is told again, for it may have changed later that day.

    Args:
        query: one that has the column.
        moment: with a time zone if it is a time; days are those of UTC.
        column: LAST_UPDATE of observations, DELETED of keys that are gone.
    """
    day = moment.astimezone(UTC).date() if isinstance(moment, datetime) else moment
    return f"SELECT * FROM ({query}) WHERE CAST({column} AS VARCHAR) >= {literal(day.isoformat())}"


# --- what two releases of a dataflow have in common; `deltas` compares by the same rules


def has_same_key(connection: duckdb.DuckDBPyConnection, dataflow: Dataflow, earlier: Earlier) -> bool:
    """Whether the earlier observations have the dimensions of the dataflow, and no column that may be another one.

    A column that is no component of the dataflow now is an attribute that went if the earlier keys are told apart
    without it.
    """
    types, key = types_of(connection, earlier.observations), key_of(dataflow)
    if not set(key) <= set(types):
        return False
    if set(types) <= {LAST_UPDATE, *(item.id for item in dataflow.components)}:
        return True
    doubles = f"SELECT 1 FROM {read_sql(earlier.observations)} GROUP BY {text_names(key)} HAVING count(*) > 1 LIMIT 1"
    return not connection.execute(doubles).fetchall()


def fingerprints(dataflow: Dataflow, types: Mapping[str, str]) -> tuple[str, str]:
    """SQL of a hash of all components of an observation: over the query, and over the earlier file.

    128 bits stand for an observation, so that a join holds no row of either side. Where the file has numbers, text is
    read as the number that it is.
    """
    ids = [item.id for item in dataflow.components]
    now, before = [], []
    for name in (*ids, *(name for name in types if name not in (LAST_UPDATE, *ids))):
        kind = types.get(name, "VARCHAR")
        now.append(_text(f'"{name}"', kind) if name in ids else "NULL")
        before.append(_text(f'"{name}"', "VARCHAR") if name in types else "NULL")
    return _hash_sql(now), _hash_sql(before)


def _text(column: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f"CAST({column} AS VARCHAR)"
    return f"coalesce(CAST(TRY_CAST({column} AS {kind}) AS VARCHAR), CAST({column} AS VARCHAR))"


def _hash_sql(fields: Sequence[str]) -> str:
    # Control characters keep fields apart and tell an empty one from none.
    return "md5_number(concat_ws(chr(31), " + ", ".join(f"coalesce({field}, chr(30))" for field in fields) + "))"


def types_of(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Column of a Parquet file -> its type."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {read_sql(path)}").fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


def read_sql(path: Path) -> str:
    """Rows of a Parquet file; numbers as they are printed, where the file holds that."""
    return f"({observations_of(path)})"


def text_names(names: Sequence[str], prefix: str = "") -> str:
    """Column names, quoted."""
    return ", ".join(f'{prefix}"{name}"' for name in names)


def text_sql(names: Sequence[str]) -> str:
    """Columns as text, under their names."""
    return ", ".join(f'CAST("{name}" AS VARCHAR) AS "{name}"' for name in names)


def same_sql(names: Sequence[str], one: str, other: str) -> str:
    """Whether two rows have the same key."""
    return " AND ".join(f'{one}."{name}" IS NOT DISTINCT FROM {other}."{name}"' for name in names)


def order_sql(dataflow: Dataflow, prefix: str = "") -> str:
    """Order of observations: by series, then by period."""
    return text_names(key_of(dataflow), prefix)
