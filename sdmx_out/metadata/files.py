"""The files of the reference metadata of a release, under ``metadata/``.

Here belongs which files there are. How each is spelled does not belong here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.codes import CodeList
from sdmx_out.messages.header import Header
from sdmx_out.metadata import messages as messages
from sdmx_out.metadata.page import pages
from sdmx_out.metadata.report import Report, checked, lines, titles
from sdmx_out.structures.metadata_structure import MESSAGE_ID, metadata_message, metadata_structure_xml21, structures
from sdmx_out.structures.metadata_structure_text import metadata_structure_json, metadata_structure_xml30

FOLDER = "metadata"
TABLE = f"{FOLDER}/reference_metadata.csv"


@dataclass(frozen=True)
class File:
    """One file of a release.

    Attributes:
        name: inside the release.
        blocks: its bytes.
        is_dated: whether it holds the date of the release, so that it differs where nothing else does. What it tells
            besides stands in ``TABLE``.
    """

    name: str
    blocks: Iterator[bytes]
    is_dated: bool = False


def files(
    reports: Iterable[Report], code_lists: Mapping[str, CodeList], areas: Iterable[str], header: Header
) -> Iterator[File]:
    """Yield the files of the reference metadata of a release: table, pages, messages, and structures of both.

    Args:
        reports: of all surveys; those of areas that the release has not are left out.
        code_lists: all code lists by id.
        areas: areas of the release.
        header: who sends the messages, and when.

    Raises:
        InputError: as ``checked`` says.
    """
    found, here = structures(code_lists), set(areas)
    kept = checked((report for report in reports if report.ref_area in here), found)
    if not kept:
        return
    yield File(TABLE, (f"{line}\n".encode() for line in lines(kept, found)))
    for survey, language, page in pages(kept, found, is_test=header.is_test):
        yield File(f"{FOLDER}/{survey}_{language}.html", iter([page.encode()]))
    for structure, name in zip(found, ("surveys", "rounds"), strict=True):
        own = replace(header, id=f"{header.id}_{name.upper()}")
        xml21 = messages.xml21(kept, structure, own)
        yield File(f"{FOLDER}/reference_metadata_{name}_2.1.xml", xml21, is_dated=True)
    yield File(f"{FOLDER}/reference_metadata_3.0.xml", messages.xml30(kept, found, header), is_dated=True)
    yield File(f"{FOLDER}/reference_metadata_2.0.json", messages.json20(kept, found, header), is_dated=True)
    surveys, own = titles(kept), replace(header, id=MESSAGE_ID)
    for name, made in (
        ("2.1.xml", metadata_structure_xml21(metadata_message(found, surveys, own))),
        ("3.0.xml", metadata_structure_xml30(found, surveys, own)),
        ("2.0.json", metadata_structure_json(found, surveys, own)),
    ):
        yield File(f"{FOLDER}/metadata_structures_{name}", iter([made]), is_dated=True)
