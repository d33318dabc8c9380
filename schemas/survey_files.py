"""The files of a specification folder, read strictly.

Here belong bytes, encodings, CSV and TOML syntax, and which line a problem stands on. What the files
mean is checked in schemas.survey_spec.
"""

import csv
import hashlib
import io
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.errors import Problem

#: Factors of the replicate weights.
REPLICATES = "replicates.csv"
TABLES = {
    "layout.csv": ("variable", "label", "start", "width"),
    "corrections.csv": ("where", "set", "expected_rows", "reason", "source"),
    REPLICATES: ("variable", "rscale"),
    "codes/": ("source_code", "source_label", "target_code", "valid_from", "valid_to", "note"),
    "rules/": ("order", "when", "value", "note"),
}
REQUIRED = ("survey.toml", "layout.csv", "NOTES.md")

#: Columns that a table may have besides.
OPTIONAL = {"layout.csv": ("file",)}
#: Folder of the tables of absent household members.
ABSENTEES = "absentees/"
#: Folder of the tables of population totals, whose columns are those of their margins.
CALIBRATION = "calibration/"

_FILE_NAME = re.compile(
    r"survey\.toml|(layout|corrections|replicates)\.csv|NOTES\.md"
    r"|((absentees/)?(codes|rules)|calibration)/[a-z][a-z0-9_]*\.csv"
)
_FOLDERS = ("codes", "rules", "absentees", "absentees/codes", "absentees/rules", "calibration")
_TOML_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(frozen=True)
class TableRow:
    """One row of a CSV file: its line, and its fields by column with blanks at the ends removed."""

    row: int
    fields: Mapping[str, str]


def read_folder(folder: Path, label: str, problems: list[Problem]) -> dict[str, bytes]:
    """Relative name -> bytes of every file of the folder; what does not belong there becomes a problem."""
    contents: dict[str, bytes] = {}
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        file = f"{label}/{name}"
        if path.is_symlink():
            problems.append(Problem(file, None, "SPEC_SYMLINK", "this is a symbolic link", "Put the file itself here"))
        elif path.is_dir():
            if name not in _FOLDERS:
                problems.append(_unexpected(file))
        elif not path.is_file() or not _FILE_NAME.fullmatch(name):
            problems.append(_unexpected(file))
        else:
            contents[name] = path.read_bytes()
    problems.extend(
        Problem(f"{label}/{name}", None, "SPEC_FILE_MISSING", "the file is missing", f"Add {name}")
        for name in REQUIRED
        if name not in contents
    )
    return contents


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink() and path.name in ("codes", "rules", "absentees", "calibration"):
            yield from _walk(path)


def _unexpected(file: str) -> Problem:
    # The name is quoted, because it may hold anything.
    return Problem(
        ascii(file).strip("'\""),
        None,
        "SPEC_FILE_UNEXPECTED",
        "this does not belong in a specification folder",
        "Keep survey.toml, layout.csv, corrections.csv, replicates.csv, NOTES.md, codes/<concept>.csv, "
        "rules/<concept>.csv, absentees/, calibration/<margin>.csv",
    )


