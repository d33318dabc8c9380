"""The quotation marks, row ends and blank rows of a UTF-8 csv, found without parsing its values.

A parser that is lenient about quotes reads on silently; what is counted here is compared with it.
"""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.readers.encodings import BLOCK
from pipelines.readers.layout import refusal
from schemas.errors import InputError

_QUOTE, _LF, _CR, _END = 34, 10, 13, 0


@dataclass
class Scan:
    """One csv file's structure; rows are records counted from 1, the header included.

    Attributes:
        rows: records up to the last one that is not blank.
        blank_row: the first blank record before that, or None.
        has_stray_quotes: a quotation mark stands where strict csv has none, so counts are not certain.
        open_row: record in which a quoted value begins that the file never ends, or None.
        nul_row: record with a NUL character, or None.
    """

    rows: int = 0
    blank_row: int | None = None
    has_stray_quotes: bool = False
    open_row: int | None = None
    nul_row: int | None = None


def scan(path: Path, delimiter: str) -> Scan:
    """One pass over the bytes of a UTF-8 file without mark."""
    found = Scan()
    before_value = np.array([ord(delimiter), _LF, _CR, _QUOTE], dtype=np.uint8)
    after_value = np.array([ord(delimiter), _LF, _CR, _QUOTE, _END], dtype=np.uint8)
    records = 0  # row ends so far, those of blank rows included
    first_blank: int | None = None  # of the blank rows that nothing has followed yet
    last_end = -1
    offset = 0
    is_open = False
    for padded in _padded_blocks(path):
        body, before, after = padded[1:-1], padded[:-2], padded[2:]
        quotes = np.flatnonzero(body == _QUOTE)
        ends = np.flatnonzero((body == _LF) | ((body == _CR) & (after != _LF)))
        if len(quotes) or is_open:
            ends = ends[(np.searchsorted(quotes, ends) + is_open) % 2 == 0]
            opens = (np.arange(len(quotes)) + is_open) % 2 == 0
            found.has_stray_quotes |= not (
                np.isin(before[quotes[opens]], before_value).all() and np.isin(after[quotes[~opens]], after_value).all()
            )
            is_open = bool((len(quotes) + is_open) % 2)
            if is_open and len(quotes):
                found.open_row = records + int(np.searchsorted(ends, quotes[-1])) + 1
        if found.nul_row is None and len(nuls := np.flatnonzero(body == _END)):
            found.nul_row = records + int(np.searchsorted(ends, nuls[0])) + 1
        if len(ends):
            gaps = np.diff(ends + offset, prepend=last_end)
            blank = (gaps == 1) | ((gaps == 2) & (body[ends] == _LF) & (before[ends] == _CR))
            full = np.flatnonzero(~blank)
            if len(full):
                found.rows = records + int(full[-1]) + 1
            if first_blank is None and blank.any():
                first_blank = records + int(np.flatnonzero(blank)[0]) + 1
            records += len(ends)
            last_end = int(ends[-1]) + offset
        offset += len(body)
    if last_end < offset - 1:
        found.rows = records + 1
    found.blank_row = first_blank if first_blank is not None and first_blank < found.rows else None
    found.open_row = found.open_row if is_open else None
    return found


def _padded_blocks(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Blocks of bytes, each with the byte before and the byte after it (a row end, NUL, at the edges)."""
    with path.open("rb") as stream:
        before, current = b"\n", stream.read(BLOCK)
        while current:
            following = stream.read(BLOCK)
            yield np.frombuffer(before + current + (following[:1] or b"\0"), dtype=np.uint8)
            before, current = current[-1:], following


def check_strictly(path: Path, delimiter: str, file: str) -> int:
    """Number of records of a csv that has quotation marks in odd places, read by Python's strict parser.

    A mark inside an unquoted value is that character; text after a closing mark is refused.

    Raises:
        InputError: FILE_TRUNCATED when a quoted value does not end, FILE_ROW_WIDTH when one goes on
            after its closing mark.
    """
    limit = csv.field_size_limit(sys.maxsize)
    count = 0
    reason = ""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream, delimiter=delimiter, strict=True):
                count += bool(row)
    except csv.Error as error:
        reason = str(error)
    finally:
        csv.field_size_limit(limit)
    if reason.startswith("unexpected end"):
        raise open_quote(file, count + 1)
    if reason:
        raise refusal(
            file,
            "FILE_ROW_WIDTH",
            "text follows the closing quotation mark of a value",
            'double every quotation mark inside a quoted value ("")',
            count + 1,
        )
    return count


def open_quote(file: str, row: int) -> InputError:
    """One refusal of a quoted value that the file does not end."""
    return refusal(
        file,
        "FILE_TRUNCATED",
        "the file ends inside a quoted value that begins in this row",
        "hand in the whole file, or close the quotation mark",
        row,
    )
