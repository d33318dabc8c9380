"""The Dagster assets: one per table, partitioned by survey round or by area and year.

An asset's body calls the one function of ``rounds`` or ``areas`` that makes its table. Upstream tables are
its arguments, as references (folder, hash, figures), never as frames. Preview APIs of Dagster stand here only.
"""

from datetime import date
from pathlib import Path

import dagster as dg

from pipelines import areas, rounds, run
from pipelines.events import AREA_YEARS, ROUNDS
from pipelines.home import Home
from pipelines.intake import latest_receipt
from pipelines.metadata import CHECK, check_metadata, table_metadata
from pipelines.storage import Table, current

survey_rounds = dg.DynamicPartitionsDefinition(name=ROUNDS)
area_years = dg.DynamicPartitionsDefinition(name=AREA_YEARS)


class DataFolder(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The data folder and the specification folders.

    Attributes:
        root: data folder.
        specs: folders of survey specifications outside the package.
    """

    root: str
    specs: list[str] = []

    def home(self) -> Home:
        """Return the data folder, made if it is missing."""
        home = Home(Path(self.root).absolute(), tuple(Path(folder).absolute() for folder in self.specs))
        home.prepare()
        return home


class TableReferences(dg.ConfigurableIOManager):
    """Gives an asset its upstream table as a reference to what is stored; stores nothing itself."""

    folder: dg.ResourceDependency[DataFolder]

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Do nothing: tables are stored by the functions that make them."""

    def load_input(self, context: dg.InputContext) -> Table:
        """Return the reference to the table in force of the same partition.

        Raises:
            dg.Failure: there is none, or its checks refused it.
        """
        name = context.asset_key.path[-1]
        table = current(self.folder.home().store, name, context.partition_key)
        if table is None or not table.is_valid:
            raise dg.Failure(f"{name} of {context.partition_key} is missing or was refused by its checks")
        return table


def _result(table: Table) -> dg.MaterializeResult:  # type: ignore[type-arg]
    check = dg.AssetCheckResult(passed=table.is_valid, check_name=CHECK, metadata=check_metadata(table))
    return dg.MaterializeResult(metadata=table_metadata(table), check_results=[check])


def _check(name: str) -> list[dg.AssetCheckSpec]:
    described = "Rules that must hold; an error stops the round, a warning is recorded."
    return [dg.AssetCheckSpec(CHECK, asset=name, blocking=True, description=described)]


@dg.asset(partitions_def=survey_rounds, group_name="survey_round", kinds={"parquet"}, check_specs=_check("raw_extract"))
def raw_extract(context: dg.AssetExecutionContext, folder: DataFolder) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """One row per row of the received file: national variables and codes as text, nothing renamed."""
    this = rounds.open_round(folder.home(), context.partition_key)
    receipt = latest_receipt(this.home, this.identifier)
    if receipt is None:
        raise dg.Failure(f"no file of {this.identifier} was received")
    with this.home.lock(this.identifier):
        return _result(rounds.raw_extract(this, receipt, context.log.info))


@dg.asset(
    partitions_def=survey_rounds, group_name="survey_round", kinds={"duckdb"}, check_specs=_check("harmonised_persons")
)
def harmonised_persons(
    context: dg.AssetExecutionContext, folder: DataFolder, raw_extract: Table
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """One row per person: ICLS concepts in ILOSTAT codes, weight, stratum and PSU."""
    this = rounds.open_round(folder.home(), context.partition_key)
    with this.home.lock(this.identifier):
        return _result(rounds.harmonised_persons(this, raw_extract, context.log.info))


@dg.asset(partitions_def=survey_rounds, group_name="survey_round", kinds={"duckdb"}, check_specs=_check("psu_totals"))
def psu_totals(
    context: dg.AssetExecutionContext, folder: DataFolder, harmonised_persons: Table
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Universe x cell x stratum x PSU: weighted sums and counts (restricted)."""
    this = rounds.open_round(folder.home(), context.partition_key)
    with this.home.lock(this.identifier):
        return _result(rounds.psu_totals(this, harmonised_persons, context.log.info))


@dg.asset(
    partitions_def=survey_rounds, group_name="survey_round", kinds={"duckdb"}, check_specs=_check("round_estimates")
)
def round_estimates(context: dg.AssetExecutionContext, folder: DataFolder, psu_totals: Table) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Survey x indicator x period x cell: value, standard error, limits, n, status and reason."""
    this = rounds.open_round(folder.home(), context.partition_key)
    with this.home.lock(this.identifier):
        return _result(rounds.round_estimates(this, psu_totals, context.log.info))


@dg.asset(
    partitions_def=area_years,
    group_name="area_year",
    kinds={"duckdb"},
    check_specs=_check("area_estimates"),
    deps=[dg.AssetDep(name, partition_mapping=dg.AllPartitionMapping()) for name in ("psu_totals", "round_estimates")],
)
def area_estimates(context: dg.AssetExecutionContext, folder: DataFolder) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Area x indicator x period x cell: rounds and annual averages, one source each."""
    home = folder.home()
    members = areas.area_years(home).get(context.partition_key)
    if members is None:
        raise dg.Failure(f"no valid round of {context.partition_key}")
    with home.lock(context.partition_key):
        return _result(areas.area_estimates(home, context.partition_key, members, context.log.info))


@dg.asset(
    partitions_def=area_years, group_name="area_year", kinds={"duckdb"}, check_specs=_check("protected_estimates")
)
def protected_estimates(
    context: dg.AssetExecutionContext, folder: DataFolder, area_estimates: Table
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """What may be seen outside: published cells, and the status of those that are not."""
    home = folder.home()
    members = areas.area_years(home)[context.partition_key]
    with home.lock(context.partition_key):
        return _result(areas.protected_estimates(home, context.partition_key, area_estimates, members))


class ReleaseConfig(dg.Config):
    """What a release is dated.

    Attributes:
        release_date: ISO date; today where it is empty.
    """

    release_date: str = ""


@dg.asset(
    group_name="release",
    kinds={"sdmx"},
    deps=[dg.AssetDep("protected_estimates", partition_mapping=dg.AllPartitionMapping())],
)
def release(folder: DataFolder, config: ReleaseConfig) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """An immutable folder: structures, data, tables, table of contents and provenance."""
    home = folder.home()
    day = date.fromisoformat(config.release_date) if config.release_date else date.today()  # noqa: DTZ011
    made = run.release(home, run.stored_areas(home), day, "default")
    if made is None:
        raise dg.Failure("no protected table of a national or synthetic survey is stored")
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(str(made.folder)),
            "is_new": made.is_new,
            "indicators": made.indicators,
            "areas": made.areas,
            "dagster/row_count": made.rows,
        }
    )


ASSETS = [
    raw_extract,
    harmonised_persons,
    psu_totals,
    round_estimates,
    area_estimates,
    protected_estimates,
    release,
]
