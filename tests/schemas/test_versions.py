"""Which classification versions can be published from the version that a survey collects, and which never.

A conversion is data (hierarchies.csv) and one-to-one at the published level: every code of the collected version lies
in one item of the aggregate, as the ILO itself forms its aggregates from either version. Nothing leads from one
revision of a standard to another.
"""

from itertools import permutations

import pytest

from schemas.codes import base_lists_of, items_of, load_code_lists, load_hierarchy
from transforms.membership import versions_of

LISTS = load_code_lists()

#: Collected version -> what is published from it, itself included.
PUBLISHED = {
    "ECO_ISIC4": {"ECO_ISIC4", "ECO_AGGREGATE", "ECO_SECTOR"},
    "ECO_ISIC3": {"ECO_ISIC3", "ECO_AGGREGATE", "ECO_SECTOR"},
    "OCU_ISCO08": {"OCU_ISCO08", "OCU_SKILL"},
    "OCU_ISCO88": {"OCU_ISCO88", "OCU_SKILL"},
    "EDU_ISCED11": {"EDU_ISCED11", "EDU_AGGREGATE"},
    "EDU_ISCED97": {"EDU_ISCED97", "EDU_AGGREGATE"},
    "STE_ICSE93": {"STE_ICSE93", "STE_AGGREGATE"},
    "STE_ICSE18": {"STE_ICSE18", "STE_ICSE18A", "STE_ICSE18R"},
}
#: Lists of answers -> the version that publishes them.
ANSWERS = {"MIGRATION_REASON": "REA_MIGR", "RESIDENCE_STATUS": "RES_STATUS", "LMS_STATUS": "LMS_STATUS"}
REVISIONS = [("ECO_ISIC3", "ECO_ISIC4"), ("OCU_ISCO88", "OCU_ISCO08"), ("EDU_ISCED97", "EDU_ISCED11"),
             ("STE_ICSE93", "STE_ICSE18")]  # fmt: skip
#: Aggregate -> item of a collected version's code, in the order of its list without the total (STANDARDS 2.3 to 2.6).
AGGREGATES = {
    ("ECO_ISIC3", "ECO_AGGREGATE"): "AGR AGR MEL MAN MEL CON MKT MKT MKT MKT MKT PUB PUB PUB PUB PUB PUB X",
    ("ECO_ISIC3", "ECO_SECTOR"): "AGR AGR IND IND IND IND SER SER SER SER SER SER SER SER SER SER SER X",
    ("OCU_ISCO88", "OCU_SKILL"): "L3-4 L3-4 L3-4 L2 L2 L2 L2 L2 L1 X X",
    ("EDU_ISCED97", "EDU_AGGREGATE"): "LTB LTB BAS BAS INT INT ADV ADV ADV ADV X",
    ("STE_ICSE18", "STE_ICSE18A"): "INDEPENDENT INDEPENDENT INDEPENDENT INDEPENDENT DEPENDENT DEPENDENT DEPENDENT "
    "DEPENDENT DEPENDENT DEPENDENT X",
    ("STE_ICSE18", "STE_ICSE18R"): "PAY PROFIT PAY PROFIT PROFIT PAY PAY PAY PAY PROFIT X",
}


@pytest.mark.parametrize("collected", PUBLISHED)
def test_what_can_be_published_from_a_collected_version(collected):
    versions = [name for name in LISTS if name.split("_")[0] == collected.split("_")[0]]
    codes = [item.code for item in LISTS[collected].items if not item.is_total]
    reached = {name for name in versions if all(items_of(name, code) for code in codes)}
    assert reached == PUBLISHED[collected]
    assert {name for name in versions if any(items_of(name, code) for code in codes)} == reached


@pytest.mark.parametrize(("one", "other"), [pair for pairs in REVISIONS for pair in permutations(pairs)])
def test_no_revision_is_made_from_another(one, other):
    assert all(items_of(other, item.code) == () for item in LISTS[one].items)
    assert base_lists_of(other) == (other,)
    concept = {"ECO": "economic_activity", "OCU": "occupation", "EDU": "education"}.get(one.split("_")[0])
    if concept:
        assert versions_of((one, other), concept, {concept: one}) == (one,)


@pytest.mark.parametrize(("collected", "aggregate"), AGGREGATES)
def test_each_code_lies_in_one_item_of_the_aggregate(collected, aggregate):
    codes = [item.code for item in LISTS[collected].items if not item.is_total]
    items = [f"{aggregate}_{item}" for item in AGGREGATES[collected, aggregate].split()]
    assert [items_of(aggregate, code) for code in codes] == [(item,) for item in items]


def test_every_row_of_the_hierarchies_leads_from_a_collected_version_from_ages_or_from_answers():
    pairs = {(row.base_list, row.version) for row in load_hierarchy()}
    expected = {(one, other) for one, published in PUBLISHED.items() for other in published - {one}}
    assert {pair for pair in pairs if not pair[1].startswith("AGE_")} == expected | set(ANSWERS.items())


@pytest.mark.parametrize(("answers", "version"), [pair for pair in ANSWERS.items() if pair[0] != pair[1]])
def test_every_answer_is_published_as_one_item_with_its_labels(answers, version):
    published = [item for item in LISTS[version].items if not item.is_total]
    assert [items_of(version, item.code) for item in LISTS[answers].items] == [(item.code,) for item in published]
    labels = [(item.en, item.fr, item.es) for item in published]
    assert labels == [(item.en, item.fr, item.es) for item in LISTS[answers].items]


def test_the_labour_force_is_made_of_the_employed_and_the_unemployed():
    found = {code: items_of("LMS_STATUS", f"LMS_STATUS_{code}") for code in ("EMP", "UNE", "EIP", "X", "TOTAL")}
    assert {code: {item.removeprefix("LMS_STATUS_") for item in items} for code, items in found.items()} == {
        "EMP": {"EAP", "EMP"},
        "UNE": {"EAP", "UNE"},
        "EIP": {"EIP"},
        "X": {"X"},
        "TOTAL": set(),
    }


def test_the_lists_of_icse_18_are_no_part_of_ilostat_s_status_in_employment():
    assert {name for name, codes in LISTS.items() if codes.type == "STE"} == {"STE_AGGREGATE", "STE_ICSE93"}
    assert {LISTS[name].agency for name in ("STE_ICSE18", "STE_ICSE18A", "STE_ICSE18R")} == {"ILMS"}
