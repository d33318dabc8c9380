"""Words of variables and codes in four languages, and what a text may mean by them.

Here belong the reader of ``schemas/guesses.toml``, the folding of texts and the match of phrases. Which variable
a concept is taken from is weighed in ``evidence``.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

import schemas
from schemas.codes import load_code_lists
from schemas.concepts import UNKNOWN, Concept
from schemas.countries import resolve_country
from schemas.survey_tables import NULL
from schemas.toml_files import parse_toml, read_entries, read_entry

_FILE = Path(schemas.__file__).parent / "guesses.toml"

#: Items of 'not stated', in the lists that have their own.
NOT_STATED = {
    "LMS_STATUS": "LMS_STATUS_X",
    "STE_ICSE93": "STE_ICSE93_6",
    "STE_ICSE18": "STE_ICSE18_X",
    "EDU_ISCED11": "EDU_ISCED11_9",
    "EDU_ISCED97": "EDU_ISCED97_UNK",
    "ABSENCE_REASON": "ABS_X",
    "MIGRATION_REASON": "REASON_X",
    "INST_SECTOR": "INST_X",
    "GEO_COV": "GEO_COV_X",
    "ECO_ISIC4": "ECO_ISIC4_X",
    "ECO_ISIC3": "ECO_ISIC3_X",
    "OCU_ISCO08": "OCU_ISCO08_X",
    "OCU_ISCO88": "OCU_ISCO88_X",
}

_BAND_TOP = 65
_STEM = 4
#: Texts whose meaning is kept for the next time that it is asked.
_REMEMBERED = 20_000
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_RANGE = re.compile(r"(\d{1,3})\s*(?:-|–|a|to|à|y|et|/)\s*(\d{1,3})", re.IGNORECASE)
_NUMBERS = re.compile(r"\d{1,3}")

Test = Literal[
    "targets", "country", "yesno", "age", "year", "month", "number", "weight", "id", "stratum", "psu", "region", "isic",
    "isco", "size",
]  # fmt: skip
Block = Literal["", "work", "own_use", "absent", "search", "available", "start"]


class ConceptWords(BaseModel):
    """What the variable of one concept may be called, and what its values must look like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: Test
    expected: bool = False
    rules: Block = ""
    names: tuple[str, ...] = Field(min_length=1)
    labels: tuple[str, ...] = Field(min_length=1)
    without: tuple[str, ...] = ()


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    stop: tuple[str, ...]
    other: tuple[str, ...]
    unknown: tuple[str, ...]
    not_applicable: tuple[str, ...]
    record_type: tuple[str, ...]


class _Lists(RootModel[dict[str, tuple[str, ...]]]):
    """Target code -> phrases of its labels; role of a column -> words of its header."""


@dataclass(frozen=True)
class Phrase:
    """Words that must stand in a text, and words that must not.

    The order does not count, but a number must stand right after the word before it: 'grade 7'.
    """

    words: tuple[str, ...]
    absent: tuple[str, ...]

    def matched(self, found: Sequence[str]) -> frozenset[str] | None:
        """Return the words of a text that the phrase met, or None where it is not met."""
        met: set[str] = set()
        before = ""
        for word in self.words:
            hits = _hits(word, found)
            if word.isdecimal() and before:
                hits = [hit for hit in hits if (before, hit) in zip(found, found[1:], strict=False)]
            if not hits:
                return None
            met.update(hits)
            before = hits[0]
        if any(_hits(word, found) for word in self.absent):
            return None
        return frozenset(met)


@dataclass(frozen=True)
class Guesses:
    """The whole of ``schemas/guesses.toml``.

    Attributes:
        concepts: concept -> its words, in the order of the file.
        phrases: concept -> phrases of labels.
        without: concept -> phrases that speak against a variable.
        other: phrases of variables of other persons and other jobs.
        targets: code list, BOOLEAN or concept -> target -> phrases.
        stop: words that do not count when it is asked how much of a label is explained.
        unknown: phrases of 'not stated'.
        not_applicable: phrases of 'not asked'.
        record_type: phrases of a variable that may tell record types apart.
        headers: role of a column of a code book -> words of its header; those that decide stand first.
    """

    concepts: Mapping[str, ConceptWords]
    phrases: Mapping[str, tuple[Phrase, ...]]
    without: Mapping[str, tuple[Phrase, ...]]
    other: tuple[Phrase, ...]
    targets: Mapping[str, Mapping[str, tuple[Phrase, ...]]]
    stop: frozenset[str]
    unknown: tuple[Phrase, ...]
    not_applicable: tuple[Phrase, ...]
    record_type: tuple[Phrase, ...]
    headers: Mapping[str, tuple[str, ...]]


@cache
def load_guesses() -> Guesses:
    """Return the words of the scaffold.

    Raises:
        SpecError: if an entry of the file is wrong.
    """
    source = parse_toml(_FILE)
    concepts = read_entries(ConceptWords, source, "concepts")
    words = read_entry(_Words, source.values.get("words", {}), source, "words")
    targets = read_entries(_Lists, source, "targets")
    return Guesses(
        concepts,
        {name: _phrases(entry.labels) for name, entry in concepts.items()},
        {name: _phrases(entry.without) for name, entry in concepts.items()},
        _phrases(words.other),
        {name: {code: _phrases(texts) for code, texts in entry.root.items()} for name, entry in targets.items()},
        frozenset(words.stop),
        _phrases(words.unknown),
        _phrases(words.not_applicable),
        _phrases(words.record_type),
        read_entry(_Lists, source.values.get("headers", {}), source, "headers").root,
    )


def _phrases(texts: Iterable[str]) -> tuple[Phrase, ...]:
    return tuple(_phrase(text) for text in texts)


