"""A survey made in the test: a specification folder and a csv file of invented persons."""

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from pipelines import rounds, run
from pipelines.home import Home
from pipelines.intake import receive
from pipelines.rounds import RoundResult, open_round, process_round
from schemas.periods import Period
from sdmx_out.releases.release import ReleaseResult

SURVEY = "FJI_TINY"
#: Left out of the specification, there are no tables by citizenship, by birth and of arrivals.
MIGRATION = ("citizenship_1", "country_of_birth", "arrival_year")
DAY = date(2026, 11, 23)
Row = dict[str, str]
VARIABLES = (
    *("HOUSE", "LINE", "WGT", "STRATUM", "PSU", "SEX", "AGE", "BIRTH", "CITIZEN", "ARRIVED"),
    *("STATUS", "DISTRICT", "NAME"),
)

SURVEY_TOML = """
[survey]
area = "FJI"
id = "TINY"
title = {en = "Survey of a test", fr = "Enquête d'un test", es = "Encuesta de una prueba"}
organisation = {en = "Nobody", fr = "Personne", es = "Nadie"}
source = "BA"
frequency = "Q"
extract = "test"
precedence = 10
closed_codes = ["SEX"]
periods = {from = "2024-Q1", to = "2025-Q4"}

[population]
coverage = {en = "Invented persons", fr = "Personnes inventées", es = "Personas inventadas"}
working_age = 15
usual_residence_months = 12
residence_by_design = true
reference_week = "last 7 days"

[design]
variance = "taylor"
lonely_psu = "fail"

[labour_force]
source = "declared"
icls = "13"

[[file]]
name = "persons"
format = "csv"
encoding = "utf-8"
delimiter = ","

[concepts]
household_id = {variable = "HOUSE"}
person_id = {expression = "concat(HOUSE, '-', LINE)"}
weight = {variable = "WGT"}
stratum = {variable = "STRATUM"}
psu = {variable = "PSU"}
sex = {variable = "SEX"}
age = {variable = "AGE", missing = ["999"]}
area_type = {rules = true}
country_of_birth = {variable = "BIRTH"}
citizenship_1 = {variable = "CITIZEN"}
arrival_year = {variable = "ARRIVED", missing = ["9999"]}
declared_labour_force_status = {variable = "STATUS"}

[not_collected]
monthly_earnings = "not asked"

[quality]
calibrated_on_foreigners = true

[[benchmark]]
name = "persons"
universe = "population"
period = "2024-Q1"
value = 12000
tolerance = 0.1
source = "invented"
"""

_CODES = "source_code,source_label,target_code,valid_from,valid_to,note\n"
TABLES = {
    "NOTES.md": "# A survey of a test\n",
    "layout.csv": "variable,label,start,width\n" + "".join(f"{name},{name},,\n" for name in VARIABLES),
    "codes/sex.csv": _CODES + "1,Man,SEX_M,,,\n2,Woman,SEX_F,,,\n",
    "codes/country_of_birth.csv": _CODES + "F,Fiji,FJI,,,\nN,New Zealand,NZL,,,\nT,Tonga,TON,,,\nU,Unknown,_U,,,\n",
    "codes/citizenship_1.csv": _CODES + "F,Fiji,FJI,,,\nN,New Zealand,NZL,,,\nT,Tonga,TON,,,\nU,Unknown,_U,,,\n",
    "codes/declared_labour_force_status.csv": _CODES
    + "1,Employed,LMS_STATUS_EMP,,,\n2,Unemployed,LMS_STATUS_UNE,,,\n3,Outside,LMS_STATUS_EIP,,,\n",
    "rules/area_type.csv": "order,when,value,note\n1,DISTRICT = '1',GEO_COV_URB,\n2,DISTRICT = '2',GEO_COV_RUR,\n",
    "corrections.csv": "where,set,expected_rows,reason,source\n"
    "\"HOUSE = 'H1' AND LINE = '1'\",DISTRICT = '2',1,keyed wrongly,letter of the office\n",
}


def write_spec(
    root: Path,
    toml: Mapping[str, str] | None = None,
    tables: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> Path:
    """Write the specification under ``root``/FJI/TINY and return ``root``.

    Args:
        root: folder of specifications.
        toml: replacements in survey.toml.
        tables: table -> its text, in place of the usual one.
        without: concepts left out with their tables; fewer published tables take less time.
    """
    text = SURVEY_TOML
    for name in without:
        text, count = re.subn(f"^{name} = .*\\n", "", text, flags=re.MULTILINE)
        assert count == 1, name
    for old, new in (toml or {}).items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    folder = root / "FJI" / "TINY"
    for name, content in {"survey.toml": text, **TABLES, **(tables or {})}.items():
        if Path(name).stem in without:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def persons(count: int = 120) -> list[Row]:
    """Invented persons: 3 to a household, 5 households to a PSU, 2 PSUs to a stratum."""
    rows = []
    for number in range(count):
        house, psu = number // 3, number // 15
        is_native = number % 8 not in (3, 5) and number % 40 != 1
        birth = "F" if is_native else "U" if number % 40 == 1 else "NT"[number // 3 % 2]
        age = (number * 37) % 80
        rows.append(
            {
                "HOUSE": f"H{house + 1}",
                "LINE": str(number % 3 + 1),
                "WGT": "100",
                "STRATUM": f"S{psu // 2 + 1}",
                "PSU": f"P{psu + 1}",
                "SEX": "12"[number % 2],
                "AGE": str(age),
                "BIRTH": birth,
                "CITIZEN": birth,
                "ARRIVED": "" if birth == "F" else "2023",
                "STATUS": "1123"[number * 7 % 4] if age >= 15 else "",
                "DISTRICT": "12"[psu % 2],
                "NAME": f"Person {number + 1}",
            }
        )
    for row in rows:
        if row["ARRIVED"] and int(row["AGE"]) == 0:
            row["ARRIVED"] = "2024"
    return rows


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    """Write persons as the office would send them."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, VARIABLES, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def take(home: Home, round_id: str, *files: Path, supersede: bool = False, variant: str | None = None) -> int:
    """Receive files as the command does; return the receipt's number."""
    home.prepare()
    this = open_round(home, round_id)
    receipt, _ = receive(
        home,
        this.spec,
        this.period,
        files,
        supersede=supersede,
        variant=variant,
        read=lambda kept: rounds.raw_extract(this, kept),
    )
    return receipt.number


def harmonise(home: Home, rows: Sequence[Row], file: Path, period: str = "2024-Q1") -> RoundResult:
    """Receive rows and make every table of their round."""
    round_id = f"{SURVEY}_{Period.parse(period)}"
    take(home, round_id, write_csv(file, rows), supersede=True)
    return process_round(home, round_id)


def finish(home: Home, day: date = DAY) -> tuple[list[str], list[ReleaseResult]]:
    """Run everything received, as the command does, in this process; return errors and releases."""
    outcomes = run.run_rounds(home, run.rounds_to_run(home, ()), 1, lambda _: None, lambda _: None)
    errors = [error for outcome in outcomes for error in outcome.errors]
    areas, stopped = run.run_areas(home, lambda _: None)
    errors += stopped
    made = [] if errors else [run.release(home, areas, day, kind, is_full=False) for kind in ("default", "test")]
    return errors, [release for release in made if release is not None]
