"""Code lists of the project: what each code means, in which order it stands, what it adds up to.

Here belong the strict readers of ``schemas/code_lists``: the lists and their index, the hierarchy
between classification versions, the groups that hold countries, the code tables that several surveys
share, and the map from ILOSTAT's status letters to SDMX's. Who uses a list for what is said in ``concepts``
and ``indicators``.

Files are read with the csv module: a data frame library would take Namibia's ``NA`` for a missing value
and drop the zeros of ``004``.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from schemas.errors import Problem, SpecError

FOLDER = Path(__file__).parent / "code_lists"

#: The one table in ``shared`` that is no code table: read by schemas.countries.
COUNTRY_NAMES = "COUNTRY_NAMES"

#: Versions that list countries; their base codes are those of AREA and AREA_SPECIAL.
COUNTRY_VERSIONS = ("CBR_BRT", "CCT_CTZ", "CRS_RES", "CDS_DES", "CPR_PRV")

_CODE_COLUMNS = ("code", "label_en", "label_fr", "label_es", "order", "level", "parent", "is_total")
_AREA_COLUMNS = ("iso2", "iso_numeric", "is_test")
_INDEX_COLUMNS = ("list", "type", "title_en", "title_fr", "title_es", "version", "source", "agency")


@dataclass(frozen=True)
class Code:
    """One item of a code list.

    Attributes:
        code: the code, unique in its list.
        en: label in English.
        fr: label in French.
        es: label in Spanish.
        order: position in the list.
        level: 1 for the items that together make up the total (and for the total), 2 for items that
            stand below one of them (``parent``) or across them (15+, a group of countries).
        is_total: whether the item holds everyone, the unknown included.
        parent: code of the item that holds this one.
        iso2: two-letter country code, '' where there is none (AREA only).
        iso_numeric: three-digit country code, '' where there is none (AREA only).
        is_test: whether it is a test area of our own (AREA only).
    """

    code: str
    en: str
    fr: str
    es: str
    order: int
    level: int
    is_total: bool
    parent: str | None = None
    iso2: str = ""
    iso_numeric: str = ""
    is_test: bool = False


@dataclass(frozen=True)
class CodeList:
    """One version of a classification, or another list.

    Attributes:
        id: identifier, e.g. ``AGE_10YRBANDS``.
        type: classification type that the version belongs to, e.g. ``AGE``.
        title: language -> title.
        version: version of the list as published.
        source: where the list comes from.
        agency: who maintains it: ILO, SDMX, or ILMS for lists of our own.
        items: the codes in their order.
    """

    id: str
    type: str
    title: Mapping[str, str]
    version: str
    source: str
    agency: str
    items: tuple[Code, ...]

    @property
    def codes(self) -> frozenset[str]:
        """Every code of the list."""
        return frozenset(item.code for item in self.items)

    @property
    def total(self) -> str | None:
        """Code of the item that holds everyone, if the list has one."""
        return next((item.code for item in self.items if item.is_total), None)


@dataclass(frozen=True)
class HierarchyRow:
    """One base code that is part of one item of a classification version."""

    version: str
    item: str
    base_list: str
    base_code: str


@dataclass(frozen=True)
class SdmxStatus:
    """What an ILOSTAT status letter is in SDMX's cross-domain lists."""

    obs_status: str
    conf_status: str


@dataclass(frozen=True)
class _Row:
    """One line of a CSV file with the file's name and its 1-based number."""

    file: str
    number: int
    values: Mapping[str, str]

    def problem(self, rule: str, message: str, remedy: str) -> Problem:
        return Problem(self.file, self.number, rule, message, remedy)


