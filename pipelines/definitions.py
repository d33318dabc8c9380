"""The Dagster code location: assets, checks, jobs, sensors and the schedule.

The sensors run as soon as the code location is open: a file is received on purpose, what they start gives the
same tables as ``ilms run``, and locks keep the two apart. The nightly release is off until somebody switches it
on, because it publishes.
"""

import os
from collections.abc import Iterator
from datetime import UTC

import dagster as dg

from pipelines import run, sensors
from pipelines.assets import ASSETS, DataFolder, TableReferences, stopped
from pipelines.dagster_home import withhold_error_texts
from pipelines.events import AREA_TABLES, AREA_YEARS, ROUNDS
from pipelines.intake import received_rounds
from pipelines.rounds import ROUND_TABLES

withhold_error_texts()

round_job = dg.define_asset_job(
    "process_round",
    selection=list(ROUND_TABLES),
    executor_def=dg.in_process_executor,
    description="One survey round, from the received file to its estimates.",
)
area_job = dg.define_asset_job(
    "process_area_year",
    selection=list(AREA_TABLES),
    executor_def=dg.in_process_executor,
    description="One area and year: annual averages, one source per figure, protection.",
)
release_job = dg.define_asset_job(
    "publish_release",
    selection=["release"],
    executor_def=dg.in_process_executor,
    description="A release of everything that is protected.",
)


@dg.sensor(
    job=round_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run for every received file whose tables are not made yet.",
)
def received_files(context: dg.SensorEvaluationContext, folder: DataFolder) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a run per round whose file, specification or code is new."""
    home = folder.home()
    _add_partitions(context.instance, ROUNDS, received_rounds(home))
    candidates = sensors.due_rounds(home, context.log.warning)
    yield from _or_skip(
        sensors.requests(context.instance, candidates, context.log.warning),
        "every received file has its tables, or a run that makes them",
    )


@dg.sensor(
    job=area_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run for every area and year whose rounds have new estimates.",
)
def changed_area_years(
    context: dg.SensorEvaluationContext, folder: DataFolder
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a run per area and year whose valid rounds have new estimates, once none of them is under way."""
    home = folder.home()
    waiting = sensors.under_way(context.instance) & set(received_rounds(home))
    candidates = sensors.due_area_years(home, waiting)
    _add_partitions(context.instance, AREA_YEARS, [candidate.partition for candidate in candidates])
    yield from _or_skip(
        sensors.requests(context.instance, candidates, context.log.warning),
        "every area and year has its tables, or waits for a run under way",
    )


def _add_partitions(instance: dg.DagsterInstance, name: str, keys: list[str] | tuple[str, ...]) -> None:
    new = sorted(set(keys) - set(instance.get_dynamic_partitions(name)))
    if new:
        instance.add_dynamic_partitions(name, new)


def _or_skip(requests: Iterator[dg.RunRequest], reason: str) -> Iterator[dg.RunRequest | dg.SkipReason]:
    asked = list(requests)
    yield from asked
    if not asked:
        yield dg.SkipReason(reason)


@dg.schedule(
    job=release_job,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="A release every night, if something is new. Off until it is switched on: it publishes.",
)
def nightly_release(context: dg.ScheduleEvaluationContext, folder: DataFolder) -> dg.RunRequest | dg.SkipReason:
    """Ask for a release that bears the scheduled day; none while a round or an area is stopped."""
    home = folder.home()
    held_up = stopped(home)
    if held_up:
        return dg.SkipReason("; ".join(held_up))
    if not run.stored_areas(home):
        return dg.SkipReason("no area and year has protected estimates yet")
    day = context.scheduled_execution_time.astimezone(UTC).date().isoformat()
    return dg.RunRequest(run_config={"ops": {"release": {"config": {"release_date": day}}}})


_folder = DataFolder(
    root=os.environ.get("ILMS_HOME") or "var",
    specs=[folder for folder in os.environ.get("ILMS_SPECS", "").split(os.pathsep) if folder],
)

defs = dg.Definitions(
    assets=ASSETS,
    jobs=[round_job, area_job, release_job],
    sensors=[received_files, changed_area_years],
    schedules=[nightly_release],
    resources={"folder": _folder, "io_manager": TableReferences(folder=_folder)},
)
