"""Contracts of the tables: pandera schemas, checked batch by batch on polars DataFrames.

Here belongs what a row of each table must look like. Keys and aggregates over a whole table are checked
in SQL by ``pipelines``. Failure cases hold persons' values: whoever runs a contract counts them by rule
and column and drops them.
"""

from collections.abc import Collection, Mapping, Sequence

import pandera.polars as pa
import polars as pl

from schemas.codes import CodeList
from schemas.concepts import Concept
from schemas.indicators import load_indicators

_TYPES = {"code": pl.String, "text": pl.String, "number": pl.Float64, "boolean": pl.Boolean}


def raw_extract_contract(columns: Sequence[str]) -> pa.DataFrameSchema:
    """Return the contract of raw_extract: a row number, and text in every column of the file."""
    text = {name: pa.Column(pl.String, nullable=True) for name in columns}
    number = pa.Column(pl.Int64, pa.Check.ge(1), nullable=False, unique=True)
    return pa.DataFrameSchema({"row_number": number, **text}, strict=True, ordered=True)


def harmonised_persons_contract(
    columns: Collection[str],
    concepts: Mapping[str, Concept],
    code_lists: Mapping[str, CodeList],
    classifications: Mapping[str, str],
) -> pa.DataFrameSchema:
    """Return the contract of harmonised_persons for the columns that a survey collects.

    Args:
        columns: the table's columns.
        concepts: the concept dictionary.
        code_lists: every code list.
        classifications: concept -> the one code list in which the survey collected it, where the
            dictionary allows several.

    Rules: a code stands in the concept's list (``CODE_INVALID``); inside its universe a variable is never
    null (``SCOPE_NULL``), outside always (``SCOPE_EXTRA``).
    """
    return _contract(columns, concepts, code_lists, classifications, _scopes(columns))


def harmonised_absentees_contract(
    columns: Collection[str],
    concepts: Mapping[str, Concept],
    code_lists: Mapping[str, CodeList],
    classifications: Mapping[str, str],
) -> pa.DataFrameSchema:
    """Return the contract of harmonised_absentees, with the rules of ``harmonised_persons_contract``.

    Args:
        columns: the table's columns.
        concepts: the concept dictionary of absentees.
        code_lists: every code list.
        classifications: concept -> the one code list in which the survey collected it, where the
            dictionary allows several.
    """
    scopes = {"all": pl.lit(value=True)}
    scopes["of_working_age"] = pl.col("is_working_age") if "is_working_age" in columns else scopes["all"]
    employed = pl.col("is_employed_abroad") if "is_employed_abroad" in columns else scopes["all"]
    scopes["employed_abroad"] = scopes["of_working_age"] & employed
    return _contract(columns, concepts, code_lists, classifications, scopes)


def _contract(
    columns: Collection[str],
    concepts: Mapping[str, Concept],
    code_lists: Mapping[str, CodeList],
    classifications: Mapping[str, str],
    scopes: Mapping[str, pl.Expr],
) -> pa.DataFrameSchema:
    fields = {name: _column(concepts[name], code_lists, classifications.get(name)) for name in columns}
    scoped = [check for name in columns for check in _scope_checks(concepts[name], scopes)]
    return pa.DataFrameSchema(fields, checks=scoped, strict=True)


def _column(concept: Concept, code_lists: Mapping[str, CodeList], classification: str | None) -> pa.Column:
    checks = []
    if concept.kind == "code":
        names = (classification,) if classification else concept.code_lists
        # A total holds everyone; it is no code of a person.
        allowed = {item.code for name in names for item in code_lists[name].items if not item.is_total}
        # "_U" is SDMX's code for 'unknown' where a list of ILOSTAT has none.
        checks.append(pa.Check.isin(sorted(allowed | {"_U"}), name="CODE_INVALID", error=concept.name))
    return pa.Column(_TYPES[concept.kind], checks, nullable=True, coerce=concept.kind == "number")


