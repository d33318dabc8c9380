"""An area and year: figures after time rules and source choice.

``area_estimates`` is made from the stored tables of all valid rounds of the area and year; what may be seen of it is
said in ``protected``.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipelines.coherence_checks import coherence_findings
from pipelines.engine import path_literal
from pipelines.estimates import ESTIMATE_KEYS, estimate, write_estimates
from pipelines.findings import Finding, finding
from pipelines.fingerprint import code_fingerprint
from pipelines.home import Home
from pipelines.protected import TEST_SUFFIX, protected_estimates
from pipelines.rounds import ROUND_TABLES, Round, open_round
from pipelines.storage import Built, Table, current, file_hash, hash_of, obtain, partitions
from pipelines.support import support
from schemas.errors import ProblemsError
from schemas.indicators import Indicator, load_indicators
from schemas.periods import Period
from schemas.survey_spec import SurveySpec
from transforms.progress import Progress, silent


def area_year(home: Home, identifier: str) -> str:
    """Return the area-year partition of a round: ``<ISO3>_<YEAR>``, with a suffix for test extracts."""
    this = open_round(home, identifier)
    suffix = TEST_SUFFIX if this.spec.survey.extract == "test" else ""
    return f"{this.spec.survey.area}_{this.period.year}{suffix}"


def area_years(home: Home) -> dict[str, tuple[str, ...]]:
    """Return area-year -> its rounds with valid estimates, sorted, from what is stored."""
    return sort_rounds(home)[0]


def sort_rounds(home: Home) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return area-year -> rounds with valid estimates, and round -> why its stored figures cannot be used.

    A round counts only if every table up to its estimates is in force: figures of an earlier file do not
    stand in for a file that was stopped.
    """
    found: dict[str, list[str]] = defaultdict(list)
    refused: dict[str, str] = {}
    for identifier in partitions(home.store, "harmonised_persons"):
        tables = {name: current(home.store, name, identifier) for name in ROUND_TABLES}
        stopped = [name for name, table in tables.items() if table is not None and not table.is_valid]
        if stopped:
            refused[identifier] = f"{identifier}: was stopped at {stopped[0]}"
        elif tables["round_estimates"] is not None:
            try:
                found[area_year(home, identifier)].append(identifier)
            except ProblemsError as error:
                refused[identifier] = f"{identifier}: {error.problems[0]}"
    return {partition: tuple(sorted(rounds)) for partition, rounds in sorted(found.items())}, refused


def _valid(home: Home, name: str, rounds: Sequence[str]) -> list[Table]:
    tables = [current(home.store, name, identifier) for identifier in rounds]
    return [table for table in tables if table is not None and table.is_valid]


@dataclass(frozen=True)
class Stacked:
    """Rounds of one survey whose figures are made together.

    Attributes:
        period: the period that the figures are for.
        rounds: the rounds that are averaged.
        before: those of the same period a year earlier, for changes; empty where none are asked for.
        indicators: which indicators.
    """

    period: Period
    rounds: tuple[str, ...]
    before: tuple[str, ...]
    indicators: tuple[Indicator, ...]


