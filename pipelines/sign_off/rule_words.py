"""A checked expression of the rule language in plain words, in three languages.

Here belongs the wording of every kind of node; what may stand in an expression is said in
``schemas.expressions``. Words come in pieces, so that a page can set variables apart, and conditions of
several parts as lists.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from pipelines.sign_off.texts import Words
from schemas.expressions import Expression


@dataclass(frozen=True)
class Span:
    """A stretch of text; kind is ``plain``, ``variable``, ``label`` or ``value``."""

    kind: str
    text: str


Spans = tuple[Span, ...]


@dataclass(frozen=True)
class Sentence:
    """Words on one line."""

    spans: Spans


@dataclass(frozen=True)
class Group:
    """Conditions of which all, any, none or not all hold: ``head`` says which."""

    head: str
    parts: "tuple[Sentence | Group, ...]"


@dataclass(frozen=True)
class Cases:
    """Values by condition, the first that holds; ``otherwise`` when none does."""

    branches: "tuple[tuple[Sentence | Group, Spans], ...]"
    otherwise: Spans


Wording = Sentence | Group | Cases

_PLACE = re.compile(r"\{(\w+)\}")
_COMPARISONS: dict[type, str] = {
    exp.EQ: "equal",
    exp.NEQ: "unequal",
    exp.LT: "less",
    exp.LTE: "at_most",
    exp.GT: "greater",
    exp.GTE: "at_least",
}
_MIRRORED = {
    "equal": "equal",
    "unequal": "unequal",
    "less": "greater",
    "at_most": "at_least",
    "greater": "less",
    "at_least": "at_most",
}
_SIGNS: dict[type, str] = {exp.Add: "+", exp.Sub: "\u2212", exp.Mul: "\u00d7", exp.Div: "\u00f7"}
_ONE_OPERAND: dict[type, str] = {
    exp.Trim: "trimmed",
    exp.Lower: "lower",
    exp.Upper: "upper",
    exp.Length: "length",
    exp.ToNumber: "number",
    exp.Neg: "minus",
}


@dataclass(frozen=True)
class RuleWriter:
    """Writes expressions in words.

    Attributes:
        words: the language.
        labels: variable -> its label.
        values: variable -> code -> label of the code.
    """

    words: Words
    labels: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]

    def wording(self, expression: Expression) -> Wording:
        """Return an expression in words: a condition, a value, or values by condition.

        Raises:
            KeyError: a kind of node has no wording.
        """
        tree = _unwrapped(sqlglot.parse_one(expression.text, read="duckdb"))
        if type(tree) is exp.Case:
            return self._cases(tree)
        if expression.kind == "boolean":
            return self._condition(tree)
        return Sentence(self._value(tree))

    # --- conditions

    def _condition(self, node: Any) -> Sentence | Group:
        node = _unwrapped(node)
        if type(node) in (exp.And, exp.Or):
            parts = tuple(self._condition(part) for part in _chain(node))
            if len(parts) == 2 and all(map(_is_short, _chain(node))):
                return Sentence(self._inline(node))
            return Group("all" if type(node) is exp.And else "any", parts)
        if type(node) is exp.Not:
            inner = _unwrapped(node.this)
            if type(inner) in (exp.And, exp.Or):
                head = "not_all" if type(inner) is exp.And else "none"
                return Group(head, tuple(self._condition(part) for part in _chain(inner)))
        return Sentence(self._inline(node))

    def _inline(self, node: Any) -> Spans:
        """Return a condition on one line."""
        node = _unwrapped(node)
        kind = type(node)
        if kind in (exp.And, exp.Or):
            parts = [
                self._bracketed(part) if type(_unwrapped(part)) in (exp.And, exp.Or) else self._inline(part)
                for part in _chain(node)
            ]
            return _joined(parts, f" {self.words('and' if kind is exp.And else 'or')} ")
        if kind in _COMPARISONS:
            return self._comparison(node)
        if kind is exp.In:
            return self._fill("one_of", x=self._value(node.this), items=self._list(node, "or"))
        if kind is exp.Between:
            return self._between("between", node)
        if kind is exp.Is:
            return self._fill("is_blank", x=self._value(node.this))
        if kind is exp.StartsWith:
            return self._fill("starts_with", x=self._value(node.this), y=self._value(node.expression))
        if kind is exp.Not:
            return self._negated(_unwrapped(node.this))
        if kind is exp.Boolean:
            return _plain(self.words("yes" if node.this else "no"))
        return self._fill("holds", x=self._value(node))

    def _negated(self, node: Any) -> Spans:
        kind = type(node)
        if kind is exp.In:
            return self._fill("none_of", x=self._value(node.this), items=self._list(node, "and"))
        if kind is exp.Is:
            return self._fill("is_not_blank", x=self._value(node.this))
        if kind is exp.Between:
            return self._between("not_between", node)
        if kind in (exp.And, exp.Or):
            return self._fill("not", x=self._bracketed(node))
        return self._fill("not", x=self._inline(node))

    def _bracketed(self, node: Any) -> Spans:
        return (*_plain("("), *self._inline(node), *_plain(")"))

    def _comparison(self, node: Any) -> Spans:
        key, left, right = _COMPARISONS[type(node)], _unwrapped(node.this), _unwrapped(node.expression)
        if _is_constant(left) and not _is_constant(right):
            key, left, right = _MIRRORED[key], right, left
        return self._fill(key, x=self._value(left), y=self._value(right, of=left))

    def _between(self, key: str, node: Any) -> Spans:
        low, high = (self._value(node.args[side], of=node.this) for side in ("low", "high"))
        return self._fill(key, x=self._value(node.this), low=low, high=high)

    def _list(self, node: Any, joint: str) -> Spans:
        return self._listed([self._value(item, of=node.this) for item in node.expressions], joint)

    def _listed(self, parts: Sequence[Spans], joint: str) -> Spans:
        if len(parts) == 1:
            return parts[0]
        return (*_joined(parts[:-1], ", "), *_plain(f" {self.words(joint)} "), *parts[-1])

    # --- values

    def _value(self, node: Any, of: Any = None) -> Spans:
        """Return a value in words; ``of`` is what it is compared with, for the label of its code."""
        node = _unwrapped(node)
        writer = _VALUES.get(type(node))
        if writer is not None:
            return writer(self, node, of)
        if type(node) in _ONE_OPERAND:
            return self._fill(_ONE_OPERAND[type(node)], x=self._operand(node.this))
        if type(node) in _SIGNS:
            return self._arithmetic(node)
        if type(node) in _CONDITIONS:
            return self._bracketed(node)
        raise KeyError(f"no wording for {type(node).__name__}")

    def _operand(self, node: Any) -> Spans:
        """Return a value that stands inside another, in brackets where it has several words."""
        node = _unwrapped(node)
        if type(node) in (exp.Column, exp.Literal, exp.Case):
            return self._value(node)
        return (*_plain("("), *self._value(node), *_plain(")"))

    def _arithmetic(self, node: Any) -> Spans:
        divisor = node.expression
        if type(node) is exp.Div and type(divisor) is exp.Nullif:
            divisor = divisor.this
        return (*self._operand(node.this), *_plain(f" {_SIGNS[type(node)]} "), *self._operand(divisor))

    def _column(self, node: Any, of: Any) -> Spans:
        name = node.this.this
        label = self.labels.get(name, "").strip()
        spans = (Span("variable", name),)
        if not label or label == name:
            return spans
        return (*spans, *_plain(" ("), Span("label", label), *_plain(")"))

    def _literal(self, node: Any, of: Any) -> Spans:
        if node.is_string and not node.this:
            return _plain(self.words("empty_text"))
        code = (Span("value", node.this),)
        column: Any = _unwrapped(of) if of is not None else None
        if type(column) is exp.Trim:
            column = _unwrapped(column.this)
        if type(column) is not exp.Column:
            return code
        label = self.values.get(column.this.this, {}).get(node.this, "").strip()
        return (*code, *_plain(" ("), Span("label", label), *_plain(")")) if label else code

    def _boolean(self, node: Any, of: Any) -> Spans:
        return _plain(self.words("yes" if node.this else "no"))

    def _null(self, node: Any, of: Any) -> Spans:
        return _plain(self.words("blank"))

    def _substring(self, node: Any, of: Any) -> Spans:
        first, length = (int(node.args[name].this) for name in ("start", "length"))
        place = {"first": _plain(str(first)), "last": _plain(str(first + length - 1))}
        return self._fill("character" if length == 1 else "characters", x=self._operand(node.this), **place)

    def _concat(self, node: Any, of: Any) -> Spans:
        return self._fill("joined", items=self._listed([self._quoted(part) for part in node.expressions], "and"))

    def _quoted(self, node: Any) -> Spans:
        if type(node) is exp.Literal:
            return (Span("value", f"\u201c{node.this}\u201d"),)
        return self._operand(node)

    def _coalesce(self, node: Any, of: Any) -> Spans:
        return self._fill(
            "first_of", items=self._listed([self._operand(part) for part in (node.this, *node.expressions)], "and")
        )

    def _nullif(self, node: Any, of: Any) -> Spans:
        return self._fill("blank_if", x=self._value(node.this), y=self._value(node.expression, of=node.this))

    def _whole_number(self, node: Any, of: Any) -> Spans:
        return self._fill("whole_number", x=self._operand(node.expressions[0]))

    def _case(self, node: Any, of: Any) -> Spans:
        cases = self._branches(node)
        parts = [self._fill("if_then", condition=condition, value=value) for condition, value in cases]
        parts.append(self._fill("otherwise", value=self._default(node)))
        return (*_plain("("), *_joined(parts, "; "), *_plain(")"))

    # --- CASE

    def _cases(self, node: Any) -> Cases:
        branches = []
        for branch in node.args["ifs"]:
            subject = node.this is not None
            condition = Sentence(self._subject(node, branch)) if subject else self._condition(branch.this)
            branches.append((condition, self._value(branch.args["true"])))
        return Cases(tuple(branches), self._default(node))

    def _branches(self, node: Any) -> list[tuple[Spans, Spans]]:
        return [
            (
                self._inline(branch.this) if node.this is None else self._subject(node, branch),
                self._value(branch.args["true"]),
            )
            for branch in node.args["ifs"]
        ]

    def _subject(self, node: Any, branch: Any) -> Spans:
        return self._fill("equal", x=self._value(node.this), y=self._value(branch.this, of=node.this))

    def _default(self, node: Any) -> Spans:
        default = node.args.get("default")
        return _plain(self.words("blank")) if default is None else self._value(default)

    def _fill(self, key: str, **parts: Spans) -> Spans:
        spans: list[Span] = []
        for number, piece in enumerate(_PLACE.split(self.words(key))):
            spans += parts[piece] if number % 2 else _plain(piece)
        return tuple(spans)


_VALUES: dict[type, Callable[[RuleWriter, Any, Any], Spans]] = {
    exp.Column: RuleWriter._column,
    exp.Literal: RuleWriter._literal,
    exp.Boolean: RuleWriter._boolean,
    exp.Null: RuleWriter._null,
    exp.Substring: RuleWriter._substring,
    exp.Concat: RuleWriter._concat,
    exp.Coalesce: RuleWriter._coalesce,
    exp.Nullif: RuleWriter._nullif,
    exp.Anonymous: RuleWriter._whole_number,
    exp.Case: RuleWriter._case,
}
_CONDITIONS = frozenset({*_COMPARISONS, exp.And, exp.Or, exp.Not, exp.In, exp.Between, exp.Is, exp.StartsWith})


def _unwrapped(node: Any) -> Any:
    while type(node) is exp.Paren:
        node = node.this
    return node


def _is_constant(node: Any) -> bool:
    return type(node) in (exp.Literal, exp.Boolean) or (type(node) is exp.Neg and _is_constant(node.this))


def _is_short(node: Any) -> bool:
    """Whether a condition reads well beside another on one line: it has no list and no parts of its own."""
    node = _unwrapped(node)
    if type(node) is exp.Not:
        node = _unwrapped(node.this)
    return type(node) not in (exp.And, exp.Or) and (type(node) is not exp.In or len(node.expressions) == 1)


def _chain(node: Any) -> list[Any]:
    """Return the operands of a chain of ANDs or of ORs, brackets of the same kind opened."""
    parts: list[Any] = []
    stack = [node]
    while stack:
        current = _unwrapped(stack.pop())
        if type(current) is type(node):
            stack += [current.expression, current.this]
        else:
            parts.append(current)
    return parts


def _plain(text: str) -> Spans:
    return (Span("plain", text),) if text else ()


def _joined(parts: Sequence[Spans], separator: str) -> Spans:
    spans: list[Span] = []
    for part in parts:
        if spans:
            spans += _plain(separator)
        spans += part
    return tuple(spans)


def text_of(wording: Wording, words: Words) -> str:
    """Return a wording as one running text."""
    if isinstance(wording, Sentence):
        return "".join(span.text for span in wording.spans)
    if isinstance(wording, Group):
        parts = [
            text_of(part, words) if isinstance(part, Sentence) else f"({text_of(part, words)})"
            for part in wording.parts
        ]
        return f"{words(wording.head)} {'; '.join(parts)}"
    lines = [
        words("if_then", condition=text_of(condition, words), value="".join(span.text for span in value))
        for condition, value in wording.branches
    ]
    lines.append(words("otherwise", value="".join(span.text for span in wording.otherwise)))
    return "; ".join(lines)
