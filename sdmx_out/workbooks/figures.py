"""The published figures of one area, arranged as the tables of its workbooks.

Here belong what stands in which row, the top five countries and what is said of the rest. Words of a language and how
a sheet looks do not belong here. Values that are not published never come here: the rows of a release have none.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import duckdb

from schemas.codes import COUNTRY_VERSIONS, Code, CodeList
from schemas.indicators import Indicator
from sdmx_out.csv_text import literal
from sdmx_out.published_rows import TABLE
from sdmx_out.workbooks.tables import Table

#: Countries that a table names; the rest is one row.
TOP = 5
#: Status of a figure that is computed from others in the table: the other countries.
COMPUTED = "L"
_FREQUENCIES = ("A", "S", "Q", "M")
_BOTH = "SEX_T"
_MIGRANT = {"TOTAL": "MIG_STATUS_TOTAL", "FOREIGN": "MIG_STATUS_MIGRANT", "NONCIT": "MIG_STATUS_MIGRANT"}

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        value: figure in the indicator's unit; None where it is not published.
        exact: the figure as the release spells it.
        status: ILOSTAT's letter, '' for none.
        lower: lower 95 % confidence limit; None where there is none.
        upper: upper one.
    """

    value: float | None
    exact: str | None
    status: str
    lower: float | None = None
    upper: float | None = None


@dataclass
class Told:
    """What is said of an indicator's figures of one period.

    Attributes:
        sources: text of the sources.
        notes: note ids of all rows.
        by_version: note ids of the classification, by first classification.
    """

    sources: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    by_version: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class Figures:
    """All figures of some indicators in one area.

    Attributes:
        cells: indicator -> frequency, period, sex and both classifications -> cell.
        told: indicator, frequency, period -> what is said of them.
    """

    cells: Mapping[str, Mapping[Key, Cell]]
    told: Mapping[tuple[str, str, str], Told]


@dataclass(frozen=True)
class Line:
    """One row of a table.

    Attributes:
        label: what it is about; None for the other countries.
        is_heading: whether it heads those after it and has no figures.
        is_total: whether it holds everyone.
        depth: 1 below a heading, else 0.
        cells: sex -> cell; a sex that is not there was not observed.
    """

    label: Code | None
    is_heading: bool
    is_total: bool
    depth: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Block:
    """The rows of one period."""

    time: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Grid:
    """A table's figures.

    Attributes:
        indicator: whose they are.
        version: classification of the rows.
        head: list whose title heads the column of labels.
        sexes: codes of its groups of columns.
        blocks: one per period, the latest first.
        sources: text of the sources.
        notes: ids of the notes, in order.
        statuses: letters that occur, in alphabetical order.
        has_limits: whether any figure has confidence limits.
    """

    indicator: Indicator
    version: CodeList
    head: CodeList
    sexes: tuple[str, ...]
    blocks: tuple[Block, ...]
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    statuses: tuple[str, ...]
    has_limits: bool

    @property
    def published(self) -> int:
        """How many published figures are in it, those computed from others left out."""
        cells = (cell for block in self.blocks for line in block.lines for cell in line.cells.values())
        return sum(cell.value is not None and cell.status != COMPUTED for cell in cells)

    @property
    def has_other(self) -> bool:
        """Whether a row of other countries is in it."""
        return any(line.label is None for block in self.blocks for line in block.lines)


def read_figures(
    connection: duckdb.DuckDBPyConnection,
    area: str,
    indicators: Iterable[str],
    code_lists: Mapping[str, CodeList],
) -> Figures:
    """Return an area's figures from the rows of a release."""
    wanted = ", ".join(literal(name) for name in sorted(set(indicators)))
    version_of = {code: codes.id for codes in code_lists.values() for code in codes.codes if "_" in code}
    cells: dict[str, dict[Key, Cell]] = defaultdict(dict)
    told: dict[tuple[str, str, str], Told] = defaultdict(Told)
    rows = connection.execute(
        f"""SELECT indicator, freq, time, sex, coalesce(classif1, ''), coalesce(classif2, ''),
            CAST(nullif(obs_value, '') AS DOUBLE), nullif(obs_value, ''), obs_status,
            CAST(nullif(lower, '') AS DOUBLE), CAST(nullif(upper, '') AS DOUBLE),
            source, note_source, note_indicator, note_classif
        FROM {TABLE} WHERE ref_area = ? AND indicator IN ({wanted or "''"})""",
        [area],
    ).fetchall()
    for name, freq, time, sex, one, two, value, exact, status, lower, upper, source, *notes in rows:
        cells[name][freq, time, sex, one, two] = Cell(value, exact, status, lower, upper)
        said = told[name, freq, time]
        said.sources.add(source)
        said.notes.update(notes[0].split("_"), notes[1].split("_"))
        said.by_version[version_of.get(one, "")].update(notes[2].split("_"))
    return Figures(cells, told)


