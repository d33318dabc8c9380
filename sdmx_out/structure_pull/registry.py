"""What an SDMX registry serves: code lists and data structures, read through sdmx1's client.

Here belongs the conversation with the registry, in SDMX REST 1.5 and SDMX-ML 2.1. What is different from ours is said
in ``difference``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import requests
import sdmx
from lxml.etree import XMLSyntaxError
from sdmx.message import StructureMessage
from sdmx.model import common, v21

from schemas.errors import InputError, Problem

#: Where ILO serves its structures.
ILO_URL = "https://sdmx.ilo.org/rest"
LANGUAGES = ("en", "fr", "es")
_TIMEOUT = 60.0
#: What the client raises when an answer is no message that it can read has no base of its own.
_NO_MESSAGE = (
    *(AssertionError, KeyError, RuntimeError, ValueError),
    *(XMLSyntaxError, sdmx.exceptions.ParseError, sdmx.exceptions.XMLParseError),
)


@dataclass(frozen=True)
class ServedCode:
    """One code as it is served.

    Attributes:
        code: its id.
        labels: language -> label, for the languages that are served.
        parent: code that holds it, or None.
        is_total: what its annotation IS_TOTAL says; None without one.
    """

    code: str
    labels: Mapping[str, str]
    parent: str | None
    is_total: bool | None


@dataclass(frozen=True)
class ServedStructure:
    """A data structure as it is served: its components in their order, time included."""

    id: str
    dimensions: tuple[str, ...]
    attributes: tuple[str, ...]


class Registry:
    """An SDMX registry; every call is one request."""

    def __init__(self, url: str, agency: str) -> None:
        """Says where it is and whose structures are asked for; asks nothing yet.

        Args:
            url: of the service, up to the resource.
            agency: id of the maintenance agency.
        """
        self.url, self.agency = url.rstrip("/"), agency
        # The client takes the agency of a request from its source.
        sdmx.add_source({"id": agency, "name": agency, "url": self.url}, override=True)
        self._client = sdmx.Client(agency)

    def code_list(self, list_id: str) -> tuple[ServedCode, ...] | None:
        """Return the codes of a list in their order; None if the registry has no such list.

        Raises:
            InputError: REGISTRY_UNREACHABLE, REGISTRY_ANSWER.
        """
        message = self._get("codelist", list_id)
        if message is None or not message.codelist:
            return None
        return tuple(_codes(next(iter(message.codelist.values()))))

    def structure(self, structure_id: str) -> ServedStructure | None:
        """Return a data structure; None if the registry has none of that id.

        Raises:
            InputError: REGISTRY_UNREACHABLE, REGISTRY_ANSWER.
        """
        message = self._get("datastructure", structure_id)
        if message is None or not message.structure:
            return None
        found: v21.DataStructureDefinition = next(iter(message.structure.values()))
        return ServedStructure(found.id, _ids(found.dimensions.components), _ids(found.attributes.components))

    def _get(self, kind: str, identifier: str) -> StructureMessage | None:
        place = f"{self.url}/{kind}/{self.agency}/{identifier}"
        try:
            message = self._client.get(
                kind, identifier, agency_id=self.agency, params={"references": "none"}, timeout=_TIMEOUT
            )
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else None
            if status == requests.codes.not_found:
                return None
            raise _refused(place, "REGISTRY_UNREACHABLE", f"the registry answers {status}", "try again later") from None
        except requests.RequestException as error:
            remedy = "check the address (--url) and the network"
            raise _refused(place, "REGISTRY_UNREACHABLE", f"no answer: {type(error).__name__}", remedy) from None
        except _NO_MESSAGE:
            remedy = "check that the address is an SDMX REST service"
            raise _refused(place, "REGISTRY_ANSWER", "the answer is no SDMX-ML 2.1 message", remedy) from None
        if not isinstance(message, StructureMessage):
            remedy = "check that the address is an SDMX REST service"
            raise _refused(place, "REGISTRY_ANSWER", "the answer is no structure message", remedy)
        return message


def _refused(place: str, rule: str, message: str, remedy: str) -> InputError:
    return InputError([Problem(place, None, rule, message, remedy)])


def _ids(components: Sequence[common.Component]) -> tuple[str, ...]:
    return tuple(item.id for item in components)


def _codes(codelist: common.Codelist) -> Iterator[ServedCode]:
    for code in codelist:
        said = {str(note.type): note.title or str(note.text) for note in code.annotations}
        labels = {language: code.name.localizations.get(language, "") for language in LANGUAGES}
        yield ServedCode(
            code=code.id,
            labels={language: label for language, label in labels.items() if label},
            parent=code.parent.id if isinstance(code.parent, common.Code) else None,
            is_total={"Y": True, "N": False}.get(said.get("IS_TOTAL", "")),
        )
