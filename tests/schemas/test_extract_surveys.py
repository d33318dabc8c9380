"""The specifications of Argentina, Uruguay and Austria: what their expressions make of dirty values."""

import duckdb
import pytest

from schemas.periods import Period
from schemas.survey_spec import SurveySpec, find_surveys, load_survey

SURVEYS = find_surveys([])
PERIODS = {"ARG_EPH": ("2016-Q3", "2016-Q4"), "URY_ECH": ("2018",), "AUT_EUSILC": ("2006",)}


@pytest.fixture(scope="module")
def specs() -> dict[str, SurveySpec]:
    return {key: load_survey(SURVEYS[key]) for key in PERIODS}


def value(spec: SurveySpec, concept: str, **row: str | None) -> object:
    """What a concept's expression makes of raw values."""
    expression = spec.concepts[concept].expression
    assert expression is not None
    columns = ", ".join(f"?::VARCHAR AS {name}" for name in row)
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {expression.sql()} FROM (SELECT {columns})", list(row.values())).fetchone()
    assert found is not None
    return found[0]


def rule(spec: SurveySpec, concept: str, **row: str | None) -> str | None:
    """The value of the first rule met."""
    columns = ", ".join(f"?::VARCHAR AS {name}" for name in row)
    with duckdb.connect() as connection:
        for candidate in spec.rules[concept]:
            query = f"SELECT {candidate.when.sql()} FROM (SELECT {columns})"
            found = connection.execute(query, list(row.values())).fetchone()
            if found is not None and found[0]:
                return candidate.value
    return None


def local(spec: SurveySpec, concept: str) -> dict[str, str]:
    """The survey's own code rows."""
    own = f"{spec.survey.area}/"
    return {row.source_code: row.target_code for row in spec.codes[concept] if row.file.startswith(own)}


@pytest.mark.parametrize("key", sorted(PERIODS))
def test_test_extracts_hold_for_the_rounds_in_hand(specs: dict[str, SurveySpec], key: str) -> None:
    spec = specs[key]
    assert spec.survey.extract == "test"
    for period in PERIODS[key]:
        assert spec.survey.periods.holds(Period.parse(period))
        assert spec.variants(Period.parse(period))


@pytest.mark.parametrize("key", sorted(PERIODS))
def test_countries_identifiers_and_amounts_may_not_be_named(specs: dict[str, SurveySpec], key: str) -> None:
    spec = specs[key]
    kept = {"CODUSU", "COMPONENTE", "CH06", "CH15_COD", "CH16_COD", "PP04B_COD", "P21", "PONDERA"}
    kept |= {"numero", "nper", "e27", "e234_2", "e235_2", "f71_2", "f72_2", "pt2", "secc", "segm", "pesoano"}
    kept |= {"db030", "rb030", "age", "rb050"}
    assert not kept & set(spec.survey.closed_codes)


@pytest.mark.parametrize("key", sorted(PERIODS))
def test_earnings_and_birth_or_citizenship_are_given_or_refused_with_a_reason(
    specs: dict[str, SurveySpec], key: str
) -> None:
    spec = specs[key]
    for concept in ("country_of_birth", "citizenship_1", "monthly_earnings", "arrival_year", "occupation", "psu"):
        assert (concept in spec.concepts) != (concept in spec.not_collected), concept


