"""Whether a sample follows a distribution: right ones pass, those that are a tenth off are refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from conformance.tools import Distribution, normal, truncated, uniform

COUNT = 16384
Draw = Callable[[np.random.Generator, float], np.ndarray]
CASES: dict[str, tuple[Distribution, Draw]] = {
    "uniform": (uniform(-0.25, 0.25), lambda rng, s: rng.uniform(-0.25 * s, 0.25 * s, COUNT)),
    "normal": (normal(0, 0.5), lambda rng, s: rng.normal(0, 0.5 * s, COUNT)),
    "cutoffs": (
        truncated(0, 1, -2, 2),
        lambda rng, s: stats.truncnorm.rvs(-2 * s, 2 * s, size=COUNT, random_state=rng),
    ),
    "deviation": (
        truncated(0, 1, -2, 2),
        lambda rng, s: s * stats.truncnorm.rvs(-2 / s, 2 / s, size=COUNT, random_state=rng),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_tenth_is_noticed(case: str) -> None:
    """In both directions, and however the generator was seeded."""
    law, draw = CASES[case]
    for seed in range(5):
        assert law.fits(draw(np.random.default_rng(seed), 1.0))
        assert not law.fits(draw(np.random.default_rng(seed), 1.1))
        assert not law.fits(draw(np.random.default_rng(seed), 0.9))


def test_bounds_are_kept() -> None:
    """A single value outside is enough."""
    values = np.random.default_rng(0).random(COUNT)
    assert uniform(0, 1).fits(values)
    values[7] = 1.001
    assert not uniform(0, 1).fits(values)


def test_few_values_say_little() -> None:
    """Where there are too few to tell, nothing is refused."""
    assert normal(0, 1).fits(np.array([0.5, -2.0]))
    assert uniform(0, 1).fits(np.array([0.25]))
    assert uniform(0, 1).fits(np.zeros(0))


@pytest.mark.parametrize("roundoff", [2.0**-8, 2.0**-11])
def test_rounded_values_fit(roundoff: float) -> None:
    """Values of a short dtype lie on a grid, whichever way they were rounded to it."""
    for seed in range(5):
        values = np.random.default_rng(seed).uniform(-2, -1.5, COUNT)
        step = 2 * roundoff
        for rounded in (np.floor, np.round):
            assert uniform(-2, -1.5).fits(rounded(values / step) * step, roundoff)
