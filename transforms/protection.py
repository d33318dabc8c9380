"""From estimates to what may be seen outside: the one door.

Here belong primary rules of the first form (numbers of observations, whole-table share), the notes that
a figure carries and what is withheld with a suppressed cell. Secondary suppression comes here as well.

Source: STANDARDS 0.4 to 0.8, 4.2, 4.4 and 4.5.
"""

from collections.abc import Mapping

import pandas as pd

from schemas.indicators import Indicator, load_indicators
from schemas.reliability import ReliabilityProfile
from schemas.survey_spec import SurveySpec
from transforms.reliability import is_table_published, n_band

REPOSITORY_NOTE = "R1:3513"  # ILO-STATISTICS - Micro data processing
PERIOD_NOTES = {"Q1": "S3:8", "Q2": "S3:9", "Q3": "S3:10", "Q4": "S3:11", "S1": "S3:6", "S2": "S3:7"}
ANNUAL_NOTE = "S3:5"
CRITERION_NOTES = {"CBR": "T36:3214", "CCT": "T36:3215"}
#: Types of notes that are about pay (time unit, value, gross or net, jobs, currency): they go with no other figure.
PAY_NOTES = ("T7:", "T9:", "T10:", "T11:", "T30:")

#: Columns of protected_estimates, in order.
PROTECTED_COLUMNS = (
    "indicator",
    "ref_area",
    "survey",
    "source",
    "freq",
    "time",
    "sex",
    "classif1",
    "classif2",
    "obs_value",
    "obs_status",
    "conf_status",
    "reason",
    "se",
    "lower",
    "upper",
    "cv",
    "df",
    "n_band",
    "method",
    "note_source",
    "note_indicator",
    "note_classif",
    "unit_measure_type",
    "unit_measure",
    "unit_mult",
    "decimals",
)


def protect(
    estimates: pd.DataFrame, specs: Mapping[str, SurveySpec], profile: ReliabilityProfile
) -> tuple[pd.DataFrame, list[tuple[str, str, str, str]]]:
    """Return protected_estimates, and the tables refused as a whole.

    Args:
        estimates: area_estimates of one area and year.
        specs: survey key -> specification.
        profile: thresholds of publication.

    Returns:
        The protected rows (grain: indicator x period x cell) and (indicator, survey, time, version) of every
        table with too large a share of suppressed cells.
    """
    version = _version(estimates["classif1"]).where(estimates["classif1"].notna(), "")
    second = _version(estimates["classif2"]).where(estimates["classif2"].notna(), "")
    tables = estimates.assign(version=version + second.where(second == "", "/" + second), first=version)
    kept, refused = [], []
    for (indicator, survey, time, name), table in tables.groupby(["indicator", "survey", "time", "version"], sort=True):
        versions = str(name).split("/")
        exempt = next((part for part in versions if part in profile.exempt_versions), None)
        # n = 0 is a sampling zero, not a figure that was too small to show: it does not weigh in the share.
        observed = table.loc[table["n"] > 0, "status"]
        if is_table_published(observed, exempt, profile):
            kept.append(table)
        else:
            refused.append((str(indicator), str(survey), str(time), str(name)))
    frame = pd.concat(kept, ignore_index=True) if kept else tables.head(0)
    catalogue = load_indicators()
    is_shown = frame["status"] != "S"
    figures = {name: frame[name].where(is_shown) for name in ("se", "lower", "upper", "cv", "df")}
    is_confidential = frame["reason"].str.contains("confidential", regex=False)
    protected = frame.assign(
        **figures,
        obs_value=frame["value"].where(is_shown),
        obs_status=frame["status"],
        conf_status=is_confidential.map({True: "C", False: "F"}),
        n_band=n_band(frame["n"]).where(is_shown, ""),
        source=frame["survey"].map({key: _source(key, spec) for key, spec in specs.items()}),
        note_source=[
            _source_notes(specs[survey], time) for survey, time in zip(frame["survey"], frame["time"], strict=True)
        ],
        note_indicator=[
            _indicator_notes(specs[survey], catalogue[indicator])
            for survey, indicator in zip(frame["survey"], frame["indicator"], strict=True)
        ],
        note_classif="",
        **{
            name: frame["indicator"].map({key: getattr(item, name) for key, item in catalogue.items()})
            for name in ("unit_measure_type", "unit_measure", "unit_mult", "decimals")
        },
    )
    order = ["indicator", "ref_area", "survey", "freq", "time", "sex", "classif1", "classif2"]
    protected = protected.sort_values(order, na_position="first", ignore_index=True)
    return protected[list(PROTECTED_COLUMNS)], refused


def _source(key: str, spec: SurveySpec) -> str:
    """Return the source of a figure: type of source and survey; an invented survey says so."""
    marker = " (SYNTHETIC - invented country)" if spec.survey.extract == "synthetic" else ""
    return f"{spec.survey.source}:{key}{marker}"


def _version(items: pd.Series) -> pd.Series:
    """Return the classification version of items: everything before the last underscore group."""
    return items.astype("str").str.extract(r"^([A-Z0-9]+_[A-Z0-9]+)", expand=False).fillna("")


def _source_notes(spec: SurveySpec, time: str) -> str:
    """Return the source notes of a figure: repository, reference period, coverage, employment definition."""
    part = time.split("-")[-1]
    period = PERIOD_NOTES.get(part, ANNUAL_NOTE)
    employment = [note for note in _labour_notes(spec) if note.startswith("S")]
    return "_".join([REPOSITORY_NOTE, period, *spec.population.notes, *employment])


def _indicator_notes(spec: SurveySpec, indicator: Indicator) -> str:
    """Return the indicator notes: unemployment definition or those on pay, and the criterion of migration."""
    is_pay = indicator.measure in ("mean", "median")
    notes = [
        note for note in _labour_notes(spec) if not note.startswith("S") and (is_pay or not note.startswith(PAY_NOTES))
    ]
    criterion = [note for code, note in CRITERION_NOTES.items() if f"_{code}_" in indicator.id]
    return "_".join([*notes, *criterion])


def _labour_notes(spec: SurveySpec) -> tuple[str, ...]:
    return tuple(spec.labour_force.notes) if spec.labour_force is not None else ()
