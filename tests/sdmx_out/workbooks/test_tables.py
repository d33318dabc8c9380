"""The tables that workbooks have: those of the questionnaire and of the ASEAN model, and words in three languages."""

import string

import pytest

from schemas.codes import load_code_lists
from schemas.indicators import Criterion, load_indicators
from sdmx_out.workbooks.tables import Collection, load_tables, load_words

#: What ILO asks countries, without the criteria; countries are asked by one of them.
ASKED = {
    *("MST_XWAP_SEX_AGE", "MST_XWAP_SEX_EDU", "MST_TEMP_SEX_AGE", "MST_TEMP_SEX_ECO", "MST_TEMP_SEX_OCU"),
    *("MST_TEMP_SEX_STE", "MST_TUNE_SEX_AGE", "MST_EARA_SEX", "MST_EARB_SEX"),
}
ONCE = {
    *("MST_FORP_SEX_CBR_NB", "MST_FORE_SEX_CBR_NB", "MST_NCTP_SEX_CCT_NB", "MST_NCTE_SEX_CCT_NB"),
    *("MFL_FPOP_SEX_CBR_NB", "MFL_FWAP_SEX_EDU_NB", "MFL_FEMP_SEX_ECO_NB", "MFL_FEMP_SEX_OCU_NB"),
    *("MFL_NCIT_SEX_CCT_NB", "MFL_NWAP_SEX_EDU_NB", "MFL_NEMP_SEX_ECO_NB", "MFL_NEMP_SEX_OCU_NB"),
    *("MNA_TPOP_SEX_CRS_NB", "MNA_OPOP_SEX_CDS_NB", "MNA_OEMP_SEX_CDS_NB", "MNA_OEMP_SEX_EDU_NB"),
    *("MNA_OEMP_SEX_ECO_NB", "MNA_OEMP_SEX_OCU_NB", "MNA_XRET_SEX_CPR_NB"),
}


def test_the_questionnaire_has_its_37_tables() -> None:
    tables = load_tables("ilms")
    wanted = {f"{name}_{criterion}_NB" for name in ASKED for criterion in ("CBR", "CCT")} | ONCE
    assert len(tables) == 37
    assert {table.code for table in tables.values()} == wanted
    assert list(tables)[:2] == ["T01", "T02"]
    versions = {table.code: table.versions for table in tables.values()}
    assert versions["MST_TEMP_SEX_ECO_CBR_NB"] == ("ECO_AGGREGATE", "ECO_SECTOR"), "with its fall-back"
    assert versions["MST_XWAP_SEX_AGE_CBR_NB"] == ("AGE_AGGREGATE",)


def test_the_asean_model_has_its_three_modules() -> None:
    sections = [table.section for table in load_tables("asean").values()]
    assert [sections.count(module) for module in ("module_a", "module_b", "module_c")] == [12, 4, 7]
    missing = {table.code: table.not_covered for table in load_tables("asean").values() if table.not_covered}
    assert missing == {"MST_TPOP_SEX_MIG_NB": "all_ages"}


@pytest.mark.parametrize("collection", ["ilms", "asean"])
@pytest.mark.parametrize("criterion", ["birth", "citizenship"])
def test_every_table_is_made_of_what_there_is(collection: Collection, criterion: Criterion) -> None:
    indicators, lists, words = load_indicators(), load_code_lists(), load_words()
    for name, table in load_tables(collection).items():
        assert {table.section, *table.caveats, *([table.not_covered] if table.not_covered else [])} <= set(words), name
        assert {table.named(indicators, language) for language in ("en", "fr", "es")} != {""}
        source = table.source(criterion)
        assert (source is None) == (table.not_covered is not None), name
        if source is None:
            continue
        of = indicators[source]
        assert set(table.versions) <= set(lists), name
        assert set(table.versions) & set(of.classif1_versions), f"{name} shows a version of {source}"
        if criterion == "birth" and table.birth:
            assert "citizenship" not in of.criteria, name


def test_words_are_whole_and_differ() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, texts in load_words().items():
        assert len({frozenset(fields(text)) for text in texts.values()}) == 1, f"{key} fills in the same everywhere"
        assert all(text == text.strip() for text in texts.values()), key
        if len(texts["en"]) > 12 and not texts["en"].startswith("{"):
            assert texts["en"] not in (texts["fr"], texts["es"]), f"{key} is not translated"


def test_every_question_that_a_table_needs_has_words() -> None:
    plain = {"exclusion", "is_working_age", "sex", "weight"}
    for table in load_tables("ilms").values():
        of = load_indicators()[table.code]
        missing = {f"needs_{name}" for name in {*of.needs, *of.absentee_needs} - plain} - set(load_words())
        assert missing == set(), table.code
