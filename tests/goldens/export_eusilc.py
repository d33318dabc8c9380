"""Write the columns that eusilc.R needs, one row per person, to a CSV outside the project.

python tests/goldens/export_eusilc.py ../shared/microdata/austria_eusilc/eusilc2006_synthetic.csv.gz persons.csv
"""

import argparse
from pathlib import Path

import pandas as pd


def derive(file: Path) -> pd.DataFrame:
    """Return psu (household), stratum (region), w, sex, citizenship and the income from employment of a year.

    ``adult`` is 1 for those who were asked about income (16 and over), ``earner`` for those of them who had some;
    ``income`` is 0 for the others. ``citizenship`` is AT, EU, Other, and ``none`` where it was not asked.
    """
    persons = pd.read_csv(file)
    adult = persons["py010n"].notna()
    income = persons["py010n"].fillna(0.0)
    return pd.DataFrame(
        {
            "psu": persons["db030"],
            "stratum": persons["db040"],
            "w": persons["rb050"],
            "sex": persons["rb090"].map({"male": "M", "female": "F"}),
            "citizenship": persons["pb220a"].fillna("none"),
            "adult": adult.astype(int),
            "earner": income.gt(0).astype(int),
            "employed": persons["pl030"].isin([1, 2]).astype(int),
            "unemployed": persons["pl030"].eq(3).astype(int),
            "income": income,
        }
    ).assign(labour_force=lambda table: table["employed"] + table["unemployed"])


def main() -> None:
    """Write the CSV named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="csv.gz of the synthetic EU-SILC 2006 of Austria")
    parser.add_argument("output", type=Path, help="CSV to write, outside the project")
    arguments = parser.parse_args()
    derive(arguments.file).to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
