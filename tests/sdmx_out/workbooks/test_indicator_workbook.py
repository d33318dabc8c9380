"""The pivot-ready workbook of an indicator: one row per cell, numbers that are numbers, labels in three languages."""

import io
from functools import cache

import openpyxl

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.workbooks.indicator_workbook import indicator_workbook, indicator_workbook_name
from tests.sdmx_out.workbooks.made_rows import Row, engine, rows

NAME = "MST_TEMP_SEX_AGE_CBR_NB"


@cache
def data() -> tuple[Row, ...]:
    return tuple(row for row in rows() if row["indicator"] == NAME)


def content(given: tuple[Row, ...], most_rows: int = 1_000_000) -> bytes:
    return indicator_workbook(
        engine(given), load_indicators()[NAME], code_lists=load_code_lists(), is_test=True, most_rows=most_rows
    )


def test_one_row_per_cell_with_codes_labels_and_numbers() -> None:
    assert indicator_workbook_name(NAME) == f"workbooks/indicators/{NAME}.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(content(data())))
    assert book.sheetnames == ["Data", "Info"]
    head, *found = book["Data"].iter_rows(values_only=True)
    assert head == (
        *("area", "area_en", "area_fr", "area_es", "freq", "period", "year"),
        *(
            "sex",
            "sex_en",
            "sex_fr",
            "sex_es",
            "age",
            "age_en",
            "age_fr",
            "age_es",
            "cbr",
            "cbr_en",
            "cbr_fr",
            "cbr_es",
        ),
        *("value", "flag", "se", "lower", "upper", "source"),
    )
    assert len(found) == len(data())
    shown = {(row[5], row[7], row[11], row[15]): dict(zip(head, row, strict=True)) for row in found}
    for row in data():
        made = shown[row["time"], row["sex"], row["classif1"], row["classif2"]]
        assert made["value"] == (float(row["obs_value"]) if row["obs_value"] else None)
        assert made["se"] == (float(row["se"]) if row["se"] else None)
        assert (made["flag"] or "") == row["obs_status"]
    one = shown["2024", "SEX_F", "AGE_AGGREGATE_Y15-24", "CBR_BIR_FOREIGN"]
    assert (one["year"], one["sex_fr"], one["cbr_es"]) == (2024, "Femmes", "Nacidos en el extranjero")
    hidden = [made for made in shown.values() if made["flag"] == "S"]
    assert hidden
    assert {made[name] for made in hidden for name in ("value", "se", "lower", "upper")} == {None}


def test_it_is_a_table_with_filters() -> None:
    book = openpyxl.load_workbook(io.BytesIO(content(data())))
    (table,) = book["Data"].tables.values()
    assert (table.ref, table.autoFilter.ref) == (f"A1:Y{len(data()) + 1}",) * 2
    assert table.column_names == [cell.value for cell in book["Data"][1]]
    assert book["Data"].freeze_panes == "A2"
    assert book["Data"]["T2"].number_format == "#,##0.0"
    assert {cell.data_type for row in book["Data"].iter_rows() for cell in row} == {"s", "n"}


def test_what_it_is_about_in_three_languages() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(content(data())))["Info"]
    told = {row[0]: row[1:] for row in sheet.iter_rows(values_only=True)}
    assert told["PS"] == ("Persons (thousands)", "Personnes (milliers)", "Personas (millares)")
    assert told["S"] == ("Not significant", "Non significatif", "No significativo")
    assert told[NAME][0] == "TEST EXTRACT - not a national statistic: Employment by sex, age and place of birth"
    assert told["T36:3214"][1] == "Définition des migrants : Personnes nées hors du pays"


def test_text_is_never_a_formula() -> None:
    given = tuple({**row, "source": "=1+1"} for row in data()[:3])
    sheet = openpyxl.load_workbook(io.BytesIO(content(given)))["Data"]
    assert [cell.value for cell in sheet["Y"]] == ["source", "'=1+1", "'=1+1", "'=1+1"]


def test_more_rows_than_a_sheet_holds_go_to_the_next() -> None:
    book = openpyxl.load_workbook(io.BytesIO(content(data()[:25], most_rows=10)))
    assert book.sheetnames == ["Data", "Data 2", "Data 3", "Info"]
    assert [sheet.max_row - 1 for sheet in book.worksheets[:3]] == [10, 10, 5]
    assert [[table.ref for table in sheet.tables.values()] for sheet in book.worksheets[:3]] == [
        *(["A1:Y11"], ["A1:Y11"], ["A1:Y6"])
    ]


def test_no_rows_are_a_head_alone() -> None:
    book = openpyxl.load_workbook(io.BytesIO(content(())))
    assert book["Data"].max_row == 1


def test_the_order_of_rows_does_not_matter() -> None:
    assert content(data()) == content(tuple(reversed(data())))
