"""Monte Carlo arithmetic: how far a backward-stable implementation may stray.

A program first runs as the *base*, as exactly as float64 allows, and its discrete decisions are written down.
It may then run again, any number of times, as a *noisy copy*: each inexact arithmetic result is scaled by
1 + δ with \\|δ\\| at most the unit roundoff of the tested dtype, each addend of an accumulation over n terms by
1 + √n·δ (the probabilistic bound of Higham and Mary, https://doi.org/10.1137/18M1226312), and every decision
is replayed from the base, so that a wrong rule at a tie or a kink is never excused by noise.
"""

from __future__ import annotations

import numpy as np

from .dtypes import DType


class Base:
    """The run without noise: records what was decided."""

    def __init__(self) -> None:
        self.decisions: list[np.ndarray] = []

    def result(self, values: np.ndarray) -> np.ndarray:
        """What an inexact arithmetic operation returned, as this run has it."""
        return values

    def addends(self, values: np.ndarray, terms: int) -> np.ndarray:
        """The addends of an accumulation over ``terms`` terms, as this run has them."""
        return values

    def decide(self, outcome: np.ndarray) -> np.ndarray:
        """A discrete outcome (comparison, argmax, sign, floor, order), as this run has it."""
        self.decisions.append(outcome)
        return outcome


class Silent(Base):
    """Neither noise nor a record: for a reference that is used as an ordinary backend."""

    def decide(self, outcome: np.ndarray) -> np.ndarray:
        return outcome


class Noisy(Base):
    """One noisy copy, which replays the base's decisions."""

    def __init__(self, dtype: DType, seed: int, decisions: list[np.ndarray]) -> None:
        self.decisions = decisions
        self.dtype = dtype
        self.undecided = False
        """Whether a decision would have gone the other way in this copy: the margin is inside the noise."""
        self._next = 0
        self._random = np.random.Generator(np.random.SFC64(seed))

    def _scaled(self, values: np.ndarray, size: float) -> np.ndarray:
        if values.dtype.kind not in "fc":
            return values
        delta = self._random.uniform(-size, size, values.shape)
        if values.dtype.kind == "c":
            # Componentwise noise of the size of the modulus: complex products round that way.
            other = self._random.uniform(-size, size, values.shape)
            return values * (1.0 + delta + 1j * other)
        return values * (1.0 + delta)

    def result(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind not in "fc":
            return values
        noisy = self._scaled(values, self.dtype.unit_roundoff)
        # Gradual underflow: below the smallest normal number rounding is absolute.
        floor = 0.5 * self.dtype.smallest_subnormal
        small = np.abs(values) < 2.0**self.dtype.min_exponent
        if small.any() and (tiny := small & (values != 0)).any():
            noisy = np.where(tiny, noisy + self._random.uniform(-floor, floor, values.shape), noisy)
        if self.dtype.precision == 53:
            return np.asarray(noisy)
        return np.where(self.dtype.round(values) == values, values, noisy)

    def addends(self, values: np.ndarray, terms: int) -> np.ndarray:
        return self._scaled(values, self.dtype.unit_roundoff * np.sqrt(max(terms, 1)))

    def decide(self, outcome: np.ndarray) -> np.ndarray:
        if self._next >= len(self.decisions):
            self.undecided = True
            return outcome
        base = self.decisions[self._next]
        self._next += 1
        if base.shape != outcome.shape or base.dtype != outcome.dtype:
            self.undecided = True  # the program took another path: nothing later can be compared
            return outcome
        if not np.array_equal(base, outcome, equal_nan=base.dtype.kind in "fc"):
            self.undecided = True
        return base
