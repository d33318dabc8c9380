"""Which tables a questionnaire can give, which it cannot, and which questions they lack.

Here belongs what a table needs by way of questions (the derivations of ``transforms`` as names of columns), and the
report of it in words. The reckoning itself is ``schemas.gaps``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.estimates import has_status_for, versions
from pipelines.sign_off.concept_cards import Terms
from pipelines.sign_off.texts import in_language, typeset
from schemas.concepts import load_concepts
from schemas.gaps import Names, Opening, Recipes, missing, openings
from schemas.indicators import Indicator, load_indicators
from schemas.model_questions import load_model_questions
from schemas.survey_spec import SurveySpec
from transforms.derived import DERIVED

#: Databases of the tables that are judged: ILOSTAT's on migration, and our own beyond it.
DATABASES = ("ILMS", "EXT")

#: Marks a concept of absent household members, whose dictionary is another one.
ABSENTEE = "absentees."

_BLOCKS = ("worked_one_hour", "job_search", "available")
_ILO_STATUS = "labour_force_status by questions"
_ASKED = " as asked"

#: Derivations of ``transforms.harmonise``: column -> the sets of columns that it is made from.
_HARMONISED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "row_number": ((),),
    "exclusion": ((),),
    "residence_status": ((),),
    "has_arrived_from_abroad": ((),),
    "age_band": (("age",), ("age_5yr_band",)),
    "is_working_age": (("age",), ("age_5yr_band",)),
    "place_of_birth": (("country_of_birth",),),
    "citizenship_status": (("citizenship_1",),),
    "country_of_citizenship": (("citizenship_1",),),
    "months_of_stay": (("arrival_year",),),
    "labour_force_rule": (_BLOCKS,),
    "labour_force_status_icls19": (_BLOCKS,),
    "labour_force_status": (_BLOCKS, ("declared_labour_force_status",)),
    "is_migrant_worker_by_birth": (("labour_force_status", "country_of_birth"),),
    "is_migrant_worker_by_citizenship": (("labour_force_status", "citizenship_1"),),
    _ILO_STATUS: (_BLOCKS,),
}

#: What a table of nationals abroad needs: by its measure, and by each of its dimensions.
_ABROAD = ("household_id", "sex", "age", "citizenship_1")
_ABROAD_BY_MEASURE = {
    "MNA_TPOP": (),
    "MNA_OPOP": ("departure_year",),
    "MNA_OEMP": ("departure_year", "departure_reason"),
    "XMW_NETN": ("departure_year",),
}
_ABROAD_BY_DIMENSION = {
    "CRS": "country_of_residence",
    "CDS": "country_of_residence",
    "EDU": "education",
    "ECO": "economic_activity",
    "OCU": "occupation",
}


def recipes(spec: SurveySpec) -> Recipes:
    """Return column -> the sets of columns from any of which the pipeline derives it for a survey.

    Where it also matters whether the survey gives a column itself, a name with `` as asked`` stands for the question.
    """
    found = {column: [frozenset(needs) for needs in sets] for column, sets in _HARMONISED.items()}
    for derived in DERIVED:
        found.setdefault(derived.column, []).append(frozenset(derived.needs))
    found["is_inflow_twelve_months"] = [
        frozenset({"arrival_year", "arrival_month"}),
        frozenset({_asked("months_of_stay")}),
    ]
    residents = [frozenset({"labour_force_status", _asked("residence_status")})]
    if not spec.population.residence_by_design:
        residents.append(frozenset({"labour_force_status", "months_of_stay", "intended_stay_months"}))
    found["is_non_resident_foreign_worker"] = residents
    return found


def _asked(name: str) -> str:
    return name + _ASKED


def needed(indicator: Indicator, spec: SurveySpec) -> tuple[str, ...]:
    """Return the columns that a table needs of a survey; those of absent members with their mark."""
    stem = indicator.id[:8]
    abroad: tuple[str, ...] = ()
    if stem in _ABROAD_BY_MEASURE:
        by_dimension = [_ABROAD_BY_DIMENSION[name] for name in indicator.dimensions if name in _ABROAD_BY_DIMENSION]
        abroad = tuple(ABSENTEE + name for name in (*_ABROAD, *_ABROAD_BY_MEASURE[stem], *by_dimension))
    of_persons = () if stem.startswith("MNA_") and abroad else indicator.needs
    if indicator.universe == "non_resident_foreign_workers":
        of_persons = (*of_persons, "is_non_resident_foreign_worker")
    if not has_status_for(indicator, spec):
        of_persons = (*(name for name in of_persons if name != "labour_force_status"), _ILO_STATUS)
    return (*of_persons, *abroad)


@dataclass(frozen=True)
class Gaps:
    """The tables of the catalogue as one questionnaire can or cannot give them.

    Attributes:
        given: tables that can be given and that this program computes.
        not_computed: tables whose questions are all asked, which this program does not compute yet.
        other_version: tables whose questions are asked, but in a classification that the table does not have.
        lacking: table -> the smallest sets of concepts that it lacks.
        openings: what questions to add would open.
    """

    given: tuple[str, ...]
    not_computed: tuple[str, ...]
    other_version: tuple[str, ...]
    lacking: Mapping[str, frozenset[Names]]
    openings: tuple[Opening, ...]


def gaps_of(spec: SurveySpec) -> Gaps:
    """Return what a survey's questionnaire can give of the tables on migration, and what it lacks."""
    given = set(spec.concepts) | {_asked(name) for name in spec.concepts}
    if spec.absentees is not None:
        given |= {ABSENTEE + name for name in spec.absentees.concepts}
    derived = recipes(spec)
    sorted_out: dict[str, list[str]] = {"given": [], "not_computed": [], "other_version": []}
    lacking = {}
    for name, indicator in load_indicators().items():
        if indicator.database not in DATABASES or (indicator.is_self_declared and not has_status_for(indicator, spec)):
            continue
        lacks = missing(needed(indicator, spec), given, derived)
        sets = frozenset(frozenset(question.removesuffix(_ASKED) for question in names) for names in lacks)
        if frozenset() not in sets:
            lacking[name] = sets
        elif versions(indicator, spec) is None:
            sorted_out["other_version"].append(name)
        else:
            sorted_out["given" if indicator.is_computed else "not_computed"].append(name)
    return Gaps(
        **{kind: tuple(names) for kind, names in sorted_out.items()}, lacking=lacking, openings=openings(lacking)
    )


