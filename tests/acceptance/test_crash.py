"""Processes that are killed, and processes that run at the same time."""

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.home import Home
from tests.acceptance import tiny
from tests.acceptance.desk import COMMAND, assert_whole, environment_of, tree

KILLS = 20
NEXT_DAY = date(2026, 11, 24)


@dataclass(frozen=True)
class Desk:
    """A data folder with a release and a round that waits, and what a run makes of it.

    Attributes:
        start: data folder to copy.
        end: files of `releases` after an undisturbed run.
        seconds: how long that run worked, from its first step to its end.
    """

    start: Home
    end: dict[str, str]
    seconds: float

    def copy(self, folder: Path) -> Home:
        shutil.copytree(self.start.root, folder, symlinks=True)
        return Home(folder, self.start.spec_dirs)


def start_run(home: Home, *options: str) -> subprocess.Popen[str]:
    """Start `ilms run` and return when it has told its first step."""
    command = [COMMAND, "--home", home.root, "--specs", home.spec_dirs[0], "run"]
    process = subprocess.Popen(
        [*command, "--release-date", NEXT_DAY.isoformat(), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of(),
    )
    assert process.stderr is not None
    process.stderr.readline()
    return process


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("crash")
    specs = tiny.write_spec(folder / "specs", {"value = 12000": "value = 150000"}, without=tiny.MIGRATION)
    home = Home(folder / "start", (specs,))
    for number, period in enumerate(("2024-Q1", "2024-Q2")):
        rows = tiny.persons(1500 + number * 30)
        tiny.take(home, f"FJI_TINY_{period}", tiny.write_csv(folder / f"{period}.csv", rows))
        if number == 0:
            errors, made = tiny.finish(home)
            assert errors == []
            assert len(made) == 1
    desk = Desk(home, {}, 0.0)
    undisturbed = desk.copy(folder / "undisturbed")
    process = start_run(undisturbed)
    begun = time.monotonic()
    process.communicate()
    assert process.returncode == 0
    return Desk(home, tree(undisturbed.releases), time.monotonic() - begun)


@pytest.mark.slow
def test_killed_at_random_moments(desk: Desk, tmp_path: Path) -> None:
    """After each kill the last release is whole, and the next run ends with the same bytes."""
    moments = random.Random(20261123)

    def kill(number: int, after: float) -> tuple[Home, int]:
        home = desk.copy(tmp_path / f"killed-{number}")
        process = start_run(home, "--jobs", str(1 + number % 2))
        try:
            process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        return home, process.returncode

    waits = [moments.uniform(0, desk.seconds) for _ in range(KILLS)]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(kill, range(KILLS), waits))
    assert sum(code == -signal.SIGKILL for _, code in ended) >= KILLS // 2
    for home, _ in ended:
        before = assert_whole(home.releases)
        assert before is not None
        errors, made = tiny.finish(home, NEXT_DAY)
        assert errors == []
        assert len(made) == 1
        assert tree(home.releases) == desk.end
        assert [path.name for path in home.store.rglob(".tmp-*")] == []
        shutil.rmtree(home.root)


def test_two_runs_at_the_same_time(desk: Desk, tmp_path: Path) -> None:
    home = desk.copy(tmp_path / "two")
    processes = [start_run(home) for _ in range(2)]
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert all("was not told" not in text for text in told)
    assert tree(home.releases) == desk.end
    assert assert_whole(home.releases) is not None


def test_a_receipt_that_was_never_finished_does_not_count(desk: Desk, tmp_path: Path) -> None:
    """As a kill leaves it between the last byte of receipt.json and the renaming of its folder."""
    from pipelines.intake import latest_receipt, received_rounds

    home = desk.copy(tmp_path / "unfinished")
    folder = home.received / "FJI_TINY_2024-Q1"
    shutil.copytree(folder / "1", folder / ".tmp-2")
    assert received_rounds(home) == ("FJI_TINY_2024-Q1", "FJI_TINY_2024-Q2")
    receipt = latest_receipt(home, "FJI_TINY_2024-Q1")
    assert receipt is not None
    assert receipt.number == 1
    rows = tiny.persons(1530)
    assert tiny.take(home, "FJI_TINY_2024-Q1", tiny.write_csv(tmp_path / "new.csv", rows), supersede=True) == 2
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    specs = tiny.write_spec(tmp_path / "specs")
    other = tiny.write_spec(tmp_path / "other", {'id = "TINY"': 'id = "SMALL"'})
    (other / "FJI" / "TINY").rename(other / "FJI" / "SMALL")
    home = Home(tmp_path / "var", (specs, other))
    file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons())
    tiny.take(home, "FJI_TINY_2024-Q1", file)
    tiny.take(home, "FJI_SMALL_2024-Q1", file)
    command = [COMMAND, "--home", home.root, "--specs", specs, "--specs", other, "run", "--jobs", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment_of())
    children = _wait_for(lambda: _workers(process.pid) if len(_workers(process.pid)) == 2 else [], 30)
    time.sleep(3)  # past their imports, into their rounds
    process.send_signal(signal.SIGKILL)
    process.wait()
    gone = _wait_for(lambda: [True] if not any(_is_alive(child) for child in children) else [], 30)
    assert gone


def _wait_for(look: Callable[[], list[Any]], seconds: float) -> list[Any]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    pytest.fail("what was waited for did not come")


def _workers(parent: int) -> list[int]:
    """Return the worker processes of a process (Linux), without multiprocessing's resource tracker."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent and b"spawn_main" in command:
            found.append(int(status.parent.name))
    return found


def _is_alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
