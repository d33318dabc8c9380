"""The command line: help, exit codes, and answers that a machine can read."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.command_line import ilms as group
from pipelines.commands import COMMANDS
from pipelines.home import Home
from sdmx_out.commands import COMMANDS as PUBLIC_COMMANDS
from tests.acceptance import tiny
from tests.acceptance.desk import ilms

ESTIMATES = (
    "indicator,ref_area,survey,time,sex,classif1,classif2,value,se,lower,upper,cv,df,p_value,n,n_numerator,n_households,"
    "n_psu,status,reason"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A data folder with one round that passed, one that waits and one that was stopped."""
    folder = tmp_path_factory.mktemp("commands")
    home = Home(folder / "var", (tiny.write_spec(folder / "specs", without=tiny.MIGRATION),))
    tiny.take(home, "FJI_TINY_2024-Q1", tiny.write_csv(folder / "persons.csv", tiny.persons()))
    assert tiny.finish(home)[0] == []
    return home


def told(home: Home, *arguments: object) -> Result:
    """Run a command in this process, as the installed one does after its registration."""
    for command in [*COMMANDS, *PUBLIC_COMMANDS]:
        group.add_command(command)
    specs = [part for folder in home.spec_dirs for part in ("--specs", str(folder))]
    arguments = ("--home", str(home.root), *specs, *map(str, arguments))
    return CliRunner(env={"ILMS_FORMATS": "tables"}).invoke(group, arguments, standalone_mode=False)


def rows(answer: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.stdout)))


# --- help


def test_help_of_the_whole_names_every_command_and_exit_code(home: Home) -> None:
    answer = ilms(home.root, "--help")
    assert answer.returncode == 0
    for word in ("receive", "run", "estimates", "get", "rounds", "surveys", "check-spec", "ILMS_HOME", "--specs"):
        assert word in answer.stdout
    for code in range(6):
        assert re.search(rf"^ +{code}  \w", answer.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["receive", "run", "estimates", "get", "rounds", "surveys", "check-spec"])
def test_help_of_each_command(home: Home, command: str) -> None:
    for option in ("--help", "-h"):
        answer = told(home, command, option)
        assert answer.exit_code == 0
        assert f"{command} [OPTIONS]" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], 2),
        (["run", "--jobs", "0"], 2),
        (["run", "--release-date", "yesterday"], 2),
        (["run", "nonsense"], 1),
        (["run", "FJI_TINY_2024-Q4"], 1),
        (["receive", "FJI_TINY", "2024-Q9", "/dev/null"], 2),
        (["estimates", "NOT_AN_INDICATOR"], 2),
        (["estimates", "EMP_TEMP_SEX_AGE_NB", "--area", "FRA"], 4),
        (["get", "EMP_TEMP_SEX_AGE_NB"], 4),
        (["check-spec", "nowhere"], 2),
    ],
)
def test_exit_codes(home: Home, arguments: list[str], code: int) -> None:
    answer = ilms(home.root, "--specs", home.spec_dirs[0], *arguments)
    assert answer.returncode == code
    assert answer.stderr
    assert "Traceback" not in answer.stderr


def test_nothing_received_yet(tmp_path: Path) -> None:
    answer = ilms(tmp_path / "var", "run")
    assert answer.returncode == 4
    assert "ilms receive" in answer.stderr


def test_unknown_indicator_names_near_ones(home: Home) -> None:
    answer = ilms(home.root, "estimates", "EMP_TEMP_SEX_AGE")
    assert answer.returncode == 2
    assert "EMP_TEMP_SEX_AGE_NB" in answer.stderr


