"""A reader that crashes, hangs, takes all memory or is left alone by the process that asked for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.readers import apart
from schemas.errors import InputError
from tests.pipelines.readers.samples import layout_of, sound


@pytest.fixture
def sav(desk):
    return desk.file(sound("sav"), "persons.sav")


def children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def ends(pid):
    """Whether a process ends within some seconds."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def opened(desk, sav, monkeypatch):
    """A file whose reading process waits with its first batches, and that process."""
    monkeypatch.setattr(apart, "CHUNK_CELLS", 4)
    started = []
    start = apart._start
    monkeypatch.setattr(apart, "_start", lambda format: started.append(start(format)) or started[-1])
    return apart.open_apart(sav, layout_of("sav"), "persons.sav"), started[0][1]


def test_a_reader_that_is_killed_leaves_a_damaged_file(desk, sav, monkeypatch):
    monkeypatch.setattr(apart, "_start", stopped(apart._start, signal.SIGKILL))
    error = desk.refuse(sav, layout_of("sav"))
    assert [problem.rule for problem in error.problems] == ["FILE_TRUNCATED"]
    assert "broke down" in str(error)


def test_a_reader_that_stands_still_is_killed(desk, sav, monkeypatch):
    pids = []
    monkeypatch.setattr(apart, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(apart, "_start", stopped(apart._start, signal.SIGSTOP, pids))
    error = desk.refuse(sav, layout_of("sav"))
    assert [problem.rule for problem in error.problems] == ["FILE_TRUNCATED"]
    assert "stood still" in str(error)
    assert ends(pids[0])


def stopped(start, how, pids=None):
    """A start of reading processes that sends each a signal before it has its job."""

    def start_and_stop(format):
        channel, pid = start(format)
        os.kill(pid, how)
        if pids is not None:
            pids.append(pid)
        return channel, pid

    return start_and_stop


def test_a_reader_that_wants_too_much_memory(desk, sav, monkeypatch):
    monkeypatch.setattr(apart, "MEMORY_BYTES", 4096)
    error = desk.refuse(sav, layout_of("sav"))
    assert [problem.rule for problem in error.problems] == ["FILE_TRUNCATED"]


def test_the_next_file_is_read_after_a_failure(desk, sav, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(apart, "_start", stopped(apart._start, signal.SIGKILL))
        desk.refuse(sav, layout_of("sav"))
    info, _ = desk.read(sav, layout_of("sav"))
    assert info.rows == 60


def test_a_service_that_is_gone_is_started_again(desk, sav):
    desk.read(sav, layout_of("sav"))
    process = apart._service.process
    process.kill()
    process.wait()
    (desk.store / "raw.parquet").unlink()
    info, _ = desk.read(sav, layout_of("sav"))
    assert info.rows == 60


def test_a_reading_process_ends_when_its_batches_are_not_wanted(desk, sav, monkeypatch):
    extract, pid = opened(desk, sav, monkeypatch)
    next(extract.batches)
    extract.batches.close()
    assert ends(pid)


def test_two_files_are_read_at_the_same_time(desk, sav, monkeypatch):
    monkeypatch.setattr(apart, "CHUNK_CELLS", 4)
    both = [apart.open_apart(sav, layout_of("sav"), "persons.sav").batches for _ in range(2)]
    rows = [0, 0]
    for first, second in zip(*both, strict=True):
        assert first.equals(second)
        rows = [rows[0] + first.num_rows, rows[1] + second.num_rows]
    assert rows == [60, 60]


def test_an_error_of_the_reader_itself_is_no_refusal(desk, sav, monkeypatch):
    told = {"path": str(sav), "layout": {"records": None, "fields": [], "format": "sav"}, "file": "x"}
    monkeypatch.setattr(apart.frames, "layout_as_json", lambda layout: told["layout"])
    with pytest.raises(RuntimeError, match="TypeError in"):
        apart.open_apart(sav, layout_of("sav"), "persons.sav")


PARENT = """
import sys, time
from pathlib import Path
from pipelines.readers import apart
from tests.pipelines.readers.samples import layout_of
apart.CHUNK_CELLS = 4
extract = apart.open_apart(Path(sys.argv[1]), layout_of("sav"), "persons.sav")
next(extract.batches)
print(apart._service.process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is read")
def test_nothing_goes_on_when_the_asking_process_is_killed(desk):
    path = desk.file(sound("sav"), "persons.sav")
    root = Path(apart.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(path)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as parent:
        service = int(parent.stdout.readline())
        below = children(service)
        parent.kill()
    assert ends(service)
    assert all(ends(pid) for pid in below)


def test_stopping_the_service_twice_is_harmless(desk, sav):
    desk.read(sav, layout_of("sav"))
    process = apart._service.process
    apart.stop_service()
    apart.stop_service()
    assert process.returncode == 0
    with pytest.raises(InputError):
        apart.open_apart(desk.file(b"$FL2", "a.sav"), layout_of("sav"), "a.sav")
