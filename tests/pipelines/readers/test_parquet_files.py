"""Parquet files that are handed in."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.readers import apart

NOON = datetime(2020, 1, 1, 12, 0, 0, 250_000)  # noqa: DTZ001
COLUMNS = {
    "int": (pa.array([1, None, -7], pa.int64()), ["1", None, "-7"]),
    "byte": (pa.array([1, None, 255], pa.uint8()), ["1", None, "255"]),
    "large": (pa.array([2**64 - 1, None, 0], pa.uint64()), ["18446744073709551615", None, "0"]),
    "float": (pa.array([1.0, None, 1e-7], pa.float64()), ["1", None, "0.0000001"]),
    "nan": (pa.array([0.1, float("nan"), 2], pa.float32()), ["0.1", None, "2"]),
    "decimal": (pa.array([Decimal("1.50"), None, Decimal("100.00")], pa.decimal128(9, 2)), ["1.5", None, "100"]),
    "bool": (pa.array([True, None, False]), ["1", None, "0"]),
    "text": (pa.array(["a ", None, ""]), ["a ", None, ""]),
    "long": (pa.array(["é", None, "x"], pa.large_string()), ["é", None, "x"]),
    "bytes": (pa.array([b"a", None, "é".encode()], pa.binary()), ["a", None, "é"]),
    "coded": (pa.array(["m", None, "f"]).dictionary_encode(), ["m", None, "f"]),
    "date": (pa.array([date(2020, 1, 1), None, date(1899, 12, 31)]), ["2020-01-01", None, "1899-12-31"]),
    "us": (
        pa.array([NOON, None, datetime(1960, 1, 1)], pa.timestamp("us")),  # noqa: DTZ001
        ["2020-01-01T12:00:00.250", None, "1960-01-01T00:00:00"],
    ),
    "zone": (
        pa.array([NOON.replace(tzinfo=UTC), None, None], pa.timestamp("ms", "Africa/Nairobi")),
        ["2020-01-01T12:00:00.250Z", None, None],
    ),
    "time": (pa.array([time(1, 2, 3), None, time(0, 0, 0, 5000)]), ["01:02:03", None, "00:00:00.005"]),
    "length": (pa.array([timedelta(hours=30), None, timedelta(0)]), ["30:00:00", None, "00:00:00"]),
    "null": (pa.nulls(3), [None, None, None]),
}


def rules(error):
    return [(problem.rule, problem.row) for problem in error.problems]


@pytest.fixture(params=[5, None], ids=["chunks_of_one_row", "one_chunk"], autouse=True)
def chunks(request, monkeypatch):
    monkeypatch.setattr(apart, "CHUNK_CELLS", request.param)


def write(desk, table, name="a.parquet", **options):
    path = desk.folder / name
    pq.write_table(table, path, **options)
    return path


def test_every_type_as_text(desk, layout):
    path = write(desk, pa.table({name: values for name, (values, _) in COLUMNS.items()}))
    info, columns = desk.read(path, layout("parquet", "int"))
    assert columns == {name: text for name, (_, text) in COLUMNS.items()}
    assert info.types["decimal"] == "decimal128(9, 2)"
    assert (info.rows, info.encoding, info.notes) == (3, "utf-8", ())


@pytest.mark.parametrize("key", ["label", "description", "comment"])
def test_labels(desk, layout, key):
    schema = pa.schema([pa.field("a", pa.int64(), metadata={key: "Año"}), pa.field("b", pa.int64())])
    info, _ = desk.read(write(desk, pa.table({"a": [1], "b": [2]}, schema=schema)), layout("parquet"))
    assert info.labels == {"a": "Año"}


BAD = {
    "list": (pa.table({"a": [[1]]}), [], [("FILE_COLUMNS", None)]),
    "group": (pa.table({"a": [{"b": 1}]}), [], [("FILE_COLUMNS", None)]),
    "no rows": (pa.table({"a": pa.array([], pa.int64())}), [], [("FILE_EMPTY", None)]),
    "infinite": (pa.table({"a": [1.0, 2.0, float("inf")]}), [], [("FILE_CELL", 3)]),
    "bytes": (pa.table({"a": pa.array([b"\xff"])}), [], [("FILE_ENCODING", None)]),
    "duplicate": (pa.table([pa.array([1])] * 2, ["a", "A"]), [], [("FILE_DUPLICATE_COLUMN", None)]),
    "missing": (pa.table({"a": [1]}), ["b"], [("VARIABLE_MISSING", None)]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(desk, layout, name):
    table, fields, expected = BAD[name]
    assert rules(desk.refuse(write(desk, table), layout("parquet", *fields))) == expected


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_cut(desk, layout, share):
    path = write(desk, pa.table({"a": list(range(1000))}))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert rules(desk.refuse(path, layout("parquet"))) == [("FILE_TRUNCATED", None)]