class TestArgentina:
    @pytest.fixture
    def spec(self, specs: dict[str, SurveySpec]) -> SurveySpec:
        return specs["ARG_EPH"]

    @pytest.mark.parametrize(
        ("born", "written", "key"),
        [("1", None, "native"), ("3", "COR", "native"), ("3", "sal", "native"), ("4", "chi", "CHI"),
         ("4", " Bol ", "BOL"), ("5", "Esp", "ESP"), ("5", None, "abroad"), ("5", " ", "abroad"), ("9", None, "9"),
         ("5", "chi", "CHI beyond the neighbours")],
    )  # fmt: skip
    def test_country_of_birth_is_read_where_it_is_one(
        self, spec: SurveySpec, born: str, written: str | None, key: str
    ) -> None:
        assert value(spec, "country_of_birth", CH15=born, CH15_COD=written) == key

    def test_three_letters_are_no_iso_code(self, spec: SurveySpec) -> None:
        names = local(spec, "country_of_birth")
        assert (names["EST"], names["EE"], names["CHI"], names["PAR"]) == ("USA", "USA", "CHL", "PRY")
        assert {names[name] for name in ("AUS", "IND", "IRA", "LIB", "CHI beyond the neighbours")} == {"_FOREIGN"}
        assert (names["native"], names["abroad"], names["9"]) == ("ARG", "_FOREIGN", "_U")

    @pytest.mark.parametrize(
        ("branch", "section"),
        [("101", "A"), ("600", "B"), ("1001", "C"), ("48", "G"), ("4807", "G"), ("4000", "F"), ("85", "P"),
         ("9700", "T"), ("9900", "U"), ("9999", "X"), ("8401", "O"), ("8300", "O")],
    )  # fmt: skip
    def test_branch_without_its_zeros(self, spec: SurveySpec, branch: str, section: str) -> None:
        key = value(spec, "economic_activity", PP04B_COD=branch)
        found = {row.source_code: row.target_code for row in spec.codes["economic_activity"]}[str(key)]
        assert found == f"ECO_ISIC4_{section}"

    @pytest.mark.parametrize(
        ("level", "kind", "finished", "year", "isced"),
        [("7", "0", "0", None, "X"), ("1", "2", "2", "4", "0"), ("2", "2", "1", None, "1"), ("3", "4", "2", "2", "1"),
         ("3", "4", "2", "3", "2"), ("3", "4", "2", "99", "1"), ("3", "3", "1", None, "2"), ("3", "5", "2", "0", "2"),
         ("4", "4", "1", None, "3"), ("5", "7", "2", "4", "3"), ("6", "6", "1", None, "5"), ("6", "7", "1", None, "6"),
         ("6", "8", "2", "1", "6"), ("6", "8", "1", None, "7"), ("9", "99", "9", "99", "9")],
    )  # fmt: skip
    def test_education_is_the_level_completed(
        self, spec: SurveySpec, level: str, kind: str, finished: str, year: str | None, isced: str
    ) -> None:
        found = rule(spec, "education", NIVEL_ED=level, CH12=kind, CH13=finished, CH14=year)
        assert found == f"EDU_ISCED11_{isced}"

    @pytest.mark.parametrize(
        ("main", "others", "hours"), [("40", "5", 45), ("0", "0", 0), ("999", "0", None), ("40", "999", None)]
    )
    def test_hours_of_all_jobs(self, spec: SurveySpec, main: str, others: str, hours: int | None) -> None:
        assert value(spec, "hours_actual_all", PP3E_TOT=main, PP3F_TOT=others) == hours

    @pytest.mark.parametrize(
        ("size", "when_unknown", "persons"),
        [("1", "0", 1), ("6", "0", 6), ("12", "0", 501), ("99", "1", 1), ("99", "3", 41), ("99", "9", None),
         ("0", "0", None)],
    )  # fmt: skip
    def test_size_of_the_establishment(
        self, spec: SurveySpec, size: str, when_unknown: str, persons: int | None
    ) -> None:
        assert value(spec, "establishment_size", PP04C=size, PP04C99=when_unknown) == persons

    def test_non_respondents_are_declared_for_each_round(self, spec: SurveySpec) -> None:
        assert {(item.rule, str(item.period), item.rows) for item in spec.declared} == {
            ("NON_RESPONDENT", "2016-Q3", 2),
            ("NON_RESPONDENT", "2016-Q4", 2),
        }
        assert rule(spec, "exclusion", ESTADO="0") == "'NON_RESPONDENT'"
        assert rule(spec, "exclusion", ESTADO="3") == "NULL"


