"""What programs may call besides torch: statistics of random results, a pickled copy, proof of a path.

False alarms of the statistical tests are below `ALARM`, so that a failure is a finding and never bad luck.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference_impls.dtypes import NAMES

from .backends.contract import Backend

ALARM = 1e-9
"""The probability with which a right implementation is refused."""


MANY = 1000
"""How many values make their sums as good as normal."""
DEVIATIONS = 7.0
"""How far the mean and the variance of many values may be off, in their standard deviations; sums are not quite
normal, and the seventh leaves room for that below the alarm."""


@dataclass(frozen=True)
class Distribution:
    """A distribution by its name in ``scipy.stats`` and that module's parameters."""

    name: str
    parameters: tuple[float, ...]

    def fits(self, values: np.ndarray, roundoff: float = 2.0**-24) -> bool:
        """Whether a sample may come from it: a binomial test of booleans; of numbers their extremes, mean and
        variance, and the test of Kolmogorov and Smirnov. ``roundoff`` is that of the dtype they were drawn in."""
        from scipy import stats

        if self.name == "bernoulli":
            hits = int(np.count_nonzero(values))
            return bool(stats.binomtest(hits, values.size, self.parameters[0]).pvalue > ALARM)
        law, values = getattr(stats, self.name)(*self.parameters), np.asarray(values, float)
        return values.size == 0 or (
            self._inside(law, values, roundoff)
            and (values.size < MANY or self._spread(law, values))
            and bool(stats.kstwo.sf(_distance(law, np.sort(values), roundoff), values.size) > ALARM / 4)
        )

    def _inside(self, law: Any, values: np.ndarray, roundoff: float) -> bool:
        """Whether all values lie between the bounds, as far as these were not rounded, and come close to them.

        Of n values the largest leaves a share p of the distribution above it with a probability of (1 - p)^n.
        """
        bounds = np.array(law.support())
        if not np.all(np.isfinite(bounds)):
            return bool(values.min() >= bounds[0] and values.max() <= bounds[1])
        slack = 2 * max(roundoff, 2.0**-24) * np.abs(bounds).sum()
        low, high = bounds + (-slack, slack)
        share = -np.log(ALARM / 4) / values.size
        reached = law.cdf(values.min() - slack) < share and law.sf(values.max() + slack) < share
        return bool(values.min() >= low and values.max() <= high and reached)

    def _spread(self, law: Any, values: np.ndarray) -> bool:
        """Whether mean and variance are right."""
        mean, variance, excess = law.stats("mvk")
        squares = (values - mean) ** 2
        bound = DEVIATIONS / np.sqrt(values.size)
        return bool(
            abs(values.mean() - mean) <= bound * np.sqrt(variance)
            and abs(squares.mean() - variance) <= bound * variance * np.sqrt(excess + 2)
        )


def _distance(law: Any, ordered: np.ndarray, roundoff: float) -> float:
    """Kolmogorov and Smirnov's, between a law and values that may have been rounded up or down."""
    shares, step = np.arange(ordered.size + 1) / ordered.size, 2 * roundoff * np.abs(ordered)
    above, below = shares[1:] - law.cdf(ordered + step), law.cdf(ordered - step) - shares[:-1]
    return float(max(above.max(), below.max(), 0.0))


def uniform(low: float, high: float) -> Distribution:
    """Uniform on [low, high]."""
    return Distribution("uniform", (low, high - low))


def normal(mean: float, deviation: float) -> Distribution:
    """Normal with this mean and standard deviation."""
    return Distribution("norm", (mean, deviation))


def truncated(mean: float, deviation: float, low: float, high: float) -> Distribution:
    """Normal with this mean and standard deviation, as far as it lies on [low, high]."""
    bounds = (low - mean) / deviation, (high - mean) / deviation
    return Distribution("truncnorm", (*bounds, mean, deviation))


def bernoulli(p: float) -> Distribution:
    """True with probability p."""
    return Distribution("bernoulli", (p,))


def tools(backend: Backend) -> dict[str, Callable[..., Any]]:
    """The tools by name, for the tensors of one backend."""

    def follows(tensor: Any, distribution: Distribution) -> bool:
        """Whether the elements of a tensor may be independent draws from a distribution."""
        roundoff = NAMES[backend.dtype_of(tensor)].unit_roundoff
        return distribution.fits(backend.to_numpy(tensor).reshape(-1), roundoff)

    return {
        "follows": follows,
        "uniform": uniform,
        "normal": normal,
        "truncated": truncated,
        "bernoulli": bernoulli,
        "pickled": pickled,
        "taking": backend.taking,
    }


def pickled(value: Any) -> Any:
    """A copy by way of pickle."""
    return pickle.loads(pickle.dumps(value))
