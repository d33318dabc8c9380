"""Data messages in SDMX-JSON 1.0 and 2.0, decoded as the standard's field guide says.

Here belongs what indices mean. No library reads these messages; this decoder shares nothing with the writer, so that a
fault of the one is not hidden by the other.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdmx_out.messages.formats import DataFormat

_DATAFLOW = "infomodel.datastructure.Dataflow="


class _Number(str):
    """A number of the message as it is printed there."""


@dataclass(frozen=True)
class _Part:
    """A dimension, measure or attribute, with the values that indices point at; None where values stand themselves."""

    id: str
    values: tuple[str | None, ...] | None
    position: int = 0

    def at(self, value: object) -> str | None:
        """The text that an entry of the message means.

        Raises:
            ValueError: there is no such value.
        """
        if value is None:
            return None
        if isinstance(value, _Number) and self.values is not None:
            if not value.isdigit() or int(value) >= len(self.values):
                raise ValueError(f"{self.id} has {len(self.values)} values and none at index {value}")
            return self.values[int(value)]
        if isinstance(value, str):
            return str(value)
        raise ValueError(f"{self.id} has a value that is no text and no number")


Row = dict[str, str]


def json_rows(body: bytes, message_format: DataFormat) -> tuple[str, Iterator[Row]]:
    """What a message is about, and its observations.

    Returns:
        The dataflow as ``agency:id(version)``, '' if the message names none; and for each observation the components
        that have a value, with its text.

    Raises:
        ValueError: it is no JSON, or an index points at nothing.
        KeyError: a part of the message is missing.
    """
    message = json.loads(body, parse_int=_Number, parse_float=_Number)
    data = message["data"]
    structures = [data["structure"]] if message_format == "sdmx-json-1.0" else data["structures"]
    return _reference(data, structures), _rows(data["dataSets"], structures)


def _reference(data: Mapping[str, Any], structures: Sequence[Mapping[str, Any]]) -> str:
    for owner in (*structures, *data["dataSets"]):
        for link in owner.get("links", ()):
            address = str(link.get("urn", ""))
            if _DATAFLOW in address:
                return address.split(_DATAFLOW, 1)[1]
    return ""


def _rows(data_sets: Sequence[Mapping[str, Any]], structures: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    for data_set in data_sets:
        structure = structures[int(data_set.get("structure", "0"))]
        yield from _Layout(structure).rows(data_set)


class _Layout:
    """Which component stands at which place of a data set."""

    def __init__(self, structure: Mapping[str, Any]) -> None:
        dimensions, attributes = structure["dimensions"], structure.get("attributes", {})
        self.fixed, self.series, self.observation = (
            _parts(dimensions.get(level, ())) for level in ("dataSet", "series", "observation")
        )
        self.of_set, self.of_group, self.of_series, self.of_observation = (
            _parts(attributes.get(level, ())) for level in ("dataSet", "dimensionGroup", "series", "observation")
        )
        # Without a list of measures there is one, which is how 1.0 has it.
        self.measures = _parts(structure.get("measures", {}).get("observation", ())) or (_Part("OBS_VALUE", None),)

    def rows(self, data_set: Mapping[str, Any]) -> Iterator[Row]:
        """Observations of a data set."""
        base = {part.id: part.at(_Number("0")) for part in self.fixed}
        base |= _values(self.of_set, data_set.get("attributes", ()))
        groups = self._groups(data_set.get("dimensionGroupAttributes", {}))
        for key, series in data_set.get("series", {}).items():
            shared = base | _key(self.series, key) | _values(self.of_series, series.get("attributes", ()))
            yield from self._observations(series.get("observations", {}), shared, groups)
        yield from self._observations(data_set.get("observations", {}), base, groups)

    def _observations(
        self, observations: Mapping[str, Sequence[object]], shared: Mapping[str, str | None], groups: "_Groups"
    ) -> Iterator[Row]:
        for key, entries in observations.items():
            row = dict(shared) | _key(self.observation, key)
            row |= _values((*self.measures, *self.of_observation), entries)
            for dimensions, members in groups.items():
                row |= members.get(tuple(row[name] for name in dimensions), {})
            yield {name: value for name, value in row.items() if value is not None}

    def _groups(self, told: Mapping[str, Sequence[object]]) -> "_Groups":
        """Attributes of groups of observations, by the dimensions that they hang on."""
        dimensions = sorted((*self.fixed, *self.series, *self.observation), key=lambda part: part.position)
        groups: _Groups = {}
        for key, entries in told.items():
            indices = zip(dimensions, key.split(":"), strict=True)
            chosen = {part.id: part.at(_Number(index)) for part, index in indices if index}
            groups.setdefault(tuple(chosen), {})[tuple(chosen.values())] = _values(self.of_group, entries)
        return groups


_Groups = dict[tuple[str, ...], dict[tuple[str | None, ...], dict[str, str | None]]]


def _parts(told: Sequence[Mapping[str, Any]]) -> tuple[_Part, ...]:
    return tuple(
        _Part(
            item["id"],
            tuple(_value(value) for value in item["values"]) if item.get("values") else None,
            int(item.get("keyPosition", "0")),
        )
        for item in told
    )


def _value(told: object) -> str | None:
    if isinstance(told, dict):
        # In 1.0 a text that is no code has a name alone.
        return str(next(told[name] for name in ("id", "value", "name") if name in told))
    return None if told is None else str(told)


def _key(parts: Sequence[_Part], key: str) -> dict[str, str | None]:
    return {part.id: part.at(_Number(index)) for part, index in zip(parts, key.split(":"), strict=True)}


def _values(parts: Sequence[_Part], entries: Sequence[object]) -> dict[str, str | None]:
    """Values of an array; what is missing at its end is missing."""
    if len(entries) > len(parts):
        raise ValueError(f"{len(entries)} values stand where there are {len(parts)} components")
    # An entry that is null says nothing: it must not take away what a level above said.
    found = {part.id: part.at(entry) for part, entry in zip(parts, entries, strict=False)}
    return {name: value for name, value in found.items() if value is not None}
