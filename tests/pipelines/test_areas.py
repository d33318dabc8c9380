"""Years from quarters: averages, pooled years, changes, breaks and whose year a flow is, on rounds counted by hand."""

import pandas as pd
import pytest

from pipelines.areas import area_estimates, area_years, choose_sources, process_area
from pipelines.home import Home
from tests.acceptance import tiny

BENCHMARK = tiny.SURVEY_TOML[tiny.SURVEY_TOML.index("[[benchmark]]") :]
YEARS = {2024: ((1, 10), (1, 10), (1, 10), (9, 30)), 2025: ((4, 12), (4, 12), (4, 12), (12, 36))}
RATE, COUNT, CHANGE = "UNE_DEAP_SEX_AGE_RT", "EAP_TEAP_SEX_AGE_NB", "XCH_TUNE_SEX_AGE_CBR_RT"


def people(unemployed, labour_force, year):
    """A labour force of so many persons of weight 100, half of them women, two thirds native, in four PSUs."""
    rows = []
    for number in range(labour_force):
        is_native = number % 3 != 2
        rows.append(
            {
                "HOUSE": f"H{number}", "LINE": "1", "WGT": "100", "STRATUM": f"S{number % 4 // 2}",
                "PSU": f"P{number % 4}", "SEX": "12"[number % 2], "AGE": "30", "BIRTH": "F" if is_native else "N",
                "CITIZEN": "F" if is_native else "N", "ARRIVED": "" if is_native else str(year - 1),
                "STATUS": "2" if number < unemployed else "1", "DISTRICT": "1", "NAME": f"Person {number}",
            }
        )  # fmt: skip
    return rows


def made(folder, years, more="", quarters=4):
    """A data folder with the rounds of some years; return it with area-year -> its estimates."""
    tables = {"corrections.csv": "where,set,expected_rows,reason,source\n"}
    home = Home(folder / "home", (tiny.write_spec(folder / "specs", {BENCHMARK: more}, tables),))
    for year in years:
        for quarter, (unemployed, labour_force) in enumerate(YEARS[year][:quarters], start=1):
            rows = people(unemployed, labour_force, year)
            result = tiny.harmonise(home, rows, folder / "in.csv", f"{year}-Q{quarter}")
            assert result.is_valid, [str(item) for item in result.findings if item.severity == "error"]
    found = {}
    for partition, rounds in area_years(home).items():
        table = area_estimates(home, partition, rounds)
        assert table.is_valid
        found[partition] = pd.read_parquet(table.data)
    return home, found


@pytest.fixture(scope="module")
def two_years(tmp_path_factory):
    return made(tmp_path_factory.mktemp("two_years"), (2024, 2025))


def one(frame, indicator, time, sex="SEX_T", classif1="AGE_AGGREGATE_TOTAL", classif2=None):
    chosen = frame[(frame["indicator"] == indicator) & (frame["time"] == time) & (frame["sex"] == sex)]
    chosen = chosen[chosen["classif1"] == classif1]
    if classif2:
        chosen = chosen[chosen["classif2"] == classif2]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_a_rate_of_a_year_is_recomputed_and_not_averaged(two_years):
    """STANDARDS 8.9: unemployed 1, 1, 1, 9 of 10, 10, 10, 30 give 20.0; the mean of the rates would be 15.0."""
    _, found = two_years
    row = one(found["FJI_2024-test"], RATE, "2024")
    assert row["value"] == pytest.approx(20.0, rel=1e-12)
    assert (row["freq"], row["n"], row["n_numerator"]) == ("A", 60, 12)
    assert [one(found["FJI_2024-test"], RATE, f"2024-Q{q}")["value"] for q in (1, 4)] == pytest.approx([10.0, 30.0])


def test_a_count_of_a_year_is_the_mean_of_its_quarters(two_years):
    _, found = two_years
    assert one(found["FJI_2024-test"], COUNT, "2024")["value"] == pytest.approx((10 + 10 + 10 + 30) / 4 * 0.1)
    assert one(found["FJI_2025-test"], COUNT, "2025")["value"] == pytest.approx((12 + 12 + 12 + 36) / 4 * 0.1)


def test_three_quarters_are_no_year(tmp_path):
    _, found = made(tmp_path, (2024,), quarters=3)
    assert set(found["FJI_2024-test"]["time"]) == {"2024-Q1", "2024-Q2", "2024-Q3"}


