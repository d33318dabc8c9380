"""What a harmonised file says about each concept: counts of codes, rules, numbers and shares.

Here belong the queries behind the sign-off page. They run over ``raw_extract`` and ``work``; of a number variable
they give no value that fewer than five persons stand at or beyond, and of identifiers nothing but how many there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from pipelines.check_spec import Harmonised
from pipelines.engine import path_literal
from pipelines.storage import Table
from schemas.concepts import Concept
from schemas.expressions import quote_name, quote_text
from schemas.survey_model import CodeRow
from schemas.survey_spec import SurveySpec
from transforms.labour_force import STATUS_OF_RULE

#: Parts of the persons below the points that are shown of a number variable.
POINTS = (0.05, 0.25, 0.50, 0.75, 0.95)

#: Codes without a row in the table of codes that are listed one by one: a variable with more is no list of codes.
MOST_CODES = 100

#: Persons who must lie at or below, and at or above, a point that is shown.
FEWEST_BEYOND_A_POINT = 5


@dataclass(frozen=True)
class CodeFact:
    """One source code of a concept in the file.

    Attributes:
        code: the code; '' for blank.
        label: the office's label, from the code table, else from the file.
        file_label: the file's own label, where it differs from the code table's.
        target: harmonised code; '' where it has none.
        rows: rows of the file with the code.
        unmapped: those of them that need a harmonised code and have none.
        used: those that have a value in the harmonised column.
        weighted: sum of their weights.
        note: the specification's remark.
        further: how many codes are counted together here, where a variable has very many; else 0.
    """

    code: str
    label: str
    file_label: str
    target: str
    rows: int
    unmapped: int
    used: int
    weighted: float
    note: str = ""
    further: int = 0


@dataclass(frozen=True)
class RuleFact:
    """Rows that met a rule first; None for the rows that met none."""

    index: int | None
    rows: int
    unmapped: int
    weighted: float


@dataclass(frozen=True)
class NumberFacts:
    """A number concept: counts, points of its distribution, and the codes that mean 'not stated'.

    Attributes:
        stated: rows with a value in the harmonised column.
        blank: rows whose variable is blank; None for expressions.
        unmapped: rows that need a number and have none.
        points: (share of persons below, value or None where too few persons lie beyond it).
        missing: (code, rows).
        total: sum of the values, for weights alone.
    """

    stated: int
    blank: int | None
    unmapped: int
    points: tuple[tuple[float, float | None], ...]
    missing: tuple[tuple[str, int], ...]
    total: float | None = None


@dataclass(frozen=True)
class TextFacts:
    """A text concept: how many values are there and how many differ; never the values."""

    stated: int
    distinct: int
    unmapped: int


@dataclass(frozen=True)
class Share:
    """One harmonised code among the persons in scope of its concept."""

    code: str
    rows: int
    share: float


@dataclass(frozen=True)
class LeafFact:
    """One branch of the decision tree; '' for persons below working age."""

    leaf: str
    status: str
    rows: int
    weighted: float


def code_facts(this: Harmonised, spec: SurveySpec, name: str) -> tuple[CodeFact, ...]:
    """Return the codes of a concept in the order of its table, then those without a row in it.

    Codes of a shared table that do not occur are not listed.
    """
    mapped = {row.source_code: row for row in spec.codes_at(name, this.period)}
    labels = _file_labels(this, spec, name)
    counted = this.connection.execute(
        f"SELECT k_{name}, count(*), count_if(x_{name}), count({name}), coalesce(sum(weight), 0) "
        "FROM work GROUP BY 1 ORDER BY 1"
    ).fetchall()
    counts = {code: numbers for code, *numbers in counted}
    own = f"{spec.survey.area}/{spec.survey.id}/"
    listed = [code for code, row in mapped.items() if code in counts or row.file.startswith(own)]
    others = sorted((code for code in counts if code not in mapped), key=lambda code: (-counts[code][0], code))
    codes = [*listed, *others[:MOST_CODES]]
    found = [_code_fact(code, mapped.get(code), labels, *counts.get(code, (0, 0, 0, 0.0))) for code in codes]
    if further := [counts[code] for code in others[MOST_CODES:]]:
        rows, unmapped, used, weighted = (sum(column) for column in zip(*further, strict=True))
        found.append(CodeFact("", "", "", "", rows, unmapped, used, weighted, further=len(further)))
    return tuple(found)


def declared_codes(spec: SurveySpec, rows: Sequence[CodeRow]) -> tuple[CodeFact, ...]:
    """Return the codes that a specification itself lists, without a file."""
    own = f"{spec.survey.area}/{spec.survey.id}/"
    return tuple(_code_fact(row.source_code, row, {}, 0, 0, 0, 0.0) for row in rows if row.file.startswith(own))


def _code_fact(
    code: str, row: CodeRow | None, labels: Mapping[str, str], rows: int, unmapped: int, used: int, weighted: float
) -> CodeFact:
    label = row.source_label if row is not None else ""
    of_file = labels.get(code, "")
    differs = bool(label) and bool(of_file) and plain(label) != plain(of_file)
    return CodeFact(
        code,
        label or of_file,
        of_file if differs else "",
        row.target_code if row is not None else "",
        rows,
        unmapped,
        used,
        weighted,
        row.note if row is not None else "",
    )


def plain(label: str) -> str:
    """Return a label without what makes no difference: blanks and capitals."""
    return " ".join(label.split()).casefold()


def _file_labels(this: Harmonised, spec: SurveySpec, name: str) -> dict[str, str]:
    variable = spec.concepts[name].variable
    labels: dict[str, str] = {}
    for info in this.raw.parts.values():
        labels |= info.value_labels.get(variable or "", {})
    return labels


def rule_facts(this: Harmonised, name: str) -> dict[int | None, RuleFact]:
    """Return rule (its place from 0; None for no rule) -> the rows that met it first."""
    counted = this.connection.execute(
        f"SELECT r_{name}, count(*), count_if(x_{name}), coalesce(sum(weight), 0) FROM work GROUP BY 1"
    ).fetchall()
    return {index: RuleFact(index, rows, unmapped, weighted) for index, rows, unmapped, weighted in counted}


def number_facts(this: Harmonised, spec: SurveySpec, name: str) -> NumberFacts:
    """Return what is shown of a number concept."""
    points = ", ".join(f"quantile_disc({name}, {point})" for point in POINTS)
    row = _one(this.connection, f"SELECT count({name}), count_if(x_{name}), {points} FROM work")
    stated, unmapped, *values = row
    shown = tuple(
        (point, value if stated * min(point, 1 - point) >= FEWEST_BEYOND_A_POINT else None)
        for point, value in zip(POINTS, values, strict=True)
    )
    source = spec.concepts[name]
    blank: int | None = None
    missing: tuple[tuple[str, int], ...] = ()
    if source.variable is not None:
        raw = f"trim({quote_name(source.variable)})"
        blank = _one(this.connection, f"SELECT count(*) FROM raw_extract WHERE coalesce({raw}, '') = ''")[0]
        missing = tuple(
            (code, _one(this.connection, f"SELECT count(*) FROM raw_extract WHERE {raw} = {quote_text(code)}")[0])
            for code in source.missing
        )
    total = _one(this.connection, f"SELECT coalesce(sum({name}), 0) FROM work")[0] if name == "weight" else None
    return NumberFacts(stated, blank, unmapped, shown, missing, total)


def text_facts(this: Harmonised, name: str) -> TextFacts:
    """Return how many values of a text concept there are, and how many differ."""
    return TextFacts(
        *_one(this.connection, f"SELECT count({name}), count(DISTINCT {name}), count_if(x_{name}) FROM work")
    )


def outcome_facts(this: Harmonised, name: str) -> tuple[Share, ...]:
    """Return the values of a true/false concept made by an expression, '' for none, with their shares of all rows."""
    counted = this.connection.execute(
        f"SELECT coalesce({name}::VARCHAR, ''), count(*), count(*) / sum(count(*)) OVER () FROM work "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return tuple(Share(*row) for row in counted)


def rows_to_decide(this: Harmonised) -> dict[str, int]:
    """Return concept -> rows that need a value and have none."""
    checked = this.steps.checked
    counts = _one(this.connection, f"SELECT {', '.join(f'count_if(x_{name})' for name in checked)} FROM work")
    return dict(zip(checked, counts, strict=True))


def leaf_facts(this: Harmonised) -> tuple[LeafFact, ...]:
    """Return the branches of the decision tree that rows came to, in the order of the tree; none without a tree."""
    if "labour_force_rule" not in this.steps.columns:
        return ()
    counted = this.connection.execute(
        "SELECT coalesce(labour_force_rule, ''), coalesce(any_value(labour_force_status), ''), count(*), "
        "coalesce(sum(weight), 0) FROM work GROUP BY 1"
    ).fetchall()
    found = {row[0]: LeafFact(*row) for row in counted}
    return tuple(found[leaf] for leaf in (*STATUS_OF_RULE, "") if leaf in found)


def shares(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], concepts: Mapping[str, Concept], relation: str
) -> dict[str, tuple[Share, ...]]:
    """Return coded and true/false column -> its codes with their weighted shares, largest first.

    Persons outside the concept's universe, persons left out of every universe, and values not stated of columns
    that may be empty are not counted.

    Args:
        connection: DuckDB.
        columns: columns of the relation.
        concepts: the dictionary.
        relation: ``work`` or harmonised_persons, as SQL.
    """
    found = {}
    for name in columns:
        if concepts[name].kind not in ("code", "boolean"):
            continue
        counted = connection.execute(
            f"SELECT {name}::VARCHAR, count(*), sum(weight) / nullif(sum(sum(weight)) OVER (), 0) FROM {relation} "
            f"WHERE exclusion IS NULL AND {name} IS NOT NULL GROUP BY 1 ORDER BY 3 DESC, 1"
        ).fetchall()
        if counted:
            found[name] = tuple(Share(code, rows, share or 0.0) for code, rows, share in counted)
    return found


def stored_relation(table: Table) -> str:
    """Return a stored table as a relation in SQL."""
    return f"read_parquet({path_literal(table.data)})"


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
