"""The Dagster code location: runs in process over small invented rounds, sensors, reports of ``ilms run``."""

import csv
import logging
import logging.config
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from fixtures.extracts import write_round
from fixtures.generate import DEFAULT_SEED, generate_parts
from pipelines import definitions, rounds, run, sensors
from pipelines.assets import ASSETS, DataFolder, TableReferences
from pipelines.events import report_release, report_tables
from pipelines.findings import finding
from pipelines.home import Home
from pipelines.intake import latest_receipt, receive
from pipelines.metadata import findings_list
from pipelines.rounds import ROUND_TABLES, open_round
from pipelines.storage import Built, Table, current, hash_of, obtain
from schemas.periods import Period

SPECIFICATION = Path(__file__).parents[2] / "schemas/surveys/XAA/LFS"
CANARY = "QZX7J"
GOOD, REFUSED = "XAA_CSV_2024-Q1", "XAA_CSV_2024-Q2"
DAY = "2026-11-23"


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of specifications: XAA's survey as it would be for csv files."""
    folder = tmp_path_factory.mktemp("specs")
    shutil.copytree(SPECIFICATION, folder / "XAA/CSV")
    toml = folder / "XAA/CSV/survey.toml"
    text = toml.read_text(encoding="utf-8").replace('id = "LFS"', 'id = "CSV"').replace('"sav"', '"csv"')
    toml.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One csv file per round; in one of them a country of birth that no mapping knows."""
    folder, made = tmp_path_factory.mktemp("files"), {}
    for identifier in (GOOD, REFUSED):
        period = identifier.rpartition("_")[2]
        parts = generate_parts("XAA_LFS", period, 1500, DEFAULT_SEED)
        (made[identifier],), _ = write_round(parts, folder, identifier, "csv")
    rows = list(csv.reader(made[REFUSED].open(encoding="utf-8", newline="")))
    rows[5][rows[0].index("M01_PAISNAC")] = CANARY
    with made[REFUSED].open("w", encoding="utf-8", newline="") as target:
        csv.writer(target, lineterminator="\n").writerows(rows)
    return made


@pytest.fixture
def home(tmp_path: Path, specs: Path) -> Home:
    made = Home(tmp_path / "home", (specs,))
    made.prepare()
    return made


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "instance").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "instance")) as made:
        yield made


def take(home: Home, identifier: str, file: Path, *, supersede: bool = False) -> None:
    this = open_round(home, identifier)
    period = Period.parse(identifier.rpartition("_")[2])
    receive(
        home, this.spec, period, [file], supersede=supersede, read=lambda receipt: rounds.raw_extract(this, receipt)
    )


def resources(home: Home) -> dict[str, object]:
    folder = DataFolder(root=str(home.root), specs=[str(path) for path in home.spec_dirs])
    return {"folder": folder, "io_manager": TableReferences(folder=folder)}


def execute(
    home: Home, instance: dg.DagsterInstance, job: str, partition: str | None = None, **more: object
) -> dg.ExecuteInProcessResult:
    known = {"process_round": "survey_rounds", "process_area_year": "area_years"}
    if partition:
        instance.add_dynamic_partitions(known[job], [partition])
    return definitions.defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=partition, resources=resources(home), raise_on_error=False, **more
    )


def fake_tables(home: Home, identifier: str, *, refused_at: str = "", name: str = "") -> None:
    """Store verdicts without data, as if the round had been processed."""
    receipt = latest_receipt(home, identifier)
    assert receipt is not None
    origin = {"file_sha256": receipt.sha256, "specification_sha256": open_round(home, identifier).spec.sha256}
    for table in ROUND_TABLES[1:]:
        found = (finding("CODE_UNMAPPED", table, "one code", count=1),) if table == refused_at else ()
        obtain(home.store, table, identifier, hash_of(table, name, origin), lambda _, f=found: Built(f, origin))
        if found:
            return


def materialised(instance: dg.DagsterInstance, name: str) -> set[str]:
    return set(instance.get_materialized_partitions(dg.AssetKey(name)))


def check_of(instance: dg.DagsterInstance, name: str, partition: str) -> dg.AssetCheckEvaluation:
    key = dg.AssetCheckKey(dg.AssetKey(name), "rules")
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=20)
    events = [record.event.dagster_event.event_specific_data for record in records if record.event]
    done = [event for event in events if isinstance(event, dg.AssetCheckEvaluation)]
    return next(event for event in done if event.partition == partition)


def everything_kept(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.slow
def test_run_of_a_round_shows_its_tables_and_checks(
    home: Home, instance: dg.DagsterInstance, files: dict[str, Path]
) -> None:
    take(home, GOOD, files[GOOD])
    result = execute(home, instance, "process_round", GOOD)
    assert result.success
    for name in ROUND_TABLES:
        assert materialised(instance, name) == {GOOD}
        assert check_of(instance, name, GOOD).passed
    shown = result.asset_materializations_for_node("harmonised_persons")[0].metadata
    persons = current(home.store, "harmonised_persons", GOOD)
    assert persons is not None
    for fact in ("rows", "weight_total", "psus", "strata"):
        assert shown[fact].value == round(persons.facts[fact], 3)
    assert list(shown)[:2] == ["rows", "weight_total"]
    assert shown["dagster/row_count"].value == persons.facts["rows"]
    assert "- **warning** `" in shown["findings"].value
    assert (home.reports / GOOD / "report.json").is_file()

    area = execute(home, instance, "process_area_year", "XAA_2024")
    assert area.success
    assert materialised(instance, "protected_estimates") == {"XAA_2024"}
    config = {"ops": {"release": {"config": {"release_date": DAY, "formats": "tables"}}}}
    released = execute(home, instance, "publish_release", run_config=config)
    assert released.success
    metadata = released.asset_materializations_for_node("release")[0].metadata
    assert metadata["is_new"].value is True
    assert Path(str(metadata["folder"].value)).name.startswith(DAY)


def test_refused_table_stops_what_follows_and_is_not_shown_as_made(
    home: Home, instance: dg.DagsterInstance, files: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    take(home, REFUSED, files[REFUSED])
    result = execute(home, instance, "process_round", REFUSED)
    assert not result.success
    assert materialised(instance, "raw_extract") == {REFUSED}
    for name in ("harmonised_persons", "psu_totals", "round_estimates"):
        assert materialised(instance, name) == set()
    check = check_of(instance, "harmonised_persons", REFUSED)
    assert not check.passed
    assert check.metadata["errors"].value == 1
    assert "CODE_UNMAPPED" in check.metadata["findings"].value
    started = {event.step_key for event in result.all_events if event.event_type_value == "STEP_START"}
    assert started == {"raw_extract", "harmonised_persons"}
    failure = result.failure_data_for_node("harmonised_persons")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "was refused" in str(failure.user_failure_data.description)
    assert (home.reports / REFUSED / "report.json").is_file()
    kept = everything_kept(tmp_path / "instance")
    assert REFUSED.encode() in kept, "the search looks at the right files"
    assert CANARY.encode() not in kept
    out, err = capfd.readouterr()
    assert CANARY not in out + err


def test_text_of_an_unforeseen_error_is_kept_nowhere(
    home: Home,
    instance: dg.DagsterInstance,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> Table:
        try:
            int(CANARY)
        except ValueError as error:
            raise RuntimeError(f"cannot use {CANARY}") from error
        raise AssertionError

    take(home, GOOD, files[GOOD])
    monkeypatch.setattr(rounds, "harmonised_persons", fail)
    result = execute(home, instance, "process_round", GOOD)
    assert not result.success
    failure = result.failure_data_for_node("harmonised_persons")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "UNEXPECTED: RuntimeError" in str(failure.user_failure_data.description)
    out, err = capfd.readouterr()
    assert CANARY not in out + err
    assert CANARY.encode() not in everything_kept(tmp_path / "instance")


def test_upstream_table_that_was_refused_is_not_given(
    home: Home, instance: dg.DagsterInstance, files: dict[str, Path]
) -> None:
    take(home, REFUSED, files[REFUSED])
    fake_tables(home, REFUSED, refused_at="harmonised_persons")
    instance.add_dynamic_partitions("survey_rounds", [REFUSED])
    result = dg.materialize(
        ASSETS,
        selection=["psu_totals"],
        partition_key=REFUSED,
        instance=instance,
        resources=resources(home),
        raise_on_error=False,
    )
    assert not result.success
    assert materialised(instance, "psu_totals") == set()


# --- ilms run and Dagster tell the same ------------------------------------------------------------


@pytest.mark.slow
def test_ilms_run_tells_dagster_the_same_as_a_run_there(
    home: Home,
    instance: dg.DagsterInstance,
    files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY", "DAGSTER_REDACT_USER_CODE_ERRORS", "ILMS_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("ILMS_SPECS", "")
    for identifier in (GOOD, REFUSED):
        take(home, identifier, files[identifier])
    outcomes = [run.run_round(home, identifier) for identifier in (GOOD, REFUSED)]
    made, _ = run.run_areas(home, lambda _: None, [REFUSED])
    tables = [table for outcome in outcomes for table in outcome.tables]
    new = [table for table in [*tables, *made["XAA_2024"]] if table.is_new]
    assert "raw_extract" not in {table.name for table in new}, "it was made when the file was received"
    report_tables(home, new)
    report_tables(home, new)  # a verdict on a partition may be told again: the last one stands
    released = run.release(home, made, date.fromisoformat(DAY), "default", is_full=False)
    assert released is not None
    report_release(home, released)
    for identifier in (GOOD, REFUSED):
        execute(home, instance, "process_round", identifier)
    execute(home, instance, "process_area_year", "XAA_2024")
    with dg.DagsterInstance.get() as shared:
        assert Path(shared.root_directory) == home.root / "dagster"
        assert set(shared.get_dynamic_partitions("survey_rounds")) == {GOOD, REFUSED}
        for name in (*ROUND_TABLES, "area_estimates", "protected_estimates"):
            assert materialised(shared, name) == materialised(instance, name)
            keys = ("XAA_2024",) if name in ("area_estimates", "protected_estimates") else (GOOD, REFUSED)
            for key in keys:
                if key == REFUSED and name not in ("raw_extract", "harmonised_persons"):
                    continue
                one, other = check_of(shared, name, key), check_of(instance, name, key)
                assert (one.passed, one.metadata, one.blocking) == (other.passed, other.metadata, other.blocking)
        assert not check_of(shared, "harmonised_persons", REFUSED).passed
        assert shared.get_latest_materialization_event(dg.AssetKey("release")) is not None
        ours = shared.get_latest_materialization_event(dg.AssetKey("round_estimates"))
        theirs = instance.get_latest_materialization_event(dg.AssetKey("round_estimates"))
        assert ours is not None
        assert theirs is not None
        assert ours.asset_materialization is not None
        assert theirs.asset_materialization is not None
        assert ours.asset_materialization.metadata == theirs.asset_materialization.metadata


# --- sensors -------------------------------------------------------------------------------------------


def ask(home: Home, instance: dg.DagsterInstance, sensor: dg.SensorDefinition) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(
        instance=instance, resources={"folder": resources(home)["folder"]}, definitions=definitions.defs
    )
    return [item for item in sensor(context) if isinstance(item, dg.RunRequest)]


def start(
    instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus, job: str = "process_round"
) -> dg.DagsterRun:
    return instance.create_run_for_job(
        definitions.defs.resolve_job_def(job),
        status=status,
        tags={**request.tags, "dagster/partition": str(request.partition_key)},
    )


@pytest.fixture
def received(home: Home, files: dict[str, Path]) -> Home:
    take(home, GOOD, files[GOOD])
    take(home, REFUSED, files[REFUSED])
    return home


def test_one_run_per_received_file(received: Home, instance: dg.DagsterInstance) -> None:
    asked = ask(received, instance, definitions.received_files)
    assert [request.partition_key for request in asked] == [GOOD, REFUSED]
    assert len({request.run_key for request in asked}) == 2
    assert set(instance.get_dynamic_partitions("survey_rounds")) == {GOOD, REFUSED}
    for request in asked:
        start(instance, request, dg.DagsterRunStatus.NOT_STARTED)
    assert ask(received, instance, definitions.received_files) == []


def test_no_run_where_the_verdict_is_stored(received: Home, instance: dg.DagsterInstance) -> None:
    fake_tables(received, GOOD)
    fake_tables(received, REFUSED, refused_at="harmonised_persons")
    assert ask(received, instance, definitions.received_files) == []


def test_run_where_the_file_or_the_specification_is_new(
    received: Home, instance: dg.DagsterInstance, files: dict[str, Path], tmp_path: Path
) -> None:
    for identifier in (GOOD, REFUSED):
        fake_tables(received, identifier)
    other = tmp_path / "other.csv"
    lines = files[GOOD].read_text(encoding="utf-8").splitlines(keepends=True)
    other.write_text("".join(lines[:-1]), encoding="utf-8")
    take(received, GOOD, other, supersede=True)
    newer = ask(received, instance, definitions.received_files)
    assert [request.partition_key for request in newer] == [GOOD]

    fake_tables(received, GOOD, name="of the newer file")
    changed = tmp_path / "changed"
    shutil.copytree(received.spec_dirs[0], changed)
    notes = changed / "XAA/CSV/NOTES.md"
    notes.write_text(notes.read_text(encoding="utf-8") + "\nOne more note.\n", encoding="utf-8")
    asked = ask(Home(received.root, (changed,)), instance, definitions.received_files)
    assert [request.partition_key for request in asked] == [GOOD, REFUSED]
    assert newer[0].run_key not in {request.run_key for request in asked}


def test_lost_run_is_asked_for_again_and_a_failing_one_three_times(
    received: Home, instance: dg.DagsterInstance
) -> None:
    first = ask(received, instance, definitions.received_files)
    made = start(instance, first[0], dg.DagsterRunStatus.STARTED)
    assert [request.partition_key for request in ask(received, instance, definitions.received_files)] == [REFUSED]
    instance.delete_run(made.run_id)
    fake_tables(received, REFUSED)
    assert [request.run_key for request in ask(received, instance, definitions.received_files)] == [first[0].run_key]
    keys = []
    for _ in range(sensors.ATTEMPTS):
        (request,) = ask(received, instance, definitions.received_files)
        keys.append(request.run_key)
        start(instance, request, dg.DagsterRunStatus.FAILURE)
    assert len(set(keys)) == sensors.ATTEMPTS
    assert ask(received, instance, definitions.received_files) == []


def test_cancelled_run_is_not_asked_for_again(received: Home, instance: dg.DagsterInstance) -> None:
    fake_tables(received, REFUSED)
    (request,) = ask(received, instance, definitions.received_files)
    start(instance, request, dg.DagsterRunStatus.CANCELED)
    assert ask(received, instance, definitions.received_files) == []


def test_partitions_are_added_in_one_call(
    received: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    add = instance.add_dynamic_partitions
    monkeypatch.setattr(instance, "add_dynamic_partitions", lambda *given: (calls.append(given), add(*given)))
    ask(received, instance, definitions.received_files)
    ask(received, instance, definitions.received_files)
    assert calls == [("survey_rounds", [GOOD, REFUSED])]


def test_area_year_is_asked_for_when_its_rounds_changed(
    home: Home, instance: dg.DagsterInstance, files: dict[str, Path]
) -> None:
    take(home, GOOD, files[GOOD])
    assert ask(home, instance, definitions.changed_area_years) == []
    assert run.run_round(home, GOOD).is_valid
    busy = start(instance, dg.RunRequest(partition_key=GOOD, run_key="x", tags={}), dg.DagsterRunStatus.STARTED)
    assert ask(home, instance, definitions.changed_area_years) == [], "a round of the area is under way"
    instance.delete_run(busy.run_id)
    (request,) = ask(home, instance, definitions.changed_area_years)
    assert request.partition_key == "XAA_2024"
    with home.lock("XAA_2024"):
        assert ask(home, instance, definitions.changed_area_years) == [], "somebody is at work on it"
    run.run_areas(home, lambda _: None, [])
    assert ask(home, instance, definitions.changed_area_years) == []
    shutil.rmtree(home.store / "protected_estimates")
    assert [found.partition_key for found in ask(home, instance, definitions.changed_area_years)] == ["XAA_2024"]


# --- release -------------------------------------------------------------------------------------------


def nightly(home: Home, instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime(2026, 11, 23, 3, tzinfo=UTC),
        resources={"folder": resources(home)["folder"]},
    )
    answer = definitions.nightly_release.evaluate_tick(context)
    return answer.run_requests[0] if answer.run_requests else dg.SkipReason(answer.skip_message)


def test_nightly_release_bears_the_scheduled_day_and_waits_for_what_is_stopped(
    home: Home, instance: dg.DagsterInstance, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(nightly(home, instance), dg.SkipReason)
    monkeypatch.setattr(run, "stored_areas", lambda _: {"XAA_2024": ()})
    request = nightly(home, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.run_config["ops"]["release"]["config"] == {"release_date": DAY}
    take(home, REFUSED, files[REFUSED])
    fake_tables(home, REFUSED, refused_at="harmonised_persons")
    held_up = nightly(home, instance)
    assert isinstance(held_up, dg.SkipReason)
    assert REFUSED in str(held_up.skip_message)
    result = execute(home, instance, "publish_release", run_config=request.run_config)
    assert not result.success


def test_release_date_is_read_before_anything_is_made(home: Home, instance: dg.DagsterInstance) -> None:
    config = {"ops": {"release": {"config": {"release_date": "yesterday"}}}}
    assert not execute(home, instance, "publish_release", run_config=config).success
    assert list(home.releases.iterdir()) == []


# --- home ----------------------------------------------------------------------------------------------


def test_dagster_home_is_private_and_silent(home: Home) -> None:
    from pipelines.dagster_home import prepare_dagster

    environment: dict[str, str] = {}
    prepare_dagster(home, environment)
    folder = home.root / "dagster"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "telemetry:\n  enabled: false" in (folder / "dagster.yaml").read_text(encoding="utf-8")
    assert environment["DAGSTER_HOME"] == str(folder)
    assert environment["ILMS_SPECS"] == os.pathsep.join(map(str, home.spec_dirs))
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    prepare_dagster(home, environment)
    assert (folder / "dagster.yaml").read_text(encoding="utf-8") == "telemetry: {enabled: false}\n"


def test_finding_is_a_line_that_markdown_leaves_alone() -> None:
    item = finding("CODE_UNMAPPED", "harmonised_persons", "a|b <c> *d*", concept="sex", variable="V_1", count=1200)
    line = findings_list([item])
    assert line == "- **error** `CODE_UNMAPPED` sex (V\\_1): a\\|b \\<c\\> \\*d\\* (1,200 rows)"
    assert findings_list([]) == "None."


def test_dagster_logs_no_text_of_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("dagster.redacted_errors")
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    handler = logging.StreamHandler(sys.stderr)
    logger.addHandler(handler)
    try:
        int(CANARY)
    except ValueError:
        logger.exception("Error occurred, error ID 7")
    finally:
        logger.removeHandler(handler)
    told = capfd.readouterr().err
    assert "error ID 7" in told
    assert CANARY not in told
