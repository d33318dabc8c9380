"""The page docs/describe-a-survey.md is right as written: its files are taken out of it and run."""

import csv
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.command_line import ilms, register_commands
from pipelines.design_checks import calibration_findings
from schemas.periods import Period
from schemas.survey_estimation import ReplicateMethod
from schemas.survey_spec import BUILT_IN, dictionary_of, load_survey
from tests.real_data import microdata
from transforms.harmonise import plan

PAGE = Path(__file__).parents[2] / "docs" / "describe-a-survey.md"
WALK, PARTS, ESTIMATION = "## From a file to a passing check", "## The parts of a folder", "## Estimation"
BLOCK = re.compile(r"(?:^`([^`\n]+)`\n)?^```([a-z]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(start: str, end: str | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield (name of the file, language, text) of the blocks of a part of the page."""
    text = PAGE.read_text(encoding="utf-8").partition(start)[2]
    yield from BLOCK.findall(text.partition(end)[0] if end else text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    for name, _, content in blocks(PARTS):
        if name:
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
    done = run(folder, "run", "--release-date", "2026-01-02", "--formats", "tables")
    assert done.return_value == 0, done.output
    assert (folder / "var/releases/latest-test/toc.csv").is_file()
    printed = run(folder, "estimates", "EMP_TEMP_SEX_AGE_NB", "--area", "KEN").stdout
    rows = csv.DictReader(printed.splitlines())
    total = next(row for row in rows if (row["sex"], row["classif1"]) == ("SEX_T", "AGE_AGGREGATE_TOTAL"))
    # At work 101-1, 201-1, 201-2; absent with a job 102-1 (holidays), 202-1 (other).
    assert float(total["value"]) == pytest.approx((410.5 + 655.0 + 655.0 + 398.0 + 640.9) / 1000, rel=1e-12)
    assert total["n"] == "5"


# --- estimation ----------------------------------------------------------------------------------

EXAMPLES = [text for _, language, text in blocks(ESTIMATION) if language == "toml"]
TOTALS = [text for _, language, text in blocks(ESTIMATION) if language == "csv"]
#: Variables that the examples add to those of the survey of the page.
ADDED = ("EATOTAL", "HHTOTAL", *(f"REPW{number}" for number in range(1, 81)))


def with_example(folder: Path, root: Path, example: str) -> Path:
    """Copy the survey of the page and put an example into its survey.toml; return its folder."""
    copy = root / "KEN/EXAMPLE"
    shutil.copytree(folder / "KEN/EXAMPLE", copy)
    with (copy / "layout.csv").open("a", encoding="utf-8") as layout:
        layout.writelines(f"{name},Added,,\n" for name in ADDED)
    parts = sections((copy / "survey.toml").read_text(encoding="utf-8"))
    if example.startswith("[design]"):
        parts["[design]"] = example
    elif example.startswith("["):
        parts["end"] = f"\n{example}"
    else:
        parts["[concepts]"] += example
    (copy / "survey.toml").write_text("".join(parts.values()), encoding="utf-8")
    if "[calibration]" in example:
        (copy / "calibration").mkdir()
        for name, text in zip(("sex_age", "citizenship"), TOTALS, strict=True):
            (copy / "calibration" / f"{name}.csv").write_text(text, encoding="utf-8")
    return copy


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_on_estimation_passes_in_the_survey_of_the_page(
    folder: Path, tmp_path: Path, number: int
) -> None:
    spec = load_survey(with_example(folder, tmp_path, EXAMPLES[number]))
    plain = load_survey(folder / "KEN/EXAMPLE")
    read = ("design", "replicates", "concepts", "reliability", "pooling", "breaks", "calibration", "benchmarks")
    assert any(getattr(spec, name) != getattr(plain, name) for name in read)


def test_the_examples_show_every_section_on_estimation() -> None:
    shown = set(re.findall(r"^\[+([a-z_.]+)\]", "\n".join(EXAMPLES), re.MULTILINE))
    assert shown == {
        *("design", "design.replicates", "reliability", "pooling", "break", "calibration", "calibration.margin"),
        *("benchmark", "reference_stock"),
    }


def test_the_table_of_methods_names_them_all() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| `method` | scale |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(get_args(ReplicateMethod))


def test_the_totals_of_the_page_are_of_the_categories_of_its_persons(folder: Path, tmp_path: Path) -> None:
    (example,) = [text for text in EXAMPLES if "[calibration]" in text]
    spec, period = load_survey(with_example(folder, tmp_path, example)), Period.parse("2024")
    steps = plan(spec, dictionary_of(spec), period)
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE raw_extract AS SELECT row_number() OVER () AS row_number, * "
            f"FROM read_csv('{folder / 'persons.csv'}', delim = ';', all_varchar = true)"
        )
        connection.execute(f"CREATE TABLE work AS {steps.sql}")
        assert calibration_findings(connection, spec, period, steps.columns, dictionary_of(spec)) == []


# --- from a file to a passing check --------------------------------------------------------------


def commands(text: str, root: Path, data: Path) -> str:
    """Run the commands of a block in a folder; return what the last one printed."""
    printed = ""
    for line in text.splitlines():
        if line.startswith("ilms "):
            arguments = [word.replace("$ILMS_MICRODATA", str(data)) for word in shlex.split(line)[1:]]
            done = run(root, *arguments)
            printed = done.output
        else:
            subprocess.run(["bash", "-c", line], cwd=root, check=True)
    return printed


def edit(path: Path, difference: str) -> None:
    """Replace lines of a file as a block of differences says; each must stand there as shown."""
    text = path.read_text(encoding="utf-8")
    lines = difference.splitlines()
    for old, new in zip(lines[::2], lines[1::2], strict=True):
        assert (old[0], new[0]) == ("-", "+")
        assert f"\n{old[1:]}\n" in text, f"{path.name} has no line {old[1:]}"
        text = text.replace(f"\n{old[1:]}\n", f"\n{new[1:]}\n")
    path.write_text(text, encoding="utf-8")


@pytest.mark.real_data
def test_the_walk_from_a_file_to_a_passing_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = microdata("spain_censo2011/sampleEPA0111.txt").parents[1]
    monkeypatch.chdir(tmp_path)
    printed, steps, passed = "", [], []
    for name, language, text in blocks(WALK, PARTS):
        steps.append(language)
        if language == "sh":
            printed = commands(text, tmp_path, data)
            passed.append("passes" in printed)
        elif language == "text":
            missing = [line for line in text.splitlines() if line not in printed.splitlines()]
            assert missing == []
        elif language == "diff":
            edit(tmp_path / name, text)
        else:
            assert (tmp_path / name).is_file()
            (tmp_path / name).write_text(text, encoding="utf-8")
    assert steps.count("sh") == 6
    assert steps.count("text") == 4
    # Drafted, refused, two steps of editing, and passed twice.
    assert passed == [False, False, False, False, True, True]
    assert printed.splitlines()[-1] == "The specification passes with this file."


def sections(text: str) -> dict[str, str]:
    """Return the text of each section of a survey.toml by its header."""
    found: dict[str, str] = {}
    header = ""
    for line in text.splitlines(keepends=True):
        header = line.split("#")[0].strip() if line.startswith("[") else header
        found[header] = found.get(header, "") + line
    return found


def confirm(folder: Path, truth: Path) -> set[str]:
    """Answer every mark of a draft as a finished specification of the survey does; return the concepts guessed right.

    The layout, the file section and the notes stay as they were drafted.
    """
    drafted = sections((folder / "survey.toml").read_text(encoding="utf-8"))
    finished = sections((truth / "survey.toml").read_text(encoding="utf-8"))
    lines = {line.split(" = ")[0]: line for line in finished["[concepts]"].splitlines()[1:] if line.strip()}
    guessed = tomllib.loads(drafted["[concepts]"])["concepts"]
    known = tomllib.loads(finished["[concepts]"])["concepts"]
    right = set()
    for name, line in guessed.items():
        assert line.pop("guess") is True
        if line == known.get(name):
            right.add(name)
    for kind in ("codes", "rules"):
        for path in (folder / kind).glob("*.csv"):
            path.unlink()
        for path in (truth / kind).glob("*.csv"):
            shutil.copy(path, folder / kind)
    answered = [finished[header] for header in ("[survey]", "[population]", "[design]", "[labour_force]")]
    concepts = "[concepts]\n" + "\n".join(lines.values()) + "\n\n"
    whole = [*answered, drafted["[[file]]"], concepts, finished["[not_collected]"]]
    (folder / "survey.toml").write_text("".join(whole), encoding="utf-8")
    return right


@pytest.mark.real_data
def test_the_steps_of_the_page_lead_to_the_finished_specification_of_another_survey(tmp_path: Path) -> None:
    file = microdata("south_africa_qlfs/qlfs_2013_q4.zip")
    made = run(tmp_path, "new-spec", str(file), "--survey", "ZAF_QLFS", "--out", str(tmp_path), "--period", "2013-Q4")
    assert made.exit_code == 0
    folder = tmp_path / "ZAF/QLFS"
    refused = run(tmp_path, "check-spec", str(folder), "--json")
    assert refused.return_value == 3
    marks = {problem["rule"] for problem in json.loads(refused.stdout)["problems"]}
    assert marks == {"SPEC_GUESS", "CODE_GUESS"}
    right = confirm(folder, BUILT_IN / "ZAF/QLFS")
    assert {"household_id", "person_id", "weight", "stratum", "sex", "age", "education"} <= right
    with (folder / "layout.csv").open(encoding="utf-8", newline="") as stream:
        assert sum(1 for _ in csv.DictReader(stream)) == 155
    assert set(load_survey(folder).concepts) == set(load_survey(BUILT_IN / "ZAF/QLFS").concepts)
    checked = run(tmp_path, "check-spec", str(folder), "--file", str(file), "--period", "2013-Q4")
    assert checked.return_value == 0
    assert "The specification passes with this file." in checked.output
