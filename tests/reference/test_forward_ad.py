"""Forward mode: dual tensors, their writes and views, grad modes, and what is refused."""

from __future__ import annotations

import pytest


def vector(torch, *values, **options):
    return torch.tensor(list(values), dtype=torch.float64, **options)


@pytest.fixture
def dual(torch):
    """A level, with x = (1, 2) along v = (1, 10)."""
    forward = torch.autograd.forward_ad
    with forward.dual_level():
        x, v = vector(torch, 1.0, 2.0), vector(torch, 1.0, 10.0)
        yield forward, x, v, forward.make_dual(x, v)


def test_what_has_a_tangent(torch, dual):
    """Only what depends on a dual tensor; detached and integer results do not."""
    forward, x, v, d = dual
    unpack = forward.unpack_dual
    assert isinstance(unpack(d), forward.UnpackedDualTensor) and unpack(d).tangent is v
    primal, tangent = unpack(d * x)
    assert primal.tolist() == [1, 4] and tangent.tolist() == [1, 20]
    for value in (x, x * 2, d.detach(), d > 1, unpack(d).primal, vector(torch, 1.0, requires_grad=True) * 2):
        assert unpack(value).tangent is None
    assert not (d * x).requires_grad
    assert unpack(torch.stack([d, x])).tangent.tolist() == [[1, 10], [0, 0]]


def test_writes(torch, dual):
    """A write changes the tangent, also that of the base or of a view; the caller's own only where it is written to."""
    forward, x, v, d = dual
    tangent = lambda t: forward.unpack_dual(t).tangent  # noqa: E731
    y = d.clone()
    y.mul_(d)
    assert tangent(y).tolist() == [2, 40] and tangent(d).tolist() == [1, 10] == v.tolist()
    y.copy_(x)
    assert tangent(y).tolist() == [0, 0]
    base = torch.zeros(3, dtype=torch.float64)
    view = base[1:]
    view.copy_(d * 2)
    assert tangent(base).tolist() == [0, 2, 20] and tangent(base[2]).item() == 20
    base[0] = d[1]
    assert tangent(base).tolist() == [10, 2, 20]
    base.mul_(2)
    assert tangent(view).tolist() == [4, 40]
    z = torch.zeros(2, dtype=torch.float64)
    part = z[:1]
    z.add_(d)
    assert tangent(part).tolist() == [1]


def test_grad_modes(torch, dual):
    """no_grad does not concern forward mode; inference_mode switches it off."""
    forward, x, v, d = dual
    with torch.no_grad():
        assert forward.unpack_dual(d**2).tangent.tolist() == [2, 40]
    with torch.inference_mode():
        result = d * 2
    assert forward.unpack_dual(result).tangent is None


def test_with_backward(torch, dual):
    """Primals and tangents can be differentiated backwards."""
    forward, _, v, _ = dual
    w = vector(torch, 3.0, 4.0, requires_grad=True)
    result = forward.unpack_dual(forward.make_dual(w, v) ** 3)
    assert result.tangent.tolist() == [27, 480]
    assert torch.autograd.grad(result.tangent.sum(), w, retain_graph=True)[0].tolist() == [18, 240]
    assert torch.autograd.grad(result.primal.sum(), w)[0].tolist() == [27, 48]


def test_gradient_of_dual_tensors(torch, dual):
    """A backward pass within the level carries tangents: forward over reverse."""
    forward, _, v, _ = dual
    w = vector(torch, 3.0, 4.0, requires_grad=True)
    y = (forward.make_dual(w, v) ** 3).sum()
    (g,) = torch.autograd.grad(y, w)
    primal, tangent = forward.unpack_dual(g)
    assert primal.tolist() == [27, 48] and tangent.tolist() == [18, 240]


def test_what_is_refused(torch, dual):
    """A second level, integers, shapes that differ, a dual of a dual."""
    forward, x, v, d = dual
    with pytest.raises(RuntimeError):
        forward.enter_dual_level()
    for tensor, tangent in ((x.long(), v), (x, v.long())):
        with pytest.raises(ValueError):
            forward.make_dual(tensor, tangent)
    for tensor, tangent in ((x, v[:1]), (d, v)):
        with pytest.raises(RuntimeError):
            forward.make_dual(tensor, tangent)
    assert forward.unpack_dual(d).tangent is v


def test_after_the_level(torch):
    """The tangents are gone, and nothing can be made dual."""
    forward = torch.autograd.forward_ad
    x = vector(torch, 1.0)
    with pytest.raises(ZeroDivisionError), forward.dual_level():
        d = forward.make_dual(x, x)
        raise ZeroDivisionError
    assert forward.unpack_dual(d).tangent is None
    for call in (lambda: forward.make_dual(x, x), forward.exit_dual_level):
        with pytest.raises(RuntimeError):
            call()
    forward.enter_dual_level()
    assert forward.unpack_dual(d).tangent is None
    forward.exit_dual_level()


def test_linearize(torch):
    """The linear function at a point, for any number of tangents, without calling the function again."""
    calls, x = [], vector(torch, 1.0, 2.0)

    def function(x, y):
        calls.append(1)
        return {"product": x * y}, x**2

    (first, second), pushed = torch.func.linearize(function, x, x)
    assert first["product"].tolist() == second.tolist() == [1, 4]
    made = len(calls)
    for scale in (1.0, 3.0):
        t = scale * torch.ones_like(x)
        of_first, of_second = pushed(t, 0 * t)
        assert of_first["product"].tolist() == [scale, 2 * scale]
        assert of_second.tolist() == [2 * scale, 4 * scale]
    assert len(calls) == made
    for wrong in ((x,), (x, x[:1]), ((x, x),)):
        with pytest.raises(RuntimeError):
            pushed(*wrong)


def test_jvp_arguments(torch):
    """Tuples of one structure and of tensors."""
    x, jvp = vector(torch, 1.0), torch.func.jvp
    assert jvp(lambda x: (x, {"half": x / 2}), (x,), (x,), has_aux=True)[2]["half"].tolist() == [0.5]
    with torch.no_grad():
        assert jvp(lambda x: x**2, (x,), (x,))[1].tolist() == [2]
    for call in (
        lambda: jvp(torch.sin, [x], [x]),
        lambda: jvp(torch.sin, (x,), (x, x)),
        lambda: jvp(torch.sin, (x,), (vector(torch, 1.0, 2.0),)),
        lambda: jvp(lambda x: 1.0, (x,), (x,)),
        lambda: jvp(torch.sin, (1.0,), (x,)),
        lambda: jvp(torch.sin, (x,), (x,), has_aux=True),
    ):
        with pytest.raises(RuntimeError):
            call()


def test_functionalize(torch):
    """The function's results and its writes."""

    def function(x):
        y = x + 1
        y.view(-1).mul_(2)
        x.add_(10)
        return y

    for remove in ("mutations", "mutations_and_views"):
        x = torch.ones(2)
        assert torch.func.functionalize(function, remove=remove)(x).tolist() == [4, 4]
        assert x.tolist() == [11, 11]
    with pytest.raises(RuntimeError):
        torch.func.functionalize(function, remove="all")(torch.ones(2))
