"""The main job: every received round, then areas, then a release.

Each round is isolated: what stops one leaves the others going on. A release is made only when nothing
was stopped, unless a partial one is asked for; an earlier release is never touched.
"""

import json
import multiprocessing
import os
import pwd
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from pipelines.areas import area_years, process_area, sort_rounds
from pipelines.engine import EngineError, open_engine
from pipelines.fingerprint import code_fingerprint
from pipelines.home import Home
from pipelines.intake import received_rounds
from pipelines.protected import TEST_SUFFIX
from pipelines.reference_metadata import quality_rows, reports
from pipelines.report import is_reported, write_round_report
from pipelines.rounds import RoundResult, process_round
from pipelines.storage import NotStoredError, Table, as_json, current, file_hash, hash_of, stored_only, write_atomically
from schemas.codes import load_code_lists, load_status_map
from schemas.errors import ProblemsError
from schemas.indicators import load_indicators
from schemas.roles import LARGEST_CHANGE, load_roles
from schemas.survey_spec import SurveySpec, find_surveys, load_survey
from sdmx_out.releases.gate import check_role, propose
from sdmx_out.releases.places import Places
from sdmx_out.releases.release import LATEST, Kind, ReleaseResult, Request
from sdmx_out.releases.release_log import By
from transforms.progress import Progress, silent


@dataclass(frozen=True)
class RoundOutcome:
    """How one round of a run ended.

    Attributes:
        identifier: the round.
        tables: its stored tables, as far as it came.
        errors: what stopped it, one line each; empty when it passed.
        warnings: number of warnings recorded.
    """

    identifier: str
    tables: tuple[Table, ...]
    errors: tuple[str, ...]
    warnings: int

    @property
    def is_valid(self) -> bool:
        """Nothing stopped it."""
        return not self.errors

    @property
    def is_new(self) -> bool:
        """Something was made anew."""
        return any(table.is_new for table in self.tables)


def run_round(home: Home, identifier: str, progress: Progress = silent) -> RoundOutcome:
    """Process one round and keep its report; every error that belongs to the round is its outcome."""
    try:
        result = process_round(home, identifier, progress)
    except NotStoredError:
        raise
    except ProblemsError as error:
        return RoundOutcome(identifier, (), tuple(str(problem) for problem in error.problems), 0)
    except Exception as error:  # what goes wrong in one round is no other round's concern
        return RoundOutcome(identifier, (), (f"{identifier}: {unexpected(error)}",), 0)
    if result.is_new or not is_reported(home, identifier):
        write_round_report(home, identifier, result)
    return _outcome(result)


def unexpected(error: BaseException) -> str:
    """Return one line on an error that no check foresaw: its kind and place, for its text may quote a value."""
    if isinstance(error, EngineError):
        return f"ENGINE: {error}"
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).parent.name in ("pipelines", "readers", "transforms", "schemas", "sdmx_out"):
            place = f" in {Path(frame.filename).name}, line {frame.lineno}"
    return f"UNEXPECTED: {type(error).__name__}{place}; this is a defect of the program, not of the data"


def _outcome(result: RoundResult) -> RoundOutcome:
    survey = result.identifier
    errors = tuple(f"{survey}: {item}" for item in result.findings if item.severity == "error")
    warnings = sum(item.severity == "warning" for item in result.findings)
    return RoundOutcome(result.identifier, result.tables, errors, warnings)


def stored_chain(home: Home, identifiers: Sequence[str]) -> list[RoundOutcome] | None:
    """Return the outcomes of rounds of which every table is stored; None where something has to be made."""
    try:
        with stored_only():
            return [run_round(home, identifier) for identifier in identifiers]
    except NotStoredError:
        return None


def _run_chain(home: Home, identifiers: Sequence[str]) -> list[RoundOutcome]:
    return [run_round(home, identifier) for identifier in identifiers]


def chains(identifiers: Sequence[str]) -> list[list[str]]:
    """Return the rounds by survey, in order of time: a round is compared with the one before it."""
    by_survey: dict[str, list[str]] = defaultdict(list)
    for identifier in dict.fromkeys(identifiers):
        by_survey[identifier.rpartition("_")[0]].append(identifier)
    return [sorted(members) for members in by_survey.values()]


