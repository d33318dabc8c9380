"""What to do to the data of the release before to have those of this one, as SDMX-CSV 2.0 with its ACTION column.

Here belongs which action an observation takes. SDMX 3.0 says: Replace puts the whole observation in the place of what
is there, or adds it; Delete takes away what its filled dimensions name; Append and Merge leave alone what they do not
name, and so can never empty a value. Hence R for what is new or differs in any component, and D for what is gone. A
value that is hidden or withdrawn is an R row without it: the value of before stands in no delta. No row of a file
depends on another, so that they may be taken in any order. When an observation changed is said in ``vintages``.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import duckdb

from sdmx_out.csv_text import csv_line, line_sql, literal, stream_lines
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.releases.vintages import (
    Earlier,
    fingerprints,
    has_same_key,
    key_of,
    order_sql,
    read_sql,
    same_sql,
    text_sql,
    types_of,
)
from sdmx_out.releases.withdrawn import Withdrawal

#: Where a release has them, one file per dataflow that changed.
FOLDER = "data/delta"
REPLACE, DELETE = "R", "D"
_HEAD = ("STRUCTURE", "STRUCTURE_ID", "ACTION")


def lines(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    query: str,
    earlier: Earlier | None,
    withdrawals: Sequence[Withdrawal] = (),
) -> Iterator[str] | None:
    """Header line, then one line per observation that is new, differs or is gone, in the order of the key.

    A series of which nothing is left is one D row without a period: it takes away the series' attributes as well. A
    dataflow that the release before did not have consists of R rows.

    Args:
        connection: of the query; it may read the earlier release's folder.
        dataflow: whose observations they are.
        query: one text column per component.
        earlier: the dataflow in the release before, or None.
        withdrawals: of this indicator. Those made since the release before came out changed that release as well, so
            that nothing differs; who fetched it before that still needs the rows that empty the values.

    Returns:
        None where nothing differs, and where the dataflow now has other dimensions: its observations are not those of
        before, and have to be taken as a whole.
    """
    if earlier is not None and not has_same_key(connection, dataflow, earlier):
        return None
    names = [item.id for item in dataflow.components]
    rows = _replaced_sql(connection, dataflow, query, earlier, withdrawals)
    if earlier is not None:
        rows += f" UNION ALL {_deleted_sql(dataflow, query, earlier)}"
    fields = [literal("dataflow"), literal(dataflow.reference), "action", *(f'"{name}"' for name in names)]
    ordered = f"SELECT {line_sql(fields)} FROM ({rows}) ORDER BY {order_sql(dataflow)}"
    found = stream_lines(connection, [*_HEAD, *names], ordered)
    header, first = next(found), next(found, None)
    return None if first is None else chain((header, first), found)


def gone_lines(reference: str) -> Iterator[str]:
    """Lines for a dataflow that the release has no more: one D row that names no dimension takes away all of it.

    Args:
        reference: the dataflow as SDMX-CSV names it, e.g. ``ILO:DF_MST_XWAP_SEX_AGE_CBR_NB(1.0)``.
    """
    yield csv_line(_HEAD)
    yield csv_line(("dataflow", reference, DELETE))


def _replaced_sql(
    connection: duckdb.DuckDBPyConnection,
    dataflow: Dataflow,
    query: str,
    earlier: Earlier | None,
    withdrawals: Sequence[Withdrawal],
) -> str:
    names = [item.id for item in dataflow.components]
    if earlier is None:
        return f"SELECT '{REPLACE}' AS action, {text_sql(names)} FROM ({query})"
    now, before = fingerprints(dataflow, types_of(connection, earlier.observations))
    since = [item for item in withdrawals if item.withdrawn_on >= earlier.released.isoformat()]
    emptied = "".join(f" OR {_emptied_sql(dataflow, item)}" for item in since)
    return (
        f"SELECT '{REPLACE}' AS action, {text_sql(names)} FROM (SELECT *, {now} AS fingerprint FROM ({query})) l "
        f"LEFT JOIN (SELECT {before} AS fingerprint, true AS is_known FROM {read_sql(earlier.observations)}) e "
        f"USING (fingerprint) WHERE is_known IS NULL{emptied}"
    )


def _emptied_sql(dataflow: Dataflow, item: Withdrawal) -> str:
    """Observations that a withdrawal covers and that have no value."""
    named = {"REF_AREA": item.ref_area, dataflow.time.id: item.time}
    parts = [
        f'"{dataflow.measure.id}" IS NULL',
        *(f'"{name}" = {literal(code)}' for name, code in named.items() if code),
    ]
    return f"({' AND '.join(parts)})"


def _deleted_sql(dataflow: Dataflow, query: str, earlier: Earlier) -> str:
    key, series = key_of(dataflow), [item.id for item in dataflow.dimensions]
    time = dataflow.time.id
    is_left = f"EXISTS (SELECT 1 FROM later s WHERE {same_sql(series, 'g', 's')})"
    empty = [item.id for item in (dataflow.measure, *dataflow.attributes)]
    columns = [
        *(f'g."{name}"' for name in series),
        f'CASE WHEN {is_left} THEN g."{time}" END AS "{time}"',
        *(f'CAST(NULL AS VARCHAR) AS "{name}"' for name in empty),
    ]
    return (
        f"(WITH later AS (SELECT {text_sql(key)} FROM ({query})), "
        f"gone AS (SELECT {text_sql(key)} FROM {read_sql(earlier.observations)} b "
        f"WHERE NOT EXISTS (SELECT 1 FROM later l WHERE {same_sql(key, 'b', 'l')})) "
        f"SELECT DISTINCT '{DELETE}' AS action, {', '.join(columns)} FROM gone g)"
    )
