"""National survey specifications: finding them and loading one.

Here belongs which files are read and in which order they are checked. The shape of sections and rows is in
schemas.survey_model, syntax of files in schemas.survey_files, what must agree in schemas.survey_checks.
All problems of a folder are collected before one error is raised.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.codes import CodeList, load_code_lists
from schemas.concepts import Concept, Universe, load_concepts, load_universes
from schemas.errors import Problem, SpecError
from schemas.survey_checks import concept_set, concept_source, sections, toml_file
from schemas.survey_estimation_checks import calibration_margins, estimation_sections, replicate_weights
from schemas.survey_files import (
    ABSENTEES,
    CALIBRATION,
    OPTIONAL,
    REPLICATES,
    TABLES,
    folder_sha256,
    read_folder,
    read_table,
)
from schemas.survey_findings import Findings
from schemas.survey_model import SurveySpec
from schemas.survey_parts import absentee_spec, file_parts, person_columns
from schemas.survey_tables import all_codes, all_rules, correction_rows, layout_rows

__all__ = ["BUILT_IN", "SurveySpec", "dictionary_of", "find_surveys", "load_survey", "survey_key"]

BUILT_IN = Path(__file__).parent / "surveys"


def survey_key(area: str, survey_id: str) -> str:
    """The key of a survey: area and id, e.g. ZAF_QLFS."""
    return f"{area}_{survey_id}"


def find_surveys(spec_dirs: Sequence[Path]) -> dict[str, Path]:
    """Survey key -> folder, from the built-in specifications and then the given folders.

    Raises:
        SpecError: when a survey is specified twice, a folder is missing or is reached by a symbolic link.
    """
    found: dict[str, Path] = {}
    problems: list[Problem] = []
    for spec_dir in dict.fromkeys(path.resolve() for path in (BUILT_IN, *spec_dirs)):
        if not spec_dir.is_dir():
            problems.append(_dir_problem(spec_dir.name, "SPEC_DIR_MISSING", "this is no folder", "Correct its name"))
            continue
        for folder in sorted(path.parent for path in spec_dir.glob("*/*/survey.toml")):
            label = f"{folder.parent.name}/{folder.name}"
            key = survey_key(folder.parent.name, folder.name)
            if folder.is_symlink() or folder.parent.is_symlink():
                problems.append(
                    _dir_problem(label, "SPEC_SYMLINK", "this is a symbolic link", "Put the folder itself here")
                )
            elif key in found:
                problems.append(
                    _dir_problem(label, "SPEC_SURVEY_DUPLICATE", f"{key} is specified twice", "Keep one of the two")
                )
            else:
                found[key] = folder
    if problems:
        raise SpecError(problems)
    return found


def _dir_problem(label: str, rule: str, message: str, remedy: str) -> Problem:
    return Problem(label, None, rule, message, remedy)


def load_survey(
    folder: Path,
    *,
    concepts: Mapping[str, Concept] | None = None,
    code_lists: Mapping[str, CodeList] | None = None,
    universes: Mapping[str, Universe] | None = None,
) -> SurveySpec:
    """One survey from its folder <ISO3>/<SURVEY>.

    Args:
        folder: the survey's folder.
        concepts: the concept dictionary; the project's own by default.
        code_lists: the code lists; the project's own by default.
        universes: the universes; the project's own by default.

    Raises:
        SpecError: with every problem of every file.
    """
    folder = folder.absolute()
    label = f"{folder.parent.name}/{folder.name}"
    check = Findings(
        label,
        load_concepts() if concepts is None else concepts,
        load_code_lists() if code_lists is None else code_lists,
        load_universes() if universes is None else universes,
    )
    if folder.is_symlink() or not folder.is_dir():
        raise SpecError([_dir_problem(label, "SPEC_DIR_MISSING", "this is no folder", "Correct its name")])
    contents = read_folder(folder, label, check.problems)
    tables = {
        name: read_table(content, f"{label}/{name}", TABLES[_table(name)], check.problems, OPTIONAL.get(name, ()))
        for name, content in contents.items()
        if name.endswith(".csv") and not name.startswith(CALIBRATION)
    }
    toml = toml_file(check, contents.get("survey.toml"))
    layout = layout_rows(check, tables.get("layout.csv", []))
    if not layout and not check.problems:
        check.add("layout.csv", None, "SPEC_TABLE_EMPTY", "no variable is declared", "Declare the variables")
    if toml is None or not layout:
        raise SpecError(check.problems)
    check.columns = person_columns(toml, layout)
    check.historical_states = toml.migration.historical_states
    sections(check, toml, folder)
    estimation_sections(check, toml)
    replicates = replicate_weights(check, toml, tables.get(REPLICATES))
    calibration = calibration_margins(check, toml, contents)
    file_parts(check, toml, layout)
    sources = {
        name: concept_source(check, name, entry, has_codes=f"codes/{name}.csv" in tables)
        for name, entry in toml.concepts.items()
    }
    of_persons = {name: rows for name, rows in tables.items() if not name.startswith(ABSENTEES)}
    codes = all_codes(check, toml.concepts, of_persons)
    rules = all_rules(check, toml.concepts, of_persons)
    absentees = absentee_spec(check, toml, layout, tables)
    corrections = correction_rows(check, tables.get("corrections.csv", []))
    concept_set(check, toml)
    if check.problems:
        raise SpecError(check.problems)
    return SurveySpec(
        folder=folder,
        key=survey_key(toml.survey.area, toml.survey.id),
        survey=toml.survey,
        population=toml.population,
        design=toml.design,
        labour_force=toml.labour_force,
        files=toml.file,
        concepts=sources,
        not_collected=toml.not_collected,
        codes=codes,
        rules=rules,
        corrections=corrections,
        layout=layout,
        benchmarks=toml.benchmark,
        sha256=folder_sha256(contents),
        migration=toml.migration,
        informality=toml.informality,
        absentees=absentees,
        declared=toml.declared,
        quality=toml.quality,
        reference_stocks=toml.reference_stock,
        replicates=replicates,
        reliability=toml.reliability,
        pooling=toml.pooling,
        breaks=toml.breaks,
        calibration=calibration,
        protection=toml.protection,
    )


def dictionary_of(spec: SurveySpec) -> Mapping[str, Concept]:
    """The concept dictionary as it holds for a survey.

    Declared blank PSUs may be NULL; replicate weights and cells of calibration are columns of its own, at the end.
    """
    concepts = dict(load_concepts())
    if spec.design.psu_missing == "declared":
        concepts["psu"] = concepts["psu"].model_copy(update={"nullable": True})
    for name in spec.replicates.columns if spec.replicates is not None else ():
        definition = "Weight of the person in a replicate of the sample."
        concepts[name] = Concept(name=name, kind="number", universe="all", origin="source", definition=definition)
    for margin in spec.calibration.margins if spec.calibration is not None else ():
        concepts[margin.column] = Concept(
            name=margin.column,
            kind="text",
            universe="all",
            origin="derived",
            nullable=True,
            definition=f"Cell of the population totals of {' x '.join(margin.concepts)}; empty for who is left out.",
        )
    return concepts


def _table(name: str) -> str:
    name = name.removeprefix(ABSENTEES)
    return name.split("/")[0] + "/" if "/" in name else name
