"""Messages of reference metadata: valid, and no report is lost to another reader."""

import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from schemas.codes import load_code_lists
from sdmx_out.catalogue import LANGUAGES
from sdmx_out.messages.header import Header
from sdmx_out.metadata.files import files
from sdmx_out.metadata.report import Piece, Report
from sdmx_out.structures.metadata_structure import structures
from sdmx_out.validity.formats import MetadataFormat
from sdmx_out.validity.metadata_check import METADATA_READERS, metadata_problems, metadata_structure_problems
from sdmx_out.validity.release_check import Layout

LAYOUT, STRUCTURES = Layout().metadata, Layout().metadata_structures
HEADER = Header("ILMS_REFERENCE_METADATA", date(2026, 11, 3), False)


@cache
def _files() -> dict[str, bytes]:
    """All messages that a release has."""
    names = dict.fromkeys(LANGUAGES, "Survey")
    found = structures(load_code_lists())
    texts = {name: {language: (Piece("Text & more"),) for language in LANGUAGES} for name in found[0].mandatory()}
    reports = (Report("ZAF_QLFS", "ZAF", names, texts), Report("ARG_EPH", "ARG", names, texts))
    made = files(reports, load_code_lists(), ["ZAF", "ARG"], HEADER)
    return {file.name: b"".join(file.blocks) for file in made}


def _message(message_format: MetadataFormat) -> bytes:
    return next(_files()[name] for name, known in LAYOUT.items() if known == message_format)


@pytest.mark.parametrize("file", LAYOUT)
def test_what_a_release_has_is_valid(file: str, tmp_path: Path) -> None:
    path = tmp_path / "metadata"
    path.write_bytes(_files()[file])
    assert metadata_problems(path, LAYOUT[file], file="m") == []


@pytest.mark.parametrize("file", STRUCTURES)
def test_their_structures_are_valid_and_whole(file: str, tmp_path: Path) -> None:
    path = tmp_path / "structures"
    path.write_bytes(_files()[file])
    assert metadata_structure_problems(path, STRUCTURES[file], file="m") == []
    renamed = re.sub(rb'(<str:Codelist [^>]*\bid=|"id": ?)"CL_SURVEY"', rb'\1"CL_OTHER"', _files()[file])
    path.write_bytes(renamed)
    found = metadata_structure_problems(path, STRUCTURES[file], file="m")
    assert {problem.rule for problem in found} == {"STRUCTURE_UNRESOLVED"}
    assert found[0].message.startswith("Codelist ILMS:CL_SURVEY(1.0) is not in the message")


def test_a_release_has_no_other_messages() -> None:
    assert {name for name in _files() if name.endswith((".xml", ".json"))} == {*LAYOUT, *STRUCTURES}


@pytest.mark.parametrize("message_format", METADATA_READERS)
@pytest.mark.parametrize(("old", "new"), [(b"2026-11-03T00:00:00Z", b"3.11.2026"), (b"Text & more", b'Text <"&')])
def test_a_fault_is_found(message_format: MetadataFormat, old: bytes, new: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metadata"
    body = _message(message_format)
    changed = body.replace(old, new, 1).replace(old.replace(b"&", b"&amp;"), new, 1)
    assert changed != body
    path.write_bytes(changed)
    assert {problem.rule for problem in metadata_problems(path, message_format, file="m")} == {"MESSAGE_INVALID"}
