"""The log of decisions on releases: one line of JSON each, only ever appended to.

Every line holds the sha256 of the line before, so that a line that was changed or taken out shows. Here belong how
lines are written and how the chain is verified; what a decision is does not belong here. Lines taken off the end
cannot be seen from the chain alone: candidates are compared with the log where they are decided on.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args

from schemas.errors import InputError, Problem

What = Literal["made", "approved", "published", "rejected", "reopened", "superseded", "withdrawn", "restored"]
#: What stands for the line before the first one.
START = "0" * 64


@dataclass(frozen=True)
class By:
    """Who decides, and when.

    Attributes:
        who: the name that roles know.
        login: the name under which the operating system runs the program.
        day: the date of the decision.
    """

    who: str
    login: str
    day: date


@dataclass(frozen=True)
class Entry:
    """One decision.

    Attributes:
        date: ISO date.
        who: who decided.
        login: name of the process's user.
        what: the decision.
        id: candidate, release or withdrawal.
        comment: why.
        digest: of what was decided on: sha256 of the frozen candidate; '' where there is none.
        previous: sha256 of the line before.
    """

    date: str
    who: str
    login: str
    what: What
    id: str
    comment: str
    digest: str
    previous: str


def append(log: Path, what: What, identifier: str, by: By, comment: str = "", digest: str = "") -> Entry:
    """Add a decision and make it durable; the caller holds the lock of releases.

    Raises:
        InputError: the log was altered.
    """
    lines = _lines(log)
    _verified(log, lines)
    previous = _sha256(lines[-1]) if lines else START
    entry = Entry(by.day.isoformat(), by.who, by.login, what, identifier, comment, digest, previous)
    text = json.dumps(asdict(entry), ensure_ascii=False, sort_keys=True) + "\n"
    is_new = not log.exists()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        # What a dead process left of a line is no line.
        os.ftruncate(descriptor, sum(len(line) + 1 for line in lines))
        os.lseek(descriptor, 0, os.SEEK_END)
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        handle = os.open(log.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return entry


def read(log: Path) -> tuple[Entry, ...]:
    """Return every decision, verified.

    Raises:
        InputError: the log was altered; the first line that does not fit is named.
    """
    return _verified(log, _lines(log))


def _lines(log: Path) -> list[bytes]:
    """Return the whole lines without their ends."""
    return log.read_bytes().split(b"\n")[:-1] if log.is_file() else []


def _verified(log: Path, lines: Sequence[bytes]) -> tuple[Entry, ...]:
    previous = START
    found = []
    for row, line in enumerate(lines, start=1):
        entry = _entry(line)
        if entry is None or entry.previous != previous:
            message = "the line is not what the next one was chained to, or is no decision"
            if entry is not None:
                message = "the line does not follow the one before: a line was changed, added or removed"
            remedy = "find out who altered the log, and put back the copy of the last backup"
            raise InputError([Problem(log.name, row, "RELEASE_LOG_BROKEN", message, remedy)])
        found.append(entry)
        previous = _sha256(line)
    return tuple(found)


def _entry(line: bytes) -> Entry | None:
    try:
        entry = Entry(**json.loads(line))
    except (ValueError, TypeError):
        return None
    return entry if entry.what in get_args(What) else None


def _sha256(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def of(entries: Sequence[Entry], identifier: str, *what: What) -> Iterator[Entry]:
    """Yield the decisions of some kinds on one candidate, release or withdrawal, in order."""
    return (entry for entry in entries if entry.id == identifier and entry.what in what)
