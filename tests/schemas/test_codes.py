import shutil
import unicodedata
from pathlib import Path

import pytest

from schemas import codes
from schemas.codes import (
    COUNTRY_NAMES,
    COUNTRY_VERSIONS,
    FOLDER,
    base_lists_of,
    items_of,
    load_code_lists,
    load_country_groups,
    load_hierarchy,
    load_shared_codes,
    load_status_map,
    read_code_lists,
    read_country_groups,
    read_hierarchy,
    read_shared_codes,
    read_status_map,
    total_of,
)
from schemas.errors import SpecError

VERSIONS = [
    "SEX",
    "AGE_AGGREGATE",
    "AGE_10YRBANDS",
    "AGE_YTHADULT",
    "AGE_5YRBANDS",
    "EDU_AGGREGATE",
    "EDU_ISCED11",
    "EDU_ISCED97",
    "ECO_SECTOR",
    "ECO_AGGREGATE",
    "ECO_ISIC4",
    "ECO_ISIC3",
    "OCU_SKILL",
    "OCU_ISCO08",
    "OCU_ISCO88",
    "STE_AGGREGATE",
    "STE_ICSE93",
    "CBR_BIR",
    "CBR_BRT",
    "CCT_CIT",
    "CCT_CTZ",
    "CRS_RES",
    "CDS_DES",
    "CPR_PRV",
    "MIG_STATUS",
    "LMS_STATUS",
    "GEO_COV",
    "STY_BANDS",
    "DAB_BANDS",
    "RES_STATUS",
    "REA_MIGR",
    "HOW_BANDS",
    "STE_ICSE18",
    "STE_ICSE18A",
    "STE_ICSE18R",
]
OTHER_LISTS = [
    "AREA",
    "AREA_SPECIAL",
    "FREQ",
    "UNIT_MEASURE",
    "UNIT_MEASURE_TYPE",
    "UNIT_MULT",
    "OBS_STATUS",
    "OBS_STATUS_SDMX",
    "CONF_STATUS",
    "NOTE_TYPE",
    "NOTE",
    "SOURCE",
    "RESIDENCE_STATUS",
    "ABSENCE_REASON",
    "MIGRATION_REASON",
    "OLF_DLMA",
    "INST_SECTOR",
    "INFORMAL_UNIT",
    "JOB_FORMALITY",
    "SKILLS_MATCH",
    "QUALITY_ITEM",
    "QUALITY_VALUE",
    "QUALITY_UNIT",
]

HEADER = "code,label_en,label_fr,label_es,order,level,parent,is_total"
INDEX = "list,type,title_en,title_fr,title_es,version,source,agency"


def test_the_lists_are_those_of_the_design():
    assert set(load_code_lists()) == {*VERSIONS, *OTHER_LISTS}


def test_every_classification_version_has_one_total_and_no_other_list_has_any():
    totals = {name: [item.code for item in codes.items if item.is_total] for name, codes in load_code_lists().items()}
    assert {name for name, found in totals.items() if len(found) == 1} == set(VERSIONS)
    assert {name for name, found in totals.items() if not found} == set(OTHER_LISTS)


@pytest.mark.parametrize("name", [*VERSIONS, *OTHER_LISTS])
def test_a_list_is_labelled_in_three_languages_unique_and_in_order(name):
    codes = load_code_lists()[name]
    labels = [label for item in codes.items for label in (item.en, item.fr, item.es)]
    assert all(labels)
    assert not [label for label in [*labels, *codes.title.values()] if "?" in label]
    assert len(codes.codes) == len(codes.items)
    assert [item.order for item in codes.items] == list(range(1, len(codes.items) + 1))


def test_every_csv_of_the_folder_is_read():
    read = {f"{name}.csv" for name in load_code_lists()}
    read |= {"index.csv", "hierarchies.csv", "country_groups.csv", "status_map.csv"}
    assert {path.name for path in FOLDER.glob("*.csv")} == read


def test_codes_of_a_version_begin_with_its_name():
    for name in set(VERSIONS) - {"SEX"}:
        assert all(code.startswith(f"{name}_") for code in load_code_lists()[name].codes)


