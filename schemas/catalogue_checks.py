"""What the entries of the catalogue must agree on: with each other, the code lists, the concepts and the universes."""

from collections.abc import Iterator, Mapping

from schemas.catalogue_entries import (
    Catalogue,
    Columns,
    IndicatorEntry,
    MeasureEntry,
    Placed,
    Relation,
    measure_code,
)
from schemas.codes import CodeList
from schemas.errors import Problem


def catalogue_problems(
    catalogue: Catalogue, lists: Mapping[str, CodeList], columns: Mapping[Relation, Columns]
) -> Iterator[Problem]:
    """Yield what is wrong in a catalogue whose entries are each well formed."""
    yield from _classification_problems(catalogue, lists, columns)
    for name, measure in catalogue.measures.items():
        yield from _measure_problems(name, measure, catalogue, lists, columns)
    for name, indicator in catalogue.indicators.items():
        yield from _indicator_problems(name, indicator, catalogue, columns)


def _classification_problems(
    catalogue: Catalogue, lists: Mapping[str, CodeList], columns: Mapping[Relation, Columns]
) -> Iterator[Problem]:
    known = {name for relation in columns.values() for name in relation.concepts}
    for name, placed in catalogue.classifications.items():
        if unknown := [code for code in placed.entry.versions if code not in lists or not lists[code].total]:
            message = f"{name} has versions {', '.join(unknown)}, which are no classification versions"
            yield placed.problem("VERSION_UNKNOWN", message, "use lists that have a total")
        if placed.entry.concept is not None and placed.entry.concept not in known:
            message = f"{name} is made from {placed.entry.concept}, which is no concept"
            yield placed.problem("CONCEPT_UNKNOWN", message, "use a name of schemas/dictionary")


def _measure_problems(
    name: str,
    placed: Placed[MeasureEntry],
    catalogue: Catalogue,
    lists: Mapping[str, CodeList],
    columns: Mapping[Relation, Columns],
) -> Iterator[Problem]:
    entry, own = placed.entry, columns[placed.entry.relation]
    if entry.measure not in catalogue.kinds:
        yield placed.problem("KIND_UNKNOWN", f"{name} is a {entry.measure}, which is not described", "add it to kinds")
    for universe in (entry.universe, entry.denominator):
        if universe is not None and universe not in own.universes:
            message = f"{name} names the universe {universe}"
            yield placed.problem("UNIVERSE_UNKNOWN", message, f"use a universe of {entry.relation}")
    if entry.subtrahend is not None and entry.subtrahend not in columns["absentees"].universes:
        message = f"{name} names the universe {entry.subtrahend}"
        yield placed.problem("UNIVERSE_UNKNOWN", message, "use a universe of absentees")
    named = [entry.quantity, entry.weight, entry.contrast, entry.factor]
    if unknown := [column for column in named if column is not None and column not in own.concepts]:
        yield placed.problem("CONCEPT_UNKNOWN", f"{name} needs {', '.join(unknown)}", "use names of schemas/dictionary")
    for key in ("quantity", "weight"):
        column = getattr(entry, key)
        if column in own.concepts and own.concepts[column].kind != "number":
            yield placed.problem("CONCEPT_KIND", f"{name} has the {key} {column}, which is no number", "use a number")
    kind = catalogue.kinds[entry.measure].entry if entry.measure in catalogue.kinds else None
    units = (
        ("UNIT_MEASURE_TYPE", name[-2:]),
        ("UNIT_MEASURE", entry.unit_measure or (kind.unit_measure if kind else None)),
        ("UNIT_MULT", kind.unit_mult if entry.unit_mult is None and kind else entry.unit_mult),
    )
    for code_list, code in units:
        if code is not None and str(code) not in lists[code_list].codes:
            message = f"{name} has {code}, which is not in {code_list}"
            yield placed.problem("CODE_TARGET_UNKNOWN", message, f"use a code of {code_list}")


def _indicator_problems(
    name: str, placed: Placed[IndicatorEntry], catalogue: Catalogue, columns: Mapping[Relation, Columns]
) -> Iterator[Problem]:
    entry = placed.entry
    named = [key for key in (entry.classif1, entry.classif2) if key is not None]
    types = ["SEX", *(key.split("_")[0] for key in named)]
    if types != name.split("_")[2:-1] or (entry.classif2 and not entry.classif1):
        message = f"the dimensions {', '.join(types)} are not those of {name}"
        yield placed.problem("DIMENSIONS_INVALID", message, "name them as the id does")
    if unknown := [key for key in named if key not in catalogue.classifications]:
        message = f"{name} has the classification {', '.join(unknown)}, which is not described"
        yield placed.problem("VERSION_UNKNOWN", message, "add it to the classifications")
    if measure_code(name) not in catalogue.measures:
        message = f"{name} belongs to the measure {measure_code(name)}, which is not described"
        yield placed.problem("MEASURE_UNKNOWN", message, "add it to the measures")
        return
    measure = catalogue.measures[measure_code(name)].entry
    if len(named) + (measure.contrast is not None) + (measure.factor is not None) > 2:
        message = f"{name} crosses more than two columns beside sex"
        yield placed.problem("DIMENSIONS_INVALID", message, "leave a dimension out")
    relations: set[Relation] = {measure.relation} | ({"absentees"} if measure.subtrahend is not None else set())
    for key in named:
        concept = catalogue.classifications[key].entry.concept if key in catalogue.classifications else None
        if concept is not None and concept == measure.contrast:
            message = f"{name} compares by {concept}, which is a dimension of it"
            yield placed.problem("DIMENSIONS_INVALID", message, "leave the dimension out")
        for relation in sorted(relations):
            if concept is not None and concept not in columns[relation].concepts:
                message = f"{name} has the dimension {key}, but {relation} have no {concept}"
                yield placed.problem(
                    "CONCEPT_UNKNOWN", message, f"use a classification made from columns of {relation}"
                )
