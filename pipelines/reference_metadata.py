"""Reference metadata of surveys and rounds, gathered from specifications and from facts of coverage and quality.

Here belong which surveys are described and what of a specification is public. The sentences are in
``reference_metadata_words``; messages and pages are made in ``sdmx_out``.

Free text of a specification is published where it is meant for readers: titles, the reference week, why a question has
no answer, sources, reasons of breaks, and the part of NOTES.md under the heading ``## Published``. The rest of
NOTES.md, the reasons of corrections and of declared defects tell of single persons, and stay with the office.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from pipelines.quality import COLUMNS
from pipelines.reference_metadata_words import SENTENCES, SurveyWriter, original, round_text
from pipelines.sign_off.texts import LANGUAGES, Words, typeset
from schemas.codes import load_code_lists
from schemas.errors import InputError, Problem
from schemas.periods import Period
from schemas.survey_spec import SurveySpec
from sdmx_out.csv_text import literal
from sdmx_out.metadata.report import Piece, Pieces, Report

Row = Mapping[str, str]

_ORIGINAL = re.compile("\x02([^\x03]*)\x03")
_PUBLISHED = re.compile(r"^## Published[ \t]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_MARKDOWN = re.compile(r"[*`]+")


def quality_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> list[Row]:
    """Return the facts of coverage and quality of some ``quality.parquet``, each once, in order.

    Args:
        connection: DuckDB, allowed to read the files.
        files: with the columns of ``pipelines.quality.COLUMNS``.
    """
    if not files:
        return []
    columns = ", ".join(f"coalesce({column}, '') AS {column}" for column in COLUMNS)
    paths = ", ".join(literal(str(path)) for path in sorted(files))
    found = connection.execute(f"SELECT DISTINCT {columns} FROM read_parquet([{paths}]) ORDER BY ALL").fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) for row in found]


def reports(specs: Mapping[str, SurveySpec], rows: Iterable[Row]) -> tuple[Report, ...]:
    """Return a report of every survey that has rounds among the rows, and one of each of these rounds.

    Args:
        specs: survey key -> specification; those without rounds are not described.
        rows: facts of coverage and quality in the columns of ``pipelines.quality.COLUMNS``.

    Raises:
        InputError: a survey has rounds, but no specification.
    """
    by_round: dict[str, dict[Period, list[Row]]] = {}
    for row in rows:
        by_round.setdefault(row["survey"], {}).setdefault(Period.parse(row["time"]), []).append(row)
    if unknown := sorted(by_round.keys() - specs.keys()):
        message = f"there is no specification of {', '.join(unknown)}, which has rounds"
        raise InputError(
            [Problem("reference metadata", None, "SPEC_SURVEY_MISSING", message, "give the folder of specifications")]
        )
    made: list[Report] = []
    for survey in sorted(by_round):
        rounds = sorted(by_round[survey])
        made.append(survey_report(specs[survey], rounds))
        made += [round_report(specs[survey], period, by_round[survey][period]) for period in rounds]
    return tuple(made)


def survey_report(spec: SurveySpec, rounds: Sequence[Period] = ()) -> Report:
    """Return what is told of a survey.

    Args:
        spec: the survey.
        rounds: periods of its rounds that are published.
    """
    writers = {language: SurveyWriter(spec, _words(language), tuple(rounds)) for language in LANGUAGES}
    texts = {
        attribute: {language: pieces(sentence(writer)) for language, writer in writers.items()}
        for attribute, sentence in SENTENCES.items()
    }
    if comment := published_notes(spec.folder):
        texts["COMMENT_DSET"] = dict.fromkeys(LANGUAGES, pieces(original(comment)))
    return Report(spec.key, spec.survey.area, _title(spec), texts)


def round_report(spec: SurveySpec, period: Period, rows: Sequence[Row]) -> Report:
    """Return what is told of a round: one text per fact.

    Args:
        spec: the survey.
        period: the round's reference period.
        rows: the round's facts, in the columns of ``pipelines.quality.COLUMNS``.
    """
    words = {language: _words(language) for language in LANGUAGES}
    order = {item.code: item.order for item in load_code_lists()["QUALITY_ITEM"].items}
    texts = {
        row["item"]: {language: pieces(round_text(words[language], row)) for language in LANGUAGES}
        for row in sorted(rows, key=lambda row: order[row["item"]])
    }
    return Report(spec.key, spec.survey.area, _title(spec), texts, period.sdmx)


def _words(language: str) -> Words:
    return Words.of(language, "reference_metadata")


def _title(spec: SurveySpec) -> dict[str, str]:
    return {language: typeset(getattr(spec.survey.title, language), language) for language in LANGUAGES}


def pieces(text: str) -> Pieces:
    """Return a text of ``reference_metadata_words`` in pieces: what ``original`` has marked stands apart."""
    parts = _ORIGINAL.split(text)
    return tuple(Piece(part, bool(place % 2)) for place, part in enumerate(parts) if part)


def published_notes(folder: Path) -> str:
    """Return what stands under ``## Published`` in NOTES.md, on one line and without Markdown's signs, or ''."""
    path = folder / "NOTES.md"
    found = _PUBLISHED.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return " ".join(_MARKDOWN.sub("", found[1]).split()) if found else ""
