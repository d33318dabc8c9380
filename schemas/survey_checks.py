"""Checks of survey.toml: each section against the others, the concepts and the code lists.

The tables of a specification are checked in schemas.survey_tables.
"""

from pathlib import Path

from pydantic import ValidationError

from schemas.concepts import Concept
from schemas.expressions import Kind
from schemas.survey_base import PeriodRange
from schemas.survey_files import model_problems, read_toml, toml_line
from schemas.survey_findings import Findings
from schemas.survey_model import ConceptSection, ConceptSource, SurveyFile
from schemas.survey_tables import GUESS

_BUILDING_BLOCKS = ("worked_one_hour", "job_search", "available")
#: Universes that are known only from labour force status.
_OF_THE_STATUS = ("not_employed", "employed", "outside_labour_force")


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
    _guesses(check, toml)
    notes = {"population": toml.population.notes}
    if toml.labour_force is not None:
        notes["labour_force"] = toml.labour_force.notes
    for section, codes in notes.items():
        for code in codes:
            _in_list(check, "NOTE", code, section, "notes", "SPEC_NOTE_UNKNOWN")
    ordered(check, survey.periods, toml_line(check.toml_text, "survey", "periods"))
    _parameters(check, toml)
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


def _is_written(text: str) -> bool:
    return not text.startswith(GUESS)


def _guesses(check: Findings, toml: SurveyFile) -> None:
    """Texts that the scaffold left for a person to write."""
    titles = {
        ("survey", "title"): toml.survey.title,
        ("survey", "organisation"): toml.survey.organisation,
        ("population", "coverage"): toml.population.coverage,
    }
    texts = {place: min((title.en, title.fr, title.es), key=_is_written) for place, title in titles.items()}
    texts["population", "reference_week"] = toml.population.reference_week
    texts |= {("not_collected", name): text for name, text in toml.not_collected.items()}
    for (section, key), text in texts.items():
        if text.startswith(GUESS):
            message = f"{section}.{key} is still to be written"
            check.add_toml(section, key, "SPEC_GUESS", message, f"Write the text without {GUESS}")


def _parameters(check: Findings, toml: SurveyFile) -> None:
    """Parameters that need a question, and declared counts."""
    needed = {
        "return_minimum_months": ({"months_worked_abroad"}, toml.migration.return_minimum_months),
        "return_within_months": ({"return_year", "arrival_year"}, toml.migration.return_within_months),
    }
    for key, (concepts, value) in needed.items():
        if value is not None and not concepts & set(toml.concepts):
            message = f"{key} is given, but {' or '.join(sorted(concepts))} is not"
            check.add_toml("migration", key, "SPEC_PARAMETER", message, "Give the concept, or remove the parameter")
    seen = set()
    for index, declared in enumerate(toml.declared):
        line = toml_line(check.toml_text, "declared", None, index)
        if (declared.rows is None) == (declared.max_share is None):
            message = f"{declared.rule} has both or none of rows and max_share"
            check.add("survey.toml", line, "SPEC_DECLARED", message, "Give one of the two")
        if (declared.rows is not None) != (declared.period is not None):
            message = f"{declared.rule}: rows go with a period, max_share goes without"
            check.add("survey.toml", line, "SPEC_DECLARED", message, "Add or remove period")
        if (declared.rule, str(declared.period)) in seen:
            message = f"{declared.rule} is declared twice for {declared.period or 'all periods'}"
            check.add("survey.toml", line, "SPEC_DECLARED", message, "Keep one of the two")
        seen.add((declared.rule, str(declared.period)))


def ordered(check: Findings, periods: PeriodRange, line: int | None) -> None:
    """Note a stretch of periods that ends before it begins."""
    if periods.start is not None and periods.end is not None and periods.end.end < periods.start.start:
        message = f"periods run from {periods.start} to {periods.end}"
        check.add("survey.toml", line, "SPEC_PERIOD_ORDER", message, "Write the earlier period in from")


def concept_source(check: Findings, name: str, entry: ConceptSection, *, has_codes: bool) -> ConceptSource:
    """One line of [concepts] with its expression read, which yields text where a table codes/ follows."""
    concept = check.known(name, check.section)
    given = [entry.variable is not None, entry.expression is not None, entry.rules]
    if sum(given) != 1:
        check.add_toml(
            check.section,
            name,
            "SPEC_CONCEPT_FORM",
            f"{name} has {sum(given)} of variable, expression and rules",
            "Give exactly one",
        )
    if entry.guess:
        message = f"{name} is a guess that must be confirmed"
        check.add_toml(check.section, name, "SPEC_GUESS", message, "Correct the line, then remove guess = true")
    if entry.variable is not None:
        check.declared(entry.variable, check.section, name)
    expression = None
    if concept is not None:
        _concept_keys(check, concept, entry)
        if entry.expression is not None:
            kind: Kind = "text" if concept.kind == "code" or has_codes else concept.kind
            line = toml_line(check.toml_text, check.section, name)
            expression = check.expression(entry.expression, kind, "survey.toml", line)
    return ConceptSource(entry.variable, expression, entry.codes, entry.rules, entry.missing, entry.classification)


def _concept_keys(check: Findings, concept: Concept, entry: ConceptSection) -> None:
    """Keys that do not go with the kind of the concept."""
    name = concept.name
    if concept.origin == "derived" and not concept.can_be_given:
        check.add_toml(
            check.section,
            name,
            "SPEC_CONCEPT_DERIVED",
            f"{name} is derived and cannot be given",
            "Remove the line and give the concepts that it is derived from",
        )
    if entry.missing and (concept.kind != "number" or entry.variable is None):
        check.add_toml(
            check.section,
            name,
            "SPEC_MISSING_KEY",
            f"missing is given for {name}, which is no number taken from a variable",
            "Give the codes of 'not stated' in the code table or the expression",
        )
    if entry.codes and (entry.rules or concept.kind != "code"):
        check.add_toml(
            check.section,
            name,
            "SPEC_CODES_KEY",
            f"a shared code table is named for {name}, which has rules or no code list",
            "Remove codes",
        )
    versions = concept.code_lists if len(concept.code_lists) > 1 and "AREA" not in concept.code_lists else ()
    if (entry.classification is not None or versions) and entry.classification not in (versions or concept.code_lists):
        check.add_toml(
            check.section,
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
        of_status = {name for name, concept in check.dictionary.items() if concept.universe in _OF_THE_STATUS}
        stray = sorted({*_BUILDING_BLOCKS, *of_status, "declared_labour_force_status"} & given)
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
    elif toml.labour_force.source == "building_blocks" and toml.labour_force.icls == "13":
        declared = "declared_labour_force_status" in given and toml.labour_force.declared_icls == "13"
        if not declared:
            message = "icls is 13, but no declared status is of the 13th ICLS"
            remedy = "Give declared_labour_force_status with declared_icls 13, or write icls 19: blocks give no other"
            check.add_toml("labour_force", "icls", "SPEC_DECLARED_STATUS", message, remedy)
