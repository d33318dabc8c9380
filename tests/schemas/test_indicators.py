"""The catalogue: what ILOSTAT lists, what the guidelines add, and that each table can be made from its columns."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from schemas.codes import base_lists_of, load_code_lists, total_of
from schemas.indicators import CONTRASTS, load_columns, load_indicators, measure_code

#: The 63 indicators of ILMS as ILOSTAT's table of contents of January 2022 has them.
with (Path(__file__).parent / "ilms_2022.csv").open(encoding="utf-8", newline="") as handle:
    ILMS_2022 = {row["indicator"]: row for row in csv.DictReader(handle)}

#: Ids of ILOSTAT by migration status that are not in that table of contents.
ILO_BESIDE = {
    "MST_EARB_SEX_CBR_NB",
    "MST_EARB_SEX_CCT_NB",
    "EIP_NEET_SEX_CBR_NB",
    "EIP_NEET_SEX_CBR_RT",
    "EIP_NEET_SEX_CCT_NB",
    "EIP_NEET_SEX_CCT_RT",
}

AGES = ("AGE_AGGREGATE", "AGE_10YRBANDS", "AGE_YTHADULT")
INDICATORS = load_indicators()


def of_measure(prefix):
    """Ids of the catalogue that begin with a text."""
    return {name for name in INDICATORS if name.startswith(prefix)}


# --- ILOSTAT's tables ----------------------------------------------------------------------------


def test_the_catalogue_holds_all_63_indicators_of_ilms():
    assert Counter(name[:3] for name in ILMS_2022) == {"MST": 48, "MFL": 8, "MNA": 7}
    found = {name for name, indicator in INDICATORS.items() if indicator.database == "ILMS"}
    assert found == {*ILMS_2022, *ILO_BESIDE}


@pytest.mark.parametrize("name", ILMS_2022)
def test_an_indicator_of_ilms_is_as_ilostat_lists_it(name):
    indicator, listed = INDICATORS[name], ILMS_2022[name]
    assert indicator.agency == "ILO"
    assert indicator.dataflow == listed["sdmx_dataflow"]
    assert indicator.measure_code == listed["sdmx_measure"]
    assert "|".join(indicator.classif1_versions) == listed["classif1_versions"]
    assert "|".join(indicator.classif2_versions) == listed["classif2_versions"]
    assert indicator.unit_measure_type == listed["unit_measure_type"]
    assert (indicator.unit_measure, str(indicator.unit_mult)) == (listed["unit_measure"], listed["unit_mult"])
    assert indicator.title["en"] == re.sub(r" \([^()]*\)$", "", listed["title_en"])


@pytest.mark.parametrize("name", ILMS_2022)
def test_the_key_and_the_measure_follow_from_the_id(name):
    indicator, parts = INDICATORS[name], name.split("_")
    assert indicator.measure_code == f"{parts[0]}_{parts[1]}_{parts[-1]}"
    assert list(indicator.dimensions) == parts[2:-1]
    lists = load_code_lists()
    types = [
        {lists[version].type for version in versions}
        for versions in (indicator.classif1_versions, indicator.classif2_versions)
        if versions
    ]
    assert types == [{part} for part in parts[3:-1]]


@pytest.mark.parametrize(
    ("name", "code", "dimensions"),
    [
        ("MST_TEMP_SEX_AGE_CBR_NB", "MST_TEMP_NB", ("SEX", "AGE", "CBR")),
        ("UNE_DEAP_SEX_AGE_RT", "UNE_DEAP_RT", ("SEX", "AGE")),
        ("MNA_XRET_SEX_CPR_NB", "MNA_XRET_NB", ("SEX", "CPR")),
        ("XMW_NETN_SEX_NB", "XMW_NETN_NB", ("SEX",)),
        ("XMW_LFFB_SEX_CBR_GEO_NB", "XMW_LFFB_NB", ("SEX", "CBR", "GEO")),
        ("XDB_XLU4_SEX_EDU_RT", "XDB_XLU4_RT", ("SEX", "EDU")),
    ],
)
def test_measure_codes_and_keys(name, code, dimensions):
    assert (measure_code(name), INDICATORS[name].dimensions) == (code, dimensions)


def test_own_tables_have_an_agency_and_ids_of_their_own():
    for name, indicator in INDICATORS.items():
        assert (indicator.agency == "ILMS") == name.startswith("X") == (indicator.database == "EXT"), name


def test_how_many_there_are_of_each_kind():
    assert Counter(indicator.database for indicator in INDICATORS.values()) == {"ILMS": 69, "LFS": 20, "EXT": 189}
    assert Counter(indicator.measure for indicator in INDICATORS.values()) == {
        "count": 127,
        "rate": 49,
        "mean": 12,
        "median": 12,
        "difference": 48,
        "gap": 8,
        "factor_gap": 2,
        "change": 18,
        "net": 2,
    }


# --- every table ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_an_indicator_names_only_what_exists(name):
    indicator, lists, columns = INDICATORS[name], load_code_lists(), load_columns()
    own = columns[indicator.relation]
    for version in indicator.classif1_versions + indicator.classif2_versions:
        assert total_of(version)
        assert lists[version].type in indicator.dimensions
    assert indicator.universe in own.universes
    assert indicator.denominator is None or indicator.denominator in own.universes
    assert set(indicator.needs) <= set(columns["persons"].concepts)
    assert set(indicator.absentee_needs) <= set(columns["absentees"].concepts)
    assert bool(indicator.needs) == (indicator.relation == "persons")
    assert bool(indicator.absentee_needs) == (indicator.relation == "absentees" or indicator.subtrahend is not None)
    assert indicator.unit_measure_type == name[-2:]


@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_titles_are_in_three_languages_and_name_every_dimension(name):
    indicator = INDICATORS[name]
    assert set(indicator.title) == {"en", "fr", "es"}
    assert len(set(indicator.title.values())) == 3
    assert not any("?" in title or "  " in title for title in indicator.title.values())
    for language, by, last in (("en", " by ", " and "), ("fr", " par ", " et "), ("es", " según ", " y ")):
        named = re.split(f", |{last}", indicator.title[language].rsplit(f"{by}sex", 1)[1])
        assert len(named) == len(indicator.dimensions), (language, named)


@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_the_dimensions_can_be_made_from_their_columns(name):
    indicator = INDICATORS[name]
    relations = [indicator.relation, *(["absentees"] if indicator.subtrahend else [])]
    pairs = (
        (indicator.classif1_versions, indicator.classif1_concept),
        (indicator.classif2_versions, indicator.classif2_concept),
    )
    for versions, column in pairs:
        assert bool(versions) == (column is not None)
        for version in versions:
            for relation in relations:
                assert set(base_lists_of(version)) & set(load_columns()[relation].concepts[column].code_lists)


def test_no_table_mixes_the_two_criteria():
    """A table is by birth, by citizenship, or by neither; the id says which."""
    assert {name for name, indicator in INDICATORS.items() if len(indicator.criteria) > 1} == set()
    for name, indicator in INDICATORS.items():
        told = {"CBR": ("birth",), "CCT": ("citizenship",)}
        for part in {"CBR", "CCT"} & set(indicator.dimensions):
            if indicator.universe != "non_resident_foreign_workers":
                assert indicator.criteria == told[part], name
        if indicator.contrast:
            assert indicator.criteria == {"XDB": told["CBR"], "XGB": told["CBR"]}.get(name[:3], told["CCT"]), name


def test_a_measure_code_means_one_thing():
    meanings: dict[str, set[object]] = {}
    for indicator in INDICATORS.values():
        meaning = (
            *(indicator.agency, indicator.measure, indicator.relation, indicator.universe, indicator.denominator),
            *(indicator.quantity, indicator.statistic, indicator.contrast, indicator.factor, indicator.subtrahend),
            *(indicator.unit_measure, indicator.unit_mult, indicator.time_rule),
            indicator.title["en"].rsplit(" by sex", 1)[0],
        )
        meanings.setdefault(indicator.measure_code, set()).add(meaning)
    assert {code: found for code, found in meanings.items() if len(found) > 1} == {}


def test_no_two_tables_show_the_same():
    """Same figure in the same cells: only ILOSTAT's own pairs (FPOP and FWAP are one inflow in two breakdowns)."""
    seen: dict[object, list[str]] = {}
    for name, indicator in INDICATORS.items():
        shown = (
            *(indicator.measure, indicator.relation, indicator.universe, indicator.denominator, indicator.quantity),
            *(indicator.statistic, indicator.contrast, indicator.factor, indicator.is_self_declared),
            *(indicator.classif1_concept, indicator.classif2_concept, indicator.classif1_versions),
        )
        seen.setdefault(shown, []).append(name)
    # LU1 is the unemployment rate by age, which stands beside LU2 to LU4.
    assert [names for names in seen.values() if len(names) > 1] == [["UNE_DEAP_SEX_AGE_RT", "XLU_XLU1_SEX_AGE_RT"]]


