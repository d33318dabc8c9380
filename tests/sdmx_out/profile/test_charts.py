import re
from decimal import Decimal

import pytest
from lxml import etree
from reportlab.graphics.shapes import Circle, Drawing, Line, Polygon, PolyLine, Rect, String

from sdmx_out.profile.charts import BAND, BAR, INK, MIGRANTS, WIDTH, origins, parts, rates, svg, trend
from sdmx_out.profile.figures import Comparison, Figure, Part
from sdmx_out.profile.words import Words

EN = Words("en")
HIDDEN = Figure(missing="confidential")


def figure(value: float, spread: float = 10) -> Figure:
    lower, middle, upper = (Decimal(str(number)) for number in (value - spread, value, value + spread))
    return Figure(middle, lower, upper, "", "")


def shapes(drawing: Drawing, kind: type) -> list:  # type: ignore[type-arg]
    return [shape for shape in drawing.contents if isinstance(shape, kind)]


def said(drawing: Drawing) -> list[str]:
    return [shape.text for shape in shapes(drawing, String)]


def test_bars_are_as_long_as_their_figures_and_intervals_end_at_their_limits() -> None:
    drawing = origins([("Peru", figure(100, 20)), ("Chile", figure(50, 10))], None, EN)
    long, short = shapes(drawing, Rect)
    assert short.width == pytest.approx(long.width / 2)
    across = [line for line in shapes(drawing, Line) if line.y1 == line.y2]
    unit = long.width / 100
    assert (across[0].x1 - long.x, across[0].x2 - long.x) == pytest.approx((80 * unit, 120 * unit))
    assert all(line.strokeColor == INK for line in across)


def test_the_rest_has_a_bar_of_another_shade_and_no_interval() -> None:
    drawing = origins([("Peru", figure(100))], Decimal("40.5"), EN)
    bars = shapes(drawing, Rect)
    assert bars[1].fillColor != BAR
    assert len([line for line in shapes(drawing, Line) if line.y1 == line.y2]) == 1
    assert said(drawing)[-2:] == ["Other countries and unknown", "40.5"]


def test_long_names_of_countries_are_set_in_lines_and_never_shortened() -> None:
    name = "Korea, Democratic People's Republic of"
    drawing = origins([(name, figure(100))], None, EN)
    assert " ".join(said(drawing)[:-1]) == name


def test_a_hidden_figure_has_its_reason_in_place_of_a_bar() -> None:
    one = Part("ECO", "ECO_SECTOR_AGR", HIDDEN, figure(7))
    two = Part("ECO", "ECO_SECTOR_IND", figure(100), HIDDEN)
    drawing = parts([one, two], EN)
    assert len(shapes(drawing, Rect)) == 1
    assert said(drawing)[2:] == ["Sector", "Agriculture", "confidential", "Industry", "100.0", "–"]


def test_groups_are_told_apart_by_shape() -> None:
    item = Comparison("TEAP", figure(70), figure(60), figure(10))
    drawing = rates([item], ("Foreign-born", "Native-born"), EN)
    dots, squares = shapes(drawing, Circle), shapes(drawing, Rect)
    assert len(dots) == len(squares) == 2
    assert all(dot.fillColor == MIGRANTS for dot in dots)
    assert all(square.strokeWidth == 1 for square in squares)
    assert {"0", "20", "40", "60", "80"} <= set(said(drawing))


def test_a_trend_has_a_band_between_its_limits_and_breaks_where_a_figure_is_hidden() -> None:
    items = [(str(year), figure(100 + year % 10)) for year in range(2018, 2025)]
    items[3] = ("2021", HIDDEN)
    drawing = trend(items, EN)
    bands, lines = shapes(drawing, Polygon), shapes(drawing, PolyLine)
    assert len(bands) == len(lines) == 2
    assert all(band.fillColor == BAND for band in bands)
    heights = bands[0].points[1::2]
    middle = lines[0].points[1::2]
    assert max(heights) > max(middle)
    assert min(heights) < min(middle)
    assert [len(line.points) for line in lines] == [6, 6]
    assert [len(band.points) for band in bands] == [12, 12]
    assert len(shapes(drawing, Circle)) == 6
    assert "–" in said(drawing)


def test_a_period_alone_has_its_interval() -> None:
    drawing = trend([("2022", figure(100)), ("2023", HIDDEN), ("2024", figure(90))], EN)
    assert shapes(drawing, PolyLine) == []
    assert len([line for line in shapes(drawing, Line) if line.x1 == line.x2 and line.y1 != line.y2]) == 2


def test_everything_stands_inside_its_chart() -> None:
    large = figure(1_234_567, 345_678)
    items = [
        Part(kind, code, large, figure(33.3)) for kind, code in (("OCU", "OCU_SKILL_L2"), ("STE", "STE_AGGREGATE_EES"))
    ]
    for language in ("en", "fr", "es"):
        drawing = parts(items, Words(language))
        for text in shapes(drawing, String):
            assert text.getBounds()[0] >= 0
            assert text.getBounds()[2] <= WIDTH + 0.1
        numbers = [text.getBounds()[0] for text in shapes(drawing, String) if text.textAnchor == "end"]
        ends = [line.x2 for line in shapes(drawing, Line)]
        assert max(ends) < min(numbers)


def test_svg_is_named_measured_and_escaped() -> None:
    drawing = origins([("Côte d'Ivoire <&>", figure(100))], None, Words("fr"))
    image = svg(drawing, "origins-birth", "Pays <1>", "A & B")
    tree = etree.fromstring(image.encode())
    space = {"s": "http://www.w3.org/2000/svg"}
    assert tree.get("aria-labelledby") == "origins-birth-title origins-birth-about"
    assert tree.xpath("string(s:title)", namespaces=space) == "Pays <1>"
    assert tree.xpath("string(s:desc)", namespaces=space) == "A & B"
    texts = tree.xpath("//s:text", namespaces=space)
    assert [text.text for text in texts] == ["Côte d'Ivoire <&>", "100,0"]
    assert all(re.fullmatch(r"\d+\.\d\d", text.get("textLength")) for text in texts)
    assert "clip" not in image
