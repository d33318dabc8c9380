"""The words of pages in English, French and Spanish, and how numbers and dates are written in each.

Here belongs the reader of ``wording/*.toml``: flat files of keys, each with its text in the three languages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from schemas.model_questions import InThree
from schemas.toml_files import parse_toml, read_entries

LANGUAGES = ("en", "fr", "es")

_NARROW = "\u202f"
_DECIMAL = {"en": ".", "fr": ",", "es": ","}
_THOUSANDS = {"en": ",", "fr": _NARROW, "es": _NARROW}
_FRENCH_SIGNS = re.compile(r"(?<=[\w)}»%’'\"])([;:?!])(?=\s|$)")


def typeset(text: str, language: str) -> str:
    """Return a text of ours with the narrow blanks that French sets before high signs and inside quotes."""
    if language != "fr":
        return text
    text = text.replace("«", f"«{_NARROW}").replace("»", f"{_NARROW}»")
    return _FRENCH_SIGNS.sub(_NARROW + r"\1", text)


def in_language(text: InThree, language: str) -> str:
    """Return a text in one of the three languages."""
    return typeset(getattr(text, language), language)


class FindingText(BaseModel):
    """One rule in words.

    Attributes:
        title: what is wrong.
        remedy: what to do.
        pattern: regular expression over the English message, where it says more than the title.
        detail: what the message says, with the groups of the pattern.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: InThree
    remedy: InThree
    pattern: str = ""
    detail: InThree | None = None


class _Definition(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    fr: str = Field(min_length=1)
    es: str = Field(min_length=1)


class ConceptText(BaseModel):
    """One concept in words; the English definition is the dictionary's."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: InThree
    definition: _Definition | None = None


@cache
def load_texts(name: str) -> Mapping[str, InThree]:
    """Return key -> text of one file of texts.

    Raises:
        SpecError: with every entry that lacks a language.
    """
    return MappingProxyType(read_entries(InThree, parse_toml(_file(name))))


@cache
def load_finding_texts() -> Mapping[str, FindingText]:
    """Return rule -> its texts."""
    return MappingProxyType(read_entries(FindingText, parse_toml(_file("findings"))))


@cache
def load_concept_texts() -> Mapping[str, Mapping[str, ConceptText]]:
    """Return ``persons`` and ``absentees`` -> concept -> its texts."""
    source = parse_toml(_file("concepts"))
    return MappingProxyType({kind: read_entries(ConceptText, source, kind) for kind in ("persons", "absentees")})


def _file(name: str) -> Path:
    return Path(str(resources.files("pipelines.sign_off").joinpath(f"wording/{name}.toml")))


@dataclass(frozen=True)
class Words:
    """The texts of some files, and numbers, in one language."""

    language: str
    texts: Mapping[str, InThree]

    @classmethod
    def of(cls, language: str, *names: str) -> "Words":
        """Return the texts of the named files; keys must not repeat."""
        texts: dict[str, InThree] = {}
        for name in names:
            loaded = load_texts(name)
            assert not texts.keys() & loaded.keys()
            texts |= loaded
        return cls(language, texts)

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its places filled in."""
        text = in_language(self.texts[key], self.language)
        return text.format_map(values) if values else text

    @property
    def colon(self) -> str:
        """Return a colon as it follows a word."""
        return typeset("a:", self.language)[1:]

    def number(self, value: float, decimals: int = 0) -> str:
        """Return a number with the thousands and the decimal sign of the language."""
        text = f"{value:,.{decimals}f}"
        if text.strip("-0.,") == "":
            text = text.lstrip("-")
        swapped = text.replace(",", "\0").replace(".", _DECIMAL[self.language])
        return swapped.replace("\0", _THOUSANDS[self.language]).replace("-", "\u2212")

    def percent(self, share: float) -> str:
        """Return a share of 1 in percent, with one decimal."""
        if 0 < share < 0.0005:
            return ("<" if self.language == "en" else "<" + _NARROW) + self._percent(0.001)
        return self._percent(share)

    def _percent(self, share: float) -> str:
        return self.number(100 * share, 1) + ("%" if self.language == "en" else _NARROW + "%")

    def points(self, difference: float) -> str:
        """Return a difference of shares in percentage points, signed."""
        sign = "+" if difference > 0 else ""
        return sign + self.number(100 * difference, 1)

    def day(self, value: date) -> str:
        """Return a date in words."""
        return self("date", day=value.day, month=self(f"month_{value.month}"), year=value.year)
