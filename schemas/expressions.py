"""The rule language: a closed subset of SQL in which specifications say how concepts are made.

Here belong the check of one expression and the SQL made from it. Where expressions stand (survey
folders, universes) and what they are run over belong elsewhere.

A text goes through three gates: its tokens must all be of the language and must cover the text
without a gap (so nothing hides in a comment), sqlglot must read exactly one tree from it, and every
node of the tree must be of an allowed class, in its plain form, over operands of the right kind.
SQL is then written from the tree, with every name quoted and every literal escaped; the text itself
never reaches an engine.

NULL follows SQL: a comparison with NULL is neither true nor false, AND and OR are three-valued,
``concat`` with a missing part is missing, CASE without ELSE gives NULL. Arithmetic is done in double
precision, so it neither overflows nor cuts; whole numbers are exact to 2**53.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from schemas.expression_tokens import (
    FUNCTIONS,
    MAX_DEPTH,
    NUMBER,
    ExpressionError,
    Kind,
    check_words,
    function_remedy,
    too_deep,
    unknown_column,
)

__all__ = ["Expression", "ExpressionError", "Kind", "number_sql", "parse_expression", "quote_name", "quote_text"]

_POSITION = re.compile(r"[1-9][0-9]{0,5}")

# The guards stand before TRY_CAST because it alone takes '1e3', '0x10', '1_000', 'inf' and rounds '1.5'. They
# give '' where they do not match, which the cast turns to NULL; the operand is written once, so that nested
# calls do not multiply the SQL.
_INTEGER_GUARD = r"'^-?[0-9]+\z'"
_NUMBER_GUARD = r"'^-?[0-9]{1,30}([.][0-9]{1,30})?\z'"

_COMPARISONS: dict[type, str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: dict[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_CONNECTIVES: dict[type, str] = {exp.And: "AND", exp.Or: "OR"}
# Engines disagree on how tightly these bind to one another, so inside a comparison they need brackets.
_NEEDS_BRACKETS = frozenset({*_COMPARISONS, exp.Is, exp.In, exp.Between, exp.Not})


@dataclass(frozen=True)
class _Name:
    """A column's place in the SQL, open until the qualifier is known."""

    text: str


_Part = str | _Name


@dataclass(frozen=True)
class Expression:
    """One checked expression.

    Attributes:
        text: as it was written.
        kind: what it yields.
        columns: names it reads.
    """

    text: str
    kind: Kind
    columns: frozenset[str]
    _parts: tuple[_Part, ...]

    def sql(self, qualifier: str | None = None) -> str:
        """One SQL expression in DuckDB's dialect, in brackets wherever it has an operator.

        Args:
            qualifier: table alias to put before every column.
        """
        prefix = "" if qualifier is None else quote_name(qualifier) + "."
        return "".join(prefix + quote_name(part.text) if isinstance(part, _Name) else part for part in self._parts)


def quote_name(name: str) -> str:
    """One name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def number_sql(operand: str) -> str:
    """SQL for decimal text as a DOUBLE, NULL for anything else: of to_number and of number concepts."""
    return f"TRY_CAST(REGEXP_EXTRACT(TRIM({operand}), {_NUMBER_GUARD}) AS DOUBLE)"


def quote_text(value: str) -> str:
    """One text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def parse_expression(text: str, columns: Mapping[str, Kind], *, expect: Kind | None = None) -> Expression:
    """One expression, checked against the rule language.

    Args:
        text: the expression as written.
        columns: name -> kind of every column it may read (raw variables are all text).
        expect: kind it must yield.

    Raises:
        ExpressionError: with what was found and what to write instead.
    """
    check_words(text, columns)
    tree = _read(text)
    piece = _compile(tree, columns, 0)
    kind = piece.kind if piece.kind is not None else expect
    if kind is None:
        raise ExpressionError("NULL alone has no kind", "Write a value", "EXPRESSION_KIND")
    if expect is not None and kind != expect:
        raise ExpressionError(
            f"this yields {kind}, but {expect} is needed here", _kind_remedy(kind, expect), "EXPRESSION_KIND"
        )
    names = frozenset(part.text for part in piece.parts if isinstance(part, _Name))
    return Expression(text, kind, names, tuple(_joined(piece.parts)))


def _read(text: str) -> Any:
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise ExpressionError(
            "the expression cannot be read",
            "Check brackets, commas and operators; a name that is an SQL word needs double quotes",
            "EXPRESSION_SYNTAX",
        ) from None
    if len(trees) != 1 or trees[0] is None:
        raise ExpressionError("there is not exactly one expression", "Write one expression, without ';'")
    return trees[0]


