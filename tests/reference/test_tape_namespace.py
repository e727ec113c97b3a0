"""The namespace, its labels and factories, and what makes two references independent."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

from reference_impls import Reference, vocabulary_names
from reference_impls.arithmetic import Multiprecision
from reference_impls.primitives import TABLE


def test_labels_of_results(torch):
    """Type promotion: dimensions before scalars before Python numbers."""
    half, single, double = (torch.ones(2, dtype=d) for d in (torch.float16, torch.float32, torch.float64))
    whole, short, truth = torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.int8), torch.ones(2) > 0
    scalar = torch.tensor(1.0, dtype=torch.float64)
    cases = [
        (half + single, torch.float32),
        (half * scalar, torch.float16),
        (half * 2.5, torch.float16),
        (whole + single, torch.float32),
        (whole * 2.5, torch.float32),
        (whole / whole, torch.float32),
        (whole * scalar, torch.float64),
        (short + whole, torch.int64),
        (short.sum(), torch.int64),
        (truth + 1, torch.int64),
        (truth & truth, torch.bool),
        (double > 0, torch.bool),
        (single * 1j, torch.complex64),
        (double * 1j, torch.complex128),
        (single.argmax(), torch.int64),
        (torch.where(truth, half, 0.0), torch.float16),
        (torch.softmax(half, 0), torch.float16),
        ((single * 1j).abs(), torch.float32),
        (whole.sum(dtype=torch.float64), torch.float64),
        (torch.full((2,), 3), torch.int64),
        (torch.tensor([1, 2.5]), torch.float32),
        (torch.arange(3), torch.int64),
        (torch.zeros_like(half), torch.float16),
    ]
    for number, (result, expected) in enumerate(cases):
        assert result.dtype == expected, number


def test_gradients_have_the_label_of_their_tensor(torch):
    """Whatever the labels in between."""
    x = torch.ones(2, dtype=torch.float16, requires_grad=True)
    (x.to(torch.float32) * torch.ones(2, dtype=torch.float64)).sum().backward()
    assert x.grad.dtype is torch.float16


def test_conversions_round(torch):
    """A conversion rounds; so does making a tensor."""
    assert (
        torch.tensor([0.1], dtype=torch.float64).to(torch.bfloat16).to(torch.float64).item() == 0.10009765625
    )
    assert torch.tensor([2.7, -2.7]).to(torch.int64).tolist() == [2, -2]
    assert torch.tensor([300.0]).double().float().item() == 300 and torch.tensor([0.1]).double().item() != 0.1


def test_missing_names_are_named():
    """The error of a missing attribute is the dotted name."""
    torch = Reference().torch
    for dotted in ("torch.foo", "torch.nn.functional.bar", "torch.autograd.graph.baz"):
        here = torch
        with pytest.raises(AttributeError, match=dotted):
            for part in dotted.split(".")[1:]:
                here = getattr(here, part)
    with pytest.raises(AttributeError, match="torch.Tensor.qux"):
        torch.ones(1).qux()


def test_define():
    """Names can be put anywhere, methods included."""
    reference = Reference()
    reference.define("torch.nn.functional.twice", lambda x: x * 2)
    reference.define("torch.special.deep.er", 3)
    reference.define("torch.Tensor.thrice", lambda self: self * 3)
    torch = reference.torch
    assert torch.nn.functional.twice(torch.ones(1)).item() == 2 and torch.special.deep.er == 3
    assert torch.ones(1).thrice().item() == 3 and torch.ones(1).thrice_().item() == 3
    with pytest.raises(AttributeError):
        Reference().torch.special.deep  # noqa: B018


def test_operator_boundary():
    """Inside a definition labels flow; at its boundary they are those of the operands."""
    reference = Reference()
    ops = reference.ops
    relu = reference.operator(lambda x: ops.mul(x, ops.where(x > 0, ops.tensor(1.0), 0.0)), "promote", "relu")
    torch = reference.torch
    assert relu(torch.ones(2, dtype=torch.bfloat16)).dtype is torch.bfloat16
    assert relu.__name__ == "relu"
    rules = ("promote", "int64")
    both = reference.operator(lambda x, alone: x * 2 if alone else (x * 2, x * 3), rules)
    assert both(torch.ones(2, dtype=torch.bfloat16), True).dtype is torch.bfloat16
    assert [part.dtype for part in both(torch.ones(2), False)] == [torch.float32, torch.int64]


def test_two_references_side_by_side():
    """A faulty one does not touch the clean one."""
    exp = TABLE["exp"]
    faulty = dataclasses.replace(exp, forward=lambda xp, input: 1.01 * xp.exp(input))
    bad, good = Reference(primitives={**TABLE, "exp": faulty}), Reference()
    assert bad.torch.zeros(1).exp().item() == 1.01 and good.torch.zeros(1).exp().item() == 1
    with bad.torch.no_grad():
        assert good.torch.is_grad_enabled()
    assert not isinstance(bad.torch.zeros(1), good.torch.Tensor)


def test_exactness():
    """Data movement keeps it, arithmetic loses it, decisions have it."""
    torch = Reference().torch
    x = torch.ones(2, 2)
    assert x.exact and x.t()[0].exact and (x > 0).exact and x.argmax().exact
    assert not (x * 2).exact and not (x * 2).t().exact and (torch.arange(3) * 2).exact


def test_noise_and_decisions():
    """A noisy run differs by the unit roundoff, and replays what the base decided."""
    reference = Reference()
    torch = reference.torch

    def program():
        x = torch.linspace(0.1, 1.0, 50, dtype=torch.float64)
        return x.exp().detach().array, (x * 3 > 1).array

    with reference.base() as base:
        exact, decided = program()
    with reference.noisy(torch.float32, 1, base.decisions) as run:
        noisy, replayed = program()
    assert (
        0 < np.abs(noisy / exact - 1).max() < 2.0**-23 and (decided == replayed).all() and not run.undecided
    )
    assert program()[0].tolist() == exact.tolist()


def test_multiprecision_runs_the_same_tape():
    """Values and second derivatives at 200 bits."""
    reference = Reference(arithmetic=Multiprecision(bits=200))
    torch = reference.torch
    x = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(torch.exp(x * x).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    difference = reference.arithmetic.exp(x.array * x.array)[0] * 3 - h.array[0]
    assert abs(float(difference)) < 2.0**-190
    y = x * 2
    y[0] = 3.0
    y.sum().backward()
    assert float(x.grad.array[0]) == 0


def test_deepcopy(torch):
    """A leaf can be copied with its gradient; a tensor inside the graph cannot."""
    x = torch.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    y = copy.deepcopy([x, x])
    assert y[0] is y[1] and y[0] is not x and y[0].requires_grad and y[0].grad.tolist() == [2, 2]
    with pytest.raises(RuntimeError):
        copy.deepcopy(x * 2)


def test_modules(torch):
    """Parameters, buffers and modules are found; state loads strictly."""

    class Affine(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(2))
            self.register_buffer("b", torch.zeros(2))

        def forward(self, x):
            return x * self.w + self.b

    net = torch.nn.Sequential(Affine(), Affine())
    assert list(net.state_dict()) == ["0.w", "0.b", "1.w", "1.b"]
    assert [name for name, _ in net.named_parameters()] == ["0.w", "1.w"]
    net(torch.ones(2)).sum().backward()
    assert net[0].w.grad.tolist() == [1, 1] and isinstance(net[0].w, torch.Tensor)
    net.zero_grad()
    assert net[0].w.grad is None and not net.eval()[1].training
    net.load_state_dict({name: t + 1 for name, t in net.state_dict().items()})
    assert net(torch.ones(2)).tolist() == [7, 7]
    with pytest.raises(RuntimeError):
        net.load_state_dict({})


def test_seeds(torch):
    """The same seed gives the same numbers."""
    torch.manual_seed(3)
    first = torch.rand(3).tolist()
    torch.manual_seed(3)
    assert torch.rand(3).tolist() == first and torch.randperm(5).sort().values.tolist() == [0, 1, 2, 3, 4]


def test_vocabulary_names():
    """Formulas may use primitives, composites and some factories."""
    assert {"exp", "softmax", "where", "zeros_like", "ones"} <= vocabulary_names()
    reference = Reference()
    assert all(hasattr(reference.ops, name) for name in vocabulary_names())
