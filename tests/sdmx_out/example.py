"""Protected estimates of two made-up areas, enough to build a release from."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sdmx.message import StructureMessage

from schemas.codes import load_code_lists, load_status_map
from schemas.indicators import Indicator, load_indicators
from sdmx_out.releases import release_content
from sdmx_out.releases.gate import propose
from sdmx_out.releases.places import Places
from sdmx_out.releases.release import ReleaseResult, Request
from sdmx_out.releases.release_log import By
from sdmx_out.structures.message import structure_message

ROOT = Path(__file__).parents[2]


OFFICE = {"en": "Office of Statistics", "fr": "Office de la statistique", "es": "Oficina de Estadística"}
EMPLOYMENT = "MST_TEMP_SEX_AGE_CBR_NB"
RATE = "MST_TUNE_SEX_AGE_CBR_RT"
FOREIGN = "MST_FORP_SEX_CBR_NB"
STAY = "XMW_LFFB_SEX_STY_NB"
#: What compares two figures: difference of rates, gap of means, change of a count, net flow.
DIFFERENCE = "XDB_TEMP_SEX_AGE_RT"
GAP = "XGB_EARA_SEX_RT"
CHANGE = "XCH_TEMP_SEX_AGE_CBR_NB"
NET = "XMW_NETN_SEX_NB"


_TEXT = pa.string()
SCHEMA = pa.schema(
    [
        *((name, _TEXT) for name in ("indicator", "ref_area", "survey", "source", "freq", "time", "sex")),
        *((name, _TEXT) for name in ("classif1", "classif2")),
        ("obs_value", pa.float64()),
        *((name, _TEXT) for name in ("obs_status", "conf_status", "reason")),
        *((name, pa.float64()) for name in ("se", "lower", "upper", "cv", "df", "p_value")),
        *((name, _TEXT) for name in ("n_band", "method", "note_source", "note_indicator", "note_classif")),
        *((name, _TEXT) for name in ("unit_measure_type", "unit_measure")),
        ("unit_mult", pa.int32()),
        ("decimals", pa.int32()),
    ]
)

Row = dict[str, object]


def row(indicator: str, time: str, sex: str, classif1: str | None, classif2: str | None = None, **given: object) -> Row:
    """One published cell of area XAA; whatever is given replaces what is made."""
    is_rate = indicator.endswith("_RT")
    freq = "Q" if "Q" in time else "M" if len(time) > 4 else "A"
    made: Row = {
        "indicator": indicator,
        "ref_area": "XAA",
        "survey": "XAA_LFS",
        "source": "BA:XAA_LFS",
        "freq": freq,
        "time": time,
        "sex": sex,
        "classif1": classif1,
        "classif2": classif2,
        "obs_value": 12.3 if is_rate else 1234.5678,
        "obs_status": "",
        "conf_status": "F",
        "reason": "",
        "se": 1.25,
        "lower": 9.5,
        "upper": 1237.0179,
        "cv": 0.101,
        "df": 120.0,
        "p_value": None,
        "n_band": "100-499",
        "method": "Taylor linearisation",
        "note_source": "R1:3513_S5:40",
        "note_indicator": "T2:84",
        "note_classif": "",
        "unit_measure_type": "RT" if is_rate else "NB",
        "unit_measure": "PT" if is_rate else "PS",
        "unit_mult": 0 if is_rate else 3,
        "decimals": 1,
    }
    return {**made, **given}


def hidden(status: str, conf: str, reason: str) -> Row:
    """What a suppressed cell carries."""
    empty = dict.fromkeys(("obs_value", "se", "lower", "upper", "cv", "df", "p_value"))
    return {**empty, "n_band": "", "obs_status": status, "conf_status": conf, "reason": reason}


TOTAL, YOUNG = "AGE_AGGREGATE_TOTAL", "AGE_AGGREGATE_Y15-24"
NATIVE, FOREIGN_BORN = "CBR_BIR_NATIVE", "CBR_BIR_FOREIGN"


def rows() -> list[Row]:
    return [
        row(EMPLOYMENT, "2013-Q4", "SEX_T", TOTAL, NATIVE),
        row(EMPLOYMENT, "2013-Q4", "SEX_F", YOUNG, FOREIGN_BORN, **hidden("C", "C", "confidential")),
        row(EMPLOYMENT, "2013-Q4", "SEX_M", YOUNG, FOREIGN_BORN, **hidden("S", "F", "unreliable")),
        row(EMPLOYMENT, "2013", "SEX_T", TOTAL, NATIVE, obs_value=1200.0005, se=1234567.8, lower=0.0),
        row(EMPLOYMENT, "2013", "SEX_F", TOTAL, NATIVE, obs_status="U", se=0.0000123456789, df=17.25),
        row(RATE, "2013-Q4", "SEX_T", TOTAL, FOREIGN_BORN, obs_value=12.345),
        row(RATE, "2013-Q4", "SEX_T", TOTAL, NATIVE, se=None, lower=None, upper=None, cv=None, df=None),
        row(FOREIGN, "2013-Q4", "SEX_T", "CBR_BRT_KEN"),
        row(FOREIGN, "2013-Q4", "SEX_T", "CBR_BRT_TOTAL", ref_area="XBB", survey="XBB_HS", source="BB:XBB_HS"),
        row(STAY, "2013-03", "SEX_T", "STY_BANDS_MLT12"),
    ]


def compared() -> list[Row]:
    """Figures that compare two others: below 0, above 0, as good as nothing, suppressed, without a standard error."""
    nothing = dict.fromkeys(("se", "lower", "upper", "df"))
    return [
        row(DIFFERENCE, "2013", "SEX_T", TOTAL, obs_value=-7.25, lower=-9.5, upper=-5.0, cv=None, p_value=0.0000002),
        row(DIFFERENCE, "2013", "SEX_M", TOTAL, obs_value=-0.0004, cv=None, p_value=0.05),
        row(DIFFERENCE, "2013", "SEX_F", TOTAL, **hidden("S", "F", "unreliable")),
        row(GAP, "2013", "SEX_T", None, obs_value=-3.5, cv=None, p_value=0.0499994),
        row(CHANGE, "2013", "SEX_T", TOTAL, NATIVE, obs_value=-12.3456, cv=None, p_value=0.5),
        row(NET, "2013", "SEX_T", None, obs_value=-1.5, cv=None, **nothing),
    ]


def availability_rows() -> list[Row]:
    def told(indicator: str, time: str, availability: str, reason: str = "") -> Row:
        return {
            "indicator": indicator,
            "ref_area": "XAA",
            "survey": "XAA_LFS",
            "freq": "Q",
            "time": time,
            "availability": availability,
            "reason": reason,
        }

    return [
        told(EMPLOYMENT, "2013-Q4", "published"),
        told("MFL_NCIT_SEX_CCT_NB", "2013-Q4", "not_collected", "the questionnaire has no question on arrival"),
        told(RATE, "2013-Q3", "unreliable_table", "40 % of its cells are unreliable"),
        told(STAY, "2013-Q4", "not_computed", "needs 12 months"),
        told(STAY, "2013-Q3", "no_observation", "nobody was observed"),
    ]


def write_parquet(path: Path, data: Sequence[Row], schema: pa.Schema | None = SCHEMA) -> Path:
    pq.write_table(pa.Table.from_pylist(list(data), schema=schema), path)
    return path


def by(who: str = "Ada", day: str = "2026-11-23") -> By:
    """Who decides on the example, and when."""
    return By(who, "login", date.fromisoformat(day))


def protection_report(leaks: int = 0) -> dict[str, Any]:
    """What protection tells of one area and year."""
    return {
        "partition": "XAA_2013",
        "cells": 10,
        "published": 8,
        "by_reason": {"confidential": 1, "unreliable": 1},
        "by_indicator": {EMPLOYMENT: {"cells": 5, "confidential": 1, "secondary": 0, "unreliable": 1}},
        "information": {"total": 5000.5, "lost_primary": 250.25, "lost_secondary": 0.0, "unit": "persons"},
        "suppression": {
            **{"method": "optimal", "cells": 40, "equations": 12, "components": 2, "largest_component": 30},
            **{"solves": 7, "exact_up_to": 60},
        },
        "attack": {
            **{"targets": 3, "protected": 3 - leaks, "solves": 6, "components": 2},
            "leaks": [{"figure": f"employed {number}", "equations": ["sex", "age"]} for number in range(leaks)],
            "earlier_releases": [],
        },
    }


def write_protection(path: Path, leaks: int = 0) -> Path:
    """Write the protection report of one area and year."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(protection_report(leaks)), encoding="utf-8")
    return path


