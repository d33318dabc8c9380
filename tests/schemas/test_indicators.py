import pytest

from schemas.codes import base_lists_of, load_code_lists, total_of
from schemas.concepts import load_concepts, load_universes
from schemas.errors import SpecError
from schemas.indicators import load_indicators, measure_code, read_indicators

ILMS_2022 = [
    "MFL_FEMP_SEX_ECO_NB",
    "MFL_FEMP_SEX_OCU_NB",
    "MFL_FPOP_SEX_CBR_NB",
    "MFL_FWAP_SEX_EDU_NB",
    "MFL_NCIT_SEX_CCT_NB",
    "MFL_NEMP_SEX_ECO_NB",
    "MFL_NEMP_SEX_OCU_NB",
    "MFL_NWAP_SEX_EDU_NB",
    "MNA_OEMP_SEX_CDS_NB",
    "MNA_OEMP_SEX_ECO_NB",
    "MNA_OEMP_SEX_EDU_NB",
    "MNA_OEMP_SEX_OCU_NB",
    "MNA_OPOP_SEX_CDS_NB",
    "MNA_TPOP_SEX_CRS_NB",
    "MNA_XRET_SEX_CPR_NB",
    "MST_EARA_SEX_CBR_NB",
    "MST_EARA_SEX_CCT_NB",
    "MST_FORE_SEX_CBR_NB",
    "MST_FORP_SEX_CBR_NB",
    "MST_NCTE_SEX_CCT_NB",
    "MST_NCTP_SEX_CCT_NB",
    "MST_TEAP_SEX_AGE_CBR_NB",
    "MST_TEAP_SEX_AGE_CBR_RT",
    "MST_TEAP_SEX_AGE_CCT_NB",
    "MST_TEAP_SEX_AGE_CCT_RT",
    "MST_TEAP_SEX_EDU_CBR_NB",
    "MST_TEAP_SEX_EDU_CBR_RT",
    "MST_TEAP_SEX_EDU_CCT_NB",
    "MST_TEAP_SEX_EDU_CCT_RT",
    "MST_TEIP_SEX_AGE_CBR_NB",
    "MST_TEIP_SEX_AGE_CBR_RT",
    "MST_TEIP_SEX_AGE_CCT_NB",
    "MST_TEIP_SEX_AGE_CCT_RT",
    "MST_TEIP_SEX_EDU_CBR_NB",
    "MST_TEIP_SEX_EDU_CBR_RT",
    "MST_TEIP_SEX_EDU_CCT_NB",
    "MST_TEIP_SEX_EDU_CCT_RT",
    "MST_TEMP_SEX_AGE_CBR_NB",
    "MST_TEMP_SEX_AGE_CBR_RT",
    "MST_TEMP_SEX_AGE_CCT_NB",
    "MST_TEMP_SEX_AGE_CCT_RT",
    "MST_TEMP_SEX_ECO_CBR_NB",
    "MST_TEMP_SEX_ECO_CCT_NB",
    "MST_TEMP_SEX_EDU_CBR_NB",
    "MST_TEMP_SEX_EDU_CBR_RT",
    "MST_TEMP_SEX_EDU_CCT_NB",
    "MST_TEMP_SEX_EDU_CCT_RT",
    "MST_TEMP_SEX_OCU_CBR_NB",
    "MST_TEMP_SEX_OCU_CCT_NB",
    "MST_TEMP_SEX_STE_CBR_NB",
    "MST_TEMP_SEX_STE_CCT_NB",
    "MST_TUNE_SEX_AGE_CBR_NB",
    "MST_TUNE_SEX_AGE_CBR_RT",
    "MST_TUNE_SEX_AGE_CCT_NB",
    "MST_TUNE_SEX_AGE_CCT_RT",
    "MST_TUNE_SEX_EDU_CBR_NB",
    "MST_TUNE_SEX_EDU_CBR_RT",
    "MST_TUNE_SEX_EDU_CCT_NB",
    "MST_TUNE_SEX_EDU_CCT_RT",
    "MST_XWAP_SEX_AGE_CBR_NB",
    "MST_XWAP_SEX_AGE_CCT_NB",
    "MST_XWAP_SEX_EDU_CBR_NB",
    "MST_XWAP_SEX_EDU_CCT_NB",
]

AGES = ("AGE_AGGREGATE", "AGE_10YRBANDS", "AGE_YTHADULT")


def test_the_catalogue_holds_all_63_indicators_of_ilms():
    assert len(ILMS_2022) == 63
    found = [name for name, indicator in load_indicators().items() if indicator.database == "ILMS"]
    assert found == [*ILMS_2022, "MST_EARB_SEX_CBR_NB", "MST_EARB_SEX_CCT_NB"]


def test_how_many_there_are_of_each_kind():
    databases = [indicator.database for indicator in load_indicators().values()]
    assert {name: databases.count(name) for name in set(databases)} == {"ILMS": 65, "LFS": 20, "EXT": 27}


