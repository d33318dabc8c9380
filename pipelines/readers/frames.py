"""What a reading process and the one that asked for it say to each other: frames of a kind and some bytes."""

import socket
from dataclasses import asdict
from typing import Any

from pipelines.readers.layout import Field, FileLayout, Records

# Kinds of frame, in the order in which they come.
STARTED = b"S"  # the reading process's identifier
JOB = b"J"  # to the reading process: what to read
OPENED = b"O"  # columns, labels, notes
BATCH = b"B"  # one batch of Arrow, without its schema
ENDED = b"E"  # complete: notes
REFUSED = b"R"  # problems of the file
MEMORY = b"M"  # more memory was wanted than is allowed
FAILED = b"F"  # an error of the reader itself: its type and place

_LENGTH_BYTES = 8
_PIECE = 1 << 20


def send(channel: socket.socket, kind: bytes, content: Any = b"") -> None:
    """Send one frame; content is any buffer."""
    view = memoryview(content)
    channel.sendall(kind + view.nbytes.to_bytes(_LENGTH_BYTES, "little"))
    if view.nbytes:
        channel.sendall(view)


def receive(channel: socket.socket) -> tuple[bytes, bytearray]:
    """Receive one frame.

    Raises:
        EOFError: the other side is gone.
        TimeoutError: the channel's time has passed without any byte.
    """
    head = _exactly(channel, 1 + _LENGTH_BYTES)
    return bytes(head[:1]), _exactly(channel, int.from_bytes(head[1:], "little"))


def layout_as_json(layout: FileLayout) -> dict[str, Any]:
    """A layout as JSON writes it."""
    return asdict(layout)


def layout_of_json(given: dict[str, Any]) -> FileLayout:
    """The layout that ``layout_as_json`` wrote."""
    records = given["records"]
    return FileLayout(
        **{
            **given,
            "fields": tuple(Field(**field) for field in given["fields"]),
            "records": Records(records["variable"], tuple(records["codes"])) if records else None,
        }
    )


def _exactly(channel: socket.socket, count: int) -> bytearray:
    """So many bytes; memory grows with what really comes."""
    content = bytearray()
    while len(content) < count:
        piece = channel.recv(min(count - len(content), _PIECE))
        if not piece:
            raise EOFError
        content += piece
    return content
