"""The workbook of one area in one language: an index, a sheet per table, a reading guide, charts.

Here belongs which sheets there are and what each says. Which tables a collection has is data (``questionnaire.toml``,
``asean.toml``); how their figures are chosen is said in ``figures``, how a sheet looks in ``layout``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from schemas.codes import CodeList
from schemas.indicators import Criterion, Indicator
from sdmx_out.catalogue import TEST_AREAS, TEST_TITLE
from sdmx_out.workbooks.charts import add_charts, chart_indicators
from sdmx_out.workbooks.figures import Figures, Grid, arrange, read_figures
from sdmx_out.workbooks.layout import Page, TableText, add_styles, draw_table, lines, link, set_page, write, write_wide
from sdmx_out.workbooks.phrases import Phrases
from sdmx_out.workbooks.sheets import new_workbook, workbook_bytes
from sdmx_out.workbooks.tables import Collection, Table, load_tables

#: Periods that a table shows, the latest first; longer series stand in the workbooks by indicator.
PERIODS = 5
#: Versions that stand in for finer ones.
_COARSER = frozenset({"ECO_AGGREGATE", "ECO_SECTOR", "OCU_SKILL", "STE_AGGREGATE"})
_INDEX_WIDTHS = (7, 80, 27, 20, 50)


def workbook_name(area: str, collection: Collection, language: str) -> str:
    """Return the file of an area's workbook, inside a release."""
    return f"workbooks/{area}_{collection}_{language}.xlsx"


def area_workbook(
    connection: duckdb.DuckDBPyConnection,
    area: str,
    language: str,
    collection: Collection = "ilms",
    *,
    indicators: Mapping[str, Indicator],
    code_lists: Mapping[str, CodeList],
    availability: Iterable[Mapping[str, str]] = (),
    is_test: bool = False,
    criterion: Criterion = "birth",
    periods: int = PERIODS,
) -> bytes:
    """Return the workbook of an area's tables; the same bytes for the same rows.

    Args:
        connection: holds the rows of the release.
        area: code of the area.
        language: en, fr or es.
        collection: ilms for the tables of the questionnaire, asean for those of the ASEAN model.
        indicators: the whole catalogue of indicators by id.
        code_lists: all code lists by id.
        availability: rows of the availability table, of any areas; they tell why a table is not there.
        is_test: whether titles say that this is no national statistic.
        criterion: by which the ASEAN model and the charts tell migrants.
        periods: how many periods a table shows at most.
    """
    tables = load_tables(collection)
    wanted = [name for table in tables.values() if (name := table.source(criterion))]
    figures = read_figures(connection, area, [*wanted, *chart_indicators(criterion)], code_lists)
    rows = [row for row in availability if row["ref_area"] == area]
    maker = _Maker(
        area,
        collection,
        criterion,
        Phrases(language, code_lists, is_test),
        indicators,
        figures,
        rows,
        {name: _grid(table, criterion, indicators, figures, code_lists, periods) for name, table in tables.items()},
    )
    return workbook_bytes(maker.made())


def _grid(
    table: Table,
    criterion: Criterion,
    indicators: Mapping[str, Indicator],
    figures: Figures,
    code_lists: Mapping[str, CodeList],
    periods: int,
) -> Grid | None:
    name = table.source(criterion)
    return arrange(table, indicators[name], figures, code_lists, periods) if name else None


