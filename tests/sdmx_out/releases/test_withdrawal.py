"""Withdrawal: no byte of it is left in any release, everything says so, and it stays out until it is restored."""

import csv
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from schemas.periods import Period
from sdmx_out.commands import get
from sdmx_out.releases import gate, withdrawal
from sdmx_out.releases.gate import GateError, restore, withdraw
from sdmx_out.releases.places import Places
from sdmx_out.releases.protection_report import FILE as REPORT
from sdmx_out.releases.release_log import read
from sdmx_out.releases.withdrawal import Taken
from sdmx_out.releases.withdrawn import Withdrawal, in_force
from tests.sdmx_out import example
from tests.sdmx_out.example import EMPLOYMENT, FOREIGN_BORN, NATIVE, RATE, TOTAL, YOUNG, by, hidden, row

DAY = "2026-12-01"
REASON = "counted twice, in one district"
#: Numbers that stand nowhere else: value, standard error, limits.
SECRET = {"obs_value": 777.125, "se": 3.14159, "lower": 770.967, "upper": 783.283}
TEXTS = ("777.125", "3.14159", "770.967", "783.283")
BIRTHS = "CBR_BIR_TOTAL"
#: The value that the secret one was revised from.
BEFORE = "501.625"


@pytest.fixture(autouse=True)
def _plain_structures(monkeypatch: pytest.MonkeyPatch) -> None:
    example.plain_structures(monkeypatch)


def data(**given: object) -> list[example.Row]:
    return [
        row(EMPLOYMENT, "2013-Q4", "SEX_T", TOTAL, BIRTHS, **{**SECRET, **given}),
        row(EMPLOYMENT, "2013-Q4", "SEX_F", YOUNG, FOREIGN_BORN, **hidden("C", "C", "confidential")),
        row(EMPLOYMENT, "2013-Q3", "SEX_T", TOTAL, NATIVE, obs_value=555.25),
        row(EMPLOYMENT, "2013", "SEX_T", TOTAL, NATIVE, obs_value=1200.5),
        row(EMPLOYMENT, "2013-Q4", "SEX_T", TOTAL, NATIVE, ref_area="XBB", source="BA:XBB_LFS", obs_value=333.5),
        row(RATE, "2013-Q4", "SEX_T", TOTAL, NATIVE, obs_value=12.5, se=None, lower=None, upper=None, cv=None, df=None),
        row(RATE, "2013-Q3", "SEX_T", TOTAL, NATIVE, obs_value=13.5),
    ]


