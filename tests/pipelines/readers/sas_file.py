"""A writer of sas7bdat files for tests: uncompressed, little-endian, 64-bit.

No library at hand writes the format, which is known by reverse engineering: see "SAS7BDAT Database
Binary Format" (M. Shotwell) and ReadStat.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

HEADER_BYTES = 8192
PAGE_BYTES = 16384
PAGE_HEADER_BYTES = 40
POINTER_BYTES = 24
ROW_SIZE_BYTES = 808
MAGIC = bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")
UTF8, WINDOWS_1252 = 20, 62
META, DATA = 0x0000, 0x0100
MISSING_CODES = {".": 0xFE, "_": 0xFF} | {chr(65 + n): 0xFD - n for n in range(26)}


def missing(code: str = ".") -> bytes:
    """One missing number: a NaN whose third byte tells which."""
    return struct.pack("<Q", 0xFFFF_0000_0000_0000 | MISSING_CODES[code] << 40)


def write_sas(
    path: Path,
    columns: Mapping[str, Sequence[float | str | bytes | None]],
    *,
    labels: Mapping[str, str] | None = None,
    formats: Mapping[str, str] | None = None,
    encoding: int = UTF8,
    page_bytes: int = PAGE_BYTES,
    row_count: int | None = None,
) -> None:
    """Write one file.

    Args:
        path: the file.
        columns: name -> values; a column whose first value is text or bytes holds text, others numbers. Of a
            number, None is missing and bytes are stored as they stand (see ``missing``).
        labels: name -> label.
        formats: name -> display format without width, such as DATE.
        encoding: SAS's number of the encoding; values given as bytes are not checked against it.
        page_bytes: length of a page.
        row_count: rows that the file says it has; by default those that it has.
    """
    codec = {UTF8: "utf-8", WINDOWS_1252: "windows-1252"}.get(encoding, "ascii")
    is_text = {name: bool(values) and isinstance(values[0], str | bytes) for name, values in columns.items()}
    cells = {
        name: [_text(value, codec) if is_text[name] else _number(value) for value in values]
        for name, values in columns.items()
    }
    widths = {name: max([1, *map(len, cells[name])]) if is_text[name] else 8 for name in columns}
    rows = [
        b"".join(cell.ljust(widths[name]) for name, cell in zip(columns, row, strict=True))
        for row in zip(*cells.values(), strict=True)
    ]
    stride = sum(widths.values())
    per_page = (page_bytes - PAGE_HEADER_BYTES) // stride
    pages = [_meta_page(columns, widths, is_text, labels or {}, formats or {}, codec, page_bytes)]
    declared = len(rows) if row_count is None else row_count
    place = pages[0].index(b"\xf7\xf7\xf7\xf7")
    pages[0][place : place + ROW_SIZE_BYTES] = _row_size(stride, declared, len(columns), page_bytes)
    for start in range(0, len(rows), per_page):
        block = rows[start : start + per_page]
        head = bytes(32) + struct.pack("<HHHH", DATA, len(block), 0, 0)
        pages.append(bytearray((head + b"".join(block)).ljust(page_bytes, b"\0")))
    path.write_bytes(_header(len(pages), encoding, page_bytes) + b"".join(pages))


def _text(value: object, codec: str) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(codec)


def _number(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    return missing() if value is None else struct.pack("<d", value)


def _header(pages: int, encoding: int, page_bytes: int) -> bytes:
    head = bytearray(HEADER_BYTES)
    head[: len(MAGIC)] = MAGIC
    head[32], head[35], head[37], head[39], head[70] = 0x33, 0x22, 1, 0x31, encoding
    head[84:92] = b"SAS FILE"
    head[92:156] = b"PERSONS".ljust(64)
    head[156:164] = b"DATA    "
    head[164:180] = struct.pack("<dd", 1.9e9, 1.9e9)
    head[196:212] = struct.pack("<IIQ", HEADER_BYTES, page_bytes, pages)
    head[220:228] = b"9.0401M6"
    return bytes(head)


def _row_size(stride: int, rows: int, columns: int, page_bytes: int) -> bytes:
    body = bytearray(ROW_SIZE_BYTES)
    body[:4] = b"\xf7\xf7\xf7\xf7"
    for place, value in ((40, stride), (48, rows), (72, columns), (104, page_bytes)):
        body[place : place + 8] = struct.pack("<Q", value)
    body[128:144] = b"\xff" * 16
    return bytes(body)


def _meta_page(columns, widths, is_text, labels, formats, codec, page_bytes) -> bytearray:
    """The page of subheaders: pointers from its beginning, their contents from its end."""
    texts = bytearray(b"\0" * 12 + b" " * 8 + b"\0" * 8)

    def keep(text: str) -> tuple[int, int]:
        raw = text.encode(codec)
        if not raw:
            return 0, 0
        place = len(texts)
        texts.extend(raw + bytes(-len(raw) % 4))
        return place, len(raw)

    names = [keep(name) for name in columns]
    shown = [(keep(formats.get(name, "")), keep(labels.get(name, ""))) for name in columns]
    texts[:2] = struct.pack("<H", len(texts))
    texts.extend(bytes(12))
    offsets = [sum(list(widths.values())[:number]) for number in range(len(columns))]
    name_list = b"".join(struct.pack("<HHHH", 0, place, length, 0) for place, length in names)
    attributes = b"".join(
        struct.pack("<QIHBB", offset, widths[name], 4, 2 if is_text[name] else 1, 0)
        for offset, name in zip(offsets, columns, strict=True)
    )
    contents = [
        (_row_size(0, 0, 0, page_bytes), 0),
        (b"\xf6\xf6\xf6\xf6" + bytes(4) + struct.pack("<QQ", len(columns), 0), 0),
        (b"\xfd" + b"\xff" * 7 + bytes(texts), 1),
        (b"\xff" * 8 + struct.pack("<HHHH", 8 + len(name_list), 0, 0, 0) + name_list + bytes(12), 1),
        (b"\xfc" + b"\xff" * 7 + struct.pack("<HHHH", 8 + len(attributes), 0, 0, 0) + attributes + bytes(12), 1),
    ]
    for (format_place, format_length), (label_place, label_length) in shown:
        body = bytearray(64)
        body[:8] = b"\xfe\xfb" + b"\xff" * 6
        body[46:58] = struct.pack("<HHHHHH", 0, format_place, format_length, 0, label_place, label_length)
        contents.append((bytes(body), 0))
    page = bytearray(page_bytes)
    page[32:40] = struct.pack("<HHHH", META, len(contents), len(contents), 0)
    end = page_bytes
    for number, (content, kind) in enumerate(contents):
        end -= len(content)
        end -= end % 4
        page[end : end + len(content)] = content
        place = PAGE_HEADER_BYTES + number * POINTER_BYTES
        page[place : place + 18] = struct.pack("<QQBB", end, len(content), 0, kind)
    if end < PAGE_HEADER_BYTES + len(contents) * POINTER_BYTES:
        raise ValueError("the columns do not fit on one page")
    return page
