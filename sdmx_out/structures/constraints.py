"""Content constraints: what a dataflow holds (actual), and what it may hold by the catalogue (allowed).

Here belongs which codes and periods a constraint names. Areas are left free in what may be: every area of the list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb
from sdmx.message import StructureMessage
from sdmx.model import common, v21

from schemas.codes import CodeList
from schemas.indicators import Indicator
from schemas.periods import Period
from sdmx_out.catalogue import TWIN_SUFFIX
from sdmx_out.observations import observations_sql
from sdmx_out.structures.artefacts import maintained, text

#: Frequencies that a survey can have, or that are made from its periods.
FREQUENCIES = ("A", "S", "Q", "M")
_ACTUAL = {"en": "Data available", "fr": "Données disponibles", "es": "Datos disponibles"}
_ALLOWED = {"en": "Data allowed", "fr": "Données admises", "es": "Datos admitidos"}


@dataclass(frozen=True)
class Observed:
    """What a dataflow holds, hidden cells included: they are published as observations without a value.

    Attributes:
        codes: dimension (without time) -> its codes, in any order.
        start: first day of the first period.
        end: last day of the last period.
    """

    codes: Mapping[str, Sequence[str]]
    start: date
    end: date


def observed(connection: duckdb.DuckDBPyConnection, query: str, dimensions: Sequence[str]) -> Observed | None:
    """Return what the observations of a query hold, or None if there are none.

    Args:
        connection: where the query can be run.
        query: of the shape of ``observations.observations_sql``.
        dimensions: ids of the dimensions, without time.
    """
    names = (*dimensions, "TIME_PERIOD")
    distinct = ", ".join(f'list_sort(list(DISTINCT "{name}"))' for name in names)
    (found,) = connection.execute(f"SELECT {distinct} FROM ({query})").fetchall()
    if found[-1] is None:
        return None
    periods = [Period.parse(period) for period in found[-1]]
    return Observed(
        codes=dict(zip(dimensions, found[:-1], strict=True)),
        start=min(period.start for period in periods),
        end=max(period.end for period in periods),
    )


def held_by_flow(connection: duckdb.DuckDBPyConnection, indicators: Sequence[Indicator]) -> dict[str, Observed]:
    """Return what each dataflow of a release holds; a twin has the keys of its indicator.

    Args:
        connection: holds the table of the release's rows.
        indicators: those of the release.
    """
    found: dict[str, Observed] = {}
    for indicator in indicators:
        dimensions = ("REF_AREA", "FREQ", "MEASURE", *indicator.dimensions)
        told = observed(connection, observations_sql(indicator), dimensions)
        if told is not None:
            found[indicator.dataflow] = found[indicator.dataflow + TWIN_SUFFIX] = told
    return found


def add_actual(message: StructureMessage, held: Mapping[str, Observed]) -> None:
    """Add ``CCA_<dataflow>`` for each dataflow of the message of which it is said what it holds.

    Raises:
        ValueError: if a code is not in the list of its dimension.
    """
    for flow in list(message.dataflow.values()):
        if flow.id not in held:
            continue
        told = held[flow.id]
        start, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (told.start, told.end))
        region = _region(flow, told.codes)
        time = flow.structure.dimensions.get("TIME_PERIOD")
        reach = v21.RangePeriod(
            start=common.StartPeriod(is_inclusive=True, period=start),
            end=common.EndPeriod(is_inclusive=True, period=end),
        )
        region.member[time] = v21.MemberSelection(values_for=time, values=[reach])
        _add(message, flow, "CCA", common.ConstraintRoleType.actual, _ACTUAL, region)


def add_allowed(message: StructureMessage, indicators: Sequence[Indicator], code_lists: Mapping[str, CodeList]) -> None:
    """Add ``CCR_<dataflow>`` for each dataflow of the message and its twin.

    The measure is fixed; classifications have the items of the versions that the indicator declares.
    """
    for indicator in indicators:
        versions = iter((indicator.classif1_versions, indicator.classif2_versions))
        named = {name: ("SEX",) if name == "SEX" else next(versions) for name in indicator.dimensions}
        for flow_id in (indicator.dataflow, indicator.dataflow + TWIN_SUFFIX):
            flow = message.dataflow[flow_id]
            known = {name: flow.structure.dimensions.get(name).local_representation.enumerated.items for name in named}
            codes = {
                "FREQ": FREQUENCIES,
                "MEASURE": (indicator.measure_code,),
                # Codes of test areas are in the message only if the release has test areas.
                **{
                    name: [item.code for version in named[name] for item in code_lists[version].items
                           if item.code in known[name]]
                    for name in named
                },
            }  # fmt: skip
            _add(message, flow, "CCR", common.ConstraintRoleType.allowable, _ALLOWED, _region(flow, codes))


def _region(flow: v21.DataflowDefinition, codes: Mapping[str, Sequence[str]]) -> common.CubeRegion:
    """Dimensions in the order of the structure, codes in that of their list."""
    region = common.CubeRegion(included=True)
    for dimension in flow.structure.dimensions.components:
        if dimension.id not in codes:
            continue
        wanted = set(codes[dimension.id])
        values = [v21.MemberValue(code) for code in dimension.local_representation.enumerated.items if code in wanted]
        if len(values) < len(wanted):
            unknown = sorted(wanted - {value.value for value in values})
            raise ValueError(f"{flow.id}: {dimension.id} has no code {', '.join(unknown)}")
        region.member[dimension] = v21.MemberSelection(values_for=dimension, values=values)
    return region


def _add(
    message: StructureMessage,
    flow: v21.DataflowDefinition,
    prefix: str,
    role: common.ConstraintRoleType,
    names: Mapping[str, str],
    region: common.CubeRegion,
) -> None:
    constraint_id = f"{prefix}_{flow.id}"
    constraint = v21.ContentConstraint(
        id=constraint_id,
        role=common.ConstraintRole(role=role),
        content={flow},
        data_content_region=[region],
        **maintained(flow.maintainer, "registry.ContentConstraint", constraint_id),
    )
    constraint.name = text(names)
    message.constraint[constraint_id] = constraint
