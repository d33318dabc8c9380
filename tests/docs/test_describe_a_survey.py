"""The page docs/describe-a-survey.md is right as written: its files are taken out of it and run."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.command_line import ilms, register_commands

PAGE = Path(__file__).parents[2] / "docs" / "describe-a-survey.md"
FILES = re.compile(r"^`([^`\n]+)`\n```[a-z]+\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    for name, content in FILES.findall(PAGE.read_text(encoding="utf-8")):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def run(folder: Path, *arguments: str) -> Result:
    register_commands()
    whole = ["--home", str(folder / "var"), "--specs", str(folder), *arguments]
    return CliRunner().invoke(ilms, whole, catch_exceptions=False, standalone_mode=False)


def test_the_page_holds_the_whole_survey(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.csv")}
    assert {"persons.csv", "KEN/EXAMPLE/layout.csv", "KEN/EXAMPLE/rules/job_search.csv"} <= names
    assert (folder / "KEN/EXAMPLE/survey.toml").is_file()


def test_the_specification_passes_with_the_file(folder: Path) -> None:
    assert run(folder, "check-spec", str(folder / "KEN/EXAMPLE")).return_value == 0
    checked = run(
        folder, "check-spec", str(folder / "KEN/EXAMPLE"), "--file", str(folder / "persons.csv"), "--period", "2024"
    )
    assert checked.return_value == 0, checked.output
    assert "The specification passes with this file." in checked.output


def test_it_runs_to_a_release_and_its_figures_are_those_counted_by_hand(folder: Path) -> None:
    assert run(folder, "receive", "KEN_EXAMPLE", "2024", str(folder / "persons.csv")).exit_code == 0
    done = run(folder, "run", "--release-date", "2026-01-02")
    assert done.return_value == 0, done.output
    assert (folder / "var/releases/latest-test/toc.csv").is_file()
    printed = run(folder, "estimates", "EMP_TEMP_SEX_AGE_NB", "--area", "KEN").stdout
    total = next(line for line in printed.splitlines() if ",SEX_T,AGE_AGGREGATE_TOTAL," in line).split(",")
    # At work 101-1, 201-1, 201-2; absent with a job 102-1 (holidays), 202-1 (other).
    assert float(total[7]) == pytest.approx((410.5 + 655.0 + 655.0 + 398.0 + 640.9) / 1000, rel=1e-12)
    assert total[13] == "5"
