"""Cases in which figures of sound rounds once went wrong: gaps of medians, absent members, stacks, populations."""

import math

import numpy as np
import pandas as pd
import pytest

from pipelines.areas import area_estimates, area_years, process_area
from pipelines.home import Home
from tests.acceptance import tiny
from tests.pipelines import test_absentees as listed
from tests.pipelines.test_areas import BENCHMARK, people
from tests.pipelines.test_variance_methods import DESIGN, LAYOUT, halves

PSU = 'psu = {variable = "PSU"}\n'
ARRIVED = 'arrival_year = {variable = "ARRIVED", missing = ["9999"]}\n'
STATUS = 'declared_labour_force_status = {variable = "STATUS"}\n'
NO_PAY = 'monthly_earnings = "not asked"\n'
#: A survey of two rounds a year.
HALF_YEARLY = {
    'frequency = "Q"': 'frequency = "S"',
    'periods = {from = "2024-Q1", to = "2025-Q4"}': 'periods = {from = "2024-S1", to = "2025-S2"}',
}
NO_CORRECTIONS = {"corrections.csv": "where,set,expected_rows,reason,source\n"}
BRR = '[design]\nvariance = "replicates"\n[design.replicates]\nmethod = "BRR"\nvariables = ["REP{1..8}"]\nmse = %s\n'


def home_of(folder, toml, tables=None):
    tables = NO_CORRECTIONS | (tables or {})
    return Home(folder / "home", (tiny.write_spec(folder / "specs", {BENCHMARK: "", **toml}, tables),))


def estimated(home, period, *files):
    """The estimates of a round."""
    tiny.take(home, f"{tiny.SURVEY}_{period}", *files, supersede=True)
    result = tiny.process_round(home, f"{tiny.SURVEY}_{period}")
    assert result.is_valid, [str(item) for item in result.findings if item.severity == "error"]
    return pd.read_parquet(result.tables[-1].data)


def written(path, rows):
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def years(home):
    found = {name: area_estimates(home, name, rounds) for name, rounds in area_years(home).items()}
    return {name: pd.read_parquet(table.data) for name, table in found.items() if table.is_valid}


def told(frame, indicator, time, sex="SEX_T", total="TOTAL"):
    chosen = frame[(frame["indicator"] == indicator) & (frame["time"] == time) & (frame["sex"] == sex)]
    return chosen[chosen["classif1"].isna() | chosen["classif1"].str.endswith(total)]


# --- comparisons ---------------------------------------------------------------------------------


