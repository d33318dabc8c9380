"""Reports of ``ilms run`` to Dagster: the same materialisations and check results as a run in its UI."""

from collections.abc import Sequence

import dagster as dg

from pipelines.dagster_home import prepare_dagster
from pipelines.home import Home
from pipelines.metadata import CHECK, check_metadata, table_metadata
from pipelines.rounds import ROUND_TABLES
from pipelines.storage import Table

AREA_TABLES = ("area_estimates", "protected_estimates")
ROUNDS = "survey_rounds"
AREA_YEARS = "area_years"


def report_tables(home: Home, tables: Sequence[Table]) -> None:
    """Report tables made outside Dagster as runless events.

    A table that its checks refused has no materialisation, only its failed check.
    """
    prepare_dagster(home)
    # Two processes that meet an empty DAGSTER_HOME would both create its databases.
    with home.lock("dagster"), dg.DagsterInstance.get() as instance:
        for name, members in ((ROUNDS, ROUND_TABLES), (AREA_YEARS, AREA_TABLES)):
            keys = sorted({table.partition for table in tables if table.name in members})
            if keys:
                instance.add_dynamic_partitions(name, keys)
        for table in tables:
            key = dg.AssetKey(table.name)
            if table.is_valid:
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(key, partition=table.partition, metadata=table_metadata(table))
                )
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
