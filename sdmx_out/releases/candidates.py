"""Release candidates: frozen folders that wait for a decision.

``candidates/<id>/`` holds the whole release (``release/``, files 0444), ``candidate.json`` (what was frozen and how it
was decided), and the protection report. Here belong how a candidate is made and how it is verified; who may decide on
it is said in ``gate``. Candidates lie on the file system of the releases, so that publishing is one rename. Callers
hold the lock of the releases.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import InputError, Problem
from sdmx_out.csv_text import read_csv
from sdmx_out.files import TEMPORARY_PREFIX, remove_leftovers, sha256_of, sync_folder
from sdmx_out.releases import release_log
from sdmx_out.releases.places import Places, write_private
from sdmx_out.releases.protection_report import FILE as REPORT
from sdmx_out.releases.protection_report import PAGE, as_bytes, difference, join, page, without_values
from sdmx_out.releases.release import (
    FACTS,
    TEST_PREFIX,
    TOC,
    Kind,
    ReleaseResult,
    Request,
    State,
    latest_release,
    read_facts,
    result_of,
)
from sdmx_out.releases.release_content import ReleaseWriter
from sdmx_out.releases.release_log import By
from sdmx_out.releases.withdrawn import in_force
from sdmx_out.validity.release_check import check_release
from sdmx_out.validity.verdict import Verdict

FILE, CONTENT, VALIDITY = "candidate.json", "release", "validity.json"
_DECISION = ("state", "decided_by", "decided_on", "comment")
_LISTED = 5


@dataclass(frozen=True)
class Candidate:
    """What was frozen, and how it was decided.

    Attributes:
        id: the release's name once it is public.
        kind: default or test.
        maker: who made it.
        made_on: the release date.
        content_sha256: of the content, without what only tells of it.
        toc_sha256: of its table of contents, which holds the sha256 of every other file.
        facts_sha256: of its ``release.json``.
        report_sha256: of its protection report.
        previous: the release that it was compared with, or None.
        previous_toc_sha256: of that release's table of contents.
        state: where it stands.
        decided_by: who brought it there; the maker of one that waits.
        decided_on: ISO date.
        comment: why.
    """

    id: str
    kind: Kind
    maker: str
    made_on: str
    content_sha256: str
    toc_sha256: str
    facts_sha256: str
    report_sha256: str
    previous: str | None
    previous_toc_sha256: str | None
    state: State
    decided_by: str
    decided_on: str
    comment: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of all that was frozen; the log holds it."""
        frozen = {name: value for name, value in asdict(self).items() if name not in _DECISION}
        return hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()


def folder_of(places: Places, candidate: Candidate) -> Path:
    """Where a candidate lies."""
    return places.candidates / candidate.id


