"""Tables that disagree, and the one identity that must then be named."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

Change = Callable[[pd.DataFrame], pd.Series]
TEMP_CBR, TEMP_CCT = "MST_TEMP_SEX_AGE_CBR_NB", "MST_TEMP_SEX_AGE_CCT_NB"
ADDED = "items add up to the total"
GROUPS = "groups of countries are the sums of their members"


def of(*ids: str) -> Change:
    """Rows of some indicators."""
    return lambda frame: frame["indicator"].isin(ids)


def with_item(column: str, *items: str) -> Change:
    """Rows of some items."""
    return lambda frame: frame[column].isin(items)


@dataclass(frozen=True)
class Case:
    """Tables, what is multiplied in them, and the identity that must then be named."""

    ids: tuple[str, ...]
    rows: Change
    name: str
    factor: float = 1 + 1e-6


#: A whole table is changed, so that what holds within it still holds.
TABLE_CASES = {
    "unemployed": Case(
        ("EAP_TEAP_SEX_AGE_NB", "EMP_TEMP_SEX_AGE_NB", "UNE_TUNE_SEX_AGE_NB"),
        of("UNE_TUNE_SEX_AGE_NB"),
        "labour_force = employed + unemployed",
    ),
    "employed by birth": Case(
        ("MST_TEAP_SEX_EDU_CBR_NB", "MST_TEMP_SEX_EDU_CBR_NB", "MST_TUNE_SEX_EDU_CBR_NB"),
        of("MST_TEMP_SEX_EDU_CBR_NB"),
        "labour_force = employed + unemployed",
    ),
    "self-declared": Case(
        ("EAP_TEAP_SEX_AGE_NB", "EMP_TEMP_SEX_AGE_NB", "XSD_TUNE_SEX_AGE_NB"),
        of("XSD_TUNE_SEX_AGE_NB"),
        "labour_force = employed + self_declared_unemployed",
    ),
    "outside": Case(
        ("MST_XWAP_SEX_AGE_CCT_NB", "MST_TEAP_SEX_AGE_CCT_NB", "MST_TEIP_SEX_AGE_CCT_NB"),
        of("MST_XWAP_SEX_AGE_CCT_NB"),
        "working_age = labour_force + outside_labour_force",
    ),
    "birth and citizenship": Case((TEMP_CBR, TEMP_CCT), of(TEMP_CCT), "employed: every table agrees"),
    "with and without migration": Case(
        ("EMP_TEMP_SEX_ECO_NB", "MST_TEMP_SEX_ECO_CBR_NB"),
        of("EMP_TEMP_SEX_ECO_NB"),
        "employed: every table agrees",
    ),
    "rates of two tables": Case(
        ("UNE_DEAP_SEX_AGE_RT", "XLU_XLU1_SEX_CBR_RT"),
        of("XLU_XLU1_SEX_CBR_RT"),
        "unemployed / labour_force: every table agrees",
    ),
    "foreign-born": Case(
        ("MST_XWAP_SEX_AGE_CBR_NB", "MST_FORP_SEX_CBR_NB"),
        of("MST_FORP_SEX_CBR_NB"),
        "foreign_born_population = working_age, CBR_BIR_FOREIGN",
    ),
    "foreign-born employed": Case(
        (TEMP_CBR, "MST_FORE_SEX_CBR_NB"),
        of("MST_FORE_SEX_CBR_NB"),
        "foreign_born_employed = employed, CBR_BIR_FOREIGN",
    ),
    "non-citizens": Case(
        ("MST_XWAP_SEX_EDU_CCT_NB", "MST_NCTP_SEX_CCT_NB"),
        of("MST_NCTP_SEX_CCT_NB"),
        "non_citizen_working_age = working_age, CCT_CIT_NONCIT",
    ),
    "non-citizens employed": Case(
        ("MST_TEMP_SEX_STE_CCT_NB", "MST_NCTE_SEX_CCT_NB"),
        of("MST_NCTE_SEX_CCT_NB"),
        "non_citizen_employed = employed, CCT_CIT_NONCIT",
    ),
    "migrant workers": Case(
        ("MST_TEAP_SEX_AGE_CBR_NB", "XMW_LFFB_SEX_AGE_NB"),
        of("XMW_LFFB_SEX_AGE_NB"),
        "migrant_workers_by_birth = labour_force, CBR_BIR_FOREIGN",
    ),
    "migrant workers by citizenship": Case(
        ("MST_TEAP_SEX_AGE_CCT_NB", "XMW_LFNC_SEX_AGE_NB"),
        of("XMW_LFNC_SEX_AGE_NB"),
        "migrant_workers_by_citizenship = labour_force, CCT_CIT_NONCIT",
    ),
    "migrant workers by status": Case(
        (TEMP_CBR, "XMW_LFFB_SEX_AGE_LMS_NB"),
        of(TEMP_CBR),
        "migrant_workers_by_birth = employed, at their items",
    ),
    "usual residents among those listed": Case(
        ("POP_XWAP_SEX_AGE_NB", "XRS_LIST_SEX_RES_NB"),
        of("POP_XWAP_SEX_AGE_NB"),
        "listed_working_age = working_age, at their items",
    ),
    "category (a) by birth": Case(
        ("XMW_LFFB_SEX_AGE_NB", "XMW_ALFB_SEX_RES_NB"),
        of("XMW_LFFB_SEX_AGE_NB"),
        "migrant_workers_by_birth = all_migrant_workers_by_birth, at their items",
    ),
    "category (a) by citizenship": Case(
        ("XMW_LFNC_SEX_AGE_NB", "XMW_ALNC_SEX_RES_NB"),
        of("XMW_LFNC_SEX_AGE_NB"),
        "migrant_workers_by_citizenship = all_migrant_workers_by_citizenship, at their items",
    ),
    "category (b), by birth": Case(
        ("XMW_NRFW_SEX_AGE_NB", "XMW_ALFB_SEX_RES_NB"),
        of("XMW_NRFW_SEX_AGE_NB"),
        "all_migrant_workers_by_birth = non_resident_foreign_workers, at their items",
    ),
    "category (b), by citizenship": Case(
        ("XMW_NRFW_SEX_AGE_NB", "XMW_ALNC_SEX_RES_NB"),
        of("XMW_NRFW_SEX_AGE_NB"),
        "all_migrant_workers_by_citizenship = non_resident_foreign_workers, at their items",
    ),
    "unemployment rate": Case(
        ("EAP_TEAP_SEX_AGE_NB", "UNE_TUNE_SEX_AGE_NB", "UNE_DEAP_SEX_AGE_RT"),
        of("UNE_DEAP_SEX_AGE_RT"),
        "unemployed / labour_force: rate = 100 x numerator / denominator",
    ),
    "rate by citizenship": Case(
        ("MST_XWAP_SEX_AGE_CCT_NB", "MST_TEIP_SEX_AGE_CCT_NB", "MST_TEIP_SEX_AGE_CCT_RT"),
        of("MST_TEIP_SEX_AGE_CCT_RT"),
        "outside_labour_force / working_age: rate = 100 x numerator / denominator",
    ),
    "rate without counts of its numerator": Case(
        ("MST_TEAP_SEX_AGE_CBR_NB", "MST_TUNE_SEX_AGE_CBR_NB", "XTU_TTRU_SEX_CBR_NB", "XLU_XLU2_SEX_CBR_RT"),
        of("XLU_XLU2_SEX_CBR_RT"),
        "underused_lu2 / labour_force: rate = 100 x numerator / denominator",
    ),
    "rate without counts of either side": Case(
        ("MST_TEAP_SEX_AGE_CBR_NB", "MST_TUNE_SEX_AGE_CBR_NB", "XPL_XPLF_SEX_CBR_NB", "XLU_XLU3_SEX_CBR_RT"),
        of("XLU_XLU3_SEX_CBR_RT"),
        "underused_lu3 / extended_labour_force: rate = 100 x numerator / denominator",
    ),
    "LU4": Case(
        (
            *("MST_TEAP_SEX_AGE_CCT_NB", "MST_TUNE_SEX_AGE_CCT_NB", "XTU_TTRU_SEX_CCT_NB", "XPL_XPLF_SEX_CCT_NB"),
            "XLU_XLU4_SEX_CCT_RT",
        ),
        of("XLU_XLU4_SEX_CCT_RT"),
        "underused_lu4 / extended_labour_force: rate = 100 x numerator / denominator",
    ),
    "migrant share": Case(
        ("MST_TEMP_SEX_OCU_CBR_NB", "XSH_FORE_SEX_OCU_RT"),
        of("XSH_FORE_SEX_OCU_RT"),
        "foreign_born_employed / employed: rate = 100 x numerator / denominator",
    ),
    "difference": Case(
        ("MST_TUNE_SEX_AGE_CBR_RT", "XDB_TUNE_SEX_AGE_RT"),
        of("XDB_TUNE_SEX_AGE_RT"),
        "difference of unemployed / labour_force by place_of_birth = migrants - natives",
    ),
    "pay gap": Case(
        ("MST_EARA_SEX_CCT_NB", "XGC_EARA_SEX_RT"),
        of("XGC_EARA_SEX_RT"),
        "gap of mean monthly_earnings of employees by citizenship_status = 100 x (natives - migrants) / natives",
    ),
    "earnings of everybody": Case(
        ("MST_EARA_SEX_CBR_NB", "MST_EARA_SEX_CCT_NB"),
        of("MST_EARA_SEX_CCT_NB"),
        "mean monthly_earnings of employees: every table agrees",
    ),
    "net flow": Case(
        ("MNA_XRET_SEX_CPR_NB", "MNA_OPOP_SEX_CDS_NB", "XMW_NETN_SEX_NB"),
        of("XMW_NETN_SEX_NB"),
        "net flow = returned_citizens - outflow_of_nationals of absentees",
    ),
}
#: Cells of one table are changed.
CELL_CASES = {
    "sex": Case((TEMP_CBR,), with_item("sex", "SEX_M"), f"sex: {ADDED}", 0.9),
    "birth": Case((TEMP_CBR,), with_item("classif2", "CBR_BIR_X"), f"place_of_birth: {ADDED}"),
    "citizenship": Case((TEMP_CCT,), with_item("classif2", "CCT_CIT_TOTAL"), f"citizenship_status: {ADDED}"),
    "age": Case(
        ("EMP_TEMP_SEX_AGE_NB",),
        with_item("classif1", "AGE_AGGREGATE_TOTAL", "AGE_10YRBANDS_TOTAL", "AGE_YTHADULT_YGE15"),
        f"age_band: {ADDED}",
    ),
    "country": Case(("MST_FORP_SEX_CBR_NB",), with_item("classif1", "CBR_BRT_TOTAL"), f"country_of_birth: {ADDED}"),
    "subregion": Case(("MST_FORP_SEX_CBR_NB",), with_item("classif1", "CBR_BRT_X55"), f"country_of_birth: {GROUPS}"),
    "region": Case(("MST_FORP_SEX_CBR_NB",), with_item("classif1", "CBR_BRT_X40"), f"country_of_birth: {GROUPS}"),
    "status": Case(
        ("EMP_TEMP_SEX_STE_NB",),
        with_item("classif1", "STE_ICSE93_6", "STE_AGGREGATE_X"),
        f"status_in_employment: {ADDED}",
    ),
    "versions": Case(("EMP_TEMP_SEX_AGE_NB",), with_item("classif1", "AGE_YTHADULT_Y15-64"), "", 0.5),
}
