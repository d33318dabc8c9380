"""The commands of the release gate: what waits, what it holds back, and who decides.

Here belongs talking to the terminal. What may be decided by whom is said in ``sdmx_out.releases.gate``.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any

import click

from pipelines.command_line import EXIT_REFUSED, EXIT_STOPPED, EXIT_UNAVAILABLE
from pipelines.home import Home
from pipelines.period_type import PeriodType
from pipelines.teller import Teller
from schemas.errors import InputError, ProblemsError
from schemas.periods import Period

_UNKNOWN = "CANDIDATE_UNKNOWN", "NOT_WITHDRAWN", "NOTHING_TO_WITHDRAW"


def _by_options(function: Any) -> Any:
    function = click.option(
        "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Date of the decision. [default: today]"
    )(function)
    return click.option("--by", help="Who decides, as roles.toml names them. [default: the user of this process]")(
        function
    )


def _json_option(function: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")(function)


def _cell_options(function: Any) -> Any:
    function = click.option("--time", type=PeriodType(), help="Only this period, e.g. 2024 or 2024-Q4.")(function)
    function = click.option("--area", help="Only this area, as ISO 3166-1 alpha-3.")(function)
    return click.option("--indicator", required=True, help="Indicator whose figures are meant.")(function)


def _reason_option(text: str) -> Callable[[Any], Any]:
    return click.option("--reason", required=True, help=text)


def check_maker(home: Home, by: str | None) -> str | None:
    """Return why somebody may not make a release, before anything is computed for it; None where they may."""
    from pipelines.run import login
    from schemas.roles import load_roles
    from sdmx_out.releases.gate import GateError, check_role
    from sdmx_out.releases.places import Places

    try:
        check_role(load_roles(Places(home.root).roles), "make", by or login())
    except GateError as error:
        return f"{error}\nilms run --no-release processes the rounds alone"
    return None


def release_line(made: Any) -> str:
    """Return in one or two lines what became of a release."""
    figures = f"({made.indicators} indicators, {made.areas} areas, {made.rows:,} cells)"
    if made.state == "rejected":
        return (
            f"nothing new since candidate {made.identifier}, which was rejected: {made.comment}\n"
            f"  to put it forward again: ilms release reopen {made.identifier} --reason TEXT"
        )
    if made.state == "waiting":
        state = "new candidate" if made.is_new else "nothing new since candidate"
        return (
            f"{state}: {made.identifier} {figures} waits for an approver\n"
            f"  what it holds back and changes: ilms release show {made.identifier}\n"
            f"  to publish it: ilms release approve {made.identifier}"
        )
    state = "new release" if made.is_new else "nothing new since release"
    return f"{state}: {made.folder} {figures}"


@click.group()
def release() -> None:
    """Decide on release candidates, and take published figures back.

    Without roles.toml in the data folder there are no roles: a release is public as soon as its checks have passed.
    """


@release.command(name="list")
@_json_option
@click.pass_obj
def list_releases(home: Home, *, as_json: bool) -> None:
    """List candidates and releases with their state, and the withdrawals in force."""
    from sdmx_out.releases.candidates import all_candidates
    from sdmx_out.releases.places import Places
    from sdmx_out.releases.release import read_facts
    from sdmx_out.releases.withdrawn import in_force

    places = Places(home.root)
    rows = {
        item.id: {"id": item.id, "state": item.state, "made_on": item.made_on, "maker": item.maker}
        | {"decided_by": item.decided_by, "decided_on": item.decided_on, "comment": item.comment}
        for item in all_candidates(places)
    }
    for folder in places.release_folders():
        told = {"id": folder.name, "state": "published", "made_on": str(read_facts(folder)["release_date"])}
        rows.setdefault(folder.name, {**told, "maker": "", "decided_by": "", "decided_on": "", "comment": ""})
    links = [places.releases / name for name in ("latest", "latest-test")]
    latest = {link.readlink().name for link in links if link.is_symlink()}
    ordered = sorted(rows.values(), key=lambda row: (row["made_on"], row["id"]))
    withdrawals = in_force(places.withdrawn)
    if as_json:
        told_rows = [{**row, "is_latest": row["id"] in latest} for row in ordered]
        click.echo(json.dumps({"releases": told_rows, "withdrawals": [asdict(item) for item in withdrawals]}))
        return
    for row in ordered:
        state = row["state"] + (", latest" if row["id"] in latest else "")
        decided = f"  by {row['decided_by']} on {row['decided_on']}" if row["decided_by"] else ""
        comment = f": {row['comment']}" if row["comment"] else ""
        click.echo(f"{row['id']:30} {state:20}{decided}{comment}")
    for item in withdrawals:
        click.echo(f"{item.identifier}: withdrawn on {item.withdrawn_on}: {item.reason}")
    if not rows:
        click.echo("no release yet: ilms run makes one", err=True)


@release.command()
@click.argument("identifier", metavar="ID")
@_json_option
@click.pass_obj
def show(home: Home, identifier: str, *, as_json: bool) -> int:
    """Print the protection report of candidate or release ID (or latest, latest-test), and where its page lies."""
    from sdmx_out.releases.candidates import find_candidate, folder_of, read_report
    from sdmx_out.releases.places import Places
    from sdmx_out.releases.protection_report import PAGE, text

    places = Places(home.root)
    link = places.releases / identifier
    if identifier in ("latest", "latest-test") and link.is_symlink():
        identifier = link.readlink().name
    candidate = find_candidate(places, identifier)
    report = read_report(places, identifier) if candidate is not None else None
    if candidate is None or report is None:
        click.echo(f"there is no protection report of {identifier}; ilms release list shows what there is", err=True)
        return EXIT_UNAVAILABLE
    if as_json:
        click.echo(json.dumps({"candidate": asdict(candidate), "report": report}))
        return 0
    for line in text(report):
        click.echo(line)
    comment = f": {candidate.comment}" if candidate.comment else ""
    click.echo(f"state: {candidate.state}, by {candidate.decided_by} on {candidate.decided_on}{comment}")
    shown = folder_of(places, candidate) / PAGE
    if shown.is_file():
        click.echo(f"page: {shown}")
    return 0


@release.command()
@click.argument("identifier", metavar="ID", default="latest")
@click.option(
    "--whole", "is_whole", is_flag=True, help="Without limits: every message in every format, read back whole."
)
@_json_option
@click.pass_obj
def check(home: Home, identifier: str, *, is_whole: bool, as_json: bool) -> int:
    """Put the messages of release ID (or latest, latest-test) through the validity gate again.

    Schemas, code lists and references of all structures and messages, then read back with sdmx1 and pysdmx and compared
    cell by cell. Above stated limits dataflows are chosen, which --whole does without: it takes minutes.
    """
    from sdmx_out.public import find_release
    from sdmx_out.reader import open_reader
    from sdmx_out.releases.release import read_facts
    from sdmx_out.validity.release_check import check_release
    from sdmx_out.validity.sample import WITHOUT_LIMITS, Limits
    from sdmx_out.validity.verdict import summary

    folder = find_release(home.releases, identifier)
    if folder is None:
        click.echo(f"there is no release {identifier!r}; ilms release list shows them", err=True)
        return EXIT_UNAVAILABLE
    facts = read_facts(folder)
    if facts.get("formats", "tables") != "all":
        click.echo(f"{folder.name} has not all formats, so that there is nothing to compare", err=True)
        return EXIT_UNAVAILABLE
    tell = Teller()
    with open_reader() as connection:
        limits = WITHOUT_LIMITS if is_whole else Limits()
        verdict = check_release(folder, connection, limits=limits, seed=str(facts["content_sha256"]), told=tell)
    tell.clear()
    if as_json:
        click.echo(json.dumps(verdict.as_json(), ensure_ascii=False, indent=1))
    else:
        for line in summary(verdict):
            click.echo(line)
    for problem in verdict.problems:
        click.echo(str(problem), err=True)
    return 0 if verdict.passed else EXIT_STOPPED


@release.command()
@click.argument("identifier", metavar="ID")
@click.option("--comment", default="", help="Kept in the log of decisions.")
@_by_options
@click.pass_obj
def approve(home: Home, identifier: str, comment: str, by: str | None, day: Any) -> int:
    """Publish candidate ID, which somebody else made."""
    from sdmx_out.releases.gate import approve as decide
    from sdmx_out.releases.places import Places
    from sdmx_out.releases.release import TEST_PREFIX

    def do() -> None:
        made = decide(Places(home.root), identifier, _by(by, day), comment)
        click.echo(release_line(made))
        if not made.identifier.startswith(TEST_PREFIX):
            _tell_dagster(home, made)

    return _decided(do)


@release.command()
@click.argument("identifier", metavar="ID")
@_reason_option("Kept in the log of decisions and shown to whoever runs again.")
@_by_options
@click.pass_obj
def reject(home: Home, identifier: str, reason: str, by: str | None, day: Any) -> int:
    """Reject candidate ID: its files go, and the same figures are not put forward again."""
    from sdmx_out.releases.gate import reject as decide
    from sdmx_out.releases.places import Places

    def do() -> None:
        decide(Places(home.root), identifier, _by(by, day), reason)
        click.echo(f"{identifier}: rejected; the last release is untouched")

    return _decided(do)


@release.command()
@click.argument("identifier", metavar="ID")
@_reason_option("Kept in the log of decisions.")
@_by_options
@click.pass_obj
def reopen(home: Home, identifier: str, reason: str, by: str | None, day: Any) -> int:
    """Let the figures of rejected candidate ID be put forward again: the next run makes a candidate of them."""
    from sdmx_out.releases.gate import reopen as decide
    from sdmx_out.releases.places import Places

    def do() -> None:
        decide(Places(home.root), identifier, _by(by, day), reason)
        click.echo(f"{identifier}: reopened; ilms run makes a candidate of these figures again")

    return _decided(do)


@release.command()
@click.argument("name", metavar="RELEASE_OR_latest")
@_cell_options
@_reason_option("Public: it stands in every release that held the figures.")
@_by_options
@click.pass_obj
def withdraw(
    home: Home, name: str, indicator: str, area: str | None, time: Period | None, reason: str, by: str | None, day: Any
) -> int:
    """Take figures that RELEASE_OR_latest shows out of every release, and keep them out of later ones.

    Without --area and --time the files of the indicator go; otherwise they are written anew without these figures.
    Other indicators stay as they are: those from which the figures could be computed have to be withdrawn as well.
    """
    from sdmx_out.public import find_release
    from sdmx_out.releases.gate import withdraw as decide
    from sdmx_out.releases.places import Places
    from sdmx_out.releases.withdrawal import Taken
    from sdmx_out.releases.withdrawn import Withdrawal

    places = Places(home.root)
    if find_release(places.releases, name) is None:
        click.echo(f"there is no release {name}", err=True)
        return EXIT_UNAVAILABLE

    def do() -> None:
        who = _by(by, day)
        wanted = Withdrawal(indicator, area or "", time.sdmx if time else "", who.day.isoformat(), reason)
        taken: Taken = decide(places, name, wanted, who)
        click.echo(
            f"{wanted.identifier}: withdrawn from {len(taken.releases)} release(s); {taken.removed} file(s) removed, "
            f"{taken.rewritten} written anew"
        )
        for held in taken.held:
            click.echo(f"  {held}: another name outside the releases still keeps these bytes", err=True)

    return _decided(do)


@release.command()
@_cell_options
@_reason_option("Kept in the log of decisions.")
@_by_options
@click.pass_obj
def restore(
    home: Home, indicator: str, area: str | None, time: Period | None, reason: str, by: str | None, day: Any
) -> int:
    """End a withdrawal: the next release may publish the figures again; earlier releases stay as they are."""
    from sdmx_out.releases.gate import restore as decide
    from sdmx_out.releases.places import Places

    def do() -> None:
        key = (indicator, area or "", time.sdmx if time else "")
        ended = decide(Places(home.root), key, _by(by, day), reason)
        click.echo(f"{ended.identifier}: not withdrawn any more; the next release may publish it")

    return _decided(do)


@release.command()
@click.option("--verify", "is_verified", is_flag=True, help="Only check that no line was changed, added or removed.")
@_json_option
@click.pass_obj
def log(home: Home, *, is_verified: bool, as_json: bool) -> int:
    """Print every decision on releases, after the chain of lines was verified."""
    from sdmx_out.releases.candidates import all_candidates
    from sdmx_out.releases.places import Places
    from sdmx_out.releases.release_log import of, read

    places = Places(home.root)
    try:
        entries = read(places.log)
    except InputError as error:
        click.echo(str(error), err=True)
        return EXIT_STOPPED
    missing = [
        item.id
        for item in all_candidates(places)
        if item.digest not in {entry.digest for entry in of(entries, item.id, "made")}
    ]
    for identifier in missing:
        click.echo(f"{identifier}: the log does not say that this candidate was made as it is", err=True)
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in entries]))
    elif is_verified:
        click.echo(f"{len(entries)} decision(s); the chain {'does not hold' if missing else 'holds'}")
    else:
        for entry in entries:
            login = f" (as {entry.login})" if entry.login not in ("", entry.who) else ""
            comment = f": {entry.comment}" if entry.comment else ""
            click.echo(f"{entry.date} {entry.what:10} {entry.id} by {entry.who}{login}{comment}")
    return EXIT_STOPPED if missing else 0


def _by(by: str | None, day: Any) -> Any:
    from pipelines.run import login
    from sdmx_out.releases.release_log import By

    today = date.today()  # noqa: DTZ011 - the date where the office is
    return By(by or login(), login(), day.date() if day else today)


def _decided(do: Callable[[], None]) -> int:
    """Take a decision and return the exit code; a refusal is printed."""
    from sdmx_out.releases.gate import GateError

    try:
        do()
    except GateError as error:
        click.echo(str(error), err=True)
        return EXIT_UNAVAILABLE if {problem.rule for problem in error.problems} <= set(_UNKNOWN) else EXIT_STOPPED
    except ProblemsError as error:
        click.echo(str(error), err=True)
        return EXIT_REFUSED
    return 0


def _tell_dagster(home: Home, made: Any) -> None:
    from pipelines.events import report_release
    from pipelines.run import unexpected

    try:
        report_release(home, made)
    except Exception as error:  # the release is public, whether Dagster shows it or not
        click.echo(f"Dagster was not told of the release: {unexpected(error)}", err=True)
