"""The folder of a release that is being written: its files, what each is about, and what is taken from the one before.

Here belongs how a file gets into the folder and is remembered for the table of contents. What files there are is said
in ``release_content``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sdmx_out.csv_text import read_csv
from sdmx_out.files import Written, packed, share, write_blocks, write_lines, write_text
from sdmx_out.releases.release import TOC


@dataclass(frozen=True)
class Subject:
    """What a data file is about, for the table of contents."""

    dataflow: str = ""
    indicator: str = ""
    title: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    areas: int | None = None
    time_from: str = ""
    time_to: str = ""


class ReleaseFolder:
    """A release while it is written.

    Attributes:
        path: where it is written.
        earlier: folder of the release before, or None.
        before: file -> its line in the contents of the release before.
        written: file -> what was written and what it is about.
    """

    def __init__(self, path: Path, earlier: Path | None) -> None:
        self.path, self.earlier = path, earlier
        contents = earlier / TOC if earlier else None
        self.before = {row["file"]: row for row in read_csv(contents)} if contents and contents.is_file() else {}
        self.written: dict[str, tuple[Written, Subject]] = {}

    def put(self, name: str, written: Written, subject: Subject | None = None) -> None:
        """Remember a file by its name inside the release."""
        self.written[name] = (written, subject or Subject())

    def lines(self, name: str, lines: Iterable[str], subject: Subject | None = None) -> None:
        """Write lines of text."""
        self.put(name, write_lines(self.path / name, lines), subject)

    def text(self, name: str, text: str) -> None:
        """Write a text."""
        self.put(name, write_text(self.path / name, text))

    def blocks(self, name: str, blocks: Iterable[bytes], subject: Subject | None = None) -> None:
        """Write blocks, packed where the name ends in `.gz`."""
        content = packed(blocks) if name.endswith(".gz") else blocks
        self.put(name, write_blocks(self.path / name, content), subject)

    def taken_over(self, name: str, subject: Subject | None = None) -> bool:
        """Take a file of the release before, date and all; say whether that has it, unchanged."""
        row = self.before.get(name)
        if self.earlier is None or row is None or not row["sha256"]:
            return False
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not share(path, self.earlier / name, row["sha256"]):
            return False
        self.put(name, Written(path, row["sha256"], int(row["bytes"])), subject)
        return True

    def derived(
        self, name: str, blocks: Callable[[], Iterator[bytes]], subject: Subject | None = None, *, is_unchanged: bool
    ) -> None:
        """Write a file that follows from others; where these are unchanged, the one of the release before will do."""
        if not (is_unchanged and self.taken_over(name, subject)):
            self.blocks(name, blocks(), subject)

    def last_update(self, name: str, today: str) -> str:
        """Return since when a file is as it is; one that did not change becomes a link to the one before."""
        written, _ = self.written[name]
        row = self.before.get(name)
        if self.earlier is None or row is None or row["sha256"] != written.sha256:
            return today
        share(written.path, self.earlier / name, written.sha256)
        return row["last_update"]

    def is_as_before(self, name: str) -> bool:
        """Whether a file that was written is the same as in the release before."""
        row = self.before.get(name)
        return row is not None and name in self.written and row["sha256"] == self.written[name][0].sha256
