"""Messages as bytes: from a file, plain or gzip'd, or from memory.

Here belongs how the bytes of a message are come by. What they say does not belong here.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

BLOCK = 1 << 20
#: What reading a compressed file raises where it is damaged.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
_GZIP = b"\x1f\x8b"
#: A file, or the blocks of a message; they are gone through more than once.
Source = Path | Sequence[bytes]


def open_message(path: Path) -> BinaryIO:
    """Open a message for reading; a gzip'd one as what it holds."""
    return cast(BinaryIO, gzip.open(path)) if is_packed(path) else path.open("rb")


def is_packed(path: Path) -> bool:
    """Whether a file is gzip'd."""
    with path.open("rb") as stream:
        return stream.read(len(_GZIP)) == _GZIP


def check_packed(path: Path) -> None:
    """Read a gzip'd file to its end and hold it against its checksum; a plain one is not read.

    Raises:
        EOFError, gzip.BadGzipFile, zlib.error: it is damaged.
    """
    if is_packed(path):
        for _ in blocks(path):
            pass


def blocks(source: Source) -> Iterator[bytes]:
    """Blocks of a message, of at most 1 MiB where it is a file."""
    if not isinstance(source, Path):
        yield from source
        return
    with open_message(source) as stream:
        while block := stream.read(BLOCK):
            yield block


def content(source: Source) -> bytes:
    """The whole message."""
    return b"".join(blocks(source))


def lines(source: Source) -> Iterator[bytes]:
    """Lines of a message, each with its end."""
    rest = b""
    for block in blocks(source):
        *whole, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest
