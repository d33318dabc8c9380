"""The sign-off page: one HTML file in which an office checks the description of its survey and signs it.

Here belongs what stands on the page and in which order. It shows counts of the office's own file, small ones
included, and stays with the office: nothing of it goes to the data folder.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pipelines.check_spec import CheckedSpec, Harmonised, checked, first_period, harmonised, weight_total
from pipelines.findings import Finding
from pipelines.home import Home
from pipelines.sign_off import facts as facts_of
from pipelines.sign_off.concept_cards import Card, CardWriter, FileFacts, Terms, Variable
from pipelines.sign_off.facts import LeafFact, Share
from pipelines.sign_off.gap_words import GapWriter
from pipelines.sign_off.rule_words import RuleWriter
from pipelines.sign_off.shares import MOVED_POINTS, MOVED_ROWS, Before, Change, compared, round_before
from pipelines.sign_off.texts import Words, in_language, load_finding_texts, typeset
from pipelines.storage import file_hash, write_atomically
from schemas.concepts import Concept, load_absentee_concepts, load_concepts, load_topics
from schemas.periods import Period
from schemas.survey_spec import SurveySpec, dictionary_of

#: Bytes read of the hash in the signature line: enough to tell two descriptions apart.
_HASH_SHOWN = 16


@dataclass(frozen=True)
class Asked:
    """What the page is asked for.

    Attributes:
        language: en, fr or es.
        day: the date that the page carries.
        files: the files of the round; none for a page of the specification alone.
        period: their reference period; by default the first that the specification allows.
        variant: variant of the files, where several fit.
        before: the files of another round to compare with; none to look into the data folder.
        before_period: its reference period; by default the one before.
    """

    language: str
    day: date
    files: tuple[Path, ...] = ()
    period: Period | None = None
    variant: str | None = None
    before: tuple[Path, ...] = ()
    before_period: Period | None = None


@dataclass(frozen=True)
class _FileRead:
    """What was found out about a file."""

    checked: CheckedSpec
    facts: FileFacts
    leaves: tuple[LeafFact, ...]
    shares: Mapping[str, tuple[Share, ...]]


def sign_off(
    home: Home, spec: SurveySpec, asked: Asked, progress: Callable[[str], None]
) -> tuple[str, CheckedSpec | None]:
    """Return the page as HTML, and the counts of the file as ``check-spec`` gives them (None without a file).

    Args:
        home: data folder: for scratch space, and for the round before.
        spec: the specification.
        asked: files, periods, language and date.
        progress: told the steps.

    Raises:
        InputError: a file cannot be read.
    """
    period = asked.period or first_period(spec)
    read, before = None, None
    if asked.files:
        earlier = asked.before_period or period.previous()
        before = round_before(home, spec, asked.before, earlier, progress)
        with harmonised(home, spec, asked.files, period, progress, asked.variant) as this:
            progress("counting")
            read = _read(this, spec, before)
    return _Page(spec, asked, period, read, before).html(), read.checked if read is not None else None


def write_page(
    home: Home,
    spec: SurveySpec,
    files: Sequence[Path],
    progress: Callable[[str], None],
    *,
    html: Path,
    language: str,
    day: date,
    period: Period | None = None,
    variant: str | None = None,
    before: Sequence[Path] = (),
    before_period: Period | None = None,
) -> CheckedSpec | None:
    """Write the page to a file that its owner alone can read, and return the counts of the file, if one was given.

    Raises:
        InputError: a file cannot be read.
        UsageError: the folder of the page does not exist.
    """
    if not html.absolute().parent.is_dir():
        raise click.UsageError(f"there is no folder {html.parent} to write the page into")
    asked = Asked(language, day, tuple(files), period, variant, tuple(before), before_period)
    text, found = sign_off(home, spec, asked, progress)
    write_atomically(html, text.encode())
    return found


def _read(this: Harmonised, spec: SurveySpec, before: Before | None) -> _FileRead:
    steps, concepts = this.steps, load_concepts()
    plain = [name for name in steps.checked if name not in steps.keys]
    labels = {name: text for info in this.raw.parts.values() for name, text in info.labels.items()}
    values = {name: codes for info in this.raw.parts.values() for name, codes in info.value_labels.items()}
    facts = FileFacts(
        rows=this.raw.persons.rows,
        weights=weight_total(this.connection),
        labels=labels,
        value_labels=values,
        codes={name: facts_of.code_facts(this, spec, name) for name in steps.keys},
        rules={name: facts_of.rule_facts(this, name) for name in steps.ruled},
        numbers={name: facts_of.number_facts(this, spec, name) for name in plain if concepts[name].kind == "number"},
        texts={name: facts_of.text_facts(this, name) for name in plain if concepts[name].kind == "text"},
        outcomes={
            name: facts_of.outcome_facts(this, name)
            for name in plain
            if concepts[name].kind == "boolean" and name not in steps.ruled
        },
        to_decide=facts_of.rows_to_decide(this),
    )
    return _FileRead(
        checked(this, spec, before.weights if before is not None else None),
        facts,
        facts_of.leaf_facts(this),
        facts_of.shares(this.connection, steps.columns, concepts, "work"),
    )


class _Page:
    """The page of one specification, in one language."""

    def __init__(
        self, spec: SurveySpec, asked: Asked, period: Period, read: _FileRead | None, before: Before | None
    ) -> None:
        self.spec, self.asked, self.period, self.read, self.before = spec, asked, period, read, before
        self.words = Words.of(asked.language, "page", "rules")
        self.terms = Terms(self.words)
        self.writer = RuleWriter(self.words, self._labels(), self._value_labels())

    def html(self) -> str:
        environment = Environment(
            loader=PackageLoader("pipelines.sign_off", ""),
            autoescape=select_autoescape(default=True),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        survey = self.spec.survey
        return environment.get_template("page.html").render(
            t=self.words,
            language=self.asked.language,
            title=typeset(getattr(survey.title, self.asked.language), self.asked.language),
            organisation=typeset(getattr(survey.organisation, self.asked.language), self.asked.language),
            kind=self.words(f"kind_{survey.extract}") if survey.extract != "national" else "",
            spec=self.spec,
            period=str(self.period),
            files=[(file.name, file_hash(file)) for file in self.asked.files],
            day=self.words.day(self.asked.day),
            hash_shown=self.spec.sha256[:_HASH_SHOWN],
            has_file=self.read is not None,
            rows=self.words.number(self.read.facts.rows) if self.read is not None else "",
            weights=self.words.number(self.read.facts.weights) if self.read is not None else "",
            verdict=self._verdict(),
            findings=self._findings(),
            topics=self._topics(),
            absentees=self._absentees(),
            corrections=self._corrections(),
            tree=self._tree(),
            comparison=self._comparison(),
            gaps=GapWriter(self.terms).section(self.spec),
            not_collected=[(self.terms.name(name), text) for name, text in self.spec.not_collected.items()],
        )

    # --- labels

    def _labels(self) -> dict[str, str]:
        of_file = dict(self.read.facts.labels) if self.read is not None else {}
        return of_file | {row.variable: row.label for row in self.spec.layout if row.label}

    def _value_labels(self) -> dict[str, dict[str, str]]:
        """Return variable -> code -> label: the office's own of the code tables, else the file's."""
        found: dict[str, dict[str, str]] = {}
        if self.read is not None:
            found = {name: dict(codes) for name, codes in self.read.facts.value_labels.items()}
        sources = [(self.spec.concepts, self.spec.codes)]
        if self.spec.absentees is not None:
            sources.append((self.spec.absentees.concepts, self.spec.absentees.codes))
        for concepts, codes in sources:
            for name, source in concepts.items():
                if source.variable is not None:
                    labelled = {row.source_code: row.source_label for row in codes.get(name, ()) if row.source_label}
                    found.setdefault(source.variable, {}).update(labelled)
        return found

    # --- heading and findings

    def _verdict(self) -> dict[str, str]:
        if self.read is None:
            kind = "no_file"
            errors = warnings = 0
        else:
            errors = sum(item.severity == "error" for item in self.read.checked.findings)
            warnings = len(self.read.checked.findings) - errors
            kind = "errors" if errors else "warnings" if warnings else "passes"
        following = self.words(f"verdict_{kind}_next", errors=errors, warnings=warnings)
        return {"kind": kind, "text": self.words(f"verdict_{kind}"), "next": following}

    def _findings(self) -> list[dict[str, Any]]:
        if self.read is None:
            return []
        found = sorted(self.read.checked.findings, key=lambda item: (item.severity != "error", -item.count, item.rule))
        return [self._finding(item) for item in found]

    def _finding(self, item: Finding) -> dict[str, Any]:
        text = load_finding_texts().get(item.rule)
        title, remedy, detail, original = item.message, "", "", ""
        if text is None:
            title, original = item.rule, item.message
        else:
            title = in_language(text.title, self.asked.language)
            remedy = in_language(text.remedy, self.asked.language)
            match = re.search(text.pattern, item.message) if text.pattern else None
            if match is not None and text.detail is not None:
                detail = in_language(text.detail, self.asked.language).format_map(match.groupdict())
            elif text.pattern:
                original = item.message
        labels = {name: label for name, label in self._labels().items() if label != name}
        names = [name for name in item.variable.split(", ") if name]
        return {
            "rule": item.rule,
            "is_error": item.severity == "error",
            "title": title,
            "detail": detail,
            "original": original,
            "remedy": remedy,
            "concept": self.terms.name(item.concept) if item.concept else "",
            "anchor": f"c-{item.concept}" if item.concept in self.spec.concepts else "",
            "variables": [Variable(name, labels.get(name, ""), "") for name in names],
            "rows": self.words.number(item.count) if item.count else "",
            "first": self.words("first_rows", rows=", ".join(map(str, item.rows))) if item.rows else "",
        }

    # --- concepts

    def _topics(self) -> list[dict[str, Any]]:
        """Return the topics of the dictionary that the survey gives anything of, with their cards."""
        cards = CardWriter(self.terms, self.spec, self.writer, self.read.facts if self.read is not None else None)
        moved = {name: sum(change.has_moved for change in changes) for name, changes in self._changes().items()}
        found = []
        for topic, names in load_topics().items():
            mine = [
                replace(self._card(cards, load_concepts()[name]), moved=moved.get(name, 0))
                for name in names
                if name in self.spec.concepts
            ]
            if mine:
                found.append({"id": f"t-{topic}", "title": self.words(f"topic_{topic}"), "cards": mine})
        return found

    def _card(self, cards: CardWriter, concept: Concept) -> Card:
        declared = facts_of.declared_codes(self.spec, self.spec.codes_at(concept.name, self.period))
        rules = self.spec.rules.get(concept.name, ())
        return cards.card(concept, self.spec.concepts[concept.name], rules, declared)

    def _absentees(self) -> dict[str, Any] | None:
        """Return how absent household members are described; nothing is counted of them here."""
        absentees = self.spec.absentees
        if absentees is None:
            return None
        cards = CardWriter(self.terms, self.spec, self.writer, None)
        mine = [
            cards.card(
                concept,
                absentees.concepts[name],
                absentees.rules.get(name, ()),
                facts_of.declared_codes(self.spec, absentees.codes_at(name, self.period)),
                kind="absentees",
            )
            for name, concept in load_absentee_concepts().items()
            if name in absentees.concepts
        ]
        where = self.writer.wording(absentees.where) if absentees.where is not None else None
        return {"cards": mine, "where": where, "exact": absentees.where.text if absentees.where is not None else ""}

    def _corrections(self) -> list[dict[str, Any]]:
        return [
            {
                "condition": self.writer.wording(correction.where),
                "exact": correction.where.text,
                "sets": self.words("correction_sets", variable=correction.variable, value=correction.value),
                "rows": self.words.number(correction.expected_rows),
                "reason": correction.reason,
                "source": correction.source,
            }
            for correction in self.spec.corrections
        ]

    # --- labour force status

    def _tree(self) -> dict[str, Any]:
        section = self.spec.labour_force
        if section is None:
            return {"text": self.words("tree_none"), "lines": []}
        if section.source == "declared":
            name = self.terms.name("declared_labour_force_status")
            return {"text": self.words("tree_declared", concept=name), "lines": []}
        leaves = self.read.leaves if self.read is not None else ()
        status = dictionary_of(self.spec)["labour_force_status"]
        rows = sum(leaf.rows for leaf in leaves)
        lines = [
            (
                self.words(f"leaf_{leaf.leaf or 'none'}"),
                leaf.leaf,
                self.terms.target(status, leaf.status) if leaf.status else "",
                self.words.number(leaf.rows),
                self.words.percent(leaf.rows / rows),
                self.words.number(leaf.weighted),
            )
            for leaf in leaves
        ]
        return {"text": self.words("tree_intro"), "lines": lines}

    # --- the round before

    def _changes(self) -> dict[str, tuple[Change, ...]]:
        if self.read is None or self.before is None:
            return {}
        return {
            name: compared(shares, self.before.shares[name])
            for name, shares in self.read.shares.items()
            if name in self.before.shares
        }

    def _comparison(self) -> dict[str, Any]:
        words, before = self.words, self.before
        if self.read is None:
            return {"text": words("before_no_file"), "columns": [], "new": [], "lost": "", "weights": ""}
        if before is None:
            earlier = self.asked.before_period or self.period.previous()
            return {"text": words("before_none", before=earlier), "columns": [], "new": [], "lost": "", "weights": ""}
        source = words("before_file", name=", ".join(before.files)) if before.files else words("before_stored")
        text = words(
            "before_intro",
            now=self.period,
            before=before.period,
            source=source,
            points=words.number(100 * MOVED_POINTS),
            rows=MOVED_ROWS,
        )
        columns = [self._column(name, changes) for name, changes in self._changes().items()]
        lost = [self.terms.name(name) for name in before.shares if name not in self.read.shares]
        totals = [words.number(value) for value in (before.weights, self.read.facts.weights)]
        new = [name for name in self.read.shares if name not in before.shares]
        return {
            "text": text,
            "columns": sorted(columns, key=lambda column: not column["moved"]),
            "new": [words("before_summary_new", concept=self.terms.name(name)) for name in new],
            "lost": words("lost", concepts=", ".join(lost)) if lost else "",
            "weights": words("weights_before", before=totals[0], now=totals[1]),
        }

    def _column(self, name: str, changes: Sequence[Change]) -> dict[str, Any]:
        words, concept = self.words, load_concepts()[name]
        moved = sum(change.has_moved for change in changes)
        title = self.terms.name(name)
        key = "before_summary_moved" if moved else "before_summary_same"
        return {
            "name": title,
            "concept": name,
            "moved": moved,
            "summary": words(key, concept=title, count=moved),
            "lines": [
                (
                    self.terms.target(concept, change.code),
                    words.number(change.rows_before),
                    words.percent(change.share_before),
                    words.number(change.rows),
                    words.percent(change.share),
                    words.points(change.difference),
                    change.has_moved,
                )
                for change in changes
            ],
        }
