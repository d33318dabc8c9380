"""Write the invented samples that the R scripts and the tests read: nobody is described by them.

    python tests/goldens/make_samples.py tests/goldens

The same files come out each time. ``designs_persons.csv`` is older than this script and is not made here.
"""

import csv
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

Row = dict[str, object]
QUARTERS = [f"{year}-Q{quarter}" for year in (2023, 2024) for quarter in range(1, 5)]


def write(path: Path, rows: list[Row]) -> None:
    """Write rows with the columns of the first."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def person(dice: random.Random, foreign: float) -> Row:
    """Return the answers of one person: x in the labour force, y unemployed, income of most of the others in it."""
    sex = dice.choice("MF")
    age = dice.choices(["young", "prime", "old"], [2, 5, 2])[0]
    born = "foreign" if dice.random() < foreign else "native"
    x = int(dice.random() < {"young": 0.5, "prime": 0.85, "old": 0.15}[age])
    y = int(x and dice.random() < (0.25 if born == "foreign" else 0.12))
    reports = int(x and not y and dice.random() < 0.8)
    income = round(dice.lognormvariate(7.2 if sex == "M" else 7.0, 0.6), 2) if reports else 0
    return {"sex": sex, "age": age, "born": born, "x": x, "y": y, "reports": reports, "income": income}


def psus_of_quarter() -> Iterator[tuple[int, str, str, int]]:
    """Yield (quarter number, stratum, psu, PSUs of the stratum in the population).

    A and G rotate; B is taken in full and stays; C is new each quarter; D has one PSU for ever; E has one PSU,
    another each quarter: lonely in a quarter, not in a year; F enters in the second year.
    """
    for number in range(len(QUARTERS)):
        for psu in range(number, number + 6):
            yield number, "A", f"a{psu}", 40
        for psu in range(4):
            yield number, "B", f"b{psu}", 4
        for psu in range(2):
            yield number, "C", f"c{number}.{psu}", 60
        yield number, "D", "d0", 9
        yield number, "E", f"e{number}", 12
        for psu in range(3 if number >= 4 else 0):
            yield number, "F", f"f{psu}", 30
        for psu in range(number // 2, number // 2 + 3):
            yield number, "G", f"g{psu}", 25


def panel() -> list[Row]:
    """Return eight quarters of a rotating sample. A PSU may stand in several quarters, never in two strata."""
    dice = random.Random(20240101)
    rows: list[Row] = []
    for number, stratum, psu, population in psus_of_quarter():
        # Foreigners live in few places, and none in E; the old are absent from G.
        foreign = {"A": 0.15, "B": 0.4 if psu == "b1" else 0.0, "C": 0.3, "D": 0.2, "F": 0.5, "G": 0.1}.get(
            stratum, 0.0
        )
        weight = dice.uniform(20, 200)
        for _ in range(dice.randint(4, 8)):
            answers = person(dice, foreign)
            if stratum == "G" and answers["age"] == "old":
                answers["age"] = "prime"
            place = {"round": QUARTERS[number], "stratum": stratum, "psu": psu, "psu_population": population}
            rows.append({**place, "w": round(weight * dice.uniform(0.7, 1.4), 4), **answers})
    return rows


def two_stage() -> list[Row]:
    """Return a sample with PSUs and SSUs drawn without replacement.

    C is taken in full at the first stage, so all its variance is of the second. D has one PSU of several, E one
    of one. Within A a PSU has one SSU of one; within B one SSU of five (lonely at the second stage) and one PSU
    of which all SSUs are taken.
    """
    dice = random.Random(7)
    sampled = {"A": (20, [(3, 8), (4, 9), (1, 1), (3, 6)]), "B": (9, [(3, 3), (1, 5), (4, 7)]),
               "C": (3, [(2, 5), (3, 6), (2, 9)]), "D": (6, [(2, 7)]), "E": (1, [(3, 8)])}  # fmt: skip
    rows: list[Row] = []
    for stratum, (psu_population, psus) in sampled.items():
        for psu, (ssus, ssu_population) in enumerate(psus):
            for ssu in range(ssus):
                weight = psu_population / len(psus) * ssu_population / ssus * dice.uniform(3, 9)
                for _ in range(dice.randint(2, 5)):
                    answers = person(dice, 0.0 if (stratum, psu) == ("B", 1) else 0.35)
                    place = {"stratum": stratum, "psu": f"{stratum}{psu}", "psu_population": psu_population}
                    place |= {"ssu": ssu, "ssu_population": ssu_population}
                    rows.append({**place, "w": round(weight * dice.uniform(0.8, 1.25), 4), **answers})
    return rows


def hadamard(order: int) -> list[list[int]]:
    """Return Sylvester's matrix of +1 and -1; the order is a power of 2."""
    return [[1 - 2 * ((row & column).bit_count() % 2) for column in range(order)] for row in range(order)]


