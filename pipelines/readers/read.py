"""Any accepted file of an office into one Parquet file of text: the one entry to the readers.

Here belong the choice of the reader and the checks that come before any format; how a format is read belongs
to its own file, and what a value means belongs to ``transforms``.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipelines.readers.apart import open_apart
from pipelines.readers.archives import UNPACKED_LIMIT, is_office, unpack
from pipelines.readers.csv_reader import open_csv
from pipelines.readers.fixed_width import open_fixed_width
from pipelines.readers.gzip_files import unpack_gzip
from pipelines.readers.identify import TEXT_FORMATS, Identified, check_not_empty, found_format, identify
from pipelines.readers.layout import ExtractInfo, Field, FileLayout, OpenExtract, refusal
from pipelines.readers.parquet import write_parquet
from pipelines.readers.records import number_rows, take_records

__all__ = [
    "ExtractInfo",
    "Field",
    "FileLayout",
    "Identified",
    "identify",
    "read_columns",
    "write_raw_extract",
]

_FORMAT_NAMES = {
    "csv": "delimited text",
    "fwf": "fixed-width text",
    "dta": "Stata (dta)",
    "sav": "SPSS (sav)",
    "sas7bdat": "SAS (sas7bdat)",
    "xlsx": "a workbook (xlsx)",
    "parquet": "Parquet (parquet)",
    "xls": "an old Excel or Office document",
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

    Where ``layout.records`` selects rows, the others are left out and ``row_number`` has gaps. A layout
    without fields takes the columns as they are, except for fixed-width files and csv without header.

    Args:
        source: the file as received, or a zip or gzip of it.
        layout: what it is declared to be.
        target: the Parquet file to write; its folder exists. It appears whole or not at all.
        display_name: the file's name as its owner knows it, for messages.
        work_dir: folder for unpacked and transcoded copies, which are removed afterwards.
        progress: called with the number of rows written so far.
        unpacked_limit: most bytes that a zip or gzip may unpack to.

    Returns:
        The extract's shape, labels, and notes on what was detected.

    Raises:
        InputError: a rule ``FILE_...`` or VARIABLE_MISSING; never with a value of the file.
    """
    with tempfile.TemporaryDirectory(dir=work_dir) as folder:
        path, member = _unpacked(source, layout, display_name, Path(folder), unpacked_limit)
        opened = _open(path, layout, display_name, Path(folder))
        rows = write_parquet(opened.columns, _rows(opened, layout, display_name), target, display_name, progress)
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
        record_counts=dict(sorted(opened.record_counts.items())),
    )


def read_columns(
    source: Path,
    display_name: str,
    work_dir: Path,
    *,
    format: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    delimiter: str | None = None,
    member: str | None = None,
) -> OpenExtract:
    """The columns of a file that no survey declares yet: names, labels, value labels and types, and no batches.

    Args:
        source: the file as received, or a zip or gzip of it.
        display_name: the file's name as its owner knows it, for messages.
        work_dir: folder for unpacked and transcoded copies, which are removed afterwards.
        format: as in ``FileLayout``; None tells it from the first bytes, and takes text for csv.
        encoding: as in ``FileLayout``.
        sheet: as in ``FileLayout``.
        delimiter: as in ``FileLayout``.
        member: as in ``FileLayout``.

    Raises:
        InputError: a rule ``FILE_...``; FILE_COLUMNS for fixed-width text, which has no names.
    """
    if format is None:
        found = identify(source, display_name).format
        if not found:
            remedy = "say which format, and with member which file, is meant"
            raise refusal(display_name, "FILE_ARCHIVE", "the members of the archive differ in format", remedy)
        format = "csv" if found == "csv_or_fwf" else found
    layout = FileLayout(format, member, encoding, delimiter, True, (), sheet)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(dir=work_dir) as folder:
        path, _ = _unpacked(source, layout, display_name, Path(folder), UNPACKED_LIMIT)
        return _open(path, layout, display_name, Path(folder), is_peek=True)


def _unpacked(source: Path, layout: FileLayout, file: str, folder: Path, limit: int) -> tuple[Path, str | None]:
    """The data file itself, of the declared format, and its name in a zip."""
    check_not_empty(source, file)
    path = source
    member = None
    packing = found_format(source)
    if packing == "zip" and not (layout.format == "xlsx" and is_office(source)):
        path = folder / "member"
        member = unpack(source, layout, path, file, limit)
    elif packing == "gzip":
        path = folder / "member"
        unpack_gzip(source, path, file, limit)
    check_not_empty(path, file)
    _check_format(path, layout, file)
    return path, member


def _open(path: Path, layout: FileLayout, file: str, work_dir: Path, is_peek: bool = False) -> OpenExtract:
    """One file opened by the reader of its format."""
    if layout.format not in TEXT_FORMATS:
        opened = open_apart(path, layout, file, is_peek)
    elif layout.format == "csv":
        opened = open_csv(path, layout, file, work_dir)
    else:
        opened = open_fixed_width(path, layout, file)
    if is_peek:
        opened.batches = iter(())
    if layout.records is not None and layout.records.variable not in opened.columns:
        raise refusal(
            file,
            "VARIABLE_MISSING",
            f"the record variable {layout.records.variable} is not in the file",
            "correct records in the survey's file section",
        )
    return opened


def _rows(opened: OpenExtract, layout: FileLayout, file: str) -> Iterator[Any]:
    """Numbered batches of the part's rows."""
    if layout.records is None:
        return number_rows(opened.batches)
    if layout.format == "fwf":
        return opened.batches
    return take_records(number_rows(opened.batches), layout.records, opened.record_counts, file)


def _check_format(path: Path, layout: FileLayout, file: str) -> None:
    """Refuse a file whose first bytes are not those of the declared format."""
    found = found_format(path)
    if found == "zip" and is_office(path):
        found = "xlsx"
    wanted = None if layout.format in TEXT_FORMATS else layout.format
    if found == wanted:
        return
    name = _FORMAT_NAMES.get(found, found) if found else "none of the known binary formats"
    if found in ("dta", "sav", "sas7bdat", "xlsx", "parquet"):
        remedy = f"declare format {found} in the survey's file section, or hand in the declared format"
    elif found is None:
        remedy = "hand in the declared format; a file that was renamed or damaged is not accepted"
    else:
        remedy = "export it to the declared format; a zip or gzip of one data file is accepted too"
    raise refusal(file, "FILE_FORMAT", f"{_FORMAT_NAMES[layout.format]} is declared but the file is {name}", remedy)
