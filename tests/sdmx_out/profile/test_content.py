from dataclasses import replace

import pytest

from sdmx_out.profile.content import Content, content
from sdmx_out.profile.figures import read_profile
from sdmx_out.profile.profiles import countries_of
from tests.sdmx_out.profile.made import EDITION, connection, rows, with_gaps


@pytest.fixture(scope="module")
def told() -> dict[str, Content]:
    with connection(rows(changes=with_gaps())) as engine:
        profile = read_profile(engine, "XAA", countries=countries_of(EDITION.code_lists))
    return {language: content(profile, language, EDITION) for language in ("en", "fr", "es")}


def test_differences_say_whether_they_are_significant(told: dict[str, Content]) -> None:
    rates = told["en"].tables[1]
    verdicts = {(row.label, row.cells[2].verdict) for row in rates.rows[5:]}
    assert verdicts == {
        ("Participation rate", "significant"),
        ("Employment ratio", "significant"),
        ("Unemployment rate", "not significant"),
    }
    assert rates.rows[6].cells[2].text == "6.9 (4.1 to 9.6) significant"
    gap = told["es"].tables[0].rows[-1]
    assert gap.cells[1].text == "14,7\u00a0U (13,2 a 16,2) no significativa"


def test_criteria_stand_side_by_side_and_never_together(told: dict[str, Content]) -> None:
    assert told["en"].tables[0].heads == ("", "Foreign-born", "Non-citizens")
    for group in told["fr"].groups:
        assert [chart.criterion for chart in group.charts] == ["Selon le lieu de naissance", "Selon la nationalité"]


def test_lower_bounds_are_named_so(told: dict[str, Content]) -> None:
    assert [row.label for row in told["fr"].abroad.rows] == [
        "Nationaux vivant à l'étranger (au moins)",
        "Nationaux partis (au moins)",
        "Nationaux revenus (au moins)",
        "Travailleurs migrants internationaux de retour",
    ]


def test_the_margin_defines_what_the_page_shows(told: dict[str, Content]) -> None:
    terms = [term for term, _ in told["en"].definitions]
    assert {"Confidential:", "Too few observations:", "Dash (–):", "U:", "95% interval, in brackets:"} <= set(terms)
    population = dict(told["es"].definitions)["Población y encuesta:"]
    assert population.startswith("Excluida la población institucional; Excluidos los trabajadores en la producción")
    assert "Migraciones de los doce meses" in population


def test_what_is_not_on_the_page_is_not_defined() -> None:
    with connection(rows(("2024",))) as engine:
        profile = read_profile(engine, "XAA", countries=countries_of(EDITION.code_lists))
    terms = {term for term, _ in content(profile, "en", EDITION).definitions}
    assert not terms & {"Confidential:", "Too few observations:", "Dash (–):", "U:"}


def test_heads_name_the_source_and_the_marks(told: dict[str, Content]) -> None:
    assert told["en"].source == "Source: Labour force survey, XAA_LFS. Release of 25 November 2026."
    assert told["fr"].source.startswith("Source\u00a0: Enquête sur la main-d'œuvre, XAA_LFS.")
    assert told["fr"].notices == (
        "DONNÉES FICTIVES\u00a0: ce pays est inventé\u00a0; les chiffres ne décrivent personne.",
    )
    with connection(rows(("2024",)), is_test=True) as engine:
        profile = read_profile(engine, "XAA", countries=countries_of(EDITION.code_lists))
    marked = content(profile, "en", replace(EDITION, is_test=True, is_draft=True))
    assert len(marked.notices) == 3
    assert marked.source == told["en"].source


def test_a_chart_without_figures_says_why() -> None:
    data = [made for made in rows(("2024",)) if str(made["indicator"]).startswith("MST_XWAP")]
    with connection(data) as engine:
        profile = read_profile(engine, "XAA", countries=countries_of(EDITION.code_lists))
    said = content(profile, "en", EDITION)
    assert [group.charts[0].reason for group in said.groups] == [
        "not in this release",
        "not in this release",
        "No country is published.",
        "The release has no two periods to compare.",
    ]
    assert all(chart.drawing is None for group in said.groups for chart in group.charts)