def area_estimates(home: Home, partition: str, rounds: Sequence[str], progress: Progress = silent) -> Table:
    """Area x indicator x period x cell: the rounds' figures, annual and pooled averages, changes, one source each.

    An annual average needs every period of the survey's own frequency (STANDARDS 0.3), a pooled one those of all its
    years, a change those of the year before and no break between. Of two sources for one area, period and
    indicator the one of lower declared precedence is taken; a tie is refused.
    """
    estimates = _valid(home, "round_estimates", rounds)
    opened = {table.partition: open_round(home, table.partition) for table in estimates}
    specs = {this.spec.key: this.spec for this in opened.values()}
    plans = {
        key: stacked_figures(home, spec, [this for this in opened.values() if this.spec.key == key])
        for key, spec in specs.items()
    }
    used = sorted({name for plan in plans.values() for one in plan for name in (*one.rounds, *one.before)})
    totals = {table.partition: table for table in _valid(home, "psu_totals", used)}
    persons = {table.partition: table for table in _valid(home, "harmonised_persons", used)}
    digest = hash_of(
        "area_estimates",
        [table.input_hash for table in estimates],
        [totals[name].input_hash for name in used],
        [spec.sha256 for spec in specs.values()],
        code_fingerprint(),
        file_hash(Path(__file__)),
    )

    def build(folder: Path) -> Built:
        any_round = next(iter(opened.values()))
        with any_round.engine() as (connection, _):
            frames = [connection.execute(f"FROM read_parquet({path_literal(table.data)})").df() for table in estimates]
            for key, spec in specs.items():
                for one in plans[key]:
                    progress(f"{key}: {one.period} from {len(one.rounds)} rounds")
                    frames.append(
                        estimate(
                            connection,
                            support(spec, one.period),
                            one.period,
                            [totals[name] for name in one.rounds],
                            [persons[name] for name in one.rounds],
                            [totals[name] for name in one.before],
                            one.indicators,
                            progress,
                        )
                    )
            filled = [part for part in frames if len(part)] or frames[:1]
            frame = pd.concat(filled, ignore_index=True)
            frame, found = choose_sources(frame, {key: spec.survey.precedence for key, spec in specs.items()})
            frame = frame.sort_values(ESTIMATE_KEYS, na_position="first", ignore_index=True)
            write_estimates(connection, frame, folder / "data.parquet")
            pooled = {key: spec.pooling.indicators for key, spec in specs.items() if spec.pooling is not None}
            incoherent, coherence = coherence_findings(frame, "area_estimates", pooled)
        facts = {"rows": len(frame), "surveys": sorted(specs), "coherence": coherence}
        return Built((*found, *incoherent), facts)

    return obtain(home.store, "area_estimates", partition, digest, build)


def stacked_figures(home: Home, spec: SurveySpec, rounds: Sequence[Round]) -> tuple[Stacked, ...]:
    """Return what is made of several rounds of one survey and year: averages, pooled averages, changes.

    Args:
        home: the data folder.
        spec: the survey.
        rounds: its rounds of the year that have estimates.
    """
    plan: list[Stacked] = []
    year = rounds[0].period.year
    whole = Period.parse(str(year))
    rounds = [this for this in rounds if _is_stored(home, spec, this.identifier)]
    own = _rounds_of_year(spec, [this.identifier for this in rounds], year)
    supported = support(spec, whole)
    changes = tuple(one for one in supported.indicators.values() if one.measure == "change")
    pooled = tuple(
        one for one in supported.indicators.values() if spec.pooling is not None and one.id in spec.pooling.indicators
    )
    if len(own) > 1:
        single = tuple(one for one in supported.indicators.values() if one not in pooled and one not in changes)
        plan.append(Stacked(whole, own, (), single))
    if pooled and spec.pooling is not None:
        years = [_stored_year(home, spec, year - back) for back in range(1, spec.pooling.years)]
        first = Period.parse(str(year - spec.pooling.years + 1))
        if own and all(years) and not spec.breaks_between(first, whole):
            plan.append(Stacked(whole, (*(name for part in years for name in part), *own), (), pooled))
    for this in rounds:
        earlier = this.period.year_before()
        before = f"{spec.key}_{earlier}"
        is_sub_annual = this.period.frequency != "A"
        if is_sub_annual and _is_stored(home, spec, before) and not spec.breaks_between(earlier, this.period):
            plan.append(Stacked(this.period, (this.identifier,), (before,), changes))
    last = _stored_year(home, spec, year - 1)
    if own and last and not spec.breaks_between(Period.parse(str(year - 1)), whole):
        plan.append(Stacked(whole, own, last, changes))
    return tuple(one for one in plan if one.indicators)


def earlier_rounds(home: Home, rounds: Sequence[str]) -> tuple[str, ...]:
    """Return the stored rounds of earlier years that figures of a year may rest on: changes and pooled averages."""
    found: set[str] = set()
    for this in (open_round(home, identifier) for identifier in rounds):
        years = this.spec.pooling.years - 1 if this.spec.pooling is not None else 1
        for back in range(1, years + 1):
            parts = Period.parse(str(this.period.year - back)).parts(this.period.frequency)
            found |= {f"{this.spec.key}_{period}" for period in parts}
    return tuple(sorted(name for name in found if current(home.store, "psu_totals", name) is not None))


