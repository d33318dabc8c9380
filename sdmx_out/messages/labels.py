"""What codes are called in a language, for people and for the engine.

Here belongs which name is taken, and how the engine finds a value's place or label. How a format spells them does not
belong here.
"""

from collections.abc import Sequence
from typing import Literal

from sdmx_out.csv_text import literal
from sdmx_out.messages.dataflow import Names

Language = Literal["en", "fr", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "fr", "es")


def name_in(names: Names, language: Language) -> str:
    """The name in a language, else in the first language that has one, else nothing."""
    return next((names[choice] for choice in (language, *LANGUAGES) if choice in names), "")


def position_sql(column: str, values: Sequence[str]) -> str:
    """SQL integer: place of a column's value among the values, from 0; NULL for any other value.

    An enumeration is looked up by hash, keeps the order of rows (a join need not), and leaves nothing in the engine.
    Other values are found slowly: they are exceptions.
    """
    return f"enum_code(TRY_CAST({column} AS ENUM({', '.join(map(literal, values))})))"


def translated_sql(column: str, values: Sequence[str], texts: Sequence[str]) -> str:
    """SQL text: what stands in the place of a column's value; NULL for any other value."""
    return f"list_extract([{', '.join(map(literal, texts))}], {position_sql(column, values)} + 1)"
