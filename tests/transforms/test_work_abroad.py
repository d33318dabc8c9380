"""How long returned workers were abroad, by band."""

from types import SimpleNamespace

from tests.transforms.derive import context, derive, specification

COLUMNS = ("residence_status", "is_working_age", "worked_abroad", "months_worked_abroad")

#: Worked abroad, months -> band, by hand: lower limits belong to the band.
BANDS = [
    *((True, months, "MLT6") for months in (0, 0.5, 5, 5.9)),
    *((True, months, "M6-11") for months in (6, 11, 11.9)),
    *((True, months, "M12-59") for months in (12, 59.9)),
    *((True, months, "M60-119") for months in (60, 119)),
    *((True, months, "MGE120") for months in (120, 600)),
    *((True, months, "X") for months in (None, -1)),
    *((worked, months, None) for worked in (False, None) for months in (None, 9)),
]


def any_return():
    """A specification that sets no minimum of work abroad and no limit of time since the return."""
    spec = specification()
    spec.migration = SimpleNamespace(return_minimum_months=None, return_within_months=None)
    return spec


def test_bands_of_work_abroad():
    rows = [("RES_USUAL", True, worked, months) for worked, months, _ in BANDS]
    found = derive(COLUMNS, rows, ("work_abroad_band",), any_return())
    assert found == [(band and f"DAB_BANDS_{band}",) for *_, band in BANDS]


def test_both_questions_are_needed():
    assert "work_abroad_band" in context(COLUMNS, any_return()).known
    for missing in ("worked_abroad", "months_worked_abroad"):
        assert "work_abroad_band" not in context([name for name in COLUMNS if name != missing], any_return()).known
