"""The machine's own rates, on the reference and on torch."""

from __future__ import annotations

import pytest

from conformance.backends import resolve
from conformance.bench import ceilings
from conformance.bench.ceilings import Ceilings


@pytest.mark.parametrize(
    "backend, dtype", [("reference", "float64"), ("torch", "float32"), ("torch", "bfloat16")]
)
def test_positive(backend: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small sizes give rates too, and stop where they are told to."""
    monkeypatch.setattr(ceilings, "SPENT", 0.005)
    measured = ceilings.measure(resolve(backend), "cpu", dtype, copied=2**16, largest=256)
    assert measured.bandwidth > 1e6
    assert measured.peak > 1e6


def test_the_longer_of_two_bounds() -> None:
    """Work is bound by its operations or by its bytes."""
    machine = Ceilings(bandwidth=100.0, peak=1000.0)
    assert machine.seconds(operations=2000.0, moved=10.0) == 2.0
    assert machine.seconds(operations=10.0, moved=500.0) == 5.0
