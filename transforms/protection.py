"""From estimates to what may be seen outside: the one door.

In this order: tables too small as a whole are refused; cells that must not be learnt, and those that are too imprecise,
are hidden; cells are hidden beside them until no confidential one can be worked out from what is left (or everything is
rounded); rates are hidden with their parts and comparisons with theirs; what is left gets its notes. The result is then
attacked (``protection_audit``).

Source: STANDARDS 0.4 to 0.8, 1.9, 4.2, 4.4 and 7.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from schemas.errors import InputError, Problem
from schemas.indicators import load_indicators
from schemas.reliability import ReliabilityProfile
from schemas.survey_spec import SurveySpec
from transforms.comparisons import CONFIDENTIAL, REASONS, SECONDARY, UNRELIABLE, hide_comparisons
from transforms.controlled_rounding import round_controlled
from transforms.linked_cells import Booleans, Floats, Integers
from transforms.linked_tables import LinkedTables, Needs, link
from transforms.notes import notes_of
from transforms.progress import Progress, silent
from transforms.reliability import is_table_published, n_band
from transforms.suppression import Suppression, suppress
from transforms.variance import limits

#: Columns that name a row of estimates.
KEYS = ("indicator", "ref_area", "survey", "freq", "time", "sex", "classif1", "classif2")

#: Columns of protected_estimates, in order.
PROTECTED_COLUMNS = (
    *("indicator", "ref_area", "survey", "source", "freq", "time", "sex", "classif1", "classif2"),
    *("obs_value", "obs_status", "conf_status", "reason"),
    *("se", "lower", "upper", "cv", "df", "p_value", "n_band", "method"),
    *("note_source", "note_indicator", "note_classif"),
    *("unit_measure_type", "unit_measure", "unit_mult", "decimals"),
)

#: Reason -> ILOSTAT status and confidentiality status of SDMX; the strongest of several holds.
_STATUS = {CONFIDENTIAL: ("C", "C"), SECONDARY: ("C", "D"), "unreliable": ("S", "F")}

#: (indicator, survey, time, version)
Refused = tuple[str, str, str, str]


@dataclass(frozen=True)
class LinkedSurvey:
    """How the tables of one survey were protected together.

    Attributes:
        rows: positions in the frame of figures of its rows.
        tables: its linked cells.
        suppression: what was hidden beside what is confidential; with rounding, in tables of means alone.
        rounded: cell -> multiple of the base that is published; NaN where cells are not rounded.
        reach: cell -> how far from the rounded value the true one may lie, in units.
    """

    rows: Integers
    tables: LinkedTables
    suppression: Suppression
    rounded: Floats
    reach: Floats


@dataclass(frozen=True)
class Protected:
    """What came of an area and year.

    Attributes:
        figures: estimates of tables that are not refused, with final ``status`` (S: not published) and ``reason``.
        rows: protected_estimates, in the order of ``figures``.
        refused: tables refused as a whole.
        surveys: survey -> its linked cells; surveys in which few persons are not confidential have none.
    """

    figures: pd.DataFrame
    rows: pd.DataFrame
    refused: tuple[Refused, ...]
    surveys: Mapping[str, LinkedSurvey]


def protect(
    estimates: pd.DataFrame,
    specs: Mapping[str, SurveySpec],
    profiles: Mapping[str, ReliabilityProfile],
    *,
    before: pd.DataFrame | None = None,
    known: Booleans | None = None,
    progress: Progress = silent,
) -> Protected:
    """Return what may be seen of the figures of an area and year.

    Args:
        estimates: area_estimates of one area and year.
        specs: survey key -> specification.
        profiles: survey key -> thresholds of publication.
        before: what was not published of the year before: keys, ``status`` S and ``reason``; for changes.
        known: rows of ``estimates`` that a release has told already.
        progress: told the steps.
    """
    estimates = estimates.reset_index(drop=True)
    estimates = estimates.assign(known=False if known is None else known)
    figures, refused = _without_refused(estimates, profiles)
    surveys: dict[str, LinkedSurvey] = {}
    for key in sorted(set(estimates["survey"])):
        spec, profile = specs[str(key)], profiles[str(key)]
        if not spec.design.confidential_below_5 or not profile.n_confidential:
            continue
        # Figures of a refused table are not shown, but they are cells all the same.
        own = estimates[estimates["survey"] == key]
        figures, surveys[str(key)] = _protect_linked(figures, own, spec, profile, progress)
    figures = hide_comparisons(figures, before)
    return Protected(figures, _rows(figures, specs), refused, surveys)


def _without_refused(
    estimates: pd.DataFrame, profiles: Mapping[str, ReliabilityProfile]
) -> tuple[pd.DataFrame, tuple[Refused, ...]]:
    """Return the figures of tables that are published, and the tables with too large a share of hidden cells."""
    version = _version(estimates["classif1"]).where(estimates["classif1"].notna(), "")
    second = _version(estimates["classif2"]).where(estimates["classif2"].notna(), "")
    tables = version + second.where(second == "", "/" + second)
    is_kept = np.ones(len(estimates), dtype=bool)
    refused: list[Refused] = []
    keys = [estimates["indicator"], estimates["survey"], estimates["time"], tables]
    groups: Mapping[Any, Any] = estimates.groupby(keys, sort=True).indices
    for key, positions in groups.items():
        indicator, survey, time, name = map(str, key)
        profile = profiles[survey]
        exempt = next((part for part in name.split("/") if part in profile.exempt_versions), None)
        table = estimates.iloc[positions]
        # n = 0 is a sampling zero, not a figure that was too small to show: it does not weigh in the share.
        if not is_table_published(table.loc[table["n"] > 0, "status"], exempt, profile):
            is_kept[positions] = False
            refused.append((indicator, survey, time, name))
    return estimates[is_kept], tuple(refused)


def _protect_linked(
    figures: pd.DataFrame, own: pd.DataFrame, spec: SurveySpec, profile: ReliabilityProfile, progress: Progress
) -> tuple[pd.DataFrame, LinkedSurvey]:
    """Protect the confidential cells of one survey, by hiding others or by rounding; return its linked cells too."""
    is_shown = own.index.isin(figures.index) & (own["status"] != "S").to_numpy()
    is_confidential = own["reason"].astype("str").str.contains(CONFIDENTIAL, regex=False).to_numpy()
    needs = Needs(profile.n_confidential, profile.protection_share, profile.protection_persons)
    pooled = spec.pooling.indicators if spec.pooling is not None else ()
    tables = link(own, is_shown, is_confidential, needs, pooled, own["known"].to_numpy(dtype=bool))
    progress(f"{spec.key}: {len(tables.n)} linked cells, {int((tables.linked.need_up > 0).sum())} of them confidential")
    rounded = reach = np.full(len(tables.n), np.nan)
    linked = tables.linked
    if spec.protection.base is not None:
        rounded, reach = _rounded(tables, spec.protection.base, progress)
        # Rounded cells need no other: to suppression they are no longer confidential.
        is_open = np.isnan(rounded)
        linked = replace(linked, need_up=linked.need_up * is_open, need_down=linked.need_down * is_open)
    made = suppress(linked, progress=progress)
    hidden = _hidden(own, tables, made, tables.is_confidential & np.isnan(rounded))
    own = own.assign(**hidden) if spec.protection.base is None else _with_rounded(own.assign(**hidden), tables, rounded)
    changed = own.loc[own.index.isin(figures.index)]
    others = figures.loc[~figures.index.isin(changed.index)]
    figures = pd.concat([others, changed]).loc[figures.index]
    return figures, LinkedSurvey(own.index.to_numpy(), tables, made, rounded, reach)


def _hidden(
    own: pd.DataFrame, tables: LinkedTables, made: Suppression, is_confidential: Booleans
) -> dict[str, list[str]]:
    """Return status and reason of rows: each follows its cell, a rate both its parts and its complement."""
    status, reason = own["status"].to_list(), own["reason"].to_list()
    cells = np.stack([tables.own, tables.denominator, tables.complement])
    there = cells >= 0
    primary = np.any(there & is_confidential[cells], axis=0)
    beside = np.any(there & made.secondary[cells], axis=0)
    for number in np.flatnonzero(primary | beside):
        why = CONFIDENTIAL if primary[number] else SECONDARY
        if why == CONFIDENTIAL or status[number] != "S":
            told = {*str(reason[number]).split(";"), why}
            status[number], reason[number] = "S", ";".join(name for name in REASONS if name in told)
    return {"status": status, "reason": reason}


def _rounded(tables: LinkedTables, base: float, progress: Progress) -> tuple[Floats, Floats]:
    """Round the counts of a survey to multiples of a base; return them, and how far from them the true values lie.

    A year is rounded by itself: the mean of rounded quarters is no multiple of the base.

    Raises:
        InputError: no way was found in which everything adds up.
    """
    counted = np.flatnonzero(tables.is_count)
    rows = tables.linked.equations[~tables.is_periodic]
    kept = np.flatnonzero(np.diff(rows[:, counted].indptr) > 0)
    made = round_controlled(tables.linked.value[counted], rows[kept][:, counted], base, progress=progress)
    if not made.is_additive:
        message = f"[protection] base: {len(made.broken)} sums cannot be kept in multiples of it"
        remedy = "Use another base, or method = 'suppression'"
        raise InputError([Problem("survey.toml", None, "ROUNDING_NOT_ADDITIVE", message, remedy)])
    rounded, reach = np.full(len(tables.n), np.nan), np.full(len(tables.n), np.nan)
    rounded[counted], reach[counted] = made.value, (1 + made.steps) * base
    return rounded, reach


def _with_rounded(own: pd.DataFrame, tables: LinkedTables, rounded: Floats) -> pd.DataFrame:
    """Return figures made of rounded counts: counts, and rates of two of them, with limits around these.

    A rounded figure is confidential no more; one that is too imprecise stays hidden.
    """
    catalogue = load_indicators()
    cells, below = tables.own, tables.denominator
    is_rounded = (cells >= 0) & ~np.isnan(rounded[cells])
    measure = own["indicator"].map({name: one.measure for name, one in catalogue.items()}).to_numpy(dtype=object)
    unit = own["indicator"].map({name: 10.0**one.unit_mult for name, one in catalogue.items()}).to_numpy(dtype=float)
    is_rate = is_rounded & (measure == "rate")
    value = own["value"].to_numpy(dtype=float).copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(is_rounded & ~is_rate, rounded[cells] / unit, value)
        value = np.where(is_rate, 100 * rounded[cells] / rounded[below], value)
    reason = own["reason"].astype("str").to_numpy(dtype=object)
    status = own["status"].to_numpy(dtype=object).copy()
    kept = [";".join(part for part in str(text).split(";") if part not in (CONFIDENTIAL, SECONDARY)) for text in reason]
    reason = np.where(is_rounded, np.array(kept, dtype=object), reason)
    is_free = is_rounded & (reason == "")
    status = np.where(is_free & (status == "S"), "U", status)
    status = np.where(is_rounded & ~np.isfinite(value), "S", status)
    reason = np.where(is_rounded & ~np.isfinite(value), UNRELIABLE, reason)
    se, df = own["se"].to_numpy(dtype=float), own["df"].to_numpy(dtype=float)
    lower, upper, cv = (own[name].to_numpy(dtype=float).copy() for name in ("lower", "upper", "cv"))
    for which, scale, kind in ((is_rounded & ~is_rate, unit, "log"), (is_rate, np.full(len(own), 0.01), "logit")):
        least, most = limits(value * scale, se * scale, df, kind)  # type: ignore[arg-type]
        lower, upper = np.where(which, least / scale, lower), np.where(which, most / scale, upper)
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = np.where(is_rounded, np.where(value > 0, se / value, np.nan), cv)
    return own.assign(value=value, status=status, reason=reason, lower=lower, upper=upper, cv=cv)


def _rows(figures: pd.DataFrame, specs: Mapping[str, SurveySpec]) -> pd.DataFrame:
    """Return protected_estimates of figures whose statuses are final, one row each."""
    catalogue = load_indicators()
    is_shown = figures["status"] != "S"
    shown = {name: figures[name].where(is_shown) for name in ("se", "lower", "upper", "cv", "df", "p_value")}
    keys = list(zip(figures["survey"], figures["indicator"], figures["time"], strict=True))
    notes = notes_of(dict.fromkeys(keys), specs, catalogue)
    reason = figures["reason"].astype("str")
    obs_status, conf_status = figures["status"].astype(object), pd.Series("F", index=figures.index, dtype=object)
    for name in reversed(("confidential", "secondary", "unreliable")):
        is_so = reason.str.contains(name, regex=False) & ~is_shown
        obs_status, conf_status = obs_status.mask(is_so, _STATUS[name][0]), conf_status.mask(is_so, _STATUS[name][1])
    protected = figures.assign(
        **shown,
        obs_value=figures["value"].where(is_shown),
        obs_status=obs_status,
        conf_status=conf_status,
        n_band=n_band(figures["n"]).where(is_shown, ""),
        source=figures["survey"].map({key: _source(key, spec) for key, spec in specs.items()}),
        note_source=[notes[key].source for key in keys],
        note_indicator=[notes[key].indicator for key in keys],
        note_classif="",
        **{
            name: figures["indicator"].map({key: getattr(item, name) for key, item in catalogue.items()})
            for name in ("unit_measure_type", "unit_measure", "unit_mult", "decimals")
        },
    )
    return protected[list(PROTECTED_COLUMNS)]


def sorted_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return protected rows in the order in which they are written."""
    order = ["indicator", "ref_area", "survey", "freq", "time", "sex", "classif1", "classif2"]
    return rows.sort_values(order, na_position="first", ignore_index=True)


def _source(key: str, spec: SurveySpec) -> str:
    """Return the source of a figure: type of source and survey; an invented survey says so."""
    marker = " (SYNTHETIC - invented country)" if spec.survey.extract == "synthetic" else ""
    return f"{spec.survey.source}:{key}{marker}"


def _version(items: pd.Series) -> pd.Series:
    """Return the classification version of items: everything before the last underscore group."""
    return items.astype("str").str.extract(r"^([A-Z0-9]+_[A-Z0-9]+)", expand=False).fillna("")
