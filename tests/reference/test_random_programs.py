"""Random programs do on the reference what they do on torch, up to a table of deviations that are all needed."""

from __future__ import annotations

import textwrap

import pytest

from reference_impls import Reference

pytest.importorskip("torch")

from .deviations import DEVIATIONS, Deviation, explain
from .fuzz import differences
from .lockstep import Count, compare
from .programs import FAMILIES

PROGRAMS = 400


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES)
def test_random_programs_agree_with_torch(family: str) -> None:
    """Values, gradients, leaves, versions, calls of hooks and the types of errors agree after every statement."""
    count = Count()
    found = [str(step) for _, _, step in differences(family, range(PROGRAMS), Reference(), count)]
    assert not found, f"{len(found)} of {PROGRAMS}; the first:\n{found[0]}"
    assert count.programs == PROGRAMS and count.statements > 8 * PROGRAMS
    assert sum(count.deviations.values()) < PROGRAMS / 10
    assert count.hook_calls > 100 or family == "writes"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda d: d.name)
def test_deviations_are_needed(deviation: Deviation) -> None:
    """Torch still does what an entry of the table says, and it is this entry that explains it."""
    step = compare(textwrap.dedent(deviation.script).strip().splitlines(), Reference(), Count(), every=False)
    assert explain(step) == [deviation.name]
