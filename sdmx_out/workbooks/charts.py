"""Native charts of one area: the age pyramid of migrant workers, sectors, a series with its confidence band.

Here belong the charts and the sheet with their data. A chart is made only of published figures; where they are too few
there is no chart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.chart import AreaChart, BarChart, LineChart, Reference, Series
from openpyxl.chart.legend import LegendEntry
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.worksheet.worksheet import Worksheet

from schemas.codes import Code, CodeList
from schemas.indicators import Criterion, Indicator
from sdmx_out.workbooks.figures import Cell, Figures, Key
from sdmx_out.workbooks.layout import Page, lines, link, set_page, write, write_wide
from sdmx_out.workbooks.phrases import Phrases

_WORKERS: Mapping[Criterion, str] = {"birth": "XMW_LFFB_SEX_AGE_NB", "citizenship": "XMW_LFNC_SEX_AGE_NB"}
_SECTORS: Mapping[Criterion, str] = {"birth": "MST_TEMP_SEX_ECO_CBR_NB", "citizenship": "MST_TEMP_SEX_ECO_CCT_NB"}
_EMPLOYED: Mapping[Criterion, str] = {"birth": "MST_TEMP_SEX_AGE_CBR_NB", "citizenship": "MST_TEMP_SEX_AGE_CCT_NB"}
#: Codes of natives and migrants.
_GROUPS: Mapping[Criterion, tuple[str, str]] = {
    "birth": ("CBR_BIR_NATIVE", "CBR_BIR_FOREIGN"),
    "citizenship": ("CCT_CIT_CITIZEN", "CCT_CIT_NONCIT"),
}
#: Periods of a frequency in a year.
_A_YEAR = {"A": 1, "S": 2, "Q": 4, "M": 12}
#: Fewest bands, sectors and periods of a chart.
_FEWEST = 3
_MEN, _WOMEN, _NATIVE, _MIGRANT, _BAND = "2E6DA4", "D9822B", "8FA3B8", "1F3A5F", "BCD0E5"
#: First row of the first chart, rows of each, columns.
_TOP, _ROWS, _COLUMNS = 3, 24, 10


def chart_indicators(criterion: Criterion) -> tuple[str, str, str]:
    """Return the indicators that the charts are made of."""
    return _WORKERS[criterion], _SECTORS[criterion], _EMPLOYED[criterion]


@dataclass(frozen=True)
class _Data:
    """The data of one chart.

    Attributes:
        kind: pyramid, sectors or series.
        title: of the chart.
        unit: of its figures.
        head: titles of the columns.
        rows: a category and its figures.
        formats: number format of the figures.
    """

    kind: str
    title: str
    unit: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str | float | None, ...]]
    formats: str


def add_charts(
    workbook: Workbook,
    figures: Figures,
    criterion: Criterion,
    indicators: Mapping[str, Indicator],
    phrases: Phrases,
    page: Page,
) -> bool:
    """Add a sheet of charts and one of their data; return whether there are any."""
    maker = _Maker(figures, criterion, indicators, phrases)
    found = [data for data in (maker.pyramid(), maker.sectors(), maker.series()) if data is not None]
    if not found:
        return False
    words = phrases.words
    sheet, beside = workbook.create_sheet(words["charts"]), workbook.create_sheet(words["chart_data"])
    for letter, width in zip("ABCDE", (50, 22, 22, 22, 22), strict=True):
        beside.column_dimensions[letter].width = width
    for number in range(1, _COLUMNS + 1):
        sheet.column_dimensions[chr(64 + number)].width = 13
    write_wide(sheet, 1, words["charts"], "ilms_title", _COLUMNS)
    link(sheet, 2, 1, words["index"], words["back"])
    sheet.merge_cells("A2:D2")
    write_wide(beside, 1, words["chart_data"], "ilms_title", 5)
    link(beside, 2, 1, words["index"], words["back"])
    row = 4
    for number, data in enumerate(found):
        first = _write_data(beside, row, data)
        row = first + len(data.rows) + 1
        if data.kind == "pyramid":
            write_wide(beside, row, words["negative_men"], "ilms_text", 5)
        row += 2
        chart = _chart(beside, data, first, words)
        chart.anchor = _place(number)
        sheet.add_chart(chart)
    set_page(sheet, page, orientation="portrait")
    sheet.print_area = f"A1:J{_TOP + len(found) * _ROWS}"
    set_page(beside, page)
    return True


def _place(number: int) -> TwoCellAnchor:
    """Where a chart stands: as wide as the page's columns, whatever their font."""
    top = _TOP + number * _ROWS
    return TwoCellAnchor(
        editAs="oneCell",
        _from=AnchorMarker(col=0, row=top),
        to=AnchorMarker(col=_COLUMNS, row=top + _ROWS - 2),
    )


