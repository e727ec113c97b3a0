"""Custom functions."""

from __future__ import annotations

import pytest


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def cube_of(torch):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor=1.0):
            ctx.save_for_backward(x)
            ctx.factor = factor
            return x**3 * factor

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x**2 * ctx.factor, None

    return Cube


def test_forward_and_backward(torch):
    """Arguments that are no tensors pass through, and have no gradient."""
    x = leaf(torch, 2.0)
    y = cube_of(torch).apply(x, 10.0)
    assert y.tolist() == [80] and not y.is_leaf and y.grad_fn.factor == 10.0
    y.sum().backward()
    assert x.grad.tolist() == [120]
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_double_backward_through_it(torch):
    """A backward of recorded operators can be differentiated."""
    x = leaf(torch, 2.0)
    (g,) = torch.autograd.grad(cube_of(torch).apply(x, 1.0).sum(), x, create_graph=True)
    assert torch.autograd.grad(g.sum(), x)[0].tolist() == [12]


def test_setup_context(torch):
    """Forward without ctx, and a separate function that fills it."""

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(x, w):
            return x * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            needs = ctx.needs_input_grad
            return g * w if needs[0] else None, g * x if needs[1] else None

    x, w = leaf(torch, 2.0), torch.tensor([5.0], dtype=torch.float64)
    y = Product.apply(x, w)
    assert y.grad_fn.needs_input_grad == (True, False)
    y.sum().backward()
    assert x.grad.tolist() == [5]


def test_saved_results_and_versions(torch):
    """A result can be saved; a later write to it is noticed."""

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = leaf(torch, 0.0)
    (g,) = torch.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    assert torch.autograd.grad(g.sum(), x)[0].tolist() == [1]
    y = Exp.apply(x)
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified"):
        y.sum().backward()


def test_mark_dirty(torch):
    """An input that forward modifies gets the function as its history."""

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(torch, 1.0)
    h = x * 1
    assert Double.apply(h) is h
    h.sum().backward()
    assert h.tolist() == [2] and x.grad.tolist() == [2]
    with pytest.raises(RuntimeError):
        Double.apply(x)


def test_several_results(torch):
    """A result without influence arrives as zeros, or as None; one may be declared not differentiable."""

    class Parts(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, materialize):
            ctx.set_materialize_grads(materialize)
            larger = x > 0
            ctx.mark_non_differentiable(larger)
            return x * 2, x * 3, larger

        @staticmethod
        def backward(ctx, first, second, third):
            seen.append(second if second is None else second.tolist())
            return first * 2, None

    x = leaf(torch, 1.0)
    for materialize, expected in ((True, [0.0]), (False, None)):
        seen = []
        first, second, larger = Parts.apply(x, materialize)
        assert not larger.requires_grad
        first.sum().backward()
        assert seen == [expected]


def test_wrong_numbers_of_gradients(torch):
    """One gradient for each argument, None where there is none."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            return x * w

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError):
        Wrong.apply(leaf(torch, 1.0), leaf(torch, 1.0)).sum().backward()

    class Gradient(Wrong):
        @staticmethod
        def backward(ctx, g):
            return g, g

    with pytest.raises(RuntimeError):
        x = leaf(torch, 1.0)
        Gradient.apply(x, 2.0).sum().backward()


def test_once_differentiable(torch):
    """Then a second derivative is an error, not a wrong number."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            assert not torch.is_grad_enabled()
            return 2 * g * ctx.saved_tensors[0]

    x = leaf(torch, 3.0)
    (g,) = torch.autograd.grad((Square.apply(x) ** 2).sum(), x, create_graph=True)
    assert g.tolist() == [108]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


def test_an_input_returned_as_it_is(torch):
    """It comes back as another tensor, with the function as history."""

    class Through(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 7

    x = leaf(torch, 1.0)
    y = Through.apply(x)
    assert y is not x and x.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [7]


def test_no_recording(torch):
    """Under no_grad nothing is recorded, and forward never is."""
    x = leaf(torch, 1.0)
    with torch.no_grad():
        y = cube_of(torch).apply(x, 1.0)
    assert not y.requires_grad

    class Look(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            assert not torch.is_grad_enabled()
            return x * 2

    y = Look.apply(x)
    with pytest.raises(NotImplementedError):
        y.sum().backward()