@pytest.mark.parametrize("name", ILMS_2022)
def test_dataflow_measure_and_dimensions_follow_from_the_id(name):
    indicator = load_indicators()[name]
    parts = name.split("_")
    assert indicator.dataflow == f"DF_{name}"
    assert indicator.measure_code == f"{parts[0]}_{parts[1]}_{parts[-1]}"
    assert list(indicator.dimensions) == parts[2:-1]
    assert indicator.dimensions[0] == "SEX"
    assert indicator.agency == "ILO"


@pytest.mark.parametrize(
    ("name", "code", "dimensions"),
    [
        ("MST_TEMP_SEX_AGE_CBR_NB", "MST_TEMP_NB", ("SEX", "AGE", "CBR")),
        ("UNE_DEAP_SEX_AGE_RT", "UNE_DEAP_RT", ("SEX", "AGE")),
        ("MNA_XRET_SEX_CPR_NB", "MNA_XRET_NB", ("SEX", "CPR")),
        ("XMW_NETN_SEX_NB", "XMW_NETN_NB", ("SEX",)),
    ],
)
def test_measure_codes_and_keys(name, code, dimensions):
    assert (measure_code(name), load_indicators()[name].dimensions) == (code, dimensions)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("MST_TEMP_SEX_AGE_CBR_NB", AGES, ("CBR_BIR",)),
        ("MST_FORP_SEX_CBR_NB", ("CBR_BRT",), ()),
        ("MST_NCTE_SEX_CCT_NB", ("CCT_CTZ",), ()),
        ("MST_EARA_SEX_CCT_NB", ("CCT_CIT",), ()),
        ("MFL_FEMP_SEX_ECO_NB", ("ECO_SECTOR", "ECO_AGGREGATE", "ECO_ISIC4", "ECO_ISIC3"), ()),
        ("MST_XWAP_SEX_EDU_CCT_NB", ("EDU_AGGREGATE", "EDU_ISCED11", "EDU_ISCED97"), ("CCT_CIT",)),
        ("EMP_TEMP_SEX_STE_NB", ("STE_AGGREGATE", "STE_ICSE93"), ()),
    ],
)
def test_classification_versions(name, first, second):
    indicator = load_indicators()[name]
    assert (indicator.classif1_versions, indicator.classif2_versions) == (first, second)


@pytest.mark.parametrize("name", sorted(load_indicators()))
def test_an_indicator_names_only_what_exists(name):
    indicator = load_indicators()[name]
    lists, concepts, universes = load_code_lists(), load_concepts(), load_universes()
    for version in indicator.classif1_versions + indicator.classif2_versions:
        assert total_of(version)
        assert lists[version].type in indicator.dimensions
    assert indicator.universe in universes
    assert indicator.denominator is None or indicator.denominator in universes
    assert set(indicator.needs) <= set(concepts)
    assert indicator.unit_measure_type == name[-2:]
    assert all(indicator.title[language] for language in ("en", "fr", "es"))
    assert not any("?" in title for title in indicator.title.values())


@pytest.mark.parametrize("name", sorted(name for name, indicator in load_indicators().items() if indicator.is_computed))
def test_the_dimensions_of_a_computed_indicator_can_be_made_from_its_columns(name):
    indicator = load_indicators()[name]
    pairs = (
        (indicator.classif1_versions, indicator.classif1_concept),
        (indicator.classif2_versions, indicator.classif2_concept),
    )
    for versions, column in pairs:
        for version in versions:
            assert column is not None
            assert set(base_lists_of(version)) & set(load_concepts()[column].code_lists)


def test_a_measure_code_means_one_thing():
    meanings: dict[str, set[object]] = {}
    for indicator in load_indicators().values():
        meaning = (
            indicator.agency,
            indicator.measure,
            indicator.universe,
            indicator.denominator,
            indicator.unit_measure,
            indicator.unit_mult,
            indicator.title["en"].split(" by ")[0],
        )
        meanings.setdefault(indicator.measure_code, set()).add(meaning)
    assert {code: found for code, found in meanings.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("name", "universe", "denominator"),
    [
        ("MST_TEAP_SEX_AGE_CBR_RT", "labour_force", "working_age"),
        ("MST_TEMP_SEX_EDU_CCT_RT", "employed", "working_age"),
        ("MST_TUNE_SEX_AGE_CCT_RT", "unemployed", "labour_force"),
        ("EIP_DWAP_SEX_AGE_RT", "outside_labour_force", "working_age"),
        ("MST_TUNE_SEX_AGE_CCT_NB", "unemployed", None),
        ("XLU_XLU1_SEX_CBR_RT", "unemployed", "labour_force"),
        ("XLU_XLU2_SEX_CBR_RT", "underused_lu2", "labour_force"),
        ("XLU_XLU3_SEX_AGE_RT", "underused_lu3", "extended_labour_force"),
        ("XLU_XLU4_SEX_CCT_RT", "underused_lu4", "extended_labour_force"),
    ],
)
def test_rates_and_what_they_are_rates_of(name, universe, denominator):
    indicator = load_indicators()[name]
    assert (indicator.universe, indicator.denominator) == (universe, denominator)
    assert (indicator.measure == "rate") == (denominator is not None)