# --- definitions ---------------------------------------------------------------------------------


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
        ("EIP_NEET_SEX_CBR_RT", "youth_neet", "youth"),
        ("XTU_TTRU_SEX_CCT_RT", "time_related_underemployed", "employed"),
        ("XIF_XIEM_SEX_CBR_RT", "informal_employment", "employed"),
        ("XIF_XIFS_SEX_CCT_RT", "informal_sector", "employed"),
        ("XSH_FORE_SEX_ECO_RT", "foreign_born_employed", "employed"),
        ("XSH_NCTE_SEX_STE_RT", "non_citizen_employed", "employed"),
        ("XDB_TEAP_SEX_AGE_RT", "labour_force", "working_age"),
        ("XDC_XIEM_SEX_RT", "informal_employment", "employed"),
        ("XCH_TUNE_SEX_AGE_CBR_RT", "unemployed", "labour_force"),
        ("XCH_TUNE_SEX_AGE_CBR_NB", "unemployed", None),
    ],
)
def test_rates_and_what_they_are_rates_of(name, universe, denominator):
    assert (INDICATORS[name].universe, INDICATORS[name].denominator) == (universe, denominator)


def test_differences_compare_the_rates_that_are_published():
    """The rate of a difference is that of MST, of LU2 to LU4 or of informal employment."""
    rates = {
        name[4:8]: (indicator.universe, indicator.denominator)
        for name, indicator in INDICATORS.items()
        if indicator.measure == "rate" and name[:3] in ("MST", "XLU", "XIF")
    }
    for rep, contrast in (("XDB", "place_of_birth"), ("XDC", "citizenship_status")):
        found = {name: INDICATORS[name] for name in of_measure(f"{rep}_")}
        assert {indicator.contrast for indicator in found.values()} == {contrast}
        measures = ("TEAP", "TEMP", "TUNE", "TEIP", "XLU2", "XLU3", "XLU4", "XIEM")
        assert set(found) == {f"{rep}_{one}_{by}_RT" for one in measures for by in ("SEX", "SEX_AGE", "SEX_EDU")}
        for name, indicator in found.items():
            assert (indicator.universe, indicator.denominator) == rates[name[4:8]]


