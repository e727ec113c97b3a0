"""Kinks, ties, poles and empty inputs: values and gradients as documented, by closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reference_impls import dtypes
from reference_impls.reference import Reference

INF, NAN = math.inf, math.nan
REF = Reference()
F = REF.ops


def leaf(values):
    array = np.array(values)
    return REF.tensor_from(array, dtypes.of_array(array), requires_grad=array.dtype.kind in "fc")


def gradient(output, *inputs):
    ones = REF.tensor_from(np.ones(output.shape), output.dtype)
    found = REF.torch.autograd.grad(output, inputs, ones, create_graph=True, allow_unused=True)
    return [np.zeros(x.shape) if g is None else g.array for g, x in zip(found, inputs, strict=True)]


def same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=4e-16, atol=0, equal_nan=True)


UNARY = [
    # function, input, result, gradient
    ("abs", lambda x: F.abs(x), [0.0, -2.0, NAN], [0.0, 2.0, NAN], [0.0, -1.0, NAN]),
    ("sign", lambda x: F.sign(x), [0.0, -2.0, INF, NAN], [0.0, -1.0, 1.0, NAN], [0.0, 0.0, 0.0, 0.0]),
    ("sqrt", lambda x: F.sqrt(x), [0.0, 4.0, -1.0], [0.0, 2.0, NAN], [INF, 0.25, NAN]),
    ("rsqrt", lambda x: F.rsqrt(x), [0.0, 4.0], [INF, 0.5], [-INF, -0.0625]),
    (
        "relu",
        lambda x: F.relu(x),
        [0.0, -0.0, 2.0, -2.0, NAN],
        [0.0, 0.0, 2.0, 0.0, NAN],
        [0.0, 0.0, 1.0, 0.0, 1.0],
    ),
    (
        "clamp",
        lambda x: F.clamp(x, -1.0, 2.0),
        [-1.0, 2.0, 3.0, NAN],
        [-1.0, 2.0, 2.0, NAN],
        [0.0, 0.0, 0.0, 1.0],
    ),
    ("clamp-crossed", lambda x: F.clamp(x, 3.0, 1.0), [0.0, 2.0, 4.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]),
    ("floor", lambda x: F.floor(x), [1.0, -0.5], [1.0, -1.0], [0.0, 0.0]),
    ("round-to-even", lambda x: F.round(x), [0.5, 1.5, -2.5], [0.0, 2.0, -2.0], [0.0, 0.0, 0.0]),
    ("frac", lambda x: F.frac(x), [-1.5, 2.25], [-0.5, 0.25], [1.0, 1.0]),
    ("pow-zero", lambda x: F.pow(x, 0), [0.0, 3.0, INF, NAN], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]),
    ("pow-one", lambda x: F.pow(x, 1), [0.0, -3.0], [0.0, -3.0], [1.0, 1.0]),
    ("pow-two", lambda x: F.pow(x, 2), [0.0, -3.0], [0.0, 9.0], [0.0, -6.0]),
    ("pow-half", lambda x: F.pow(x, 0.5), [0.0, 4.0], [0.0, 2.0], [INF, 0.25]),
    ("pow-pole", lambda x: F.pow(x, -1), [0.0, 2.0], [INF, 0.5], [-INF, -0.25]),
    ("log", lambda x: F.log(x), [0.0, 1.0, -1.0], [-INF, 0.0, NAN], [INF, 1.0, -1.0]),
    (
        "xlogy",
        lambda x: F.xlogy(x, np.array([0.0, NAN, 0.0])),
        [0.0, 0.0, 2.0],
        [0.0, NAN, -INF],
        [-INF, NAN, -INF],
    ),
    ("entr", lambda x: F.entr(x), [0.0, 1.0, -1.0], [0.0, 0.0, -INF], [INF, -1.0, NAN]),
    ("sinc", lambda x: F.sinc(x), [0.0, 1.0], [1.0, math.sin(math.pi) / math.pi], [0.0, -1.0]),
    ("erfinv", lambda x: F.erfinv(x), [1.0, -1.0, 2.0], [INF, -INF, NAN], [INF, INF, NAN]),
    ("digamma-pole", lambda x: F.digamma(x), [0.0, -1.0], [-INF, NAN], None),
    ("lgamma-pole", lambda x: F.lgamma(x), [0.0, -1.0, 1.0], [INF, INF, 0.0], None),
    (
        "nan_to_num",
        lambda x: F.nan_to_num(x),
        [NAN, INF, 1.0],
        [0.0, dtypes.float64.largest, 1.0],
        [0.0, 0.0, 1.0],
    ),
    ("remainder", lambda x: F.remainder(x, 2.0), [-3.0, 3.0, 4.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]),
    ("fmod", lambda x: F.fmod(x, 2.0), [-3.0, 3.0, 4.0], [-1.0, 1.0, 0.0], [1.0, 1.0, 1.0]),
    ("norm-at-zero", lambda x: F.norm(x), [0.0, 0.0], 0.0, [0.0, 0.0]),
    ("norm-3-at-zero", lambda x: F.norm(x, 3), [0.0, 0.0], 0.0, [0.0, 0.0]),
    ("norm-with-a-zero", lambda x: F.norm(x, 1), [0.0, -2.0], 2.0, [0.0, -1.0]),
    ("norm-inf-tie", lambda x: F.norm(x, INF), [3.0, -3.0, 1.0], 3.0, [0.5, -0.5, 0.0]),
    ("std-of-equals", lambda x: F.std(x), [2.0, 2.0, 2.0], 0.0, [0.0, 0.0, 0.0]),
    ("var-of-one", lambda x: F.var(x), [2.0], NAN, None),
    ("amax-tie", lambda x: F.amax(x), [1.0, 3.0, 3.0, 3.0], 3.0, [0.0, 1 / 3, 1 / 3, 1 / 3]),
    ("max-tie", lambda x: F.max(x), [3.0, 1.0, 3.0], 3.0, [0.5, 0.0, 0.5]),
    ("max-dim-tie", lambda x: F.max(x, 0).values, [3.0, 1.0, 3.0], 3.0, [1.0, 0.0, 0.0]),
    ("amax-nan", lambda x: F.amax(x), [1.0, NAN], NAN, [0.0, 1.0]),
    ("median-nan", lambda x: F.median(x), [1.0, NAN, 0.0], NAN, [0.0, 1.0, 0.0]),
    ("median-lower", lambda x: F.median(x), [4.0, 1.0, 3.0, 2.0], 2.0, [0.0, 0.0, 0.0, 1.0]),
    ("prod-one-zero", lambda x: F.prod(x), [0.0, 2.0, 3.0], 0.0, [6.0, 0.0, 0.0]),
    ("prod-two-zeros", lambda x: F.prod(x), [0.0, 2.0, 0.0], 0.0, [0.0, 0.0, 0.0]),
    ("cumprod-zero", lambda x: F.cumprod(x, 0), [2.0, 0.0, 3.0], [2.0, 0.0, 0.0], [1.0, 8.0, 0.0]),
    ("cummax-tie", lambda x: F.cummax(x, 0).values, [1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [1.0, 2.0, 0.0]),
    ("logsumexp-inf", lambda x: F.logsumexp(x, 0), [-INF, 0.0], 0.0, [0.0, 1.0]),
    ("softmax-inf", lambda x: F.softmax(x, 0), [-INF, 0.0], [0.0, 1.0], [0.0, 0.0]),
    ("sigmoid-tails", lambda x: F.sigmoid(x), [-INF, INF, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 0.25]),
    ("sum-empty", lambda x: F.sum(x), np.zeros(0), 0.0, np.zeros(0)),
    ("prod-empty", lambda x: F.prod(x), np.zeros(0), 1.0, np.zeros(0)),
    ("mean-empty", lambda x: F.mean(x), np.zeros(0), NAN, np.zeros(0)),
    ("norm-empty", lambda x: F.norm(x), np.zeros(0), 0.0, np.zeros(0)),
]


@pytest.mark.parametrize(("function", "x", "result", "slope"), [pytest.param(*u[1:], id=u[0]) for u in UNARY])
def test_one_input(function, x, result, slope):
    """Value and gradient at the point, to the last bits."""
    x = leaf(x)
    with np.errstate(all="ignore"):
        y = function(x)
        same(y.array, result)
        if slope is not None:
            same(gradient(y, x)[0], slope)


BINARY = [
    (
        "maximum-tie",
        F.maximum,
        [1.0, 2.0, NAN],
        [1.0, 3.0, 0.0],
        [1.0, 3.0, NAN],
        [0.5, 0.0, 1.0],
        [0.5, 1.0, 0.0],
    ),
    ("minimum-tie", F.minimum, [1.0, 2.0], [1.0, 3.0], [1.0, 2.0], [0.5, 1.0], [0.5, 0.0]),
    ("pow", F.pow, [0.0, 0.0, 0.0], [0.0, 2.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]),
    ("pow-negative-base", F.pow, [-2.0], [3.0], [-8.0], [12.0], [NAN]),
    ("atan2-origin", F.atan2, [0.0], [0.0], [0.0], [0.0], [0.0]),
    ("hypot-origin", F.hypot, [0.0], [0.0], [0.0], [0.0], [0.0]),
    ("dist-of-equals", F.dist, [1.0, 2.0], [1.0, 2.0], 0.0, [0.0, 0.0], [0.0, 0.0]),
    ("fmax-nan", F.fmax, [NAN, 1.0], [2.0, NAN], [2.0, 1.0], [0.0, 1.0], [1.0, 0.0]),
]


@pytest.mark.parametrize("case", [pytest.param(b[1:], id=b[0]) for b in BINARY])
def test_two_inputs(case):
    """Value and both gradients at the point."""
    function, x, y, result, by_x, by_y = case
    x, y = leaf(x), leaf(y)
    with np.errstate(all="ignore"):
        z = function(x, y)
        same(z.array, result)
        slopes = gradient(z, x, y)
    same(slopes[0], by_x)
    same(slopes[1], by_y)


def test_untaken_branch_gives_no_nan():
    """``where`` keeps the infinite slope of the branch that was not taken out of the gradient."""
    x = leaf([0.0, 4.0])
    with np.errstate(all="ignore"):
        same(gradient(F.where(F.gt(x, 0), F.sqrt(x), 0), x)[0], [NAN, 0.25])  # 0 * inf, inside sqrt itself
        same(gradient(F.sqrt(F.where(F.gt(x, 0), x, 1)), x)[0], [0.0, 0.25])
        same(gradient(F.sqrt(F.maximum(x, -1.0)), x)[0], [INF, 0.25])
        same(gradient(F.sqrt(F.clamp(x, 1.0, 2.0)), x)[0], [0.0, 0.0])


def test_second_derivatives_of_a_product_with_zeros():
    """At (0, 2, 0) the mixed derivative of xyz by x and z is y, and every other one is zero."""
    x = leaf([0.0, 2.0, 0.0])
    (first,) = REF.torch.autograd.grad(F.prod(x), [x], create_graph=True)
    rows = [REF.torch.autograd.grad(F.select(first, 0, i), [x], retain_graph=True)[0].array for i in range(3)]
    same(np.array(rows), [[0, 0, 2], [0, 0, 0], [2, 0, 0]])


def test_third_derivative_of_sinc_at_zero_and_beside():
    """sinc is smooth: derivatives at zero are 0, -π²/3 and 0."""
    x = leaf(0.0)
    y = F.sinc(x)
    found = []
    for _ in range(3):
        (y,) = REF.torch.autograd.grad(y, [x], create_graph=True)
        found.append(float(y.array))
    np.testing.assert_allclose(found, [0, -(math.pi**2) / 3, 0], rtol=1e-15)


def test_mixed_derivative_of_pow_at_exponent_zero():
    """d²/dx dn x**n is 1/x at n = 0, although the first derivative by x is zero there."""
    x, n = leaf(4.0), leaf(0.0)
    (by_x,) = REF.torch.autograd.grad(F.pow(x, n), [x], create_graph=True)
    same(REF.torch.autograd.grad(by_x, [n])[0].array, 0.25)


COMPLEX = [
    ("abs-zero", lambda z: F.abs(z), 0j, 0.0, 0j),
    ("abs", lambda z: F.abs(z), 3 + 4j, 5.0, 0.6 + 0.8j),
    ("angle", lambda z: F.angle(z), 2j, math.pi / 2, -0.5 + 0j),
    ("sgn-zero", lambda z: F.real(F.sgn(z)), 0j, 0.0, 0j),
    ("real", lambda z: F.real(z), 1 + 2j, 1.0, 1 + 0j),
    ("imag", lambda z: F.imag(z), 1 + 2j, 2.0, 1j),
    ("square", lambda z: F.real(z * z), 1 + 2j, -3.0, 2 - 4j),
    ("modulus-squared", lambda z: F.real(z * F.conj(z)), 1 + 2j, 5.0, 2 + 4j),
]


@pytest.mark.parametrize(
    ("function", "z", "result", "slope"), [pytest.param(*c[1:], id=c[0]) for c in COMPLEX]
)
def test_conjugate_wirtinger(function, z, result, slope):
    """The gradient of a real function is its slope by the real part plus i times that by the imaginary."""
    z = leaf(np.complex128(z))
    y = function(z)
    same(y.array, result)
    same(gradient(y, z)[0], slope)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: F.max(leaf(np.zeros(0))), RuntimeError),
        (lambda: F.max(leaf(np.zeros((2, 0))), 1), IndexError),
        (lambda: F.amax(leaf(np.zeros((2, 0))), 1), IndexError),
        (lambda: F.sum(leaf([1.0]), 1), IndexError),
        (lambda: F.sum(leaf([[1.0]]), (0, 0)), RuntimeError),
        (lambda: F.reshape(leaf([1.0, 2.0]), 3), RuntimeError),
        (lambda: F.mm(leaf([1.0]), leaf([1.0])), RuntimeError),
        (lambda: F.matmul(leaf([[1.0, 2.0]]), leaf([[1.0]])), RuntimeError),
        (lambda: F.pow(leaf([2]), -1), RuntimeError),
        (lambda: F.mean(leaf([1, 2])), RuntimeError),
        (lambda: F.getitem(leaf([1.0]), 1), IndexError),
        (lambda: F.getitem(leaf([1.0]), slice(None, None, -1)), ValueError),
        (lambda: F.index_select(leaf([1.0]), 0, np.array([3])), IndexError),
        (lambda: F.gather(leaf([1.0]), 0, np.array([3])), RuntimeError),
        (lambda: F.cat([]), RuntimeError),
        (lambda: F.topk(leaf([1.0]), 2), RuntimeError),
        (lambda: F.add(leaf([1.0, 2.0]), leaf([1.0, 2.0, 3.0])), RuntimeError),
    ],
)
def test_errors(call, error):
    """Wrong arguments raise what torch documents for them."""
    with pytest.raises(error):
        call()
