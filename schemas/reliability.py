"""Reliability profiles: the thresholds under which a figure or a table is not published.

Here belongs the reader of ``schemas/reliability``. The verdicts on cells and tables are made in
``transforms``.
"""

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.codes import load_code_lists
from schemas.errors import Problem, SpecError
from schemas.toml_files import parse_toml, read_entry

FOLDER = Path(__file__).parent / "reliability"


class ReliabilityProfile(BaseModel):
    """Thresholds of one office.

    Attributes:
        n_suppress: a figure from fewer observations is not published.
        n_unreliable: a figure from fewer observations is flagged unreliable.
        table_share: a table is dropped when the share of suppressed cells reaches this.
        table_share_decimals: decimals to which that share is rounded before it is compared.
        table_share_applies: whether tables are dropped at all.
        exempt_versions: classification versions whose tables are never dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n_suppress: int = Field(ge=1)
    n_unreliable: int = Field(ge=1)
    table_share: float = Field(gt=0, le=1)
    table_share_decimals: int = Field(ge=0)
    table_share_applies: bool
    exempt_versions: tuple[str, ...] = Field(strict=False)

    @model_validator(mode="after")
    def _in_order(self) -> "ReliabilityProfile":
        if self.n_unreliable < self.n_suppress:
            raise ValueError("n_unreliable is below n_suppress")
        return self


def read_profile(path: Path) -> ReliabilityProfile:
    """Return the profile of one file.

    Raises:
        SpecError: if a key is missing, unknown or out of range, or a version is in no code list.
    """
    data = parse_toml(path)
    profile = read_entry(ReliabilityProfile, data.values, data, "")
    if unknown := sorted(set(profile.exempt_versions) - set(load_code_lists())):
        message = f"exempt_versions names {', '.join(unknown)}"
        row = data.row_of_key("exempt_versions")
        raise SpecError([Problem(path.name, row, "VERSION_UNKNOWN", message, "use ids of code_lists/index.csv")])
    return profile


@cache
def load_profile(name: str) -> ReliabilityProfile:
    """Return a profile by name, e.g. ``ilo``.

    Raises:
        SpecError: if there is no such profile or it is not valid.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.toml"))
    if name not in known:
        remedy = f"use one of {', '.join(known)}"
        raise SpecError([Problem(f"{name}.toml", None, "TOML_NOT_FOUND", "no such profile", remedy)])
    return read_profile(FOLDER / f"{name}.toml")
