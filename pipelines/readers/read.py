"""Any accepted file of an office into one Parquet file of text: the one entry to the readers.

Here belong the choice of the reader and the checks that come before any format; how a format is read belongs
to its own file, and what a value means belongs to ``transforms``.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from pipelines.readers.archives import UNPACKED_LIMIT, unpack
from pipelines.readers.csv_reader import open_csv
from pipelines.readers.fixed_width import open_fixed_width
from pipelines.readers.layout import ExtractInfo, Field, FileLayout, OpenExtract, refusal
from pipelines.readers.parquet import write_parquet
from pipelines.readers.signatures import HEAD_BYTES, format_of
from pipelines.readers.stat_packages import open_stat_package

__all__ = ["ExtractInfo", "Field", "FileLayout", "write_raw_extract"]

_TEXT_FORMATS = ("csv", "fwf")
_FORMAT_NAMES = {
    "csv": "delimited text",
    "fwf": "fixed-width text",
    "dta": "Stata (dta)",
    "sav": "SPSS (sav)",
    "xls": "an old Excel or Office document",
    "sas7bdat": "SAS (sas7bdat)",
}


def write_raw_extract(
    source: Path,
    layout: FileLayout,
    target: Path,
    *,
    display_name: str,
    work_dir: Path,
    progress: Callable[[int], None] | None = None,
    unpacked_limit: int = UNPACKED_LIMIT,
) -> ExtractInfo:
    """One Parquet file: ``row_number`` from 1, then every column of the file as canonical text.

    Args:
        source: the file as received, or a zip of it.
        layout: what it is declared to be.
        target: the Parquet file to write; its folder exists. It appears whole or not at all.
        display_name: the file's name as its owner knows it, for messages.
        work_dir: folder for unpacked and transcoded copies, which are removed afterwards.
        progress: called with the number of rows written so far.
        unpacked_limit: most bytes that a zip may unpack to.

    Returns:
        The extract's shape, labels, and notes on what was detected.

    Raises:
        InputError: a rule ``FILE_...`` or VARIABLE_MISSING; never with a value of the file.
    """
    if not source.is_file():
        raise refusal(display_name, "FILE_NOT_FOUND", "there is no such file", "check the path and the name")
    _check_not_empty(source, display_name)
    with tempfile.TemporaryDirectory(dir=work_dir) as folder:
        path = source
        member = None
        if _found_format(source) == "zip":
            path = Path(folder) / "member"
            member = unpack(source, layout, path, display_name, unpacked_limit)
            _check_not_empty(path, display_name)
        _check_format(path, layout, display_name)
        opened = _open(path, layout, display_name, Path(folder))
        rows = write_parquet(opened.columns, opened.batches, target, display_name, progress)
    return ExtractInfo(
        rows=rows,
        columns=opened.columns,
        labels=opened.labels,
        value_labels=opened.value_labels,
        types=opened.types,
        encoding=opened.encoding,
        delimiter=opened.delimiter,
        member=member,
        notes=tuple(opened.notes),
    )


def _open(path: Path, layout: FileLayout, file: str, work_dir: Path) -> OpenExtract:
    """One file opened by the reader of its format."""
    if layout.format == "csv":
        return open_csv(path, layout, file, work_dir)
    if layout.format == "fwf":
        return open_fixed_width(path, layout, file)
    return open_stat_package(path, layout, file)


def _found_format(path: Path) -> str | None:
    """The format that a file's first bytes announce."""
    with path.open("rb") as stream:
        return format_of(stream.read(HEAD_BYTES))


def _check_not_empty(path: Path, file: str) -> None:
    """Refuse a file of no bytes."""
    if path.stat().st_size == 0:
        raise refusal(file, "FILE_EMPTY", "the file has no bytes", "hand in the file with its rows")


def _check_format(path: Path, layout: FileLayout, file: str) -> None:
    """Refuse a file whose first bytes are not those of the declared format."""
    found = _found_format(path)
    wanted = None if layout.format in _TEXT_FORMATS else layout.format
    if found == wanted:
        return
    name = _FORMAT_NAMES.get(found, found) if found else "none of the known binary formats"
    if found in _FORMAT_NAMES and found in ("dta", "sav"):
        remedy = f"declare format {found} in the survey's file section, or hand in the declared format"
    elif found is None:
        remedy = "hand in the declared format; a file that was renamed or damaged is not accepted"
    else:
        remedy = "unpack or export it to the declared format; a zip of one data file is accepted too"
    raise refusal(file, "FILE_FORMAT", f"{_FORMAT_NAMES[layout.format]} is declared but the file is {name}", remedy)
