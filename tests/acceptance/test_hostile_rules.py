"""A specification from outside cannot do anything but compare and compute: hostile rules are refused by place."""

import csv
import shutil
from pathlib import Path

import pytest

from schemas.errors import SpecError
from schemas.survey_spec import BUILT_IN, load_survey

RULES = "rules/job_search.csv"
HOSTILE = {
    "file_read": "read_csv('/etc/passwd') IS NULL",
    "file_text": "read_text('/etc/passwd') = ''",
    "file_as_table": "B01_BUSCO IN (SELECT column0 FROM '/etc/passwd')",
    "glob": "glob('/*') IS NULL",
    "environment": "getenv('HOME') = ''",
    "setting": "current_setting('temp_directory') = ''",
    "query_function": "query('SELECT 1') IS NULL",
    "subquery": "(SELECT 1) = 1",
    "exists": "EXISTS (SELECT 1)",
    "in_subquery": "B01_BUSCO IN (SELECT '1')",
    "second_statement": "TRUE; DROP TABLE work",
    "second_statement_attach": "TRUE; ATTACH 'x.db'",
    "copy": "TRUE; COPY work TO 'x.csv'",
    "line_comment": "TRUE -- and more",
    "block_comment": "TRUE /* and more */",
    "cast_function": "CAST(B01_BUSCO AS INTEGER) = 1",
    "cast_operator": "B01_BUSCO::INTEGER = 1",
    "try_cast": "TRY_CAST(B01_BUSCO AS INTEGER) = 1",
    "star": "*",
    "qualified_star": "work.*",
    "columns": "COLUMNS(*) = '1'",
    "count_star": "COUNT(*) > 1",
    "aggregate": "max(B01_BUSCO) = '1'",
    "window": "row_number() OVER () = 1",
    "lambda": "list_filter([1], x -> TRUE) IS NULL",
    "new_lambda": "list_transform([1], lambda x: x) IS NULL",
    "list": "[B01_BUSCO] IS NULL",
    "slice": "B01_BUSCO[1:2] = '1'",
    "index": "B01_BUSCO[1] = '1'",
    "struct": "{'a': 1} IS NULL",
    "map": "MAP {'a': 1} IS NULL",
    "placeholder": "B01_BUSCO = ?",
    "numbered_placeholder": "B01_BUSCO = $1",
    "named_placeholder": "B01_BUSCO = :name",
    "collate": "B01_BUSCO COLLATE NOCASE = '1'",
    "like": "B01_BUSCO LIKE '%'",
    "regular_expression": "regexp_matches(B01_BUSCO, '(a+)+$')",
    "other_table": "raw_extract.B01_BUSCO = '1'",
    "information_schema": "information_schema.tables IS NULL",
    "unknown_variable": "PASSWORD = '1'",
    "unlimited_division": "1 / 0 = 1",
    "repeat": "repeat('a', 1000000000) = ''",
    "range": "range(1000000000) IS NULL",
    "random": "random() > 0",
    "now": "now() IS NULL",
    "error": "error('x') IS NULL",
    "interval": "INTERVAL 1 DAY IS NULL",
    "text_with_number": "B01_BUSCO = 1",
    "brackets": "(" * 10_000 + "TRUE" + ")" * 10_000,
    "union": "TRUE UNION SELECT 1",
}


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("specs") / "XAA" / "LFS"
    shutil.copytree(BUILT_IN / "XAA" / "LFS", folder)
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_rule_is_refused_with_file_and_row(survey: Path, name: str) -> None:
    path = survey / RULES
    original = path.read_text(encoding="utf-8")
    rows = list(csv.reader(original.splitlines()))
    rows[2][1] = HOSTILE[name]
    try:
        with path.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows(rows)
        with pytest.raises(SpecError) as refused:
            load_survey(survey)
    finally:
        path.write_text(original, encoding="utf-8")
    (problem,) = refused.value.problems
    assert (problem.file, problem.row) == (f"XAA/LFS/{RULES}", 3)
    assert problem.rule.startswith("EXPRESSION_")
    assert problem.remedy


def test_the_specification_passes_without_them(survey: Path) -> None:
    assert len(HOSTILE) >= 40
    load_survey(survey)
