"""Draw a thousand samples of an invented country and write how often intervals hold the truth.

    python -m tests.simulation --samples 1000 --seed 1 --out docs/coverage.md

Exit status: 0 where the targets are met, 1 where they are not (the page is written all the same), 2 for wrong
arguments.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.simulation import population, report
from tests.simulation.run import by_cell, simulate


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, write the page and say what was found; return the exit status."""
    given = _parser().parse_args(arguments)
    if given.samples < 2:
        sys.stderr.write("--samples: at least 2 are needed, for there is no variance among one\n")
        return 2
    begun = time.perf_counter()
    country = population.build(given.seed)

    def tell(done: int) -> None:
        if done % 50 == 0 or done == given.samples:
            sys.stderr.write(f"{done:,} of {given.samples:,} samples, {time.perf_counter() - begun:.0f} s\n")

    results = simulate(country, given.samples, given.seed, tell)
    command = f"python -m tests.simulation --samples {given.samples} --seed {given.seed} --out docs/coverage.md"
    page = report.page(country, results, given.seed, command)
    if given.out is None:
        sys.stdout.write(page)
    else:
        given.out.write_text(page, encoding="utf-8")
    found = report.verdict(report.enough(by_cell(results)))
    sys.stderr.write(
        f"{found.cells:,} cells with enough PSUs: mean coverage {found.mean:.2f} %, {found.within:.1f} % of them "
        f"within the band; the targets are {'met' if found.is_met else 'not met'}\n"
    )
    return 0 if found.is_met else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description="Coverage of confidence intervals over many samples of an invented country of a million persons.",
        epilog="Exit status: 0 the targets are met, 1 they are not, 2 wrong arguments.",
    )
    parser.add_argument("--samples", type=int, default=1000, help="number of samples; default: 1000")
    parser.add_argument("--seed", type=int, default=1, help="of country and samples; default: 1")
    parser.add_argument("--out", type=Path, metavar="FILE", help="page to write; default: standard output")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
