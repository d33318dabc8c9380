"""Who may make a release, and who may let it out: the optional file ``roles.toml`` of a data folder.

Here belong the shape of the file and the rules that it must keep. What a role allows is said where decisions on
releases are taken. Without the file there are no roles: a release is public as soon as its checks have passed.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.errors import Problem, SpecError
from schemas.toml_files import TomlFile, parse_toml, read_entry

#: A total that changed by more than this share of what was published before is shown to whoever approves.
LARGEST_CHANGE = 0.25
_TABLE = "release"

Name = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$", max_length=100)]


class ReleaseRoles(BaseModel):
    """Names of people as the operating system knows them, or as ``--by`` gives them.

    Attributes:
        makers: may make a release candidate.
        approvers: may approve or reject a candidate that somebody else made.
        largest_change: share of the value before; a total that changed by more is shown in the protection report.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    makers: Annotated[tuple[Name, ...], Field(strict=False)]
    approvers: Annotated[tuple[Name, ...], Field(strict=False)]
    largest_change: Annotated[float, Field(gt=0, allow_inf_nan=False)] = LARGEST_CHANGE


def load_roles(path: Path) -> ReleaseRoles | None:
    """Return the roles of a data folder; None where the file does not exist.

    Raises:
        SpecError: the file does not say what it must say, with one problem per entry.
    """
    if not path.exists() and not path.is_symlink():
        return None
    source = parse_toml(path)
    problems = [_not_known(source, name) for name in source.values if name != _TABLE]
    if _TABLE not in source.values:
        message = f"no table [{_TABLE}]"
        problems.append(Problem(source.file, None, "ROLES_INVALID", message, "add it, or remove the file"))
    if problems:
        raise SpecError(problems)
    roles = read_entry(ReleaseRoles, source.values[_TABLE], source, _TABLE)
    if problems := list(_problems(roles, source)):
        raise SpecError(problems)
    return roles


def _not_known(source: TomlFile, name: str) -> Problem:
    row = source.row_of_table(name) or source.row_of_key(name)
    return Problem(source.file, row, "ROLES_INVALID", f"{name} is not known", f"the only table is [{_TABLE}]")


def _problems(roles: ReleaseRoles, source: TomlFile) -> Iterator[Problem]:
    for key, names in (("makers", roles.makers), ("approvers", roles.approvers)):
        if not names:
            row = source.row_of_key(key)
            yield Problem(source.file, row, "ROLES_INVALID", f"{key} names nobody", "name somebody, or remove the file")
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            message = f"{key} has {', '.join(twice)} more than once"
            yield Problem(source.file, source.row_of_key(key), "ROLES_INVALID", message, "name everybody once")
    alone = [maker for maker in roles.makers if set(roles.approvers) == {maker}]
    if alone:
        message = f"nobody but {alone[0]} could approve what {alone[0]} makes"
        row = source.row_of_key("approvers")
        yield Problem(source.file, row, "ROLES_NOBODY_ELSE", message, "add another approver")
