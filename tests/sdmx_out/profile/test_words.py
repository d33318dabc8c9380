from datetime import date
from decimal import Decimal
from itertools import chain

import pytest

from schemas.codes import load_code_lists
from sdmx_out.catalogue import LANGUAGES
from sdmx_out.profile.figures import Figure
from sdmx_out.profile.words import Words, for_print, wording

#: Texts that are the same in two languages because they are no words, or because the languages share the word.
SHARED = {
    ("period", "A"),
    ("period", "S"),
    ("period", "Q"),
    ("period", "M"),
    ("months", "date"),
    ("unit", "list"),
    ("define", "flag"),
    ("parts", "ECO_SECTOR_AGR"),
    ("parts", "ECO_SECTOR_SER"),
    ("rates", "migrants"),
}


@pytest.mark.parametrize(
    ("language", "value", "decimals", "text"),
    [
        ("en", "1234567.85", 1, "1,234,567.8"),
        ("fr", "1234.5", 1, "1\u202f234,5"),
        ("es", "1234.5", 1, "1234,5"),
        ("es", "12345.5", 1, "12\u202f345,5"),
        ("fr", "9141.26", 0, "9\u202f141"),
        ("en", "-0.04", 1, "0.0"),
        ("en", "-2.729", 1, "\u22122.7"),
        ("fr", "0.05", 1, "0,0"),
    ],
)
def test_numbers(language: str, value: str, decimals: int, text: str) -> None:
    assert Words(language).number(Decimal(value), decimals) == text


def test_intervals_values_and_reasons() -> None:
    words = Words("fr")
    figure = Figure(Decimal("-1.5"), Decimal("-2.25"), Decimal("1000"), "U", "")
    assert words.interval(figure, 1) == "\u22122,2 à 1\u202f000,0"
    assert words.value(figure, 1) == "\u22121,5\u00a0U"
    assert words.interval(Figure(Decimal(1), missing=""), 1) == ""
    assert words.value(Figure(missing="confidential"), 1) == "confidentiel"


def test_periods_and_dates() -> None:
    assert [Words(language).period("Q", "2024-Q4") for language in LANGUAGES] == ["Q4 2024", "T4 2024", "T4 2024"]
    assert Words("fr").period("A", "2024") == "2024"
    assert Words("es").period("M", "2024-03") == "03/2024"
    assert Words("fr").date(date(2026, 8, 1)) == "1er août 2026"
    assert Words("es").date(date(2026, 11, 25)) == "25 de noviembre de 2026"
    assert Words("en").date(date(2026, 11, 25)) == "25 November 2026"


def test_french_punctuation_stays_on_the_line_of_its_word() -> None:
    assert Words("fr").spaced("Taux : « autres » ; fin") == "Taux\u00a0: «\u00a0autres\u00a0»\u00a0; fin"
    assert Words("es").spaced("Tasas: «otros»; fin") == "Tasas: «otros»; fin"


def test_every_text_is_in_three_languages_and_no_two_are_the_same() -> None:
    for part, texts in wording().items():
        for key, told in texts.items():
            assert list(told) == list(LANGUAGES), (part, key)
            if (part, key) not in SHARED:
                assert told["en"] != told["fr"], (part, key)
                assert told["en"] != told["es"] or key == "ECO" or told["en"] == "Total", (part, key)


def test_the_standard_fonts_have_every_sign_of_wording_and_labels() -> None:
    said = (text for texts in wording().values() for told in texts.values() for text in told.values())
    lists = load_code_lists()
    shown = ("AREA", "SOURCE", "NOTE", "OBS_STATUS", "CBR_BRT", "CCT_CTZ")
    labels = (label for name in shown for item in lists[name].items for label in (item.en, item.fr, item.es))
    for text in chain(said, labels):
        assert for_print(text).encode("cp1252")
    with pytest.raises(UnicodeEncodeError):
        for_print("Łódź")
