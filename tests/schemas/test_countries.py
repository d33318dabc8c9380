"""Countries as offices write them: what a text means, and what is refused."""

import csv
from pathlib import Path

import pytest

from schemas.codes import load_code_lists
from schemas.countries import (
    country_key,
    country_rows,
    load_country_names,
    read_country_names,
    resolve_country,
)
from schemas.edit_rules import load_edit_rules
from schemas.errors import SpecError

with (Path(__file__).parent / "country_spellings.csv").open(encoding="utf-8", newline="") as handle:
    SPELLINGS = [(row["text"], row["expected"]) for row in csv.DictReader(handle)]
WITHOUT_CODE = {"ambiguous": "AMBIGUOUS", "historical": "HISTORICAL", "not_listed": "REFUSED"}
#: Names and codes that are both right.
ONE_LETTER_APART = {
    ("ARYM", "ARM"),
    ("ASIA", "AIA"),
    ("CHAD", "CHA"),
    ("GUAYANA", "GUYANA"),
    ("GUYANAS", "GUYANA"),
    ("GUYANES", "GUYANE"),
    ("MISR", "ISR"),
    ("MISR", "MSR"),
    ("RPDC", "RDC"),
    ("RPDC", "RPC"),
    ("SAINT MARTIN", "SAINT MARIN"),
    ("SAMOAS", "SAMOA"),
    ("ST MARTIN", "ST MARIN"),
}
AREAS = [item for item in load_code_lists()["AREA"].items if item.level == 1 and not item.is_test]


@pytest.mark.parametrize(("text", "expected"), SPELLINGS, ids=[text for text, _ in SPELLINGS])
def test_a_spelling_is_one_country_or_none(text, expected):
    found = resolve_country(text)
    assert (found.code or WITHOUT_CODE[found.kind]) == expected
    assert (found.code is None) == bool(found.reason)


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.code)
def test_an_area_is_found_by_its_labels_and_codes(area):
    texts = {area.en, area.fr, area.es, area.code, area.iso2}
    if area.iso_numeric:
        texts |= {area.iso_numeric, str(int(area.iso_numeric))}
    refused = {"ANT": texts, "COG": {"Congo"}}.get(area.code, set())
    found = {text: resolve_country(text).code for text in texts}
    assert found == {text: None if text in refused else area.code for text in texts}


def test_every_area_has_names_in_three_languages():
    with_name = {}
    path = Path(__file__).parents[2] / "schemas" / "code_lists" / "shared" / "COUNTRY_NAMES.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            with_name.setdefault(row["kind"], set()).add(row["target"])
    areas = {area.code for area in AREAS} - {"ANT"}
    assert [areas - with_name[kind] for kind in ("name_en", "name_fr", "name_es")] == [set(), set(), set()]


def test_a_key_is_its_own_key():
    assert [key for key in load_country_names() if country_key(key) != key] == []


def test_a_name_with_one_letter_left_out_is_no_other_country():
    names = load_country_names()
    others = set()
    for key, name in names.items():
        for index in range(len(key) if len(key) > 3 else 0):
            other = names.get(key[:index] + key[index + 1 :])
            if other is not None and other.kind != "ambiguous" and other.target != name.target:
                others.add((key, key[:index] + key[index + 1 :]))
    assert others == ONE_LETTER_APART


@pytest.mark.parametrize(
    ("rule", "soviet", "antilles"),
    [("refuse", None, None), ("group", "EUR_OTHER", "AME_OTHER"), ("unknown", "_FOREIGN", "_FOREIGN")],
)
def test_the_survey_says_what_becomes_of_a_state_that_is_no_more(rule, soviet, antilles):
    rows = country_rows(rule)
    assert (rows.get("USSR"), rows.get("URSS"), rows.get("810"), rows.get("530")) == (soviet, soviet, soviet, antilles)
    assert resolve_country("Soviet Union", rule).code == soviet
    assert resolve_country("Czechoslovakia", rule).candidates == ("CZE", "SVK")
    assert (rows["ZAIRE"], rows["BURMA"], rows["DDR"]) == ("COD", "MMR", "DEU")
    assert "CONGO" not in rows
    assert "" not in rows


def test_an_ambiguous_name_tells_its_candidates():
    found = resolve_country("Corée")
    assert (found.code, found.kind, found.candidates) == (None, "ambiguous", ("KOR", "PRK"))
    assert found.reason == "may be KOR, PRK"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Straße Æ Œ Ø Ł Đ Þ", "STRASSE AE OE O L D TH"),
        ("ẞ", ""),
        ("İstanbul ı", "ISTANBUL I"),
        ("  Les  États–Unis!", "ETATS UNIS"),
        ("L'Inde", "INDE"),
        ("LAOS", "LAOS"),
        ("la", "LA"),
        ("Ελλάς", "ΕΛΛΑΣ"),
        ("\u202bمصر\u202c", "مصر"),
        ("Côte\u00a0d'Ivoire", "COTE D IVOIRE"),
        ("'12'", ""),
        ("USA.", ""),
        ("", ""),
    ],
)
def test_what_does_not_count_in_a_key(text, key):
    assert country_key(text) == key


def read(folder, *rows, iso=()):
    path = folder / "COUNTRY_NAMES.csv"
    path.write_text("name,target,kind,note\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return read_country_names(path, iso, frozenset({"PER", "COD", "COG", "EUR_OTHER", "BRA"}))


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        (["Peru,PER,name_en,", "Perú,BRA,name_es,"], "CODE_DUPLICATE"),
        (["Congo,,ambiguous,COD COG", "CONGO,COD,former,"], "CODE_DUPLICATE"),
        (["Peru,PER,nickname,"], "COUNTRY_NAME_KIND"),
        (["Peru,PER,code,"], "COUNTRY_NAME_KIND"),
        (["Peru,XYZ,name_en,"], "CODE_TARGET_UNKNOWN"),
        (["Peru,,name_en,"], "CODE_TARGET_UNKNOWN"),
        (["Congo,COD,ambiguous,COD COG"], "CODE_TARGET_UNKNOWN"),
        (["Congo,,ambiguous,COD"], "COUNTRY_NAME_NOTE"),
        (["USSR,EUR_OTHER,historical,"], "COUNTRY_NAME_NOTE"),
        (["Peru 2000!,PER,name_en,"], "COUNTRY_NAME_KEY"),
        (["Peru,PER"], "TABLE_ROW_WIDTH"),
    ],
)
def test_a_wrong_row_is_refused(tmp_path, rows, rule):
    with pytest.raises(SpecError, match=rule):
        read(tmp_path, *rows)
    assert rule in load_edit_rules()


def test_a_name_that_is_another_countrys_code_is_refused(tmp_path):
    with pytest.raises(SpecError, match="'PE' means PER and BRA"):
        read(tmp_path, "pe,PER,variant,", iso=[("PE", "BRA")])


def test_codes_give_way_to_states_that_are_no_more(tmp_path):
    found = read(
        tmp_path, "SU,EUR_OTHER,historical,PER BRA", "150,EUR_OTHER,group,", iso=[("SU", "PER"), ("076", "BRA")]
    )
    assert {key: name.kind for key, name in found.items()} == {
        "SU": "historical",
        "150": "group",
        "076": "code",
        "76": "code",
    }
