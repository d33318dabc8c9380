"""A zip of data files: what it may hold, which member is meant, and how that one is unpacked.

Names in an archive are the sender's: they are compared and shown, and never become part of a path.
"""

import errno
import stat
import struct
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
# What the parsing of a damaged zip raises; OSError where it seeks to a place before the file.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError, UnicodeError,
)  # fmt: skip
WORKBOOK_PART = "[Content_Types].xml"

SUFFIXES = {
    "csv": (".csv", ".txt", ".tsv", ".tab", ".dat"),
    "fwf": (".txt", ".dat", ".asc", ".fwf", ".raw"),
    "dta": (".dta",),
    "sav": (".sav", ".zsav"),
    "sas7bdat": (".sas7bdat",),
    "xlsx": (".xlsx",),
    "parquet": (".parquet",),
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
        InputError: FILE_ARCHIVE, or FILE_FORMAT when the zip is an office document.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            _check_members(members, file)
            member = _choose(members, layout, file)
            _check_size(member, limit, file)
            with archive.open(member) as packed, target.open("wb") as out:
                _copy(packed, out, member, limit, file)
    except DAMAGE:
        pass
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    else:
        with target.open("rb") as stream:
            found = format_of(stream.read(HEAD_BYTES))
        if found == "gzip" or (found == "zip" and not (layout.format == "xlsx" and is_office(target))):
            raise archive_refusal(file, "the archive holds another archive", "hand in the data file in one zip")
        return member.filename
    raise damaged_archive(file)


def data_members(source: Path, file: str) -> list[tuple[str, bytes]]:
    """Name and first bytes of each file in a zip, what a Mac adds left out.

    Raises:
        InputError: FILE_ARCHIVE, or FILE_FORMAT when the zip is an office document.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            _check_members(archive.infolist(), file)
            found = []
            for member in filter(_is_file, archive.infolist()):
                check_method(member, file)
                with archive.open(member) as packed:
                    found.append((member.filename, packed.read(HEAD_BYTES)))
            return found
    except DAMAGE:
        pass
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    raise damaged_archive(file)


def is_office(path: Path) -> bool:
    """Whether a zip is a workbook or another office document."""
    try:
        with zipfile.ZipFile(path) as archive:
            return WORKBOOK_PART in archive.namelist()
    except DAMAGE:
        return False
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False


def _check_members(members: list[zipfile.ZipInfo], file: str) -> None:
    """Refuse an archive for what it lists, before anything is unpacked."""
    plain = "hand in a plain zip that holds the data file"
    if len(members) > MEMBERS_LIMIT:
        raise archive_refusal(file, f"the archive has {len(members)} members, more than {MEMBERS_LIMIT}", plain)
    if any(member.filename == WORKBOOK_PART for member in members):
        raise refusal(
            file,
            "FILE_FORMAT",
            "the file is an Excel workbook or another office document",
            "declare format xlsx if it is a workbook, or save the sheet as csv and hand that in",
        )
    for member in members:
        name = member.orig_filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or name[1:2] == ":" or "\0" in name:
            raise archive_refusal(file, "a member's name leads out of the archive", plain)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise archive_refusal(file, "a member is a link", plain)
        if member.flag_bits & 0x1:
            raise archive_refusal(file, "the archive is encrypted", "hand in the archive without a password")
        if name.casefold().endswith(".zip"):
            raise archive_refusal(file, "the archive holds another archive", plain)


def _choose(members: list[zipfile.ZipInfo], layout: FileLayout, file: str) -> zipfile.ZipInfo:
    """The one data member."""
    candidates = [member for member in members if _is_file(member) and _is_data(member.filename, layout)]
    if len(candidates) != 1:
        suffixes = " or ".join(SUFFIXES[layout.format])
        wanted = f"match {layout.member}" if layout.member else f"end in {suffixes}"
        remedy = (
            "declare member, the pattern of its name, for every part of the zip"
            if candidates
            else "pack the data file, or correct the pattern of its name that member declares"
        )
        raise archive_refusal(file, f"{len(candidates)} members of the archive {wanted}, where one is expected", remedy)
    return candidates[0]


def _is_file(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a file of the sender, and no folder nor what a Mac adds."""
    return not member.is_dir() and not member.filename.startswith("__MACOSX/")


def _is_data(name: str, layout: FileLayout) -> bool:
    """Whether a member's name is the one declared; capitals make no difference."""
    folded = name.casefold()
    last = PurePosixPath(folded).name
    if layout.member is None:
        return last.endswith(SUFFIXES[layout.format])
    pattern = layout.member.casefold()
    return fnmatchcase(folded, pattern) or fnmatchcase(last, pattern)


def _check_size(member: zipfile.ZipInfo, limit: int, file: str) -> None:
    """Refuse a member for its declared size."""
    check_method(member, file)
    if member.file_size > limit:
        raise too_large(file, limit)
    if is_bomb(member.file_size, member.compress_size):
        raise ratio_refusal(file)


def check_method(member: zipfile.ZipInfo, file: str) -> None:
    """Refuse a method whose output cannot be taken piece by piece."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise archive_refusal(file, "the data file is packed by an unusual method", "pack it again as a plain zip")


def _copy(packed: IO[bytes], out: IO[bytes], member: zipfile.ZipInfo, limit: int, file: str) -> None:
    """Unpack, counting what really comes: a declared size can lie."""
    written = 0
    while block := packed.read(_BLOCK):
        written += len(block)
        if written > limit:
            raise too_large(file, limit)
        if written > member.file_size:
            raise archive_refusal(file, "a member is larger than the archive says", "pack the file again")
        out.write(block)
    if written != member.file_size:
        raise archive_refusal(file, "a member is shorter than the archive says", "hand in the whole archive")


def damaged_archive(file: str) -> InputError:
    """One refusal of a zip that cannot be taken apart."""
    return archive_refusal(
        file,
        "the archive is damaged or incomplete",
        "pack the file again as a plain zip, and hand it in whole",
    )


def ratio_refusal(file: str) -> InputError:
    """One refusal of a data file that is packed beyond all proportion."""
    return archive_refusal(
        file,
        f"the data file is more than {RATIO_LIMIT} times as large as its packed form",
        "hand in the file unpacked",
    )


def is_bomb(unpacked: int, packed: int) -> bool:
    """Whether an expansion is out of all proportion."""
    return unpacked > RATIO_FREE_BYTES and unpacked > RATIO_LIMIT * max(packed, 1)


def too_large(file: str, limit: int) -> InputError:
    """One refusal of a data file over the limit."""
    message = f"the data file unpacks to more than {limit} bytes"
    return archive_refusal(file, message, "split the file, or raise the limit")


def archive_refusal(file: str, message: str, remedy: str) -> InputError:
    """One refusal of an archive."""
    return refusal(file, "FILE_ARCHIVE", message, remedy)
