"""``ilms explain``: how one figure was made, for statisticians with access to the data folder."""

import textwrap
from difflib import get_close_matches

import click

from pipelines.command_line import EXIT_STOPPED, EXIT_UNAVAILABLE
from pipelines.home import Home
from pipelines.period_type import PeriodType
from schemas.periods import Period

_WIDTH = 110
_INDENT = "  "


@click.command()
@click.argument("indicator")
@click.option("--area", required=True, help="Area as ISO 3166-1 alpha-3.")
@click.option("--period", required=True, type=PeriodType(), help="Period, e.g. 2013 or 2013-Q4.")
@click.option(
    "--cell",
    default="",
    help="Items by dimension, e.g. SEX=SEX_F,CBR=CBR_BIR_FOREIGN; totals where none is given. [default: all totals]",
)
@click.pass_obj
def explain(home: Home, indicator: str, area: str, period: Period, cell: str) -> int:
    """Print how one figure of INDICATOR was made: INTERNAL, for statisticians, not for publication.

    Definition, filter, formula with its numbers, files and specification, standard error, rules that decided its
    status, checks, release and notes. The figure is made anew from the stored tables; where it does not come out the
    same the exit code is 1. Sums of fewer than 5 persons are not shown.
    """
    from pipelines.explain import NoSuchCellError, NotThereError, check_figure, find_figure, parse_cell
    from pipelines.explain_text import sections, title
    from schemas.indicators import load_indicators

    known = load_indicators()
    if indicator not in known:
        near = get_close_matches(indicator.upper(), known, n=3)
        raise click.UsageError(f"unknown indicator {indicator}; near: {', '.join(near) or '(none)'}")
    try:
        figure = find_figure(home, known[indicator], area, period, parse_cell(cell))
    except NoSuchCellError as error:
        raise click.BadParameter(str(error), param_hint="--cell") from None
    except NotThereError as error:
        click.echo(str(error), err=True)
        return EXIT_UNAVAILABLE
    check = check_figure(home, figure)
    click.echo(title(figure))
    click.echo("INTERNAL: unprotected, for statisticians with access to the data folder; not for publication")
    for heading, lines in sections(home, figure, check):
        click.echo(f"\n{heading}")
        for line in lines:
            click.echo(_wrapped(line))
    if check.differences:
        click.echo(f"not reproduced: {', '.join(check.differences)}", err=True)
        return EXIT_STOPPED
    return 0


def _wrapped(line: str) -> str:
    indent = _INDENT + " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line.lstrip(), _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
