from decimal import Decimal
from pathlib import Path

import pytest

from sdmx_out.profile.figures import AGES, Profile, availability_of, read_profile
from sdmx_out.profile.profiles import countries_of
from tests.sdmx_out.example import Row, write_parquet
from tests.sdmx_out.profile.made import CONFIDENTIAL, EDITION, GONE, SECONDARY, cell, connection, rows, with_gaps

COUNTRIES = countries_of(EDITION.code_lists)
WORKERS = "XMW_LFFB_SEX_AGE_NB"


def profile(
    data: list[Row] | None = None, area: str = "XAA", told: dict[tuple[str, ...], str] | None = None
) -> Profile:
    with connection(data) as engine:
        return read_profile(engine, area, countries=COUNTRIES, availability=told)


def test_every_figure_of_the_latest_year_is_taken_by_birth_and_by_citizenship() -> None:
    found = profile()
    birth, citizenship = found.migrants
    assert (found.freq, found.time, found.source, found.survey) == ("A", "2024", "BA", "XAA_LFS")
    assert found.notes == ("R1:3513", "S3:5", "S5:40", "S14:4077", "ILMS:RES12")
    assert birth.population.value == Decimal("1259.259")
    assert (birth.population.lower, birth.population.upper) == (Decimal("1133.33"), Decimal("1385.18"))
    assert citizenship.population.value == Decimal("1101.852")
    assert [birth.workers[sex].value for sex in ("SEX_T", "SEX_M", "SEX_F")] == [
        Decimal("918.510"),
        Decimal("510.255"),
        Decimal("408.255"),
    ]
    assert [item.migrants.value for item in birth.rates] == [Decimal("74.358"), Decimal("66.198"), Decimal("11.220")]
    assert [item.difference.is_significant for item in birth.rates] == [True, True, False]
    assert birth.gap.is_significant is True
    assert birth.population.is_significant is None
    assert birth.earnings[0].value == Decimal("9324.08")
    assert [part.code for part in birth.parts][:2] == ["ECO_SECTOR_AGR", "ECO_SECTOR_IND"]
    assert found.abroad["return_workers"].value == Decimal("906.143")


def test_top_countries_and_the_rest_of_the_published_total() -> None:
    birth = profile().migrants[0]
    assert [code for code, _ in birth.origins] == [f"CBR_BRT_{code}" for code in ("GBR", "BOL", "VEN", "COD", "PRK")]
    shown = sum(figure.value for _, figure in birth.origins if figure.value is not None)
    assert birth.other == Decimal("1259.259") - shown


def test_hidden_cells_have_a_reason_and_nothing_is_computed_from_them() -> None:
    birth, citizenship = profile(rows(changes=with_gaps())).migrants
    assert birth.workers["SEX_F"].missing == "confidential"
    assert birth.workers["SEX_M"].missing == "confidential"
    assert birth.rates[2].migrants.missing == "unreliable"
    assert birth.inflow.value is None
    assert [code for code, _ in birth.origins][1] == "CBR_BRT_VEN"
    assert birth.origins[1][1].status == "U"
    assert citizenship.other is None
    assert next(part for part in citizenship.parts if part.code == "OCU_SKILL_L2").employed.missing == "withdrawn"


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (CONFIDENTIAL, "confidential"),
        (SECONDARY, "confidential"),
        (GONE, "withdrawn"),
        (CONFIDENTIAL | {"reason": "unreliable;confidential"}, "confidential"),
    ],
)
def test_reasons(columns: Row, missing: str) -> None:
    data = [cell(WORKERS, "2024", "SEX_T", AGES[0], value=5, **columns)]
    figure = profile(data).migrants[0].workers["SEX_T"]
    assert (figure.value, figure.lower, figure.upper, figure.missing) == (None, None, None, missing)


def test_the_trend_is_of_years_and_has_gaps() -> None:
    birth, citizenship = profile(rows(changes=with_gaps())).migrants
    assert [(time, figure.missing) for time, figure in birth.trend] == [
        ("2022", ""),
        ("2023", "unreliable"),
        ("2024", ""),
    ]
    assert [figure.value is None for _, figure in citizenship.trend] == [False, False, False]


def test_the_trend_is_of_quarters_where_there_is_one_year_only() -> None:
    found = profile(rows(("2024", "2023-Q4", "2024-Q1", "2024-Q2")))
    assert found.time == "2024"
    assert [time for time, _ in found.migrants[0].trend] == ["2023-Q4", "2024-Q1", "2024-Q2"]


@pytest.mark.parametrize(
    ("times", "latest"),
    [
        (("2023", "2024-Q3"), ("A", "2023")),
        (("2023-Q4", "2024-Q1"), ("Q", "2024-Q1")),
        (("2024-Q3", "2024-10"), ("M", "2024-10")),
        (("2024-S1", "2024-Q1"), ("S", "2024-S1")),
    ],
)
def test_the_latest_year_else_the_latest_period(times: tuple[str, ...], latest: tuple[str, str]) -> None:
    freqs = {"-Q": "Q", "-S": "S"}
    data = [
        cell(WORKERS, time, "SEX_T", AGES[0], value=5, freq=freqs.get(time[4:6], "M" if time[4:] else "A"))
        for time in times
    ]
    found = profile(data)
    assert (found.freq, found.time) == latest


def test_another_version_of_age_is_taken_where_the_first_is_missing() -> None:
    found = profile([cell(WORKERS, "2024", "SEX_T", AGES[1], value=5)])
    assert found.migrants[0].workers["SEX_T"].value == Decimal("5.000")


def test_other_areas_stay_away_and_an_area_without_figures_says_so() -> None:
    found = profile(rows(), area="XBB")
    assert (found.freq, found.time, found.source) == ("", "", "")
    assert found.migrants[0].population.missing == "absent"
    assert found.migrants[0].trend == ()


def test_availability_says_why_a_table_is_not_there(tmp_path: Path) -> None:
    def told(indicator: str, state: str) -> Row:
        return {
            **{"indicator": indicator, "ref_area": "XAA", "survey": "XAA_LFS", "freq": "A", "time": "2024"},
            **{"availability": state, "reason": "text"},
        }

    states = [
        told("MST_EARA_SEX_CBR_NB", "not_collected"),
        told("MNA_XRET_SEX_CPR_NB", "no_observation"),
        told("XGB_EARA_SEX_RT", "unreliable_table"),
        told(WORKERS, "published"),
    ]
    path = write_parquet(tmp_path / "availability.parquet", states, None)
    data = [cell(WORKERS, "2024", "SEX_T", AGES[0], value=5)]
    with connection(data) as engine:
        found = read_profile(engine, "XAA", countries=COUNTRIES, availability=availability_of(engine, [path]))
        assert availability_of(engine, []) == {}
    assert found.migrants[0].earnings[0].missing == "not_collected"
    assert found.migrants[0].gap.missing == "unreliable"
    assert found.abroad["returned"].missing == "no_observation"
    assert found.abroad["abroad"].missing == "absent"
