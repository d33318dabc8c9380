"""A sample of the simulation as a survey that an office sends: its specification and its file."""

import csv
from pathlib import Path

import numpy as np

from tests.acceptance import tiny
from tests.simulation.population import CODES, Population
from tests.simulation.sampling import Sample

_HEAD = "source_code,source_label,target_code,valid_from,valid_to,note\n"

#: Harmonised concept -> variable of the file whose codes are positions in ``CODES``.
_VARIABLES = {
    "sex": "SEX",
    "country_of_birth": "BIRTH",
    "declared_labour_force_status": "STATUS",
    "status_in_employment": "KIND",
    "economic_activity": "SECTOR",
}
_COUNTRIES = ("NZL", "FJI", "_U")

FILE_VARIABLES = ("HOUSE", "LINE", "WGT", "STRATUM", "PSU", "AGE", *_VARIABLES.values(), "PAY")

_CONCEPTS = """
status_in_employment = {variable = "KIND"}
economic_activity = {variable = "SECTOR", classification = "ECO_ISIC4"}
monthly_earnings = {variable = "PAY"}

[not_collected]
citizenship_1 = "not asked"
area_type = "not asked"
arrival_year = "not asked"
"""


def _code_table(concept: str) -> str:
    targets = _COUNTRIES if concept == "country_of_birth" else CODES[concept.removeprefix("declared_")]
    return _HEAD + "".join(f"{code},{target},{target},,,\n" for code, target in enumerate(targets) if target)


def write_specification(root: Path, persons: int) -> Path:
    """Write the specification of a country of so many persons under a root, and return the root."""
    tiny.write_spec(
        root,
        {
            "area_type = {rules = true}\n": "",
            'citizenship_1 = {variable = "CITIZEN"}\n': "",
            'arrival_year = {variable = "ARRIVED", missing = ["9999"]}\n': "",
            '\n[not_collected]\nmonthly_earnings = "not asked"\n': _CONCEPTS,
            "value = 12000": f"value = {persons}",
        },
        {
            "layout.csv": "variable,label,start,width\n" + "".join(f"{name},{name},,\n" for name in FILE_VARIABLES),
            "corrections.csv": "where,set,expected_rows,reason,source\n",
            **{f"codes/{concept}.csv": _code_table(concept) for concept in _VARIABLES},
        },
    )
    for name in ("codes/citizenship_1.csv", "rules/area_type.csv"):
        (root / "FJI" / "TINY" / name).unlink()
    return root


def write_file(path: Path, population: Population, sample: Sample) -> Path:
    """Write the persons of a sample, in an order that tells nothing of the design."""
    rows = sample.rows
    household = np.searchsorted(population.household_start, rows, side="right") - 1
    line = rows - population.household_start[household] + 1
    pay = population.earnings[rows]
    coded = [population.codes[name.removeprefix("declared_")][rows] for name in ("sex",)]
    coded += [population.codes["place_of_birth"][rows]]
    coded += [
        population.codes[name][rows] for name in ("labour_force_status", "status_in_employment", "economic_activity")
    ]
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(FILE_VARIABLES)
        for place in np.lexsort((line, household % 97)):
            unit = sample.unit[place]
            answers = [int(codes[place]) for codes in coded]
            asked = answers[:2] + [code or "" for code in answers[2:]]
            writer.writerow(
                [
                    household[place], line[place], repr(float(sample.weight[place])), sample.design.stratum[unit],
                    sample.area[unit], population.age[rows[place]], *asked,
                    "" if np.isnan(pay[place]) else int(pay[place]),
                ]
            )  # fmt: skip
    return path