def _end_with_parent() -> None:
    """Watch the parent process: a worker whose parent was killed ends as well."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _named(tell: Progress, name: str, text: str) -> None:
    tell(f"{name}: {text}")


def run_rounds(
    home: Home, identifiers: Sequence[str], jobs: int, tell: Callable[[str], None], done: Callable[[RoundOutcome], None]
) -> list[RoundOutcome]:
    """Process rounds, each isolated, and return their outcomes by survey, in order of time.

    Args:
        home: data folder.
        identifiers: rounds.
        jobs: processes, one per survey at most; with one, the rounds run in this process and tell their steps.
        tell: takes progress messages.
        done: called with each outcome.
    """
    outcomes = []
    ordered = []
    for chain in chains(identifiers):
        stored = stored_chain(home, chain)
        if stored is None:
            ordered.append(chain)
            continue
        for outcome in stored:
            done(outcome)
        outcomes += stored
    if jobs <= 1 or len(ordered) <= 1:
        for identifier in (identifier for chain in ordered for identifier in chain):
            outcome = run_round(home, identifier, partial(_named, tell, identifier))
            done(outcome)
            outcomes.append(outcome)
        return outcomes
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(ordered)), mp_context=context, initializer=_end_with_parent) as pool:
        for made in pool.map(_run_chain, [home] * len(ordered), ordered):
            for outcome in made:
                done(outcome)
            outcomes += made
    return outcomes


def default_jobs() -> int:
    """Return one process per two cores, at least one: a round has one DuckDB thread."""
    return max(1, (os.cpu_count() or 1) // 2)


def run_areas(
    home: Home, tell: Callable[[str], None], told: Collection[str] = ()
) -> tuple[dict[str, tuple[Table, ...]], list[str]]:
    """Process every area and year; return their tables and the lines of what was stopped.

    Args:
        home: data folder.
        tell: takes progress messages.
        told: stopped rounds of this run; other stored rounds that are stopped get a line here.
    """
    tables: dict[str, tuple[Table, ...]] = {}
    found, refused = sort_rounds(home)
    stopped = [line for identifier, line in refused.items() if identifier not in told]
    for partition, rounds in found.items():
        try:
            made = process_area(home, partition, rounds, partial(_named, tell, partition))
        except ProblemsError as error:
            stopped += [f"{partition}: {problem}" for problem in error.problems]
            continue
        except Exception as error:  # as for a round
            stopped.append(f"{partition}: {unexpected(error)}")
            continue
        tables[partition] = made
        stopped += [f"{partition}: {item}" for table in made for item in table.findings if item.severity == "error"]
    return tables, stopped


def login() -> str:
    """Return the name of the user that the process runs as, as the operating system knows it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def release(
    home: Home,
    areas: dict[str, tuple[Table, ...]],
    release_date: date,
    kind: Kind,
    maker: str | None = None,
    largest_change: float | None = None,
    told: Progress = silent,
    *,
    is_full: bool = True,
) -> ReleaseResult | None:
    """Make a release candidate of the protected tables of one kind; without roles it is published at once.

    Args:
        home: data folder.
        areas: area and year -> its tables.
        release_date: the date that it bears.
        kind: ``default`` or ``test``.
        maker: who makes it; the process's user by default.
        largest_change: share above which a changed total is shown; that of ``roles.toml``, or 0.25, by default.
        told: is given a line of progress now and then.
        is_full: whether it has all formats, workbooks, profiles and reference metadata, or tables and SDMX-CSV 1.0.

    Returns:
        What came of it; None where there is no protected table of this kind.

    Raises:
        ProblemsError: roles, tables or checks forbid it.
    """
    places = Places(home.root)
    by = By(maker or login(), login(), release_date)
    chosen = {
        partition: tables[-1]
        for partition, tables in sorted(areas.items())
        if tables[-1].name == "protected_estimates" and partition.endswith(TEST_SUFFIX) == (kind == "test")
    }
    if not chosen:
        return None
    roles = load_roles(places.roles)
    check_role(roles, "make", by.who)
    pointer = home.store / "release" / f"{kind}.json"
    withdrawn = file_hash(places.withdrawn) if places.withdrawn.is_file() else ""
    inputs = [table.input_hash for table in chosen.values()]
    digest = hash_of("release", inputs, code_fingerprint(), _writer_hash(), withdrawn, is_full)
    before = _made_before(home, pointer, digest)
    if before is not None:
        return before
    with home.scratch() as scratch, open_engine(scratch, [home.store, home.releases, places.candidates]) as connection:
        quality = [table.folder / "quality.parquet" for table in chosen.values()]
        rows = quality_rows(connection, quality)
        specs = _specs_of(home, {row["survey"] for row in rows})
        request = Request(
            tables=[table.data for table in chosen.values()],
            availability=[table.folder / "availability.parquet" for table in chosen.values()],
            quality=quality,
            protection={partition: table.folder / "protection.json" for partition, table in chosen.items()},
            is_protection_required=True,
            indicators=load_indicators(),
            code_lists=load_code_lists(),
            status_map=load_status_map(),
            release_date=release_date,
            provenance=provenance(home, chosen),
            kind=kind,
            largest_change=largest_change or (roles.largest_change if roles else LARGEST_CHANGE),
            organisations={name: spec.survey.organisation.model_dump() for name, spec in specs.items()},
            reports=reports(specs, rows),
            writer=_writer_hash(),
            told=told,
            is_full=is_full,
        )
        made = propose(request, places, connection, by)
    if made.state != "published":
        return made
    pointer.parent.mkdir(mode=0o700, exist_ok=True)
    facts = {"files": made.files, "rows": made.rows, "indicators": made.indicators, "areas": made.areas}
    write_atomically(pointer, as_json({"input_hash": digest, "folder": made.folder.name, "facts": facts}))
    return made


