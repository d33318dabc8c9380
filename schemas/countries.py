"""Countries as offices write them: names, codes and spellings, each with one country or none.

Here belongs what a text may mean: the normalised key of a text, the table of names, and the rule for states
that no longer exist. Nothing is guessed: a text is a country when its key stands in the table, an ambiguous
name is none, and a misspelling is none either. The same key as SQL is in ``transforms.country_key``.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

from schemas.codes import COUNTRY_NAMES, FOLDER, load_code_lists, load_shared_codes, read_rows
from schemas.errors import Problem, SpecError

#: Name of the table in [concepts]: codes = "@COUNTRY".
COUNTRY = "@COUNTRY"
#: Name of the table of names in problems and code rows.
COUNTRY_FILE = f"code_lists/shared/{COUNTRY_NAMES}.csv"

HistoricalRule = Literal["refuse", "group", "unknown"]
Kind = Literal[
    "name_en",
    "name_fr",
    "name_es",
    "national",
    "former",
    "variant",
    "ambiguous",
    "historical",
    "group",
    "code",
    "not_listed",
]
_COLUMNS = ("name", "target", "kind", "note")
_ISO_TABLES = ("ISO2", "ISO3", "ISO_NUMERIC")
_FOREIGN = "_FOREIGN"

#: Letters that differ from ASCII by more than an accent, in capitals, and what they are keyed as; and letters
#: that stand for an apostrophe.
ONE_LETTER = {"Ø": "O", "Đ": "D", "Ð": "D", "Ł": "L", "Ħ": "H", "ʻ": " ", "ʼ": " ", "ʾ": " ", "ʿ": " "}
TWO_LETTERS = {"ẞ": "SS", "Æ": "AE", "Œ": "OE", "Þ": "TH"}
#: A text that is a code, or may be one: it is keyed as it stands.
PLAIN = " *[0-9A-Za-z]+ *"
#: What is removed from all other keys: leading articles; the whole of what would look like a code but is
#: written as none (-9, <NA>, Sí).
REMOVED = "^[A-Z]{1,3}$|^.*[0-9].*$|^(THE|LA|LE|LES|EL|LOS|LAS|L) "

_FOLDS = str.maketrans(ONE_LETTER | TWO_LETTERS)
_PLAIN = re.compile(PLAIN)
_REMOVED = re.compile(REMOVED)
_CANDIDATES = re.compile("[A-Z_]{3,9}( [A-Z_]{3,9})+")
_DIGITS = re.compile("[0-9]{1,3}")


@dataclass(frozen=True)
class Resolution:
    """What a text means.

    Attributes:
        code: code of AREA or AREA_SPECIAL; None where the text has none.
        kind: which sort of name it is; ``code`` for ISO and M49 codes, ``not_listed`` where nothing is known.
        candidates: countries that an ambiguous name may mean, or that a state which is no more is now.
        reason: why there is no code; empty where there is one.
    """

    code: str | None
    kind: Kind
    candidates: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class CountryName:
    """One meaning of a key: target '' for ambiguous names; the residual group for states that are no more."""

    target: str
    kind: Kind
    candidates: tuple[str, ...] = ()


def country_key(text: str) -> str:
    """Return the key under which a text is looked up: '' for a text that can be no country.

    Accents and case do not count, nor does what is no letter or digit, nor a leading article in English,
    French or Spanish. Codes count only when they stand alone: '-9' and 'Sí' are not 9 and SI.
    """
    if _PLAIN.fullmatch(text):
        return text.strip(" ").upper()
    decomposed = unicodedata.normalize("NFD", text)
    bare = "".join(char for char in decomposed if unicodedata.category(char)[0] != "M")
    folded = "".join(map(_upper, unicodedata.normalize("NFC", bare))).translate(_FOLDS)
    words = "".join(char if unicodedata.category(char)[0] in "LN" else " " for char in folded).split(" ")
    return _REMOVED.sub("", " ".join(filter(None, words)), count=1)


def _upper(char: str) -> str:
    # A capital of one letter, as DuckDB has it: 'ẞ' and not 'SS'; no capital where it would be two letters.
    capital = "ẞ" if char == "ß" else char.upper()
    return capital if len(capital) == 1 else char


def resolve_country(text: str, historical: HistoricalRule = "refuse") -> Resolution:
    """Return what a text means.

    Args:
        text: as the office writes it: a name, an ISO 3166 or M49 code, a residual group.
        historical: what a state that no longer exists becomes: nothing, the residual group of its continent,
            or a foreign country that is not specified.
    """
    found = load_country_names().get(country_key(text))
    if found is None:
        return Resolution(None, "not_listed", (), "no name or code of a country")
    if found.kind == "ambiguous":
        return Resolution(None, found.kind, found.candidates, f"may be {', '.join(found.candidates)}")
    code = _target(found, historical)
    reason = f"is no more: now {', '.join(found.candidates)}" if code is None else ""
    return Resolution(code, found.kind, found.candidates, reason)


def _target(name: CountryName, historical: HistoricalRule) -> str | None:
    if name.kind != "historical":
        return name.target or None
    return {"refuse": None, "group": name.target, "unknown": _FOREIGN}[historical]


@cache
def country_rows(historical: HistoricalRule = "refuse") -> Mapping[str, str]:
    """Return key -> code of AREA or AREA_SPECIAL, for every key that has one, in the order of the keys."""
    targets = ((key, _target(name, historical)) for key, name in sorted(load_country_names().items()))
    return MappingProxyType({key: target for key, target in targets if target is not None})


@cache
def load_country_names() -> Mapping[str, CountryName]:
    """Return key -> meaning of the project's table of names and of the ISO codes."""
    lists = load_code_lists()
    codes = lists["AREA"].codes | lists["AREA_SPECIAL"].codes
    iso = [pair for table in _ISO_TABLES for pair in load_shared_codes(table).items()]
    return read_country_names(FOLDER / "shared" / f"{COUNTRY_NAMES}.csv", iso, codes)


