import pytest

from schemas.errors import SpecError
from schemas.reliability import FOLDER, load_profile, read_profile


def test_the_profile_of_ilo():
    profile = load_profile("ilo")
    assert (profile.n_suppress, profile.n_unreliable) == (5, 15)
    assert (profile.table_share, profile.table_share_decimals, profile.table_share_applies) == (
        0.334,
        2,
        True,
    )
    assert profile.exempt_versions == ("CBR_BRT", "CCT_CTZ")


@pytest.mark.parametrize(("suppressed", "is_kept"), [(33, True), (34, False)])
def test_the_table_share_lies_between_33_and_34_of_100(suppressed, is_kept):
    profile = load_profile("ilo")
    assert (round(suppressed / 100, profile.table_share_decimals) < profile.table_share) is is_kept


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("n_suppress = 5", "n_suppress = 0", "TOML_VALUE"),
        ("n_suppress = 5", 'n_suppress = "5"', "TOML_VALUE"),
        ("n_suppress = 5", "", "TOML_VALUE"),
        ("n_suppress = 5", "n_suppress = 5\nn_min = 3", "TOML_VALUE"),
        ("n_unreliable = 15", "n_unreliable = 4", "TOML_VALUE"),
        ("table_share = 0.334", "table_share = 33.4", "TOML_VALUE"),
        ('"CCT_CTZ"', '"CCT_ALL"', "VERSION_UNKNOWN"),
    ],
)
def test_a_malformed_profile_is_refused(tmp_path, old, new, rule):
    path = tmp_path / "ilo.toml"
    path.write_text((FOLDER / "ilo.toml").read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=f"ilo.toml.*{rule}"):
        read_profile(path)


def test_a_profile_that_does_not_exist_is_refused():
    with pytest.raises(SpecError, match="TOML_NOT_FOUND.*use one of ilo"):
        load_profile("none")
