"""``ilms report``: the last report of a round, where it lies and what it says in short."""

import json
from collections import Counter
from difflib import get_close_matches

import click

from pipelines.command_line import EXIT_UNAVAILABLE
from pipelines.home import Home


@click.command()
@click.argument("identifier", metavar="ROUND")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")
@click.pass_obj
def report(home: Home, identifier: str, *, as_json: bool) -> int:
    """Print where the last report of ROUND (e.g. ZAF_QLFS_2013-Q4) lies, and its findings by rule.

    The report is made by run and tells what it found then; it is restricted, as the data folder is.
    """
    from pipelines.report import DATA, FILES
    from schemas.edit_rules import load_edit_rules

    known = {path.parent.name for path in home.reports.glob(f"*/{DATA}")}
    if identifier not in known:
        near = get_close_matches(identifier, sorted(known), n=3)
        hint = f"; near: {', '.join(near)}" if near else "; ilms run makes one"
        click.echo(f"there is no report of {identifier}{hint}", err=True)
        return EXIT_UNAVAILABLE
    folder = home.reports / identifier
    told = json.loads((folder / DATA).read_bytes())
    counts = Counter(item["rule"] for item in told["findings"])
    severities = Counter(item["severity"] for item in told["findings"])
    files = [str(folder / name) for name in FILES if (folder / name).is_file()]
    if as_json:
        answer = {
            "round": identifier,
            "is_valid": told["is_valid"],
            "errors": severities["error"],
            "warnings": severities["warning"],
            "rules": dict(sorted(counts.items())),
            "files": files,
        }
        click.echo(json.dumps(answer))
        return 0
    state = "passed" if told["is_valid"] else "STOPPED"
    click.echo(f"{identifier}: {state}, {severities['error']} error(s), {severities['warning']} warning(s)")
    rules = load_edit_rules()
    severity = {item["rule"]: item["severity"] for item in told["findings"]}
    for rule, count in sorted(counts.items(), key=lambda item: (severity[item[0]] != "error", item[0])):
        times = f" ({count} times)" if count > 1 else ""
        click.echo(f"  {severity[rule]:7} {rule}{times}: {rules[rule].title if rule in rules else ''}")
    for path in files:
        click.echo(path)
    return 0
