"""Receiving a file: read, checked and kept, or refused with nothing stored.

One path for the command line, the sensor and later the portal. A receipt is
``received/<round>/<number>/receipt.json`` beside the file as it came; receipts are never overwritten.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.home import Home, fsync_folder
from pipelines.storage import as_json, file_hash, write_atomically
from schemas.errors import InputError, Problem
from schemas.periods import Period, PeriodError
from schemas.survey_spec import SurveySpec


@dataclass(frozen=True)
class Receipt:
    """One received version of a round's file.

    Attributes:
        round_id: ``<ISO3>_<SURVEY>_<PERIOD>``.
        number: 1, 2, ... versions of the round.
        name: the file's name as sent, for display only.
        sha256: of the file as sent.
        path: the kept file.
    """

    round_id: str
    number: int
    name: str
    sha256: str
    path: Path


def round_id(spec: SurveySpec, period: Period) -> str:
    """Return the identifier of a survey round, which is its Dagster partition."""
    return f"{spec.key}_{period}"


def split_round(identifier: str) -> tuple[str, Period]:
    """Return survey key and period of a round identifier.

    Raises:
        InputError: it is no identifier (``ROUND_UNKNOWN``).
    """
    survey, _, period = identifier.rpartition("_")
    try:
        return survey, Period.parse(period)
    except PeriodError as error:
        remedy = "write AREA_SURVEY_PERIOD, e.g. ZAF_QLFS_2013-Q4"
        raise InputError([Problem(identifier, None, "ROUND_UNKNOWN", f"no round: {error}", remedy)]) from None


def received_rounds(home: Home) -> tuple[str, ...]:
    """Return the rounds of which a file has been received, sorted."""
    if not home.received.is_dir():
        return ()
    return tuple(sorted(folder.name for folder in home.received.iterdir() if latest_receipt(home, folder.name)))


def latest_receipt(home: Home, identifier: str) -> Receipt | None:
    """Return the receipt in force of a round: the one with the highest number."""
    folder = home.received / identifier
    # A process that died leaves its unfinished receipt under another name.
    numbers = sorted(
        int(child.name) for child in folder.glob("*") if child.name.isdecimal() and (child / "receipt.json").is_file()
    )
    if not numbers:
        return None
    place = folder / str(numbers[-1])
    stored = json.loads((place / "receipt.json").read_bytes())
    return Receipt(identifier, numbers[-1], stored["name"], stored["sha256"], place / stored["file"])


def receive(
    home: Home,
    spec: SurveySpec,
    period: Period,
    source: Path,
    *,
    supersede: bool,
    read: Callable[[Receipt], object],
) -> tuple[Receipt, bool]:
    """Keep one file as a round's newest receipt, after it has been read from end to end.

    Args:
        home: data folder.
        spec: the survey.
        period: the round's reference period.
        source: the file as sent.
        supersede: replace an earlier receipt of the round.
        read: reads the kept copy into raw_extract; what it raises refuses the file.

    Returns:
        The receipt, and whether it is new (the same bytes again are not).

    Raises:
        InputError: the file is missing, cannot be read, or the round exists (``ROUND_EXISTS``).
    """
    identifier = round_id(spec, period)
    if not source.is_file():
        raise InputError(
            [Problem(display_name(source), None, "FILE_NOT_FOUND", "no such file", "check the path and try again")]
        )
    with home.lock(identifier):
        before = latest_receipt(home, identifier)
        digest = file_hash(source)
        if before is not None and before.sha256 == digest:
            read(before)
            return before, False
        if before is not None and not supersede:
            raise InputError(
                [
                    Problem(
                        display_name(source),
                        None,
                        "ROUND_EXISTS",
                        f"round {identifier} was received before with other content (receipt {before.number})",
                        "give --supersede to replace it; the earlier receipt is kept",
                    )
                ]
            )
        folder = home.received / identifier
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob(".tmp-*"):
            shutil.rmtree(left, ignore_errors=True)
        number = before.number + 1 if before else 1
        temporary = folder / f".tmp-{number}"
        temporary.mkdir(mode=0o700)
        try:
            kept = temporary / f"extract{_suffix(source)}"
            digest = _copy(source, kept)
            receipt = Receipt(identifier, number, display_name(source), digest, kept)
            read(receipt)
            content = {"name": receipt.name, "file": kept.name, "sha256": digest, "bytes": kept.stat().st_size}
            write_atomically(temporary / "receipt.json", as_json(content))
            temporary.replace(folder / str(number))
            fsync_folder(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            if before is None and not any(folder.iterdir()):
                folder.rmdir()
            raise
    stored = latest_receipt(home, identifier)
    assert stored is not None
    return stored, True


def _copy(source: Path, kept: Path) -> str:
    """Copy a file to where it is kept, closed to other users and on disk, and return the copy's sha256."""
    shutil.copyfile(source, kept)
    kept.chmod(0o600)
    with kept.open("rb") as handle:
        os.fsync(handle.fileno())
    return file_hash(kept)


def display_name(source: Path) -> str:
    """Return the sender's file name for messages: one line of printable characters."""
    name = os.fsencode(source.name).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)


def _suffix(source: Path) -> str:
    """Return a suffix of plain letters and digits: the sender's name never becomes part of a path."""
    suffix = source.suffix.lower()
    return suffix if suffix[1:].isalnum() and len(suffix) <= 9 else ""
