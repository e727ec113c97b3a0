"""What the shell of functional backends owes torch: closed forms of its semantics, and the names of what it lacks."""

import copy

import numpy as np
import pytest

from conformance.backends.contract import Unsupported, missing_name

X = np.array([0.5, -1.0, 2.0])


@pytest.fixture
def x(leaf):
    return leaf(*X)


def test_backward_accumulates(x, same):
    """A second backward adds to the tensor that `.grad` holds."""
    (x**2).sum().backward()
    kept = x.grad
    same(kept, 2 * X)
    (x**3).sum().backward()
    assert x.grad is kept
    same(kept, 2 * X + 3 * X**2)


def test_create_graph_makes_a_new_gradient(torch, x, same):
    """With create_graph the sum is another tensor, which has a history."""
    x.grad = torch.ones_like(x)
    kept = x.grad
    (x**3).sum().backward(create_graph=True)
    assert x.grad is not kept
    same(kept, np.ones(3))
    same(x.grad, 1 + 3 * X**2)
    same(torch.autograd.grad(x.grad.sum(), x)[0], 6 * X)


def test_graph_is_freed(x, same):
    """What torch saves something for can be gone through once; what it does not, again and again."""
    y = (x**2).sum()
    y.backward()
    with pytest.raises(RuntimeError):
        y.backward()
    same(x.grad, 2 * X)
    z = (x + x).sum()
    z.backward()
    z.backward()
    same(x.grad, 2 * X + 4)


def test_retained_graph(x, same):
    """retain_graph keeps it for the next backward."""
    y = (x**2).sum()
    y.backward(retain_graph=True)
    y.backward()
    same(x.grad, 4 * X)


def test_unused(torch, x, leaf):
    """An input that was not used is refused, None, or zeros, as asked."""
    other = leaf(1.0)
    with pytest.raises(RuntimeError):
        torch.autograd.grad((x**2).sum(), (x, other))
    assert torch.autograd.grad((x**2).sum(), (x, other), allow_unused=True)[1] is None
    assert torch.autograd.grad((x**2).sum(), (x, other), materialize_grads=True)[1].tolist() == [0.0]


def test_inner_values(torch, x, same):
    """Gradients with respect to a value inside the program, beside those of the leaves, are the whole ones."""
    h = x**2
    k = torch.exp(h)
    of_x, of_h, of_k = torch.autograd.grad((h * k).sum(), (x, h, k), create_graph=True)
    e = np.exp(X**2)
    same(of_k, X**2)
    same(of_h, e + X**2 * e)
    same(of_x, (e + X**2 * e) * 2 * X)
    same(torch.autograd.grad(of_h.sum(), h, retain_graph=True)[0], 2 * e + X**2 * e)
    same(torch.autograd.grad(of_h.sum(), x)[0], (2 * e + X**2 * e) * 2 * X)


def test_retain_grad(x, same):
    """A tensor that is no leaf keeps its gradient if it was asked to."""
    plain = 2 * x
    kept = 3 * plain
    kept.retain_grad()
    (kept**2).sum().backward()
    assert plain.grad is None
    same(kept.grad, 12 * X)
    same(x.grad, 72 * X)


def test_third_order(torch, x, same):
    """Gradients of gradients, by the framework differentiating its own vjp."""
    value = torch.exp(2 * x).sum()
    for _ in range(3):
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        value = slope.sum()
    same(slope, 8 * np.exp(2 * X))


def test_detach_and_no_grad(torch, x, same):
    """Both stop the gradient and leave no history."""
    with torch.no_grad():
        constant = x * 2
    assert constant.is_leaf and not constant.requires_grad and constant.grad_fn is None
    y = x * x.detach() * constant
    assert y.requires_grad and not y.is_leaf and y.grad_fn
    y.sum().backward()
    same(x.grad, 2 * X**2)


def test_transforms_nest(torch, x, same):
    """jvp of jvp, and jvp of grad."""
    x = x.detach()
    ones = torch.ones_like(x)
    value, slope = torch.func.jvp(lambda y: torch.func.jvp(torch.exp, (y,), (ones,))[1], (x,), (x,))
    same(value, np.exp(X))
    same(slope, X * np.exp(X))
    curve = torch.func.jvp(torch.func.grad(lambda y: (y**3).sum()), (x,), (ones,))[1]
    same(curve, 6 * X)
    result, pull_back = torch.func.vjp(lambda y: (y**2, {"sum": y.sum()}), x)
    same(result[1]["sum"], X.sum())
    same(pull_back((ones, {"sum": torch.ones_like(result[1]["sum"])}))[0], 2 * X + 1)


def test_transforms_are_recorded(torch, x, same):
    """What a transform returns is differentiated through."""
    slope = torch.func.jvp(lambda y: y**3, (x,), (torch.ones_like(x),))[1]
    same(torch.autograd.grad(slope.sum(), x)[0], 6 * X)


def test_writes_without_history(torch, x, same):
    """A leaf stays the same leaf when it is written to under no_grad."""
    with torch.no_grad():
        x -= 0.5
        x.mul_(2)
    assert x.is_leaf and x.requires_grad
    same(x, 2 * (X - 0.5))
    (x**2).sum().backward()
    same(x.grad, 4 * (X - 0.5))


@pytest.mark.parametrize(
    ("write", "word"),
    [
        (lambda torch, x: (x * 1).add_(1), "inplace"),
        (lambda torch, x: (x * 1).__setitem__(0, 1), "inplace"),
        (lambda torch, x: _written(torch, x.detach()[:2]), "views"),
        (lambda torch, x: x.register_hook(print), "hooks"),
    ],
)
def test_what_a_functional_backend_lacks(torch, x, write, word):
    """It is named, and is no failure."""
    with pytest.raises(Unsupported, match=word):
        write(torch, x)


def _written(torch, view):
    other = view.reshape(2, 1)
    with torch.no_grad():
        view.zero_()
    return other


def test_value_written_to_after_use(torch, x):
    """A graph that may have saved what was overwritten gives no answer."""
    y = (x**2).sum()
    with torch.no_grad():
        x += 1
    with pytest.raises(Unsupported, match="inplace"):
        y.backward()


def test_captured_tensor(torch, x):
    """A transform does not see tensors that its function captures."""
    with pytest.raises(Unsupported, match="captures"):
        torch.func.grad(lambda y: (x * y).sum())(x.detach())


def test_missing_names(backend, torch, x):
    """Names that the framework has no function for are named in full."""
    assert missing_name(torch, "torch.nn.functional.hardshrink") == "torch.nn.functional.hardshrink"
    with pytest.raises(AttributeError) as caught:
        x.cholesky()
    assert backend.is_unsupported(caught.value) == "torch.Tensor.cholesky"


def test_supplied_is_reported(backend, torch, x):
    """What the suite stood in for is told once; what is the framework's own is not."""
    torch.exp(x).sum()
    assert backend.supplied() == ()
    x.sum().backward()
    torch.ones_like(x)
    assert set(backend.supplied()) >= {"torch.Tensor.backward", "torch.ones_like"}
    assert backend.supplied() == ()


def test_deep_copy(x, same):
    """A leaf is copied with its gradient, and apart from it."""
    (x**2).sum().backward()
    other = copy.deepcopy(x)
    (other * 3).sum().backward()
    same(other.grad, 2 * X + 3)
    same(x.grad, 2 * X)


def test_views_that_are_gone(torch, x):
    """A view that nobody holds any more does not keep its base from being written to."""
    base = torch.ones_like(x)
    assert (base.reshape(3, 1) * 2).sum().item() == 6
    assert base.zero_().tolist() == [0, 0, 0]
