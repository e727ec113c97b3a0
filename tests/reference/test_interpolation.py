"""Resizing and reading between pixels against SciPy, and against loops that a person can check."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from conformance.assemble.operators import operator_function
from conformance.spec import load
from reference_impls import dtypes
from reference_impls.reference import Reference

from .differences import central

REF = Reference()
SPECS = Path(__file__).parents[2] / "specs/torch/nn/functional"
LENGTHS = [(5, 5), (5, 8), (5, 3), (4, 12), (7, 1), (1, 4), (3, 7), (9, 2)]


def tensor(array, requires_grad=False):
    return REF.tensor_from(np.asarray(array, dtype=np.float64), dtypes.float64, requires_grad=requires_grad)


def weights(n, m, *options):
    """The matrix by which a resize from n to m elements multiplies."""
    return REF.ops.resize(tensor(np.eye(n)), 1, m, *options).array.T


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-64, 65, shape) / 32


@pytest.mark.parametrize(("n", "m"), LENGTHS)
@pytest.mark.parametrize("align_corners", [False, True])
def test_linear(n, m, align_corners):
    """SciPy's zoom of first order: of the edges with `grid_mode`, of the centres without."""
    if align_corners and (m == 1 or n == 1):
        expected = np.eye(n)[0] * np.ones((m, 1))  # every output element is at the first input element
    else:
        columns = [
            ndimage.zoom(e, m / n, order=1, mode="nearest", grid_mode=not align_corners) for e in np.eye(n)
        ]
        expected = np.stack(columns, axis=1)
    np.testing.assert_allclose(weights(n, m, None, "linear", align_corners), expected, atol=1e-14)


@pytest.mark.parametrize(("n", "m"), LENGTHS)
def test_nearest(n, m):
    """The element that contains the beginning, or the centre, of an output element: counted in fine steps."""
    for mode, point in (("nearest", 0), ("nearest-exact", n)):
        # In units of 1 / 2m an input element is 2m long, and an output element 2n.
        owner = np.repeat(np.arange(n), 2 * m)
        expected = np.eye(n)[[owner[2 * n * i + point] for i in range(m)]]
        np.testing.assert_array_equal(weights(n, m, None, mode), expected)


@pytest.mark.parametrize(("n", "m"), LENGTHS)
def test_area(n, m):
    """The mean of the elements that an output element touches."""
    owner = np.repeat(np.arange(n), m)
    touched = [np.unique(owner[n * i : n * (i + 1)]) for i in range(m)]
    expected = [[(j in t) / len(t) for j in range(n)] for t in touched]
    np.testing.assert_allclose(weights(n, m, None, "area"), expected, atol=1e-15)


def keys(x, a):
    """Cubic convolution as Keys gives it, with a general slope."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


@pytest.mark.parametrize(("n", "m"), LENGTHS)
@pytest.mark.parametrize("align_corners", [False, True])
def test_bicubic(n, m, align_corners):
    """The convolution of the tensor, its ends repeated, with the kernel of slope -0.75."""
    expected = np.zeros((m, n))
    for i in range(m):
        place = (i * (n - 1) / (m - 1) if m > 1 else 0.0) if align_corners else (i + 0.5) * n / m - 0.5
        for j in range(-10, n + 10):
            expected[i, min(max(j, 0), n - 1)] += keys(place - j, -0.75)
    np.testing.assert_allclose(weights(n, m, None, "bicubic", align_corners), expected, atol=1e-14)


def test_cubic_reproduces_parabolas():
    """With the slope -0.5, and with no other, the kernel gives back a polynomial of second degree."""
    n, m = 9, 27
    row = weights(n, m, None, "bicubic", False, True) @ (np.arange(n) - 4.0) ** 2
    inner = [((i + 0.5) / 3 - 4.5) ** 2 for i in range(m)][6:-6]
    np.testing.assert_allclose(row[6:-6], inner, atol=1e-13)


FILTERS = {
    "bilinear": (1, lambda x: max(1 - abs(x), 0)),
    "bicubic": (2, lambda x: keys(x, -0.5)),
    "lanczos": (3, lambda x: np.sinc(x) * np.sinc(x / 3) if abs(x) < 3 else 0),
}


@pytest.mark.parametrize(("n", "m"), LENGTHS)
@pytest.mark.parametrize("mode", FILTERS)
def test_antialiased(n, m, mode):
    """Pillow's windows: from the first to the last element whose centre the widened kernel reaches."""
    reach, kernel = FILTERS[mode]
    scale = n / m
    width = max(scale, 1)
    expected = np.zeros((m, n))
    for i in range(m):
        centre = (i + 0.5) * scale
        first = max(int(centre - reach * width + 0.5), 0)
        last = min(int(centre + reach * width + 0.5), n)
        row = [kernel((j - centre + 0.5) / width) for j in range(first, last)]
        expected[i, first:last] = np.array(row) / sum(row)
    np.testing.assert_allclose(weights(n, m, None, mode, False, True), expected, atol=1e-14)


