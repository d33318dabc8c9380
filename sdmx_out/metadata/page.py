"""Reference metadata as pages: one per survey and language, to read and to print.

Here belong what stands on a page and its words. What is told does not belong here.
"""

from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape

from sdmx_out.catalogue import LANGUAGES, TEST_TITLE
from sdmx_out.metadata.report import TITLE, Report
from sdmx_out.structures.metadata_structure import Attribute, Structure

PAGE = "reference_metadata.html"
#: Rounds that a page shows, the last ones; ``quality.csv`` has all.
ROUNDS = 4
_WORDS = {
    "contents": {"en": "Contents", "fr": "Sommaire", "es": "Contenido"},
    "skip": {"en": "Go to the content", "fr": "Aller au contenu", "es": "Ir al contenido"},
    "languages": {"en": "Languages", "fr": "Langues", "es": "Idiomas"},
    "original": {
        "en": "Text in quotation marks is of the national specification, in its own language.",
        "fr": "Le texte entre guillemets est celui de la spécification nationale, dans sa langue.",
        "es": "El texto entre comillas es el de la especificación nacional, en su idioma.",
    },
    "rounds": {
        "en": "Coverage and quality of the rounds",
        "fr": "Couverture et qualité des passages",
        "es": "Cobertura y calidad de las rondas",
    },
    "round": {"en": "Round of", "fr": "Passage de", "es": "Ronda de"},
    "item": {"en": "Item", "fr": "Élément", "es": "Elemento"},
    "value": {"en": "Value", "fr": "Valeur", "es": "Valor"},
    "more": {
        "en": "The last rounds are shown; the file quality.csv of the release has all of them.",
        "fr": "Les derniers passages sont indiqués; le fichier quality.csv de la diffusion les contient tous.",
        "es": "Se muestran las últimas rondas; el archivo quality.csv de la difusión las contiene todas.",
    },
}
_LANGUAGE_NAMES = {"en": "English", "fr": "Français", "es": "Español"}


def pages(reports: Sequence[Report], found: Sequence[Structure], *, is_test: bool) -> Iterator[tuple[str, str, str]]:
    """Yield survey, language and page of every survey, with its last rounds.

    Args:
        reports: as ``checked`` returns them.
        found: the metadata structures.
        is_test: whether the pages say that this is no national statistic.
    """
    environment = Environment(
        autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    source = resources.files("sdmx_out").joinpath(f"templates/{PAGE}").read_text(encoding="utf-8")
    template = environment.from_string(source)
    rounds: dict[str, list[Report]] = {}
    for report in reports:
        if report.time:
            rounds.setdefault(report.survey, []).append(report)
    of_surveys, of_rounds = found
    for report in (report for report in reports if not report.time):
        mine = rounds.get(report.survey, [])
        for language in LANGUAGES:
            told = _sections(report, of_surveys.attributes, language)
            shown = [
                {"time": one.time, "groups": _sections(one, of_rounds.attributes, language)}
                for one in mine[: -ROUNDS - 1 : -1]
            ]
            page = template.render(
                language=language,
                kind=TITLE[language],
                title=report.title[language],
                area=report.ref_area,
                test=TEST_TITLE[language] if is_test else "",
                t={key: texts[language] for key, texts in _WORDS.items()},
                others=[(_LANGUAGE_NAMES[other], other, f"{report.survey}_{other}.html") for other in LANGUAGES],
                sections=told,
                rounds=shown,
                has_more=len(mine) > ROUNDS,
                has_original=_has_original([report, *mine[-ROUNDS:]], language),
            )
            yield report.survey, language, page if page.endswith("\n") else page + "\n"


def _sections(report: Report, attributes: Sequence[Attribute], language: str) -> list[dict[str, Any]]:
    """Return the sections of the first level, each with its blocks; those of which nothing is told are left out."""
    made = [
        {"id": attribute.id, "name": attribute.name[language], "blocks": _blocks(report, attribute, language)}
        for attribute in attributes
    ]
    return [section for section in made if section["blocks"]]


def _blocks(report: Report, attribute: Attribute, language: str) -> list[dict[str, Any]]:
    """Return stretches of rows: first those of the section itself, without a heading, then those of a deeper level."""
    own: list[dict[str, Any]] = []
    deeper: list[dict[str, Any]] = []
    for child in attribute.children or (attribute,):
        rows = [
            {"name": leaf.name[language], "pieces": report.texts[leaf.id][language]}
            for leaf in child.leaves()
            if leaf.id in report.texts
        ]
        if rows and child.children:
            deeper.append({"name": child.name[language], "rows": rows})
        else:
            own += rows
    return [{"name": "", "rows": own}, *deeper] if own else deeper


def _has_original(reports: Sequence[Report], language: str) -> bool:
    return any(piece.is_original for one in reports for texts in one.texts.values() for piece in texts[language])
