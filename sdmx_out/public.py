"""A release read back, as anybody can who has nothing but its folder.

Here belong finding a release, its rows and its reasons. Nothing outside the folder of releases is read,
so that what a user is shown is what the public has.
"""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.periods import Period, PeriodError
from sdmx_out.catalogue import WITHDRAWN_NOTE
from sdmx_out.csv_text import read_csv
from sdmx_out.ilostat_tables import BULK_COLUMNS
from sdmx_out.releases.withdrawn import STATUS, read_public, sdmx_period

PRECISION = ("se", "lower", "upper", "p_value", "significance")
COLUMNS = (*BULK_COLUMNS, *PRECISION)
NUMBERS = ("obs_value", "se", "lower", "upper", "p_value")
_NEAR = 0.6
_KEY = ("ref_area", "source", "indicator", "sex", "classif1", "classif2", "time")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_NOT_CLASSIFICATIONS = ("AREA", "INDICATOR", "OBS_STATUS", "CONF_STATUS", "SOURCE", "NOTE")
_REASONS = {
    "not_collected": "not collected",
    "not_computed": "not computed",
    "no_observation": "no figure",
    "unreliable_table": "suppressed table",
}

Row = dict[str, str]


@dataclass(frozen=True)
class Wanted:
    """What a reader asks for; None stands for all."""

    indicator: str
    area: str | None = None
    period: str | None = None


def find_release(releases: Path, name: str = "latest") -> Path | None:
    """Folder of a release by its id, or by `latest` or `latest-test`; None when there is none."""
    if not _NAME.fullmatch(name) or not (releases / name / "release.json").is_file():
        return None
    return (releases / name).resolve()


def indicator_titles(release: Path) -> dict[str, str]:
    """Every indicator of the catalogue, published or not -> English title."""
    return {row["code"]: row["label_en"] for row in read_csv(release / "dictionary" / "INDICATOR.csv")}


def suggestions(release: Path, indicator: str) -> list[str]:
    """Up to three indicators whose names are nearest, the published first among equals."""
    published = {path.stem.rsplit("_", 1)[0] for path in (release / "data" / "ilostat").glob("*.csv")}
    near = {name: difflib.SequenceMatcher(None, indicator.upper(), name).ratio() for name in indicator_titles(release)}
    known = sorted(near, key=lambda name: (-near[name], name not in published, name))
    return [name for name in known if near[name] >= _NEAR][:3]


def read_rows(release: Path, wanted: Wanted) -> Iterator[Row]:
    """One row per cell of an indicator: ILOSTAT's bulk columns, then what the precision file says.

    All sources and frequencies are given, in the order A, M, Q, S of their files. Releases made before figures were
    compared have no p-values: theirs are empty.
    """
    time = _ilostat(wanted.period)
    for bulk in sorted((release / "data" / "ilostat").glob(f"{wanted.indicator}_?.csv")):
        quality = release / "data" / "quality" / f"{bulk.stem}_quality.csv"
        for row, precision in zip(read_csv(bulk), read_csv(quality), strict=True):
            if any(row[column] != precision[column] for column in _KEY):
                raise ValueError(f"{bulk.name} and {quality.name} do not have the same rows")
            if wanted.area in (None, row["ref_area"]) and time in (None, row["time"]):
                yield {**row, **{column: precision.get(column, "") for column in PRECISION}}


def is_withdrawn(row: Row) -> bool:
    """Whether a row stands where a figure was withdrawn."""
    return row["obs_status"] == STATUS and row["note_indicator"].split("_")[-1] == WITHDRAWN_NOTE


def withdrawn(release: Path, wanted: Wanted) -> list[str]:
    """What was withdrawn of what is wanted, when and why: one sentence each, maybe none."""
    time = None if wanted.period is None else sdmx_period(wanted.period)
    return [
        f"{' '.join(part for part in item.key if part)}: withdrawn on {item.withdrawn_on}: {item.reason}"
        for item in read_public(release)
        if item.indicator == wanted.indicator
        and (not item.ref_area or wanted.area in (None, item.ref_area))
        and (not item.time or time in (None, item.time))
    ]


def why_absent(release: Path, wanted: Wanted) -> list[str]:
    """Why a release has no row of what is wanted: one sentence per reason, never empty."""
    if gone := withdrawn(release, wanted):
        return gone
    told = [row for row in read_csv(release / "availability.csv") if row["indicator"] == wanted.indicator]
    if wanted.area is not None and wanted.area not in areas_of(release):
        return [f"area {wanted.area} is not in this release"]
    here = [row for row in told if wanted.area in (None, row["ref_area"])]
    time = _ilostat(wanted.period)
    then = [row for row in here if time in (None, _ilostat(row["time"]))]
    reasons = sorted({_sentence(row) for row in then if row["availability"] in _REASONS})
    if reasons:
        return reasons
    rows = list(read_rows(release, Wanted(wanted.indicator, wanted.area)))
    periods = sorted({str(_ilostat(row["time"])) for row in (*rows, *here)})
    where = f"{wanted.indicator} {wanted.area}" if wanted.area else wanted.indicator
    if periods and wanted.period is not None:
        parts = [period for period in periods if time is not None and period != time and period.startswith(time)]
        why = "; a year is made of all periods of a survey, and not all are there" if parts else ""
        return [f"period {wanted.period} is not in this release for {where}; it has {', '.join(periods)}{why}"]
    return [f"{where} is not computed in this release: no survey in it gives this indicator"]


def _sentence(row: Row) -> str:
    what = _REASONS[row["availability"]]
    reason = f": {row['reason']}" if row["reason"] else ""
    survey = f" ({row['survey']})" if row["survey"] else ""
    return f"{row['ref_area']} {row['time']}{survey}: {what}{reason}"


def areas_of(release: Path) -> set[str]:
    """Every area that a release has figures of, or says why not."""
    facts = json.loads((release / "release.json").read_text(encoding="utf-8"))
    return set(facts["areas"]) | {row["ref_area"] for row in read_csv(release / "availability.csv")}


def _ilostat(period: str | None) -> str | None:
    """Period as the tables write it; a text that is no period stands for itself."""
    if period is None:
        return None
    try:
        return Period.parse(period).ilostat
    except PeriodError:
        return period


def read_labels(release: Path) -> dict[str, dict[str, str]]:
    """Column of the tables -> code -> English label."""
    lists = {
        path.stem: {row["code"]: row["label_en"] for row in read_csv(path)}
        for path in sorted((release / "dictionary").glob("*.csv"))
    }
    classifications: dict[str, str] = {}
    for name, codes in lists.items():
        if name not in _NOT_CLASSIFICATIONS:
            classifications.update(codes)
    return {
        "ref_area": lists["AREA"],
        "indicator": lists["INDICATOR"],
        "sex": classifications,
        "classif1": classifications,
        "classif2": classifications,
        "obs_status": lists["OBS_STATUS"],
    }
