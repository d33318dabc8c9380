"""Native charts: of published figures only, and none where there are too few."""

import io
from collections.abc import Iterable
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import AreaChart, BarChart, LineChart

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.workbooks.area_workbook import area_workbook
from tests.sdmx_out.workbooks.made_rows import AREA, HIDDEN, Row, engine, rows

WORKERS, SECTORS, EMPLOYED = "XMW_LFFB_SEX_AGE_NB", "MST_TEMP_SEX_ECO_CBR_NB", "MST_TEMP_SEX_AGE_CBR_NB"


def made(data: Iterable[Row], language: str = "en") -> Any:
    content = area_workbook(engine(data), AREA, language, indicators=load_indicators(), code_lists=load_code_lists())
    return openpyxl.load_workbook(io.BytesIO(content))


def only(*names: str) -> list[Row]:
    return [row for row in rows() if row["indicator"] in names]


def told(sheet: Any) -> list[tuple[object, ...]]:
    return [tuple(value for value in row) for row in sheet.iter_rows(values_only=True)]


def test_three_charts_of_the_cells_beside_them() -> None:
    book = made(only(WORKERS, SECTORS, EMPLOYED), "es")
    pyramid, sectors, series = book["Gráficos"]._charts
    assert isinstance(pyramid, BarChart)
    assert (pyramid.barDir, pyramid.grouping, pyramid.overlap) == ("bar", "stacked", 100)
    assert isinstance(sectors, BarChart)
    assert {type(part) for part in series._charts} == {AreaChart, LineChart}
    references = [one.val.numRef.f for chart in (pyramid, sectors) for one in chart.series]
    references += [one.val.numRef.f for part in series._charts for one in part.series]
    assert all(reference.startswith("'Datos de los gráficos'!$") for reference in references)
    titles = ["".join(run.t for run in chart.title.tx.rich.p[0].r) for chart in (pyramid, sectors, series)]
    assert titles == [
        "Trabajadores migrantes internacionales (nacidos en el extranjero) según edad y sexo, 2024",
        "Ocupación según actividad económica, 2024",
        "Personas ocupadas nacidas en el extranjero, con banda de confianza del 95 %",
    ]


def test_men_are_below_zero_and_shown_without_a_sign() -> None:
    sheet = made(only(WORKERS))["Chart data"]
    bands = [row for row in sheet.iter_rows() if str(row[0].value).startswith(("15-", "25-", "65+"))]
    assert len(bands) == 3
    for _, men, women, *_ in bands:
        assert men.value < 0 < women.value
        assert men.value == pytest.approx(-1.5 * women.value)
        assert men.number_format == "#,##0.0;#,##0.0"


def test_shares_are_of_all_employed_of_the_group() -> None:
    data = told(made(only(SECTORS))["Chart data"])
    head = next(number for number, row in enumerate(data) if "Native-born" in row)
    shares = [row[1:3] for row in data[head + 1 :] if isinstance(row[1], float)]
    assert [sum(column) for column in zip(*shares, strict=True)] == pytest.approx([100, 100], abs=0.01)  # type: ignore[arg-type]


def test_the_band_is_the_interval_and_a_missing_period_a_gap() -> None:
    data = [row for row in only(EMPLOYED) if row["time"] != "2023"]
    later = [{**row, "time": "2025"} for row in data if row["time"] == "2024"]
    sheet = told(made([*data, *later])["Chart data"])
    found = {row[0]: row[1:4] for row in sheet if row[0] in ("2022", "2023", "2024", "2025")}
    assert list(found) == ["2022", "2023", "2024", "2025"]
    assert found["2023"] == (None, None, None)
    value, lower, band = found["2024"]
    assert lower == pytest.approx(0.9 * value)  # type: ignore[operator]
    assert band == pytest.approx(0.2 * value, rel=1e-3)  # type: ignore[operator]


def test_no_chart_of_what_is_withheld() -> None:
    hidden = [{**row, **HIDDEN} for row in only(WORKERS, SECTORS, EMPLOYED)]
    assert made(hidden).sheetnames == ["Index", "Reading guide"]
    few = [row for row in only(EMPLOYED) if row["time"] == "2024"]
    assert "Charts" not in made(few).sheetnames, "one year is no series"
    partly = [{**row, **HIDDEN} if str(row["classif1"]).endswith("Y25-34") else row for row in only(WORKERS)]
    data = told(made(partly)["Chart data"])
    assert ("25-34", None, None) in [row[:3] for row in data]
