"""Every fault of clipping and of the gradient scaler, on its own, is caught by a clause that speaks of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.sensitivity.mutant import Mutant
from conformance.sensitivity.training import training_mutants

from .few import Few


@pytest.fixture(scope="module")
def specs() -> Few:
    return Few(lambda name: name.startswith(("torch/amp/GradScaler", "torch/nn/utils/", "torch/nn/init/")))


@pytest.mark.parametrize("mutant", list(training_mutants()), ids=lambda mutant: mutant.mutator)
def test_faults_between_backward_and_step(
    specs: Few, mutant: Mutant, record_property: Callable[[str, object], None]
) -> None:
    """Caught by what a clause yields; an exception would not count."""
    specs.caught(mutant, mutant.mutator, record_property)
