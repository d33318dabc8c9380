"""The South African survey of the fourth quarter of 2013, from the zip as sent to its figures."""

import csv
import functools
import io
import json
import re

import duckdb
import pytest

from pipelines.home import Home
from pipelines.storage import Table, current
from tests.acceptance.desk import assert_whole, ilms, real_rounds, stored

pytestmark = pytest.mark.real_data

ROUND = "ZAF_QLFS_2013-Q4"
#: The producer's variable `Status` -> harmonised status; 3 and 4 are both outside the labour force.
STATUS = {"1": "LMS_STATUS_EMP", "2": "LMS_STATUS_UNE", "3": "LMS_STATUS_EIP", "4": "LMS_STATUS_EIP"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("south_africa") / "var"
    return real_rounds(folder, ("ZAF_QLFS", "2013-Q4", "south_africa_qlfs/qlfs_2013_q4.zip"))


def table(home: Home, name: str) -> Table:
    return stored(home, name, ROUND)


@functools.cache
def estimates(home: Home, indicator: str) -> list[dict[str, str]]:
    answer = ilms(home.root, "estimates", indicator, "--area", "ZAF", "--period", "2013-Q4")
    assert answer.returncode == 0, answer.stderr
    return list(csv.DictReader(io.StringIO(answer.stdout)))


def cell(rows: list[dict[str, str]], classif1: str) -> float:
    (row,) = [row for row in rows if row["sex"] == "SEX_T" and row["classif1"] == classif1]
    return float(row["value"])


def test_status_from_raw_questions_is_the_producers_for_every_person(home: Home) -> None:
    with duckdb.connect() as connection:
        pairs = connection.execute(
            f"""
            SELECT r."Status", h.labour_force_status, count(*)
            FROM read_parquet('{table(home, "raw_extract").data}') AS r
            JOIN read_parquet('{table(home, "harmonised_persons").data}') AS h USING (row_number)
            WHERE h.age BETWEEN 15 AND 64 GROUP BY ALL
            """
        ).fetchall()
    assert sum(count for _, _, count in pairs) == 54_455
    assert [pair for pair in pairs if STATUS.get(pair[0]) != pair[1]] == []
    assert {pair[0] for pair in pairs} == set(STATUS)


def test_employed_and_unemployed(home: Home) -> None:
    employed = estimates(home, "EMP_TEMP_SEX_AGE_NB")
    assert cell(employed, "AGE_YTHADULT_Y15-64") == pytest.approx(15_176.755, abs=5e-4)
    assert cell(employed, "AGE_YTHADULT_YGE15") == pytest.approx(15_354.44, abs=5e-3)
    unemployed = estimates(home, "UNE_TUNE_SEX_AGE_NB")
    assert cell(unemployed, "AGE_YTHADULT_Y15-64") == pytest.approx(4_830.108, abs=5e-4)
    assert cell(unemployed, "AGE_YTHADULT_YGE15") == pytest.approx(4_835.317, abs=5e-4)


def test_sample_design(home: Home) -> None:
    design = table(home, "psu_totals").folder / "design.parquet"
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT sum(psus), count(*), count_if(psus = 1) FROM "
            f"(SELECT stratum, count(*) AS psus FROM read_parquet('{design}') GROUP BY 1)"
        ).fetchone()
    assert row == (3_029, 363, 0)
    facts = table(home, "harmonised_persons").facts
    assert (facts["psus"], facts["strata"]) == (3_029, 363)


