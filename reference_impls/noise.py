"""Monte Carlo arithmetic: how far a backward-stable implementation may stray.

A program first runs as the *base*, as exactly as float64 allows, and its discrete decisions are written down.
It may then run again, any number of times, as a *noisy copy*: each inexact arithmetic result is scaled by
1 + δ with \\|δ\\| at most the unit roundoff of the tested dtype, and so is each partial sum of an accumulation,
whose errors therefore grow with √n (the probabilistic bound of Higham and Mary,
https://doi.org/10.1137/18M1226312). Every decision is replayed from the base, so that a wrong rule at a tie or a
kink is never excused by noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .dtypes import DType, float32

LAST = (1 << 12) - 1
"""The last twelve bits of a float64."""


class Base:
    """The run without noise: records what was decided."""

    def __init__(self) -> None:
        self.decisions: list[np.ndarray] = []

    def result(self, values: np.ndarray) -> np.ndarray:
        """What an inexact arithmetic operation returned, as this run has it."""
        return values

    def addends(
        self, values: np.ndarray, axes: Sequence[int] | None, terms: int = 1, products: bool = False
    ) -> np.ndarray:
        """The addends of a sum along ``axes``, as this run has them.

        None for the axes is a sum of ``terms`` addends in no order in particular; ``products`` are rounded before
        they are added.
        """
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
    """One noisy copy, which replays the base's decisions, or with ``free`` follows its own."""

    def __init__(self, dtype: DType, seed: int, decisions: list[np.ndarray], free: bool = False) -> None:
        self.decisions = decisions
        self.free = free
        self.dtype = dtype
        self.undecided = False
        """Whether a decision would have gone the other way in this copy: the margin is inside the noise."""
        self.lost = False
        """Whether it took another path than the base: nothing later can be compared."""
        self._next = 0
        # In float64 the base is itself rounded, and a copy can only move by whole ulp: two roundings, not one.
        self._unit = dtype.unit_roundoff * (2 if dtype.precision == 53 else 1)
        self._random = np.random.Generator(np.random.SFC64(seed))

    def _scaled(self, values: np.ndarray, size: float) -> np.ndarray:
        if values.dtype.kind not in "fc":
            return values
        delta = self._random.uniform(-size, size, values.shape)
        if values.dtype.kind == "c":
            # Componentwise noise of the size of the modulus: complex products round that way.
            other = self._random.uniform(-size, size, values.shape)
            return values + values * (delta + 1j * other)
        return values + values * delta

    def result(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind not in "fc":
            return values
        noisy = self._scaled(values, self._unit)
        # Gradual underflow: below the smallest normal number rounding is absolute.
        floor = 0.5 * self.dtype.smallest_subnormal
        small = np.abs(values) < 2.0**self.dtype.min_exponent
        if small.any() and (tiny := small & (values != 0)).any():
            noisy = np.where(tiny, noisy + self._random.uniform(-floor, floor, values.shape), noisy)
        return np.where(self._held(values), values, noisy)

    def _held(self, values: np.ndarray) -> np.ndarray:
        """Where the dtype holds a result: any implementation computes it without error.

        In float64, which holds every value, where its last twelve bits are zero: a rounded one looks like that
        once in 4,096 times.
        """
        if self.dtype.precision < 53:
            return self.dtype.round(values) == values
        return ((np.ascontiguousarray(values[..., np.newaxis]).view(np.int64) & LAST) == 0).all(axis=-1)

    def addends(
        self, values: np.ndarray, axes: Sequence[int] | None, terms: int = 1, products: bool = False
    ) -> np.ndarray:
        u, single = self._unit, float32.unit_roundoff
        if values.dtype.kind not in "fc":
            return values
        if axes is None:
            return self._scaled(values, u * np.sqrt(max(terms, 1)))
        terms = math.prod(values.shape[axis] for axis in axes)
        if terms > 2:
            # Each partial sum is rounded: the addend in place j takes with it what those from j on have lost.
            values = values + values * self._walk(values.shape, axes, min(u, single))
        # Half precisions are accumulated in float32, but what several units have summed may meet in the dtype itself.
        return self._scaled(values, u) if products or (terms > 2 and u > single) else values

    def _walk(self, shape: tuple[int, ...], axes: Sequence[int], size: float) -> np.ndarray:
        """Random walks along some axes, taken as one: the first partial sum is an addend, the last one the result."""
        lengths = tuple(shape[axis] for axis in axes)
        others = tuple(n for axis, n in enumerate(shape) if axis not in axes)
        steps = self._random.uniform(-size, size, (*others, math.prod(lengths)))
        steps[..., [0, -1]] = 0.0
        # In any order: what cancels exactly in one of them is rounded in another.
        order = self._random.permutation(steps.shape[-1])
        walks = np.cumsum(steps, axis=-1)[..., order].reshape(*others, *lengths)
        return np.moveaxis(walks, range(-len(axes), 0), axes)

    def decide(self, outcome: np.ndarray) -> np.ndarray:
        base = self.decisions[self._next] if self._next < len(self.decisions) else None
        self._next += 1
        if base is None or base.shape != outcome.shape or base.dtype != outcome.dtype:
            self.undecided = self.lost = True
            return outcome
        if np.array_equal(base, outcome, equal_nan=base.dtype.kind in "fc"):
            return base
        self.undecided = True
        return outcome if self.free else base
