"""The backward pass: accumulation, what is freed, what can be asked for, and what it costs."""

from __future__ import annotations

import gc
import weakref

import pytest

from reference_impls import Reference


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_gradients_accumulate(torch):
    """A second backward adds to `.grad`, in place."""
    x = leaf(torch, 1.0, 2.0)
    (x**2).sum().backward()
    first = x.grad
    (x**3).sum().backward()
    assert x.grad.tolist() == [5.0, 16.0]
    assert x.grad is first


def test_create_graph_accumulates_into_a_new_tensor(torch):
    """With create_graph the sum is a new tensor, so that the old gradient's history stays valid."""
    x = leaf(torch, 2.0)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    (x**3).sum().backward(create_graph=True)
    assert x.grad is not first and first.tolist() == [12.0] and x.grad.tolist() == [24.0]
    (second,) = torch.autograd.grad(x.grad.sum(), x)
    assert second.tolist() == [24.0]
    x.grad = None


def test_the_graph_is_freed(torch):
    """What was saved goes with the first backward, unless retain_graph keeps it."""
    x = leaf(torch, 1.0, 2.0)
    y = (x**2).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_what_saves_nothing_can_run_again(torch):
    """A graph of additions and sums has nothing to free."""
    x = leaf(torch, 1.0)
    y = (x + x).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4.0]


def test_implicit_cotangents_are_for_real_scalars(torch):
    """Only a scalar output has an implicit gradient of one."""
    x = leaf(torch, 1.0, 2.0)
    with pytest.raises(RuntimeError):
        (x * 2).backward()
    with pytest.raises(RuntimeError):
        (x * 2).backward(torch.ones(3, dtype=torch.float64))
    (x * 2).backward(torch.tensor([1.0, 10.0], dtype=torch.float64))
    assert x.grad.tolist() == [2.0, 20.0]


def test_backward_needs_a_graph(torch):
    """A tensor without history cannot be differentiated."""
    with pytest.raises(RuntimeError):
        torch.ones(1).sum().backward()


def test_backward_to_inputs_only(torch):
    """`inputs=` leaves every other leaf alone, and may name tensors that are not leaves."""
    x, w = leaf(torch, 3.0), leaf(torch, 5.0)
    h = x * w
    (h * h).sum().backward(inputs=[w, h], retain_graph=True)
    assert x.grad is None and w.grad.tolist() == [90.0] and h.grad.tolist() == [30.0]


def test_grad_of_unused_inputs(torch):
    """An input without influence is an error, None, or zeros, as asked for."""
    x, unused = leaf(torch, 1.0), leaf(torch, 1.0)
    y = (x * 2).sum()
    with pytest.raises(RuntimeError):
        torch.autograd.grad(y, [x, unused], retain_graph=True)
    assert torch.autograd.grad(y, [x, unused], allow_unused=True, retain_graph=True)[1] is None
    assert torch.autograd.grad(y, [x, unused], materialize_grads=True)[1].tolist() == [0.0]
    assert x.grad is None


def test_grad_of_several_outputs(torch):
    """Gradients of several outputs add up, each with its cotangent."""
    x = leaf(torch, 2.0)
    outputs = [x * 3, x**2]
    cotangents = [torch.ones(1, dtype=torch.float64), torch.full((1,), 10.0, dtype=torch.float64)]
    assert torch.autograd.grad(outputs, x, cotangents)[0].tolist() == [43.0]


def test_grad_with_respect_to_an_intermediate(torch):
    """Differentiation can stop at any tensor of the graph."""
    x = leaf(torch, 2.0)
    h = x**2
    assert torch.autograd.grad((h**2).sum(), h)[0].tolist() == [8.0]


def test_second_and_third_derivatives(torch):
    """create_graph makes gradients differentiable, any number of times."""
    x = leaf(torch, 2.0)
    d = (x**4).sum()
    for expected in (32.0, 48.0, 48.0, 24.0):
        (d,) = torch.autograd.grad(d.sum(), x, create_graph=True)
        assert d.tolist() == [expected]


def test_leaves_and_their_flags(torch):
    """Who is a leaf, who requires grad, and who may change that."""
    x = leaf(torch, 1.0)
    y = x * 2
    assert x.is_leaf and x.grad_fn is None and not y.is_leaf and y.requires_grad
    assert y.detach().is_leaf and not y.detach().requires_grad
    with pytest.raises(RuntimeError):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError):
        torch.tensor([1]).requires_grad_()
    with pytest.raises(RuntimeError):
        x.numpy()
    y.detach_()
    assert y.is_leaf and not y.requires_grad


