"""Monte Carlo arithmetic: what gets noise, how much of it, and that decisions are replayed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reference_impls import dtypes
from reference_impls.primitive import Kind
from reference_impls.primitives import TABLE
from reference_impls.reference import Reference

from . import differences
from .samples import RANDOM, SAMPLES

REF = Reference()
F = REF.ops
THIRDS = np.arange(1, 13).reshape(3, 4) / 3


def tensor(array, dtype=dtypes.float32, requires_grad=False):
    return REF.tensor_from(np.asarray(array), dtype, requires_grad)


def copies(function, dtype=dtypes.float32, count=8):
    """The base's result, those of noisy copies, and which of them found a decision undecided."""
    with REF.base() as base:
        result = function()
    noisy, undecided = [], []
    for seed in range(count):
        with REF.noisy(dtype, seed, base.decisions) as copy:
            noisy.append(function().array)
        undecided.append(copy.undecided)
    return result.array, np.array(noisy), undecided


def spread(function, dtype=dtypes.float32, count=8):
    """The root mean square distance of noisy copies from the base."""
    base, noisy, _ = copies(function, dtype, count)
    return math.sqrt(np.mean(np.abs(noisy - base) ** 2))


MOVING = [
    pytest.param(TABLE[name], sample, id=f"{name}-{i}")
    for name in sorted(TABLE.keys() - RANDOM)
    if TABLE[name].kind is Kind.MOVEMENT
    for i, sample in enumerate(SAMPLES[name])
]


@pytest.mark.parametrize(("primitive", "sample"), MOVING)
def test_movement_is_exact(primitive, sample):
    """Moving values adds no noise in any dtype, and its results are known to be exact."""
    inputs = differences.tensors(REF, sample)
    outputs = differences.run(REF, primitive, inputs, sample)
    assert all(out.exact for out in outputs)
    for i, out in enumerate(outputs):
        base, noisy, undecided = copies(
            lambda i=i: differences.run(REF, primitive, inputs, sample)[i], count=2
        )
        np.testing.assert_array_equal(noisy, np.stack([base, base]))
        np.testing.assert_array_equal(base, out.array)
        assert not any(undecided)


def test_arithmetic_is_not_exact():
    """The flag of exactness is lost where a result is rounded: the test above can fail."""
    assert not F.exp(tensor(THIRDS)).exact
    assert spread(lambda: F.exp(tensor(THIRDS))) > 0


@pytest.mark.parametrize("dtype", [dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64])
def test_size_of_one_rounding(dtype):
    """One rounding moves a result by at most the unit roundoff, and not by much less.

    In float64 the base is rounded as well, and the scaled result once more.
    """
    most = dtype.unit_roundoff * (3 if dtype is dtypes.float64 else 1.001)
    base, noisy, _ = copies(lambda: F.exp(tensor(THIRDS, dtype)), dtype, count=64)
    error = np.abs(noisy - base) / base
    assert 0.9 * dtype.unit_roundoff < error.max() <= most


@pytest.mark.parametrize(
    "function", [lambda x: x + x, lambda x: x * 0.5, lambda x: x * x, lambda x: F.abs(x)]
)
def test_representable_results_have_no_noise(function):
    """What the dtype can hold is computed exactly by any implementation."""
    x = tensor([1.0, 0.5, -3.0, 0.0])
    base, noisy, _ = copies(lambda: function(x))
    np.testing.assert_array_equal(noisy, np.broadcast_to(base, noisy.shape))


def test_infinities_and_nans_stay():
    """Noise changes no special value."""
    base, noisy, _ = copies(lambda: F.log(tensor([0.0, -1.0, np.inf])))
    np.testing.assert_array_equal(noisy, np.broadcast_to([-np.inf, np.nan, np.inf], noisy.shape))


def centred(n):
    """Terms that add up to about zero: the spread then depends on their norm, and not on their sum."""
    values = np.random.default_rng(1).standard_normal(n) / 3
    return values - values.mean()


def accumulations(n):
    x = tensor(centred(n))
    weights = tensor(np.ones(n) / 3)
    return {
        "sum": lambda: F.sum(x),
        "mean": lambda: F.mean(x) * n,
        "dot": lambda: F.dot(x, weights),
        "matmul": lambda: F.matmul(F.reshape(x, 1, n), F.reshape(weights, n, 1)),
        "cumsum": lambda: F.select(F.cumsum(x, 0), 0, n - 1),
        "sum_to": lambda: F.sum_to(x, (1,)),
        "index_add": lambda: F.index_add(tensor(np.zeros(1)), 0, np.zeros(n, int), x),
        "conv1d": lambda: F.convolution(F.reshape(x, 1, 1, n), F.reshape(weights, 1, 1, n)),
        "fold": lambda: F.fold_windows(
            F.reshape(x, 1, n), shape=(1 + n - 1,), kernel=(n,), stride=(1,), dilation=(1,)
        ).sum(),
    }


@pytest.mark.parametrize("name", accumulations(4))
def test_sums_grow_with_the_root_of_their_length(name):
    """n terms of noise √n·u each: relative to the norm of the terms, the spread grows like √n."""
    short, long = 64, 1024
    sizes = []
    for n in (short, long):
        sizes.append(spread(accumulations(n)[name], count=48) / np.linalg.norm(centred(n)))
    assert 2.5 < sizes[1] / sizes[0] < 8  # √(1024 / 64) is 4, and walks differ