@dataclass(frozen=True)
class _Piece:
    """A checked subtree: its kind (None for NULL) and its SQL."""

    kind: Kind | None
    parts: list[_Part]


_Columns = Mapping[str, Kind]


def _compile(node: Any, columns: _Columns, depth: int) -> _Piece:
    if depth > MAX_DEPTH:
        raise too_deep()
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise ExpressionError(
            f"{type(node).__name__} is not part of the rule language",
            "Use comparisons, AND, OR, NOT, arithmetic, CASE, IN, BETWEEN, IS NULL, " + ", ".join(FUNCTIONS),
        )
    if node.comments:
        raise ExpressionError("there is a comment in the expression", "Put remarks in the note column")
    return handler(node, columns, depth)


def _arguments(node: Any, *allowed: str) -> None:
    """Refuse a node that carries anything beyond the arguments of its plain form."""
    extra = {name: value for name, value in node.args.items() if name not in allowed}
    if any(value is not None and value is not False and value != [] for value in extra.values()):
        raise ExpressionError(
            f"this form of {type(node).__name__.upper()} is not part of the rule language",
            "Write its plain form",
        )


def _paren(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this")
    return _compile(node.this, columns, depth + 1)


def _column(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this")
    identifier = node.this
    if type(identifier) is not exp.Identifier or not isinstance(identifier.this, str):
        raise ExpressionError("this is not the plain name of a variable", 'Write X or "X"')
    _arguments(identifier, "this", "quoted")
    name = identifier.this
    if name not in columns:
        raise unknown_column(name, columns)
    return _Piece(columns[name], [_Name(name)])


def _literal(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "is_string")
    if node.is_string:
        return _Piece("text", [quote_text(node.this)])
    if not NUMBER.fullmatch(node.this):
        raise ExpressionError("this is not a number of the rule language", "Write 12 or 1.5")
    # The exponent makes it a double: a decimal compared with a large whole number could overflow.
    return _Piece("number", [node.this + "e0" if "." in node.this else node.this])


def _null(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node)
    return _Piece(None, ["NULL"])


def _boolean(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this")
    return _Piece("boolean", ["TRUE" if node.this else "FALSE"])


def _not(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this")
    operand = _of_kind("boolean", _compile(node.this, columns, depth + 1), "NOT")
    return _Piece("boolean", ["(NOT ", *operand.parts, ")"])


def _negative(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this")
    operand = _of_kind("number", _compile(node.this, columns, depth + 1), "minus")
    if type(node.this) is exp.Literal:
        return _Piece("number", ["(-", *operand.parts, ")"])
    return _Piece("number", ["(-CAST(", *operand.parts, " AS DOUBLE))"])


def _connective(node: Any, columns: _Columns, depth: int) -> _Piece:
    # A chain of ANDs leans left as deep as it is long: walked here, not descended into.
    sign = _CONNECTIVES[type(node)]
    operands = []
    current = node
    while type(current) is type(node):
        _arguments(current, "this", "expression")
        if current.comments:
            raise ExpressionError("there is a comment in the expression", "Put remarks in the note column")
        operands.append(current.expression)
        current = current.this
    operands.append(current)
    pieces = [_of_kind("boolean", _compile(operand, columns, depth + 1), sign) for operand in reversed(operands)]
    return _Piece("boolean", ["(", *_separated(pieces, f" {sign} "), ")"])


def _comparison(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "expression")
    sign = _COMPARISONS[type(node)]
    left = _operand(node.this, columns, depth)
    right = _operand(node.expression, columns, depth)
    if _same_kind([left, right], sign) == "boolean" and sign not in ("=", "<>"):
        raise ExpressionError(f"{sign} compares true and false", "Compare booleans by = or <> only", "EXPRESSION_KIND")
    return _Piece("boolean", ["(", *left.parts, f" {sign} ", *right.parts, ")"])


def _in(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "expressions")
    items = node.expressions
    plain = [item.this if type(item) is exp.Neg else item for item in items]
    if not plain or any(type(item) not in (exp.Literal, exp.Column) for item in plain):
        raise ExpressionError("IN takes a list of values or variables only", "Write X IN ('1', '2')")
    pieces = [_operand(item, columns, depth) for item in (node.this, *items)]
    _same_kind(pieces, "IN")
    return _Piece("boolean", ["(", *pieces[0].parts, " IN (", *_separated(pieces[1:], ", "), "))"])


def _between(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "low", "high")
    pieces = [_operand(part, columns, depth) for part in (node.this, node.args["low"], node.args["high"])]
    if _same_kind(pieces, "BETWEEN") == "boolean":
        raise ExpressionError("BETWEEN has no meaning for true and false", "Compare by =", "EXPRESSION_KIND")
    value, low, high = pieces
    return _Piece("boolean", ["(", *value.parts, " BETWEEN ", *low.parts, " AND ", *high.parts, ")"])


def _is(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "expression")
    if type(node.expression) is not exp.Null:
        raise ExpressionError("IS is used with something else than NULL", "Write X IS NULL, or X = TRUE")
    operand = _operand(node.this, columns, depth)
    return _Piece("boolean", ["(", *operand.parts, " IS NULL)"])


def _arithmetic(node: Any, columns: _Columns, depth: int) -> _Piece:
    if type(node) is exp.Div:
        _arguments(node, "this", "expression", "typed", "safe")
        divisor = node.expression
        if type(divisor) is not exp.Nullif or not _is_zero(divisor.expression):
            raise ExpressionError("the divisor may be zero", "Write X / NULLIF(Y, 0)")
    else:
        _arguments(node, "this", "expression")
    sign = _ARITHMETIC[type(node)]
    left = _of_kind("number", _compile(node.this, columns, depth + 1), sign)
    right = _of_kind("number", _compile(node.expression, columns, depth + 1), sign)
    return _Piece("number", ["(CAST(", *left.parts, f" AS DOUBLE) {sign} ", *right.parts, ")"])


def _case(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "ifs", "default")
    subject = None if node.this is None else _compile(node.this, columns, depth + 1)
    parts: list[_Part] = ["CASE"]
    if subject is not None:
        parts += [" ", *subject.parts]
    values = []
    for branch in node.args["ifs"]:
        if type(branch) is not exp.If:
            raise ExpressionError("this form of CASE is not allowed", "Write CASE WHEN ... THEN ... END")
        _arguments(branch, "this", "true")
        condition = _compile(branch.this, columns, depth + 1)
        if subject is None:
            _of_kind("boolean", condition, "WHEN")
        else:
            _same_kind([subject, condition], "CASE")
        values.append(_compile(branch.args["true"], columns, depth + 1))
        parts += [" WHEN ", *condition.parts, " THEN ", *values[-1].parts]
    if node.args.get("default") is not None:
        values.append(_compile(node.args["default"], columns, depth + 1))
        parts += [" ELSE ", *values[-1].parts]
    return _Piece(_same_kind(values, "the branches of CASE", null=True), [*parts, " END"])


def _coalesce(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "expressions")
    if not node.expressions:
        raise ExpressionError("coalesce has fewer than two arguments", "Write coalesce(X, Y)")
    pieces = [_compile(part, columns, depth + 1) for part in (node.this, *node.expressions)]
    return _Piece(_same_kind(pieces, "COALESCE"), ["COALESCE(", *_separated(pieces, ", "), ")"])


def _nullif(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "expression")
    pieces = [_compile(part, columns, depth + 1) for part in (node.this, node.expression)]
    return _Piece(_same_kind(pieces, "NULLIF"), ["NULLIF(", *_separated(pieces, ", "), ")"])


def _concat(node: Any, columns: _Columns, depth: int) -> _Piece:
    # Neighbouring literals, 'a' 'b', are read as a concat that lacks the mark of a call.
    _arguments(node, "expressions", "safe", "coalesce")
    if not node.args.get("safe") or len(node.expressions) < 2:
        raise ExpressionError("concat does not have two parts or more", "Write concat(X, '-', Y)")
    pieces = [_of_kind("text", _compile(part, columns, depth + 1), "concat") for part in node.expressions]
    # CONCAT would pass over a missing part and so give two units one identifier.
    return _Piece("text", ["(", *_separated(pieces, " || "), ")"])


def _substring(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "start", "length")
    places = [node.args.get("start"), node.args.get("length")]
    if any(
        type(place) is not exp.Literal or place.is_string or not _POSITION.fullmatch(place.this) for place in places
    ):
        raise ExpressionError(
            "substring needs a position and a length, both written as whole numbers from 1",
            "Write substring(X, 1, 2)",
        )
    piece = _of_kind("text", _compile(node.this, columns, depth + 1), "substring")
    return _Piece("text", ["SUBSTRING(", *piece.parts, f", {places[0].this}, {places[1].this})"])


def _starts_with(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "expression")
    pieces = [
        _of_kind("text", _compile(part, columns, depth + 1), "starts_with") for part in (node.this, node.expression)
    ]
    return _Piece("boolean", ["STARTS_WITH(", *_separated(pieces, ", "), ")"])


def _text_function(name: str, kind: Kind) -> "_Handler":
    def handler(node: Any, columns: _Columns, depth: int) -> _Piece:
        _arguments(node, "this")
        piece = _of_kind("text", _compile(node.this, columns, depth + 1), name.lower())
        return _Piece(kind, [f"{name}(", *piece.parts, ")"])

    return handler


def _to_integer(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this", "expressions")
    if node.this.lower() != "to_integer" or len(node.expressions) != 1:
        raise ExpressionError(f"this is no call of {node.this!r} in the rule language", function_remedy())
    piece = _of_kind("text", _compile(node.expressions[0], columns, depth + 1), "to_integer")
    return _Piece("number", ["TRY_CAST(REGEXP_EXTRACT(TRIM(", *piece.parts, f"), {_INTEGER_GUARD}) AS BIGINT)"])


def _to_number(node: Any, columns: _Columns, depth: int) -> _Piece:
    _arguments(node, "this")
    piece = _of_kind("text", _compile(node.this, columns, depth + 1), "to_number")
    before, after = number_sql("\0").split("\0")
    return _Piece("number", [before, *piece.parts, after])


_Handler = Callable[[Any, _Columns, int], _Piece]

# Exact classes only: a subclass may mean something else.
_HANDLERS: dict[type, _Handler] = {
    exp.Paren: _paren,
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Null: _null,
    exp.Boolean: _boolean,
    exp.Not: _not,
    exp.Neg: _negative,
    **dict.fromkeys(_CONNECTIVES, _connective),
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    exp.In: _in,
    exp.Between: _between,
    exp.Is: _is,
    exp.Case: _case,
    exp.Coalesce: _coalesce,
    exp.Nullif: _nullif,
    exp.Concat: _concat,
    exp.Substring: _substring,
    exp.StartsWith: _starts_with,
    exp.Trim: _text_function("TRIM", "text"),
    exp.Lower: _text_function("LOWER", "text"),
    exp.Upper: _text_function("UPPER", "text"),
    exp.Length: _text_function("LENGTH", "number"),
    exp.Anonymous: _to_integer,
    exp.ToNumber: _to_number,
}


def _operand(node: Any, columns: _Columns, depth: int) -> _Piece:
    if type(node) in _NEEDS_BRACKETS:
        raise ExpressionError(
            "a comparison stands inside another without brackets", "Put brackets around the inner one"
        )
    return _compile(node, columns, depth + 1)


def _is_zero(node: Any) -> bool:
    return type(node) is exp.Literal and not node.is_string and node.this == "0"


def _of_kind(kind: Kind, piece: _Piece, where: str) -> _Piece:
    if piece.kind == kind:
        return piece
    found = piece.kind or "NULL"
    raise ExpressionError(
        f"{where} needs {kind}, but was given {found}", _kind_remedy(piece.kind, kind), "EXPRESSION_KIND"
    )


def _same_kind(pieces: Sequence[_Piece], where: str, *, null: bool = False) -> Kind | None:
    """The common kind of operands; a written NULL, which equals nothing, is refused unless null is set."""
    kinds = {piece.kind for piece in pieces}
    if None in kinds and not null:
        raise ExpressionError(f"NULL stands in {where}, which then is never true", "Write X IS NULL", "EXPRESSION_KIND")
    found = sorted(kind for kind in kinds if kind is not None)
    if len(found) > 1:
        raise ExpressionError(
            f"{where} mixes {' and '.join(found)}", _kind_remedy(found[0], found[-1]), "EXPRESSION_KIND"
        )
    return found[0] if found else None


def _kind_remedy(found: Kind | None, needed: Kind) -> str:
    if found is None:
        return "Write a value or a variable in the place of NULL"
    pair = {found, needed}
    if pair == {"text", "number"}:
        return "Raw variables are text: write '12' in quotes, or to_integer(X) = 12, or to_number(X) < 1.5"
    if pair == {"text", "boolean"}:
        return "Write a condition such as X = '1'"
    return "Write a condition such as to_integer(X) = 1"


def _separated(pieces: Sequence[_Piece], separator: str) -> list[_Part]:
    parts: list[_Part] = []
    for piece in pieces:
        if parts:
            parts.append(separator)
        parts += piece.parts
    return parts


def _joined(parts: Sequence[_Part]) -> list[_Part]:
    """Neighbouring stretches of SQL put together."""
    result: list[_Part] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        else:
            result.append(part)
    return result
