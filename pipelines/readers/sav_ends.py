"""Whether an SPSS file whose header does not count its rows ends where a row does.

ReadStat stops at the end of such a file and drops the part of a row that a cut has left. Layout of the
dictionary: PSPP, "System File Format".
"""

import struct
from pathlib import Path
from typing import IO

_LAYOUTS = (2, 3)  # the field that tells the byte order, in the right one
_HEADER = 176
_NOT_COUNTED = -1
_VALUE_BYTES = 8


def is_whole(path: Path) -> bool:
    """Whether the file is not known to be cut.

    A cut at the end of a row cannot be seen; in compressed data ReadStat sees most others.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_HEADER)
        try:
            order = next(mark for mark in "<>" if struct.unpack_from(f"{mark}i", head, 64)[0] in _LAYOUTS)
            compression, _, cases = struct.unpack_from(f"{order}3i", head, 72)
            if cases != _NOT_COUNTED:
                # More than ReadStat believes, which then reads on as if there were no count.
                return False
            if compression:
                return True
            values = _skip_dictionary(stream, order)
        except (struct.error, StopIteration, ValueError):
            return False
        return values > 0 and (size - stream.tell()) % (values * _VALUE_BYTES) == 0


def _skip_dictionary(stream: IO[bytes], order: str) -> int:
    """Read up to the data; returns how many values of eight bytes a row has."""
    values = 0
    while True:
        (kind,) = _integers(stream, order, 1)
        if kind == 2:
            values += 1
            _, has_label, missing, _, _ = _integers(stream, order, 5)
            stream.seek(8, 1)
            if has_label:
                (length,) = _integers(stream, order, 1)
                stream.seek(length + -length % 4, 1)
            stream.seek(abs(missing) * _VALUE_BYTES, 1)
        elif kind == 3:
            for _ in range(_integers(stream, order, 1)[0]):
                stream.seek(_VALUE_BYTES, 1)
                (length,) = struct.unpack("B", stream.read(1))
                stream.seek(length + -(length + 1) % 8, 1)
        elif kind == 4:
            stream.seek(4 * _integers(stream, order, 1)[0], 1)
        elif kind == 6:
            stream.seek(80 * _integers(stream, order, 1)[0], 1)
        elif kind == 7:
            _, width, count = _integers(stream, order, 3)
            stream.seek(width * count, 1)
        elif kind == 999:
            stream.seek(4, 1)
            return values
        else:
            raise ValueError("no record of an SPSS dictionary")


def _integers(stream: IO[bytes], order: str, count: int) -> tuple[int, ...]:
    """So many integers of four bytes."""
    return struct.unpack(f"{order}{count}i", stream.read(4 * count))