def test_changes_are_on_the_same_period_a_year_earlier(two_years):
    _, found = two_years
    assert CHANGE not in set(found["FJI_2024-test"]["indicator"])
    after, total = found["FJI_2025-test"], {"classif2": "CBR_BIR_TOTAL"}
    assert one(after, CHANGE, "2025", **total)["value"] == pytest.approx(100 * (24 / 72 - 12 / 60))
    quarter = one(after, CHANGE, "2025-Q4", **total)
    assert quarter["value"] == pytest.approx(100 * (12 / 36 - 9 / 30))
    assert quarter["n"] == 30
    assert 0 < quarter["p_value"] <= 1
    assert pd.isna(quarter["cv"])


def test_a_flow_told_by_calendar_year_is_of_the_year_before(two_years):
    """Interviews of 2025 tell the arrivals of 2024: an annual figure, and none of a quarter."""
    _, found = two_years
    inflow = found["FJI_2025-test"]
    inflow = inflow[inflow["indicator"] == "MFL_FPOP_SEX_CBR_NB"]
    assert set(zip(inflow["freq"], inflow["time"], strict=True)) == {("A", "2024")}
    total = inflow[(inflow["sex"] == "SEX_T") & (inflow["classif1"] == "CBR_BRT_TOTAL")].iloc[0]
    foreign = [sum(number % 3 == 2 for number in range(size)) for _, size in YEARS[2025]]
    assert total["value"] == pytest.approx(sum(foreign) / 4 * 0.1)


def test_a_break_is_flagged_and_no_change_is_told_across_it(tmp_path):
    text = '[[break]]\nfrom = "2025-Q1"\nnote = "I11:265"\nreason = "a new sample"\n'
    _, found = made(tmp_path, (2024, 2025), text)
    after = found["FJI_2025-test"]
    assert "XCH_TUNE_SEX_AGE_CBR_RT" not in set(after["indicator"])
    assert {one(after, COUNT, time)["status"] for time in ("2025-Q1", "2025")} <= {"B", "U"}
    assert one(after, COUNT, "2025")["status"] == "B"
    assert one(after, COUNT, "2025-Q4")["status"] == ""


def test_pooled_years_stand_in_place_of_the_year(tmp_path):
    _, found = made(tmp_path, (2024, 2025), f'[pooling]\nyears = 2\nindicators = ["{RATE}"]\n')
    assert RATE not in set(found["FJI_2024-test"].query("freq == 'A'")["indicator"])
    row = one(found["FJI_2025-test"], RATE, "2025")
    assert row["value"] == pytest.approx(100 * (12 + 24) / (60 + 72))
    assert row["n"] == 132
    assert one(found["FJI_2025-test"], COUNT, "2025")["n"] == 72


def test_a_change_is_told_by_the_survey_that_tells_the_level():
    """The survey of the lower precedence began this year: the change that the other one knows is of another level."""
    key = {"ref_area": "FJI", "freq": "A", "time": "2025"}
    rows = [
        {"indicator": "MST_TEMP_SEX_AGE_CBR_NB", "survey": "FJI_NEW", **key},
        {"indicator": "MST_TEMP_SEX_AGE_CBR_NB", "survey": "FJI_OLD", **key},
        {"indicator": "XCH_TEMP_SEX_AGE_CBR_NB", "survey": "FJI_OLD", **key},
        {"indicator": "XCH_TEMP_SEX_AGE_CBR_NB", "survey": "FJI_OLD", **key, "time": "2024"},
    ]
    chosen, found = choose_sources(pd.DataFrame(rows), {"FJI_NEW": 1, "FJI_OLD": 2})
    assert found == []
    kept = list(chosen[["indicator", "survey", "time"]].itertuples(index=False, name=None))
    assert kept == [
        ("MST_TEMP_SEX_AGE_CBR_NB", "FJI_NEW", "2025"),
        ("XCH_TEMP_SEX_AGE_CBR_NB", "FJI_OLD", "2024"),
    ]


def test_an_area_with_two_years_is_made_anew_when_the_first_changes(two_years):
    home, _ = two_years
    rounds = area_years(home)["FJI_2025-test"]
    before = process_area(home, "FJI_2025-test", rounds)[0]
    assert not before.is_new
    tiny.harmonise(home, people(2, 10, 2024), home.root / "again.csv", "2024-Q1")
    assert process_area(home, "FJI_2025-test", rounds)[0].is_new
