"""How one stored figure was made: where it stands, what it was made from, and whether it comes out again.

Here belongs finding the figure among the estimates of an area and making it anew in two ways: by plain sums of its
parts (``explain_parts``) and by the estimation itself. What is told of it is in ``explain_text``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import duckdb
import pandas as pd

from pipelines.areas import Stacked, area_years, stacked_figures
from pipelines.cube_sums import Stack, stack_rounds
from pipelines.engine import open_engine, path_literal
from pipelines.estimates import estimate
from pipelines.explain_parts import Taken, take_apart
from pipelines.home import Home
from pipelines.protected import TEST_SUFFIX
from pipelines.rounds import Round, open_round
from pipelines.storage import Table, current
from pipelines.support import Support, is_told_by_round, support, why_not
from schemas.codes import load_code_lists
from schemas.indicators import Indicator
from schemas.periods import Period
from schemas.reliability import profile_of
from transforms.coherence import relative_difference
from transforms.confidentiality import RULE_COLUMNS, broken_rules

#: Largest difference, relative to the larger side, at which two figures are the same.
TOLERANCE = 1e-9

#: Columns of estimates that hold the cell, in the order of an indicator's dimensions.
CELL_COLUMNS = ("sex", "classif1", "classif2")

#: Columns that the estimation must give again: numbers up to ``TOLERANCE``, and what must be the same.
_NUMBERS = ("value", "se", "lower", "upper", "cv", "df", "p_value", "weight", "dominance", "p_share")
_SAME = ("n", "n_numerator", "n_households", "n_psu", "n_round", "status", "reason")

_CELLS_SHOWN = 8


class NotThereError(Exception):
    """There is no such figure; the lines say what there is."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))


class NoSuchCellError(ValueError):
    """A cell is written in a way that the indicator does not have."""


@dataclass(frozen=True)
class Figure:
    """One stored figure and what it was made from.

    Attributes:
        indicator: of the catalogue.
        row: its row of area_estimates.
        table: the rows of the same indicator, area and period.
        partition: the area and year where it is stored.
        area: the table area_estimates.
        protected: the table protected_estimates; None where there is none.
        made: the period, the rounds and those of the year before.
        support: what the survey supports.
        totals: psu_totals by round.
        persons: harmonised_persons by round.
        rivals: surveys of the same area and year with their declared precedence.
    """

    indicator: Indicator
    row: Mapping[str, Any]
    table: pd.DataFrame
    partition: str
    area: Table
    protected: Table | None
    made: Stacked
    support: Support
    totals: Mapping[str, Table]
    persons: Mapping[str, Table]
    rivals: Mapping[str, int]

    @property
    def rule(self) -> str:
        """How a year of it is made from the survey's periods."""
        return self.support.time_rule(self.indicator)

    @property
    def times(self) -> float:
        """Number of rounds where a year is their sum, else 1."""
        return float(len(self.made.rounds)) if self.rule == "sum" else 1.0

    @property
    def cell(self) -> tuple[str | None, str | None, str | None]:
        """Items of sex and both classifications."""
        return (self.row["sex"], self.row["classif1"], self.row["classif2"])

    def of(self, tables: Mapping[str, Table], rounds: Sequence[str]) -> list[Table]:
        """Return the tables of some rounds, in their order."""
        return [tables[name] for name in rounds]


@dataclass(frozen=True)
class Check:
    """What came of making a figure anew.

    Attributes:
        taken: the figure by plain sums of its parts.
        again: the row of the estimation, empty where it has none.
        stack: the sample design of its rounds.
        relative: relative difference of the plain sums from the stored figure.
        differences: columns in which the stored row was not reproduced, and by which way.
        broken: threshold of confidentiality that applies to the figure -> whether it is confidential by it; those on
            numbers of persons excepted.
    """

    taken: Taken
    again: Mapping[str, Any]
    stack: Stack
    relative: float
    differences: tuple[str, ...]
    broken: Mapping[str, bool]


# --- finding -------------------------------------------------------------------------------------


