"""What a file is declared to be, what was found in it, and the checks on its column names.

Here belong the shapes that every reader shares; how bytes become text belongs to the reader of each format.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from schemas.errors import InputError, Problem

ROW_NUMBER = "row_number"
# Far above any survey; a table of more is a broken header, and Parquet cannot hold it in little memory.
COLUMNS_LIMIT = 32_767


@dataclass(frozen=True)
class Field:
    """One declared variable; ``start`` (from 1) and ``width`` are bytes, in fixed-width files only."""

    name: str
    label: str
    start: int | None = None
    width: int | None = None


@dataclass(frozen=True)
class Records:
    """One record type of a file: the rows whose variable has one of the codes."""

    variable: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class FileLayout:
    """One declared file: its format and the variables it must hold.

    Attributes:
        format: what the file, or what is packed in a zip or gzip, must be.
        member: pattern for the file's name inside a zip; None takes the only one with a usual suffix.
        encoding: any Python codec; None detects it, or follows the file's own declaration (dta, sav, sas7bdat).
        delimiter: one ASCII character of a csv; None detects it.
        header: whether the first row of a csv holds the names.
        fields: the declared variables. They are all the columns of a fixed-width file and of a csv without
            header; elsewhere the file must have them and may have more, so that ``()`` takes any columns.
        sheet: name of the sheet of a workbook; None takes the only one with cells.
        records: the rows that belong to this part of the file; None takes all.
    """

    format: Literal["csv", "fwf", "dta", "sav", "sas7bdat", "xlsx", "parquet"]
    member: str | None
    encoding: str | None
    delimiter: str | None
    header: bool
    fields: tuple[Field, ...]
    sheet: str | None = None
    records: Records | None = None


@dataclass(frozen=True)
class ExtractInfo:
    """One stored raw extract: its shape, its labels, and what was detected on the way.

    Attributes:
        rows: number of data rows.
        columns: names in the file's order, without ``row_number``.
        labels: variable labels.
        value_labels: variable -> code in canonical text -> label.
        types: variable -> storage type and display format of the file.
        encoding: encoding the text was read with.
        delimiter: delimiter of a csv.
        member: name of the member read from a zip, as the sender wrote it; never use it as a path.
        notes: what was detected or repaired, in counts.
        record_counts: code of the record variable -> rows, of the rows that were not taken.
    """

    rows: int
    columns: tuple[str, ...]
    labels: dict[str, str]
    value_labels: dict[str, dict[str, str]]
    types: dict[str, str]
    encoding: str
    delimiter: str | None
    member: str | None
    notes: tuple[str, ...]
    record_counts: dict[str, int] = field(default_factory=dict)


@dataclass
class OpenExtract:
    """One file opened for reading: batches of text columns, and what is known about them.

    Batches hold ``columns``, and before them ``row_number`` where rows were left out. ``notes`` and
    ``record_counts`` are complete only after the last batch.
    """

    columns: tuple[str, ...]
    batches: Iterator[Any]
    encoding: str
    types: dict[str, str]
    labels: dict[str, str] = field(default_factory=dict)
    value_labels: dict[str, dict[str, str]] = field(default_factory=dict)
    delimiter: str | None = None
    notes: list[str] = field(default_factory=list)
    record_counts: dict[str, int] = field(default_factory=dict)


def refusal(file: str, rule: str, message: str, remedy: str, row: int | None = None) -> InputError:
    """One refusal with one problem."""
    return InputError([Problem(file=file, row=row, rule=rule, message=message, remedy=remedy)])


def damaged(file: str) -> InputError:
    """One refusal of a file that ends early or is damaged."""
    return refusal(
        file,
        "FILE_TRUNCATED",
        "the file ends before its declared rows, or is damaged",
        "hand in the whole file again; open it in its own program to see whether it is sound",
    )


def declared_labels(fields: Sequence[Field]) -> dict[str, str]:
    """One label per declared variable that has one."""
    return {field.name: field.label for field in fields if field.label}


def check_width(count: int, file: str) -> None:
    """Refuse more columns than can be stored.

    Raises:
        InputError: FILE_COLUMNS.
    """
    if count > COLUMNS_LIMIT:
        raise refusal(
            file,
            "FILE_COLUMNS",
            f"the file has {count} columns, more than {COLUMNS_LIMIT}",
            "check that the first row is a header; hand in the variables in several files",
        )


def check_columns(columns: Sequence[str], fields: Sequence[Field], file: str) -> None:
    """All problems of a file's column names at once.

    A header that holds none of the declared names may be a row of data (the header is missing), so its
    texts are then pointed at by position and never quoted; so are those of a file without declaration.
    Names that differ only in capitals are duplicates because SQL does not tell them apart.

    Raises:
        InputError: FILE_COLUMNS, FILE_DUPLICATE_COLUMN or VARIABLE_MISSING.
    """
    check_width(len(columns), file)
    declared = {field.name for field in fields}
    is_header = not declared.isdisjoint(columns)
    problems = []

    positions: dict[str, list[int]] = {}
    for position, name in enumerate(columns, start=1):
        positions.setdefault(name.casefold(), []).append(position)
    if ROW_NUMBER in positions:
        problems.append(
            Problem(
                file,
                None,
                "FILE_COLUMNS",
                f"a column is called {ROW_NUMBER}, a name that is taken",
                "rename the column",
            )
        )
    for places in positions.values():
        if len(places) > 1:
            named = f" ({columns[places[0] - 1]})" if is_header else ""
            where = ", ".join(map(str, places[:10]))
            problems.append(
                Problem(
                    file,
                    None,
                    "FILE_DUPLICATE_COLUMN",
                    f"{len(places)} columns have the same name{named}, at positions {where}",
                    "give every column a name of its own; capitals make no difference",
                )
            )

    missing = [field.name for field in fields if field.name not in set(columns)]
    if missing:
        problems.append(
            Problem(
                file,
                None,
                "VARIABLE_MISSING",
                f"{len(missing)} declared variables are not in the file: {', '.join(missing)}",
                _missing_remedy(missing, columns if is_header else ()),
            )
        )
    if problems:
        raise InputError(problems)


def _missing_remedy(missing: Sequence[str], columns: Sequence[str]) -> str:
    """One remedy that names the nearest existing column of each missing variable."""
    by_folded = {name.casefold(): name for name in columns}
    nearest = []
    for name in missing:
        found = get_close_matches(name.casefold(), by_folded, n=1)
        if found:
            nearest.append(f"{name} may be {by_folded[found[0]]}")
    if not columns:
        return "check that this is the right file and that it has the header or layout that is declared"
    if not nearest:
        return "correct the layout of the survey, or hand in the file that holds them"
    return f"correct the names in the layout or in the file: {'; '.join(nearest)}"