def test_factor_is_the_distance():
    """A factor that the lengths do not have is the distance between samples."""
    row = weights(5, 8, 1.625, "linear", False) @ np.arange(5.0)
    expected = np.clip([(i + 0.5) / 1.625 - 0.5 for i in range(8)], 0, 4)
    np.testing.assert_allclose(row, expected, atol=1e-14)


def test_places_are_exact():
    """However many elements there are, a multiple of the step is the element that begins there."""
    for n, m in ((2, 82), (3, 123), (49, 98), (4, 122), (1000, 3000)):
        taken = weights(n, m, None, "nearest").argmax(axis=1)
        np.testing.assert_array_equal(taken, np.arange(m) * n // m)


# Reading between pixels -----------------------------------------------------------------------------------

GRID_SAMPLE = operator_function(load(SPECS / "grid_sample.yaml"), REF)
BEYOND = {
    ("zeros", False): "grid-constant",
    ("zeros", True): "grid-constant",
    ("border", False): "nearest",
    ("border", True): "nearest",
    ("reflection", False): "reflect",
    ("reflection", True): "mirror",
}


def places(grid, sizes, align_corners):
    """Where a grid points, in pixels, with a row for each dimension of the image."""
    x = np.moveaxis(grid, -1, 0)[::-1]
    n = np.array(sizes).reshape(-1, *[1] * (x.ndim - 1))
    return (x + 1) / 2 * (n - 1) if align_corners else ((x + 1) * n - 1) / 2


@pytest.mark.parametrize(("padding_mode", "align_corners"), BEYOND)
@pytest.mark.parametrize("sizes", [(4, 5), (2, 3, 4), (1, 3)])
def test_reads_as_scipy(padding_mode, align_corners, sizes):
    """SciPy's interpolation of order one, and of order zero."""
    image = numbers(*sizes)
    grid = np.random.default_rng(1).uniform(-3, 3, (*[3] * len(sizes), len(sizes)))
    where = places(grid, sizes, align_corners)
    for mode, order in (("bilinear", 1), ("nearest", 0)):
        expected = ndimage.map_coordinates(
            image, where, order=order, mode=BEYOND[padding_mode, align_corners]
        )
        read = GRID_SAMPLE(tensor(image[None, None]), tensor(grid[None]), mode, padding_mode, align_corners)
        np.testing.assert_allclose(read.array[0, 0], expected, atol=1e-13)


@pytest.mark.parametrize(("padding_mode", "align_corners"), BEYOND)
def test_reads_cubically(padding_mode, align_corners):
    """Cubic convolution of the image that was made larger by what lies beyond it."""
    around = {
        "zeros": "constant",
        "border": "edge",
        "reflection": "reflect" if align_corners else "symmetric",
    }
    image, margin = numbers(4, 5), 16
    larger = np.pad(image, margin, mode=around[padding_mode])
    grid = np.random.default_rng(1).uniform(-3, 3, (3, 3, 2))
    where = places(grid, image.shape, align_corners)
    expected = np.zeros((3, 3))
    for i, j in itertools.product(range(3), range(3)):
        y, x = where[:, i, j]
        for row, column in itertools.product(range(-2, 3), range(-2, 3)):
            at = math.floor(y) + row, math.floor(x) + column
            weight = keys(y - at[0], -0.75) * keys(x - at[1], -0.75)
            expected[i, j] += weight * larger[at[0] + margin, at[1] + margin]
    read = GRID_SAMPLE(tensor(image[None, None]), tensor(grid[None]), "bicubic", padding_mode, align_corners)
    np.testing.assert_allclose(read.array[0, 0], expected, atol=1e-13)


@pytest.mark.parametrize(("padding_mode", "align_corners"), BEYOND)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_gradients(mode, padding_mode, align_corners):
    """By the image and by the grid, against central differences."""
    image = numbers(2, 1, 4, 5)
    grid = np.random.default_rng(2).uniform(-1.75, 1.75, (2, 2, 3, 2))
    cotangent = numbers(2, 1, 2, 3, seed=3)

    def loss(image, grid):
        read = GRID_SAMPLE(tensor(image), tensor(grid), mode, padding_mode, align_corners)
        return (read.array * cotangent).sum()

    leaves = tensor(image, True), tensor(grid, True)
    read = GRID_SAMPLE(*leaves, mode, padding_mode, align_corners)
    by_image, by_grid = REF.torch.autograd.grad(read, leaves, tensor(cotangent))
    expected = central(lambda x: loss(x, grid), image, 1e-6)
    np.testing.assert_allclose(by_image.array, expected, atol=1e-7)
    expected = central(lambda x: loss(image, x), grid, 1e-6)
    np.testing.assert_allclose(by_grid.array, expected, atol=1e-7)
