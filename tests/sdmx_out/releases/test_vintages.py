"""The last update of an observation, and what is remembered of one that is gone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdmx_out.messages.header import Header
from sdmx_out.messages.parquet_data import blocks
from sdmx_out.releases.vintages import Earlier, deleted_file, deleted_query, earlier_of, updated_after, with_last_update
from tests.sdmx_out.releases import vintage_example
from tests.sdmx_out.releases.vintage_example import (
    FIRST,
    FLOW,
    KEY,
    NAMES,
    SECOND,
    THIRD,
    Observation,
    earlier,
    fetch,
    load,
    observation,
    write,
)


@pytest.fixture
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def _updates(engine: duckdb.DuckDBPyConnection, rows: list[Observation], before: Earlier | None) -> list[str | None]:
    query = with_last_update(engine, FLOW, load(engine, rows), before, SECOND)
    found = fetch(engine, query)
    assert [list(row) for row in found] == [[*NAMES, "LAST_UPDATE"]] * len(rows)
    assert [{name: row[name] for name in NAMES} for row in found] == sorted(
        rows, key=lambda row: [row[name] or "" for name in KEY]
    )
    return [row["LAST_UPDATE"] for row in found]


ROWS = [observation("XAA", "SEX_F", "2012"), observation("XAA", "SEX_F", "2013"), observation("XBB", "SEX_F", "2013")]


def test_a_first_release_was_updated_on_its_day(engine: duckdb.DuckDBPyConnection) -> None:
    assert _updates(engine, [*reversed(ROWS)], None) == ["2026-04-10"] * 3


@pytest.mark.parametrize(
    "change",
    [{"OBS_VALUE": "2.000"}, {"OBS_VALUE": None}, {"OBS_STATUS": "B"}, {"NOTE": "T1"}, {"NOTE": ""}, {"SOURCE": None}],
    ids=str,
)
def test_the_observation_that_differs_has_the_new_date_and_no_other(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, change: Observation
) -> None:
    before = earlier(
        tmp_path / "e.parquet", ({**row, "LAST_UPDATE": "2025-07-10"} for row in ROWS), (*NAMES, "LAST_UPDATE")
    )
    later = [ROWS[0], {**ROWS[1], **change}, ROWS[2]]
    assert _updates(engine, later, before) == ["2025-07-10", "2026-04-10", "2025-07-10"]


def test_values_that_move_between_components_are_a_difference(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    before = earlier(tmp_path / "e.parquet", [observation("XAA", "SEX_F", "2012", OBS_STATUS="B", NOTE=None)])
    assert _updates(engine, [observation("XAA", "SEX_F", "2012", OBS_STATUS=None, NOTE="B")], before) == ["2026-04-10"]


def test_new_observations_and_missing_dates(engine: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    told = [{**ROWS[0], "LAST_UPDATE": "2025-07-10"}, {**ROWS[1], "LAST_UPDATE": None}]
    before = earlier(tmp_path / "e.parquet", told, (*NAMES, "LAST_UPDATE"))
    assert _updates(engine, ROWS, before) == ["2025-07-10", "2026-01-10", "2026-04-10"]


def test_without_the_column_what_is_the_same_has_the_date_of_the_release_before(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert _updates(engine, ROWS, earlier(tmp_path / "e.parquet", ROWS[:2])) == [
        "2026-01-10",
        "2026-01-10",
        "2026-04-10",
    ]


def test_numbers_and_dates_of_the_file_are_read_as_such(engine: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    text = write(tmp_path / "text.parquet", ROWS)
    engine.execute(
        f"COPY (SELECT * REPLACE (CAST(OBS_VALUE AS DOUBLE) AS OBS_VALUE), DATE '2025-07-10' AS LAST_UPDATE "
        f"FROM '{text}') TO '{tmp_path}/typed.parquet'"
    )
    later = [ROWS[0], {**ROWS[1], "OBS_VALUE": "1.001"}, {**ROWS[2], "OBS_VALUE": "none"}]
    before = Earlier(tmp_path / "typed.parquet", FIRST)
    assert _updates(engine, later, before) == ["2025-07-10", "2026-04-10", "2026-04-10"]


def test_numbers_are_compared_as_they_are_printed_where_the_file_holds_that(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    flow = replace(FLOW, measure=replace(FLOW.measure, kind="double"))
    header = Header("E", FIRST, is_test=True)
    (tmp_path / "e.parquet").write_bytes(b"".join(blocks(engine, flow, load(engine, ROWS), header)))
    later = [ROWS[0], {**ROWS[1], "OBS_VALUE": "1.00"}, {**ROWS[2], "OBS_VALUE": "1.001"}]
    before = Earlier(tmp_path / "e.parquet", FIRST)
    assert _updates(engine, later, before) == ["2026-01-10", "2026-04-10", "2026-04-10"]


def test_an_attribute_that_came_or_went_changes_the_observations_that_have_it(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    old = [{**ROWS[0], "OLD": None}, {**ROWS[1], "OLD": "x"}, {**ROWS[2], "OLD": None}]
    names = [name for name in NAMES if name != "NOTE"]
    before = earlier(tmp_path / "e.parquet", old, (*names, "OLD"))
    later = [ROWS[0], ROWS[1], {**ROWS[2], "NOTE": "T1"}]
    assert _updates(engine, later, before) == ["2026-01-10", "2026-04-10", "2026-04-10"]


def test_other_dimensions_make_all_observations_new(engine: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    fewer = [name for name in NAMES if name != "SEX"]
    before = earlier(tmp_path / "fewer.parquet", ROWS, fewer)
    assert _updates(engine, ROWS, before) == ["2026-04-10"] * 3
    ages = [{**row, "AGE": age} for row in ROWS for age in ("Y15", "Y25")]
    before = earlier(tmp_path / "more.parquet", ages, (*NAMES, "AGE"))
    assert _updates(engine, ROWS, before) == ["2026-04-10"] * 3
    assert fetch(engine, deleted_query(engine, FLOW, load(engine, []), before, SECOND)) == []


def test_the_same_input_gives_the_same_rows_in_the_order_of_the_key(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    many = [
        observation(f"X{a:02}", f"SEX_{s}", str(t), f"{a * t}.5")
        for a in range(8)
        for s in "FMT"
        for t in range(2000, 2008)
    ]
    before = earlier(tmp_path / "e.parquet", many[::2])
    query = with_last_update(engine, FLOW, load(engine, reversed(many)), before, SECOND)
    rows = fetch(engine, query)
    engine.execute("SET threads = 1")
    assert rows == fetch(engine, query)
    assert [[row[name] for name in KEY] for row in rows] == sorted([row[name] for name in KEY] for row in rows)


def test_what_changed_after_a_moment(engine: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    before = earlier(tmp_path / "e.parquet", ROWS[:2])
    query = with_last_update(engine, FLOW, load(engine, ROWS), before, SECOND)

    def told(moment: date | datetime) -> list[str | None]:
        return [row["REF_AREA"] for row in fetch(engine, updated_after(query, moment))]

    assert told(date(2026, 1, 9)) == ["XAA", "XAA", "XBB"]
    assert told(date(2026, 1, 10)) == ["XAA", "XAA", "XBB"]
    assert told(date(2026, 1, 11)) == ["XBB"]
    assert told(datetime(2026, 4, 10, 23, 59, tzinfo=UTC)) == ["XBB"]
    assert told(datetime(2026, 4, 11, 0, 30, tzinfo=timezone(timedelta(hours=3)))) == ["XBB"]
    assert told(date(2026, 4, 11)) == []


def test_keys_that_are_gone_are_kept_over_releases_until_they_come_back(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def deleted(rows: list[Observation], before: Earlier, day: date) -> list[dict[str, str | None]]:
        return fetch(engine, deleted_query(engine, FLOW, load(engine, rows), before, day))

    first = earlier(tmp_path / "1.parquet", ROWS)
    second = deleted(ROWS[1:], first, SECOND)
    assert second == [{**{name: ROWS[0][name] for name in KEY}, "DELETED": "2026-04-10"}]
    kept = tmp_path / "gone.parquet"
    content = deleted_file(engine, deleted_query(engine, FLOW, load(engine, ROWS[1:]), first, SECOND))
    assert content is not None
    assert content == deleted_file(engine, deleted_query(engine, FLOW, load(engine, ROWS[1:]), first, SECOND))
    assert deleted_file(engine, deleted_query(engine, FLOW, load(engine, ROWS), first, SECOND)) is None
    kept.write_bytes(content)
    assert pq.read_table(kept).to_pylist() == second
    before = Earlier(write(tmp_path / "2.parquet", ROWS[1:]), SECOND, kept)
    third = deleted(ROWS[2:], before, THIRD)
    assert [(row["TIME_PERIOD"], row["DELETED"]) for row in third] == [("2012", "2026-04-10"), ("2013", "2026-07-10")]
    assert deleted(ROWS, before, THIRD) == []
    asked = updated_after(
        deleted_query(engine, FLOW, load(engine, ROWS[2:]), before, THIRD), date(2026, 5, 1), "DELETED"
    )
    assert [row["TIME_PERIOD"] for row in fetch(engine, asked)] == ["2013"]


def test_a_file_of_keys_of_other_dimensions_is_left_alone(engine: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pq.write_table(pa.table({"REF_AREA": ["XAA"], "DELETED": ["2025-01-01"]}), tmp_path / "gone.parquet")
    before = earlier(tmp_path / "e.parquet", ROWS, deleted=tmp_path / "gone.parquet")
    assert fetch(engine, deleted_query(engine, FLOW, load(engine, ROWS), before, SECOND)) == []


def test_the_release_before_is_found_in_its_folder(tmp_path: Path) -> None:
    assert earlier_of(tmp_path, FLOW, FIRST) is None
    for folder in ("data/parquet", "data/deleted"):
        (tmp_path / folder).mkdir(parents=True)
    observations = write(tmp_path / "data/parquet/DF_X.parquet", ROWS)
    assert earlier_of(tmp_path, FLOW, FIRST) == Earlier(observations, FIRST, None)
    gone = write(tmp_path / "data/deleted/DF_X.parquet", [], (*KEY, "DELETED"))
    assert earlier_of(tmp_path, FLOW, FIRST) == Earlier(observations, FIRST, gone)


_VALUE = st.sampled_from(["1.0", "2.0", None])
_DATA = st.dictionaries(
    st.tuples(st.sampled_from(["XAA", "XBB"]), st.sampled_from(["SEX_F", "SEX_M"]), st.sampled_from(["2012", "2013"])),
    st.tuples(_VALUE, st.sampled_from([None, "B"])),
)


def _made(data: dict[tuple[str, str, str], tuple[str | None, str | None]]) -> list[Observation]:
    return [observation(*key, value, OBS_STATUS=status) for key, (value, status) in sorted(data.items())]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_DATA, _DATA)
def test_dates_and_deletions_say_what_a_comparison_by_hand_says(
    engine: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    old: dict[tuple[str, str, str], tuple[str | None, str | None]],
    new: dict[tuple[str, str, str], tuple[str | None, str | None]],
) -> None:
    before = earlier(tmp_path / "e.parquet", _made(old))
    expected = ["2026-01-10" if old.get(key) == new[key] else "2026-04-10" for key in sorted(new)]
    assert _updates(engine, _made(new), before) == expected
    gone = fetch(engine, deleted_query(engine, FLOW, load(engine, _made(new)), before, SECOND))
    assert [(row["REF_AREA"], row["SEX"], row["TIME_PERIOD"]) for row in gone] == sorted(old.keys() - new.keys())


def test_the_example_has_no_other_columns() -> None:
    assert tuple(item.id for item in vintage_example.FLOW.components) == NAMES
