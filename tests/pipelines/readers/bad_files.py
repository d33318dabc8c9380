"""Files that must be refused, each under one rule: what is wrong with it -> its bytes, its layout, the rule.

``python -m tests.pipelines.readers.bad_files CASE...`` reads some of them in this process and writes one line of
JSON for each, and one on the memory taken.
"""

import gzip
import io
import json
import re
import resource
import stat
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.readers import apart, archives
from pipelines.readers.layout import FileLayout, Records
from pipelines.readers.read import write_raw_extract
from schemas.errors import InputError
from tests.pipelines.readers.samples import (
    FWF_FIELDS,
    SECRET,
    csv_text,
    fwf_text,
    layout,
    layout_of,
    pack_zip,
    sound,
    workbook,
)

Case = tuple[Callable[[], bytes], FileLayout, str]

CSV = csv_text()
HEAD = b"A,B\n"
# Far below what the readers allow, so that a bomb is small: what is tested is that it counts.
RATIO_FREE_BYTES = 64 << 20


def zip_member(info: zipfile.ZipInfo, content: bytes = CSV) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, content)
    return out.getvalue()


def link() -> bytes:
    info = zipfile.ZipInfo("persons.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zip_member(info, b"/etc/hostname")


def lying_zip(size: int) -> bytes:
    """A zip whose member claims another size."""
    content = bytearray(sound("zip"))
    for place in (22, content.index(b"PK\x01\x02") + 24):
        content[place : place + 4] = struct.pack("<I", size)
    return bytes(content)


def encrypted() -> bytes:
    content = bytearray(sound("zip"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def gzip_bomb() -> bytes:
    return gzip.compress(bytes(8 << 20), mtime=0) * 10


def xlsx_with(part: str, change: Callable[[bytes], bytes]) -> bytes:
    """A sound workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound("xlsx"))) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            made.writestr(name, change(given.read(name)) if name == part else given.read(name))
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
NAMES = '<row r="1"><c r="A1" t="str"><v>id</v></c></row>'


def sheet_of_rows(rows: str) -> bytes:
    """A sound workbook whose sheet has other rows."""
    return xlsx_with(SHEET, lambda xml: re.sub(rb"<row.*</row>", rows.encode(), xml, flags=re.S))


def long_sheet() -> bytes:
    row = '<row r="{0}"><c r="A{0}"><v>1</v></c></row>'
    return sheet_of_rows(NAMES + "".join(row.format(number) for number in range(2, 200_003)))


def xlsx_bomb() -> bytes:
    """A workbook with a part of 520 MiB of blanks."""
    out = io.BytesIO(sound("xlsx"))
    with (
        zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        made.open("xl/worksheets/sheet2.xml", "w") as part,
    ):
        part.write(b"<x>")
        for _ in range(520):
            part.write(b" " * (1 << 20))
    return out.getvalue()


def entities() -> bytes:
    """The billion laughs."""
    lines = ['<!ENTITY a0 "ha">', *(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))]
    doctype = f"<!DOCTYPE x [{''.join(lines)}]>".encode()
    return xlsx_with(SHEET, lambda xml: re.sub(rb"^(<\?xml.*?\?>)?", lambda head: head.group() + doctype, xml, count=1))


def uncounted(kind: str) -> bytes:
    """A package whose header claims two thousand million rows."""
    content = bytearray(sound(kind))
    if kind == "sav":
        content[80:84] = struct.pack("<i", 2_000_000_000)
    else:
        place = content.index(b"<N>") + 3
        content[place : place + 4] = struct.pack("<I", 2_000_000_000)
    return bytes(content)


def million_columns() -> bytes:
    names = ",".join(f"V{number}" for number in range(1_000_000))
    return f"{names}\n{names}\n".encode()


def cut(kind: str, share: float) -> Callable[[], bytes]:
    return lambda: sound(kind)[: int(len(sound(kind)) * share)]


def text(content: bytes | str, rule: str, *fields: Any, **options: Any) -> Case:
    raw = content.encode() if isinstance(content, str) else content
    return (lambda: raw, layout("csv", *(fields or ("A",)), **options), rule)


def packed(build: Callable[[], bytes], rule: str = "FILE_ARCHIVE", **options: Any) -> Case:
    return (build, layout("csv", "id", **options), rule)


def fixed(content: bytes, rule: str = "FILE_ROW_WIDTH", **options: Any) -> Case:
    return (lambda: content, layout("fwf", *FWF_FIELDS, **options), rule)


def book(build: Callable[[], bytes], rule: str, **options: Any) -> Case:
    return (build, layout("xlsx", "id", **options), rule)


CASES: dict[str, Case] = {
    # --- delimited text
    "zero bytes": text(b"", "FILE_EMPTY"),
    "only blanks": text(b" \n\n", "FILE_EMPTY"),
    "only a header": text(HEAD, "FILE_EMPTY"),
    "only the mark of UTF-8": text(b"\xef\xbb\xbf", "FILE_EMPTY"),
    "NUL": text(HEAD + b"1,\x002\n", "FILE_ENCODING"),
    "UTF-16 without mark": text("A,B\n1,2\n".encode("utf-16-le"), "FILE_ENCODING"),
    "UTF-16 cut in half a character": text("A,B\n1,é\n".encode("utf-16")[:-1], "FILE_ENCODING", encoding="utf-16"),
    "not in the declared encoding": text(HEAD + b"1,\xe9\n", "FILE_ENCODING", encoding="utf-8"),
    "unknown encoding": text(HEAD + b"1,2\n", "FILE_ENCODING", encoding="klingon"),
    "mark against the declaration": text(b"\xef\xbb\xbf" + HEAD + b"1,2\n", "FILE_ENCODING", encoding="cp850"),
    "stray quotes": text(HEAD + f'1,"{SECRET}"{SECRET}\n'.encode(), "FILE_ROW_WIDTH"),
    "quote that never ends": text(HEAD + f'1,"{SECRET}\n2,3\n'.encode(), "FILE_TRUNCATED"),
    "quote that swallows rows": text(HEAD + b'1,"2\n3,4\n5,"6"\n', "FILE_ROW_WIDTH"),
    "short row": text(HEAD + f"1,2\n{SECRET}\n".encode(), "FILE_ROW_WIDTH"),
    "long row": text(HEAD + f"1,2\n3,4,{SECRET}\n".encode(), "FILE_ROW_WIDTH"),
    "blank row between": text(HEAD + b"1,2\n\n3,4\n", "FILE_ROW_WIDTH"),
    "CR only line ends and a short row": text(b"A,B\r1,2\r3\r", "FILE_ROW_WIDTH"),
    "no delimiter": text(b"A B\n1 2\n", "FILE_DELIMITER", "A", "B"),
    "another delimiter": text(b"A;B\n1;2\n", "FILE_DELIMITER", delimiter=","),
    "delimiter of two characters": text(b"A;;B\n1;;2\n", "FILE_DELIMITER", delimiter=";;"),
    "duplicate columns": text(b"A,B,a\n1,2,3\n", "FILE_DUPLICATE_COLUMN"),
    "missing variable": text(HEAD + b"1,2\n", "VARIABLE_MISSING", "AGE"),
    "no header": text(f"{SECRET},2\n3,4\n", "VARIABLE_MISSING", "AGE"),
    "right-to-left name": text("A\u202e,B\n1,2\n", "VARIABLE_MISSING", "A"),
    "column called row_number": text(b"A,row_number\n1,2\n", "FILE_COLUMNS"),
    "a million columns": (million_columns, layout("csv", "V0"), "FILE_COLUMNS"),
    "forty thousand columns": (
        lambda: (",".join(f"V{n}" for n in range(40_000)) + "\n1\n").encode(),
        layout("csv", "V0"),
        "FILE_COLUMNS",
    ),
    "other width than the layout": text(b"1,2,3\n4,5,6\n", "FILE_COLUMNS", "A", "B", header=False),
    "no row of the record type": text(HEAD + b"1,2\n", "FILE_EMPTY", records=Records("A", ("9",))),
    # --- fixed width
    "fixed width: zero bytes": fixed(b"", "FILE_EMPTY"),
    "fixed width: cut last row": fixed(fwf_text()[:-12]),
    "fixed width: CR only line ends": fixed(fwf_text().replace(b"\n", b"\r")),
    "fixed width: blank row between": fixed(b"\n".join([fwf_text()[:-1], b"", fwf_text()])),
    "fixed width: no row ends": fixed(b"1" * (80 << 20)),
    "fixed width: NUL": fixed(fwf_text().replace(b"P00007", b"P0\x00007"[:6]), "FILE_ENCODING"),
    "fixed width: made UTF-8 later": fixed(fwf_text().replace(b"Zyxwvut3", "Zyxwvuté".encode()), "FILE_ROW_WIDTH"),
    "fixed width: UTF-16": fixed(fwf_text().decode().encode("utf-16"), "FILE_ENCODING"),
    # --- zip and gzip
    "zip bomb": packed(lambda: pack_zip(("persons.csv", bytes(80 << 20)))),
    "lying header: smaller": packed(lambda: lying_zip(10)),
    "lying header: larger": packed(lambda: lying_zip(100_000)),
    "lying header: huge": packed(lambda: lying_zip(0xFFFF_FFF0)),
    "nested zip": packed(lambda: pack_zip(("persons.csv", CSV), ("more.zip", sound("zip")))),
    "nested zip under another name": packed(lambda: pack_zip(("persons.csv", sound("zip")))),
    "gzip in a zip": packed(lambda: pack_zip(("persons.csv", sound("csv.gz")))),
    "symlink in zip": packed(link),
    "encrypted zip": packed(encrypted),
    "traversal name": packed(lambda: pack_zip(("../persons.csv", CSV))),
    "absolute name": packed(lambda: pack_zip(("/persons.csv", CSV))),
    "name with a drive": packed(lambda: pack_zip(("C:\\persons.csv", CSV))),
    "two candidates": packed(lambda: pack_zip(("persons.csv", CSV), ("households.csv", CSV))),
    "no candidate": packed(lambda: pack_zip(("persons.doc", CSV))),
    "unusual packing": packed(lambda: pack_zip(("persons.csv", CSV), method=zipfile.ZIP_LZMA)),
    "a hundred and one members": packed(lambda: pack_zip(*((f"{n}.csv", CSV) for n in range(101)))),
    "empty member": packed(lambda: pack_zip(("persons.csv", b"")), "FILE_EMPTY"),
    "truncated zip": packed(cut("zip", 0.8)),
    "gzip bomb": packed(gzip_bomb),
    "truncated gzip": packed(cut("csv.gz", 0.9)),
    "gzip with rubbish after it": packed(lambda: sound("csv.gz") + b"rubbish"),
    "gzip of a zip": packed(lambda: gzip.compress(sound("zip"))),
    "gzip of nothing": packed(lambda: gzip.compress(b""), "FILE_EMPTY"),
    # --- workbooks
    "xlsx with a DOCTYPE": book(entities, "FILE_ARCHIVE"),
    "xlsx 200,001 rows": book(long_sheet, "FILE_TOO_LARGE"),
    "xlsx 101 columns": book(lambda: workbook([[f"V{n}" for n in range(101)]]), "FILE_TOO_LARGE"),
    "xlsx bomb": book(xlsx_bomb, "FILE_TOO_LARGE"),
    "xlsx of two sheets": book(lambda: workbook([["id"], [1]], ("A", "B")), "FILE_SHEET"),
    "xlsx without the sheet": book(lambda: sound("xlsx"), "FILE_SHEET", sheet="Persons"),
    "xlsx with an error cell": book(lambda: workbook([["id", "x"], [SECRET, "#N/A"]]), "FILE_CELL"),
    "xlsx with a formula without result": book(
        lambda: sheet_of_rows(NAMES + '<row r="2"><c r="A2"><f>1</f></c></row>'),
        "FILE_CELL",
    ),
    "xlsx without its sheet's part": book(lambda: pack_zip(
        ("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")), "FILE_TRUNCATED"),
    "truncated xlsx": book(cut("xlsx", 0.7), "FILE_ARCHIVE"),
    "a document of Word": book(
        lambda: pack_zip(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")), "FILE_FORMAT"
    ),
    # --- statistical packages and Parquet
    **{
        f"truncated {kind}": (cut(kind, 0.7), layout_of(kind), "FILE_TRUNCATED")
        for kind in ("dta117", "dta118", "sav", "zsav", "sas7bdat", "parquet")
    },
    "sav that claims 2,000,000,000 rows": (lambda: uncounted("sav"), layout_of("sav"), "FILE_TRUNCATED"),
    "dta that claims 2,000,000,000 rows": (lambda: uncounted("dta118"), layout_of("dta118"), "FILE_TRUNCATED"),
    "parquet without its footer": (lambda: sound("parquet")[:-8] + bytes(8), layout_of("parquet"), "FILE_TRUNCATED"),
    # --- one format under the name of another
    **{
        f"renamed format: {found} for {wanted}": (
            (lambda found=found: sound(found)),
            layout_of(wanted),
            "FILE_FORMAT",
        )
        for wanted, found in (
            ("csv", "sav"), ("csv", "parquet"), ("csv", "xlsx"), ("fwf", "dta118"), ("dta118", "sav"),
            ("sav", "csv"), ("sas7bdat", "dta118"), ("xlsx", "sas7bdat"), ("parquet", "csv"),
        )
    },
    "an old workbook": text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "FILE_FORMAT"),
    "a PDF": text(b"%PDF-1.7\n1,2\n", "FILE_FORMAT"),
}  # fmt: skip


def read(name: str, folder: Path) -> dict[str, Any]:
    """What becomes of one case."""
    build, declared, _ = CASES[name]
    source, target, work = folder / "in", folder / "out" / "raw.parquet", folder / "work"
    source.write_bytes(build())
    told: dict[str, Any] = {"case": name, "rules": [], "message": ""}
    try:
        write_raw_extract(source, declared, target, display_name="persons", work_dir=work)
    except InputError as error:
        told["rules"] = sorted({problem.rule for problem in error.problems})
        told["message"] = str(error)
    told["left"] = sorted(path.name for place in (target.parent, work) for path in place.iterdir())
    target.unlink(missing_ok=True)
    return told


def peak_mb() -> tuple[float, float]:
    """Most memory of this process so far, and of any that it started and that has ended."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage tells is at least that of the process that made this one.
        own = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text()).group(1))  # type: ignore[union-attr]
    else:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return own / 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    archives.RATIO_FREE_BYTES = RATIO_FREE_BYTES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "out").mkdir()
        (folder / "work").mkdir()
        for case in sys.argv[1:]:
            sys.stdout.write(json.dumps(read(case, folder)) + "\n")
    apart.stop_service()
    own, children = peak_mb()
    sys.stdout.write(json.dumps({"peak_mb": own, "children_peak_mb": children}) + "\n")


if __name__ == "__main__":
    main()
