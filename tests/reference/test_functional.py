"""torch.autograd.functional: structures, strict mode, strategies, history."""

from __future__ import annotations

import pytest


def vector(torch, *values, **options):
    return torch.tensor(list(values), dtype=torch.float64, **options)


def cubes(x):
    return (x**3).sum()


def test_structures(torch):
    """A tuple on either side makes a tuple of the result; outputs come first."""
    jacobian, x, y = torch.autograd.functional.jacobian, vector(torch, 1.0, 2.0), vector(torch, 3.0, 4.0)

    def both(x, y):
        return x * y, y.sum()

    assert jacobian(cubes, x).tolist() == [3, 12]
    assert [j.tolist() for j in jacobian(torch.mul, (x, y))] == [[[3, 0], [0, 4]], [[1, 0], [0, 2]]]
    (first, second) = jacobian(both, (x, y))
    assert first[1].tolist() == [[1, 0], [0, 2]] and [j.tolist() for j in second] == [[0, 0], [1, 1]]
    assert [j.tolist() for j in jacobian(lambda x: (x[0], x[1]), x)] == [[1, 0], [0, 1]]
    assert jacobian(lambda x: x * 2, (x,))[0].tolist() == [[2, 0], [0, 2]]
    hessian = torch.autograd.functional.hessian(lambda x, y: (x * y**2).sum(), (x, y))
    assert hessian[0][1].tolist() == [[6, 0], [0, 8]] and hessian[1][1].tolist() == [[2, 0], [0, 4]]


def test_strategies(torch):
    """By rows, by columns, all at once: the same matrix; the options that do not go together are refused."""
    functional, x = torch.autograd.functional, vector(torch, 1.0, 2.0)
    for options in ({}, {"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}):
        assert functional.jacobian(lambda x: x**2, x, **options).tolist() == [[2, 0], [0, 4]]
    for options in ({"vectorize": True}, {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}):
        assert functional.hessian(cubes, x, **options).tolist() == [[6, 0], [0, 12]]
    with pytest.raises(NotImplementedError):
        functional.jacobian(cubes, x, strategy="forward-mode")
    with pytest.raises(NotImplementedError):
        functional.hessian(cubes, x, outer_jacobian_strategy="forward-mode")
    with pytest.raises(RuntimeError):
        functional.jacobian(cubes, x, strict=True, vectorize=True)


def test_strict(torch):
    """An input without influence is refused in strict mode, and has zeros otherwise."""
    functional, x = torch.autograd.functional, vector(torch, 1.0, 2.0)

    def first(x, y):
        return (x**2).sum()

    assert functional.jacobian(first, (x, x))[1].tolist() == [0, 0]
    assert functional.jvp(first, (x, x), (x, x))[1].item() == 10
    for call in (
        lambda: functional.jacobian(first, (x, x), strict=True),
        lambda: functional.vjp(first, (x, x), strict=True),
        lambda: functional.jvp(first, (x, x), (x, x), strict=True),
        lambda: functional.hvp(first, (x, x), (x, x), strict=True),
        lambda: functional.hessian(first, (x, x), strict=True),
    ):
        with pytest.raises(RuntimeError):
            call()
    assert functional.jacobian(cubes, x, strict=True).tolist() == [3, 12]


def test_history(torch):
    """create_graph keeps it, whether or not the input requires grad."""
    functional, x = torch.autograd.functional, vector(torch, 1.0, 2.0, requires_grad=True)
    assert not functional.jacobian(cubes, x).requires_grad
    functional.jacobian(cubes, x, create_graph=True).sum().backward()
    assert x.grad.tolist() == [6, 12]
    (g,) = torch.autograd.grad(
        functional.hvp(cubes, x, vector(torch, 1.0, 10.0), create_graph=True)[1].sum(), x
    )
    assert g.tolist() == [6, 60]
    with torch.no_grad():
        assert functional.jacobian(cubes, x.detach()).tolist() == [3, 12]


def test_wrong_arguments(torch):
    """Vectors of other sizes, none where one is needed, functions of something else than tensors."""
    functional, x = torch.autograd.functional, vector(torch, 1.0, 2.0)
    assert functional.vjp(cubes, x)[1].tolist() == [3, 12]
    for call in (
        lambda: functional.vjp(torch.sin, x),
        lambda: functional.vjp(torch.sin, x, x[:1]),
        lambda: functional.vjp(torch.sin, x, (x, x)),
        lambda: functional.jvp(torch.sin, x),
        lambda: functional.hvp(torch.sin, x, x),
        lambda: functional.hessian(torch.sin, x),
    ):
        with pytest.raises(RuntimeError):
            call()
    for call in (lambda: functional.jacobian(lambda x: 1.0, x), lambda: functional.jacobian(torch.sin, [x])):
        with pytest.raises(TypeError):
            call()