def arrange(
    table: Table,
    indicator: Indicator,
    figures: Figures,
    code_lists: Mapping[str, CodeList],
    periods: int,
) -> Grid | None:
    """Return a table of the latest periods that have figures, annual ones if there are any; None if none has.

    Of several versions of a classification the first is taken of which at least half of the figures of the latest
    period are published, else the one that tells most. Only items that together make up the total are shown
    (level 1), so that groups of countries and sectors that overlap are never added twice.

    Args:
        table: what is asked for.
        indicator: whose figures it shows.
        figures: of the area.
        code_lists: all code lists by id.
        periods: how many.
    """
    cells = figures.cells.get(indicator.id, {})
    sexes = _sexes(table, code_lists["SEX"], cells)
    for freq in _FREQUENCIES:
        version = _version(table, cells, freq, code_lists)
        if version is None:
            continue
        blocks = _blocks(table, indicator, cells, (freq, version, sexes), code_lists)[:periods]
        if not blocks:
            continue
        told = [figures.told[indicator.id, freq, block.time] for block in blocks]
        shown = [cell for block in blocks for line in block.lines for cell in line.cells.values()]
        own = {note for said in told for note in (*said.notes, *said.by_version.get(version.id, ())) if note}
        is_by_migrant = table.is_total_only or (table.is_migrant_split and not indicator.classif2_versions)
        return Grid(
            indicator,
            version,
            code_lists["MIG_STATUS"] if is_by_migrant else version,
            sexes,
            tuple(blocks),
            tuple(sorted({source for said in told for source in said.sources})),
            _in_order(own, code_lists["NOTE"]),
            tuple(sorted({cell.status for cell in shown if cell.status})),
            any(cell.lower is not None for cell in shown),
        )
    return None


def _in_order(notes: Iterable[str], known: CodeList) -> tuple[str, ...]:
    place = {item.code: item.order for item in known.items}
    return tuple(sorted(notes, key=lambda note: (place.get(note, len(place)), note)))


def _sexes(table: Table, codes: CodeList, cells: Mapping[Key, Cell]) -> tuple[str, ...]:
    if table.is_both_sexes_only:
        return tuple(item.code for item in codes.items if item.is_total)
    present = {key[2] for key in cells}
    return tuple(item.code for item in codes.items if item.code in present)


def _version(table: Table, cells: Mapping[Key, Cell], freq: str, code_lists: Mapping[str, CodeList]) -> CodeList | None:
    best: tuple[float, CodeList] | None = None
    for codes in (code_lists[name] for name in table.versions):
        level = {item.code for item in codes.items if item.level == 1}
        found = {key: cell for key, cell in cells.items() if key[0] == freq and key[3] in level}
        latest = max((key[1] for key, cell in found.items() if cell.value is not None), default="")
        if not latest:
            continue
        of_latest = [cell.value is not None for key, cell in found.items() if key[1] == latest and key[2] == _BOTH]
        share = sum(of_latest) / len(of_latest) if of_latest else 0.0
        if share >= 0.5 or codes.id in COUNTRY_VERSIONS:
            return codes
        if best is None or share > best[0]:
            best = share, codes
    return best[1] if best else None


def _blocks(
    table: Table,
    indicator: Indicator,
    cells: Mapping[Key, Cell],
    chosen: tuple[str, CodeList, tuple[str, ...]],
    code_lists: Mapping[str, CodeList],
) -> list[Block]:
    """The periods that have figures, the latest first."""
    freq, version, sexes = chosen
    present = {(key[3], key[4]) for key in cells if key[0] == freq and key[2] in sexes}
    items = [
        item
        for item in version.items
        if (item.level == 1 or table.has_all_levels)
        and (item.is_total or not table.is_total_only)
        and any(item.code == one for one, _ in present)
    ]
    of_groups = code_lists[indicator.classif2_versions[0]].items if indicator.classif2_versions else ()
    groups: list[Code | None] = [item for item in of_groups if any(item.code == two for _, two in present)]
    if table.is_migrant_split:
        if groups:
            groups = [item for item in groups if item and _suffix(item) in _MIGRANT]
        else:
            items = [item for item in items if _suffix(item) in _MIGRANT]
    blocks = []
    for time in sorted({key[1] for key in cells if key[0] == freq}, reverse=True):
        lines: list[Line] = []
        for group in groups or [None]:
            rows = _Rows(cells, freq, time, sexes, group.code if group else "")
            made = rows.countries(items) if version.id in COUNTRY_VERSIONS else rows.items(items)
            if not any(line.cells for line in made):
                continue
            if table.is_migrant_split:
                made = [_in_words_of_migrants(line, code_lists["MIG_STATUS"]) for line in made]
            lines += _grouped(group, made, table, code_lists["MIG_STATUS"])
        if any(cell.value is not None for line in lines for cell in line.cells.values()):
            blocks.append(Block(time, tuple(lines)))
    return blocks


