"""Mutants of the algorithms that specs name: each is another text that runs, and faults of every part are caught."""

from pathlib import Path

import pytest

from conformance.assemble import assemble
from conformance.backends.reference import ReferenceBackend
from conformance.sensitivity.algorithms import algorithm_mutants
from conformance.sensitivity.lines import Judge, planned
from conformance.sensitivity.run import Fate, fate
from conformance.spec import load
from reference_impls import Reference
from reference_impls.algorithms import lbfgs

SPECS = Path(__file__).parents[2] / "specs" / "torch"


@pytest.fixture(scope="module")
def spec():
    return load(SPECS / "optim" / "LBFGS.yaml")


@pytest.fixture(scope="module")
def mutants(spec):
    return list(algorithm_mutants(spec))


def test_every_function_is_broken(mutants):
    """Each fault is in the body of one of the functions, and takes the place of that function only."""
    assert {m.place.partition(":")[0] for m in mutants} == {"dot", "largest", "descent", "search", "minimize"}
    for mutant in mutants:
        ((owner, name, fault),) = mutant.patches
        right = getattr(owner, name)
        assert owner is lbfgs
        assert fault(right) is not right
        assert getattr(owner, name) is right


def test_specs_without_an_algorithm():
    assert list(algorithm_mutants(load(SPECS / "optim" / "SGD.yaml"))) == []
    assert list(algorithm_mutants(load(SPECS / "nn" / "functional" / "softplus.yaml"))) == []


@pytest.mark.parametrize(
    ("within", "original", "mutated"),
    [
        ("d = -gradient", "-gradient", "gradient"),
        ("d = d * (dot(F, s, y) / dot(F, y, y))", "d * (dot(F, s, y) / dot(F, y, y))", "d"),
        ("budget = iter(range(max_eval))", "max_eval", "max_iter"),
    ],
)
def test_caught(spec, mutants, within, original, mutated):
    """A sign, the scale of the first estimate, and a limit that stands for another are noticed by the clauses."""
    (mutant,) = [m for m in mutants if (m.within, m.original, m.mutated) == (within, original, mutated)]
    needed = [load(path) for path in (SPECS / "exp.yaml", SPECS / "sigmoid.yaml")] + [spec]
    judge = Judge(ReferenceBackend(Reference()), ReferenceBackend(assemble(needed, Reference())))
    assert fate(mutant, needed, planned(judge, needed, [spec]), judge).fate is Fate.CAUGHT