@pytest.mark.parametrize(
    ("name", "code", "fr", "es"),
    [
        ("AREA", "ESP", "Espagne", "España"),
        ("AREA", "SSD", "Soudan du Sud", "Sudán del Sur"),
        ("CBR_BRT", "CBR_BRT_MEX", "Mexique", "México"),
        ("CCT_CTZ", "CCT_CTZ_X06", "Afrique", "África"),
        ("CDS_DES", "CDS_DES_X36", "États arabes", "Estados Árabes"),
        ("CPR_PRV", "CPR_PRV_X33", "Amérique du Sud", "América del Sur"),
        ("CBR_BIR", "CBR_BIR_FOREIGN", "Nés à l'étranger", "Nacidos en el extranjero"),
        ("LMS_STATUS", "LMS_STATUS_UNE", "Au chômage", "En la desocupación"),
        ("ECO_ISIC4", "ECO_ISIC4_P", "P. Éducation", "P. Enseñanza"),
    ],
)
def test_accents_are_there(name, code, fr, es):
    item = next(item for item in load_code_lists()[name].items if item.code == code)
    assert (item.fr, item.es) == (fr, es)


def test_areas_keep_namibia_and_leading_zeros():
    areas = {item.code: item for item in load_code_lists()["AREA"].items}
    assert (areas["NAM"].iso2, areas["AFG"].iso_numeric) == ("NA", "004")
    assert [code for code, item in areas.items() if item.is_test] == ["XAA", "XBB"]
    assert areas["X01"].level == 2


@pytest.mark.parametrize("version", COUNTRY_VERSIONS)
def test_country_versions_have_the_test_areas_and_the_names_of_the_areas(version):
    items = {item.code: item for item in load_code_lists()[version].items}
    assert {f"{version}_XAA", f"{version}_XBB"} <= set(items)
    for area in load_code_lists()["AREA"].items:
        item = items.get(f"{version}_{area.code}")
        assert item is None or item.level == area.level
        labels, names = [item.en, item.fr, item.es] if item else [], [area.en, area.fr, area.es]
        assert not item or labels == names or (area.level == 2 and plain(labels) == plain(names))


def plain(labels: list[str]) -> list[str]:
    """Without accents, which the names of some groups lack in the list of areas."""
    return [unicodedata.normalize("NFD", label).encode("ascii", "ignore").decode() for label in labels]


def test_every_country_is_in_one_subregion_and_one_region():
    """Arab States are a region without subregions; test areas and the unknown are in no group."""
    above, areas = load_country_groups(), load_code_lists()["AREA"].items
    regions = set(above.values()) - set(above)
    assert regions == {"X06", "X21", "X36", "X40", "X60"}
    subregions = {group for group in above.values() if above.get(group) in regions}
    assert sorted(subregions) == [f"X{number}" for number in (
        10, 17, 18, 19, 20, 31, 32, 33, 34, 45, 54, 55, 56, 67, 68, 69, 70, 74, 79,
    )]  # fmt: skip
    countries = [item.code for item in areas if item.level == 1]
    assert len(countries) == 236
    assert {code for code in countries if code not in above} == {"XAA", "XBB"}
    assert {above[code] for code in countries if code in above} == {*subregions, "X36"}
    assert {code: above[code] for code in above if code.endswith("_OTHER")} == {
        "AFR_OTHER": "X06", "AME_OTHER": "X21", "OCE_OTHER": "X40", "EUR_OTHER": "X60", "EU_OTHER": "X60",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("region", "subregion", "countries"),
    [
        ("X06", "X18", "BDI COM DJI ERI ETH KEN MDG MOZ MUS MWI REU RWA SOM SSD SYC TZA UGA ZMB ZWE"),
        ("X06", "X10", "DZA EGY ESH LBY MAR SDN TUN"),
        ("X21", "X34", "BMU CAN GRL SPM USA"),
        ("X40", "X56", "AFG BGD BTN IND IRN LKA MDV NPL PAK"),
        ("X60", "X79", "ARM AZE CYP GEO ISR TUR"),
    ],
)
def test_members_of_groups(region, subregion, countries):
    above = load_country_groups()
    assert above[subregion] == region
    assert sorted(code for code, group in above.items() if group == subregion) == countries.split()


@pytest.mark.parametrize("version", COUNTRY_VERSIONS)
def test_groups_are_items_of_every_country_version_under_the_group_that_holds_them(version):
    items = {item.code: item for item in load_code_lists()[version].items}
    above = load_country_groups()
    for group in set(above.values()):
        parent = f"{version}_{above[group]}" if group in above else None
        assert (items[f"{version}_{group}"].level, items[f"{version}_{group}"].parent) == (2, parent)
    assert not [item for item in items.values() if item.level == 1 and item.parent]


