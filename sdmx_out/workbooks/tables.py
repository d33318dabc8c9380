"""Which tables stand in an area's workbooks: the questionnaire's and those of the ASEAN model, as data.

Here belongs what a table is made of. Its figures are read in ``figures``; how it looks is said in ``area_workbook``.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.errors import Problem, SpecError
from schemas.indicators import Criterion, Indicator
from schemas.toml_files import parse_toml, read_entry
from sdmx_out.catalogue import LANGUAGES

Collection = Literal["ilms", "asean"]
_FILES: Mapping[Collection, str] = {"ilms": "questionnaire.toml", "asean": "asean.toml"}
#: First letter of the names of a collection's sheets.
_LETTERS: Mapping[Collection, str] = {"ilms": "T", "asean": "A"}


class Title(BaseModel):
    """A title in each language."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    en: str
    fr: str
    es: str


class Table(BaseModel):
    """One table of a collection.

    Attributes:
        code: indicator that the collection names the table by.
        section: key of its heading in the index.
        indicator: whose figures it shows, whatever the criterion.
        birth: whose figures it shows where migrants are told by birth.
        citizenship: the same by citizenship.
        versions: classification of the rows; the later ones are fall-backs.
        title: where the catalogue does not have the table's own.
        is_total_only: whether only the total of the first classification is shown.
        is_migrant_split: whether total and migrants are shown, in the words of MIG_STATUS.
        is_both_sexes_only: whether it is not by sex.
        has_all_levels: whether items across others (15-64) are shown as well.
        caveats: keys of what is said of figures that are not quite what the title names.
        not_covered: key of the reason why no figures of it can be had; None where they can.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str
    section: str
    indicator: str | None = None
    birth: str | None = None
    citizenship: str | None = None
    versions: tuple[str, ...] = ()
    title: Title | None = None
    is_total_only: bool = False
    is_migrant_split: bool = False
    is_both_sexes_only: bool = False
    has_all_levels: bool = False
    caveats: tuple[str, ...] = ()
    not_covered: str | None = None

    def source(self, criterion: Criterion) -> str | None:
        """Return the indicator whose figures it shows."""
        return self.indicator or (self.birth if criterion == "birth" else self.citizenship)

    def named(self, indicators: Mapping[str, Indicator], language: str) -> str:
        """Return its title."""
        title = self.title.model_dump() if self.title else indicators[self.code].title
        return title[language]


@cache
def load_tables(collection: Collection) -> Mapping[str, Table]:
    """Return a collection's tables by the names of their sheets, in order.

    Raises:
        SpecError: with every wrong entry.
    """
    source = parse_toml(Path(__file__).with_name(_FILES[collection]))
    entries = [read_entry(Table, values, source, "tables") for values in source.values["tables"]]
    return {f"{_LETTERS[collection]}{number:02}": entry for number, entry in enumerate(entries, 1)}


@cache
def load_words() -> Mapping[str, Mapping[str, str]]:
    """Return what the workbooks say, key -> language -> text.

    Raises:
        SpecError: if a text lacks a language.
    """
    source = parse_toml(Path(__file__).with_name("wording.toml"))
    problems = [
        Problem(source.file, source.row_of_key(key), "TOML_VALUE", f"{key} is not in each language", "write all three")
        for key, texts in source.values.items()
        if tuple(texts) != LANGUAGES or not all(texts.values())
    ]
    if problems:
        raise SpecError(problems)
    return source.values


def words_of(language: str) -> Mapping[str, str]:
    """Return what the workbooks say in one language."""
    return {key: texts[language] for key, texts in load_words().items()}
