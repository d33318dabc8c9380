"""The log of decisions on releases: every line is chained to the one before."""

from pathlib import Path

import pytest

from schemas.errors import InputError, ProblemsError
from sdmx_out.releases.gate import approve
from sdmx_out.releases.places import Places
from sdmx_out.releases.release_log import read
from tests.sdmx_out import example
from tests.sdmx_out.example import by, rows


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A data folder with roles."""
    example.plain_structures(monkeypatch)
    (tmp_path / "roles.toml").write_text('[release]\nmakers = ["Ada"]\napprovers = ["Mary"]\n', encoding="utf-8")
    return Places(tmp_path)


def test_the_chain_is_verified(places: Places) -> None:
    made = example.release(places.home)
    approve(places, made.identifier, by("Mary"))
    lines = places.log.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    assert places.log.stat().st_mode & 0o777 == 0o600
    for damaged, row in (
        ([lines[0].replace(b"Ada", b"Eve"), *lines[1:]], 2),
        ([lines[0], lines[2]], 2),
        ([lines[1], lines[0], lines[2]], 1),
        ([lines[0], lines[0], *lines[1:]], 2),
        ([lines[0], b"{}\n", *lines[1:]], 2),
    ):
        places.log.write_bytes(b"".join(damaged))
        with pytest.raises(InputError) as caught:
            read(places.log)
        (problem,) = caught.value.problems
        assert (problem.rule, problem.row) == ("RELEASE_LOG_BROKEN", row)
        with pytest.raises(ProblemsError, match="RELEASE_LOG_BROKEN"):
            example.release(places.home, rows()[:5], day="2026-11-24")
    places.log.write_bytes(b"".join(lines))
    assert len(read(places.log)) == 3


def test_half_a_line_of_a_dead_process_is_no_line(places: Places) -> None:
    example.release(places.home)
    whole = places.log.read_bytes()
    places.log.write_bytes(whole + b'{"comment": "hal')
    example.release(places.home, rows()[:5], day="2026-11-24")
    assert places.log.read_bytes().startswith(whole)
    assert [entry.what for entry in read(places.log)] == ["made", "superseded", "made"]
