"""Every primitive's derivatives, at first and second order, in reverse and in forward mode."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from reference_impls.primitives import TABLE, merge
from reference_impls.reference import Reference
from reference_impls.vocabulary import ALIASES, COMPOSITES, METHODS, OPERATORS, PROPERTIES, REFLECTED

from . import differences
from .samples import RANDOM, SAMPLES

REF = Reference()
DIFFERENTIABLE = sorted(name for name, primitive in TABLE.items() if primitive.vjp and name not in RANDOM)
CASES = [
    pytest.param(name, sample, id=f"{name}-{i}")
    for name in DIFFERENTIABLE
    for i, sample in enumerate(SAMPLES.get(name, []))
    if differences.differentiable(TABLE[name], sample)
]
FORMULAS = [
    (name, by) for name in DIFFERENTIABLE for by in TABLE[name].vjp if (name, by) not in differences.CONSTANT
]


def test_every_primitive_has_samples():
    """A primitive that nobody declared samples for would be checked nowhere."""
    assert TABLE.keys() == SAMPLES.keys()


def test_a_name_given_twice_is_refused():
    """Merging tables never replaces a primitive silently."""
    with pytest.raises(ValueError, match="twice"):
        merge([[TABLE["exp"]], [TABLE["exp"]]])


def test_importing_the_reference_is_light():
    """SciPy and mpmath are imported by those who need them: collection does not wait for either."""
    text = (
        "import sys; from reference_impls.reference import Reference; Reference()"
        "; print({'scipy', 'mpmath'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_tables_name_what_exists():
    """Methods, operators and aliases lead to the vocabulary."""
    for table in (METHODS, OPERATORS, REFLECTED, PROPERTIES, ALIASES):
        assert set(table.values()) <= TABLE.keys() | COMPOSITES.keys()


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_first_order(name, sample):
    """The cotangent formulas are the derivatives of the forward function."""
    differences.Check(TABLE[name], sample).first_order()


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_second_order(name, sample):
    """The cotangent formulas are differentiable, and their derivatives are right too."""
    differences.Check(TABLE[name], sample).second_order()


@pytest.mark.parametrize(("name", "by"), FORMULAS)
def test_a_scaled_formula_is_refused(name, by):
    """A formula that is a thousandth off does not pass: the checks above can fail."""
    faulty = differences.scaled(TABLE[name], by)
    with pytest.raises(AssertionError):
        for sample in SAMPLES[name]:
            differences.Check(faulty, sample).first_order()


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_forward_mode(name, sample):
    """``func.jvp`` is the adjoint of the cotangent formulas: <c, J v> = <Jᵀ c, v>."""
    ref = REF
    primitive = TABLE[name]
    positions = differences.differentiable(primitive, sample)
    leaves = differences.tensors(ref, sample)

    def function(*chosen):
        arguments = list(leaves)
        for i, tensor in zip(positions, chosen, strict=True):
            arguments[i] = tensor
        return differences.run(ref, primitive, arguments, sample)

    directions = [differences.numbers(31 + i, sample.inputs[i]) for i in positions]
    outputs, tangents = ref.torch.func.jvp(
        function,
        tuple(leaves[i].detach() for i in positions),
        tuple(ref.tensor_from(v, leaves[i].dtype) for v, i in zip(directions, positions, strict=True)),
    )
    cotangents = [differences.numbers(7 + k, out.array) for k, out in enumerate(outputs)]
    reverse = ref.torch.autograd.grad(
        function(*(leaves[i] for i in positions)),
        [leaves[i] for i in positions],
        grad_outputs=[ref.tensor_from(c, out.dtype) for c, out in zip(cotangents, outputs, strict=True)],
    )
    xp = ref.arithmetic
    left = sum(differences.inner(xp, c, t.array) for c, t in zip(cotangents, tangents, strict=True))
    right = sum(differences.inner(xp, g.array, v) for g, v in zip(reverse, directions, strict=True))
    np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-12)