def _write_data(sheet: Worksheet, row: int, data: _Data) -> int:
    """Write a chart's data below its title and return the row of its header."""
    write_wide(sheet, row, f"{data.title} ({data.unit})", "ilms_strong", 5)
    for column, text in enumerate(data.head, 1):
        write(sheet, row + 1, column, text, "ilms_head")
    sheet.row_dimensions[row + 1].height = 30
    for number, values in enumerate(data.rows, row + 2):
        sheet.row_dimensions[number].height = 13.5 * lines(str(values[0]), 50) + 1.5
        for column, value in enumerate(values, 1):
            write(sheet, number, column, value, "ilms_number_plain_1" if column > 1 else "ilms_label_plain_0")
            if column > 1:
                sheet.cell(number, column).number_format = data.formats
    return row + 1


@dataclass(frozen=True)
class _Maker:
    """Figures of an area, asked for what the charts need."""

    figures: Figures
    criterion: Criterion
    indicators: Mapping[str, Indicator]
    phrases: Phrases

    def pyramid(self) -> _Data | None:
        """Migrant workers of the latest year by age: men below zero, women above."""
        name = _WORKERS[self.criterion]
        cells = self.figures.cells.get(name, {})
        items = self._items("AGE_10YRBANDS")
        for freq, time in _latest(cells):
            rows: list[tuple[str | float | None, ...]] = []
            for item in items:
                men, women = (cells.get((freq, time, sex, item.code, "")) for sex in ("SEX_M", "SEX_F"))
                if men is None and women is None:
                    continue
                down, up = (cell.value if cell else None for cell in (men, women))
                rows.append((self.phrases.label(item), None if down is None else -down, up))
            if sum(row[1] is not None and row[2] is not None for row in rows) >= _FEWEST:
                title = self.phrases.words[f"chart_pyramid_{self.criterion}"].format(period=self.phrases.period(time))
                head = (self.phrases.words["axis_age"], *(self.phrases.name("SEX", sex) for sex in ("SEX_M", "SEX_F")))
                return _Data("pyramid", title, self._unit(name), head, rows, "#,##0.0;#,##0.0")
        return None

    def sectors(self) -> _Data | None:
        """Per cent of the employment of natives and of migrants in each sector, the latest year."""
        name = _SECTORS[self.criterion]
        cells = self.figures.cells.get(name, {})
        groups = _GROUPS[self.criterion]
        for freq, time in _latest(cells):
            for version in ("ECO_AGGREGATE", "ECO_SECTOR"):
                rows: list[tuple[str | float | None, ...]] = []
                for item in self._items(version):
                    shares = [
                        _share(cells, (freq, time, "SEX_T", item.code, group), f"{version}_TOTAL") for group in groups
                    ]
                    if any(share is not None for share in shares):
                        rows.append((self.phrases.label(item), *shares))
                if sum(row[2] is not None for row in rows) >= _FEWEST:
                    title = self.phrases.words["chart_sectors"].format(period=self.phrases.period(time))
                    list_id = groups[0].rsplit("_", 1)[0]
                    head = (
                        self.phrases.list_title(self.phrases.code_lists[version]),
                        *(self.phrases.name(list_id, group) for group in groups),
                    )
                    return _Data("sectors", title, self.phrases.words["axis_share"], head, rows, "0.0")
        return None

    def series(self) -> _Data | None:
        """Employed migrants by period, of the frequency with the most periods, with 95 % confidence limits."""
        name = _EMPLOYED[self.criterion]
        migrant = _GROUPS[self.criterion][1]
        cells = self.figures.cells.get(name, {})
        by_freq: dict[str, dict[str, Cell]] = {}
        for (freq, time, sex, one, two), cell in cells.items():
            if (sex, one, two) == ("SEX_T", "AGE_AGGREGATE_TOTAL", migrant) and freq in _A_YEAR:
                by_freq.setdefault(freq, {})[time] = cell
        counts = {freq: sum(_has_band(cell) for cell in found.values()) for freq, found in by_freq.items()}
        freq = max(sorted(counts), key=lambda one: counts[one], default="")
        if counts.get(freq, 0) < _FEWEST:
            return None
        rows = [
            (self.phrases.period(time), *_banded(by_freq[freq].get(time)))
            for time in _between(min(by_freq[freq]), max(by_freq[freq]), freq)
        ]
        words = self.phrases.words
        head = (words["axis_period"], words["value"], words["series_lower"], words["series_band"])
        return _Data("series", words[f"chart_series_{self.criterion}"], self._unit(name), head, rows, "#,##0.0")

    def _items(self, version: str) -> list[Code]:
        codes: CodeList = self.phrases.code_lists[version]
        return [item for item in codes.items if item.level == 1 and not item.is_total]

    def _unit(self, name: str) -> str:
        return self.phrases.unit(self.indicators[name])


