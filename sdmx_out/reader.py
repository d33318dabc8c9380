"""The engine with which releases are read.

Here belongs how it is opened: one thread, little memory, a folder of its own to spill to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import duckdb

_MEMORY = "256MB"


@contextmanager
def open_reader() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine to read tables of releases with: that of a release may be bounded to what it is made from."""
    with (
        TemporaryDirectory() as spill,
        duckdb.connect(config={"threads": 1, "memory_limit": _MEMORY, "temp_directory": spill}) as engine,
    ):
        engine.execute("SET enable_progress_bar = false")
        yield engine