def _grouped(group: Code | None, made: list[Line], table: Table, words: CodeList) -> list[Line]:
    """Put a heading over a group's lines; a group of the total alone is one line."""
    if group is None:
        return made
    label = _migrant(group, words) if table.is_migrant_split else group
    if table.is_total_only:
        return [Line(label, False, group.is_total, 0, line.cells) for line in made]
    heading = Line(label, True, group.is_total, 0, {})
    return [heading, *(Line(line.label, False, line.is_total, 1, line.cells) for line in made)]


def _in_words_of_migrants(line: Line, words: CodeList) -> Line:
    if line.label is None or _suffix(line.label) not in _MIGRANT or line.label.code.split("_")[0] not in ("CBR", "CCT"):
        return line
    return Line(_migrant(line.label, words), line.is_heading, line.is_total, line.depth, line.cells)


def _migrant(item: Code, words: CodeList) -> Code:
    return next(word for word in words.items if word.code == _MIGRANT[_suffix(item)])


def _suffix(item: Code) -> str:
    return item.code.rsplit("_", 1)[-1]


@dataclass(frozen=True)
class _Rows:
    """The rows of one period and group."""

    cells: Mapping[Key, Cell]
    freq: str
    time: str
    sexes: tuple[str, ...]
    group: str

    def items(self, items: Sequence[Code]) -> list[Line]:
        """One row per item."""
        return [Line(item, False, item.is_total, 0, self._of(item.code)) for item in items]

    def countries(self, items: Sequence[Code]) -> list[Line]:
        """Total, the five countries with the largest published figure of both sexes, and the other countries.

        The others are the total less the countries named, per sex. That is a difference of published figures, which
        every reader can take: nothing is used that is not in the table. Where the total or a named country is not
        published for a sex, its others are not computed; a sum of what is published would be no remainder, and
        hidden parts have no figures here. So the others hold the countries that are not published as well, and the
        unknown. Without a total there are no others.
        """
        total = next((item for item in items if item.is_total), None)
        named = [item for item in items if not item.is_total and _suffix(item) != "X"]
        ranked = sorted(
            (item for item in named if self._value(item.code, _BOTH) is not None),
            key=lambda item: (-(self._value(item.code, _BOTH) or 0.0), item.order),
        )[:TOP]
        top = self.items(ranked)
        if total is None:
            return top
        whole = self._of(total.code)
        rest = {sex: cell for sex in self.sexes if (cell := _remainder(whole.get(sex), sex, top)) is not None}
        lines = [Line(total, False, True, 0, whole), *top]
        if ranked and len(items) > 1 + len(ranked):
            lines.append(Line(None, False, False, 0, rest))
        return lines

    def _of(self, code: str) -> dict[str, Cell]:
        found = {sex: self.cells.get((self.freq, self.time, sex, code, self.group)) for sex in self.sexes}
        return {sex: cell for sex, cell in found.items() if cell is not None}

    def _value(self, code: str, sex: str) -> float | None:
        cell = self.cells.get((self.freq, self.time, sex, code, self.group))
        return cell.value if cell else None


def _remainder(whole: Cell | None, sex: str, top: Sequence[Line]) -> Cell | None:
    if whole is None or whole.exact is None:
        return None
    parts = [line.cells.get(sex) for line in top]
    # A named country that is not there has nobody of that sex in the sample; one that is there may be hidden.
    spelled = [part.exact for part in parts if part is not None]
    if any(exact is None for exact in spelled):
        return None
    left = Decimal(whole.exact) - sum((Decimal(exact) for exact in spelled if exact), Decimal(0))
    # Each published figure is rounded, so that the difference of true ones that is 0 may come out just below it.
    if left < -(len(spelled) + 1) * Decimal(1).scaleb(int(left.as_tuple().exponent)):
        return None
    left = max(left, Decimal(0).quantize(left))
    return Cell(float(left), str(left), COMPUTED)
