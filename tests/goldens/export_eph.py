"""Write the columns that eph.R needs, one row per person and quarter, to a CSV outside the project.

python tests/goldens/export_eph.py ../shared/microdata/argentina_eph persons.csv
"""

import argparse
from pathlib import Path

import pandas as pd

ROUNDS = {"2016-Q3": "eph_individual_2016_t3_sample2000.csv", "2016-Q4": "eph_individual_2016_t4_sample2000.csv"}
COLUMNS = ["CODUSU", "AGLOMERADO", "PONDERA", "CH04", "CH15", "ESTADO", "P21"]


def derive(folder: Path) -> pd.DataFrame:
    """Return two quarters: round, psu (dwelling), stratum (agglomeration), w, sex, born, x, y, reports and income.

    A design for tests: the file has no sampling units, and dwellings stay in the sample from quarter to quarter as PSUs
    do. x is in the labour force, y unemployed, ``income`` that of the main job, 0 where ``reports`` is 0.
    """
    tables = []
    for name, file in ROUNDS.items():
        persons = pd.read_csv(folder / file, sep=";", usecols=COLUMNS, dtype={"CODUSU": str})
        reports = persons["ESTADO"].eq(1) & persons["P21"].gt(0)
        tables.append(
            pd.DataFrame(
                {
                    "round": name,
                    "psu": persons["CODUSU"],
                    "stratum": persons["AGLOMERADO"],
                    "w": persons["PONDERA"],
                    "sex": persons["CH04"].map({1: "M", 2: "F"}),
                    "born": persons["CH15"].isin([4, 5]).map({True: "abroad", False: "here"}),
                    "x": persons["ESTADO"].isin([1, 2]).astype(int),
                    "y": persons["ESTADO"].eq(2).astype(int),
                    "reports": reports.astype(int),
                    "income": persons["P21"].where(reports, 0),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    """Write the CSV named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the Argentine EPH")
    parser.add_argument("output", type=Path, help="CSV to write, outside the project")
    arguments = parser.parse_args()
    derive(arguments.folder).to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
