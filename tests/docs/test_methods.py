"""What the page of methods says of the catalogue, of variances, profiles and identities is what there is."""

import os
from pathlib import Path

from schemas.indicators import load_indicators
from tests.docs.methods_page import methods_page

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"


def test_the_page_of_methods_is_made_of_the_catalogue() -> None:
    if os.environ.get("ILMS_WRITE_DOCS"):
        PAGE.write_text(methods_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == methods_page()


def test_every_indicator_is_on_the_page_once() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `") and line.count("|") == 7]
    assert sorted(rows) == sorted(load_indicators())
