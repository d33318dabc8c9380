"""Binary formats read in a process of their own, so that no file can crash, hang or exhaust the one that asks.

Here belong the limits and what becomes of a reading process that fails; what it runs is ``reading_service``.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.readers import frames
from pipelines.readers.layout import FileLayout, OpenExtract, damaged, refusal
from schemas.errors import InputError, Problem

# Of one reading process, beyond what its libraries take.
MEMORY_BYTES = 2 << 30
# Without a sign of life: so long, and longer for a large file, of which a part may be skipped each time.
PATIENCE_SECONDS = 30.0
BYTES_PER_SECOND = 2_000_000
# Most cells of a batch; None leaves it to the reader.
CHUNK_CELLS: int | None = None

_ROOT = Path(__file__).parents[2]
_STARTS = 2


@dataclass
class _Service:
    """One running service, and the process that started it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    owner: int


_lock = threading.Lock()
_service: _Service | None = None


def open_apart(path: Path, layout: FileLayout, file: str, is_peek: bool = False) -> OpenExtract:
    """One file of a binary format opened in a process of its own.

    Args:
        path: the file.
        layout: its declaration.
        file: name for messages.
        is_peek: read no rows.

    Raises:
        InputError: what the format's reader raises; FILE_TRUNCATED when the process crashes, stands still or
            wants more memory than it may have.
        RuntimeError: the reader itself is at fault, or its process cannot be started.
    """
    reading = _Reading(path, layout, file, is_peek)
    told = json.loads(reading.expect(frames.OPENED))
    opened = OpenExtract(
        columns=tuple(told["columns"]),
        batches=iter(()),
        encoding=told["encoding"],
        types=told["types"],
        labels=told["labels"],
        value_labels=told["value_labels"],
        notes=told["notes"],
    )
    opened.batches = reading.batches(opened)
    return opened


def stop_service() -> None:
    """End the service of this process, if it has one; the next file starts another."""
    global _service
    with _lock:
        service, _service = _service, None
    if service is None:
        return
    service.control.close()
    if service.owner == os.getpid():
        service.process.wait()


atexit.register(stop_service)


class _Reading:
    """One reading process, from the side that asked for it."""

    def __init__(self, path: Path, layout: FileLayout, file: str, is_peek: bool) -> None:
        self.file = file
        self.size = path.stat().st_size
        self.channel, self.pid = _start(layout.format)
        self.channel.settimeout(PATIENCE_SECONDS + self.size / BYTES_PER_SECOND)
        chunks = {} if CHUNK_CELLS is None or layout.format == "xlsx" else {"chunk_cells": CHUNK_CELLS}
        job = {
            "path": str(path.resolve()),
            "layout": frames.layout_as_json(layout),
            "file": file,
            "memory_bytes": MEMORY_BYTES,
            "is_peek": is_peek,
            "options": chunks,
        }
        try:
            frames.send(self.channel, frames.JOB, json.dumps(job).encode())
        except OSError:
            # It is gone already: the next frame tells so.
            return

    def expect(self, wanted: bytes) -> bytearray:
        """Content of the next frame, which must be of this kind."""
        kind, content = self.next()
        if kind != wanted:
            raise RuntimeError(f"the reading process sent {kind!r} for {wanted!r}")
        return content

    def next(self) -> tuple[bytes, bytearray]:
        """The next frame that is no failure."""
        problems: list[Problem] = []
        try:
            kind, content = frames.receive(self.channel)
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            kind, content = b"", bytearray(b"stood still")
        except (EOFError, ConnectionError):
            kind, content = b"", bytearray(b"broke down")
        if kind in (frames.OPENED, frames.BATCH):
            return kind, content
        self.channel.close()
        if kind == frames.ENDED:
            return kind, content
        if kind == frames.REFUSED:
            problems = [Problem(**problem) for problem in json.loads(content)]
            raise InputError(problems)
        if kind == frames.MEMORY:
            raise _unreadable(self.file, f"needed more than {MEMORY_BYTES >> 20} MiB of memory")
        if kind == frames.FAILED:
            raise RuntimeError(f"the reader of {self.file} failed: {content.decode()}")
        raise _unreadable(self.file, content.decode())

    def batches(self, opened: OpenExtract) -> Iterator[Any]:
        """Batches of text columns."""
        schema = pa.schema([(name, pa.string()) for name in opened.columns])
        try:
            while True:
                kind, content = self.next()
                if kind == frames.ENDED:
                    opened.notes[:] = json.loads(content)
                    return
                try:
                    batch = pa.ipc.read_record_batch(pa.py_buffer(content), schema)
                    batch.validate(full=True)
                except pa.ArrowException:
                    raise damaged(self.file) from None
                yield batch
        finally:
            # A reading process that is still sending ends when it finds the channel closed.
            self.channel.close()


def _unreadable(file: str, what: str) -> InputError:
    """One refusal of a file that its parser cannot cope with."""
    return refusal(
        file,
        "FILE_TRUNCATED",
        f"the file is damaged: its reader {what}",
        "hand in the whole file again; open it in its own program to see whether it is sound",
    )


def _start(format: str) -> tuple[socket.socket, int]:
    """Channel and identifier of a new reading process."""
    message = format.encode().ljust(16)
    for _ in range(_STARTS):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                with _lock:
                    socket.send_fds(_running().control, [message], [theirs.fileno()])
                theirs.close()
                kind, content = frames.receive(ours)
            except (OSError, EOFError):
                stop_service()
                continue
            if kind == frames.STARTED:
                return socket.socket(fileno=ours.detach()), int(content)
    raise RuntimeError("the process that reads binary formats does not start")


def _running() -> _Service:
    """The service, started if it does not run; the caller holds the lock."""
    global _service
    if _service is not None and _service.owner == os.getpid() and _service.process.poll() is None:
        return _service
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.readers.reading_service", str(theirs.fileno())],
            # Found there whether the project is installed or not.
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    _service = _Service(process, ours, os.getpid())
    return _service
