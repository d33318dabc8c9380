"""A file without a specification: its variables, their labels, and what their values look like.

Here belong reading and counting. What a variable may mean is weighed in ``evidence``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import fsum
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.readers.archives import SUFFIXES
from pipelines.readers.layout import ExtractInfo, Field, FileLayout
from pipelines.readers.read import Identified, identify, write_raw_extract
from pipelines.scaffold.code_books import CodeBook, read_labels, read_layout
from schemas.errors import InputError, Problem

#: Most different values that are kept of a variable; of texts with more, those of several rows.
VALUES_KEPT = 3_000
SEVERAL = 3
#: Files with fewer rows say little by their values.
SMALL = 200

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


@dataclass(frozen=True)
class Profile:
    """What the values of one variable look like: counts, and never a value of one person alone.

    Attributes:
        filled: rows that are not blank.
        distinct: different values.
        numeric: share of the filled rows that are numbers.
        whole: share of the filled rows that are whole numbers.
        low: smallest number, as it serves the tests; not to be shown.
        high: largest number; not to be shown.
        total: sum of the numbers.
        longest: characters of the longest value.
        shortest: characters of the shortest value.
        values: value -> rows. With more than VALUES_KEPT only those of SEVERAL rows, and none of numbers.
    """

    filled: int = 0
    distinct: int = 0
    numeric: float = 0.0
    whole: float = 0.0
    low: float = 0.0
    high: float = 0.0
    total: float = 0.0
    longest: int = 0
    shortest: int = 0
    values: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Variable:
    """One variable of the file.

    Attributes:
        name: as it stands in the file.
        label: what the file or its tables call it; '' where they do not.
        start: first byte, from 1; fixed-width files only.
        width: bytes; fixed-width files only.
        labels: code as it stands in the file -> its label.
        profile: its values.
    """

    name: str
    label: str
    start: int | None
    width: int | None
    labels: Mapping[str, str]
    profile: Profile


@dataclass(frozen=True)
class Material:
    """A file and what is known of it.

    Attributes:
        file: name of the file.
        format: csv, fwf, dta, sav, sas7bdat, xlsx or parquet.
        member: name of the data file inside a zip.
        sheet: name of a workbook's sheet, as asked for.
        encoding: encoding to declare; None where the format has its own, or the text is UTF-8.
        delimiter: of a csv.
        rows: number of rows.
        variables: in the order of the file.
        warnings: strange lines of the tables, and what was detected in the file.
        counted: counts the different combinations of some variables.
    """

    file: str
    format: str
    member: str | None
    sheet: str | None
    encoding: str | None
    delimiter: str | None
    rows: int
    variables: tuple[Variable, ...]
    warnings: tuple[str, ...]
    counted: Callable[[Sequence[str]], int]

    @property
    def by_name(self) -> Mapping[str, Variable]:
        """The variables by name."""
        return {variable.name: variable for variable in self.variables}


def read_material(
    file: Path,
    scratch: Path,
    *,
    layout: Path | None,
    labels: Path | None,
    encoding: str | None,
    sheet: str | None,
    progress: Callable[[str], None],
) -> Material:
    """Return the variables of a file with their labels and profiles.

    Args:
        file: csv, dta, sav, sas7bdat, xlsx or parquet, plain or in a zip; fixed width with a layout.
        scratch: folder for the copy that is counted; it must last as long as ``counted`` is used.
        layout: table of positions; its labels are used for other formats as well.
        labels: table of the labels of variables and codes.
        encoding: encoding of the file; by default it is detected.
        sheet: sheet of a workbook.
        progress: told the steps.

    Raises:
        InputError: the file or a table cannot be read.
    """
    found = identify(file, file.name)
    positions = read_layout(layout) if layout is not None else CodeBook()
    format_, member = _format(file, found, is_fixed=bool(positions.spans))
    if format_ != "fwf":
        positions.spans.clear()
    fields = tuple(
        Field(name, positions.labels.get(name, ""), *positions.spans[name]) for name in positions.order
    ) if format_ == "fwf" else ()  # fmt: skip
    raw = scratch / "raw.parquet"
    declared = FileLayout(format_, member, encoding, None, True, fields, sheet=sheet)  # type: ignore[arg-type]
    try:
        info = write_raw_extract(
            file,
            declared,
            raw,
            display_name=file.name,
            work_dir=scratch,
            progress=lambda rows: progress(f"reading {file.name}: {rows:,} rows"),
        )
    except InputError as error:
        if [problem.rule for problem in error.problems] != ["FILE_DELIMITER"]:
            raise
        remedy = "give --layout for fixed-width text, or check that this is delimited text"
        raise InputError([replace(error.problems[0], remedy=remedy)]) from None
    _check_names(info.columns, file.name)
    book = read_labels(labels, info.columns) if labels is not None else CodeBook()
    variables = []
    table = pq.ParquetFile(raw)
    progress(f"looking at {len(info.columns)} variables")
    for name in info.columns:
        variables.append(_variable(table, name, info, positions, book))

    def counted(names: Sequence[str]) -> int:
        combinations = pq.read_table(raw, columns=list(names)).group_by(list(names)).aggregate([])
        return int(combinations.num_rows)

    return Material(
        file=file.name,
        format=format_,
        member=member,
        sheet=sheet,
        encoding=encoding or _declared_encoding(format_, info.encoding),
        delimiter=info.delimiter,
        rows=info.rows,
        variables=tuple(variables),
        warnings=(*positions.warnings, *book.warnings, *info.notes),
        counted=counted,
    )


def _format(file: Path, found: Identified, *, is_fixed: bool) -> tuple[str, str | None]:
    """Return the format, and the pattern of the one data file in a zip."""
    if found.packing != "zip" or found.format not in ("", "csv_or_fwf"):
        text = "fwf" if is_fixed else "csv"
        return (text if found.format == "csv_or_fwf" else found.format), None
    known = {suffix: name for name, suffixes in SUFFIXES.items() for suffix in suffixes if name != "fwf"}
    members = [name for name in found.members if not name.endswith("/") and "__MACOSX" not in name]
    data = [name for name in members if PurePosixPath(name).suffix.casefold() in known]
    data = [name for name in data if not name.casefold().endswith(".txt")] or data
    if len(data) != 1:
        message = f"{len(data)} files of the archive may be the data: {', '.join(sorted(data)[:5])}"
        raise InputError([Problem(file.name, None, "FILE_ARCHIVE", message, "unpack it and name the file of persons")])
    suffix = PurePosixPath(data[0]).suffix.casefold()
    format_ = "fwf" if is_fixed and known[suffix] == "csv" else known[suffix]
    return format_, f"*{suffix}"


def _check_names(names: Sequence[str], file: str) -> None:
    """Refuse a file whose first row looks like a person: its values would be taken for names and written down."""
    numbers = sum(bool(_NUMBER.fullmatch(name)) for name in names)
    if numbers > 0.2 * len(names):
        message = f"{numbers} of {len(names)} variables have a number for a name: the first row is no header"
        remedy = "put a first row with names into the file, or give --layout for fixed-width text"
        raise InputError([Problem(file, 1, "FILE_COLUMNS", message, remedy)])


def _declared_encoding(format_: str, detected: str) -> str | None:
    if format_ not in ("csv", "fwf", "dta", "sav") or detected in ("utf-8", "utf-8-sig"):
        return None
    return detected


def _variable(table: Any, name: str, info: ExtractInfo, positions: CodeBook, book: CodeBook) -> Variable:
    profile = _profile(table, name)
    own = info.labels.get(name, "")
    described = book.labels.get(name) or positions.labels.get(name, "")
    codes = info.value_labels.get(name) or book.codes.get(name) or positions.codes.get(name, {})
    start, width = positions.spans.get(name, (None, None))
    return Variable(
        name=name,
        label=" ".join((own or described).split()),
        start=start,
        width=width,
        labels=_as_in_file(codes, profile, width),
        profile=profile,
    )


def _profile(table: Any, name: str) -> Profile:
    column = table.read(columns=[name]).column(0)
    counted = pc.value_counts(pc.utf8_trim(column, " "))
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    counts = {value: count for value, count in pairs if value}
    filled = sum(counts.values())
    if not filled:
        return Profile()
    numbers = {value: float(value) for value in counts if _NUMBER.fullmatch(value)}
    whole = sum(counts[value] for value, number in numbers.items() if number.is_integer())
    lengths = [len(value) for value in counts]
    least = 1 if len(counts) <= VALUES_KEPT else SEVERAL if len(numbers) < 0.5 * len(counts) else filled + 1
    return Profile(
        filled=filled,
        distinct=len(counts),
        numeric=sum(counts[value] for value in numbers) / filled,
        whole=whole / filled,
        low=min(numbers.values(), default=0.0),
        high=max(numbers.values(), default=0.0),
        total=fsum(number * counts[value] for value, number in numbers.items()),
        longest=max(lengths),
        shortest=min(lengths),
        values={value: counts[value] for value in sorted(counts) if counts[value] >= least},
    )


def _as_in_file(codes: Mapping[str, str], profile: Profile, width: int | None) -> dict[str, str]:
    """Return the labels under the codes as they stand in the file: a table says 1 where the file has 01."""
    by_number: dict[int, list[str]] = {}
    for value in profile.values:
        if value.isdecimal():
            by_number.setdefault(int(value), []).append(value)
    padded = [value for value in profile.values if value.isdecimal() and value.startswith("0") and len(value) > 1]
    digits = width if width and padded and all(len(value) == width for value in padded) else None
    found: dict[str, str] = {}
    for code, label in codes.items():
        text = " ".join(label.split())
        if code in profile.values or not code.isdecimal():
            found[code] = text
        elif int(code) in by_number:
            found.update(dict.fromkeys(by_number[int(code)], text))
        else:
            found[code.zfill(digits) if digits else code] = text
    return found
