import pytest

from schemas.edit_rules import load_edit_rules, read_edit_rules
from schemas.errors import SpecError

OF_THE_DESIGN = [
    "FILE_NOT_FOUND",
    "FILE_EMPTY",
    "FILE_FORMAT",
    "FILE_TRUNCATED",
    "FILE_ENCODING",
    "FILE_DELIMITER",
    "FILE_COLUMNS",
    "FILE_ROW_WIDTH",
    "FILE_ARCHIVE",
    "FILE_DUPLICATE_COLUMN",
    "VARIABLE_MISSING",
    "ROUND_EXISTS",
    "CODE_UNMAPPED",
    "MAPPING_UNUSED",
    "RULE_NONE_MET",
    "NUMBER_INVALID",
    "SCOPE_NULL",
    "SCOPE_EXTRA",
    "CODE_INVALID",
    "DUPLICATE_KEY",
    "WEIGHT_MISSING",
    "WEIGHT_NEGATIVE",
    "WEIGHT_ZERO",
    "PSU_BLANK",
    "STRATUM_BLANK",
    "LONELY_PSU",
    "ARRIVAL_BEFORE_BIRTH",
    "ARRIVAL_AFTER_PERIOD",
    "ARRIVAL_OF_NATIVE_BORN",
    "AGE_RANGE",
    "CORRECTION_COUNT",
    "UNKNOWN_SHARE_WARNING",
    "UNKNOWN_SHARE_STOP",
    "BENCHMARK",
    "WEIGHT_JUMP",
    "IDENTITY",
]


def test_every_rule_of_the_design_is_registered():
    assert set(OF_THE_DESIGN) - set(load_edit_rules()) == set()


def test_what_is_recorded_without_stopping_the_round():
    warnings = {rule.id for rule in load_edit_rules().values() if rule.severity == "warning"}
    assert warnings == {
        "MAPPING_UNUSED",
        "WEIGHT_ZERO",
        "WEIGHT_JUMP",
        "UNKNOWN_SHARE_WARNING",
        "ARRIVAL_BEFORE_BIRTH",
        "ARRIVAL_AFTER_PERIOD",
        "ARRIVAL_OF_NATIVE_BORN",
        "WEIGHTS_NOT_CALIBRATED",
        "CALIBRATION_EXTREME",
        "STOCK_RATIO",
        "PROXY_SHARE",
        "RESPONSE_RATE_LOW",
        "EARNINGS_RESPONSE",
        "DEPARTURE_IMPLAUSIBLE",
    }


RULE = """[PSU_BLANK]
severity = "error"
stage = "contract"
title = "A unit is blank"
remedy = "Correct the variable."
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"error"', '"fatal"'),
        ('"contract"', '"later"'),
        ('title = "A unit is blank"\n', ""),
        ('remedy = "Correct the variable."', 'remedy = ""'),
        ("[PSU_BLANK]", "[psu_blank]"),
        ("[PSU_BLANK]", "[PSU_BLANK]\nlevel = 1"),
    ],
)
def test_a_malformed_rule_is_refused(tmp_path, old, new):
    path = tmp_path / "edit_rules.toml"
    path.write_text(RULE.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match="edit_rules.toml, row 1: TOML_VALUE"):
        read_edit_rules(path)
