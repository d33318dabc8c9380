"""The installed command ``ilms``: options for all commands, and the exit codes.

The commands themselves are registered by their packages under the entry-point group ``ilms.commands``.
"""

import sys
from importlib.metadata import entry_points
from pathlib import Path

import click

from pipelines.home import Home
from schemas.errors import ProblemsError

EXIT_STOPPED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_UNAVAILABLE = 4
EXIT_DEFECT = 5

EPILOG = """\b
Exit codes:
  0  done
  1  a round, an area or the release was stopped by its checks, or a decision on a release was refused
  2  the command was not understood
  3  a file or a specification was refused
  4  what was asked for is not available (the reason is on standard error)
  5  the program itself failed; what was published before is as it was
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--home",
    envvar="ILMS_HOME",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Data folder (also ILMS_HOME).",
)
@click.option(
    "--specs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of survey specifications outside the package (<ISO3>/<SURVEY>/); repeatable.",
)
@click.version_option(package_name="labour-migration-statistics")
@click.pass_context
def ilms(context: click.Context, home: Path, specs: tuple[Path, ...]) -> None:
    """From national labour force survey files to ILOSTAT labour migration tables and SDMX."""
    context.obj = Home(home.absolute(), tuple(folder.absolute() for folder in specs))


def register_commands() -> None:
    """Add the commands of every package to the command line."""
    for entry in sorted(entry_points(group="ilms.commands"), key=lambda found: found.name):
        for command in entry.load():
            ilms.add_command(command)


def main() -> None:
    """Run the command line; errors that people can mend are printed, not traced."""
    register_commands()
    try:
        code = ilms.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted; the next run goes on from here", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ProblemsError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_REFUSED)
    except Exception as error:  # a traceback would end with the error's text, which may quote a value
        from pipelines.run import unexpected

        click.echo(unexpected(error), err=True)
        sys.exit(EXIT_DEFECT)
    sys.exit(code if isinstance(code, int) else 0)
