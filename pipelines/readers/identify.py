"""What a file is, told from its first bytes, inside a zip or gzip as well."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.readers.archives import archive_refusal, data_members, is_office
from pipelines.readers.gzip_files import gzip_head
from pipelines.readers.layout import refusal
from pipelines.readers.signatures import HEAD_BYTES, format_of
from pipelines.readers.workbook_parts import check_names
from schemas.errors import InputError

TEXT_FORMATS = ("csv", "fwf")
_ACCEPTED = ("dta", "sav", "sas7bdat", "xlsx", "parquet")


@dataclass(frozen=True)
class Identified:
    """What a file is, from its first bytes.

    Attributes:
        format: csv_or_fwf, dta, sav, sas7bdat, xlsx or parquet. Of a zip that of its members, those aside
            that are of none of these, or ``""`` where they differ or none is left.
        packing: zip or gzip; None for a plain file.
        members: names of the files inside a zip, as the sender wrote them; never use one as a path.
    """

    format: str
    packing: str | None
    members: tuple[str, ...]


def identify(source: Path, display_name: str) -> Identified:
    """What a file is, cheaply: no more than first bytes is unpacked.

    Args:
        source: the file.
        display_name: the file's name as its owner knows it, for messages.

    Raises:
        InputError: FILE_NOT_FOUND, FILE_EMPTY, FILE_ARCHIVE, or FILE_FORMAT when it is none of the formats.
    """
    check_not_empty(source, display_name)
    found = found_format(source)
    if found == "gzip":
        return Identified(_accepted(format_of(gzip_head(source, display_name)[:HEAD_BYTES]), display_name), found, ())
    if found == "zip":
        if is_office(source):
            check_names(source, display_name)
            return Identified("xlsx", None, ())
        members = data_members(source, display_name)
        formats = {_member_format(name, head, display_name) for name, head in members} - {"other"}
        return Identified(formats.pop() if len(formats) == 1 else "", found, tuple(name for name, _ in members))
    return Identified(_accepted(found, display_name), None, ())


def found_format(path: Path) -> str | None:
    """The format that a file's first bytes announce; None for text."""
    with path.open("rb") as stream:
        return format_of(stream.read(HEAD_BYTES))


def check_not_empty(path: Path, file: str) -> None:
    """Refuse a file that is missing or has no bytes.

    Raises:
        InputError: FILE_NOT_FOUND, FILE_EMPTY.
    """
    if not path.is_file():
        raise refusal(file, "FILE_NOT_FOUND", "there is no such file", "check the path and the name")
    if path.stat().st_size == 0:
        raise refusal(file, "FILE_EMPTY", "the file has no bytes", "hand in the file with its rows")


def _accepted(found: str | None, file: str) -> str:
    """The format, if it is one that is read."""
    if found is None:
        return "csv_or_fwf"
    if found in _ACCEPTED:
        return found
    raise _other_format(found, file)


def _member_format(name: str, head: bytes, file: str) -> str:
    """The format of a member of a zip; one that is not read, such as a questionnaire, counts as ``other``."""
    found = format_of(head)
    if found == "gzip":
        raise archive_refusal(file, "the archive holds another archive", "hand in the data file in one zip")
    if found == "zip":
        # What kind of zip it is stands at its end: the name must do.
        return "xlsx" if name.casefold().endswith(".xlsx") else "other"
    return "csv_or_fwf" if found is None else found if found in _ACCEPTED else "other"


def _other_format(found: str, file: str) -> InputError:
    """One refusal of a format that is not read."""
    return refusal(
        file,
        "FILE_FORMAT",
        f"the file is {found}, which is not read",
        "export it as csv, dta, sav, sas7bdat, xlsx or parquet; a zip or gzip of it is accepted too",
    )
