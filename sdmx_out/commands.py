"""Commands of this package, and `ilms get`, which prints what the public can see.

Here belongs talking to the terminal. What is read, and why something is absent, is said in `public`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import click

from sdmx_out.command_parts import HELP, NOTHING_FOUND, Home, check_period
from sdmx_out.csv_text import csv_lines
from sdmx_out.export_command import export
from sdmx_out.public import (
    COLUMNS,
    NUMBERS,
    Row,
    Wanted,
    areas_of,
    find_release,
    indicator_titles,
    is_withdrawn,
    read_labels,
    read_rows,
    suggestions,
    why_absent,
    withdrawn,
)
from sdmx_out.quality import COLUMNS as QUALITY_COLUMNS
from sdmx_out.quality import quality_labels, read_quality
from sdmx_out.structure_pull.command import structure


@click.command(context_settings=HELP)
@click.argument("indicator", required=False)
@click.option("--quality", "is_quality", is_flag=True, help="Coverage and quality of the rounds, without INDICATOR.")
@click.option("--area", help="Area as ISO 3166-1 alpha-3, e.g. ZAF.")
@click.option("--period", help="Period, e.g. 2013, 2013-Q4 or 2013-03.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", "table"]),
    default="csv",
    show_default=True,
    help="How the rows are printed.",
)
@click.option(
    "--labels",
    type=click.Choice(["code", "label", "both"]),
    default="code",
    show_default=True,
    help="Codes, English labels, or both as 'code: label'.",
)
@click.option("--release", "name", default="latest", show_default=True, help="Id of a release, latest or latest-test.")
@click.pass_context
def get(
    context: click.Context,
    indicator: str | None,
    area: str | None,
    period: str | None,
    form: str,
    labels: str,
    name: str,
    *,
    is_quality: bool,
) -> None:
    """Print the published numbers of INDICATOR from the latest release.

    Columns are those of ILOSTAT's bulk download, then se, lower and upper (95 % limits), and of figures that compare
    two others (differences, gaps, changes, net flows) p_value and significance (5 %); with --quality those of
    quality.csv. What was withdrawn is told on standard error. Exit codes:
    0 rows were printed, 2 the request is wrong, 4 there is nothing to print and stderr says why.
    """
    home: Home = context.obj
    if (indicator is None) != is_quality:
        raise click.UsageError("give INDICATOR or --quality")
    releases = home.home / "releases"
    release = find_release(releases, name)
    tests = find_release(releases, "latest-test") if name == "latest" else None
    if release is None and name not in ("latest", "latest-test"):
        raise click.BadParameter(f"there is no release {name!r}", param_hint="--release")
    catalogue = release or tests
    if catalogue is None:
        click.echo("no release yet: ilms run makes one", err=True)
        context.exit(NOTHING_FOUND)
    if period is not None:
        check_period(period, "--period")
    if indicator is None:
        _print_quality(context, release, tests, (area, period), form, labels)
        return
    if indicator not in indicator_titles(catalogue):
        raise click.BadParameter(_unknown(catalogue, indicator), param_hint="INDICATOR")
    wanted = Wanted(indicator, area, period)
    rows = read_rows(release, wanted) if release else iter(())
    leading = list(_until_a_figure(rows))
    is_gone = any(is_withdrawn(row) for row in leading) and not leading[-1]["obs_value"]
    if release is None or not leading or is_gone:
        for reason in _reasons(release, tests, wanted):
            click.echo(reason, err=True)
        context.exit(NOTHING_FOUND)
    for sentence in withdrawn(release, wanted):
        click.echo(sentence, err=True)
    known = {} if labels == "code" else read_labels(release)
    for line in _FORMS[form](_labelled(chain(leading, rows), known, labels, COLUMNS), COLUMNS):
        click.echo(line)


def _print_quality(
    context: click.Context,
    release: Path | None,
    tests: Path | None,
    wanted: tuple[str | None, str | None],
    form: str,
    labels: str,
) -> None:
    rows = list(read_quality(release, *wanted)) if release else []
    if not rows or release is None:
        reason = "no round of what was asked is in this release"
        if tests is not None and any(read_quality(tests, *wanted)):
            reason = "only test extracts give this, which are no national statistics: --release latest-test prints them"
        click.echo(reason, err=True)
        context.exit(NOTHING_FOUND)
    known = {} if labels == "code" else quality_labels(release)
    # A table on a terminal has no room for notes in three languages.
    columns = QUALITY_COLUMNS[:-2] if form == "table" else QUALITY_COLUMNS
    for line in _FORMS[form](_labelled(rows, known, labels, columns), columns):
        click.echo(line)


def _reasons(release: Path | None, tests: Path | None, wanted: Wanted) -> list[str]:
    """Why nothing is printed; where only test extracts know of the area, what they say of it."""
    if release is not None and (tests is None or wanted.area is None or wanted.area in areas_of(release)):
        return why_absent(release, wanted)
    if tests is None:
        return ["no release yet: ilms run makes one"]
    if not all(is_withdrawn(row) for row in read_rows(tests, wanted)):
        return ["only test extracts give this, which are no national statistics: --release latest-test prints them"]
    return why_absent(tests, wanted)


def _unknown(release: Path, indicator: str) -> str:
    near = suggestions(release, indicator)
    return f"unknown indicator {indicator!r}" + (f"; did you mean {', '.join(near)}?" if near else "")


def _until_a_figure(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows up to the first that has a value."""
    for row in rows:
        yield row
        if row["obs_value"]:
            return


def _labelled(
    rows: Iterable[Row], known: Mapping[str, Mapping[str, str]], labels: str, columns: Sequence[str]
) -> Iterator[Row]:
    for row in rows:
        yield {column: _shown(known.get(column, {}).get(row[column]), row[column], labels) for column in columns}


def _shown(label: str | None, code: str, labels: str) -> str:
    if label is None:
        return code
    return label if labels == "label" else f"{code}: {label}"


def _csv(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[str]:
    return csv_lines(columns, rows)


def _json(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[str]:
    """A list of objects, one per line; numbers are numbers and an empty field is null."""
    before = "["
    for row in rows:
        told = {column: _number(row[column]) if column in NUMBERS else row[column] or None for column in columns}
        yield before + json.dumps(told, ensure_ascii=False)
        before = ","
    yield "]"


def _number(text: str) -> float | None:
    return float(text) if text else None


def _table(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[str]:
    """Columns that hold anything, aligned; numbers to the right."""
    held = list(rows)
    columns = [column for column in columns if any(row[column] for row in held)]
    widths = {column: max(len(column), *(len(row[column]) for row in held)) for column in columns}

    def line(values: dict[str, str]) -> str:
        cells = (
            values[column].rjust(widths[column]) if column in NUMBERS else values[column].ljust(widths[column])
            for column in columns
        )
        return "  ".join(cells).rstrip()

    yield line({column: column for column in columns})
    yield line({column: "-" * widths[column] for column in columns})
    yield from (line(row) for row in held)


_FORMS = {"csv": _csv, "json": _json, "table": _table}

COMMANDS = [get, export, structure]
