"""Release notes in English, French and Spanish, as a page and as Markdown.

Here belong their words (``release_notes.toml``), how numbers, dates and periods are written in each language, and the
two layouts of one and the same content. What there is to tell is found in ``release_summary``. Their length is bounded
for a release of any size: tables have their first rows only and say so, ``changes.csv`` has every cell.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from schemas.codes import Code, CodeList
from schemas.indicators import Indicator
from schemas.model_questions import InThree
from schemas.toml_files import parse_toml, read_entries
from sdmx_out.catalogue import LANGUAGES, TEST_TITLE
from sdmx_out.releases.changes import Change
from sdmx_out.releases.release_summary import LISTED, Listed, Summary

#: Where a release has them: one page and one text per language.
FOLDER = "notes"
FILES = {language: (f"{FOLDER}/notes_{language}.html", f"{FOLDER}/notes_{language}.md") for language in LANGUAGES}
_NARROW = "\u202f"
_SIGNS = {"en": (",", "."), "fr": (_NARROW, ","), "es": (_NARROW, ",")}
_FRENCH = re.compile(r"(?<=[\w)»%'\"])([;:?!])(?=\s|$)")
_PERIOD = re.compile(r"(\d{4})(?:-?([QSM])?(\d{1,2}))?")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_NAMED = 20

Kind = Literal["text", "code", "number"]


@dataclass(frozen=True)
class Table:
    """A table of the notes.

    Attributes:
        caption: what it shows; says so if these are the first rows only.
        columns: heading and kind of each.
        rows: one text per column.
    """

    caption: str
    columns: tuple[tuple[str, Kind], ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A section of the notes: its name in addresses, its heading, sentences, a list, tables."""

    name: str
    heading: str
    lines: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Notes:
    """The notes of a release in one language.

    Attributes:
        language: en, fr or es.
        heading: what they are.
        title: of the release.
        warnings: what must be known before anything else.
        facts: name and value.
        contents: heading of the list of sections.
        sections: in order.
    """

    language: str
    heading: str
    title: str
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    contents: str
    sections: tuple[Section, ...]


def release_notes(
    summary: Summary, indicators: Mapping[str, Indicator], code_lists: Mapping[str, CodeList], language: str
) -> Notes:
    """Return the notes of a release in a language.

    Args:
        summary: what there is to tell.
        indicators: the catalogue of indicators by id.
        code_lists: all code lists by id.
        language: en, fr or es.
    """
    writer = _Writer(summary, indicators, code_lists, language)
    return Notes(
        language=language,
        heading=writer.say("title"),
        title=summary.title[language],
        warnings=tuple(writer.warnings()),
        facts=(
            (writer.say("release"), summary.release_id),
            (writer.say("released"), writer.day(summary.released)),
            (writer.say("compared"), summary.previous or writer.say("compared_none")),
        ),
        contents=writer.say("sections"),
        sections=tuple(writer.sections()),
    )


