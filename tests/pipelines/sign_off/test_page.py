"""The sign-off page: complete in three languages, right in its counts, and without a person's values."""

import itertools
import re
import stat
from collections import Counter
from datetime import date
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from lxml import html as lxml_html

from pipelines.command_line import ilms as group
from pipelines.commands import COMMANDS
from pipelines.home import Home
from pipelines.sign_off.facts import MOST_CODES
from pipelines.sign_off.gap_report import gaps_of
from pipelines.sign_off.page import Asked, sign_off
from pipelines.sign_off.shares import Change, Share, compared
from pipelines.sign_off.texts import LANGUAGES, Words, load_texts, typeset
from schemas.model_questions import load_model_questions
from schemas.periods import Period
from schemas.survey_spec import SurveySpec, find_surveys, load_survey
from tests.acceptance import tiny

DAY = date(2026, 11, 23)
ROOT = Path(__file__).parents[3]


def silent(_: str) -> None:
    pass


def tiny_spec(root: Path, **tables: str) -> SurveySpec:
    named = {name.replace("__", "/") + ".csv": text for name, text in tables.items()}
    return load_survey(tiny.write_spec(root / "specs", tables=named) / "FJI" / "TINY")


def page_of(tmp_path: Path, spec: SurveySpec, rows: list[tiny.Row], language: str = "en", **asked: object) -> str:
    file = tiny.write_csv(tmp_path / "persons.csv", rows)
    text, _ = sign_off(
        Home(tmp_path / "var"), spec, Asked(language, DAY, (file,), Period.parse("2024-Q1"), **asked), silent
    )
    return text


def tree_of(text: str) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(text)