def find_figure(home: Home, indicator: Indicator, area: str, period: Period, cell: Mapping[str, str]) -> Figure:
    """Return a stored figure.

    Args:
        home: data folder.
        indicator: of the catalogue.
        area: ISO 3166-1 alpha-3.
        period: of the figure.
        cell: dimension -> item, e.g. SEX -> SEX_F; dimensions that are not named are totals.

    Raises:
        NotThereError: there is no such area, period or cell; it says what there is, or why not.
        NoSuchCellError: the indicator has no such dimension or item.
    """
    _refuse_unknown(indicator, cell)
    years = area_years(home)
    own = sorted((name for name in years if name.split("_")[0] == area), key=lambda name: name.endswith(TEST_SUFFIX))
    if not own:
        there = ", ".join(sorted({name.split("_")[0] for name in years})) or "none: ilms run makes them"
        raise NotThereError(f"no estimates of area {area}; areas with estimates: {there}")
    tables = {name: current(home.store, "area_estimates", name) for name in own}
    valid = {name: table for name, table in tables.items() if table is not None and table.is_valid}
    with home.scratch() as scratch, open_engine(scratch, [home.store]) as connection:
        frames = {name: _rows(connection, table, indicator) for name, table in valid.items()}
    partition = next((name for name, rows in frames.items() if period.sdmx in set(rows["time"])), None)
    if partition is None:
        raise NotThereError(*_why_not_there(home, indicator, area, period, years, frames))
    rows = frames[partition][frames[partition]["time"] == period.sdmx].reset_index(drop=True)
    row = _choose(indicator, rows, cell)
    opened = [open_round(home, name) for name in years[partition]]
    own_rounds = [this for this in opened if this.spec.key == row["survey"]]
    made = _made_of(home, indicator, own_rounds, period)
    used = (*made.rounds, *made.before)
    stored = {
        kind: {name: current(home.store, kind, name) for name in used} for kind in ("psu_totals", "harmonised_persons")
    }
    for kind, by_round in stored.items():
        if lacking := [name for name, table in by_round.items() if table is None or not table.is_valid]:
            raise NotThereError(f"{kind} of {', '.join(lacking)} is not stored any more, or was stopped: ilms run")
    return Figure(
        indicator,
        row,
        rows,
        partition,
        valid[partition],
        current(home.store, "protected_estimates", partition),
        made,
        support(own_rounds[0].spec, made.period),
        {name: table for name, table in stored["psu_totals"].items() if table is not None},
        {name: table for name, table in stored["harmonised_persons"].items() if table is not None},
        {this.spec.key: this.spec.survey.precedence for this in opened},
    )


def _rows(connection: duckdb.DuckDBPyConnection, table: Table, indicator: Indicator) -> pd.DataFrame:
    query = f"FROM read_parquet({path_literal(table.data)}) WHERE indicator = ?"
    return connection.execute(query, [indicator.id]).df()


def _made_of(home: Home, indicator: Indicator, rounds: Sequence[Round], period: Period) -> Stacked:
    """Return the rounds that a figure was made of: one round's own, or those that are stacked."""
    single = [
        Stacked(this.period, (this.identifier,), (), (indicator,))
        for this in rounds
        if is_told_by_round(support(this.spec, this.period), indicator, this.period)
    ]
    spec = rounds[0].spec
    stacked = [one for one in stacked_figures(home, spec, rounds) if indicator in one.indicators]
    for one in (*single, *stacked):
        is_of_year_before = support(spec, one.period).time_rule(indicator) == "year_before"
        told = Period.parse(str(one.period.year - 1)) if is_of_year_before else one.period
        if told == period:
            return one
    raise NotThereError(f"the rounds that {indicator.id} of {period} was made of are not stored any more: ilms run")


def _why_not_there(
    home: Home,
    indicator: Indicator,
    area: str,
    period: Period,
    years: Mapping[str, Sequence[str]],
    frames: Mapping[str, pd.DataFrame],
) -> list[str]:
    """Return which periods an area has of an indicator; where it has none, why not."""
    periods = sorted({time for rows in frames.values() for time in rows["time"]})
    said = _said(home, indicator, period, frames)
    if periods:
        return [f"no {indicator.id} of {area} for {period}; periods that are there: {', '.join(periods)}", *said]
    reasons = []
    for name in dict.fromkeys(name for partition in frames for name in years[partition]):
        this = open_round(home, name)
        supported = support(this.spec, this.period)
        reason = why_not(this.spec, indicator, supported.columns, supported.collected)
        reasons.append(f"{this.spec.key}: {reason or 'nobody was observed, or the figure is not made of these rounds'}")
    return [f"no {indicator.id} of {area}: {indicator.title['en']}", *(said or dict.fromkeys(reasons))]


