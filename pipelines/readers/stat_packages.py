"""Stata, SPSS and SAS files, in chunks through ReadStat; to be run in the process of ``reading_service``.

Declared missing codes stay codes (SPSS: the value; Stata: .a to .z; SAS: .A to .Z and ._), system-missing is
NULL. All text is read byte by byte as Latin-1 and decoded here: ReadStat silently drops the end of a value
whose last bytes are not valid in the file's encoding.
"""

import codecs
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyreadstat

from pipelines.readers import canonical
from pipelines.readers.encodings import FALLBACK, check_codec, is_codec
from pipelines.readers.layout import FileLayout, OpenExtract, check_columns, check_width, damaged, refusal
from pipelines.readers.sav_ends import is_whole
from pipelines.readers.stat_formats import is_period, moments_text, own_sas_encoding, own_stata_encoding

# A chunk is Python objects first: by cells, and by bytes where texts are long.
CHUNK_CELLS = 2_000_000
CHUNK_BYTES = 128 << 20
_BYTES = "ISO-8859-1"
_READ = {"dta": pyreadstat.read_dta, "sav": pyreadstat.read_sav, "sas7bdat": pyreadstat.read_sas7bdat}


@dataclass
class _Decoder:
    """How one file's bytes become text, and how many values its own encoding could not read."""

    encoding: str
    fallbacks: int = 0
    cut_characters: int = 0
    replaced: int = 0

    def text(self, latin1: str, width: int | None = None) -> str:
        """One text without trailing blanks; ``width`` is the room the file has for it, in bytes."""
        latin1 = latin1.rstrip(" ")
        if latin1.isascii():
            return latin1
        raw = latin1.encode(_BYTES)
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError as error:
            # A character that the end of a full field cuts in two says nothing about the encoding.
            is_cut = len(raw) == width and error.end == len(raw) and error.reason == "unexpected end of data"
            start = error.start
        if is_cut:
            self.cut_characters += 1
            return raw[:start].decode(self.encoding)
        self.fallbacks += not is_codec(self.encoding, FALLBACK)
        text = raw.decode(FALLBACK, "replace")
        self.replaced += text.count("\N{REPLACEMENT CHARACTER}")
        return text

    def notes(self) -> list[str]:
        """What was repaired, in counts."""
        found = []
        if self.fallbacks:
            found.append(f"{self.fallbacks} texts that are not {self.encoding} were read as {FALLBACK}")
        if self.replaced:
            found.append(f"{self.replaced} bytes that {FALLBACK} does not have were replaced")
        if self.cut_characters:
            found.append(f"{self.cut_characters} texts end in half a character, which was dropped")
        return found


@dataclass(frozen=True)
class _Variable:
    """One variable's storage and display."""

    name: str
    storage: str
    format: str
    width: int | None
    missing: tuple[tuple[float, float], ...]


