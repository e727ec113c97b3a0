"""Pooling against loops that a person can check: which elements a window holds, and where the largest was."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from reference_impls import dtypes
from reference_impls.reference import Reference

REF = Reference()
OPS = REF.ops
RANDOM = np.random.default_rng(0)


def tensor(array):
    return REF.tensor_from(np.asarray(array), dtypes.float64, requires_grad=True)


def taps(n, k, s, p, d, ceil_mode):
    """The positions that each window of one dimension holds: windows begin in the left padding or in the input."""
    start = -p
    while start + d * (k - 1) < n + p or (ceil_mode and start < n and start + d * (k - 1) - s < n + p - 1):
        yield [start + j * d for j in range(k)]
        start += s


CASES = [
    (2, 2, 0, 1),
    (3, 2, 1, 1),
    (4, 3, 2, 1),
    (3, 1, 0, 1),
    (2, 3, 1, 1),
    (2, 3, 0, 1),
    (2, 1, 1, 3),
    (3, 2, 1, 2),
]


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(("k", "s", "p", "d"), CASES)
@pytest.mark.parametrize("n", [5, 6, 7])
def test_windows_of_a_sequence(n, k, s, p, d, ceil_mode):
    """Elements, places and counts of every window, tap by tap."""
    x = RANDOM.integers(-16, 17, n) / 8
    expected = list(taps(n, k, s, p, d, ceil_mode))
    inside = [[0 <= i < n for i in window] for window in expected]
    given = tensor(x[None])
    windows = OPS.pool_windows(given, 1, k, s, p, d, ceil_mode, 99.0)
    filled = [
        [x[i] if real else 99.0 for i, real in zip(w, r, strict=True)]
        for w, r in zip(expected, inside, strict=True)
    ]
    np.testing.assert_array_equal(windows.array[0], filled)
    places = OPS.pool_places(given, 1, k, s, p, d, ceil_mode)
    np.testing.assert_array_equal(
        places.array,
        [
            [i if real else -1 for i, real in zip(w, r, strict=True)]
            for w, r in zip(expected, inside, strict=True)
        ],
    )
    if d == 1:
        padded = [sum(-p <= i < n + p for i in window) for window in expected]
        np.testing.assert_array_equal(OPS.pool_counts(given, 1, k, s, p, ceil_mode).array, padded)
        own = [sum(real) for real in inside]
        np.testing.assert_array_equal(OPS.pool_counts(given, 1, k, s, p, ceil_mode, False).array, own)


def test_windows_of_a_volume():
    """In three dimensions a window is the product of its windows in each; places count through all of them."""
    sizes, kernel, stride, padding, dilation = (4, 5, 3), (2, 3, 1), (1, 2, 2), (1, 1, 0), (2, 1, 1)
    x = RANDOM.integers(-16, 17, (2, *sizes)) / 8
    options = (kernel, stride, padding, dilation, True)
    along = [list(taps(*one, True)) for one in zip(sizes, kernel, stride, padding, dilation, strict=True)]
    windows = OPS.pool_windows(tensor(x), 3, *options, -np.inf).array
    places = OPS.pool_places(tensor(x), 3, *options).array
    assert windows.shape == (2, *map(len, along), 6)
    for at in np.ndindex(*windows.shape[1:-1]):
        members = itertools.product(*(axis[i] for axis, i in zip(along, at, strict=True)))
        for number, member in enumerate(members):
            real = all(0 <= i < n for i, n in zip(member, sizes, strict=True))
            assert places[(*at, number)] == (np.ravel_multi_index(member, sizes) if real else -1)
            assert windows[(1, *at, number)] == (x[(1, *member)] if real else -np.inf)


@pytest.mark.parametrize(("n", "m"), [(7, 3), (7, 7), (7, 1), (3, 5), (6, 3), (10, 4), (5, 0)])
def test_regions(n, m):
    """Adaptive regions in one dimension go from floor(i n / m) to ceil((i + 1) n / m)."""
    x = np.arange(float(n))
    windows = OPS.adaptive_windows(tensor(x[None]), 1, m, -1.0).array[0]
    places = OPS.adaptive_places(tensor(x[None]), 1, m).array
    counts = OPS.adaptive_counts(tensor(x[None]), 1, m).array
    assert len(windows) == len(places) == len(counts) == m
    for i in range(m):
        region = list(range(int(np.floor(i * n / m)), int(np.ceil((i + 1) * n / m))))
        assert [place for place in places[i] if place >= 0] == region
        assert counts[i] == len(region)
        assert [value for value in windows[i] if value >= 0] == region


def test_regions_of_a_plane():
    """In two dimensions a region is a rectangle; None keeps a dimension."""
    x = RANDOM.integers(-16, 17, (2, 5, 4)) / 8
    windows = OPS.adaptive_windows(tensor(x), 2, (2, 3), -np.inf).array
    rows, columns = [(0, 3), (2, 5)], [(0, 2), (1, 3), (2, 4)]
    for (i, (top, bottom)), (j, (left, right)) in itertools.product(enumerate(rows), enumerate(columns)):
        np.testing.assert_array_equal(windows[1, i, j], x[1, top:bottom, left:right].ravel())
    kept = OPS.adaptive_windows(tensor(x), 2, (None, 2)).array
    np.testing.assert_array_equal(kept, x.reshape(2, 5, 2, 2))


def test_the_first_largest():
    """Ties go to the first, padding never wins, and only what was chosen gets the gradient."""
    x = tensor([[3.0, 3.0, 1.0, 3.0], [-np.inf, -np.inf, -np.inf, 0.0]])
    windows = OPS.pool_windows(x, 1, 2, 2, 1, 1, False, -np.inf)
    largest, places = OPS.largest_and_place(windows, OPS.pool_places(x, 1, 2, 2, 1))
    np.testing.assert_array_equal(largest.array, [[3, 3, 3], [-np.inf, -np.inf, 0]])
    np.testing.assert_array_equal(places.array, [[0, 1, 3], [0, 1, 3]])
    (g,) = REF.torch.autograd.grad(largest.sum(), [x])
    np.testing.assert_array_equal(g.array, [[1, 1, 0, 1], [1, 1, 0, 1]])


def test_unpooling_undoes_pooling():
    """What was pooled lies where it was, in an output of the size that was pooled, and its gradient is gathered."""
    x = np.abs(RANDOM.permutation(2 * 5 * 6).reshape(2, 5, 6)) + 1.0
    given = tensor(x)
    options = (2, (2, 3), (2, 3))
    largest, places = OPS.largest_and_place(
        OPS.pool_windows(given, *options), OPS.pool_places(given, *options)
    )
    pooled = tensor(largest.array)
    back = OPS.max_unpool(pooled, places, *options, output_size=(5, 6))
    kept = np.isin(x, largest.array)
    np.testing.assert_array_equal(back.array, np.where(kept, x, 0))
    weights = RANDOM.integers(-8, 9, x.shape) / 4
    (g,) = REF.torch.autograd.grad((back * tensor(weights)).sum(), [pooled])
    np.testing.assert_array_equal(
        g.array, np.take_along_axis(weights.reshape(2, -1), places.array.reshape(2, -1), 1).reshape(2, 2, 2)
    )
    corner = OPS.zeros((2, 2, 2), dtype=dtypes.int64)
    assert OPS.max_unpool(pooled, corner, *options, padding=(0, 1)).shape == (2, 4, 4)
