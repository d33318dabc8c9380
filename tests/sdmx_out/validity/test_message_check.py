"""Every format is valid and reads back as it was written; whatever is broken in a message is found and named."""

import gzip
import re
from pathlib import Path

import duckdb
import pytest

from schemas.errors import Problem
from sdmx_out.messages import xml_specific
from sdmx_out.messages.formats import DataFormat
from sdmx_out.validity.formats import READERS
from tests.sdmx_out.example import EMPLOYMENT, RATE, STAY
from tests.sdmx_out.messages import flows
from tests.sdmx_out.validity import written
from tests.sdmx_out.validity.whole_message import message_problems

XML = [name for name in READERS if "-ml-" in name]
SPECIFIC = [name for name in XML if "generic" not in name]
JSON = [name for name in READERS if "json" in name]
CSV = [name for name in READERS if "csv" in name]
SERIES = "XAA.A.MST_TEMP_NB.SEX_F.AGE_AGGREGATE_TOTAL.CBR_BIR_NATIVE"


def _problems(body: bytes, message_format: DataFormat, tmp_path: Path) -> list[Problem]:
    path = tmp_path / "message"
    path.write_bytes(body)
    return message_problems(
        path, message_format, written.definition(), written.connection(), flows.query(EMPLOYMENT), file="m"
    )


def _caught(body: bytes, message_format: DataFormat, tmp_path: Path) -> tuple[set[str], str]:
    """Rules that a message breaks, and all that is said of it; it has been changed, and said in few lines."""
    assert body != written.message(message_format)
    found = _problems(body, message_format, tmp_path)
    assert 0 < len(found) < 12
    assert all(problem.file == "m" and problem.remedy and str(tmp_path) not in str(problem) for problem in found)
    return {problem.rule for problem in found}, "\n".join(problem.message for problem in found)


@pytest.mark.parametrize("message_format", READERS)
@pytest.mark.parametrize(("indicator", "is_twin"), [(EMPLOYMENT, False), (STAY, True)])
def test_what_is_written_is_valid_and_read_back_the_same(
    message_format: DataFormat, indicator: str, is_twin: bool, tmp_path: Path
) -> None:
    path = tmp_path / "message.gz"
    path.write_bytes(gzip.compress(written.message(message_format, indicator, is_twin=is_twin)))
    definition = written.definition(indicator, is_twin=is_twin)
    query = flows.query(indicator, is_twin=is_twin)
    assert message_problems(path, message_format, definition, written.connection(), query, file="m") == []


@pytest.mark.parametrize("message_format", [*SPECIFIC, *CSV])
def test_a_code_that_is_not_in_its_list(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b"SEX_F", b"SEX_X", 1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}
    assert "SEX_X" in text


@pytest.mark.parametrize("message_format", READERS)
def test_a_code_that_is_another_code(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b"XAA", b"XBB")
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"READBACK_DIFFERS"}
    assert "5 observations are missing: XAA.A" in text
    assert "5 were not expected: XBB.A" in text


@pytest.mark.parametrize("message_format", XML)
def test_a_dimension_is_missing(message_format: DataFormat, tmp_path: Path) -> None:
    body = re.sub(rb' SEX="SEX_F"|<gen:Value id="SEX" value="SEX_F"/>', b"", written.message(message_format), count=1)
    rules, text = _caught(body, message_format, tmp_path)
    if "generic" in message_format:
        assert rules == {"READBACK_DIFFERS"}
        assert f"1 observations are missing: {SERIES}.2013" in text
    else:
        assert rules == {"MESSAGE_INVALID"}
        assert "'SEX' is required" in text


@pytest.mark.parametrize("message_format", JSON)
def test_a_dimension_is_missing_in_json(message_format: DataFormat, tmp_path: Path) -> None:
    body = re.sub(rb'("series":\{"[0-9]+):', rb"\1", written.message(message_format), count=1)
    rules, _ = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_UNREADABLE"}


@pytest.mark.parametrize("message_format", ["sdmx-ml-2.1", "sdmx-ml-3.0"])
def test_an_attribute_of_observations_on_a_series(message_format: DataFormat, tmp_path: Path) -> None:
    body = re.sub(
        rb'(<Series [^>]*)>\n(<Obs [^>]*) OBS_STATUS="U"',
        rb'\1 OBS_STATUS="U">\n\2',
        written.message(message_format),
        count=1,
    )
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}
    assert "OBS_STATUS" in text