@pytest.mark.parametrize(
    ("version", "base", "items"),
    [
        ("AGE_AGGREGATE", "AGE_10YRBANDS_YLT15", ["AGE_AGGREGATE_YLT15"]),
        ("AGE_AGGREGATE", "AGE_10YRBANDS_Y15-24", ["AGE_AGGREGATE_Y15-24"]),
        ("AGE_AGGREGATE", "AGE_10YRBANDS_Y25-34", ["AGE_AGGREGATE_Y25-54"]),
        ("AGE_AGGREGATE", "AGE_10YRBANDS_Y45-54", ["AGE_AGGREGATE_Y25-54"]),
        ("AGE_AGGREGATE", "AGE_10YRBANDS_Y55-64", ["AGE_AGGREGATE_Y55-64"]),
        ("AGE_AGGREGATE", "AGE_10YRBANDS_YGE65", ["AGE_AGGREGATE_YGE65"]),
        ("AGE_10YRBANDS", "AGE_10YRBANDS_Y55-64", ["AGE_10YRBANDS_Y55-64"]),
        ("AGE_10YRBANDS", "AGE_5YRBANDS_Y10-14", ["AGE_10YRBANDS_YLT15"]),
        ("AGE_10YRBANDS", "AGE_5YRBANDS_Y15-19", ["AGE_10YRBANDS_Y15-24"]),
        ("AGE_YTHADULT", "AGE_10YRBANDS_YLT15", []),
        ("AGE_YTHADULT", "AGE_10YRBANDS_Y15-24", ["AGE_YTHADULT_Y15-64", "AGE_YTHADULT_Y15-24"]),
        ("AGE_YTHADULT", "AGE_10YRBANDS_Y55-64", ["AGE_YTHADULT_Y15-64", "AGE_YTHADULT_YGE25"]),
        ("AGE_YTHADULT", "AGE_10YRBANDS_YGE65", ["AGE_YTHADULT_YGE25"]),
        ("ECO_AGGREGATE", "ECO_ISIC4_O", ["ECO_AGGREGATE_PUB"]),
        ("ECO_AGGREGATE", "ECO_ISIC4_D", ["ECO_AGGREGATE_MEL"]),
        ("ECO_AGGREGATE", "ECO_ISIC3_D", ["ECO_AGGREGATE_MAN"]),
        ("ECO_AGGREGATE", "ECO_ISIC3_K", ["ECO_AGGREGATE_MKT"]),
        ("ECO_SECTOR", "ECO_ISIC4_G", ["ECO_SECTOR_SER"]),
        ("ECO_ISIC4", "ECO_ISIC4_A", ["ECO_ISIC4_A"]),
        ("ECO_ISIC4", "ECO_ISIC3_A", []),
        ("OCU_SKILL", "OCU_ISCO08_0", ["OCU_SKILL_X"]),
        ("OCU_SKILL", "OCU_ISCO88_3", ["OCU_SKILL_L3-4"]),
        ("EDU_AGGREGATE", "EDU_ISCED11_X", ["EDU_AGGREGATE_LTB"]),
        ("EDU_AGGREGATE", "EDU_ISCED11_0", ["EDU_AGGREGATE_LTB"]),
        ("EDU_AGGREGATE", "EDU_ISCED11_4", ["EDU_AGGREGATE_INT"]),
        ("EDU_AGGREGATE", "EDU_ISCED11_5", ["EDU_AGGREGATE_ADV"]),
        ("EDU_AGGREGATE", "EDU_ISCED97_UNK", ["EDU_AGGREGATE_X"]),
        ("EDU_ISCED97", "EDU_ISCED97_5A", ["EDU_ISCED97_5", "EDU_ISCED97_5A"]),
        ("STE_AGGREGATE", "STE_ICSE93_5", ["STE_AGGREGATE_SLF"]),
        ("SEX", "SEX_F", ["SEX_F"]),
        ("SEX", "_U", []),
        ("SEX", "SEX_T", []),
        ("CBR_BRT", "FRA", ["CBR_BRT_FRA", "CBR_BRT_X69", "CBR_BRT_X60"]),
        ("CDS_DES", "JOR", ["CDS_DES_JOR", "CDS_DES_X36"]),
        ("CRS_RES", "CUW", ["CRS_RES_X", "CRS_RES_X31", "CRS_RES_X21"]),
        ("CPR_PRV", "KEN", ["CPR_PRV_KEN", "CPR_PRV_X18", "CPR_PRV_X06"]),
        ("CBR_BRT", "XAA", ["CBR_BRT_XAA"]),
        ("CBR_BRT", "FSM", ["CBR_BRT_X", "CBR_BRT_X55", "CBR_BRT_X40"]),
        ("CBR_BRT", "_U", ["CBR_BRT_X"]),
        ("CCT_CTZ", "_STATELESS", ["CCT_CTZ_X"]),
        ("CCT_CTZ", "EUR_OTHER", ["CCT_CTZ_X", "CCT_CTZ_X60"]),
        ("CCT_CTZ", "EU_OTHER", ["CCT_CTZ_X", "CCT_CTZ_X60"]),
        ("CCT_CTZ", "ASI_OTHER", ["CCT_CTZ_X"]),
        ("CCT_CTZ", "_FOREIGN", ["CCT_CTZ_X"]),
        ("CCT_CTZ", "X18", ["CCT_CTZ_X"]),
        ("CCT_CTZ", "TOTAL", ["CCT_CTZ_X"]),
    ],
)
def test_items_that_hold_a_base_code(version, base, items):
    assert list(items_of(version, base)) == items


