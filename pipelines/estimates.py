"""Estimates of one survey and period from its psu_totals: values, standard errors, limits and statuses.

One function serves a round's own figures and annual averages over several rounds.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd

from pipelines.engine import path_literal
from pipelines.storage import Table
from schemas.concepts import load_concepts
from schemas.indicators import Indicator, load_indicators
from schemas.periods import Period
from schemas.reliability import ReliabilityProfile, load_profile
from schemas.survey_spec import SurveySpec
from transforms import stocks, variance
from transforms.harmonise import plan
from transforms.membership import published_items, versions_of
from transforms.reliability import judge_cells

Progress = Callable[[str], None]

METHOD_TAYLOR = "Taylor linearisation"
METHOD_NONE = "none: no design variables"

#: Universes that count unemployment by the ILO's definition: search and availability, or a job to start.
ILO_UNEMPLOYMENT = frozenset({"unemployed", "underused_lu2", "underused_lu3", "underused_lu4"})

#: Order in which rows are written; the release is then the same whatever the engine's order was.
ESTIMATE_KEYS = ["indicator", "ref_area", "survey", "freq", "time", "sex", "classif1", "classif2"]

#: Column -> DuckDB type of round_estimates, in order.
ESTIMATE_TYPES: Mapping[str, str] = {
    "indicator": "VARCHAR",
    "ref_area": "VARCHAR",
    "survey": "VARCHAR",
    "freq": "VARCHAR",
    "time": "VARCHAR",
    "sex": "VARCHAR",
    "classif1": "VARCHAR",
    "classif2": "VARCHAR",
    "value": "DOUBLE",
    "se": "DOUBLE",
    "lower": "DOUBLE",
    "upper": "DOUBLE",
    "cv": "DOUBLE",
    "df": "BIGINT",
    "n": "BIGINT",
    "n_numerator": "BIGINT",
    "n_households": "BIGINT",
    "n_psu": "BIGINT",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "method": "VARCHAR",
}


def silent(message: str) -> None:
    """Take progress messages and say nothing."""


def classifications(spec: SurveySpec) -> dict[str, str]:
    """Return concept -> classification in which the survey collected it, where it says so."""
    return {name: source.classification for name, source in spec.concepts.items() if source.classification}


def available_indicators(spec: SurveySpec, columns: Sequence[str]) -> dict[str, Indicator]:
    """Return the indicators of the catalogue that this survey can support and that are computed."""
    return {
        identifier: indicator
        for identifier, indicator in load_indicators().items()
        if indicator.is_computed
        and not missing_concepts(indicator, columns)
        and has_status_for(indicator, spec)
        and versions(indicator, spec)
    }


def missing_concepts(indicator: Indicator, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the concepts that an indicator needs and the survey does not collect."""
    return tuple(name for name in indicator.needs if name not in columns)


def has_status_for(indicator: Indicator, spec: SurveySpec) -> bool:
    """Whether the survey's labour force status is of the kind that an indicator is about.

    Who calls himself unemployed is not unemployed by the ILO's definition: such a survey gives no figure that
    counts unemployment by an ILO id, but one of our own (STANDARDS 0.12).
    """
    is_declared = spec.labour_force is not None and spec.labour_force.self_declared
    if indicator.is_self_declared:
        return is_declared
    return not (is_declared and indicator.universe in ILO_UNEMPLOYMENT)


def versions(indicator: Indicator, spec: SurveySpec) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the classification versions of both dimensions that the survey's own versions allow."""
    collected = classifications(spec)
    one = versions_of(indicator.classif1_versions, indicator.classif1_concept, collected)
    two = versions_of(indicator.classif2_versions, indicator.classif2_concept, collected)
    if (indicator.classif1_versions and not one) or (indicator.classif2_versions and not two):
        return None
    return one, two


def write_estimates(connection: duckdb.DuckDBPyConnection, estimates: pd.DataFrame, target: Path) -> None:
    """Write estimates as Parquet, columns and types as ``ESTIMATE_TYPES``, in the order given."""
    connection.register("estimates_frame", estimates)
    floats = {name for name, kind in ESTIMATE_TYPES.items() if kind == "DOUBLE"}
    columns = ", ".join(
        f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END::DOUBLE AS {name}"
        if name in floats
        else f"{name}::{kind} AS {name}"
        for name, kind in ESTIMATE_TYPES.items()
    )
    connection.execute(
        f"COPY (SELECT {columns} FROM estimates_frame) TO {path_literal(target)} (FORMAT parquet, COMPRESSION zstd)"
    )
    connection.unregister("estimates_frame")