@dataclass(frozen=True)
class Desk:
    home: Path

    @property
    def places(self) -> Places:
        return Places(self.home)

    def releases(self) -> list[Path]:
        return list(self.places.release_folders())

    def get(self, *arguments: str) -> Result:
        return CliRunner().invoke(get, arguments, obj=self)

    def holding(self, *texts: str) -> list[str]:
        """Return the files of releases and candidates in which one of some texts stands."""
        found = []
        for folder in (self.places.releases, self.places.candidates):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and any(text.encode() in path.read_bytes() for text in texts):
                    found.append(str(path.relative_to(self.home)))
        return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three releases: the value revised, then only another indicator, so that files are shared."""
    work = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch:
        example.plain_structures(patch)
        example.release(work, data(obs_value=float(BEFORE)), kind="default")
        example.release(work, data(), kind="default", day="2026-11-24")
        more = [*data(), row(example.FOREIGN, "2013-Q4", "SEX_T", "CBR_BRT_KEN")]
        example.release(work, more, kind="default", day="2026-11-25")
    return work


@pytest.fixture
def desk(model: Path, tmp_path: Path) -> Desk:
    """A copy in which files are shared between releases as they are in the model."""
    target = tmp_path / "home"
    known: dict[int, Path] = {}
    for path in sorted(model.rglob("*")):
        copy = target / path.relative_to(model)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            copy.symlink_to(path.readlink())
        elif path.is_file() and path.stat().st_ino in known:
            os.link(known[path.stat().st_ino], copy)
        elif path.is_file():
            shutil.copy2(path, copy)
            known[path.stat().st_ino] = copy
    return Desk(target)


def take(desk: Desk, area: str = "", time: str = "", indicator: str = EMPLOYMENT, reason: str = REASON) -> Taken:
    wanted = Withdrawal(indicator, area, Period.parse(time).sdmx if time else "", DAY, reason)
    return withdraw(desk.places, "latest", wanted, by("Mary", DAY))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def assert_whole(folder: Path) -> None:
    """Assert that a release is as its table of contents and its facts say, tombstones included."""
    contents = table(folder / "toc.csv")
    facts = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert facts["toc_sha256"] == hashlib.sha256((folder / "toc.csv").read_bytes()).hexdigest()
    here = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    kept = {line["file"] for line in contents if line["status"] != "withdrawn"}
    assert here == {*kept, "toc.csv", "release.json"}
    assert facts["files"] == len(here)
    for line in contents:
        if line["status"] == "withdrawn":
            assert (line["sha256"], line["bytes"], line["rows"]) == ("", "", "")
            continue
        content = (folder / line["file"]).read_bytes()
        assert (line["sha256"], line["bytes"]) == (hashlib.sha256(content).hexdigest(), str(len(content))), line["file"]
        assert (folder / line["file"]).stat().st_mode & 0o777 == 0o444
    bulk = [line for path in (folder / "data/ilostat").glob("*.csv") for line in table(path)]
    assert facts["rows"] == len(bulk)
    assert facts["protection"]["shown"] == sum(bool(line["obs_value"]) for line in bulk)
    assert facts["withdrawals"] == table(folder / "withdrawals.csv")


# --- an indicator as a whole


def test_an_indicator_leaves_no_byte_in_any_release(desk: Desk) -> None:
    texts = (*TEXTS, BEFORE, "555.250", "1200.500", "333.500")
    assert len({place.split("/")[1] for place in desk.holding(*texts)}) == 3
    taken = take(desk)
    assert desk.holding(*texts) == []
    assert (len(taken.releases), taken.removed, taken.held) == (3, 18, [])
    assert [path for folder in desk.releases() for path in folder.rglob(f"*{EMPLOYMENT}*")] == []
    assert "13.500" in (desk.releases()[0] / f"data/ilostat/{RATE}_Q.csv").read_text(encoding="utf-8")


def test_an_indicator_leaves_a_tombstone_in_every_release(desk: Desk) -> None:
    before = [{line["file"]: line for line in table(folder / "toc.csv")} for folder in desk.releases()]
    take(desk)
    for folder, told in zip(desk.releases(), before, strict=True):
        assert_whole(folder)
        contents = {line["file"]: line for line in table(folder / "toc.csv")}
        assert contents.keys() == told.keys()
        gone = [line for line in contents.values() if line["indicator"] == EMPLOYMENT]
        assert len(gone) == 6
        for line in gone:
            assert [line[c] for c in ("status", "status_date", "status_reason")] == ["withdrawn", DAY, REASON]
            assert line["title_en"] == told[line["file"]]["title_en"]
        assert contents[f"data/ilostat/{RATE}_Q.csv"] == told[f"data/ilostat/{RATE}_Q.csv"]
        assert table(folder / "withdrawals.csv") == [
            {"indicator": EMPLOYMENT, "ref_area": "", "time": "", "withdrawn_on": DAY, "reason": REASON}
        ]
        assert f"Withdrawn on {DAY}: {EMPLOYMENT}" in (folder / "README.txt").read_text(encoding="utf-8")
        states = {line["indicator"]: line["availability"] for line in table(folder / "availability.csv")}
        assert (states[EMPLOYMENT], states["MFL_NCIT_SEX_CCT_NB"]) == ("withdrawn", "not_collected")
        lines = [line for line in table(folder / "changes.csv") if line["indicator"] == EMPLOYMENT]
        changes = {(line["change"], line["obs_value_before"], line["obs_value"]) for line in lines}
        assert changes == {("withdrawn", "", "")}


def test_get_says_when_and_why(desk: Desk) -> None:
    take(desk)
    told = desk.get(EMPLOYMENT)
    assert (told.exit_code, told.stdout) == (4, "")
    assert told.stderr == f"{EMPLOYMENT}: withdrawn on {DAY}: {REASON}\n"
    assert desk.get(EMPLOYMENT, "--area", "XAA", "--period", "2013-Q4").stderr == told.stderr
    first = desk.releases()[0].name
    assert desk.get(EMPLOYMENT, "--release", first).stderr == told.stderr
    assert desk.get(RATE).exit_code == 0


# --- one area or period


def test_one_area_and_period_is_emptied_in_every_file(desk: Desk) -> None:
    taken = take(desk, "XAA", "2013-Q4")
    assert desk.holding(*TEXTS, BEFORE) == []
    assert (taken.removed, len(taken.releases)) == (0, 3)
    for folder in desk.releases():
        assert_whole(folder)
        lines = table(folder / f"data/ilostat/{EMPLOYMENT}_Q.csv")
        assert [(line["ref_area"], line["time"], line["obs_value"], line["obs_status"]) for line in lines] == [
            ("XAA", "2013Q4", "", "C"), ("XAA", "2013Q3", "555.250", ""), ("XAA", "2013Q4", "", "N"),
            ("XBB", "2013Q4", "333.500", ""),
        ]  # fmt: skip
        assert lines[2]["note_indicator"] == "T2:84_ILMS:WITHDRAWN"
        assert "ILMS:WITHDRAWN,Withdrawn after publication" in (folder / "dictionary/NOTE.csv").read_text()
        quality = table(folder / f"data/quality/{EMPLOYMENT}_Q_quality.csv")
        assert [(line["n_band"], line["obs_status"], line["reason"]) for line in quality] == [
            ("", "C", "confidential"), ("100-499", "", ""), ("", "N", "withdrawn"), ("100-499", "", ""),
        ]  # fmt: skip
        twin = {
            (line["REF_AREA"], line["TIME_PERIOD"], line["SEX"]): line
            for line in table(folder / f"data/sdmx-csv/DF_{EMPLOYMENT}_SE.csv")
        }
        gone = twin["XAA", "2013-Q4", "SEX_T"]
        assert [gone[c] for c in ("OBS_VALUE", "OBS_STATUS", "CONF_STATUS", "N_BAND", "CV")] == ["", "O", "F", "", ""]
        assert twin["XAA", "2013-Q4", "SEX_F"]["OBS_STATUS"] == "Q"
        contents = {line["file"]: line for line in table(folder / "toc.csv")}
        assert {name for name, line in contents.items() if line["status"] == "rewritten"} >= {
            f"data/ilostat/{EMPLOYMENT}_Q.csv",
            f"data/quality/{EMPLOYMENT}_Q_quality.csv",
            f"data/sdmx-csv/DF_{EMPLOYMENT}.csv",
            f"data/sdmx-csv/DF_{EMPLOYMENT}_SE.csv",
        }
        assert contents[f"data/ilostat/{EMPLOYMENT}_A.csv"]["status"] == ""
        hidden_rows = json.loads((folder / "release.json").read_text())["protection"]["hidden"]
        assert hidden_rows == {"confidential": 1, "withdrawn": 1}


def test_a_figure_without_a_standard_error_is_emptied_as_well(desk: Desk) -> None:
    take(desk, "XAA", "2013-Q4", RATE)
    for folder in desk.releases():
        assert_whole(folder)
        for name, column in ((f"data/ilostat/{RATE}_Q.csv", "time"), (f"data/sdmx-csv/DF_{RATE}.csv", "TIME_PERIOD")):
            value = "obs_value" if column == "time" else "OBS_VALUE"
            assert sorted((line[column][-2:], line[value]) for line in table(folder / name)) == [
                ("Q3", "13.500"), ("Q4", ""),
            ]  # fmt: skip
        twin = {line["TIME_PERIOD"]: line for line in table(folder / f"data/sdmx-csv/DF_{RATE}_SE.csv")}
        assert (twin["2013-Q4"]["N_BAND"], twin["2013-Q3"]["N_BAND"]) == ("", "100-499")


def test_get_prints_the_rest_and_says_what_is_missing(desk: Desk) -> None:
    take(desk, "XAA", "2013-Q4")
    whole = desk.get(EMPLOYMENT)
    assert (whole.exit_code, len(whole.stdout.splitlines())) == (0, 6)
    told = f"{EMPLOYMENT} XAA 2013-Q4: withdrawn on {DAY}: {REASON}\n"
    assert whole.stderr == told
    assert desk.get(EMPLOYMENT, "--area", "XBB").stderr == ""
    take(desk, "XAA", "2013")
    gone = desk.get(EMPLOYMENT, "--area", "XAA", "--period", "2013")
    assert (gone.exit_code, gone.stdout) == (4, "")
    assert gone.stderr == f"{EMPLOYMENT} XAA 2013: withdrawn on {DAY}: {REASON}\n"


def test_shared_files_are_shared_again_without_the_cells(desk: Desk) -> None:
    name = f"data/ilostat/{EMPLOYMENT}_Q.csv"
    second, third = (folder / name for folder in desk.releases()[1:])
    assert second.samefile(third)
    outside = desk.home / "copy.csv"
    os.link(second, outside)
    taken = take(desk, "XAA", "2013-Q4")
    assert second.samefile(third)
    assert not second.samefile(outside)
    assert len(taken.held) == 1
    assert name in taken.held[0]


def test_a_reason_is_never_a_formula(desk: Desk) -> None:
    take(desk, "XAA", "2013-Q4", reason='=HYPERLINK("x")\nand more')
    for folder in desk.releases():
        assert table(folder / "withdrawals.csv")[0]["reason"] == '\'=HYPERLINK("x") and more'
        assert_whole(folder)


# --- later releases


@pytest.mark.parametrize("where", [(), ("XAA", "2013-Q4"), ("XAA", ""), ("", "2013")])
def test_the_same_tables_are_nothing_new_after_a_withdrawal(desk: Desk, where: tuple[str, ...]) -> None:
    take(desk, *where)
    more = [*data(), row(example.FOREIGN, "2013-Q4", "SEX_T", "CBR_BRT_KEN")]
    again = example.release(desk.home, more, kind="default", day="2026-12-02")
    assert (again.is_new, again.folder) == (False, desk.releases()[-1])


@pytest.mark.parametrize("where", [(), ("XAA", "2013-Q4")])
def test_it_stays_out_of_new_releases_until_it_is_restored(desk: Desk, where: tuple[str, ...]) -> None:
    take(desk, *where)
    made = example.release(desk.home, data(), kind="default", day="2026-12-02")
    assert made.is_new
    assert desk.holding(*TEXTS) == []
    assert_whole(made.folder)
    contents = {line["file"]: line for line in table(made.folder / "toc.csv")}
    status = contents[f"data/ilostat/{EMPLOYMENT}_Q.csv"]
    assert [status[c] for c in ("status", "status_date")] == ["rewritten" if where else "withdrawn", DAY]
    assert desk.get(EMPLOYMENT, "--area", "XAA", "--period", "2013-Q4").exit_code == 4
    key = (EMPLOYMENT, where[0] if where else "", where[1] if where else "")
    restore(desk.places, key, by("Mary", "2026-12-03"), "counted once now")
    assert in_force(desk.places.withdrawn) == ()
    back = example.release(desk.home, data(), kind="default", day="2026-12-03")
    assert (back.is_new, back.changes["new"]) == (True, 1 if where else 4)
    assert desk.get(EMPLOYMENT, "--period", "2013-Q4").exit_code == 0
    assert {place.split("/")[1] for place in desk.holding("777.125")} == {back.identifier}
    assert [entry.what for entry in read(desk.places.log)][-3:] == ["restored", "made", "published"]


# --- what is refused, and what is interrupted


def test_what_no_release_shows_cannot_be_withdrawn(desk: Desk) -> None:
    for where in (("ZAF",), ("XAA", "2014"), ("XBB", "2013")):
        with pytest.raises(GateError, match="NOTHING_TO_WITHDRAW"):
            take(desk, *where)
    take(desk)
    with pytest.raises(GateError, match="NOTHING_TO_WITHDRAW"):
        take(desk)
    with pytest.raises(GateError, match="NOT_WITHDRAWN"):
        restore(desk.places, (RATE, "", ""), by("Mary"), "no")


def test_roles(desk: Desk) -> None:
    desk.places.roles.write_text('[release]\nmakers = ["Ada"]\napprovers = ["Mary"]\n', encoding="utf-8")
    wanted = Withdrawal(RATE, "", "", DAY, REASON)
    with pytest.raises(GateError, match="ROLE_MISSING"):
        withdraw(desk.places, "latest", wanted, by("Nobody"))
    withdraw(desk.places, "latest", wanted, by("Ada"))
    with pytest.raises(GateError, match="ROLE_MISSING"):
        restore(desk.places, wanted.key, by("Ada"), "no")
    assert restore(desk.places, wanted.key, by("Mary"), "yes") == wanted


def test_a_candidate_that_waits_goes_and_its_report_forgets(desk: Desk) -> None:
    desk.places.roles.write_text('[release]\nmakers = ["Ada"]\napprovers = ["Mary"]\n', encoding="utf-8")
    made = example.release(desk.home, data(obs_value=1777.125), kind="default", day="2026-11-26")
    reports = [json.loads((folder / REPORT).read_bytes()) for folder in sorted(desk.places.candidates.iterdir())]
    assert [len(report["difference"]["totals"]) for report in reports] == [0, 1, 0, 1]
    take(desk, "XAA", "2013-Q4")
    assert not made.folder.exists()
    assert desk.holding("1777.125", *TEXTS, BEFORE) == []


@pytest.mark.parametrize("where", [(), ("XAA", "2013-Q4")])
@pytest.mark.parametrize("number", [1, 4, 8, 12, 15, 21, 27, 32])
def test_a_withdrawal_that_died_is_taken_up_by_whatever_comes_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: tuple[str, ...], number: int
) -> None:
    """It dies at the n-th file that is written or removed."""
    undisturbed = Desk(shutil.copytree(desk.home, tmp_path / "undisturbed", symlinks=True))
    take(undisturbed, *where)
    calls = 0

    def dying(step: object) -> object:
        def do(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == number:
                raise KeyboardInterrupt
            return step(*arguments, **named)  # type: ignore[operator]

        return do

    with monkeypatch.context() as patch:
        for name in ("write_lines", "write_text", "share", "sync_tree"):
            patch.setattr(withdrawal, name, dying(getattr(withdrawal, name)))
        patch.setattr(withdrawal._Rewriting, "_remove", dying(withdrawal._Rewriting._remove))
        with pytest.raises(KeyboardInterrupt):
            take(desk, *where)
    assert [item.key[0] for item in in_force(desk.places.withdrawn, "applying")] == [EMPLOYMENT]
    more = [*data(), row(example.FOREIGN, "2013-Q4", "SEX_T", "CBR_BRT_KEN")]
    assert not example.release(desk.home, more, kind="default", day="2026-12-02").is_new
    assert in_force(desk.places.withdrawn, "applying") == ()
    assert desk.holding(*TEXTS, BEFORE) == []
    for folder, other in zip(desk.releases(), undisturbed.releases(), strict=True):
        assert_whole(folder)
        assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == {
            str(path.relative_to(other)): path.read_bytes() for path in other.rglob("*") if path.is_file()
        }


def test_a_decision_that_died_before_anything_was_done_can_be_taken_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(gate.withdrawal, "take_out_everywhere", die)
        with pytest.raises(KeyboardInterrupt):
            take(desk)
    assert desk.holding(*TEXTS) != []
    take(desk)
    assert desk.holding(*TEXTS) == []
    assert [entry.what for entry in read(desk.places.log)][-2:] == ["withdrawn", "withdrawn"]
