"""The catalogue's files as they are written: entries of kinds, classifications, measures and indicators.

Here belongs the shape of ``catalogue/*.toml`` and what one entry must have by itself. Whether the entries agree with
each other is checked in ``catalogue_checks``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.concepts import Concept, Universe
from schemas.errors import Problem, SpecError
from schemas.toml_files import TomlFile, parse_toml, read_entries

Measure = Literal["count", "rate", "mean", "median", "difference", "gap", "factor_gap", "change", "net"]
Relation = Literal["persons", "absentees"]
Statistic = Literal["mean", "median"]
Criterion = Literal["birth", "citizenship"]
Database = Literal["ILMS", "LFS", "EXT"]
TimeRule = Literal["average", "recompute", "weighted_mean", "sum", "year_before", "flow"]

#: Column that a difference or a gap compares by -> its items of migrants and of natives.
CONTRASTS: Mapping[str, tuple[str, str]] = {
    "place_of_birth": ("CBR_BIR_FOREIGN", "CBR_BIR_NATIVE"),
    "citizenship_status": ("CCT_CIT_NONCIT", "CCT_CIT_CITIZEN"),
}

#: Kind -> keys that it must have, of those that only some kinds have.
_REQUIRED: Mapping[Measure, frozenset[str]] = {
    "count": frozenset(),
    "rate": frozenset({"denominator"}),
    "mean": frozenset({"quantity"}),
    "median": frozenset({"quantity"}),
    "difference": frozenset({"denominator", "contrast"}),
    "gap": frozenset({"quantity", "statistic", "contrast"}),
    "factor_gap": frozenset({"quantity", "contrast", "factor"}),
    "change": frozenset(),
    "net": frozenset({"subtrahend"}),
}

#: Kind -> keys that it may have beside these.
_ALLOWED: Mapping[Measure, frozenset[str]] = {
    "mean": frozenset({"weight"}),
    "median": frozenset({"weight"}),
    "gap": frozenset({"weight"}),
    "factor_gap": frozenset({"weight"}),
    "change": frozenset({"denominator"}),
}

_OF_SOME_KINDS = ("denominator", "quantity", "statistic", "weight", "contrast", "factor", "subtrahend")

#: Kind -> how its years may be made.
_TIME_RULES: Mapping[Measure, frozenset[TimeRule]] = {
    "count": frozenset({"average", "sum", "year_before", "flow"}),
    "rate": frozenset({"recompute"}),
    "mean": frozenset({"weighted_mean"}),
    "median": frozenset({"weighted_mean"}),
    "difference": frozenset({"recompute"}),
    "gap": frozenset({"recompute"}),
    "factor_gap": frozenset({"recompute"}),
    "change": frozenset({"average", "recompute"}),
    "net": frozenset({"flow"}),
}


def measure_code(indicator: str) -> str:
    """Return an indicator's MEASURE code: MST_TEMP_SEX_AGE_CBR_NB -> MST_TEMP_NB."""
    return indicator[:9] + indicator[-2:]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class KindEntry(_Model):
    """Unit, decimals and time rule of the measures of one kind, unless they say otherwise."""

    unit_measure: str
    unit_mult: int = Field(ge=0)
    decimals: int = Field(ge=0)
    display_decimals: int = Field(ge=0)
    time_rule: TimeRule


class ClassificationEntry(_Model):
    """A dimension: its published versions and the column that it is made from."""

    versions: tuple[str, ...] = Field(strict=False, min_length=1)
    concept: str | None = None