def open_stat_package(path: Path, layout: FileLayout, file: str, chunk_cells: int = CHUNK_CELLS) -> OpenExtract:
    """One .dta, .sav or .sas7bdat file opened: its columns, labels and batches of text.

    Args:
        path: the file.
        layout: its declaration.
        file: name for messages.
        chunk_cells: most cells of a batch.

    Raises:
        InputError: FILE_TRUNCATED, FILE_ENCODING, FILE_DUPLICATE_COLUMN, FILE_COLUMNS, VARIABLE_MISSING
            here; FILE_TRUNCATED while the batches are read.
    """
    read = _READ[layout.format]
    if layout.format == "dta":
        _check_end(path, file)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        metadata = _call(read, path, file, metadataonly=True)[1]
    renamed = sum("is duplicated" in str(warning.message) for warning in caught)
    if renamed:
        raise refusal(
            file,
            "FILE_DUPLICATE_COLUMN",
            f"{renamed} columns have the name of another column",
            "give every column a name of its own",
        )

    if not all(metadata.column_names):
        raise damaged(file)
    check_width(len(metadata.column_names), file)
    if layout.format == "sav" and metadata.number_rows is None and not is_whole(path):
        raise damaged(file)
    decoder = _Decoder(_find_encoding(path, layout, file))
    columns = tuple(decoder.text(name) for name in metadata.column_names)
    check_columns(columns, layout.fields, file)
    renaming = dict(zip(metadata.column_names, columns, strict=True))
    if not columns:
        raise refusal(file, "FILE_EMPTY", "the file has no variables", "hand in the file with its rows")
    notes = []
    variables = [_variable(name, metadata) for name in metadata.column_names]
    periods = sum(is_period(variable.format) for variable in variables)
    if periods:
        notes.append(f"{periods} variables hold Stata periods or leap-second times: kept as numbers")
    opened = OpenExtract(
        columns=columns,
        batches=iter(()),
        encoding=decoder.encoding,
        types={renaming[v.name]: f"{v.storage} {v.format}".strip() for v in variables},
        labels={
            renaming[name]: decoder.text(label) for name, label in metadata.column_names_to_labels.items() if label
        },
        value_labels={
            renaming[name]: _value_labels(codes, layout.format, decoder)
            for name, codes in sorted(metadata.variable_value_labels.items())
        },
        notes=notes,
    )
    row_bytes = sum(variable.width or 8 for variable in variables)
    size = max(1, min(chunk_cells // len(variables), CHUNK_BYTES // row_bytes))
    opened.batches = _batches(path, read, variables, metadata.number_rows, size, layout.format, decoder, opened, file)
    return opened


def _batches(
    path: Path,
    read: Callable[..., Any],
    variables: list[_Variable],
    declared_rows: int | None,
    size: int,
    format: str,
    decoder: _Decoder,
    opened: OpenExtract,
    file: str,
) -> Iterator[Any]:
    """Batches of text columns."""
    rows = 0
    while declared_rows is None or rows < declared_rows:
        values, metadata = _call(read, path, file, row_offset=rows, row_limit=size)
        tagged = metadata.missing_user_values
        count = len(values[variables[0].name])
        expected = size if declared_rows is None else min(size, declared_rows - rows)
        if declared_rows is not None and count != expected:
            raise damaged(file)
        if count:
            try:
                arrays = [
                    _column(values.pop(variable.name), variable, format, variable.name in tagged, decoder)
                    for variable in variables
                ]
            except pa.ArrowException:
                raise damaged(file) from None
            rows += count
            yield pa.RecordBatch.from_arrays(arrays, list(opened.columns))
        if count < expected:
            break
    opened.notes.extend(decoder.notes())


def _column(values: list[Any], variable: _Variable, format: str, is_tagged: bool, decoder: _Decoder) -> Any:
    """One column's canonical text."""
    if variable.storage == "string":
        return _text_column(pa.array(values, pa.string()), variable.width, decoder)
    tags = None
    if is_tagged:
        tags = pa.array([f".{value}" if isinstance(value, str) else None for value in values], pa.string())
        values = [None if isinstance(value, str) else value for value in values]
    if variable.storage.startswith("int"):
        numbers = pa.array(values, pa.int64())
        text = canonical.integers_text(numbers)
    else:
        numbers = pa.array(values, pa.float64())
        # A float32 has more decimals than it knows once it is widened.
        text = canonical.floats_text(numbers.cast(pa.float32()) if variable.storage == "float" else numbers)
    moments = moments_text(pc.cast(numbers, pa.float64()), variable.format, variable.missing, format)
    if moments is not None:
        text = pc.coalesce(moments, text)
    return text if tags is None else pc.coalesce(tags, text)


def _text_column(texts: Any, width: int | None, decoder: _Decoder) -> Any:
    """One column of decoded text without trailing blanks."""
    if pc.all(pc.string_is_ascii(texts), skip_nulls=True).as_py() is not False:
        return pc.ascii_rtrim(texts, " ")
    # Counted per cell, so that the notes do not depend on how often a text repeats within a chunk.
    decoded = [None if text is None else decoder.text(text, width) for text in texts.to_pylist()]
    return pa.array(decoded, pa.string())


def _variable(name: str, metadata: Any) -> _Variable:
    """One variable's storage and display, as the file declares them."""
    ranges = metadata.missing_ranges.get(name, ())
    return _Variable(
        name=name,
        storage=metadata.readstat_variable_types[name],
        format=metadata.original_variable_types[name] or "",
        width=metadata.variable_storage_width.get(name),
        missing=tuple((r["lo"], r["hi"]) for r in ranges if isinstance(r["lo"], (int, float))),
    )


def _value_labels(codes: Mapping[Any, str | None], format: str, decoder: _Decoder) -> dict[str, str]:
    """One label per code in canonical text."""
    return {
        _code(code, format, decoder): decoder.text(label) for code, label in codes.items() if code is not None and label
    }


def _code(code: Any, format: str, decoder: _Decoder) -> str:
    """One labelled code as canonical text."""
    if isinstance(code, str):
        return decoder.text(code) if format == "sav" else f".{code}"
    return canonical.number_text(code)


def _find_encoding(path: Path, layout: FileLayout, file: str) -> str:
    """One encoding: the declared one, or else the file's own."""
    if layout.encoding is not None:
        return check_codec(layout.encoding, file)
    if layout.format == "dta":
        return own_stata_encoding(path)
    if layout.format == "sas7bdat":
        return own_sas_encoding(path)
    try:
        own = pyreadstat.read_sav(path, metadataonly=True, output_format="dict")[1].file_encoding
        return codecs.lookup(own or "utf-8").name
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, LookupError):
        # ReadStat decodes the labels before it tells the encoding; UTF-8 fails value by value if wrong.
        return "utf-8"


def _check_end(path: Path, file: str) -> None:
    """Refuse a tagged Stata file that does not end with its last tag (labels may be lost silently)."""
    with path.open("rb") as stream:
        is_tagged = stream.read(11) == b"<stata_dta>"
        stream.seek(max(0, path.stat().st_size - 12))
        if is_tagged and stream.read() != b"</stata_dta>":
            raise damaged(file)


def _call(read: Callable[..., Any], path: Path, file: str, **options: Any) -> tuple[dict[str, Any], Any]:
    """One call of ReadStat; its errors may quote values and are not passed on."""
    try:
        result: tuple[dict[str, Any], Any] = read(
            path,
            output_format="dict",
            encoding=_BYTES,
            user_missing=True,
            disable_datetime_conversion=True,
            **options,
        )
    except MemoryError:
        raise
    except Exception:
        raise damaged(file) from None
    return result
