"""Stated gradients are checked, and the check can fail."""

from pathlib import Path

import pytest

from conformance.assemble import reference_backend
from conformance.assemble.operators import vocabulary_of
from conformance.generate.stated import wrong_gradients
from conformance.spec import Formula, OperatorSpec, Text, discover, load

SPECS = Path(__file__).parents[2] / "specs"
STATING = [s for s in map(load, discover(SPECS)) if isinstance(s, OperatorSpec) and s.gradient]


@pytest.fixture(scope="module")
def reference():
    return reference_backend(SPECS).reference


def test_some_specs_state_gradients():
    assert {"torch.exp", "torch.nn.functional.softplus"} <= {spec.name for spec in STATING}


@pytest.mark.parametrize("spec", STATING, ids=lambda spec: spec.name)
def test_stated_gradients_follow_from_the_definitions(spec, reference):
    assert list(wrong_gradients(spec, reference, vocabulary_of(reference))) == []


@pytest.mark.parametrize("spec", STATING, ids=lambda spec: spec.name)
def test_a_wrong_gradient_is_refused(spec, reference):
    name, formula = next(iter(spec.gradient.items()))
    lines = str(formula.text).rstrip().split("\n")
    lines[-1] = f"({lines[-1]}) + 0.001"
    wrong = spec.model_copy(update={"gradient": {name: Formula(Text("\n".join(lines)))}})
    assert list(wrong_gradients(wrong, reference, vocabulary_of(reference)))
