"""Release notes in three languages: what they tell, and that it is all in the language."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from lxml import etree

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.catalogue import LANGUAGES
from sdmx_out.releases import release_notes as notes_module
from sdmx_out.releases.changes import Change, compare
from sdmx_out.releases.release_notes import FILES, Notes, markdown, page, release_notes
from sdmx_out.releases.release_summary import LISTED, Summary, summarise
from sdmx_out.releases.withdrawn import Withdrawal
from tests.sdmx_out.releases.test_changes import Cells, bulk

COUNT, RATE, FOREIGN = "MST_TEMP_SEX_AGE_CBR_NB", "MST_TUNE_SEX_AGE_CBR_RT", "MST_FORP_SEX_CBR_NB"
AGE, NATIVE = "AGE_AGGREGATE_TOTAL", "CBR_BIR_NATIVE"
FACTS: dict[str, object] = {
    "release_id": "test-2026-12-24-abcdef0123",
    "release_date": "2026-12-24",
    "kind": "test",
    "draft": True,
    "title": {
        "en": "Labour migration statistics",
        "fr": "Statistiques de migration de main-d'œuvre",
        "es": "Estadísticas de migración laboral",
    },
}


def cell(area: str, time: str, sex: str, age: str = AGE, birth: str = NATIVE) -> tuple[str, str, str, str, str]:
    return (area, time, sex, age, birth)


BEFORE: Cells = {
    cell("KEN", "2013Q4", "SEX_T"): ("1234.500", ""),
    cell("KEN", "2013Q4", "SEX_M"): ("1000.000", ""),
    cell("KEN", "2013Q4", "SEX_F"): ("234.500", "U"),
    cell("KEN", "2014Q1", "SEX_T"): ("0.000", ""),
    cell("KEN", "2014Q1", "SEX_M"): ("777.777", ""),
    cell("KEN", "2014Q1", "SEX_F"): ("888.888", ""),
    cell("KEN", "2014Q2", "SEX_F"): ("999.999", ""),
    cell("XAA", "2013Q4", "SEX_F"): ("", "C"),
}
AFTER: Cells = {
    cell("KEN", "2013Q4", "SEX_T"): ("1334.500", ""),
    cell("KEN", "2013Q4", "SEX_M"): ("900.000", ""),
    cell("KEN", "2013Q4", "SEX_F"): ("234.500", ""),
    cell("KEN", "2014Q1", "SEX_T"): ("12.345", ""),
    cell("KEN", "2014Q1", "SEX_M"): ("", "C"),
    cell("KEN", "2014Q1", "SEX_F"): ("", "S"),
    cell("KEN", "2014Q3", "SEX_T"): ("1.000", ""),
    cell("KEN", "2014Q4", "SEX_T"): ("1.000", ""),
    cell("XBB", "2013Q4", "SEX_T"): ("2.000", ""),
}


def _structures(folder: Path, *items: str, prepared: str = "2026-01-01") -> None:
    (folder / "structure").mkdir(parents=True, exist_ok=True)
    (folder / "structure/structures.xml").write_text(
        '<mes:Structure xmlns:mes="urn:m" xmlns:str="urn:s"><mes:Header>'
        f"<mes:Prepared>{prepared}</mes:Prepared></mes:Header><mes:Structures>{''.join(items)}</mes:Structures>"
        "</mes:Structure>",
        encoding="utf-8",
    )


def _item(container: str, kind: str, identifier: str, content: str) -> str:
    named = f'agencyID="ILO" id="{identifier}" version="1.0"'
    return f"<str:{container}><str:{kind} {named}>{content}</str:{kind}></str:{container}>"


WITHDRAWN = Withdrawal(COUNT, "KEN", "2014-Q2", "2026-12-01", "error in *one* <code> & its label | table")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    earlier, later = tmp_path / "test-2026-11-23-0123456789", tmp_path / "later"
    bulk(earlier, BEFORE, f"{COUNT}_Q")
    bulk(later, AFTER, f"{COUNT}_Q")
    bulk(later, {("KEN", "2014", "SEX_T", NATIVE, ""): ("1.0", "")}, f"{FOREIGN}_A")
    constraint = _item("Constraints", "ContentConstraint", "CR", "1")
    _structures(
        earlier,
        _item("Codelists", "Codelist", "CL_SEX", "a"),
        _item("Concepts", "ConceptScheme", "CS", "a"),
        constraint,
    )
    _structures(
        later,
        _item("Codelists", "Codelist", "CL_SEX", "b"),
        _item("Flows", "Dataflow", "DF", "a"),
        prepared="2026-02-02",
    )
    return earlier, later


def _summary(earlier: Path | None, later: Path, withdrawals: Sequence[Withdrawal] = (WITHDRAWN,)) -> Summary:
    return summarise(FACTS, compare(earlier, later) if earlier else [], withdrawals, earlier, later)


def _notes(summary: Summary, language: str) -> Notes:
    return release_notes(summary, load_indicators(), load_code_lists(), language)


def _text(summary: Summary, language: str) -> str:
    return "\n".join(markdown(_notes(summary, language)))


def test_what_differs(folders: tuple[Path, Path]) -> None:
    told = _summary(*folders)
    assert dict(told.counts) == {"new": 4, "revised": 3, "withdrawn": 3, "flag": 2}
    assert told.published == (2, 2, 6)
    assert (told.new_indicators, told.new_areas, told.invented) == ((FOREIGN,), ("XBB",), ("XBB",))
    assert told.new_periods.rows == (("KEN", "A", 1, "2014", "2014"), ("KEN", "Q", 2, "2014Q3", "2014Q4"))
    (revised,) = told.revised
    assert (revised.indicator, revised.area, revised.count) == (COUNT, "KEN", 3)
    assert (revised.median, revised.largest) == (100.0, 100.0)
    assert revised.median_share == pytest.approx((100 / 1234.5 + 100 / 1000) / 2)
    assert revised.largest_share == pytest.approx(0.1)
    assert [change.before[0] for change in told.largest] == ["0.000", "1000.000", "1234.500"]
    assert told.hidden.rows == ((COUNT, "C", 1), (COUNT, "N", 1), (COUNT, "S", 1))
    assert told.flags == (("C", None, 1), ("U", "", 1))
    assert told.structures.rows == (
        ("changed", "Codelist", "ILO", "CL_SEX", "1.0"),
        ("removed", "ConceptScheme", "ILO", "CS", "1.0"),
        ("added", "Dataflow", "ILO", "DF", "1.0"),
    )


def test_structures_that_differ_in_their_date_alone_are_the_same(tmp_path: Path) -> None:
    for name, day in (("a", "2026-01-01"), ("b", "2026-02-02")):
        bulk(tmp_path / name, BEFORE, f"{COUNT}_Q")
        _structures(tmp_path / name, _item("Codelists", "Codelist", "CL_SEX", "a"), prepared=day)
    told = _summary(tmp_path / "a", tmp_path / "b", ())
    assert (told.structures.count, dict(told.counts)) == (0, {"new": 0, "revised": 0, "withdrawn": 0, "flag": 0})
    assert "No figure differs from the release before." in _text(told, "en")
    assert "Nothing is withdrawn." in _text(told, "en")


def test_one_revised_cell_is_named_and_no_other(tmp_path: Path) -> None:
    bulk(tmp_path / "a", BEFORE, f"{COUNT}_Q")
    bulk(tmp_path / "b", {**BEFORE, cell("KEN", "2013Q4", "SEX_M"): ("1010.000", "")}, f"{COUNT}_Q")
    notes = _notes(_summary(tmp_path / "a", tmp_path / "b", ()), "en")
    tables = [table for section in notes.sections for table in section.tables]
    title = load_indicators()[COUNT].title["en"]
    assert [table.rows for table in tables] == [
        ((title, COUNT, "Kenya", "1", "10.000", "10.000", "Persons (thousands)", "1.0", "1.0"),),
        ((title, COUNT, "Kenya", "Q4 2013", _label(AGE, NATIVE), "1,000.000", "1,010.000", "+1.0"),),
    ]


def _label(*codes: str) -> str:
    known = {item.code: item.en for codes in load_code_lists().values() for item in codes.items}
    return "; ".join(known[code] for code in ("SEX_M", *codes))


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ["Revised figures: 3", "1,234.500 | 1,334.500 | +8.1 |", "| Q4 2013 |", "from 0", "24 December 2026"]),
        (
            "fr",
            [
                "Chiffres révisés\u202f: 3",
                "1\u202f234,500 | 1\u202f334,500 | +8,1 |",
                "| T4 2013 |",
                "24 décembre 2026",
            ],
        ),
        (
            "es",
            [
                "Cifras revisadas: 3",
                "1\u202f234,500 | 1\u202f334,500 | +8,1 |",
                "| T4 2013 |",
                "24 de diciembre de 2026",
            ],
        ),
    ],
)
def test_numbers_periods_and_dates_are_written_in_the_language(
    folders: tuple[Path, Path], language: str, lines: list[str]
) -> None:
    text = _text(_summary(*folders), language)
    for line in (*lines, "| \u221210.0 |" if language == "en" else "| \u221210,0 |"):
        assert line in text


def test_no_old_value_of_what_is_published_no_more(folders: tuple[Path, Path]) -> None:
    told = _summary(*folders)
    for language in LANGUAGES:
        for text in (_text(told, language), page(_notes(told, language))):
            assert not re.search(r"777|888|999", text)


def test_a_first_release_says_so(folders: tuple[Path, Path]) -> None:
    for language, said in (
        ("en", "the first release"),
        ("fr", "la première publication"),
        ("es", "la primera publicación"),
    ):
        notes = _notes(_summary(None, folders[1]), language)
        assert [section.name for section in notes.sections] == ["brief", "withdrawals"]
        assert said in page(notes)


def test_pages_are_well_formed_and_reasons_are_text(folders: tuple[Path, Path]) -> None:
    told = _summary(*folders)
    for language in LANGUAGES:
        html = page(_notes(told, language))
        root = etree.fromstring(html.encode(), etree.HTMLParser(recover=False))
        assert root.get("lang") == language
        assert [item.get("id") for item in root.iter("h2")] == [item.get("href")[1:] for item in root.iter("a")]
        assert all(len(row) == len(table.find("thead/tr")) for table in root.iter("table") for row in table.iter("tr"))
        assert WITHDRAWN.reason in "".join(root.itertext())
        assert "script" not in html
        assert "http" not in html
    assert r"error in \*one\* \<code\> \& its label \| table" in _text(told, "en")


def test_both_layouts_have_every_cell(folders: tuple[Path, Path]) -> None:
    notes = _notes(_summary(*folders), "fr")
    shown = "".join(etree.fromstring(page(notes).encode(), etree.HTMLParser()).itertext())
    text = re.sub(r"\\(.)", r"\1", "\n".join(markdown(notes)))
    for section in notes.sections:
        cells = (cell for table in section.tables for row in table.rows for cell in row)
        for part in (section.heading, *section.lines, *section.items, *cells):
            assert part in shown
            assert part in text


def test_no_english_is_left(folders: tuple[Path, Path]) -> None:
    told = _summary(*folders)
    english = {text for text in _phrases(_notes(told, "en")) if re.search("[A-Za-z]{4}", text)}
    codes = {COUNT, FOREIGN, WITHDRAWN.reason, "Kenya", told.release_id, str(told.previous)}
    said_the_same = {"fr": {"Structures", "Structure", "Concepts"}, "es": set[str]()}
    for language, same in said_the_same.items():
        phrases = _phrases(_notes(told, language))
        assert len(phrases) > 60
        assert phrases & english == codes | same


def _phrases(notes: Notes) -> set[str]:
    found = {notes.heading, notes.title, *notes.warnings, *(part for fact in notes.facts for part in fact)}
    for section in notes.sections:
        found |= {section.heading, *section.lines, *section.items}
        for table in section.tables:
            found |= {
                table.caption,
                *(heading for heading, _ in table.columns),
                *(c for row in table.rows for c in row),
            }
    return found


def test_every_text_says_something_else_in_each_language_and_has_the_same_places() -> None:
    same = {"sections", "structures", "structure", "structure_ConceptScheme"}
    for key, text in notes_module._texts().items():
        places = [sorted(re.findall(r"\{\w+\}", getattr(text, language))) for language in LANGUAGES]
        assert places[0] == places[1] == places[2], key
        if key not in same and re.sub(r"\{\w+\}", "", text.en).strip(" QTHSofde"):
            assert text.en not in (text.fr, text.es), key


def test_a_big_release_has_short_notes(tmp_path: Path) -> None:
    areas = [item.code for item in load_code_lists()["AREA"].items][:120]
    before = {
        cell(area, f"{year}", "SEX_T"): (f"{number + year}.000", "")
        for number, area in enumerate(areas)
        for year in (2011, 2012)
    }
    after = {key: (f"{float(value) + 7:.3f}", "") for key, (value, _) in before.items()}
    after |= {cell(area, "2013", "SEX_T"): ("1.000", "") for area in areas}
    bulk(tmp_path / "a", before, f"{RATE}_A")
    bulk(tmp_path / "b", after, f"{RATE}_A")
    many = [Withdrawal(RATE, area, "2010", "2026-12-01", "error") for area in areas]
    told = _summary(tmp_path / "a", tmp_path / "b", many)
    notes = _notes(told, "en")
    tables = [table for section in notes.sections for table in section.tables]
    assert [len(table.rows) for table in tables] == [LISTED] * 4
    assert [re.findall(r"the first 50 of (\d+)", table.caption) for table in tables] == [
        ["120"],
        ["120"],
        ["240"],
        ["120"],
    ]
    assert len(page(notes)) < 200_000


def test_the_same_input_gives_the_same_bytes(folders: tuple[Path, Path]) -> None:
    one, other = _summary(*folders), _summary(*folders)
    changes: list[Change] = compare(*folders)
    assert summarise(FACTS, list(reversed(changes)), (WITHDRAWN,), *folders) == one
    for language in LANGUAGES:
        assert page(_notes(one, language)) == page(_notes(other, language))
    assert FILES["fr"] == ("notes/notes_fr.html", "notes/notes_fr.md")