def _phrase(text: str) -> Phrase:
    words = text.split()
    positive = tuple(word for word in words if not word.startswith("-"))
    return Phrase(positive, tuple(word[1:] for word in words if word.startswith("-")))


def _hits(word: str, found: Sequence[str]) -> list[str]:
    if word[-1] == "*":
        return [token for token in found if token.startswith(word[:-1])]
    return [word] if word in found else []


def fold(text: str) -> str:
    """Return a text in small letters without accents."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(char for char in plain if not unicodedata.combining(char))


@lru_cache(_REMEMBERED)
def tokens(text: str) -> tuple[str, ...]:
    """Return the words and numbers of a text, folded."""
    return tuple(_TOKEN.findall(fold(text)))


def name_tokens(name: str) -> tuple[str, ...]:
    """Return the pieces of a variable's name: ``Geo_type`` is geo, type, and the whole geotype."""
    pieces = tokens(_CAMEL.sub("_", name))
    return (*pieces, "".join(pieces))


def meets(phrases: Iterable[Phrase], found: Sequence[str]) -> bool:
    """Return whether any of the phrases is met."""
    return any(phrase.matched(found) is not None for phrase in phrases)


def country_words(area: str) -> tuple[str, ...]:
    """Return the longest words of a country's names: what ``{country}`` stands for in a phrase."""
    items = {item.code: item for item in load_code_lists()["AREA"].items}
    if area not in items:
        return ()
    names = (items[area].en, items[area].fr, items[area].es)
    return tuple(dict.fromkeys(max(tokens(name), key=len) for name in names if tokens(name)))


def is_own_nationality(label: str, area: str) -> bool:
    """Return whether a word of a label begins as the country's name does: 'Española' of España."""
    stems = {word[:_STEM] for word in country_words(area) if len(word) >= _STEM}
    return any(token[:_STEM] in stems for token in tokens(label))


# --- codes ---------------------------------------------------------------------------------------


@lru_cache(_REMEMBERED)
def is_not_stated(label: str) -> bool:
    """Return whether a label says that the answer is not known."""
    return meets(load_guesses().unknown, tokens(label))


@lru_cache(_REMEMBERED)
def is_not_applicable(label: str) -> bool:
    """Return whether a label says that the question was not asked."""
    return meets(load_guesses().not_applicable, tokens(label))


def guess_target(concept: Concept, code_list: str, label: str) -> str:
    """Return the target that a label speaks for, '' where it speaks for none.

    Args:
        concept: the harmonised column.
        code_list: the list of its targets; '' for a true/false concept.
        label: what the source code means, in its own language.
    """
    return _guess(concept.name, code_list, label, concept.nullable)


@lru_cache(_REMEMBERED)
def _guess(concept: str, code_list: str, label: str, is_nullable: bool) -> str:
    if is_not_applicable(label):
        return NULL if is_nullable else ""
    found = _area(label) if code_list == "AREA" else ""
    if not found and is_not_stated(label):
        return NULL if is_nullable else NOT_STATED.get(code_list, UNKNOWN if code_list else "")
    if code_list == "AREA":
        return found
    if code_list == "AGE_5YRBANDS":
        return _age_band(label)
    found = _by_phrases(_targets_of(concept, code_list), label)
    return found or (_by_list(code_list, label) if code_list else "")


def guess_area(concept: Concept, label: str, area: str) -> str:
    """Return the country that a label speaks for; a nationality of the survey's own country is known by its stem."""
    found = guess_target(concept, "AREA", label)
    return found or (area if is_own_nationality(label, area) else "")


def _targets_of(concept: str, code_list: str) -> Mapping[str, tuple[Phrase, ...]]:
    targets = load_guesses().targets
    return targets.get(concept) or targets.get(code_list or "BOOLEAN", {})


def _by_phrases(targets: Mapping[str, tuple[Phrase, ...]], label: str) -> str:
    """Return the target whose phrase explains most words; of equal ones that whose words stand first."""
    found = tokens(label)
    best = ((0, 0.0), "")
    for target, phrases in targets.items():
        for phrase in phrases:
            met = phrase.matched(found)
            if met is not None:
                first = min(found.index(token) for token in met)
                best = max(best, ((len(phrase.words), -float(first)), target), key=lambda item: item[0])
    return best[1]


def _by_list(code_list: str, label: str) -> str:
    """Return the item of a list whose own label shares most words with a label, half of them at least."""
    mine = set(tokens(label)) - load_guesses().stop
    best = (0.49, "")
    for item in load_code_lists()[code_list].items:
        if item.is_total:
            continue
        for text in (item.en, item.fr, item.es):
            theirs = {word for word in tokens(text) if not word.isdigit() and len(word) > 1} - load_guesses().stop
            if mine and theirs:
                best = max(best, (len(mine & theirs) / len(mine | theirs), item.code), key=lambda pair: pair[0])
    return best[1]


def _area(label: str) -> str:
    found = resolve_country(label)
    if found.code is None:
        # 'Other: United Kingdom', 'Chile (1)' and the like.
        bare = re.sub(r"\([^)]*\)", " ", label).strip()
        found = resolve_country(bare) if bare and bare != label else found
    return found.code or _by_phrases(load_guesses().targets["AREA"], label)


def _age_band(label: str) -> str:
    """Return the five-year band that holds the first age of a range: '16 to 19' begins in 15-19."""
    span = _RANGE.search(label)
    numbers = _NUMBERS.findall(label)
    if not numbers:
        return ""
    low = int(span[1]) if span else int(numbers[0])
    if low >= _BAND_TOP:
        return "AGE_5YRBANDS_YGE65"
    if span is None or not 0 <= int(span[2]) - low <= 5:
        return ""
    start = low // 5 * 5
    return f"AGE_5YRBANDS_Y{start:02d}-{start + 4:02d}"
