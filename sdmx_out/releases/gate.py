"""The release gate: who may decide what on a candidate, and how it becomes public.

Here belong the roles and states, publication, and what finishes a step that was interrupted. Publishing is one rename
from ``candidates`` to ``releases``: whatever the moment at which a process dies, there is the candidate or the
release, never half of one.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from schemas.errors import Problem, ProblemsError
from schemas.roles import ReleaseRoles, load_roles
from schemas.spreadsheet_cells import safe_cell
from sdmx_out.files import locked, point, sync_folder
from sdmx_out.releases import release_log, withdrawal
from sdmx_out.releases.candidates import (
    CONTENT,
    Candidate,
    all_candidates,
    close,
    drop_bytes,
    find_candidate,
    folder_of,
    freeze,
    problems_of,
    write_candidate,
)
from sdmx_out.releases.places import Places
from sdmx_out.releases.release import LATEST, ReleaseResult, Request, State, latest_release, result_of
from sdmx_out.releases.release_log import By, append
from sdmx_out.releases.withdrawn import Withdrawal

Action = Literal["make", "approve", "reject", "reopen", "withdraw", "restore"]
#: State of a candidate -> what may be decided on it. Whatever is not here is refused.
MAY_BE: Mapping[State, tuple[Action, ...]] = {"waiting": ("approve", "reject"), "rejected": ("reopen",)}
#: Decision -> roles of which one is needed, where roles are configured. Taking out is open to both: it is urgent.
NEEDS: Mapping[Action, tuple[str, ...]] = {
    "make": ("makers",),
    "approve": ("approvers",),
    "reject": ("approvers",),
    "reopen": ("approvers",),
    "withdraw": ("approvers", "makers"),
    "restore": ("approvers",),
}


class GateError(ProblemsError):
    """A decision on a release that is not allowed, or not possible."""


def refuse(identifier: str, rule: str, message: str, remedy: str) -> GateError:
    """Return the refusal of a decision."""
    return GateError([Problem(identifier, None, rule, message, remedy)])


def check_role(roles: ReleaseRoles | None, action: Action, who: str, candidate: Candidate | None = None) -> None:
    """Refuse a decision that somebody's role does not allow.

    Args:
        roles: None where none are configured: then nobody is refused.
        action: the decision.
        who: who takes it.
        candidate: what it is taken on; nobody approves what they made themselves.

    Raises:
        GateError: the role does not allow it.
    """
    if roles is None:
        return
    named = candidate.id if candidate else "release"
    allowed = {"makers": roles.makers, "approvers": roles.approvers}
    if not any(who in allowed[role] for role in NEEDS[action]):
        wanted = " or ".join(NEEDS[action])
        raise refuse(
            named, "ROLE_MISSING", f"{who} is not among the {wanted} of roles.toml", f"one of them has to {action}"
        )
    if action == "approve" and candidate is not None and candidate.maker == who:
        message = f"{who} made this candidate, and nobody approves what they made"
        raise refuse(named, "OWN_CANDIDATE", message, "another approver has to approve it")


def check_state(candidate: Candidate, action: Action) -> None:
    """Refuse a decision that a candidate's state does not allow.

    Raises:
        GateError: the state does not allow it.
    """
    if action not in MAY_BE.get(candidate.state, ()):
        message = f"it is {candidate.state}: it cannot be {_PAST[action]}"
        remedy = "ilms release list shows what waits"
        raise refuse(candidate.id, "STATE_FORBIDS", message, remedy)


_PAST: Mapping[Action, str] = {
    "make": "made",
    "approve": "approved",
    "reject": "rejected",
    "reopen": "reopened",
    "withdraw": "withdrawn",
    "restore": "restored",
}


def propose(request: Request, places: Places, connection: duckdb.DuckDBPyConnection, by: By) -> ReleaseResult:
    """Make a candidate; without roles it is published at once.

    Returns:
        What came of it: published, waiting for an approver, or known to have been rejected.

    Raises:
        SpecError: ``roles.toml`` cannot be used.
        InputError: the tables cannot be released.
        GateError: the maker has no such role, or the candidate does not pass its checks.
    """
    places.prepare()
    roles = load_roles(places.roles)
    check_role(roles, "make", by.who)
    with locked(places.releases), connection.cursor() as cursor:
        recover(places)
        made = freeze(request, places, cursor, by)
        if roles is not None or made.state != "waiting":
            return made
        candidate = find_candidate(places, made.identifier)
        assert candidate is not None
        folder = _publish(places, candidate, by)
        return result_of(folder, is_new=True)


def approve(places: Places, identifier: str, by: By, comment: str = "") -> ReleaseResult:
    """Approve a candidate and publish it.

    Raises:
        GateError: role or state do not allow it, or the candidate does not pass its checks.
    """
    with locked(places.releases):
        recover(places)
        candidate = _decide(places, identifier, "approve", by)
        _check(places, candidate)
        append(places.log, "approved", candidate.id, by, comment, candidate.digest)
        folder = _publish(places, candidate, by, comment)
        return result_of(folder, is_new=True)


def reject(places: Places, identifier: str, by: By, reason: str) -> Candidate:
    """Reject a candidate: its bytes go, and the same content is not put forward again.

    Raises:
        GateError: role or state do not allow it.
    """
    with locked(places.releases):
        recover(places)
        candidate = _decide(places, identifier, "reject", by)
        close(places, candidate, "rejected", by, reason)
        return candidate


def reopen(places: Places, identifier: str, by: By, reason: str) -> Candidate:
    """Let content that was rejected be put forward again: the next run makes a candidate of it.

    Raises:
        GateError: role or state do not allow it.
    """
    with locked(places.releases):
        recover(places)
        candidate = _decide(places, identifier, "reopen", by)
        append(places.log, "reopened", candidate.id, by, reason, candidate.digest)
        write_candidate(
            places,
            replace(candidate, state="reopened", decided_by=by.who, decided_on=by.day.isoformat(), comment=reason),
        )
        return candidate


def withdraw(places: Places, name: str, wanted: Withdrawal, by: By) -> withdrawal.Taken:
    """Take cells out of every release, and keep them out of later ones.

    Args:
        places: of the data folder.
        name: id of the release, or `latest` or `latest-test`, that shows the cells.
        wanted: the cells, and the public reason.
        by: who decides.

    Raises:
        GateError: the role does not allow it, or that release does not show such a cell.
    """
    places.prepare()
    with locked(places.releases):
        recover(places)
        check_role(load_roles(places.roles), "withdraw", by.who)
        if not withdrawal.is_published(places.releases / name, wanted):
            message = f"release {name} shows no figure of this"
            raise refuse(wanted.identifier, "NOTHING_TO_WITHDRAW", message, "ilms get shows what is published")
        wanted = replace(wanted, reason=safe_cell(" ".join(wanted.reason.split())))
        append(places.log, "withdrawn", wanted.identifier, by, wanted.reason)
        for candidate in [item for item in all_candidates(places) if item.state == "waiting"]:
            close(places, candidate, "superseded", by, f"{wanted.identifier} was withdrawn")
        return withdrawal.take_out_everywhere(places, wanted)


def restore(places: Places, key: tuple[str, str, str], by: By, reason: str) -> Withdrawal:
    """End a withdrawal: the next release may publish the cells again; earlier releases stay as they are.

    Raises:
        GateError: the role does not allow it, or no such withdrawal is in force.
    """
    with locked(places.releases):
        recover(places)
        check_role(load_roles(places.roles), "restore", by.who)
        found = withdrawal.find(places, key)
        if found is None:
            named = "/".join(part for part in key if part)
            raise refuse(named, "NOT_WITHDRAWN", "no such withdrawal is in force", "ilms release list shows them")
        append(places.log, "restored", found.identifier, by, reason)
        withdrawal.end(places, found)
        return found


def recover(places: Places) -> None:
    """Finish what a dead process began; the caller holds the lock.

    A candidate that was approved becomes public if it still passes its checks, and waits again if not.
    """
    withdrawal.finish(places)
    for candidate in list(all_candidates(places)):
        if candidate.state in ("rejected", "superseded"):
            if (folder_of(places, candidate) / CONTENT).exists():
                drop_bytes(places, candidate)
        elif candidate.state == "approved":
            by = By(candidate.decided_by, "", date.fromisoformat(candidate.decided_on))
            is_moved = (places.releases / candidate.id).is_dir()
            if is_moved or not problems_of(places, candidate):
                _finish(places, candidate, by)
            else:
                write_candidate(places, replace(candidate, state="waiting"))


def _decide(places: Places, identifier: str, action: Action, by: By) -> Candidate:
    candidate = find_candidate(places, identifier)
    if candidate is None:
        raise refuse(identifier, "CANDIDATE_UNKNOWN", "there is no such candidate", "ilms release list shows them")
    check_role(load_roles(places.roles), action, by.who, candidate)
    check_state(candidate, action)
    return candidate


def _check(places: Places, candidate: Candidate) -> None:
    if problems := problems_of(places, candidate):
        raise GateError(problems)


def _publish(places: Places, candidate: Candidate, by: By, comment: str = "") -> Path:
    """Publish a candidate that passes its checks; the state is written first, so that it is finished in any case."""
    _check(places, candidate)
    approved = replace(candidate, state="approved", decided_by=by.who, decided_on=by.day.isoformat(), comment=comment)
    write_candidate(places, approved)
    return _finish(places, approved, by)


def _finish(places: Places, candidate: Candidate, by: By) -> Path:
    """Rename the candidate's content to the release, let `latest` point to it, and say that it is public."""
    folder = places.releases / candidate.id
    if not folder.exists():
        move(folder_of(places, candidate) / CONTENT, folder)
    latest = latest_release(places.releases, candidate.kind)
    if latest is None or latest.name != candidate.id:
        point(places.releases / LATEST[candidate.kind], candidate.id)
    entries = release_log.read(places.log)
    if not any(release_log.of(entries, candidate.id, "published")):
        append(places.log, "published", candidate.id, by, candidate.comment, candidate.digest)
    write_candidate(places, replace(candidate, state="published"))
    return folder


def move(content: Path, folder: Path) -> None:
    """Make a candidate's content the release, in one step."""
    content.rename(folder)
    sync_folder(folder.parent)
    sync_folder(content.parent)
