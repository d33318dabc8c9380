"""The Dagster assets: one per table, partitioned by survey round or by area and year.

An asset's body calls the one function of ``rounds`` or ``areas`` that makes its table. Upstream tables are
its arguments, as references (folder, hash, figures), never as frames. Preview APIs of Dagster stand here only.
"""

import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TypeVar

import dagster as dg

from pipelines import absentees, areas, protected, rounds, run
from pipelines.events import AREA_TABLES, AREA_YEARS, ROUNDS
from pipelines.home import Home
from pipelines.intake import latest_receipt
from pipelines.metadata import CHECK, check_metadata, refusal, release_metadata, table_metadata
from pipelines.report import write_round_report
from pipelines.storage import Table, current, partitions
from schemas.errors import ProblemsError
from sdmx_out.releases.release import ReleaseResult
from transforms.progress import Progress

Result = TypeVar("Result")
Told = Iterator[dg.AssetCheckResult | dg.MaterializeResult]  # type: ignore[type-arg]

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


def without_values(make: Callable[[], Result]) -> Result:
    """Return what ``make`` returns; what it raises becomes a failure that holds no person's value.

    The text of a problem of ours is kept: it names rules, files and counts. Of any other error only its kind and
    place are told, because libraries quote values.

    Raises:
        dg.Failure: ``make`` raised.
    """
    try:
        return make()
    except dg.Failure:
        raise
    except ProblemsError as error:
        told = str(error)
    except Exception as error:
        told = run.unexpected(error)
    raise dg.Failure(told)


def _tell(table: Table) -> Told:
    """Yield a table's check and, if it passed, its materialisation.

    A refused table has only its failed check, and the step fails: nothing downstream runs, and its partition is
    not shown as materialised. ``events.report_tables`` tells the same.
    """
    check = dg.AssetCheckResult(passed=table.is_valid, check_name=CHECK, metadata=check_metadata(table))
    if table.is_valid:
        yield dg.MaterializeResult(metadata=table_metadata(table), check_results=[check])
        return
    yield check
    raise dg.Failure(refusal(table), metadata=check_metadata(table), allow_retries=False)


def _round_table(
    context: dg.AssetExecutionContext, folder: DataFolder, make: Callable[[rounds.Round, Progress], Table]
) -> Told:
    """Make one table of the round that is this partition, keep the round's report, and tell Dagster."""

    def made() -> Table:
        this = rounds.open_round(folder.home(), context.partition_key)
        with this.home.lock(this.identifier):
            table = make(this, context.log.info)
            if table.name == rounds.ROUND_TABLES[-1] or not table.is_valid:
                write_round_report(this.home, this.identifier, _result_until(this, table))
        return table

    yield from _tell(without_values(made))


def _result_until(this: rounds.Round, last: Table) -> rounds.RoundResult:
    names = rounds.ROUND_TABLES[: rounds.ROUND_TABLES.index(last.name)]
    before = [current(this.home.store, name, this.identifier) for name in names]
    return rounds.RoundResult(this.identifier, (*(table for table in before if table is not None), last))


def _check(name: str, of: dg.PartitionsDefinition[str]) -> list[dg.AssetCheckSpec]:
    described = "Rules that must hold (edit rules of the specification, table contract, published totals). "
    described += "An error stops the round; a warning is recorded."
    with warnings.catch_warnings():
        # Without its own partitions a check shows only the result of whichever round came last.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [dg.AssetCheckSpec(CHECK, asset=name, blocking=True, description=described, partitions_def=of)]


@dg.asset(
    partitions_def=survey_rounds,
    group_name="survey_round",
    kinds={"parquet"},
    check_specs=_check("raw_extract", survey_rounds),
)
def raw_extract(context: dg.AssetExecutionContext, folder: DataFolder) -> Told:
    """One row per person of the received files: national variables and codes as text, nothing renamed.

    Restricted: rows of persons. Its check says that every file was read from end to end and holds the declared
    variables. Of its figures, `rows` and `columns` are those of the file, `sha256` is the file's hash.
    """

    def make(this: rounds.Round, progress: Progress) -> Table:
        receipt = latest_receipt(this.home, this.identifier)
        if receipt is None:
            raise dg.Failure(f"no file of {this.identifier} was received; receive it first: ilms receive")
        return rounds.raw_extract(this, receipt, progress)

    yield from _round_table(context, folder, make)


@dg.asset(
    partitions_def=survey_rounds,
    group_name="survey_round",
    kinds={"duckdb"},
    check_specs=_check("harmonised_persons", survey_rounds),
)
def harmonised_persons(context: dg.AssetExecutionContext, folder: DataFolder, raw_extract: Table) -> Told:
    """One row per person: ICLS concepts in ILOSTAT codes, weight, stratum and PSU.

    Restricted: rows of persons. A source code without a mapping stops the round here.

    Figures of the whole round: `weight_total` is the sum of the weights, that is, the population that the sample
    stands for; `excluded` rows are kept out of every estimate (weight zero, no interview); `non_residents` are not
    counted in the resident population; `psus` and `strata` are those of the full sample.
    """
    yield from _round_table(
        context, folder, lambda this, progress: rounds.harmonised_persons(this, raw_extract, progress)
    )


@dg.asset(
    partitions_def=survey_rounds,
    group_name="survey_round",
    kinds={"duckdb"},
    check_specs=_check("harmonised_absentees", survey_rounds),
)
def harmonised_absentees(
    context: dg.AssetExecutionContext, folder: DataFolder, raw_extract: Table, harmonised_persons: Table
) -> Told:
    """One row per member of a household who lives in another country, as told by the household that stayed.

    Restricted: rows of persons. Empty where the survey lists nobody (`is_listed`). Households that left as a whole are
    not seen: every figure is a lower bound.
    """
    yield from _round_table(
        context,
        folder,
        lambda this, progress: absentees.harmonised_absentees(this, raw_extract, harmonised_persons, progress),
    )


