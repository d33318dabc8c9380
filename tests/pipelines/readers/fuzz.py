"""Mutants of sound files: each must be refused under a known rule or be read, and a cut file must never pass for whole.

Run from the root of the project: python -m tests.pipelines.readers.fuzz --count 10000 --seed 1

Every mutant is read by ``write_raw_extract`` in one of two long-lived worker processes. A failure is a worker
that dies, an error that is no refusal, a refusal that shows a value, files left behind, more than 30 seconds,
or a truncated file that gives fewer rows. Text that is cut at the end of a row cannot be told from a shorter
text, nor can a sav that does not count its rows: that is counted and not a failure.
"""

import argparse
import contextlib
import multiprocessing
import random
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.pipelines.readers.samples import KINDS, ROWS, SECRET, layout_of, sound

ROOT = Path(__file__).parents[3]
SECONDS = 30.0
# Of the reading process, so that a hang costs less than the whole of what a mutant may take.
PATIENCE_SECONDS = 10.0
WORKERS = 2
HEADER_BYTES = 256
ROW_CUT = "cut at a row end"
# Of the sav: an identifier and a name of eight bytes each, two numbers.
ROW_BYTES = 32


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant: the rule, ``read`` or ROW_CUT, and what is wrong, if anything."""

    kind: str
    number: int
    mutation: str
    result: str
    seconds: float
    failure: str = ""


@dataclass
class Figures:
    """What became of all mutants."""

    results: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    slowest: float = 0.0


def _place(draws: random.Random, content: bytes) -> int:
    return draws.randrange(len(content))


def flip_bytes(content: bytes, draws: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draws.choice((1, 1, 2, 8, 40))):
        changed[_place(draws, content)] = draws.randrange(256)
    return bytes(changed)


def remove_block(content: bytes, draws: random.Random) -> bytes:
    start = _place(draws, content)
    return content[:start] + content[start + draws.choice((1, 4, 64, 600)) :]


def truncate(content: bytes, draws: random.Random) -> bytes:
    return content[: _place(draws, content)]


def insert_bytes(content: bytes, draws: random.Random) -> bytes:
    start = _place(draws, content)
    return content[:start] + draws.randbytes(draws.choice((1, 4, 64, 600))) + content[start:]


def repeat_block(content: bytes, draws: random.Random) -> bytes:
    start = _place(draws, content)
    end = start + draws.choice((1, 8, 64, 600))
    return content[:end] + content[start:end] * draws.choice((1, 1, 20)) + content[end:]


def edit_header(content: bytes, draws: random.Random) -> bytes:
    """Overwrite one field of the header, or of the footer that a zip or Parquet has, by an extreme number."""
    width = draws.choice((1, 2, 4, 8))
    number = draws.choice((0, 1, 0x7F, 0x80, 0xFF, 1 << (8 * width - 1), (1 << 8 * width) - 1)) % (1 << 8 * width)
    reach = min(HEADER_BYTES, len(content) - width)
    start = draws.randrange(max(reach, 1))
    if draws.random() < 0.3:
        start = len(content) - width - start
    return content[:start] + number.to_bytes(width, "little") + content[start + width :]


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_bytes, remove_block, truncate, insert_bytes, repeat_block, edit_header,
)  # fmt: skip


def mutant(seed: int, number: int) -> tuple[str, str, bytes]:
    """Kind, mutation and content of one mutant, the same for the same numbers."""
    draws = random.Random(f"{seed}/{number}")
    kind = KINDS[number % len(KINDS)]
    mutate = draws.choice(MUTATIONS)
    return kind, mutate.__name__, mutate(sound(kind), draws)


def judge(seed: int, number: int, folder: Path, rules: frozenset[str]) -> Outcome:
    """Read one mutant."""
    import pyarrow.parquet as pq

    from pipelines.readers.read import identify, write_raw_extract
    from schemas.errors import InputError

    kind, mutation, content = mutant(seed, number)
    source, target, work = folder / "in", folder / "out" / "raw.parquet", folder / "work"
    source.write_bytes(content)
    failure = ""
    begun = time.perf_counter()
    try:
        with contextlib.suppress(InputError):
            identify(source, "persons")
        info = write_raw_extract(source, layout_of(kind), target, display_name="persons", work_dir=work)
        result = "read"
        if pq.read_metadata(target).num_rows != info.rows:
            failure = "the extract has other rows than it says"
        if mutation == "truncate" and info.rows < ROWS:
            result, failure = _judge_cut(kind, content)
        target.unlink()
    except InputError as error:
        # A parser that crashed or stood still is told apart.
        result = error.problems[0].rule + " by its end" * ("its reader" in str(error))
        if not {problem.rule for problem in error.problems} <= rules:
            failure = "a rule that is not known"
        if SECRET in str(error):
            failure = "a value is shown"
    except Exception:
        result, failure = "error", traceback.format_exc()
    seconds = time.perf_counter() - begun
    if seconds > SECONDS:
        failure = f"{seconds:.0f} seconds"
    if any(target.parent.iterdir()) or any(work.iterdir()):
        failure = failure or "files are left behind"
    return Outcome(kind, number, mutation, result, seconds, failure)


def _judge_cut(kind: str, content: bytes) -> tuple[str, str]:
    """Whether a cut text that was read ends with a row, or where a row may end."""
    if kind == "uncounted" and not (len(sound(kind)) - len(content)) % ROW_BYTES:
        return ROW_CUT, ""
    if kind in ("csv", "fwf"):
        whole = sound(kind)
        is_row_end = content.endswith(b"\n") or whole[len(content) : len(content) + 1] == b"\n"
        # In the last column of a csv a shorter value is a value.
        last = content.rpartition(b"\n")[2]
        if is_row_end or (kind == "csv" and last.count(b",") == content.partition(b"\n")[0].count(b",")):
            return ROW_CUT, ""
    return "read", "a truncated file gives fewer rows"


def run(count: int, seed: int, workers: int = WORKERS, on_progress: Callable[[int], None] | None = None) -> Figures:
    """Read so many mutants."""
    figures = Figures()
    context = multiprocessing.get_context("spawn")
    pipes = []
    for worker in range(workers):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, range(worker, count, workers), seed), daemon=False)
        process.start()
        theirs.close()
        pipes.append((ours, process, range(worker, count, workers)))
    for done, outcome in enumerate(_outcomes(pipes), start=1):
        figures.results[f"{outcome.kind} {outcome.result}"] += 1
        figures.slowest = max(figures.slowest, outcome.seconds)
        if outcome.failure:
            figures.failures.append(outcome)
        if on_progress:
            on_progress(done)
    return figures


def _outcomes(pipes: list) -> Iterator[Outcome]:
    """Outcomes of all workers; one that dies fails with the mutant that it was reading."""
    from multiprocessing.connection import wait

    open_pipes = {ours: [process, iter(numbers)] for ours, process, numbers in pipes}
    while open_pipes:
        for ours in wait(list(open_pipes)):
            process, numbers = open_pipes[ours]
            try:
                outcome = ours.recv()
                next(numbers)
                yield outcome
            except EOFError:
                process.join()
                del open_pipes[ours]
                number = next(numbers, None)
                if number is not None:
                    yield Outcome("worker", number, "", "died", 0.0, f"the worker ended with {process.exitcode}")


def _work(pipe, numbers: range, seed: int) -> None:
    """Read every mutant of a worker."""
    from pipelines.readers import apart

    apart.PATIENCE_SECONDS = PATIENCE_SECONDS
    rules = frozenset(tomllib.loads((ROOT / "schemas/edit_rules.toml").read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "out").mkdir()
        (folder / "work").mkdir()
        for number in numbers:
            pipe.send(judge(seed, number, folder, rules))


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutants of sound files for the readers.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=WORKERS)
    given = parser.parse_args()
    begun = time.perf_counter()

    def tell(done: int) -> None:
        if done % 250 == 0:
            sys.stderr.write(f"{done} of {given.count}, {time.perf_counter() - begun:.0f} s\n")

    figures = run(given.count, given.seed, given.workers, tell)
    lines = [f"{result}: {number}" for result, number in sorted(figures.results.items())]
    lines.append(f"slowest: {figures.slowest:.1f} s, failures: {len(figures.failures)}")
    lines += [f"--- mutant {o.number}, {o.kind}, {o.mutation}\n{o.failure}" for o in figures.failures]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if figures.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
