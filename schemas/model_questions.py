"""How a question that a survey lacks is asked: one question per source concept, in three languages.

Here belongs the reader of ``model_questions.toml``. Which questions a survey lacks is said in ``gaps``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.errors import Problem, SpecError
from schemas.toml_files import TomlFile, parse_toml, read_entries

_FILE = Path(__file__).with_name("model_questions.toml")
_TABLES = ("modules", "universes", "persons", "absentees")


class InThree(BaseModel):
    """One text in the three languages of publication."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)
    es: str = Field(min_length=1)


class Answers(BaseModel):
    """The answers offered, in the three languages: as many in each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: tuple[str, ...] = Field(min_length=1)
    fr: tuple[str, ...] = Field(min_length=1)
    es: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _alike(self) -> "Answers":
        if not len(self.en) == len(self.fr) == len(self.es):
            raise ValueError("each language has the same number of answers")
        return self


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    module: str
    asked: str | None = None
    question: InThree | None = None
    answers: Answers | None = None
    note: InThree | None = None
    reason: InThree | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "_Entry":
        asked = (self.question, self.answers, self.asked)
        if self.reason is None and None in asked:
            raise ValueError("an entry has question, answers and asked, or else a reason")
        if self.reason is not None and any(part is not None for part in (*asked, self.note)):
            raise ValueError("an entry with a reason has no question")
        return self


@dataclass(frozen=True)
class ModelQuestion:
    """How one concept is asked, or why it is not asked.

    Attributes:
        concept: name in the dictionary.
        module: title of the part of a questionnaire that it stands in.
        asked: of whom it is asked, in words; None with a reason.
        question: the question; None with a reason.
        answers: the answers offered; None with a reason.
        note: advice to the office, or None.
        reason: why no question can be given, or None.
    """

    concept: str
    module: InThree
    asked: InThree | None
    question: InThree | None
    answers: Answers | None
    note: InThree | None
    reason: InThree | None


def read_model_questions(path: Path) -> Mapping[str, Mapping[str, ModelQuestion]]:
    """Return ``persons`` and ``absentees`` -> concept -> question.

    Raises:
        SpecError: with every wrong entry, unknown module and unknown universe.
    """
    source = parse_toml(path)
    if set(source.values) != set(_TABLES):
        message = f"tables are {', '.join(sorted(source.values))}"
        raise SpecError([Problem(path.name, None, "TOML_VALUE", message, f"tables are {', '.join(_TABLES)}")])
    modules = read_entries(InThree, source, "modules")
    universes = read_entries(InThree, source, "universes")
    problems: list[Problem] = []
    found = {
        kind: MappingProxyType(_questions(source, kind, modules, universes, problems))
        for kind in ("persons", "absentees")
    }
    if problems:
        raise SpecError(problems)
    return MappingProxyType(found)


def _questions(
    source: TomlFile,
    kind: str,
    modules: Mapping[str, InThree],
    universes: Mapping[str, InThree],
    problems: list[Problem],
) -> dict[str, Any]:
    found = {}
    for name, entry in read_entries(_Entry, source, kind).items():
        row = source.row_of_table(f"{kind}.{name}")
        if entry.module not in modules:
            remedy = f"use one of {', '.join(modules)}"
            problems.append(
                Problem(source.file, row, "TOML_VALUE", f"[{kind}.{name}] module is {entry.module}", remedy)
            )
            continue
        if entry.asked is not None and entry.asked not in universes:
            remedy = f"use one of {', '.join(universes)}"
            problems.append(Problem(source.file, row, "TOML_VALUE", f"[{kind}.{name}] asked is {entry.asked}", remedy))
            continue
        asked = universes[entry.asked] if entry.asked is not None else None
        found[name] = ModelQuestion(
            name, modules[entry.module], asked, entry.question, entry.answers, entry.note, entry.reason
        )
    return found


@cache
def load_model_questions() -> Mapping[str, Mapping[str, ModelQuestion]]:
    """Return the project's questions: ``persons`` and ``absentees`` -> concept -> question."""
    return read_model_questions(_FILE)
