import csv
import gzip
import io
from decimal import Decimal

import pytest

from tests.real_data import microdata

pytestmark = pytest.mark.real_data


def spain_fields(name):
    with microdata(f"spain_censo2011/{name}").open(encoding="utf-8") as stream:
        return [(row["var"], int(row["start"]), int(row["width"])) for row in csv.DictReader(stream, delimiter="\t")]


def test_south_africa_from_its_zip(desk, layout):
    info, columns = desk.read(
        microdata("south_africa_qlfs/qlfs_2013_q4.zip"),
        layout("dta", "UQNO", "PERSONNO", "Q13GENDER", "STRATUM", "Weight", "Status", member="*.dta"),
    )
    assert (info.rows, len(info.columns), info.member) == (87_523, 155, "QLFS!2013!04_F1.dta")
    assert {len(number) for number in columns["UQNO"]} == {18}
    assert all(number.isdigit() for number in columns["UQNO"])
    assert len(set(zip(columns["UQNO"], columns["PERSONNO"], strict=True))) == 87_523
    assert 52e6 < sum(map(Decimal, columns["Weight"])) < 54e6
    assert set(columns["Q13GENDER"]) == {"1", "2"}
    assert info.value_labels["Q13GENDER"] == {"1": "Male", "2": "Female"}


def test_spain_census_in_fixed_width(desk, layout):
    info, columns = desk.read(
        microdata("spain_censo2011/sampleCenso2010.txt"),
        layout("fwf", *spain_fields("censo_2010_mdat1.txt")),
    )
    assert info.rows == 1_000
    assert round(sum(map(Decimal, columns["FACTOR"])), 2) == Decimal("10509.94")
    assert set(columns["SEXO"]) == {"1", "6"}


def test_spain_labour_force_survey_in_fixed_width(desk, layout):
    info, _ = desk.read(microdata("spain_censo2011/sampleEPA0111.txt"), layout("fwf", *spain_fields("epa_mdat1.txt")))
    assert info.rows == 18


def test_united_kingdom(desk, layout):
    info, columns = desk.read(microdata("uk_qlfs2015/dataset.txt"), layout("csv", "ILODEFR", "PWT14"))
    assert (info.rows, info.delimiter) == (22_428, ",")
    assert round(sum(map(Decimal, columns["PWT14"])) / 1_000_000, 1) == Decimal("15.4")


@pytest.mark.parametrize("quarter", [3, 4])
def test_argentina(desk, layout, quarter):
    path = microdata(f"argentina_eph/eph_individual_2016_t{quarter}_sample2000.csv")
    info, columns = desk.read(path, layout("csv", "CODUSU", "CH15_COD", "PONDERA", encoding="utf-8"))
    assert (info.rows, info.delimiter) == (2_000, ";")
    with path.open(encoding="utf-8", newline="") as stream:
        expected = list(csv.DictReader(stream, delimiter=";"))
    assert columns["CH15_COD"] == [row["CH15_COD"] for row in expected]


def test_uruguay_gives_the_same_text_from_csv_and_sav(desk, layout):
    folder = microdata("uruguay_ech")
    csv_info, from_csv = desk.read(folder / "ech_2018_metasurvey.csv", layout("csv", "pesoano", "e26"))
    sav_info, from_sav = desk.read(folder / "toy_ech_2018_subset.sav", layout("sav", "pesoano", "e26"))
    assert csv_info.rows == sav_info.rows == 1_294
    assert (len(csv_info.columns), len(sav_info.columns)) == (581, 113)
    for name in ("e26", "e27", "pesoano", "pobpcoac", "e37", "estred13"):
        assert from_csv[name] == from_sav[name]


def test_austria_packed_by_gzip(desk, layout):
    path = microdata("austria_eusilc/eusilc2006_synthetic.csv.gz")
    info, columns = desk.read(path, layout("csv", "rb090", "rb050"))
    assert info.rows == 14_827
    first = next(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    assert columns["rb050"][0] == first["rb050"]
