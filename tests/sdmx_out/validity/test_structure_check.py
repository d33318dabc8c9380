"""Structure messages: what is missing in them, or read otherwise, is found and named."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from schemas.codes import load_code_lists, load_status_map
from schemas.errors import Problem
from schemas.indicators import load_indicators
from sdmx_out.messages.dataflow import Dataflow, read_dataflow
from sdmx_out.structures.constraints import observed
from sdmx_out.structures.message import structure_bytes, structure_bytes_30, structure_json
from sdmx_out.structures.release_structures import release_message
from sdmx_out.validity.formats import Reader, StructureFormat
from sdmx_out.validity.structure_check import read_definitions, structure_problems
from tests.sdmx_out.messages import flows
from tests.sdmx_out.validity import written

FORMATS: dict[StructureFormat, str] = {
    "structure-ml-2.1": "structure/structures.xml",
    "structure-ml-3.0": "structure/structures-3.0.xml",
    "structure-json-2.0": "structure/structures.json",
}


@cache
def expected() -> dict[str, Dataflow]:
    return {flow.id: read_dataflow(flow) for flow in flows.structures().dataflow.values()}


def _problems(
    body: bytes, message_format: StructureFormat, tmp_path: Path, readers: Sequence[Reader] | None = ()
) -> list[Problem]:
    path = tmp_path / "structures"
    path.write_bytes(body)
    return structure_problems(path, message_format, expected(), file="s", readers=readers)


@pytest.mark.parametrize("message_format", FORMATS)
def test_what_is_written_is_valid_and_read_back_the_same(message_format: StructureFormat, tmp_path: Path) -> None:
    assert _problems(written.structures()[FORMATS[message_format]], message_format, tmp_path, None) == []


def test_dataflows_are_read_with_their_structures(tmp_path: Path) -> None:
    path = tmp_path / "structures.xml"
    path.write_bytes(written.structures()["structure/structures.xml"])
    assert {name: read_dataflow(flow) for name, flow in read_definitions(path).items()} == expected()


def _without_list(body: bytes, message_format: StructureFormat) -> bytes:
    """Take the code list of sex out."""
    if message_format == "structure-json-2.0":
        start = body.index(b'"codelists":')
        at = body.index(b'"id":"CL_SEX"', start) if b'"id":"CL_SEX"' in body else body.index(b'"id": "CL_SEX"', start)
        return body[:at] + body[at:].replace(b"CL_SEX", b"CL_ALL", 1)
    end = body.index(b"</str:Codelist>", body.index(b'id="CL_SEX"')) + len(b"</str:Codelist>")
    start = body.rindex(b"<str:Codelist ", 0, end)
    return body[:start] + body[end:]


@pytest.mark.parametrize("message_format", FORMATS)
def test_a_code_list_is_missing(message_format: StructureFormat, tmp_path: Path) -> None:
    body = _without_list(written.structures()[FORMATS[message_format]], message_format)
    found = _problems(body, message_format, tmp_path)
    assert found
    assert found[0].rule == "STRUCTURE_UNRESOLVED"
    assert found[0].message.startswith("Codelist ILO:CL_SEX(1.0) is not in the message: ")
    assert "DataStructure" in found[0].message
    assert len(found) < 60


@pytest.mark.parametrize("message_format", ["structure-ml-2.1", "structure-ml-3.0"])
def test_a_code_is_missing(message_format: StructureFormat, tmp_path: Path) -> None:
    body = written.structures()[FORMATS[message_format]].replace(b'id="SEX_O"', b'id="SEX_X"')
    found = _problems(body.replace(b".SEX_O<", b".SEX_X<"), message_format, tmp_path, None)
    assert {problem.rule for problem in found} == {"READBACK_DIFFERS"}
    for reader in ("sdmx1", "pysdmx"):
        assert any(f"as {reader} reads it, codes of SEX of" in problem.message for problem in found)
    assert any("differ: SEX_O, SEX_X" in problem.message for problem in found)


def test_a_concept_is_missing(tmp_path: Path) -> None:
    body = written.structures()["structure/structures.xml"]
    at = body.index(b'id="NOTE_CLASSIF"', body.index(b'id="CS_NOTE_TYPE"'))
    found = _problems(body[:at] + body[at:].replace(b"NOTE_CLASSIF", b"NOTE_OTHER", 1), "structure-ml-2.1", tmp_path)
    unresolved = [problem.message for problem in found if problem.rule == "STRUCTURE_UNRESOLVED"]
    assert unresolved
    assert unresolved[0].startswith("ConceptScheme ILO:CS_NOTE_TYPE(1.0) has no NOTE_CLASSIF: ")


def test_an_attribute_hangs_on_a_dimension_that_is_not_there(tmp_path: Path) -> None:
    body = written.structures()["structure/structures.xml"]
    at = body.index(b"<str:AttributeRelationship>")
    end = body.index(b'"MEASURE"', at)
    broken = body[:end] + body[end:].replace(b'"MEASURE"', b'"MEASURED"', 1)
    (first, *_) = _problems(broken, "structure-ml-2.1", tmp_path)
    assert first.rule == "STRUCTURE_UNRESOLVED"
    assert "refers to its own MEASURED, which it does not have" in first.message


def test_an_attribute_hangs_on_another_dimension(tmp_path: Path) -> None:
    body = written.structures()["structure/structures.xml"]
    at = body.index(b"<str:AttributeRelationship>")
    end = body.index(b'"MEASURE"', at)
    found = _problems(body[:end] + body[end:].replace(b'"MEASURE"', b'"SEX"', 1), "structure-ml-2.1", tmp_path, None)
    assert {problem.rule for problem in found} == {"READBACK_DIFFERS"}
    assert any("hangs on ('SEX',), not ('MEASURE',)" in problem.message for problem in found)


def test_a_dataflow_is_missing(tmp_path: Path) -> None:
    body = written.structures()["structure/structures.xml"]
    start = body.rindex(b"<str:Dataflow ", 0, body.index(b"</str:Dataflow>"))
    end = body.index(b"</str:Dataflow>") + len(b"</str:Dataflow>")
    found = _problems(body[:start] + body[end:], "structure-ml-2.1", tmp_path, ["pysdmx"])
    assert any(problem.message.endswith(" is missing") for problem in found)


@pytest.mark.parametrize("message_format", FORMATS)
def test_the_end_is_missing(message_format: StructureFormat, tmp_path: Path) -> None:
    (first,) = _problems(written.structures()[FORMATS[message_format]][:-50], message_format, tmp_path)
    assert first.rule == "MESSAGE_INVALID"


@cache
def _whole(message_format: StructureFormat) -> bytes:
    """All structures of a release: with constraints, topics and maps."""
    engine = written.connection()
    held = {
        flow.id: observed(engine, flows.query(indicator, is_twin=is_twin), [part.id for part in flow.dimensions])
        for indicator in flows.INDICATORS
        for is_twin in (False, True)
        for flow in [flows.dataflow(indicator, is_twin=is_twin)]
    }
    message = release_message(
        [load_indicators()[name] for name in flows.INDICATORS],
        load_code_lists(),
        load_status_map(),
        prepared=flows.HEADER.prepared,
        is_test=True,
        has_test_areas=True,
        held={name: found for name, found in held.items() if found is not None},
        provided={},
    )
    write = {
        "structure-ml-2.1": structure_bytes,
        "structure-ml-3.0": structure_bytes_30,
        "structure-json-2.0": structure_json,
    }
    return write[message_format](message)


@pytest.mark.parametrize("message_format", FORMATS)
def test_all_structures_of_a_release_hold_together(message_format: StructureFormat, tmp_path: Path) -> None:
    assert _problems(_whole(message_format), message_format, tmp_path, ["sdmx1"][: "ml" in message_format]) == []


def test_a_map_from_a_code_that_is_not_there(tmp_path: Path) -> None:
    body = re.sub(rb'(<str:CodeMap>\s*<str:Source>\s*<Ref id=)"SEX_F"', rb'\1"SEX_X"', _whole("structure-ml-2.1"))
    assert body != _whole("structure-ml-2.1")
    (found,) = _problems(body, "structure-ml-2.1", tmp_path)
    assert found.message.startswith("Codelist ILO:CL_SEX(1.0) has no SEX_X: 1 references to it, e.g. of StructureSet")