@pytest.mark.parametrize("n", [64, 4096])
def test_sums_of_one_sign(n):
    """Added one after the other in float32, as some devices do, positive terms stray by no more than a few spreads."""
    values = dtypes.float32.round(np.random.default_rng(3).uniform(0, 1, (50, n)))
    one_by_one = np.cumsum(values.astype(np.float32), axis=1, dtype=np.float32)[:, -1]
    error = np.abs(one_by_one - values.sum(1))
    base, noisy, _ = copies(lambda: F.sum(tensor(values), 1), count=16)
    assert (error <= 3 * np.abs(noisy - base).max(0)).all()


def test_two_addends_are_rounded_once():
    """A difference that cancels is exact: neither of its terms is rounded before."""
    base, noisy, _ = copies(lambda: F.sum(tensor([1.0 + 2.0**-20, -1.0])))
    np.testing.assert_array_equal(noisy, np.broadcast_to(base, noisy.shape))


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 3)])
def test_exact_results_in_float64(shape):
    """Short results carry no noise in float64 either, and so a tie between them is a tie; a third carries it."""
    x = tensor(np.full(shape, 3.0), dtypes.float64)
    base, noisy, undecided = copies(lambda: F.where(F.eq(x * 0.5, 1.5), x, -x), dtypes.float64)
    assert not any(undecided)
    _, parts, _ = copies(lambda: x / 7, dtypes.float64)
    assert parts.size == 0 or np.ptp(parts) > 0


def test_half_precisions_are_accumulated_in_float32():
    """A sum of 4,096 terms in bfloat16 strays by a few roundings of bfloat16, not by √n of them."""
    values = tensor(np.random.default_rng(4).uniform(1, 2, 4096), dtypes.bfloat16)
    assert spread(lambda: F.sum(values), dtypes.bfloat16) / 6144 < 2 * dtypes.bfloat16.unit_roundoff


def test_products_grow_with_the_root_of_their_length():
    """n roundings one after the other, unit by unit."""
    near_one = 1 + np.random.default_rng(2).standard_normal(1024) / 300
    long = spread(lambda: F.prod(tensor(near_one)), count=48) / np.prod(near_one)
    short = spread(lambda: F.prod(tensor(near_one[:64])), count=48) / np.prod(near_one[:64])
    assert 2.5 < long / short < 6.5


def test_a_tie_is_replayed():
    """Noise that would break a tie does not: the gradient of ``maximum`` is shared in every copy."""
    x = tensor(THIRDS, requires_grad=True)

    def gradient():
        y = F.maximum(F.exp(x), F.exp(x) * 1.0)
        return REF.torch.autograd.grad(F.sum(y), [x])[0]

    base, noisy, undecided = copies(gradient)
    assert np.allclose(noisy, base, rtol=1e-5)
    assert all(undecided)


def test_a_clear_decision_is_not_undecided():
    """Margins far above the noise leave no doubt."""
    x = tensor(THIRDS, requires_grad=True)
    _, _, undecided = copies(lambda: F.where(F.exp(x) > 1e9, x, -x))
    assert not any(undecided)


@pytest.mark.parametrize(
    "decide",
    [
        lambda y: F.where(F.gt(y, 1.0), y, y * 0),
        lambda y: F.floor(y),
        lambda y: F.sign(y - 1),
        lambda y: F.cast(F.argmax(F.stack((y, y * 0 + 1))), dtypes.float32),
        lambda y: F.cast(F.argsort(F.stack((y, y * 0 + 1)), 0), dtypes.float32),
        lambda y: F.round(y - 0.5),
        lambda y: F.remainder(y, 1.0),
        lambda y: F.clamp(y, max=1.0) * 0 + F.cast(F.le(y, 1.0), dtypes.float32),
    ],
)
def test_a_margin_inside_the_noise_is_undecided(decide):
    """1 / 3 * 3 is one, or next to it: copies follow the base, and say that they might not have."""
    base, noisy, undecided = copies(lambda: decide(tensor(1.0) / 3.0 * 3.0), count=16)
    assert any(undecided)
    assert np.abs(noisy - base).max() < 1e-5


def test_random_draws_are_replayed():
    """A copy has the same dropout mask as the base."""
    x = tensor(np.ones(1000))
    base, noisy, _ = copies(lambda: F.dropout(x, 0.5))
    assert ((noisy != 0) == (base != 0)).all()


def test_gradients_carry_noise_of_their_own():
    """Backward is arithmetic too: its noise is independent of what forward had."""
    x = tensor(THIRDS, requires_grad=True)
    assert 0 < spread(lambda: REF.torch.autograd.grad(F.sum(F.log(x) * x), [x])[0]) < 1e-5


def test_the_base_has_no_noise():
    """Two base runs agree bit for bit, and so does a run without any noise object."""
    x = tensor(THIRDS)
    with REF.base():
        first = F.softmax(x, 1).array
    np.testing.assert_array_equal(first, F.softmax(x, 1).array)