class _Writer:
    """Says in one language what a summary tells."""

    def __init__(
        self,
        summary: Summary,
        indicators: Mapping[str, Indicator],
        code_lists: Mapping[str, CodeList],
        language: str,
    ) -> None:
        self.summary, self.indicators, self.language = summary, indicators, language
        self.lists = {name: {item.code: item for item in codes.items} for name, codes in code_lists.items()}
        self.codes = {item.code: item for codes in code_lists.values() if codes.type != "AREA" for item in codes.items}

    # --- words and numbers

    def say(self, key: str, **values: str) -> str:
        text: str = getattr(_texts()[key], self.language)
        if self.language == "fr":
            text = _FRENCH.sub(_NARROW + r"\1", text.replace("«", f"«{_NARROW}").replace("»", f"{_NARROW}»"))
        return text.format_map(values) if values else text

    def number(self, value: float, decimals: int = 0) -> str:
        thousands, decimal = _SIGNS[self.language]
        text = f"{value:,.{decimals}f}"
        if not text.strip("-0.,"):
            text = text.lstrip("-")
        return text.replace(".", "\0").replace(",", thousands).replace("\0", decimal).replace("-", "\u2212")

    def day(self, value: date) -> str:
        return self.say("date", day=str(value.day), month=self.say(f"month_{value.month}"), year=str(value.year))

    def period(self, text: str) -> str:
        """Return a period in words; ILOSTAT and SDMX write it as 2013Q4 and 2013-Q4."""
        found = _PERIOD.fullmatch(text)
        if found is None or not found[3]:
            return text
        if found[2] in ("Q", "S"):
            return self.say(f"period_{found[2]}", number=found[3], year=found[1])
        return self.say("period_M", month=self.say(f"month_{int(found[3])}"), year=found[1])

    def label(self, code: str, list_id: str = "") -> str:
        found: Code | None = (self.lists[list_id] if list_id else self.codes).get(code)
        return str(getattr(found, self.language)) if found else code

    def area(self, code: str) -> str:
        return self.label(code, "AREA") if code else self.say("all")

    def indicator(self, identifier: str) -> str:
        found = self.indicators.get(identifier)
        return found.title[self.language] if found else identifier

    def unit(self, identifier: str) -> str:
        found = self.indicators.get(identifier)
        if found is None:
            return ""
        measure = self.label(found.unit_measure, "UNIT_MEASURE")
        if not found.unit_mult:
            return measure
        return f"{measure} ({self.label(str(found.unit_mult), 'UNIT_MULT').lower()})"

    def decimals(self, identifier: str) -> int:
        found = self.indicators.get(identifier)
        return found.decimals if found else 3

    def names(self, names: Sequence[str]) -> str:
        more = [self.say("and_more", count=self.number(len(names) - _NAMED))] if len(names) > _NAMED else []
        return ", ".join([*names[:_NAMED], *more])

    def table(
        self, key: str, columns: Sequence[tuple[str, Kind]], rows: Iterable[Sequence[str]], count: int
    ) -> tuple[Table, ...]:
        """Return a table, or none where there is no row."""
        told = tuple(tuple(row) for row in rows)
        caption = self.say(key)
        if count > len(told):
            first = self.say("first_rows", listed=self.number(len(told)), count=self.number(count))
            caption = f"{caption} ({first})"
        headed = tuple((self.say(name), kind) for name, kind in columns)
        return (Table(caption, headed, told),) if told else ()

    # --- what stands above

    def warnings(self) -> Iterator[str]:
        if self.summary.is_test:
            yield TEST_TITLE[self.language]
        if self.summary.invented:
            yield self.say("invented", areas=", ".join(self.area(code) for code in self.summary.invented))
        if self.summary.is_draft:
            yield self.say("draft")

    # --- sections

    def sections(self) -> Iterator[Section]:
        yield self.brief()
        if self.summary.previous is not None:
            yield self.new()
            yield self.revised()
            yield self.hidden()
            yield self.flags()
            yield self.structures()
        yield self.withdrawals()

    def brief(self) -> Section:
        told = self.summary
        indicators, areas, periods = (self.number(count) for count in told.published)
        items = [
            self.say("published_indicators", count=indicators),
            self.say("published_areas", count=areas),
            self.say("published_periods", count=periods),
        ]
        if told.previous is None:
            return Section("brief", self.say("brief"), (self.say("first"),), tuple(items))
        items += [self.say(f"count_{kind}", count=self.number(count)) for kind, count in told.counts.items()]
        line = self.say("every_cell" if any(told.counts.values()) else "same")
        return Section("brief", self.say("brief"), (line,), tuple(items))

    def new(self) -> Section:
        told = self.summary
        areas = [self.say("new_areas", names=self.names([self.area(code) for code in told.new_areas]))]
        indicators = told.new_indicators[:LISTED]
        tables = (
            *self.table(
                "new_indicators",
                (("indicator", "text"), ("identifier", "code")),
                ((self.indicator(name), name) for name in indicators),
                len(told.new_indicators),
            ),
            *self.table(
                "new_periods",
                (("area", "text"), ("frequency", "text"), ("number", "number"), ("from", "text"), ("to", "text")),
                (
                    (
                        self.area(str(area)),
                        self.label(str(freq), "FREQ"),
                        self.number(int(count)),
                        self.period(str(first)),
                        self.period(str(last)),
                    )
                    for area, freq, count, first, last in told.new_periods.rows
                ),
                told.new_periods.count,
            ),
        )
        lines = areas if told.new_areas else [] if tables else [self.say("new_none")]
        return Section("new", self.say("new"), tuple(lines), tables=tables)

    def revised(self) -> Section:
        told = self.summary
        if not told.revised:
            return Section("revised", self.say("revised"), (self.say("revised_none"),))
        tables = (
            *self.table(
                "revised_caption",
                (
                    *(("indicator", "text"), ("identifier", "code"), ("area", "text"), ("number", "number")),
                    *(("median", "number"), ("largest", "number"), ("unit", "text")),
                    *(("median_share", "number"), ("largest_share", "number")),
                ),
                (
                    (
                        *(self.indicator(row.indicator), row.indicator, self.area(row.area), self.number(row.count)),
                        self.number(row.median, self.decimals(row.indicator)),
                        self.number(row.largest, self.decimals(row.indicator)),
                        self.unit(row.indicator),
                        self.share(row.median_share),
                        self.share(row.largest_share),
                    )
                    for row in told.revised
                ),
                told.revised_count,
            ),
            *self.table(
                "largest_caption",
                (
                    *(("indicator", "text"), ("identifier", "code"), ("area", "text"), ("period", "text")),
                    *(("cell", "text"), ("before", "number"), ("now", "number"), ("change", "number")),
                ),
                (self.revision(change) for change in told.largest),
                told.counts["revised"],
            ),
        )
        return Section("revised", self.say("revised"), (self.say("revised_how"),), tables=tables)

    def share(self, share: float | None) -> str:
        return self.say("from_zero") if share is None else self.number(100 * share, 1)

    def revision(self, change: Change) -> tuple[str, ...]:
        area, time, *codes = change.cell
        before, after = float(change.before[0]), float(change.after[0])
        signed = self.share((after - before) / abs(before) if before else None)
        decimals = self.decimals(change.indicator)
        return (
            self.indicator(change.indicator),
            change.indicator,
            self.area(area),
            self.period(time),
            "; ".join(self.label(code) for code in codes if code),
            self.number(before, decimals),
            self.number(after, decimals),
            f"+{signed}" if before and after > before else signed,
        )

    def hidden(self) -> Section:
        told = self.summary.hidden
        if not told.rows:
            return Section("hidden", self.say("hidden"), (self.say("hidden_none"),))
        table = self.table(
            "hidden_caption",
            (("indicator", "text"), ("identifier", "code"), ("reason", "text"), ("figures", "number")),
            (
                (self.indicator(str(name)), str(name), self.reason(str(status)), self.number(int(count)))
                for name, status, count in told.rows
            ),
            told.count,
        )
        return Section("hidden", self.say("hidden"), (self.say("hidden_how"),), tables=table)

    def reason(self, status: str) -> str:
        return self.say(f"reason_{status}") if f"reason_{status}" in _texts() else self.label(status, "OBS_STATUS")

    def flags(self) -> Section:
        rows = self.summary.flags
        if not rows:
            return Section("flags", self.say("flags"), (self.say("flags_none"),))
        table = self.table(
            "flags_caption",
            (("before", "text"), ("now", "text"), ("cells", "number")),
            ((self.status(before), self.status(after), self.number(count)) for before, after, count in rows[:LISTED]),
            len(rows),
        )
        return Section("flags", self.say("flags"), tables=table)

    def status(self, code: str | None) -> str:
        if code is None:
            return self.say("flag_absent")
        return self.label(code, "OBS_STATUS") if code else self.say("flag_plain")

    def structures(self) -> Section:
        told = self.summary.structures
        if not told.rows:
            return Section("structures", self.say("structures"), (self.say("structures_none"),))
        table = self.table(
            "structures_caption",
            (("kind", "text"), ("structure", "code"), ("what", "text")),
            self._structures(told),
            told.count,
        )
        return Section("structures", self.say("structures"), tables=table)

    def _structures(self, told: Listed) -> Iterator[tuple[str, ...]]:
        for row in told.rows:
            what, kind, agency, identifier, version = map(str, row)
            key = f"structure_{kind}"
            named = self.say(key if key in _texts() else "structure")
            yield named, f"{agency}:{identifier}({version})", self.say(what)

    def withdrawals(self) -> Section:
        told = self.summary.withdrawals
        if not told:
            return Section("withdrawals", self.say("withdrawals"), (self.say("withdrawals_none"),))
        table = self.table(
            "withdrawals_caption",
            (
                *(("indicator", "text"), ("identifier", "code"), ("area", "text"), ("period", "text")),
                *(("withdrawn_on", "text"), ("reason", "text")),
            ),
            (
                (
                    *(self.indicator(item.indicator), item.indicator, self.area(item.ref_area)),
                    self.period(item.time) if item.time else self.say("all_periods"),
                    self.day(date.fromisoformat(item.withdrawn_on)),
                    item.row()["reason"],
                )
                for item in told[-LISTED:]
            ),
            len(told),
        )
        return Section("withdrawals", self.say("withdrawals"), (self.say("withdrawals_how"),), tables=table)