def test_a_gap_of_medians_has_no_standard_error_where_a_median_has_none(tmp_path):
    """Ten migrants in two PSUs: with one degree of freedom the limits of their median leave 0 to 1."""
    home = home_of(
        tmp_path,
        {
            NO_PAY: 'hourly_earnings = "not asked"\n',
            STATUS: STATUS + 'status_in_employment = {variable = "STE"}\nmonthly_earnings = {variable = "PAY"}\n',
        },
        {
            "layout.csv": LAYOUT + "STE,STE,,\nPAY,PAY,,\n",
            "codes/status_in_employment.csv": "source_code,source_label,target_code,valid_from,valid_to,note\n"
            "1,Employee,STE_ICSE93_1,,,\n",
        },
    )
    rows = []
    for number, row in enumerate(people(0, 80, 2024)):
        birth = "N" if number < 20 and number % 2 else "F"
        pay = 1000 + number * 37 % 500 if birth == "F" else 600 + 250 * (number // 10) + 3 * number
        place = {"STRATUM": f"S{number // 20}", "PSU": f"P{number // 10}", "BIRTH": birth, "CITIZEN": birth}
        rows.append({**row, **place, "ARRIVED": "" if birth == "F" else "2015", "STE": "1", "PAY": str(pay)})
    found = estimated(home, "2024-Q1", written(tmp_path / "in.csv", rows))
    medians = found[(found["indicator"] == "MST_EARB_SEX_CBR_NB") & (found["sex"] == "SEX_T")].set_index("classif1")
    assert np.isnan(medians.loc["CBR_BIR_FOREIGN", "se"])
    assert medians.loc["CBR_BIR_NATIVE", "se"] > 0
    gaps = found[found["indicator"] == "XGB_EARB_SEX_RT"]
    assert set(gaps["sex"]) == {"SEX_T", "SEX_F"}
    assert gaps["value"].notna().all()
    assert gaps[["se", "lower", "upper", "p_value"]].isna().all(axis=None)
    means = found[found["indicator"] == "XGB_EARA_SEX_RT"]
    assert (means["p_value"] > 0.1).all()


# --- absent members ------------------------------------------------------------------------------


@pytest.mark.parametrize("mse", ["true", "false"])
def test_absent_members_have_no_replicates_and_so_no_standard_error(tmp_path, mse):
    tables = dict(listed.TABLES)
    tables["layout.csv"] += "".join(f"REP{number},REP{number},,,\n" for number in range(1, 9))
    toml = {listed.ONE_FILE: listed.PARTS, listed.QUALITY: listed.ABSENTEES, DESIGN: BRR % mse}
    home = home_of(tmp_path, toml, tables)
    rows = [{**row, **more} for row, more in zip(tiny.persons(), halves(120), strict=True)]
    absent = listed.write_list(tmp_path / "absent.csv", listed.absent())
    found = estimated(home, "2024-Q1", written(tmp_path / "persons.csv", rows), absent)
    stock = found[(found["indicator"] == "MNA_TPOP_SEX_CRS_NB") & (found["n"] > 0)]
    assert len(stock) > 3
    assert stock["se"].isna().all()
    assert told(found, "EMP_TEMP_SEX_AGE_NB", "2024-Q1")["se"].notna().all()


def test_a_round_that_lists_no_absent_members_is_no_zero_in_the_year(tmp_path):
    only = 'unit = "absentee"\nperiods = {from = "2024-S1", to = "2024-S1"}\n'
    parts = listed.PARTS.replace('unit = "absentee"\n', only)
    home = home_of(tmp_path, {**HALF_YEARLY, listed.ONE_FILE: parts, listed.QUALITY: listed.ABSENTEES}, listed.TABLES)
    absent = listed.write_list(tmp_path / "absent.csv", listed.absent())
    for half in (1, 2):
        file = tiny.write_csv(tmp_path / "in.csv", tiny.persons())
        estimated(home, f"2024-S{half}", file, *([absent] if half == 1 else []))
    found = years(home)["FJI_2024-test"]
    assert set(found[found["indicator"] == "MNA_TPOP_SEX_CRS_NB"]["time"]) == {"2024-S1"}
    assert "2024" in set(found["time"])


def test_an_absent_member_elsewhere_leaves_the_finite_population_correction(tmp_path):
    """A member whose PSU has no person in the file is one more PSU of its stratum, and its population stays known."""
    own = 'sex = {variable = "ABSSEX"}'
    design = '\nweight = {expression = "100"}\nstratum = {expression = "\'S1\'"}\npsu = {variable = "APSU"}'
    tables = dict(listed.TABLES)
    tables["layout.csv"] += "NPSU,NPSU,,,\nAPSU,APSU,,,absent\n"
    toml = {
        PSU: PSU + 'psu_population = {variable = "NPSU"}\n',
        listed.ONE_FILE: listed.PARTS,
        listed.QUALITY: listed.ABSENTEES.replace(own, own + design),
    }
    home = home_of(tmp_path, toml, tables)
    absent = [{**row, "APSU": "P99" if number == 0 else "P1"} for number, row in enumerate(listed.absent())]
    persons = [{**row, "NPSU": "6"} for row in tiny.persons()]
    found = estimated(
        home, "2024-Q1", written(tmp_path / "persons.csv", persons), written(tmp_path / "absent.csv", absent)
    )
    frame = pd.DataFrame(persons)
    employed = (frame["AGE"].astype(int) >= 15) & (frame["STATUS"] == "1")
    variance = 0.0
    for stratum, group in frame.assign(y=100.0 * employed).groupby("STRATUM"):
        sums = group.groupby("PSU")["y"].sum().tolist() + ([0.0] if stratum == "S1" else [])
        size = len(sums)
        variance += (1 - size / 6) * size / (size - 1) * np.square(np.array(sums) - np.mean(sums)).sum()
    row = told(found, "EMP_TEMP_SEX_AGE_NB", "2024-Q1").iloc[0]
    assert row["se"] == pytest.approx(math.sqrt(variance) / 1000, rel=1e-9)


def test_absent_members_leave_the_primary_units_of_two_stages(tmp_path):
    """They have no SSU: the household's units must not become primary ones."""
    toml = {
        PSU: PSU + 'psu_population = {variable = "NPSU"}\nssu = {variable = "HOUSE"}\n'
        'ssu_population = {variable = "NSSU"}\n',
        listed.ONE_FILE: listed.PARTS,
        listed.QUALITY: listed.ABSENTEES,
    }
    tables = dict(listed.TABLES)
    tables["layout.csv"] += "NPSU,NPSU,,,\nNSSU,NSSU,,,\n"
    home = home_of(tmp_path, toml, tables)
    persons = [{**row, "NPSU": "6", "NSSU": "9"} for row in tiny.persons()]
    absent = listed.write_list(tmp_path / "absent.csv", listed.absent())
    row = told(
        estimated(home, "2024-Q1", written(tmp_path / "in.csv", persons), absent), "EMP_TEMP_SEX_AGE_NB", "2024-Q1"
    )
    assert (row["n_psu"] == 8).all()
    assert (row["df"] == 4).all()


# --- what is confidential ------------------------------------------------------------------------

FOREIGN = "CBR_BIR_FOREIGN"


def of_two_households(psus):
    """Employed persons; foreign-born are those of one household of each of two PSUs, or of three households of one."""
    rows = [{**row, "BIRTH": "F", "CITIZEN": "F", "ARRIVED": "", "STATUS": "1"} for row in tiny.persons()]
    houses = (0, 5) if psus == 2 else (0, 1, 2)
    for number, row in enumerate(rows):
        row["AGE"] = str(20 + number * 7 % 45)
        if number // 3 in houses:
            row |= {"BIRTH": "N", "CITIZEN": "N", "ARRIVED": "2023"}
    return rows


@pytest.mark.parametrize(
    ("psus", "toml", "n", "verdict"),
    [
        pytest.param(2, {}, 6, ("S", "confidential"), id="two households"),
        pytest.param(1, {}, 9, ("S", "confidential"), id="one PSU"),
        pytest.param(1, {DESIGN: '[design]\nvariance = "none"\n'}, 9, ("U", ""), id="no PSUs known"),
        pytest.param(2, {DESIGN: f"{DESIGN}confidential_below_5 = false\n"}, 6, ("U", ""), id="not in this country"),
        pytest.param(
            2,
            {DESIGN: DESIGN + "[reliability]\nn_suppress = 7\n"},
            6,
            ("S", "unreliable;confidential"),
            id="unreliable as well",
        ),
    ],
)
def test_persons_of_few_households_or_of_one_psu_are_confidential(tmp_path, psus, toml, n, verdict):
    """Enough persons, and yet somebody may know all of them."""
    home = home_of(tmp_path, toml)
    found = estimated(home, "2024-Q1", tiny.write_csv(tmp_path / "in.csv", of_two_households(psus)))
    rows = found[(found["indicator"] == "MST_TEMP_SEX_AGE_CBR_NB") & (found["sex"] == "SEX_T")]
    (row,) = rows[(rows["classif2"] == FOREIGN) & (rows["classif1"] == "AGE_AGGREGATE_TOTAL")].itertuples()
    assert (row.n, row.n_round) == (n, n)
    assert (row.status, row.reason) == verdict
    whole = told(rows, "MST_TEMP_SEX_AGE_CBR_NB", "2024-Q1")
    assert set(whole[whole["classif2"] == "CBR_BIR_TOTAL"]["status"]) == {""}


def test_the_same_persons_in_every_round_stay_of_two_households(tmp_path):
    """A panel of two half-years: twelve observations, six persons, two households."""
    home = home_of(tmp_path, HALF_YEARLY)
    for half in (1, 2):
        estimated(home, f"2024-S{half}", tiny.write_csv(tmp_path / "in.csv", of_two_households(2)))
    rows = years(home)["FJI_2024-test"]
    rows = rows[(rows["indicator"] == "MST_TEMP_SEX_AGE_CBR_NB") & (rows["time"] == "2024")]
    (row,) = rows[
        (rows["sex"] == "SEX_T") & (rows["classif2"] == FOREIGN) & (rows["classif1"] == "AGE_AGGREGATE_TOTAL")
    ].itertuples()
    assert (row.n, row.n_round, row.n_households, row.weight) == (12, 6, 2, 600.0)
    assert (row.status, row.reason) == ("S", "confidential")


# --- samples without a variance ------------------------------------------------------------------


def test_a_sample_of_one_psu_is_estimated(tmp_path):
    home = home_of(tmp_path, {DESIGN: '[design]\nvariance = "taylor"\nlonely_psu = "remove"\n'})
    rows = [{**row, "STRATUM": "S", "PSU": "P"} for row in tiny.persons()]
    row = told(estimated(home, "2024-Q1", tiny.write_csv(tmp_path / "in.csv", rows)), "EMP_TEMP_SEX_AGE_NB", "2024-Q1")
    assert (row["n_psu"] == 1).all()
    assert row[["lower", "upper"]].isna().all(axis=None)


def test_a_round_with_nobody_of_working_age_has_no_figures_and_stops_nothing(tmp_path):
    home = home_of(tmp_path, {})
    rows = [{**row, "AGE": "10", "STATUS": "", "ARRIVED": row["ARRIVED"] and "2019"} for row in people(0, 20, 2024)]
    assert not len(estimated(home, "2024-Q1", tiny.write_csv(tmp_path / "in.csv", rows)))
    ((partition, rounds),) = area_years(home).items()
    assert [table.is_valid for table in process_area(home, partition, rounds)] == [True, True]


def test_more_units_in_a_year_than_there_are_have_no_variance(tmp_path):
    """Rounds that name the same three PSUs of a stratum differently: 4 of 3 units leave a factor below 0, and not 0."""
    toml = {**HALF_YEARLY, PSU: PSU + 'psu_population = {variable = "NPSU"}\n'}
    home = home_of(tmp_path, toml, {"layout.csv": LAYOUT + "NPSU,NPSU,,\n"})
    for half in (1, 2):
        rows = [
            {**row, "PSU": f"{half}{row['PSU']}", "NPSU": "3", "WGT": str(100 + 50 * (number % 4))}
            for number, row in enumerate(people(9 + half, 30, 2024))
        ]
        estimated(home, f"2024-S{half}", written(tmp_path / "in.csv", rows))
    found = years(home)["FJI_2024-test"]
    rate = "UNE_DEAP_SEX_AGE_RT"
    assert told(found, rate, "2024-S1", total="AGGREGATE_TOTAL")["se"].gt(0).all()
    assert told(found, rate, "2024", total="AGGREGATE_TOTAL")["se"].isna().all()


# --- years ---------------------------------------------------------------------------------------


def test_with_a_design_effect_the_order_of_a_file_changes_nothing(tmp_path):
    """The same row of two rounds is not the same person: 2 x 80 persons are 160 units."""
    home = home_of(tmp_path, {**HALF_YEARLY, DESIGN: '[design]\nvariance = "deff"\ndeff = 2.0\n'})
    for half in (1, 2):
        estimated(home, f"2024-S{half}", tiny.write_csv(tmp_path / "in.csv", people(20, 80, 2024)))
    row = told(years(home)["FJI_2024-test"], "UNE_DEAP_SEX_AGE_RT", "2024", total="AGGREGATE_TOTAL").iloc[0]
    assert row["df"] == 159
    assert row["se"] == pytest.approx(100 * math.sqrt(2.0 * 160 / 159 * 0.25 * 0.75 / 160), rel=1e-9)


def test_pooled_arrivals_are_the_mean_of_two_years_sums(tmp_path):
    """20 arrivals of weight 100 in each of four half-years: 4,000 a year."""
    toml = {
        **HALF_YEARLY,
        BENCHMARK: '[pooling]\nyears = 2\nindicators = ["XIP_FORB_SEX_AGE_NB"]\n',
        ARRIVED: ARRIVED + 'arrival_month = {variable = "MONTH"}\n',
    }
    home = home_of(tmp_path, toml, {"layout.csv": LAYOUT + "MONTH,MONTH,,\n"})
    for year in (2024, 2025):
        for half in (1, 2):
            come = {"ARRIVED": str(year), "MONTH": str(6 * half - 5)}
            stay = {"ARRIVED": "", "MONTH": ""}
            rows = [{**row, **(come if row["ARRIVED"] else stay)} for row in people(5, 60, year)]
            estimated(home, f"{year}-S{half}", written(tmp_path / "in.csv", rows))
    found = years(home)["FJI_2025-test"]
    assert told(found, "XIP_NCIT_SEX_AGE_NB", "2025")["value"].tolist() == pytest.approx([4.0, 4.0])
    assert told(found, "XIP_FORB_SEX_AGE_NB", "2025")["value"].tolist() == pytest.approx([4.0, 4.0])


def test_years_are_not_pooled_across_a_break(tmp_path):
    rate = "UNE_DEAP_SEX_AGE_RT"
    text = '[[break]]\nfrom = "2025-S1"\nnote = "I11:265"\nreason = "a new sample"\n'
    text += f'[pooling]\nyears = 2\nindicators = ["{rate}"]\n'
    home = home_of(tmp_path, {**HALF_YEARLY, BENCHMARK: text})
    for period in ("2024-S1", "2024-S2", "2025-S1", "2025-S2"):
        estimated(home, period, tiny.write_csv(tmp_path / "in.csv", people(9, 30, int(period[:4]))))
    found = years(home)["FJI_2025-test"]
    assert not len(told(found, rate, "2025"))
    assert len(told(found, "UNE_TUNE_SEX_AGE_NB", "2025"))


def test_no_change_is_told_on_a_round_of_another_specification(tmp_path):
    """The earlier round was made without a design: its units are no units of the later one."""
    home = home_of(tmp_path, {DESIGN: '[design]\nvariance = "none"\n'})
    estimated(home, "2024-Q1", tiny.write_csv(tmp_path / "in.csv", people(9, 30, 2024)))
    home = home_of(tmp_path, {DESIGN: '[design]\nvariance = "taylor"\nlonely_psu = "remove"\n'})
    estimated(home, "2025-Q1", tiny.write_csv(tmp_path / "in.csv", people(12, 36, 2025)))
    change = "XCH_TUNE_SEX_AGE_CBR_RT"
    assert change not in set(years(home)["FJI_2025-test"]["indicator"])
    tiny.process_round(home, f"{tiny.SURVEY}_2024-Q1")
    assert change in set(years(home)["FJI_2025-test"]["indicator"])
