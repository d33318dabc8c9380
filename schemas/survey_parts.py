"""Checks of the files that make a round: parts, variants, record types, and the part of absent members.

Here belongs what [[file]], [absentees] and the ``file`` column of layout.csv must agree with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from schemas.concepts import load_absentee_concepts
from schemas.expressions import Expression, Kind
from schemas.survey_base import overlap
from schemas.survey_checks import concept_source, ordered
from schemas.survey_files import ABSENTEES, TableRow, toml_line
from schemas.survey_findings import Findings
from schemas.survey_model import AbsenteeSpec, FileSection, LayoutRow, SurveyFile
from schemas.survey_tables import all_codes, all_rules

#: Concepts without which absent members cannot be counted.
_OF_ABSENTEES = ("household_id",)
_CSV_KEYS = ("delimiter", "header")
_TEXT = ("csv", "fwf")


def person_columns(toml: SurveyFile, layout: Sequence[LayoutRow]) -> dict[str, Kind]:
    """Variables that concepts of persons may read: of the persons' and the households' parts."""
    kept = {"", *(part.name for part in toml.file if part.unit != "absentee")}
    return {row.variable: "text" for row in layout if row.file in kept}


def file_parts(check: Findings, toml: SurveyFile, layout: Sequence[LayoutRow]) -> None:
    """[[file]]: parts of one variant that go together, keys that go with the format, positions."""
    names = {part.name for part in toml.file}
    for row in layout:
        if row.file and row.file not in names:
            message = f"{row.variable} is of the file {row.file!r}, which is not declared"
            check.add("layout.csv", row.row, "SPEC_FILE_UNKNOWN", message, f"Use one of {', '.join(sorted(names))}")
    for index, part in enumerate(toml.file):
        _part(check, toml, part, index, layout)
    for first, second in combinations(enumerate(toml.file), 2):
        if first[1].variant == second[1].variant and _together(first[1], second[1]):
            _pair(check, toml, first[1], second[1], second[0])
    _shared_names(check, toml, layout)


def _together(first: FileSection, second: FileSection) -> bool:
    spans = [(part.periods.start, part.periods.end) for part in (first, second)]
    return overlap(spans[0], spans[1])


def _own(part: FileSection, layout: Sequence[LayoutRow]) -> list[LayoutRow]:
    allowed = ("", part.name) if part.unit == "person" else (part.name,)
    return [row for row in layout if row.file in allowed]


def _part(check: Findings, toml: SurveyFile, part: FileSection, index: int, layout: Sequence[LayoutRow]) -> None:
    line = toml_line(check.toml_text, "file", None, index)

    def note(rule: str, message: str, remedy: str) -> None:
        check.add("survey.toml", line, rule, message, remedy)

    ordered(check, part.periods, toml_line(check.toml_text, "file", "periods", index))
    given = part.model_fields_set
    stray = sorted(set(_CSV_KEYS) & given) if part.format != "csv" else []
    stray += ["sheet"] if "sheet" in given and part.format != "xlsx" else []
    stray += ["encoding"] if "encoding" in given and part.format in ("xlsx", "parquet") else []
    if stray:
        note("SPEC_FILE_KEY", f"{', '.join(stray)} is given for format {part.format}", "Remove it")
    stray = [key for key in ("key", "person_key") if key in given and part.unit != "household"]
    if stray:
        note("SPEC_FILE_KEY", f"{', '.join(stray)} is given for a file of {part.unit}s", "It is for households only")
    own = _own(part, layout)
    if not own:
        note("SPEC_FILE_EMPTY", f"layout.csv has no variable of {part.name}", "Name the file in its column file")
    bare = [row.variable for row in own if row.start is None or row.width is None]
    if part.format == "fwf" and bare:
        message = f"{len(bare)} variables have no start or width, the first is {bare[0]}"
        check.add("layout.csv", None, "SPEC_LAYOUT_NO_POSITION", message, "Give both for a fixed-width file")
    if part.records is not None and part.records.variable not in {row.variable for row in own}:
        message = f"records of {part.name} names {part.records.variable!r}, which layout.csv does not give it"
        note("SPEC_VARIABLE_UNKNOWN", message, "Declare it, or correct its spelling (case counts)")
    if part.unit == "household":
        _household(check, toml, part, line, layout)
    if part.unit != "person" and not any(
        other.unit == "person" and other.variant == part.variant and _together(part, other) for other in toml.file
    ):
        note("SPEC_FILE_PERSONS", f"{part.name} has no file of persons beside it", "Declare the file of persons too")
    if part.same_file_as is not None:
        others = [
            other
            for other in toml.file
            if other.name == part.same_file_as and other.variant == part.variant and other.same_file_as is None
        ]
        if not others or others[0].format != part.format or part.format not in _TEXT:
            message = f"same_file_as of {part.name} names no csv or fwf file of the same variant and format"
            note("SPEC_FILE_SAME", message, "Name the part that stands in the file")
        elif part.records is None or others[0].records is None:
            message = f"{part.name} and {others[0].name} share a file, but records does not tell their rows apart"
            note("SPEC_FILE_SAME", message, "Give records to both")


def _household(
    check: Findings, toml: SurveyFile, part: FileSection, line: int | None, layout: Sequence[LayoutRow]
) -> None:
    persons = next((other for other in toml.file if other.unit == "person" and other.variant == part.variant), None)
    known = {row.variable for row in _own(part, layout)}
    of_persons = {row.variable for row in _own(persons, layout)} if persons is not None else set()
    person_key = part.person_key or part.key
    unknown = sorted(set(part.key) - known) + sorted(set(person_key) - of_persons)
    if not part.key or len(person_key) != len(part.key) or unknown:
        message = f"key of {part.name} does not name the household in both files"
        if unknown:
            message += f": {', '.join(unknown)} is not in layout.csv"
        remedy = "Name the variables that identify a household, in both files in one order"
        check.add("survey.toml", line, "SPEC_FILE_JOIN", message, remedy)


def _pair(check: Findings, toml: SurveyFile, first: FileSection, second: FileSection, index: int) -> None:
    if first.name != second.name and not (first.unit == second.unit == "person"):
        return
    check.add(
        "survey.toml",
        toml_line(check.toml_text, "file", None, index),
        "SPEC_FILE_OVERLAP",
        f"[[file]] {toml.file.index(first) + 1} and {index + 1} hold for the same periods",
        "Give them periods that do not overlap, or a variant each",
    )


def _shared_names(check: Findings, toml: SurveyFile, layout: Sequence[LayoutRow]) -> None:
    """A variable of households that has the name of a variable of persons, and is not the key of both."""
    for part in toml.file:
        if part.unit != "household":
            continue
        of_persons = {
            row.variable.casefold()
            for persons in toml.file
            if persons.unit == "person" and persons.variant == part.variant and _together(part, persons)
            for row in _own(persons, layout)
        }
        of_both = set(part.key) & set(part.person_key or part.key)
        for row in _own(part, layout):
            if row.variable.casefold() in of_persons and row.variable not in of_both:
                message = f"{row.variable} is a variable of {part.name} and of the persons"
                remedy = "Leave one of the two out: after the join they would be one name"
                check.add("layout.csv", row.row, "SPEC_VARIABLE_TWICE", message, remedy)


def absentee_spec(
    check: Findings,
    toml: SurveyFile,
    layout: Sequence[LayoutRow],
    tables: Mapping[str, Sequence[TableRow]],
) -> AbsenteeSpec | None:
    """[absentees] with its tables; None where the survey lists nobody."""
    own = {name.removeprefix(ABSENTEES): rows for name, rows in tables.items() if name.startswith(ABSENTEES)}
    section = toml.absentees
    if section is None:
        for name in own:
            message = "there is no section [absentees]"
            check.add(f"{ABSENTEES}{name}", None, "SPEC_CODES_STRAY", message, "Remove the file, or add the section")
        return None
    part = next((part for part in toml.file if part.name == section.file), None)
    if part is None or part.unit == "household":
        message = f"file {section.file!r} is no declared file of absentees or persons"
        check.add_toml("absentees", "file", "SPEC_FILE_UNKNOWN", message, "Use the name of a [[file]]")
        return None
    of_absentees: dict[str, Kind] = {row.variable: "text" for row in _own(part, layout)}
    if part.unit == "person":
        of_absentees = person_columns(toml, layout)
    mine = replace(
        check,
        dictionary=load_absentee_concepts(),
        columns=of_absentees,
        place=ABSENTEES,
        section="absentees.concepts",
    )
    where: Expression | None = None
    if section.where is not None:
        where = mine.expression(
            section.where, "boolean", "survey.toml", toml_line(check.toml_text, "absentees", "where")
        )
    for name in _OF_ABSENTEES:
        if name not in section.concepts:
            message = f"{name} is not given for absentees"
            check.add_toml("absentees.concepts", None, "SPEC_CONCEPT_REQUIRED", message, "Give it")
    sources = {
        name: concept_source(mine, name, entry, has_codes=f"codes/{name}.csv" in own)
        for name, entry in section.concepts.items()
    }
    codes = all_codes(mine, section.concepts, own)
    rules = all_rules(mine, section.concepts, own)
    return AbsenteeSpec(section.file, where, sources, codes, rules)
