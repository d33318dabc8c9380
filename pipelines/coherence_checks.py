"""Checks of figures against each other, against stocks published by others and against the country's own totals.

Here belongs what a difference means for a table: a broken identity stops it; a published stock or total that the
specification gives a tolerance for is held against the round, with the explanation that the country gives. The
identities themselves are in ``transforms.coherence``, the ratios to published stocks in ``quality``.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import duckdb
import pandas as pd

from pipelines.findings import Finding, finding
from pipelines.quality import LANGUAGES, Fact, Facts, reference_stocks
from schemas.periods import Period
from schemas.survey_model import ReferenceStockSection
from schemas.survey_spec import SurveySpec
from transforms.coherence import identities

#: Tables named in the message of a broken identity.
TABLES_SHOWN = 5

#: Criterion -> beginning of the items of coverage and quality about its stock.
_STOCK_ITEMS = {"birth": "FOREIGN_BORN", "citizenship": "NON_CITIZENS"}

_EXPLAINED = {
    "en": "{note}. Explanation of the difference: {text}",
    "fr": "{note}. Explication de l'écart : {text}",
    "es": "{note}. Explicación de la diferencia: {text}",
}


# --- figures against each other ------------------------------------------------------------------


def coherence_findings(
    frame: pd.DataFrame, table: str, pooled: Mapping[str, Collection[str]] | None = None
) -> tuple[list[Finding], dict[str, Any]]:
    """Return one finding per identity that does not hold in every cell, and what was shown.

    Messages tell how many cells differ and by how much of the whole, never a figure.

    Args:
        frame: estimates before rounding, in the columns of round_estimates.
        table: the table's name, for the findings.
        pooled: survey -> indicators whose annual figures are means over several years.

    Returns:
        The findings, and facts: identities that were compared (``identities``) and in how many cells
        (``cells_compared``), the ``largest_difference`` relative to the whole, and the names of the identities that
        had no cell to compare (``not_compared``), which says nothing for or against them.
    """
    found, shown = [], identities(frame, pooled=pooled)
    for one in shown:
        if one.broken:
            tables = ", ".join(one.tables[:TABLES_SHOWN]) + (", ..." if len(one.tables) > TABLES_SHOWN else "")
            text = f"{one.name}: does not hold in {one.broken} of {one.compared} cells"
            text += f", by up to {one.largest:.1e} of the whole" + (f" ({tables})" if tables else "")
            found.append(finding("IDENTITY", table, text, count=one.broken))
    facts = {
        "identities": sum(1 for one in shown if one.compared),
        "cells_compared": sum(one.compared for one in shown),
        "largest_difference": max((one.largest for one in shown), default=0.0),
        "not_compared": [one.name for one in shown if not one.compared],
    }
    return found, facts


# --- stocks published by others ------------------------------------------------------------------


def _compared_stocks(
    spec: SurveySpec, period: Period, facts: Mapping[str, Fact]
) -> Iterator[tuple[str, ReferenceStockSection, float]]:
    """Yield item, published stock and ratio to it of every stock that the round could be compared with."""
    for criterion, beginning in _STOCK_ITEMS.items():
        for group, stock in reference_stocks(spec, period, criterion).items():
            item = f"{beginning}_{group}_RATIO"
            if item in facts and facts[item]["value"] is not None:
                yield item, stock, float(facts[item]["value"])


def _is_beyond(ratio: float, tolerance: float | None) -> bool:
    return tolerance is not None and abs(ratio - 1) > tolerance


def stock_findings(spec: SurveySpec, period: Period, facts: Mapping[str, Fact]) -> list[Finding]:
    """Return a warning per published stock that a round differs from by more than its tolerance, unexplained.

    A stock without a tolerance is for information only (STANDARDS 0.19).

    Args:
        spec: the survey.
        period: the round's reference period.
        facts: coverage and quality of the round, which have the ratios.
    """
    found = []
    for _, stock, ratio in _compared_stocks(spec, period, facts):
        if _is_beyond(ratio, stock.tolerance) and stock.explanation is None:
            ages = f"ages {stock.minimum_age} and over" if stock.minimum_age else "all ages"
            text = (
                f"{ratio:.4f} of the stock by {stock.criterion} of {stock.year} ({ages}), tolerance {stock.tolerance}"
            )
            column = {"birth": "place_of_birth", "citizenship": "citizenship_status"}[stock.criterion]
            found.append(finding("STOCK_RATIO", "harmonised_persons", text, concept=column))
    return found


def with_explanations(spec: SurveySpec, period: Period, facts: Facts) -> Facts:
    """Return coverage and quality with the country's explanation in the notes of the ratios that it is given for.

    Args:
        spec: the survey.
        period: the round's reference period.
        facts: coverage and quality of the round.
    """
    explained = dict(facts)
    for item, stock, _ in _compared_stocks(spec, period, facts):
        if stock.explanation is not None:
            note = facts[item]["note"]
            told = {
                language: _EXPLAINED[language].format(note=note[language], text=stock.explanation)
                for language in LANGUAGES
            }
            explained[item] = {**facts[item], "note": told}
    return explained


# --- the country's published totals --------------------------------------------------------------


def benchmark_findings(
    connection: duckdb.DuckDBPyConnection, spec: SurveySpec, period: Period, conditions: Mapping[str, str]
) -> tuple[list[Finding], list[dict[str, Any]]]:
    """Return findings against the totals that the country published for a round, and what was compared.

    A total beyond its tolerance is an error, unless the specification explains it.

    Args:
        connection: DuckDB with ``work``, one row per person of the whole round.
        spec: the survey.
        period: the round's reference period.
        conditions: universe -> its condition in SQL.

    Returns:
        The findings, and per total its name, universe, ratio, tolerance, whether it is within, and explanation.
    """
    found, facts = [], []
    for benchmark in spec.benchmarks:
        if benchmark.period != period:
            continue
        row = connection.execute(
            f"SELECT coalesce(sum(weight) FILTER ({conditions[benchmark.universe]}), 0) FROM work"
        ).fetchone()
        assert row is not None
        ratio = row[0] / benchmark.value
        is_beyond = _is_beyond(ratio, benchmark.tolerance)
        if is_beyond and benchmark.explanation is None:
            text = f"{benchmark.name}: {ratio:.4f} of the published total, tolerance {benchmark.tolerance}"
            found.append(finding("BENCHMARK", "harmonised_persons", text))
        facts.append(
            {
                "name": benchmark.name,
                "universe": benchmark.universe,
                "ratio": round(ratio, 6),
                "tolerance": benchmark.tolerance,
                "is_within": not is_beyond,
                "explanation": benchmark.explanation,
            }
        )
    return found, facts
