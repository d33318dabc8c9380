"""Checks of a specification's tables: layout, codes, rules and corrections.

Here belongs what the rows of a table must agree with. The sections of survey.toml are checked in
schemas.survey_checks.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from schemas.codes import load_shared_codes
from schemas.concepts import UNKNOWN, Concept
from schemas.countries import COUNTRY, COUNTRY_FILE, country_key, country_rows
from schemas.errors import SpecError
from schemas.expressions import Kind
from schemas.periods import Period, PeriodError
from schemas.survey_base import overlap
from schemas.survey_files import TableRow
from schemas.survey_findings import Findings
from schemas.survey_model import CodeRow, ConceptSection, Correction, LayoutRow, RuleRow

NULL = "NULL"  # target or value of a concept that may be unknown and has no code for it

#: Beginning of what the scaffold guessed and nobody has confirmed yet.
GUESS = "?"

_ASSIGNMENT = re.compile(r"""\s*("(?:[^"]|"")+"|[A-Za-z_]\w*)\s*=\s*'((?:[^']|'')*)'\s*""")
_WHOLE = re.compile(r"[0-9]{1,9}")
_TRUTH = ("TRUE", "FALSE")


def layout_rows(check: Findings, rows: Sequence[TableRow]) -> tuple[LayoutRow, ...]:
    """layout.csv."""
    result = []
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        name = row.fields["variable"]
        part = row.fields.get("file", "")
        key = (part, name.casefold())
        if not name:
            check.add("layout.csv", row.row, "SPEC_LAYOUT_NAME", "the variable has no name", "Write its name")
        elif key in seen:
            check.add(
                "layout.csv",
                row.row,
                "SPEC_LAYOUT_DUPLICATE",
                f"{name} stands already on row {seen[key]} (upper and lower case alike)",
                "Keep one of the two rows",
            )
        else:
            seen[key] = row.row
        places = [row.fields["start"], row.fields["width"]]
        if any(place and (not _WHOLE.fullmatch(place) or int(place) < 1) for place in places):
            check.add(
                "layout.csv",
                row.row,
                "SPEC_LAYOUT_POSITION",
                f"start or width of {name} is not a whole number from 1",
                "Count bytes from 1",
            )
            places = ["", ""]
        start, width = (int(place) if place else None for place in places)
        result.append(LayoutRow(name, row.fields["label"], start, width, row.row, part))
    return tuple(result)


def all_codes(
    check: Findings, entries: Mapping[str, ConceptSection], tables: Mapping[str, Sequence[TableRow]]
) -> dict[str, tuple[CodeRow, ...]]:
    """Concept -> code rows, local and shared together."""
    takers = {name for name, entry in entries.items() if _takes_codes(check, name, entry)}
    _stray_tables(check, "codes", "SPEC_CODES_STRAY", takers, tables)
    result = {}
    for name, entry in entries.items():
        file = f"codes/{name}.csv"
        if not _takes_codes(check, name, entry) or (file not in tables and entry.codes is None):
            if _needs_codes(check, name, entry):
                message = f"{name} is coded, but {file} is missing and no shared table is named"
                check.add_toml(check.section, name, "SPEC_CODES_MISSING", message, f"Add {file}")
            continue
        concept = check.dictionary[name]
        targets = _targets(check, concept, entry)
        local = [_code_row(check, row, concept, targets, file) for row in tables.get(file, ())]
        if file in tables and not tables[file]:
            check.add(file, None, "SPEC_TABLE_EMPTY", "the table has no rows", "Add rows or remove the file")
        _duplicates(check, local, file)
        own = {row.source_code for row in local}
        if entry.codes == COUNTRY:
            own |= {country_key(code) for code in own}
        shared = [row for row in _shared_rows(check, concept, entry) if row.source_code not in own]
        result[name] = (*local, *(_by_key(local) if entry.codes == COUNTRY else ()), *shared)
    return result


def _takes_codes(check: Findings, name: str, entry: ConceptSection) -> bool:
    concept = check.dictionary.get(name)
    return concept is not None and not entry.rules and concept.kind in ("code", "boolean")


def _needs_codes(check: Findings, name: str, entry: ConceptSection) -> bool:
    # A true/false concept may also be a condition, which needs no codes.
    return _takes_codes(check, name, entry) and (check.dictionary[name].kind == "code" or entry.variable is not None)


def _stray_tables(
    check: Findings, folder: str, rule: str, takers: set[str], tables: Mapping[str, Sequence[TableRow]]
) -> None:
    for file in tables:
        if file.startswith(f"{folder}/") and Path(file).stem not in takers:
            check.add(
                file,
                None,
                rule,
                f"no concept of [{check.section}] takes {folder} of this name",
                "Remove the file, or correct its name or the concept",
            )