def read_rows(path: Path, columns: Sequence[str]) -> list[_Row]:
    """Return the rows of a CSV file that has exactly these columns; text as it stands."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SpecError(
            [Problem(path.name, None, "TABLE_NOT_FOUND", "the file does not exist", "add the file")]
        ) from None
    except UnicodeDecodeError:
        remedy = "save the file as UTF-8"
        raise SpecError([Problem(path.name, None, "TABLE_ENCODING", "not UTF-8", remedy)]) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    problems: list[Problem] = []
    rows: list[_Row] = []
    try:
        header = next(reader, [])
        if header != list(columns):
            message = f"columns are {', '.join(header) or '(none)'}"
            remedy = f"write the header {','.join(columns)}"
            raise SpecError([Problem(path.name, 1, "TABLE_COLUMNS", message, remedy)])
        for cells in reader:
            if len(cells) == len(columns):
                rows.append(_Row(path.name, reader.line_num, dict(zip(columns, cells, strict=True))))
            else:
                message = f"{len(cells)} cells where the header has {len(columns)}"
                remedy = "give every column a cell; put text with commas in quotes"
                problems.append(Problem(path.name, reader.line_num, "TABLE_ROW_WIDTH", message, remedy))
    except csv.Error:
        remedy = "close every quote and double the quotes inside quoted text"
        problems.append(Problem(path.name, reader.line_num, "TABLE_ROW_WIDTH", "broken quoting", remedy))
    if problems:
        raise SpecError(problems)
    return rows


def read_code_lists(folder: Path) -> Mapping[str, CodeList]:
    """Return the code lists of a folder by id, in the order of its index.

    Raises:
        SpecError: with every problem of the index and the lists.
    """
    problems: list[Problem] = []
    found: dict[str, CodeList] = {}
    for row in read_rows(folder / "index.csv", _INDEX_COLUMNS):
        values = row.values
        name = values["list"]
        if blank := [column for column in _INDEX_COLUMNS if not values[column].strip()]:
            problems.append(row.problem("LABEL_BLANK", f"{', '.join(blank)} is blank", "fill the cell"))
            continue
        if name in found:
            problems.append(row.problem("CODE_DUPLICATE", f"list {name} stands twice", "keep one row"))
            continue
        try:
            items = _read_items(folder / f"{name}.csv", is_area=name == "AREA")
        except SpecError as error:
            problems += error.problems
            continue
        title = MappingProxyType({language: values[f"title_{language}"] for language in ("en", "fr", "es")})
        found[name] = CodeList(
            name, values["type"], title, values["version"], values["source"], values["agency"], items
        )
    if problems:
        raise SpecError(problems)
    return MappingProxyType(found)


def _read_items(path: Path, *, is_area: bool) -> tuple[Code, ...]:
    rows = read_rows(path, _CODE_COLUMNS + _AREA_COLUMNS if is_area else _CODE_COLUMNS)
    problems: list[Problem] = []
    items: dict[str, Code] = {}
    order, total = 0, None
    for row in rows:
        found = list(_row_problems(row, items, order, total))
        problems += found
        if found:
            continue
        item = _item(row.values)
        items[item.code] = item
        order = item.order
        total = item.code if item.is_total else total
    if not rows:
        remedy = "add the codes or remove the list from the index"
        problems.append(Problem(path.name, None, "TABLE_EMPTY", "the list has no codes", remedy))
    if problems:
        raise SpecError(problems)
    return tuple(items.values())


def _item(values: Mapping[str, str]) -> Code:
    return Code(
        code=values["code"],
        en=values["label_en"],
        fr=values["label_fr"],
        es=values["label_es"],
        order=int(values["order"]),
        level=int(values["level"]),
        is_total=values["is_total"] == "Y",
        parent=values["parent"] or None,
        iso2=values.get("iso2", ""),
        iso_numeric=values.get("iso_numeric", ""),
        is_test=values.get("is_test") == "Y",
    )


def _row_problems(row: _Row, before: Mapping[str, Code], order: int, total: str | None) -> Iterator[Problem]:
    """Yield what is wrong with one row, given the rows above it."""
    values = row.values
    code = values["code"]
    if blank := [name for name in ("code", "label_en", "label_fr", "label_es") if not values[name].strip()]:
        yield row.problem("LABEL_BLANK", f"{', '.join(blank)} of {code or 'a row'} is blank", "fill the cell")
    if code != code.strip():
        yield row.problem("CODE_INVALID", f"{code!r} has blanks around it", "remove them")
    if code in before:
        yield row.problem("CODE_DUPLICATE", f"{code} stands twice", "keep one row")
    if not _is_whole(values["order"]) or int(values["order"]) <= order:
        message = f"order {values['order']!r} is not a whole number above {order}"
        yield row.problem("ORDER_INVALID", message, "number the rows upwards from 1")
    if values["level"] not in ("1", "2"):
        yield row.problem("LEVEL_INVALID", f"level {values['level']!r} is not 1 or 2", "write 1 or 2")
    if values["parent"] and values["parent"] not in before:
        message = f"parent {values['parent']} does not stand above {code}"
        yield row.problem("PARENT_UNKNOWN", message, "name a code of this list that stands further up")
    if values["is_total"] not in ("Y", "N"):
        yield row.problem("TOTAL_INVALID", f"is_total is {values['is_total']!r}", "write Y or N")
    elif values["is_total"] == "Y" and total:
        yield row.problem("TOTAL_INVALID", f"{total} and {code} are both totals", "leave one total")
    if values.get("is_test", "N") not in ("Y", "N"):
        yield row.problem("AREA_INVALID", f"is_test is {values['is_test']!r}", "write Y or N")
    numeric = values.get("iso_numeric", "")
    if numeric and not (len(numeric) == 3 and _is_whole(numeric)):
        yield row.problem("AREA_INVALID", f"iso_numeric {numeric!r} is not three digits", "write e.g. 004")


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()


def read_hierarchy(folder: Path, lists: Mapping[str, CodeList]) -> tuple[HierarchyRow, ...]:
    """Return the rows of a folder's hierarchies.csv.

    Raises:
        SpecError: with every row that names an unknown list or code, a total, or repeats another row.
    """
    problems: list[Problem] = []
    found: dict[HierarchyRow, None] = {}
    for row in read_rows(folder / "hierarchies.csv", ("version", "item", "base_list", "base_code")):
        entry = HierarchyRow(**row.values)
        pairs = ((entry.version, entry.item), (entry.base_list, entry.base_code))
        bad = [f"{code} of {name}" for name, code in pairs if name not in lists or code not in lists[name].codes]
        if bad:
            message = f"{' and '.join(bad)} is in no code list"
            problems.append(row.problem("CODE_TARGET_UNKNOWN", message, "use codes of the lists named"))
        elif entry.item == lists[entry.version].total:
            message = f"{entry.item} is a total"
            problems.append(row.problem("TOTAL_INVALID", message, "remove the row: a total holds everyone"))
        elif entry in found:
            problems.append(row.problem("CODE_DUPLICATE", "the row stands twice", "keep one"))
        else:
            found[entry] = None
    if problems:
        raise SpecError(problems)
    return tuple(found)


def read_country_groups(folder: Path, lists: Mapping[str, CodeList]) -> Mapping[str, str]:
    """Return what stands in a group of countries -> its group, from a folder's country_groups.csv.

    What stands in a group is a group of a lower level, a country, or a residual group of AREA_SPECIAL where it is
    certain. Everything stands in one group, so that the groups of a level never overlap.

    Raises:
        SpecError: with every row that names a code that is no group or nothing to stand in one, that repeats a member,
            or that puts a group below one that stands further down; with countries in no group; with empty groups.
    """
    areas = lists["AREA"].items
    groups = {item.code for item in areas if item.level == 2}
    countries = {item.code for item in areas if item.level == 1 and not item.is_test}
    problems: list[Problem] = []
    found: dict[str, str] = {}
    path = folder / "country_groups.csv"
    for row in read_rows(path, ("group", "member")):
        group, member = row.values["group"], row.values["member"]
        known = ((group, groups), (member, groups | countries | lists["AREA_SPECIAL"].codes))
        if bad := [code for code, codes in known if code not in codes]:
            message = f"{' and '.join(bad)} is no group, country or residual group"
            remedy = "use a group of AREA, and a group, country or code of AREA_SPECIAL in it"
            problems.append(row.problem("CODE_TARGET_UNKNOWN", message, remedy))
        elif member in found:
            message = f"{member} stands in {found[member]} already"
            problems.append(row.problem("CODE_DUPLICATE", message, "keep one row"))
        elif member == group or member in found.values():
            message = f"{member} has members further up"
            problems.append(row.problem("PARENT_UNKNOWN", message, "write a group's own row above its members"))
        else:
            found[member] = group
    if missing := sorted((countries - found.keys()) | ((groups & found.keys()) - set(found.values()))):
        message = f"no row for {', '.join(missing)}"
        remedy = "put every country into a group and a member into every group"
        problems.append(Problem(path.name, None, "CODE_UNMAPPED", message, remedy))
    if problems:
        raise SpecError(problems)
    return MappingProxyType(found)


def read_shared_codes(path: Path, lists: Mapping[str, CodeList]) -> Mapping[str, str]:
    """Return source code -> harmonised code of one shared code table.

    Raises:
        SpecError: with every source code that stands twice and every target in no code list.
    """
    known = {code for codes in lists.values() for code in codes.codes}
    problems: list[Problem] = []
    found: dict[str, str] = {}
    for row in read_rows(path, ("source_code", "target_code")):
        source, target = row.values["source_code"], row.values["target_code"]
        if source in found:
            problems.append(row.problem("CODE_DUPLICATE", f"{source!r} stands twice", "keep one row"))
        elif target not in known:
            message = f"target {target!r} is in no code list"
            problems.append(row.problem("CODE_TARGET_UNKNOWN", message, "use a code of the harmonised list"))
        else:
            found[source] = target
    if problems:
        raise SpecError(problems)
    return MappingProxyType(found)


def read_status_map(folder: Path, lists: Mapping[str, CodeList]) -> Mapping[str, SdmxStatus]:
    """Return ILOSTAT status letter ('' for none) -> SDMX statuses, from a folder's status_map.csv.

    Raises:
        SpecError: with every unknown letter, and with letters of OBS_STATUS that are not mapped.
    """
    letters = lists["OBS_STATUS"].codes | {""}
    problems: list[Problem] = []
    found: dict[str, SdmxStatus] = {}
    path = folder / "status_map.csv"
    for row in read_rows(path, ("ilostat", "obs_status", "conf_status")):
        letter, status, conf = row.values.values()
        named = (
            (letter, letters),
            (status, lists["OBS_STATUS_SDMX"].codes),
            (conf, lists["CONF_STATUS"].codes),
        )
        if bad := [code for code, codes in named if code not in codes]:
            message = f"{', '.join(bad)} is in no code list"
            problems.append(row.problem("CODE_TARGET_UNKNOWN", message, "use codes of the status lists"))
        elif letter in found:
            problems.append(row.problem("CODE_DUPLICATE", f"{letter!r} stands twice", "keep one row"))
        found[letter] = SdmxStatus(status, conf)
    if missing := sorted(letters - set(found)):
        message = f"no row for {', '.join(map(repr, missing))}"
        problems.append(Problem(path.name, None, "CODE_UNMAPPED", message, "map every letter"))
    if problems:
        raise SpecError(problems)
    return MappingProxyType(found)


@cache
def load_code_lists() -> Mapping[str, CodeList]:
    """Return the project's code lists by id."""
    return read_code_lists(FOLDER)


