"""The concept dictionary: what each harmonised column means, and the universes over them.

Here belong the readers of ``dictionary/*.toml``, ``universes.toml`` and ``absentee_universes.toml``. How a concept is
made from a survey's variables is said in the survey's folder, or derived in ``transforms``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.codes import load_code_lists
from schemas.errors import Problem, SpecError
from schemas.expressions import Expression, ExpressionError, parse_expression
from schemas.toml_files import parse_toml, read_entries

_FOLDER = Path(__file__).parent
#: The dictionary's files, in the order of the columns of harmonised_persons.
_TOPICS = ("design", "person", "migration", "labour_force", "job")

#: Code of 'not stated' in harmonised columns whose ILOSTAT list has no item for it.
UNKNOWN = "_U"


class _ConceptEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["code", "number", "boolean", "text"]
    code_lists: tuple[str, ...] = Field(default=(), strict=False)
    universe: str
    origin: Literal["source", "derived"]
    can_be_given: bool = False
    nullable: bool = False
    definition: str = Field(min_length=1)
    paragraph: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "_ConceptEntry":
        if (self.kind == "code") != bool(self.code_lists):
            raise ValueError("a concept of kind code needs code_lists, and no other kind has them")
        if self.origin == "source" and self.can_be_given:
            raise ValueError("can_be_given is said of derived concepts only")
        return self


class Concept(_ConceptEntry):
    """One harmonised column.

    Attributes:
        name: the column's name.
        kind: code, number, boolean or text.
        code_lists: for codes, the lists they are of (alternatives where a classification has versions).
        universe: who has a value; everybody else is NULL. For ``employed`` and ``outside_labour_force``
            that is everybody with that labour force status, usual resident or not.
        origin: whether surveys give it or it is derived.
        can_be_given: whether a survey may give a derived concept instead.
        nullable: whether NULL inside the universe is allowed, as 'not stated' or 'none'.
        definition: what it means.
        paragraph: guideline it rests on, with the certainty of the reference.
    """

    name: str


@dataclass(frozen=True)
class Universe:
    """A set of persons, as a condition over harmonised columns.

    Attributes:
        name: identifier.
        condition: who belongs to it; a person for whom it is NULL does not.
        definition: in words.
        paragraph: guideline it rests on, with the certainty of the reference.
        needs: columns that the condition reads.
    """

    name: str
    condition: Expression
    definition: str
    paragraph: str
    needs: tuple[str, ...]


class _UniverseEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    within: str = ""
    condition: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    paragraph: str = ""


def read_concepts(paths: Sequence[Path], universes: Mapping[str, Universe]) -> Mapping[str, Concept]:
    """Return the concepts of some files by name, in the order of the files.

    Raises:
        SpecError: with every wrong entry, repeated name, unknown code list and unknown universe.
    """
    problems = []
    found: dict[str, Concept] = {}
    for path in paths:
        source = parse_toml(path)
        for name, entry in read_entries(_ConceptEntry, source).items():
            row = source.row_of_table(name)
            if name in found:
                message = f"[{name}] stands in another file of the dictionary"
                problems.append(Problem(path.name, row, "CONCEPT_DUPLICATE", message, "keep one of the two"))
            if unknown := [codes for codes in entry.code_lists if codes not in load_code_lists()]:
                message = f"[{name}] code_lists names {', '.join(unknown)}"
                remedy = "use ids of code_lists/index.csv"
                problems.append(Problem(path.name, row, "CODE_LIST_UNKNOWN", message, remedy))
            if entry.universe not in universes:
                message = f"[{name}] universe is {entry.universe}"
                problems.append(Problem(path.name, row, "UNIVERSE_UNKNOWN", message, "use a name of universes.toml"))
            found[name] = Concept(name=name, **entry.model_dump())
    if problems:
        raise SpecError(problems)
    return MappingProxyType(found)


def column_kinds(paths: Sequence[Path]) -> dict[str, Literal["text", "number", "boolean"]]:
    """Return harmonised column -> kind in the rule language, where codes are text."""
    kinds: dict[str, Literal["text", "number", "boolean"]] = {}
    for path in paths:
        for name, entry in read_entries(_ConceptEntry, parse_toml(path)).items():
            kinds[name] = "text" if entry.kind == "code" else entry.kind
    return kinds


def read_universes(path: Path, columns: Mapping[str, Literal["text", "number", "boolean"]]) -> Mapping[str, Universe]:
    """Return the universes of a file by name, in file order.

    An entry with ``within`` holds those of the universe named, which stands further up, that meet its
    own condition as well.

    Raises:
        SpecError: with every wrong entry, unknown ``within`` and condition that cannot be read.
    """
    source = parse_toml(path)
    problems: list[Problem] = []
    found: dict[str, Universe] = {}
    for name, entry in read_entries(_UniverseEntry, source).items():
        row = source.row_of_table(name)
        if entry.within and entry.within not in found:
            message = f"[{name}] is within {entry.within}, which does not stand above it"
            remedy = "name a universe further up in the file"
            problems.append(Problem(path.name, row, "UNIVERSE_UNKNOWN", message, remedy))
            continue
        text = entry.condition
        if entry.within:
            text = f"({found[entry.within].condition.text}) AND ({entry.condition})"
        try:
            condition = parse_expression(text, columns, expect="boolean")
        except ExpressionError as error:
            problems.append(Problem(path.name, row, error.rule, f"[{name}] {error.message}", error.remedy))
            continue
        needs = tuple(sorted(condition.columns))
        found[name] = Universe(name, condition, entry.definition, entry.paragraph, needs)
    if problems:
        raise SpecError(problems)
    return MappingProxyType(found)


def _dictionary(*topics: str) -> tuple[Path, ...]:
    return tuple(_FOLDER / "dictionary" / f"{topic}.toml" for topic in topics)


@cache
def load_universes() -> Mapping[str, Universe]:
    """Return the project's universes of persons by name."""
    return read_universes(_FOLDER / "universes.toml", column_kinds(_dictionary(*_TOPICS)))


@cache
def load_concepts() -> Mapping[str, Concept]:
    """Return the concept dictionary of persons by name, in the order of the harmonised columns."""
    return read_concepts(_dictionary(*_TOPICS), load_universes())


@cache
def load_absentee_universes() -> Mapping[str, Universe]:
    """Return the project's universes of absent household members by name."""
    return read_universes(_FOLDER / "absentee_universes.toml", column_kinds(_dictionary("absentees")))


@cache
def load_absentee_concepts() -> Mapping[str, Concept]:
    """Return the concept dictionary of absent household members by name, in the order of their columns."""
    return read_concepts(_dictionary("absentees"), load_absentee_universes())


@cache
def load_topics() -> Mapping[str, tuple[str, ...]]:
    """Return topic -> names of its concepts of persons, in the order of the dictionary."""
    files = zip(_TOPICS, _dictionary(*_TOPICS), strict=True)
    return MappingProxyType({topic: tuple(parse_toml(path).values) for topic, path in files})
