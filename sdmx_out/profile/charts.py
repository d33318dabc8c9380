"""Charts with their uncertainty, drawn once for the page (SVG) and for the document (PDF).

Every chart shows what can be told apart without colour: filled circles and hollow squares, dark lines for intervals
over pale bars. Here belongs how figures are drawn; which are, and what stands around a chart, does not.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from html import escape, unescape
from math import ceil, floor, log10

from reportlab.graphics import renderSVG
from reportlab.graphics.shapes import Circle, Drawing, Line, Polygon, PolyLine, Rect, String
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth

from sdmx_out.profile.figures import Comparison, Figure, Part
from sdmx_out.profile.words import HARD, Words, for_print

#: Width of every chart, in points.
WIDTH = 194.0
#: Orange and blue that colour-blind readers can tell apart; their greys differ, and so do their shapes.
MIGRANTS, NATIVES = HexColor("#C44E00"), HexColor("#1F5F99")
BAR, BAND, INK, SOFT, GRID = (HexColor(code) for code in ("#9CC3E4", "#CFE2F2", "#1B1B1B", "#5A6472", "#D5DAE1"))
REGULAR, BOLD = "Helvetica", "Helvetica-Bold"
SIZE = 6.6
_ROW = 9.6
_FAMILY = 'font-family: Helvetica, Arial, "Liberation Sans", sans-serif'
_TEXT = re.compile(
    r'<text x="([^"]*)" y="([^"]*)" style="font-family: ([\w-]+); font-size: ([\d.]+)px;([^"]*)"([^>]*)>([^<]*)<'
)


def rates(items: Sequence[Comparison], names: Sequence[str], words: Words) -> Drawing:
    """Return a dot and an interval per rate and group, on one axis in per cent from 0."""
    left, right = 74.0, 8.0
    pair = 15.0
    height = len(items) * pair + 26
    limits = [limit for item in items for figure in (item.migrants, item.natives) for limit in _limits(figure)]
    end, ticks = _axis(max(limits, default=100.0))
    drawing = Drawing(WIDTH, height)
    base, top = 12.0, height - 14

    def place(value: Decimal | float) -> float:
        return left + (WIDTH - left - right) * float(value) / end

    _grid(drawing, ticks, place, base, top, words)
    _key(drawing, names, height - 8)
    for index, item in enumerate(items):
        middle = top - pair * (index + 0.5)
        _text(drawing, 0, middle - 2.2, words("rates", item.rate), width=left - 4)
        for shift, figure, colour, is_migrant in (
            (3.2, item.migrants, MIGRANTS, True),
            (-3.2, item.natives, NATIVES, False),
        ):
            _dot(drawing, figure, place, middle + shift, colour, words, is_migrant=is_migrant)
    return drawing


def parts(items: Sequence[Part], words: Words) -> Drawing:
    """Return a bar with its interval per sector, skill level and status; number and share beside it."""
    heads = list(dict.fromkeys(item.kind for item in items))
    height = len(items) * _ROW + len(heads) * 9.4 + 3
    numbers = [words.value(item.employed, 1) if item.employed.value is not None else "" for item in items]
    shares = [_share(item.share, words) for item in items]
    left, share = 84.0, WIDTH
    number = share - _widest([*shares, words("parts", "share")]) - 6
    drawing = Drawing(WIDTH, height)
    place = _scale([item.employed for item in items], left, number - _widest(numbers) - 5)
    line = height - 7
    _text(drawing, number, line, words("parts", "thousand"), anchor="end", colour=SOFT, size=5.8)
    _text(drawing, share, line, words("parts", "share"), anchor="end", colour=SOFT, size=5.8)
    kind = ""
    for item, told, part in zip(items, numbers, shares, strict=True):
        if item.kind != kind:
            kind = item.kind
            _text(drawing, 0, line, words("parts", kind), font=BOLD, width=left + 40)
            line -= 9.4
        _text(drawing, 4, line, words("parts", item.code), width=left - 6)
        if _bar(drawing, item.employed, place, line + 2.2, left, words, end=share):
            _text(drawing, number, line, told, anchor="end")
            _text(drawing, share, line, part, anchor="end")
        line -= _ROW
    return drawing


def origins(items: Sequence[tuple[str, Figure]], other: Decimal | None, words: Words) -> Drawing:
    """Return a bar with its interval per country, the largest first, and one without for all others."""
    rest = [] if other is None else [(words("origins", "other"), Figure(value=other, missing=""))]
    left, number = 88.0, WIDTH
    names = [_lines(label, left - 4) for label, _ in (*items, *rest)]
    height = sum(_ROW + (len(lines) - 1) * 6.2 for lines in names) + 2
    drawing = Drawing(WIDTH, height)
    told = _widest([words.value(figure, 1) for _, figure in (*items, *rest)])
    place = _scale([figure for _, figure in (*items, *rest)], left, number - told - 5)
    line = height - 8
    for place_in_row, (lines, (_, figure)) in enumerate(zip(names, (*items, *rest), strict=True)):
        is_rest = place_in_row == len(items)
        for index, text in enumerate(lines):
            size = SIZE if len(lines) == 1 else SIZE - 0.6
            _text(drawing, 0, line - index * 6.2, text, colour=SOFT if is_rest else INK, size=size)
        line -= (len(lines) - 1) * 3.1
        _bar(drawing, figure, place, line + 2.2, left, words, end=number, fill=GRID if is_rest else BAR)
        _text(drawing, number, line, words.value(figure, 1), anchor="end")
        line -= _ROW + (len(lines) - 1) * 3.1
    return drawing


def trend(items: Sequence[tuple[str, Figure]], words: Words) -> Drawing:
    """Return a line through the figures over the band of their intervals; broken where there is no figure."""
    height, right, base, top = 62.0, 12.0, 12.0, 56.0
    drawing = Drawing(WIDTH, height)
    end, ticks = _axis(max((limit for _, figure in items for limit in _limits(figure)), default=1.0), count=3)
    scale = [words.number(Decimal(str(tick)), _decimals(ticks)) for tick in ticks]
    left = max(_widest(scale), 18.0) + 6
    step = (WIDTH - left - right) / max(len(items) - 1, 1)

    def across(index: int) -> float:
        return left + step * index

    def up(value: Decimal | float) -> float:
        return base + (top - base) * float(value) / end

    for tick, named in zip(ticks, scale, strict=True):
        drawing.add(Line(left - 2, up(tick), WIDTH - right + 2, up(tick), strokeColor=GRID, strokeWidth=0.5))
        _text(drawing, left - 4, up(tick) - 2, named, anchor="end", size=5.8)
    every = ceil(len(items) / 6)
    for index, (label, _) in enumerate(items):
        if (len(items) - 1 - index) % every == 0:
            _text(drawing, across(index), 2, label, anchor="middle", size=5.8)
    for run in _runs(items):
        points = [(across(index), figure) for index, figure in run]
        if len(points) > 1:
            uppers = [(x, up(_limits(figure)[-1])) for x, figure in points]
            lowers = [(x, up(_limits(figure)[0])) for x, figure in reversed(points)]
            corners = [number for point in (*uppers, *lowers) for number in point]
            drawing.add(Polygon(corners, fillColor=BAND, strokeColor=None))
            line = [number for x, figure in points for number in (x, up(figure.value or 0))]
            drawing.add(PolyLine(line, strokeColor=NATIVES, strokeWidth=1.2))
        for x, figure in points:
            if len(points) == 1:
                _whisker(drawing, x, up(_limits(figure)[0]), x, up(_limits(figure)[-1]), NATIVES)
            drawing.add(Circle(x, up(figure.value or 0), 1.7, fillColor=NATIVES, strokeColor=None))
    for index, (_, figure) in enumerate(items):
        if figure.value is None:
            _text(drawing, across(index), base + 3, "–", anchor="middle", colour=SOFT)
    return drawing


def _runs(items: Sequence[tuple[str, Figure]]) -> list[list[tuple[int, Figure]]]:
    """Stretches of periods that follow each other and have figures."""
    runs: list[list[tuple[int, Figure]]] = [[]]
    for index, (_, figure) in enumerate(items):
        if figure.value is None:
            runs.append([])
        else:
            runs[-1].append((index, figure))
    return [run for run in runs if run]


def _share(figure: Figure, words: Words) -> str:
    """A share with its sign and flag, or a dash."""
    if figure.value is None:
        return "–"
    sign = "%" if words.language == "en" else f"{HARD}%"
    flag = f"{HARD}{figure.status}" if figure.status else ""
    return words.number(figure.value, 1) + sign + flag


def _widest(texts: Sequence[str]) -> float:
    return max(float(stringWidth(for_print(text), REGULAR, SIZE)) for text in texts)


def _lines(text: str, width: float) -> list[str]:
    """A label on one line where it fits, else on two, or as many as it needs, in smaller type."""
    printed = for_print(text)
    if stringWidth(printed, REGULAR, SIZE) <= width:
        return [printed]
    lines: list[str] = simpleSplit(printed, REGULAR, SIZE - 0.6, width)
    return lines


def _limits(figure: Figure) -> tuple[float, ...]:
    """Lower limit, value and upper limit, as far as they are published."""
    return tuple(float(value) for value in (figure.lower, figure.value, figure.upper) if value is not None)


def _axis(largest: float, count: int = 5) -> tuple[float, list[float]]:
    """End of an axis from 0 that holds the largest value, and its round ticks."""
    if largest <= 0:
        return 1.0, [0.0, 1.0]
    rough = largest / count
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    steps = ceil(largest / step - 1e-9)
    return round(step * steps, 9), [round(step * index, 9) for index in range(steps + 1)]


def _decimals(ticks: Sequence[float]) -> int:
    return next((count for count in range(4) if all(round(tick, count) == tick for tick in ticks)), 4)


def _scale(figures: Sequence[Figure], start: float, end: float) -> Callable[[Decimal | float], float]:
    largest = max((limit for figure in figures for limit in _limits(figure)), default=1.0) or 1.0
    return lambda value: start + (end - start) * max(float(value), 0.0) / largest


def _grid(
    drawing: Drawing,
    ticks: Sequence[float],
    place: Callable[[Decimal | float], float],
    base: float,
    top: float,
    words: Words,
) -> None:
    for tick in ticks:
        drawing.add(Line(place(tick), base - 2, place(tick), top, strokeColor=GRID, strokeWidth=0.5))
        text = words.number(Decimal(str(tick)), _decimals(ticks))
        _text(drawing, place(tick), 2, text, anchor="middle", size=5.8)


def _key(drawing: Drawing, names: Sequence[str], line: float) -> None:
    """What the two shapes stand for."""
    across = 2.5
    for name, colour, is_migrant in ((names[0], MIGRANTS, True), (names[1], NATIVES, False)):
        _shape(drawing, across, line + 2.2, colour, is_migrant=is_migrant)
        _text(drawing, across + 5, line, name)
        across += 16 + stringWidth(for_print(name), REGULAR, SIZE)


def _dot(
    drawing: Drawing,
    figure: Figure,
    place: Callable[[Decimal | float], float],
    line: float,
    colour: Color,
    words: Words,
    *,
    is_migrant: bool,
) -> None:
    if figure.value is None:
        _text(drawing, place(0) + 4, line - 2, words.missing(figure), colour=SOFT, size=5.8)
        return
    if figure.lower is not None and figure.upper is not None:
        _whisker(drawing, place(figure.lower), line, place(figure.upper), line, colour)
    _shape(drawing, place(figure.value), line, colour, is_migrant=is_migrant)


def _shape(drawing: Drawing, across: float, line: float, colour: Color, *, is_migrant: bool) -> None:
    if is_migrant:
        drawing.add(Circle(across, line, 2.1, fillColor=colour, strokeColor=None))
    else:
        white = HexColor("#FFFFFF")
        drawing.add(Rect(across - 1.9, line - 1.9, 3.8, 3.8, fillColor=white, strokeColor=colour, strokeWidth=1))


def _bar(
    drawing: Drawing,
    figure: Figure,
    place: Callable[[Decimal | float], float],
    line: float,
    start: float,
    words: Words,
    *,
    end: float,
    fill: Color = BAR,
) -> bool:
    """Draw a bar and its interval, or say why there is none; whether there is one."""
    if figure.value is None:
        _text(drawing, start + 2, line - 2.2, words.missing(figure), colour=SOFT, size=5.8, width=end - start)
        return False
    width = max(place(figure.value) - start, 0.4)
    drawing.add(Rect(start, line - 3.2, width, 6.4, fillColor=fill, strokeColor=None))
    if figure.lower is not None and figure.upper is not None:
        _whisker(drawing, place(figure.lower), line, place(figure.upper), line, INK)
    return True


def _whisker(drawing: Drawing, x1: float, y1: float, x2: float, y2: float, colour: Color) -> None:
    """A line with short ends across it."""
    drawing.add(Line(x1, y1, x2, y2, strokeColor=colour, strokeWidth=0.8))
    across, up = (0.0, 1.5) if y1 == y2 else (1.5, 0.0)
    for x, y in ((x1, y1), (x2, y2)):
        drawing.add(Line(x - across, y - up, x + across, y + up, strokeColor=colour, strokeWidth=0.8))


def _text(
    drawing: Drawing,
    x: float,
    y: float,
    text: str,
    *,
    font: str = REGULAR,
    size: float = SIZE,
    colour: Color = INK,
    anchor: str = "start",
    width: float | None = None,
) -> None:
    """Add one line of text; one that is wider than its place is set smaller."""
    printed = for_print(text)
    if width is not None:
        size = min(size, size * width / stringWidth(printed, font, size))
    drawing.add(String(x, y, printed, fontName=font, fontSize=round(size, 2), fillColor=colour, textAnchor=anchor))


def svg(drawing: Drawing, name: str, title: str, about: str) -> str:
    """Return a chart as an image for a page, named and described for those who do not see it.

    Each text is as wide as it was measured, in whatever font the reader has.
    """
    drawn: str = renderSVG.drawToString(drawing)
    start = drawn.index("<g id=")
    inner = drawn[drawn.index(">", start) + 1 : drawn.rindex("</g>")]
    inner = re.sub(r"\s*\n\s*", "", _TEXT.sub(_measured, inner))
    width, height = (f"{side:g}" for side in (drawing.width, drawing.height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{name}-title {name}-about" '
        f'viewBox="0 0 {width} {height}"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-about">{escape(about)}</desc>'
        f'<g transform="scale(1,-1) translate(0,-{height})" fill-rule="evenodd">{inner}</g></svg>'
    )


def _measured(found: re.Match[str]) -> str:
    x, y, font, size, style, rest, text = found.groups()
    width = stringWidth(unescape(text), font, float(size))
    weight = ";font-weight: bold" if font == BOLD else ""
    return (
        f'<text x="{float(x):.2f}" y="{y}" textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs" '
        f"style='{_FAMILY}; font-size: {size}px;{style}{weight}'{rest}>{text}<"
    )
