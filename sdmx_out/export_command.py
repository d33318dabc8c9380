"""`ilms export`: a published dataflow in any format of SDMX.

Here belongs talking to the terminal.
"""

from pathlib import Path
from typing import cast

import click

from schemas.errors import ProblemsError
from sdmx_out.command_parts import HELP, NOTHING_FOUND, Home, check_period
from sdmx_out.files import TEMPORARY_PREFIX
from sdmx_out.messages.csv_data import Labels
from sdmx_out.messages.formats import FORMATS, DataFormat, Spoken
from sdmx_out.messages.labels import LANGUAGES, Language
from sdmx_out.public import find_release
from sdmx_out.reader import open_reader
from sdmx_out.releases.export import Asked, export_blocks, find_export, has_observations


@click.command(context_settings=HELP)
@click.argument("indicator")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="sdmx-csv-2.0", show_default=True)
@click.option("--labels", type=click.Choice(["id", "name", "both"]), default="id", show_default=True, help="SDMX-CSV.")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of labels.")
@click.option("--se", "is_twin", is_flag=True, help="Standard errors, CVs and limits instead of values.")
@click.option("--area", "areas", multiple=True, help="Area as ISO 3166-1 alpha-3; repeatable.")
@click.option("--start", default="", help="First period, e.g. 2013 or 2013-Q2.")
@click.option("--end", default="", help="Last period; a year holds its quarters.")
@click.option("--release", "name", default="latest", show_default=True, help="Id of a release, latest or latest-test.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File; standard output by default.")
@click.pass_context
def export(  # noqa: PLR0913 - one argument per option
    context: click.Context,
    indicator: str,
    form: str,
    labels: str,
    language: str,
    areas: tuple[str, ...],
    start: str,
    end: str,
    name: str,
    out: Path | None,
    *,
    is_twin: bool,
) -> None:
    """Write the published dataflow of INDICATOR as a message of SDMX.

    All formats are written from the release itself. Exit codes: 0 written, 2 the request is wrong, 4 the release has
    nothing of what was asked for, and standard error says so.
    """
    home: Home = context.obj
    for option, period in (("--start", start), ("--end", end)):
        if period:
            check_period(period, option)
    if labels == "name" and form != "sdmx-csv-2.0":
        raise click.BadParameter("names in columns of their own are for sdmx-csv-2.0", param_hint="--labels")
    release = find_release(home.home / "releases", name)
    if release is None:
        click.echo(f"there is no release {name!r}: ilms run makes one", err=True)
        context.exit(NOTHING_FOUND)
    with open_reader() as connection:
        try:
            found = find_export(release, Asked(indicator, is_twin, areas, start, end))
        except ProblemsError as error:
            click.echo(str(error), err=True)
            context.exit(NOTHING_FOUND)
        if not has_observations(connection, found):
            click.echo("the release has no observation of what was asked for", err=True)
            context.exit(NOTHING_FOUND)
        spoken = Spoken(cast(Labels, labels), cast(Language, language))
        blocks = export_blocks(connection, found, cast(DataFormat, form), spoken)
        if out is None:
            with click.open_file("-", "wb") as stream:
                stream.writelines(blocks)
            return
        temporary = out.with_name(f"{TEMPORARY_PREFIX}{out.name}")
        with temporary.open("wb") as target:
            target.writelines(blocks)
        temporary.replace(out)
