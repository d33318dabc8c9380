"""Contracts of the tables: what a row may not be is found, counted by row, and never quoted."""

import polars as pl
import pytest
from pandera.errors import SchemaErrors

from pipelines.checks import contract_findings
from schemas.codes import load_code_lists
from schemas.concepts import load_concepts
from schemas.contracts import harmonised_persons_contract, raw_extract_contract, round_estimates_contract
from schemas.indicators import load_indicators

TYPES = {"code": pl.String, "text": pl.String, "number": pl.Float64, "boolean": pl.Boolean}
CONCEPTS = load_concepts()
LISTS = load_code_lists()

PERSON = {
    "row_number": 1.0, "weight": 100.0, "sex": "SEX_F", "age": 30.0, "is_working_age": True,
    "has_arrived_from_abroad": False, "arrival_year": None, "worked_one_hour": True,
    "own_use_production_only": False, "absent_from_job": False, "absence_reason": None, "absence_months": None,
    "job_search": None, "labour_force_status": "LMS_STATUS_EMP", "labour_force_rule": "EMP_AT_WORK",
    "occupation": "OCU_ISCO08_5", "region": "7",
}  # fmt: skip


def persons(*changes):
    """A table of persons who differ from one who works."""
    rows = [PERSON | {"row_number": float(number)} | change for number, change in enumerate(changes, start=1)]
    return pl.DataFrame(rows, schema={name: TYPES[CONCEPTS[name].kind] for name in PERSON})


def contract(columns=tuple(PERSON)):
    return harmonised_persons_contract(columns, CONCEPTS, LISTS, {"occupation": "OCU_ISCO08"})


def findings(tmp_path, frame, schema=None):
    file = tmp_path / "data.parquet"
    frame.write_parquet(file)
    return contract_findings("harmonised_persons", file, schema or contract(tuple(frame.columns)))


OUT_OF_WORK = {"worked_one_hour": False, "labour_force_status": "LMS_STATUS_UNE", "job_search": True,
               "labour_force_rule": "UNE_SEEKING_AVAILABLE", "occupation": None}  # fmt: skip
CHILD = {"is_working_age": False, "worked_one_hour": None, "own_use_production_only": None, "absent_from_job": None,
         "labour_force_status": None, "labour_force_rule": None, "occupation": None, "age": 9.0}  # fmt: skip
ON_LEAVE = {"worked_one_hour": False, "absent_from_job": True, "absence_reason": "ABS_VACATION",
            "labour_force_rule": "EMP_ABSENT_BY_REASON"}  # fmt: skip
FARMS = {"worked_one_hour": True, "own_use_production_only": True}


def test_coherent_persons_pass(tmp_path):
    frame = persons({}, OUT_OF_WORK, CHILD, ON_LEAVE, ON_LEAVE | FARMS, {"sex": "_U", "age": None, "region": None})
    assert findings(tmp_path, frame) == []


@pytest.mark.parametrize(
    ("change", "rule", "concept"),
    [
        pytest.param({"occupation": None}, "SCOPE_NULL", "occupation", id="employed without occupation"),
        pytest.param(CHILD | {"occupation": "OCU_ISCO08_1"}, "SCOPE_EXTRA", "occupation", id="child with occupation"),
        pytest.param({"job_search": True}, "SCOPE_EXTRA", "job_search", id="employed who was asked of search"),
        pytest.param(OUT_OF_WORK | {"job_search": None}, "SCOPE_NULL", "job_search", id="search is missing"),
        pytest.param({"absence_reason": "ABS_CARE"}, "SCOPE_EXTRA", "absence_reason", id="at work with a reason"),
        pytest.param(ON_LEAVE | {"absence_reason": None}, "SCOPE_NULL", "absence_reason", id="absent without a reason"),
        pytest.param(
            ON_LEAVE | FARMS | {"absence_reason": None}, "SCOPE_NULL", "absence_reason", id="absent, farms for own use"
        ),
        pytest.param({"absence_months": 2.0}, "SCOPE_EXTRA", "absence_months", id="at work with a length of absence"),
        pytest.param({"arrival_year": 2010.0}, "SCOPE_EXTRA", "arrival_year", id="arrival of who never moved"),
        pytest.param({"sex": None}, "SCOPE_NULL", "sex", id="sex is missing"),
        pytest.param({"sex": "F"}, "CODE_INVALID", "sex", id="code of no list"),
        pytest.param({"occupation": "OCU_ISCO88_5"}, "CODE_INVALID", "occupation", id="code of another version"),
    ],
)
def test_failing_rows_are_counted_by_rule_and_concept(tmp_path, change, rule, concept):
    frame = persons({}, change, OUT_OF_WORK, change, change, ON_LEAVE)
    (found,) = findings(tmp_path, frame)
    assert (found.rule, found.concept, found.count) == (rule, concept, 3)


