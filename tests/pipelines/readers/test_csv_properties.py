"""Whatever the quotes, rows and blanks: what is read is what a strict reader of csv reads."""

import csv
import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.readers.read import Field, FileLayout, write_raw_extract
from schemas.errors import InputError

LAYOUT = FileLayout("csv", None, None, ",", True, (Field("A", ""), Field("B", "")))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet='",\n\rab', max_size=24))
def test_the_same_as_a_strict_reader_or_refused(desk, monkeypatch, body):
    import pyarrow.parquet as pq

    monkeypatch.setattr("pipelines.readers.csv_scan.BLOCK", 5)
    path = desk.file(f"A,B\n{body}".encode())
    target = desk.store / "raw.parquet"
    target.unlink(missing_ok=True)
    try:
        strict = [row for row in csv.reader(io.StringIO(f"A,B\n{body}", newline=""), strict=True) if row]
    except csv.Error:
        strict = None
    try:
        write_raw_extract(path, LAYOUT, target, display_name="a.csv", work_dir=desk.work_dir)
    except InputError:
        return
    assert strict is not None
    stored = pq.read_table(target).to_pydict()
    assert [[a, b] for a, b in zip(stored["A"], stored["B"], strict=True)] == strict[1:]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.text(alphabet='",\n\rabé ', max_size=6)] * 2), min_size=1, max_size=8))
def test_what_a_csv_writer_writes_is_read(desk, rows):
    import pyarrow.parquet as pq

    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("A", "B"), *rows])
    target = desk.store / "raw.parquet"
    write_raw_extract(desk.file(out.getvalue().encode()), LAYOUT, target, display_name="a.csv", work_dir=desk.work_dir)
    stored = pq.read_table(target).to_pydict()
    assert list(zip(stored["A"], stored["B"], strict=True)) == rows
