"""`ilms get`: what it prints, and what it says when there is nothing to print."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sdmx_out.commands import get
from tests.sdmx_out import example
from tests.sdmx_out.example import (
    DIFFERENCE,
    EMPLOYMENT,
    FOREIGN,
    FOREIGN_BORN,
    NATIVE,
    RATE,
    STAY,
    TOTAL,
    YOUNG,
    compared,
    rows,
)

HEADER = (
    "ref_area,source,indicator,sex,classif1,classif2,time,obs_value,obs_status,"
    "note_classif,note_indicator,note_source,se,lower,upper,p_value,significance"
)
Get = Callable[..., Result]


@dataclass(frozen=True)
class Home:
    home: Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one release and nothing else, so that nothing else can be read."""
    work = tmp_path_factory.mktemp("home")
    data = [
        {
            **row,
            "source": row["source"].replace("XAA", "ZAF"),
            "ref_area": "KEN" if row["ref_area"] == "XBB" else "ZAF",
        }
        for row in (*rows(), *compared())
    ]
    example.release(work, data, kind="default")
    for path in work.glob("*.parquet"):
        path.unlink()
    return work


@pytest.fixture
def run(home: Path) -> Get:
    def run(*arguments: str, at: Path = home) -> Result:
        return CliRunner().invoke(get, arguments, obj=Home(at))

    return run


def test_csv(run: Get) -> None:
    result = run(EMPLOYMENT, "--period", "2013-Q4")
    assert (result.exit_code, result.stderr) == (0, "")
    cell = f"ZAF,BA:ZAF_LFS,{EMPLOYMENT}"
    notes = "T2:84,R1:3513_S5:40"
    assert result.stdout == (
        f"{HEADER}\n"
        f"{cell},SEX_F,{YOUNG},{FOREIGN_BORN},2013Q4,,C,,{notes},,,,,\n"
        f"{cell},SEX_M,{YOUNG},{FOREIGN_BORN},2013Q4,,S,,{notes},,,,,\n"
        f"{cell},SEX_T,{TOTAL},{NATIVE},2013Q4,1234.568,,,{notes},1.25000,9.50000,1237.02,,\n"
    )


def test_all_frequencies_and_sources(run: Get) -> None:
    assert len(run(EMPLOYMENT).stdout.splitlines()) == 6
    sources = {line.split(",")[1] for line in run(FOREIGN).stdout.splitlines()[1:]}
    assert sources == {"BA:ZAF_LFS", "BB:XBB_HS"}


@pytest.mark.parametrize("period", ["2013-Q4", "2013Q4"])
def test_periods_in_either_spelling(run: Get, period: str) -> None:
    assert len(run(EMPLOYMENT, "--area", "ZAF", "--period", period).stdout.splitlines()) == 4
    assert len(run(STAY, "--period", "2013-03").stdout.splitlines()) == 2
    assert len(run(STAY, "--period", "2013M03").stdout.splitlines()) == 2


def test_json(run: Get) -> None:
    result = run(EMPLOYMENT, "--period", "2013-Q4", "--format", "json")
    table = json.loads(result.stdout)
    assert [line["obs_value"] for line in table] == [None, None, 1234.568]
    assert table[0] == {
        "ref_area": "ZAF",
        "source": "BA:ZAF_LFS",
        "indicator": EMPLOYMENT,
        "sex": "SEX_F",
        "classif1": YOUNG,
        "classif2": FOREIGN_BORN,
        "time": "2013Q4",
        "obs_value": None,
        "obs_status": "C",
        "note_classif": None,
        "note_indicator": "T2:84",
        "note_source": "R1:3513_S5:40",
        "se": None,
        "lower": None,
        "upper": None,
        "p_value": None,
        "significance": None,
    }


def test_table(run: Get) -> None:
    lines = run(FOREIGN, "--area", "KEN", "--format", "table").stdout.splitlines()
    assert lines[0].split() == [
        *("ref_area", "source", "indicator", "sex", "classif1", "time", "obs_value"),
        *("note_indicator", "note_source", "se", "lower", "upper"),
    ]
    assert lines[2].split()[:4] == ["KEN", "BB:XBB_HS", FOREIGN, "SEX_T"]


def test_comparisons_have_p_values(run: Get) -> None:
    table = json.loads(run(DIFFERENCE, "--format", "json").stdout)
    told = {line["sex"]: (line["obs_value"], line["p_value"], line["significance"]) for line in table}
    assert told == {
        "SEX_F": (None, None, None),
        "SEX_M": (0.0, 0.05, "not significant"),
        "SEX_T": (-7.25, 0.0, "significant"),
    }
    header = run(DIFFERENCE, "--format", "table").stdout.splitlines()[0].split()
    assert header[-2:] == ["p_value", "significance"]


