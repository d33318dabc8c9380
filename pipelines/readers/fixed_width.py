"""Fixed-width text: each value lies between two byte offsets of its row.

Offsets count bytes of the file as it came, so it is cut first and decoded after.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.readers.encodings import BLOCK, FALLBACK, TextEncoding, find_encoding, undecodable
from pipelines.readers.layout import (
    ROW_NUMBER,
    FileLayout,
    OpenExtract,
    Records,
    check_columns,
    declared_labels,
    refusal,
)
from pipelines.readers.records import count_codes, is_one_of, trimmed

_LF, _CR = 10, 13
LONGEST_ROW = 64 << 20
_CP1252_GAPS = np.array([0x81, 0x8D, 0x8F, 0x90, 0x9D], dtype=np.uint8)


@dataclass(frozen=True)
class _Rows:
    """Some whole rows of a file: their bytes, where each begins, how long it is and its number in the file."""

    bytes: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    numbers: NDArray[np.int64]

    def take(self, places: NDArray[np.int64]) -> "_Rows":
        """Some of the rows."""
        return _Rows(self.bytes, self.starts[places], self.lengths[places], self.numbers[places])


def open_fixed_width(path: Path, layout: FileLayout, file: str) -> OpenExtract:
    """One fixed-width file opened: the declared columns and batches of text without outer blanks.

    Where the file holds several record types, the record variable is cut first and rows of other types are
    left out before the width of any row is judged; batches then have ``row_number``.

    Raises:
        InputError: FILE_COLUMNS, FILE_DUPLICATE_COLUMN, FILE_ENCODING here; FILE_ROW_WIDTH and
            FILE_ENCODING while the batches are read.
    """
    columns = tuple(field.name for field in layout.fields)
    incomplete = [
        field.name
        for field in layout.fields
        if field.start is None or field.width is None or field.start < 1 or field.width < 1
    ]
    if incomplete or not columns:
        raise refusal(
            file,
            "FILE_COLUMNS",
            f"start or width is not declared for {', '.join(incomplete) or 'any variable'}",
            "give start (from 1) and width in bytes for every variable of the layout",
        )
    check_columns(columns, layout.fields, file)
    if layout.records is not None and layout.records.variable not in columns:
        raise refusal(
            file,
            "FILE_COLUMNS",
            f"start and width are not declared for the record variable {layout.records.variable}",
            "give the record variable in the layout of every part of the file",
        )
    encoding = find_encoding(path, layout.encoding, file)
    if codecs.encode("1\n", encoding.name).removeprefix(codecs.BOM_UTF8) != b"1\n":
        raise refusal(
            file,
            "FILE_ENCODING",
            f"rows in {encoding.name} cannot be cut by bytes",
            "save the file in the encoding that its layout was made for",
        )
    opened = OpenExtract(
        columns=columns,
        batches=iter(()),
        encoding=encoding.name,
        types=dict.fromkeys(columns, "text"),
        labels=declared_labels(layout.fields),
        notes=[encoding.note] if encoding.note else [],
    )
    opened.batches = _batches(path, layout, encoding, opened, file)
    return opened


def _batches(path: Path, layout: FileLayout, encoding: TextEncoding, opened: OpenExtract, file: str) -> Iterator[Any]:
    """Batches of text columns."""
    spans = {field.name: ((field.start or 1) - 1, field.width or 0) for field in layout.fields}
    end = max(start + width for start, width in spans.values())
    notes = opened.notes
    replaced = 0
    shortest, longest = 1 << 62, 0
    is_ascii = True
    for rows in _row_blocks(path, encoding, file):
        _check_bytes(rows, file)
        if layout.records is not None:
            rows = _of_type(rows, layout.records, spans, encoding, opened.record_counts, file)
            if not len(rows.starts):
                continue
        _check_length(rows, end, file)
        is_ascii &= bool(rows.bytes.max() < 128)
        if encoding.name == FALLBACK and not encoding.is_declared:
            replaced += int(np.isin(rows.bytes, _CP1252_GAPS).sum())
        shortest, longest = min(shortest, int(rows.lengths.min())), max(longest, int(rows.lengths.max()))
        arrays = [_cut(rows, start, width, encoding, file) for start, width in spans.values()]
        names = list(spans)
        if layout.records is not None:
            arrays, names = [pa.array(rows.numbers), *arrays], [ROW_NUMBER, *names]
        yield pa.RecordBatch.from_arrays(arrays, names)
    if shortest < longest and not is_ascii and codecs.lookup(encoding.name).name.startswith("utf-8"):
        raise refusal(
            file,
            "FILE_ROW_WIDTH",
            f"rows have {shortest} to {longest} bytes: the file was made UTF-8 after its layout was fixed",
            "hand in the file in the encoding that its layout was made for",
        )
    if shortest < longest:
        notes.append(f"rows have {shortest} to {longest} bytes")
    if replaced:
        notes.append(f"{replaced} bytes that {encoding.name} does not have were replaced")


def _check_bytes(rows: _Rows, file: str) -> None:
    """Refuse what no row of text holds."""
    if (rows.bytes == 0).any():
        raise refusal(
            file,
            "FILE_ENCODING",
            f"NUL characters stand in rows {rows.numbers[0]} to {rows.numbers[-1]}",
            "save the file as text, with blanks where a value is missing",
        )
    returns = np.flatnonzero(rows.bytes[:-1] == _CR)
    lone = returns[rows.bytes[returns + 1] != _LF]
    if len(lone):
        raise refusal(
            file,
            "FILE_ROW_WIDTH",
            "a carriage return stands inside the row",
            "save the file with row ends of Windows or Unix",
            int(rows.numbers[np.searchsorted(rows.starts, lone[0], side="right") - 1]),
        )


def _check_length(rows: _Rows, end: int, file: str) -> None:
    """Refuse rows that the layout reaches beyond."""
    short = np.flatnonzero(rows.lengths < end)
    if len(short):
        raise refusal(
            file,
            "FILE_ROW_WIDTH",
            f"the row has {int(rows.lengths[short[0]])} bytes where the layout reaches {end}",
            "hand in the whole file with its trailing blanks, or correct the layout",
            int(rows.numbers[short[0]]),
        )


def _of_type(
    rows: _Rows,
    records: Records,
    spans: dict[str, tuple[int, int]],
    encoding: TextEncoding,
    counts: dict[str, int],
    file: str,
) -> _Rows:
    """The rows of the part's record type."""
    start, width = spans[records.variable]
    _check_length(rows, start + width, file)
    codes = trimmed(_cut(rows, start, width, encoding, file))
    is_taken = is_one_of(codes, records.codes)
    count_codes(codes.filter(pc.invert(is_taken)), counts, file)
    return rows.take(np.flatnonzero(is_taken.to_numpy(zero_copy_only=False)))


