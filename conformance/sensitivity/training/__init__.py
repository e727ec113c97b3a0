"""Mutants of what stands between backward and an optimizer's step: clipping, and the scaling of gradients.

As with the tape, the reference is broken only while a program of the mutant runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..mutant import Mutant
from ..tape.fault import Fault, rebind
from . import clipping, initialization, scaler_state, scaling

REACH = {
    "torch.nn.utils": frozenset(
        f"torch.nn.utils.{name}"
        for name in (
            "get_total_norm",
            "clip_grads_with_norm_",
            "clip_grad_norm_",
            "clip_grad_norm",
            "clip_grad_value_",
        )
    ),
    "torch.nn.init": frozenset(
        {"torch.Generator", *(f"torch.nn.init.{name}" for name in initialization.NAMES)}
    ),
    "torch.amp": frozenset({"torch.amp.GradScaler"}),
}
"""The names of which a program must mention one to notice."""

FAULTS: dict[str, dict[str, Fault]] = {
    "torch.nn.utils": clipping.FAULTS,
    "torch.nn.init": initialization.FAULTS,
    "torch.amp": {**scaling.FAULTS, **scaler_state.FAULTS},
}
"""By area, and by what the list of survivors calls them."""


def training_mutants() -> Iterator[Mutant]:
    """Every mutant of clipping and of the gradient scaler."""
    for area, faults in FAULTS.items():
        for mutator, fault in faults.items():
            if isinstance(fault[0], str):
                yield Mutant(area, area, mutator, prepare=partial(rebind, rebound=fault), reach=REACH[area])
            else:
                yield Mutant(area, area, mutator, patches=fault, reach=REACH[area])
