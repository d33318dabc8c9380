"""Make the goldens anew: invented samples, exports of the real surveys (to a temporary folder), and R's figures.

    python tests/goldens/make.py              # all, about six minutes
    python tests/goldens/make.py panel eph    # some

Needs Rscript with the packages survey and MASS (Debian: r-cran-survey, r-cran-mass), and for the real surveys the
folder that ILMS_MICRODATA names. Only tables of estimates are written into the project.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
MICRODATA = Path(os.environ.get("ILMS_MICRODATA") or HERE.parents[2] / "shared" / "microdata")

#: Golden -> arguments of its R script; "{here}" is this folder, "{persons}" the export of the survey.
GOLDENS = {
    "designs": ("designs.R", "{here}/designs_persons.csv", "{here}/designs.csv"),
    "panel": ("panel.R", "{here}", "{here}/panel.csv"),
    "two_stage": ("two_stage.R", "{here}", "{here}/two_stage.csv"),
    "replicates": ("replicates.R", "{here}", "{here}/replicates.csv", "{here}/replicates_scales.csv"),
    "calibration": ("calibration.R", "{here}", "{here}/calibration.csv", "{here}/calibration_weights.csv"),
    "raking": ("raking.R", "{here}"),
    "eusilc": ("eusilc.R", "{here}", "{persons}", "{here}/eusilc_2006.csv"),
    "eph": ("eph.R", "{here}", "{persons}", "{here}/eph_2016.csv"),
    "qlfs": ("qlfs.R", "{persons}", "{here}/qlfs_2013_q4.csv"),
    "qlfs_cells": ("qlfs_cells.R", "{here}", "{persons}", "{here}/qlfs_2013_q4_cells.csv"),
}
#: Golden of a real survey -> script that exports its persons, and what that reads.
EXPORTS = {
    "eusilc": ("export_eusilc.py", "austria_eusilc/eusilc2006_synthetic.csv.gz"),
    "eph": ("export_eph.py", "argentina_eph"),
    "qlfs": ("export_qlfs.py", "south_africa_qlfs/qlfs_2013_q4.zip"),
    "qlfs_cells": ("export_qlfs.py", "south_africa_qlfs/qlfs_2013_q4.zip"),
}


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201 - a command says what it does


def stop(text: str) -> None:
    """End with an error."""
    raise SystemExit(f"make golden: {text}")


def check_r() -> None:
    """Stop where R or one of its packages is missing."""
    if shutil.which("Rscript") is None:
        stop("Rscript is not installed. Debian and Ubuntu: apt-get install r-cran-survey r-cran-mass")
    for package in ("survey", "MASS"):
        found = subprocess.run(
            ["Rscript", "-e", f"cat(as.character(packageVersion('{package}')))"], capture_output=True, text=True
        )
        if found.returncode != 0:
            stop(
                f"the R package {package} is not installed. Debian and Ubuntu: apt-get install r-cran-{package.lower()}"
            )
        say(f"R package {package} {found.stdout}")


def run(command: list[str]) -> None:
    """Run a command; on failure show what it said."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        say(done.stdout + done.stderr)
        stop(f"{Path(command[1]).name} failed")


def main() -> None:
    """Make the goldens named on the command line, or all."""
    asked = sys.argv[1:] or list(GOLDENS)
    unknown = [name for name in asked if name not in GOLDENS]
    if unknown:
        stop(f"no golden is called {', '.join(unknown)}; there are {', '.join(GOLDENS)}")
    missing = [EXPORTS[name][1] for name in asked if name in EXPORTS and not (MICRODATA / EXPORTS[name][1]).exists()]
    if missing:
        stop(f"{', '.join(missing)} not in {MICRODATA}: set ILMS_MICRODATA to the folder of real surveys")
    check_r()
    run([sys.executable, str(HERE / "make_samples.py"), str(HERE)])
    with tempfile.TemporaryDirectory() as folder:
        for name in asked:
            persons = ""
            if name in EXPORTS:
                script, source = EXPORTS[name]
                persons = str(Path(folder) / f"{Path(script).stem}.csv")
                if not Path(persons).exists():
                    run([sys.executable, str(HERE / script), str(MICRODATA / source), persons])
            script, *arguments = GOLDENS[name]
            say(f"{script} ...")
            places = {"here": str(HERE), "persons": persons}
            run(["Rscript", str(HERE / script), *(argument.format(**places) for argument in arguments)])


if __name__ == "__main__":
    main()
