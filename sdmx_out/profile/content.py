"""What stands on a country profile in one language: heads, tables, charts and the definitions in the margin.

The page and the document both show exactly this. Here belongs what is said of which figure; how it is laid out does
not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reportlab.graphics.shapes import Drawing

from schemas.codes import CodeList
from sdmx_out.catalogue import TEST_AREAS, TEST_NOTE, TEST_TITLE
from sdmx_out.profile import charts
from sdmx_out.profile.figures import Figure, Migrants, Profile
from sdmx_out.profile.words import Words

#: Notes that every reader would take for granted, and what the head says already.
_UNSAID = ("R1", "S3")
#: Notes on indicators that define who is counted.
_DEFINING = ("T5", "ILMS")


@dataclass(frozen=True)
class Edition:
    """What profiles of one release share.

    Attributes:
        code_lists: all code lists by id.
        release_date: of the release.
        is_test: whether the figures come from test extracts.
        is_draft: whether the release is not final.
    """

    code_lists: Mapping[str, CodeList]
    release_date: date
    is_test: bool = False
    is_draft: bool = False


@dataclass(frozen=True)
class Cell:
    """One figure in words: the value or why there is none, its limits, and what a test says of it."""

    value: str
    interval: str = ""
    verdict: str = ""
    is_missing: bool = False

    @property
    def text(self) -> str:
        """All of it in one line."""
        parts = [self.value, f"({self.interval})" if self.interval else "", self.verdict]
        return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Row:
    """One line of a table; an indented one is part of the line above, one without cells is a head."""

    label: str
    cells: tuple[Cell, ...]
    is_part: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a title, heads of columns (the first of the labels) and rows."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Chart:
    """A chart, what it is called, what it shows and the figures behind it; without figures a reason instead."""

    name: str
    criterion: str
    title: str
    about: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    drawing: Drawing | None
    reason: str = ""


@dataclass(frozen=True)
class Group:
    """The two charts of one topic: by birth and by citizenship, side by side and never together."""

    title: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Content:
    """Everything on the page, in reading order."""

    language: str
    title: str
    area: str
    period: str
    author: str
    source: str
    notices: tuple[str, ...]
    criteria: tuple[str, str]
    tables: tuple[Table, ...]
    groups: tuple[Group, ...]
    abroad: Table
    margin: str
    definitions: tuple[tuple[str, str], ...]
    data: str


def content(profile: Profile, language: str, edition: Edition) -> Content:
    """Return what one area's profile says in one language."""
    words = Words(language)
    writer = _Writer(profile, words, edition)
    areas = {item.code: item for item in edition.code_lists["AREA"].items}
    area = getattr(areas[profile.area], language)
    return Content(
        language=language,
        title=words("head", "title"),
        area=area,
        period=words.period(profile.freq, profile.time) if profile.time else "",
        author=words("head", "author"),
        source=writer.source(),
        notices=tuple(writer.notices()),
        criteria=(words("criterion", "birth"), words("criterion", "citizenship")),
        tables=(writer.main(), writer.rates()),
        groups=tuple(writer.groups()),
        abroad=writer.abroad(),
        margin=words("head", "margin"),
        definitions=tuple(writer.definitions()),
        data=words("head", "data"),
    )


