"""The words of the rule language: what may stand in an expression before anything is parsed.

Here belong the limits, the allowed tokens and the error of the rule language. What the words mean
together, and the SQL made from them, belong to schemas.expressions.
"""

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import sqlglot
from sqlglot.tokens import TokenType

Kind = Literal["boolean", "text", "number"]

MAX_LENGTH = 2000
MAX_TOKENS = 1000
MAX_DEPTH = 30

FUNCTIONS = (
    "trim",
    "lower",
    "upper",
    "length",
    "substring",
    "starts_with",
    "concat",
    "to_integer",
    "to_number",
    "coalesce",
    "nullif",
)

_BLANKS = " \t\r\n"
NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")

_WORDS = frozenset(
    {
        TokenType.AND,
        TokenType.OR,
        TokenType.NOT,
        TokenType.IN,
        TokenType.IS,
        TokenType.NULL,
        TokenType.TRUE,
        TokenType.FALSE,
        TokenType.BETWEEN,
        TokenType.CASE,
        TokenType.WHEN,
        TokenType.THEN,
        TokenType.ELSE,
        TokenType.END,
    }
)
_SIGNS = {
    TokenType.EQ: ("=",),
    TokenType.NEQ: ("<>", "!="),
    TokenType.LT: ("<",),
    TokenType.LTE: ("<=",),
    TokenType.GT: (">",),
    TokenType.GTE: (">=",),
    TokenType.PLUS: ("+",),
    TokenType.DASH: ("-",),
    TokenType.STAR: ("*",),
    TokenType.SLASH: ("/",),
    TokenType.L_PAREN: ("(",),
    TokenType.R_PAREN: (")",),
    TokenType.COMMA: (",",),
}
_OPERAND_ENDS = frozenset(
    {
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.STRING,
        TokenType.NUMBER,
        TokenType.R_PAREN,
        TokenType.END,
    }
)
_LEVEL_ENDS = frozenset({TokenType.AND, TokenType.OR, TokenType.COMMA, TokenType.WHEN, TokenType.THEN, TokenType.ELSE})


class ExpressionError(Exception):
    """An expression that the rule language does not take.

    Attributes:
        message: what was found.
        remedy: what to write instead.
        rule: EXPRESSION_SYNTAX (cannot be read), EXPRESSION_REFUSED (not in the language),
            EXPRESSION_COLUMN (unknown name), EXPRESSION_KIND (text, number and boolean mixed) or
            EXPRESSION_TOO_LONG (length, number of words or depth).
    """

    def __init__(self, message: str, remedy: str, rule: str = "EXPRESSION_REFUSED") -> None:
        self.message = message
        self.remedy = remedy
        self.rule = rule
        super().__init__(f"{message}. Remedy: {remedy}")


def check_words(text: str, columns: Mapping[str, Kind]) -> None:
    """Refuse a text that is too long or holds anything but words and signs of the language.

    Raises:
        ExpressionError: with what was found and what to write instead.
    """
    _check_text(text)
    _check_tokens(text, columns)


def _check_text(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression has {len(text)} characters, the limit is {MAX_LENGTH}",
            "Split it into several rows of rules/<concept>.csv, or use a code table",
            "EXPRESSION_TOO_LONG",
        )
    if not text.strip(_BLANKS):
        raise ExpressionError("the expression is empty", "Write an expression", "EXPRESSION_SYNTAX")
    for character in text:
        if character not in _BLANKS and unicodedata.category(character).startswith("C"):
            raise ExpressionError(
                f"the invisible character U+{ord(character):04X} stands in the expression",
                "Delete it and type the expression again",
            )


