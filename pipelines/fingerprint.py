"""What code and data figures were made with, as a hash: what did not change is not computed again."""

import hashlib
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import duckdb
import numpy as np
import scipy

#: Modules of this package that figures depend on.
_OWN = (
    "calibration.py", "calibration_residuals.py", "checks.py", "coherence_checks.py", "cube_rows.py", "cube_sums.py",
    "design_checks.py", "engine.py", "estimates.py", "medians.py", "needs.py", "quality.py", "rounds.py", "support.py",
    "totals.py",
)  # fmt: skip


@cache
def code_fingerprint() -> str:
    """Return a hash of the code and data that turn a raw extract into estimates, and of the engines."""
    engines = (duckdb.__version__, np.__version__, scipy.__version__, version("highspy"))
    digest = hashlib.sha256(" ".join(engines).encode())
    for name in _OWN:
        digest.update((Path(__file__).parent / name).read_bytes())
    for package in ("schemas", "transforms"):
        root = Path(str(resources.files(package)))
        for path in sorted(root.rglob("*")):
            if path.suffix in {".py", ".toml", ".csv"} and "surveys" not in path.parts:
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:20]
