"""The key of a country's text in SQL, and surveys that have their countries looked up by it."""

import csv
import unicodedata

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codes import COUNTRY_NAMES, FOLDER
from schemas.countries import country_key
from tests.transforms.demo import CODES
from transforms.country_key import country_key_sql

with (FOLDER / "shared" / f"{COUNTRY_NAMES}.csv").open(encoding="utf-8", newline="") as handle:
    NAMES = [row["name"] for row in csv.DictReader(handle)]

BORN = {"country_of_birth": '{variable = "b", codes = "@COUNTRY"}'}


def keys_in_sql(texts):
    connection = duckdb.connect()
    connection.execute("CREATE TABLE texts AS SELECT unnest($1::VARCHAR[]) AS text", [texts])
    return [key for (key,) in connection.execute(f"SELECT {country_key_sql('text')} FROM texts").fetchall()]


def test_sql_and_python_agree_on_every_name_in_any_case():
    texts = [text for name in NAMES for text in (name, name.upper(), name.lower(), f" the {name}.")]
    texts += [unicodedata.normalize("NFD", name) for name in NAMES]
    assert keys_in_sql(texts) == [country_key(text) for text in texts]


def test_sql_and_python_agree_on_every_letter_of_the_basic_plane():
    letters = [chr(point) for point in range(1, 0xD800) if unicodedata.category(chr(point)) != "Cn"]
    texts = [text for letter in letters for text in (letter, f"La a{letter}b")]
    assert keys_in_sql(texts) == [country_key(text) for text in texts]


ALPHABETS = st.characters(min_codepoint=1, max_codepoint=0xFFFD, exclude_categories=("Cn", "Cs", "Co"))
TEXTS = st.text(st.sampled_from("LTHEaàßİıÆœŁøñ'’.-()0129 \t\u00a0\u0301пйёΣςάعأ中が대") | ALPHABETS, max_size=12)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=50))
def test_sql_and_python_agree_on_any_text(texts):
    assert keys_in_sql(texts) == [country_key(text) for text in texts]


def test_null_has_no_key():
    assert keys_in_sql([None]) == [None]


def born(survey, texts, **kept):
    demo = survey(concepts=BORN, layout=("w", "s", "a", "b"), **kept)
    values = [("1", "1", "30", text) for text in texts]
    found = demo.rows(("w", "s", "a", "b"), values, ("country_of_birth", "x_country_of_birth", "k_country_of_birth"))
    return [code for code, _, _ in found], [is_unmapped for _, is_unmapped, _ in found], [key for _, _, key in found]


def test_countries_are_found_by_their_keys_and_the_rest_is_unmapped(survey):
    texts = [
        "PERÚ",
        " peru ",
        "604",
        "pe",
        "Corée",
        "USSR",
        "Nigerria",
        "-9",
        "",
        None,
        "Otros países de África",
        "???",
    ]
    codes, unmapped, keys = born(survey, texts)
    assert codes == ["PER", "PER", "PER", "PER", None, None, None, None, None, None, "AFR_OTHER", None]
    assert unmapped == [code is None for code in codes]
    assert keys == [
        "PERÚ",
        "peru",
        "604",
        "pe",
        "Corée",
        "USSR",
        "Nigerria",
        "-9",
        "",
        "",
        "Otros países de África",
        "???",
    ]


def test_local_rows_go_first_by_their_text_and_then_by_their_key(survey):
    local = CODES + "Corée,,KOR,,,\nCHI,,CHL,,,\nCH,,CHN,,,\n-9,,_U,,,\n,,_U,,,\nGuinea,,GNQ,,,\n9|a,,PER,,,\n"
    texts = ["Corée", "COREE", "corea", "chi", "ch", "Suiza", "-9", "9", "", "?", "GUINEA", "Guinée", "9|a", "9 A"]
    codes, unmapped, _ = born(survey, texts, files={"codes/country_of_birth.csv": local})
    expected = ["KOR", "KOR", None, "CHL", "CHN", "CHE", "_U", None, "_U", None, "GNQ", "GIN", "PER", None]
    assert codes == expected
    assert unmapped == [code is None for code in expected]


def test_a_key_of_two_local_countries_is_refused_but_their_texts_are_not(survey):
    local = CODES + "Congó,,COD,,,\ncongo,,COG,,,\nPerú,,PER,,,\nperù,,PER,,,\n"
    codes, _, _ = born(survey, ["Congó", "congo", "CONGO", "PERU"], files={"codes/country_of_birth.csv": local})
    assert codes == ["COD", "COG", None, "PER"]


@pytest.mark.parametrize(("period", "code"), [("2010-Q4", "SDN"), ("2024-Q1", None)])
def test_a_local_row_holds_in_its_periods_and_the_shared_one_never(survey, period, code):
    local = CODES + "Soudán,,SDN,,2011-Q2,\nSudan,,SDN,,2011-Q2,\n"
    files = {"codes/country_of_birth.csv": local}
    codes, _, _ = born(survey, ["SUDAN", "Sudan", "sudán", "Soudan"], files=files, period=period)
    assert codes == [code] * 4


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        ("refuse", [None, None, "COD"]),
        ("group", ["EUR_OTHER", "AME_OTHER", "COD"]),
        ("unknown", ["_FOREIGN", "_FOREIGN", "COD"]),
    ],
)
def test_the_survey_declares_what_becomes_of_states_that_are_no_more(survey, rule, codes):
    migration = f'[migration]\nhistorical_states = "{rule}"'
    found, unmapped, _ = born(survey, ["URSS", "530", "Zaire"], labour_force=migration)
    assert found == codes
    assert unmapped == [code is None for code in codes]


def test_a_concept_without_countries_takes_no_country_names(survey):
    with pytest.raises(Exception, match="CODE_SHARED_TARGET"):
        survey(sex='{variable = "s", codes = "@COUNTRY"}')
