"""The built-in specification folders: that they load, and that they say what the surveys say."""

import csv
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyreadstat
import pytest

from schemas.periods import Period
from schemas.survey_spec import SurveySpec, find_surveys, load_survey
from tests.real_data import microdata

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests" / "goldens"
PERIODS = {"ZAF_QLFS": "2013-Q4", "ESP_CENSUS": "2011", "GBR_QLFS": "2015-Q1"}
COUNTRY_CONCEPTS = ("country_of_birth", "country_of_previous_residence", "residence_one_year_ago")

SURVEYS = find_surveys([])


def targets(spec: SurveySpec, concept: str) -> dict[str, str]:
    return {row.source_code: row.target_code for row in spec.codes[concept]}


def value(sql: str, row: dict[str, str]) -> object:
    columns = ", ".join(f"'{text}' AS \"{name}\"" for name, text in row.items())
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {sql} FROM (SELECT {columns})").fetchone()
    assert found is not None
    return found[0]


@pytest.fixture(scope="module")
def specs() -> dict[str, SurveySpec]:
    return {key: load_survey(SURVEYS[key]) for key in PERIODS}


@pytest.mark.parametrize("key", sorted(SURVEYS))
def test_every_builtin_survey_loads(key: str) -> None:
    spec = load_survey(SURVEYS[key])
    assert spec.key == key
    is_invented = spec.survey.area in ("XAA", "XBB")
    assert (spec.survey.extract == "synthetic") == is_invented


@pytest.mark.parametrize("key", sorted(PERIODS))
def test_the_round_in_hand_has_a_file(specs: dict[str, SurveySpec], key: str) -> None:
    period = Period.parse(PERIODS[key])
    assert specs[key].survey.periods.holds(period)
    assert specs[key].variants(period)


@pytest.mark.parametrize("key", sorted(PERIODS))
def test_variables_with_codes_may_be_named(specs: dict[str, SurveySpec], key: str) -> None:
    spec = specs[key]
    coded = {name for concept in spec.codes for name in spec.concepts[concept].columns}
    assert coded <= set(spec.survey.closed_codes)


@pytest.mark.parametrize("key", sorted(PERIODS))
def test_identifiers_weights_and_ages_may_not_be_named(specs: dict[str, SurveySpec], key: str) -> None:
    spec = specs[key]
    for concept in ("household_id", "person_id", "weight", "psu", "age"):
        if concept in spec.concepts:
            named = spec.concepts[concept].columns & set(spec.survey.closed_codes)
            assert named <= {"CPRO"}


def test_surveys_without_migration_say_so(specs: dict[str, SurveySpec]) -> None:
    for key in ("ZAF_QLFS", "GBR_QLFS"):
        assert {"country_of_birth", "citizenship_1", "arrival_year"} <= set(specs[key].not_collected)
        assert not {"country_of_birth", "citizenship_1"} & set(specs[key].concepts)
    assert "ethnicity is not migration" in specs["GBR_QLFS"].not_collected["country_of_birth"]