def replicate_factors(dice: random.Random) -> dict[str, list[list[float]]]:
    """Return, by method, for each replicate the factor of each of the 16 PSUs: its weight over the full one.

    Pairs (PSUs 0 and 1, 2 and 3, ...) are the strata of BRR, Fay and JK2; the strata of JKn and of the bootstrap
    have 5, 4, 4 and 3 PSUs. ``other`` follows no method: its constants are given by the file of scales.
    """
    signs, psus = hadamard(16), range(16)
    strata = [0] * 5 + [1] * 4 + [2] * 4 + [3] * 3
    size = Counter(strata)
    rest = {stratum: n / (n - 1) for stratum, n in size.items()}

    def half(replicate: int, psu: int) -> int:
        return signs[replicate][psu // 2 + 1] * (1 if psu % 2 else -1)

    bootstrap = []
    for _ in range(24):
        drawn: Counter[int] = Counter()
        for stratum, n in size.items():
            drawn.update(dice.choices([psu for psu in psus if strata[psu] == stratum], k=n - 1))
        bootstrap.append([drawn[psu] * rest[strata[psu]] for psu in psus])
    return {
        "BRR": [[1 + half(r, psu) for psu in psus] for r in range(16)],
        "Fay": [[1 + 0.7 * half(r, psu) for psu in psus] for r in range(16)],
        "JK1": [[0 if psu == r else 16 / 15 for psu in psus] for r in psus],
        "JK2": [[(0 if psu % 2 else 2) if psu // 2 == r else 1 for psu in psus] for r in range(8)],
        "JKn": [
            [0 if psu == r else rest[strata[r]] if strata[psu] == strata[r] else 1 for psu in psus] for r in psus
        ],
        "bootstrap": bootstrap,
        "SDR": [[1 + 2**-1.5 * (signs[r][psu] - signs[r][(psu + 1) % 16]) for psu in psus] for r in range(16)],
        "other": [[dice.uniform(0.5, 1.6) for _ in psus] for _ in range(10)],
    }  # fmt: skip


def replicates() -> list[Row]:
    """Return a sample of 16 PSUs with the replicate weights of each method, and ``rare``: persons of one PSU only."""
    dice = random.Random(99)
    factors = replicate_factors(dice)
    rows: list[Row] = []
    for psu in range(16):
        weight = dice.uniform(30, 150)
        for number in range(dice.randint(5, 9)):
            answers = person(dice, 0.3)
            if psu == 5 and number < 4:
                answers |= {"x": 1, "y": number % 2, "reports": 1 - number % 2, "income": 800 + 41.5 * number}
            w = round(weight * dice.uniform(0.7, 1.4), 4)
            row = {"psu": psu, "pair": psu // 2, "rare": int(psu == 5 and number < 4), "w": w, **answers}
            for method, by_replicate in factors.items():
                row |= {f"{method}{r + 1}": round(w * by_psu[psu], 8) for r, by_psu in enumerate(by_replicate)}
            rows.append(row)
    return rows


def calibration() -> tuple[list[Row], list[Row]]:
    """Return (persons, margins): sex by age and region, for the four quarters of 2024 of the panel.

    The population of a cell is its weighted sample times a factor, made to agree between the two margins by
    one factor common to all regions.
    """
    dice = random.Random(5)
    rows: list[Row] = []
    for row in panel():
        if str(row["round"]).startswith("2024"):
            sex_age = f"{row['sex']}.{row['age']}"
            region = {"A": "north", "B": "north", "C": "south", "D": "east"}.get(str(row["stratum"]), "west")
            rows.append({**row, "sex_age": sex_age, "region": region})
    margins: list[Row] = []
    for quarter in QUARTERS[4:]:
        total = 0.0
        for name in ("sex_age", "region"):
            sample: Counter[str] = Counter()
            for row in rows:
                if row["round"] == quarter:
                    sample[str(row[name])] += float(str(row["w"]))
            moved = {code: weight * dice.uniform(0.8, 1.3) for code, weight in sorted(sample.items())}
            total = total or sum(moved.values())
            for code, weight in moved.items():
                margins.append({"round": quarter, "margin": name, "code": code,
                                "total": weight * total / sum(moved.values())})  # fmt: skip
    return rows, margins


def main() -> None:
    """Write the samples into the folder named on the command line."""
    folder = Path(sys.argv[1])
    write(folder / "panel_persons.csv", panel())
    write(folder / "two_stage_persons.csv", two_stage())
    write(folder / "replicates_persons.csv", replicates())
    persons, margins = calibration()
    write(folder / "calibration_persons.csv", persons)
    write(folder / "calibration_margins.csv", margins)


if __name__ == "__main__":
    main()
