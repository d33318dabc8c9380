"""Command files of statistics programs that describe a file: DATA LIST, VARIABLE LABELS, VALUE LABELS.

Only what SPSS writes itself is understood; whatever else stands in the file is passed over.
"""

import re
from dataclasses import dataclass, field

_NAME = r"[A-Za-z_@#$][\w.@#$]*"
_COMMAND = re.compile(
    r"^\s*(data\s+list|variable\s+labels|var\s+labels|value\s+labels)\b(.*?)(?=^\s*\.\s*$|\.\s*$)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_PLACE = re.compile(rf"({_NAME})\s+(\d+)\s*(?:-\s*(\d+))?(?!\w)")
_TEXT = r"(?:'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\")"
_LABEL = re.compile(rf"({_NAME})\s+{_TEXT}")
_VALUE = re.compile(rf"(-?\d+(?:\.\d+)?|'[^']*'|\"[^\"]*\")\s+{_TEXT}")
_NAMES = re.compile(rf"^[\s/]*((?:{_NAME}[\s,]+)+)(?=[-\d'\"])")


@dataclass
class Syntax:
    """What a command file says: places in bytes, labels of variables, labels of codes."""

    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)


def read(text: str) -> Syntax:
    """Return what the commands of a text describe; nothing where it holds none."""
    found = Syntax()
    for command, body in _COMMAND.findall(text):
        word = command.casefold().split()
        if word[0] == "data":
            for name, start, end in _PLACE.findall(body):
                found.spans.setdefault(name, (int(start), int(end or start) - int(start) + 1))
        elif word[0].startswith("var"):
            for name, single, double in _LABEL.findall(body):
                found.labels[name] = _unquoted(single, double)
        else:
            _values(body, found)
    return found


def _values(body: str, found: Syntax) -> None:
    for group in re.split(r"/\s*(?=[A-Za-z_@#$])", body):
        names = _NAMES.match(group)
        if names is None:
            continue
        codes = {
            code.strip("'\""): _unquoted(single, double)
            for code, single, double in _VALUE.findall(group[names.end() :])
        }
        for name in re.split(r"[\s,]+", names[1].strip(" ,\n\t")):
            found.codes[name] = codes


def _unquoted(single: str, double: str) -> str:
    return single.replace("''", "'") or double.replace('""', '"')
