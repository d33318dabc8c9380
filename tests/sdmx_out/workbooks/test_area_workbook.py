"""The workbook of an area: every table, numbers that are numbers, links that lead somewhere, one language at a time."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb
import openpyxl
import pytest
from openpyxl import Workbook

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.workbooks.area_workbook import area_workbook, workbook_name
from sdmx_out.workbooks.layout import add_styles, write
from sdmx_out.workbooks.tables import Collection, load_tables, load_words
from tests.sdmx_out.example import ROOT
from tests.sdmx_out.workbooks.made_rows import AREA, REGION, availability, engine, rows

COLLECTIONS: tuple[Collection, ...] = ("ilms", "asean")
LANGUAGES = ("en", "fr", "es")
MISSING = ("MNA_OEMP_SEX_OCU_NB", "MNA_XRET_SEX_CPR_NB", "MFL_NEMP_SEX_OCU_NB")
TOLD = [
    availability("MNA_OEMP_SEX_OCU_NB", "not_collected", "the survey does not collect occupation of members abroad"),
    availability("MNA_XRET_SEX_CPR_NB", "unreliable_table", "too many of its cells are suppressed"),
    {**availability("MFL_NEMP_SEX_OCU_NB", "not_collected"), "ref_area": "XBB"},
]


@cache
def release() -> duckdb.DuckDBPyConnection:
    return engine(rows(without=MISSING))


@cache
def content(collection: Collection, language: str) -> bytes:
    return area_workbook(
        release(),
        AREA,
        language,
        collection,
        indicators=load_indicators(),
        code_lists=load_code_lists(),
        availability=TOLD,
        is_test=True,
    )


@cache
def book(collection: Collection, language: str) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(content(collection, language)))


def texts(collection: Collection, language: str) -> set[str]:
    made = book(collection, language)
    found = {cell.value for sheet in made for row in sheet.iter_rows() for cell in row if cell.data_type == "s"}
    footers = {part.text for sheet in made for part in (sheet.oddFooter.left, sheet.oddFooter.right)}
    return {str(text) for text in (*found, *footers, *made.sheetnames, made.properties.title) if text}


def lines(sheet: Any) -> Iterator[tuple[str | None, str | None, str, list[Any]]]:
    """Period, heading, label and cells of each row of figures."""
    head = int(sheet.print_title_rows.strip("$").split(":$")[1])
    period = heading = None
    for row in sheet.iter_rows(min_row=head + 1):
        label = row[0].value
        if row[0].style == "ilms_period":
            period, heading = label, None
        elif str(row[0].style).startswith("ilms_label"):
            if all(cell.value is None for cell in row[1:]) and row[0].style == "ilms_label_total_0":
                heading = label
            else:
                yield period, heading, str(label), list(row[1:])


def test_names() -> None:
    assert workbook_name("ZAF", "ilms", "fr") == "workbooks/ZAF_ilms_fr.xlsx"


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_table_has_a_sheet_or_a_reason(collection: Collection, language: str) -> None:
    made, words = book(collection, language), {key: text[language] for key, text in load_words().items()}
    index = made.worksheets[0]
    listed = {row[0].value: row for row in index.iter_rows() if row[0].value in load_tables(collection)}
    assert list(listed) == list(load_tables(collection))
    for name, table in load_tables(collection).items():
        source = table.source("birth")
        state = listed[name][4].value
        assert (name in made.sheetnames) == (source is not None and source not in MISSING), name
        if table.not_covered:
            assert state == words["all_ages"]
        elif source == "MNA_OEMP_SEX_OCU_NB":
            assert state == words["lacks"].format(reason=words["not_collected"], columns=words["needs_occupation"])
        elif source == "MNA_XRET_SEX_CPR_NB":
            assert state == words["unreliable_table"]
        elif source == "MFL_NEMP_SEX_OCU_NB":
            assert state == words["not_in_release"], "what is told of another area does not count"
        else:
            numbers = [cell for row in lines(made[name]) for cell in row[3] if cell.value is not None]
            assert numbers, f"{name} is empty"


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_links_lead_to_sheets_and_back(collection: Collection) -> None:
    made = book(collection, "fr")
    linked = set()
    for sheet in made:
        targets = [cell.hyperlink.location for row in sheet.iter_rows() for cell in row if cell.hyperlink]
        for target in targets:
            name, cell = re.fullmatch(r"'(.+)'!(A1)", target).groups()  # type: ignore[union-attr]
            assert name in made.sheetnames
            assert cell == "A1"
            if sheet is made.worksheets[0]:
                linked.add(name)
        assert sheet is made.worksheets[0] or "'Sommaire'!A1" in targets, f"{sheet.title} leads back"
    assert linked == set(made.sheetnames) - {"Sommaire", "Données des graphiques"}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_numbers_are_numbers_and_withheld_cells_have_none(collection: Collection) -> None:
    made = book(collection, "en")
    withheld = 0
    for name, table in load_tables(collection).items():
        if name not in made.sheetnames:
            continue
        sheet = made[name]
        source = table.source("birth")
        assert source
        decimals = load_indicators()[source].display_decimals
        format_ = "#,##0" + ("." + "0" * decimals if decimals else "")
        for _, _, _, cells in lines(sheet):
            for value, flag, lower, upper in zip(cells[::4], cells[1::4], cells[2::4], cells[3::4], strict=True):
                assert value.data_type == lower.data_type == upper.data_type == "n"
                assert value.number_format == lower.number_format == format_
                assert flag.value is None or flag.value in {"S", "U", "B", "L"}
                if flag.value == "S":
                    assert value.value is lower.value is upper.value is None
                    withheld += 1
                elif value.value is not None and flag.value != "L":
                    assert lower.value < value.value < upper.value
    assert withheld > 0
    assert {cell.data_type for sheet in made for row in sheet.iter_rows() for cell in row} == {"s", "n"}, "no formula"


def test_parts_add_up_to_totals() -> None:
    sheet = book("ilms", "en")["T09"]
    found = {row[:3]: [cell.value for cell in row[3][::4]] for row in lines(sheet)}
    periods = {key[0] for key in found}
    assert periods == {"2022", "2023", "2024"}
    skills = [item.en for item in load_code_lists()["OCU_SKILL"].items]
    groups = [item.en for item in load_code_lists()["CBR_BIR"].items]
    for period in periods:
        for group in groups:
            total, *parts = (found[period, group, skill] for skill in skills)
            assert [sum(column) for column in zip(*parts, strict=True)] == pytest.approx(total, abs=1e-6)
            assert total[0] == pytest.approx(total[1] + total[2], abs=1e-6)
        whole, *parts = (found[period, group, "Total"] for group in groups)
        assert [sum(column) for column in zip(*parts, strict=True)] == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize(("collection", "name", "width"), [("ilms", "T19", 3), ("ilms", "T31", 3), ("asean", "A04", 1)])
def test_five_countries_and_others_make_the_total(collection: Collection, name: str, width: int) -> None:
    blocks: dict[str | None, list[tuple[str, list[float]]]] = {}
    for period, _, label, cells in lines(book(collection, "es")[name]):
        blocks.setdefault(period, []).append((label, [cell.value for cell in cells[::4]]))
    assert list(blocks) == ["2024", "2023", "2022"]
    for block in blocks.values():
        assert [label for label, _ in block] == [
            *("Total", "Uganda", "Rwanda", "Etiopía", "Tanzania, República Unida de", "Somalia", "Otros países")
        ]
        (_, total), *parts = block
        assert len(total) == width
        assert [sum(column) for column in zip(*(part for _, part in parts), strict=True)] == pytest.approx(total)
    region = next(item.es for item in load_code_lists()["CBR_BRT"].items if item.code.endswith(REGION))
    assert region not in {label for block in blocks.values() for label, _ in block}


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("language", ["fr", "es"])
def test_no_english_is_left(collection: Collection, language: str) -> None:
    """Whatever the English workbook says is in the other one only where the two languages say the same."""
    known: dict[str, set[str]] = {}
    for words in load_words().values():
        known.setdefault(words["en"], set()).add(words[language])
    for codes in load_code_lists().values():
        known.setdefault(codes.title["en"], set()).add(codes.title[language])
        for item in codes.items:
            known.setdefault(item.en, set()).add(getattr(item, language))
    for indicator in load_indicators().values():
        known.setdefault(indicator.title["en"], set()).add(indicator.title[language])
    for table in load_tables(collection).values():
        if table.title:
            known.setdefault(table.title.en, set()).add(table.named(load_indicators(), language))
    made = texts(collection, language)
    plain = re.compile(r"[A-Z]\d\d|[A-Z]{3}_[A-Z_]+_NB|\d{4}( - \d{4})?|<?\d\d[-+]?(\d\d)?|[SUBL]")
    same = {text for text in made & texts(collection, "en") if not plain.fullmatch(text)}
    assert {text for text in same if text not in known.get(text, ())} == set()
    # What stands within longer texts: labels and wording that the English workbook holds.
    whole = "\n".join(texts(collection, "en"))
    english = {text for text, others in known.items() if len(text) >= 8 and text not in others and text in whole}
    assert len(english) > 50
    found = ((word, text) for word in english for text in made if word in text)
    assert {(word, text) for word, text in found if re.search(rf"\b{re.escape(word)}\b", text)} == set()


def test_it_is_marked_and_says_where_it_is_from() -> None:
    sheet = book("ilms", "fr")["T05"]
    below = [row[0].value for row in sheet.iter_rows() if row[0].value]
    assert sheet["A1"].value == "T05. Emploi par sexe, âge et lieu de naissance"
    assert sheet["A2"].value == "TEST EXTRACT (extrait d'essai) - pas une statistique nationale"
    assert sheet["A3"].value == "Zone d'essai A  |  Unité : Personnes (milliers)  |  Code : MST_TEMP_SEX_AGE_CBR_NB"
    assert "Source : Enquête sur la main-d'œuvre, XAA_LFS" in below
    assert "Définition des migrants : Personnes nées hors du pays" in below
    assert "S : Non significatif" in below
    assert load_words()["withheld_cell"]["fr"] in below
    assert sheet.oddFooter.left.text == "Source : Enquête sur la main-d'œuvre, XAA_LFS"
    assert sheet.oddFooter.right.text == "Zone d'essai A, T05  |  Page &P sur &N"


def test_it_prints_on_the_width_of_a4() -> None:
    for sheet in book("ilms", "en"):
        assert (sheet.page_setup.paperSize, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (9, 1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert "&P" in sheet.oddFooter.right.text
        if sheet.title.startswith("T"):
            assert sheet.print_title_rows == "$1:$6"
            assert sheet.freeze_panes == "B7"


def test_text_is_never_a_formula() -> None:
    workbook = openpyxl.Workbook()
    add_styles(workbook)
    write(workbook.active, 1, 1, "=1+1", "ilms_text")
    write(workbook.active, 2, 1, -5.5, "ilms_number_plain_1")
    assert (workbook.active["A1"].value, workbook.active["A1"].data_type) == ("'=1+1", "s")
    assert (workbook.active["A2"].value, workbook.active["A2"].data_type) == (-5.5, "n")


def test_a_source_is_told_as_it_is_and_never_calculated() -> None:
    data = [
        {**row, "source": "=HYPERLINK(1)"} for row in rows(("2024",)) if row["indicator"] == "MST_TUNE_SEX_AGE_CBR_NB"
    ]
    made = area_workbook(engine(data), AREA, "en", indicators=load_indicators(), code_lists=load_code_lists())
    cells = [cell for sheet in openpyxl.load_workbook(io.BytesIO(made)) for row in sheet.iter_rows() for cell in row]
    assert "Source: =HYPERLINK(1)" in {cell.value for cell in cells}
    assert "f" not in {cell.data_type for cell in cells}


def test_nothing_published_is_a_workbook_of_reasons() -> None:
    made = area_workbook(
        engine([]), AREA, "en", indicators=load_indicators(), code_lists=load_code_lists(), availability=TOLD
    )
    assert openpyxl.load_workbook(io.BytesIO(made)).sheetnames == ["Index", "Reading guide"]


def test_two_processes_write_the_same_bytes() -> None:
    script = (
        "import hashlib; from tests.sdmx_out.workbooks.test_area_workbook import content; "
        "print(hashlib.sha256(content('asean', 'fr')).hexdigest())"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            cwd=ROOT,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    )
    assert first == second != b""