@dg.asset(
    partitions_def=survey_rounds,
    group_name="survey_round",
    kinds={"duckdb"},
    check_specs=_check("psu_totals", survey_rounds),
)
def psu_totals(
    context: dg.AssetExecutionContext, folder: DataFolder, harmonised_persons: Table, harmonised_absentees: Table
) -> Told:
    """Cube x base codes x sampling unit: weighted sums and counts.

    Restricted. Estimates, standard errors, averages over rounds and changes are computed from it; `cubes` is the number
    of cross-classifications, `units` that of PSUs in the full sample.
    """
    yield from _round_table(
        context,
        folder,
        lambda this, progress: rounds.psu_totals(this, harmonised_persons, harmonised_absentees, progress),
    )


@dg.asset(
    partitions_def=survey_rounds,
    group_name="survey_round",
    kinds={"duckdb"},
    check_specs=_check("round_estimates", survey_rounds),
)
def round_estimates(
    context: dg.AssetExecutionContext, folder: DataFolder, harmonised_persons: Table, psu_totals: Table
) -> Told:
    """Survey x indicator x period x cell: value, standard error, limits, n, status and reason.

    Internal: `unreliable` and `not_published` count cells that are marked as such, not yet removed. Medians are made
    from persons, all other figures from psu_totals.
    """
    yield from _round_table(
        context,
        folder,
        lambda this, progress: rounds.round_estimates(this, harmonised_persons, psu_totals, progress),
    )


@dg.asset(
    partitions_def=area_years,
    group_name="area_year",
    kinds={"duckdb"},
    check_specs=_check("area_estimates", area_years),
    deps=[
        dg.AssetDep(name, partition_mapping=dg.AllPartitionMapping())
        for name in ("harmonised_persons", "psu_totals", "round_estimates")
    ],
)
def area_estimates(context: dg.AssetExecutionContext, folder: DataFolder) -> Told:
    """Area x indicator x period x cell: the rounds' figures, averages over rounds and changes, one source each.

    Internal. Of two sources for one figure the one of lower declared precedence is taken; a tie is refused.
    """

    def made() -> Table:
        home = folder.home()
        members = areas.area_years(home).get(context.partition_key)
        if members is None:
            raise dg.Failure(f"{context.partition_key} has no round with valid estimates")
        with home.lock(context.partition_key):
            return areas.area_estimates(home, context.partition_key, members, context.log.info)

    yield from _tell(without_values(made))


@dg.asset(
    partitions_def=area_years,
    group_name="area_year",
    kinds={"duckdb"},
    check_specs=_check("protected_estimates", area_years),
)
def protected_estimates(context: dg.AssetExecutionContext, folder: DataFolder, area_estimates: Table) -> Told:
    """What may be seen outside: published cells, and for the others their status without a value.

    Releases are made from this table alone. `not_published` counts the cells without a value, `tables_refused`
    the indicators and periods that are too unreliable as a whole.
    """

    def made() -> Table:
        home = folder.home()
        members = areas.area_years(home)[context.partition_key]
        with home.lock(context.partition_key):
            return protected.protected_estimates(home, context.partition_key, area_estimates, members)

    yield from _tell(without_values(made))


def stopped(home: Home) -> list[str]:
    """Return what holds a release up: rounds and area-years that their checks stopped, one line each."""
    found = list(areas.sort_rounds(home)[1].values())
    for partition in partitions(home.store, AREA_TABLES[0]):
        table = current(home.store, AREA_TABLES[0], partition)
        if table is not None and not table.is_valid:
            found.append(f"{partition}: was stopped at {table.name}")
    return found


class ReleaseConfig(dg.Config):
    """What is released, the date it bears, and who makes it.

    Attributes:
        release_date: ISO date; today where it is empty.
        is_partial: release what passed even if a round or an area was stopped.
        by: who makes it, as ``roles.toml`` names them; the user of this process where it is empty.
        formats: all, or tables for the tables and SDMX-CSV 1.0 only.
    """

    release_date: str = ""
    is_partial: bool = False
    by: str = ""
    formats: str = "all"


@dg.asset(
    group_name="release",
    kinds={"sdmx"},
    deps=[dg.AssetDep("protected_estimates", partition_mapping=dg.AllPartitionMapping())],
)
def release(folder: DataFolder, config: ReleaseConfig) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """An immutable folder: structures, data, tables, table of contents and provenance.

    Where roles are configured it is a candidate, and public only once somebody else has approved it
    (``ilms release approve``); ``state`` says which.

    Of national and synthetic surveys; test extracts are released by ``ilms run`` only, apart from these. Nothing
    is released while a round or an area is stopped by its checks, unless ``is_partial`` is set.
    """

    def made() -> ReleaseResult:
        home = folder.home()
        day = date.fromisoformat(config.release_date) if config.release_date else date.today()  # noqa: DTZ011
        held_up = stopped(home)
        if held_up and not config.is_partial:
            raise dg.Failure(f"no release: {'; '.join(held_up)}")
        result = run.release(
            home, run.stored_areas(home), day, "default", config.by or None, is_full=config.formats != "tables"
        )
        if result is None:
            raise dg.Failure("no protected table of a national or synthetic survey is stored")
        return result

    result = without_values(made)
    return dg.MaterializeResult(metadata={**release_metadata(result), "state": result.state, "id": result.identifier})


ASSETS = [
    raw_extract,
    harmonised_persons,
    harmonised_absentees,
    psu_totals,
    round_estimates,
    area_estimates,
    protected_estimates,
    release,
]
