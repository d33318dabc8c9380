"""The files of one round: which handed-in file is which declared part, and their reading into raw tables.

Here belong the choice of the variant, the join of households to their persons and the record types of one
file. How a single file is read belongs to ``readers``; keeping what was handed in belongs to ``intake``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb

from pipelines.engine import open_engine, path_literal
from pipelines.readers.archives import SUFFIXES
from pipelines.readers.layout import ExtractInfo, Field, FileLayout, Records
from pipelines.readers.read import Identified, identify, write_raw_extract
from schemas.errors import InputError, Problem
from schemas.expressions import quote_name
from schemas.periods import Period
from schemas.survey_model import FileSection
from schemas.survey_spec import SurveySpec

_TEXT_FORMATS = ("csv", "fwf")


@dataclass(frozen=True)
class Source:
    """One file as handed in: where it lies, and the sender's name for messages."""

    path: Path
    name: str


@dataclass(frozen=True)
class FileSet:
    """Which file holds each part of the variant that makes a round.

    Attributes:
        variant: name of the variant.
        parts: (part, source), persons first.
    """

    variant: str
    parts: tuple[tuple[FileSection, Source], ...]


@dataclass(frozen=True)
class RawTables:
    """What was read.

    Attributes:
        persons: the extract of the persons' part, with the variables of their households.
        parts: part -> its extract.
        absentees: whether a part of absent members was written.
        notes: what was detected or repaired in all parts, in counts.
    """

    persons: ExtractInfo
    parts: Mapping[str, ExtractInfo]
    absentees: bool
    notes: tuple[str, ...]


def _refuse(name: str, rule: str, message: str, remedy: str) -> InputError:
    return InputError([Problem(name, None, rule, message, remedy)])


# --- which file is which part --------------------------------------------------------------------


def assign(spec: SurveySpec, period: Period, sources: Sequence[Source], variant: str | None = None) -> FileSet:
    """Return the variant that the files make, and which file holds each of its parts.

    Args:
        spec: the survey.
        period: the round's reference period; it selects the variants that are declared.
        sources: the files handed in.
        variant: the variant to use; by default the only one that fits the files' formats.

    Raises:
        InputError: no variant is declared for the period (``PERIOD_NOT_DECLARED``), or none or several fit
            (``FILE_SET``); a file that cannot be opened.
    """
    variants = spec.variants(period)
    if not variants or not spec.survey.periods.holds(period):
        text = f"the specification of {spec.key} declares no file for {period}"
        remedy = "check the period, or add a [[file]] with its periods to survey.toml"
        raise _refuse(f"{spec.key}/survey.toml", "PERIOD_NOT_DECLARED", text, remedy)
    names = ", ".join(source.name for source in sources)
    if variant is not None:
        if variant not in variants:
            remedy = f"use one of {', '.join(map(_shown, sorted(variants)))}"
            raise _refuse(names, "FILE_SET", f"no variant {_shown(variant)} is declared for {period}", remedy)
        variants = {variant: variants[variant]}
    only = next(iter(variants.values()))
    if len(variants) == 1 and len(only) == 1 and len(sources) == 1:
        # Nothing to choose: the reader says what is wrong with the file.
        return FileSet(next(iter(variants)), ((only[0], sources[0]),))
    found = {source.path: identify(source.path, source.name) for source in sources}
    fitting = {name: match for name, parts in variants.items() if (match := _match(parts, sources, found)) is not None}
    if len(fitting) == 1:
        name, match = next(iter(fitting.items()))
        return FileSet(name, match)
    wanted = "; ".join(
        f"{_shown(name)}: " + ", ".join(f"{part.name} ({part.format})" for part in parts if part.same_file_as is None)
        for name, parts in variants.items()
    )
    if fitting:
        message = f"the files fit the variants {', '.join(map(_shown, sorted(fitting)))}"
        raise _refuse(names, "FILE_SET", message, "give --variant")
    remedy = f"hand in all files of one variant together, in one zip or one by one ({wanted})"
    raise _refuse(names, "FILE_SET", f"{len(sources)} file(s) do not make a declared set", remedy)


