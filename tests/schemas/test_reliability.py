"""Profiles as data, and what a survey may ask for: stricter thresholds, never milder ones."""

import pytest
from pydantic import ValidationError

from schemas.errors import SpecError
from schemas.reliability import (
    FOLDER,
    Confidentiality,
    ReliabilityProfile,
    ReliabilitySection,
    RuleSet,
    combined,
    load_profile,
    profile_of,
    read_profile,
    section_problems,
)

#: What each file says, by hand; keys that are not named are not applied.
PROFILES = {
    "ilo": {"n_suppress": 5, "n_unreliable": 15},
    "statcan": {
        "n_suppress": 10,
        "cv_unreliable": 0.165,
        "cv_suppress": 0.333,
        "rate_se_unreliable": 0.0825,
        "rate_se_suppress": 0.1665,
    },
    "eurostat": {"n_suppress": 20, "n_unreliable": 50},
    "nchs": {
        "n_suppress": 10,
        "count_relative_width_suppress": 1.6,
        "df_unreliable": 8,
        "rate_n_suppress": 30,
        "rate_width_published": 0.05,
        "rate_width_suppress": 0.3,
        "rate_relative_width_suppress": 1.3,
    },
}
#: What is confidential, by hand; only the ILO's file says so.
CONFIDENTIAL = {
    "n_confidential": 5,
    "households_confidential": 3,
    "psu_confidential": 2,
    "dominance_persons": 2,
    "dominance_share": 0.85,
    "p_percent": 0.1,
    "group_disclosure_n": 10,
    "protection_share": 0.15,
    "protection_persons": 3.0,
}
#: Keys of a file that are no thresholds of reliability.
OTHER_KEYS = {*CONFIDENTIAL, "table_share", "table_share_decimals", "table_share_applies", "exempt_versions"}


def rules_of(name):
    (rules,) = load_profile(name).rule_sets
    return rules


def test_the_profiles_are_these():
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_thresholds_of_the_offices(name):
    assert rules_of(name).model_dump(exclude=OTHER_KEYS, exclude_none=True) == PROFILES[name]


def test_only_the_ilo_judges_whole_tables_and_confidentiality():
    rules = rules_of("ilo")
    assert (rules.table_share, rules.table_share_decimals, rules.table_share_applies) == (0.334, 2, True)
    assert rules.exempt_versions == ("CBR_BRT", "CCT_CTZ")
    assert load_profile("ilo").confidentiality.model_dump() == CONFIDENTIAL
    for name in set(PROFILES) - {"ilo"}:
        assert rules_of(name).table_share is None
        assert load_profile(name).confidentiality.model_dump(exclude_none=True) == {}


@pytest.mark.parametrize(("suppressed", "is_kept"), [(33, True), (34, False)])
def test_the_table_share_lies_between_33_and_34_of_100(suppressed, is_kept):
    rules = rules_of("ilo")
    assert (round(suppressed / 100, rules.table_share_decimals) < rules.table_share) is is_kept


@pytest.mark.parametrize("name", PROFILES)
def test_every_threshold_stands_below_a_comment_that_says_how_sure_it_is(name):
    paragraphs = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").split("\n\n")
    for paragraph in paragraphs:
        lines = paragraph.splitlines()
        assert lines[0].startswith("#")
        assert (
            "sure" in paragraph or "decision" in paragraph or not any("=" in line for line in lines if line[0] != "#")
        )


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("ilo", "n_suppress = 5", "n_suppress = 0"),
        ("ilo", "n_suppress = 5", 'n_suppress = "5"'),
        ("ilo", "n_suppress = 5", "n_suppress = 5\nn_min = 3"),
        ("ilo", "n_unreliable = 15", "n_unreliable = 4"),
        ("ilo", "table_share = 0.334", "table_share = 33.4"),
        ("statcan", "cv_unreliable = 0.165", "cv_unreliable = 0.34"),
        ("statcan", "cv_suppress = 0.333", "cv_suppress = 0.0"),
        ("statcan", "cv_suppress = 0.333", "cv_suppress = inf"),
        ("statcan", "rate_se_suppress = 0.1665", "rate_se_suppress = 16.65"),
        ("statcan", "rate_se_unreliable = 0.0825", "rate_se_unreliable = 0.17"),
        ("nchs", "rate_relative_width_suppress = 1.30", ""),
        ("nchs", "rate_width_suppress = 0.30", "rate_width_suppress = 30"),
    ],
)
def test_a_malformed_profile_is_refused(tmp_path, name, old, new):
    path = tmp_path / f"{name}.toml"
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    assert f"\n{old}\n" in text
    path.write_text(text.replace(f"\n{old}\n", f"\n{new}\n"), encoding="utf-8")
    with pytest.raises(SpecError, match=f"{name}.toml.*TOML_VALUE"):
        read_profile(path)


