"""The release gate: roles and states, freezing, what forbids publishing, and processes that die."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.errors import InputError
from schemas.roles import ReleaseRoles
from sdmx_out.releases import candidates, gate, release_content
from sdmx_out.releases.candidates import CONTENT, Candidate, all_candidates, find_candidate
from sdmx_out.releases.gate import GateError, approve, check_role, check_state, reject, reopen
from sdmx_out.releases.places import Places
from sdmx_out.releases.release_log import read
from tests.sdmx_out import example
from tests.sdmx_out.example import by, rows

ROLES = '[release]\nmakers = ["Ada", "Both"]\napprovers = ["Mary", "Both"]\n'
PEOPLE = ("Ada", "Mary", "Both", "Nobody")
STATES = ("waiting", "approved", "published", "rejected", "reopened", "superseded")
BULK = f"data/ilostat/{example.EMPLOYMENT}_Q.csv"


@pytest.fixture(autouse=True)
def _plain_structures(monkeypatch: pytest.MonkeyPatch) -> None:
    example.plain_structures(monkeypatch)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A data folder with roles."""
    (tmp_path / "roles.toml").write_text(ROLES, encoding="utf-8")
    return Places(tmp_path)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Data folders to copy: one with a release, one with a candidate that waits and which `Both` made."""
    work = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        example.plain_structures(patch)
        example.release(work / "released")
        (work / "waiting").mkdir()
        (work / "waiting" / "roles.toml").write_text(ROLES, encoding="utf-8")
        example.release(work / "waiting", maker="Both")
    return {name: work / name for name in ("released", "waiting")}


@pytest.fixture
def released(models: dict[str, Path], tmp_path: Path) -> Places:
    """A data folder with a release and no roles."""
    return Places(shutil.copytree(models["released"], tmp_path / "released", symlinks=True))


@pytest.fixture
def waiting(models: dict[str, Path], tmp_path: Path) -> Places:
    """A data folder with roles and a candidate that waits."""
    return Places(shutil.copytree(models["waiting"], tmp_path / "waiting", symlinks=True))


@contextmanager
def dying(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> Iterator[None]:
    """The process is killed where it would take this step."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, name, die)
        with pytest.raises(KeyboardInterrupt):
            yield


def the_one(places: Places) -> str:
    """Return the id of the only candidate."""
    (found,) = all_candidates(places)
    return found.id


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def published(places: Places) -> list[str]:
    return [folder.name for folder in places.release_folders()]


def state(places: Places, identifier: str) -> str:
    found = find_candidate(places, identifier)
    assert found is not None
    return found.state


# --- roles and states


