"""SDMX-CSV 1.0: exact bytes, and two readers that agree with the structures."""

from pathlib import Path

import pandas as pd
import pytest
import sdmx
from pysdmx.io import read_sdmx

from sdmx_out.csv_text import csv_line
from tests.sdmx_out import example
from tests.sdmx_out.example import (
    DIFFERENCE,
    EMPLOYMENT,
    FOREIGN,
    FOREIGN_BORN,
    GAP,
    NATIVE,
    RATE,
    TOTAL,
    YOUNG,
    compared,
    rows,
)

HEADER = (
    "DATAFLOW,REF_AREA,FREQ,MEASURE,SEX,AGE,CBR,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MEASURE_TYPE,"
    "UNIT_MEASURE,UNIT_MULT,SOURCE,NOTE_SOURCE,NOTE_INDICATOR,NOTE_CLASSIF,DECIMALS,UPPER_BOUND,LOWER_BOUND\n"
)
TWIN_HEADER = (
    "DATAFLOW,REF_AREA,FREQ,MEASURE,SEX,AGE,CBR,TIME_PERIOD,OBS_VALUE,OBS_STATUS,CONF_STATUS,"
    "UNIT_MEASURE_TYPE,UNIT_MEASURE,UNIT_MULT,SOURCE,NOTE_SOURCE,CV,DF,P_VALUE,N_BAND,METHOD,UPPER_BOUND,LOWER_BOUND\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    own = {"ref_area": "ZAF", "survey": "ZAF_QLFS", "source": "BA:ZAF_QLFS"}
    data = [{**row, **own} for row in (*rows()[:8], *compared())]
    return example.release(tmp_path_factory.mktemp("release"), data, kind="default").folder


def _message(folder: Path, flow: str) -> Path:
    return folder / "data" / "sdmx-csv" / f"{flow}.csv"


def test_exact_bytes_in_ilos_shape(folder: Path) -> None:
    flow = f"ILO:DF_{EMPLOYMENT}(1.0)"
    unit = "NB,PS,3,BA:ZAF_QLFS,R1:3513_S5:40,T2:84,,1"
    assert _message(folder, f"DF_{EMPLOYMENT}").read_text(encoding="utf-8") == HEADER + (
        f"{flow},ZAF,A,MST_TEMP_NB,SEX_F,{TOTAL},{NATIVE},2013,1234.568,U,{unit},1237.02,9.50000\n"
        f"{flow},ZAF,A,MST_TEMP_NB,SEX_T,{TOTAL},{NATIVE},2013,1200.001,,{unit},1237.02,0\n"
        f"{flow},ZAF,Q,MST_TEMP_NB,SEX_F,{YOUNG},{FOREIGN_BORN},2013-Q4,,C,{unit},,\n"
        f"{flow},ZAF,Q,MST_TEMP_NB,SEX_M,{YOUNG},{FOREIGN_BORN},2013-Q4,,S,{unit},,\n"
        f"{flow},ZAF,Q,MST_TEMP_NB,SEX_T,{TOTAL},{NATIVE},2013-Q4,1234.568,,{unit},1237.02,9.50000\n"
    )


def test_exact_bytes_of_the_twin(folder: Path) -> None:
    flow, young = f"ILMS:DF_{EMPLOYMENT}_SE(1.0)", f"{YOUNG},{FOREIGN_BORN},2013-Q4"
    unit = "NB,PS,3,BA:ZAF_QLFS,R1:3513_S5:40"
    method = "Taylor linearisation"
    end = f",100-499,{method},1237.02"
    assert _message(folder, f"DF_{EMPLOYMENT}_SE").read_text(encoding="utf-8") == TWIN_HEADER + (
        f"{flow},ZAF,A,MST_TEMP_NB,SEX_F,{TOTAL},{NATIVE},2013,0.0000123457,U,F,{unit},0.101000,17.2500,{end},9.50000\n"
        f"{flow},ZAF,A,MST_TEMP_NB,SEX_T,{TOTAL},{NATIVE},2013,1234570,A,F,{unit},0.101000,120,{end},0\n"
        f"{flow},ZAF,Q,MST_TEMP_NB,SEX_F,{young},,Q,C,{unit},,,,,{method},,\n"
        f"{flow},ZAF,Q,MST_TEMP_NB,SEX_M,{young},,Q,F,{unit},,,,,{method},,\n"
        f"{flow},ZAF,Q,MST_TEMP_NB,SEX_T,{TOTAL},{NATIVE},2013-Q4,1.25000,A,F,{unit},0.101000,120,{end},9.50000\n"
    )


def test_rates_have_the_indicators_decimals(folder: Path) -> None:
    table = pd.read_csv(_message(folder, f"DF_{RATE}"), dtype=str, keep_default_na=False)
    assert list(table.OBS_VALUE) == ["12.345", "12.300"]
    twin = pd.read_csv(_message(folder, f"DF_{RATE}_SE"), dtype=str, keep_default_na=False)
    missing = twin[twin.CBR == NATIVE]
    assert list(missing.OBS_VALUE) == [""]
    assert list(missing.OBS_STATUS) == ["O"]


def test_the_twin_of_a_comparison_has_p_values(folder: Path) -> None:
    twin = pd.read_csv(_message(folder, f"DF_{DIFFERENCE}_SE"), dtype=str, keep_default_na=False)
    assert dict(zip(twin.SEX, twin.P_VALUE, strict=True)) == {
        "SEX_F": "",
        "SEX_M": "0.050000",
        "SEX_T": "0.000000",
    }
    values = pd.read_csv(_message(folder, f"DF_{DIFFERENCE}"), dtype=str, keep_default_na=False)
    assert list(values.OBS_VALUE) == ["", "0.000", "-7.250"]
    assert "P_VALUE" not in values


@pytest.mark.parametrize("flow", [f"DF_{i}{twin}" for i in (EMPLOYMENT, RATE, FOREIGN, GAP) for twin in ("", "_SE")])
def test_every_code_is_in_the_list_that_the_structure_names(folder: Path, flow: str) -> None:
    structures = sdmx.read_sdmx(folder / "structure" / "structures.xml")
    structure = structures.structure[flow.removeprefix("DF_")]
    table = pd.read_csv(_message(folder, flow), dtype=str, keep_default_na=False)
    components = [*structure.dimensions, *structure.measures, *structure.attributes]
    assert set(table.columns) == {"DATAFLOW", *(component.id for component in components)}
    dimensions = [dimension.id for dimension in structure.dimensions]
    assert list(table.columns)[1 : len(dimensions) + 1] == dimensions
    assert not table.duplicated(dimensions).any()
    assert table.equals(table.sort_values(dimensions, ignore_index=True))
    for component in components:
        codes = component.local_representation.enumerated
        if codes is not None:
            assert set(table[component.id]) - {""} <= set(codes.items)


def test_a_second_reader_reads_the_data(folder: Path) -> None:
    (dataset,) = read_sdmx(_message(folder, f"DF_{EMPLOYMENT}")).data or []
    assert len(dataset.data) == 5
    assert "ILO:DF_" + EMPLOYMENT in str(dataset.structure)
    assert list(dataset.data.columns) == HEADER.strip().split(",")[1:]


def test_fields_are_quoted_only_where_they_must_be() -> None:
    assert csv_line(["a b", "a,b", 'a"b', "a\nb", ""]) == 'a b,"a,b","a""b","a\nb",'
