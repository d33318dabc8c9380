"""The data folder: where everything that the pipeline keeps has its place.

Layout (everything below is private to the pipeline's user except ``releases``)::

    received/<round>/<receipt>/   files as they came, with receipt.json
    store/<table>/<partition>/    tables by input hash, and current.json
    reports/<round>/              findings of the last run, as HTML, workbook and data
    releases/                     what is public
    candidates/<release>/         releases that are frozen and not yet public, with their protection report
    roles.toml                    who makes and who approves releases, if anybody is named
    release-log.jsonl             every decision on releases
    withdrawn.csv                 figures that were withdrawn
    dagster/                      DAGSTER_HOME
    locks/, tmp/                  locks, and scratch space that is emptied
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The data folder and the specification folders in force."""

    root: Path
    spec_dirs: tuple[Path, ...] = ()

    @property
    def received(self) -> Path:
        """Files as they came."""
        return self.root / "received"

    @property
    def store(self) -> Path:
        """Tables."""
        return self.root / "store"

    @property
    def reports(self) -> Path:
        """Findings per round, restricted."""
        return self.root / "reports"

    @property
    def releases(self) -> Path:
        """Published releases: the only public folder."""
        return self.root / "releases"

    @property
    def home(self) -> Path:
        """The folder itself, under the name that public commands know."""
        return self.root

    def prepare(self) -> None:
        """Make the folders; all but the releases are closed to other users."""
        self.root.mkdir(parents=True, exist_ok=True)
        for private in ("received", "store", "reports", "locks", "tmp", "dagster"):
            (self.root / private).mkdir(mode=0o700, exist_ok=True)
        self.releases.mkdir(exist_ok=True)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of one partition (or of ``releases``); waits until it is free.

        The lock goes with the process, however it ends.
        """
        path = self.root / "locks" / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a scratch folder of this process alone; scratch of processes that died is removed."""
        tmp = self.root / "tmp"
        tmp.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.lock("scratch"):
            for left in sorted(tmp.iterdir()):
                if left.is_dir() and _is_abandoned(left):
                    shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(dir=tmp))
            handle = (folder / ".lock").open("w")
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            handle.close()


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / ".lock").open("r+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False


def fsync_folder(folder: Path) -> None:
    """Make sure that a folder's entries are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
