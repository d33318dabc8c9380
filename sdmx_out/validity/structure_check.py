"""Structure messages: valid, complete, and the same for every reader.

Here belongs what each reader finds of dataflows in a structure message, and the comparison with what data messages are
written by. Schemas and references are checked in the modules of their names.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pysdmx.io
from lxml import etree
from pysdmx.model import Codelist, Component, DataStructureDefinition
from pysdmx.model import Dataflow as PysdmxDataflow
from sdmx.message import StructureMessage
from sdmx.model import v21

from schemas.errors import Problem
from sdmx_out.messages.dataflow import Dataflow, read_dataflow
from sdmx_out.validity.formats import Reader, StructureFormat
from sdmx_out.validity.message_files import content
from sdmx_out.validity.problems import problem
from sdmx_out.validity.readers import read_sdmx1
from sdmx_out.validity.references import reference_problems
from sdmx_out.validity.schema_check import schema_problems

#: Format -> readers, as found by trying. sdmx1 reads no structures in SDMX-JSON. In SDMX-ML 3.0 it stops at constraints
#: over time and at maps: there it is given the parts that describe dataflows.
STRUCTURE_READERS: Mapping[StructureFormat, tuple[Reader, ...]] = {
    "structure-ml-2.1": ("sdmx1", "pysdmx"),
    "structure-ml-3.0": ("sdmx1", "pysdmx"),
    "structure-json-2.0": ("pysdmx",),
}
_READ_BY_SDMX1 = ("AgencySchemes", "Codelists", "ConceptSchemes", "DataStructures", "Dataflows")
#: Of a dataflow: component -> what it hangs on, and its codes.
_Shape = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]


def read_definitions(path: Path) -> dict[str, v21.DataflowDefinition]:
    """Dataflows of a structure message in SDMX-ML 2.1 by id, with their structures in full, as sdmx1 reads them."""
    message = read_sdmx1(content(path), "XML")
    assert isinstance(message, StructureMessage)
    return {flow.id: flow for flow in message.dataflow.values()}


def structure_problems(
    path: Path,
    message_format: StructureFormat,
    expected: Mapping[str, Dataflow],
    *,
    file: str,
    readers: Sequence[Reader] | None = None,
) -> list[Problem]:
    """What is wrong with a structure message.

    Args:
        path: the message, plain or gzip'd.
        message_format: its format.
        expected: id -> dataflow that it has to hold.
        file: its name in what is reported.
        readers: who reads it; all that can if None.

    Returns:
        Faults by schema; if there are none, references that lead nowhere and what readers find otherwise.
    """
    if found := schema_problems(path, message_format, file=file):
        return found
    found = reference_problems(path, message_format, file=file)
    body = content(path)
    for reader in STRUCTURE_READERS[message_format] if readers is None else readers:
        try:
            shapes = _SHAPES[reader](body)
        except Exception as error:
            # Readers raise whatever their code runs into; all of it means that the message cannot be read.
            text = f"{reader} cannot read it: {type(error).__name__}: {error}"
            found.append(problem(file, "MESSAGE_UNREADABLE", text))
            continue
        told = _differences(shapes, {name: _expected_shape(flow) for name, flow in expected.items()})
        found += [problem(file, "READBACK_DIFFERS", f"as {reader} reads it, {text}") for text in told]
    return found


def _differences(found: Mapping[str, _Shape], expected: Mapping[str, _Shape]) -> Iterator[str]:
    for name in sorted(expected.keys() - found.keys()):
        yield f"dataflow {name} is missing"
    for name in sorted(expected.keys() & found.keys()):
        here, there = found[name], expected[name]
        if list(here) != list(there):
            yield f"{name} has the components {', '.join(here)} instead of {', '.join(there)}"
            continue
        for component, (dimensions, codes) in there.items():
            if here[component][0] != dimensions:
                yield f"{component} of {name} hangs on {here[component][0] or 'observations'}, not {dimensions}"
            if here[component][1] != codes:
                other = sorted(set(here[component][1]) ^ set(codes))
                yield f"codes of {component} of {name} differ: {', '.join(other[:3]) or 'in their order'}"


def _expected_shape(flow: Dataflow) -> _Shape:
    return {item.id: (item.dimensions, tuple(item.codes)) for item in flow.components}


def _sdmx1_shapes(body: bytes) -> dict[str, _Shape]:
    root = etree.fromstring(body)
    if "v3_0" in root.tag:
        for part in list(root.iterfind("{*}Structures/{*}*")):
            if etree.QName(part).localname not in _READ_BY_SDMX1:
                part.getparent().remove(part)
    message = read_sdmx1(etree.tostring(root), "XML")
    return {flow.id: _expected_shape(read_dataflow(flow)) for flow in message.dataflow.values()}


def _pysdmx_shapes(body: bytes) -> dict[str, _Shape]:
    message = pysdmx.io.read_sdmx(io.BytesIO(body), validate=False)
    structures = {
        item.short_urn: item for item in message.structures or () if isinstance(item, DataStructureDefinition)
    }
    return {
        item.id: {part.id: (_dimensions(part), _codes(part)) for part in _structure_of(item, structures).components}
        for item in message.structures or ()
        if isinstance(item, PysdmxDataflow)
    }


def _structure_of(flow: PysdmxDataflow, structures: Mapping[str, DataStructureDefinition]) -> DataStructureDefinition:
    if isinstance(flow.structure, DataStructureDefinition):
        return flow.structure
    return structures[str(flow.structure).removeprefix("urn:sdmx:org.sdmx.infomodel.datastructure.")]


def _dimensions(part: Component) -> tuple[str, ...]:
    level = part.attachment_level
    return () if level in (None, "O") else tuple(str(level).split(","))


def _codes(part: Component) -> tuple[str, ...]:
    codes = part.local_codes if part.local_codes is not None else part.enumeration
    return tuple(code.id for code in codes.items) if isinstance(codes, Codelist) else ()


_SHAPES: Mapping[Reader, Callable[[bytes], dict[str, _Shape]]] = {"sdmx1": _sdmx1_shapes, "pysdmx": _pysdmx_shapes}