def _shown(variant: str) -> str:
    return variant or "(unnamed)"


def _match(
    parts: Sequence[FileSection], sources: Sequence[Source], found: Mapping[Path, Identified]
) -> tuple[tuple[FileSection, Source], ...] | None:
    """Return each part with its file, or None where the files do not fit one to one."""
    physical = [part for part in parts if part.same_file_as is None]
    chosen: dict[str, Source] = {}
    if len(sources) == 1 and found[sources[0].path].packing == "zip":
        if not all(_fits(part, found[sources[0].path]) for part in physical):
            return None
        chosen = {part.name: sources[0] for part in physical}
    elif len(sources) == len(physical):
        left = list(sources)
        candidates = {part.name: [item for item in left if _fits(part, found[item.path])] for part in physical}
        for part in physical:
            if part.member is not None and len(candidates[part.name]) > 1:
                named = [item for item in candidates[part.name] if _is_named(item.name, part.member)]
                candidates[part.name] = named or candidates[part.name]
        while candidates:
            single = next((name for name, items in candidates.items() if len(items) == 1), None)
            if single is None:
                return None
            taken = candidates.pop(single)[0]
            chosen[single] = taken
            candidates = {name: [item for item in items if item != taken] for name, items in candidates.items()}
    if len(chosen) != len(physical):
        return None
    order = sorted(parts, key=lambda part: ("person", "household", "absentee").index(part.unit))
    return tuple((part, chosen[part.same_file_as or part.name]) for part in order)


def _fits(part: FileSection, found: Identified) -> bool:
    """Whether a file may hold a part, by its format and the names inside a zip."""
    if found.packing == "zip":
        wanted = part.member or "*"
        return any(_is_named(member, wanted) and _may_be(member, part.format) for member in found.members)
    return found.format == ("csv_or_fwf" if part.format in _TEXT_FORMATS else part.format)


def _may_be(name: str, format: str) -> bool:
    """Whether a name's suffix is one of the format, or none that is known."""
    folded = name.casefold()
    known = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
    return folded.endswith(SUFFIXES[format]) or not folded.endswith(known)


def _is_named(name: str, pattern: str) -> bool:
    folded = name.casefold()
    return fnmatchcase(folded, pattern.casefold()) or fnmatchcase(PurePosixPath(folded).name, pattern.casefold())


# --- reading -------------------------------------------------------------------------------------


def part_layout(spec: SurveySpec, part: FileSection) -> FileLayout:
    """Return the reader's layout of one part."""
    return FileLayout(
        format=part.format,
        member=part.member,
        encoding=part.encoding,
        delimiter=part.delimiter,
        header=part.header,
        fields=tuple(Field(row.variable, row.label, row.start, row.width) for row in spec.fields(part)),
        sheet=part.sheet,
        records=Records(part.records.variable, part.records.codes) if part.records is not None else None,
    )


def set_layouts(spec: SurveySpec, period: Period, variant: str) -> list[FileLayout]:
    """Return the layouts of a variant's parts: what the raw tables depend on besides the files."""
    return [part_layout(spec, part) for part in spec.variants(period).get(variant, ())]


def write_raw_tables(
    spec: SurveySpec, files: FileSet, folder: Path, scratch: Path, progress: Callable[[str], None]
) -> RawTables:
    """Read every part of a set into ``data.parquet`` (persons) and ``absentees.parquet`` in a folder.

    Args:
        spec: the survey.
        files: the parts and their files.
        folder: where the tables are written.
        scratch: for copies that are removed afterwards by the caller.
        progress: told the steps.

    Raises:
        InputError: a file cannot be read, records of an undeclared type, a household that stands twice or is
            missing (``FILE_...``, ``HOUSEHOLD_...``).
    """
    infos: dict[str, ExtractInfo] = {}
    households: list[tuple[FileSection, Path, Source]] = []
    has_households = any(part.unit == "household" for part, _ in files.parts)
    persons = scratch / "persons.parquet" if has_households else folder / "data.parquet"
    targets = {"person": persons, "absentee": folder / "absentees.parquet"}
    for part, source in files.parts:
        target = targets.get(part.unit, scratch / f"households-{len(households)}.parquet")
        if part.unit == "household":
            households.append((part, target, source))
        progress(f"reading {source.name}")
        infos[part.name] = write_raw_extract(
            source.path,
            part_layout(spec, part),
            target,
            display_name=source.name,
            work_dir=scratch,
            progress=partial(_tell_rows, progress, source.name),
        )
    _check_record_types(files, infos)
    first = files.parts[0]
    if households:
        progress("joining households to persons")
        with open_engine(scratch, [folder]) as connection:
            _join(connection, spec, persons, households, folder / "data.parquet")
    notes = [note if len(infos) == 1 else f"{name}: {note}" for name, info in infos.items() for note in info.notes]
    return RawTables(infos[first[0].name], infos, "absentee" in {part.unit for part, _ in files.parts}, tuple(notes))


