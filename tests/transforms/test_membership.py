"""Which published items hold a harmonised code: the vectors of STANDARDS 8, and partitions as a whole."""

import pytest

from schemas.codes import items_of, load_code_lists, load_hierarchy, load_shared_codes, total_of
from schemas.concepts import load_concepts
from schemas.indicators import load_indicators
from transforms.membership import item_rows, published_items, versions_of, wanted_versions

COLLECTED = {"education": "EDU_ISCED11", "economic_activity": "ECO_ISIC4", "occupation": "OCU_ISCO08"}
LISTS = load_code_lists()


def rows():
    """(concept, base code, item) of every dimension of persons, for every base code that its lists have."""
    found = []
    versions = wanted_versions(load_indicators().values(), {"persons": COLLECTED})
    for (relation, concept), named in versions.items():
        if relation == "persons" and named:
            lists = load_concepts()[concept].code_lists
            codes = sorted({item.code for name in lists for item in LISTS[name].items} | {"", "_U"})
            found += [(concept, code, item) for code, item in item_rows(concept, named, codes)]
    return found


@pytest.fixture(scope="module")
def members():
    """(concept, base code) -> items, for the whole catalogue."""
    found = {}
    for concept, code, item in rows():
        found.setdefault((concept, code), set()).add(item)
    return found


@pytest.mark.parametrize(
    ("concept", "code", "version", "item"),
    [
        ("age_band", "AGE_10YRBANDS_YLT15", "AGE_AGGREGATE", "YLT15"),
        ("age_band", "AGE_10YRBANDS_Y15-24", "AGE_AGGREGATE", "Y15-24"),
        ("age_band", "AGE_10YRBANDS_Y25-34", "AGE_AGGREGATE", "Y25-54"),
        ("age_band", "AGE_10YRBANDS_Y45-54", "AGE_AGGREGATE", "Y25-54"),
        ("age_band", "AGE_10YRBANDS_Y55-64", "AGE_AGGREGATE", "Y55-64"),
        ("age_band", "AGE_10YRBANDS_YGE65", "AGE_AGGREGATE", "YGE65"),
        ("age_band", "AGE_10YRBANDS_Y15-24", "AGE_10YRBANDS", "Y15-24"),
        ("economic_activity", "ECO_ISIC4_O", "ECO_AGGREGATE", "PUB"),
        ("economic_activity", "ECO_ISIC4_D", "ECO_AGGREGATE", "MEL"),
        ("economic_activity", "ECO_ISIC4_A", "ECO_AGGREGATE", "AGR"),
        ("economic_activity", "ECO_ISIC4_C", "ECO_AGGREGATE", "MAN"),
        ("economic_activity", "ECO_ISIC4_F", "ECO_AGGREGATE", "CON"),
        ("economic_activity", "ECO_ISIC4_N", "ECO_AGGREGATE", "MKT"),
        ("economic_activity", "ECO_ISIC4_X", "ECO_AGGREGATE", "X"),
        ("occupation", "OCU_ISCO08_0", "OCU_SKILL", "X"),
        ("occupation", "OCU_ISCO08_X", "OCU_SKILL", "X"),
        ("occupation", "OCU_ISCO08_3", "OCU_SKILL", "L3-4"),
        ("occupation", "OCU_ISCO08_8", "OCU_SKILL", "L2"),
        ("occupation", "OCU_ISCO08_9", "OCU_SKILL", "L1"),
        ("education", "EDU_ISCED11_X", "EDU_AGGREGATE", "LTB"),
        ("education", "EDU_ISCED11_0", "EDU_AGGREGATE", "LTB"),
        ("education", "EDU_ISCED11_2", "EDU_AGGREGATE", "BAS"),
        ("education", "EDU_ISCED11_4", "EDU_AGGREGATE", "INT"),
        ("education", "EDU_ISCED11_5", "EDU_AGGREGATE", "ADV"),
        ("education", "EDU_ISCED11_9", "EDU_AGGREGATE", "X"),
        ("status_in_employment", "STE_ICSE93_1", "STE_AGGREGATE", "EES"),
        ("status_in_employment", "STE_ICSE93_5", "STE_AGGREGATE", "SLF"),
        ("status_in_employment", "STE_ICSE93_6", "STE_AGGREGATE", "X"),
    ],
)
def test_one_item_of_an_aggregate_holds_a_code(members, concept, code, version, item):
    in_version = {found for found in members[concept, code] if found in LISTS[version].codes}
    assert in_version == {f"{version}_{item}", total_of(version)}


@pytest.mark.parametrize(
    ("division", "section"), [("84", "O"), ("35", "D"), ("01", "A"), ("99", "U"), ("45", "G"), ("82", "N")]
)
def test_isic_divisions(division, section):
    assert load_shared_codes("ISIC4_DIVISION")[division] == f"ECO_ISIC4_{section}"


@pytest.mark.parametrize("division", ["04", "34", "40", "44", "48", "54", "57", "67", "76", "83", "89", "4"])
def test_gaps_of_isic_are_in_no_table(division):
    assert division not in load_shared_codes("ISIC4_DIVISION")


