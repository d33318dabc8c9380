"""From national variables to harmonised codes: what one line of a specification does to a column.

Here belong lookups, rules, numbers and the codes of 'not stated', whoever the rows are. In which order concepts become
known, and for whom they hold, is said in ``harmonise`` and ``absentees``.

Raw variables end with the last query made here: it carries for every concept ``v_<concept>``, its value, and
``w_<concept>``, whether the source value has no target; ``k_<concept>`` the source value that was looked up, and
``r_<concept>`` the number of the rule that was met.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from schemas.concepts import Concept
from schemas.countries import COUNTRY
from schemas.expressions import number_sql, quote_name, quote_text
from schemas.periods import Period
from schemas.survey_model import CodeRow, ConceptSource, RuleRow
from transforms.country_key import country_lookup_sql

#: Queries of one plan, (name, SQL), each over those before it.
Steps = list[tuple[str, str]]

#: Type of a concept's column: an empty or constant column has it as well.
_TYPES = {"boolean": "BOOLEAN", "number": "DOUBLE", "code": "VARCHAR", "text": "VARCHAR"}


class Source(Protocol):
    """The part of a specification that says where concepts come from, of persons or of absentees."""

    @property
    def concepts(self) -> Mapping[str, ConceptSource]:
        """Concept -> where it comes from."""

    @property
    def codes(self) -> Mapping[str, tuple[CodeRow, ...]]:
        """Concept -> its code rows."""

    @property
    def rules(self) -> Mapping[str, tuple[RuleRow, ...]]:
        """Concept -> its rules in order."""

    def codes_at(self, concept: str, period: Period) -> tuple[CodeRow, ...]:
        """The code rows of a concept that hold in a period."""


@dataclass(frozen=True)
class Recoded:
    """What was recoded.

    Attributes:
        concepts: those that the source gives, in the order of the dictionary.
        keys: those looked up in a code table.
        ruled: those given by rules.
    """

    concepts: tuple[Concept, ...]
    keys: tuple[str, ...]
    ruled: tuple[str, ...]


def recode(
    source: Source,
    concepts: Iterable[Concept],
    period: Period,
    steps: Steps,
    numbers: Mapping[str, str] = MappingProxyType({}),
) -> Recoded:
    """Append the queries that recode a relation of raw variables; it stands last in ``steps``, named ``corrected``.

    Args:
        source: where the concepts come from.
        concepts: the dictionary; those that the source does not give are passed over.
        period: it selects the rows of the code tables that are valid.
        steps: the queries so far.
        numbers: further columns -> the raw variable whose number they hold; NULL where it is none.
    """
    sourced = tuple(concept for concept in concepts if concept.name in source.concepts)
    read, looked_up, lookups = ["corrected.row_number"], ["keyed.*"], []
    keys: list[str] = []
    ruled: list[str] = []
    for concept in sourced:
        name = concept.name
        value, wrong, extra = _recoded(source, concept)
        columns = [f"({value})::{_TYPES[concept.kind]} AS v_{name}", f"({wrong}) AS w_{name}"]
        read += [f"{expression} AS {column}" for column, expression in extra.items()]
        if f"k_{name}" in extra:
            keys.append(name)
            looked_up += columns
            relation = _lookup(source, concept, period)
            lookups.append(f"LEFT JOIN {relation} AS m_{name} ON m_{name}.source_code = keyed.k_{name}")
        else:
            ruled += [name] if extra else []
            read += columns
    read += [f"{_number_of_sql(variable)} AS {column}" for column, variable in numbers.items()]
    steps.append(("keyed", f"SELECT {', '.join(read)} FROM corrected"))
    steps.append(("recoded", f"SELECT {', '.join(looked_up)} FROM keyed {' '.join(lookups)}"))
    return Recoded(sourced, tuple(keys), tuple(ruled))


def add_step(steps: Steps, columns: Iterable[str]) -> None:
    """Append a query that adds columns to the last one."""
    steps.append((f"step_{len(steps)}", f"SELECT *, {', '.join(columns)} FROM {steps[-1][0]}"))


def steps_sql(steps: Steps, recoded: Recoded) -> str:
    """Return the queries as one, without working columns that nothing reads after them.

    Of the values before they are judged only numbers stay, which the edit rules on dates need: a wide relation costs
    the engine a buffer for every column and row group.
    """
    with_sql = ",\n".join(f"{name} AS ({body})" for name, body in steps)
    left_out = [f"w_{concept.name}" for concept in recoded.concepts]
    left_out += [f"v_{concept.name}" for concept in recoded.concepts if concept.kind != "number"]
    return f"WITH {with_sql}\nSELECT * EXCLUDE ({', '.join(left_out)}) FROM {steps[-1][0]}"


def _number_of_sql(variable: str) -> str:
    return f"({number_sql(_text_sql(f'corrected.{quote_name(variable)}'))})::DOUBLE"


def _text_sql(raw: str) -> str:
    return f"NULLIF(trim({raw}), '')"


def _source_sql(source: ConceptSource) -> str:
    if source.expression is not None:
        return source.expression.sql("corrected")
    assert source.variable is not None
    return f"corrected.{quote_name(source.variable)}"


def _target_sql(concept: Concept, target: str) -> str:
    if target == "NULL" or concept.kind in ("boolean", "number"):
        return target
    return quote_text(target)


def _lookup(source: Source, concept: Concept, period: Period) -> str:
    """Return SQL for a relation (source_code, target_code) of what a concept's source values mean."""
    rows = {row.source_code: row.target_code for row in source.codes_at(concept.name, period)}
    if source.concepts[concept.name].codes == COUNTRY:
        return country_lookup_sql(rows, f"SELECT DISTINCT k_{concept.name} AS text FROM keyed")
    return _lookup_sql(concept, rows)