@dataclass(frozen=True)
class GapWriter:
    """Writes the report in one language."""

    terms: Terms

    def section(self, spec: SurveySpec) -> dict[str, Any]:
        """Return the report of one survey."""
        words, found = self.terms.words, gaps_of(spec)
        count = len(found.given) + len(found.not_computed) + len(found.other_version) + len(found.lacking)
        parts = {"given": found.given, "later": (*found.not_computed, *found.other_version), "lacking": found.lacking}
        intro = [words("gaps_all", count=count)]
        intro += [words(f"gaps_are_{kind}", count=len(tables)) for kind, tables in parts.items() if tables]
        return {
            "intro": intro,
            "openings": self._openings(found.openings),
            "questions": self._questions(found.lacking.values()),
            "given": self._tables(found.given),
            "later": self._tables(found.not_computed),
            "version": self._tables(found.other_version),
            "has_roster": any(name.startswith(ABSENTEE) for sets in found.lacking.values() for s in sets for name in s),
        }

    def _tables(self, names: Sequence[str]) -> list[tuple[str, str]]:
        indicators = load_indicators()
        language = self.terms.words.language
        return [(name, typeset(indicators[name].title[language], language)) for name in names]

    def _openings(self, found: Sequence[Opening]) -> list[dict[str, Any]]:
        """Return the sets of questions; alternatives that open the same tables, and the list of absentees, once."""
        together: dict[tuple[str, ...], list[Opening]] = {}
        abroad = [opening for opening in found if all(name.startswith(ABSENTEE) for name in opening.questions)]
        for opening in found:
            if opening not in abroad:
                together.setdefault(opening.only_together, []).append(opening)
        lines = [
            {
                "sets": [self._named(opening.questions) for opening in group],
                "blocks": min(_blocks(opening.questions) for opening in group),
                "opens": max(len(opening.tables) for opening in group),
                "together": len(tables),
                "tables": self._tables(tables),
                "notes": {},
            }
            for tables, group in together.items()
        ]
        if abroad:
            tables = tuple(dict.fromkeys(table for opening in abroad for table in opening.only_together))
            needs = {
                table: self.terms.words("gaps_needs", questions=", ".join(self._abroad(opening.questions)))
                for opening in abroad
                for table in opening.only_together
            }
            lines.append(
                {
                    "sets": [self._named(frozenset().union(*(opening.questions for opening in abroad)))],
                    "blocks": 1,
                    "opens": len(tables),
                    "together": len(tables),
                    "tables": self._tables(tables),
                    "notes": needs,
                }
            )
        return sorted(lines, key=lambda line: (line["blocks"], -line["opens"]))

    def _named(self, questions: Names) -> list[str]:
        """Return the questions of a set by name; those on members abroad as one."""
        names = [self.terms.name(name) for name in load_model_questions()["persons"] if name in questions]
        abroad = self._abroad(questions)
        if ABSENTEE + "household_id" in questions:
            abroad = [self.terms.words("gaps_roster", questions=", ".join(abroad))]
        return [*names, *abroad]

    def _abroad(self, questions: Names) -> list[str]:
        """Return the names of what must be asked of each member abroad, the list itself apart."""
        asked = load_model_questions()["absentees"]
        wanted = [name for name in asked if ABSENTEE + name in questions and name != "household_id"]
        return [self.terms.name(name, "persons" if name in load_concepts() else "absentees") for name in wanted]

    def _questions(self, lacking: Iterable[frozenset[Names]]) -> list[dict[str, Any]]:
        """Return how each missing question is asked, in the order of the model questions."""
        wanted = {name for sets in lacking for names in sets for name in names}
        found = []
        for kind, questions in load_model_questions().items():
            prefix = ABSENTEE if kind == "absentees" else ""
            for name, question in questions.items():
                if prefix + name not in wanted:
                    continue
                language = self.terms.words.language
                answers = getattr(question.answers, language) if question.answers is not None else ()
                texts = {
                    key: in_language(text, language) if text is not None else ""
                    for key, text in (
                        ("module", question.module),
                        ("asked", question.asked),
                        ("question", question.question),
                        ("note", question.note),
                        ("reason", question.reason),
                    )
                }
                title = self.terms.name(name, kind)
                found.append({**texts, "name": title, "answers": [typeset(text, language) for text in answers]})
        return found


def _blocks(questions: Names) -> int:
    """Return how many things must be added: each question is one, and a list of members abroad is one."""
    abroad = [name for name in questions if name.startswith(ABSENTEE)]
    return len(questions) - len(abroad) + bool(abroad)
