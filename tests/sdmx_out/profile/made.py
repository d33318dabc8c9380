"""Rows of one area as an estimation round writes them: every figure a profile takes, some of them hidden."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.profile.content import Edition
from sdmx_out.profile.figures import AGES, INDICATORS, RATES, STRUCTURE
from sdmx_out.published_rows import load_rows
from tests.sdmx_out.example import Row, hidden, row, write_parquet

EDITION = Edition(load_code_lists(), date(2026, 11, 25))
CONFIDENTIAL = hidden("C", "C", "confidential")
FEW = hidden("S", "F", "unreliable")
SECONDARY = hidden("C", "D", "secondary")
GONE = hidden("N", "F", "withdrawn")
#: Countries of origin with their migrants of working age; the long names are the longest that there are.
ORIGINS = {"GBR": 412.125, "BOL": 98.5, "VEN": 87.25, "COD": 61.5, "PRK": 40.75, "PER": 12.0, "HTI": 6.0}

Key = tuple[str, ...]
Changes = Mapping[Key, Mapping[str, object]]


def cell(indicator: str, time: str, *codes: str, value: float, spread: float = 0.1, **given: object) -> Row:
    """One published cell: sex and classifications, with limits that lie a share of the value around it."""
    sex, *classifs = codes
    first, second = (*classifs, None, None)[:2]
    around = abs(value) * spread
    made: Row = {"obs_value": value, "lower": value - around, "upper": value + around, "ref_area": "XAA"}
    unit = load_indicators()[indicator]
    made |= {
        "unit_measure": unit.unit_measure,
        "unit_mult": unit.unit_mult,
        "unit_measure_type": unit.unit_measure_type,
    }
    made["note_source"] = "R1:3513_S3:5_S5:40_S14:4077_ILMS:RES12"
    made["cv"] = None if unit.is_comparison else 0.05
    return row(indicator, time, sex, first, second, **(made | given))


def rows(times: Sequence[str] = ("2022", "2023", "2024"), changes: Changes | None = None) -> list[Row]:
    """Every figure of a profile in these periods.

    Args:
        times: periods; each has somewhat larger figures than the one before.
        changes: (indicator, period, sex, classifications...) -> what replaces the cell's columns.
    """
    found = [made for number, time in enumerate(times) for made in _period(time, 1 + number / 100)]
    wanted = dict(changes or {})
    for made in found:
        key = tuple(str(made[name]) for name in ("indicator", "time", "sex", "classif1", "classif2") if made[name])
        made |= wanted.pop(key, {})
    assert not wanted, f"no such cells: {list(wanted)}"
    return found


def _period(time: str, growth: float) -> list[Row]:
    found: list[Row] = []

    def add(indicator: str, *codes: str, value: float, **given: object) -> None:
        found.append(cell(indicator, time, *codes, value=round(value * growth, 3), **given))

    for table, migrant, native, workers, share, inflow, stock, difference, gap, countries in (
        (
            *("CBR", "CBR_BIR_FOREIGN", "CBR_BIR_NATIVE", "XMW_LFFB_SEX_AGE_NB", "XSH_FORE", "MFL_FPOP_SEX_CBR_NB"),
            *("MST_FORP_SEX_CBR_NB", "XDB", "XGB_EARA_SEX_RT", "CBR_BRT"),
        ),
        (
            *("CCT", "CCT_CIT_NONCIT", "CCT_CIT_CITIZEN", "XMW_LFNC_SEX_AGE_NB", "XSH_NCTE", "MFL_NCIT_SEX_CCT_NB"),
            *("MST_NCTP_SEX_CCT_NB", "XDC", "XGC_EARA_SEX_RT", "CCT_CTZ"),
        ),
    ):
        less = 1.0 if table == "CBR" else 0.875
        for age in AGES[:2]:
            add(f"MST_XWAP_SEX_AGE_{table}_NB", "SEX_T", age, migrant, value=1234.568 * less)
            add(f"MST_TEMP_SEX_AGE_{table}_NB", "SEX_T", age, migrant, value=801.25 * less)
            for sex, part in (("SEX_T", 900.5), ("SEX_M", 500.25), ("SEX_F", 400.25)):
                add(workers, sex, age, value=part * less)
            for rate, high, low in zip(RATES, (72.9, 64.9, 11.0), (61.3, 57.2, 6.7), strict=True):
                add(f"MST_{rate}_SEX_AGE_{table}_RT", "SEX_T", age, migrant, value=high * less, spread=0.04)
                add(f"MST_{rate}_SEX_AGE_{table}_RT", "SEX_T", age, native, value=low, spread=0.02)
        for rate, apart, chance in zip(RATES, (11.6, 7.7, -0.9), (0.0001, 0.02, 0.4), strict=True):
            add(f"{difference}_{rate}_SEX_RT", "SEX_T", value=apart * less, spread=0.4, p_value=chance)
        add(f"{share}_SEX_ECO_RT", "SEX_T", "ECO_SECTOR_TOTAL", value=17.3 * less)
        for number, (kind, code) in enumerate(STRUCTURE):
            add(f"MST_TEMP_SEX_{kind}_{table}_NB", "SEX_T", code, migrant, value=(90.1 + 70 * number) * less)
            add(f"{share}_SEX_{kind}_RT", "SEX_T", code, value=(5.3 + 4 * number) * less)
        add(inflow, "SEX_T", f"{countries}_TOTAL", value=55.5 * less, note_indicator="T5:114_ILMS:FLOW12M")
        add(stock, "SEX_T", f"{countries}_TOTAL", value=1234.568 * less)
        for country, value in ORIGINS.items():
            add(stock, "SEX_T", f"{countries}_{country}", value=value * less, spread=0.25)
        earnings = f"MST_EARA_SEX_{table}_NB"
        add(earnings, "SEX_T", migrant, value=9141.26 * less)
        add(earnings, "SEX_T", native, value=10944.94)
        add(gap, "SEX_T", value=16.48 * less, p_value=0.001)
    add("MNA_TPOP_SEX_CRS_NB", "SEX_T", "CRS_RES_TOTAL", value=295.25, note_indicator="ILMS:ABSENTEES")
    add("MNA_OPOP_SEX_CDS_NB", "SEX_T", "CDS_DES_TOTAL", value=21.5, note_indicator="ILMS:FLOW12M_ILMS:ABSENTEES")
    add("MNA_XRET_SEX_CPR_NB", "SEX_T", "CPR_PRV_TOTAL", value=14.25, note_indicator="ILMS:RETURNS")
    add("XMW_RIMW_SEX_AGE_NB", "SEX_T", AGES[0], value=888.375)
    return found


def connection(data: Sequence[Row] | None = None, *, is_test: bool = False) -> duckdb.DuckDBPyConnection:
    """An engine that holds the rows of a release."""
    engine = duckdb.connect()
    chosen = {name: load_indicators()[name] for name in INDICATORS}
    with TemporaryDirectory() as folder:
        table = write_parquet(Path(folder) / "rows.parquet", rows() if data is None else list(data))
        load_rows(engine, [table], indicators=chosen, code_lists=load_code_lists(), is_test=is_test)
    return engine


#: What is hidden in the example with gaps: values that must stand nowhere, had anybody kept them.
def with_gaps() -> Changes:
    """Hidden, unreliable, withdrawn and flagged cells among those of 2024 and in the trend."""
    birth, age = "CBR_BIR_FOREIGN", AGES[0]
    both = (AGES[0], AGES[1])
    return {
        ("XMW_LFFB_SEX_AGE_NB", "2024", "SEX_F", age): CONFIDENTIAL,
        ("XMW_LFFB_SEX_AGE_NB", "2024", "SEX_M", age): SECONDARY,
        ("XMW_LFFB_SEX_AGE_NB", "2023", "SEX_T", age): FEW,
        ("MST_TEMP_SEX_ECO_CBR_NB", "2024", "SEX_T", "ECO_SECTOR_AGR", birth): FEW,
        ("XSH_FORE_SEX_ECO_RT", "2024", "SEX_T", "ECO_SECTOR_IND"): CONFIDENTIAL,
        ("MST_TEMP_SEX_OCU_CCT_NB", "2024", "SEX_T", "OCU_SKILL_L2", "CCT_CIT_NONCIT"): GONE,
        ("MST_FORP_SEX_CBR_NB", "2024", "SEX_T", "CBR_BRT_BOL"): CONFIDENTIAL,
        ("MST_NCTP_SEX_CCT_NB", "2024", "SEX_T", "CCT_CTZ_TOTAL"): CONFIDENTIAL,
        **{("MST_TUNE_SEX_AGE_CBR_RT", "2024", "SEX_T", code, birth): FEW for code in both},
        ("XDB_TUNE_SEX_RT", "2024", "SEX_T"): FEW,
        ("XGC_EARA_SEX_RT", "2024", "SEX_T"): {"obs_status": "U", "p_value": 0.3},
        ("MST_FORP_SEX_CBR_NB", "2024", "SEX_T", "CBR_BRT_VEN"): {"obs_status": "U"},
        ("MFL_FPOP_SEX_CBR_NB", "2024", "SEX_T", "CBR_BRT_TOTAL"): CONFIDENTIAL,
    }
