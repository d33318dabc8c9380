"""protected_estimates of an area and year: the only door between estimates and the world.

What is hidden is decided in ``transforms.protection``; here belong what it is decided from (this year's estimates, what
was not published of the year before, what releases have told), the attack on the result, and what is stored. Nothing
downstream can reach what is above this table.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from pipelines.engine import path_literal
from pipelines.findings import Finding, finding
from pipelines.fingerprint import code_fingerprint
from pipelines.home import Home
from pipelines.quality import COLUMNS as QUALITY_COLUMNS
from pipelines.quality import quality_rows
from pipelines.rounds import Round, open_round
from pipelines.storage import Built, Table, as_json, current, file_hash, hash_of, obtain
from pipelines.support import support, why_not
from pipelines.told import told_by, told_rows
from schemas.indicators import load_indicators
from schemas.periods import Period
from schemas.reliability import profile_of
from schemas.survey_spec import SurveySpec
from transforms.linked_cells import Booleans
from transforms.progress import Progress, silent
from transforms.protection import KEYS, Protected, protect, sorted_rows
from transforms.protection_audit import Attack, attack, report

TABLE = "protected_estimates"

#: The account of how an area and year was protected, beside its data.
REPORT = "protection.json"
#: Rows that a release had told when the table was made.
TOLD = "told.parquet"

#: Suffix of the area-years of test extracts: they never compete with national statistics for a figure.
TEST_SUFFIX = "-test"

#: Leaks that a finding names.
_LEAKS_TOLD = 3


def protected_estimates(
    home: Home, partition: str, area: Table, rounds: Sequence[str], progress: Progress = silent
) -> Table:
    """What may be seen outside: published cells, statuses of those that are not, and why.

    Beside the data lie ``availability.parquet`` (for every indicator of the catalogue whether it is published, not
    collected and why, not computed, or a table too unreliable as a whole), ``quality.parquet`` (coverage and quality of
    the rounds of every survey that is published) and ``protection.json`` (what was hidden and why, what the attacker
    came to). Figures that a release has told cannot be hidden any more: whoever attacks knows them.

    Args:
        home: the data folder.
        partition: area and year.
        area: its area_estimates.
        rounds: its rounds.
        progress: told the steps.
    """
    opened = {identifier: open_round(home, identifier) for identifier in rounds}
    specs = {this.spec.key: this.spec for this in opened.values()}
    earlier = current(home.store, TABLE, _year_before(partition))
    made_of = hash_of(
        TABLE,
        area.input_hash,
        earlier.input_hash if earlier is not None else None,
        [spec.sha256 for spec in specs.values()],
        code_fingerprint(),
        [file_hash(Path(__file__).with_name(name)) for name in ("protected.py", "told.py", "areas.py")],
    )
    is_test = partition.endswith(TEST_SUFFIX)
    told = told_rows(home.releases, partition, is_test=is_test)
    digest = _digest(home, partition, made_of, told)

    def build(folder: Path) -> Built:
        any_round = next(iter(opened.values()))
        with any_round.engine(area) as (connection, _):
            frame = connection.execute("FROM area_estimates").df()
            progress("protecting")
            made = protect(
                frame,
                specs,
                {key: profile_of(spec.reliability) for key, spec in specs.items()},
                before=_not_published(earlier),
                known=_are_told(frame, told),
                progress=progress,
            )
            attacks = {key: attack(made, key, progress) for key in made.surveys}
            published = sorted_rows(made.rows)
            _write_frame(connection, published, folder / "data.parquet")
            availability = _availability(published, made.refused, specs)
            _write_frame(connection, availability, folder / "availability.parquet")
            quality = _quality(home, opened.values(), set(published["survey"]))
            _write_frame(connection, quality, folder / "quality.parquet")
            _write_frame(connection, told, folder / TOLD)
        account = {"partition": partition} | report(made, attacks)
        account["attack"]["earlier_releases"] = [path.name for path in told_by(home.releases, is_test=is_test)]
        (folder / REPORT).write_bytes(as_json(account))
        return Built(tuple(_leaks(attacks)), _facts(published, made, account, made_of))

    return obtain(home.store, TABLE, partition, digest, build)


def _year_before(partition: str) -> str:
    """Return the partition of the same area a year earlier."""
    suffix = TEST_SUFFIX if partition.endswith(TEST_SUFFIX) else ""
    area, year = partition.removesuffix(TEST_SUFFIX).rsplit("_", 1)
    return f"{area}_{int(year) - 1}{suffix}"


def _digest(home: Home, partition: str, made_of: str, told: pd.DataFrame) -> str:
    """Return the hash of everything that goes in: the one in force where releases told nothing that it did not foresee.

    A table is made before it is released, so that what its own release tells is no reason to make it anew.
    """
    stored = current(home.store, TABLE, partition)
    if stored is not None and stored.facts.get("made_of") == made_of and stored.is_valid:
        key = ["indicator", "freq", "time", "sex", "classif1", "classif2"]
        rows = pd.read_parquet(stored.data, columns=[*key, "obs_value"])
        shown = rows.loc[rows["obs_value"].notna(), key]
        foreseen = pd.concat([shown, pd.read_parquet(stored.folder / TOLD)[key]], ignore_index=True).fillna("")
        more = told[key].fillna("").merge(foreseen.drop_duplicates(), how="left", indicator=True)
        if (more["_merge"] == "both").all():
            return stored.input_hash
    return hash_of(made_of, sorted(map(list, told.fillna("").itertuples(index=False, name=None))))


def _not_published(earlier: Table | None) -> pd.DataFrame | None:
    """Return keys and reasons of what was not published of the year before."""
    if earlier is None or not earlier.is_valid:
        return None
    rows = pd.read_parquet(earlier.data, columns=[*KEYS, "obs_value", "reason"])
    return rows[rows["obs_value"].isna()].assign(status="S")


def _are_told(frame: pd.DataFrame, told: pd.DataFrame) -> Booleans:
    """Return which figures a release has told: the same number, as it is printed. Others are of other data."""
    catalogue = load_indicators()
    key = ["indicator", "freq", "time", "sex", "classif1", "classif2"]
    both = frame[[*key, "value"]].assign(**{name: frame[name].fillna("") for name in ("classif1", "classif2")})
    both = both.assign(row=np.arange(len(both))).merge(told.fillna({"classif1": "", "classif2": ""}), on=key)
    unit = both["indicator"].map({name: 10.0**-one.decimals for name, one in catalogue.items()}).astype(float)
    same = both.loc[(both["value"] - both["told"]).abs() <= 0.51 * unit, "row"]
    is_told: Booleans = np.zeros(len(frame), dtype=bool)
    is_told[same.to_numpy()] = True
    return is_told


def _leaks(attacks: Mapping[str, Attack]) -> Iterable[Finding]:
    """Yield a finding per survey of which confidential figures can be worked out."""
    for key, made in attacks.items():
        if not made.leaks:
            continue
        named = [
            f"{leak.figure} ({'told by an earlier release' if leak.earlier else '; '.join(leak.equations)})"
            for leak in made.leaks[:_LEAKS_TOLD]
        ]
        more = len(made.leaks) - len(named)
        text = f"{key}: what is published tells {'; '.join(named)}{f'; and {more} more' if more else ''}"
        yield finding("PROTECTION_LEAK", TABLE, text, count=len(made.leaks))


def _facts(published: pd.DataFrame, made: Protected, account: Mapping[str, Any], made_of: str) -> dict[str, Any]:
    """Return whole-table figures: none that counts persons."""
    told = {name: account["attack"][name] for name in ("targets", "protected", "solves", "components")}
    return {
        "rows": len(published),
        "not_published": int(published["obs_value"].isna().sum()),
        "tables_refused": len(made.refused),
        "hidden_beside": int((published["conf_status"] == "D").sum()),
        "attack": told,
        "made_of": made_of,
    }


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
        supported = support(spec, Period.parse(time))
        for identifier, indicator in load_indicators().items():
            if (identifier, survey, time) in shown:
                state, reason = "published", ""
            elif (identifier, survey, time) in refused_tables:
                state, reason = "unreliable_table", "too many of its cells are suppressed"
            elif identifier not in supported.indicators:
                state, reason = "not_collected", why_not(spec, indicator, supported.columns, supported.collected)
            elif indicator.measure == "change":
                state, reason = "not_computed", "the year before is not there as a whole, or the series breaks between"
            elif supported.time_rule(indicator) == "year_before":
                state, reason = "not_computed", "interviews of the year after tell this flow, as an annual figure"
            else:
                state, reason = (
                    "no_observation",
                    "nobody was observed, another source is published, or years are pooled",
                )
            rows.append((identifier, area, survey, freq, time, state, reason))
    names = ["indicator", "ref_area", "survey", "freq", "time", "availability", "reason"]
    return pd.DataFrame(rows, columns=names).sort_values(names[:5], ignore_index=True)