def folder_sha256(contents: Mapping[str, bytes]) -> str:
    """One hash over names and bytes, whatever the order on disk."""
    digest = hashlib.sha256()
    for name in sorted(contents):
        for part in (name.encode(), contents[name]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def decode(content: bytes, file: str, problems: list[Problem]) -> str | None:
    """The text of a UTF-8 file, or None and a problem that names the line."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problems.append(
            Problem(file, line, "SPEC_NOT_UTF8", "a byte is not UTF-8", "Save the file as CSV or text in UTF-8")
        )
        return None


def read_table(
    content: bytes, file: str, columns: Sequence[str], problems: list[Problem], optional: Sequence[str] = ()
) -> list[TableRow]:
    """The rows of a CSV file whose header is exactly the given columns; empty when it cannot be read.

    An optional column may be there as well.
    """
    text = decode(content, file, problems)
    if text is None:
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for record in reader:
            if record:
                records.append((line, record))
            line = reader.line_num + 1
    except csv.Error:
        problems.append(
            Problem(
                file,
                line,
                "SPEC_CSV_SYNTAX",
                "the row is not valid CSV",
                "Close quotes; double a quote in a text",
            )
        )
        return []
    header = [name.strip() for name in records[0][1]] if records else []
    columns = [*columns, *(name for name in optional if name in header)]
    if sorted(header) != sorted(columns):
        missing = [name for name in columns if name not in header]
        extra = [name for name in header if name not in columns]
        found = f"missing: {', '.join(missing) or 'none'}; not expected: {', '.join(extra) or 'none or repeated'}"
        problems.append(
            Problem(file, 1, "SPEC_COLUMNS", f"wrong columns ({found})", f"Write the header {','.join(columns)}")
        )
        return []
    rows = []
    for row, record in records[1:]:
        if len(record) != len(header):
            message = f"the row has {len(record)} fields, the header has {len(header)}"
            problems.append(Problem(file, row, "SPEC_CSV_ROW", message, "Put texts with commas in double quotes"))
            continue
        rows.append(TableRow(row, {name: value.strip() for name, value in zip(header, record, strict=True)}))
    return rows


def read_toml(content: bytes, file: str, problems: list[Problem]) -> tuple[dict[str, Any] | None, str]:
    """The parsed TOML (None when it cannot be read) and its text."""
    text = decode(content, file, problems)
    if text is None:
        return None, ""
    try:
        return tomllib.loads(text.replace("\r\n", "\n")), text
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        message = f"not valid TOML: {_TOML_LINE.sub('', str(error))}" if found else "not valid TOML"
        problems.append(Problem(file, line, "SPEC_TOML", message, "Mend this line"))
        return None, text


def toml_line(text: str, section: str, key: str | None = None, index: int = 0) -> int | None:
    """The line of a key in [section], or in the index-th [[section]]; the section's own when key is None."""
    header = re.compile(rf"\s*\[{{1,2}}\s*{re.escape(section)}\s*\]{{1,2}}\s*(#.*)?")
    pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]") if key is not None else None
    seen = -1
    found: int | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if header.fullmatch(line):
            seen += 1
            if seen == index:
                found = number
        elif line.lstrip().startswith("["):
            if seen == index and found is not None:
                return found
        elif seen == index and pattern is not None and pattern.match(line):
            return number
    return found


def model_problems(error: ValidationError, file: str, text: str) -> list[Problem]:
    """One problem per broken key, named section.key."""
    problems = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        section, index, keys = _place(list(item["loc"]), text)
        line = toml_line(text, section, keys[0] if keys else None, index or 0)
        name = ".".join([section if index is None else f"{section}[{index + 1}]", *keys])
        rule, message, remedy = _wording(item["type"], str(item["msg"]), name)
        problems.append(Problem(file, line, rule, message, remedy))
    return problems


def _place(place: list[int | str], text: str) -> tuple[str, int | None, list[str]]:
    """The section that has a header of its own, which of several of its name, and the keys within it."""
    section, index, rest = str(place[0]) if place else "", None, place[1:]
    while rest:
        if isinstance(rest[0], int):
            index = rest[0]
        elif toml_line(text, f"{section}.{rest[0]}") is not None:
            section, index = f"{section}.{rest[0]}", None
        else:
            break
        rest = rest[1:]
    return section, index, [part for part in rest if isinstance(part, str)]


def _wording(kind: str, message: str, name: str) -> tuple[str, str, str]:
    if kind == "missing":
        return "SPEC_KEY_MISSING", f"{name} is missing", f"Add {name}"
    if kind == "extra_forbidden":
        return "SPEC_KEY_UNKNOWN", f"{name} is not a key of survey.toml", "Remove it or correct its spelling"
    plain = message.removeprefix("Value error, ")
    return "SPEC_VALUE", f"{name}: {plain[:1].lower()}{plain[1:]}", f"Correct the value of {name}"