def _rounds_of_year(spec: SurveySpec, rounds: Sequence[str], year: int) -> tuple[str, ...]:
    """Return the rounds of a year, all periods of the survey's own frequency; empty where one is missing."""
    needed = {f"{spec.key}_{period}" for period in Period.parse(str(year)).parts(spec.survey.frequency)}
    return tuple(sorted(needed)) if needed <= set(rounds) else ()


def _stored_year(home: Home, spec: SurveySpec, year: int) -> tuple[str, ...]:
    """Return the rounds of another year where all are stored and valid; else nothing."""
    names = [f"{spec.key}_{period}" for period in Period.parse(str(year)).parts(spec.survey.frequency)]
    return tuple(names) if all(_is_stored(home, spec, name) for name in names) else ()


def _is_stored(home: Home, spec: SurveySpec, identifier: str) -> bool:
    """Whether a round's tables are valid and made with the specification as it is: others are no part of a stack."""
    tables = [current(home.store, name, identifier) for name in ROUND_TABLES]
    return all(
        table is not None and table.is_valid and table.facts.get("specification_sha256", spec.sha256) == spec.sha256
        for table in tables
    )


def choose_sources(frame: pd.DataFrame, precedence: dict[str, int]) -> tuple[pd.DataFrame, list[Finding]]:
    """Return the figures of ONE source per area x period x indicator, and a finding per tie.

    Args:
        frame: estimates of several surveys.
        precedence: survey -> declared precedence; the lowest is taken.
    """
    key = ["indicator", "ref_area", "freq", "time"]
    ranked = frame.assign(precedence=frame["survey"].map(precedence))
    best = ranked.groupby(key)["precedence"].transform("min")
    chosen = ranked[ranked["precedence"] == best]
    chosen = chosen[~_is_change_of_another(chosen)]
    sources = chosen.groupby(key)["survey"].nunique()
    ties = sources[sources > 1]
    found = []
    if len(ties):
        surveys = ", ".join(sorted(set(chosen["survey"])))
        text = f"{len(ties)} indicators and periods have two sources of equal precedence ({surveys})"
        found.append(finding("SOURCE_TIE", "area_estimates", text, count=len(ties)))
    return chosen.drop(columns="precedence"), found


def _is_change_of_another(chosen: pd.DataFrame) -> pd.Series:
    """Return which rows are changes told by another survey than the level, by which published levels do not differ."""
    catalogue = load_indicators()
    made_of = {
        (one.universe, one.denominator, one.classif1_versions, one.classif2_versions): name
        for name, one in catalogue.items()
        if one.measure in ("count", "rate")
    }
    levels = {
        name: made_of.get((one.universe, one.denominator, one.classif1_versions, one.classif2_versions))
        for name, one in catalogue.items()
        if one.measure == "change"
    }
    place = ["ref_area", "freq", "time"]
    tellers = chosen.drop_duplicates(["indicator", *place])[["indicator", *place, "survey"]]
    changes = chosen[chosen["indicator"].isin(levels)]
    asked = changes.assign(indicator=changes["indicator"].map(levels))[["indicator", *place]]
    teller = asked.merge(tellers, on=["indicator", *place], how="left")["survey"].set_axis(changes.index)
    is_other = (teller.notna() & (teller != changes["survey"])).astype(bool)
    return is_other.reindex(chosen.index, fill_value=False)


def process_area(home: Home, partition: str, rounds: Sequence[str], progress: Progress = silent) -> tuple[Table, ...]:
    """Make both tables of one area and year, as far as the checks let them come."""
    with home.lock(partition):
        area = area_estimates(home, partition, rounds, progress)
        if not area.is_valid:
            return (area,)
        return area, protected_estimates(home, partition, area, rounds, progress)