def read_country_names(path: Path, iso: Iterable[tuple[str, str]], codes: frozenset[str]) -> Mapping[str, CountryName]:
    """Return key -> meaning of a table of names (name, target, kind, note).

    Args:
        path: the table; ``note`` of an ambiguous name holds its candidates, that of a historical state its
            successors (ISO 3166 codes with blanks between), that of other rows a remark.
        iso: pairs (code, target) of the code tables. They give way to historical states only.
        codes: targets that may be used.

    Raises:
        SpecError: with every row that is wrong and every key with two meanings.
    """
    problems: list[Problem] = []
    found: dict[str, CountryName] = {}

    def note(row: int | None, rule: str, message: str, remedy: str) -> None:
        problems.append(Problem(path.name, row, rule, message, remedy))

    def enter(key: str, meaning: CountryName, row: int | None) -> None:
        known = found.setdefault(key, meaning)
        if (known.target, known.candidates) != (meaning.target, meaning.candidates):
            message = f"{key!r} means {_words(known)} and {_words(meaning)}"
            note(row, "CODE_DUPLICATE", message, "Keep one, or make the name ambiguous")

    for row in read_rows(path, _COLUMNS):
        name, target, kind, remark = row.values.values()
        has_candidates = kind in ("ambiguous", "historical")
        if kind not in get_args(Kind)[:-2]:
            note(row.number, "COUNTRY_NAME_KIND", f"kind is {kind!r}", f"Use {', '.join(get_args(Kind)[:-2])}")
        elif not country_key(name):
            note(row.number, "COUNTRY_NAME_KEY", f"{name!r} has no letter, or mixes digits with signs", "Remove it")
        elif (target == "") != (kind == "ambiguous") or (target and target not in codes):
            message = f"target {target!r} of a name of kind {kind} is in no list of areas"
            note(row.number, "CODE_TARGET_UNKNOWN", message, "Use AREA or AREA_SPECIAL; none for an ambiguous name")
        elif has_candidates and not _CANDIDATES.fullmatch(remark):
            message = f"note {remark!r} of {name} does not name at least two countries"
            note(row.number, "COUNTRY_NAME_NOTE", message, "Write their ISO 3166 codes with blanks between")
        else:
            candidates = tuple(remark.split()) if has_candidates else ()
            for key in _keys(name, is_region=kind == "group"):
                enter(key, CountryName(target, cast(Kind, kind), candidates), row.number)
    for code, target in iso:
        for key in _keys(code):
            if key not in found or found[key].kind != "historical":
                enter(key, CountryName(target, "code"), None)
    if problems:
        raise SpecError(problems)
    return MappingProxyType(found)


def _keys(name: str, *, is_region: bool = False) -> tuple[str, ...]:
    """The keys of a name; a numeric code also without its zeros, but for regions: 9 is 'not stated' in many files."""
    key = country_key(name)
    return (key, str(int(key))) if _DIGITS.fullmatch(key) and not is_region else (key,)


def _words(name: CountryName) -> str:
    return name.target or f"one of {', '.join(name.candidates)}"
