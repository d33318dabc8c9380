"""`ilms structure pull`: how the lists and structures of a registry differ from ours, and taking them over.

Here belongs talking to the terminal.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from schemas.codes import FOLDER, load_code_lists, read_code_lists
from schemas.errors import ProblemsError
from schemas.indicators import load_indicators
from sdmx_out.catalogue import ILO
from sdmx_out.command_parts import HELP
from sdmx_out.structure_pull.difference import (
    Difference,
    list_differences,
    served_lists,
    structure_differences,
)
from sdmx_out.structure_pull.registry import ILO_URL, Registry, ServedCode
from sdmx_out.structure_pull.update import update_files

REFUSED, UNAVAILABLE = 3, 4
_WORDS = {
    "new": "new code {code}: {served}",
    "gone": "{code} ({ours}) is served no more; it stays until you remove it",
    "label": "{code}, {language}: {ours!r} is now {served!r}",
    "total": "{code}: is it a total? ours {ours}, served {served}",
    "version": "version {code} is served and not carried here ({served})",
    "list": "the registry has no such list",
    "structure": "{code}: ours {ours}, served {served}",
}


@click.group(context_settings=HELP)
def structure() -> None:
    """Code lists and data structures."""


@structure.command()
@click.option("--url", default=ILO_URL, show_default=True, help="SDMX REST service (1.5, SDMX-ML 2.1).")
@click.option("--agency", default=ILO, show_default=True, help="Whose structures are asked for.")
@click.option("--list", "lists", multiple=True, metavar="LIST", help="Served list, e.g. CL_CBR; repeatable; else all.")
@click.option("--indicator", "asked", multiple=True, metavar="ID", help="Data structure; repeatable; else all of ILO.")
@click.option("--write", "is_write", is_flag=True, help="Take new codes and labels over into the data files.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Code lists to compare.")
@click.option("--json", "is_json", is_flag=True, help="Print the differences as JSON.")
@click.pass_context
def pull(
    context: click.Context,
    url: str,
    agency: str,
    lists: tuple[str, ...],
    asked: tuple[str, ...],
    folder: Path | None,
    *,
    is_write: bool,
    is_json: bool,
) -> None:
    """Compare the code lists and data structures of a registry with ours, and take lists over with --write.

    With --list only these lists are asked for, with --indicator only these structures; without either, all. Nothing is
    written without --write. Codes that are served no more and other components of data structures are told, and left to
    a person. Exit codes: 0 told (differences or none), 2 the request is wrong, 3 the lists would not agree with each
    other and nothing was written, 4 the registry does not answer.
    """
    try:
        ours = load_code_lists() if folder is None else read_code_lists(folder)
    except ProblemsError as error:
        _tell(error)
        context.exit(REFUSED)
    held = served_lists(ours)
    catalogue = {name: item for name, item in load_indicators().items() if item.agency == ILO}
    _check(lists, held, "--list")
    _check(asked, catalogue, "--indicator")
    everything = not lists and not asked
    wanted_lists = list(held) if everything else list(lists)
    wanted = list(catalogue) if everything else list(asked)
    try:
        registry = Registry(url, agency)
        served = dict(_served(registry, wanted_lists))
        found = [
            difference
            for name, codes in served.items()
            for difference in (
                [Difference("list", name, name)] if codes is None else list_differences(held[name], codes)
            )
        ]
        for number, name in enumerate(wanted, start=1):
            click.echo(f"structure {number} of {len(wanted)}: {name}", err=True)
            found += structure_differences(catalogue[name], registry.structure(name))
    except ProblemsError as error:
        _tell(error)
        context.exit(UNAVAILABLE)
    _print(found, is_json=is_json)
    if not is_write:
        return
    try:
        there = {name: codes for name, codes in served.items() if codes is not None}
        written = update_files(folder or FOLDER, ours, there, held)
    except ProblemsError as error:
        _tell(error)
        click.echo("nothing was written", err=True)
        context.exit(REFUSED)
    click.echo(f"written: {', '.join(written) or 'nothing, the lists are the same'}", err=True)


def _check(asked: Sequence[str], known: Mapping[str, object], option: str) -> None:
    if unknown := [name for name in asked if name not in known]:
        raise click.BadParameter(f"{', '.join(unknown)}: not one of {', '.join(sorted(known))}", param_hint=option)


def _served(registry: Registry, names: Sequence[str]) -> Iterator[tuple[str, tuple[ServedCode, ...] | None]]:
    for number, name in enumerate(names, start=1):
        click.echo(f"list {number} of {len(names)}: {name}", err=True)
        yield name, registry.code_list(name)


def _tell(error: ProblemsError) -> None:
    for problem in error.problems:
        click.echo(str(problem), err=True)


def _print(found: Sequence[Difference], *, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps([asdict(item) for item in found], ensure_ascii=False, indent=1))
        return
    for item in found:
        click.echo(f"{item.place}: {_WORDS[item.kind].format(**asdict(item))}")
    counts = {kind: sum(item.kind == kind for item in found) for kind in _WORDS}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    click.echo(told or "no differences", err=True)
