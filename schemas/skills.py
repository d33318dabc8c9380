"""Which education an occupation requires: the normative table of ISCO major groups and ISCED levels.

Here belongs the strict reader of ``skills_mismatch.csv``. How a person's education is held against it is said
in ``transforms``.

Source: ISCO-08, the skill level of each major group and the ISCED-97 levels of each skill level (from memory, high
certainty); ISCO-88 and ISCED 2011 by the same levels.
"""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from schemas.codes import CodeList, load_code_lists
from schemas.errors import Problem, SpecError

_FILE = Path(__file__).parent / "skills_mismatch.csv"
_COLUMNS = ["occupation", "lowest", "highest", "source"]


def read_required_education(
    path: Path, lists: Mapping[str, CodeList]
) -> Mapping[tuple[str, str], tuple[tuple[str, str, str], ...]]:
    """Return (list of occupations, list of levels) -> (occupation, lowest level, highest level) of every row.

    Levels stand in the order of their list; what lies between lowest and highest, both included, is required.

    Raises:
        SpecError: with every row that names an unknown code, a range upside down or an occupation twice.
    """
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle, strict=True))
    if rows[:1] != [_COLUMNS]:
        message, remedy = "the columns are others", f"write the header {','.join(_COLUMNS)}"
        raise SpecError([Problem(path.name, 1, "TABLE_COLUMNS", message, remedy)])
    problems: list[Problem] = []
    found: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if len(cells) != len(_COLUMNS):
            message = f"{len(cells)} cells where the header has {len(_COLUMNS)}"
            problems.append(Problem(path.name, number, "TABLE_ROW_WIDTH", message, "give every column a cell"))
            continue
        occupation, lowest, highest, _ = cells
        groups = next((name for name in _of_type(lists, "OCU") if occupation in lists[name].codes), "")
        levels = next((name for name in _of_type(lists, "EDU") if {lowest, highest} <= lists[name].codes), "")
        if not groups or not levels:
            message = f"{occupation}, {lowest} and {highest} are not an occupation and two levels of one list"
            remedy = "use codes of an OCU list and of one EDU list"
            problems.append(Problem(path.name, number, "CODE_TARGET_UNKNOWN", message, remedy))
            continue
        order = [item.code for item in lists[levels].items]
        if order.index(lowest) > order.index(highest):
            message = f"{lowest} stands above {highest}"
            problems.append(Problem(path.name, number, "ORDER_INVALID", message, "write the lower level first"))
        there = found.setdefault((groups, levels), [])
        if occupation in {row[0] for row in there}:
            message = f"{occupation} stands twice with levels of {levels}"
            problems.append(Problem(path.name, number, "CODE_DUPLICATE", message, "keep one row"))
        there.append((occupation, lowest, highest))
    if problems:
        raise SpecError(problems)
    return MappingProxyType({key: tuple(rows) for key, rows in found.items()})


def _of_type(lists: Mapping[str, CodeList], kind: str) -> Iterator[str]:
    return (name for name, codes in lists.items() if codes.type == kind)


@cache
def load_required_education() -> Mapping[tuple[str, str], tuple[tuple[str, str, str], ...]]:
    """Return the education that occupations require, by the lists of both."""
    return read_required_education(_FILE, load_code_lists())
