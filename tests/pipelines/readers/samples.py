"""Small sound files of every format that the readers take, for the tests that break them."""

import gzip
import io
import zipfile
from datetime import date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.readers.layout import Field, FileLayout
from tests.pipelines.readers.sas_file import missing, write_sas

SECRET = "Zyxwvut"
ROWS = 60
FWF_FIELDS = (("id", 1, 6), ("sex", 7, 1), ("weight", 8, 10), ("name", 18, 10))


def layout(format: str, *fields: Any, **options: Any) -> FileLayout:
    """A layout; a field is a name, or (name, start, width)."""
    made = tuple(Field(f, "") if isinstance(f, str) else Field(f[0], "", start=f[1], width=f[2]) for f in fields)
    defaults: dict[str, Any] = {"member": None, "encoding": None, "delimiter": None, "header": True}
    return FileLayout(format=format, fields=made, **(defaults | options))


def columns(rows: int = ROWS) -> dict[str, list[Any]]:
    """Columns as a survey has them."""
    return {
        "id": [f"P{number:05d}" for number in range(rows)],
        "sex": [float(1 + number % 2) for number in range(rows)],
        "weight": [100.5 + number / 7 for number in range(rows)],
        "name": [f"{SECRET}{number % 10}" for number in range(rows)],
    }


def csv_text(rows: int = ROWS) -> bytes:
    cells = columns(rows)
    lines = [",".join(cells), *(",".join(map(str, row)) for row in zip(*cells.values(), strict=True))]
    return ("\n".join(lines) + "\n").encode()


def fwf_text(rows: int = ROWS) -> bytes:
    lines = (
        f"{name_id}{sex:.0f}{weight:10.4f}{name:10}"
        for name_id, sex, weight, name in zip(*columns(rows).values(), strict=True)
    )
    return ("\n".join(lines) + "\n").encode()


def pack_zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content, method)
    return out.getvalue()


def workbook(rows: list[list[Any]], titles: tuple[str, ...] = ("Data",)) -> bytes:
    """A workbook whose sheets all hold the same rows."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for title in titles:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@cache
def sound(kind: str) -> bytes:
    """One sound file of one of KINDS; ``uncounted`` is a sav whose header does not count its rows."""
    cells = columns()
    if kind == "uncounted":
        content = bytearray(sound("sav"))
        content[80:84] = b"\xff" * 4
        return bytes(content)
    if kind == "csv":
        return csv_text()
    if kind == "csv.gz":
        return gzip.compress(csv_text(), mtime=0)
    if kind == "zip":
        return pack_zip(("persons.csv", csv_text()), ("readme.pdf", b"%PDF-1.7"))
    if kind == "fwf":
        return fwf_text()
    if kind == "xlsx":
        dates = [date(2020, 1, 1), datetime(2020, 1, 1, 10, 30)]  # noqa: DTZ001
        rows = [[*row, dates[number % 2]] for number, row in enumerate(zip(*cells.values(), strict=True))]
        return workbook([[*cells, "born"], *rows])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "persons"
        _write_package(path, kind, cells)
        return path.read_bytes()


def _write_package(path: Path, kind: str, cells: dict[str, list[Any]]) -> None:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyreadstat

    if kind == "sas7bdat":
        cells["weight"][3] = missing("A")
        write_sas(path, cells, labels={"sex": "Sex"}, formats={"weight": "BEST"}, page_bytes=2048)
    elif kind == "parquet":
        pq.write_table(pa.table(cells), path)
    elif kind in ("sav", "zsav"):
        labels = {"sex": {1.0: "Man", 2.0: "Woman"}}
        pyreadstat.write_sav(
            pd.DataFrame(cells), path, column_labels={"sex": "Sex"}, variable_value_labels=labels,
            compress=kind == "zsav",
        )  # fmt: skip
    else:
        labels = {"sex": {1: "Man", 2: "Woman"}}
        frame = pd.DataFrame(cells).astype({"sex": "int8"})
        version = {"dta117": 13, "dta118": 14}[kind]
        pyreadstat.write_dta(frame, path, version=version, column_labels={"sex": "Sex"}, variable_value_labels=labels)


FORMATS = {"csv.gz": "csv", "zip": "csv", "dta117": "dta", "dta118": "dta", "zsav": "sav", "uncounted": "sav"}
KINDS = ("csv", "csv.gz", "fwf", "dta117", "dta118", "sav", "zsav", "uncounted", "sas7bdat", "xlsx", "parquet", "zip")


def layout_of(kind: str) -> FileLayout:
    """The layout that a sound file of this kind has."""
    fields = FWF_FIELDS if kind == "fwf" else ("id", "sex")
    return layout(FORMATS.get(kind, kind), *fields)