@dataclass(frozen=True)
class _Maker:
    """What a workbook is made from."""

    area: str
    collection: Collection
    criterion: Criterion
    phrases: Phrases
    indicators: Mapping[str, Indicator]
    figures: Figures
    availability: Sequence[Mapping[str, str]]
    grids: Mapping[str, Grid | None]

    @property
    def _words(self) -> Mapping[str, str]:
        return self.phrases.words

    @property
    def _marks(self) -> tuple[str, ...]:
        is_marked = self.phrases.is_test or self.area in TEST_AREAS
        return (TEST_TITLE[self.phrases.language],) if is_marked else ()

    @property
    def _area_name(self) -> str:
        return self.phrases.name("AREA", self.area)

    def made(self) -> Workbook:
        words, language = self._words, self.phrases.language
        title = f"{words[f'title_{self.collection}']} - {self._area_name}"
        workbook = new_workbook(title)
        workbook.properties.creator = words["creator"]
        workbook.properties.language = language
        add_styles(workbook)
        index = workbook.create_sheet(words["index"])
        for name, table in load_tables(self.collection).items():
            grid = self.grids[name]
            if grid is not None:
                self._draw(workbook.create_sheet(name), name, table, grid)
        has_charts = self.collection == "ilms" and add_charts(
            workbook, self.figures, self.criterion, self.indicators, self.phrases, self._page(words["charts"])
        )
        guide = workbook.create_sheet(words["notes_sheet"])
        self._draw_index(index, title, has_charts=has_charts)
        self._draw_guide(guide)
        return workbook

    def _page(self, right: str, sources: Sequence[str] = ()) -> Page:
        told = "; ".join(self.phrases.source(source) for source in sources or self._sources())
        left = self._words["source"].format(source=told) if told else self._area_name
        return Page(left, self._words["page"], f"{self._area_name}, {right}")

    def _sources(self) -> list[str]:
        return sorted({source for grid in self.grids.values() if grid for source in grid.sources})

    def _draw(self, sheet: Worksheet, name: str, table: Table, grid: Grid) -> None:
        words, phrases = self._words, self.phrases
        facts = [
            self._area_name,
            words["unit"].format(unit=phrases.unit(grid.indicator)),
            words["pair"].format(code=words["code"], label=table.code),
        ]
        text = TableText(
            f"{name}. {table.named(self.indicators, phrases.language)}",
            self._marks,
            facts,
            self._below(table, grid),
        )
        draw_table(sheet, grid, text, phrases, words["index"], self._page(name, grid.sources))

    def _below(self, table: Table, grid: Grid) -> Iterator[tuple[str, bool]]:
        """Source, notes and flags of a table."""
        words, phrases = self._words, self.phrases
        for source in grid.sources:
            yield words["source"].format(source=phrases.source(source)), False
        caveats = [words[key] for key in table.caveats]
        if table.birth:
            caveats.insert(0, words[f"criterion_{self.criterion}"])
        if _is_fallback(table, grid):
            caveats.append(words["fallback"])
        if grid.has_other:
            caveats += [words["top_rule"], words["other_rule"]]
        notes = dict.fromkeys([*caveats, *(phrases.note(note) for note in grid.notes)])
        if notes:
            yield words["notes"], True
            yield from ((note, False) for note in notes)
        yield words["flags"], True
        for status in grid.statuses:
            yield self._flag(status), False
        yield words["withheld_cell"], False
        if grid.has_limits:
            yield words["limits"], False

    def _flag(self, status: str) -> str:
        return self._words["pair"].format(code=status, label=self.phrases.name("OBS_STATUS", status))

    def _draw_index(self, sheet: Worksheet, title: str, *, has_charts: bool) -> None:
        words = self._words
        for letter, width in zip("ABCDE", _INDEX_WIDTHS, strict=True):
            sheet.column_dimensions[letter].width = width
        write_wide(sheet, 1, title, "ilms_title", 5)
        row = 2
        told = [words["source"].format(source=self.phrases.source(source)) for source in self._sources()]
        for text, style in [*((mark, "ilms_test") for mark in self._marks), *((text, "ilms_text") for text in told)]:
            write_wide(sheet, row, text, style, 5)
            row += 1
        if self.collection == "asean":
            write_wide(sheet, row, words[f"criterion_{self.criterion}"], "ilms_text", 5)
            row += 1
        for target in [*([words["charts"]] if has_charts else []), words["notes_sheet"]]:
            link(sheet, row, 1, target, target)
            sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=2)
            row += 1
        head = row
        for column, key in enumerate(("number", "table", "code", "periods", "state"), 1):
            write(sheet, head, column, words[key], "ilms_head")
        sheet.row_dimensions[head].height = 20
        row, section = head + 1, ""
        for name, table in load_tables(self.collection).items():
            if table.section != section:
                section = table.section
                for column in range(1, 6):
                    write(sheet, row, column, words[section] if column == 1 else None, "ilms_period")
                sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=5)
                row += 1
            self._index_row(sheet, row, name, table)
            row += 1
        sheet.freeze_panes = f"A{head + 1}"
        set_page(sheet, self._page(words["index"]), title_rows=f"{head}:{head}")

    def _index_row(self, sheet: Worksheet, row: int, name: str, table: Table) -> None:
        title = table.named(self.indicators, self.phrases.language)
        grid = self.grids[name]
        if grid is None:
            told, shown = self._why_not(table), None
            write(sheet, row, 1, name, "ilms_label_plain_0")
            write(sheet, row, 2, title, "ilms_label_plain_0")
        else:
            told = self._words["published"].format(rows=grid.published)
            times = [self.phrases.period(block.time) for block in grid.blocks]
            shown = times[0] if len(times) == 1 else f"{times[-1]} - {times[0]}"
            link(sheet, row, 1, name, name)
            link(sheet, row, 2, name, title)
        for column, text in ((3, table.code), (4, shown), (5, told)):
            write(sheet, row, column, text, "ilms_label_plain_0")
        count = max(lines(title, _INDEX_WIDTHS[1]), lines(told, _INDEX_WIDTHS[4]), lines(shown or "", _INDEX_WIDTHS[3]))
        sheet.row_dimensions[row].height = 13.5 * count + 3

    def _why_not(self, table: Table) -> str:
        if table.not_covered:
            return self._words[table.not_covered]
        name = table.source(self.criterion)
        if name in self.figures.cells:
            return self._words["withheld"]
        reason = self.phrases.reason(row for row in self.availability if row["indicator"] == name)
        return reason or self._words["not_in_release"]

    def _draw_guide(self, sheet: Worksheet) -> None:
        words = self._words
        # Text over several columns: a single one that is wider than the page would be cut, not made smaller.
        for letter in "ABCD":
            sheet.column_dimensions[letter].width = 24
        write_wide(sheet, 1, words["notes_sheet"], "ilms_title", 4)
        link(sheet, 2, 1, words["index"], words["back"])
        sheet.merge_cells("A2:D2")
        row = 4
        for key in ("withheld_cell", "limits", "top_rule", "other_rule", "rounding"):
            write_wide(sheet, row, words[key], "ilms_text", 4)
            row += 1
        statuses = sorted({status for grid in self.grids.values() if grid for status in grid.statuses})
        notes = {note: None for grid in self.grids.values() if grid for note in grid.notes}
        for heading, texts in (
            (words["flags"], [self._flag(status) for status in statuses]),
            (words["notes"], [self.phrases.note(note) for note in notes]),
        ):
            if texts:
                write_wide(sheet, row + 1, heading, "ilms_strong", 4)
                row += 2
                for text in dict.fromkeys(texts):
                    write_wide(sheet, row, text, "ilms_text", 4)
                    row += 1
        set_page(sheet, self._page(words["notes_sheet"]), orientation="portrait")


def _is_fallback(table: Table, grid: Grid) -> bool:
    """Whether a coarser version stands in; another one of the same detail (ISIC Rev.3.1, by citizenship) does not."""
    return grid.version.id != table.versions[0] and grid.version.id in _COARSER
