"""The catalogue of indicators: every table that the project publishes, and what it is made of.

Here belongs the reader of ``indicators.toml``. How a table is computed is said in ``transforms``, how it
becomes SDMX in ``sdmx_out``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.codes import CodeList, load_code_lists
from schemas.concepts import (
    Concept,
    Universe,
    load_concepts,
    load_universes,
)
from schemas.errors import Problem, SpecError
from schemas.toml_files import TomlFile, parse_toml, read_entries

_FILE = Path(__file__).parent / "indicators.toml"

Measure = Literal["count", "rate", "mean", "median"]
TimeRule = Literal["average", "recompute", "weighted_mean", "flow"]


@dataclass(frozen=True)
class Indicator:
    """One table of the catalogue.

    Attributes:
        id: identifier, e.g. ``MST_TEMP_SEX_AGE_CBR_NB``.
        agency: ILO, or ILMS for tables that ILOSTAT does not have.
        title: language -> title, without the unit.
        measure: count, rate, mean or median.
        universe: who is counted; for a rate, who is in the numerator.
        denominator: for a rate, who is in the denominator.
        classif1_versions: classification versions of the first dimension beside sex.
        classif2_versions: those of the second.
        classif1_concept: harmonised column of the first dimension; None where there is none.
        classif2_concept: that of the second.
        unit_measure_type: code of UNIT_MEASURE_TYPE.
        unit_measure: code of UNIT_MEASURE.
        unit_mult: power of ten of the unit: 3 for thousands.
        decimals: decimals of published values.
        display_decimals: decimals that ILOSTAT shows.
        time_rule: how a year is made from the survey's periods.
        database: ILMS, LFS (the same tables without migration status) or EXT (beyond ILOSTAT).
        is_computed: whether the pipeline produces it.
        needs: harmonised columns without which it cannot be computed.
        is_self_declared: whether it is for surveys in which persons declare their status themselves, and for no others.
    """

    id: str
    agency: Literal["ILO", "ILMS"]
    title: Mapping[str, str]
    measure: Measure
    universe: str
    denominator: str | None
    classif1_versions: tuple[str, ...]
    classif2_versions: tuple[str, ...]
    classif1_concept: str | None
    classif2_concept: str | None
    unit_measure_type: str
    unit_measure: str
    unit_mult: int
    decimals: int
    display_decimals: int
    time_rule: TimeRule
    database: Literal["ILMS", "LFS", "EXT"]
    is_computed: bool
    needs: tuple[str, ...]
    is_self_declared: bool = False

    @property
    def dataflow(self) -> str:
        """SDMX dataflow id."""
        return f"DF_{self.id}"

    @property
    def measure_code(self) -> str:
        """SDMX MEASURE code: the first nine characters and the unit."""
        return measure_code(self.id)

    @property
    def topic(self) -> str:
        """ILOSTAT topic: the first three letters (MST stocks, MFL flows, MNA nationals abroad, ...)."""
        return self.id[:3]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Classification types in the order of the SDMX key, sex first."""
        return tuple(self.id.split("_")[2:-1])


def measure_code(indicator: str) -> str:
    """Return an indicator's MEASURE code: MST_TEMP_SEX_AGE_CBR_NB -> MST_TEMP_NB."""
    return indicator[:9] + indicator[-2:]


