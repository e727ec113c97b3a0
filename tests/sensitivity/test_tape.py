"""Every rule of autograd semantics, broken on its own, is caught by a clause of `specs/autograd`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.sensitivity.mutant import Mutant
from conformance.sensitivity.tape import tape_mutants

from .few import Few


@pytest.fixture(scope="module")
def autograd() -> Few:
    return Few(lambda name: name.startswith("autograd/"))


@pytest.mark.parametrize("mutant", tape_mutants(), ids=lambda mutant: mutant.mutator)
def test_faults_of_the_tape(
    autograd: Few, mutant: Mutant, record_property: Callable[[str, object], None]
) -> None:
    """Caught by what a clause yields; an exception would not count."""
    autograd.caught(mutant, mutant.mutator, record_property)
