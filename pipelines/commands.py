"""Commands of this package: receive, run, estimates, check-spec, rounds, surveys.

Here belongs talking to the terminal: options, progress on standard error, answers on standard output,
exit codes. The work is done elsewhere.
"""

import csv
import json
import sys
from dataclasses import asdict
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from pipelines.command_line import EXIT_REFUSED, EXIT_STOPPED, EXIT_UNAVAILABLE
from pipelines.dev import dev
from pipelines.explain_command import explain
from pipelines.home import Home
from pipelines.new_spec import new_spec
from pipelines.period_type import PeriodType
from pipelines.release_command import release
from pipelines.report_command import report
from pipelines.teller import Teller
from schemas.errors import ProblemsError, SpecError
from schemas.periods import Period

#: Columns of ``ilms estimates``.
ESTIMATE_COLUMNS = (
    "indicator",
    "ref_area",
    "survey",
    "time",
    "sex",
    "classif1",
    "classif2",
    "value",
    "se",
    "lower",
    "upper",
    "cv",
    "df",
    "p_value",
    "n",
    "n_numerator",
    "n_households",
    "n_psu",
    "status",
    "reason",
)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _json_option(function: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")(function)


@click.command()
@click.argument("survey")
@click.argument("period", type=PeriodType())
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--supersede", is_flag=True, help="Replace what was received of this round before; receipts are kept.")
@click.option("--variant", help="Variant of the files, where the specification has several that fit.")
@_json_option
@click.pass_obj
def receive(
    home: Home,
    survey: str,
    period: Period,
    files: tuple[Path, ...],
    *,
    supersede: bool,
    variant: str | None,
    as_json: bool,
) -> None:
    """Receive FILES as the extract of SURVEY (e.g. ZAF_QLFS) for PERIOD (e.g. 2013-Q4).

    All files that make the round are given at once (persons, households), or in one zip. They are read from end to
    end first; what cannot be read is refused whole, and nothing is stored.
    """
    from pipelines.intake import receive as take
    from pipelines.rounds import open_round, raw_extract

    home.prepare()
    this = open_round(home, f"{survey}_{period}")
    tell = Teller()
    receipt, is_new = take(
        home,
        this.spec,
        this.period,
        files,
        supersede=supersede,
        variant=variant,
        read=lambda kept: raw_extract(this, kept, tell),
    )
    raw = raw_extract(this, receipt)
    tell.clear()
    if as_json:
        answer = {
            "round": this.identifier,
            "receipt": receipt.number,
            "is_new": is_new,
            "variant": receipt.variant,
            "files": [{"name": file.name, "sha256": file.sha256} for file in receipt.files],
            "sha256": receipt.sha256,
            "rows": raw.facts["rows"],
            "columns": raw.facts["columns"],
        }
        click.echo(json.dumps(answer))
        return
    state = "received" if is_new else "received before, the same file"
    shape = f"{raw.facts['rows']:,} rows x {raw.facts['columns']} variables"
    click.echo(f"{this.identifier}: {state} (receipt {receipt.number}): {shape}")
    for note in raw.facts["notes"]:
        click.echo(f"  {note}")


@click.command()
@click.argument("rounds", nargs=-1)
@click.option("--release-date", type=click.DateTime(["%Y-%m-%d"]), help="Date of the release. [default: today]")
@click.option(
    "--release/--no-release", "is_released", default=True, show_default=True, help="Make a release at the end."
)
@click.option("--partial", is_flag=True, help="Release what passed even if a round was stopped.")
@click.option(
    "--test/--no-test",
    "is_test",
    default=True,
    show_default=True,
    help="Also release test extracts: apart from the others, and marked as such.",
)
@click.option(
    "--formats",
    type=click.Choice(["all", "tables"]),
    default="all",
    show_default=True,
    envvar="ILMS_FORMATS",
    show_envvar=True,
    help="What a release has: everything, or for a trial only the tables and SDMX-CSV 1.0.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Rounds processed at the same time. [default: half the cores]")
@click.option("--by", help="Who makes the release, as roles.toml names them. [default: the user of this process]")
@click.option(
    "--largest-change",
    type=click.FloatRange(min=0, min_open=True),
    help="Totals that changed by more than this share are shown to the approver. [default: of roles.toml, or 0.25]",
)
@_json_option
@click.pass_obj
def run(
    home: Home,
    rounds: tuple[str, ...],
    *,
    release_date: Any,
    is_released: bool,
    partial: bool,
    is_test: bool,
    formats: str,
    jobs: int | None,
    by: str | None,
    largest_change: float | None,
    as_json: bool,
) -> int:
    """Process ROUNDS (all that were received by default) from file to release.

    A round that its checks stop leaves the others going on; the release is then not made, and the last one stays
    as it is. What did not change is not computed again. Where roles are configured, the release waits as a candidate
    until somebody else approves it (ilms release approve).
    """
    from pipelines import run as job
    from pipelines.engine import EngineError
    from pipelines.release_command import check_maker, release_line
    from sdmx_out.releases.release import TEST_PREFIX

    home.prepare()
    if is_released and (refusal := check_maker(home, by)):
        click.echo(refusal, err=True)
        return EXIT_STOPPED
    tell = Teller()
    day = release_date.date() if release_date else date.today()  # noqa: DTZ011 - the date where the office is

    def say(text: str) -> None:
        tell.clear()
        if not as_json:
            click.echo(text)

    def told(outcome: job.RoundOutcome) -> None:
        say(_round_line(outcome))
        for error in outcome.errors:
            tell.clear()
            click.echo(f"  {error}", err=True)

    identifiers = job.rounds_to_run(home, rounds)
    if not identifiers:
        click.echo("no round was received yet: ilms receive SURVEY PERIOD FILE", err=True)
        return EXIT_UNAVAILABLE
    outcomes = job.run_rounds(home, identifiers, jobs or job.default_jobs(), tell, told)
    failed = [outcome.identifier for outcome in outcomes if not outcome.is_valid]
    areas, stopped = job.run_areas(home, tell, failed)
    for error in stopped:
        tell.clear()
        click.echo(f"  {error}", err=True)
    releases = []
    is_release_refused = False
    if is_released and (partial or not (failed or stopped)):
        for kind in ("default", "test") if is_test else ("default",):
            tell(f"writing the {kind} release")
            try:
                made = job.release(home, areas, day, kind, by, largest_change, tell, is_full=formats == "all")
            except (ProblemsError, EngineError) as error:
                tell.clear()
                click.echo(f"the {kind} release was stopped: {error}", err=True)
                is_release_refused = True
                continue
            if made is not None:
                releases.append(made)
                say(release_line(made))
        if not releases and not is_release_refused:
            say("nothing to release: no valid round")
    elif is_released:
        what = f"{len(failed)} round(s) and {len(stopped)} area check(s)"
        say(f"no release: {what} were stopped; the last release is untouched")
    tables = [table for outcome in outcomes for table in outcome.tables] + [t for made in areas.values() for t in made]
    news = [table for table in tables if table.is_new]
    published = [
        made
        for made in releases
        if made.is_new and made.state == "published" and not made.identifier.startswith(TEST_PREFIX)
    ]
    if news or published:
        tell("reporting to Dagster")
        from pipelines.events import report_release, report_tables

        try:
            report_tables(home, news)
            for made in published:
                report_release(home, made)
        except Exception as error:  # tables and releases are as they are, whether Dagster shows them or not
            tell.clear()
            click.echo(f"Dagster was not told of every table: {job.unexpected(error)}", err=True)
    tell.clear()
    if as_json:
        answer = {
            "rounds": {
                outcome.identifier: {
                    "is_valid": outcome.is_valid,
                    "is_new": outcome.is_new,
                    "errors": outcome.errors,
                    "warnings": outcome.warnings,
                }
                for outcome in outcomes
            },
            "stopped_areas": stopped,
            "releases": [
                {
                    "folder": str(made.folder),
                    "id": made.identifier,
                    "state": made.state,
                    "is_new": made.is_new,
                    "rows": made.rows,
                }
                for made in releases
            ],
        }
        click.echo(json.dumps(answer))
    return EXIT_STOPPED if failed or stopped or is_release_refused else 0


def _round_line(outcome: Any) -> str:
    rows = next((table.facts["rows"] for table in outcome.tables if table.name == "harmonised_persons"), None)
    state = "passed" if outcome.is_valid else "STOPPED"
    made = "" if outcome.is_new else ", unchanged"
    people = f", {rows:,} persons" if rows is not None else ""
    warned = f", {outcome.warnings} warning(s)" if outcome.warnings else ""
    return f"{outcome.identifier}: {state}{people}{warned}{made}"


@click.command()
@click.argument("indicator")
@click.option("--area", help="Area as ISO 3166-1 alpha-3.")
@click.option("--period", type=PeriodType(), help="Period, e.g. 2013 or 2013-Q4.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.pass_obj
def estimates(home: Home, indicator: str, area: str | None, period: Period | None, form: str) -> int:
    """Print the internal estimates of INDICATOR, unprotected: for statisticians, not for publication.

    Values are in the indicator's unit (thousands of persons for counts, percent for rates). Figures of rounds, and
    annual averages where all rounds of a year are there.
    """
    from pipelines.areas import area_years
    from pipelines.engine import open_engine, path_literal
    from pipelines.storage import current
    from schemas.indicators import load_indicators

    if indicator not in load_indicators():
        near = get_close_matches(indicator.upper(), load_indicators(), n=3)
        raise click.UsageError(f"unknown indicator {indicator}; near: {', '.join(near) or '(none)'}")
    tables = [current(home.store, "area_estimates", partition) for partition in area_years(home)]
    files = [table.data for table in tables if table is not None and table.is_valid]
    rows: list[tuple[Any, ...]] = []
    if files:
        listed = ", ".join(path_literal(path) for path in files)
        conditions, values = ["indicator = ?"], [indicator]
        if area:
            conditions.append("ref_area = ?")
            values.append(area)
        if period:
            conditions.append("time = ?")
            values.append(period.sdmx)
        with home.scratch() as scratch, open_engine(scratch, [home.store]) as connection:
            rows = connection.execute(
                f"SELECT {', '.join(ESTIMATE_COLUMNS)} FROM read_parquet([{listed}]) "
                f"WHERE {' AND '.join(conditions)} ORDER BY ALL",
                values,
            ).fetchall()
    if not rows:
        click.echo(f"no estimates of {indicator} for what was asked; ilms rounds lists what is there", err=True)
        return EXIT_UNAVAILABLE
    if form == "json":
        click.echo(json.dumps([dict(zip(ESTIMATE_COLUMNS, row, strict=True)) for row in rows]))
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(ESTIMATE_COLUMNS)
        writer.writerows(rows)
    return 0


@click.command(name="rounds")
@_json_option
@click.pass_obj
def list_rounds(home: Home, *, as_json: bool) -> None:
    """List the rounds that were received and how far each came."""
    from pipelines.intake import latest_receipt, received_rounds
    from pipelines.rounds import ROUND_TABLES
    from pipelines.storage import current

    answer = []
    for identifier in received_rounds(home):
        receipt = latest_receipt(home, identifier)
        tables = {name: current(home.store, name, identifier) for name in ROUND_TABLES}
        state = "received"
        for name, table in tables.items():
            if table is not None:
                state = name if table.is_valid else f"stopped at {name}"
        answer.append({"round": identifier, "receipt": receipt.number if receipt else None, "state": state})
    if as_json:
        click.echo(json.dumps(answer))
        return
    for item in answer:
        click.echo(f"{item['round']:28} receipt {item['receipt']}  {item['state']}")
    if not answer:
        click.echo("no round was received yet: ilms receive SURVEY PERIOD FILE", err=True)


@click.command(name="surveys")
@_json_option
@click.pass_obj
def list_surveys(home: Home, *, as_json: bool) -> int:
    """List the surveys that have a specification; one that does not pass is marked, and check-spec says why."""
    from schemas.survey_spec import find_surveys, load_survey

    answer = []
    for key, folder in sorted(find_surveys(home.spec_dirs).items()):
        try:
            survey = load_survey(folder).survey
            answer.append({"survey": key, "title": survey.title.en, "extract": survey.extract})
        except SpecError as error:
            title = f"does not pass: {len(error.problems)} problem(s), see ilms check-spec {folder}"
            answer.append({"survey": key, "title": title, "extract": "refused"})
    if as_json:
        click.echo(json.dumps(answer))
    else:
        for item in answer:
            click.echo(f"{item['survey']:16} {item['extract']:10} {item['title']}")
    return EXIT_REFUSED if any(item["extract"] == "refused" for item in answer) else 0


@click.command(name="check-spec")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--file", "files", multiple=True, type=_FILE, help="Check it against this file; all that make a round.")
@click.option(
    "--period",
    type=PeriodType(),
    help="Reference period of the file. [default: the first that the specification allows]",
)
@click.option("--variant", help="Variant of the files, where the specification has several that fit.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to check and sign here.")
@click.option("--language", type=click.Choice(["en", "fr", "es"]), default="en", show_default=True, help="Of the page.")
@click.option("--before", multiple=True, type=_FILE, help="File of the round before, for the page.")
@click.option("--before-period", type=PeriodType(), help="Its reference period. [default: the period before]")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Date on the page. [default: today]")
@_json_option
@click.pass_obj
def check_spec(home: Home, /, folder: Path, *, files: tuple[Path, ...], as_json: bool, **options: Any) -> int:
    """Check the survey specification in FOLDER, alone or against a file.

    Alone: errors by file and row. With a file: for every concept each source code with its count and
    target, unmapped codes, unused mappings, and which rule rows met first. With --html also the page on which the
    office checks the description and signs it; it holds the office's counts and is readable by its owner alone.
    """
    from pipelines.check_spec import check_against_file
    from pipelines.sign_off.page import write_page
    from schemas.survey_spec import load_survey

    try:
        spec = load_survey(folder)
    except SpecError as error:
        if as_json:
            click.echo(json.dumps({"is_valid": False, "problems": [asdict(problem) for problem in error.problems]}))
        else:
            click.echo(str(error), err=True)
            click.echo(f"{len(error.problems)} problem(s)", err=True)
        return EXIT_REFUSED
    tell = Teller()
    checked = None
    if (options["before"] or options["before_period"]) and not options["html"]:
        raise click.UsageError("--before is for the page: give --html as well")
    if files or options["html"]:
        home.prepare()
    if options["html"]:
        day = options["day"].date() if options["day"] else date.today()  # noqa: DTZ011 - the date where the office is
        checked = write_page(home, spec, files, tell, **{**options, "day": day})
    elif files:
        checked = check_against_file(home, spec, files, options["period"], tell, options["variant"])
    tell.clear()
    if checked is None:
        if as_json:
            click.echo(json.dumps({"is_valid": True, "survey": spec.key, "problems": []}))
        else:
            click.echo(f"{spec.key}: the specification passes ({len(spec.concepts)} concepts)")
        return 0
    if as_json:
        click.echo(json.dumps(checked.as_dict()))
    else:
        click.echo(checked.as_text())
    return 0 if checked.is_valid else EXIT_REFUSED


COMMANDS = [receive, run, release, report, estimates, explain, list_rounds, list_surveys, check_spec, new_spec, dev]