def test_changes_are_of_the_main_counts_and_rates():
    counts = {f"XCH_{one}_SEX_AGE_{by}_NB" for one in ("XWAP", "TEAP", "TEMP", "TUNE", "TEIP") for by in ("CBR", "CCT")}
    rates = {f"XCH_{one}_SEX_AGE_{by}_RT" for one in ("TEAP", "TEMP", "TUNE", "TEIP") for by in ("CBR", "CCT")}
    assert of_measure("XCH_") == counts | rates
    for name in counts | rates:
        changed, level = INDICATORS[name], INDICATORS[name.replace("XCH", "MST")]
        for key in ("universe", "denominator", "unit_measure", "unit_mult", "decimals", "time_rule", "needs"):
            assert getattr(changed, key) == getattr(level, key), (name, key)


def test_pay():
    pay = {
        "EARA": ("mean", "monthly_earnings"),
        "EARB": ("median", "monthly_earnings"),
        "HERA": ("mean", "hourly_earnings"),
        "HERB": ("median", "hourly_earnings"),
    }
    for code, (statistic, quantity) in pay.items():
        for name in of_measure(f"MST_{code}_") | of_measure(f"XPY_{code}_"):
            assert (INDICATORS[name].measure, INDICATORS[name].quantity) == (statistic, quantity)
        for rep in ("XGB", "XGC"):
            gap = INDICATORS[f"{rep}_{code}_SEX_RT"]
            assert (gap.measure, gap.statistic, gap.quantity) == ("gap", statistic, quantity)
    weighted = [INDICATORS[f"{rep}_HERW_SEX_RT"] for rep in ("XGB", "XGC")]
    assert {(one.measure, one.quantity, one.factor) for one in weighted} == {
        ("factor_gap", "hourly_earnings", "pay_group")
    }
    assert {one.contrast for one in weighted} == set(CONTRASTS)
    every = [indicator for indicator in INDICATORS.values() if indicator.quantity]
    assert len(every) == 12 + 12 + 8 + 2
    assert {(one.universe, one.weight) for one in every} == {("employees", "earnings_weight")}
    assert all("earnings_weight" not in one.needs for one in every)
    assert all(one.quantity in one.needs for one in every)