def _code_row(check: Findings, row: TableRow, concept: Concept, targets: Mapping[str, bool], file: str) -> CodeRow:
    fields = row.fields
    _target(check, fields["target_code"], concept, targets, file, row.row)
    span = [_period(check, fields[side], side, file, row.row) for side in ("valid_from", "valid_to")]
    if span[0] is not None and span[1] is not None and span[1].end < span[0].start:
        message = f"valid_from {span[0]} is after valid_to {span[1]}"
        check.add(file, row.row, "CODE_VALIDITY", message, "Write the earlier period in valid_from")
    return CodeRow(
        fields["source_code"],
        fields["source_label"],
        fields["target_code"],
        span[0],
        span[1],
        fields["note"],
        check.path(file),
        row.row,
    )


def _period(check: Findings, text: str, column: str, file: str, row: int) -> Period | None:
    if not text:
        return None
    try:
        return Period.parse(text)
    except PeriodError as error:
        check.add(file, row, "CODE_PERIOD", f"{column}: {error}", "Correct the period, or leave it empty")
        return None


def _targets(check: Findings, concept: Concept, entry: ConceptSection) -> dict[str, bool]:
    """Allowed target -> whether it is a total."""
    if concept.kind == "boolean":
        targets = dict.fromkeys(_TRUTH, False)
    else:
        chosen = entry.classification
        names = (chosen,) if chosen in concept.code_lists and chosen is not None else concept.code_lists
        targets = {item.code: item.is_total for name in names for item in check.code_lists[name].items}
        targets[UNKNOWN] = False
    if concept.nullable:
        targets[NULL] = False
    return targets


def _is_guess(check: Findings, value: str, file: str, row: int) -> bool:
    """Note a guess that nobody has confirmed yet."""
    if not value.startswith(GUESS):
        return False
    message = f"{value!r} is a guess that must be confirmed" if value != GUESS else "the value is still to be given"
    check.add(file, row, "CODE_GUESS", message, f"Write the right value without {GUESS}")
    return True