@pytest.mark.parametrize("version", sorted({row.version for row in load_hierarchy()} - {"AGE_YTHADULT"}))
def test_level_one_items_are_a_partition_of_each_base(version):
    lists = load_code_lists()
    first = {item.code for item in lists[version].items if item.level == 1 and not item.is_total}
    for base in base_lists_of(version):
        parts = [
            [item for item in items_of(version, code.code) if item in first]
            for code in lists[base].items
            if not code.is_total and (code.level == 1 or code.parent)
        ]
        assert all(len(found) == 1 for found in parts)
        assert {item for found in parts for item in found} == first


def test_youth_and_adults_part_everybody_of_15_and_over():
    lists = load_code_lists()
    first = {item.code for item in lists["AGE_YTHADULT"].items if item.level == 1 and not item.is_total}
    bands = [item.code for item in lists["AGE_10YRBANDS"].items if not item.is_total][1:]
    assert [len(first & set(items_of("AGE_YTHADULT", band))) for band in bands] == [1] * 6


def test_totals():
    assert total_of("AGE_YTHADULT") == "AGE_YTHADULT_YGE15"
    assert total_of("GEO_COV") == "GEO_COV_NAT"
    with pytest.raises(ValueError, match="FREQ has no total"):
        total_of("FREQ")


@pytest.mark.parametrize(
    ("table", "source", "target"),
    [
        ("ISIC4_DIVISION", "01", "ECO_ISIC4_A"),
        ("ISIC4_DIVISION", "35", "ECO_ISIC4_D"),
        ("ISIC4_DIVISION", "84", "ECO_ISIC4_O"),
        ("ISIC4_DIVISION", "99", "ECO_ISIC4_U"),
        ("ISIC3_DIVISION", "95", "ECO_ISIC3_P"),
        ("ISCO08_MAJOR", "0", "OCU_ISCO08_0"),
        ("ISCO88_MAJOR", "9", "OCU_ISCO88_9"),
        ("ISO3", "XAA", "XAA"),
        ("ISO2", "NA", "NAM"),
        ("ISO_NUMERIC", "004", "AFG"),
    ],
)
def test_shared_tables(table, source, target):
    assert load_shared_codes(table)[source] == target


def test_divisions_that_isic_does_not_have_are_in_no_table():
    gaps = {"00", "04", "34", "40", "44", "48", "54", "57", "67", "76", "83", "89"}
    every = {f"{number:02d}" for number in range(100)}
    assert every - set(load_shared_codes("ISIC4_DIVISION")) == gaps


def test_every_shared_table_is_valid():
    for path in (FOLDER / "shared").glob("*.csv"):
        assert path.stem == COUNTRY_NAMES or load_shared_codes(path.stem)


def test_a_shared_table_that_does_not_exist_is_refused():
    with pytest.raises(SpecError, match="TABLE_NOT_FOUND"):
        load_shared_codes("../index")


def test_status_letters_are_never_mapped_silently_to_themselves_where_they_mean_something_else():
    found = {letter: (status.obs_status, status.conf_status) for letter, status in load_status_map().items()}
    assert found["A"] == ("E", "F")
    assert (found["S"], found["C"], found[""], found["R"]) == (("Q", "F"), ("Q", "C"), ("A", "F"), ("A", "F"))
    assert {found[letter][0] for letter in "LMZ"} == {"E"}
    assert (found["N"][0], found["X"][0]) == ("O", "M")
    assert all(found[letter] == (letter, "F") for letter in "UBEFIP")


