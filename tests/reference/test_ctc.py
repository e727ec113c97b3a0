"""Connectionist temporal classification against every path there is, and its derivatives against differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from reference_impls import dtypes
from reference_impls.reference import Reference

from .differences import central

REF = Reference()
RANDOM = np.random.default_rng(0)


def tensor(array):
    return REF.tensor_from(np.asarray(array, float), dtypes.float64, requires_grad=True)


def spelled(path, blank):
    """What is left of a path once repetitions are merged and blanks are dropped."""
    return [label for label, _ in itertools.groupby(path) if label != blank]


def by_enumeration(log_probs, target, blank):
    """-log of the summed probabilities of all paths that spell the target."""
    frames, classes = log_probs.shape
    total = sum(
        math.exp(log_probs[range(frames), list(path)].sum())
        for path in itertools.product(range(classes), repeat=frames)
        if spelled(path, blank) == list(target)
    )
    return -math.log(total) if total else math.inf


TARGETS = [
    # blank, target: repetitions, nothing at all, as many as there are frames, more than fit
    (0, [1, 2]),
    (0, [1, 1]),
    (2, [0, 0, 1]),
    (1, []),
    (0, [1, 2, 1, 2, 1]),
    (0, [2, 2, 2, 1]),
    (0, [2, 2, 1, 1]),
]


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("blank, target", TARGETS)
def test_every_path(frames, blank, target):
    """The recursion finds every path, with and without a batch."""
    log_probs = RANDOM.uniform(-3, 0, (frames, 3))
    expected = by_enumeration(log_probs, target, blank)
    if len(target) > frames:
        assert expected == math.inf
    found = REF.ops.alignment_loss(tensor(log_probs), np.array(target, int), frames, len(target), blank)
    assert found.shape == ()
    np.testing.assert_allclose(found.array, expected, rtol=1e-13)


@pytest.mark.parametrize("padded", [True, False])
def test_batches(padded):
    """Each sequence has its own lengths; what lies behind them does not count."""
    log_probs, frames = RANDOM.uniform(-3, 0, (4, 5, 3)), [4, 3, 2, 0, 0]
    targets = [[1, 2, 1], [2, 2], [], [], [1]]
    expected = [
        by_enumeration(log_probs[:t, n], targets[n], 0) if t else math.inf * len(targets[n]) if targets[n] else 0.0
        for n, t in enumerate(frames)
    ]  # fmt: skip
    lengths = [len(t) for t in targets]
    labels = [t + [1] * (3 - len(t)) for t in targets] if padded else sum(targets, [])
    found = REF.ops.alignment_loss(tensor(log_probs), np.array(labels), np.array(frames), np.array(lengths))
    np.testing.assert_allclose(found.array, expected, rtol=1e-13)


def test_derivatives():
    """Two orders agree with differences, where a single path is left, and where the frames outlast the sequence."""
    log_probs = RANDOM.uniform(-3, 0, (4, 2, 3))
    targets, frames, lengths = np.array([[1, 1, 2], [2, 1, 0]]), np.array([4, 3]), np.array([3, 2])

    def loss(x):
        return REF.ops.alignment_loss(x, targets, frames, lengths)

    x = tensor(log_probs)
    (slope,) = REF.torch.autograd.grad(loss(x).sum(), (x,), create_graph=True)
    np.testing.assert_allclose(
        slope.array, central(lambda a: loss(tensor(a)).array.sum(), log_probs), atol=1e-7
    )
    direction = RANDOM.uniform(-1, 1, log_probs.shape)
    (second,) = REF.torch.autograd.grad((slope * REF.torch.tensor(direction)).sum(), (x,))

    def along(a):
        y = tensor(a)
        return (REF.torch.autograd.grad(loss(y).sum(), (y,))[0].array * direction).sum()

    np.testing.assert_allclose(second.array, central(along, log_probs), atol=1e-6)


def test_impossible_targets_have_no_slope():
    """An infinite loss has no nan in its gradient, nor has a class of probability zero."""
    x = tensor(RANDOM.uniform(-3, 0, (2, 1, 3)))
    loss = REF.ops.alignment_loss(x, np.array([[1, 1]]), np.array([2]), np.array([2]))
    assert loss.array == [math.inf]
    (slope,) = REF.torch.autograd.grad(loss.sum(), (x,))
    assert (slope.array == 0).all()
    x = tensor([[[-1.0, -math.inf, -0.5]], [[-1.0, -0.5, -2.0]]])
    (slope,) = REF.torch.autograd.grad(
        REF.ops.alignment_loss(x, np.array([[1]]), np.array([2]), np.array([1])).sum(), (x,)
    )
    np.testing.assert_allclose(slope.array, [[[-1, 0, 0]], [[0, -1, 0]]])
