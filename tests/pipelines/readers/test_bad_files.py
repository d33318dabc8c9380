"""Every bad file is refused under its rule, in little memory, and leaves nothing behind."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pipelines.readers.bad_files import CASES
from tests.pipelines.readers.samples import SECRET

ROOT = Path(__file__).parents[3]
PEAK_MB = 700
BATCHES = 4


@pytest.fixture(scope="module")
def outcomes():
    """Case -> what became of it; and the memory of each process that read some of them."""
    names = list(CASES)

    def run(batch):
        command = [sys.executable, "-m", "tests.pipelines.readers.bad_files", *names[batch::BATCHES]]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    with ThreadPoolExecutor(2) as threads:
        told = [line for lines in threads.map(run, range(BATCHES)) for line in lines]
    return {line["case"]: line for line in told if "case" in line}, [line for line in told if "peak_mb" in line]


def test_there_are_sixty():
    assert len(CASES) >= 60


@pytest.mark.parametrize("name", CASES)
def test_a_bad_file_is_refused(outcomes, name):
    outcome = outcomes[0][name]
    assert outcome["rules"] == [CASES[name][2]]
    assert outcome["left"] == []
    assert SECRET not in outcome["message"]
    assert "Remedy: " in outcome["message"]


def test_memory_stays_small(outcomes):
    assert len(outcomes[1]) == BATCHES
    for told in outcomes[1]:
        assert 0 < told["peak_mb"] < PEAK_MB
        assert told["children_peak_mb"] < PEAK_MB
