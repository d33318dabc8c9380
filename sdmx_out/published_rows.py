"""The rows of a release, spelled as they will be printed, in one temporary table.

One row per indicator x area x frequency x period x cell. Here belong the checks at the door of what the
public gets, and how numbers and periods are spelled. What each message has for columns does not belong
here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from schemas.codes import CodeList
from schemas.errors import InputError, Problem
from schemas.indicators import Indicator
from sdmx_out.catalogue import (
    TEST_NOTE,
    TEST_TITLE,
    dimension_columns,
    lists_of_type,
)
from sdmx_out.csv_text import fixed_sql, literal, significant_sql

TABLE = "release_rows"
KEY = ("indicator", "ref_area", "freq", "time", "sex", "classif1", "classif2")
COLUMNS = (
    *("indicator", "ref_area", "survey", "source", "freq", "time", "sex", "classif1", "classif2"),
    *("obs_value", "obs_status", "conf_status", "reason", "se", "lower", "upper", "cv", "df", "p_value"),
    *("n_band", "method", "note_source", "note_indicator", "note_classif"),
    *("unit_measure_type", "unit_measure", "unit_mult", "decimals"),
)
#: Decimals of p-values: six, which is more than anybody reads, and never an exponent.
P_DECIMALS = 6
#: A figure that compares two others differs significantly from 0 below this p-value (two-sided, 5 %).
SIGNIFICANCE_LEVEL = 0.05
_UNPUBLISHED = "(obs_status IN ('S', 'C') OR conf_status <> 'F')"
_PRECISION = ("se", "lower", "upper", "cv")
_QUALITY = (*_PRECISION, "df", "p_value")
_FILE = "protected_estimates"


def load_rows(
    connection: duckdb.DuckDBPyConnection,
    candidates: Sequence[Path],
    *,
    indicators: Mapping[str, Indicator],
    code_lists: Mapping[str, CodeList],
    is_test: bool,
) -> None:
    """Fill the temporary table `release_rows`: text columns, one row per published or suppressed cell.

    Args:
        connection: where the table is made; it may read the candidates' folders.
        candidates: Parquet files of protected estimates.
        indicators: the catalogue of indicators by id.
        code_lists: all code lists by id.
        is_test: whether source and notes say that this is no national statistic.

    Raises:
        InputError: a table that must not be released, with counts.
    """
    query = _candidates_sql(connection, candidates)
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE candidate_rows AS {query}")
    except duckdb.Error:
        _refuse([_problem("CANDIDATE_UNREADABLE", "a file is missing or is not as the others", "write it again")])
    _refuse(_problems(connection, indicators, code_lists, is_test=is_test))
    connection.execute("CREATE OR REPLACE TEMP TABLE release_indicators (id VARCHAR, value_decimals INTEGER)")
    for indicator in sorted(indicators.values(), key=lambda item: item.id):
        connection.execute("INSERT INTO release_indicators VALUES (?, ?)", [indicator.id, indicator.decimals])
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS {_rows_sql(is_test=is_test)}")
    connection.execute("DROP TABLE candidate_rows")


def _candidates_sql(connection: duckdb.DuckDBPyConnection, candidates: Sequence[Path]) -> str:
    if not candidates:
        columns = ", ".join(f"CAST(NULL AS VARCHAR) AS {column}" for column in COLUMNS)
        return f"SELECT {columns} WHERE false"
    files = ", ".join(literal(str(path)) for path in sorted(candidates))
    table = f"read_parquet([{files}], union_by_name = false)"
    try:
        present = set(connection.sql(f"SELECT * FROM {table} LIMIT 0").columns)
    except duckdb.Error:
        _refuse([_problem("CANDIDATE_UNREADABLE", "a file is missing or is not Parquet", "write it again")])
    missing = [column for column in COLUMNS if column not in present]
    if missing:
        _refuse([_problem("COLUMN_MISSING", f"no column {', '.join(missing)}", "write protected_estimates again")])
    return f"SELECT {', '.join(COLUMNS)} FROM {table}"


def _rows_sql(*, is_test: bool) -> str:
    source, note_source = "source", "coalesce(note_source, '')"
    if is_test:
        source = f"source || ' ({TEST_TITLE['en']})'"
        note_source = f"concat_ws('_', nullif(note_source, ''), '{TEST_NOTE}')"
    value = "CAST(obs_value AS DOUBLE)"
    precision = ", ".join(f"{significant_sql(f'CAST({c} AS DOUBLE)')} AS {c}" for c in _PRECISION)
    free = "CAST(df AS DOUBLE)"
    # What is said of significance agrees with the p-value as it is printed.
    p_value = f"round(CAST(p_value AS DOUBLE), {P_DECIMALS})"
    return f"""
        SELECT indicator, ref_area, survey, {source} AS source, freq,
            CASE freq WHEN 'M' THEN replace(time, 'M', '') ELSE time END AS time,
            CASE freq WHEN 'M' THEN replace(replace(time, 'M', ''), '-', 'M')
                ELSE replace(time, '-', '') END AS time_ilostat,
            sex, classif1, classif2,
            {fixed_sql(value, "value_decimals")} AS obs_value,
            coalesce(obs_status, '') AS obs_status, conf_status, coalesce(reason, '') AS reason,
            {precision},
            CASE WHEN {free} = floor({free}) THEN format('{{:.0f}}', {free})
                ELSE {significant_sql(free)} END AS df,
            {fixed_sql(p_value, str(P_DECIMALS))} AS p_value,
            CASE WHEN {p_value} < {SIGNIFICANCE_LEVEL} THEN 'significant'
                WHEN {p_value} IS NOT NULL THEN 'not significant' ELSE '' END AS significance,
            coalesce(n_band, '') AS n_band, coalesce(method, '') AS method,
            {note_source} AS note_source, coalesce(note_indicator, '') AS note_indicator,
            coalesce(note_classif, '') AS note_classif,
            unit_measure_type, unit_measure, CAST(unit_mult AS VARCHAR) AS unit_mult,
            CAST(decimals AS VARCHAR) AS decimals
        FROM candidate_rows JOIN release_indicators ON indicator = id"""


def _problems(
    connection: duckdb.DuckDBPyConnection,
    indicators: Mapping[str, Indicator],
    code_lists: Mapping[str, CodeList],
    *,
    is_test: bool,
) -> list[Problem]:
    """Everything that forbids a release, counted."""
    problems: list[Problem] = []

    def forbid(rule: str, condition: str, message: str, remedy: str) -> None:
        count = _number(connection, f"SELECT count(*) FROM candidate_rows WHERE {condition}")
        if count:
            problems.append(_problem(rule, f"{count} rows: {message}", remedy))

    unknown = _distinct(connection, "indicator") - set(indicators)
    if unknown:
        found = ", ".join(sorted(map(str, unknown)))
        problems.append(_problem("INDICATOR_UNKNOWN", f"not in the catalogue: {found}", "add it to indicators"))
    carried = " OR ".join(f"{column} IS NOT NULL" for column in _QUALITY)
    finite = " OR ".join(f"NOT isfinite(CAST({column} AS DOUBLE))" for column in ("obs_value", *_QUALITY))
    forbid(
        "SUPPRESSED_LEAKS",
        f"obs_value IS NULL AND ({carried} OR coalesce(n_band, '') <> '')",
        "a suppressed cell still carries its precision or size",
        "protect the estimates again",
    )
    forbid(
        "SUPPRESSED_LEAKS",
        f"obs_value IS NOT NULL AND {_UNPUBLISHED}",
        "a cell that is unreliable or confidential still carries its value",
        "protect the estimates again",
    )
    forbid(
        "STATUS_MISSING",
        "conf_status IS NULL OR (obs_value IS NULL AND coalesce(obs_status, '') = '')",
        "an empty cell does not say why, or no confidentiality status is given",
        "protect the estimates again",
    )
    forbid("VALUE_NOT_FINITE", finite, "a number is infinite or not a number", "compute the estimates again")
    forbid(
        "PERIOD_INVALID",
        "NOT coalesce(CASE freq WHEN 'A' THEN regexp_full_match(time, '\\d{4}')"
        " WHEN 'S' THEN regexp_full_match(time, '\\d{4}-S[12]')"
        " WHEN 'Q' THEN regexp_full_match(time, '\\d{4}-Q[1-4]')"
        " WHEN 'M' THEN regexp_full_match(time, '\\d{4}-M?(0[1-9]|1[0-2])') ELSE false END, false)",
        "the period does not fit its frequency",
        "write periods as 2013, 2013-S1, 2013-Q4 or 2013-03",
    )
    doubles = f"SELECT count(*) FROM (SELECT 1 FROM candidate_rows GROUP BY {', '.join(KEY)} HAVING count(*) > 1)"
    if count := _number(connection, doubles):
        message = f"{count} cells have more than one row"
        problems.append(_problem("KEY_DUPLICATE", message, "let one source be chosen per area, period and indicator"))
    mixed = (
        "SELECT count(*) FROM (SELECT 1 FROM candidate_rows GROUP BY indicator, ref_area, freq, time "
        "HAVING count(DISTINCT source) > 1 OR count(DISTINCT coalesce(note_source, '')) > 1)"
    )
    if count := _number(connection, mixed):
        message = f"{count} tables of one area and period mix sources or notes on the source"
        problems.append(_problem("SOURCE_MIXED", message, "let one source be chosen per area, period and indicator"))
    problems.extend(_code_problems(connection, indicators, code_lists))
    return problems


def _code_problems(
    connection: duckdb.DuckDBPyConnection,
    indicators: Mapping[str, Indicator],
    code_lists: Mapping[str, CodeList],
) -> list[Problem]:
    problems = []
    known = {
        "ref_area": _codes(code_lists, "AREA"),
        "obs_status": _codes(code_lists, "OBS_STATUS") | {"", None},
        "conf_status": _codes(code_lists, "CONF_STATUS"),
    }
    for column, codes in known.items():
        if unknown := _distinct(connection, column) - codes:
            problems.append(_unknown_codes(column, unknown))
    present = _distinct(connection, "indicator")
    for indicator_id in sorted(indicators.keys() & present):
        columns = {column: dimension for dimension, column in dimension_columns(indicators[indicator_id]).items()}
        for column in ("sex", "classif1", "classif2"):
            found = _distinct(connection, column, f"indicator = {literal(indicator_id)}")
            allowed: set[str | None] = {None}
            if column in columns:
                allowed = {code for codes in lists_of_type(code_lists, columns[column]) for code in codes.codes}
            if unknown := found - allowed:
                problems.append(_unknown_codes(f"{column} of {indicator_id}", unknown))
        indicator = indicators[indicator_id]
        unit = f"{indicator.unit_measure_type} {indicator.unit_measure} {indicator.unit_mult}"
        shown = "concat_ws(' ', unit_measure_type, unit_measure, unit_mult)"
        if _distinct(connection, shown, f"indicator = {literal(indicator_id)}") != {unit}:
            message = f"{indicator_id} is not everywhere in its unit {unit}"
            problems.append(_problem("UNIT_DIFFERS", message, "take the unit from the catalogue"))
    return problems


def _unknown_codes(place: str, unknown: set[str | None]) -> Problem:
    found = ", ".join(sorted(str(code) for code in unknown)[:10])
    return _problem("CODE_UNKNOWN", f"{place} has codes that no list has: {found}", "correct the codes or the list")


def _codes(code_lists: Mapping[str, CodeList], list_id: str) -> set[str | None]:
    return set(code_lists[list_id].codes)


def _distinct(connection: duckdb.DuckDBPyConnection, column: str, where: str = "true") -> set[str | None]:
    rows = connection.execute(f"SELECT DISTINCT {column} FROM candidate_rows WHERE {where}").fetchall()
    return {row[0] for row in rows}


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    # To the end, or the engine takes the result for unfinished and refuses to stream another.
    (row,) = connection.execute(query).fetchall()
    return int(row[0])


def _problem(rule: str, message: str, remedy: str) -> Problem:
    return Problem(file=_FILE, row=None, rule=rule, message=message, remedy=remedy)


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise InputError(problems) from None


def versions_used(connection: duckdb.DuckDBPyConnection, code_lists: Mapping[str, CodeList]) -> list[str]:
    """Ids of the classification versions that the rows refer to, in the catalogue's order."""
    used: set[str | None] = set()
    for column in ("sex", "classif1", "classif2"):
        used |= {row[0] for row in connection.execute(f"SELECT DISTINCT {column} FROM {TABLE}").fetchall()}
    return [codes.id for codes in code_lists.values() if codes.codes & used]