def _row_blocks(path: Path, encoding: TextEncoding, file: str) -> Iterator[_Rows]:
    """Whole rows, blocks at a time; blank rows at the end of the file are left out."""
    row = 1
    with path.open("rb") as stream:
        rest = b""
        if encoding.name == "utf-8-sig":
            stream.seek(len(codecs.BOM_UTF8))
        while block := stream.read(BLOCK):
            if len(rest) > LONGEST_ROW:
                raise refusal(
                    file,
                    "FILE_ROW_WIDTH",
                    f"no row ends within {LONGEST_ROW} bytes",
                    "save the file with one row per line",
                )
            whole, newline, rest = (rest + block).rpartition(b"\n")
            # Row ends wait for the next row: they may be the blank rows at the end.
            kept = whole.rstrip(b"\r\n")
            rest = whole[len(kept) :] + newline + rest
            if kept:
                cut = 2 if rest.startswith(b"\r\n") else 1
                rest = rest[cut:]
                rows = _split(kept, row)
                row += len(rows.starts)
                yield rows
        rest = rest.rstrip(b"\r\n")
        if rest:
            yield _split(rest, row)


def _split(text: bytes, first: int) -> _Rows:
    """Rows of a piece of text whose last row end is cut off; the first has the given number."""
    content = np.frombuffer(text, dtype=np.uint8)
    newlines = np.flatnonzero(content == _LF)
    starts = np.concatenate([[0], newlines + 1]).astype(np.int64)
    ends = np.concatenate([newlines, [len(content)]]).astype(np.int64)
    has_return = (ends > starts) & (content[np.maximum(ends - 1, 0)] == _CR)
    return _Rows(content, starts, ends - has_return - starts, np.arange(first, first + len(starts)))


def _cut(rows: _Rows, start: int, width: int, encoding: TextEncoding, file: str) -> Any:
    """One column's text, without the blanks around it."""
    cells = np.ascontiguousarray(rows.bytes[rows.starts[:, None] + np.arange(start, start + width)])
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(cells), [None, pa.py_buffer(cells)])
    raw = pc.cast(fixed, pa.binary())
    if cells.max() < 128:
        return pc.ascii_trim(pc.cast(raw, pa.string()), " ")
    coded = pc.dictionary_encode(raw)
    texts: list[str] = []
    bad: list[int] = []
    for code, value in enumerate(coded.dictionary.to_pylist()):
        try:
            texts.append(value.decode(encoding.name).strip(" "))
        except UnicodeDecodeError:
            texts.append(value.decode(encoding.name, "replace").strip(" "))
            bad.append(code)
    if bad and (encoding.is_declared or encoding.name != FALLBACK):
        places = np.flatnonzero(np.isin(coded.indices.to_numpy(), bad))
        raise undecodable(file, encoding.name, int(rows.numbers[places[0]]), len(places))
    return pc.take(pa.array(texts, pa.string()), coded.indices)
