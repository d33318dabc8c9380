"""Sums over items: totals hold the unknown, items hold what the membership says, of any shape."""

import numpy as np

from transforms.margins import Cells, Dimension
from transforms.membership import dimension

SEX = Dimension.of(["SEX_F", "SEX_M"], [("SEX_F", "SEX_F"), ("SEX_F", "SEX_T"), ("SEX_M", "SEX_T")])


def test_an_item_without_a_base_code_is_left_out():
    assert SEX.items == ("SEX_F", "SEX_T")
    assert SEX.members == ((0,), (0, 1))
    assert Dimension.of([], [("SEX_F", "SEX_F")]).items == ()


def test_a_total_holds_the_unknown_and_no_item_does():
    age = dimension("age_band", ["AGE_AGGREGATE"], ["", "AGE_10YRBANDS_Y15-24", "AGE_10YRBANDS_Y25-34"])
    cells = Cells(Dimension.absent(), age, Dimension.absent())
    found = dict(zip([name[1] for name in cells.names()], cells.sums(np.array([7.0, 2.0, 1.0])), strict=True))
    assert found == {"AGE_AGGREGATE_TOTAL": 10, "AGE_AGGREGATE_Y15-24": 2, "AGE_AGGREGATE_Y25-54": 1}


def test_a_group_holds_its_countries_and_a_region_its_residual_group_too():
    codes = ["", "AFR_OTHER", "ASI_OTHER", "IRQ", "KEN", "MAR", "XAA", "ZMB"]
    birth = dimension("country_of_birth", ["CBR_BRT"], codes)
    cells = Cells(Dimension.absent(), birth, Dimension.absent())
    base = np.array([1.0, 2, 4, 8, 16, 32, 64, 128])
    found = {
        name[1].removeprefix("CBR_BRT_"): total for name, total in zip(cells.names(), cells.sums(base), strict=True)
    }
    assert found == {
        "TOTAL": 255, "X": 7, "XAA": 64, "X06": 2 + 16 + 32 + 128, "X10": 32, "X18": 16 + 128, "X36": 8,
        "IRQ": 8, "KEN": 16, "MAR": 32, "ZMB": 128,
    }  # fmt: skip


def test_cells_are_in_the_order_of_their_names():
    two = Dimension.of(["a", "b"], [("a", "A"), ("b", "B"), ("a", "T"), ("b", "T")])
    cells = Cells(SEX, two, two)
    base = np.arange(8.0).reshape(8, 1) * np.array([[1.0, 10.0]])
    found = cells.sums(base)
    assert found.shape == (18, 2)
    assert cells.names()[0] == ("SEX_F", "A", "A")
    assert cells.names()[-1] == ("SEX_T", "T", "T")
    assert found[-1].tolist() == [28, 280]
    # (men, b, a) is the seventh base cell: 6. In SEX_T with (women, b, a) = 2.
    assert found[cells.names().index(("SEX_T", "B", "A"))].tolist() == [8, 80]


def test_presence_is_of_any_of_the_codes():
    cells = Cells(SEX, Dimension.absent(), Dimension.absent())
    found = cells.presence(np.array([[True, False, False], [True, True, False]]))
    assert found.tolist() == [[True, False, False], [True, True, False]]


def test_a_factor_has_an_item_for_each_of_its_codes():
    factor = dimension("pay_group", (), ["", "x", "y"])
    assert factor.items == ("x", "y")
    assert factor.members == ((1,), (2,))
