"""Transposed convolution, unfolding and folding against loops over single elements; what they refuse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from reference_impls import dtypes
from reference_impls.reference import Reference

REF = Reference()
RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return RANDOM.integers(-16, 17, shape) / 8


def tensor(array):
    return REF.tensor_from(array, dtypes.float64, requires_grad=True)


def written(x, w, stride, padding, dilation, groups, extra):
    """Every element of the input writes the filters of its channel, scaled, at its place; then the edges are cut."""
    dims = w.ndim - 2
    kernel = w.shape[2:]
    sizes = [
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(x.shape[2:], stride, padding, dilation, kernel, extra, strict=True)
    ]
    out = np.zeros((x.shape[0], w.shape[1] * groups, *sizes))
    per_in, per_out = x.shape[1] // groups, w.shape[1]
    for b, c, o in itertools.product(range(x.shape[0]), range(x.shape[1]), range(per_out)):
        channel = (c // per_in) * per_out + o
        for place in np.ndindex(*x.shape[2:]):
            for tap in np.ndindex(*kernel):
                to = [place[i] * stride[i] + tap[i] * dilation[i] - padding[i] for i in range(dims)]
                if all(0 <= t < n for t, n in zip(to, sizes, strict=True)):
                    out[(b, channel, *to)] += x[(b, c, *place)] * w[(c, o, *tap)]
    return out


TRANSPOSED = [
    # input, weight, stride, padding, dilation, groups, output padding
    ((2, 3, 4), (3, 2, 3), (2,), (1,), (2,), 1, (1,)),
    ((1, 4, 3), (4, 2, 2), (1,), (0,), (3,), 2, (2,)),
    ((1, 2, 3, 2), (2, 3, 2, 3), (3, 1), (1, 1), (1, 2), 1, (2, 1)),
    ((1, 4, 2, 3), (4, 1, 3, 2), (2, 3), (3, 0), (1, 1), 4, (1, 0)),
    ((2, 2, 2, 1, 3), (2, 1, 2, 2, 1), (1, 2, 3), (0, 0, 2), (2, 1, 1), 2, (1, 1, 2)),
]


@pytest.mark.parametrize("case", TRANSPOSED)
def test_transposed_convolution(case):
    """Sizes, overlaps and cut edges for every option, and the bias on top."""
    shape, form, stride, padding, dilation, groups, extra = case
    x, w, b = numbers(*shape), numbers(*form), numbers(form[1] * groups)
    out = REF.ops.convolution(tensor(x), tensor(w), tensor(b), stride, padding, dilation, groups, True, extra)
    expected = written(x, w, stride, padding, dilation, groups, extra)
    np.testing.assert_array_equal(out.array, expected + b.reshape(-1, *[1] * (len(form) - 2)))


WINDOWS = [
    # sizes, kernel, dilation, padding, stride
    ((4, 5), (2, 3), (1, 1), (0, 0), (1, 1)),
    ((4, 5), (2, 2), (3, 2), (1, 0), (2, 1)),
    ((3, 6), (1, 2), (1, 3), (2, 1), (3, 2)),
    ((3, 3), (3, 3), (1, 1), (0, 0), (1, 1)),
]


def columns(x, kernel, dilation, padding, stride):
    """One column for each window, one element at a time."""
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in padding])
    counts = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, d, s in zip(x.shape[2:], kernel, dilation, stride, strict=True)
    ]
    out = []
    for place in np.ndindex(*counts):
        column = [
            x[:, c, place[0] * stride[0] + i * dilation[0], place[1] * stride[1] + j * dilation[1]]
            for c in range(x.shape[1])
            for i, j in np.ndindex(*kernel)
        ]
        out.append(np.stack(column, -1))
    return np.stack(out, -1)


@pytest.mark.parametrize(("sizes", *"kdps"), WINDOWS)
def test_unfolding_and_folding(sizes, k, d, p, s):
    """Unfolding gives the columns of the loop; folding is its adjoint, and the gradient of each is the other."""
    x = numbers(2, 3, *sizes)
    expected = columns(x, k, d, p, s)
    image = tensor(x)
    out = REF.ops.windows_as_columns(image, k, d, p, s)
    np.testing.assert_array_equal(out.array, expected)
    y = numbers(*expected.shape)
    folded = REF.ops.columns_as_windows(tensor(y), sizes, k, d, p, s)
    assert np.sum(folded.array * x) == np.sum(expected * y)
    (slope,) = REF.torch.autograd.grad(out, image, tensor(y))
    np.testing.assert_array_equal(slope.array, folded.array)
    single = REF.ops.columns_as_windows(tensor(y[0]), sizes, k, d, p, s)
    np.testing.assert_array_equal(single.array, folded.array[0])


@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": "full"},
        {"bias": tensor(numbers(2))},
        {"bias": tensor(numbers(3, 1))},
        {"groups": 0},
        {"transposed": True, "bias": tensor(numbers(4))},
        {"transposed": True, "stride": 2, "output_padding": 2},
    ],
)
def test_convolution_refuses(arguments):
    """A name that is no padding, a bias of another length, and arguments that make no sense."""
    with pytest.raises(RuntimeError):
        REF.ops.convolution(tensor(numbers(1, 3, 5)), tensor(numbers(3, 3, 2)), **arguments)


@pytest.mark.parametrize(
    "arguments", [(0,), (5,), (2, 0), (2, 1, -1), (2, 1, 0, 0), ((2, 2, 2),), (2, 4)], ids=str
)
def test_windows_refuse(arguments):
    """Windows that do not fit or hold nothing, and steps that lead nowhere."""
    with pytest.raises(RuntimeError):
        REF.ops.windows_as_columns(tensor(numbers(1, 2, 4, 4)), *arguments)
    with pytest.raises(RuntimeError):
        REF.ops.columns_as_windows(tensor(numbers(1, 8, 9)), 4, *arguments)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 6, 9), (8,), (1, 1, 8, 9)])
def test_columns_that_are_no_windows(shape):
    """Nine columns of eight elements are the windows of two channels of 4 by 4, and no others are."""
    REF.ops.columns_as_windows(tensor(numbers(1, 8, 9)), 4, 2)
    with pytest.raises(RuntimeError):
        REF.ops.columns_as_windows(tensor(numbers(*shape)), 4, 2)