def _tell_rows(progress: Callable[[str], None], name: str, rows: int) -> None:
    progress(f"reading {name}: {rows:,} rows")


def _check_record_types(files: FileSet, infos: Mapping[str, ExtractInfo]) -> None:
    """Refuse a file with rows of a record type that no part takes."""
    by_file: dict[Path, list[tuple[FileSection, Source]]] = {}
    for part, source in files.parts:
        if part.records is not None:
            by_file.setdefault(source.path, []).append((part, source))
    for parts in by_file.values():
        taken = {
            code
            for part, _ in parts
            if part.records is not None
            for code in (*part.records.codes, *part.records.ignored)
        }
        left = {
            code: count
            for part, _ in parts
            for code, count in infos[part.name].record_counts.items()
            if code not in taken
        }
        if left:
            message = f"{sum(left.values())} rows are of {len(left)} record type(s) that no part declares"
            remedy = "add their codes to records of a [[file]]: to codes, or to ignored where they are not used"
            raise _refuse(parts[0][1].name, "FILE_RECORD_TYPE", message, remedy)


def _join(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    persons: Path,
    households: Sequence[tuple[FileSection, Path, Source]],
    target: Path,
) -> None:
    """Write the persons with the declared variables of their households, in the order of the persons."""
    columns, joins = ["persons.*"], []
    for number, (part, path, source) in enumerate(households):
        relation = f"read_parquet({path_literal(path)})"
        keys = [_key_sql(quote_name(name)) for name in part.key]
        twice = _number(
            connection,
            f"SELECT count(*) FROM (SELECT 1 FROM {relation} GROUP BY {', '.join(keys)} HAVING count(*) > 1)",
        )
        if twice:
            message = f"{twice} households stand more than once"
            raise _refuse(source.name, "HOUSEHOLD_DUPLICATE", message, "correct key, or hand in one row a household")
        condition = " AND ".join(
            f"{_key_sql(f'persons.{quote_name(mine)}')} = {_key_sql(f'h{number}.{quote_name(theirs)}')}"
            for mine, theirs in zip(part.person_key or part.key, part.key, strict=True)
        )
        missing = _number(
            connection,
            f"SELECT count(*) FROM read_parquet({path_literal(persons)}) AS persons "
            f"WHERE NOT EXISTS (SELECT 1 FROM {relation} AS h{number} WHERE {condition})",
        )
        if missing:
            message = f"{missing} persons are of a household that is not in the file"
            raise _refuse(source.name, "HOUSEHOLD_MISSING", message, "hand in the files of one and the same round")
        shared = {*part.key} & {*(part.person_key or part.key)}
        columns += [f"h{number}.{quote_name(row.variable)}" for row in spec.fields(part) if row.variable not in shared]
        joins.append(f"LEFT JOIN {relation} AS h{number} ON {condition}")
    connection.execute(
        f"COPY (SELECT {', '.join(columns)} FROM read_parquet({path_literal(persons)}) AS persons {' '.join(joins)} "
        f"ORDER BY persons.row_number) TO {path_literal(target)} "
        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"
    )


def _key_sql(column: str) -> str:
    return f"COALESCE(trim({column}), '')"


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row: Any = connection.execute(query).fetchone()
    return int(row[0])