@cache
def _texts() -> Mapping[str, InThree]:
    """Key -> text.

    Raises:
        SpecError: with every entry that lacks a language.
    """
    path = Path(str(resources.files("sdmx_out").joinpath("releases/release_notes.toml")))
    return MappingProxyType(read_entries(InThree, parse_toml(path)))


# --- layouts


def page(notes: Notes) -> str:
    """Return the notes as a page: headings, tables with captions, no scripts, nothing from elsewhere."""
    from jinja2 import Environment, select_autoescape

    environment = Environment(autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True)
    source = resources.files("sdmx_out").joinpath("templates/release_notes.html").read_text(encoding="utf-8")
    return environment.from_string(source, {"notes": notes}).render() + "\n"


def markdown(notes: Notes) -> Iterator[str]:
    """Yield the lines of the notes as Markdown."""
    yield f"# {_plain(notes.heading)}"
    yield ""
    yield _plain(notes.title)
    for warning in notes.warnings:
        yield from ("", f"> **{_plain(warning)}**")
    yield ""
    separator = f"{_NARROW}:" if notes.language == "fr" else ":"
    for name, value in notes.facts:
        yield f"- {_plain(name)}{separator} {_plain(value)}"
    for section in notes.sections:
        yield from ("", f"## {_plain(section.heading)}")
        for line in section.lines:
            yield from ("", _plain(line))
        if section.items:
            yield ""
        yield from (f"- {_plain(item)}" for item in section.items)
        for table in section.tables:
            yield from _table_lines(table)


def _table_lines(table: Table) -> Iterator[str]:
    yield from ("", f"**{_plain(table.caption)}**", "")
    yield _row(_plain(heading) for heading, _ in table.columns)
    yield _row("---:" if kind == "number" else "---" for _, kind in table.columns)
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        yield _row(f"`{text}`" if kind == "code" else _plain(text) for text, (_, kind) in cells)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Return a text of which nothing is markup, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.splitlines()))
