"""A round's weights raked to population totals: who is raked, to what, what is refused, and the standard errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.check_spec import check_against_file
from pipelines.home import Home
from pipelines.intake import latest_receipt
from pipelines.rounds import harmonised_persons, open_round, raw_extract
from pipelines.storage import Table
from schemas.edit_rules import load_edit_rules
from schemas.periods import Period
from schemas.survey_spec import load_survey
from tests.acceptance import tiny
from tests.pipelines import test_absentees as absentees

ROUND = "FJI_TINY_2024-Q1"

#: Rules that no other test trips.
OWN_RULES = ("CALIBRATION_TOTALS", "CALIBRATION_NOT_CONVERGED", "CALIBRATION_EXTREME")

STATUS = 'declared_labour_force_status = {variable = "STATUS"}'
CALIBRATED = "calibrated_on_foreigners = true"
MARGINS = """
[calibration]
[[calibration.margin]]
name = "sex_area"
concepts = ["sex", "area_type"]
[[calibration.margin]]
name = "citizens"
concepts = ["citizenship_status"]
"""
#: 12,000 persons of weight 100 in the sample: 3,000 in each cell, 9,000 citizens, 2,700 foreigners, 300 unknown.
SEX_AREA = {
    "SEX_M,GEO_COV_URB": 3200, "SEX_M,GEO_COV_RUR": 2700, "SEX_F,GEO_COV_URB": 3300, "SEX_F,GEO_COV_RUR": 2800,
}  # fmt: skip
CITIZENS = {"CCT_CIT_CITIZEN": 9000, "CCT_CIT_NONCIT": 3000}
WITH_UNKNOWN = {"CCT_CIT_CITIZEN": 8600, "CCT_CIT_NONCIT": 3000, "CCT_CIT_X": 400}


def table(columns: str, totals: Mapping[str, float], period: str = "2024") -> str:
    rows = "".join(f"{codes},{period},{total}\n" for codes, total in totals.items())
    return f"{columns},period,total\n{rows}"


TABLES = {
    "calibration/sex_area.csv": table("sex,area_type", SEX_AREA),
    "calibration/citizens.csv": table("citizenship_status", CITIZENS),
}


def with_citizens(totals: Mapping[str, float], period: str = "2024") -> dict[str, str]:
    """The tables, with other totals of citizenship."""
    return TABLES | {"calibration/citizens.csv": table("citizenship_status", totals, period)}


@dataclass(frozen=True)
class Case:
    """A calibration of the tiny survey: text of [calibration], tables of the specification, concepts besides."""

    toml: str = MARGINS
    tables: Mapping[str, str] = field(default_factory=lambda: TABLES)
    concepts: str = ""


def written(root: Path, case: Case) -> Path:
    """Write the specification; return the folder of specifications."""
    toml = {CALIBRATED: f"{CALIBRATED}\n{case.toml}", STATUS: f"{STATUS}\n{case.concepts}"}
    return tiny.write_spec(root, toml, case.tables)


def made(tmp_path: Path, case: Case, rows: Sequence[tiny.Row] | None = None) -> Table:
    """Return harmonised_persons of a round."""
    home = Home(tmp_path / "var", (written(tmp_path / "specs", case),))
    tiny.take(home, ROUND, tiny.write_csv(tmp_path / "persons.csv", tiny.persons() if rows is None else rows))
    this, receipt = open_round(home, ROUND), latest_receipt(home, ROUND)
    assert receipt is not None
    return harmonised_persons(this, raw_extract(this, receipt))


def sums(persons: pl.DataFrame, column: str) -> dict[str | None, float]:
    """Weighted persons by value."""
    return {
        row[0]: pytest.approx(row[1], rel=1e-9) for row in persons.group_by(column).agg(pl.col("weight").sum()).rows()
    }


# --- weights -------------------------------------------------------------------------------------


def test_weights_meet_the_totals(tmp_path: Path) -> None:
    made_table = made(tmp_path, Case())
    assert made_table.findings == ()
    persons = pl.read_parquet(made_table.data)
    assert persons["row_number"].to_list() == list(range(1, 121))
    assert set(persons["original_weight"]) == {100.0}
    cells = {codes.replace(",", "|"): total for codes, total in SEX_AREA.items()}
    assert sums(persons, "calibration_sex_area") == cells
    # Three persons of unknown citizenship stay in the total; the known have the shares of the totals.
    by_citizenship = persons.group_by("calibration_citizens").agg(pl.col("weight").sum(), pl.len())
    weight = {cell: total for cell, total, _ in by_citizenship.rows()}
    assert {cell: count for cell, _, count in by_citizenship.rows()} == {
        "CCT_CIT_CITIZEN": 87, "CCT_CIT_NONCIT": 30, "_U": 3,
    }  # fmt: skip
    assert sum(weight.values()) == pytest.approx(12000, rel=1e-9)
    assert weight["CCT_CIT_CITIZEN"] / weight["CCT_CIT_NONCIT"] == pytest.approx(3, rel=1e-9)
    assert 250 < weight["_U"] < 350
    # g is a product of one factor for each margin.
    factor = {
        (area, citizen): g
        for area, citizen, g in persons.select(
            "calibration_sex_area", "calibration_citizens", pl.col("weight") / pl.col("original_weight")
        ).rows()
    }
    urban, rural = "SEX_F|GEO_COV_URB", "SEX_F|GEO_COV_RUR"  # foreigners are women
    odds = [factor[area, "CCT_CIT_CITIZEN"] / factor[area, "CCT_CIT_NONCIT"] for area in (urban, rural)]
    assert odds[0] == pytest.approx(odds[1], rel=1e-12)


def test_what_is_told_of_a_calibration(tmp_path: Path) -> None:
    facts = made(tmp_path, Case()).facts
    assert facts["weight_total"] == pytest.approx(12000, rel=1e-9)
    told = facts["calibration"]
    assert 0 < told["iterations"] < 10
    assert 0.8 < told["smallest_factor"] < 1 < told["largest_factor"] < 1.3
    assert told["weighted_before_over_total"]["citizens"] == {"CCT_CIT_CITIZEN": 0.9667, "CCT_CIT_NONCIT": 1.0}


def test_ratios_of_few_persons_are_not_told(tmp_path: Path) -> None:
    facts = made(tmp_path, Case(tables=with_citizens(WITH_UNKNOWN))).facts
    told = facts["calibration"]["weighted_before_over_total"]["citizens"]
    assert set(told) == {"CCT_CIT_CITIZEN", "CCT_CIT_NONCIT"}, "three are of unknown citizenship"


def test_a_total_of_the_unknown_is_met_as_any_other(tmp_path: Path) -> None:
    persons = pl.read_parquet(made(tmp_path, Case(tables=with_citizens(WITH_UNKNOWN))).data)
    assert sums(persons, "calibration_citizens") == WITH_UNKNOWN


def test_who_is_no_usual_resident_keeps_the_weight(tmp_path: Path) -> None:
    rows = tiny.persons()
    for number in (3, 17, 40):
        rows[number]["NAME"] = "visitor"
    rows[50]["WGT"] = "0"
    rule = "1,NAME = 'visitor',RES_PRESENT_NON_RESIDENT,\n2,NAME IS NOT NULL,RES_USUAL,\n"
    tables = {"rules/residence_status.csv": f"order,when,value,note\n{rule}"}
    table_made = made(tmp_path, Case(tables=TABLES | tables, concepts="residence_status = {rules = true}"), rows)
    assert [item.rule for item in table_made.findings] == ["WEIGHT_ZERO"]
    persons = pl.read_parquet(table_made.data)
    away = persons.filter(pl.col("calibration_citizens").is_null())
    assert away["row_number"].to_list() == [4, 18, 41, 51]
    assert away["calibration_sex_area"].null_count() == 4
    assert away["weight"].to_list() == [100, 100, 100, 0]
    assert persons.filter(pl.col("calibration_citizens").is_not_null())["weight"].sum() == pytest.approx(12000)


# --- refusals ------------------------------------------------------------------------------------

CASES = {
    # The grand totals are equal, those of men are not.
    "CALIBRATION_TOTALS": Case(
        MARGINS.replace("citizenship_status", "sex").replace("citizens", "sexes"),
        {
            "calibration/sex_area.csv": TABLES["calibration/sex_area.csv"],
            "calibration/sexes.csv": table("sex", {"SEX_M": 6000, "SEX_F": 6000}),
        },
    ),
    "CALIBRATION_NOT_CONVERGED": Case(
        MARGINS.replace("[calibration]", "[calibration]\nmax_iterations = 1"),
        with_citizens({"CCT_CIT_CITIZEN": 11000, "CCT_CIT_NONCIT": 1000}),
    ),
    "CALIBRATION_EXTREME": Case(tables=with_citizens({"CCT_CIT_CITIZEN": 6400, "CCT_CIT_NONCIT": 5600})),
    # Of pipelines.design_checks: here it is shown that nothing is raked.
    "CALIBRATION_PERIOD": Case(tables=with_citizens(CITIZENS, "2023")),
    "CALIBRATION_CELL_EMPTY": Case(
        tables=TABLES
        | {
            "calibration/sex_area.csv": table(
                "sex,area_type", {**SEX_AREA, "SEX_M,GEO_COV_URB": 3000, "SEX_O,GEO_COV_URB": 200}
            )
        }
    ),
    "CALIBRATION_OUTSIDE": Case(tables=with_citizens({"CCT_CIT_CITIZEN": 12000})),
}


@pytest.mark.parametrize("rule", CASES)
def test_one_bad_input_trips_exactly_one_rule(tmp_path: Path, rule: str) -> None:
    table_made = made(tmp_path, CASES[rule])
    (found,) = table_made.findings
    assert found.rule == rule
    assert found.severity == load_edit_rules()[rule].severity
    assert table_made.is_valid == (found.severity == "warning")
    assert ("calibration" in table_made.facts) == (found.severity == "warning")
    if found.severity == "error":
        assert table_made.facts["weight_total"] == 12000, "weights stay as they are"
    else:
        persons = pl.read_parquet(table_made.data)
        assert found.count == persons.filter((pl.col("weight") < 30) | (pl.col("weight") > 300)).height > 0
    if rule == "CALIBRATION_TOTALS":
        assert found.message == "totals of sex_area (12,000) and sexes (12,000): they contradict each other"


def test_every_rule_has_a_bad_input() -> None:
    assert set(OWN_RULES) <= set(CASES)


# --- standard errors -----------------------------------------------------------------------------


def from_persons(persons: pl.DataFrame, numerator: pl.Expr, denominator: pl.Expr | None) -> tuple[float, float]:
    """Value and standard error from persons: residuals of a least squares fit, then totals of PSUs."""
    d, w = (persons[name].to_numpy() for name in ("original_weight", "weight"))
    areas = [persons["calibration_sex_area"] == cell.replace(",", "|") for cell in SEX_AREA]
    citizen, foreigner = (persons["calibration_citizens"] == cell for cell in CITIZENS)
    # 9,000 to 3,000 among the known, and the total of everybody.
    x = np.column_stack([*areas, 0.25 * citizen.to_numpy() - 0.75 * foreigner.to_numpy(), np.ones(len(d))])

    def linearised(condition: pl.Expr) -> tuple[float, np.ndarray]:
        v = persons.select(condition.cast(pl.Float64).fill_null(0.0)).to_series().to_numpy()
        fit = np.linalg.lstsq(x * np.sqrt(d)[:, None], v * np.sqrt(d), rcond=1e-10)[0]
        return float(w @ v), w * (v - x @ fit)

    value, z = linearised(numerator)
    if denominator is not None:
        below, z_below = linearised(denominator)
        value, z = value / below, (z - value / below * z_below) / below
    units = persons.select("stratum", "psu").with_columns(z=z).group_by("stratum", "psu").agg(pl.col("z").sum())
    strata = units.group_by("stratum").agg(pl.len() / (pl.len() - 1) * ((pl.col("z") - pl.col("z").mean()) ** 2).sum())
    return value, float(np.sqrt(strata["len"].sum()))


def test_standard_errors_of_a_round_are_those_of_its_persons(tmp_path: Path) -> None:
    home = Home(tmp_path / "var", (written(tmp_path / "specs", Case()),))
    result = tiny.harmonise(home, tiny.persons(), tmp_path / "persons.csv")
    assert result.findings == ()
    persons, estimates = (pl.read_parquet(table.data) for table in (result.tables[1], result.tables[-1]))
    employed = pl.col("labour_force_status") == "LMS_STATUS_EMP"
    in_labour_force = employed | (pl.col("labour_force_status") == "LMS_STATUS_UNE")
    cells = {
        ("SEX_T", "AGE_AGGREGATE_TOTAL"): pl.lit(value=True),
        ("SEX_F", "AGE_AGGREGATE_TOTAL"): pl.col("sex") == "SEX_F",
        ("SEX_T", "AGE_AGGREGATE_Y15-24"): pl.col("age_band") == "AGE_10YRBANDS_Y15-24",
        ("SEX_T", "AGE_AGGREGATE_Y55-64"): pl.col("age_band") == "AGE_10YRBANDS_Y55-64",
    }
    for indicator, share_of, scale in (
        ("EMP_TEMP_SEX_AGE_NB", None, 1000),
        ("UNE_DEAP_SEX_AGE_RT", in_labour_force, 0.01),
    ):
        for (sex, age), cell in cells.items():
            (row,) = estimates.filter(
                (pl.col("indicator") == indicator) & (pl.col("sex") == sex) & (pl.col("classif1") == age)
            ).to_dicts()
            counted = employed if share_of is None else in_labour_force & ~employed
            value, se = from_persons(persons, counted & cell, None if share_of is None else share_of & cell)
            assert row["value"] * scale == pytest.approx(value, rel=1e-9)
            assert row["se"] * scale == pytest.approx(se, rel=1e-9)


def test_what_is_calibrated_has_a_standard_error_of_0(tmp_path: Path) -> None:
    """Of working age are those of 15 and over: with totals by age the population of working age is known."""
    toml = MARGINS.replace("citizenship_status", "is_working_age").replace("citizens", "ages")
    tables = {
        "calibration/sex_area.csv": TABLES["calibration/sex_area.csv"],
        "calibration/ages.csv": table("is_working_age", {"TRUE": 9500, "FALSE": 2500}),
    }
    home = Home(tmp_path / "var", (written(tmp_path / "specs", Case(toml, tables)),))
    result = tiny.harmonise(home, tiny.persons(), tmp_path / "persons.csv")
    assert result.findings == ()
    rows = pl.read_parquet(result.tables[-1].data).filter(pl.col("indicator") == "POP_XWAP_SEX_AGE_NB")
    found = {(row["sex"], row["classif1"]): row for row in rows.to_dicts()}
    total, women = found["SEX_T", "AGE_AGGREGATE_TOTAL"], found["SEX_F", "AGE_AGGREGATE_TOTAL"]
    assert total["value"] == pytest.approx(9.5, rel=1e-9)
    assert total["se"] < 1e-9
    assert women["se"] > 0.01


# --- other tables --------------------------------------------------------------------------------


def test_absent_members_take_the_weight_before_calibration(tmp_path: Path) -> None:
    """Raked weights differ within a household, and no population total holds who lives abroad."""
    changes = {
        absentees.ONE_FILE: absentees.PARTS,
        absentees.QUALITY: absentees.ABSENTEES,
        CALIBRATED: f"{CALIBRATED}\n{MARGINS}",
    }
    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs", changes, absentees.TABLES | TABLES),))
    persons = tiny.write_csv(tmp_path / "persons.csv", tiny.persons())
    tiny.take(home, ROUND, persons, absentees.write_list(tmp_path / "absent.csv", absentees.absent()))
    listed = absentees.again(home)
    assert listed.findings == ()
    assert pl.read_parquet(listed.data)["weight"].to_list() == [100.0] * 12


def test_a_check_of_the_specification_finds_what_a_run_finds(tmp_path: Path) -> None:
    home = Home(tmp_path / "var", (written(tmp_path / "specs", CASES["CALIBRATION_EXTREME"]),))
    file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons())
    spec = load_survey(tmp_path / "specs" / "FJI" / "TINY")
    checked = check_against_file(home, spec, file, Period.parse("2024-Q1"), lambda text: None)
    assert [item.rule for item in checked.findings] == ["CALIBRATION_EXTREME"]
