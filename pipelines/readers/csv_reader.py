"""Delimited text: every value exactly as it stands, every row as wide as the header.

Here belong the delimiter, the header and the widths of rows; quotation marks are checked in ``csv_scan``.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from pipelines.readers.csv_scan import Scan, check_strictly, open_quote, scan
from pipelines.readers.encodings import BLOCK, find_encoding, transcode
from pipelines.readers.layout import FileLayout, OpenExtract, check_columns, declared_labels, refusal
from schemas.errors import InputError, Problem

# In order of preference: a comma may be a decimal sign.
DELIMITERS = ("\t", ";", "|", ",")
NAMES = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
HEAD_ROWS = 100
HEAD_CHARACTERS = 1 << 20
LISTED_ROWS = 10


def open_csv(path: Path, layout: FileLayout, file: str, work_dir: Path) -> OpenExtract:
    """One csv opened: its columns and batches of text.

    Args:
        path: the file, plain text in any encoding.
        layout: its declaration.
        file: name for messages.
        work_dir: folder for the UTF-8 copy, emptied by the caller.

    Raises:
        InputError: FILE_EMPTY, FILE_ENCODING, FILE_DELIMITER, FILE_TRUNCATED, FILE_COLUMNS,
            FILE_DUPLICATE_COLUMN, VARIABLE_MISSING here; FILE_ROW_WIDTH here or while the batches are read.
    """
    notes: list[str] = []
    encoding = find_encoding(path, layout.encoding, file)
    if encoding.note:
        notes.append(encoding.note)
    text_path = path
    if encoding.is_declared or encoding.name != "utf-8":
        text_path = work_dir / "utf8.csv"
        replaced = transcode(path, encoding, text_path, file)
        if replaced:
            notes.append(f"{replaced} bytes that {encoding.name} does not have were replaced")

    head = _head(text_path)
    if not head.strip():
        raise refusal(file, "FILE_EMPTY", "the file holds only blanks", "hand in the file with its rows")
    if len(head) == HEAD_CHARACTERS and "\n" not in head and "\r" not in head:
        raise refusal(
            file,
            "FILE_COLUMNS",
            f"the first row has more than {HEAD_CHARACTERS} characters",
            "check that the file has row ends and that its first row is a header",
        )
    delimiter, note = _find_delimiter(head, layout, file)
    notes.extend(note)
    structure = scan(text_path, delimiter)
    _check_structure(structure, file)
    first = next(_records(head, delimiter), [])
    columns = tuple(_name_columns(first, notes) if layout.header else [field.name for field in layout.fields])
    if not layout.header and len(first) != len(columns):
        raise refusal(
            file,
            "FILE_COLUMNS",
            f"the rows have {len(first)} values and {len(columns)} variables are declared",
            "declare every column of a file without header, in its order",
        )
    check_columns(columns, layout.fields, file)

    if structure.has_stray_quotes:
        expected = check_strictly(text_path, delimiter, file)
    elif structure.open_row is not None:
        raise open_quote(file, structure.open_row)
    else:
        expected = structure.rows
    if structure.blank_row is not None and len(columns) > 1:
        raise refusal(
            file,
            "FILE_ROW_WIDTH",
            "the row is blank and rows follow it",
            "remove blank rows, after making sure that nothing was lost there",
            structure.blank_row,
        )
    return OpenExtract(
        columns=columns,
        batches=_batches(text_path, columns, delimiter, layout.header, expected, file),
        encoding=encoding.name,
        types=dict.fromkeys(columns, "text"),
        labels=declared_labels(layout.fields),
        delimiter=delimiter,
        notes=notes,
    )


def _check_structure(structure: Scan, file: str) -> None:
    """Refuse what no csv holds."""
    if structure.nul_row is not None:
        raise refusal(
            file,
            "FILE_ENCODING",
            "the row holds a NUL character, which text does not",
            "save the file as text; if it is UTF-16 without a mark, declare utf-16-le or utf-16-be",
            structure.nul_row,
        )


def _head(path: Path) -> str:
    """The first characters of a UTF-8 file, whole rows where it is longer."""
    with path.open(encoding="utf-8", newline="") as stream:
        head = stream.read(HEAD_CHARACTERS)
    return head if len(head) < HEAD_CHARACTERS else head[: max(head.rfind("\n"), head.rfind("\r")) + 1] or head


def _records(head: str, delimiter: str) -> Iterator[list[str]]:
    """Records of the head that are not blank; ends quietly where a quoted value is cut off."""
    try:
        yield from filter(None, csv.reader(io.StringIO(head, newline=""), delimiter=delimiter))
    except csv.Error:
        return


def _find_delimiter(head: str, layout: FileLayout, file: str) -> tuple[str, list[str]]:
    """One delimiter and the note on it."""
    names = {field.name for field in layout.fields}
    best: tuple[tuple[int, float], str, int] | None = None
    for candidate in DELIMITERS:
        records = [row for row, _ in zip(_records(head, candidate), range(HEAD_ROWS), strict=False)]
        widths = Counter(map(len, records))
        width = len(records[0]) if records else 0
        share = widths[width] / max(len(records), 1)
        known = len(names.intersection(records[0])) if records and layout.header else 0
        if width > 1 and share > 0.5 and (best is None or (known, share) > best[0]):
            best = ((known, share), candidate, width)

    if layout.delimiter is not None:
        return _declared_delimiter(layout.delimiter, best, head, file), []
    if best is not None:
        return best[1], [f"delimiter {NAMES[best[1]]}, {best[2]} columns"]
    if len(layout.fields) == 1:
        return ",", ["one column, no delimiter"]
    raise refusal(
        file,
        "FILE_DELIMITER",
        "neither comma, semicolon, tab nor bar divides the first rows evenly",
        "declare the delimiter, or check that this is delimited text",
    )


def _declared_delimiter(declared: str, best: tuple[tuple[int, float], str, int] | None, head: str, file: str) -> str:
    """The declared delimiter, unless it divides nothing and another one does."""
    if len(declared) != 1 or not declared.isascii() or declared in '"\r\n\0':
        raise refusal(
            file,
            "FILE_DELIMITER",
            "the declared delimiter is not one ASCII character",
            "declare one character, such as a comma",
        )
    width = len(next(_records(head, declared), []))
    if width < 2 and best is not None and best[1] != declared:
        raise refusal(
            file,
            "FILE_DELIMITER",
            f"the declared delimiter divides nothing; the {NAMES[best[1]]} divides rows in {best[2]} values",
            "correct the declared delimiter, or leave it out",
        )
    return declared


def _name_columns(header: Sequence[str], notes: list[str]) -> list[str]:
    """One name per column; a nameless one (row names of R, a delimiter at the end) gets its position."""
    names = [name.strip() or f"unnamed_{position}" for position, name in enumerate(header, start=1)]
    nameless = sum(not name.strip() for name in header)
    if nameless:
        notes.append(f"{nameless} columns without a name are called unnamed_<position>")
    return names


def _batches(
    path: Path, columns: tuple[str, ...], delimiter: str, has_header: bool, expected: int, file: str
) -> Iterator[Any]:
    """Batches of text columns; ends in an error when any row was not as wide as the columns."""
    bad_rows: list[tuple[int | None, int]] = []
    bad_count = 0

    def keep_place(row: Any) -> str:
        nonlocal bad_count
        bad_count += 1
        if len(bad_rows) < LISTED_ROWS:
            bad_rows.append((row.number, row.actual_columns))
        return "skip"

    rows = 0
    has_failed = False
    try:
        reader = pacsv.open_csv(
            str(path),
            # One thread: only then does Arrow know the number of a row.
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=BLOCK,
                column_names=list(columns),
                skip_rows_after_names=int(has_header),
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=len(columns) > 1,
                invalid_row_handler=keep_place,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
            ),
        )
        for batch in reader:
            rows += batch.num_rows
            yield batch
    except pa.ArrowException:
        has_failed = True
    if bad_count:
        raise _width_error(bad_rows, bad_count, len(columns), file)
    if has_failed:
        raise refusal(
            file,
            "FILE_ROW_WIDTH",
            f"a row after row {rows + has_header} cannot be divided into values",
            "look for a value of millions of characters, which a missing quotation mark makes",
        )
    if rows + has_header != expected and len(columns) > 1:
        raise refusal(
            file,
            "FILE_ROW_WIDTH",
            f"{expected} rows were counted and {rows + has_header} were read",
            "look for quotation marks that do not pair, and double those inside quoted values",
        )


def _width_error(rows: list[tuple[int | None, int]], count: int, width: int, file: str) -> InputError:
    """One problem per listed row, and one for the rest."""
    remedy = "see that the row is complete and that a value that holds the delimiter is quoted"
    problems = [
        Problem(file, number, "FILE_ROW_WIDTH", f"{actual} values where {width} columns are expected", remedy)
        for number, actual in rows
    ]
    if count > len(rows):
        message = f"{count - len(rows)} more rows are not {width} values wide"
        problems.append(Problem(file, None, "FILE_ROW_WIDTH", message, remedy))
    return InputError(problems)