class TestSouthAfrica:
    @pytest.fixture
    def spec(self, specs: dict[str, SurveySpec]) -> SurveySpec:
        return specs["ZAF_QLFS"]

    def test_psu_is_eight_characters_of_the_household_number(self, spec: SurveySpec) -> None:
        psu = spec.concepts["psu"].expression
        assert psu is not None
        assert value(psu.sql(), {"UQNO": "101000170000001201"}) == "10100017"

    @pytest.mark.parametrize(
        ("industry", "section"),
        [("10", "P"), ("30", "Q"), ("111", "A"), ("131", "B"), ("210", "C"), ("301", "D"), ("420", "E"),
         ("502", "F"), ("622", "G"), ("641", "H"), ("752", "I"), ("831", "J"), ("841", "K"), ("915", "L"),
         ("920", "M"), ("932", "N"), ("940", "O"), ("990", "O"), ("0", None)],
    )  # fmt: skip
    def test_industry(self, spec: SurveySpec, industry: str, section: str | None) -> None:
        expression = spec.concepts["economic_activity"].expression
        assert expression is not None
        prefix = value(expression.sql(), {"Q43INDUSTRY": industry})
        found = targets(spec, "economic_activity").get(str(prefix))
        assert found == (None if section is None else f"ECO_ISIC3_{section}")

    @pytest.mark.parametrize(
        ("occupation", "group"), [("1110", "1"), ("5162", "5"), ("5164", "0"), ("9131", "9"), ("0", None)]
    )
    def test_occupation(self, spec: SurveySpec, occupation: str, group: str | None) -> None:
        expression = spec.concepts["occupation"].expression
        assert expression is not None
        code = value(expression.sql(), {"Q42OCCUPATION": occupation})
        found = targets(spec, "occupation").get(str(code))
        assert found == (None if group is None else f"OCU_ISCO88_{group}")

    @pytest.mark.parametrize(
        ("several", "only", "first", "hours"),
        [("2", "40", "888", 40), ("1", "0", "16", 16), ("2", "0", "888", None), ("0", "0", "888", None)],
    )
    def test_usual_hours_are_those_of_the_main_job(
        self, spec: SurveySpec, several: str, only: str, first: str, hours: int | None
    ) -> None:
        expression = spec.concepts["hours_usual"].expression
        assert expression is not None
        row = {"Q41MULTIPLEJOBS": several, "Q418HRSWRK": only, "Q420FIRSTHRSWRK": first}
        assert value(expression.sql(), row) == hours

    def test_seasonal_and_future_starts_are_the_reasons_that_are_not_employment(self, spec: SurveySpec) -> None:
        reasons = targets(spec, "absence_reason")
        assert (reasons["12"], reasons["13"]) == ("ABS_SEASONAL", "ABS_FUTURE_START")
        assert list(reasons.values()).count("ABS_SEASONAL") == 1
        assert list(reasons.values()).count("ABS_FUTURE_START") == 1
        assert "0" not in reasons


class TestSpain:
    @pytest.fixture
    def spec(self, specs: dict[str, SurveySpec]) -> SurveySpec:
        return specs["ESP_CENSUS"]

    def test_all_codes_have_three_digits_and_a_target(self, spec: SurveySpec) -> None:
        for concept in ("citizenship_1", *COUNTRY_CONCEPTS):
            codes = targets(spec, concept)
            assert len(codes) == 200
            assert all(re.fullmatch(r"[1-5][0-9]{2}", code) for code in codes)

    def test_one_list_serves_citizenship_and_places_but_for_the_stateless(self, spec: SurveySpec) -> None:
        citizenship = targets(spec, "citizenship_1")
        assert citizenship["555"] == "_STATELESS"
        for concept in COUNTRY_CONCEPTS:
            assert targets(spec, concept) == citizenship | {"555": "_U"}

    @pytest.mark.parametrize(
        ("code", "area"),
        [("108", "ESP"), ("430", "KOR"), ("431", "PRK"), ("210", "COG"), ("250", "COD"), ("232", "NAM"),
         ("233", "NER"), ("316", "DMA"), ("326", "DOM"), ("318", "GRD"), ("218", "GIN"), ("219", "GNB"),
         ("220", "GNQ"), ("505", "PNG"), ("120", "NOR"), ("130", "EUR_OTHER"), ("199", "EUR_OTHER"),
         ("299", "AFR_OTHER"), ("399", "AME_OTHER"), ("499", "ASI_OTHER")],
    )  # fmt: skip
    def test_country(self, spec: SurveySpec, code: str, area: str) -> None:
        assert targets(spec, "country_of_birth")[code] == area

    def test_no_two_codes_share_a_country(self, spec: SurveySpec) -> None:
        areas = [area for area in targets(spec, "citizenship_1").values() if area != "EUR_OTHER"]
        assert len(areas) == len(set(areas)) == 198

    def test_the_year_of_birth_is_there_to_catch_arrivals_that_are_none(self, spec: SurveySpec) -> None:
        assert spec.concepts["birth_year"].variable == "ANAC"
        assert spec.concepts["arrival_year"].variable == "ANOE"

    def test_codes_keep_their_zeros(self, spec: SurveySpec) -> None:
        assert targets(spec, "education")["01"] == "EDU_ISCED11_X"
        assert "1" not in targets(spec, "education")
        assert targets(spec, "economic_activity")["01"] == "ECO_ISIC4_A"

    def test_gaps_of_the_industry_classification_stay_errors(self, spec: SurveySpec) -> None:
        gaps = {"04", "34", "40", "44", "48", "54", "57", "67", "76", "83", "89"}
        assert not gaps & set(targets(spec, "economic_activity"))

    def test_layout_has_no_overlap_and_ends_with_the_record(self, spec: SurveySpec) -> None:
        positions = [
            n for row in spec.layout if row.start and row.width for n in range(row.start, row.start + row.width)
        ]
        assert len(positions) == len(set(positions))
        assert sorted(positions) == positions
        assert max(positions) == 280


