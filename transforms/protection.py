"""From estimates to what may be seen outside: the one door.

Here belong primary rules of the first form (numbers of observations, whole-table share), figures that would disclose
a suppressed one that they are made of, and what is withheld with a suppressed cell. Secondary suppression comes here
as well. The notes that a figure carries are made in ``notes``.

Source: STANDARDS 0.4 to 0.8, 1.9, 4.2 and 4.4.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from schemas.codes import load_code_lists
from schemas.indicators import CONTRASTS, Indicator, Relation, load_indicators
from schemas.reliability import ReliabilityProfile
from schemas.survey_spec import SurveySpec
from transforms.notes import notes_of
from transforms.reliability import is_table_published, n_band

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
    "p_value",
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
    estimates: pd.DataFrame, specs: Mapping[str, SurveySpec], profiles: Mapping[str, ReliabilityProfile]
) -> tuple[pd.DataFrame, list[tuple[str, str, str, str]]]:
    """Return protected_estimates, and the tables refused as a whole.

    Args:
        estimates: area_estimates of one area and year.
        specs: survey key -> specification.
        profiles: survey key -> thresholds of publication.

    Returns:
        The protected rows (grain: indicator x period x cell) and (indicator, survey, time, version) of every
        table with too large a share of suppressed cells.
    """
    estimates = suppress_with_parts(estimates)
    version = _version(estimates["classif1"]).where(estimates["classif1"].notna(), "")
    second = _version(estimates["classif2"]).where(estimates["classif2"].notna(), "")
    tables = estimates.assign(version=version + second.where(second == "", "/" + second), first=version)
    kept, refused = [], []
    for (indicator, survey, time, name), table in tables.groupby(["indicator", "survey", "time", "version"], sort=True):
        versions = str(name).split("/")
        profile = profiles[str(survey)]
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
    figures = {name: frame[name].where(is_shown) for name in ("se", "lower", "upper", "cv", "df", "p_value")}
    keys = list(zip(frame["survey"], frame["indicator"], frame["time"], strict=True))
    notes = notes_of(dict.fromkeys(keys), specs, catalogue)
    is_confidential = frame["reason"].astype("str").str.contains(CONFIDENTIAL, regex=False)
    protected = frame.assign(
        **figures,
        obs_value=frame["value"].where(is_shown),
        obs_status=frame["status"],
        conf_status=is_confidential.map({True: "C", False: "F"}),
        n_band=n_band(frame["n"]).where(is_shown, ""),
        source=frame["survey"].map({key: _source(key, spec) for key, spec in specs.items()}),
        note_source=[notes[key].source for key in keys],
        note_indicator=[notes[key].indicator for key in keys],
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


# --- figures that would disclose a suppressed one ------------------------------------------------

#: What a figure is of: relation, measure, universe, denominator, quantity.
_Figure = tuple[Relation, str, str, str | None, str | None]
#: What a cell is restricted to beside sex: concept and item; a total restricts to nothing.
_Cell = frozenset[tuple[str, str]]
_Part = tuple[_Figure, _Cell]

#: Universe -> the one that it is a cell of, and the concept: a count is the same figure in all tables that have it.
_MIGRANTS_OF: Mapping[str, tuple[str, str]] = {
    "foreign_born_population": ("working_age", "place_of_birth"),
    "foreign_born_employed": ("employed", "place_of_birth"),
    "migrant_workers_by_birth": ("labour_force", "place_of_birth"),
    "non_citizen_working_age": ("working_age", "citizenship_status"),
    "non_citizen_employed": ("employed", "citizenship_status"),
    "migrant_workers_by_citizenship": ("labour_force", "citizenship_status"),
}
_PLACE = ["ref_area", "survey", "freq", "time", "sex"]
CONFIDENTIAL = "confidential"
_REASONS = ("unreliable", CONFIDENTIAL)


def suppress_with_parts(estimates: pd.DataFrame) -> pd.DataFrame:
    """Return the estimates; a figure is suppressed where one that it is made of is, in whatever table that stands.

    A rate is made of its numerator and denominator, a difference of two rates, a gap of two means or medians, a change
    of the period's own figure, a net flow of both flows. A comparison is hidden by any part that is suppressed
    (STANDARDS 1.9); a rate by a confidential one only, since recovering what is unreliable harms nobody (0.4). Parts
    are of the same area, survey and period: not seen are the year before of a change, the groups of a factor-weighted
    gap, and what several shown figures disclose together.

    Args:
        estimates: area_estimates; ``status`` S marks what is suppressed by itself, and ``reason`` says why.
    """
    catalogue = load_indicators()
    rows = list(estimates[["indicator", "classif1", "classif2"]].itertuples(index=False, name=None))
    places = list(estimates[_PLACE].itertuples(index=False, name=None))
    status, reason = estimates["status"].to_list(), estimates["reason"].to_list()
    numbers: dict[_Part, int] = {}
    own: dict[object, int] = {}
    parts: dict[object, list[int]] = {}
    for row in dict.fromkeys(rows):
        indicator, cell = catalogue[row[0]], _cell(catalogue[row[0]], row[1:])
        own[row] = numbers.setdefault(_known_as(_figure(indicator), cell), len(numbers))
        made_of = (_known_as(figure, cell | further) for figure, further in _parts(indicator))
        parts[row] = [numbers.setdefault(part, len(numbers)) for part in made_of]
    # Place -> number of a figure that is suppressed there -> why.
    hidden: dict[object, dict[int, set[str]]] = {}

    def hide(number: int) -> None:
        here = hidden.setdefault(places[number], {})
        here.setdefault(own[rows[number]], set()).update(reason[number].split(";"))

    for number in range(len(rows)):
        if status[number] == "S":
            hide(number)
    # Rates come first: differences and changes are made of them.
    for is_comparison in (False, True) if hidden else ():
        for number, row in enumerate(rows):
            if status[number] == "S" or catalogue[row[0]].is_comparison != is_comparison:
                continue
            here = hidden.get(places[number], {})
            why = {name for part in parts[row] for name in here.get(part, ())}
            # A rate is judged by its own precision; only what must not be learnt of its parts hides it.
            if why and (is_comparison or CONFIDENTIAL in why):
                status[number], reason[number] = "S", ";".join(name for name in _REASONS if name in why)
                hide(number)
    return estimates.assign(status=status, reason=reason)


def _cell(indicator: Indicator, items: Sequence[object]) -> _Cell:
    lists = load_code_lists()
    totals = {lists[name].total for name in (*indicator.classif1_versions, *indicator.classif2_versions)}
    named = zip((indicator.classif1_concept, indicator.classif2_concept), items, strict=True)
    return frozenset((concept, str(item)) for concept, item in named if concept and item not in totals)


def _figure(indicator: Indicator) -> _Figure:
    return indicator.relation, indicator.measure, indicator.universe, indicator.denominator, indicator.quantity


def _parts(indicator: Indicator) -> list[_Part]:
    """Return the figures that an indicator is made of, and what each is restricted to beyond the indicator's cell."""
    relation, universe, denominator = indicator.relation, indicator.universe, indicator.denominator
    if indicator.measure == "net":
        assert indicator.subtrahend is not None
        return [(_count(relation, universe), frozenset()), (_count("absentees", indicator.subtrahend), frozenset())]
    if indicator.measure == "gap":
        assert indicator.statistic is not None
        made_of: list[_Figure] = [(relation, indicator.statistic, universe, None, indicator.quantity)]
    elif indicator.measure in ("rate", "difference", "change"):
        made_of = [_count(relation, universe)]
        if denominator is not None:
            made_of += [_count(relation, denominator), (relation, "rate", universe, denominator, None)]
    else:
        return []
    contrasts = CONTRASTS[indicator.contrast] if indicator.contrast else ()
    further = [frozenset({(str(indicator.contrast), item)}) for item in contrasts] or [frozenset()]
    return [(figure, restriction) for figure in made_of for restriction in further]


def _count(relation: Relation, universe: str) -> _Figure:
    return relation, "count", universe, None, None


def _known_as(figure: _Figure, cell: _Cell) -> _Part:
    """Return a figure and its cell under the one name that all tables share: migrants are a cell of everybody."""
    relation, measure, universe, _, _ = figure
    if measure != "count" or universe not in _MIGRANTS_OF:
        return figure, cell
    whole, concept = _MIGRANTS_OF[universe]
    return _count(relation, whole), cell | {(concept, CONTRASTS[concept][0])}
