"""DAGSTER_HOME inside the data folder, shared by ``ilms run``, ``ilms dev`` and Dagster's own tools.

Telemetry is off, and Dagster keeps no text of exceptions: an exception's text could hold a person's value.
"""

import logging
import os
from collections.abc import MutableMapping

from pipelines.home import Home
from pipelines.storage import write_atomically

#: As many runs at the same time as ``ilms run`` takes rounds: one per two cores.
_CONFIGURATION = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: {runs}
"""

_REDACTED_ERRORS = "dagster.redacted_errors"


def prepare_dagster(home: Home, environment: MutableMapping[str, str] = os.environ) -> None:
    """Make ``dagster/dagster.yaml`` and set the environment that Dagster reads."""
    folder = home.root / "dagster"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").is_file():
        text = _CONFIGURATION.format(runs=max(1, (os.cpu_count() or 1) // 2))
        write_atomically(folder / "dagster.yaml", text.encode())
    environment["DAGSTER_HOME"] = str(folder.resolve())
    environment["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    environment["DAGSTER_REDACT_USER_CODE_ERRORS"] = "1"
    environment["ILMS_HOME"] = str(home.root.resolve())
    environment["ILMS_SPECS"] = os.pathsep.join(str(folder) for folder in home.spec_dirs)


def withhold_error_texts(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make this process keep texts of exceptions out of Dagster's events and out of its logs.

    Redaction alone is not enough: Dagster then writes the full text to a logger of its own, and what a run writes
    to standard error is kept under DAGSTER_HOME and shown in the browser.
    """
    environment["DAGSTER_REDACT_USER_CODE_ERRORS"] = "1"
    environment.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    logger = logging.getLogger(environment.get("DAGSTER_REDACTED_ERROR_LOGGER_NAME", _REDACTED_ERRORS))
    # A filter outlives the logging configuration that Dagster sets up in every run; ``disabled`` does not.
    logger.addFilter(_without_error)


def _without_error(record: logging.LogRecord) -> bool:
    record.exc_info, record.exc_text = None, None
    return True
