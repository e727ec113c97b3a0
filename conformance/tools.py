"""What programs may call besides torch: statistics of random results, a pickled copy, proof of a path.

False alarms of the statistical tests are below `ALARM`, so that a failure is a finding and never bad luck.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .backends.contract import Backend

ALARM = 1e-9
"""The probability with which a right implementation is refused."""


@dataclass(frozen=True)
class Distribution:
    """A distribution by its name in ``scipy.stats`` and that module's parameters."""

    name: str
    parameters: tuple[float, ...]

    def fits(self, values: np.ndarray) -> bool:
        """Whether a sample may come from it: a binomial test of booleans, Kolmogorov–Smirnov of numbers."""
        from scipy import stats

        if self.name == "bernoulli":
            hits = int(np.count_nonzero(values))
            return bool(stats.binomtest(hits, values.size, self.parameters[0]).pvalue > ALARM)
        if self.name == "uniform" and not self._inside(values):
            return False
        return bool(stats.kstest(values, self.name, self.parameters).pvalue > ALARM)

    def _inside(self, values: np.ndarray) -> bool:
        """Whether all values lie between the bounds, which may be rounded to float32 or wider."""
        low, width = self.parameters
        slack = (abs(low) + abs(low + width)) * 2.0**-23
        return bool(np.all((values >= low - slack) & (values <= low + width + slack)))


def uniform(low: float, high: float) -> Distribution:
    """Uniform on [low, high]."""
    return Distribution("uniform", (low, high - low))


def normal(mean: float, deviation: float) -> Distribution:
    """Normal with this mean and standard deviation."""
    return Distribution("norm", (mean, deviation))


def bernoulli(p: float) -> Distribution:
    """True with probability p."""
    return Distribution("bernoulli", (p,))


def tools(backend: Backend) -> dict[str, Callable[..., Any]]:
    """The tools by name, for the tensors of one backend."""

    def follows(tensor: Any, distribution: Distribution) -> bool:
        """Whether the elements of a tensor may be independent draws from a distribution."""
        return distribution.fits(backend.to_numpy(tensor).reshape(-1))

    return {
        "follows": follows,
        "uniform": uniform,
        "normal": normal,
        "bernoulli": bernoulli,
        "pickled": pickled,
        "taking": backend.taking,
    }


def pickled(value: Any) -> Any:
    """A copy by way of pickle."""
    return pickle.loads(pickle.dumps(value))