def test_several_rules_are_found_at_once(tmp_path):
    frame = persons({"sex": "9"}, {"sex": "9", "occupation": None}, {"job_search": False})
    found = {(item.rule, item.concept): item.count for item in findings(tmp_path, frame)}
    assert found == {("CODE_INVALID", "sex"): 2, ("SCOPE_NULL", "occupation"): 1, ("SCOPE_EXTRA", "job_search"): 1}


def test_findings_quote_no_value(tmp_path):
    frame = persons(*[{"sex": "SECRET-VALUE", "arrival_year": 1987654.0}] * 3)
    found = findings(tmp_path, frame)
    assert len(found) == 2
    for item in found:
        assert "SECRET" not in repr(item)
        assert "1987654" not in repr(item)


def test_rows_are_counted_over_all_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.checks.BATCH_VALUES", 200)
    (found,) = findings(tmp_path, persons(*[{}, {"occupation": None}] * 7))
    assert found.count == 7


def test_a_column_too_many_is_found(tmp_path):
    frame = persons({}).with_columns(extra=pl.lit("x"))
    found = findings(tmp_path, frame, contract())
    assert [item.rule for item in found] == ["CONTRACT"]


def test_a_declared_status_says_who_is_not_employed(tmp_path):
    columns = ["row_number", "is_working_age", "declared_labour_force_status", "labour_force_status", "job_search"]
    rows = [
        (1.0, True, "LMS_STATUS_EMP", "LMS_STATUS_EMP", None), (2.0, True, "LMS_STATUS_UNE", "LMS_STATUS_UNE", True),
        (3.0, True, "LMS_STATUS_UNE", "LMS_STATUS_UNE", None), (4.0, False, None, None, None),
    ]  # fmt: skip
    schema = {name: TYPES[CONCEPTS[name].kind] for name in columns}
    (found,) = findings(tmp_path, pl.DataFrame(rows, schema=schema, orient="row"))
    assert (found.rule, found.concept, found.count) == ("SCOPE_NULL", "job_search", 1)


# --- the other tables ----------------------------------------------------------------------------


def test_raw_extract_holds_text_and_row_numbers():
    schema = raw_extract_contract(["A", "b"])
    schema.validate(pl.DataFrame({"row_number": [1, 2], "A": ["x", None], "b": ["", "y"]}), lazy=True)
    for wrong in (
        {"row_number": [1, 1], "A": ["x", "y"], "b": ["", "y"]},
        {"row_number": [0, 1], "A": ["x", "y"], "b": ["", "y"]},
        {"row_number": [1, 2], "A": [1, 2], "b": ["", "y"]},
        {"row_number": [1, 2], "A": ["x", "y"]},
        {"row_number": [1, 2], "b": ["", "y"], "A": ["x", "y"]},
    ):
        with pytest.raises(SchemaErrors):
            schema.validate(pl.DataFrame(wrong), lazy=True)


