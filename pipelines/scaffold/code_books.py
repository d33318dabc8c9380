"""Tables that describe a file: positions of variables, their labels, and the labels of their codes.

Here belong tables with any header, whose columns are told by the words of the header and by what stands in them,
and what is done with their strange lines. Command files of statistics programs are read in ``syntax``.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.readers.encodings import FALLBACK
from pipelines.scaffold import syntax
from pipelines.scaffold.words import load_guesses, tokens
from schemas.errors import InputError, Problem

DELIMITERS = ("\t", ";", ",", "|")
_EMPTY = frozenset({"", "NA", "N/A", "NULL", "."})
_WHOLE = re.compile(r"\d{1,6}")
_PAIR = re.compile(r"(?:^|[;/|\n])\s*(-?\d{1,6}|[A-Z]{1,3})\s*[=:]\s*([^;/|\n=]+)")
_SAMPLE = 400


@dataclass
class CodeBook:
    """What tables say of a file's variables.

    Attributes:
        order: variables in the order of the table.
        labels: variable -> its label.
        spans: variable -> (start from 1, width), in bytes.
        codes: variable -> code -> its label.
        warnings: strange lines, and what was done with them.
    """

    order: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Table:
    """Rows of one table with their lines; the first is the header where it has one."""

    name: str
    rows: list[tuple[int, list[str]]]
    has_header: bool

    def header(self) -> list[tuple[str, ...]]:
        return [tokens(cell) for cell in self.rows[0][1]] if self.has_header else []

    def data(self) -> list[tuple[int, list[str]]]:
        return self.rows[1:] if self.has_header else self.rows

    def column(self, place: int) -> list[str]:
        return [row[place].strip() if place < len(row) else "" for _, row in self.data()[:_SAMPLE]]


def read_layout(path: Path) -> CodeBook:
    """Return the variables of a fixed-width file: a table of variable, start and end or width, description.

    Raises:
        InputError: SCAFFOLD_TABLE where no such columns are found, or a place is no number.
    """
    text = _text(path)
    found = syntax.read(text)
    if found.spans:
        return CodeBook(list(found.spans), found.labels, found.spans, found.codes)
    table = _table(path, text)
    roles = _layout_roles(table)
    book = CodeBook()
    width = len(table.rows[0][1])
    for line, row in table.data():
        values = {role: row[place].strip() if place < len(row) else "" for role, place in roles.items()}
        name = values["variable"]
        span = _span(values)
        if not name or span is None:
            book.warnings.append(f"{path.name} line {line}: no variable with its place; skipped")
            continue
        if len(row) != width:
            book.warnings.append(f"{path.name} line {line}: {len(row)} fields where the header has {width}; used")
        if name in book.spans:
            book.warnings.append(f"{path.name} line {line}: {name} stands there already; skipped")
            continue
        book.order.append(name)
        book.spans[name] = span
        if values.get("label"):
            book.labels[name] = " ".join(values["label"].split())
    if not book.order:
        raise _refusal(path.name, "no line gives a variable with its start, and its end or width")
    return book


def read_labels(path: Path, variables: Iterable[str]) -> CodeBook:
    """Return labels of variables and codes: a table of variable, code, label, in any order and with any header.

    A blank variable is that of the line above. The column of variables is the one that names most of the file's.

    Args:
        path: the table.
        variables: names of the file's variables; capitals make no difference.

    Raises:
        InputError: SCAFFOLD_TABLE where no column names the file's variables.
    """
    text = _text(path)
    known = {name.casefold(): name for name in variables}
    found = syntax.read(text)
    if found.codes or found.labels:
        return CodeBook(
            labels={known[name.casefold()]: text for name, text in found.labels.items() if name.casefold() in known},
            codes={known[name.casefold()]: codes for name, codes in found.codes.items() if name.casefold() in known},
        )
    table = _table(path, text)
    roles = _label_roles(table, known)
    book = CodeBook()
    width = len(table.rows[0][1])
    name = ""
    strange: set[str] = set()
    for line, row in table.data():
        values = {role: row[place].strip() if place < len(row) else "" for role, place in roles.items()}
        name = values["variable"] or name
        variable = known.get(name.casefold())
        code, label = values.get("code", ""), " ".join(values.get("label", "").split())
        title = " ".join(values.get("title", "").split())
        extra = [cell for cell in row[width:] if cell.strip() not in _EMPTY]
        if len(row) != width:
            done = "skipped" if extra else "used"
            book.warnings.append(f"{path.name} line {line}: {len(row)} fields where the header has {width}; {done}")
            if extra:
                continue
        if variable is None:
            strange.update({name} if name else set())
            continue
        if title:
            book.labels.setdefault(variable, title)
        pairs = _PAIR.findall(code)
        if len(pairs) > 1:
            for key, meaning in pairs:
                _enter(book, variable, key, meaning.strip())
        elif code not in _EMPTY and label not in _EMPTY:
            _enter(book, variable, code, label)
        elif label not in _EMPTY:
            _add_label(book, variable, label)
    for variable in list(book.codes):
        _move_remarks(book, variable)
    if strange:
        listed = ", ".join(sorted(strange)[:5])
        book.warnings.append(f"{path.name}: {len(strange)} variable(s) that the file does not have, such as {listed}")
    return book


def _enter(book: CodeBook, variable: str, code: str, label: str) -> None:
    book.codes.setdefault(variable, {}).setdefault(code, label)


def _add_label(book: CodeBook, variable: str, text: str) -> None:
    known = book.labels.get(variable, "")
    if text != known:
        book.labels[variable] = f"{known}: {text}" if known else text


def _move_remarks(book: CodeBook, variable: str) -> None:
    """A word where numbers are the codes (N, YEARS) is no code: what it says belongs to the variable."""
    codes = book.codes[variable]
    remarks = [code for code in codes if code.isalpha()]
    if len(remarks) == 1:
        _add_label(book, variable, codes.pop(remarks[0]))
    if not codes:
        del book.codes[variable]


# --- columns -------------------------------------------------------------------------------------


def _layout_roles(table: _Table) -> dict[str, int]:
    """Return role -> column of a table of positions, by its header and then by what stands in it."""
    roles = _by_header(table, ("variable", "start", "end", "width", "label"))
    width = max(len(row) for _, row in table.rows)
    columns = {place: table.column(place) for place in range(width)}
    numeric = [
        place for place, cells in columns.items() if _share(cells, lambda cell: bool(_WHOLE.fullmatch(cell))) > 0.9
    ]
    free = [place for place in numeric if place not in roles.values()]
    if "start" not in roles:
        rising = [place for place in free if _is_rising(columns[place])]
        roles |= {"start": rising[0]} if rising else {}
    if "end" not in roles and "width" not in roles and "start" in roles:
        starts = [int(cell) for cell in columns[roles["start"]] if _WHOLE.fullmatch(cell)]
        for place in (place for place in numeric if place not in roles.values()):
            ends = [int(cell) for cell in columns[place] if _WHOLE.fullmatch(cell)]
            if len(ends) == len(starts):
                is_end = all(end >= start for start, end in zip(starts, ends, strict=True))
                roles["end" if is_end and _is_rising(columns[place]) else "width"] = place
                break
    texts = [place for place in columns if place not in numeric and place not in roles.values()]
    if "variable" not in roles:
        names = [
            place for place in texts if len(set(columns[place])) == len(columns[place]) and _words(columns[place]) < 1.2
        ]
        roles |= {"variable": names[0]} if names else {}
    if "label" not in roles:
        long = sorted(
            (place for place in texts if place != roles.get("variable")), key=lambda place: -_words(columns[place])
        )
        roles |= {"label": long[0]} if long else {}
    missing = [role for role in ("variable", "start") if role not in roles]
    missing += [] if "end" in roles or "width" in roles else ["end or width"]
    if missing:
        raise _refusal(table.name, f"no column of {', '.join(missing)} is found")
    return roles


def _label_roles(table: _Table, known: Mapping[str, str]) -> dict[str, int]:
    """Return role -> column of a table of labels."""
    width = max(len(row) for _, row in table.rows)
    columns = {place: table.column(place) for place in range(width)}
    named = {
        place: len({cell.casefold() for cell in cells} & known.keys()) for place, cells in _whole_columns(table).items()
    }
    best = max(named, key=lambda place: (named[place], -place), default=0)
    if not named or not named[best]:
        raise _refusal(table.name, "no column names variables of the file")
    others = {place for place, count in named.items() if place != best and count > named[best] / 2}
    names = columns[best]
    texts = [place for place in columns if place not in others | {best} and _share(columns[place], _is_text) > 0.2]
    # A text that is one all through each variable, and tells variables apart, is the variable's own label.
    least = 0.3 * len(set(names))
    titles = [place for place in texts if _is_constant(names, columns[place]) and len(set(columns[place])) > least]
    roles = {"variable": best}
    if titles:
        roles["title"] = max(titles, key=lambda place: _words(columns[place]))
    roles |= _by_header(table, ("code", "label"), taken=others | set(roles.values()))
    if "label" not in roles and "title" in roles and "code" not in roles:
        roles["label"] = roles.pop("title")
    if "label" not in roles:
        left = [place for place in texts if place not in roles.values()]
        roles |= {"label": max(left, key=lambda place: _words(columns[place]))} if left else {}
    return roles


def _whole_columns(table: _Table) -> dict[int, list[str]]:
    width = max(len(row) for _, row in table.rows)
    return {
        place: [row[place].strip() if place < len(row) else "" for _, row in table.data()] for place in range(width)
    }


def _by_header(table: _Table, roles: Sequence[str], taken: Iterable[int] = ()) -> dict[str, int]:
    found: dict[str, int] = {}
    used = set(taken)
    headers = load_guesses().headers
    # 'valor' is a code beside 'etiqueta' and a label beside 'llave': words that stand first decide.
    wishes = sorted(
        (rank, role, place)
        for role in roles
        for place, cell in enumerate(table.header())
        for rank, word in enumerate(headers[role])
        if word in cell or any(piece.startswith(word) for piece in cell if len(word) > 4)
    )
    for _, role, place in wishes:
        if role not in found and place not in used:
            found[role] = place
            used.add(place)
    return found


def _span(values: Mapping[str, str]) -> tuple[int, int] | None:
    numbers = {
        role: int(text) for role, text in values.items() if role in ("start", "end", "width") and _WHOLE.fullmatch(text)
    }
    start, end, width = numbers.get("start", 0), numbers.get("end"), numbers.get("width")
    if width is None and end is not None:
        width = end - start + 1
    return (start, width) if start >= 1 and width is not None and width >= 1 else None


def _share(cells: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, cells)) / max(len(cells), 1)


def _is_text(cell: str) -> bool:
    return cell not in _EMPTY and not _WHOLE.fullmatch(cell)


def _is_rising(cells: Sequence[str]) -> bool:
    numbers = [int(cell) for cell in cells if _WHOLE.fullmatch(cell)]
    return len(numbers) > 1 and all(low < high for low, high in zip(numbers, numbers[1:], strict=False))


def _words(cells: Sequence[str]) -> float:
    return sum(len(cell.split()) for cell in cells) / max(len(cells), 1)


def _is_constant(names: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether a column has one text within most of the variables that stand on several lines."""
    by_name: dict[str, set[str]] = {}
    lines: dict[str, int] = {}
    for name, cell in zip(names, cells, strict=True):
        by_name.setdefault(name, set()).add(cell)
        lines[name] = lines.get(name, 0) + 1
    several = [name for name, count in lines.items() if count > 1 and name]
    return bool(several) and sum(len(by_name[name]) == 1 for name in several) > 0.8 * len(several)