def test_a_defect_of_the_program_ends_without_a_traceback(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines import command_line, intake

    def fail(_: Home) -> tuple[str, ...]:
        raise KeyError("a value of a person")

    monkeypatch.setattr(intake, "received_rounds", fail)
    monkeypatch.setattr("sys.argv", ["ilms", "--home", str(home.root), "rounds"])
    with pytest.raises(SystemExit) as caught:
        command_line.main()
    assert caught.value.code == 5
    shown = capsys.readouterr().err
    assert "UNEXPECTED: KeyError in commands.py" in shown
    assert "a value of a person" not in shown


# --- lists


def test_rounds(home: Home) -> None:
    listed = told(home, "rounds", "--json")
    assert json.loads(listed.stdout) == [{"round": "FJI_TINY_2024-Q1", "receipt": 1, "state": "round_estimates"}]
    assert "FJI_TINY_2024-Q1" in told(home, "rounds").stdout


def test_rounds_says_where_a_round_was_stopped(tmp_path: Path) -> None:
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    people = tiny.persons()
    people[0]["SEX"] = "7"
    tiny.harmonise(home, people, tmp_path / "persons.csv")
    (listed,) = json.loads(told(home, "rounds", "--json").stdout)
    assert listed["state"] == "stopped at harmonised_persons"


def test_surveys(home: Home) -> None:
    listed = {item["survey"]: item for item in json.loads(told(home, "surveys", "--json").stdout)}
    assert {"ZAF_QLFS", "ESP_CENSUS", "GBR_QLFS", "XAA_LFS", "XBB_LFS", "FJI_TINY"} <= set(listed)
    assert listed["FJI_TINY"]["extract"] == "test"
    assert "ZAF_QLFS" in told(home, "surveys").stdout


def test_receive_and_run_answer_in_json(tmp_path: Path, home: Home) -> None:
    file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons())
    fresh = Home(tmp_path / "var", home.spec_dirs)
    received = json.loads(told(fresh, "receive", "FJI_TINY", "2024-Q1", file, "--json").stdout)
    assert (received["round"], received["receipt"], received["is_new"], received["rows"]) == (
        "FJI_TINY_2024-Q1", 1, True, 120,
    )  # fmt: skip
    again = json.loads(told(fresh, "receive", "FJI_TINY", "2024-Q1", file, "--json").stdout)
    assert (again["receipt"], again["is_new"]) == (1, False)
    ran = json.loads(told(fresh, "run", "--json", "--release-date", "2026-11-23").stdout)
    assert ran["rounds"]["FJI_TINY_2024-Q1"] == {"is_valid": True, "is_new": True, "errors": [], "warnings": 0}
    assert [release["is_new"] for release in ran["releases"]] == [True]


# --- estimates


def test_columns_of_estimates(home: Home) -> None:
    answer = told(home, "estimates", "EMP_TEMP_SEX_AGE_NB")
    assert answer.stdout.splitlines()[0] == ESTIMATES
    assert {row["time"] for row in rows(answer)} == {"2024-Q1"}
    assert {row["ref_area"] for row in rows(answer)} == {"FJI"}


def test_values_are_in_the_indicators_unit(home: Home) -> None:
    employed = [row for row in tiny.persons() if row["STATUS"] == "1"]
    found = rows(told(home, "estimates", "EMP_TEMP_SEX_AGE_NB"))
    (total,) = [row for row in found if (row["sex"], row["classif1"]) == ("SEX_T", "AGE_YTHADULT_YGE15")]
    assert float(total["value"]) == pytest.approx(len(employed) / 10)
    assert int(total["n"]) == len(employed)
    assert int(total["n_households"]) == len({row["HOUSE"] for row in employed})
    assert int(total["n_psu"]) == len({row["PSU"] for row in employed})
    unemployed = [row for row in tiny.persons() if row["STATUS"] == "2"]
    rate = rows(told(home, "estimates", "UNE_DEAP_SEX_AGE_RT"))
    (total,) = [row for row in rate if (row["sex"], row["classif1"]) == ("SEX_T", "AGE_YTHADULT_YGE15")]
    share = 100 * len(unemployed) / (len(employed) + len(unemployed))
    assert float(total["value"]) == pytest.approx(share)


def test_estimates_as_json_are_the_same(home: Home) -> None:
    found = json.loads(told(home, "estimates", "EMP_TEMP_SEX_AGE_NB", "--format", "json").stdout)
    assert list(found[0]) == ESTIMATES.split(",")
    assert len(found) == len(rows(told(home, "estimates", "EMP_TEMP_SEX_AGE_NB")))


