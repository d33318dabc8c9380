"""Columns of the sample design and of calibration: replicate weights, and cells of population totals."""

import duckdb
import polars as pl
import pytest

from pipelines.checks import contract_findings
from schemas.codes import load_code_lists
from schemas.concepts import load_concepts
from schemas.contracts import harmonised_persons_contract
from schemas.periods import Period
from schemas.survey_estimation import CalibrationMargin, CalibrationRow
from schemas.survey_spec import dictionary_of, load_survey
from tests.transforms.demo import BASE, SECTIONS, SEX_CODES
from transforms.harmonise import margin_cell_sql, plan, table_columns

CONCEPTS = load_concepts()
DESIGN = 'variance = "replicates"\n[design.replicates]\nmethod = "BRR"\nvariables = "R{1..2}"'
MARGINS = '[[calibration.margin]]\nname = "sexes"\nconcepts = ["sex"]\n'
LAYOUT = ("w", "s", "a", "R1", "R2")


@pytest.fixture
def survey(tmp_path):
    """Build a survey folder with a design; return its specification."""

    def make(design='variance = "none"', sections="", **files):
        concepts = "\n".join(f"{name} = {line}" for name, line in BASE.items())
        toml = SECTIONS.format(concepts=concepts, labour_force="", by_design="true")
        contents = {
            "survey.toml": toml.replace('variance = "none"', design) + sections,
            "NOTES.md": "# Demonstration\n",
            "layout.csv": "variable,label,start,width\n" + "".join(f"{name},,,\n" for name in LAYOUT),
            "codes/sex.csv": SEX_CODES,
        }
        for name, text in (contents | files).items():
            path = tmp_path / "XAA" / "DEMO" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return load_survey(tmp_path / "XAA" / "DEMO")

    return make


def work(spec, rows):
    """Harmonise raw rows; return a connection with ``work``, and the plan."""
    steps = plan(spec, dictionary_of(spec), Period.parse("2024-Q1"))
    connection = duckdb.connect()
    names = ", ".join(f"{name} VARCHAR" for name in LAYOUT)
    connection.execute(f"CREATE TABLE raw_extract (row_number BIGINT, {names})")
    for number, row in enumerate(rows, start=1):
        connection.execute("INSERT INTO raw_extract VALUES (?, ?, ?, ?, ?, ?)", [number, *row])
    connection.execute(f"CREATE VIEW work AS {steps.sql}")
    return connection, steps


def test_replicate_weights_are_numbers_beside_the_harmonised_columns(survey):
    connection, steps = work(
        survey(DESIGN),
        [("10", "1", "30", "20", " 0 "), ("10", "2", "8", "-1.50", ""), ("10", "2", "40", "1e3", None)],
    )
    assert steps.replicates == ("replicate_weight_1", "replicate_weight_2")
    assert not set(steps.replicates) & set(steps.columns)
    query = "SELECT replicate_weight_1, replicate_weight_2 FROM work ORDER BY row_number"
    assert connection.execute(query).fetchall() == [(20, 0), (-1.5, None), (None, None)]
    assert connection.execute("SELECT typeof(replicate_weight_2) FROM work").fetchone() == ("DOUBLE",)


def test_replicate_weights_keep_the_corrections_of_their_variable(survey):
    corrections = "where,set,expected_rows,reason,source\nR1 = '999',R1 = '12',1,Misprint,Report\n"
    connection, _ = work(survey(DESIGN, **{"corrections.csv": corrections}), [("10", "1", "30", "999", "8")])
    assert connection.execute("SELECT replicate_weight_1 FROM work").fetchone() == (12,)