class TestUnitedKingdom:
    @pytest.fixture
    def spec(self, specs: dict[str, SurveySpec]) -> SurveySpec:
        return specs["GBR_QLFS"]

    def test_age_bands(self, spec: SurveySpec) -> None:
        bands = targets(spec, "age_5yr_band")
        assert bands["1"] == "AGE_5YRBANDS_Y15-19"
        assert bands["2"] == "AGE_5YRBANDS_Y20-24"
        assert bands["10"] == "AGE_5YRBANDS_Y60-64"
        assert bands["11"] == bands["12"] == "AGE_5YRBANDS_YGE65"
        assert len(bands) == 12

    def test_the_survey_begins_at_sixteen(self, spec: SurveySpec) -> None:
        assert spec.population.working_age == 16
        assert "AGE_5YRBANDS_Y15-19" in targets(spec, "age_5yr_band").values()

    def test_has_no_standard_errors_and_is_no_national_release(self, spec: SurveySpec) -> None:
        assert spec.design.variance == "none"
        assert spec.survey.extract == "test"

    def test_self_employment_is_not_split_by_guess(self, spec: SurveySpec) -> None:
        assert "status_in_employment" in spec.not_collected


def read_south_africa(variables: list[str], folder: Path) -> pd.DataFrame:
    with zipfile.ZipFile(microdata("south_africa_qlfs/qlfs_2013_q4.zip")) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".dta"))
        extracted = archive.extract(member, folder)
    frame, _ = pyreadstat.read_dta(extracted, usecols=variables, encoding="windows-1252")
    return frame


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.apply(lambda column: column.map(lambda v: str(int(v)) if float(v).is_integer() else repr(float(v))))