@pytest.mark.parametrize("message_format", CSV)
def test_an_attribute_that_differs_below_its_level(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b",NB,PS,3,", b",NB,PS,6,", 1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}
    assert "UNIT_MULT" in text


@pytest.mark.parametrize("message_format", READERS)
def test_an_observation_is_dropped(message_format: DataFormat, tmp_path: Path) -> None:
    body = _FIRST_OBSERVATION[message_format.split("-")[1]].sub(rb"\1", written.message(message_format), count=1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"READBACK_DIFFERS"}
    assert f"1 observations are missing: {SERIES}.2013" in text


_FIRST_OBSERVATION = {
    "csv": re.compile(rb"(?<=\n)()[^\n]*\n"),
    "json": re.compile(rb'("observations":\{)"[0-9:]+":\[[^\]]*\],?'),
    "ml": re.compile(rb"()(<Obs [^>]*/>|<gen:Obs>.*</gen:Obs>)\n"),
}


@pytest.mark.parametrize("message_format", READERS)
def test_a_value_differs_in_its_last_decimal(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b"1200.001", b"1200.002", 1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"READBACK_DIFFERS"}
    assert "1 values of OBS_VALUE differ" in text
    assert "expected 1200.001 found 1200.002" in text
    for reader in READERS[message_format]:
        assert f"as {reader} reads it" in text or message_format in CSV


@pytest.mark.parametrize("message_format", [name for name in READERS if name != "sdmx-csv-1.0"])
def test_a_text_that_is_printed_otherwise(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b"9.50000", b"9.5")
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"READBACK_DIFFERS"}
    assert "LOWER_BOUND" in text


@pytest.mark.parametrize("message_format", SPECIFIC)
def test_two_attributes_are_swapped(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format)
    body = body.replace(b"UPPER_BOUND=", b"BOUND=").replace(b"LOWER_BOUND=", b"UPPER_BOUND=")
    rules, text = _caught(body.replace(b" BOUND=", b" LOWER_BOUND="), message_format, tmp_path)
    assert rules == {"READBACK_DIFFERS"}
    assert "values of UPPER_BOUND differ" in text
    assert "values of LOWER_BOUND differ" in text


@pytest.mark.parametrize("message_format", CSV)
def test_two_columns_are_swapped(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format)
    rules, text = _caught(
        body.replace(b"UPPER_BOUND,LOWER_BOUND", b"LOWER_BOUND,UPPER_BOUND", 1), message_format, tmp_path
    )
    assert rules == {"MESSAGE_INVALID"}
    assert "order" in text


@pytest.mark.parametrize("message_format", CSV)
def test_a_column_is_missing(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b",SEX,", b",GENDER,", 1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}
    assert text == "the header misses SEX and has unknown GENDER"


@pytest.mark.parametrize(("sign", "told"), [(b"&", "EntityRef"), (b"<", "Unescaped"), (b'"', "")])
@pytest.mark.parametrize("message_format", XML)
def test_a_text_is_not_escaped(message_format: DataFormat, sign: bytes, told: str, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b"TEST EXTRACT -", b"TEST " + sign + b" EXTRACT -", 1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}
    assert told in text


@pytest.mark.parametrize("message_format", [*JSON, *CSV])
def test_a_quote_is_not_escaped(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b"BA:XAA_LFS", b'"BA:XAA_LFS', 1)
    rules, _ = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}


@pytest.mark.parametrize("message_format", READERS)
def test_the_end_is_missing(message_format: DataFormat, tmp_path: Path) -> None:
    rules, _ = _caught(written.message(message_format)[:-60], message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}


@pytest.mark.parametrize("message_format", READERS)
def test_a_damaged_archive(message_format: DataFormat, tmp_path: Path) -> None:
    packed = gzip.compress(written.message(message_format))
    for body in (packed[:-20], packed[:-8] + bytes(4) + packed[-4:]):
        rules, _ = _caught(body, message_format, tmp_path)
        assert rules == {"MESSAGE_INVALID"}


@pytest.mark.parametrize("message_format", ["sdmx-ml-2.1", "sdmx-ml-2.1-generic", "sdmx-ml-3.0", *JSON])
def test_a_header_that_the_schema_does_not_know(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format).replace(b"2026-11-23T00:00:00Z", b"23.11.2026", 1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}
    assert "23.11.2026" in text


@pytest.mark.parametrize("message_format", READERS)
def test_a_message_of_another_dataflow(message_format: DataFormat, tmp_path: Path) -> None:
    rules, text = _caught(written.message(message_format, RATE), message_format, tmp_path)
    assert rules <= {"MESSAGE_INVALID", "MESSAGE_UNREADABLE"}
    assert "TUNE" in text


