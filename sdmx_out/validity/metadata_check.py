"""Messages of reference metadata: valid, and with every report there for another program.

Here belongs what can be said of such a message alone. What its texts say is decided where they are written.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import pysdmx.io
from lxml import etree

from schemas.errors import Problem
from sdmx_out.validity.formats import MetadataFormat, Reader, StructureFormat
from sdmx_out.validity.message_files import content
from sdmx_out.validity.problems import problem
from sdmx_out.validity.references import reference_problems
from sdmx_out.validity.schema_check import schema_problems

#: Format -> readers, as found by trying: neither reads texts in several languages in SDMX-ML 2.1.
METADATA_READERS: Mapping[MetadataFormat, tuple[Reader, ...]] = {
    "metadata-ml-2.1": (),
    "metadata-ml-3.0": ("pysdmx",),
    "metadata-json-2.0": ("pysdmx",),
}


def metadata_problems(path: Path, message_format: MetadataFormat, *, file: str) -> list[Problem]:
    """What is wrong with a message of reference metadata.

    Args:
        path: the message, plain or gzip'd.
        message_format: its format.
        file: its name in what is reported.

    Returns:
        Faults by schema; if there are none, reports that a reader does not find.
    """
    found = schema_problems(path, message_format, file=file)
    if found or not METADATA_READERS[message_format]:
        return found
    body = content(path)
    try:
        read = {report.id for report in pysdmx.io.read_sdmx(io.BytesIO(body), validate=False).get_reports()}
    except Exception as error:
        # The reader raises whatever its code runs into; all of it means that the message cannot be read.
        return [problem(file, "MESSAGE_UNREADABLE", f"pysdmx cannot read it: {type(error).__name__}: {error}")]
    if missing := sorted(_reports(body, message_format) - read):
        text = f"as pysdmx reads it, {len(missing):,} reports are missing: {', '.join(missing[:3])}"
        return [problem(file, "READBACK_DIFFERS", text)]
    return []


def metadata_structure_problems(path: Path, message_format: StructureFormat, *, file: str) -> list[Problem]:
    """What is wrong with the structures of reference metadata: by schema, or references that lead nowhere."""
    found = schema_problems(path, message_format, file=file)
    return found or reference_problems(path, message_format, file=file)


def _reports(body: bytes, message_format: MetadataFormat) -> set[str]:
    if message_format == "metadata-json-2.0":
        return {str(item["id"]) for item in json.loads(body)["data"].get("metadataSets", [])}
    return {str(item.get("id")) for item in etree.fromstring(body).iterfind("{*}MetadataSet")}