def release(
    work: Path,
    data: Sequence[Row] | None = None,
    *,
    day: str = "2026-11-23",
    kind: str = "test",
    draft: bool = False,
    connection: duckdb.DuckDBPyConnection | None = None,
    protection: Mapping[str, Path] | None = None,
    maker: str = "Ada",
    is_full: bool = False,
    writer: str = "",
) -> ReleaseResult:
    """Make a release of the data folder `work` from the given rows, or from the example's.

    Unless it is to be full it has tables and SDMX-CSV 1.0 alone, which takes a tenth of the time.
    """
    work.mkdir(parents=True, exist_ok=True)
    table = rows() if data is None else list(data)
    half = len(table) // 2
    tables = [
        write_parquet(work / "b.parquet", table[:half]),
        write_parquet(work / "a.parquet", table[half:]),
    ]
    told = write_parquet(work / "availability.parquet", availability_rows(), None)
    request = Request(
        tables=tables,
        availability=[told],
        indicators=load_indicators(),
        code_lists=load_code_lists(),
        status_map=load_status_map(),
        release_date=date.fromisoformat(day),
        provenance={"code": "0.1.0", "files": {"XAA_LFS_2013-Q4": "0" * 64}},
        draft=draft,
        kind=kind,  # type: ignore[arg-type]
        protection=protection or {},
        organisations={str(item["survey"]): OFFICE for item in table},
        writer=writer,
        is_full=is_full,
    )
    with nullcontext(connection) if connection else duckdb.connect() as engine:
        return propose(request, Places(work), engine, by(maker, day))


_MADE: dict[tuple[object, ...], StructureMessage] = {}


def _made_once(indicators: Sequence[Indicator], *_: object, **given: object) -> StructureMessage:
    """The structures without what stands around them, made once for the same indicators."""
    is_test, has_test_areas = bool(given["is_test"]), bool(given["has_test_areas"])
    key = (tuple(item.id for item in indicators), is_test, has_test_areas)
    if key not in _MADE:
        _MADE[key] = structure_message(
            indicators,
            load_code_lists(),
            prepared=date(2026, 1, 1),
            is_test=is_test,
            has_test_areas=has_test_areas,
        )
    return _MADE[key]


def plain_structures(patch: pytest.MonkeyPatch) -> None:
    """Spare a test the structures, which take most of a release's time and are shown elsewhere."""
    patch.setattr(release_content, "release_message", _made_once)
    patch.setattr(release_content, "structure_bytes", lambda _: b"<Structure/>\n")