def _lookup_sql(concept: Concept, rows: Mapping[str, str]) -> str:
    """Return SQL for a relation (source_code, target_code); it may have no row that is valid."""
    kind = "BOOLEAN" if concept.kind == "boolean" else "VARCHAR"
    if not rows:
        return f"(SELECT NULL::VARCHAR AS source_code, NULL::{kind} AS target_code WHERE FALSE)"
    values = ", ".join(
        f"({quote_text(code)}, {_target_sql(concept, target)}::{kind})" for code, target in sorted(rows.items())
    )
    return f"(SELECT * FROM (VALUES {values}) AS listed(source_code, target_code))"


def _recoded(given: Source, concept: Concept) -> tuple[str, str, dict[str, str]]:
    """Return (value, has-no-target, extra columns) as SQL.

    A concept with an extra column k_ is looked up by it: its value and verdict read the lookup. All else
    reads the corrected raw extract, every variable by its qualified name: a national variable may have the
    name of any concept or working column.
    """
    name = concept.name
    source = given.concepts[name]
    if source.rules:
        rules = [(rule, rule.when.sql("corrected")) for rule in given.rules[name]]
        met = " ".join(f"WHEN {when} THEN {index}" for index, (_, when) in enumerate(rules))
        values = " ".join(
            f"WHEN {when} THEN "
            + (rule.expression.sql("corrected") if rule.expression else _target_sql(concept, rule.value))
            for rule, when in rules
        )
        met_sql = f"CASE {met} END"
        return f"CASE {values} END", f"{met_sql} IS NULL", {f"r_{name}": met_sql}
    raw = _source_sql(source)
    if source.expression is not None and source.expression.kind != "text":
        return raw, "FALSE" if concept.nullable else f"({raw}) IS NULL", {}
    if given.codes.get(name):
        key = f"COALESCE(trim({raw}), '')"
        return f"m_{name}.target_code", f"m_{name}.source_code IS NULL", {f"k_{name}": key}
    text = _text_sql(raw)
    if concept.kind == "number":
        stated = text
        if source.missing:
            stated = f"CASE WHEN {text} NOT IN ({', '.join(map(quote_text, source.missing))}) THEN {text} END"
        number = number_sql(stated)
        wrong = f"{stated} IS NOT NULL AND {number} IS NULL"
        if not concept.nullable:
            wrong = f"{number} IS NULL"
        return number, wrong, {}
    return text, "FALSE" if concept.nullable else f"{text} IS NULL", {}
