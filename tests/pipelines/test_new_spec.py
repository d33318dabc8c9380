"""Drafting a specification: what is found, that nothing passes unconfirmed, and that no person's value is written."""

import csv
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from fixtures.extracts import write_round
from fixtures.generate import generate_parts
from pipelines.command_line import ilms, register_commands
from pipelines.scaffold.code_books import read_labels, read_layout
from pipelines.scaffold.code_rows import shared_codes
from pipelines.scaffold.draft import Draft, make_draft
from pipelines.scaffold.folder import write_folder
from pipelines.scaffold.material import Material, Variable, read_material
from pipelines.scaffold.words import guess_target, load_guesses, tokens
from schemas.codes import load_code_lists
from schemas.concepts import load_concepts
from schemas.errors import InputError, SpecError
from schemas.survey_spec import BUILT_IN, load_survey
from tests.real_data import microdata

LABELS = """variable;codigo;etiqueta
SEXO;1;Hombre
;2;Mujer
PAIS;404;Kenya
;800;Uganda
;834;Tanzania
;231;Ethiopia
;646;Rwanda
;999;No especificado
TRAB;1;Sí
;2;No
CATEG;1;Empleador
;2;Cuenta propia
;3;Asalariado
;4;Cosa rara
EDAD;;Edad en años cumplidos
PAIS;;País de nacimiento
TRAB;;¿Trabajó al menos una hora la semana pasada?
CATEG;;Categoría en el empleo
PESO;;Factor de expansión
NOMBRE;;Nombre de la persona
"""


