"""Mutants of what stands between backward and an optimizer's step: clipping, and the scaling of gradients.

As with the tape, the reference is broken only while a program of the mutant runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..mutant import Mutant
from ..tape.fault import Fault, rebind
from . import clipping, scaler_state, scaling

FAULTS: dict[str, dict[str, Fault]] = {
    "torch.nn.utils": clipping.FAULTS,
    "torch.amp": {**scaling.FAULTS, **scaler_state.FAULTS},
}
"""By area, and by what the list of survivors calls them."""


def training_mutants() -> Iterator[Mutant]:
    """Every mutant of clipping and of the gradient scaler."""
    for area, faults in FAULTS.items():
        for mutator, fault in faults.items():
            if isinstance(fault[0], str):
                yield Mutant(area, area, mutator, prepare=partial(rebind, rebound=fault))
            else:
                yield Mutant(area, area, mutator, patches=fault)
