"""Every fault of the interface of optimizers, and of averages of weights, is caught by a clause that speaks of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.sensitivity.mutant import Mutant
from conformance.sensitivity.shells.topics import topic_mutants
from conformance.spec import load

from .few import SPECS, Few

TOPICS = [SPECS / "torch/optim/Optimizer.yaml", *sorted((SPECS / "torch/optim/swa_utils").glob("*.yaml"))]
MUTANTS = [mutant for path in TOPICS for mutant in topic_mutants(load(path))]


@pytest.fixture(scope="module")
def specs() -> Few:
    return Few(lambda name: any(str(path).endswith(name) for path in TOPICS))


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_faults_of_what_optimizers_share(
    specs: Few, mutant: Mutant, record_property: Callable[[str, object], None]
) -> None:
    """Caught by what a clause yields; an exception would not count."""
    outcome = specs.caught(mutant, str(mutant), record_property)
    assert outcome.by.startswith(mutant.subject)
