"""Norms, distances and bags of embeddings as the specs define them, against SciPy and against loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import distance

from conformance.assemble import assemble
from conformance.spec import load
from conformance.where import packaged_specs
from reference_impls import dtypes
from reference_impls.reference import Reference

NAMES = """
    batch_norm cosine_similarity embedding_bag group_norm instance_norm layer_norm local_response_norm
    normalize pairwise_distance pdist rms_norm
"""
FOLDER = packaged_specs() / "torch" / "nn" / "functional"
REF = assemble([load(FOLDER / f"{name}.yaml") for name in NAMES.split()], Reference())
F = REF.torch.nn.functional
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 6, 4))


def tensor(array):
    array = np.array(array)
    return REF.tensor_from(array, dtypes.of_array(array), requires_grad=array.dtype.kind == "f")


def close(actual, expected):
    np.testing.assert_allclose(actual.array, expected, rtol=1e-13, atol=1e-14)


def standardised(x, dims, eps):
    return (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + eps)


@pytest.mark.parametrize("p", [0, 1, 1.5, 2, 2.5, np.inf])
def test_distances_are_those_of_scipy(p):
    """SciPy has p from zero on: it counts under the name of Hamming, and calls the others Minkowski."""
    rows = RANDOM.integers(-2, 3, (6, 3)).astype(float)
    expected = (
        distance.pdist(rows, "hamming") * 3 if p == 0
        else distance.pdist(rows, "chebyshev") if p == np.inf
        else distance.pdist(rows, "minkowski", p=p)
    )  # fmt: skip
    close(F.pdist(tensor(rows), p), expected)
    first, second = np.triu_indices(6, 1)
    close(F.pairwise_distance(tensor(rows[first]), tensor(rows[second]), p, 0.0), expected)


def test_counting_has_a_slope_of_zero():
    """The number of components that differ is a step function."""
    x = tensor([[0.0, 2.0], [0.0, 3.0], [1.0, 5.0]])
    counted = F.pdist(x, 0)
    np.testing.assert_array_equal(counted.array, [1, 2, 2])
    (slope,) = REF.torch.autograd.grad(counted.sum(), x)
    np.testing.assert_array_equal(slope.array, np.zeros((3, 2)))


def test_cosines_are_those_of_scipy():
    a, b = RANDOM.normal(size=(2, 5, 4))
    expected = [1 - distance.cosine(u, v) for u, v in zip(a, b, strict=True)]
    close(F.cosine_similarity(tensor(a), tensor(b)), expected)


def test_what_is_normalised_together():
    """Batch, instance, group and layer normalization differ in the dimensions that share their statistics."""
    x, eps = tensor(X), 0.25
    close(F.batch_norm(x, None, None, training=True, eps=eps), standardised(X, (0, 2), eps))
    close(F.instance_norm(x, eps=eps), standardised(X, (2,), eps))
    close(F.layer_norm(x, (6, 4), eps=eps), standardised(X, (1, 2), eps))
    groups = standardised(X.reshape(3, 2, 3, 4), (2, 3), eps).reshape(X.shape)
    close(F.group_norm(x, 2, eps=eps), groups)
    close(F.rms_norm(x, (4,), eps=eps), X / np.sqrt((X * X).mean(-1, keepdims=True) + eps))
    close(F.normalize(x, 3.0, 2), X / np.linalg.norm(X, 3, 2, keepdims=True))


def test_running_statistics():
    """Half way to the mean and the unbiased variance, with either normalization."""
    for function, dims in ((F.batch_norm, (0, 2)), (F.instance_norm, (2,))):
        mean, variance = np.zeros(6), np.ones(6)
        held = [REF.tensor_from(a.copy(), dtypes.float64) for a in (mean, variance)]
        options = {"training": True} if function is F.batch_norm else {}
        function(tensor(X), *held, momentum=0.5, **options)
        unbiased = X.var(dims, ddof=1)
        close(held[0], (mean + X.mean((0, 2))) / 2)
        close(held[1], (variance + (unbiased if unbiased.ndim == 1 else unbiased.mean(0))) / 2)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20])
def test_neighbours_by_a_loop(size):
    """The window of channel c reaches from c - size / 2 to c + size / 2, both included."""
    expected = np.empty_like(X)
    for c in range(6):
        near = [j for j in range(6) if c - size / 2 <= j <= c + size / 2]
        expected[:, c] = X[:, c] / (2 + 0.5 / size * sum(X[:, j] ** 2 for j in near)) ** 0.75
    close(F.local_response_norm(tensor(X), size, 0.5, 0.75, 2.0), expected)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("last", [None, 5, 8])
def test_bags_by_a_loop(mode, last):
    table = RANDOM.normal(size=(5, 3))
    index, offsets = np.array([1, 4, 1, 0, 2, 4, 4, 3]), [0, 3, 3, 4]
    ends = [*offsets[1:], 8 if last is None else last]
    reduce = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    expected = np.zeros((4, 3))
    for bag, (start, end) in enumerate(zip(offsets, ends, strict=True)):
        rows = [table[i] for i in index[start:end] if i != 4]
        expected[bag] = reduce(rows, axis=0) if rows else 0
    options = {"mode": mode, "padding_idx": -1, "include_last_offset": last is not None}
    given = tensor(np.array(offsets if last is None else [*offsets, last]))
    close(F.embedding_bag(tensor(index), tensor(table), given, **options), expected)