def test_estimates_by_area_and_period(home: Home) -> None:
    whole = rows(told(home, "estimates", "EMP_TEMP_SEX_AGE_NB"))
    assert rows(told(home, "estimates", "EMP_TEMP_SEX_AGE_NB", "--area", "FJI", "--period", "2024-Q1")) == whole
    for asked in (["--period", "2023-Q1"], ["--area", "ZAF"]):
        answer = told(home, "estimates", "EMP_TEMP_SEX_AGE_NB", *asked)
        assert answer.stdout == ""
        assert answer.return_value == 4
        assert "no estimates" in answer.stderr


# --- check-spec


def test_check_spec_alone(home: Home) -> None:
    folder = home.spec_dirs[0] / "FJI" / "TINY"
    assert "passes" in told(home, "check-spec", folder).stdout
    assert json.loads(told(home, "check-spec", folder, "--json").stdout)["is_valid"] is True


def test_check_spec_names_file_and_row_of_every_error(tmp_path: Path) -> None:
    codes = tiny.TABLES["codes/sex.csv"].replace("SEX_F", "SEX_W")
    rules = tiny.TABLES["rules/area_type.csv"].replace("DISTRICT = '2'", "read_text('x') = '2'")
    specs = tiny.write_spec(tmp_path, tables={"codes/sex.csv": codes, "rules/area_type.csv": rules})
    folder = specs / "FJI" / "TINY"
    answer = ilms(tmp_path / "var", "check-spec", folder)
    assert (answer.returncode, answer.stdout) == (3, "")
    assert "FJI/TINY/codes/sex.csv, row 3: CODE_TARGET_UNKNOWN" in answer.stderr
    assert "FJI/TINY/rules/area_type.csv, row 3: EXPRESSION_REFUSED" in answer.stderr
    assert "Remedy: " in answer.stderr
    read = json.loads(ilms(tmp_path / "var", "check-spec", folder, "--json").stdout)
    assert read["is_valid"] is False
    assert {(problem["file"], problem["row"]) for problem in read["problems"]} == {
        ("FJI/TINY/codes/sex.csv", 3),
        ("FJI/TINY/rules/area_type.csv", 3),
    }
    assert not (tmp_path / "var").exists()


def test_check_spec_with_a_file(home: Home, tmp_path: Path) -> None:
    people = tiny.persons()
    for row in people[:3]:
        row["BIRTH"] = "Z"
    file = tiny.write_csv(tmp_path / "persons.csv", people)
    tables = {"codes/sex.csv": tiny.TABLES["codes/sex.csv"] + "3,Other,SEX_O,,,\n"}
    folder = tiny.write_spec(tmp_path / "specs", tables=tables) / "FJI" / "TINY"
    data = Home(tmp_path / "var")
    answer = told(data, "check-spec", folder, "--file", file, "--period", "2024-Q1", "--json")
    assert answer.return_value == 3
    read = json.loads(answer.stdout)
    sex = {item["source_code"]: item for item in read["codes"]["sex"]}
    assert {code: (item["target"], item["count"]) for code, item in sex.items()} == {
        "1": ("SEX_M", 60), "2": ("SEX_F", 60), "3": ("SEX_O", 0),
    }  # fmt: skip
    birth = {item["source_code"]: item for item in read["codes"]["country_of_birth"]}
    assert (birth["Z"]["target"], birth["Z"]["count"]) == ("UNMAPPED", 3)
    assert sum(item["count"] for item in birth.values()) == 120
    area = read["rules"]["area_type"]
    assert [item["rule"] for item in area] == ["1: DISTRICT = '1'", "2: DISTRICT = '2'"]
    assert sum(item["count"] for item in area) == 120
    assert {item["rule"] for item in read["findings"]} == {"CODE_UNMAPPED", "MAPPING_UNUSED"}
    shown = told(data, "check-spec", folder, "--file", file, "--period", "2024-Q1").stdout
    for part in ("UNMAPPED", "first rule met", "Fiji", "does not pass with this file"):
        assert part in shown
    assert [path for path in data.root.rglob("*") if path.is_file() and path.suffix == ".parquet"] == []
