"""Maps to the cross-domain lists: exact, complete, and no letter taken for another."""

import io

import pytest
import sdmx
from sdmx.model import common, v21

from schemas.codes import load_code_lists, load_status_map
from sdmx_out.structures.cross_domain import UNMAPPED, mapped
from tests.sdmx_out.structures import whole


def _map(component: str) -> v21.CodelistMap:
    (structures,) = whole.message().structureset.values()
    (found,) = (item for item in structures.item_scheme_map if item.id == component)
    return found


def _pairs(component: str) -> dict[str, str]:
    return {pair.source.id: pair.target.id for pair in _map(component).item_association}


def test_sexes() -> None:
    assert _pairs("SEX") == {"SEX_T": "_T", "SEX_M": "M", "SEX_F": "F", "SEX_O": "_O"}


def test_ages() -> None:
    pairs = _pairs("AGE")
    assert len(pairs) == 34
    expected = {
        "AGE_AGGREGATE_TOTAL": "_T",
        "AGE_AGGREGATE_YLT15": "Y_LT15",
        "AGE_10YRBANDS_Y15-24": "Y15T24",
        "AGE_5YRBANDS_Y00-04": "Y0T4",
        "AGE_5YRBANDS_Y05-09": "Y5T9",
        "AGE_10YRBANDS_YGE65": "Y_GE65",
        # The total of youth and adults is said to be 15 and over: no total of all ages.
        "AGE_YTHADULT_YGE15": "Y_GE15",
    }
    assert {code: pairs[code] for code in expected} == expected


def test_an_age_is_mapped_to_the_age_that_its_label_names() -> None:
    target = _map("AGE").target
    for code, to in _pairs("AGE").items():
        digits = [
            part.lstrip("0") or "0" for part in code.rsplit("_", 1)[1].strip("YGELT").split("-") if part.isdigit()
        ]
        assert [word for word in str(target[to].name).split() if word.isdigit()] == digits, code


def test_areas_go_by_their_iso_code() -> None:
    pairs = _pairs("REF_AREA")
    assert (pairs["ARG"], pairs["GBR"], pairs["NAM"]) == ("AR", "GB", "NA")
    assert len(set(pairs.values())) == len(pairs)
    assert pairs == {item.code: item.iso2 for item in load_code_lists()["AREA"].items if item.iso2}


def test_status_letters_are_those_of_the_decision_and_none_stays_a_by_accident() -> None:
    """STANDARDS 0.7: A (adjusted) is no normal value, S no strike, L and N other things than their letter says."""
    assert _pairs("OBS_STATUS") == {
        **{"A": "E", "B": "B", "C": "Q", "E": "E", "F": "F", "I": "I", "L": "E", "M": "E", "N": "O", "P": "P"},
        **{"R": "A", "S": "Q", "U": "U", "X": "M", "Z": "E"},
    }


@pytest.mark.parametrize("component", ["REF_AREA", "SEX", "AGE", "OBS_STATUS"])
def test_every_code_is_mapped_or_said_to_have_no_equal(component: str) -> None:
    found = _map(component)
    named = {note.title: dict(note.text.localizations) for note in found.annotations if note.type == UNMAPPED}
    without = [code for codes in named for code in codes.split()]
    assert sorted([*_pairs(component), *without]) == sorted(code.id for code in found.source)
    assert all(set(texts) == {"en", "fr", "es"} and all(texts.values()) for texts in named.values())
    assert all(to in found.target for to in _pairs(component).values())
    if component == "REF_AREA":
        assert {"XAA XBB"} <= set(named)
        assert all(code.startswith("X") for code in without)
    if component == "AGE":
        assert without == ["AGE_AGGREGATE", "AGE_10YRBANDS", "AGE_YTHADULT", "AGE_5YRBANDS"]


def test_a_code_of_which_nothing_is_said_is_an_error() -> None:
    codes = common.Codelist(id="CL_SEX", items={"SEX_Q": common.Code(id="SEX_Q")})
    with pytest.raises(ValueError, match="SEX_Q has neither"):
        mapped("SEX", codes, load_code_lists(), load_status_map())


def test_cross_domain_lists_have_their_own_agency_and_three_languages() -> None:
    lists = whole.message().codelist
    assert str(lists["SDMX:CL_SEX"].version) == "2.1"
    assert set(lists["SDMX:CL_SEX"].items) == {"_T", "M", "F", "_O"}
    age = lists["ILMS:CL_AGE_CROSS_DOMAIN"]
    assert age.get_annotation(type="CROSS_DOMAIN_LIST").title.endswith("=SDMX:CL_AGE(1.0)")
    assert dict(age["Y_GE15"].name.localizations) == {
        "en": "15 years or over", "fr": "15 ans ou plus", "es": "15 años o más",
    }  # fmt: skip


def test_no_two_lists_share_id_and_version() -> None:
    lists = list(whole.message().codelist.values())
    assert len({(item.id, str(item.version)) for item in lists}) == len(lists)


def test_sdmx1_reads_the_maps_back() -> None:
    read_back = sdmx.read_sdmx(io.BytesIO(whole.written("2.1")))
    found = read_back.structureset["SS_CROSS_DOMAIN"]
    assert [item.id for item in found.item_scheme_map] == ["REF_AREA", "SEX", "AGE", "OBS_STATUS"]
    for item in found.item_scheme_map:
        ours = _map(item.id)
        assert (item.source.urn, item.target.urn) == (ours.source.urn, ours.target.urn)
        assert {pair.source.id: pair.target.id for pair in item.item_association} == _pairs(item.id)


def test_the_two_structures_differ_in_their_lists_alone() -> None:
    structures = whole.message().structure
    ours, theirs = structures["CODES_ILO"], structures["CODES_CROSS_DOMAIN"]
    assert [item.id for item in ours.dimensions] == [item.id for item in theirs.dimensions]
    for component in ("REF_AREA", "SEX", "AGE"):
        found = _map(component)
        assert ours.dimensions.get(component).local_representation.enumerated is found.source
        assert theirs.dimensions.get(component).local_representation.enumerated is found.target
