"""Pages and documents as they are released."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from html import unescape
from pathlib import Path

import duckdb
import pytest
from lxml import etree
from lxml import html as markup

from sdmx_out.catalogue import LANGUAGES, TEST_TITLE
from sdmx_out.profile.content import Content, content
from sdmx_out.profile.figures import INDICATORS, read_profile
from sdmx_out.profile.profiles import countries_of, profile_files, profile_html, profile_pdf, title
from sdmx_out.profile.words import Words, for_print, wording
from tests.sdmx_out.example import Row, hidden
from tests.sdmx_out.profile.made import EDITION, cell, connection, rows, with_gaps

DRAFT = replace(EDITION, is_test=True, is_draft=True)
#: Words that no French and no Spanish text has.
ENGLISH = re.compile(
    r"\b(the|of|and|with|by|from|than|persons?|thousand|employed|workers?|not|too|few|who|born)\b", re.I
)
SVG = "{http://www.w3.org/2000/svg}"

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection(rows(changes=with_gaps()), is_test=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def files(engine: duckdb.DuckDBPyConnection) -> Mapping[str, bytes]:
    return dict(profile_files(engine, ["XAA", "XBB"], DRAFT))


def text_of(page: bytes) -> str:
    """Everything that a reader sees or hears, with single spaces."""
    tree = markup.fromstring(page.decode())
    for style in tree.xpath("//style"):
        style.drop_tree()
    return " ".join(" ".join(tree.itertext()).split())


def need(program: str) -> None:
    if shutil.which(program) is None:
        message = f"{program} (poppler-utils) is not installed: the document cannot be read back"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def printed(document: bytes, folder: Path) -> str:
    need("pdftotext")
    path = folder / "profile.pdf"
    path.write_bytes(document)
    done = subprocess.run(["pdftotext", "-raw", str(path), "-"], capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout.count(b"\f") == 1
    return " ".join(done.stdout.decode().split())


def said(engine: duckdb.DuckDBPyConnection, language: str) -> Content:
    profile = read_profile(engine, "XAA", countries=countries_of(DRAFT.code_lists))
    return content(profile, language, DRAFT)


def test_one_page_and_one_document_per_area_and_language(files: Mapping[str, bytes]) -> None:
    assert list(files) == [
        f"profiles/{area}_{language}.{kind}"
        for area in ("XAA", "XBB")
        for language in LANGUAGES
        for kind in ("html", "pdf")
    ]


def test_the_same_rows_give_the_same_bytes(files: Mapping[str, bytes]) -> None:
    data = rows(changes=with_gaps())
    with connection(data[::-1], is_test=True) as other:
        assert dict(profile_files(other, ["XAA", "XBB"], DRAFT)) == files
        assert profile_html(other, "XAA", "fr", DRAFT) == files["profiles/XAA_fr.html"]
        assert profile_pdf(other, "XAA", "es", DRAFT) == files["profiles/XAA_es.pdf"]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ("1,259.3", "1,133.3 to 1,385.2", "74.4", "11.8", "7.1 to 16.6", "589.7", "confidential")),
        ("fr", ("1\u202f259,3", "1\u202f133,3 à 1\u202f385,2", "74,4", "11,8", "7,1 à 16,6", "confidentiel")),
        ("es", ("1259,3", "1133,3 a 1385,2", "74,4", "11,8", "7,1 a 16,6", "confidencial", "pocas observaciones")),
    ],
)
def test_figures_stand_on_both(
    files: Mapping[str, bytes], tmp_path: Path, language: str, told: tuple[str, ...]
) -> None:
    page = text_of(files[f"profiles/XAA_{language}.html"])
    paper = printed(files[f"profiles/XAA_{language}.pdf"], tmp_path)
    for text in told[:5]:
        assert " ".join(text.split()) in page
        assert " ".join(for_print(text).split()) in paper
    for text in told[-1:]:
        assert text in page
        assert text in paper


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_is_said_stands_on_the_page_and_on_paper(
    engine: duckdb.DuckDBPyConnection, files: Mapping[str, bytes], tmp_path: Path, language: str
) -> None:
    told = said(engine, language)
    page = text_of(files[f"profiles/XAA_{language}.html"]).replace(" ", "")
    paper = printed(files[f"profiles/XAA_{language}.pdf"], tmp_path).replace(" ", "")
    texts = [told.title, told.area, told.period, told.margin, told.source, *told.notices]
    for table in (*told.tables, told.abroad):
        texts += [table.title, *table.heads, *(row.label for row in table.rows)]
        texts += [cell.text for row in table.rows for cell in row.cells]
    for group in told.groups:
        texts += [group.title, *(text for chart in group.charts for text in (chart.criterion, chart.title))]
    texts += [text for definition in told.definitions for text in definition]
    for text in texts:
        assert "".join(text.split()) in "".join(page.split()), text
        assert "".join(for_print(text).split()) in "".join(paper.split()), text


def test_values_that_are_hidden_stand_nowhere(tmp_path: Path) -> None:
    """Each figure is hidden in turn: its value and its limits, which all differ, must be gone from both."""
    data = [made for made in rows(("2024",)) if made["indicator"] in INDICATORS]
    seen: dict[str, int] = {}
    for number, made in enumerate(data):
        made |= {"obs_value": 10 + number * 1.1, "lower": 9.9 + number * 1.1, "upper": 10.3 + number * 1.1}
        for limit in ("obs_value", "lower", "upper"):
            text = Words("en").number(Decimal(f"{made[limit]:.3f}"), 1)
            seen[text] = seen.get(text, 0) + 1
    gone = {f"{made[limit]:.1f}" for made in data[::2] for limit in ("obs_value", "lower", "upper")}
    kept = {f"{made[limit]:.1f}" for made in data[1::2] for limit in ("obs_value", "lower", "upper")}
    secret = gone - kept
    assert len(secret) > 50
    data[::2] = [made | hidden("C", "C", "confidential") for made in data[::2]]
    with connection(data) as engine:
        rest = {
            Words("en").number(one.other, 1)
            for one in read_profile(engine, "XAA", countries=countries_of(EDITION.code_lists)).migrants
            if one.other is not None
        }
        page = text_of(profile_html(engine, "XAA", "en", EDITION))
        paper = printed(profile_pdf(engine, "XAA", "en", EDITION), tmp_path)
    for told in (page, paper):
        shown = set(re.findall(r"\d+\.\d", told))
        assert shown & kept
        assert not shown & (secret - rest)


@pytest.mark.parametrize("language", ["fr", "es"])
def test_no_english_is_left(files: Mapping[str, bytes], tmp_path: Path, language: str) -> None:
    english = {
        " ".join(told["en"].split("{")[0].split())
        for texts in wording().values()
        for told in texts.values()
        if told["en"] != told[language]
    }
    words = {text for text in english if len(text) > 5}
    assert len(words) > 80
    for area in ("XAA", "XBB"):
        page = text_of(files[f"profiles/{area}_{language}.html"])
        paper = printed(files[f"profiles/{area}_{language}.pdf"], tmp_path)
        for text in (page, paper):
            told = text.replace(TEST_TITLE[language], "").replace(for_print(TEST_TITLE[language]), "")
            assert not ENGLISH.findall(told)
            assert not [word for word in words if re.search(rf"\b{re.escape(word)}\b", told)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_tests_invented_countries_and_drafts_say_so(files: Mapping[str, bytes], tmp_path: Path, language: str) -> None:
    words = Words(language)
    marks = (TEST_TITLE[language], words("head", "invented"), words("head", "draft"))
    page = text_of(files[f"profiles/XAA_{language}.html"])
    paper = printed(files[f"profiles/XAA_{language}.pdf"], tmp_path)
    for mark in marks:
        assert " ".join(mark.split()) in page
        assert " ".join(for_print(mark).split()) in paper


def test_a_country_that_exists_in_a_final_release_bears_no_mark() -> None:
    data = [made | {"ref_area": "CHL"} for made in rows(("2024",))]
    with connection(data) as engine:
        tree = markup.fromstring(profile_html(engine, "CHL", "es", EDITION).decode())
    assert tree.xpath("//p[@class='notice']") == []
    assert tree.xpath("string(//h1)") == "Chile 2024"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_area_without_figures_still_has_its_page(files: Mapping[str, bytes], tmp_path: Path, language: str) -> None:
    none = Words(language)("head", "no_figures")
    assert none in text_of(files[f"profiles/XBB_{language}.html"])
    assert for_print(none) in printed(files[f"profiles/XBB_{language}.pdf"], tmp_path)


def test_charts_can_be_read_without_seeing_them(files: Mapping[str, bytes]) -> None:
    tree = markup.fromstring(files["profiles/XAA_fr.html"].decode())
    images = tree.xpath("//*[local-name()='svg']")
    assert len(images) == 8
    for image in images:
        named, described = image.get("aria-labelledby").split()
        assert image.get("role") == "img"
        assert image.xpath(f".//*[@id='{named}']")[0].text
        assert image.xpath(f".//*[@id='{described}']")[0].text
        rows_beside = image.xpath("following-sibling::details//tbody/tr")
        assert len(rows_beside) >= 2
    identifiers = tree.xpath("//@id")
    assert len(identifiers) == len(set(identifiers))
    assert tree.get("lang") == "fr"
    assert not tree.xpath("//script | //link | //img | //@src")


def test_charts_are_sound_svg_with_intervals(files: Mapping[str, bytes]) -> None:
    found = re.findall(rb"<svg.*?</svg>", files["profiles/XAA_en.html"], re.S)
    trees = [etree.fromstring(image) for image in found]
    # Three rates of two groups, one of them hidden: five intervals of three lines each.
    lines = [path for path in trees[0].iter(f"{SVG}path") if "stroke: none" not in path.get("style")]
    grid = sum("83" in path.get("style") for path in lines)
    assert len(lines) - grid == 15
    assert all(text.get("textLength") for tree in trees for text in tree.iter(f"{SVG}text"))
    told = [unescape(text.text) for text in trees[0].iter(f"{SVG}text")]
    assert "too few observations" in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_document_tells_its_title_language_author_and_structure(
    files: Mapping[str, bytes], tmp_path: Path, language: str
) -> None:
    need("pdfinfo")
    path = tmp_path / "profile.pdf"
    path.write_bytes(files[f"profiles/XAA_{language}.pdf"])
    told = subprocess.run(["pdfinfo", str(path)], capture_output=True, check=True).stdout.decode()
    assert f"Author:          {Words(language)('head', 'author')}" in told
    assert re.search(rf"Title: .*2024 – {title()[language]}", told)
    assert re.search(r"Tagged: +yes", told)
    assert re.search(r"Pages: +1\n", told)
    assert re.search(r"Page size: .*A4", told)
    assert f"/Lang ({language})".encode() in path.read_bytes()
    done = subprocess.run(["pdfinfo", "-struct-text", str(path)], capture_output=True, check=True)
    assert done.stderr == b""
    structure = done.stdout.decode()
    assert len(re.findall(r"^ *H1", structure, re.M)) == 1
    assert len(re.findall(r"^ *H2", structure, re.M)) == 8
    assert len(re.findall(r"^ *Table", structure, re.M)) == 3
    assert len(re.findall(r"^ *Figure", structure, re.M)) == 8


def long_rows() -> list[Row]:
    """Figures as large as there are, of an area with a long name, all of them flagged."""
    data = [made | {"ref_area": "COD", "obs_status": "U"} for made in rows(("2024-Q3", "2024-Q4"))]
    large = 1000.0
    for made in data:
        if str(made["indicator"]).endswith("_NB"):
            made |= {name: float(str(made[name])) * large for name in ("obs_value", "lower", "upper")}
    return data


def test_large_figures_and_long_names_stay_on_one_page(tmp_path: Path) -> None:
    with connection(long_rows(), is_test=True) as engine:
        documents = {language: profile_pdf(engine, "COD", language, DRAFT) for language in LANGUAGES}
    for language, document in documents.items():
        number = Words(language).number(Decimal("1246914"), 0).replace("\u202f", " ")
        assert number in printed(document, tmp_path).replace("\u00a0", " ")


def test_a_figure_without_limits_has_no_brackets() -> None:
    data = [cell("MNA_TPOP_SEX_CRS_NB", "2024", "SEX_T", "CRS_RES_TOTAL", value=5, lower=None, upper=None)]
    with connection(data) as engine:
        page = text_of(profile_html(engine, "XAA", "en", EDITION))
    assert "Nationals living abroad 5.0 " in page
    assert "5.0 (" not in page
