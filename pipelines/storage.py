"""Tables on disk: by partition and input hash, written whole or not at all.

``store/<table>/<partition>/<input-hash>/`` holds ``data.parquet`` (absent when the table was refused) and
``facts.json`` (verdict, findings, whole-table figures). ``current.json`` names the hash in force.
Whether a table is valid is read from here, never from an event log.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.findings import Finding
from pipelines.home import fsync_folder


@dataclass(frozen=True)
class Table:
    """Reference to one stored table.

    Attributes:
        name: the table's name, e.g. ``harmonised_persons``.
        partition: round or area-year.
        input_hash: hash of everything that it was made from.
        folder: where it lies.
        is_valid: whether it passed its checks; a refused table has no data.
        is_new: whether this run made it.
        findings: what the checks found.
        facts: whole-table figures (rows, weight total, ...).
    """

    name: str
    partition: str
    input_hash: str
    folder: Path
    is_valid: bool
    is_new: bool
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]

    @property
    def data(self) -> Path:
        """The Parquet file."""
        return self.folder / "data.parquet"


@dataclass(frozen=True)
class Built:
    """What a builder found out while it wrote ``data.parquet`` into the folder it was given."""

    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]

    @property
    def is_valid(self) -> bool:
        """No finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)


def hash_of(*parts: object) -> str:
    """Return a short hash of JSON-able parts: 20 hexadecimal digits."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def file_hash(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file under a temporary name, sync it and put it in place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    fsync_folder(path.parent)


def as_json(value: object) -> bytes:
    """Return JSON text that a person can read, the same for the same value."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n").encode()


def current(store: Path, name: str, partition: str) -> Table | None:
    """Return the table in force for a partition, or None."""
    pointer = store / name / partition / "current.json"
    if not pointer.is_file():
        return None
    input_hash = json.loads(pointer.read_bytes())["input_hash"]
    return _load(store, name, partition, input_hash, is_new=False)


def partitions(store: Path, name: str) -> tuple[str, ...]:
    """Return the partitions of a table that have a current version, sorted."""
    folder = store / name
    if not folder.is_dir():
        return ()
    return tuple(sorted(child.name for child in folder.iterdir() if (child / "current.json").is_file()))


def _load(store: Path, name: str, partition: str, input_hash: str, *, is_new: bool) -> Table | None:
    folder = store / name / partition / input_hash
    facts_file = folder / "facts.json"
    if not facts_file.is_file():
        return None
    stored = json.loads(facts_file.read_bytes())
    return Table(
        name=name,
        partition=partition,
        input_hash=input_hash,
        folder=folder,
        is_valid=stored["is_valid"],
        is_new=is_new,
        findings=tuple(Finding(**{**item, "rows": tuple(item["rows"])}) for item in stored["findings"]),
        facts=stored["facts"],
    )


class NotStoredError(Exception):
    """A table is not there, and it was asked for only if it is (``stored_only``)."""


_stored_only: ContextVar[bool] = ContextVar("stored_only", default=False)


@contextmanager
def stored_only() -> Iterator[None]:
    """Within the block ``obtain`` raises NotStoredError instead of building.

    It tells cheaply, in one process, whether a chain of tables has anything to do.
    """
    token = _stored_only.set(True)
    try:
        yield
    finally:
        _stored_only.reset(token)


def obtain(store: Path, name: str, partition: str, input_hash: str, build: Callable[[Path], Built]) -> Table:
    """Return the table with this input hash, building it only if it is not there yet.

    Args:
        store: root of the tables.
        name: table.
        partition: round or area-year.
        input_hash: hash of everything that goes in.
        build: writes ``data.parquet`` (and files beside it) into the folder it is given.

    Raises:
        NotStoredError: within ``stored_only``, when it would have to be built.

    A refused table is kept as its verdict alone, so that it is not judged again until its input changes.
    """
    home = store / name / partition
    for folder in (home.parent, home):
        folder.mkdir(mode=0o700, exist_ok=True)
    table = _load(store, name, partition, input_hash, is_new=False)
    if table is None and _stored_only.get():
        raise NotStoredError(f"{name} of {partition}")
    if table is None:
        for left in home.glob(".tmp-*"):
            shutil.rmtree(left, ignore_errors=True)
        temporary = home / f".tmp-{input_hash}"
        temporary.mkdir(mode=0o700)
        try:
            built = build(temporary)
            if not built.is_valid:
                for item in temporary.iterdir():
                    item.unlink()
            stored = {
                "is_valid": built.is_valid,
                "findings": [asdict(finding) for finding in built.findings],
                "facts": dict(built.facts),
            }
            (temporary / "facts.json").write_bytes(as_json(stored))
            _sync(temporary.iterdir())
            fsync_folder(temporary)
            temporary.replace(home / input_hash)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            if not any(home.iterdir()):
                home.rmdir()
            raise
        fsync_folder(home)
        table = _load(store, name, partition, input_hash, is_new=True)
        assert table is not None
    pointer = home / "current.json"
    wanted = as_json({"input_hash": input_hash})
    if not pointer.is_file() or pointer.read_bytes() != wanted:
        write_atomically(pointer, wanted)
    return table


def _sync(files: Iterable[Path]) -> None:
    for path in files:
        path.chmod(0o600)
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