def _scopes(columns: Collection[str]) -> dict[str, pl.Expr]:
    """Return universe -> who must have a value of its concepts, and nobody else.

    Some scopes depend on what the survey asks: who only produced for own use may be absent from a job, and
    who is not employed follows from the branch of the decision tree where it was applied.
    """
    of_working_age = pl.col("is_working_age")
    absent = pl.col("absent_from_job") if "absent_from_job" in columns else pl.lit(value=False)
    if "worked_one_hour" in columns:
        at_work = pl.col("worked_one_hour")
        if "own_use_production_only" in columns:
            at_work = at_work & pl.col("own_use_production_only").eq_missing(pl.lit(value=True)).not_()
        absent = absent & at_work.not_()
    not_employed = pl.col("declared_labour_force_status") != "LMS_STATUS_EMP"
    if "labour_force_rule" in columns:
        not_employed = pl.col("labour_force_rule").str.starts_with("EMP_").not_()
    return {
        "all": pl.lit(value=True),
        "of_working_age": of_working_age,
        "absent": of_working_age & absent,
        "not_employed": of_working_age & not_employed,
        "employed": pl.col("labour_force_status").eq_missing(pl.lit("LMS_STATUS_EMP")),
        "outside_labour_force": pl.col("labour_force_status").eq_missing(pl.lit("LMS_STATUS_EIP")),
        "arrived_from_abroad": pl.col("has_arrived_from_abroad"),
    }


def _scope_checks(concept: Concept, scopes: Mapping[str, pl.Expr]) -> list[pa.Check]:
    if concept.origin == "derived" and (concept.kind != "code" or concept.universe not in scopes):
        return []
    scope, value = scopes[concept.universe].fill_null(value=False), pl.col(concept.name)
    outside = pa.Check(
        lambda data, rule=scope, column=value: data.lazyframe.select(rule | column.is_null()),
        name="SCOPE_EXTRA",
        error=concept.name,
    )
    if concept.nullable:
        return [outside]
    inside = pa.Check(
        lambda data, rule=scope, column=value: data.lazyframe.select(rule.not_() | column.is_not_null()),
        name="SCOPE_NULL",
        error=concept.name,
    )
    return [inside, outside]


def round_estimates_contract(code_lists: Mapping[str, CodeList]) -> pa.DataFrameSchema:
    """Return the contract of round_estimates: one row per survey x indicator x period x cell."""
    items = sorted({item.code for code_list in code_lists.values() for item in code_list.items})
    # Differences, gaps and changes may be below zero; nothing else may.
    signed = [one.id for one in load_indicators().values() if one.is_comparison]

    def one_of(name: str, allowed: Sequence[str], *, nullable: bool = False) -> pa.Column:
        return pa.Column(pl.String, pa.Check.isin(allowed, error=name), nullable=nullable)

    def not_negative(name: str, kind: type[pl.DataType], *, nullable: bool = True) -> pa.Column:
        return pa.Column(kind, pa.Check.ge(0, error=name), nullable=nullable, coerce=nullable)

    return pa.DataFrameSchema(
        {
            "indicator": pa.Column(pl.String),
            "ref_area": pa.Column(pl.String),
            "survey": pa.Column(pl.String),
            "freq": one_of("freq", ["A", "S", "Q", "M"]),
            "time": pa.Column(pl.String),
            "sex": one_of("sex", ["SEX_T", "SEX_M", "SEX_F", "SEX_O"]),
            "classif1": one_of("classif1", items, nullable=True),
            "classif2": one_of("classif2", items, nullable=True),
            "value": pa.Column(pl.Float64),
            "se": not_negative("se", pl.Float64),
            **{name: pa.Column(pl.Float64, nullable=True) for name in ("lower", "upper")},
            **{name: not_negative(name, pl.Float64) for name in ("cv", "df")},
            "p_value": pa.Column(pl.Float64, pa.Check.in_range(0, 1, error="p_value"), nullable=True),
            "n": not_negative("n", pl.Int64, nullable=False),
            "n_numerator": not_negative("n_numerator", pl.Int64, nullable=False),
            "n_households": not_negative("n_households", pl.Int64),
            "n_psu": not_negative("n_psu", pl.Int64),
            "n_round": not_negative("n_round", pl.Int64, nullable=False),
            **{name: not_negative(name, pl.Float64) for name in ("weight", "dominance", "p_share")},
            "status": one_of("status", ["", "S", "U", "B"]),
            "reason": pa.Column(pl.String),
            "method": pa.Column(pl.String),
        },
        checks=[
            pa.Check(
                lambda data: data.lazyframe.select((pl.col("value") >= 0) | pl.col("indicator").is_in(signed)),
                name="VALUE_NEGATIVE",
                error="value",
            ),
            pa.Check(
                lambda data: data.lazyframe.select(
                    (pl.col("lower") <= pl.col("value") + pl.col("value").abs() * 1e-12).fill_null(value=True)
                    & (pl.col("upper") >= pl.col("value") - pl.col("value").abs() * 1e-12).fill_null(value=True)
                ),
                name="LIMITS",
                error="lower, upper",
            ),
        ],
        strict=True,
        ordered=True,
    )