def write_list(folder: Path, *rows: str, header: str = HEADER, name: str = "TEST") -> Path:
    text = f"{INDEX}\n{name},TEST,Test,Essai,Prueba,1.0,own list,ILMS\n"
    (folder / "index.csv").write_text(text, encoding="utf-8")
    (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


GOOD = ("T_TOTAL,Total,Total,Total,1,1,,Y", "T_1,One,Un,Uno,2,1,,N", "T_1A,Part,Part,Parte,3,2,T_1,N")


def test_a_good_list_is_read(tmp_path):
    codes = read_code_lists(write_list(tmp_path, *GOOD))["TEST"]
    assert (codes.total, codes.items[2].parent, codes.items[1].level) == ("T_TOTAL", "T_1", 1)


@pytest.mark.parametrize(
    ("rule", "row", "rows", "header"),
    [
        ("TABLE_COLUMNS", 1, GOOD, HEADER.replace(",parent", "")),
        ("TABLE_ROW_WIDTH", 2, ("T_TOTAL,Total",), HEADER),
        ("TABLE_ROW_WIDTH", 2, ('T_1,"One,Un,Uno,1,1,,N',), HEADER),
        ("TABLE_EMPTY", None, (), HEADER),
        ("CODE_DUPLICATE", 3, (GOOD[0], "T_TOTAL,One,Un,Uno,2,1,,N"), HEADER),
        ("CODE_INVALID", 2, ("T_1 ,One,Un,Uno,1,1,,N",), HEADER),
        ("LABEL_BLANK", 2, ("T_1,One, ,Uno,1,1,,N",), HEADER),
        ("ORDER_INVALID", 2, ("T_1,One,Un,Uno,first,1,,N",), HEADER),
        ("ORDER_INVALID", 3, (GOOD[0], "T_1,One,Un,Uno,1,1,,N"), HEADER),
        ("LEVEL_INVALID", 2, ("T_1,One,Un,Uno,1,3,,N",), HEADER),
        ("PARENT_UNKNOWN", 2, ("T_1,One,Un,Uno,1,2,T_9,N",), HEADER),
        ("TOTAL_INVALID", 2, ("T_1,One,Un,Uno,1,1,,yes",), HEADER),
        ("TOTAL_INVALID", 3, (GOOD[0], "T_1,One,Un,Uno,2,1,,Y"), HEADER),
    ],
)
def test_a_malformed_list_is_refused_with_file_row_and_remedy(tmp_path, rule, row, rows, header):
    with pytest.raises(SpecError) as caught:
        read_code_lists(write_list(tmp_path, *rows, header=header))
    (problem,) = caught.value.problems
    assert (problem.file, problem.row, problem.rule) == ("TEST.csv", row, rule)
    assert problem.message
    assert problem.remedy


@pytest.mark.parametrize("bad", ["4", "0004", "a04"])
def test_a_country_number_that_is_not_three_digits_is_refused(tmp_path, bad):
    header = f"{HEADER},iso2,iso_numeric,is_test"
    with pytest.raises(SpecError, match="row 2: AREA_INVALID"):
        read_code_lists(write_list(tmp_path, f"AFG,A,A,A,1,1,,N,AF,{bad},N", header=header, name="AREA"))


def test_all_problems_of_a_folder_are_told_at_once(tmp_path):
    write_list(tmp_path, "T_1,,Un,Uno,x,1,,N")
    with (tmp_path / "index.csv").open("a", encoding="utf-8") as index:
        index.write("GONE,GONE,Gone,Parti,Ido,1.0,own list,ILMS\nTEST,TEST,,,,1.0,own list,ILMS\n")
    with pytest.raises(SpecError) as caught:
        read_code_lists(tmp_path)
    rules = [problem.rule for problem in caught.value.problems]
    assert rules == ["LABEL_BLANK", "ORDER_INVALID", "TABLE_NOT_FOUND", "LABEL_BLANK"]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    write_list(tmp_path)
    (tmp_path / "TEST.csv").write_bytes(f"{HEADER}\nT_1,One,Un,A\xf1o,1,1,,N\n".encode("latin-1"))
    with pytest.raises(SpecError, match="TEST.csv: TABLE_ENCODING"):
        read_code_lists(tmp_path)


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("CODE_TARGET_UNKNOWN", "OCU_SKILL,OCU_SKILL_L9,OCU_ISCO08,OCU_ISCO08_1"),
        ("CODE_TARGET_UNKNOWN", "OCU_SKILL,OCU_SKILL_L1,OCU_ISCO58,OCU_ISCO58_1"),
        ("TOTAL_INVALID", "OCU_SKILL,OCU_SKILL_TOTAL,OCU_ISCO08,OCU_ISCO08_1"),
        ("CODE_DUPLICATE", "OCU_SKILL,OCU_SKILL_L1,OCU_ISCO08,OCU_ISCO08_9"),
    ],
)
def test_a_malformed_hierarchy_is_refused(tmp_path, rule, row):
    first = "OCU_SKILL,OCU_SKILL_L1,OCU_ISCO08,OCU_ISCO08_9"
    text = f"version,item,base_list,base_code\n{first}\n{row}\n"
    (tmp_path / "hierarchies.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=f"hierarchies.csv, row 3: {rule}"):
        read_hierarchy(tmp_path, load_code_lists())


def test_the_groups_of_countries_are_read_from_their_rows(tmp_path):
    rows = (FOLDER / "country_groups.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert dict(load_country_groups()) == {member: group for group, member in (row.split(",") for row in rows)}
    (tmp_path / "country_groups.csv").write_text("group,country\n", encoding="utf-8")
    with pytest.raises(SpecError, match="TABLE_COLUMNS"):
        read_country_groups(tmp_path, load_code_lists())


@pytest.mark.parametrize(
    ("rule", "old", "new", "where"),
    [
        ("CODE_TARGET_UNKNOWN", "X18,KEN\n", "X18,KEN\nX18,XAA\n", ", row"),
        ("CODE_TARGET_UNKNOWN", "X18,KEN\n", "X18,KEN\nX18,QQQ\n", ", row"),
        ("CODE_TARGET_UNKNOWN", "X18,KEN\n", "X18,KEN\nFRA,_U\n", ", row"),
        ("CODE_DUPLICATE", "X18,KEN\n", "X18,KEN\nX20,KEN\n", ", row"),
        ("PARENT_UNKNOWN", "X18,KEN\n", "X18,KEN\nX18,X06\n", ", row"),
        ("PARENT_UNKNOWN", "X18,KEN\n", "X18,KEN\nX01,X01\n", ", row"),
        ("CODE_UNMAPPED", "X18,KEN\n", "", ": "),
        ("CODE_UNMAPPED", "X18,KEN\n", "X18,KEN\nX06,X13\n", ": "),
    ],
)
def test_malformed_groups_of_countries_are_refused(tmp_path, rule, old, new, where):
    text = (FOLDER / "country_groups.csv").read_text(encoding="utf-8")
    (tmp_path / "country_groups.csv").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=f"country_groups.csv{where}.*{rule}") as caught:
        read_country_groups(tmp_path, load_code_lists())
    (problem,) = caught.value.problems
    assert problem.message
    assert problem.remedy


@pytest.mark.parametrize(
    ("rule", "row"), [("CODE_DUPLICATE", "1,OCU_ISCO08_2"), ("CODE_TARGET_UNKNOWN", "2,OCU_ISCO08_22")]
)
def test_a_malformed_shared_table_is_refused(tmp_path, rule, row):
    path = tmp_path / "MAJOR.csv"
    path.write_text(f"source_code,target_code\n1,OCU_ISCO08_1\n{row}\n", encoding="utf-8")
    with pytest.raises(SpecError, match=f"MAJOR.csv, row 3: {rule}"):
        read_shared_codes(path, load_code_lists())


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("CODE_UNMAPPED", "\nU,U,F", ""),
        ("CODE_TARGET_UNKNOWN", "\nU,U,F", "\nU,?,F"),
        ("CODE_DUPLICATE", "\nU,U,F", "\nU,U,F\nU,U,F"),
    ],
)
def test_a_malformed_status_map_is_refused(tmp_path, rule, old, new):
    text = (FOLDER / "status_map.csv").read_text(encoding="utf-8").replace(old, new)
    (tmp_path / "status_map.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=f"status_map.csv.*{rule}"):
        read_status_map(tmp_path, load_code_lists())


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "lists")
    path = tmp_path / "lists" / "SEX.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert codes.read_code_lists(tmp_path / "lists") == load_code_lists()
