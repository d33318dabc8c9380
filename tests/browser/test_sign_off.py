"""The sign-off page in a real browser: nothing is cut off, everything is reached by keyboard, and it prints whole."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.home import Home
from pipelines.sign_off.page import Asked, sign_off
from pipelines.sign_off.texts import Words
from schemas.periods import Period
from schemas.survey_spec import find_surveys, load_survey

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTHS = (1280, 400, 320)


@pytest.fixture(scope="module")
def files(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a synthetic round in each language, in English with another round to compare with."""
    from fixtures.__main__ import main

    folder = tmp_path_factory.mktemp("sign-off")
    periods = ["2024-Q1", "2024-Q2"]
    assert main(["--out", str(folder), "--survey", "XAA_LFS", "--rounds", *periods, "--persons", "600"]) == 0
    before, now = (folder / f"XAA_LFS_{period}.sav" for period in periods)
    spec = load_survey(find_surveys([])["XAA_LFS"])
    found = {}
    for language in ("en", "fr", "es"):
        other = (before,) if language == "en" else ()
        asked = Asked(language, date(2026, 11, 23), (now,), Period.parse("2024-Q2"), None, other)
        text, _ = sign_off(Home(folder / "var"), spec, asked, lambda _: None)
        found[language] = folder / f"{language}.html"
        found[language].write_text(text, encoding="utf-8")
    return found


def cut_off(page: Any) -> list[str]:
    """Return the elements wider than their place but for those that scroll by themselves, by keyboard as well."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0"
        " && getComputedStyle(e).overflowX !== 'visible' && e.tabIndex < 0 && e.tagName !== 'TEXTAREA')"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_nothing_runs_out_of_the_page(
    browser: Any, files: dict[str, Path], pictures: Path, language: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked, told = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.goto(files[language].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert cut_off(page) == []
    page.screenshot(path=str(pictures / f"sign_off_{language}_{width}.png"))
    page.locator("#gaps").screenshot(path=str(pictures / f"gaps_{language}_{width}.png"))
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert cut_off(page) == []
    assert asked == [files[language].as_uri()]
    assert told == []
    page.close()


def test_keyboard_reaches_the_content_and_the_fields(browser: Any, files: dict[str, Path]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(files["en"].as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.get_by_label("Checked: Country of birth").focus()
    page.keyboard.press("Space")
    assert page.get_by_label("Checked: Country of birth").is_checked()
    page.get_by_label("Name", exact=True).fill("A. Statistician")
    page.keyboard.press("Tab")
    page.keyboard.type("Office")
    assert page.get_by_label("Office and post").input_value() == "Office"
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert summary.evaluate("element => element.parentElement.open")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.close()


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_what_is_to_be_signed_is_printed(browser: Any, files: dict[str, Path], pictures: Path, language: str) -> None:
    """On paper the exact text of rules is there, and neither the contents nor lists that nobody opened."""
    page = browser.new_page(viewport={"width": 720, "height": 1000})
    page.goto(files[language].as_uri())
    page.emulate_media(media="print")
    words = Words.of(language, "page")
    assert not page.get_by_role("navigation").is_visible()
    exact = page.locator("#c-job_search .exact").first
    assert exact.evaluate("element => element.getBoundingClientRect().height") > 0
    assert not page.locator("#c-sex details").first.is_visible() or page.locator("#c-sex details").count() == 0
    assert page.get_by_text(words("sign_statement")).is_visible()
    assert page.locator("#gaps blockquote").first.is_visible()
    lists = page.locator("#gaps ul.tables").all()
    assert lists
    assert not any(one.is_visible() for one in lists)
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    paper = page.pdf(path=str(pictures / f"sign_off_{language}.pdf"), format="A4")
    assert paper.startswith(b"%PDF")
    page.close()