@cache
def load_hierarchy() -> tuple[HierarchyRow, ...]:
    """Return the base codes of every item that is an aggregate of another list's codes."""
    return read_hierarchy(FOLDER, load_code_lists())


@cache
def load_country_groups() -> Mapping[str, str]:
    """Return country, residual group or subregion -> the subregion or region that holds it."""
    return read_country_groups(FOLDER, load_code_lists())


@cache
def load_shared_codes(name: str) -> Mapping[str, str]:
    """Return source code -> harmonised code of a shared table, e.g. ``ISIC4_DIVISION``.

    Raises:
        SpecError: if there is no such table.
    """
    known = sorted({path.stem for path in (FOLDER / "shared").glob("*.csv")} - {COUNTRY_NAMES})
    if name not in known:
        remedy = f"use one of {', '.join(known)}"
        raise SpecError([Problem(f"{name}.csv", None, "TABLE_NOT_FOUND", "no such shared code table", remedy)])
    return read_shared_codes(FOLDER / "shared" / f"{name}.csv", load_code_lists())


@cache
def load_status_map() -> Mapping[str, SdmxStatus]:
    """Return ILOSTAT status letter ('' for none) -> SDMX OBS_STATUS and CONF_STATUS."""
    return read_status_map(FOLDER, load_code_lists())


