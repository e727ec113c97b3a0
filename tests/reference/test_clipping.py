"""Clipping against NumPy: one vector of all gradients, its norm, and one factor."""

from __future__ import annotations

import math

import numpy as np
import pytest

SHAPES = ((3,), (2, 2), (), (0, 4), (1, 1, 5))


def gradients(seed, scale=1.0, kind="f"):
    random = np.random.default_rng(seed)
    real = [scale * random.normal(size=shape) for shape in SHAPES]
    return real if kind == "f" else [each + 1j * scale * random.normal(size=each.shape) for each in real]


def parameters(torch, arrays):
    made = []
    for array in arrays:
        parameter = torch.tensor(
            np.zeros_like(array), dtype=torch.complex128 if array.dtype.kind == "c" else torch.float64
        )
        made.append(parameter.requires_grad_())
        made[-1].grad = torch.tensor(array, dtype=parameter.dtype)
    return made


@pytest.mark.parametrize("kind", "fc")
@pytest.mark.parametrize("order", [1, 2, 3, 0.5, 2.5, math.inf])
@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e7])
def test_all_gradients_are_one_vector(torch, order, scale, kind):
    """The norm is NumPy's of their concatenation, and the factor the documented one."""
    for max_norm in (1e-7, 0.5, 3.0, math.inf):
        arrays = gradients(7, scale, kind)
        if order == math.inf:  # of which torch wants no empty tensor
            arrays = [array for array in arrays if array.size]
        expected = np.linalg.norm(np.concatenate([array.reshape(-1) for array in arrays]), order)
        held = parameters(torch, arrays)
        assert torch.nn.utils.clip_grad_norm_(held, max_norm, order).item() == pytest.approx(
            expected, rel=1e-14
        )
        factor = min(max_norm / (expected + 1e-6), 1.0)
        for parameter, array in zip(held, arrays, strict=True):
            np.testing.assert_allclose(parameter.grad.numpy(), array * factor, rtol=1e-13)


def test_values_are_limited(torch):
    """Limiting values is NumPy's `clip`."""
    for limit in (0.0, 0.25, 1.0, math.inf):
        arrays = gradients(11)
        held = parameters(torch, arrays)
        torch.nn.utils.clip_grad_value_(held, limit)
        for parameter, array in zip(held, arrays, strict=True):
            np.testing.assert_array_equal(parameter.grad.numpy(), np.clip(array, -limit, limit))


def test_what_autograd_sees(torch):
    """Clipping is not recorded, but counts as a write to the gradient."""
    (weight,) = parameters(torch, [np.array([3.0, 4.0])])
    version = weight.grad._version
    torch.nn.utils.clip_grad_norm_(weight, 1.0)
    assert weight.grad._version > version
    assert not weight.grad.requires_grad
    assert not torch.nn.utils.get_total_norm([weight * 1]).requires_grad
