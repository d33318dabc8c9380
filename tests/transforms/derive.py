"""Columns that are derived from harmonised ones, over rows given as tuples."""

from types import SimpleNamespace

import duckdb
import pandas as pd

from schemas.concepts import load_concepts
from transforms.derivation import Context
from transforms.derived import derived_columns

_TYPES = {"boolean": "BOOLEAN", "number": "DOUBLE", "code": "VARCHAR", "text": "VARCHAR"}


def specification(hours=35.0, size=5, **classifications):
    """The parts of a survey's specification that derivations of the labour force and the job read."""
    return SimpleNamespace(
        labour_force=SimpleNamespace(underemployment_hours=hours),
        informality=SimpleNamespace(establishment_size=size),
        concepts={name: SimpleNamespace(classification=version) for name, version in classifications.items()},
    )


def context(columns, spec=None):
    """What is known once these columns are there and all that follows from them is derived."""
    spec = spec or specification()
    known = frozenset(columns)
    derived = derived_columns(Context(spec, None, known), known)
    return Context(spec, None, known | {name for name, _ in derived})


def derive(columns, rows, wanted, spec=None):
    """Return the wanted columns, one tuple per row and in the order of the rows.

    Raises:
        KeyError: where a wanted column is not derived from these columns.
    """
    concepts = load_concepts()
    connection = duckdb.connect()
    frame = pd.DataFrame([(number, *row) for number, row in enumerate(rows)], columns=["n", *columns], dtype=object)
    connection.register("frame", frame)
    casts = ", ".join(f"{name}::{_TYPES[concepts[name].kind]} AS {name}" for name in columns)
    relation = f"SELECT n::INTEGER AS n, {casts} FROM frame"
    known = frozenset(columns)
    made = dict(derived_columns(Context(spec or specification(), None, known), known))
    for name, sql in made.items():
        relation = f"SELECT *, {sql} AS {name} FROM ({relation})"
    for name in wanted:
        made[name]
    return connection.execute(f"SELECT {', '.join(wanted)} FROM ({relation}) ORDER BY n").fetchall()
