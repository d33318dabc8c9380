"""The shape of a national survey specification: sections of survey.toml and rows of its tables.

Here belong types and what a single value must look like. What must agree between files is checked in
schemas.survey_spec.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Strict, StringConstraints

from schemas.expressions import Expression
from schemas.periods import Frequency, Period
from schemas.reliability import ReliabilitySection
from schemas.survey_base import GivenPeriod, OpenPeriod, PeriodRange, Section, Text, Texts, holds
from schemas.survey_estimation import (
    BreakSection,
    Calibration,
    CalibrationSection,
    DesignSection,
    PoolingSection,
    Replicates,
)
from schemas.survey_protection import ProtectionSection


class Titles(Section):
    """One text in the three languages of publication."""

    en: Text
    fr: Text
    es: Text


class SurveySection(Section):
    """[survey]: who collects it, how often, and what kind of extract this is."""

    area: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    id: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{0,19}$")]
    title: Titles
    organisation: Titles
    source: Text
    frequency: Frequency
    extract: Literal["national", "test", "synthetic"]
    precedence: Annotated[int, Field(ge=1)]
    closed_codes: Texts = ()
    periods: PeriodRange = PeriodRange()


class PopulationSection(Section):
    """[population]: whom the survey covers and by which rules."""

    coverage: Titles
    working_age: Annotated[int, Field(ge=0, le=30)]
    usual_residence_months: Literal[6, 12]
    residence_by_design: bool
    reference_week: Text
    notes: Texts = ()


class LabourForceSection(Section):
    """[labour_force]: where labour force status comes from.

    ``self_declared`` says that it is the person's own view of the main activity: there is no ILO unemployment then.
    """

    source: Literal["building_blocks", "declared"]
    icls: Literal["19", "13"]
    absence_test: Literal["full", "reason"] = "full"
    underemployment_hours: Annotated[float, Field(gt=0, le=168, allow_inf_nan=False)] = 35.0
    declared_icls: Literal["13", "19"] = "13"
    self_declared: bool = False
    notes: Texts = ()


class MigrationSection(Section):
    """[migration]: parameters of the migration concepts that a country chooses (STANDARDS 1.5, 1.7)."""

    return_minimum_months: Annotated[int, Field(ge=1, le=120)] | None = None
    return_within_months: Annotated[int, Field(ge=1, le=1200)] | None = None
    historical_states: Literal["refuse", "group", "unknown"] = "refuse"


class InformalitySection(Section):
    """[informality]: an establishment with more persons counts as formal where nothing else is known."""

    establishment_size: Annotated[int, Field(ge=1, le=100)] = 5


class RecordsSection(Section):
    """Which rows of a file belong to one of its record types; rows of ignored types are left out knowingly."""

    variable: Text
    codes: Annotated[tuple[Text, ...], Strict(strict=False), Field(min_length=1)]
    ignored: Texts = ()


PartName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
FORMATS = ("csv", "fwf", "dta", "sav", "sas7bdat", "xlsx", "parquet")


class FileSection(Section):
    """[[file]]: one part of a set of files that makes a round; parts of one variant belong together."""

    name: PartName
    variant: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]*$")] = ""
    unit: Literal["person", "household", "absentee"] = "person"
    format: Literal["csv", "fwf", "dta", "sav", "sas7bdat", "xlsx", "parquet"]
    member: Annotated[str, StringConstraints(pattern=r"^[^/\\]+$")] | None = None
    encoding: Text | None = None
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    header: bool = True
    sheet: Text | None = None
    records: RecordsSection | None = None
    same_file_as: PartName | None = None
    key: Texts = ()
    person_key: Texts = ()
    periods: PeriodRange = PeriodRange()


class ConceptSection(Section):
    """One line of [concepts], before its expression is read."""

    variable: Text | None = None
    expression: Text | None = None
    codes: Annotated[str, StringConstraints(pattern=r"^@[A-Z][A-Z0-9_]*$")] | None = None
    rules: bool = False
    missing: Texts = ()
    classification: Text | None = None
    guess: bool = False


class AbsenteesSection(Section):
    """[absentees]: where members of the households who live abroad are listed, and what is asked of them."""

    file: PartName
    where: Text | None = None
    concepts: dict[str, ConceptSection]


class DeclaredSection(Section):
    """[[declared]]: a known defect of a round, with the rows that it must concern."""

    rule: Literal["PSU_BLANK", "NON_RESPONDENT"]
    period: OpenPeriod = None
    rows: Annotated[int, Field(ge=1)] | None = None
    max_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    reason: Text
    source: Text


Coverage = Literal["included", "excluded", "unknown"]


class RoundQuality(Section):
    """[[quality.rounds]]: what the office reports of one round."""

    period: GivenPeriod
    response_rate: Annotated[float, Field(ge=0, le=1)]
    source: Text


class QualitySection(Section):
    """[quality]: coverage and quality that are published with every round (STANDARDS 0.19)."""

    territory: Titles | None = None
    institutions: Coverage = "unknown"
    camps: Coverage = "unknown"
    barracks: Coverage = "unknown"
    workers_accommodation: Coverage = "unknown"
    calibrated_on_foreigners: bool | None = None
    rounds: Annotated[tuple[RoundQuality, ...], Strict(strict=False)] = ()


class ReferenceStockSection(Section):
    """[[reference_stock]]: a published stock of migrants, in persons, to compare with: information only."""

    criterion: Literal["birth", "citizenship"]
    year: Annotated[int, Field(ge=1900, le=2200)]
    minimum_age: Annotated[int, Field(ge=0, le=100)] = 0
    value: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    source: Text
    tolerance: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    explanation: Text | None = None


class BenchmarkSection(Section):
    """[[benchmark]]: one published total, in persons, that a round must come near to."""

    name: Text
    universe: Text
    period: GivenPeriod
    value: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    tolerance: Annotated[float, Field(gt=0, lt=1)]
    source: Text
    explanation: Text | None = None


class SurveyFile(Section):
    """The whole of survey.toml."""

    survey: SurveySection
    population: PopulationSection
    design: DesignSection
    labour_force: LabourForceSection | None = None
    migration: MigrationSection = MigrationSection()
    informality: InformalitySection = InformalitySection()
    file: Annotated[tuple[FileSection, ...], Strict(strict=False), Field(min_length=1)]
    concepts: dict[str, ConceptSection]
    not_collected: dict[str, Text] = {}
    absentees: AbsenteesSection | None = None
    declared: Annotated[tuple[DeclaredSection, ...], Strict(strict=False)] = ()
    quality: QualitySection | None = None
    reference_stock: Annotated[tuple[ReferenceStockSection, ...], Strict(strict=False)] = ()
    benchmark: Annotated[tuple[BenchmarkSection, ...], Strict(strict=False)] = ()
    reliability: ReliabilitySection | None = None
    pooling: PoolingSection | None = None
    breaks: Annotated[tuple[BreakSection, ...], Strict(strict=False), Field(alias="break")] = ()
    calibration: CalibrationSection | None = None
    protection: ProtectionSection = ProtectionSection()


@dataclass(frozen=True)
class ConceptSource:
    """Where one concept comes from: a variable, an expression or rules, and never two of them.

    Attributes:
        variable: raw variable.
        expression: over raw variables.
        codes: name of the shared code table, "@NAME".
        rules: whether rules/<concept>.csv gives the values.
        missing: source codes of a number variable that mean 'not stated'.
        classification: code list of the targets where the concept allows several.
    """

    variable: str | None
    expression: Expression | None
    codes: str | None
    rules: bool
    missing: tuple[str, ...]
    classification: str | None

    @property
    def columns(self) -> frozenset[str]:
        """Raw variables read by variable or expression; those of rules stand in the rules."""
        if self.variable is not None:
            return frozenset({self.variable})
        return self.expression.columns if self.expression is not None else frozenset()


@dataclass(frozen=True)
class LayoutRow:
    """One declared variable; start (1-based) and width in bytes for fixed-width files only.

    ``file`` names the part of the file set that holds it; blank means the part of the persons.
    """

    variable: str
    label: str
    start: int | None
    width: int | None
    row: int
    file: str = ""


@dataclass(frozen=True)
class CodeRow:
    """One source code of one concept; an empty source code stands for blank.

    ``target_code`` is a harmonised code; TRUE or FALSE for a true/false concept; NULL where the concept
    may be unknown.
    """

    source_code: str
    source_label: str
    target_code: str
    valid_from: Period | None
    valid_to: Period | None
    note: str
    file: str
    row: int


@dataclass(frozen=True)
class RuleRow:
    """One rule of one concept: the first whose ``when`` is true gives ``value``.

    ``expression`` is the value of a number or text concept, and None where ``value`` is a code, TRUE,
    FALSE or NULL.
    """

    order: int
    when: Expression
    value: str
    expression: Expression | None
    note: str
    file: str
    row: int


@dataclass(frozen=True)
class Correction:
    """One declared repair of raw values, with the number of rows that it must touch."""

    where: Expression
    variable: str
    value: str
    expected_rows: int
    reason: str
    source: str
    file: str
    row: int


@dataclass(frozen=True)
class AbsenteeSpec:
    """What a survey lists of household members abroad, checked.

    Attributes:
        file: the part of the file set whose rows they are.
        where: which of its rows; all when None.
        concepts: as those of persons, over the variables of that part.
        codes: concept -> its code rows.
        rules: concept -> its rules in order.
    """

    file: str
    where: Expression | None
    concepts: Mapping[str, ConceptSource]
    codes: Mapping[str, tuple[CodeRow, ...]]
    rules: Mapping[str, tuple[RuleRow, ...]]

    def codes_at(self, concept: str, period: Period) -> tuple[CodeRow, ...]:
        """The code rows of a concept that hold in a period; none when it has no codes."""
        return tuple(row for row in self.codes.get(concept, ()) if holds(row.valid_from, row.valid_to, period))


@dataclass(frozen=True)
class SurveySpec:
    """One national survey, checked.

    Attributes:
        folder: where it was read from.
        key: area and id, e.g. ZAF_QLFS.
        codes: concept -> its code rows, local and shared together; a local row replaces the shared rows
            of its source code.
        rules: concept -> its rules in order.
        sha256: over names and bytes of all files of the folder.
    """

    folder: Path
    key: str
    survey: SurveySection
    population: PopulationSection
    design: DesignSection
    labour_force: LabourForceSection | None
    files: tuple[FileSection, ...]
    concepts: Mapping[str, ConceptSource]
    not_collected: Mapping[str, str]
    codes: Mapping[str, tuple[CodeRow, ...]]
    rules: Mapping[str, tuple[RuleRow, ...]]
    corrections: tuple[Correction, ...]
    layout: tuple[LayoutRow, ...]
    benchmarks: tuple[BenchmarkSection, ...]
    sha256: str
    migration: MigrationSection = MigrationSection()
    informality: InformalitySection = InformalitySection()
    absentees: AbsenteeSpec | None = None
    declared: tuple[DeclaredSection, ...] = ()
    quality: QualitySection | None = None
    reference_stocks: tuple[ReferenceStockSection, ...] = ()
    replicates: Replicates | None = None
    reliability: ReliabilitySection | None = None
    pooling: PoolingSection | None = None
    breaks: tuple[BreakSection, ...] = ()
    calibration: Calibration | None = None
    protection: ProtectionSection = ProtectionSection()

    def codes_at(self, concept: str, period: Period) -> tuple[CodeRow, ...]:
        """The code rows of a concept that hold in a period; none when it has no codes."""
        return tuple(row for row in self.codes.get(concept, ()) if holds(row.valid_from, row.valid_to, period))

    def variants(self, period: Period) -> dict[str, tuple[FileSection, ...]]:
        """The sets of files that may make a round of a period, by variant; empty when none is declared."""
        found: dict[str, tuple[FileSection, ...]] = {}
        for part in self.files:
            if part.periods.holds(period):
                found[part.variant] = (*found.get(part.variant, ()), part)
        return found

    def fields(self, part: FileSection) -> tuple[LayoutRow, ...]:
        """The declared variables of one part; those of another record type of its file are not among them."""
        own = ("", part.name) if part.unit == "person" else (part.name,)
        return tuple(row for row in self.layout if row.file in own)

    def breaks_in(self, period: Period) -> tuple[BreakSection, ...]:
        """The breaks that begin within a period: its figure carries flag B."""
        return tuple(item for item in self.breaks if period.start <= item.start.start <= period.end)

    def breaks_between(self, earlier: Period, later: Period) -> tuple[BreakSection, ...]:
        """The breaks that part two periods: a change from one to the other is no change of the population."""
        return tuple(item for item in self.breaks if earlier.start < item.start.start <= later.end)

    @property
    def variables(self) -> frozenset[str]:
        """Every raw variable that concepts, rules and corrections read."""
        names = {name for source in self.concepts.values() for name in source.columns}
        for rules in self.rules.values():
            for rule in rules:
                names |= rule.when.columns
                names |= rule.expression.columns if rule.expression is not None else set()
        for correction in self.corrections:
            names |= {correction.variable, *correction.where.columns}
        return frozenset(names)