def _check_tokens(text: str, columns: Mapping[str, Kind]) -> None:
    """Every token is of the language, the tokens cover the text, and nesting stays within the limit."""
    try:
        tokens = sqlglot.tokenize(text, read="duckdb")
    except sqlglot.errors.SqlglotError:
        raise ExpressionError(
            "the expression cannot be read",
            "Close every quote; write texts in single quotes, 'x', and a quote inside a text twice",
            "EXPRESSION_SYNTAX",
        ) from None
    if len(tokens) > MAX_TOKENS:
        raise ExpressionError(
            f"the expression has {len(tokens)} words and signs, the limit is {MAX_TOKENS}",
            "Split it into several rows, or use a code table",
            "EXPRESSION_TOO_LONG",
        )
    end = 0
    for position, token in enumerate(tokens):
        _check_gap(text[end : token.start])
        source = text[token.start : token.end + 1]
        end = token.end + 1
        before_bracket = position + 1 < len(tokens) and tokens[position + 1].token_type == TokenType.L_PAREN
        _check_token(token.token_type, source, before_bracket, columns)
    _check_gap(text[end:])
    _check_nesting([token.token_type for token in tokens])


def _check_gap(gap: str) -> None:
    if gap.strip(_BLANKS):
        raise ExpressionError(
            "there is a comment or an unusual blank in the expression",
            "Put remarks in the note column and separate words by plain blanks",
        )


def _check_token(kind: Any, source: str, before_bracket: bool, columns: Mapping[str, Kind]) -> None:
    if kind in _WORDS or source in _SIGNS.get(kind, ()):
        return
    if kind == TokenType.STRING:
        if not source.startswith("'"):
            raise ExpressionError("a text is not in plain single quotes", "Write texts as 'x'")
        return
    if kind == TokenType.NUMBER:
        if not NUMBER.fullmatch(source):
            raise ExpressionError(
                f"{source!r} is not a number of the rule language",
                "Write digits, with a decimal point if needed: 12 or 1.5 (at most 18 digits)",
            )
        return
    if kind == TokenType.SEMICOLON:
        raise ExpressionError("there is more than one statement", "Write one expression, without ';'")
    if kind == TokenType.IDENTIFIER:
        if before_bracket:
            raise ExpressionError("a quoted name is used as a function", function_remedy())
        if not source.startswith('"'):
            raise ExpressionError("a name is in unusual quotes", 'Write names as X or "X"')
        return
    if not (source[0].isalpha() or source[0] == "_"):
        raise ExpressionError(
            f"{source!r} is not part of the rule language",
            "Use = <> < <= > >= + - * / and brackets; join texts with concat",
        )
    if before_bracket:
        if source.lower() not in FUNCTIONS:
            raise ExpressionError(f"function {source!r} is not part of the rule language", function_remedy())
        return
    if source not in columns:
        raise unknown_column(source, columns)


def _check_nesting(kinds: Sequence[Any]) -> None:
    # Counted before parsing, because the parser itself descends one call per level.
    levels = [0]
    previous = None
    for kind in kinds:
        if kind in (TokenType.L_PAREN, TokenType.CASE):
            levels.append(0)
        elif kind in (TokenType.R_PAREN, TokenType.END) and len(levels) > 1:
            levels.pop()
        elif kind == TokenType.NOT or (kind == TokenType.DASH and previous not in _OPERAND_ENDS):
            levels[-1] += 1
        elif kind in _LEVEL_ENDS:
            levels[-1] = 0
        if len(levels) - 1 + sum(levels) > MAX_DEPTH:
            raise too_deep()
        previous = kind


def function_remedy() -> str:
    """The remedy that lists the functions of the language."""
    return "Use one of " + ", ".join(FUNCTIONS)


def unknown_column(name: str, columns: Mapping[str, Kind]) -> ExpressionError:
    """The error for a name that is not declared, with the nearest one that is."""
    near = difflib.get_close_matches(name.casefold(), {known.casefold(): known for known in columns}, n=1)
    nearest = [known for known in columns if near and known.casefold() == near[0]]
    remedy = f"Did you mean {nearest[0]}? " if nearest else ""
    return ExpressionError(
        f"variable {name!r} is not declared",
        remedy + "Names are case-sensitive and must stand in layout.csv; texts are written in single quotes",
        "EXPRESSION_COLUMN",
    )


def too_deep() -> ExpressionError:
    """The error for an expression beyond the depth limit."""
    return ExpressionError(
        f"the expression is nested more than {MAX_DEPTH} levels deep",
        "Split it into several rows of rules/<concept>.csv",
        "EXPRESSION_TOO_LONG",
    )
