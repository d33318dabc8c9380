"""Checks of survey.toml: each section against the others, the concepts and the code lists.

The tables of a specification are checked in schemas.survey_tables.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from pydantic import ValidationError

from schemas.concepts import Concept
from schemas.expressions import Kind
from schemas.survey_files import model_problems, read_toml, toml_line
from schemas.survey_findings import Findings
from schemas.survey_model import (
    ConceptSection,
    ConceptSource,
    LayoutRow,
    PeriodRange,
    SurveyFile,
    overlap,
)

_BUILDING_BLOCKS = ("worked_one_hour", "job_search", "available")
#: Concepts whose universe is known only from labour force status, besides the building blocks.
_OF_THE_EMPLOYED = ("status_in_employment", "economic_activity", "occupation", "hours_usual", "monthly_earnings")


def toml_file(check: Findings, content: bytes | None) -> SurveyFile | None:
    """survey.toml in its sections, or None when it cannot be used."""
    if content is None:
        return None
    file = f"{check.label}/survey.toml"
    parsed, check.toml_text = read_toml(content, file, check.problems)
    if parsed is None:
        return None
    try:
        return SurveyFile.model_validate(parsed)
    except ValidationError as error:
        check.problems.extend(model_problems(error, file, check.toml_text))
        return None


def sections(check: Findings, toml: SurveyFile, folder: Path) -> None:
    """What [survey], [population], [labour_force] and [[benchmark]] must agree with."""
    survey = toml.survey
    if (folder.parent.name, folder.name) != (survey.area, survey.id):
        check.add_toml(
            "survey",
            "id",
            "SPEC_FOLDER_NAME",
            f"the folder is {check.label}, but area and id say {survey.area}/{survey.id}",
            "Rename the folder or correct area and id",
        )
    _in_list(check, "AREA", survey.area, "survey", "area", "SPEC_AREA_UNKNOWN")
    _in_list(check, "SOURCE", survey.source, "survey", "source", "SPEC_SOURCE_UNKNOWN")
    tests = {item.code for item in check.code_lists["AREA"].items if item.is_test}
    if (survey.extract == "synthetic" and survey.area not in tests) or (
        survey.extract == "national" and survey.area in tests
    ):
        check.add_toml(
            "survey",
            "extract",
            "SPEC_EXTRACT_AREA",
            f"extract {survey.extract!r} does not go with area {survey.area}",
            f"Synthetic extracts, and no national ones, belong to {', '.join(sorted(tests))}",
        )
    for variable in survey.closed_codes:
        check.declared(variable, "survey", "closed_codes")
    notes = {"population": toml.population.notes}
    if toml.labour_force is not None:
        notes["labour_force"] = toml.labour_force.notes
    for section, codes in notes.items():
        for code in codes:
            _in_list(check, "NOTE", code, section, "notes", "SPEC_NOTE_UNKNOWN")
    _ordered(check, survey.periods, toml_line(check.toml_text, "survey", "periods"))
    for index, benchmark in enumerate(toml.benchmark):
        if benchmark.universe not in check.universes:
            check.add(
                "survey.toml",
                toml_line(check.toml_text, "benchmark", "universe", index),
                "SPEC_UNIVERSE_UNKNOWN",
                f"benchmark {benchmark.name!r} names the universe {benchmark.universe!r}",
                f"Use one of {', '.join(sorted(check.universes))}",
            )


def _in_list(check: Findings, code_list: str, code: str, section: str, key: str, rule: str) -> None:
    if code not in check.code_lists[code_list].codes:
        message = f"{key} {code!r} is not in the code list {code_list}"
        check.add_toml(section, key, rule, message, f"Use a code of {code_list}")


def _ordered(check: Findings, periods: PeriodRange, line: int | None) -> None:
    if periods.start is not None and periods.end is not None and periods.end.end < periods.start.start:
        message = f"periods run from {periods.start} to {periods.end}"
        check.add("survey.toml", line, "SPEC_PERIOD_ORDER", message, "Write the earlier period in from")


def file_variants(check: Findings, toml: SurveyFile, layout: Sequence[LayoutRow]) -> None:
    """[[file]]: one variant at a time, keys that go with the format, positions for fixed width."""
    for index, file in enumerate(toml.file):
        line = toml_line(check.toml_text, "file", None, index)
        _ordered(check, file.periods, toml_line(check.toml_text, "file", "periods", index))
        csv_only = sorted({"delimiter", "header"} & file.model_fields_set)
        if file.format != "csv" and csv_only:
            message = f"{', '.join(csv_only)} is given for format {file.format}"
            check.add("survey.toml", line, "SPEC_FILE_KEY", message, "Remove it: it is for csv only")
        bare = [row.variable for row in layout if row.start is None or row.width is None]
        if file.format == "fwf" and bare:
            message = f"{len(bare)} variables have no start or width, the first is {bare[0]}"
            check.add("layout.csv", None, "SPEC_LAYOUT_NO_POSITION", message, "Give both for a fixed-width file")
    for first, second in combinations(enumerate(toml.file), 2):
        spans = [(file.periods.start, file.periods.end) for _, file in (first, second)]
        if overlap(spans[0], spans[1]):
            check.add(
                "survey.toml",
                toml_line(check.toml_text, "file", None, second[0]),
                "SPEC_FILE_OVERLAP",
                f"[[file]] {first[0] + 1} and {second[0] + 1} hold for the same periods",
                "Give them periods that do not overlap",
            )


def concept_source(check: Findings, name: str, entry: ConceptSection, *, has_codes: bool) -> ConceptSource:
    """One line of [concepts] with its expression read, which yields text where a table codes/ follows."""
    concept = check.known(name, "concepts")
    given = [entry.variable is not None, entry.expression is not None, entry.rules]
    if sum(given) != 1:
        check.add_toml(
            "concepts",
            name,
            "SPEC_CONCEPT_FORM",
            f"{name} has {sum(given)} of variable, expression and rules",
            "Give exactly one",
        )
    if entry.variable is not None:
        check.declared(entry.variable, "concepts", name)
    expression = None
    if concept is not None:
        _concept_keys(check, concept, entry)
        if entry.expression is not None:
            kind: Kind = "text" if concept.kind == "code" or has_codes else concept.kind
            line = toml_line(check.toml_text, "concepts", name)
            expression = check.expression(entry.expression, kind, "survey.toml", line)
    return ConceptSource(entry.variable, expression, entry.codes, entry.rules, entry.missing, entry.classification)


def _concept_keys(check: Findings, concept: Concept, entry: ConceptSection) -> None:
    """Keys that do not go with the kind of the concept."""
    name = concept.name
    if concept.origin == "derived" and not concept.can_be_given:
        check.add_toml(
            "concepts",
            name,
            "SPEC_CONCEPT_DERIVED",
            f"{name} is derived and cannot be given",
            "Remove the line and give the concepts that it is derived from",
        )
    if entry.missing and (concept.kind != "number" or entry.variable is None):
        check.add_toml(
            "concepts",
            name,
            "SPEC_MISSING_KEY",
            f"missing is given for {name}, which is no number taken from a variable",
            "Give the codes of 'not stated' in the code table or the expression",
        )
    if entry.codes and (entry.rules or concept.kind != "code"):
        check.add_toml(
            "concepts",
            name,
            "SPEC_CODES_KEY",
            f"a shared code table is named for {name}, which has rules or no code list",
            "Remove codes",
        )
    versions = concept.code_lists if len(concept.code_lists) > 1 and "AREA" not in concept.code_lists else ()
    if (entry.classification is not None or versions) and entry.classification not in (versions or concept.code_lists):
        check.add_toml(
            "concepts",
            name,
            "SPEC_CLASSIFICATION",
            f"the classification of {name} is {entry.classification or 'not given'}",
            f"Use {' or '.join(versions or concept.code_lists)}" if concept.code_lists else "Remove it",
        )


def concept_set(check: Findings, toml: SurveyFile) -> None:
    """Which concepts must be there, and which may not stand together."""
    given = set(toml.concepts)
    for name in toml.not_collected:
        check.known(name, "not_collected")
        if name in given:
            message = f"{name} stands in [concepts] and in [not_collected]"
            check.add_toml("not_collected", name, "SPEC_CONCEPT_TWICE", message, "Remove one of the two")
    required = {"weight": {"weight"}, "sex": {"sex"}, "age or age_5yr_band": {"age", "age_5yr_band"}}
    for words, names in required.items():
        if not names & given:
            message = f"{words} is not given"
            check.add_toml("concepts", None, "SPEC_CONCEPT_REQUIRED", message, "Every survey needs it")
    if toml.design.variance == "taylor" and "psu" not in given:
        check.add_toml(
            "design",
            "variance",
            "SPEC_PSU_REQUIRED",
            "variance is taylor, but psu is not given",
            'Give psu in [concepts], or write variance = "none"',
        )
    _labour_force(check, toml, given)


def _labour_force(check: Findings, toml: SurveyFile, given: set[str]) -> None:
    blocks = [name for name in _BUILDING_BLOCKS if name not in given]
    if toml.labour_force is None:
        stray = sorted({*_BUILDING_BLOCKS, *_OF_THE_EMPLOYED, "declared_labour_force_status"} & given)
        if stray:
            message = f"{', '.join(stray)} is given, but there is no [labour_force]"
            remedy = "Add [labour_force], or remove the concepts"
            check.add_toml("concepts", stray[0], "SPEC_LABOUR_FORCE_MISSING", message, remedy)
    elif toml.labour_force.source == "building_blocks" and blocks:
        message = f"source is building_blocks, but {', '.join(blocks)} is not given"
        remedy = "Give them in [concepts], or use the survey's own status (declared)"
        check.add_toml("labour_force", "source", "SPEC_BUILDING_BLOCKS", message, remedy)
    elif toml.labour_force.source == "declared" and "declared_labour_force_status" not in given:
        message = "source is declared, but declared_labour_force_status is not given"
        remedy = "Give it in [concepts], or use building_blocks"
        check.add_toml("labour_force", "source", "SPEC_DECLARED_STATUS", message, remedy)
