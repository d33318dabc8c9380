"""The reader of the catalogue's files: what each entry must have, and what entries must agree on."""

import re

import pytest

from schemas.codes import load_code_lists
from schemas.errors import SpecError
from schemas.indicators import load_columns, read_indicators

CATALOGUE = """[kinds.count]
unit_measure = "PS"
unit_mult = 3
decimals = 3
display_decimals = 1
time_rule = "average"

[classifications.AGE]
versions = ["AGE_AGGREGATE"]
concept = "age_band"

[measures.MST_XWAP_NB]
agency = "ILO"
database = "ILMS"
measure = "count"
universe = "working_age"

[indicators.MST_XWAP_SEX_AGE_NB]
classif1 = "AGE"
title.en = "Population by sex and age"
title.fr = "Population par sexe et âge"
title.es = "Población según sexo y edad"
"""


def read(path, text):
    path.write_text(text, encoding="utf-8")
    return read_indicators([path], load_code_lists(), load_columns())


def test_a_small_catalogue_is_read(tmp_path):
    assert list(read(tmp_path / "small.toml", CATALOGUE)) == ["MST_XWAP_SEX_AGE_NB"]


def test_a_catalogue_of_several_files_is_one(tmp_path):
    paths = []
    for number, part in enumerate(re.split(r"\n(?=\[measures|\[indicators)", CATALOGUE)):
        paths.append(tmp_path / f"{number}.toml")
        paths[-1].write_text(part, encoding="utf-8")
    assert len(paths) == 3
    assert list(read_indicators(paths, load_code_lists(), load_columns())) == ["MST_XWAP_SEX_AGE_NB"]
    with pytest.raises(SpecError, match="ENTRY_DUPLICATE: kinds.count stands in 0.toml as well"):
        read_indicators([*paths, paths[0]], load_code_lists(), load_columns())


@pytest.mark.parametrize(
    ("old", "new", "rule", "row"),
    [
        ('["AGE_AGGREGATE"]', '["AGE_ALL"]', "VERSION_UNKNOWN", 8),
        ('["AGE_AGGREGATE"]', '["FREQ"]', "VERSION_UNKNOWN", 8),
        ('"working_age"', '"grown_ups"', "UNIVERSE_UNKNOWN", 12),
        ('"PS"', '"ZZ"', "CODE_TARGET_UNKNOWN", 12),
        ("unit_mult = 3", "unit_mult = 99", "CODE_TARGET_UNKNOWN", 12),
        ("[kinds.count]", "[kinds.rate]", "KIND_UNKNOWN", 12),
        ("decimals = 3\n", 'decimals = "3"\n', "TOML_VALUE", 1),
        ("[indicators.MST_XWAP_SEX_AGE_NB]", "[indicators.MST_XPOP_SEX_AGE_NB]", "MEASURE_UNKNOWN", 18),
        ("[indicators.MST_XWAP_SEX_AGE_NB]", "[indicators.MST_XWAP_SEX_AGE_RT]", "MEASURE_UNKNOWN", 18),
        ("[indicators.MST_XWAP_SEX_AGE_NB]", "[indicators.MST_XWAP_SEX_EDU_NB]", "DIMENSIONS_INVALID", 18),
        ("measures.MST_XWAP_NB", "measures.MST_XWAP_ZZ", "CODE_TARGET_UNKNOWN", 12),
        ('classif1 = "AGE"', 'classif1 = "AGE_2"', "VERSION_UNKNOWN", 18),
        ('title.es = "Población según sexo y edad"', "", "TOML_VALUE", 18),
        ("[classifications.AGE]", "[other]\n[classifications.AGE]", "TOML_VALUE", 8),
    ],
)
def test_a_malformed_catalogue_is_refused(tmp_path, old, new, rule, row):
    with pytest.raises(SpecError) as caught:
        read(tmp_path / "small.toml", CATALOGUE.replace(old, new, 1))
    problem = caught.value.problems[0]
    assert (problem.file, problem.row, problem.rule) == ("small.toml", row, rule)
    assert problem.remedy


def test_an_unknown_column_of_a_dimension_is_refused(tmp_path):
    with pytest.raises(SpecError) as caught:
        read(tmp_path / "small.toml", CATALOGUE.replace('"age_band"', '"age_group"'))
    assert {(problem.row, problem.rule) for problem in caught.value.problems} == {
        (8, "CONCEPT_UNKNOWN"),
        (18, "CONCEPT_UNKNOWN"),
    }


