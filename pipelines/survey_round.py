"""One survey round in one data folder: its specification, its period, and the engine over its tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.engine import open_engine, path_literal
from pipelines.home import Home
from pipelines.intake import split_round
from pipelines.storage import Table
from schemas.errors import InputError, Problem
from schemas.periods import Period
from schemas.survey_spec import SurveySpec, find_surveys, load_survey


@dataclass(frozen=True)
class Round:
    """One survey round in one data folder."""

    home: Home
    identifier: str
    spec: SurveySpec
    period: Period

    @contextmanager
    def engine(self, *tables: Table) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
        """Open DuckDB with the given tables as views, and a scratch folder."""
        with self.home.scratch() as scratch, open_engine(scratch, [self.home.store]) as connection:
            for table in tables:
                connection.execute(f"CREATE VIEW {table.name} AS FROM read_parquet({path_literal(table.data)})")
            yield connection, scratch


def open_round(home: Home, identifier: str) -> Round:
    """Return a round whose survey has a specification.

    Raises:
        InputError: the survey has no specification (``SURVEY_UNKNOWN``).
        SpecError: the specification does not pass.
    """
    survey, period = split_round(identifier)
    folders = find_surveys(home.spec_dirs)
    if survey not in folders:
        known = ", ".join(sorted(folders))
        raise InputError(
            [
                Problem(
                    survey,
                    None,
                    "SURVEY_UNKNOWN",
                    f"no specification of this survey; known: {known}",
                    "give --specs DIR if it lies outside the package",
                )
            ]
        )
    return Round(home, identifier, load_survey(folders[survey]), period)
