"""Rows of codes/<concept>.csv: every code of the file or its labels, with its count and a guessed target.

Here belongs which codes are listed. Free text with very many values is listed only where several persons wrote
the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.scaffold.material import SEVERAL, Variable
from pipelines.scaffold.words import NOT_STATED, guess_area, guess_target, is_not_applicable
from schemas.codes import load_shared_codes
from schemas.concepts import UNKNOWN, Concept
from schemas.countries import COUNTRY, country_key, country_rows, resolve_country
from schemas.survey_tables import GUESS, NULL

#: More different values than this are free text: then only those of several persons are listed.
FREE_TEXT = 500

_ENOUGH = 0.95


@dataclass(frozen=True)
class CodeDraft:
    """One row: the code, its label, the guess ('?' alone where there is none) and the count in the file."""

    source_code: str
    source_label: str
    target_code: str
    note: str


def code_rows(
    concept: Concept,
    code_list: str,
    variable: Variable,
    rows: int,
    *,
    area: str,
    table: str | None,
    digits: int | None,
) -> list[CodeDraft]:
    """Return the rows of a concept's table, in the order of the codes.

    Args:
        concept: the harmonised column.
        code_list: the list of its targets; '' for a true/false concept.
        variable: where it is taken from.
        rows: rows of the file.
        area: the survey's own country.
        table: shared table of codes, "@NAME": the codes that it has are left out.
        digits: first characters of a value that are the code, None for all.
    """
    counts = _counts(variable, digits)
    labels = variable.labels if digits is None else {}
    known = shared_codes(table) if table else {}
    listed = dict.fromkeys((*counts, *labels))
    is_text = is_free_text(variable, digits)
    found = []
    for code in sorted(listed, key=_order):
        if _key(code, table) in known:
            continue
        count = counts.get(code, 0)
        if is_text and count < SEVERAL:
            continue
        label = labels.get(code, "")
        note = _rows(count) if count else "not in the file"
        if label and is_not_applicable(label):
            note += "; delete the row if all of them are outside the concept's universe"
        found.append(CodeDraft(code, label, GUESS + _guess(concept, code_list, code, label, area), note))
    blank = rows - variable.profile.filled
    if blank and (concept.nullable or concept.universe == "all"):
        unknown = NULL if concept.nullable else NOT_STATED.get(code_list, UNKNOWN)
        found.append(CodeDraft("", "", GUESS + unknown, f"{_rows(blank)} blank"))
    return found


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def is_free_text(variable: Variable, digits: int | None) -> bool:
    """Return whether the values of a variable are typed texts, of which the rare ones are not written down."""
    return digits is None and not variable.labels and variable.profile.distinct > FREE_TEXT


def _guess(concept: Concept, code_list: str, code: str, label: str, area: str) -> str:
    text = label or ("" if _is_number(code) else code)
    if not text:
        return ""
    return guess_area(concept, text, area) if code_list == "AREA" else guess_target(concept, code_list, text)


def _counts(variable: Variable, digits: int | None) -> Mapping[str, int]:
    if digits is None:
        return variable.profile.values
    counts: dict[str, int] = {}
    for value, count in variable.profile.values.items():
        counts[value[:digits]] = counts.get(value[:digits], 0) + count
    return counts


def _order(code: str) -> tuple[int, int, str]:
    return (0, int(code), code) if code.isdecimal() else (1, 0, code)


def _is_number(text: str) -> bool:
    return text.lstrip("+-").isdecimal()


# --- countries -----------------------------------------------------------------------------------


def shared_codes(table: str) -> Mapping[str, str]:
    """Return source code -> target of a shared table, "@NAME"."""
    return country_rows() if table == COUNTRY else load_shared_codes(table.removeprefix("@"))


def _key(code: str, table: str | None) -> str:
    return country_key(code) if table == COUNTRY else code


def shared_table(variable: Variable, area: str) -> str | None:
    """Return the shared table that a country variable is coded in, None where it has codes of its own.

    By its labels where it has them: nine of ten labelled codes must be the country that the label names.
    Otherwise by its values: nearly all rows must resolve, and the survey's own country must be among them.
    """
    values = variable.profile.values
    if not values:
        return None
    for table in ("@ISO_NUMERIC", "@ISO2", "@ISO3", COUNTRY):
        known = shared_codes(table)
        named = {code: resolve_country(label).code for code, label in variable.labels.items()}
        checked = {code: target for code, target in named.items() if target is not None and not target.startswith("_")}
        if len(checked) >= 5:
            alike = sum(known.get(_key(code, table)) == target for code, target in checked.items())
            if alike >= 0.9 * len(checked):
                return table
            continue
        resolved = {known[_key(value, table)]: count for value, count in values.items() if _key(value, table) in known}
        rows = sum(count for value, count in values.items() if _key(value, table) in known)
        if area in resolved and rows >= _ENOUGH * variable.profile.filled:
            return table
    return None