@pytest.mark.parametrize(
    ("band", "items"),
    [
        ("YLT15", set()),
        ("Y15-24", {"Y15-64", "Y15-24"}),
        ("Y25-34", {"Y15-64", "YGE25"}),
        ("Y55-64", {"Y15-64", "YGE25"}),
        ("YGE65", {"YGE25"}),
    ],
)
def test_youth_and_adults_overlap(members, band, items):
    in_version = {item for item in members["age_band", f"AGE_10YRBANDS_{band}"] if item.startswith("AGE_YTHADULT")}
    assert in_version - {"AGE_YTHADULT_YGE15"} == {f"AGE_YTHADULT_{item}" for item in items}


def test_countries_without_an_item_and_unknown_ones_are_not_stated_elsewhere(members):
    concept = next(name for name, code in members if code == "FRA" and name == "country_of_birth")
    assert "CBR_BRT_FRA" in members[concept, "FRA"]
    for code in ("", "_U", "_FOREIGN", "ASI_OTHER"):
        assert members[concept, code] == {"CBR_BRT_X", "CBR_BRT_TOTAL"}
    assert members[concept, "AFR_OTHER"] == {"CBR_BRT_X", "CBR_BRT_X06", "CBR_BRT_TOTAL"}
    assert "CCT_CTZ_X" in members["country_of_citizenship", "_STATELESS"]


def test_a_country_is_held_by_its_subregion_and_region_too(members):
    assert members["country_of_birth", "KEN"] == {"CBR_BRT_KEN", "CBR_BRT_X18", "CBR_BRT_X06", "CBR_BRT_TOTAL"}
    assert members["country_of_citizenship", "IRQ"] == {"CCT_CTZ_IRQ", "CCT_CTZ_X36", "CCT_CTZ_TOTAL"}
    assert members["country_of_birth", "XAA"] == {"CBR_BRT_XAA", "CBR_BRT_TOTAL"}


def test_a_total_holds_every_code_the_unknown_and_blank(members):
    concepts = load_concepts()
    for concept in {name for name, _ in members}:
        totals = {item for (name, _), items in members.items() if name == concept for item in items}
        totals = {item for item in totals if any(item == code_list.total for code_list in LISTS.values())}
        assert totals
        codes = {item.code for name in concepts[concept].code_lists for item in LISTS[name].items}
        for code in codes | {"", "_U"}:
            assert totals <= members[concept, code]


def test_the_unknown_are_in_totals_only(members):
    for concept in {name for name, _ in members if not name.startswith("country")}:
        for code in ("", "_U"):
            assert all(any(item == codes.total for codes in LISTS.values()) for item in members[concept, code])


PARTITIONS = ("AGE_AGGREGATE", "AGE_10YRBANDS", "EDU_AGGREGATE", "ECO_SECTOR", "ECO_AGGREGATE", "OCU_SKILL",
              "STE_AGGREGATE", "SEX", "CBR_BIR", "CCT_CIT", "EDU_ISCED11", "ECO_ISIC4", "OCU_ISCO08",
              "STE_ICSE93", "CBR_BRT", "CCT_CTZ", "CPR_PRV")  # fmt: skip


@pytest.mark.parametrize("version", PARTITIONS)
def test_items_of_the_first_level_partition_the_base_codes(version):
    first = {item.code for item in LISTS[version].items if item.level == 1 and not item.is_total}
    hierarchy = {row.base_list: set() for row in load_hierarchy() if row.version == version}
    bases = hierarchy or ({"AREA": set(), "AREA_SPECIAL": set()} if version.startswith("C") and
                          version not in ("CBR_BIR", "CCT_CIT") else {version: set()})  # fmt: skip
    for base in bases:
        for item in LISTS[base].items:
            if item.is_total or (base == version and item.level != 1) or (base in ("AREA",) and item.level != 1):
                continue
            holding = first & set(items_of(version, item.code))
            assert len(holding) == 1, (version, item.code)


def test_a_collected_version_is_published_with_its_aggregates_only():
    wanted = ("ECO_SECTOR", "ECO_AGGREGATE", "ECO_ISIC4", "ECO_ISIC3")
    assert versions_of(wanted, "economic_activity", {"economic_activity": "ECO_ISIC3"}) == (
        "ECO_SECTOR", "ECO_AGGREGATE", "ECO_ISIC3",
    )  # fmt: skip
    assert versions_of(wanted, "economic_activity", {}) == ("ECO_SECTOR", "ECO_AGGREGATE")


def test_rows_are_sorted_without_repeats():
    found = item_rows("age_band", ("AGE_AGGREGATE", "AGE_YTHADULT"), ["AGE_10YRBANDS_Y15-24", "", "_U"])
    assert found == sorted(set(found))
    assert ("", "AGE_AGGREGATE_TOTAL") in found
    assert ("_U", "AGE_YTHADULT_YGE15") in found


def test_published_items_are_those_of_the_versions():
    assert published_items(("SEX",)) == {"SEX_T", "SEX_M", "SEX_F", "SEX_O"} & LISTS["SEX"].codes