def test_what_is_computed():
    computed = {name for name, indicator in load_indicators().items() if indicator.is_computed}
    stocks = {name for name in ILMS_2022 if name.startswith("MST") and "EARA" not in name}
    labour_force = {name for name, indicator in load_indicators().items() if indicator.database == "LFS"}
    underused = {name for name in load_indicators() if name.startswith("XLU_")}
    assert len(underused) == 12
    self_declared = {name for name, indicator in load_indicators().items() if indicator.is_self_declared}
    assert self_declared == {"XSD_TUNE_SEX_AGE_NB", "XSD_TUNE_SEX_AGE_CBR_NB", "XSD_TUNE_SEX_AGE_CCT_NB"}
    workers = {"XMW_LFFB_SEX_AGE_NB", "XMW_LFNC_SEX_AGE_NB"}
    assert computed == stocks | labour_force | underused | self_declared | workers


def test_units_decimals_and_time():
    indicators = load_indicators()
    count, rate = indicators["MST_TEMP_SEX_AGE_CBR_NB"], indicators["MST_TEMP_SEX_AGE_CBR_RT"]
    earnings, flow = indicators["MST_EARA_SEX_CBR_NB"], indicators["MFL_FPOP_SEX_CBR_NB"]
    assert (count.unit_measure, count.unit_mult, count.decimals, count.time_rule) == ("PS", 3, 3, "average")
    assert (rate.unit_measure, rate.unit_mult, rate.decimals, rate.time_rule) == ("PT", 0, 3, "recompute")
    assert (earnings.unit_measure, earnings.decimals, earnings.time_rule) == ("LC", 2, "weighted_mean")
    assert flow.time_rule == "flow"


def test_what_a_survey_must_collect():
    assert load_indicators()["MST_TEMP_SEX_OCU_CBR_NB"].needs == (
        "exclusion",
        "is_working_age",
        "labour_force_status",
        "occupation",
        "place_of_birth",
        "residence_status",
        "sex",
    )


CATALOGUE = """[classifications.AGE]
versions = ["AGE_AGGREGATE"]
concept = "age_band"

[measures.MST_XWAP_NB]
agency = "ILO"
database = "ILMS"
measure = "count"
universe = "working_age"
unit_measure_type = "NB"
unit_measure = "PS"
unit_mult = 3
decimals = 3
display_decimals = 1
time_rule = "average"
is_computed = true

[indicators.MST_XWAP_SEX_AGE_NB]
classif1 = "AGE"
title.en = "Population by sex and age"
title.fr = "Population par sexe et âge"
title.es = "Población según sexo y edad"
"""


def read(path, text):
    path.write_text(text, encoding="utf-8")
    return read_indicators(path, load_code_lists(), load_concepts(), load_universes())


def test_a_small_catalogue_is_read(tmp_path):
    assert list(read(tmp_path / "indicators.toml", CATALOGUE)) == ["MST_XWAP_SEX_AGE_NB"]


@pytest.mark.parametrize(
    ("old", "new", "rule", "row"),
    [
        ('["AGE_AGGREGATE"]', '["AGE_ALL"]', "VERSION_UNKNOWN", 1),
        ('["AGE_AGGREGATE"]', '["FREQ"]', "VERSION_UNKNOWN", 1),
        ('"age_band"', '"age_group"', "CONCEPT_UNKNOWN", 1),
        ('"working_age"', '"grown_ups"', "UNIVERSE_UNKNOWN", 5),
        ('"PS"', '"ZZ"', "CODE_TARGET_UNKNOWN", 5),
        ("is_computed = true", 'is_computed = true\nneeds = ["wage"]', "CONCEPT_UNKNOWN", 5),
        ('measure = "count"', 'measure = "rate"', "TOML_VALUE", 5),
        ('"average"', '"recompute"', "TOML_VALUE", 5),
        ("decimals = 3\n", 'decimals = "3"\n', "TOML_VALUE", 5),
        ("[indicators.MST_XWAP_SEX_AGE_NB]", "[indicators.MST_XPOP_SEX_AGE_NB]", "MEASURE_UNKNOWN", 18),
        ("[indicators.MST_XWAP_SEX_AGE_NB]", "[indicators.MST_XWAP_SEX_EDU_NB]", "DIMENSIONS_INVALID", 18),
        ('unit_measure_type = "NB"', 'unit_measure_type = "RT"', "MEASURE_UNKNOWN", 18),
        ('classif1 = "AGE"', 'classif1 = "AGE_2"', "VERSION_UNKNOWN", 18),
        ('title.es = "Población según sexo y edad"', "", "TOML_VALUE", 18),
        ("[classifications.AGE]", "[other.AGE]\n[classifications.AGE]", "TOML_VALUE", None),
    ],
)
def test_a_malformed_catalogue_is_refused(tmp_path, old, new, rule, row):
    with pytest.raises(SpecError) as caught:
        read(tmp_path / "indicators.toml", CATALOGUE.replace(old, new, 1))
    (problem,) = caught.value.problems
    assert (problem.file, problem.row, problem.rule) == ("indicators.toml", row, rule)
    assert problem.remedy
