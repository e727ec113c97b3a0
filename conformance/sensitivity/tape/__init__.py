"""Mutants of the tape: each rule of autograd semantics, broken.

The rules are broken while a program of the mutant runs, and only then, so that the judge's own runs are right.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..mutant import Mutant
from . import accumulation, functions, graphs, hooks, modes, transforms, writes
from .fault import Fault, rebind

AREA = "tape"

FAULTS: dict[str, Fault] = {
    **accumulation.FAULTS,
    **graphs.FAULTS,
    **writes.FAULTS,
    **modes.FAULTS,
    **hooks.FAULTS,
    **functions.FAULTS,
    **transforms.FAULTS,
}
"""By what the list of survivors calls them."""


def tape_mutants() -> Iterator[Mutant]:
    """Every mutant of the tape."""
    for mutator, fault in FAULTS.items():
        if isinstance(fault[0], str):
            yield Mutant(AREA, "tape", mutator, prepare=partial(rebind, rebound=fault))
        else:
            yield Mutant(AREA, "tape", mutator, patches=fault)
