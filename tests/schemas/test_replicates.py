"""Replicate weights: names of a pattern, and the constants of each method (STANDARDS 7.1)."""

import pytest

from schemas.replicates import expand_variables, replicate_factors
from schemas.survey_estimation import ReplicatesSection


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["W"], ["W"]),
        (["REPW{1..3}"], ["REPW1", "REPW2", "REPW3"]),
        (["W{08..11}x"], ["W08x", "W09x", "W10x", "W11x"]),
        (["W{0..0}"], ["W0"]),
        (["B", "A{9..10}"], ["B", "A9", "A10"]),
    ],
)
def test_patterns(patterns: list[str], names: list[str]) -> None:
    assert list(expand_variables(patterns)) == names


@pytest.mark.parametrize("pattern", ["W{1..}", "W{3..2}", "W{1..2", "W1}", "W{a..b}", "W{1..2}{1..2}", "W{1..99999}"])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="no name, nor a pattern"):
        expand_variables([pattern])


# The constants are those that R survey 4.1.1 shows for svrepdesign(...)$scale, but for the bootstrap (1/4 there).
@pytest.mark.parametrize(
    ("keys", "scale", "rscales"),
    [
        ({"method": "BRR"}, 0.2, (1,) * 5),
        ({"method": "Fay", "fay_rho": 0.5}, 0.8, (1,) * 5),
        ({"method": "Fay", "fay_rho": 0.3}, 1 / (5 * 0.49), (1,) * 5),
        ({"method": "JK1"}, 0.8, (1,) * 5),
        ({"method": "JK1", "scale": 0.7}, 0.7, (1,) * 5),
        ({"method": "JK2"}, 1, (1,) * 5),
        ({"method": "JKn", "rscales": (0.5, 0.5, 2 / 3, 2 / 3, 2 / 3)}, 1, (0.5, 0.5, 2 / 3, 2 / 3, 2 / 3)),
        ({"method": "bootstrap"}, 0.2, (1,) * 5),
        ({"method": "bootstrap", "scale": 0.25}, 0.25, (1,) * 5),
        ({"method": "SDR"}, 0.8, (1,) * 5),
        ({"method": "other", "scale": 3.0, "rscales": (1.0, 2.0, 3.0, 4.0, 0.0)}, 3, (1, 2, 3, 4, 0)),
    ],
)
def test_constants(keys: dict[str, object], scale: float, rscales: tuple[float, ...]) -> None:
    section = ReplicatesSection.model_validate({"variables": "W{1..5}", **keys})
    found = replicate_factors(section, 5)
    assert found == (pytest.approx(scale, rel=1e-15), pytest.approx(rscales))


def test_jkn_gives_the_variance_of_the_vector_of_the_standards() -> None:
    """STANDARDS 7.1: totals 68, 40, 34, 74 of the replicates and 54 of the sample; V = 596."""
    section = ReplicatesSection.model_validate({"method": "JKn", "variables": "W{1..4}", "rscales": (0.5,) * 4})
    scale, rscales = replicate_factors(section, 4)
    replicates = (68, 40, 34, 74)
    assert scale * sum(a * (total - 54) ** 2 for a, total in zip(rscales, replicates, strict=True)) == 596