def _target(check: Findings, target: str, concept: Concept, targets: Mapping[str, bool], file: str, row: int) -> None:
    if targets.get(target) is False or _is_guess(check, target, file, row):
        return
    names = " or ".join(concept.code_lists) or " or ".join(targets)
    if target in targets:
        message = f"{target} is the total of {names}, to which everyone belongs"
        check.add(file, row, "CODE_TARGET_TOTAL", message, "Use the code of one category")
        return
    near = difflib.get_close_matches(target, targets, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"Use a code of {names}, or {UNKNOWN} for unknown"
    message = f"{target!r} is no code that {concept.name} may have"
    check.add(file, row, "CODE_TARGET_UNKNOWN", message, remedy)


def _duplicates(check: Findings, rows: Sequence[CodeRow], file: str) -> None:
    by_code: dict[str, list[CodeRow]] = {}
    for row in rows:
        for other in by_code.setdefault(row.source_code, []):
            if overlap((row.valid_from, row.valid_to), (other.valid_from, other.valid_to)):
                message = f"the source code of row {other.row} stands here again for the same time"
                remedy = "Keep one, or give them valid_from and valid_to that do not overlap"
                check.add(file, row.row, "CODE_DUPLICATE", message, remedy)
                break
        by_code[row.source_code].append(row)


def _shared_rows(check: Findings, concept: Concept, entry: ConceptSection) -> list[CodeRow]:
    if entry.codes is None:
        return []
    table = entry.codes.removeprefix("@")
    try:
        shared = country_rows(check.historical_states) if entry.codes == COUNTRY else load_shared_codes(table)
    except SpecError as error:
        first = error.problems[0]
        check.add_toml(check.section, concept.name, "CODE_SHARED_UNKNOWN", f"@{table}: {first.message}", first.remedy)
        return []
    wrong = sorted(set(shared.values()) - set(_targets(check, concept, entry)))
    if wrong:
        message = f"@{table} gives {wrong[0]}, which is no code that {concept.name} may have"
        remedy = f"Use a table whose targets are of {' or '.join(concept.code_lists) or 'TRUE and FALSE'}"
        check.add_toml(check.section, concept.name, "CODE_SHARED_TARGET", message, remedy)
    file = COUNTRY_FILE if entry.codes == COUNTRY else f"code_lists/shared/{table}.csv"
    return [
        CodeRow(source, "", target, None, None, "", file, row)
        for row, (source, target) in enumerate(shared.items(), start=2)
    ]


def _by_key(local: Sequence[CodeRow]) -> list[CodeRow]:
    """The local rows of a country concept under the keys of their texts; none for a key of several countries."""
    targets: dict[str, dict[str, str]] = {}
    for row in local:
        targets.setdefault(country_key(row.source_code), {})[row.source_code] = row.target_code
    keyed = [(country_key(row.source_code), row) for row in local]
    return [
        replace(row, source_code=key, file=COUNTRY_FILE)
        for key, row in keyed
        if key and key not in targets[key] and len(set(targets[key].values())) == 1
    ]


def all_rules(
    check: Findings, entries: Mapping[str, ConceptSection], tables: Mapping[str, Sequence[TableRow]]
) -> dict[str, tuple[RuleRow, ...]]:
    """Concept -> rules in order."""
    takers = {name for name, entry in entries.items() if entry.rules and name in check.dictionary}
    _stray_tables(check, "rules", "SPEC_RULES_STRAY", takers, tables)
    result = {}
    for name in entries:
        if name not in takers:
            continue
        file = f"rules/{name}.csv"
        if file not in tables:
            message = f"{name} has rules, but {file} is missing"
            check.add_toml(check.section, name, "SPEC_RULES_MISSING", message, f"Add {file}")
            continue
        if not tables[file]:
            check.add(file, None, "SPEC_TABLE_EMPTY", "the table has no rows", "Add rows")
        result[name] = _rule_rows(check, tables[file], check.dictionary[name], entries[name], file)
    return result


def _rule_rows(
    check: Findings, rows: Sequence[TableRow], concept: Concept, entry: ConceptSection, file: str
) -> tuple[RuleRow, ...]:
    result = []
    targets = _targets(check, concept, entry) if concept.kind in ("code", "boolean") else None
    last = 0
    for row in rows:
        order = int(row.fields["order"]) if _WHOLE.fullmatch(row.fields["order"]) else None
        if order is None or order <= last:
            message = f"order is {row.fields['order']!r}, the row above has {last}"
            check.add(file, row.row, "SPEC_RULES_ORDER", message, "Number the rows upwards from 1")
        last = last if order is None else order
        when = check.expression(row.fields["when"], "boolean", file, row.row)
        value = row.fields["value"]
        expression = None
        if targets is not None:
            _target(check, value, concept, targets, file, row.row)
        elif value == NULL:
            if not concept.nullable:
                message = f"{concept.name} must have a value"
                check.add(file, row.row, "SPEC_RULE_NULL", message, "Write a value in place of NULL")
        elif not _is_guess(check, value, file, row.row):
            kind: Kind = "number" if concept.kind == "number" else "text"
            expression = check.expression(value, kind, file, row.row)
        if when is not None:
            result.append(RuleRow(last, when, value, expression, row.fields["note"], check.path(file), row.row))
    return tuple(result)


def correction_rows(check: Findings, rows: Sequence[TableRow]) -> tuple[Correction, ...]:
    """corrections.csv with its conditions read."""
    file = "corrections.csv"
    result = []
    for row in rows:
        fields = row.fields
        where = check.expression(fields["where"], "boolean", file, row.row)
        assignment = _ASSIGNMENT.fullmatch(fields["set"])
        if assignment is None:
            message = "set is not of the form VARIABLE = 'text'"
            check.add(file, row.row, "SPEC_CORRECTION_SET", message, "Write one variable and one text")
        variable, value = _assigned(assignment)
        if assignment is not None and variable not in check.columns:
            message = f"variable {variable!r} is not in layout.csv"
            check.add(file, row.row, "SPEC_VARIABLE_UNKNOWN", message, "Declare it, or correct its spelling")
        if not _WHOLE.fullmatch(fields["expected_rows"]):
            message = "expected_rows is not a whole number"
            check.add(
                file,
                row.row,
                "SPEC_CORRECTION_ROWS",
                message,
                "Count the rows that the repair must touch",
            )
        if not fields["reason"] or not fields["source"]:
            message = "reason or source is empty"
            check.add(file, row.row, "SPEC_CORRECTION_REASON", message, "Say why, and where it is documented")
        if where is not None and _WHOLE.fullmatch(fields["expected_rows"]):
            result.append(
                Correction(
                    where,
                    variable,
                    value,
                    int(fields["expected_rows"]),
                    fields["reason"],
                    fields["source"],
                    check.path(file),
                    row.row,
                )
            )
    return tuple(result)


def _assigned(assignment: re.Match[str] | None) -> tuple[str, str]:
    """Variable and text of a correction's assignment, without their quotes."""
    if assignment is None:
        return "", ""
    name = assignment[1]
    if name.startswith('"'):
        name = name[1:-1].replace('""', '"')
    return name, assignment[2].replace("''", "'")
