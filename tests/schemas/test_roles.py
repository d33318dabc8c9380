"""roles.toml: what it must say, and what is said when it does not."""

from pathlib import Path

import pytest

from schemas.errors import SpecError
from schemas.roles import LARGEST_CHANGE, load_roles

GOOD = '[release]\nmakers = ["ada", "grace"]\napprovers = ["mary"]\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "roles.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_the_file_there_are_no_roles(tmp_path: Path) -> None:
    assert load_roles(tmp_path / "roles.toml") is None


def test_what_the_file_says(tmp_path: Path) -> None:
    roles = load_roles(written(tmp_path, GOOD))
    assert roles is not None
    assert (roles.makers, roles.approvers, roles.largest_change) == (("ada", "grace"), ("mary",), LARGEST_CHANGE)
    roles = load_roles(written(tmp_path, GOOD + "largest_change = 0.1\n"))
    assert roles is not None
    assert roles.largest_change == 0.1


def test_one_person_may_have_both_roles_if_there_is_another(tmp_path: Path) -> None:
    roles = load_roles(written(tmp_path, '[release]\nmakers = ["ada"]\napprovers = ["ada", "mary"]\n'))
    assert roles is not None
    assert "ada" in roles.approvers


@pytest.mark.parametrize(
    ("text", "rule", "row", "part"),
    [
        ("", "ROLES_INVALID", None, "no table [release]"),
        (GOOD + "[upload]\nsubmitters = []\n", "ROLES_INVALID", 4, "upload"),
        (GOOD + 'reviewers = ["x"]\n', "TOML_VALUE", 1, "reviewers"),
        ('[release]\nmakers = ["ada"]\n', "TOML_VALUE", 1, "approvers"),
        ('[release]\nmakers = []\napprovers = ["mary"]\n', "ROLES_INVALID", 2, "makers names nobody"),
        ('[release]\nmakers = [" ada"]\napprovers = ["mary"]\n', "TOML_VALUE", 1, "makers"),
        ('[release]\nmakers = [7]\napprovers = ["mary"]\n', "TOML_VALUE", 1, "makers"),
        ('[release]\nmakers = "ada"\napprovers = ["mary"]\n', "TOML_VALUE", 1, "makers"),
        (GOOD + "largest_change = 0.0\n", "TOML_VALUE", 1, "largest_change"),
        (GOOD + "largest_change = inf\n", "TOML_VALUE", 1, "largest_change"),
        (GOOD + 'largest_change = "much"\n', "TOML_VALUE", 1, "largest_change"),
        ('[release]\nmakers = ["ada", "ada"]\napprovers = ["mary"]\n', "ROLES_INVALID", 2, "more than once"),
        ('[release]\nmakers = ["ada", "mary"]\napprovers = ["mary"]\n', "ROLES_NOBODY_ELSE", 3, "nobody but mary"),
        ("[release\n", "TOML_SYNTAX", 1, "not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(tmp_path: Path, text: str, rule: str, row: int | None, part: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_roles(written(tmp_path, text))
    (problem,) = caught.value.problems
    assert (problem.file, problem.row, problem.rule) == ("roles.toml", row, rule)
    assert part in problem.message
    assert problem.remedy