def candidate(state: str, maker: str = "Ada") -> Candidate:
    return Candidate(
        "id",
        "default",
        maker,
        "2026-11-23",
        "",
        "",
        "",
        "",
        None,
        None,
        state,
        maker,
        "2026-11-23",  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("maker", ["Ada", "Both"])
@pytest.mark.parametrize("at", STATES)
@pytest.mark.parametrize("action", ["approve", "reject", "reopen"])
def test_role_by_action_by_state(action: str, at: str, maker: str, who: str) -> None:
    roles = ReleaseRoles(makers=("Ada", "Both"), approvers=("Mary", "Both"))
    item = candidate(at, maker)
    allowed = {"approve": at == "waiting" and who != maker, "reject": at == "waiting", "reopen": at == "rejected"}
    is_allowed = who in ("Mary", "Both") and allowed[action]

    def decide(with_roles: ReleaseRoles | None) -> bool:
        try:
            check_role(with_roles, action, who, item)  # type: ignore[arg-type]
            check_state(item, action)  # type: ignore[arg-type]
        except GateError:
            return False
        return True

    assert decide(roles) is is_allowed
    assert decide(None) is (at == ("rejected" if action == "reopen" else "waiting"))


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("action", ["make", "withdraw", "restore"])
def test_role_by_action_without_a_candidate(action: str, who: str) -> None:
    roles = ReleaseRoles(makers=("Ada", "Both"), approvers=("Mary", "Both"))
    allowed = {"make": ("Ada", "Both"), "withdraw": ("Ada", "Mary", "Both"), "restore": ("Mary", "Both")}
    check_role(None, action, who)  # type: ignore[arg-type]
    if who in allowed[action]:
        check_role(roles, action, who)  # type: ignore[arg-type]
        return
    with pytest.raises(GateError) as caught:
        check_role(roles, action, who)  # type: ignore[arg-type]
    assert [problem.rule for problem in caught.value.problems] == ["ROLE_MISSING"]


# --- from candidate to release


def test_without_roles_it_is_published_at_once(tmp_path: Path) -> None:
    made = example.release(tmp_path)
    assert (made.state, made.is_new) == ("published", True)
    assert made.folder == tmp_path / "releases" / made.identifier
    assert [entry.what for entry in read(Places(tmp_path).log)] == ["made", "published"]


def test_with_roles_it_waits_frozen(places: Places) -> None:
    made = example.release(places.home)
    folder = places.candidates / made.identifier
    assert (made.state, made.folder, published(places)) == ("waiting", folder / "release", [])
    assert sorted(path.name for path in folder.iterdir()) == [
        "candidate.json", "protection.html", "protection.json", "release",
    ]  # fmt: skip
    assert places.candidates.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.*")} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in made.folder.rglob("*") if path.is_file()} == {0o444}
    again = example.release(places.home, list(reversed(rows())), day="2026-12-24")
    assert (again.state, again.is_new, again.folder) == ("waiting", False, made.folder)


def test_approval_publishes_the_frozen_bytes(places: Places) -> None:
    made = example.release(places.home)
    frozen = files(made.folder)
    done = approve(places, made.identifier, by("Mary", "2026-11-24"), "as discussed")
    assert (done.state, done.is_new) == ("published", True)
    assert files(places.releases / made.identifier) == frozen
    assert (places.releases / "latest-test").resolve() == done.folder
    assert state(places, made.identifier) == "published"
    assert not made.folder.exists()
    assert [(entry.what, entry.who, entry.date, entry.comment) for entry in read(places.log)] == [
        ("made", "Ada", "2026-11-23", ""),
        ("approved", "Mary", "2026-11-24", "as discussed"),
        ("published", "Mary", "2026-11-24", "as discussed"),
    ]
    again = example.release(places.home)
    assert (again.state, again.is_new, again.folder) == ("published", False, done.folder)


@pytest.mark.parametrize(
    ("who", "rule"), [("Ada", "ROLE_MISSING"), ("Nobody", "ROLE_MISSING"), ("Both", "OWN_CANDIDATE")]
)
def test_nobody_approves_what_they_may_not(waiting: Places, who: str, rule: str) -> None:
    before = files(waiting.home)
    with pytest.raises(GateError, match=rule):
        approve(waiting, the_one(waiting), by(who))
    assert files(waiting.home) == before


def test_only_makers_make(places: Places) -> None:
    with pytest.raises(GateError, match="Mary is not among the makers"):
        example.release(places.home, maker="Mary")
    assert list(places.candidates.iterdir()) == []


@pytest.mark.parametrize("identifier", ["unknown", "../releases", "", ".", "a/b"])
def test_an_unknown_candidate(waiting: Places, identifier: str) -> None:
    with pytest.raises(GateError, match="CANDIDATE_UNKNOWN"):
        approve(waiting, identifier, by("Mary"))


def test_a_rejected_candidate_leaves_no_bytes_and_is_not_put_forward_again(places: Places) -> None:
    made = example.release(places.home)
    reject(places, made.identifier, by("Mary"), "the weights are wrong")
    folder = places.candidates / made.identifier
    assert sorted(path.name for path in folder.iterdir()) == ["candidate.json", "protection.json"]
    assert not any(b"1234.568" in text for text in files(places.home).values())
    again = example.release(places.home, day="2026-12-24")
    assert (again.state, again.is_new, again.comment) == ("rejected", False, "the weights are wrong")
    other = example.release(places.home, rows()[:5])
    assert (other.state, other.is_new) == ("waiting", True)


def test_a_rejected_candidate_can_be_reopened(places: Places) -> None:
    made = example.release(places.home)
    reject(places, made.identifier, by("Mary"), "a mistake")
    reopen(places, made.identifier, by("Mary"), "it was mine")
    again = example.release(places.home)
    assert (again.state, again.is_new, again.identifier) == ("waiting", True, f"{made.identifier}-2")
    assert approve(places, again.identifier, by("Mary")).state == "published"


def test_a_newer_candidate_takes_the_place_of_the_one_that_waits(places: Places) -> None:
    first = example.release(places.home)
    second = example.release(places.home, rows()[:5], day="2026-11-24")
    assert (state(places, first.identifier), state(places, second.identifier)) == ("superseded", "waiting")
    assert not first.folder.exists()
    with pytest.raises(GateError, match="it is superseded: it cannot be approved"):
        approve(places, first.identifier, by("Mary"))


def test_one_that_waits_goes_when_the_tables_are_again_those_of_the_latest(places: Places) -> None:
    approve(places, example.release(places.home).identifier, by("Mary"))
    second = example.release(places.home, rows()[:5], day="2026-11-24")
    again = example.release(places.home, day="2026-11-25")
    assert (again.state, again.is_new) == ("published", False)
    assert state(places, second.identifier) == "superseded"


# --- what forbids publishing


def rewrite(path: Path, change: Callable[[bytes], bytes] = lambda text: text + b" ") -> None:
    path.chmod(0o644)
    path.write_bytes(change(path.read_bytes()))


def rename_maker(folder: Path) -> None:
    rewrite(folder / "candidate.json", lambda text: text.replace(b'"maker": "Both"', b'"maker": "Nobody"'))


TAMPERING: dict[str, Callable[[Path], object]] = {
    "a value": lambda folder: rewrite(folder / "release" / BULK, lambda t: t.replace(b"1234.568", b"1234.569")),
    "a file more": lambda folder: (folder / "release" / "data" / ".more").write_text("x"),
    "a file less": lambda folder: (folder / "release" / BULK).unlink(),
    "the contents": lambda folder: rewrite(folder / "release" / "toc.csv"),
    "the facts": lambda folder: rewrite(folder / "release" / "release.json"),
    "the report": lambda folder: rewrite(folder / "protection.json"),
    "a link": lambda folder: ((folder / "release" / BULK).unlink(), (folder / "release" / BULK).symlink_to("/")),
    "the maker": rename_maker,
    "the content and its hash": lambda folder: (
        rewrite(folder / "release" / "release.json"),
        rewrite(
            folder / "candidate.json",
            lambda text: json.dumps(
                {**json.loads(text), "facts_sha256": candidates.sha256_of(folder / "release" / "release.json")}
            ).encode(),
        ),
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_what_was_changed_after_freezing_is_refused(waiting: Places, what: str) -> None:
    identifier = the_one(waiting)
    TAMPERING[what](waiting.candidates / identifier)
    with pytest.raises(GateError, match="CANDIDATE_CHANGED"):
        approve(waiting, identifier, by("Both" if what == "the maker" else "Mary"))
    assert published(waiting) == []


def test_what_was_changed_after_freezing_is_made_anew(waiting: Places) -> None:
    before = the_one(waiting)
    TAMPERING["the content and its hash"](waiting.candidates / before)
    again = example.release(waiting.home, maker="Both")
    assert (again.is_new, again.identifier, state(waiting, before)) == (True, f"{before}-2", "superseded")
    assert approve(waiting, again.identifier, by("Mary")).state == "published"


def test_a_stale_candidate_is_refused_and_made_anew(places: Places) -> None:
    made = example.release(places.home)
    (places.home / "roles.toml").rename(places.home / "kept")
    folder = places.candidates / made.identifier
    folder.rename(places.home / "aside")  # as if it had been overlooked while another was published
    example.release(places.home, rows()[:5], day="2026-11-24")
    (places.home / "aside").rename(folder)
    (places.home / "kept").rename(places.home / "roles.toml")
    with pytest.raises(GateError, match="CANDIDATE_STALE"):
        approve(places, made.identifier, by("Mary"))
    again = example.release(places.home, day="2026-11-25")
    assert (again.is_new, state(places, made.identifier)) == (True, "superseded")
    assert approve(places, again.identifier, by("Mary")).state == "published"


@pytest.mark.parametrize("has_roles", [True, False])
def test_a_candidate_that_leaks_is_refused(places: Places, has_roles: bool) -> None:
    report = {"XAA_2013": example.write_protection(places.home / "p.json", leaks=2)}
    if not has_roles:
        places.roles.unlink()
        with pytest.raises(GateError, match="2 confidential figure"):
            example.release(places.home, protection=report)
    else:
        made = example.release(places.home, protection=report)
        with pytest.raises(GateError, match="AUDIT_FAILED"):
            approve(places, made.identifier, by("Mary"))
    assert published(places) == []


def test_a_report_that_is_no_report_is_refused(places: Places) -> None:
    (places.home / "p.json").write_text('{"attack": 3}', encoding="utf-8")
    with pytest.raises(InputError, match="PROTECTION_UNREADABLE"):
        example.release(places.home, protection={"XAA_2013": places.home / "p.json"})
    assert published(places) == []


# --- processes that die

STEPS = (
    (release_content, "compare"),
    (release_content, "sync_tree"),
    (candidates, "page"),
    (candidates.release_log, "append"),
    (candidates, "sync_folder"),
    (gate, "write_candidate"),
    (gate, "move"),
    (gate, "point"),
    (gate, "append"),
)


def finished(places: Places, identifier: str, wanted: dict[str, bytes]) -> None:
    assert (places.releases / "latest-test").resolve() == places.releases / identifier
    assert files(places.releases / identifier) == wanted
    assert state(places, identifier) == "published"
    assert [path.name for path in places.home.rglob(".building-*")] == []
    whats = [entry.what for entry in read(places.log) if entry.id == identifier]
    assert whats.count("published") == 1


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the second release of an undisturbed data folder holds."""
    work = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        example.plain_structures(patch)
        example.release(work)
        return files(example.release(work, rows()[:5], day="2026-11-24").folder)


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{m.__name__}.{name}" for m, name in STEPS])
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_whatever_the_moment_there_is_the_candidate_or_the_release(
    released: Places, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, bytes], number: int, is_after: bool
) -> None:
    places, tmp_path = released, released.home
    first = the_one(places)
    module, name = STEPS[number]
    step = getattr(module, name)

    def die(*arguments: object, **named: object) -> None:
        if is_after:
            step(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, name, die)
        with pytest.raises(KeyboardInterrupt):
            example.release(tmp_path, rows()[:5], day="2026-11-24")
    assert (places.releases / "latest-test").resolve().is_dir()
    whole = [folder for folder in places.release_folders() if folder.name != first]
    for folder in [*whole, *(path / "release" for path in places.candidates.glob("[!.]*"))]:
        if folder.exists():
            assert files(folder) == wanted
    made = example.release(tmp_path, rows()[:5], day="2026-11-24")
    finished(places, made.identifier, wanted)


@pytest.mark.parametrize("name", ["append", "write_candidate", "move", "point"])
def test_an_approval_that_died_is_finished_or_can_be_given_again(
    waiting: Places, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    places = waiting
    content = places.candidates / the_one(places) / CONTENT
    identifier = the_one(places)
    frozen = files(content)

    with dying(monkeypatch, gate, name):
        approve(places, identifier, by("Mary"))
    assert published(places) == ([identifier] if name == "point" else [])
    if name in ("append", "write_candidate"):
        assert state(places, identifier) == "waiting"
        approve(places, identifier, by("Mary"))
    else:
        with pytest.raises(GateError, match="it is published"):
            approve(places, identifier, by("Mary"))
    finished(places, identifier, frozen)


def test_a_rejection_that_died_is_finished(waiting: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    places = waiting
    content = places.candidates / the_one(places) / CONTENT
    identifier = the_one(places)

    with dying(monkeypatch, candidates, "drop_bytes"):
        reject(places, identifier, by("Mary"), "no")
    assert content.exists()
    example.release(places.home, rows()[:5])
    assert not content.exists()


def test_what_was_changed_before_it_was_finished_waits_again(waiting: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    places = waiting
    content = places.candidates / the_one(places) / CONTENT
    identifier = the_one(places)

    with dying(monkeypatch, gate, "move"):
        approve(places, identifier, by("Mary"))
    rewrite(content / BULK)
    with pytest.raises(GateError, match="CANDIDATE_CHANGED"):
        approve(places, identifier, by("Mary"))
    assert published(places) == []


@pytest.mark.parametrize("module_and_name", ["release_content.sync_tree", "gate.move", "gate.point"])
def test_a_process_that_is_killed(tmp_path: Path, module_and_name: str) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from sdmx_out.releases import gate, release_content; "
        "from tests.sdmx_out import example; "
        "release_content.structure_bytes = lambda _: b'<Structure/>\\n'; "
        f"{module_and_name} = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        "example.release(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, cwd=example.ROOT)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "releases" / "latest-test").exists()
    assert len(published(Places(tmp_path))) == (module_and_name == "gate.point")
    made = example.release(tmp_path)
    assert (tmp_path / "releases" / "latest-test").resolve() == made.folder
    assert published(Places(tmp_path)) == [made.identifier]


def test_two_processes_at_the_same_time_publish_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.sdmx_out import example; example.release(Path(sys.argv[1]))"
    )
    work = [tmp_path / "home", tmp_path / "home"]
    command = [sys.executable, "-c", script, str(work[0])]
    example.release(tmp_path / "home", rows()[:5])
    running = [subprocess.Popen(command, cwd=example.ROOT, env={**os.environ}) for _ in work]
    assert [process.wait() for process in running] == [0, 0]
    assert len(published(Places(tmp_path / "home"))) == 2