def test_nationals_abroad_are_counted_among_absentees():
    universes = {
        "MNA_TPOP": ("absentees", "nationals_abroad", "average"),
        "MNA_OPOP": ("absentees", "outflow_of_nationals", "flow"),
        "MNA_OEMP": ("absentees", "outflow_for_employment", "flow"),
        "MNA_XRET": ("persons", "returned_citizens", "flow"),
    }
    for name in of_measure("MNA_"):
        indicator = INDICATORS[name]
        assert (indicator.relation, indicator.universe, indicator.time_rule) == universes[name[:8]]
        assert indicator.is_lower_bound
    net = INDICATORS["XMW_NETN_SEX_AGE_NB"]
    assert (net.universe, net.subtrahend) == ("returned_citizens", "outflow_of_nationals")
    assert "is_returned_citizen" in net.needs
    assert "is_recent_outflow" in net.absentee_needs
    assert INDICATORS["MNA_OPOP_SEX_CDS_NB"].absentee_needs == (
        "citizenship_status",
        "country_of_residence",
        "is_recent_outflow",
        "is_working_age",
        "residence_status",
        "sex",
        "weight",
    )


def test_what_is_a_lower_bound():
    found = {name[:8] for name, indicator in INDICATORS.items() if indicator.is_lower_bound}
    assert found == {"MNA_TPOP", "MNA_OPOP", "MNA_OEMP", "MNA_XRET", "XNA_TPOP", "XNA_OPOP", "XDW_DOMW"}


@pytest.mark.parametrize(
    ("rep", "column", "rule"),
    [
        ("XIC", "is_inflow_calendar_year", "year_before"),
        ("XIT", "is_inflow_twelve_months", "average"),
        ("XIY", "is_inflow_residence_one_year_ago", "average"),
        ("XIP", "is_inflow_reference_period", "sum"),
    ],
)
def test_each_definition_of_a_recent_inflow_has_tables_of_its_own(rep, column, rule):
    expected = {f"{rep}_{who}_SEX_{by}_NB" for who in ("FORB", "NCIT") for by in ("AGE", "REA")}
    assert of_measure(f"{rep}_") == expected
    for name in expected:
        indicator = INDICATORS[name]
        assert indicator.time_rule == rule
        assert {need for need in indicator.needs if "inflow" in need} == {column}


