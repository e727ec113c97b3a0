"""Ties and kinks: a wrong rule is refused; where the operands themselves are inexact, either branch is right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from conformance.assemble import assemble
from conformance.backends.reference import ReferenceBackend
from conformance.spec import discover, load
from conformance.where import packaged_specs
from reference_impls import Reference
from reference_impls.primitives import TABLE

from .bench import FLOATING, Judged, judged, sample, torch_with


class OneAtZero(torch.autograd.Function):
    """relu with a slope of one at zero."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x >= 0)


class FirstOnly(torch.autograd.Function):
    """The largest element, its gradient going to the first of those that tie."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.max()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        out = torch.zeros_like(x)
        out[x.argmax()] = g
        return out


TIES = {
    "relu": ("yield vjp(torch.nn.functional.relu(x), (x,))", OneAtZero.apply, "torch.nn.functional.relu"),
    "max": ("yield vjp(torch.max(x), (x,))", FirstOnly.apply, "torch.max"),
}
KINKS = "literal([1.0, -2.0, 0.0, 1.0], requires_grad=True)"


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("name", TIES)
def test_wrong_rules_at_ties(name, dtype):
    """relu'(0) = 1 and a gradient of max to the first only are refused, in every dtype."""
    program, wrong, dotted = TIES[name]
    assert judged(program, dtype, x=KINKS).difference is None
    one = Judged(sample(program, x=KINKS), dtype)
    faulty = Judged(sample(program, x=KINKS), dtype, torch_with(**_at(dotted, wrong)))
    one.seen = faulty.seen
    judgement = one.judge()
    assert judgement.difference is not None and not judgement.undecided


def _at(dotted, function):
    """The overlay that replaces a dotted name of torch."""
    if dotted == "torch.max":
        return {"max": function}
    functional = type("functional", (), {"relu": staticmethod(function)})
    return {"nn": type("nn", (), {"functional": functional})}


def the_last(xp, input, *, dim=None, keepdim=False):
    return len(input) - 1 - np.argmax(input[::-1], axis=dim, keepdims=keepdim)


PRIMITIVES = {
    "sign(0) = 1": ("sign", "yield x.sign()", lambda xp, input: np.where(input >= 0, 1.0, -1.0)),
    "where takes the other": (
        "where",
        "yield torch.where(x > 0, x, y)",
        lambda xp, condition, input, other: np.where(condition, other, input),
    ),
    "> is >=": ("gt", "yield torch.where(x > 0, x * 3, y)", lambda xp, input, other: input >= other),
    "floor is ceil": ("floor", "yield x.floor() * 1", lambda xp, input: np.ceil(input)),
    "the last of equals": ("argmax", "yield x.max(dim=0)[1]", the_last),
    "even shares are whole": (
        "share",
        "yield vjp(torch.max(x, y), (x, y))",
        lambda xp, input, other, *, largest: (input >= other) * 1.0,
    ),
}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_wrong_rules_of_a_backend(name):
    """A backend that decides wrongly at a tie or a kink fails, with the reference's decisions replayed or not."""
    from dataclasses import replace

    primitive, program, wrong = PRIMITIVES[name]
    tables = {**TABLE, primitive: replace(TABLE[primitive], forward=wrong)}
    specs = [load(path) for path in discover(packaged_specs() / "torch" / "nn" / "functional")]
    specs += [load(packaged_specs() / "torch" / f"{operator}.yaml") for operator in ("where", "max")]
    faulty = ReferenceBackend(assemble(specs, Reference(primitives=tables)))
    inputs = {
        "x": "literal([1.0, 0.0, -0.5, 1.0], requires_grad=True)",
        "y": "literal([1.0, 0.25, 0.5, 0.0], requires_grad=True)",
    }
    right = Judged(sample(program, **inputs), "float64")
    assert right.judge().difference is None
    right.seen = Judged(sample(program, **inputs), "float64", faulty).seen
    judgement = right.judge()
    assert judgement.difference is not None and not judgement.undecided


INEXACT = "third = x / 3\nyield torch.where(third * 3 > 1, third, 100 * third)"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_inside_the_noise_either_branch_is_right(dtype):
    """1 / 3 * 3 > 1 depends on rounding: the other branch is accepted, and the sample is counted as undecided."""
    one = Judged(sample(INEXACT, x="literal([1.0])"), dtype)
    other = 100 / 3 if one.values()[0][0] < 1 else 1 / 3
    one.values()[0][0] = one.dtype.round(np.float64(other))
    judgement = one.judge()
    assert judgement.difference is None and judgement.undecided


def test_outside_the_noise_only_one_is():
    """A clear margin is decided."""
    one = Judged(sample(INEXACT, x="literal([1.5])"))
    one.values()[0][0] *= 100
    judgement = one.judge()
    assert judgement.difference is not None and not judgement.undecided


def test_a_decision_excuses_only_what_depends_on_it():
    """Where one element's branch is open, another element that is wrong is wrong all the same."""
    one = Judged(sample(INEXACT, x="literal([1.0, 3.0])"))
    one.values()[0][1] *= 1.5
    assert one.judge().difference is not None


def test_an_index_inside_the_noise():
    """Which of two values is the largest may be open too: the other index is accepted, and counted."""
    one = Judged(
        sample("yield torch.max(x / 3 * 3, 0)[1]", x="literal([0.3333333432674408, 0.3333333730697632])")
    )
    one.seen[0].left[0].value = 1 - one.seen[0].left[0].value
    judgement = one.judge()
    assert judgement.difference is None and judgement.undecided


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("program", [
    "yield torch.where(x >= 1, x * 3, x)",
    "yield vjp(torch.max(x, 0 * x + 1), (x,))",
    "yield torch.nn.functional.softplus(x, beta=20.0)",
])  # fmt: skip
def test_exact_ties_are_decided(program, dtype):
    """At an exact tie the rule is documented: another branch is wrong, not undecided."""
    one = Judged(sample(program, x="leaf(1, low=1, high=1)"), dtype)
    assert one.judge().difference is None
    one.values()[0].flat[0] += 0.5
    judgement = one.judge()
    assert judgement.difference is not None and not judgement.undecided


def test_what_agrees_is_not_undecided():
    """A sample is counted only where the decision was needed to excuse it."""
    judgement = judged(INEXACT, x="literal([1.0])")
    assert judgement.difference is None and not judgement.undecided


def test_an_index_outside_the_noise() -> None:
    """Where only one element's index is open, another index that is wrong is refused."""
    one = Judged(
        sample(
            "yield torch.max(x / 3 * 3, 1)[1]",
            x="literal([[0.3333333432674408, 0.3333333730697632], [1.0, 2.0]])",
        )
    )
    one.seen[0].left[0].value = 1 - one.seen[0].left[0].value
    assert one.judge().difference is not None
