"""`ilms structure pull` against a registry on this machine that serves our own structures, changed in known places."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import sdmx
from click.testing import CliRunner, Result
from sdmx.message import StructureMessage
from sdmx.model import v21

from schemas.codes import FOLDER, load_code_lists, read_code_lists
from schemas.indicators import load_indicators
from sdmx_out.structure_pull.command import structure
from sdmx_out.structure_pull.difference import place_of, served_lists, version_of
from sdmx_out.structure_pull.update import file_text
from sdmx_out.structures.message import structure_message
from tests.sdmx_out.example import EMPLOYMENT, FOREIGN


@dataclass
class Service:
    """What the registry answers: path -> message, or a status."""

    url: str = ""
    answers: dict[str, bytes | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            answer = told.answers.get(self.path.split("?")[0], 404)
            self.send_response(answer if isinstance(answer, int) else 200)
            self.send_header("Content-Type", "application/vnd.sdmx.structure+xml;version=2.1")
            self.end_headers()
            if isinstance(answer, bytes):
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/rest"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def ours() -> StructureMessage:
    chosen = [load_indicators()[name] for name in (EMPLOYMENT, FOREIGN)]
    return structure_message(
        chosen, load_code_lists(), prepared=date(2026, 11, 23), is_test=False, has_test_areas=False
    )


def _serve(service: Service, *artefacts: v21.Codelist | v21.DataStructureDefinition) -> None:
    """Serve artefacts as they are: one message each."""
    for item in artefacts:
        kind = "codelist" if isinstance(item, v21.Codelist) else "datastructure"
        message = StructureMessage()
        message.add(item)
        service.answers[f"/rest/{kind}/ILO/{item.id}/latest"] = sdmx.to_xml(message)


def _copy(codelist: v21.Codelist) -> v21.Codelist:
    """A list of the same codes that can be changed."""
    made = v21.Codelist(id=codelist.id, version="2.0", maintainer=codelist.maintainer, name=codelist.name)
    for code in codelist:
        new = v21.Code(id=code.id, name=code.name, annotations=list(code.annotations))
        if code.parent is not None and isinstance(code.parent, v21.Code):
            made.items[code.parent.id].append_child(new)
        made.append(new)
    return made


def _lists(message: StructureMessage, name: str) -> v21.Codelist:
    return message.codelist[f"ILO:{name}"]


def _pull(service: Service, *options: str) -> Result:
    return CliRunner().invoke(structure, ["pull", "--url", service.url, *options])


def test_what_is_the_same_is_no_difference(service: Service, ours: StructureMessage) -> None:
    _serve(service, _lists(ours, "CL_AGE"), _lists(ours, "CL_CBR"), ours.structure[EMPLOYMENT])
    result = _pull(service, "--list", "CL_AGE", "--list", "CL_CBR", "--indicator", EMPLOYMENT)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no differences" in result.stderr
    assert [path.split("?")[0] for path in service.asked] == [
        "/rest/codelist/ILO/CL_AGE/latest",
        "/rest/codelist/ILO/CL_CBR/latest",
        f"/rest/datastructure/ILO/{EMPLOYMENT}/latest",
    ]


@pytest.fixture
def changed(service: Service, ours: StructureMessage) -> Service:
    """A list with a new country, another label, a code that is gone, another total, and a version that is not ours."""
    countries = _copy(_lists(ours, "CL_CBR"))
    countries.items["CBR_BRT_CZE"].name = {"en": "Czech Republic", "fr": "Tchéquie (la)"}
    del countries.items["CBR_BRT_CIV"]
    countries.items["CBR_BIR_X"].annotations = [v21.Annotation(title="Y", type="IS_TOTAL")]
    countries.append(v21.Code(id="CBR_BRT_ATA", name={"en": "Antarctica", "es": "Antártida"}))
    countries.append(v21.Code(id="CBR_NEW_A", name={"en": "One"}))
    countries.append(v21.Code(id="CBR_NEW_B", name={"en": "Two"}))
    _serve(service, countries)
    return service


def test_every_difference_is_told(changed: Service) -> None:
    result = _pull(changed, "--list", "CL_CBR", "--json")
    assert result.exit_code == 0
    names = load_code_lists()["CBR_BRT"].items
    czech = next(item for item in names if item.code == "CBR_BRT_CZE")
    gone = next(item for item in names if item.code == "CBR_BRT_CIV")
    told = {(item["kind"], item["code"], item["language"]): item for item in json.loads(result.stdout)}
    assert set(told) == {
        ("total", "CBR_BIR_X", ""),
        ("label", "CBR_BRT_CZE", "en"),
        ("label", "CBR_BRT_CZE", "fr"),
        ("new", "CBR_BRT_ATA", ""),
        ("gone", "CBR_BRT_CIV", ""),
        ("version", "CBR_NEW", ""),
    }
    assert told["label", "CBR_BRT_CZE", "en"]["ours"] == czech.en
    assert told["label", "CBR_BRT_CZE", "fr"]["served"] == "Tchéquie (la)"
    assert (told["gone", "CBR_BRT_CIV", ""]["ours"], told["version", "CBR_NEW", ""]["served"]) == (gone.en, "2 codes")


def test_it_reads_in_words_too(changed: Service) -> None:
    lines = _pull(changed, "--list", "CL_CBR").stdout.splitlines()
    assert "CBR_BRT: new code CBR_BRT_ATA: Antarctica" in lines
    assert "CBR: version CBR_NEW is served and not carried here (2 codes)" in lines


def test_lists_are_taken_over(changed: Service, tmp_path: Path) -> None:
    folder = tmp_path / "code_lists"
    shutil.copytree(FOLDER, folder)
    result = _pull(changed, "--list", "CL_CBR", "--write", "--folder", str(folder))
    assert result.exit_code == 0, result.stderr
    assert "written: CBR_BRT.csv" in result.stderr
    before, after = FOLDER / "CBR_BRT.csv", folder / "CBR_BRT.csv"
    old, new = before.read_text(encoding="utf-8").splitlines(), after.read_text(encoding="utf-8").splitlines()
    last = int(old[-1].split(",")[4])
    # A language that is not served is given the first that is.
    assert new[-1] == f"CBR_BRT_ATA,Antarctica,Antarctica,Antártida,{last + 1},1,,N"
    different = [line for line in new[:-1] if line not in old]
    assert [line.split(",")[:3] for line in different] == [["CBR_BRT_CZE", "Czech Republic", "Tchéquie (la)"]]
    # What is served no more stays.
    assert "CBR_BRT_CIV" in read_code_lists(folder)["CBR_BRT"].codes
    names = sorted(path.name for path in FOLDER.glob("*.csv"))
    assert [name for name in names if (folder / name).read_bytes() != (FOLDER / name).read_bytes()] == ["CBR_BRT.csv"]
    again = _pull(changed, "--list", "CL_CBR", "--write", "--folder", str(folder))
    assert "written: nothing" in again.stderr


def test_lists_that_would_not_agree_are_not_written(service: Service, ours: StructureMessage, tmp_path: Path) -> None:
    """A new country needs its group of countries: both lists are refused, and the reason is told."""
    folder = tmp_path / "code_lists"
    shutil.copytree(FOLDER, folder)
    areas, ages = _copy(_lists(ours, "CL_AREA")), _copy(_lists(ours, "CL_AGE"))
    areas.append(v21.Code(id="QQQ", name={"en": "New country"}))
    ages.items["AGE_AGGREGATE_TOTAL"].name = {"en": "All ages"}
    _serve(service, areas, ages)
    result = _pull(service, "--list", "CL_AGE", "--list", "CL_AREA", "--write", "--folder", str(folder))
    assert result.exit_code == 3
    assert "country_groups.csv: CODE_UNMAPPED: no row for QQQ" in result.stderr
    assert "nothing was written" in result.stderr
    for path in FOLDER.glob("*.csv"):
        assert (folder / path.name).read_bytes() == path.read_bytes()


def test_structures_that_differ(service: Service, ours: StructureMessage) -> None:
    other = sdmx.read_sdmx(_as_file(ours.structure[EMPLOYMENT])).structure[EMPLOYMENT]
    other.dimensions.components = [item for item in other.dimensions.components if item.id != "AGE"]
    other.attributes.components = [item for item in other.attributes.components if item.id != "DECIMALS"]
    _serve(service, other)
    told = json.loads(_pull(service, "--indicator", EMPLOYMENT, "--indicator", FOREIGN, "--json").stdout)
    assert [(item["place"], item["code"], item["served"]) for item in told] == [
        (EMPLOYMENT, "dimensions", "REF_AREA.FREQ.MEASURE.SEX.CBR.TIME_PERIOD"),
        (EMPLOYMENT, "DECIMALS", ""),
        (FOREIGN, FOREIGN, ""),
    ]


def _as_file(item: v21.DataStructureDefinition) -> io.BytesIO:
    message = StructureMessage()
    message.add(item)
    return io.BytesIO(sdmx.to_xml(message))


@pytest.mark.parametrize(
    ("answer", "words"),
    [(500, "the registry answers 500"), (413, "the registry answers 413"), (b"<html>moved</html>", "REGISTRY_ANSWER")],
)
def test_a_registry_that_does_not_answer(service: Service, answer: bytes | int, words: str) -> None:
    service.answers["/rest/codelist/ILO/CL_AGE/latest"] = answer
    result = _pull(service, "--list", "CL_AGE")
    assert (result.exit_code, result.stdout) == (4, "")
    assert words in result.stderr


def test_nobody_there(service: Service) -> None:
    service.url = "http://127.0.0.1:9/rest"
    result = _pull(service, "--list", "CL_AGE")
    assert result.exit_code == 4
    assert "REGISTRY_UNREACHABLE" in result.stderr


def test_a_list_that_is_not_served(service: Service) -> None:
    result = _pull(service, "--list", "CL_AGE")
    assert (result.exit_code, result.stdout) == (0, "CL_AGE: the registry has no such list\n")


def test_unknown_names_are_refused(service: Service) -> None:
    result = _pull(service, "--list", "CL_NOTHING")
    assert result.exit_code == 2
    assert "CL_AGE" in result.stderr
    assert service.asked == []


def test_files_are_written_as_they_stand() -> None:
    for name, codes in load_code_lists().items():
        assert file_text(codes) == (FOLDER / f"{name}.csv").read_text(encoding="utf-8"), name


def test_a_code_belongs_to_the_version_it_begins_with() -> None:
    held = served_lists(load_code_lists())
    assert {name: len(lists) for name, lists in held.items() if name in ("CL_AGE", "CL_CBR", "CL_SEX", "CL_AREA")} == {
        "CL_AGE": 4,
        "CL_CBR": 2,
        "CL_SEX": 1,
        "CL_AREA": 1,
    }
    home = place_of("AGE_10YRBANDS_TOTAL", held["CL_AGE"])
    assert home is not None
    assert home.id == "AGE_10YRBANDS"
    assert place_of("AGE_OTHER_TOTAL", held["CL_AGE"]) is None
    assert version_of("AGE_OTHER_TOTAL") == "AGE_OTHER"
