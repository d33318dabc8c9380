"""What indices of SDMX-JSON mean, by messages written by hand after the field guide."""

import json

import pytest

from sdmx_out.validity.json_reader import json_rows

URN = "urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ILO:DF_X(1.0)"
AREAS = {"id": "REF_AREA", "keyPosition": 0, "values": [{"id": "XAA"}, {"id": "XBB"}]}
SEXES = {"id": "SEX", "keyPosition": 1, "values": [{"id": "SEX_T"}, {"id": "SEX_F"}]}
TIMES = {"id": "TIME_PERIOD", "keyPosition": 2, "values": [{"value": "2012"}, {"value": "2013"}]}


def _body(structure: dict[str, object], data_set: dict[str, object]) -> bytes:
    described = {"links": [{"urn": URN}], **structure}
    return json.dumps({"meta": {}, "data": {"structures": [described], "dataSets": [data_set]}}).encode()


def _rows(structure: dict[str, object], data_set: dict[str, object]) -> list[dict[str, str]]:
    reference, rows = json_rows(_body(structure, data_set), "sdmx-json-2.0")
    assert reference == "ILO:DF_X(1.0)"
    return list(rows)


SERIES: dict[str, object] = {
    "dimensions": {"dataSet": [], "series": [AREAS, SEXES], "observation": [TIMES]},
    "measures": {"observation": [{"id": "OBS_VALUE"}]},
    "attributes": {
        "dataSet": [{"id": "DECIMALS", "values": [{"value": "1"}]}],
        "dimensionGroup": [{"id": "SOURCE"}, {"id": "NOTE_SOURCE", "values": [{"value": "R1"}, {"value": "R2"}]}],
        "series": [{"id": "UNIT_MULT", "values": [{"id": "0"}, {"id": "3"}]}],
        "observation": [{"id": "OBS_STATUS", "values": [{"id": "U"}, {"id": "C"}]}, {"id": "UPPER_BOUND"}],
    },
}


def test_series_groups_and_observations() -> None:
    data_set: dict[str, object] = {
        "attributes": [0],
        "dimensionGroupAttributes": {"0::1": ["BA:LFS"], "1::": [None, 1]},
        "series": {
            "0:1": {"attributes": [1], "observations": {"0": [1.5], "1": [12.250, 0, "13.50"]}},
            "1:0": {"observations": {"1": [None, 1]}},
        },
    }
    body = _body(SERIES, data_set).replace(b"12.25", b"12.250")
    assert list(json_rows(body, "sdmx-json-2.0")[1]) == [
        {
            **{"REF_AREA": "XAA", "SEX": "SEX_F", "TIME_PERIOD": "2012", "OBS_VALUE": "1.5"},
            **{"DECIMALS": "1", "UNIT_MULT": "3"},
        },
        {
            **{"REF_AREA": "XAA", "SEX": "SEX_F", "TIME_PERIOD": "2013", "OBS_VALUE": "12.250"},
            **{"DECIMALS": "1", "UNIT_MULT": "3", "OBS_STATUS": "U", "UPPER_BOUND": "13.50", "SOURCE": "BA:LFS"},
        },
        {
            **{"REF_AREA": "XBB", "SEX": "SEX_T", "TIME_PERIOD": "2013"},
            **{"DECIMALS": "1", "OBS_STATUS": "C", "NOTE_SOURCE": "R2"},
        },
    ]


def test_observations_alone() -> None:
    flat = {**SERIES, "dimensions": {"dataSet": [SEXES], "observation": [AREAS, TIMES]}, "attributes": {}}
    assert _rows(flat, {"observations": {"1:0": ["7"]}}) == [
        {"SEX": "SEX_T", "REF_AREA": "XBB", "TIME_PERIOD": "2012", "OBS_VALUE": "7"}
    ]


def test_the_first_version() -> None:
    structure = {
        "links": [{"urn": URN}],
        "dimensions": {"series": [AREAS], "observation": [TIMES]},
        "attributes": {"series": [], "observation": [{"id": "SOURCE", "values": [{"name": "BA:LFS"}]}]},
    }
    data_set = {"series": {"1": {"observations": {"1": [3.5, 0], "0": [None, None]}}}}
    body = json.dumps({"data": {"structure": structure, "dataSets": [data_set]}}).encode()
    reference, rows = json_rows(body, "sdmx-json-1.0")
    assert reference == "ILO:DF_X(1.0)"
    assert list(rows) == [
        {"REF_AREA": "XBB", "TIME_PERIOD": "2013", "OBS_VALUE": "3.5", "SOURCE": "BA:LFS"},
        {"REF_AREA": "XBB", "TIME_PERIOD": "2012"},
    ]


@pytest.mark.parametrize(
    ("data_set", "told"),
    [
        ({"series": {"2:0": {"observations": {"0": [1]}}}}, "REF_AREA has 2 values and none at index 2"),
        ({"series": {"0:0": {"observations": {"0": [1, 2]}}}}, "OBS_STATUS has 2 values and none at index 2"),
        ({"series": {"0:0": {"observations": {"0": [1, -1]}}}}, "OBS_STATUS has 2 values and none at index -1"),
        ({"series": {"0:0": {"observations": {"0": [1, 0, 2, 0]}}}}, "4 values stand where there are 3 components"),
        ({"series": {"0:0": {"observations": {"0": [True]}}}}, "OBS_VALUE has a value that is no text"),
        ({"series": {"0": {"observations": {"0": [1]}}}}, "shorter"),
    ],
)
def test_what_points_at_nothing(data_set: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        _rows(SERIES, data_set)