def estimate(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    period: Period,
    totals: Sequence[Table],
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the estimates of every indicator that a survey supports: one row per indicator x cell.

    Args:
        connection: DuckDB.
        spec: the survey.
        period: the period that the figures are for: a round's own, or the year of several rounds.
        totals: psu_totals of the rounds that are averaged; one for a round's own figures.
        progress: told every few indicators.
    """
    columns = plan(spec, load_concepts(), period).columns
    indicators = available_indicators(spec, columns)
    profile = load_profile("ilo")
    open_totals(connection, totals)
    frames, loaded = [], ""
    for number, indicator in enumerate(sorted(indicators.values(), key=stocks.cube_name), start=1):
        if number % 10 == 1:
            progress(f"estimating {number} of {len(indicators)} indicators for {period}")
        if stocks.cube_name(indicator) != loaded:
            loaded = stocks.cube_name(indicator)
            load_cube(connection, loaded)
        frames.append(_indicator_estimates(connection, spec, period, indicator, len(totals), profile))
    return pd.concat(frames, ignore_index=True).sort_values(ESTIMATE_KEYS, na_position="first", ignore_index=True)


def open_totals(connection: duckdb.DuckDBPyConnection, totals: Sequence[Table]) -> None:
    """Create ``stored_totals`` over one or several rounds and ``sample_design``, both with a column ``round``.

    Keys are enumerations: joined and grouped as small integers they take half the time of text.
    """
    for table in ("psu_totals", "sample_design"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    for view, file in (("stored_totals", "data.parquet"), ("stored_design", "design.parquet")):
        parts = " UNION ALL ".join(
            f"SELECT '{table.partition}' AS round, * FROM read_parquet({path_literal(table.folder / file)})"
            for table in totals
        )
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS {parts}")
    rounds = " UNION ALL ".join(f"SELECT '{table.partition}' AS code" for table in totals)
    _create_type(connection, "round_code", rounds)
    for key in ("stratum", "psu"):
        _create_type(connection, f"{key}_code", f"SELECT {key} AS code FROM stored_design UNION ALL SELECT ''")
    connection.execute(
        "CREATE TABLE sample_design AS SELECT round::round_code AS round, stratum::stratum_code AS stratum, "
        "psu::psu_code AS psu FROM stored_design"
    )


def load_cube(connection: duckdb.DuckDBPyConnection, cube: str) -> None:
    """Create ``psu_totals`` with the rows of one cube, in place of the cube before."""
    connection.execute("DROP TABLE IF EXISTS psu_totals")
    here = f"FROM stored_totals WHERE cube = '{cube}'"
    items = " UNION ".join(f"SELECT DISTINCT {column} AS code {here}" for column in ("sex", "classif1", "classif2"))
    _create_type(connection, "item_code", items)
    _create_type(connection, "universe_code", f"SELECT DISTINCT universe AS code {here}")
    connection.execute(
        "CREATE TABLE psu_totals AS SELECT round::round_code AS round, cube, universe::universe_code AS universe, "
        "sex::item_code AS sex, classif1::item_code AS classif1, classif2::item_code AS classif2, "
        f"stratum::stratum_code AS stratum, psu::psu_code AS psu, total, n, n_households {here}"
    )


def _create_type(connection: duckdb.DuckDBPyConnection, name: str, codes: str) -> None:
    connection.execute(f"DROP TYPE IF EXISTS {name}")
    connection.execute(
        f"CREATE TYPE {name} AS ENUM (SELECT DISTINCT code FROM ({codes}) WHERE code IS NOT NULL ORDER BY code)"
    )


def _cells(connection: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    """Return the rows of a query by cell, with the cell's items as text."""
    items = ", ".join(f"{column}::VARCHAR AS {column}" for column in ("sex", "classif1", "classif2"))
    return connection.execute(f"SELECT {items}, * EXCLUDE (sex, classif1, classif2) FROM ({query})").df()


def _indicator_estimates(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    period: Period,
    indicator: Indicator,
    rounds: int,
    profile: ReliabilityProfile,
) -> pd.DataFrame:
    """Return the estimates of one indicator in every version of its classifications."""
    is_rate, has_psu = indicator.measure == "rate", spec.design.variance == "taylor"
    cube = stocks.cube_name(indicator)
    sql = variance.estimates_sql(
        cube,
        indicator.universe,
        indicator.denominator if is_rate else None,
        has_psu=has_psu,
        lonely_psu=spec.design.lonely_psu,
        rounds=rounds,
    )
    frame = _cells(connection, sql)
    if not is_rate:
        frame = _with_sampling_zeros(connection, frame)
    allowed = versions(indicator, spec)
    assert allowed is not None
    for column, names in zip(("classif1", "classif2"), allowed, strict=True):
        if names:
            frame = frame[frame[column].isin(published_items(names))]
    frame = variance.with_limits(frame, is_rate=is_rate)
    frame = judge_cells(frame, profile, is_few_confidential=spec.design.confidential_below_5)
    scale = 100.0 if is_rate else 10.0**-indicator.unit_mult
    return frame.assign(
        indicator=indicator.id,
        ref_area=spec.survey.area,
        survey=spec.key,
        freq=period.frequency,
        time=period.sdmx,
        value=frame["estimate"] * scale,
        se=frame["se"] * scale,
        lower=frame["lower"] * scale,
        upper=frame["upper"] * scale,
        method=METHOD_TAYLOR if has_psu else METHOD_NONE,
    )[list(ESTIMATE_TYPES)]


def _with_sampling_zeros(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the cells in which others of the same cube were observed but nobody of this universe.

    n = 0 there: a sampling zero, which is never published as 0 (STANDARDS 0.5).
    """
    cells = _cells(connection, f"SELECT DISTINCT {variance.CELL} FROM psu_totals")
    keys = ["sex", "classif1", "classif2"]
    merged = cells.merge(frame, on=keys, how="left")
    empty = merged["n"].isna()
    for column in ("n", "n_numerator", "n_smallest"):
        merged[column] = merged[column].fillna(0).astype("int64")
    merged.loc[empty, "estimate"] = 0.0
    return merged
