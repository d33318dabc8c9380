"""How the catalogue's indicators and code lists are named once they are published.

Here belong agencies, titles, dataflows and dimensions, and how a test extract is marked. The lists
themselves are data of `schemas`; nothing here reads a file.
"""

from collections.abc import Mapping

from schemas.codes import CodeList
from schemas.indicators import Indicator

ILO, ILMS, SDMX = "ILO", "ILMS", "SDMX"
LANGUAGES = ("en", "fr", "es")
TEST_AREAS = ("XAA", "XBB")
TWIN_SUFFIX = "_SE"
TEST_NOTE = "ILMS:TEST"
WITHDRAWN_NOTE = "ILMS:WITHDRAWN"
WITHDRAWN_LABEL = {
    "en": "Withdrawn after publication",
    "fr": "Retirée après publication",
    "es": "Retirada tras publicarse",
}
TEST_TITLE = {
    "en": "TEST EXTRACT - not a national statistic",
    "fr": "TEST EXTRACT (extrait d'essai) - pas une statistique nationale",
    "es": "TEST EXTRACT (extracto de prueba) - no es una estadística nacional",
}

CLASSIFICATION_TYPES = ("AGE", "EDU", "ECO", "OCU", "STE", "CBR", "CCT", "CRS", "CDS", "CPR")


def dimension_columns(indicator: Indicator) -> dict[str, str]:
    """Dimension id -> column of the estimates, in the order of the data structure."""
    classifs = iter(("classif1", "classif2"))
    return {dimension: "sex" if dimension == "SEX" else next(classifs) for dimension in indicator.dimensions}


def lists_of_type(code_lists: Mapping[str, CodeList], kind: str) -> list[CodeList]:
    """All versions of one classification type, in the catalogue's order."""
    return [codes for codes in code_lists.values() if codes.type == kind]


def is_test_code(code: str) -> bool:
    """Whether a code stands for a test area, in the list of areas or in a classification by country."""
    return code.rsplit("_", 1)[-1] in TEST_AREAS


def marked(title: Mapping[str, str], *, is_test: bool) -> dict[str, str]:
    """Title in each language; a test extract says so first."""
    return {
        language: f"{TEST_TITLE[language]}: {title[language]}" if is_test else title[language] for language in LANGUAGES
    }


def twin_title(title: Mapping[str, str]) -> dict[str, str]:
    """Title of the dataflow that holds an indicator's standard errors."""
    ends = {"en": "standard error", "fr": "erreur type", "es": "error estándar"}
    return {language: f"{title[language]} - {ends[language]}" for language in LANGUAGES}


def dataflow_reference(indicator: Indicator, *, is_twin: bool = False) -> str:
    """Dataflow as SDMX-CSV names it, e.g. ILO:DF_MST_XWAP_SEX_AGE_CBR_NB(1.0)."""
    if is_twin:
        return f"{ILMS}:{indicator.dataflow}{TWIN_SUFFIX}(1.0)"
    return f"{indicator.agency}:{indicator.dataflow}(1.0)"
