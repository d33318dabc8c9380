"""A dataflow as the writers of data messages need it, read from its structure in sdmx1's information model.

Here belongs what a message must know of a structure: the order of its components, how each is represented, where
attributes hang, and what codes are called. How a format spells them does not belong here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sdmx.model import common, v21

Kind = Literal["code", "text", "double", "integer", "time"]
Names = Mapping[str, str]
_KINDS: Mapping[str, Kind] = {"double": "double", "integer": "integer", "observationalTimePeriod": "time"}


@dataclass(frozen=True)
class Component:
    """One dimension, measure or attribute.

    Attributes:
        id: as it stands in messages.
        names: language -> name of its concept.
        kind: how its values are represented.
        codes: code -> language -> label, in the list's order; empty where it is not coded.
        code_list: (agency, id, version) of its code list, or None.
        dimensions: of an attribute: the dimensions that it hangs on; empty if it hangs on the observation.
    """

    id: str
    names: Names
    kind: Kind
    codes: Mapping[str, Names]
    code_list: tuple[str, str, str] | None
    dimensions: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in ("double", "integer")


@dataclass(frozen=True)
class Dataflow:
    """A dataflow and its data structure.

    Attributes:
        agency: who maintains both.
        id: of the dataflow.
        version: of both.
        structure: id of the data structure.
        names: language -> title.
        dimensions: in the order of the key, without time.
        time: the time dimension.
        measure: the primary measure.
        attributes: in the order of the structure.
    """

    agency: str
    id: str
    version: str
    structure: str
    names: Names
    dimensions: tuple[Component, ...]
    time: Component
    measure: Component
    attributes: tuple[Component, ...]

    @property
    def components(self) -> tuple[Component, ...]:
        """All components in the order of a record: key, period, value, attributes."""
        return (*self.dimensions, self.time, self.measure, *self.attributes)

    @property
    def reference(self) -> str:
        """As SDMX-CSV names it, e.g. ``ILO:DF_MST_XWAP_SEX_AGE_CBR_NB(1.0)``."""
        return f"{self.agency}:{self.id}({self.version})"

    def series_attributes(self) -> tuple[Component, ...]:
        """Attributes that are the same for all periods of a series."""
        return tuple(item for item in self.attributes if item.dimensions and self.time.id not in item.dimensions)

    def observation_attributes(self) -> tuple[Component, ...]:
        """Attributes that may differ from one period of a series to the next."""
        series = {item.id for item in self.series_attributes()}
        return tuple(item for item in self.attributes if item.id not in series)


def read_dataflow(flow: v21.DataflowDefinition) -> Dataflow:
    """Return what the writers need of a dataflow whose structure is held in full."""
    structure = flow.structure
    dimensions = [_component(item) for item in structure.dimensions.components]
    return Dataflow(
        agency=flow.maintainer.id,
        id=flow.id,
        version=str(flow.version),
        structure=structure.id,
        names=_names(flow.name),
        dimensions=tuple(item for item in dimensions if item.kind != "time"),
        time=next(item for item in dimensions if item.kind == "time"),
        measure=_component(structure.measures.components[0]),
        attributes=tuple(_component(item) for item in structure.attributes.components),
    )


def _component(item: common.Component) -> Component:
    representation = item.local_representation or item.concept_identity.core_representation
    codelist = representation.enumerated
    kind: Kind = "code"
    if codelist is None:
        kind = _KINDS.get(representation.non_enumerated[0].value_type.name, "text")
    related = getattr(item, "related_to", None)
    return Component(
        id=item.id,
        names=_names(item.concept_identity.name),
        kind=kind,
        codes=MappingProxyType(dict(_labels(codelist)) if codelist is not None else {}),
        code_list=None if codelist is None else (codelist.maintainer.id, codelist.id, str(codelist.version)),
        dimensions=tuple(part.id for part in getattr(related, "dimensions", ())),
    )


def _labels(codelist: common.Codelist) -> Iterator[tuple[str, Names]]:
    for code in codelist:
        yield code.id, _names(code.name)


def _names(text: common.InternationalString) -> Names:
    return MappingProxyType(dict(text.localizations))
