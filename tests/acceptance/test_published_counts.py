"""On the real surveys nothing is published that rests on too few persons, households or sampling units.

Every published row is counted again from the harmonised persons: by the universes' conditions and the items' codes, one
query per table, without what the pipeline counted.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.home import Home
from schemas.codes import items_of, load_code_lists
from schemas.concepts import load_universes
from schemas.indicators import CONTRASTS, Indicator, load_indicators
from schemas.survey_spec import find_surveys, load_survey
from tests.acceptance.desk import real_rounds, stored

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

PERSONS, HOUSEHOLDS, PSUS = 5, 3, 2
SURVEYS = {
    "ZAF": [("ZAF_QLFS", "2013-Q4", "south_africa_qlfs/qlfs_2013_q4.zip")],
    "URY": [("URY_ECH", "2018", "uruguay_ech/ech_2018_metasurvey.csv")],
    "ARG": [
        ("ARG_EPH", "2016-Q3", "argentina_eph/eph_individual_2016_t3_sample2000.csv"),
        ("ARG_EPH", "2016-Q4", "argentina_eph/eph_individual_2016_t4_sample2000.csv"),
    ],
    "AUT": [("AUT_EUSILC", "2006", "austria_eusilc/eusilc2006_synthetic.csv.gz")],
    "ESP": [("ESP_CENSUS", "2011", "spain_censo2011/sampleCenso2010.txt")],
}
#: (indicator, frequency, time as in the tables, sex, classif1, classif2)
Row = tuple[str, str, str, str, str | None, str | None]


def published(home: Home) -> Iterator[Row]:
    """Yield the cells of every release that have a value."""
    for name in ("latest", "latest-test"):
        for path in sorted((home.releases / name / "data" / "ilostat").glob("*.csv")):
            indicator, freq = path.stem.rsplit("_", 1)
            with path.open(encoding="utf-8", newline="") as handle:
                for row in csv.DictReader(handle):
                    if row["obs_value"]:
                        time = row["time"][:4] if freq == "A" else f"{row['time'][:4]}-{row['time'][4:]}"
                        yield indicator, freq, time, row["sex"], row["classif1"] or None, row["classif2"] or None


def counted(connection: duckdb.DuckDBPyConnection, table: Path, indicator: Indicator) -> dict[tuple, tuple[int, ...]]:
    """Return cell -> the fewest persons of any part that a figure tells, households and sampling units behind it."""
    held = {column[0] for column in connection.execute(f"FROM '{table}' LIMIT 0").description or []}
    universes = load_universes()
    base = universes[indicator.denominator or indicator.universe].condition.sql()
    top = universes[indicator.universe].condition.sql()
    if indicator.quantity:
        base = f"({base}) AND {indicator.quantity} IS NOT NULL"
        top = base
    if indicator.weight and indicator.weight in held:
        base = f"({base}) AND {indicator.weight} > 0"
    axes = [("sex", ("SEX",)), (indicator.classif1_concept, indicator.classif1_versions),
            (indicator.classif2_concept, indicator.classif2_versions), (indicator.contrast, ())]  # fmt: skip
    for number, (concept, versions) in enumerate(axes):
        rows = [(None, None)]
        if concept:
            codes = [code for (code,) in connection.execute(f"SELECT DISTINCT {concept} FROM '{table}'").fetchall()]
            rows = [
                (code, item)
                for code in codes
                for version in versions
                for item in (load_code_lists()[version].total, *(items_of(version, code) if code else ()))
            ]
            if not versions:
                rows = [(code, code) for code in codes if code in CONTRASTS[str(indicator.contrast)]]
        connection.execute(f"CREATE OR REPLACE TABLE axis{number} (code VARCHAR, item VARCHAR)")
        connection.executemany(f"INSERT INTO axis{number} VALUES (?, ?)", rows)
    joins = " ".join(
        f"JOIN axis{number} ON axis{number}.code IS NOT DISTINCT FROM {f'p.{concept}' if concept else 'NULL'}"
        for number, (concept, _) in enumerate(axes)
    )
    household = "household_id" if "household_id" in held else "NULL"
    psu = "coalesce(stratum::VARCHAR, '') || '|' || psu" if "psu" in held else "NULL"
    found = connection.execute(
        f"SELECT axis0.item, axis1.item, axis2.item, axis3.item, count(*), count(*) FILTER ({top}), "
        f"count(DISTINCT {household}), count(DISTINCT {psu}) FROM '{table}' AS p {joins} WHERE {base} GROUP BY ALL"
    ).fetchall()
    cells: dict[tuple, tuple[int, ...]] = {}
    for *cell, group, n, part, households, psus in found:
        smallest = n if not indicator.denominator else min(n, part, n - part)
        own = (smallest, households, psus)
        before = cells.get(tuple(cell))
        cells[tuple(cell)] = own if before is None else tuple(map(min, before, own))
        if indicator.contrast:
            cells[(*cell, group)] = own
    return cells


@pytest.mark.parametrize("area", SURVEYS)
def test_nothing_rests_on_too_few(area: str, tmp_path: Path) -> None:
    rounds = SURVEYS[area]
    home = real_rounds(tmp_path / "var", *rounds)
    key, catalogue = rounds[0][0], load_indicators()
    tables = {period: stored(home, "harmonised_persons", f"{key}_{period}") for _, period, _ in rounds}
    spec = load_survey(find_surveys([])[key])
    with duckdb.connect() as connection:
        columns = {
            name for name, *_ in connection.execute(f"DESCRIBE FROM '{next(iter(tables.values())).data}'").fetchall()
        }
    rows = sorted(set(published(home)), key=str)
    checked = 0
    with duckdb.connect() as connection:
        known: dict[tuple[str, str], dict[tuple, tuple[int, ...]]] = {}
        for name, _, time, *cell in rows:
            indicator = catalogue[name]
            if indicator.relation != "persons" or indicator.measure in ("change", "net", "factor_gap"):
                continue
            own = [period for period in tables if period == time or period.startswith(f"{time}-")]
            assert own, (name, time)
            best = (0, 0, 0)
            for period in own:
                if (name, period) not in known:
                    known[name, period] = counted(connection, tables[period].data, indicator)
                here = known[name, period].get(tuple(cell), (0, 0, 0))
                if indicator.contrast:
                    groups = [
                        known[name, period].get((*cell, group), (0, 0, 0)) for group in CONTRASTS[indicator.contrast]
                    ]
                    here = tuple(map(min, *groups))
                best = tuple(map(max, best, here))
            assert best[0] >= PERSONS, (name, time, cell, best[0])
            if "household_id" in columns:
                assert best[1] >= HOUSEHOLDS, (name, time, cell)
            if spec.design.variance == "taylor":
                assert best[2] >= PSUS, (name, time, cell)
            checked += 1
    assert checked > 100
