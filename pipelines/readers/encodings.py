"""Text encodings: which one a text file is in, and its translation to UTF-8."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.readers.layout import refusal
from schemas.errors import InputError

BLOCK = 4 << 20
FALLBACK = "windows-1252"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# The mark of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class TextEncoding:
    """One encoding of one file.

    Attributes:
        name: Python codec.
        is_declared: whether the survey declares it; then every byte must be readable in it.
        note: what was detected, for the reader's notes.
    """

    name: str
    is_declared: bool
    note: str


def check_codec(name: str, file: str) -> str:
    """One codec's name, once Python knows it as a text encoding.

    Raises:
        InputError: FILE_ENCODING.
    """
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise refusal(
            file,
            "FILE_ENCODING",
            "the declared encoding is not known",
            "declare an encoding that Python knows, such as utf-8, windows-1252, latin-1 or cp850",
        ) from None
    return name


def is_codec(name: str, other: str) -> bool:
    """Whether two names mean one codec."""
    return codecs.lookup(name).name == codecs.lookup(other).name


def find_encoding(path: Path, declared: str | None, file: str) -> TextEncoding:
    """One encoding: the declared one, or else by mark, or UTF-8 if the whole file is, or windows-1252.

    Raises:
        InputError: FILE_ENCODING when the codec is unknown or the file's mark speaks against it.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    mark = next((name for bom, name in MARKS if head.startswith(bom)), None)
    if declared is not None:
        codec = codecs.lookup(check_codec(declared, file)).name
        if mark is None:
            return TextEncoding(declared, True, "")
        if not codec.startswith(mark.removesuffix("-sig")):
            raise refusal(
                file,
                "FILE_ENCODING",
                f"{declared} is declared but the file begins with the mark of {mark}",
                f"declare {mark}, or leave the encoding out",
            )
        # The codecs with a byte order in their name would keep the mark as a character.
        return TextEncoding(mark, True, "")
    if mark is not None:
        return TextEncoding(mark, False, f"encoding {mark} by its mark")
    if _is_utf8(path):
        return TextEncoding("utf-8", False, "")
    return TextEncoding(FALLBACK, False, f"encoding not declared and not UTF-8: read as {FALLBACK}")


def decode_blocks(path: Path, encoding: str, errors: str = "strict") -> Iterator[str]:
    """Pieces of text of one file, in order."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def transcode(path: Path, encoding: TextEncoding, target: Path, file: str) -> int:
    """One UTF-8 file without mark; returns how many bytes had to be replaced.

    Nothing is replaced in a declared encoding.

    Raises:
        InputError: FILE_ENCODING with the first row and the count.
    """
    errors = "strict" if encoding.is_declared else "replace"
    rows = 0
    replaced = 0
    bad_row: int | None = None
    try:
        with target.open("wb") as out:
            for text in decode_blocks(path, encoding.name, errors):
                rows += text.count("\n")
                replaced += text.count(REPLACEMENT) if errors == "replace" else 0
                out.write(text.encode("utf-8"))
    except UnicodeDecodeError as error:
        good = error.object[: error.start].decode(encoding.name, "replace")
        bad_row = rows + good.count("\n") + 1
    except UnicodeError:
        bad_row = rows + 1
    if bad_row is not None:
        count = sum(text.count(REPLACEMENT) for text in decode_blocks(path, encoding.name, "replace"))
        raise undecodable(file, encoding.name, bad_row, count)
    return replaced


def undecodable(file: str, encoding: str, row: int, count: int) -> InputError:
    """One refusal of bytes that a declared encoding does not have."""
    return refusal(
        file,
        "FILE_ENCODING",
        f"{max(count, 1)} places cannot be read as {encoding}, this row is the first",
        "declare the encoding that the file is really in, or save the file in the declared one",
        row,
    )


def _is_utf8(path: Path) -> bool:
    """Whether a whole file is UTF-8."""
    try:
        for _ in decode_blocks(path, "utf-8"):
            pass
    except UnicodeDecodeError:
        return False
    return True
