"""Receiving the files of a round: read, checked and kept, or refused with nothing stored.

One path for the command line, the sensor and later the portal. A receipt is
``received/<round>/<number>/receipt.json`` beside the files as they came; receipts are never overwritten.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.file_sets import Source, assign
from pipelines.home import Home, fsync_folder
from pipelines.storage import as_json, file_hash, write_atomically
from schemas.errors import InputError, Problem
from schemas.periods import Period, PeriodError
from schemas.survey_spec import SurveySpec


@dataclass(frozen=True)
class ReceivedFile:
    """One kept file.

    Attributes:
        name: its name as sent, for display only.
        sha256: of the file as sent.
        path: the kept copy.
    """

    name: str
    sha256: str
    path: Path


@dataclass(frozen=True)
class Receipt:
    """One received version of a round: its file, or the files that make it together.

    Attributes:
        round_id: ``<ISO3>_<SURVEY>_<PERIOD>``.
        number: 1, 2, ... versions of the round.
        variant: the variant of the file set.
        files: in the order in which they were handed in.
    """

    round_id: str
    number: int
    variant: str
    files: tuple[ReceivedFile, ...]

    @property
    def name(self) -> str:
        """The names as sent, for display only."""
        return ", ".join(file.name for file in self.files)

    @property
    def sha256(self) -> str:
        """The file's hash; of several files the hash of their hashes, in any order of theirs."""
        if len(self.files) == 1:
            return self.files[0].sha256
        return hashlib.sha256(" ".join(sorted(file.sha256 for file in self.files)).encode()).hexdigest()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The kept files under the sender's names."""
        return tuple(Source(file.path, file.name) for file in self.files)


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
    # Before rounds came in several files a receipt was the entry of its one file.
    listed = stored.get("files", [stored])
    files = tuple(ReceivedFile(item["name"], item["sha256"], place / item["file"]) for item in listed)
    return Receipt(identifier, numbers[-1], stored.get("variant", ""), files)


def receive(
    home: Home,
    spec: SurveySpec,
    period: Period,
    sources: Sequence[Path],
    *,
    supersede: bool,
    read: Callable[[Receipt], object],
    variant: str | None = None,
) -> tuple[Receipt, bool]:
    """Keep the files of a round as its newest receipt, after they have been read from end to end.

    Args:
        home: data folder.
        spec: the survey.
        period: the round's reference period.
        sources: the file as sent, or all files that make the round together.
        supersede: replace an earlier receipt of the round.
        read: reads the kept copies into raw_extract; what it raises refuses the files.
        variant: variant of the file set; by default the one that fits.

    Returns:
        The receipt, and whether it is new (the same bytes again are not).

    Raises:
        InputError: a file is missing or cannot be read, the files make no declared set, or the round exists
            (``ROUND_EXISTS``).
    """
    identifier = round_id(spec, period)
    absent = [
        Problem(display_name(source), None, "FILE_NOT_FOUND", "no such file", "check the path and try again")
        for source in sources
        if not source.is_file()
    ]
    if absent:
        raise InputError(absent)
    with home.lock(identifier):
        before = latest_receipt(home, identifier)
        digests = sorted(file_hash(source) for source in sources)
        if (
            before is not None
            and sorted(file.sha256 for file in before.files) == digests
            and variant in (None, before.variant)
        ):
            read(before)
            return before, False
        named = [Source(source, display_name(source)) for source in sources]
        if before is not None and not supersede:
            raise InputError(
                [
                    Problem(
                        ", ".join(source.name for source in named),
                        None,
                        "ROUND_EXISTS",
                        f"round {identifier} was received before with other content (receipt {before.number})",
                        "give --supersede to replace it; the earlier receipt is kept",
                    )
                ]
            )
        chosen = assign(spec, period, named, variant).variant
        folder = home.received / identifier
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob(".tmp-*"):
            shutil.rmtree(left, ignore_errors=True)
        number = before.number + 1 if before else 1
        temporary = folder / f".tmp-{number}"
        temporary.mkdir(mode=0o700)
        try:
            files = tuple(_keep(source, temporary, place) for place, source in enumerate(named))
            receipt = Receipt(identifier, number, chosen, files)
            read(receipt)
            kept = [
                {"name": file.name, "file": file.path.name, "sha256": file.sha256, "bytes": file.path.stat().st_size}
                for file in files
            ]
            write_atomically(temporary / "receipt.json", as_json({"variant": chosen, "files": kept}))
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


def _keep(source: Source, folder: Path, place: int) -> ReceivedFile:
    """Copy one file to where it is kept, closed to other users and on disk."""
    name = "extract" if place == 0 else f"extract-{place + 1}"
    kept = folder / f"{name}{_suffix(source.path)}"
    return ReceivedFile(source.name, _copy(source.path, kept), kept)


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
