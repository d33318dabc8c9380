"""Figures against each other, against stocks published by others and against the country's own totals."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from pipelines.coherence_checks import benchmark_findings, coherence_findings, stock_findings, with_explanations
from pipelines.findings import Finding
from pipelines.home import Home
from pipelines.quality import Facts, quality_facts
from schemas.periods import Period
from schemas.survey_spec import SurveySpec, load_survey
from tests.acceptance import tiny
from tests.transforms.counted import estimates

QUARTER = Period.parse("2024-Q1")
CALIBRATED = "calibrated_on_foreigners = true"
TABLES = ("MST_XWAP_SEX_AGE_CBR_NB", "MST_FORP_SEX_CBR_NB", "MST_TEMP_SEX_AGE_CBR_NB", "MST_TEMP_SEX_AGE_CBR_RT")


def half(frame: pd.DataFrame, *ids: str) -> pd.DataFrame:
    return frame.assign(value=frame["value"].where(~frame["indicator"].isin(ids), frame["value"] / 2))


# --- figures against each other


def test_coherent_figures_give_facts_and_no_finding() -> None:
    found, facts = coherence_findings(estimates(TABLES), "round_estimates")
    assert found == []
    assert facts["identities"] >= 8
    assert facts["cells_compared"] > 500
    assert facts["largest_difference"] < 1e-12
    assert facts["not_compared"] == ["labour_force = employed + unemployed", *facts["not_compared"][1:]]


def test_a_broken_identity_stops_the_table_and_tells_no_figure() -> None:
    frame = half(estimates(TABLES), "MST_FORP_SEX_CBR_NB")
    (found,), facts = coherence_findings(frame, "area_estimates")
    assert (found.rule, found.severity, found.table) == ("IDENTITY", "error", "area_estimates")
    assert found.count == 4  # men, women, others and both together
    assert found.message == (
        "foreign_born_population = working_age, CBR_BIR_FOREIGN: does not hold in 4 of 4 cells, "
        "by up to 5.0e-01 of the whole (MST_FORP_SEX_CBR_NB, MST_XWAP_SEX_AGE_CBR_NB)"
    )
    assert facts["largest_difference"] == 0.5


def test_a_message_names_a_few_tables() -> None:
    ids = [f"MST_TEMP_SEX_{name}_NB" for name in ("AGE_CBR", "AGE_CCT", "ECO_CBR", "ECO_CCT", "OCU_CBR", "STE_CBR")]
    (found,), _ = coherence_findings(half(estimates(["EMP_TEMP_SEX_AGE_NB", *ids]), *ids), "round_estimates")
    assert found.message.startswith("employed: every table agrees: does not hold in ")
    assert found.message.endswith(f" (EMP_TEMP_SEX_AGE_NB, {', '.join(ids[:4])}, ...)")


def test_pooled_indicators_are_passed_on() -> None:
    frame = half(estimates(TABLES[:2], freq="A", time="2024"), "MST_FORP_SEX_CBR_NB")
    assert coherence_findings(frame, "area_estimates")[0] != []
    assert coherence_findings(frame, "area_estimates", {"FJI_LFS": ["MST_FORP_SEX_CBR_NB"]})[0] == []


# --- stocks published by others


def stock(ratio: float, more: str = "", criterion: str = "birth", age: int = 15) -> str:
    """Return a published stock that 20 residents of weight 100 are ``ratio`` times of."""
    return (
        f'[[reference_stock]]\ncriterion = "{criterion}"\nyear = 2020\nminimum_age = {age}\nvalue = {2000 / ratio}\n'
        f'source = "UN"\n{more}\n'
    )


EXPLAINED = 'tolerance = 0.2\nexplanation = "One province only"'


def of(root: Path, sections: str) -> tuple[SurveySpec, Facts]:
    """Return a survey with some sections, and the quality of a round with 20 adults born abroad and no citizens."""
    tiny.write_spec(root, {CALIBRATED: f"{CALIBRATED}\n{sections}"})
    spec = load_survey(root / "FJI" / "TINY")
    columns = {
        **{"row_number": 1, "weight": 100.0, "exclusion": None, "residence_status": "RES_USUAL", "age": 40},
        **{"is_working_age": True, "place_of_birth": "CBR_BIR_FOREIGN", "citizenship_status": "CCT_CIT_NONCIT"},
    }
    natives = columns | {"place_of_birth": "CBR_BIR_NATIVE", "citizenship_status": "CCT_CIT_CITIZEN"}
    work = pd.DataFrame([columns] * 20 + [natives] * 30)
    with duckdb.connect() as connection:
        connection.register("work", work)
        return spec, quality_facts(connection, spec, QUARTER, list(columns))


@pytest.mark.parametrize(
    ("sections", "rules"),
    [
        (stock(1.5), []),
        (stock(1.1, "tolerance = 0.2"), []),
        (stock(1.5, "tolerance = 0.2"), ["STOCK_RATIO"]),
        (stock(0.7, "tolerance = 0.2"), ["STOCK_RATIO"]),
        (stock(1.5, EXPLAINED), []),
        (stock(1.5, "tolerance = 0.2", "citizenship", 0), ["STOCK_RATIO"]),
        (stock(1.5, "tolerance = 0.2") + stock(0.5, "tolerance = 0.2", age=0), ["STOCK_RATIO", "STOCK_RATIO"]),
    ],
    ids=["for information", "near", "above", "below", "explained", "citizenship", "two ages"],
)
def test_a_ratio_beyond_its_tolerance_is_a_warning(tmp_path: Path, sections: str, rules: Sequence[str]) -> None:
    spec, facts = of(tmp_path, sections)
    found = stock_findings(spec, QUARTER, facts)
    assert [item.rule for item in found] == rules
    assert {item.severity for item in found} <= {"warning"}


def test_the_warning_tells_the_ratio_and_whose(tmp_path: Path) -> None:
    spec, facts = of(tmp_path, stock(1.5, "tolerance = 0.2"))
    (found,) = stock_findings(spec, QUARTER, facts)
    assert found.message == "1.5000 of the stock by birth of 2020 (ages 15 and over), tolerance 0.2"
    assert found.concept == "place_of_birth"


def test_a_ratio_that_is_withheld_is_not_judged(tmp_path: Path) -> None:
    spec, facts = of(tmp_path, stock(1.5, "tolerance = 0.2"))
    facts["FOREIGN_BORN_ADULT_RATIO"] = {**facts["FOREIGN_BORN_ADULT_RATIO"], "value": None}
    assert stock_findings(spec, QUARTER, facts) == []


def test_an_explanation_goes_to_the_notes_of_the_ratio(tmp_path: Path) -> None:
    spec, facts = of(tmp_path, stock(1.5, EXPLAINED) + stock(1.5, age=0))
    told = with_explanations(spec, QUARTER, facts)
    assert told["FOREIGN_BORN_ADULT_RATIO"]["note"] == {
        "en": "Ages 15 and over, 2020. Source: UN. Explanation of the difference: One province only",
        "fr": "15 ans et plus, 2020. Source : UN. Explication de l'écart : One province only",
        "es": "15 años y más, 2020. Fuente: UN. Explicación de la diferencia: One province only",
    }
    changed = {item for item in facts if told[item] != facts[item]}
    assert changed == {"FOREIGN_BORN_ADULT_RATIO"}
    assert told["FOREIGN_BORN_ADULT_RATIO"]["value"] == facts["FOREIGN_BORN_ADULT_RATIO"]["value"] == 1.5


# --- the country's published totals


def totals(tmp_path: Path, toml: dict[str, str], period: Period = QUARTER) -> tuple[list[Finding], list[dict]]:
    """Hold 110 persons of weight 100 against the survey's published total of 12,000, tolerance 0.1."""
    tiny.write_spec(tmp_path, toml)
    spec = load_survey(tmp_path / "FJI" / "TINY")
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE work AS SELECT 100::DOUBLE AS weight, i < 110 AS is_resident FROM range(120) AS t(i)"
        )
        return benchmark_findings(connection, spec, period, {"population": "is_resident"})


