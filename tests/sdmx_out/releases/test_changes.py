"""What counts as a change between two releases, and how it is listed."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdmx_out.ilostat_tables import BULK_COLUMNS
from sdmx_out.releases.changes import BULK_FOLDER, Change, change_lines, compare, count_changes, read_changes

Cells = dict[tuple[str, str, str, str, str], tuple[str, str]]
TOTAL = ("XAA", "2013", "SEX_T", "AGE_T", "")


def bulk(folder: Path, cells: Cells, name: str = "X_A", source: str = 'LFS, the "new" one') -> Path:
    """Write a bulk file in the order of its keys, which is not that of the cells."""
    path = folder / BULK_FOLDER / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, BULK_COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        for (area, time, sex, classif1, classif2), (value, status) in sorted(cells.items(), key=lambda c: c[0][::-1]):
            row = {"ref_area": area, "time": time, "sex": sex, "classif1": classif1, "classif2": classif2}
            writer.writerow({**row, "source": source, "indicator": "X", "obs_value": value, "obs_status": status})
    return folder


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (("1.0", ""), ("2.0", ""), "revised"),
        (("1.0", ""), ("2.0", "B"), "revised"),
        (("1.0", ""), ("1.0", "B"), "flag"),
        (("", "C"), ("", "S"), "flag"),
        (("", "C"), ("1.0", ""), "new"),
        (None, ("1.0", ""), "new"),
        (None, ("", "C"), "flag"),
        (("", "C"), None, "flag"),
        (("1.0", ""), ("", "C"), "withdrawn"),
        (("1.0", ""), None, "withdrawn"),
        (("1.0", "B"), ("1.0", "B"), None),
        (("1.0", ""), ("1.00", ""), "revised"),
    ],
)
def test_kinds(tmp_path: Path, before: tuple[str, str] | None, after: tuple[str, str] | None, kind: str | None) -> None:
    kept = {("XBB", *TOTAL[1:]): ("5.0", "")}
    earlier = bulk(tmp_path / "1", {**kept, **({TOTAL: before} if before else {})})
    later = bulk(tmp_path / "2", {**kept, **({TOTAL: after} if after else {})})
    changes = compare(earlier, later)
    assert [change.kind for change in changes] == ([kind] if kind else [])
    for change in changes:
        assert change.cell == TOTAL
        assert change.after == (after or ("", ""))
        assert change.before == (("", (before or ("", ""))[1]) if kind == "withdrawn" else before or ("", ""))


def test_other_notes_and_sources_are_no_change(tmp_path: Path) -> None:
    earlier = bulk(tmp_path / "1", {TOTAL: ("1.0", "")})
    assert compare(earlier, bulk(tmp_path / "2", {TOTAL: ("1.0", "")}, source="another")) == []


def test_files_that_came_went_or_are_damaged(tmp_path: Path) -> None:
    earlier, later = (
        bulk(tmp_path / "1", {TOTAL: ("1.0", "")}, "A_Q"),
        bulk(tmp_path / "2", {TOTAL: ("2.0", "")}, "B_C_A"),
    )
    bulk(later, {TOTAL: ("3.0", "")}, "D_A")
    (earlier / BULK_FOLDER / "D_A.csv").write_bytes(b"damaged")
    changes = compare(earlier, later)
    assert [(change.kind, change.indicator, change.freq) for change in changes] == [
        ("withdrawn", "A", "Q"),
        ("new", "B_C", "A"),
        ("new", "D", "A"),
    ]
    assert compare(tmp_path / "3", tmp_path / "4") == []


def test_exact_lines_can_be_read_again(tmp_path: Path) -> None:
    earlier = bulk(tmp_path / "1", {TOTAL: ("1.0", ""), ("XBB", *TOTAL[1:]): ("5.0", "U")})
    changes = compare(earlier, bulk(tmp_path / "2", {TOTAL: ("1.5", "B")}))
    lines = list(change_lines(changes))
    assert lines == [
        "change,indicator,ref_area,freq,time,sex,classif1,classif2,"
        "obs_value_before,obs_value,obs_status_before,obs_status",
        "revised,X,XAA,A,2013,SEX_T,AGE_T,,1.0,1.5,,B",
        "withdrawn,X,XBB,A,2013,SEX_T,AGE_T,,,,U,",
    ]
    (tmp_path / "changes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert read_changes(tmp_path / "changes.csv") == changes
    assert count_changes(changes) == {"X": {"new": 0, "revised": 1, "withdrawn": 1, "flag": 0}}


def _by_hand(before: Cells, after: Cells) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for cell in sorted(before.keys() | after.keys()):
        (old, _), (new, _) = before.get(cell, ("", "")), after.get(cell, ("", ""))
        if before.get(cell) != after.get(cell):
            kind = "withdrawn" if old and not new else "new" if new and not old else "revised" if old != new else "flag"
            found.append((kind, cell))
    return found


_CELLS = st.dictionaries(
    st.tuples(
        st.sampled_from(["XAA", "XBB", "ÀAA"]),
        st.sampled_from(["2012", "2013"]),
        st.sampled_from(["SEX_F", "SEX_M"]),
        st.sampled_from(["", "AGE_T", "AGE_Y"]),
        st.just(""),
    ),
    st.sampled_from([("1.0", ""), ("2.0", ""), ("1.0", "B"), ("", "C"), ("", "S")]),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_CELLS, _CELLS)
def test_it_finds_what_a_comparison_by_hand_finds_in_the_same_order(
    tmp_path: Path, before: Cells, after: Cells
) -> None:
    changes = compare(bulk(tmp_path / "1", before), bulk(tmp_path / "2", after))
    assert [(change.kind, change.cell) for change in changes] == _by_hand(before, after)
    assert all(isinstance(change, Change) and (change.indicator, change.freq) == ("X", "A") for change in changes)
