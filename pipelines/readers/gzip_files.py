"""A data file packed by gzip: what may be in it, and how it is unpacked.

The bytes decide and not the name; several packed streams after each other are one file, as gzip has it.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipelines.readers.archives import UNPACKED_LIMIT, archive_refusal, is_bomb, ratio_refusal, too_large
from pipelines.readers.signatures import HEAD_BYTES, format_of

TAR_BYTES = 512
_BLOCK = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


class _DamagedError(Exception):
    """The packed bytes are not gzip to their end."""


def unpack_gzip(source: Path, target: Path, file: str, limit: int = UNPACKED_LIMIT) -> None:
    """One file unpacked to ``target``.

    Args:
        source: the gzip file.
        target: where the bytes go.
        file: name for messages.
        limit: most bytes that may be unpacked.

    Raises:
        InputError: FILE_ARCHIVE when it is damaged, too large or too dense, or holds an archive.
    """
    written = 0
    try:
        with source.open("rb") as stream, target.open("wb") as out:
            for piece in _pieces(stream):
                written += len(piece)
                if written > limit:
                    raise too_large(file, limit)
                if is_bomb(written, stream.tell()):
                    raise ratio_refusal(file)
                out.write(piece)
    except (zlib.error, _DamagedError):
        pass
    else:
        with target.open("rb") as stream:
            check_packed(stream.read(TAR_BYTES), file)
        return
    raise archive_refusal(file, "the gzip file is damaged or incomplete", "pack the file again, and hand it in whole")


def gzip_head(source: Path, file: str) -> bytes:
    """The first bytes of what is packed.

    Raises:
        InputError: FILE_ARCHIVE.
    """
    head = b""
    try:
        with source.open("rb") as stream:
            for piece in _pieces(stream):
                head += piece
                if len(head) >= TAR_BYTES:
                    break
    except (zlib.error, _DamagedError):
        pass
    else:
        check_packed(head[:TAR_BYTES], file)
        return head
    raise archive_refusal(file, "the gzip file is damaged or incomplete", "pack the file again, and hand it in whole")


def check_packed(head: bytes, file: str) -> None:
    """Refuse an archive inside gzip, by its first 512 bytes."""
    if _is_tar(head) or format_of(head[:HEAD_BYTES]) in ("zip", "gzip", "7z", "rar", "xz"):
        raise archive_refusal(
            file,
            "the gzip file holds an archive",
            "hand in the data file itself, plain or in one zip",
        )


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """Unpacked blocks of one gzip file; zeros after the last stream are padding."""
    unpacker = zlib.decompressobj(_GZIP)
    packed = stream.read(_BLOCK)
    while packed:
        yield unpacker.decompress(packed, _BLOCK)
        packed = unpacker.unconsumed_tail or unpacker.unused_data or stream.read(_BLOCK)
        if unpacker.eof:
            packed = packed.lstrip(b"\0")
            while not packed and (packed := stream.read(_BLOCK)):
                packed = packed.lstrip(b"\0")
            if packed:
                unpacker = zlib.decompressobj(_GZIP)
    yield unpacker.flush()
    if not unpacker.eof:
        raise _DamagedError


def _is_tar(head: bytes) -> bool:
    """Whether 512 bytes are the header of a tar: its mark, or the checksum of the oldest form."""
    if len(head) < TAR_BYTES:
        return False
    if head[257:262] == b"ustar":
        return True
    try:
        declared = int(head[148:156].strip(b"\0 ") or b"x", 8)
    except ValueError:
        return False
    return declared == sum(head[:148]) + 8 * 32 + sum(head[156:])
