"""A zip that holds one data file: what it may hold, and how that file is unpacked.

Names in an archive are the sender's: they are compared and shown, and never become part of a path.
"""

import stat
import zipfile
import zlib
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from pipelines.readers.layout import FileLayout, refusal
from pipelines.readers.signatures import HEAD_BYTES, format_of
from schemas.errors import InputError

MEMBERS_LIMIT = 100
UNPACKED_LIMIT = 20 << 30
# Text of blanks packs well: the ratio counts only where it can fill a disk.
RATIO_LIMIT = 1_000
RATIO_FREE_BYTES = 1 << 30
_BLOCK = 4 << 20

SUFFIXES = {
    "csv": (".csv", ".txt", ".tsv", ".tab", ".dat"),
    "fwf": (".txt", ".dat", ".asc", ".fwf", ".raw"),
    "dta": (".dta",),
    "sav": (".sav", ".zsav"),
}


def unpack(source: Path, layout: FileLayout, target: Path, file: str, limit: int = UNPACKED_LIMIT) -> str:
    """One member unpacked to ``target``; returns its name in the archive.

    Args:
        source: the zip.
        layout: says which member: its pattern, or the usual suffixes of its format.
        target: where the bytes go.
        file: name for messages.
        limit: most bytes that may be unpacked.

    Raises:
        InputError: FILE_ARCHIVE, or FILE_FORMAT when the zip is a workbook.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            _check_members(members, file)
            member = _choose(members, layout, file)
            _check_size(member, limit, file)
            with archive.open(member) as packed, target.open("wb") as out:
                _copy(packed, out, member, limit, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, UnicodeError):
        pass
    else:
        with target.open("rb") as stream:
            if format_of(stream.read(HEAD_BYTES)) == "zip":
                raise _refusal(file, "the archive holds another archive", "hand in the data file in one zip")
        return member.filename
    raise _refusal(
        file,
        "the archive is damaged or incomplete",
        "pack the file again as a plain zip, and hand it in whole",
    )


def _check_members(members: list[zipfile.ZipInfo], file: str) -> None:
    """Refuse an archive for what it lists, before anything is unpacked."""
    plain = "hand in a plain zip that holds the data file"
    if len(members) > MEMBERS_LIMIT:
        raise _refusal(file, f"the archive has {len(members)} members, more than {MEMBERS_LIMIT}", plain)
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise refusal(
            file,
            "FILE_FORMAT",
            "the file is an Excel workbook or another office document",
            "save the sheet as csv and hand that in",
        )
    for member in members:
        name = member.orig_filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or name[1:2] == ":" or "\0" in name:
            raise _refusal(file, "a member's name leads out of the archive", plain)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise _refusal(file, "a member is a link", plain)
        if member.flag_bits & 0x1:
            raise _refusal(file, "the archive is encrypted", "hand in the archive without a password")
        if name.casefold().endswith(".zip"):
            raise _refusal(file, "the archive holds another archive", plain)


def _choose(members: list[zipfile.ZipInfo], layout: FileLayout, file: str) -> zipfile.ZipInfo:
    """The one data member."""
    candidates = [
        member
        for member in members
        if not member.is_dir() and not member.filename.startswith("__MACOSX/") and _is_data(member.filename, layout)
    ]
    if len(candidates) != 1:
        suffixes = " or ".join(SUFFIXES[layout.format])
        wanted = f"match {layout.member}" if layout.member else f"end in {suffixes}"
        raise _refusal(
            file,
            f"{len(candidates)} members of the archive {wanted}, where one is expected",
            "pack the one data file, or declare which member it is",
        )
    return candidates[0]


def _is_data(name: str, layout: FileLayout) -> bool:
    """Whether a member's name is the one declared; capitals make no difference."""
    folded = name.casefold()
    last = PurePosixPath(folded).name
    if layout.member is None:
        return last.endswith(SUFFIXES[layout.format])
    pattern = layout.member.casefold()
    return fnmatchcase(folded, pattern) or fnmatchcase(last, pattern)


def _check_size(member: zipfile.ZipInfo, limit: int, file: str) -> None:
    """Refuse a member for its declared size, or a method whose output cannot be taken piece by piece."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refusal(file, "the data file is packed by an unusual method", "pack it again as a plain zip")
    if member.file_size > limit:
        raise _too_large(file, limit)
    if _is_bomb(member.file_size, member.compress_size):
        raise _refusal(
            file,
            f"the data file is more than {RATIO_LIMIT} times as large as its packed form",
            "hand in the file unpacked",
        )


def _copy(packed: IO[bytes], out: IO[bytes], member: zipfile.ZipInfo, limit: int, file: str) -> None:
    """Unpack, counting what really comes: a declared size can lie."""
    written = 0
    while block := packed.read(_BLOCK):
        written += len(block)
        if written > limit:
            raise _too_large(file, limit)
        if written > member.file_size:
            raise _refusal(file, "a member is larger than the archive says", "pack the file again")
        out.write(block)
    if written != member.file_size:
        raise _refusal(file, "a member is shorter than the archive says", "hand in the whole archive")


def _is_bomb(unpacked: int, packed: int) -> bool:
    """Whether an expansion is out of all proportion."""
    return unpacked > RATIO_FREE_BYTES and unpacked > RATIO_LIMIT * max(packed, 1)


def _too_large(file: str, limit: int) -> InputError:
    """One refusal of a data file over the limit."""
    message = f"the data file unpacks to more than {limit} bytes"
    return _refusal(file, message, "split the file, or raise the limit")


def _refusal(file: str, message: str, remedy: str) -> InputError:
    """One refusal of an archive."""
    return refusal(file, "FILE_ARCHIVE", message, remedy)
