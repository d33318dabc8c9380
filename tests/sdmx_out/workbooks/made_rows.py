"""Rows of a release that adds up: every table of the questionnaire for one area and some years, some cells withheld."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product

import duckdb
import pyarrow as pa

from schemas.codes import COUNTRY_VERSIONS, Code, CodeList, load_code_lists
from schemas.indicators import Indicator, load_indicators
from sdmx_out.published_rows import COLUMNS, TABLE
from sdmx_out.workbooks.charts import chart_indicators
from sdmx_out.workbooks.tables import load_tables

AREA = "XAA"
YEARS = ("2022", "2023", "2024")
SOURCE = "BA:XAA_LFS"
Row = dict[str, str | None]
Key = tuple[str, str, str]

#: Sizes of leaves: different, so that a rank is clear.
_SIZES = (7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)
#: Seven countries of which the second and the sixth are largest, and one region that holds them all.
COUNTRIES = {"KEN": 300, "UGA": 900, "ETH": 500, "TZA": 400, "SOM": 350, "RWA": 800, "BDI": 100}
REGION = "X06"
UNKNOWN = 25

HIDDEN: Row = {
    **dict.fromkeys(("obs_value", "se", "lower", "upper", "cv", "df", "p_value")),
    "n_band": "",
    "obs_status": "S",
    "conf_status": "C",
    "reason": "confidential",
}


def cell(indicator: Indicator, time: str, key: Key, thousandths: int, **given: str | None) -> Row:
    """One published row, as text."""
    value = thousandths / 1000
    spelled = f"{value:.{indicator.decimals}f}"
    freq = "A" if len(time) == 4 else time[5] if time[5].isalpha() else "M"
    made: Row = {
        "indicator": indicator.id,
        "ref_area": AREA,
        "survey": "XAA_LFS",
        "source": SOURCE,
        "freq": freq,
        "time": time,
        "sex": key[0],
        "classif1": key[1] or None,
        "classif2": key[2] or None,
        "obs_value": spelled,
        "obs_status": "",
        "conf_status": "F",
        "reason": "",
        "se": f"{value / 20:.4f}",
        "lower": f"{value * 0.9:.3f}",
        "upper": f"{value * 1.1:.3f}",
        "cv": "0.05",
        "df": "120",
        "p_value": None,
        "n_band": "500+",
        "method": "Taylor linearisation",
        "note_source": "R1:3513_S3:5_S5:40_S14:4077",
        "note_indicator": "T36:3214",
        "note_classif": "",
        "unit_measure_type": indicator.unit_measure_type,
        "unit_measure": indicator.unit_measure,
        "unit_mult": str(indicator.unit_mult),
        "decimals": str(indicator.decimals),
    }
    return {**made, **given}


def leaves(codes: CodeList) -> list[Code]:
    """Items that make up the total."""
    return [item for item in codes.items if item.level == 1 and not item.is_total]


def cells_of(indicator: Indicator, versions: Iterable[str], time: str) -> dict[Key, int]:
    """Key -> figure in thousandths: leaves and all totals of them."""
    lists = load_code_lists()
    found: dict[Key, int] = {}
    groups = lists[indicator.classif2_versions[0]] if indicator.classif2_versions else None
    shares = [(item.code, _SIZES[number]) for number, item in enumerate(leaves(groups))] if groups else [("", 10)]
    year = int(time[:4]) - 2020
    for version in versions:
        codes = lists[version]
        is_age = codes.type == "AGE"
        if version in COUNTRY_VERSIONS:
            sizes = {f"{version}_{name}": size for name, size in COUNTRIES.items()} | {f"{version}_X": UNKNOWN}
        else:
            kept = [item for item in leaves(codes) if not (is_age and item.code.endswith("YLT15"))]
            sizes = {item.code: _SIZES[number] for number, item in enumerate(kept)}
        if is_age:
            # Every version of the ages holds the same persons.
            sizes = {code: size * 600 // sum(sizes.values()) for code, size in sizes.items()}
            first = next(iter(sizes))
            sizes[first] += 600 - sum(sizes.values())
        for (code, size), (sex, part) in product(sizes.items(), (("SEX_M", 3), ("SEX_F", 2))):
            for group, share in shares:
                figure = size * part * share * (10 + year)
                above = [codes.total]
                if version in COUNTRY_VERSIONS and not code.endswith("_X"):
                    above.append(f"{version}_{REGION}")
                for one, two, three in product(
                    (code, *above), (group, groups.total) if groups else ("",), (sex, "SEX_T")
                ):
                    key = (three, str(one), str(two))
                    found[key] = found.get(key, 0) + figure
    return found


@cache
def wanted() -> Mapping[str, tuple[str, ...]]:
    """Indicators of both collections and the charts, with the versions that the tables show."""
    found: dict[str, dict[str, None]] = {}
    for collection in ("ilms", "asean"):
        for table in load_tables(collection).values():
            for name in (table.source("birth"), table.source("citizenship")):
                if name:
                    of = load_indicators()[name]
                    known = set(of.classif1_versions)
                    found.setdefault(name, {}).update(dict.fromkeys(v for v in table.versions if v in known))
    for name in (*chart_indicators("birth"), *chart_indicators("citizenship")):
        given = ["AGE_10YRBANDS", "AGE_AGGREGATE"] if "AGE" in name else ["ECO_AGGREGATE", "ECO_SECTOR"]
        found.setdefault(name, {}).update(dict.fromkeys(given))
    return {name: tuple(versions) for name, versions in sorted(found.items())}


def rows(years: Iterable[str] = YEARS, without: Iterable[str] = ()) -> Iterator[Row]:
    """All rows; of each table of two classifications one part is withheld for women, one figure is unreliable."""
    for name, versions in wanted().items():
        if name in without:
            continue
        indicator = load_indicators()[name]
        for time in years:
            found = cells_of(indicator, versions, time)
            for key, figure in found.items():
                yield cell(indicator, time, key, figure, **_state(key, time))


def _state(key: Key, time: str) -> Row:
    sex, one, two = key
    is_migrant = two in ("CBR_BIR_FOREIGN", "CCT_CIT_NONCIT")
    if is_migrant and sex == "SEX_F" and one in ("AGE_AGGREGATE_YGE65", "ECO_AGGREGATE_CON", "EDU_AGGREGATE_LTB"):
        return HIDDEN
    if is_migrant and sex == "SEX_M" and one in ("AGE_AGGREGATE_Y55-64", "OCU_SKILL_L1"):
        return {"obs_status": "U"}
    return {"obs_status": "B"} if time == "2022" and sex == "SEX_T" and one.endswith("TOTAL") else {}


def engine(data: Iterable[Row]) -> duckdb.DuckDBPyConnection:
    """Return an engine that holds the rows of a release."""
    connection = duckdb.connect()
    names = (*COLUMNS, "time_ilostat", "significance")
    connection.execute(f"CREATE TEMP TABLE {TABLE} ({', '.join(f'{name} VARCHAR' for name in names)})")
    table = pa.Table.from_pylist(
        [{name: row.get(name) for name in names} for row in data], pa.schema([(name, pa.string()) for name in names])
    )
    connection.register("given", table)
    connection.execute(f"INSERT INTO {TABLE} SELECT * FROM given")
    connection.unregister("given")
    return connection


def availability(indicator: str, state: str, reason: str = "", time: str = "2024") -> dict[str, str]:
    """One row of the availability table."""
    return {
        "indicator": indicator,
        "ref_area": AREA,
        "survey": "XAA_LFS",
        "freq": "A",
        "time": time,
        "availability": state,
        "reason": reason,
    }
