"""torch.func, torch.autograd.functional and dual numbers: forward mode as reverse mode, twice."""

from __future__ import annotations

import pytest


def vector(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64)


def cubes(x):
    return (x**3).sum()


def test_grad_and_value(torch):
    """The gradient of a scalar function; nothing of it stays recorded."""
    x = vector(torch, 1.0, 2.0)
    gradient, value = torch.func.grad_and_value(cubes)(x)
    assert gradient.tolist() == [3, 12] and value.item() == 9
    assert not gradient.requires_grad and not value.requires_grad and not x.requires_grad
    assert torch.func.grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(x, 2 * x)[1].tolist() == [1, 2]


def test_enclosing_autograd_sees_through(torch):
    """A tensor that requires grad outside gets the derivative of the derivative."""
    x = vector(torch, 1.0, 2.0).requires_grad_()
    torch.func.grad(cubes)(x).sum().backward()
    assert x.grad.tolist() == [6, 12]


def test_vjp_and_jvp(torch):
    """Both products with the Jacobian of (x², xy)."""

    def function(x, y):
        return x**2, x * y

    x, y = vector(torch, 3.0), vector(torch, 5.0)
    (first, second), pullback = torch.func.vjp(function, x, y)
    assert first.tolist() == [9] and second.tolist() == [15]
    assert [g.tolist() for g in pullback((vector(torch, 1.0), vector(torch, 10.0)))] == [[56], [30]]
    _, tangents = torch.func.jvp(function, (x, y), (vector(torch, 1.0), vector(torch, 10.0)))
    assert [t.tolist() for t in tangents] == [[6], [35]]


def test_four_second_order_compositions(torch):
    """Forward and reverse in every order give the same number."""
    x, v = vector(torch, 1.0, 2.0), vector(torch, 1.0, 10.0)
    expected = [6.0, 120.0]  # 6 x v
    grad, jvp, vjp = torch.func.grad, torch.func.jvp, torch.func.vjp

    def directional(x):
        return jvp(cubes, (x,), (v,))[1]

    assert vjp(grad(cubes), x)[1](v)[0].tolist() == expected
    assert jvp(grad(cubes), (x,), (v,))[1].tolist() == expected
    assert grad(directional)(x).tolist() == expected
    assert jvp(directional, (x,), (v,))[1].item() == 6 + 1200


def test_perturbations_are_not_confused(torch):
    """d/dx (x · d/dy (x + y)) is 1, not 2."""
    one = torch.tensor(1.0, dtype=torch.float64)

    def derivative(function, at):
        return torch.func.jvp(function, (at,), (one,))[1]

    assert derivative(lambda x: x * derivative(lambda y: x + y, one), one).item() == 1
    assert torch.func.grad(lambda x: x * torch.func.grad(lambda y: x + y)(one))(one).item() == 1


def test_jacobians_and_hessian(torch):
    """Rows in reverse mode are columns in forward mode."""
    x = vector(torch, 1.0, 2.0)

    def function(x):
        return torch.stack([x[0] * x[1], x[0] ** 2, x[1]])

    expected = [[2, 1], [2, 0], [0, 1]]
    assert torch.func.jacrev(function)(x).tolist() == expected
    assert torch.func.jacfwd(function)(x).tolist() == expected
    assert torch.func.hessian(cubes)(x).tolist() == [[6, 0], [0, 12]]


def test_vmap(torch):
    """One slice after the other, along any dimension."""
    x = torch.arange(6.0).reshape(2, 3)
    assert torch.func.vmap(lambda row: row.sum())(x).tolist() == [3, 12]
    assert torch.func.vmap(lambda c, k: c * k, in_dims=(1, None), out_dims=1)(
        x, torch.tensor(2.0)
    ).tolist() == [
        [0, 2, 4],
        [6, 8, 10],
    ]
    assert torch.func.vmap(torch.func.grad(cubes))(x).tolist() == (3 * x**2).tolist()


def test_functional(torch):
    """The older interface to the same products."""
    functional = torch.autograd.functional
    x, v = vector(torch, 1.0, 2.0), vector(torch, 1.0, 10.0)
    assert functional.jacobian(lambda x: x**2, x).tolist() == [[2, 0], [0, 4]]
    assert functional.hessian(cubes, x).tolist() == [[6, 0], [0, 12]]
    assert functional.hvp(cubes, x, v)[1].tolist() == functional.vhp(cubes, x, v)[1].tolist() == [6, 120]
    assert (
        functional.jvp(lambda x: x**2, x, v)[1].tolist()
        == functional.vjp(lambda x: x**2, x, v)[1].tolist()
        == [2, 40]
    )
    pair = functional.jacobian(lambda a, b: a * b, (x, v))
    assert pair[0].tolist() == [[1, 0], [0, 10]] and pair[1].tolist() == [[1, 0], [0, 2]]


def test_dual_numbers(torch):
    """One level of dual numbers."""
    forward = torch.autograd.forward_ad
    x, v = vector(torch, 1.0, 2.0), vector(torch, 1.0, 10.0)
    with forward.dual_level():
        dual = forward.make_dual(x, v)
        result = forward.unpack_dual(dual**2)
        assert result.primal.tolist() == [1, 4] and result.tangent.tolist() == [2, 40]
        assert forward.unpack_dual(x).tangent is None
    with pytest.raises(RuntimeError):
        forward.make_dual(x, v)
