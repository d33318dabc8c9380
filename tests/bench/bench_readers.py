"""Rows per second and peak memory of the readers, each file read in a process of its own.

Binary formats are read in a further process, whose peak is told apart. Run from the root of the project:
python tests/bench/bench_readers.py [csv] [fwf] [dta] [sav] [sas7bdat] [parquet] [xlsx]
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COLUMNS = 100
ROWS = {
    **{"csv": 1_000_000, "fwf": 1_000_000, "dta": 300_000, "sav": 300_000},
    **{"sas7bdat": 100_000, "parquet": 1_000_000, "xlsx": 20_000},
}
BLOCK_ROWS = 10_000


def write_text(path: Path, rows: int, is_fixed: bool) -> None:
    """Text as surveys have it: codes, an 18-digit number, a weight, a quoted name."""
    draws = np.random.default_rng(20200101)
    with path.open("w", encoding="utf-8") as stream:
        if not is_fixed:
            stream.write(",".join(f"V{i}" for i in range(COLUMNS)) + "\n")
        for _ in range(rows // BLOCK_ROWS):
            cells = draws.integers(0, 1000, size=(BLOCK_ROWS, COLUMNS)).astype("U18")
            cells[:, 0] = draws.integers(10**17, 10**18, BLOCK_ROWS).astype("U18")
            cells[:, 1] = np.round(draws.random(BLOCK_ROWS) * 1000, 6).astype("U18")
            cells[:, 2] = "Núñez" if is_fixed else '"Núñez, José"'
            if is_fixed:
                cells = np.char.ljust(cells, 6)
                cells[:, 0] = np.char.ljust(cells[:, 0], 18)
                cells[:, 1] = np.char.ljust(cells[:, 1], 18)
                cells[:, 2] = "Núñez "
            stream.write("\n".join(map(("" if is_fixed else ",").join, cells.tolist())) + "\n")


def write_package(path: Path, rows: int) -> None:
    """The same mixture through the writer of each format."""
    import pandas as pd
    import pyreadstat

    from tests.pipelines.readers.sas_file import write_sas

    draws = np.random.default_rng(20200101)
    frame = pd.DataFrame({f"V{i}": draws.integers(0, 1000, rows).astype(float) for i in range(COLUMNS)})
    frame["V0"] = draws.integers(10**17, 10**18, rows).astype("U18")
    frame["V1"] = np.round(draws.random(rows) * 1000, 6)
    frame["V2"] = "Núñez, José"
    frame.loc[::7, "V3"] = np.nan
    if path.suffix == ".sas7bdat":
        cells = frame.astype(object).where(frame.notna(), None)
        write_sas(path, {name: cells[name].tolist() for name in cells}, page_bytes=65_536)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".xlsx":
        import openpyxl

        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Data")
        sheet.append(list(frame))
        for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
            sheet.append(row)
        book.save(path)
    else:
        (pyreadstat.write_dta if path.suffix == ".dta" else pyreadstat.write_sav)(frame, path)


def write(path: Path) -> None:
    """Write one file to be read."""
    kind = path.suffix[1:]
    if kind in ("csv", "fwf"):
        write_text(path, ROWS[kind], kind == "fwf")
    else:
        write_package(path, ROWS[kind])


def read(path: Path) -> None:
    """Read one file and print the figures; runs in a process of its own."""
    from pipelines.readers import apart
    from pipelines.readers.read import Field, FileLayout, write_raw_extract

    kind = path.suffix[1:]
    fields: tuple[Field, ...] = ()
    if kind == "fwf":
        widths = [18, 18, 8, *[6] * (COLUMNS - 3)]
        starts = np.cumsum([1, *widths[:-1]]).tolist()
        fields = tuple(
            Field(f"V{i}", "", start, width) for i, (start, width) in enumerate(zip(starts, widths, strict=True))
        )
    layout = FileLayout(kind, None, None, None, True, fields)  # type: ignore[arg-type]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun = time.perf_counter()
    info = write_raw_extract(path, layout, path.with_suffix(".parquet"), display_name=path.name, work_dir=path.parent)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    apart.stop_service()
    below = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{kind}: {info.rows:,} x {len(info.columns)} ({path.stat().st_size / 1e6:.0f} MB) "
        f"in {seconds:.1f} s, {info.rows / seconds:,.0f} rows/s, "
        f"peak {peak:.0f} MB of which {before:.0f} MB before reading"
        + (f", and {below:.0f} MB of the reading process" if below else "")
    )


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] in ("read", "write"):
        {"read": read, "write": write}[sys.argv[1]](Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for kind in sys.argv[1:] or ROWS:
            path = Path(folder) / f"persons.{kind}"
            # Neither step here: a child's peak memory starts from that of the process that made it.
            for step in ("write", "read"):
                subprocess.run([sys.executable, __file__, step, str(path)], check=True)
            path.unlink()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
