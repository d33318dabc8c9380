"""The Dagster code location: assets, checks, jobs, sensors and the schedule."""

import os
from collections.abc import Iterator

import dagster as dg

from pipelines import areas
from pipelines.assets import ASSETS, DataFolder, TableReferences, area_years, survey_rounds
from pipelines.events import AREA_TABLES, ROUND_TABLES
from pipelines.intake import latest_receipt, received_rounds
from pipelines.rounds import open_round
from pipelines.storage import current, hash_of
from schemas.errors import ProblemsError

round_job = dg.define_asset_job(
    "process_round",
    selection=list(ROUND_TABLES),
    partitions_def=survey_rounds,
    executor_def=dg.in_process_executor,
    description="One survey round, from the received file to its estimates.",
)
area_job = dg.define_asset_job(
    "process_area_year",
    selection=list(AREA_TABLES),
    partitions_def=area_years,
    executor_def=dg.in_process_executor,
    description="One area and year: time rules, one source per figure, protection.",
)
release_job = dg.define_asset_job("publish_release", selection=["release"], executor_def=dg.in_process_executor)


@dg.sensor(job=round_job, minimum_interval_seconds=30, description="A run for every received file that has none yet.")
def received_files(context: dg.SensorEvaluationContext, folder: DataFolder) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a run per round whose file or specification is new: the run key is the hash of both."""
    home = folder.home()
    known = set(context.instance.get_dynamic_partitions(survey_rounds.name or ""))
    asked = False
    for identifier in received_rounds(home):
        receipt = latest_receipt(home, identifier)
        assert receipt is not None
        try:
            specification = open_round(home, identifier).spec.sha256
        except ProblemsError:
            context.log.warning(f"{identifier}: its survey has no specification that passes")
            continue
        if identifier not in known:
            context.instance.add_dynamic_partitions(survey_rounds.name or "", [identifier])
        key = hash_of(identifier, receipt.sha256, specification)
        asked = True
        yield dg.RunRequest(run_key=key, partition_key=identifier)
    if not asked:
        yield dg.SkipReason("no file was received that has no run")


@dg.sensor(job=area_job, minimum_interval_seconds=60, description="A run for every area and year whose rounds changed.")
def changed_area_years(
    context: dg.SensorEvaluationContext, folder: DataFolder
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a run per area and year whose valid rounds have new estimates."""
    home = folder.home()
    found = areas.area_years(home)
    if found:
        context.instance.add_dynamic_partitions(area_years.name or "", list(found))
    for partition, rounds in found.items():
        tables = [current(home.store, "round_estimates", identifier) for identifier in rounds]
        hashes = [table.input_hash for table in tables if table is not None]
        yield dg.RunRequest(run_key=hash_of(partition, hashes), partition_key=partition)
    if not found:
        yield dg.SkipReason("no round has estimates yet")


nightly_release = dg.ScheduleDefinition(
    name="nightly_release",
    job=release_job,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    description="A release of what is protected; a release is made only when something is new.",
)

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
