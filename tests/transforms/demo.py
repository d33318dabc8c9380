"""An inline survey for the tests of harmonisation: its folder, and how its rows are asked for."""

from dataclasses import dataclass

import duckdb

SECTIONS = """\
[survey]
area = "XAA"
id = "DEMO"
title = {{en = "Demonstration", fr = "Démonstration", es = "Demostración"}}
organisation = {{en = "Office", fr = "Office", es = "Oficina"}}
source = "BA"
frequency = "Q"
extract = "synthetic"
precedence = 10

[population]
coverage = {{en = "Households", fr = "Ménages", es = "Hogares"}}
working_age = 15
usual_residence_months = 12
residence_by_design = {by_design}
reference_week = "last 7 days"

[design]
variance = "none"

{labour_force}

[[file]]
name = "persons"
format = "csv"

[concepts]
{concepts}
"""
BUILDING_BLOCKS = '[labour_force]\nsource = "building_blocks"\nicls = "19"\nabsence_test = "{}"'
DECLARED = '[labour_force]\nsource = "declared"\nicls = "13"'
CODES = "source_code,source_label,target_code,valid_from,valid_to,note\n"
RULES = "order,when,value,note\n"
BASE = {"weight": '{variable = "w"}', "sex": '{variable = "s"}', "age": '{variable = "a"}'}
SEX_CODES = CODES + "1,,SEX_M,,,\n2,,SEX_F,,,\n"
YES_NO = CODES + "1,,TRUE,,,\n2,,FALSE,,,\n"


@dataclass(frozen=True)
class Demo:
    """One survey folder and its plan for a period."""

    spec: object
    plan: object

    def rows(self, columns, values, wanted):
        """Harmonise raw rows; return the wanted columns of the work relation, in the order of the rows."""
        connection = self.connect(columns, values)
        names = ", ".join(wanted)
        return connection.execute(f"SELECT {names} FROM ({self.plan.sql}) ORDER BY row_number").fetchall()

    def connect(self, columns, values):
        connection = duckdb.connect()
        names = ", ".join('"' + name.replace('"', '""') + '" VARCHAR' for name in columns)
        connection.execute(f"CREATE TABLE raw_extract (row_number BIGINT, {names})")
        marks = ", ".join("?" * (len(columns) + 1))
        for number, row in enumerate(values, start=1):
            connection.execute(f"INSERT INTO raw_extract VALUES ({marks})", [number, *row])
        return connection


def quoted(text):
    """Quote a name or a CSV field: double quotes inside are doubled."""
    return '"' + text.replace('"', '""') + '"'
