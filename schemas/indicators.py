"""The catalogue of indicators: every table that the project publishes, and what it is made of.

Here belongs what an indicator is and the reader of ``catalogue/*.toml``; what the files must agree on is checked in
``catalogue_checks``. How a table is computed is said in ``transforms``, how it becomes SDMX in ``sdmx_out``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from schemas.catalogue_checks import catalogue_problems
from schemas.catalogue_entries import (
    CONTRASTS,
    Catalogue,
    ClassificationEntry,
    Columns,
    Criterion,
    Database,
    IndicatorEntry,
    Measure,
    MeasureEntry,
    Relation,
    Statistic,
    TimeRule,
    measure_code,
    read_catalogue,
)
from schemas.codes import CodeList, load_code_lists
from schemas.concepts import (
    load_absentee_concepts,
    load_absentee_universes,
    load_concepts,
    load_universes,
)
from schemas.errors import SpecError

__all__ = [
    "CONTRASTS",
    "Criterion",
    "Indicator",
    "Measure",
    "Relation",
    "Statistic",
    "TimeRule",
    "load_columns",
    "load_indicators",
    "measure_code",
    "read_indicators",
]

_FOLDER = Path(__file__).parent / "catalogue"

#: Columns that tell a person's migration status by one criterion; no table has columns of both.
_CRITERIA: Mapping[Criterion, frozenset[str]] = {
    "birth": frozenset({"place_of_birth", "country_of_birth", "is_migrant_worker_by_birth"}),
    "citizenship": frozenset({"citizenship_status", "country_of_citizenship", "is_migrant_worker_by_citizenship"}),
}


@dataclass(frozen=True)
class Indicator:
    """One table of the catalogue.

    Attributes:
        id: identifier, e.g. ``MST_TEMP_SEX_AGE_CBR_NB``.
        agency: ILO, or ILMS for tables that ILOSTAT does not have.
        title: language -> title, without the unit.
        measure: what a figure is. count: persons. rate: 100 times universe over denominator. mean, median: of a
            quantity. difference: rate of migrants less that of natives, in percentage points. gap: 100 times
            (natives - migrants) / natives of a mean or median. factor_gap: the gap of means within groups, weighted.
            change: count or rate less that of the same period a year earlier. net: persons less absentees.
        relation: whose rows are counted: of harmonised_persons or of harmonised_absentees.
        universe: who is counted; for a rate, who is in the numerator; for pay, whose.
        denominator: for rates, their differences and changes, who is in the denominator.
        quantity: column whose mean or median is compared or published.
        statistic: for a gap, whether means or medians are compared.
        weight: column that weighs persons in place of the weight of the round, where the survey collects it.
        contrast: column whose two items are compared (``CONTRASTS``).
        factor: column of the groups of a factor_gap.
        subtrahend: universe of absentees that is subtracted from a net flow.
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
        needs: columns of harmonised_persons without which it cannot be computed.
        absentee_needs: columns of harmonised_absentees without which it cannot be computed.
        is_self_declared: whether it is for surveys in which persons declare their status themselves, and for no others.
        is_lower_bound: whether a household survey sees only part of what the title names.
    """

    id: str
    agency: str
    title: Mapping[str, str]
    measure: Measure
    relation: Relation
    universe: str
    denominator: str | None
    quantity: str | None
    statistic: Statistic | None
    weight: str | None
    contrast: str | None
    factor: str | None
    subtrahend: str | None
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
    database: Database
    needs: tuple[str, ...]
    absentee_needs: tuple[str, ...] = ()
    is_self_declared: bool = False
    is_lower_bound: bool = False

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
    def is_comparison(self) -> bool:
        """Whether a figure compares two others: it may be below zero, and is tested against it."""
        return self.measure in ("difference", "gap", "factor_gap", "change", "net")

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Classification types in the order of the SDMX key, sex first."""
        return tuple(self.id.split("_")[2:-1])

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Criteria of migration that its persons or cells are told apart by: one, or none."""
        columns = {*self.needs, *self.absentee_needs}
        return tuple(criterion for criterion, names in _CRITERIA.items() if names & columns)


def read_indicators(
    paths: Sequence[Path], lists: Mapping[str, CodeList], columns: Mapping[Relation, Columns]
) -> Mapping[str, Indicator]:
    """Return the indicators of the catalogue's files by id, in file order.

    Args:
        paths: files of one catalogue.
        lists: code lists by id.
        columns: concepts and universes of persons and of absentees.

    Raises:
        SpecError: with every wrong entry and every unknown version, concept, universe or unit.
    """
    catalogue = read_catalogue(paths)
    if problems := list(catalogue_problems(catalogue, lists, columns)):
        raise SpecError(problems)
    return MappingProxyType(
        {name: _indicator(name, placed.entry, catalogue, columns) for name, placed in catalogue.indicators.items()}
    )


def _indicator(
    name: str, entry: IndicatorEntry, catalogue: Catalogue, columns: Mapping[Relation, Columns]
) -> Indicator:
    measure = catalogue.measures[measure_code(name)].entry
    kind = catalogue.kinds[measure.measure].entry
    one, two = (
        catalogue.classifications[named].entry if named else ClassificationEntry(versions=("",))
        for named in (entry.classif1, entry.classif2)
    )
    dimensions = {part.concept for part in (one, two) if part.concept is not None}
    needs, absentee_needs = _needs(measure, dimensions, columns)
    return Indicator(
        id=name,
        agency=measure.agency,
        title=MappingProxyType(entry.title.model_dump()),
        measure=measure.measure,
        relation=measure.relation,
        universe=measure.universe,
        denominator=measure.denominator,
        quantity=measure.quantity,
        statistic=measure.statistic,
        weight=measure.weight,
        contrast=measure.contrast,
        factor=measure.factor,
        subtrahend=measure.subtrahend,
        classif1_versions=one.versions if entry.classif1 else (),
        classif2_versions=two.versions if entry.classif2 else (),
        classif1_concept=one.concept,
        classif2_concept=two.concept,
        unit_measure_type=name[-2:],
        unit_measure=measure.unit_measure or kind.unit_measure,
        unit_mult=kind.unit_mult if measure.unit_mult is None else measure.unit_mult,
        decimals=kind.decimals if measure.decimals is None else measure.decimals,
        display_decimals=kind.display_decimals if measure.display_decimals is None else measure.display_decimals,
        time_rule=measure.time_rule or kind.time_rule,
        database=measure.database,
        needs=needs,
        absentee_needs=absentee_needs,
        is_self_declared=measure.is_self_declared,
        is_lower_bound=measure.is_lower_bound,
    )


def _needs(
    measure: MeasureEntry, dimensions: set[str], columns: Mapping[Relation, Columns]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of persons and those of absentees that a table needs, in alphabetical order."""
    universes = columns[measure.relation].universes
    own = {"sex", *dimensions, *universes[measure.universe].needs}
    own |= set(universes[measure.denominator].needs) if measure.denominator else set()
    own |= {name for name in (measure.quantity, measure.contrast, measure.factor) if name is not None}
    if measure.relation == "absentees":
        return (), tuple(sorted(own))
    if measure.subtrahend is None:
        return tuple(sorted(own)), ()
    abroad = {"sex", *dimensions, *columns["absentees"].universes[measure.subtrahend].needs}
    return tuple(sorted(own)), tuple(sorted(abroad))


@cache
def load_columns() -> Mapping[Relation, Columns]:
    """Return the concepts and universes of the project's two relations of persons."""
    return MappingProxyType(
        {
            "persons": Columns(load_concepts(), load_universes()),
            "absentees": Columns(load_absentee_concepts(), load_absentee_universes()),
        }
    )


@cache
def load_indicators() -> Mapping[str, Indicator]:
    """Return the project's catalogue of indicators by id."""
    return read_indicators(sorted(_FOLDER.glob("*.toml")), load_code_lists(), load_columns())
