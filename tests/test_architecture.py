"""The shape of the code: who imports whom, where the surroundings are read, how long a file is."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "transforms", "sdmx_out", "pipelines")
#: Package -> packages of ours that it may import besides itself.
MAY_IMPORT = {
    "schemas": set(),
    "transforms": {"schemas"},
    "sdmx_out": {"schemas"},
    "pipelines": {"schemas", "transforms", "sdmx_out"},
}
#: What reads the surroundings of the process.
SURROUNDINGS = {
    "os.environ", "os.getenv", "environ", "datetime.now", "datetime.today", "datetime.utcnow", "date.today",
    "datetime.datetime.now", "datetime.date.today", "time.time", "time.localtime", "time.gmtime", "uuid.uuid4",
}  # fmt: skip
LINES = 500


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def tracked() -> list[Path]:
    """Return the files that belong to the project: tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no git repository")
    return sorted(ROOT / name for name in listed.splitlines() if (ROOT / name).is_file())


def imported(path: Path) -> Iterator[str]:
    """Yield the top-level names that a file imports, inside functions as well."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.relative_to(ROOT)} has a relative import"
            yield (node.module or "").split(".")[0]


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    ours = {*PACKAGES, "fixtures", "tests"} - {package} - MAY_IMPORT[package]
    wrong = {str(path.relative_to(ROOT)): sorted(set(imported(path)) & ours) for path in files(package)}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_fixtures_import_schemas_alone() -> None:
    ours = {*PACKAGES, "tests"} - {"schemas"}
    assert {name for path in files("fixtures") for name in imported(path)} & ours == set()


@pytest.mark.parametrize("package", ["schemas", "transforms", "sdmx_out", "fixtures", "pipelines/readers"])
def test_only_pipelines_knows_dagster(package: str) -> None:
    assert [path.name for path in files(package) if {"dagster", "dagster_graphql"} & set(imported(path))] == []


@pytest.mark.parametrize("package", ["schemas", "transforms", "sdmx_out", "fixtures", "pipelines/readers"])
def test_surroundings_are_read_in_pipelines_and_commands(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {dotted(node)}"
        for path in files(package)
        if path.name != "commands.py"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute | ast.Name) and dotted(node) in SURROUNDINGS
    ]
    assert found == []


def test_init_files_are_empty() -> None:
    found = [path for package in (*PACKAGES, "fixtures") for path in files(package) if path.name == "__init__.py"]
    assert len(found) >= len(PACKAGES)
    assert [str(path.relative_to(ROOT)) for path in found if path.read_bytes().strip()] == []


def test_no_file_is_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_bytes().splitlines())
        for path in tracked()
        if path.suffix in {".py", ".html", ".sh"}
    }
    assert {path: lines for path, lines in lengths.items() if lines > LINES} == {}


#: Hosts of package registries, in pieces, so that this file does not name one; and paths of one machine alone.
HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("anaconda", "org"))]
PLACES = re.compile(rb"(?<![\w.~/-])/(?:" + b"|".join([b"work", b"home/\\w+", b"root", b"Users/\\w+", b"mnt"]) + b")/")


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    found = []
    for path in tracked():
        content = path.read_bytes()
        name = str(path.relative_to(ROOT))
        found += [f"{name}: {host}" for host in HOSTS if host.encode() in content]
        found += [f"{name}: {match.group().decode()}" for match in PLACES.finditer(content)]
    assert found == []


def test_what_is_written_is_never_a_real_survey() -> None:
    """No file that is tracked is a survey's: by its suffix, or by its size."""
    assert [path.name for path in tracked() if path.suffix in {".dta", ".sav", ".zip", ".parquet"}] == []
