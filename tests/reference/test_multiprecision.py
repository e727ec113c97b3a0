"""Two arithmetics, one mathematics: float64 against 200 bits, and both against mpmath at the edges."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from reference_impls import dtypes
from reference_impls.arithmetic import Float64, Multiprecision
from reference_impls.primitives import TABLE
from reference_impls.reference import Reference

from . import differences
from .samples import RANDOM, SAMPLES

FLOAT = Reference(arithmetic=Float64())
EXACT = differences.multiprecise()
CASES = [
    pytest.param(TABLE[name], sample, id=f"{name}-{i}")
    for name in sorted(TABLE.keys() - RANDOM)
    for i, sample in enumerate(SAMPLES[name])
]


def evaluated(ref, primitive, sample):
    """Results and gradients of a primitive at a sample, as NumPy arrays."""
    leaves = differences.tensors(ref, sample)
    outputs = differences.run(ref, primitive, leaves, sample)
    arrays = [ref.arithmetic.to_numpy(out.array) for out in outputs]
    positions = differences.differentiable(primitive, sample)
    if positions:
        cotangents = [
            ref.tensor_from(differences.numbers(7 + i, a), o.dtype)
            for i, (a, o) in enumerate(zip(arrays, outputs, strict=True))
        ]
        found = ref.torch.autograd.grad(
            outputs, [leaves[i] for i in positions], cotangents, allow_unused=True
        )
        arrays += [ref.arithmetic.to_numpy(g.array) for g in found if g is not None]
    return arrays, [out.dtype for out in outputs]


def ulps(actual, expected):
    """The largest error in units of the last place of the largest magnitude."""
    scale = np.max(np.abs(expected), initial=0)
    return np.max(np.abs(actual - expected), initial=0) / np.spacing(scale)


@pytest.mark.parametrize(("primitive", "sample"), CASES)
def test_float64_agrees(primitive, sample):
    """Results and gradients of both agree in label, in shape and to a few units of the last place."""
    actual, labels = evaluated(FLOAT, primitive, sample)
    expected, exact_labels = evaluated(EXACT, primitive, sample)
    assert labels == exact_labels
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        if a.dtype.kind in "biu":
            np.testing.assert_array_equal(a, e)
        else:
            assert ulps(a, e) <= 16


def test_disagreement_is_noticed():
    """A forward function that is a millionth off in one arithmetic does not pass for agreement."""
    assert ulps(np.array([1.000001, 2.0]), np.array([1.0, 2.0])) > 16


def test_conversion_is_exact():
    """float64 to 200 bits and back is the identity, special values included."""
    values = np.array([0.1, 2.0**-1074, 1.7976931348623157e308, np.inf, -np.inf, np.nan, 0.0])
    xp = Multiprecision()
    np.testing.assert_array_equal(xp.to_numpy(xp.from_numpy(values)), values)
    assert xp.from_numpy(np.array(0.1))[()] * 10 != 1


# Saturated tails, poles, points of cancellation: value and slope in relative error.
mp = mpmath.MPContext()
mp.prec = 400
EDGES = [
    ("exp", lambda F, x: F.exp(x), mp.exp, [-700.0, -1e-20, 700.0]),
    ("expm1", lambda F, x: F.expm1(x), mp.expm1, [1e-20, -1e-9, -50.0, 700.0]),
    ("log1p", lambda F, x: F.log1p(x), lambda x: mp.log(1 + x), [1e-20, -1e-9, 1e300, -1 + 2.0**-53]),
    ("log-near-one", lambda F, x: F.log(x), mp.log, [1 + 2.0**-52, 1 - 2.0**-53, 1e-300]),
    ("sigmoid", lambda F, x: F.sigmoid(x), lambda x: 1 / (1 + mp.exp(-x)), [-700.0, -40.0, 40.0, 1e-20]),
    ("tanh", lambda F, x: F.tanh(x), mp.tanh, [1e-20, 18.0, -30.0, 300.0]),
    ("logsigmoid", lambda F, x: F.logsigmoid(x), lambda x: -mp.log1p(mp.exp(-x)), [-700.0, 40.0, 300.0]),
    ("softplus", lambda F, x: F.logaddexp(x, 0), lambda x: mp.log1p(mp.exp(x)), [-300.0, -40.0, 40.0, 700.0]),
    ("erf", lambda F, x: F.erf(x), mp.erf, [1e-20, 0.5, 5.0]),
    ("erfc", lambda F, x: F.erfc(x), mp.erfc, [5.0, 20.0, -3.0]),
    ("sqrt", lambda F, x: F.sqrt(x), mp.sqrt, [1e-300, 1e-20, 1e300]),
    ("lgamma", lambda F, x: F.lgamma(x), lambda x: mp.log(abs(mp.gamma(x))), [1e-20, -1 + 2.0**-40, 1e5]),
    ("digamma", lambda F, x: F.digamma(x), mp.digamma, [1e-20, -1 + 2.0**-20, 1e5]),
    ("log_ndtr", lambda F, x: F.log_ndtr(x), None, [-30.0, 1.0]),
    ("asinh", lambda F, x: F.asinh(x), mp.asinh, [1e-20, 1e10]),
    ("atanh", lambda F, x: F.atanh(x), mp.atanh, [1e-20, 1 - 2.0**-50]),
    ("sinc", lambda F, x: F.sinc(x), lambda x: mp.sin(mp.pi * x) / (mp.pi * x), [1e-3, 0.4999, 0.5001]),
    (
        "log_softmax",
        lambda F, x: F.log_softmax(F.stack((x, x * 0)), 0)[1],
        lambda x: -mp.log1p(mp.exp(x)),
        [40.0, 2.0],
    ),
    (
        "logsumexp",
        lambda F, x: F.logsumexp(F.stack((x, x * 0 + 1)), 0),
        lambda x: mp.log(mp.exp(x) + mp.e),
        [700.0, 2.0],
    ),
]
EDGES = [(n, f, t or (lambda x: mp.log(mp.ncdf(x))), points) for n, f, t, points in EDGES]
POINTS = [pytest.param(f, truth, x, id=f"{name}-{x:.3g}") for name, f, truth, points in EDGES for x in points]


def value_and_slope(ref, function, x):
    leaf = ref.tensor_from(np.array(x), dtypes.float64, requires_grad=True)
    y = function(ref.ops, leaf)
    (slope,) = ref.torch.autograd.grad(y, [leaf])
    return y.array[()], slope.array[()]


def relative(actual, expected):
    return abs((mp.convert(actual) - expected) / expected) if expected else abs(mp.convert(actual))


@pytest.mark.parametrize(("function", "truth", "x"), POINTS)
def test_edges(function, truth, x):
    """At tails and poles: a few units of the last place in float64, and 120 bits at 200."""
    expected = truth(mp.mpf(x))
    slope = mp.diff(truth, mp.mpf(x), h=abs(mp.mpf(x)) * mp.mpf(2) ** -130)
    with np.errstate(all="ignore"):
        value, gradient = value_and_slope(FLOAT, function, x)
        exact_value, exact_gradient = value_and_slope(EXACT, function, x)
    assert relative(exact_value, expected) < mp.mpf(2) ** -110
    assert relative(exact_gradient, slope) < mp.mpf(2) ** -110
    assert relative(value, expected) < 16 * 2.0**-53
    assert relative(gradient, slope) < 16 * 2.0**-53


def test_a_cancelling_formula_is_noticed():
    """1 - tanh², the usual slope of tanh, is wrong in its tail, and the measure above says so."""
    naive = 1 - np.tanh(18.0) ** 2
    assert relative(naive, mp.sech(mp.mpf(18)) ** 2) > 16 * 2.0**-53


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_rows_saturate_at_200_bits(name):
    """Rows that saturate in float64 are resolved: the small probabilities keep their digits."""
    row = np.array([0.0, -40.0, -100.0])
    x = EXACT.tensor_from(row, dtypes.float64)
    out = getattr(EXACT.ops, name)(x, 0)
    weights = [mp.exp(mp.mpf(v)) for v in row]
    total = sum(weights)
    expected = {
        "softmax": [w / total for w in weights],
        "log_softmax": [mp.log(w / total) for w in weights],
        "logsumexp": [mp.log(total)],
    }[name]
    for actual, e in zip(np.atleast_1d(out.array), expected, strict=True):
        assert relative(actual, e) < mp.mpf(2) ** -100


def test_algorithms_run_at_200_bits():
    """The matrix exponential keeps its digits; so do systems, determinants and pooling."""
    ops = EXACT.ops
    turn = EXACT.tensor_from(np.array([[0.0, -2.0], [2.0, 0.0]]), dtypes.float64, requires_grad=True)
    out = ops.matrix_exp(turn)
    assert relative(out.array[0, 0], mp.cos(2)) < mp.mpf(2) ** -180
    (slope,) = EXACT.torch.autograd.grad(ops.select(out, 0, 0)[0], [turn])
    assert abs(slope.array[0, 1] - slope.array[1, 0] * -1) < mp.mpf(2) ** -180
    assert relative(ops.det(turn).array[()], mp.mpf(4)) == 0
    assert relative(ops.inv(turn).array[0, 1], mp.mpf(0.5)) == 0
    assert relative(ops.cholesky(turn.T @ turn).array[1, 1], mp.mpf(2)) == 0
    plane = turn.reshape(1, 2, 2)
    windows = ops.pool_windows(plane, 2, 2)
    assert ops.mean(windows, -1).array[0, 0, 0] == 0
    assert ops.largest_and_place(windows, ops.pool_places(plane, 2, 2))[0].array[0, 0, 0] == 2


def _all(names, *arguments):
    return dict.fromkeys(names.split(), arguments)


def test_composites_run_at_200_bits():
    """Composites use nothing that object arrays lack."""
    ops = EXACT.ops
    x = EXACT.tensor_from(np.array([[0.3, 0.8, 0.1], [0.5, 0.2, 0.9]]), dtypes.float64, requires_grad=True)
    index = np.array([[0, 2], [1, 1]])
    calls = {
        **_all("std norm prod softmax max sort median tril diagonal relu logit round"),
        **_all("nan_to_num mean logsigmoid ndtr vector_norm angle square cov diff"),
        **_all("cumprod logcumsumexp logsumexp log_softmax cummin cummax mvlgamma var", 1),
        **_all("remainder fmod copysign heaviside", 0.25),
        **_all("matmul cdist kron", (x.T @ x).detach()),
        **_all("norm float_power", 3),
        **_all("quantile", 0.3),
        **_all("trapezoid corrcoef"),
        **{"clamp": (0.2, 0.6), "lerp": (x * 2, 0.5), "topk": (2,), "gather": (1, index), "flip": (0,)},
        **{"roll": (1, 0), "pad": ((1, 1), "reflect"), "unfold": (1, 2, 1), "repeat": (2, 1)},
    }
    for name, arguments in calls.items():
        if name == "einsum":
            out = ops.einsum("ij,kj->ik", x, x)
        elif name == "polygamma":
            out = ops.polygamma(2, x)
        else:
            out = getattr(ops, name)(x, *arguments)
        out = out[0] if isinstance(out, tuple) else out
        assert out.array.dtype == object, name
        if out.requires_grad:
            out.sum().backward()