class TestUruguay:
    @pytest.fixture
    def spec(self, specs: dict[str, SurveySpec]) -> SurveySpec:
        return specs["URY_ECH"]

    def test_either_format_makes_the_round(self, spec: SurveySpec) -> None:
        variants = spec.variants(Period.parse("2018"))
        assert {name: [part.format for part in parts] for name, parts in variants.items()} == {
            "csv": ["csv"],
            "sav": ["sav"],
        }

    @pytest.mark.parametrize(
        ("born", "code", "key"), [("1", "0", "UY"), ("4", "32", "32"), ("4", "0", "0"), ("0", "0", None)]
    )
    def test_country_of_birth(self, spec: SurveySpec, born: str, code: str, key: str | None) -> None:
        assert value(spec, "country_of_birth", e37=born, e234_2=code) == key

    @pytest.mark.parametrize(
        ("before", "years", "year"), [("3", "0", 2018), ("3", "20", 1998), ("2", "20", None), ("0", "-1", None)]
    )
    def test_arrival(self, spec: SurveySpec, before: str, years: str, year: int | None) -> None:
        assert value(spec, "arrival_year", e39=before, e38_1=years, anio="2018") == year

    @pytest.mark.parametrize(
        ("section", "segment", "psu"), [("10", "059", "10-059"), ("", "", None), (None, None, None), ("10", " ", None)]
    )
    def test_a_blank_is_no_psu(
        self, spec: SurveySpec, section: str | None, segment: str | None, psu: str | None
    ) -> None:
        assert value(spec, "psu", secc=section, segm=segment) == psu

    @pytest.mark.parametrize(
        ("years", "isced"),
        [({}, "0"), ({"e49": "2"}, "X"), ({"e51_2": "5"}, "0"), ({"e51_2": "6"}, "1"), ({"e51_4": "2"}, "1"),
         ({"e51_4": "3"}, "2"), ({"e51_5": "9"}, "2"), ({"e51_5": "3"}, "3"), ({"e51_6": "3"}, "3"),
         ({"e51_7": "2", "e51_7_1": "3"}, "2"), ({"e51_7": "9", "e51_7_1": "3"}, "1"),
         ({"e51_7": "2", "e51_7_1": "2"}, "3"), ({"e51_9": "9"}, "3"), ({"e51_9": "3"}, "3"), ({"e51_9": "4"}, "6"),
         ({"e51_8": "4"}, "6"), ({"e51_8": "3"}, "3"), ({"e51_10": "2"}, "5"), ({"e51_9": "6", "e51_11": "2"}, "7"),
         ({"e51_9": "6", "e51_11": "9"}, "6")],
    )  # fmt: skip
    def test_education_from_years_passed(self, spec: SurveySpec, years: dict[str, str], isced: str) -> None:
        columns = {name for item in spec.rules["education"] for name in item.when.columns}
        row = dict.fromkeys(columns, "0") | {"e49": "1"} | years
        assert rule(spec, "education", **row) == f"EDU_ISCED11_{isced}"

    def test_contributions_of_the_self_employed_are_no_employers(self, spec: SurveySpec) -> None:
        assert rule(spec, "has_employer_social_security", f73="1", f82="1") == "TRUE"
        assert rule(spec, "has_employer_social_security", f73="2", f82="2") == "FALSE"
        assert rule(spec, "has_employer_social_security", f73="6", f82="1") == "NULL"


class TestAustria:
    @pytest.fixture
    def spec(self, specs: dict[str, SurveySpec]) -> SurveySpec:
        return specs["AUT_EUSILC"]

    def test_citizens_of_the_union_are_a_group_of_their_own(self, spec: SurveySpec) -> None:
        assert local(spec, "citizenship_1") == {"AT": "AUT", "EU": "EU_OTHER", "Other": "_FOREIGN", "": "_U"}

    def test_status_is_the_persons_own_and_asked_from_sixteen(self, spec: SurveySpec) -> None:
        assert spec.labour_force is not None
        assert spec.labour_force.self_declared
        assert "T5:4118" in spec.labour_force.notes
        assert spec.population.working_age == 16
        assert "" not in local(spec, "declared_labour_force_status")

    @pytest.mark.parametrize(("age", "years"), [("-1", 0), ("0", 0), ("34", 34)])
    def test_born_after_the_reference_date(self, spec: SurveySpec, age: str, years: int) -> None:
        assert value(spec, "age", age=age) == years


def test_surveys_of_declared_status_are_those_two() -> None:
    declared = set()
    for key, folder in SURVEYS.items():
        spec = load_survey(folder)
        if spec.labour_force is not None and spec.labour_force.self_declared:
            declared.add(key)
            assert "T5:4118" in spec.labour_force.notes
    assert declared == {"ESP_CENSUS", "AUT_EUSILC"}
