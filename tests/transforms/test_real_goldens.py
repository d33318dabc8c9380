"""The real surveys against R survey: South Africa with its design, Austria and Argentina with designs for tests.

Persons are read in place by the scripts that export them for R (tests/goldens/README.md).
"""

import numpy as np
import pandas as pd
import pytest

from tests.goldens import export_eph, export_eusilc, export_qlfs
from tests.goldens.kernel import (
    GOLDENS,
    TOLERANCE,
    differences,
    found_figures,
    grouped,
    sample_of,
    stacked,
    standard_errors,
    statistic_of,
)
from tests.real_data import microdata
from transforms.variance import degrees_of_freedom

pytestmark = pytest.mark.real_data


def survey_file(name):
    """A real survey; unlike elsewhere its absence fails, since these goldens are half of the evidence."""
    try:
        return microdata(name)
    except pytest.skip.Exception as absent:
        pytest.fail(str(absent))


@pytest.fixture(scope="module")
def south_africa():
    persons = export_qlfs.derive(export_qlfs.read_persons(survey_file("south_africa_qlfs/qlfs_2013_q4.zip")))
    status = persons["status"]
    edges, names = [-1, 14, 24, 54, 64, 200], ["0-14", "15-24", "25-54", "55-64", "65+"]
    persons = persons.assign(
        band=pd.cut(persons["age"], edges, labels=names).astype(str),
        adult=(status > 0).astype(int),
        active=status.isin([1, 2]).astype(int),
        employed=(status == 1).astype(int),
        unemployed=(status == 2).astype(int),
        outside=(status == 3).astype(int),
        works=(persons["hours"] > 0).astype(int),
    )
    return sample_of(persons, "fail")


@pytest.fixture(scope="module")
def austria():
    persons = export_eusilc.derive(survey_file("austria_eusilc/eusilc2006_synthetic.csv.gz"))
    return sample_of(persons, "fail")


@pytest.fixture(scope="module")
def argentina():
    return export_eph.derive(survey_file("argentina_eph"))


@pytest.mark.parametrize("rows", grouped("qlfs_2013_q4_cells"))
def test_south_africa(south_africa, rows):
    assert differences(rows, found_figures(south_africa, rows)) == []


#: Measure of qlfs_2013_q4.csv -> statistic and the universe of its domain.
MEASURES = {
    "POP_XWAP_SEX_AGE_NB": ("total:adult", "adult"),
    "EAP_TEAP_SEX_AGE_NB": ("total:active", "active"),
    "EMP_TEMP_SEX_AGE_NB": ("total:employed", "employed"),
    "UNE_TUNE_SEX_AGE_NB": ("total:unemployed", "unemployed"),
    "EIP_TEIP_SEX_AGE_NB": ("total:outside", "outside"),
    "EAP_DWAP_SEX_AGE_RT": ("ratio:active/adult", "adult"),
    "EMP_DWAP_SEX_AGE_RT": ("ratio:employed/adult", "adult"),
    "UNE_DEAP_SEX_AGE_RT": ("ratio:unemployed/active", "active"),
    "EIP_DWAP_SEX_AGE_RT": ("ratio:outside/adult", "adult"),
}


def ages_of(item):
    """First and last age of an item, e.g. AGE_10YRBANDS_Y15-24."""
    ages = item.rpartition("_")[2].removeprefix("YGE").removeprefix("Y")
    first, _, last = "15".partition("-") if ages == "TOTAL" else ages.partition("-")
    return int(first), int(last or 200)


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_the_432_cells_of_south_africa(south_africa, measure):
    cells = pd.read_csv(GOLDENS / "qlfs_2013_q4.csv").query("measure == @measure")
    statistic, universe = MEASURES[measure]
    persons = south_africa.persons
    members = np.array(
        [
            persons["age"].between(*ages_of(cell.classif1))
            & (persons[universe] == 1)
            & ((persons["sex"] == cell.sex.removeprefix("SEX_")) | (cell.sex == "SEX_T"))
            for cell in cells.itertuples()
        ]
    )
    found = statistic_of(south_africa, statistic, members)
    assert len(cells) == 48
    assert found.value == pytest.approx(cells["value"].to_numpy(), rel=TOLERANCE, abs=0)
    assert standard_errors(south_africa, found, members) == pytest.approx(cells["se"].to_numpy(), rel=TOLERANCE, abs=0)
    assert (degrees_of_freedom(south_africa.has_members(members), south_africa.design) == cells["df"]).all()


@pytest.mark.parametrize("rows", grouped("eusilc_2006"))
def test_austria(austria, rows):
    assert differences(rows, found_figures(austria, rows)) == []


@pytest.mark.parametrize("rows", grouped("eph_2016"))
def test_argentina_in_two_quarters(argentina, rows):
    first = rows.iloc[0]
    assert (
        differences(rows, found_figures(sample_of(stacked(argentina, first["rounds"], first["before"]), "fail"), rows))
        == []
    )
