"""DuckDB, opened in one place.

In memory over Parquet, one thread (summation order then does not change results), bounded memory with
spilling into the scratch folder, no extensions from outside, access to named folders only, and the
configuration locked.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY_LIMIT = "400MB"

#: Format of scratch files of many text columns: with row groups of the usual size their buffers spill.
WORK_FORMAT = "(FORMAT parquet, ROW_GROUP_SIZE 16384)"


class EngineError(Exception):
    """A query failed; the message names the step only, for the engine's own text quotes values."""


@contextmanager
def open_engine(
    scratch: Path, readable: Sequence[Path], memory_limit: str = MEMORY_LIMIT
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB for one step.

    Args:
        scratch: folder that may be written and that DuckDB spills into.
        readable: further folders that queries may touch.
        memory_limit: DuckDB's own bound.

    Raises:
        EngineError: a query failed inside the ``with`` block.
    """
    spill = scratch / "spill"
    spill.mkdir(mode=0o700, exist_ok=True)
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": memory_limit,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": True,
        },
    )
    allowed = [str(folder.resolve()) for folder in (scratch, *readable)]
    connection.execute("SET allowed_directories = ?", [allowed])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        yield connection
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        # These speak of the query, which holds codes of specifications but no person's value.
        raise EngineError(f"the database refused a step: {str(error).splitlines()[0]}") from None
    except duckdb.Error as error:
        raise EngineError(f"the database refused a step: {type(error).__name__}") from None
    finally:
        connection.close()


def path_literal(path: Path) -> str:
    """Return a path as a SQL string literal."""
    return "'" + str(path).replace("'", "''") + "'"
