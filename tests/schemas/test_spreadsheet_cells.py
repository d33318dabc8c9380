"""Text that no spreadsheet program calculates."""

import pytest

from schemas.spreadsheet_cells import safe_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}"])
def test_what_begins_like_a_formula_is_text(start):
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "persons", "1-2", "a=b", " =1", "São Tomé", "'quoted"])
def test_other_text_stays_as_it_is(text):
    assert safe_cell(text) == text


def test_characters_that_xml_does_not_have_are_replaced():
    assert safe_cell("a\x00b\x1fc\ud800d\ufffee") == "a\ufffdb\ufffdc\ufffdd\ufffde"
    assert safe_cell("\x00=1") == "\ufffd=1"
    assert safe_cell("two\nlines\tand 😀") == "two\nlines\tand 😀"
