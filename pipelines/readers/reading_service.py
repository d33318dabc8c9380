"""The process that reads binary formats: ``python -m pipelines.readers.reading_service DESCRIPTOR``.

Parsers of binary formats are C code that a damaged file can crash, hang or make take all memory. So they run
here, beside the process that asks (``apart``): this one imports the libraries once and forks for every file,
so that each file has a process of its own, with a limit on its memory, which dies with this one; and this one
ends when the asking process does, because its control channel then closes.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Threads of numerical libraries would have to be forked, and take address space.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.putenv(_name, "1")

import pyarrow as pa  # noqa: E402

from pipelines.readers import frames  # noqa: E402
from pipelines.readers.layout import OpenExtract  # noqa: E402
from schemas.errors import InputError  # noqa: E402

READERS = {
    **dict.fromkeys(("dta", "sav", "sas7bdat"), ("pipelines.readers.stat_packages", "open_stat_package")),
    "parquet": ("pipelines.readers.parquet_files", "open_parquet"),
    "xlsx": ("pipelines.readers.workbooks", "open_workbook"),
}
MESSAGE_BYTES = 16
_PR_SET_PDEATHSIG = 1


class _WithoutPandas:
    """A finder that finds no pandas: Arrow imports it to know its types, which takes longer than most files."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Refuse one module, and leave all others to the other finders."""
        if name == "pandas":
            raise ModuleNotFoundError(name, name=name)


def serve(control: socket.socket) -> None:
    """Fork a reading process for every message, which names a format and carries a channel."""
    service = os.getpid()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 1)
        _reap()
        if not message or not descriptors:
            return
        module, name = READERS[message.decode().strip()]
        read = getattr(importlib.import_module(module), name)
        if os.fork() == 0:
            control.close()
            # Whatever happens in the child, it must not run on as a second service.
            try:
                _read_one(socket.socket(fileno=descriptors[0]), read, service)
            finally:
                os._exit(0)
        os.close(descriptors[0])


def _reap() -> None:
    """Take leave of the children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _read_one(channel: socket.socket, read: Callable[..., OpenExtract], service: int) -> None:
    """Read one file and send what it holds."""
    _die_with(service)
    for descriptor in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    frames.send(channel, frames.STARTED, str(os.getpid()).encode())
    job = json.loads(frames.receive(channel)[1])
    _limit(job["memory_bytes"])
    try:
        _send_extract(channel, job, read)
    except InputError as error:
        problems = [vars(problem) for problem in error.problems]
        frames.send(channel, frames.REFUSED, json.dumps(problems).encode())
    except MemoryError:
        frames.send(channel, frames.MEMORY)
    except (BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        # Type and place, and never the text, which may quote a value.
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
        frames.send(channel, frames.FAILED, told.encode())


def _send_extract(channel: socket.socket, job: dict[str, Any], read: Callable[..., OpenExtract]) -> None:
    """Send columns and labels, then the batches, then the notes."""
    opened = read(Path(job["path"]), frames.layout_of_json(job["layout"]), job["file"], **job["options"])
    told = {
        "columns": opened.columns,
        "encoding": opened.encoding,
        "types": opened.types,
        "labels": opened.labels,
        "value_labels": opened.value_labels,
        "notes": opened.notes,
    }
    frames.send(channel, frames.OPENED, json.dumps(told).encode())
    if not job["is_peek"]:
        schema = pa.schema([(name, pa.string()) for name in opened.columns])
        for batch in opened.batches:
            frames.send(channel, frames.BATCH, batch.cast(schema).serialize())
    frames.send(channel, frames.ENDED, json.dumps(opened.notes).encode())


def _die_with(service: int) -> None:
    """See that this process is killed when the service ends, even inside a library that never returns."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != service:
        os._exit(0)


def _limit(memory_bytes: int) -> None:
    """Allow so many bytes beyond what is in use already, and no core dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.meta_path.insert(0, _WithoutPandas)
    serve(socket.socket(fileno=int(sys.argv[1])))
