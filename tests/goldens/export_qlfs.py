"""Write the columns that qlfs.R and qlfs_cells.R need, one row per person, to a CSV outside the project.

The status is derived here from the raw questions with pandas, apart from the pipeline, so that the
goldens share no code with what they check. Nothing written by this script is committed.

    python tests/goldens/export_qlfs.py ../shared/microdata/south_africa_qlfs/qlfs_2013_q4.zip persons.csv
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import pyreadstat

WORKED = ["Q24APDWRK", "Q24BOWNBUSNS", "Q24CUNPDWRK"]
ABSENT = ["Q25APDWRK", "Q25BOWNBUSNS", "Q25CUNPDWRK"]
SOUGHT = ["Q31ALOOKWRK", "Q31BSTARTBUSNS"]
AVAILABLE = ["Q39JOBOFFER", "Q310STARTBUSNS"]
OTHERS = ["UQNO", "STRATUM", "Weight", "Q13GENDER", "Q14AGE", "Q27RSNABSENT", "Q33HAVEJOB", "Q418HRSWRK", "Geo_type"]


def read_persons(archive: Path) -> pd.DataFrame:
    """Return one row per person of the zip's only .dta member."""
    with zipfile.ZipFile(archive) as opened, tempfile.TemporaryDirectory() as folder:
        member = next(name for name in opened.namelist() if name.endswith(".dta"))
        persons, _ = pyreadstat.read_dta(
            opened.extract(member, folder),
            usecols=[*WORKED, *ABSENT, *SOUGHT, *AVAILABLE, *OTHERS],
            encoding="windows-1252",
        )
    return persons


def derive(persons: pd.DataFrame) -> pd.DataFrame:
    """Return psu, stratum, w, sex, age, status (1 employed, 2 unemployed, 3 outside, 0 under 15), area and hours.

    ``area`` is the code of the file (1, 2, 4, 5); ``hours`` are usual ones of the employed, 0 for those without.
    """

    def says_yes(columns: list[str]) -> pd.Series:
        return persons[columns].eq(1).any(axis=1)

    starts_later = persons["Q27RSNABSENT"].isin([12, 13])
    employed = (says_yes(WORKED) | says_yes(ABSENT)) & ~starts_later
    seeks = says_yes(SOUGHT) | persons["Q33HAVEJOB"].eq(1)
    unemployed = ~employed & seeks & says_yes(AVAILABLE)
    status = pd.Series(3, index=persons.index).mask(unemployed, 2).mask(employed, 1)
    status = status.where(persons["Q14AGE"] >= 15, 0)
    return pd.DataFrame(
        {
            "psu": persons["UQNO"].str[:8],
            "stratum": persons["STRATUM"].astype(int).astype(str),
            "w": persons["Weight"],
            "sex": persons["Q13GENDER"].map({1: "M", 2: "F"}),
            "age": persons["Q14AGE"].astype(int),
            "status": status,
            "area": persons["Geo_type"].astype(int),
            "hours": persons["Q418HRSWRK"].where(status.eq(1) & persons["Q418HRSWRK"].gt(0), 0),
        }
    )


def main() -> None:
    """Write the CSV named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="zip of the South African QLFS 2013-Q4")
    parser.add_argument("output", type=Path, help="CSV to write, outside the project")
    arguments = parser.parse_args()
    derive(read_persons(arguments.archive)).to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
