"""``ilms dev`` in a real browser: what ``ilms run`` has made is shown, and nothing is made twice."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
ROUNDS = ("XAA_LFS_2024-Q1", "XAA_LFS_2024-Q2")
GROUPS = {
    "survey_round": (*("raw_extract", "harmonised_persons", "harmonised_absentees"), "psu_totals", "round_estimates"),
    "area_year": ("area_estimates", "protected_estimates"),
    "release": ("release",),
}
ILMS = [sys.executable, "-c", "from pipelines.command_line import main; main()"]


def ilms(home: Path, *arguments: str) -> None:
    done = subprocess.run(
        [*ILMS, "--home", str(home), *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def home(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which ``ilms run`` has processed two small rounds."""
    from fixtures.__main__ import main

    folder = tmp_path_factory.mktemp("ui")
    periods = [identifier.rpartition("_")[2] for identifier in ROUNDS]
    options = ["--survey", "XAA_LFS", "--rounds", *periods, "--persons", "1500"]
    assert main(["--out", str(folder / "in"), *options]) == 0
    for period in periods:
        ilms(folder / "home", "receive", "XAA_LFS", period, str(folder / "in" / f"XAA_LFS_{period}.sav"))
    ilms(folder / "home", "run", "--release-date", "2026-11-23", "--formats", "tables")
    return folder / "home"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(address: str, query: str) -> Any:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def is_loaded(address: str) -> bool:
    query = "{workspaceOrError {... on Workspace {locationEntries {loadStatus locationOrLoadError {__typename}}}}}"
    try:
        entries = ask(address, query)["workspaceOrError"]["locationEntries"]
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return bool(entries) and entries[0]["loadStatus"] == "LOADED"


def end(child: subprocess.Popen[str]) -> None:
    """End the process group that the test started: politely first."""
    for sign, seconds in ((signal.SIGINT, 30), (signal.SIGKILL, 10)):
        try:
            os.killpg(child.pid, sign)
            child.wait(seconds)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
    child.wait()


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = (home.parent / "dev.log").open("w")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "ILMS_"))}
    child = subprocess.Popen(
        [*ILMS, "--home", str(home), "dev", "--port", str(port)],
        cwd=REPOSITORY,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 180
        while not is_loaded(url):
            assert child.poll() is None, "ilms dev ended: " + (home.parent / "dev.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "ilms dev does not answer"
            time.sleep(0.5)
        yield url
    finally:
        end(child)
        log.close()


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Any:
    shown = browser.new_context(viewport={"width": 1500, "height": 1000}, locale="en-GB").new_page()
    shown.set_default_timeout(60_000)
    return shown


def see(page: Any, text: str) -> None:
    page.get_by_text(text, exact=True).first.wait_for(state="visible")


def test_graph_shows_every_table(page: Any, address: str, pictures: Path) -> None:
    page.goto(f"{address}/asset-groups")
    for group in GROUPS:
        see(page, group)
    page.screenshot(path=str(pictures / "graph.png"))
    for group, names in GROUPS.items():
        page.goto(f"{address}/locations/__repository__@pipelines.definitions/asset-groups/{group}")
        for name in names:
            # A node of the graph shortens a long name in its middle.
            shown = re.compile(f"^({name}|{name[:7]}….*{name[-7:]})$")
            page.get_by_text(shown).first.wait_for(state="visible")
        page.wait_for_timeout(1500)
        page.screenshot(path=str(pictures / f"graph_{group}.png"))


def test_partitions_of_a_table_are_the_rounds(page: Any, address: str, pictures: Path) -> None:
    page.goto(f"{address}/assets/harmonised_persons?view=partitions")
    for identifier in ROUNDS:
        see(page, identifier)
    page.wait_for_timeout(1500)
    page.screenshot(path=str(pictures / "partitions.png"))


def test_whole_round_figures_are_shown(page: Any, address: str, home: Path, pictures: Path) -> None:
    page.goto(f"{address}/assets/harmonised_persons?view=partitions&partition={ROUNDS[0]}")
    for name in ("rows", "weight_total", "psus", "strata", "findings"):
        see(page, name)
    page.wait_for_timeout(1500)
    page.screenshot(path=str(pictures / "round.png"), full_page=True)


def test_check_of_a_table_passed(page: Any, address: str, pictures: Path) -> None:
    page.goto(f"{address}/assets/harmonised_persons?view=checks&checkDetail=rules")
    see(page, "rules")
    see(page, "Passed")
    see(page, "rules_broken")
    page.wait_for_timeout(1000)
    page.screenshot(path=str(pictures / "checks.png"))
    page.goto(f"{address}/assets/harmonised_persons?view=overview")
    page.wait_for_timeout(3000)
    page.screenshot(path=str(pictures / "overview.png"))


def test_nothing_is_made_twice(page: Any, address: str, pictures: Path) -> None:
    """The sensors run by themselves and find that ``ilms run`` has made everything."""
    query = '{sensorsOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: '
    query += '"pipelines.definitions"}) {... on Sensors {results {name sensorState {status ticks(limit: 5) '
    query += "{status skipReason}}}}}}"
    deadline, seen = time.monotonic() + 120, {}
    while time.monotonic() < deadline and len(seen) < 2:
        for sensor in ask(address, query)["sensorsOrError"]["results"]:
            assert sensor["sensorState"]["status"] == "RUNNING"
            ended = [tick for tick in sensor["sensorState"]["ticks"] if tick["status"] != "STARTED"]
            if ended:
                seen[sensor["name"]] = ended[0]
        time.sleep(1)
    assert {name: tick["status"] for name, tick in seen.items()} == {
        "received_files": "SKIPPED",
        "changed_area_years": "SKIPPED",
    }
    assert ask(address, "{runsOrError {... on Runs {results {runId}}}}")["runsOrError"]["results"] == []
    page.goto(f"{address}/automation")
    see(page, "nightly_release")
    page.wait_for_timeout(1500)
    page.screenshot(path=str(pictures / "automation.png"))
