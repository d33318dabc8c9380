"""Where the real surveys are: read in place, never copied into the project."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def microdata(name: str) -> Path:
    """Return a real survey's file; skip where it is absent, but fail under CI."""
    path = Path(os.environ.get("ILMS_MICRODATA") or ROOT.parent / "shared" / "microdata") / name
    if not path.exists():
        message = f"{name} is not in the folder of real surveys: set ILMS_MICRODATA"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