def write_survey(folder: Path, rows: int = 240) -> Path:
    """Write a small survey with a name that nobody may read in a draft."""
    path = folder / "persons.csv"
    countries = ["404"] * 9 + ["800", "834", "231", "646", "999"]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(["HOGAR", "LINEA", "NOMBRE", "SEXO", "EDAD", "PAIS", "TRAB", "CATEG", "PESO"])
        for row in range(rows):
            age = row * 7 % 90
            works = "" if age < 15 else str(1 + row % 2)
            categ = str(1 + row % 4) if works == "1" else ""
            weight = f"{100 + row % 37 + row % 5 / 10}"
            head = [str(1000 + row // 3), str(1 + row % 3), f"Secretperson{row}", str(1 + row % 2), str(age)]
            writer.writerow([*head, countries[row % len(countries)], works, categ, weight])
    (folder / "labels.csv").write_text(LABELS, encoding="utf-8")
    return path


def run(folder: Path, *arguments: str) -> Result:
    register_commands()
    whole = ["--home", str(folder / "var"), *arguments]
    return CliRunner().invoke(ilms, whole, catch_exceptions=False, standalone_mode=False)


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("draft")
    path = write_survey(folder)
    labels = ("--labels", str(folder / "labels.csv"))
    made = run(folder, "new-spec", str(path), "--survey", "KEN_HS", "--out", str(folder), *labels, "--json")
    return folder, json.loads(made.stdout)


def table(folder: Path, name: str) -> dict[str, str]:
    with (folder / "KEN/HS" / name).open(encoding="utf-8", newline="") as stream:
        return {row["source_code"]: row["target_code"] for row in csv.DictReader(stream)}


def test_the_variables_of_a_labelled_csv_are_found(drafted: tuple[Path, dict[str, Any]]) -> None:
    found = {name: item["from"] for name, item in drafted[1]["concepts"].items()}
    assert found | {"weight": "PESO", "sex": "SEXO", "age": "EDAD", "country_of_birth": "PAIS"} == found
    assert found["household_id"] == "HOGAR"
    assert found["person_id"] == "concat(HOGAR, '-', LINEA)"
    assert found["status_in_employment"] == "CATEG"
    assert found["worked_one_hour"] == "rules"
    assert "arrival_year" in drafted[1]["not_found"]
    assert (drafted[1]["rows"], drafted[1]["variables"]) == (240, 9)


def test_codes_are_listed_with_their_guess(drafted: tuple[Path, dict[str, Any]]) -> None:
    assert table(drafted[0], "codes/sex.csv") == {"1": "?SEX_M", "2": "?SEX_F"}
    guessed = {"1": "?STE_ICSE93_2", "2": "?STE_ICSE93_3", "3": "?STE_ICSE93_1", "4": "?"}
    assert table(drafted[0], "codes/status_in_employment.csv") == guessed


def test_iso_codes_are_left_to_the_shared_table(drafted: tuple[Path, dict[str, Any]]) -> None:
    text = (drafted[0] / "KEN/HS/survey.toml").read_text(encoding="utf-8")
    assert 'country_of_birth = {variable = "PAIS", codes = "@ISO_NUMERIC", guess = true}' in text
    assert table(drafted[0], "codes/country_of_birth.csv") == {"999": "?_U"}


def test_a_rule_is_drafted_for_a_question_of_yes_and_no(drafted: tuple[Path, dict[str, Any]]) -> None:
    with (drafted[0] / "KEN/HS/rules/worked_one_hour.csv").open(encoding="utf-8", newline="") as stream:
        rows = [(row["when"], row["value"]) for row in csv.DictReader(stream)]
    assert rows == [("TRAB = '1'", "?TRUE"), ("TRAB = '2'", "?FALSE")]


def test_the_draft_is_refused_for_its_guesses_and_for_what_is_really_missing(
    drafted: tuple[Path, dict[str, Any]],
) -> None:
    with pytest.raises(SpecError) as refused:
        load_survey(drafted[0] / "KEN/HS")
    rules = {problem.rule for problem in refused.value.problems}
    # The file has no question on search and availability.
    assert rules == {"SPEC_GUESS", "CODE_GUESS", "SPEC_DECLARED_STATUS"}
    marked = {problem.message.split()[0] for problem in refused.value.problems if problem.rule == "SPEC_GUESS"}
    concepts = set(drafted[1]["concepts"])
    texts = {f"not_collected.{name}" for name in drafted[1]["not_found"]}
    sections = {"survey.title", "survey.organisation", "population.coverage", "population.reference_week"}
    assert marked == concepts | texts | sections


def test_no_value_of_a_person_is_written(drafted: tuple[Path, dict[str, Any]]) -> None:
    written = b"".join(path.read_bytes() for path in (drafted[0] / "KEN").rglob("*") if path.is_file())
    assert b"Nombre de la persona" in written
    # Nor a household's number, nor a weight.
    assert [value for value in (b"Secretperson", b"1007", b"103.3") if value in written] == []


def test_free_text_is_listed_where_three_persons_wrote_the_same(tmp_path: Path) -> None:
    path = tmp_path / "persons.csv"
    rows = ["Kenya"] * 2 + ["Uganda"] * 700 + [f"Village {number}" for number in range(600)]
    lines = [f"{row};{1 + row % 2};{row % 90};{place}" for row, place in enumerate(rows)]
    path.write_text("ID;SEX;AGE;BIRTHPLACE\n" + "\n".join(lines) + "\n", encoding="utf-8")
    draft = draft_of(path, "KEN")[1]
    assert [row.source_code for row in draft.codes["country_of_birth"]] == ["Uganda"]
    assert draft.codes["country_of_birth"][0].target_code == "?UGA"
    assert "of its 602 texts only those of 3 rows" in draft.concepts["country_of_birth"].evidence


def test_a_folder_that_exists_is_left_as_it_is(drafted: tuple[Path, dict[str, Any]]) -> None:
    folder = drafted[0]
    before = (folder / "KEN/HS/survey.toml").read_bytes()
    with pytest.raises(SpecError) as refused:
        run(folder, "new-spec", str(folder / "persons.csv"), "--survey", "KEN_HS", "--out", str(folder))
    assert [problem.rule for problem in refused.value.problems] == ["SPEC_EXISTS"]
    assert (folder / "KEN/HS/survey.toml").read_bytes() == before


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="null"):
        write_folder(tmp_path / "KEN/HS", {"survey.toml": "x", "codes/\0.csv": "y"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["KEN", "XXX_HS", "ken_hs", "KEN_HS!"])
def test_a_key_that_is_none_is_not_understood(tmp_path: Path, key: str) -> None:
    done = CliRunner().invoke(ilms, ["new-spec", str(write_survey(tmp_path)), "--survey", key])
    assert done.exit_code == 2
    assert "such as ESP_EPA" in done.output


def test_the_terminal_tells_each_concept_and_what_is_next(tmp_path: Path) -> None:
    path = write_survey(tmp_path)
    done = run(tmp_path, "new-spec", str(path), "--survey", "KEN_HS", "--out", str(tmp_path), "--period", "2024")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "KEN_HS: 240 rows, 9 variables in persons.csv"
    assert "  guessed  sex                          SEXO [0 of 2 codes]" in lines
    assert "  none     arrival_year" in lines
    assert 'periods = {from = "2024", to = ""}' in (tmp_path / "KEN/HS/survey.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["csv.gz", "parquet"])
def test_other_formats_are_drafted_alike(tmp_path: Path, form: str) -> None:
    source = write_survey(tmp_path)
    path = tmp_path / f"persons.{form}"
    if form == "csv.gz":
        path.write_bytes(gzip.compress(source.read_bytes()))
    else:
        rows = list(csv.DictReader(source.read_text(encoding="utf-8").splitlines(), delimiter=";"))
        pq.write_table(pa.Table.from_pylist(rows), path)
    material, draft = draft_of(path, "KEN", labels=tmp_path / "labels.csv")
    assert material.format == form.split(".")[0]
    assert {name: draft.concepts[name].variable for name in ("sex", "age", "weight")} == {
        "sex": "SEXO",
        "age": "EDAD",
        "weight": "PESO",
    }


def test_a_zip_of_several_files_is_refused_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "round.zip"
    with ZipFile(path, "w") as archive:
        for name in ("persons.csv", "households.csv"):
            archive.writestr(name, "A;B\n1;2\n")
    with pytest.raises(InputError) as refused:
        draft_of(path, "KEN")
    assert "households.csv, persons.csv" in refused.value.problems[0].message


def test_a_first_row_of_values_is_not_taken_for_names(tmp_path: Path) -> None:
    path = tmp_path / "persons.csv"
    path.write_text("101;1;34;Nairobi\n102;2;35;Mombasa\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        draft_of(path, "KEN")
    assert [problem.rule for problem in refused.value.problems] == ["FILE_COLUMNS"]
    assert "34" not in str(refused.value)


def test_fixed_width_text_asks_for_its_layout(tmp_path: Path) -> None:
    path = tmp_path / "persons.txt"
    path.write_text("0101345\n0102352\n", encoding="utf-8")
    with pytest.raises(InputError, match="--layout"):
        draft_of(path, "KEN")


def test_a_workbook_is_drafted_by_its_first_row(tmp_path: Path) -> None:
    write_survey(tmp_path)
    book = openpyxl.Workbook()
    for row in csv.reader((tmp_path / "persons.csv").read_text(encoding="utf-8").splitlines(), delimiter=";"):
        book.active.append([float(cell) if cell.replace(".", "").isdecimal() else cell for cell in row])
    book.save(tmp_path / "persons.xlsx")
    material, draft = draft_of(tmp_path / "persons.xlsx", "KEN", labels=tmp_path / "labels.csv")
    assert (material.format, draft.concepts["sex"].variable) == ("xlsx", "SEXO")
    assert [row.target_code for row in draft.codes["sex"]] == ["?SEX_M", "?SEX_F"]


# --- tables that describe a file -----------------------------------------------------------------

LAYOUTS = {
    "start, end and width": "var\tstart\tend\twidth\tdescr\nSEXO\t1\t1\t1\tSexo\nEDAD\t2\t4\t3\tEdad en años\n",
    "start and end": "campo;desde;hasta;descripcion\nSEXO;1;1;Sexo\nEDAD;2;4;Edad en años\n",
    "start and width": "nom,debut,longueur,libelle\nSEXO,1,1,Sexo\nEDAD,2,3,Edad en años\n",
    "no header": "SEXO|1|1|Sexo\nEDAD|2|4|Edad en años\n",
    "columns in another order": "label;width;start;variable\nSexo;1;1;SEXO\nEdad en años;3;2;EDAD\n",
    "a command file": "DATA LIST FILE='x' /\n SEXO 1 EDAD 2-4.\nVARIABLE LABELS SEXO 'Sexo' /EDAD \"Edad en años\".\n",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_a_layout_is_read_with_any_header(tmp_path: Path, text: str) -> None:
    path = tmp_path / "layout.txt"
    path.write_text(text, encoding="utf-8")
    book = read_layout(path)
    assert book.order == ["SEXO", "EDAD"]
    assert book.spans == {"SEXO": (1, 1), "EDAD": (2, 3)}
    assert book.labels == {"SEXO": "Sexo", "EDAD": "Edad en años"}


TABLES = {
    "national statistics institute": "var\ttipo\tnulo\tllave\tvalor\nSEXO\tD\tNA\t1\tHombre\nSEXO\tD\tNA\t6\tMujer\n"
    "EDAD\tN\tNA\tNA\t\n",
    "a blank is the variable above": "variable;valor;etiqueta\nsexo;1;Hombre\n;6;Mujer\n",
    "codes in one cell": "variable,label,codes\nSEXO,Sexo,1 = Hombre / 6 = Mujer\nEDAD,Edad,\nX1,Nada,\n",
    "a label of the variable beside": "name,description,code,meaning\nSEXO,Sexo,1,Hombre\nSEXO,Sexo,6,Mujer\n"
    "EDAD,Edad,,\n",
    "a command file": "VALUE LABELS SEXO 1 'Hombre' 6 'Mujer'.\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_labels_of_codes_are_read_with_any_header(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(text, encoding="utf-8")
    assert read_labels(path, ["SEXO", "EDAD", "X1"]).codes == {"SEXO": {"1": "Hombre", "6": "Mujer"}}


def test_strange_lines_are_told_and_used_where_they_can_be(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("var\tllave\tvalor\nSEXO\t1\tHombre\t\nSEXO\t2\tMujer\tx\ty\nOTRO\t1\tUno\n", encoding="utf-8")
    book = read_labels(path, ["SEXO"])
    assert book.codes == {"SEXO": {"1": "Hombre"}}
    assert [text.split(": ")[0] for text in book.warnings] == ["labels.txt line 2", "labels.txt line 3", "labels.txt"]
    assert ["used" in book.warnings[0], "skipped" in book.warnings[1], "OTRO" in book.warnings[2]] == [True] * 3


def test_a_word_among_numbers_belongs_to_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("variable;codigo;etiqueta\nEDAD;ANIOS;Años cumplidos\nSEXO;1;Hombre\nSEXO;2;Mujer\n", "utf-8")
    book = read_labels(path, ["SEXO", "EDAD"])
    assert (book.labels, set(book.codes)) == ({"EDAD": "Años cumplidos"}, {"SEXO"})


@pytest.mark.parametrize("text", ["", "nothing here\nat all\n", "a;b\nx;y\n"])
def test_a_table_that_describes_nothing_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.txt"
    path.write_text(text, encoding="utf-8")
    for read in (read_layout, lambda file: read_labels(file, ["SEXO"])):
        with pytest.raises(InputError) as refused:
            read(path)
        assert refused.value.problems[0].rule == "SCAFFOLD_TABLE"


def test_labels_are_put_under_the_codes_of_the_file(tmp_path: Path) -> None:
    data, layout, labels = (tmp_path / name for name in ("data.txt", "layout.csv", "labels.csv"))
    data.write_text("01M\n02F\n", encoding="utf-8")
    layout.write_text("variable,start,width,label\nPROV,1,2,Provincia\nSEX,3,1,Sex\n", encoding="utf-8")
    labels.write_text("variable,code,label\nPROV,1,Norte\nPROV,2,Sur\nPROV,3,Este\n", encoding="utf-8")
    material = draft_of(data, "ESP", layout=layout, labels=labels)[0]
    assert material.by_name["PROV"].labels == {"01": "Norte", "02": "Sur", "03": "Este"}


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("concept", "code_list", "label", "target"),
    [
        ("sex", "SEX", "Varón", "SEX_M"),
        ("sex", "SEX", "Femme", "SEX_F"),
        ("age_5yr_band", "AGE_5YRBANDS", "de 16 A 19 años", "AGE_5YRBANDS_Y15-19"),
        ("age_5yr_band", "AGE_5YRBANDS", "65 o más años", "AGE_5YRBANDS_YGE65"),
        ("age_5yr_band", "AGE_5YRBANDS", "16-34", ""),
        ("status_in_employment", "STE_ICSE93", "Compte propre", "STE_ICSE93_3"),
        ("status_in_employment", "STE_ICSE93", "Trabalhador familiar não remunerado", "STE_ICSE93_5"),
        ("status_in_employment", "STE_ICSE93", "Own account worker (not employing any employees)", "STE_ICSE93_3"),
        ("declared_labour_force_status", "LMS_STATUS", "Parado que ha trabajado antes", "LMS_STATUS_UNE"),
        ("declared_labour_force_status", "LMS_STATUS", "Not economically active", "LMS_STATUS_EIP"),
        ("education", "EDU_ISCED11", "Grade 12/Standard 10", "EDU_ISCED11_3"),
        ("education", "EDU_ISCED11", "Ensino médio", "EDU_ISCED11_3"),
        ("absence_reason", "ABSENCE_REASON", "Congé annuel", "ABS_VACATION"),
        ("migration_reason", "MIGRATION_REASON", "Recherche d'emploi", "REASON_JOB_SEARCH"),
        ("country_of_birth", "AREA", "Alemania", "DEU"),
        ("country_of_birth", "AREA", "Otros países de África", "AFR_OTHER"),
        ("country_of_birth", "AREA", "No especificado", "_U"),
        ("citizenship_2", "AREA", "Sin otra nacionalidad", "NULL"),
        ("has_written_contract", "", "Verbal", "FALSE"),
        ("wants_work", "", "Don't know", "NULL"),
        ("job_search", "", "Oui", "TRUE"),
        ("job_search", "", "Perhaps", ""),
    ],
)
def test_a_label_speaks_for_a_target(concept: str, code_list: str, label: str, target: str) -> None:
    assert guess_target(load_concepts()[concept], code_list, label) == target


def test_the_words_are_of_concepts_and_targets_that_exist() -> None:
    guesses, dictionary, lists = load_guesses(), load_concepts(), load_code_lists()
    source = {name for name, concept in dictionary.items() if concept.origin == "source"}
    # The division is drafted together with the branch.
    assert set(guesses.concepts) == source - {"economic_activity_division"}
    areas = lists["AREA"].codes | lists["AREA_SPECIAL"].codes
    for name, targets in guesses.targets.items():
        if name == "AREA":
            assert set(targets) <= areas
        elif name in lists:
            assert set(targets) <= lists[name].codes - {lists[name].total}, name
        else:
            assert set(targets) == {"TRUE", "FALSE"}, name
            assert name == "BOOLEAN" or dictionary[name].kind == "boolean"


def test_words_are_written_as_texts_are_folded() -> None:
    guesses = load_guesses()
    entries = [word for concept in guesses.concepts.values() for text in concept.labels for word in text.split()]
    bare = {word.strip("-*") for word in entries if word != "{country}"}
    assert {word for word in bare if tokens(word) != (word,)} == set()


# --- how good the guesses are --------------------------------------------------------------------


def draft_of(
    file: Path, area: str, *, layout: Path | None = None, labels: Path | None = None
) -> tuple[Material, Draft]:
    """Draft from a file in a folder of the test."""
    material = read_material(
        file, file.parent, layout=layout, labels=labels, encoding=None, sheet=None, progress=lambda _: None
    )
    return material, make_draft(material, area)


@dataclass
class Quality:
    """How a draft compares with the specification that people wrote.

    Attributes:
        variables: concept -> whether its variable is the first choice; concepts of one variable of the file.
        codes: concept -> (rows guessed right, rows) of codes that have a label or are blank.
    """

    variables: dict[str, bool] = field(default_factory=dict)
    codes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def share_of_variables(self) -> float:
        return sum(self.variables.values()) / len(self.variables)

    @property
    def share_of_codes(self) -> float:
        return sum(right for right, _ in self.codes.values()) / sum(rows for _, rows in self.codes.values())


def compare(survey: str, material: Material, draft: Draft) -> Quality:
    truth = load_survey(BUILT_IN / survey)
    quality = Quality()
    for name, source in truth.concepts.items():
        variable = material.by_name.get(source.variable or "")
        if variable is None:
            continue
        drafted = draft.concepts.get(name)
        taken = drafted is not None and f"({variable.name}," in f"({drafted.variable},{drafted.expression or ''},"
        quality.variables[name] = taken
        rows = [
            row
            for row in truth.codes.get(name, ())
            if row.file.startswith(survey) and _is_explained(row.source_code, variable)
        ]
        if rows:
            mine: Mapping[str, str] = {
                row.source_code: row.target_code.lstrip("?") for row in draft.codes.get(name, ())
            }
            if drafted is not None and drafted.codes:
                mine = {**shared_codes(drafted.codes), **mine}
            quality.codes[name] = (sum(mine.get(row.source_code) == row.target_code for row in rows), len(rows))
    return quality


def _is_explained(code: str, variable: Variable) -> bool:
    is_text = code in variable.profile.values and not variable.labels and not code.lstrip("-").isdecimal()
    return code == "" or code in variable.labels or is_text


@pytest.mark.parametrize(("survey", "variables", "codes"), [("XAA/LFS", 0.9, 0.85), ("XBB/LFS", 0.9, 0.7)])
def test_most_guesses_are_right_on_synthetic_surveys(
    tmp_path: Path, survey: str, variables: float, codes: float
) -> None:
    key = survey.replace("/", "_")
    form = "sav" if survey == "XAA/LFS" else "dta"
    paths, _ = write_round(generate_parts(key, "2024-Q4", 1500), tmp_path, f"{key}_2024-Q4", form)
    file = paths[0]
    if file.suffix == ".zip":
        with ZipFile(file) as archive:
            file = Path(archive.extract("individus.dta", tmp_path))
    quality = compare(survey, *draft_of(file, survey[:3]))
    assert quality.share_of_variables >= variables, quality
    assert quality.share_of_codes >= codes, quality


@dataclass(frozen=True)
class Real:
    """A real survey: its file, its tables, and the floors of what must be guessed right."""

    survey: str
    file: str
    variables: float
    codes: float
    layout: str | None = None
    labels: str | None = None


SPAIN = "spain_censo2011"
REAL = [
    Real("ZAF/QLFS", "south_africa_qlfs/qlfs_2013_q4.zip", 0.9, 0.85),
    Real(
        "ESP/CENSUS",
        f"{SPAIN}/sampleCenso2010.txt",
        0.9,
        0.95,
        f"{SPAIN}/censo_2010_mdat1.txt",
        f"{SPAIN}/censo_2010_mdat2.txt",
    ),
    Real("URY/ECH", "uruguay_ech/ech_2018_metasurvey.csv", 0.85, 0.8, labels="uruguay_ech/dic.csv"),
    Real("URY/ECH", "uruguay_ech/toy_ech_2018_subset.sav", 0.85, 0.8, labels="uruguay_ech/dic.csv"),
    # Files without a single label: only names speak.
    Real("ARG/EPH", "argentina_eph/eph_individual_2016_t3_sample2000.csv", 0.35, 0.0),
    Real("AUT/EUSILC", "austria_eusilc/eusilc2006_synthetic.csv.gz", 0.7, 0.5),
    Real("GBR/QLFS", "uk_qlfs2015/dataset.txt", 0.9, 0.0),
]


@pytest.mark.real_data
@pytest.mark.parametrize("real", REAL, ids=[Path(real.file).name for real in REAL])
def test_most_guesses_are_right_on_real_surveys(tmp_path: Path, real: Real) -> None:
    tables = {name: microdata(table) if (table := getattr(real, name)) else None for name in ("layout", "labels")}
    source = microdata(real.file)
    file = tmp_path / source.name
    file.symlink_to(source)
    quality = compare(real.survey, *draft_of(file, real.survey[:3], **tables))
    assert quality.share_of_variables >= real.variables, quality
    if quality.codes:
        assert quality.share_of_codes >= real.codes, quality
