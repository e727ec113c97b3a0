"""Initial values: fans, gains, deviations, and the structure of what is filled in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reference_impls import Reference
from reference_impls import initialization as init

REF = Reference()


@pytest.mark.parametrize(
    ("shape", "fans"), [((5, 3), (3, 5)), ((5, 3, 2, 4), (24, 40)), ((5, 0), (0, 5)), ((5, 3, 0), (0, 0))]
)
def test_fans_count_the_field(shape, fans):
    """A weight of a convolution has as many inputs and outputs more as its kernel has places."""
    assert init.fans(shape) == fans


def test_a_vector_has_no_fans():
    with pytest.raises(ValueError):
        init.fans((3,))


@pytest.mark.parametrize("nonlinearity", ["relu", "leaky_relu"])
def test_the_gain_restores_the_mean_square(nonlinearity):
    """Standard normal numbers that went through it have the mean square 1 / gain²; here by quadrature."""
    x, step = np.linspace(-12, 12, 240_001, retstep=True)
    slope = 0.0 if nonlinearity == "relu" else init.SLOPE
    after = np.where(x < 0, slope * x, x)
    square = (after**2 * np.exp(-(x**2) / 2)).sum() * step / math.sqrt(2 * math.pi)
    assert math.isclose(init.calculate_gain(nonlinearity), 1 / math.sqrt(square), rel_tol=1e-9)


def test_a_leaky_relu_is_told_its_slope():
    """With a slope of one it is linear, with none a relu."""
    assert math.isclose(init.calculate_gain("leaky_relu", 1), init.calculate_gain("linear"))
    assert init.calculate_gain("leaky_relu", 0.0) == init.calculate_gain("relu")


@pytest.mark.parametrize("wrong", [("swish",), ("leaky_relu", "steep"), ("leaky_relu", True)])
def test_refuses_unknown_gains(wrong):
    with pytest.raises(ValueError):
        init.calculate_gain(*wrong)


def test_deviations_keep_the_variance():
    """A sum over all inputs has the variance of one, where the nonlinearity takes nothing away."""
    assert math.isclose(init.kaiming((7, 5), 1.0, "fan_in", "leaky_relu") ** 2 * 5, 1)
    assert math.isclose(init.kaiming((7, 5), 1.0, "fan_out", "leaky_relu") ** 2 * 7, 1)
    assert math.isclose(init.xavier((7, 5), 3.0) ** 2 * 6, 9)
    with pytest.raises(ValueError):
        init.kaiming((7, 5), 0.0, "fan", "relu")


def test_a_uniform_distribution_of_that_deviation():
    """Its variance is a third of the square of its bound."""
    assert math.isclose(init.bound(2.0) ** 2 / 3, 4)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 6)])
def test_the_shorter_side_is_orthonormal(shape):
    matrix = init.semi_orthogonal(np.random.default_rng(1).normal(size=shape))
    product = matrix @ matrix.T if shape[0] <= shape[1] else matrix.T @ matrix
    assert matrix.shape == shape
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-14)


def test_orthogonal_matrices_have_either_determinant():
    """No side is preferred: the first element is as often negative as positive."""
    rng = np.random.default_rng(2)
    matrices = [init.semi_orthogonal(rng.normal(size=(2, 2))) for _ in range(400)]
    for signs in ([np.linalg.det(m) for m in matrices], [m[0, 0] for m in matrices]):
        assert 140 < np.sum(np.sign(signs) > 0) < 260


@pytest.mark.parametrize("shape", [(4, 4, 3), (6, 4, 3), (4, 6, 5, 3), (4, 4, 1, 3, 5)])
@pytest.mark.parametrize("groups", [1, 2])
def test_identities_leave_channels_alone(shape, groups):
    """A convolution with such a weight copies the channels that there are in each group."""
    weight = init.identities(shape, groups)
    x = np.random.default_rng(3).normal(size=(1, shape[1] * groups, *(6,) * (len(shape) - 2)))
    given = (REF.torch.tensor(each) for each in (x, weight))
    found = REF.ops.convolution(*given, padding=tuple(size // 2 for size in shape[2:]), groups=groups).numpy()
    outputs = shape[0] // groups
    for group in range(groups):
        for channel in range(outputs):
            copied = x[0, group * shape[1] + channel] if channel < shape[1] else 0.0
            np.testing.assert_array_equal(found[0, group * outputs + channel], copied)


@pytest.mark.parametrize(
    ("sparsity", "zeros"), [(0.0, 0), (0.01, 1), (0.5, 3), (0.6, 3), (0.61, 4), (1.0, 5)]
)
def test_a_share_of_zeros_is_rounded_up(sparsity, zeros):
    """In every column, of five rows here."""
    assert init.zeros_of(sparsity, 5) == zeros
    matrix = REF.torch.nn.init.sparse_(REF.torch.ones(5, 3), sparsity).numpy()
    assert (matrix == 0).sum(axis=0).tolist() == [zeros] * 3


def test_truncated_values_are_drawn_again():
    """What lies within keeps the value that it had first."""
    draws = iter([np.array([0.5, 3.0, -3.0]), np.array([9.0, 1.0, 4.0]), np.array([9.0, 9.0, -1.0])])
    assert init.truncated(lambda: next(draws), -2.0, 2.0).tolist() == [0.5, 1.0, -1.0]


def test_filled_in_place(torch):
    """The tensor itself is returned, and its history does not grow."""
    weight = torch.nn.Parameter(torch.zeros(3, 4))
    for name in ("uniform_", "xavier_normal_", "kaiming_uniform_", "orthogonal_", "trunc_normal_", "eye_"):
        before = weight._version
        assert getattr(torch.nn.init, name)(weight) is weight
        assert weight.is_leaf and weight._version > before and weight.detach().any()
    assert torch.nn.init.zeros_(weight).tolist() == [[0.0] * 4] * 3
