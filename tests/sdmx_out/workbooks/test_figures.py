"""Which figures stand in a table: top five and the rest, fall-backs, periods; and nothing that is withheld."""

from collections.abc import Iterable

import pytest

from schemas.codes import load_code_lists
from schemas.indicators import load_indicators
from sdmx_out.workbooks.figures import Grid, Line, arrange, read_figures
from sdmx_out.workbooks.tables import Table, load_tables
from tests.sdmx_out.workbooks.made_rows import HIDDEN, Row, cell, engine

FOREIGN = load_indicators()["MST_FORP_SEX_CBR_NB"]
SECTORS = load_indicators()["MST_TEMP_SEX_ECO_CBR_NB"]


def table(code: str) -> Table:
    return next(one for one in load_tables("ilms").values() if one.code == code)


def grid(data: Iterable[Row], code: str = FOREIGN.id, periods: int = 5) -> Grid | None:
    lists = load_code_lists()
    figures = read_figures(engine(data), "XAA", [code], lists)
    return arrange(table(code), load_indicators()[code], figures, lists, periods)


def countries(sizes: dict[str, int | None], sex: str = "SEX_T", time: str = "2024") -> list[Row]:
    """A row per country; None is withheld."""
    return [
        cell(FOREIGN, time, (sex, f"CBR_BRT_{name}", ""), size or 0, **(HIDDEN if size is None else {}))
        for name, size in sizes.items()
    ]


def shown(made: Grid | None, sex: str = "SEX_T") -> list[tuple[str, float | None, str]]:
    assert made is not None
    (block,) = made.blocks
    return [(name(line), *told(line, sex)) for line in block.lines]


def name(line: Line) -> str:
    return line.label.code.removeprefix("CBR_BRT_") if line.label else "other"


def told(line: Line, sex: str) -> tuple[float | None, str]:
    found = line.cells.get(sex)
    return (found.value, found.status) if found else (None, "")


SIZES = {"TOTAL": 2500, "BDI": 100, "ETH": 300, "KEN": 200, "RWA": 600, "SOM": 250, "TZA": 50, "UGA": 900, "X": 100}


def test_the_five_largest_and_the_rest() -> None:
    assert shown(grid(countries(SIZES))) == [
        ("TOTAL", 2.5, ""),
        ("UGA", 0.9, ""),
        ("RWA", 0.6, ""),
        ("ETH", 0.3, ""),
        ("SOM", 0.25, ""),
        ("KEN", 0.2, ""),
        ("other", 0.25, "L"),
    ]


def test_regions_are_no_countries() -> None:
    assert shown(grid(countries({**SIZES, "X06": 2400, "X18": 2400, "ASEAN": 999}))) == shown(grid(countries(SIZES)))


def test_the_rank_is_of_both_sexes_and_of_published_figures() -> None:
    both = countries({**SIZES, "UGA": None})
    men = countries({"TOTAL": 1000, "BDI": 500, "RWA": 10, "ETH": 20, "SOM": 30, "KEN": 40, "TZA": 50}, "SEX_M")
    made = grid([*both, *men])
    assert [row[0] for row in shown(made)] == ["TOTAL", "RWA", "ETH", "SOM", "KEN", "BDI", "other"]
    assert shown(made)[-1] == ("other", 1.05, "L"), "what is withheld is in the rest, which is a public difference"
    assert shown(made, "SEX_M")[-1] == ("other", 0.4, "L")


@pytest.mark.parametrize("hidden", ["TOTAL", "RWA"])
def test_no_rest_where_a_part_is_withheld(hidden: str) -> None:
    women: dict[str, int | None] = {"TOTAL": 1000, "UGA": 300, "RWA": 200, "ETH": 100, "SOM": 100, "KEN": 100, "BDI": 9}
    made = grid([*countries(SIZES), *countries({**women, hidden: None}, "SEX_F")])
    assert shown(made)[-1] == ("other", 0.25, "L")
    assert shown(made, "SEX_F")[-1] == ("other", None, "")
    assert (hidden, None, "S") in shown(made, "SEX_F")