def test_a_version_that_does_not_exist_is_refused(tmp_path):
    path = tmp_path / "ilo.toml"
    path.write_text((FOLDER / "ilo.toml").read_text(encoding="utf-8").replace("CCT_CTZ", "CCT_ALL"), encoding="utf-8")
    with pytest.raises(SpecError, match=r"ilo.toml, row \d+: VERSION_UNKNOWN.*CCT_ALL"):
        read_profile(path)


def test_a_profile_that_does_not_exist_is_refused():
    with pytest.raises(SpecError, match="TOML_NOT_FOUND.*use one of eurostat, ilo, nchs, statcan"):
        load_profile("none")


def test_without_a_section_the_rules_of_the_ilo_hold():
    assert profile_of(None) == profile_of(ReliabilitySection()) == load_profile("ilo")
    assert profile_of(ReliabilitySection(profile="ilo")) == load_profile("ilo")


@pytest.mark.parametrize("name", sorted(set(PROFILES) - {"ilo"}))
def test_the_rules_of_another_office_stand_beside_those_of_the_ilo(name):
    profile = profile_of(ReliabilitySection(profile=name))
    assert profile.rule_sets == (rules_of("ilo"), rules_of(name))
    assert profile.name == f"ilo + {name}"


def test_thresholds_of_the_countrys_own_replace_those_of_its_profile():
    profile = profile_of(ReliabilitySection(profile="statcan", cv_suppress=0.25, n_unreliable=40))
    ilo, country = profile.rule_sets
    assert ilo == rules_of("ilo")
    assert (country.cv_suppress, country.cv_unreliable) == (0.25, 0.165)
    assert (country.n_suppress, country.n_unreliable) == (10, 40)
    assert profile.name == "ilo + statcan, n_unreliable 40, cv_suppress 0.25"


def test_one_threshold_may_overtake_the_other_of_its_pair():
    """n_suppress 20 alone: the ILO's n_unreliable of 15 is then never reached, and need not be raised."""
    country = profile_of(ReliabilitySection(n_suppress=20)).rule_sets[1]
    assert (country.n_suppress, country.n_unreliable) == (20, 15)


@pytest.mark.parametrize(
    ("profile", "key", "value", "held"),
    [
        (None, "n_suppress", 4, "5 of the profile ilo"),
        (None, "n_unreliable", 14, "15 of the profile ilo"),
        ("statcan", "n_suppress", 4, "5 of the profile ilo"),
        ("statcan", "n_suppress", 9, "10 of the profile statcan"),
        ("statcan", "n_unreliable", 14, "15 of the profile ilo"),
        ("statcan", "cv_unreliable", 0.17, "0.165 of the profile statcan"),
        ("statcan", "cv_suppress", 0.334, "0.333 of the profile statcan"),
        ("statcan", "rate_se_unreliable", 0.083, "0.0825 of the profile statcan"),
        ("statcan", "rate_se_suppress", 0.167, "0.1665 of the profile statcan"),
        ("eurostat", "n_suppress", 19, "20 of the profile eurostat"),
        ("eurostat", "n_unreliable", 49, "50 of the profile eurostat"),
        ("nchs", "rate_n_suppress", 29, "30 of the profile nchs"),
        ("nchs", "rate_width_published", 0.06, "0.05 of the profile nchs"),
        ("nchs", "rate_width_suppress", 0.31, "0.3 of the profile nchs"),
        ("nchs", "rate_relative_width_suppress", 1.31, "1.3 of the profile nchs"),
        ("nchs", "count_relative_width_suppress", 1.61, "1.6 of the profile nchs"),
        ("nchs", "df_unreliable", 7, "8 of the profile nchs"),
    ],
)
def test_a_milder_threshold_is_refused_by_name(profile, key, value, held):
    with pytest.raises(SpecError, match="SPEC_RELIABILITY_MILDER") as caught:
        profile_of(ReliabilitySection(profile=profile, **{key: value}))
    assert f"{key} = {value} is milder than {held}" in str(caught.value)


@pytest.mark.parametrize("name", PROFILES)
def test_a_threshold_as_strict_as_the_profile_is_taken(name):
    assert profile_of(ReliabilitySection(profile=name, **PROFILES[name])).rule_sets[-1] == rules_of(name)


def test_every_milder_threshold_is_named_with_its_line():
    section = ReliabilitySection(n_suppress=3, n_unreliable=10)
    problems = section_problems(section, "XAA/XAA_LFS/survey.toml", {"n_suppress": 41, "n_unreliable": 42}.get)
    assert [(problem.file, problem.row, problem.rule) for problem in problems] == [
        ("XAA/XAA_LFS/survey.toml", 41, "SPEC_RELIABILITY_MILDER"),
        ("XAA/XAA_LFS/survey.toml", 42, "SPEC_RELIABILITY_MILDER"),
    ]
    assert "at least 5" in problems[0].remedy


