"""The category scheme of topics, and where in it each dataflow stands.

Here belong the topics' names and the categorisations. Topics of ILOSTAT are named as ILOSTAT names them.
"""

from collections.abc import Sequence

from sdmx.message import StructureMessage
from sdmx.model import common

from schemas.indicators import Indicator
from sdmx_out.catalogue import TWIN_SUFFIX
from sdmx_out.structures.artefacts import maintained, text
from sdmx_out.structures.concept_names import DATABASES, TOPICS

SCHEME = "CAS_TOPICS"


def add_topics(message: StructureMessage, indicators: Sequence[Indicator], agency: common.Agency) -> None:
    """Add the scheme (databases, and topics below them) and one categorisation per dataflow and twin."""
    scheme = common.CategoryScheme(id=SCHEME, **maintained(agency, "categoryscheme.CategoryScheme", SCHEME))
    scheme.name = text({"en": "Topics", "fr": "Thèmes", "es": "Temas"})
    found = {(item.database, item.topic) for item in indicators}
    categories: dict[tuple[str, str], common.Category] = {}
    for database, names in DATABASES.items():
        topics = [topic for topic in TOPICS if (database, topic) in found]
        if not topics:
            continue
        above = common.Category(id=database, name=text(names))
        for topic in topics:
            # sdmx1 finds a category below another only if no other has its id.
            categories[database, topic] = common.Category(id=f"{database}_{topic}", name=text(TOPICS[topic]))
            above.append_child(categories[database, topic])
        scheme.append(above)
    message.add(scheme)
    for indicator in indicators:
        category = categories[indicator.database, indicator.topic]
        for flow_id in (indicator.dataflow, indicator.dataflow + TWIN_SUFFIX):
            flow = message.dataflow[flow_id]
            categorisation_id = f"CAT_{flow_id}"
            placed = common.Categorisation(
                id=categorisation_id,
                artefact=flow,
                category=category,
                **maintained(agency, "categoryscheme.Categorisation", categorisation_id),
            )
            placed.name = text(TOPICS[indicator.topic])
            message.add(placed)