class _Classification(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    versions: tuple[str, ...] = Field(strict=False, min_length=1)
    concept: str | None = None


class _Measure(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    agency: Literal["ILO", "ILMS"]
    database: Literal["ILMS", "LFS", "EXT"]
    measure: Measure
    universe: str
    denominator: str | None = None
    unit_measure_type: str
    unit_measure: str
    unit_mult: int = Field(ge=0)
    decimals: int = Field(ge=0)
    display_decimals: int = Field(ge=0)
    time_rule: TimeRule
    needs: tuple[str, ...] = Field(default=(), strict=False)
    is_computed: bool
    is_self_declared: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "_Measure":
        if (self.measure == "rate") != (self.denominator is not None):
            raise ValueError("a rate needs a denominator, and nothing else has one")
        if (self.measure == "rate") != (self.time_rule == "recompute"):
            raise ValueError("rates are recomputed over time, and nothing else is")
        return self


class _Title(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)
    es: str = Field(min_length=1)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    classif1: str | None = None
    classif2: str | None = None
    is_computed: bool | None = None
    title: _Title


def read_indicators(
    path: Path,
    lists: Mapping[str, CodeList],
    concepts: Mapping[str, Concept],
    universes: Mapping[str, Universe],
) -> Mapping[str, Indicator]:
    """Return the indicators of a catalogue file by id, in file order.

    Raises:
        SpecError: with every wrong entry and every unknown version, concept, universe or unit.
    """
    source = parse_toml(path)
    if unknown := sorted(set(source.values) - {"classifications", "measures", "indicators"}):
        message = f"unknown table {', '.join(unknown)}"
        remedy = "tables are classifications, measures, indicators"
        raise SpecError([Problem(path.name, source.row_of_table(unknown[0]), "TOML_VALUE", message, remedy)])
    classifications = read_entries(_Classification, source, "classifications")
    measures = read_entries(_Measure, source, "measures")
    entries = read_entries(_Entry, source, "indicators")
    problems = [
        *_classification_problems(source, classifications, lists, concepts),
        *_measure_problems(source, measures, lists, concepts, universes),
        *_indicator_problems(source, entries, classifications, measures),
    ]
    if problems:
        raise SpecError(problems)
    return MappingProxyType(
        {
            name: _indicator(name, entry, classifications, measures[measure_code(name)], universes)
            for name, entry in entries.items()
        }
    )


def _classification_problems(
    source: TomlFile,
    classifications: Mapping[str, _Classification],
    lists: Mapping[str, CodeList],
    concepts: Mapping[str, Concept],
) -> Iterator[Problem]:
    for name, entry in classifications.items():
        row = source.row_of_table(f"classifications.{name}")
        if unknown := [code for code in entry.versions if code not in lists or not lists[code].total]:
            message = f"{name} has versions {', '.join(unknown)}, which are no classification versions"
            yield Problem(source.file, row, "VERSION_UNKNOWN", message, "use lists that have a total")
        if entry.concept is not None and entry.concept not in concepts:
            message = f"{name} is made from {entry.concept}, which is no concept"
            yield Problem(source.file, row, "CONCEPT_UNKNOWN", message, "use a name of schemas/dictionary")


def _measure_problems(
    source: TomlFile,
    measures: Mapping[str, _Measure],
    lists: Mapping[str, CodeList],
    concepts: Mapping[str, Concept],
    universes: Mapping[str, Universe],
) -> Iterator[Problem]:
    for name, entry in measures.items():
        row = source.row_of_table(f"measures.{name}")
        for universe in (entry.universe, entry.denominator):
            if universe is not None and universe not in universes:
                message = f"{name} names the universe {universe}"
                yield Problem(source.file, row, "UNIVERSE_UNKNOWN", message, "use a name of universes.toml")
        if unknown := [column for column in entry.needs if column not in concepts]:
            message = f"{name} needs {', '.join(unknown)}"
            yield Problem(source.file, row, "CONCEPT_UNKNOWN", message, "use names of schemas/dictionary")
        units = (
            ("UNIT_MEASURE_TYPE", entry.unit_measure_type),
            ("UNIT_MEASURE", entry.unit_measure),
            ("UNIT_MULT", str(entry.unit_mult)),
        )
        for code_list, code in units:
            if code not in lists[code_list].codes:
                message = f"{name} has {code}, which is not in {code_list}"
                yield Problem(source.file, row, "CODE_TARGET_UNKNOWN", message, f"use a code of {code_list}")


def _indicator_problems(
    source: TomlFile,
    entries: Mapping[str, _Entry],
    classifications: Mapping[str, _Classification],
    measures: Mapping[str, _Measure],
) -> Iterator[Problem]:
    for name, entry in entries.items():
        row = source.row_of_table(f"indicators.{name}")
        if measure_code(name) not in measures:
            message = f"{name} belongs to the measure {measure_code(name)}, which is not described"
            yield Problem(source.file, row, "MEASURE_UNKNOWN", message, "add it to the measures")
        elif measures[measure_code(name)].unit_measure_type != name[-2:]:
            message = f"{name} ends in another unit than its measure has"
            yield Problem(source.file, row, "MEASURE_UNKNOWN", message, "make id and unit_measure_type agree")
        named = [key for key in (entry.classif1, entry.classif2) if key is not None]
        if unknown := [key for key in named if key not in classifications]:
            message = f"{name} has the classification {', '.join(unknown)}, which is not described"
            yield Problem(source.file, row, "VERSION_UNKNOWN", message, "add it to the classifications")
        types = ["SEX", *(key.split("_")[0] for key in named)]
        if types != name.split("_")[2:-1] or (entry.classif2 and not entry.classif1):
            message = f"the dimensions {', '.join(types)} are not those of {name}"
            yield Problem(source.file, row, "DIMENSIONS_INVALID", message, "name them as the id does")


def _indicator(
    name: str,
    entry: _Entry,
    classifications: Mapping[str, _Classification],
    measure: _Measure,
    universes: Mapping[str, Universe],
) -> Indicator:
    one = classifications[entry.classif1] if entry.classif1 else None
    two = classifications[entry.classif2] if entry.classif2 else None
    columns = {"sex", *measure.needs, *universes[measure.universe].needs}
    columns |= set(universes[measure.denominator].needs) if measure.denominator else set()
    columns |= {part.concept for part in (one, two) if part is not None and part.concept is not None}
    return Indicator(
        id=name,
        agency=measure.agency,
        title=MappingProxyType(entry.title.model_dump()),
        measure=measure.measure,
        universe=measure.universe,
        denominator=measure.denominator,
        classif1_versions=one.versions if one else (),
        classif2_versions=two.versions if two else (),
        classif1_concept=one.concept if one else None,
        classif2_concept=two.concept if two else None,
        unit_measure_type=measure.unit_measure_type,
        unit_measure=measure.unit_measure,
        unit_mult=measure.unit_mult,
        decimals=measure.decimals,
        display_decimals=measure.display_decimals,
        time_rule=measure.time_rule,
        database=measure.database,
        is_computed=measure.is_computed if entry.is_computed is None else entry.is_computed,
        needs=tuple(sorted(columns)),
        is_self_declared=measure.is_self_declared,
    )


@cache
def load_indicators() -> Mapping[str, Indicator]:
    """Return the project's catalogue of indicators by id."""
    return read_indicators(_FILE, load_code_lists(), load_concepts(), load_universes())
