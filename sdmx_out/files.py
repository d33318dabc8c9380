"""Files that are either absent or whole, and never change again.

Here belongs how bytes reach the disk: temporary name, fsync, rename, read-only; links, lock. What the
bytes say does not belong here.
"""

import fcntl
import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TEMPORARY_PREFIX = ".building-"
READ_ONLY = 0o444
_BLOCK = 1 << 20
#: zlib's way to say that a gzip header is wanted; it writes no time into it.
_GZIP_FORMAT = 31
_LEVEL = 6


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: where it stands.
        sha256: of its bytes, in hex.
        size: in bytes.
    """

    path: Path
    sha256: str
    size: int


def write_blocks(path: Path, blocks: Iterable[bytes]) -> Written:
    """Write blocks to a new read-only file, under a temporary name until all of it is on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    digest, size = hashlib.sha256(), 0
    with temporary.open("wb") as stream:
        for block in blocks:
            digest.update(block)
            size += stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.chmod(READ_ONLY)
    temporary.replace(path)
    return Written(path, digest.hexdigest(), size)


def write_text(path: Path, text: str) -> Written:
    """Write UTF-8 text to a new read-only file."""
    return write_blocks(path, [text.encode()])


def write_lines(path: Path, lines: Iterable[str]) -> Written:
    """Write UTF-8 lines, each ended by a line feed, to a new read-only file."""
    return write_blocks(path, _blocks(lines))


def _blocks(lines: Iterable[str]) -> Iterator[bytes]:
    pending: list[str] = []
    size = 0
    for line in lines:
        pending.append(line)
        size += len(line)
        if size > _BLOCK:
            yield ("\n".join(pending) + "\n").encode()
            pending, size = [], 0
    if pending:
        yield ("\n".join(pending) + "\n").encode()


def packed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks as one gzip file that knows no time and no name: the same bytes for the same content."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def share(path: Path, earlier: Path, sha256: str) -> bool:
    """Make `path` a hard link of `earlier` if that file still has these bytes; say whether it was."""
    if not earlier.is_file() or sha256_of(earlier) != sha256:
        return False
    if path.exists() and path.samefile(earlier):
        return True
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    os.link(earlier, temporary)
    temporary.replace(path)
    return True


def sync_folder(folder: Path) -> None:
    """Make the names inside a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Make the names inside a folder and all its subfolders durable."""
    for place, _, _ in os.walk(folder):
        sync_folder(Path(place))


def point(link: Path, target: str) -> None:
    """Make a symbolic link point to a name beside it, replacing what it pointed to in one step."""
    temporary = link.with_name(f"{TEMPORARY_PREFIX}{link.name}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
    sync_folder(link.parent)


def remove_leftovers(folder: Path) -> list[str]:
    """Remove what an interrupted writer left under temporary names; the caller holds the lock."""
    leftovers = sorted(folder.glob(f"{TEMPORARY_PREFIX}*"))
    for leftover in leftovers:
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    return [leftover.name for leftover in leftovers]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; waits for another writer. The system frees it if the process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