def _said(home: Home, indicator: Indicator, period: Period, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return what the tables of published figures say of an indicator and period."""
    files = []
    for name in frames:
        table = current(home.store, "protected_estimates", name)
        if table is not None and table.is_valid:
            files.append(path_literal(table.folder / "availability.parquet"))
    if not files:
        return []
    with home.scratch() as scratch, open_engine(scratch, [home.store]) as connection:
        told = connection.execute(
            "SELECT DISTINCT survey, time, replace(availability, '_', ' '), reason FROM "
            f"read_parquet([{', '.join(files)}]) WHERE indicator = ? AND time = ? AND availability <> 'published' "
            "ORDER BY ALL",
            [indicator.id, period.sdmx],
        ).fetchall()
    return [f"{survey} {time}: {state}{f': {reason}' if reason else ''}" for survey, time, state, reason in told]


# --- cells ---------------------------------------------------------------------------------------


def cell_versions(indicator: Indicator) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return dimension -> column of estimates, and classification versions."""
    versions = (("SEX",), indicator.classif1_versions, indicator.classif2_versions)
    return {
        dimension: (column, named)
        for dimension, column, named in zip(indicator.dimensions, CELL_COLUMNS, versions, strict=False)
    }


def parse_cell(text: str) -> dict[str, str]:
    """Return dimension -> item of a text such as SEX=SEX_F,AGE=AGE_YTHADULT_Y15-24.

    Raises:
        NoSuchCellError: it is written otherwise.
    """
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        dimension, equals, item = part.partition("=")
        if not equals or not item or dimension in found:
            raise NoSuchCellError(f"{part!r}: write DIMENSION=ITEM once for each, e.g. SEX=SEX_F")
        found[dimension.strip()] = item.strip()
    return found


def _refuse_unknown(indicator: Indicator, cell: Mapping[str, str]) -> None:
    known = cell_versions(indicator)
    for dimension, item in cell.items():
        if dimension not in known:
            raise NoSuchCellError(f"{indicator.id} has no dimension {dimension}; it has {', '.join(known)}")
        codes = [code.code for version in known[dimension][1] for code in load_code_lists()[version].items]
        if item not in codes:
            near = ", ".join(get_close_matches(item, codes, n=3)) or ", ".join(codes[:_CELLS_SHOWN])
            raise NoSuchCellError(f"{item} is no item of {dimension} in {indicator.id}; near: {near}")


def _choose(indicator: Indicator, rows: pd.DataFrame, cell: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the row of a cell; a dimension that is not named is the total of the first version that is there."""
    kept = rows
    for dimension, (column, versions) in cell_versions(indicator).items():
        if dimension in cell:
            wanted: Sequence[str | None] = [cell[dimension]]
        else:
            wanted = [load_code_lists()[version].total for version in versions]
        there = next((item for item in wanted if (kept[column] == item).any()), None)
        if there is None:
            raise NotThereError(*_nearest(indicator, rows, cell))
        kept = kept[kept[column] == there]
    return _first(kept)


def _first(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the first row by column, None where it has no value."""
    return {str(name): value for name, value in rows.astype(object).where(rows.notna(), None).iloc[0].items()}


def _nearest(indicator: Indicator, rows: pd.DataFrame, cell: Mapping[str, str]) -> list[str]:
    """Return the stored cells that share most items with the one asked for."""
    columns = {dimension: column for dimension, (column, _) in cell_versions(indicator).items()}
    asked = ",".join(f"{dimension}={cell[dimension]}" for dimension in columns if dimension in cell)
    texts = {
        ",".join(f"{dimension}={row[column]}" for dimension, column in columns.items()): sum(
            row[columns[dimension]] == item for dimension, item in cell.items()
        )
        for row in rows.to_dict("records")
    }
    near = get_close_matches(asked, texts, n=4 * _CELLS_SHOWN, cutoff=0.0)
    near = sorted(near, key=lambda text: -texts[text])[:_CELLS_SHOWN]
    return [
        f"no cell {asked} in {indicator.id} of this area and period: nobody was observed in it, or the survey's "
        "classification has no such version; nearest:",
        *(f"  {text}" for text in near),
    ]


# --- making it anew ------------------------------------------------------------------------------


def check_figure(home: Home, figure: Figure) -> Check:
    """Return a figure made anew from what is stored: by plain sums of its parts, and by the estimation."""
    made, indicator = figure.made, figure.indicator
    now, before = figure.of(figure.totals, made.rounds), figure.of(figure.totals, made.before)
    persons = figure.of(figure.persons, made.rounds)
    with home.scratch() as scratch, open_engine(scratch, [home.store]) as connection:
        taken = take_apart(connection, figure.support, indicator, figure.cell, now, before, persons, figure.times)
        frame = estimate(connection, figure.support, made.period, now, persons, before, [indicator], in_full=True)
        stack = stack_rounds(connection, figure.support, now, before)
    rules = broken_rules(frame, profile_of(figure.support.spec.reliability), {indicator.id: indicator})
    again = _same_cell(frame.assign(**rules), figure.cell)
    broken = {
        key: bool(again[key])
        for key in rules
        if again and not indicator.is_comparison and again[RULE_COLUMNS[key]] is not None
    }
    relative = float(relative_difference(taken.value, figure.row["value"], taken.size))
    return Check(taken, again, stack, relative, tuple(_differences(figure.row, taken, again, relative)), broken)


def _same_cell(frame: pd.DataFrame, cell: Sequence[str | None]) -> Mapping[str, Any]:
    kept = frame
    for column, item in zip(CELL_COLUMNS, cell, strict=True):
        kept = kept[kept[column].isna() if item is None else kept[column] == item]
    if len(kept) != 1:
        return {}
    return _first(kept)


def _differences(row: Mapping[str, Any], taken: Taken, again: Mapping[str, Any], relative: float) -> list[str]:
    """Return what of the stored row did not come out again."""
    # A NaN compares as unequal.
    found = [] if relative <= TOLERANCE else ["value, by plain sums"]
    own = {"n": taken.side.n, "n_numerator": taken.side.n_numerator}
    found += [f"{name}, by plain sums" for name, count in own.items() if count != row[name]]
    if not again:
        return [*found, "the whole row, by the estimation"]
    for name in _NUMBERS:
        one, other = (float("nan") if side.get(name) is None else float(side[name]) for side in (row, again))
        scale = taken.size if name in ("value", "lower", "upper") else 0.0
        if not float(relative_difference(one, other, scale)) <= TOLERANCE:
            found.append(f"{name}, by the estimation")
    return [*found, *(f"{name}, by the estimation" for name in _SAME if again[name] != row.get(name))]
