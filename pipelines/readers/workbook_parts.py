"""The container of a workbook: what its parts may be before any of them is parsed as XML."""

import errno
import re
import zipfile
from pathlib import Path
from typing import IO

from pipelines.readers.archives import DAMAGE, WORKBOOK_PART, check_method
from pipelines.readers.layout import damaged, refusal
from schemas.errors import InputError

PARTS_LIMIT = 10_000
UNPACKED_LIMIT = 512 << 20
_BLOCK = 1 << 20
_OVERLAP = 16
_XML = (".xml", ".rels", ".vml")
_DECLARED = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
# Encodings in which the bytes of <!DOCTYPE are those of ASCII.
_ENCODINGS = {b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"windows-1252"}


def check_parts(path: Path, file: str) -> None:
    """Unpack every part once, to nowhere, and refuse what a workbook does not hold.

    Raises:
        InputError: FILE_FORMAT when it is no xlsx, FILE_ARCHIVE when a part is packed oddly or declares
            entities, FILE_TOO_LARGE, FILE_TRUNCATED when it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _check_names([part.filename for part in parts], file)
            total = 0
            for part in parts:
                if part.flag_bits & 0x1:
                    raise refusal(file, "FILE_ARCHIVE", "the workbook is encrypted", "hand it in without a password")
                check_method(part, file)
                with archive.open(part) as stream:
                    total = _check_part(stream, part.filename, total, file)
        return
    except DAMAGE:
        pass
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    raise damaged(file)


def check_names(path: Path, file: str) -> None:
    """Refuse an office document that is no xlsx, by the names of its parts alone.

    Raises:
        InputError: FILE_FORMAT, FILE_TOO_LARGE, FILE_TRUNCATED.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    _check_names(names, file)


def _check_names(names: list[str], file: str) -> None:
    """Refuse a document without the parts of an xlsx."""
    if len(names) > PARTS_LIMIT:
        raise _too_large(f"the workbook has {len(names)} parts, more than {PARTS_LIMIT}", file)
    if len(set(names)) != len(names):
        raise damaged(file)
    if WORKBOOK_PART not in names or not any(name.startswith("xl/") for name in names):
        raise refusal(
            file,
            "FILE_FORMAT",
            "the file is an office document but no xlsx workbook",
            "save the sheet as xlsx or csv and hand that in",
        )
    if "xl/workbook.bin" in names:
        raise refusal(file, "FILE_FORMAT", "the workbook is an xlsb", "save it as xlsx or csv and hand that in")


def _check_part(stream: IO[bytes], name: str, total: int, file: str) -> int:
    """Bytes unpacked so far, this part's added."""
    is_xml = name.casefold().endswith(_XML) or name == WORKBOOK_PART
    tail = b""
    is_first = True
    while block := stream.read(_BLOCK):
        total += len(block)
        if total > UNPACKED_LIMIT:
            raise _too_large(f"the workbook unpacks to more than {UNPACKED_LIMIT >> 20} MiB", file)
        if is_xml:
            if is_first:
                _check_beginning(block, file)
            seen = tail + block
            if b"\0" in block or b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise refusal(
                    file,
                    "FILE_ARCHIVE",
                    "a part of the workbook declares a document type, which no workbook does",
                    "open the workbook in Excel, save it anew and hand that in",
                )
            tail = seen[-_OVERLAP:]
        is_first = False
    return total


def _check_beginning(block: bytes, file: str) -> None:
    """Refuse XML in an encoding that could hide a document type."""
    text = block.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    declared = _DECLARED.match(text)
    if not text.startswith(b"<") or (declared and declared[1].lower() not in _ENCODINGS):
        raise damaged(file)


def _too_large(message: str, file: str) -> InputError:
    """One refusal of a workbook over a limit."""
    return refusal(file, "FILE_TOO_LARGE", message, "save the sheet as csv and declare format csv")
