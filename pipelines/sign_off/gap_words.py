"""The gap report in words: what a questionnaire gives by topic, which questions to add in which order, and how to ask.

Here belongs how the report is laid out. What a table needs is said in ``gap_report``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.needs import ABSENTEE
from pipelines.sign_off.concept_cards import Terms
from pipelines.sign_off.gap_report import Gaps, gaps_of, given_after
from pipelines.sign_off.texts import in_language, typeset
from schemas.concepts import load_concepts
from schemas.gaps import Names, Step
from schemas.indicators import Indicator, load_indicators
from schemas.model_questions import ModelQuestion, load_model_questions
from schemas.survey_spec import SurveySpec

#: Groups of tables on the page -> topics of the catalogue that are theirs where the kind of figure does not say it.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "stocks": ("MST", "XST", "XRS"),
    "inflows": ("MFL", "XIC", "XIT", "XIY", "XIP"),
    "workers": ("XMW",),
    "earnings": (),
    "work": ("EIP", "XLU", "XTU", "XPL", "XIF", "XDW", "XSD"),
    "comparisons": ("XSH",),
    "changes": (),
    "abroad": ("MNA", "XNA"),
}

#: Kind of figure -> the group of its tables, whatever their topic.
_BY_MEASURE = {
    "mean": "earnings",
    "median": "earnings",
    "gap": "earnings",
    "factor_gap": "earnings",
    "difference": "comparisons",
    "change": "changes",
    "net": "abroad",
}

_CRITERIA = ("birth", "citizenship", "")

_Tables = list[tuple[str, str]]


def group_of(indicator: Indicator) -> str:
    """Return the group that a table stands in on the page."""
    if indicator.measure in _BY_MEASURE:
        return _BY_MEASURE[indicator.measure]
    return next(group for group, topics in GROUPS.items() if indicator.topic in topics)


@dataclass(frozen=True)
class GapWriter:
    """Writes the report in one language."""

    terms: Terms

    def section(self, spec: SurveySpec) -> dict[str, Any]:
        """Return the report of one survey."""
        words, found = self.terms.words, gaps_of(spec)
        everything = (*found.given, *found.otherwise, *found.lacking)
        ilostat = sum(load_indicators()[name].agency == "ILO" for name in everything)
        intro = [words("gaps_all", ilostat=ilostat, own=len(everything) - ilostat, count=len(everything))]
        parts = {"given": found.given, "otherwise": found.otherwise, "lacking": found.lacking}
        intro += [words(f"gaps_are_{kind}", count=len(tables)) for kind, tables in parts.items() if tables]
        return {
            "intro": intro,
            "overview": self._overview(everything, set(found.given)),
            "given": self._groups(found.given),
            "given_count": len(found.given),
            "otherwise": self._groups(found.otherwise),
            "steps": self._steps(spec, found),
            "alone": self._alone(found),
            "modules": self._modules(found.lacking.values()),
            "has_list": any(name.startswith(ABSENTEE) for sets in found.lacking.values() for s in sets for name in s),
        }

    def _overview(self, everything: Sequence[str], given: set[str]) -> list[tuple[str, list[str]]]:
        """Return group by group how many of its tables are given, together and by criterion of migration."""
        indicators = load_indicators()
        lines = []
        for group in (*GROUPS, ""):
            of_group = [name for name in everything if group in ("", group_of(indicators[name]))]
            cells = [
                [name for name in of_group if criterion == "".join(indicators[name].criteria)]
                for criterion in _CRITERIA
            ]
            title = self.terms.words(f"tables_{group or 'all'}")
            lines.append((title, [self._share(names, given) for names in (of_group, *cells)]))
        return lines

    @staticmethod
    def _share(names: Sequence[str], given: set[str]) -> str:
        if not names:
            return "\u2013"
        return f"{sum(name in given for name in names)}\u00a0/\u00a0{len(names)}"

    def _groups(self, names: Sequence[str]) -> list[tuple[str, _Tables]]:
        """Return tables by group: title of the group, and the id and title of each."""
        indicators, language = load_indicators(), self.terms.words.language
        found = []
        for group in GROUPS:
            of_group = [name for name in names if group_of(indicators[name]) == group]
            if of_group:
                tables = [(name, typeset(indicators[name].title[language], language)) for name in of_group]
                found.append((self.terms.words(f"tables_{group}"), tables))
        return found

    # --- what to add

    def _steps(self, spec: SurveySpec, found: Gaps) -> list[dict[str, Any]]:
        lines, before = [], len(found.given)
        for step, given in zip(found.steps, given_after(spec, found), strict=True):
            groups, ended = self._groups(step.tables), before + len(step.tables) - len(given)
            before = len(given)
            lines.append(
                {
                    "sets": [self._named(names, found) for names in step.sets],
                    "opens": len(step.tables),
                    "then": before,
                    "summary": "; ".join(f"{title} {len(tables)}" for title, tables in groups),
                    "ended": self.terms.words("gaps_ended", count=ended) if ended else "",
                    "groups": groups,
                    "notes": self._list_notes(step, found),
                }
            )
        return lines

    def _alone(self, found: Gaps) -> str:
        """Return the questions that open tables by themselves and are no step, in words; empty where there are none."""
        steps = {names for step in found.steps for names in step.sets}
        others = [
            f"{' + '.join(self._named(frozenset({name}), found))} ({len(tables)})"
            for name, tables in found.alone.items()
            if frozenset({name}) not in steps
        ]
        return self.terms.words("gaps_alone", questions=", ".join(others)) if others else ""

    def _named(self, questions: Names, found: Gaps) -> list[str]:
        """Return the questions of a set by name, those on members abroad last; the list of them as one."""
        asked = load_model_questions()
        names = [self.terms.name(name) for name in asked["persons"] if name in questions]
        names += [self.terms.name(name, "absentees") for name in asked["absentees"] if ABSENTEE + name in questions]
        if ABSENTEE in questions:
            wanted = frozenset(name for sets in found.lacking.values() for needs in sets for name in needs)
            names.append(self.terms.words("gaps_roster", questions=", ".join(self._of_list(wanted))))
        return names

    def _of_list(self, questions: Names) -> list[str]:
        """Return the names of what must be asked of each member abroad, the list itself apart."""
        asked = load_model_questions()["absentees"]
        wanted = [name for name in asked if ABSENTEE + name in questions and name != "household_id"]
        return [self.terms.name(name, "persons" if name in load_concepts() else "absentees") for name in wanted]

    def _list_notes(self, step: Step, found: Gaps) -> dict[str, str]:
        """Return table -> what the list of members abroad must ask for it, where a step adds the list."""
        if ABSENTEE not in step.sets[0]:
            return {}
        notes = {}
        for table in step.tables:
            needs = min(found.lacking[table], key=lambda names: (len(names), sorted(names)))
            notes[table] = self.terms.words("gaps_needs", questions=", ".join(self._of_list(needs)))
        return notes

    # --- how to ask

    def _modules(self, lacking: Iterable[frozenset[Names]]) -> list[tuple[str, list[dict[str, Any]]]]:
        """Return how each missing question is asked, by part of the questionnaire, in the order of a questionnaire."""
        wanted = {name for sets in lacking for names in sets for name in names}
        found: dict[str, list[dict[str, Any]]] = {}
        for kind, questions in load_model_questions().items():
            prefix = ABSENTEE if kind == "absentees" else ""
            for name, question in questions.items():
                if prefix + name in wanted:
                    module = in_language(question.module, self.terms.words.language)
                    found.setdefault(module, []).append(self._question(question, kind))
        return list(found.items())

    def _question(self, question: ModelQuestion, kind: str) -> dict[str, Any]:
        language = self.terms.words.language
        answers = getattr(question.answers, language) if question.answers is not None else ()
        texts = {
            key: in_language(text, language) if text is not None else ""
            for key, text in (
                ("asked", question.asked),
                ("question", question.question),
                ("note", question.note),
                ("reason", question.reason),
            )
        }
        title = self.terms.name(question.concept, kind)
        return {**texts, "name": title, "answers": [typeset(text, language) for text in answers]}