def test_labels(run: Get) -> None:
    options = ("--period", "2013-Q4", "--labels")
    labels = json.loads(run(EMPLOYMENT, *options, "label", "--format", "json").stdout)[0]
    assert (labels["ref_area"], labels["sex"], labels["classif1"]) == ("South Africa", "Female", "15-24")
    assert (labels["indicator"], labels["obs_status"]) == (
        "Employment by sex, age and place of birth",
        "Confidential",
    )
    both = json.loads(run(EMPLOYMENT, *options, "both", "--format", "json").stdout)[0]
    assert (both["ref_area"], both["classif1"]) == ("ZAF: South Africa", f"{YOUNG}: 15-24")
    assert both["time"] == "2013Q4"


ABSENT = {
    "not collected": (
        ("MFL_NCIT_SEX_CCT_NB",),
        "not collected: the questionnaire has no question on arrival",
    ),
    "not computed": ((STAY, "--period", "2013-Q4"), "not computed: needs 12 months"),
    "no observation": ((STAY, "--period", "2013-Q3"), "no figure: nobody was observed"),
    "suppressed": ((RATE, "--period", "2013-Q3"), "suppressed table: 40 % of its cells are unreliable"),
    "area": ((EMPLOYMENT, "--area", "FRA"), "area FRA is not in this release"),
    "area spelled wrong": ((EMPLOYMENT, "--area", "zaf"), "area zaf is not in this release"),
    "indicator not in area": ((RATE, "--area", "KEN"), f"{RATE} KEN is not computed in this release"),
    "period": ((EMPLOYMENT, "--period", "1999"), f"period 1999 is not in this release for {EMPLOYMENT}"),
}


@pytest.mark.parametrize("case", ABSENT)
def test_nothing_to_print_says_why(run: Get, case: str) -> None:
    arguments, reason = ABSENT[case]
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (4, "")
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_unknown_indicator_suggests(run: Get) -> None:
    result = run("MST_TEMP_SEX_AGE_CBR")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"did you mean {EMPLOYMENT}, " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((EMPLOYMENT, "--period", "last year"), "is not a period"),
        ((EMPLOYMENT, "--release", "1999-01-01-0000000000"), "there is no release"),
        ((EMPLOYMENT, "--release", "../releases/latest"), "there is no release"),
        ((EMPLOYMENT, "--format", "xls"), "xls"),
        ((), "INDICATOR"),
    ],
)
def test_wrong_requests(run: Get, arguments: tuple[str, ...], text: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr


def test_no_release_yet(run: Get, tmp_path: Path) -> None:
    result = run(EMPLOYMENT, at=tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (4, "", "no release yet: ilms run makes one\n")


def test_test_releases_are_read_on_request_only(run: Get, tmp_path: Path) -> None:
    folder = example.release(tmp_path).folder
    result = run(EMPLOYMENT, at=tmp_path)
    assert result.exit_code == 4
    assert "--release latest-test" in result.stderr
    for name in ("latest-test", folder.name):
        result = run(EMPLOYMENT, "--release", name, at=tmp_path)
        assert result.exit_code == 0
        assert "not a national statistic" in result.stdout


def test_releases_without_p_values_are_read(run: Get, home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "releases" / "copy"
    shutil.copytree((home / "releases" / "latest").resolve(), copy)
    path = copy / f"data/quality/{DIFFERENCE}_A_quality.csv"
    path.chmod(0o644)
    path.write_text(path.read_text(encoding="utf-8").replace("p_value,significance", "one,other"), encoding="utf-8")
    table = json.loads(run(DIFFERENCE, "--release", "copy", "--format", "json", at=tmp_path).stdout)
    assert [(line["obs_value"], line["p_value"], line["significance"]) for line in table] == [
        (None, None, None), (0.0, None, None), (-7.25, None, None),
    ]  # fmt: skip


def test_nothing_but_the_release_is_needed(run: Get, home: Path, tmp_path: Path) -> None:
    target = (home / "releases" / "latest").resolve()
    shutil.copytree(target, tmp_path / "releases" / "copy")
    result = run(EMPLOYMENT, "--release", "copy", at=tmp_path)
    assert result.stdout == run(EMPLOYMENT).stdout
