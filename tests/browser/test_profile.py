"""Country profiles in a real browser: nothing is cut, nothing overlaps, and they print on paper."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdmx_out.catalogue import LANGUAGES
from sdmx_out.profile.profiles import profile_html
from tests.sdmx_out.profile.made import EDITION, connection, rows, with_gaps

pytestmark = pytest.mark.browser

DRAFT = replace(EDITION, is_test=True, is_draft=True)
#: Texts of charts that leave their chart, and pairs of them that overlap.
CUT = """() => {
    const found = [];
    for (const chart of document.querySelectorAll("svg")) {
        const frame = chart.getBoundingClientRect();
        const texts = [...chart.querySelectorAll("text")].map((one) => [one.textContent, one.getBoundingClientRect()]);
        for (const [text, box] of texts) {
            const aside = box.left < frame.left - 1 || box.right > frame.right + 1;
            if (aside || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) found.push(`cut: ${text}`);
            for (const [other, beside] of texts)
                if (text < other && box.right - 1 > beside.left && beside.right - 1 > box.left
                    && Math.abs(box.top - beside.top) < 0.45 * box.height)
                    found.push(`overlap: ${text} / ${other}`);
        }
    }
    return found;
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("profiles")
    with connection(rows(changes=with_gaps()), is_test=True) as engine:
        for language in LANGUAGES:
            (folder / f"XAA_{language}.html").write_bytes(profile_html(engine, "XAA", language, DRAFT))
    return {language: folder / f"XAA_{language}.html" for language in LANGUAGES}


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1240, "height": 1000})
    page = context.new_page()
    yield page
    context.close()


@pytest.mark.parametrize("width", [1240, 800, 360])
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_cut_or_overlaps(
    opened: Any, pages: dict[str, Path], pictures: Path, language: str, width: int
) -> None:
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.set_viewport_size({"width": width, "height": 1000})
    opened.goto(pages[language].as_uri())
    opened.screenshot(path=pictures / f"profile_{language}_{width}.png", full_page=True)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth + 1).length"
    assert opened.evaluate(wide) == 0
    assert opened.evaluate(CUT) == []
    assert errors == []


def test_the_figures_of_a_chart_open_by_keyboard(opened: Any, pages: dict[str, Path]) -> None:
    opened.goto(pages["es"].as_uri())
    summary = opened.locator("summary").first
    assert not opened.locator("details table").first.is_visible()
    summary.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("details table").first.is_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_charts_are_images_with_names_for_assistive_technology(
    opened: Any, pages: dict[str, Path], language: str
) -> None:
    opened.goto(pages[language].as_uri())
    assert opened.get_by_role("img").count() == 8
    names = opened.get_by_role("img").evaluate_all("all => all.map(one => one.querySelector('title').textContent)")
    assert len(set(names)) == 8


def test_the_page_prints_on_one_sheet(opened: Any, pages: dict[str, Path]) -> None:
    for language in LANGUAGES:
        opened.goto(pages[language].as_uri())
        printed = opened.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type ?/Page\b(?!s)", printed)) == 1
