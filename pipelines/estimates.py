"""Estimates of one survey and period from stacked psu_totals: values, standard errors, limits and statuses.

One function serves a round's own figures, annual and pooled averages over several rounds, and changes between two
periods. What an indicator's figures are made of is said in ``transforms.measures``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from pipelines.cube_sums import CubeSums, Stack, stack_rounds
from pipelines.engine import path_literal
from pipelines.medians import medians
from pipelines.storage import Table
from pipelines.support import Support
from schemas.indicators import Indicator, Measure, Relation, load_indicators
from schemas.periods import Period
from schemas.reliability import profile_of
from schemas.survey_spec import SurveySpec
from transforms import measures, variance
from transforms.confidentiality import judge_confidential
from transforms.measures import Name, Shares, Side
from transforms.membership import published_items, wanted_versions
from transforms.progress import Progress, silent
from transforms.reliability import judge_cells
from transforms.stocks import MAIN_WEIGHT, Cube, cube_of, cubes, indicator_weight
from transforms.variance import Booleans, Floats, SampleDesign, VarianceParts

#: Order in which rows are written; the release is then the same whatever the engine's order was.
ESTIMATE_KEYS = ["indicator", "ref_area", "survey", "freq", "time", "sex", "classif1", "classif2"]

#: Column -> DuckDB type of round_estimates, in order. ``n_round``: persons (of a rate those of its denominator) in the
#: round where they are most. ``weight``: sum of the weights that a figure rests on, of comparisons none. ``dominance``
#: and ``p_share``: of means, see ``measures.Shares``.
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
    "df": "DOUBLE",
    "p_value": "DOUBLE",
    "n": "BIGINT",
    "n_numerator": "BIGINT",
    "n_households": "BIGINT",
    "n_psu": "BIGINT",
    "n_round": "BIGINT",
    "weight": "DOUBLE",
    "dominance": "DOUBLE",
    "p_share": "DOUBLE",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "method": "VARCHAR",
}

_COUNTS = tuple(name for name, kind in ESTIMATE_TYPES.items() if kind == "BIGINT")


def method_text(spec: SurveySpec, measure: Measure, *, has_own_weight: bool = False) -> str:
    """Return how standard errors are made, in words that go with every figure.

    Args:
        spec: the survey.
        measure: kind of the figure.
        has_own_weight: whether the figure has a weight of its own, which has no replicates and is not calibrated.
    """
    if has_own_weight and spec.design.variance == "replicates":
        return "none: the weight of these figures has no replicates"
    texts = {
        "taylor": "Taylor linearisation",
        "replicates": f"replicate weights ({spec.replicates.method})" if spec.replicates else "",
        "deff": f"approximation: simple random sample, design effect {spec.design.deff:g}" if spec.design.deff else "",
        "none": "none: no design variables",
    }
    text = texts[spec.design.variance]
    if spec.design.variance == "none":
        return text
    if spec.calibration is not None and not has_own_weight:
        text = f"{text}, calibrated weights"
    return f"Woodruff interval, {text}" if measure == "median" else text


@dataclass(frozen=True)
class _Estimated:
    """Figures of one indicator in all its cells, and their precision; NaN where there is none.

    Attributes:
        indicator: of the catalogue.
        names: sex, classif1, classif2 of every cell.
        side: values, and whom they rest on.
        variance: of the values.
        df: degrees of freedom.
        n_psu: PSUs with members.
        observed: of a count, whether anybody of the cube was observed in a cell.
        limits: of medians, standard errors and Woodruff limits.
    """

    indicator: Indicator
    names: Sequence[Name]
    side: Side
    variance: Floats
    df: Floats
    n_psu: Floats
    observed: Booleans | None = None
    limits: tuple[Floats, Floats, Floats] | None = None


def estimate(
    connection: duckdb.DuckDBPyConnection,
    support: Support,
    period: Period,
    totals: Sequence[Table],
    persons: Sequence[Table],
    before: Sequence[Table] = (),
    chosen: Iterable[Indicator] | None = None,
    progress: Progress = silent,
    *,
    in_full: bool = False,
) -> pd.DataFrame:
    """Return the estimates of indicators that a survey supports: one row per indicator x cell.

    Columns are those of ``ESTIMATE_TYPES``; in full those that they were judged by as well, ``n_smallest`` and
    ``households_smallest``.

    Args:
        connection: DuckDB.
        support: what the survey supports.
        period: the period that the figures are for: a round's own, or the year of several rounds.
        totals: psu_totals of the rounds that are averaged; one for a round's own figures.
        persons: their harmonised_persons: medians are made from them.
        before: psu_totals of the rounds that changes are from; without them no change is estimated.
        chosen: which indicators; all that the survey supports by default.
        progress: told every few cubes.
        in_full: whether all columns are returned.
    """
    asked = support.indicators.values() if chosen is None else chosen
    # Nobody was asked for absent members in a round that does not list them: that is no zero to be averaged.
    is_listed = all(table.facts.get("is_listed", True) for table in (*totals, *before))
    wanted = [
        one
        for one in asked
        if (one.measure == "change") == bool(before)
        and (is_listed or (one.relation != "absentees" and one.subtrahend is None))
    ]
    stack = stack_rounds(connection, support, totals, before)
    versions = wanted_versions(support.indicators.values(), support.collected)
    df = min((table.facts["replicate_df"] for table, _ in stack.rounds), default=0.0)
    blocks: list[_Estimated] = []
    by_cube: dict[tuple[Relation, str, str], list[Indicator]] = {}
    for indicator in wanted:
        by_cube.setdefault(cube_of(indicator), []).append(indicator)
    for number, (key, own) in enumerate(sorted(by_cube.items()), start=1):
        if number % 10 == 1:
            progress(f"estimating {number} of {len(by_cube)} cubes for {period}")
        sums = [one for one in own if not _is_median(one)]
        if sums:
            blocks += _from_sums(connection, support, stack, sums, versions, df)
        for indicator in own:
            if _is_median(indicator):
                named = [versions.get((key[0], name), ()) for name in ("sex", key[1], key[2])]
                blocks += _from_persons(connection, support, stack, persons, indicator, named, df)
    return _frame(blocks, support, period, len(totals))


def _is_median(indicator: Indicator) -> bool:
    return indicator.measure == "median" or indicator.statistic == "median"


def _from_sums(
    connection: duckdb.DuckDBPyConnection,
    support: Support,
    stack: Stack,
    indicators: Sequence[Indicator],
    versions: Mapping[tuple[Relation, str], Sequence[str]],
    replicate_df: float,
) -> list[_Estimated]:
    """Return the figures of the indicators of one cube."""
    own: dict[Relation, Cube] = {cube.relation: cube for cube in cubes(indicators, support.columns)}
    sums = CubeSums(connection, support, stack, own, versions)
    found: dict[str, tuple[Sequence[Name], Side]] = {}
    parts: dict[str, VarianceParts] = {}
    variances: dict[str, Floats] = {}
    for design in sums.blocks():
        for indicator in indicators:
            figures = measures.figures(indicator, support.columns[indicator.relation], sums)
            if figures is None:
                continue
            side = figures.side
            found[indicator.id] = figures.names, _without_scores(side)
            if design is not None:
                part = _variance_parts(side, design)
                parts[indicator.id] = parts[indicator.id] + part if indicator.id in parts else part
            elif side.statistic.is_replicated:
                variances[indicator.id] = _replicated(side, support.spec)
    blocks = []
    for indicator in indicators:
        if indicator.id not in found:
            continue
        names, side = found[indicator.id]
        nothing = np.full(len(names), np.nan)
        seen = sums.observed(indicator.relation) if indicator.measure == "count" else None
        part_or_none = parts.get(indicator.id)
        if part_or_none is not None and stack.design is not None:
            precision = _of_design(part_or_none, stack.design, support.spec)
            blocks.append(_Estimated(indicator, names, side, *precision, seen))
        elif indicator.id in variances:
            free = np.full(len(names), replicate_df)
            blocks.append(_Estimated(indicator, names, side, variances[indicator.id], free, nothing, seen))
        else:
            blocks.append(_Estimated(indicator, names, side, nothing, nothing, nothing, seen))
    return blocks


def _variance_parts(side: Side, design: SampleDesign) -> VarianceParts:
    scores = side.statistic.parts
    # Medians that are not compared have scores of 0, which take no room: a copy of them would.
    if not any(scores.strides):
        return variance.variance_parts(scores, side.members, design, side.other_members)
    parts = variance.variance_parts(np.nan_to_num(scores), side.members, design, side.other_members)
    # Scores that are not known, as those of a median without limits, leave no variance: 0 would call it exact.
    is_known = np.isfinite(scores).all(axis=1)
    return replace(parts, variance=np.where(is_known, parts.variance, np.nan))


def _of_design(parts: VarianceParts, design: SampleDesign, spec: SurveySpec) -> tuple[Floats, Floats, Floats]:
    """Return variance, degrees of freedom and PSUs of every cell; no PSUs where a design effect stands for them."""
    squared = parts.total(design.lonely_psu) * (spec.design.deff or 1.0)
    n_psu = parts.n_psu.astype(float) if spec.design.variance == "taylor" else np.full(len(squared), np.nan)
    return squared, parts.degrees_of_freedom.astype(float), n_psu


def _without_scores(side: Side) -> Side:
    """Return values and whom they rest on: scores by unit, once a variance, would fill the memory."""
    nothing = np.zeros((len(side.n), 0))
    statistic, weight = replace(side.statistic, parts=nothing), replace(side.weight, parts=nothing)
    return replace(side, statistic=statistic, weight=weight, members=nothing.astype(bool), other_members=None)


def _replicated(side: Side, spec: SurveySpec) -> Floats:
    assert spec.replicates is not None
    given = spec.replicates
    return variance.replicate_variance(
        side.statistic.parts[:, 1:], side.statistic.value, given.scale, given.rscales, mse=given.mse
    )


def _from_persons(
    connection: duckdb.DuckDBPyConnection,
    support: Support,
    stack: Stack,
    persons: Sequence[Table],
    indicator: Indicator,
    versions: Sequence[Sequence[str]],
    replicate_df: float,
) -> list[_Estimated]:
    """Return the medians of an indicator, or the gaps of its medians."""
    found = medians(connection, support, stack, persons, indicator, versions, replicate_df)
    if found is None:
        return []
    figures = measures.compared_figures(indicator, found.cells, found.side)
    if figures is None:
        return []
    side, size = figures.side, len(figures.names)
    free, n_psu = np.full(size, replicate_df if side.statistic.is_replicated else np.nan), np.full(size, np.nan)
    squared = np.full(size, np.nan)
    if stack.design is not None:
        squared, free, n_psu = _of_design(_variance_parts(side, stack.design), stack.design, support.spec)
    elif side.statistic.is_replicated:
        squared = _replicated(side, support.spec)
    limits = None
    if indicator.measure == "median":
        squared = found.se**2
        limits = (found.se, found.lower, found.upper)
    return [_Estimated(indicator, figures.names, _without_scores(side), squared, free, n_psu, None, limits)]


def _frame(blocks: Sequence[_Estimated], support: Support, period: Period, rounds: int) -> pd.DataFrame:
    """Return all figures, scaled to their units and judged."""
    spec, judged = support.spec, []
    profile = profile_of(spec.reliability)
    for measure in sorted({block.indicator.measure for block in blocks}):
        own = [_columns(block, support, period, rounds) for block in blocks if block.indicator.measure == measure]
        part = pd.DataFrame({name: np.concatenate([columns[name] for columns in own]) for name in own[0]})
        part = _with_precision(part, measure)
        judged.append(judge_cells(part, profile, is_few_confidential=spec.design.confidential_below_5, measure=measure))
    if not judged:
        return pd.DataFrame(columns=list(ESTIMATE_TYPES))
    frame = judge_confidential(
        pd.concat(judged, ignore_index=True),
        profile,
        load_indicators(),
        is_few_confidential=spec.design.confidential_below_5,
    )
    is_break, scale = bool(spec.breaks_in(period)), frame["scale"]
    frame = frame.assign(
        value=frame["estimate"] * scale,
        se=frame["se"] * scale,
        lower=frame["lower"] * scale,
        upper=frame["upper"] * scale,
        status=frame["status"].mask((frame["status"] == "") & is_break, "B"),
        ref_area=spec.survey.area,
        survey=spec.key,
    )
    for name in _COUNTS:
        frame[name] = frame[name].astype("Int64")
    return frame.sort_values(ESTIMATE_KEYS, na_position="first", ignore_index=True)


def _columns(block: _Estimated, support: Support, period: Period, rounds: int) -> dict[str, np.ndarray]:
    """Return the figures of one indicator as columns: unscaled, with whom they rest on."""
    indicator, side = block.indicator, block.side
    rule = support.time_rule(indicator)
    # A year of such flows is the sum of its periods, and not their mean; several years are the mean of their sums.
    periods = len(period.parts(support.spec.survey.frequency))
    times = float(min(rounds, periods)) if rule == "sum" else 1.0
    has_own_weight = indicator_weight(indicator, support.columns[indicator.relation]) != MAIN_WEIGHT
    is_without_replicates = has_own_weight and support.spec.replicates is not None
    sex, one, two = (np.array(part, dtype=object) for part in zip(*block.names, strict=True))
    value = side.statistic.value * times
    keep = np.isfinite(value) & ((side.n > 0) | (indicator.measure in ("count", "net")))
    allowed = support.versions(indicator)
    assert allowed is not None
    for items, named in zip((one, two), allowed, strict=True):
        if named:
            shown = published_items(named)
            keep &= np.fromiter((item in shown for item in items), dtype=bool, count=len(items))
    if indicator.measure == "count":
        # Nobody of the universe where others of the cube were observed is a sampling zero (STANDARDS 0.5).
        keep &= block.observed if block.observed is not None else side.n > 0
    told = period if rule != "year_before" else Period.parse(str(period.year - 1))
    with np.errstate(invalid="ignore"):
        se = np.sqrt(block.variance) * times
    texts = {
        "indicator": indicator.id, "freq": told.frequency, "time": told.sdmx,
        "method": method_text(support.spec, indicator.measure, has_own_weight=has_own_weight),
    }  # fmt: skip
    # A comparison rests on the weights of both its sides, and on neither alone.
    nothing = np.full(len(sex), np.nan)
    weight = nothing if indicator.is_comparison else side.weight.value * times
    shares = side.shares if side.shares is not None and indicator.measure == "mean" else Shares(nothing, nothing)
    columns: dict[str, np.ndarray] = {name: np.full(len(sex), text, dtype=object) for name, text in texts.items()}
    columns |= {
        "sex": sex,
        "classif1": one,
        "classif2": two,
        "estimate": value,
        "se": np.where(side.n > 0, se, np.nan),
        "lower": np.full(len(sex), np.nan),
        "upper": np.full(len(sex), np.nan),
        "df": np.where((side.n > 0) & (not is_without_replicates), block.df, np.nan),
        "n": side.n,
        "n_numerator": side.n_numerator,
        "n_smallest": side.n_smallest,
        "n_households": side.n_households,
        "households_smallest": side.households_smallest,
        "n_psu": block.n_psu,
        "n_round": side.n_round,
        "weight": weight,
        "dominance": shares.dominance,
        "p_share": shares.remainder,
        "scale": np.full(len(sex), _scale(indicator)),
    }
    if block.limits is not None:
        columns["se"], columns["lower"], columns["upper"] = block.limits
    return {name: values[keep] for name, values in columns.items()}


def _scale(indicator: Indicator) -> float:
    """Return the factor from a statistic to the unit of publication."""
    if indicator.unit_measure_type == "RT":
        return 100.0
    return float(10.0**-indicator.unit_mult)


def _with_precision(part: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Add limits, CV and p-values to the figures of one kind of measure."""
    value, se, df = (part[name].to_numpy(dtype=float) for name in ("estimate", "se", "df"))
    nothing = np.full(len(part), np.nan)
    if measure == "median":
        lower, upper = part["lower"].to_numpy(dtype=float), part["upper"].to_numpy(dtype=float)
    else:
        lower, upper = variance.limits(value, se, df, measures.SCALES.get(measure, "identity"))
    cv, p_value = nothing, nothing
    if measure in measures.COMPARISONS:
        p_value = variance.p_values(value, se, df)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            cv = np.where(value > 0, se / value, np.nan)
    return part.assign(lower=lower, upper=upper, cv=cv, p_value=p_value)


def write_estimates(connection: duckdb.DuckDBPyConnection, estimates: pd.DataFrame, target: Path) -> None:
    """Write estimates as Parquet, columns and types as ``ESTIMATE_TYPES``, in the order given."""
    connection.register("estimates_frame", estimates)
    floats = {name for name, kind in ESTIMATE_TYPES.items() if kind == "DOUBLE"}
    columns = ", ".join(
        f"CASE WHEN isnan({name}::DOUBLE) THEN NULL ELSE {name} END::DOUBLE AS {name}"
        if name in floats
        else f"{name}::{kind} AS {name}"
        for name, kind in ESTIMATE_TYPES.items()
    )
    connection.execute(
        f"COPY (SELECT {columns} FROM estimates_frame) TO {path_literal(target)} (FORMAT parquet, COMPRESSION zstd)"
    )
    connection.unregister("estimates_frame")