def test_the_stored_table_and_its_contract_hold_what_the_survey_adds(survey, tmp_path):
    spec = survey(DESIGN)
    connection, steps = work(spec, [("10", "1", "30", "20", "0"), ("10", "2", "8", "5", "5")])
    assert table_columns(spec, steps) == (*steps.columns, "replicate_weight_1", "replicate_weight_2")
    file = tmp_path / "data.parquet"
    connection.execute(f"COPY (SELECT {', '.join(table_columns(spec, steps))} FROM work) TO '{file}'")
    contract = harmonised_persons_contract(table_columns(spec, steps), dictionary_of(spec), load_code_lists(), {})
    assert contract_findings("harmonised_persons", file, contract) == []
    damaged = pl.read_parquet(file).with_columns(replicate_weight_2=pl.lit(None, dtype=pl.Float64))
    damaged.write_parquet(file)
    (found,) = contract_findings("harmonised_persons", file, contract)
    assert (found.rule, found.concept, found.count) == ("SCOPE_NULL", "replicate_weight_2", 2)


def test_calibration_adds_the_weight_of_the_file_and_the_cells(survey, tmp_path):
    totals = "sex,period,total\nSEX_M,2024,60\nSEX_F,2024,40\n"
    spec = survey(sections=f"\n[calibration]\n{MARGINS}", **{"calibration/sexes.csv": totals})
    connection, steps = work(spec, [("10", "1", "30", "", ""), ("10", "2", "8", "", "")])
    columns = table_columns(spec, steps)
    assert columns == (*steps.columns, "original_weight", "calibration_sexes")
    cell = margin_cell_sql(spec.calibration.margins[0], Period.parse("2024-Q1"), dictionary_of(spec))
    added = f"SELECT *, weight AS original_weight, {cell} AS calibration_sexes FROM work"
    file = tmp_path / "data.parquet"
    connection.execute(f"COPY (SELECT {', '.join(columns)} FROM ({added})) TO '{file}'")
    contract = harmonised_persons_contract(columns, dictionary_of(spec), load_code_lists(), {})
    assert contract_findings("harmonised_persons", file, contract) == []
    assert pl.read_parquet(file)["calibration_sexes"].to_list() == ["SEX_M", "SEX_F"]


def test_cells_of_several_concepts():
    rows = [("SEX_M", "TRUE"), ("SEX_F", "TRUE"), ("_U", "FALSE")]
    totals = tuple(CalibrationRow(codes, Period.parse("2024"), 1.0, 2) for codes in rows)
    margin = CalibrationMargin("m", ("sex", "is_working_age"), totals, "calibration/m.csv")
    cell = margin_cell_sql(margin, Period.parse("2024-Q3"), CONCEPTS)
    values = [
        ("SEX_M", True), ("SEX_F", True), ("_U", False), (None, False), ("_U", True), ("SEX_M", None), ("SEX_F", False),
    ]  # fmt: skip
    connection = duckdb.connect()
    connection.execute("CREATE TABLE persons (sex VARCHAR, is_working_age BOOLEAN)")
    connection.executemany("INSERT INTO persons VALUES (?, ?)", values)
    assert [row[0] for row in connection.execute(f"SELECT {cell} FROM persons").fetchall()] == [
        "SEX_M|TRUE", "SEX_F|TRUE", "_U|FALSE", "_U|FALSE", "_U", "_U", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("concept", "code", "cell"),
    [
        ("citizenship_status", "CCT_CIT_X", "_U"),
        ("citizenship_status", "CCT_CIT_NONCIT", None),
        ("place_of_birth", "CBR_BIR_X", "_U"),
        ("education", "EDU_ISCED11_X", None),
    ],
)
def test_a_category_that_was_not_stated_is_no_category_without_a_total(concept, code, cell):
    """EDU_ISCED11_X is no schooling, which is stated; the X of birth and citizenship are not."""
    margin = CalibrationMargin("m", (concept,), (CalibrationRow(("OTHER",), Period.parse("2024"), 1.0, 2),), "m.csv")
    sql = margin_cell_sql(margin, Period.parse("2024"), CONCEPTS)
    assert duckdb.execute(f"SELECT {sql} FROM (SELECT '{code}' AS {concept})").fetchone() == (cell,)