def test_a_country_of_no_women_leaves_the_rest_of_women() -> None:
    women = countries({"TOTAL": 1000, "UGA": 300, "RWA": 200, "ETH": 100, "SOM": 100}, "SEX_F")
    assert shown(grid([*countries(SIZES), *women]), "SEX_F")[-1] == ("other", 0.3, "L")


def test_rounding_never_makes_the_rest_negative() -> None:
    parts: dict[str, int | None] = {"UGA": 300, "RWA": 200, "ETH": 100, "SOM": 100, "KEN": 100, "TZA": None}
    assert shown(grid(countries({"TOTAL": 799, **parts})))[-1] == ("other", 0.0, "L")
    assert shown(grid(countries({"TOTAL": 700, **parts})))[-1] == ("other", None, ""), "no rounding: not additive"


def test_no_row_of_others_where_there_are_none() -> None:
    assert shown(grid(countries({"TOTAL": 300, "UGA": 200, "RWA": 100}))) == [
        ("TOTAL", 0.3, ""),
        ("UGA", 0.2, ""),
        ("RWA", 0.1, ""),
    ]
    assert shown(grid(countries({"TOTAL": 300, "UGA": None, "RWA": None}))) == [("TOTAL", 0.3, "")]


def sectors(version: str, items: dict[str, int | None], time: str = "2024") -> list[Row]:
    return [
        cell(
            SECTORS,
            time,
            ("SEX_T", f"{version}_{item}", "CBR_BIR_TOTAL"),
            size or 0,
            **(HIDDEN if size is None else {}),
        )
        for item, size in items.items()
    ]


def test_broad_sectors_stand_in_for_unreliable_ones() -> None:
    broad = sectors("ECO_SECTOR", {"TOTAL": 100, "AGR": 40, "NAG": 60, "IND": 30, "SER": 30})
    fine = {"TOTAL": 100, "AGR": 40, "MAN": 10, "CON": 10, "MKT": 40}
    kept = grid([*sectors("ECO_AGGREGATE", dict(fine)), *broad], SECTORS.id)
    assert kept is not None
    assert kept.version.id == "ECO_AGGREGATE"
    few = grid([*sectors("ECO_AGGREGATE", {**fine, "MAN": None, "CON": None, "MKT": None}), *broad], SECTORS.id)
    assert few is not None
    assert few.version.id == "ECO_SECTOR"
    labels = [line.label.code for line in few.blocks[0].lines if line.label and not line.is_heading]
    assert labels == [f"ECO_SECTOR_{item}" for item in ("TOTAL", "AGR", "IND", "SER")], "without what overlaps"
    alone = grid(sectors("ECO_SECTOR", {"TOTAL": 100, "AGR": 40, "IND": 30, "SER": 30}), SECTORS.id)
    assert alone is not None
    assert alone.version.id == "ECO_SECTOR"


def test_annual_figures_come_first_and_the_latest_period_too() -> None:
    years = [row for time in ("2021", "2023", "2022") for row in countries(SIZES, time=time)]
    quarters = [row for time in ("2024-Q1", "2024-Q2") for row in countries(SIZES, time=time)]
    annual = grid([*years, *quarters], periods=2)
    assert annual is not None
    assert [block.time for block in annual.blocks] == ["2023", "2022"]
    quarterly = grid(quarters)
    assert quarterly is not None
    assert [block.time for block in quarterly.blocks] == ["2024-Q2", "2024-Q1"]


def test_a_period_without_a_published_figure_is_left_out() -> None:
    nothing = countries(dict.fromkeys(SIZES), time="2024")
    made = grid([*nothing, *countries(SIZES, time="2023")])
    assert made is not None
    assert [block.time for block in made.blocks] == ["2023"]
    assert grid(nothing) is None
    assert grid([]) is None