# --- text ----------------------------------------------------------------------------------------


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode(FALLBACK, "replace")


def _table(path: Path, text: str) -> _Table:
    """Return the rows of a table by the delimiter that divides most of its lines alike."""
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise _refusal(path.name, "the file is empty")

    def evenness(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(io.StringIO("\n".join(lines[:_SAMPLE])), delimiter=delimiter) if row]
        usual = max(set(widths), key=widths.count)
        return (widths.count(usual) / len(widths) if usual > 1 else 0.0, usual)

    delimiter = max(DELIMITERS, key=evenness)
    if evenness(delimiter)[1] < 2:
        raise _refusal(path.name, "no delimiter (tab, semicolon, comma, bar) divides its lines")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    for row in reader:
        if any(cell.strip() for cell in row):
            rows.append((line, row))
        line = reader.line_num + 1
    known = {word for words in load_guesses().headers.values() for word in words}
    first = {piece for cell in rows[0][1] for piece in tokens(cell)}
    is_header = bool(first & known) and not any(_WHOLE.fullmatch(cell.strip()) for cell in rows[0][1])
    return _Table(path.name, rows, is_header)


def _refusal(name: str, message: str) -> InputError:
    remedy = "use a table with a column each for variable, start, end or width (layout), or variable, code, label"
    return InputError([Problem(name, None, "SCAFFOLD_TABLE", message, remedy)])
