"""Which format a file's first bytes announce."""

# Long enough that no header of a csv begins so: a column may well be called PAR1.
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"$FL2", "sav"),
    (b"$FL3", "sav"),
    (b"<stata_dta>", "dta"),
    (b"PAR1\x15", "parquet"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"%PDF-", "pdf"),
    (b"ARROW1\0\0", "arrow"),
    (b"RDX2\n", "R data"),
    (b"RDX3\n", "R data"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf", "sas7bdat"),
)
HEAD_BYTES = 32
# Releases of the Stata format before it became tagged text (117): release, byte order, file type 1.
STATA_RELEASES = frozenset({104, 105, 108, 110, 111, 112, 113, 114, 115})


def format_of(head: bytes) -> str | None:
    """One format name for the first bytes of a file, or None where they announce none (plain text)."""
    for signature, name in SIGNATURES:
        if head.startswith(signature):
            return name
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        return "bzip2"
    if len(head) > 2 and head[0] in STATA_RELEASES and head[1] in (1, 2) and head[2] == 1:
        return "dta"
    return None
