"""How workbooks look once an office program has opened and printed them: whole, no page empty, no text cut.

ILMS_OFFICE names another program; ILMS_SCREENSHOTS names a folder in which the pages are kept.
"""

import io
import os
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import openpyxl
import pytest

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.workbooks.area_workbook import area_workbook
from sdmx_out.workbooks.charts import chart_indicators
from sdmx_out.workbooks.indicator_workbook import indicator_workbook
from sdmx_out.workbooks.tables import load_words
from tests.sdmx_out.workbooks.made_rows import AREA, YEARS, availability, engine, rows

OFFICE = os.environ.get("ILMS_OFFICE", "soffice")
MISSING = ("MNA_OEMP_SEX_ECO_NB", "MNA_XRET_SEX_CPR_NB")
LABELS = re.compile(r"ilms_(title|test|text|strong|link|head|period|label.*)")


@pytest.fixture(scope="module")
def programs() -> None:
    missing = [name for name in (OFFICE, "pdftotext", "pdftoppm") if shutil.which(name) is None]
    if missing:
        message = f"workbooks cannot be looked at: {', '.join(missing)} is missing"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="module")
def books() -> dict[str, bytes]:
    """Workbooks of each kind in the languages with the longest words."""
    series = chart_indicators("birth")[-1]
    connection = engine(row for row in rows(without=MISSING) if row["time"] == YEARS[-1] or row["indicator"] == series)
    indicators, lists = load_indicators(), load_code_lists()
    told = [availability(name, "not_collected", "economic_activity, country_of_previous_residence") for name in MISSING]

    def area(language: str, collection: str) -> bytes:
        return area_workbook(
            connection,
            AREA,
            language,
            collection,  # type: ignore[arg-type]
            indicators=indicators,
            code_lists=lists,
            availability=told,
            is_test=True,
        )

    connection_of_one = engine(row for row in rows(("2024",)) if row["indicator"] == "MST_TUNE_SEX_AGE_CBR_NB")
    one = indicators["MST_TUNE_SEX_AGE_CBR_NB"]
    return {
        "ilms_fr": area("fr", "ilms"),
        "asean_es": area("es", "asean"),
        "indicator": indicator_workbook(connection_of_one, one, code_lists=lists, is_test=True),
    }


@pytest.fixture(scope="module")
def printed(programs: None, books: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the printed workbooks."""
    folder = tmp_path_factory.mktemp("printed")
    for name, content in books.items():
        (folder / f"{name}.xlsx").write_bytes(content)
    done = subprocess.run(
        [
            *(OFFICE, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", "pdf"),
            *("--outdir", str(folder), *(str(folder / f"{name}.xlsx") for name in books)),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Error" not in done.stdout + done.stderr
    assert sorted(path.stem for path in folder.glob("*.pdf")) == sorted(books)
    if kept := os.environ.get("ILMS_SCREENSHOTS"):
        for name in books:
            subprocess.run(["pdftoppm", "-r", "70", "-png", folder / f"{name}.pdf", Path(kept) / name], check=True)
    return folder


def pages(pdf: Path) -> list[str]:
    """Text of each page, without spaces: what is written on two lines counts as whole."""
    found = subprocess.run(["pdftotext", "-raw", pdf, "-"], check=True, capture_output=True).stdout.decode()
    return [close(page) for page in found.split("\f")[:-1]]


def close(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize("name", ["ilms_fr", "asean_es"])
def test_all_text_is_there_whole(printed: Path, books: dict[str, bytes], name: str) -> None:
    whole = pages(printed / f"{name}.pdf")
    book = openpyxl.load_workbook(io.BytesIO(books[name]))
    joined = "".join(whole)
    count = 0
    for sheet in book:
        # A sheet's text is looked for on its own pages: those whose footer names it.
        own = "".join(page for page in whole if close(str(sheet.oddFooter.right.text).split("|")[0]) in page)
        assert own, sheet.title
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "s" and LABELS.fullmatch(str(cell.style)):
                    assert close(cell.value) in own, f"{sheet.title} {cell.coordinate} is cut: {cell.value}"
                    count += 1
    assert count > 500
    assert "##" not in joined, "a number is wider than its column"


def test_what_an_indicator_is_about_can_be_read(printed: Path, books: dict[str, bytes]) -> None:
    *_, last = pages(printed / "indicator.pdf")
    for row in openpyxl.load_workbook(io.BytesIO(books["indicator"]))["Info"].iter_rows(values_only=True):
        assert all(close(text) in last for text in row if text), row


@pytest.mark.parametrize("name", ["ilms_fr", "asean_es"])
def test_every_table_has_figures_on_its_first_page(printed: Path, books: dict[str, bytes], name: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(books[name]))
    found = pages(printed / f"{name}.pdf")
    for sheet in book:
        if re.fullmatch(r"[TA]\d\d", sheet.title):
            first = next(page for page in found if close(sheet["A1"].value) in page)
            assert len(re.findall(r"\d[.,]\d", first)) >= 5 or "MNA" in first, sheet.title
            assert "2024" in first


@pytest.mark.parametrize("name", ["ilms_fr", "asean_es", "indicator"])
def test_no_page_is_empty(printed: Path, name: str) -> None:
    command = ["pdftoppm", "-r", "20", "-gray", printed / f"{name}.pdf", printed / f"{name}_gray"]
    subprocess.run(command, check=True)
    found = sorted(printed.glob(f"{name}_gray-*.pgm"))
    assert len(found) == len(pages(printed / f"{name}.pdf")) > 1
    for path in found:
        # Header of a PGM: P5, width and height, largest value.
        pixels = path.read_bytes().split(b"\n", 3)[3]
        dark = sum(pixel < 200 for pixel in pixels)
        assert dark > 100, f"{path.name} is empty"


def test_charts_are_drawn(printed: Path) -> None:
    whole = pages(printed / "ilms_fr.pdf")
    title = close(load_words()["chart_series_birth"]["fr"])
    number = next(index for index, page in enumerate(whole, 1) if title in page)
    words = load_words()
    for key in ("axis_age", "axis_share", "axis_period", "series_band"):
        assert close(words[key]["fr"]) in whole[number - 1], key
    command = [
        "pdftoppm",
        "-r",
        "60",
        "-f",
        str(number),
        "-l",
        str(number),
        printed / "ilms_fr.pdf",
        printed / "charts",
    ]
    subprocess.run(command, check=True)
    (path,) = printed.glob("charts-*.ppm")
    body = path.read_bytes().split(b"\n", 3)[3]
    colours = [bytes(body[place : place + 3]) for place in range(0, len(body), 3)]
    for colour in ("2e6da4", "d9822b", "1f3a5f", "8fa3b8", "bcd0e5"):
        assert colours.count(bytes.fromhex(colour)) > 150, f"no area of colour {colour}"
