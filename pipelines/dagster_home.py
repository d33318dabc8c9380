"""DAGSTER_HOME inside the data folder, shared by ``ilms run``, ``ilms dev`` and Dagster's own tools.

Telemetry is off, and Dagster keeps no text of exceptions: an exception's text could hold a person's value.
"""

import os
from collections.abc import MutableMapping

from pipelines.home import Home
from pipelines.storage import write_atomically

_CONFIGURATION = b"telemetry:\n  enabled: false\n"


def prepare_dagster(home: Home, environment: MutableMapping[str, str] = os.environ) -> None:
    """Make ``dagster/dagster.yaml`` and set the environment that Dagster reads."""
    folder = home.root / "dagster"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").is_file():
        write_atomically(folder / "dagster.yaml", _CONFIGURATION)
    environment["DAGSTER_HOME"] = str(folder.resolve())
    environment["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    environment["DAGSTER_REDACT_USER_CODE_ERRORS"] = "1"
    environment["ILMS_HOME"] = str(home.root.resolve())
    environment["ILMS_SPECS"] = os.pathsep.join(str(folder) for folder in home.spec_dirs)
