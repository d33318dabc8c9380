"""Data providers: the organisations behind the surveys, and which dataflows hold data of theirs.

Here belong the provider scheme and the provision agreements. Organisations come as an argument; nothing here reads a
survey's folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
from sdmx.message import StructureMessage
from sdmx.model import common

from schemas.indicators import Indicator
from sdmx_out.catalogue import TWIN_SUFFIX
from sdmx_out.published_rows import TABLE
from sdmx_out.structures.artefacts import maintained, text

Names = Mapping[str, str]


@dataclass(frozen=True)
class Provider:
    """One organisation.

    Attributes:
        id: as messages name it, e.g. ``ESP`` or, for the second organisation of a country, ``ESP_2``.
        names: language -> name.
    """

    id: str
    names: Names


def providers_of(organisations: Mapping[str, Names]) -> dict[str, Provider]:
    """Survey -> its provider; surveys of a country whose organisation has the same English name share one.

    Args:
        organisations: survey as the release names it (``ESP_CENSUS``: its country comes first) -> language -> name.
    """
    found: dict[str, Provider] = {}
    by_country: dict[str, dict[str, Provider]] = {}
    for survey in sorted(organisations):
        country, names = survey.split("_", 1)[0], organisations[survey]
        known = by_country.setdefault(country, {})
        if names["en"] not in known:
            number = len(known) + 1
            known[names["en"]] = Provider(country if number == 1 else f"{country}_{number}", names)
        found[survey] = known[names["en"]]
    return found


def provided(
    connection: duckdb.DuckDBPyConnection, indicators: Sequence[Indicator], providers: Mapping[str, Provider]
) -> dict[str, list[Provider]]:
    """Dataflow (and its twin) -> the providers of the rows of the release, in the order of their ids.

    Args:
        connection: holds the table of the release's rows.
        indicators: those of the release.
        providers: survey -> its provider.

    Raises:
        KeyError: if rows are of a survey without a provider.
    """
    by_indicator: dict[str, dict[str, Provider]] = {}
    for indicator, survey in connection.execute(f"SELECT DISTINCT indicator, survey FROM {TABLE}").fetchall():
        provider = providers[survey]
        by_indicator.setdefault(indicator, {})[provider.id] = provider
    found: dict[str, list[Provider]] = {}
    for item in indicators:
        told = [provider for _, provider in sorted(by_indicator.get(item.id, {}).items())]
        if told:
            found[item.dataflow] = found[item.dataflow + TWIN_SUFFIX] = told
    return found


def add_providers(message: StructureMessage, told: Mapping[str, Sequence[Provider]], agency: common.Agency) -> None:
    """Add the provider scheme and, for each dataflow and provider, an agreement ``PA_<provider>_<dataflow>``."""
    wanted = {provider.id: provider for providers in told.values() for provider in providers}
    if not wanted:
        return
    scheme = common.DataProviderScheme(
        id="DATA_PROVIDERS",
        # As with agencies, the standard lets nobody call such a scheme final.
        **{**maintained(agency, "base.DataProviderScheme", "DATA_PROVIDERS"), "is_final": False},
    )
    scheme.name = text({"en": "Data providers", "fr": "Fournisseurs de données", "es": "Proveedores de datos"})
    made = {key: common.DataProvider(id=key, name=text(wanted[key].names)) for key in sorted(wanted)}
    scheme.extend(made.values())
    message.add(scheme)
    for flow in list(message.dataflow.values()):
        for provider in told.get(flow.id, ()):
            agreement_id = f"PA_{provider.id}_{flow.id}"
            agreement = common.ProvisionAgreement(
                id=agreement_id,
                structure_usage=flow,
                data_provider=made[provider.id],
                **maintained(agency, "registry.ProvisionAgreement", agreement_id),
            )
            agreement.name = flow.name
            message.add(agreement)
