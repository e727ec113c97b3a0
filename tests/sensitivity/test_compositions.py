"""Faults in schedulers that are written by hand or made of others are caught by the specs of these."""

from __future__ import annotations

import pytest

from conformance.assemble import reference_backend
from conformance.sensitivity.run import Fate, measure
from conformance.sensitivity.shells.compositions import COMPOSITIONS

from .few import SPECS


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_every_fault_is_caught(name: str) -> None:
    """None survives, and none is noticed by an exception only."""
    outcomes = measure([SPECS / (name.replace(".", "/") + ".yaml")], SPECS)
    assert len(outcomes) == len(list(COMPOSITIONS[name]()))
    assert [str(outcome.mutant) for outcome in outcomes if outcome.fate is not Fate.CAUGHT] == []


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_what_a_fault_breaks_is_there(name: str) -> None:
    """Each breaks a method of the class, and of this one only: every reference has classes of its own."""
    first, second = (
        getattr(reference_backend().torch.optim.lr_scheduler, name.split(".")[-1]) for _ in range(2)
    )
    assert first is not second
    for _, _, method, override in COMPOSITIONS[name]():
        assert callable(override(getattr(first, method)))
