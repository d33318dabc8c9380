"""What calibration explains of the sums of one round, read from its stored psu_totals.

The mathematics is that of ``transforms.calibration``; here belong the tables that it needs: the weights before
calibration by pairs of categories, and the calibrated weights by category and unit.
"""

from collections.abc import Sequence

import duckdb
import numpy as np

from pipelines.engine import path_literal
from pipelines.intake import split_round
from pipelines.storage import Table
from schemas.survey_estimation import Calibration
from transforms import calibration
from transforms.variance import Floats, Integers


class CalibratedRound:
    """The calibration of one round: its categories, and what they explain of sums by unit."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, given: Calibration, totals: Table) -> None:
        """Read the categories of all margins.

        Args:
            connection: DuckDB.
            given: [calibration] of the survey.
            totals: psu_totals of the round.
        """
        pairs = connection.execute(
            f"FROM read_parquet({path_literal(totals.folder / 'calibration_gram.parquet')})"
        ).fetchall()
        self.categories: list[tuple[str, str]] = sorted({(margin, category) for margin, category, *_ in pairs})
        self._place = {name: place for place, name in enumerate(self.categories)}
        self._gram = np.zeros((len(self.categories), len(self.categories)))
        for margin1, category1, margin2, category2, total in pairs:
            self._gram[self._place[margin1, category1], self._place[margin2, category2]] = total
        units = connection.execute(
            "SELECT margin, category, unit, total FROM "
            f"read_parquet({path_literal(totals.folder / 'calibration_units.parquet')})"
        ).fetchall()
        self._unit_places = np.array([self._place[margin, category] for margin, category, *_ in units], dtype=np.int64)
        self._units = np.array([row[2] for row in units], dtype=np.int64)
        self._weights = np.array([row[3] for row in units], dtype=float)
        self._constraints = calibration.constraints_of(given.margins, split_round(totals.partition)[1], self.categories)

    def places(self, margins: Sequence[str], categories: Sequence[str]) -> Integers:
        """Return the positions of categories of margins, in the order given."""
        return np.array([self._place[pair] for pair in zip(margins, categories, strict=True)], dtype=np.int64)

    def coefficients(self, cross: Floats) -> Floats:
        """Return the regression of variables on the categories: cells x categories.

        Args:
            cross: sums of weights before calibration x variable, cells x categories.
        """
        return calibration.projection(cross, self._gram, self._constraints)

    def by_unit(self, positions: Integers, first: int, last: int) -> Floats:
        """Return calibrated weights by category and unit: categories x units ``first`` to ``last`` of a stack.

        Args:
            positions: position in the stack of each unit of the round.
            first: first unit.
            last: last unit, exclusive.
        """
        block = np.zeros((len(self.categories), last - first))
        place = positions[self._units] - first
        inside = (place >= 0) & (place < last - first)
        np.add.at(block, (self._unit_places[inside], place[inside]), self._weights[inside])
        return block
