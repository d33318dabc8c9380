"""Reports of ``ilms run`` to Dagster: the same materialisations and check results as a run in its UI."""

from collections.abc import Sequence

import dagster as dg
import sqlalchemy

from pipelines.dagster_home import prepare_dagster
from pipelines.home import Home
from pipelines.metadata import CHECK, check_metadata, release_metadata, table_metadata
from pipelines.rounds import ROUND_TABLES
from pipelines.storage import Table, current
from sdmx_out.releases.release import ReleaseResult

AREA_TABLES = ("area_estimates", "protected_estimates")
ROUNDS = "survey_rounds"
AREA_YEARS = "area_years"

_ORDER = (*ROUND_TABLES, *AREA_TABLES)


def report_tables(home: Home, tables: Sequence[Table]) -> None:
    """Report tables made outside Dagster as runless events.

    A table that its checks refused has no materialisation, only its failed check. Tables of the same partitions
    that Dagster was never told of, such as what ``ilms receive`` read, are reported with them.
    """
    prepare_dagster(home)
    with home.lock("dagster"), dg.DagsterInstance.get() as instance:
        for name, members in ((ROUNDS, ROUND_TABLES), (AREA_YEARS, AREA_TABLES)):
            keys = sorted({table.partition for table in tables if table.name in members})
            if keys:
                instance.add_dynamic_partitions(name, keys)
        everything = [*tables, *_untold_above(instance, home, tables)]
        # A table that is reported before the one it is made from looks out of date.
        for table in sorted(everything, key=lambda table: (_ORDER.index(table.name), table.partition)):
            _report(instance, table)


def _report(instance: dg.DagsterInstance, table: Table) -> None:
    key = dg.AssetKey(table.name)
    if table.is_valid:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(key, partition=table.partition, metadata=table_metadata(table))
        )
    _forget_check(instance, key, table.partition)
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=CHECK,
            passed=table.is_valid,
            metadata=check_metadata(table),
            partition=table.partition,
            blocking=True,
        )
    )


def _forget_check(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str) -> None:
    """Remove the last runless verdict on a partition: Dagster 1.13 keeps one, and refuses a second by a unique index.

    The event log keeps the history of verdicts. Dagster offers no call for this; it is the one place that reaches
    into its storage, and a test reports twice.
    """
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        connection.execute(
            sqlalchemy.text(
                "DELETE FROM asset_check_executions "
                "WHERE asset_key = :asset AND check_name = :name AND run_id = '' AND partition = :partition"
            ),
            {"asset": key.to_string(), "name": CHECK, "partition": partition},
        )


def _untold_above(instance: dg.DagsterInstance, home: Home, tables: Sequence[Table]) -> list[Table]:
    """Return the valid tables in force above the given ones, in the same partitions, that Dagster does not know."""
    found = []
    for members in (ROUND_TABLES, AREA_TABLES):
        first: dict[str, int] = {}
        for table in tables:
            if table.name in members:
                place = members.index(table.name)
                first[table.partition] = min(place, first.get(table.partition, place))
        for partition, place in first.items():
            above = [current(home.store, name, partition) for name in members[:place]]
            found += [table for table in above if table and table.is_valid and not _is_told(instance, table)]
    return found


def _is_told(instance: dg.DagsterInstance, table: Table) -> bool:
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(table.name), asset_partitions=[table.partition])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        told = record.asset_materialization.metadata.get("input_hash") if record.asset_materialization else None
        return told is not None and told.value == table.input_hash
    return False


def report_release(home: Home, made: ReleaseResult) -> None:
    """Report a release made outside Dagster."""
    prepare_dagster(home)
    with home.lock("dagster"), dg.DagsterInstance.get() as instance:
        event = dg.AssetMaterialization(dg.AssetKey("release"), metadata=release_metadata(made))
        instance.report_runless_asset_event(event)
