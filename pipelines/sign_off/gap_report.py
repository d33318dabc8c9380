"""Which tables a questionnaire can give, which it cannot, and which questions they lack.

Here belongs the plan of questions to add. What a table needs is said in ``needs``, the reckoning over names is
``schemas.gaps``, the report in words ``gap_words``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.needs import (
    BLOCKS,
    given_by,
    has_status_for,
    needed_in_one_window,
    question_order,
    questions_lacking,
    recipes,
    with_list,
)
from pipelines.support import collected_versions, published_versions
from schemas.gaps import Names, Step, opened, steps
from schemas.indicators import load_indicators
from schemas.survey_spec import SurveySpec

#: Databases of the tables that are judged: ILOSTAT's on migration, and our own beyond it.
DATABASES = ("ILMS", "EXT")


@dataclass(frozen=True)
class Gaps:
    """The tables of the catalogue as one questionnaire can or cannot give them.

    Attributes:
        given: tables that the survey gives figures for.
        otherwise: tables whose questions are all asked, but described otherwise: in a classification that the table
            does not have, or with a status that persons declare where the table rests on the questions behind it.
        lacking: table -> the smallest sets of concepts that it lacks.
        steps: in which order to add questions; a survey without a list of members abroad adds it as one.
        alone: question -> the tables that it opens when it alone is added, where there are any.
    """

    given: tuple[str, ...]
    otherwise: tuple[str, ...]
    lacking: Mapping[str, frozenset[Names]]
    steps: tuple[Step, ...]
    alone: Mapping[str, tuple[str, ...]]


def gaps_of(spec: SurveySpec) -> Gaps:
    """Return what a survey's questionnaire can give of the tables on migration, and what it lacks."""
    given, derived, collected = given_by(spec), recipes(spec), collected_versions(spec)
    sorted_out: dict[str, list[str]] = {"given": [], "otherwise": []}
    lacking = {}
    for name, indicator in load_indicators().items():
        if indicator.database not in DATABASES or (indicator.is_self_declared and not has_status_for(indicator, spec)):
            continue
        sets = questions_lacking(needed_in_one_window(indicator, spec), given, derived)
        if frozenset() not in sets:
            lacking[name] = sets
        elif has_status_for(indicator, spec) and published_versions(indicator, collected) is not None:
            sorted_out["given"].append(name)
        else:
            sorted_out["otherwise"].append(name)
    gaps = lacking if spec.absentees is not None else {table: with_list(sets) for table, sets in lacking.items()}
    questions = sorted({name for sets in gaps.values() for names in sets for name in names})
    by_itself = {name: opened(gaps, frozenset({name})) for name in questions}
    return Gaps(
        given=tuple(sorted_out["given"]),
        otherwise=tuple(sorted_out["otherwise"]),
        lacking=lacking,
        steps=steps(gaps, question_order()),
        alone={name: tables for name, tables in by_itself.items() if tables},
    )


def given_after(spec: SurveySpec, gaps: Gaps) -> Iterator[frozenset[str]]:
    """Yield the tables that can be given after each step.

    With the questions behind the status a survey has ILO unemployment, and no longer the self-declared one.
    """
    given, asked, blocks = set(gaps.given), set(spec.concepts), set(BLOCKS)
    for step in gaps.steps:
        given |= set(step.tables)
        asked |= step.sets[0]
        if blocks <= asked and not blocks <= spec.concepts.keys():
            given = {name for name in given if not load_indicators()[name].is_self_declared}
        yield frozenset(given)
