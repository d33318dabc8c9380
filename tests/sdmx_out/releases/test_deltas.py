"""Delta files: applied to the data of the release before, they give those of this one."""

import csv
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pysdmx.io import read_sdmx
from pysdmx.model.dataset import ActionType

from sdmx_out.messages.parquet_data import blocks
from sdmx_out.releases.deltas import gone_lines, lines
from sdmx_out.releases.vintages import Earlier, with_last_update
from sdmx_out.releases.withdrawn import Withdrawal
from tests.sdmx_out import example
from tests.sdmx_out.messages import flows
from tests.sdmx_out.releases.vintage_example import FLOW, KEY, NAMES, Observation, dataflow, earlier, load, observation

HEADER = "STRUCTURE,STRUCTURE_ID,ACTION,REF_AREA,FREQ,MEASURE,SEX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,NOTE,SOURCE"
ROWS = [
    observation("XAA", "SEX_F", "2012"),
    observation("XAA", "SEX_F", "2013", "2.000"),
    observation("XAA", "SEX_M", "2013", "3.000"),
    observation("XBB", "SEX_F", "2013", "4.000"),
]
Data = dict[tuple[str | None, ...], Observation]


@pytest.fixture
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return tmp_path / "earlier.parquet"


def _by_key(rows: Iterable[Observation]) -> Data:
    return {tuple(row[name] for name in KEY): row for row in rows}


def _applied(data: Data, delta: Iterable[str], *, shuffled: bool = False) -> Data:
    """The data after a delta, by the letter of the field guide of SDMX-CSV 2.0."""
    held = dict(data)
    rows = list(csv.DictReader(StringIO("\n".join(delta))))
    if shuffled:
        random.Random(1).shuffle(rows)
    for row in rows:
        assert (row["STRUCTURE"], row["STRUCTURE_ID"]) == ("dataflow", "ILO:DF_X(1.0)")
        told = {name: row.get(name) or None for name in NAMES}
        if row["ACTION"] == "R":
            assert all(told[name] for name in KEY)
            held[tuple(told[name] for name in KEY)] = told
        else:
            # A value named in a Delete row would take away that value alone; an empty dimension stands for all codes.
            assert row["ACTION"] == "D"
            assert not any(told[name] for name in NAMES if name not in KEY)
            held = {
                key: kept
                for key, kept in held.items()
                if not all(told[name] in (None, code) for name, code in zip(KEY, key, strict=True))
            }
    return held


def test_the_one_revised_observation_and_no_other(engine: duckdb.DuckDBPyConnection, before: Path) -> None:
    later = [*ROWS[:2], {**ROWS[2], "OBS_VALUE": "3.500"}, ROWS[3]]
    found = lines(engine, FLOW, load(engine, later), earlier(before, ROWS))
    assert found is not None
    assert list(found) == [HEADER, 'dataflow,ILO:DF_X(1.0),R,XAA,A,M,SEX_M,2013,3.500,,,"S,1"']


def test_nothing_is_written_where_nothing_differs(engine: duckdb.DuckDBPyConnection, before: Path) -> None:
    assert lines(engine, FLOW, load(engine, [*reversed(ROWS)]), earlier(before, ROWS)) is None
    assert lines(engine, FLOW, load(engine, []), None) is None


def test_a_period_that_is_gone_and_a_series_that_is_gone(engine: duckdb.DuckDBPyConnection, before: Path) -> None:
    found = lines(
        engine, FLOW, load(engine, [ROWS[1], ROWS[2]]), earlier(before, [*ROWS, observation("XBB", "SEX_F", "2014")])
    )
    assert found is not None
    assert list(found) == [
        HEADER,
        "dataflow,ILO:DF_X(1.0),D,XAA,A,M,SEX_F,2012,,,,",
        "dataflow,ILO:DF_X(1.0),D,XBB,A,M,SEX_F,,,,,",
    ]


def test_a_hidden_value_is_replaced_by_none_and_never_repeated(engine: duckdb.DuckDBPyConnection, before: Path) -> None:
    later = [ROWS[0], {**ROWS[1], "OBS_VALUE": None, "OBS_STATUS": "C"}, *ROWS[2:]]
    found = lines(engine, FLOW, load(engine, later), earlier(before, ROWS))
    assert found is not None
    text = list(found)
    assert text[1:] == ['dataflow,ILO:DF_X(1.0),R,XAA,A,M,SEX_F,2013,,C,,"S,1"']
    assert "2.000" not in "".join(text)


def test_a_dataflow_that_is_new_is_all_there(engine: duckdb.DuckDBPyConnection) -> None:
    found = lines(engine, FLOW, load(engine, ROWS), None)
    assert found is not None
    assert _applied({}, found) == _by_key(ROWS)


def test_a_dataflow_that_is_gone_is_one_row(engine: duckdb.DuckDBPyConnection) -> None:
    assert list(gone_lines("ILO:DF_X(1.0)")) == ["STRUCTURE,STRUCTURE_ID,ACTION", "dataflow,ILO:DF_X(1.0),D"]
    assert _applied(_by_key(ROWS), gone_lines("ILO:DF_X(1.0)")) == {}


def test_other_dimensions_have_no_delta(engine: duckdb.DuckDBPyConnection, before: Path) -> None:
    fewer = [name for name in NAMES if name != "SEX"]
    assert lines(engine, FLOW, load(engine, ROWS), earlier(before, ROWS, fewer)) is None