ESTIMATE = {
    "indicator": "POP_XWAP_SEX_AGE_NB", "ref_area": "XAA", "survey": "XAA_LFS", "freq": "Q", "time": "2024-Q1",
    "sex": "SEX_T", "classif1": "AGE_AGGREGATE_TOTAL", "classif2": None, "value": 10.0, "se": 1.0, "lower": 8.0,
    "upper": 12.0, "cv": 0.1, "df": 20.0, "p_value": None, "n": 100, "n_numerator": 100, "n_households": 40,
    "n_psu": 30, "n_round": 100, "weight": 10_000.0, "dominance": None, "p_share": None, "status": "", "reason": "",
    "method": "Taylor linearisation",
}  # fmt: skip
COMPARISON = next(one.id for one in load_indicators().values() if one.is_comparison)
TEXTS = {"indicator", "ref_area", "survey", "freq", "time", "sex", "classif1", "classif2", "status", "reason", "method"}
WHOLE_NUMBERS = {"n", "n_numerator", "n_households", "n_psu", "n_round"}


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        pytest.param({}, [], id="valid"),
        pytest.param({"se": None, "lower": None, "upper": None, "cv": None, "df": None}, [], id="no design"),
        pytest.param({"lower": 11.0}, ["LIMITS"], id="lower limit above the value"),
        pytest.param({"upper": 9.0}, ["LIMITS"], id="upper limit below the value"),
        pytest.param({"value": -1.0, "lower": None, "upper": None}, ["VALUE_NEGATIVE"], id="below zero"),
        pytest.param(
            {"indicator": COMPARISON, "value": -1.0, "lower": -2.0, "upper": 0.5, "cv": None, "p_value": 0.2},
            [],
            id="a difference below zero",
        ),
        pytest.param(
            {"indicator": COMPARISON, "value": -1.0, "lower": -0.5, "upper": 0.5},
            ["LIMITS"],
            id="lower limit above a value below zero",
        ),
        pytest.param({"p_value": 1.5}, ["in_range"], id="no probability"),
        pytest.param({"classif1": "AGE_AGGREGATE_Y99"}, ["isin"], id="item of no list"),
        pytest.param({"status": "C"}, ["isin"], id="status of no cell here"),
    ],
)
def test_round_estimates(tmp_path, change, rules):
    kinds = {
        name: pl.String if name in TEXTS else pl.Int64 if name in WHOLE_NUMBERS else pl.Float64 for name in ESTIMATE
    }
    frame = pl.DataFrame([ESTIMATE | change], schema=kinds)
    found = findings(tmp_path, frame, round_estimates_contract(LISTS))
    assert [item.message.removeprefix("contract ") for item in found] == rules
    assert all((item.rule, item.count) == ("CONTRACT", 1) for item in found)


@pytest.mark.parametrize(
    ("status", "band", "attachment", "rules"),
    [
        pytest.param("LMS_STATUS_EMP", "HOW_BANDS_H00", None, [], id="employed"),
        pytest.param("LMS_STATUS_EIP", None, "DLMA_X", [], id="outside the labour force"),
        pytest.param("LMS_STATUS_UNE", None, None, [], id="unemployed"),
        pytest.param(None, None, None, [], id="without status"),
        pytest.param("LMS_STATUS_EMP", None, None, [("SCOPE_NULL", "hours_band")], id="employed without a band"),
        pytest.param("LMS_STATUS_UNE", "HOW_BANDS_X", None, [("SCOPE_EXTRA", "hours_band")], id="a band of no job"),
        pytest.param(
            "LMS_STATUS_EIP", None, None, [("SCOPE_NULL", "labour_market_attachment")], id="attachment is missing"
        ),
        pytest.param(
            "LMS_STATUS_UNE", None, "DLMA_WILLING", [("SCOPE_EXTRA", "labour_market_attachment")], id="unemployed, yet"
        ),
        pytest.param("LMS_STATUS_EMP", "HOW_BANDS_H01", None, [("CODE_INVALID", "hours_band")], id="no band"),
    ],
)
def test_codes_that_are_derived_keep_to_their_universe_too(tmp_path, status, band, attachment, rules):
    columns = ("row_number", "is_working_age", "labour_force_status", "hours_band", "labour_market_attachment")
    schema = {name: TYPES[CONCEPTS[name].kind] for name in columns}
    frame = pl.DataFrame([(1.0, True, status, band, attachment)], schema=schema, orient="row")
    found = findings(tmp_path, frame, harmonised_persons_contract(columns, CONCEPTS, LISTS, {}))
    assert [(item.rule, item.concept) for item in found] == rules
