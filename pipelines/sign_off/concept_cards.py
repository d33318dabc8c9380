"""One card per concept of a specification: the ILO's meaning beside the office's variable, codes, rules and numbers.

Here belongs what a card shows, in words; what the file says is counted in ``facts``, how a card looks is
said in the template.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.sign_off.facts import CodeFact, NumberFacts, RuleFact, Share, TextFacts, plain
from pipelines.sign_off.rule_words import RuleWriter, Wording
from pipelines.sign_off.texts import Words, in_language, load_concept_texts, typeset
from schemas.codes import load_code_lists
from schemas.concepts import UNKNOWN, Concept, load_concepts
from schemas.survey_model import ConceptSource, RuleRow
from schemas.survey_spec import SurveySpec


@dataclass(frozen=True)
class FileFacts:
    """All that is shown of one file; the maps are by concept."""

    rows: int
    weights: float
    labels: Mapping[str, str]
    value_labels: Mapping[str, Mapping[str, str]]
    codes: Mapping[str, tuple[CodeFact, ...]]
    rules: Mapping[str, Mapping[int | None, RuleFact]]
    numbers: Mapping[str, NumberFacts]
    texts: Mapping[str, TextFacts]
    outcomes: Mapping[str, tuple[Share, ...]]
    to_decide: Mapping[str, int]


@dataclass(frozen=True)
class Terms:
    """Names, meanings and codes in one language."""

    words: Words

    def name(self, concept: str, kind: str = "persons") -> str:
        """Return a concept's short name; its identifier where it has none."""
        text = load_concept_texts()[kind].get(concept)
        return in_language(text.name, self.words.language) if text is not None else concept

    def definition(self, concept: Concept, kind: str = "persons") -> str:
        """Return what a concept means."""
        text = load_concept_texts()[kind].get(concept.name)
        if self.words.language == "en" or text is None or text.definition is None:
            return concept.definition
        return typeset(getattr(text.definition, self.words.language), self.words.language)

    def scope(self, concept: Concept) -> str:
        """Return of whom a concept has a value."""
        return self.words(f"scope_{concept.universe}")

    def target(self, concept: Concept, code: str) -> str:
        """Return the label of a harmonised code, of a truth value, or of what is left blank."""
        truth = {"TRUE": "yes", "FALSE": "no"}.get(code.upper())
        if concept.kind == "boolean" and truth is not None:
            return self.words(truth)
        if code == "NULL":
            return self.words("left_blank")
        for name in concept.code_lists:
            for item in load_code_lists()[name].items:
                if item.code == code:
                    return typeset(getattr(item, self.words.language), self.words.language)
        return self.words("unknown_code") if code == UNKNOWN else code


@dataclass(frozen=True)
class Variable:
    """One variable of the office; ``file_label`` where the file's own label differs."""

    name: str
    label: str
    file_label: str


@dataclass(frozen=True)
class CodeLine:
    """One line of a table of codes, as text."""

    code: str
    label: str
    file_label: str
    rows: str
    share: str
    weighted: str
    counted: str
    becomes: str
    target: str
    notes: tuple[str, ...]
    is_unmapped: bool


@dataclass(frozen=True)
class CountLine:
    """A number of rows, and of whom; ``is_error`` where they must be mended."""

    text: str
    rows: str
    is_error: bool = False


@dataclass(frozen=True)
class RuleLine:
    """One rule in words, and the rows that met it first."""

    order: str
    condition: Wording | None
    text: str
    value: Wording | None
    becomes: str
    target: str
    exact: str
    note: str
    rows: str
    is_error: bool = False


@dataclass(frozen=True)
class Card:
    """One concept.

    ``to_decide`` is of the file, None where none was read; ``is_scoped`` says that rows with a harmonised code lie
    outside the concept's universe, so that fewer are counted.
    """

    id: str
    concept: str
    name: str
    definition: str
    scope: str
    variables: tuple[Variable, ...]
    how: str
    classification: str
    shared_table: str
    wording: Wording | None = None
    exact: str = ""
    codes: tuple[CodeLine, ...] = ()
    unused: tuple[CodeLine, ...] = ()
    declared: tuple[CodeLine, ...] = ()
    rules: tuple[RuleLine, ...] = ()
    points: tuple[tuple[str, str], ...] = ()
    counts: tuple[CountLine, ...] = ()
    outcomes: tuple[tuple[str, str, str], ...] = ()
    missing: str = ""
    to_decide: int | None = None
    is_scoped: bool = False
    moved: int = field(default=0, compare=False)