@pytest.fixture(scope="module")
def south_africa(
    specs: dict[str, SurveySpec], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """All persons as raw text, with the building blocks made by the rules of the folder."""
    spec = specs["ZAF_QLFS"]
    variables = sorted(spec.variables)
    frame = read_south_africa([*variables, "Status", "Indus", "Education_Status"], tmp_path_factory.mktemp("zaf"))
    text = as_text(frame.drop(columns="UQNO")).assign(UQNO=frame["UQNO"])
    connection = duckdb.connect()
    connection.register("raw", text)
    blocks = []
    for concept, rules in spec.rules.items():
        branches = " ".join(f"WHEN {rule.when.sql()} THEN {rule.value}" for rule in rules)
        blocks.append(f"CASE {branches} END AS {concept}")
    reasons = ", ".join(f"('{source}', '{target}')" for source, target in targets(spec, "absence_reason").items())
    connection.execute(
        f"""CREATE TABLE persons AS SELECT raw.*, {", ".join(blocks)}, reason.target AS absence_reason
        FROM raw LEFT JOIN (VALUES {reasons}) AS reason(source, target) ON reason.source = raw.Q27RSNABSENT
        WHERE raw.Q14AGE::INTEGER >= 15"""
    )
    connection.execute(
        """CREATE TABLE statuses AS SELECT *,
        CASE WHEN worked_one_hour
                  OR (absent_from_job AND absence_reason NOT IN ('ABS_SEASONAL', 'ABS_FUTURE_START'))
             THEN 1 WHEN (job_search OR future_start) AND available THEN 2 ELSE 3 END AS derived
        FROM persons"""
    )
    yield connection
    connection.close()


@pytest.mark.real_data
class TestSouthAfricaFile:
    def test_every_rule_table_decides_for_everybody(
        self, specs: dict[str, SurveySpec], south_africa: duckdb.DuckDBPyConnection
    ) -> None:
        for concept in specs["ZAF_QLFS"].rules:
            undecided = south_africa.execute(f"SELECT count(*) FROM persons WHERE {concept} IS NULL").fetchone()
            assert undecided == (0,), concept

    def test_status_is_the_producers_for_everybody(self, south_africa: duckdb.DuckDBPyConnection) -> None:
        agree = south_africa.execute(
            """SELECT count(*), count_if(Q14AGE::INTEGER <= 64) FROM statuses
            WHERE derived = least(Status::INTEGER, 3)"""
        ).fetchone()
        assert agree == (60_547, 54_455)

    @pytest.mark.parametrize(
        ("status", "measure"),
        [(1, "EMP_TEMP_SEX_AGE_NB"), (2, "UNE_TUNE_SEX_AGE_NB"), (3, "EIP_TEIP_SEX_AGE_NB")],
    )
    @pytest.mark.parametrize(("item", "oldest"), [("AGE_YTHADULT_YGE15", 200), ("AGE_YTHADULT_Y15-64", 64)])
    def test_totals_are_those_of_the_goldens(
        self, south_africa: duckdb.DuckDBPyConnection, status: int, measure: str, item: str, oldest: int
    ) -> None:
        with (GOLDENS / "qlfs_2013_q4.csv").open(encoding="utf-8", newline="") as stream:
            golden = next(
                float(row["value"])
                for row in csv.DictReader(stream)
                if (row["measure"], row["sex"], row["classif1"]) == (measure, "SEX_T", item)
            )
        total = south_africa.execute(
            f"""SELECT sum(Weight::DOUBLE) FROM statuses
            WHERE derived = {status} AND Q14AGE::INTEGER <= {oldest}"""
        ).fetchone()
        assert total is not None
        assert total[0] == pytest.approx(golden, rel=1e-12)

    def test_every_code_of_the_employed_has_a_target(
        self, specs: dict[str, SurveySpec], south_africa: duckdb.DuckDBPyConnection
    ) -> None:
        spec = specs["ZAF_QLFS"]
        for concept in ("economic_activity", "occupation", "status_in_employment"):
            source = spec.concepts[concept]
            sql = source.expression.sql() if source.expression is not None else f'"{source.variable}"'
            codes = south_africa.execute(f"SELECT DISTINCT {sql} FROM statuses WHERE derived = 1").fetchall()
            assert {code for (code,) in codes} <= set(targets(spec, concept)), concept

    def test_sections_fit_the_producers_groups(
        self, specs: dict[str, SurveySpec], south_africa: duckdb.DuckDBPyConnection
    ) -> None:
        spec = specs["ZAF_QLFS"]
        expression = spec.concepts["economic_activity"].expression
        assert expression is not None
        pairs = south_africa.execute(
            f"SELECT DISTINCT {expression.sql()}, Indus FROM statuses WHERE derived = 1"
        ).fetchall()
        groups: dict[str, set[str]] = {}
        for code, group in pairs:
            groups.setdefault(group, set()).add(targets(spec, "economic_activity")[code][-1])
        assert groups == {
            "1": {"A", "B"}, "2": {"C"}, "3": {"D"}, "4": {"E"}, "5": {"F"}, "6": {"G", "H"}, "7": {"I"},
            "8": {"J", "K"}, "9": {"L", "M", "N", "O"}, "10": {"P"}, "11": {"Q"},
        }  # fmt: skip

    def test_education_fits_the_producers_groups(
        self, specs: dict[str, SurveySpec], south_africa: duckdb.DuckDBPyConnection
    ) -> None:
        codes = targets(specs["ZAF_QLFS"], "education")
        pairs = south_africa.execute("SELECT DISTINCT Q17EDUCATION, Education_Status FROM statuses").fetchall()
        groups: dict[str, set[str]] = {}
        for code, group in pairs:
            groups.setdefault(group, set()).add(codes[code].removeprefix("EDU_ISCED11_"))
        less_than_basic = groups["1"] | groups["2"]
        assert less_than_basic == {"X", "0"}
        assert groups["3"] | groups["4"] == {"1", "2"}
        assert (groups["5"], groups["6"], groups["7"]) == ({"3"}, {"5", "6", "7"}, {"9"})

    def test_the_design_has_no_lonely_psu(self, south_africa: duckdb.DuckDBPyConnection) -> None:
        sizes = south_africa.execute(
            "SELECT STRATUM, count(DISTINCT substring(UQNO, 1, 8)) FROM raw GROUP BY ALL"
        ).fetchall()
        assert len(sizes) == 363
        assert sum(psus for _, psus in sizes) == 3_029
        assert min(psus for _, psus in sizes) == 3


@pytest.mark.real_data
class TestSpanishFile:
    @pytest.fixture
    def persons(self, specs: dict[str, SurveySpec]) -> pd.DataFrame:
        content = microdata("spain_censo2011/sampleCenso2010.txt").read_bytes().decode("ascii")
        return pd.DataFrame(
            {
                row.variable: line[row.start - 1 : row.start - 1 + row.width].strip()
                for row in specs["ESP_CENSUS"].layout
            }
            for line in content.splitlines()
        )

    @pytest.mark.parametrize("concept", ["citizenship_1", *COUNTRY_CONCEPTS, "education", "sex"])
    def test_every_code_has_a_target(self, specs: dict[str, SurveySpec], persons: pd.DataFrame, concept: str) -> None:
        spec = specs["ESP_CENSUS"]
        variable = spec.concepts[concept].variable
        assert variable is not None
        assert set(persons[variable]) <= set(targets(spec, concept))

    def test_every_code_of_the_employed_has_a_target(self, specs: dict[str, SurveySpec], persons: pd.DataFrame) -> None:
        employed = persons[persons["RELA"] == "1"]
        assert len(employed) == 224
        codes = {name: set(targets(specs["ESP_CENSUS"], name)) for name in ("economic_activity", "occupation")}
        assert set(employed["CNAE"]) <= codes["economic_activity"] - {""}
        assert set(employed["CNO"].str[0]) <= codes["occupation"] - {""}

    def test_status_is_blank_under_16_only(self, persons: pd.DataFrame) -> None:
        ages = persons["EDAD"].astype(int)
        assert ((persons["RELA"] == "") == (ages < 16)).all()
        assert (ages < 16).sum() == 24

    def test_weights_carry_their_decimal_point(self, persons: pd.DataFrame) -> None:
        assert persons["FACTOR"].astype(float).sum() == pytest.approx(10_509.94298, abs=1e-5)

    def test_native_born_with_an_arrival_are_those_who_returned(self, persons: pd.DataFrame) -> None:
        native = persons[persons["CPAISN"] == "108"]
        assert (native["ANOE"] != native["ANAC"]).sum() == 25
        assert len(native) == 905


@pytest.mark.real_data
class TestBritishFile:
    @pytest.fixture
    def persons(self) -> pd.DataFrame:
        return pd.read_csv(microdata("uk_qlfs2015/dataset.txt"), dtype=str, keep_default_na=False)

    @pytest.mark.parametrize("concept", ["sex", "age_5yr_band", "education", "declared_labour_force_status"])
    def test_every_code_has_a_target(self, specs: dict[str, SurveySpec], persons: pd.DataFrame, concept: str) -> None:
        spec = specs["GBR_QLFS"]
        variable = spec.concepts[concept].variable
        assert variable is not None
        assert set(persons[variable]) == set(targets(spec, concept))

    def test_the_oldest_band_is_70_and_over(self, persons: pd.DataFrame) -> None:
        """The survey asks qualifications above 69 of the employed only."""
        not_asked = persons[persons["HIQUL15D"] == "-9"]
        assert set(not_asked["AGEEULR"]) == {"12"}
        assert "1" not in set(not_asked["ILODEFR"])
        assert len(not_asked) == ((persons["AGEEULR"] == "12") & (persons["ILODEFR"] != "1")).sum()

    def test_case_numbers_identify_nobody(self, persons: pd.DataFrame) -> None:
        assert (persons["CASENEW"].nunique(), len(persons)) == (15_812, 22_428)
        assert (persons["PWT14"].astype(float) == 0).sum() == 487