class MeasureEntry(_Model):
    """What a figure measures; the fields are those of ``Indicator``."""

    agency: Literal["ILO", "ILMS"]
    database: Database
    measure: Measure
    relation: Relation = "persons"
    universe: str
    denominator: str | None = None
    quantity: str | None = None
    statistic: Statistic | None = None
    weight: str | None = None
    contrast: str | None = None
    factor: str | None = None
    subtrahend: str | None = None
    unit_measure: str | None = None
    unit_mult: int | None = Field(default=None, ge=0)
    decimals: int | None = Field(default=None, ge=0)
    display_decimals: int | None = Field(default=None, ge=0)
    time_rule: TimeRule | None = None
    is_self_declared: bool = False
    is_lower_bound: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "MeasureEntry":
        given = {key for key in _OF_SOME_KINDS if getattr(self, key) is not None}
        required = _REQUIRED[self.measure]
        if lacking := sorted(required - given):
            raise ValueError(f"a {self.measure} needs {', '.join(lacking)}")
        if foreign := sorted(given - required - _ALLOWED.get(self.measure, frozenset())):
            raise ValueError(f"a {self.measure} has no {', '.join(foreign)}")
        if self.contrast is not None and self.contrast not in CONTRASTS:
            raise ValueError(f"contrast is one of {', '.join(CONTRASTS)}")
        if self.relation == "absentees" and self.measure != "count":
            raise ValueError("absentees are counted only")
        if self.time_rule is not None and self.time_rule not in _TIME_RULES[self.measure]:
            raise ValueError(f"time_rule of a {self.measure} is {', '.join(sorted(_TIME_RULES[self.measure]))}")
        if self.measure == "change" and (self.denominator is not None) != (self.time_rule == "recompute"):
            raise ValueError("the change of a rate says that it is recomputed, and that of a count does not")
        return self


class Title(_Model):
    """A title in the three languages of publication."""

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)
    es: str = Field(min_length=1)


class IndicatorEntry(_Model):
    """A table: its dimensions beside sex and its title."""

    classif1: str | None = None
    classif2: str | None = None
    title: Title


_Entry = TypeVar("_Entry", bound=BaseModel)


@dataclass(frozen=True)
class Placed(Generic[_Entry]):
    """An entry with the file and the line that it stands on."""

    entry: _Entry
    file: str
    row: int | None

    def problem(self, rule: str, message: str, remedy: str) -> Problem:
        """Return a problem of the entry."""
        return Problem(self.file, self.row, rule, message, remedy)


@dataclass(frozen=True)
class Columns:
    """What a relation of persons has: its concepts and the universes over them, by name."""

    concepts: Mapping[str, Concept]
    universes: Mapping[str, Universe]


@dataclass(frozen=True)
class Catalogue:
    """The entries of all files of a catalogue, by name, in file order."""

    kinds: Mapping[str, Placed[KindEntry]]
    classifications: Mapping[str, Placed[ClassificationEntry]]
    measures: Mapping[str, Placed[MeasureEntry]]
    indicators: Mapping[str, Placed[IndicatorEntry]]


_TABLES = ("kinds", "classifications", "measures", "indicators")


def read_catalogue(paths: Sequence[Path]) -> Catalogue:
    """Return the entries of some files together.

    Raises:
        SpecError: with every wrong entry, unknown table and repeated name.
    """
    sources = [parse_toml(path) for path in paths]
    problems: list[Problem] = []
    for source in sources:
        if unknown := sorted(set(source.values) - set(_TABLES)):
            message = f"unknown table {', '.join(unknown)}"
            row = source.row_of_table(unknown[0])
            problems.append(Problem(source.file, row, "TOML_VALUE", message, f"tables are {', '.join(_TABLES)}"))
    kinds = _placed(KindEntry, sources, "kinds", problems)
    classifications = _placed(ClassificationEntry, sources, "classifications", problems)
    measures = _placed(MeasureEntry, sources, "measures", problems)
    indicators = _placed(IndicatorEntry, sources, "indicators", problems)
    if problems:
        raise SpecError(problems)
    return Catalogue(kinds, classifications, measures, indicators)


def _placed(
    model: type[_Entry], sources: Sequence[TomlFile], table: str, problems: list[Problem]
) -> dict[str, Placed[_Entry]]:
    found: dict[str, Placed[_Entry]] = {}
    for source in sources:
        if table not in source.values:
            continue
        try:
            entries = read_entries(model, source, table)
        except SpecError as error:
            problems += error.problems
            continue
        for name, entry in entries.items():
            placed = Placed(entry, source.file, source.row_of_table(f"{table}.{name}"))
            if name in found:
                message = f"{table}.{name} stands in {found[name].file} as well"
                problems.append(placed.problem("ENTRY_DUPLICATE", message, "keep one of the two"))
            found[name] = placed
    return found