@pytest.mark.parametrize("name", ["none", "../ilo", "ILO", ""])
def test_a_section_that_names_no_profile_of_ours_is_refused(name):
    with pytest.raises(SpecError, match="SPEC_VALUE.*no such profile.*Use one of eurostat, ilo, nchs, statcan"):
        profile_of(ReliabilitySection(profile=name))


def test_a_width_that_exempts_from_no_rule_is_refused():
    with pytest.raises(SpecError, match="SPEC_VALUE.*rate_width_published"):
        profile_of(ReliabilitySection(rate_width_published=0.04))
    country = profile_of(ReliabilitySection(profile="nchs", rate_width_published=0.04)).rule_sets[1]
    assert (country.rate_width_published, country.rate_relative_width_suppress) == (0.04, 1.3)


@pytest.mark.parametrize(
    "values",
    [
        {"n_suppress": 20, "n_unreliable": 19},
        {"size_suppress": 2000, "size_unreliable": 1500},
        {"cv_suppress": 0.2, "cv_unreliable": 0.3},
        {"rate_se_suppress": 0.1, "rate_se_unreliable": 0.2},
        {"n_suppress": "20"},
        {"n_confidential": 0},
        {"dominance_share": 1.0},
        {"dominance_persons": 11},
        {"p_percent": 0.0},
        {"protection_share": -0.1},
        {"table_share": 0.5},
        {"n_minimum": 20},
    ],
)
def test_a_section_that_makes_no_sense_is_refused(values):
    with pytest.raises(ValidationError):
        ReliabilitySection(**values)


def test_combined_holds_every_set_once():
    ilo, nchs = load_profile("ilo"), load_profile("nchs")
    assert combined(ilo, nchs, ilo).rule_sets == (rules_of("ilo"), rules_of("nchs"))
    assert combined(nchs, ilo).n_confidential == 5
    assert load_profile("nchs").n_confidential == 0
    assert combined(nchs, ilo).exempt_versions == ("CBR_BRT", "CCT_CTZ")


# --- what is confidential ------------------------------------------------------------------------

#: Threshold -> a stricter and a milder value than the base.
SIDES = {
    "n_confidential": (6, 4),
    "households_confidential": (4, 2),
    "psu_confidential": (3, 1),
    "dominance_persons": (3, 1),
    "dominance_share": (0.8, 0.9),
    "p_percent": (0.2, 0.05),
    "group_disclosure_n": (11, 9),
    "protection_share": (0.2, 0.1),
    "protection_persons": (4.0, 2.0),
}


def test_every_threshold_of_confidentiality_has_a_side():
    assert set(SIDES) == set(CONFIDENTIAL) == set(Confidentiality.model_fields)


@pytest.mark.parametrize("profile", [None, "statcan"])
@pytest.mark.parametrize("key", SIDES)
def test_a_country_can_only_be_stricter_about_what_is_confidential(key, profile):
    stricter, milder = SIDES[key]
    taken = profile_of(ReliabilitySection(profile=profile, **{key: stricter})).confidentiality
    assert taken.model_dump() == CONFIDENTIAL | {key: stricter}
    assert profile_of(ReliabilitySection(profile=profile, **{key: CONFIDENTIAL[key]})).confidentiality.model_dump() == (
        CONFIDENTIAL
    )
    with pytest.raises(SpecError, match="SPEC_RELIABILITY_MILDER") as caught:
        profile_of(ReliabilitySection(profile=profile, **{key: milder}))
    assert f"{key} = {milder} is milder than {CONFIDENTIAL[key]} of the profile ilo" in str(caught.value)


def test_of_every_threshold_the_strictest_of_all_sets_holds():
    """Whatever the order: the one set is stricter in one, the other in another."""
    one, two = (
        ReliabilityProfile(name, (RuleSet(**values),))
        for name, values in (
            ("one", {"dominance_persons": 3, "dominance_share": 0.9, "p_percent": 0.1}),
            ("two", {"dominance_persons": 2, "dominance_share": 0.8, "p_percent": 0.2, "psu_confidential": 3}),
        )
    )
    expected = {"dominance_persons": 3, "dominance_share": 0.8, "p_percent": 0.2, "psu_confidential": 3}
    for profile in (combined(one, two), combined(two, one)):
        assert profile.confidentiality.model_dump(exclude_none=True) == expected
        assert (profile.n_confidential, profile.protection_share, profile.protection_persons) == (0, 0.0, 0.0)
    ilo = load_profile("ilo")
    assert (ilo.n_confidential, ilo.protection_share, ilo.protection_persons) == (5, 0.15, 3.0)