@pytest.mark.parametrize("message_format", JSON)
def test_an_index_that_points_at_nothing(message_format: DataFormat, tmp_path: Path) -> None:
    body = re.sub(rb'("observations":\{)"[0-9]+"', rb'\1"99"', written.message(message_format), count=1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_UNREADABLE"}
    assert "TIME_PERIOD has 2 values and none at index 99" in text


@pytest.mark.parametrize("message_format", CSV)
def test_a_key_that_is_there_twice(message_format: DataFormat, tmp_path: Path) -> None:
    body = written.message(message_format)
    body += body.splitlines(keepends=True)[1]
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"MESSAGE_INVALID"}
    assert text == f"1 keys stand on more than one row: {SERIES}.2013"


@pytest.mark.parametrize("message_format", ["sdmx-ml-2.1", "sdmx-ml-2.1-flat", "sdmx-ml-3.0"])
def test_a_key_that_is_there_twice_in_xml(message_format: DataFormat, tmp_path: Path) -> None:
    body = re.sub(rb"(<Obs [^>]*/>\n)", rb"\1\1", written.message(message_format), count=1)
    rules, text = _caught(body, message_format, tmp_path)
    assert rules == {"READBACK_DIFFERS"}
    assert f"1 keys are there more than once: {SERIES}.2013" in text


def test_a_fault_is_told_with_its_line(tmp_path: Path) -> None:
    body = written.message("sdmx-ml-2.1")
    line = body[: body.index(b"SEX_T")].count(b"\n") + 1
    (found,) = _problems(body.replace(b"SEX_T", b"SEX_X"), "sdmx-ml-2.1", tmp_path)
    assert found.row == line


def test_a_fault_is_not_told_of_the_next_message(tmp_path: Path) -> None:
    body = written.message("sdmx-ml-2.1-generic")
    broken = body.replace(b"<gen:ObsDimension", b"<gen:Dimension", 1)
    assert "Dimension" in _problems(broken, "sdmx-ml-2.1-generic", tmp_path)[0].message
    assert _problems(body[:-30], "sdmx-ml-2.1-generic", tmp_path)[0].message == "the message ends before it is whole"
    assert _problems(body, "sdmx-ml-2.1-generic", tmp_path) == []


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("TIME_PERIOD", "2013-Q5", "is no period"),
        ("TIME_PERIOD", "", "is empty"),
        ("OBS_VALUE", "12 000", "is no number"),
        ("DECIMALS", "1.0", "is no number"),
        ("DATAFLOW", "ILO:DF_OTHER(1.0)", "is not ILO:DF_MST_TEMP"),
        ("REF_AREA", "", "is empty"),
    ],
)
def test_a_field_of_csv(column: str, value: str, told: str, tmp_path: Path) -> None:
    header, first, *rest = written.message("sdmx-csv-1.0").decode().splitlines()
    fields = first.split(",")
    fields[header.split(",").index(column)] = value
    body = "\n".join([header, ",".join(fields), *rest, ""]).encode()
    rules, text = _caught(body, "sdmx-csv-1.0", tmp_path)
    assert rules == {"MESSAGE_INVALID"}
    assert text.startswith(f"{column} of 1 rows ")
    assert told in text


def test_rows_in_another_order_are_the_same_message(tmp_path: Path) -> None:
    header, *rows = written.message("sdmx-csv-2.0").splitlines(keepends=True)
    assert _problems(b"".join([header, *reversed(rows)]), "sdmx-csv-2.0", tmp_path) == []


def test_text_that_needs_escaping_is_read_back(tmp_path: Path) -> None:
    text = "\"A\" & <B>, 'C'; É ñ"
    query = flows.query(EMPLOYMENT)
    changed = f"SELECT * REPLACE ('{text.replace(chr(39), chr(39) * 2)}' AS SOURCE) FROM ({query})"
    path = tmp_path / "message"
    engine: duckdb.DuckDBPyConnection = written.connection()
    path.write_bytes(b"".join(xml_specific.blocks(engine, written.dataflow(), changed, flows.HEADER)))
    assert message_problems(path, "sdmx-ml-2.1", written.definition(), engine, changed, file="m") == []
    (first, *_) = message_problems(path, "sdmx-ml-2.1", written.definition(), engine, query, file="m")
    assert "5 values of SOURCE differ" in first.message
