"""Reliability profiles: the thresholds under which a figure or a table is not published.

Here belong the reader of ``schemas/reliability``, the section ``[reliability]`` of a survey and what the two make
together. The verdicts on cells and tables are made in ``transforms``.

A profile is one or several sets of rules; each judges a figure by itself, and the worst verdict holds. The rules of the
ILO are always one of the sets, so that a country can only be stricter (STANDARDS 4.2 and 7.2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.codes import load_code_lists
from schemas.errors import Problem, SpecError
from schemas.survey_base import Section
from schemas.toml_files import parse_toml, read_entry

FOLDER = Path(__file__).parent / "reliability"
#: The profile that holds for every survey.
BASE = "ilo"

_Number = Annotated[int, Field(ge=1)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Proportion = Annotated[float, Field(gt=0, lt=1)]

#: (not published, unreliable) -> which of two values is the stricter one.
_PAIRS: tuple[tuple[str, str, Literal["larger", "smaller"]], ...] = (
    ("n_suppress", "n_unreliable", "larger"),
    ("size_suppress", "size_unreliable", "larger"),
    ("cv_suppress", "cv_unreliable", "smaller"),
    ("rate_se_suppress", "rate_se_unreliable", "smaller"),
)
#: Thresholds of which the larger value is the stricter one; of all others it is the smaller one.
_LARGER_IS_STRICTER = frozenset(
    {"n_suppress", "n_unreliable", "size_suppress", "size_unreliable", "rate_n_suppress", "df_unreliable"}
    | {"n_confidential", "households_confidential", "psu_confidential", "dominance_persons", "p_percent"}
    | {"group_disclosure_n", "protection_share", "protection_persons"}
)


class Thresholds(Section):
    """Thresholds of one set of rules; a rule whose threshold is None is not applied.

    At a threshold of n, size or df a figure passes (it fails below), at one of CV, standard error or relative width as
    well (it fails above). CV, standard error and widths are ratios, not per cent.

    Attributes:
        n_suppress: any figure, not published: persons it rests on (of a rate those of the denominator).
        n_unreliable: any figure, flagged unreliable: the same.
        size_suppress: counts, not published: persons of the population.
        size_unreliable: counts, flagged: the same.
        cv_suppress: counts, means and medians, not published: coefficient of variation.
        cv_unreliable: counts, means and medians, flagged: the same.
        count_relative_width_suppress: counts, not published: width of the 95 % interval by the count.
        df_unreliable: any figure with a standard error but no difference, flagged: degrees of freedom.
        rate_n_suppress: rates, not published: persons of the denominator, and the size of the simple random sample
            that would be as precise, p (1 - p) / se^2.
        rate_se_suppress: rates, not published: standard error of the proportion.
        rate_se_unreliable: rates, flagged: the same.
        rate_width_suppress: rates, not published where the 95 % interval of the proportion is as wide as this.
        rate_relative_width_suppress: rates, not published: width of the interval by the proportion; where only the
            width by the complement is above it, the rate is flagged.
        rate_width_published: rates whose interval is not wider than this are not judged by its relative width.
    """

    n_suppress: _Number | None = None
    n_unreliable: _Number | None = None
    size_suppress: _Positive | None = None
    size_unreliable: _Positive | None = None
    cv_suppress: _Positive | None = None
    cv_unreliable: _Positive | None = None
    count_relative_width_suppress: _Positive | None = None
    df_unreliable: _Number | None = None
    rate_n_suppress: _Number | None = None
    rate_se_suppress: _Proportion | None = None
    rate_se_unreliable: _Proportion | None = None
    rate_width_suppress: _Proportion | None = None
    rate_relative_width_suppress: _Positive | None = None
    rate_width_published: _Proportion | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Thresholds":
        for suppress, unreliable, stricter in _PAIRS:
            first, second = getattr(self, suppress), getattr(self, unreliable)
            if first is None or second is None:
                continue
            if stricter == "larger" and second < first:
                raise ValueError(f"{unreliable} is below {suppress}")
            if stricter == "smaller" and second > first:
                raise ValueError(f"{unreliable} is above {suppress}")
        return self


class Confidentiality(Section):
    """What is confidential where the country says that few observations are; without its threshold no rule is applied.

    At a threshold a figure passes. Shares are ratios, not per cent. Numbers of persons and households are those of the
    round where they are most, since a panel meets the same ones again.

    Attributes:
        n_confidential: any figure: fewer persons than this, in itself or in a part that it discloses.
        households_confidential: any figure but comparisons: fewer distinct households, where they are known.
        psu_confidential: the same: fewer distinct PSUs, where they are known.
        dominance_persons: means: so many largest contributions (weight x quantity of a person) are added up; together
            with ``dominance_share``.
        dominance_share: means: these make up more than this share of the total.
        p_percent: means: the total less the two largest contributions is less than this share of the largest, so that
            the second of them could tell the largest so closely.
        group_disclosure_n: any figure but comparisons: a group of fewer persons than this, all of them in one item.
        protection_share: how far the bounds that can be worked out for a confidential figure must be from it, by the
            figure.
        protection_persons: the same, in persons of the figure's average weight; the larger of the two holds.
    """

    n_confidential: _Number | None = None
    households_confidential: _Number | None = None
    psu_confidential: _Number | None = None
    dominance_persons: Annotated[int, Field(ge=1, le=10)] | None = None
    dominance_share: _Proportion | None = None
    p_percent: _Positive | None = None
    group_disclosure_n: _Number | None = None
    protection_share: _Positive | None = None
    protection_persons: _Positive | None = None


class ReliabilitySection(Thresholds, Confidentiality):
    """[reliability] of survey.toml: the profile of an office, and thresholds of the country's own, stricter only."""

    profile: str | None = None

    @property
    def thresholds(self) -> dict[str, float]:
        """The country's own thresholds, by key."""
        return self.model_dump(exclude={"profile"}, exclude_none=True)


