"""The protection report in a real browser: readable on wide and narrow screens, reasons in words, leaks named."""

from pathlib import Path
from typing import Any

import pytest

from sdmx_out.releases.places import Places
from tests.sdmx_out import example

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def page_of(work: Path, leaks: int) -> Path:
    """Return the page of a candidate that waits, whose tables leak or not."""
    (work / "roles.toml").write_text('[release]\nmakers = ["Ada"]\napprovers = ["Mary"]\n', encoding="utf-8")
    report = example.write_protection(work / "store" / "protection.json", leaks)
    rows = [row | {"reason": "unreliable;confidential"} if row["obs_value"] is None else row for row in example.rows()]
    example.release(work, rows, protection={"XAA_2013": report})
    (found,) = Places(work).candidates.glob("*/protection.html")
    return found


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("leaks", [0, 2])
def test_the_page_is_whole(browser: Any, pictures: Path, tmp_path: Path, width: int, leaks: int) -> None:
    opened = browser.new_page(viewport={"width": width, "height": 900})
    try:
        opened.goto(page_of(tmp_path, leaks).as_uri())
        opened.screenshot(path=pictures / f"protection-{leaks}-{width}.png", full_page=True)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        text = opened.inner_text("body")
        assert "unreliable: too few observations; confidential: a person or household could be learnt" in text
        assert "unreliable;confidential" not in text
        verdict = "recovered none of 3" if not leaks else "came too near to 2 of 3"
        assert verdict in text
        assert ("employed 1" in text) == bool(leaks)
        for link in opened.query_selector_all("a[href^='#']"):
            assert opened.query_selector(str(link.get_attribute("href")))
    finally:
        opened.close()
