"""Replicate weights: their names in a layout, and the constants of each method (STANDARDS 7.1)."""

import re
from collections.abc import Iterable

from schemas.survey_estimation import ReplicatesSection

_RANGE = re.compile(r"([^{}]*)\{([0-9]{1,4})\.\.([0-9]{1,4})\}([^{}]*)")
#: Methods whose factors follow from the number of replicates alone: the specification cannot state others.
FIXED = ("BRR", "Fay", "JK2", "SDR")


def expand_variables(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a list of names and patterns stands for: ``REPW{1..3}`` is REPW1, REPW2, REPW3.

    Numbers are as wide as the first one is written: ``W{01..12}`` begins with W01.

    Raises:
        ValueError: a pattern cannot be read, or its numbers do not rise.
    """
    names: list[str] = []
    for pattern in patterns:
        if "{" not in pattern and "}" not in pattern:
            names.append(pattern)
            continue
        found = _RANGE.fullmatch(pattern)
        if found is None or int(found[2]) > int(found[3]):
            raise ValueError(f"{pattern!r} is no name, nor a pattern like REPW{{1..80}}")
        width = len(found[2])
        names += [f"{found[1]}{number:0{width}}{found[4]}" for number in range(int(found[2]), int(found[3]) + 1)]
    return tuple(names)


def replicate_factors(section: ReplicatesSection, n: int) -> tuple[float, tuple[float, ...]]:
    """Return (scale, rscales) of V = scale * sum of rscales * (theta_r - theta)^2 over n replicates.

    BRR 1/n; Fay 1/(n (1 - rho)^2); JK1 (n - 1)/n; JK2 1; JKn 1 with the rscales (n_h - 1)/n_h that the file gives;
    bootstrap 1/n; SDR 4/n; other: 1 unless given. ``scale`` and ``rscales`` of the section go first where the method
    leaves them open: R's svrepdesign takes 1/(n - 1) for a bootstrap.

    Args:
        section: [design.replicates], checked.
        n: number of replicates.
    """
    rscales = section.rscales or (1.0,) * n
    usual = {
        "BRR": 1 / n,
        "Fay": 1 / (n * (1 - (section.fay_rho or 0.0)) ** 2),
        "JK1": (n - 1) / n,
        "bootstrap": 1 / n,
        "SDR": 4 / n,
    }
    scale = usual.get(section.method, 1.0)
    return (section.scale if section.scale is not None else scale), rscales