@cache
def base_lists_of(version: str) -> tuple[str, ...]:
    """Return the lists whose codes the items of a version are made of.

    Several lists are alternatives (ISIC Rev.4 or Rev.3.1), except for countries, where AREA_SPECIAL
    completes AREA.
    """
    if version in COUNTRY_VERSIONS:
        return ("AREA", "AREA_SPECIAL")
    named = dict.fromkeys(row.base_list for row in load_hierarchy() if row.version == version)
    return tuple(named) or (version,)


@cache
def items_of(version: str, base_code: str) -> tuple[str, ...]:
    """Return the published items of a version that hold a base code, the total left out.

    A country without an item of its own, a residual group and an unknown country are held by the
    version's X; whether X or not, a country is held by its subregion and region as well, and a residual
    group by its region. A code that the version has no place for is held by none.
    """
    lists = load_code_lists()
    if version in COUNTRY_VERSIONS:
        item = f"{version}_{base_code}"
        return (item if item in _countries(version) else f"{version}_X", *_groups_of(version, base_code))
    parts = [row for row in load_hierarchy() if row.version == version]
    if not parts:
        return _with_ancestors(lists[version], base_code)
    return tuple(row.item for row in parts if row.base_code == base_code)


@cache
def _countries(version: str) -> frozenset[str]:
    items = load_code_lists()[version].items
    return frozenset(item.code for item in items if item.level == 1 and not item.is_total)


def _groups_of(version: str, base_code: str) -> Iterator[str]:
    above = load_country_groups()
    step = None if base_code in above.values() else above.get(base_code)
    while step:
        yield f"{version}_{step}"
        step = above.get(step)


def _with_ancestors(codes: CodeList, code: str) -> tuple[str, ...]:
    items = {item.code: item for item in codes.items if not item.is_total}
    found: list[str] = []
    step: str | None = code
    while step in items:
        found.insert(0, step)
        step = items[step].parent
    return tuple(found)


@cache
def total_of(version: str) -> str:
    """Return the code of the item that holds everyone in a classification version.

    Raises:
        ValueError: if the list has no total and so is no classification version.
    """
    total = load_code_lists()[version].total
    if total is None:
        raise ValueError(f"{version} has no total")
    return total