@dataclass(frozen=True)
class CardWriter:
    """Writes the cards of one specification.

    Attributes:
        terms: the language.
        spec: the specification.
        writer: the wording of rules.
        facts: of the file; None where none was read.
    """

    terms: Terms
    spec: SurveySpec
    writer: RuleWriter
    facts: FileFacts | None

    def card(
        self,
        concept: Concept,
        source: ConceptSource,
        rules: Sequence[RuleRow],
        declared: Sequence[CodeFact],
        *,
        kind: str = "persons",
    ) -> Card:
        """Return the card of one concept.

        Args:
            concept: the concept.
            source: where it comes from.
            rules: its rules, in order.
            declared: the codes that the specification lists, for a page without a file.
            kind: ``persons`` or ``absentees``; nothing is counted of absentees.
        """
        words, name = self.terms.words, concept.name
        facts = self.facts if kind == "persons" else None
        codes = facts.codes.get(name, ()) if facts is not None else ()
        lines = [self._code_line(concept, fact, facts.rows) for fact in codes if fact.rows] if facts else []
        lists = load_code_lists()
        classification = lists[source.classification].title if source.classification else None
        unused = tuple(self._code_line(concept, fact, 0) for fact in codes if not fact.rows)
        expression = source.expression
        return Card(
            id=f"{'c' if kind == 'persons' else 'a'}-{name}",
            concept=name,
            name=self.terms.name(name, kind),
            definition=self.terms.definition(concept, kind),
            scope=self.terms.scope(concept),
            variables=self._variables(source, rules),
            how=words(_how(concept, source, bool(codes or declared or source.codes))),
            classification=typeset(classification[words.language], words.language) if classification else "",
            shared_table=source.codes or "",
            wording=self.writer.wording(expression) if expression is not None else None,
            exact=expression.text if expression is not None else "",
            codes=tuple(sorted(lines, key=lambda line: not line.is_unmapped)),
            unused=unused,
            declared=tuple(self._code_line(concept, fact, 0) for fact in declared) if facts is None else (),
            rules=self._rules(concept, rules, facts),
            points=self._points(name, facts.numbers.get(name)) if facts is not None else (),
            counts=self._counts(name, facts) if facts is not None else (),
            outcomes=self._outcomes(concept, facts) if facts is not None else (),
            missing=words("missing_declared", codes=", ".join(source.missing)) if source.missing else "",
            to_decide=facts.to_decide.get(name, 0) if facts is not None else None,
            is_scoped=any(fact.target not in ("", "NULL") and fact.used < fact.rows for fact in codes),
        )

    def _variables(self, source: ConceptSource, rules: Iterable[RuleRow]) -> tuple[Variable, ...]:
        names = set(source.columns)
        for rule in rules:
            names |= rule.when.columns | (rule.expression.columns if rule.expression is not None else frozenset())
        of_file = self.facts.labels if self.facts is not None else {}
        found: dict[str, Variable] = {}
        for row in self.spec.layout:
            if row.variable in names and row.variable not in found:
                other = of_file.get(row.variable, "")
                label = row.label or other
                differs = other if other and plain(other) != plain(label) else ""
                found[row.variable] = Variable(row.variable, label if label != row.variable else "", differs)
        return tuple(found.values())

    def _code_line(self, concept: Concept, fact: CodeFact, rows: int) -> CodeLine:
        words, scope = self.terms.words, self.terms.scope(concept)
        notes = [fact.note] if fact.note else []
        if fact.unmapped:
            becomes = words("unmapped")
            if fact.unmapped != fact.rows:
                notes.append(words("unmapped_rows", rows=words.number(fact.unmapped)))
        elif not fact.target:
            becomes = words("outside", scope=scope)
        else:
            becomes = self.terms.target(concept, fact.target)
        return CodeLine(
            code="\u2026" if fact.further else fact.code or words("blank_code"),
            label=words("further_codes", count=fact.further) if fact.further else fact.label,
            file_label=words("file_label", label=fact.file_label) if fact.file_label else "",
            rows=words.number(fact.rows),
            share=words.percent(fact.rows / rows) if rows else "",
            weighted=words.number(fact.weighted),
            counted=words.number(fact.used) if fact.target != "NULL" else "\u2013",
            becomes=becomes,
            target=fact.target if fact.target not in ("TRUE", "FALSE", "NULL") and not fact.unmapped else "",
            notes=tuple(notes),
            is_unmapped=bool(fact.unmapped),
        )

    def _rules(self, concept: Concept, rules: Sequence[RuleRow], facts: FileFacts | None) -> tuple[RuleLine, ...]:
        words = self.terms.words
        met = facts.rules.get(concept.name, {}) if facts is not None else {}
        lines = []
        for index, rule in enumerate(rules):
            fact = met.get(index)
            lines.append(
                RuleLine(
                    order=str(rule.order),
                    condition=self.writer.wording(rule.when),
                    text="",
                    value=self.writer.wording(rule.expression) if rule.expression is not None else None,
                    becomes="" if rule.expression is not None else self.terms.target(concept, rule.value),
                    target=rule.value if concept.kind == "code" and rule.value != "NULL" else "",
                    exact=rule.when.text,
                    note=rule.note,
                    rows=words.number(fact.rows if fact is not None else 0) if facts is not None else "",
                )
            )
        none = met.get(None)
        if none is not None:
            outside = none.rows - none.unmapped
            text = words("rule_none")
            for rows, key in ((none.unmapped, "unmapped"), (outside, "rule_none_outside")):
                if rows:
                    becomes = (
                        words("without_value") if key == "unmapped" else words(key, scope=self.terms.scope(concept))
                    )
                    lines.append(
                        RuleLine("", None, text, None, becomes, "", "", "", words.number(rows), key == "unmapped")
                    )
        return tuple(lines)

    def _points(self, name: str, numbers: NumberFacts | None) -> tuple[tuple[str, str], ...]:
        words = self.terms.words
        if numbers is None:
            return ()
        found = []
        for point, value in numbers.points:
            if value is None:
                shown = words("too_few")
            elif name.endswith("_year"):
                shown = f"{value:.0f}"
            else:
                shown = words.number(value, 0 if value == int(value) else 2)
            share = words.percent(point).replace(words.number(100 * point, 1), words.number(100 * point))
            found.append((words("point", share=share), shown))
        return tuple(found)

    def _counts(self, name: str, facts: FileFacts) -> tuple[CountLine, ...]:
        words = self.terms.words
        numbers, texts, scope = facts.numbers.get(name), facts.texts.get(name), self.terms.scope(load_concepts()[name])
        if texts is not None:
            lines = [(words("with_value"), texts.stated), (words("distinct"), texts.distinct)]
            errors = [(words("without_value"), texts.unmapped)]
        elif numbers is not None:
            lines = [(words("with_number"), numbers.stated)]
            if numbers.blank is not None:
                lines.append((words("with_blank"), numbers.blank))
            elif numbers.stated < facts.rows:
                lines.append((words("no_outcome", scope=scope), facts.rows - numbers.stated))
            lines += [(words("with_missing", code=code), rows) for code, rows in numbers.missing]
            errors = [(words("with_error"), numbers.unmapped)]
        else:
            return ()
        found = [CountLine(text, words.number(rows)) for text, rows in lines]
        found += [CountLine(text, words.number(rows), is_error=True) for text, rows in errors if rows]
        if numbers is not None and numbers.total is not None:
            found.append(CountLine(words("weights_sum"), words.number(numbers.total)))
        return tuple(found)

    def _outcomes(self, concept: Concept, facts: FileFacts) -> tuple[tuple[str, str, str], ...]:
        words = self.terms.words
        found = facts.outcomes.get(concept.name, ())
        return tuple(
            (
                self.terms.target(concept, share.code)
                if share.code
                else words("no_outcome", scope=self.terms.scope(concept)),
                words.number(share.rows),
                words.percent(share.share),
            )
            for share in found
        )


def _how(concept: Concept, source: ConceptSource, has_codes: bool) -> str:
    if source.rules:
        return "by_rules"
    if has_codes:
        return "by_codes"
    if source.expression is not None:
        return "by_expression"
    return "by_number" if concept.kind == "number" else "by_text"
