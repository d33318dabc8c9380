"""Topics and where dataflows stand in them; the organisations behind the data."""

import pytest

from schemas.indicators import load_indicators
from sdmx_out.structures.concept_names import DATABASES, TOPICS
from sdmx_out.structures.providers import Provider, provided, providers_of
from tests.sdmx_out.example import EMPLOYMENT, FOREIGN, STAY
from tests.sdmx_out.messages.flows import connection
from tests.sdmx_out.structures import whole


def test_every_topic_and_database_of_the_catalogue_has_a_name() -> None:
    indicators = load_indicators().values()
    assert {item.topic for item in indicators} == set(TOPICS)
    assert {item.database for item in indicators} == set(DATABASES)
    for names in (*TOPICS.values(), *DATABASES.values()):
        assert list(names) == ["en", "fr", "es"]
        assert len(set(names.values())) == 3, names


def test_every_dataflow_of_the_catalogue_stands_in_its_topic() -> None:
    message = whole.catalogue()
    scheme = message.category_scheme["CAS_TOPICS"]
    assert [category.id for category in scheme] == ["ILMS", "LFS", "EXT"]
    assert [item.id for item in scheme["LFS"].child] == ["LFS_POP", "LFS_EAP", "LFS_EMP", "LFS_UNE", "LFS_EIP"]
    assert [item.id for item in scheme["ILMS"].child] == ["ILMS_MST", "ILMS_MFL", "ILMS_MNA", "ILMS_EIP"]
    placed = {item.artefact.id: item.category for item in message.categorisation.values()}
    assert set(placed) == set(message.dataflow)
    for indicator in load_indicators().values():
        for twin in ("", "_SE"):
            category = placed[indicator.dataflow + twin]
            assert category.id == f"{indicator.database}_{indicator.topic}"
            assert category.parent.id == indicator.database


def test_topics_without_a_dataflow_are_left_out() -> None:
    scheme = whole.message().category_scheme["CAS_TOPICS"]
    assert {item.id: [below.id for below in item.child] for item in scheme} == {
        "ILMS": ["ILMS_MST"],
        "EXT": ["EXT_XMW"],
    }


def test_surveys_of_one_organisation_have_one_provider() -> None:
    first, second = ({"en": name, "fr": name, "es": name} for name in ("Office", "Bank"))
    found = providers_of({"XAA_LFS": first, "XAA_HS": second, "XAA_CENSUS": first, "XBB_LFS": first})
    assert {survey: item.id for survey, item in found.items()} == {
        **{"XAA_CENSUS": "XAA", "XAA_HS": "XAA_2", "XAA_LFS": "XAA", "XBB_LFS": "XBB"},
    }
    assert found["XAA_HS"] == Provider("XAA_2", second)


def test_an_agreement_for_each_dataflow_and_organisation_with_data() -> None:
    message = whole.message()
    assert {(item.data_provider.id, item.structure_usage.id) for item in message.provisionagreement.values()} == {
        (provider, f"DF_{name}{twin}")
        for provider, name in (("XAA", EMPLOYMENT), ("XAA", FOREIGN), ("XBB", FOREIGN), ("XAA", STAY))
        for twin in ("", "_SE")
    }
    assert f"PA_XBB_DF_{FOREIGN}" in message.provisionagreement
    scheme = message.organisation_scheme["DATA_PROVIDERS"]
    assert dict(scheme["XBB"].name.localizations) == whole.ORGANISATIONS["XBB_HS"]


def test_a_survey_without_an_organisation_is_an_error() -> None:
    known = providers_of({"XAA_LFS": whole.ORGANISATIONS["XAA_LFS"]})
    with pytest.raises(KeyError, match="XBB_HS"):
        provided(connection(), [load_indicators()[FOREIGN]], known)
