"""The release gate from the command line: a candidate that waits, its approval, a withdrawal and its end."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.command_line import ilms as group
from pipelines.commands import COMMANDS
from pipelines.home import Home
from pipelines.run import login
from sdmx_out.commands import COMMANDS as PUBLIC_COMMANDS
from tests.acceptance import tiny
from tests.acceptance.desk import assert_whole, ilms, tree

ROLES = '[release]\nmakers = ["ada", "grace"]\napprovers = ["mary", "grace"]\n'
INDICATOR = "EMP_TEMP_SEX_AGE_NB"
Told = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A data folder with roles and a round whose figures are no test extract; nothing was run."""
    folder = tmp_path_factory.mktemp("gate")
    specs = tiny.write_spec(folder / "specs", {'extract = "test"': 'extract = "national"'}, without=tiny.MIGRATION)
    home = Home(folder / "var", (specs,))
    tiny.take(home, "FJI_TINY_2024-Q1", tiny.write_csv(folder / "persons.csv", tiny.persons()))
    (home.root / "roles.toml").write_text(ROLES, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def told(home: Home) -> Told:
    """Run a command in this process, as the installed one does after its registration."""
    for command in [*COMMANDS, *PUBLIC_COMMANDS]:
        group.add_command(command)

    def told(*arguments: object) -> Result:
        started = ["--home", str(home.root), "--specs", str(home.spec_dirs[0]), *map(str, arguments)]
        return CliRunner(env={"ILMS_FORMATS": "tables"}).invoke(group, started, standalone_mode=False)

    return told


def code(result: Result) -> int:
    """Return the exit code of a command that returns it, or that leaves the context with it."""
    return result.exit_code or result.return_value or 0


def releases(told: Told) -> list[dict[str, str]]:
    return json.loads(told("release", "list", "--json").stdout)["releases"]


def numbers(told: Told) -> list[str]:
    """Return the published values of the indicator."""
    return [line["obs_value"] for line in json.loads(told("get", INDICATOR, "--format", "json").stdout, parse_float=str)
            if line["obs_value"]]  # fmt: skip


def test_from_a_candidate_to_a_release_and_back(home: Home, told: Told) -> None:
    refused = told("run", "--by", "mary")
    assert (refused.return_value, (home.root / "store" / "harmonised_persons").exists()) == (1, False)
    assert "mary is not among the makers" in refused.stderr
    assert "--no-release" in refused.stderr

    ran = told("run", "--by", "ada", "--release-date", "2026-11-23", "--no-test")
    assert ran.return_value == 0, ran.stderr
    identifier = re.search(r"new candidate: (\S+)", ran.stdout).group(1)  # type: ignore[union-attr]
    assert f"ilms release approve {identifier}" in ran.stdout
    assert not (home.releases / "latest").exists()
    assert "no release yet" in told("get", INDICATOR).stderr
    (row,) = releases(told)
    assert (row["state"], row["maker"], row["is_latest"]) == ("waiting", "ada", False)

    shown = told("release", "show", identifier)
    assert shown.return_value == 0
    page = Path(re.search(r"^page: (.+)$", shown.stdout, re.MULTILINE).group(1))  # type: ignore[union-attr]
    html = page.read_text(encoding="utf-8")
    assert '<html lang="en">' in html
    assert html.count("<table>") == html.count("<caption>") > 0
    assert "<script" not in html

    for arguments, exit_code, text in (
        (("approve", identifier, "--by", "ada"), 1, "ada is not among the approvers"),
        (("approve", identifier), 1, f"{login()} is not among the approvers"),
        (("approve", "unknown", "--by", "mary"), 4, "there is no such candidate"),
        (("show", "unknown"), 4, "no protection report"),
        (("reopen", identifier, "--by", "mary", "--reason", "x"), 1, "it is waiting"),
    ):
        answer = told("release", *arguments)
        assert (answer.return_value, text in answer.stderr) == (exit_code, True), answer.stderr

    approved = told("release", "approve", identifier, "--by", "mary", "--date", "2026-11-24", "--comment", "good")
    assert approved.return_value == 0, approved.stderr
    assert "new release" in approved.stdout
    assert assert_whole(home.releases) == home.releases / identifier
    again = told("run", "--by", "ada", "--release-date", "2026-11-25", "--no-test", "--json")
    assert [(made["state"], made["is_new"]) for made in json.loads(again.stdout)["releases"]] == [("published", False)]
    values = numbers(told)
    assert values

    taken = told(
        "release", "withdraw", "latest", "--indicator", INDICATOR, "--reason", "a test", "--by", "ada",
        "--date", "2026-12-01",
    )  # fmt: skip
    assert taken.return_value == 0, taken.stderr
    assert "withdrawn from 1 release(s)" in taken.stdout
    gone = told("get", INDICATOR)
    assert (gone.exit_code or gone.return_value) in (4, None)
    assert gone.stderr == f"{INDICATOR}: withdrawn on 2026-12-01: a test\n"
    assert [path for path in home.releases.rglob(f"*{INDICATOR}*") if path.is_file()] == []
    before = tree(home.releases)
    same = told("run", "--by", "ada", "--release-date", "2026-12-02", "--no-test")
    assert "nothing new since release" in same.stdout
    assert tree(home.releases) == before

    ended = told("release", "restore", "--indicator", INDICATOR, "--reason", "it was right", "--by", "mary")
    assert ended.return_value == 0, ended.stderr
    back = told("run", "--by", "grace", "--release-date", "2026-12-03", "--no-test")
    second = re.search(r"new candidate: (\S+)", back.stdout).group(1)  # type: ignore[union-attr]
    own = told("release", "approve", second, "--by", "grace")
    assert (own.return_value, "nobody approves what they made" in own.stderr) == (1, True)
    assert told("release", "approve", second, "--by", "mary").return_value == 0
    assert numbers(told) == values
    assert told("release", "show", "latest").stdout.startswith(f"{second}: default release, made by grace")

    verified = told("release", "log", "--verify")
    assert (verified.return_value, "the chain holds" in verified.stdout) == (0, True)
    log = home.root / "release-log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b'"comment": "good"', b'"comment": "fine"'))
    assert told("release", "log", "--verify").return_value == 1
    log.write_bytes(whole)
    assert len(told("release", "log").stdout.splitlines()) == len(whole.splitlines()) == 8


def test_roles_that_cannot_be_read_stop_everything(tmp_path: Path) -> None:
    (tmp_path / "roles.toml").write_text('[release]\nmakers = ["ada"]\napprovers = ["ada"]\n', encoding="utf-8")
    ran = ilms(tmp_path, "run")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "roles.toml, row 3: ROLES_NOBODY_ELSE" in ran.stderr
    assert "Remedy: add another approver" in ran.stderr


def test_a_withdrawal_needs_a_release(tmp_path: Path) -> None:
    answer = ilms(tmp_path, "release", "withdraw", "latest", "--indicator", INDICATOR, "--reason", "x")
    assert (answer.returncode, "there is no release latest" in answer.stderr) == (4, True)
