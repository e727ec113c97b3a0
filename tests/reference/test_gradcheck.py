"""gradcheck and gradgradcheck: what they accept and what they refuse."""

from __future__ import annotations

import pytest


def leaf(torch, *values, **options):
    return torch.tensor(list(values), **{"dtype": torch.float64, "requires_grad": True, **options})


def scaled(torch, backward, jvp=None):
    """x³ with a backward and a jvp of one's own."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            return x**3

    Cube.backward = staticmethod(lambda ctx, g: backward(g, *ctx.saved_tensors))
    if jvp:
        Cube.jvp = staticmethod(lambda ctx, t: jvp(t, *ctx.saved_tensors))
    return Cube.apply


def right(g, x):
    return 3 * g * x**2


def wrong(g, x):
    return 3.01 * g * x**2


@pytest.mark.parametrize("fast", [False, True])
def test_right_and_wrong(torch, fast):
    """Backward and forward mode, each against the values."""
    x, check = leaf(torch, 0.5, -1.0, 2.0), torch.autograd.gradcheck
    assert check(scaled(torch, right, right), (x,), check_forward_ad=True, fast_mode=fast)
    assert not check(scaled(torch, wrong), (x,), raise_exception=False, fast_mode=fast)
    assert not check(
        scaled(torch, right, wrong), x, check_forward_ad=True, raise_exception=False, fast_mode=fast
    )
    with pytest.raises(RuntimeError):
        check(scaled(torch, wrong), x, fast_mode=fast)
    assert x.grad is None and x.tolist() == [0.5, -1, 2]


@pytest.mark.parametrize("fast", [False, True])
def test_second_derivatives(torch, fast):
    """A gradient that is right and loses its history is refused, in either mode."""
    x, check = leaf(torch, 0.5, -1.0, 2.0), torch.autograd.gradgradcheck
    assert check(torch.exp, (x,), fast_mode=fast, check_fwd_over_rev=True)
    cut = scaled(torch, lambda g, x: 3 * g * x.detach() ** 2, lambda t, x: 3 * t * x.detach() ** 2)
    assert torch.autograd.gradcheck(cut, x, check_forward_ad=True, fast_mode=fast)
    assert not check(cut, x, raise_exception=False, fast_mode=fast)


def test_several_inputs_and_results(torch):
    """Those that need no gradient are left out; a function without an influence is constant."""
    x, y, check = leaf(torch, 0.5), leaf(torch, [2.0, 4.0]), torch.autograd.gradcheck
    assert check(lambda x, y, n: (x * y, (y**n).sum()), (x, y, 3))
    assert check(lambda x, y: x.clone(), (x, y))
    assert not check(lambda x, y: x * y.detach(), (x, y), raise_exception=False)
    with pytest.raises(ValueError):
        check(torch.sin, x.detach())


def test_complex(torch):
    """Complex to complex, to real, and from real."""
    z = leaf(torch, 1.0 + 2.0j, 0.5 - 1.0j, dtype=torch.complex128)
    x, check = leaf(torch, 0.5, -1.0), torch.autograd.gradcheck
    for function in (torch.exp, torch.abs, torch.conj, lambda z: z.real * z, lambda z: (z * z).imag):
        assert check(function, (z,))
        assert torch.autograd.gradgradcheck(function, (z,))
    assert check(lambda x: x * (1 + 2j), (x,), check_forward_ad=True)
    assert not check(scaled(torch, right), (z,), raise_exception=False)  # without the conjugate


def test_repeated_and_batched(torch):
    """A backward has to be deterministic, and on request to run within vmap."""
    x, check, calls = leaf(torch, 0.5, 2.0, 1.0), torch.autograd.gradcheck, []

    def unsteady(g, x):
        calls.append(1)
        return right(g, x) * (1 + 1e-7 * (len(calls) % 2))

    assert not check(scaled(torch, unsteady), x, raise_exception=False)
    assert check(scaled(torch, unsteady), x, nondet_tol=1e-5)
    by_value = scaled(torch, lambda g, x: right(torch.tensor(g.tolist(), dtype=x.dtype), x))
    assert check(by_value, x)
    assert not check(by_value, x, check_batched_grad=True, raise_exception=False)
    assert check(torch.sin, x, check_batched_grad=True)