_WRITER_FILES = frozenset({".css", ".csv", ".html", ".py", ".toml"})


@cache
def _writer_hash() -> str:
    """Return a hash of the code and the words that releases are written with."""
    root, here = (Path(str(resources.files(package))) for package in ("sdmx_out", "pipelines"))
    files = [path for path in sorted(root.rglob("*")) if path.suffix in _WRITER_FILES]
    files += sorted(here.rglob("reference_metadata*"))
    return hash_of([path.read_text(encoding="utf-8") for path in files if path.suffix in _WRITER_FILES])


def _specs_of(home: Home, surveys: set[str]) -> dict[str, SurveySpec]:
    """Return the specifications of the surveys that a release has rounds of."""
    folders = find_surveys(home.spec_dirs)
    return {name: load_survey(folders[name]) for name in sorted(surveys & folders.keys())}


def _made_before(home: Home, pointer: Path, digest: str) -> ReleaseResult | None:
    """Return the latest release where it was made of the same tables by the same code: nothing is then written."""
    if not pointer.is_file():
        return None
    stored = json.loads(pointer.read_bytes())
    latest = home.releases / LATEST["test" if pointer.stem == "test" else "default"]
    if stored["input_hash"] != digest or latest.resolve().name != stored["folder"] or not latest.is_dir():
        return None
    return ReleaseResult(folder=latest.resolve(), is_new=False, identifier=stored["folder"], **stored["facts"])


def stored_areas(home: Home) -> dict[str, tuple[Table, ...]]:
    """Return the stored tables of every area and year that has protected estimates in force."""
    found: dict[str, tuple[Table, ...]] = {}
    for partition in area_years(home):
        table = current(home.store, "protected_estimates", partition)
        if table is not None and table.is_valid:
            found[partition] = (table,)
    return found


def provenance(home: Home, protected: dict[str, Table]) -> dict[str, Any]:
    """Return what every number of a release was made from: files, specifications, code."""
    by_area: dict[str, list[dict[str, str]]] = defaultdict(list)
    for partition, rounds in area_years(home).items():
        if partition not in protected:
            continue
        for identifier in rounds:
            estimates = current(home.store, "round_estimates", identifier)
            if estimates is None:
                continue
            by_area[partition].append(
                {
                    "round": identifier,
                    "file_sha256": estimates.facts["file_sha256"],
                    "specification_sha256": estimates.facts["specification_sha256"],
                    "estimates_input_hash": estimates.input_hash,
                }
            )
    return {
        "code_version": version("labour-migration-statistics"),
        "engine": f"duckdb {duckdb.__version__}",
        "areas": {
            partition: {"input_hash": protected[partition].input_hash, "rounds": rounds}
            for partition, rounds in sorted(by_area.items())
        },
    }


def rounds_to_run(home: Home, asked: Sequence[str]) -> tuple[str, ...]:
    """Return the rounds asked for, or every received round."""
    return tuple(asked) or received_rounds(home)