def words_of(element: lxml_html.HtmlElement) -> str:
    return " ".join(" ".join(element.itertext()).split())


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A page with every section in the three languages: errors, unused codes, another round."""
    folder = tmp_path_factory.mktemp("pages")
    spec = tiny_spec(folder, codes__sex=tiny.TABLES["codes/sex.csv"] + "3,<i>Other</i>,SEX_O,,,\n")
    rows = tiny.persons()
    for row in rows[:3]:
        row["BIRTH"] = "<b>Z</b>"
    before, other = tiny.write_csv(folder / "before.csv", tiny.persons()), Period.parse("2024-Q2")
    return {
        language: page_of(folder, spec, rows, language, before=(before,), before_period=other) for language in LANGUAGES
    }


def test_pages_have_the_words_of_their_own_language(pages: dict[str, str]) -> None:
    """No text of ours stands on the page of another language (but names, which may be alike)."""
    texts = {**load_texts("page"), **load_texts("rules")}
    for language, other in itertools.permutations(LANGUAGES, 2):
        shown = words_of(tree_of(pages[language]).body)
        mine = {getattr(text, language) for text in texts.values()}
        strange = [getattr(text, other) for text in texts.values() if "{" not in text.en and len(text.en) > 25]
        assert [text for text in strange if text not in mine and typeset(text, other) in shown] == []


# --- the page


def test_page_reaches_for_nothing(pages: dict[str, str]) -> None:
    for text in pages.values():
        tree = tree_of(text)
        assert tree.xpath("//script | //link | //img | //iframe | //object | //*[@src] | //*[@style]") == []
        assert [link for link in tree.xpath("//@href") if not link.startswith("#")] == []
        assert "url(" not in text
        assert "@import" not in text
        policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
        assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_page_is_accessible(pages: dict[str, str]) -> None:
    for language, text in pages.items():
        tree = tree_of(text)
        assert tree.get("lang") == language
        assert len(tree.xpath("//h1")) == len(tree.xpath("//main")) == len(tree.xpath("//body/header")) == 1
        assert len(tree.xpath("//body/footer")) == 1
        levels = [int(heading.tag[1]) for heading in tree.xpath("//h1 | //h2 | //h3 | //h4")]
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        assert all(words_of(heading) for heading in tree.xpath("//h1 | //h2 | //h3 | //h4"))
        ids = tree.xpath("//@id")
        assert [name for name, count in Counter(ids).items() if count > 1] == []
        assert {link.removeprefix("#") for link in tree.xpath("//@href")} <= set(ids)
        assert set(tree.xpath("//@aria-labelledby")) <= set(ids)
        assert tree.xpath("//nav[not(@aria-label)]") == []
        assert len(tree.xpath("//table")) == len(tree.xpath("//table/caption[normalize-space()]"))
        assert tree.xpath("//th[not(@scope)]") == []
        assert tree.xpath("//thead//td") == []
        assert tree.xpath("//tbody/tr[not(th[@scope='row'])][not(ancestor::section[@id='corrections'])]") == []
        assert tree.xpath("//input[not(ancestor::label)] | //textarea[not(ancestor::label)]") == []
        assert tree.xpath("//*[@tabindex='0'][not(@aria-label)]") == []


def test_texts_of_the_office_are_escaped(pages: dict[str, str]) -> None:
    for text in pages.values():
        assert "<b>Z</b>" not in text
        assert "&lt;b&gt;Z&lt;/b&gt;" in text
        assert "<i>Other</i>" not in text
        assert "&lt;i&gt;Other&lt;/i&gt;" in text


def test_colours_can_be_told_apart() -> None:
    """WCAG AA: 4.5 to 1 for every pair of text and ground that the style sheet sets."""
    sheet = (ROOT / "pipelines/sign_off/page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", sheet)) | {"white": "#ffffff"}

    def light(name: str) -> float:
        parts = [int(colours[name][place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    grounds = ("white", "soft", "red-soft", "amber-soft", "green-soft")
    for ink in ("ink", "quiet", "link", "red", "amber"):
        for ground in grounds:
            high, low = sorted((light(ink), light(ground)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)


def test_same_input_gives_the_same_page(tmp_path: Path) -> None:
    spec = tiny_spec(tmp_path)
    assert page_of(tmp_path, spec, tiny.persons()) == page_of(tmp_path, spec, tiny.persons())


def test_heading_and_verdict(pages: dict[str, str], tmp_path: Path) -> None:
    shown = words_of(tree_of(pages["en"]).get_element_by_id("verdict"))
    for part in ("Do not sign yet", "FJI_TINY", "2024-Q1", "persons.csv", "120", "12,000", "23 November 2026"):
        assert part in shown
    spec = tiny_spec(tmp_path)
    assert spec.sha256 in page_of(tmp_path, spec, tiny.persons())
    assert "The description fits the file." in page_of(tmp_path, spec, tiny.persons())


def test_findings_errors_first_with_place_and_remedy(pages: dict[str, str]) -> None:
    rows = tree_of(pages["en"]).xpath("//section[@id='findings']//tbody/tr")
    assert [words_of(row.xpath("th")[0]) for row in rows] == ["Error", "Remark"]
    error = words_of(rows[0])
    for part in ("CODE_UNMAPPED", "Country of birth", "BIRTH", "3", "first rows: 1, 2, 3", "Decide what the code"):
        assert part in error
    assert rows[0].xpath(".//a/@href") == ["#c-country_of_birth"]
    assert "1 of 3 codes do not occur" in words_of(rows[1])
    french = tree_of(pages["fr"]).xpath("//section[@id='findings']//tbody/tr")
    assert "1 des 3 codes ne figurent pas" in words_of(french[1])


def test_codes_unmapped_first_then_the_table_then_unused(pages: dict[str, str]) -> None:
    birth = tree_of(pages["en"]).xpath("//article[@id='c-country_of_birth']//table")[0]
    rows = birth.xpath("./tbody/tr")
    assert rows[0].get("class") == "unmapped"
    assert "to be decided" in words_of(rows[0])
    codes = [words_of(row.xpath("th")[0]) for row in rows]
    assert codes == ["<b>Z</b>", "F", "N", "T", "U"]
    counts = [int(words_of(row.xpath("td[@class='number']")[0])) for row in rows]
    assert sum(counts) == 120
    assert counts[0] == 3
    sex = tree_of(pages["en"]).xpath("//article[@id='c-sex']")[0]
    assert [words_of(row) for row in sex.xpath("./div/table/tbody/tr")] == [
        "1 Man Male SEX_M 60 50.0% 6,000",
        "2 Woman Female SEX_F 60 50.0% 6,000",
    ]
    assert [words_of(row) for row in sex.xpath("./details//tbody/tr")] == ["3 <i>Other</i> Other SEX_O unused"]


def test_codes_outside_the_universe(tmp_path: Path) -> None:
    """Children have no labour force status: their blank needs no code, and their other codes are not counted."""
    rows = tiny.persons()
    children = [row for row in rows if int(row["AGE"]) < 15]
    children[0]["STATUS"] = "1"
    tree = tree_of(page_of(tmp_path, tiny_spec(tmp_path), rows))
    status = tree.xpath("//article[@id='c-declared_labour_force_status']//table/tbody/tr")
    shown = {words_of(row.xpath("th")[0]): [words_of(cell) for cell in row.xpath("td")] for row in status}
    employed = sum(row["STATUS"] == "1" for row in rows)
    assert shown["1"][2] == str(employed)
    assert shown["1"][5] == str(employed - 1)
    assert shown["(blank)"][1] == "Not needed: outside “persons of working age”"
    assert shown["(blank)"][2] == str(len(children) - 1)


def test_a_variable_that_is_no_list_of_codes_is_cut(tmp_path: Path) -> None:
    rows = tiny.persons()
    for number, row in enumerate(rows):
        row["BIRTH"] = f"answer {number:03}"
    text = page_of(tmp_path, tiny_spec(tmp_path), rows)
    lines = tree_of(text).xpath("//article[@id='c-country_of_birth']//tr[@class='unmapped']")
    assert len(lines) == MOST_CODES + 1
    assert f"{len(rows) - MOST_CODES} further codes" in words_of(lines[-1])
    assert f"answer {MOST_CODES:03}" not in text


def test_labels_of_the_file_that_differ_are_shown(tmp_path: Path) -> None:
    import polars as pl
    import pyreadstat

    toml = {'format = "csv"\nencoding = "utf-8"\ndelimiter = ","': 'format = "sav"'}
    spec = load_survey(tiny.write_spec(tmp_path / "specs", toml) / "FJI" / "TINY")
    file = tmp_path / "persons.sav"
    labels = {"SEX": "Sex of the person"}
    pyreadstat.write_sav(
        pl.DataFrame(tiny.persons()).to_pandas(),
        file,
        column_labels=labels,
        variable_value_labels={"SEX": {"1": "Woman", "2": " woman"}},
    )
    text, _ = sign_off(Home(tmp_path / "var"), spec, Asked("en", DAY, (file,), Period.parse("2024-Q1")), silent)
    sex = tree_of(text).xpath("//article[@id='c-sex']")[0]
    assert "the file says: Sex of the person" in words_of(sex)
    assert [words_of(note) for note in sex.xpath(".//tbody//span[@class='notice']")] == ["the file says: Woman"]


# --- numbers and identifiers


def test_points_of_numbers_rest_on_five_persons_or_more(tmp_path: Path) -> None:
    rows = tiny.persons()
    ages = tree_of(page_of(tmp_path, tiny_spec(tmp_path), rows)).xpath("//article[@id='c-age']//table[last()]//td")
    shown = [words_of(cell) for cell in ages]
    ordered = sorted(int(row["AGE"]) for row in rows)
    assert shown == [str(ordered[-(-len(rows) * part // 100) - 1]) for part in (5, 25, 50, 75, 95)]
    few = tree_of(page_of(tmp_path, tiny_spec(tmp_path), rows[:30])).xpath("//article[@id='c-age']//table[last()]//td")
    hidden = "not shown: too few persons"
    assert [words_of(cell) == hidden for cell in few] == [True, False, False, False, True]
    arrived = tree_of(page_of(tmp_path, tiny_spec(tmp_path), rows[:9]))
    cells = arrived.xpath("//article[@id='c-arrival_year']//table[last()]//td")
    assert {words_of(cell) for cell in cells} == {hidden}


def test_years_are_written_as_years(tmp_path: Path) -> None:
    tree = tree_of(page_of(tmp_path, tiny_spec(tmp_path), tiny.persons()))
    cells = tree.xpath("//article[@id='c-arrival_year']//table[last()]//td")
    assert "2023" in {words_of(cell) for cell in cells}


def test_missing_codes_and_blanks_are_counted(tmp_path: Path) -> None:
    rows = tiny.persons()
    rows[5]["AGE"] = "999"
    rows[6]["AGE"] = rows[7]["AGE"] = ""
    tree = tree_of(page_of(tmp_path, tiny_spec(tmp_path), rows))
    lines = tree.xpath("//article[@id='c-age']//table[1]/tbody/tr")
    assert [words_of(line) for line in lines] == [
        "with a number 117",
        "blank in the file 2",
        "code 999: taken as not stated 1",
    ]


def test_no_value_of_an_identifier_or_a_free_text_is_shown(pages: dict[str, str]) -> None:
    for text in pages.values():
        shown = words_of(tree_of(text).body)
        for column in ("HOUSE", "NAME"):
            values = {row[column] for row in tiny.persons()} - {"H1"}
            assert not {value for value in values if re.search(rf"\b{value}\b", shown)}
        assert re.search(r"\b(P[2-8]|S[2-4])\b", shown) is None
    household = tree_of(pages["en"]).xpath("//article[@id='c-household_id']//tbody/tr")
    assert [words_of(row) for row in household] == ["with a value 120", "different values 40"]


# --- rules, corrections, labour force


def test_rules_in_words_beside_their_text_and_rows(pages: dict[str, str]) -> None:
    rows = tree_of(pages["en"]).xpath("//article[@id='c-area_type']//table[@class='rules']/tbody/tr")
    assert len(rows) == 2
    first = words_of(rows[0])
    assert "DISTRICT is 1" in first
    assert "DISTRICT = '1'" in first
    assert "GEO_COV_URB" in first
    assert sum(int(words_of(row.xpath("td")[-1])) for row in rows) == 120
    correction = words_of(tree_of(pages["en"]).get_element_by_id("corrections"))
    for part in ("HOUSE is H1 and LINE is 1", "DISTRICT becomes 2", "keyed wrongly", "letter of the office"):
        assert part in correction


def test_rows_that_meet_no_rule_are_errors(tmp_path: Path) -> None:
    rows = tiny.persons()
    rows[40]["DISTRICT"] = "9"
    tree = tree_of(page_of(tmp_path, tiny_spec(tmp_path), rows))
    last = tree.xpath("//article[@id='c-area_type']//table[@class='rules']/tbody/tr")[-1]
    assert last.get("class") == "unmapped"
    assert words_of(last) == "– No rule is met without a value although one is needed 1"


def test_decision_tree_of_building_blocks(tmp_path: Path) -> None:
    from fixtures.__main__ import main

    folder = tmp_path / "in"
    assert main(["--out", str(folder), "--survey", "XAA_LFS", "--rounds", "2024-Q1", "--persons", "400"]) == 0
    spec = load_survey(find_surveys([])["XAA_LFS"])
    asked = Asked("es", DAY, (folder / "XAA_LFS_2024-Q1.sav",), Period.parse("2024-Q1"))
    text, found = sign_off(Home(tmp_path / "var"), spec, asked, silent)
    assert found is not None
    rows = tree_of(text).xpath("//section[@id='tree']//tbody/tr")
    branches = {item.rule: item.count for item in found.rules["labour_force_status"]}
    numbers = [re.sub(r"\D", "", words_of(row.xpath("td")[1])) for row in rows]
    assert sorted(map(int, numbers)) == sorted(branches.values())
    words = Words.of("es", "page")
    assert words("leaf_EMP_AT_WORK") in words_of(rows[0])
    assert words("leaf_none") in words_of(rows[-1])


def test_declared_status_is_named(pages: dict[str, str]) -> None:
    assert "Labour force status given by the survey" in words_of(tree_of(pages["en"]).get_element_by_id("tree"))


# --- the round before


@pytest.mark.parametrize(
    ("before", "now", "has_moved"),
    [
        ((100, 0.50), (100, 0.54), False),
        ((100, 0.50), (100, 0.55), True),
        ((100, 0.010), (100, 0.019), False),
        ((100, 0.010), (100, 0.020), True),
        ((100, 0.020), (10, 0.010), True),
        ((29, 0.01), (29, 0.50), False),
        ((30, 0.01), (0, 0.00), True),
        ((0, 0.00), (30, 0.01), True),
        ((40, 0.00), (40, 0.00), False),
    ],
)
def test_what_moved(before: tuple[int, float], now: tuple[int, float], has_moved: bool) -> None:
    assert Change("A", before[0], before[1], now[0], now[1]).has_moved is has_moved


def test_moved_codes_come_first_and_lost_codes_are_there() -> None:
    now = [Share("A", 90, 0.9), Share("B", 5, 0.05), Share("C", 5, 0.05)]
    before = [Share("A", 50, 0.5), Share("D", 45, 0.45), Share("B", 5, 0.05)]
    changes = compared(now, before)
    assert [(change.code, change.has_moved) for change in changes] == [
        ("A", True), ("D", True), ("B", False), ("C", False),
    ]  # fmt: skip
    assert (changes[1].rows, changes[1].share) == (0, 0.0)


def test_comparison_with_a_file(tmp_path: Path) -> None:
    rows = tiny.persons()
    for row in rows[:40]:
        row["SEX"] = "1"
    before = tiny.write_csv(tmp_path / "before.csv", tiny.persons())
    text = page_of(tmp_path, tiny_spec(tmp_path), rows, before=(before,), before_period=Period.parse("2024-Q2"))
    section = tree_of(text).get_element_by_id("before")
    assert "2024-Q2 (file before.csv)" in words_of(section)
    first = section.xpath("./details")[0]
    assert first.get("open") is not None
    assert [words_of(row) for row in first.xpath(".//tbody/tr")] == [
        "Male 60 50.0% 80 66.7% +16.7 moved",
        "Female 60 50.0% 40 33.3% −16.7 moved",
    ]
    overview = tree_of(text).xpath("//table[@class='overview']//tr[th/a/@href='#c-sex']/td[last()]")
    assert words_of(overview[0]) == "2"


def test_comparison_with_the_stored_round(tmp_path: Path) -> None:
    specs = tiny.write_spec(tmp_path / "specs")
    home = Home(tmp_path / "var", (specs,))
    result = tiny.harmonise(home, tiny.persons(), tmp_path / "old.csv", "2024-Q1")
    assert result.is_valid
    stored = sorted(path for path in home.root.rglob("*") if path.is_file())
    file = tiny.write_csv(tmp_path / "new.csv", tiny.persons())
    spec = load_survey(specs / "FJI" / "TINY")
    text, found = sign_off(home, spec, Asked("en", DAY, (file,), Period.parse("2024-Q2")), silent)
    section = words_of(tree_of(text).get_element_by_id("before"))
    assert "2024-Q1 (as processed before)" in section
    assert "Sum of weights: 12,000 before, 12,000 now." in section
    assert "Sex: nothing moved" in section
    assert found is not None
    assert sorted(path for path in home.root.rglob("*") if path.is_file()) == stored


def test_no_round_before(tmp_path: Path) -> None:
    text = page_of(tmp_path, tiny_spec(tmp_path), tiny.persons())
    assert "2023-Q4 was not processed here" in words_of(tree_of(text).get_element_by_id("before"))


# --- gaps


def test_gap_report_on_the_page(pages: dict[str, str], tmp_path: Path) -> None:
    found = gaps_of(tiny_spec(tmp_path))
    for language, text in pages.items():
        section = tree_of(text).get_element_by_id("gaps")
        shown = words_of(section)
        question = load_model_questions()["persons"]["education"].question
        assert question is not None
        assert typeset(getattr(question, language), language).replace("\u202f", " ") in shown.replace("\u202f", " ")
        opens = [int(words_of(cell)) for cell in section.xpath(".//td[@class='number big']")]
        assert min(opens) > 0
        total = section.xpath(".//table[@class='shares']/tbody/tr[@class='total']/td[1]")[0]
        given, everything = map(int, words_of(total).split("/"))
        assert (given, everything) == (len(found.given), len(found.given) + len(found.lacking))
        assert given + sum(opens) == everything
        # Long lists are opened by who wants them.
        tables = section.xpath(".//ul[@class='tables']")
        assert sum(len(one.xpath("./li")) for one in tables) == everything
        assert [one for one in tables if one.xpath("ancestor::details[@open or @class='print']")] == []
        assert all(one.xpath("ancestor::details") for one in tables)
    assert "not the ILO's own text" in words_of(tree_of(pages["en"]).get_element_by_id("gaps"))
    reasons = words_of(tree_of(pages["en"]).get_element_by_id("not-collected"))
    assert "Monthly earnings not asked" in reasons


# --- without a file, and the command


@pytest.mark.parametrize("survey", sorted(find_surveys([])))
def test_page_without_a_file(survey: str, tmp_path: Path) -> None:
    spec = load_survey(find_surveys([])[survey])
    for language in LANGUAGES:
        text, found = sign_off(Home(tmp_path / "var"), spec, Asked(language, DAY), silent)
        assert found is None
        tree = tree_of(text)
        ids = set(tree.xpath("//article/@id"))
        assert {f"c-{name}" for name in spec.concepts} <= ids
        if spec.absentees is not None:
            assert {f"a-{name}" for name in spec.absentees.concepts} <= ids
        assert Words.of(language, "page")("verdict_no_file").replace("\u202f", " ") in words_of(tree.body).replace(
            "\u202f", " "
        )
    assert not (tmp_path / "var").exists()


def told(home: Home, *arguments: object) -> Result:
    for command in COMMANDS:
        group.add_command(command)
    return CliRunner().invoke(group, ["--home", str(home.root), *map(str, arguments)], standalone_mode=False)


def test_command_writes_a_page_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tiny.write_spec(tmp_path / "specs") / "FJI" / "TINY"
    home, out = Home(tmp_path / "var"), tmp_path / "page.html"
    file = tiny.write_csv(tmp_path / "persons.csv", tiny.persons())
    options = ["--file", file, "--period", "2024-Q1", "--html", out, "--language", "fr", "--date", "2026-11-23"]
    answer = told(home, "check-spec", folder, *options, "--json")
    assert answer.return_value == 0, answer.output
    assert '"is_valid": true' in answer.stdout
    text = out.read_text(encoding="utf-8")
    assert "23 novembre 2026" in text
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "<table" not in "".join(
        path.read_text(encoding="utf-8", errors="replace") for path in home.root.rglob("*") if path.is_file()
    )
    assert [path for path in home.root.rglob("*") if path.suffix in {".parquet", ".html"}] == []


def test_command_ends_with_an_error_where_the_description_does_not_fit(tmp_path: Path) -> None:
    folder = tiny.write_spec(tmp_path / "specs") / "FJI" / "TINY"
    rows = tiny.persons()
    rows[0]["SEX"] = "7"
    file = tiny.write_csv(tmp_path / "persons.csv", rows)
    out = tmp_path / "page.html"
    answer = told(Home(tmp_path / "var"), "check-spec", folder, "--file", file, "--html", out)
    assert answer.return_value == 3
    assert "Do not sign yet" in out.read_text(encoding="utf-8")
    assert "does not pass with this file" in answer.stdout


def test_command_without_a_file(tmp_path: Path) -> None:
    folder = tiny.write_spec(tmp_path / "specs") / "FJI" / "TINY"
    out = tmp_path / "page.html"
    answer = told(Home(tmp_path / "var"), "check-spec", folder, "--html", out)
    assert answer.return_value == 0
    assert "the specification passes" in answer.stdout
    assert "Have this page made".lower() in out.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--html", "nowhere/page.html"], "no folder nowhere"), (["--before-period", "2024-Q1"], "give --html")],
)
def test_command_refuses(options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tiny.write_spec(tmp_path / "specs") / "FJI" / "TINY"
    answer = told(Home(tmp_path / "var"), "check-spec", folder, *options)
    assert isinstance(answer.exception, click.UsageError)
    assert message in str(answer.exception)
