"""The protection report: what is joined, what is told, and that it reads as a page and as text."""

import json
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from schemas.errors import InputError
from sdmx_out.releases.candidates import read_report
from sdmx_out.releases.places import Places
from sdmx_out.releases.protection_report import PAGE, join, text, verdict, without_values
from tests.sdmx_out import example
from tests.sdmx_out.example import EMPLOYMENT, TOTAL, hidden, row, rows

BIRTHS = "CBR_BIR_TOTAL"


@pytest.fixture(autouse=True)
def _plain_structures(monkeypatch: pytest.MonkeyPatch) -> None:
    example.plain_structures(monkeypatch)


def data(total: float, women: float, native: float) -> list[example.Row]:
    return [
        *rows()[1:3],
        row(EMPLOYMENT, "2013", "SEX_T", TOTAL, BIRTHS, obs_value=total),
        row(EMPLOYMENT, "2014", "SEX_T", TOTAL, BIRTHS, obs_value=women),
        row(EMPLOYMENT, "2013", "SEX_T", TOTAL, example.NATIVE, obs_value=native),
        row(EMPLOYMENT, "2013", "SEX_F", TOTAL, BIRTHS, obs_value=native),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder whose second release revised a total by half, another by a tenth, and parts by half."""
    report = {"XAA_2013": example.write_protection(tmp_path / "p.json"), "XAA_2014": tmp_path / "missing.json"}
    example.release(tmp_path, [*data(100.0, 200.0, 10.0), rows()[9]])
    made = example.release(tmp_path, data(150.0, 180.0, 15.0), day="2026-11-24", protection=report)
    return tmp_path / "candidates" / made.identifier


def told(folder: Path) -> dict[str, Any]:
    report = read_report(Places(folder.parents[1]), folder.name)
    assert report is not None
    return report


def test_totals_that_changed_by_more_than_a_quarter_are_listed(folder: Path) -> None:
    difference = told(folder)["difference"]
    assert difference["by_kind"] == {"new": 0, "revised": 4, "withdrawn": 1, "flag": 0}
    assert difference["totals_count"] == 1
    assert difference["totals"] == [
        {
            **{"indicator": EMPLOYMENT, "freq": "A", "ref_area": "XAA", "time": "2013", "sex": "SEX_T"},
            **{"classif1": TOTAL, "classif2": BIRTHS, "before": "100.000", "after": "150.000", "change": 0.5},
        }
    ]
    assert [item["indicator"] for item in difference["withdrawn"]] == [example.STAY]


def test_reports_are_summed_and_missing_ones_named(tmp_path: Path) -> None:
    files = {name: example.write_protection(tmp_path / name, leaks) for name, leaks in (("A", 0), ("B", 1))}
    joined = join({**files, "C": tmp_path / "C"})
    assert joined["without_report"] == ["C"]
    assert joined["indicators"] == {EMPLOYMENT: {"cells": 10, "confidential": 2, "secondary": 0, "unreliable": 2}}
    assert joined["information"] == [
        {"unit": "persons", "total": 10001.0, "lost_primary": 500.5, "lost_secondary": 0.0}
    ]
    assert joined["suppression"]["largest_component"] == 30
    assert (joined["attack"]["targets"], joined["attack"]["protected"], joined["attack"]["passed"]) == (6, 5, False)
    assert joined["attack"]["leaks"] == [{"partition": "B", "figure": "employed 0", "equations": ["sex", "age"]}]
    assert "too near to 1 of 6" in verdict(joined)


def test_without_any_report_no_attack_was_made(tmp_path: Path) -> None:
    joined = join({"A": tmp_path / "A"})
    assert joined["attack"]["passed"] is None
    assert verdict(joined).startswith("No attack was made")


def test_fewer_protected_than_attacked_does_not_pass_even_without_a_leak(tmp_path: Path) -> None:
    report = example.protection_report()
    report["attack"]["protected"] = 2
    (tmp_path / "A").write_text(json.dumps(report), encoding="utf-8")
    assert join({"A": tmp_path / "A"})["attack"]["passed"] is False


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"by_indicator": {}, "attack": {}}'])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "A").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="PROTECTION_UNREADABLE"):
        join({"A": tmp_path / "A"})


def test_the_page_reads_with_a_keyboard_and_without_scripts(folder: Path) -> None:
    page = html.fromstring((folder / PAGE).read_bytes())
    assert page.get("lang") == "en"
    assert page.xpath("//script") == []
    assert [node.text for node in page.xpath("//h1")] == [f"Protection report of {folder.name}"]
    assert {link.get("href") for link in page.xpath("//nav/a")} == {f"#{h2.get('id')}" for h2 in page.xpath("//h2")}
    for table in page.xpath("//table"):
        assert table.xpath("caption")
        assert set(table.xpath("thead//th/@scope")) == {"col"}
        assert table.xpath("..")[0].get("tabindex") == "0"
        assert table.xpath("..")[0].get("aria-label")
    cells = [" ".join(cell.text_content().strip() for cell in line) for line in page.xpath("//tr")]
    assert f"{EMPLOYMENT} XAA 2013 SEX_T {TOTAL} {BIRTHS} 100.000 150.000 +50.0 %" in cells
    assert "confidential: a person or household could be learnt 1" in cells
    assert "persons 5,000.5 250.25 (5.0 %) 0 (0.0 %)" in cells


def test_the_text_says_the_same(folder: Path) -> None:
    lines = list(text(told(folder)))
    assert "The attack recovered none of 3 confidential figures." in lines
    assert "  without a protection report: XAA_2014" in lines
    assert "  1 hidden, unreliable: too few observations" in lines
    assert f"    {EMPLOYMENT} XAA 2013 SEX_T {TOTAL} {BIRTHS}: 100.000 -> 150.000 (+50.0 %)" in lines


def test_a_total_that_was_hidden_tells_no_number(tmp_path: Path) -> None:
    example.release(tmp_path, data(100.0, 200.0, 10.0))
    later = data(100.0, 200.0, 10.0)
    later[2] = {**later[2], **hidden("C", "D", "secondary")}
    made = example.release(tmp_path, later, day="2026-11-24")
    report = told(tmp_path / "candidates" / made.identifier)
    assert report["difference"]["totals"] == []
    assert "100.000" not in json.dumps(report)
    assert report["rows"]["hidden"]["secondary"] == 1


def test_values_can_be_taken_out_of_a_report(folder: Path) -> None:
    report = told(folder)
    assert without_values(report, lambda row: row["time"] == "2014") == report
    assert without_values(report, lambda row: row["time"] == "2013")["difference"]["totals"] == []
    assert without_values(report)["difference"] == {**report["difference"], "totals": []}
