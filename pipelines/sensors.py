"""When a run is due: what a received file or changed estimates would give is not stored yet.

A run is asked for only where the tables that it would make are missing, so nothing is repeated that
``ilms run`` has done. A run that was deleted, or died before it stored its verdict, is asked for again;
one that failed three times, or that somebody cancelled, is not.
"""

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dagster as dg

from pipelines import areas, protected
from pipelines.events import AREA_TABLES
from pipelines.home import Home
from pipelines.intake import latest_receipt, received_rounds, split_round
from pipelines.rounds import ROUND_TABLES
from pipelines.storage import current, hash_of
from schemas.errors import ProblemsError
from schemas.survey_spec import SurveySpec, find_surveys, load_survey

#: Tags of a run: hash of what it is made from, and how many times it has been asked for.
INPUTS_TAG = "ilms/inputs"
ATTEMPT_TAG = "ilms/attempt"
PARTITION_TAG = "dagster/partition"

ATTEMPTS = 3

#: A run that has been under way for longer is taken for dead (the machine was switched off).
LONGEST_RUN = timedelta(hours=6)

#: Seconds of one evaluation; what is left is looked at in the next. Dagster ends a sensor after 60.
BUDGET = 20.0

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

#: Data folder and area-year -> hash of inputs and tables for which all was found stored.
_found_stored: dict[tuple[Path, str], str] = {}


@dataclass(frozen=True)
class Candidate:
    """A partition for which a run may be due.

    Attributes:
        partition: round or area-year.
        inputs: hash of what its tables are made from.
        is_stored: says whether they are stored already.
    """

    partition: str
    inputs: str
    is_stored: Callable[[], bool]


class _MissingError(Exception):
    """A table would have to be made."""


class _StoredOnly(Home):
    """The data folder without scratch space: tables that are stored are found in it, none can be made."""

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Raise: something would have to be made."""
        raise _MissingError
        yield self.root


def due_rounds(home: Home, log: Callable[[str], None]) -> list[Candidate]:
    """Return every received round whose survey has a specification that passes."""
    specs: dict[str, SurveySpec | None] = {}
    folders = find_surveys(home.spec_dirs)
    found = []
    for identifier in received_rounds(home):
        survey, _ = split_round(identifier)
        if survey not in specs:
            specs[survey] = _spec(folders.get(survey))
        spec, receipt = specs[survey], latest_receipt(home, identifier)
        if spec is None or receipt is None:
            log(f"{identifier}: its survey has no specification that passes")
            continue
        inputs = hash_of(identifier, receipt.sha256, spec.sha256)
        found.append(Candidate(identifier, inputs, partial(_is_judged, home, identifier, receipt.sha256, spec.sha256)))
    return found


def _spec(folder: Path | None) -> SurveySpec | None:
    try:
        return load_survey(folder) if folder else None
    except ProblemsError:
        return None


def _is_judged(home: Home, identifier: str, file_sha256: str, specification_sha256: str) -> bool:
    """Whether the round's verdict in force, a refusal or its estimates, is of this file and specification."""
    table = None
    for name in ROUND_TABLES:
        table = current(home.store, name, identifier)
        if table is None:
            return False
        if not table.is_valid:
            break
    assert table is not None
    made_from = table.facts.get("file_sha256", table.facts.get("sha256"))
    by = table.facts.get("specification_sha256", specification_sha256)
    return bool(made_from == file_sha256 and by == specification_sha256)


def due_area_years(home: Home, waiting: set[str]) -> list[Candidate]:
    """Return every area and year with valid rounds, without those that wait for a round under way.

    Args:
        home: data folder.
        waiting: rounds under way.
    """
    found_areas = areas.area_years(home)
    unready = {_area_year_of(home, identifier) for identifier in waiting}
    found = []
    for partition, members in found_areas.items():
        if partition in unready:
            continue
        tables = [current(home.store, "round_estimates", identifier) for identifier in members]
        tables += [current(home.store, "psu_totals", name) for name in areas.earlier_rounds(home, members)]
        inputs = hash_of(partition, [table.input_hash for table in tables if table])
        found.append(Candidate(partition, inputs, partial(_is_area_stored, home, partition, members, inputs)))
    return found


def _area_year_of(home: Home, identifier: str) -> str | None:
    try:
        return areas.area_year(home, identifier)
    except ProblemsError:
        return None


def _is_area_stored(home: Home, partition: str, members: tuple[str, ...], inputs: str) -> bool:
    """Whether both tables of an area and year are stored as a run would make them, or are just being made."""
    key = (home.root, partition)
    tables = [current(home.store, name, partition) for name in AREA_TABLES]
    state = hash_of(inputs, [table.input_hash if table else None for table in tables])
    if _found_stored.get(key) == state:
        return True
    stored_only = _StoredOnly(home.root, home.spec_dirs)
    with _lock_if_free(home, partition) as is_free:
        if not is_free:
            return True
        try:
            area = areas.area_estimates(stored_only, partition, members)
            if area.is_valid:
                protected.protected_estimates(stored_only, partition, area, members)
        except (_MissingError, ProblemsError):
            return False
    _found_stored[key] = state
    return True


def requests(
    instance: dg.DagsterInstance, candidates: list[Candidate], log: Callable[[str], None]
) -> Iterator[dg.RunRequest]:
    """Yield a request for every candidate whose tables are missing and that no run is making."""
    busy = under_way(instance)
    started = time.monotonic()
    for candidate in candidates:
        if candidate.partition in busy or candidate.is_stored():
            continue
        attempt = _next_attempt(instance, candidate.inputs)
        if attempt is None:
            log(f"{candidate.partition}: cancelled, or failed {ATTEMPTS} times; start it by hand when it is mended")
        else:
            yield dg.RunRequest(
                run_key=f"{candidate.inputs}-{attempt}",
                partition_key=candidate.partition,
                tags={INPUTS_TAG: candidate.inputs, ATTEMPT_TAG: str(attempt)},
            )
        if time.monotonic() - started > BUDGET:
            return


def under_way(instance: dg.DagsterInstance) -> set[str]:
    """Return the partitions of runs that are queued or running, whoever started them."""
    oldest = datetime.now(UTC) - LONGEST_RUN
    records = instance.get_run_records(dg.RunsFilter(statuses=UNDER_WAY, updated_after=oldest))
    return {record.dagster_run.tags.get(PARTITION_TAG, "") for record in records}


def _next_attempt(instance: dg.DagsterInstance, inputs: str) -> int | None:
    """Return the number of the next run for some inputs; None where another would do no better."""
    records = instance.get_run_records(dg.RunsFilter(tags={INPUTS_TAG: inputs}))
    statuses = [record.dagster_run.status for record in records]
    if statuses.count(dg.DagsterRunStatus.FAILURE) >= ATTEMPTS or dg.DagsterRunStatus.CANCELED in statuses[:1]:
        return None
    tags: list[Mapping[str, str]] = [record.dagster_run.tags for record in records]
    return 1 + max((int(item.get(ATTEMPT_TAG, "1")) for item in tags), default=0)


@contextmanager
def _lock_if_free(home: Home, name: str) -> Iterator[bool]:
    """Hold a partition's lock and give True; give False at once where another process holds it."""
    path = home.root / "locks" / f"{name}.lock"
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
