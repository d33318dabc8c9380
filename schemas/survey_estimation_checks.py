"""Checks of the sections on estimation: design, replicates, reliability, pooling, breaks and calibration.

Here belongs what these sections and their tables must agree with; their shape stands in schemas.survey_estimation.
"""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import combinations

from schemas.concepts import UNKNOWN, Concept
from schemas.indicators import load_indicators
from schemas.periods import Period, PeriodError
from schemas.reliability import section_problems
from schemas.replicates import FIXED, expand_variables, replicate_factors
from schemas.survey_base import overlap
from schemas.survey_estimation import (
    Calibration,
    CalibrationMargin,
    CalibrationMarginSection,
    CalibrationRow,
    Replicates,
    ReplicatesSection,
)
from schemas.survey_files import CALIBRATION, REPLICATES, TableRow, read_table, toml_line
from schemas.survey_findings import Findings
from schemas.survey_model import SurveyFile

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_SHOWN = 5


def _shown(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def estimation_sections(check: Findings, toml: SurveyFile) -> None:
    """What [design], [reliability], [pooling] and [[break]] must agree with."""
    _design(check, toml)
    _reliability(check, toml)
    _pooling(check, toml)
    _breaks(check, toml)


# --- design --------------------------------------------------------------------------------------


def _design(check: Findings, toml: SurveyFile) -> None:
    design, given = toml.design, set(toml.concepts)
    if design.variance == "deff" and design.deff is None:
        message = "variance is deff, but deff is not given"
        check.add_toml("design", "variance", "SPEC_DEFF", message, "Give the design effect that the office states")
    if design.variance != "deff" and design.deff is not None:
        message = f"deff is given, but variance is {design.variance}"
        check.add_toml("design", "deff", "SPEC_DEFF", message, 'Remove it, or write variance = "deff"')
    if design.psu_missing == "declared" and design.variance == "taylor":
        message = "blank PSUs are declared, but variance is taylor"
        remedy = (
            "Without the PSU of every person there is no such standard error: write none, or deff where it is stated"
        )
        check.add_toml("design", "psu_missing", "SPEC_PARAMETER", message, remedy)
    of_fpc = [name for name in ("psu_population", "ssu", "ssu_population") if name in given]
    if of_fpc and design.variance != "taylor":
        message = f"{', '.join(of_fpc)} is given, but variance is {design.variance}"
        check.add_toml("concepts", of_fpc[0], "SPEC_FPC", message, "Remove it: only variance taylor corrects for it")
    elif set(of_fpc) not in (set(), {"psu_population"}, {"psu_population", "ssu", "ssu_population"}):
        message = f"{', '.join(of_fpc)} is given without the rest"
        remedy = "Give psu_population alone, or psu_population, ssu and ssu_population"
        check.add_toml("concepts", of_fpc[0], "SPEC_FPC", message, remedy)


def replicate_weights(check: Findings, toml: SurveyFile, table: Sequence[TableRow] | None) -> Replicates | None:
    """[design.replicates] with its table of factors; None where the variance is made otherwise, or not valid.

    Args:
        check: problems so far.
        toml: survey.toml.
        table: rows of replicates.csv; None where there is none.
    """
    section = toml.design.replicates
    if table is not None and section is None:
        message = "there is no section [design.replicates]"
        check.add(REPLICATES, None, "SPEC_REPLICATES", message, "Remove the file, or add the section")
    if (toml.design.variance == "replicates") != (section is not None):
        message = "[design.replicates] is missing" if section is None else f"variance is {toml.design.variance}"
        remedy = 'Write variance = "replicates" and [design.replicates], or neither'
        check.add_toml("design", "variance", "SPEC_REPLICATES", f"{message}, so one does not go with the other", remedy)
    if section is None:
        return None
    problems = len(check.problems)
    _method(check, section, has_table=table is not None)
    names = _variables(check, section)
    if table is not None:
        section = section.model_copy(update={"rscales": _rscales(check, table, names)})
    elif section.rscales is not None and len(section.rscales) != len(names):
        message = f"rscales has {len(section.rscales)} numbers, but there are {len(names)} replicates"
        check.add_toml("design.replicates", "rscales", "SPEC_REPLICATES", message, "Give one for each, in their order")
    if len(check.problems) > problems:
        return None
    scale, rscales = replicate_factors(section, len(names))
    return Replicates(section.method, names, scale, rscales, section.mse, section.df)


def _method(check: Findings, section: ReplicatesSection, *, has_table: bool) -> None:
    """Keys that a method needs, and those that it does not have."""

    def note(key: str, message: str, remedy: str) -> None:
        check.add_toml("design.replicates", key, "SPEC_REPLICATES", message, remedy)

    method = section.method
    if (method == "Fay") != (section.fay_rho is not None):
        note("method", f"method {method} and fay_rho do not go together", "Give fay_rho with Fay, and with it alone")
    if section.rscales is not None and has_table:
        note("rscales", f"rscales stands here and in {REPLICATES}", "Keep one of the two")
    has_rscales = section.rscales is not None or has_table
    if method in FIXED and (section.scale is not None or has_rscales):
        key = "scale" if section.scale is not None else "rscales"
        note(key, f"{key} is given, but method {method} fixes it", 'Remove it, or write method = "other"')
    if method == "JKn" and not has_rscales:
        remedy = f"Give (n_h - 1) / n_h of each replicate's stratum, as a list or in {REPLICATES}"
        note("method", "method is JKn, but rscales is not given", remedy)
    if method == "other" and section.scale is None:
        note("method", "method is other, but scale is not given", "Give the factor that the office states")


def _variables(check: Findings, section: ReplicatesSection) -> tuple[str, ...]:
    """The raw variables of the replicates, in order."""

    def note(rule: str, message: str, remedy: str) -> None:
        check.add_toml("design.replicates", "variables", rule, message, remedy)

    try:
        names = expand_variables(section.variables)
    except ValueError as error:
        note("SPEC_REPLICATES", str(error), "Write the first and the last number, the lower one first")
        return ()
    if unknown := [name for name in names if name not in check.columns]:
        remedy = "Declare them, or correct the pattern (case counts)"
        note("SPEC_VARIABLE_UNKNOWN", f"{_shown(unknown)} is not in layout.csv", remedy)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        note("SPEC_REPLICATES", f"{_shown(twice)} is named twice", "Name each replicate once")
    if len(names) < 2:
        note("SPEC_REPLICATES", "there is one replicate only", "Name all of them")
    return names


def _rscales(check: Findings, table: Sequence[TableRow], names: Sequence[str]) -> tuple[float, ...]:
    """The factors of replicates.csv in the order of the replicates."""
    found: dict[str, float] = {}
    for row in table:
        variable, text = row.fields["variable"], row.fields["rscale"]
        if not _NUMBER.fullmatch(text):
            message = f"the rscale of {variable} is no number from 0"
            check.add(REPLICATES, row.row, "SPEC_REPLICATES", message, "Write a number, with a point")
        elif variable in found or variable not in names:
            message = f"{variable!r} " + ("stands here twice" if variable in found else "is no replicate weight")
            check.add(REPLICATES, row.row, "SPEC_REPLICATES", message, "Give each variable of [design.replicates] once")
        found[variable] = float(text) if _NUMBER.fullmatch(text) else 0.0
    if missing := [name for name in names if name not in found]:
        message = f"{_shown(missing)} has no row"
        check.add(REPLICATES, None, "SPEC_REPLICATES", message, "Give each variable of [design.replicates] once")
    return tuple(found.get(name, 0.0) for name in names)


# --- reliability, pooling, breaks ----------------------------------------------------------------


def _reliability(check: Findings, toml: SurveyFile) -> None:
    def row_of(key: str) -> int | None:
        return toml_line(check.toml_text, "reliability", key)

    check.problems.extend(section_problems(toml.reliability, check.path("survey.toml"), row_of))


def _pooling(check: Findings, toml: SurveyFile) -> None:
    if toml.pooling is None:
        return
    names = toml.pooling.indicators
    if unknown := [name for name in names if name not in load_indicators()]:
        message = f"{_shown(unknown)} is no indicator of the catalogue"
        check.add_toml("pooling", "indicators", "SPEC_POOLING", message, "Use ids of the catalogue of indicators")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        check.add_toml("pooling", "indicators", "SPEC_POOLING", f"{_shown(twice)} is named twice", "Name each once")


def _breaks(check: Findings, toml: SurveyFile) -> None:
    seen = set()
    for index, item in enumerate(toml.breaks):

        def note(key: str, rule: str, message: str, remedy: str, index: int = index) -> None:
            check.add("survey.toml", toml_line(check.toml_text, "break", key, index), rule, message, remedy)

        if item.note not in check.code_lists["NOTE"].codes:
            message = f"note {item.note!r} is not in the code list NOTE"
            note("note", "SPEC_NOTE_UNKNOWN", message, "Use a code of NOTE, e.g. I11:265 (sample redesigned)")
        if (item.start, item.note) in seen:
            note("from", "SPEC_BREAK", f"the break from {item.start} stands here twice", "Keep one of the two")
        first, last = toml.survey.periods.start, toml.survey.periods.end
        if not overlap((item.start, item.start), (first, last)):
            message = f"a break from {item.start} is outside the periods of the survey"
            note("from", "SPEC_BREAK", message, "Correct the period, or remove the break")
        seen.add((item.start, item.note))


# --- calibration ---------------------------------------------------------------------------------


def calibration_margins(check: Findings, toml: SurveyFile, contents: Mapping[str, bytes]) -> Calibration | None:
    """[calibration] with its tables of population totals; None where the weights stay as they are.

    Args:
        check: problems so far.
        toml: survey.toml.
        contents: files of the folder by name.
    """
    section = toml.calibration
    tables = {name: content for name, content in contents.items() if name.startswith(CALIBRATION)}
    if section is not None and toml.design.variance == "replicates":
        message = "weights are to be calibrated, but variance is replicates"
        remedy = "Remove it: replicate weights would have to be calibrated one by one"
        check.add_toml("calibration", None, "SPEC_CALIBRATION", message, remedy)
    if section is not None and toml.design.lonely_psu == "average":
        message = "weights are to be calibrated, but lonely_psu is average"
        remedy = "Choose another policy: with calibrated weights every stratum has a part in every cell's variance"
        check.add_toml("calibration", None, "SPEC_CALIBRATION", message, remedy)
    margins: list[CalibrationMargin] = []
    used = set()
    for index, margin in enumerate(section.margin if section is not None else ()):
        file = margin.table or f"{CALIBRATION}{margin.name}.csv"
        line = toml_line(check.toml_text, "calibration.margin", "name", index)
        if margin.name in {other.name for other in margins} or file in used:
            message = f"the margin {margin.name} or its table {file} stands here twice"
            check.add("survey.toml", line, "SPEC_CALIBRATION", message, "Give each margin a name and a table")
        used.add(file)
        rows: tuple[CalibrationRow, ...] = ()
        if not _are_concepts(check, toml, margin, index):
            continue
        if file not in tables:
            message = f"the totals of {margin.name} are missing: there is no {file}"
            check.add("survey.toml", line, "SPEC_CALIBRATION_TABLE", message, f"Add {file}")
        else:
            columns = (*margin.concepts, "period", "total")
            read = read_table(tables[file], check.path(file), columns, check.problems)
            rows = _total_rows(check, toml, margin, file, read)
            if not read:
                check.add(file, None, "SPEC_TABLE_EMPTY", "the table has no rows", "Add the totals")
        margins.append(CalibrationMargin(margin.name, margin.concepts, rows, check.path(file)))
    for file in sorted(set(tables) - used):
        message = "no margin of [calibration] takes this table"
        check.add(file, None, "SPEC_CALIBRATION_TABLE", message, "Remove the file, or name it in a margin")
    if section is None:
        return None
    _grand_totals(check, margins, section.tolerance)
    return Calibration(tuple(margins), section.tolerance, section.max_iterations)


def _are_concepts(check: Findings, toml: SurveyFile, margin: CalibrationMarginSection, index: int) -> bool:
    """Whether the concepts of a margin can make cells; those that cannot are noted."""
    line = toml_line(check.toml_text, "calibration.margin", "concepts", index)
    wrong = []
    for name in margin.concepts:
        concept = check.dictionary.get(name)
        if concept is None:
            wrong.append(f"there is no concept {name!r}")
        elif concept.kind == "number" or concept.universe != "all":
            wrong.append(f"{name} is a number, or not of all persons")
        elif concept.origin == "source" and name not in toml.concepts:
            wrong.append(f"{name} is not given in [concepts]")
    if len(set(margin.concepts)) < len(margin.concepts):
        wrong.append("a concept stands twice")
    for message in wrong:
        remedy = "Use coded concepts that all persons have, e.g. sex, age_band, citizenship_status"
        check.add("survey.toml", line, "SPEC_CALIBRATION_CONCEPT", f"{margin.name}: {message}", remedy)
    return not wrong


def _total_rows(
    check: Findings, toml: SurveyFile, margin: CalibrationMarginSection, file: str, rows: Sequence[TableRow]
) -> tuple[CalibrationRow, ...]:
    allowed = {name: _codes(check, toml, check.dictionary[name]) for name in margin.concepts}
    result: list[CalibrationRow] = []
    by_cell: dict[tuple[str, ...], list[CalibrationRow]] = {}
    for row in rows:
        codes = tuple(row.fields[name] for name in margin.concepts)
        for name, code in zip(margin.concepts, codes, strict=True):
            known = allowed[name]
            if not code or (known is not None and code not in known):
                names = " or ".join(check.dictionary[name].code_lists) or "TRUE and FALSE"
                message = f"{code!r} is no code of one category of {name}"
                remedy = f"Use a code of {names}, no total" if known is not None else "Write its value"
                check.add(file, row.row, "SPEC_CALIBRATION_CODE", message, remedy)
        text = row.fields["total"]
        total = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not 0 < total < math.inf:
            message = "the total is not a number above 0"
            remedy = "Write persons, e.g. 1250000; leave out a category that nobody is in"
            check.add(file, row.row, "SPEC_CALIBRATION_TOTAL", message, remedy)
            continue
        try:
            period = Period.parse(row.fields["period"])
        except PeriodError as error:
            check.add(file, row.row, "SPEC_CALIBRATION_PERIOD", f"period: {error}", "Correct the period")
            continue
        this = CalibrationRow(codes, period, total, row.row)
        for other in by_cell.setdefault(codes, []):
            if overlap((other.period, other.period), (period, period)):
                message = f"the cell of row {other.row} stands here again for {period}"
                check.add(file, row.row, "SPEC_CALIBRATION_TWICE", message, "Keep one row for a cell and a period")
                break
        by_cell[codes].append(this)
        result.append(this)
    return tuple(result)


def _codes(check: Findings, toml: SurveyFile, concept: Concept) -> set[str] | None:
    """The codes that a person may have; None where any text is one."""
    if concept.kind == "text":
        return None
    if concept.kind == "boolean":
        return {"TRUE", "FALSE"}
    entry = toml.concepts.get(concept.name)
    chosen = entry.classification if entry is not None else None
    names = (chosen,) if chosen in concept.code_lists and chosen is not None else concept.code_lists
    return {item.code for name in names for item in check.code_lists[name].items if not item.is_total} | {UNKNOWN}


def _grand_totals(check: Findings, margins: Sequence[CalibrationMargin], tolerance: float) -> None:
    """Note margins whose totals of one period add up to different populations."""
    for first, second in combinations(margins, 2):
        periods = sorted({row.period for margin in (first, second) for row in margin.rows})
        for period in periods:
            sums = [math.fsum(margin.totals(period).values()) for margin in (first, second)]
            if all(sums) and abs(sums[0] - sums[1]) > tolerance * max(sums):
                file = second.file.removeprefix(f"{check.label}/")
                row = next((row.row for row in second.rows if row.period == period), None)
                message = f"the totals of {period} sum to {sums[1]:,.10g}, those of {first.name} to {sums[0]:,.10g}"
                remedy = "Scale one of them to the other: persons are raked to one population"
                check.add(file, row, "SPEC_CALIBRATION_SUM", message, remedy)
