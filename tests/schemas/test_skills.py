import pytest

from schemas.codes import load_code_lists
from schemas.errors import SpecError
from schemas.skills import load_required_education, read_required_education

HEADER = "occupation,lowest,highest,source\n"
GOOD = "OCU_ISCO08_1,EDU_ISCED11_5,EDU_ISCED11_8,ISCO-08\n"


def test_every_major_group_but_the_armed_forces_requires_levels_of_both_isceds():
    pairs = load_required_education()
    assert set(pairs) == {
        (isco, isced) for isco in ("OCU_ISCO08", "OCU_ISCO88") for isced in ("EDU_ISCED11", "EDU_ISCED97")
    }
    for (isco, _), rows in pairs.items():
        assert [row[0] for row in rows] == [f"{isco}_{group}" for group in range(1, 10)]


@pytest.mark.parametrize(
    ("text", "rule", "row"),
    [
        (HEADER.replace(",source", ""), "TABLE_COLUMNS", 1),
        ("", "TABLE_COLUMNS", 1),
        (HEADER + GOOD + "OCU_ISCO08_2,EDU_ISCED11_5\n", "TABLE_ROW_WIDTH", 3),
        (HEADER + GOOD.replace("ISCO08_1", "ISCO08_12"), "CODE_TARGET_UNKNOWN", 2),
        (HEADER + GOOD.replace("ISCED11_8", "ISCED97_6"), "CODE_TARGET_UNKNOWN", 2),
        (HEADER + GOOD.replace("ISCED11_5", "ISCED11_15"), "CODE_TARGET_UNKNOWN", 2),
        (HEADER + "OCU_ISCO08_1,EDU_ISCED11_8,EDU_ISCED11_5,ISCO-08\n", "ORDER_INVALID", 2),
        (HEADER + GOOD + GOOD, "CODE_DUPLICATE", 3),
    ],
)
def test_a_malformed_table_is_refused(tmp_path, text, rule, row):
    path = tmp_path / "skills_mismatch.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_required_education(path, load_code_lists())
    (problem,) = caught.value.problems
    assert (problem.file, problem.row, problem.rule) == ("skills_mismatch.csv", row, rule)
    assert problem.remedy
