"""The structures of a release, whole: lists and data structures, and all that stands around the dataflows.

Here belongs what a release's structure message holds beside `message.structure_message`: constraints, topics,
providers, maps. Each is built in the module of its name.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sdmx.message import StructureMessage

from schemas.codes import CodeList, SdmxStatus
from schemas.indicators import Indicator
from sdmx_out.catalogue import ILMS, SDMX
from sdmx_out.structures.categories import add_topics
from sdmx_out.structures.constraints import Observed, add_actual, add_allowed
from sdmx_out.structures.cross_domain import add_maps
from sdmx_out.structures.message import structure_message
from sdmx_out.structures.providers import Provider, add_providers


def release_message(
    indicators: Iterable[Indicator],
    code_lists: Mapping[str, CodeList],
    status_map: Mapping[str, SdmxStatus],
    *,
    prepared: date,
    is_test: bool,
    has_test_areas: bool,
    held: Mapping[str, Observed],
    provided: Mapping[str, Sequence[Provider]],
) -> StructureMessage:
    """The structure message of a release.

    Args:
        indicators: those that the release holds.
        code_lists: all code lists of the catalogue by id.
        status_map: ILOSTAT's status letter ('' included) -> its codes in the cross-domain lists.
        prepared: date of the release; the message's only date but for the periods of the data.
        is_test: whether titles and header say that this is no national statistic.
        has_test_areas: whether the test areas' codes are part of the lists.
        held: dataflow (twins too) -> what it holds; a dataflow that is not named has no actual constraint.
        provided: dataflow (twins too) -> the providers of its data.
    """
    chosen = sorted(indicators, key=lambda item: item.id)
    message = structure_message(chosen, code_lists, prepared=prepared, is_test=is_test, has_test_areas=has_test_areas)
    agencies = message.organisation_scheme["AGENCIES"]
    add_topics(message, chosen, agencies[ILMS])
    add_allowed(message, chosen, code_lists)
    add_actual(message, held)
    add_providers(message, provided, agencies[ILMS])
    add_maps(message, code_lists, status_map, {ILMS: agencies[ILMS], SDMX: agencies[SDMX]})
    return message