def test_an_attribute_that_came_replaces_the_observations_that_have_it(
    engine: duckdb.DuckDBPyConnection, before: Path
) -> None:
    names = [name for name in NAMES if name != "NOTE"]
    later = [ROWS[0], {**ROWS[1], "NOTE": "T1"}, *ROWS[2:]]
    found = lines(engine, FLOW, load(engine, later), earlier(before, ROWS, names))
    assert found is not None
    assert _applied(_by_key(ROWS), found) == _by_key(later)
    flow = dataflow(attributes=("OBS_STATUS", "SOURCE"))
    query = load(engine, ROWS, [name for name in NAMES if name != "NOTE"])
    found = lines(engine, flow, query, earlier(before, later))
    assert found is not None
    assert [line.split(",")[7] for line in found][1:] == ["2013"]


def test_who_fetched_before_a_withdrawal_learns_of_it(engine: duckdb.DuckDBPyConnection, before: Path) -> None:
    fetched = _by_key(ROWS)
    rewritten = [*ROWS[:3], {**ROWS[3], "OBS_VALUE": None, "OBS_STATUS": "N", "NOTE": "ILMS:WITHDRAWN"}]
    query = load(engine, rewritten)
    assert lines(engine, FLOW, query, earlier(before, rewritten)) is None
    told = Withdrawal("X", "XBB", "", "2026-02-01", "an error")
    found = lines(engine, FLOW, query, earlier(before, rewritten), [told])
    assert found is not None
    text = list(found)
    assert [line.split(",")[2:4] for line in text[1:]] == [["R", "XBB"]]
    assert _applied(fetched, text) == _by_key(rewritten)
    assert (
        lines(engine, FLOW, query, earlier(before, rewritten), [Withdrawal("X", "XBB", "2012", "2026-02-01", "")])
        is None
    )
    assert lines(engine, FLOW, query, earlier(before, rewritten), [replace(told, withdrawn_on="2026-01-09")]) is None


def test_pysdmx_reads_both_actions(engine: duckdb.DuckDBPyConnection, before: Path) -> None:
    replaced = lines(engine, FLOW, load(engine, [*ROWS, observation("XBB", "SEX_M", "2013")]), earlier(before, ROWS))
    assert replaced is not None
    message = read_sdmx("\n".join(replaced) + "\n")
    assert [dataset.action for dataset in message.data] == [ActionType.Replace]
    assert list(message.data[0].data.columns) == [*NAMES]
    deleted = lines(engine, FLOW, load(engine, ROWS[:3]), earlier(before, ROWS))
    assert deleted is not None
    assert [dataset.action for dataset in read_sdmx("\n".join(deleted) + "\n").data] == [ActionType.Delete]


def test_one_revised_cell_of_a_release_is_named_in_both_its_dataflows_and_no_other(tmp_path: Path) -> None:
    data = example.rows()
    with flows.connection(data) as engine:
        for is_twin in (False, True):
            told = flows.dataflow(example.EMPLOYMENT, is_twin=is_twin)
            content = blocks(engine, told, flows.query(example.EMPLOYMENT, is_twin=is_twin), flows.HEADER)
            (tmp_path / f"{told.id}.parquet").write_bytes(b"".join(content))
    data[0] = {**data[0], "obs_value": 1300.0}
    with flows.connection(data) as engine:
        for is_twin, shown in ((False, ["1300.000"]), (True, [])):
            told, query = (
                flows.dataflow(example.EMPLOYMENT, is_twin=is_twin),
                flows.query(example.EMPLOYMENT, is_twin=is_twin),
            )
            before = Earlier(tmp_path / f"{told.id}.parquet", flows.HEADER.prepared)
            found = list(csv.DictReader(lines(engine, told, query, before) or ()))
            assert [row["OBS_VALUE"] for row in found] == shown
            assert {row["STRUCTURE_ID"] for row in found} == ({told.reference} if shown else set())
            dated = with_last_update(engine, told, query, before, date(2026, 12, 24))
            days = [row[0] for row in engine.execute(f"SELECT LAST_UPDATE FROM ({dated})").fetchall()]
            assert sorted(days) == ["2026-11-23"] * (5 - len(shown)) + ["2026-12-24"] * len(shown)


_KEYS = st.tuples(
    st.sampled_from(["XAA", "XBB"]),
    st.sampled_from(["SEX_F", "SEX_M", "SEX_T"]),
    st.sampled_from(["2012", "2013", "2014"]),
)
_SHOWN = st.tuples(
    st.sampled_from(["1.000", "-2.500", "0.000", None]),
    st.sampled_from([None, "B", "C"]),
    st.sampled_from([None, 'a "b", c']),
)
_DATA = st.dictionaries(_KEYS, _SHOWN)
_MADE = dict[tuple[str, str, str], tuple[str | None, str | None, str | None]]


def _made(data: _MADE) -> list[Observation]:
    return [
        observation(*key, value, OBS_STATUS=status, NOTE=note) for key, (value, status, note) in sorted(data.items())
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_DATA, _DATA)
def test_applied_to_the_earlier_data_it_gives_the_later_ones_in_any_order(
    engine: duckdb.DuckDBPyConnection, before: Path, old: _MADE, new: _MADE
) -> None:
    found = lines(engine, FLOW, load(engine, _made(new)), earlier(before, _made(old)))
    text = [] if found is None else list(found)
    assert _applied(_by_key(_made(old)), text) == _by_key(_made(new))
    assert _applied(_by_key(_made(old)), text, shuffled=True) == _by_key(_made(new))
    assert (not text) == (old == new)
    replaced = [line for line in text if ",R," in line]
    assert len(replaced) == sum(old.get(key) != shown for key, shown in new.items())
