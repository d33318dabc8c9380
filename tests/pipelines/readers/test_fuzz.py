"""A slice of the mutants that ``fuzz.py`` makes; all of them are read by ``make fuzz``."""

from tests.pipelines.readers import fuzz
from tests.pipelines.readers.samples import KINDS


def test_three_hundred_mutants():
    figures = fuzz.run(300, seed=2)
    assert [outcome.failure for outcome in figures.failures] == []
    assert sum(figures.results.values()) == 300
    assert {result.split()[0] for result in figures.results} == set(KINDS)
    assert {"read", "FILE_TRUNCATED", "FILE_ARCHIVE"} < {result.split(maxsplit=1)[1] for result in figures.results}


def test_a_cut_file_that_is_read_as_a_shorter_one_is_a_failure():
    whole = fuzz.sound("csv")
    rows = whole.rstrip(b"\n").rpartition(b"\n")[0]
    assert fuzz._judge_cut("csv", rows) == (fuzz.ROW_CUT, "")
    assert fuzz._judge_cut("csv", rows + b"\n") == (fuzz.ROW_CUT, "")
    assert fuzz._judge_cut("csv", rows.rpartition(b",")[0])[1]
    assert fuzz._judge_cut("sav", fuzz.sound("sav")[:-32])[1]
    assert fuzz._judge_cut("uncounted", fuzz.sound("uncounted")[:-31])[1]
    assert fuzz._judge_cut("uncounted", fuzz.sound("uncounted")[:-32]) == (fuzz.ROW_CUT, "")