class RuleSet(Thresholds, Confidentiality):
    """One file of ``schemas/reliability``: the rules of one office.

    Attributes:
        table_share: a table is dropped when the share of suppressed cells reaches this; None: tables are not judged.
        table_share_decimals: decimals to which that share is rounded before it is compared.
        table_share_applies: whether tables are dropped at all.
        exempt_versions: classification versions whose tables are never dropped.
    """

    table_share: Annotated[float, Field(gt=0, le=1)] | None = None
    table_share_decimals: int = Field(default=2, ge=0)
    table_share_applies: bool = True
    exempt_versions: tuple[str, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _has_effect(self) -> "RuleSet":
        if _is_idle(self):
            raise ValueError("rate_width_published is given without rate_relative_width_suppress")
        return self


def _is_idle(rules: Thresholds) -> bool:
    """Whether a width is exempt from a rule that the set does not have."""
    return rules.rate_width_published is not None and rules.rate_relative_width_suppress is None


@dataclass(frozen=True)
class ReliabilityProfile:
    """Sets of rules that hold together: each judges by itself, the worst verdict holds.

    Attributes:
        name: of the file, or of all of them; thresholds of the country's own are named after it.
        rule_sets: in no order that matters.
    """

    name: str
    rule_sets: tuple[RuleSet, ...]

    @property
    def n_confidential(self) -> int:
        """Fewer persons than this are confidential, where the country says so; 0 where no set has a number."""
        return self.confidentiality.n_confidential or 0

    @property
    def protection_share(self) -> float:
        """How far bounds must be from a confidential figure, by the figure; 0 where no set says so."""
        return self.confidentiality.protection_share or 0.0

    @property
    def protection_persons(self) -> float:
        """How far bounds must be from a confidential figure, in persons; 0 where no set says so."""
        return self.confidentiality.protection_persons or 0.0

    @property
    def confidentiality(self) -> Confidentiality:
        """What is confidential, where the country says so: of every threshold the strictest of all sets."""
        strictest: dict[str, Any] = {}
        for key in Confidentiality.model_fields:
            held = [value for rules in self.rule_sets if (value := getattr(rules, key)) is not None]
            if held:
                strictest[key] = max(held) if key in _LARGER_IS_STRICTER else min(held)
        return Confidentiality(**strictest)

    @property
    def exempt_versions(self) -> tuple[str, ...]:
        """Classification versions that one set or another exempts from its rule on whole tables."""
        return tuple(dict.fromkeys(version for rules in self.rule_sets for version in rules.exempt_versions))


def combined(*profiles: ReliabilityProfile) -> ReliabilityProfile:
    """Return the profile in which all of the given ones hold: its verdict is the worst of theirs."""
    sets = dict.fromkeys(rules for profile in profiles for rules in profile.rule_sets)
    return ReliabilityProfile(" + ".join(profile.name for profile in profiles), tuple(sets))


def profile_of(section: ReliabilitySection | None) -> ReliabilityProfile:
    """Return what holds for a survey: the rules of the ILO, and the country's.

    The country's set is that of the profile it names, with its own thresholds in place of the profile's.

    Raises:
        SpecError: if the profile does not exist, or a threshold of the country's own is milder than one that holds.
    """
    if problems := section_problems(section):
        raise SpecError(problems)
    base = load_profile(BASE)
    if section is None:
        return base
    office = load_profile(section.profile or BASE)
    own = section.thresholds
    # A threshold may overtake its pair (n_suppress 20 beside the profile's n_unreliable 15): a copy is not validated.
    country = ReliabilityProfile(
        office.name + "".join(f", {key} {value}" for key, value in own.items()),
        tuple(rules.model_copy(update=own) for rules in office.rule_sets),
    )
    return combined(base, country) if country != base else base


def section_problems(
    section: ReliabilitySection | None,
    file: str = "survey.toml",
    row_of: Callable[[str], int | None] = lambda key: None,
) -> list[Problem]:
    """Return what is wrong with a survey's [reliability]: no such profile, thresholds that are milder or do nothing.

    Args:
        section: the section, None where the survey has none.
        file: survey.toml as the problems are to name it.
        row_of: key -> its line in the file.
    """
    if section is None:
        return []
    if section.profile is not None and section.profile not in _known():
        message = f"[reliability] profile = {section.profile!r}: no such profile"
        return [Problem(file, row_of("profile"), "SPEC_VALUE", message, f"Use one of {', '.join(_known())}")]
    found = []
    offices = dict.fromkeys((BASE, section.profile or BASE))
    for key, value in section.thresholds.items():
        for name in offices:
            held = [getattr(rules, key) for rules in load_profile(name).rule_sets]
            milder = [limit for limit in held if limit is not None and _is_milder(key, value, limit)]
            if milder:
                message = f"[reliability] {key} = {value} is milder than {milder[0]} of the profile {name}"
                remedy = f"Remove it, or give {_side(key)} {milder[0]}: a survey can only be stricter"
                found.append(Problem(file, row_of(key), "SPEC_RELIABILITY_MILDER", message, remedy))
    own = section.thresholds
    if not found and any(
        _is_idle(rules.model_copy(update=own)) for rules in load_profile(section.profile or BASE).rule_sets
    ):
        message = "[reliability] rate_width_published is given without rate_relative_width_suppress"
        remedy = "Give both, or name a profile that has the other"
        found.append(Problem(file, row_of("rate_width_published"), "SPEC_VALUE", message, remedy))
    return found


def _is_milder(key: str, value: float, held: float) -> bool:
    return value < held if key in _LARGER_IS_STRICTER else value > held


def _side(key: str) -> str:
    return "at least" if key in _LARGER_IS_STRICTER else "at most"


def read_profile(path: Path) -> ReliabilityProfile:
    """Return the profile of one file.

    Raises:
        SpecError: if a key is unknown or out of range, or a version is in no code list.
    """
    data = parse_toml(path)
    rules = read_entry(RuleSet, data.values, data, "")
    if unknown := sorted(set(rules.exempt_versions) - set(load_code_lists())):
        message = f"exempt_versions names {', '.join(unknown)}"
        row = data.row_of_key("exempt_versions")
        raise SpecError([Problem(path.name, row, "VERSION_UNKNOWN", message, "use ids of code_lists/index.csv")])
    return ReliabilityProfile(path.stem, (rules,))


@cache
def load_profile(name: str) -> ReliabilityProfile:
    """Return a profile by name, e.g. ``ilo``.

    Raises:
        SpecError: if there is no such profile or it is not valid.
    """
    if name not in _known():
        remedy = f"use one of {', '.join(_known())}"
        raise SpecError([Problem(f"{name}.toml", None, "TOML_NOT_FOUND", "no such profile", remedy)])
    return read_profile(FOLDER / f"{name}.toml")


@cache
def _known() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