def test_grad_has_to_fit(torch):
    """What is assigned to `.grad` has the tensor's shape and dtype."""
    x = leaf(torch, 1.0)
    with pytest.raises(TypeError):
        x.grad = 1.0
    with pytest.raises(RuntimeError):
        x.grad = torch.ones(2, dtype=torch.float64)
    with pytest.raises(RuntimeError):
        x.grad = torch.ones(1, dtype=torch.float32)
    x.grad = torch.ones(1, dtype=torch.float64)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3.0]


def test_a_modified_saved_tensor_is_noticed(torch):
    """Backward refuses to use what an in-place operator has changed since."""
    x = leaf(torch, 1.0)
    h = x * 1
    y = (h * h).sum()
    h.add_(1)
    with pytest.raises(RuntimeError, match="modified"):
        y.backward()


def test_what_is_not_saved_may_be_modified(torch):
    """Addition saves nothing; neither does a sum, which only needs a shape."""
    x = leaf(torch, 1.0)
    h = x * 1
    y = (h + h).sum() + h.sum()
    h.add_(1)
    y.backward()
    assert x.grad.tolist() == [3.0]


def test_a_saved_result_is_watched(torch):
    """exp and tanh save their result, not their input."""
    for name in ("exp", "tanh", "sigmoid", "sqrt"):
        x = leaf(torch, 1.0)
        h = x * 1
        y = getattr(h, name)()
        h.add_(1)
        y.sum().backward(retain_graph=True)
        y.mul_(2)
        with pytest.raises(RuntimeError, match="modified"):
            y.sum().backward()


def test_data_goes_unnoticed_and_detach_does_not(torch):
    """`detach` shares the version counter, `.data` has its own."""
    x = leaf(torch, 2.0)
    h = x * 1
    y = (h * h).sum()
    h.data.mul_(3)
    assert h._version == 0
    h.detach().mul_(1)
    assert h._version == 1
    with pytest.raises(RuntimeError):
        y.backward()


def test_broadcasting_is_undone(torch):
    """A gradient has the shape of its tensor."""
    x, row = torch.ones(2, 3, dtype=torch.float64, requires_grad=True), leaf(torch, 1.0, 2.0, 3.0)
    scalar = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    (x * row * scalar).sum().backward()
    assert (
        row.grad.tolist() == [4.0] * 3 and scalar.grad.tolist() == 12.0 and x.grad.tolist() == [[2, 4, 6]] * 2
    )


def test_complex_convention(torch):
    """The gradient is the conjugate Wirtinger derivative; a real input gets the real part."""
    z = torch.tensor([1 + 2j], dtype=torch.complex128, requires_grad=True)
    (z * z.conj()).real.sum().backward()
    assert z.grad.tolist() == [2 + 4j]
    z.grad = None
    (z**2).backward(torch.tensor([1 + 0j], dtype=torch.complex128))
    assert z.grad.tolist() == [2 - 4j]
    x = leaf(torch, 3.0)
    (x * torch.tensor([1 + 2j], dtype=torch.complex128)).backward(torch.tensor([1j], dtype=torch.complex128))
    assert x.grad.tolist() == [2.0]
    with pytest.raises(RuntimeError):
        (z * z).sum().backward()


def test_graph_can_be_walked(torch):
    """grad_fn knows what leads to it; a leaf ends in a function that accumulates."""
    x = leaf(torch, 1.0)
    y = (x * 2).exp()
    assert "Exp" in y.grad_fn.name()
    (product, _), *_ = y.grad_fn.next_functions
    (accumulate, _), *_ = product.next_functions
    assert accumulate.variable is x and accumulate.next_functions == ()


def test_deep_chains():
    """A chain of 100,000 operators is built, differentiated and destroyed without recursion."""
    torch = Reference().torch
    x = leaf(torch, 1.0)
    y = x
    for _ in range(100_000):
        y = y + x
    y.backward()
    assert x.grad.tolist() == [100_001.0]
    del y


def test_nothing_leaks():
    """No cycles: with the collector off, everything goes when the last name does."""
    torch = Reference().torch

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[1]

    def work():
        a = torch.ones(100, requires_grad=True)
        b = (a * 2).tanh()
        c = b[10:20]
        c.mul_(2.0)
        b.mul_(a)
        product = b * a
        b.add_(product)  # now b's history leads to a node that had saved b
        d = Exp.apply(a)
        d.retain_grad()
        d.sum().backward()
        (g,) = torch.autograd.grad((a**3).sum(), a, create_graph=True)
        torch.autograd.grad(g.sum(), a)
        torch.func.hessian(lambda x: (x**3).sum())(torch.ones(2))
        torch.func.jvp(torch.exp, (torch.ones(2),), (torch.ones(2),))
        return [weakref.ref(t) for t in (a, b, c, d, g, product)]

    work()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(300):
            dead = work()
        assert all(reference() is None for reference in dead)
        del dead
        assert len(gc.get_objects()) - before < 20
    finally:
        gc.enable()