def test_no_cell_by_birth_or_citizenship_anywhere(home: Home) -> None:
    migration = "MST[_]|CBR[_]|CCT[_]|CRS[_]|CDS[_]|CPR[_]|XMW[_]"
    for name, partition in (("psu_totals", ROUND), ("round_estimates", ROUND), ("area_estimates", "ZAF_2013")):
        found = current(home.store, name, partition)
        assert found is not None
        with duckdb.connect() as connection:
            columns = [row[0] for row in connection.execute(f"DESCRIBE FROM read_parquet('{found.data}')").fetchall()]
            assert [column for column in columns if re.search("birth|born|citizen|migrant", column)] == []
            for column in sorted({"cube", "code1", "code2", "indicator", "classif1", "classif2"} & set(columns)):
                row = connection.execute(
                    f"SELECT count(*) FROM read_parquet('{found.data}') WHERE regexp_matches({column}, '{migration}') "
                    f"OR {column} LIKE '%birth%' OR {column} LIKE '%citizen%'"
                ).fetchone()
                assert row == (0,), (name, column)
    release = assert_whole(home.releases)
    assert release is not None
    assert [path.name for path in release.rglob("*MST_*")] == []


def test_availability_says_not_collected_and_why(home: Home) -> None:
    with (home.releases / "latest" / "availability.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["indicator"] == "MST_TEMP_SEX_AGE_CBR_NB"]
    assert rows
    assert {row["availability"] for row in rows} == {"not_collected"}
    assert all("no question on place of birth" in row["reason"] for row in rows)


@pytest.mark.parametrize("indicator", ["MST_TEMP_SEX_AGE_CBR_NB", "MST_NCTP_SEX_CCT_NB"])
def test_a_migration_table_prints_nothing_but_the_reason(home: Home, indicator: str) -> None:
    answer = ilms(home.root, "get", indicator, "--area", "ZAF")
    assert answer.stdout == ""
    assert "not collected: the questionnaire has no question on" in answer.stderr
    assert answer.returncode == 4


def test_what_is_public_equals_the_internal_figures(home: Home) -> None:
    answer = ilms(home.root, "get", "EMP_TEMP_SEX_AGE_NB", "--area", "ZAF", "--period", "2013-Q4", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    public = {(row["sex"], row["classif1"]): row for row in json.loads(answer.stdout)}
    internal = {(row["sex"], row["classif1"]): row for row in estimates(home, "EMP_TEMP_SEX_AGE_NB")}
    assert set(public) == set(internal)
    shown = {key: row["obs_value"] for key, row in public.items() if row["obs_value"] is not None}
    assert len(shown) > len(public) / 2
    for key, value in shown.items():
        assert value == pytest.approx(float(internal[key]["value"]), abs=6e-4), key


def test_restricted_tables_stay_in_restricted_folders(home: Home) -> None:
    for name in ("received", "store", "reports"):
        for path in [home.root / name, *(home.root / name).rglob("*")]:
            assert path.stat().st_mode & 0o077 == 0, path.relative_to(home.root)
    # Those of a release are public; everything else stays where it is.
    assert [path for path in home.releases.rglob("*.parquet") if path.parent.name != "parquet"] == []


def test_a_whole_release_of_it_is_valid_in_every_format(home: Home) -> None:
    """The last test of its folder: workbooks, profile and all messages, read back whole by two other programs."""
    ran = ilms(home.root, "run", "--formats", "all", "--release-date", "2026-11-24")
    assert ran.returncode == 0, ran.stderr
    latest = home.releases / "latest"
    assert {path.name for path in (latest / "profiles").iterdir()} == {
        f"ZAF_{language}.{kind}" for language in ("en", "es", "fr") for kind in ("html", "pdf")
    }
    assert (latest / "workbooks" / "ZAF_ilms_fr.xlsx").is_file()
    assert (latest / "metadata" / "ZAF_QLFS_es.html").is_file()
    checked = ilms(home.root, "release", "check", "latest", "--whole", "--json")
    assert checked.returncode == 0, checked.stderr
    told = json.loads(checked.stdout)
    assert (told["passed"], told["problems"]) == (True, [])
    assert all(item["is_whole"] for item in told["checked"]["dataflows"].values())
    held = json.loads((latest / "release.json").read_text(encoding="utf-8"))
    read = told["checked"]["read_back"]
    assert {counts["observations"] for counts in read.values()} == {2 * held["rows"]}
