"""Reference metadata of a release: what is told of every survey, and of every round of it.

Here belong the reports, the checks at their door, and the flat table. How messages and pages are spelled is said in
``reference_metadata_messages`` and ``reference_metadata_page``, which files there are in ``reference_metadata_files``;
where the sentences come from does not belong here.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.errors import InputError, Problem
from schemas.periods import Period, PeriodError
from schemas.spreadsheet_cells import safe_cell
from sdmx_out.catalogue import LANGUAGES
from sdmx_out.csv_text import csv_lines
from sdmx_out.structures.metadata_structure import Structure

COLUMNS = ("survey", "ref_area", "time", "attribute", "language", "text")
TITLE = {
    "en": "Reference metadata of the surveys",
    "fr": "Métadonnées de référence des enquêtes",
    "es": "Metadatos de referencia de las encuestas",
}
_QUOTES = {"en": ("“", "”"), "fr": ("«\u202f", "\u202f»"), "es": ("«", "»")}
_KEY = re.compile(r"[A-Z]{3}_[A-Z][A-Z0-9]*")
#: Characters that no XML document may hold.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Piece(NamedTuple):
    """A stretch of text; ``is_original`` is said of what the national specification says, in its own language."""

    text: str
    is_original: bool = False


Pieces = tuple[Piece, ...]


@dataclass(frozen=True)
class Report:
    """What is told of a survey, or of one of its rounds.

    Attributes:
        survey: key of the survey, e.g. ZAF_QLFS.
        ref_area: its area.
        title: of the survey, in the three languages.
        texts: attribute -> language -> its text.
        time: SDMX period of the round; '' for the survey as a whole.
    """

    survey: str
    ref_area: str
    title: Mapping[str, str]
    texts: Mapping[str, Mapping[str, Pieces]]
    time: str = ""

    @property
    def id(self) -> str:
        """Id of the report: the survey, and the period of a round."""
        return f"{self.survey}_{self.time}" if self.time else self.survey


def text_of(pieces: Pieces, language: str) -> str:
    """Return a text on one line, with what is not translated in the quotation marks of the language."""
    opening, closing = _QUOTES[language]
    return "".join(f"{opening}{piece.text}{closing}" if piece.is_original else piece.text for piece in pieces)


def texts_of(report: Report, attribute: str) -> dict[str, str]:
    """Return an attribute's text in every language."""
    return {language: text_of(report.texts[attribute][language], language) for language in LANGUAGES}


def checked(reports: Iterable[Report], found: Sequence[Structure]) -> tuple[Report, ...]:
    """Return reports in the order in which they are written: by survey, the survey itself before its rounds.

    Args:
        reports: of surveys and rounds.
        found: the metadata structures that they must keep to.

    Raises:
        InputError: a report stands twice, its key or period is none, a round has no survey, an attribute is unknown,
            a mandatory one or a language is missing, a text is blank or holds a character that XML cannot.
    """
    kept = sorted(reports, key=lambda report: (report.survey, report.time != "", report.time))
    problems = list(_problems(kept, found))
    if problems:
        raise InputError(problems)
    return tuple(kept)


def _problems(reports: Sequence[Report], found: Sequence[Structure]) -> Iterator[Problem]:
    of_surveys, of_rounds = found
    told = {report.survey for report in reports if not report.time}
    for identifier, count in Counter(report.id for report in reports).items():
        if count > 1:
            yield _problem(f"{identifier} stands {count} times")
    for report in reports:
        structure = of_rounds if report.time else of_surveys
        if not _KEY.fullmatch(report.survey) or not _is_period(report.time):
            yield _problem(f"{report.id} is no key of a survey with an SDMX period")
        if report.survey not in told:
            yield _problem(f"{report.id} is a round of a survey that is not described")
        known = {attribute.id for attribute in structure.leaves()}
        if unknown := sorted(set(report.texts) - known):
            yield _problem(f"{report.id} has attributes that {structure.id} has not: {', '.join(unknown)}")
        if missing := [name for name in structure.mandatory() if name not in report.texts]:
            yield _problem(f"{report.id} lacks {', '.join(missing)}")
        for name in report.texts:
            texts = {language: text_of(pieces, language) for language, pieces in report.texts[name].items()}
            if sorted(texts) != sorted(LANGUAGES) or not all(text.strip() for text in texts.values()):
                yield _problem(f"{report.id}: {name} is not told in every language")
            if any(_NO_XML.search(text) for text in texts.values()):
                yield _problem(f"{report.id}: {name} holds a character that XML cannot hold")


def _is_period(time: str) -> bool:
    try:
        return not time or Period.parse(time).sdmx == time
    except PeriodError:
        return False


def _problem(message: str) -> Problem:
    return Problem("reference metadata", None, "REFERENCE_METADATA_INVALID", message, "mend the specification")


def titles(reports: Iterable[Report]) -> dict[str, Mapping[str, str]]:
    """Return survey -> its title: the codes of the list of surveys."""
    return {report.survey: report.title for report in reports if not report.time}


def lines(reports: Sequence[Report], found: Sequence[Structure]) -> Iterator[str]:
    """Yield the header line, then one line per report, attribute and language; a text is never a formula."""
    return csv_lines(COLUMNS, _rows(reports, found))


def _rows(reports: Sequence[Report], found: Sequence[Structure]) -> Iterator[dict[str, str]]:
    of_surveys, of_rounds = found
    for report in reports:
        for attribute in (of_rounds if report.time else of_surveys).leaves():
            if attribute.id in report.texts:
                for language, text in texts_of(report, attribute.id).items():
                    key = (report.survey, report.ref_area, report.time, attribute.id, language)
                    yield dict(zip(COLUMNS, (*key, safe_cell(text)), strict=True))
