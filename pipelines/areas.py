"""An area and year, table by table: figures after time rules and source choice, then protected.

``area_estimates`` and ``protected_estimates`` are made from the stored tables of all valid rounds of the
area and year. Nothing downstream of ``protected_estimates`` can reach what is above it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import duckdb
import pandas as pd

from pipelines.engine import path_literal
from pipelines.estimates import (
    ESTIMATE_KEYS,
    Progress,
    available_indicators,
    estimate,
    has_status_for,
    missing_concepts,
    silent,
    versions,
    write_estimates,
)
from pipelines.findings import Finding, finding
from pipelines.home import Home
from pipelines.quality import COLUMNS as QUALITY_COLUMNS
from pipelines.quality import quality_rows
from pipelines.rounds import ROUND_TABLES, Round, code_fingerprint, open_round
from pipelines.storage import Built, Table, current, file_hash, hash_of, obtain, partitions
from schemas.concepts import load_concepts
from schemas.errors import ProblemsError
from schemas.indicators import load_indicators
from schemas.periods import Period
from schemas.reliability import load_profile
from schemas.survey_spec import SurveySpec
from transforms.harmonise import plan
from transforms.protection import protect

#: Rounds of a year that an annual average needs: all periods of the survey's own frequency.
ROUNDS_A_YEAR = {"A": 1, "S": 2, "Q": 4, "M": 12}


#: Why a survey gives no figure that is about another kind of labour force status than its own.
SELF_DECLARED = "status is declared by the person, not ILO unemployment; XSD_TUNE counts the self-declared unemployed"
OWN_STATUS = "the status is not declared by the person; unemployment has ILO ids"

#: Suffix of the area-years of test extracts: they never compete with national statistics for a figure.
TEST_SUFFIX = "-test"


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


def area_estimates(home: Home, partition: str, rounds: Sequence[str], progress: Progress = silent) -> Table:
    """Area x indicator x period x cell: the rounds' figures, annual averages, one source each.

    An annual average needs every period of the survey's own frequency (STANDARDS 0.3). Of two sources
    for one area, period and indicator the one of lower declared precedence is taken; a tie is
    refused.
    """
    estimates = _valid(home, "round_estimates", rounds)
    totals = {table.partition: table for table in _valid(home, "psu_totals", rounds)}
    opened = {table.partition: open_round(home, table.partition) for table in estimates}
    specs = {this.spec.key: this.spec for this in opened.values()}
    digest = hash_of(
        "area_estimates",
        [table.input_hash for table in estimates],
        [totals[table.partition].input_hash for table in estimates],
        [spec.sha256 for spec in specs.values()],
        code_fingerprint(),
        file_hash(Path(__file__)),
    )

    def build(folder: Path) -> Built:
        any_round = next(iter(opened.values()))
        with any_round.engine() as (connection, _):
            frames = [connection.execute(f"FROM read_parquet({path_literal(table.data)})").df() for table in estimates]
            for key, spec in specs.items():
                yearly = _rounds_of_year(spec, [this for this in opened.values() if this.spec.key == key])
                if yearly:
                    year = Period.parse(str(yearly[0].period.year))
                    progress(f"averaging {len(yearly)} rounds of {key} for {year}")
                    frames.append(
                        estimate(connection, spec, year, [totals[this.identifier] for this in yearly], progress)
                    )
            frame = pd.concat(frames, ignore_index=True)
            frame, found = choose_sources(frame, {key: spec.survey.precedence for key, spec in specs.items()})
            frame = frame.sort_values(ESTIMATE_KEYS, na_position="first", ignore_index=True)
            write_estimates(connection, frame, folder / "data.parquet")
        return Built(tuple(found), {"rows": len(frame), "surveys": sorted(specs)})

    return obtain(home.store, "area_estimates", partition, digest, build)


def _rounds_of_year(spec: SurveySpec, rounds: Sequence[Round]) -> list[Round]:
    """Return the rounds that an annual average is made of; empty where one is missing or it is annual."""
    own = [this for this in rounds if this.period.frequency == spec.survey.frequency]
    needed = ROUNDS_A_YEAR[spec.survey.frequency]
    return sorted(own, key=lambda this: this.period) if needed > 1 and len(own) == needed else []


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
    sources = chosen.groupby(key)["survey"].nunique()
    ties = sources[sources > 1]
    found = []
    if len(ties):
        surveys = ", ".join(sorted(set(chosen["survey"])))
        text = f"{len(ties)} indicators and periods have two sources of equal precedence ({surveys})"
        found.append(finding("SOURCE_TIE", "area_estimates", text, count=len(ties)))
    return chosen.drop(columns="precedence"), found


def protected_estimates(home: Home, partition: str, area: Table, rounds: Sequence[str]) -> Table:
    """What may be seen outside: published cells, statuses of those that are not, and why.

    ``availability.parquet`` beside it says for every indicator of the catalogue whether it is published,
    not collected (and why), not computed, or a table too unreliable as a whole; ``quality.parquet`` has the
    coverage and quality of the rounds of every survey that is published.
    """
    opened = {identifier: open_round(home, identifier) for identifier in rounds}
    specs = {this.spec.key: this.spec for this in opened.values()}
    digest = hash_of(
        "protected_estimates",
        area.input_hash,
        [spec.sha256 for spec in specs.values()],
        code_fingerprint(),
        file_hash(Path(__file__)),
    )

    def build(folder: Path) -> Built:
        any_round = next(iter(opened.values()))
        with any_round.engine(area) as (connection, _):
            frame = connection.execute("FROM area_estimates").df()
            published, refused = protect(frame, specs, load_profile("ilo"))
            _write_frame(connection, published, folder / "data.parquet")
            availability = _availability(published, refused, specs)
            _write_frame(connection, availability, folder / "availability.parquet")
            quality = _quality(home, opened.values(), set(published["survey"]))
            _write_frame(connection, quality, folder / "quality.parquet")
        facts = {
            "rows": len(published),
            "not_published": int(published["obs_value"].isna().sum()),
            "tables_refused": len(refused),
        }
        return Built((), facts)

    return obtain(home.store, "protected_estimates", partition, digest, build)


def _write_frame(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, target: Path) -> None:
    connection.register("frame", frame)
    columns = []
    for name in frame.columns:
        if frame[name].dtype.kind == "f":
            columns.append(f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END::DOUBLE AS {name}")
        else:
            columns.append(name)
    connection.execute(f"COPY (SELECT {', '.join(columns)} FROM frame) TO {path_literal(target)} (FORMAT parquet)")
    connection.unregister("frame")


def _quality(home: Home, opened: Iterable[Round], surveys: Collection[str]) -> pd.DataFrame:
    """Return one row per round and item of coverage and quality, for the surveys given."""
    rows: list[tuple[str, ...]] = []
    for this in opened:
        persons = current(home.store, "harmonised_persons", this.identifier)
        if persons is not None and this.spec.key in surveys:
            rows += quality_rows(this.spec, this.period, persons.facts["quality"])
    return pd.DataFrame(rows, columns=list(QUALITY_COLUMNS), dtype="string")


def _availability(
    published: pd.DataFrame, refused: Sequence[tuple[str, str, str, str]], specs: dict[str, SurveySpec]
) -> pd.DataFrame:
    """Return one row per indicator x survey x period: published, or the reason why not."""
    periods = published[["survey", "ref_area", "freq", "time"]].drop_duplicates()
    shown = set(published[["indicator", "survey", "time"]].itertuples(index=False, name=None))
    refused_tables = {(indicator, survey, time) for indicator, survey, time, _ in refused}
    rows = []
    for survey, area, freq, time in periods.itertuples(index=False, name=None):
        spec = specs[survey]
        columns = plan(spec, load_concepts(), Period.parse(time)).columns
        computed = available_indicators(spec, columns)
        for identifier, indicator in load_indicators().items():
            missing = missing_concepts(indicator, columns)
            if (identifier, survey, time) in shown:
                state, reason = "published", ""
            elif (identifier, survey, time) in refused_tables:
                state, reason = "unreliable_table", "too many cells rest on fewer observations than the rules allow"
            elif missing:
                state, reason = "not_collected", _reason(spec, missing)
            elif not indicator.is_computed:
                state, reason = "not_computed", "this version of the pipeline does not compute this indicator"
            elif not has_status_for(indicator, spec):
                state, reason = "not_collected", OWN_STATUS if indicator.is_self_declared else SELF_DECLARED
            elif versions(indicator, spec) is None:
                state, reason = "not_collected", "the survey's classification has no published version"
            elif identifier in computed:
                state, reason = "other_source", "another source is published for this period"
            else:
                state, reason = "not_computed", "no figure"
            rows.append((identifier, area, survey, freq, time, state, reason))
    names = ["indicator", "ref_area", "survey", "freq", "time", "availability", "reason"]
    return pd.DataFrame(rows, columns=names).sort_values(names[:5], ignore_index=True)


def _reason(spec: SurveySpec, missing: Sequence[str]) -> str:
    """Return why concepts are not collected, in the specification's own words where it gives any."""
    sources = {
        "place_of_birth": "country_of_birth",
        "citizenship_status": "citizenship_1",
        "country_of_citizenship": "citizenship_1",
        "is_migrant_worker_by_birth": "country_of_birth",
        "is_recent_inflow": "arrival_year",
        "is_migrant_worker_by_citizenship": "citizenship_1",
    }
    names = list(dict.fromkeys(sources.get(name, name) for name in missing))
    return "; ".join(spec.not_collected.get(name, f"the survey does not collect {name}") for name in names)


def process_area(home: Home, partition: str, rounds: Sequence[str], progress: Progress = silent) -> tuple[Table, ...]:
    """Make both tables of one area and year, as far as the checks let them come."""
    with home.lock(partition):
        area = area_estimates(home, partition, rounds, progress)
        if not area.is_valid:
            return (area,)
        return area, protected_estimates(home, partition, area, rounds)
