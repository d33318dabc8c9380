"""What the acceptance tests share: the installed command, trees of files, real surveys."""

import csv
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from pipelines.home import Home
from pipelines.storage import Table, current
from tests.real_data import microdata

COMMAND = Path(sys.executable).parent / "ilms"
REPOSITORY = Path(__file__).parents[2]


def ilms(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command with a data folder; return how it ended."""
    return subprocess.run(
        [COMMAND, "--home", home, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment_of(**environment),
        check=False,
    )


def environment_of(**changes: str) -> dict[str, str]:
    """Return this process's environment without what other tests may have set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ILMS_", "DAGSTER"))}
    # A whole release takes a minute more than its tables; tests that need one ask for it.
    return {**kept, "ILMS_FORMATS": "tables", **changes}


def real_rounds(folder: Path, *rounds: tuple[str, str, str]) -> Home:
    """Return a data folder in which real files, (survey, period, name), were received and run as an office would."""
    for survey, period, name in rounds:
        received = ilms(folder, "receive", survey, period, microdata(name))
        assert received.returncode == 0, received.stderr
    ran = ilms(folder, "run", "--release-date", "2026-11-23")
    assert ran.returncode == 0, ran.stderr
    return Home(folder)


def stored(home: Home, name: str, partition: str) -> Table:
    """Return the table in force of a partition, which its checks passed."""
    found = current(home.store, name, partition)
    assert found is not None
    assert found.is_valid
    return found


def tree(folder: Path) -> dict[str, str]:
    """Return relative path -> sha256 of every file, and the target of every link."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def assert_whole(releases: Path) -> Path | None:
    """Assert that the latest release of either kind is as its table of contents says; return one of them."""
    found = None
    for link in (releases / "latest", releases / "latest-test"):
        if not link.is_symlink():
            continue
        folder = link.resolve(strict=True)
        files = tree(folder)
        with (folder / "toc.csv").open(encoding="utf-8", newline="") as handle:
            told = {row["file"]: row["sha256"] for row in csv.DictReader(handle)}
        assert told
        assert {name: files[name] for name in told} == told
        assert set(files) - set(told) == {"toc.csv", "release.json"}
        found = folder
    return found
