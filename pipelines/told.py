"""What releases have told already of an area and year: it cannot be hidden any more, and whoever attacks knows it.

Only what still stands in a release is read: a withdrawn figure is gone from all of them.
"""

from pathlib import Path

import pandas as pd

from sdmx_out.csv_text import read_csv

#: Columns of told rows: which cell, and the number as printed.
COLUMNS = ("indicator", "freq", "time", "sex", "classif1", "classif2", "told")
_BULK = "data/ilostat"


def told_rows(releases: Path, partition: str, *, is_test: bool) -> pd.DataFrame:
    """Return every number that any release tells of an area in the periods of a year, once each.

    Args:
        releases: the folder of all releases.
        partition: area and year.
        is_test: whether releases of test extracts are meant, or those of national statistics.
    """
    area, year = partition.removesuffix("-test").rsplit("_", 1)
    rows: dict[tuple[str, ...], None] = {}
    seen: set[int] = set()
    for folder in told_by(releases, is_test=is_test):
        for path in sorted((folder / _BULK).glob("*.csv")):
            # Releases share unchanged files.
            if (node := path.stat().st_ino) in seen:
                continue
            seen.add(node)
            freq = path.stem.rsplit("_", 1)[1]
            for row in read_csv(path):
                if row["ref_area"] == area and row["obs_value"] and row["time"].startswith(year):
                    cell = (row["indicator"], freq, _sdmx(row["time"]), row["sex"], row["classif1"], row["classif2"])
                    rows[(*cell, row["obs_value"])] = None
    frame = pd.DataFrame(sorted(rows), columns=list(COLUMNS), dtype=object)
    for name in ("classif1", "classif2"):
        frame[name] = frame[name].replace("", None)
    return frame.assign(told=frame["told"].astype(float))


def told_by(releases: Path, *, is_test: bool) -> list[Path]:
    """Return the releases of one kind, by name."""
    folders = (path for path in sorted(releases.glob("*")) if path.is_dir() and not path.is_symlink())
    return [path for path in folders if not path.name.startswith(".") and path.name.startswith("test-") == is_test]


def _sdmx(time: str) -> str:
    """Return a period as it is written in the tables: 2024-Q1 for 2024Q1, 2013-03 for 2013M03."""
    year, rest = time[:4], time[4:]
    return year if not rest else f"{year}-{rest.removeprefix('M')}"