def write_candidate(places: Places, candidate: Candidate) -> None:
    """Write what is known of a candidate."""
    text = json.dumps(asdict(candidate), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    write_private(folder_of(places, candidate) / FILE, text.encode())


def find_candidate(places: Places, identifier: str) -> Candidate | None:
    """Return a candidate by its id, or None."""
    if not identifier or "/" in identifier or identifier.startswith("."):
        return None
    path = places.candidates / identifier / FILE
    return _read(path) if path.is_file() else None


def all_candidates(places: Places) -> Iterator[Candidate]:
    """Yield every candidate, decided or not, by name."""
    if places.candidates.is_dir():
        for path in sorted(places.candidates.glob(f"*/{FILE}")):
            if not path.parent.name.startswith("."):
                yield _read(path)


def _read(path: Path) -> Candidate:
    try:
        told = json.loads(path.read_bytes())
        candidate = Candidate(**{item.name: told[item.name] for item in fields(Candidate)})
        if candidate.id != path.parent.name:
            raise ValueError
    except (ValueError, TypeError, KeyError):
        problem = Problem(
            f"{path.parent.name}/{FILE}", None, "CANDIDATE_CHANGED", "it is not as it was written", "remove its folder"
        )
        raise InputError([problem]) from None
    return candidate


# --- freezing


def freeze(request: Request, places: Places, cursor: duckdb.DuckDBPyConnection, by: By) -> ReleaseResult:
    """Freeze a candidate, or find that there is nothing new.

    Returns:
        The candidate, new or one that waits with the same content; the latest release where that has the same
        content; or the candidate that was rejected with the same content and is not put forward again.

    Raises:
        InputError: the tables cannot be released.
    """
    for folder in (places.candidates, places.releases):
        remove_leftovers(folder)
    earlier = latest_release(places.releases, request.kind)
    joined = join(request.protection)
    if request.is_protection_required and joined["without_report"]:
        named = ", ".join(joined["without_report"])
        message = f"no protection report of {named}"
        raise InputError([Problem(REPORT, None, "PROTECTION_MISSING", message, "write protected_estimates again")])
    building = places.candidates / f"{TEMPORARY_PREFIX}candidate"
    building.mkdir(mode=0o700)
    content_folder = building / CONTENT
    content_folder.mkdir()
    writer = ReleaseWriter(request, cursor, content_folder, earlier, in_force(places.withdrawn))
    writer.write_content()
    content = writer.content
    known = _known(places, request.kind, content, earlier)
    if known is not None:
        remove_leftovers(places.candidates)
        if known.state == "published":
            _supersede(places, request.kind, by, f"the tables are again those of {known.identifier}")
        return known
    identifier = _free_id(places, request, content)
    facts, changes = writer.complete(identifier, content, joined)
    if request.is_full:
        verdict = check_release(
            content_folder, cursor, expected=writer.data.queries.__getitem__, seed=content, told=request.told
        )
        _refuse(verdict)
        write_private(building / VALIDITY, as_bytes(verdict.as_json()))
    told = {
        **joined,
        "id": identifier,
        "kind": request.kind,
        "maker": by.who,
        "made_on": facts["release_date"],
        "rows": {name: facts["protection"][name] for name in ("shown", "hidden")},
        "difference": difference(changes, facts["previous"], request.code_lists, request.largest_change),
        "withdrawals": facts["withdrawals"],
    }
    write_private(building / REPORT, as_bytes(told))
    write_private(building / PAGE, page(told).encode())
    candidate = Candidate(
        id=identifier,
        kind=request.kind,
        maker=by.who,
        made_on=facts["release_date"],
        content_sha256=content,
        toc_sha256=facts["toc_sha256"],
        facts_sha256=sha256_of(content_folder / FACTS),
        report_sha256=sha256_of(building / REPORT),
        previous=facts["previous"],
        previous_toc_sha256=_toc_sha256(earlier),
        state="waiting",
        decided_by=by.who,
        decided_on=by.day.isoformat(),
    )
    _supersede(places, request.kind, by, f"{identifier} takes its place")
    release_log.append(places.log, "made", identifier, by, digest=candidate.digest)
    write_private(building / FILE, (json.dumps(asdict(candidate), indent=1, sort_keys=True) + "\n").encode())
    building.rename(folder_of(places, candidate))
    sync_folder(places.candidates)
    return result_of(folder_of(places, candidate) / CONTENT, is_new=True, state="waiting")


def _refuse(verdict: Verdict) -> None:
    """Let nothing appear that is not valid.

    Raises:
        InputError: with what is wrong.
    """
    if not verdict.passed:
        raise InputError(verdict.problems)


def _supersede(places: Places, kind: Kind, by: By, why: str) -> None:
    """Close the candidates of a kind that wait: there is one at a time, of the tables as they are."""
    for waiting in [item for item in all_candidates(places) if (item.kind, item.state) == (kind, "waiting")]:
        close(places, waiting, "superseded", by, why)


def _known(places: Places, kind: Kind, content: str, earlier: Path | None) -> ReleaseResult | None:
    """What already holds this content, and so makes a new candidate needless."""
    if earlier is not None and read_facts(earlier)["content_sha256"] == content:
        return result_of(earlier, is_new=False)
    compared = (earlier.name if earlier else None, _toc_sha256(earlier))
    for item in all_candidates(places):
        is_same = (item.kind, item.content_sha256) == (kind, content)
        if not is_same or (item.previous, item.previous_toc_sha256) != compared:
            continue
        if item.state == "waiting" and not (_changed(places, item) or _unlogged(places, item)):
            return result_of(folder_of(places, item) / CONTENT, is_new=False, state="waiting")
        if item.state == "rejected":
            folder = folder_of(places, item)
            return ReleaseResult(folder, False, 0, 0, 0, 0, {}, "rejected", item.id, item.comment)
    return None


def _free_id(places: Places, request: Request, content: str) -> str:
    """Date and content; a second one of a day with the same content is numbered."""
    prefix = TEST_PREFIX if request.is_test else ""
    plain = f"{prefix}{request.release_date.isoformat()}-{content[:10]}"
    identifier, number = plain, 1
    while (places.candidates / identifier).exists() or (places.releases / identifier).exists():
        number += 1
        identifier = f"{plain}-{number}"
    return identifier


def _toc_sha256(release: Path | None) -> str | None:
    return str(read_facts(release)["toc_sha256"]) if release is not None else None


# --- closing


def close(places: Places, candidate: Candidate, state: State, by: By, comment: str) -> None:
    """Decide that a candidate does not become public: the decision is kept, the bytes go."""
    what: release_log.What = "rejected" if state == "rejected" else "superseded"
    release_log.append(places.log, what, candidate.id, by, comment, candidate.digest)
    decided = replace(candidate, state=state, decided_by=by.who, decided_on=by.day.isoformat(), comment=comment)
    write_candidate(places, decided)
    drop_bytes(places, decided)


def drop_bytes(places: Places, candidate: Candidate) -> None:
    """Remove the content of a candidate and every number of it; what was counted stays."""
    folder = folder_of(places, candidate)
    (folder / PAGE).unlink(missing_ok=True)
    report = read_report(places, candidate.id)
    if report is not None and report["difference"]["totals"]:
        write_private(folder / REPORT, as_bytes(without_values(report)))
    if (folder / CONTENT).exists():
        # Under another name first: what is left of a folder that was being removed is no candidate.
        going = places.candidates / f"{TEMPORARY_PREFIX}{candidate.id}"
        (folder / CONTENT).rename(going)
        shutil.rmtree(going)


def read_report(places: Places, identifier: str) -> dict[str, Any] | None:
    """Return the protection report of a candidate or release, or None."""
    path = places.candidates / identifier / REPORT
    return dict(json.loads(path.read_bytes())) if path.is_file() else None


# --- verifying


def problems_of(places: Places, candidate: Candidate) -> list[Problem]:
    """Return everything that forbids publishing a candidate."""

    def problem(rule: str, message: str, remedy: str) -> Problem:
        return Problem(candidate.id, None, rule, message, remedy)

    found = []
    if changed := _changed(places, candidate):
        named = ", ".join(changed[:_LISTED]) + (" and more" if len(changed) > _LISTED else "")
        message = f"{len(changed)} file(s) are not as they were frozen: {named}"
        found.append(problem("CANDIDATE_CHANGED", message, "reject it, find out who changed it, and make it anew"))
    if _unlogged(places, candidate):
        message = "what is said of it is not what the log says that was made"
        found.append(problem("CANDIDATE_CHANGED", message, "reject it, find out who changed it, and make it anew"))
    report = read_report(places, candidate.id)
    if report is None or report["attack"]["passed"] is False:
        leaks = len(report["attack"]["leaks"]) if report else 0
        message = f"its audit did not pass: {leaks} confidential figure(s) can be learnt from what would be published"
        found.append(problem("AUDIT_FAILED", message, "read its protection report, protect the tables again, and run"))
    latest = latest_release(places.releases, candidate.kind)
    if (candidate.previous, candidate.previous_toc_sha256) != (latest.name if latest else None, _toc_sha256(latest)):
        message = f"it was compared with {candidate.previous or 'nothing'}, which is not the latest release any more"
        found.append(problem("CANDIDATE_STALE", message, "make it anew: ilms run"))
    return found


def _unlogged(places: Places, candidate: Candidate) -> bool:
    """Whether the log does not say that this candidate was made, as it is."""
    made = release_log.of(release_log.read(places.log), candidate.id, "made")
    return candidate.digest not in {entry.digest for entry in made}


def _changed(places: Places, candidate: Candidate) -> list[str]:
    """Names of files that were added, removed or changed since the candidate was frozen."""
    folder = folder_of(places, candidate)
    release = folder / CONTENT
    kept = {FACTS: candidate.facts_sha256, TOC: candidate.toc_sha256}
    changed = [name for name, digest in kept.items() if not _is(release / name, digest)]
    if not _is(folder / REPORT, candidate.report_sha256):
        changed.append(REPORT)
    if changed:
        return sorted(changed)
    told = {row["file"]: row["sha256"] for row in read_csv(release / TOC) if row["sha256"]}
    here = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_symlink() or path.is_file()}
    changed += sorted(here ^ {*told, *kept})
    return changed + sorted(name for name in here & set(told) if not _is(release / name, told[name]))


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and not path.is_symlink() and sha256_of(path) == digest