def test_flows_by_the_first_definition_are_resolved_by_the_survey():
    for name in of_measure("MFL_"):
        assert INDICATORS[name].time_rule == "flow"
        assert "is_recent_inflow" in INDICATORS[name].needs


@pytest.mark.parametrize(
    ("name", "versions", "column"),
    [
        ("MST_TEMP_SEX_AGE_CBR_NB", AGES, "age_band"),
        ("MST_FORP_SEX_CBR_NB", ("CBR_BRT",), "country_of_birth"),
        ("MNA_TPOP_SEX_CRS_NB", ("CRS_RES",), "country_of_residence"),
        ("MNA_OEMP_SEX_CDS_NB", ("CDS_DES",), "country_of_residence"),
        ("XMW_RWAB_SEX_CDS_NB", ("CDS_DES",), "country_of_work"),
        ("XMW_RIMW_SEX_CPR_NB", ("CPR_PRV",), "country_of_work_abroad"),
        ("XMW_FWFB_SEX_CPR_NB", ("CPR_PRV",), "country_of_previous_residence"),
        ("XMW_RIMW_SEX_DAB_NB", ("DAB_BANDS",), "work_abroad_band"),
        ("XNA_OPOP_SEX_REA_NB", ("REA_MIGR",), "departure_reason"),
        ("XIT_FORB_SEX_REA_NB", ("REA_MIGR",), "migration_reason"),
        ("XMW_ALNC_SEX_RES_NB", ("RES_STATUS",), "residence_status"),
    ],
)
def test_the_first_dimension(name, versions, column):
    assert (INDICATORS[name].classif1_versions, INDICATORS[name].classif1_concept) == (versions, column)


def test_what_is_for_self_declared_status():
    found = {name for name, indicator in INDICATORS.items() if indicator.is_self_declared}
    assert found == {"XSD_TUNE_SEX_AGE_NB", "XSD_TUNE_SEX_AGE_CBR_NB", "XSD_TUNE_SEX_AGE_CCT_NB"}


def test_units_decimals_and_time():
    units = {
        "MST_TEMP_SEX_AGE_CBR_NB": ("PS", 3, 3, "average"),
        "MST_TEMP_SEX_AGE_CBR_RT": ("PT", 0, 3, "recompute"),
        "MST_EARA_SEX_CBR_NB": ("LC", 0, 2, "weighted_mean"),
        "XPY_HERB_SEX_CCT_NB": ("LC", 0, 2, "weighted_mean"),
        "XGB_EARA_SEX_RT": ("PT", 0, 3, "recompute"),
        "XDC_TUNE_SEX_RT": ("PT", 0, 3, "recompute"),
        "XCH_TEMP_SEX_AGE_CCT_NB": ("PS", 3, 3, "average"),
        "XCH_TEMP_SEX_AGE_CCT_RT": ("PT", 0, 3, "recompute"),
        "XMW_NETN_SEX_NB": ("PS", 3, 3, "flow"),
        "MFL_FPOP_SEX_CBR_NB": ("PS", 3, 3, "flow"),
    }
    for name, expected in units.items():
        one = INDICATORS[name]
        assert (one.unit_measure, one.unit_mult, one.decimals, one.time_rule) == expected
    assert {INDICATORS[name].display_decimals for name in of_measure("MNA_")} == {0}


def test_what_a_survey_must_collect():
    assert INDICATORS["MST_TEMP_SEX_OCU_CBR_NB"].needs == (
        "exclusion",
        "is_working_age",
        "labour_force_status",
        "occupation",
        "place_of_birth",
        "residence_status",
        "sex",
    )
    assert set(INDICATORS["XGB_HERW_SEX_RT"].needs) >= {"hourly_earnings", "pay_group", "place_of_birth"}