def _latest(cells: Mapping[Key, Cell]) -> list[tuple[str, str]]:
    """Frequencies and periods, annual ones first, the latest first."""
    found = {(key[0], key[1]) for key in cells if key[0] in _A_YEAR}
    newest = sorted(found, key=lambda one: one[1], reverse=True)
    return sorted(newest, key=lambda one: _A_YEAR[one[0]])


def _share(cells: Mapping[Key, Cell], key: Key, total: str) -> float | None:
    part, whole = cells.get(key), cells.get((key[0], key[1], key[2], total, key[4]))
    if part is None or whole is None or part.value is None or not whole.value:
        return None
    return round(100 * part.value / whole.value, 3)


def _has_band(cell: Cell) -> bool:
    return cell.value is not None and cell.lower is not None and cell.upper is not None


def _banded(cell: Cell | None) -> tuple[float | None, float | None, float | None]:
    """Figure, lower limit and the width of the band above it."""
    if cell is None or cell.value is None:
        return None, None, None
    if cell.lower is None or cell.upper is None:
        return cell.value, None, None
    return cell.value, cell.lower, round(cell.upper - cell.lower, 6)


def _between(first: str, last: str, freq: str) -> Iterator[str]:
    """All periods from one to another, so that a period without figures is a gap."""
    count = _A_YEAR[freq]

    def number(time: str) -> int:
        year, _, part = time.partition("-")
        return int(year) * count + (int(part.lstrip("SQM")) - 1 if part else 0)

    for step in range(number(first), number(last) + 1):
        year, part = divmod(step, count)
        yield f"{year}" if freq == "A" else f"{year}-{part + 1:02}" if freq == "M" else f"{year}-{freq}{part + 1}"


def _chart(sheet: Worksheet, data: _Data, first: int, words: Mapping[str, str]) -> BarChart | AreaChart:
    last = first + len(data.rows)
    categories = Reference(sheet, min_col=1, min_row=first + 1, max_row=last)

    def series(column: int, fill: str | None, line: str | None = None) -> Series:
        made = Series(Reference(sheet, min_col=column, min_row=first, max_row=last), title_from_data=True)
        properties = GraphicalProperties(solidFill=fill) if fill else GraphicalProperties(noFill=True)
        properties.line = LineProperties(solidFill=line, w=28575) if line else LineProperties(noFill=True)
        made.graphicalProperties = properties
        made.cat = None
        return made

    if data.kind == "series":
        chart = _banded_chart(series, categories)
        across, up = words["axis_period"], data.unit
    else:
        chart = BarChart()
        chart.type = "bar"
        if data.kind == "pyramid":
            chart.grouping, chart.overlap, chart.gapWidth = "stacked", 100, 20
            chart.series = [series(2, _MEN), series(3, _WOMEN)]
            across, up = words["axis_age"], data.unit
        else:
            chart.grouping, chart.gapWidth = "clustered", 60
            chart.series = [series(2, _NATIVE), series(3, _MIGRANT)]
            # The first sector on top, and the axis of figures below all of them.
            chart.x_axis.scaling.orientation, chart.y_axis.crosses = "maxMin", "max"
            across, up = None, data.unit
        chart.set_categories(categories)
        chart.x_axis.tickLblPos = "low"
        chart.y_axis.number_format = "#,##0;#,##0"
    _finish(chart, data.title, across, up)
    return chart


def _banded_chart(series, categories: Reference) -> AreaChart:  # type: ignore[no-untyped-def]
    """A line over a band: the band is stacked on an area that is not drawn."""
    area, line = AreaChart(), LineChart()
    area.grouping = "stacked"
    area.series = [series(3, None), series(4, _BAND)]
    line.series = [series(2, None, _MIGRANT)]
    for chart in (area, line):
        chart.set_categories(categories)
    area += line
    area.y_axis.number_format = "#,##0"
    area.y_axis.scaling.min = 0
    area.legend.legendEntry = [LegendEntry(idx=0, delete=True)]
    return area


def _finish(chart: BarChart | AreaChart, title: str, across: str | None, up: str) -> None:
    chart.title = _title(title, 1200, is_bold=True)
    chart.title.overlay = False
    if across:
        chart.x_axis.title = _title(across, 900)
    chart.y_axis.title = _title(up, 900)
    chart.x_axis.delete = chart.y_axis.delete = False
    small = RichText(
        p=[
            Paragraph(
                pPr=ParagraphProperties(defRPr=CharacterProperties(sz=800)), endParaRPr=CharacterProperties(sz=800)
            )
        ]
    )
    chart.x_axis.txPr = chart.y_axis.txPr = chart.legend.txPr = small
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill="D0D5DD"))
    chart.legend.position = "b"


def _title(text: str, size: int, *, is_bold: bool = False) -> Title:
    properties = CharacterProperties(sz=size, b=is_bold)
    run = RegularTextRun(rPr=properties, t=text)
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=properties), r=[run])
    return Title(tx=Text(rich=RichText(p=[paragraph])), overlay=False)
