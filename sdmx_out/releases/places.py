"""Where a data folder keeps releases, and what belongs to them.

``releases`` is public; everything else is of its owner alone. Candidates lie on the file system of the releases, so
that publishing is one rename.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The places of one data folder.

    Attributes:
        home: the data folder.
    """

    home: Path

    @property
    def releases(self) -> Path:
        """Published releases."""
        return self.home / "releases"

    @property
    def candidates(self) -> Path:
        """Candidates, and the protection reports of what was published."""
        return self.home / "candidates"

    @property
    def log(self) -> Path:
        """Every decision, one line each."""
        return self.home / "release-log.jsonl"

    @property
    def withdrawn(self) -> Path:
        """Withdrawals in force."""
        return self.home / "withdrawn.csv"

    @property
    def roles(self) -> Path:
        """Who may make and who may approve; optional."""
        return self.home / "roles.toml"

    def prepare(self) -> None:
        """Make the two folders; that of candidates is closed to other users."""
        self.releases.mkdir(parents=True, exist_ok=True)
        self.candidates.mkdir(mode=0o700, exist_ok=True)

    def release_folders(self) -> Iterator[Path]:
        """Yield the folder of every published release, by name."""
        if self.releases.is_dir():
            for path in sorted(self.releases.iterdir()):
                if not path.is_symlink() and not path.name.startswith(".") and (path / "release.json").is_file():
                    yield path


def write_private(path: Path, content: bytes) -> None:
    """Write a file for its owner alone: under a temporary name, synced, put in place."""
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
