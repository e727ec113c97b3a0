"""What rounding leaves open: the elements that another, equally right, decision would change.

A comparison of operands that are themselves inexact can go either way. A noisy copy that found one so is run again,
following its own decisions; where it then yields something else, either value is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .observe import Leaf, Observation


@dataclass(frozen=True)
class Copy:
    """A noisy run of the reference under the decisions of its base."""

    observations: Sequence[Observation]
    freed: Callable[[], Sequence[Observation] | None] | None = None
    """The same run under its own decisions, where they differ; None if it cannot be compared with the base."""

    def reaching(self, part: slice) -> Copy:
        """The same, as far as a part of the statements goes."""
        freed = self.freed
        return Copy(self.observations[part], freed and (lambda: (run := freed()) and run[part]))


Redo = Callable[[int], Copy | None]
"""A noisy run with a seed, or None where it took another path, so that nothing can be compared."""


@dataclass
class Branches:
    """The runs of a line that decided otherwise than its base, made when they are first asked for."""

    base: Sequence[Observation]
    redo: Redo
    draws: int
    lost: bool = field(default=False, init=False)
    """Whether one of them took another path: then nothing of the line can be held against a backend."""
    _copies: dict[int, Copy | None] = field(default_factory=dict, init=False)

    def copy(self, draw: int) -> Copy | None:
        """One of the noisy runs; each is made once."""
        if draw not in self._copies:
            self._copies[draw] = self.redo(draw)
        return self._copies[draw]

    @cached_property
    def freed(self) -> list[Sequence[Observation]]:
        """What these runs yielded; statement for statement the same as the base."""
        found = []
        for draw in range(self.draws):
            copy = self.copy(draw)
            if copy is not None and copy.freed is None:
                continue
            run = copy.freed() if copy is not None and copy.freed is not None else None
            if run is None or [(o.line, o.kind) for o in run] != [(o.line, o.kind) for o in self.base]:
                self.lost = True
            else:
                found.append(run)
        return found

    def excuse(self, index: int, want: Sequence[Leaf], got: Sequence[Leaf]) -> bool:
        """Whether the integers of a statement differ from the expected ones only where that is open."""
        runs = self.freed
        if self.lost or len(want) != len(got):
            return self.lost
        for place, (ours, theirs) in enumerate(zip(want, got, strict=True)):
            if not isinstance(ours.value, np.ndarray) or np.shape(ours.value) != np.shape(theirs.value):
                return False
            if ours.value.dtype.kind not in "biu":
                continue
            others = [expected(run[index])[place].value for run in runs]
            movable = np.zeros(ours.value.shape, bool)
            for other in others:
                movable |= other != ours.value
            if np.any((ours.value != theirs.value) & ~movable):
                return False
        return True


def expected(observation: Observation) -> list[Leaf]:
    """What a statement of the reference asks of a backend."""
    return observation.left if observation.right is None else observation.right