class _Writer:
    """Says what a profile has, in one language."""

    def __init__(self, profile: Profile, words: Words, edition: Edition) -> None:
        self.profile, self.words, self.edition = profile, words, edition

    def notices(self) -> Iterator[str]:
        language = self.words.language
        if self.edition.is_test:
            yield TEST_TITLE[language]
        if self.profile.area in TEST_AREAS:
            yield self.words("head", "invented")
        if self.edition.is_draft:
            yield self.words("head", "draft")
        if not self.profile.time:
            yield self.words("head", "no_figures")

    def source(self) -> str:
        if not self.profile.source:
            return ""
        source = self._label("SOURCE", self.profile.source)
        day = self.words.date(self.edition.release_date)
        return self.words("head", "source", source=source, survey=self.profile.survey, date=day)

    def main(self) -> Table:
        both = self.profile.migrants

        def row(key: str, unit: str, figures: Sequence[Figure], decimals: int = 1, *, is_part: bool = False) -> Row:
            named = self.words("main", key) if is_part else self.words("main", key, unit=self.words("unit", unit))
            return Row(named, tuple(self.cell(figure, decimals) for figure in figures), is_part)

        rows = (
            row("population", "thousand", [one.population for one in both]),
            row("workers", "thousand", [one.workers["SEX_T"] for one in both]),
            row("men", "thousand", [one.workers["SEX_M"] for one in both], is_part=True),
            row("women", "thousand", [one.workers["SEX_F"] for one in both], is_part=True),
            row("employed", "thousand", [one.employed for one in both]),
            row("share", "percent", [one.share for one in both]),
            row("inflow", "thousand", [one.inflow for one in both]),
            row("earnings", "currency", [one.earnings[0] for one in both], 0),
            row("natives", "currency", [one.earnings[1] for one in both], 0),
            row("gap", "percent", [one.gap for one in both]),
        )
        return Table(
            self.words("main", "title"), ("", *(self.words("criterion", f"{one.name}_migrants") for one in both)), rows
        )

    def rates(self) -> Table:
        rows: list[Row] = []
        for one in self.profile.migrants:
            rows.append(Row(self.words("criterion", one.name), ()))
            rows += [
                Row(
                    self.words("rates", item.rate),
                    tuple(self.cell(figure, 1) for figure in (item.migrants, item.natives, item.difference)),
                    is_part=True,
                )
                for item in one.rates
            ]
        heads = ("", *(self.words("rates", key) for key in ("migrants", "natives", "difference")))
        return Table(self.words("rates", "title"), heads, tuple(rows))

    def abroad(self) -> Table:
        rows = []
        for name, figure in self.profile.abroad.items():
            label = self.words("abroad", name)
            if {"ILMS:ABSENTEES", "ILMS:RETURNS"} & set(figure.notes):
                label = self.words("abroad", "at_least", label=label)
            rows.append(Row(label, (self.cell(figure, 1),)))
        return Table(self.words("abroad", "title"), ("", self.words("unit", "value")), tuple(rows))

    def groups(self) -> Iterator[Group]:
        both = self.profile.migrants
        for key, make in (
            ("rates", self._rates_chart),
            ("parts", self._parts_chart),
            ("origins", self._origins_chart),
            ("trend", self._trend_chart),
        ):
            title = self.words(key, "group" if key == "rates" else "title")
            yield Group(title, tuple(make(one) for one in both))

    def cell(self, figure: Figure, decimals: int) -> Cell:
        verdict = ""
        if figure.is_significant is not None:
            verdict = self.words("rates", "significant" if figure.is_significant else "not_significant")
        return Cell(
            self.words.value(figure, decimals),
            self.words.interval(figure, decimals),
            verdict,
            is_missing=figure.value is None,
        )

    def _chart(
        self,
        key: str,
        one: Migrants,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        drawing: Drawing | None,
        reason: str,
    ) -> Chart:
        return Chart(
            name=f"{key}-{one.name}",
            criterion=self.words("criterion", one.name),
            title=self.words(key, "chart"),
            about=self.words(key, "about"),
            heads=tuple(heads),
            rows=tuple(tuple(row) for row in rows),
            drawing=drawing,
            reason="" if drawing else reason,
        )

    def _rates_chart(self, one: Migrants) -> Chart:
        names = tuple(self.words("criterion", f"{one.name}_{group}") for group in ("migrants", "natives"))
        rows = [
            (self.words("rates", item.rate), *(self.cell(figure, 1).text for figure in (item.migrants, item.natives)))
            for item in one.rates
        ]
        figures = [figure for item in one.rates for figure in (item.migrants, item.natives)]
        drawing = charts.rates(one.rates, names, self.words) if _any(figures) else None
        return self._chart("rates", one, ("", *names), rows, drawing, self._why_none(figures))

    def _parts_chart(self, one: Migrants) -> Chart:
        heads = ("", self.words("parts", "thousand"), self.words("parts", "share"))
        rows = [
            (
                f"{self.words('parts', part.kind)}: {self.words('parts', part.code)}",
                *(self.cell(figure, 1).text for figure in (part.employed, part.share)),
            )
            for part in one.parts
        ]
        figures = [part.employed for part in one.parts]
        drawing = charts.parts(one.parts, self.words) if _any(figures) else None
        return self._chart("parts", one, heads, rows, drawing, self._why_none(figures))

    def _origins_chart(self, one: Migrants) -> Chart:
        named = [(self._country(code), figure) for code, figure in one.origins]
        heads = (self.words("origins", "country"), self.words("unit", "thousand"))
        rows = [(label, self.cell(figure, 1).text) for label, figure in named]
        if one.other is not None:
            other = f"{self.words.number(one.other, 1)} ({self.words('unit', 'no_interval')})"
            rows.append((self.words("origins", "other"), other))
        drawing = charts.origins(named, one.other, self.words) if named else None
        return self._chart("origins", one, heads, rows, drawing, self.words("origins", "none"))

    def _trend_chart(self, one: Migrants) -> Chart:
        freq = _freq(one.trend[0][0]) if one.trend else ""
        named = [(self.words.period(freq, time), figure) for time, figure in one.trend]
        heads = (self.words("unit", "period"), self.words("unit", "thousand"))
        rows = [(label, self.cell(figure, 1).text) for label, figure in named]
        drawing = charts.trend(named, self.words) if named else None
        return self._chart("trend", one, heads, rows, drawing, self.words("trend", "none"))

    def definitions(self) -> Iterator[tuple[str, str]]:
        """Terms and what they mean: the term ends with the first colon."""
        told = set(self._figures())
        missing = {figure.missing for figure in told}
        keys = ["migrant", "worker", "employed", "share", "rates", "gap", "return", "interval", "significant"]
        keys += [key for key in ("confidential", "unreliable") if key in missing]
        keys += ["dash"] if self._has_dash() else []
        texts = [self.words("define", key) for key in keys]
        for letter in sorted({figure.status for figure in told} - {""}):
            label = self._label("OBS_STATUS", letter)
            own = self.words("define", "flag_U") if letter == "U" else ""
            texts.append(own or self.words("define", "flag", letter=letter, label=label))
        if notes := self._note_texts():
            texts.append(self.words("define", "notes", notes=self.words("unit", "list").join(notes)))
        for text in texts:
            term, _, meaning = text.partition(":")
            yield f"{term}:", meaning.strip()

    def _why_none(self, figures: Sequence[Figure]) -> str:
        """Why a chart has nothing to show; '' where it has something."""
        return "" if _any(figures) else self.words.missing(figures[0])

    def _has_dash(self) -> bool:
        """Whether a chart shows a dash where a figure is not published."""
        shares = (part.share for one in self.profile.migrants for part in one.parts if part.employed.value is not None)
        periods = (figure for one in self.profile.migrants for _, figure in one.trend)
        return any(figure.value is None for figure in (*shares, *periods))

    def _note_texts(self) -> list[str]:
        """Labels of the notes that say who is counted and how."""
        found = dict.fromkeys(note for note in self.profile.notes if note.split(":")[0] not in _UNSAID)
        for one in self.profile.migrants:
            for figure in (one.rates[-1].migrants, one.inflow):
                found |= dict.fromkeys(note for note in figure.notes if note.split(":")[0] in _DEFINING)
        labels = {item.code: item for item in self.edition.code_lists["NOTE"].items}
        language = self.words.language
        return [
            self.words.spaced(getattr(labels[note], language)) for note in found if note != TEST_NOTE and note in labels
        ]

    def _figures(self) -> Iterator[Figure]:
        yield from self.profile.abroad.values()
        for one in self.profile.migrants:
            yield from (one.population, one.employed, one.share, one.inflow, one.gap, *one.earnings)
            yield from one.workers.values()
            for item in one.rates:
                yield from (item.migrants, item.natives, item.difference)
            for part in one.parts:
                yield from (part.employed, part.share)
            yield from (figure for _, figure in (*one.origins, *one.trend))

    def _label(self, list_id: str, code: str) -> str:
        items = self.edition.code_lists[list_id].items
        found = next((getattr(item, self.words.language) for item in items if item.code == code), code)
        return self.words.spaced(found)

    def _country(self, code: str) -> str:
        return self._label("CBR_BRT" if code.startswith("CBR") else "CCT_CTZ", code)


def _any(figures: Sequence[Figure]) -> bool:
    return any(figure.value is not None for figure in figures)


def _freq(time: str) -> str:
    part = time.partition("-")[2]
    return {"": "A", "Q": "Q", "S": "S"}.get(part[:1], "M")