#: Measure, what it says beside agency, database and universe, and what is wrong with it.
MEASURES = [
    ("count", 'denominator = "population"', "a count has no denominator"),
    ("count", 'time_rule = "recompute"', "time_rule of a count is average, flow, sum, year_before"),
    ("count", 'contrast = "place_of_birth"', "a count has no contrast"),
    ("rate", "", "a rate needs denominator"),
    ("rate", 'denominator = "population"\ntime_rule = "average"', "time_rule of a rate is recompute"),
    ("mean", "", "a mean needs quantity"),
    ("median", 'quantity = "age"\nstatistic = "median"', "a median has no statistic"),
    ("difference", 'denominator = "population"', "a difference needs contrast"),
    ("difference", 'denominator = "population"\ncontrast = "sex"', "contrast is one of place_of_birth, citiz"),
    ("gap", 'quantity = "age"\ncontrast = "place_of_birth"', "a gap needs statistic"),
    ("factor_gap", 'quantity = "age"\ncontrast = "place_of_birth"', "a factor_gap needs factor"),
    ("change", 'denominator = "population"', "the change of a rate says that it is recomputed"),
    ("change", 'time_rule = "recompute"', "the change of a rate says that it is recomputed"),
    ("net", "", "a net needs subtrahend"),
    ("rate", 'denominator = "population"\nrelation = "absentees"', "absentees are counted only"),
]


@pytest.mark.parametrize(("measure", "keys", "message"), MEASURES)
def test_a_measure_has_what_its_kind_asks_for_and_nothing_else(tmp_path, measure, keys, message):
    text = CATALOGUE.replace('measure = "count"', f'measure = "{measure}"\n{keys}')
    with pytest.raises(SpecError, match=re.escape(message)):
        read(tmp_path / "small.toml", text)


#: The same, of measures that are well formed but name what their relation does not have.
PLACES = [
    ('measure = "count"\nrelation = "absentees"', "UNIVERSE_UNKNOWN", "names the universe working_age"),
    ('measure = "net"\nsubtrahend = "employed"', "UNIVERSE_UNKNOWN", "names the universe employed"),
    ('measure = "mean"\nquantity = "wage"', "CONCEPT_UNKNOWN", "needs wage"),
    ('measure = "mean"\nquantity = "region"', "CONCEPT_KIND", "has the quantity region, which is no number"),
    (
        'measure = "factor_gap"\nquantity = "age"\ncontrast = "place_of_birth"\nfactor = "pay_group"',
        "DIMENSIONS_INVALID",
        "crosses more than two columns beside sex",
    ),
]


@pytest.mark.parametrize(("keys", "rule", "message"), PLACES)
def test_a_measure_names_what_its_relation_has(tmp_path, keys, rule, message):
    kinds = "".join(
        CATALOGUE.split("\n\n")[0].replace("count", kind).replace('"average"', f'"{time}"') + "\n\n"
        for kind, time in (("net", "flow"), ("mean", "weighted_mean"), ("factor_gap", "recompute"))
    )
    text = kinds + CATALOGUE.replace('measure = "count"', keys)
    with pytest.raises(SpecError) as caught:
        read(tmp_path / "small.toml", text)
    assert [problem.rule for problem in caught.value.problems] == [rule]
    assert message in str(caught.value)


def test_a_dimension_is_one_that_the_relation_has_and_not_the_contrast(tmp_path):
    difference = CATALOGUE.replace(
        'measure = "count"', 'measure = "difference"\ndenominator = "population"\ncontrast = "place_of_birth"'
    ).replace("kinds.count", "kinds.difference")
    text = difference.replace('"AGE_AGGREGATE"', '"CBR_BIR"').replace('"age_band"', '"place_of_birth"')
    text = text.replace("classifications.AGE", "classifications.CBR").replace('classif1 = "AGE"', 'classif1 = "CBR"')
    text = text.replace("SEX_AGE", "SEX_CBR").replace('"average"', '"recompute"')
    with pytest.raises(SpecError, match="compares by place_of_birth, which is a dimension of it"):
        read(tmp_path / "small.toml", text)
    abroad = CATALOGUE.replace('"working_age"', '"nationals_abroad"\nrelation = "absentees"')
    with pytest.raises(SpecError, match="has the dimension AGE, but absentees have no area_type"):
        read(tmp_path / "small.toml", abroad.replace('"age_band"', '"area_type"'))