def test_a_total_within_its_tolerance(tmp_path: Path) -> None:
    found, facts = totals(tmp_path, {})
    assert found == []
    assert facts == [
        {
            **{"name": "persons", "universe": "population", "ratio": round(11 / 12, 6), "tolerance": 0.1},
            **{"is_within": True, "explanation": None},
        }
    ]


def test_a_total_beyond_its_tolerance_is_an_error(tmp_path: Path) -> None:
    (found,), facts = totals(tmp_path, {"value = 12000": "value = 10000", "tolerance = 0.1": "tolerance = 0.09"})
    assert (found.rule, found.severity) == ("BENCHMARK", "error")
    assert found.message == "persons: 1.1000 of the published total, tolerance 0.09"
    assert not facts[0]["is_within"]


def test_an_explained_total_is_told_and_stops_nothing(tmp_path: Path) -> None:
    found, facts = totals(
        tmp_path,
        {"value = 12000": "value = 20000", 'source = "invented"': 'source = "invented"\nexplanation = "Towns only"'},
    )
    assert found == []
    assert [(fact["ratio"], fact["is_within"], fact["explanation"]) for fact in facts] == [(0.55, False, "Towns only")]


def test_totals_of_other_periods_are_left_alone(tmp_path: Path) -> None:
    assert totals(tmp_path, {"value = 12000": "value = 1"}, Period.parse("2024-Q2")) == ([], [])


# --- real estimates


def test_estimates_of_a_round_and_of_a_year_are_coherent(tmp_path: Path) -> None:
    """A survey through the pipeline: what it makes holds, and one figure changed does not."""
    from pipelines import areas

    home = Home(tmp_path / "var", (tiny.write_spec(tmp_path / "specs"),))
    rounds = []
    for number in range(1, 5):
        rows = [row | {"WGT": str(94 + 2 * number)} for row in tiny.persons()]
        result = tiny.harmonise(home, rows, tmp_path / "persons.csv", f"2024-Q{number}")
        assert result.is_valid, result.findings
        rounds.append(result.identifier)
    area, _ = areas.process_area(home, "FJI_2024-test", rounds)
    assert area.is_valid
    for frame in (pd.read_parquet(result.tables[-1].data), pd.read_parquet(area.data)):
        found, facts = coherence_findings(frame, "estimates")
        assert found == []
        assert facts["largest_difference"] < 1e-9
        assert facts["identities"] > 40
        employed = frame["indicator"] == "MST_TEMP_SEX_AGE_CBR_NB"
        first = frame[employed & (frame["value"] > 0)].index[0]
        frame.loc[first, "value"] *= 1.000001
        assert {item.rule for item in coherence_findings(frame, "estimates")[0]} == {"IDENTITY"}
    annual = pd.read_parquet(area.data).query("freq == 'A'")
    assert coherence_findings(annual, "area_estimates")[1]["identities"] > 40
