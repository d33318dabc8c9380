"""Text in cells of spreadsheets: what a program that opens the file must not take for a formula.

Here belongs the one spelling that workbooks and the free text of CSV files share. Numbers need none of it.
"""

#: First characters after which spreadsheet programs calculate, full-width forms included.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet program calculates, and that a workbook can hold.

    An apostrophe goes before text that begins like a formula; characters that XML does not have become U+FFFD.
    """
    kept = "".join(character if _is_held(character) else "\N{REPLACEMENT CHARACTER}" for character in text)
    return f"'{kept}" if kept.startswith(FORMULA_STARTS) else kept


def _is_held(character: str) -> bool:
    code = ord(character)
    return character in "\t\n\r" or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF
